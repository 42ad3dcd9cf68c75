//! placeholder
use crate::{Outcome, args::Args};
pub(crate) enum Ratchet {
    Hold,
}
pub(crate) fn run(_: &Args) -> Outcome {
    Ok(())
}
pub(crate) fn check(_: Ratchet) -> Outcome {
    Ok(())
}
