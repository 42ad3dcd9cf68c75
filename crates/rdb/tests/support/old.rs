//! Values as older servers wrote them, byte by byte after the description of the format.

/// Values of the types that are read but not written, as type and value.
pub fn old_payloads() -> Vec<Vec<u8>> {
    vec![
        LIST.to_vec(),
        ZSET_TEXT.to_vec(),
        hash_zipmap(),
        blob(10, ZIPLIST),
        blob(12, ZSET_ZIPLIST),
        blob(13, HASH_ZIPLIST),
        quicklist(),
        blob(20, SET_LISTPACK),
        blob(20, SET_LISTPACK_OF_INTEGERS),
    ]
}

/// Three elements one by one: "a", 300, and a compressed string of 21 times "a".
pub const LIST: &[u8] = b"\x01\x03\x01a\xC1\x2C\x01\xC3\x05\x15\x00a\xE0\x0B\x00";

/// Members "a" to "d" with the scores 1.5, infinity, minus infinity and -3.
pub const ZSET_TEXT: &[u8] = b"\x03\x04\x01a\x031.5\x01b\xFE\x01c\xFF\x01d\x02-3";

/// "foo" is "bar" and "n" is "12", with two bytes free behind "bar".
pub const ZIPMAP: &[u8] = b"\x02\x03foo\x03\x02bar..\x01n\x02\x0012\xFF";

/// "hello", 1024, 12, -1, -32769, 2147483648, and 70 times "x".
pub const ZIPLIST: &[u8] = b"\x73\x00\x00\x00\x29\x00\x00\x00\x07\x00\
    \x00\x05hello\
    \x07\xC0\x00\x04\
    \x04\xFD\
    \x02\xFE\xFF\
    \x03\xF0\xFF\x7F\xFF\
    \x05\xE0\x00\x00\x00\x80\x00\x00\x00\x00\
    \x0A\x40\x46xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
    \xFF";

/// "a" is "1" and "b" is "two".
pub const HASH_ZIPLIST: &[u8] = b"\x18\x00\x00\x00\x12\x00\x00\x00\x04\x00\
    \x00\x01a\x03\xF2\x02\x01b\x03\x03two\xFF";

/// "a" has the score 1 and "b" 2.5.
pub const ZSET_ZIPLIST: &[u8] = b"\x18\x00\x00\x00\x12\x00\x00\x00\x04\x00\
    \x00\x01a\x03\xF2\x02\x01b\x03\x032.5\xFF";

/// An empty ziplist.
pub const EMPTY_ZIPLIST: &[u8] = b"\x0B\x00\x00\x00\x0A\x00\x00\x00\x00\x00\xFF";

/// "a", "bc" and 5.
pub const SET_LISTPACK: &[u8] = b"\x10\x00\x00\x00\x03\x00\x81a\x02\x82bc\x03\x05\x01\xFF";

/// 7 and 5.
pub const SET_LISTPACK_OF_INTEGERS: &[u8] = b"\x0B\x00\x00\x00\x02\x00\x07\x01\x05\x01\xFF";

/// A value that is a single string.
pub fn blob(value_type: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("the values of these tests are short");
    [&[value_type][..], &(0x4000 | length).to_be_bytes(), bytes].concat()
}

/// A hash as a zipmap.
pub fn hash_zipmap() -> Vec<u8> {
    blob(9, ZIPMAP)
}

/// A list of three ziplists, the second of them empty.
pub fn quicklist() -> Vec<u8> {
    let node = |bytes: &[u8]| blob(0, bytes)[1..].to_vec();
    [&[14, 3][..], &node(HASH_ZIPLIST), &node(EMPTY_ZIPLIST), &node(ZIPLIST)].concat()
}
