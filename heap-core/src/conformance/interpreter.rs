//! Runs a program on a heap and on the model at once, and compares them.
//!
//! At the beginning of every `mutate` the interpreter walks the heap and the model in step: same objects, same edges,
//! same content, same identity. That is how it finds the pointers to work with, so it costs nothing extra. It reads
//! only: a walk that wrote, or upgraded weak pointers, would hide what it looks for. After each step it looks at which
//! drop glue has run. After a full collection it demands the exact verdict.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Kit;
use super::dumped::{Dumped, WEAK};
use super::listing::{self, Listing, weak_place};
use super::model::{DIRECT, HANDLES, Held, Model, Promise};
use super::objects::{Any, AnyHandle, AnyWeak, AnyWeakHandle, Blueprint, DropLog, Id, Kind, RootSet, unfinished_slice};
use super::program::{At, Hold, Op, Pick, Place, Program, Step};
use super::tools::{ExpectedPanic, GluePanic, caught, unwind};
use crate::collector::memory::os;
use crate::error::AllocError;
use crate::fault;
use crate::trail::{self, Note};
use crate::{Heap, Mutator, Rootable};

/// Elements of the body.
const BODY: u32 = 12;
/// A program may hold no more objects than this.
const OBJECTS: usize = 150;
/// Tokens of objects that are garbage at once.
const GARBAGE: Id = Id::MAX;
/// Tokens of elements of slices that were never finished.
const UNFINISHED: Id = Id::MAX - 1;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

enum Kept {
    Strong(AnyHandle),
    Weak(AnyWeakHandle),
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        match self {
            Kept::Strong(handle) => Kept::Strong(handle.clone()),
            Kept::Weak(handle) => Kept::Weak(handle.clone()),
        }
    }
}

/// Ends all refusals, also when a check fails.
struct Refusals;

impl Refusals {
    fn end() {
        os::fault::fail_commit_after(0);
        fault::refuse_mark_stack_requests(0);
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        Refusals::end();
        fault::tight_mark_stacks(false);
    }
}

struct State {
    model: Model,
    /// Where to write what the program does.
    listing: Option<Listing>,
    handles: [Option<Kept>; HANDLES],
    log: Rc<DropLog>,
    promise: Promise,
    /// Allocations may fail.
    limited: bool,
    /// The write barrier may refuse, too.
    refuses: bool,
    /// How many tokens each object has.
    tokens: BTreeMap<Id, u32>,
    failure: Option<String>,
    /// Epochs of a counting collector that the model knows of.
    epochs: u64,
}

struct Run {
    heap: Heap<Rootable![RootSet<'_>]>,
    state: State,
    allocated: u64,
    _refusals: Refusals,
}

/// Runs a program, and lists what it does. The error says what is wrong and where.
pub(super) fn run(kit: &Kit, program: &Program, listing: Option<Listing>) -> Result<(), String> {
    trail::note(Note::Step, 0);
    let Some(mut run) = Run::new(kit, program, listing)? else { return Ok(()) };
    for (number, step) in program.steps.iter().enumerate() {
        trail::note(Note::Step, number as u64 + 1);
        run.step(step, program.each_step).map_err(|what| format!("step {}: {what}", number + 1))?;
    }
    trail::note(Note::Step, 0);
    run.collect()
        .and_then(|()| run.mutate(&[], false))
        .and_then(|()| run.collect())
        .map_err(|w| format!("at the end: {w}"))?;
    run.finish()
}

impl Run {
    /// `None` when the limit does not even hold the root.
    fn new(kit: &Kit, program: &Program, listing: Option<Listing>) -> Result<Option<Self>, String> {
        fault::tight_mark_stacks(program.refuses);
        let verify = program.verify || Kit::options().verify;
        let mut options = Kit::options().with_zeal(program.zeal).with_verify(verify);
        options.limit = program.limit;
        options.reservation = program.reservation;
        let log = Rc::new(DropLog::default());
        let heap = Heap::<Rootable![RootSet<'_>]>::try_with_options(options, kit.collector(), |mc| {
            let blueprint =
                Blueprint { id: 0, kind: Kind::Slots, len: BODY, first: None, handle: None, panics: false, log: &log };
            let body = Any::make(mc, blueprint)?.expect("a slice can be made");
            Ok::<_, AllocError>(RootSet { body, direct: Default::default() })
        });
        let mut heap = match heap {
            Ok(heap) => heap,
            Err(_) if program.limit.is_some() || program.reservation.is_some() => return Ok(None),
            Err(error) => return Err(format!("the heap could not be made: {error}")),
        };
        let promise = kit.promise(&mut heap);
        let state = State {
            model: Model::new(BODY),
            listing,
            handles: Default::default(),
            log,
            promise,
            limited: program.limit.is_some() || program.refuses,
            refuses: program.refuses,
            tokens: BTreeMap::new(),
            failure: None,
            epochs: heap.statistics().epochs,
        };
        Ok(Some(Run { heap, state, allocated: 0, _refusals: Refusals }))
    }

    fn step(&mut self, step: &Step, each_step: Option<u32>) -> Result<(), String> {
        if let Some(listing) = &mut self.state.listing {
            listing.step(step);
        }
        match step {
            Step::Mutate { ops, panics } => match each_step {
                None => self.mutate(ops, *panics)?,
                Some(bytes) => {
                    for op in ops {
                        self.mutate(std::slice::from_ref(op), false)?;
                        self.increment(bytes)?;
                    }
                    self.mutate(&[], *panics)?;
                }
            },
            Step::MutateRoot { set, swap } => self.mutate_root(set, *swap)?,
            Step::Collect => self.collect()?,
            Step::CollectMinor => self.guarded(|heap, _| heap.collect_minor())?,
            Step::Increments { bytes, times } => {
                for _ in 0..*times {
                    self.increment(*bytes)?;
                }
            }
            Step::Stage => self.stage()?,
            Step::Freeze => self.freeze()?,
            Step::DropHandle { hold } => self.state.drop_handle(*hold),
            Step::CloneHandle { from, into } => self.state.clone_handle(*from, *into),
            Step::Refuse { stacks, commit } => {
                fault::refuse_mark_stack_requests(*stacks);
                os::fault::fail_commit_after((*commit).into());
            }
            Step::Verify => {
                self.heap.verify().map_err(|error| format!("the verifier: {error}"))?;
                self.dump()?;
            }
        }
        self.check_drops()
    }

    fn increment(&mut self, bytes: u32) -> Result<(), String> {
        self.state.say(|listing, _| listing.line(&format!("heap.step({bytes});")));
        self.guarded(|heap, _| {
            heap.step(bytes as usize);
        })
    }

    /// Does something that contains safepoints. Panics of drop glue must come out of it, and no others may.
    fn guarded(&mut self, f: impl FnOnce(&mut Heap<Rootable![RootSet<'_>]>, &mut State)) -> Result<(), String> {
        let panics = self.state.log.panics.get();
        let (heap, state) = (&mut self.heap, &mut self.state);
        let outcome = caught(|| f(heap, state));
        self.state.note_epochs(self.heap.statistics().epochs);
        if let Some(failure) = self.state.failure.take() {
            return Err(failure);
        }
        let glue_panicked = self.state.log.panics.get() != panics;
        match outcome {
            Ok(()) => ensure!(!glue_panicked, "a panic of drop glue was swallowed"),
            Err(payload) if payload.is::<GluePanic>() => ensure!(glue_panicked, "a panic of drop glue came out late"),
            Err(payload) if payload.is::<ExpectedPanic>() => {}
            Err(payload) => {
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let text = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
                // Memory for the barrier itself was refused: it said so before the write.
                if self.state.refuses && text.contains("write barrier") {
                    return Ok(());
                }
                return Err(format!("panic: {text}"));
            }
        }
        let allocated = self.heap.statistics().allocated_bytes;
        ensure!(allocated >= self.allocated, "allocated_bytes fell from {} to {allocated}", self.allocated);
        self.allocated = allocated;
        Ok(())
    }

    fn mutate(&mut self, ops: &[Op], panics: bool) -> Result<(), String> {
        self.state.say(|listing, _| listing.open("heap.mutate(|mc, root| {"));
        self.guarded(|heap, state| {
            heap.mutate(|mc, root| {
                // One may have ended when this `mutate` began, because the last one did not end properly.
                state.note_epochs(mc.statistics().epochs);
                let done = Found::walk(mc, root, state)
                    .and_then(|mut found| ops.iter().try_for_each(|op| state.apply(mc, &mut found, op)));
                trail::note(Note::Operation, 0);
                state.failure = done.err();
                if state.failure.is_none() {
                    state.say(|listing, _| {
                        if panics {
                            listing.line("panic!();");
                        }
                        listing.close("});");
                    });
                }
                if panics {
                    unwind();
                }
            });
        })
    }

    fn mutate_root(&mut self, set: &[(u8, Option<Pick>)], swap: Option<(u8, u8)>) -> Result<(), String> {
        self.guarded(|heap, state| {
            state.say(|listing, _| listing.open("heap.mutate_root(|mc, root| {"));
            heap.mutate_root(|mc, root| {
                state.note_epochs(mc.statistics().epochs);
                let found = match Found::walk(mc, root, state) {
                    Ok(found) => found,
                    Err(failure) => {
                        state.failure = Some(failure);
                        return;
                    }
                };
                for &(at, to) in set {
                    let at = at as usize % DIRECT;
                    let to = to.map(|pick| found.pick(pick));
                    state.say(|listing, model| {
                        let to = listing.pointer(model, to.map(|(id, _)| id));
                        listing.line(&format!("root.direct[{at}] = {to};"));
                    });
                    *root.direct[at].get_mut() = to.map(|(_, any)| any);
                    state.model.direct[at] = to.map(|(id, _)| id);
                }
                if let Some((a, b)) = swap {
                    let (a, b) = (a as usize % DIRECT, b as usize % DIRECT);
                    state.say(|listing, _| listing.line(&format!("root.direct.swap({a}, {b});")));
                    root.direct.swap(a, b);
                    state.model.direct.swap(a, b);
                }
                state.say(|listing, _| listing.close("});"));
            });
        })
    }

    /// What the heap says is dead is what the model does not reach. It is whole, if it is still there.
    fn stage(&mut self) -> Result<(), String> {
        self.guarded(|heap, state| {
            let told = heap.mark().finalize(|fc, root| {
                let mut found = Found::walk(fc, root, state)?;
                let cells: Vec<(Id, AnyWeak<'_>)> = found.cells.iter().map(|(&target, &weak)| (target, weak)).collect();
                for (target, weak) in cells {
                    ensure!(
                        state.model.is_dead(target, &state.log).is_none_or(|is_dead| weak.is_dead(fc) == is_dead),
                        "object {target} is dead or not, and the stage says the opposite"
                    );
                    if let Some(any) = weak.resurrect(fc) {
                        ensure!(state.log.drops(target) == 0, "object {target} came back after its drop glue ran");
                        found.follow(fc, &state.model, vec![(target, any)])?;
                    }
                }
                Ok(())
            });
            state.failure = match told {
                Ok(told) => told.err(),
                Err(_) if state.refuses => None,
                Err(error) => Some(format!("a stage failed: {error}")),
            };
        })
    }

    /// Freezes the heap, if the system lets it, and does a full collection.
    fn freeze(&mut self) -> Result<(), String> {
        let before = self.state.model.survivors(self.state.promise, &self.state.log);
        let freezes = self.heap.statistics().freezes;
        self.guarded(|heap, state| match heap.freeze() {
            Err(error) if !state.refuses => state.failure = Some(format!("the heap cannot be frozen: {error}")),
            _ => {}
        })?;
        if self.heap.statistics().freezes > freezes {
            self.state.model.frozen(&before, &self.state.log);
        }
        self.collect()
    }

    /// A full collection, and the verdict.
    fn collect(&mut self) -> Result<(), String> {
        Refusals::end();
        let survivors = self.state.model.survivors(self.state.promise, &self.state.log);
        self.guarded(|heap, _| heap.collect())?;
        let State { model, log, promise, tokens, .. } = &mut self.state;
        let (least, most) = model.numbers(&survivors);
        // And the root.
        let (least, most) = (least + 1, most + 1);
        if *promise != Promise::KeepsAll {
            let live = self.heap.statistics().live_objects + self.heap.statistics().permanent_objects;
            ensure!(
                (least..=most).contains(&live),
                "after a full collection {live} objects are alive (`statistics().live_objects`, the root and weak cells \
                 counted); the model says {least} to {most}"
            );
            let (garbage, made) = (log.drops(GARBAGE), tokens.get(&GARBAGE).copied().unwrap_or(0));
            ensure!(garbage == made, "drop glue of {made} garbage objects was due, and ran {garbage} times");
        }
        for (id, object) in &model.objects {
            let (drops, all) = (log.drops(*id), object.kind.tokens(object.len));
            ensure!(
                !survivors.least.contains(id) || drops == 0,
                "drop glue of {object:?}, number {id}, ran although it is alive"
            );
            ensure!(
                survivors.most.contains(id) || drops == all,
                "drop glue of {object:?}, number {id}, was due {all} times, and ran {drops} times"
            );
        }
        model.retain(&survivors.most);
        if *promise == Promise::KeepsCycles {
            model.counted = survivors.least;
        }
        self.census()
    }

    /// The verifier's census is what the model reaches.
    fn census(&mut self) -> Result<(), String> {
        let census = self.heap.verify().map_err(|error| format!("the verifier: {error}"))?;
        let State { model, log, .. } = &self.state;
        let reachable = model.reachable(log);
        let cells = model.cells(&reachable);
        let inside = reachable.iter().map(|id| &model.objects[id]);
        let edges: usize = inside.map(|object| object.edges.len() + object.weaks.len()).sum();
        let edges = (edges + 1 + model.direct.iter().flatten().count()) as u64;
        let objects = reachable.len() as u64 + cells + 1;
        ensure!(
            (census.objects, census.weak_cells, census.edges) == (objects, cells, edges),
            "the heap holds {census:?}; the model reaches {objects} objects, {cells} weak cells among them, by {edges} edges"
        );
        Ok(())
    }

    /// A dump is the graph that the model reaches, in the middle of whatever goes on.
    fn dump(&mut self) -> Result<(), String> {
        let state = &self.state;
        let places = self.heap.view(|mc, root| {
            let found = Found::walk(mc, root, state)?;
            let place = |(&id, any): (&Id, &Any<'_>)| (id, any.address().addr());
            Ok::<_, String>(found.objects.iter().map(place).collect::<BTreeMap<Id, usize>>())
        })?;
        let mut file = Vec::new();
        let pause = fault::pause();
        let summary = self.heap.dump(&mut file).map_err(|error| format!("the dump: {error}"))?;
        drop(pause);
        let (dumped, model) = (Dumped::read(&file), &self.state.model);
        let (reachable, nodes) = (model.reachable(&self.state.log), dumped.nodes.len() as u64);
        let expected = reachable.len() as u64 + model.cells(&reachable) + 2;
        ensure!(
            nodes == expected && summary.objects + 1 == nodes,
            "a dump has {nodes} nodes, and should have {expected}: {summary:?}"
        );
        // The root object's first edge is the body.
        let body = dumped.nodes[dumped.nodes[dumped.nodes[0].edges[0].2].edges[0].2].offset;
        let base = places[&model.body] - body;
        let node = |id: Id| places.get(&id).and_then(|place| dumped.by_offset.get(&(place - base))).copied();
        // What only a handle inside another object's glue keeps cannot be walked to: of that only the number is compared.
        let is_hidden = |id: &Id| reachable.contains(id) && !places.contains_key(id);
        for &id in &reachable {
            let (object, number) = (&model.objects[&id], node(id));
            if is_hidden(&id) || object.weaks.values().any(is_hidden) {
                continue;
            }
            let number = number.ok_or_else(|| format!("object {id} is not in the dump"))?;
            let mut expected: Vec<Option<usize>> = object.edges.values().map(|&to| node(to)).collect();
            // A weak pointer leads to a cell, and the cell by a weak edge to its target, if that is reachable.
            expected.extend(object.weaks.values().map(|&target| node(target)));
            let mut edges = dumped.nodes[number]
                .edges
                .iter()
                .map(|&(_, _, to)| match &dumped.nodes[to] {
                    cell if cell.name == "weak cell" => match cell.edges[..] {
                        [(WEAK, _, target)] => Some(target),
                        _ => None,
                    },
                    _ => Some(to),
                })
                .collect::<Vec<_>>();
            expected.sort_unstable();
            edges.sort_unstable();
            ensure!(
                edges == expected,
                "object {id}, {object:?}, has edges to {edges:?} in the dump, not to {expected:?}"
            );
        }
        let bytes: u64 = dumped.nodes.iter().map(|node| node.bytes).sum();
        ensure!(bytes == summary.object_bytes + summary.outside_bytes, "sizes add up to {bytes}: {summary:?}");
        Ok(())
    }

    /// No drop glue ran for an object that is reachable, and none ran too often.
    fn check_drops(&self) -> Result<(), String> {
        let State { model, log, tokens, .. } = &self.state;
        let reachable = model.reachable(log);
        for (id, drops) in log.drops.borrow().iter() {
            ensure!(!reachable.contains(id), "drop glue of object {id} ran although it is reachable");
            let all = tokens.get(id).copied().unwrap_or(0);
            ensure!(*drops <= all, "drop glue of object {id} was due {all} times at most, and ran {drops} times");
        }
        Ok(())
    }

    /// Dropping the heap runs all glue that is left, once. Handles may outlive it.
    fn finish(self) -> Result<(), String> {
        let Run { heap, state, _refusals, .. } = self;
        let panics = state.log.panics.get();
        let outcome = caught(|| drop(heap));
        ensure!(
            outcome.is_err() == (state.log.panics.get() != panics),
            "dropping the heap and a panic of drop glue do not agree"
        );
        for (id, all) in &state.tokens {
            let drops = state.log.drops(*id);
            ensure!(drops == *all, "in the end drop glue of object {id} was due {all} times, and ran {drops} times");
        }
        Ok(())
    }
}

/// The objects that the program can reach, and pointers to them.
struct Found<'gc> {
    objects: BTreeMap<Id, Any<'gc>>,
    addresses: HashMap<*const (), Id>,
    order: Vec<Id>,
    cells: BTreeMap<Id, AnyWeak<'gc>>,
}

impl<'gc> Found<'gc> {
    fn walk(mc: &Mutator<'gc>, root: &RootSet<'gc>, state: &State) -> Result<Self, String> {
        let mut found =
            Found { objects: BTreeMap::new(), addresses: HashMap::new(), order: Vec::new(), cells: BTreeMap::new() };
        let model = &state.model;
        let mut pending = vec![(model.body, root.body)];
        for (at, (edge, expected)) in root.direct.iter().zip(model.direct).enumerate() {
            match (edge.get(), expected) {
                (Some(any), Some(id)) => pending.push((id, any)),
                (None, None) => {}
                _ => return Err(format!("pointer {at} of the root is not what was stored")),
            }
        }
        for (kept, held) in state.handles.iter().zip(model.handles) {
            match (kept, held) {
                (Some(Kept::Strong(handle)), Some(Held::Strong(id))) => pending.push((id, handle.fetch(mc))),
                (Some(Kept::Weak(handle)), Some(Held::Weak(id))) => found.cell(id, handle.fetch(mc))?,
                (None, None) => {}
                _ => return Err("the interpreter's handles do not agree with its model".into()),
            }
        }
        found.follow(mc, model, pending)?;
        Ok(found)
    }

    /// Visits objects and everything that they reach.
    fn follow(&mut self, mc: &Mutator<'gc>, model: &Model, mut pending: Vec<(Id, Any<'gc>)>) -> Result<(), String> {
        while let Some((id, any)) = pending.pop() {
            if let Some(known) = self.objects.get(&id) {
                ensure!(known.address() == any.address(), "two pointers to object {id} differ");
                continue;
            }
            let Some(object) = model.objects.get(&id) else {
                return Err(format!("object {id} came back after it was reclaimed"));
            };
            ensure!(any.kind() == object.kind, "object {id} is a {:?}, and was a {:?}", any.kind(), object.kind);
            ensure!(any.is_intact(id, object.len), "the content of object {id} has changed: {object:?}");
            if let Some(other) = self.addresses.insert(any.address(), id) {
                return Err(format!("objects {id} and {other} are at the same address"));
            }
            self.add(id, any);
            for at in 0..object.kind.width(object.len) {
                match (any.edge(at), object.edges.get(&at)) {
                    (Some(to), Some(&expected)) => pending.push((expected, to)),
                    (None, None) => {}
                    (now, then) => {
                        let now = now.map(Any::address);
                        return Err(format!(
                            "edge {at} of object {id}, {object:?}, leads to {now:?} instead of {then:?}"
                        ));
                    }
                }
            }
            for at in 0..object.kind.weak_width() {
                match (any.weak(at), object.weaks.get(&at)) {
                    (Some(weak), Some(&target)) => self.cell(target, weak)?,
                    (None, None) => {}
                    _ => return Err(format!("weak pointer {at} of object {id} is not what was stored")),
                }
            }
            ensure!(
                object.hash.is_none_or(|hash| any.identity_hash(mc) == hash),
                "the identity hash of object {id} has changed"
            );
            if let (Some(target), Some(handle)) = (object.token_handle, any.token_handle()) {
                pending.push((target, handle.fetch(mc)));
            }
        }
        for (target, weak) in &self.cells {
            ensure!(
                !weak.is_dropped(mc) || !self.objects.contains_key(target),
                "the weak pointer to object {target} is dead, and the object is not"
            );
            ensure!(
                weak.is_dropped(mc) || model.objects.contains_key(target),
                "the weak pointer to object {target} is alive, and the object was reclaimed"
            );
        }
        Ok(())
    }

    fn add(&mut self, id: Id, any: Any<'gc>) {
        self.objects.insert(id, any);
        self.addresses.insert(any.address(), id);
        self.order.push(id);
    }

    fn cell(&mut self, target: Id, weak: AnyWeak<'gc>) -> Result<(), String> {
        let known = *self.cells.entry(target).or_insert(weak);
        ensure!(known.ptr_eq(weak), "two weak pointers to object {target} differ");
        Ok(())
    }

    fn pick(&self, pick: Pick) -> (Id, Any<'gc>) {
        let id = self.order[pick as usize % self.order.len()];
        (id, self.objects[&id])
    }
}

impl State {
    /// Lists something, if there is a listing.
    fn say(&mut self, say: impl FnOnce(&mut Listing, &Model)) {
        if let Some(listing) = &mut self.listing {
            say(listing, &self.model);
        }
    }

    /// A counting collector has counted what is reachable now, if an epoch has just ended.
    fn note_epochs(&mut self, now: u64) {
        if now != self.epochs && self.promise == Promise::KeepsCycles {
            self.model.epoch_ended(&self.log);
        }
        self.epochs = now;
    }

    fn hold(hold: Hold) -> usize {
        hold as usize % HANDLES
    }

    fn drop_handle(&mut self, hold: Hold) {
        self.say(|listing, _| listing.line(&format!("h{} = None;", Self::hold(hold))));
        self.handles[Self::hold(hold)] = None;
        self.model.handles[Self::hold(hold)] = None;
    }

    fn clone_handle(&mut self, from: Hold, into: Hold) {
        self.say(|listing, _| listing.line(&format!("h{} = h{}.clone();", Self::hold(into), Self::hold(from))));
        self.handles[Self::hold(into)] = self.handles[Self::hold(from)].clone();
        self.model.handles[Self::hold(into)] = self.model.handles[Self::hold(from)];
    }

    /// The edge that a place names.
    fn edge<'gc>(&self, found: &Found<'gc>, (pick, at): Place) -> Option<(Id, Any<'gc>, u32)> {
        let (id, any) = found.pick(pick);
        let object = &self.model.objects[&id];
        let width = object.kind.width(object.len);
        (width > 0).then(|| (id, any, u32::from(at) % width))
    }

    /// Replaces an edge, if its kind allows that.
    fn set<'gc>(&mut self, mc: &Mutator<'gc>, found: &Found<'gc>, place: Place, to: Option<Id>) {
        let Some((id, any, at)) = self.edge(found, place) else { return };
        let object = &self.model.objects[&id];
        if !object.kind.may_set(object.edges.contains_key(&at), to.is_none())
            || to.is_some_and(|to| !object.kind.accepts(self.model.objects[&to].kind))
        {
            return;
        }
        self.say(|listing, model| {
            let (from, to) = (listing.object(model, id), listing.pointer(model, to));
            let place = listing::place(&from, model.objects[&id].kind, at);
            listing.line(&format!("store!(mc, {place}, {to});"));
        });
        any.set_edge(mc, at, to.map(|to| found.objects[&to]));
        self.model.link(id, at, to);
    }

    /// A weak pointer that the object has.
    fn weak_of(&self, id: Id, at: At) -> Option<(u32, Id)> {
        let weaks = &self.model.objects[&id].weaks;
        let which = at as usize % weaks.len().max(1);
        weaks.iter().nth(which).map(|(&at, &target)| (at, target))
    }

    /// What an allocation gave, unless it failed although there is no limit.
    fn allowed<T>(&self, result: Result<T, AllocError>) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.limited => Ok(None),
            Err(error) => Err(format!("an allocation failed without a limit: {error}")),
        }
    }

    /// Makes an object; `None` when there is no room or the kind needs what is not there.
    fn make<'gc>(
        &mut self,
        mc: &Mutator<'gc>,
        found: &mut Found<'gc>,
        kind: Kind,
        len: u32,
        first: Pick,
        extra: (Option<Hold>, bool),
    ) -> Result<Option<Id>, String> {
        if found.objects.len() >= OBJECTS {
            return Ok(None);
        }
        let len = if kind.has_length() { len } else { 0 };
        let id = self.model.next;
        let (first_id, first) = found.pick(first);
        let kept = match (kind, extra.0.map(Self::hold)) {
            (Kind::Dropper, Some(hold)) => match (&self.handles[hold], self.model.handles[hold]) {
                (Some(Kept::Strong(handle)), Some(Held::Strong(target))) => Some((handle.clone(), target)),
                _ => None,
            },
            _ => None,
        };
        let target = kept.as_ref().map(|(_, target)| *target);
        self.say(|listing, model| listing.make(model, (id, kind, len), first_id, target, extra.1));
        let blueprint = Blueprint {
            id,
            kind,
            len,
            first: Some(first),
            handle: kept.map(|(handle, _)| handle),
            panics: extra.1 && !self.limited,
            log: &self.log,
        };
        let result = Any::make(mc, blueprint);
        let failed = result.is_err();
        let Some(any) = self.allowed(result)?.flatten() else {
            if failed {
                self.log.forget(id);
            }
            return Ok(None);
        };
        ensure!(any.is_intact(id, len), "the new object {id} is not what was asked for");
        self.model.add(kind, len);
        self.model.object(id).token_handle = target;
        if kind == Kind::Twice {
            self.model.link(id, 0, Some(first_id));
        }
        if kind.tokens(len) > 0 {
            self.tokens.insert(id, kind.tokens(len));
        }
        if let Some(other) = found.addresses.get(&any.address()) {
            return Err(format!("the new object {id} is where object {other} is"));
        }
        found.add(id, any);
        Ok(Some(id))
    }

    fn apply<'gc>(&mut self, mc: &Mutator<'gc>, found: &mut Found<'gc>, op: &Op) -> Result<(), String> {
        trail::count(Note::Operation);
        match *op {
            Op::Alloc { kind, len, first, into, handle, panics } => {
                if let (Some(id), Some(place)) = (self.make(mc, found, kind, len, first, (handle, panics))?, into) {
                    self.set(mc, found, place, Some(id));
                }
            }
            Op::Link { from, to } => {
                let (to, _) = found.pick(to);
                self.set(mc, found, from, Some(to));
            }
            Op::Unlink { from } => self.set(mc, found, from, None),
            Op::Swap { a, b } => {
                let edge = |place| {
                    let (id, _, at) = self.edge(found, place)?;
                    self.model.objects[&id].edges.get(&at).copied()
                };
                let (first, second) = (edge(a), edge(b));
                self.set(mc, found, a, second);
                self.set(mc, found, b, first);
            }
            Op::Copy { from, into } => {
                if let Some((id, any, at)) = self.edge(found, from)
                    && let Some(&to) = self.model.objects[&id].edges.get(&at)
                {
                    let now = any.edge(at).map(Any::address);
                    ensure!(now == Some(found.objects[&to].address()), "edge {at} of object {id} has changed");
                    self.set(mc, found, into, Some(to));
                }
            }
            Op::Chain { len, ring, into } => {
                let mut nodes = Vec::new();
                for _ in 0..len {
                    nodes.extend(self.make(mc, found, Kind::Node, 0, 0, (None, false))?);
                }
                let position = |found: &Found<'gc>, id| found.order.iter().position(|&other| other == id).unwrap_or(0);
                for pair in nodes.windows(2) {
                    let place = (position(found, pair[0]) as Pick, 0);
                    self.set(mc, found, place, Some(pair[1]));
                }
                let (Some(&first), Some(&last)) = (nodes.first(), nodes.last()) else { return Ok(()) };
                if ring {
                    let place = (position(found, last) as Pick, 0);
                    self.set(mc, found, place, Some(first));
                }
                if let Some(place) = into {
                    self.set(mc, found, place, Some(first));
                }
            }
            Op::Garbage { count, kind, to } => self.garbage(mc, found, count, kind, to)?,
            Op::Hash { of } => {
                let (id, any) = found.pick(of);
                self.say(|listing, model| {
                    let name = listing.object(model, id);
                    listing.line(&format!("Gc::identity_hash({name}, mc);"));
                });
                let hash = any.identity_hash(mc);
                ensure!(any.identity_hash(mc) == hash, "two answers, one after the other");
                self.model.object(id).hash = Some(hash);
            }
            Op::Downgrade { holder, at, target } => {
                let ((holder, any), (target, to)) = (found.pick(holder), found.pick(target));
                let kind = self.model.objects[&holder].kind;
                let width = kind.weak_width();
                let at = u32::from(at) % width.max(1);
                if width > 0 {
                    self.say(|listing, model| {
                        let (holder, target) = (listing.object(model, holder), listing.object(model, target));
                        let place = weak_place(&holder, kind, at);
                        listing.line(&format!("store!(mc, {place}, Some(Gc::downgrade({target}, mc)));"));
                    });
                }
                if width > 0
                    && let Some(weak) = self.allowed(to.downgrade(mc))?
                {
                    found.cell(target, weak)?;
                    any.set_weak(mc, at, Some(weak));
                    self.model.object(holder).weaks.insert(at, target);
                }
            }
            Op::DropWeak { holder, at } => {
                let (holder, any) = found.pick(holder);
                if let Some((at, _)) = self.weak_of(holder, at) {
                    self.say(|listing, model| {
                        let place = listing.weak(model, holder, at);
                        listing.line(&format!("store!(mc, {place}, None);"));
                    });
                    any.set_weak(mc, at, None);
                    self.model.object(holder).weaks.remove(&at);
                }
            }
            Op::CopyWeak { holder, at, into, into_at } => {
                let ((holder, any), (into, to)) = (found.pick(holder), found.pick(into));
                let width = self.model.objects[&into].kind.weak_width();
                if let Some((at, target)) = self.weak_of(holder, at)
                    && width > 0
                {
                    let into_at = u32::from(into_at) % width;
                    self.say(|listing, model| {
                        let (from, to) = (listing.weak(model, holder, at), listing.weak(model, into, into_at));
                        listing.line(&format!("store!(mc, {to}, {from});"));
                    });
                    to.set_weak(mc, into_at, any.weak(at));
                    self.model.object(into).weaks.insert(into_at, target);
                }
            }
            Op::Upgrade { holder, at, into } => {
                let (holder, any) = found.pick(holder);
                if let Some((at, target)) = self.weak_of(holder, at)
                    && let Some(weak) = any.weak(at)
                {
                    self.say(|listing, model| {
                        let (from, name) = (listing.weak(model, holder, at), listing.name(target));
                        listing.line(&format!("let {name} = {from}.upgrade(mc);"));
                    });
                    self.upgrade(mc, found, weak, target)?;
                    if let Some(place) = into
                        && found.objects.contains_key(&target)
                    {
                        self.set(mc, found, place, Some(target));
                    }
                }
            }
            Op::Stash { hold, target } => {
                let (id, any) = found.pick(target);
                self.say(|listing, model| {
                    let name = listing.object(model, id);
                    listing.line(&format!("h{} = Some(mc.stash({name}));", Self::hold(hold)));
                });
                self.handles[Self::hold(hold)] = Some(Kept::Strong(AnyHandle::stash(any, mc)));
                self.model.handles[Self::hold(hold)] = Some(Held::Strong(id));
            }
            Op::StashWeak { hold, holder, at } => {
                let (holder, any) = found.pick(holder);
                if let Some((at, target)) = self.weak_of(holder, at)
                    && let Some(weak) = any.weak(at)
                {
                    self.say(|listing, model| {
                        let from = listing.weak(model, holder, at);
                        listing.line(&format!("h{} = Some(mc.stash({from}));", Self::hold(hold)));
                    });
                    self.handles[Self::hold(hold)] = Some(Kept::Weak(AnyWeakHandle::stash(weak, mc)));
                    self.model.handles[Self::hold(hold)] = Some(Held::Weak(target));
                }
            }
            Op::Fetch { hold, into } => {
                let hold = Self::hold(hold);
                match (&self.handles[hold], self.model.handles[hold]) {
                    (Some(Kept::Strong(handle)), Some(Held::Strong(id))) => {
                        found.follow(mc, &self.model, vec![(id, handle.fetch(mc))])?;
                        self.set(mc, found, into, Some(id));
                    }
                    (Some(Kept::Weak(handle)), Some(Held::Weak(target))) => {
                        let weak = handle.fetch(mc);
                        self.say(|listing, _| {
                            let name = listing.name(target);
                            listing.line(&format!("let {name} = mc.fetch(&h{hold}).upgrade(mc);"));
                        });
                        self.upgrade(mc, found, weak, target)?;
                    }
                    _ => {}
                }
            }
            Op::DropHandle { hold } => self.drop_handle(hold),
            Op::CloneHandle { from, into } => self.clone_handle(from, into),
            Op::Unfinished { made, of } => {
                self.say(|listing, _| {
                    listing.line(&format!(
                        "// A slice of {of} elements with drop glue is begun, and left at {made} by a panic."
                    ));
                });
                let before = self.log.drops(UNFINISHED);
                if unfinished_slice(mc, UNFINISHED, made.into(), of.into(), &self.log) {
                    let dropped = self.log.drops(UNFINISHED) - before;
                    ensure!(dropped == u32::from(made), "{made} elements of an unfinished slice, {dropped} dropped");
                    *self.tokens.entry(UNFINISHED).or_default() += u32::from(made);
                } else {
                    ensure!(self.limited, "an allocation failed without a limit");
                }
            }
            Op::Request => {
                self.say(|listing, _| listing.line("mc.request_collection();"));
                mc.request_collection();
                ensure!(mc.should_yield(), "a requested collection is not due");
            }
        }
        Ok(())
    }

    /// Upgrades a weak pointer. What comes back must be whole.
    fn upgrade<'gc>(
        &mut self,
        mc: &Mutator<'gc>,
        found: &mut Found<'gc>,
        weak: AnyWeak<'gc>,
        target: Id,
    ) -> Result<(), String> {
        match weak.upgrade(mc) {
            Some(any) => {
                ensure!(self.log.drops(target) == 0, "object {target} came back after its drop glue ran");
                found.follow(mc, &self.model, vec![(target, any)])
            }
            None => {
                ensure!(
                    !found.objects.contains_key(&target),
                    "object {target} is reachable, and its weak pointer is dead"
                );
                Ok(())
            }
        }
    }

    fn garbage<'gc>(
        &mut self,
        mc: &Mutator<'gc>,
        found: &Found<'gc>,
        count: u16,
        kind: Kind,
        to: Pick,
    ) -> Result<(), String> {
        const LENGTH: u32 = 3;
        let (id, to) = found.pick(to);
        self.say(|listing, model| {
            let to = listing.object(model, id);
            listing.line(&format!("for _ in 0..{count} {{ {kind}::new(mc, [{to}]); }}"));
        });
        for _ in 0..count {
            let blueprint = Blueprint {
                id: GARBAGE,
                kind,
                len: LENGTH,
                first: Some(to),
                handle: None,
                panics: false,
                log: &self.log,
            };
            let result = Any::make(mc, blueprint);
            let failed = result.is_err();
            if kind == Kind::Dropper || (kind == Kind::Items && !failed) {
                *self.tokens.entry(GARBAGE).or_default() += kind.tokens(LENGTH);
            }
            let Some(any) = self.allowed(result)?.flatten() else { return Ok(()) };
            if kind.width(LENGTH) > 0 && kind.may_set(false, false) && kind.accepts(self.model.objects[&id].kind) {
                any.set_edge(mc, 0, Some(to));
            }
        }
        Ok(())
    }
}
