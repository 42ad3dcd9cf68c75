//! The sorted set of many members: a counted B+tree for the order, a hash table for the members.
//!
//! A sorted set answers two kinds of questions. Some begin with a member: what is its score, remove it. Others begin
//! with a place: who is tenth, who scored between 70 and 80, who is last. So it is two structures over the same
//! elements. Clients know this encoding by the name of its ancestor, `skiplist`.
//!
//! # Why not a skiplist
//! A skiplist is a lovely idea for a language with a pen: no rebalancing, thirty lines. But every step of its search
//! follows a pointer to a node somewhere else in memory to look at one score, about twenty such steps for a million
//! members, and every node pays for its towers: some 40 bytes of pointers, spans and back link per member beside
//! the string and the hash entry. A B+tree asks fifty questions inside one block it has already fetched. The same
//! million members take 129 bytes each in Redis 7.0 and 89 in Valkey 9.1; here they take 58.
//!
//! # The picture
//! ```text
//!                                   Inner: | child, count, landmark | x 31
//!                                 /          |            \
//!   Leaf: | len | e0 | e1 | e2 ... e62 |   Leaf: ...     Leaf: | len | e0 | e1 ...  free |
//!                  |    |
//!                  |    +--> Element: | score f64 | 1 | member |  <---+
//!                  +-------> Element: | score f64 | 1 | member |      |
//!                                                                  member index: | tags | alias | alias | ...
//! ```
//! - An *element* is one allocation, known everywhere by its address. The tree owns it, the index has an alias.
//! - A *leaf* is 512 bytes of addresses and nothing else: no scores, no links to its neighbours. Scores would double
//!   it; a walk finds the next leaf by rank (`range`).
//! - An *inner node* knows for each child how many elements are below (that makes the tree *counted*: ranks are
//!   sums along a path) and the *landmark* of the first: its score and the first eight bytes of its member. Nearly
//!   every decision on the way down is made from landmarks, without touching an element (`edge`).
//! - Full nodes give to their neighbours before they split, and then two become three (`balance`).
//!
//! What is slow in such a structure is waiting for memory, not counting steps. Hence three habits. A member's rank is
//! found by looking in its leaf for its *address*: none of the sixty neighbours is touched. Where neighbours must be
//! compared, every eighth is fetched at once and then the eight in question: two waits instead of six (`node`).
//! Walks and removals fetch ahead. And an update that keeps a member between its neighbours, as most increments do,
//! writes eight bytes and moves nothing.
//!
//! # Measured
//! One million members of 16 bytes, random scores, under jemalloc (`examples/sorted_set_speed.rs`):
//!
//! | bytes per member | random order | ascending |
//! |---|---|---|
//! | element, 25 bytes in the class of 32 | 32.0 | 32.0 |
//! | leaves and inner nodes | 10.5 | 8.8 |
//! | member index | 13.6 | 13.6 |
//! | sum (resident memory) | 56.1 (57.8) | 54.4 |
//!
//! | operation | complexity | ns, on a busy shared machine |
//! |---|---|---|
//! | score of a member | O(1) | 440 |
//! | rank of a member | O(log n) | 790 |
//! | member of a rank | O(log n) | 390 |
//! | count between two scores | O(log n) | 830 for one end |
//! | insert, random / ascending / equal scores | O(log n) | 950 / 340 / 910 |
//! | update, moved / in its place | O(log n) | 1,860 / 1,320 with a look-up before |
//! | remove | O(log n) | 680 |
//! | range of k from any rank or bound | O(log n + k) | 2,400 for 100 |
//! | remove k in a row | O(log n + k) | 16,000 for 100 |
//!
//! # What it does not do
//! It knows no NaN (asserted), no options of commands and no clock. When to change to the small encoding
//! ([`PackedSortedSet`]) or back is for the owner to say. Whether a lexicographic range makes sense (all scores equal) is the caller's affair: it will get some
//! answer, as it does from Redis. `unsafe` is confined to `element` and the two places in `set` that make an alias.
//!
//! # Credits
//! Bayer and McCreight, "Organization and maintenance of large ordered indexes" (1972), for the tree; Knuth, The Art
//! of Computer Programming 6.2.4, for sharing before splitting; Simon Tatham, "Counted B-trees", for counts as the
//! way to ranks; Pugh's skiplists and Salvatore Sanfilippo's sorted sets built on them for the operations
//! everybody has come to expect.

mod balance;
mod check;
mod edge;
mod element;
mod index;
mod node;
mod packed;
mod range;
mod set;
mod slots;
mod tree;

#[cfg(test)]
mod packed_tests;
#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod tree_tests;

pub use edge::{LexBound, ScoreBound};
pub use packed::{PackedMembers, PackedSortedSet};
pub use range::{Members, Order};
pub use set::{Inserted, SortedSet};
