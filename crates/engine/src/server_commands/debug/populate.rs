//! `DEBUG POPULATE count [prefix] [size]`

use spinel_family::{Command, CommandError, Encoder, Exclusive, ExclusiveContext, Opaque, Reply};
use spinel_store::{Keep, NewValue};
use spinel_structs::number::parse_i64;

/// Creates many strings; keys that exist stay as they are. The journal records nothing.
#[derive(Command)]
#[command(name = "debug|populate", group = Server, since = "1.0.0", complexity = "O(N) for N keys", arity = -3)]
pub(super) struct DebugPopulate<'a> {
    count: Opaque<'a>,
    #[arg(trailing)]
    prefix: Option<&'a [u8]>,
    #[arg(trailing)]
    size: Option<Opaque<'a>>,
}

impl Exclusive for DebugPopulate<'_> {
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply {
        let count = positive(self.count)?;
        let size = self.size.map(positive).transpose()?.filter(|&size| size > 0);
        let prefix = self.prefix.unwrap_or(b"key");
        let (db, hash_key) = (cx.db(), *cx.hash_key());
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for number in 0..count {
            write_numbered(prefix, number, &mut key);
            let key = spinel_family::Key::new(&key, &hash_key);
            if cx.exists_in(db, key) {
                continue;
            }
            write_numbered(b"value", number, &mut value);
            if let Some(size) = size {
                value.resize(size, 0);
            }
            cx.put(key, NewValue::Plain(&value), Keep::Replace(None));
            cx.touch_watchers(key);
        }
        cx.propagate_nothing();
        out.ok();
        Ok(())
    }
}

fn write_numbered(prefix: &[u8], number: usize, text: &mut Vec<u8>) {
    text.clear();
    text.extend_from_slice(prefix);
    text.push(b':');
    text.extend_from_slice(number.to_string().as_bytes());
}

fn positive(word: Opaque<'_>) -> Result<usize, CommandError> {
    parse_i64(word.0).and_then(|number| usize::try_from(number).ok()).ok_or(CommandError::NotPositive)
}
