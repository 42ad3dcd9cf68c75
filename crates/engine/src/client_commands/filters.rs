//! The filters of `CLIENT LIST` and `CLIENT KILL`: those of Redis 7.0, and with `NOT-` and all others those of Valkey 9.
//!
//! A client is chosen if all filters fit. Of a filter that comes twice the last one counts.

use std::mem::discriminant;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{CommandError, UnixMillis, is_token};
use spinel_structs::number::parse_i64;

use super::list::flag_letters;
use crate::ClientId;
use crate::arguments::{argument, multiple, optional};
use crate::clients::{Client, ClientKind};

/// Letters that `FLAGS` takes: those of all clients of Valkey 9, not only of those that there can be here.
const FLAGS: &[u8] = b"OSMPxbtRBdcuAUreTIiEN";
/// Letters that `CAPA` takes.
const CAPABILITIES: &[u8] = b"r";
const NOT: &[u8] = b"NOT-";
const BAD_ID: CommandError = CommandError::text("ERR client-id should be greater than 0");

/// Filters with a value that has an opposite.
const NAMES: [&str; 12] =
    ["ID", "TYPE", "USER", "ADDR", "LADDR", "NAME", "LIB-NAME", "LIB-VER", "DB", "FLAGS", "CAPA", "IP"];

const fn text(name: &'static str, token: &'static str, since: &'static str) -> ArgSpec {
    optional(since, argument(name, ArgKind::String, token))
}

const fn number(name: &'static str, token: &'static str, since: &'static str) -> ArgSpec {
    optional(since, argument(name, ArgKind::Integer, token))
}

/// The filters that have come since Redis 7.0 and Valkey 8.0, which both commands have.
const NEWER_ARGUMENTS: [ArgSpec; 20] = [
    number("idle", "IDLE", "9.0.0"),
    text("flags", "FLAGS", "9.0.0"),
    text("name", "NAME", "9.0.0"),
    text("lib-name", "LIB-NAME", "9.0.0"),
    text("lib-ver", "LIB-VER", "9.0.0"),
    number("db", "DB", "9.0.0"),
    text("capa", "CAPA", "9.0.0"),
    text("ip", "IP", "9.0.0"),
    optional(
        "9.0.0",
        ArgSpec {
            children: &[multiple(argument("client-id", ArgKind::Integer, ""))],
            ..argument("not-id", ArgKind::Block, "NOT-ID")
        },
    ),
    text("not-type", "NOT-TYPE", "9.0.0"),
    text("not-username", "NOT-USER", "9.0.0"),
    text("not-ip:port", "NOT-ADDR", "9.0.0"),
    text("not-local-ip:port", "NOT-LADDR", "9.0.0"),
    text("not-flags", "NOT-FLAGS", "9.0.0"),
    text("not-name", "NOT-NAME", "9.0.0"),
    text("not-lib-name", "NOT-LIB-NAME", "9.0.0"),
    text("not-lib-ver", "NOT-LIB-VER", "9.0.0"),
    number("not-db", "NOT-DB", "9.0.0"),
    text("not-capa", "NOT-CAPA", "9.0.0"),
    text("not-ip", "NOT-IP", "9.0.0"),
];

/// A command's own arguments, and the newer filters.
pub(super) const fn with_newer<const N: usize>(own: &[ArgSpec]) -> [ArgSpec; N] {
    assert!(N == own.len() + NEWER_ARGUMENTS.len(), "all of them, and no more");
    let mut all = [NEWER_ARGUMENTS[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < own.len() { own[at] } else { NEWER_ARGUMENTS[at - own.len()] };
        at += 1;
    }
    all
}

/// What a client can be chosen by, or by its opposite.
#[derive(Debug)]
enum Criterion<'a> {
    Ids(Vec<ClientId>),
    Kind(ClientKind),
    /// The default user, which everybody is.
    User,
    Peer(&'a [u8]),
    Local(&'a [u8]),
    Name(&'a [u8]),
    Library(&'a [u8]),
    LibraryVersion(&'a [u8]),
    Db(i64),
    Flags(&'a [u8]),
    Capabilities(&'a [u8]),
    Ip(&'a [u8]),
}

impl Criterion<'_> {
    fn fits(&self, client: &Client) -> bool {
        // Nobody is found by a name that is not there.
        let is = |wanted: &[u8], found: &[u8]| !found.is_empty() && wanted == found;
        let library = || client.library.lock().unwrap_or_else(PoisonError::into_inner);
        match self {
            Self::Ids(ids) => ids.contains(&client.id),
            Self::Kind(kind) => *kind == client.kind(),
            Self::User => true,
            Self::Peer(peer) => *peer == client.endpoint.peer.as_bytes(),
            Self::Local(local) => *local == client.endpoint.local.as_bytes(),
            Self::Name(name) => is(name, &client.name.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Library(name) => is(name, &library().0),
            Self::LibraryVersion(version) => is(version, &library().1),
            Self::Db(db) => *db == i64::from(client.db.load(Relaxed)),
            Self::Flags(flags) => has_flags(client, flags),
            Self::Capabilities(wanted) => wanted.is_empty() || client.can_redirect.load(Relaxed),
            Self::Ip(ip) => is_from(&client.endpoint.peer, ip),
        }
    }
}

fn has_flags(client: &Client, wanted: &[u8]) -> bool {
    let letters = flag_letters(client);
    wanted.iter().all(|flag| match flag {
        // A monitor is a replica of a kind.
        b'S' => letters.contains('O'),
        b'A' => client.is_killed(),
        flag => letters.as_bytes().contains(flag),
    })
}

/// Whether a peer's address is this, with a port.
fn is_from(peer: &str, ip: &[u8]) -> bool {
    let peer = peer.strip_prefix('[').unwrap_or(peer).as_bytes();
    let Some(rest) = peer.strip_prefix(ip) else { return false };
    let rest = rest.strip_prefix(b"]").unwrap_or(rest);
    rest.strip_prefix(b":").is_some_and(|port| !port.starts_with(b"0"))
}

/// Which of the two commands has the filters; they take numbers of clients in different ways, as they did in Redis 7.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    List,
    Kill,
}

/// Which clients are chosen.
#[derive(Debug)]
pub(super) struct Filters<'a> {
    /// Each with whether it is the opposite that is to fit.
    criteria: Vec<(bool, Criterion<'a>)>,
    max_age_s: Option<i64>,
    idle_s: Option<i64>,
    pub(super) spares_caller: bool,
}

impl<'a> Filters<'a> {
    /// That of one address.
    pub(super) fn of_peer(peer: &'a [u8]) -> Self {
        let criteria = vec![(false, Criterion::Peer(peer))];
        Self { criteria, max_age_s: None, idle_s: None, spares_caller: false }
    }

    /// Understands all words; `databases` is how many there are.
    pub(super) fn parse(
        words: &[&'a [u8]],
        purpose: Purpose,
        databases: usize,
    ) -> Result<Self, CommandError> {
        let spares_caller = purpose == Purpose::Kill;
        let mut filters = Self { criteria: Vec::new(), max_age_s: None, idle_s: None, spares_caller };
        let mut rest = words;
        while let [option, values @ ..] = rest {
            rest = filters.add(option, values, purpose, databases)?;
        }
        Ok(filters)
    }

    /// Adds one filter, and gives the words behind it.
    fn add<'w>(
        &mut self,
        option: &[u8],
        values: &'w [&'a [u8]],
        purpose: Purpose,
        databases: usize,
    ) -> Result<&'w [&'a [u8]], CommandError> {
        let (is_not, name) = split_not(option);
        if is_token(name, "ID") {
            return self.add_ids(is_not, values, purpose);
        }
        let &[value, ref rest @ ..] = values else { return Err(CommandError::Syntax) };
        if is_token(option, "SKIPME") {
            self.spares_caller = match value {
                _ if is_token(value, "YES") => true,
                _ if is_token(value, "NO") => false,
                _ => return Err(CommandError::Syntax),
            };
        } else if is_token(option, "MAXAGE") {
            self.max_age_s = Some(seconds("maxage", value)?);
        } else if is_token(option, "IDLE") {
            self.idle_s = Some(seconds("idle", value)?);
        } else {
            self.set(is_not, criterion(is_not, name, value, databases)?);
        }
        Ok(rest)
    }

    /// Adds the numbers of clients that come next, as many as there are.
    fn add_ids<'w>(
        &mut self,
        is_not: bool,
        values: &'w [&'a [u8]],
        purpose: Purpose,
    ) -> Result<&'w [&'a [u8]], CommandError> {
        let is_old_form = purpose == Purpose::Kill && !is_not;
        match values.first() {
            None if is_old_form => return Err(CommandError::Syntax),
            Some(word) if is_old_form && parse_i64(word).is_none() => return Err(BAD_ID),
            _ => {}
        }
        let known = self.criteria.iter_mut().find_map(|(other, criterion)| match criterion {
            Criterion::Ids(ids) if *other == is_not && !is_old_form => Some(std::mem::take(ids)),
            _ => None,
        });
        let mut ids = known.unwrap_or_default();
        let mut rest = values;
        while let [word, others @ ..] = rest
            && let Some(id) = parse_i64(word)
        {
            let id = u64::try_from(id).ok().filter(|id| *id > 0).ok_or(BAD_ID)?;
            ids.push(ClientId(id));
            rest = others;
        }
        self.set(is_not, Criterion::Ids(ids));
        Ok(rest)
    }

    fn set(&mut self, is_not: bool, criterion: Criterion<'a>) {
        let kind = discriminant(&criterion);
        self.criteria.retain(|(other, criterion)| *other != is_not || discriminant(criterion) != kind);
        self.criteria.push((is_not, criterion));
    }

    /// Whether a client is chosen.
    pub(super) fn fit(&self, client: &Client, now: UnixMillis) -> bool {
        let is_past = |since_ms: i64, seconds: Option<i64>| {
            seconds.is_none_or(|seconds| (now.0 - since_ms).max(0) / 1000 >= seconds)
        };
        self.criteria.iter().all(|(is_not, criterion)| criterion.fits(client) != *is_not)
            && is_past(client.created_ms, self.max_age_s)
            && is_past(client.last_active_ms.load(Relaxed), self.idle_s)
    }
}

/// Whether a word is the name of a filter.
pub(super) fn is_filter(word: &[u8]) -> bool {
    let (_, name) = split_not(word);
    NAMES.iter().any(|known| is_token(name, known))
        || ["SKIPME", "MAXAGE", "IDLE"].iter().any(|known| is_token(word, known))
}

fn split_not(option: &[u8]) -> (bool, &[u8]) {
    match option.split_at_checked(NOT.len()) {
        Some((not, name)) if not.eq_ignore_ascii_case(NOT) => (true, name),
        _ => (false, option),
    }
}

fn criterion<'a>(
    is_not: bool,
    name: &[u8],
    value: &'a [u8],
    databases: usize,
) -> Result<Criterion<'a>, CommandError> {
    Ok(if is_token(name, "TYPE") {
        Criterion::Kind(ClientKind::parse(value)?)
    } else if is_token(name, "ADDR") {
        Criterion::Peer(value)
    } else if is_token(name, "LADDR") {
        Criterion::Local(value)
    } else if is_token(name, "USER") {
        if value != b"default" {
            return Err(CommandError::quoting("ERR No such user '", value, "'"));
        }
        Criterion::User
    } else if is_token(name, "NAME") {
        Criterion::Name(value)
    } else if is_token(name, "LIB-NAME") {
        Criterion::Library(value)
    } else if is_token(name, "LIB-VER") {
        Criterion::LibraryVersion(value)
    } else if is_token(name, "DB") {
        Criterion::Db(database(is_not, value, databases)?)
    } else if is_token(name, "FLAGS") {
        Criterion::Flags(letters("flags", is_not.then_some("NOT-FLAGS"), value, FLAGS)?)
    } else if is_token(name, "CAPA") {
        Criterion::Capabilities(letters("capa", is_not.then_some("NOT-CAPA"), value, CAPABILITIES)?)
    } else if is_token(name, "IP") {
        Criterion::Ip(value)
    } else {
        return Err(CommandError::Syntax);
    })
}

fn seconds(name: &str, value: &[u8]) -> Result<i64, CommandError> {
    let number = parse_i64(value)
        .ok_or_else(|| CommandError::Text(format!("ERR {name} is not an integer or out of range").into()))?;
    if number > 0 {
        return Ok(number);
    }
    Err(CommandError::Text(format!("ERR {name} should be greater than 0").into()))
}

fn database(is_not: bool, value: &[u8], databases: usize) -> Result<i64, CommandError> {
    let name = if is_not { "NOT-DB" } else { "DB" };
    let number = parse_i64(value).filter(|number| i32::try_from(*number).is_ok());
    let number = number
        .ok_or_else(|| CommandError::Text(format!("ERR {name} is not an integer or out of range").into()))?;
    if usize::try_from(number).is_ok_and(|number| number < databases) {
        return Ok(number);
    }
    let last = databases - 1;
    Err(CommandError::Text(format!("ERR {name} number should be between 0 and {last}").into()))
}

/// A word of letters that are all known.
fn letters<'a>(
    what: &str,
    option: Option<&str>,
    value: &'a [u8],
    known: &[u8],
) -> Result<&'a [u8], CommandError> {
    if value.iter().all(|letter| known.contains(letter)) {
        return Ok(value);
    }
    let place = option.unwrap_or("provided");
    Err(CommandError::quoting(&format!("ERR Unknown {what} found in the {place} filter: "), value, ""))
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, is_filter, is_from};

    #[test]
    fn an_address_is_that_of_a_peer_with_a_port() {
        assert!(is_from("127.0.0.1:5000", b"127.0.0.1"));
        assert!(is_from("[::1]:5000", b"::1"));
        assert!(!is_from("127.0.0.1:5000", b"127.0.0.") && !is_from("127.0.0.1:5000", b"127.0.0.10"));
        assert!(!is_from("/run/socket:0", b"/run/socket"));
    }

    #[test]
    fn names_of_filters_are_known_in_any_case_and_with_their_opposites() {
        for name in ["id", "NOT-ID", "not-lib-name", "Skipme", "idle"] {
            assert!(is_filter(name.as_bytes()), "{name}");
        }
        for name in ["NOT-SKIPME", "NOT-IDLE", "NOT-NOT-ID", "NOT-", "x"] {
            assert!(!is_filter(name.as_bytes()), "{name}");
        }
        assert_eq!(FLAGS.len(), 21);
    }
}
