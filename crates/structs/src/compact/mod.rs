//! Heap items as small as they can be: a pointer of eight bytes that owns one allocation with everything in
//! it.
//!
//! ```text
//! Member   | length | [expiry, 8 bytes] | bytes |
//! Field    | length of name | length of value | [expiry, 8 bytes] | name | value |
//! ```
//!
//! They are what large sets and hashes put into their [`Table`](crate::table::Table). Sizes, under the
//! allocator's classes ([`malloc_size`](crate::size_class::malloc_size)): a member of 8 bytes takes 16, of 16
//! bytes 24; a field of 8 + 7 bytes takes 24, of 15 + 32 bytes 56; up to 123 bytes a length costs one byte.
//!
//! No reference counts, no sharing, no encoding of numbers: who has an item has its bytes.

mod field;
mod length;
mod member;
mod raw;

pub use field::Field;
pub use member::Member;
