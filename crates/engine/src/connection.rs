//! The connection itself: greeting, password, database, end.

mod greeting;
mod simple;

use crate::session::session_commands;
use greeting::{Auth, Hello, Reset};
use simple::{Echo, Ping, Quit, Select};

session_commands! {
    /// The commands about the connection itself.
    pub(crate) static COMMANDS;
    session Auth,
    session Echo,
    session Hello,
    session Ping,
    session Quit,
    session Reset,
    session Select,
}
