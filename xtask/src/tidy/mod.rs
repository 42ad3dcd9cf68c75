//! The style guide as a test.
//!
//! Each rule is a function from the tree to findings; none of them needs a compiler. What is only a matter of size
//! (files, functions) is held by a ratchet that may shrink; every other finding is an error at once.

mod documents;
mod layers;
mod lengths;
mod lexer;
mod ratchet;
mod tree;
mod words;

use crate::args::Args;
use crate::{Outcome, workspace};
use lengths::Excess;
use tree::Tree;

/// What a run may do to the ratchet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ratchet {
    /// Compare with it.
    Hold,
    /// Lower it to what the tree has now; it never rises.
    Lower,
}

/// `cargo xtask tidy`.
pub(crate) fn run(args: &Args) -> Outcome {
    check(if args.has("update") { Ratchet::Lower } else { Ratchet::Hold })
}

/// Applies every rule to the repository.
pub(crate) fn check(ratchet: Ratchet) -> Outcome {
    let root = workspace::root();
    let tree = Tree::read(&root)?;
    let mut findings = Vec::new();
    findings.extend(words::findings(&tree));
    findings.extend(documents::findings(&tree));
    findings.extend(layers::findings(&tree));
    let excesses: Vec<Excess> = lengths::excesses(&tree);
    findings.extend(ratchet::compare(&root.join("xtask/tidy-ratchet.txt"), &excesses, ratchet)?);
    for warning in lengths::warnings(&tree) {
        println!("warning: {warning}");
    }
    for finding in &findings {
        println!("error: {finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files are as the style guide wants them", tree.files.len());
            Ok(())
        }
        count => Err(format!("{count} findings of tidy")),
    }
}
