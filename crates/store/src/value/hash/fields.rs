//! The large form of a hash: a table of fields.

use spinel_structs::compact::Field;
use spinel_structs::hash::hash_bytes;
use spinel_structs::table;

use crate::UnixMillis;
use crate::value::timed_table::TimedTable;

/// What becomes of the expiry of a field that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldExpiry {
    Drop,
    Keep,
}

/// See the module.
pub(super) type Fields = TimedTable<Field>;

impl Fields {
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], old: OldExpiry) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        match self.table.entry(hash, |field| field.name() == name) {
            table::Entry::Occupied(slot) => {
                let field = slot.into_mut();
                self.item_bytes -= field.memory_bytes();
                field.set_value(value);
                self.item_bytes += field.memory_bytes();
                if old == OldExpiry::Drop && self.has_expiries() {
                    self.set_expiry(name, None);
                }
                false
            }
            table::Entry::Vacant(slot) => {
                let field = slot.insert(Field::new(name, value));
                self.item_bytes += field.memory_bytes();
                true
            }
        }
    }

    /// Adds a field; false, with nothing done, if there is one of this name.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], expiry: Option<UnixMillis>) -> bool {
        self.add_with(name, || Field::with_expiry(name, value, expiry.map(|at| at.0)))
    }
}
