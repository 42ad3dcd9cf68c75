//! What the tool says it did.

use spinel_aof::recovery::Loaded;
use spinel_engine::persistence::{Converted, Form};
use spinel_store::Kind;

use super::input::Input;
use super::output::Output;

/// A server has so many databases unless it is told otherwise.
const USUAL_DATABASES: u16 = 16;

/// What was read.
pub(super) fn read(input: &Input, loaded: &Loaded, say: &mut dyn FnMut(String)) {
    say(format!("Read {}, {}: {} bytes", input.path, input.what, loaded.total_bytes));
    if let Some((name, lost)) = &loaded.cut {
        say(format!("  left out: the last {lost} bytes of {name}, which are torn"));
    }
}

/// What the data set is.
pub(super) fn converted(converted: &Converted, form: Form, say: &mut dyn FnMut(String)) {
    let keys: u64 = converted.kinds.iter().map(|counts| counts.keys).sum();
    say(format!("  keys: {keys}"));
    for counts in &converted.kinds {
        say(format!("  of type {}: {}", counts.kind.name(), counts.keys));
    }
    if let Some(arrays) = converted.kinds.iter().find(|counts| counts.kind == Kind::Array) {
        say(format!("  note: {} arrays, {}", arrays.keys, what_others_make_of_arrays(form)));
    }
    for (db, keys) in &converted.databases {
        say(format!("  in database {db}: {keys}"));
    }
    if let Some((last, _)) = converted.databases.last().filter(|(last, _)| *last >= USUAL_DATABASES) {
        say(format!("  note: a server needs 'databases {}' to load them", u32::from(*last) + 1));
    }
    if converted.expiring > 0 {
        let (expiring, expired) = (converted.expiring, converted.expired);
        say(format!("  with an expiry: {expiring}, of which {expired} past; these keys are kept, too"));
    }
    if converted.idle_times > 0 {
        say(format!("  with the time since their last use: {}", converted.idle_times));
    }
    if converted.frequencies > 0 {
        say(format!("  note: left out how frequently keys are used: {}", converted.frequencies));
    }
    if converted.functions > 0 {
        say(format!("  libraries of functions: {}", converted.functions));
    }
    if converted.scripts > 0 {
        say(format!("  registered scripts: {}", converted.scripts));
    }
    if converted.scripts_left_out > 0 {
        let count = converted.scripts_left_out;
        say(format!(
            "  note: left out {count} registered scripts, which commands for other servers cannot hold"
        ));
    }
}

fn what_others_make_of_arrays(form: Form) -> &'static str {
    match form {
        Form::Rdb | Form::RdbBase => {
            "which only Spinel reads: other servers load all else (--rdb-preamble no keeps them for Redis 8.8)"
        }
        Form::Commands => "as commands of Redis 8.8, at which older servers and Valkey stop",
    }
}

/// What was written.
pub(super) fn written(output: &Output, converted: &Converted, say: &mut dyn FnMut(String)) {
    say(format!("Wrote the {} {}: {} bytes", output.what(), output.place().display(), converted.bytes));
}
