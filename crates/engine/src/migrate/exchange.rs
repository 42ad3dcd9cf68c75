//! What is said to the other server: AUTH, SELECT, a RESTORE for each key; then its replies are read, one for each.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use spinel_aof::encode_command;

/// A connection to another server. Reading and writing return after a moment, with [`ErrorKind::WouldBlock`] or
/// [`ErrorKind::TimedOut`], if nothing can be done.
pub trait Link: Read + Write + Send {}

impl<T: Read + Write + Send> Link for T {}

/// The longest reply that is read, in bytes.
const MAX_REPLY: usize = 1024;

/// Why an exchange ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Writing,
    Reading,
}

/// One exchange with a server; each step may take so long.
pub(super) struct Exchange<'a> {
    link: Box<dyn Link>,
    patience: Duration,
    is_over: &'a dyn Fn() -> bool,
    /// Received and not looked at.
    received: Vec<u8>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(link: Box<dyn Link>, patience: Duration, is_over: &'a dyn Fn() -> bool) -> Self {
        Self { link, patience, is_over, received: Vec::new() }
    }

    /// Sends a command.
    pub(super) fn send<'w, I>(&mut self, words: I) -> Result<(), Broken>
    where
        I: IntoIterator<Item = &'w [u8], IntoIter: ExactSizeIterator + Clone>,
    {
        let mut bytes = Vec::new();
        encode_command(&mut bytes, words);
        let (mut rest, mut since) = (&bytes[..], Instant::now());
        while !rest.is_empty() {
            match self.link.write(rest) {
                Ok(0) => return Err(Broken::Writing),
                Ok(n) => {
                    rest = &rest[n..];
                    since = Instant::now();
                }
                Err(error) if self.may_wait(&error, since) => {}
                Err(_) => return Err(Broken::Writing),
            }
        }
        Ok(())
    }

    /// Reads the line of a reply: with its first character, without its end.
    pub(super) fn read_reply(&mut self) -> Result<String, Broken> {
        let since = Instant::now();
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            if self.received.len() > MAX_REPLY {
                return Err(Broken::Reading);
            }
            let mut buffer = [0; MAX_REPLY];
            match self.link.read(&mut buffer) {
                Ok(0) => return Err(Broken::Reading),
                Ok(n) => self.received.extend_from_slice(&buffer[..n]),
                Err(error) if self.may_wait(&error, since) => {}
                Err(_) => return Err(Broken::Reading),
            }
        }
    }

    fn may_wait(&self, error: &io::Error, since: Instant) -> bool {
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
            && since.elapsed() < self.patience
            && !(self.is_over)()
    }
}
