//! Lists of cores, as `server_cpulist` and its kin have them: `0,2,4-7`, `0-7:2`.
//!
//! ```text
//! list  = range *("," range)
//! range = core ["-" core [":" stride]]
//! ```
//!
//! Redis pins nothing if it cannot read a list, and says nothing; here it is an error.

use super::value::Reason;

/// Cores that the system's sets have room for; higher numbers mean none.
const MAX_CORES: usize = 1024;

/// What is wrong with a list; an empty one is none.
pub(super) fn check(list: &[u8]) -> Result<(), Reason> {
    if list.is_empty() || cores(list).is_some() {
        Ok(())
    } else {
        Err("argument must be a list of CPUs like 0,2,4-7 or 0-7:2".into())
    }
}

/// The cores that a list names.
pub(crate) fn cores(list: &[u8]) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for range in str::from_utf8(list).ok()?.split(',') {
        let (first, rest) = range.split_once('-').map_or((range, None), |(first, rest)| (first, Some(rest)));
        let (last, stride) = rest.map_or((first, "1"), |rest| rest.split_once(':').unwrap_or((rest, "1")));
        let (first, last, stride) = (number(first)?, number(last)?, number(stride)?);
        if first > last || stride == 0 {
            return None;
        }
        cores.extend((first..=last.min(MAX_CORES - 1)).step_by(stride));
    }
    Some(cores)
}

fn number(digits: &str) -> Option<usize> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{check, cores};

    #[test]
    fn lists_name_cores_ranges_and_strides() {
        for (list, expected) in [
            ("0", &[0][..]),
            ("0,2,3", &[0, 2, 3]),
            ("0,2-3", &[0, 2, 3]),
            ("0-7:2", &[0, 2, 4, 6]),
            ("5-5", &[5]),
            ("0,4-8:3,1", &[0, 4, 7, 1]),
            ("1022-5000", &[1022, 1023]),
            ("5000", &[]),
        ] {
            assert_eq!(cores(list.as_bytes()).as_deref(), Some(expected), "{list}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for list in
            ["x", ",", "0,", ",0", "0-", "-1", "3-2", "0-3:", "0-3:0", "0:2", "0 1", "0--1", "+1", "0x1"]
        {
            assert_eq!(cores(list.as_bytes()), None, "{list}");
            assert!(check(list.as_bytes()).is_err(), "{list}");
        }
        assert!(check(b"").is_ok() && check(b"0-7:2").is_ok());
    }
}
