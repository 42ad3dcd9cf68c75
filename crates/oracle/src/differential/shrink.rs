//! Making a failing stream short: delta debugging (Zeller, 1999) with a budget.
//!
//! Pieces of the stream are taken away as long as it still fails, large pieces first. The result need not be the shortest
//! stream there is, only one from which no single command can be taken, if the budget lasts.

use crate::generate::Step;

/// How often the stream is run again at most.
const BUDGET: usize = 600;

/// A part of `steps` that still fails by `fails`.
pub(super) fn shrink<E>(
    steps: &[Step],
    mut fails: impl FnMut(&[Step]) -> Result<bool, E>,
) -> Result<Vec<Step>, E> {
    let mut kept = steps.to_vec();
    let mut budget = BUDGET;
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut end = kept.len();
        while end > 0 && budget > 0 {
            let start = end.saturating_sub(size);
            let mut candidate = kept[..start].to_vec();
            candidate.extend_from_slice(&kept[end..]);
            budget -= 1;
            if !candidate.is_empty() && fails(&candidate)? {
                kept = candidate;
            }
            end = start;
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::generate::Step;

    #[test]
    fn only_what_is_needed_stays() {
        let step = |number: usize| Step { connection: 0, words: vec![number.to_string().into_bytes()] };
        let steps: Vec<Step> = (0..1000).map(step).collect();
        let needed = [step(17), step(400), step(999)];
        let short =
            shrink(&steps, |candidate| Ok::<bool, ()>(needed.iter().all(|step| candidate.contains(step))))
                .unwrap();
        assert_eq!(short, needed);
    }
}
