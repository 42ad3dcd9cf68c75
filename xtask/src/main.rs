//! The single door to checks, tests, conformance runs and benchmarks.
//!
//! `cargo xtask VERB` is the whole developer interface of this repository, so that a command in the README, one typed
//! at a desk and one run by a machine are the same command. Standard library only: it must build in seconds, before
//! anything else does. It contains no test of its own making: it fetches the reference suites, starts servers, counts.

#![forbid(unsafe_code)]

mod args;
mod bench;
mod check;
mod conformance;
mod crash;
mod foreign;
mod process;
mod refs;
mod summary;
mod test;
mod tidy;
mod workspace;

use args::Args;
use std::process::ExitCode;

/// What every verb answers: nothing, or one sentence saying what went wrong and what to do about it.
pub(crate) type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask VERB [options]

  refs [options]        fetch the reference servers, suites and clients into the cache (quick when they are there)
      --bench           also what benchmarks run beside
      --foreign         also the servers of other versions, for `foreign`
  check                 formatting, lints, tidy
  tidy [--update]       the style guide as a test; --update lowers the ratchet where the code got better
  test [--quick]        everything: unit tests, reference suites, differential runs, frameworks, examples; --quick: unit tests only
  conformance [options] reference suites against one server
      --server PATH     the server under test (default: target/release/spinel); 'reference' means Redis itself
      --server-args STR further arguments for the server, separated by blanks
      --mode MODE       external, spawn, singledb or all (default: external)
      --unit NAME ...   only these units (default: every unit the plan lists for the mode)
      --redis-py        redis-py's own suite instead of the Tcl suite
      --frameworks      the drivers in conformance/frameworks instead; --unit node/bullmq: only that one
      --protocol 2|3    with --redis-py: which protocol (default: both)
      --jobs N          how many units at a time (default: 2)
      --update          write the ledger: fewer excuses, higher counts; new failures need --excuse
      --excuse REASON   with --update: the reason recorded for tests that newly do not pass
      --matching TEXT   with --excuse: only for tests whose name contains TEXT
  crash [options]       kills the server in a loop under load and looks for what it acknowledged
      --cycles N        how often, for each policy (default: 100)
      --appendfsync P   always, everysec, no, or snapshot: no log, asked to end (default: all of them)
      --power-cut       cuts the power of its disk instead: needs root and loop devices (default policy: always)
      --life-ms N       the longest time until it is killed (default: 400)
      --seed N          what chance decides
      --server PATH     the server under test (default: target/release/spinel)
  foreign [--all]       files of other servers' versions, read and written for them; --all: also those from Ubuntu, whose
                        archive SPINEL_UBUNTU names, and from Debian's experimental suite
  bench [options]       paired benchmark runs beside the references; options go to spinel-bench
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let verb = words.next().unwrap_or_default();
    let is_help_wanted = words.peek().is_some_and(|word| matches!(word.as_str(), "help" | "--help" | "-h"));
    let verb = if is_help_wanted && verb != "bench" { "help" } else { &verb };
    let outcome = match verb {
        "refs" => Args::parse(words, &[], &["bench", "foreign"]).and_then(|args| refs::run(&args)),
        "check" => Args::parse(words, &[], &[]).and_then(|_| check::run()),
        "tidy" => Args::parse(words, &[], &["update"]).and_then(|args| tidy::run(&args)),
        "test" => Args::parse(words, &[], &["quick"]).and_then(|args| test::run(&args)),
        "conformance" => Args::parse(words, conformance::VALUES, conformance::SWITCHES)
            .and_then(|args| conformance::run(&args)),
        "crash" => Args::parse(words, crash::VALUES, crash::SWITCHES).and_then(|args| crash::run(&args)),
        "foreign" => Args::parse(words, &[], &["all"]).and_then(|args| foreign::run(&args)),
        "bench" => bench::run(words.collect()),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        "" => Err(format!("which verb?\n\n{USAGE}")),
        other => Err(format!("unknown verb '{other}'\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
