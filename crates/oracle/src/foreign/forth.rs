//! Files that the server wrote, loaded by Spinel.

use super::facts::{Facts, bytes};
use super::fill::{IDLE_KEY, IDLE_SECONDS, add_negative_zero, age, change, fill};
use super::servers::{Foreign, ask, end, serve_spinel};
use super::{Bench, Outcome};
use crate::client::Client;
use crate::random::Random;
use spinel_resp::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a rewrite may take.
const REWRITE_LIMIT_MS: u32 = 20_000;
/// Seconds that may pass while an idle key waits to be asked for.
const PATIENCE_SECONDS: i64 = 300;

/// The name of snapshots.
pub(super) const DUMP: &str = "dump.rdb";
/// The name of a log of one file.
pub(super) const LOG: &str = "appendonly.aof";
/// The name of a log's folder.
pub(super) const LOG_FOLDER: &str = "appendonlydir";

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for policy in policies(bench.foreign) {
        for compression in ["yes", "no"] {
            let folder = bench.folder("snapshot")?;
            let args = ["--maxmemory-policy", policy, "--rdbcompression", compression];
            let expected = write_snapshot(bench.foreign, &folder, policy, Zeros::Both, &args)?;
            let what = format!("a snapshot under {policy}, compressed {compression}");
            outcome.add_result(&what, read_snapshot(bench, &folder, policy, &expected));
        }
    }
    for preamble in preambles(bench.foreign) {
        let folder = bench.folder("log")?;
        let expected = write_log(bench.foreign, &folder, *preamble)?;
        let what = format!("a log, preamble {}", preamble.unwrap_or("unknown"));
        outcome.add_result(&what, read_log(bench, &folder, &expected));
    }
    Ok(outcome)
}

/// Policies of eviction under which a file says more of keys.
fn policies(foreign: &Foreign) -> &'static [&'static str] {
    if foreign.is_at_least(5, 0) { &["noeviction", "allkeys-lru", "allkeys-lfu"] } else { &["noeviction"] }
}

/// Settings of `aof-use-rdb-preamble`, if it is known.
pub(super) fn preambles(foreign: &Foreign) -> &'static [Option<&'static str>] {
    if foreign.is_at_least(4, 0) { &[Some("yes"), Some("no")] } else { &[None] }
}

/// What scores of nothing there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeros {
    /// -0, too, which snapshots keep.
    Both,
    /// What commands say, too.
    Positive,
}

/// Has the server fill itself and save.
pub(super) fn write_snapshot(
    foreign: &Foreign,
    folder: &Path,
    policy: &str,
    zeros: Zeros,
    args: &[&str],
) -> io::Result<Facts> {
    let (server, mut client) = foreign.serve(folder, args).map_err(io::Error::other)?;
    fill(&mut client, foreign, &mut Random::named(1, policy))?;
    if zeros == Zeros::Both {
        add_negative_zero(&mut client)?;
    }
    age(&mut client, policy)?;
    ask(&mut client, &[b"SAVE"])?;
    let facts = Facts::of(&mut client)?;
    end(server, client)?;
    Ok(facts)
}

/// Has the server fill itself, rewrite its log and go on.
pub(super) fn write_log(foreign: &Foreign, folder: &Path, preamble: Option<&str>) -> io::Result<Facts> {
    let mut args = vec!["--appendonly", "yes", "--appendfsync", "no"];
    if let Some(preamble) = preamble {
        args.extend(["--aof-use-rdb-preamble", preamble]);
    }
    let (server, mut client) = foreign.serve(folder, &args).map_err(io::Error::other)?;
    fill(&mut client, foreign, &mut Random::new(2))?;
    ask(&mut client, &[b"BGREWRITEAOF"])?;
    await_rewrite(&mut client)?;
    change(&mut client)?;
    let facts = Facts::of(&mut client)?;
    end(server, client)?;
    Ok(facts)
}

pub(super) fn await_rewrite(client: &mut Client) -> io::Result<()> {
    for _ in 0..REWRITE_LIMIT_MS {
        let info = bytes(ask(client, &[b"INFO", b"persistence"])?)?;
        let info = String::from_utf8_lossy(&info).into_owned();
        if info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::other("the log is not rewritten"))
}

/// Lets Spinel load a snapshot.
fn read_snapshot(
    bench: &Bench<'_>,
    folder: &Path,
    policy: &str,
    expected: &Facts,
) -> Result<(usize, Vec<String>), String> {
    let (_server, mut client) = serve_spinel(bench.spinel, folder, &["--maxmemory-policy", policy])?;
    let failed = |error: io::Error| error.to_string();
    let idle = if policy == "allkeys-lru" {
        Some(ask(&mut client, &[b"OBJECT", b"IDLETIME", IDLE_KEY]).map_err(failed)?)
    } else {
        None
    };
    let found = facts(bench, &mut client).map_err(failed)?;
    let (compared, mut differences) = expected.compare(&found);
    if let Some(idle) = idle {
        match idle {
            Value::Integer(seconds) if (IDLE_SECONDS..IDLE_SECONDS + PATIENCE_SECONDS).contains(&seconds) => {
            }
            other => differences.push(format!("the idle key was used {other:?} ago")),
        }
    }
    Ok((compared, differences))
}

/// Lets Spinel load a log.
pub(super) fn read_log(
    bench: &Bench<'_>,
    folder: &Path,
    expected: &Facts,
) -> Result<(usize, Vec<String>), String> {
    let (_server, mut client) = serve_spinel(bench.spinel, folder, &["--appendonly", "yes"])?;
    let found = facts(bench, &mut client).map_err(|error| error.to_string())?;
    Ok(expected.compare(&found))
}

/// What Spinel holds, as far as it can be compared with what the server holds.
fn facts(bench: &Bench<'_>, client: &mut Client) -> io::Result<Facts> {
    let facts = Facts::of(client)?;
    let is_comparable = bench.foreign.digests_scores_as_we_do();
    Ok(if is_comparable { facts } else { facts.without_digests_of_scores() })
}

/// Where the server's log lies in its folder.
pub(super) fn log_path(foreign: &Foreign, folder: &Path) -> PathBuf {
    folder.join(if foreign.is_at_least(7, 0) { LOG_FOLDER } else { LOG })
}
