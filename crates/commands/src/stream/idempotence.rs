//! `IDMPAUTO producer | IDMP producer message`: how a producer names a message, so that sending it twice adds it once.

use std::borrow::Cow;

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Words, is_token};
use spinel_structs::xxh3;

use super::arguments::{NewId, choice, group, word};
use super::xadd::Content;

const TWICE: CommandError = CommandError::text("ERR syntax error, IDMP/IDMPAUTO specified multiple times");
const NOT_AUTO: CommandError =
    CommandError::text("ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs");
const NO_PRODUCER: CommandError =
    CommandError::text("ERR syntax error, IDMP requires a non-empty producer ID");
const NO_PRODUCER_AUTO: CommandError =
    CommandError::text("ERR syntax error, IDMPAUTO requires a non-empty producer ID");
const NO_MESSAGE: CommandError =
    CommandError::text("ERR syntax error, IDMP requires a non-empty idempotent ID");

/// `IDMPAUTO pid | IDMP pid iid`
pub(super) const IDEMPOTENCE: ArgSpec = Shape {
    children: &[
        group(
            ArgKind::Block,
            "idmpauto-with-pid",
            &[choice("idmpauto-token", "IDMPAUTO"), word("pid", ArgKind::String)],
        ),
        group(
            ArgKind::Block,
            "idmp-with-pid-iid",
            &[choice("idmp-token", "IDMP"), word("pid", ArgKind::String), word("iid", ArgKind::String)],
        ),
    ],
    ..Shape::word(ArgKind::OneOf)
}
.or_absent()
.arg("idmp", "");

/// What a producer says of a message.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// Who it is.
    pub(super) producer: &'a [u8],
    /// The message's name, unless its content is.
    message: Option<&'a [u8]>,
}

impl<'a> Said<'a> {
    /// Reads the option if the next words are one.
    pub(super) fn take(said: &mut Option<Self>, words: &mut Words<'a>) -> Result<bool, CommandError> {
        let named = match words.peek() {
            Some(name) if is_token(name, "IDMP") && words.len() > 2 => true,
            Some(name) if is_token(name, "IDMPAUTO") && words.len() > 1 => false,
            _ => return Ok(false),
        };
        if said.is_some() {
            return Err(TWICE);
        }
        words.skip_one();
        let producer = words.take()?;
        let message = if named { Some(words.take()?) } else { None };
        *said = Some(Self { producer, message });
        Ok(true)
    }

    /// Words of the option behind its name, if this is it.
    pub(super) fn words_behind(name: &[u8]) -> usize {
        if is_token(name, "IDMP") { 2 } else { usize::from(is_token(name, "IDMPAUTO")) }
    }

    /// Looks whether what was said makes sense. A log has the ID that was given.
    pub(super) fn check(&self, id: NewId, is_replayed: bool) -> Result<(), CommandError> {
        match self.message {
            None if self.producer.is_empty() => Err(NO_PRODUCER_AUTO),
            Some(_) if self.producer.is_empty() => Err(NO_PRODUCER),
            Some(b"") => Err(NO_MESSAGE),
            _ if id != NewId::Auto && !is_replayed => Err(NOT_AUTO),
            _ => Ok(()),
        }
    }

    /// The message's name.
    pub(super) fn message(&self, content: Content<'a>) -> Cow<'a, [u8]> {
        match self.message {
            Some(message) => Cow::Borrowed(message),
            None => Cow::Owned(name_of(content.pairs().collect()).to_vec()),
        }
    }
}

/// A name for a content, the same in whatever order its fields are.
fn name_of(mut pairs: Vec<(&[u8], &[u8])>) -> [u8; 16] {
    pairs.sort_unstable();
    let mut bytes = Vec::new();
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    let low = xxh3::hash(&bytes);
    // The other half is that of the same bytes behind the first.
    bytes.splice(0..0, low.to_le_bytes());
    let high = xxh3::hash(&bytes);
    ((u128::from(high) << 64) | u128::from(low)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_known_by_its_fields_in_any_order() {
        let name = |pairs: &[(&[u8], &[u8])]| name_of(pairs.to_vec());
        let both = name(&[(b"a", b"1"), (b"b", b"2")]);
        assert_eq!(both, name(&[(b"b", b"2"), (b"a", b"1")]));
        for other in [
            name(&[(b"a", b"1")]),
            name(&[(b"a", b"2"), (b"b", b"1")]),
            name(&[(b"a", b"1"), (b"b", b"2"), (b"b", b"2")]),
            name(&[(b"a1", b""), (b"b", b"2")]),
        ] {
            assert_ne!(both, other);
        }
    }
}
