//! Measuring a reply without building it, for whoever only counts replies (a load generator, a proxy).
//!
//! It looks at headers alone: the contents of lines are not judged, and nothing is allocated, whatever the nesting. Unlike
//! the decoder it keeps no state; an incomplete reply is measured from its start again.

use memchr::memchr;

use crate::decoder::{DecodeError, ReplyDecoder, bulk_at, read_length};
use crate::number::short_length;

/// The number of bytes of the reply at the start of `buf`; `None` if it goes on after them.
///
/// # Errors
/// A [`DecodeError`] when the bytes are no reply. A reply that passes here may still be one that [`ReplyDecoder`] refuses.
pub fn skip_reply(buf: &[u8]) -> Result<Option<usize>, DecodeError> {
    let mut pos = 0;
    let mut left = 1usize;
    while left > 0 {
        left -= 1;
        let Some(rest @ [sigil, header @ ..]) = buf.get(pos..) else { return Ok(None) };
        match sigil {
            b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' => match line_len(rest) {
                Some(len) => pos += len,
                None => return Ok(None),
            },
            b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                let (len, header_len) = match length(rest, header)? {
                    Length::Known(len, header_len) => (len, header_len + 1),
                    Length::Null(header_len) => {
                        pos += header_len + 1;
                        continue;
                    }
                    Length::Streamed => return skip_streamed(buf),
                    Length::Incomplete => return Ok(None),
                };
                pos += header_len;
                let more = match sigil {
                    b'*' | b'~' | b'>' => Some(len),
                    b'%' => len.checked_mul(2),
                    b'|' => len.checked_mul(2).and_then(|elements| elements.checked_add(1)),
                    _ => {
                        if bulk_at(buf, pos, len)?.is_none() {
                            return Ok(None);
                        }
                        pos += len + 2;
                        continue;
                    }
                };
                left = more.and_then(|more| left.checked_add(more)).ok_or(DecodeError::TooLong)?;
            }
            other => return Err(DecodeError::UnknownType(*other)),
        }
    }
    Ok(Some(pos))
}

/// Whether the reply at the start of `buf` is an error. One byte is enough to know.
#[inline]
pub fn reply_is_error(buf: &[u8]) -> bool {
    matches!(buf.first(), Some(b'-' | b'!'))
}

enum Length {
    /// The length, and the length of its line after the type byte.
    Known(usize, usize),
    /// `-1`, and the length of its line after the type byte.
    Null(usize),
    /// `?`
    Streamed,
    Incomplete,
}

/// The length in the header of `reply`, which is `header` without its type byte.
fn length(reply: &[u8], header: &[u8]) -> Result<Length, DecodeError> {
    if let Some((len, used)) = short_length(header)
        && header[used - 1] == b'\n'
    {
        return Ok(Length::Known(len, used));
    }
    let Some(line_len) = line_len(reply) else { return Ok(Length::Incomplete) };
    let used = line_len - 1;
    match &header[..used - 2] {
        b"-1" if matches!(reply[0], b'$' | b'*') => Ok(Length::Null(used)),
        b"?" => Ok(Length::Streamed),
        digits => read_length(digits).map(|len| Length::Known(len, used)),
    }
}

/// Length of the line at the start of `buf` with its end; a lone carriage return does not end it.
fn line_len(buf: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + memchr(b'\r', &buf[from..])?;
        if *buf.get(end + 1)? == b'\n' {
            return Some(end + 2);
        }
        from = end + 1;
    }
}

/// Streams are rare and need a stack; the decoder has one.
#[cold]
fn skip_streamed(buf: &[u8]) -> Result<Option<usize>, DecodeError> {
    Ok(ReplyDecoder::default().decode(buf)?.map(|(_, len)| len))
}
