//! A moment as people write it: Unix seconds, or a date and a time of day in UTC.
//!
//! | written | means |
//! |---|---|
//! | `1767225600`, `1767225600.25` | seconds since 1970 |
//! | `2026-01-01 00:00:00`, `2026-01-01 00:00:00.25` | UTC |
//! | `2026-01-01T00:00:00Z`, `2026-01-01T01:00:00+01:00` | RFC 3339 |
//!
//! What is finer than a millisecond is dropped. Years are those from 1970 to 9999.

use std::fmt;
use std::str::FromStr;

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
/// The last moment of the year 9999.
const LAST_MS: u64 = 2_932_897 * MS_PER_DAY - 1;

/// Milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(pub u64);

/// It is not written as a moment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAMoment;

impl fmt::Display for NotAMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("argument must be Unix seconds, or a time in UTC like '2026-01-31 23:59:59.999'")
    }
}

impl std::error::Error for NotAMoment {}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let text = text.trim();
        let is_date = text.get(4..5) == Some("-");
        let ms = if is_date { date_and_time(text) } else { unix_seconds(text) };
        ms.filter(|ms| *ms <= LAST_MS).map(Self).ok_or(NotAMoment)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms) = *self;
        let (year, month, day) = civil(ms / MS_PER_DAY);
        let (seconds, ms) = (ms % MS_PER_DAY / 1000, ms % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03} UTC")
    }
}

fn unix_seconds(text: &str) -> Option<u64> {
    let (seconds, ms) = with_fraction(text)?;
    // More digits would be milliseconds by mistake, or nonsense.
    (seconds.len() <= 12).then(|| Some(digits(seconds)? * 1000 + ms)).flatten()
}

fn date_and_time(text: &str) -> Option<u64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let days = days_since_1970(year, month, day)?;
    if rest.is_empty() {
        return Some(days * MS_PER_DAY);
    }
    let rest = rest.strip_prefix([' ', 'T', 't'])?;
    let (time, ahead_ms) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], zone(&rest[at..])?),
        None => (rest.strip_suffix(" UTC").unwrap_or(rest), 0),
    };
    let (time, ms) = with_fraction(time)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let ms = days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    ms.checked_add_signed(-ahead_ms)
}

/// How far a zone's clocks are ahead, in milliseconds.
fn zone(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(&text[1..], ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) as i64 * 60_000)
}

/// What stands in front of a fraction of a second, and the milliseconds of the fraction.
fn with_fraction(text: &str) -> Option<(&str, u64)> {
    let Some((whole, fraction)) = text.split_once('.') else { return Some((text, 0)) };
    digits(fraction)?;
    let ms: String = fraction.chars().chain("00".chars()).take(3).collect();
    Some((whole, digits(&ms)?))
}

/// Numbers of so many digits, with `between` between them.
fn numbers<const N: usize>(text: &str, between: char, lengths: [usize; N]) -> Option<[u64; N]> {
    let mut found = [0; N];
    let mut words = text.split(between);
    for (found, length) in found.iter_mut().zip(lengths) {
        let word = words.next().filter(|word| word.len() == length)?;
        *found = digits(word)?;
    }
    words.next().is_none().then_some(found)
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok().or(Some(u64::MAX / 2000)) } else { None }
}

/// Days before the first of January of a year, counted from year 0 of the calendar.
fn days_before_year(year: u64) -> u64 {
    let before = year.saturating_sub(1);
    year * 365 + if year == 0 { 0 } else { before / 4 - before / 100 + before / 400 + 1 }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) {
        return None;
    }
    let before_month: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    Some(days_before_year(year) - days_before_year(1970) + before_month + day - 1)
}

/// Year, month and day of a day since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + days_before_year(1970);
    let mut year = days / 366;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut left = days - days_before_year(year);
    let mut month = 1;
    while left >= days_of_month(year, month) {
        left -= days_of_month(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::{LAST_MS, Moment, NotAMoment};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn moments_are_read_as_date_1_reads_them() {
        // By `date -u -d ... +%s`.
        for (text, ms) in [
            ("0", 0),
            ("1767225600", 1_767_225_600_000),
            ("1767225600.2", 1_767_225_600_200),
            ("1767225600.2509", 1_767_225_600_250),
            ("1970-01-01 00:00:00", 0),
            ("2000-02-29 12:00:00", 951_825_600_000),
            ("2026-11-21 19:35:02", 1_795_289_702_000),
            ("2026-11-21 19:35:02.5", 1_795_289_702_500),
            ("2026-11-21 19:35:02.500 UTC", 1_795_289_702_500),
            ("2026-11-21T19:35:02Z", 1_795_289_702_000),
            ("2026-11-21t20:35:02.001+01:00", 1_795_289_702_001),
            ("2026-11-21T14:05:02-05:30", 1_795_289_702_000),
            ("2026-11-21", 1_795_219_200_000),
            ("2100-03-01 00:00:00", 4_107_542_400_000),
            ("9999-12-31 23:59:59.999", LAST_MS),
        ] {
            assert_eq!(text.parse(), Ok(Moment(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            " ",
            "-1",
            "now",
            "1e9",
            "1767225600000000",
            "2026-13-01 00:00:00",
            "2026-02-29 00:00:00",
            "2026-01-01 24:00:00",
            "2026-01-01 00:60:00",
            "2026-01-01 00:00:60",
            "2026-1-1 00:00:00",
            "1969-12-31 23:59:59",
            "2026-01-01 00:00",
            "2026-01-01 00:00:00.",
            "2026-01-01 00:00:00.x",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01 00:00:00 CET",
            "1970-01-01T00:00:00+01:00",
            "2026-0é-01",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(NotAMoment), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_it_was(ms in 0..=LAST_MS) {
            prop_assert_eq!(Moment(ms).to_string().parse(), Ok(Moment(ms)));
        }

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), digits in "[0-9:. TZ+-]{0,30}") {
            let _ = text.parse::<Moment>();
            let _ = format!("2026{digits}").parse::<Moment>();
        }
    }
}
