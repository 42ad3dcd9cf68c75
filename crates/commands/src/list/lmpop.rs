//! `LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Counted, Encoder, Field, Key, QueryContext, Reply, Update, UpdateContext, Words,
    is_token,
};
use spinel_structs::number;

use super::pop::{at_most_all, pop_some};
use super::side::Side;

/// `COUNT count`, which may be given once; at least 1.
#[derive(Clone, Copy)]
pub(super) struct PopCount(pub(super) usize);

impl<'a> Field<'a> for PopCount {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        if !is_token(words.take()?, "COUNT") {
            return Err(CommandError::Syntax);
        }
        let count = number::parse_i64(words.take()?).and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|&count| count > 0);
        count.map(Self).ok_or(CommandError::text("ERR count should be greater than 0"))
    }
}

/// Removes and returns elements of the first list that exists among several.
#[derive(Command)]
#[command(group = List, since = "7.0.0", complexity = "O(N+M) for N keys and M elements returned")]
#[command(flags(movablekeys))]
pub(super) struct Lmpop<'a> {
    #[key(rw, access, delete)]
    keys: Counted<'a, Key<'a>>,
    r#where: Side,
    #[arg(trailing, token = "COUNT")]
    count: Option<PopCount>,
}

impl Update for Lmpop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let count = self.count.map_or(1, |count| count.0);
        self.keys.items.keys().map(|key| at_most_all(cx, key, count)).max().unwrap_or(0)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        for key in self.keys.items.keys() {
            if pop_as_pair(cx, key, self.r#where, self.count, out)? {
                return Ok(());
            }
        }
        out.null_array();
        Ok(())
    }
}

/// Takes elements off a list and replies with its key and an array of them; false if there is no list. The journal
/// records the simple command that does the same.
pub(super) fn pop_as_pair(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    side: Side,
    count: Option<PopCount>,
    out: &mut Encoder,
) -> Result<bool, CommandError> {
    let begin = out.len();
    out.array(2);
    out.bulk(key.bytes);
    let count = count.map_or(1, |count| count.0);
    let popped = pop_some(cx, key, side, count, out).inspect_err(|_| out.truncate(begin))?;
    let Some(popped) = popped else {
        out.truncate(begin);
        return Ok(false);
    };
    cx.propagate_as([side.pop_command().as_bytes(), key.bytes, popped.to_string().as_bytes()]);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_first_list_gives_the_elements() {
        let mut server = Server::new();
        server.run("RPUSH l a b c");
        assert_eq!(server.run("LMPOP 2 x l RIGHT COUNT 2"), "*2\r\n$1\r\nl\r\n*2\r\n$1\r\nc\r\n$1\r\nb\r\n");
        assert_eq!(server.propagated(), ["RPOP l 2"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpop"], 2));
        assert_eq!(server.run("LMPOP 1 l left COUNT 10"), "*2\r\n$1\r\nl\r\n*1\r\n$1\r\na\r\n");
        assert_eq!(server.propagated(), ["LPOP l 1"]);
        assert_eq!(server.event_names(), ["lpop", "del"]);
        assert_eq!(server.run("LMPOP 2 x l LEFT"), "*-1\r\n");
        assert_eq!((server.propagated().len(), server.effects.dirty), (0, 0));
    }

    #[test]
    fn bad_words_are_found_in_order_and_before_the_keys_are_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for (words, error) in [
            ("x s LEFT", "-ERR numkeys should be greater than 0\r\n"),
            ("0 s LEFT", "-ERR numkeys should be greater than 0\r\n"),
            ("2 s LEFT", "-ERR syntax error\r\n"),
            ("9223372036854775807 s LEFT", "-ERR syntax error\r\n"),
            ("1 s beside", "-ERR syntax error\r\n"),
            ("1 s LEFT COUNT", "-ERR syntax error\r\n"),
            ("1 s LEFT COUNT x", "-ERR count should be greater than 0\r\n"),
            ("1 s LEFT COUNT 0", "-ERR count should be greater than 0\r\n"),
            ("1 s LEFT COUNT 1 COUNT 2", "-ERR syntax error\r\n"),
            ("2 none s LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ] {
            assert_eq!(server.run(&format!("LMPOP {words}")), error, "{words}");
        }
    }
}
