//! What a loop does by the clock: blocked commands that time out, upkeep, idle connections.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use spinel_engine::log::LogLevel;
use spinel_engine::{ClientId, Worker};

use super::EventLoop;
use crate::connection::State;
use crate::limits;

/// How often idle connections are looked for, in nanoseconds.
const IDLE_CHECK_NANOS: u64 = 1_000_000_000;

/// The deadlines of one loop, in monotonic nanoseconds.
#[derive(Default)]
pub(super) struct Timers {
    blocked: BinaryHeap<Reverse<(u64, ClientId)>>,
    next_upkeep: u64,
    next_idle_check: u64,
}

impl Timers {
    /// A blocked client gives up then. It may be added again at every turn: the client has the truth.
    pub(super) fn add(&mut self, deadline: u64, client: ClientId) {
        if self.blocked.iter().take(1).any(|Reverse(first)| *first == (deadline, client)) {
            return;
        }
        self.blocked.push(Reverse((deadline, client)));
    }

    /// How long the loop may sleep.
    pub(super) fn next_timeout(&self, worker: &Worker) -> Duration {
        let now = worker.engine().clock.monotonic_nanos();
        let deadline = self.blocked.peek().map_or(u64::MAX, |Reverse((deadline, _))| *deadline);
        let nanos = deadline.min(self.next_upkeep).saturating_sub(now);
        // The poller counts in milliseconds, rounding up: never wake before the time.
        Duration::from_nanos(nanos)
    }
}

impl EventLoop {
    pub(super) fn run_timers(&mut self) {
        let now = self.worker.engine().clock.monotonic_nanos();
        while let Some(&Reverse((deadline, client))) = self.timers.blocked.peek() {
            if deadline > now {
                break;
            }
            self.timers.blocked.pop();
            self.time_out(client, now);
        }
        if now >= self.timers.next_upkeep {
            let hz = u64::from(self.worker.settings().keyspace.hz.max(1));
            self.timers.next_upkeep = now + 1_000_000_000 / hz;
            self.worker.upkeep();
            self.left.retry();
        }
        if now >= self.timers.next_idle_check {
            self.timers.next_idle_check = now + IDLE_CHECK_NANOS;
            self.close_idle();
        }
    }

    fn time_out(&mut self, client: ClientId, now: u64) {
        let Some(&slot) = self.slots.get(&client) else { return };
        let connection = &mut self.connections[slot];
        if self.worker.deadline_nanos(&connection.session).is_none_or(|deadline| deadline > now) {
            return;
        }
        connection.prepare_output(&mut self.pool);
        if self.worker.time_out(&mut connection.session, &mut connection.out) {
            connection.state = State::Running;
        }
        self.list(slot);
    }

    fn close_idle(&mut self) {
        let now_ms = self.worker.engine().clock.unix_millis().0;
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let connection = &mut self.connections[slot];
            if limits::is_idle(connection, &self.worker, now_ms) {
                self.worker.engine().log.write(LogLevel::Verbose, "Closing idle client");
                self.close(slot);
            } else if let Some(excess) = limits::check(connection, self.worker.settings(), now_ms) {
                limits::report(&self.worker, &self.connections[slot], excess);
                self.close(slot);
            }
        }
    }
}
