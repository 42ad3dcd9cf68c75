//! What `FUNCTION DUMP` gives and `FUNCTION RESTORE` takes: libraries as in a file.
//!
//! ```text
//!  (245 | code)* | version, 2 bytes | checksum of all before, 8 bytes
//! ```

use spinel_family::CommandError;
use spinel_rdb::decode::{Mark, Piece, Splitter};
use spinel_rdb::encode::{EncodeOptions, put_eof, put_function, put_header};
use spinel_rdb::{Checksum, Origin, Target};

/// What follows the libraries in the payload of `FUNCTION RESTORE`: a version of two bytes and a checksum of eight.
const FOOT_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 8;

/// The name that a library gives itself in its first line (`#!lua name=mylib`), which may be any.
pub(crate) fn library_name(code: &[u8]) -> Option<&[u8]> {
    let line = code.split(|byte| *byte == b'\n').next().filter(|line| line.starts_with(b"#!"))?;
    line.split(u8::is_ascii_whitespace).find_map(|word| {
        let (prefix, name) = word.split_at_checked(b"name=".len())?;
        prefix.eq_ignore_ascii_case(b"name=").then_some(name)
    })
}

/// The payload of `FUNCTION DUMP`.
pub(super) fn payload_of(codes: &[Vec<u8>]) -> Vec<u8> {
    let options = EncodeOptions { target: Target::V10, ..EncodeOptions::default() };
    let mut out = Vec::new();
    codes.iter().for_each(|code| put_function(&mut out, code, options));
    out.extend_from_slice(&options.target.number().to_le_bytes());
    let checksum = Checksum::of(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The libraries in the payload of `FUNCTION RESTORE`, which are written as in a file.
pub(super) fn libraries_of(payload: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    const DAMAGED: CommandError = CommandError::text("ERR DUMP payload version or checksum are wrong");
    let (body, foot) = payload.split_last_chunk::<FOOT_BYTES>().ok_or(DAMAGED)?;
    let (summed, stated) = payload.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DAMAGED)?;
    let is_known = Origin::of_payload(u16::from_le_bytes([foot[0], foot[1]])).is_some();
    if !is_known || Checksum::of(summed) != u64::from_le_bytes(*stated) {
        return Err(DAMAGED);
    }
    let mut file = Vec::with_capacity(body.len() + 2 * FOOT_BYTES);
    put_header(&mut file, Target::V10);
    file.extend_from_slice(body);
    put_eof(&mut file, None);
    let mut splitter = Splitter::new(&file[..]);
    let mut libraries = Vec::new();
    loop {
        match splitter.next_piece() {
            Ok(None) => return Ok(libraries),
            Ok(Some(Piece::Mark(Mark::Function(code)))) => libraries.push(code),
            Ok(Some(Piece::Mark(Mark::Eof(_)))) => {}
            Ok(Some(Piece::Mark(_) | Piece::Records(_))) => {
                return Err(CommandError::text("ERR given type is not a function"));
            }
            Err(_) => return Err(CommandError::text("ERR failed loading the given functions payload")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_dumped_is_restored(codes in proptest::collection::vec(any::<Vec<u8>>(), 0..4)) {
            prop_assert_eq!(libraries_of(&payload_of(&codes)), Ok(codes));
        }

        #[test]
        fn damaged_payloads_are_refused(code in any::<Vec<u8>>(), place in any::<usize>(), bit in 0..8u8) {
            let mut payload = payload_of(&[code]);
            let place = place % payload.len();
            payload[place] ^= 1 << bit;
            prop_assert!(libraries_of(&payload).is_err());
        }
    }

    #[test]
    fn libraries_name_themselves() {
        assert_eq!(library_name(b"#!lua name=one\nreturn 1"), Some(&b"one"[..]));
        assert_eq!(library_name(b"#!lua NAME=one"), Some(&b"one"[..]));
        assert_eq!(library_name(b"return 1"), None);
    }
}
