//! Hostile and broken clients against a real server process: what is promised about sockets, memory and limits.
//!
//! Every test has a server of its own. Beside the hostile clients an honest one is served all the time ([`Honest`]), and
//! the memory of the process is looked at. Nothing here sleeps: tests wait for bytes, for the end of a connection, or for
//! the end of the process.

mod crashes;
mod ending;
mod flood;
mod full_disk;
mod hangup;
mod large;
mod leftovers;
mod limits;
mod malformed;
mod support;
