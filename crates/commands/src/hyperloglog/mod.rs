//! The HyperLogLog commands: strings that count different elements.

mod pfadd;
mod pfcount;
mod pfdebug;
mod pfmerge;
mod pfselftest;

use pfadd::Pfadd;
use pfcount::Pfcount;
use pfdebug::Pfdebug;
use pfmerge::Pfmerge;
use pfselftest::Pfselftest;
use spinel_family::{CommandError, Key, UpdateContext, family};
use spinel_store::Text;
use spinel_structs::hyperloglog::{Corrupt, encoding};

family! {
    /// The HyperLogLog commands.
    pub static COMMANDS;
    update Pfadd,
    update Pfcount,
    update Pfdebug,
    update Pfmerge,
    query Pfselftest,
}

/// Cost of a HyperLogLog that is read or merged: it has 16384 registers, but going through them is quick.
const REGISTERS_COST: usize = 64;

/// The registers of a value do not add up.
fn corrupt(_: Corrupt) -> CommandError {
    CommandError::text("INVALIDOBJ Corrupted HLL object detected")
}

/// Refuses a value that is no HyperLogLog at first sight.
fn check(text: Text<'_>) -> Result<&[u8], CommandError> {
    let bytes = match text {
        Text::Bytes(bytes) if encoding(bytes).is_some() => Some(bytes),
        Text::Bytes(_) | Text::Int(_) => None,
    };
    bytes.ok_or(CommandError::text("WRONGTYPE Key is not a valid HyperLogLog string value."))
}

/// The bytes of a HyperLogLog, to change; nothing if there is no such key.
fn write<'c>(cx: &'c mut UpdateContext<'_>, key: Key<'_>) -> Result<Option<&'c mut Vec<u8>>, CommandError> {
    let Some(entry) = cx.find_mut(key) else { return Ok(None) };
    check(entry.text().ok_or(CommandError::WrongType)?)?;
    Ok(Some(entry.make_raw()))
}
