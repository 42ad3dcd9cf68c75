//! BACKUP and its subcommands, as in Redis 8.10.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use spinel_family::{Command, CommandError, Encoder};

use super::state::Phase;
use crate::cores::Work;
use crate::persistence::saving::{Asker, Wish};
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};
use crate::{Engine, Flow};

session_commands! {
    /// BACKUP.
    pub(crate) static COMMANDS;
    container Backup,
    session BackupAbort,
    session BackupCleanup,
    session BackupHelp,
    session BackupList,
    session BackupSeal,
    session BackupStart,
    session BackupStatus,
}

/// Takes copies of the data set while writes go on.
#[derive(Command)]
#[command(group = Server, since = "8.10.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Backup;

/// Begins a backup in the folder `backupdirname`, which must be empty.
#[derive(Command)]
#[command(name = "backup|start", group = Server, since = "8.10.0", complexity = "O(1)", flags(admin, noscript))]
struct BackupStart;

impl SessionCommand for BackupStart {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Arc::clone(cx.worker.engine()).start_backup().map_err(|text| CommandError::Text(text.into()))?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Completes the backup with all that was written until now, and reads it once more before it replies.
#[derive(Command)]
#[command(name = "backup|seal", group = Server, since = "8.10.0", flags(admin, noscript))]
#[command(complexity = "O(N) where N is the size of the backup, on a thread of its own")]
struct BackupSeal;

impl SessionCommand for BackupSeal {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.in_exec {
            return Err(CommandError::text(
                "ERR BACKUP SEAL waits for the disk, so it cannot be in a transaction",
            ));
        }
        {
            let mut state = cx.engine().persistence.state.lock();
            let is_ready = cx.engine().backup_stands().0 == Phase::Incrementing && !state.seals_backup;
            if !is_ready {
                return Err(CommandError::text(
                    "ERR No backup ready to seal (must be in the incrementing state)",
                ));
            }
            state.seals_backup = true;
        }
        let begun = answer_later(cx, |engine| {
            engine.seal_backup().map_err(|error| format!("ERR Backup failed: {error}"))
        });
        if begun.is_err() {
            cx.engine().persistence.state.lock().seals_backup = false;
        }
        begun
    }
}

/// Gives up a backup that is not sealed.
#[derive(Command)]
#[command(name = "backup|abort", group = Server, since = "8.10.0", complexity = "O(1)", flags(admin, noscript))]
struct BackupAbort;

impl SessionCommand for BackupAbort {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if !cx.engine().fail_backup("aborted by user") {
            return Err(CommandError::text("ERR No backup in progress"));
        }
        remove_leftovers(cx, out)
    }
}

/// Removes the files of a backup that is sealed or has failed.
#[derive(Command)]
#[command(name = "backup|cleanup", group = Server, since = "8.10.0", complexity = "O(1)")]
#[command(flags(admin, noscript))]
struct BackupCleanup;

impl SessionCommand for BackupCleanup {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut state = cx.engine().persistence.backup.lock();
        if state.phase.is_in_progress() {
            return Err(CommandError::text("ERR Backup is in progress"));
        }
        let is_needless = state.phase == Phase::Idle && !state.has_leftovers;
        if !is_needless {
            state.forget();
        }
        drop(state);
        if is_needless {
            out.ok();
            return Ok(Flow::Continue);
        }
        remove_leftovers(cx, out)
    }
}

/// Tells where the backup stands.
#[derive(Command)]
#[command(name = "backup|status", group = Server, since = "8.10.0", complexity = "O(1)", flags(admin, stale))]
struct BackupStatus;

impl SessionCommand for BackupStatus {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let state = cx.engine().persistence.backup.lock();
        out.map(4);
        out.bulk(b"state");
        out.bulk(state.phase.word().as_bytes());
        out.bulk(b"error");
        out.bulk(state.error.as_bytes());
        out.bulk(b"start_time");
        out.integer(state.start);
        out.bulk(b"end_time");
        out.integer(state.end);
        Ok(Flow::Continue)
    }
}

/// Lists the files of the backup that do not change any more, with their paths.
#[derive(Command)]
#[command(name = "backup|list", group = Server, since = "8.10.0", complexity = "O(1)", flags(admin, stale))]
struct BackupList;

impl SessionCommand for BackupList {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let folder = cx.engine().backup_folder();
        let settings = cx.engine().settings();
        let dir = std::path::Path::new(std::ffi::OsStr::from_bytes(&settings.persistence.dir));
        let state = cx.engine().persistence.backup.lock();
        out.array(state.files.len());
        for name in &state.files {
            out.bulk(dir.join(folder.names().path(name)).as_os_str().as_bytes());
        }
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `BACKUP`.
    BackupHelp, "backup|help", "BACKUP", Server, "8.10.0",
    &[
        "ABORT",
        "    Give up a backup that is not sealed.",
        "CLEANUP",
        "    Remove the files of a backup that is sealed or has failed.",
        "LIST",
        "    List the files of the backup that do not change any more.",
        "SEAL",
        "    Complete the backup with all that was written until now.",
        "START",
        "    Begin a backup in the folder 'backupdirname'.",
        "STATUS",
        "    Tell where the backup stands.",
    ]
);

/// Removes what is on the disk before it replies; in a transaction that is left to the upkeep.
fn remove_leftovers(cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
    if cx.in_exec {
        out.ok();
        return Ok(Flow::Continue);
    }
    answer_later(cx, |engine| {
        engine.remove_backup_leftovers();
        Ok(())
    })
}

/// Replies once a job on a thread of its own is done.
fn answer_later(
    cx: &mut SessionContext<'_>,
    job: impl FnOnce(&Engine) -> Result<(), String> + Send + 'static,
) -> Result<Flow, CommandError> {
    let engine = Arc::clone(cx.worker.engine());
    let asker = Asker::new(cx, Wish::Saved, b"backup");
    let begun = Arc::clone(&engine).spawn_persisting("backup", Work::Background, move || {
        let result = job(&engine);
        asker.answer(&engine, result.as_ref().map(|()| "OK").map_err(String::as_str));
    });
    begun.map_err(|_no_thread| CommandError::text("ERR no thread could be started"))?;
    cx.session.moved = true;
    Ok(Flow::Waiting)
}
