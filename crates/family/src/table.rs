//! The family table: each command with the word that says what it may reach, and how it is run.

use spinel_resp::{Args, Encoder};
use spinel_spec::{Begin, CommandFlags, Find, KeyFlags, KeySpec, Spec};
use spinel_store::Key;

use crate::{
    CommandError, ExclusiveContext, GradualContext, Many, QueryContext, Reply, SweepContext, Timeout,
    UpdateContext, Words,
};

/// A command with its description and how it is run.
#[derive(Debug)]
pub struct CommandEntry {
    /// The description.
    pub spec: &'static Spec,
    /// How it is run.
    pub run: Run,
}

/// Runs a query.
pub type RunQuery = fn(&QueryContext<'_>, &mut Words<'_>, &mut Encoder) -> Reply;
/// Runs an update.
pub type RunUpdate = fn(&mut UpdateContext<'_>, &mut Words<'_>, &mut Encoder) -> Reply;
/// Runs a sweep.
pub type RunSweep = fn(&mut SweepContext<'_>, &mut Words<'_>, &mut Encoder) -> Reply;
/// Runs a gradual command.
pub type RunGradual = fn(&mut GradualContext<'_>, &mut Words<'_>, &mut Encoder) -> Reply;
/// Runs an exclusive command.
pub type RunExclusive = fn(&mut ExclusiveContext<'_, '_>, &mut Words<'_>, &mut Encoder) -> Reply;

/// How a command is run; the word of the family table.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// `query`
    Query(RunQuery),
    /// `update`
    Update(RunUpdate),
    /// `blocking`
    Blocking(BlockingEntry),
    /// `sweep`
    Sweep(RunSweep),
    /// `gradual`
    Gradual(RunGradual),
    /// `exclusive`
    Exclusive(RunExclusive),
    /// A name with subcommands.
    Container(&'static [CommandEntry]),
}

/// Tells what a blocking command waits for.
pub type TellWait = fn(Words<'_>, &mut dyn FnMut(WaitFor<'_>)) -> Reply;

/// How a blocking command is run.
#[derive(Clone, Copy, Debug)]
pub struct BlockingEntry {
    /// Tries now.
    pub attempt: fn(&mut UpdateContext<'_>, Words<'_>, &mut Encoder) -> Result<Attempt, CommandError>,
    /// Calls back with what it waits for.
    pub wait_for: TellWait,
    /// The reply when the time is up.
    pub timed_out: fn(Words<'_>, &mut Encoder),
}

/// Whether a blocking command was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was, and replied.
    Served,
    /// No key is ready.
    NotReady,
}

/// What a blocking command waits for.
#[derive(Clone, Copy)]
pub struct WaitFor<'a> {
    /// The keys, any of which may serve it.
    pub keys: WaitKeys<'a>,
    /// How long.
    pub timeout: Timeout,
    /// The key that serving it writes to.
    pub destination: Option<Key<'a>>,
    /// Whether it is also tried again when a stream among the keys is removed.
    pub heeds_removal: bool,
}

impl<'a> WaitFor<'a> {
    /// For any of these keys.
    #[must_use]
    pub const fn any_of(keys: WaitKeys<'a>, timeout: Timeout) -> Self {
        Self { keys, timeout, destination: None, heeds_removal: false }
    }

    /// As a command that writes to this key when it is served.
    #[must_use]
    pub const fn writing_to(self, destination: Key<'a>) -> Self {
        Self { destination: Some(destination), ..self }
    }

    /// As a command that is also tried again when a stream among the keys is removed.
    #[must_use]
    pub const fn heeding_removal(self) -> Self {
        Self { heeds_removal: true, ..self }
    }
}

/// The keys of a blocking command.
#[derive(Clone, Copy)]
pub enum WaitKeys<'a> {
    /// One.
    One(Key<'a>),
    /// Several.
    Many(Many<'a, Key<'a>>),
}

impl<'a> WaitKeys<'a> {
    /// The keys in order.
    pub fn iter(self) -> impl Iterator<Item = Key<'a>> {
        let (one, many) = match self {
            Self::One(key) => (Some(key), None),
            Self::Many(keys) => (None, Some(keys)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|keys| keys.keys()))
    }
}

impl CommandEntry {
    /// The flags of `COMMAND INFO`: those of the description and those that follow from the table's word.
    #[must_use]
    pub fn flags(&self) -> CommandFlags {
        let flags = match self.run {
            Run::Query(_) | Run::Sweep(_) if self.spec.flags.has(CommandFlags::PUBSUB) => CommandFlags::NONE,
            // They change how a value is kept, or who holds it, but not what anybody reads.
            Run::Exclusive(_) | Run::Update(_) if self.spec.flags.has(CommandFlags::READONLY) => {
                CommandFlags::READONLY
            }
            // Without keys it reads no data: a list of subcommands, a test of the server.
            Run::Query(_) if self.spec.keys.is_empty() => CommandFlags::NONE,
            Run::Query(_) | Run::Sweep(_) => CommandFlags::READONLY,
            Run::Update(_) | Run::Gradual(_) | Run::Exclusive(_) => CommandFlags::WRITE,
            Run::Blocking(_) if self.spec.flags.has(CommandFlags::READONLY) => {
                CommandFlags::READONLY.with(CommandFlags::BLOCKING)
            }
            Run::Blocking(_) => CommandFlags::WRITE.with(CommandFlags::BLOCKING),
            Run::Container(_) => CommandFlags::NONE,
        };
        flags.with(self.spec.flags)
    }

    /// Whether it may change data.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.flags().has(CommandFlags::WRITE)
    }
}

/// How the keys of a command are found, decided once from its description.
#[derive(Clone, Copy, Debug)]
pub enum KeyRule {
    /// It has none.
    None,
    /// One, the word after the name (after the subcommand, if `at` is 2).
    One {
        /// Its place.
        at: usize,
    },
    /// By its specifications.
    Specs(&'static [KeySpec]),
    /// By its specifications as far as they go, and by its words.
    Words(&'static Spec),
}

impl KeyRule {
    /// The rule of a description.
    #[must_use]
    pub fn of(spec: &'static Spec) -> Self {
        match spec.keys {
            _ if spec.reach.is_some() => Self::Words(spec),
            [] => Self::None,
            [one]
                if let Begin::Index(at) = one.begin
                    && one.find == (Find::Range { last: 0, step: 1, limit: 0 }) =>
            {
                Self::One { at: at as usize }
            }
            specs => Self::Specs(specs),
        }
    }

    /// Calls `found` with the place of each key. Words that do not fit a specification end it early; the
    /// command's parser will say why.
    pub fn each(self, args: Args<'_>, mut found: impl FnMut(usize)) {
        match self {
            Self::None => {}
            Self::One { at } => {
                if at < args.len() {
                    found(at);
                }
            }
            Self::Specs(specs) => each_by_specs(specs, args, found),
            Self::Words(spec) => {
                each_by_specs(spec.keys, args, &mut found);
                if let Some((at, _)) = spec.reach(args.iter()).key {
                    found(at);
                }
            }
        }
    }
}

fn each_by_specs(specs: &[KeySpec], args: Args<'_>, mut found: impl FnMut(usize)) {
    for spec in specs.iter().filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY)) {
        if spec.each(args.len(), |i| args.at(i), &mut found).is_none() {
            return;
        }
    }
}

/// Lists the commands of a family, each with the word that says what it may reach.
///
/// ```text
/// family! {
///     /// The string commands.
///     pub static STRINGS;
///     query Get,
///     update Set,
///     container Object [ query ObjectEncoding ],
/// }
/// ```
#[macro_export]
macro_rules! family {
    ($(#[$meta:meta])* $vis:vis static $name:ident; $($word:ident $command:ident $([$($subs:tt)*])?),* $(,)?) => {
        $(#[$meta])*
        $vis static $name: &[$crate::CommandEntry] = &[
            $($crate::family!(@entry $word $command $([$($subs)*])?)),*
        ];
    };
    (@entry query $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Query(|cx, words, out| {
                let parsed = <$command as $crate::Parse>::parse(words);
                // Where it lies: moved by `?`, it would be copied.
                let command = match &parsed {
                    Ok(command) => command,
                    Err(_) => return parsed.map(drop),
                };
                cx.check_cost($crate::Query::cost(command, cx))?;
                $crate::Query::query(command, cx, out)
            }),
        }
    };
    (@entry update $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Update(|cx, words, out| {
                let parsed = <$command as $crate::Parse>::parse(words);
                // Where it lies: moved by `?`, it would be copied.
                let command = match &parsed {
                    Ok(command) => command,
                    Err(_) => return parsed.map(drop),
                };
                cx.check_cost($crate::Update::cost(command, cx))?;
                $crate::Update::update(command, cx, out)
            }),
        }
    };
    (@entry blocking $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Blocking($crate::BlockingEntry {
                attempt: |cx, mut words, out| {
                    let command = <$command as $crate::Parse>::parse(&mut words)?;
                    $crate::Blocking::attempt(&command, cx, out)
                },
                wait_for: |mut words, tell| {
                    let command = <$command as $crate::Parse>::parse(&mut words)?;
                    tell($crate::Blocking::wait_for(&command));
                    Ok(())
                },
                timed_out: |mut words, out| {
                    if let Ok(command) = <$command as $crate::Parse>::parse(&mut words) {
                        $crate::Blocking::timed_out(&command, out);
                    }
                },
            }),
        }
    };
    (@entry sweep $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Sweep(|cx, words, out| {
                let command = <$command as $crate::Parse>::parse(words)?;
                $crate::Sweep::sweep(&command, cx, out)
            }),
        }
    };
    (@entry gradual $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Gradual(|cx, words, out| {
                let command = <$command as $crate::Parse>::parse(words)?;
                $crate::Gradual::gradual(&command, cx, out)
            }),
        }
    };
    (@entry exclusive $command:ident) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Exclusive(|cx, words, out| {
                let command = <$command as $crate::Parse>::parse(words)?;
                $crate::Exclusive::exclusive(&command, cx, out)
            }),
        }
    };
    (@entry container $command:ident [$($word:ident $sub:ident),* $(,)?]) => {
        $crate::CommandEntry {
            spec: <$command as $crate::Grammar>::SPEC,
            run: $crate::Run::Container(&[$($crate::family!(@entry $word $sub)),*]),
        }
    };
}
