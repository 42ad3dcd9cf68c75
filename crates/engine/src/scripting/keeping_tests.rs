//! Scripts that take long, and everybody else meanwhile.

use std::time::{Duration, Instant};

use spinel_family::{Encoder, OwnedArgs};

use super::tests::{PATIENCE, run, wait};
use crate::Flow;
use crate::config::Settings;
use crate::testing::{Peer, Server};

/// Writes half of what it writes, and the rest when somebody listens to `go`.
const LONG: &str = "redis.call('SET', KEYS[1], 'half') \
    while redis.call('PUBSUB', 'NUMSUB', 'go')[2] == 0 do end \
    redis.call('SET', KEYS[1], 'whole') return 'done'";
const WHOLE: &str = "$5\r\nwhole\r\n";

/// A server while a script is under way that keeps the key `kept`.
struct Scene {
    server: Server,
    script: Peer,
    peer: Peer,
}

impl Scene {
    fn new() -> Self {
        let mut settings = Settings::default();
        settings.process.shards = 4;
        let mut server = Server::new(settings);
        let script = server.connect("127.0.0.1:1");
        let peer = server.connect("127.0.0.1:2");
        Self { server, script, peer }
    }

    /// One in which a script has begun.
    fn begun(script: &str) -> Self {
        let mut scene = Self::new();
        scene.begin(script);
        scene
    }

    fn begin(&mut self, script: &str) {
        assert_eq!(self.send(self.script, &["EVAL", script, "1", "kept"]), (Flow::Waiting, String::new()));
        let deadline = Instant::now() + PATIENCE;
        while !self.is_kept("kept") {
            assert!(Instant::now() < deadline, "it is not running");
        }
        // Now it has its keys; a moment later it has written the half.
        std::thread::sleep(Duration::from_millis(5));
    }

    /// Waits until a script holds the shard of `kept`.
    fn wait_for_held_shard(&self) {
        let keyspace = &self.server.engine.keyspace;
        let shard = keyspace.shard_of(keyspace.key(b"kept").hash);
        let deadline = Instant::now() + PATIENCE;
        while keyspace.hold_beside(&[shard]).is_ok() {
            assert!(Instant::now() < deadline, "it is not running");
        }
    }

    fn is_kept(&self, key: &str) -> bool {
        let keyspace = &self.server.engine.keyspace;
        let hash = keyspace.key(key.as_bytes()).hash;
        keyspace.hold_beside(&[keyspace.shard_of(hash)]).is_ok_and(|held| held.shard(hash).keeps(hash))
    }

    /// Another key, in the shard of `kept` or in another.
    fn other(&self, is_near: bool, number: usize) -> String {
        let keyspace = &self.server.engine.keyspace;
        let shard = |key: &str| keyspace.shard_of(keyspace.key(key.as_bytes()).hash);
        let keys = (0..).map(|n| format!("other{n}")).filter(|key| (shard(key) == shard("kept")) == is_near);
        keys.into_iter().nth(number).expect("there are keys without end")
    }

    fn send(&mut self, peer: Peer, words: &[&str]) -> (Flow, String) {
        let args = OwnedArgs::from_words(words);
        let (worker, session) = self.server.worker_and_session(peer);
        let mut out = Encoder::new(session.protocol);
        worker.begin();
        // The script may be in its shard just now: who comes again finds it free.
        let deadline = Instant::now() + PATIENCE;
        let flow = loop {
            let flow = worker.execute_alone(session, args.args(), &mut out);
            let letters = worker.inbox().is_pending();
            if flow != Flow::Parked || !letters || Instant::now() > deadline {
                break flow;
            }
            worker.letters();
        };
        worker.end();
        (flow, String::from_utf8(out.into_inner()).expect("these replies are text"))
    }

    /// What a command is answered that does not wait.
    fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.send(self.peer, &words) {
                (Flow::Parked, _) if Instant::now() < deadline && !self.waits_for_kept() => {}
                (flow, reply) => {
                    assert_eq!(flow, Flow::Continue, "{line}");
                    return reply;
                }
            }
        }
    }

    /// Whether a command that was parked stays so for a while.
    fn waits_for_kept(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_millis(20);
        while Instant::now() < deadline {
            if self.server.deliver().iter().any(|(peer, _)| *peer == self.peer) {
                return false;
            }
        }
        true
    }

    /// Runs a command that waits for the script's end.
    fn park(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (flow, reply) = self.send(self.peer, &words);
            assert_eq!((flow, &*reply), (Flow::Parked, ""), "{line}");
            if self.waits_for_kept() {
                return;
            }
            assert!(Instant::now() < deadline, "{line} is woken again and again");
        }
    }

    /// Has the script end, and gives what it says. Who waited was woken.
    fn end(&mut self) -> String {
        let listener = self.server.connect("127.0.0.1:9");
        let _ = self.server.run(listener, "SUBSCRIBE go");
        let reply = wait(&mut self.server, self.script);
        assert!(!self.is_kept("kept"));
        reply
    }
}

#[test]
fn only_who_wants_the_keys_of_a_long_script_waits() {
    let mut scene = Scene::begun(LONG);
    for number in 0..20 {
        let near = scene.other(true, number);
        assert_eq!(scene.run(&format!("SET {near} v")), "+OK\r\n");
        assert_eq!(scene.run(&format!("GET {near}")), "$1\r\nv\r\n");
        assert_eq!(
            scene.run(&format!("MGET {near} {}", scene.other(false, number))),
            "*2\r\n$1\r\nv\r\n$-1\r\n"
        );
    }
    assert!(scene.is_kept("kept"));
    scene.park("SET kept mine");
    scene.park("OBJECT ENCODING kept");
    scene.park(&format!("MGET {} kept", scene.other(false, 0)));
    scene.park("GET kept");
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("GET kept"), WHOLE);
}

#[test]
fn who_waits_for_a_kept_key_is_woken_when_the_script_ends() {
    let mut scene = Scene::begun(LONG);
    scene.park("GET kept");
    let listener = scene.server.connect("127.0.0.1:9");
    let _ = scene.server.run(listener, "SUBSCRIBE go");
    let (deadline, mut woken) = (Instant::now() + PATIENCE, false);
    while !woken {
        woken = scene.server.deliver().iter().any(|(peer, _)| *peer == scene.peer);
        assert!(Instant::now() < deadline, "it was forgotten");
    }
    assert_eq!(scene.run("GET kept"), WHOLE);
}

#[test]
fn what_reaches_all_keys_waits_for_the_end_of_a_long_script() {
    let mut scene = Scene::begun(LONG);
    for line in ["KEYS *", "SCAN 0", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SORT l BY w_*"] {
        scene.park(line);
    }
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("KEYS *"), "*1\r\n$4\r\nkept\r\n");
    assert_eq!(scene.run("CONFIG SET save "), "+OK\r\n");
    assert_eq!(scene.run("FLUSHALL"), "+OK\r\n");
}

#[test]
fn transactions_wait_for_the_keys_that_they_use_or_watch() {
    let mut scene = Scene::new();
    scene.run("WATCH kept");
    scene.begin(LONG);
    let near = scene.other(true, 0);
    scene.run("MULTI");
    scene.run(&format!("INCR {near}"));
    scene.park("EXEC");
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("EXEC"), "*-1\r\n", "the script has changed what was watched");

    let mut scene = Scene::begun(LONG);
    assert_eq!(scene.run(&format!("WATCH {near}")), "+OK\r\n");
    scene.run("MULTI");
    scene.run(&format!("INCR {near}"));
    assert_eq!(scene.run("EXEC"), "*1\r\n:1\r\n");
    scene.park("WATCH kept");
    scene.run("MULTI");
    scene.run(&format!("INCR {near}"));
    scene.run("GET kept");
    scene.park("EXEC");
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("EXEC"), format!("*2\r\n:2\r\n{WHOLE}"));
}

#[test]
fn clients_that_wait_for_keys_are_served_beside_a_long_script_and_by_it() {
    let pushes = LONG.replace("'SET', KEYS[1], 'whole'", "'DEL', KEYS[1]) redis.call('LPUSH', KEYS[1], 'x'");
    let mut scene = Scene::new();
    let names = ["127.0.0.1:5", "127.0.0.1:6", "127.0.0.1:7"];
    let [first, second, third] = names.map(|name| scene.server.connect(name));
    let (near, far, last) = (scene.other(true, 0), scene.other(false, 0), scene.other(false, 1));
    assert_eq!(scene.send(first, &["BLMOVE", "kept", &near, "LEFT", "LEFT", "0"]).0, Flow::Waiting);
    scene.begin(&pushes);
    // Serving the first makes a key ready for the second, who has come meanwhile.
    while scene.send(second, &["BLMOVE", &near, &far, "LEFT", "LEFT", "0"]).0 == Flow::Parked {
        scene.server.deliver();
    }
    while scene.send(third, &["BLMOVE", &far, &last, "LEFT", "LEFT", "0"]).0 == Flow::Parked {
        scene.server.deliver();
    }
    scene.park("LPOP kept");
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("EXISTS kept"), ":0\r\n");
    assert_eq!(scene.run(&format!("LRANGE {last} 0 -1")), "*1\r\n$1\r\nx\r\n");
}

#[test]
fn a_script_holds_its_shards_if_serving_a_client_may_write_to_its_key() {
    let mut scene = Scene::new();
    let (blocked, far) = (scene.server.connect("127.0.0.1:5"), scene.other(false, 0));
    assert_eq!(scene.send(blocked, &["BLMOVE", &far, "kept", "LEFT", "LEFT", "0"]).0, Flow::Waiting);
    let script = LONG.replace("'SET'", "'LPUSH'");
    assert_eq!(scene.send(scene.script, &["EVAL", &script, "1", "kept"]).0, Flow::Waiting);
    scene.wait_for_held_shard();
    scene.park(&format!("LPUSH {far} x"));
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run(&format!("LPUSH {far} x")), ":1\r\n");
    assert_eq!(scene.run("LLEN kept"), ":3\r\n");
}

#[test]
fn a_long_script_that_has_not_written_can_be_killed_and_leaves_its_keys() {
    let mut scene = Scene::begun("while true do redis.call('GET', KEYS[1]) end");
    scene.park("GET kept");
    let killer = scene.server.connect("127.0.0.1:5");
    assert_eq!(run(&mut scene.server, killer, &["SCRIPT", "KILL"]), "+OK\r\n");
    assert!(wait(&mut scene.server, scene.script).starts_with("-ERR Script killed by user"));
    assert_eq!(scene.run("GET kept"), "$-1\r\n");
}

#[test]
fn a_long_script_reaches_other_keys_before_and_after_it_has_written() {
    for is_near in [true, false] {
        for begin in ["", "redis.call('SET', KEYS[1], 1) "] {
            let mut scene = Scene::new();
            let other = scene.other(is_near, 0);
            let script = format!(
                "{begin}for i = 1, 3 do redis.call('INCR', ARGV[1]) redis.call('INCR', KEYS[1]) end \
                 return {{redis.call('GET', KEYS[1]), redis.call('GET', ARGV[1]), #redis.call('KEYS', '*')}}"
            );
            let reply = run(&mut scene.server, scene.script, &["EVAL", &script, "1", "kept", &other]);
            let sum = if begin.is_empty() { 3 } else { 4 };
            assert_eq!(reply, format!("*3\r\n$1\r\n{sum}\r\n$1\r\n3\r\n:2\r\n"));
            assert_eq!(scene.run("KEYS other*"), format!("*1\r\n${}\r\n{other}\r\n", other.len()));
        }
    }
}

#[test]
fn a_long_script_has_its_keys_in_every_database() {
    let mut scene = Scene::begun(&LONG.replacen("redis", "redis.call('SELECT', 2) redis", 1));
    scene.run("SELECT 2");
    scene.park("GET kept");
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("GET kept"), WHOLE);
}

#[test]
fn a_script_on_an_event_loop_waits_for_the_shards_in_which_another_keeps_keys() {
    let mut scene = Scene::begun(&LONG.replace("redis.call('SET', KEYS[1], 'half')", "local n = 0"));
    let (near, far) = (scene.other(true, 0), scene.other(false, 0));
    // A text of its own each time: one that was interrupted when it ran counts as long, and would go to the other thread.
    let brief = |key: &str, n: usize| format!("EVAL return{{redis.call('EXISTS',KEYS[1]),{n}}} 1 {key}");
    let answer = |scene: &mut Scene, line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        run(&mut scene.server, scene.peer, &words)
    };
    assert_eq!(answer(&mut scene, &brief(&far, 1)), "*2\r\n:0\r\n:1\r\n");
    scene.park(&brief(&near, 2));
    scene.park(&brief("kept", 3));
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(answer(&mut scene, &brief("kept", 4)), "*2\r\n:1\r\n:4\r\n");
}

#[test]
fn an_atomic_script_holds_its_shards() {
    let mut scene = Scene::new();
    let script = format!("#!lua flags=atomic\n{LONG}");
    assert_eq!(scene.send(scene.script, &["EVAL", &script, "1", "kept"]).0, Flow::Waiting);
    scene.wait_for_held_shard();
    let near = scene.other(true, 0);
    scene.park(&format!("GET {near}"));
    assert_eq!(scene.end(), "$4\r\ndone\r\n");
    assert_eq!(scene.run("GET kept"), WHOLE);
}
