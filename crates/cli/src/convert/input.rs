//! The input: what kind of files it is, opened to be read.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use spinel_aof::disk::{Disk, RealDisk};
use spinel_aof::{Directory, Names};

const MANIFEST: &str = ".manifest";
/// The disk is the folder itself.
const HERE: &str = ".";

/// The input.
pub(super) struct Input {
    pub(super) directory: Directory,
    /// Stands before the names of its files where these are not what was asked for.
    pub(super) prefix: String,
    /// What it is called.
    pub(super) path: String,
    /// What it is.
    pub(super) what: &'static str,
}

impl Input {
    /// Finds out what lies at `path`.
    pub(super) fn open(path: &str) -> Result<Self, String> {
        let metadata = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?;
        if metadata.is_dir() {
            let name = only_manifest(path)?;
            return Self::of_log(path, Path::new(path), &name);
        }
        let (folder, name) = split(path)?;
        match name.strip_suffix(MANIFEST) {
            Some(_) => Self::of_log(path, &folder, &name),
            None => Self::of_file(path, &folder, &name),
        }
    }

    fn of_log(path: &str, folder: &Path, manifest: &str) -> Result<Self, String> {
        let prefix = manifest.strip_suffix(MANIFEST).unwrap_or(manifest);
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
        let directory = Directory::read(disk, Names::new(HERE, prefix))
            .map_err(|error| format!("{}/{manifest}: {}", folder.display(), error.log_lines().join(" ")))?;
        if directory.manifest().is_empty() {
            return Err(format!("{path}: the manifest names no file"));
        }
        let prefix = format!("{}/", folder.display());
        Ok(Self { directory, prefix, path: path.to_owned(), what: "an append-only file with a manifest" })
    }

    fn of_file(path: &str, folder: &Path, name: &str) -> Result<Self, String> {
        let mut front = Vec::new();
        File::open(path)
            .and_then(|file| file.take(6).read_to_end(&mut front))
            .map_err(|error| format!("{path}: {error}"))?;
        let is_snapshot = front.starts_with(b"REDIS") || front == b"VALKEY";
        let is_log = front.starts_with(b"*") || front.starts_with(b"#");
        if !is_snapshot && !is_log {
            return Err(format!("{path} is neither an RDB file nor an append-only file"));
        }
        let directory = Directory::of_file(Arc::new(RealDisk::new(folder)), HERE, name);
        let prefix = match path.strip_suffix(name) {
            Some(prefix) => prefix.to_owned(),
            None => String::new(),
        };
        let what = if is_log { "an append-only file" } else { "a snapshot" };
        Ok(Self { directory, prefix, path: path.to_owned(), what })
    }
}

/// The folder and the name of what lies at `path`, or would.
pub(super) fn split(path: &str) -> Result<(std::path::PathBuf, String), String> {
    let path_of = Path::new(path);
    let name = path_of.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("'{path}' is not the name of a file or folder"))?;
    let folder = match path_of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => Path::new(".").to_path_buf(),
    };
    Ok((folder, name.to_owned()))
}

/// The name of the manifest in a folder.
fn only_manifest(folder: &str) -> Result<String, String> {
    let names = RealDisk::new(folder).list("").map_err(|error| format!("{folder}: {error}"))?;
    let mut manifests =
        names.into_iter().filter(|name| name.ends_with(MANIFEST) && !name.starts_with("temp-"));
    match (manifests.next(), manifests.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => {
            Err(format!("{folder} holds no manifest, so it is not the folder of an append-only file"))
        }
        (Some(_), Some(_)) => Err(format!("{folder} holds several manifests: name the one that is meant")),
    }
}
