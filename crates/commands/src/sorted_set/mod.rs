//! The sorted set commands.
//!
//! Whatever a command is asked by (places, scores, members), it works on ranks: [`span`] turns the first into the
//! second, and the value does the rest in logarithmic time.

mod bzpop;
mod combine;
mod pop;
mod reply;
mod selection;
pub(crate) mod source;
mod span;
pub(crate) mod store;
pub(crate) mod zadd;
mod zaddex;
mod zcount;
mod zexpire;
mod zmpop;
mod zpersist;
mod zpop;
mod zrandmember;
mod zrange;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;
mod zttl;
mod zunion;
mod zunionstore;

use bzpop::{Bzmpop, Bzpopmax, Bzpopmin};
use spinel_family::family;
use zadd::{Zadd, Zincrby};
use zaddex::Zaddex;
use zcount::{Zcount, Zlexcount};
use zexpire::{Zexpire, Zexpireat, Zpexpire, Zpexpireat};
use zmpop::Zmpop;
use zpersist::Zpersist;
use zpop::{Zpopmax, Zpopmin};
use zrandmember::Zrandmember;
use zrange::{Zrange, Zrangebylex, Zrangebyscore, Zrevrange, Zrevrangebylex, Zrevrangebyscore};
use zrangestore::Zrangestore;
use zrank::{Zrank, Zrevrank};
use zrem::Zrem;
use zremrange::{Zremrangebylex, Zremrangebyrank, Zremrangebyscore};
use zscan::Zscan;
use zscore::{Zcard, Zmscore, Zscore};
use zttl::{Zexpiretime, Zpexpiretime, Zpttl, Zttl};
use zunion::{Zdiff, Zinter, Zintercard, Zunion};
use zunionstore::{Zdiffstore, Zinterstore, Zunionstore};

family! {
    /// The sorted set commands.
    pub static COMMANDS;
    blocking Bzmpop,
    blocking Bzpopmax,
    blocking Bzpopmin,
    update Zadd,
    update Zaddex,
    query Zcard,
    query Zcount,
    query Zdiff,
    update Zdiffstore,
    update Zexpire,
    update Zexpireat,
    query Zexpiretime,
    update Zincrby,
    query Zinter,
    query Zintercard,
    update Zinterstore,
    query Zlexcount,
    update Zmpop,
    query Zmscore,
    update Zpersist,
    update Zpexpire,
    update Zpexpireat,
    query Zpexpiretime,
    update Zpopmax,
    update Zpopmin,
    query Zpttl,
    query Zrandmember,
    query Zrange,
    query Zrangebylex,
    query Zrangebyscore,
    update Zrangestore,
    query Zrank,
    update Zrem,
    update Zremrangebylex,
    update Zremrangebyrank,
    update Zremrangebyscore,
    query Zrevrange,
    query Zrevrangebylex,
    query Zrevrangebyscore,
    query Zrevrank,
    query Zscan,
    query Zscore,
    query Zttl,
    query Zunion,
    update Zunionstore,
}
