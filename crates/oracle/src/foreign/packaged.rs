//! The configuration file of the server's package: Spinel starts with it, and shows for each directive that it names what
//! the server shows.
//!
//! Both are started with a copy whose `dir` is a folder that is there, which the package would have made. The command line
//! overrides what would make them daemons.

use super::servers::ask;
use super::{Bench, Outcome};
use crate::client::Client;
use crate::reference::Server;
use spinel_resp::Value;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Directives that the command line sets.
const OVERRIDES: [&str; 6] = ["--daemonize", "no", "--logfile", "", "--pidfile", ""];
/// What each server has for itself.
const OWN: [&str; 2] = ["dir", "port"];

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let Some(packaged) = bench.foreign.packaged_configuration() else { return Ok(outcome) };
    let folder = bench.folder("configuration")?;
    let file = folder.join("packaged.conf");
    let text = std::fs::read_to_string(packaged)?;
    let there = format!("dir {}", folder.display());
    let lines = text.lines().map(|line| if line.starts_with("dir ") { &there } else { line });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n"))?;
    let names = names_in(&text);
    let expected = shown(bench.foreign.path(), &file, &names).map_err(io::Error::other)?;
    outcome.add_result(
        "the packaged file",
        shown(bench.spinel, &file, &names).map(|found| {
            let pairs = names.iter().zip(expected.iter().zip(&found));
            // Old servers do not show every directive, and have some that later ones have retired.
            let is_told = |value: &Value| !matches!(value, Value::Array(pair) if pair.is_empty());
            let is_old = !bench.foreign.is_at_least(6, 0);
            let pairs = pairs
                .filter(|(_, (expected, found))| !is_old || is_told(expected) && is_told(found))
                .collect::<Vec<_>>();
            let differing = pairs.iter().filter(|(_, (expected, found))| expected != found);
            let differences =
                differing.map(|(name, (expected, found))| format!("{name} is {found:?}, not {expected:?}"));
            (pairs.len(), differences.collect())
        }),
    );
    Ok(outcome)
}

/// The directives that a file has lines of.
fn names_in(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split_whitespace().next()).map(str::to_ascii_lowercase);
    names.filter(|name| !OWN.contains(&name.as_str())).collect()
}

/// Starts a server with the file; what it shows for each of the names.
fn shown(program: &Path, file: &Path, names: &BTreeSet<String>) -> Result<Vec<Value>, String> {
    let server = Server::start_from(program, Some(file), &OVERRIDES).map_err(|error| error.to_string())?;
    let mut client = Client::connect(server.port()).map_err(|error| error.to_string())?;
    let mut asked = |words: &[&[u8]]| ask(&mut client, words).map_err(|error| error.to_string());
    asked(&[b"PING"])?;
    names.iter().map(|name| asked(&[b"CONFIG", b"GET", name.as_bytes()])).collect()
}
