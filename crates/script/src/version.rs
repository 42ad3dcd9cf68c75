//! The version of Redis that the server says it is, to scripts and to everybody else.
//!
//! It is the highest release whose commands for data are complete here. Clients, tools and suites decide by it what
//! they try, scanners which holes they look for.

/// In the form of INFO's `redis_version`.
pub const REDIS_VERSION: &str = "7.4.6";
/// In the form of `redis.REDIS_VERSION_NUM`: a byte for each part.
pub(crate) const REDIS_VERSION_NUMBER: u32 = 0x0007_0406;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_says_what_the_text_says() {
        let parts = REDIS_VERSION.split('.').map(|part| part.parse::<u32>().expect("a number"));
        assert_eq!(parts.fold(0, |number, part| number << 8 | part), REDIS_VERSION_NUMBER);
    }
}
