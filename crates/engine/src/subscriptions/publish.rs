//! `PUBLISH channel message`, `SPUBLISH shardchannel message`

use spinel_family::{Command, CommandError, Encoder};

use super::shard_channels;
use crate::Flow;
use crate::pubsub::Topic;
use crate::session::{SessionCommand, SessionContext};

/// Sends a message to everybody who listens to a channel, and answers to how many.
#[derive(Command)]
#[command(group = Pubsub, since = "2.0.0", complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).")]
#[command(flags(pubsub, loading, stale, fast, may_replicate))]
pub(super) struct Publish<'a> {
    channel: &'a [u8],
    message: &'a [u8],
}

impl SessionCommand for Publish<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.worker.publish(Topic::Channel, self.channel, self.message) as i64);
        Ok(Flow::Continue)
    }
}

/// Sends a message to everybody who listens to a shard channel, and answers to how many.
#[derive(Command)]
#[command(group = Pubsub, since = "7.0.0", complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.")]
#[command(flags(pubsub, loading, stale, fast, may_replicate), keys = &[shard_channels(0)])]
pub(super) struct Spublish<'a> {
    shardchannel: &'a [u8],
    message: &'a [u8],
}

impl SessionCommand for Spublish<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.worker.publish(Topic::ShardChannel, self.shardchannel, self.message) as i64);
        Ok(Flow::Continue)
    }
}
