//! The hash commands.

mod field_words;
mod hdel;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hincrbyfloat;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod httl;

use hdel::Hdel;
use hexpire::{Hexpire, Hexpireat, Hpexpire, Hpexpireat};
use hget::{Hexists, Hget, Hlen, Hmget, Hstrlen};
use hgetall::{Hgetall, Hkeys, Hvals};
use hgetdel::Hgetdel;
use hgetex::Hgetex;
use hincrby::Hincrby;
use hincrbyfloat::Hincrbyfloat;
use hpersist::Hpersist;
use hrandfield::Hrandfield;
use hscan::Hscan;
use hset::{Hmset, Hset, Hsetnx};
use hsetex::Hsetex;
use httl::{Hexpiretime, Hpexpiretime, Hpttl, Httl};
use spinel_family::family;

family! {
    /// The hash commands.
    pub static COMMANDS;
    update Hdel,
    query Hexists,
    update Hexpire,
    update Hexpireat,
    query Hexpiretime,
    query Hget,
    query Hgetall,
    update Hgetdel,
    update Hgetex,
    update Hincrby,
    update Hincrbyfloat,
    query Hkeys,
    query Hlen,
    query Hmget,
    update Hmset,
    update Hpersist,
    update Hpexpire,
    update Hpexpireat,
    query Hpexpiretime,
    query Hpttl,
    query Hrandfield,
    query Hscan,
    update Hset,
    update Hsetex,
    update Hsetnx,
    query Hstrlen,
    query Httl,
    query Hvals,
}
