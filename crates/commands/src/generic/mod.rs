//! Commands for keys of any type, and for whole databases.

mod copy;
mod database;
mod dbsize;
mod del;
mod exists;
pub(crate) mod expire;
mod flush;
pub(crate) mod keys;
mod memory;
mod move_key;
mod object;
mod randomkey;
mod rename;
pub(crate) mod scan;
mod scandel;
mod sort;
mod swapdb;
mod ttl;

use copy::Copy;
use dbsize::Dbsize;
use del::{Del, Unlink};
use exists::{Exists, Touch, Type};
use expire::{Expire, Expireat, Persist, Pexpire, Pexpireat};
use flush::{Flushall, Flushdb};
use keys::Keys;
use memory::{Memory, MemoryUsage};
use move_key::Move;
use object::{Object, ObjectEncoding, ObjectFreq, ObjectHelp, ObjectIdletime, ObjectRefcount};
use randomkey::Randomkey;
use rename::{Rename, Renamenx};
use scan::Scan;
use scandel::Scandel;
use sort::{Sort, SortRo};
use spinel_family::family;
use swapdb::Swapdb;
use ttl::{Expiretime, Pexpiretime, Pttl, Ttl};

family! {
    /// Commands for keys of any type.
    pub static COMMANDS;
    update Copy,
    sweep Dbsize,
    update Del,
    query Exists,
    update Expire,
    update Expireat,
    query Expiretime,
    exclusive Flushall,
    exclusive Flushdb,
    sweep Keys,
    container Memory [query MemoryUsage],
    update Move,
    container Object [
        query ObjectEncoding,
        query ObjectFreq,
        query ObjectHelp,
        query ObjectIdletime,
        query ObjectRefcount,
    ],
    update Persist,
    update Pexpire,
    update Pexpireat,
    query Pexpiretime,
    query Pttl,
    sweep Randomkey,
    update Rename,
    update Renamenx,
    sweep Scan,
    update Sort,
    query SortRo,
    gradual Scandel,
    exclusive Swapdb,
    query Touch,
    query Ttl,
    query Type,
    update Unlink,
}
