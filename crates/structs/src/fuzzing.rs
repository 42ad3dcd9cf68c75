//! Checks for arbitrary bytes, shared by the fuzz targets and by a test that runs every seed.
//!
//! Each function takes whatever a fuzzer comes up with and panics when a promise is broken. None is of use to
//! a server.

use crate::glob;
use crate::intset::IntSet;
use crate::listpack::{Listpack, Needle};
use crate::stream::{References, Stream, StreamId, Trim, TrimTo};

/// Bytes taken as a listpack: refused, or sound from both ends and under change.
pub fn fuzz_listpack(data: &[u8]) {
    read_listpack(data.to_vec());
    let mut framed = data.to_vec();
    if framed.len() > 6 {
        let total = u32::try_from(framed.len()).expect("fuzzers give short inputs");
        framed[..4].copy_from_slice(&total.to_le_bytes());
        framed[4..6].copy_from_slice(&u16::MAX.to_le_bytes());
        *framed.last_mut().expect("it was seen not to be empty") = 0xFF;
        read_listpack(framed);
    }
    let texts: Vec<&[u8]> = data.split(|&byte| byte == 0).collect();
    let pack: Listpack = texts.iter().collect();
    pack.check_invariants();
    assert!(pack.iter().zip(&texts).all(|(value, text)| value.eq_bytes(text)));
    read_listpack(pack.as_bytes().to_vec());
}

fn read_listpack(bytes: Vec<u8>) {
    let Ok(mut pack) = Listpack::from_bytes(bytes) else { return };
    pack.check_invariants();
    let texts: Vec<Vec<u8>> = pack.iter().map(|value| value.to_vec()).collect();
    for (text, value) in texts.iter().zip(&pack) {
        assert!(Needle::new(text).matches(value) && value.len() == text.len());
    }
    if let Some(last) = texts.last() {
        assert!(pack.find(last, 0).is_some_and(|found| pack.get(found).eq_bytes(last)));
    }
    let rest = pack.split_off(texts.len() / 2);
    pack.append(&rest);
    let mut next = pack.first();
    while let Some(pos) = next {
        pack.replace(pos, b"replaced");
        next = pack.next(pos).and_then(|pos| pack.remove(pos));
        pack.check_invariants();
    }
    assert_eq!(pack.len(), texts.len().div_ceil(2));
}

/// Bytes taken as an intset: refused, or sound and equal to the set built from its members.
pub fn fuzz_intset(data: &[u8]) {
    if let Ok(set) = IntSet::from_bytes(data.to_vec()) {
        set.check_invariants();
        let mut again: IntSet = set.iter().collect();
        assert!(set.iter().eq(again.iter()));
        for value in &set.iter().collect::<Vec<_>>() {
            assert!(set.contains(*value) && again.remove(*value) && !again.contains(*value));
        }
        assert!(again.is_empty());
    }
    let members = data.chunks_exact(8).map(|bytes| {
        let wide = i64::from_le_bytes(bytes.try_into().expect("the chunks are of eight bytes"));
        wide >> (bytes[0] & 63)
    });
    members.collect::<IntSet>().check_invariants();
}

/// The first byte says whether case counts and where the pattern ends and the text begins.
pub fn fuzz_glob(data: &[u8]) {
    let Some((&head, rest)) = data.split_first() else { return };
    let nocase = head & 1 == 1;
    let (pattern, text) = rest.split_at(usize::from(head >> 1).min(rest.len()));
    let matched = glob::matches(pattern, text, nocase);
    if matched && !nocase {
        assert!(text.starts_with(glob::literal_prefix(pattern)));
    }
    if glob::is_literal(pattern) && !nocase {
        assert_eq!(matched, pattern == text);
    }
    let escaped: Vec<u8> = text.iter().flat_map(|&byte| [b'\\', byte]).collect();
    assert!(glob::matches(&escaped, text, nocase));
    // A leading star is the same as trying every place to begin.
    if !text.is_empty() && text.len() <= 256 {
        let starred = [b"*", pattern].concat();
        let anywhere = (0..=text.len()).any(|start| glob::matches(pattern, &text[start..], nocase));
        assert_eq!(glob::matches(&starred, text, nocase), anywhere);
    }
}

/// HyperLogLogs: what cannot be read is left alone; what can be counts the same in both encodings, and can be added to.
pub fn fuzz_hyperloglog(data: &[u8]) {
    use crate::hyperloglog::{add, count, encoding, new, to_dense};
    let sparse = [&new()[..16], data].concat();
    for bytes in [sparse, data.to_vec()] {
        if encoding(&bytes).is_none() {
            continue;
        }
        let counted = count(&bytes);
        let mut dense = bytes.clone();
        assert_eq!(to_dense(&mut dense).is_ok(), counted.is_ok());
        if counted.is_err() {
            assert_eq!(dense, bytes);
        } else {
            assert_eq!(count(&dense), counted);
        }
        let mut more = bytes.clone();
        for element in data.chunks(3) {
            match add(&mut more, element, 64) {
                Ok(_) => assert!(counted.is_err() || count(&more).is_ok()),
                Err(_) => assert!(counted.is_err()),
            }
        }
    }
}

/// An ID of 16 bytes and a listpack: refused as the block of a stream, or walked, trimmed and emptied like any other.
pub fn fuzz_stream_block(data: &[u8]) {
    let Some((key, bytes)) = data.split_first_chunk::<16>() else { return };
    let Ok(pack) = Listpack::from_bytes(bytes.to_vec()) else { return };
    let mut stream = Stream::new();
    if stream.push_block(StreamId::from_bytes(*key), pack).is_err() {
        return;
    }
    let ids: Vec<StreamId> = stream.iter().map(|entry| entry.id).collect();
    let mut back: Vec<StreamId> =
        stream.range_back(StreamId::MIN, StreamId::MAX).map(|entry| entry.id).collect();
    back.reverse();
    assert_eq!((ids.len(), &ids), (stream.len(), &back));
    for entry in stream.iter() {
        let stated = entry.fields.len();
        assert_eq!(entry.fields.count(), stated);
    }
    let third = TrimTo::Len(ids.len() - ids.len() / 3);
    assert_eq!(
        stream.trim(Trim { to: third, by_blocks: false, limit: None, references: References::Keep }),
        ids.len() / 3
    );
    let left = &ids[ids.len() / 3..];
    assert!(left.iter().all(|id| stream.contains(*id) && stream.delete(*id)) && stream.is_empty());
    assert_eq!(stream.block_count(), 0);
}

/// Geohashes: any score is some place, which is found again in the cells around it.
pub fn fuzz_geohash(data: &[u8]) {
    use crate::geohash::{Circle, Polygon, Position, cells_around};
    let numbers: Vec<f64> =
        data.as_chunks().0.iter().map(|bytes: &[u8; 8]| f64::from_le_bytes(*bytes)).collect();
    let places: Vec<Position> = numbers.iter().map(|score| Position::of_score(*score)).collect();
    for (place, number) in places.iter().zip(&numbers) {
        assert!(place.is_valid());
        let circle = Circle { centre: *place, radius_m: number.abs() };
        let cells = cells_around(circle.centre, circle.radius_m, &circle.extent());
        assert!((1..=9).contains(&cells.len()));
        let score = place.score();
        assert!(cells.iter().any(|cell| (cell.scores().0..cell.scores().1).contains(&score)));
    }
    if places.len() >= 3 {
        let polygon = Polygon::new(places.clone());
        assert!(polygon.centre().is_valid());
        let cells = cells_around(polygon.centre(), polygon.radius_m(), &polygon.extent());
        assert!((1..=9).contains(&cells.len()));
        let inside = places.iter().filter_map(|place| polygon.distance_m(*place));
        assert!(inside.count() <= places.len());
    }
}

/// Steps of four bytes - what to do, a place, how far it is shifted, a value - done to an array and to a map alike.
pub fn fuzz_array(data: &[u8]) {
    use crate::array::{Array, INDEX_MAX};
    let (mut array, mut map) = (Array::new(), std::collections::BTreeMap::new());
    for &[what, place, shift, value] in data.as_chunks().0 {
        let index = (u64::from(place) << (shift & 63)).min(INDEX_MAX);
        let text = vec![value; usize::from(value & 15)];
        match what & 7 {
            0..4 => assert_eq!(array.set(index, &text), map.insert(index, text).is_none()),
            4 | 5 => assert_eq!(array.remove(index), map.remove(&index).is_some()),
            6 => {
                let end = index.saturating_add(u64::from(value) << (what >> 3)).min(INDEX_MAX);
                let gone = array.take_range(index, end);
                gone.check_invariants();
                let before = map.len();
                map.retain(|at, _| !(index..=end).contains(at));
                assert_eq!(gone.count(), (before - map.len()) as u64);
            }
            _ => {
                array.set_cursor(index);
                if let Some(rest) = array.fit_ring(u64::from(value) + 1) {
                    assert_eq!(rest.count() + array.count(), map.len() as u64);
                    let owned = |value: crate::array::ArrayValue<'_>| value.with_bytes(<[u8]>::to_vec);
                    map = array.iter().map(|(at, value)| (at, owned(value))).collect();
                }
            }
        }
    }
    array.check_invariants();
    assert_eq!(array.len(), map.last_key_value().map_or(0, |(last, _)| last + 1));
    assert!(array.iter().map(|(at, _)| at).eq(map.keys().copied()));
    assert!(array.range(INDEX_MAX, 0).map(|(at, _)| at).eq(map.keys().rev().copied()));
    for (at, text) in &map {
        assert!(array.get(*at).is_some_and(|value| value.with_bytes(|bytes| bytes == text)));
    }
}

/// Runs a check over every seed of a fuzz target, in the folder of corpora.
pub fn check_corpus(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds = std::fs::read_dir(&folder).expect("a folder of seeds");
    let count =
        seeds.map(|seed| check(&std::fs::read(seed.expect("a seed").path()).expect("a file"))).count();
    assert!(count >= 8, "only {count} seeds in {}", folder.display());
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn every_seed_of_the_corpora_keeps_the_promises() {
        check_corpus("listpack", fuzz_listpack);
        check_corpus("intset", fuzz_intset);
        check_corpus("glob", fuzz_glob);
        check_corpus("stream_block", fuzz_stream_block);
        check_corpus("geohash", fuzz_geohash);
        check_corpus("array", fuzz_array);
    }
}
