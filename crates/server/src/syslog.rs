//! The system's log: a datagram for each line to the socket of whoever collects them.
//!
//! ```text
//! <facility * 8 + severity>Mmm dd HH:MM:SS ident[pid]: text
//! ```
//!
//! That is what the function of the C library sends, and like it this one says nothing if nobody listens: the line is in the
//! server's own log. A collector that was started again is found again at the next line. Unlike it this one never waits.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Zoned;
use spinel_engine::config::{Syslog as Settings, SyslogFacility};
use spinel_engine::log::LogLevel;

/// Where collectors listen.
const SOCKET: &str = "/dev/log";

/// The system's log.
#[derive(Debug)]
pub(crate) struct Syslog {
    path: PathBuf,
    ident: String,
    facility: u8,
    /// Protects itself: one line at a time. `None` until somebody listens.
    socket: Mutex<Option<UnixDatagram>>,
}

impl Syslog {
    /// The log that the settings ask for, if they do.
    pub(crate) fn open(settings: &Settings) -> Option<Self> {
        settings.enabled.then(|| Self::at(Path::new(SOCKET), settings))
    }

    fn at(path: &Path, settings: &Settings) -> Self {
        let facility = match settings.facility {
            SyslogFacility::User => 1,
            SyslogFacility::Local(number) => 16 + number,
        };
        Self {
            path: path.to_owned(),
            ident: String::from_utf8_lossy(&settings.ident).into_owned(),
            facility,
            socket: Mutex::new(None),
        }
    }

    /// Sends a line.
    pub(crate) fn write(&self, now: &Zoned, level: LogLevel, text: &str) {
        let severity = match level {
            LogLevel::Debug => 7,
            LogLevel::Verbose => 6,
            LogLevel::Notice => 5,
            LogLevel::Warning => 4,
        };
        let line = format!(
            "<{}>{} {}[{}]: {text}",
            self.facility * 8 + severity,
            now.strftime("%b %e %H:%M:%S"),
            self.ident,
            std::process::id()
        );
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if !socket.as_ref().is_some_and(|socket| is_done_with(socket, &line)) {
            *socket = self.connect().ok().filter(|socket| is_done_with(socket, &line));
        }
    }

    fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.path)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Sends a line to a collector that listens. One that does not keep up misses it: whoever logs has other things to do than
/// to wait.
fn is_done_with(socket: &UnixDatagram, line: &str) -> bool {
    match socket.send(line.as_bytes()) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_collector_and_the_one_that_comes_after_it() {
        let path = std::env::temp_dir().join(format!("spinel-syslog-{}", std::process::id()));
        let settings = |facility| Settings { enabled: true, ident: b"redis".to_vec(), facility };
        let now = jiff::Timestamp::from_millisecond(1_794_000_000_000)
            .expect("a time")
            .to_zoned(jiff::tz::TimeZone::UTC);
        let log = Syslog::at(&path, &settings(SyslogFacility::Local(3)));
        log.write(&now, LogLevel::Notice, "nobody listens");
        let pid = std::process::id();
        for (level, number) in [
            (LogLevel::Debug, 159),
            (LogLevel::Verbose, 158),
            (LogLevel::Notice, 157),
            (LogLevel::Warning, 156),
        ] {
            // What was there is no file any more: the next collector is another one.
            let _ = std::fs::remove_file(&path);
            let collector = UnixDatagram::bind(&path).expect("a socket");
            log.write(&now, level, "two words");
            let mut bytes = [0; 200];
            let length = collector.recv(&mut bytes).expect("a datagram");
            let line = String::from_utf8_lossy(&bytes[..length]);
            assert_eq!(line, format!("<{number}>Nov  6 21:20:00 redis[{pid}]: two words"));
        }
        let _silent = UnixDatagram::bind(path.with_extension("silent")).expect("a socket");
        let silent = Syslog::at(&path.with_extension("silent"), &settings(SyslogFacility::User));
        // More than the system keeps for a collector; nobody waits for it.
        (0..10_000).for_each(|_| silent.write(&now, LogLevel::Notice, "too many"));
        for path in [&path, &path.with_extension("silent")] {
            std::fs::remove_file(path).expect("it was made above");
        }
        assert_eq!(Syslog::at(&path, &settings(SyslogFacility::User)).facility, 1);
        assert!(Syslog::open(&Settings::default()).is_none());
    }
}
