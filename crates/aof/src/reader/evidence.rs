//! Seals that prove themselves, found anywhere in a file: what damage cuts off, and whether a place was ever durable.
//!
//! A power cut leaves holes in what was not synced, and what stands behind a hole may be whole: that alone does not tell
//! damage from an interrupted write. But every seal says up to where its file was durable when it was written, so a seal
//! that proves itself and knows of the place tells.

use super::window::Window;
use crate::annotation::{LINE_LEN, LineKind, PREFIX, SealLine, sealed_front};
use crc_fast::{CrcAlgorithm, Digest};
use std::io;
use std::ops::ControlFlow;

/// How often the bytes behind the place may be read to prove seals. Only a file made for the purpose reaches it.
const MAX_PASSES: u64 = 4;

/// How a search ended.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// The visitor saw enough.
    Stopped,
    /// At the end of the file.
    Done,
    /// Too many seals prove nothing: an interrupted writer does not leave such a file.
    GivenUp,
}

/// Whether a seal behind `at` proves that more than `at` bytes of the file were durable.
pub(super) fn was_durable(window: &Window, at: u64) -> io::Result<bool> {
    let wanted = |seal: &SealLine| seal.kind != LineKind::Resume && seal.durable > at;
    let search = proven_seals(window, at, wanted, |_| ControlFlow::Break(()))?;
    Ok(search != Search::Done)
}

/// Shows the seals behind `from` that are `wanted` and prove themselves.
pub(super) fn proven_seals(
    window: &Window,
    from: u64,
    wanted: impl Fn(&SealLine) -> bool,
    mut visit: impl FnMut(&SealLine) -> ControlFlow<()>,
) -> io::Result<Search> {
    let end = window.end();
    let mut budget = (end - from).saturating_mul(MAX_PASSES);
    let mut from = from;
    while let Some(found) = find_prefix(window, from)? {
        from = found + 1;
        let behind = found + LINE_LEN as u64;
        if behind > end {
            break;
        }
        let line = read_line(window, found)?;
        let Some((seal, crc)) = SealLine::decode(&line) else { continue };
        if seal.at != found || seal.length > end - behind || !wanted(&seal) {
            continue;
        }
        let Some(left) = budget.checked_sub(seal.length) else { return Ok(Search::GivenUp) };
        budget = left;
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(sealed_front(&line));
        window.scan(behind, behind + seal.length, |piece| {
            digest.update(piece);
            true
        })?;
        if digest.finalize() as u32 == crc {
            if visit(&seal).is_break() {
                return Ok(Search::Stopped);
            }
            from = behind + seal.length;
        }
    }
    Ok(Search::Done)
}

fn read_line(window: &Window, at: u64) -> io::Result<[u8; LINE_LEN]> {
    let mut line = [0; LINE_LEN];
    let mut filled = 0;
    window.scan(at, at + LINE_LEN as u64, |piece| {
        line[filled..filled + piece.len()].copy_from_slice(piece);
        filled += piece.len();
        true
    })?;
    Ok(line)
}

/// Where the next seal may begin, at `from` or behind.
fn find_prefix(window: &Window, from: u64) -> io::Result<Option<u64>> {
    let keep = PREFIX.len() - 1;
    let (mut at, mut carried, mut found) = (from, Vec::new(), None);
    window.scan(from, window.end(), |piece| {
        let before = carried.len();
        carried.extend_from_slice(piece);
        found = memchr::memmem::find(&carried, PREFIX).map(|index| at - before as u64 + index as u64);
        at += piece.len() as u64;
        carried.drain(..carried.len().saturating_sub(keep));
        found.is_none()
    })?;
    Ok(found)
}
