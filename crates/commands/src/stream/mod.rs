//! The stream commands.

mod arguments;
mod budget;
mod claiming;
mod group_reading;
mod groups;
mod idempotence;
mod propagation;
mod references;
mod reply;
mod sources;
#[cfg(test)]
mod tests;
mod trimming;
mod xack;
mod xadd;
mod xautoclaim;
mod xcfgset;
mod xclaim;
mod xdel;
mod xdelex;
mod xgroup;
mod xidmprecord;
mod xinfo;
mod xinfo_groups;
mod xlen;
mod xnack;
mod xpending;
mod xrange;
mod xread;
mod xreadgroup;
mod xsetid;
mod xtrim;

use spinel_family::family;
use xack::Xack;
use xadd::Xadd;
use xautoclaim::Xautoclaim;
use xcfgset::Xcfgset;
use xclaim::Xclaim;
use xdel::Xdel;
use xdelex::{Xackdel, Xdelex};
use xgroup::{
    Xgroup, XgroupCreate, XgroupCreateconsumer, XgroupDelconsumer, XgroupDestroy, XgroupHelp, XgroupSetid,
};
use xidmprecord::Xidmprecord;
use xinfo::{Xinfo, XinfoConsumers, XinfoGroups, XinfoHelp, XinfoStream};
use xlen::Xlen;
use xnack::Xnack;
use xpending::Xpending;
use xrange::{Xrange, Xrevrange};
use xread::Xread;
use xreadgroup::Xreadgroup;
use xsetid::Xsetid;
use xtrim::Xtrim;

family! {
    /// The stream commands.
    pub static COMMANDS;
    update Xack,
    update Xackdel,
    update Xadd,
    update Xautoclaim,
    update Xcfgset,
    update Xclaim,
    update Xdel,
    update Xdelex,
    container Xgroup [
        update XgroupCreate,
        update XgroupCreateconsumer,
        update XgroupDelconsumer,
        update XgroupDestroy,
        query XgroupHelp,
        update XgroupSetid,
    ],
    update Xidmprecord,
    container Xinfo [
        query XinfoConsumers,
        query XinfoGroups,
        query XinfoHelp,
        query XinfoStream,
    ],
    query Xlen,
    update Xnack,
    query Xpending,
    query Xrange,
    blocking Xread,
    blocking Xreadgroup,
    query Xrevrange,
    update Xsetid,
    update Xtrim,
}
