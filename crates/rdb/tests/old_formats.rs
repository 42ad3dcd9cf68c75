//! What older and other servers wrote is read; what is not kept here is refused by name.

mod support;

use spinel_rdb::decode::{DecodeError, Fault, FileChecksum, Item, Mark, ReadError, Reader};
use spinel_rdb::payload::{PayloadError, Verify, restore};
use spinel_rdb::version::SignatureError;
use spinel_store::{Entry, ListNode, UnixMillis};
use support::old::{
    EMPTY_ZIPLIST, HASH_ZIPLIST, LIST, SET_LISTPACK, SET_LISTPACK_OF_INTEGERS, ZIPLIST, ZSET_TEXT,
    ZSET_ZIPLIST, blob, hash_zipmap, quicklist,
};
use support::{Model, cx, encoding, model_of};

/// An entry made of a type and a value.
fn read(body: &[u8]) -> Result<Entry, Fault> {
    let payload = [body, &[10, 0], &[0; 8]].concat();
    match restore(&payload, Verify::Nothing, cx()) {
        Ok(value) => Ok(value.into_new(|value| Entry::new(b"key", value, None, 0))),
        Err(PayloadError::Value(DecodeError { fault, .. })) => Err(fault),
        Err(PayloadError::Footer) => panic!("the footer is right"),
    }
}

fn texts(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn list(words: &[&str]) -> Model {
    Model::List(texts(words))
}

fn hash(fields: &[(&str, &str)]) -> Model {
    Model::Hash(
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect(),
    )
}

fn sorted_set(members: &[(&str, f64)]) -> Model {
    Model::SortedSet(
        members.iter().map(|(member, score)| (member.as_bytes().to_vec(), score.to_bits())).collect(),
    )
}

#[test]
fn each_old_form_is_read_into_the_one_of_today() {
    let xs = "x".repeat(70);
    let ziplist = ["hello", "1024", "12", "-1", "-32769", "2147483648", &xs];
    let nodes = [&["a", "1", "b", "two"][..], &ziplist].concat();
    let cases = [
        (LIST.to_vec(), list(&["a", "300", &"a".repeat(21)]), "quicklist"),
        (blob(10, ZIPLIST), list(&ziplist), "quicklist"),
        (quicklist(), list(&nodes), "quicklist"),
        (hash_zipmap(), hash(&[("foo", "bar"), ("n", "12")]), "listpack"),
        (blob(13, HASH_ZIPLIST), hash(&[("a", "1"), ("b", "two")]), "listpack"),
        (blob(12, ZSET_ZIPLIST), sorted_set(&[("a", 1.0), ("b", 2.5)]), "listpack"),
        (
            ZSET_TEXT.to_vec(),
            sorted_set(&[("a", 1.5), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY), ("d", -3.0)]),
            "listpack",
        ),
        (blob(20, SET_LISTPACK), Model::Set(texts(&["a", "bc", "5"]).into_iter().collect()), "hashtable"),
        (blob(20, SET_LISTPACK_OF_INTEGERS), Model::Set(texts(&["5", "7"]).into_iter().collect()), "intset"),
    ];
    for (body, model, name) in cases {
        let entry = read(&body).unwrap_or_else(|fault| panic!("{body:?}: {fault}"));
        assert_eq!((model_of(&entry), encoding(&entry)), (model, name));
    }
}

#[test]
fn the_nodes_of_an_old_list_stay_what_they_were() {
    let entry = read(&quicklist()).unwrap();
    let spinel_store::ValueRef::List(list) = entry.value() else { panic!("it is a list") };
    let lengths: Vec<usize> = list.nodes().map(ListNode::len).collect();
    assert_eq!(lengths, [4, 7]);
}

#[test]
fn long_values_of_a_zipmap_do_not_stay_in_a_listpack() {
    let long = [&b"\x01\x01k\x46\x00"[..], &[b'v'; 70], b"\xFF"].concat();
    assert_eq!(encoding(&read(&blob(9, &long)).unwrap()), "hashtable");
}

#[test]
fn collections_without_elements_are_told_from_damaged_ones() {
    let empty_quicklist = [&b"\x0E\x01"[..], &blob(0, EMPTY_ZIPLIST)[1..]].concat();
    let empty_pack = b"\x07\x00\x00\x00\x00\x00\xFF";
    let empty_nodes = [&b"\x12\x01\x02"[..], &blob(0, empty_pack)[1..]].concat();
    let bodies = [
        b"\x01\x00".to_vec(),
        b"\x02\x00".to_vec(),
        b"\x03\x00".to_vec(),
        b"\x04\x00".to_vec(),
        b"\x05\x00".to_vec(),
        b"\x0E\x00".to_vec(),
        b"\x12\x00".to_vec(),
        blob(10, EMPTY_ZIPLIST),
        blob(11, &[2, 0, 0, 0, 0, 0, 0, 0]),
        blob(12, EMPTY_ZIPLIST),
        blob(13, EMPTY_ZIPLIST),
        blob(16, empty_pack),
        blob(17, empty_pack),
        blob(20, empty_pack),
        empty_quicklist,
        empty_nodes,
    ];
    for body in bodies {
        assert_eq!(read(&body).err(), Some(Fault::Empty), "{body:?}");
        let file = [b"REDIS0003\xFC\x01\0\0\0\0\0\0\0", &body[..1], b"\x03key", &body[1..], b"\xFF"].concat();
        let mut reader = Reader::new(&file[..], cx());
        let Some(Item::Record(record)) = reader.next_item().unwrap() else { panic!("a key comes first") };
        assert_eq!((&record.key[..], record.value.is_none()), (&b"key"[..], true));
    }
}

fn error_of(file: &[u8]) -> ReadError {
    let mut reader = Reader::new(file, cx());
    loop {
        match reader.next_item() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the file is read without an error"),
            Err(error) => return error,
        }
    }
}

#[test]
fn what_is_not_kept_here_is_refused_by_name_key_and_place() {
    let cases: [(&[u8], &str); 6] = [
        (b"VALKEY080\x1B\x03key\x00", "unknown type or opcode 27 at byte 9, key 'key'"),
        (b"REDIS0015\x1C\x03key\x00", "an array (type 28) is not supported at byte 9, key 'key'"),
        (b"REDIS0015\xF3\x00", "metadata of a key (type 243) is not supported at byte 9"),
        (b"VALKEY080\x19\x03key\x00", "unknown type or opcode 25 at byte 9, key 'key'"),
        (
            b"REDIS0011\x07\x03key\x81\x00\x00\x00\x00\x00\x00\x00\x00",
            "the data belongs to the module 'AAAAAAAAA', which is not here at byte 9, key 'key'",
        ),
        (b"REDIS0011\xFC\0\0\0\0\0\0\0\0\xFE\x00", "an expiry or an age without a key at byte 9"),
    ];
    for (file, text) in cases {
        assert_eq!(error_of(file).to_string(), text);
    }
}

#[test]
fn keys_before_a_fault_are_still_read() {
    let file = b"REDIS0014\x00\x01a\x011\x00\x01b\x012\x1C\x01s\x00";
    let mut reader = Reader::new(&file[..], cx());
    for key in [b"a", b"b"] {
        let Some(Item::Record(record)) = reader.next_item().unwrap() else { panic!("a key is expected") };
        assert_eq!(&record.key[..], key);
    }
    assert!(matches!(reader.next_item(), Err(ReadError::Decode(error)) if error.offset == 19));
    assert!(reader.next_item().unwrap().is_none(), "nothing follows a fault");
}

#[test]
fn a_file_that_is_not_ours_is_refused_with_the_words_of_redis() {
    assert_eq!(error_of(b"RUDIS0009...").to_string(), "Wrong signature trying to load DB from file");
    assert_eq!(error_of(b"REDIS0099...").to_string(), "Can't handle RDB format version 99");
    assert!(matches!(error_of(b"VALKEY081"), ReadError::Signature(SignatureError::Version(81))));
    assert_eq!(error_of(b"REDIS").to_string(), "the data ends too early at byte 0");
    assert_eq!(error_of(b"REDIS0009\xFE").to_string(), "the data ends too early at byte 9");
    assert_eq!(error_of(b"REDIS0009\x00\x04key").to_string(), "the data ends too early at byte 9");
}

#[test]
fn the_oldest_files_have_expiries_in_seconds_and_no_checksum() {
    let file = b"REDIS0001\xFE\x00\xFD\x0A\x00\x00\x00\x00\x01a\x011\xFF";
    let mut reader = Reader::new(&file[..], cx());
    assert!(matches!(reader.next_item(), Ok(Some(Item::Mark(Mark::SelectDb(0))))));
    let Some(Item::Record(record)) = reader.next_item().unwrap() else { panic!("a key follows") };
    assert_eq!(record.expiry, Some(UnixMillis(10_000)));
    assert!(matches!(reader.next_item(), Ok(Some(Item::Mark(Mark::Eof(FileChecksum::Absent))))));
}

#[test]
fn what_follows_a_value_in_a_payload_is_not_passed_over() {
    assert_eq!(read(b"\x00\x01ab").err(), Some(Fault::Trailing(1)));
    for payload in [&b""[..], b"\x00\x00\x0A\x00\0\0\0\0\0\0\0\0", b"\x00\x01a\x10\x00\0\0\0\0\0\0\0\0"] {
        assert!(matches!(restore(payload, Verify::Checksum, cx()), Err(PayloadError::Footer)));
    }
}
