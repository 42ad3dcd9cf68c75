//! `APPEND key value`, `STRLEN key`

use spinel_family::{
    Command, CommandError, CommandSettings, Encoder, EventClass, Key, Query, QueryContext, Reply, Update,
    UpdateContext,
};
use spinel_store::{Keep, NewValue};

/// Up to this length a growing string doubles its room; beyond, it takes an eighth more than it needs.
const DOUBLING_LIMIT: usize = 1 << 20;

/// Refuses a string that would be longer than the settings allow.
pub(super) fn check_length(settings: &CommandSettings, at: usize, added: usize) -> Result<(), CommandError> {
    let fits = at.checked_add(added).is_some_and(|total| total as u64 <= settings.max_string_len);
    fits.then_some(()).ok_or(CommandError::StringTooLong)
}

/// Makes room for a string of `len` bytes, so that growing byte by byte takes constant time on average.
pub(crate) fn make_room(bytes: &mut Vec<u8>, len: usize) {
    if len > bytes.capacity() {
        let spare = if len < DOUBLING_LIMIT { len } else { len / 8 };
        bytes.reserve_exact(len + spare - bytes.len());
    }
}

/// Appends to a string; creates the key if it is missing.
#[derive(Command)]
#[command(group = String, since = "2.0.0", flags(denyoom, fast))]
#[command(complexity = "O(1) on average for short additions, since a string grows in doubling steps")]
pub(super) struct Append<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    value: &'a [u8],
}

impl Update for Append<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let settings = cx.settings();
        let len = match cx.find_mut(self.key) {
            Some(entry) => {
                let old = entry.text().ok_or(CommandError::WrongType)?.len();
                check_length(settings, old, self.value.len())?;
                let bytes = entry.make_raw();
                make_room(bytes, old + self.value.len());
                bytes.extend_from_slice(self.value);
                bytes.len()
            }
            None => {
                cx.put(self.key, NewValue::Text(self.value), Keep::Replace(None));
                self.value.len()
            }
        };
        cx.changed(self.key, EventClass::String, "append");
        out.integer(len as i64);
        Ok(())
    }
}

/// Returns the length of a string in bytes.
#[derive(Command)]
#[command(group = String, since = "2.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Strlen<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Strlen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.text(self.key)?.map_or(0, spinel_store::Text::len) as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_appended_string_is_raw_and_a_new_one_is_as_set_leaves_it() {
        let mut server = Server::new();
        assert_eq!(server.run("APPEND a 12"), ":2\r\n");
        assert_eq!(server.event_names(), ["new", "append"]);
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nint\r\n");
        assert_eq!(server.run("APPEND a 34"), ":4\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nraw\r\n");
        assert_eq!(server.run("STRLEN a"), ":4\r\n");
        assert_eq!(server.run("INCR a"), ":1235\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nint\r\n");
    }

    #[test]
    fn the_longest_string_is_the_settings_affair() {
        let mut server = Server::new();
        server.settings.max_string_len = 5;
        let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
        server.run("SET a 123");
        assert_eq!(server.run("APPEND a 456"), too_long);
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nint\r\n");
        assert_eq!(server.run("APPEND a 45"), ":5\r\n");
        assert_eq!(server.run("SETRANGE a 3 xyz"), too_long);
        assert_eq!(server.run("SETRANGE b 5 x"), too_long);
        assert_eq!(server.run("SETRANGE b 9223372036854775807 x"), too_long);
    }

    #[test]
    fn growing_byte_by_byte_reallocates_seldom() {
        let mut bytes = Vec::new();
        let mut reallocations = 0;
        for len in 1..=4 << 20 {
            let before = bytes.capacity();
            super::make_room(&mut bytes, len);
            bytes.push(b'x');
            reallocations += usize::from(bytes.capacity() != before);
        }
        assert!(reallocations < 40, "{reallocations}");
    }
}
