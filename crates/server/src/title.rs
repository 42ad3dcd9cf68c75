//! The process's title, as `ps` shows it.
//!
//! Linux shows the bytes where the arguments were put at the start, and goes on into the environment behind them when the
//! last byte of the arguments is not zero. A title is written over both, as far as it is long. That is done through
//! `/proc/self/mem`, which needs no unsafe code: nobody looks at arguments and environment once the server has started
//! (the log has its time zone by then), and what is left of them are strings still, since the last zero stays.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

/// The place of the title.
#[derive(Debug)]
pub(crate) struct TitleSpace {
    memory: File,
    start: u64,
    /// Bytes of the arguments.
    arguments: usize,
    /// Bytes of arguments and environment.
    all: usize,
}

impl TitleSpace {
    /// Finds the place; an error where the system does not show it.
    pub(crate) fn find() -> io::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let (start, arguments, all) = places(&stat).ok_or(io::ErrorKind::Unsupported)?;
        let memory = OpenOptions::new().write(true).open("/proc/self/mem")?;
        Ok(Self { memory, start, arguments, all })
    }

    /// Shows a title, cut where the place ends.
    pub(crate) fn show(&self, title: &[u8]) -> io::Result<()> {
        self.memory.write_all_at(&fitted(title, self.arguments, self.all), self.start)
    }
}

/// The title with a zero behind it, filled up with zeros to the length of the arguments.
fn fitted(title: &[u8], arguments: usize, all: usize) -> Vec<u8> {
    let mut bytes = title[..title.len().min(all.saturating_sub(1))].to_vec();
    bytes.resize((bytes.len() + 1).max(arguments).min(all), 0);
    bytes
}

/// Where the arguments begin, their length, and that of arguments and environment, if the one follows the other.
fn places(stat: &str) -> Option<(u64, usize, usize)> {
    // The second field, the name in parentheses, may have blanks. Arguments are at fields 48 and 49, counted from 1, the
    // environment at 50 and 51.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(45).map(|field| field.parse::<u64>().ok());
    let mut next = || fields.next().flatten().filter(|address| *address > 0);
    let (start, end, environment, environment_end) = (next()?, next()?, next()?, next()?);
    let arguments = usize::try_from(end.checked_sub(start)?).ok()?;
    let all = if environment == end { environment_end.checked_sub(start)? } else { arguments as u64 };
    Some((start, arguments, usize::try_from(all).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_fills_the_arguments_and_ends_before_the_end() {
        assert_eq!(fitted(b"ab", 4, 8), b"ab\0\0");
        assert_eq!(fitted(b"abcd", 4, 8), b"abcd\0");
        assert_eq!(fitted(b"abcdefghijk", 4, 8), b"abcdefg\0");
    }

    #[test]
    fn the_places_are_the_last_fields_but_one() {
        let before = (3..48).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        let stat = format!("7 (a) b) {before} 1000 1010 1010 1050 0");
        assert_eq!(places(&stat), Some((1000, 10, 50)));
        let apart = format!("7 (a) {before} 1000 1010 1020 1050 0");
        assert_eq!(places(&apart), Some((1000, 10, 10)));
        assert_eq!(places("7 (a) S 1"), None);
    }
}
