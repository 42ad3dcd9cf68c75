//! What the commands about consumer groups share: finding a group, and the errors when there is none.

use spinel_family::{CommandError, Encoder, Key, QueryContext, Words, printed};
use spinel_store::Stream;
use spinel_structs::stream::Group;

/// Bytes of a subcommand's name that an error repeats.
const QUOTED_MAX: usize = 128;

/// The group's key is there, the group is not.
pub(super) fn no_group_of_key(key: Key<'_>, group: &[u8]) -> CommandError {
    quoting(&[
        b"NOGROUP No such consumer group '",
        printed(group),
        b"' for key name '",
        printed(key.bytes),
        b"'",
    ])
}

/// The key or the group is not there. `end` ends the sentence.
pub(super) fn no_key_or_group(key: Key<'_>, group: &[u8], end: &str) -> CommandError {
    let (key, group) = (printed(key.bytes), printed(group));
    quoting(&[b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", end.as_bytes()])
}

/// The words of a subcommand do not fit it.
pub(super) fn subcommand_misused(command: &str, words: Words<'_>) -> CommandError {
    let subcommand = printed(words.of_command(1).unwrap_or_default());
    let shown = &subcommand[..subcommand.len().min(QUOTED_MAX)];
    let end = format!("'. Try {command} HELP.");
    quoting(&[b"ERR unknown subcommand or wrong number of arguments for '", shown, end.as_bytes()])
}

/// An error with words of the client's; line breaks in them become blanks, as in Redis.
fn quoting(parts: &[&[u8]]) -> CommandError {
    let text = parts.concat().into_iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
    CommandError::Quoting(text.collect())
}

/// The group of a key to read, with its stream.
pub(super) fn find<'c>(
    cx: &'c QueryContext<'_>,
    key: Key<'_>,
    group: &[u8],
) -> Result<Option<(&'c Stream, &'c Group)>, CommandError> {
    let stream = cx.read::<Stream>(key)?;
    Ok(stream.and_then(|stream| Some((stream, stream.group(group)?))))
}

/// Lines of help.
pub(super) fn reply_help(lines: &[&str], out: &mut Encoder) {
    out.array(lines.len());
    lines.iter().for_each(|line| out.simple(line));
}
