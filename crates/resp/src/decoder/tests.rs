//! Replies: every type of both versions, streamed ones, limits, and agreement with [`skip_reply`].

use super::{DecodeError, DecodeLimits, ReplyDecoder};
use crate::{Value, reply_is_error, skip_reply};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

/// The picture of the one reply that `wire` is.
fn decode(wire: &str) -> Result<String, DecodeError> {
    let decoded = ReplyDecoder::default().decode(wire.as_bytes())?;
    let (value, consumed) = decoded.unwrap_or_else(|| panic!("{wire:?} is incomplete"));
    assert_eq!(consumed, wire.len());
    assert_eq!(skip_reply(wire.as_bytes()), Ok(Some(consumed)));
    Ok(format!("{value:?}"))
}

#[test]
fn every_type_is_decoded() {
    for (wire, picture) in [
        ("+OK\r\n", "+OK"),
        ("+\r\n", "+"),
        ("+a\rb\nc\r\n", r"+a\rb\nc"),
        ("-ERR no\r\n", "-ERR no"),
        (":7\r\n", "7"),
        (":-7\r\n", "-7"),
        (":+7\r\n", "7"),
        ("$2\r\nhi\r\n", r#""hi""#),
        ("$0\r\n\r\n", r#""""#),
        ("$4\r\n\r\n\r\n\r\n", r#""\r\n\r\n""#),
        ("$-1\r\n", "null-bulk"),
        ("*-1\r\n", "null-array"),
        ("_\r\n", "null"),
        ("*0\r\n", "[]"),
        ("*2\r\n:1\r\n*1\r\n+a\r\n", "[1, [+a]]"),
        ("%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n", "%{+a: 1, +b: []}"),
        ("%0\r\n", "%{}"),
        ("~2\r\n:1\r\n:1\r\n", "~[1, 1]"),
        (">2\r\n+message\r\n_\r\n", ">[+message, null]"),
        ("#t\r\n", "true"),
        ("#f\r\n", "false"),
        (",1.5\r\n", "1.5"),
        (",10\r\n", "10.0"),
        (",1.5e+300\r\n", "1.5e300"),
        (",inf\r\n", "inf"),
        (",-inf\r\n", "-inf"),
        (",nan\r\n", "NaN"),
        (",-nan\r\n", "NaN"),
        ("(-123456789012345678901234567890\r\n", "(-123456789012345678901234567890"),
        ("=6\r\ntxt:hi\r\n", r#"txt:"hi""#),
        ("!8\r\nERR a\r\nb\r\n", r"-ERR a\r\nb"),
        ("|1\r\n+ttl\r\n:9\r\n$1\r\na\r\n", r#"|{+ttl: 9} "a""#),
        ("*2\r\n|1\r\n+k\r\n+v\r\n*1\r\n:1\r\n:2\r\n", "[|{+k: +v} [1], 2]"),
        ("|0\r\n+a\r\n", "|{} +a"),
    ] {
        assert_eq!(decode(wire).as_deref(), Ok(picture), "{wire:?}");
    }
}

#[test]
fn streamed_replies_are_the_same_values_as_whole_ones() {
    for (wire, picture) in [
        ("$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", r#""Hello""#),
        ("$?\r\n;0\r\n", r#""""#),
        ("*?\r\n:1\r\n*?\r\n.\r\n$?\r\n;1\r\na\r\n;0\r\n.\r\n", r#"[1, [], "a"]"#),
        ("%?\r\n+a\r\n:1\r\n.\r\n", "%{+a: 1}"),
        ("~?\r\n+a\r\n.\r\n", "~[+a]"),
        ("*1\r\n*?\r\n.\r\n", "[[]]"),
    ] {
        assert_eq!(decode(wire).as_deref(), Ok(picture), "{wire:?}");
    }
}

#[test]
fn what_is_no_reply_is_an_error() {
    for (wire, error) in [
        ("hello\r\n", DecodeError::UnknownType(b'h')),
        ("\r\n", DecodeError::UnknownType(b'\r')),
        (":\r\n", DecodeError::InvalidInteger),
        (":1x\r\n", DecodeError::InvalidInteger),
        (":+-1\r\n", DecodeError::InvalidInteger),
        (":9223372036854775808\r\n", DecodeError::InvalidInteger),
        ("$\r\n", DecodeError::InvalidLength),
        ("$-2\r\n", DecodeError::InvalidLength),
        ("*-2\r\n", DecodeError::InvalidLength),
        ("%-1\r\n", DecodeError::InvalidLength),
        (">?\r\n", DecodeError::InvalidLength),
        ("=-1\r\n", DecodeError::InvalidLength),
        ("$1\r\nab\r\n", DecodeError::MissingLineEnd),
        ("#x\r\n", DecodeError::InvalidBoolean),
        (",\r\n", DecodeError::InvalidDouble),
        (",infinity\r\n", DecodeError::InvalidDouble),
        ("(1.5\r\n", DecodeError::InvalidBigNumber),
        ("(-\r\n", DecodeError::InvalidBigNumber),
        ("_x\r\n", DecodeError::InvalidNull),
        ("=3\r\ntxt\r\n", DecodeError::InvalidVerbatim),
        (".\r\n", DecodeError::InvalidStream),
        (";1\r\na\r\n", DecodeError::InvalidStream),
        ("*1\r\n.\r\n", DecodeError::InvalidStream),
        ("%?\r\n+a\r\n.\r\n", DecodeError::InvalidStream),
        ("$?\r\n+a\r\n", DecodeError::InvalidStream),
        ("$?\r\n*0\r\n", DecodeError::InvalidStream),
        ("$536870913\r\n", DecodeError::TooLong),
        ("*4294967296\r\n", DecodeError::TooLong),
    ] {
        assert_eq!(ReplyDecoder::default().decode(wire.as_bytes()), Err(error), "{wire:?}");
    }
}

#[test]
fn limits_hold() {
    let limits = DecodeLimits { max_depth: 3, max_bulk_len: 4, max_line_len: 8, max_elements: 2 };
    let decode = |wire: &str| ReplyDecoder::with_limits(limits.clone()).decode(wire.as_bytes());
    assert!(decode("*1\r\n*1\r\n*1\r\n:1\r\n").unwrap().is_some());
    assert_eq!(decode("*1\r\n*1\r\n*1\r\n*1\r\n"), Err(DecodeError::TooDeep));
    assert!(decode("$4\r\nabcd\r\n").unwrap().is_some());
    assert_eq!(decode("$5\r\n"), Err(DecodeError::TooLong));
    assert_eq!(decode("$?\r\n;4\r\nabcd\r\n;1\r\ne\r\n"), Err(DecodeError::TooLong));
    assert!(decode("+1234567\r\n").unwrap().is_some());
    assert_eq!(decode("+12345678\r\n"), Err(DecodeError::TooLong));
    assert_eq!(decode("+12345678"), Err(DecodeError::TooLong));
    assert_eq!(decode("*3\r\n"), Err(DecodeError::TooLong));
}

#[test]
fn announced_counts_reserve_next_to_nothing() {
    let mut decoder = ReplyDecoder::default();
    assert_eq!(decoder.decode(b"*4294967295\r\n*4294967295\r\n%4294967295\r\n"), Ok(None));
    assert_eq!(decoder.open.len(), 3);
    assert!(decoder.open.iter().all(|frame| frame.items.capacity() <= 16));
    decoder.reset();
    assert_eq!(decoder.decode(b":1\r\n"), Ok(Some((Value::Integer(1), 4))));
}

#[test]
fn skipping_is_not_fooled_by_counts_that_add_up_beyond_all_bounds() {
    let wire = "|9223372036854775807\r\n".repeat(3);
    assert_eq!(skip_reply(wire.as_bytes()), Err(DecodeError::TooLong));
}

#[test]
fn an_error_is_known_by_its_first_byte() {
    assert!(reply_is_error(b"-ERR\r\n") && reply_is_error(b"!3\r\nERR\r\n"));
    assert!(!reply_is_error(b"+OK\r\n") && !reply_is_error(b""));
}

fn values() -> impl Strategy<Value = Value> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let leaf = prop_oneof![
        "[^\r\n]{0,8}".prop_map(|text| Value::SimpleString(text.into_bytes())),
        bytes().prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        bytes().prop_map(Value::Bulk),
        Just(Value::Null),
        Just(Value::NullBulk),
        Just(Value::NullArray),
        any::<f64>().prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        "-?[1-9][0-9]{0,40}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
        bytes().prop_map(|text| Value::Verbatim { format: *b"mkd", text }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..6);
        let pairs = || prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            items.clone().prop_map(Value::Array),
            items.clone().prop_map(Value::Set),
            items.prop_map(Value::Push),
            pairs().prop_map(Value::Map),
            (pairs(), inner.clone())
                .prop_map(|(pairs, value)| Value::Attribute { pairs, value: Box::new(value) }),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_was_written_wherever_it_is_split(value in values()) {
        let mut wire = Vec::new();
        value.write_to(&mut wire);
        prop_assert_eq!(skip_reply(&wire), Ok(Some(wire.len())));
        for split in 0..wire.len() {
            let mut decoder = ReplyDecoder::default();
            prop_assert_eq!(decoder.decode(&wire[..split]), Ok(None));
            prop_assert_eq!(skip_reply(&wire[..split]), Ok(None));
            prop_assert_eq!(decoder.decode(&wire), Ok(Some((value.clone(), wire.len()))));
        }
    }
}
