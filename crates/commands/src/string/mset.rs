//! `MSET key value [key value ...]`, `MSETNX key value [key value ...]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Block, Command, CommandError, Encoder, EventClass, Key, Many, Reply, Update, UpdateContext,
};
use spinel_store::{Keep, NewValue};

/// A key and the value to store under it.
#[derive(Block)]
pub(super) struct KeyValue<'a> {
    pub(super) key: Key<'a>,
    pub(super) value: &'a [u8],
}

/// Stores several strings at once; all of them or none.
#[derive(Command)]
#[command(group = String, since = "1.0.1", complexity = "O(N) for N keys", flags(denyoom))]
#[command(tips("request_policy:multi_shard", "response_policy:all_succeeded"))]
pub(super) struct Mset<'a> {
    #[arg(name = "key_value")]
    #[key(ow, update)]
    pairs: Many<'a, KeyValue<'a>>,
}

impl Update for Mset<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.pairs.is_whole() {
            return Err(CommandError::Arity);
        }
        store_all(cx, &self.pairs)?;
        out.ok();
        Ok(())
    }
}

/// Stores several strings at once if none of the keys exists.
#[derive(Command)]
#[command(group = String, since = "1.0.1", complexity = "O(N) for N keys", flags(denyoom))]
#[command(tips("request_policy:multi_shard", "response_policy:agg_min"))]
pub(super) struct Msetnx<'a> {
    #[arg(name = "key_value")]
    #[key(ow, insert)]
    pairs: Many<'a, KeyValue<'a>>,
}

impl Update for Msetnx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.pairs.is_whole() {
            return Err(CommandError::Arity);
        }
        for pair in self.pairs.iter() {
            if cx.find_mut(pair?.key).is_some() {
                out.integer(0);
                return Ok(());
            }
        }
        store_all(cx, &self.pairs)?;
        out.integer(1);
        Ok(())
    }
}

fn store_all(cx: &mut UpdateContext<'_>, pairs: &Many<'_, KeyValue<'_>>) -> Reply {
    for pair in pairs.iter() {
        let KeyValue { key, value } = pair?;
        cx.put(key, NewValue::Text(value), Keep::Replace(None));
        cx.changed(key, EventClass::String, "set");
    }
    Ok(())
}

const _: () = assert!(matches!(
    <KeyValue<'static> as spinel_family::Field<'static>>::SHAPE,
    Shape { children: [ArgSpec { kind: ArgKind::Key, .. }, _], min_words: 2, .. }
));

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn mset_with_a_key_without_value_changes_nothing() {
        let mut server = Server::new();
        assert_eq!(server.run("MSET a 1 b"), "-ERR wrong number of arguments for 'mset' command\r\n");
        assert_eq!(server.run("GET a"), "$-1\r\n");
        assert_eq!(server.run("MSET a 1 b 2"), "+OK\r\n");
        assert_eq!(server.run("GET b"), "$1\r\n2\r\n");
    }

    #[test]
    fn msetnx_stores_all_or_nothing() {
        let mut server = Server::new();
        assert_eq!(server.run("MSETNX a 1 a 2"), ":1\r\n");
        assert_eq!(server.event_names(), ["new", "set", "set"]);
        assert_eq!(server.run("MSETNX b 1 a 3"), ":0\r\n");
        assert_eq!(server.run("MGET a b"), "*2\r\n$1\r\n2\r\n$-1\r\n");
    }
}
