//! What must hold between any two operations on the tree, checked by tests and fuzzers.

use super::edge::Landmark;
use super::element::Element;
use super::node::{Census, Node};
use super::tree::Tree;

impl Tree {
    /// Panics unless the tree is in order and every count, landmark and the census are true.
    pub(super) fn check_invariants(&self) {
        let mut check = Check { last: None, census: Census { leaves: 0, inners: 0 }, leaf_depth: None };
        let count = check.node(self.root(), 0);
        assert_eq!(count, self.len(), "the length is the number of elements");
        assert_eq!(check.census, self.census(), "the census is the number of nodes");
        if let Node::Inner(root) = self.root() {
            assert!(root.len() >= 2, "an inner root has a choice to offer");
        }
    }
}

struct Check<'a> {
    last: Option<&'a Element>,
    census: Census,
    leaf_depth: Option<usize>,
}

impl<'a> Check<'a> {
    /// Checks the subtree and returns its number of elements.
    fn node(&mut self, node: &'a Node, depth: usize) -> usize {
        match node {
            Node::Leaf(leaf) => {
                self.census.leaves += 1;
                assert_eq!(*self.leaf_depth.get_or_insert(depth), depth, "all leaves are equally deep");
                leaf.iter().for_each(|element| self.element(element));
                leaf.len()
            }
            Node::Inner(inner) => {
                self.census.inners += 1;
                let mut count = 0;
                for child in inner.iter() {
                    assert!(child.node.len() > 0, "no node below the root is empty");
                    assert_eq!(child.landmark, Landmark::of(child.node.first()), "a landmark is exact");
                    assert_eq!(self.node(&child.node, depth + 1), child.count, "a count is exact");
                    count += child.count;
                }
                count
            }
        }
    }

    fn element(&mut self, element: &'a Element) {
        if let Some(last) = self.last.replace(element) {
            assert!(
                last.order(element.score(), element.member()).is_lt(),
                "elements ascend: {last:?} {element:?}"
            );
        }
    }
}
