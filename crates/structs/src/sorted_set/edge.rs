//! Where a search divides the order: edges, and the bounds of range commands that become edges.
//!
//! Every question to the tree is the same one: *how many elements lie left of this edge?* The rank of a member, the
//! place for a new one, `ZCOUNT` and the ends of each range differ only in the edge. On its way down a search first
//! asks the [`Landmark`] of each subtree, sixteen bytes inside the inner node; only when score and the first eight
//! bytes of the member tie does it have to look at the element itself.

use super::element::Element;

/// One end of a range of scores. The infinities are ordinary values here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoreBound {
    /// The score itself belongs to the range.
    Inclusive(f64),
    /// The range ends just before (or begins just after) the score.
    Exclusive(f64),
}

/// One end of a range of members, meaningful when all scores are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member (`-`).
    Min,
    /// Behind every member (`+`).
    Max,
    /// The member itself belongs to the range (`[member`).
    Inclusive(&'a [u8]),
    /// The range ends just before (or begins just after) the member (`(member`).
    Exclusive(&'a [u8]),
}

/// Score and first bytes of an element: enough to decide most comparisons without touching it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Landmark {
    score: f64,
    prefix: u64,
}

impl Landmark {
    /// The landmark of a subtree about to receive its first element.
    pub(super) const NONE: Self = Self { score: 0.0, prefix: 0 };

    /// The landmark of an element.
    pub(super) fn of(element: &Element) -> Self {
        Self { score: element.score(), prefix: prefix(element.member()) }
    }
}

/// A division of the order: some elements lie left of it, all others right.
pub(super) trait Edge {
    /// Whether the element lies left of the edge.
    fn is_right_of(&self, element: &Element) -> bool;

    /// The same for an element of which only the landmark is at hand; `None` when that does not decide.
    fn is_right_of_landmark(&self, landmark: Landmark) -> Option<bool>;
}

/// The edge just behind one score and member: what equals it lies left.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyEdge<'a> {
    score: f64,
    prefix: u64,
    member: &'a [u8],
}

impl<'a> KeyEdge<'a> {
    /// The edge behind this score and member.
    pub(super) fn behind(score: f64, member: &'a [u8]) -> Self {
        Self { score, prefix: prefix(member), member }
    }

    /// The landmark of an element with this score and member.
    pub(super) fn landmark(&self) -> Landmark {
        Landmark { score: self.score, prefix: self.prefix }
    }
}

impl Edge for KeyEdge<'_> {
    fn is_right_of(&self, element: &Element) -> bool {
        element.order(self.score, self.member).is_le()
    }

    fn is_right_of_landmark(&self, landmark: Landmark) -> Option<bool> {
        if landmark.score != self.score {
            Some(landmark.score < self.score)
        } else if landmark.prefix != self.prefix {
            Some(landmark.prefix < self.prefix)
        } else {
            None
        }
    }
}

/// An edge between two scores.
#[derive(Debug, Clone, Copy)]
pub(super) enum ScoreEdge {
    /// Elements of this score lie right.
    Before(f64),
    /// Elements of this score lie left.
    Behind(f64),
}

impl ScoreEdge {
    /// The edge at which a range with this lower bound begins.
    pub(super) fn at_start(min: ScoreBound) -> Self {
        match min {
            ScoreBound::Inclusive(score) => Self::Before(score),
            ScoreBound::Exclusive(score) => Self::Behind(score),
        }
    }

    /// The edge at which a range with this upper bound ends.
    pub(super) fn at_end(max: ScoreBound) -> Self {
        match max {
            ScoreBound::Inclusive(score) => Self::Behind(score),
            ScoreBound::Exclusive(score) => Self::Before(score),
        }
    }

    /// Whether elements of this score lie left of the edge.
    pub(super) fn is_right_of_score(self, score: f64) -> bool {
        match self {
            Self::Before(edge) => score < edge,
            Self::Behind(edge) => score <= edge,
        }
    }
}

impl Edge for ScoreEdge {
    fn is_right_of(&self, element: &Element) -> bool {
        self.is_right_of_score(element.score())
    }

    fn is_right_of_landmark(&self, landmark: Landmark) -> Option<bool> {
        Some(self.is_right_of_score(landmark.score))
    }
}

/// An edge between two members, whatever their scores.
#[derive(Debug, Clone, Copy)]
pub(super) enum LexEdge<'a> {
    /// Left of everything.
    Start,
    /// Right of everything.
    End,
    /// The member lies right.
    Before(&'a [u8]),
    /// The member lies left.
    Behind(&'a [u8]),
}

impl<'a> LexEdge<'a> {
    /// The edge at which a range with this lower bound begins.
    pub(super) fn at_start(min: LexBound<'a>) -> Self {
        match min {
            LexBound::Min => Self::Start,
            LexBound::Max => Self::End,
            LexBound::Inclusive(member) => Self::Before(member),
            LexBound::Exclusive(member) => Self::Behind(member),
        }
    }

    /// The edge at which a range with this upper bound ends.
    pub(super) fn at_end(max: LexBound<'a>) -> Self {
        match max {
            LexBound::Min => Self::Start,
            LexBound::Max => Self::End,
            LexBound::Inclusive(member) => Self::Behind(member),
            LexBound::Exclusive(member) => Self::Before(member),
        }
    }

    /// Whether this member lies left of the edge.
    pub(super) fn is_right_of_member(&self, member: &[u8]) -> bool {
        match *self {
            Self::Start => false,
            Self::End => true,
            Self::Before(edge) => member < edge,
            Self::Behind(edge) => member <= edge,
        }
    }
}

impl Edge for LexEdge<'_> {
    fn is_right_of(&self, element: &Element) -> bool {
        self.is_right_of_member(element.member())
    }

    fn is_right_of_landmark(&self, landmark: Landmark) -> Option<bool> {
        match *self {
            Self::Start => Some(false),
            Self::End => Some(true),
            Self::Before(edge) | Self::Behind(edge) => {
                let edge = prefix(edge);
                (landmark.prefix != edge).then_some(landmark.prefix < edge)
            }
        }
    }
}

/// The first eight bytes as a number that sorts like them; a shorter member is filled up with zeros. Unequal
/// prefixes order their members, equal ones say nothing.
fn prefix(member: &[u8]) -> u64 {
    match member.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut padded = [0; 8];
            padded[..member.len()].copy_from_slice(member);
            u64::from_be_bytes(padded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, KeyEdge, Landmark, LexEdge, ScoreEdge, prefix};
    use crate::sorted_set::element::Element;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn unequal_prefixes_order_their_members(
            a in prop::collection::vec(0..3u8, 0..11), b in prop::collection::vec(0..3u8, 0..11)
        ) {
            if prefix(&a) != prefix(&b) {
                prop_assert_eq!(prefix(&a) < prefix(&b), a < b);
            }
            prop_assert!(a != b || prefix(&a) == prefix(&b));
        }

        #[test]
        fn a_landmark_never_decides_otherwise_than_its_element(
            a in prop::collection::vec(0..2u8, 0..10), b in prop::collection::vec(0..2u8, 0..10),
            score in -1..2i8, other in -1..2i8, behind in any::<bool>(),
        ) {
            let element = Element::new(&a, f64::from(score));
            let landmark = Landmark::of(&element);
            let other = f64::from(other);
            let score_edge = if behind { ScoreEdge::Behind(other) } else { ScoreEdge::Before(other) };
            let lex_edge = if behind { LexEdge::Behind(&b) } else { LexEdge::Before(&b) };
            let edges: [&dyn Edge; 5] =
                [&KeyEdge::behind(other, &b), &score_edge, &lex_edge, &LexEdge::Start, &LexEdge::End];
            for edge in edges {
                if let Some(decision) = edge.is_right_of_landmark(landmark) {
                    prop_assert_eq!(decision, edge.is_right_of(&element));
                }
            }
        }
    }
}
