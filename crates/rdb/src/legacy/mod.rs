//! Structures of older servers: read into listpacks, and, the ziplist, written for them.

pub(crate) mod ziplist;
pub(crate) mod zipmap;
