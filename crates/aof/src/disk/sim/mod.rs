//! A disk in memory that forgets and fails on demand.
//!
//! It keeps two states: what programs see, and what outlives a power cut. A write is seen at once and survives once its
//! file is synced; before, every page of it survives or not, as chance has it. A change of names survives once its folder
//! is synced; before, the changes survive up to a random one of them. A sync that fails marks the pages clean, as Linux
//! does: what they hold is seen, does not survive, and a later sync that succeeds does not change that.

mod inode;

use super::{Disk, DiskFile, Entry, OpenMode, folder_of};
use inode::Inode;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A kind of step that can fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// A write to a file.
    Write,
    /// A read from a file.
    Read,
    /// A sync of a file.
    Sync,
    /// Making a file or a folder.
    Create,
    /// A change of length, or taking room.
    Length,
    /// A rename.
    Rename,
    /// Removing a name or a folder, or adding a second name.
    Link,
    /// A sync of a folder.
    SyncFolder,
}

/// A change of names.
#[derive(Clone, Debug)]
enum NameChange {
    Add(String, usize),
    Remove(String),
    Rename(String, String, usize),
}

impl NameChange {
    fn folder(&self) -> &str {
        match self {
            NameChange::Add(path, _) | NameChange::Remove(path) | NameChange::Rename(_, path, _) => {
                folder_of(path)
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            NameChange::Add(path, node) => drop(names.insert(path.clone(), *node)),
            NameChange::Remove(path) => drop(names.remove(path)),
            NameChange::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    page_bytes: usize,
    nodes: Vec<Inode>,
    folders: BTreeSet<String>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    capacity: Option<u64>,
    /// How often a step was made, and which of them fail, counted from 0: from, to (exclusive).
    made: BTreeMap<Step, u64>,
    failing: BTreeMap<Step, (u64, u64)>,
    steps: u64,
    steps_left: Option<u64>,
    /// What was forgotten: from, to (exclusive).
    forgotten: Vec<(u64, u64)>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    /// An empty disk whose pages have `page_bytes` bytes.
    #[must_use]
    pub fn new(page_bytes: usize) -> SimDisk {
        SimDisk::of(State { page_bytes, ..State::default() })
    }

    fn of(state: State) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets steps of a kind fail from the `nth` from now on (0 is the next one), `times` of them.
    pub fn fail(&self, step: Step, nth: u64, times: u64) {
        let mut state = self.state();
        let made = state.made.get(&step).copied().unwrap_or(0);
        state.failing.insert(step, (made + nth, (made + nth).saturating_add(times)));
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        let mut state = self.state();
        state.failing.clear();
        state.capacity = None;
    }

    /// Gives all files together this many bytes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// What users have let it forget, of all its files: from, to (exclusive).
    #[must_use]
    pub fn forgotten(&self) -> Vec<(u64, u64)> {
        self.state().forgotten.clone()
    }

    /// How many steps were made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Lets every step after the next `count` fail.
    pub fn power_off_after(&self, count: u64) {
        self.state().steps_left = Some(count);
    }

    /// What a process finds that starts after another was killed.
    #[must_use]
    pub fn after_kill(&self) -> SimDisk {
        let mut state = self.state().clone();
        state.forget_faults();
        SimDisk::of(state)
    }

    /// What is left after a power cut; `seed` decides what chance decides.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> SimDisk {
        let mut state = self.state().clone();
        state.forget_faults();
        let mut chance = Chance(seed | 1);
        let changes = std::mem::take(&mut state.name_changes);
        let surviving = chance.below(changes.len() as u64 + 1) as usize;
        for change in &changes[..surviving] {
            change.apply(&mut state.durable_names);
        }
        state.names = state.durable_names.clone();
        // A folder is never gone before the names in it.
        let folders: Vec<String> = state.names.keys().map(|path| folder_of(path).to_owned()).collect();
        state.folders.extend(folders.into_iter().filter(|folder| !folder.is_empty()));
        let page_bytes = state.page_bytes;
        for node in &mut state.nodes {
            node.cut_power(page_bytes, &mut chance);
        }
        SimDisk::of(state)
    }

    /// Changes one bit of a file, everywhere.
    ///
    /// # Panics
    /// If there is no such bit.
    pub fn flip_bit(&self, path: &str, bit: u64) {
        let mut state = self.state();
        let node = state.names[path];
        state.nodes[node].flip_bit(bit);
    }

    fn step<T>(&self, step: Step, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        state.count(step)?;
        act(&mut state)
    }
}

/// Simple random numbers (xorshift).
#[derive(Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }
}

impl State {
    fn count(&mut self, step: Step) -> io::Result<()> {
        if let Some(left) = &mut self.steps_left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is off"))?;
        }
        self.steps += 1;
        self.fail_if_due(step)
    }

    fn fail_if_due(&mut self, step: Step) -> io::Result<()> {
        let made = self.made.entry(step).or_insert(0);
        *made += 1;
        match self.failing.get(&step) {
            Some((from, to)) if (*from..*to).contains(&(*made - 1)) => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }

    fn forget_faults(&mut self) {
        self.failing.clear();
        self.capacity = None;
        self.steps_left = None;
    }

    fn used_bytes(&self) -> u64 {
        let nodes: BTreeSet<usize> = self.names.values().copied().collect();
        nodes.iter().map(|node| self.nodes[*node].length()).sum()
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    fn require_folder_of(&self, path: &str) -> io::Result<()> {
        let folder = folder_of(path);
        if folder.is_empty() || self.folders.contains(folder) { Ok(()) } else { Err(missing()) }
    }

    fn node(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(missing)
    }
}

fn missing() -> io::Error {
    io::Error::from_raw_os_error(2)
}

impl Disk for SimDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let known = self.state().names.get(path).copied();
        let node = match (known, mode) {
            (Some(node), OpenMode::Truncate) => {
                self.step(Step::Length, |state| {
                    let page_bytes = state.page_bytes;
                    state.nodes[node].set_length(0, page_bytes);
                    Ok(())
                })?;
                node
            }
            (Some(node), _) => node,
            (None, OpenMode::Read | OpenMode::Write) => return Err(missing()),
            (None, OpenMode::Create | OpenMode::Truncate) => self.step(Step::Create, |state| {
                state.require_folder_of(path)?;
                state.nodes.push(Inode::default());
                let node = state.nodes.len() - 1;
                state.change_name(NameChange::Add(path.to_owned(), node));
                Ok(node)
            })?,
        };
        Ok(Arc::new(SimFile { disk: self.clone(), node }))
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        if self.state().folders.contains(path) {
            return Ok(());
        }
        self.step(Step::Create, |state| {
            state.folders.insert(path.to_owned());
            Ok(())
        })
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        self.step(Step::Link, |state| {
            if state.names.keys().any(|name| folder_of(name) == path) {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            if state.folders.remove(path) { Ok(()) } else { Err(missing()) }
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(Step::Rename, |state| {
            let node = state.node(from)?;
            state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), node));
            Ok(())
        })
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(Step::Link, |state| {
            let node = state.node(from)?;
            if state.names.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.require_folder_of(to)?;
            state.change_name(NameChange::Add(to.to_owned(), node));
            Ok(())
        })
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.step(Step::Link, |state| {
            state.node(path)?;
            state.change_name(NameChange::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let files = state.names.keys().filter(|path| folder_of(path) == folder);
        let mut names: Vec<String> =
            files.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect();
        if folder.is_empty() {
            names.extend(state.folders.iter().cloned());
        }
        names.sort();
        Ok(names)
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        let state = self.state();
        if state.folders.contains(path) {
            return Ok(Some(Entry::Folder));
        }
        Ok(state.names.get(path).map(|node| Entry::File(state.nodes[*node].length())))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.step(Step::SyncFolder, |state| {
            let changes = std::mem::take(&mut state.name_changes);
            for change in changes {
                if change.folder() == folder {
                    change.apply(&mut state.durable_names);
                } else {
                    state.name_changes.push(change);
                }
            }
            Ok(())
        })
    }
}

/// An open file.
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: usize,
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        // Reads change nothing: they are no steps that a power cut comes between.
        state.fail_if_due(Step::Read)?;
        Ok(state.nodes[self.node].read(buf, at))
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.disk.step(Step::Write, |state| {
            let length = state.nodes[self.node].length();
            let end = at + bytes.len() as u64;
            let room =
                state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used_bytes()));
            let fits = (length.saturating_add(room)).min(end).saturating_sub(at) as usize;
            if fits == 0 && !bytes.is_empty() {
                return Err(io::Error::from_raw_os_error(28));
            }
            let page_bytes = state.page_bytes;
            state.nodes[self.node].write(&bytes[..fits], at, page_bytes);
            Ok(fits)
        })
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().nodes[self.node].length())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.step(Step::Length, |state| {
            let page_bytes = state.page_bytes;
            state.nodes[self.node].set_length(length, page_bytes);
            Ok(())
        })
    }

    fn reserve(&self, _at: u64, _length: u64) -> io::Result<()> {
        self.disk.step(Step::Length, |_| Ok(()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let outcome = self.disk.step(Step::Sync, |state| {
            let page_bytes = state.page_bytes;
            state.nodes[self.node].sync(page_bytes);
            Ok(())
        });
        if outcome.is_err() {
            self.disk.state().nodes[self.node].mark_clean();
        }
        outcome
    }

    fn forget(&self, at: u64, length: u64) {
        self.disk.state().forgotten.push((at, at + length));
    }
}
