//! `ARINSERT key value [value ...]`, `ARNEXT key`, `ARSEEK key index`

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Many, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::Typed;
use spinel_store::value::Array;
use spinel_structs::array::CURSOR_EXHAUSTED;

use super::index::{CursorIndex, reply_number};

/// Puts values into an array where its cursor stands, which moves on; answers the last one's index.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N values", flags(denyoom, fast))]
pub(super) struct Arinsert<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(name = "value")]
    values: Many<'a, &'a [u8]>,
}

impl Update for Arinsert<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.values.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let overflow = CommandError::text("ERR insert index overflow");
        let found = cx.as_query().peek(self.key).and_then(|entry| Array::of(entry.value()));
        if found.is_some_and(|array| !array.can_append(self.values.len() as u64)) {
            return Err(overflow);
        }
        let array = cx.write_or_create::<Array>(self.key)?;
        let mut last = 0;
        for value in self.values.items() {
            last = array.append(value).map_err(|_| overflow.clone())?;
        }
        cx.changed(self.key, EventClass::Array, "arinsert");
        cx.add_dirty(self.values.len() - 1);
        reply_number(out, last);
        Ok(())
    }
}

/// Returns where the cursor of an array stands; nothing if it is exhausted.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1)", flags(fast))]
pub(super) struct Arnext<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Arnext<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.read::<Array>(self.key)?.map_or(0, Array::cursor) {
            CURSOR_EXHAUSTED => out.null(),
            cursor => reply_number(out, cursor),
        }
        Ok(())
    }
}

/// Puts the cursor of an array somewhere else; answers whether there is an array.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1)", flags(fast))]
pub(super) struct Arseek<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    index: CursorIndex,
}

impl Update for Arseek<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Some(array) = cx.write::<Array>(self.key)? else {
            out.integer(0);
            return Ok(());
        };
        array.set_cursor(self.index.0);
        cx.changed(self.key, EventClass::Array, "arseek");
        out.integer(1);
        Ok(())
    }
}
