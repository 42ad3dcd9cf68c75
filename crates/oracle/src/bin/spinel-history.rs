//! The history checker: many clients at once against one server, and a verdict on what they saw.
//!
//! It prints a line per kind of history, `consistent NAME: ...` or `violated NAME: ...` with the first violations, and
//! succeeds only if all are consistent.

#![forbid(unsafe_code)]

use spinel_oracle::history::workload::Workload;
use spinel_oracle::history::{counters, registers, transactions};
use spinel_oracle::reference::Server;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
usage: spinel-history --subject PATH [options]

  --subject PATH       the server under test
  --server-args TEXT   further arguments of the server, separated by blanks
  --operations N       over all clients together (default 1000000)
  --clients N          how many work at once (default 12)
  --seed N             what the clients choose (default 1); the interleaving is the machine's
";

/// How many violations of a kind are printed.
const SHOWN: usize = 5;

struct Options {
    subject: PathBuf,
    server_args: String,
    operations: usize,
    clients: u32,
    seed: u64,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-history: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<bool, String> {
    let args: Vec<&str> = options.server_args.split_whitespace().collect();
    let server = Server::start(&options.subject, &args).map_err(|error| error.to_string())?;
    let started = Instant::now();
    let workload = Workload::new(server.port());
    let seen = workload
        .run(options.clients, options.operations, options.seed)
        .map_err(|error| format!("a client lost its server: {error}\n{}", server.log_tail()))?;
    println!("{:.1} s of work by {} clients", started.elapsed().as_secs_f32(), options.clients);
    let history = seen.history;
    let verdicts = [
        ("replies", usize::MAX, history.impossible),
        ("registers", history.registers.len(), registers::violations(&history.registers)),
        ("counters", history.counters.len(), counters::violations(&history.counters)),
        (
            "transactions",
            history.transactions.len(),
            transactions::violations(&history.transactions, &seen.finals),
        ),
    ];
    let mut all_consistent = true;
    for (name, operations, violations) in &verdicts {
        all_consistent &= violations.is_empty();
        report(name, *operations, violations);
    }
    Ok(all_consistent)
}

fn report(name: &str, operations: usize, violations: &[String]) {
    for violation in violations.iter().take(SHOWN) {
        println!("  {violation}");
    }
    let size = if operations == usize::MAX { "all".to_owned() } else { format!("{operations} operations") };
    match violations.len() {
        0 => println!("consistent {name}: {size}"),
        count => println!("violated {name}: {count} violations in {size}"),
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        subject: PathBuf::new(),
        server_args: String::new(),
        operations: 1_000_000,
        clients: 12,
        seed: 1,
    };
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("not a number: {value}"));
        match option.as_str() {
            "--subject" => options.subject = PathBuf::from(value),
            "--server-args" => options.server_args = value,
            "--operations" => options.operations = number()? as usize,
            "--clients" => options.clients = number()?.clamp(1, 1_000) as u32,
            "--seed" => options.seed = number()?,
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    if options.subject.as_os_str().is_empty() {
        return Err(format!("which server?\n\n{USAGE}"));
    }
    Ok(options)
}
