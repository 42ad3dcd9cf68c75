//! Clients: where they connect, what they may ask for, what they may make the server hold, what their scripts may do.

use super::super::choices::{ProtectedAction, ScriptMode};
use super::super::directive::{Directive, Flags, Unit};
use super::super::special;
use super::{INT_MAX, UINT_MAX, choice, count, field, flag, memory, number, optional_text, text, words};

const MIN_BULK: i64 = 1 << 20;
/// What a machine has before it runs anything is well below.
const MIN_SCRIPT_MEMORY: i64 = 1 << 20;
const MAX_SCRIPT_MEMORY: i64 = 1 << 40;
/// A year.
const MAX_SCRIPT_MS: i64 = 31_536_000_000;
const NO_ACL_USERS: &str = "there are no users beside the default one yet";
/// What a Valkey says that was built without.
const NO_RDMA: &str = special::NO_RDMA;
const RDMA_IS_OFF: &str = "tunes RDMA, which cannot be switched on";
const NO_TLS: &str = "tunes TLS, which cannot be switched on yet";

pub(super) const DIRECTIVES: &[Directive] = &[
    super::special("bind", "* -::*", special::BIND).flags(Flags::MULTI_WORD),
    number("port", "6379", 0, 65535).at(field!(network.port)),
    optional_text("unixsocket").flags(Flags::IMMUTABLE).at(field!(network.unixsocket)),
    count("unixsocketperm", "0", 0, 0o777)
        .unit(Unit::Octal)
        .flags(Flags::IMMUTABLE)
        .at(field!(network.unixsocketperm)),
    optional_text("unixsocketgroup").flags(Flags::FIXED).at(field!(network.unixsocketgroup)),
    count("max-new-connections-per-cycle", "10", 1, 1000).at(field!(network.max_new_connections)),
    number("tcp-backlog", "511", 0, INT_MAX).flags(Flags::IMMUTABLE).at(field!(network.tcp_backlog)),
    number("tcp-keepalive", "300", 0, INT_MAX).at(field!(network.tcp_keepalive)),
    number("timeout", "0", 0, INT_MAX).at(field!(network.timeout)),
    count("maxclients", "10000", 1, UINT_MAX).at(field!(network.maxclients)),
    flag("protected-mode", "yes").at(field!(network.protected_mode)),
    text("availability-zone", "").at(field!(network.availability_zone)),
    flag("mptcp", "no").flags(Flags::FIXED).later("Multipath TCP"),
    count("socket-mark-id", "0", 0, UINT_MAX).flags(Flags::IMMUTABLE).later("marking of sockets"),
    // What a client may hold.
    count("client-query-buffer-limit", "1073741824", MIN_BULK, i64::MAX)
        .unit(Unit::Memory)
        .flags(Flags::DEBUG)
        .at(field!(limits.client_query_buffer)),
    super::special(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        special::OUTPUT_BUFFERS,
    )
    .flags(Flags::MULTI_WORD),
    memory("proto-max-bulk-len", "536870912", MIN_BULK, i64::MAX)
        .flags(Flags::DEBUG)
        .at(field!(limits.proto_max_bulk_len)),
    count("tracking-table-max-keys", "1000000", 0, i64::MAX)
        .at(field!(limits.tracking_table_max_keys))
        .inert("there is no client-side caching yet"),
    number("busy-reply-threshold", "5000", 0, i64::MAX)
        .alias("lua-time-limit")
        .at(field!(limits.busy_reply_threshold_ms)),
    // Scripts.
    flag("lua-enable-deprecated-api", "no")
        .alias("lua-enable-insecure-api")
        .flags(Flags::IMMUTABLE.and(Flags::HIDDEN))
        .at(field!(scripts.lua_deprecated_api)),
    choice::<ScriptMode>("script-mode", "any").flags(Flags::FIXED).at(field!(scripts.mode)),
    text("script-directory", "").flags(Flags::FIXED).at(field!(scripts.directory)),
    choice::<ProtectedAction>("enable-script-register", "local")
        .flags(Flags::FIXED)
        .at(field!(scripts.enable_register)),
    flag("script-atomic", "no").at(field!(scripts.are_atomic)),
    memory("script-memory-limit", "1073741824", MIN_SCRIPT_MEMORY, MAX_SCRIPT_MEMORY)
        .flags(Flags::FIXED)
        .at(field!(scripts.memory_limit)),
    number("script-time-limit", "0", 0, MAX_SCRIPT_MS).at(field!(scripts.time_limit_ms)),
    flag("multi-atomic", "no").at(field!(transactions.are_atomic)),
    // Who may do what.
    optional_text("requirepass").flags(Flags::SENSITIVE).at(field!(security.requirepass)),
    choice::<ProtectedAction>("enable-debug-command", "no")
        .flags(Flags::IMMUTABLE)
        .at(field!(security.enable_debug_command)),
    choice::<ProtectedAction>("enable-protected-configs", "no")
        .flags(Flags::IMMUTABLE)
        .at(field!(security.enable_protected_configs)),
    choice::<ProtectedAction>("enable-module-command", "no")
        .flags(Flags::IMMUTABLE)
        .inert("there is no MODULE command to allow"),
    text("aclfile", "").flags(Flags::IMMUTABLE).later("a file of ACL users"),
    words("acl-pubsub-default", "resetchannels", &["allchannels", "resetchannels"]).inert(NO_ACL_USERS),
    number("acllog-max-len", "128", 0, i64::MAX).inert(NO_ACL_USERS),
    // TLS.
    number("tls-port", "0", 0, 65535).later("TLS"),
    flag("tls-cluster", "no").later("TLS"),
    flag("tls-replication", "no").later("TLS"),
    words("tls-auth-clients", "yes", &["no", "yes", "optional"]).inert(NO_TLS),
    words("tls-auth-clients-user", "off", &["CN", "URI", "off"]).inert(NO_TLS),
    number("tls-auto-reload-interval", "0", 0, INT_MAX).inert(NO_TLS),
    count("max-new-tls-connections-per-cycle", "1", 1, 1000).inert(NO_TLS),
    number("tls-session-cache-size", "20480", 0, INT_MAX).inert(NO_TLS),
    number("tls-session-cache-timeout", "300", 0, INT_MAX).inert(NO_TLS),
    flag("tls-prefer-server-ciphers", "no").inert(NO_TLS),
    flag("tls-session-caching", "yes").inert(NO_TLS),
    optional_text("tls-cert-file").inert(NO_TLS),
    optional_text("tls-key-file").inert(NO_TLS),
    optional_text("tls-key-file-pass").inert(NO_TLS),
    optional_text("tls-client-cert-file").inert(NO_TLS),
    optional_text("tls-client-key-file").inert(NO_TLS),
    optional_text("tls-client-key-file-pass").inert(NO_TLS),
    optional_text("tls-dh-params-file").inert(NO_TLS),
    optional_text("tls-ca-cert-file").inert(NO_TLS),
    optional_text("tls-ca-cert-dir").inert(NO_TLS),
    optional_text("tls-protocols").inert(NO_TLS),
    optional_text("tls-ciphers").inert(NO_TLS),
    optional_text("tls-ciphersuites").inert(NO_TLS),
    // RDMA.
    super::special("rdma-bind", "", special::RDMA_BIND).flags(Flags::MULTI_WORD).absent(NO_RDMA),
    number("rdma-port", "0", 0, 65535).absent(NO_RDMA),
    number("rdma-rx-size", "1048576", 65_536, 16_777_216).flags(Flags::FIXED).inert(RDMA_IS_OFF),
    number("rdma-completion-vector", "-1", -1, 1024).flags(Flags::FIXED).inert(RDMA_IS_OFF),
];
