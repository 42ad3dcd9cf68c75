//! Arbitrary bytes as scripts, JSON, MessagePack and structures; and the seeds of the fuzz targets.

use std::path::Path;

use proptest::prelude::*;
use spinel_script::fuzzing::{fuzz_cjson, fuzz_cmsgpack, fuzz_script, fuzz_struct};

fn check_corpus(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds = std::fs::read_dir(&folder).expect("a folder of seeds");
    let count =
        seeds.map(|seed| check(&std::fs::read(seed.expect("a seed").path()).expect("a file"))).count();
    assert!(count >= 8, "only {count} seeds in {}", folder.display());
}

#[test]
fn every_seed_keeps_the_promises() {
    check_corpus("lua_script", fuzz_script);
    check_corpus("lua_cjson", fuzz_cjson);
    check_corpus("lua_cmsgpack", fuzz_cmsgpack);
    check_corpus("lua_struct", fuzz_struct);
}

/// Not a test: this program, started as a worker.
#[cfg(feature = "python")]
#[test]
fn python_worker() {
    spinel_script::serve_python_if_asked();
}

#[cfg(feature = "python")]
fn check_python(data: &[u8]) {
    let args = ["python_worker", "--exact", "--nocapture"].map(Into::into).to_vec();
    let worker = spinel_script::PythonWorker { args, ..spinel_script::PythonWorker::default() };
    spinel_script::fuzzing::fuzz_python(&worker, data);
}

#[cfg(feature = "python")]
#[test]
fn every_seed_of_python_keeps_the_promises() {
    check_corpus("python_script", check_python);
}

/// Words of Python in any order.
#[cfg(feature = "python")]
fn python_words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "def",
        "f",
        "x",
        "=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        "1",
        "'s'",
        "b's'",
        "f'{x}'",
        "+",
        "**",
        "//",
        "return",
        "lambda",
        "if",
        "else",
        "for",
        "in",
        "while",
        "try",
        "except",
        "raise",
        "class",
        "import",
        "json",
        "re",
        "None",
        "True",
        ",",
        ".",
        "redis.call",
        "redis.log",
        "KEYS",
        "ARGV",
        "len",
        "range",
        "sorted",
        "str",
        "not",
        "and",
        "\n",
        "\n  ",
        ";",
        "await",
        "async",
        "with",
        "as",
        "global",
        "@",
        "*",
        "-",
        "open",
        "print",
    ]);
    prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "))
}

#[cfg(feature = "python")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_are_a_script_of_python(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_python(&bytes);
    }

    #[test]
    fn any_words_are_a_script_of_python(text in python_words()) {
        check_python(text.as_bytes());
    }
}

/// Words of Lua in any order: they compile more often than bytes do.
fn lua_words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "local",
        "x",
        "=",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "1",
        "'s'",
        "..",
        "+",
        "return",
        "function",
        "end",
        "if",
        "then",
        "for",
        "in",
        "do",
        "while",
        "true",
        "nil",
        ",",
        ";",
        "pcall",
        "error",
        "redis.call",
        "redis.call('GET', KEYS[1])",
        "redis.call('SET', key, 'x')",
        "local key = KEYS[1]",
        "local a, key =",
        "KEYS[2]",
        "key",
        "ARGV",
        "KEYS",
        "#",
        ":",
        "setmetatable",
        "string.rep",
        "unpack",
        "cjson.encode",
        "coroutine.wrap",
        "pairs",
        "x.y",
        "-",
        "not",
        "and",
        "\n",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

/// Statements that name keys, and some that pretend to.
fn statements_on_keys() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "local key = KEYS[1]",
        "local key, other = KEYS[2], ARGV[1]",
        "local other, key = 1, KEYS[1]",
        "local other = key",
        "local key = other",
        "local other",
        "key = ARGV[1]",
        "other, key = KEYS[1], 'x'",
        "KEYS[1] = 'x'",
        "other, KEYS[1] = KEYS[2], ARGV[1]",
        "local keys = {KEYS[1], key}",
        "redis.call('GET', key)",
        "redis.call('GET', other)",
        "redis.call('SET', KEYS[1], key)",
        "redis.call('DEL', key, unpack(ARGV))",
        "redis.call('SET', key, redis.call('GET', KEYS[2]))",
        "redis.pcall('GET', KEYS[1] .. 'x')",
        "if key then",
        "if #KEYS == 2 then",
        "do",
        "for key = 1, 2 do",
        "for other, key in pairs(ARGV) do",
        "end",
        "end",
        ";",
    ]);
    prop::collection::vec(statement, 0..8).prop_map(|statements| statements.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn statements_call_what_they_show(text in statements_on_keys()) {
        fuzz_script(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_a_script(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_script(&bytes);
    }

    #[test]
    fn any_words_are_a_script(text in lua_words()) {
        fuzz_script(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_taken_for_json(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        fuzz_cjson(&bytes);
    }

    #[test]
    fn any_brackets_are_taken_for_json(text in "[\\[\\]{}\":,0-9a-f.e+\\- ntrue\\\\u]{0,80}") {
        fuzz_cjson(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_taken_for_msgpack(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        fuzz_cmsgpack(&bytes);
    }

    #[test]
    fn any_bytes_are_taken_for_structures(
        format in "[bBhHlLTiIfdscx<>! 0-9]{0,20}",
        data in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        fuzz_struct(&[format.as_bytes(), b"\0", &data].concat());
    }
}
