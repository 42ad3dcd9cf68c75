//! Every value in every encoding comes back from a file and from a payload, in every version that is written.

mod support;

use proptest::prelude::*;
use spinel_rdb::OwnKeyEncoder;
use spinel_rdb::decode::{FileChecksum, Item, Mark, Piece, Reader, Splitter};
use spinel_rdb::encode::{
    Attributes, EncodeOptions, Progress, ValueEncoder, put_aux, put_entry, put_eof, put_header, put_key,
    put_resize_db, put_select_db,
};
use spinel_rdb::payload::{Verify, dump, restore};
use spinel_rdb::{Checksum, Target};
use spinel_store::{Entry, UnixMillis};
use support::{Model, cx, encoding, entries, entry_of, limits, model_of};

const TARGETS: [Target; 5] = [Target::V9, Target::V10, Target::V11, Target::V12, Target::Valkey80];

fn all_options() -> impl Iterator<Item = EncodeOptions> {
    TARGETS.into_iter().flat_map(|target| {
        [true, false].map(|compression| EncodeOptions { compression, target, is_lowest: true })
    })
}

fn restored(payload: &[u8]) -> Entry {
    let value = restore(payload, Verify::Checksum, cx()).expect("it was dumped by us");
    value.into_new(|value| Entry::new(b"key", value, None, 0))
}

#[test]
fn every_encoding_comes_back_from_a_payload_as_it_was() {
    for model in support::every_encoding() {
        let entry = entry_of(b"key", &model, None);
        for options in all_options() {
            let payload = dump(entry.value(), options);
            let back = restored(&payload);
            assert!(model_of(&back) == model, "{options:?}");
            assert_eq!(encoding(&back), encoding(&entry), "{options:?}");
            let is_one_block = !["hashtable", "skiplist"].contains(&encoding(&back));
            if is_one_block && options.target != Target::V9 {
                assert!(dump(back.value(), options) == payload, "{options:?}");
            }
        }
    }
}

#[test]
fn a_file_of_every_encoding_comes_back_with_all_that_stands_around_the_keys() {
    let models = support::every_encoding();
    for options in all_options() {
        let file = file_of(&models, options);
        let mut reader = Reader::new(&file[..], cx());
        let mut seen = Vec::new();
        let mut marks = Vec::new();
        while let Some(item) = reader.next_item().unwrap() {
            match item {
                Item::Mark(mark) => marks.push(mark),
                Item::Record(record) => {
                    let number = seen.len();
                    assert_eq!(record.key, format!("key:{number}").as_bytes());
                    assert_eq!(record.expiry, (number % 2 == 0).then_some(UnixMillis(1 << (number % 60))));
                    assert_eq!(record.idle_seconds, (number % 3 == 0).then_some(number as u64 * 100));
                    assert_eq!(record.frequency, (number % 3 == 1).then_some(number as u8));
                    seen.push(model_of(&record.into_entry(0, support::hash_key()).unwrap()));
                }
            }
        }
        assert_eq!(reader.offset(), file.len() as u64);
        assert!(seen == models);
        let aux = Mark::Aux { name: b"redis-ver".to_vec(), value: b"7.0.15".to_vec() };
        let resize = Mark::ResizeDb { keys: 70_000, expiring: 3 };
        assert_eq!(marks, [aux, Mark::SelectDb(9), resize, Mark::Eof(FileChecksum::Right)]);
    }
}

fn file_of(models: &[Model], options: EncodeOptions) -> Vec<u8> {
    let mut file = Vec::new();
    put_header(&mut file, options.target);
    put_aux(&mut file, b"redis-ver", b"7.0.15");
    put_select_db(&mut file, 9);
    put_resize_db(&mut file, 70_000, 3);
    for (number, model) in models.iter().enumerate() {
        let key = format!("key:{number}");
        let attributes = Attributes {
            expiry: (number % 2 == 0).then_some(UnixMillis(1 << (number % 60))),
            idle_seconds: (number % 3 == 0).then_some(number as u64 * 100),
            frequency: (number % 3 == 1).then_some(number as u8),
        };
        put_entry(&mut file, key.as_bytes(), entry_of(b"", model, None).value(), attributes, options);
    }
    let mut checksum = Checksum::new();
    checksum.update(&file);
    put_eof(&mut file, Some(checksum));
    file
}

#[test]
fn a_value_written_in_slices_has_the_same_bytes_and_no_slice_is_much_larger_than_asked() {
    for model in support::every_encoding() {
        let entry = entry_of(b"key", &model, None);
        for options in all_options() {
            let mut whole = Vec::new();
            put_entry(&mut whole, b"key", entry.value(), Attributes::default(), options);
            for budget in [1, 1000] {
                let mut sliced = Vec::new();
                let about = Attributes::default();
                let mut step = match OwnKeyEncoder::new(b"key", entry.value(), about, options) {
                    Some(own) => Step::Own(own),
                    None => Step::Plain(put_key(&mut sliced, b"key", entry.value(), about, options)),
                };
                loop {
                    let before = sliced.len();
                    let progress = step.step(&mut sliced, budget);
                    let most = budget + support::LONGEST_PART;
                    assert!(sliced.len() - before <= most, "{} bytes", sliced.len() - before);
                    if progress == Progress::Done {
                        break;
                    }
                }
                assert!(sliced == whole);
            }
        }
    }
}

enum Step<'a> {
    Own(OwnKeyEncoder<'a>),
    Plain(ValueEncoder<'a>),
}

impl Step<'_> {
    fn step(&mut self, out: &mut Vec<u8>, budget: usize) -> Progress {
        match self {
            Self::Own(own) => own.step(out, budget),
            Self::Plain(value) => value.step(out, budget),
        }
    }
}

#[test]
fn a_string_of_many_megabytes_is_written_in_slices() {
    let text = vec![b'x'; (16 << 20) + 1];
    let entry = entry_of(b"key", &Model::Text(text.clone()), None);
    let mut encoder = ValueEncoder::new(entry.value(), EncodeOptions::default());
    let mut out = Vec::new();
    let mut steps = 0;
    while encoder.step(&mut out, 1 << 20) == Progress::More {
        steps += 1;
    }
    assert!(steps >= 16 && out.ends_with(&text));
}

/// A source that gives what it has in small pieces.
struct Trickle<'a>(&'a [u8], usize);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        std::io::Read::read(&mut self.0, &mut buffer[..most])
    }
}

#[test]
fn a_file_is_cut_into_the_same_records_whatever_pieces_it_comes_in() {
    let models: Vec<Model> = std::iter::repeat_with(support::every_encoding).take(3).flatten().collect();
    let mut file = file_of(&models, EncodeOptions { compression: false, ..EncodeOptions::default() });
    let length = file.len();
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    for piece in [7, 1000, 1 << 20] {
        let mut splitter = Splitter::new(Trickle(&file, piece));
        let (mut seen, mut runs) = (Vec::new(), 0);
        while let Some(next) = splitter.next_piece().unwrap() {
            if let Piece::Records(records) = next {
                runs += 1;
                let decoded = records.decode(cx());
                let before = seen.len();
                seen.extend(
                    decoded
                        .map(|record| model_of(&record.unwrap().into_entry(0, support::hash_key()).unwrap())),
                );
                assert_eq!(seen.len() - before, records.count());
            }
        }
        assert_eq!(splitter.offset(), length as u64);
        assert!(seen == models && runs >= 2, "{runs} runs");
        let (mut rest, mut source) = splitter.into_rest();
        std::io::Read::read_to_end(&mut source, &mut rest).unwrap();
        assert_eq!(rest, b"*1\r\n$4\r\nPING\r\n");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_data_set_comes_back(models in prop::collection::vec(support::model(), 1..12), options in prop::sample::select(all_options().collect::<Vec<_>>())) {
        let entries = entries(&models);
        for (entry, model) in entries.iter().zip(&models) {
            let back = restored(&dump(entry.value(), options));
            prop_assert_eq!(&model_of(&back), model);
            prop_assert_eq!(encoding(&back), encoding(entry));
        }
        let file = file_of(&models, options);
        let mut reader = Reader::new(&file[..], cx());
        let mut seen = Vec::new();
        while let Some(item) = reader.next_item().unwrap() {
            if let Item::Record(record) = item {
                seen.push(model_of(&record.into_entry(0, support::hash_key()).unwrap()));
            }
        }
        prop_assert_eq!(seen, models);
    }
}

#[test]
fn the_limits_of_the_reader_decide_the_encodings() {
    let small = support::small_limits();
    let narrow = spinel_rdb::decode::DecodeContext { limits: &small, hash_key: support::hash_key() };
    for model in support::every_encoding() {
        for options in all_options() {
            let payload = dump(entry_of(b"key", &model, None).value(), options);
            let value = restore(&payload, Verify::Checksum, narrow).unwrap();
            let back = value.into_new(|value| Entry::new(b"key", value, None, 0));
            assert!(model_of(&back) == model);
            if !matches!(model, Model::Text(_) | Model::List(_) | Model::Stream(_) | Model::Array(..)) {
                assert!(["hashtable", "skiplist"].contains(&encoding(&back)));
            }
        }
    }
    assert_ne!(limits(), &small);
}
