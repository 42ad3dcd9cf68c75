//! The large form of a hash: a table of fields, and an index of those that expire, if there are any.

use spinel_structs::compact::Field;
use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::size_class::malloc_size;
use spinel_structs::table::{self, Table, TableItem};

use super::due::DueIndex;
use crate::UnixMillis;
use crate::expiry::Record;

/// What becomes of the expiry of a field that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldExpiry {
    Drop,
    Keep,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Fields {
    table: Table<Field>,
    hash_key: HashKey,
    /// What the fields' own allocations take.
    field_bytes: usize,
    /// `None` if no field expires.
    due: Option<Box<DueIndex>>,
}

impl Fields {
    pub(super) fn new(hash_key: &HashKey) -> Self {
        Self { table: Table::new(*hash_key), hash_key: *hash_key, field_bytes: 0, due: None }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn table(&self) -> &Table<Field> {
        &self.table
    }

    pub(super) fn iter(&self) -> table::Iter<'_, Field> {
        self.table.iter()
    }

    pub(super) fn scan(&self, cursor: u64, visit: &mut impl FnMut(&Field)) -> u64 {
        self.table.scan(cursor, visit)
    }

    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<&Field> {
        self.table.find(hash_bytes(&self.hash_key, name), |field| field.name() == name)
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8], old: OldExpiry) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        match self.table.entry(hash, |field| field.name() == name) {
            table::Entry::Occupied(slot) => {
                let field = slot.into_mut();
                self.field_bytes -= field.memory_bytes();
                field.set_value(value);
                self.field_bytes += field.memory_bytes();
                if old == OldExpiry::Drop && self.due.is_some() {
                    self.set_expiry(name, None);
                }
                false
            }
            table::Entry::Vacant(slot) => {
                let field = slot.insert(Field::new(name, value));
                self.field_bytes += field.memory_bytes();
                true
            }
        }
    }

    /// Adds a field; false, with nothing done, if there is one of this name.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], expiry: Option<UnixMillis>) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        let table::Entry::Vacant(slot) = self.table.entry(hash, |field| field.name() == name) else {
            return false;
        };
        let field = slot.insert(Field::with_expiry(name, value, expiry.map(|at| at.0)));
        self.field_bytes += field.memory_bytes();
        if let Some(at) = expiry {
            self.due.get_or_insert_default().add(at, Record::of(hash));
        }
        true
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        let Some(field) = self.table.remove(hash, |field| field.name() == name) else { return false };
        self.field_bytes -= field.memory_bytes();
        if let Some(at) = field.expiry() {
            self.forget(UnixMillis(at), hash);
        }
        true
    }

    /// Sets, changes or removes the expiry of a field; false if there is none of this name.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<UnixMillis>) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        let Some(field) = self.table.find_mut(hash, |field| field.name() == name) else { return false };
        let old = field.expiry().map(UnixMillis);
        if old == expiry {
            return true;
        }
        self.field_bytes -= field.memory_bytes();
        field.set_expiry(expiry.map(|at| at.0));
        self.field_bytes += field.memory_bytes();
        if let Some(at) = expiry {
            self.due.get_or_insert_default().add(at, Record::of(hash));
        }
        if let Some(old) = old {
            self.forget(old, hash);
        }
        true
    }

    /// Takes away the record of a field that had this expiry, unless another field needs it.
    fn forget(&mut self, at: UnixMillis, hash: u64) {
        let record = Record::of(hash);
        if self.find_due(at, record).is_some() {
            return;
        }
        let Some(due) = &mut self.due else { return };
        due.remove(at, record);
        if due.len() == 0 {
            self.due = None;
        }
    }

    /// A field with this expiry and this fragment.
    fn find_due(&self, at: UnixMillis, record: Record) -> Option<&Field> {
        let is_it = |field: &Field| {
            field.expiry() == Some(at.0) && Record::of(field.hash_again(&self.hash_key)) == record
        };
        record.hashes(self.table.hash_bits()).find_map(|hash| self.table.find(hash, is_it))
    }

    /// The earliest expiry.
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        self.due.as_ref()?.first().map(|(at, _)| at)
    }

    /// Removes up to `limit` fields whose time has come and hands their names out; returns how many.
    pub(super) fn remove_due(
        &mut self,
        now: UnixMillis,
        limit: usize,
        removed: &mut impl FnMut(&[u8]),
    ) -> usize {
        let mut count = 0;
        while count < limit {
            let first = self.due.as_ref().and_then(|due| due.first());
            let Some((at, record)) = first.filter(|&(at, _)| at <= now) else { break };
            let hash_key = self.hash_key;
            let found = record.hashes(self.table.hash_bits()).find_map(|hash| {
                self.table.remove(hash, |field| {
                    field.expiry() == Some(at.0) && Record::of(field.hash_again(&hash_key)) == record
                })
            });
            let field = found.expect("a record has a field");
            self.field_bytes -= field.memory_bytes();
            removed(field.name());
            count += 1;
            self.forget(at, field.hash_again(&hash_key));
        }
        count
    }

    /// Drops up to `n` fields, whichever are the cheapest to reach; returns how many are left.
    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let field_bytes = &mut self.field_bytes;
        self.table.take_chunk(n, |field| *field_bytes -= field.memory_bytes());
        if let Some(due) = &mut self.due {
            due.take_chunk(n);
        }
        self.table.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let due = self.due.as_ref().map_or(0, |due| malloc_size(size_of::<DueIndex>()) + due.memory_bytes());
        malloc_size(size_of::<Self>()) + self.table.memory_bytes() + self.field_bytes + due
    }

    pub(super) fn duplicate(&self) -> Self {
        let mut copy = Self::new(&self.hash_key);
        for field in &self.table {
            copy.table.insert_unique(hash_bytes(&self.hash_key, field.name()), field.clone());
        }
        copy.field_bytes = self.field_bytes;
        copy.due.clone_from(&self.due);
        copy
    }

    pub(super) fn check_invariants(&self) {
        self.table.check_invariants();
        let field_bytes: usize = self.table.iter().map(Field::memory_bytes).sum();
        assert_eq!(field_bytes, self.field_bytes, "the bytes of the fields are counted");
        let empty = DueIndex::default();
        let due = self.due.as_deref().unwrap_or(&empty);
        assert!(self.due.is_none() || due.len() > 0, "an index has records");
        let mut expiring = 0;
        for field in &self.table {
            if let Some(at) = field.expiry() {
                expiring += 1;
                let record = Record::of(field.hash_again(&self.hash_key));
                assert!(due.contains(UnixMillis(at), record), "a field that expires has a record");
            }
        }
        assert!(due.len() <= expiring, "a record has a field");
    }
}
