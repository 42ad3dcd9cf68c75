//! Words and names that the tree does not contain.
//!
//! The lists are spelled in pieces here, since this file is read by its own rules.

use super::lexer;
use super::tree::{File, Tree};

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 9] =
    ["utils", "util", "common", "helpers", "helper", "types", "consts", "constants", "prelude"];
/// Marks of work left undone, in comments.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Macros that have no place in finished code.
const MACROS: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
/// Folders of the machines this was written on.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
/// Package registries: their addresses are the machine's business.
const REGISTRIES: [&str; 9] = [
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("snapshot.debian", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("proxy.golang", ".org"),
    concat!("registry.npmjs", ".org"),
];

/// All findings of this module.
pub(crate) fn findings(tree: &Tree) -> Vec<String> {
    let mut said = Vec::new();
    for file in &tree.files {
        said.extend(empty_name(file));
        said.extend(lines(file));
        if file.is_rust() {
            said.extend(undone(file));
        }
    }
    said
}

fn empty_name(file: &File) -> Option<String> {
    let parts = file.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let mut parts = if file.is_rust() { parts } else { return None };
    let name = parts.find(|part| EMPTY_NAMES.contains(part))?;
    Some(format!("{}: the name '{name}' says nothing", file.path))
}

fn lines(file: &File) -> Vec<String> {
    let mut said = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut say = |what: String| said.push(format!("{}:{}: {what}", file.path, index + 1));
        if is_data(&file.path) {
            break;
        }
        if line.ends_with([' ', '\t']) {
            say("blanks at the end".to_owned());
        }
        for path in MACHINE_PATHS.iter().filter(|path| mentions_path(line, path)) {
            say(format!("a path of one machine: {path}"));
        }
        for host in REGISTRIES.iter().filter(|host| line.contains(**host)) {
            say(format!("the address of a registry: {host}"));
        }
    }
    if !is_data(&file.path) && !file.text.is_empty() && !file.text.ends_with('\n') {
        said.push(format!("{}: no line break at the end", file.path));
    }
    said
}

/// Whether an absolute path begins there, as opposed to a longer one that contains the folder.
fn mentions_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/*}>".contains(c))
    })
}

fn undone(file: &File) -> Vec<String> {
    let views = lexer::split(&file.text);
    let mut said = Vec::new();
    for (index, (code, comment)) in views.code.lines().zip(views.comments.lines()).enumerate() {
        let marker = MARKERS.iter().find(|word| has_word(comment, word));
        let call = MACROS.iter().find(|word| has_word(code, word));
        if let Some(word) = marker.or(call) {
            said.push(format!("{}:{}: '{word}': finish it or say it in an issue", file.path, index + 1));
        }
    }
    said
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

/// Whether a file holds bytes for tests rather than something people write: its lines mean what they are.
fn is_data(path: &str) -> bool {
    path.starts_with("fuzz/corpus/")
        || (path.starts_with("crates/") && [".txt", ".tsv", ".conf"].iter().any(|end| path.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::{MACHINE_PATHS, MARKERS, REGISTRIES, findings};
    use crate::tidy::tree::of;

    fn count(path: &str, text: &str) -> usize {
        findings(&of(&[(path, text)])).len()
    }

    #[test]
    fn empty_names_are_found_in_files_and_folders() {
        assert_eq!(count("crates/a/src/utils.rs", ""), 1);
        assert_eq!(count("crates/a/src/common/mod.rs", ""), 1);
        assert_eq!(count("crates/a/src/utilities_of_war.rs", ""), 0);
        assert_eq!(count("docs/types.md", ""), 0);
    }

    #[test]
    fn marks_of_undone_work_are_found_in_comments_and_macros_in_code() {
        for marker in MARKERS {
            assert_eq!(count("a.rs", &format!("f(); // {marker}: later\n")), 1);
            assert_eq!(count("a.rs", &format!("f(\"{marker}\"); // {marker}S\n")), 0);
        }
        assert_eq!(count("a.rs", "fn f() { todo!() }\n"), 1);
        assert_eq!(count("a.rs", "// say dbg! never\n"), 0);
    }

    #[test]
    fn machine_paths_registries_and_blanks_are_found_in_every_text() {
        for path in MACHINE_PATHS {
            assert_eq!(count("a.md", &format!("see {path}x\n")), 1);
            assert_eq!(count("a.md", &format!("see sub{path}x and $X{path}x\n")), 0);
        }
        assert_eq!(count("a.toml", &format!("u = \"https://{}/x\"\n", REGISTRIES[0])), 1);
        assert_eq!(count("a.md", "x \n"), 1);
        assert_eq!(count("a.md", "x"), 1);
    }
}
