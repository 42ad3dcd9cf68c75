//! The programs of `crates/oracle`: generated commands compared with Redis, histories of concurrent clients, values and
//! files exchanged with Redis and other servers, what the servers say about commands, logs that cross over, and what outlives
//! a kill.
//!
//! All print one line per family or kind, which counts as one test.

use crate::refs::{self, Extent, References};
use crate::summary::{Part, Summary};
use crate::workspace::server;
use crate::{Outcome, crash, foreign, process};
use std::process::Command;

/// Commands of each differential run, over all families.
const COMMANDS: &str = "200000";
/// Operations of each history.
const OPERATIONS: &str = "1000000";
/// How often the server is killed under each policy; `cargo xtask crash` does it longer.
const KILLS: &str = "10";
/// The two ways to run the server: the reference mode, and as finely divided as tests go.
const SETTINGS: [(&str, &str); 2] =
    [("one shard", "--shards 1 --threads 1"), ("64 shards", "--shards 64 --threads 4")];

/// Runs all of them.
pub(super) fn run(references: &References, summary: &mut Summary) {
    for (name, server_args) in SETTINGS {
        for protocol in ["2", "3"] {
            let name = format!("generated commands, RESP{protocol}, {name}");
            summary.add_outcome(&name, differential(references, &name, protocol, server_args));
        }
        let name = format!("concurrent histories, {name}");
        summary.add_outcome(&name, history(&name, server_args));
    }
    let name = "values and files exchanged with Redis";
    summary.add_outcome(name, exchange(references, name));
    let name = "what COMMAND says";
    summary.add_outcome(name, command_tables(references, name));
    let name = "logs that cross over";
    summary.add_outcome(name, logs(references, name));
    let name = "files of other servers";
    summary.add_outcome(name, foreign_files(name));
    for policy in ["always", "everysec", "snapshot"] {
        let name = format!("acknowledged writes after {KILLS} ends, {policy}");
        summary.add_outcome(&name, kills(&name, policy));
    }
}

fn kills(name: &str, policy: &str) -> Outcome<Part> {
    println!("\n{name}: killed under load, or asked to end, and started again");
    let (output, succeeded) = process::transcript(&mut crash::command(&server(), policy, KILLS))?;
    Ok(Part::counted(name, count(&output, "kept ", "lost "), succeeded))
}

fn foreign_files(name: &str) -> Outcome<Part> {
    println!("\n{name}: written by them and read, written for them and read by them, and converted");
    let servers = refs::foreign_servers(Extent::Tests);
    if servers.is_empty() {
        return Err("none of them can be had".to_owned());
    }
    let (output, succeeded) = process::transcript(&mut foreign::command(&server(), &servers))?;
    Ok(Part::counted(name, count(&output, "equal ", "different "), succeeded))
}

fn logs(references: &References, name: &str) -> Outcome<Part> {
    println!("\n{name}: append-only files written, loaded, checked and repaired by either side");
    let mut command = Command::new(server().with_file_name("spinel-log"));
    command.arg("--reference").arg(&references.redis.server).arg("--subject").arg(server());
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted(name, count(&output, "equal ", "different "), succeeded))
}

fn command_tables(references: &References, name: &str) -> Outcome<Part> {
    println!("\n{name}: facts about every command");
    let mut command = Command::new(server().with_file_name("spinel-command-tables"));
    command.arg("--reference").arg(&references.redis.server).arg("--subject").arg(server());
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted(name, count(&output, "equal ", "different "), succeeded))
}

fn exchange(references: &References, name: &str) -> Outcome<Part> {
    println!("\n{name}: values in every encoding, by DUMP and RESTORE, and files");
    let mut command = Command::new(server().with_file_name("spinel-rdb-exchange"));
    command.arg("--reference").arg(&references.redis.server);
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted(name, count(&output, "equal ", "different "), succeeded))
}

fn differential(references: &References, name: &str, protocol: &str, server_args: &str) -> Outcome<Part> {
    println!("\n{name}: {COMMANDS} commands");
    let mut command = Command::new(server().with_file_name("spinel-differential"));
    command.arg("--reference").arg(&references.redis.server).arg("--subject").arg(server());
    command.args(["--commands", COMMANDS, "--resp", protocol, "--server-args", server_args]);
    // Families of commands that Redis 7.0 has not are compared with newer servers, as far as these can be had.
    for newer in refs::foreign_servers(Extent::Tests) {
        let place = newer.to_string_lossy().into_owned();
        if let Some((_, option)) = [("redis-trixie", "--redis-8"), ("valkey-sid", "--valkey-9")]
            .iter()
            .find(|(name, _)| place.contains(name))
        {
            command.arg(option).arg(&newer);
        }
    }
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted(name, count(&output, "equal ", "different "), succeeded))
}

fn history(name: &str, server_args: &str) -> Outcome<Part> {
    println!("\n{name}: {OPERATIONS} operations");
    let mut command = Command::new(server().with_file_name("spinel-history"));
    command.arg("--subject").arg(server()).args(["--operations", OPERATIONS, "--server-args", server_args]);
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted(name, count(&output, "consistent ", "violated "), succeeded))
}

fn count(output: &str, good: &str, bad: &str) -> (usize, usize) {
    let lines = |word: &str| output.lines().filter(|line| line.starts_with(word)).count();
    (lines(good), lines(bad))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn verdict_lines_are_counted_and_reports_are_not() {
        let output = "family x: different things\nequal a: 1\ndifferent b: SET (1)\nequal c: 2\n";
        assert_eq!(count(output, "equal ", "different "), (2, 1));
    }
}
