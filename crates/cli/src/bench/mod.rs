//! `spinel bench`: a load generator that keeps a fast server busy from one core and checks every reply.
//!
//! Why our own: at pipeline 1 redis-benchmark is itself the bottleneck, and every server looks the same. Here a
//! request costs a copy and a few digits (`template`), a batch one write (`connection`), a reply a comparison
//! (`expect`), and nothing is allocated per operation. The figure to trust on a shared machine is the server's CPU
//! time per operation, read from `/proc` (`procfs`), not the throughput.
//!
//! Read in this order: `workload` (what there is to run), `blend` and `template` (how it becomes bytes), `worker`
//! (closed and open loop), `measure`, `paired` (servers side by side).
//!
//! It measures Linux processes on the same machine. It speaks no TLS and no cluster redirections.

mod args;
mod blend;
mod connection;
mod draw;
mod echo;
mod expect;
mod failure;
mod fleet;
mod json;
mod latency;
mod measure;
mod options;
mod paired;
mod pauses;
mod plain;
mod procfs;
mod scan;
mod target;
mod template;
mod worker;
mod workload;

use std::process::ExitCode;

/// Runs the tool with the words that follow its name; prints what went wrong to stderr.
#[must_use]
pub fn main(words: &[String]) -> ExitCode {
    let outcome = match words.first().map(String::as_str) {
        Some("paired") => paired::run(&words[1..]),
        Some("echo-server") => echo::run(&words[1..]),
        Some(pauses::WATCHER) => pauses::watch(),
        _ => plain::run(words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("spinel-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
