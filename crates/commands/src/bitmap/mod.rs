//! The bitmap commands: strings as arrays of bits, counted from the highest bit of the first byte.

mod bitcount;
mod bitfield;
mod bitop;
mod bitpos;
mod field;
mod growing;
mod offset;
mod setbit;

use bitcount::Bitcount;
use bitfield::{Bitfield, BitfieldRo};
use bitop::Bitop;
use bitpos::Bitpos;
use setbit::{Getbit, Setbit};
use spinel_family::family;

family! {
    /// The bitmap commands.
    pub static COMMANDS;
    query Bitcount,
    update Bitfield,
    query BitfieldRo,
    update Bitop,
    query Bitpos,
    query Getbit,
    update Setbit,
}

/// Bytes that take as long to count or combine as touching one element.
const BYTES_PER_ELEMENT: usize = 512;
