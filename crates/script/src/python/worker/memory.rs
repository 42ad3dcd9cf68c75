//! Limits of the worker's memory: one that scripts are told of, and one that ends the process.
//!
//! Monty compares two counters of its own with a script's limit whenever it looks up, and before it makes something large. It
//! leaves it to its host to keep them: here a thread does, a thousand times a second while a script runs, by asking the system
//! what the process has. What a script takes between two looks, or where monty does not look, ends at the process's own limit,
//! and the process with it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use monty_types::{BASELINE_MEMORY, LIVE_MEMORY};
use rustix::param::page_size;
use rustix::process::{Pid, Resource, Rlimit, getppid, setrlimit};

/// How often the memory is looked at.
const INTERVAL: Duration = Duration::from_millis(1);
/// What the process may take for each byte that a script may: a script's limit, and the same for the values and frames that
/// leave the machine.
const PROCESS_PART: u64 = 2;
/// Room for the program itself, beyond what it has when it starts.
const ROOM_BYTES: u64 = 512 << 20;

/// Limits the whole process.
///
/// # Errors
/// If the system does not.
pub(super) fn limit_process(limit_bytes: usize, stack_bytes: usize) -> io::Result<()> {
    let now = Figures::open()?.read()?.size_bytes;
    let most = now + stack_bytes as u64 + PROCESS_PART * limit_bytes as u64 + ROOM_BYTES;
    setrlimit(Resource::As, Rlimit { current: Some(most), maximum: Some(most) })?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// The thread that looks at the memory.
pub(super) struct Memory {
    limit_bytes: usize,
    watched: Arc<Mutex<Process>>,
    thread: Thread,
}

/// What the thread watches. Under one lock, so that no figure of one script is taken for the next one's.
struct Process {
    figures: Figures,
    /// A script runs.
    is_running: bool,
}

impl Process {
    /// Keeps monty's counter.
    fn count(&self) -> Option<usize> {
        let resident = usize::try_from(self.figures.read().ok()?.resident_bytes).unwrap_or(usize::MAX);
        LIVE_MEMORY.store(resident, Ordering::Relaxed);
        Some(resident)
    }
}

fn lock(watched: &Mutex<Process>) -> MutexGuard<'_, Process> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this lives a script runs.
pub(super) struct Watched<'m>(&'m Memory);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(&self.0.watched).is_running = false;
    }
}

impl Memory {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system says nothing about memory.
    pub(super) fn watch(limit_bytes: usize) -> io::Result<Self> {
        let figures = Figures::open()?;
        figures.read()?;
        let watched = Arc::new(Mutex::new(Process { figures, is_running: false }));
        let parent = getppid();
        let look = {
            let watched = Arc::clone(&watched);
            move || look(&watched, parent)
        };
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(look)?.thread().clone();
        Ok(Self { limit_bytes, watched, thread })
    }

    pub(super) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// A script begins.
    pub(super) fn begin(&self) -> Watched<'_> {
        let mut process = lock(&self.watched);
        BASELINE_MEMORY.store(process.count().unwrap_or(0), Ordering::Relaxed);
        process.is_running = true;
        drop(process);
        self.thread.unpark();
        Watched(self)
    }
}

/// Keeps the counter, and ends the process if the server is gone.
fn look(watched: &Mutex<Process>, parent: Option<Pid>) {
    loop {
        let process = lock(watched);
        if !process.is_running {
            drop(process);
            std::thread::park();
            continue;
        }
        if getppid() != parent {
            std::process::exit(0);
        }
        process.count();
        drop(process);
        std::thread::sleep(INTERVAL);
    }
}

/// `/proc/self/statm`.
struct Figures(File);

struct Now {
    size_bytes: u64,
    resident_bytes: u64,
}

impl Figures {
    fn open() -> io::Result<Self> {
        File::open("/proc/self/statm").map(Self)
    }

    fn read(&self) -> io::Result<Now> {
        let mut buffer = [0; 128];
        let len = self.0.read_at(&mut buffer, 0)?;
        let text = std::str::from_utf8(&buffer[..len]).unwrap_or_default();
        let mut pages = text.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        let mut next =
            || pages.next().map(|pages| pages * page_size() as u64).ok_or(io::ErrorKind::InvalidData);
        Ok(Now { size_bytes: next()?, resident_bytes: next()? })
    }
}
