//! One thread of the load: its connections, its poller, and the two ways of pacing.
//!
//! *Closed loop*: each connection sends a batch as large as its pipeline in one write, waits for all its replies and
//! sends the next. *Open loop*: requests fall due at fixed intervals whatever the server does; one that finds no
//! connection with room waits, and its latency counts from the moment it fell due, so that a stall of the server is
//! not hidden by the silence of its clients (no coordinated omission).

use std::collections::VecDeque;
use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll, Token};

use super::blend::Picker;
use super::connection::{Connection, InFlight};
use super::failure::Failure;
use super::latency::Latencies;
use super::pauses::{Span, unix_ns};
use super::target::{SILENCE, Target};
use super::template::Draws;

/// Bytes read at once.
const BUFFER_SIZE: usize = 256 * 1024;
/// Below this distance to the next due request the poller spins instead of sleeping, as it counts in milliseconds.
const SPIN_NS: u64 = 2_000_000;
/// How long [`Idle::Nap`] sleeps.
const NAP: Duration = Duration::from_micros(100);

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// When the replies to the former ones are there.
    Closed,
    /// At `rate` per second.
    Open { rate: f64, idle: Idle },
}

/// What the open loop does while nothing is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Polls without pause: exact, but a core is taken.
    Spin,
    /// Sleeps [`NAP`] at a time: leaves the core to others, and latencies are longer by up to as much.
    Nap,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Requests to send; `u64::MAX` for no limit.
    pub(crate) requests: u64,
    /// Nanoseconds to send for; `u64::MAX` for no limit.
    pub(crate) nanoseconds: u64,
}

/// What one thread has done.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    /// From the first request to the last reply.
    pub(crate) seconds: f64,
    pub(crate) latencies: Latencies,
    /// Requests of the open loop that were due but could not be sent before the end. Their wait is in the latencies.
    pub(crate) unsent: u64,
}

/// One thread's share of the load.
#[derive(Debug)]
pub(crate) struct Worker {
    poll: Poll,
    connections: Vec<Connection>,
    picker: Picker,
    draws: Draws,
    pipeline: usize,
    buffer: Vec<u8>,
    started: Instant,
    /// Whether each wait is kept.
    pub(crate) keeps_waits: bool,
    latencies: Latencies,
    requests_left: u64,
}

impl Worker {
    /// Opens `connections` connections.
    pub(crate) fn connect(
        target: &Target,
        connections: usize,
        pipeline: usize,
        picker: Picker,
        draws: Draws,
    ) -> Result<Worker, Failure> {
        let poll = Poll::new().map_err(Failure::io("creating a poller"))?;
        let connections = (0..connections)
            .map(|index| Connection::adopt(target.connect()?, Token(index), poll.registry(), pipeline))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Worker {
            poll,
            connections,
            picker,
            draws,
            pipeline,
            buffer: vec![0; BUFFER_SIZE],
            started: Instant::now(),
            keeps_waits: false,
            latencies: Latencies::new(),
            requests_left: 0,
        })
    }

    /// Runs until the quota is used up and every reply is there.
    pub(crate) fn run(&mut self, quota: Quota, pace: Pace) -> Result<Tally, Failure> {
        match pace {
            Pace::Closed => self.run_closed(quota),
            Pace::Open { rate, idle } => self.run_open(quota, rate, idle),
        }
    }

    fn run_closed(&mut self, quota: Quota) -> Result<Tally, Failure> {
        self.begin(quota);
        let (mut events, mut waiting, mut operations) = (Events::with_capacity(1024), 0, 0);
        for index in 0..self.connections.len() {
            waiting += self.send_batch(index, 0)?;
        }
        while waiting > 0 {
            self.wait(&mut events, SILENCE)?;
            if events.is_empty() {
                return Err(Failure::Server(format!("no reply for {} s", SILENCE.as_secs())));
            }
            for event in &events {
                let index = event.token().0;
                let ended = self.attend(index, event)?;
                operations += ended;
                waiting -= ended;
                if ended > 0 && self.connections[index].in_flight.is_empty() {
                    let now_ns = self.now_ns();
                    if now_ns < quota.nanoseconds {
                        waiting += self.send_batch(index, now_ns)?;
                    }
                }
            }
        }
        Ok(self.finish(operations, 0))
    }

    fn run_open(&mut self, quota: Quota, rate: f64, idle: Idle) -> Result<Tally, Failure> {
        self.begin(quota);
        let due_ns = |issued: u64| (issued as f64 * 1e9 / rate) as u64;
        let mut events = Events::with_capacity(1024);
        let (mut issued, mut waiting, mut operations, mut last_reply_ns) = (0, 0, 0, 0);
        let mut with_room: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut listed = vec![true; self.connections.len()];
        loop {
            let now_ns = self.now_ns();
            let over = now_ns >= quota.nanoseconds || self.requests_left == 0;
            if over && waiting == 0 {
                break;
            }
            while !over && due_ns(issued) <= now_ns && self.requests_left > 0 {
                let Some(index) = with_room.pop_front() else { break };
                self.append(index, due_ns(issued));
                self.connections[index].flush(self.poll.registry())?;
                (issued, waiting) = (issued + 1, waiting + 1);
                listed[index] = self.connections[index].in_flight.len() < self.pipeline;
                if listed[index] {
                    with_room.push_back(index);
                }
            }
            let blocked = over || with_room.is_empty() || self.requests_left == 0;
            let pause = pause(blocked, due_ns(issued).saturating_sub(now_ns));
            self.wait(&mut events, pause)?;
            if events.is_empty() && pause.is_zero() && idle == Idle::Nap {
                thread::sleep(NAP);
            }
            if !events.is_empty() {
                last_reply_ns = self.now_ns();
            } else if waiting > 0 && now_ns > last_reply_ns + SILENCE.as_nanos() as u64 {
                return Err(Failure::Server(format!("no reply for {} s", SILENCE.as_secs())));
            }
            for event in &events {
                let index = event.token().0;
                let ended = self.attend(index, event)?;
                operations += ended;
                waiting -= ended;
                if ended > 0 && !listed[index] {
                    listed[index] = true;
                    with_room.push_back(index);
                }
            }
        }
        let unsent = self.count_unsent(quota, issued, due_ns);
        Ok(self.finish(operations, unsent))
    }

    /// Enters the requests that were due and never sent with the wait they had.
    fn count_unsent(&mut self, quota: Quota, mut issued: u64, due_ns: impl Fn(u64) -> u64) -> u64 {
        let now_ns = self.now_ns();
        let first = issued;
        while self.requests_left > 0 && due_ns(issued) < quota.nanoseconds.min(now_ns) {
            self.latencies.record_wait(Span { from: due_ns(issued), until: now_ns }, 1);
            self.requests_left -= 1;
            issued += 1;
        }
        issued - first
    }

    fn begin(&mut self, quota: Quota) {
        self.requests_left = quota.requests;
        self.started = Instant::now();
        self.latencies = match self.keeps_waits {
            true => Latencies::keeping_waits(unix_ns(SystemTime::now())),
            false => Latencies::new(),
        };
    }

    fn finish(&mut self, operations: u64, unsent: u64) -> Tally {
        let seconds = self.started.elapsed().as_secs_f64();
        Tally { operations, seconds, latencies: self.latencies.clone(), unsent }
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> Result<(), Failure> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(Failure::io("polling")(error)),
            _ => Ok(()),
        }
    }

    /// Appends one request to a connection's buffer.
    #[inline]
    fn append(&mut self, index: usize, since_ns: u64) {
        let connection = &mut self.connections[index];
        let template = self.picker.pick(&mut self.draws.rng);
        self.picker.templates[template].emit(&mut self.draws, &mut connection.out);
        connection.in_flight.push_back(InFlight { since_ns, template: template as u32 });
        self.requests_left -= 1;
    }

    /// Sends as many requests as the pipeline and the quota allow; returns their number.
    fn send_batch(&mut self, index: usize, now_ns: u64) -> Result<u64, Failure> {
        let count = self.requests_left.min(self.pipeline as u64);
        for _ in 0..count {
            self.append(index, now_ns);
        }
        self.connections[index].flush(self.poll.registry())?;
        Ok(count)
    }

    /// Does what a connection's event asks for; returns how many replies ended.
    fn attend(&mut self, index: usize, event: &mio::event::Event) -> Result<u64, Failure> {
        let connection = &mut self.connections[index];
        if event.is_writable() {
            connection.flush(self.poll.registry())?;
        }
        let started = self.started;
        let clock = || started.elapsed().as_nanos() as u64;
        connection.receive(&self.picker.templates, &mut self.buffer, &mut self.latencies, clock)
    }
}

/// How long to wait for replies when the next request is due in `gap_ns` or, if `blocked`, cannot be sent anyway.
fn pause(blocked: bool, gap_ns: u64) -> Duration {
    if blocked {
        Duration::from_millis(10)
    } else if gap_ns > SPIN_NS {
        Duration::from_nanos(gap_ns - SPIN_NS / 2)
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn the_open_loop_sleeps_only_when_the_next_request_is_far() {
        assert_eq!(pause(false, 500_000), Duration::ZERO);
        assert_eq!(pause(false, 10_000_000), Duration::from_millis(9));
        assert_eq!(pause(true, 0), Duration::from_millis(10));
    }
}
