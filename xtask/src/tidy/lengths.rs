//! How long files and functions are.
//!
//! A function counts from its `fn` to its closing brace. Files count whole, tests included: a file whose tests outgrow
//! it has a second idea in it.

use super::lexer;
use super::tree::{File, Tree};

/// From here on a file deserves a thought.
const FILE_WARNING: usize = 400;
/// A file is never longer.
const FILE_LIMIT: usize = 600;
/// A function is never longer.
const FUNCTION_LIMIT: usize = 70;

/// Something longer than its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excess {
    /// The file, or file and function, `path::name`.
    pub(crate) place: String,
    /// Its length in lines.
    pub(crate) lines: usize,
    /// What it may have.
    pub(crate) limit: usize,
}

/// All files and functions beyond their limits.
pub(crate) fn excesses(tree: &Tree) -> Vec<Excess> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        if lines > FILE_LIMIT {
            found.push(Excess { place: file.path.clone(), lines, limit: FILE_LIMIT });
        }
        for (name, lines) in functions(file) {
            if lines > FUNCTION_LIMIT {
                let place = format!("{}::{name}", file.path);
                found.push(Excess { place, lines, limit: FUNCTION_LIMIT });
            }
        }
    }
    found
}

/// Files that are nearly too long, one sentence each.
pub(crate) fn warnings(tree: &Tree) -> Vec<String> {
    let rust = tree.files.iter().filter(|file| file.is_rust());
    rust.map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| (FILE_WARNING + 1..=FILE_LIMIT).contains(lines))
        .map(|(file, lines)| format!("{}: {lines} lines, think of splitting it", file.path))
        .collect()
}

/// Names and lengths of a file's functions.
fn functions(file: &File) -> Vec<(String, usize)> {
    let code = lexer::split(&file.text).code;
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let begins_word =
            start == 0 || !(bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_');
        let name: String =
            code[start + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !begins_word || name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(bytes, start) {
            let lines = code[start..end].matches('\n').count() + 1;
            found.push((name, lines));
        }
    }
    found
}

/// Where the body of the function at `start` ends; `None` for a declaration without one.
fn body_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (offset, byte) in bytes[start..].iter().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.checked_sub(1)?,
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 && brackets == 0 {
                    return Some(start + offset);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{excesses, functions, warnings};
    use crate::tidy::tree::of;

    #[test]
    fn functions_are_measured_from_fn_to_closing_brace() {
        let source = "trait T {\n    fn declared(&self, a: [u8; 3]);\n}\nfn short() {}\npub fn long<F>(f: F)\nwhere\n    F: Fn() \
                      -> u8,\n{\n    // }\n    if x { y(\"}\") }\n}\n";
        let tree = of(&[("crates/a/src/lib.rs", source)]);
        assert_eq!(functions(&tree.files[0]), [("short".to_owned(), 1), ("long".to_owned(), 7)]);
    }

    #[test]
    fn long_functions_and_files_exceed_and_nearly_long_files_warn() {
        let body = "    a();\n".repeat(70);
        let long = format!("fn f() {{\n{body}}}\n");
        let tree = of(&[
            ("crates/a/src/f.rs", &long),
            ("crates/a/src/g.rs", &"\n".repeat(601)),
            ("crates/a/src/h.rs", &"\n".repeat(500)),
            ("docs/long.md", &"\n".repeat(900)),
        ]);
        let places: Vec<(String, usize)> =
            excesses(&tree).into_iter().map(|excess| (excess.place, excess.lines)).collect();
        assert_eq!(places, [("crates/a/src/f.rs::f".to_owned(), 72), ("crates/a/src/g.rs".to_owned(), 601)]);
        assert_eq!(warnings(&tree).len(), 1);
    }
}
