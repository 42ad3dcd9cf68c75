//! `CLIENT KILL`: by address alone, or by filters that must all fit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, Many};

use super::filters::{Filters, Purpose, with_newer};
use crate::Flow;
use crate::arguments::{argument, multiple, one_of, optional, token};
use crate::session::{SessionCommand, SessionContext};

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
    ("9.0.0", "The filters `IDLE`, `FLAGS`, `NAME`, `LIB-NAME`, `LIB-VER`, `DB`, `CAPA`, `IP`, their opposites, and several numbers after `ID`."),
])]
pub(super) struct ClientKill<'a> {
    #[arg(hidden)]
    words: Many<'a, &'a [u8]>,
}

const NEW_FORMAT: [ArgSpec; 27] = with_newer(&[
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
]);

const FILTER_ARGUMENT: ArgSpec = one_of(
    "filter",
    "",
    &[
        ArgSpec { deprecated_since: "2.8.12", ..argument("ip:port", ArgKind::String, "") },
        multiple(one_of("new-format", "", &NEW_FORMAT)),
    ],
);

impl SessionCommand for ClientKill<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let words: Vec<&[u8]> = self.words.items().collect();
        let by_address = words.len() == 1;
        let filters = match *words {
            [peer] => Filters::of_peer(peer),
            _ => Filters::parse(&words, Purpose::Kill, cx.engine().keyspace.databases())?,
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
