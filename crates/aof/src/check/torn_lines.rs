//! Lines of a command that is not whole, counted like Redis's tool counts them.

use crate::disk::{DiskFile, read_exact_at};
use std::io;

/// Bytes of the longest line with a number.
const MAX_LINE: u64 = 32;

/// How many line ends of the command at `at` are there before it goes wrong, within `end`.
pub(super) fn torn_lines(file: &dyn DiskFile, at: u64, end: u64) -> io::Result<u64> {
    let Some((count, mut at)) = number_line(file, b'*', at, end)? else { return Ok(0) };
    let mut lines = 1;
    for _ in 0..count {
        let Some((length, start)) = number_line(file, b'$', at, end)? else { break };
        lines += 1;
        let Some(next) = start.checked_add(length).and_then(|next| next.checked_add(2)) else { break };
        if next > end {
            break;
        }
        let mut line_end = [0; 2];
        read_exact_at(file, &mut line_end, next - 2)?;
        if line_end != *b"\r\n" {
            break;
        }
        lines += 1;
        at = next;
    }
    Ok(lines)
}

/// The number of a whole line and where the next one begins.
fn number_line(file: &dyn DiskFile, prefix: u8, at: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = vec![0; MAX_LINE.min(end - at) as usize];
    read_exact_at(file, &mut bytes, at)?;
    let line = bytes.iter().position(|byte| *byte == b'\r').map(|length| bytes.split_at(length));
    let Some((line, [b'\r', b'\n', ..])) = line else { return Ok(None) };
    let digits = line.strip_prefix(&[prefix]).and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| digits.parse().ok());
    Ok(number.map(|number| (number, at + line.len() as u64 + 2)))
}
