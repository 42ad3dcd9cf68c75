//! Publishing and subscribing: the commands. Who listens to what is kept in [`crate::pubsub`].
//!
//! A message reaches its listeners through their workers' inboxes, the publisher itself included, so it stands
//! after every reply a listener was owed before. (Redis 7.0 puts a message to the publisher itself before the
//! reply of PUBLISH; 7.2 and this server put it behind.)

mod inspect;
mod publish;
mod subscribe;

use crate::session::session_commands;
use inspect::{
    Pubsub, PubsubChannels, PubsubHelp, PubsubNumpat, PubsubNumsub, PubsubShardchannels, PubsubShardnumsub,
};
use publish::{Publish, Spublish};
use spinel_family::spec::{Begin, Find, KeyFlags, KeySpec};
pub(crate) use subscribe::is_subscription;
use subscribe::{Psubscribe, Punsubscribe, Ssubscribe, Subscribe, Sunsubscribe, Unsubscribe};

session_commands! {
    /// The commands of publishing and subscribing.
    pub(crate) static COMMANDS;
    session Psubscribe,
    session Publish,
    container Pubsub,
    session PubsubChannels,
    session PubsubHelp,
    session PubsubNumpat,
    session PubsubNumsub,
    session PubsubShardchannels,
    session PubsubShardnumsub,
    session Punsubscribe,
    session Spublish,
    session Ssubscribe,
    session Subscribe,
    session Sunsubscribe,
    session Unsubscribe,
}

/// Shard channels are routed like keys: words from the first to `last`.
const fn shard_channels(last: i32) -> KeySpec {
    KeySpec {
        flags: KeyFlags::NOT_KEY,
        begin: Begin::Index(1),
        find: Find::Range { last, step: 1, limit: 0 },
        notes: "",
    }
}
