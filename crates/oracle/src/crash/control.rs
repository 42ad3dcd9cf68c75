//! The simplest program that writes and syncs, beside the server: what it loses at a power cut is the disk's fault, and what
//! it loses of a file that it does not sync shows that the power was cut indeed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was written to the two files.
#[derive(Debug, Default)]
pub(super) struct Control {
    synced: u64,
    unsynced: u64,
}

/// What is missing of them, in lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing {
    pub(super) synced: u64,
    pub(super) unsynced: u64,
}

impl Control {
    /// Writes lines until it is over, which is before the power is cut: a sync that runs just then may succeed in vain.
    pub(super) fn run(folder: &Path, is_over: &AtomicBool) -> Control {
        let mut control = Control::default();
        // What cannot be written is not counted.
        let _: io::Result<()> = control.write(folder, is_over);
        control
    }

    fn write(&mut self, folder: &Path, is_over: &AtomicBool) -> io::Result<()> {
        let open = |name| OpenOptions::new().create(true).write(true).truncate(true).open(folder.join(name));
        let (mut synced, mut unsynced) = (open("control-synced")?, open("control-unsynced")?);
        File::open(folder)?.sync_all()?;
        while !is_over.load(Ordering::Relaxed) {
            unsynced.write_all(b"line\n")?;
            self.unsynced += 1;
            synced.write_all(b"line\n")?;
            synced.sync_data()?;
            self.synced += 1;
        }
        Ok(())
    }

    /// Looks what is there.
    pub(super) fn missing(&self, folder: &Path) -> Missing {
        let lines = |name| {
            std::fs::read(folder.join(name)).map_or(0, |bytes| {
                bytes.split(|byte| *byte == b'\n').filter(|line| *line == b"line").count() as u64
            })
        };
        Missing {
            synced: self.synced.saturating_sub(lines("control-synced")),
            unsynced: self.unsynced.saturating_sub(lines("control-unsynced")),
        }
    }
}
