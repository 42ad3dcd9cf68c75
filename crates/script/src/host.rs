//! What a script reaches beyond itself: the server, as a trait, so that engines know no database.

use spinel_resp::Encoder;

/// How important a line of the log is: the numbers that scripts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`
    Debug,
    /// `redis.LOG_VERBOSE`
    Verbose,
    /// `redis.LOG_NOTICE`
    Notice,
    /// `redis.LOG_WARNING`
    Warning,
}

/// Who learns of what a script writes from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagate {
    /// The log.
    pub log: bool,
    /// Replicas.
    pub replicas: bool,
}

/// The answer of [`Host::acl_check`] for a command that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCommand;

/// What becomes of a script that was asked to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, and is not asked again before [`Interrupter::arm`](crate::Interrupter::arm).
    Continue,
    /// It goes on, and asks again soon.
    KeepAsking,
    /// It ends with this error (`Script killed by user with SCRIPT KILL...`), which nothing in the script can stop.
    Stop(Vec<u8>),
}

/// The server, as a script sees it.
pub trait Host {
    /// Runs a command. `reply` gets exactly one reply, in its protocol, which is what the script asked for with
    /// `redis.setresp`. A command that may not run, or does not exist, is an error reply.
    fn call(&mut self, words: &[&[u8]], reply: &mut Encoder);

    /// `redis.log`.
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// `redis.set_repl`.
    fn set_propagation(&mut self, propagate: Propagate);

    /// `redis.acl_check_cmd`: whether the user may run a command.
    ///
    /// # Errors
    /// If there is no such command.
    fn acl_check(&mut self, words: &[&[u8]]) -> Result<bool, UnknownCommand>;

    /// Processor time of the server in seconds, for `os.clock`.
    fn processor_seconds(&mut self) -> f64;

    /// Called in the script's thread some time after the interrupter was armed.
    fn interrupted(&mut self) -> Verdict;
}
