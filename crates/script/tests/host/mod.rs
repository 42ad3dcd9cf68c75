//! A server of a few commands, for scripts to call: those whose replies show every type.

use std::collections::HashMap;

use spinel_resp::{Encoder, Protocol};
use spinel_script::{Host, LogLevel, Propagate, UnknownCommand, Verdict};

/// Strings by key, and what to answer when a script asks whether to go on.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) strings: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) verdict: Verdict,
}

impl Default for Database {
    fn default() -> Self {
        Self { strings: HashMap::new(), verdict: Verdict::Continue }
    }
}

impl Host for Database {
    fn call(&mut self, words: &[&[u8]], reply: &mut Encoder) {
        let name = words[0].to_ascii_lowercase();
        match (&name[..], &words[1..]) {
            (b"ping", []) => reply.simple("PONG"),
            (b"echo", [text]) => reply.bulk(text),
            (b"set", [key, value]) => {
                self.strings.insert(key.to_vec(), value.to_vec());
                reply.ok();
            }
            (b"get", [key]) => match self.strings.get(*key) {
                Some(value) => reply.bulk(value),
                None => reply.null(),
            },
            (b"mget", keys) => {
                reply.array(keys.len());
                for key in keys {
                    match self.strings.get(*key) {
                        Some(value) => reply.bulk(value),
                        None => reply.null(),
                    }
                }
            }
            (b"incr", [key]) => self.increment(key, reply),
            (b"lpush", [key, _]) if self.strings.contains_key(*key) => {
                reply.error("WRONGTYPE Operation against a key holding the wrong kind of value");
            }
            (b"debug", [what, kind]) if what.eq_ignore_ascii_case(b"protocol") => show(kind, reply),
            (b"ping" | b"echo" | b"set" | b"get" | b"incr", _) => {
                reply.error("ERR Wrong number of args calling Redis command from script");
            }
            (b"subscribe", _) => reply.error("ERR This Redis command is not allowed from script"),
            _ => reply.error("ERR Unknown Redis command called from script"),
        }
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_propagation(&mut self, _: Propagate) {}

    fn acl_check(&mut self, words: &[&[u8]]) -> Result<bool, UnknownCommand> {
        if words[0].eq_ignore_ascii_case(b"set") { Ok(true) } else { Err(UnknownCommand) }
    }

    fn processor_seconds(&mut self) -> f64 {
        1.5
    }

    fn interrupted(&mut self) -> Verdict {
        self.verdict.clone()
    }
}

impl Database {
    fn increment(&mut self, key: &[u8], reply: &mut Encoder) {
        let value = self.strings.entry(key.to_vec()).or_insert_with(|| b"0".to_vec());
        match std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok()) {
            Some(number) => {
                *value = (number + 1).to_string().into_bytes();
                reply.integer(number + 1);
            }
            None => reply.error("ERR value is not an integer or out of range"),
        }
    }
}

/// `DEBUG PROTOCOL`.
fn show(kind: &[u8], reply: &mut Encoder) {
    match kind {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double("3.141".parse().expect("a number")),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.integer(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.protocol() == Protocol::Resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => reply.error("ERR unknown type"),
    }
}
