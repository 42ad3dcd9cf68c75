//! `spinel-bench paired`: servers side by side, under the same loads, on the same machine.
//!
//! The subject and its references are started on ports and in folders of their own with nothing written to disk
//! unless a suite is about that, each load runs on them in turn, and tables show medians and ratios, first of all the server's CPU time per operation.

mod contestant;
mod durability;
mod memory;
mod plot;
mod rounds;
mod sheet;
mod snapshot;
mod stall;
mod suites;

use std::fs;
use std::path::Path;

use contestant::{Contestant, Placement, all_cores};
use plot::Plot;
use sheet::Sheet;
use suites::{FULL, QUICK, Scale};

use super::args::{self, Args, Flag};
use super::failure::Failure;
use super::options::positive;
use super::template::split_words;

const fn flag(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag { name, value, help }
}

const FLAGS: &[Flag] = &[
    flag("--subject", "[NAME=]CMD", "the server in question (called spinel)"),
    flag("--reference", "[NAME=]CMD", "one to compare with; may be repeated; echo-server is our own"),
    flag(
        "--suite",
        "NAME",
        "core, defaults, mixes, memory, workers, stall, durability, snapshot; may be repeated (core)",
    ),
    flag("--workers-option", "OPT", "the subject's option for its workers (--threads); empty: it has none"),
    flag("--extra", "WORDS", "further arguments for every server"),
    flag("--act", "TEXT", "of the stall suite, what has this text in its name; may be repeated"),
    flag("--rounds", "N", "rounds per load (3)"),
    flag("--seconds", "S", "seconds per round (3)"),
    flag("--quick", "", "a tenth of the keys, one round of half a second"),
    flag("--no-pin", "", "let the kernel choose the cores"),
    flag("--seed", "N", "start of the random numbers (1)"),
    flag("--out", "DIR", "write SUITE.md, SUITE.json and what is plotted there"),
    flag("--help", "", "this text"),
];

/// The suites there are.
const SUITES: &[&str] =
    &["core", "defaults", "mixes", "memory", "workers", "stall", "durability", "snapshot"];
/// Workers of the subject when clients are to be served beside a heavy command.
const STALL_WORKERS: usize = 2;

/// What all suites share.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) scale: Scale,
    pub(crate) seed: u64,
    /// Further arguments of every server.
    pub(crate) extra: Vec<String>,
    /// Texts of which an act's name has one; if there are none, any will do.
    pub(crate) acts: Vec<String>,
    /// All cores, for undoing a placement.
    pub(crate) cores: String,
}

/// Where a suite runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) placement: Placement,
    /// Threads of the generator.
    pub(crate) threads: usize,
}

/// Understands `words` and runs.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let args = Args::parse(words, FLAGS)?;
    if args.has("--help") {
        print!("usage: spinel-bench paired --subject CMD --reference CMD [OPTIONS]\n\n{}", args::help(FLAGS));
        return Ok(());
    }
    if let Some(word) = args.rest.first() {
        return Err(Failure::Usage(format!("what is `{word}`?")));
    }
    let contestants = contestants(&args)?;
    let setting = setting(&args)?;
    let mut names: Vec<&str> = args.texts("--suite").flat_map(|names| names.split(',')).collect();
    if names.is_empty() {
        names.push("core");
    }
    if let Some(unknown) = names.iter().find(|name| !SUITES.contains(name)) {
        return Err(Failure::Usage(format!(
            "there is no suite `{unknown}`; there are {}",
            SUITES.join(", ")
        )));
    }
    let placement = if args.has("--no-pin") { Placement::Free } else { Placement::apart_if_possible() };
    for name in names {
        let sheet = run_suite(name, &contestants, placement, &setting)?;
        let markdown = sheet.to_markdown();
        println!("{markdown}");
        if let Some(folder) = args.text("--out") {
            let plot = sheet.plot.as_ref().map(Plot::to_svg);
            let texts = [("md", Some(markdown)), ("json", Some(sheet.to_json())), ("svg", plot)];
            write(Path::new(folder), name, &texts)?;
        }
    }
    Ok(())
}

fn run_suite(
    name: &str,
    contestants: &[Contestant],
    placement: Placement,
    setting: &Setting,
) -> Result<Sheet, Failure> {
    let alone = Site { placement, threads: 1 };
    let shared = Site { placement: Placement::Free, threads: 1 };
    let single = || contestants.iter().map(|contestant| (contestant.clone(), 1)).collect::<Vec<_>>();
    let scale = setting.scale;
    match name {
        "defaults" => rounds::run(name, &suites::defaults(scale), &single(), alone, setting),
        "mixes" => rounds::run(name, &suites::mixes(scale), &single(), alone, setting),
        "memory" => memory::run(contestants, alone, setting),
        "workers" => rounds::run(name, &suites::workers(scale), &by_workers(contestants), shared, setting),
        "stall" => stall::run(contestants, STALL_WORKERS, shared, setting),
        "durability" => durability::run(contestants, setting),
        "snapshot" => snapshot::run(contestants, STALL_WORKERS, shared, setting),
        _ => rounds::run(name, &suites::core(scale), &single(), alone, setting),
    }
}

/// The subject with two workers and with one, then the references.
fn by_workers(contestants: &[Contestant]) -> Vec<(Contestant, usize)> {
    let mut entrants = Vec::new();
    for contestant in contestants {
        if contestant.workers_option.is_none() {
            entrants.push((contestant.clone(), 1));
            continue;
        }
        for workers in [2, 1] {
            let name = format!("{} x{workers}", contestant.name);
            entrants.push((Contestant { name, ..contestant.clone() }, workers));
        }
    }
    entrants
}

fn contestants(args: &Args) -> Result<Vec<Contestant>, Failure> {
    let subject = args.text("--subject").ok_or_else(|| Failure::Usage("--subject is missing".into()))?;
    let mut subject = Contestant::parse(subject, "spinel")?;
    let option = args.text("--workers-option").unwrap_or("--threads");
    if !option.is_empty() && !subject.echoes() {
        subject.workers_option = Some(option.to_owned());
    }
    let mut all = vec![subject];
    for (number, text) in args.texts("--reference").enumerate() {
        let contestant = Contestant::parse(text, &format!("reference{}", number + 1))?;
        if all.iter().any(|other| other.name == contestant.name) {
            return Err(Failure::Usage(format!("two servers are called {}", contestant.name)));
        }
        all.push(contestant);
    }
    Ok(all)
}

fn setting(args: &Args) -> Result<Setting, Failure> {
    let mut scale = if args.has("--quick") { QUICK } else { FULL };
    scale.rounds = args.count("--rounds")?.map_or(scale.rounds, |rounds| rounds as usize);
    scale.seconds = positive(args, "--seconds", false)?.unwrap_or(scale.seconds);
    let extra = args.text("--extra").map_or_else(|| Ok(Vec::new()), split_words)?;
    let seed = args.value("--seed")?.unwrap_or(1);
    let acts = args.texts("--act").map(str::to_owned).collect();
    Ok(Setting { scale, seed, extra, acts, cores: all_cores() })
}

fn write(folder: &Path, suite: &str, texts: &[(&str, Option<String>)]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::io(format!("creating {}", folder.display())))?;
    for (ending, text) in texts {
        let Some(text) = text else { continue };
        let path = folder.join(format!("{suite}.{ending}"));
        fs::write(&path, text).map_err(Failure::io(format!("writing {}", path.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, by_workers, contestants, setting};
    use crate::bench::args::Args;

    fn args(words: &[&str]) -> Args {
        Args::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), FLAGS).unwrap()
    }

    #[test]
    fn the_subject_comes_first_and_alone_has_workers() {
        let given = args(&["--subject", "a/server", "--reference", "r=b c", "--reference", "echo-server"]);
        let all = contestants(&given).unwrap();
        assert_eq!(
            all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["spinel", "r", "reference2"]
        );
        let entrants = by_workers(&all);
        let names: Vec<(&str, usize)> = entrants.iter().map(|(one, n)| (one.name.as_str(), *n)).collect();
        assert_eq!(names, [("spinel x2", 2), ("spinel x1", 1), ("r", 1), ("reference2", 1)]);
    }

    #[test]
    fn names_must_differ_and_a_subject_there_must_be() {
        assert!(contestants(&args(&["--subject", "a=x", "--reference", "a=y"])).is_err());
        assert!(contestants(&args(&["--reference", "a=y"])).is_err());
    }

    #[test]
    fn quick_is_overruled_by_explicit_figures() {
        let setting = setting(&args(&["--quick", "--rounds", "2", "--extra", "--a b"])).unwrap();
        assert_eq!((setting.scale.rounds, setting.scale.million), (2, 100_000));
        assert_eq!(setting.extra, ["--a", "b"]);
    }
}
