//! The heap as it should be: a graph in ordinary memory, and what must, and what may, be alive in it.
//!
//! The model is exact about what the program can see. It knows every object that the collector is not known to have
//! reclaimed, because a weak pointer may bring one back. What a full collection must leave is computed here:
//!
//! * a collector that reclaims cycles leaves exactly what is reachable;
//! * a counting collector without cycle collection leaves what is reachable and what a garbage cycle holds: the largest
//!   set in which everything is a root or has an edge from inside the set;
//! * a collector that reclaims nothing leaves everything.
//!
//! For counting there is one point that the API cannot see. A deferred counter reclaims a new object that no counted
//! reference has reached by the next epoch without ever counting it, and so gets rid of cycles that were made and lost
//! within one epoch. Whether a particular one was, depends on the order of increments and decrements within the epoch.
//! The model therefore gives two bounds: objects that were reachable when an epoch ended are counted for certain. In
//! nearly all programs the bounds coincide, and the verdict is exact.
//!
//! A weak pointer is a strong pointer to a *cell*, one for each target, so a cell is alive exactly when something alive
//! holds a weak pointer to its target.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{DropLog, Id, Kind};

/// Pointers in the root itself, changed by `mutate_root` only.
pub(super) const DIRECT: usize = 4;
/// Handles that a program holds at most.
pub(super) const HANDLES: usize = 6;

/// What a collector promises of a full collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Promise {
    /// Exactly what is reachable survives.
    Exact,
    /// What cycles hold survives too.
    KeepsCycles,
    /// Everything survives.
    KeepsAll,
}

/// An object of the model.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) len: u32,
    pub(super) edges: BTreeMap<u32, Id>,
    pub(super) weaks: BTreeMap<u32, Id>,
    /// What the handle in the object's token keeps, until the token is dropped.
    pub(super) token_handle: Option<Id>,
    /// Its identity hash, if the program has asked.
    pub(super) hash: Option<u64>,
}

/// What a handle keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// An object.
    Strong(Id),
    /// A weak pointer to an object.
    Weak(Id),
}

/// The heap as it should be.
pub(super) struct Model {
    /// Every object that is not known to be reclaimed.
    pub(super) objects: BTreeMap<Id, Object>,
    pub(super) body: Id,
    pub(super) direct: [Option<Id>; DIRECT],
    pub(super) handles: [Option<Held>; HANDLES],
    /// Objects that a counting collector has counted for certain.
    pub(super) counted: BTreeSet<Id>,
    /// Objects, and targets of weak cells, that are permanent.
    permanent: Sure<BTreeSet<Id>>,
    permanent_cells: Sure<BTreeSet<Id>>,
    pub(super) next: Id,
}

/// What is so for certain, and what may be so: where a handle is dropped by drop glue in the pause that freezes the
/// heap, its target may be alive at that moment or not; and so may be what only a garbage cycle holds.
#[derive(Default)]
struct Sure<T> {
    least: T,
    most: T,
}

/// What a full collection leaves: at least, and at most. Weak cells are counted by their targets.
pub(super) struct Survivors {
    pub(super) least: BTreeSet<Id>,
    pub(super) most: BTreeSet<Id>,
}

impl Model {
    /// A heap with a root whose body is a [`Kind::Slots`] of `len` elements.
    pub(super) fn new(len: u32) -> Self {
        let mut model = Model {
            objects: BTreeMap::new(),
            body: 0,
            direct: [None; DIRECT],
            handles: [None; HANDLES],
            counted: BTreeSet::new(),
            permanent: Sure::default(),
            permanent_cells: Sure::default(),
            next: 0,
        };
        model.body = model.add(Kind::Slots, len);
        model
    }

    /// Adds an object without edges.
    pub(super) fn add(&mut self, kind: Kind, len: u32) -> Id {
        let id = self.next;
        self.next += 1;
        let object =
            Object { kind, len, edges: BTreeMap::new(), weaks: BTreeMap::new(), token_handle: None, hash: None };
        self.objects.insert(id, object);
        id
    }

    pub(super) fn object(&mut self, id: Id) -> &mut Object {
        self.objects.get_mut(&id).expect("the model knows every object that the program can reach")
    }

    /// Sets or removes an edge.
    pub(super) fn link(&mut self, from: Id, index: u32, to: Option<Id>) {
        let edges = &mut self.object(from).edges;
        match to {
            Some(to) => edges.insert(index, to),
            None => edges.remove(&index),
        };
    }

    /// Everything that is a root by itself. Tokens that were not dropped keep what their handles keep.
    pub(super) fn roots(&self, log: &DropLog) -> Vec<Id> {
        let tokens = self.objects.iter().filter(|&(&id, _)| log.drops(id) == 0);
        let tokens = tokens.filter_map(|(_, object)| object.token_handle);
        let handles = self.handles.iter().flatten().filter_map(|held| match held {
            Held::Strong(id) => Some(*id),
            Held::Weak(_) => None,
        });
        [self.body].into_iter().chain(self.direct.iter().flatten().copied()).chain(handles).chain(tokens).collect()
    }

    /// Everything that the roots reach.
    pub(super) fn reachable(&self, log: &DropLog) -> BTreeSet<Id> {
        self.closure(self.roots(log))
    }

    /// Everything that `from` reaches, themselves included.
    pub(super) fn closure(&self, from: Vec<Id>) -> BTreeSet<Id> {
        let mut reached = BTreeSet::new();
        let mut pending = from;
        while let Some(id) = pending.pop() {
            if reached.insert(id) {
                pending.extend(self.objects[&id].edges.values());
            }
        }
        reached
    }

    /// The largest part of `among` in which everything is in `held` or has an edge from inside the part.
    fn held_by_cycles(&self, mut among: BTreeSet<Id>, held: &BTreeSet<Id>) -> BTreeSet<Id> {
        let mut references: BTreeMap<Id, u32> = BTreeMap::new();
        for id in &among {
            for to in self.objects[id].edges.values() {
                *references.entry(*to).or_default() += 1;
            }
        }
        let mut dead: Vec<Id> =
            among.iter().copied().filter(|id| !held.contains(id) && !references.contains_key(id)).collect();
        while let Some(id) = dead.pop() {
            among.remove(&id);
            for to in self.objects[&id].edges.values() {
                let count = references.get_mut(to).expect("counted above");
                *count -= 1;
                if *count == 0 && !held.contains(to) && among.contains(to) {
                    dead.push(*to);
                }
            }
        }
        among
    }

    /// What a full collection that begins now leaves.
    pub(super) fn survivors(&self, promise: Promise, log: &DropLog) -> Survivors {
        let alive = |permanent: &BTreeSet<Id>| {
            self.closure(self.roots(log).into_iter().chain(permanent.iter().copied()).collect())
        };
        let (least, most) = (alive(&self.permanent.least), alive(&self.permanent.most));
        match promise {
            Promise::Exact => Survivors { least, most },
            Promise::KeepsAll => {
                let all: BTreeSet<Id> = self.objects.keys().copied().collect();
                Survivors { least: all.clone(), most: all }
            }
            Promise::KeepsCycles => {
                let counted = self.counted.union(&least).copied().collect();
                let all = self.objects.keys().copied().collect();
                Survivors { least: self.held_by_cycles(counted, &least), most: self.held_by_cycles(all, &most) }
            }
        }
    }

    /// The targets whose weak cells are alive when the objects `alive` are.
    fn cells_of(&self, alive: &BTreeSet<Id>) -> BTreeSet<Id> {
        let mut targets: BTreeSet<Id> = alive.iter().flat_map(|id| self.objects[id].weaks.values().copied()).collect();
        targets.extend(self.handles.iter().flatten().filter_map(|held| match held {
            Held::Weak(id) => Some(*id),
            Held::Strong(_) => None,
        }));
        targets
    }

    /// Number of weak cells that the program can reach when it reaches the objects `reached`.
    pub(super) fn cells(&self, reached: &BTreeSet<Id>) -> u64 {
        self.cells_of(reached).len() as u64
    }

    /// Number of objects and weak cells that a full collection leaves: at least, and at most.
    pub(super) fn numbers(&self, survivors: &Survivors) -> (u64, u64) {
        let number = |alive: &BTreeSet<Id>, permanent: &BTreeSet<Id>| {
            (alive.len() + self.cells_of(alive).union(permanent).count()) as u64
        };
        (number(&survivors.least, &self.permanent_cells.least), number(&survivors.most, &self.permanent_cells.most))
    }

    /// The heap was frozen, when `before` would have been left by a full collection.
    pub(super) fn frozen(&mut self, before: &Survivors, log: &DropLog) {
        let now = self.reachable(log);
        self.permanent_cells.least.extend(self.cells_of(&now));
        self.permanent_cells.most.extend(self.cells_of(&before.most));
        self.permanent.least.extend(now);
        self.permanent.most.extend(&before.most);
    }

    /// Whether an object is dead that is alive as far as the model knows: `None` when that is not certain.
    pub(super) fn is_dead(&self, id: Id, log: &DropLog) -> Option<bool> {
        let Survivors { least, most } = self.survivors(Promise::Exact, log);
        (least.contains(&id) == most.contains(&id)).then(|| !least.contains(&id))
    }

    /// Forgets everything but `alive`: the collector has reclaimed it.
    pub(super) fn retain(&mut self, alive: &BTreeSet<Id>) {
        self.objects.retain(|id, _| alive.contains(id));
        self.counted.retain(|id| alive.contains(id));
    }

    /// An epoch of a counting collector has ended with the program in this state.
    pub(super) fn epoch_ended(&mut self, log: &DropLog) {
        let reachable = self.reachable(log);
        self.counted.extend(reachable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(model: &mut Model, ids: &[Id]) {
        for pair in ids.windows(2) {
            model.link(pair[0], 0, Some(pair[1]));
        }
    }

    #[test]
    fn a_garbage_cycle_holds_itself_and_what_it_points_to_and_nothing_else() {
        let mut model = Model::new(4);
        let ids: Vec<Id> = (0..4).map(|_| model.add(Kind::Node, 0)).collect();
        let [before, a, b, after] = ids[..] else { unreachable!() };
        chain(&mut model, &[before, a, b, a]);
        model.link(b, 1, Some(after));
        let log = DropLog::default();
        let survivors = model.survivors(Promise::KeepsCycles, &log);
        assert_eq!(survivors.most, BTreeSet::from([model.body, a, b, after]));
        assert_eq!(survivors.least, BTreeSet::from([model.body]), "nothing was counted for certain");
        model.link(model.body, 0, Some(before));
        model.epoch_ended(&log);
        model.link(model.body, 0, None);
        let survivors = model.survivors(Promise::KeepsCycles, &log);
        assert_eq!(survivors.least, BTreeSet::from([model.body, a, b, after]));
        assert_eq!(model.survivors(Promise::Exact, &log).most, BTreeSet::from([model.body]));
        assert_eq!(model.survivors(Promise::KeepsAll, &log).least.len(), 5);
    }

    #[test]
    fn cells_are_counted_by_target() {
        let mut model = Model::new(4);
        let (holder, other) = (model.add(Kind::Weaks, 0), model.add(Kind::Weaks, 0));
        model.object(holder).weaks.extend([(0, 7), (1, 8), (2, 7)]);
        model.object(other).weaks.insert(0, 9);
        assert_eq!(model.cells(&BTreeSet::from([holder])), 2);
        model.handles[0] = Some(Held::Weak(9));
        assert_eq!(model.cells(&BTreeSet::from([holder])), 3);
    }
}
