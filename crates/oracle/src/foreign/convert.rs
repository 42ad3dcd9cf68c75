//! Files converted by `spinel convert`: there and back again, loaded by the server they came from.

use super::facts::Facts;
use super::forth::{DUMP, LOG, LOG_FOLDER, Zeros, log_path, preambles, write_log, write_snapshot};
use super::servers::Foreign;
use super::{Bench, Outcome};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compares what a server holds of its own files after they were converted.
///
/// # Errors
/// When a server or the disk fails in a way that is no finding.
pub fn exchange(server: &Path, spinel: &Path) -> io::Result<(usize, Vec<String>)> {
    let foreign = Foreign::new(server)?;
    let outcome = compared(&Bench::new(&foreign, spinel)?)?;
    Ok((outcome.compared, outcome.differences))
}

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let source = bench.folder("source")?;
    let expected = write_snapshot(bench.foreign, &source, "noeviction", Zeros::Positive, &[])?;
    ways_from(bench, &source.join(DUMP), "its snapshot", &expected, &mut outcome)?;
    for preamble in preambles(bench.foreign) {
        let source = bench.folder("source")?;
        let expected = write_log(bench.foreign, &source, *preamble)?;
        let what = format!("its log, preamble {}", preamble.unwrap_or("unknown"));
        ways_from(bench, &log_path(bench.foreign, &source), &what, &expected, &mut outcome)?;
    }
    Ok(outcome)
}

/// Converts `input` in every way that the server reads.
fn ways_from(
    bench: &Bench<'_>,
    input: &Path,
    what: &str,
    expected: &Facts,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let mut ways: Vec<(&str, Vec<&str>)> = vec![(LOG, vec!["--rdb-preamble", "no"])];
    for version in bench.foreign.rdb_versions() {
        ways.push((DUMP, vec!["--rdb-version", version]));
        ways.push((LOG, vec!["--rdb-version", version]));
        if bench.foreign.is_at_least(7, 0) {
            ways.push((LOG_FOLDER, vec!["--to", "aof", "--rdb-version", version]));
        }
    }
    if bench.foreign.is_at_least(7, 0) {
        ways.push((LOG_FOLDER, vec!["--to", "aof", "--rdb-preamble", "no"]));
    }
    for (name, words) in ways {
        let folder = bench.folder("converted")?;
        let output = folder.join(name);
        let label = format!("{what} as {name} {}", words.join(" "));
        let converted = convert(bench, input, &output, &words);
        let loaded = converted.and_then(|()| load(bench, &folder, name, expected));
        let is_loaded = loaded.is_ok();
        outcome.add_result(&label, loaded);
        if !is_loaded || bench.foreign.rdb_versions().is_empty() || name == DUMP {
            continue;
        }
        // And from a log to a snapshot for it; the server may have gone on with the log.
        let again = bench.folder("again")?;
        let back = bench.foreign.rdb_versions()[0];
        let input = if bench.foreign.is_at_least(7, 0) { folder.join(LOG_FOLDER) } else { output };
        let loaded = convert(bench, &input, &again.join(DUMP), &["--rdb-version", back])
            .and_then(|()| load(bench, &again, DUMP, expected));
        outcome.add_result(&format!("{label}, and back as version {back}"), loaded);
    }
    Ok(())
}

fn convert(bench: &Bench<'_>, input: &Path, output: &PathBuf, words: &[&str]) -> Result<(), String> {
    let before = content(input).map_err(|error| error.to_string())?;
    let mut command = Command::new(bench.spinel);
    command.arg("convert").arg(input).arg(output).args(words);
    let ended = command.output().map_err(|error| error.to_string())?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
    }
    let after = content(input).map_err(|error| error.to_string())?;
    if before == after { Ok(()) } else { Err("the input was changed".to_owned()) }
}

/// A file, or the files in a folder.
fn content(path: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    if !path.is_dir() {
        return Ok(vec![(path.to_path_buf(), std::fs::read(path)?)]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        files.push((path.clone(), std::fs::read(&path)?));
    }
    files.sort();
    Ok(files)
}

fn load(
    bench: &Bench<'_>,
    folder: &Path,
    name: &str,
    expected: &Facts,
) -> Result<(usize, Vec<String>), String> {
    let args: &[&str] = if name == DUMP { &[] } else { &["--appendonly", "yes"] };
    let (server, mut client) = bench.foreign.serve(folder, args)?;
    let found = Facts::of(&mut client).map_err(|error| format!("{error}\n{}", server.log_tail()))?;
    Ok(expected.compare(&found))
}
