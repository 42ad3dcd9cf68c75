//! `LPERSIST key INDEXES numindexes index [index ...]`

use smallvec::SmallVec;
use spinel_family::{Command, Encoder, EventClass, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::List;

use super::super::index::position;
use super::words::{INDEXES_ARG, named_indexes, propagate_persistence};
use crate::element_words::{KEY_ARG, NO_ELEMENT, NO_EXPIRY, PERSISTED, Rest, cost, reply_same};

/// Ends the expiry of elements of a list.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, INDEXES_ARG])]
pub(in crate::list) struct Lpersist<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lpersist<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (key, Rest(mut words)) = (self.key, self.words);
        let exists = cx.write::<List>(key)?.is_some();
        let indexes = named_indexes(&mut words)?;
        if !exists {
            reply_same(out, indexes.len(), NO_ELEMENT);
            return Ok(());
        }
        let mut changed: SmallVec<[usize; 8]> = SmallVec::new();
        cx.change_typed(key, |list: &mut List| {
            out.array(indexes.len());
            for index in indexes {
                let index = position(index, list.len());
                out.integer(match index.and_then(|index| Some((index, list.expiry(index)?))) {
                    None => NO_ELEMENT,
                    Some((_, None)) => NO_EXPIRY,
                    Some((index, Some(_))) => {
                        list.set_expiry(index, None);
                        changed.push(index);
                        PERSISTED
                    }
                });
            }
        });
        if !changed.is_empty() {
            cx.changed(key, EventClass::List, "lpersist");
            propagate_persistence(cx, key, &changed);
        }
        Ok(())
    }
}
