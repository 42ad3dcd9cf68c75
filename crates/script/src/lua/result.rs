//! The value that a script returns, as a reply.
//!
//! Tables nest as deeply as Lua 5.1 has room on its stack, so this walks with a stack of its own: what is under way in
//! [`Walk::frames`], the tables themselves on the machine's stack.

use spinel_resp::{DeferredLen, Encoder, Protocol};

use super::args::{cut, up_to_zero};
use super::errors::failure;
use crate::engine::{Failure, Outcome};
use crate::vm::{Kind, Stack};

/// Values that Redis wants room for before it looks at one.
const ROOM: i32 = 4;

/// A table whose elements are being written. The table is at `table`, the next element above it.
struct Frame {
    table: i32,
    shape: Shape,
    /// Where to go on.
    next: i32,
    written: usize,
    header: DeferredLen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    /// The key comes next, and its value after it.
    Map,
    /// The value of a key that was written.
    MapValue,
    Set,
}

/// Writes the value on top of the stack, which it takes. `protocol` is what the script talks, which decides of booleans.
pub(super) fn write_result(stack: &mut Stack<'_>, protocol: Protocol, out: &mut Encoder) -> Outcome {
    let top = stack.top();
    if let Some(text) = stack.bytes(top) {
        out.bulk(text);
        stack.pop();
        return Outcome::Done;
    }
    let mut walk = Walk { protocol, frames: Vec::new() };
    let outcome = walk.write_value(stack, out);
    while let Some(frame) = walk.frames.pop() {
        walk.step(stack, frame, out);
    }
    match outcome {
        Some(failure) => Outcome::Failed(failure),
        None => Outcome::Done,
    }
}

struct Walk {
    protocol: Protocol,
    frames: Vec<Frame>,
}

impl Walk {
    /// Goes on with a table: one element, or its end.
    fn step(&mut self, stack: &mut Stack<'_>, mut frame: Frame, out: &mut Encoder) {
        let table = frame.table;
        let has_more = match frame.shape {
            Shape::Array => {
                frame.next += 1;
                stack.push_element(table, frame.next) != Kind::Nil
            }
            Shape::MapValue => {
                frame.shape = Shape::Map;
                true
            }
            Shape::Map | Shape::Set => match stack.push_next(table, frame.next) {
                None => false,
                Some(next) => {
                    frame.next = next;
                    if frame.shape == Shape::Set {
                        stack.pop();
                    } else {
                        // The key on top, its value below.
                        stack.insert(stack.top() - 1);
                        frame.shape = Shape::MapValue;
                    }
                    true
                }
            },
        };
        if !has_more {
            stack.truncate(table - 1);
            out.finish(frame.header, frame.written);
            return;
        }
        if frame.shape != Shape::MapValue {
            frame.written += 1;
        }
        self.frames.push(frame);
        self.write_value(stack, out);
    }

    /// Writes the value on top and takes it; a table is begun and stays there. The error of an error table is told.
    fn write_value(&mut self, stack: &mut Stack<'_>, out: &mut Encoder) -> Option<Failure> {
        let top = stack.top();
        if !stack.has_room(ROOM) {
            out.error("ERR reached lua stack limit");
            stack.pop();
            return None;
        }
        match stack.kind(top) {
            Kind::String => out.bulk(stack.bytes(top).unwrap_or_default()),
            Kind::Boolean => self.write_boolean(stack.is_true(top), out),
            Kind::Number => out.integer(cut(stack.number(top).unwrap_or_default())),
            Kind::Table => return self.write_table(stack, top, out),
            _ => out.null(),
        }
        stack.pop();
        None
    }

    fn write_boolean(&self, value: bool, out: &mut Encoder) {
        match (self.protocol, value) {
            (Protocol::Resp3, _) => out.boolean(value),
            (Protocol::Resp2, true) => out.integer(1),
            (Protocol::Resp2, false) => out.null(),
        }
    }

    fn write_table(&mut self, stack: &mut Stack<'_>, table: i32, out: &mut Encoder) -> Option<Failure> {
        if stack.push_field(table, c"err") == Kind::String {
            let (failure, _) = failure(stack, table);
            out.error(&failure.text);
            stack.truncate(table - 1);
            return Some(failure);
        }
        stack.truncate(table);
        if write_scalar(stack, table, out) {
            stack.truncate(table - 1);
            return None;
        }
        stack.truncate(table);
        let (shape, header) = if stack.push_field(table, c"map") == Kind::Table {
            (Shape::Map, out.deferred_map())
        } else {
            stack.pop();
            if stack.push_field(table, c"set") == Kind::Table {
                (Shape::Set, out.deferred_set())
            } else {
                stack.pop();
                (Shape::Array, out.deferred_array())
            }
        };
        if shape != Shape::Array {
            // The inner table takes the place of the one around it.
            stack.remove(table);
        }
        self.frames.push(Frame { table, shape, next: 0, written: 0, header });
        None
    }
}

/// Writes a table that stands for one value: a status, a double, a big number or a verbatim string. Leaves things on the stack.
fn write_scalar(stack: &mut Stack<'_>, table: i32, out: &mut Encoder) -> bool {
    if stack.push_field(table, c"ok") == Kind::String {
        let text = stack.bytes(stack.top()).unwrap_or_default();
        write_line(b'+', up_to_zero(text), out);
        return true;
    }
    if stack.push_field(table, c"double") == Kind::Number {
        out.double(stack.number(stack.top()).unwrap_or_default());
        return true;
    }
    if stack.push_field(table, c"big_number") == Kind::String {
        let digits = stack.bytes(stack.top()).unwrap_or_default();
        match out.protocol() {
            Protocol::Resp2 => out.bulk(&without_line_ends(digits)),
            Protocol::Resp3 => write_line(b'(', digits, out),
        }
        return true;
    }
    if stack.push_field(table, c"verbatim_string") == Kind::Table {
        let verbatim = stack.top();
        let has_format = stack.push_field(verbatim, c"format") == Kind::String;
        let has_text = stack.push_field(verbatim, c"string") == Kind::String;
        if has_format && has_text {
            let format = up_to_zero(stack.bytes(verbatim + 1).unwrap_or_default());
            write_verbatim(format, stack.bytes(verbatim + 2).unwrap_or_default(), out);
            return true;
        }
    }
    false
}

fn write_line(sigil: u8, text: &[u8], out: &mut Encoder) {
    out.extend_raw(&[sigil]);
    out.extend_raw(&without_line_ends(text));
    out.extend_raw(b"\r\n");
}

/// Line ends become blanks: a line is one.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect()
}

fn write_verbatim(format: &[u8], text: &[u8], out: &mut Encoder) {
    if out.protocol() == Protocol::Resp2 {
        return out.bulk(text);
    }
    let mut name = [b' '; 3];
    for (place, byte) in name.iter_mut().zip(format) {
        *place = *byte;
    }
    out.extend_raw(format!("={}\r\n", text.len() + name.len() + 1).as_bytes());
    for part in [&without_line_ends(&name)[..], b":", text, b"\r\n"] {
        out.extend_raw(part);
    }
}
