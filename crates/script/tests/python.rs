//! Python: what scripts get, what they give, what they cannot do.
#![cfg(feature = "python")]

mod host;

use std::time::{Duration, Instant};

use spinel_resp::{Encoder, Protocol};
use spinel_script::{
    Call, Engine, EngineOptions, Engines, LuaOptions, Outcome, Python, PythonWorker, Verdict,
    serve_python_if_asked,
};

use self::host::Database;

const MEMORY_BYTES: usize = 64 << 20;
/// How long after the wish a script may go on, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Not a test: this program, started as a worker.
#[test]
fn python_worker() {
    serve_python_if_asked();
}

fn worker() -> PythonWorker {
    let args = ["python_worker", "--exact", "--nocapture"].map(Into::into).to_vec();
    PythonWorker { args, ..PythonWorker::default() }
}

fn engine() -> Python {
    Python::new(MEMORY_BYTES, worker())
}

struct Eval<'a> {
    head: &'a str,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
    protocol: Protocol,
}

impl Default for Eval<'_> {
    fn default() -> Self {
        Self { head: "#!python\n", keys: &[], args: &[], protocol: Protocol::Resp2 }
    }
}

impl Eval<'_> {
    fn run(&self, python: &mut Python, source: &str, host: &mut Database) -> String {
        let mut out = Encoder::new(self.protocol);
        let script = match python.compile(format!("{}{source}", self.head).as_bytes()) {
            Ok(script) => script,
            Err(text) => return String::from_utf8_lossy(&text).into_owned(),
        };
        let call = Call { name: b"sha", keys: self.keys, args: self.args };
        let outcome = python.call(script, call, host, &mut out);
        assert_eq!(outcome == Outcome::Done, !out.as_bytes().starts_with(b"-"), "{source}");
        python.release(script);
        shown(out.as_bytes())
    }
}

/// A reply as text, in which quotes stand for themselves.
fn shown(reply: &[u8]) -> String {
    reply.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

fn eval(python: &mut Python, source: &str) -> String {
    Eval::default().run(python, source, &mut Database::default())
}

fn assert_replies(eval: &Eval<'_>, cases: &[(&str, &str)]) {
    let mut python = engine();
    for (source, reply) in cases {
        assert_eq!(eval.run(&mut python, source, &mut Database::default()), *reply, "{source}");
    }
}

#[test]
fn values_become_replies() {
    let cases = [
        ("return None", r"$-1\r\n"),
        ("return True", r":1\r\n"),
        ("return False", r":0\r\n"),
        ("return 42", r":42\r\n"),
        ("return 2 ** 70", r"$22\r\n1180591620717411303424\r\n"),
        ("return 1.5", r"$3\r\n1.5\r\n"),
        ("return 'text'", r"$4\r\ntext\r\n"),
        ("return 'ä'", r"$2\r\n\xc3\xa4\r\n"),
        (r"return b'\x00\xff'", r"$2\r\n\x00\xff\r\n"),
        ("return [1, (2, 'x')]", r"*2\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n"),
        ("return {'a': 1}", r"*2\r\n$1\r\na\r\n:1\r\n"),
        ("return {7}", r"*1\r\n:7\r\n"),
        ("return redis.status_reply('FINE')", r"+FINE\r\n"),
        ("return redis.error_reply('OOPS what')", r"-OOPS what\r\n"),
        ("return [redis.error_reply('OOPS what')]", r"*1\r\n-OOPS what\r\n"),
        ("1 + 1", r":2\r\n"),
        ("x = 1", r"$-1\r\n"),
    ];
    assert_replies(&Eval::default(), &cases);
    let cases = [
        ("return None", r"_\r\n"),
        ("return True", r"#t\r\n"),
        ("return 2 ** 70", r"(1180591620717411303424\r\n"),
        ("return 1.5", r",1.5\r\n"),
        ("return {'a': None}", r"%1\r\n$1\r\na\r\n_\r\n"),
        ("return {7}", r"~1\r\n:7\r\n"),
        ("return frozenset([7])", r"~1\r\n:7\r\n"),
    ];
    assert_replies(&Eval { protocol: Protocol::Resp3, ..Eval::default() }, &cases);
}

#[test]
fn what_is_no_reply_is_an_error() {
    let mut python = engine();
    for source in
        ["return len", "return lambda: 1", "return [redis]", "class A:\n  pass\nreturn A()", "return ..."]
    {
        let reply = eval(&mut python, source);
        assert!(reply.starts_with("-ERR TypeError: a value of type "), "{source}: {reply}");
        assert!(reply.contains(" is no reply script: sha."), "{source}: {reply}");
    }
}

#[test]
fn replies_become_values() {
    assert_replies(
        &Eval::default(),
        &[
            ("return repr(redis.call('set', 'k', b'\\xff'))", r"$4\r\n'OK'\r\n"),
            ("redis.call('set', 'k', b'\\xff')\nreturn repr(redis.call('get', 'k'))", r"$7\r\nb'\\xff'\r\n"),
            ("return repr(redis.call('get', 'missing'))", r"$4\r\nNone\r\n"),
            ("return repr(redis.call('incr', 'n'))", r"$1\r\n1\r\n"),
            ("return repr(redis.call('mget', 'a', 'b'))", r"$12\r\n[None, None]\r\n"),
            ("return repr(redis.call('echo', 7))", r"$4\r\nb'7'\r\n"),
            ("return repr(redis.call('echo', 1.0))", r"$6\r\nb'1.0'\r\n"),
            ("return repr(redis.call('echo', 2 ** 70))", r"$25\r\nb'1180591620717411303424'\r\n"),
            (
                "return repr(redis.call('debug', 'protocol', 'map'))",
                r"$29\r\n{0: False, 1: True, 2: False}\r\n",
            ),
            ("return sorted(redis.call('debug', 'protocol', 'set'))", r"*3\r\n:0\r\n:1\r\n:2\r\n"),
            ("return repr(redis.call('debug', 'protocol', 'double'))", r"$5\r\n3.141\r\n"),
            ("return redis.call('debug', 'protocol', 'true') is True", r":1\r\n"),
            (
                "return redis.call('debug', 'protocol', 'bignum') + 1 == 1234567999999999999999999999999999999 + 1",
                r":1\r\n",
            ),
            ("return redis.call('debug', 'protocol', 'verbatim')", r"$25\r\nThis is a verbatim\nstring\r\n"),
            (
                "return redis.call('debug', 'protocol', 'attrib')",
                r"$39\r\nSome real reply following the attribute\r\n",
            ),
            (
                "redis.setresp(2)\nreturn repr(redis.call('debug', 'protocol', 'map'))",
                r"$18\r\n[0, 0, 1, 1, 2, 0]\r\n",
            ),
            ("f = redis.call\nreturn [f('echo', c) for c in 'ab']", r"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            ("return server.call('ping')", r"$4\r\nPONG\r\n"),
        ],
    );
}

#[test]
fn keys_and_arguments_are_bytes_or_texts() {
    let mut python = engine();
    let eval = Eval { keys: &[b"k\xff"], args: &[b"1", b"two"], ..Eval::default() };
    assert_eq!(
        eval.run(&mut python, "return repr([KEYS, ARGV])", &mut Database::default()),
        r"$28\r\n[[b'k\\xff'], [b'1', b'two']]\r\n"
    );
    assert_eq!(eval.run(&mut python, "return int(ARGV[0]) + 1", &mut Database::default()), r":2\r\n");
    let texts = Eval { head: "#!python decode=yes\n", ..eval };
    assert_eq!(
        texts.run(&mut python, "return 1", &mut Database::default()),
        r"-ERR keys and arguments are not UTF-8, which decode=yes asks for script: sha.\r\n"
    );
    let texts = Eval { keys: &["ä".as_bytes()], ..texts };
    assert_eq!(
        texts.run(&mut python, "return KEYS[0] + ':x'", &mut Database::default()),
        r"$4\r\n\xc3\xa4:x\r\n"
    );
    let source = "redis.call('set', 'b', b'\\xff')\nreturn redis.call('get', 'b')";
    let reply = texts.run(&mut python, source, &mut Database::default());
    assert!(reply.starts_with("-ERR ValueError: the reply is not UTF-8"), "{reply}");
}

#[test]
fn errors_are_exceptions_and_say_where() {
    assert_replies(
        &Eval::default(),
        &[
            (
                "redis.call('set', 'k', 'v')\nredis.call('lpush', 'k', 'x')",
                r"-WRONGTYPE Operation against a key holding the wrong kind of value script: sha, on @user_script:3.\r\n",
            ),
            (
                "try:\n  redis.call('nosuch')\nexcept redis.ResponseError as e:\n  return 'caught ' + str(e)",
                r"$51\r\ncaught ERR Unknown Redis command called from script\r\n",
            ),
            ("e = redis.pcall('nosuch')\nreturn isinstance(e, Exception)", r":1\r\n"),
            ("return redis.pcall('nosuch')", r"-ERR Unknown Redis command called from script\r\n"),
            (
                "return 1 // 0",
                r"-ERR ZeroDivisionError: division by zero script: sha, on @user_script:2.\r\n",
            ),
            ("\nraise ValueError('a\\r\\nb')", r"-ERR ValueError: a  b script: sha, on @user_script:3.\r\n"),
            ("raise redis.error_reply('STOCK is out')", r"-STOCK is out script: sha, on @user_script:2.\r\n"),
            (
                "raise redis.ResponseError('STOCK is out')",
                r"-STOCK is out script: sha, on @user_script:2.\r\n",
            ),
            ("return {'a': 1}['b']", r"-ERR KeyError: b script: sha, on @user_script:2.\r\n"),
            (
                "return redis.call('echo', None)",
                r"-ERR TypeError: redis.call() arguments must be str, bytes, int or float, not NoneType script: sha, on @user_script:2.\r\n",
            ),
            (
                "return open('/etc/passwd').read()",
                r"-ERR PermissionError: scripts have no files, no environment and no clock script: sha, on @user_script:2.\r\n",
            ),
            (
                "return nosuch",
                r"-ERR NameError: name 'nosuch' is not defined script: sha, on @user_script:2.\r\n",
            ),
            (
                "import socket",
                r"-ERR ModuleNotFoundError: No module named 'socket' script: sha, on @user_script:2.\r\n",
            ),
        ],
    );
    let mut python = engine();
    assert!(
        eval(&mut python, "x = (")
            .starts_with("Error compiling script (new function): user_script:2: SyntaxError: ")
    );
    assert!(eval(&mut python, "del x").contains("user_script:2: NotImplementedError: "));
}

#[test]
fn python_is_what_one_knows() {
    assert_replies(
        &Eval::default(),
        &[
            (
                "class P:\n  def __init__(self, v):\n    self.v = v\n  def twice(self):\n    return 2 * self.v\nreturn P(21).twice()",
                r":42\r\n",
            ),
            (
                "def f(a, *b, c=3, **d):\n  return [a, b, c, d]\nreturn repr(f(1, 2, e=4))",
                r"$22\r\n[1, (2,), 3, {'e': 4}]\r\n",
            ),
            ("name = 'Ann'\nreturn f'{name!r:>7}|{3.14159:.2f}'", r"$12\r\n  'Ann'|3.14\r\n"),
            ("import json\nreturn json.dumps({'a': [1, None]})", r#"$16\r\n{"a": [1, null]}\r\n"#),
            ("import re\nreturn re.findall('[a-z]+', 'ab 1 cd')", r"*2\r\n$2\r\nab\r\n$2\r\ncd\r\n"),
            ("return sum(x for x in range(10) if x % 2)", r":25\r\n"),
            ("from collections import Counter\nreturn Counter('aab')['a']", r":2\r\n"),
            ("return redis.sha1hex('')", r"$40\r\nda39a3ee5e6b4b0d3255bfef95601890afd80709\r\n"),
            ("return [redis.LOG_WARNING, redis.REDIS_VERSION]", r"*2\r\n:3\r\n$5\r\n7.4.6\r\n"),
            (
                "redis.log(redis.LOG_NOTICE, 'a', 1)\nprint('x', [1])\nreturn redis.acl_check_cmd('set', 'k')",
                r":1\r\n",
            ),
        ],
    );
}

#[test]
fn nothing_is_left_behind_for_the_next_script() {
    let mut python = engine();
    for source in [
        "x = 1",
        "redis.x = 1",
        "redis.call = None",
        "int = None",
        "KEYS.append(1)",
        "import json\njson.x = 1",
    ] {
        eval(&mut python, source);
        let reply = eval(&mut python, "return [redis.call('ping'), int('1'), KEYS]");
        assert_eq!(reply, r"*3\r\n$4\r\nPONG\r\n:1\r\n*0\r\n", "{source}");
        assert!(eval(&mut python, "return redis.x").starts_with("-ERR AttributeError"));
    }
}

/// Runs scripts that would not end, and stops them.
#[test]
fn whatever_does_not_end_can_be_ended() {
    let mut python = engine();
    let stop = Verdict::Stop(b"Script killed by user with SCRIPT KILL...".to_vec());
    for source in [
        "while True:\n  pass",
        "while True:\n  try:\n    while True:\n      pass\n  except BaseException:\n    pass",
        "while True:\n  redis.call('echo', 'x')",
        "while True:\n  redis.pcall('nosuch')",
        "while True:\n  redis.log(1, 'x')",
        "sum(range(10 ** 15))",
        "max(range(10 ** 15))",
        "x = 3 ** 20000000\nreturn x // 7 ** 3500000 % 7",
        "a = [0] * 10\nb = [0] * 10\nfor i in range(20):\n  a = [a] * 10\n  b = [b] * 10\nreturn a == b",
        "a = []\nwhile True:\n  b = [a]\n  a = []\n  a.append(b)\n  b.append(a)",
        "def f(n):\n  try:\n    return f(n + 1)\n  finally:\n    f(n + 1)\nf(0)",
        "while True:\n  print('x')",
    ] {
        let interrupter = python.interrupter();
        let (reply, waited) = std::thread::scope(|scope| {
            let python = &mut python;
            let mut host = Database { verdict: stop.clone(), ..Database::default() };
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(100));
                interrupter.arm();
            });
            let start = Instant::now();
            (Eval::default().run(python, source, &mut host), start.elapsed())
        });
        assert_eq!(reply, r"-ERR Script killed by user with SCRIPT KILL... script: sha.\r\n", "{source}");
        assert!(waited < PATIENCE, "{source}: {waited:?}");
        assert_eq!(eval(&mut python, "return 'usable'"), r"$6\r\nusable\r\n");
    }
}

#[test]
fn a_script_that_may_go_on_does() {
    let mut python = engine();
    for verdict in [Verdict::Continue, Verdict::KeepAsking] {
        python.interrupter().arm();
        let mut host = Database { verdict, ..Database::default() };
        let source = "n = 0\nfor i in range(1000):\n  n += 1\nreturn n";
        assert_eq!(Eval::default().run(&mut python, source, &mut host), r":1000\r\n");
    }
}

#[test]
fn memory_and_depth_have_an_end() {
    let mut python = engine();
    for source in [
        "a = []\nwhile True:\n  a.append('x' * 1000)",
        "s = 'x'\nwhile True:\n  s = s + s",
        "return 'x' * 10 ** 10",
        "return [0] * 10 ** 10",
        "return 2 ** 10 ** 10",
        "return f'{1:>10000000000}'",
        "return list(range(10 ** 12))",
        "return {i: i for i in range(10 ** 9)}",
        "s = 'x' * 1000000\nreturn len(''.join([s] * 1000000))",
        "s = b'x' * 1000000\nreturn len(b''.join([s] * 1000000))",
        "import json\ns = 'x' * 1000000\nreturn len(json.dumps([s] * 1000000))",
        "a = [0] * 10\nfor i in range(20):\n  a = [a] * 10\nreturn a",
        "s = 'x' * 10000000\nreturn redis.call(*[s] * 100000)",
        "return ('a' * 10000000).replace('a', 'b' * 100000)",
        "def f(n):\n  return f(n + 1)\nreturn f(0)",
        "class A:\n  def __repr__(self):\n    return repr(self)\nreturn repr(A())",
        "x = ()\nfor i in range(100000):\n  x = (x,)\nreturn hash(x)",
        "import json\nreturn json.loads('[' * 100000)",
        "import re\nreturn re.match('(' * 100000 + ')' * 100000, 'a')",
        "raise SystemExit(3)",
    ] {
        let reply = eval(&mut python, source);
        assert!(reply.starts_with('-'), "{source}: {}", &reply[..reply.len().min(100)]);
        assert_eq!(eval(&mut python, "return 'usable'"), r"$6\r\nusable\r\n", "{source}");
    }
    for source in [
        "x = []\nfor i in range(100000):\n  x = [x]\nreturn x",
        "x = None\nclass N:\n  def __init__(self, x):\n    self.x = x\nfor i in range(100000):\n  x = N(x)\nreturn 1",
        "a = []\na.append(a)\nreturn a",
    ] {
        eval(&mut python, source);
        assert_eq!(eval(&mut python, "return 'usable'"), r"$6\r\nusable\r\n", "{source}");
    }
}

#[test]
fn sources_that_nest_without_end_are_refused() {
    const MOST: usize = 256 << 10;
    let mut python = engine();
    for part in [
        "(",
        "[",
        "{",
        "-",
        "not ",
        "~",
        "lambda:",
        "x if x else ",
        "f'{",
        "a.",
        "a+",
        "a[",
        "x=",
        "a,",
        "if x:",
        "0 ",
    ] {
        let source = part.repeat((MOST - 20) / part.len());
        eval(&mut python, &source);
        eval(&mut python, &format!("{source}1"));
        assert_eq!(eval(&mut python, "return 'usable'"), r"$6\r\nusable\r\n", "{part}");
    }
    let indented: String = (0..700).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect();
    eval(&mut python, &indented);
    assert!(eval(&mut python, &" ".repeat(MOST)).ends_with("script is too long"));
    assert!(python.compile(b"#!python\n\xff").is_err());
    assert_eq!(eval(&mut python, "return 'usable'"), r"$6\r\nusable\r\n");
}

#[test]
fn a_worker_that_dies_is_replaced_and_forgets_nothing() {
    let mut python = engine();
    let script = python.compile(b"#!python\nreturn redis.call('ping')").expect("it compiles");
    let call = Call { name: b"sha", keys: &[], args: &[] };
    for _ in 0..3 {
        let mut out = Encoder::new(Protocol::Resp2);
        assert_eq!(python.call(script, call, &mut Database::default(), &mut out), Outcome::Done);
        assert_eq!(out.as_bytes(), b"$4\r\nPONG\r\n");
        python.interrupter().arm();
        let mut host = Database { verdict: Verdict::Stop(b"stopped".to_vec()), ..Database::default() };
        Eval::default().run(&mut python, "while True:\n  pass", &mut host);
        assert!(!python.has_process());
    }
}

#[test]
fn libraries_register_functions() {
    let mut python = engine();
    let source = "#!python name=lib\nstate = []\ndef add(keys, args):\n  state.append(1)\n  return [len(state), len(keys), sum(int(a) for a in args)]\n\
        redis.register_function('add', add, description='adds', flags=['no-writes'])\n\
        redis.register_function('fail', lambda keys, args: redis.call('nosuch'))\n";
    let functions = python.load_library(source.as_bytes(), &mut Database::default()).expect("it loads");
    assert_eq!(
        functions.iter().map(|function| &function.name[..]).collect::<Vec<_>>(),
        [&b"add"[..], b"fail"]
    );
    assert_eq!(functions[0].description.as_deref(), Some(&b"adds"[..]));
    assert!(functions[0].flags.no_writes && !functions[1].flags.no_writes);
    for _ in 0..2 {
        let mut out = Encoder::new(Protocol::Resp2);
        let call = Call { name: b"add", keys: &[b"k"], args: &[b"1", b"2"] };
        python.call(functions[0].script, call, &mut Database::default(), &mut out);
        assert_eq!(out.as_bytes(), b"*3\r\n:1\r\n:1\r\n:3\r\n");
    }
    let mut out = Encoder::new(Protocol::Resp2);
    let call = Call { name: b"fail", keys: &[], args: &[] };
    python.call(functions[1].script, call, &mut Database::default(), &mut out);
    assert_eq!(
        shown(out.as_bytes()),
        r"-ERR Unknown Redis command called from script script: fail, on @user_function:7.\r\n"
    );
    functions.iter().for_each(|function| python.release(function.script));
    assert_eq!(python.used_bytes(), 0);
    for (code, why) in [
        ("x = (", "Error compiling function: user_function:"),
        (
            "redis.call('ping')",
            "Error registering functions: ERR RuntimeError: redis.call/pcall can only be called inside a script invocation",
        ),
        (
            "redis.register_function('f', 1)",
            "Error registering functions: ERR RuntimeError: second argument to redis.register_function must be a function",
        ),
        (
            "redis.register_function('f g', len)",
            "Error registering functions: ERR RuntimeError: Library names can only contain letters",
        ),
        (
            "redis.register_function('f', len, flags=['x'])",
            "Error registering functions: ERR RuntimeError: unknown flag given",
        ),
    ] {
        let source = format!("#!python name=lib\n{code}\n");
        let error = python.load_library(source.as_bytes(), &mut Database::default()).expect_err(code);
        let error = String::from_utf8_lossy(&error).into_owned();
        assert!(error.starts_with(why), "{code}: {error}");
    }
}

#[test]
fn the_first_line_chooses_the_engine() {
    let options =
        EngineOptions { python: worker(), ..EngineOptions::new(LuaOptions::with_memory(MEMORY_BYTES)) };
    let mut engines = Engines::for_scripts(&options).expect("there is the memory");
    for (source, reply) in [
        ("return #KEYS", ":0\r\n"),
        ("#!lua\nreturn 'lua'", "$3\r\nlua\r\n"),
        ("#!python\nreturn len(KEYS)", ":0\r\n"),
    ] {
        let mut out = Encoder::new(Protocol::Resp2);
        let script = engines.compile(source.as_bytes()).expect("it compiles");
        let call = Call { name: b"sha", keys: &[], args: &[] };
        engines.interrupter().arm();
        assert_eq!(engines.call(script, call, &mut Database::default(), &mut out), Outcome::Done);
        engines.release(script);
        assert_eq!(out.as_bytes(), reply.as_bytes(), "{source}");
    }
    assert_eq!(engines.compile(b"#!ruby\n1"), Err(b"Unexpected engine in script shebang: #!ruby".to_vec()));
    let mut libraries = Engines::for_libraries(&options).expect("there is the memory");
    for (source, count) in [
        ("#!LUA name=a\nredis.register_function('f', function() return 1 end)", 1),
        ("#!Python name=a\nredis.register_function('f', lambda keys, args: 1)", 1),
    ] {
        let functions = libraries.load_library(source.as_bytes(), &mut Database::default());
        assert_eq!(functions.map(|functions| functions.len()), Ok(count), "{source}");
    }
    let unknown = libraries.load_library(b"#!ruby name=a\n", &mut Database::default());
    assert_eq!(unknown, Err(b"Engine 'ruby' not found".to_vec()));
}
