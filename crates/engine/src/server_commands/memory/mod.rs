//! MEMORY: where the memory of the server is. `MEMORY USAGE`, which looks at a key, is a command on data.

mod doctor;
mod stats;

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};
use doctor::MemoryDoctor;
use stats::MemoryStats;

session_commands! {
    /// The subcommands of MEMORY that are about the server.
    pub(super) static COMMANDS;
    session MemoryDoctor,
    session MemoryHelp,
    session MemoryMallocStats,
    session MemoryPurge,
    session MemoryStats,
}

/// Gives memory that the allocator keeps for later back to the system.
#[derive(Command)]
#[command(name = "memory|purge", group = Server, since = "4.0.0")]
#[command(complexity = "Depends on how much memory is allocated, could be slow")]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
struct MemoryPurge;

impl SessionCommand for MemoryPurge {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().host().probe.purge();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Returns the allocator's own report.
#[derive(Command)]
#[command(name = "memory|malloc-stats", group = Server, since = "4.0.0")]
#[command(complexity = "Depends on how much memory is allocated, could be slow")]
#[command(tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"))]
struct MemoryMallocStats;

impl SessionCommand for MemoryMallocStats {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let report = cx.engine().host().probe.allocator_report();
        out.verbatim("txt", report.as_bytes());
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `MEMORY`.
    MemoryHelp, "memory|help", "MEMORY", Server, "4.0.0",
    &[
        "DOCTOR",
        "    Say in words whether memory is used well.",
        "MALLOC-STATS",
        "    Return the allocator's own report.",
        "PURGE",
        "    Give memory that the allocator keeps for later back to the system.",
        "STATS",
        "    Return where the memory of the server is.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return the bytes that <key> and its value take. They are counted, not sampled,",
        "    so <count> makes no difference.",
    ]
);
