//! Which words of a command are secrets, not to be shown by MONITOR and the slow log.

use spinel_family::Args;

use crate::config::is_sensitive;
use crate::migrate;
use crate::registry::Command;

/// What is shown instead.
pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// Whether the word at a place is a secret.
pub(crate) fn hides_word(command: &Command, args: Args<'_>, at: usize) -> bool {
    let follows = |distance: usize, token: &str| {
        at.checked_sub(distance)
            .and_then(|at| args.get(at))
            .is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()))
    };
    match command.spec.name {
        "auth" => at > 0,
        "hello" => at > 2 && (follows(1, "auth") || follows(2, "auth")),
        "migrate" => migrate::is_secret(args, at),
        "config|set" => at > 2 && at % 2 == 1 && is_sensitive(args.at(at - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use spinel_family::OwnedArgs;

    use super::*;
    use crate::registry::REGISTRY;

    fn shown(line: &str) -> String {
        let args = OwnedArgs::from_words(line.split(' '));
        let args = args.args();
        let command = REGISTRY.find(args.at(0)).unwrap();
        let command = REGISTRY.find_sub(command, args.at(1)).unwrap_or(command);
        let word = |at| if hides_word(command, args, at) { REDACTED } else { args.at(at) };
        let words: Vec<_> = (0..args.len()).map(|at| String::from_utf8_lossy(word(at))).collect();
        words.join(" ")
    }

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        assert_eq!(shown("auth a b"), "auth (redacted) (redacted)");
        assert_eq!(shown("hello 3 AUTH a b SETNAME c"), "hello 3 AUTH (redacted) (redacted) SETNAME c");
        let migrate = "migrate host 6379 k 0 1000 AUTH a COPY AUTH2 b c KEYS auth d";
        let hidden = migrate.replace(" a ", " (redacted) ").replace(" b c ", " (redacted) (redacted) ");
        assert_eq!(shown(migrate), hidden.replace("auth d", "auth (redacted)"));
        assert_eq!(
            shown("config set hz 10 requirepass a port 1"),
            "config set hz 10 requirepass (redacted) port 1"
        );
    }
}
