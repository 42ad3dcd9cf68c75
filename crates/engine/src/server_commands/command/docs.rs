//! `COMMAND DOCS`: a map for a command, with its arguments as a tree and its subcommands.

use spinel_family::Encoder;
use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec};

use crate::registry::{Command, REGISTRY};

/// Documents one command.
pub(super) fn write(command: &Command, out: &mut Encoder) {
    let spec = command.spec;
    let texts = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    let later_texts = [("deprecated_since", spec.deprecated_since), ("replaced_by", spec.replaced_by)];
    let given = texts.iter().chain(&later_texts).filter(|(_, text)| !text.is_empty()).count();
    let lists = [
        !spec.doc_flags.is_empty(),
        !spec.history.is_empty(),
        !spec.args.is_empty(),
        !command.seen_subcommands().is_empty(),
    ];
    out.map(given + lists.into_iter().filter(|given| *given).count());
    write_texts(&texts, out);
    if !spec.doc_flags.is_empty() {
        out.bulk(b"doc_flags");
        out.set(spec.doc_flags.len());
        spec.doc_flags.iter().for_each(|flag| out.simple(flag.name()));
    }
    write_texts(&later_texts, out);
    if !spec.history.is_empty() {
        out.bulk(b"history");
        out.set(spec.history.len());
        for (version, change) in spec.history {
            out.array(2);
            out.bulk(version.as_bytes());
            out.bulk(change.as_bytes());
        }
    }
    if !spec.args.is_empty() {
        out.bulk(b"arguments");
        write_args(spec.args, None, out);
    }
    if !command.seen_subcommands().is_empty() {
        out.bulk(b"subcommands");
        out.map(command.seen_subcommands().len());
        for sub in command.seen_subcommands().iter().map(|id| REGISTRY.get(*id)) {
            out.bulk(sub.spec.name.as_bytes());
            write(sub, out);
        }
    }
}

fn write_texts(texts: &[(&str, &str)], out: &mut Encoder) {
    for (name, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
}

/// The arguments with the parts of those that are spread in their place, each with the index of its key specification
/// if it holds keys. That of a block belongs to the keys in it.
fn spread(args: &[ArgSpec], of_block: Option<usize>) -> Vec<(&ArgSpec, Option<usize>)> {
    let mut all = Vec::new();
    for arg in args {
        let keys = arg.key_spec.or(of_block);
        if arg.spread {
            all.extend(spread(arg.children, keys));
        } else {
            all.push((arg, keys));
        }
    }
    all
}

fn write_args(args: &[ArgSpec], of_block: Option<usize>, out: &mut Encoder) {
    let args = spread(args, of_block);
    out.array(args.len());
    args.iter().for_each(|(arg, keys)| write_arg(arg, *keys, out));
}

fn write_arg(arg: &ArgSpec, keys: Option<usize>, out: &mut Encoder) {
    let has_children = matches!(arg.kind, ArgKind::OneOf | ArgKind::Block);
    let own_keys = keys.filter(|_| matches!(arg.kind, ArgKind::Key | ArgKind::Pattern));
    let texts = [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)];
    let given = texts.iter().filter(|(_, text)| !text.is_empty()).count();
    let flags = arg.flags != ArgFlags::default();
    out.map(2 + usize::from(own_keys.is_some()) + given + usize::from(flags) + usize::from(has_children));
    write_texts(&[("name", arg.name), ("type", arg.kind.name())], out);
    if let Some(index) = own_keys {
        out.bulk(b"key_spec_index");
        out.integer(index as i64);
    }
    write_texts(&texts, out);
    if flags {
        out.bulk(b"flags");
        write_arg_flags(arg.flags, out);
    }
    if has_children {
        out.bulk(b"arguments");
        write_args(arg.children, keys, out);
    }
}

fn write_arg_flags(flags: ArgFlags, out: &mut Encoder) {
    let all = [
        (flags.optional, "optional"),
        (flags.multiple, "multiple"),
        (flags.multiple_token, "multiple_token"),
    ];
    out.set(all.iter().filter(|(set, _)| *set).count());
    all.iter().filter(|(set, _)| *set).for_each(|(_, name)| out.simple(name));
}
