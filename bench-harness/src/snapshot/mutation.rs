//! What a replay does to a heap between collections: rounds of edge removals, edge insertions and root drops.
//!
//! The same [`Op`]s are carried out by the heap under test and by the [`Model`]; after each round the heap is collected
//! fully, and the heap must hold exactly what [`Model::reachable`] says.
//!
//! **How the heap finds the objects of an operation.** It cannot keep an array of all objects, which would keep them
//! all alive, and walking a path from a root for each operation would measure the walk. So the replay keeps a table of
//! *weak* pointers, indexed by the object's number, and upgrades the entries that an operation names. This is sound
//! because of the plan's promise: **every object that an operation names is reachable at that moment**, so upgrading
//! must succeed, also if the heap has just collected, and a failure is a finding about the collector. After each round
//! the table is the check itself: the entry of object `n` must upgrade exactly if `reachable().contains(n)`.
//! To build the heap, a replay allocates every object of [`Model::objects`] with [`Model::slot_count`] slots, fills the
//! slots, the roots and the weak table through a temporary array, and drops the array before the first collection.
//!
//! **How the plan keeps its promise.** To ask the model after each operation what is still reachable would cost a pass
//! over the heap per operation. Instead, at the start of a round a breadth-first search notes for every object one
//! witness: the slot or root through which it was found first. The witnesses are a forest. An object whose witnesses up
//! to a root are all as they were noted is certainly reachable. One below a witness that was cut may or may not be, and
//! is not chosen; that is the price.
//!
//! Asking whether a chain of witnesses is whole by walking it costs its length, which is two million in a list of two
//! million. So the forest is numbered in preorder, where what is below an object is an interval; a cut adds one to the
//! interval below it, and an object is certain if the sum at its own number is zero. With a Fenwick tree (1994) both
//! cost a logarithm. Every change of a slot or root that is a witness is a cut or takes one back.
//!
//! The plan is a pure function of the model and the seed. Its random numbers are SplitMix64 (Steele, Lea and Flood,
//! 2014), which fits in five lines and will not change under us.

use super::reachability::Model;

/// Attempts to find an object for one operation. Each later attempt chooses from the shallower half of the one before.
const ATTEMPTS: u32 = 24;

/// One change of the heap. Objects have the numbers of the [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Make a slot of a reachable object empty. It holds an object before.
    RemoveEdge {
        /// The object that has the slot.
        from: u32,
        /// The slot, below the object's slot count.
        slot: u32,
    },
    /// Store a reachable object into a slot of a reachable object. The slot may hold another object before, or nothing.
    InsertEdge {
        /// The object that has the slot.
        from: u32,
        /// The slot, below the object's slot count.
        slot: u32,
        /// The object to store; may be `from` itself.
        to: u32,
    },
    /// Let go of a root. It holds an object before.
    DropRoot {
        /// The position of the root in [`Model::roots`].
        root: u32,
    },
}

/// How many operations of each kind one round has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundSize {
    /// Edges to remove.
    pub removals: u32,
    /// Edges to insert.
    pub insertions: u32,
    /// Roots to drop.
    pub root_drops: u32,
}

impl RoundSize {
    /// One removal for 32 slots, half as many insertions, and one root in 32; at least one of each. On the heap of a
    /// Node program about half of the objects have died after ten rounds.
    pub fn for_model(model: &Model) -> Self {
        let slots: u64 = model.objects().map(|o| u64::from(model.slot_count(o))).sum();
        let share = |whole: u64, parts: u64| (whole / parts).max(1) as u32;
        Self {
            removals: share(slots, 32),
            insertions: share(slots, 64),
            root_drops: share(model.roots().len() as u64, 32),
        }
    }
}

/// A source of rounds.
#[derive(Clone, Debug)]
pub struct MutationPlan {
    random: SplitMix64,
    size: RoundSize,
}

impl MutationPlan {
    /// A plan whose rounds depend only on `seed`, `size` and the model they are made for.
    pub fn new(seed: u64, size: RoundSize) -> Self {
        Self { random: SplitMix64(seed), size }
    }

    /// Makes the next round, and carries it out on `model`. The kinds of operations are mixed at random.
    ///
    /// The round is shorter than asked for when there is nothing left to choose: no roots, no filled slots.
    /// Costs one search of the whole model, and then the logarithm of its size per operation.
    pub fn next_round(&mut self, model: &mut Model) -> Vec<Op> {
        let mut witnesses = Witnesses::new(model);
        let mut roots: Vec<u32> = (0..).zip(model.roots()).filter_map(|(i, o)| o.map(|_| i)).collect();
        let RoundSize { mut removals, mut insertions, mut root_drops } = self.size;
        let mut ops = Vec::new();
        loop {
            let left = [removals, insertions, root_drops].map(u64::from);
            let total = left.iter().sum();
            if total == 0 {
                return ops;
            }
            let choice = self.random.below(total);
            let op = if choice < left[0] {
                removals -= 1;
                self.removal(model, &witnesses)
            } else if choice < left[0] + left[1] {
                insertions -= 1;
                self.insertion(model, &witnesses)
            } else {
                root_drops -= 1;
                self.root_drop(&mut roots)
            };
            if let Some(op) = op {
                witnesses.note(model, op);
                model.apply(op);
                ops.push(op);
            }
        }
    }

    fn removal(&mut self, model: &Model, witnesses: &Witnesses) -> Option<Op> {
        let (from, slot) = self.slot(model, witnesses, |held| held.is_some())?;
        Some(Op::RemoveEdge { from, slot })
    }

    fn insertion(&mut self, model: &Model, witnesses: &Witnesses) -> Option<Op> {
        let (from, slot) = self.slot(model, witnesses, |_| true)?;
        let to = self.choose(witnesses, |_, object| witnesses.testify(object).then_some(object))?;
        Some(Op::InsertEdge { from, slot, to })
    }

    fn root_drop(&mut self, roots: &mut Vec<u32>) -> Option<Op> {
        if roots.is_empty() {
            return None;
        }
        let root = roots.swap_remove(self.random.below(roots.len() as u64) as usize);
        Some(Op::DropRoot { root })
    }

    /// A random slot that `fits`, of a random object that is reachable now.
    fn slot(&mut self, model: &Model, witnesses: &Witnesses, fits: impl Fn(Option<u32>) -> bool) -> Option<(u32, u32)> {
        self.choose(witnesses, |random, from| {
            let count = model.slot_count(from);
            if count == 0 {
                return None;
            }
            let slot = random.below(u64::from(count)) as u32;
            let good = fits(model.slot(from, slot)) && witnesses.testify(from);
            good.then_some((from, slot))
        })
    }

    /// Tries random objects until one is accepted.
    fn choose<T>(
        &mut self,
        witnesses: &Witnesses,
        mut accept: impl FnMut(&mut SplitMix64, u32) -> Option<T>,
    ) -> Option<T> {
        let found = &witnesses.found;
        (0..ATTEMPTS).find_map(|attempt| {
            let choices = (found.len() >> (attempt / 4)) as u64;
            if choices == 0 {
                return None;
            }
            let object = found[self.random.below(choices) as usize];
            accept(&mut self.random, object)
        })
    }
}

/// Why each object was reachable when the round began, and whether that still holds.
struct Witnesses {
    /// The reachable objects; those nearer to a root come first.
    found: Vec<u32>,
    /// For each object that was found: through what.
    first: Vec<Witness>,
    /// For each object that was found: its number in preorder, and the first one behind all that is below it.
    below: Vec<(u32, u32)>,
    /// For each number in preorder: how many cuts are above it.
    cuts: Cuts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Witness {
    None,
    Root(u32),
    Slot { from: u32, slot: u32 },
}

impl Witnesses {
    fn new(model: &Model) -> Self {
        let mut found = Vec::new();
        let mut first = vec![Witness::None; model.node_count() as usize];
        let mut note = |found: &mut Vec<u32>, object: u32, witness| {
            let known = &mut first[object as usize];
            if let Witness::None = known {
                *known = witness;
                found.push(object);
            }
        };
        for (root, object) in (0..).zip(model.roots()) {
            if let Some(object) = object {
                note(&mut found, object, Witness::Root(root));
            }
        }
        let mut done = 0;
        while done < found.len() {
            let from = found[done];
            for (slot, object) in (0..).zip(model.slots(from)) {
                if let Some(object) = object {
                    note(&mut found, object, Witness::Slot { from, slot });
                }
            }
            done += 1;
        }
        let below = preorder(&found, &first);
        let cuts = Cuts::new(found.len());
        Self { found, first, below, cuts }
    }

    /// Is the chain from a root to `object` still whole? If so, `object` is reachable.
    fn testify(&self, object: u32) -> bool {
        self.first[object as usize] != Witness::None && self.cuts.above(self.below[object as usize].0) == 0
    }

    /// What an operation that is about to be applied means for the witnesses.
    fn note(&mut self, model: &Model, op: Op) {
        let (witness, before, after) = match op {
            Op::RemoveEdge { from, slot } => (Witness::Slot { from, slot }, model.slot(from, slot), None),
            Op::InsertEdge { from, slot, to } => (Witness::Slot { from, slot }, model.slot(from, slot), Some(to)),
            Op::DropRoot { root } => (Witness::Root(root), model.root(root), None),
        };
        for (object, cut) in [(before, 1), (after, -1)] {
            if let Some(object) = object
                && before != after
                && self.first[object as usize] == witness
            {
                let (begin, end) = self.below[object as usize];
                self.cuts.add(begin, end, cut);
            }
        }
    }
}

/// Numbers the forest of witnesses: each object's own number, and the first one behind all that is below it.
fn preorder(found: &[u32], first: &[Witness]) -> Vec<(u32, u32)> {
    // How many objects are below each, itself included. In `found` an object stands behind its witness.
    let mut sizes = vec![1_u32; first.len()];
    for object in found.iter().rev() {
        if let Witness::Slot { from, .. } = first[*object as usize] {
            sizes[from as usize] += sizes[*object as usize];
        }
    }
    // The next number that is free below each object; the roots share a counter.
    let mut free = vec![0_u32; first.len()];
    let mut free_root = 0_u32;
    let mut below = vec![(0, 0); first.len()];
    for object in found {
        let next = match first[*object as usize] {
            Witness::Slot { from, .. } => &mut free[from as usize],
            Witness::Root(_) | Witness::None => &mut free_root,
        };
        let begin = *next;
        *next += sizes[*object as usize];
        below[*object as usize] = (begin, *next);
        free[*object as usize] = begin + 1;
    }
    below
}

/// Numbers by position, of which intervals are raised and single ones read: a Fenwick tree of the differences.
struct Cuts(Vec<i32>);

impl Cuts {
    fn new(len: usize) -> Self {
        Cuts(vec![0; len + 2])
    }

    /// Adds to every position from `begin` to before `end`.
    fn add(&mut self, begin: u32, end: u32, value: i32) {
        for (position, value) in [(begin, value), (end, -value)] {
            let mut index = position as usize + 1;
            while index < self.0.len() {
                self.0[index] += value;
                index += index & index.wrapping_neg();
            }
        }
    }

    /// The number at a position.
    fn above(&self, position: u32) -> i32 {
        let mut index = position as usize + 1;
        let mut sum = 0;
        while index > 0 {
            sum += self.0[index];
            index &= index - 1;
        }
        sum
    }
}

/// Random numbers from a fixed seed.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0. The bias, at most `bound / 2^64`, does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::reachability::tests::graph;
    use super::*;

    /// A random graph of `nodes` nodes with up to `edges` edges each, of which one in eight is weak.
    fn random_model(random: &mut SplitMix64, nodes: u64, edges: u64) -> Model {
        let lists: Vec<Vec<(u32, bool)>> = (0..nodes)
            .map(|_| (0..random.below(edges + 1)).map(|_| (random.below(nodes) as u32, random.below(8) == 0)).collect())
            .collect();
        let lists: Vec<&[(u32, bool)]> = lists.iter().map(Vec::as_slice).collect();
        Model::new(graph(&lists))
    }

    const SMALL: RoundSize = RoundSize { removals: 4, insertions: 5, root_drops: 1 };

    #[test]
    fn every_operation_names_only_what_is_reachable_and_filled() {
        let mut random = SplitMix64(1);
        let mut kinds = [0; 3];
        for case in 0..300 {
            let mut model = random_model(&mut random, 2 + case % 40, 1 + case % 5);
            let mut plan = MutationPlan::new(case, SMALL);
            for _ in 0..6 {
                let mut before = model.clone();
                for op in plan.next_round(&mut model) {
                    let reachable = before.reachable();
                    match op {
                        Op::RemoveEdge { from, slot } => {
                            assert!(reachable.contains(from) && before.slot(from, slot).is_some());
                            kinds[0] += 1;
                        }
                        Op::InsertEdge { from, slot, to } => {
                            assert!(reachable.contains(from) && reachable.contains(to));
                            assert!(slot < before.slot_count(from));
                            kinds[1] += 1;
                        }
                        Op::DropRoot { root } => {
                            assert!(before.root(root).is_some());
                            kinds[2] += 1;
                        }
                    }
                    before.apply(op);
                }
                assert_eq!(before, model);
            }
        }
        assert!(kinds.iter().all(|count| *count > 100), "{kinds:?}");
    }

    #[test]
    fn the_same_seed_makes_the_same_rounds() {
        let mut random = SplitMix64(2);
        let model = random_model(&mut random, 500, 4);
        let rounds = |seed| {
            let mut model = model.clone();
            let mut plan = MutationPlan::new(seed, RoundSize::for_model(&model));
            (0..5).map(|_| plan.next_round(&mut model)).collect::<Vec<_>>()
        };
        assert_eq!(rounds(7), rounds(7));
        assert_ne!(rounds(7), rounds(8));
    }

    #[test]
    fn a_heap_without_roots_has_no_operations() {
        let mut model = Model::new(graph(&[&[], &[(1, false)]]));
        let mut plan = MutationPlan::new(3, SMALL);
        assert_eq!(plan.next_round(&mut model), []);
    }

    #[test]
    fn a_long_list_still_finds_operations() {
        let edges: Vec<[(u32, bool); 1]> = (1..200_000).map(|to| [(to, false)]).collect();
        let mut lists: Vec<&[(u32, bool)]> = edges.iter().map(|edge| &edge[..]).collect();
        lists.push(&[]);
        let mut model = Model::new(graph(&lists));
        // Thousands of operations: walking the list for each would take minutes.
        let size = RoundSize { removals: 1, insertions: 6_000, root_drops: 0 };
        let operations = MutationPlan::new(4, size).next_round(&mut model);
        assert!(operations.len() > 10, "{}", operations.len());
    }

    /// What the Fenwick tree says is what walking says.
    #[test]
    fn a_chain_is_whole_if_every_witness_in_it_is() {
        fn whole(witnesses: &Witnesses, model: &Model, mut object: u32) -> bool {
            loop {
                match witnesses.first[object as usize] {
                    Witness::None => return false,
                    Witness::Root(root) => return model.root(root) == Some(object),
                    Witness::Slot { from, slot } if model.slot(from, slot) == Some(object) => object = from,
                    Witness::Slot { .. } => return false,
                }
            }
        }
        let mut random = SplitMix64(9);
        let (mut yes, mut no) = (0, 0);
        for case in 0..100 {
            let mut model = random_model(&mut random, 2 + case % 60, 1 + case % 4);
            let mut witnesses = Witnesses::new(&model);
            for _ in 0..20 {
                let from = random.below(u64::from(model.node_count())) as u32;
                let to = random.below(u64::from(model.node_count())) as u32;
                let slots = u64::from(model.slot_count(from));
                let op = match random.below(3) {
                    0 if model.roots().len() > 0 => {
                        Op::DropRoot { root: random.below(model.roots().len() as u64) as u32 }
                    }
                    1 if slots > 0 && to > 0 => Op::InsertEdge { from, slot: random.below(slots) as u32, to },
                    _ if slots > 0 => Op::RemoveEdge { from, slot: random.below(slots) as u32 },
                    _ => continue,
                };
                witnesses.note(&model, op);
                model.apply(op);
                for object in model.objects() {
                    let expected = whole(&witnesses, &model, object);
                    assert_eq!(witnesses.testify(object), expected, "case {case}, object {object}, {op:?}");
                    if expected { yes += 1 } else { no += 1 }
                }
            }
        }
        assert!(yes > 1_000 && no > 1_000, "{yes} {no}");
    }

    #[test]
    fn the_random_numbers_are_splitmix64() {
        // The reference implementation's first outputs for seed 1234567.
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    /// The replay as a heap does it, with the simplest possible heap: slots in objects, and sweeps that clear a table.
    #[test]
    fn a_table_of_weak_pointers_agrees_after_every_round() {
        struct Toy {
            slots: Vec<Option<u32>>,
        }
        let mut random = SplitMix64(5);
        for seed in 0..20 {
            let mut model = random_model(&mut random, 300, 3);
            let mut roots: Vec<Option<u32>> = model.roots().collect();
            let mut weak: Vec<Option<Toy>> = (0..model.node_count()).map(|_| None).collect();
            for object in model.objects() {
                let slots = model.slots(object).collect();
                weak[object as usize] = Some(Toy { slots });
            }
            let collect = |roots: &[Option<u32>], weak: &mut Vec<Option<Toy>>| {
                let mut marked = vec![false; weak.len()];
                let mut gray: Vec<u32> = roots.iter().copied().flatten().collect();
                while let Some(object) = gray.pop() {
                    if !std::mem::replace(&mut marked[object as usize], true) {
                        let toy = weak[object as usize].as_ref().expect("dangling");
                        gray.extend(toy.slots.iter().copied().flatten());
                    }
                }
                for (entry, marked) in weak.iter_mut().zip(marked) {
                    if !marked {
                        *entry = None;
                    }
                }
            };
            let mut plan = MutationPlan::new(seed, RoundSize::for_model(&model));
            for _ in 0..8 {
                for op in plan.next_round(&mut model) {
                    match op {
                        Op::RemoveEdge { from, slot } => {
                            let toy = weak[from as usize].as_mut().expect("must upgrade");
                            toy.slots[slot as usize] = None;
                        }
                        Op::InsertEdge { from, slot, to } => {
                            assert!(weak[to as usize].is_some(), "must upgrade");
                            let toy = weak[from as usize].as_mut().expect("must upgrade");
                            toy.slots[slot as usize] = Some(to);
                        }
                        Op::DropRoot { root } => roots[root as usize] = None,
                    }
                    // A heap may collect whenever it likes.
                    if random.below(4) == 0 {
                        collect(&roots, &mut weak);
                    }
                }
                collect(&roots, &mut weak);
                let reachable = model.reachable();
                for object in model.objects() {
                    assert_eq!(weak[object as usize].is_some(), reachable.contains(object));
                }
            }
        }
    }
}
