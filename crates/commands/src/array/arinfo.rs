//! `ARINFO key [FULL]`

use spinel_family::{Command, CommandError, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::Typed;
use spinel_store::value::Array;
use spinel_structs::array::{CURSOR_EXHAUSTED, PAGE_PLACES};

use super::index::reply_number;

/// Returns what there is to know about an array, and with `FULL` about its pages, which Redis calls slices.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1), or O(N) with `FULL` for N pages")]
pub(super) struct Arinfo<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(token = "FULL")]
    full: bool,
}

impl Query for Arinfo<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let array = cx.peek(self.key).and_then(|entry| Array::of(entry.value()));
        array.filter(|_| self.full).map_or(0, Array::page_count)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let array = cx.read::<Array>(self.key)?.ok_or(CommandError::NoSuchKey)?;
        let pages = array.page_count() as u64;
        let next = if array.cursor() == CURSOR_EXHAUSTED { 0 } else { array.cursor() };
        out.map(if self.full { 12 } else { 7 });
        for (name, number) in [
            ("count", array.count()),
            ("len", array.len()),
            ("next-insert-index", next),
            ("slices", pages),
            ("directory-size", pages),
            // The directory has one level.
            ("super-dir-entries", 0),
            ("slice-size", PAGE_PLACES),
        ] {
            out.bulk(name.as_bytes());
            reply_number(out, number);
        }
        if self.full {
            reply_figures(array, out);
        }
        Ok(())
    }
}

fn reply_figures(array: &Array, out: &mut Encoder) {
    let figures = array.page_figures();
    for (name, number) in [("dense-slices", figures.dense), ("sparse-slices", figures.sparse)] {
        out.bulk(name.as_bytes());
        out.integer(number as i64);
    }
    let ratio = |of: usize, to: usize| if to == 0 { 0.0 } else { of as f64 / to as f64 };
    for (name, number) in [
        ("avg-dense-size", ratio(figures.dense_places, figures.dense)),
        ("avg-dense-fill", ratio(figures.dense_values, figures.dense_places)),
        ("avg-sparse-size", ratio(figures.sparse_places, figures.sparse)),
    ] {
        out.bulk(name.as_bytes());
        out.double(number);
    }
}
