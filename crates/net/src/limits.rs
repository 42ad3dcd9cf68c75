//! What a client may make the server hold: query buffer, output buffer, idle time.

use std::sync::atomic::Ordering;

use spinel_engine::Worker;
use spinel_engine::clients::counted_output;
use spinel_engine::config::{OutputBufferLimit, Settings};
use spinel_engine::log::LogLevel;

use crate::broken_input::too_many_bytes_line;
use crate::connection::{Connection, State};

/// Why a connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Query,
    Output,
}

/// Received bytes of this number are counted before the turn ends.
const LARGE_INPUT: usize = 64 * 1024;
/// Replies of this many bytes are looked at before the turn ends.
pub(crate) const LARGE_OUTPUT: usize = 64 * 1024;
/// The default of `proto-max-bulk-len`, in bytes.
const USUAL_BULK_LEN: u64 = 512 << 20;
/// What may be in the buffer beside the longest word, in bytes.
const BESIDE_BULK: u64 = 64 << 20;
/// Counted replies that may wait for a client that has not given the password, in bytes.
const UNAUTHENTICATED_OUTPUT: u64 = 1024;

/// Bytes that may wait to be executed. Who allows longer words than usual means to receive them.
fn query_limit(settings: &Settings) -> u64 {
    let limits = &settings.limits;
    let longest = limits.proto_max_bulk_len;
    let needed = if longest > USUAL_BULK_LEN { longest.saturating_add(BESIDE_BULK) } else { 0 };
    limits.client_query_buffer.max(needed)
}

/// Whether a connection holds more than it may.
pub(crate) fn check(connection: &mut Connection, settings: &Settings, now_ms: i64) -> Option<Excess> {
    if connection.unread().len() as u64 > query_limit(settings) {
        return Some(Excess::Query);
    }
    let limits = &settings.limits.output_buffers;
    let limit: OutputBufferLimit =
        if connection.session.subscriptions.any() { limits.pubsub } else { limits.normal };
    let pending = counted_output(connection.pending_output() as u64);
    if !connection.session.authenticated
        && !settings.security.requirepass.is_empty()
        && pending > UNAUTHENTICATED_OUTPUT
    {
        return Some(Excess::Output);
    }
    if limit.hard_bytes > 0 && pending >= limit.hard_bytes {
        return Some(Excess::Output);
    }
    if limit.soft_bytes == 0 || pending < limit.soft_bytes {
        connection.over_soft_since_ms = None;
        return None;
    }
    let since = *connection.over_soft_since_ms.get_or_insert(now_ms);
    (now_ms - since > limit.soft_seconds.saturating_mul(1000)).then_some(Excess::Output)
}

/// Counts the bytes that a connection has received before its commands run, if they are many.
#[inline]
pub(crate) fn look_at_large_input(worker: &mut Worker, connection: &mut Connection) {
    if connection.unread().len() >= LARGE_INPUT {
        count(worker, connection);
    }
}

/// Looks at the replies of a connection before the turn ends, if they are many bytes: there may be many more of the kind.
#[inline]
pub(crate) fn look_at_large_output(worker: &mut Worker, connection: &mut Connection) {
    if connection.out.len() < LARGE_OUTPUT {
        return;
    }
    if let Some(excess) = check(connection, worker.settings(), worker.now().0) {
        report(worker, connection, excess);
        connection.state = State::Dead;
    } else {
        count(worker, connection);
    }
}

/// Counts what a connection takes by now.
fn count(worker: &mut Worker, connection: &mut Connection) {
    worker.count_clients(|| connection.publish_sizes());
    // If that evicted it, or another loop has, its next commands would only make replies that nobody counts any more.
    if connection.state == State::Running && connection.session.client.is_killed() {
        connection.state = State::Dead;
    }
}

/// Writes to the log that a connection is closed, and counts it.
pub(crate) fn report(worker: &Worker, connection: &Connection, excess: Excess) {
    let stats = worker.stats();
    let client = worker.engine().describe_for_log(&connection.session.client);
    let line = match excess {
        Excess::Query => {
            stats.query_limit_disconnections.add(1);
            too_many_bytes_line(&client, connection.unread(), worker.settings().log.hides_user_data)
        }
        Excess::Output => {
            stats.output_limit_disconnections.add(1);
            format!("Client {client} closed for overcoming of output buffer limits.")
        }
    };
    worker.engine().log.write(LogLevel::Warning, &line);
}

/// Whether nobody spoke for longer than `timeout`. Subscribers, monitors and blocked clients may be silent.
pub(crate) fn is_idle(connection: &Connection, worker: &Worker, now_ms: i64) -> bool {
    let timeout = worker.settings().network.timeout;
    timeout > 0
        && matches!(connection.state, State::Running | State::Closing)
        && !connection.session.subscriptions.any()
        && !connection.session.monitor
        && now_ms - connection.session.client.last_active_ms.load(Ordering::Relaxed)
            > i64::from(timeout) * 1000
}
