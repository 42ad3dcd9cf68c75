//! The grammar of a command as a tree of arguments, in the terms of `COMMAND DOCS`.

use crate::keys::Find;

/// What kind of word an argument takes; names as in `COMMAND DOCS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// The name of a key.
    Key,
    /// A byte string.
    String,
    /// A 64-bit signed integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A glob pattern.
    Pattern,
    /// A Unix time.
    UnixTime,
    /// A token without a value.
    PureToken,
    /// One of its children.
    OneOf,
    /// All of its children, in order.
    Block,
}

impl ArgKind {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// Optionality and repetition of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArgFlags {
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Repeats together with its token.
    pub multiple_token: bool,
}

/// One argument of a command.
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    /// Name in the documentation.
    pub name: &'static str,
    /// What it takes.
    pub kind: ArgKind,
    /// The token before it, or empty.
    pub token: &'static str,
    /// The version that introduced it, or empty.
    pub since: &'static str,
    /// Since when it is deprecated, or empty.
    pub deprecated_since: &'static str,
    /// Optionality and repetition.
    pub flags: ArgFlags,
    /// The index of its key spec, for keys.
    pub key_spec: Option<usize>,
    /// The parts of a block, the choices of a one-of.
    pub children: &'static [ArgSpec],
    /// A block whose parts stand in its place.
    pub spread: bool,
}

/// What a Rust type contributes to the grammar: the associated constant of a field's type.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What it takes.
    pub kind: ArgKind,
    /// The fewest words it takes.
    pub min_words: usize,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The parts or choices.
    pub children: &'static [ArgSpec],
    /// How keys are found from where it begins, for types that hold keys.
    pub find: Find,
    /// It stands in the documentation as several arguments beside one another (a count and what it counts).
    pub spread: bool,
}

impl Shape {
    /// A single word of the given kind.
    #[must_use]
    pub const fn word(kind: ArgKind) -> Self {
        Self {
            kind,
            min_words: 1,
            optional: false,
            multiple: false,
            children: &[],
            find: Find::Unknown,
            spread: false,
        }
    }

    /// This shape, optional.
    #[must_use]
    pub const fn or_absent(self) -> Self {
        Self { min_words: 0, optional: true, ..self }
    }

    /// This shape, one or more times.
    #[must_use]
    pub const fn repeated(self) -> Self {
        Self { multiple: true, ..self }
    }

    /// Takes always the same number of words.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        !self.optional && !self.multiple
    }

    /// The argument that a field of this shape is.
    #[must_use]
    pub const fn arg(self, name: &'static str, token: &'static str) -> ArgSpec {
        ArgSpec {
            name,
            kind: self.kind,
            token,
            since: "",
            deprecated_since: "",
            flags: ArgFlags { optional: self.optional, multiple: self.multiple, multiple_token: false },
            key_spec: None,
            children: self.children,
            spread: self.spread,
        }
    }
}
