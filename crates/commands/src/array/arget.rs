//! `ARGET key index`, `ARMGET key index [index ...]`, `ARGETRANGE key start end`

use spinel_family::{Command, CommandError, Encoder, Key, Many, Query, QueryContext, Reply};
use spinel_store::value::Array;

use super::index::{Index, reply_value, span};

/// Places that `ARGETRANGE` returns at most.
const RANGE_MAX: usize = 1_000_000;

/// Returns the value of an array at an index.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1)", flags(fast))]
pub(super) struct Arget<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    index: Index,
}

impl Query for Arget<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_value(out, cx.read::<Array>(self.key)?.and_then(|array| array.get(self.index.0)));
        Ok(())
    }
}

/// Returns the values of an array at some indexes.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N indexes", flags(fast))]
pub(super) struct Armget<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(name = "index")]
    indexes: Many<'a, Index>,
}

impl Query for Armget<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.indexes.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        self.indexes.iter().try_for_each(|index| index.map(drop))?;
        let array = cx.read::<Array>(self.key)?;
        out.array(self.indexes.len());
        for Index(index) in self.indexes.iter().flatten() {
            reply_value(out, array.and_then(|array| array.get(index)));
        }
        Ok(())
    }
}

/// Returns what an array has at each index from one to another, both included; downwards if the first is the greater one.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N indexes")]
pub(super) struct Argetrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: Index,
    end: Index,
}

impl Query for Argetrange<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        span(self.start.0, self.end.0).min(RANGE_MAX)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let (Index(start), Index(end)) = (self.start, self.end);
        let places = span(start, end);
        if places > RANGE_MAX {
            return Err(CommandError::text("ERR range exceeds maximum of 1000000 items"));
        }
        let array = cx.read::<Array>(self.key)?;
        let mut values = array.map(|array| array.range(start, end)).into_iter().flatten().peekable();
        out.array(places);
        for step in 0..places as u64 {
            let index = if start <= end { start + step } else { start - step };
            reply_value(out, values.next_if(|(at, _)| *at == index).map(|(_, value)| value));
        }
        Ok(())
    }
}
