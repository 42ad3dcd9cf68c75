//! Command-line words of a verb: `--name value`, `--name=value` and switches.
//!
//! A value option may be repeated and may take several words (`--unit a b c`), since units are usually listed so.
//! No abbreviations, no defaults: a verb reads what it needs and says its own defaults.

use crate::Outcome;
use std::collections::BTreeMap;

/// The parsed options of one verb.
#[derive(Debug, Default)]
pub(crate) struct Args {
    values: BTreeMap<String, Vec<String>>,
    switches: Vec<String>,
}

impl Args {
    /// Sorts `words` into options that take values and switches; an unknown or misplaced word is an error.
    pub(crate) fn parse(
        words: impl Iterator<Item = String>,
        value_names: &[&str],
        switch_names: &[&str],
    ) -> Outcome<Args> {
        let mut args = Args::default();
        let mut current: Option<String> = None;
        for word in words {
            // A server's own arguments begin with dashes too: the value right after its option is taken as it is.
            let awaited = current.as_ref().is_some_and(|name| args.values[name].is_empty());
            let Some(option) = word.strip_prefix("--").filter(|_| !awaited) else {
                let name = current.as_ref().ok_or_else(|| format!("unexpected word '{word}'"))?;
                args.values.entry(name.clone()).or_default().push(word);
                continue;
            };
            let (name, inline) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            current = None;
            if value_names.contains(&name) {
                args.values.entry(name.to_owned()).or_default().extend(inline.clone());
                current = inline.is_none().then(|| name.to_owned());
            } else if switch_names.contains(&name) && inline.is_none() {
                args.switches.push(name.to_owned());
            } else {
                return Err(format!("unknown option '{word}'"));
            }
        }
        match args.values.iter().find(|(_, values)| values.is_empty()) {
            Some((name, _)) => Err(format!("option '--{name}' needs a value")),
            None => Ok(args),
        }
    }

    /// The last value of an option, when given.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// All values of an option.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a switch was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.switches.iter().any(|given| given == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn parse(words: &[&str]) -> Result<Args, String> {
        Args::parse(words.iter().map(ToString::to_string), &["unit", "server-args"], &["update"])
    }

    #[test]
    fn a_value_option_takes_several_words_and_repeats() {
        let args = parse(&["--unit", "a", "b", "--update", "--unit=c"]).unwrap();
        assert_eq!(args.all("unit"), ["a", "b", "c"]);
        assert_eq!(args.value("unit"), Some("c"));
        assert!(args.has("update"));
    }

    #[test]
    fn the_word_after_a_value_option_may_begin_with_dashes() {
        let args = parse(&["--server-args", "--shards 64", "--update"]).unwrap();
        assert_eq!(args.value("server-args"), Some("--shards 64"));
        assert!(args.has("update"));
    }

    #[test]
    fn unknown_stray_and_missing_words_are_errors() {
        assert!(parse(&["--nonsense"]).is_err());
        assert!(parse(&["stray"]).is_err());
        assert!(parse(&["--unit"]).is_err());
        assert!(parse(&["--update", "stray"]).is_err());
    }
}
