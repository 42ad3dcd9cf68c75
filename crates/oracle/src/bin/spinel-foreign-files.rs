//! Files of other servers before us, and ours before them: a line for each server and kind.
//!
//! It prints `equal KIND: ...` or `different KIND: ...` with what differs. Its end is successful only if all is equal.

#![forbid(unsafe_code)]

use spinel_oracle::foreign::{Foreign, compare};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spinel-foreign-files --subject PATH SERVER...

  --subject PATH       spinel
  SERVER               a redis-server or valkey-server of any version from 3.0 on
";

/// Differences that are printed of each kind.
const SHOWN: usize = 8;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-foreign-files: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Result<bool, String> {
    let (mut subject, mut servers) = (None, Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--subject" => subject = words.next().map(PathBuf::from),
            _ if word.starts_with("--") => return Err(format!("unknown option '{word}'\n\n{USAGE}")),
            _ => servers.push(PathBuf::from(word)),
        }
    }
    let subject = subject.ok_or_else(|| format!("no subject\n\n{USAGE}"))?;
    if servers.is_empty() {
        return Err(format!("no server\n\n{USAGE}"));
    }
    let mut is_equal = true;
    for server in servers {
        let foreign = Foreign::new(&server).map_err(|error| error.to_string())?;
        let findings = compare(&foreign, &subject).map_err(|error| format!("{}: {error}", foreign.name()))?;
        for (kind, compared, differences) in findings {
            if differences.is_empty() {
                println!("equal {kind}: {compared} compared");
                continue;
            }
            is_equal = false;
            println!("different {kind}: {} of {compared}", differences.len());
            differences.iter().take(SHOWN).for_each(|difference| println!("  {difference}"));
        }
    }
    Ok(is_equal)
}
