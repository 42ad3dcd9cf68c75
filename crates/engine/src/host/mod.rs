//! What the program around the engine does for it: figures about the process, changes of the configuration that
//! reach outside, and files. Capabilities, so that an engine in a test has none of them.

mod bare;
mod linux;

pub use bare::Bare;
pub use linux::LinuxProcess;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use crate::migrate::Link;

use crate::config::{Change, Disk, SetError, Settings};

/// Bytes of memory, from the allocator unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// Given to the program.
    pub allocated: u64,
    /// In pages that hold some of that.
    pub active: u64,
    /// In pages that are mapped and resident.
    pub resident: u64,
    /// For the allocator's own use.
    pub metadata: u64,
    /// Mapped but given back to the system.
    pub retained: u64,
    /// Resident, as the operating system sees the process.
    pub rss: u64,
    /// Of the machine.
    pub total_system: u64,
}

/// Seconds of processor time used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTimes {
    /// In the kernel, by the process.
    pub system: f64,
    /// Outside the kernel, by the process.
    pub user: f64,
    /// In the kernel, by the thread that asks.
    pub thread_system: f64,
    /// Outside the kernel, by the thread that asks.
    pub thread_user: f64,
}

/// What stays the same while the process lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Kernel, its release and the machine, as `uname` gives them.
    pub os: String,
    /// The number of the process.
    pub process_id: u32,
    /// The program's path.
    pub executable: String,
    /// The allocator with its version, such as `jemalloc-5.3.0`.
    pub allocator: String,
    /// What sockets are waited for with, such as `epoll`.
    pub multiplexer: &'static str,
}

/// How a test has the process crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// By a write to memory where only reading is allowed.
    Segfault,
    /// By noticing that something is wrong.
    Panic,
    /// By noticing that something is not as it must be.
    Assert,
}

/// What a control of the allocator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A number, or 0 and 1 for no and yes.
    Number,
    /// A text.
    Text,
}

/// Tells about the process and its memory; by itself it knows nothing.
pub trait ProcessProbe: Send + Sync {
    /// Memory now.
    fn memory(&self) -> MemoryFigures {
        MemoryFigures::default()
    }

    /// What [`MemoryFigures::allocated`] is now, and nothing else.
    fn allocated(&self) -> u64 {
        self.memory().allocated
    }

    /// Bytes that the calling thread has allocated so far less those it has freed, whoever had allocated them; without the
    /// maps of large tables. Asked very often.
    fn held_here(&self) -> i64 {
        0
    }

    /// Processor time so far.
    fn cpu(&self) -> CpuTimes {
        CpuTimes::default()
    }

    /// What stays the same.
    fn about(&self) -> About {
        About::default()
    }

    /// Gives unused memory back to the system (`MEMORY PURGE`).
    fn purge(&self) {}

    /// The calling thread has nothing to do for a while: takes back what the allocator keeps at hand for it, such as
    /// what it freed last.
    fn rest(&self) {}

    /// Whether there is a process of this number; who does not know says that there is.
    fn is_running(&self, _process: u32) -> bool {
        true
    }

    /// Crashes the process (`DEBUG SEGFAULT` and its kin); who cannot returns.
    fn crash(&self, _how: Crash) {}

    /// What a control of the allocator says; `None` if there is none of that name and kind.
    fn control(&self, _name: &str, _kind: ControlKind) -> Option<String> {
        None
    }

    /// The allocator's own report (`MEMORY MALLOC-STATS`); empty if it has none.
    fn allocator_report(&self) -> String {
        String::new()
    }
}

/// Acts on changes of the configuration that reach beyond the engine: sockets, the log, the process's title.
pub trait OnChange: Send + Sync {
    /// Applies a change before it is published; `before` are the settings still in force.
    ///
    /// # Errors
    /// [`SetError::failed`] with the directive that could not be applied; everything applied until then has been
    /// taken back.
    fn apply(&self, change: &Change, before: &Settings) -> Result<(), SetError>;
}

/// Connects to other servers.
pub trait Dial: Send + Sync {
    /// Connects to a port, by name or number, of a host; takes no longer than `patience`.
    ///
    /// # Errors
    /// If nobody answers there in time.
    fn dial(&self, host: &str, port: &str, patience: Duration) -> io::Result<Box<dyn Link>>;
}

/// Everything that the program around the engine does for it.
pub struct Host {
    /// Figures about the process.
    pub probe: Box<dyn ProcessProbe>,
    /// Changes of the configuration.
    pub on_change: Box<dyn OnChange>,
    /// Files, for CONFIG SET `dir` and CONFIG REWRITE.
    pub disk: Box<dyn Disk + Send + Sync>,
    /// The working directory, for what is saved in it.
    pub files: Arc<dyn spinel_aof::disk::Disk>,
    /// Other servers, for MIGRATE.
    pub dial: Box<dyn Dial>,
}

impl Default for Host {
    /// A host that can do nothing.
    fn default() -> Self {
        Self {
            probe: Box::new(Bare),
            on_change: Box::new(Bare),
            disk: Box::new(Bare),
            files: Arc::new(bare::NoFiles),
            dial: Box::new(Bare),
        }
    }
}
