//! Functions of Lua 5.1's own library that Luau lacks, or has in another form.

use std::ffi::CString;

use smallvec::SmallVec;

use super::args::{check_integer, check_text, optional_integer, up_to_zero, wrong_type};
use super::dialect::translate;
use super::errors::{map_error, map_thrown, map_top};
use super::{LOAD, MOST_SOURCE_BYTES};
use crate::vm::{Fault, Kind, Stack, Status};

/// The first byte of compiled Lua.
const BYTECODE: u8 = 0x1B;

/// `pcall(f, ...)`. An error table of a command becomes its text, as scripts for older servers expect.
pub(super) fn pcall(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() == 0 {
        // What Redis finds in the place of a function that is not given.
        stack.push_boolean(false);
        stack.push_bytes(b"attempt to call a boolean value");
        return Ok(2);
    }
    stack.push_native(c"handler", map_error);
    stack.insert(1);
    let status = stack.call_protected(stack.top() - 2, None, 1);
    stack.remove(1);
    settle(stack, status, true)
}

/// `xpcall(f, handler)`. What follows is not passed on, as in Lua 5.1.
pub(super) fn xpcall(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() < 2 {
        return Err(Fault::argument(2, "value expected"));
    }
    stack.truncate(2);
    stack.push_native_with(c"handler", handle, 1);
    // The handler below the function.
    stack.insert(1);
    let status = stack.call_protected(0, None, 1);
    stack.remove(1);
    settle(stack, status, false)
}

/// The handler of an `xpcall`, which is taken along: it gets the error in the words of Lua 5.1.
fn handle(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    stack.resize(1);
    map_thrown(stack);
    stack.push_taken(1);
    stack.insert(1);
    stack.call(1, None);
    Ok(stack.top())
}

/// Puts whether it went well in front of what a protected call left.
fn settle(stack: &mut Stack<'_>, status: Status, unwraps: bool) -> Result<i32, Fault> {
    if status != Status::Ok {
        if stack.context().is_stopped() {
            // Nothing holds up an end that the host wants.
            return Err(Fault::Top);
        }
        if status == Status::OutOfMemory {
            map_top(stack);
        }
        if unwraps && stack.kind(stack.top()) == Kind::Table {
            let table = stack.top();
            stack.push_field(table, c"err");
            match stack.kind(table + 1) {
                Kind::String | Kind::Number => stack.remove(table),
                _ => stack.pop(),
            }
        }
    }
    stack.push_boolean(status == Status::Ok);
    stack.insert(1);
    Ok(stack.top())
}

/// `unpack(list [, i [, j]])`, as many as Lua 5.1 has room for.
pub(super) fn unpack(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.kind(1) != Kind::Table {
        return Err(wrong_type(stack, 1, "table"));
    }
    let first = optional_integer(stack, 2, 1)? as i32;
    let length = i64::try_from(stack.len(1)).unwrap_or(i64::MAX);
    let last = optional_integer(stack, 3, length)? as i32;
    if first > last {
        return Ok(0);
    }
    let values = i64::from(last) - i64::from(first) + 1;
    let fitting = i32::try_from(values).ok().filter(|values| stack.has_room(*values));
    let Some(values) = fitting else { return Err(Fault::text("too many results to unpack")) };
    for n in first..=last {
        stack.push_element(1, n);
    }
    Ok(values)
}

/// A place in a text of so many bytes, counted from its end if it is negative.
fn place(at: i64, len: i64) -> i64 {
    if at < 0 { (at + len + 1).max(0) } else { at }
}

/// `string.sub(text, first [, last])`. Luau's cuts the numbers to 32 bits.
pub(super) fn sub(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let text = check_text(stack, 1)?;
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let first = place(check_integer(stack, 2)?, len).max(1);
    let last = place(optional_integer(stack, 3, -1)?, len).min(len);
    let part = if first > last { &[] } else { &text[first as usize - 1..last as usize] };
    let part: SmallVec<[u8; 64]> = SmallVec::from_slice(part);
    stack.push_bytes(&part);
    Ok(1)
}

/// `string.byte(text [, first [, last]])`, likewise.
pub(super) fn byte(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let text = check_text(stack, 1)?;
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let first = place(optional_integer(stack, 2, 1)?, len);
    let last = place(optional_integer(stack, 3, first)?, len).min(len);
    let first = first.max(1);
    if first > last {
        return Ok(0);
    }
    let bytes = text[first as usize - 1..last as usize].to_vec();
    let fitting = i32::try_from(bytes.len()).ok().filter(|count| stack.has_room(*count));
    let Some(count) = fitting else { return Err(Fault::text("stack overflow (string slice too long)")) };
    bytes.iter().for_each(|byte| stack.push_number(f64::from(*byte)));
    Ok(count)
}

/// `loadstring(text [, name])`: text only, never bytecode.
pub(super) fn loadstring(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let source = check_text(stack, 1)?.into_owned();
    let name = match stack.kind(2) {
        Kind::None | Kind::Nil => source.clone(),
        _ => check_text(stack, 2)?.into_owned(),
    };
    push_loaded(stack, &source, &name)
}

/// `load(function [, name])`: the function is called for pieces of text until there is no more.
pub(super) fn load(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.kind(1) != Kind::Function {
        return Err(wrong_type(stack, 1, "function"));
    }
    let name = match stack.kind(2) {
        Kind::None | Kind::Nil => b"=(load)".to_vec(),
        _ => check_text(stack, 2)?.into_owned(),
    };
    stack.truncate(1);
    let mut source = Vec::new();
    loop {
        stack.push_copy(1);
        if stack.call_protected(0, None, 0) != Status::Ok {
            if stack.context().is_stopped() {
                return Err(Fault::Top);
            }
            map_top(stack);
            stack.push_nil();
            stack.insert(2);
            return Ok(2);
        }
        match stack.kind(2) {
            Kind::None | Kind::Nil => break,
            Kind::String | Kind::Number => {}
            _ => return Err(Fault::text("reader function must return a string")),
        }
        let piece = stack.text(2).unwrap_or_default();
        if piece.is_empty() || source.len() > MOST_SOURCE_BYTES {
            break;
        }
        source.extend_from_slice(&piece);
        drop(piece);
        stack.truncate(1);
    }
    push_loaded(stack, &source, &name)
}

/// Pushes the function of a text, or nil and why there is none.
fn push_loaded(stack: &mut Stack<'_>, source: &[u8], name: &[u8]) -> Result<i32, Fault> {
    let refused: Option<&[u8]> = if source.first() == Some(&BYTECODE) {
        Some(b"attempt to load chunk with wrong mode")
    } else if source.len() > MOST_SOURCE_BYTES {
        Some(b"chunk is too long")
    } else {
        None
    };
    if let Some(text) = refused {
        stack.push_nil();
        stack.push_bytes(text);
        return Ok(2);
    }
    let chunk = CString::new(up_to_zero(name)).unwrap_or_default();
    if stack.push_compiled(&translate(source), &chunk, LOAD) {
        return Ok(1);
    }
    stack.push_nil();
    stack.insert(stack.top() - 1);
    Ok(2)
}

/// `string.dump`: a function's bytecode is nobody's business. What comes back begins like it, and cannot be loaded.
pub(super) fn dump(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.kind(1) != Kind::Function {
        return Err(wrong_type(stack, 1, "function"));
    }
    stack.push_bytes(&[BYTECODE, b'L', b'u', b'a']);
    Ok(1)
}

/// `table.setn`.
pub(super) fn setn(_: &mut Stack<'_>) -> Result<i32, Fault> {
    Err(Fault::text("'setn' is obsolete"))
}

/// `collectgarbage([what [, how much]])`. The collector is never stopped, whatever a script says.
pub(super) fn collectgarbage(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let what = match stack.kind(1) {
        Kind::None | Kind::Nil => b"collect".to_vec(),
        _ => check_text(stack, 1)?.into_owned(),
    };
    let amount = optional_integer(stack, 2, 0)?;
    match &what[..] {
        b"collect" => {
            stack.collect();
            stack.push_number(0.0);
        }
        b"count" => {
            let kib = stack.used_bytes() / 1024.0;
            stack.push_number(kib);
        }
        b"step" => {
            let is_done = stack.collect_step(amount.clamp(0, 1024) as i32);
            stack.push_boolean(is_done);
        }
        b"stop" | b"restart" => stack.push_number(0.0),
        b"setpause" | b"setstepmul" => stack.push_number(200.0),
        _ => {
            let text = [b"invalid option '", up_to_zero(&what), b"'"].concat();
            return Err(Fault::Argument(1, text.into()));
        }
    }
    Ok(1)
}

/// `coroutine.resume` around Luau's, which is taken along: its errors in the words of Lua 5.1.
pub(super) fn resume(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let arguments = stack.top();
    stack.push_taken(1);
    stack.insert(1);
    stack.call(arguments, None);
    if stack.top() == 2 && stack.kind(1) == Kind::Boolean && !stack.is_true(1) {
        if stack.context().is_stopped() {
            return Err(Fault::Top);
        }
        map_top(stack);
    }
    Ok(stack.top())
}

/// `os.clock()`.
pub(super) fn clock(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let seconds = stack.context().with_host(|host| host.processor_seconds()).unwrap_or_default();
    stack.push_number(seconds);
    Ok(1)
}
