//! The reply of a command, as a value of a script.
//!
//! The replies are our own server's; still nothing here trusts them: what is no reply becomes nil.

use memchr::memchr;

use super::errors::{mark_counted, push_error_table};
use crate::vm::Stack;

/// An aggregate under way: its table is at `table`.
struct Frame {
    table: i32,
    shape: Shape,
    left: usize,
    next: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    /// A key comes next.
    MapKey,
    /// A value comes next, and its key is on the stack.
    MapValue,
    Set,
    /// What is said about a reply, which scripts do not get to see.
    Attribute,
}

/// Pushes the value of a reply.
pub(super) fn push_reply(stack: &mut Stack<'_>, reply: &[u8]) {
    let mut reader = Reader { rest: reply, frames: Vec::new() };
    reader.push_value(stack);
    while let Some(frame) = reader.frames.pop() {
        reader.step(stack, frame);
    }
}

struct Reader<'r> {
    rest: &'r [u8],
    frames: Vec<Frame>,
}

impl<'r> Reader<'r> {
    fn line(&mut self) -> &'r [u8] {
        let end = memchr(b'\r', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        line
    }

    /// The bytes that follow a header which says how many.
    fn counted(&mut self, header: &[u8]) -> Option<&'r [u8]> {
        let len = usize::try_from(integer(header)?).ok()?;
        let bytes = self.rest.get(..len)?;
        self.rest = self.rest.get(len + 2..).unwrap_or_default();
        Some(bytes)
    }

    /// Takes what was pushed into its aggregate and goes on with the next element.
    fn step(&mut self, stack: &mut Stack<'_>, mut frame: Frame) {
        if stack.top() > frame.table {
            self.take_in(stack, &mut frame);
        }
        if frame.left == 0 {
            return self.close(stack, &frame);
        }
        if frame.shape != Shape::MapKey {
            frame.left -= 1;
        }
        self.frames.push(frame);
        self.push_value(stack);
    }

    /// What to do with the element on top.
    fn take_in(&mut self, stack: &mut Stack<'_>, frame: &mut Frame) {
        match frame.shape {
            Shape::Array => {
                frame.next += 1;
                stack.set_element(frame.table, frame.next);
            }
            Shape::MapKey => frame.shape = Shape::MapValue,
            Shape::MapValue => {
                stack.set_pair(frame.table);
                frame.shape = Shape::MapKey;
            }
            Shape::Set => {
                stack.push_boolean(true);
                stack.set_pair(frame.table);
            }
            Shape::Attribute => stack.pop(),
        }
    }

    fn close(&mut self, stack: &mut Stack<'_>, frame: &Frame) {
        match frame.shape {
            Shape::Array => {}
            Shape::MapKey | Shape::MapValue => stack.set_field(frame.table - 1, c"map"),
            Shape::Set => stack.set_field(frame.table - 1, c"set"),
            Shape::Attribute => {
                // The reply itself follows, in its place.
                stack.truncate(frame.table - 1);
                self.push_value(stack);
            }
        }
    }

    /// Pushes a value; of an aggregate the empty table, whose elements [`Reader::step`] puts in.
    fn push_value(&mut self, stack: &mut Stack<'_>) {
        let Some((&sigil, rest)) = self.rest.split_first() else { return stack.push_nil() };
        self.rest = rest;
        let line = self.line();
        match sigil {
            b':' => stack.push_number(integer(line).unwrap_or_default() as f64),
            b'$' if line.starts_with(b"-") => stack.push_boolean(false),
            b'$' => {
                let bytes = self.counted(line).unwrap_or_default();
                stack.push_bytes(bytes);
            }
            b'+' => push_single(stack, c"ok", |stack| stack.push_bytes(line)),
            b'-' => push_error(stack, line),
            b'*' if line.starts_with(b"-") => stack.push_boolean(false),
            b'*' | b'>' => self.open(stack, Shape::Array, line),
            b'%' => self.open(stack, Shape::MapKey, line),
            b'~' => self.open(stack, Shape::Set, line),
            b'|' => self.open(stack, Shape::Attribute, line),
            b'#' => stack.push_boolean(line == b"t"),
            b',' => push_single(stack, c"double", |stack| stack.push_number(double(line))),
            b'(' => push_single(stack, c"big_number", |stack| stack.push_bytes(line)),
            b'=' => {
                let text = self.counted(line).unwrap_or_default();
                push_single(stack, c"verbatim_string", |stack| push_verbatim(stack, text));
            }
            _ => stack.push_nil(),
        }
    }

    fn open(&mut self, stack: &mut Stack<'_>, shape: Shape, header: &[u8]) {
        let len = integer(header).and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
        // Every element takes bytes.
        let len = len.min(self.rest.len());
        let (elements, fields) = if shape == Shape::Array { (len, 0) } else { (0, len) };
        if matches!(shape, Shape::MapKey | Shape::Set) {
            stack.push_table(0, 1);
        }
        stack.push_table(elements, fields);
        let left = if shape == Shape::Attribute { 2 * len } else { len };
        self.frames.push(Frame { table: stack.top(), shape, left, next: 0 });
    }
}

/// Pushes a table with one field.
fn push_single(stack: &mut Stack<'_>, name: &std::ffi::CStr, push: impl FnOnce(&mut Stack<'_>)) {
    stack.push_table(0, 1);
    let table = stack.top();
    push(stack);
    stack.set_field(table, name);
}

fn push_error(stack: &mut Stack<'_>, line: &[u8]) {
    push_error_table(stack, &[b"-", line].concat());
    mark_counted(stack);
}

fn push_verbatim(stack: &mut Stack<'_>, text: &[u8]) {
    let (format, text) = text.split_at(3.min(text.len()));
    stack.push_table(0, 2);
    let table = stack.top();
    stack.push_bytes(text.strip_prefix(b":").unwrap_or(text));
    stack.set_field(table, c"string");
    stack.push_bytes(format);
    stack.set_field(table, c"format");
}

fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn double(text: &[u8]) -> f64 {
    // `inf`, `-inf` and `nan` among them.
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}
