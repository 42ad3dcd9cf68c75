//! Types that Spinel does not have: its start and `spinel convert` refuse them by name of type and key.

use super::forth::{DUMP, log_path};
use super::servers::{ask, end, serve_spinel};
use super::{Bench, Outcome};
use std::io;
use std::path::Path;
use std::process::Command;

/// The commands that make a key of such a type.
struct Refused {
    what: &'static str,
    commands: &'static [&'static [&'static str]],
    /// What is said of a snapshot.
    in_snapshot: &'static str,
    /// What is said of a log of commands.
    in_log: &'static str,
}

const FIELDS: Refused = Refused {
    what: "a hash whose fields expire",
    commands: &[
        &["HSET", "the-key", "field", "value", "other", "value"],
        &["HPEXPIREAT", "the-key", "4000000000000", "FIELDS", "1", "field"],
    ],
    in_snapshot: "a hash whose fields expire",
    in_log: "Unknown command 'HPEXPIREAT'",
};

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut kinds = Vec::new();
    if bench.foreign.expires_fields() {
        kinds.push(FIELDS);
    }
    for refused in kinds {
        let folder = bench.folder("refused")?;
        let args = ["--appendonly", "yes", "--appendfsync", "no"];
        let (server, mut client) = bench.foreign.serve(&folder, &args).map_err(io::Error::other)?;
        for command in refused.commands {
            let words: Vec<&[u8]> = command.iter().map(|word| word.as_bytes()).collect();
            ask(&mut client, &words)?;
        }
        ask(&mut client, &[b"SAVE"])?;
        end(server, client)?;
        let said = [("a snapshot", DUMP, refused.in_snapshot), ("a log", "", refused.in_log)];
        for (place, name, words) in said {
            let input = if name.is_empty() { log_path(bench.foreign, &folder) } else { folder.join(name) };
            let is_log = name.is_empty();
            let key = if is_log { words } else { "the-key" };
            // The server takes an old log over into its folder, so it comes second.
            let answers =
                [("convert", convert(bench, &input)?), ("the server", start(bench, &folder, is_log))];
            for (who, answer) in answers {
                let is_right = answer.contains(words) && answer.contains(key);
                let difference = format!("{who} says of {} in {place}: {answer}", refused.what);
                outcome.add("refusal", 1, if is_right { Vec::new() } else { vec![difference] });
            }
        }
    }
    Ok(outcome)
}

/// What Spinel says when it is started on the files.
fn start(bench: &Bench<'_>, folder: &Path, with_log: bool) -> String {
    let args = ["--appendonly", if with_log { "yes" } else { "no" }];
    match serve_spinel(bench.spinel, folder, &args) {
        Ok(_) => "nothing: it has started".to_owned(),
        Err(said) => said,
    }
}

/// What the tool says, if it is one line.
fn convert(bench: &Bench<'_>, input: &Path) -> io::Result<String> {
    let output = bench.folder("converted")?.join(DUMP);
    let ended = Command::new(bench.spinel).arg("convert").arg(input).arg(&output).output()?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    Ok(if ended.status.code() == Some(1) && said.lines().count() == 1 && !output.exists() {
        said
    } else {
        format!("{:?}, in {} lines", ended.status, said.lines().count())
    })
}
