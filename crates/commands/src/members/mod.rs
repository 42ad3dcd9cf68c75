//! Members of sets and sorted sets that expire: what the commands of both types share.
//!
//! Words, replies and conditions are those of the commands of hashes' fields. Whoever runs a command has removed the members
//! whose time has come, so none is met here.

pub(crate) mod addex;
pub(crate) mod expire;
pub(crate) mod persist;
pub(crate) mod ttl;
mod words;

use spinel_family::EventClass;
use spinel_store::value::{Set, SortedSet};
use spinel_store::{HashKey, Text, Typed, UnixMillis};

pub(crate) use words::{MEMBERS_ARG, named_members};

/// A collection whose members may expire.
pub(crate) trait Membered: Typed {
    /// The class of its events.
    const CLASS: EventClass;
    /// The words of the log and the events.
    const NAMES: Names;
    /// When a member expires, if there is such a member.
    fn expiry(&self, member: &[u8]) -> Option<Option<UnixMillis>>;
    /// Sets, changes or removes the expiry of a member that is there.
    fn set_expiry(&mut self, member: &[u8], expiry: Option<UnixMillis>, hash_key: &HashKey);
    /// Removes a member.
    fn remove(&mut self, member: &[u8]) -> bool;
}

/// What happens to members, as the log says it to itself and events say it to others.
pub(crate) struct Names {
    expire_words: &'static str,
    persist_words: &'static str,
    remove_words: &'static str,
    expire: &'static str,
    persist: &'static str,
    remove: &'static str,
}

impl Membered for Set {
    const CLASS: EventClass = EventClass::Set;
    const NAMES: Names = Names {
        expire_words: "SPEXPIREAT",
        persist_words: "SPERSIST",
        remove_words: "SREM",
        expire: "sexpire",
        persist: "spersist",
        remove: "srem",
    };

    fn expiry(&self, member: &[u8]) -> Option<Option<UnixMillis>> {
        self.expiry(Text::Bytes(member))
    }

    fn set_expiry(&mut self, member: &[u8], expiry: Option<UnixMillis>, hash_key: &HashKey) {
        self.set_expiry(Text::Bytes(member), expiry, hash_key);
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        self.remove(Text::Bytes(member))
    }
}

impl Membered for SortedSet {
    const CLASS: EventClass = EventClass::SortedSet;
    const NAMES: Names = Names {
        expire_words: "ZPEXPIREAT",
        persist_words: "ZPERSIST",
        remove_words: "ZREM",
        expire: "zexpire",
        persist: "zpersist",
        remove: "zrem",
    };

    fn expiry(&self, member: &[u8]) -> Option<Option<UnixMillis>> {
        self.expiry(member)
    }

    fn set_expiry(&mut self, member: &[u8], expiry: Option<UnixMillis>, hash_key: &HashKey) {
        self.set_expiry(member, expiry, hash_key);
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        self.remove(member).is_some()
    }
}
