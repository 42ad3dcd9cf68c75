//! A tiny blocking client: whole pipelines out, replies back as the bytes they were.
//!
//! Replies stay raw, because "equal" means equal on the wire: two doubles that decode alike may be spelled differently.

use spinel_resp::{DecodeError, ReplyDecoder, Value, encode_command, skip_reply};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A reply that takes longer is lost.
const REPLY_LIMIT: Duration = Duration::from_secs(30);

/// The words of a command.
pub type Words = Vec<Vec<u8>>;

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// How much of `received` was handed out.
    taken: usize,
    outgoing: Vec<u8>,
}

impl Client {
    /// Connects to a local port.
    ///
    /// # Errors
    /// When nothing accepts there.
    pub fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_LIMIT))?;
        stream.set_write_timeout(Some(REPLY_LIMIT))?;
        Ok(Client { stream, received: Vec::new(), taken: 0, outgoing: Vec::new() })
    }

    /// Adds a command to those not yet sent.
    pub fn queue(&mut self, words: &[impl AsRef<[u8]>]) {
        encode_command(words.iter(), &mut self.outgoing);
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn flush(&mut self) -> io::Result<()> {
        let outcome = self.stream.write_all(&self.outgoing);
        self.outgoing.clear();
        outcome
    }

    /// The bytes of the next reply.
    ///
    /// # Errors
    /// When the connection ends, 30 seconds pass, or the bytes are no reply (`InvalidData`).
    pub fn raw_reply(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match skip_reply(&self.received[self.taken..]).map_err(invalid)? {
                Some(length) => {
                    let reply = self.received[self.taken..self.taken + length].to_vec();
                    self.taken += length;
                    return Ok(reply);
                }
                None => self.receive()?,
            }
        }
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// As [`Client::raw_reply`].
    pub fn call(&mut self, words: &[impl AsRef<[u8]>]) -> io::Result<Value> {
        self.queue(words);
        self.flush()?;
        decode(&self.raw_reply()?)
    }

    fn receive(&mut self) -> io::Result<()> {
        if self.taken > 0 {
            self.received.drain(..self.taken);
            self.taken = 0;
        }
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }
}

/// Decodes the bytes of a whole reply.
///
/// # Errors
/// `InvalidData` when they are none.
pub fn decode(raw: &[u8]) -> io::Result<Value> {
    let decoded = ReplyDecoder::default().decode(raw).map_err(invalid)?;
    decoded.map(|(value, _)| value).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn invalid(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
