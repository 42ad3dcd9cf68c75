//! Registered scripts through the commands that keep and call them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use spinel_aof::disk::RealDisk;
use spinel_family::OwnedArgs;

use crate::config::{OsDisk, ProtectedAction, ScriptMode, Settings};
use crate::host::Host;
use crate::scripting::tests::run;
use crate::testing::{Peer, Server};

const NO_SCRIPT: &str = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f', function() return 'f' end)";

fn settings(mode: ScriptMode, right: ProtectedAction) -> Settings {
    let mut settings = Settings::default();
    settings.scripts.mode = mode;
    settings.scripts.enable_register = right;
    settings
}

/// A server, a connection from its machine and one from another.
fn server(mode: ScriptMode) -> (Server, Peer, Peer) {
    let mut server = Server::new(settings(mode, ProtectedAction::Local));
    let local = server.connect("127.0.0.1:1");
    let remote = server.connect("10.0.0.9:1");
    (server, local, remote)
}

fn digest(text: &str) -> String {
    String::from_utf8(super::super::known::shown(&super::super::known::digest_of(text.as_bytes())).to_vec())
        .unwrap()
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

#[test]
fn a_registered_script_is_called_by_name_version_and_digest_and_outlives_every_flush() {
    let (mut server, local, remote) = server(ScriptMode::Any);
    for (version, text) in [("1.9", "return 'old'"), ("1.10", "return 'new'")] {
        let reply = run(&mut server, local, &["SCRIPT", "REGISTER", "pay", version, text]);
        assert_eq!(reply, bulk(&digest(text)));
    }
    for words in [&["SCRIPT", "FLUSH"][..], &["FLUSHALL"], &["FUNCTION", "FLUSH"]] {
        assert_eq!(run(&mut server, local, words), "+OK\r\n");
        let by_digest = digest("return 'old'").to_uppercase();
        for (word, reply) in
            [("pay", "new"), ("pay@1.9", "old"), ("pay@1.10", "new"), (by_digest.as_str(), "old")]
        {
            assert_eq!(run(&mut server, remote, &["EVALSHA", word, "0"]), bulk(reply), "{word}");
        }
    }
    let exists = ["SCRIPT", "EXISTS", "pay", "pay@2", &digest("return 'old'")];
    assert_eq!(run(&mut server, remote, &exists), "*3\r\n:1\r\n:0\r\n:1\r\n");
    assert_eq!(run(&mut server, remote, &["EVALSHA", "pay@2", "0"]), NO_SCRIPT);
    assert_eq!(run(&mut server, local, &["SCRIPT", "UNREGISTER", "pay", "1.10"]), ":1\r\n");
    assert_eq!(run(&mut server, remote, &["EVALSHA", "pay", "0"]), bulk("old"));
    assert_eq!(run(&mut server, local, &["SCRIPT", "UNREGISTER", "pay"]), ":1\r\n");
    assert_eq!(run(&mut server, local, &["SCRIPT", "UNREGISTER", "pay"]), ":0\r\n");
    for word in ["pay", "pay@1.9", &digest("return 'old'"), &digest("return 'new'")] {
        assert_eq!(run(&mut server, remote, &["EVALSHA", word, "0"]), NO_SCRIPT, "{word}");
    }
}

#[test]
fn another_text_takes_the_place_of_a_script_only_if_that_is_asked_for() {
    let (mut server, local, _) = server(ScriptMode::Any);
    let mut say = |words: &[&str]| run(&mut server, local, words);
    assert_eq!(say(&["SCRIPT", "REGISTER", "a", "1", "return 1"]), bulk(&digest("return 1")));
    assert_eq!(say(&["SCRIPT", "REGISTER", "a", "1", "return 1"]), bulk(&digest("return 1")));
    assert_eq!(
        say(&["SCRIPT", "REGISTER", "a", "1", "return 2"]),
        "-ERR Script 'a@1' is registered already, with another text\r\n"
    );
    assert_eq!(say(&["EVALSHA", "a", "0"]), ":1\r\n");
    assert_eq!(say(&["SCRIPT", "REGISTER", "a", "1", "return 2", "REPLACE"]), bulk(&digest("return 2")));
    assert_eq!(say(&["EVALSHA", "a", "0"]), ":2\r\n");
    assert_eq!(say(&["EVALSHA", &digest("return 1"), "0"]), NO_SCRIPT);
    // The same text under two names stays until both are gone.
    say(&["SCRIPT", "REGISTER", "b", "1", "return 2"]);
    say(&["SCRIPT", "UNREGISTER", "a"]);
    assert_eq!(say(&["EVALSHA", &digest("return 2"), "0"]), ":2\r\n");
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let (mut server, local, _) = server(ScriptMode::Any);
    let long = "n".repeat(129);
    let hex = "a".repeat(40);
    let large = format!("return 1 --{}", "x".repeat(1 << 20));
    for (words, reply) in [
        (
            &[long.as_str(), "1", "return 1"][..],
            "-ERR a script's name must begin with a letter, have up to 128",
        ),
        (&[&hex, "1", "return 1"], "-ERR a script's name must begin with a letter"),
        (&["a@1", "1", "return 1"], "-ERR a script's name must begin with a letter"),
        (&["a", "", "return 1"], "-ERR a script's version must begin with a letter or digit"),
        (&["a", "1", "return '\0'"], "-ERR the text of a script must be UTF-8"),
        (&["a", "1", &large], "-ERR the text of a script must be UTF-8 of up to 1 MiB"),
        (&["a", "1", "return return"], "-ERR Error compiling script"),
        (&["a", "1", "#!lua name=lib\nreturn 1"], "-ERR Unknown lua shebang option: name=lib"),
        (&["a", "1", "#!cobol\nreturn 1"], "-ERR Unexpected engine in script shebang: #!cobol"),
        (&["a", "1", "return 1", "NOW"], "-ERR syntax error"),
        (&["a", "1", "return 1", "REPLACE", "REPLACE"], "-ERR syntax error"),
        (&["a", "1"], "-ERR wrong number of arguments"),
    ] {
        let words = [&["SCRIPT", "REGISTER"], words].concat();
        let said = run(&mut server, local, &words);
        assert!(said.starts_with(reply), "{words:?}: {said}");
    }
    let binary = OwnedArgs::from_words([&b"SCRIPT"[..], b"REGISTER", b"a", b"1", b"return '\xFF'"]);
    let mut said = server.run_words(local, binary.args());
    if said.is_empty() {
        said = crate::scripting::tests::wait(&mut server, local);
    }
    assert!(said.starts_with("-ERR the text of a script must be UTF-8"), "{said}");
    assert_eq!(run(&mut server, local, &["SCRIPT", "REGISTERED"]), "*0\r\n");
    for words in [&["SCRIPT", "UNREGISTER", "a", "1", "2"][..], &["SCRIPT", "REGISTERED", "a", "b"]] {
        assert_eq!(run(&mut server, local, words), "-ERR syntax error\r\n");
    }
}

#[test]
fn where_only_registered_scripts_run_others_are_refused_however_they_come() {
    let (mut server, local, remote) = server(ScriptMode::Registered);
    assert_eq!(run(&mut server, local, &["FUNCTION", "LOAD", LIBRARY]), bulk("lib"));
    run(&mut server, local, &["SCRIPT", "REGISTER", "good", "1", "return redis.call('INCR', KEYS[1])"]);
    assert_eq!(run(&mut server, local, &["EVAL", "return 7", "0"]), ":7\r\n");
    let payload = "x";
    for words in [
        &["EVAL", "return 1", "0"][..],
        &["EVAL_RO", "return 1", "0"],
        &["SCRIPT", "LOAD", "return 1"],
        &["FUNCTION", "LOAD", LIBRARY],
        &["FUNCTION", "LOAD", "REPLACE", LIBRARY],
        &["FUNCTION", "RESTORE", payload],
        &["FUNCTION", "DELETE", "lib"],
        &["FUNCTION", "FLUSH"],
    ] {
        let said = run(&mut server, remote, words);
        assert!(said.starts_with("-NOPERM Only registered scripts run here"), "{words:?}: {said}");
        run(&mut server, remote, &["MULTI"]);
        run(&mut server, remote, &["INCR", "never"]);
        let said = run(&mut server, remote, words);
        assert!(said.starts_with("-NOPERM Only registered scripts run here"), "{words:?}: {said}");
        let said = run(&mut server, remote, &["EXEC"]);
        assert!(said.starts_with("-EXECABORT"), "{said}");
    }
    for words in [&["SCRIPT", "REGISTER", "a", "1", "return 1"][..], &["SCRIPT", "UNREGISTER", "good"]] {
        let said = run(&mut server, remote, words);
        assert!(said.starts_with("-NOPERM Registering scripts is not allowed."), "{said}");
    }
    assert_eq!(run(&mut server, remote, &["EXISTS", "never"]), ":0\r\n");
    assert_eq!(run(&mut server, remote, &["FCALL", "f", "0"]), bulk("f"));
    assert_eq!(run(&mut server, remote, &["EVALSHA", "good", "1", "n"]), ":1\r\n");
}

#[test]
fn where_only_registered_scripts_run_a_known_one_is_none() {
    let (mut server, local, remote) = server(ScriptMode::Registered);
    run(&mut server, local, &["SCRIPT", "LOAD", "return 7"]);
    let digest = digest("return 7");
    let call = ["EVALSHA", &digest, "0"];
    assert_eq!(run(&mut server, local, &call), ":7\r\n");
    assert_eq!(run(&mut server, remote, &call), NO_SCRIPT);
    assert_eq!(run(&mut server, remote, &["SCRIPT", "EXISTS", &digest]), "*1\r\n:0\r\n");
    assert_eq!(run(&mut server, remote, &["SCRIPT", "SHOW", &digest]), "-NOSCRIPT No matching script.\r\n");
    run(&mut server, remote, &["MULTI"]);
    run(&mut server, remote, &call);
    assert_eq!(run(&mut server, remote, &["EXEC"]), format!("*1\r\n{NO_SCRIPT}"));
    run(&mut server, local, &["SCRIPT", "REGISTER", "seven", "1", "return 7"]);
    assert_eq!(run(&mut server, remote, &call), ":7\r\n");
    run(&mut server, local, &["SCRIPT", "UNREGISTER", "seven"]);
    assert_eq!(run(&mut server, remote, &call), NO_SCRIPT);
}

#[test]
fn scripts_cannot_bring_scripts_either() {
    let (mut server, local, remote) = server(ScriptMode::Registered);
    let text = "return redis.pcall('EVAL', 'return 1', 0)";
    run(&mut server, local, &["SCRIPT", "REGISTER", "nested", "1", text]);
    assert_eq!(
        run(&mut server, remote, &["EVALSHA", "nested", "0"]),
        "-ERR This Redis command is not allowed from script\r\n"
    );
    server.engine.scripts.may_call_all.store(true, std::sync::atomic::Ordering::Relaxed);
    let said = run(&mut server, remote, &["EVALSHA", "nested", "0"]);
    assert!(said.starts_with("-NOPERM Only registered scripts run here"), "{said}");
}

#[test]
fn who_has_the_right_is_a_setting() {
    for (right, local_may, remote_may) in [
        (ProtectedAction::No, false, false),
        (ProtectedAction::Local, true, false),
        (ProtectedAction::Yes, true, true),
    ] {
        let mut server = Server::new(settings(ScriptMode::Registered, right));
        for (peer, may) in [("127.0.0.1:1", local_may), ("10.0.0.9:1", remote_may)] {
            let peer = server.connect(peer);
            assert_eq!(run(&mut server, peer, &["EVAL", "return 1", "0"]) == ":1\r\n", may);
            let said = run(&mut server, peer, &["SCRIPT", "REGISTER", "a", "1", "return 1"]);
            assert_eq!(said.starts_with('$'), may, "{said}");
        }
    }
    // Where anything runs, registering still is for those who have the right.
    let mut server = Server::new(settings(ScriptMode::Any, ProtectedAction::No));
    let peer = server.connect("127.0.0.1:1");
    assert_eq!(run(&mut server, peer, &["EVAL", "return 1", "0"]), ":1\r\n");
    assert!(run(&mut server, peer, &["SCRIPT", "REGISTER", "a", "1", "return 1"]).starts_with("-NOPERM"));
}

#[test]
fn the_list_tells_who_registered_what_and_how_it_is_called() {
    let (mut server, local, remote) = server(ScriptMode::Any);
    run(&mut server, local, &["CLIENT", "SETNAME", "deploy"]);
    run(&mut server, local, &["MULTI"]);
    for version in ["2", "1"] {
        run(&mut server, local, &["SCRIPT", "REGISTER", "pay", version, "#!lua flags=no-writes\nreturn 1"]);
    }
    run(&mut server, local, &["EXEC"]);
    run(&mut server, local, &["SCRIPT", "REGISTER", "other", "1", "return 2"]);
    let listed = run(&mut server, remote, &["SCRIPT", "REGISTERED", "pay", "WITHSOURCE"]);
    let lines: Vec<&str> = listed.lines().filter(|line| !line.starts_with(['$', ':'])).collect();
    let sha1 = digest("#!lua flags=no-writes\nreturn 1");
    let entry = |version: &'static str, calls: &[&'static str]| {
        let mut lines =
            vec!["*18", "name", "pay", "version", version, "sha1", &sha1, "engine", "LUA", "registered_by"];
        lines.extend(["default at 127.0.0.1:1 (deploy)", "file", "", "registered_at_ms", "called_as"]);
        lines.push(if calls.len() == 2 { "*2" } else { "*1" });
        lines.extend(calls);
        lines.extend(["source", "#!lua flags=no-writes", "return 1"]);
        lines.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = [vec!["*2".to_owned()], entry("1", &["pay@1"]), entry("2", &["pay@2", "pay"])].concat();
    assert_eq!(lines, expected);
    assert!(run(&mut server, remote, &["SCRIPT", "REGISTERED"]).starts_with("*3\r\n*16\r\n"));
    assert_eq!(run(&mut server, remote, &["SCRIPT", "REGISTERED", "none"]), "*0\r\n");
    assert_eq!(run(&mut server, remote, &["EVALSHA_RO", "pay", "0"]), ":1\r\n");
}

#[test]
fn notes_and_fields_that_are_none_are_refused() {
    let (server, ..) = server(ScriptMode::Any);
    let engine = &server.engine;
    let replay = |words: &[&[u8]]| engine.replay_registration(OwnedArgs::from_words(words).args());
    assert_eq!(replay(&[b"WHAT", b"1"]), Err("Unknown note 'WHAT', which a newer version wrote".to_owned()));
    let damaged = "A registered script cannot be read: its checksum is wrong".to_owned();
    assert_eq!(replay(&[b"SCRIPT", b"REGISTER", b"x"]), Err(damaged));
    assert!(replay(&[b"SCRIPT", b"UNREGISTER", b"1", b"1"]).is_err());
    assert_eq!(replay(&[b"SCRIPT", b"UNREGISTER", b"nothing", b"1"]), Ok(()));
    assert_eq!(engine.take_registered(b"x", false), Err("its checksum is wrong".to_owned()));
}

/// Keeps what is logged.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl crate::log::Log for Lines {
    fn write(&self, _: crate::log::LogLevel, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("spinel-registered-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(path.join(name), text).unwrap());
        Self(path)
    }

    /// A server that starts with the folder, what it logs, and whether it starts.
    fn server(&self) -> (Server, Lines, bool) {
        let mut settings = settings(ScriptMode::Registered, ProtectedAction::Local);
        settings.scripts.directory = self.0.to_string_lossy().into_owned().into_bytes();
        let lines = Lines::default();
        let server = Server::with_log(settings, Box::new(lines.clone()));
        let files = Arc::new(RealDisk::new(&self.0));
        server.engine.set_host(Host { disk: Box::new(OsDisk), files, ..Host::default() });
        let starts = server.engine.load_at_start().is_ok();
        (server, lines, starts)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_of_the_directory_are_registered_at_the_start_and_belong_to_it() {
    let folder = Folder::with(
        "files",
        &[
            ("pay@2.lua", "return 2"),
            ("pay.lua", "return 1"),
            ("README", "none"),
            (".hidden.lua", "return return"),
        ],
    );
    let (mut server, lines, starts) = folder.server();
    assert!(starts, "{lines:?}");
    let local = server.connect("127.0.0.1:1");
    let remote = server.connect("10.0.0.9:1");
    assert_eq!(run(&mut server, remote, &["EVALSHA", "pay", "0"]), ":2\r\n");
    assert_eq!(run(&mut server, remote, &["EVALSHA", &digest("return 1"), "0"]), ":1\r\n");
    for words in
        [&["SCRIPT", "REGISTER", "pay", "2", "return 3", "REPLACE"][..], &["SCRIPT", "UNREGISTER", "pay"]]
    {
        let said = run(&mut server, local, words);
        assert!(said.starts_with("-ERR") && said.contains(".lua"), "{said}");
    }
    assert!(server.engine.scripts.registered.kept().count() == 0, "they are no part of the data set");
    let logged = lines.0.lock().unwrap().join("\n");
    assert!(logged.contains("README is neither .lua nor .py and left out"), "{logged}");
}

#[test]
fn a_broken_file_is_told_with_its_line_and_the_server_does_not_start() {
    for (name, text, what) in [
        ("a.lua", "local x = 1\nreturn return", "a.lua:2: "),
        (
            "a.lua",
            "#!lua name=lib\nreturn 1",
            "a.lua:1: Unknown lua shebang option: name=lib (a library of functions",
        ),
        ("a.lua", "#!cobol\n", "a.lua:1: Unexpected engine"),
        ("a.py", "return 1", "a.py:1: the first line of the file must be '#!python'"),
        ("a b.lua", "return 1", "a b.lua: a script's name must"),
        ("a@.lua", "return 1", "a@.lua: a script's version must"),
        ("a.lua", "return '\0'", "a.lua: the text of a script must be UTF-8"),
        (&format!("{}.lua", "b".repeat(40)), "return 1", "a script's name must"),
    ] {
        let folder = Folder::with("broken", &[(name, text), ("good.lua", "return 1")]);
        let (server, lines, starts) = folder.server();
        let logged = lines.0.lock().unwrap().join("\n");
        assert!(!starts && logged.contains(what), "{name}: {logged}");
        assert_eq!(server.engine.scripts.count(), 0);
    }
    let twice = Folder::with("twice", &[("a.lua", "return 1"), ("a@1.lua", "return 2")]);
    let (_, lines, starts) = twice.server();
    assert!(!starts && lines.0.lock().unwrap().join("\n").contains("'a@1' is the file"), "{lines:?}");
    let gone = Folder::with("gone", &[]);
    std::fs::remove_dir(&gone.0).unwrap();
    let (_, lines, starts) = gone.server();
    assert!(!starts && lines.0.lock().unwrap().join("\n").contains("No such file or directory"), "{lines:?}");
}

#[test]
fn a_file_goes_before_the_script_that_was_registered_which_is_told() {
    let folder = Folder::with("conflict", &[("pay.lua", "return 'file'")]);
    let (mut server, lines, _) = folder.server();
    let payload = super::payload::Payload {
        id: super::name::Id::of_file(b"pay@1").unwrap(),
        by: "somebody".to_owned(),
        at_ms: 1,
        source: b"return 'registered'".to_vec(),
    };
    server.engine.take_registered(&payload.encode(), false).unwrap();
    let files = server.engine.scripts_of_directory().unwrap();
    server.engine.register_files(files);
    let remote = server.connect("10.0.0.9:1");
    assert_eq!(run(&mut server, remote, &["EVALSHA", "pay", "0"]), bulk("file"));
    assert_eq!(run(&mut server, remote, &["EVALSHA", &digest("return 'registered'"), "0"]), NO_SCRIPT);
    let logged = lines.0.lock().unwrap().join("\n");
    assert!(
        logged.contains("takes the place of the script 'pay@1' that was registered by somebody"),
        "{logged}"
    );
    assert_eq!(server.engine.scripts.registered.kept().count(), 1, "it is not lost");
}
