//! Backups that a server of ours takes while it is written to: the reference's tool accepts them, and the reference and we
//! load the data of the moment at which they were sealed.

use super::{FILE, FOLDER, Workshop};
use crate::client::Client;
use crate::random::Random;
use crate::reference::Server;
use spinel_resp::Value;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Backups for each setting of `appendonly`.
const BACKUPS: usize = 3;
/// Commands between two steps of a backup.
const COMMANDS: usize = 3000;
/// How long a state may take to come.
const LIMIT_MS: u32 = 20_000;

pub(super) fn taken(workshop: &Workshop, subject: &Path) -> io::Result<(usize, Vec<String>)> {
    let mut differences = Vec::new();
    for appendonly in ["yes", "no"] {
        let folder = workshop.folder("backed-up")?;
        let dir = folder.to_string_lossy().into_owned();
        let args = ["--dir", &dir, "--appendonly", appendonly, "--enable-debug-command", "yes"];
        let server = Server::start(subject, &args).map_err(io::Error::other)?;
        let mut client = Client::connect(server.port())?;
        let mut random = Random::new(7);
        for number in 0..BACKUPS {
            write(&mut client, &mut random)?;
            ask(&mut client, &["BACKUP", "START"])?;
            write(&mut client, &mut random)?;
            wait_for(&mut client, "incrementing")?;
            if number > 0 {
                ask(&mut client, &["BGREWRITEAOF"])?;
            }
            write(&mut client, &mut random)?;
            let expected = ask(&mut client, &["DEBUG", "DIGEST"])?;
            ask(&mut client, &["BACKUP", "SEAL"])?;
            write(&mut client, &mut random)?;
            for (what, found) in load(workshop, subject, &folder.join("backupdir"))? {
                if found != expected {
                    differences.push(format!(
                        "appendonly {appendonly}, backup {number}: {what} has {found:?} instead of {expected:?}"
                    ));
                }
            }
            ask(&mut client, &["BACKUP", "CLEANUP"])?;
        }
    }
    Ok((2 * BACKUPS, differences))
}

/// What each makes of a backup, in the place of a log.
fn load(workshop: &Workshop, subject: &Path, backup: &Path) -> io::Result<Vec<(&'static str, Value)>> {
    let mut found = Vec::new();
    for what in ["the reference", "Spinel"] {
        let folder = workshop.folder("restored")?;
        let log = folder.join(FOLDER);
        std::fs::create_dir_all(&log)?;
        for entry in std::fs::read_dir(backup)? {
            let entry = entry?;
            std::fs::copy(entry.path(), log.join(entry.file_name()))?;
        }
        let (accepted, said) = workshop.check(&log.join(format!("{FILE}.manifest")), None, b"")?;
        if !accepted {
            found.push(("the reference's tool", Value::Bulk(said.into_bytes())));
        }
        let program = if what == "Spinel" { subject } else { &workshop.server };
        let options = ["--aof-load-truncated", "no", "--enable-debug-command", "yes"];
        let (_server, mut client) = workshop.serve_by(program, &folder, &options)?;
        found.push((what, ask(&mut client, &["DEBUG", "DIGEST"])?));
    }
    Ok(found)
}

fn write(client: &mut Client, random: &mut Random) -> io::Result<()> {
    for _ in 0..COMMANDS {
        let key = format!("key:{}", random.below(400));
        let number = random.below(1000).to_string();
        match random.below(6) {
            0 => client.queue(&["SET", &format!("s{key}"), &number]),
            1 => client.queue(&["RPUSH", &format!("l{key}"), &number]),
            2 => client.queue(&["HSET", &format!("h{key}"), &number, "value"]),
            3 => client.queue(&["ZADD", &format!("z{key}"), &number, &number]),
            4 => client.queue(&["SADD", &format!("t{key}"), &number]),
            _ => client.queue(&["DEL", &format!("l{key}")]),
        }
    }
    client.flush()?;
    for _ in 0..COMMANDS {
        client.raw_reply()?;
    }
    Ok(())
}

fn wait_for(client: &mut Client, state: &str) -> io::Result<()> {
    for _ in 0..LIMIT_MS {
        if let Value::Array(fields) = ask(client, &["BACKUP", "STATUS"])?
            && fields.get(1) == Some(&Value::Bulk(state.as_bytes().to_vec()))
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::other(format!("the backup does not become {state}")))
}

/// Sends a command that must not fail.
fn ask(client: &mut Client, words: &[&str]) -> io::Result<Value> {
    match client.call(words)? {
        Value::Error(text) => {
            Err(io::Error::other(format!("{words:?} fails: {}", String::from_utf8_lossy(&text))))
        }
        reply => Ok(reply),
    }
}
