//! The replies of `COMMAND` and `COMMAND DOCS` as facts: a normal text for each, by its name.

use std::collections::BTreeMap;
use std::io;

use spinel_resp::Value;

use crate::client::Client;

/// The facts about one command, by kind, each in its normal text.
pub(super) type Facts = BTreeMap<&'static str, String>;

/// The elements of `COMMAND INFO` after the name.
const ELEMENTS: [&str; 8] =
    ["arity", "flags", "first key", "last key", "key step", "categories", "tips", "key specifications"];
/// Where the subcommands stand in it.
const SUBCOMMANDS: usize = 9;
/// The entries of `COMMAND DOCS` that are facts.
const ENTRIES: [(&str, &str); 6] = [
    ("since", "since"),
    ("group", "group"),
    ("doc_flags", "documentation flags"),
    ("deprecated_since", "deprecated since"),
    ("replaced_by", "replaced by"),
    ("arguments", "arguments"),
];

/// The facts of every command and subcommand of a server.
pub(super) fn read(client: &mut Client) -> io::Result<BTreeMap<String, Facts>> {
    let mut all = BTreeMap::new();
    for command in items(&client.call(&["COMMAND"])?) {
        add_info(command, &mut all);
    }
    for (name, document) in pairs(&client.call(&["COMMAND", "DOCS"])?) {
        add_document(&name_of(name), document, &mut all);
    }
    Ok(all)
}

/// The documented arguments of every command and subcommand of a server.
pub(super) fn read_arguments(client: &mut Client) -> io::Result<BTreeMap<String, Vec<Value>>> {
    let mut all = BTreeMap::new();
    let mut left: Vec<(Value, Value)> = pairs(&client.call(&["COMMAND", "DOCS"])?).to_vec();
    while let Some((name, document)) = left.pop() {
        let arguments = entry(&document, "arguments").map_or(&[][..], items).to_vec();
        all.insert(name_of(&name), arguments);
        left.extend(entry(&document, "subcommands").map_or(&[][..], pairs).iter().cloned());
    }
    Ok(all)
}

fn add_info(command: &Value, all: &mut BTreeMap<String, Facts>) {
    let parts = items(command);
    let Some((name, parts_after)) = parts.split_first() else { return };
    let facts = ELEMENTS.iter().zip(parts_after).map(|(kind, part)| (*kind, normal(part))).collect();
    all.insert(name_of(name), facts);
    parts.get(SUBCOMMANDS).map_or(&[][..], items).iter().for_each(|sub| add_info(sub, all));
}

fn add_document(name: &str, document: &Value, all: &mut BTreeMap<String, Facts>) {
    let facts = all.entry(name.to_owned()).or_default();
    for (key, kind) in ENTRIES {
        if let Some(value) = entry(document, key) {
            facts.insert(kind, normal(value));
        }
    }
    if let Some(history) = entry(document, "history") {
        let versions: Vec<String> =
            items(history).iter().filter_map(|change| items(change).first()).map(name_of).collect();
        facts.insert("versions with changes", versions.join(" "));
    }
    for (name, document) in entry(document, "subcommands").map_or(&[][..], pairs) {
        add_document(&name_of(name), document, all);
    }
}

/// The elements of an array or set; none of anything else.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        _ => &[],
    }
}

/// The pairs of a map; none of anything else.
fn pairs(value: &Value) -> &[(Value, Value)] {
    match value {
        Value::Map(pairs) => pairs,
        _ => &[],
    }
}

/// The value of a map's key.
pub(super) fn entry<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    pairs(map).iter().find(|(name, _)| name.as_bytes() == Some(key.as_bytes())).map(|(_, value)| value)
}

/// A name as text.
pub(super) fn name_of(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned()
}

/// A text that is the same for values that say the same: sets and maps are sorted, notes are left out, kinds of strings
/// are one.
pub(super) fn normal(value: &Value) -> String {
    match value {
        Value::Set(items) => {
            let mut texts: Vec<String> = items.iter().map(normal).collect();
            texts.sort();
            format!("{{{}}}", texts.join(" "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(normal).collect::<Vec<_>>().join(", "))
        }
        Value::Map(pairs) => {
            let mut texts: Vec<String> = pairs
                .iter()
                .filter(|(key, _)| key.as_bytes() != Some(b"notes"))
                .map(|(key, value)| format!("{}: {}", normal(key), normal(value)))
                .collect();
            texts.sort();
            format!("({})", texts.join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Error(text) => format!("error {}", String::from_utf8_lossy(text)),
        other => match other.as_bytes() {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => format!("{other:?}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[test]
    fn order_in_sets_and_maps_kinds_of_strings_and_notes_do_not_count() {
        let one = Value::Map(vec![
            (text("flags"), Value::Set(vec![Value::SimpleString(b"RO".to_vec()), text("access")])),
            (text("at"), Value::Integer(1)),
        ]);
        let other = Value::Map(vec![
            (text("notes"), text("anything")),
            (text("at"), Value::Integer(1)),
            (text("flags"), Value::Set(vec![text("access"), text("RO")])),
        ]);
        assert_eq!(normal(&one), normal(&other));
        assert_eq!(normal(&one), "(at: 1, flags: {RO access})");
        assert_ne!(
            normal(&Value::Array(vec![text("a"), text("b")])),
            normal(&Value::Array(vec![text("b"), text("a")]))
        );
    }
}
