//! The list commands.

mod blmove;
mod blmpop;
mod blpop;
mod expiring;
mod index;
mod linsert;
mod lmove;
mod lmovem;
mod lmpop;
mod lpos;
mod lrem;
mod pop;
mod push;
mod range;
mod side;

use blmove::{Blmove, Brpoplpush};
use blmpop::Blmpop;
use blpop::{Blpop, Brpop};
use expiring::{
    Lexpire, Lexpireat, Lexpiretime, Lpersist, Lpexpire, Lpexpireat, Lpexpiretime, Lpttl, Lpushex, Lttl,
    Rpushex,
};
use index::{Lindex, Llen, Lset};
use linsert::Linsert;
use lmove::{Lmove, Rpoplpush};
use lmovem::{Blmovem, Lmovem};
use lmpop::Lmpop;
use lpos::Lpos;
use lrem::Lrem;
use pop::{Lpop, Rpop};
use push::{Lpush, Lpushx, Rpush, Rpushx};
use range::{Lrange, Ltrim};
use spinel_family::family;

family! {
    /// The list commands.
    pub static COMMANDS;
    blocking Blmove,
    blocking Blmovem,
    blocking Blmpop,
    blocking Blpop,
    blocking Brpop,
    blocking Brpoplpush,
    update Lexpire,
    update Lexpireat,
    query Lexpiretime,
    query Lindex,
    update Linsert,
    query Llen,
    update Lmove,
    update Lmovem,
    update Lmpop,
    update Lpersist,
    update Lpexpire,
    update Lpexpireat,
    query Lpexpiretime,
    update Lpop,
    query Lpos,
    query Lpttl,
    update Lpush,
    update Lpushex,
    update Lpushx,
    query Lrange,
    update Lrem,
    update Lset,
    update Ltrim,
    query Lttl,
    update Rpop,
    update Rpoplpush,
    update Rpush,
    update Rpushex,
    update Rpushx,
}
