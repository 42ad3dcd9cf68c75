//! `struct`: values as bytes of C structures and back (`struct.pack`, `struct.unpack`, `struct.size`).
//!
//! A format is a row of letters: `b B h H l L T i[n] I[n] x f d s c[n]`, between them `<` and `>` for the order of bytes and
//! `![n]` for alignment.

use super::api::register;
use super::args::{check_number, check_text, cut, optional_integer, up_to_zero};
use super::text::Text;
use crate::vm::{Fault, Stack};

/// The widest integer, in bytes. Beyond eight, bytes are zeros.
const MOST_INTEGER_BYTES: usize = 32;
/// What `!` alone asks for.
const NATURAL_ALIGNMENT: usize = 8;

/// Pushes the library.
pub(super) fn push(stack: &mut Stack<'_>) {
    stack.push_table(0, 3);
    let table = stack.top();
    register(stack, table, c"pack", pack);
    register(stack, table, c"unpack", unpack);
    register(stack, table, c"size", size);
}

/// A format, read from left to right.
struct Format {
    letters: Vec<u8>,
    at: usize,
    is_little: bool,
    alignment: usize,
}

/// A letter and the size it stands for.
#[derive(Clone, Copy)]
struct Item {
    letter: u8,
    size: usize,
}

impl Format {
    fn of_argument(stack: &Stack<'_>) -> Result<Self, Fault> {
        let letters = up_to_zero(&check_text(stack, 1)?).to_vec();
        Ok(Self { letters, at: 0, is_little: cfg!(target_endian = "little"), alignment: 1 })
    }

    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some(&letter) = self.letters.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match letter {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > MOST_INTEGER_BYTES {
                    let text = format!("integral size {size} is larger than limit of {MOST_INTEGER_BYTES}");
                    return Err(Fault::said(text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some(Item { letter, size }))
    }

    /// The number that follows, if one does.
    fn number(&mut self, otherwise: usize) -> Result<usize, Fault> {
        if !self.letters.get(self.at).is_some_and(u8::is_ascii_digit) {
            return Ok(otherwise);
        }
        let mut number: i32 = 0;
        while let Some(digit) = self.letters.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let digit = i32::from(digit - b'0');
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(digit))
                .ok_or(Fault::text("integral size overflow"))?;
            self.at += 1;
        }
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// How many bytes stand in front of an item at `place`, so that it is aligned.
    fn padding(&self, place: usize, item: Item) -> usize {
        if item.size == 0 || item.letter == b'c' {
            return 0;
        }
        let size = item.size.min(self.alignment);
        size.wrapping_sub(place & size.wrapping_sub(1)) & size.wrapping_sub(1)
    }

    /// A letter that stands for no value.
    fn control(&mut self, letter: u8) -> Result<(), Fault> {
        match letter {
            b' ' => {}
            b'>' => self.is_little = false,
            b'<' => self.is_little = true,
            b'!' => {
                let alignment = self.number(NATURAL_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(Fault::said(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {
                let text = [b"invalid format option '", &[letter][..], b"'"].concat();
                return Err(Fault::Argument(1, text.into()));
            }
        }
        Ok(())
    }

    /// Bytes of an integer or a double in the format's order, of little-endian ones.
    fn ordered<'b>(&self, bytes: &'b mut [u8]) -> &'b [u8] {
        if !self.is_little {
            bytes.reverse();
        }
        bytes
    }
}

/// `struct.pack(format, ...)`.
fn pack(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let mut format = Format::of_argument(stack)?;
    let mut out = Text::new(stack.context().text_limit_bytes.get());
    // What is missing reads as nil first, and as no value after that.
    stack.push_nil();
    let mut argument = 2;
    while let Some(item) = format.next()? {
        for _ in 0..format.padding(out.bytes().len(), item) {
            out.put_byte(0)?;
        }
        match item.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let mut bytes = [0; MOST_INTEGER_BYTES];
                bytes[..8].copy_from_slice(&integer_bits(check_number(stack, argument)?).to_le_bytes());
                out.put(format.ordered(&mut bytes[..item.size]))?;
                argument += 1;
            }
            b'x' => out.put_byte(0)?,
            b'f' => {
                out.put(format.ordered(&mut (check_number(stack, argument)? as f32).to_le_bytes()))?;
                argument += 1;
            }
            b'd' => {
                out.put(format.ordered(&mut check_number(stack, argument)?.to_le_bytes()))?;
                argument += 1;
            }
            b'c' | b's' => {
                let text = check_text(stack, argument)?;
                argument += 1;
                let len = if item.size == 0 { text.len() } else { item.size };
                let Some(text) = text.get(..len) else {
                    return Err(Fault::argument(argument, "string too short"));
                };
                out.put(text)?;
                if item.letter == b's' {
                    out.put_byte(0)?;
                }
            }
            letter => format.control(letter)?,
        }
    }
    stack.push_bytes(out.bytes());
    Ok(1)
}

/// A double as the 64 bits of an integer, signed or not.
fn integer_bits(number: f64) -> u64 {
    const SIGNED_END: f64 = 9_223_372_036_854_775_808.0;
    if number >= SIGNED_END {
        // As compilers for x86-64 do: what is beyond is cut after the subtraction.
        (cut(number - SIGNED_END) as u64) ^ (1 << 63)
    } else {
        cut(number) as u64
    }
}

/// `struct.unpack(format, data [, position])`.
fn unpack(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let mut format = Format::of_argument(stack)?;
    let data = check_text(stack, 2)?.into_owned();
    let position = optional_integer(stack, 3, 1)?;
    if position == 0 {
        return Err(Fault::argument(3, "offset must be 1 or greater"));
    }
    // A negative position is a huge one, as in C.
    let mut at = (position as u64 as usize).wrapping_sub(1);
    let mut values = 0;
    while let Some(item) = format.next()? {
        at = at.wrapping_add(format.padding(at, item));
        let mut size = item.size;
        piece(&data, at, size)?;
        if !stack.has_room(2) {
            return Err(Fault::text("stack overflow (too many results)"));
        }
        match item.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let number =
                    read_integer(piece(&data, at, size)?, format.is_little, item.letter.is_ascii_lowercase());
                stack.push_number(number);
                values += 1;
            }
            b'f' | b'd' => {
                let mut bytes = piece(&data, at, size)?.to_vec();
                stack.push_number(read_float(format.ordered(&mut bytes)));
                values += 1;
            }
            b'c' => {
                if size == 0 {
                    size = previous_size(stack, values)?;
                    values -= 1;
                }
                stack.push_bytes(piece(&data, at, size)?);
                values += 1;
            }
            b's' => {
                let rest = data.get(at..).unwrap_or_default();
                let end = memchr::memchr(0, rest).ok_or(Fault::text("unfinished string in data"))?;
                stack.push_bytes(&rest[..end]);
                size = end + 1;
                values += 1;
            }
            b'x' => {}
            letter => format.control(letter)?,
        }
        at = at.wrapping_add(size);
    }
    stack.push_number((at as u64).wrapping_add(1) as i64 as f64);
    Ok(values + 1)
}

/// `size` bytes of the data at `at`.
fn piece(data: &[u8], at: usize, size: usize) -> Result<&[u8], Fault> {
    at.checked_add(size).and_then(|end| data.get(at..end)).ok_or(Fault::argument(2, "data string too short"))
}

/// The size of a `c0`: the value before it, which it takes.
fn previous_size(stack: &mut Stack<'_>, values: i32) -> Result<usize, Fault> {
    let size = if values == 0 { None } else { stack.to_number(stack.top()) };
    let size = size.ok_or(Fault::text("format 'c0' needs a previous size"))?;
    stack.pop();
    Ok(integer_bits(size) as usize)
}

fn read_integer(bytes: &[u8], is_little: bool, is_signed: bool) -> f64 {
    let join = |bits: u64, byte: &u8| (bits << 8) | u64::from(*byte);
    let bits = if is_little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
    if !is_signed {
        return bits as f64;
    }
    // Shifts count modulo 64, as the processor has them.
    let sign = u64::MAX << (bytes.len().wrapping_mul(8).wrapping_sub(1) & 63);
    let extended = if bits & sign != 0 { bits | sign } else { bits };
    extended as i64 as f64
}

/// A float or a double, of little-endian bytes.
fn read_float(bytes: &[u8]) -> f64 {
    match bytes {
        [a, b, c, d] => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
        _ => bytes.try_into().map(f64::from_le_bytes).unwrap_or_default(),
    }
}

/// `struct.size(format)`.
fn size(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let mut format = Format::of_argument(stack)?;
    let mut at: usize = 0;
    while let Some(item) = format.next()? {
        at = at.wrapping_add(format.padding(at, item));
        match item.letter {
            b's' => return Err(Fault::argument(1, "option 's' has no fixed size")),
            b'c' if item.size == 0 => return Err(Fault::argument(1, "option 'c0' has no fixed size")),
            letter if !letter.is_ascii_alphanumeric() => format.control(letter)?,
            _ => {}
        }
        at = at.wrapping_add(item.size);
    }
    stack.push_number(at as i64 as f64);
    Ok(1)
}
