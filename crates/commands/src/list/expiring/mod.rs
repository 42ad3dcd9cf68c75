//! Elements of lists that expire: the commands of members that expire, with positions in the place of names.
//!
//! An index is that of the list as a command finds it, counted from the tail if negative; what the command removes moves none
//! before its end. Whoever runs a command has removed the elements whose time has come, so none is met here.

mod lexpire;
mod lpersist;
mod lpushex;
mod lttl;
mod words;

pub(super) use lexpire::{Lexpire, Lexpireat, Lpexpire, Lpexpireat};
pub(super) use lpersist::Lpersist;
pub(super) use lpushex::{Lpushex, Rpushex};
pub(super) use lttl::{Lexpiretime, Lpexpiretime, Lpttl, Lttl};
