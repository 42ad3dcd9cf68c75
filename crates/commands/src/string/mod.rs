//! The string commands.

mod append;
mod compare;
mod delex;
mod expiration;
mod get;
mod getex;
mod getset;
mod incr;
mod incrbyfloat;
mod increx;
mod lcs;
mod mget;
mod mset;
mod msetex;
mod range;
mod set;
mod setex;

pub(crate) use append::make_room;
use append::{Append, Strlen};
use delex::{Delex, Delifeq, Digest};
use get::Get;
use getex::Getex;
use getset::{Getdel, Getset};
use incr::{Decr, Decrby, Incr, Incrby};
use incrbyfloat::Incrbyfloat;
use increx::Increx;
use lcs::Lcs;
use mget::Mget;
use mset::{Mset, Msetnx};
use msetex::Msetex;
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
    update Delex,
    update Delifeq,
    query Digest,
    query Get,
    update Getdel,
    update Getex,
    query Getrange,
    update Getset,
    update Incr,
    update Incrby,
    update Incrbyfloat,
    update Increx,
    query Lcs,
    query Mget,
    update Mset,
    update Msetex,
    update Msetnx,
    update Psetex,
    update Set,
    update Setex,
    update Setnx,
    update Setrange,
    query Strlen,
    query Substr,
}
