//! `--restore-to`: the log is cut at a moment before it is loaded.

use std::fmt;
use std::sync::Arc;

use spinel_aof::disk::{DiskFile, FileReader};
use spinel_aof::restore::{self, Cut, Outcome, Wish};
use spinel_aof::{Directory, Moment};
use spinel_rdb::decode::{Mark, Piece, Splitter};
use spinel_structs::number::parse_i64;

use super::rewrite::names;
use crate::Engine;
use crate::config::Settings;
use crate::log::LogLevel;
use crate::persistence::NotLoaded;

impl Engine {
    /// Restores the log to a point in time, if the command line wants that.
    ///
    /// # Errors
    /// [`NotLoaded`] if that cannot be done; the log has said why, and the files are as they were.
    pub(crate) fn restore_log_if_wanted(&self, settings: &Settings) -> Result<(), NotLoaded> {
        let Some(to) = settings.persistence.aof.restore_to else { return Ok(()) };
        let refuse = |why: &dyn fmt::Display| {
            let line = format!("Can't restore to {to}: {why}. Nothing was changed.");
            self.log.write(LogLevel::Warning, &line);
            Err(NotLoaded)
        };
        if !settings.persistence.preload_file.is_empty() {
            return refuse(&"the data set is taken from 'preload-file'");
        }
        if !settings.persistence.aof.enabled {
            return refuse(&"the data set is not loaded from an append only file with 'appendonly no'");
        }
        let mut directory = match Directory::open(Arc::clone(&self.host().files), names(settings)) {
            Ok(directory) => directory,
            Err(error) => return refuse(&error),
        };
        let now = Moment(self.clock.unix_millis().0.max(0) as u64);
        match restore::restore(&mut directory, Wish { to, now }, &mut begun_at) {
            Ok(outcome) => {
                self.say_restored(to, &outcome);
                Ok(())
            }
            Err(error) => refuse(&error),
        }
    }

    fn say_restored(&self, to: Moment, outcome: &Outcome) {
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        match outcome {
            Outcome::DoneBefore { at } => warn(&format!(
                "The append only file was restored to {to} at {at}. That is not done twice, so what was written since is \
                 kept: --restore-to can be left out"
            )),
            Outcome::NothingLater => {
                warn(&format!("Nothing in the append only file is later than {to}: nothing was cut"));
            }
            Outcome::Cut(cut) => self.say_cut(to, cut),
        }
    }

    fn say_cut(&self, to: Moment, cut: &Cut) {
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        let Cut { kept_in, last, bytes, commands, is_damaged_behind, untimed } = cut;
        let last = match last {
            Some(last) => format!("the last of what is left was written at {last}"),
            None => "what is left is the base".to_owned(),
        };
        let at_least = if *is_damaged_behind { "at least " } else { "" };
        warn(&format!(
            "Restored to {to}: {last}. Given up were {bytes} bytes with {at_least}{commands} commands"
        ));
        if *untimed > 0 {
            warn(&format!(
                "Of what is left, the last {untimed} commands carry no time: they may be later than {to}"
            ));
        }
        warn(&format!(
            "Everything that was there before is kept in '{kept_in}'. Remove it when you need it no more"
        ));
    }
}

/// When the snapshot in a file was begun, in Unix seconds.
fn begun_at(file: &Arc<dyn DiskFile>) -> Result<Option<i64>, String> {
    let mut splitter = Splitter::new(FileReader::new(Arc::clone(file)));
    loop {
        match splitter.next_piece().map_err(|error| error.to_string())? {
            Some(Piece::Mark(Mark::Aux { name, value })) if name == b"ctime" => return Ok(parse_i64(&value)),
            Some(Piece::Mark(Mark::Aux { .. } | Mark::ModuleAux { .. } | Mark::Function(_))) => {}
            // It stands in front of the data.
            Some(Piece::Mark(_) | Piece::Records(_)) | None => return Ok(None),
        }
    }
}
