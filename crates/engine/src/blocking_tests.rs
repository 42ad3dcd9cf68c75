//! Blocked clients, with keys that live in different shards.

use crate::config::Settings;
use crate::testing::{Peer, Server};

/// A server, a connection that waits, and one that writes.
fn server() -> (Server, Peer, Peer) {
    let mut server = Server::new(Settings::default());
    let (waiting, writing) = (server.connect("127.0.0.1:1"), server.connect("127.0.0.1:2"));
    (server, waiting, writing)
}

/// Every command that waits for several keys, one that serves it by the key `b`, and the reply to it.
const CASES: &[(&str, &str, &str)] = &[
    ("BLPOP a b c 0", "RPUSH b x", "*2\r\n$1\r\nb\r\n$1\r\nx\r\n"),
    ("BRPOP a b c 0", "RPUSH b x", "*2\r\n$1\r\nb\r\n$1\r\nx\r\n"),
    ("BLMPOP 0 3 a b c LEFT", "RPUSH b x", "*2\r\n$1\r\nb\r\n*1\r\n$1\r\nx\r\n"),
    ("BZPOPMIN a b c 0", "ZADD b 1 x", "*3\r\n$1\r\nb\r\n$1\r\nx\r\n$1\r\n1\r\n"),
    ("BZPOPMAX a b c 0", "ZADD b 1 x", "*3\r\n$1\r\nb\r\n$1\r\nx\r\n$1\r\n1\r\n"),
    ("BZMPOP 0 3 a b c MIN", "ZADD b 1 x", "*2\r\n$1\r\nb\r\n*1\r\n*2\r\n$1\r\nx\r\n$1\r\n1\r\n"),
];

#[test]
fn a_client_that_waits_for_several_keys_is_served_by_any_of_them() {
    for (wait, write, reply) in CASES {
        let (mut server, waiting, writing) = server();
        assert_eq!(server.run(waiting, wait), "");
        assert_eq!(server.run(writing, write), ":1\r\n", "{wait}");
        assert_eq!(server.deliver(), [(waiting, (*reply).to_owned())], "{wait}");
        assert_eq!(server.run(writing, "EXISTS b"), ":0\r\n", "{wait}");
    }
}

#[test]
fn the_key_that_became_ready_first_serves() {
    for (wait, write, reply) in CASES {
        let (mut server, waiting, writing) = server();
        assert_eq!(server.run(waiting, wait), "");
        let write_a = write.replace(" b ", " a ");
        for line in ["MULTI", write, &write_a, "EXEC"] {
            server.run(writing, line);
        }
        assert_eq!(server.deliver(), [(waiting, (*reply).to_owned())], "{wait}");
        assert_eq!(server.run(writing, "EXISTS a b"), ":1\r\n", "{wait}");
    }
}
