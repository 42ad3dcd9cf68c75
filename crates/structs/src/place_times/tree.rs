//! The tree of steps: cut at a place, and joined again.

/// A tree, or none.
pub(super) type Tree = Option<Box<Node>>;

/// An element that has a time, with those in the subtrees before and behind it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    left: Tree,
    right: Tree,
    /// The steps of the subtree together: the node's own is what its children's widths leave of it.
    width: u64,
    at: i64,
    /// Of the subtree.
    earliest: i64,
    /// Nodes of the subtree; the most there is stands for more.
    count: u32,
    height: u8,
}

const _: () = assert!(size_of::<Node>() == 48);

/// The steps of a tree together: one more than the place of its last node.
#[inline]
pub(super) fn width(tree: &Tree) -> u64 {
    tree.as_ref().map_or(0, |node| node.width)
}

/// Nodes, for measuring and freeing.
#[inline]
pub(super) fn count(tree: &Tree) -> usize {
    tree.as_ref().map_or(0, |node| node.count as usize)
}

#[inline]
fn height(tree: &Tree) -> u8 {
    tree.as_ref().map_or(0, |node| node.height)
}

impl Node {
    /// A tree of one.
    pub(super) fn alone(step: u64, at: i64) -> Box<Self> {
        Box::new(Self { left: None, right: None, width: step, at, earliest: at, count: 1, height: 1 })
    }

    #[inline]
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    #[inline]
    pub(super) fn earliest(&self) -> i64 {
        self.earliest
    }

    /// Where it is in its subtree.
    #[inline]
    fn place(&self) -> u64 {
        self.width - width(&self.right) - 1
    }

    /// Takes it from its children.
    fn open(mut self: Box<Self>) -> (Tree, Box<Self>, Tree) {
        let (left, right) = (self.left.take(), self.right.take());
        self.width -= width(&left) + width(&right);
        (self.earliest, self.count, self.height) = (self.at, 1, 1);
        (left, self, right)
    }

    /// Sets what follows from the children and the step, which both are right.
    fn tell(&mut self) {
        let of = |tree: &Tree| tree.as_ref().map_or(i64::MAX, |node| node.earliest);
        self.earliest = self.at.min(of(&self.left)).min(of(&self.right));
        let counts = [&self.left, &self.right].map(|tree| tree.as_ref().map_or(0, |node| node.count));
        self.count = counts[0].saturating_add(counts[1]).saturating_add(1);
        self.height = height(&self.left).max(height(&self.right)) + 1;
    }

    /// Gives it, which has none, children whose heights differ by one at most.
    fn hang(left: Tree, mut node: Box<Self>, right: Tree) -> Box<Self> {
        node.width += width(&left) + width(&right);
        (node.left, node.right) = (left, right);
        node.tell();
        node
    }

    /// Changes the time of the node at a place; false if there is none.
    pub(super) fn set_time(&mut self, place: u64, at: i64) -> bool {
        let (before, here) = (width(&self.left), self.place());
        let child = if place < before {
            &mut self.left
        } else if place > here {
            &mut self.right
        } else if place == here {
            self.at = at;
            self.tell();
            return true;
        } else {
            return false;
        };
        let within = if place < before { place } else { place - here - 1 };
        let is_there = child.as_mut().is_some_and(|child| child.set_time(within, at));
        if is_there {
            self.tell();
        }
        is_there
    }

    /// Changes the step of the first node at or behind a place, which is within the tree.
    pub(super) fn shift(&mut self, place: u64, by: i64) {
        let (before, here) = (width(&self.left), self.place());
        self.width = self.width.checked_add_signed(by).expect("places lie between 0 and 2^63");
        if place < before {
            self.left.as_mut().expect("it is wide enough").shift(place, by);
        } else if place > here {
            self.right.as_mut().expect("the place is within the tree").shift(place - here - 1, by);
        }
    }

    fn without_first(self: Box<Self>) -> (Box<Self>, Tree) {
        let (left, node, right) = self.open();
        match left {
            None => (node, right),
            Some(left) => {
                let (first, rest) = left.without_first();
                (first, Some(join(rest, node, right)))
            }
        }
    }

    /// The tree without its last node.
    pub(super) fn without_last(self: Box<Self>) -> Tree {
        let (left, node, right) = self.open();
        match right {
            None => left,
            Some(right) => Some(join(left, node, right.without_last())),
        }
    }

    /// Panics when something is not as it should be.
    pub(super) fn check_invariants(&self) {
        for child in [&self.left, &self.right].into_iter().flatten() {
            child.check_invariants();
        }
        assert!(self.width > width(&self.left) + width(&self.right), "a step is 1 at least");
        assert!(height(&self.left).abs_diff(height(&self.right)) < 2, "balanced");
        let mut told = Self { left: self.left.clone(), right: self.right.clone(), ..*self };
        told.tell();
        assert_eq!((told.earliest, told.count), (self.earliest, self.count));
        assert_eq!(told.height, self.height);
    }
}

/// One tree of two and a node between them, which has no children.
pub(super) fn join(left: Tree, node: Box<Node>, right: Tree) -> Box<Node> {
    let heights = (height(&left), height(&right));
    match (left, right) {
        (Some(left), right) if heights.0 > heights.1 + 1 => {
            let (first, top, second) = left.open();
            balance(first, top, Some(join(second, node, right)))
        }
        (left, Some(right)) if heights.1 > heights.0 + 1 => {
            let (first, top, second) = right.open();
            balance(Some(join(left, node, first)), top, second)
        }
        (left, right) => Node::hang(left, node, right),
    }
}

/// The same, of trees whose heights differ by two at most.
fn balance(left: Tree, node: Box<Node>, right: Tree) -> Box<Node> {
    let heights = (height(&left), height(&right));
    match (left, right) {
        (Some(left), right) if heights.0 > heights.1 + 1 => {
            let (outer, top, inner) = left.open();
            match inner {
                Some(inner) if inner.height > height(&outer) => {
                    let (first, middle, second) = inner.open();
                    let left = Node::hang(outer, top, first);
                    Node::hang(Some(left), middle, Some(Node::hang(second, node, right)))
                }
                inner => Node::hang(outer, top, Some(Node::hang(inner, node, right))),
            }
        }
        (left, Some(right)) if heights.1 > heights.0 + 1 => {
            let (inner, top, outer) = right.open();
            match inner {
                Some(inner) if inner.height > height(&outer) => {
                    let (first, middle, second) = inner.open();
                    let right = Node::hang(second, top, outer);
                    Node::hang(Some(Node::hang(left, node, first)), middle, Some(right))
                }
                inner => Node::hang(Some(Node::hang(left, node, inner)), top, outer),
            }
        }
        (left, right) => Node::hang(left, node, right),
    }
}

/// One tree of two.
pub(super) fn concat(left: Tree, right: Tree) -> Tree {
    let Some(right) = right else { return left };
    let (first, rest) = right.without_first();
    Some(join(left, first, rest))
}

/// The nodes before a place, and those from there on.
pub(super) fn split(tree: Tree, place: u64) -> (Tree, Tree) {
    let Some(node) = tree else { return (None, None) };
    let here = node.place();
    let (left, node, right) = node.open();
    if place <= here {
        let (before, behind) = split(left, place);
        (before, Some(join(behind, node, right)))
    } else {
        let (before, behind) = split(right, place - here - 1);
        (Some(join(left, node, before)), behind)
    }
}

/// The first node at or behind a place: its place and its time.
pub(super) fn from(tree: &Tree, place: u64) -> Option<(u64, i64)> {
    let (mut next, mut passed) = (tree.as_deref(), 0);
    let mut found = None;
    while let Some(node) = next {
        let here = passed + node.place();
        if place <= here {
            found = Some((here, node.at));
            next = node.left.as_deref();
        } else {
            passed = here + 1;
            next = node.right.as_deref();
        }
    }
    found
}

/// Adds the places, ascending, of nodes whose time has come, until there are `limit`.
pub(super) fn collect_due(tree: &Tree, now: i64, limit: usize, passed: u64, places: &mut Vec<u64>) {
    let Some(node) = tree.as_ref().filter(|node| node.earliest <= now) else { return };
    collect_due(&node.left, now, limit, passed, places);
    let here = passed + node.place();
    if node.at <= now && places.len() < limit {
        places.push(here);
    }
    if places.len() < limit {
        collect_due(&node.right, now, limit, here + 1, places);
    }
}

/// Places and times in order.
#[derive(Clone, Debug)]
pub(super) struct Steps<'a> {
    /// Nodes whose turn comes, the next one last, and the places before their subtrees.
    path: Vec<(&'a Node, u64)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        let mut steps = Self { path: Vec::with_capacity(usize::from(height(tree))) };
        steps.go_down(tree, 0);
        steps
    }

    fn go_down(&mut self, mut tree: &'a Tree, passed: u64) {
        while let Some(node) = tree {
            self.path.push((node, passed));
            tree = &node.left;
        }
    }
}

impl Iterator for Steps<'_> {
    type Item = (u64, i64);

    fn next(&mut self) -> Option<Self::Item> {
        let (node, passed) = self.path.pop()?;
        let here = passed + node.place();
        self.go_down(&node.right, here + 1);
        Some((here, node.at))
    }
}
