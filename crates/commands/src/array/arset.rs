//! `ARSET key index value [value ...]`, `ARMSET key index value [index value ...]`

use spinel_family::{
    Block, Command, CommandError, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::value::Array;
use spinel_structs::array::INDEX_MAX;

use super::index::Index;

/// Sets the values of an array from an index on; answers at how many places there was none.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N values", flags(denyoom, fast))]
pub(super) struct Arset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    index: Index,
    #[arg(name = "value")]
    values: Many<'a, &'a [u8]>,
}

impl Update for Arset<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.values.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if INDEX_MAX - self.index.0 < self.values.len() as u64 - 1 {
            return Err(CommandError::text("ERR array index overflow"));
        }
        let array = cx.write_or_create::<Array>(self.key)?;
        let mut created = 0;
        for (index, value) in (self.index.0..=INDEX_MAX).zip(self.values.items()) {
            created += i64::from(array.set(index, value));
        }
        cx.changed(self.key, EventClass::Array, "arset");
        cx.add_dirty(self.values.len() - 1);
        out.integer(created);
        Ok(())
    }
}

/// An index and its value.
#[derive(Block)]
pub(super) struct IndexValue<'a> {
    index: Index,
    value: &'a [u8],
}

/// Sets values of an array at any indexes; answers at how many places there was none.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N values", flags(denyoom, fast))]
pub(super) struct Armset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(name = "data")]
    pairs: Many<'a, IndexValue<'a>>,
}

impl Update for Armset<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.pairs.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.pairs.is_whole() {
            return Err(CommandError::Arity);
        }
        self.pairs.iter().try_for_each(|pair| pair.map(drop))?;
        let array = cx.write_or_create::<Array>(self.key)?;
        let mut created = 0;
        for IndexValue { index, value } in self.pairs.iter().flatten() {
            created += i64::from(array.set(index.0, value));
        }
        cx.changed(self.key, EventClass::Array, "armset");
        cx.add_dirty(self.pairs.len() - 1);
        out.integer(created);
        Ok(())
    }
}
