//! Logs that we write: the reference's tool accepts them, the reference loads the same data and goes on with them.

use super::theirs::{Replay, load};
use super::{FILE, FOLDER, Workshop};
use crate::client::{Client, Words};
use crate::random::Random;
use spinel_aof::annotation::{ReplicationId, Stamp};
use spinel_aof::disk::{Disk, OpenMode, RealDisk, write_all_at};
use spinel_aof::{
    BaseFormat, Directory, Following, LogBuffer, LogPosition, LogWriter, Names, Rotation, WriterOptions,
    encode_command,
};
use spinel_resp::{OwnedArgs, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Commands in each log.
const COMMANDS: u64 = 2000;

/// What a data set of strings holds: by database and key.
pub(super) type Data = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

/// A log that is being written, and what it should hold.
struct Log {
    directory: Directory,
    buffer: LogBuffer,
    writer: LogWriter,
    random: Random,
    data: Data,
    now_ms: u64,
}

impl Log {
    fn begin(folder: &Path, seed: u64, preallocate_bytes: u64) -> io::Result<Log> {
        let disk = Arc::new(RealDisk::new(folder));
        let mut directory = Directory::open(disk, Names::new(FOLDER, FILE)).map_err(io::Error::other)?;
        directory.create_folder().map_err(io::Error::other)?;
        let options = WriterOptions { preallocate_bytes, ..WriterOptions::default() };
        let writer =
            LogWriter::open(&mut directory, options, LogPosition(0), stamp(0)).map_err(io::Error::other)?;
        let mut buffer = LogBuffer::new(LogPosition(0));
        buffer.set_timestamps(seed.is_multiple_of(2));
        Ok(Log {
            directory,
            buffer,
            writer,
            random: Random::new(seed),
            data: Data::new(),
            now_ms: 1_700_000_000_000,
        })
    }

    fn set(&mut self) {
        let db = self.random.below(3) as u32;
        let key = self.random.below(500).to_string().into_bytes();
        let value: Vec<u8> = (0..self.random.below(200)).map(|_| self.random.below(256) as u8).collect();
        let seconds = (self.now_ms / 1000) as i64;
        self.buffer.append(db, seconds, OwnedArgs::from_words([&b"SET"[..], &key, &value]).args());
        self.data.insert((db, key), value);
    }

    fn fill(&mut self) -> io::Result<()> {
        for number in 0..COMMANDS {
            self.now_ms += self.random.below(300) as u64;
            let seconds = (self.now_ms / 1000) as i64;
            if number % 10 == 0 {
                self.buffer.begin_transaction(0, seconds);
                self.set();
                self.set();
                self.buffer.end_transaction(0, seconds);
            } else {
                self.set();
            }
            if self.random.below(20) == 0 {
                self.write()?;
            }
            if let Some(room) = self.writer.begin_preallocation() {
                let outcome = room.run();
                self.writer.end_preallocation(outcome);
            }
        }
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(batch) = self.buffer.take() {
            self.writer.write(batch, stamp(self.now_ms)).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

fn stamp(time_ms: u64) -> Stamp {
    Stamp { replication_id: ReplicationId::ZERO, offset: time_ms, time_ms }
}

/// Files that were closed are what other servers expect.
pub(super) fn closed(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let mut differences = Vec::new();
    for seed in 1..=4 {
        let folder = workshop.folder("closed")?;
        let mut log = Log::begin(&folder, seed, 100_000 * (seed % 2))?;
        log.fill()?;
        log.writer.close(stamp(log.now_ms)).map_err(io::Error::other)?;
        compare(workshop, &folder, &log.data, &mut differences)?;
    }
    Ok((4, differences))
}

/// What a killed server left, after ours opened it and was killed again.
pub(super) fn interrupted(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let mut differences = Vec::new();
    for seed in 5..=6 {
        let folder = workshop.folder("interrupted")?;
        let mut log = Log::begin(&folder, seed, 100_000)?;
        log.fill()?;
        load(&folder)?;
        compare(workshop, &folder, &log.data, &mut differences)?;
    }
    Ok((2, differences))
}

/// A base, increments before and after it, and history.
pub(super) fn rewritten(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let folder = workshop.folder("rewritten")?;
    let mut log = Log::begin(&folder, 7, 0)?;
    log.fill()?;
    let next = log.directory.begin_increment(stamp(log.now_ms)).map_err(io::Error::other)?;
    let first = next.name().to_owned();
    log.writer.begin_rotation(next);
    log.buffer.cut();
    let base = encode(&log.data);
    log.fill()?;
    if *log.writer.rotation() != Rotation::Done(first.clone()) {
        return Ok((1, vec![format!("the files were not changed: {:?}", log.writer.rotation())]));
    }
    let file = RealDisk::new(&folder).open("temp-rewriteaof-bg-1.aof", OpenMode::Truncate)?;
    write_all_at(&*file, &base, 0)?;
    file.sync_data()?;
    let installed =
        log.directory.install_base("temp-rewriteaof-bg-1.aof", BaseFormat::Resp, Following::From(&first));
    installed.map_err(io::Error::other)?;
    log.writer.close(stamp(log.now_ms)).map_err(io::Error::other)?;
    let mut differences = Vec::new();
    compare(workshop, &folder, &log.data, &mut differences)?;
    Ok((1, differences))
}

fn encode(data: &Data) -> Vec<u8> {
    let mut bytes = Vec::new();
    for ((db, key), value) in data {
        encode_command(&mut bytes, [&b"SELECT"[..], db.to_string().as_bytes()]);
        encode_command(&mut bytes, [&b"SET"[..], key, value]);
    }
    bytes
}

/// Lets the reference check and load a log, go on with it, and loads it again here.
fn compare(workshop: &Workshop, folder: &Path, data: &Data, differences: &mut Vec<String>) -> io::Result<()> {
    let manifest = folder.join(FOLDER).join(format!("{FILE}.manifest"));
    let (accepted, said) = workshop.check(&manifest, None, b"")?;
    if !accepted {
        differences.push(format!("the reference's tool refuses it:\n{said}"));
        return Ok(());
    }
    let (mut server, mut client) = workshop.serve(folder, &[])?;
    let held = fetch(&mut client)?;
    if held != *data {
        differences.push(format!("the reference has {} keys where there are {}", held.len(), data.len()));
    }
    client.call(&[&b"SELECT"[..], b"0"])?;
    client.call(&[&b"SET"[..], b"appended", b"by the reference"])?;
    client.queue(&[&b"SHUTDOWN"[..], b"NOSAVE"]);
    client.flush()?;
    server.wait()?;
    let mut expected = data.clone();
    expected.insert((0, b"appended".to_vec()), b"by the reference".to_vec());
    let Replay { data, .. } = load(folder)?;
    if data != expected {
        differences.push(format!(
            "afterwards we have {} keys where there are {}",
            data.len(),
            expected.len()
        ));
    }
    Ok(())
}

/// All strings of a server.
pub(super) fn fetch(client: &mut Client) -> io::Result<Data> {
    let mut data = Data::new();
    for db in 0..3u32 {
        client.call(&[&b"SELECT"[..], db.to_string().as_bytes()])?;
        let keys = words(client, &[b"KEYS".to_vec(), b"*".to_vec()])?;
        for key in keys {
            let value = words(client, &[b"MGET".to_vec(), key.clone()])?.pop().unwrap_or_default();
            data.insert((db, key), value);
        }
    }
    Ok(data)
}

/// The words of a reply that is an array of them.
fn words(client: &mut Client, command: &[Vec<u8>]) -> io::Result<Words> {
    match client.call(command)? {
        Value::Array(items) => Ok(items.iter().filter_map(Value::as_bytes).map(<[u8]>::to_vec).collect()),
        other => Err(io::Error::other(format!("{other:?}"))),
    }
}
