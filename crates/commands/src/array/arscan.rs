//! `ARSCAN key start end [LIMIT limit]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{Command, CommandError, Encoder, Field, Key, Query, QueryContext, Reply, Words};
use spinel_store::value::Array;

use super::index::{Index, cost_of_range, reply_number, reply_value};

/// How many values are wanted; at least one.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) usize);

impl<'a> Field<'a> for Limit {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let limit = usize::try_from(i64::parse(words)?).ok().filter(|&limit| limit > 0);
        limit.map(Self).ok_or(CommandError::text("ERR LIMIT must be positive"))
    }
}

/// Returns the values of an array in a range with their indexes, downwards if the first end is the greater one.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N values in the range")]
pub(super) struct Arscan<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: Index,
    end: Index,
    #[arg(token = "LIMIT")]
    limit: Option<Limit>,
}

impl Arscan<'_> {
    fn limit(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit.0)
    }
}

impl Query for Arscan<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cost_of_range(cx, self.key, self.start.0, self.end.0).min(self.limit())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let array = cx.read::<Array>(self.key)?;
        let values = array.map(|array| array.range(self.start.0, self.end.0)).into_iter().flatten();
        let all = out.deferred_array();
        let mut found = 0;
        for (index, value) in values.take(self.limit()) {
            out.array(2);
            reply_number(out, index);
            reply_value(out, Some(value));
            found += 1;
        }
        out.finish(all, found);
        Ok(())
    }
}
