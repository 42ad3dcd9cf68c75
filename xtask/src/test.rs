//! placeholder
use crate::{Outcome, args::Args};
pub(crate) fn run(_: &Args) -> Outcome {
    Ok(())
}
