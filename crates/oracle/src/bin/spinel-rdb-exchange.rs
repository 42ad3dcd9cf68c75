//! Values and files exchanged with the reference: a line for each kind of value, and one for files.
//!
//! It prints `equal KIND: ...` or `different KIND: ...` with what differs. Its end is successful only if all is equal.

#![forbid(unsafe_code)]

use spinel_oracle::client::Client;
use spinel_oracle::exchange::{Exchanges, exchange_files, exchange_payloads, fill};
use spinel_oracle::random::Random;
use spinel_oracle::reference::Server;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spinel-rdb-exchange [--reference PATH] [--keys NUMBER] [--seed NUMBER]

  --reference PATH     redis-server 7.0.15 (default: redis-server on the search path)
  --keys NUMBER        keys of each kind (default: 20)
  --seed NUMBER        what values are generated (default: 1)
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-rdb-exchange: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Result<bool, String> {
    let mut reference = PathBuf::from("redis-server");
    let (mut keys, mut seed) = (20, 1);
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("'{value}' is not a number\n\n{USAGE}"));
        match option.as_str() {
            "--reference" => reference = PathBuf::from(value),
            "--keys" => keys = usize::try_from(number()?).map_err(|error| error.to_string())?,
            "--seed" => seed = number()?,
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    let reference =
        Server::start(&reference, &["--enable-debug-command", "yes"]).map_err(|error| error.to_string())?;
    let mut exchanges = Exchanges::new();
    Client::connect(reference.port())
        .and_then(|mut client| {
            fill(&mut client, keys, &mut Random::new(seed))?;
            exchange_payloads(&mut client, &mut exchanges)?;
            exchange_files(&mut client, &mut exchanges)
        })
        .map_err(|error| format!("{error}\n{}", reference.log_tail()))?;
    Ok(print(&exchanges))
}

/// Prints what was found; whether all is equal.
fn print(exchanges: &Exchanges) -> bool {
    for (kind, exchange) in exchanges {
        if exchange.failed == 0 {
            println!("equal {kind}: {} compared", exchange.compared);
        } else {
            println!("different {kind}: {} of {}", exchange.failed, exchange.compared);
            exchange.differences.iter().for_each(|difference| println!("  {difference}"));
        }
    }
    exchanges.values().all(|exchange| exchange.failed == 0)
}
