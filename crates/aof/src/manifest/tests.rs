//! Manifests as Redis writes and refuses them.

use super::{BaseFormat, Manifest, ManifestFault, Names};
use proptest::prelude::{any, prop, proptest};

fn fault(text: &str) -> ManifestFault {
    Manifest::parse(text.as_bytes()).unwrap_err().fault
}

#[test]
fn what_redis_writes_is_read_and_written_again_unchanged() {
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\n\
                file appendonly.aof.4.incr.aof seq 4 type i\nfile appendonly.aof.5.incr.aof seq 5 type i\n";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.format(), text);
    assert_eq!(manifest.loaded().count(), 3);
    assert_eq!(manifest.history().len(), 1);
}

#[test]
fn every_fault_has_the_text_of_redis() {
    let long = format!("file {} seq 1 type b\n", "x".repeat(1024));
    let cases = [
        ("", ManifestFault::Empty, "Found an empty AOF manifest"),
        (&long, ManifestFault::LongLine, "The AOF manifest file contains too long line"),
        ("file a seq 1 type b", ManifestFault::LongLine, "The AOF manifest file contains too long line"),
        ("\n", ManifestFault::Format, "Invalid AOF manifest file format"),
        ("file a seq 1 type\n", ManifestFault::Format, "Invalid AOF manifest file format"),
        ("file a seq 0 type b\n", ManifestFault::Format, "Invalid AOF manifest file format"),
        ("file \"a seq 1 type b\n", ManifestFault::Format, "Invalid AOF manifest file format"),
        ("file ../a seq 1 type b\n", ManifestFault::NotAName, "File can't be a path, just a filename"),
        ("file a seq 1 type x\n", ManifestFault::Kind, "Unknown AOF file type"),
        (
            "file a seq 1 type b\nfile b seq 2 type b\n",
            ManifestFault::DuplicateBase,
            "Found duplicate base file information",
        ),
        (
            "file a seq 2 type i\nfile b seq 1 type i\n",
            ManifestFault::Sequence,
            "Found a non-monotonic sequence number",
        ),
    ];
    for (text, expected, message) in cases {
        assert_eq!(fault(text), expected, "{text:?}");
        let error = Manifest::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.log_lines().last().unwrap(), &format!("{message}\n"));
    }
}

#[test]
fn comments_words_of_later_versions_and_quotes_are_understood() {
    let text = "#comment\nfile \"a b\\x0ac.aof\" seq 1 type b newkey newvalue\nFILE d SEQ 3x TYPE incr\n";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.base().unwrap().name, "a b\nc.aof");
    assert_eq!(manifest.increments()[0].sequence, 3);
    let again = Manifest::parse(manifest.format().as_bytes()).unwrap();
    assert_eq!(again, manifest);
    assert!(manifest.format().starts_with("file \"a b\\nc.aof\" seq 1 type b\n"));
}

#[test]
fn a_rewrite_makes_history_in_the_order_of_redis() {
    let names = Names::new("d", "a");
    let mut manifest = Manifest::default();
    manifest.replace_base(&names, BaseFormat::Rdb);
    manifest.add_increment(&names);
    manifest.add_increment(&names);
    manifest.add_increment(&names);
    manifest.replace_base(&names, BaseFormat::Resp);
    manifest.retire_increments(1);
    assert_eq!(
        manifest.format(),
        "file a.2.base.aof seq 2 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type h\n\
         file a.1.base.rdb seq 1 type h\nfile a.3.incr.aof seq 3 type i\n"
    );
    assert_eq!(manifest.take_history().len(), 3);
}

#[test]
fn every_seed_of_the_manifest_fuzzer_passes() {
    spinel_resp::fuzzing::check_corpus("aof_manifest", crate::fuzzing::fuzz_manifest);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzzing::fuzz_manifest(&text);
    }

    #[test]
    fn any_name_survives(name in "[^/\\\\\0]{1,40}") {
        let mut manifest = Manifest::default();
        if name != "." && name != ".." {
            manifest.put_base(name, 7);
            assert_eq!(Manifest::parse(manifest.format().as_bytes()), Ok(manifest));
        }
    }
}
