//! What a command is, as data: its name, arity, grammar, keys, flags and documentation.
//!
//! A [`Spec`] is a constant that the `Command` derive (crate `spec-derive`) computes from the command's struct.
//! Everything that talks *about* commands reads it: `COMMAND INFO`, `COMMAND DOCS`, key extraction, access
//! control categories, the dispatcher's gates. The vocabulary is that of Redis's command tables, because
//! clients parse it.
//!
//! What is deliberately absent: parsing (crate `family`), execution, and any table of commands (the families
//! list their own).

#![forbid(unsafe_code)]

mod args;
mod flags;
mod keys;

pub use args::{ArgFlags, ArgKind, ArgSpec, Shape};
pub use flags::{Category, CommandFlags, DocFlag, Group};
pub use keys::{Begin, Find, FindReach, KeyFlags, KeySpec, Reach};

/// The description of one command or subcommand.
#[derive(Debug)]
pub struct Spec {
    /// Lower-case name; a subcommand's is `container|sub`.
    pub name: &'static str,
    /// First paragraph of the documentation.
    pub summary: &'static str,
    /// The Redis version that introduced it.
    pub since: &'static str,
    /// The documentation group.
    pub group: Group,
    /// Time complexity, as documented.
    pub complexity: &'static str,
    /// Words including the name; negative: at least that many.
    pub arity: i32,
    /// Flags beyond `readonly` and `write`, which the family table's word decides.
    pub flags: CommandFlags,
    /// Access control categories beyond those that follow from flags.
    pub categories: &'static [Category],
    /// Hints for clients and proxies, such as `nondeterministic_output`.
    pub tips: &'static [&'static str],
    /// Where the keys stand.
    pub keys: &'static [KeySpec],
    /// Finds what the unknown ones of them mean in a call.
    pub reach: Option<FindReach>,
    /// The grammar.
    pub args: &'static [ArgSpec],
    /// Version and change, oldest first.
    pub history: &'static [(&'static str, &'static str)],
    /// Documentation flags.
    pub doc_flags: &'static [DocFlag],
    /// Since when it is deprecated, or empty.
    pub deprecated_since: &'static str,
    /// What replaces it, or empty.
    pub replaced_by: &'static str,
}

impl Spec {
    /// The name without the container: `kill` of `client|kill`.
    #[must_use]
    pub fn leaf_name(&self) -> &'static str {
        self.name.rsplit_once('|').map_or(self.name, |(_, leaf)| leaf)
    }

    /// What a call reaches besides the keys that the specifications find.
    pub fn reach<'a>(&self, mut words: impl Iterator<Item = &'a [u8]>) -> Reach {
        self.reach.map_or_else(Reach::default, |find| find(&mut words))
    }

    /// Whether a call with `words` words (the name included) fits the arity.
    #[must_use]
    pub const fn accepts(&self, words: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { words == wanted } else { words >= wanted }
    }
}

/// The arity of a command whose required words (without name and container) are `required`.
#[must_use]
pub const fn arity(name_words: usize, shapes: &[Shape]) -> i32 {
    let mut required = name_words;
    let mut exact = true;
    let mut i = 0;
    while i < shapes.len() {
        required += shapes[i].min_words;
        exact &= shapes[i].is_fixed();
        i += 1;
    }
    if exact { required as i32 } else { -(required as i32) }
}

/// The word index at which the field after `shapes` begins.
#[must_use]
pub const fn position(name_words: usize, shapes: &[Shape]) -> i32 {
    let mut at = name_words;
    let mut i = 0;
    while i < shapes.len() {
        at += shapes[i].min_words;
        i += 1;
    }
    at as i32
}
