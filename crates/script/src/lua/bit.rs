//! `bit`: operations on 32-bit integers, as in LuaJIT's library.

use super::api::register;
use super::args::check_number;
use crate::vm::{Fault, Kind, Stack};

/// Pushes the library.
pub(super) fn push(stack: &mut Stack<'_>) {
    stack.push_table(0, 12);
    let table = stack.top();
    register(stack, table, c"tobit", tobit);
    register(stack, table, c"bnot", bnot);
    register(stack, table, c"band", band);
    register(stack, table, c"bor", bor);
    register(stack, table, c"bxor", bxor);
    register(stack, table, c"lshift", lshift);
    register(stack, table, c"rshift", rshift);
    register(stack, table, c"arshift", arshift);
    register(stack, table, c"rol", rol);
    register(stack, table, c"ror", ror);
    register(stack, table, c"bswap", bswap);
    register(stack, table, c"tohex", tohex);
}

/// An argument as 32 bits: rounded to the nearest integer, of which the lower 32 bits count.
fn bits(stack: &Stack<'_>, index: i32) -> Result<u32, Fault> {
    /// 2^52 + 2^51: in the sum, the lower bits are those of the integer.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    Ok((check_number(stack, index)? + SHIFT).to_bits() as u32)
}

fn answer(stack: &mut Stack<'_>, bits: u32) -> Result<i32, Fault> {
    stack.push_number(f64::from(bits as i32));
    Ok(1)
}

fn tobit(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let bits = bits(stack, 1)?;
    answer(stack, bits)
}

fn bnot(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let bits = bits(stack, 1)?;
    answer(stack, !bits)
}

fn fold(stack: &mut Stack<'_>, with: impl Fn(u32, u32) -> u32) -> Result<i32, Fault> {
    let mut folded = bits(stack, 1)?;
    for index in (2..=stack.top()).rev() {
        folded = with(folded, bits(stack, index)?);
    }
    answer(stack, folded)
}

fn band(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    fold(stack, |left, right| left & right)
}

fn bor(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    fold(stack, |left, right| left | right)
}

fn bxor(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    fold(stack, |left, right| left ^ right)
}

fn shift(stack: &mut Stack<'_>, with: impl Fn(u32, u32) -> u32) -> Result<i32, Fault> {
    let (number, places) = (bits(stack, 1)?, bits(stack, 2)? & 31);
    answer(stack, with(number, places))
}

fn lshift(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    shift(stack, |number, places| number << places)
}

fn rshift(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    shift(stack, |number, places| number >> places)
}

fn arshift(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    shift(stack, |number, places| ((number as i32) >> places) as u32)
}

fn rol(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    shift(stack, u32::rotate_left)
}

fn ror(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    shift(stack, u32::rotate_right)
}

fn bswap(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let bits = bits(stack, 1)?;
    answer(stack, bits.swap_bytes())
}

/// `bit.tohex(x [, n])`: the last `n` digits, upper case if it is negative.
fn tohex(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    const MOST_DIGITS: u32 = 8;
    let number = bits(stack, 1)?;
    let digits = match stack.kind(2) {
        Kind::None => MOST_DIGITS as i32,
        _ => bits(stack, 2)? as i32,
    };
    let text = if digits < 0 { format!("{number:08X}") } else { format!("{number:08x}") };
    let shown = digits.unsigned_abs().min(MOST_DIGITS) as usize;
    stack.push_bytes(&text.as_bytes()[text.len() - shown..]);
    Ok(1)
}
