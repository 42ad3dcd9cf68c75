//! Client eviction: connections are closed when all together take more memory than `maxmemory-clients` allows, those that
//! take most first.
//!
//! Each loop adds up by how much its connections changed in a turn, so the sum costs one addition a turn; who takes most is
//! looked for only when the sum is too large. Replies that grow large within a turn are counted at once: else keys would have
//! been evicted for them before the turn is over.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use crate::config::Memory;
use crate::log::LogLevel;
use crate::{Client, Engine, Worker};

/// No limit is lower than this, so that one can always connect and say a better one.
const LEAST_LIMIT: u64 = 128 << 10;

/// In the place of what an evicted client is about to give back: its connection is closed.
const GIVEN_BACK: u64 = u64::MAX;

/// Bytes that all connections take.
#[derive(Debug, Default)]
pub(crate) struct ClientBytes(AtomicI64);

impl Memory {
    /// Bytes that all connections together may take; `None` for no limit.
    fn clients_limit(&self) -> Option<u64> {
        let limit = match self.maxmemory_clients {
            0 => return None,
            bytes @ 1.. => bytes.unsigned_abs(),
            ..0 if self.maxmemory == 0 => return None,
            percentage => (u128::from(self.maxmemory) * u128::from(percentage.unsigned_abs()) / 100) as u64,
        };
        Some(limit.max(LEAST_LIMIT))
    }
}

impl Worker {
    /// Ends a turn, after which the connections of this loop take so many bytes more: tells what was freed with those that
    /// closed, and closes others while all take too many.
    #[inline]
    pub fn end_turn(&mut self, more: i64) {
        if self.published.settings.memory.maxmemory > 0 {
            self.tell_memory();
        }
        self.count_clients(|| more);
    }

    /// Counts that connections of this loop take so many bytes more, if anybody wants to know, and closes some while all
    /// take too many.
    #[inline]
    pub fn count_clients(&mut self, more: impl FnOnce() -> i64) {
        if self.published.settings.memory.maxmemory_clients != 0 {
            self.engine.client_bytes.0.fetch_add(more(), Relaxed);
            self.evict_clients();
        }
    }

    /// A connection of this loop is about to be closed. It counts no more at once: else another loop would close somebody else's
    /// for it.
    #[inline]
    pub fn count_closed(&self, client: &Client) {
        let bytes = client.total_bytes.swap(0, Relaxed);
        if self.published.settings.memory.maxmemory_clients != 0 {
            self.engine.client_bytes.0.fetch_sub(bytes as i64, Relaxed);
        }
    }

    /// The connection of a client is closed and its buffers are given back: if it was evicted they count again, for who
    /// tells that they are freed.
    #[inline]
    pub fn gave_back(&mut self, client: &Client) {
        let bytes = client.leaving_bytes.swap(GIVEN_BACK, Relaxed);
        if bytes > 0 {
            self.tell_memory();
            self.engine.memory.was_freed(bytes);
        }
    }

    fn evict_clients(&self) {
        let Some(limit) = self.published.settings.memory.clients_limit() else { return };
        let engine = &self.engine;
        let are_too_many =
            || u64::try_from(engine.client_bytes.0.load(Relaxed)).is_ok_and(|bytes| bytes > limit);
        while are_too_many() {
            let clients = engine.clients.list();
            let evictable = clients.iter().filter(|client| !client.flags.no_evict.load(Relaxed));
            let size = |client: &Client| client.total_bytes.load(Relaxed);
            match evictable.max_by_key(|client| size(client)) {
                // While we looked another loop may have closed those that were too many.
                Some(_) if !are_too_many() => return,
                Some(largest) if size(largest) > 0 => engine.evict_client(largest),
                // All that could be closed are being closed.
                _ => return,
            }
        }
    }
}

impl Engine {
    fn evict_client(&self, client: &Client) {
        let line = format!("Evicting client: {}", self.describe_for_log(client));
        let bytes = client.total_bytes.swap(0, Relaxed);
        // Its loop gives them back soon; no key need go for them.
        self.client_bytes.0.fetch_sub(bytes as i64, Relaxed);
        self.memory.expect_freed(bytes);
        let with_these = |before: u64| (before != GIVEN_BACK).then(|| before + bytes);
        match client.leaving_bytes.fetch_update(Relaxed, Relaxed, with_these) {
            // It was closed meanwhile.
            Err(_) => self.memory.was_freed(bytes),
            Ok(0) if bytes > 0 => {
                self.log.write(LogLevel::Notice, &line);
                self.clients.kill(client);
                self.stats.evicted_clients.fetch_add(1, Relaxed);
            }
            // Another loop found it at the same time.
            Ok(_) => {}
        }
    }

    /// Begins to add up what connections take. The world is held.
    pub(crate) fn begin_to_count_client_bytes(&self) {
        let bytes: u64 = self.clients.list().iter().map(|client| client.total_bytes.load(Relaxed)).sum();
        self.client_bytes.0.store(bytes as i64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_number_of_bytes_or_a_part_of_maxmemory() {
        for (maxmemory, clients, limit) in [
            (0, 0, None),
            (1 << 30, 0, None),
            (0, 1 << 20, Some(1 << 20)),
            (0, 5, Some(128 << 10)),
            (0, -10, None),
            (1 << 30, -50, Some(1 << 29)),
            (1000, -50, Some(128 << 10)),
        ] {
            let memory = Memory { maxmemory, maxmemory_clients: clients, ..Memory::default() };
            assert_eq!(memory.clients_limit(), limit, "{maxmemory} {clients}");
        }
    }
}
