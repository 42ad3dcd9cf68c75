//! Families of commands that Redis 7.0 does not have: each says which references it is compared with.

use super::families::Family;

/// A family, and who has its commands.
#[derive(Debug, Clone, Copy)]
pub struct Newer {
    /// The family.
    pub family: Family,
    /// Who has it.
    pub known_by: KnownBy,
}

/// Which references have the commands of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// Redis 8.0.
    Redis8,
    /// Redis 8.0 and Valkey 9, which answer alike.
    Redis8AndValkey9,
    /// Redis 8.8, which is no reference here: its commands are compared with their own record and snapshots only.
    NoReference,
}

impl Newer {
    /// The one with this family, if it is one of these.
    pub fn of(family: &Family) -> Option<&'static Newer> {
        NEWER.iter().find(|newer| newer.family.name == family.name)
    }
}

/// What makes keys of other types in these families.
pub(super) const SEEDS: &[&str] = &["SET <key> <integer>", "HSET <key> (<member> <value>)+", "DEL <key>+"];

/// All of them. `mixed` and `garbage` do not draw from these.
pub const NEWER: [Newer; 3] = [
    Newer {
        family: Family { name: "arrays", templates: ARRAYS, damage: 30 },
        known_by: KnownBy::NoReference,
    },
    Newer {
        family: Family { name: "hash-expiry", templates: HASH_EXPIRY, damage: 30 },
        known_by: KnownBy::Redis8,
    },
    Newer {
        family: Family { name: "hash-expiry-common", templates: HASH_EXPIRY_COMMON, damage: 0 },
        known_by: KnownBy::Redis8AndValkey9,
    },
];

const ARRAYS: &[&str] = &[
    "ARSET <key> <place> <value>+",
    "ARSET <key> <place> <value> <value> <value>",
    "ARMSET <key> (<place> <value>)+",
    "ARMSET <key> (<place> <value>)+",
    "ARINSERT <key> <value>+",
    "ARINSERT <key> <value>+",
    "ARRING <key> <numkeys> <value>+",
    "ARRING <key> <numkeys> <member> <member>",
    "ARRING <key> <place> <value>",
    "ARSEEK <key> <place>",
    "ARDEL <key> <place>+",
    "ARDELRANGE <key> <place> <place>",
    "ARDELRANGE <key> (<place> <place>)+",
    "ARGET <key> <place>",
    "ARMGET <key> <place>+",
    "ARGETRANGE <key> <place> <place>",
    "ARSCAN <key> <place> <place> [LIMIT <numkeys>]",
    "ARGREP <key> - + [EXACT|MATCH|GLOB|RE] <member> [AND|OR] [LIMIT <numkeys>] [WITHVALUES] [NOCASE]",
    "ARGREP <key> <place> <place> (EXACT|MATCH) <value> (GLOB|RE) <pattern> [AND|OR|NOCASE]",
    "AROP <key> <place> <place> (SUM|MIN|MAX|AND|OR|XOR|USED|up)",
    "AROP <key> <place> <place> MATCH <value>",
    "ARLEN <key>",
    "ARCOUNT <key>",
    "ARNEXT <key>",
    "ARINFO <key> [FULL]",
    "ARLASTITEMS <key> <numkeys> [REV]",
    "COPY <key> <key> [REPLACE]",
    "RENAME <key> <key>",
    "PEXPIRE <key> <millis>",
    "OBJECT ENCODING <key>",
    "DUMP <key>",
];

const HASH_EXPIRY: &[&str] = &[
    "HSET <key> (<member> <value>)+",
    "HSET <key> (<member> <value>)+",
    "HSETEX <key> [FNX|FXX] [EX <field-seconds>|PX <field-millis>|EXAT <second>|PXAT <milli>|KEEPTTL] FIELDS 1 <member> <value>",
    "HSETEX <key> [PXAT <milli>|KEEPTTL] [FNX|FXX] FIELDS 2 <member> <value> <member> <value>",
    "HSETEX <key> [FNX|FXX|up] [EX|KEEPTTL|PX <milli>] FIELDS <numkeys> (<member> <value>)+",
    "HSETEX <key> (EXAT|PXAT) 1 FIELDS 1 <member> <value> ; EXISTS <same>",
    "HEXPIRE <key> <field-seconds> [NX|XX|GT|LT] FIELDS 1 <member>",
    "HEXPIRE <key> <field-seconds> [NX|XX|GT|LT] FIELDS 2 <member> <member>",
    "HPEXPIRE <key> <field-millis> [NX|XX|GT|LT] FIELDS 3 <member> <member> <member>",
    "HEXPIREAT <key> <second> [NX|XX|GT|LT|up] FIELDS 1 <member>",
    "HPEXPIREAT <key> <milli> [NX|XX|GT|LT] FIELDS 2 <member> <member>",
    "HPEXPIREAT <key> <milli> [NX|XX|GT|LT] [FIELDS] <numkeys> <member>+",
    "HPEXPIREAT <key> 1 FIELDS 2 <member> <member> ; EXISTS <same>",
    "HTTL <key> FIELDS 2 <member> <member>",
    "HPTTL <key> [FIELDS] <numkeys> <member>+",
    "HEXPIRETIME <key> FIELDS 1 <member>",
    "HPEXPIRETIME <key> FIELDS 2 <member> <member>",
    "HPERSIST <key> FIELDS 1 <member>",
    "HPERSIST <key> [FIELDS] <numkeys> <member>+",
    "HGETEX <key> [EX <field-seconds>|PX <field-millis>|EXAT <second>|PXAT <milli>|PERSIST] FIELDS 1 <member>",
    "HGETEX <key> [PXAT <milli>|PERSIST] FIELDS <numkeys> <member>+",
    "HGETEX <key> PXAT 1 FIELDS 1 <member> ; EXISTS <same>",
    "HGETDEL <key> [FIELDS] <numkeys> <member>+",
    "HGETDEL <key> FIELDS 1 <member>",
    "HINCRBY <key> <member> <integer>",
    "HINCRBYFLOAT <key> <member> <score>",
    "HSETNX <key> <member> <value>",
    "HDEL <key> <member>+",
    "HGETALL <key>",
    "HMGET <key> <member>+",
    "HLEN <key>",
    "HRANDFIELD <key> <random-count> [WITHVALUES]",
    "OBJECT ENCODING <key>",
    "COPY <key> <key> [REPLACE]",
    "RENAME <key> <key>",
    "DEBUG DIGEST-VALUE <key>",
];

/// What Redis and Valkey answer alike: no errors, no encodings, no events.
const HASH_EXPIRY_COMMON: &[&str] = &[
    "HSET <key> (<field> <field>)+",
    "HSETEX <key> [FNX|FXX] [EX <later>|PXAT <milli-later>|KEEPTTL] FIELDS 2 <field> <field> <field> <field>",
    "HEXPIRE <key> <later> [NX|XX|GT|LT] FIELDS 2 <field> <field>",
    "HPEXPIREAT <key> (<milli-later>|1) [NX|XX|GT|LT] FIELDS 2 <field> <field>",
    "HTTL <key> FIELDS 2 <field> <field>",
    "HPEXPIRETIME <key> FIELDS 2 <field> <field>",
    "HPERSIST <key> FIELDS 2 <field> <field>",
    "HGETEX <key> [EX <later>|PXAT <milli-later>|PERSIST] FIELDS 2 <field> <field>",
    "HGETDEL <key> FIELDS 1 <field>",
    "HINCRBY <key> <field> 3",
    "HDEL <key> <field>",
    "HLEN <key>",
    "HMGET <key> <field> <field> <field>",
    "COPY <key> <key> [REPLACE]",
];
