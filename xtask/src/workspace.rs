//! Where things are: the repository, the build output, the cache of references, scratch space.
//!
//! Every path of this program comes from here, so that none is written down absolutely anywhere.

use crate::Outcome;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies inside the repository").to_path_buf()
}

/// Cargo's output directory, as the environment says.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The cache of fetched references: `$SPINEL_CACHE`, or `refs` in Cargo's output directory.
pub(crate) fn cache() -> PathBuf {
    match std::env::var_os("SPINEL_CACHE") {
        Some(dir) => root().join(dir),
        None => target().join("refs"),
    }
}

/// The release binary of the server.
pub(crate) fn server() -> PathBuf {
    target().join("release").join("spinel")
}

/// A fresh directory with a short path (unix socket paths end at 107 bytes), removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Creates the directory below the system's temporary one.
    pub(crate) fn new() -> Outcome<Scratch> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("spx-{}-{number}", std::process::id()));
        make_dir(&path)?;
        Ok(Scratch(path))
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what cannot be removed lies in the system's temporary directory, which cleans itself.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Creates a directory and its parents.
pub(crate) fn make_dir(path: &Path) -> Outcome {
    std::fs::create_dir_all(path).map_err(|error| format!("cannot create {}: {error}", path.display()))
}

/// Reads a text file; bytes that are not UTF-8 become replacement characters.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first file in `folder` whose name holds `part`.
pub(crate) fn file_with(folder: &Path, part: &str) -> Outcome<PathBuf> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    entries
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().contains(part))
        .map(|entry| entry.path())
        .ok_or_else(|| format!("there is no {part} in {}", folder.display()))
}

/// Writes a file, creating its directory.
pub(crate) fn write(path: &Path, text: &str) -> Outcome {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Makes `link` a symbolic link to `target`, replacing what was there.
pub(crate) fn symlink(target: &Path, link: &Path) -> Outcome {
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(link).map_err(|error| format!("cannot replace {}: {error}", link.display()))?;
    }
    std::os::unix::fs::symlink(target, link)
        .map_err(|error| format!("cannot link {} to {}: {error}", link.display(), target.display()))
}

/// Marks a file as executable.
pub(crate) fn make_executable(path: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| format!("cannot make {} executable: {error}", path.display()))
}
