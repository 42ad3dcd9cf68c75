//! What is compared of a data set.

use super::fill::USED;
use super::servers::ask;
use crate::client::Client;
use spinel_resp::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// Milliseconds by which an expiry may differ where a server says only what is left until then.
const TOLERANCE_MS: i64 = 2000;

/// A data set.
#[derive(Debug)]
pub(super) struct Facts {
    digest: Option<Vec<u8>>,
    keys: BTreeMap<(u32, Vec<u8>), Key>,
    /// Expiries are as exact as a server says them.
    has_exact_expiries: bool,
}

struct Key {
    kind: Vec<u8>,
    is_small: bool,
    /// Where the server tells it.
    digest: Option<Vec<u8>>,
    /// Members and the bits of their scores, in order.
    scores: Vec<(Vec<u8>, u64)>,
    /// In milliseconds of Unix time.
    expiry: Option<i64>,
}

impl Facts {
    /// Asks a server.
    ///
    /// # Errors
    /// When the connection fails or the server answers what it must not.
    pub(super) fn of(client: &mut Client) -> io::Result<Self> {
        let digest = bytes(ask(client, &[b"DEBUG", b"DIGEST"])?)?;
        let mut facts = Self { digest: Some(digest), keys: BTreeMap::new(), has_exact_expiries: true };
        for db in USED {
            ask(client, &[b"SELECT", db.to_string().as_bytes()])?;
            let Value::Array(names) = ask(client, &[b"KEYS", b"*"])? else {
                return Err(io::Error::other("KEYS answers no array"));
            };
            for name in names {
                let name = bytes(name)?;
                let key = facts.key(client, &name)?;
                facts.keys.insert((db, name), key);
            }
        }
        ask(client, &[b"SELECT", b"0"])?;
        Ok(facts)
    }

    fn key(&mut self, client: &mut Client, name: &[u8]) -> io::Result<Key> {
        let kind = bytes(ask(client, &[b"TYPE", name])?)?;
        let encoding = bytes(ask(client, &[b"OBJECT", b"ENCODING", name])?)?;
        let digest = match client.call(&[&b"DEBUG"[..], b"DIGEST-VALUE", name])? {
            Value::Array(mut digests) if digests.len() == 1 => Some(bytes(digests.remove(0))?),
            _ => None,
        };
        let expiry = match client.call(&[&b"PEXPIRETIME"[..], name])? {
            Value::Integer(at) => at,
            _ => {
                self.has_exact_expiries = false;
                remaining(client, name)?
            }
        };
        let is_small = match (&kind[..], &encoding[..]) {
            // Servers differ in how they keep lists, and small sets of texts.
            (b"list", _) => true,
            (b"set", encoding) => encoding == b"intset",
            (b"string", encoding) => encoding == b"int",
            (_, encoding) => matches!(encoding, b"ziplist" | b"listpack"),
        };
        let scores = if kind == b"zset" { scores(client, name)? } else { Vec::new() };
        Ok(Key { kind, is_small, digest, scores, expiry: (expiry >= 0).then_some(expiry) })
    }

    /// Forgets the digests that go over the texts of scores.
    pub(super) fn without_digests_of_scores(mut self) -> Self {
        self.digest = None;
        self.keys.values_mut().filter(|key| key.kind == b"zset").for_each(|key| key.digest = None);
        self
    }

    /// What differs from `other`, after the number of things compared.
    pub(super) fn compare(&self, other: &Self) -> (usize, Vec<String>) {
        let mut differences = Vec::new();
        if let (Some(ours), Some(theirs)) = (&self.digest, &other.digest)
            && ours != theirs
        {
            let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
            differences.push(format!("the digest is {theirs} instead of {ours}"));
        }
        let tolerance = if self.has_exact_expiries && other.has_exact_expiries { 0 } else { TOLERANCE_MS };
        for ((db, name), key) in &self.keys {
            let text = format!("key '{}' in database {db}", name.escape_ascii());
            match other.keys.get(&(*db, name.clone())) {
                None => differences.push(format!("{text} is missing")),
                Some(found) if !key.equals(found, tolerance) => {
                    differences.push(format!("{text} is {found:?} instead of {key:?}"));
                }
                Some(_) => {}
            }
        }
        if other.keys.len() != self.keys.len() {
            differences.push(format!("{} keys instead of {}", other.keys.len(), self.keys.len()));
        }
        (1 + self.keys.len(), differences)
    }
}

impl Key {
    fn equals(&self, other: &Self, tolerance_ms: i64) -> bool {
        let digests = match (&self.digest, &other.digest) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let expiries = match (self.expiry, other.expiry) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= tolerance_ms,
            (ours, theirs) => ours == theirs,
        };
        self.kind == other.kind
            && self.is_small == other.is_small
            && self.scores == other.scores
            && digests
            && expiries
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = if self.is_small { "small" } else { "large" };
        write!(f, "a {size} {}", self.kind.escape_ascii())?;
        if let Some(digest) = &self.digest {
            write!(f, ", digest {}", digest.escape_ascii())?;
        }
        match self.expiry {
            Some(at) => write!(f, ", which expires at {at}"),
            None => Ok(()),
        }
    }
}

/// The members of a sorted set, and the bits of their scores.
fn scores(client: &mut Client, name: &[u8]) -> io::Result<Vec<(Vec<u8>, u64)>> {
    let Value::Array(items) = ask(client, &[b"ZRANGE", name, b"0", b"-1", b"WITHSCORES"])? else {
        return Err(io::Error::other("ZRANGE answers no array"));
    };
    let items = items.into_iter().map(bytes).collect::<io::Result<Vec<_>>>()?;
    let pairs = items.chunks_exact(2).map(|pair| {
        let score = String::from_utf8_lossy(&pair[1]).parse::<f64>().map_err(io::Error::other)?;
        Ok((pair[0].clone(), score.to_bits()))
    });
    pairs.collect()
}

/// When a key expires, by what is left until then; -1 if it does not.
fn remaining(client: &mut Client, name: &[u8]) -> io::Result<i64> {
    let Value::Integer(left) = ask(client, &[b"PTTL", name])? else {
        return Err(io::Error::other("PTTL answers no integer"));
    };
    if left < 0 {
        return Ok(-1);
    }
    let Value::Array(time) = ask(client, &[b"TIME"])? else {
        return Err(io::Error::other("TIME answers no array"));
    };
    let numbers = time.into_iter().map(|part| {
        let text = bytes(part)?;
        String::from_utf8_lossy(&text).parse::<i64>().map_err(io::Error::other)
    });
    let numbers = numbers.collect::<io::Result<Vec<_>>>()?;
    match numbers[..] {
        [seconds, micros] => Ok(seconds * 1000 + micros / 1000 + left),
        _ => Err(io::Error::other("TIME answers no two numbers")),
    }
}

/// The bytes of a reply that is a string.
pub(super) fn bytes(value: Value) -> io::Result<Vec<u8>> {
    value.as_bytes().map(<[u8]>::to_vec).ok_or_else(|| io::Error::other(format!("{value:?} is no string")))
}
