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

    /// Up to which magnitude a double without a fraction is printed as the integer it is, in full.
    const fn largest_plain_integer(self) -> f64 {
        match self {
            // 2^53: those have at most 16 digits and are exact, so C prints just the same.
            Self::SeventeenDigits => 9_007_199_254_740_992.0,
            // 2^62, half of the range of `i64`.
            Self::Shortest => 4_611_686_018_427_387_904.0,
        }
    }
}

/// Appends `number` as a reply shows it, in the style of [`DoubleStyle::CURRENT`].
pub fn format_double(number: f64, out: &mut Vec<u8>) {
    format_double_as(DoubleStyle::CURRENT, number, out);
}

/// Appends `number` in the given style.
pub fn format_double_as(style: DoubleStyle, number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        // Redis 7.0 prints the sign bit too, `-nan`, which RESP3 does not allow; 7.2 does not.
        out.extend_from_slice(b"nan");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" });
    } else if number.fract() == 0.0 && number.abs() <= style.largest_plain_integer() && number != 0.0 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn text(style: DoubleStyle, number: f64) -> String {
        let mut out = Vec::new();
        format_double_as(style, number, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What redis-server 7.0.15 answered to ZSCORE.
    #[test]
    fn seventeen_digits_look_as_in_redis_7_0() {
        for (number, expected) in [
            (0.1, "0.10000000000000001"),
            (0.3, "0.29999999999999999"),
            (100.5, "100.5"),
            (-1.5, "-1.5"),
            (3.0, "3"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123456789012345678.0, "1.2345678901234568e+17"),
            (9007199254740993.0, "9007199254740992"),
            (1e22, "1e+22"),
            (1e23, "9.9999999999999992e+22"),
            (1.23e102, "1.23e+102"),
            (1e-4, "0.0001"),
            (0.00012345, "0.00012344999999999999"),
            (1e-5, "1.0000000000000001e-05"),
            (2.5e-5, "2.5000000000000001e-05"),
            // Exactly 2.98023223876953125e-08: a tie in the last digit, rounded to even.
            (2f64.powi(-25), "2.9802322387695312e-08"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(text(DoubleStyle::SeventeenDigits, number), expected);
        }
    }

    #[test]
    fn the_shortest_digits_are_laid_out_as_in_redis_7_2() {
        for (number, expected) in [
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e17, "100000000000000000"),
            (4e18, "4000000000000000000"),
            (1e19, "1e+19"),
            (1.23456789012345e21, "1234567890123450000000"),
            (1.2345e22, "1.2345e+22"),
            (0.0012345, "0.0012345"),
            (0.00012345, "1.2345e-4"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(text(DoubleStyle::Shortest, number), expected);
        }
    }

    #[test]
    fn zeros_keep_their_sign_and_the_rest_have_names() {
        for style in [DoubleStyle::SeventeenDigits, DoubleStyle::Shortest] {
            assert_eq!(text(style, 0.0), "0");
            assert_eq!(text(style, -0.0), "-0");
            assert_eq!(text(style, f64::INFINITY), "inf");
            assert_eq!(text(style, f64::NEG_INFINITY), "-inf");
            assert_eq!(text(style, f64::NAN), "nan");
            assert_eq!(text(style, -f64::NAN), "nan");
        }
    }

    #[test]
    fn the_text_goes_behind_what_is_there() {
        let mut out = b",".to_vec();
        format_double(1.5, &mut out);
        assert_eq!(out, b",1.5");
    }

    proptest! {
        #[test]
        fn either_style_reads_back_as_the_same_double(number in any::<f64>()) {
            for style in [DoubleStyle::SeventeenDigits, DoubleStyle::Shortest] {
                prop_assert_eq!(text(style, number).parse::<f64>().unwrap().to_bits(), number.to_bits());
            }
        }

        #[test]
        fn integers_of_a_double_are_printed_as_integers(number in -9_007_199_254_740_992i64..=9_007_199_254_740_992) {
            for style in [DoubleStyle::SeventeenDigits, DoubleStyle::Shortest] {
                prop_assert_eq!(text(style, number as f64), number.to_string());
            }
        }
    }
}
