//! Was a place of a file ever durable? Seals further on know.
//!
//! A power cut leaves holes in what was not synced, and what stands behind a hole may be whole: that alone does not tell
//! damage from an interrupted write. But every seal says up to where its file was durable when it was written, so a seal
//! that proves itself and knows of the place tells.

use super::window::Window;
use crate::annotation::{LINE_LEN, LineKind, PREFIX, SealLine, sealed_front};
use crc_fast::{CrcAlgorithm, Digest};
use std::io;

/// How often the bytes behind the place may be read to prove seals. Only a file made for the purpose reaches it.
const MAX_PASSES: u64 = 4;

/// Whether a seal behind `at` proves that more than `at` bytes of the file were durable.
pub(super) fn was_durable(window: &Window, at: u64) -> io::Result<bool> {
    let mut budget = (window.end() - at).saturating_mul(MAX_PASSES);
    let mut from = at;
    while let Some(found) = find_prefix(window, from)? {
        let end = window.end();
        from = found + 1;
        if end - found < LINE_LEN as u64 {
            break;
        }
        let mut line = [0; LINE_LEN];
        let mut filled = 0;
        window.scan(found, found + LINE_LEN as u64, |piece| {
            line[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
            true
        })?;
        let Some((seal, crc)) = SealLine::decode(&line) else { continue };
        let behind = found + LINE_LEN as u64;
        let knows = seal.kind != LineKind::Resume && seal.durable > at;
        if seal.at != found || !knows || seal.length > end - behind {
            continue;
        }
        let Some(left) = budget.checked_sub(seal.length) else {
            // So many seals that prove nothing were not written by an interrupted writer.
            return Ok(true);
        };
        budget = left;
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(sealed_front(&line));
        window.scan(behind, behind + seal.length, |piece| {
            digest.update(piece);
            true
        })?;
        if digest.finalize() as u32 == crc {
            return Ok(true);
        }
    }
    Ok(false)
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
