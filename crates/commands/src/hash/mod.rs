//! The hash commands.

mod hdel;
mod hget;
mod hgetall;
mod hincrby;
mod hincrbyfloat;
mod hrandfield;
mod hscan;
mod hset;

use hdel::Hdel;
use hget::{Hexists, Hget, Hlen, Hmget, Hstrlen};
use hgetall::{Hgetall, Hkeys, Hvals};
use hincrby::Hincrby;
use hincrbyfloat::Hincrbyfloat;
use hrandfield::Hrandfield;
use hscan::Hscan;
use hset::{Hmset, Hset, Hsetnx};
use spinel_family::family;

family! {
    /// The hash commands.
    pub static COMMANDS;
    update Hdel,
    query Hexists,
    query Hget,
    query Hgetall,
    update Hincrby,
    update Hincrbyfloat,
    query Hkeys,
    query Hlen,
    query Hmget,
    update Hmset,
    query Hrandfield,
    query Hscan,
    update Hset,
    update Hsetnx,
    query Hstrlen,
    query Hvals,
}
