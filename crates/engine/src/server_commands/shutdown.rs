//! SHUTDOWN: the end of the server, by command.

use spinel_family::{Command, CommandError, Encoder, Parse, Words, is_token};

use crate::Flow;
use crate::arguments::{one_of, optional, token};
use crate::config::ShutdownFlags;
use crate::session::{SessionCommand, SessionContext, session_commands};
use crate::shutdown::ShutdownRefused;

session_commands! {
    /// SHUTDOWN.
    pub(super) static COMMANDS;
    session Shutdown,
}

/// Ends the server, or calls a planned end off.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", manual, arity = -1)]
#[command(
    complexity = "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)"
)]
#[command(flags(admin, noscript, loading, stale, no_multi, allow_busy))]
#[command(history = &[("7.0.0", "The words `NOW`, `FORCE` and `ABORT` were added.")])]
#[command(args = &[
    optional("", one_of("nosave_save", "", &[token("nosave", "NOSAVE"), token("save", "SAVE")])),
    optional("7.0.0", token("now", "NOW")),
    optional("7.0.0", token("force", "FORCE")),
    optional("7.0.0", token("abort", "ABORT")),
])]
struct Shutdown {
    flags: ShutdownFlags,
    abort: bool,
}

impl<'a> Parse<'a> for Shutdown {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut command = Self { flags: ShutdownFlags::default(), abort: false };
        while let Some(word) = words.peek() {
            words.skip_one();
            let flag = match word {
                _ if is_token(word, "NOSAVE") => ShutdownFlags::NOSAVE,
                _ if is_token(word, "SAVE") => ShutdownFlags::SAVE,
                _ if is_token(word, "NOW") => ShutdownFlags::NOW,
                _ if is_token(word, "FORCE") => ShutdownFlags::FORCE,
                _ if is_token(word, "ABORT") => {
                    command.abort = true;
                    continue;
                }
                _ => return Err(CommandError::Syntax),
            };
            command.flags = command.flags.with(flag);
        }
        let contradicts = command.flags.contains(ShutdownFlags::SAVE.with(ShutdownFlags::NOSAVE));
        if contradicts || command.abort && command.flags != ShutdownFlags::default() {
            return Err(CommandError::Syntax);
        }
        Ok(command)
    }
}

impl SessionCommand for Shutdown {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.abort {
            if !cx.engine().abort_shutdown() {
                return Err(CommandError::text("ERR No shutdown in progress."));
            }
            out.ok();
            return Ok(Flow::Continue);
        }
        if !self.flags.contains(ShutdownFlags::NOSAVE)
            && let Some(text) = cx.engine().busy_with_script()
        {
            return Err(CommandError::text(text));
        }
        let result = cx.worker.with_world(|worker| worker.engine().shut_down(self.flags));
        match result {
            Ok(()) => Ok(Flow::Close),
            Err(ShutdownRefused::Busy(taken)) => Ok(cx.worker.park(cx.session, taken)),
            Err(ShutdownRefused::Unsaved) => {
                Err(CommandError::text("ERR Errors trying to SHUTDOWN. Check logs."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(ShutdownFlags, bool), CommandError> {
        let words: Vec<&str> = line.split(' ').collect();
        let words = spinel_family::OwnedArgs::from_words(&words);
        let key = spinel_store::HashKey::from_bytes([0; 16]);
        Shutdown::parse(&mut Words::new(words.args(), 1, &key, None)).map(|it| (it.flags, it.abort))
    }

    #[test]
    fn words_that_contradict_each_other_are_refused() {
        let both = ShutdownFlags::NOW.with(ShutdownFlags::NOSAVE);
        assert_eq!(parse("shutdown now nosave"), Ok((both, false)));
        assert_eq!(parse("shutdown abort"), Ok((ShutdownFlags::default(), true)));
        for refused in ["shutdown save nosave", "shutdown abort now", "shutdown later"] {
            assert_eq!(parse(refused), Err(CommandError::Syntax), "{refused}");
        }
    }
}
