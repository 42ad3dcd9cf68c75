//! Members with or without their scores, as replies show them.

use std::borrow::Cow;

use spinel_family::{Encoder, Protocol};
use spinel_structs::listpack::ListpackValue;
use spinel_structs::number::IntBuffer;

/// A member in whatever shape it is at hand.
pub(super) trait Shown {
    /// Writes it as a byte string.
    fn show(&self, out: &mut Encoder);
}

impl Shown for ListpackValue<'_> {
    fn show(&self, out: &mut Encoder) {
        out.bulk(self.to_bytes(&mut IntBuffer::new()));
    }
}

impl Shown for Cow<'_, [u8]> {
    fn show(&self, out: &mut Encoder) {
        out.bulk(self);
    }
}

/// Writes the head of an array of so many members.
pub(super) fn reply_len(members: usize, with_scores: bool, out: &mut Encoder) {
    let flat = with_scores && out.protocol() == Protocol::Resp2;
    out.array(if flat { members * 2 } else { members });
}

/// Writes one member of such an array. With its score it is a pair: one after the other in RESP2, an array of two
/// in RESP3 (a map would lose the order).
pub(super) fn reply_member(member: &impl Shown, score: f64, with_scores: bool, out: &mut Encoder) {
    if with_scores && out.protocol() != Protocol::Resp2 {
        out.array(2);
    }
    member.show(out);
    if with_scores {
        out.double(score);
    }
}

/// Writes an array of members.
pub(super) fn reply_members<M: Shown>(
    members: impl ExactSizeIterator<Item = (M, f64)>,
    with_scores: bool,
    out: &mut Encoder,
) {
    reply_len(members.len(), with_scores, out);
    for (member, score) in members {
        reply_member(&member, score, with_scores, out);
    }
}
