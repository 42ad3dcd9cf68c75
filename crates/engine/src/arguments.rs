//! Arguments of `COMMAND DOCS` for the commands whose fields cannot say them.
//!
//! The derive describes a command by its fields. Where Redis reads its words in another way than it documents them,
//! the command takes them as they come and says its arguments by these functions.

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec};

/// An argument of that name.
pub(crate) const fn argument(name: &'static str, kind: ArgKind, token: &'static str) -> ArgSpec {
    ArgSpec {
        name,
        kind,
        token,
        since: "",
        deprecated_since: "",
        flags: ArgFlags { optional: false, multiple: false, multiple_token: false },
        key_spec: None,
        children: &[],
        spread: false,
    }
}

/// A token without a value.
pub(crate) const fn token(name: &'static str, token: &'static str) -> ArgSpec {
    argument(name, ArgKind::PureToken, token)
}

/// One of several.
pub(crate) const fn one_of(name: &'static str, token: &'static str, children: &'static [ArgSpec]) -> ArgSpec {
    ArgSpec { children, ..argument(name, ArgKind::OneOf, token) }
}

/// The same argument, optional and introduced in a version.
pub(crate) const fn optional(since: &'static str, arg: ArgSpec) -> ArgSpec {
    ArgSpec { since, flags: ArgFlags { optional: true, ..arg.flags }, ..arg }
}

/// The same argument, repeated.
pub(crate) const fn multiple(arg: ArgSpec) -> ArgSpec {
    ArgSpec { flags: ArgFlags { multiple: true, ..arg.flags }, ..arg }
}
