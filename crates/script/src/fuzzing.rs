//! Checks for arbitrary bytes, shared by the fuzz targets and by tests that run every seed.
//!
//! Each function takes whatever a fuzzer comes up with and panics when a promise is broken. None is of use to
//! a server.

use std::cell::RefCell;

use spinel_resp::{Encoder, Protocol, ReplyDecoder};

use crate::{
    Call, Engine, Host, LogLevel, Lua, LuaOptions, Propagate, ShownCall, ShownWord, UnknownCommand, Verdict,
    shown_calls,
};

const MEMORY_BYTES: usize = 64 << 20;
/// How often a script may look up before it is stopped.
const PATIENCE: u32 = 2_000;

/// The declared keys of a script.
const KEYS: &[&[u8]] = &[b"the first key", b"the second key"];

/// A server that says no to everything, and loses its patience.
struct Refusal<'s> {
    looks: u32,
    patience: u32,
    /// All calls that the text of the script shows, if it shows them.
    shown: Option<Vec<ShownCall<'s>>>,
}

impl Refusal<'_> {
    fn new() -> Self {
        Self { looks: 0, patience: PATIENCE, shown: None }
    }
}

/// Whether a call is one that a text shows.
fn is_shown(words: &[&[u8]], shown: &ShownCall<'_>) -> bool {
    let told = shown.words.len() - usize::from(shown.is_open);
    let fits = |(word, shown): (&&[u8], &ShownWord<'_>)| match shown {
        ShownWord::Text(text) => word == text,
        ShownWord::Key => KEYS.contains(word),
        ShownWord::Other => true,
    };
    (words.len() == told || shown.is_open && words.len() > told)
        && words.iter().zip(&shown.words[..told]).all(fits)
}

impl Host for Refusal<'_> {
    fn call(&mut self, words: &[&[u8]], reply: &mut Encoder) {
        if let Some(shown) = &self.shown {
            assert!(shown.iter().any(|shown| is_shown(words, shown)), "{words:?} is none of {shown:?}");
        }
        reply.error("ERR no");
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_propagation(&mut self, _: Propagate) {}

    fn acl_check(&mut self, _: &[&[u8]]) -> Result<bool, UnknownCommand> {
        Ok(false)
    }

    fn processor_seconds(&mut self) -> f64 {
        0.0
    }

    fn interrupted(&mut self) -> Verdict {
        self.looks += 1;
        if self.looks > self.patience { Verdict::Stop(b"stopped".to_vec()) } else { Verdict::KeepAsking }
    }
}

thread_local! {
    static ENGINE: RefCell<Lua> =
        RefCell::new(Lua::for_scripts(LuaOptions::with_memory(MEMORY_BYTES)).expect("there is the memory for an engine"));
}

/// Any text is compiled, or refused; what it does ends in one whole reply, and the next script finds everything in order. If the
/// text shows what it calls, it calls nothing else.
pub fn fuzz_script(data: &[u8]) {
    run(data, &[data]);
}

/// JSON: what can be read can be written, and read again to the same.
pub fn fuzz_cjson(data: &[u8]) {
    let script = b"local ok, value = pcall(cjson.decode, ARGV[1])\n\
        if not ok then return 'refused' end\n\
        local ok, text = pcall(cjson.encode, value)\n\
        if not ok then return 'no JSON' end\n\
        return tostring(#cjson.encode(cjson.decode(text)) == #text)";
    let reply = run(script, &[data]);
    assert!(!reply.starts_with(b"-"), "{}", reply.escape_ascii());
    assert!(reply != b"$5\r\nfalse\r\n", "written and read again it is another value");
}

/// MessagePack: as JSON.
pub fn fuzz_cmsgpack(data: &[u8]) {
    let script = b"local ok, value = pcall(cmsgpack.unpack, ARGV[1])\n\
        if not ok then return 'refused' end\n\
        local packed = cmsgpack.pack(value)\n\
        pcall(cmsgpack.unpack_one, ARGV[1], #ARGV[1] / 2)\n\
        pcall(cmsgpack.unpack_limit, ARGV[1], 3, 1)\n\
        return tostring(#cmsgpack.pack(cmsgpack.unpack(packed)) == #packed)";
    let reply = run(script, &[data]);
    assert!(!reply.starts_with(b"-"), "{}", reply.escape_ascii());
    assert!(reply != b"$5\r\nfalse\r\n", "packed and unpacked it is another value");
}

/// Formats and data of `struct`, with a zero between them.
pub fn fuzz_struct(data: &[u8]) {
    let script = b"pcall(struct.size, ARGV[1])\n\
        pcall(struct.unpack, ARGV[1], ARGV[2])\n\
        pcall(struct.unpack, ARGV[1], ARGV[2], #ARGV[2])\n\
        local ok, packed = pcall(struct.pack, ARGV[1], 1, 'two', -3, 4.5, ARGV[2], 2^63, 'x', 0)\n\
        if ok then pcall(struct.unpack, ARGV[1], packed) end\n\
        return 'done'";
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (format, bytes) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let reply = run(script, &[format, bytes]);
    assert!(reply == b"$4\r\ndone\r\n" || reply.starts_with(b"-ERR stopped"), "{}", reply.escape_ascii());
}

/// Any text is compiled by Python, or refused; what it does ends in one whole reply, and the next script finds everything in
/// order. The program has to be one that can be a worker.
#[cfg(feature = "python")]
pub fn fuzz_python(worker: &crate::PythonWorker, data: &[u8]) {
    /// A look each tick of some milliseconds.
    const PATIENCE: u32 = 40;
    thread_local! {
        static PYTHON: RefCell<Option<crate::Python>> = const { RefCell::new(None) };
    }
    PYTHON.with_borrow_mut(|python| {
        let python = python.get_or_insert_with(|| crate::Python::new(MEMORY_BYTES, worker.clone()));
        let mut out = Encoder::new(Protocol::Resp2);
        let source = [b"#!python\n", data].concat();
        if let Ok(script) = python.compile(&source) {
            python.interrupter().arm();
            let mut host = Refusal { looks: 0, patience: PATIENCE, shown: None };
            python.call(script, Call { name: b"fuzz", keys: &[], args: &[data] }, &mut host, &mut out);
            python.release(script);
            assert_one_reply(out.as_bytes());
        }
        out.clear();
        let check = python.compile(b"#!python\nreturn 'a'.upper() + str(len(KEYS))").expect("it compiles");
        python.call(check, Call { name: b"check", keys: &[], args: &[] }, &mut Refusal::new(), &mut out);
        python.release(check);
        assert_eq!(out.as_bytes(), b"$2\r\nA0\r\n");
    });
}

/// Runs a script and checks that its reply is one, and that the engine is in order afterwards.
fn run(source: &[u8], args: &[&[u8]]) -> Vec<u8> {
    ENGINE.with_borrow_mut(|lua| {
        let mut out = Encoder::new(Protocol::Resp2);
        lua.interrupter().arm();
        if let Ok(script) = lua.compile(source) {
            let call = Call { name: b"fuzz", keys: KEYS, args };
            let mut host = Refusal { shown: shown_calls(source), ..Refusal::new() };
            lua.call(script, call, &mut host, &mut out);
            lua.release(script);
            assert_one_reply(out.as_bytes());
        }
        let reply = out.take();
        let check = lua.compile(b"return ('a'):upper() .. type(redis.call) .. #KEYS").expect("it compiles");
        lua.call(check, Call { name: b"check", keys: &[], args: &[] }, &mut Refusal::new(), &mut out);
        lua.release(check);
        assert_eq!(out.as_bytes(), b"$10\r\nAfunction0\r\n");
        reply
    })
}

fn assert_one_reply(bytes: &[u8]) {
    let mut decoder = ReplyDecoder::default();
    match decoder.decode(bytes) {
        Ok(Some((_, len))) => assert_eq!(len, bytes.len(), "more than one reply"),
        Ok(None) => panic!("half a reply: {}", bytes.escape_ascii()),
        // A reply may nest deeper than clients allow.
        Err(_) => {}
    }
}
