//! `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`: the keys in a whole command.

use spinel_family::spec::{CommandFlags, KeyFlags, KeySpec};
use spinel_family::{Args, Command as Grammar, CommandError, Encoder, Parse, Words, is_token};

use super::info::write_key_flags;
use crate::migrate;
use crate::registry::REGISTRY;
use crate::session::{SessionCommand, SessionContext};
use crate::{Engine, Flow};

/// Finds the keys in a whole command.
#[derive(Grammar)]
#[command(name = "command|getkeys", group = Server, since = "2.8.13", manual, arity = -4)]
#[command(complexity = "O(N) where N is the number of arguments to the command")]
#[command(flags(loading, stale), categories(Connection))]
pub(super) struct CommandGetkeys;

/// Finds the keys in a whole command, and what it does with them.
#[derive(Grammar)]
#[command(name = "command|getkeysandflags", group = Server, since = "7.0.0", manual, arity = -4)]
#[command(complexity = "O(N) where N is the number of arguments to the command")]
#[command(flags(loading, stale), categories(Connection))]
pub(super) struct CommandGetkeysandflags;

impl Parse<'_> for CommandGetkeys {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        words.rest();
        Ok(Self)
    }
}

impl Parse<'_> for CommandGetkeysandflags {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        words.rest();
        Ok(Self)
    }
}

impl SessionCommand for CommandGetkeys {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let command = cx.args.skip(2);
        let keys = keys_of(cx.engine(), command)?;
        out.array(keys.len());
        keys.iter().for_each(|(at, _)| out.bulk(command.at(*at)));
        Ok(Flow::Continue)
    }
}

impl SessionCommand for CommandGetkeysandflags {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let command = cx.args.skip(2);
        let keys = keys_of(cx.engine(), command)?;
        out.array(keys.len());
        for (at, flags) in keys {
            out.array(2);
            out.bulk(command.at(at));
            write_key_flags(flags, out);
        }
        Ok(Flow::Continue)
    }
}

/// The places of a command's keys, with their flags.
fn keys_of(engine: &Engine, args: Args<'_>) -> Result<Vec<(usize, KeyFlags)>, CommandError> {
    let command = engine.lookup(args).ok_or(CommandError::text("ERR Invalid command specified"))?;
    let command = REGISTRY.get(command.seen_as);
    let spec = command.spec;
    if spec.keys.iter().all(|key| key.flags.has(KeyFlags::NOT_KEY)) {
        return Err(CommandError::text("ERR The command has no key arguments"));
    }
    if !spec.accepts(args.len()) {
        return Err(CommandError::text("ERR Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    let known =
        |key: &&KeySpec| !(key.flags.has(KeyFlags::NOT_KEY) || spec.reach.is_some() && key.is_unknown());
    for key in spec.keys.iter().filter(known) {
        let flags = flags_in_call(key.flags, command.spec.name, args);
        let fits = key.each(args.len(), |at| args.at(at), |at| found.push((at, flags)));
        if fits.is_none() {
            if command.flags.has(CommandFlags::NO_MANDATORY_KEYS) {
                return Ok(Vec::new());
            }
            return Err(CommandError::text("ERR Invalid arguments specified for command"));
        }
    }
    found.extend(spec.reach(args.iter()).key);
    if spec.name == "migrate"
        && let Some(place) = migrate::place_of_keys(args)
    {
        // Beside KEYS the other key must be empty, which then is none.
        found.retain(|&(at, _)| at > place && args.at(3).is_empty());
    }
    // The keys of a call are all there.
    found.iter_mut().for_each(|(_, flags)| *flags = flags.without(KeyFlags::INCOMPLETE));
    if found.is_empty() && !command.flags.has(CommandFlags::NO_MANDATORY_KEYS) {
        return Err(CommandError::text("ERR Invalid arguments specified for command"));
    }
    Ok(found)
}

/// The flags of a key in one call, where they depend on it: `SET` looks at what is there only with the word `GET`, and
/// `BITFIELD` writes unless it only gets.
fn flags_in_call(flags: KeyFlags, command: &str, args: Args<'_>) -> KeyFlags {
    let both = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);
    if !flags.has(KeyFlags::VARIABLE_FLAGS) {
        flags
    } else if command == "bitfield" {
        if bitfield_writes(args) { both } else { KeyFlags::RO.with(KeyFlags::ACCESS) }
    } else if args.iter().skip(3).any(|word| is_token(word, "GET")) {
        both
    } else {
        KeyFlags::OW.with(KeyFlags::UPDATE)
    }
}

/// Whether an operation of `BITFIELD` that writes comes before anything that is none.
fn bitfield_writes(args: Args<'_>) -> bool {
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let follow = args.len() - at - 1;
        let is = |token, words| is_token(word, token) && follow >= words;
        at += match word {
            _ if is("GET", 2) => 3,
            _ if is("OVERFLOW", 1) => 2,
            _ => return is("SET", 3) || is("INCRBY", 3),
        };
    }
    false
}
