//! `COMMAND INFO`: ten elements for a command, down to its subcommands.

use spinel_family::Encoder;
use spinel_family::spec::{Begin, CommandFlags, Find, KeyFlags, KeySpec};

use crate::registry::{Command, LegacyRange, REGISTRY};

/// Flags that only the server itself looks at: Redis has them too and does not tell.
const INTERNAL: CommandFlags =
    CommandFlags::SENTINEL.with(CommandFlags::MAY_REPLICATE).with(CommandFlags::PROTECTED);

/// Describes every command.
pub(super) fn write_all(out: &mut Encoder) {
    out.array(REGISTRY.top_level().count());
    REGISTRY.top_level().for_each(|command| write(command, out));
}

/// Describes one command.
pub(super) fn write(command: &Command, out: &mut Encoder) {
    let spec = command.spec;
    let range = LegacyRange::of(spec);
    out.array(10);
    out.bulk(spec.name.as_bytes());
    out.integer(i64::from(spec.arity));
    let flags = || command.flags.names().filter(|name| !INTERNAL.names().any(|hidden| hidden == *name));
    out.set(flags().count());
    flags().for_each(|flag| out.simple(flag));
    for number in [range.first, range.last, range.step] {
        out.integer(i64::from(number));
    }
    out.set(command.categories().count());
    command.categories().for_each(|category| out.simple(&format!("@{}", category.name())));
    out.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| out.bulk(tip.as_bytes()));
    out.set(spec.keys.len());
    spec.keys.iter().for_each(|key| write_key_spec(key, out));
    if command.seen_subcommands().is_empty() {
        out.set(0);
        return;
    }
    out.array(command.seen_subcommands().len());
    for id in command.seen_subcommands() {
        write(REGISTRY.get(*id), out);
    }
}

/// The flags of keys.
pub(super) fn write_key_flags(flags: KeyFlags, out: &mut Encoder) {
    out.set(flags.names().count());
    flags.names().for_each(|flag| out.simple(flag));
}

fn write_key_spec(key: &KeySpec, out: &mut Encoder) {
    out.map(if key.notes.is_empty() { 3 } else { 4 });
    if !key.notes.is_empty() {
        out.bulk(b"notes");
        out.bulk(key.notes.as_bytes());
    }
    out.bulk(b"flags");
    write_key_flags(key.flags, out);
    out.bulk(b"begin_search");
    match key.begin {
        Begin::Index(at) => write_search("index", &[("index", at)], out),
        Begin::Keyword { word, start_from } => {
            begin_search("keyword", 2, out);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            write_number("startfrom", start_from, out);
        }
        Begin::Unknown => write_search("unknown", &[], out),
    }
    out.bulk(b"find_keys");
    match key.find {
        Find::Range { last, step, limit } => {
            write_search("range", &[("lastkey", last), ("keystep", step), ("limit", limit)], out);
        }
        Find::KeyNum { at, first, step } => {
            write_search("keynum", &[("keynumidx", at), ("firstkey", first), ("keystep", step)], out);
        }
        Find::Unknown => write_search("unknown", &[], out),
    }
}

fn write_search(kind: &str, numbers: &[(&str, i32)], out: &mut Encoder) {
    begin_search(kind, numbers.len(), out);
    numbers.iter().for_each(|(name, number)| write_number(name, *number, out));
}

fn begin_search(kind: &str, pairs: usize, out: &mut Encoder) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(pairs);
}

fn write_number(name: &str, number: i32, out: &mut Encoder) {
    out.bulk(name.as_bytes());
    out.integer(i64::from(number));
}
