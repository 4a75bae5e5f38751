//! A snapshot with everything that a replay of it needs, computed before the clock starts.
//!
//! The rounds of operations and the exact set of objects that must be alive after each are a function of the snapshot
//! alone. No collector is asked, and none of this is part of a measured time.

use super::graph::SnapshotGraph;
use super::mutation::{MutationPlan, Op, RoundSize};
use super::reachability::{Model, Reachable};

/// What a replay of the built-in snapshot returns: computed once, and agreed upon by all collectors.
pub(crate) const CHECKSUM_OF_BUILTIN: u64 = 0x2473_E516_631B_C392;
/// Rounds of mutation; on the heap of a Node program half of the objects are dead after ten.
const ROUNDS: usize = 10;
/// What an object has in front of its slots, so that its size is that of the original.
const PREFIX_BYTES: u64 = 16;
/// Seed of the operations.
const SEED: u64 = 1;

/// Words of a payload that is worth an object of its own.
const PAGE_WORDS: usize = 512;

/// How an object is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Its slots, the one that leads to the payload included.
    pub(crate) slots: usize,
    /// Words without pointers in an object behind it; 0 if there is none.
    pub(crate) payload: usize,
}

/// A snapshot with everything that can be computed before the clock starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    pub(crate) model: Model,
    pub(crate) alive: Reachable,
    pub(crate) rounds: Vec<(Vec<Op>, Reachable)>,
    /// The model after the last round.
    pub(crate) last: Model,
}

impl Replay {
    /// Chooses the operations and computes what must be alive after each round.
    pub fn prepare(graph: SnapshotGraph) -> Self {
        let model = Model::new(graph);
        let alive = model.reachable();
        let mut plan = MutationPlan::new(SEED, RoundSize::for_model(&model));
        let mut mutated = model.clone();
        let rounds = (0..ROUNDS)
            .map(|_| {
                let operations = plan.next_round(&mut mutated);
                (operations, mutated.reachable())
            })
            .collect();
        Replay { model, alive, rounds, last: mutated }
    }

    /// The shape that gives an object the size that it had: slots in front, at least one for each reference, and where
    /// what is left would be a page or more, a payload of so many words behind one more slot.
    pub(crate) fn shape(model: &Model, object: u32) -> Shape {
        let references = model.slot_count(object) as usize;
        let words = model.self_size(object).saturating_sub(PREFIX_BYTES).div_ceil(8) as usize;
        match words.checked_sub(references + 1 + PREFIX_BYTES as usize / 8) {
            Some(payload) if payload >= PAGE_WORDS => Shape { slots: references + 1, payload },
            _ => Shape { slots: words.max(references), payload: 0 },
        }
    }

    /// The most bytes that are alive at once, when everything is built: all objects, the roots, the table of weak
    /// pointers and the array through which the heap is built. Weak cells are an implementation's own and not counted.
    pub fn live_bytes(&self) -> u64 {
        let slots = |count: u64| count.saturating_mul(8).saturating_add(PREFIX_BYTES);
        let objects = self.model.objects().map(|object| {
            let Shape { slots: own, payload } = Self::shape(&self.model, object);
            let payload = if payload > 0 { slots(payload as u64) } else { 0 };
            slots(own as u64).saturating_add(payload)
        });
        let tables = 2 * slots(self.model.node_count().into()) + slots(self.model.roots().len() as u64);
        objects.fold(tables, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reachability::tests::graph;
    use super::*;

    #[test]
    fn an_object_has_the_size_that_it_had() {
        let mut graph = graph(&[&[(1, false)], &[(0, false), (1, false)]]);
        for (size, expected) in [
            (0, Shape { slots: 2, payload: 0 }),
            (32, Shape { slots: 2, payload: 0 }),
            (100, Shape { slots: 11, payload: 0 }),
            (4096, Shape { slots: 510, payload: 0 }),
            (1 << 20, Shape { slots: 3, payload: (1 << 17) - 7 }),
        ] {
            graph.self_sizes[1] = size;
            let shape = Replay::shape(&Model::new(graph.clone()), 1);
            assert_eq!(shape, expected, "{size}");
            if shape.payload > 0 {
                assert_eq!((shape.slots + shape.payload) as u64 * 8 + 2 * PREFIX_BYTES, size);
            }
        }
    }
}
