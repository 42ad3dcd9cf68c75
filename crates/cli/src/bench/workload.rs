//! The named workloads, as text.
//!
//! One table says it all: the request (see [`super::template`] for the placeholders), what its reply must look like,
//! what has to be there beforehand and whether the requests take away what was there. The names of
//! redis-benchmark's default tests mean the same here, except that members are drawn from `--elements`.

/// What a reply must look like, before sizes and strictness are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Pong,
    Integer,
    /// A value of the configured size, null unless everything is known to be there.
    Value,
    /// A string of any size, or null.
    Element,
    /// A number in whatever type, null unless everything is known to be there.
    Score,
    /// That many elements; fewer unless everything is known to be there.
    Elements(u64),
    /// Up to that many elements.
    UpTo(u64),
    Anything,
}

/// What has to be there before a workload runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Nothing,
    /// Every key of the key space, a string.
    Keys,
    /// One list, set, hash or sorted set with all elements.
    List,
    Set,
    Hash,
    SortedSet,
    /// A hash of ten fields.
    SmallHash,
    /// A stream with as many entries as there are elements.
    Stream,
    /// Another one, with a group that has read nothing.
    Group,
    /// One list of numbers, bitmap, or geospatial index of all elements; places are numbers spread over the ocean.
    Numbers,
    Bits,
    Places,
}

/// One named workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) line: &'static str,
    pub(crate) answer: Answer,
    pub(crate) load: Load,
    /// Whether it takes things away, so that later requests may find nothing.
    pub(crate) removes: bool,
}

/// Fields of the small hash.
pub(crate) const SMALL_HASH_FIELDS: u64 = 10;

/// The name of the workload that is sent as an inline command.
pub(crate) const INLINE: &str = "ping_inline";

const fn workload(name: &'static str, line: &'static str, answer: Answer, load: Load) -> Workload {
    Workload { name, line, answer, load, removes: false }
}

const fn removing(name: &'static str, line: &'static str, answer: Answer, load: Load) -> Workload {
    Workload { name, line, answer, load, removes: true }
}

/// All of them; the first [`DEFAULT_TESTS`] are redis-benchmark's default tests in its order.
pub(crate) const WORKLOADS: &[Workload] = &[
    workload(INLINE, "PING", Answer::Pong, Load::Nothing),
    workload("ping_mbulk", "PING", Answer::Pong, Load::Nothing),
    workload("set", "SET __key__ __value__", Answer::Ok, Load::Keys),
    workload("get", "GET __key__", Answer::Value, Load::Keys),
    workload("incr", "INCR counter:__rand__", Answer::Integer, Load::Nothing),
    workload("lpush", "LPUSH mylist __value__", Answer::Integer, Load::Nothing),
    workload("rpush", "RPUSH mylist __value__", Answer::Integer, Load::Nothing),
    removing("lpop", "LPOP mylist", Answer::Element, Load::List),
    removing("rpop", "RPOP mylist", Answer::Element, Load::List),
    workload("sadd", "SADD myset __member__", Answer::Integer, Load::Nothing),
    workload("hset", "HSET myhash __field__ __value__", Answer::Integer, Load::Nothing),
    removing("spop", "SPOP myset", Answer::Element, Load::Set),
    workload("zadd", "ZADD myzset __rand__ __member__", Answer::Integer, Load::Nothing),
    removing("zpopmin", "ZPOPMIN myzset", Answer::UpTo(2), Load::SortedSet),
    workload("lrange_100", "LRANGE mylist 0 99", Answer::Elements(100), Load::List),
    workload("lrange_300", "LRANGE mylist 0 299", Answer::Elements(300), Load::List),
    workload("lrange_500", "LRANGE mylist 0 499", Answer::Elements(500), Load::List),
    workload("lrange_600", "LRANGE mylist 0 599", Answer::Elements(600), Load::List),
    workload(
        "mset",
        "MSET __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__ \
         __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__",
        Answer::Ok,
        Load::Keys,
    ),
    workload("setex", "SETEX __key__ 100000 __value__", Answer::Ok, Load::Keys),
    workload("expire", "EXPIRE __key__ 100000", Answer::Integer, Load::Keys),
    workload("exists", "EXISTS __key__", Answer::Integer, Load::Keys),
    removing("del", "DEL __key__", Answer::Integer, Load::Keys),
    workload("hget", "HGET myhash __field__", Answer::Value, Load::Hash),
    removing("hdel", "HDEL myhash __field__", Answer::Integer, Load::Hash),
    workload("hgetall", "HGETALL mysmallhash", Answer::Elements(2 * SMALL_HASH_FIELDS), Load::SmallHash),
    workload("sismember", "SISMEMBER myset __member__", Answer::Integer, Load::Set),
    removing("srem", "SREM myset __member__", Answer::Integer, Load::Set),
    workload("zscore", "ZSCORE myzset __member__", Answer::Score, Load::SortedSet),
    workload("zrank", "ZRANK myzset __member__", Answer::Score, Load::SortedSet),
    workload("zincrby", "ZINCRBY myzset 1 __member__", Answer::Score, Load::SortedSet),
    removing("zrem", "ZREM myzset __member__", Answer::Integer, Load::SortedSet),
    workload("zrange_10", "ZRANGE myzset 0 9", Answer::Elements(10), Load::SortedSet),
    workload(
        "zrangebyscore",
        "ZRANGEBYSCORE myzset __rand__ +inf LIMIT 0 10",
        Answer::UpTo(10),
        Load::SortedSet,
    ),
    workload("xadd", "XADD mynewstream * field __value__", Answer::Element, Load::Nothing),
    workload("xrange_10", "XRANGE mystream - + COUNT 10", Answer::Elements(10), Load::Stream),
    removing("xreadgroup", READ_GROUP, Answer::Elements(1), Load::Group),
    workload("pfadd", "PFADD myhll __member__", Answer::Integer, Load::Nothing),
    workload("bitcount", "BITCOUNT mybits", Answer::Integer, Load::Bits),
    workload("bitop", "BITOP XOR mybitop mybits mybits", Answer::Integer, Load::Bits),
    workload("sort_10", "SORT mynumbers LIMIT 0 10", Answer::UpTo(10), Load::Numbers),
    workload(
        "geosearch_10",
        "GEOSEARCH myplaces FROMLONLAT -124 -14.6 BYRADIUS 100 km COUNT 10",
        Answer::UpTo(10),
        Load::Places,
    ),
];

/// Reads the next entry.
const READ_GROUP: &str = "XREADGROUP GROUP mygroup me COUNT 1 STREAMS mygroupstream >";

/// What is sent once before a load is filled.
pub(crate) fn preparing(load: Load) -> Option<&'static [&'static str]> {
    (load == Load::Group).then_some(&["XGROUP", "CREATE", "mygroupstream", "mygroup", "0", "MKSTREAM"])
}

/// How many of [`WORKLOADS`] redis-benchmark runs when told nothing.
pub(crate) const DEFAULT_TESTS: usize = 19;

/// Mixes that have names.
pub(crate) const MIXES: &[(&str, &str)] = &[
    ("mix_cache", "get:80,set:20"),
    ("mix_expiring", "get:60,setex:20,expire:10,del:10"),
    ("mix_hash", "hget:60,hset:30,hdel:10"),
    ("mix_set", "sismember:60,sadd:30,srem:10"),
    ("mix_zset", "zscore:30,zadd:30,zincrby:10,zrange_10:10,zrangebyscore:10,zrem:10"),
    ("mix_all", "get:30,set:10,hget:15,hset:5,sismember:10,sadd:5,zscore:10,zadd:5,zrange_10:5,incr:5"),
];

/// The workload of this name.
pub(crate) fn named(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}

/// The command that adds the next thing of a load, and what is filled.
pub(crate) fn filling(load: Load) -> Option<(&'static str, Answer)> {
    match load {
        Load::Nothing => None,
        Load::Keys => Some(("SET __key__ __value__", Answer::Ok)),
        Load::List => Some(("RPUSH mylist __value__", Answer::Integer)),
        Load::Set => Some(("SADD myset __member__", Answer::Integer)),
        Load::Hash => Some(("HSET myhash __field__ __value__", Answer::Integer)),
        Load::SortedSet => Some(("ZADD myzset __rand__ __member__", Answer::Integer)),
        Load::Stream => Some(("XADD mystream * field __value__", Answer::Element)),
        Load::Group => Some(("XADD mygroupstream * field __value__", Answer::Element)),
        Load::SmallHash => Some(("HSET mysmallhash __field__ __value__", Answer::Integer)),
        Load::Numbers => Some(("RPUSH mynumbers __rand__", Answer::Integer)),
        Load::Places => Some(("ZADD myplaces __rand__000000000 __member__", Answer::Integer)),
        Load::Bits => Some(("SETBIT mybits __rand__ 1", Answer::Integer)),
    }
}

/// The key a load lives under, unless it is the key space.
pub(crate) fn loaded_key(load: Load) -> Option<&'static str> {
    match load {
        Load::Nothing | Load::Keys => None,
        Load::List => Some("mylist"),
        Load::Set => Some("myset"),
        Load::Hash => Some("myhash"),
        Load::SortedSet => Some("myzset"),
        Load::SmallHash => Some("mysmallhash"),
        Load::Stream => Some("mystream"),
        Load::Group => Some("mygroupstream"),
        Load::Numbers => Some("mynumbers"),
        Load::Places => Some("myplaces"),
        Load::Bits => Some("mybits"),
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_TESTS, MIXES, WORKLOADS, filling, loaded_key, named};

    #[test]
    fn names_are_unique_and_mixes_refer_to_them() {
        for (at, workload) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[..at].iter().all(|other| other.name != workload.name), "{}", workload.name);
        }
        for (mix, parts) in MIXES {
            for part in parts.split(',') {
                let (name, weight) = part.split_once(':').unwrap();
                assert!(named(name).is_some(), "{mix}: {name}");
                assert!(weight.parse::<u32>().is_ok());
            }
        }
    }

    #[test]
    fn the_default_tests_end_with_mset() {
        assert_eq!(WORKLOADS[DEFAULT_TESTS - 1].name, "mset");
    }

    #[test]
    fn a_load_fills_the_key_its_workloads_use() {
        for workload in WORKLOADS {
            if let Some(key) = loaded_key(workload.load) {
                assert!(workload.line.contains(key), "{}", workload.name);
                assert!(filling(workload.load).is_some_and(|(line, _)| line.contains(key)));
            }
        }
    }
}
