//! Listening sockets, and the first moments of a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use spinel_engine::Endpoint;
use spinel_engine::config::{Network, Settings};

use crate::group::{self, GroupError};
use crate::poller::{Poller, Registrar};
use crate::stream::Stream;

/// Why a server cannot listen.
#[derive(Debug)]
pub enum ListenError {
    /// An address and port cannot be bound: something else listens there, or it is not ours.
    Address(String, u16, io::Error),
    /// The unix socket cannot be made.
    Unix(PathBuf, io::Error),
    /// The unix socket cannot be given to this group: there is none of the name, or the process may not.
    Group(GroupError),
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
            Self::Group(error) => write!(f, "Failed opening Unix socket: {error}"),
        }
    }
}

impl std::error::Error for ListenError {}

/// One listening socket.
enum Listener {
    Tcp { socket: TcpListener, place: Place },
    Unix { socket: UnixListener, path: PathBuf },
}

/// An address as it was configured, and a port.
type Place = (Vec<u8>, u16);

/// All listening sockets of a server. The TCP sockets may change while it runs.
#[derive(Default)]
pub struct Listeners {
    /// Protects itself; the loop that accepts and whoever changes the configuration meet here.
    state: Mutex<State>,
}

/// The sockets by the number that the poller knows them under, and the poller.
#[derive(Default)]
struct State {
    listeners: Vec<Option<Listener>>,
    poller: Option<Registrar>,
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
        let listeners = Self::default();
        let network = &settings.network;
        {
            let mut state = listeners.state();
            for place in wanted_places(network) {
                state.open_tcp(place, network.tcp_backlog)?;
            }
            if !network.unixsocket.is_empty() {
                let path = PathBuf::from(String::from_utf8_lossy(&network.unixsocket).into_owned());
                state.open_unix(path.clone(), network.unixsocketperm)?;
                group::give(&path, &network.unixsocketgroup).map_err(ListenError::Group)?;
            }
        }
        Ok(listeners)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens at the addresses and the port of other settings from now on. What is listened to before and after stays
    /// as it is; connections are not touched.
    ///
    /// # Errors
    /// The first address that cannot be bound; everything is as before then.
    pub fn move_to(&self, settings: &Settings) -> Result<(), ListenError> {
        let network = &settings.network;
        let wanted: Vec<Place> = wanted_places(network).collect();
        let mut state = self.state();
        let open = state.places();
        let leaving: Vec<Place> = open.iter().filter(|place| !wanted.contains(place)).cloned().collect();
        // On the same port an address that is left may be part of one that is wanted, and must go first.
        let (early, late): (Vec<Place>, Vec<Place>) =
            leaving.into_iter().partition(|(_, port)| *port == network.port);
        state.close_tcp(&early);
        for (opened, place) in wanted.iter().enumerate() {
            if open.contains(place) {
                continue;
            }
            if let Err(error) = state.open_tcp(place.clone(), network.tcp_backlog) {
                let new: Vec<Place> =
                    wanted[..opened].iter().filter(|place| !open.contains(place)).cloned().collect();
                state.close_tcp(&new);
                for place in early {
                    // It was free a moment ago. If somebody else was faster, there is nobody to tell but the log.
                    let _ = state.open_tcp(place, network.tcp_backlog);
                }
                return Err(error);
            }
        }
        state.close_tcp(&late);
        Ok(())
    }

    /// Whether there is nowhere to connect to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().listeners.iter().all(Option::is_none)
    }

    /// Where it listens, for people.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let state = self.state();
        let address = |listener: &Listener| match listener {
            Listener::Tcp { socket, .. } => {
                socket.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
            }
            Listener::Unix { path, .. } => path.display().to_string(),
        };
        state.listeners.iter().flatten().map(address).collect()
    }

    /// Listens nowhere any more.
    pub(crate) fn close(&self) {
        self.state().listeners.clear();
    }

    /// Has the poller watch all sockets, those that are opened later too.
    pub(crate) fn register(&self, poller: &Poller) -> io::Result<()> {
        let mut state = self.state();
        let registrar = poller.registrar()?;
        for (index, listener) in state.listeners.iter_mut().enumerate() {
            if let Some(listener) = listener {
                listener.register(&registrar, index)?;
            }
        }
        state.poller = Some(registrar);
        Ok(())
    }

    /// Accepts one connection of a listener; `None` when there is none left.
    pub(crate) fn accept(&self, index: usize, settings: &Settings) -> io::Result<Option<Incoming>> {
        let state = self.state();
        // A socket may have been closed since it was reported.
        let Some(Some(listener)) = state.listeners.get(index) else { return Ok(None) };
        match listener.accept(settings) {
            Ok(incoming) => Ok(Some(incoming)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where the settings want TCP connections.
fn wanted_places(network: &Network) -> impl Iterator<Item = Place> + '_ {
    let addresses: &[Vec<u8>] = if network.port == 0 { &[] } else { &network.bind };
    addresses.iter().map(|address| (address.clone(), network.port))
}

impl State {
    fn places(&self) -> Vec<Place> {
        let place = |listener: &Listener| match listener {
            Listener::Tcp { place, .. } => Some(place.clone()),
            Listener::Unix { .. } => None,
        };
        self.listeners.iter().flatten().filter_map(place).collect()
    }

    fn close_tcp(&mut self, places: &[Place]) {
        for slot in &mut self.listeners {
            if matches!(slot, Some(Listener::Tcp { place, .. }) if places.contains(place)) {
                *slot = None;
            }
        }
    }

    fn open_tcp(&mut self, place: Place, backlog: u32) -> Result<(), ListenError> {
        let port = place.1;
        let text = String::from_utf8_lossy(&place.0).into_owned();
        let (optional, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.as_str()),
        };
        let result = resolve(name)
            .and_then(|ip| listen_tcp(SocketAddr::new(ip, port), backlog))
            .and_then(|socket| self.keep(Listener::Tcp { socket, place }));
        match result {
            Ok(()) => Ok(()),
            Err(error) if optional && may_be_missing(&error) => Ok(()),
            Err(error) => Err(ListenError::Address(name.to_owned(), port, error)),
        }
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
        open()
            .and_then(|socket| self.keep(Listener::Unix { socket, path: path.clone() }))
            .map_err(|error| ListenError::Unix(path, error))
    }

    /// Gives a socket a number, and has it watched.
    fn keep(&mut self, mut listener: Listener) -> io::Result<()> {
        let free = self.listeners.iter().position(Option::is_none);
        let index = free.unwrap_or(self.listeners.len());
        if let Some(poller) = &self.poller {
            listener.register(poller, index)?;
        }
        match self.listeners.get_mut(index) {
            Some(slot) => *slot = Some(listener),
            None => self.listeners.push(Some(listener)),
        }
        Ok(())
    }
}

impl Listener {
    fn register(&mut self, poller: &Registrar, index: usize) -> io::Result<()> {
        match self {
            Self::Tcp { socket, .. } => poller.add_listener(socket, index),
            Self::Unix { socket, .. } => poller.add_listener(socket, index),
        }
    }

    fn accept(&self, settings: &Settings) -> io::Result<Incoming> {
        match self {
            Self::Tcp { socket, .. } => socket.accept().map(|(stream, peer)| {
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
            Self::Unix { socket, path } => socket.accept().map(|(stream, _)| {
                let name = format!("{}:0", path.display());
                let endpoint = Endpoint {
                    peer: name.clone(),
                    local: name,
                    fd: i64::from(stream.as_raw_fd()),
                    unix: true,
                };
                Incoming { stream: Stream::Unix(stream), endpoint, is_local: true }
            }),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            // Nobody can connect to it any more; a left-over file is removed at the next start as well.
            let _ = std::fs::remove_file(path);
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
