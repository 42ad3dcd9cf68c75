//! Logs of ours before the reference, and the reference's before us: a line for each kind.
//!
//! It prints `equal KIND: ...` or `different KIND: ...` with what differs. Its end is successful only if all is equal.

#![forbid(unsafe_code)]

use spinel_oracle::log::Workshop;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spinel-log [--reference PATH] [--subject PATH]

  --reference PATH     redis-server 7.0.15 (default: redis-server on the search path)
  --subject PATH       spinel, whose backups are loaded and whose tool is to convert files of the reference (default:
                       that is left out)
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("spinel-log: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Result<bool, String> {
    let mut reference = PathBuf::from("redis-server");
    let mut subject = None;
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("'{option}' needs a value\n\n{USAGE}"))?;
        match option.as_str() {
            "--reference" => reference = PathBuf::from(value),
            "--subject" => subject = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown option '{option}'\n\n{USAGE}")),
        }
    }
    let findings = Workshop::new(&reference, subject.as_deref()).and_then(|workshop| workshop.run());
    let findings = findings.map_err(|error| error.to_string())?;
    for (kind, compared, differences) in &findings {
        if differences.is_empty() {
            println!("equal {kind}: {compared} compared");
        } else {
            println!("different {kind}: {} of {compared}", differences.len());
            differences.iter().take(5).for_each(|difference| println!("  {difference}"));
        }
    }
    Ok(findings.iter().all(|(_, _, differences)| differences.is_empty()))
}
