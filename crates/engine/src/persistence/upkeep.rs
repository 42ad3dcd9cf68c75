//! What is looked at now and then: save points, and what was scheduled while a snapshot was being written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::state::{Outcome, Purpose, State};
use crate::Engine;
use crate::config::Settings;
use crate::log::LogLevel;

/// Seconds between attempts to save while they fail.
const RETRY_SECONDS: i64 = 5;

impl Engine {
    /// Begins to save or to rewrite the log if it is time. Called by the upkeep, a few times a second.
    pub(crate) fn persist_if_due(self: &Arc<Self>) {
        self.tend_backup();
        let now = self.unix_seconds();
        let dirty = self.dirty();
        let published = self.published();
        let settings = &published.settings;
        let (rewrite, save) = {
            let mut state = self.persistence.state.lock();
            if state.running.is_some() || self.is_loading() || self.is_shutting_down() {
                return;
            }
            let rewrite = self.rewrite_due(&state, settings, now);
            let save = if rewrite.is_none() { save_due(&state, settings, dirty, now) } else { None };
            state.save_scheduled &= save.is_none();
            (rewrite, save)
        };
        if let Some(reason) = rewrite.as_ref().or(save.as_ref())
            && !reason.is_empty()
        {
            self.log.write(LogLevel::Notice, reason);
        }
        // Somebody else may have begun one by command meanwhile; then it is tried again at the next upkeep.
        if rewrite.is_some() {
            let _ = self.begin_rewrite();
        } else if save.is_some() && self.begin_save(None).is_err() {
            self.persistence.state.lock().save_scheduled = true;
        }
    }

    /// Why it is time to rewrite the log, as a line for the log; empty if somebody asked for it.
    fn rewrite_due(&self, state: &State, settings: &Settings, now: i64) -> Option<String> {
        let may_try =
            state.rewrites.last == Outcome::Ok || now - state.rewrites.tried >= state.rewrite_pause();
        // What is logged for a backup only has one base.
        if !may_try || self.journal.log.is_for_backup() {
            return None;
        }
        if state.rewrite_scheduled {
            return Some(String::new());
        }
        let (aof, log) = (&settings.persistence.aof, &self.journal.log);
        if !log.is_on() || aof.rewrite_percentage == 0 {
            return None;
        }
        let size = log.size();
        let base = log.figures.base_size.load(Ordering::Relaxed).max(1);
        let growth = (size * 100 / base).saturating_sub(100);
        let is_due = size >= aof.rewrite_min_size && growth >= u64::from(aof.rewrite_percentage);
        is_due.then(|| format!("Starting automatic rewriting of AOF on {growth}% growth"))
    }

    /// Everything was flushed: a snapshot of what was there is of no use any more, and what is on disk is replaced soon.
    pub(crate) fn note_flushed(&self) {
        self.abort_snapshot(Purpose::Save);
        if self.published().settings.persistence.save.is_empty() {
            return;
        }
        let dirty = self.dirty();
        let mut state = self.persistence.state.lock();
        state.save_scheduled = true;
        state.is_flushed = true;
        state.dirty_at_save = dirty;
    }
}

/// Why it is time to save, as a line for the log; empty if somebody asked for it.
fn save_due(state: &State, settings: &Settings, dirty: u64, now: i64) -> Option<String> {
    let may_try = state.saves.last == Outcome::Ok || now - state.saves.tried > RETRY_SECONDS;
    if !may_try {
        return None;
    }
    if state.save_scheduled {
        return Some(String::new());
    }
    let changes = dirty.saturating_sub(state.dirty_at_save);
    let since = now - state.last_save;
    let is_reached =
        |point: &&crate::config::SavePoint| changes >= point.changes.max(0) as u64 && since > point.seconds;
    let point = settings.persistence.save.iter().find(is_reached)?;
    Some(format!("{} changes in {} seconds. Saving...", point.changes, point.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SavePoint;

    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.persistence.save = vec![SavePoint { seconds: 60, changes: 100 }];
        settings
    }

    #[test]
    fn a_save_point_is_reached_by_enough_changes_in_enough_time() {
        let mut state = State { last_save: 1000, dirty_at_save: 50, ..State::default() };
        assert_eq!(save_due(&state, &settings(), 149, 1061), None);
        assert_eq!(save_due(&state, &settings(), 150, 1060), None);
        assert_eq!(
            save_due(&state, &settings(), 150, 1061),
            Some("100 changes in 60 seconds. Saving...".to_owned())
        );
        state.saves.last = Outcome::Failed;
        state.saves.tried = 1058;
        assert_eq!(save_due(&state, &settings(), 150, 1061), None);
        assert!(save_due(&state, &settings(), 150, 1064).is_some());
    }

    #[test]
    fn what_was_scheduled_is_due_at_once() {
        let state = State { save_scheduled: true, ..State::default() };
        assert_eq!(save_due(&state, &settings(), 0, 0), Some(String::new()));
    }
}
