//! Types that Spinel does not have: its start and `spinel convert` refuse them by name of type and key.

use super::forth::DUMP;
use super::servers::{ask, end, serve_spinel};
use super::{Bench, Outcome};
use std::io;
use std::path::Path;
use std::process::Command;

/// What is said of a stream that knows who produced its entries.
const STREAM: &str = "a stream (type 26)";

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    if !bench.foreign.has_producers() {
        return Ok(outcome);
    }
    let folder = bench.folder("refused")?;
    let (server, mut client) = bench.foreign.serve(&folder, &[]).map_err(io::Error::other)?;
    ask(&mut client, &[b"XADD", b"the-key", b"1-1", b"field", b"value"])?;
    ask(&mut client, &[b"SAVE"])?;
    end(server, client)?;
    let answers = [("convert", convert(bench, &folder.join(DUMP))?), ("the server", start(bench, &folder))];
    for (who, answer) in answers {
        let is_right = answer.contains(STREAM) && answer.contains("the-key");
        let difference = format!("{who} says of {STREAM}: {answer}");
        outcome.add("refusal", 1, if is_right { Vec::new() } else { vec![difference] });
    }
    Ok(outcome)
}

/// What Spinel says when it is started on the file.
fn start(bench: &Bench<'_>, folder: &Path) -> String {
    match serve_spinel(bench.spinel, folder, &[]) {
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
