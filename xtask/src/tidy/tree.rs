//! The text files of the repository, read once.

use crate::Outcome;
use std::path::Path;

/// Hidden folders that belong to the repository nevertheless.
const HIDDEN: [&str; 4] = [".cargo", ".config", ".ci", ".github"];

/// One text file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl File {
    /// Whether it is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// All of them, sorted by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The files.
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads every text file below `root` but build output, hidden folders and binary files.
    pub(crate) fn read(root: &Path) -> Outcome<Tree> {
        let mut tree = Tree::default();
        tree.descend(root, "")?;
        tree.files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(tree)
    }

    /// The file of that path.
    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The names of the folders in `crates`, which have a manifest.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let manifests = self.files.iter().filter_map(|file| {
            file.path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        });
        manifests.filter(|name| !name.contains('/')).collect()
    }

    fn descend(&mut self, folder: &Path, prefix: &str) -> Outcome {
        let entries = std::fs::read_dir(folder)
            .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(|error| format!("cannot look at {path}: {error}"))?;
            let hidden =
                name == ".git" || kind.is_dir() && name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            if hidden {
                continue;
            }
            if kind.is_dir() && name != "target" {
                self.descend(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() && !name.ends_with(".lock") {
                let bytes =
                    std::fs::read(entry.path()).map_err(|error| format!("cannot read {path}: {error}"))?;
                if !bytes.contains(&0)
                    && let Ok(text) = String::from_utf8(bytes)
                {
                    self.files.push(File { path, text });
                }
            }
        }
        Ok(())
    }
}

/// A tree of given files, for the tests of rules.
#[cfg(test)]
pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| File { path: path.to_string(), text: text.to_string() });
    Tree { files: files.collect() }
}

#[cfg(test)]
mod tests {
    use super::{Tree, of};

    #[test]
    fn crates_are_the_folders_with_a_manifest() {
        let tree =
            of(&[("crates/resp/Cargo.toml", ""), ("crates/resp/fuzz/Cargo.toml", ""), ("Cargo.toml", "")]);
        assert_eq!(tree.crates(), ["resp"]);
    }

    #[test]
    fn this_repository_is_read_without_its_build_output() {
        let tree = Tree::read(&crate::workspace::root()).unwrap();
        assert!(tree.get("xtask/src/main.rs").is_some());
        assert!(tree.get(".cargo/config.toml").is_some());
        assert!(!workspace_has_output(&tree));
    }

    fn workspace_has_output(tree: &Tree) -> bool {
        tree.files.iter().any(|file| file.path.starts_with("target/") || file.path.starts_with(".git/"))
    }
}
