//! The section Clients.

use std::sync::atomic::Ordering;

use super::text::Report;
use crate::Worker;
use crate::clients::ClientKind;

pub(super) fn clients(worker: &Worker, report: &mut Report) {
    let engine = worker.engine();
    let (mut largest_input, mut largest_output) = (0, 0);
    let (mut subscribers, mut watchers) = (0, 0);
    for client in engine.clients.list() {
        let input = client.query_bytes.load(Ordering::Relaxed) + client.query_room.load(Ordering::Relaxed);
        largest_input = largest_input.max(input);
        largest_output = largest_output.max(client.output_bytes.load(Ordering::Relaxed));
        subscribers += usize::from(client.kind() == ClientKind::Pubsub);
        watchers += usize::from(client.watched.load(Ordering::Relaxed) > 0);
    }
    report.field("connected_clients", engine.clients.len());
    report.field("cluster_connections", 0);
    report.field("maxclients", worker.settings().network.maxclients);
    report.field("client_recent_max_input_buffer", largest_input);
    report.field("client_recent_max_output_buffer", largest_output);
    report.field("blocked_clients", engine.stats.blocked_clients.load(Ordering::Relaxed));
    report.field("tracking_clients", 0);
    report.field("pubsub_clients", subscribers);
    report.field("watching_clients", watchers);
    report.field("clients_in_timeout_table", engine.stats.waiting_with_deadline.load(Ordering::Relaxed));
    report.field("total_watched_keys", engine.keyspace.watched());
    let awaited = engine.keyspace.awaited();
    report.field("total_blocking_keys", awaited.all());
    report.field("total_blocking_keys_on_nokey", awaited.heeding_removal());
}
