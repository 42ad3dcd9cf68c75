//! A command that panics has a bug. It is answered, and nothing else is affected.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use spinel_engine::config::Settings;
use spinel_engine::host::{Host, ProcessProbe};
use spinel_engine::journal::Journal;
use spinel_engine::log::NoLog;
use spinel_engine::{Engine, EngineOptions, SystemClock};
use spinel_net::{Listeners, LoopOptions};

/// An address of its own, so that nobody else takes the port.
const HERE: &str = "127.0.77.3";

/// What `MEMORY PURGE` reaches.
struct Broken;

impl ProcessProbe for Broken {
    fn purge(&self) {
        panic!("a bug, for the test");
    }
}

#[test]
fn commands_before_and_after_one_that_panics_are_run() {
    let taken = TcpListener::bind((HERE, 0)).expect("a loopback address can be bound");
    let port = taken.local_addr().expect("it is bound").port();
    drop(taken);
    let mut settings = Settings::default();
    settings.network.port = port;
    settings.network.bind = vec![HERE.as_bytes().to_vec()];
    let listeners = Arc::new(Listeners::open(&settings).expect("the port was free"));
    let engine = Engine::new(EngineOptions {
        settings,
        config_file: None,
        workers: 1,
        clock: Box::new(SystemClock::default()),
        entropy: [7; 48],
        journal: Journal::default(),
        log: Box::new(NoLog),
    });
    engine.set_host(Host { probe: Box::new(Broken), ..Host::default() });
    let loops = spinel_net::run(LoopOptions { engine: Arc::clone(&engine), listeners }).expect("loops start");

    let mut stream = TcpStream::connect((HERE, port)).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is a socket");
    let failed = "-ERR internal error: the command failed, nothing else is affected\r\n";
    // More than are executed together, with panics at the first place, in the middle, one after the other and at the end.
    let purge = (&b"MEMORY PURGE\r\n"[..], failed);
    let mut exchanges = vec![purge];
    for _ in 0..40 {
        exchanges.extend([
            (&b"SET k v\r\n"[..], "+OK\r\n"),
            (b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n"),
            purge,
        ]);
    }
    exchanges.extend([purge, (b"PING\r\n", "+PONG\r\n"), purge]);
    let requests: Vec<u8> = exchanges.iter().flat_map(|(request, _)| *request).copied().collect();
    let expected: String = exchanges.iter().map(|(_, reply)| *reply).collect();
    stream.write_all(&requests).expect("it is taken");
    let mut replies = vec![0; expected.len()];
    stream.read_exact(&mut replies).expect("everything is answered");
    assert_eq!(String::from_utf8_lossy(&replies), expected);

    // Who wants no replies gets none of this either.
    stream.write_all(b"CLIENT REPLY SKIP\r\nMEMORY PURGE\r\nPING\r\n").expect("it is taken");
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).expect("everything else is answered");
    assert_eq!(&reply, b"+PONG\r\n");

    engine.request_shutdown();
    loops.join();
}
