//! `cjson.decode`. What nests is built with a stack of its own.
//!
//! A zero byte ends the text, as in C: what stands behind it is not looked at.

use super::settings;
use crate::lua::args::check_text;
use crate::vm::{Fault, Stack, read_number};

/// How many tokens are read between two looks at whether the script is to end.
const TOKENS_BETWEEN_LOOKS: u32 = 1 << 14;

/// `cjson.decode(text)`.
pub(super) fn decode(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() != 1 {
        return Err(Fault::argument(1, "expected 1 argument"));
    }
    let mut text = check_text(stack, 1)?.into_owned();
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(Fault::text("JSON parser does not support UTF-16 or UTF-32"));
    }
    text.push(0);
    let mut decoder = Decoder {
        text: &text,
        at: 0,
        token_at: 0,
        string: Vec::new(),
        frames: Vec::new(),
        accepts_invalid_numbers: settings::get(stack, settings::DECODE_INVALID_NUMBERS) != 0,
        max_depth: settings::get(stack, settings::DECODE_MAX_DEPTH),
        marks_arrays: settings::get(stack, settings::DECODE_MARKS_ARRAYS) != 0,
        tokens: 0,
    };
    decoder.push_document(stack)?;
    Ok(1)
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its text is in [`Decoder::string`].
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    /// How errors call it.
    fn name(self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(text) => text,
        }
    }
}

/// A table under way, at `table`.
struct Frame {
    table: i32,
    is_object: bool,
    next: i32,
}

struct Decoder<'t> {
    /// With a zero at its end.
    text: &'t [u8],
    at: usize,
    /// Where the last token began, or its error was met.
    token_at: usize,
    string: Vec<u8>,
    frames: Vec<Frame>,
    accepts_invalid_numbers: bool,
    max_depth: i32,
    marks_arrays: bool,
    tokens: u32,
}

/// Values.
impl Decoder<'_> {
    fn push_document(&mut self, stack: &mut Stack<'_>) -> Result<(), Fault> {
        let mut token = self.next_token();
        loop {
            self.tokens += 1;
            if self.tokens.is_multiple_of(TOKENS_BETWEEN_LOOKS) {
                stack.look_up()?;
            }
            let is_open = self.push_value(stack, token)?;
            let following = if is_open { self.enter(stack)? } else { self.settle(stack)? };
            match following {
                Some(next) => token = next,
                None => break,
            }
        }
        match self.next_token() {
            Token::End => Ok(()),
            token => Err(self.unexpected("the end", token)),
        }
    }

    /// Pushes a value; whether it is a table whose elements follow.
    fn push_value(&mut self, stack: &mut Stack<'_>, token: Token) -> Result<bool, Fault> {
        match token {
            Token::String => stack.push_bytes(&self.string),
            Token::Number(number) => stack.push_number(number),
            Token::Boolean(value) => stack.push_boolean(value),
            Token::Null => stack.push_null_pointer(),
            Token::ObjectBegin | Token::ArrayBegin => {
                let is_object = token == Token::ObjectBegin;
                self.open(stack, is_object)?;
                return Ok(true);
            }
            token => return Err(self.unexpected("value", token)),
        }
        Ok(false)
    }

    fn open(&mut self, stack: &mut Stack<'_>, is_object: bool) -> Result<(), Fault> {
        let depth = self.frames.len() + 1;
        let room = if is_object { 3 } else { 2 };
        if depth > usize::try_from(self.max_depth).unwrap_or_default() || !stack.has_room(room) {
            let text = format!("Found too many nested data structures ({depth}) at character {}", self.at);
            return Err(Fault::said(text));
        }
        stack.push_table(0, 0);
        let table = stack.top();
        if self.marks_arrays && !is_object {
            stack.push_taken(1);
            stack.push_element(table + 1, settings::ARRAY_METATABLE);
            stack.remove(table + 1);
            stack.set_metatable(table);
        }
        self.frames.push(Frame { table, is_object, next: 0 });
        Ok(())
    }

    /// Goes on behind an opening bracket: to the first value, or behind the table if it is empty.
    fn enter(&mut self, stack: &mut Stack<'_>) -> Result<Option<Token>, Fault> {
        let is_object = self.frames.last().is_some_and(|frame| frame.is_object);
        let token = self.next_token();
        if token == if is_object { Token::ObjectEnd } else { Token::ArrayEnd } {
            self.frames.pop();
            return self.settle(stack);
        }
        if is_object { self.push_key(stack, token).map(Some) } else { Ok(Some(token)) }
    }

    /// Pushes a key, and says the token of its value.
    fn push_key(&mut self, stack: &mut Stack<'_>, token: Token) -> Result<Token, Fault> {
        if token != Token::String {
            return Err(self.unexpected("object key string", token));
        }
        stack.push_bytes(&self.string);
        match self.next_token() {
            Token::Colon => Ok(self.next_token()),
            token => Err(self.unexpected("colon", token)),
        }
    }

    /// Takes the value on top into its table, and says the token of the next one; nothing when all is done.
    fn settle(&mut self, stack: &mut Stack<'_>) -> Result<Option<Token>, Fault> {
        while let Some(frame) = self.frames.last_mut() {
            let is_object = frame.is_object;
            if is_object {
                stack.set_pair(frame.table);
            } else {
                frame.next = frame.next.wrapping_add(1);
                stack.set_element(frame.table, frame.next);
            }
            match self.next_token() {
                Token::ObjectEnd if is_object => drop(self.frames.pop()),
                Token::ArrayEnd if !is_object => drop(self.frames.pop()),
                Token::Comma => {
                    let token = self.next_token();
                    return if is_object { self.push_key(stack, token).map(Some) } else { Ok(Some(token)) };
                }
                token => {
                    let expected = if is_object { "comma or object end" } else { "comma or array end" };
                    return Err(self.unexpected(expected, token));
                }
            }
        }
        Ok(None)
    }

    fn unexpected(&self, expected: &str, token: Token) -> Fault {
        let place = self.token_at + 1;
        Fault::said(format!("Expected {expected} but found {} at character {place}", token.name()))
    }
}

/// Tokens.
impl Decoder<'_> {
    /// The byte so far ahead; zero behind the end.
    fn ahead(&self, offset: usize) -> u8 {
        self.text.get(self.at + offset).copied().unwrap_or(0)
    }

    fn error(&mut self, text: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(text)
    }

    fn next_token(&mut self) -> Token {
        while matches!(self.ahead(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.ahead(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string_token(),
            b'-' | b'0'..=b'9' => return self.number_token(),
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word_token(),
            _ => return self.error("invalid token"),
        };
        self.at += 1;
        single
    }

    fn number_token(&mut self) -> Token {
        if !self.accepts_invalid_numbers && self.is_invalid_number() {
            return self.error("invalid number");
        }
        let (number, len) = read_number(&self.text[self.at..]);
        if len == 0 {
            return self.error("invalid number");
        }
        self.at += len;
        Token::Number(number)
    }

    fn word_token(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let words =
            [(&b"true"[..], Token::Boolean(true)), (b"false", Token::Boolean(false)), (b"null", Token::Null)];
        for (word, token) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        if self.accepts_invalid_numbers && self.is_invalid_number() {
            return self.number_token();
        }
        self.error("invalid token")
    }

    /// Whether what begins here is a number that JSON does not have: with a plus or superfluous zeros, hexadecimal, infinite or none.
    fn is_invalid_number(&self) -> bool {
        if self.ahead(0) == b'+' {
            return true;
        }
        let skip = usize::from(self.ahead(0) == b'-');
        match self.ahead(skip) {
            b'0' => matches!(self.ahead(skip + 1), b'x' | b'X' | b'0'..=b'9'),
            0..=b'9' => false,
            _ => {
                let word = [self.ahead(skip), self.ahead(skip + 1), self.ahead(skip + 2)];
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }
        }
    }

    fn string_token(&mut self) -> Token {
        self.at += 1;
        self.string.clear();
        loop {
            match self.ahead(0) {
                b'"' => break,
                0 => return self.error("unexpected end of string"),
                b'\\' => {
                    if let Err(text) = self.take_escape() {
                        return self.error(text);
                    }
                }
                byte => {
                    self.string.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token::String
    }

    fn take_escape(&mut self) -> Result<(), &'static str> {
        let byte = match self.ahead(1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 12,
            b'r' => b'\r',
            b'u' => return self.take_code_point().ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        self.string.push(byte);
        self.at += 2;
        Ok(())
    }

    /// Takes `\uXXXX`, or two of them that make one character, as UTF-8.
    fn take_code_point(&mut self) -> Option<()> {
        const ESCAPE_LEN: usize = b"\\uXXXX".len();
        let first = self.hex4(2)?;
        let (code, len) = if first & 0xF800 != 0xD800 {
            (first, ESCAPE_LEN)
        } else {
            // Of a pair, the high half comes first.
            if first & 0x400 != 0 || self.ahead(ESCAPE_LEN) != b'\\' || self.ahead(ESCAPE_LEN + 1) != b'u' {
                return None;
            }
            let second = self.hex4(ESCAPE_LEN + 2).filter(|second| second & 0xFC00 == 0xDC00)?;
            ((((first & 0x3FF) << 10) | (second & 0x3FF)) + 0x1_0000, 2 * ESCAPE_LEN)
        };
        let character = char::from_u32(code)?;
        self.string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += len;
        Some(())
    }

    fn hex4(&self, offset: usize) -> Option<u32> {
        (0..4).try_fold(0, |code, place| {
            let digit = char::from(self.ahead(offset + place)).to_digit(16)?;
            Some(code << 4 | digit)
        })
    }
}
