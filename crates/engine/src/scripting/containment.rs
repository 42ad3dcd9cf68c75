//! Scripts whose text shows that they reach for declared keys only.
//!
//! On an event loop such a script never waits for shards once it has written, so that any number of them may write at the same
//! time without all shards: [`alone`](super::alone) asks the token of the others only.

use spinel_family::Run;
use spinel_script::{ShownCall, ShownWord, shown_calls};

use crate::registry::{Action, Command, LegacyRange, REGISTRY};

/// Longer texts are not looked through.
const MOST_BYTES: usize = 8 << 10;

/// Whether the text of a script in Lua shows that it never reaches for a key that it does not declare.
pub(super) fn is_contained(source: &[u8]) -> bool {
    source.len() <= MOST_BYTES
        && shown_calls(source).is_some_and(|calls| calls.iter().all(|call| names_its_keys(call).is_some()))
}

/// Whether all keys of a call are declared ones; nothing if not.
fn names_its_keys(call: &ShownCall<'_>) -> Option<()> {
    let command = command_of(call)?;
    let is_wide = match command.action {
        Action::Data(entry) => matches!(entry.run, Run::Sweep(_) | Run::Exclusive(_) | Run::Container(_)),
        Action::Session(_) | Action::Container => false,
    };
    let range = LegacyRange::of(command.spec);
    let is_told = !is_wide && !range.is_partial && command.spec.reach.is_none();
    is_told.then_some(())?;
    if range.first == 0 {
        return command.spec.keys.is_empty().then_some(());
    }
    let count = call.words.len() as i32;
    let last = if range.last < 0 { count + range.last } else { range.last };
    // Of an open call nobody knows what its last word is, and what follows.
    (!call.is_open || range.last >= 0 && last < count - 1).then_some(())?;
    let mut places = (range.first..=last).step_by(range.step.max(1) as usize);
    // Too few words are an error before anything is reached.
    places.all(|at| at >= count || call.words[at as usize] == ShownWord::Key).then_some(())
}

/// The command that a call names.
fn command_of(call: &ShownCall<'_>) -> Option<&'static Command> {
    let text_at = |at: usize| match call.words.get(at) {
        Some(ShownWord::Text(text)) => Some(*text),
        _ => None,
    };
    let command = REGISTRY.find(text_at(0)?)?;
    match text_at(1) {
        _ if command.subcommands.is_empty() => Some(command),
        Some(sub) => REGISTRY.find_sub(command, sub),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_contained;

    #[test]
    fn a_script_whose_keys_are_all_declared_is_contained() {
        for source in [
            "return 1",
            "return redis.call('GET', KEYS[1])",
            "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])",
            "redis.call('DEL', KEYS[1], KEYS[2])",
            "redis.call('MSET', KEYS[1], 'x', KEYS[2], 'y')",
            "redis.call('RPUSH', KEYS[1], unpack(ARGV))",
            "redis.call('XGROUP', 'CREATE', KEYS[1], 'group', '$')",
            "redis.call('PUBLISH', ARGV[1], 'x') return redis.call('TIME')",
            "local key = KEYS[1] if redis.call('get', key) == ARGV[1] then return redis.call('del', key) end",
            "redis.call('GET')",
        ] {
            assert!(is_contained(source.as_bytes()), "{source}");
        }
    }

    #[test]
    fn a_script_that_may_reach_further_is_not() {
        for source in [
            "return redis.call('GET', 'x')",
            "return redis.call('GET', ARGV[1])",
            "redis.call('DEL', KEYS[1], ARGV[1])",
            "redis.call('DEL', KEYS[1], unpack(ARGV))",
            "redis.call('RENAME', KEYS[1], unpack(ARGV))",
            "redis.call(ARGV[1], KEYS[1])",
            "redis.call('XGROUP', ARGV[1], KEYS[1])",
            "redis.call('SORT', KEYS[1], 'BY', 'x*')",
            "redis.call('ZUNIONSTORE', KEYS[1], 1, KEYS[2])",
            "redis.call('EVAL', 'return 1', 0)",
            "redis.call('KEYS', '*')",
            "redis.call('DBSIZE')",
            "redis.call('RANDOMKEY')",
            "redis.call('FLUSHALL')",
            "redis.call('SCAN', 0)",
            "redis.call('SWAPDB', 0, 1)",
            "redis.call('MIGRATE', 'h', 1, 'k', 0, 1)",
            "redis.call('NOSUCH', KEYS[1])",
        ] {
            assert!(!is_contained(source.as_bytes()), "{source}");
        }
        let long = format!("return 1 --{}", "x".repeat(super::MOST_BYTES));
        assert!(!is_contained(long.as_bytes()));
    }
}
