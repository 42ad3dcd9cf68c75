//! Doubles as text, to the letter of the reference.
//!
//! Redis up to 7.0 prints a double with C's `%.17g`: seventeen significant digits, so 0.1 shows as
//! `0.10000000000000001`. From 7.2 on it prints the shortest digits that read back as the same double. Which of the two a
//! server speaks must match the version it reports, because clients and test suites compare texts; [`DoubleStyle::CURRENT`]
//! is the one place that decides.
//!
//! Only finite doubles have a style; the others are `inf`, `-inf` and `nan`. Reading doubles is not done here, and neither
//! is the `long double` text of INCRBYFLOAT.

use std::io::Write;

/// A way to print a finite double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubleStyle {
    /// C's `%.17g`, as Redis does up to 7.0.
    SeventeenDigits,
    /// The shortest text that reads back as the same double, laid out as Redis does since 7.2. (Its digit generator misses
    /// the shortest form for about one double in a thousand; that is not imitated.)
    Shortest,
}

impl DoubleStyle {
    /// The style of the Redis release that the server reports itself as.
    pub const CURRENT: DoubleStyle = DoubleStyle::SeventeenDigits;
}

/// Appends `number` as a reply shows it, in the style of [`DoubleStyle::CURRENT`].
pub fn format_double(number: f64, out: &mut Vec<u8>) {
    format_double_as(DoubleStyle::CURRENT, number, out);
}

/// Appends `number` in the given style.
pub fn format_double_as(style: DoubleStyle, number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        out.extend_from_slice(b"nan");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" });
    } else if number.abs() < EXACT_INTEGERS && number.fract() == 0.0 && number != 0.0 {
        // Both styles print such a number as the integer it is.
        out.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else {
        if number.is_sign_negative() {
            out.push(b'-');
        }
        match style {
            DoubleStyle::SeventeenDigits => Decimal::seventeen_digits(number.abs()).write_general(out),
            DoubleStyle::Shortest => Decimal::shortest(number.abs()).write_compact(out),
        }
    }
}

/// Integers below 2^52 in magnitude are exact and have at most 16 digits.
const EXACT_INTEGERS: f64 = 4_503_599_627_370_496.0;

/// Significant digits of `%.17g`.
const PRECISION: usize = 17;

/// A positive number d.ddd * 10^exponent, without trailing zeros among its digits; zero is the digit 0.
struct Decimal {
    digits: [u8; PRECISION],
    len: usize,
    /// The decimal exponent of the first digit.
    exponent: i32,
}

impl Decimal {
    /// The 17 digits nearest to the exact value, ties to even, as C prints them.
    fn seventeen_digits(number: f64) -> Self {
        Self::from_scientific(format_args!("{number:.16e}"))
    }

    /// The fewest digits that are read as the same double.
    fn shortest(number: f64) -> Self {
        Self::from_scientific(format_args!("{number:e}"))
    }

    /// Takes `d.ddde-5` apart.
    fn from_scientific(text: std::fmt::Arguments<'_>) -> Self {
        let mut buf = [0; 32];
        let mut unused = &mut buf[..];
        unused.write_fmt(text).expect("a sign-less double of at most 17 digits has at most 23 characters");
        let free = unused.len();
        let text = &buf[..buf.len() - free];

        let split = text.iter().position(|byte| *byte == b'e').expect("scientific notation has an exponent");
        let mut decimal = Self { digits: [0; PRECISION], len: 0, exponent: 0 };
        for byte in text[..split].iter().filter(|byte| byte.is_ascii_digit()) {
            decimal.digits[decimal.len] = *byte;
            decimal.len += 1;
        }
        while decimal.len > 1 && decimal.digits[decimal.len - 1] == b'0' {
            decimal.len -= 1;
        }
        let exponent =
            crate::number::parse_integer(&text[split + 1..]).expect("the exponent is a plain integer");
        decimal.exponent = i32::try_from(exponent).expect("exponents of doubles have three digits");
        decimal
    }

    /// As `%.17g` lays it out: positional from 1e-4 to below 1e17, else scientific with at least two exponent digits.
    fn write_general(&self, out: &mut Vec<u8>) {
        if (-4..PRECISION as i32).contains(&self.exponent) {
            self.write_positional(out);
        } else {
            self.write_scientific(out, 2);
        }
    }

    /// As the digits of Redis 7.2 are laid out: long integers and small fractions stay positional a little longer, when
    /// few digits make them short.
    fn write_compact(&self, out: &mut Vec<u8>) {
        let last_place = self.exponent - (self.len as i32 - 1);
        let positional = if last_place >= 0 {
            self.exponent < self.len as i32 + 7
        } else {
            last_place > -7 || self.exponent.abs() < 4
        };
        if positional {
            self.write_positional(out);
        } else {
            self.write_scientific(out, 1);
        }
    }

    fn write_positional(&self, out: &mut Vec<u8>) {
        let digits = &self.digits[..self.len];
        let Ok(exponent) = usize::try_from(self.exponent) else {
            let zeros = self.exponent.unsigned_abs() as usize - 1;
            out.extend_from_slice(b"0.");
            out.resize(out.len() + zeros, b'0');
            out.extend_from_slice(digits);
            return;
        };
        let integer_len = exponent + 1;
        if self.len <= integer_len {
            out.extend_from_slice(digits);
            out.resize(out.len() + integer_len - self.len, b'0');
        } else {
            out.extend_from_slice(&digits[..integer_len]);
            out.push(b'.');
            out.extend_from_slice(&digits[integer_len..]);
        }
    }

    fn write_scientific(&self, out: &mut Vec<u8>, min_exponent_digits: usize) {
        out.push(self.digits[0]);
        if self.len > 1 {
            out.push(b'.');
            out.extend_from_slice(&self.digits[1..self.len]);
        }
        out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
        let mut buffer = itoa::Buffer::new();
        let exponent = buffer.format(self.exponent.unsigned_abs());
        if exponent.len() < min_exponent_digits {
            out.push(b'0');
        }
        out.extend_from_slice(exponent.as_bytes());
    }
}
