//! `CLIENT KILL`: by address alone, or by filters that must all fit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, Many, UnixMillis, is_token};
use spinel_structs::number::parse_i64;

use crate::arguments::{argument, multiple, one_of, optional, token};
use crate::clients::{Client, ClientKind};
use crate::session::{SessionCommand, SessionContext};
use crate::{ClientId, Flow};

/// Closes connections.
#[derive(Command)]
#[command(name = "client|kill", group = Connection, since = "2.4.0", complexity = "O(N) where N is the number of client connections")]
#[command(flags(admin, noscript, loading, stale), args = &[FILTER_ARGUMENT])]
#[command(history = &[
    ("2.8.12", "Clients can be chosen by filters."),
    ("2.8.12", "The filter `ID`."),
    ("3.2.0", "The type `master`."),
    ("5.0.0", "The type `replica`, as another word for `slave`."),
    ("6.2.0", "The filter `LADDR`."),
    ("7.4.0", "The filter `MAXAGE`."),
])]
pub(super) struct ClientKill<'a> {
    #[arg(hidden)]
    words: Many<'a, &'a [u8]>,
}

const FILTER_ARGUMENT: ArgSpec = one_of(
    "filter",
    "",
    &[
        ArgSpec { deprecated_since: "2.8.12", ..argument("ip:port", ArgKind::String, "") },
        multiple(one_of(
            "new-format",
            "",
            &[
                optional("2.8.12", argument("client-id", ArgKind::Integer, "ID")),
                optional(
                    "2.8.12",
                    one_of(
                        "normal_master_slave_pubsub",
                        "TYPE",
                        &[
                            token("normal", "NORMAL"),
                            ArgSpec { since: "3.2.0", ..token("master", "MASTER") },
                            token("slave", "SLAVE"),
                            ArgSpec { since: "5.0.0", ..token("replica", "REPLICA") },
                            token("pubsub", "PUBSUB"),
                        ],
                    ),
                ),
                optional("", argument("username", ArgKind::String, "USER")),
                optional("", argument("ip:port", ArgKind::String, "ADDR")),
                optional("6.2.0", argument("ip:port", ArgKind::String, "LADDR")),
                optional("", argument("yes/no", ArgKind::String, "SKIPME")),
                optional("7.4.0", argument("maxage", ArgKind::Integer, "MAXAGE")),
            ],
        )),
    ],
);

/// Which clients to close.
#[derive(Default)]
struct Filters<'a> {
    id: Option<ClientId>,
    kind: Option<ClientKind>,
    peer: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    max_age_s: Option<i64>,
    spares_caller: bool,
}

impl<'a> Filters<'a> {
    fn parse(words: &[&'a [u8]]) -> Result<Self, CommandError> {
        let mut filters = Self { spares_caller: true, ..Self::default() };
        for pair in words.chunks(2) {
            let &[option, value] = pair else { return Err(CommandError::Syntax) };
            filters.add(option, value)?;
        }
        Ok(filters)
    }

    fn add(&mut self, option: &[u8], value: &'a [u8]) -> Result<(), CommandError> {
        if is_token(option, "ID") {
            let id = parse_i64(value).filter(|&id| id > 0);
            let id = id.ok_or(CommandError::text("ERR client-id should be greater than 0"))?;
            self.id = Some(ClientId(id.unsigned_abs()));
        } else if is_token(option, "TYPE") {
            self.kind = Some(ClientKind::parse(value)?);
        } else if is_token(option, "ADDR") {
            self.peer = Some(value);
        } else if is_token(option, "LADDR") {
            self.local = Some(value);
        } else if is_token(option, "USER") {
            // Everybody is the default user.
            if value != b"default" {
                return Err(CommandError::quoting("ERR No such user '", value, "'"));
            }
        } else if is_token(option, "SKIPME") {
            self.spares_caller = match value {
                _ if is_token(value, "YES") => true,
                _ if is_token(value, "NO") => false,
                _ => return Err(CommandError::Syntax),
            };
        } else if is_token(option, "MAXAGE") {
            let age =
                parse_i64(value).ok_or(CommandError::text("ERR maxage is not an integer or out of range"))?;
            if age <= 0 {
                return Err(CommandError::text("ERR maxage should be greater than 0"));
            }
            self.max_age_s = Some(age);
        } else {
            return Err(CommandError::Syntax);
        }
        Ok(())
    }

    fn fit(&self, client: &Client, now: UnixMillis) -> bool {
        let is = |wanted: Option<&[u8]>, found: &str| wanted.is_none_or(|wanted| wanted == found.as_bytes());
        self.id.is_none_or(|id| id == client.id)
            && self.kind.is_none_or(|kind| kind == client.kind())
            && is(self.peer, &client.endpoint.peer)
            && is(self.local, &client.endpoint.local)
            && self.max_age_s.is_none_or(|age| (now.0 - client.created_ms) / 1000 >= age)
    }
}

impl SessionCommand for ClientKill<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let words: Vec<&[u8]> = self.words.items().collect();
        let by_address = words.len() == 1;
        let filters = match *words {
            [peer] => Filters { peer: Some(peer), ..Filters::default() },
            _ => Filters::parse(&words)?,
        };
        let mut killed = 0;
        let mut flow = Flow::Continue;
        let now = cx.worker.now();
        let clients = &cx.worker.engine().clients;
        for client in clients.list().iter().filter(|client| filters.fit(client, now)) {
            if !Arc::ptr_eq(client, &cx.session.client) {
                clients.kill(client);
            } else if filters.spares_caller {
                continue;
            } else {
                client.flags.closing.store(true, Ordering::Relaxed);
                flow = Flow::Close;
            }
            killed += 1;
        }
        if !by_address {
            out.integer(killed);
        } else if killed == 0 {
            return Err(CommandError::text("ERR No such client"));
        } else {
            out.ok();
        }
        Ok(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_after_the_name_are_all_taken_as_filters() {
        let words = spinel_family::OwnedArgs::from_words(["client", "kill", "id", "str"]);
        let key = spinel_store::HashKey::from_bytes([0; 16]);
        let mut words = spinel_family::Words::new(words.args(), 2, &key, None);
        let command = <ClientKill<'_> as spinel_family::Parse<'_>>::parse(&mut words);
        let filters = command.map(|command| command.words.items().collect::<Vec<_>>());
        assert_eq!(filters, Ok(vec![&b"id"[..], b"str"]));
    }
}
