//! Replies: what each type looks like in both versions. The forms are those of redis-server 7.0.15.

use super::{Encoder, Protocol, encode_command};
use crate::ProtocolError;

type Write = fn(&mut Encoder);

/// What `write` writes in RESP2 and in RESP3.
fn both(write: impl Fn(&mut Encoder)) -> [String; 2] {
    [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
        let mut encoder = Encoder::new(protocol);
        write(&mut encoder);
        String::from_utf8(encoder.into_inner()).unwrap()
    })
}

#[test]
fn types_of_both_versions_look_the_same_in_both() {
    let cases: [(Write, &str); 12] = [
        (|e| e.ok(), "+OK\r\n"),
        (|e| e.simple("QUEUED"), "+QUEUED\r\n"),
        (|e| e.simple("a\r\nb"), "+a  b\r\n"),
        (|e| e.error("ERR syntax error"), "-ERR syntax error\r\n"),
        (|e| e.error("ERR a\nb\rc\r\n"), "-ERR a b c\r\n"),
        (|e| e.bulk(b""), "$0\r\n\r\n"),
        (|e| e.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n"),
        (|e| e.bulk(&[b'x'; 12]), "$12\r\nxxxxxxxxxxxx\r\n"),
        (|e| e.bulk_integer(-42), "$3\r\n-42\r\n"),
        (|e| e.array(0), "*0\r\n"),
        (|e| e.array(1234), "*1234\r\n"),
        (
            |e| e.protocol_error(ProtocolError::ExpectedDollar(b'x')),
            "-ERR Protocol error: expected '$', got 'x'\r\n",
        ),
    ];
    for (write, wire) in cases {
        assert_eq!(both(write), [wire, wire]);
    }
}

#[test]
fn types_of_resp3_have_the_form_redis_gives_them_in_resp2() {
    let cases: [(Write, &str, &str); 15] = [
        (|e| e.null(), "$-1\r\n", "_\r\n"),
        (|e| e.null_array(), "*-1\r\n", "_\r\n"),
        (|e| e.map(3), "*6\r\n", "%3\r\n"),
        (|e| e.map(60), "*120\r\n", "%60\r\n"),
        (|e| e.set(3), "*3\r\n", "~3\r\n"),
        (|e| e.push(3), "*3\r\n", ">3\r\n"),
        (|e| e.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
        (|e| e.double(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"),
        (|e| e.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n"),
        (|e| e.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
        (|e| e.double(-f64::NAN), "$3\r\nnan\r\n", ",nan\r\n"),
        (|e| e.boolean(true), ":1\r\n", "#t\r\n"),
        (|e| e.boolean(false), ":0\r\n", "#f\r\n"),
        (
            |e| e.big_number("-123456789012345678901234567890"),
            "$31\r\n-123456789012345678901234567890\r\n",
            "(-123456789012345678901234567890\r\n",
        ),
        (|e| e.verbatim("txt", b"Some string"), "$11\r\nSome string\r\n", "=15\r\ntxt:Some string\r\n"),
    ];
    for (write, resp2, resp3) in cases {
        assert_eq!(both(write), [resp2, resp3]);
    }
}

#[test]
fn integers_of_every_length_are_written_in_full() {
    for number in [0, 7, 9, 10, 42, 99, 100, 255, 256, 1000, -1, -10, -99, i64::MAX, i64::MIN] {
        let wire = format!(":{number}\r\n");
        assert_eq!(both(|e| e.integer(number)), [wire.clone(), wire]);
    }
}

#[test]
fn a_deferred_header_ends_up_in_front_of_its_elements() {
    let [resp2, resp3] = both(|e| {
        e.ok();
        let outer = e.deferred_map();
        for key in 0..12 {
            e.integer(key);
            let inner = if key % 2 == 0 { e.deferred_set() } else { e.deferred_array() };
            e.bulk(b"x");
            e.finish(inner, 1);
        }
        e.finish(outer, 12);
        let push = e.deferred_push();
        e.finish(push, 0);
    });
    let pairs = |set: &str| {
        (0..12)
            .map(|k| format!(":{k}\r\n{}1\r\n$1\r\nx\r\n", if k % 2 == 0 { set } else { "*" }))
            .collect::<String>()
    };
    assert_eq!(resp2, format!("+OK\r\n*24\r\n{}*0\r\n", pairs("*")));
    assert_eq!(resp3, format!("+OK\r\n%12\r\n{}>0\r\n", pairs("~")));
}

#[test]
fn a_half_written_reply_can_be_taken_back() {
    let mut encoder = Encoder::with_buffer(b"+OK\r\n".to_vec(), Protocol::Resp3);
    let before = encoder.len();
    encoder.array(2);
    encoder.truncate(before);
    encoder.set_protocol(Protocol::Resp2);
    encoder.null();
    assert_eq!(encoder.take(), b"+OK\r\n$-1\r\n");
    assert!(encoder.is_empty());
}

#[test]
#[should_panic(expected = "RESP2 has no attributes")]
fn attributes_are_not_for_resp2() {
    Encoder::new(Protocol::Resp2).attribute(1);
}

#[test]
fn commands_are_arrays_of_byte_strings_behind_what_is_there() {
    let mut out = b"*1\r\n$4\r\nPING\r\n".to_vec();
    encode_command([&b"SET"[..], b"key", b"\r\n"], &mut out);
    assert_eq!(out, b"*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2\r\n\r\n\r\n");
}
