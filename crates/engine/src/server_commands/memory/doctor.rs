//! MEMORY DOCTOR: whether memory is used well, in words. The limits are those of Redis.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::server_commands::info::memory::{Overview, ratio};
use crate::session::{SessionCommand, SessionContext};

/// Says in words whether memory is used well.
#[derive(Command)]
#[command(name = "memory|doctor", group = Server, since = "4.0.0", complexity = "O(1)")]
#[command(tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"))]
pub(super) struct MemoryDoctor;

impl SessionCommand for MemoryDoctor {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let report = report(&Overview::of(cx.worker), cx.engine().clients.len());
        out.verbatim("txt", report.as_bytes());
        Ok(Flow::Continue)
    }
}

const MIB: i64 = 1 << 20;
/// Below this nothing can be said.
const TOO_LITTLE: u64 = 5 * MIB as u64;
/// A difference that matters.
const MUCH: i64 = 10 * MIB;
/// Memory of a client, on average, that is too much.
const CLIENT_BYTES: u64 = 200 * 1024;

fn report(overview: &Overview, clients: usize) -> String {
    if overview.figures.allocated < TOO_LITTLE {
        return "There is next to nothing in memory, so nothing can be said about it yet.\n".to_owned();
    }
    let findings = findings(overview, clients);
    if findings.is_empty() {
        return "Nothing is wrong with the use of memory, as far as the figures tell.\n".to_owned();
    }
    let mut text = "Some figures about memory are unusual:\n\n".to_owned();
    findings.iter().for_each(|finding| text.push_str(&format!(" * {finding}\n\n")));
    text
}

fn findings(overview: &Overview, clients: usize) -> Vec<&'static str> {
    let [fragmentation, allocator, process, total] = overview.fragmentation();
    let is_high = |(ratio, bytes): (f64, i64), limit: f64| ratio > limit && bytes > MUCH;
    let all = [
        (
            ratio(overview.peak, overview.figures.allocated) > 1.5,
            "Peak: more than 150% of what is in use now was in use once. The allocator keeps such memory for \
             later, so the resident size stays large until it is needed again; MEMORY PURGE gives back what can be \
             given back.",
        ),
        (
            is_high(total, 1.4),
            "Resident size: the process holds more than 1.4 times what it allocated. A peak in the past or \
             values that come and go in many sizes do that.",
        ),
        (
            is_high(fragmentation, 1.1),
            "Fragmentation: the pages in use are more than 1.1 times what is allocated in them. A peak in the \
             past or values that come and go in many sizes do that.",
        ),
        (
            is_high(allocator, 1.1),
            "Allocator: it holds more than 1.1 times the pages that are in use. MEMORY PURGE makes it give them \
             back.",
        ),
        (
            is_high(process, 1.1),
            "Process: it is more than 1.1 times as large as what the allocator holds, for reasons beyond the \
             allocator.",
        ),
        (
            overview.clients / (clients.max(1) as u64) > CLIENT_BYTES,
            "Clients: they take more than 200 KiB each on average. Subscribers that read slowly, large replies \
             and long pipelines do that; CLIENT LIST shows who it is.",
        ),
    ];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::MemoryFigures;

    #[test]
    fn only_what_is_unusual_is_reported() {
        let of = |allocated: u64, rss: u64, peak: u64| Overview {
            figures: MemoryFigures {
                allocated,
                active: allocated,
                resident: allocated,
                rss,
                ..MemoryFigures::default()
            },
            peak,
            ..Overview::default()
        };
        let hundred = 100 << 20;
        assert!(report(&of(1 << 20, 50 << 20, hundred), 1).contains("next to nothing"));
        assert!(report(&of(hundred, hundred, hundred), 1).starts_with("Nothing is wrong"));
        let text = report(&of(hundred, 2 * hundred, 2 * hundred), 1);
        for (name, is_there) in [
            ("Peak", true),
            ("Resident", true),
            ("Fragmentation", false),
            ("Process", true),
            ("Clients", false),
        ] {
            assert_eq!(text.contains(&format!(" * {name}")), is_there, "{name} in {text}");
        }
    }
}
