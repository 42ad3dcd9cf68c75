//! `SUBSCRIBE`, `PSUBSCRIBE`, `SSUBSCRIBE` and their opposites.
//!
//! Each name is answered by a message of its own, in RESP3 as a push: kind, name, and how many names the client
//! listens to now. Channels and patterns are counted together, shard channels apart.

use spinel_family::{Block, Command, CommandError, Encoder, Many, Pattern};

use super::shard_channels;
use crate::Flow;
use crate::pubsub::Topic;
use crate::registry::Command as Registered;
use crate::session::{Session, SessionCommand, SessionContext};

/// Whether the replies of a command are messages, which are sent even if `CLIENT REPLY` wants none.
pub(crate) fn is_subscription(command: &Registered) -> bool {
    matches!(
        command.spec.name,
        "subscribe" | "unsubscribe" | "psubscribe" | "punsubscribe" | "ssubscribe" | "sunsubscribe"
    )
}

fn listening(session: &Session, topic: Topic) -> usize {
    match topic {
        Topic::Channel | Topic::Pattern => session.subscriptions.channels_and_patterns(),
        Topic::ShardChannel => session.subscriptions.count(Topic::ShardChannel),
    }
}

fn confirm(session: &Session, topic: Topic, kind: &str, name: Option<&[u8]>, out: &mut Encoder) {
    out.push(3);
    out.bulk(kind.as_bytes());
    match name {
        Some(name) => out.bulk(name),
        None => out.null(),
    }
    out.integer(listening(session, topic) as i64);
}

fn subscribe<'a>(
    cx: &mut SessionContext<'_>,
    topic: Topic,
    kind: &str,
    names: impl Iterator<Item = &'a [u8]>,
    out: &mut Encoder,
) -> Flow {
    for name in names {
        if cx.session.subscriptions.add(topic, name) {
            cx.engine().pubsub.subscribe(topic, name, &cx.session.client);
        }
        confirm(cx.session, topic, kind, Some(name), out);
    }
    cx.session.publish_subscriptions();
    Flow::Continue
}

/// Ends the listening to `names`, or to all names of the kind.
fn unsubscribe(
    cx: &mut SessionContext<'_>,
    topic: Topic,
    kind: &str,
    names: Option<Many<'_, &[u8]>>,
    out: &mut Encoder,
) -> Flow {
    match names {
        Some(names) => names.items().for_each(|name| unsubscribe_one(cx, topic, kind, name, out)),
        None => {
            let all = cx.session.subscriptions.names(topic);
            all.iter().for_each(|name| unsubscribe_one(cx, topic, kind, name, out));
            if all.is_empty() {
                confirm(cx.session, topic, kind, None, out);
            }
        }
    }
    cx.session.publish_subscriptions();
    Flow::Continue
}

fn unsubscribe_one(cx: &mut SessionContext<'_>, topic: Topic, kind: &str, name: &[u8], out: &mut Encoder) {
    if cx.session.subscriptions.has(topic, name) {
        cx.engine().pubsub.unsubscribe(topic, name, cx.session.id());
        // What was published until now was counted as received, and is.
        cx.worker.read_published(cx.session, out);
        cx.session.subscriptions.remove(topic, name);
    }
    confirm(cx.session, topic, kind, Some(name), out);
}

/// Listens to channels.
#[derive(Command)]
#[command(group = Pubsub, since = "2.0.0", complexity = "O(N) where N is the number of channels to subscribe to.")]
#[command(flags(pubsub, noscript, loading, stale))]
pub(super) struct Subscribe<'a> {
    #[arg(name = "channel")]
    channels: Many<'a, &'a [u8]>,
}

impl SessionCommand for Subscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(subscribe(cx, Topic::Channel, "subscribe", self.channels.items(), out))
    }
}

/// Listens to channels no more, to none at all if none is named.
#[derive(Command)]
#[command(group = Pubsub, since = "2.0.0", complexity = "O(N) where N is the number of clients already subscribed to a channel.")]
#[command(flags(pubsub, noscript, loading, stale))]
pub(super) struct Unsubscribe<'a> {
    #[arg(name = "channel", trailing)]
    channels: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Unsubscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(unsubscribe(cx, Topic::Channel, "unsubscribe", self.channels, out))
    }
}

#[derive(Block)]
struct ChannelPattern<'a> {
    pattern: Pattern<'a>,
}

/// Listens to all channels whose names match patterns.
#[derive(Command)]
#[command(group = Pubsub, since = "2.0.0", complexity = "O(N) where N is the number of patterns the client is already subscribed to.")]
#[command(flags(pubsub, noscript, loading, stale))]
pub(super) struct Psubscribe<'a> {
    #[arg(name = "pattern")]
    patterns: Many<'a, ChannelPattern<'a>>,
}

impl SessionCommand for Psubscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let patterns = self
            .patterns
            .iter()
            .map(|item| item.map(|item| item.pattern.0))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(subscribe(cx, Topic::Pattern, "psubscribe", patterns.into_iter(), out))
    }
}

/// Listens to patterns no more, to none at all if none is named.
#[derive(Command)]
#[command(group = Pubsub, since = "2.0.0", complexity = "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).")]
#[command(flags(pubsub, noscript, loading, stale))]
pub(super) struct Punsubscribe<'a> {
    #[arg(name = "pattern", kind = Pattern, trailing)]
    patterns: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Punsubscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(unsubscribe(cx, Topic::Pattern, "punsubscribe", self.patterns, out))
    }
}

/// Listens to shard channels.
#[derive(Command)]
#[command(group = Pubsub, since = "7.0.0", complexity = "O(N) where N is the number of shard channels to subscribe to.")]
#[command(flags(pubsub, noscript, loading, stale), keys = &[shard_channels(-1)])]
pub(super) struct Ssubscribe<'a> {
    #[arg(name = "shardchannel")]
    channels: Many<'a, &'a [u8]>,
}

impl SessionCommand for Ssubscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.in_exec {
            return Err(CommandError::text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
        }
        Ok(subscribe(cx, Topic::ShardChannel, "ssubscribe", self.channels.items(), out))
    }
}

/// Listens to shard channels no more, to none at all if none is named.
#[derive(Command)]
#[command(group = Pubsub, since = "7.0.0", complexity = "O(N) where N is the number of clients already subscribed to a shard channel.")]
#[command(flags(pubsub, noscript, loading, stale), keys = &[shard_channels(-1)])]
pub(super) struct Sunsubscribe<'a> {
    #[arg(name = "shardchannel", trailing)]
    channels: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Sunsubscribe<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        Ok(unsubscribe(cx, Topic::ShardChannel, "sunsubscribe", self.channels, out))
    }
}
