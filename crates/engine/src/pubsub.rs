//! Channels, patterns and shard channels, and who listens to them.

use std::sync::{Arc, RwLock};

use hashbrown::HashMap;
use spinel_resp::{Encoder, Protocol};
use spinel_structs::glob;

use crate::ClientId;
use crate::clients::Client;
use crate::inbox::Message;

/// The three kinds of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `SUBSCRIBE`
    Channel,
    /// `PSUBSCRIBE`
    Pattern,
    /// `SSUBSCRIBE`
    ShardChannel,
}

/// A message on its way, encoded once for everybody.
#[derive(Debug)]
pub struct Published {
    /// Through which kind of subscription it comes.
    pub topic: Topic,
    /// The channel or pattern subscribed to.
    pub name: Box<[u8]>,
    /// The message as RESP2 sends it; RESP3 differs in the first byte.
    resp2: Box<[u8]>,
}

impl Published {
    fn new(topic: Topic, name: &[u8], channel: &[u8], payload: &[u8]) -> Self {
        let mut out = Encoder::new(Protocol::Resp2);
        match topic {
            Topic::Channel | Topic::ShardChannel => {
                out.push(3);
                out.bulk(if topic == Topic::Channel { b"message" } else { b"smessage" });
            }
            Topic::Pattern => {
                out.push(4);
                out.bulk(b"pmessage");
                out.bulk(name);
            }
        }
        out.bulk(channel);
        out.bulk(payload);
        Self { topic, name: name.into(), resp2: out.into_inner().into_boxed_slice() }
    }

    /// Appends it to a client's replies.
    pub fn write(&self, out: &mut Encoder) {
        let start = out.len();
        out.extend_raw(&self.resp2);
        if out.protocol() == Protocol::Resp3 {
            out.buffer_mut()[start] = b'>';
        }
    }
}

type Listeners = HashMap<Box<[u8]>, Vec<Arc<Client>>>;

/// Who listens to what. Each map has a lock of its own, held only while it is looked at.
#[derive(Default)]
pub struct PubSub {
    channels: RwLock<Listeners>,
    patterns: RwLock<Listeners>,
    shard_channels: RwLock<Listeners>,
}

impl PubSub {
    fn map(&self, topic: Topic) -> &RwLock<Listeners> {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::ShardChannel => &self.shard_channels,
        }
    }

    fn read(&self, topic: Topic) -> std::sync::RwLockReadGuard<'_, Listeners> {
        self.map(topic).read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds a listener.
    pub fn subscribe(&self, topic: Topic, name: &[u8], client: &Arc<Client>) {
        let mut map = self.map(topic).write().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.entry(name.into()).or_default().push(Arc::clone(client));
    }

    /// Removes a listener.
    pub fn unsubscribe(&self, topic: Topic, name: &[u8], client: ClientId) {
        let mut map = self.map(topic).write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(listeners) = map.get_mut(name) {
            listeners.retain(|listener| listener.id != client);
            if listeners.is_empty() {
                map.remove(name);
            }
        }
    }

    /// Sends a message to everyone who listens; answers to how many.
    pub fn publish(&self, channel: &[u8], payload: &[u8]) -> usize {
        let mut receivers = self.deliver(Topic::Channel, channel, channel, payload);
        let patterns = self.read(Topic::Pattern);
        for (pattern, listeners) in patterns.iter() {
            if glob::matches(pattern, channel, false) {
                receivers += Self::send(listeners, Published::new(Topic::Pattern, pattern, channel, payload));
            }
        }
        receivers
    }

    /// Sends a message to everyone who listens to a shard channel; answers to how many.
    pub fn publish_shard(&self, channel: &[u8], payload: &[u8]) -> usize {
        self.deliver(Topic::ShardChannel, channel, channel, payload)
    }

    /// Sends a message to everyone who listens to a channel or shard channel; answers to how many.
    pub(crate) fn publish_on(&self, topic: Topic, channel: &[u8], payload: &[u8]) -> usize {
        match topic {
            Topic::ShardChannel => self.publish_shard(channel, payload),
            Topic::Channel | Topic::Pattern => self.publish(channel, payload),
        }
    }

    /// How many a message would reach now.
    pub(crate) fn receivers(&self, topic: Topic, channel: &[u8]) -> usize {
        let direct = self.listeners(topic, channel);
        if topic == Topic::ShardChannel {
            return direct;
        }
        let patterns = self.read(Topic::Pattern);
        let matching = patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, false));
        direct + matching.map(|(_, listeners)| alive(listeners)).sum::<usize>()
    }

    fn deliver(&self, topic: Topic, name: &[u8], channel: &[u8], payload: &[u8]) -> usize {
        let map = self.read(topic);
        match map.get(name) {
            Some(listeners) => Self::send(listeners, Published::new(topic, name, channel, payload)),
            None => 0,
        }
    }

    fn send(listeners: &[Arc<Client>], message: Published) -> usize {
        let message = Arc::new(message);
        let mut receivers = 0;
        for client in listeners.iter().filter(|client| !client.is_killed()) {
            client.post(Message::Published(Arc::clone(&message)));
            receivers += 1;
        }
        receivers
    }

    /// Whether nobody listens to any channel or pattern.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.read(Topic::Channel).is_empty() && self.read(Topic::Pattern).is_empty()
    }

    /// The names somebody listens to, those that match `pattern` if one is given.
    #[must_use]
    pub fn names(&self, topic: Topic, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let map = self.read(topic);
        map.iter()
            .filter(|(_, listeners)| alive(listeners) > 0)
            .map(|(name, _)| name)
            .filter(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name, false)))
            .cloned()
            .collect()
    }

    /// How many listen to a name.
    #[must_use]
    pub fn listeners(&self, topic: Topic, name: &[u8]) -> usize {
        self.read(topic).get(name).map_or(0, |listeners| alive(listeners))
    }

    /// How many names somebody listens to.
    #[must_use]
    pub fn count(&self, topic: Topic) -> usize {
        self.read(topic).values().filter(|listeners| alive(listeners) > 0).count()
    }
}

/// Listeners that nobody has killed: their workers may not have got round to it yet.
fn alive(listeners: &[Arc<Client>]) -> usize {
    listeners.iter().filter(|client| !client.is_killed()).count()
}

/// Bytes that a name takes beside itself, here and in the registry of listeners, where it stands once more.
const NAME_BYTES: usize = 96;

/// Names, each with the number of its subscription: the higher the later.
type Numbered = HashMap<Box<[u8]>, u64>;

/// What one session listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    bytes: usize,
    /// Subscriptions there have been.
    subscribed: u64,
    channels: Numbered,
    patterns: Numbered,
    shard_channels: Numbered,
}

impl Subscriptions {
    fn map(&self, topic: Topic) -> &Numbered {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::ShardChannel => &self.shard_channels,
        }
    }

    fn map_mut(&mut self, topic: Topic) -> &mut Numbered {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }

    /// Adds a name; false if it was there.
    pub fn add(&mut self, topic: Topic, name: &[u8]) -> bool {
        let number = self.subscribed;
        let is_new = self.map_mut(topic).try_insert(name.into(), number).is_ok();
        self.subscribed += 1;
        self.bytes += if is_new { NAME_BYTES + 2 * name.len() } else { 0 };
        is_new
    }

    /// Removes a name; false if it was not there.
    pub fn remove(&mut self, topic: Topic, name: &[u8]) -> bool {
        let was_there = self.map_mut(topic).remove(name).is_some();
        self.bytes -= if was_there { NAME_BYTES + 2 * name.len() } else { 0 };
        was_there
    }

    /// Whether it listens to a name.
    #[must_use]
    pub fn has(&self, topic: Topic, name: &[u8]) -> bool {
        self.map(topic).contains_key(name)
    }

    /// All names of a kind, in the order in which they were subscribed to.
    #[must_use]
    pub fn names(&self, topic: Topic) -> Vec<Box<[u8]>> {
        let mut names: Vec<_> = self.map(topic).iter().collect();
        names.sort_unstable_by_key(|(_, number)| **number);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// How many names of a kind.
    #[must_use]
    pub fn count(&self, topic: Topic) -> usize {
        self.map(topic).len()
    }

    /// Channels and patterns together, as the replies of SUBSCRIBE count them.
    #[must_use]
    pub fn channels_and_patterns(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Bytes that the names take, about.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it listens to anything.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.channels.is_empty() || !self.patterns.is_empty() || !self.shard_channels.is_empty()
    }
}

impl crate::Worker {
    /// Ends all subscriptions of a session without telling it.
    pub(crate) fn unsubscribe_silently(&mut self, session: &mut crate::session::Session) {
        for topic in [Topic::Channel, Topic::Pattern, Topic::ShardChannel] {
            for name in session.subscriptions.names(topic) {
                session.subscriptions.remove(topic, &name);
                self.engine.pubsub.unsubscribe(topic, &name, session.id());
            }
        }
        session.publish_subscriptions();
    }
}
