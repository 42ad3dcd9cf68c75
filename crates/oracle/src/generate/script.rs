//! Inventing scripts: Lua with the libraries of Redis, of a few statements whose values mostly fit together.
//!
//! Nothing in them depends on the time, on chance, on addresses or on the order in which a table's pairs come.

use crate::random::Random;

/// How deep expressions nest.
const DEPTH: usize = 3;

/// First lines that say what the script is.
const HEADS: [&str; 8] = [
    "#!lua\n",
    "#!lua flags=no-writes\n",
    "#!lua flags=allow-oom,no-writes\n",
    "#!lua flags=allow-stale\n",
    "#!lua flags=nonsense\n",
    "#!lua name=x\n",
    "#!lau\n",
    "#!lua \n",
];

const NUMBERS: [&str; 18] = [
    "0",
    "1",
    "2",
    "-1",
    "3",
    "7",
    "2.5",
    "3.99",
    "-0.5",
    "1e3",
    "100",
    "255",
    "65535",
    "4294967295",
    "0x10",
    "9007199254740992",
    "1e15",
    "123456.789",
];

const TEXTS: [&str; 16] = [
    "''",
    "'a'",
    "'abc'",
    "'hello world'",
    "'12'",
    "'1.50'",
    "' 7 '",
    "'-3'",
    "'a,b,,c'",
    "'x\\0y'",
    "'%d'",
    "'0x1F'",
    "'aXbXc'",
    "'\\255\\200'",
    "'\"q\\\\'",
    "'9007199254740993'",
];

/// Patterns of Lua, with as many captures as `%1` needs at least where it stands.
const PATTERNS: [&str; 14] = [
    "'%a+'",
    "'(%a)(%a)'",
    "'^%s*(.-)%s*$'",
    "'%d+'",
    "'[aeiou]'",
    "'[^,]*'",
    "'.'",
    "'X'",
    "'()b'",
    "'%w-%w'",
    "'%f[%w]%w+'",
    "'%bXc'",
    "'[%'",
    "'%'",
];

/// What `%s` is given has no zero bytes, with which Lua 5.1 ends a text.
const FORMATS: [&str; 9] = [
    "'%d|%s', {n}, {p}",
    "'%5.2f', {n}",
    "'%g', {n}",
    "'%x', {i}",
    "'%q', {p}",
    "'%-8s|', {p}",
    "'%.3s', {p}",
    "'%5d%%', {i}",
    "'%c%c', 1 + {i}, 65",
];

/// Commands as arguments of `redis.call`: `{k}` a key, `{n}` a number, `{i}` an integer, `{s}` a text.
const COMMANDS: [&str; 36] = [
    "'GET', {k}",
    "'GET', {k}",
    "'SET', {k}, {s}",
    "'SET', {k}, {n}",
    "'SET', {k}, {s}, 'NX'",
    "'INCR', {k}",
    "'INCRBYFLOAT', {k}, {n}",
    "'APPEND', {k}, {s}",
    "'STRLEN', {k}",
    "'MGET', {k}, {k}",
    "'LPUSH', {k}, {s}, {n}",
    "'LRANGE', {k}, 0, -1",
    "'LPOP', {k}",
    "'LLEN', {k}",
    "'HSET', {k}, 'f', {s}",
    "'HGET', {k}, 'f'",
    "'HLEN', {k}",
    "'HINCRBY', {k}, 'n', {i}",
    "'SADD', {k}, {i}",
    "'SISMEMBER', {k}, {i}",
    "'ZADD', {k}, {n}, 'm'",
    "'ZSCORE', {k}, 'm'",
    "'ZRANGE', {k}, 0, -1, 'WITHSCORES'",
    "'TYPE', {k}",
    "'EXISTS', {k}, {k}",
    "'DEL', {k}",
    "'OBJECT', 'ENCODING', {k}",
    "'ECHO', {s}",
    "'PING'",
    "'SELECT', {i}",
    "'nosuch', {k}",
    "'GET'",
    "'get', {k}, {s}",
    "'SUBSCRIBE', 'c'",
    "'EVAL', 'return 1', 0",
    "",
];

/// A script.
pub(super) fn script(random: &mut Random) -> Vec<u8> {
    let mut writer = Writer { random, locals: 0 };
    let mut text = String::new();
    if writer.random.chance(100) {
        text.push_str(writer.pick(&HEADS));
    }
    for _ in 0..writer.random.below(4) {
        let statement = writer.statement(1);
        text.push_str(&statement);
        text.push(' ');
    }
    if writer.random.chance(950) {
        text.push_str("return ");
        text.push_str(&writer.any(0));
    }
    text.into_bytes()
}

/// A library of one or two functions. There is one name for libraries, since their order is left to chance.
pub(super) fn library(random: &mut Random) -> Vec<u8> {
    let name = *random.pick(&["lib1", "lib1", "lib1", "lib1", "", "no such name!"]);
    let mut text = format!("#!lua name={name}\n");
    for function in ["f", "g"] {
        let mut writer = Writer { random, locals: 0 };
        let body = format!("local KEYS, ARGV = ... {} return {}", writer.statement(1), writer.any(0));
        let flags =
            *random.pick(&["", "", ", flags = {'no-writes'}", ", flags = {'allow-oom'}", ", flags = {'x'}"]);
        let registered = match random.below(8) {
            0 => format!("redis.register_function('{function}', function(...) {body} end)\n"),
            1 => format!("redis.register_function{{function_name = '{function}', callback = 1}}\n"),
            2 => String::new(),
            _ => format!(
                "redis.register_function{{function_name = '{function}', callback = function(...) {body} end{flags}}}\n"
            ),
        };
        text.push_str(&registered);
    }
    text.into_bytes()
}

struct Writer<'r> {
    random: &'r mut Random,
    /// Locals of the script so far, called `v1` and on, which are texts.
    locals: usize,
}

impl Writer<'_> {
    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let choice: &&'a str = self.random.pick(choices);
        choice
    }

    /// Fills a pattern of this module in.
    fn fill(&mut self, pattern: &str, depth: usize) -> String {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            let what = match &rest[at..at + 3] {
                "{k}" => self.key(),
                "{n}" => self.number(depth),
                "{i}" => self.random.below(20).to_string(),
                "{s}" => self.text(depth),
                "{l}" => self.list(depth),
                "{p}" => self.plain_text(depth),
                "{a}" => self.any(depth),
                other => unreachable!("no placeholder is called {other}"),
            };
            text.push_str(&what);
            rest = &rest[at + 3..];
        }
        text.push_str(rest);
        text
    }

    fn key(&mut self) -> String {
        self.pick(&["KEYS[1]", "KEYS[1]", "KEYS[1]", "'k1'", "'k2'", "ARGV[1]"]).to_owned()
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0..3 => {
                let value = self.text(depth);
                self.locals += 1;
                format!("local v{} = {value}", self.locals)
            }
            3..6 => self.call(depth),
            6 if depth < DEPTH => {
                let call = self.call(depth + 1);
                format!("for i = 1, {} do {call} end", self.random.below(4))
            }
            7 if depth < DEPTH => {
                let condition = self.condition(depth + 1);
                let (then, other) = (self.call(depth + 1), self.call(depth + 1));
                format!("if {condition} then {then} else {other} end")
            }
            8 => self.pick(&["redis.setresp(3)", "redis.setresp(2)", "g = 1", "local x = nosuch"]).to_owned(),
            _ => {
                let text = self.text(depth);
                self.locals += 1;
                format!("local v{} = {text}", self.locals)
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let pattern =
            self.pick(&["{n} < {n}", "{s} == {s}", "{s} <= {s}", "not {a}", "{a} and {a}", "{n} ~= {n}"]);
        self.fill(pattern, depth)
    }

    fn call(&mut self, depth: usize) -> String {
        let function = self.pick(&["redis.call", "redis.call", "redis.pcall", "redis.pcall", "server.call"]);
        // Of a script that fails the effects stay, so that both servers must have come as far.
        let function = if function == "server.call" { "redis.call" } else { function };
        let command = *self.random.pick(&COMMANDS);
        format!("{function}({})", self.fill(command, depth + 1))
    }

    fn number(&mut self, depth: usize) -> String {
        if depth >= DEPTH {
            return self.pick(&NUMBERS).to_owned();
        }
        let pattern = self.pick(&[
            "({n} + {n})",
            "({n} * {n})",
            "({n} - {n})",
            "({n} / 8)",
            "({n} % 7)",
            "#{s}",
            "#{l}",
            "(tonumber({s}) or {n})",
            "(tonumber({s}, 16) or 1)",
            "math.floor({n})",
            "math.ceil({n})",
            "math.max({n}, {n})",
            "math.min({n}, {n})",
            "math.abs({n})",
            "math.fmod({n}, 5)",
            "bit.band({i}, {n})",
            "bit.bor({i}, {i})",
            "bit.bxor({n}, {i})",
            "bit.lshift({n}, {i})",
            "bit.rshift({n}, {i})",
            "bit.arshift({n}, {i})",
            "bit.bnot({n})",
            "bit.tobit({n})",
            "select('#', {a}, {a})",
            "(string.byte({s}) or 0)",
            "struct.size('>I2i4d')",
            "(struct.unpack('<i4', struct.pack('<i4', {i})))",
            "(string.find({s}, {s}, 1, true) or 0)",
        ]);
        if self.random.chance(400) { self.pick(&NUMBERS).to_owned() } else { self.fill(pattern, depth + 1) }
    }

    /// A text without zero bytes.
    fn plain_text(&mut self, depth: usize) -> String {
        let pattern =
            self.pick(&["'abc'", "'hello world'", "''", "tostring({n})", "type({a})", "redis.sha1hex({s})"]);
        self.fill(pattern, depth + 1)
    }

    fn text(&mut self, depth: usize) -> String {
        if depth >= DEPTH || self.random.chance(300) {
            return match self.random.below(6) {
                0 if self.locals > 0 => format!("v{}", 1 + self.random.below(self.locals)),
                0 | 1 => "(KEYS[1] or 'k')".to_owned(),
                2 => "(ARGV[1] or '')".to_owned(),
                _ => self.pick(&TEXTS).to_owned(),
            };
        }
        match self.random.below(4) {
            0 => {
                let format = self.pick(&FORMATS);
                format!("string.format({})", self.fill(format, depth + 1))
            }
            1 => {
                let pattern = self.pick(&PATTERNS);
                let way = self.pick(&[
                    "(string.gsub({s}, PATTERN, '<%0>'))",
                    "(string.match({s}, PATTERN) or '')",
                    "tostring(string.find({s}, PATTERN))",
                    "(string.gsub({s}, PATTERN, string.upper, 2))",
                    "(string.gsub({s}, PATTERN, {a = 'b'}))",
                ]);
                let way = way.replace("{a = 'b'}", "TABLE");
                self.fill(&way, depth + 1).replace("PATTERN", pattern).replace("TABLE", "{a = 'b'}")
            }
            _ => {
                let pattern = self.pick(&[
                    "({s} .. {s})",
                    "({s} .. {n})",
                    "tostring({n})",
                    "string.rep({s}, {i})",
                    "string.sub({s}, {i}, {n})",
                    "string.sub({s}, -2)",
                    "string.upper({s})",
                    "string.lower({s})",
                    "string.reverse({s})",
                    "string.char({i}, 66)",
                    "type({a})",
                    "tostring({n} < {n})",
                    "table.concat({l}, {s})",
                    "redis.sha1hex({s})",
                    "cjson.encode({l})",
                    "cjson.encode({s})",
                    "cjson.encode({n})",
                    "cmsgpack.pack({l})",
                    "cmsgpack.pack({s}, {n})",
                    "struct.pack('>I2', {i})",
                    "struct.pack('<dBs', {n}, {i}, {s})",
                    "bit.tohex({n}, 4)",
                ]);
                self.fill(pattern, depth + 1)
            }
        }
    }

    /// A list of texts and numbers.
    fn list(&mut self, depth: usize) -> String {
        let pattern = if depth >= DEPTH {
            self.pick(&["TABLE{s}, {n}END", "KEYS", "ARGV", "TABLE1, 2, 3END", "TABLEEND"])
        } else {
            self.pick(&[
                "TABLE{s}, {n}, {s}END",
                "TABLEunpack({l})END",
                "cjson.decode(cjson.encode({l}))",
                "cmsgpack.unpack(cmsgpack.pack({l}))",
                "TABLEstring.byte({s}, 1, 3)END",
                "TABLEselect(2, {s}, {n}, {s})END",
                "ARGV",
            ])
        };
        self.fill(pattern, depth + 1).replace("TABLE", "{").replace("END", "}")
    }

    fn any(&mut self, depth: usize) -> String {
        let pattern = match self.random.below(14) {
            0 => "{n}",
            1 => "{s}",
            2 => "{l}",
            3 => self.pick(&["true", "false", "nil", "cjson.null", "redis.LOG_WARNING", "redis.LOG_DEBUG"]),
            4 => self.pick(&["TABLEok = {s}END", "TABLEerr = {s}END", "TABLEdouble = {n}END"]),
            5 => self.pick(&[
                "TABLEmap = TABLEa = {n}ENDEND",
                "TABLEset = TABLEa = trueENDEND",
                "TABLEbig_number = '12345678901234567890'END",
            ]),
            6 => self.pick(&["redis.status_reply({s})", "redis.error_reply({s})", "TABLE1, nil, 3END"]),
            7 if depth < DEPTH => "TABLE{a}, {a}, {a}END",
            8 if depth < DEPTH => "TABLEpcall(string.rep, {s}, {i})END",
            9 => "(redis.pcall('GET', {k}) or 'none')",
            _ => return if depth == 0 { self.call(depth) } else { self.number(depth + 1) },
        };
        self.fill(pattern, depth + 1).replace("TABLE", "{").replace("END", "}")
    }
}

#[cfg(test)]
mod tests {
    use super::{library, script};
    use crate::random::Random;

    #[test]
    fn scripts_and_libraries_are_text_of_some_length() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            for text in [script(&mut random), library(&mut random)] {
                let text = String::from_utf8(text).unwrap();
                assert!(text.len() < 1 << 16 && !text.contains("TABLE") && !text.contains("{n}"), "{text}");
            }
        }
    }
}
