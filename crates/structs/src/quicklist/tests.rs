//! Tests of the quicklist against a deque of byte strings.

use proptest::prelude::*;

use super::*;

fn list(limits: Limits, values: &[&str]) -> QuickList {
    let mut list = QuickList::new(limits);
    list.extend(values);
    list
}

fn texts(list: &QuickList) -> Vec<String> {
    list.iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}

/// The nodes as text: `a b|c` is a listpack of two and one of one, `(x)` a plain node.
fn shape(list: &QuickList) -> String {
    let node = |node: &Node| {
        let values: Vec<_> = node.iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect();
        match node {
            Node::Packed(_) => values.join(" "),
            Node::Plain(_) => format!("({})", values[0]),
        }
    };
    list.nodes().map(node).collect::<Vec<_>>().join("|")
}

fn fill(number: i64) -> Limits {
    Limits::with_fill(Fill::from_config(number))
}

#[test]
fn a_node_takes_as_many_elements_as_configured() {
    assert_eq!(shape(&list(fill(2), &["a", "b", "c", "d", "e"])), "a b|c d|e");
    assert_eq!(shape(&list(fill(1), &["a", "b"])), "a|b");
    assert_eq!(shape(&list(fill(0), &["a", "b"])), "a|b");
    let mut front = QuickList::new(fill(2));
    for value in [b"a", b"b", b"c"] {
        front.push_front(value);
    }
    assert_eq!(shape(&front), "c|b a");
}

#[test]
fn a_node_takes_as_many_bytes_as_configured() {
    // An element of 100 bytes takes 103; another is let in while 108 more stay within the limit.
    for (number, limit) in [(-1, 4096), (-2, 8192), (-3, 16_384), (-4, 32_768), (-5, 65_536), (-9, 65_536)] {
        let mut list = QuickList::new(fill(number));
        while list.node_count() < 2 {
            list.push_back(&[b'x'; 100]);
        }
        let full = list.nodes().next().unwrap();
        assert!(full.byte_len() <= limit && full.byte_len() + 108 > limit, "{number}");
    }
    let mut counted = QuickList::new(fill(1000));
    while counted.node_count() < 2 {
        counted.push_back(&[b'x'; 100]);
    }
    assert!(counted.nodes().next().unwrap().byte_len() <= 8192, "a count limit keeps within 8 KiB");
}

#[test]
fn an_element_of_the_threshold_gets_a_node_of_its_own() {
    let limits = fill(128).packed_threshold(5).unwrap();
    let mut list = list(limits, &["a", "b", "LARGE", "c"]);
    assert_eq!(shape(&list), "a b|(LARGE)|c");
    assert_eq!(list.remove_equal(b"LARGE", 5, End::Back), 1);
    assert_eq!(list.pop_back_with(|value| value.len()), Some(1));
    list.push_back(b"OTHER");
    assert_eq!(list.pop_back().as_deref(), Some(&b"OTHER"[..]));
    assert_eq!(shape(&list), "a b");
    list.check_invariants();
}

#[test]
fn the_threshold_is_bounded_and_zero_restores_it() {
    let limits = Limits::default();
    assert_eq!(limits.packed_threshold(0), Some(limits));
    assert!(limits.packed_threshold((1 << 32) - (1 << 20)).is_some());
    assert!(limits.packed_threshold((1 << 32) - (1 << 20) + 1).is_none());
}

/// Runs one command of the table; positions are given as values, found from the front.
fn run(list: &mut QuickList, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let index = |text: &str| text.parse::<usize>().unwrap();
    match words[..] {
        ["rpush", value] => list.push_back(value.as_bytes()),
        ["lpush", value] => list.push_front(value.as_bytes()),
        ["lpop"] => assert!(list.pop_front().is_some()),
        ["rpop"] => assert!(list.pop_back().is_some()),
        ["before", pivot, value] => {
            let at = list.find(pivot.as_bytes(), 0).unwrap();
            assert!(list.insert_before(at, value.as_bytes()));
        }
        ["after", pivot, value] => {
            let at = list.find(pivot.as_bytes(), 0).unwrap();
            assert!(list.insert_after(at, value.as_bytes()));
        }
        ["set", at, value] => assert!(list.replace(index(at), value.as_bytes())),
        ["rem", count, value] => {
            let count: isize = count.parse().unwrap();
            let limit = if count == 0 { usize::MAX } else { count.unsigned_abs() };
            let end = if count < 0 { End::Back } else { End::Front };
            list.remove_equal(value.as_bytes(), limit, end);
        }
        ["trim", start, end] => {
            let last: isize = end.parse().unwrap();
            let kept = if last < 0 { list.len() as isize + last } else { last } + 1;
            list.remove_range(kept as usize, usize::MAX);
            list.remove_range(0, index(start));
        }
        _ => panic!("unknown command {command}"),
    }
    list.check_invariants();
}

#[test]
fn elements_lie_in_the_nodes_where_redis_puts_them() {
    let mut checked = 0;
    for line in include_str!("shape_cases.txt").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (number, threshold) = fields[0].split_once(' ').unwrap();
        let limits = fill(number.parse().unwrap()).packed_threshold(threshold.parse().unwrap()).unwrap();
        let mut list = QuickList::new(limits);
        for command in fields[1].split("; ") {
            run(&mut list, command);
        }
        assert_eq!(shape(&list), fields[2], "{line}");
        checked += 1;
    }
    assert!(checked >= 50);
}

#[test]
fn a_full_node_passes_an_element_to_its_neighbour_or_is_split() {
    let mut list = list(fill(3), &["a", "b", "c", "d"]);
    assert!(list.insert_after(2, b"+"));
    assert_eq!(shape(&list), "a b c|+ d");
    assert!(list.insert_before(0, b"-"));
    assert_eq!(shape(&list), "-|a b c|+ d");
    assert!(list.insert_after(1, b"x"));
    assert_eq!(shape(&list), "- a|x b c|+ d");
    assert!(!list.insert_before(8, b"no") && !list.replace(8, b"no"));
    list.check_invariants();
}

#[test]
fn whole_nodes_that_go_are_handed_out() {
    let values: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let mut list = QuickList::new(fill(2));
    list.extend(&values);
    let gone = list.detach_range(3, 1990);
    assert_eq!(texts(&list), ["0", "1", "2", "1993", "1994", "1995", "1996", "1997", "1998", "1999"]);
    assert_eq!((gone.len(), gone.get(0).unwrap().as_i64()), (1988, Some(4)));
    gone.check_invariants();
    list.check_invariants();
}

#[test]
fn a_list_is_freed_node_by_node() {
    let mut list = list(fill(2), &["a", "b", "c"]);
    let mut freed = 0;
    while let Some(node) = list.take_node() {
        freed += node.len();
        list.check_invariants();
    }
    assert_eq!((freed, list.len(), list.node_count()), (3, 0, 0));
}

#[test]
fn nodes_from_files_are_taken_whole_unless_they_are_beyond_counting() {
    let mut list = QuickList::default();
    list.push_node(Node::Packed(Listpack::new()));
    list.push_node(Node::Packed(["a", "b"].iter().collect()));
    list.push_node(Node::Plain(b"plain".as_slice().into()));
    assert_eq!(shape(&list), "a b|(plain)");
    let huge: Listpack = (0..70_000).map(|n: u32| n.to_string()).collect();
    list.push_node(Node::Packed(huge));
    assert_eq!(list.len(), 70_003);
    assert_eq!(list.get(70_002).unwrap().as_i64(), Some(69_999));
    assert!(list.nodes().all(|node| node.len() <= NODE_ELEMENTS_MAX));
    list.check_invariants();
}

#[test]
fn small_lists_and_large_ones_hold_little_memory() {
    assert_eq!(QuickList::default().memory_bytes(), 0);
    assert_eq!(list(Limits::default(), &["job"]).memory_bytes(), 12);
    let mut large = QuickList::default();
    large.extend((0..100_000).map(|n| format!("{n:08}x")));
    // Nine bytes of text, two of an entry's own.
    assert!(large.memory_bytes() < 100_000 * 11 * 11 / 10, "{}", large.memory_bytes());
}

#[test]
fn an_estimate_of_a_list_of_many_nodes_is_near() {
    for (nodes, bytes) in [(0, 0), (1, 10), (5000, 200), (20_000, 10)] {
        let mut some = QuickList::new(Limits::with_fill(Fill::from_config(1)));
        some.extend((0..nodes).map(|n| "x".repeat(bytes + n % 7)));
        let (exact, estimate) = (some.memory_bytes(), some.estimated_bytes());
        assert!(estimate.abs_diff(exact) <= exact / 50, "{nodes} nodes: {estimate} for {exact}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    PushFront(String),
    PushBack(String),
    PushMany(u8),
    PopFront,
    PopBack,
    Insert(usize, bool, String),
    Replace(usize, String),
    RemoveRange(usize, usize),
    RemoveEqual(String, usize, bool),
    TakeNode,
}

fn element() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c]", 2 => "[0-9]{1,3}", 1 => "[x-z]{8,12}", 1 => "w{30,200}"]
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0usize..300;
    prop_oneof![
        3 => element().prop_map(Step::PushFront),
        3 => element().prop_map(Step::PushBack),
        2 => any::<u8>().prop_map(Step::PushMany),
        2 => Just(Step::PopFront),
        2 => Just(Step::PopBack),
        6 => (at(), any::<bool>(), element()).prop_map(|(i, after, v)| Step::Insert(i, after, v)),
        3 => (at(), element()).prop_map(|(i, v)| Step::Replace(i, v)),
        1 => (at(), at()).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => (element(), 1usize..50, any::<bool>()).prop_map(|(v, n, back)| Step::RemoveEqual(v, n, back)),
        1 => Just(Step::TakeNode),
    ]
}

fn apply(list: &mut QuickList, model: &mut Vec<String>, step: Step) {
    let taken = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8(value).unwrap());
    match step {
        Step::PushFront(value) => {
            list.push_front(value.as_bytes());
            model.insert(0, value);
        }
        Step::PushBack(value) => {
            list.push_back(value.as_bytes());
            model.push(value);
        }
        Step::PushMany(count) => {
            let values: Vec<String> = (0..count).map(|n| (n % 5).to_string()).collect();
            list.extend(&values);
            model.extend(values);
        }
        Step::PopFront => {
            let expected = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(taken(list.pop_front()), expected);
        }
        Step::PopBack => assert_eq!(taken(list.pop_back()), model.pop()),
        Step::Insert(index, after, value) => {
            let bytes = value.as_bytes();
            let done = if after { list.insert_after(index, bytes) } else { list.insert_before(index, bytes) };
            assert_eq!(done, index < model.len());
            if done {
                model.insert(index + usize::from(after), value);
            }
        }
        Step::Replace(index, value) => {
            assert_eq!(list.replace(index, value.as_bytes()), index < model.len());
            if let Some(place) = model.get_mut(index) {
                *place = value;
            }
        }
        Step::RemoveRange(index, count) => {
            let stop = (index + count).min(model.len());
            let expected = if index < stop { model.drain(index..stop).count() } else { 0 };
            assert_eq!(list.remove_range(index, count), expected);
        }
        Step::RemoveEqual(value, limit, back) => {
            let end = if back { End::Back } else { End::Front };
            let mut hits: Vec<usize> = (0..model.len()).filter(|&at| model[at] == value).collect();
            if back {
                hits.reverse();
            }
            hits.truncate(limit);
            assert_eq!(list.remove_equal(value.as_bytes(), limit, end), hits.len());
            let mut at = 0;
            model.retain(|_| (!hits.contains(&at), at += 1).0);
        }
        Step::TakeNode => {
            if let Some(node) = list.take_node() {
                model.truncate(model.len() - node.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_behaves_like_a_vector(
        number in prop_oneof![1i64..6, Just(128), -2i64..0],
        threshold in prop_oneof![Just(0u64), Just(8)],
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut list = QuickList::new(fill(number).packed_threshold(threshold).unwrap());
        let mut model = Vec::new();
        for step in steps {
            apply(&mut list, &mut model, step);
            list.check_invariants();
            prop_assert_eq!(list.len(), model.len());
        }
        prop_assert_eq!(&texts(&list), &model);
        let backward: Vec<_> = list.iter().rev().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect();
        prop_assert!(backward.iter().eq(model.iter().rev()));
        prop_assert_eq!(list.front().is_some(), !model.is_empty());
        for (index, value) in model.iter().enumerate() {
            prop_assert!(list.get(index).unwrap().eq_bytes(value.as_bytes()));
        }
        let start = model.len() / 3;
        for value in ["a", "1", "none"] {
            let expected = model[start..].iter().position(|other| other == value).map(|at| at + start);
            prop_assert_eq!(list.find(value.as_bytes(), start), expected);
        }
    }

    #[test]
    fn a_range_is_walked_from_both_ends_at_once(length in 0usize..400, range in (0usize..420, 0usize..420), turns: u64) {
        let values: Vec<String> = (0..length).map(|n| n.to_string()).collect();
        let mut list = QuickList::new(fill(3));
        list.extend(&values);
        let end = range.1.min(length);
        let mut model = values[range.0.min(end)..end].iter();
        let mut walk = list.range(range.0..range.1);
        prop_assert_eq!(walk.len(), model.len());
        for turn in 0.. {
            let (given, expected) = if turns >> (turn % 64) & 1 == 0 {
                (walk.next(), model.next())
            } else {
                (walk.next_back(), model.next_back())
            };
            prop_assert_eq!(given.map(|value| value.to_vec()), expected.map(|value| value.clone().into_bytes()));
            if expected.is_none() {
                break;
            }
        }
    }
}
