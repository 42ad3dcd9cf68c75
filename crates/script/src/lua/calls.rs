//! What a script calls, as far as its text shows it.
//!
//! ```text
//!   local queue = KEYS[1]
//!   redis.call('LPUSH', queue, ARGV[1])      ─▶  LPUSH  key  other
//!   return redis.call('LLEN', KEYS[1])       ─▶  LLEN   key
//! ```
//!
//! An answer is a proof: the script makes no other calls, and what is called a key is one of `KEYS` whenever it runs. So there is
//! an answer for plain texts only. One that defines functions, hands `redis` or `KEYS` around, or reaches for the environment
//! shows nothing; nor does one that uses what Luau knows beyond Lua 5.1 where that could matter.
//!
//! The proof rests on this: without functions of its own a text has no statement within brackets, so that what stands there is
//! read, not assigned; and the same is true of what follows an operator.

use super::dialect::{comment_len, long_bracket, long_len};
use crate::shebang::without_head;

/// A call to the server that a text shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCall<'s> {
    /// Its words, the command's name included.
    pub words: Vec<ShownWord<'s>>,
    /// The last word may be none, or many.
    pub is_open: bool,
}

/// A word of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownWord<'s> {
    /// This text.
    Text(&'s [u8]),
    /// One of the declared keys, or nothing, which is an error.
    Key,
    /// Anything.
    Other,
}

/// Names with which a text could do what it does not show.
const OPAQUE: &[&[u8]] = &[
    b"_ENV",
    b"_G",
    b"_VERSION",
    b"coroutine",
    b"debug",
    b"dofile",
    b"function",
    b"getfenv",
    b"getmetatable",
    b"load",
    b"loadfile",
    b"loadstring",
    b"newproxy",
    b"rawset",
    b"require",
    b"setfenv",
    b"setmetatable",
];

/// What stands before an expression, and never before what is assigned to.
const BEFORE_VALUES: &[&[u8]] = &[
    b"=", b"==", b"~=", b"<=", b">=", b"..", b"+", b"-", b"*", b"/", b"%", b"^", b"#", b"and", b"or", b"not",
    b"return", b"if", b"elseif", b"while", b"until", b"in",
];

/// Symbols of more than one byte, longer ones first.
const LONG_SYMBOLS: &[&[u8]] = &[
    b"...", b"..=", b"//=", b"..", b"==", b"~=", b"<=", b">=", b"+=", b"-=", b"*=", b"/=", b"%=", b"^=",
    b"//", b"::", b"->",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'s> {
    /// A name or a keyword.
    Name(&'s [u8]),
    Number(&'s [u8]),
    /// A string, and what it holds if that stands there letter for letter.
    Text(Option<&'s [u8]>),
    Symbol(&'s [u8]),
}

/// A token, and how many brackets are open around it.
#[derive(Debug, Clone, Copy)]
struct Placed<'s> {
    token: Token<'s>,
    depth: usize,
}

/// All calls of a script in Lua, if its text shows them.
#[must_use]
pub fn shown_calls(source: &[u8]) -> Option<Vec<ShownCall<'_>>> {
    let tokens = placed(without_head(source))?;
    let is_opaque = |placed: &Placed<'_>| matches!(placed.token, Token::Name(name) if OPAQUE.contains(&name));
    if tokens.iter().any(is_opaque) {
        return None;
    }
    let text = Text::of(tokens);
    text.keys_are_only_read().then_some(())?;
    let names = text.names_of_keys();
    let mut calls = Vec::new();
    for at in text.uses(b"redis").chain(text.uses(b"server")) {
        let [dot, member] = [1, 2].map(|ahead| text.at(at + ahead));
        let (Some(Token::Symbol(b".")), Some(Token::Name(member))) = (dot, member) else { return None };
        if matches!(member, b"call" | b"pcall") {
            calls.push(text.call(at + 3, &names)?);
        }
    }
    Some(calls)
}

/// Tokens with their depths; nothing if brackets do not fit, or something is there that Lua 5.1 does not know.
fn placed(source: &[u8]) -> Option<Vec<Placed<'_>>> {
    let (mut tokens, mut depth, mut rest) = (Vec::new(), 0_usize, source);
    while let Some(&byte) = rest.first() {
        let (token, length) = match byte {
            b'-' if rest.starts_with(b"--") => (None, comment_len(rest)),
            b'[' if long_bracket(rest).is_some() => (Some(Token::Text(None)), long_len(rest)),
            b'"' | b'\'' => {
                let length = quoted_len(rest)?;
                let inner = &rest[1..length - 1];
                (Some(Token::Text((!inner.contains(&b'\\')).then_some(inner))), length)
            }
            b'`' => return None,
            b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C => (None, 1),
            b'0'..=b'9' => {
                let length =
                    length_of(rest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
                (Some(Token::Number(&rest[..length])), length)
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = length_of(rest, |byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                (Some(Token::Name(&rest[..length])), length)
            }
            _ => {
                let long = LONG_SYMBOLS.iter().find(|symbol| rest.starts_with(symbol));
                let length = long.map_or(1, |symbol| symbol.len());
                (Some(Token::Symbol(&rest[..length])), length)
            }
        };
        if matches!(token, Some(Token::Symbol(b")" | b"]" | b"}"))) {
            depth = depth.checked_sub(1)?;
        }
        tokens.extend(token.map(|token| Placed { token, depth }));
        if matches!(token, Some(Token::Symbol(b"(" | b"[" | b"{"))) {
            depth += 1;
        }
        rest = rest.get(length..)?;
    }
    (depth == 0).then_some(tokens)
}

fn length_of(text: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    text.iter().position(|byte| !belongs(byte)).unwrap_or(text.len())
}

/// How long a string in quotes is, with them; nothing if it does not end on its line.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let quote = text[0];
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'\n' | 0 => return None,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

struct Text<'s> {
    tokens: Vec<Placed<'s>>,
    locals: Vec<Local>,
}

/// A statement `local names = values`: the places of the names, and the spans of as many values as are told from what follows.
struct Local {
    names: Vec<usize>,
    values: Vec<(usize, usize)>,
}

impl<'s> Text<'s> {
    fn of(tokens: Vec<Placed<'s>>) -> Self {
        let mut text = Self { tokens, locals: Vec::new() };
        let places = (0..text.tokens.len()).filter(|at| text.at(*at) == Some(Token::Name(b"local")));
        text.locals = places.filter_map(|at| text.local(at)).collect();
        text
    }

    fn at(&self, at: usize) -> Option<Token<'s>> {
        self.tokens.get(at).map(|placed| placed.token)
    }

    /// Where a name stands that is not a member's.
    fn uses<'n>(&'n self, name: &'n [u8]) -> impl Iterator<Item = usize> + 'n {
        (0..self.tokens.len()).filter(move |at| {
            self.tokens[*at].token == Token::Name(name)
                && !(*at > 0 && matches!(self.tokens[*at - 1].token, Token::Symbol(b"." | b":")))
        })
    }

    /// Whether what stands there is read: within brackets, or after an operator.
    fn is_read(&self, at: usize) -> bool {
        if self.tokens[at].depth > 0 {
            return true;
        }
        match at.checked_sub(1).and_then(|before| self.at(before)) {
            Some(Token::Name(before) | Token::Symbol(before)) => BEFORE_VALUES.contains(&before),
            _ => false,
        }
    }

    /// Whether every use of `KEYS` reads their number or one of them.
    fn keys_are_only_read(&self) -> bool {
        self.uses(b"KEYS").all(|at| {
            let is_counted = at > 0 && self.at(at - 1) == Some(Token::Symbol(b"#"));
            let is_one = self.at(at + 1) == Some(Token::Symbol(b"["));
            is_counted && !is_one || is_one && (self.is_read(at) || self.is_bound(at))
        })
    }

    /// Whether a key at depth 0 is one of several values of a `local`.
    fn is_bound(&self, at: usize) -> bool {
        self.locals.iter().any(|local| local.values.iter().any(|(start, _)| *start == at))
    }

    /// Whether `KEYS[number]` stands from there on, and nothing else before `end`.
    fn is_key(&self, at: usize, end: usize) -> bool {
        let tokens = [0, 1, 2, 3].map(|ahead| self.at(at + ahead));
        let [Some(Token::Name(b"KEYS")), Some(Token::Symbol(b"[")), Some(Token::Number(number)), close] =
            tokens
        else {
            return false;
        };
        end == at + 4 && close == Some(Token::Symbol(b"]")) && number.iter().all(u8::is_ascii_digit)
    }

    /// The names that are declared keys wherever they are known.
    fn names_of_keys(&self) -> Vec<&'s [u8]> {
        let mut names: Vec<&[u8]> = Vec::new();
        for local in &self.locals {
            for (name, (start, end)) in local.names.iter().zip(&local.values) {
                let Some(Token::Name(word)) = self.at(*name) else { continue };
                let is_kept = |at: usize| at == *name || self.is_read(at);
                if self.is_key(*start, *end) && self.uses(word).all(is_kept) {
                    names.push(word);
                }
            }
        }
        names
    }

    /// The statement that begins with the `local` there, if it gives values.
    fn local(&self, at: usize) -> Option<Local> {
        let mut names = vec![at + 1];
        let mut next = at + 2;
        while self.at(next) == Some(Token::Symbol(b",")) {
            names.push(next + 1);
            next += 2;
        }
        (self.at(next) == Some(Token::Symbol(b"="))).then_some(())?;
        let mut values = Vec::new();
        for number in 1..=names.len() {
            let start = next + 1;
            let is_last = number == names.len();
            let end = if is_last { self.end_of_key(start) } else { self.comma_after(start) };
            let Some(end) = end else { break };
            values.push((start, end));
            next = end;
        }
        Some(Local { names, values })
    }

    /// The next comma of the same list.
    fn comma_after(&self, start: usize) -> Option<usize> {
        let depth = self.tokens.get(start)?.depth;
        let place = (start..self.tokens.len()).find(|at| {
            let Placed { token, depth: there } = self.tokens[*at];
            there < depth || there == depth && matches!(token, Token::Symbol(b"," | b"=" | b";"))
        });
        place.filter(|at| self.at(*at) == Some(Token::Symbol(b",")) && !self.has_statement(start, *at))
    }

    /// Whether a statement begins within a span: with a name that follows the end of a value.
    fn has_statement(&self, start: usize, end: usize) -> bool {
        let ends_value = |token| match token {
            Token::Name(name) => !matches!(name, b"and" | b"or" | b"not"),
            Token::Number(_) | Token::Text(_) => true,
            Token::Symbol(symbol) => matches!(symbol, b")" | b"]" | b"}" | b"..."),
        };
        let begins = |token| matches!(token, Token::Name(name) if name != b"and" && name != b"or");
        self.tokens[start..end].windows(2).any(|pair| ends_value(pair[0].token) && begins(pair[1].token))
    }

    /// Where a key ends that begins there, if a new statement, or nothing, follows.
    fn end_of_key(&self, start: usize) -> Option<usize> {
        let end = start + 4;
        match self.at(end) {
            None | Some(Token::Symbol(b";")) => Some(end),
            Some(Token::Name(name)) if name != b"and" && name != b"or" => Some(end),
            _ => None,
        }
    }

    /// The call whose bracket opens there.
    fn call(&self, open: usize, names: &[&[u8]]) -> Option<ShownCall<'s>> {
        (self.at(open) == Some(Token::Symbol(b"("))).then_some(())?;
        let depth = self.tokens[open].depth;
        let close = (open + 1..self.tokens.len()).find(|at| self.tokens[*at].depth == depth)?;
        let is_comma =
            |at: &usize| self.tokens[*at].depth == depth + 1 && self.tokens[*at].token == Token::Symbol(b",");
        let commas: Vec<usize> = (open + 1..close).filter(is_comma).collect();
        let starts = std::iter::once(open).chain(commas.iter().copied()).map(|at| at + 1);
        let ends = commas.iter().copied().chain([close]);
        let spans: Vec<(usize, usize)> = starts.zip(ends).collect();
        let is_open = spans.last().is_none_or(|(start, end)| self.may_be_many(*start, *end));
        let words = spans.into_iter().map(|(start, end)| self.word(start, end, names)).collect();
        Some(ShownCall { words, is_open })
    }

    fn word(&self, start: usize, end: usize, names: &[&[u8]]) -> ShownWord<'s> {
        match self.at(start) {
            Some(Token::Text(Some(text))) if end == start + 1 => ShownWord::Text(text),
            Some(Token::Name(name)) if end == start + 1 && names.contains(&name) => ShownWord::Key,
            _ if self.is_key(start, end) => ShownWord::Key,
            _ => ShownWord::Other,
        }
    }

    /// Whether a value may be none, or many: one that ends like a call, or is `...`.
    fn may_be_many(&self, start: usize, end: usize) -> bool {
        match end.checked_sub(1).and_then(|last| self.at(last)) {
            Some(Token::Name(_) | Token::Number(_) | Token::Symbol(b"]")) => false,
            Some(Token::Text(_)) => end > start + 1,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ShownCall, ShownWord, shown_calls};

    /// Calls as `NAME key other`, with `+` behind those that are open.
    fn shown(source: &str) -> Option<Vec<String>> {
        let word = |word: &ShownWord<'_>| match word {
            ShownWord::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ShownWord::Key => "<key>".to_owned(),
            ShownWord::Other => "<any>".to_owned(),
        };
        let line = |call: &ShownCall<'_>| {
            let words: Vec<String> = call.words.iter().map(word).collect();
            words.join(" ") + if call.is_open { " +" } else { "" }
        };
        shown_calls(source.as_bytes()).map(|calls| calls.iter().map(line).collect())
    }

    #[test]
    fn plain_scripts_show_what_they_call() {
        for (source, calls) in [
            ("return 1", &[][..]),
            ("return redis.call('GET', KEYS[1])", &["GET <key>"]),
            ("#!lua flags=no-writes\nreturn server.pcall(\"get\", KEYS[2])", &["get <key>"]),
            ("redis.call('SET', KEYS[1], ARGV[1], 'EX', 10)", &["SET <key> <any> EX <any>"]),
            ("redis.call('SET', KEYS[2], redis.call('GET', KEYS[1]))", &["SET <key> <any> +", "GET <key>"]),
            ("redis.call('RPUSH', KEYS[1], unpack(ARGV))", &["RPUSH <key> <any> +"]),
            ("redis.call('RPUSH', KEYS[1], ...)", &["RPUSH <key> <any> +"]),
            ("redis.call('GET', 'x' .. KEYS[1])", &["GET <any>"]),
            ("redis.call('GET', KEYS[1] .. 'x')", &["GET <any> +"]),
            ("redis.call('GET', KEYS[i])", &["GET <any>"]),
            ("redis.call('G\\69T', KEYS[1])", &["<any> <key>"]),
            ("redis.call([[GET]], KEYS[1]) -- redis.call('SET', 'x', 1)", &["<any> <key>"]),
            ("local key = KEYS[1] return redis.call('GET', key)", &["GET <key>"]),
            ("local key, value = KEYS[1], ARGV[1]\nredis.call('SET', key, value)", &["SET <key> <any>"]),
            ("local a, b, c = KEYS[1], f(1, 2), KEYS[2]; redis.call('x', a, b, c)", &["x <key> <any> <key>"]),
            ("local key = KEYS[1] or 'x' redis.call('GET', key)", &["GET <any>"]),
            ("local key = KEYS[1] .. 'x' redis.call('GET', key)", &["GET <any>"]),
            ("local key = KEYS[1]('x') redis.call('GET', key)", &["GET <any>"]),
            ("local key = KEYS[1] key = 'x' redis.call('GET', key)", &["GET <any>"]),
            ("local key = KEYS[1] a, key = 1, 'x' redis.call('GET', key)", &["GET <any>"]),
            ("local key = KEYS[1] do local key = 'x' redis.call('GET', key) end", &["GET <any>"]),
            ("local key = KEYS[1] for key = 1, 2 do redis.call('GET', key) end", &["GET <any>"]),
            ("local key = KEYS[1] for i, key in pairs(ARGV) do redis.call('GET', key) end", &["GET <any>"]),
            ("local key = KEYS[1] key ..= 'x' redis.call('GET', key)", &["GET <any>"]),
            ("local t = { redis.sha1hex(''), redis.LOG_DEBUG } if #KEYS == 0 then return t end", &[]),
            (
                "local key = KEYS[1]\nif redis.call('exists', key) == 0 and #KEYS > 1 then return nil end\n\
                 for i = 1, 3 do redis.call('incrby', key, i) end",
                &["exists <key>", "incrby <key> <any>"],
            ),
        ] {
            let shown = shown(source);
            let shown = shown.as_ref().map(|calls| calls.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(shown.as_deref(), Some(calls), "{source}");
        }
    }

    #[test]
    fn texts_that_hide_something_show_nothing() {
        for source in [
            "local r = redis return r.call('GET', 'x')",
            "local call = redis.call return call('GET', 'x')",
            "return redis.call'GET'",
            "return redis.call{'GET'}",
            "return redis['call']('GET', 'x')",
            "return pcall(redis.call, 'GET', 'x')",
            "local f = function() return 1 end",
            "return loadstring('x')()",
            "return _G.redis.call('GET', 'x')",
            "return getfenv(1)['redis']",
            "local keys = KEYS",
            "KEYS = {'x'}",
            "KEYS[1] = 'x'",
            "KEYS[1], a = 'x', 1",
            "local a = 1 KEYS[1] = 'x'",
            "a, KEYS[1] = 1, 'x'",
            "local a, b, c = x y, KEYS[1], z = 1, 'x', 2",
            "local a, b = 1, KEYS[1] KEYS[2] = 'x'",
            "table.insert(KEYS, 1, 'x')",
            "setmetatable({}, {})",
            "return `{redis.call('GET', 'x')}`",
            "return redis.call('GET', KEYS[1]",
            "return 'unfinished",
            "return )",
        ] {
            assert_eq!(shown(source), None, "{source}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
            let source: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
            let _ = shown_calls(source.as_bytes());
        }
    }

    const PIECES: &[&str] = &[
        "local ", "key", " = ", "KEYS", "[1]", "(", ")", "[", "]", "{", "}", ", ", "redis", ".call", "'GET'",
        "'", "\\", "--", "[[", "]]", "[=[", "\n", ";", "...", "..", "1", " and ", "#", "ARGV", "\0",
    ];
}
