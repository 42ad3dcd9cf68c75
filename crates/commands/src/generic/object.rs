//! `OBJECT ENCODING | FREQ | HELP | IDLETIME | REFCOUNT`

use spinel_family::{Command, CommandError, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::usage::{Recording, idle_seconds};
use spinel_store::{Text, ValueRef};

/// Looks into how a value is kept.
#[derive(Command)]
#[command(group = Generic, since = "2.2.3", complexity = "O(1)", arity = -2, manual)]
pub(super) struct Object;

/// Returns the name of the encoding of a value.
#[derive(Command)]
#[command(name = "object|encoding", group = Generic, since = "2.2.3", complexity = "O(1)")]
#[command(categories(Keyspace), tips("nondeterministic_output"))]
pub(super) struct ObjectEncoding<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for ObjectEncoding<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.inspect(self.key) {
            Some(entry) => out.bulk(entry.encoding().as_bytes()),
            None => out.null(),
        }
        Ok(())
    }
}

/// Returns how often a value was used lately, under a policy that counts it.
#[derive(Command)]
#[command(name = "object|freq", group = Generic, since = "4.0.0", complexity = "O(1)")]
#[command(categories(Keyspace), tips("nondeterministic_output"))]
pub(super) struct ObjectFreq<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for ObjectFreq<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(entry) = cx.inspect(self.key) else {
            out.null();
            return Ok(());
        };
        if let Recording::Frequency(decay) = cx.settings().recording {
            out.integer(i64::from(decay.count(entry.access(), cx.now())));
            return Ok(());
        }
        Err(CommandError::text(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ))
    }
}

/// Returns the seconds since a value was last used.
#[derive(Command)]
#[command(name = "object|idletime", group = Generic, since = "2.2.3", complexity = "O(1)")]
#[command(categories(Keyspace), tips("nondeterministic_output"))]
pub(super) struct ObjectIdletime<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for ObjectIdletime<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.inspect(self.key) {
            Some(_) if matches!(cx.settings().recording, Recording::Frequency(_)) => {
                return Err(CommandError::text(
                    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                     switching between policies at runtime LRU and LFU data will take some time to adjust.",
                ));
            }
            Some(entry) => out.integer(idle_seconds(entry.access(), cx.now()) as i64),
            None => out.null(),
        }
        Ok(())
    }
}

/// Returns the number of references to a value.
#[derive(Command)]
#[command(name = "object|refcount", group = Generic, since = "2.2.3", complexity = "O(1)")]
#[command(categories(Keyspace), tips("nondeterministic_output"))]
pub(super) struct ObjectRefcount<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for ObjectRefcount<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.inspect(self.key).map(spinel_store::Entry::value) {
            // Redis shares the objects of small integers, unless each must know when it was used, and counts no
            // references to them.
            Some(ValueRef::String(Text::Int(0..10_000))) if cx.settings().shares_integers => {
                out.integer(i64::from(i32::MAX));
            }
            Some(_) => out.integer(1),
            None => out.null(),
        }
        Ok(())
    }
}

/// Lists the subcommands of `OBJECT`.
#[derive(Command)]
#[command(name = "object|help", group = Generic, since = "6.2.0", complexity = "O(1)")]
#[command(flags(loading, stale), categories(Keyspace))]
pub(super) struct ObjectHelp;

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    How the value of <key> is kept in memory.",
    "FREQ <key>",
    "    How often <key> was used lately, if the maxmemory policy counts it.",
    "IDLETIME <key>",
    "    Seconds since <key> was last used.",
    "REFCOUNT <key>",
    "    References to the value of <key>.",
    "HELP",
    "    This list.",
];

impl Query for ObjectHelp {
    fn query(&self, _cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.array(HELP.len());
        HELP.iter().for_each(|line| out.simple(line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn strings_report_the_encodings_of_redis() {
        let mut server = Server::new();
        let (at_limit, beyond) = ("x".repeat(44), "x".repeat(45));
        for (value, encoding) in [
            ("12", "int"),
            ("-9223372036854775808", "int"),
            ("9223372036854775808", "embstr"),
            ("012", "embstr"),
            (&*at_limit, "embstr"),
            (&*beyond, "raw"),
        ] {
            server.run_words(["SET", "a", value]);
            let reply = server.run("OBJECT ENCODING a");
            assert_eq!(reply, format!("${}\r\n{encoding}\r\n", encoding.len()), "{value}");
        }
    }

    #[test]
    fn looking_at_an_object_counts_as_a_look_up_but_sends_no_event() {
        let mut server = Server::new();
        assert_eq!(server.run("OBJECT REFCOUNT a"), "$-1\r\n");
        assert_eq!((server.effects.misses, server.event_names()), (1, vec![]));
        assert_eq!(server.run("OBJECT FREQ a"), "$-1\r\n");
        server.run("SET a 5");
        assert_eq!(server.run("OBJECT REFCOUNT a"), ":2147483647\r\n");
        server.run("SET a 10000");
        assert_eq!(server.run("OBJECT REFCOUNT a"), ":1\r\n");
        assert!(server.run("OBJECT FREQ a").starts_with("-ERR An LFU maxmemory policy is not selected"));
    }
}
