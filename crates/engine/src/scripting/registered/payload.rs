//! A registered script as files and the log hold it.
//!
//! ```text
//!  1 | name | version | by | source | at, 8 bytes | checksum of all before, 8 bytes
//! ```
//!
//! Each of the four texts is its length in four bytes and its bytes. Numbers are little-endian. The payload proves itself, for
//! a script that is approved must be the one that was approved: checksums of files can be switched off.

use std::fmt;

use spinel_rdb::Checksum;

use super::name::{BAD_NAME, BAD_VERSION, Id, Name, Version};

/// Of this layout.
const LAYOUT: u8 = 1;
/// Bytes of a script's text.
pub(super) const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Bytes of what tells who registered a script.
const MAX_BY_BYTES: usize = 1024;
const CHECKSUM_BYTES: usize = 8;

/// What is wrong with a text.
pub(super) const BAD_SOURCE: &str =
    "the text of a script must be UTF-8 of up to 1 MiB, without control characters";

/// A registered script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) id: Id,
    /// Who registered it.
    pub(super) by: String,
    /// When, in Unix milliseconds.
    pub(super) at_ms: i64,
    pub(super) source: Vec<u8>,
}

/// Why bytes are no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadError {
    /// They are cut, or were changed.
    Damaged,
    /// A newer version wrote them: use that.
    Layout(u8),
    /// They say what no script can have.
    Content(&'static str),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("its checksum is wrong"),
            Self::Layout(layout) => write!(f, "its layout {layout} is that of a newer version"),
            Self::Content(what) => f.write_str(what),
        }
    }
}

/// Whether a text can be registered: whoever approves it must see what runs. So it is UTF-8 without control characters, and
/// without those that turn the order around in which it is shown.
pub(super) fn is_fit_source(source: &[u8]) -> bool {
    let is_fit = |c: char| {
        let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        matches!(c, '\t' | '\n' | '\r') || !c.is_control() && !turns
    };
    source.len() <= MAX_SOURCE_BYTES && str::from_utf8(source).is_ok_and(|text| text.chars().all(is_fit))
}

impl Payload {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![LAYOUT];
        let texts = [self.id.name.as_str(), self.id.version.as_str(), &self.by].map(str::as_bytes);
        for text in texts.into_iter().chain([&self.source[..]]) {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text);
        }
        out.extend_from_slice(&self.at_ms.to_le_bytes());
        let checksum = Checksum::of(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// # Errors
    /// [`PayloadError`]
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(PayloadError::Damaged)?;
        if Checksum::of(body) != u64::from_le_bytes(*checksum) {
            return Err(PayloadError::Damaged);
        }
        let (layout, mut rest) = body.split_first().ok_or(PayloadError::Damaged)?;
        if *layout != LAYOUT {
            return Err(PayloadError::Layout(*layout));
        }
        let mut text = || {
            let (length, behind) = rest.split_first_chunk::<4>().ok_or(PayloadError::Damaged)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (text, behind) = behind.split_at_checked(length).ok_or(PayloadError::Damaged)?;
            rest = behind;
            Ok(text)
        };
        let (name, version, by, source) = (text()?, text()?, text()?, text()?);
        let at_ms = i64::from_le_bytes(rest.try_into().map_err(|_| PayloadError::Damaged)?);
        let name = Name::new(name).ok_or(PayloadError::Content(BAD_NAME))?;
        let version = Version::new(version).ok_or(PayloadError::Content(BAD_VERSION))?;
        let by = str::from_utf8(by).ok().filter(|by| by.len() <= MAX_BY_BYTES);
        let by = by.ok_or(PayloadError::Content("who registered it is no text"))?.to_owned();
        if !is_fit_source(source) {
            return Err(PayloadError::Content(BAD_SOURCE));
        }
        Ok(Self { id: Id { name, version }, by, at_ms, source: source.to_vec() })
    }
}

/// Shortens what tells who registered a script to what a payload holds.
pub(super) fn fit_by(mut by: String) -> String {
    let end = (0..=MAX_BY_BYTES.min(by.len())).rev().find(|end| by.is_char_boundary(*end));
    by.truncate(end.unwrap_or(0));
    by
}

/// The check behind the fuzz target: what is accepted is written the same again. The checksum is put right first, since
/// nobody guesses it.
pub fn fuzz_registered(data: &[u8]) {
    let _ = Payload::decode(data);
    let sealed = [data, &Checksum::of(data).to_le_bytes()].concat();
    if let Ok(payload) = Payload::decode(&sealed) {
        assert_eq!(payload.encode(), sealed, "what is accepted is written the same again");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(source: &str) -> Payload {
        Payload {
            id: Id::of_file(b"pay@1.2").unwrap(),
            by: "default at 127.0.0.1:1".to_owned(),
            at_ms: 1_700_000_000_123,
            source: source.as_bytes().to_vec(),
        }
    }

    #[test]
    fn every_seed_of_the_fuzz_target_keeps_the_promise() {
        spinel_resp::fuzzing::check_corpus("registered_script", fuzz_registered);
    }

    #[test]
    fn texts_that_hide_something_are_refused() {
        for source in ["", "return 1\r\n\t-- \u{e4}\u{1F600}"] {
            assert!(is_fit_source(source.as_bytes()), "{source}");
        }
        for source in [&b"\xFF"[..], b"a\0b", b"\x1BLua", b"\x7F", "\u{202E}".as_bytes(), "\u{85}".as_bytes()]
        {
            assert!(!is_fit_source(source), "{}", source.escape_ascii());
        }
        assert!(
            is_fit_source(&vec![b' '; MAX_SOURCE_BYTES]) && !is_fit_source(&vec![b' '; MAX_SOURCE_BYTES + 1])
        );
    }

    #[test]
    fn no_single_changed_bit_and_no_cut_goes_unnoticed() {
        let encoded = sample("return 1").encode();
        for bit in 0..encoded.len() * 8 {
            let mut changed = encoded.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Payload::decode(&changed), Err(PayloadError::Damaged), "bit {bit}");
        }
        for end in 0..encoded.len() {
            assert_eq!(Payload::decode(&encoded[..end]), Err(PayloadError::Damaged), "{end}");
        }
    }

    #[test]
    fn what_no_script_can_have_is_told() {
        let sealed = |body: &[u8]| [body, &Checksum::of(body).to_le_bytes()].concat();
        assert_eq!(Payload::decode(&sealed(b"\x02")), Err(PayloadError::Layout(2)));
        assert_eq!(Payload::decode(&sealed(b"\x01")), Err(PayloadError::Damaged));
        let mut payload = sample("a\0");
        assert_eq!(Payload::decode(&payload.encode()), Err(PayloadError::Content(BAD_SOURCE)));
        payload = sample("");
        payload.by = "x".repeat(MAX_BY_BYTES + 1);
        assert!(Payload::decode(&payload.encode()).is_err());
        payload.by = fit_by("\u{e4}".repeat(MAX_BY_BYTES));
        assert!(Payload::decode(&payload.encode()).is_ok());
    }

    proptest! {
        #[test]
        fn payloads_are_read_as_written(
            name in "[a-z][a-z0-9:._-]{0,30}", version in "[0-9a-z][0-9.+-]{0,9}", by in "\\PC{0,60}",
            source in "[\\PC\n\t]{0,200}", at_ms in any::<i64>(),
        ) {
            let id = Id { name: Name::new(name.as_bytes()).unwrap(), version: Version::new(version.as_bytes()).unwrap() };
            let payload = Payload { id, by, at_ms, source: source.into_bytes() };
            prop_assume!(is_fit_source(&payload.source));
            prop_assert_eq!(Payload::decode(&payload.encode()), Ok(payload));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            fuzz_registered(&bytes);
            fuzz_registered(&[&[LAYOUT], &bytes[..]].concat());
        }
    }
}
