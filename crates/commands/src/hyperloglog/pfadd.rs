//! `PFADD key [element ...]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words,
};
use spinel_store::{Keep, NewValue};
use spinel_structs::hyperloglog::{add, new};

use super::{corrupt, write};

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    Shape::word(ArgKind::String).repeated().or_absent().arg("element", ""),
];

/// Counts elements in a HyperLogLog; answers whether its estimate may have changed.
#[derive(Command)]
#[command(group = Hyperloglog, since = "2.8.9", flags(denyoom, fast), complexity = "O(1) for each element")]
#[command(manual, arity = -2, args = ARGS)]
pub(super) struct Pfadd<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    elements: Words<'a>,
}

impl<'a> Parse<'a> for Pfadd<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, elements: words.rest() })
    }
}

impl Update for Pfadd<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let max_sparse = cx.settings().hll_sparse_max_bytes;
        let mut changes = 0;
        if write(cx, self.key)?.is_none() {
            cx.put(self.key, NewValue::Raw(new()), Keep::Replace(None));
            changes += 1;
        }
        let bytes = write(cx, self.key)?.expect("it was there, or is now");
        let mut outcome = Ok(());
        let mut elements = self.elements;
        while let Ok(element) = elements.take() {
            match add(bytes, element, max_sparse) {
                Ok(changed) => changes += usize::from(changed),
                Err(error) => {
                    outcome = Err(corrupt(error));
                    break;
                }
            }
        }
        // What was counted in front of an error is there.
        if changes > 0 {
            spinel_structs::hyperloglog::forget_cached(bytes);
            cx.changed(self.key, EventClass::String, "pfadd");
            cx.add_dirty(changes - 1);
        }
        outcome?;
        out.integer(i64::from(changes > 0));
        Ok(())
    }
}
