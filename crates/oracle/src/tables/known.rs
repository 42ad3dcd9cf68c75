//! Differences on purpose: command, kind of fact, reason.

/// Everything that is excused. An entry that is not needed is a difference itself.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("backup", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|abort", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|cleanup", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|help", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|list", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|seal", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|start", "existence", "from Redis 8.10: backups while writes go on"),
    ("backup|status", "existence", "from Redis 8.10: backups while writes go on"),
    ("client|capa", "existence", "clients of Valkey ask for it"),
    ("client|no-touch", "existence", "from Redis 7.2: clients ask for it"),
    ("client|setinfo", "existence", "from Redis 7.2: clients ask for it"),
    ("client|kill", "arguments", "MAXAGE, from Redis 7.4"),
    ("client|kill", "versions with changes", "MAXAGE, from Redis 7.4"),
    ("migrate", "flags", "not taken into a transaction: it waits for the network"),
    ("scandel", "existence", "ours: deleting by pattern without holding up anybody"),
    ("geosearch", "arguments", "BYPOLYGON, from Valkey 9.0"),
    ("geosearchstore", "arguments", "BYPOLYGON, from Valkey 9.0"),
    ("waitaof", "existence", "from Redis 7.2: clients ask for it"),
    ("zrank", "arity", "WITHSCORE, from Redis 7.2"),
    ("zrank", "arguments", "WITHSCORE, from Redis 7.2"),
    ("zrank", "versions with changes", "WITHSCORE, from Redis 7.2"),
    ("zrevrank", "arity", "WITHSCORE, from Redis 7.2"),
    ("zrevrank", "arguments", "WITHSCORE, from Redis 7.2"),
    ("zrevrank", "versions with changes", "WITHSCORE, from Redis 7.2"),
];
