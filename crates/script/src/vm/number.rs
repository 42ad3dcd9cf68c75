//! How numbers become text, in place of Luau's two functions.
//!
//! Scripts build keys and values with `..`, so it must be the format of Lua 5.1 to the digit: `%.14g`, where Luau prints the
//! shortest text that reads back. Luau does all its printing through two functions of one member of its archive. Here are
//! two of their (mangled) names: the linker, which reads objects before archives, never looks for those of Luau. The
//! test at the end fails should a new version name them otherwise.

use std::ffi::{c_char, c_long};

/// Room that Luau gives: `LUAI_MAXNUM2STR`.
const ROOM_BYTES: usize = 48;

/// Below this, `%.14g` prints an integer without an exponent.
const PLAIN_BELOW: f64 = 1e14;

/// Appends a number as Lua 5.1 prints it.
pub(crate) fn push_number(number: f64, out: &mut Vec<u8>) {
    let mut room = [0; ROOM_BYTES];
    let len = write_number(number, c"%.14g", &mut room);
    out.extend_from_slice(&room[..len]);
}

/// Appends a number with `digits` significant digits (`%.17g` for arguments of commands, up to 14 in JSON).
pub(crate) fn push_number_with(digits: u8, number: f64, out: &mut Vec<u8>) {
    let mut room = [0; ROOM_BYTES];
    // A buffer of its own size for the format: a percent sign, a dot, two digits at most, a `g`, the end.
    let mut format = [0; 8];
    let digits = digits.min(17);
    let text = [b'%', b'.', b'0' + digits / 10, b'0' + digits % 10, b'g', 0];
    format[..text.len()].copy_from_slice(&text);
    let format = std::ffi::CStr::from_bytes_until_nul(&format).expect("the format ends in a zero");
    let len = write_number(number, format, &mut room);
    out.extend_from_slice(&room[..len]);
}

fn write_number(number: f64, format: &std::ffi::CStr, room: &mut [u8; ROOM_BYTES]) -> usize {
    if let Some(integer) = plain_integer(number) {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(integer).as_bytes();
        // A format with less digits than the number has goes the long way, as does minus zero.
        if format == c"%.14g" || format == c"%.17g" {
            room[..text.len()].copy_from_slice(text);
            return text.len();
        }
    }
    // SAFETY: 1. `room` has as many bytes as is said, and snprintf writes no more, a zero included. 2. The format
    // has one conversion, for a double, and one double is given.
    let len = unsafe { libc::snprintf(room.as_mut_ptr().cast(), ROOM_BYTES, format.as_ptr(), number) };
    usize::try_from(len).unwrap_or(0).min(ROOM_BYTES - 1)
}

/// An integer that prints as its digits.
#[inline]
fn plain_integer(number: f64) -> Option<i64> {
    (number.abs() < PLAIN_BELOW && number.trunc() == number && (number != 0.0 || number.is_sign_positive()))
        .then_some(number as i64)
}

/// Luau's `char* luai_num2str(char*, double)`: writes a number and says where it ends.
///
/// # Safety
/// `buffer` has room for [`ROOM_BYTES`]; Luau promises that.
#[unsafe(export_name = "_Z12luai_num2strPcd")]
unsafe extern "C" fn num2str(buffer: *mut c_char, number: f64) -> *mut c_char {
    let mut room = [0; ROOM_BYTES];
    let len = write_number(number, c"%.14g", &mut room);
    // SAFETY: by the promise above; `len` is less than the room.
    unsafe { put(buffer, &room[..len]) }
}

/// Luau's `char* luai_int2str(char*, int64_t)`.
///
/// # Safety
/// As for [`num2str`].
#[unsafe(export_name = "_Z12luai_int2strPcl")]
unsafe extern "C" fn int2str(buffer: *mut c_char, integer: c_long) -> *mut c_char {
    let mut digits = itoa::Buffer::new();
    // SAFETY: by the promise above; an integer has 20 characters at most.
    unsafe { put(buffer, digits.format(integer).as_bytes()) }
}

/// Copies `text` to `buffer`, ends it with a zero, and says where that is.
///
/// # Safety
/// `buffer` has room for the text and one byte more.
unsafe fn put(buffer: *mut c_char, text: &[u8]) -> *mut c_char {
    // SAFETY: 1. The caller promises the room. 2. `text` is memory of ours and does not overlap with it.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, text.len());
        let end = buffer.add(text.len());
        *end = 0;
        end
    }
}

/// Reads a number at the beginning of a text as C does (`strtod`: hexadecimal ones, `inf` and `nan` among them), and says how
/// long it is; 0 if there is none.
///
/// # Panics
/// If the text does not end in a zero.
pub(crate) fn read_number(text: &[u8]) -> (f64, usize) {
    assert_eq!(text.last(), Some(&0), "the text ends in a zero");
    if let Some(read) = read_short_integer(text) {
        return read;
    }
    let mut end = std::ptr::null_mut();
    // SAFETY: 1. The text ends in a zero, so nothing behind it is read. 2. `end` is somewhere to write to.
    let number = unsafe { libc::strtod(text.as_ptr().cast(), &raw mut end) };
    (number, end as usize - text.as_ptr() as usize)
}

/// An integer of few digits, with nothing behind it that could belong to it.
fn read_short_integer(text: &[u8]) -> Option<(f64, usize)> {
    const MOST_DIGITS: usize = 15;
    let digits = text.iter().take(MOST_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let is_over = matches!(text.get(digits), Some(b',' | b']' | b'}' | b' ' | 0));
    if digits == 0 || digits > MOST_DIGITS || !is_over {
        return None;
    }
    let number = text[..digits].iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some((number as f64, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_lua_5_1_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1 + 0.2, "0.3"),
            (99_999_999_999_999.0, "99999999999999"),
            (1e14, "1e+14"),
            (1e15, "1e+15"),
            (9_007_199_254_740_992.0, "9.007199254741e+15"),
            (std::f64::consts::PI, "3.1415926535898"),
            (1e-5, "1e-05"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (-f64::NAN.abs(), "-nan"),
        ] {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn numbers_are_read_as_c_does() {
        for (text, number, len) in [
            (&b"12,\0"[..], 12.0, 2),
            (b"-1.5e3]\0", -1500.0, 6),
            (b"0x10\0", 16.0, 4),
            (b"inf\0", f64::INFINITY, 3),
            (b"x\0", 0.0, 0),
            (b"12345678901234567890 \0", 12_345_678_901_234_567_890.0, 20),
        ] {
            assert_eq!(read_number(text), (number, len), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn arguments_of_commands_keep_every_digit() {
        let mut out = Vec::new();
        push_number_with(17, 0.1, &mut out);
        out.push(b' ');
        push_number_with(17, 1e14, &mut out);
        out.push(b' ');
        push_number_with(3, 12345.0, &mut out);
        assert_eq!(out, b"0.10000000000000001 100000000000000 1.23e+04");
    }
}
