//! `BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]`

use spinel_family::{
    Attempt, Blocking, Command, CommandError, Counted, Encoder, Key, Lazy, Timeout, UpdateContext, WaitFor,
    WaitKeys,
};

use super::blpop::serve_first;
use super::lmpop::{PopCount, pop_as_pair};
use super::side::Side;

/// Removes and returns elements of the first list that exists among several, or waits for one.
#[derive(Command)]
#[command(group = List, since = "7.0.0", complexity = "O(N+M) for N keys and M elements returned")]
#[command(flags(movablekeys))]
pub(super) struct Blmpop<'a> {
    timeout: Lazy<'a, Timeout>,
    #[key(rw, access, delete)]
    keys: Counted<'a, Key<'a>>,
    r#where: Side,
    #[arg(trailing, token = "COUNT")]
    count: Option<PopCount>,
}

impl Blocking for Blmpop<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        self.timeout.get()?;
        serve_first(cx, self.keys.items, |cx, key| pop_as_pair(cx, key, self.r#where, self.count, out))
    }

    fn wait_for(&self) -> WaitFor<'_> {
        let timeout = self.timeout.get().expect("the attempt, which comes first, has read it");
        WaitFor::any_of(WaitKeys::Many(self.keys.items), timeout)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn what_is_there_is_given_at_once() {
        let mut server = Server::new();
        server.run("RPUSH l a b c");
        assert_eq!(server.run("BLMPOP 0 2 x l LEFT"), "*2\r\n$1\r\nl\r\n*1\r\n$1\r\na\r\n");
        assert_eq!(server.propagated(), ["LPOP l 1"]);
        assert_eq!(server.run("BLMPOP 0 1 l RIGHT COUNT 9"), "*2\r\n$1\r\nl\r\n*2\r\n$1\r\nc\r\n$1\r\nb\r\n");
        assert_eq!(server.propagated(), ["RPOP l 2"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpop", "del"], 2));
        assert_eq!(server.run("BLMPOP 0 1 l RIGHT"), "+BLOCKED\r\n");
    }

    #[test]
    fn the_timeout_is_read_after_all_other_words() {
        let mut server = Server::new();
        server.run("SET s x");
        for (words, error) in [
            ("x x s LEFT", "-ERR numkeys should be greater than 0\r\n"),
            ("x 1 s beside", "-ERR syntax error\r\n"),
            ("x 1 s LEFT COUNT 0", "-ERR count should be greater than 0\r\n"),
            ("x 1 s LEFT COUNT 1", "-ERR timeout is not a float or out of range\r\n"),
            ("-1 1 s LEFT", "-ERR timeout is negative\r\n"),
            ("1 1 s LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ] {
            assert_eq!(server.run(&format!("BLMPOP {words}")), error, "{words}");
        }
        server.retried = true;
        server.run("RPUSH l a");
        assert_eq!(server.run("BLMPOP 1 2 s l LEFT"), "*2\r\n$1\r\nl\r\n*1\r\n$1\r\na\r\n");
    }
}
