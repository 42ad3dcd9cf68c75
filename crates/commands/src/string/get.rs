//! `GET key`

use spinel_family::{Command, CommandError, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::Text;

/// Returns the string stored at a key.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Get<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

/// Replies with the string of a key, or null; true if there is one.
pub(super) fn reply_text(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    out: &mut Encoder,
) -> Result<bool, CommandError> {
    let text = cx.text(key)?;
    match text {
        Some(text) => text.with_bytes(|bytes| out.bulk(bytes)),
        None => out.null(),
    }
    Ok(text.is_some())
}

impl Query for Get<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.text(self.key)? {
            Some(text) => {
                if let Text::Bytes(bytes) = text {
                    cx.check_bytes(bytes.len())?;
                }
                text.with_bytes(|bytes| out.bulk(bytes));
            }
            None => out.null(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn get_answers_null_for_a_missing_key() {
        let mut server = Server::new();
        assert_eq!(server.run("GET a"), "$-1\r\n");
        server.run("SET a hello");
        assert_eq!(server.run("GET a"), "$5\r\nhello\r\n");
    }
}
