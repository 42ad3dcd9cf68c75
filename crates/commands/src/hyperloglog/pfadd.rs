//! `PFADD key [element ...]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words,
};
use spinel_store::{Keep, NewValue};
use spinel_structs::hyperloglog::{add, forget_cached, new};

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
        let (changes, outcome) = if let Some(bytes) = write(cx, self.key)? {
            self.add_to(bytes, max_sparse)
        } else {
            let mut bytes = new();
            forget_cached(&mut bytes);
            let (changes, outcome) = self.add_to(&mut bytes, max_sparse);
            cx.put(self.key, NewValue::Raw(bytes), Keep::Replace(None));
            (changes + 1, outcome)
        };
        // What was counted in front of an error is there.
        if changes > 0 {
            cx.changed(self.key, EventClass::String, "pfadd");
            cx.add_dirty(changes - 1);
        }
        outcome?;
        out.integer(i64::from(changes > 0));
        Ok(())
    }
}

impl Pfadd<'_> {
    /// Adds the elements up to the first that cannot be added; how many changed a register, and whether all were added.
    fn add_to(&self, bytes: &mut Vec<u8>, max_sparse: usize) -> (usize, Result<(), CommandError>) {
        let mut changes = 0;
        let mut elements = self.elements;
        while let Ok(element) = elements.take() {
            match add(bytes, element, max_sparse) {
                Ok(changed) => changes += usize::from(changed),
                Err(error) => return (changes, Err(corrupt(error))),
            }
        }
        (changes, Ok(()))
    }
}
