//! Hashes whose fields expire: what Redis 8.0 and Valkey 9.1 give is read, what is written is read again, and every version
//! holds what it can.

mod support;

use spinel_rdb::Target;
use spinel_rdb::decode::DecodeContext;
use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::payload::{PayloadError, Verify, dump, restore};
use spinel_store::{EncodingLimits, Entry, Hash, NewValue, UnixMillis, ValueRef};

use support::{cx, hash_key};

/// Of Redis 8.0: `a` = 1 until 3999999999000, `c` = 3 until 4000000000000, `b` = two; and five fields in a table.
const REDIS_SMALL: &[u8] = b"\x19\x00\x40\x94\x52\xa3\x03\x00\x00\x2f\x2f\x00\x00\x00\x09\x00\x81\x61\x02\x01\x01\xf4\x18\x3c\x94\x52\xa3\x03\x00\x00\x09\x81\x63\x02\x03\x01\xf4\x00\x40\x94\x52\xa3\x03\x00\x00\x09\x81\x62\x02\x83\x74\x77\x6f\x04\x00\x01\xff\x0c\x00\xa2\xf4\xa7\x53\x90\xe1\x01\x86";
const REDIS_TABLE: &[u8] = b"\x18\x00\x40\x94\x52\xa3\x03\x00\x00\x05\x01\x02\x66\x32\x02\x76\x32\x00\x02\x66\x34\x02\x76\x34\x53\x89\x02\x66\x33\x02\x76\x33\x00\x02\x66\x31\x02\x76\x31\x00\x02\x66\x30\x02\x76\x30\x0c\x00\x93\x6e\xc3\xd3\xab\x2c\x38\x00";
/// The same of Valkey 9.1.
const VALKEY_SMALL: &[u8] = b"\x16\x03\x01\x61\xc0\x01\x18\x3c\x94\x52\xa3\x03\x00\x00\x01\x62\x03\x74\x77\x6f\xff\xff\xff\xff\xff\xff\xff\xff\x01\x63\xc0\x03\x00\x40\x94\x52\xa3\x03\x00\x00\x50\x00\x4c\xe7\x25\xce\xec\x5c\x21\x00";
const VALKEY_TABLE: &[u8] = b"\x16\x05\x02\x66\x30\x02\x76\x30\xff\xff\xff\xff\xff\xff\xff\xff\x02\x66\x31\x02\x76\x31\xff\xff\xff\xff\xff\xff\xff\xff\x02\x66\x32\x02\x76\x32\x00\x40\x94\x52\xa3\x03\x00\x00\x02\x66\x33\x02\x76\x33\x88\x53\x94\x52\xa3\x03\x00\x00\x02\x66\x34\x02\x76\x34\xff\xff\xff\xff\xff\xff\xff\xff\x50\x00\x30\x69\x91\x75\xd5\xae\xf2\x5f";

const SMALL: &[(&str, &str, Option<i64>)] =
    &[("a", "1", Some(3_999_999_999_000)), ("b", "two", None), ("c", "3", Some(4_000_000_000_000))];
const TABLE: &[(&str, &str, Option<i64>)] = &[
    ("f0", "v0", None),
    ("f1", "v1", None),
    ("f2", "v2", Some(4_000_000_000_000)),
    ("f3", "v3", Some(4_000_000_005_000)),
    ("f4", "v4", None),
];

type Fields = Vec<(String, String, Option<i64>)>;

fn entry_of(payload: &[u8], limit: usize) -> Result<Entry, PayloadError> {
    let limits = EncodingLimits { hash_max_listpack_entries: limit, ..EncodingLimits::default() };
    let cx = DecodeContext { limits: &limits, hash_key: hash_key() };
    let value = restore(payload, Verify::Checksum, cx)?;
    Ok(value.into_new(|value| Entry::new(b"key", value, None, 0)))
}

fn fields(entry: &Entry) -> Fields {
    let ValueRef::Hash(hash) = entry.value() else { panic!("it is a hash") };
    hash.check_invariants();
    let text = |text: spinel_store::Text<'_>| String::from_utf8(text.to_vec()).expect("a text");
    let mut fields: Fields =
        hash.iter().map(|field| (text(field.name), text(field.value), field.expiry.map(|at| at.0))).collect();
    fields.sort();
    fields
}

fn owned(fields: &[(&str, &str, Option<i64>)]) -> Fields {
    fields.iter().map(|&(name, value, expiry)| (name.to_owned(), value.to_owned(), expiry)).collect()
}

#[test]
fn what_redis_and_valkey_give_is_read_with_its_times() {
    for (payload, expected) in
        [(REDIS_SMALL, SMALL), (REDIS_TABLE, TABLE), (VALKEY_SMALL, SMALL), (VALKEY_TABLE, TABLE)]
    {
        for (limit, encoding) in [(100, "listpackex"), (2, "hashtable")] {
            let entry = entry_of(payload, limit).unwrap();
            assert_eq!((fields(&entry), entry.encoding()), (owned(expected), encoding));
        }
    }
}

#[test]
fn every_version_holds_what_it_can() {
    for (payload, expected) in [(REDIS_SMALL, SMALL), (REDIS_TABLE, TABLE)] {
        for limit in [100, 2] {
            let entry = entry_of(payload, limit).unwrap();
            for target in [Target::V9, Target::V10, Target::V11, Target::V12, Target::Valkey80] {
                let options = EncodeOptions { target, ..EncodeOptions::default() };
                let again = entry_of(&dump(entry.value(), options), limit).unwrap();
                let mut expected = owned(expected);
                if !target.has_field_expiries() {
                    expected.iter_mut().for_each(|field| field.2 = None);
                }
                assert_eq!(fields(&again), expected, "{target:?}");
            }
        }
    }
}

#[test]
fn a_hash_that_lost_its_times_is_written_as_one_that_never_had_any() {
    let mut hash = Hash::new();
    hash.set(b"a", b"1", cx().limits, hash_key());
    let plain =
        dump(ValueRef::Hash(&hash), EncodeOptions { target: Target::V12, ..EncodeOptions::default() });
    hash.set_expiry(b"a", Some(UnixMillis(5)));
    hash.set_expiry(b"a", None);
    let entry = Entry::new(b"key", NewValue::Hash(Box::new(hash)), None, 0);
    assert_eq!(entry.encoding(), "listpackex");
    let options = EncodeOptions { target: Target::V12, ..EncodeOptions::default() };
    assert_eq!(dump(entry.value(), options), plain);
}

#[test]
fn times_that_are_none_are_refused() {
    let payload = |body: &[u8], version: u8| [body, &[version, 0], &[0; 8]].concat();
    let read = |payload: &[u8]| restore(payload, Verify::Nothing, cx()).is_ok();
    // One field `a` = 1, with the time 5 behind the earliest, 1.
    assert!(read(&payload(b"\x18\x01\0\0\0\0\0\0\0\x01\x05\x01a\x011", 12)));
    assert!(!read(&payload(b"\x18\x01\0\0\0\0\0\0\0\x01\x05\x01a\x011", 80)), "Valkey has no such type");
    assert!(!read(&payload(b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05\x01a\x011", 12)));
    assert!(!read(&payload(b"\x18\xff\xff\xff\xff\xff\xff\x00\x00\x01\x05\x01a\x011", 12)));
    assert!(!read(&payload(b"\x18\x01\0\0\0\0\0\0\0\x02\x05\x01a\x011\x05\x01a\x011", 12)), "twice");
    assert!(read(&payload(b"\x16\x01\x01a\x011\x05\0\0\0\0\0\0\0", 80)));
    assert!(!read(&payload(b"\x16\x01\x01a\x011\xfe\xff\xff\xff\xff\xff\xff\xff", 80)));
    assert!(read(&payload(b"\x16\x01\x05\x01a\x011", 12)), "as release candidates wrote it");
    assert!(!read(&payload(b"\x16\x00", 12)), "empty");
}
