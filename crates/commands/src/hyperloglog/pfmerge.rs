//! `PFMERGE destkey [sourcekey ...]`

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Parse, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::{Keep, NewValue};
use spinel_structs::hyperloglog::{Encoding, Registers, encoding, forget_cached, new, raise, to_dense};

use super::{REGISTERS_COST, check, corrupt, write};

const KEYS: &[KeySpec] = &[
    KeySpec {
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::INSERT),
        begin: Begin::Index(1),
        find: Find::Range { last: 0, step: 1, limit: 0 },
        notes: "",
    },
    KeySpec {
        flags: KeyFlags::RO.with(KeyFlags::ACCESS),
        begin: Begin::Index(2),
        find: Find::Range { last: -1, step: 1, limit: 0 },
        notes: "",
    },
];
const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("destkey", "") },
    ArgSpec { key_spec: Some(1), ..Shape::word(ArgKind::Key).repeated().arg("sourcekey", "") },
];

/// Adds what other HyperLogLogs have counted to one.
#[derive(Command)]
#[command(group = Hyperloglog, since = "2.8.9", flags(denyoom), complexity = "O(N) for N keys")]
#[command(manual, arity = -2, keys = KEYS, args = ARGS)]
pub(super) struct Pfmerge<'a> {
    /// The destination, then the sources.
    keys: Words<'a>,
}

impl<'a> Parse<'a> for Pfmerge<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { keys: words.rest() })
    }
}

impl Update for Pfmerge<'_> {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        self.keys.len() * REGISTERS_COST
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let max_sparse = cx.settings().hll_sparse_max_bytes;
        let mut registers = Registers::default();
        let mut is_dense = false;
        let mut keys = self.keys;
        let destkey = { keys }.key()?;
        while let Ok(key) = keys.key() {
            let Some(text) = cx.as_query().text(key)? else { continue };
            let bytes = check(text)?;
            is_dense |= encoding(bytes) == Some(Encoding::Dense);
            registers.merge(bytes).map_err(corrupt)?;
        }
        if write(cx, destkey)?.is_none() {
            cx.put(destkey, NewValue::Raw(new()), Keep::Replace(None));
        }
        cx.again(|cx| {
            let bytes = write(cx, destkey)?.expect("it was there, or is now");
            if is_dense {
                to_dense(bytes).map_err(corrupt)?;
            }
            for (index, count) in registers.values().iter().enumerate().filter(|(_, count)| **count > 0) {
                raise(bytes, index, *count, max_sparse).map_err(corrupt)?;
            }
            forget_cached(bytes);
            Ok::<_, CommandError>(())
        })?;
        cx.changed(destkey, EventClass::String, "pfadd");
        out.ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_merged_has_counted_what_each_has() {
        let mut server = Server::new();
        server.run("PFADD a 1 2 3");
        server.run("PFADD b 3 4");
        assert_eq!(server.run("PFMERGE c a b nothing"), "+OK\r\n");
        assert_eq!(server.event_names(), ["keymiss", "keymiss", "new", "pfadd"]);
        assert_eq!(server.run("PFCOUNT c"), ":4\r\n");
        assert_eq!(server.run("PFDEBUG ENCODING c"), "+sparse\r\n");
        assert_eq!(server.run("PFDEBUG TODENSE b"), ":1\r\n");
        assert_eq!(server.run("PFMERGE a b"), "+OK\r\n");
        assert_eq!(server.run("PFDEBUG ENCODING a"), "+dense\r\n");
        assert_eq!(server.run("PFCOUNT a"), ":4\r\n");
        assert_eq!(server.run("PFMERGE new"), "+OK\r\n");
        assert_eq!(server.run("PFCOUNT new"), ":0\r\n");
    }
}
