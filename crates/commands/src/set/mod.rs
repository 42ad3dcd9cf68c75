//! The set commands.

mod result;
mod sadd;
mod sdiff;
mod setcard;
mod sinter;
mod sintercard;
mod sismember;
mod smembers;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sunion;

use sadd::Sadd;
use sdiff::{Sdiff, Sdiffstore};
use setcard::{Sdiffcard, Sunioncard};
use sinter::{Sinter, Sinterstore};
use sintercard::Sintercard;
use sismember::{Scard, Sismember, Smismember};
use smembers::Smembers;
use smove::Smove;
use spinel_family::family;
use spop::Spop;
use srandmember::Srandmember;
use srem::Srem;
use sscan::Sscan;
use sunion::{Sunion, Sunionstore};

family! {
    /// The set commands.
    pub static COMMANDS;
    update Sadd,
    query Scard,
    query Sdiff,
    query Sdiffcard,
    update Sdiffstore,
    query Sinter,
    query Sintercard,
    update Sinterstore,
    query Sismember,
    query Smembers,
    query Smismember,
    update Smove,
    update Spop,
    query Srandmember,
    update Srem,
    query Sscan,
    query Sunion,
    query Sunioncard,
    update Sunionstore,
}
