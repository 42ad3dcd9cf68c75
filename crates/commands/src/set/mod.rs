//! The set commands.

mod result;
mod sadd;
mod saddex;
mod sdiff;
mod setcard;
mod sexpire;
mod sinter;
mod sintercard;
mod sismember;
mod smembers;
mod smove;
mod spersist;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sttl;
mod sunion;

use sadd::Sadd;
use saddex::Saddex;
use sdiff::{Sdiff, Sdiffstore};
use setcard::{Sdiffcard, Sunioncard};
use sexpire::{Sexpire, Sexpireat, Spexpire, Spexpireat};
use sinter::{Sinter, Sinterstore};
use sintercard::Sintercard;
use sismember::{Scard, Sismember, Smismember};
use smembers::Smembers;
use smove::Smove;
use spersist::Spersist;
use spinel_family::family;
use spop::Spop;
use srandmember::Srandmember;
use srem::Srem;
use sscan::Sscan;
use sttl::{Sexpiretime, Spexpiretime, Spttl, Sttl};
use sunion::{Sunion, Sunionstore};

family! {
    /// The set commands.
    pub static COMMANDS;
    update Sadd,
    update Saddex,
    query Scard,
    query Sdiff,
    query Sdiffcard,
    update Sdiffstore,
    update Sexpire,
    update Sexpireat,
    query Sexpiretime,
    query Sinter,
    query Sintercard,
    update Sinterstore,
    query Sismember,
    query Smembers,
    query Smismember,
    update Smove,
    update Spersist,
    update Spexpire,
    update Spexpireat,
    query Spexpiretime,
    update Spop,
    query Spttl,
    query Srandmember,
    update Srem,
    query Sscan,
    query Sttl,
    query Sunion,
    query Sunioncard,
    update Sunionstore,
}
