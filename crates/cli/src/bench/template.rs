//! Requests prepared once and varied by overwriting digits.
//!
//! A command line such as `SET __key__ __value__` becomes the bytes of one RESP request in which every varying part
//! is a number of fixed width. To send it, the bytes are copied to the end of the connection's buffer and the digits
//! overwritten: no formatting, no allocation, no lengths to compute per operation.
//!
//! | placeholder | becomes | drawn from |
//! |---|---|---|
//! | `__key__` | `key:` and digits, `--key-size` bytes | the key space, by its distribution |
//! | `__member__`, `__field__` | `member:` / `field:` and digits, 16 / 15 bytes | the elements, by the distribution |
//! | `__rand__`, `__rand_int__` | 12 digits | the key space, uniformly |
//! | `__value__` | `--value-size` times `x` | nothing |

use super::draw::{Draw, Rng};
use super::expect::Check;
use super::failure::Failure;

/// Bytes of `member:` and its number.
const MEMBER_SIZE: usize = 16;
/// Bytes of `field:` and its number.
const FIELD_SIZE: usize = 15;
/// Digits of `__rand__`, as redis-benchmark has them.
const RANDOM_SIZE: usize = 12;

/// The sizes that requests are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many keys there are.
    pub(crate) keyspace: u64,
    /// How many elements the one big set, hash, sorted set or list has.
    pub(crate) elements: u64,
    /// Bytes of a key.
    pub(crate) key_size: usize,
    /// Bytes of a value.
    pub(crate) value_size: usize,
}

/// Where the digits of a patch come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Key,
    Element,
    Random,
}

/// Digits to overwrite.
#[derive(Debug, Clone, Copy)]
struct Patch {
    at: usize,
    width: usize,
    source: Source,
}

/// One request with its varying digits and the check of its reply.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    patches: Vec<Patch>,
    /// What its reply has to look like.
    pub(crate) check: Check,
    /// The command line it was made from, for messages.
    pub(crate) line: String,
}

/// The state that decides the digits.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    pub(crate) rng: Rng,
    pub(crate) keys: Draw,
    pub(crate) elements: Draw,
    /// The exclusive upper bound of `__rand__`.
    pub(crate) random_below: u64,
}

impl Template {
    /// Prepares `line`, whose words are separated by blanks; single or double quotes keep a word together.
    pub(crate) fn new(line: &str, shape: &Shape, check: Check) -> Result<Template, Failure> {
        let words = split_words(line)?;
        let mut template = Template { bytes: Vec::new(), patches: Vec::new(), check, line: line.to_owned() };
        template.bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in &words {
            let (text, patches) = expand(word, shape)?;
            template.bytes.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
            let start = template.bytes.len();
            template.patches.extend(patches.into_iter().map(|patch| Patch { at: start + patch.at, ..patch }));
            template.bytes.extend_from_slice(&text);
            template.bytes.extend_from_slice(b"\r\n");
        }
        Ok(template)
    }

    /// Prepares `line` to be sent as an inline command, with nothing varied.
    pub(crate) fn inline(line: &str, check: Check) -> Template {
        Template {
            bytes: format!("{line}\r\n").into_bytes(),
            patches: Vec::new(),
            check,
            line: line.to_owned(),
        }
    }

    /// Appends one request to `out`.
    #[inline]
    pub(crate) fn emit(&self, draws: &mut Draws, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let request = &mut out[start..];
        for patch in &self.patches {
            let number = match patch.source {
                Source::Key => draws.keys.index(&mut draws.rng),
                Source::Element => draws.elements.index(&mut draws.rng),
                Source::Random => draws.rng.below(draws.random_below),
            };
            write_digits(&mut request[patch.at..patch.at + patch.width], number);
        }
    }
}

/// Cuts a line into words at blanks outside quotes.
pub(crate) fn split_words(line: &str) -> Result<Vec<String>, Failure> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(Failure::Usage(format!("unbalanced quotes in `{line}`")));
    }
    words.extend(word);
    if words.is_empty() { Err(Failure::Usage("an empty command line".into())) } else { Ok(words) }
}

/// A word with its placeholders filled, and where in it digits vary.
fn expand(word: &str, shape: &Shape) -> Result<(Vec<u8>, Vec<Patch>), Failure> {
    let (mut text, mut patches) = (Vec::new(), Vec::new());
    let mut rest = word;
    while let Some(start) = rest.find("__") {
        let Some(end) = rest[start + 2..].find("__").map(|end| start + end + 4) else { break };
        text.extend_from_slice(&rest.as_bytes()[..start]);
        let mut number = |prefix: &str, size: usize, count: u64, source: Source| {
            let width = digits_needed(count);
            if size < width {
                return Err(Failure::Usage(format!("{size} bytes cannot name {count} different things")));
            }
            let letters = prefix.len().min(size - width);
            text.extend_from_slice(&prefix.as_bytes()[..letters]);
            text.resize(text.len() + size - letters, b'0');
            patches.push(Patch { at: text.len() - width, width, source });
            Ok(())
        };
        match &rest[start..end] {
            "__key__" => number("key:", shape.key_size, shape.keyspace, Source::Key)?,
            "__member__" => number("member:", MEMBER_SIZE, shape.elements, Source::Element)?,
            "__field__" => number("field:", FIELD_SIZE, shape.elements, Source::Element)?,
            "__rand__" | "__rand_int__" => number("", RANDOM_SIZE, shape.keyspace, Source::Random)?,
            "__value__" => text.resize(text.len() + shape.value_size, b'x'),
            unknown => return Err(Failure::Usage(format!("unknown placeholder {unknown}"))),
        }
        rest = &rest[end..];
    }
    text.extend_from_slice(rest.as_bytes());
    Ok((text, patches))
}

/// How many digits the numbers below `count` have.
fn digits_needed(count: u64) -> usize {
    count.saturating_sub(1).max(1).ilog10() as usize + 1
}

/// The two digits of 0 to 99, one after the other.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[number * 2] = b'0' + (number / 10) as u8;
        pairs[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

/// Fills `digits` with `number`, leading zeros included.
#[inline]
fn write_digits(digits: &mut [u8], mut number: u64) {
    let mut pairs = digits.rchunks_exact_mut(2);
    for pair in &mut pairs {
        let low = (number % 100) as usize * 2;
        pair.copy_from_slice(&PAIRS[low..low + 2]);
        number /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (number % 10) as u8;
        number /= 10;
    }
    debug_assert_eq!(number, 0, "the width was computed from the largest number");
}

#[cfg(test)]
mod tests {
    use super::{Draws, Shape, Template, digits_needed, split_words, write_digits};
    use crate::bench::draw::{Draw, Rng};
    use crate::bench::expect::{Check, Expect};

    const SHAPE: Shape = Shape { keyspace: 1000, elements: 100, key_size: 16, value_size: 3 };

    fn sequence(line: &str, shape: &Shape, first: u64) -> String {
        let template = Template::new(line, shape, Check::new(Expect::Anything)).unwrap();
        let mut draws = Draws {
            rng: Rng::new(1),
            keys: Draw::Sequence { next: first },
            elements: Draw::Sequence { next: first },
            random_below: 1,
        };
        let mut out = Vec::new();
        template.emit(&mut draws, &mut out);
        template.emit(&mut draws, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_digits_differ_between_requests() {
        assert_eq!(
            sequence("SET __key__ __value__", &SHAPE, 998),
            "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000998\r\n$3\r\nxxx\r\n\
             *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000999\r\n$3\r\nxxx\r\n"
        );
    }

    #[test]
    fn members_fields_and_embedded_placeholders_have_fixed_sizes() {
        assert_eq!(
            sequence("X a:__member__:b __field__ __rand__", &SHAPE, 7).split("*4").nth(1).unwrap(),
            "\r\n$1\r\nX\r\n$20\r\na:member:000000007:b\r\n$15\r\nfield:000000008\r\n$12\r\n000000000000\r\n"
        );
    }

    #[test]
    fn short_keys_give_up_their_prefix_before_their_digits() {
        let short = Shape { key_size: 5, ..SHAPE };
        assert!(sequence("GET __key__", &short, 42).contains("$5\r\nke042\r\n"));
        let short = Shape { key_size: 2, ..SHAPE };
        assert!(Template::new("GET __key__", &short, Check::new(Expect::Anything)).is_err());
    }

    #[test]
    fn two_placeholders_in_a_request_are_drawn_separately() {
        let both = sequence("MSET __key__ 1 __key__ 2", &SHAPE, 10);
        for index in 10..14 {
            assert!(both.contains(&format!("key:{index:012}")), "{both}");
        }
    }

    #[test]
    fn quotes_keep_words_together_and_mistakes_are_refused() {
        assert_eq!(split_words(" SET  'a b' \"\" c\"d e\" ").unwrap(), ["SET", "a b", "", "cd e"]);
        assert!(split_words("GET 'a").is_err());
        assert!(split_words("  ").is_err());
        assert!(Template::new("GET __kye__", &SHAPE, Check::new(Expect::Anything)).is_err());
    }

    #[test]
    fn digits_are_written_with_leading_zeros_at_every_width() {
        for (width, number, text) in [(1, 7, "7"), (2, 7, "07"), (3, 120, "120"), (7, 1_234_567, "1234567")] {
            let mut digits = vec![b'?'; width];
            write_digits(&mut digits, number);
            assert_eq!(digits, text.as_bytes());
        }
        assert_eq!([1, 2, 10, 11, 1000, 1001].map(digits_needed), [1, 1, 1, 2, 3, 4]);
    }
}
