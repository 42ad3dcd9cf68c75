//! The known name that a misspelt one was probably meant to be.

/// The name with the least edit distance, if it is near enough to be a likely slip of the pen.
pub(super) fn nearest(word: &[u8], names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    const MAX_WORD: usize = 80;
    if word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let (name, distance) =
        names.map(|name| (name, distance(&word, name.as_bytes()))).min_by_key(|(_, distance)| *distance)?;
    (distance <= (word.len() / 3).max(1)).then_some(name)
}

/// Levenshtein's distance: insertions, deletions and replacements of bytes.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::super::registry::known_names;
    use super::*;

    #[test]
    fn slips_find_their_name_and_nonsense_does_not() {
        for (word, name) in [
            ("maxmemry", Some("maxmemory")),
            ("Requirepas", Some("requirepass")),
            ("slow-log-max-len", Some("slowlog-max-len")),
            ("includ", Some("include")),
            ("something-else-entirely", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word.as_bytes(), known_names()), name, "{word}");
        }
    }
}
