//! Elements of lists that expire: replies, what the journal records, what other commands make of them.

use spinel_store::Kind;
use spinel_store::value::RemovedElements;

use crate::testing::Server;

#[test]
fn the_type_is_checked_before_the_words_and_they_before_the_key() {
    let mut server = Server::new();
    server.run("SET t 1");
    assert!(server.run("LEXPIRE t x y z a b").starts_with("-WRONGTYPE"));
    for (line, error) in [
        ("LEXPIRE l x INDEXES 1 0", "value is not an integer or out of range"),
        ("LEXPIRE l -1 INDEXES 1 0", "invalid expire time, must be >= 0"),
        ("LEXPIRE l 70368744178 INDEXES 1 0", "invalid expire time in 'lexpire' command"),
        ("LPEXPIREAT l 70368744177664 INDEXES 1 0", "invalid expire time in 'lpexpireat' command"),
        ("LEXPIRE l 1 a INDEXES 1 0", "Mandatory argument INDEXES is missing or not at the right position"),
        ("LEXPIRE l 1 NX GT INDEXES 1 0", "NX and XX, GT or LT options at the same time are not compatible"),
        ("LEXPIRE l 1 INDEXES 0 0", "Number of indexes must be a positive integer"),
        ("LEXPIRE l 1 INDEXES 2 0", "The `numindexes` parameter must match the number of arguments"),
        ("LEXPIRE l 1 INDEXES 1 x", "value is not an integer or out of range"),
        ("LPERSIST l INDEXES 1 1.5", "value is not an integer or out of range"),
        ("LEXPIRE l 1 INDEXES 1", "wrong number of arguments for 'lexpire' command"),
    ] {
        assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
    }
    assert_eq!(server.run("LEXPIRE l 1 INDEXES 2 0 -1"), "*2\r\n:-2\r\n:-2\r\n");
    assert_eq!(server.run("LTTL l INDEXES 1 0"), "*1\r\n:-2\r\n");
    assert_eq!(server.run("LPERSIST l INDEXES 1 0"), "*1\r\n:-2\r\n");
}

#[test]
fn each_index_has_its_own_answer_and_the_journal_those_that_changed() {
    let mut server = Server::new();
    server.run("RPUSH l a b c");
    server.run("LPEXPIRE l 500 INDEXES 1 -3");
    assert_eq!(server.propagated(), ["LPEXPIREAT l 1700000000500 INDEXES 1 0"]);
    assert_eq!((server.event_names(), server.effects.dirty), (vec!["lexpire"], 1));
    assert_eq!(server.run("LPEXPIRE l 900 NX INDEXES 4 0 1 3 -4"), "*4\r\n:0\r\n:1\r\n:-2\r\n:-2\r\n");
    assert_eq!(server.propagated(), ["LPEXPIREAT l 1700000000900 INDEXES 1 1"]);
    assert_eq!(server.run("LPEXPIRE l 700 GT INDEXES 3 0 1 2"), "*3\r\n:1\r\n:0\r\n:0\r\n");
    assert_eq!(server.run("LPEXPIRE l 600 LT INDEXES 3 0 1 2"), "*3\r\n:1\r\n:1\r\n:1\r\n");
    assert_eq!(server.run("LPEXPIRE l 700 XX LT INDEXES 1 0"), "*1\r\n:0\r\n");
    assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    assert_eq!(server.run("LPTTL l INDEXES 4 0 1 -1 3"), "*4\r\n:600\r\n:600\r\n:600\r\n:-2\r\n");
    assert_eq!(server.run("LTTL l INDEXES 1 0"), "*1\r\n:1\r\n");
    assert_eq!(server.run("LEXPIRETIME l INDEXES 1 0"), "*1\r\n:1700000001\r\n");
    assert_eq!(server.run("LPEXPIRETIME l INDEXES 1 0"), "*1\r\n:1700000000600\r\n");
    assert_eq!(server.run("LPERSIST l INDEXES 3 0 -3 9"), "*3\r\n:1\r\n:-1\r\n:-2\r\n");
    assert_eq!(server.propagated(), ["LPERSIST l INDEXES 1 0"]);
    assert_eq!(server.event_names(), ["lpersist"]);
    assert_eq!(server.run("LPERSIST l INDEXES 1 0"), "*1\r\n:-1\r\n");
    assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
}

#[test]
fn a_time_that_has_passed_removes_the_elements_and_with_the_last_the_key() {
    let mut server = Server::new();
    server.run("RPUSH l a b c d e");
    let watch = server.watch("l");
    assert_eq!(server.run("LEXPIREAT l 1 INDEXES 4 -1 0 0 2"), "*4\r\n:2\r\n:2\r\n:-2\r\n:2\r\n");
    assert_eq!((server.event_names(), server.effects.dirty), (vec!["lrem"], 3));
    let words = server.propagated();
    assert_eq!(words[..2], ["LPOP l", "RPOP l"]);
    assert!(words[2].starts_with("LSET l 1 spinel:expired:"), "{words:?}");
    assert_eq!(words[3], words[2].replace("LSET l 1", "LREM l 1"));
    assert!(watch.is_raised());
    assert_eq!(server.run("LRANGE l 0 -1"), "*2\r\n$1\r\nb\r\n$1\r\nd\r\n");
    assert_eq!(server.run("LEXPIRE l 0 NX INDEXES 2 0 1"), "*2\r\n:2\r\n:2\r\n");
    assert_eq!((server.event_names(), server.propagated()), (vec!["lrem", "del"], vec!["LPOP l 2".into()]));
    assert_eq!(server.run("EXISTS l"), ":0\r\n");
}

#[test]
fn no_command_meets_an_element_whose_time_has_come() {
    for (line, reply) in [
        ("LLEN l", ":2\r\n"),
        ("LINDEX l 1", "$1\r\nc\r\n"),
        ("LRANGE l 0 -1", "*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("LPOS l c", ":1\r\n"),
        ("LPOS l b", "$-1\r\n"),
        ("LSET l 1 x", "+OK\r\n"),
        ("LREM l 0 b", ":0\r\n"),
        ("LINSERT l BEFORE b x", ":-1\r\n"),
        ("LPUSH l x", ":3\r\n"),
        ("RPUSHX l x", ":3\r\n"),
        ("LPOP l 2", "*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("RPOP l 2", "*2\r\n$1\r\nc\r\n$1\r\na\r\n"),
        ("LMPOP 1 l LEFT COUNT 9", "*2\r\n$1\r\nl\r\n*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("BLMPOP 0 1 l LEFT COUNT 9", "*2\r\n$1\r\nl\r\n*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("LMOVEM l d LEFT RIGHT COUNT 9 BULK", "*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("LTRIM l 1 -1", "+OK\r\n"),
        ("LTTL l INDEXES 2 1 2", "*2\r\n:-1\r\n:-2\r\n"),
        ("SORT l ALPHA", "*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
        ("COPY l d", ":1\r\n"),
    ] {
        let mut server = Server::new();
        server.run("RPUSH l a b c");
        server.run("LPEXPIRE l 10 INDEXES 1 1");
        server.advance_ms(9);
        assert_eq!(server.run("LLEN l"), ":3\r\n");
        server.advance_ms(1);
        let watch = server.watch("l");
        assert_eq!(server.run(line), reply, "{line}");
        assert_eq!(server.event_names().first(), Some(&"lexpired"));
        let expired = server.effects.expired.pop().expect("the journal is told");
        let removed = RemovedElements::Placed { indexes: vec![1], len: 3 };
        assert_eq!(expired.elements, Some((Kind::List, removed)));
        assert!(watch.is_raised());
    }
}

#[test]
fn what_pops_or_moves_is_given_no_element_whose_time_has_come() {
    for (line, reply) in [
        ("LPOP l", "$1\r\nb\r\n"),
        ("RPOP l", "$1\r\nb\r\n"),
        ("BLPOP l 0", "*2\r\n$1\r\nl\r\n$1\r\nb\r\n"),
        ("BRPOP l 0", "*2\r\n$1\r\nl\r\n$1\r\nb\r\n"),
        ("LMOVE l d LEFT RIGHT", "$1\r\nb\r\n"),
        ("BLMOVE l d RIGHT LEFT 0", "$1\r\nb\r\n"),
        ("RPOPLPUSH l d", "$1\r\nb\r\n"),
        ("BRPOPLPUSH l d 0", "$1\r\nb\r\n"),
    ] {
        let mut server = Server::new();
        server.run("RPUSH l a b c");
        server.run("LPEXPIRE l 10 INDEXES 2 0 2");
        server.advance_ms(10);
        assert_eq!(server.run(line), reply, "{line}");
        assert_eq!(server.run("EXISTS l"), ":0\r\n");
    }
}

#[test]
fn an_element_keeps_its_time_while_others_come_and_go() {
    let mut server = Server::new();
    server.run("RPUSH l a b x x c");
    server.run("LEXPIRE l 10 INDEXES 1 4");
    for (line, index) in [
        ("LPUSH l y z", 6),
        ("RPUSH l e", 6),
        ("LINSERT l BEFORE c n", 7),
        ("LINSERT l AFTER c m", 7),
        ("LREM l 0 x", 5),
        ("LPOP l", 4),
        ("LPOP l 2", 2),
        ("RPOP l", 2),
        ("LTRIM l 1 -1", 1),
        ("LSET l 0 other", 1),
    ] {
        server.run(line);
        assert_eq!(server.run(&format!("LINDEX l {index}")), "$1\r\nc\r\n", "{line}");
        assert_eq!(server.run(&format!("LTTL l INDEXES 1 {index}")), "*1\r\n:10\r\n", "{line}");
    }
    server.run("LEXPIRE l 5 GT INDEXES 3 0 1 2");
    assert_eq!(server.run("LTTL l INDEXES 3 0 1 2"), "*3\r\n:-1\r\n:10\r\n:-1\r\n");
}

#[test]
fn replacing_moving_and_storing_end_the_time_and_copies_keep_it() {
    let mut server = Server::new();
    server.run("RPUSHEX l EX 10 ELEMENTS 5 a b c d e");
    server.run("LSET l 0 other");
    server.run("LMOVE l l RIGHT LEFT");
    server.run("LMOVE l d RIGHT LEFT");
    assert_eq!(server.run("LTTL l INDEXES 4 0 1 2 3"), "*4\r\n:-1\r\n:-1\r\n:10\r\n:10\r\n");
    assert_eq!(server.run("LTTL d INDEXES 1 0"), "*1\r\n:-1\r\n");
    server.run("SORT l ALPHA STORE s");
    assert_eq!(server.run("LTTL s INDEXES 2 0 1"), "*2\r\n:-1\r\n:-1\r\n");
    server.run("COPY l v");
    server.run("RENAME l w");
    for key in ["v", "w"] {
        assert_eq!(server.run(&format!("LTTL {key} INDEXES 2 -1 0")), "*2\r\n:10\r\n:-1\r\n");
    }
    assert_eq!(server.run("OBJECT ENCODING v"), "$9\r\nquicklist\r\n");
    server.advance_ms(10_000);
    assert_eq!(server.run("LRANGE v 0 -1"), "*2\r\n$1\r\ne\r\n$5\r\nother\r\n");
}

#[test]
fn an_expiry_after_the_last_was_taken_in_another_way_is_noticed() {
    let mut server = Server::new();
    server.run("RPUSH l a b c");
    server.run("LPEXPIRE l 10 INDEXES 1 0");
    server.run("LPOP l");
    server.run("LPEXPIRE l 10 INDEXES 1 0");
    server.advance_ms(10);
    assert_eq!(server.run("LRANGE l 0 -1"), "*1\r\n$1\r\nc\r\n");
}
