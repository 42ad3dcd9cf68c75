//! How long the hot paths take, in nanoseconds: `cargo run --release -p spinel-resp --example parse_speed`.
//!
//! A buffer holds a hundred commands, as a client pipelines them. Each figure is the best of several rounds, because on a
//! shared machine only the undisturbed round says something about the code. It measures no memory effects: everything
//! stays in the cache.

use std::hint::black_box;
use std::time::Instant;

use spinel_resp::{Encoder, Parsed, Protocol, RequestLimits, RequestParser, encode_command, skip_reply};

/// Commands in the buffer.
const PIPELINE: usize = 100;
/// Passes over the buffer per round, and rounds.
const PASSES: usize = 2_000;
const ROUNDS: usize = 15;

fn main() {
    let long_value = "v".repeat(1_000);
    for (name, words) in [
        ("GET of a 16-byte key", vec!["GET", "key:000000000042"]),
        ("SET of 3 bytes", vec!["SET", "key:000000000042", "abc"]),
        ("SET of 1000 bytes", vec!["SET", "key:000000000042", &long_value]),
        ("SET with EX", vec!["SET", "key:000000000042", "abc", "EX", "100"]),
    ] {
        let mut wire = Vec::new();
        for _ in 0..PIPELINE {
            encode_command(&words, &mut wire);
        }
        report(&format!("parse: {name}, {} words", words.len()), || parse_all(black_box(&wire)));
    }

    let mut encoder = Encoder::new(Protocol::Resp2);
    report("encode: bulk of 3 bytes", || {
        encoder.clear();
        for _ in 0..PIPELINE {
            encoder.bulk(black_box(b"abc"));
        }
        encoder.len()
    });
    report("encode: integer 1234567", || {
        encoder.clear();
        for _ in 0..PIPELINE {
            encoder.integer(black_box(1_234_567));
        }
        encoder.len()
    });
    report("encode: double 0.1", || {
        encoder.clear();
        for _ in 0..PIPELINE {
            encoder.double(black_box(0.1));
        }
        encoder.len()
    });

    encoder.clear();
    for _ in 0..PIPELINE {
        encoder.bulk(b"abc");
    }
    report("skip: bulk of 3 bytes", || skip_all(black_box(encoder.as_bytes())));
}

fn parse_all(mut wire: &[u8]) -> usize {
    let (mut parser, limits) = (RequestParser::default(), RequestLimits::default());
    let mut spans = Vec::with_capacity(8 * PIPELINE);
    while let Ok(Parsed::Complete { consumed }) = parser.parse(wire, &limits, &mut spans) {
        wire = &wire[consumed..];
    }
    assert!(wire.is_empty());
    spans.len()
}

fn skip_all(mut wire: &[u8]) -> usize {
    let mut replies = 0;
    while let Ok(Some(len)) = skip_reply(wire) {
        wire = &wire[len..];
        replies += 1;
    }
    assert_eq!(replies, PIPELINE);
    replies
}

/// Prints the time of one of the `PIPELINE` operations that `work` does.
fn report(name: &str, mut work: impl FnMut() -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..PASSES {
            black_box(work());
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<36} {:6.1} ns", best * 1e9 / (PASSES * PIPELINE) as f64);
}
