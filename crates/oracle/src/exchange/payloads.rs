//! Values by `DUMP` and `RESTORE`.

use super::values::{Ours, encoding, entry, ways};
use super::{Exchange, Exchanges, ask, bytes, keys, kind_of};
use crate::client::Client;
use spinel_rdb::Target;
use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::payload::{Verify, dump, restore};
use spinel_resp::Value;
use spinel_store::Entry;
use std::io;

/// Where values are restored to.
const COPY: &[u8] = b"copy";

/// Exchanges every value of the first database.
///
/// # Errors
/// When the connection fails or the reference refuses what it must not.
pub fn exchange_payloads(client: &mut Client, exchanges: &mut Exchanges) -> io::Result<()> {
    let ours = Ours::new();
    for key in keys(client)? {
        let exchange = exchanges.entry(kind_of(&key)).or_default();
        for compression in [false, true] {
            ask(client, &[b"CONFIG", b"SET", b"rdbcompression", if compression { b"yes" } else { b"no" }])?;
            let payload = bytes(ask(client, &[b"DUMP", &key])?)?;
            match restore(&payload, Verify::Checksum, ours.cx()) {
                Err(error) => exchange.check(false, || format!("{}: {error:?}", key.escape_ascii())),
                Ok(value) => {
                    let entry = entry(value);
                    if !compression {
                        check_bytes(&key, &entry, &payload, exchange);
                    }
                    give_back(client, &key, &entry, exchange)?;
                }
            }
        }
    }
    ask(client, &[b"DEL", COPY]).map(drop)
}

/// What is a single block has no order of its own, so there is one way to write it.
fn check_bytes(key: &[u8], entry: &Entry, theirs: &[u8], exchange: &mut Exchange) {
    if matches!(encoding(entry), Some("hashtable" | "skiplist")) {
        return;
    }
    let ours =
        dump(entry.value(), EncodeOptions { compression: false, target: Target::V10, is_lowest: false });
    exchange.check(ours == theirs, || format!("{}: other bytes than the reference's", key.escape_ascii()));
}

/// Restores a value in every way, and compares.
fn give_back(client: &mut Client, key: &[u8], entry: &Entry, exchange: &mut Exchange) -> io::Result<()> {
    let expected = seen(client, key)?;
    if let Some(encoding) = encoding(entry) {
        let name = key.escape_ascii();
        exchange
            .check(encoding == expected.1, || format!("{name}: {encoding}, at the reference {expected:?}"));
    }
    // The digest tells whether there is an expiry.
    let expiry = match ask(client, &[b"PEXPIRETIME", key])? {
        Value::Integer(at) if at > 0 => at.to_string(),
        _ => "0".to_owned(),
    };
    for options in ways() {
        let payload = dump(entry.value(), options);
        let line: [&[u8]; 6] = [b"RESTORE", COPY, expiry.as_bytes(), &payload, b"REPLACE", b"ABSTTL"];
        let found = match client.call(&line)? {
            Value::Error(text) => ("refused".to_owned(), String::from_utf8_lossy(&text).into_owned()),
            _ => seen(client, COPY)?,
        };
        exchange.check(found == expected, || {
            format!("{}, {options:?}: {found:?} came back instead of {expected:?}", key.escape_ascii())
        });
    }
    Ok(())
}

/// The digest and the encoding of a value at the reference.
fn seen(client: &mut Client, key: &[u8]) -> io::Result<(String, String)> {
    let digest = match ask(client, &[b"DEBUG", b"DIGEST-VALUE", key])? {
        Value::Array(mut digests) if digests.len() == 1 => bytes(digests.remove(0))?,
        other => return Err(io::Error::other(format!("DEBUG DIGEST-VALUE answers {other:?}"))),
    };
    let encoding = bytes(ask(client, &[b"OBJECT", b"ENCODING", key])?)?;
    Ok((String::from_utf8_lossy(&digest).into_owned(), String::from_utf8_lossy(&encoding).into_owned()))
}
