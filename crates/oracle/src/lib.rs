//! The same script to a reference server and to Spinel, replies compared.
//!
//! The reference is the specification: whatever Redis answers is right, to the letter. This crate starts both servers
//! ([`reference`]), talks to them ([`client`]), invents commands ([`generate`]), compares replies ([`compare`]), whole data
//! sets ([`snapshot`]) and what the servers say about commands ([`tables`]), and reduces what differs to a few commands
//! ([`differential`]). It knows commands as words only; it deliberately uses nothing of the server but its wire protocol,
//! so that no mistake is made twice. The exceptions are files: logs of both cross over ([`log`]), and the reference takes
//! back what our reader and writer of RDB files make of its values ([`exchange`]).

#![forbid(unsafe_code)]

pub mod client;
pub mod compare;
pub mod crash;
pub mod differential;
pub mod exchange;
pub mod foreign;
pub mod generate;
pub mod history;
pub mod log;
pub mod random;
pub mod reference;
pub mod snapshot;
pub mod tables;
