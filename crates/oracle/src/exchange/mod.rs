//! Values and files exchanged with the reference: what it dumps we read, what we write of it it takes back.
//!
//! The one part of this crate that uses the server's own code: `spinel-rdb`, without a server around it. The reference is
//! filled with generated values in every encoding ([`fill`]). Then
//!
//! - every value goes by `DUMP` to us and by `RESTORE` back, written for each version that the reference reads, with and
//!   without compression; digest and encoding have to stay, and what is a single block has to have the very bytes that
//!   the reference writes ([`payloads`]);
//! - the whole data set goes by `SAVE` to us and by `DEBUG RELOAD` back ([`files`]).
//!
//! A kind is what a key's name says before the colon. For each there is a count of what was compared, and of what
//! differed the first few.

mod files;
mod fill;
mod payloads;
mod values;

use crate::client::Client;
use spinel_resp::Value;
use std::collections::BTreeMap;
use std::io;

pub use files::exchange_files;
pub use fill::fill;
pub use payloads::exchange_payloads;

/// Differences that are shown of each kind.
const SHOWN: usize = 3;

/// What was compared, by kind.
pub type Exchanges = BTreeMap<String, Exchange>;

/// What was compared of a kind.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Comparisons.
    pub compared: usize,
    /// Those that failed.
    pub failed: usize,
    /// The first few of them.
    pub differences: Vec<String>,
}

impl Exchange {
    /// Counts a comparison.
    fn check(&mut self, holds: bool, difference: impl FnOnce() -> String) {
        self.compared += 1;
        if !holds {
            self.failed += 1;
            if self.differences.len() < SHOWN {
                self.differences.push(difference());
            }
        }
    }
}

/// The bytes of a reply that is a string.
fn bytes(reply: Value) -> io::Result<Vec<u8>> {
    match reply {
        Value::Bulk(bytes) | Value::SimpleString(bytes) => Ok(bytes),
        other => Err(io::Error::other(format!("the reference answers {other:?}"))),
    }
}

/// Sends a command that must not fail.
fn ask(client: &mut Client, words: &[&[u8]]) -> io::Result<Value> {
    match client.call(words)? {
        Value::Error(text) => {
            let name = String::from_utf8_lossy(words[0]).into_owned();
            Err(io::Error::other(format!("{name} fails: {}", String::from_utf8_lossy(&text))))
        }
        reply => Ok(reply),
    }
}

/// All keys of the first database.
fn keys(client: &mut Client) -> io::Result<Vec<Vec<u8>>> {
    match ask(client, &[b"KEYS", b"*"])? {
        Value::Array(keys) => keys.into_iter().map(bytes).collect(),
        other => Err(io::Error::other(format!("KEYS answers {other:?}"))),
    }
}

/// The part of a key before the colon.
fn kind_of(key: &[u8]) -> String {
    String::from_utf8_lossy(key.split(|byte| *byte == b':').next().unwrap_or_default()).into_owned()
}
