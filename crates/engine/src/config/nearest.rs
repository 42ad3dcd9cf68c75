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

/// How many slips turn one word into the other: insertions, deletions and replacements of bytes, and exchanges of
/// neighbours (Damerau and Levenshtein's distance, no byte being touched twice).
fn distance(one: &[u8], other: &[u8]) -> usize {
    // Rows of the table of distances between beginnings: two before, one before, this one.
    let mut earlier: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (i, &a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in other.iter().enumerate() {
            let mut least = (before[j] + usize::from(a != b)).min(before[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == other[j - 1] && one[i - 1] == b {
                least = least.min(earlier[j - 1] + 1);
            }
            row.push(least);
        }
        earlier = std::mem::replace(&mut before, row);
    }
    before[other.len()]
}

#[cfg(test)]
mod tests {
    use super::super::registry::known_names;
    use super::*;

    #[test]
    fn slips_find_their_name_and_nonsense_does_not() {
        for (word, name) in [
            ("maxmemry", Some("maxmemory")),
            ("prot", Some("port")),
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
