//! A key as the commands that make it, in the protocol: at most 64 elements by each, as Redis writes them.

mod stream;

use spinel_aof::{encode_command, encode_note, encode_record};
use spinel_family::DbIndex;
use spinel_store::value::{Array, ArrayRange, ExpiringElements, HashField, HashIter, Members, SetIter};
use spinel_store::{Entry, List, Text, UnixMillis, ValueRef};
use spinel_structs::number::format_double;
use spinel_structs::sorted_set::Order;

use stream::StreamCommands;

/// Elements made by one command.
const ELEMENTS: usize = 64;

/// The command behind the last of an array's values.
const CURSOR: &[u8] = b"ARSEEK";

/// Appends the command that selects a database.
pub(crate) fn put_select(out: &mut Vec<u8>, db: DbIndex) {
    encode_command(out, [b"SELECT".as_slice(), db.0.to_string().as_bytes()]);
}

/// Appends the command that loads a library of functions.
pub(crate) fn put_function(out: &mut Vec<u8>, code: &[u8]) {
    encode_command(out, [b"FUNCTION".as_slice(), b"LOAD", code]);
}

/// Appends the note that registers a script.
pub(crate) fn put_script(out: &mut Vec<u8>, payload: &[u8]) {
    encode_note(out, registration(payload));
}

/// The words by which the log registers a script.
pub(crate) fn registration(payload: &[u8]) -> [&[u8]; 3] {
    [b"SCRIPT", b"REGISTER", payload]
}

/// Appends the commands that make a key, bit by bit.
pub(crate) struct CommandEncoder<'e> {
    key: &'e [u8],
    rest: Rest<'e>,
    /// Fields that were written, whose expiries were not.
    expiring: Vec<(UnixMillis, Vec<u8>)>,
    /// Members of a set or sorted set, or elements of a list, whose expiries were not written.
    members: Option<ExpiringElements<'e>>,
    expiry: Option<UnixMillis>,
}

enum Rest<'e> {
    Text(Text<'e>),
    /// The elements from this one on.
    List(&'e List, usize),
    Set(SetIter<'e>),
    Hash(HashIter<'e>),
    SortedSet(Members<'e>),
    Stream(Box<StreamCommands<'e>>),
    /// The values left, and the array for its cursor.
    Array(ArrayRange<'e>, &'e Array),
    Nothing,
}

impl<'e> CommandEncoder<'e> {
    /// Servers before Redis 7.0 know no comments, as which the expiries of elements are written: such files have none.
    pub(crate) fn new(entry: &'e Entry, has_comments: bool) -> Self {
        let rest = match entry.value() {
            ValueRef::String(text) => Rest::Text(text),
            ValueRef::List(list) => Rest::List(list, 0),
            ValueRef::Set(set) => Rest::Set(set.iter()),
            ValueRef::Hash(hash) => Rest::Hash(hash.iter()),
            ValueRef::SortedSet(zset) => Rest::SortedSet(zset.members(0..zset.len(), Order::Ascending)),
            ValueRef::Stream(stream) => Rest::Stream(StreamCommands::new(stream)),
            ValueRef::Array(array) => Rest::Array(array.iter(), array),
        };
        let members = entry.value().expiring_elements().filter(|_| has_comments);
        Self { key: entry.key(), rest, expiring: Vec::new(), members, expiry: entry.expiry() }
    }

    /// Appends about so many bytes; false if that was all.
    pub(crate) fn put_some(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        let enough = out.len().saturating_add(bytes);
        while out.len() < enough {
            if !self.put_command(out) {
                return false;
            }
        }
        true
    }

    /// Appends one command; false if there is none left.
    fn put_command(&mut self, out: &mut Vec<u8>) -> bool {
        if self.put_field_expiries(out) {
            return true;
        }
        let mut words: Vec<Vec<u8>> = Vec::with_capacity(2 + 2 * ELEMENTS);
        words.extend([Vec::new(), self.key.to_vec()]);
        let name: &[u8] = match &mut self.rest {
            Rest::Text(text) => {
                words.push(text.to_vec());
                self.rest = Rest::Nothing;
                b"SET"
            }
            Rest::List(list, from) => {
                let end = list.len().min(*from + ELEMENTS);
                words.extend(list.range(*from..end).map(|element| element.to_vec()));
                *from = end;
                b"RPUSH"
            }
            Rest::Set(members) => {
                words.extend(members.take(ELEMENTS).map(Text::to_vec));
                b"SADD"
            }
            Rest::Hash(fields) => {
                for HashField { name, value, expiry } in fields.take(ELEMENTS) {
                    self.expiring.extend(expiry.map(|at| (at, name.to_vec())));
                    words.extend([name.to_vec(), value.to_vec()]);
                }
                self.expiring.sort_unstable();
                b"HMSET"
            }
            Rest::SortedSet(members) => {
                words.extend(members.take(ELEMENTS).flat_map(|(member, score)| {
                    let mut text = Vec::new();
                    format_double(score, &mut text);
                    [text, member.to_vec()]
                }));
                b"ZADD"
            }
            Rest::Array(values, array) => {
                let name = put_array_words(&mut words, values, array);
                if name == CURSOR {
                    self.rest = Rest::Nothing;
                }
                name
            }
            Rest::Stream(stream) => match stream.next(self.key) {
                Some(all) => {
                    encode_command(out, all.iter().map(Vec::as_slice));
                    return true;
                }
                None => b"",
            },
            Rest::Nothing => b"",
        };
        if words.len() > 2 {
            words[0] = name.to_vec();
            encode_command(out, words.iter().map(Vec::as_slice));
            return true;
        }
        if self.put_member_expiry(out) {
            return true;
        }
        let Some(UnixMillis(at)) = self.expiry.take() else { return false };
        encode_command(out, [b"PEXPIREAT".as_slice(), self.key, at.to_string().as_bytes()]);
        true
    }

    /// Appends the command that sets the expiry of the next member or element, when all are there; false if there is none left.
    fn put_member_expiry(&mut self, out: &mut Vec<u8>) -> bool {
        let Some((member, at)) = self.members.as_mut().and_then(Iterator::next) else { return false };
        let (name, named): (&[u8], &[u8]) = if matches!(self.rest, Rest::List(..)) {
            (b"LPEXPIREAT", b"INDEXES")
        } else if matches!(self.rest, Rest::Set(_)) {
            (b"SPEXPIREAT", b"MEMBERS")
        } else {
            (b"ZPEXPIREAT", b"MEMBERS")
        };
        let at = at.0.to_string();
        member.with_bytes(|member| encode_record(out, [name, self.key, at.as_bytes(), named, b"1", member]));
        true
    }

    /// Appends the command that sets the expiry of fields written before, those with the same time; false if there is none
    /// left.
    fn put_field_expiries(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(&(at, _)) = self.expiring.last() else { return false };
        let from = self.expiring.partition_point(|&(time, _)| time < at);
        let (time, count) = (at.0.to_string(), (self.expiring.len() - from).to_string());
        let head = [b"HPEXPIREAT".as_slice(), self.key, time.as_bytes(), b"FIELDS", count.as_bytes()];
        let names = self.expiring[from..].iter().map(|(_, name)| name.as_slice());
        let words: Vec<&[u8]> = head.into_iter().chain(names).collect();
        encode_command(out, words);
        self.expiring.truncate(from);
        true
    }
}

/// Appends the words of the next command that makes an array, and gives its name: values, or behind the last of them the cursor,
/// which at zero stands by itself.
fn put_array_words(words: &mut Vec<Vec<u8>>, values: &mut ArrayRange<'_>, array: &Array) -> &'static [u8] {
    let before = words.len();
    words.extend(
        values
            .take(ELEMENTS)
            .flat_map(|(index, value)| [index.to_string().into_bytes(), value.with_bytes(<[u8]>::to_vec)]),
    );
    if words.len() > before {
        return b"ARMSET";
    }
    words.extend((array.cursor() > 0).then(|| array.cursor().to_string().into_bytes()));
    CURSOR
}
