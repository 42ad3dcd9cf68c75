//! Calls to find keys in, made up from the documented arguments of a command.

use spinel_resp::Value;

use super::facts::{entry, items, name_of};

/// The access control categories.
pub(super) const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// Calls that are wrong in some way.
pub(super) const WRONG: &[&str] = &[
    "get",
    "get a b",
    "nosuch a",
    "config get a",
    "object encoding",
    "object nosuch a",
    "memory usage a",
    "zunionstore dst 9 a b",
    "zunionstore dst x a b",
    "sintercard 0 a",
    "ping",
    "mset a 1 b",
    "publish a b",
];

/// How often an argument that may come again is repeated.
const REPEATED: usize = 2;
/// How many of the choices of an argument are tried.
const CHOICES: usize = 4;

/// A shortest call, and a few with every option, each with another choice where there are some.
pub(super) fn calls(name: &str, arguments: &[Value]) -> Vec<Vec<String>> {
    let name: Vec<String> = name.split('|').map(str::to_owned).collect();
    let plans = (0..CHOICES).map(|choice| Plan { with_options: true, choice });
    let mut calls: Vec<Vec<String>> = std::iter::once(Plan { with_options: false, choice: 0 })
        .chain(plans)
        .map(|plan| {
            let mut words = name.clone();
            plan.write_all(arguments, &mut words);
            words
        })
        .collect();
    calls.dedup();
    calls
}

/// Which of the possible calls is made.
struct Plan {
    with_options: bool,
    choice: usize,
}

impl Plan {
    fn write_all(&self, arguments: &[Value], words: &mut Vec<String>) {
        arguments.iter().for_each(|argument| self.write(argument, words));
    }

    fn write(&self, argument: &Value, words: &mut Vec<String>) {
        let text = |key: &str| entry(argument, key).map(name_of).unwrap_or_default();
        let has = |flag: &str| {
            entry(argument, "flags").map_or(&[][..], items).iter().any(|found| name_of(found) == flag)
        };
        if has("optional") && !self.with_options {
            return;
        }
        let token = text("token");
        for time in 0..if has("multiple") { REPEATED } else { 1 } {
            if !token.is_empty() && (time == 0 || has("multiple_token")) {
                words.push(token.clone());
            }
            self.write_value(&text("type"), &text("name"), argument, words);
        }
    }

    fn write_value(&self, kind: &str, name: &str, argument: &Value, words: &mut Vec<String>) {
        let parts = entry(argument, "arguments").map_or(&[][..], items);
        match kind {
            "pure-token" => {}
            "block" => self.write_all(parts, words),
            "oneof" => {
                if let Some(chosen) = parts.get(self.choice % parts.len().max(1)) {
                    self.write(chosen, words);
                }
            }
            "integer" if name == "numkeys" => words.push(REPEATED.to_string()),
            "integer" | "double" | "unix-time" => words.push("1".to_owned()),
            _ => words.push(format!("{name}{}", words.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(pairs: &[(&str, Value)]) -> Value {
        Value::Map(pairs.iter().map(|(key, value)| (text(key), value.clone())).collect())
    }

    fn text(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[test]
    fn calls_have_counted_keys_options_and_every_choice() {
        let flags = |flag: &str| ("flags", Value::Set(vec![text(flag)]));
        let token = |name: &str| {
            argument(&[("name", text(name)), ("type", text("pure-token")), ("token", text(name))])
        };
        let arguments = [
            argument(&[("name", text("numkeys")), ("type", text("integer"))]),
            argument(&[("name", text("key")), ("type", text("key")), flags("multiple")]),
            argument(&[
                ("name", text("way")),
                ("type", text("oneof")),
                flags("optional"),
                ("arguments", Value::Array(vec![token("MIN"), token("MAX")])),
            ]),
        ];
        let calls: Vec<String> = calls("zx|y", &arguments).iter().map(|call| call.join(" ")).collect();
        assert_eq!(
            calls,
            [
                "zx y 2 key3 key4",
                "zx y 2 key3 key4 MIN",
                "zx y 2 key3 key4 MAX",
                "zx y 2 key3 key4 MIN",
                "zx y 2 key3 key4 MAX"
            ]
        );
    }
}
