//! What large tables take outside the allocator is counted. In a process of its own, because the count is the process's.

use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::table::{Table, TableItem, mapped_bytes};

struct Number(u64);

impl TableItem for Number {
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, &self.0.to_le_bytes())
    }

    fn address(&self) -> *const u8 {
        std::ptr::null()
    }
}

#[test]
fn the_maps_of_a_table_are_counted_as_long_as_it_uses_them() {
    const ITEMS: u64 = 1_000_000;
    let key = HashKey::from_bytes([1; 16]);
    let hash = |number: u64| hash_bytes(&key, &number.to_le_bytes());
    let mut table = Table::new(key);
    assert_eq!(mapped_bytes(), 0);
    for number in 0..ITEMS {
        table.insert_unique(hash(number), Number(number));
    }
    let (all, mapped) = (table.memory_bytes(), mapped_bytes());
    // The first 65536 buckets, four megabytes, are the allocator's; so are overflow buckets.
    assert!(mapped > all / 3 && mapped < all, "{mapped} of {all}");
    for number in 0..ITEMS * 9 / 10 {
        assert!(table.remove(hash(number), |item| item.0 == number).is_some());
    }
    assert!(mapped_bytes() < mapped / 2);
    drop(table);
    assert_eq!(mapped_bytes(), 0);
}
