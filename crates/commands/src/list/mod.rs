//! The list commands.

mod blmove;
mod blmpop;
mod blpop;
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
    query Lindex,
    update Linsert,
    query Llen,
    update Lmove,
    update Lmovem,
    update Lmpop,
    update Lpop,
    query Lpos,
    update Lpush,
    update Lpushx,
    query Lrange,
    update Lrem,
    update Lset,
    update Ltrim,
    update Rpop,
    update Rpoplpush,
    update Rpush,
    update Rpushx,
}
