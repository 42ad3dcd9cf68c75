//! How words become a command: the traits behind the derives, and the field types.

use std::marker::PhantomData;

use spinel_resp::Args;
use spinel_spec::{ArgKind, ArgSpec, Find, Shape, Spec};
use spinel_store::{HashKey, Key};
use spinel_structs::number;

use crate::CommandError;

/// A command's description, from its derive.
pub trait Grammar {
    /// The description.
    const SPEC: &'static Spec;
}

/// A command that can be read from words, from its derive.
pub trait Parse<'a>: Sized {
    /// Reads it; `words` stands after the name.
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError>;
}

/// A type that takes words in their place.
pub trait Field<'a>: Sized {
    /// What it contributes to the grammar.
    const SHAPE: Shape;
    /// Reads it.
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError>;
}

/// A type that is one of several tokens.
pub trait Choice<'a>: Sized {
    /// What it contributes to the grammar.
    const SHAPE: Shape;
    /// Reads it if `word`, the next of `words`, is one of its tokens.
    fn take(word: &'a [u8], words: &mut Words<'a>) -> Result<Option<Self>, CommandError>;
}

/// The words of a command that have not been read yet.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    args: Args<'a>,
    at: usize,
    hash_key: &'a HashKey,
    known: (usize, u64),
}

impl<'a> Words<'a> {
    /// The words of `args` from `at` on. `known` is the place of a word whose hash is known, and the hash.
    #[must_use]
    pub fn new(args: Args<'a>, at: usize, hash_key: &'a HashKey, known: Option<(usize, u64)>) -> Self {
        Self { args, at, hash_key, known: known.unwrap_or((usize::MAX, 0)) }
    }

    /// The command's name as it came.
    #[must_use]
    pub fn command_name(&self) -> &'a [u8] {
        self.args.at(0)
    }

    /// Words left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len() - self.at
    }

    /// Whether no word is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == self.args.len()
    }

    /// The next word, left in place.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.args.get(self.at)
    }

    /// A word of the whole command, whose name is word 0.
    #[must_use]
    pub fn of_command(&self, at: usize) -> Option<&'a [u8]> {
        self.args.get(at)
    }

    /// Passes over the next word.
    #[inline]
    pub fn skip_one(&mut self) {
        self.at += 1;
    }

    /// The next word, or a syntax error if there is none.
    #[inline]
    pub fn take(&mut self) -> Result<&'a [u8], CommandError> {
        let word = self.args.get(self.at).ok_or(CommandError::Syntax)?;
        self.at += 1;
        Ok(word)
    }

    /// The next word as a key.
    #[inline]
    pub fn key(&mut self) -> Result<Key<'a>, CommandError> {
        let at = self.at;
        let bytes = self.take()?;
        if self.known.0 == at {
            return Ok(Key { bytes, hash: self.known.1 });
        }
        Ok(Key::new(bytes, self.hash_key))
    }

    /// Takes the next `n` words as words of their own.
    ///
    /// # Errors
    /// A syntax error if there are not so many.
    pub fn split(&mut self, n: usize) -> Result<Self, CommandError> {
        if n > self.len() {
            return Err(CommandError::Syntax);
        }
        let taken = Self { args: self.args.prefix(self.at + n), ..*self };
        self.at += n;
        Ok(taken)
    }

    /// Takes all words that are left.
    pub fn rest(&mut self) -> Self {
        let taken = *self;
        self.at = self.args.len();
        taken
    }
}

/// Whether a word is a token, in any case.
#[inline]
#[must_use]
pub fn is_token(word: &[u8], token: &str) -> bool {
    word.eq_ignore_ascii_case(token.as_bytes())
}

/// Stores a choice; two different ones are a syntax error, the same one twice is not.
pub fn choose<T>(slot: &mut Option<T>, chosen: T) -> Result<(), CommandError> {
    if slot.as_ref().is_some_and(|old| std::mem::discriminant(old) != std::mem::discriminant(&chosen)) {
        return Err(CommandError::Syntax);
    }
    *slot = Some(chosen);
    Ok(())
}

impl<'a> Field<'a> for Key<'a> {
    const SHAPE: Shape =
        Shape { find: Find::Range { last: 0, step: 1, limit: 0 }, ..Shape::word(ArgKind::Key) };

    #[inline]
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        words.key()
    }
}

impl<'a> Field<'a> for &'a [u8] {
    const SHAPE: Shape = Shape::word(ArgKind::String);

    #[inline]
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        words.take()
    }
}

impl<'a> Field<'a> for i64 {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        number::parse_i64(words.take()?).ok_or(CommandError::NotInteger)
    }
}

impl<'a> Field<'a> for f64 {
    const SHAPE: Shape = Shape::word(ArgKind::Double);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        number::parse_f64(words.take()?).ok_or(CommandError::NotFloat)
    }
}

/// A glob pattern.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a>(pub &'a [u8]);

impl<'a> Field<'a> for Pattern<'a> {
    const SHAPE: Shape = Shape::word(ArgKind::Pattern);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        words.take().map(Self)
    }
}

/// A word documented as one kind but taken as bytes, to be understood by the command itself.
#[derive(Clone, Copy, Debug)]
pub struct Opaque<'a>(pub &'a [u8]);

impl<'a> Field<'a> for Opaque<'a> {
    const SHAPE: Shape = Shape::word(ArgKind::String);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        words.take().map(Self)
    }
}

/// A word that is understood only when the command asks: where Redis looks at a key, or at later words, before it
/// complains about this one.
#[derive(Clone, Copy)]
pub struct Lazy<'a, T> {
    words: Words<'a>,
    kind: PhantomData<T>,
}

impl<'a, T: Field<'a>> Lazy<'a, T> {
    /// The value, or the error that was put off.
    pub fn get(&self) -> Result<T, CommandError> {
        T::parse(&mut { self.words })
    }

    /// The first word as it came.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.words.peek().unwrap_or_default()
    }
}

impl<'a, T: Field<'a>> Field<'a> for Lazy<'a, T> {
    const SHAPE: Shape = T::SHAPE;

    #[inline]
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { words: words.split(T::SHAPE.min_words)?, kind: PhantomData })
    }
}

/// One or more of something, up to the end of the command. Nothing is allocated: iterating reads the words.
#[derive(Clone, Copy)]
pub struct Many<'a, T> {
    words: Words<'a>,
    kind: PhantomData<T>,
}

impl<'a, T: Field<'a>> Many<'a, T> {
    /// How many, not counting an incomplete one at the end.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() / T::SHAPE.min_words
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the words come out even.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.words.len().is_multiple_of(T::SHAPE.min_words)
    }

    /// Reads them one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, CommandError>> + use<'a, T> {
        let mut words = self.words;
        std::iter::from_fn(move || (!words.is_empty()).then(|| T::parse(&mut words)))
    }

    /// The words themselves.
    #[must_use]
    pub fn words(&self) -> Words<'a> {
        self.words
    }
}

impl<'a> Many<'a, Key<'a>> {
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = Key<'a>> + use<'a> {
        self.iter().map(|key| key.expect("a key is any word"))
    }
}

impl<'a> Many<'a, &'a [u8]> {
    /// The byte strings.
    pub fn items(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().map(|item| item.expect("a byte string is any word"))
    }
}

impl<'a, T: Field<'a>> Field<'a> for Many<'a, T> {
    const SHAPE: Shape = Shape {
        multiple: true,
        find: match T::SHAPE.find {
            Find::Unknown => match T::SHAPE.children {
                [ArgSpec { kind: ArgKind::Key, .. }, ..] => {
                    Find::Range { last: -1, step: T::SHAPE.min_words as i32, limit: 0 }
                }
                _ => Find::Unknown,
            },
            _ => Find::Range { last: -1, step: 1, limit: 0 },
        },
        ..T::SHAPE
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { words: words.rest(), kind: PhantomData })
    }
}

/// The keys before the last word of a command, which is a timeout (`BLPOP key [key ...] timeout`).
#[derive(Clone, Copy)]
pub struct KeysBeforeLast<'a>(pub Many<'a, Key<'a>>);

impl<'a> Field<'a> for KeysBeforeLast<'a> {
    const SHAPE: Shape = Shape {
        find: Find::Range { last: -2, step: 1, limit: 0 },
        ..<Many<'a, Key<'a>> as Field<'a>>::SHAPE
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let keys = words.len().checked_sub(1).ok_or(CommandError::Syntax)?;
        Many::parse(&mut words.split(keys)?).map(Self)
    }
}

/// A count followed by so many of something (`numkeys key [key ...]`).
///
/// A count that is no integer or not positive is one error, one beyond the words a syntax error, as Redis has it for
/// most commands; those that differ read the count themselves.
#[derive(Clone, Copy)]
pub struct Counted<'a, T> {
    /// The things counted.
    pub items: Many<'a, T>,
}

impl<'a, T: Field<'a>> Field<'a> for Counted<'a, T> {
    const SHAPE: Shape = Shape {
        kind: ArgKind::Block,
        min_words: 1 + T::SHAPE.min_words,
        optional: false,
        multiple: true,
        children: &[Shape::word(ArgKind::Integer).arg("numkeys", ""), T::SHAPE.repeated().arg("key", "")],
        find: match T::SHAPE.find {
            Find::Unknown => Find::Unknown,
            _ => Find::KeyNum { at: 0, first: 1, step: 1 },
        },
        spread: true,
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = number::parse_i64(words.take()?).filter(|&count| count > 0);
        let count = count.ok_or(CommandError::NumKeysNotPositive)?;
        let count = usize::try_from(count).map_err(|_| CommandError::Syntax)?;
        let items = words.split(count.checked_mul(T::SHAPE.min_words).ok_or(CommandError::Syntax)?)?;
        Ok(Self { items: Many { words: items, kind: PhantomData } })
    }
}

/// 2^63 milliseconds.
const TOO_MANY_MILLIS: f64 = 9_223_372_036_854_775_808.0;

/// How long to block: seconds with a fraction; zero for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// Milliseconds, or `None` for ever.
    pub millis: Option<u64>,
}

impl<'a> Field<'a> for Timeout {
    const SHAPE: Shape = Shape::word(ArgKind::Double);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let word = words.take()?;
        // Redis reads a long double: what only that can hold is, to a double, infinite.
        let wide = || number::LongDouble::parse(word).map(|_| f64::INFINITY);
        let seconds = number::parse_f64(word).or_else(wide).ok_or(CommandError::TimeoutNotFloat)?;
        let millis = (seconds * 1000.0).ceil();
        // In Redis 7.0 the conversion of too many milliseconds to an integer ends up below zero.
        if seconds < 0.0 || millis >= TOO_MANY_MILLIS {
            return Err(CommandError::TimeoutNegative);
        }
        Ok(Self { millis: (millis > 0.0).then_some(millis as u64) })
    }
}
