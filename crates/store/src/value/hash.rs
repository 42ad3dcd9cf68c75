//! The Hash value.

/// A hash of byte strings.
#[derive(Debug, Default)]
pub struct Hash {}

impl Hash {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }

    /// Elements.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        0
    }

    /// Frees up to `_n` elements and says how many are left. Fit only to be dropped afterwards.
    pub fn take_chunk(&mut self, _n: usize) -> usize {
        0
    }

    /// Roughly how many allocations freeing it takes.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        self.len()
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {}
    }
}
