//! The table of the engine's own commands.

use spinel_family::spec::Spec;
use spinel_family::{CommandError, Encoder, Words};

use crate::Flow;
use crate::session::SessionContext;

/// Runs a command of the engine's own.
pub type RunSession = fn(&mut SessionContext<'_>, Words<'_>, &mut Encoder) -> Result<Flow, CommandError>;

/// A command of the engine's own.
#[derive(Debug)]
pub struct SessionEntry {
    /// Its description.
    pub spec: &'static Spec,
    /// How it is run; `None` for a name with subcommands.
    pub run: Option<RunSession>,
    /// It has the world to itself, so that everybody sees its effect after its reply.
    pub is_exclusive: bool,
    /// It runs on the thread of scripts.
    pub is_script: bool,
    /// It covers its subcommands: to clients it is one command, and it is run itself by words that fit none of them.
    pub is_cover: bool,
}

impl SessionEntry {
    /// Whether it is a name with subcommands.
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.run.is_none()
    }
}

/// Lists commands of the engine: `session Ping`, `exclusive ConfigSet`, `container Client`, `cover Debug`,
/// `script Eval`.
macro_rules! session_commands {
    ($(#[$meta:meta])* $vis:vis static $name:ident; $($word:ident $command:ident),* $(,)?) => {
        $(#[$meta])*
        $vis static $name: &[$crate::session::SessionEntry] =
            &[$($crate::session::session_commands!(@entry $word $command)),*];
    };
    (@entry container $command:ident) => {
        $crate::session::SessionEntry {
            spec: <$command as ::spinel_family::Grammar>::SPEC,
            run: None,
            is_exclusive: false,
            is_script: false,
            is_cover: false,
        }
    };
    (@entry session $command:ident) => {
        $crate::session::session_commands!(@run $command, false, false, false)
    };
    (@entry exclusive $command:ident) => {
        $crate::session::session_commands!(@run $command, true, false, false)
    };
    (@entry cover $command:ident) => {
        $crate::session::session_commands!(@run $command, false, true, false)
    };
    (@entry script $command:ident) => {
        $crate::session::session_commands!(@run $command, false, false, true)
    };
    (@run $command:ident, $exclusive:expr, $cover:expr, $script:expr) => {
        $crate::session::SessionEntry {
            spec: <$command as ::spinel_family::Grammar>::SPEC,
            run: Some(|cx, mut words, out| {
                let command = <$command as ::spinel_family::Parse>::parse(&mut words)?;
                $crate::session::SessionCommand::run(&command, cx, out)
            }),
            is_exclusive: $exclusive,
            is_script: $script,
            is_cover: $cover,
        }
    };
}
pub(crate) use session_commands;
