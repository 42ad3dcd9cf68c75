//! The scripts that are known, by their digests; every thread compiles them for itself ([`machine`](super::machine)).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use sha1::{Digest as _, Sha1};
use spinel_script::{ScriptFlags, script_head};

use super::habits::Habits;

/// The digest of a script.
pub(super) type Digest = [u8; 20];

/// What a digest is written with.
pub(super) const DIGEST_DIGITS: usize = 40;

/// A script that is known.
pub(super) struct Known {
    /// Its digest as clients write it.
    pub(super) name: Arc<[u8]>,
    pub(super) flags: ScriptFlags,
    pub(super) habits: Habits,
    pub(super) body: Arc<[u8]>,
    /// It is registered, under a name that is in force.
    is_registered: AtomicBool,
}

impl Known {
    /// Whether it is registered, under a name that is in force.
    pub(super) fn is_registered(&self) -> bool {
        self.is_registered.load(Ordering::Relaxed)
    }
}

/// All scripts that are known; protects itself.
#[derive(Default)]
pub(super) struct KnownScripts {
    by_digest: RwLock<HashMap<Digest, Arc<Known>>>,
    /// How often all were forgotten.
    generation: AtomicU64,
    /// How many there are, and the bytes of their texts, for INFO.
    count: AtomicUsize,
    bytes: AtomicUsize,
}

/// The digest of a text.
pub(super) fn digest_of(text: &[u8]) -> Digest {
    Sha1::digest(text).into()
}

/// A digest as clients write it: 40 hexadecimal digits.
pub(super) fn shown(digest: &Digest) -> Arc<[u8]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    digest.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// Reads a digest, in letters of either case.
pub(super) fn read(text: &[u8]) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 2 * digest.len() {
        return None;
    }
    let mut all = 0;
    for (byte, digits) in digest.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (DIGIT_VALUES[usize::from(digits[0])], DIGIT_VALUES[usize::from(digits[1])]);
        all |= high | low;
        *byte = high << 4 | low & 15;
    }
    (all & NO_DIGIT == 0).then_some(digest)
}

/// The digits of a digest, however they are written.
pub(super) fn digits_of(text: &[u8]) -> Option<[u8; DIGEST_DIGITS]> {
    read(text).and_then(|_| text.try_into().ok())
}

const NO_DIGIT: u8 = 1 << 7;

/// What each byte counts as a hexadecimal digit.
const DIGIT_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        let (lower, upper) = (b"0123456789abcdef"[digit], b"0123456789ABCDEF"[digit]);
        values[lower as usize] = digit as u8;
        values[upper as usize] = digit as u8;
        digit += 1;
    }
    values
};

impl KnownScripts {
    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Known>> {
        self.by_digest.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Makes a script known, unless it is.
    pub(super) fn add(
        &self,
        digest: Digest,
        flags: ScriptFlags,
        habits: Habits,
        body: impl Into<Arc<[u8]>> + AsRef<[u8]>,
    ) -> Arc<Known> {
        let mut scripts = self.by_digest.write().unwrap_or_else(PoisonError::into_inner);
        let known = scripts.entry(digest).or_insert_with(|| {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(body.as_ref().len(), Ordering::Relaxed);
            let is_registered = AtomicBool::new(false);
            Arc::new(Known { name: shown(&digest), flags, habits, body: body.into(), is_registered })
        });
        Arc::clone(known)
    }

    /// Makes a registered script known.
    pub(super) fn register(&self, digest: Digest, body: &Arc<[u8]>) {
        // One that cannot be read here says so when it is called.
        let flags = script_head(body).map(|head| head.flags).unwrap_or_default();
        self.add(digest, flags, Habits::of(body), Arc::clone(body))
            .is_registered
            .store(true, Ordering::Relaxed);
    }

    /// Forgets a script that is not registered any more.
    pub(super) fn unregister(&self, digest: &Digest) {
        self.retain(|other, _| other != digest);
    }

    /// Forgets all that are not registered.
    pub(super) fn clear(&self) {
        self.retain(|_, known| known.is_registered());
    }

    fn retain(&self, stays: impl Fn(&Digest, &Known) -> bool) {
        let mut scripts = self.by_digest.write().unwrap_or_else(PoisonError::into_inner);
        scripts.retain(|digest, known| stays(digest, known));
        self.count.store(scripts.len(), Ordering::Relaxed);
        self.bytes.store(scripts.values().map(|known| known.body.len()).sum(), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_they_are_shown() {
        let digest = digest_of(b"return 5");
        assert_eq!(&*shown(&digest), b"4ca238f611c9d0ae4e9a75a5dbac22aedc379801");
        assert_eq!(read(&shown(&digest).to_ascii_uppercase()), Some(digest));
        for text in [&b""[..], b"4ca2", &[b'x'; 40], &[0xFF; 40]] {
            assert_eq!(read(text), None);
        }
    }
}
