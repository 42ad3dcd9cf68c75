//! A server without sockets: sessions, dispatch, transactions, blocking, pub/sub, configuration.

#![forbid(unsafe_code)]

pub mod config;
