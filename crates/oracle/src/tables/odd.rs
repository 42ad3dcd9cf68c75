//! Calls with odd arguments: too few, too many, no numbers, numbers out of range. Every command gets them, and both
//! servers answer alike.

/// The arguments of the calls.
pub(super) const ARGUMENTS: &[&[&str]] = &[
    &[],
    &[""],
    &["x"],
    &["1"],
    &["-1"],
    &["99999999999999999999"],
    &["x", "y"],
    &["x", "1"],
    &["x", "-1"],
    &["x", "1.5"],
    &["1", "2"],
    &["x", "1", "2"],
    &["x", "y", "z"],
    &["x", "y", "z", "w"],
    &["1", "2", "3", "4", "5"],
];

/// Commands that do not get them: why, and which.
const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        "waits",
        &["blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin", "wait"],
    ),
    (
        "ends the connection, or changes what is answered on it",
        &[
            "client|kill",
            "client|pause",
            "client|reply",
            "exec",
            "hello",
            "monitor",
            "multi",
            "psubscribe",
            "punsubscribe",
            "quit",
            "reset",
            "shutdown",
            "ssubscribe",
            "subscribe",
            "sunsubscribe",
            "unsubscribe",
        ],
    ),
    (
        "tells of one server",
        &[
            "client|id",
            "client|info",
            "client|list",
            "config|rewrite",
            "info",
            "lastsave",
            "latency|doctor",
            "latency|histogram",
            "lolwut",
            "memory|doctor",
            "memory|malloc-stats",
            "memory|stats",
            "randomkey",
            "time",
        ],
    ),
    ("has one category more, the arrays of Redis 8.8", &["acl|cat"]),
    ("compared by its facts", &["command", "command|count", "command|docs", "command|info", "command|list"]),
    ("makes a replica of the reference", &["replicaof", "slaveof"]),
];

/// An answer without what the compiler of scripts says, which has its own words; that it says something, and of which line,
/// is left.
pub(super) fn without_words_of_compiler(mut answer: String) -> String {
    let place = if answer.contains("Error compiling script") { answer.find("user_script:1:") } else { None };
    if let Some(place) = place {
        answer.truncate(place + "user_script:1:".len());
    }
    answer
}

/// Whether a command gets odd arguments. The words of HELP are our own, and what DEBUG can do is for tests only.
pub(super) fn are_for(name: &str) -> bool {
    let is_own = name.ends_with("|help") || name.starts_with("debug");
    !is_own && !LEFT_OUT.iter().any(|(_, names)| names.contains(&name))
}
