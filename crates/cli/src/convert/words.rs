//! The words on the command line.

use spinel_engine::config::RdbVersion;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Rdb,
    Aof,
}

/// How the base of an append-only file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Rdb,
    Commands,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) input: String,
    pub(super) output: String,
    pub(super) to: To,
    pub(super) base: Base,
    pub(super) rdb_version: RdbVersion,
    pub(super) drops_torn_end: bool,
}

/// How the tool is called.
pub(super) fn usage(program: &str) -> String {
    format!(
        "Usage: {program} INPUT OUTPUT [--to rdb|aof] [--rdb-version 9|10|11|12|80] [--rdb-preamble yes|no] [--force]\n\
         \n\
         INPUT   an RDB file, an append-only file, or the folder or the manifest of one\n\
         OUTPUT  what does not exist yet: NAME.rdb; NAME.aof for a single append-only file, as servers before\n        \
         Redis 7.0 read it; otherwise the folder of an append-only file, or the manifest in it\n\
         \n\
         --to            the form, where the name of the output does not say it\n\
         --rdb-version   9: Redis 5, 6; 10: 7.0; 11: 7.2, Valkey 7.2 to 8.1; 12: Redis 7.4, 8; 80: Valkey 9\n                \
         (default: the lowest that keeps every encoding)\n\
         --rdb-preamble  whether an append-only file begins with a snapshot (default: yes) or is commands only\n\
         --force         leaves out what is torn at the end of an append-only file\n"
    )
}

impl Request {
    /// Reads the words; no reason stands for none at all.
    pub(super) fn parse(words: &[String]) -> Result<Self, Option<String>> {
        let (mut paths, mut to, mut base) = (Vec::new(), None, None);
        let (mut rdb_version, mut drops_torn_end) = (RdbVersion::Auto, false);
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value =
                |what: &str| words.next().ok_or_else(|| Some(format!("{word} needs a value: {what}")));
            match word {
                "--to" => to = Some(parse_to(value("rdb or aof")?)?),
                "--rdb-version" => rdb_version = parse_version(value("9, 10, 11, 12 or 80")?)?,
                "--rdb-preamble" => base = Some(parse_base(value("yes or no")?)?),
                "--force" => drops_torn_end = true,
                _ if word.starts_with("--") => return Err(Some(format!("there is no option {word}"))),
                _ => paths.push(word.trim_end_matches('/').to_owned()),
            }
        }
        let [input, output] = <[String; 2]>::try_from(paths).map_err(|paths| {
            (!paths.is_empty()).then(|| "an input and an output are needed, and nothing else".to_owned())
        })?;
        let to = to.or_else(|| to_of_name(&output)).ok_or_else(|| {
            Some(format!("the name '{output}' does not say what is to be written: use --to"))
        })?;
        if to == To::Rdb && base.is_some() {
            return Err(Some("--rdb-preamble is for append-only files".to_owned()));
        }
        Ok(Self { input, output, to, base: base.unwrap_or(Base::Rdb), rdb_version, drops_torn_end })
    }
}

fn to_of_name(name: &str) -> Option<To> {
    match name.rsplit_once('.')?.1 {
        "rdb" => Some(To::Rdb),
        "aof" | "manifest" => Some(To::Aof),
        _ => None,
    }
}

fn parse_to(word: &str) -> Result<To, Option<String>> {
    match word {
        "rdb" => Ok(To::Rdb),
        "aof" => Ok(To::Aof),
        _ => Err(Some(format!("--to is rdb or aof, not '{word}'"))),
    }
}

fn parse_base(word: &str) -> Result<Base, Option<String>> {
    match word {
        "yes" => Ok(Base::Rdb),
        "no" => Ok(Base::Commands),
        _ => Err(Some(format!("--rdb-preamble is yes or no, not '{word}'"))),
    }
}

fn parse_version(word: &str) -> Result<RdbVersion, Option<String>> {
    match word {
        "9" => Ok(RdbVersion::V9),
        "10" => Ok(RdbVersion::V10),
        "11" => Ok(RdbVersion::V11),
        "12" => Ok(RdbVersion::V12),
        "80" => Ok(RdbVersion::Valkey80),
        _ => Err(Some(format!("--rdb-version is 9, 10, 11, 12 or 80, not '{word}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request, Option<String>> {
        Request::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_form_follows_from_the_name_of_the_output_or_from_a_word() {
        assert_eq!(parse("in out.rdb").unwrap().to, To::Rdb);
        assert_eq!(parse("in out.aof").unwrap().to, To::Aof);
        assert_eq!(parse("in dir/x.manifest").unwrap().to, To::Aof);
        assert_eq!(parse("in out --to rdb").unwrap().to, To::Rdb);
        assert_eq!(parse("in/ out/ --to aof").unwrap().output, "out");
        assert!(parse("in out").unwrap_err().unwrap().contains("--to"));
    }

    #[test]
    fn every_option_has_its_meaning_and_everything_else_is_refused() {
        let request = parse("--force in --rdb-version 9 out.aof --rdb-preamble no").unwrap();
        assert_eq!(
            (request.rdb_version, request.base, request.drops_torn_end),
            (RdbVersion::V9, Base::Commands, true)
        );
        assert_eq!(parse(""), Err(None));
        for words in [
            "in",
            "in out.rdb more",
            "in out.rdb --rdb-version 8",
            "in out.rdb --rdb-version",
            "in out.rdb --rdb-preamble yes",
            "in out.aof --rdb-preamble maybe",
            "in out --to json",
            "in out.rdb --quick",
        ] {
            assert!(parse(words).unwrap_err().is_some(), "{words}");
        }
    }
}
