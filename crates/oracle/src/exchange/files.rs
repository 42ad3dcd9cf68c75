//! A whole data set by `SAVE` and `DEBUG RELOAD`.

use super::values::{Ours, ways};
use super::{Exchange, Exchanges, ask, bytes, keys};
use crate::client::Client;
use spinel_rdb::Checksum;
use spinel_rdb::decode::{FileChecksum, Item, Mark, Reader};
use spinel_rdb::encode::{
    Attributes, EncodeOptions, put_aux, put_entry, put_eof, put_header, put_resize_db, put_select_db,
};
use spinel_resp::Value;
use spinel_store::Entry;
use std::io;
use std::path::PathBuf;

/// Exchanges the data set of the first database.
///
/// # Errors
/// When the connection or the file system fails or the reference refuses what it must not.
pub fn exchange_files(client: &mut Client, exchanges: &mut Exchanges) -> io::Result<()> {
    let exchange = exchanges.entry("files".to_owned()).or_default();
    let path = path(client)?;
    let expected = (keys(client)?.len(), digest(client)?);
    for compression in [false, true] {
        ask(client, &[b"CONFIG", b"SET", b"rdbcompression", if compression { b"yes" } else { b"no" }])?;
        ask(client, &[b"SAVE"])?;
        match read(&std::fs::read(&path)?) {
            Err(error) => exchange.check(false, || format!("we do not read the reference's file: {error}")),
            Ok(entries) => {
                exchange.check(entries.len() == expected.0, || {
                    format!("{} keys instead of {}", entries.len(), expected.0)
                });
                check_expiries(client, &entries, exchange)?;
                for options in ways() {
                    std::fs::write(&path, write(&entries, options))?;
                    ask(client, &[b"DEBUG", b"RELOAD", b"NOSAVE"])?;
                    let found = (keys(client)?.len(), digest(client)?);
                    exchange.check(found == expected, || {
                        format!("{options:?}: {found:?} came back instead of {expected:?}")
                    });
                }
            }
        }
    }
    Ok(())
}

fn path(client: &mut Client) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for name in ["dir", "dbfilename"] {
        match ask(client, &[b"CONFIG", b"GET", name.as_bytes()])? {
            Value::Array(mut pair) if pair.len() == 2 => {
                path.push(String::from_utf8_lossy(&bytes(pair.remove(1))?).as_ref());
            }
            other => return Err(io::Error::other(format!("CONFIG GET {name} answers {other:?}"))),
        }
    }
    Ok(path)
}

fn digest(client: &mut Client) -> io::Result<Vec<u8>> {
    bytes(ask(client, &[b"DEBUG", b"DIGEST"])?)
}

fn read(file: &[u8]) -> Result<Vec<Entry>, String> {
    let ours = Ours::new();
    let mut reader = Reader::new(file, ours.cx());
    let mut entries = Vec::new();
    while let Some(item) = reader.next_item().map_err(|error| error.to_string())? {
        match item {
            Item::Record(record) => {
                entries.push(record.into_entry(0, ours.cx().hash_key).ok_or("an empty collection")?);
            }
            Item::Mark(Mark::Eof(checksum)) if checksum != FileChecksum::Right => {
                return Err(format!("the checksum is {checksum:?}"));
            }
            Item::Mark(_) => {}
        }
    }
    Ok(entries)
}

fn write(entries: &[Entry], options: EncodeOptions) -> Vec<u8> {
    let mut file = Vec::new();
    put_header(&mut file, options.target);
    put_aux(&mut file, b"redis-ver", b"7.0.15");
    put_aux(&mut file, b"ctime", b"1700000000");
    put_select_db(&mut file, 0);
    let expiring = entries.iter().filter(|entry| entry.expiry().is_some()).count();
    put_resize_db(&mut file, entries.len() as u64, expiring as u64);
    for entry in entries {
        let attributes = Attributes { expiry: entry.expiry(), ..Attributes::default() };
        put_entry(&mut file, entry.key(), entry.value(), attributes, options);
    }
    let mut checksum = Checksum::new();
    checksum.update(&file);
    put_eof(&mut file, Some(checksum));
    file
}

fn check_expiries(client: &mut Client, entries: &[Entry], exchange: &mut Exchange) -> io::Result<()> {
    for entry in entries {
        client.queue(&[b"PEXPIRETIME", entry.key()]);
    }
    client.flush()?;
    for entry in entries {
        let theirs = crate::client::decode(&client.raw_reply()?)?;
        let ours = Value::Integer(entry.expiry().map_or(-1, |at| at.0));
        exchange.check(theirs == ours, || {
            format!("{} expires at {ours:?}, at the reference at {theirs:?}", entry.key().escape_ascii())
        });
    }
    Ok(())
}
