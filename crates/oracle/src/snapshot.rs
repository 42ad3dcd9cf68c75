//! The whole data set of a server, to be compared with another one's.
//!
//! Replies show what commands say; this shows what they did: type, encoding, content and the presence of an expiry of every
//! key. Where an encoding keeps an order (listpacks, integer sets) the order counts, since clients see it; where it does
//! not (hash tables) contents are sorted first.

use crate::client::{Client, decode};
use spinel_resp::Value;
use std::collections::BTreeMap;
use std::io;

/// How many databases are read, from 0 on: those that generated commands use.
const DATABASES: u8 = 3;

/// Which encodings of two servers ought to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encodings {
    /// All.
    All,
    /// Those of hashes: other types have other encodings in newer servers.
    OfHashes,
    /// None.
    Other,
}

/// Everything in the first databases.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    entries: BTreeMap<(u8, Vec<u8>), Entry>,
}

/// One key.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    kind: Value,
    encoding: Value,
    expires: bool,
    content: Value,
}

impl Snapshot {
    /// Reads a data set over a connection that speaks RESP2 and is used for nothing else.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn read(client: &mut Client) -> io::Result<Snapshot> {
        let mut entries = BTreeMap::new();
        for db in 0..DATABASES {
            client.call(&["SELECT", &db.to_string()])?;
            let keys = strings(client.call(&["KEYS", "*"])?);
            for (key, entry) in keys.iter().zip(read_entries(client, &keys)?) {
                entries.insert((db, key.clone()), entry);
            }
        }
        Ok(Snapshot { entries })
    }

    /// Without encodings that need not be the same, and without the orders that come with them.
    #[must_use]
    pub fn with(mut self, encodings: Encodings) -> Snapshot {
        for entry in self.entries.values_mut() {
            let is_hash = entry.kind.as_bytes() == Some(b"hash");
            if encodings == Encodings::Other || encodings == Encodings::OfHashes && !is_hash {
                entry.encoding = Value::SimpleString(b"hashtable".to_vec());
                let content = std::mem::replace(&mut entry.content, Value::Null);
                entry.content = ordered(entry, content);
            }
        }
        self
    }

    /// Without the orders of small hashes and sets: what was a hash table when it was saved is loaded in the table's order, which is
    /// another one in each run of a server.
    #[must_use]
    pub fn after_reload(mut self) -> Snapshot {
        for entry in self.entries.values_mut() {
            let content = std::mem::replace(&mut entry.content, Value::Null);
            let table = Entry { encoding: Value::SimpleString(b"hashtable".to_vec()), ..entry.clone() };
            entry.content = ordered(&table, content);
        }
        self
    }

    /// Where two data sets differ first; `None` when they are equal.
    pub fn difference(&self, other: &Snapshot) -> Option<KeyDifference> {
        let keys = self.entries.keys().chain(other.entries.keys());
        let key = keys.filter(|key| self.entries.get(*key) != other.entries.get(*key)).min()?;
        let (expected, found) = (self.entries.get(key), other.entries.get(key));
        let kind = format!("{} instead of {}", label(found), label(expected));
        let show =
            |entry: Option<&Entry>| entry.map_or("no such key".to_owned(), |entry| format!("{entry:?}"));
        let text = format!(
            "key \"{}\" of database {}:\n  reference {}\n  subject   {}",
            key.1.escape_ascii(),
            key.0,
            show(expected),
            show(found)
        );
        Some(KeyDifference { kind, text })
    }
}

/// A key that is not the same in two data sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDifference {
    /// Types and encodings, the same for differences of one kind.
    pub kind: String,
    /// The key and what it holds on both sides.
    pub text: String,
}

fn label(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else { return "nothing".to_owned() };
    let word = |value: &Value| String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned();
    format!("{} {}", word(&entry.encoding), word(&entry.kind))
}

fn read_entries(client: &mut Client, keys: &[Vec<u8>]) -> io::Result<Vec<Entry>> {
    for key in keys {
        client.queue(&[&b"TYPE"[..], key.as_slice()]);
        client.queue(&[&b"OBJECT"[..], b"ENCODING", key.as_slice()]);
        client.queue(&[&b"PTTL"[..], key.as_slice()]);
    }
    client.flush()?;
    let mut entries = Vec::new();
    for _ in keys {
        let kind = decode(&client.raw_reply()?)?;
        let encoding = decode(&client.raw_reply()?)?;
        let expires = decode(&client.raw_reply()?)? != Value::Integer(-1);
        entries.push(Entry { kind, encoding, expires, content: Value::Null });
    }
    for (key, entry) in keys.iter().zip(&entries) {
        match entry.kind.as_bytes() {
            Some(b"list") => client.queue(&[&b"LRANGE"[..], key.as_slice(), b"0", b"-1"]),
            Some(b"hash") => client.queue(&[&b"HGETALL"[..], key.as_slice()]),
            Some(b"set") => client.queue(&[&b"SMEMBERS"[..], key.as_slice()]),
            Some(b"zset") => client.queue(&[&b"ZRANGE"[..], key.as_slice(), b"0", b"-1", b"WITHSCORES"]),
            Some(b"stream") => client.queue(&[&b"XRANGE"[..], key.as_slice(), b"-", b"+"]),
            _ => client.queue(&[&b"GET"[..], key.as_slice()]),
        }
    }
    client.flush()?;
    for entry in &mut entries {
        entry.content = ordered(entry, decode(&client.raw_reply()?)?);
    }
    Ok(entries)
}

/// Sorts what stands in a hash table.
fn ordered(entry: &Entry, content: Value) -> Value {
    let size = match (entry.kind.as_bytes(), entry.encoding.as_bytes()) {
        (Some(b"hash"), Some(b"hashtable")) => 2,
        (Some(b"set"), Some(b"hashtable")) => 1,
        _ => return content,
    };
    let words = strings(content);
    let mut groups: Vec<&[Vec<u8>]> = words.chunks(size).collect();
    groups.sort();
    Value::Array(groups.concat().into_iter().map(Value::Bulk).collect())
}

/// The strings of an array; none for any other reply.
fn strings(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_bytes).map(<[u8]>::to_vec).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Snapshot, ordered};
    use spinel_resp::Value;
    use std::collections::BTreeMap;

    fn bulks(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| Value::Bulk(word.as_bytes().to_vec())).collect())
    }

    fn entry(kind: &str, encoding: &str, content: &[&str]) -> Entry {
        Entry {
            kind: Value::SimpleString(kind.as_bytes().to_vec()),
            encoding: Value::Bulk(encoding.as_bytes().to_vec()),
            expires: false,
            content: bulks(content),
        }
    }

    #[test]
    fn order_counts_in_listpacks_and_not_in_hash_tables() {
        let words = ["b", "1", "a", "2"];
        assert_eq!(ordered(&entry("hash", "listpack", &[]), bulks(&words)), bulks(&words));
        assert_eq!(ordered(&entry("hash", "hashtable", &[]), bulks(&words)), bulks(&["a", "2", "b", "1"]));
        assert_eq!(ordered(&entry("set", "hashtable", &[]), bulks(&words)), bulks(&["1", "2", "a", "b"]));
    }

    #[test]
    fn a_difference_names_key_and_database() {
        let with = |encoding| Snapshot {
            entries: BTreeMap::from([((1, b"k".to_vec()), entry("list", encoding, &["a"]))]),
        };
        assert_eq!(with("quicklist").difference(&with("quicklist")), None);
        let said = with("quicklist").difference(&with("listpack")).unwrap();
        assert_eq!(said.kind, "listpack list instead of quicklist list");
        assert!(said.text.contains("key \"k\" of database 1"), "{}", said.text);
    }
}
