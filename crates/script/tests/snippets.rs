//! Several hundred scripts and what Redis 7.0.15 replies to them, to the letter.
//!
//! `snippets/*.txt` holds blocks: lines of Lua, then `--> ` and the reply. A first line of `--!` says how to call: `resp3`,
//! `keys=a,b`, `args=x,y`. The replies come from the reference, which is asked for all of them again; with
//! `SPINEL_SNIPPETS=write` in the environment the files are written anew.

mod host;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};
use spinel_oracle::client::{Client, decode};
use spinel_oracle::reference::{self, Server};
use spinel_resp::{Encoder, Protocol};
use spinel_script::{Call, Engine, Lua, LuaOptions};

use self::host::Database;

/// Errors that may lack the name of a variable.
const UNNAMED: usize = 14;

const MEMORY_BYTES: usize = 256 << 20;

/// One script with its reply.
struct Snippet {
    head: Option<String>,
    source: String,
    reply: String,
}

impl Snippet {
    fn option(&self, name: &str) -> Option<&str> {
        self.head.as_deref()?.split_whitespace().find_map(|word| word.strip_prefix(name))
    }

    fn list(&self, name: &str) -> Vec<&str> {
        self.option(name).map(|list| list.split(',').collect()).unwrap_or_default()
    }

    fn protocol(&self) -> Protocol {
        if self.option("resp3").is_some() { Protocol::Resp3 } else { Protocol::Resp2 }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snippets");
    let entries = std::fs::read_dir(folder).expect("the folder of snippets");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn parse(text: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let (mut head, mut source, mut reply) = (None, String::new(), String::new());
    for line in text.lines().chain([""]) {
        if let Some(said) = line.strip_prefix("--> ") {
            reply = said.to_owned();
        } else if line.starts_with("--!") {
            head = Some(line.to_owned());
        } else if !line.is_empty() {
            if !source.is_empty() {
                source.push('\n');
            }
            source.push_str(line);
        } else if !source.is_empty() {
            snippets.push(Snippet {
                head: head.take(),
                source: std::mem::take(&mut source),
                reply: std::mem::take(&mut reply),
            });
        }
    }
    snippets
}

/// Our reply.
fn ours(lua: &mut Lua, snippet: &Snippet) -> String {
    let mut database = Database::default();
    let mut out = Encoder::new(snippet.protocol());
    let source = snippet.source.as_bytes();
    let name: String = Sha1::digest(source).iter().map(|byte| format!("{byte:02x}")).collect();
    match lua.compile(source) {
        Err(text) => out.error([b"ERR ", &text[..]].concat()),
        Ok(script) => {
            let (keys, args) = (snippet.list("keys="), snippet.list("args="));
            let keys: Vec<&[u8]> = keys.iter().map(|word| word.as_bytes()).collect();
            let args: Vec<&[u8]> = args.iter().map(|word| word.as_bytes()).collect();
            let call = Call { name: name.as_bytes(), keys: &keys, args: &args };
            lua.call(script, call, &mut database, &mut out);
            lua.release(script);
        }
    }
    shown(out.as_bytes())
}

fn shown(reply: &[u8]) -> String {
    match decode(reply) {
        Ok(value) => format!("{value:?}"),
        Err(_) => format!("raw {}", reply.escape_ascii()),
    }
}

#[test]
fn scripts_reply_what_they_reply_in_redis() {
    let mut lua = Lua::for_scripts(LuaOptions::with_memory(MEMORY_BYTES)).unwrap();
    let (mut count, mut unnamed, mut differences) = (0, 0, String::new());
    for file in files() {
        for snippet in parse(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            let reply = ours(&mut lua, &snippet);
            if reply != snippet.reply && reply == without_name(&snippet.reply) {
                unnamed += 1;
            } else if reply != snippet.reply {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                writeln!(
                    differences,
                    "{name}: {}\n  redis {}\n  ours  {reply}",
                    snippet.source, snippet.reply
                )
                .unwrap();
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{differences}{} of {count} differ",
        differences.matches("\n  ours").count()
    );
    assert!(count > 900, "only {count} snippets");
    assert!(unnamed <= UNNAMED, "{unnamed} errors do not name their variable");
}

/// A reply whose error names a variable, without the name: Luau does not know it at run time.
fn without_name(reply: &str) -> String {
    let named = ["local", "field", "global", "upvalue"]
        .iter()
        .find_map(|kind| Some((reply.find(&format!(" {kind} \\'"))?, reply.find(" (a ")?)));
    let Some((start, value)) = named.filter(|(start, value)| start < value) else { return reply.to_owned() };
    let rest = &reply[value + " (".len()..];
    format!("{} {}", &reply[..start], rest.replacen(" value)", " value", 1))
}

#[test]
fn the_reference_replies_what_is_written() {
    let server = Server::start(&reference::redis(), &["--enable-debug-command", "yes"]).unwrap();
    let writes = std::env::var("SPINEL_SNIPPETS").is_ok_and(|word| word == "write");
    let mut differences = String::new();
    for file in files() {
        let mut text = String::new();
        for snippet in parse(&std::fs::read_to_string(&file).unwrap()) {
            let mut client = Client::connect(server.port()).unwrap();
            client.call(&["FLUSHALL"]).unwrap();
            client.call(&["DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1"]).unwrap();
            if snippet.protocol() == Protocol::Resp3 {
                client.call(&["HELLO", "3"]).unwrap();
            }
            let (keys, args) = (snippet.list("keys="), snippet.list("args="));
            let count = keys.len().to_string();
            let words: Vec<&str> =
                ["EVAL", &snippet.source, &count].into_iter().chain(keys).chain(args).collect();
            client.queue(&words);
            client.flush().unwrap();
            let reply = client.raw_reply().unwrap_or_else(|error| panic!("{error}: {}", snippet.source));
            let reply = shown(&reply);
            if reply != snippet.reply {
                writeln!(differences, "{}\n  written {}\n  replied {reply}", snippet.source, snippet.reply)
                    .unwrap();
            }
            for line in snippet.head.iter().chain([&snippet.source]) {
                writeln!(text, "{line}").unwrap();
            }
            writeln!(text, "--> {reply}\n").unwrap();
        }
        if writes {
            std::fs::write(file, text).unwrap();
        }
    }
    assert!(writes || differences.is_empty(), "{differences}");
}
