//! Formatting, lints and the style guide: what needs no server and no network.

use crate::bench::cargo;
use crate::{Outcome, process, tidy};

/// `cargo xtask check`.
pub(crate) fn run() -> Outcome {
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    process::run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    tidy::check(tidy::Ratchet::Hold)
}
