//! Files of other servers: what each of them writes is read by Spinel, and what Spinel writes for it is read by it, with
//! equal data.
//!
//! ```text
//! a server filled with every type and encoding ─▶ RDB, append-only files ─▶ Spinel, `spinel convert`
//!                                              ◀─ RDB of its version, append-only files ◀─
//! ```
//!
//! Compared are `DEBUG DIGEST`, and for every key its type, whether its encoding is the small or the large one, its own
//! digest and its expiry. Beside that, Spinel starts with the configuration file of the server's package.

mod back;
mod convert;
mod extras;
mod facts;
mod fill;
mod forth;
mod packaged;
mod scripts;
mod servers;

pub use convert::exchange as convert_with;
pub use servers::{Foreign, Version};

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What was found: for each thing that should be equal, its name, how many were compared, and what differs.
pub type Findings = Vec<(String, usize, Vec<String>)>;

/// Compares everything with one server.
///
/// # Errors
/// When a server or the disk fails in a way that is no finding.
pub fn compare(foreign: &Foreign, spinel: &Path) -> io::Result<Findings> {
    let mut findings = Findings::new();
    let bench = Bench::new(foreign, spinel)?;
    findings.push(named(foreign, "files read", forth::compared(&bench)?));
    findings.push(named(foreign, "calls of scripts in its log", scripts::compared(&bench)?));
    findings.push(named(foreign, "files written for it", back::compared(&bench)?));
    findings.push(named(foreign, "files with what only Spinel has", extras::compared(&bench)?));
    findings.push(named(foreign, "files converted", convert::compared(&bench)?));
    findings.push(named(foreign, "its packaged configuration", packaged::compared(&bench)?));
    // Before Redis 5.0 there is no version that we write, and not every server comes with its package.
    findings.retain(|(_, compared, _)| *compared > 0);
    Ok(findings)
}

fn named(foreign: &Foreign, what: &str, outcome: Outcome) -> (String, usize, Vec<String>) {
    (format!("{}, {what}", foreign.name()), outcome.compared, outcome.differences)
}

/// Both servers, and a folder to work in that goes with it.
struct Bench<'a> {
    foreign: &'a Foreign,
    spinel: &'a Path,
    home: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(foreign: &'a Foreign, spinel: &'a Path) -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("spinel-oracle-foreign-{}-{number}", std::process::id());
        let home = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&home)?;
        Ok(Self { foreign, spinel, home })
    }

    /// An empty folder.
    fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.home.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        // A folder that stays behind is a temporary one.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// What was compared, and what differed.
#[derive(Default)]
struct Outcome {
    compared: usize,
    differences: Vec<String>,
}

impl Outcome {
    /// Adds what a comparison found.
    fn add(&mut self, what: &str, compared: usize, differences: Vec<String>) {
        self.compared += compared;
        self.differences.extend(differences.into_iter().map(|difference| format!("{what}: {difference}")));
    }

    /// Adds the outcome of something that may have failed altogether.
    fn add_result(&mut self, what: &str, result: Result<(usize, Vec<String>), String>) {
        match result {
            Ok((compared, differences)) => self.add(what, compared, differences),
            Err(error) => self.add(what, 1, vec![error]),
        }
    }
}
