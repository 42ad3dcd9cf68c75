//! The group that a unix socket belongs to, by name.
//!
//! Names are asked of the system's own function, since they may lie elsewhere than in a file. It is the only reason for
//! unsafe code here.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::path::Path;

/// Room for the members of a group, which the system writes down beside its number.
const MAX_ROOM: usize = 1 << 20;

/// Why a socket is not a group's.
#[derive(Debug)]
pub enum GroupError {
    /// There is no such group, or the system does not say.
    Name(String, io::Error),
    /// The process may not give files to the group.
    Give(String, io::Error),
}

impl std::fmt::Display for GroupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(group, error) => write!(f, "getgrnam error for group '{group}': {error}"),
            Self::Give(group, error) => write!(f, "chown error for group '{group}': {error}"),
        }
    }
}

impl std::error::Error for GroupError {}

/// Gives a file to a group; nothing is done if there is no name.
pub(crate) fn give(path: &Path, group: &[u8]) -> Result<(), GroupError> {
    if group.is_empty() {
        return Ok(());
    }
    let name = || String::from_utf8_lossy(group).into_owned();
    let number = number_of(group).map_err(|error| GroupError::Name(name(), error))?;
    std::os::unix::fs::chown(path, None, Some(number)).map_err(|error| GroupError::Give(name(), error))
}

fn number_of(group: &[u8]) -> io::Result<u32> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "there is no such group");
    let name = CString::new(group).map_err(|_| unknown())?;
    let mut room = vec![0; 1024];
    loop {
        let mut entry = std::mem::MaybeUninit::<libc::group>::uninit();
        let mut found = std::ptr::null_mut();
        // SAFETY: 1. `name` ends with a zero byte and lives until the call is over. 2. `entry` and `found` are places of
        // the right types. 3. `room` is writable for the length that is told.
        let code = unsafe {
            libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &raw mut found)
        };
        match code {
            // SAFETY: the call succeeded and found the group, so it has filled `entry`.
            0 if !found.is_null() => return Ok(unsafe { entry.assume_init() }.gr_gid),
            0 => return Err(unknown()),
            libc::ERANGE if room.len() < MAX_ROOM => room.resize(room.len() * 2, 0),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_numbers() {
        assert_eq!(number_of(b"root").expect("every system has it"), 0);
        for name in [&b"no such group"[..], b"ro\0ot"] {
            assert_eq!(number_of(name).expect_err("there is none").kind(), io::ErrorKind::NotFound);
        }
        let error = give(Path::new("/nonexistent"), b"no-such").expect_err("there is none");
        assert_eq!(error.to_string(), "getgrnam error for group 'no-such': there is no such group");
    }
}
