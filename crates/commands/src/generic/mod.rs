//! Commands for keys of any type.

mod del;
mod object;

use del::Del;
use object::{Object, ObjectEncoding};
use spinel_family::family;

family! {
    /// Commands for keys of any type.
    pub static COMMANDS;
    update Del,
    container Object [query ObjectEncoding],
}
