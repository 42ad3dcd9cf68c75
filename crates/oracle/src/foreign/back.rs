//! Files that Spinel wrote, in every version the server reads, loaded by it.

use super::facts::Facts;
use super::forth::{DUMP, LOG_FOLDER, Zeros, write_snapshot};
use super::servers::{ask, end, serve_spinel};
use super::{Bench, Outcome};
use spinel_resp::Value;
use std::io;
use std::path::Path;

/// A library of functions, for servers that have them.
const LIBRARY: &[u8] = b"#!lua name=kept\nredis.register_function('kept', function() return 1 end)";

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let source = bench.folder("source")?;
    let expected = write_snapshot(bench.foreign, &source, "noeviction", Zeros::Positive, &[])?;
    for version in bench.foreign.rdb_versions() {
        for compression in ["yes", "no"] {
            let what = format!("a snapshot of version {version}, compressed {compression}");
            outcome.add_result(&what, snapshot(bench, &source, version, compression, &expected));
        }
    }
    if bench.foreign.is_at_least(7, 0) {
        for preamble in ["yes", "no"] {
            let what = format!("a log, preamble {preamble}");
            outcome.add_result(&what, log(bench, &source, preamble, &expected));
        }
        outcome.add_result("functions", functions(bench));
    }
    Ok(outcome)
}

fn snapshot(
    bench: &Bench<'_>,
    source: &Path,
    version: &str,
    compression: &str,
    expected: &Facts,
) -> Result<(usize, Vec<String>), String> {
    let folder = bench.folder("back").map_err(failed)?;
    std::fs::copy(source.join(DUMP), folder.join(DUMP)).map_err(failed)?;
    let args = ["--rdb-version", version, "--rdbcompression", compression];
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &args)?;
    ask(&mut client, &[b"SAVE"]).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (_server, mut client) = bench.foreign.serve(&folder, &[])?;
    let found = Facts::of(&mut client).map_err(failed)?;
    Ok(expected.compare(&found))
}

fn log(
    bench: &Bench<'_>,
    source: &Path,
    preamble: &str,
    expected: &Facts,
) -> Result<(usize, Vec<String>), String> {
    let folder = bench.folder("back").map_err(failed)?;
    std::fs::copy(source.join(DUMP), folder.join(DUMP)).map_err(failed)?;
    let args = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
    // The log begins with the snapshot that is there.
    let (server, client) = serve_spinel(bench.spinel, &folder, &args)?;
    end(server, client).map_err(failed)?;
    if !folder.join(LOG_FOLDER).is_dir() {
        return Err("Spinel has written no log".to_owned());
    }
    let (_server, mut client) = bench.foreign.serve(&folder, &["--appendonly", "yes"])?;
    let found = Facts::of(&mut client).map_err(failed)?;
    Ok(expected.compare(&found))
}

/// A library of functions goes through Spinel as it is: in a snapshot, in a log and its rewritten base.
fn functions(bench: &Bench<'_>) -> Result<(usize, Vec<String>), String> {
    let mut differences = Vec::new();
    let folder = bench.folder("functions").map_err(failed)?;
    let logged = ["--appendonly", "yes"];
    let (server, mut client) = bench.foreign.serve(&folder, &logged)?;
    ask(&mut client, &[b"FUNCTION", b"LOAD", LIBRARY]).map_err(failed)?;
    let list: [&[u8]; 3] = [b"FUNCTION", b"LIST", b"WITHCODE"];
    let expected = ask(&mut client, &list).map_err(failed)?;
    ask(&mut client, &[b"SAVE"]).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let ways: [(&str, &[&str], &str); 3] = [
        ("a log", &["--appendonly", "yes", "--aof-use-rdb-preamble", "yes"], "BGREWRITEAOF"),
        ("a log of commands", &["--appendonly", "yes", "--aof-use-rdb-preamble", "no"], "BGREWRITEAOF"),
        ("a snapshot", &[], "SAVE"),
    ];
    for (what, args, save) in ways {
        let (server, mut client) = serve_spinel(bench.spinel, &folder, args)?;
        ask(&mut client, &[save.as_bytes()]).map_err(failed)?;
        if save != "SAVE" {
            super::forth::await_rewrite(&mut client).map_err(failed)?;
        }
        end(server, client).map_err(failed)?;
        let (server, mut client) = bench.foreign.serve(&folder, &args[..args.len().min(2)])?;
        let found = ask(&mut client, &list).map_err(failed)?;
        end(server, client).map_err(failed)?;
        if found != expected || is_empty(&found) {
            differences.push(format!("in {what}: {found:?} instead of {expected:?}"));
        }
    }
    // What is flushed does not come back with the log.
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &logged)?;
    ask(&mut client, &[b"FUNCTION", b"FLUSH"]).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (server, mut client) = bench.foreign.serve(&folder, &logged)?;
    let found = ask(&mut client, &list).map_err(failed)?;
    end(server, client).map_err(failed)?;
    if !is_empty(&found) {
        differences.push(format!("after a flush: {found:?}"));
    }
    Ok((ways.len() + 1, differences))
}

fn is_empty(libraries: &Value) -> bool {
    matches!(libraries, Value::Array(libraries) if libraries.is_empty())
}

fn failed(error: io::Error) -> String {
    error.to_string()
}
