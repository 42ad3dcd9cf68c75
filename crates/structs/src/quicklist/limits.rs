//! How much a node may hold.

/// Nodes limited by their number of elements stay within this many bytes besides.
const SAFE_BYTES: usize = 8192;

/// The byte limits that the configured values -1 to -5 stand for.
const BYTE_LIMITS: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];

/// From this size on an element gets a node of its own, unless configured otherwise: 1 GiB.
const DEFAULT_PACKED_THRESHOLD: u32 = 1 << 30;

/// The limit of a node as `list-max-listpack-size` states it: a number of elements, or with -1 to -5 a
/// size of 4, 8, 16, 32 or 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill(i16);

impl Fill {
    /// The default of Redis 7: 8 KiB.
    pub const DEFAULT: Fill = Fill(-2);

    /// The limit a configured number means; what is out of range becomes the nearest that is not.
    pub fn from_config(number: i64) -> Self {
        Fill(number.clamp(-(BYTE_LIMITS.len() as i64), i64::from(i16::MAX)) as i16)
    }

    /// The number as configured.
    pub fn to_config(self) -> i64 {
        i64::from(self.0)
    }

    /// Whether a node may have `bytes` and `elements` in all.
    #[inline]
    pub(super) fn allows(self, bytes: usize, elements: usize) -> bool {
        match usize::try_from(self.0) {
            Ok(most) => bytes <= SAFE_BYTES && elements <= most,
            Err(_) => bytes <= BYTE_LIMITS[usize::from(self.0.unsigned_abs()) - 1],
        }
    }
}

/// What decides how a list's elements are spread over nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The limit of a node that holds several elements.
    pub fill: Fill,
    packed_threshold: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { fill: Fill::DEFAULT, packed_threshold: DEFAULT_PACKED_THRESHOLD }
    }
}

impl Limits {
    /// The default threshold with the given fill.
    pub fn with_fill(fill: Fill) -> Self {
        Limits { fill, ..Limits::default() }
    }

    /// Sets the size in bytes from which an element gets a plain node; 0 restores the default of 1 GiB.
    /// `None` when it is more than a listpack could hold, that is above 4 GiB less 1 MiB.
    pub fn packed_threshold(self, bytes: u64) -> Option<Self> {
        const MOST: u64 = (1 << 32) - (1 << 20);
        let packed_threshold = match bytes {
            0 => DEFAULT_PACKED_THRESHOLD,
            1..=MOST => bytes as u32,
            _ => return None,
        };
        Some(Limits { packed_threshold, ..self })
    }

    /// Whether an element of `bytes` needs a plain node.
    #[inline]
    pub(super) fn is_large(self, bytes: usize) -> bool {
        bytes >= self.packed_threshold as usize
    }
}
