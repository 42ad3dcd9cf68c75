//! `spinel check aof`, also under the name `redis-check-aof`: checks a log, repairs its end, cuts it at a point in time.
//!
//! What is checked and said is decided in `spinel_aof::check`; here are the command line and the terminal.

use spinel_aof::check::{Check, Console, Mode};
use spinel_aof::disk::{DiskFile, FileReader, RealDisk};
use spinel_rdb::decode::{DecodeContext, Reader};
use spinel_store::EncodingLimits;

use crate::hash_key::random_key;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// What the words after the tool's name ask for.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    /// Check a file.
    Run(Mode, &'a str),
    /// A time that is no number.
    BadTimestamp,
    /// Anything else.
    Usage,
}

/// Runs the tool that was called as `program` with these words.
pub fn main(program: &str, words: &[String]) -> ExitCode {
    let (mode, path) = match parse(words) {
        Request::Run(mode, path) => (mode, path),
        Request::BadTimestamp => {
            println!("Invalid timestamp, aborting...");
            return ExitCode::FAILURE;
        }
        Request::Usage => {
            println!("Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>");
            return ExitCode::FAILURE;
        }
    };
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let disk = RealDisk::new(if folder.is_empty() { Path::new("/") } else { Path::new(folder) });
    let mut check = Check { disk: &disk, mode, console: &mut Terminal, snapshot: &mut check_snapshot };
    match check.run(name, path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn parse(words: &[String]) -> Request<'_> {
    match words {
        [path] => Request::Run(Mode::Check, path),
        [option, path] if option == "--fix" => Request::Run(Mode::Fix, path),
        [option, seconds, path] if option == "--truncate-to-timestamp" => match seconds.parse() {
            Ok(seconds) => Request::Run(Mode::TruncateTo(seconds), path),
            Err(_) => Request::BadTimestamp,
        },
        _ => Request::Usage,
    }
}

/// Reads a snapshot to its end.
fn check_snapshot(file: &Arc<dyn DiskFile>) -> Result<u64, String> {
    let limits = EncodingLimits::default();
    let hash_key = random_key();
    let source = BufReader::new(FileReader::new(Arc::clone(file)));
    let mut reader = Reader::new(source, DecodeContext { limits: &limits, hash_key: &hash_key });
    loop {
        match reader.next_item() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(reader.offset()),
            Err(error) => {
                return Err(format!("--- RDB ERROR DETECTED ---\n[offset {}] {error}", reader.offset()));
            }
        }
    }
}

/// The terminal.
struct Terminal;

impl Console for Terminal {
    fn say(&mut self, line: &str) {
        println!("{line}");
    }

    fn confirms(&mut self) -> bool {
        print!("Continue? [y/N]: ");
        let mut answer = String::new();
        // Who cannot be asked has not consented.
        let asked = std::io::stdout().flush().and_then(|()| std::io::stdin().lock().read_line(&mut answer));
        asked.is_ok() && answer.starts_with(['y', 'Y'])
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, check_snapshot, parse};
    use spinel_aof::check::Mode;
    use spinel_aof::disk::{Disk, OpenMode, RealDisk, write_all_at};

    #[test]
    fn words_mean_what_they_mean_to_redis() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parse(&words("file")), Request::Run(Mode::Check, "file"));
        assert_eq!(parse(&words("--fix file")), Request::Run(Mode::Fix, "file"));
        assert_eq!(
            parse(&words("--truncate-to-timestamp 7 file")),
            Request::Run(Mode::TruncateTo(7), "file")
        );
        assert_eq!(parse(&words("--truncate-to-timestamp 7x file")), Request::BadTimestamp);
        for text in ["", "--other file", "a b c d", "--truncate-to-timestamp file"] {
            assert_eq!(parse(&words(text)), Request::Usage, "{text:?}");
        }
    }

    #[test]
    fn a_snapshot_ends_where_its_checksum_ends() {
        let root = std::env::temp_dir().join(format!("spinel-check-aof-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let disk = RealDisk::new(&root);
        let file = disk.open("snapshot", OpenMode::Create).unwrap();
        // An empty snapshot of version 9, without a checksum, and the first bytes of a command.
        let content = b"REDIS0009\xff\0\0\0\0\0\0\0\0*1\r\n";
        write_all_at(&*file, content, 0).unwrap();
        assert_eq!(check_snapshot(&file), Ok(content.len() as u64 - 4));
        file.set_length(12).unwrap();
        assert!(check_snapshot(&file).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }
}
