//! The array commands of Redis 8.8: strings at indexes from 0 to 2^64 - 2, sparse, with a cursor for appending and for rings.
//!
//! Their syntax, replies and errors are known to us by documentation and clients alone; `COMPAT.md` says where those are
//! silent and what is done then.

mod aggregate;
mod ardel;
mod arget;
mod argrep;
mod arinfo;
mod arinsert;
mod arlen;
mod arop;
mod arring;
mod arscan;
mod arset;
mod index;
mod predicates;
#[cfg(test)]
mod tests;

use ardel::{Ardel, Ardelrange};
use arget::{Arget, Argetrange, Armget};
use argrep::Argrep;
use arinfo::Arinfo;
use arinsert::{Arinsert, Arnext, Arseek};
use arlen::{Arcount, Arlen};
use arop::Arop;
use arring::{Arlastitems, Arring};
use arscan::Arscan;
use arset::{Armset, Arset};
use spinel_family::family;

family! {
    /// The array commands.
    pub static COMMANDS;
    query Arcount,
    update Ardel,
    update Ardelrange,
    query Arget,
    query Argetrange,
    query Argrep,
    query Arinfo,
    update Arinsert,
    query Arlastitems,
    query Arlen,
    query Armget,
    update Armset,
    query Arnext,
    query Arop,
    update Arring,
    query Arscan,
    update Arseek,
    update Arset,
}
