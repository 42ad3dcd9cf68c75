//! Inventing commands: the same stream for the same seed and family, for ever.
//!
//! A stream is a list of [`Step`]s over two connections, so that transactions meet changes from outside. Nothing in it
//! depends on replies; hence any part of it can be run again.

mod families;
mod newer;
mod script;
mod template;
mod vocabulary;

pub use families::{FAMILIES, Family};
pub use newer::{KnownBy, NEWER, Newer};

use crate::client::Words;
use crate::random::Random;
use families::SEEDS;
use template::Template;
use vocabulary::{Kind, Vocabulary};

/// One command on one of two connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which connection: 0 or 1.
    pub connection: usize,
    /// The command.
    pub words: Words,
}

/// An endless stream of commands.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    vocabulary: Vocabulary,
    templates: Vec<Template>,
    seeds: Vec<Template>,
    damage: usize,
    connection: usize,
}

impl Generator {
    /// The stream of a family and seed.
    pub fn new(family: &Family, seed: u64) -> Generator {
        let own = family.templates.iter();
        let all = FAMILIES.iter().flat_map(|other| other.templates);
        let templates: Vec<&&str> = if family.templates.is_empty() { all.collect() } else { own.collect() };
        Generator {
            random: Random::named(seed, family.name),
            vocabulary: Vocabulary::small(),
            templates: templates.into_iter().map(|text| Template::parse(text)).collect(),
            seeds: if Newer::of(family).is_some() { newer::SEEDS } else { SEEDS }
                .iter()
                .map(|text| Template::parse(text))
                .collect(),
            damage: family.damage,
            connection: 0,
        }
    }

    /// The next command, or the next few that belong together.
    pub fn next_steps(&mut self) -> Vec<Step> {
        if self.random.chance(15) {
            self.connection = 1 - self.connection;
        }
        let templates = if self.random.chance(50) { &self.seeds } else { &self.templates };
        let chosen = self.random.below(templates.len());
        let mut commands = templates[chosen].invent(&mut self.random, &self.vocabulary);
        if commands.len() == 1 {
            if self.random.chance(self.damage) && !keeps_its_words(&commands[0]) {
                let whole = commands[0].clone();
                self.damage_words(&mut commands[0]);
                if expires_soon(&commands[0]) {
                    commands[0] = whole;
                }
            }
            if self.random.chance(20) {
                change_case(&mut commands[0][0], &mut self.random);
            }
        }
        commands.iter_mut().for_each(ask_for_nothing_newer);
        let connection = self.connection;
        commands.into_iter().map(|words| Step { connection, words }).collect()
    }

    /// Loses, doubles, exchanges or replaces a word behind the first.
    fn damage_words(&mut self, words: &mut Words) {
        let random = &mut self.random;
        let at = 1 + random.below(words.len());
        match random.below(5) {
            0 if words.len() > 1 => {
                words.remove(at.min(words.len() - 1));
            }
            1 => words.truncate(at),
            2 => {
                let word = words[at.min(words.len() - 1)].clone();
                words.insert(at, word);
            }
            3 if words.len() > 1 && harmless(words) => {
                let index = at.min(words.len() - 1);
                words[index] = self.vocabulary.word(Kind::Garbage, random);
            }
            _ => {
                let (left, right) = (1 + random.below(words.len()), at);
                if left < words.len() && right < words.len() && harmless(words) {
                    words.swap(left, right);
                }
            }
        }
    }
}

/// `+` is an ID for XREAD from Redis 7.4 on, and an error that is told otherwise by XREADGROUP: another error takes its place.
/// The least integer is a RANK of LPOS no longer: the next one takes its place.
fn ask_for_nothing_newer(words: &mut Words) {
    if words[0].eq_ignore_ascii_case(b"LPOS") {
        let least = words.iter_mut().filter(|word| **word == b"-9223372036854775808");
        least.for_each(|word| *word = b"-9223372036854775807".to_vec());
    }
    let is_reading = [&b"XREAD"[..], b"XREADGROUP"].iter().any(|name| words[0].eq_ignore_ascii_case(name));
    let pluses =
        words.iter_mut().filter(|word| is_reading && word.split(|&byte| byte == 0).next() == Some(b"+"));
    pluses.for_each(|word| word[0] = b'-');
}

/// Whether other words in place of these could ask for neither gigabytes nor an endless wait.
fn harmless(words: &Words) -> bool {
    const RISKY: [&str; 16] = [
        "XREAD",
        "XREADGROUP",
        "SETBIT",
        "BITFIELD",
        "SETRANGE",
        "SRANDMEMBER",
        "HRANDFIELD",
        "ZRANDMEMBER",
        "BLPOP",
        "BRPOP",
        "BLMOVE",
        "BRPOPLPUSH",
        "BLMPOP",
        "BZMPOP",
        "BZPOPMIN",
        "BZPOPMAX",
    ];
    !RISKY.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(&words[0]))
}

/// Whether a key would expire within seconds: one server might still show it when the other does not any more.
fn expires_soon(words: &Words) -> bool {
    const LONG: i64 = 5_000;
    let name = words[0].to_ascii_uppercase();
    let times: Vec<&Vec<u8>> = match name.as_slice() {
        b"EXPIRE" | b"PEXPIRE" | b"SETEX" | b"PSETEX" | b"RESTORE" | b"HEXPIRE" | b"HPEXPIRE" => {
            words.iter().skip(2).take(1).collect()
        }
        b"SET" | b"GETEX" | b"HSETEX" | b"HGETEX" => {
            let is_unit = |word: &[u8]| word.eq_ignore_ascii_case(b"EX") || word.eq_ignore_ascii_case(b"PX");
            words.windows(2).filter(|pair| is_unit(&pair[0])).map(|pair| &pair[1]).collect()
        }
        _ => return false,
    };
    times.iter().any(|time| {
        let number = std::str::from_utf8(time).ok().and_then(|text| text.parse::<i64>().ok());
        number.is_some_and(|time| (1..LONG).contains(&time))
    })
}

/// Whether a command must stay as it is. Lexicographic ranges rely on some: they have no meaning in sets of several scores,
/// where the reference answers by the shape of its skip list. ZRANK and ZREVRANK take one more word in newer releases, so
/// that a transaction finds out only later that it is a wrong one.
fn keeps_its_words(words: &Words) -> bool {
    let keeps_one_score = words[0] == b"ZADD" && words[1].starts_with(b"l");
    keeps_one_score
        || words[0] == b"CONFIG"
        || words[0] == b"ZRANK"
        || words[0] == b"ZREVRANK"
        || holds_code(words)
        || is_fatal_cut_short(words)
}

/// Whether code stands among the words: compilers tell of nonsense each in its own words.
fn holds_code(words: &Words) -> bool {
    [&b"EVAL"[..], b"EVAL_RO", b"SCRIPT", b"FUNCTION"].contains(&&words[0][..])
}

/// Redis 8.0 reads beyond the words of HGETEX when it ends behind FIELDS.
fn is_fatal_cut_short(words: &Words) -> bool {
    words[0] == b"HGETEX"
}

fn change_case(word: &mut [u8], random: &mut Random) {
    for byte in word {
        if random.chance(500) {
            *byte = byte.to_ascii_lowercase();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, Generator, expires_soon};

    #[test]
    fn every_family_invents_the_same_stream_for_the_same_seed() {
        for family in &FAMILIES {
            let mut first = Generator::new(family, 5);
            let mut second = Generator::new(family, 5);
            for _ in 0..500 {
                let steps = first.next_steps();
                assert_eq!(steps, second.next_steps(), "{}", family.name);
                assert!(steps.iter().all(|step| step.connection < 2 && !step.words.is_empty()));
            }
        }
    }

    #[test]
    fn no_key_expires_while_a_stream_runs() {
        for family in &FAMILIES {
            let mut generator = Generator::new(family, 3);
            let steps = std::iter::repeat_with(|| generator.next_steps()).take(20_000).flatten();
            for step in steps {
                assert!(!expires_soon(&step.words), "{}: {:?}", family.name, step.words);
            }
        }
    }

    #[test]
    fn another_seed_is_another_stream() {
        let stream = |seed| {
            let mut generator = Generator::new(&FAMILIES[0], seed);
            (0..20).flat_map(|_| generator.next_steps()).collect::<Vec<_>>()
        };
        assert_ne!(stream(1), stream(2));
    }
}
