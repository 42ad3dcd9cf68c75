//! `PUBSUB CHANNELS | NUMPAT | NUMSUB | SHARDCHANNELS | SHARDNUMSUB | HELP`

use spinel_family::{Command, CommandError, Encoder, Many, Pattern};

use crate::Flow;
use crate::pubsub::Topic;
use crate::session::{SessionCommand, SessionContext, help_command, subcommand_misused};

/// Tells who listens to what.
#[derive(Command)]
#[command(group = Pubsub, since = "2.8.0", complexity = "Depends on subcommand.", arity = -2, manual)]
pub(super) struct Pubsub;

fn reply_names(
    cx: &SessionContext<'_>,
    topic: Topic,
    pattern: Option<Pattern<'_>>,
    out: &mut Encoder,
) -> Flow {
    let names = cx.engine().pubsub.names(topic, pattern.map(|pattern| pattern.0));
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name));
    Flow::Continue
}

fn reply_listeners(
    cx: &SessionContext<'_>,
    topic: Topic,
    names: Option<Many<'_, &[u8]>>,
    out: &mut Encoder,
) -> Flow {
    out.array(names.map_or(0, |names| names.len() * 2));
    for name in names.iter().flat_map(Many::items) {
        out.bulk(name);
        out.integer(cx.engine().pubsub.listeners(topic, name) as i64);
    }
    Flow::Continue
}

/// Lists the channels somebody listens to.
#[derive(Command)]
#[command(name = "pubsub|channels", group = Pubsub, since = "2.8.0")]
#[command(
    complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)"
)]
#[command(flags(pubsub, loading, stale))]
pub(super) struct PubsubChannels<'a> {
    #[arg(trailing)]
    pattern: Option<Pattern<'a>>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for PubsubChannels<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        match self.excess {
            Some(_) => Err(subcommand_misused(cx.args)),
            None => Ok(reply_names(cx, Topic::Channel, self.pattern, out)),
        }
    }
}

/// Lists the shard channels somebody listens to.
#[derive(Command)]
#[command(name = "pubsub|shardchannels", group = Pubsub, since = "7.0.0")]
#[command(
    complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels)."
)]
#[command(flags(pubsub, loading, stale))]
pub(super) struct PubsubShardchannels<'a> {
    #[arg(trailing)]
    pattern: Option<Pattern<'a>>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for PubsubShardchannels<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        match self.excess {
            Some(_) => Err(subcommand_misused(cx.args)),
            None => Ok(reply_names(cx, Topic::ShardChannel, self.pattern, out)),
        }
    }
}

/// Tells how many listen to each channel; those who listen to patterns are not counted.
#[derive(Command)]
#[command(name = "pubsub|numsub", group = Pubsub, since = "2.8.0")]
#[command(complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels")]
#[command(flags(pubsub, loading, stale))]
pub(super) struct PubsubNumsub<'a> {
    #[arg(name = "channel", trailing)]
    channels: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for PubsubNumsub<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(reply_listeners(cx, Topic::Channel, self.channels, out))
    }
}

/// Tells how many listen to each shard channel.
#[derive(Command)]
#[command(name = "pubsub|shardnumsub", group = Pubsub, since = "7.0.0")]
#[command(
    complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels"
)]
#[command(flags(pubsub, loading, stale))]
pub(super) struct PubsubShardnumsub<'a> {
    #[arg(name = "shardchannel", trailing)]
    channels: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for PubsubShardnumsub<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(reply_listeners(cx, Topic::ShardChannel, self.channels, out))
    }
}

/// Tells to how many different patterns clients listen.
#[derive(Command)]
#[command(name = "pubsub|numpat", group = Pubsub, since = "2.8.0", complexity = "O(1)")]
#[command(flags(pubsub, loading, stale))]
pub(super) struct PubsubNumpat {}

impl SessionCommand for PubsubNumpat {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.engine().pubsub.count(Topic::Pattern) as i64);
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `PUBSUB`.
    pub(super) PubsubHelp, "pubsub|help", "PUBSUB", Pubsub, "6.2.0",
    &[
        "CHANNELS [<pattern>]",
        "    The channels with listeners; all of them, or those that match <pattern>.",
        "NUMPAT",
        "    To how many different patterns clients listen.",
        "NUMSUB [<channel> ...]",
        "    How many clients listen to each <channel>, patterns left aside.",
        "SHARDCHANNELS [<pattern>]",
        "    The shard channels with listeners; all of them, or those that match <pattern>.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    How many clients listen to each <shardchannel>.",
    ]
);
