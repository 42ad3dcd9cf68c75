//! The texts of numbers: how a client may write one, and how the server writes it back.
//!
//! Numbers travel as text, so the exact grammar and the exact digits are part of the protocol. Three
//! kinds exist, each with the strictness of its counterpart in Redis 7.0:
//!
//! | kind | reads | writes |
//! |---|---|---|
//! | 64-bit integer | [`parse_i64`], [`parse_u64`]: canonical decimal only | [`push_i64`] |
//! | double | [`parse_f64`], [`parse_range_bound`], [`parse_weight`]: the grammar of C's `strtod` | [`format_double`], [`format_score`] |
//! | 80-bit extended | [`LongDouble::parse`]: the grammar of C's `strtold` | [`LongDouble::to_human`] |
//!
//! An integer text is *canonical*: the parser accepts a text if and only if writing the value gives the
//! same bytes again. That is what lets listpacks, intsets and small strings keep a number in place of its
//! text. Doubles have no such property; they are read generously and written with 17 digits.
//!
//! The 80-bit format exists because `INCRBYFLOAT` computes in C's `long double`, which is the x87
//! extended format on the machines that set the expectations: with its 64-bit mantissa `0.1 + 0.2` prints
//! as `0.3`. Emulating it in integers makes the result equal on every processor.
//!
//! Deliberately absent: locales, digit grouping, and the shortest round-trip texts of later releases.

mod decimal;
mod double;
mod exact;
mod integer;
mod longdouble;
mod scan;

pub use decimal::{format_fixed, format_human};
pub use double::{RangeBound, format_double, format_score, parse_f64, parse_range_bound, parse_weight};
pub use integer::{I64_MAX_LEN, IntBuffer, i64_digits, parse_i64, parse_u64, push_i64};
pub use longdouble::{LONG_DOUBLE_MAX_LEN, LongDouble};
