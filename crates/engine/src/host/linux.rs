//! Figures about the process from Linux's `/proc`; those of the allocator come from whoever links one.

use std::fs;
use std::path::Path;

use spinel_structs::table::mapped_bytes;

use super::{About, ControlKind, CpuTimes, Crash, MemoryFigures, ProcessProbe};

/// Kernel clock ticks a second in `/proc`; fixed for user space on every architecture Linux has today.
const TICKS: f64 = 100.0;
/// Bytes of a kibibyte, the unit of `/proc/*/status` and `/proc/meminfo`.
const KIB: u64 = 1024;

/// What an allocator can do for a probe.
#[derive(Clone, Debug)]
pub struct LinuxProcess {
    /// The allocator with its version.
    pub allocator: String,
    /// Fills in what the allocator knows.
    pub figures: fn(&mut MemoryFigures),
    /// Bytes that are allocated.
    pub allocated: fn() -> u64,
    /// Bytes that the calling thread has allocated less those it has freed.
    pub held_here: fn() -> i64,
    /// Gives unused memory back.
    pub purge: fn(),
    /// Takes back what is kept at hand for the calling thread.
    pub rest: fn(),
    /// What a control of the allocator says.
    pub control: fn(&str, ControlKind) -> Option<String>,
    /// The allocator's report.
    pub report: fn() -> String,
    /// Crashes the process.
    pub crash: fn(Crash),
}

impl ProcessProbe for LinuxProcess {
    fn memory(&self) -> MemoryFigures {
        let mut figures = MemoryFigures {
            rss: kibibytes("/proc/self/status", "VmRSS:"),
            total_system: kibibytes("/proc/meminfo", "MemTotal:"),
            ..MemoryFigures::default()
        };
        (self.figures)(&mut figures);
        // Large tables lie in maps of their own, of which the allocator knows nothing.
        let mapped = mapped_bytes() as u64;
        figures.allocated += mapped;
        figures.active += mapped;
        figures.resident += mapped;
        figures
    }

    fn allocated(&self) -> u64 {
        (self.allocated)() + mapped_bytes() as u64
    }

    fn held_here(&self) -> i64 {
        (self.held_here)()
    }

    fn cpu(&self) -> CpuTimes {
        let (user, system) = ticks("/proc/self/stat");
        let (thread_user, thread_system) = ticks("/proc/thread-self/stat");
        CpuTimes { system, user, thread_system, thread_user }
    }

    fn about(&self) -> About {
        let kernel = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
            text.trim().to_owned()
        };
        About {
            os: format!("{} {} {}", kernel("ostype"), kernel("osrelease"), std::env::consts::ARCH),
            process_id: std::process::id(),
            executable: std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default(),
            allocator: self.allocator.clone(),
            multiplexer: "epoll",
        }
    }

    fn purge(&self) {
        (self.purge)();
    }

    fn rest(&self) {
        (self.rest)();
    }

    fn is_running(&self, process: u32) -> bool {
        Path::new("/proc").join(process.to_string()).exists()
    }

    fn crash(&self, how: Crash) {
        (self.crash)(how);
    }

    fn control(&self, name: &str, kind: ControlKind) -> Option<String> {
        (self.control)(name, kind)
    }

    fn allocator_report(&self) -> String {
        (self.report)()
    }
}

/// The number of kibibytes in the line of a file that begins with `name`, in bytes; 0 if there is none.
fn kibibytes(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * KIB
}

/// Seconds of user and system time in a `stat` file.
fn ticks(path: &str) -> (f64, f64) {
    parse_ticks(&fs::read_to_string(path).unwrap_or_default()).unwrap_or_default()
}

/// Fields 14 and 15, counted from 1. The second field is the program's name in parentheses, and may have blanks.
fn parse_ticks(stat: &str) -> Option<(f64, f64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? / TICKS, fields.next()?.ok()? / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(parse_ticks(stat), Some((2.5, 0.5)));
        assert_eq!(parse_ticks("no name"), None);
    }
}
