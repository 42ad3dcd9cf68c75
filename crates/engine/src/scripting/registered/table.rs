//! Which scripts are registered, and what a word in a call means.
//!
//! Scripts come from files of the directory or by command. Under one name and version the file is in force: the other waits
//! until the file is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::name::{Id, Name, Version};
use crate::scripting::known::Digest;

/// Where a script comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody registered it.
    Command,
    /// It is a file, of this path.
    File(String),
}

/// A registered script.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) origin: Origin,
    pub(super) by: String,
    pub(super) at_ms: i64,
    pub(super) digest: Digest,
    pub(super) source: Arc<[u8]>,
}

type Scripts = BTreeMap<Name, BTreeMap<Version, Arc<Entry>>>;

/// All registered scripts.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_command: Scripts,
    of_files: Scripts,
    /// What is in force, by what calls it: `name@version`, and `name` for its latest version.
    called: HashMap<Box<[u8]>, Arc<Entry>>,
    /// Bytes of the texts of those registered by command.
    bytes: usize,
}

impl Table {
    /// What a word in a call means.
    pub(super) fn called(&self, word: &[u8]) -> Option<&Arc<Entry>> {
        self.called.get(word)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.called.is_empty()
    }

    /// Bytes of the texts of those registered by command.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn by_command(&self, id: &Id) -> Option<&Arc<Entry>> {
        find(&self.by_command, id)
    }

    pub(super) fn of_file(&self, id: &Id) -> Option<&Arc<Entry>> {
        find(&self.of_files, id)
    }

    /// Those registered by command, in the order of their names.
    pub(super) fn all_by_command(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_command.values().flat_map(BTreeMap::values)
    }

    /// Those of files, in the order of their names.
    pub(super) fn all_of_files(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.of_files.values().flat_map(BTreeMap::values)
    }

    /// Those registered by command that a file with another text puts out of force, and the file's.
    pub(super) fn conflicts(&self) -> impl Iterator<Item = (&Arc<Entry>, &Arc<Entry>)> {
        self.all_by_command()
            .filter_map(|entry| Some((entry, self.of_file(&entry.id)?)))
            .filter(|(entry, of_file)| entry.digest != of_file.digest)
    }

    /// Whether a text is in force under any name.
    pub(super) fn is_in_force(&self, digest: &Digest) -> bool {
        self.called.values().any(|entry| entry.digest == *digest)
    }

    /// What calls a script: nothing if it is not in force.
    pub(super) fn names_of(&self, entry: &Arc<Entry>) -> Vec<String> {
        let calls =
            |word: &String| self.called(word.as_bytes()).is_some_and(|in_force| Arc::ptr_eq(in_force, entry));
        [entry.id.to_string(), entry.id.name.as_str().to_owned()].into_iter().filter(calls).collect()
    }

    /// Puts a script in the place of the one of its name, version and origin, which is given back.
    pub(super) fn put(&mut self, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        let id = entry.id.clone();
        let scripts = match entry.origin {
            Origin::Command => {
                self.bytes += entry.source.len();
                &mut self.by_command
            }
            Origin::File(_) => &mut self.of_files,
        };
        let before = scripts.entry(id.name.clone()).or_default().insert(id.version.clone(), entry);
        if let Some(before) = before.as_ref().filter(|before| before.origin == Origin::Command) {
            self.bytes -= before.source.len();
        }
        self.settle(&id);
        before
    }

    /// Takes one away that was registered by command.
    pub(super) fn remove(&mut self, id: &Id) -> Option<Arc<Entry>> {
        let versions = self.by_command.get_mut(&id.name)?;
        let gone = versions.remove(&id.version)?;
        if versions.is_empty() {
            self.by_command.remove(&id.name);
        }
        self.bytes -= gone.source.len();
        self.settle(id);
        Some(gone)
    }

    /// What calls the scripts of a name, after one of them changed.
    fn settle(&mut self, id: &Id) {
        let in_force = |id: &Id| self.of_file(id).or_else(|| self.by_command(id)).cloned();
        let word = |text: &str| Box::<[u8]>::from(text.as_bytes());
        let exactly = in_force(id);
        let versions = |scripts: &Scripts| Some(scripts.get(&id.name)?.keys().next_back()?.clone());
        let latest = versions(&self.by_command).max(versions(&self.of_files));
        let latest = latest.and_then(|version| in_force(&Id { name: id.name.clone(), version }));
        for (word, entry) in [(word(&id.to_string()), exactly), (word(id.name.as_str()), latest)] {
            match entry {
                Some(entry) => self.called.insert(word, entry),
                None => self.called.remove(&word),
            };
        }
    }
}

fn find<'s>(scripts: &'s Scripts, id: &Id) -> Option<&'s Arc<Entry>> {
    scripts.get(&id.name)?.get(&id.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, origin: Origin, text: &str) -> Arc<Entry> {
        Arc::new(Entry {
            id: Id::of_file(id.as_bytes()).unwrap(),
            origin,
            by: String::new(),
            at_ms: 0,
            digest: crate::scripting::known::digest_of(text.as_bytes()),
            source: text.as_bytes().into(),
        })
    }

    fn file() -> Origin {
        Origin::File("f".to_owned())
    }

    fn text<'t>(table: &'t Table, word: &str) -> Option<&'t str> {
        table.called(word.as_bytes()).map(|entry| str::from_utf8(&entry.source).unwrap())
    }

    #[test]
    fn a_name_alone_means_the_latest_version() {
        let mut table = Table::default();
        for version in ["a@1.10", "a@1.9", "b@3"] {
            assert!(table.put(entry(version, Origin::Command, version)).is_none());
        }
        assert_eq!((text(&table, "a"), text(&table, "a@1.9")), (Some("a@1.10"), Some("a@1.9")));
        assert_eq!(table.bytes(), 6 + 5 + 3);
        assert!(table.remove(&Id::of_file(b"a@1.10").unwrap()).is_some());
        assert_eq!((text(&table, "a"), text(&table, "a@1.10")), (Some("a@1.9"), None));
        assert!(table.remove(&Id::of_file(b"a@1.9").unwrap()).is_some());
        assert!(table.remove(&Id::of_file(b"b@3").unwrap()).is_some());
        assert_eq!((text(&table, "a"), table.is_empty(), table.bytes()), (None, true, 0));
    }

    #[test]
    fn a_file_is_in_force_and_the_script_that_was_registered_waits() {
        let mut table = Table::default();
        table.put(entry("a@1", Origin::Command, "registered"));
        table.put(entry("a@1", file(), "file"));
        assert_eq!((text(&table, "a"), text(&table, "a@1")), (Some("file"), Some("file")));
        let waiting = table.by_command(&Id::of_file(b"a@1").unwrap()).cloned().unwrap();
        assert!(table.names_of(&waiting).is_empty() && !table.is_in_force(&waiting.digest));
        assert_eq!(table.conflicts().count(), 1);
        table.put(entry("a@1", Origin::Command, "file"));
        assert_eq!(table.conflicts().count(), 0, "the same text is no conflict");
        assert!(table.remove(&waiting.id).is_some());
        assert_eq!(text(&table, "a"), Some("file"));
        table.put(entry("a@2", Origin::Command, "newer"));
        assert_eq!((text(&table, "a"), text(&table, "a@1")), (Some("newer"), Some("file")));
    }
}
