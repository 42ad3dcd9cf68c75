//! Files cut and damaged in many ways: both tools say the same of them, and repair them to the same bytes.

use super::Workshop;
use crate::random::Random;
use spinel_aof::check::{Check, Console, Mode};
use spinel_aof::disk::RealDisk;
use spinel_aof::encode_command;
use std::io;
use std::path::Path;

/// Files that are compared.
const FILES: usize = 300;

struct Transcript {
    text: String,
}

impl Console for Transcript {
    fn say(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn confirms(&mut self) -> bool {
        self.text.push_str("Continue? [y/N]: ");
        true
    }
}

pub(super) fn compared(workshop: &Workshop) -> io::Result<(usize, Vec<String>)> {
    let mut differences = Vec::new();
    let mut random = Random::new(21);
    for _ in 0..FILES {
        let content = invent(&mut random);
        let (option, mode) = match random.below(3) {
            0 => (None, Mode::Check),
            1 => (Some("--fix"), Mode::Fix),
            // The reference takes 0 for nothing to do.
            _ => (Some("--truncate-to-timestamp"), Mode::TruncateTo(1 + random.below(8) as i64)),
        };
        let folder = workshop.folder("broken")?;
        let theirs = judge(&folder, &content, |path| match mode {
            Mode::TruncateTo(seconds) => workshop.check_to(path, seconds),
            _ => workshop.check(path, option, b"y\n"),
        })?;
        let ours = judge(&folder, &content, |path| check(&folder, path, mode))?;
        if ours != theirs {
            let content = content.escape_ascii();
            differences.push(format!("{mode:?} of {content}:\n{ours:?}\nthe reference:\n{theirs:?}"));
        }
    }
    Ok((FILES, differences))
}

/// What a tool makes of a file: whether it is content, what it says, and what it leaves.
fn judge(
    folder: &Path,
    content: &[u8],
    tool: impl FnOnce(&Path) -> io::Result<(bool, String)>,
) -> io::Result<(bool, Vec<String>, Vec<u8>)> {
    let path = folder.join("file.aof");
    std::fs::write(&path, content)?;
    let (accepted, said) = tool(&path)?;
    // Lines with a place say what is wrong in the tool's own words; lines on what is given up are ours.
    let lines = said.lines().filter(|line| !line.starts_with("0x") && !line.starts_with("Given up"));
    Ok((accepted, lines.map(str::to_owned).collect(), std::fs::read(&path)?))
}

fn check(folder: &Path, path: &Path, mode: Mode) -> io::Result<(bool, String)> {
    let disk = RealDisk::new(folder);
    let mut console = Transcript { text: String::new() };
    let mut snapshot = |_: &_| Err("a snapshot".to_owned());
    let mut check = Check { disk: &disk, mode, console: &mut console, snapshot: &mut snapshot };
    let accepted = check.run("file.aof", &path.to_string_lossy()).is_ok();
    Ok((accepted, console.text))
}

/// Commands, transactions and timestamps, then perhaps a cut or something that does not belong there.
fn invent(random: &mut Random) -> Vec<u8> {
    let mut content = Vec::new();
    let mut seconds = 0;
    for _ in 0..random.below(6) {
        seconds += random.below(3);
        match random.below(4) {
            0 => content.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes()),
            1 => {
                encode_command(&mut content, [&b"MULTI"[..]]);
                encode_command(&mut content, [&b"INCR"[..], b"k"]);
                encode_command(&mut content, [&b"EXEC"[..]]);
            }
            _ => encode_command(&mut content, [&b"SET"[..], b"key", b"a value"]),
        }
    }
    match random.below(4) {
        0 => {
            content.truncate(random.below(content.len() + 1));
            // Half a comment is fine to the reference, although it swallows what is appended to it; to us it is torn.
            let line = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if content.get(line) == Some(&b'#') {
                content.truncate(line);
            }
        }
        1 => content.extend_from_slice(b"!!!"),
        2 => encode_command(&mut content, [&b"multi"[..]]),
        _ => {}
    }
    content
}
