//! What commands may reach: their grammar, contexts, replies, errors and the family table.
//!
//! A command is a struct that derives `Command` (its grammar and description) and implements one of the
//! traits below. The word in the family table, and nothing else, decides what it may reach:
//!
//! | word | trait | reaches |
//! |---|---|---|
//! | `query` | [`Query`] | the keys it declares, to read |
//! | `update` | [`Update`] | the keys it declares, to change |
//! | `blocking` | [`Blocking`] | the same, and it may wait for a key |
//! | `sweep` | [`Sweep`] | every shard in turn, to read |
//! | `gradual` | [`Gradual`] | every shard in turn, to change, on a helper thread |
//! | `exclusive` | [`Exclusive`] | every shard at once, to change (or to read, if its flags say `readonly`) |
//!
//! A query receives the data immutably: it cannot write, so its flags cannot lie.
//!
//! What is deliberately absent: sessions, sockets, configuration files (a command sees [`CommandSettings`]), and
//! any command.

#![forbid(unsafe_code)]

mod context;
mod effects;
mod error;
mod grammar;
mod removal;
mod table;

pub use context::{
    CallOptions, ExclusiveContext, GradualContext, GradualGround, LOOP_BYTES_LIMIT, QueryContext, Scratch,
    SweepContext, UpdateContext,
};
pub use effects::{
    CommandSettings, Effects, Event, EventClass, EventClasses, Expired, PayloadSettings, Propagation,
};
pub use error::{CommandError, printed};
pub use grammar::{
    Choice, Counted, Field, Grammar, KeysBeforeLast, Lazy, Many, Opaque, Parse, Pattern, Timeout, Words,
    choose, is_token,
};
pub use removal::{StandIn, removal_words};
pub use spinel_resp::{Args, ArgsBuffer, DeferredLen, Encoder, OwnedArgs, Protocol};
pub use spinel_spec as spec;
pub use spinel_spec_derive::{Block, Choice, Command};
pub use spinel_store::{DbIndex, Key, UnixMillis};
pub use table::{
    Attempt, BlockingEntry, CommandEntry, KeyRule, Run, RunExclusive, RunGradual, RunQuery, RunSweep,
    RunUpdate, TellWait, WaitFor, WaitKeys,
};

/// What running a command yields: a reply in the encoder, or an error to be sent instead.
pub type Reply = Result<(), CommandError>;

/// A command that reads the keys it declares.
pub trait Query {
    /// Elements it will touch; beyond a limit it runs on a helper thread. Asked before it runs.
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        0
    }
    /// Runs it.
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply;
}

/// A command that changes the keys it declares.
pub trait Update {
    /// Elements it will touch; beyond a limit it runs on a helper thread. Asked before it runs.
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        0
    }
    /// Runs it.
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply;
}

/// A command that changes a key it declares as soon as one is ready.
pub trait Blocking {
    /// Tries now; [`Attempt::NotReady`] leaves no trace and writes no reply.
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError>;
    /// What to wait for if not.
    fn wait_for(&self) -> WaitFor<'_>;
    /// The reply when the time is up.
    fn timed_out(&self, out: &mut Encoder) {
        out.null_array();
    }
}

/// A command that reads every shard in turn, never stopping the others.
pub trait Sweep {
    /// Runs it.
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply;
}

/// A command that changes keys in every shard in turn, a slice at a time, and never stops the others: not atomic as a whole.
pub trait Gradual {
    /// Runs it.
    fn gradual(&self, cx: &mut GradualContext<'_>, out: &mut Encoder) -> Reply;
}

/// A command that has the whole keyspace to itself.
pub trait Exclusive {
    /// Runs it.
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply;
}
