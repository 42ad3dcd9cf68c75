//! Unpacking. Nested values are built with a stack of its own, so no input is too deep for it but those that are too deep for
//! Lua 5.1.

use crate::lua::args::{check_integer, check_text, optional_integer};
use crate::vm::{Fault, Stack};

/// How many elements are read between two looks at whether the script is to end.
const ELEMENTS_BETWEEN_LOOKS: u32 = 1 << 14;

/// `cmsgpack.unpack(data)`: all values.
pub(super) fn unpack(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    unpack_some(stack, 0, 0)
}

/// `cmsgpack.unpack_one(data [, offset])`: the next offset, and one value.
pub(super) fn unpack_one(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let offset = optional_integer(stack, 2, 0)?;
    unpack_some(stack, 1, offset)
}

/// `cmsgpack.unpack_limit(data, limit [, offset])`: the next offset, and so many values at most.
pub(super) fn unpack_limit(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let limit = check_integer(stack, 2)?;
    let offset = optional_integer(stack, 3, 0)?;
    unpack_some(stack, limit, offset)
}

fn unpack_some(stack: &mut Stack<'_>, limit: i64, offset: i64) -> Result<i32, Fault> {
    let data = check_text(stack, 1)?.into_owned();
    stack.truncate(1);
    let (Ok(offset), Ok(limit_given)) = (usize::try_from(offset), usize::try_from(limit)) else {
        let len = data.len() as i32;
        let text = format!("Invalid request to unpack with offset of {} and limit of {len}.", offset as i32);
        return Err(Fault::said(text));
    };
    if offset > data.len() {
        let text = format!("Start offset {} greater than input length {}.", offset as i32, data.len() as i32);
        return Err(Fault::said(text));
    }
    let takes_all = limit_given == 0 && offset == 0;
    let limit = if takes_all { i32::MAX as usize } else { limit_given };
    let mut reader = Reader { rest: &data[offset..], frames: Vec::new(), arrays: 0 };
    let mut values = 0;
    while !reader.rest.is_empty() && values < limit {
        reader.push_whole(stack)?;
        values += 1;
    }
    let mut results = i32::try_from(values).unwrap_or(i32::MAX);
    if !takes_all {
        let left = reader.rest.len();
        stack.push_number(if left == 0 { -1.0 } else { (data.len() - left) as f64 });
        stack.insert(2);
        results += 1;
    }
    Ok(results)
}

/// An aggregate under way.
struct Frame {
    table: i32,
    /// Elements to come; of a map, keys and values.
    left: u64,
    is_map: bool,
    next: i32,
}

struct Reader<'d> {
    rest: &'d [u8],
    frames: Vec<Frame>,
    /// Arrays under way: each has its index on the stack, too, where there is Lua 5.1.
    arrays: i32,
}

impl<'d> Reader<'d> {
    /// Pushes a value with all that is in it.
    fn push_whole(&mut self, stack: &mut Stack<'_>) -> Result<(), Fault> {
        self.push_value(stack)?;
        let mut elements: u32 = 0;
        while let Some(frame) = self.frames.last_mut() {
            let table = frame.table;
            if !frame.is_map && stack.top() > table {
                frame.next += 1;
                stack.set_element(table, frame.next);
            } else if stack.top() == table + 2 {
                stack.set_pair(table);
            }
            if frame.left == 0 {
                self.arrays -= i32::from(!frame.is_map);
                self.frames.pop();
                continue;
            }
            frame.left -= 1;
            elements = elements.wrapping_add(1);
            if elements.is_multiple_of(ELEMENTS_BETWEEN_LOOKS) {
                stack.look_up()?;
            }
            self.push_value(stack)?;
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.take_slice(N)?;
        Ok(bytes.try_into().unwrap_or([0; N]))
    }

    fn take_slice(&mut self, len: usize) -> Result<&'d [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Fault::text("Missing bytes in input."))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Pushes a value, of an aggregate the empty table.
    fn push_value(&mut self, stack: &mut Stack<'_>) -> Result<(), Fault> {
        let [kind] = self.take()?;
        if !stack.has_room(1 + self.arrays) {
            let text =
                "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";
            return Err(Fault::text(text));
        }
        match kind {
            0x00..=0x7F => stack.push_number(f64::from(kind)),
            0x80..=0x8F => self.open(stack, u64::from(kind & 0xF), true)?,
            0x90..=0x9F => self.open(stack, u64::from(kind & 0xF), false)?,
            0xA0..=0xBF => self.push_text(stack, usize::from(kind & 0x1F))?,
            0xC0 => stack.push_nil(),
            0xC2 | 0xC3 => stack.push_boolean(kind == 0xC3),
            0xCA => stack.push_number(f64::from(f32::from_be_bytes(self.take()?))),
            0xCB => stack.push_number(f64::from_be_bytes(self.take()?)),
            0xCC => stack.push_number(f64::from(u8::from_be_bytes(self.take()?))),
            0xCD => stack.push_number(f64::from(u16::from_be_bytes(self.take()?))),
            0xCE => stack.push_number(f64::from(u32::from_be_bytes(self.take()?))),
            // Numbers of 64 bits are taken for signed ones, both kinds.
            0xCF | 0xD3 => stack.push_number(i64::from_be_bytes(self.take()?) as f64),
            0xD0 => stack.push_number(f64::from(i8::from_be_bytes(self.take()?))),
            0xD1 => stack.push_number(f64::from(i16::from_be_bytes(self.take()?))),
            0xD2 => stack.push_number(f64::from(i32::from_be_bytes(self.take()?))),
            0xD9 => {
                let [len] = self.take()?;
                self.push_text(stack, usize::from(len))?;
            }
            0xDA => {
                let len = u16::from_be_bytes(self.take()?);
                self.push_text(stack, usize::from(len))?;
            }
            0xDB => {
                let len = u32::from_be_bytes(self.take()?);
                self.push_text(stack, len as usize)?;
            }
            0xDC | 0xDE => {
                let len = u16::from_be_bytes(self.take()?);
                self.open(stack, u64::from(len), kind == 0xDE)?;
            }
            0xDD | 0xDF => {
                let len = u32::from_be_bytes(self.take()?);
                self.open(stack, u64::from(len), kind == 0xDF)?;
            }
            0xE0..=0xFF => stack.push_number(f64::from(kind as i8)),
            0xC1 | 0xC4..=0xC9 | 0xD4..=0xD8 => return Err(Fault::text("Bad data format in input.")),
        }
        Ok(())
    }

    fn push_text(&mut self, stack: &mut Stack<'_>, len: usize) -> Result<(), Fault> {
        let text = self.take_slice(len)?;
        stack.push_bytes(text);
        Ok(())
    }

    fn open(&mut self, stack: &mut Stack<'_>, len: u64, is_map: bool) -> Result<(), Fault> {
        // Every element takes a byte at least.
        let room = usize::try_from(len).unwrap_or(usize::MAX).min(self.rest.len());
        let (elements, fields) = if is_map { (0, room) } else { (room, 0) };
        stack.push_table(elements, fields);
        if !is_map {
            if !stack.has_room(1 + self.arrays) {
                return Err(Fault::text("stack overflow (in function mp_decode_to_lua_array)"));
            }
            self.arrays += 1;
        }
        let left = if is_map { 2 * len } else { len };
        self.frames.push(Frame { table: stack.top(), left, is_map, next: 0 });
        Ok(())
    }
}
