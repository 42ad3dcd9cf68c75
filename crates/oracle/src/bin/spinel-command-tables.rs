//! What a server says about its commands, compared with the reference: a line for each kind of fact.
//!
//! It prints `equal KIND: ...` or `different KIND: ...` with what differs. Its end is successful only if all is equal.

#![forbid(unsafe_code)]

use spinel_oracle::client::Client;
use spinel_oracle::reference::Server;
use spinel_oracle::tables::{Checks, compare};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spinel-command-tables --subject PATH [--reference PATH] [--server-args TEXT]

  --subject PATH       the server under test
  --reference PATH     redis-server 7.0.15 (default: redis-server on the search path)
  --server-args TEXT   further arguments of the subject, separated by blanks
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-command-tables: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Result<bool, String> {
    let mut reference = PathBuf::from("redis-server");
    let mut subject = None;
    let mut server_args = String::new();
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        match option.as_str() {
            "--reference" => reference = PathBuf::from(value),
            "--subject" => subject = Some(PathBuf::from(value)),
            "--server-args" => server_args = value,
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    let subject = subject.ok_or_else(|| format!("which server?\n\n{USAGE}"))?;
    let subject_args: Vec<&str> = server_args.split_whitespace().collect();
    let reference = Server::start(&reference, &[]).map_err(|error| error.to_string())?;
    let subject = Server::start(&subject, &subject_args).map_err(|error| error.to_string())?;
    let checks = Client::connect(reference.port())
        .and_then(|mut theirs| compare(&mut theirs, &mut Client::connect(subject.port())?))
        .map_err(|error| error.to_string())?;
    Ok(print(&checks))
}

/// Prints what was found; whether all is equal.
fn print(checks: &Checks) -> bool {
    for (kind, check) in checks {
        if check.differences.is_empty() {
            println!("equal {kind}: {} compared", check.compared);
        } else {
            println!("different {kind}: {} of {}", check.differences.len(), check.compared);
            check.differences.iter().for_each(|difference| println!("  {difference}"));
        }
    }
    checks.values().all(|check| check.differences.is_empty())
}
