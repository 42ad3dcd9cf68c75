//! The content of a file, twice: as it is seen, and as it outlives a power cut.

use super::Chance;
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Pages that were changed since they were written to the disk, or marked clean.
    dirty: BTreeSet<usize>,
}

impl Inode {
    pub(super) fn length(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn read(&self, buf: &mut [u8], at: u64) -> usize {
        let rest = self.seen.get(at as usize..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], at: u64, page_bytes: usize) {
        let (start, end) = (at as usize, at as usize + bytes.len());
        if end > self.seen.len() {
            self.seen.resize(end, 0);
        }
        self.seen[start..end].copy_from_slice(bytes);
        self.dirty.extend(start / page_bytes..end.div_ceil(page_bytes));
    }

    pub(super) fn set_length(&mut self, length: u64, page_bytes: usize) {
        let before = self.seen.len();
        self.seen.resize(length as usize, 0);
        let (start, end) = (before.min(self.seen.len()), before.max(self.seen.len()));
        self.dirty.extend(start / page_bytes..end.div_ceil(page_bytes));
    }

    pub(super) fn sync(&mut self, page_bytes: usize) {
        self.durable.resize(self.seen.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            let end = ((page + 1) * page_bytes).min(self.seen.len());
            let start = (page * page_bytes).min(end);
            self.durable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }

    pub(super) fn mark_clean(&mut self) {
        self.dirty.clear();
    }

    pub(super) fn cut_power(&mut self, page_bytes: usize, chance: &mut Chance) {
        let (short, long) =
            (self.durable.len().min(self.seen.len()), self.durable.len().max(self.seen.len()));
        let length = match chance.below(3) {
            0 => self.durable.len(),
            1 => self.seen.len(),
            _ => short + chance.below((long - short) as u64 + 1) as usize,
        };
        let mut left = self.durable.clone();
        left.resize(length, 0);
        for page in &self.dirty {
            let end = ((page + 1) * page_bytes).min(length).min(self.seen.len());
            let start = (page * page_bytes).min(end);
            if chance.below(2) == 0 {
                left[start..end].copy_from_slice(&self.seen[start..end]);
            }
        }
        self.seen = left.clone();
        self.durable = left;
        self.dirty.clear();
    }

    pub(super) fn flip_bit(&mut self, bit: u64) {
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        self.seen[byte] ^= mask;
        if let Some(byte) = self.durable.get_mut(byte) {
            *byte ^= mask;
        }
    }
}
