//! What must be written: module documentation, the promise of safety, and a map of the crates that is true.

use super::tree::Tree;

/// The crates where unsafe code may be; every other root forbids it.
const MAY_BE_UNSAFE: [&str; 4] = ["structs", "store", "net", "script"];

/// All findings of this module.
pub(crate) fn findings(tree: &Tree) -> Vec<String> {
    let mut said = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        if !file.text.starts_with("//!") && !file.path.contains("/fixtures/") {
            said.push(format!("{}: does not open with //!", file.path));
        }
        if is_root(&file.path) && !may_be_unsafe(&file.path) && !file.text.contains("#![forbid(unsafe_code)]")
        {
            said.push(format!("{}: does not say #![forbid(unsafe_code)]", file.path));
        }
    }
    if let Some(map) = tree.get("ARCHITECTURE.md") {
        said.extend(map_differences(tree, &map.text));
    }
    said
}

/// Whether a file is the root of a library or program.
fn is_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/src/bin/")
}

fn may_be_unsafe(path: &str) -> bool {
    let name = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next());
    path.starts_with("fuzz/") || name.is_some_and(|name| MAY_BE_UNSAFE.contains(&name))
}

fn map_differences(tree: &Tree, map: &str) -> Vec<String> {
    let crates = tree.crates();
    let mentioned = mentions(map);
    let mut said = Vec::new();
    for name in &crates {
        if !mentioned.iter().any(|word| word == name) {
            said.push(format!("ARCHITECTURE.md: does not mention crates/{name}"));
        }
    }
    for name in mentioned.iter().filter(|name| !crates.contains(&name.as_str())) {
        said.push(format!("ARCHITECTURE.md: mentions crates/{name}, which is not there"));
    }
    said
}

/// The names after every `crates/`.
fn mentions(map: &str) -> Vec<String> {
    let name =
        |rest: &str| -> String { rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect() };
    let mut found: Vec<String> =
        map.split("crates/").skip(1).map(name).filter(|name| !name.is_empty()).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::of;

    #[test]
    fn a_module_without_documentation_is_found() {
        assert_eq!(findings(&of(&[("crates/a/src/b.rs", "fn f() {}\n")])).len(), 1);
        assert!(findings(&of(&[("crates/a/src/b.rs", "//! What it is.\n")])).is_empty());
    }

    #[test]
    fn every_root_but_those_of_four_crates_forbids_unsafe_code() {
        for root in
            ["crates/a/src/lib.rs", "crates/a/src/main.rs", "crates/a/src/bin/b.rs", "xtask/src/main.rs"]
        {
            assert_eq!(findings(&of(&[(root, "//! What it is.\n")])).len(), 1, "{root}");
        }
        assert!(findings(&of(&[("crates/store/src/lib.rs", "//! What it is.\n")])).is_empty());
    }

    #[test]
    fn the_map_and_the_crates_agree_both_ways() {
        let tree = of(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/b/Cargo.toml", ""),
            ("ARCHITECTURE.md", "`crates/a` and `crates/gone`\n"),
        ]);
        let said = findings(&tree);
        assert_eq!(said.len(), 2, "{said:?}");
    }
}
