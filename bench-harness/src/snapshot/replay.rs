//! A snapshot with everything that a replay of it needs, computed before the clock starts.
//!
//! The rounds of operations and the exact set of objects that must be alive after each are a function of the snapshot
//! alone. No collector is asked, and none of this is part of a measured time.

use super::graph::SnapshotGraph;
use super::mutation::{MutationPlan, Op, RoundSize};
use super::reachability::{Model, Reachable};

/// What a replay of the built-in snapshot returns: computed once, and agreed upon by all collectors.
pub(crate) const CHECKSUM_OF_BUILTIN: u64 = 0x7646_2688_0778_6240;
/// Rounds of mutation; on the heap of a Node program half of the objects are dead after ten.
const ROUNDS: usize = 10;
/// Seed of the operations.
const SEED: u64 = 1;

/// A snapshot with everything that can be computed before the clock starts.
#[derive(Clone, Debug)]
pub struct Replay {
    pub(crate) model: Model,
    pub(crate) alive: Reachable,
    pub(crate) rounds: Vec<(Vec<Op>, Reachable)>,
    /// The model after the last round.
    pub(crate) last: Model,
}

impl Replay {
    /// Chooses the operations and computes what must be alive after each round.
    pub fn prepare(graph: &SnapshotGraph) -> Self {
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
}
