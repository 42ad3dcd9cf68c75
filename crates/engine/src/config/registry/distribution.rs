//! Other machines: replication and the cluster, neither of which can be switched on yet.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::super::directive::{Directive, Flags, Unit};
use super::super::special;
use super::super::value::Reason;
use super::{INT_MAX, ULONG_MAX, count, field, flag, memory, number, optional_text, text, words};

const NO_REPLICATION: &str = "tunes replication, which cannot be switched on yet";
const NO_CLUSTER: &str = "tunes the cluster, which cannot be switched on yet";

pub(super) const DIRECTIVES: &[Directive] = &[
    super::special("replicaof", "no one", special::REPLICAOF)
        .alias("slaveof")
        .flags(Flags::IMMUTABLE.and(Flags::MULTI_WORD))
        .later("replication"),
    number("min-replicas-to-write", "0", 0, INT_MAX)
        .alias("min-slaves-to-write")
        .at(field!(replication.min_replicas_to_write)),
    number("min-replicas-max-lag", "10", 0, INT_MAX)
        .alias("min-slaves-max-lag")
        .at(field!(replication.min_replicas_max_lag)),
    optional_text("masterauth").alias("primaryauth").flags(Flags::SENSITIVE).inert(NO_REPLICATION),
    optional_text("masteruser").alias("primaryuser").flags(Flags::SENSITIVE).inert(NO_REPLICATION),
    flag("replica-serve-stale-data", "yes").alias("slave-serve-stale-data").inert(NO_REPLICATION),
    flag("replica-read-only", "yes").alias("slave-read-only").flags(Flags::DEBUG).inert(NO_REPLICATION),
    flag("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory").inert(NO_REPLICATION),
    flag("replica-lazy-flush", "no").alias("slave-lazy-flush").inert(NO_REPLICATION),
    flag("replica-ignore-disk-write-errors", "no").inert(NO_REPLICATION),
    flag("replica-announced", "yes").inert(NO_REPLICATION),
    optional_text("replica-announce-ip").alias("slave-announce-ip").inert(NO_REPLICATION),
    number("replica-announce-port", "0", 0, 65535).alias("slave-announce-port").inert(NO_REPLICATION),
    number("replica-priority", "100", 0, INT_MAX).alias("slave-priority").inert(NO_REPLICATION),
    flag("repl-disable-tcp-nodelay", "no").inert(NO_REPLICATION),
    flag("repl-diskless-sync", "yes").flags(Flags::DEBUG).inert(NO_REPLICATION),
    number("repl-diskless-sync-delay", "5", 0, INT_MAX).inert(NO_REPLICATION),
    number("repl-diskless-sync-max-replicas", "0", 0, INT_MAX).inert(NO_REPLICATION),
    words("repl-diskless-load", "disabled", &["disabled", "on-empty-db", "swapdb"])
        .flags(Flags::DEBUG.and(Flags::DENY_LOADING))
        .inert(NO_REPLICATION),
    number("repl-timeout", "60", 1, INT_MAX).inert(NO_REPLICATION),
    number("repl-ping-replica-period", "10", 1, INT_MAX)
        .alias("repl-ping-slave-period")
        .inert(NO_REPLICATION),
    memory("repl-backlog-size", "1048576", 1, i64::MAX).inert(NO_REPLICATION),
    number("repl-backlog-ttl", "3600", 0, i64::MAX).inert(NO_REPLICATION),
    memory("replica-full-sync-buffer-limit", "0", 0, i64::MAX).inert(NO_REPLICATION),
    flag("dual-channel-replication-enabled", "no").flags(Flags::DEBUG).inert(NO_REPLICATION),
    flag("repl-mptcp", "no").flags(Flags::FIXED).inert(NO_REPLICATION),
    flag("rdb-del-sync-files", "no").inert(NO_REPLICATION),
    number("shutdown-timeout", "10", 0, INT_MAX).inert("a shutdown has no replicas to wait for yet"),
    optional_text("bind-source-addr").inert("the server opens no connections of its own yet"),
    // The cluster.
    flag("cluster-enabled", "no").flags(Flags::IMMUTABLE).later("the cluster"),
    text("cluster-config-file", "nodes.conf").flags(Flags::IMMUTABLE).inert(NO_CLUSTER),
    number("cluster-port", "0", 0, 65535).flags(Flags::IMMUTABLE).inert(NO_CLUSTER),
    number("cluster-node-timeout", "15000", 0, i64::MAX).inert(NO_CLUSTER),
    number("cluster-migration-barrier", "1", 0, INT_MAX).inert(NO_CLUSTER),
    number("cluster-replica-validity-factor", "10", 0, INT_MAX)
        .alias("cluster-slave-validity-factor")
        .inert(NO_CLUSTER),
    flag("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover").inert(NO_CLUSTER),
    flag("cluster-require-full-coverage", "yes").inert(NO_CLUSTER),
    flag("cluster-allow-reads-when-down", "no").inert(NO_CLUSTER),
    flag("cluster-allow-pubsubshard-when-down", "yes").inert(NO_CLUSTER),
    flag("cluster-allow-replica-migration", "yes").inert(NO_CLUSTER),
    optional_text("cluster-announce-ip").inert(NO_CLUSTER),
    optional_text("cluster-announce-hostname").check_text(host_name).inert(NO_CLUSTER),
    number("cluster-announce-port", "0", 0, 65535).inert(NO_CLUSTER),
    number("cluster-announce-tls-port", "0", 0, 65535).inert(NO_CLUSTER),
    number("cluster-announce-bus-port", "0", 0, 65535).inert(NO_CLUSTER),
    optional_text("cluster-announce-human-nodename").check_text(node_name).inert(NO_CLUSTER),
    optional_text("cluster-announce-client-ipv4")
        .check_text(|text| address::<Ipv4Addr>(text, "Invalid IPv4 address"))
        .inert(NO_CLUSTER),
    optional_text("cluster-announce-client-ipv6")
        .check_text(|text| address::<Ipv6Addr>(text, "Invalid IPv6 address"))
        .inert(NO_CLUSTER),
    number("cluster-announce-client-port", "0", 0, 65535).inert(NO_CLUSTER),
    number("cluster-announce-client-tls-port", "0", 0, 65535).inert(NO_CLUSTER),
    number("cluster-compatibility-sample-ratio", "0", 0, 100).inert(NO_CLUSTER),
    count("cluster-blacklist-ttl", "60", 0, ULONG_MAX).inert(NO_CLUSTER),
    words("cluster-config-save-behavior", "sync", &["sync", "best-effort"]).inert(NO_CLUSTER),
    number("cluster-databases", "1", 1, INT_MAX).flags(Flags::FIXED).inert(NO_CLUSTER),
    number("cluster-manual-failover-timeout", "5000", 1, INT_MAX).inert(NO_CLUSTER),
    number("cluster-slot-migration-log-max-len", "1000", 0, i64::MAX).inert(NO_CLUSTER),
    flag("cluster-slot-stats-enabled", "no").inert(NO_CLUSTER),
    number("slot-migration-max-failover-repl-bytes", "0", -1, i64::MAX)
        .unit(Unit::SignedMemory)
        .inert(NO_CLUSTER),
    words("cluster-preferred-endpoint-type", "ip", &["ip", "hostname", "unknown-endpoint"]).inert(NO_CLUSTER),
    memory("cluster-link-sendbuf-limit", "0", 0, ULONG_MAX).unsigned().inert(NO_CLUSTER),
];

fn address<A: FromStr>(text: &[u8], error: &'static str) -> Result<(), Reason> {
    let is_address = str::from_utf8(text).is_ok_and(|text| text.parse::<A>().is_ok());
    if text.is_empty() || is_address { Ok(()) } else { Err(error.into()) }
}

/// Names stand in the cluster's file among other words.
fn node_name(name: &[u8]) -> Result<(), Reason> {
    if !name.iter().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~\0".contains(byte)) {
        Ok(())
    } else {
        Err("Announced human node name contained invalid character".into())
    }
}

fn host_name(name: &[u8]) -> Result<(), Reason> {
    const MAX_LEN: usize = 256;
    if name.len() >= MAX_LEN {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if name.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into())
    }
}
