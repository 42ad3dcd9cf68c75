//! `DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]`, `DELIFEQ key value`, `DIGEST key`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Query, QueryContext, Reply, Update,
    UpdateContext, Words, is_token,
};

use super::compare::{Comparison, digest};
use crate::arguments::key;

const CONDITION: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::String).arg("ifeq-value", "IFEQ"),
        Shape::word(ArgKind::String).arg("ifne-value", "IFNE"),
        Shape::word(ArgKind::String).arg("ifdeq-digest", "IFDEQ"),
        Shape::word(ArgKind::String).arg("ifdne-digest", "IFDNE"),
    ],
    ..Shape::word(ArgKind::OneOf)
}
.or_absent()
.arg("condition", "");

/// Removes a key, if it holds what is expected.
#[derive(Command)]
#[command(group = String, since = "8.4.0", flags(fast), manual, arity = -2)]
#[command(complexity = "O(1), O(N) for the digest of a string of N bytes", args = &[key("key", 0), CONDITION])]
pub(super) struct Delex<'a> {
    #[key(rw, delete, variable_flags)]
    key: Key<'a>,
    comparison: Option<Comparison<'a>>,
}

/// Removes a key if it holds a certain string.
#[derive(Command)]
#[command(group = String, since = "9.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Delifeq<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    value: &'a [u8],
}

/// Returns the digest of a string: 16 hexadecimal digits of XXH3.
#[derive(Command)]
#[command(group = String, since = "8.4.0", complexity = "O(N) for a string of N bytes", flags(fast))]
pub(super) struct Digest<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl<'a> Parse<'a> for Delex<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        if !matches!(words.len(), 0 | 2) {
            return Err(CommandError::Arity);
        }
        let Ok(token) = words.take() else { return Ok(Self { key, comparison: None }) };
        let value = words.take()?;
        let comparison = match token {
            _ if is_token(token, "IFEQ") => Comparison::Equal(value),
            _ if is_token(token, "IFNE") => Comparison::Unequal(value),
            _ if is_token(token, "IFDEQ") => Comparison::DigestEqual(value),
            _ if is_token(token, "IFDNE") => Comparison::DigestUnequal(value),
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { key, comparison: Some(comparison) })
    }
}

impl Update for Delex<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        const NO_STRING: CommandError =
            CommandError::text("ERR Key should be of string type if conditions are specified");
        remove_if(cx, self.key, self.comparison, NO_STRING, out)
    }
}

impl Update for Delifeq<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let comparison = Some(Comparison::Equal(self.value));
        remove_if(cx, self.key, comparison, CommandError::WrongType, out)
    }
}

fn remove_if(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    comparison: Option<Comparison<'_>>,
    no_string: CommandError,
    out: &mut Encoder,
) -> Reply {
    let is_met = match (cx.find_mut(key), comparison) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(entry), Some(comparison)) => comparison.is_met(Some(entry.text().ok_or(no_string)?))?,
    };
    if is_met {
        cx.remove(key);
        cx.changed(key, EventClass::Generic, "del");
        cx.propagate_as([b"DEL", key.bytes]);
    }
    out.integer(i64::from(is_met));
    Ok(())
}

impl Query for Digest<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.text(self.key)? {
            Some(text) => out.bulk(digest(text).as_bytes()),
            None => out.null(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_key_is_removed_if_it_holds_what_is_expected() {
        let mut server = Server::new();
        server.run("MSET a abc n 11");
        assert_eq!(server.run("DIGEST a"), "$16\r\n78af5f94892f3950\r\n");
        assert_eq!(server.run("DIGEST none"), "$-1\r\n");
        assert_eq!(server.run("DELEX n IFEQ 12"), ":0\r\n");
        assert_eq!(server.run("DELEX n IFNE 11"), ":0\r\n");
        assert_eq!(server.run("DELEX n IFEQ 11"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["del"], vec!["DEL n".into()]));
        assert_eq!(server.run("DELEX n"), ":0\r\n");
        assert_eq!(server.run("DELEX a IFDNE 78af5f94892f3950"), ":0\r\n");
        assert_eq!(server.run("DELEX a IFDEQ 78AF5F94892F3950"), ":1\r\n");
        server.run("SET a x");
        assert_eq!(server.run("DELIFEQ a y"), ":0\r\n");
        assert_eq!(server.run("DELIFEQ a x"), ":1\r\n");
        assert_eq!(server.run("DELIFEQ a x"), ":0\r\n");
    }

    #[test]
    fn only_strings_are_compared() {
        let mut server = Server::new();
        server.run("HSET h f v");
        let no_string = "-ERR Key should be of string type if conditions are specified\r\n";
        assert_eq!(server.run("DELEX h IFDEQ dead"), no_string);
        assert!(server.run("DELIFEQ h x").starts_with("-WRONGTYPE"));
        assert!(server.run("DIGEST h").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("DELEX h IFEQ"), "-ERR wrong number of arguments for 'delex' command\r\n");
        assert_eq!(server.run("DELEX h IFGT 1"), "-ERR syntax error\r\n");
        assert_eq!(server.run("DELEX h"), ":1\r\n");
    }
}
