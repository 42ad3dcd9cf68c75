//! `cjson.encode`. Tables within tables are walked with a stack of its own.

use super::settings;
use crate::lua::text::Text;
use crate::vm::{Fault, Kind, Stack, push_number_with};

/// How many elements are written between two looks at whether the script is to end.
const ELEMENTS_BETWEEN_LOOKS: u32 = 1 << 14;

/// `cjson.encode(value)`.
pub(super) fn encode(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() != 1 {
        return Err(Fault::argument(1, "expected 1 argument"));
    }
    let mut encoder = Encoder {
        out: Text::new(stack.context().text_limit_bytes.get()),
        frames: Vec::new(),
        max_depth: settings::get(stack, settings::ENCODE_MAX_DEPTH),
        invalid_numbers: settings::get(stack, settings::ENCODE_INVALID_NUMBERS),
        precision: settings::get(stack, settings::ENCODE_PRECISION) as u8,
        elements: 0,
    };
    encoder.put_value(stack)?;
    while let Some(frame) = encoder.frames.pop() {
        encoder.step(stack, frame)?;
    }
    stack.push_bytes(encoder.out.bytes());
    Ok(1)
}

/// A table under way, at `table`; what is being written of it above.
struct Frame {
    table: i32,
    shape: Shape,
    /// Where to go on.
    next: i32,
    is_first: bool,
}

enum Shape {
    /// With so many elements.
    Array(i32),
    Object,
}

struct Encoder {
    out: Text,
    frames: Vec<Frame>,
    max_depth: i32,
    invalid_numbers: i32,
    precision: u8,
    elements: u32,
}

impl Encoder {
    /// Writes the next element of a table, or its end.
    fn step(&mut self, stack: &mut Stack<'_>, mut frame: Frame) -> Result<(), Fault> {
        self.elements += 1;
        if self.elements.is_multiple_of(ELEMENTS_BETWEEN_LOOKS) {
            stack.look_up()?;
        }
        stack.truncate(frame.table);
        let has_more = match frame.shape {
            Shape::Array(len) => {
                let has_more = frame.next < len;
                if has_more {
                    frame.next += 1;
                    stack.push_element(frame.table, frame.next);
                }
                has_more
            }
            Shape::Object => match stack.push_next(frame.table, frame.next) {
                Some(next) => {
                    frame.next = next;
                    true
                }
                None => false,
            },
        };
        if !has_more {
            return self.out.put_byte(if matches!(frame.shape, Shape::Array(_)) { b']' } else { b'}' });
        }
        if !std::mem::take(&mut frame.is_first) {
            self.out.put_byte(b',')?;
        }
        if matches!(frame.shape, Shape::Object) {
            self.put_key(stack, frame.table + 1)?;
        }
        self.frames.push(frame);
        self.put_value(stack)
    }

    fn put_key(&mut self, stack: &mut Stack<'_>, key: i32) -> Result<(), Fault> {
        match stack.kind(key) {
            Kind::Number => {
                self.out.put_byte(b'"')?;
                self.put_number(stack.number(key).unwrap_or_default())?;
                self.out.put(b"\":")
            }
            Kind::String => {
                self.put_string(stack.bytes(key).unwrap_or_default())?;
                self.out.put_byte(b':')
            }
            kind => Err(cannot(kind, "table key must be a number or string")),
        }
    }

    /// Writes the value on top, of a table the beginning.
    fn put_value(&mut self, stack: &mut Stack<'_>) -> Result<(), Fault> {
        let top = stack.top();
        match stack.kind(top) {
            Kind::String => self.put_string(stack.bytes(top).unwrap_or_default()),
            Kind::Number => self.put_number(stack.number(top).unwrap_or_default()),
            Kind::Boolean => self.out.put(if stack.is_true(top) { b"true" } else { b"false" }),
            Kind::Table => self.open(stack, top),
            Kind::Nil => self.out.put(b"null"),
            Kind::Pointer if stack.is_null_pointer(top) => self.out.put(b"null"),
            kind => Err(cannot(kind, "type not supported")),
        }
    }

    fn open(&mut self, stack: &mut Stack<'_>, table: i32) -> Result<(), Fault> {
        let depth = self.frames.len() + 1;
        // Key, value, and the text of an error.
        if depth > usize::try_from(self.max_depth).unwrap_or_default() || !stack.has_room(3) {
            return Err(Fault::said(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        let (shape, mark) = match array_len(stack, table)? {
            Some(len) => (Shape::Array(len), b'['),
            None => (Shape::Object, b'{'),
        };
        self.frames.push(Frame { table, shape, next: 0, is_first: true });
        self.out.put_byte(mark)
    }

    fn put_number(&mut self, number: f64) -> Result<(), Fault> {
        if !number.is_finite() {
            match self.invalid_numbers {
                0 => return Err(cannot(Kind::Number, "must not be NaN or Inf")),
                1 if number.is_nan() => return self.out.put(b"nan"),
                1 => {}
                _ => return self.out.put(b"null"),
            }
        }
        let mut text = Vec::with_capacity(24);
        push_number_with(self.precision, number, &mut text);
        self.out.put(&text)
    }

    fn put_string(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.out.put_byte(b'"')?;
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| is_escaped(*byte)) {
            self.out.put(&rest[..at])?;
            self.put_escape(rest[at])?;
            rest = &rest[at + 1..];
        }
        self.out.put(rest)?;
        self.out.put_byte(b'"')
    }

    fn put_escape(&mut self, byte: u8) -> Result<(), Fault> {
        match byte {
            b'"' | b'\\' | b'/' => self.out.put(&[b'\\', byte]),
            8 => self.out.put(b"\\b"),
            b'\t' => self.out.put(b"\\t"),
            b'\n' => self.out.put(b"\\n"),
            12 => self.out.put(b"\\f"),
            b'\r' => self.out.put(b"\\r"),
            _ => self.out.put(format!("\\u{byte:04x}").as_bytes()),
        }
    }
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..=31 | b'"' | b'/' | b'\\' | 127)
}

fn cannot(kind: Kind, why: &str) -> Fault {
    Fault::said(format!("Cannot serialise {}: {why}", kind.name()))
}

/// How many elements a table has if it is an array: if all its keys are numbers from 1 on, and not too few for the largest.
/// An empty table is an object, unless it is marked.
fn array_len(stack: &mut Stack<'_>, table: i32) -> Result<Option<i32>, Fault> {
    if is_marked(stack, table) {
        return Ok(Some(i32::try_from(stack.len(table)).unwrap_or(i32::MAX)));
    }
    let (mut most, mut items, mut place) = (0_i32, 0_i32, 0);
    while let Some(next) = stack.push_next(table, place) {
        place = next;
        let key = stack.number(table + 1);
        stack.truncate(table);
        let Some(key) = key.filter(|key| *key >= 1.0 && key.floor() == *key) else { return Ok(None) };
        if key > f64::from(most) {
            // What does not fit becomes the smallest, as by the processor.
            most = if key <= f64::from(i32::MAX) { key as i32 } else { i32::MIN };
        }
        items = items.wrapping_add(1);
    }
    let ratio = settings::get(stack, settings::SPARSE_RATIO);
    let is_sparse =
        ratio > 0 && most > items.wrapping_mul(ratio) && most > settings::get(stack, settings::SPARSE_SAFE);
    if is_sparse && settings::get(stack, settings::SPARSE_CONVERT) == 0 {
        return Err(cannot(Kind::Table, "excessively sparse array"));
    }
    Ok((!is_sparse && most > 0).then_some(most))
}

/// Whether the metatable says that it is an array.
fn is_marked(stack: &mut Stack<'_>, table: i32) -> bool {
    if !stack.push_metatable(table) {
        return false;
    }
    stack.push_field(table + 1, settings::ARRAY_MARK);
    let is_marked = stack.is_true(table + 2);
    stack.truncate(table);
    is_marked
}
