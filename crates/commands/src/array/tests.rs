//! The array commands, command by command and in odd combinations.

use proptest::prelude::*;
use spinel_family::Protocol;

use crate::testing::Server;

fn expect(server: &mut Server, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(server.run(line), reply.replace(' ', "\r\n") + "\r\n", "{line}");
    }
}

/// What clients' tests expect of Redis 8.8 (redis-py 8.1, node-redis 5).
#[test]
fn values_are_set_read_and_counted_at_any_index() {
    let mut server = Server::new();
    expect(
        &mut server,
        &[
            ("ARSET a 0 v0 v1 v2", ":3"),
            ("ARSET a 1 new", ":0"),
            ("ARMSET a 0 new0 2 v2 3 v3", ":1"),
            ("ARGET a 0", "$4 new0"),
            ("ARGET a 5", "$-1"),
            ("ARGET none 5", "$-1"),
            ("ARMGET a 3 9 1", "*3 $2 v3 $-1 $3 new"),
            ("ARMGET none 3 9", "*2 $-1 $-1"),
            ("ARLEN a", ":4"),
            ("ARCOUNT a", ":4"),
            ("ARDEL a 1 9", ":1"),
            ("ARLEN a", ":4"),
            ("ARCOUNT a", ":3"),
            ("ARLEN none", ":0"),
            ("ARCOUNT none", ":0"),
            ("TYPE a", "+array"),
            ("OBJECT ENCODING a", "$12 sliced-array"),
        ],
    );
}

#[test]
fn ranges_go_both_ways_and_show_holes_or_skip_them() {
    let mut server = Server::new();
    expect(
        &mut server,
        &[
            ("ARMSET a 0 a 5 b 9 c", ":3"),
            ("ARGETRANGE a 4 6", "*3 $-1 $1 b $-1"),
            ("ARGETRANGE a 9 8", "*2 $1 c $-1"),
            ("ARGETRANGE none 0 1", "*2 $-1 $-1"),
            ("ARGETRANGE a 7 7", "*1 $-1"),
            ("ARSCAN a 0 10 LIMIT 2", "*2 *2 :0 $1 a *2 :5 $1 b"),
            ("ARSCAN a 10 1", "*2 *2 :9 $1 c *2 :5 $1 b"),
            ("ARSCAN none 0 18446744073709551614", "*0"),
        ],
    );
    let too_wide = "-ERR range exceeds maximum of 1000000 items\r\n";
    assert_eq!(server.run("ARGETRANGE a 0 1000000"), too_wide);
    assert_eq!(server.run("ARGETRANGE a 18446744073709551614 0"), too_wide);
    assert_eq!(server.run("ARSCAN a 0 1 LIMIT 0"), "-ERR LIMIT must be positive\r\n");
    assert_eq!(server.run("ARSCAN a 0 1 COUNT 1"), "-ERR syntax error\r\n");
}

#[test]
fn ranges_are_deleted_whatever_their_width_and_the_last_value_takes_the_key_along() {
    let mut server = Server::new();
    expect(
        &mut server,
        &[
            ("ARSET a 0 v0 v1 v2 v3 v4", ":5"),
            ("ARDELRANGE a 3 1", ":3"),
            ("ARDELRANGE a 0 2 1 3", ":1"),
            ("ARDELRANGE none 0 4", ":0"),
            ("ARDELRANGE a 5 18446744073709551614", ":0"),
            ("EXISTS a", ":1"),
            ("ARDELRANGE a 0 18446744073709551614", ":1"),
        ],
    );
    assert_eq!(server.event_names(), ["ardelrange", "del"]);
    assert_eq!(server.run("EXISTS a"), ":0\r\n");
    let arity = "-ERR wrong number of arguments for 'ardelrange' command\r\n";
    assert_eq!(server.run("ARDELRANGE a 0 1 2"), arity);
    assert_eq!(server.run("ARMSET a 0 1 2"), arity.replace("ardelrange", "armset"));
}

#[test]
fn the_cursor_moves_with_appending_and_stays_for_all_else() {
    let mut server = Server::new();
    expect(
        &mut server,
        &[
            ("ARNEXT a", ":0"),
            ("ARSEEK a 5", ":0"),
            ("ARINSERT a x y z", ":2"),
            ("ARSET a 7 far", ":1"),
            ("ARDEL a 1", ":1"),
            ("ARNEXT a", ":3"),
            ("ARSEEK a 10", ":1"),
            ("ARINSERT a w", ":10"),
            ("ARNEXT a", ":11"),
            ("ARSEEK a 18446744073709551615", ":1"),
            ("ARNEXT a", "$-1"),
        ],
    );
    assert_eq!(server.run("ARINSERT a b"), "-ERR insert index overflow\r\n");
    server.run("ARSEEK a 18446744073709551613");
    assert_eq!(server.run("ARINSERT a b c d"), "-ERR insert index overflow\r\n");
    assert_eq!(server.run("ARINSERT a b c"), "$20\r\n18446744073709551614\r\n");
    assert_eq!(server.run("ARLEN a"), "$20\r\n18446744073709551615\r\n");
    server.protocol = Protocol::Resp3;
    assert_eq!(server.run("ARLEN a"), "(18446744073709551615\r\n");
    assert_eq!(server.run("ARNEXT a"), "_\r\n");
}

#[test]
fn a_ring_keeps_the_newest_and_is_laid_out_anew_for_another_size() {
    let mut server = Server::new();
    expect(
        &mut server,
        &[
            ("ARRING a 3 v0 v1 v2", ":2"),
            ("ARRING a 3 v3", ":0"),
            ("ARCOUNT a", ":3"),
            ("ARLASTITEMS a 3", "*3 $2 v1 $2 v2 $2 v3"),
            ("ARLASTITEMS a 2 REV", "*2 $2 v3 $2 v2"),
            ("ARLASTITEMS a 10", "*3 $2 v1 $2 v2 $2 v3"),
            ("ARLASTITEMS a 0", "*0"),
            ("ARLASTITEMS a -1", "*0"),
            ("ARLASTITEMS none 3", "*0"),
            // Larger: what went round comes first.
            ("ARRING a 5 v4", ":3"),
            ("ARGETRANGE a 0 3", "*4 $2 v1 $2 v2 $2 v3 $2 v4"),
            ("ARRING a 5 v5", ":4"),
            // Smaller: the newest are kept.
            ("ARRING a 3 v6", ":0"),
            ("ARGETRANGE a 0 3", "*4 $2 v6 $2 v4 $2 v5 $-1"),
            ("ARLEN a", ":3"),
        ],
    );
    assert_eq!(server.run("ARRING a 0 x"), "-ERR size must be positive\r\n");
    assert_eq!(server.run("ARRING a x x"), "-ERR value is not an integer or out of range\r\n");
}

#[test]
fn values_are_found_by_predicates() {
    let mut server = Server::new();
    server.run_words(&[
        "ARMSET",
        "log",
        "0",
        "boot: ok",
        "1",
        "warn: disk",
        "2",
        "ERROR: cpu",
        "3",
        "info: ready",
        "4",
        "error: net",
    ]);
    let mut find = |words: &[&str]| server.run_words(&[&["ARGREP", "log"][..], words].concat());
    for (words, indexes) in [
        (&["-", "+", "MATCH", "error", "NOCASE"][..], &[2, 4][..]),
        (&["+", "-", "MATCH", "error", "NOCASE"], &[4, 2]),
        (&["-", "+", "MATCH", "error"], &[4]),
        (&["0", "4", "GLOB", "warn:*", "OR", "GLOB", "error:*"], &[1, 4]),
        (&["0", "4", "RE", "^[A-Za-z]+: (cpu|net)$", "NOCASE"], &[2, 4]),
        (&["0", "4", "RE", "^[[:lower:]]+: .{2}$"], &[0]),
        (&["0", "4", "EXACT", "info: ready"], &[3]),
        (&["0", "4", "EXACT", "INFO: ready", "NOCASE", "EXACT", "Boot: OK"], &[0, 3]),
        (&["-", "+", "MATCH", "error", "NOCASE", "LIMIT", "1"], &[2]),
        (&["-", "+", "MATCH", "o", "AND", "MATCH", "r"], &[3, 4]),
        (&["1", "3", "RE", "."], &[1, 2, 3]),
        (&["5", "9", "RE", "."], &[]),
    ] {
        let expected: String = indexes.iter().map(|index| format!(":{index}\r\n")).collect();
        assert_eq!(find(words), format!("*{}\r\n{expected}", indexes.len()), "{words:?}");
    }
    let pairs = "*1\r\n*2\r\n:2\r\n$10\r\nERROR: cpu\r\n";
    assert_eq!(find(&["0", "9", "EXACT", "ERROR: cpu", "WITHVALUES"]), pairs);
    for (words, error) in [
        (&["0", "9", "NOCASE", "AND"][..], "ERR syntax error"),
        (&["0", "9", "MATCH", "x", "AND", "OR"], "ERR syntax error"),
        (&["0", "9", "MATCH", "x", "LIMIT", "0"], "ERR LIMIT must be positive"),
        (&["0", "x", "MATCH", "x"], "ERR invalid array index"),
        (&["0", "9", "RE", "("], "ERR invalid regular expression"),
        (&["0", "9", "RE", "(a)\\1"], "ERR invalid regular expression"),
        (&["0", "9", "RE", "((a{100}){100}){100}"], "ERR regular expression is too large"),
    ] {
        assert_eq!(find(words), format!("-{error}\r\n"), "{words:?}");
    }
    let many = ["EXACT", "x"].repeat(1025);
    assert_eq!(find(&[&["0", "9"][..], &many].concat()), "-ERR too many predicates\r\n");
    let many = ["RE", "x"].repeat(65);
    assert_eq!(find(&[&["0", "9"][..], &many].concat()), "-ERR too many regular expressions\r\n");
    server.run("DEL log");
    assert_eq!(server.run("ARGREP log - + MATCH x"), "*0\r\n");
}

#[test]
fn bytes_that_are_no_text_are_found_by_expressions_too() {
    let mut server = Server::new();
    server.run_words([&b"ARSET"[..], b"a", b"0", b"x\xFF\xFEy", b"caf\xC3\xA9", b"12345"]);
    for (words, index) in [
        (&[&b"RE"[..], b"\xFF.y"][..], 0),
        (&[b"MATCH", b"X\xFF", b"NOCASE"], 0),
        (&[b"RE", b"f\xC3\xA9$"], 1),
        (&[b"RE", b"^[0-9]{5}$"], 2),
    ] {
        let all = [&[&b"ARGREP"[..], b"a", b"-", b"+"][..], words].concat();
        assert_eq!(server.run_words(&all), format!("*1\r\n:{index}\r\n"));
    }
}

#[test]
fn numbers_are_put_together_and_what_is_none_is_passed_over() {
    let mut server = Server::new();
    server.run("ARSET n 0 5 1 4 2 3");
    server.run("ARSET mixed 0 1 x 3");
    server.run("ARSET text 0 x y z");
    server.run("ARSET f 0 1.5 -2.25 10 9007199254740993");
    server.run("ARSET big 0 9223372036854775807 9223372036854775807");
    expect(
        &mut server,
        &[
            ("AROP n 0 4 SUM", "$2 15"),
            ("AROP n 4 0 SUM", "$2 15"),
            ("AROP n 0 4 MIN", "$1 1"),
            ("AROP n 0 4 MAX", "$1 5"),
            ("AROP n 0 4 AND", ":0"),
            ("AROP n 0 4 OR", ":7"),
            ("AROP n 0 4 XOR", ":1"),
            ("AROP n 0 4 MATCH 2", ":1"),
            ("AROP n 0 4 used", ":5"),
            ("AROP mixed 0 2 SUM", "$1 4"),
            ("AROP mixed 0 2 USED", ":3"),
            ("AROP text 0 2 SUM", "$-1"),
            ("AROP text 0 2 XOR", "$-1"),
            ("AROP text 0 2 MATCH y", ":1"),
            ("AROP n 100 200 AND", "$-1"),
            ("AROP n 100 200 USED", ":0"),
            ("AROP none 0 4 SUM", "$-1"),
            ("AROP none 0 4 MATCH 1", ":0"),
            ("AROP f 0 2 SUM", "$4 9.25"),
            ("AROP f 0 1 MIN", "$5 -2.25"),
            ("AROP f 0 1 OR", ":-1"),
            ("AROP f 0 3 MAX", "$16 9007199254740993"),
            ("AROP big 0 1 SUM", "$20 18446744073709551614"),
        ],
    );
    for line in ["AROP n 0 2 MATCH", "AROP n 0 2 SUM x", "AROP n 0 2 AVG"] {
        assert_eq!(server.run(line), "-ERR syntax error\r\n", "{line}");
    }
}

#[test]
fn what_an_array_is_made_of_is_told() {
    let mut server = Server::new();
    server.run("ARMSET a 0 x 1 y 100 z");
    let fields = "*14\r\n$5\r\ncount\r\n:3\r\n$3\r\nlen\r\n:101\r\n$17\r\nnext-insert-index\r\n:0\r\n";
    assert!(server.run("ARINFO a").starts_with(fields));
    server.protocol = Protocol::Resp3;
    let full = server.run("ARINFO a FULL");
    assert!(full.starts_with("%12\r\n") && full.contains("$13\r\nsparse-slices\r\n:1\r\n"), "{full}");
    assert!(full.contains("avg-dense-fill\r\n,0\r\n"), "{full}");
    assert_eq!(server.run("ARINFO none"), "-ERR no such key\r\n");
}

#[test]
fn indexes_that_are_none_change_nothing() {
    let mut server = Server::new();
    server.run("ARSET a 0 x");
    for line in [
        "ARSET a -1 x",
        "ARSET a 18446744073709551615 x",
        "ARMSET a 0 y 1x z",
        "ARDEL a 0 x",
        "ARDELRANGE a 0 0 0 x",
        "ARGET a +1",
        "ARMGET a 0 x",
        "ARGETRANGE a 0 x",
        "ARSCAN a x 0",
        "AROP a 0 -1 SUM",
        "ARSEEK a 18446744073709551616",
    ] {
        assert_eq!(server.run(line), "-ERR invalid array index\r\n", "{line}");
    }
    assert_eq!(server.run("ARSET a 18446744073709551614 x y"), "-ERR array index overflow\r\n");
    assert_eq!(server.run("ARSCAN a 0 9"), "*1\r\n*2\r\n:0\r\n$1\r\nx\r\n");
    assert_eq!(server.run("ARSET a 18446744073709551614 x"), ":1\r\n");
}

#[test]
fn another_type_is_refused_and_arrays_are_no_other_type() {
    let mut server = Server::new();
    server.run("SET s 1");
    server.run("ARSET a 0 x");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    for line in [
        "ARSET s 0 x",
        "ARMSET s 0 x",
        "ARGET s 0",
        "ARMGET s 0",
        "ARGETRANGE s 0 1",
        "ARDEL s 0",
        "ARDELRANGE s 0 1",
        "ARLEN s",
        "ARCOUNT s",
        "ARINFO s",
        "ARINSERT s x",
        "ARRING s 3 x",
        "ARLASTITEMS s 1",
        "ARNEXT s",
        "ARSEEK s 1",
        "ARSCAN s 0 1",
        "ARGREP s - + MATCH x",
        "AROP s 0 1 SUM",
        "GET a",
        "LRANGE a 0 1",
        "HGETALL a",
        "SMEMBERS a",
        "ZRANGE a 0 1",
        "XLEN a",
        "PFCOUNT a",
        "SORT a",
        "ZUNION 1 a",
    ] {
        assert_eq!(server.run(line), wrong, "{line}");
    }
}

#[test]
fn changes_are_told_to_watchers_counted_and_notified() {
    let mut server = Server::new();
    for (line, dirty, events) in [
        ("ARSET a 0 x y", 2, &["new", "arset"][..]),
        ("ARMSET a 5 x 6 y", 2, &["armset"]),
        ("ARINSERT a x", 1, &["arinsert"]),
        ("ARSEEK a 3", 1, &["arseek"]),
        ("ARRING a 9 x y z", 3, &["arring"]),
        ("ARDEL a 99", 0, &[]),
        ("ARDEL a 0 1", 2, &["ardel"]),
        ("ARDELRANGE a 0 100", 5, &["ardelrange", "del"]),
        ("ARDELRANGE a 0 100", 0, &[]),
        ("ARSEEK a 3", 0, &[]),
    ] {
        let flag = server.watch("a");
        server.run(line);
        assert_eq!((server.effects.dirty, &server.event_names()[..]), (dirty, events), "{line}");
        assert_eq!(flag.is_raised(), dirty > 0, "{line}");
    }
}

proptest! {
    #[test]
    fn no_words_are_too_odd(
        name in prop::sample::select(vec![
            "ARSET", "ARMSET", "ARGET", "ARMGET", "ARGETRANGE", "ARDEL", "ARDELRANGE", "ARLEN", "ARCOUNT", "ARINFO",
            "ARINSERT", "ARRING", "ARLASTITEMS", "ARNEXT", "ARSEEK", "ARSCAN", "ARGREP", "AROP",
        ]),
        words in prop::collection::vec(prop::sample::select(vec![
            "0", "1", "5", "4095", "4096", "18446744073709551614", "18446744073709551615", "-1", "-", "+", "x", "", "SUM",
            "MATCH", "RE", "(", "GLOB", "*", "LIMIT", "AND", "OR", "FULL", "REV", "WITHVALUES", "NOCASE", "1.5",
        ]), 0..7),
    ) {
        let mut server = Server::new();
        server.run("ARMSET a 0 x 5 1 4095 2.5 18446744073709551614 z");
        server.run("ARSEEK a 5");
        let reply = server.run_words(&[&[name, "a"][..], &words].concat());
        prop_assert!(reply.ends_with("\r\n"));
        prop_assert!(!reply.contains("panic"));
    }
}
