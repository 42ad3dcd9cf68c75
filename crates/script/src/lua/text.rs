//! Texts that libraries make: they grow outside of the machine's memory, so they have a limit of their own.

use crate::vm::Fault;

/// A text under way.
pub(super) struct Text {
    bytes: Vec<u8>,
    limit: usize,
}

impl Text {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Appends.
    ///
    /// # Errors
    /// If that would be more than may be.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(Fault::text("not enough memory"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn put_byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.put(&[byte])
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
