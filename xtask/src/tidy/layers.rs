//! Which crate may know which: arrows point to lower layers only.
//!
//! The table below is the one place that says it. A crate missing from it is an error, so that each new one is placed
//! by decision. Dev-dependencies are free: tests may look at everything.

use super::tree::Tree;

/// Crates from the bottom up; those of one row do not know each other.
const LAYERS: [&[&str]; 9] = [
    &["resp", "spec", "spec-derive", "structs"],
    &["store"],
    &["family"],
    &["commands"],
    &["aof", "rdb", "script"],
    &["engine"],
    &["net", "cli"],
    &["server"],
    &["testkit", "oracle"],
];

/// Every arrow that does not point down, and every crate without a layer.
pub(crate) fn findings(tree: &Tree) -> Vec<String> {
    let mut said = Vec::new();
    for name in tree.crates() {
        let Some(layer) = layer(name) else {
            said.push(format!("crates/{name}: not in the table of layers (xtask/src/tidy/layers.rs)"));
            continue;
        };
        let manifest = tree.get(&format!("crates/{name}/Cargo.toml")).map_or("", |file| &file.text);
        for known in dependencies(manifest) {
            if super::layers::layer(&known).is_none_or(|other| other >= layer) {
                said.push(format!("crates/{name}: depends on {known}, which does not lie below it"));
            }
        }
    }
    said
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&name))
}

/// Our own crates among the dependencies of a manifest, build-dependencies included.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut counts = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            counts = section.contains("dependencies") && !section.contains("dev-dependencies");
        } else if let (true, Some(rest)) = (counts, line.strip_prefix("spinel-")) {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{dependencies, findings};
    use crate::tidy::tree::of;

    #[test]
    fn an_arrow_upwards_or_sideways_is_found_and_a_dev_arrow_is_not() {
        let manifest = "[dependencies]\nspinel-resp.workspace = true\nspinel-engine = { path = \"x\" }\n\
                        [dev-dependencies]\nspinel-testkit.workspace = true\n";
        let tree = of(&[("crates/store/Cargo.toml", manifest)]);
        let said = findings(&tree);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("engine"));
        let sideways = of(&[("crates/resp/Cargo.toml", "[dependencies]\nspinel-spec.workspace = true\n")]);
        assert_eq!(findings(&sideways).len(), 1);
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        assert_eq!(findings(&of(&[("crates/stray/Cargo.toml", "")])).len(), 1);
    }

    #[test]
    fn only_our_own_crates_are_dependencies_here() {
        let manifest = "[package]\nspinel-x = 1\n[dependencies]\nmemchr.workspace = true\nspinel-spec-derive.workspace = true\n";
        assert_eq!(dependencies(manifest), ["spec-derive"]);
    }
}
