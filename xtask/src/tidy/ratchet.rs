//! What is too long today, written down so that it can only get better: `xtask/tidy-ratchet.txt`.
//!
//! One line per place, `LINES PLACE`. A place that grew, or is new, is an error; so is a line that promises more than
//! the place has, which `cargo xtask tidy --update` lowers. No command adds a line.

use super::Ratchet;
use super::lengths::Excess;
use crate::{Outcome, workspace};
use std::collections::BTreeMap;
use std::path::Path;

/// Compares with the ratchet file, or lowers it first; answers one sentence per difference.
pub(crate) fn compare(path: &Path, excesses: &[Excess], ratchet: Ratchet) -> Outcome<Vec<String>> {
    let text = if path.exists() { workspace::read(path)? } else { String::new() };
    let mut allowed = parse(&text)?;
    if ratchet == Ratchet::Lower {
        allowed = lowered(&allowed, excesses);
        workspace::write(path, &render(&allowed))?;
    }
    Ok(differences(&allowed, excesses))
}

fn parse(text: &str) -> Outcome<BTreeMap<String, usize>> {
    let mut allowed = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let parsed = line.split_once(' ').and_then(|(lines, place)| Some((place, lines.parse().ok()?)));
        let (place, lines) = parsed.ok_or_else(|| format!("not a line of the ratchet: {line}"))?;
        allowed.insert(place.to_owned(), lines);
    }
    Ok(allowed)
}

fn render(allowed: &BTreeMap<String, usize>) -> String {
    let mut text = String::from(
        "# Longer than the style guide allows: LINES PLACE. Lines may go and shrink, never come.\n",
    );
    for (place, lines) in allowed {
        text.push_str(&format!("{lines} {place}\n"));
    }
    text
}

fn lowered(allowed: &BTreeMap<String, usize>, excesses: &[Excess]) -> BTreeMap<String, usize> {
    let now =
        |place: &str| excesses.iter().filter(|excess| excess.place == place).map(|excess| excess.lines).max();
    allowed.iter().filter_map(|(place, lines)| Some((place.clone(), (*lines).min(now(place)?)))).collect()
}

fn differences(allowed: &BTreeMap<String, usize>, excesses: &[Excess]) -> Vec<String> {
    let mut said = Vec::new();
    for excess in excesses {
        let known = allowed.get(&excess.place).copied().unwrap_or(0);
        if excess.lines > known.max(excess.limit) {
            said.push(format!(
                "{}: {} lines, {} at most",
                excess.place,
                excess.lines,
                known.max(excess.limit)
            ));
        }
    }
    if lowered(allowed, excesses) != *allowed {
        said.push("tidy-ratchet.txt promises too much: lower it with 'cargo xtask tidy --update'".to_owned());
    }
    said
}

#[cfg(test)]
mod tests {
    use super::{differences, lowered, parse, render};
    use crate::tidy::lengths::Excess;

    fn excess(place: &str, lines: usize) -> Excess {
        Excess { place: place.to_owned(), lines, limit: 70 }
    }

    #[test]
    fn the_text_round_trips() {
        let allowed = parse("# c\n90 a.rs::f\n700 b.rs\n").unwrap();
        assert_eq!(parse(&render(&allowed)).unwrap(), allowed);
        assert!(parse("nonsense").is_err());
    }

    #[test]
    fn new_and_grown_places_are_said_and_held_ones_are_not() {
        let allowed = parse("90 a").unwrap();
        assert!(differences(&allowed, &[excess("a", 90)]).is_empty());
        assert_eq!(differences(&allowed, &[excess("a", 91)]).len(), 1);
        assert_eq!(differences(&allowed, &[excess("a", 90), excess("b", 71)]).len(), 1);
    }

    #[test]
    fn a_promise_no_longer_needed_is_said_and_lowering_takes_it_back() {
        let allowed = parse("90 a\n80 b").unwrap();
        let now = [excess("a", 85)];
        assert_eq!(differences(&allowed, &now).len(), 1);
        assert_eq!(lowered(&allowed, &now), parse("85 a").unwrap());
        assert_eq!(lowered(&allowed, &[excess("a", 99), excess("b", 80)]), allowed);
    }
}
