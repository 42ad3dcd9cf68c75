//! Scripts beside other clients, on a server with several event loops.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use spinel_oracle::reference::Server;

/// Whatever takes longer than this is broken, even on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);
const ACCOUNTS: usize = 30;
const EACH: usize = 100;

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("the server reads");
    }

    /// A line of a reply.
    fn read(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a reply");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.read()
    }

    /// Whether something has come to be read.
    fn is_answered(&mut self) -> bool {
        self.0.get_ref().set_nonblocking(true).expect("a socket");
        let found = self.0.fill_buf().map(|bytes| !bytes.is_empty());
        self.0.get_ref().set_nonblocking(false).expect("a socket");
        match found {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("reading: {error}"),
        }
    }
}

fn spinel() -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_spinel"));
    Server::start(program, &["--threads", "4", "--shards", "64"]).unwrap_or_else(|error| panic!("{error}"))
}

/// Ways to take one from an account and give it to another: with all keys declared, with one, with none.
const TRANSFERS: [&str; 5] = [
    r#"EVAL "redis.call('SET', KEYS[1], redis.call('GET', KEYS[1]) - 1) return redis.call('INCR', KEYS[2])" 2 a{} a{}"#,
    r#"EVAL "redis.call('DECR', KEYS[1]) return redis.call('INCR', ARGV[1])" 1 a{} a{}"#,
    r#"EVAL "redis.call('DECR', ARGV[1]) return redis.call('INCR', ARGV[2])" 0 a{} a{}"#,
    r#"EVAL "local both = function() redis.call('DECR', KEYS[1]) redis.call('INCR', ARGV[1]) end both() return 1" 1 a{} a{}"#,
    "FCALL transfer 1 a{} a{}",
];
const LIBRARY: &str = r##"FUNCTION LOAD "#!lua name=bank\nredis.register_function('transfer', function(keys, args) redis.call('DECR', keys[1]) return redis.call('INCR', args[1]) end)""##;

/// Ways to add all accounts up.
fn sums() -> [String; 2] {
    let keys: Vec<String> = (0..ACCOUNTS).map(|n| format!("a{n}")).collect();
    let add = "local sum = 0 for i = 1, #names do sum = sum + redis.call('GET', names[i]) end return sum";
    [
        format!(r#"EVAL "local names = KEYS {add}" {ACCOUNTS} {}"#, keys.join(" ")),
        format!(r#"EVAL "local names = ARGV {add}" 0 {}"#, keys.join(" ")),
    ]
}

#[test]
fn nobody_sees_a_script_half_done() {
    const CLIENTS: usize = 6;
    const ROUNDS: usize = 400;
    let server = spinel();
    let mut client = Client::of(&server);
    assert_eq!(client.ask(LIBRARY), "$4");
    client.read();
    for n in 0..ACCOUNTS {
        assert_eq!(client.ask(&format!("SET a{n} {EACH}")), "+OK");
    }
    let expected = format!(":{}", ACCOUNTS * EACH);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (server, expected) = (&server, &expected);
            scope.spawn(move || {
                let mut client = Client::of(server);
                let sums = sums();
                for round in 0..ROUNDS {
                    let (from, to) =
                        ((round * 7 + number) % ACCOUNTS, (round * 11 + number * 5 + 1) % ACCOUNTS);
                    let way = TRANSFERS[(round + number) % TRANSFERS.len()];
                    let reply = client.ask(&way.replacen("{}", &from.to_string(), 1).replacen(
                        "{}",
                        &to.to_string(),
                        1,
                    ));
                    assert!(reply.starts_with(':'), "{reply}");
                    assert_eq!(client.ask(&sums[round % 2]), *expected, "round {round} of {number}");
                }
            });
        }
    });
}

#[test]
fn clients_with_other_keys_are_served_while_a_script_runs() {
    let server = spinel();
    let mut endless = Client::of(&server);
    endless.send(r#"EVAL "redis.call('GET', KEYS[1]) while true do end" 1 held"#);
    let mut killer = Client::of(&server);
    let mut others: Vec<Client> = (0..20).map(|_| Client::of(&server)).collect();
    for (n, client) in others.iter_mut().enumerate() {
        client.send(&format!("SET other{n} 1"));
    }
    // Some may wait for the shard of the script's key, hardly as many as ten of twenty.
    let start = Instant::now();
    while others.iter_mut().filter_map(|client| client.is_answered().then_some(())).count() < 10 {
        assert!(start.elapsed() < PATIENCE, "they wait for the script");
        std::thread::yield_now();
    }
    // It may not have begun when all of them were served.
    while killer.ask("SCRIPT KILL") != "+OK" {
        assert!(start.elapsed() < PATIENCE, "the script cannot be killed");
        std::thread::yield_now();
    }
    let reply = endless.read();
    assert!(reply.starts_with("-ERR") && reply.contains("killed by user"), "{reply}");
    for client in &mut others {
        assert_eq!(client.read(), "+OK");
    }
}
