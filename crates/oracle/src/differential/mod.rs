//! Running generated commands against two servers at once, and reducing what differs.
//!
//! `pair` holds the two servers and compares reply by reply; `shrink` makes a failing stream short; [`run_family`] is the
//! loop around them. After a difference both servers start over empty, so that one defect is not reported a thousand times.

mod pair;
mod shrink;

pub use crate::snapshot::Encodings;
pub use pair::{Difference, Pair, Protocol};

use crate::generate::{Family, Generator, Step};
use crate::random::Random;
use crate::reference::StartError;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many commands go out before the data sets are compared.
const CHUNK: usize = 400;
/// After so many commands both servers start over empty, so that failing streams stay short.
const EPOCH: usize = 20_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many commands.
    pub commands: usize,
    /// The seed of the stream.
    pub seed: u64,
    /// How many different commands are reduced and printed; further ones are counted only.
    pub reports: usize,
}

/// What a family's run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Commands sent.
    pub commands: usize,
    /// How many of them the reference answered with an error.
    pub errors: usize,
    /// Differences by the name of the command that showed them.
    pub differences: BTreeMap<String, usize>,
    /// Reduced differences, ready to be read.
    pub reports: Vec<String>,
}

/// Runs a family.
///
/// # Errors
/// When one of the servers cannot be started again.
pub fn run_family(pair: &mut Pair, family: &Family, plan: &Plan) -> Result<Outcome, StartError> {
    let mut generator = Generator::new(family, plan.seed);
    // Sizes of chunks vary, so that comparisons of data sets fall everywhere in the stream.
    let mut sizes = Random::named(plan.seed, "chunks");
    let mut outcome = Outcome::default();
    let mut history: Vec<Step> = Vec::new();
    pair.start_over()?;
    while outcome.commands < plan.commands {
        if history.len() > EPOCH {
            history.clear();
            pair.start_over()?;
        }
        let size = 1 + sizes.below(2 * CHUNK);
        let before = history.len();
        while history.len() < before + size {
            history.extend(generator.next_steps());
        }
        outcome.commands += history.len() - before;
        let errors = pair.errors();
        let difference = pair.run(&history[before..]);
        outcome.errors += pair.errors() - errors;
        if let Some(difference) = difference {
            let shown = difference.step.map_or(history.len(), |step| before + step + 1);
            history.truncate(shown);
            report(pair, family, plan, &difference, &history, &mut outcome)?;
            history.clear();
            pair.start_over()?;
        }
    }
    Ok(outcome)
}

fn report(
    pair: &mut Pair,
    family: &Family,
    plan: &Plan,
    difference: &Difference,
    history: &[Step],
    outcome: &mut Outcome,
) -> Result<(), StartError> {
    let count = outcome.differences.entry(difference.name.clone()).or_default();
    *count += 1;
    if *count > 1 || outcome.reports.len() >= plan.reports {
        return Ok(());
    }
    let short = shrink::shrink(history, |steps| {
        pair.start_over()?;
        Ok(pair.run(steps).is_some_and(|found| found.name == difference.name))
    })?;
    pair.start_over()?;
    let shown = pair.run(&short);
    let mut text = format!("family {}, seed {}: {}\n", family.name, plan.seed, difference.name);
    match shown {
        Some(shown) => {
            let _ = writeln!(text, "  {} commands show it:", short.len());
            for step in &short {
                let _ = writeln!(text, "    {}", show(step));
            }
            let _ = writeln!(text, "{}", shown.text);
        }
        None => {
            let _ =
                writeln!(text, "{}\n  it does not show again when the stream is run again", difference.text);
        }
    }
    outcome.reports.push(text);
    Ok(())
}

/// A command as one would type it.
fn show(step: &Step) -> String {
    let words = step.words.iter().map(|word| match word.iter().all(|&byte| byte.is_ascii_graphic()) {
        true if !word.is_empty() => String::from_utf8_lossy(word).into_owned(),
        _ => format!("\"{}\"", word.escape_ascii()),
    });
    let prefix = if step.connection == 0 { "" } else { "(second connection) " };
    format!("{prefix}{}", words.collect::<Vec<String>>().join(" "))
}
