//! Packing.

use crate::lua::args::cut;
use crate::lua::text::Text;
use crate::vm::{Fault, Kind, Stack};

/// Tables within tables; deeper ones are nil.
const MOST_NESTING: u32 = 16;

/// `cmsgpack.pack(...)`: all arguments, one behind the other.
pub(super) fn pack(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let arguments = stack.top();
    if arguments == 0 {
        return Err(Fault::argument(0, "MessagePack pack needs input."));
    }
    if !stack.has_room(arguments) {
        return Err(Fault::argument(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = Text::new(stack.context().text_limit_bytes.get());
    for index in 1..=arguments {
        stack.push_copy(index);
        put_value(stack, &mut out, 0)?;
    }
    stack.push_bytes(out.bytes());
    Ok(1)
}

/// Packs the value on top, and takes it.
fn put_value(stack: &mut Stack<'_>, out: &mut Text, level: u32) -> Result<(), Fault> {
    let top = stack.top();
    match stack.kind(top) {
        Kind::String => put_string(stack.bytes(top).unwrap_or_default(), out)?,
        Kind::Boolean => out.put_byte(if stack.is_true(top) { 0xC3 } else { 0xC2 })?,
        Kind::Number => put_number(stack.number(top).unwrap_or_default(), out)?,
        Kind::Table if level < MOST_NESTING => put_table(stack, top, out, level)?,
        _ => out.put_byte(0xC0)?,
    }
    stack.truncate(top - 1);
    Ok(())
}

fn put_string(text: &[u8], out: &mut Text) -> Result<(), Fault> {
    let len = text.len() as u32;
    match len {
        0..32 => out.put_byte(0xA0 | len as u8)?,
        32..0x100 => out.put(&[0xD9, len as u8])?,
        0x100..0x1_0000 => put_wide(0xDA, &(len as u16).to_be_bytes(), out)?,
        _ => put_wide(0xDB, &len.to_be_bytes(), out)?,
    }
    out.put(text)
}

fn put_wide(kind: u8, bytes: &[u8], out: &mut Text) -> Result<(), Fault> {
    out.put_byte(kind)?;
    out.put(bytes)
}

fn put_number(number: f64, out: &mut Text) -> Result<(), Fault> {
    let integer = cut(number);
    if integer as f64 == number && number.is_finite() {
        return put_integer(integer, out);
    }
    let single = number as f32;
    if f64::from(single) == number {
        put_wide(0xCA, &single.to_be_bytes(), out)
    } else {
        put_wide(0xCB, &number.to_be_bytes(), out)
    }
}

fn put_integer(integer: i64, out: &mut Text) -> Result<(), Fault> {
    match integer {
        -32..=0x7F => out.put_byte(integer as u8),
        0x80..=0xFF => out.put(&[0xCC, integer as u8]),
        0x100..=0xFFFF => put_wide(0xCD, &(integer as u16).to_be_bytes(), out),
        0x1_0000..=0xFFFF_FFFF => put_wide(0xCE, &(integer as u32).to_be_bytes(), out),
        0x1_0000_0000.. => put_wide(0xCF, &integer.to_be_bytes(), out),
        -0x80..=-33 => out.put(&[0xD0, integer as u8]),
        -0x8000..=-0x81 => put_wide(0xD1, &(integer as i16).to_be_bytes(), out),
        -0x8000_0000..=-0x8001 => put_wide(0xD2, &(integer as i32).to_be_bytes(), out),
        i64::MIN..=-0x8000_0001 => put_wide(0xD3, &integer.to_be_bytes(), out),
    }
}

fn put_table(stack: &mut Stack<'_>, table: i32, out: &mut Text, level: u32) -> Result<(), Fault> {
    if is_array(stack, table) {
        let len = stack.len(table) as u32;
        put_header(0x90, [0xDC, 0xDD], len, out)?;
        for n in 1..=len {
            stack.push_element(table, i32::try_from(n).unwrap_or(i32::MAX));
            put_value(stack, out, level + 1)?;
        }
        return Ok(());
    }
    put_header(0x80, [0xDE, 0xDF], pairs(stack, table), out)?;
    let mut place = 0;
    while let Some(next) = stack.push_next(table, place) {
        place = next;
        stack.push_copy(table + 1);
        put_value(stack, out, level + 1)?;
        put_value(stack, out, level + 1)?;
        stack.truncate(table);
    }
    Ok(())
}

/// The header of an array or map: short, with 16 or with 32 bits.
fn put_header(short: u8, long: [u8; 2], len: u32, out: &mut Text) -> Result<(), Fault> {
    match len {
        0..16 => out.put_byte(short | len as u8),
        16..0x1_0000 => put_wide(long[0], &(len as u16).to_be_bytes(), out),
        _ => put_wide(long[1], &len.to_be_bytes(), out),
    }
}

/// Whether the keys of a table are the numbers from 1 on, without a hole.
fn is_array(stack: &mut Stack<'_>, table: i32) -> bool {
    let (mut count, mut largest, mut place) = (0_u32, 0_i32, 0);
    while let Some(next) = stack.push_next(table, place) {
        place = next;
        let key = stack.number(table + 1).filter(|key| *key > 0.0 && *key <= f64::from(i32::MAX));
        stack.truncate(table);
        let Some(key) = key.filter(|key| key.trunc() == *key) else { return false };
        largest = largest.max(key as i32);
        count += 1;
    }
    largest.unsigned_abs() == count
}

fn pairs(stack: &mut Stack<'_>, table: i32) -> u32 {
    let (mut count, mut place) = (0, 0);
    while let Some(next) = stack.push_next(table, place) {
        place = next;
        count += 1;
        stack.truncate(table);
    }
    count
}
