//! What Linux says about a process: CPU time and memory.
//!
//! CPU time comes in ticks of 10 ms, so a window of a few seconds is good to some thousandths. Only Linux.

use std::fs;

use super::failure::Failure;

/// Microseconds per tick of `/proc`: USER_HZ is 100 on every architecture Linux still runs on.
const TICK_US: u64 = 10_000;

/// CPU time spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CpuTime {
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
}

impl CpuTime {
    /// What was spent since `earlier`.
    pub(crate) fn since(self, earlier: CpuTime) -> CpuTime {
        CpuTime {
            user_us: self.user_us.saturating_sub(earlier.user_us),
            system_us: self.system_us.saturating_sub(earlier.system_us),
        }
    }

    pub(crate) fn total_us(self) -> u64 {
        self.user_us + self.system_us
    }
}

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: u64,
    /// The most there ever was.
    pub(crate) peak: u64,
}

/// One thread of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) cpu: CpuTime,
}

/// The CPU time of all threads of process `pid`, ended ones included.
pub(crate) fn cpu_time(pid: u32) -> Result<CpuTime, Failure> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(Failure::io(&path))?;
    parse_stat(&text).map(|(_, cpu)| cpu).ok_or_else(|| unreadable(&path))
}

/// The CPU time of each living thread of process `pid`.
pub(crate) fn threads(pid: u32) -> Result<Vec<Thread>, Failure> {
    let folder = format!("/proc/{pid}/task");
    let mut threads = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Failure::io(&folder))? {
        let entry = entry.map_err(Failure::io(&folder))?;
        let id = entry.file_name().to_string_lossy().parse().map_err(|_| unreadable(&folder))?;
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let (name, cpu) = parse_stat(&text).ok_or_else(|| unreadable(&folder))?;
        threads.push(Thread { id, name, cpu });
    }
    Ok(threads)
}

/// The resident memory of process `pid`.
pub(crate) fn memory(pid: u32) -> Result<Memory, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(Failure::io(&path))?;
    parse_status(&text).ok_or_else(|| unreadable(&path))
}

fn unreadable(path: &str) -> Failure {
    Failure::Server(format!("{path} has an unknown form"))
}

/// Name, user and system time; the name may hold blanks and parentheses, so the last one counts.
fn parse_stat(text: &str) -> Option<(String, CpuTime)> {
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let name = text.get(open + 1..close)?.to_owned();
    // utime and stime are the fields 14 and 15 of the line; the first after the name is field 3.
    let mut fields = text.get(close + 1..)?.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((name, CpuTime { user_us: ticks()? * TICK_US, system_us: ticks()? * TICK_US }))
}

fn parse_status(text: &str) -> Option<Memory> {
    let bytes = |label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::{CpuTime, Memory, cpu_time, memory, parse_stat, parse_status, threads};

    const STAT: &str = "1234 (a (b) c) S 1 1234 1234 0 -1 4194560 5025 0 3 0 250 125 7 9 20 0 5 0 8834 1 2 3";

    #[test]
    fn the_times_are_found_behind_a_name_with_parentheses() {
        let cpu = CpuTime { user_us: 2_500_000, system_us: 1_250_000 };
        assert_eq!(parse_stat(STAT), Some(("a (b) c".into(), cpu)));
        assert_eq!(cpu.total_us(), 3_750_000);
        assert_eq!(parse_stat("1 (x) S 1"), None);
        assert_eq!(parse_stat("nothing"), None);
    }

    #[test]
    fn resident_and_peak_memory_are_bytes() {
        let text = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t   20 kB\nVmRSS:\t   10 kB\n";
        assert_eq!(parse_status(text), Some(Memory { resident: 10_240, peak: 20_480 }));
        assert_eq!(parse_status("Name:\tkernel thread\n"), None);
    }

    #[test]
    fn our_own_process_can_be_read() {
        let pid = std::process::id();
        assert!(cpu_time(pid).is_ok());
        assert!(memory(pid).unwrap().peak >= memory(pid).unwrap().resident / 2);
        assert!(threads(pid).unwrap().iter().any(|thread| thread.id == pid));
    }
}
