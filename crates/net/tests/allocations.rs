//! From a request's bytes to its reply's, reading allocates nothing and writing once at the most. The only test of its
//! process, because it counts allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use spinel_engine::config::Settings;
use spinel_engine::journal::Journal;
use spinel_engine::log::NoLog;
use spinel_engine::session::Session;
use spinel_engine::{Endpoint, Engine, EngineOptions, Flow, Lookahead, SystemClock, Worker};
use spinel_resp::{Args, Encoder, Parsed, Protocol, RequestLimits, RequestParser, Span};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a loop does with the bytes of a connection, without its socket.
struct Client {
    worker: Worker,
    session: Session,
    parser: RequestParser,
    spans: Vec<Span>,
    lookahead: Lookahead,
    out: Encoder,
}

impl Client {
    fn new() -> Self {
        // How long a command took may be worth memory: a line of the slow log, a longer histogram. Here the machine may
        // stand still at any time.
        let mut settings = Settings::default();
        settings.observation.slowlog_log_slower_than_us = -1;
        settings.observation.latency_tracking = false;
        let engine = Engine::new(EngineOptions {
            settings,
            config_file: None,
            workers: 1,
            clock: Box::new(SystemClock::default()),
            entropy: [7; 48],
            journal: Journal::default(),
            log: Box::new(NoLog),
        });
        let mut worker = Worker::new(&engine, 0);
        let session = worker.connect(Endpoint::default());
        let out = Encoder::with_buffer(Vec::with_capacity(4096), Protocol::Resp2);
        let (parser, lookahead) = (RequestParser::default(), Lookahead::default());
        Self { worker, session, parser, spans: Vec::with_capacity(64), lookahead, out }
    }

    /// Runs a request; how often it allocated. Its reply stays in `out`.
    fn run(&mut self, request: &[u8]) -> usize {
        let before = ALLOCATIONS.with(Cell::get);
        self.out.clear();
        self.spans.clear();
        self.worker.begin();
        let parsed = self.parser.parse(request, &RequestLimits::default(), &mut self.spans);
        assert_eq!(parsed, Ok(Parsed::Complete { consumed: request.len() }));
        let args = Args::new(request, &self.spans);
        let prepared = self.worker.prepare(&mut self.lookahead, &self.session, args);
        self.worker.prefetch_buckets(&self.lookahead);
        self.worker.prefetch_entries(&mut self.lookahead);
        self.worker.prefetch_rest(&mut self.lookahead);
        let flow = self.worker.execute(&mut self.session, args, prepared, &mut self.out);
        assert_eq!(flow, Flow::Continue);
        self.worker.end();
        ALLOCATIONS.with(Cell::get) - before
    }

    fn set(&mut self, key: &str, value: &str) -> usize {
        let allocated = self.run(&request(&["SET", key, value]));
        assert_eq!(self.out.as_bytes(), b"+OK\r\n");
        allocated
    }

    fn get(&mut self, key: &str, value: &str) -> usize {
        let allocated = self.run(&request(&["GET", key]));
        assert_eq!(self.out.as_bytes(), format!("${}\r\n{value}\r\n", value.len()).as_bytes());
        allocated
    }
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

#[test]
fn get_allocates_nothing_and_set_once_at_the_most() {
    let mut client = Client::new();
    let long = ["x".repeat(1000), "y".repeat(1000)];
    let values = [("value", "other"), ("12", "-345"), (&long[0], &long[1])];
    for (i, (old, new)) in values.into_iter().enumerate() {
        let key = format!("key:{i}");
        client.set(&key, old);
        client.get(&key, old);
        assert_eq!(
            client.set(&key, new),
            0,
            "a value of the same kind and size takes the place of the old one"
        );
        assert_eq!(client.get(&key, new), 0);
    }
    assert_eq!(client.set("key:0", "a longer one"), 1);
    assert_eq!(client.run(&request(&["GET", "nothing"])), 0);
    assert_eq!(client.out.as_bytes(), b"$-1\r\n");
    let new: usize = (0..10_000).map(|i| client.set(&format!("new:{i}"), "value")).sum();
    assert!((10_000..12_500).contains(&new), "one for each entry, few for the table: {new}");
}
