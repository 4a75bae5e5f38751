//! `gcbench`: John Ellis' and Pete Kovac's benchmark as modified by Hans Boehm, in its classic sizes.
//!
//! A tree of depth 18 stretches the heap and dies. A tree of depth 16, built top-down, and an array of 500 000
//! floating-point numbers stay. Then for each depth 4, 6 … 16, as many trees as hold twice the nodes of the stretch
//! tree are built top-down (`Populate`: the parent exists first and its fields are written when the children come,
//! so old objects point to young ones), and as many again bottom-up (`MakeTree`).
//!
//! ```text
//! struct Node { left: Option<Pointer>, right: Option<Pointer>, i: i32, j: i32 }   // 24 bytes
//! struct Array([f64; 500_000]);                                                   // one object
//! ```
//!
//! The classic program leaves `i` and `j` zero and looks at no short-lived tree. Here a node's `i` is its height
//! over the leaves and its `j` the number of the tree, and of each short-lived tree one path from the root to a leaf
//! is read, chosen by the bits of that number. This costs one node per level, where a full walk would have cost as
//! much as the cheapest allocators take for building the tree.

use super::{Checksum, Outcome, Size, Tally, object_bytes, slice_bytes, tree_nodes};

/// Bytes of a node's fields.
pub const NODE_BYTES: u64 = 24;

/// Bytes of an element of the array.
pub const ELEMENT_BYTES: u64 = 8;

/// The shallowest short-lived tree.
pub const MIN_DEPTH: u32 = 4;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Depth of the first tree, which dies at once.
    pub stretch_depth: u32,
    /// Depth of the tree that stays.
    pub long_lived_depth: u32,
    /// Elements of the array that stays.
    pub array_len: usize,
    /// Depth of the deepest short-lived trees.
    pub max_depth: u32,
}

/// The short-lived trees of one depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Depth of each tree.
    pub depth: u32,
    /// How many trees are built top-down, and then again bottom-up.
    pub trees: u32,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { stretch_depth: 11, long_lived_depth: 9, array_len: 4_000, max_depth: 8 },
            Size::Classic => Parameters { stretch_depth: 18, long_lived_depth: 16, array_len: 500_000, max_depth: 16 },
            Size::Large => Parameters { stretch_depth: 21, long_lived_depth: 19, array_len: 4_000_000, max_depth: 18 },
        }
    }

    /// The most bytes that are alive at once: the stretch tree, or what stays and the deepest short-lived tree.
    pub fn live_bytes(self) -> u64 {
        let tree = |depth| tree_nodes(depth) * object_bytes(NODE_BYTES);
        let deepest = self.rounds().last().map_or(0, |round| tree(round.depth));
        let stays = tree(self.long_lived_depth) + slice_bytes(self.array_len as u64 * 8);
        tree(self.stretch_depth).max(stays + deepest)
    }

    /// The rounds of short-lived trees, shallowest first.
    pub fn rounds(self) -> impl Iterator<Item = Round> {
        (MIN_DEPTH..=self.max_depth)
            .step_by(2)
            .map(move |depth| Round { depth, trees: (2 * tree_nodes(self.stretch_depth) / tree_nodes(depth)) as u32 })
    }
}

/// What an implementation supplies. Each method is one batch.
///
/// Every node of a tree of depth `d` gets as `i` its height (the root `d`, a leaf 0) and as `j` the number `tree`;
/// trees without a number have `j` = 0.
pub trait Program {
    /// Builds a tree top-down: writes both children of a node into the existing node, then descends.
    /// Returns [`path_check`] over one path, and lets the tree die.
    fn top_down(&mut self, depth: u32, tree: u32) -> u64;

    /// Builds a tree bottom-up: a node is created with its children. Returns [`path_check`] over one path, and lets
    /// the tree die.
    fn bottom_up(&mut self, depth: u32, tree: u32) -> u64;

    /// Builds the tree that stays, top-down. Called once.
    fn keep_tree(&mut self, depth: u32);

    /// Creates the array that stays; its elements are [`elements`]. Called once.
    fn keep_array(&mut self, len: usize);

    /// The sum of `i + 1` over all nodes of the tree that stays.
    fn check_tree(&mut self) -> u64;

    /// The [`sum_of_bits`] of the array that stays.
    fn check_array(&mut self) -> u64;
}

/// Element `k` of an array of `len`: the first half is filled with `1 / k` (`k` = 0 gives infinity, as in the
/// original), the second stays zero.
#[inline]
pub fn element(k: usize, len: usize) -> f64 {
    if k < len / 2 { 1.0 / k as f64 } else { 0.0 }
}

/// The elements of an array of `len`, in order.
pub fn elements(len: usize) -> impl ExactSizeIterator<Item = f64> {
    (0..len).map(move |k| element(k, len))
}

/// What [`Program::check_array`] returns.
pub fn sum_of_bits(array: &[f64]) -> u64 {
    array.iter().fold(0, |sum, x| sum.wrapping_add(x.to_bits()))
}

/// Whether the path of tree number `tree` goes left below a node of height `i`, at least 1.
#[inline]
pub const fn goes_left(tree: u32, i: i32) -> bool {
    (tree >> (i - 1)) & 1 == 0
}

/// Adds a node to the digest of a path. The path starts at the root with digest 0 and ends at a node without
/// children; [`goes_left`] says which child is next.
#[inline]
pub const fn path_check(digest: u64, i: i32, j: i32) -> u64 {
    digest.wrapping_mul(31).wrapping_add(i as u64).wrapping_add((j as u64) << 8)
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let Parameters { stretch_depth, long_lived_depth, array_len, .. } = parameters;
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();

    checksum.mix(program.bottom_up(stretch_depth, 0));
    tally.add(tree_nodes(stretch_depth), NODE_BYTES);

    program.keep_tree(long_lived_depth);
    tally.add(tree_nodes(long_lived_depth), NODE_BYTES);

    program.keep_array(array_len);
    tally.add(1, array_len as u64 * ELEMENT_BYTES);

    for Round { depth, trees } in parameters.rounds() {
        checksum.mix((0..trees).fold(0, |sum: u64, tree| sum.wrapping_add(program.top_down(depth, tree))));
        checksum.mix((0..trees).fold(0, |sum: u64, tree| sum.wrapping_add(program.bottom_up(depth, tree))));
        tally.add(2 * u64::from(trees) * tree_nodes(depth), NODE_BYTES);
    }

    checksum.mix(program.check_tree());
    checksum.mix(program.check_array());
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_the_classic_ones() {
        let rounds: Vec<_> = Parameters::of(Size::Classic).rounds().map(|r| (r.depth, r.trees)).collect();
        let classic = [(4, 33_824), (6, 8_256), (8, 2_052), (10, 512), (12, 128), (14, 32), (16, 8)];
        assert_eq!(rounds, classic);
    }

    #[test]
    fn array_elements_are_the_classic_ones() {
        assert_eq!(element(1_000, 500_000), 1.0 / 1_000.0);
        assert_eq!(element(0, 500_000), f64::INFINITY);
        assert_eq!(element(250_000, 500_000), 0.0);
    }
}
