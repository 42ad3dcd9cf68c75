//! `LEFT | RIGHT`: the end of a list that a command takes from or adds to, with the words that go with it.

use spinel_family::spec::Shape;
use spinel_family::{Choice, CommandError, Encoder, Field, Words};
use spinel_store::{End, ListElement};

/// An end of a list.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    #[arg(token = "LEFT")]
    Left,
    #[arg(token = "RIGHT")]
    Right,
}

impl<'a> Field<'a> for Side {
    const SHAPE: Shape = <Self as Choice<'a>>::SHAPE;

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let word = words.peek().ok_or(CommandError::Syntax)?;
        Self::take(word, words)?.ok_or(CommandError::Syntax)
    }
}

impl Side {
    /// The end itself.
    pub(super) const fn end(self) -> End {
        match self {
            Self::Left => End::Front,
            Self::Right => End::Back,
        }
    }

    /// The word on the wire.
    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Left => "LEFT",
            Self::Right => "RIGHT",
        }
    }

    /// The event of adding here.
    pub(super) const fn push_event(self) -> &'static str {
        match self {
            Self::Left => "lpush",
            Self::Right => "rpush",
        }
    }

    /// The command that adds here.
    pub(super) const fn push_command(self) -> &'static str {
        match self {
            Self::Left => "LPUSH",
            Self::Right => "RPUSH",
        }
    }

    /// The event of taking from here.
    pub(super) const fn pop_event(self) -> &'static str {
        match self {
            Self::Left => "lpop",
            Self::Right => "rpop",
        }
    }

    /// The command that takes from here.
    pub(super) const fn pop_command(self) -> &'static str {
        match self {
            Self::Left => "LPOP",
            Self::Right => "RPOP",
        }
    }
}

/// Replies with an element.
pub(super) fn reply_element(element: ListElement<'_>, out: &mut Encoder) {
    match element {
        ListElement::Int(n) => out.bulk_integer(n),
        ListElement::Bytes(bytes) => out.bulk(bytes),
    }
}
