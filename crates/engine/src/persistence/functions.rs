//! Libraries of functions, kept as they came until something runs them: files that are written hold them again.
//!
//! Only a library's name is looked at, in its first line (`#!lua name=mylib`), for a library replaces that of its name.

use std::sync::{Mutex, MutexGuard, PoisonError};

use spinel_family::{Args, is_token};
use spinel_rdb::decode::{Mark, Piece, Splitter};
use spinel_rdb::encode::{put_eof, put_header};
use spinel_rdb::{Checksum, Target};

/// What follows the libraries in the payload of `FUNCTION RESTORE`: a version of two bytes and a checksum of eight.
const FOOT_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 8;

/// The libraries; protects itself.
#[derive(Debug, Default)]
pub(crate) struct Functions(Mutex<Vec<Vec<u8>>>);

impl Functions {
    fn all(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code of each.
    pub(crate) fn list(&self) -> Vec<Vec<u8>> {
        self.all().clone()
    }

    /// Adds a library, in the place of the one of its name.
    pub(crate) fn keep(&self, code: Vec<u8>) {
        let mut all = self.all();
        match all.iter_mut().find(|known| library_name(known) == library_name(&code)) {
            Some(known) => *known = code,
            None => all.push(code),
        }
    }

    /// Forgets all; whether there were any.
    pub(crate) fn clear(&self) -> bool {
        !std::mem::take(&mut *self.all()).is_empty()
    }

    /// Does what a `FUNCTION` command in a log does; false if it is none that a log holds.
    pub(crate) fn replay(&self, args: Args<'_>) -> bool {
        let Some(word) = args.get(1) else { return false };
        match args.len() {
            3 | 4 if is_token(word, "LOAD") => self.keep(args.at(args.len() - 1).to_vec()),
            3 if is_token(word, "DELETE") => {
                self.all().retain(|known| library_name(known) != Some(args.at(2)));
            }
            2 | 3 if is_token(word, "FLUSH") => drop(self.clear()),
            3 | 4 if is_token(word, "RESTORE") => {
                let Some(libraries) = libraries_of(args.at(2)) else { return false };
                if args.get(3).is_some_and(|policy| is_token(policy, "FLUSH")) {
                    self.clear();
                }
                libraries.into_iter().for_each(|code| self.keep(code));
            }
            _ => return false,
        }
        true
    }
}

/// The name that a library gives itself.
pub(crate) fn library_name(code: &[u8]) -> Option<&[u8]> {
    let line = code.split(|byte| *byte == b'\n').next().filter(|line| line.starts_with(b"#!"))?;
    line.split(u8::is_ascii_whitespace).find_map(|word| {
        let (prefix, name) = word.split_at_checked(b"name=".len())?;
        prefix.eq_ignore_ascii_case(b"name=").then_some(name)
    })
}

/// The libraries in the payload of `FUNCTION RESTORE`, which are written as in a file.
fn libraries_of(payload: &[u8]) -> Option<Vec<Vec<u8>>> {
    let body = &payload[..payload.len().checked_sub(FOOT_BYTES)?];
    let (summed, stated) = payload.split_at(payload.len() - CHECKSUM_BYTES);
    let mut checksum = Checksum::new();
    checksum.update(summed);
    if stated != checksum.value().to_le_bytes() {
        return None;
    }
    let mut file = Vec::with_capacity(body.len() + 2 * FOOT_BYTES);
    put_header(&mut file, Target::V10);
    file.extend_from_slice(body);
    put_eof(&mut file, None);
    let mut splitter = Splitter::new(&file[..]);
    let mut libraries = Vec::new();
    while let Some(piece) = splitter.next_piece().ok()? {
        match piece {
            Piece::Mark(Mark::Function(code)) => libraries.push(code),
            Piece::Mark(Mark::Eof(_)) => {}
            Piece::Mark(_) | Piece::Records(_) => return None,
        }
    }
    Some(libraries)
}

#[cfg(test)]
mod tests {
    use spinel_family::OwnedArgs;
    use spinel_rdb::encode::{EncodeOptions, put_function};

    use super::*;

    const ONE: &[u8] = b"#!lua name=one\nreturn 1";
    const TWO: &[u8] = b"#!lua  NAME=two\nreturn 2";

    fn replay(functions: &Functions, words: &[&[u8]]) -> bool {
        functions.replay(OwnedArgs::from_words(words.iter().copied()).args())
    }

    #[test]
    fn a_library_replaces_the_one_of_its_name() {
        let functions = Functions::default();
        functions.keep(ONE.to_vec());
        functions.keep(TWO.to_vec());
        functions.keep(b"#!lua name=one\nreturn 3".to_vec());
        assert_eq!(functions.list(), [&b"#!lua name=one\nreturn 3"[..], TWO]);
        assert_eq!(library_name(b"return 1"), None);
    }

    #[test]
    fn commands_of_a_log_load_delete_and_restore_libraries() {
        let functions = Functions::default();
        assert!(replay(&functions, &[b"FUNCTION", b"LOAD", ONE]));
        assert!(replay(&functions, &[b"function", b"load", b"REPLACE", TWO]));
        assert!(replay(&functions, &[b"FUNCTION", b"DELETE", b"one"]));
        assert_eq!(functions.list(), [TWO]);
        let mut payload = Vec::new();
        put_function(&mut payload, ONE, EncodeOptions::default());
        payload.extend_from_slice(&[10, 0]);
        let mut checksum = Checksum::new();
        checksum.update(&payload);
        payload.extend_from_slice(&checksum.value().to_le_bytes());
        assert!(replay(&functions, &[b"FUNCTION", b"RESTORE", &payload, b"FLUSH"]));
        assert_eq!(functions.list(), [ONE]);
        payload[3] ^= 1;
        assert!(!replay(&functions, &[b"FUNCTION", b"RESTORE", &payload]));
        assert!(replay(&functions, &[b"FUNCTION", b"FLUSH"]));
        assert!(functions.list().is_empty());
        assert!(!replay(&functions, &[b"FUNCTION", b"LIST"]));
    }
}
