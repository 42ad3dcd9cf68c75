//! Kills a server at random moments in a loop, and counts what it lost of what it acknowledged.
//!
//! It prints `kept POLICY: ...` or `lost POLICY: ...` with what is wrong, and figures; its end is successful only if nothing
//! is.

#![forbid(unsafe_code)]

use spinel_oracle::crash::{Options, Report, run};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spinel-crash --subject PATH [options]

  --subject PATH        the server under test
  --server-args TEXT    its further arguments, separated by blanks
  --appendfsync POLICY  always, everysec or no (default: everysec)
  --cycles N            how often it is killed (default: 100)
  --clients N           connections that write at once (default: 4)
  --depth N             rounds of ten commands sent at once (default: 4)
  --seed N              what chance decides (default: 1); the interleaving is the machine's
  --folder PATH         where its files are, which stay (default: a temporary folder)
  --before-kill TEXT    run by the shell while the server is stopped, before it is killed
  --after-kill TEXT     run by the shell when it is dead
";

/// What is wrong is printed up to so many lines.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| crash(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-crash: {message}");
            ExitCode::from(2)
        }
    }
}

fn crash(options: &Options) -> Result<bool, String> {
    let is_temporary = options.folder.as_os_str().is_empty();
    let mut options = options.clone();
    if is_temporary {
        options.folder = std::env::temp_dir().join(format!("spinel-crash-{}", std::process::id()));
        std::fs::create_dir_all(&options.folder).map_err(|error| error.to_string())?;
    }
    let report = run(&options).map_err(|error| format!("{}: {error}", options.folder.display()))?;
    let is_well = print(&options, &report);
    if is_temporary && is_well {
        // A folder that stays behind is a temporary one.
        let _ = std::fs::remove_dir_all(&options.folder);
    }
    Ok(is_well)
}

fn print(options: &Options, report: &Report) -> bool {
    report.wrong.iter().take(SHOWN).for_each(|line| println!("  {line}"));
    let is_well = report.lost == 0 && report.wrong.is_empty();
    let starts = report.restart_ms.len().max(1) as u128;
    println!(
        "{} {}: {} cycles, {} acknowledged writes, {} lost, {} otherwise wrong, {} rewrites and saves, {} ms per restart \
         (longest {})",
        if is_well { "kept" } else { "lost" },
        options.appendfsync,
        report.cycles,
        report.acknowledged,
        report.lost,
        report.wrong.len(),
        report.snapshots,
        report.restart_ms.iter().sum::<u128>() / starts,
        report.restart_ms.iter().max().unwrap_or(&0),
    );
    is_well
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        program: PathBuf::new(),
        server_args: Vec::new(),
        folder: PathBuf::new(),
        cycles: 100,
        appendfsync: "everysec".to_owned(),
        clients: 4,
        depth: 4,
        seed: 1,
        before_kill: None,
        after_kill: None,
    };
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("not a number: {value}"));
        match option.as_str() {
            "--subject" => options.program = PathBuf::from(value),
            "--server-args" => options.server_args = value.split_whitespace().map(str::to_owned).collect(),
            "--appendfsync" => options.appendfsync = value,
            "--cycles" => options.cycles = number()? as usize,
            "--clients" => options.clients = number()?.clamp(1, 1000) as usize,
            "--depth" => options.depth = number()?.clamp(1, 1000) as usize,
            "--seed" => options.seed = number()?,
            "--folder" => options.folder = PathBuf::from(value),
            "--before-kill" => options.before_kill = Some(value),
            "--after-kill" => options.after_kill = Some(value),
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    if options.program.as_os_str().is_empty() {
        return Err(format!("which server?\n\n{USAGE}"));
    }
    Ok(options)
}
