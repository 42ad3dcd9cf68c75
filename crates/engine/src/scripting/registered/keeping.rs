//! Registered scripts in snapshots and in the log, and what becomes of them when the data set is loaded again.
//!
//! A snapshot holds each in an auxiliary field, the log its registration and its end in notes: other servers pass over both.
//! Those of files are in neither, for they come from the directory at every start.

use std::sync::Arc;

use spinel_family::Args;

use super::name::{Id, Name, Version};
use super::payload::Payload;
use super::table::{Entry, Origin};
use super::{Registered, Scripts};
use crate::Engine;
use crate::log::LogLevel;
use crate::scripting::known::digest_of;

/// What files are to hold, as of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Vec<Arc<Entry>>);

impl Kept {
    /// How many scripts there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Each as files hold it.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|entry| payload_of(entry).encode())
    }
}

impl Registered {
    /// What files are to hold: no texts are copied for it.
    pub(crate) fn kept(&self) -> Kept {
        Kept(self.table().all_by_command().cloned().collect())
    }
}

pub(super) fn payload_of(entry: &Entry) -> Payload {
    Payload { id: entry.id.clone(), by: entry.by.clone(), at_ms: entry.at_ms, source: entry.source.to_vec() }
}

impl Scripts {
    /// Puts a script in the place of the one of its name, version and origin.
    pub(super) fn put_registered(&self, entry: Entry) {
        self.change_registered(|table, touched| {
            let entry = Arc::new(entry);
            touched.extend(table.by_command(&entry.id).cloned());
            touched.extend(table.put(Arc::clone(&entry)));
            touched.push(entry);
        });
    }

    /// Takes one away that was registered by command; false if there is none.
    pub(super) fn remove_registered(&self, id: &Id) -> bool {
        self.change_registered(|table, touched| {
            let gone = table.remove(id);
            let was_there = gone.is_some();
            touched.extend(gone);
            was_there
        })
    }

    /// Forgets those that were registered by command: the data set is loaded again.
    pub(crate) fn forget_registered(&self) {
        let ids: Vec<Id> = self.registered.table().all_by_command().map(|entry| entry.id.clone()).collect();
        for id in &ids {
            self.remove_registered(id);
        }
    }
}

impl Engine {
    /// Takes a script from a file; with `merge`, in the place of the one of its name and version.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub(crate) fn take_registered(&self, payload: &[u8], merge: bool) -> Result<(), String> {
        let Payload { id, by, at_ms, source } =
            Payload::decode(payload).map_err(|error| error.to_string())?;
        if !merge && self.scripts.registered.table().by_command(&id).is_some() {
            return Err(format!("the script '{id}' is there twice"));
        }
        if let Err(why) = spinel_script::script_head(&source) {
            let line = format!(
                "The registered script '{id}' cannot run here, it is kept as it is: {}",
                String::from_utf8_lossy(&why)
            );
            self.log.write(LogLevel::Warning, &line);
        }
        let (digest, source) = (digest_of(&source), source.into());
        self.scripts.put_registered(Entry { id, origin: Origin::Command, by, at_ms, digest, source });
        Ok(())
    }

    /// Does what a note in a log says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn replay_registration(&self, args: Args<'_>) -> Result<(), String> {
        let words: Vec<&[u8]> = args.iter().collect();
        match words[..] {
            [b"SCRIPT", b"REGISTER", payload] => self
                .take_registered(payload, true)
                .map_err(|why| format!("A registered script cannot be read: {why}")),
            [b"SCRIPT", b"UNREGISTER", name, version] => {
                let (Some(name), Some(version)) = (Name::new(name), Version::new(version)) else {
                    return Err("The end of a registered script names none".to_owned());
                };
                self.scripts.remove_registered(&Id { name, version });
                Ok(())
            }
            _ => {
                let word = words.first().copied().unwrap_or_default();
                let word = word[..word.len().min(40)].escape_ascii();
                Err(format!("Unknown note '{word}', which a newer version wrote"))
            }
        }
    }
}
