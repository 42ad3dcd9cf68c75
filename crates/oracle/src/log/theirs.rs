//! Logs that the reference writes, loaded here.

use super::ours::{Data, fetch};
use super::{FILE, FOLDER, Workshop};
use crate::random::Random;
use spinel_aof::disk::{DiskFile, RealDisk};
use spinel_aof::recovery::{Level, Loader, TornEnd, load as load_log, plan};
use spinel_aof::{Directory, Manifest, Names};
use spinel_resp::Args;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Takes SET, SELECT and transactions.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) data: Data,
    db: u32,
    queued: Option<Data>,
}

impl Loader for Replay {
    type Error = String;

    fn snapshot(&mut self, name: &str, _file: &Arc<dyn DiskFile>) -> Result<u64, String> {
        Err(format!("{name} is a snapshot"))
    }

    fn command(&mut self, _name: &str, args: Args<'_>) -> Result<(), String> {
        match args.at(0).to_ascii_uppercase().as_slice() {
            b"SELECT" => {
                let number = std::str::from_utf8(args.at(1)).map_err(|error| error.to_string())?;
                self.db = number.parse().map_err(|_| format!("database {number}"))?;
            }
            b"SET" => {
                let data = self.queued.as_mut().unwrap_or(&mut self.data);
                data.insert((self.db, args.at(1).to_vec()), args.at(2).to_vec());
            }
            b"MULTI" => self.queued = Some(Data::new()),
            b"EXEC" => self.data.extend(self.queued.take().unwrap_or_default()),
            _ => return Err(format!("{args:?}")),
        }
        Ok(())
    }

    fn note(&mut self, _name: &str, args: Args<'_>) -> Result<(), String> {
        Err(format!("the note {args:?}"))
    }

    fn drop_transaction(&mut self) {
        self.queued = None;
    }

    fn progress(&mut self, _bytes_read: u64) {}

    fn log(&mut self, _level: Level, _line: String) {}
}

/// Loads the log in a folder.
pub(super) fn load(folder: &Path) -> io::Result<Replay> {
    let disk = Arc::new(RealDisk::new(folder));
    let directory = Directory::open(disk, Names::new(FOLDER, FILE)).map_err(io::Error::other)?;
    let plan = plan(&directory).map_err(io::Error::other)?;
    let mut replay = Replay::default();
    load_log(&directory, &plan, TornEnd::Refuse, &mut replay).map_err(io::Error::other)?;
    Ok(replay)
}

/// Commands, transactions, timestamps and a rewrite in between.
pub(super) fn written(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let folder = workshop.folder("theirs")?;
    let args = ["--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes"];
    let (mut server, mut client) = workshop.serve(&folder, &args)?;
    let mut random = Random::new(11);
    for number in 0..1000 {
        let (key, value) = (random.below(300).to_string(), random.below(1 << 30).to_string());
        client.queue(&["SELECT".to_owned(), random.below(3).to_string()]);
        client.queue(&["MULTI", "SET", "EXEC"][..1]);
        client.queue(&["SET", &key, &value]);
        client.queue(&["SET", &value, &key]);
        client.queue(&["EXEC"]);
        client.flush()?;
        for _ in 0..5 {
            client.raw_reply()?;
        }
        if number == 500 {
            client.call(&["BGREWRITEAOF"])?;
        }
    }
    let data = fetch(&mut client)?;
    client.queue(&["SHUTDOWN", "NOSAVE"]);
    client.flush()?;
    server.wait()?;
    let loaded = load(&folder)?.data;
    let differences = if loaded == data {
        Vec::new()
    } else {
        vec![format!("we have {} keys where the reference has {}", loaded.len(), data.len())]
    };
    Ok((data.len(), differences))
}

/// What the reference writes as a manifest, with names that need quotes.
pub(super) fn manifests(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let names = ["plain.aof", "with blank.aof", "with\\backslash.aof", "quoted\".aof", "größer.aof"];
    let mut differences = Vec::new();
    for name in names.iter().filter(|name| !name.contains('\\')) {
        let folder = workshop.folder("manifests")?;
        let (server, _client) = workshop.serve(&folder, &["--appendfilename", name])?;
        let path = folder.join(FOLDER).join(format!("{name}.manifest"));
        let text = std::fs::read(path)?;
        drop(server);
        let ours = Manifest::parse(&text).map_err(io::Error::other)?.format();
        if ours.as_bytes() != text {
            differences.push(format!("{ours:?} where the reference writes {}", text.escape_ascii()));
        }
    }
    Ok((names.len() - 1, differences))
}
