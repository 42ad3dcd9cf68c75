//! Connections to other servers.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use spinel_engine::host::{Dial, Link};

/// How long one read or write of a link waits.
const MOMENT: Duration = Duration::from_millis(50);

/// Connects by TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial(&self, host: &str, port: &str, patience: Duration) -> io::Result<Box<dyn Link>> {
        let port: u16 = port.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let since = Instant::now();
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in (host, port).to_socket_addrs()? {
            let left = patience.saturating_sub(since.elapsed()).max(Duration::from_millis(1));
            match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(MOMENT))?;
                    stream.set_write_timeout(Some(MOMENT))?;
                    return Ok(Box::new(stream));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}
