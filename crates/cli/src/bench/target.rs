//! Where the server is, how a connection gets ready for it, and a plain blocking client for errands.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use spinel_resp::encode_command;

use super::failure::Failure;
use super::scan::{Head, Refusal, Scanner};
use super::template::split_words;

/// How long a server may be silent before a run is given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(120);

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// A server and how to greet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) password: Option<String>,
    /// 2 or 3.
    pub(crate) protocol: u8,
}

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Target {
    /// Connects, authenticates and chooses the protocol.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        let socket = match &self.address {
            Address::Tcp { host, port } => {
                let doing = format!("connecting to {host}:{port}");
                let mut addresses = (host.as_str(), *port).to_socket_addrs().map_err(Failure::io(&doing))?;
                let address = addresses
                    .next()
                    .ok_or_else(|| Failure::Server(format!("{doing}: the name has no address")))?;
                let stream = TcpStream::connect(address).map_err(Failure::io(&doing))?;
                stream.set_nodelay(true).map_err(Failure::io(doing))?;
                Socket::Tcp(stream)
            }
            Address::Unix(path) => {
                let doing = format!("connecting to {}", path.display());
                Socket::Unix(UnixStream::connect(path).map_err(Failure::io(doing))?)
            }
        };
        let mut client = Client { socket, buffer: vec![0; 256 * 1024] };
        client.set_patience(SILENCE)?;
        if let Some(password) = &self.password {
            client.call(&["AUTH", password])?;
        }
        if self.protocol == 3 {
            client.call(&["HELLO", "3"])?;
        }
        Ok(client)
    }
}

/// A blocking connection that sends one command at a time.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: Socket,
    buffer: Vec<u8>,
}

impl Client {
    /// How long a reply may take.
    pub(crate) fn set_patience(&self, patience: Duration) -> Result<(), Failure> {
        match &self.socket {
            Socket::Tcp(stream) => stream.set_read_timeout(Some(patience)),
            Socket::Unix(stream) => stream.set_read_timeout(Some(patience)),
        }
        .map_err(Failure::io("setting a read timeout"))
    }

    /// Sends a command given as text and waits for its reply, however long; its first line tells.
    pub(crate) fn line(&mut self, line: &str) -> Result<Head, Failure> {
        let words = split_words(line)?;
        self.call(&words)
    }

    /// Sends a command and waits for the end of its reply, which is not kept.
    pub(crate) fn call<W: AsRef<str>>(&mut self, words: &[W]) -> Result<Head, Failure> {
        let mut request = Vec::new();
        encode_command(words.iter().map(|word| word.as_ref().as_bytes()), &mut request);
        let shown = words.first().map_or("", AsRef::as_ref).to_owned();
        self.socket.write_all(&request).map_err(Failure::io(format!("sending {shown}")))?;
        let (mut scanner, mut kept) = (Scanner::default(), 0);
        loop {
            let read = self.socket.read(&mut self.buffer[kept..]);
            let read = read.map_err(Failure::io(format!("reading the reply to {shown}")))?;
            if read == 0 {
                return Err(Failure::Server(format!("the server closed the connection after {shown}")));
            }
            let filled = kept + read;
            let progress = scanner.advance(&self.buffer[..filled]).map_err(|refusal| {
                let (Refusal::ErrorReply(answer) | Refusal::Malformed(answer)) = refusal;
                Failure::Reply { request: shown.clone(), answer }
            })?;
            if let Some(head) = progress.finished {
                return Ok(head);
            }
            self.buffer.copy_within(progress.consumed..filled, 0);
            kept = filled - progress.consumed;
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
