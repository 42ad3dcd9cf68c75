//! The check behind the fuzz target for configuration files.

use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, Invocation, Loaded, Rewrite, Settings, get, load, rewrite};

/// Loads `data` as a configuration file. Nothing may panic; and when it loads, the rewritten file loads too
/// and means the same, also when rewritten whole, and further rewrites change nothing.
pub fn fuzz_config(data: &[u8]) {
    let Some(first) = load_options(data) else { return };
    // Addresses are written without quotes, as the reference writes them.
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
    let addresses = &first.network.bind;
    if addresses.iter().any(|address| address.is_empty() || !address.iter().all(is_plain)) {
        return;
    }
    for extent in [Rewrite::Changed, Rewrite::Everything] {
        let text = rewrite(data, &first, extent);
        let second = load_options(&text).expect("a rewritten file loads");
        assert_eq!(show(&first), show(&second), "a rewritten file means the same");
        assert_eq!(first.security.renames, second.security.renames, "renames survive a rewrite");
        // The first rewrite of a file may still add an empty line at its end, as the reference's does.
        let settled = rewrite(&text, &second, extent);
        assert_eq!(rewrite(&settled, &second, extent), settled, "rewriting again and again changes nothing");
    }
}

fn load_options(text: &[u8]) -> Option<Settings> {
    let invocation = Invocation { file: None, reads_stdin: true, options: Vec::new() };
    load(&invocation, text, &NoDisk, &|name| name.eq_ignore_ascii_case(b"get"))
        .ok()
        .map(|Loaded { settings, .. }| settings)
}

fn show(settings: &Settings) -> Vec<(Vec<u8>, Vec<u8>)> {
    get(settings, &[b"*".to_vec()])
}

/// A disk with one directory and no files.
struct NoDisk;

impl Disk for NoDisk {
    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/"))
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }

    fn matching(&self, _: &Path, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn resolve_dir(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }

    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }
}
