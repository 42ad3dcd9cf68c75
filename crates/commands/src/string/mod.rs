//! The string commands.

mod append;
mod expiration;
mod get;
mod getex;
mod getset;
mod incr;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod range;
mod set;
mod setex;

pub(crate) use append::make_room;
use append::{Append, Strlen};
use get::Get;
use getex::Getex;
use getset::{Getdel, Getset};
use incr::{Decr, Decrby, Incr, Incrby};
use incrbyfloat::Incrbyfloat;
use lcs::Lcs;
use mget::Mget;
use mset::{Mset, Msetnx};
pub(crate) use range::zeros_cost;
use range::{Getrange, Setrange, Substr};
use set::Set;
use setex::{Psetex, Setex, Setnx};
use spinel_family::family;

family! {
    /// The string commands.
    pub static COMMANDS;
    update Append,
    update Decr,
    update Decrby,
    query Get,
    update Getdel,
    update Getex,
    query Getrange,
    update Getset,
    update Incr,
    update Incrby,
    update Incrbyfloat,
    query Lcs,
    query Mget,
    update Mset,
    update Msetnx,
    update Psetex,
    update Set,
    update Setex,
    update Setnx,
    update Setrange,
    query Strlen,
    query Substr,
}
