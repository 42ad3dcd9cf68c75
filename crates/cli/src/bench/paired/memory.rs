//! Bytes of resident memory per key and per element.
//!
//! Each figure is taken on a server of its own: resident size before and after filling, divided by the number of
//! things. Payload (16 + 32 B per key, 16 B per member, 15 + 32 B per field) is included.

use std::thread;
use std::time::Duration;

use super::contestant::{Contestant, Server};
use super::sheet::{Entry, Metric, Sheet};
use super::{Setting, Site};
use crate::bench::blend::Blend;
use crate::bench::failure::Failure;
use crate::bench::fleet::fill_by;
use crate::bench::procfs;
use crate::bench::template::Shape;
use crate::bench::workload::Answer;

/// Time for a server to finish what it does after the last reply.
const SETTLING: Duration = Duration::from_millis(500);

const METRICS: &[Metric] = &[
    Metric { name: "bytes_per_item", heading: "bytes each", decimals: 1, compared: true },
    Metric { name: "empty_bytes", heading: "RSS empty", decimals: 0, compared: false },
    Metric { name: "full_bytes", heading: "RSS full", decimals: 0, compared: false },
    Metric { name: "peak_bytes", heading: "RSS peak", decimals: 0, compared: false },
];

/// What is filled: its name, the command per item and its reply.
const FILLINGS: &[(&str, &str, Answer)] = &[
    ("key 16 B + value 32 B", "SET __key__ __value__", Answer::Ok),
    ("key 16 B + value 32 B, with TTL", "SET __key__ __value__ EX 1000000", Answer::Ok),
    ("zset member 16 B", "ZADD myzset __rand__ __member__", Answer::Integer),
    ("set member 16 B", "SADD myset __member__", Answer::Integer),
    ("hash field 15 B + value 32 B", "HSET myhash __field__ __value__", Answer::Integer),
];

/// Bytes of each value.
const VALUE_SIZE: usize = 32;

/// Fills each kind of thing into each contestant.
pub(crate) fn run(contestants: &[Contestant], site: Site, setting: &Setting) -> Result<Sheet, Failure> {
    let real: Vec<&Contestant> = contestants.iter().filter(|contestant| !contestant.echoes()).collect();
    let count = setting.scale.million;
    let mut entries = Vec::new();
    site.placement.settle(&setting.cores)?;
    for (name, line, answer) in FILLINGS {
        for contestant in &real {
            let server = Server::start(contestant, 1, site.placement, &setting.extra)?;
            thread::sleep(SETTLING);
            let empty = procfs::memory(server.pid())?;
            let shape = Shape { keyspace: count, elements: count, key_size: 16, value_size: VALUE_SIZE };
            let blend = Blend::of(line, *answer);
            fill_by(&server.target, &shape, (VALUE_SIZE, VALUE_SIZE), &blend, count, setting.seed)?;
            thread::sleep(SETTLING);
            let full = procfs::memory(server.pid())?;
            let each = full.resident.saturating_sub(empty.resident) as f64 / count as f64;
            eprintln!("{name:<40} {:<12} {each:>8.1} bytes", contestant.name);
            let figures = vec![each, empty.resident as f64, full.resident as f64, full.peak as f64];
            entries.push(Entry {
                case: (*name).to_owned(),
                server: contestant.name.clone(),
                figures,
                rounds: Vec::new(),
            });
        }
    }
    Ok(Sheet {
        title: "memory".to_owned(),
        servers: real.iter().map(|contestant| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries,
        plot: None,
    })
}
