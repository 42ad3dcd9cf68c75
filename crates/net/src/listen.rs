//! Listening sockets, and the first moments of a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use spinel_engine::Endpoint;
use spinel_engine::config::Settings;

use crate::poller::Poller;
use crate::stream::Stream;

/// Why a server cannot listen.
#[derive(Debug)]
pub enum ListenError {
    /// An address and port cannot be bound: something else listens there, or it is not ours.
    Address(String, u16, io::Error),
    /// The unix socket cannot be made.
    Unix(PathBuf, io::Error),
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address, port, error) => {
                write!(f, "Could not create server TCP listening socket {address}:{port}: bind: {error}")
            }
            Self::Unix(path, error) => {
                write!(f, "Failed opening Unix socket: bind: {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for ListenError {}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// All listening sockets of a server.
#[derive(Default)]
pub struct Listeners {
    listeners: Vec<Listener>,
}

/// A connection accepted and not yet given to a loop.
pub(crate) struct Incoming {
    pub(crate) stream: Stream,
    pub(crate) endpoint: Endpoint,
    /// From this machine.
    pub(crate) is_local: bool,
}

impl Listeners {
    /// Listens where the settings say. An address written with a leading `-` may fail.
    ///
    /// # Errors
    /// The first address that cannot be bound, or the unix socket.
    pub fn open(settings: &Settings) -> Result<Self, ListenError> {
        let mut listeners = Self::default();
        let network = &settings.network;
        if network.port != 0 {
            for bind in &network.bind {
                listeners.open_tcp(bind, network.port, network.tcp_backlog)?;
            }
        }
        if !network.unixsocket.is_empty() {
            let path = PathBuf::from(String::from_utf8_lossy(&network.unixsocket).into_owned());
            listeners.open_unix(path, network.unixsocketperm)?;
        }
        Ok(listeners)
    }

    fn open_tcp(&mut self, bind: &[u8], port: u16, backlog: u32) -> Result<(), ListenError> {
        let text = String::from_utf8_lossy(bind).into_owned();
        let (optional, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.as_str()),
        };
        let result = resolve(name).and_then(|ip| listen_tcp(SocketAddr::new(ip, port), backlog));
        match result {
            Ok(listener) => self.listeners.push(Listener::Tcp(listener)),
            Err(error) if optional && may_be_missing(&error) => {}
            Err(error) => return Err(ListenError::Address(name.to_owned(), port, error)),
        }
        Ok(())
    }

    fn open_unix(&mut self, path: PathBuf, permissions: u32) -> Result<(), ListenError> {
        let open = || -> io::Result<UnixListener> {
            if path.exists() {
                std::fs::remove_file(&path)?;
            }
            let listener = UnixListener::bind(&path)?;
            if permissions != 0 {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(permissions))?;
            }
            Ok(listener)
        };
        let listener = open().map_err(|error| ListenError::Unix(path.clone(), error))?;
        self.listeners.push(Listener::Unix(listener, path));
        Ok(())
    }

    /// Whether there is nowhere to connect to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Where it listens, for people.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.listeners
            .iter()
            .map(|listener| match listener {
                Listener::Tcp(listener) => listener
                    .local_addr()
                    .map_or_else(|error| error.to_string(), |address| address.to_string()),
                Listener::Unix(_, path) => path.display().to_string(),
            })
            .collect()
    }

    pub(crate) fn register(&mut self, poller: &Poller) -> io::Result<()> {
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            match listener {
                Listener::Tcp(listener) => poller.add_listener(listener, index)?,
                Listener::Unix(listener, _) => poller.add_listener(listener, index)?,
            }
        }
        Ok(())
    }

    /// Accepts one connection of a listener; `None` when there is none left.
    pub(crate) fn accept(&self, index: usize, settings: &Settings) -> io::Result<Option<Incoming>> {
        let incoming = match &self.listeners[index] {
            Listener::Tcp(listener) => listener.accept().map(|(stream, peer)| {
                tune(&stream, settings.network.tcp_keepalive);
                let local = stream.local_addr().map_or_else(|_| String::new(), show);
                let endpoint =
                    Endpoint { peer: show(peer), local, fd: i64::from(stream.as_raw_fd()), unix: false };
                Incoming {
                    stream: Stream::Tcp(stream),
                    endpoint,
                    is_local: peer.ip().to_canonical().is_loopback(),
                }
            }),
            Listener::Unix(listener, path) => listener.accept().map(|(stream, _)| {
                let name = format!("{}:0", path.display());
                let endpoint = Endpoint {
                    peer: name.clone(),
                    local: name,
                    fd: i64::from(stream.as_raw_fd()),
                    unix: true,
                };
                Incoming { stream: Stream::Unix(stream), endpoint, is_local: true }
            }),
        };
        match incoming {
            Ok(incoming) => Ok(Some(incoming)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for listener in &self.listeners {
            if let Listener::Unix(_, path) = listener {
                // Nobody can connect to it any more; a left-over file is removed at the next start as well.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// An address and port as `CLIENT LIST` shows them: an IPv4 address mapped into IPv6 as itself.
fn show(address: SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    match ip {
        IpAddr::V4(_) => format!("{ip}:{}", address.port()),
        IpAddr::V6(_) => format!("[{ip}]:{}", address.port()),
    }
}

fn resolve(name: &str) -> io::Result<IpAddr> {
    match name {
        "*" | "" => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::*" => Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => name
            .parse()
            .map_err(|_| io::Error::new(io::ErrorKind::AddrNotAvailable, "not an IPv4 or IPv6 address")),
    }
}

fn may_be_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, Unsupported};
    matches!(error.kind(), AddrNotAvailable | Unsupported)
        || matches!(
            error.raw_os_error(),
            Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOPROTOOPT)
        )
}

fn listen_tcp(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

fn tune(stream: &mio::net::TcpStream, keepalive_seconds: u32) {
    // A socket that cannot be tuned still works; the peer may be gone already, which reading will tell.
    let _ = stream.set_nodelay(true);
    if keepalive_seconds > 0 {
        let seconds = Duration::from_secs(u64::from(keepalive_seconds));
        let probe = Duration::from_secs(u64::from(keepalive_seconds.div_ceil(3).max(1)));
        let keepalive = TcpKeepalive::new().with_time(seconds).with_interval(probe).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}
