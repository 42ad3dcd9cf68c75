//! The tree beside a sorted vector, through long mixed histories. Nodes are tiny here, so the trees are deep.

use super::edge::{KeyEdge, LexEdge, ScoreEdge};
use super::element::{Element, live};
use super::node::{LEAF_CAPACITY, Node};
use super::range::Order;
use super::tree::Tree;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

/// Score (in halves, for a total order) and member.
type Key = (i32, Vec<u8>);

#[derive(Debug, Clone)]
enum Step {
    Insert(Key),
    /// Scores from, by, how many.
    Run(i32, i32, u8),
    RemoveAt(u16),
    RemoveRange(u16, u16),
    Rescore(u16, i32),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(0..3u8, 0..4),
        prop::collection::vec(0..3u8, 0..3).prop_map(|tail| [b"a common prefix ".to_vec(), tail].concat()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (-20..20i32, member()).prop_map(Step::Insert),
        2 => (-50..50i32, prop_oneof![Just(1), Just(-1), Just(0), Just(7)], 1..120u8)
            .prop_map(|(from, by, count)| Step::Run(from, by, count)),
        4 => any::<u16>().prop_map(Step::RemoveAt),
        1 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Step::RemoveRange(a, b)),
        3 => (any::<u16>(), -20..20i32).prop_map(|(at, score)| Step::Rescore(at, score)),
    ]
}

fn element(key: &Key) -> Element {
    Element::new(&key.1, f64::from(key.0) / 2.0)
}

fn key(element: &Element) -> Key {
    ((element.score() * 2.0) as i32, element.member().to_vec())
}

fn insert(tree: &mut Tree, model: &mut Vec<Key>, key: Key) {
    if model.binary_search(&key).is_err() {
        tree.insert(element(&key));
        insert_model(model, key);
    }
}

fn insert_model(model: &mut Vec<Key>, key: Key) {
    let at = model.binary_search(&key).unwrap_err();
    model.insert(at, key);
}

fn apply(step: Step, tree: &mut Tree, model: &mut Vec<Key>) {
    match step {
        Step::Insert(new) => insert(tree, model, new),
        Step::Run(from, by, count) => {
            for i in 0..i32::from(count) {
                insert(tree, model, (from + by * i, i.to_be_bytes().to_vec()));
            }
        }
        Step::RemoveAt(at) if !model.is_empty() => {
            let at = usize::from(at) % model.len();
            assert_eq!(key(&tree.remove_at(at)), model.remove(at));
        }
        Step::RemoveRange(a, b) => {
            let ends = [a, b].map(|end| usize::from(end) % (model.len() + 1));
            let (from, to) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            let mut removed = Vec::new();
            tree.remove_range(from, to, &mut |element| removed.push(key(&element)));
            assert_eq!(removed, model.drain(from..to).collect::<Vec<_>>());
        }
        Step::Rescore(at, score) if !model.is_empty() => {
            let at = usize::from(at) % model.len();
            let moved = (score, model[at].1.clone());
            if model.binary_search(&moved).is_err() {
                model.remove(at);
                tree.rescore(at, f64::from(score) / 2.0);
                insert_model(model, moved);
            }
        }
        Step::RemoveAt(_) | Step::Rescore(..) => {}
    }
}

fn walk(tree: &Tree, from: usize, to: usize, order: Order) -> Vec<Key> {
    tree.walk(from..to, order).map(key).collect()
}

proptest! {
    #[test]
    fn any_history_leaves_the_same_elements_as_in_a_sorted_vector(steps in prop::collection::vec(step(), 0..60)) {
        let before = live::count();
        let (mut tree, mut model) = (Tree::new(), Vec::new());
        for step in steps {
            apply(step, &mut tree, &mut model);
            tree.check_invariants();
            prop_assert_eq!(tree.len(), model.len());
            prop_assert_eq!(live::count() - before, model.len() as isize);
        }
        prop_assert_eq!(walk(&tree, 0, usize::MAX, Order::Ascending), model.clone());
        model.reverse();
        prop_assert_eq!(walk(&tree, 0, usize::MAX, Order::Descending), model);
        drop(tree);
        prop_assert_eq!(live::count(), before);
    }

    #[test]
    fn every_question_is_answered_as_by_a_sorted_vector(
        keys in prop::collection::btree_set((-6..6i32, member()), 0..300), shuffle in any::<u64>(),
        score in -7..7i32, word in member(), from in 0..300usize, to in 0..300usize, skip in 0..300usize,
    ) {
        let mut tree = Tree::new();
        let model: Vec<Key> = keys.into_iter().collect();
        let mut mixed: Vec<&Key> = model.iter().collect();
        mixed.sort_by_key(|(score, member)| {
            member.iter().fold(shuffle ^ *score as u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        });
        mixed.into_iter().for_each(|key| tree.insert(element(key)));
        tree.check_invariants();
        for (rank, key) in model.iter().enumerate() {
            let found = tree.get(rank).unwrap();
            prop_assert_eq!(tree.rank_of(found), rank);
            prop_assert!(found.order(f64::from(key.0) / 2.0, &key.1).is_eq());
        }
        prop_assert!(tree.get(model.len()).is_none());
        let half = f64::from(score) / 2.0;
        let sought = (score, word.clone());
        let left = |edge: &dyn Fn(&Key) -> bool| model.iter().filter(|key| edge(key)).count();
        prop_assert_eq!(tree.rank_of_edge(&KeyEdge::behind(half, &word)), left(&|key| *key <= sought));
        prop_assert_eq!(tree.rank_of_edge(&ScoreEdge::Before(half)), left(&|key| key.0 < score));
        prop_assert_eq!(tree.rank_of_edge(&ScoreEdge::Behind(half)), left(&|key| key.0 <= score));

        let expected: Vec<Key> = model.iter().take(to).skip(from).cloned().collect();
        prop_assert_eq!(walk(&tree, from, to, Order::Ascending), expected.clone());
        let mut ahead = tree.walk(from..to, Order::Ascending);
        ahead.next();
        ahead.pass_over(skip);
        prop_assert_eq!(ahead.remaining(), expected.len().saturating_sub(skip + 1));
        prop_assert_eq!(ahead.map(key).collect::<Vec<_>>(), expected.iter().skip(skip + 1).cloned().collect::<Vec<_>>());
        let mut back = tree.walk(from..to, Order::Descending);
        back.next();
        back.pass_over(skip);
        prop_assert_eq!(back.map(key).collect::<Vec<_>>(), expected.iter().rev().skip(skip + 1).cloned().collect::<Vec<_>>());
    }

    #[test]
    fn members_of_one_score_divide_at_any_word(
        members in prop::collection::btree_set(member(), 0..200), word in member(),
    ) {
        let tree = Tree::from_ascending(members.iter().map(|member| Element::new(member, 1.0)));
        tree.check_invariants();
        let left = |edge: &dyn Fn(&[u8]) -> bool| members.iter().filter(|member| edge(member)).count();
        prop_assert_eq!(tree.rank_of_edge(&LexEdge::Before(&word)), left(&|member| member < &word[..]));
        prop_assert_eq!(tree.rank_of_edge(&LexEdge::Behind(&word)), left(&|member| member <= &word[..]));
        prop_assert_eq!(tree.rank_of_edge(&LexEdge::Start), 0);
        prop_assert_eq!(tree.rank_of_edge(&LexEdge::End), members.len());
    }

    #[test]
    fn a_tree_built_at_once_goes_on_like_any_other(count in 0..700i32, steps in prop::collection::vec(step(), 0..20)) {
        let mut model: Vec<Key> = (0..count).map(|i| (i, b"built".to_vec())).collect();
        let mut tree = Tree::from_ascending(model.iter().map(element));
        tree.check_invariants();
        for step in steps {
            apply(step, &mut tree, &mut model);
            tree.check_invariants();
        }
        prop_assert_eq!(walk(&tree, 0, usize::MAX, Order::Ascending), model);
    }
}

/// Share of the leaves' places in use.
fn fill(tree: &Tree) -> f64 {
    tree.len() as f64 / (tree.census().leaves * LEAF_CAPACITY) as f64
}

#[test]
fn ascending_and_descending_input_fills_the_leaves() {
    let (mut up, mut down) = (Tree::new(), Tree::new());
    for i in 0..5_000 {
        up.insert(element(&(i, b"x".to_vec())));
        down.insert(element(&(-i, b"x".to_vec())));
    }
    assert!(fill(&up) > 0.99 && fill(&down) > 0.99, "{} {}", fill(&up), fill(&down));
    up.check_invariants();
    down.check_invariants();
}

#[test]
fn random_input_fills_three_quarters_of_the_leaves() {
    let mut tree = Tree::new();
    for i in 0..10_000u32 {
        tree.insert(Element::new(&i.to_be_bytes(), f64::from(i.wrapping_mul(0x9E37_79B1))));
    }
    assert!(fill(&tree) > 0.75, "{}", fill(&tree));
}

#[test]
fn a_tree_that_lost_most_elements_lost_most_nodes() {
    let mut tree = Tree::from_ascending((0..10_000).map(|i| element(&(i, b"x".to_vec()))));
    let mut rank = 0;
    while rank < tree.len() {
        for _ in 0..9.min(tree.len() - rank) {
            tree.remove_at(rank);
        }
        rank += 1;
    }
    tree.check_invariants();
    assert_eq!(tree.len(), 1_000);
    assert!(fill(&tree) > 0.4, "{}", fill(&tree));
    tree.remove_range(0, 1_000, &mut drop);
    assert!(matches!(tree.root(), Node::Leaf(_)));
    tree.check_invariants();
}
