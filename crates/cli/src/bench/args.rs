//! The words of a command line, by a table that is also the help text.

use std::fmt::Write as _;
use std::str::FromStr;

use super::failure::Failure;

/// An option that may be given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: &'static str,
    /// What its value is called in the help; empty for a switch.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
}

/// Words understood.
#[derive(Debug, Default)]
pub(crate) struct Args {
    given: Vec<(&'static str, String)>,
    /// Words that belong to no option, in order.
    pub(crate) rest: Vec<String>,
}

impl Args {
    /// Understands `words` by `flags`; `--name value` and `--name=value` mean the same, and `--` ends the options.
    pub(crate) fn parse(words: &[String], flags: &[Flag]) -> Result<Args, Failure> {
        let mut args = Args::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.rest.extend(words.cloned());
                break;
            }
            if !word.starts_with('-') || word.len() == 1 {
                args.rest.push(word.clone());
                continue;
            }
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let flag = flags
                .iter()
                .find(|flag| flag.name == name)
                .ok_or_else(|| Failure::Usage(format!("unknown option {name}")))?;
            let value = match (flag.value.is_empty(), inline) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(Failure::Usage(format!("{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => {
                    words.next().cloned().ok_or_else(|| Failure::Usage(format!("{name} needs a value")))?
                }
            };
            args.given.push((flag.name, value));
        }
        Ok(args)
    }

    /// Whether a switch was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// The last value of an option.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// All values of an option that may be repeated.
    pub(crate) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// The last value of an option, as a number or whatever else can be read from text.
    pub(crate) fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Failure::Usage(format!("{name} cannot be `{text}`")))
    }

    /// A count: a whole number above 0, for which `k` and `m` may stand behind it.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        count(text).map(Some).ok_or_else(|| Failure::Usage(format!("{name} cannot be `{text}`")))
    }
}

/// A whole number above 0; `k` stands for thousands and `m` for millions.
pub(crate) fn count(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.as_bytes().last()? {
        b'k' => (&lower[..lower.len() - 1], 1_000),
        b'm' => (&lower[..lower.len() - 1], 1_000_000),
        _ => (&lower[..], 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|&count| count > 0)
}

/// The options, one per line, for the help.
pub(crate) fn help(flags: &[Flag]) -> String {
    let mut text = String::new();
    for flag in flags {
        let usage = format!("{} {}", flag.name, flag.value);
        writeln!(text, "  {usage:<26} {}", flag.help).expect("a String takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Args, Flag, count, help};

    const FLAGS: &[Flag] = &[
        Flag { name: "--size", value: "N", help: "a size" },
        Flag { name: "-c", value: "N", help: "connections" },
        Flag { name: "--json", value: "", help: "a switch" },
    ];

    fn parse(text: &str) -> Result<Args, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Args::parse(&words, FLAGS).map_err(|failure| failure.to_string())
    }

    #[test]
    fn options_values_switches_and_the_rest_are_told_apart() {
        let args = parse("get --size 5 --json --size=6 -c 2 set -- --size x").unwrap();
        assert_eq!(args.text("--size"), Some("6"));
        assert!(args.texts("--size").eq(["5", "6"]));
        assert_eq!(args.value::<u16>("-c").unwrap(), Some(2));
        assert!(args.has("--json") && !args.has("--quiet"));
        assert_eq!(args.rest, ["get", "set", "--size", "x"]);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parse("--sise 3").unwrap_err().contains("--sise"));
        assert!(parse("--size").unwrap_err().contains("--size"));
        assert!(parse("--json=1").unwrap_err().contains("--json"));
        assert!(parse("--size x").unwrap().value::<u64>("--size").is_err());
        assert!(parse("--size 0").unwrap().count("--size").is_err());
    }

    #[test]
    fn counts_may_have_units() {
        assert_eq!(["7", "5k", "2M"].map(count), [Some(7), Some(5_000), Some(2_000_000)]);
        for text in ["", "k", "0", "-1", "1.5k", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(count(text), None, "{text}");
        }
    }

    #[test]
    fn the_help_names_every_option() {
        assert!(FLAGS.iter().all(|flag| help(FLAGS).contains(flag.name)));
    }
}
