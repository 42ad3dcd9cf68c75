//! How the log says that elements of a list were removed by their places: in commands that every server knows.
//!
//! Those at the ends are popped. There is no command that removes another by its index: it is replaced by a word that no other
//! element is, and all elements that are this word are removed, in one pass. Who reads the log must see all of these commands
//! or none.
//!
//! ```text
//! a [b] c [d] [e]      RPOP key 2 · LSET key 1 word · LREM key 1 word
//! ```

use spinel_resp::OwnedArgs;
use spinel_structs::hash::{HashKey, hash_bytes};

/// What a stand-in begins with.
const STAND_IN: &str = "spinel:expired:";

/// A word that no element of a list is: 128 bits that nobody can foresee who does not know the key of the hash function.
#[derive(Clone, Debug)]
pub struct StandIn(String);

impl StandIn {
    /// Makes one of random numbers.
    #[must_use]
    pub fn new(hash_key: &HashKey, mut random: impl FnMut() -> u64) -> Self {
        let mut half = || hash_bytes(hash_key, &random().to_le_bytes());
        Self(format!("{STAND_IN}{:016x}{:016x}", half(), half()))
    }
}

/// The commands that remove the elements at indexes, which ascend, of a list that had a length. Nothing for no indexes.
#[must_use]
pub fn removal_words(key: &[u8], indexes: &[usize], len: usize, stand_in: &StandIn) -> Vec<OwnedArgs> {
    let first = indexes.iter().enumerate().take_while(|(place, index)| place == *index).count();
    let rest = &indexes[first..];
    let from_end = |index: usize| len - 1 - index;
    let last = rest.iter().rev().enumerate().take_while(|(place, index)| *place == from_end(**index)).count();
    let inner = &rest[..rest.len() - last];
    let mut commands = Vec::with_capacity(inner.len() + 3);
    commands.extend(popping(b"LPOP", key, first));
    commands.extend(popping(b"RPOP", key, last));
    let word = stand_in.0.as_bytes();
    for index in inner {
        let index = (index - first).to_string();
        commands.push(OwnedArgs::from_words([b"LSET".as_slice(), key, index.as_bytes(), word]));
    }
    if !inner.is_empty() {
        let count = inner.len().to_string();
        commands.push(OwnedArgs::from_words([b"LREM".as_slice(), key, count.as_bytes(), word]));
    }
    commands
}

fn popping(command: &[u8], key: &[u8], count: usize) -> Option<OwnedArgs> {
    match count {
        0 => None,
        1 => Some(OwnedArgs::from_words([command, key])),
        _ => Some(OwnedArgs::from_words([command, key, count.to_string().as_bytes()])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stand_in() -> StandIn {
        StandIn::new(&HashKey::from_bytes([7; 16]), || 1)
    }

    fn lines(indexes: &[usize], len: usize) -> Vec<String> {
        let text = |args: &OwnedArgs| {
            let words: Vec<_> = args.args().iter().map(String::from_utf8_lossy).collect();
            words.join(" ").replace(&stand_in().0, "X")
        };
        removal_words(b"l", indexes, len, &stand_in()).iter().map(text).collect()
    }

    #[test]
    fn elements_at_the_ends_are_popped_and_others_replaced_and_removed() {
        let cases: [(&[usize], usize, &[&str]); 8] = [
            (&[0], 1, &["LPOP l"]),
            (&[0, 1, 2], 3, &["LPOP l 3"]),
            (&[0, 1], 3, &["LPOP l 2"]),
            (&[2], 3, &["RPOP l"]),
            (&[0, 2], 3, &["LPOP l", "RPOP l"]),
            (&[1], 3, &["LSET l 1 X", "LREM l 1 X"]),
            (&[0, 2, 3, 7], 8, &["LPOP l", "RPOP l", "LSET l 1 X", "LSET l 2 X", "LREM l 2 X"]),
            (&[], 3, &[]),
        ];
        for (indexes, len, expected) in cases {
            assert_eq!(lines(indexes, len), expected, "{indexes:?} of {len}");
        }
    }

    #[test]
    fn stand_ins_are_long_and_differ() {
        let key = HashKey::from_bytes([7; 16]);
        let mut state = 0;
        let mut random = || {
            state += 1;
            state
        };
        let (one, other) = (StandIn::new(&key, &mut random), StandIn::new(&key, &mut random));
        assert_ne!(one.0, other.0);
        assert_eq!(one.0.len(), STAND_IN.len() + 32);
    }

    proptest! {
        #[test]
        fn whoever_runs_the_commands_removes_those_elements(marks in prop::collection::vec(any::<bool>(), 1..40)) {
            let indexes: Vec<usize> = (0..marks.len()).filter(|&index| marks[index]).collect();
            let mut list: Vec<String> = (0..marks.len()).map(|index| index.to_string()).collect();
            let expected: Vec<String> =
                (0..marks.len()).filter(|&index| !marks[index]).map(|index| index.to_string()).collect();
            for line in lines(&indexes, marks.len()) {
                let words: Vec<&str> = line.split(' ').collect();
                let number = |at: usize| words.get(at).map_or(1, |word| word.parse::<usize>().unwrap());
                match words[0] {
                    "LPOP" => drop(list.drain(..number(2))),
                    "RPOP" => list.truncate(list.len() - number(2)),
                    "LSET" => list[number(2)] = words[3].into(),
                    _ => {
                        prop_assert_eq!(list.iter().filter(|word| *word == words[3]).count(), number(2));
                        list.retain(|word| word != words[3]);
                    }
                }
            }
            prop_assert_eq!(list, expected);
        }
    }
}
