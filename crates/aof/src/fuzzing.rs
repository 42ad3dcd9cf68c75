//! What the fuzz targets check, callable from ordinary tests as well, so that every seed and every crash found once is
//! replayed by `cargo test`. This is no part of the API.

use crate::disk::DiskFile;
use crate::manifest::Manifest;
use crate::reader::{LogReader, ReadError, Record};
use std::io;
use std::sync::Arc;

/// Manifests: what is accepted is written so that it is read as the same again.
pub fn fuzz_manifest(text: &[u8]) {
    if let Ok(manifest) = Manifest::parse(text) {
        let again = Manifest::parse(manifest.format().as_bytes());
        let fits = manifest.format().lines().all(|line| line.len() < 1024);
        if fits && manifest != Manifest::default() {
            assert_eq!(again, Ok(manifest));
        }
    }
}

/// Logs: what is read lies where it is said to; a torn file that is cut where it is whole reads the same and is whole.
pub fn fuzz_log(content: &[u8]) {
    let (commands, error) = read(content);
    if let Some(ReadError::Torn { boundary, at, .. } | ReadError::Damage { boundary, at, .. }) = error {
        assert!(boundary <= at && at <= content.len() as u64);
    }
    if let Some(ReadError::Torn { boundary, .. }) = error {
        let (again, error) = read(&content[..boundary as usize]);
        assert!(error.is_none(), "cut at {boundary}: {error:?}");
        assert!(commands.starts_with(&again));
    }
}

/// The commands of a log, encoded anew, and what ended it.
fn read(content: &[u8]) -> (Vec<Vec<u8>>, Option<ReadError>) {
    let file = Arc::new(Bytes(content.to_vec()));
    let mut reader = LogReader::of_part(file, 0, content.len() as u64);
    let mut commands = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(Record::Command { args, at, end })) => {
                let mut encoded = Vec::new();
                crate::encode_command(&mut encoded, args.iter());
                let raw = &content[at as usize..end as usize];
                // Lengths may have zeros in front.
                assert!(encoded == raw || encoded.len() < raw.len());
                commands.push(encoded);
            }
            Ok(Some(Record::Note { args, at, end })) => {
                let mut encoded = Vec::new();
                crate::encode_note(&mut encoded, args.iter());
                let raw = &content[at as usize..end as usize];
                assert!(raw.starts_with(b"#SPINEL-NOTE:") && raw.ends_with(b"\r\n"));
                commands.push(encoded);
            }
            Ok(Some(Record::Timestamp { .. } | Record::Seal(_))) => {}
            Ok(None) => return (commands, None),
            Err(error) => return (commands, Some(error)),
        }
    }
}

/// Bytes as a file that nobody writes.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl DiskFile for Bytes {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = self.0.get(at as usize..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, _bytes: &[u8], _at: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn set_length(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reserve(&self, _at: u64, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
