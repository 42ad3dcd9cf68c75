//! Tests of the listpack against a vector of byte strings, and of its bytes against Redis's.

use proptest::prelude::*;

use super::*;
use crate::number::IntBuffer;

fn pack(values: &[&[u8]]) -> Listpack {
    values.iter().collect()
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(|value| value.to_vec()).collect()
}

/// One entry's bytes inside the block.
fn entry_of(value: &[u8]) -> Vec<u8> {
    let pack = pack(&[value]);
    pack.as_bytes()[HEADER..pack.byte_len() - 1].to_vec()
}

#[test]
fn an_empty_listpack_is_seven_bytes() {
    let empty = Listpack::new();
    assert_eq!(empty.as_bytes(), [7, 0, 0, 0, 0, 0, 0xFF]);
    assert_eq!((empty.len(), empty.first(), empty.last()), (0, None, None));
    assert_eq!(empty.find(b"", 0), None);
}

#[test]
fn every_encoding_has_the_bytes_of_the_format() {
    let cases: [(&[u8], &[u8]); 16] = [
        (b"0", &[0, 1]),
        (b"127", &[0x7F, 1]),
        (b"128", &[0xC0, 128, 2]),
        (b"-1", &[0xDF, 0xFF, 2]),
        (b"4095", &[0xCF, 0xFF, 2]),
        (b"-4096", &[0xD0, 0x00, 2]),
        (b"4096", &[0xF1, 0x00, 0x10, 3]),
        (b"-32768", &[0xF1, 0x00, 0x80, 3]),
        (b"32768", &[0xF2, 0x00, 0x80, 0x00, 4]),
        (b"-8388608", &[0xF2, 0x00, 0x00, 0x80, 4]),
        (b"8388608", &[0xF3, 0x00, 0x00, 0x80, 0x00, 5]),
        (b"-2147483648", &[0xF3, 0x00, 0x00, 0x00, 0x80, 5]),
        (b"2147483648", &[0xF4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]),
        (b"-9223372036854775808", &[0xF4, 0, 0, 0, 0, 0, 0, 0, 0x80, 9]),
        (b"", &[0x80, 1]),
        (b"abc", &[0x83, b'a', b'b', b'c', 4]),
    ];
    for (value, bytes) in cases {
        assert_eq!(entry_of(value), bytes, "{}", value.escape_ascii());
        assert_eq!(Listpack::entry_size(value), bytes.len());
        assert!(pack(&[value]).get(pack(&[value]).first().unwrap()).eq_bytes(value));
    }
}

#[test]
fn the_lengths_change_width_where_redis_changes_it() {
    // (string length, bytes of the prefix, bytes of the backward length)
    let cases = [
        (63, 1, 1),
        (64, 2, 1),
        (125, 2, 1),
        (126, 2, 2),
        (4095, 2, 2),
        (4096, 5, 2),
        (16_377, 5, 2),
        (16_378, 5, 3),
        (2_097_145, 5, 3),
        (2_097_146, 5, 4),
    ];
    for (length, prefix, backward) in cases {
        let value = vec![b'x'; length];
        let mut pack = pack(&[&value]);
        assert_eq!(pack.byte_len(), 7 + prefix + length + backward, "{length}");
        pack.push_back(b"z");
        pack.check_invariants();
        assert_eq!(pack.prev(pack.last().unwrap()), pack.first());
    }
}

#[test]
fn a_text_that_is_no_canonical_integer_stays_a_string() {
    for value in [&b"+1"[..], b"01", b"-0", b"1.0", b" 1", b"9223372036854775808"] {
        assert!(matches!(pack(&[value]).iter().next(), Some(ListpackValue::Bytes(bytes)) if bytes == value));
    }
}

/// The payload part of what `DUMP` gives in redis-server 7.0.15 for
/// `HSET h name spinel n 5 big 123456789012 neg -70000 e ""`.
#[test]
fn a_hash_dumped_by_redis_is_read_and_written_to_the_byte() {
    let dumped = include_bytes!("testdata/hash.listpack");
    let read = Listpack::from_bytes(dumped.to_vec()).unwrap();
    let values: [&[u8]; 10] =
        [b"name", b"spinel", b"n", b"5", b"big", b"123456789012", b"neg", b"-70000", b"e", b""];
    assert_eq!(texts(&read), values);
    assert_eq!(pack(&values).as_bytes(), dumped);
}

#[test]
fn a_search_with_skip_sees_only_the_first_of_each_pair() {
    let pairs = pack(&[b"a", b"b", b"b", b"2", b"2", b"c"]);
    assert_eq!(pairs.find(b"b", 0), pairs.seek(1));
    assert_eq!(pairs.find(b"b", 1), pairs.seek(2));
    assert_eq!(pairs.find_pair(b"2"), Some((pairs.seek(4).unwrap(), pairs.seek(5).unwrap())));
    assert_eq!(pairs.find(b"c", 1), None);
    assert_eq!(pairs.find(b"02", 0), None);
    let after = pairs.find_after(pairs.seek(2).unwrap(), b"2", 0);
    assert_eq!(after, pairs.seek(3));
}

#[test]
fn pairs_are_walked_from_both_ends() {
    let mut pairs = Listpack::new();
    pairs.push_pair(b"one", b"1");
    pairs.push_pair(b"three", b"3");
    let place = pairs.insert_pair_before(pairs.seek(2), b"two", b"2");
    assert_eq!(pairs.get(place).to_vec(), b"two");
    pairs.insert_pair_before(None, b"four", b"4");
    let scores: Vec<_> = pairs.pairs().map(|(_, score)| score.as_i64().unwrap()).collect();
    assert_eq!(scores, [1, 2, 3, 4]);
    let names: Vec<_> = pairs.pairs().rev().map(|(name, _)| name.to_vec()).collect();
    assert_eq!(names, [&b"four"[..], b"three", b"two", b"one"]);
}

#[test]
fn random_indexes_are_picked_in_one_walk() {
    let numbers: Listpack = (0..10).map(|n| n.to_string()).collect();
    let mut seen = Vec::new();
    numbers.pick(&[0, 3, 3, 9, 12], |index, value| seen.push((index, value.as_i64().unwrap())));
    assert_eq!(seen, [(0, 0), (3, 3), (3, 3), (9, 9)]);
}

#[test]
fn the_count_survives_passing_what_the_header_can_say() {
    let mut pack = Listpack::new();
    for n in 0..65_534 {
        pack.push_back_int(n & 63);
    }
    assert_eq!(pack.header_count(), Some(65_534));
    pack.push_back(b"tail");
    assert_eq!(pack.header_count(), None);
    assert_eq!(pack.len(), 65_535);
    assert_eq!(pack.get(pack.seek(-1).unwrap()).to_vec(), b"tail");
    assert_eq!(pack.at(65_534).unwrap().to_vec(), b"tail");
    assert!(pack.seek(65_535).is_none() && pack.seek(-65_536).is_none());
    assert_eq!(pack.remove_range(10, 65_500), 65_500);
    pack.check_invariants();
    let rest = pack.split_off(5);
    assert_eq!((pack.len(), rest.len()), (5, 30));
    assert_eq!(rest.header_count(), Some(30));
}

#[test]
fn the_block_holds_no_more_than_the_allocator_would_round_to() {
    let mut pack = Listpack::new();
    for n in 0..400 {
        pack.push_back(format!("element {n}").as_bytes());
        let limit = (pack.byte_len() + 16).max(pack.byte_len() * 5 / 4);
        assert!(pack.memory_bytes() <= limit, "{} for {}", pack.memory_bytes(), pack.byte_len());
    }
    while let Some(pos) = pack.last() {
        pack.remove(pos);
        assert!(pack.memory_bytes() <= pack.byte_len() * 5 / 3 + 32);
    }
    assert!(pack.memory_bytes() <= 32);
}

#[test]
fn damaged_bytes_are_named_and_refused() {
    let good = pack(&[b"ab", b"300", b"c"]).as_bytes().to_vec();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        Listpack::from_bytes(bytes).err()
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|bytes| bytes.truncate(6)), Some(ListpackError::TooShort));
    assert_eq!(with(&|bytes| bytes.push(0xFF)), Some(ListpackError::WrongTotal));
    assert_eq!(with(&|bytes| *bytes.last_mut().unwrap() = 0), Some(ListpackError::NoTerminator));
    assert_eq!(with(&|bytes| bytes[4] = 2), Some(ListpackError::WrongCount));
    assert_eq!(with(&|bytes| bytes[6] = 0x8F), Some(ListpackError::BadEntry(6)));
    assert_eq!(with(&|bytes| bytes[6] = 0xF0), Some(ListpackError::BadEntry(6)));
    assert_eq!(with(&|bytes| bytes[6] = 0xFF), Some(ListpackError::BadEntry(6)));
    assert_eq!(with(&|bytes| bytes[9] = 1), Some(ListpackError::BadEntry(6)));
    assert_eq!(with(&|bytes| bytes[10] = 0xF7), Some(ListpackError::BadEntry(10)));
}

#[test]
fn wider_encodings_than_needed_are_read_and_compared_by_text() {
    // The string "5", then 5 as a 16-bit integer: legal, though no server writes it.
    let bytes = vec![14, 0, 0, 0, 2, 0, 0x81, b'5', 2, 0xF1, 5, 0, 3, 0xFF];
    let pack = Listpack::from_bytes(bytes).unwrap();
    let values: Vec<_> = pack.iter().collect();
    assert_eq!(values[0], values[1]);
    assert_eq!(values[0].as_i64(), Some(5));
    assert_eq!(pack.find(b"5", 0), pack.first());
    assert_eq!(pack.find_after(pack.last().unwrap(), b"5", 0), pack.last());
}

#[test]
fn integers_are_written_without_their_text() {
    let mut pack = pack(&[b"x"]);
    pack.push_back_int(-5);
    pack.replace_int(pack.first().unwrap(), i64::MIN);
    let mut buffer = IntBuffer::new();
    assert_eq!(pack.at(0).unwrap().to_bytes(&mut buffer), i64::MIN.to_string().as_bytes());
    assert_eq!(pack.at(1).unwrap().as_f64(), Some(-5.0));
    assert_eq!(pack.at(0).unwrap().len(), 20);
}

#[derive(Debug, Clone)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveRange(usize, usize),
    SplitAndAppend(usize, bool),
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        2 => (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (60usize..140).prop_map(|length| vec![b'm'; length]),
        1 => (4090usize..4100).prop_map(|length| vec![b'l'; length]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0usize..40;
    prop_oneof![
        4 => element().prop_map(Step::PushBack),
        2 => element().prop_map(Step::PushFront),
        2 => (at(), element()).prop_map(|(i, v)| Step::InsertBefore(i, v)),
        2 => (at(), element()).prop_map(|(i, v)| Step::InsertAfter(i, v)),
        2 => (at(), element()).prop_map(|(i, v)| Step::Replace(i, v)),
        2 => at().prop_map(Step::Remove),
        1 => (at(), at()).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => (at(), any::<bool>()).prop_map(|(i, swap)| Step::SplitAndAppend(i, swap)),
    ]
}

fn apply(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, step: Step) {
    let place = |pack: &Listpack, index: usize| pack.seek(index as isize);
    match step {
        Step::PushBack(value) => {
            pack.push_back(&value);
            model.push(value);
        }
        Step::PushFront(value) => {
            pack.push_front(&value);
            model.insert(0, value);
        }
        Step::InsertBefore(index, value) => {
            if let Some(pos) = place(pack, index) {
                assert_eq!(pack.insert_before(pos, &value), pos);
                model.insert(index, value);
            }
        }
        Step::InsertAfter(index, value) => {
            if let Some(pos) = place(pack, index) {
                let new = pack.insert_after(pos, &value);
                assert_eq!(pack.next(pos), Some(new));
                model.insert(index + 1, value);
            }
        }
        Step::Replace(index, value) => {
            if let Some(pos) = place(pack, index) {
                pack.replace(pos, &value);
                model[index] = value;
            }
        }
        Step::Remove(index) => {
            if let Some(pos) = place(pack, index) {
                let next = pack.remove(pos);
                model.remove(index);
                assert_eq!(next, place(pack, index));
            }
        }
        Step::RemoveRange(index, count) => {
            let stop = index.saturating_add(count).min(model.len());
            let expected = if index < stop { model.drain(index..stop).count() } else { 0 };
            assert_eq!(pack.remove_range(index, count), expected);
        }
        Step::SplitAndAppend(index, swap) => {
            let mut rest = pack.split_off(index);
            let mut model_rest = model.split_off(index.min(model.len()));
            rest.check_invariants();
            if swap {
                std::mem::swap(pack, &mut rest);
                std::mem::swap(model, &mut model_rest);
            }
            pack.append(&rest);
            model.extend(model_rest);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn it_behaves_like_a_vector_of_texts(steps in prop::collection::vec(step(), 0..60)) {
        let mut pack = Listpack::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for step in steps {
            apply(&mut pack, &mut model, step);
            pack.check_invariants();
            prop_assert_eq!(&texts(&pack), &model);
        }
        for (index, value) in model.iter().enumerate() {
            prop_assert!(pack.at(index).unwrap().eq_bytes(value));
            let backward = index as isize - model.len() as isize;
            prop_assert_eq!(pack.seek(backward), pack.seek(index as isize));
            let found = pack.find(value, 0).unwrap();
            let first = model.iter().position(|other| other == value).unwrap();
            prop_assert_eq!(Some(found), pack.seek(first as isize));
        }
        let again = Listpack::from_bytes(pack.as_bytes().to_vec()).unwrap();
        prop_assert_eq!(again, pack);
    }

    #[test]
    fn the_size_of_an_element_is_known_before_it_is_added(values in prop::collection::vec(element(), 0..20)) {
        let mut pack = Listpack::new();
        for value in values {
            let before = pack.byte_len();
            pack.push_back(&value);
            prop_assert_eq!(pack.byte_len() - before, Listpack::entry_size(&value));
            prop_assert_eq!(pack.get(pack.last().unwrap()).len(), value.len());
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_safe_to_walk(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some(total) = bytes.get(..4).map(|_| bytes.len() as u32) {
            bytes[..4].copy_from_slice(&total.to_le_bytes());
            if let Some(last) = bytes.last_mut() {
                *last = END;
            }
        }
        if let Ok(pack) = Listpack::from_bytes(bytes) {
            pack.check_invariants();
        }
    }
}
