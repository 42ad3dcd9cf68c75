//! The one test command: everything this repository promises, checked from a fresh clone.
//!
//! Parts run one after the other, the long ones two units at a time; a part that cannot run counts as failed and the
//! next one still runs. What is left out anywhere is printed by the part that leaves it out.

mod examples;
mod unit;
mod witnesses;

use crate::args::Args;
use crate::bench::cargo;
use crate::conformance::{self, Subject};
use crate::refs::{self, REDIS_VERSION, References};
use crate::summary::{Part, Summary};
use crate::workspace::server;
use crate::{Outcome, process};
use std::time::Instant;

/// `cargo xtask test`.
pub(crate) fn run(args: &Args) -> Outcome {
    let started = Instant::now();
    let mut summary = Summary::default();
    if args.has("quick") {
        println!("xtask test --quick: unit tests and documentation tests only");
        unit::run(&mut summary);
        return summary.close();
    }
    announce();
    let references = refs::for_tests();
    unit::run(&mut summary);
    match (references, build()) {
        (Ok(references), Ok(())) => against_the_server(&references, &mut summary),
        (references, built) => {
            let errors = [references.err(), built.err()];
            for error in errors.iter().flatten() {
                summary
                    .add(Part::broken("reference suites, generated commands, frameworks, examples", error));
            }
        }
    }
    println!("\n{} minutes", started.elapsed().as_secs() / 60);
    summary.close()
}

fn announce() {
    println!(
        "xtask test, in this order:\n  \
         1. the references: Redis {REDIS_VERSION} with its Tcl suite, redis-py with its tests (fetched when missing)\n  \
         2. unit tests and documentation tests of every crate\n  \
         3. a release build of the server and of the programs that witness against it\n  \
         4. the reference suites against the server, compared with conformance/ledger\n  \
         5. generated commands to the server and to Redis, replies compared; concurrent clients, histories checked; values\n         \
         and files exchanged with Redis, and files with other servers (fetched when missing); what COMMAND says of both\n         \
         compared; the server killed under load\n  \
         6. frameworks that keep their state in Redis: BullMQ, Celery, RQ, Sidekiq, Laravel's queues and others, fetched from\n         \
         npm, PyPI and Debian when missing; each at work with Redis, then with the server\n  \
         7. the programs in examples/, with redis-py, against the server"
    );
}

fn build() -> Outcome {
    process::run(cargo().args(["build", "--release", "-p", "spinel-server", "-p", "spinel-oracle"]))
}

fn against_the_server(references: &References, summary: &mut Summary) {
    let subject = Subject { server: server(), args: Vec::new(), is_reference: false };
    match conformance::run_everything(references, &subject) {
        Ok(parts) => parts.into_iter().for_each(|part| summary.add(part)),
        Err(error) => summary.add(Part::broken("reference suites", &error)),
    }
    witnesses::run(references, summary);
    conformance::run_frameworks(references, &subject).into_iter().for_each(|part| summary.add(part));
    summary.add_outcome("examples", examples::run(references, &subject));
}
