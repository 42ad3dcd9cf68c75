//! `MSET key value [key value ...]`

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
#[command(group = String, since = "1.0.1", complexity = "O(N)", flags(denyoom))]
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
        for pair in self.pairs.iter() {
            let KeyValue { key, value } = pair?;
            cx.put(key, NewValue::Text(value), Keep::Replace(None));
            cx.changed(key, EventClass::String, "set");
        }
        out.ok();
        Ok(())
    }
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
}
