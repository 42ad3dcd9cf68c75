//! How many nodes a radix tree of IDs has, in which runs of nodes with one child are one node.

use super::StreamId;

/// Bytes of a key.
const DEPTH: usize = 16;

/// The nodes of the tree with these keys, which come in order.
pub(super) fn nodes(keys: impl Iterator<Item = StreamId>) -> usize {
    let mut count = 0;
    // The depths at which the path to the last key branches.
    let mut branches: Vec<usize> = Vec::new();
    let mut last: Option<u128> = None;
    for key in keys.map(|id| u128::from_be_bytes(id.to_bytes())) {
        if let Some(last) = last.replace(key) {
            let depth = (last ^ key).leading_zeros() as usize / 8;
            let mut below = DEPTH;
            while branches.last().is_some_and(|branch| *branch > depth) {
                let branch = branches.pop().unwrap_or_default();
                count += edge(branch, below);
                below = branch;
            }
            if branches.last() != Some(&depth) {
                branches.push(depth);
            }
            count += edge(depth, below);
        }
    }
    if last.is_none() {
        return 1;
    }
    let mut below = DEPTH;
    while let Some(branch) = branches.pop() {
        count += edge(branch, below);
        below = branch;
    }
    count + 1 + usize::from(below > 0)
}

/// The node at depth `below` and what leads to it from the one that branches at `branch`.
fn edge(branch: usize, below: usize) -> usize {
    1 + usize::from(below > branch + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by taking the tree apart.
    fn slow(keys: &[[u8; DEPTH]], depth: usize) -> usize {
        let [first, .., last] = keys else {
            return if keys.is_empty() { 1 } else { 1 + usize::from(depth < DEPTH) };
        };
        let common = (depth..DEPTH).find(|&at| first[at] != last[at]).unwrap_or(DEPTH);
        let groups = keys.chunk_by(|a, b| a[common] == b[common]);
        usize::from(common > depth) + 1 + groups.map(|group| slow(group, common + 1)).sum::<usize>()
    }

    #[test]
    fn the_count_is_that_of_the_tree() {
        let mut random = 7u64;
        for size in 0..60 {
            let mut keys: Vec<[u8; DEPTH]> = (0..size)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    StreamId::new((random >> 40) % (1 << (size % 24)), random >> 62).to_bytes()
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(nodes(keys.iter().map(|key| StreamId::from_bytes(*key))), slow(&keys, 0), "{keys:?}");
        }
    }
}
