//! Ports for parallel runs: a block of them per job, reserved for as long as the job lasts.
//!
//! The reservation is a listener on the block's first port, which the operating system grants to one process only; so
//! several runs of this program on one machine do not meet. Blocks lie below the range of ephemeral ports.

use crate::Outcome;
use std::net::TcpListener;

/// The first port of all blocks, the number of blocks and their size.
const FIRST: u16 = 20_500;
const BLOCKS: u16 = 22;
const SIZE: u16 = 500;

/// A reserved block of ports.
#[derive(Debug)]
pub(crate) struct PortBlock {
    base: u16,
    _reservation: TcpListener,
}

impl PortBlock {
    /// Takes the first free block.
    pub(crate) fn reserve() -> Outcome<PortBlock> {
        (0..BLOCKS)
            .map(|index| FIRST + index * SIZE)
            .find_map(|base| {
                let listener = TcpListener::bind(("127.0.0.1", base)).ok()?;
                Some(PortBlock { base, _reservation: listener })
            })
            .ok_or_else(|| format!("all {BLOCKS} port blocks from {FIRST} are in use"))
    }

    /// A port for one server.
    pub(crate) fn server(&self) -> u16 {
        self.base + 1
    }

    /// The Tcl suite's `--baseport`; it uses the 32 ports before it for itself.
    pub(crate) fn tcl_base(&self) -> u16 {
        self.base + 40
    }

    /// The Tcl suite's `--portcount`.
    pub(crate) fn tcl_count(&self) -> u16 {
        SIZE - 60
    }
}

#[cfg(test)]
mod tests {
    use super::PortBlock;

    #[test]
    fn two_reservations_never_share_a_block() {
        let first = PortBlock::reserve().unwrap();
        let second = PortBlock::reserve().unwrap();
        assert_ne!(first.server(), second.server());
        assert!(first.tcl_base() + first.tcl_count() <= first.server() + 500);
    }
}
