//! The differential runner: generated commands to the reference and to a subject, every difference shown.
//!
//! It prints a line per family, `equal NAME: ...` or `different NAME: ...`, and reports differences reduced to a few
//! commands. Its end is successful only if every family was equal.

#![forbid(unsafe_code)]

use spinel_oracle::differential::{Encodings, Outcome, Pair, Plan, Protocol, run_family};
use spinel_oracle::generate::{FAMILIES, Family, KnownBy, NEWER, Newer};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
usage: spinel-differential --subject PATH [options]

  --subject PATH       the server under test
  --redis-8 PATH       redis-server 8.0, for families of commands that 7.0 has not (default: these are left out)
  --valkey-9 PATH      valkey-server 9, for those of them that it answers alike
  --reference PATH     redis-server 7.0.15 (default: redis-server on the search path)
  --server-args TEXT   further arguments of the subject, separated by blanks
  --commands N         over all chosen families together (default 200000)
  --seed N             the seed of the streams (default 1)
  --family NAME,...    only these families (default: all)
  --resp 2|3           the protocol (default 2)
  --reports N          how many differences of a family are reduced and printed (default 5)
";

struct Options {
    subject: PathBuf,
    server_args: Vec<String>,
    protocol: Protocol,
    references: References,
    plan: Plan,
    families: Vec<Family>,
}

/// The servers to compare with.
struct References {
    redis_7: PathBuf,
    redis_8: Option<PathBuf>,
    valkey_9: Option<PathBuf>,
}

impl References {
    /// Those that know a family, of those there are, each with what it adds to the family's name.
    fn of(&self, known_by: Option<KnownBy>) -> Vec<(&PathBuf, &'static str, Encodings)> {
        let redis_8 = self.redis_8.iter().map(|path| (path, " (Redis 8)", Encodings::OfHashes));
        let valkey_9 = self.valkey_9.iter().map(|path| (path, " (Valkey 9)", Encodings::Other));
        match known_by {
            None => vec![(&self.redis_7, "", Encodings::All)],
            Some(KnownBy::NoReference) => Vec::new(),
            Some(KnownBy::Redis8) => redis_8.collect(),
            Some(KnownBy::Redis8AndValkey9) => redis_8.chain(valkey_9).collect(),
        }
    }
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-differential: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<bool, String> {
    let Options { subject, server_args, protocol, references, plan, families } = options;
    let mut runs: Vec<(&Family, &PathBuf, &'static str, Encodings)> = Vec::new();
    for family in &families {
        let known_by = Newer::of(family).map(|newer| newer.known_by);
        runs.extend(
            references.of(known_by).into_iter().map(|(path, label, same)| (family, path, label, same)),
        );
    }
    let plan = Plan { commands: plan.commands.div_ceil(runs.len().max(1)), ..plan };
    let (mut all_equal, mut current) = (true, None::<(&PathBuf, Pair)>);
    for (family, reference, label, encodings) in runs {
        let (_, pair) = match current.take().filter(|(path, _)| *path == reference) {
            Some(found) => current.insert(found),
            None => current.insert((
                reference,
                Pair::new(reference.clone(), subject.clone(), server_args.clone(), protocol)
                    .comparing(encodings),
            )),
        };
        let started = Instant::now();
        let outcome = run_family(pair, family, &plan).map_err(|error| error.to_string())?;
        print(&format!("{}{label}", family.name), &outcome, started.elapsed().as_secs_f32());
        all_equal &= outcome.differences.is_empty();
    }
    Ok(all_equal)
}

fn print(name: &str, outcome: &Outcome, seconds: f32) {
    for report in &outcome.reports {
        println!("{report}");
    }
    if outcome.differences.is_empty() {
        let Outcome { commands, errors, .. } = outcome;
        println!("equal {name}: {commands} commands, {errors} of them errors, {seconds:.1} s");
    } else {
        let names: Vec<String> =
            outcome.differences.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        println!("different {name}: {} in {} commands", names.join(", "), outcome.commands);
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut reference = PathBuf::from("redis-server");
    let mut subject = None;
    let (mut redis_8, mut valkey_9) = (None, None);
    let mut server_args = Vec::new();
    let mut protocol = Protocol::Two;
    let mut families = all_families().collect::<Vec<_>>();
    let mut plan = Plan { commands: 200_000, seed: 1, reports: 5 };
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        match option.as_str() {
            "--reference" => reference = PathBuf::from(value),
            "--subject" => subject = Some(PathBuf::from(value)),
            "--redis-8" => redis_8 = Some(PathBuf::from(value)),
            "--valkey-9" => valkey_9 = Some(PathBuf::from(value)),
            "--server-args" => server_args = value.split_whitespace().map(str::to_owned).collect(),
            "--commands" => plan.commands = number(&value)?,
            "--seed" => plan.seed = number(&value)? as u64,
            "--reports" => plan.reports = number(&value)?,
            "--family" => families = value.split(',').map(family).collect::<Result<_, _>>()?,
            "--resp" => protocol = if value == "3" { Protocol::Three } else { Protocol::Two },
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    let subject = subject.ok_or_else(|| format!("which server?\n\n{USAGE}"))?;
    let references = References { redis_7: reference, redis_8, valkey_9 };
    Ok(Options { subject, server_args, protocol, references, plan, families })
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn family(name: &str) -> Result<Family, String> {
    let known = all_families().map(|family| family.name).collect::<Vec<_>>().join(", ");
    let found = all_families().find(|family| family.name == name);
    found.ok_or_else(|| format!("no family '{name}'; there are {known}"))
}

fn all_families() -> impl Iterator<Item = Family> {
    FAMILIES.into_iter().chain(NEWER.iter().map(|newer| newer.family))
}
