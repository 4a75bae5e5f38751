//! A collector whose heap can be damaged by hand, to see what the verifier says about it.
//!
//! A check that never fails may check nothing. [`Damaged`] passes everything on to a collector, except for
//! [`Heap::step`](crate::Heap::step): instead of stepping it does the damage, with the collector and its heap in its hands.
//! Then [`Heap::verify`](crate::Heap::verify) must say what is wrong, and who points there. [`verdict`] does that to a heap of
//! a few objects, for checks of a collector's own state.

use core::ops::Range;

use crate::collector::{
    Alive, AllocRequest, Allocation, Capabilities, Collector, EdgeSink, HeapContext, HeapCore, Object, ObjectRef,
    Snapshot, VerifyError,
};
use crate::error::AllocError;
use crate::machine::events::CollectionKind;
use crate::{Gc, Heap, Lock, Rootable, Trace, store};

/// A collector, and what is done to it and its heap instead of a step.
pub struct Damaged<C, D> {
    /// The collector.
    pub collector: C,
    /// The damage.
    pub damage: D,
}

// SAFETY: everything is passed on to the collector, but for the damage, which is unsafe exactly where it is written.
unsafe impl<C: Collector, D: FnMut(&mut C, &mut HeapContext<'_>) + Send> Collector for Damaged<C, D> {
    fn name(&self) -> &'static str {
        self.collector.name()
    }
    fn start(&mut self, heap: &mut HeapContext<'_>) -> Result<(), AllocError> {
        self.collector.start(heap)
    }
    fn allocate_slow(&mut self, heap: &mut HeapContext<'_>, request: AllocRequest) -> Result<Allocation, AllocError> {
        self.collector.allocate_slow(heap, request)
    }
    fn barrier_slow(&mut self, heap: &mut HeapContext<'_>, object: Object<'_>, range: Range<usize>) {
        self.collector.barrier_slow(heap, object, range);
    }
    fn weak_upgraded(&mut self, heap: &mut HeapContext<'_>, object: ObjectRef) -> bool {
        self.collector.weak_upgraded(heap, object)
    }
    fn is_dead(&self, object: ObjectRef) -> bool {
        self.collector.is_dead(object)
    }
    fn safepoint(&mut self, heap: &mut HeapContext<'_>) {
        self.collector.safepoint(heap);
    }
    fn collect(&mut self, heap: &mut HeapContext<'_>, kind: CollectionKind) {
        self.collector.collect(heap, kind);
    }
    fn step(&mut self, heap: &mut HeapContext<'_>, _: usize) -> bool {
        (self.damage)(&mut self.collector, heap);
        true
    }
    fn capabilities(&self) -> Capabilities {
        self.collector.capabilities()
    }
    super::tools::passed_on!();
}

/// What [`verdict`] damages.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// An object with two fields, at bytes 0 and 8, which survived a collection.
    pub parent: ObjectRef,
    /// What its first field points at, which survived too.
    pub old: ObjectRef,
    /// What its second field points at.
    pub new: ObjectRef,
}

#[derive(Trace)]
#[repr(C)]
struct Parent<'gc> {
    old: Lock<Option<Gc<'gc, u64>>>,
    new: Lock<Option<Gc<'gc, u64>>>,
}

/// Makes a heap in which the root points at a parent with two children, of which the second is stored after a collection; or
/// before, if `settled`. Damages it, and says what the verifier finds.
///
/// # Panics
/// When the verifier finds something before the damage, or nothing after it.
pub fn verdict<C: Collector + 'static>(
    collector: C,
    settled: bool,
    damage: fn(&mut C, &mut HeapContext<'_>, Family),
) -> String {
    let damage = move |collector: &mut C, heap: &mut HeapContext<'_>| {
        let family = family(heap);
        damage(collector, heap, family);
    };
    let mut heap = Heap::<Rootable![Gc<'_, Parent<'_>>]>::new(Damaged { collector, damage }, |mc| {
        Gc::new(mc, Parent { old: Lock::new(Some(Gc::new(mc, 1))), new: Lock::new(None) })
    })
    .expect("a heap can be made");
    heap.collect();
    heap.mutate(|mc, parent| store!(mc, parent.new, Some(Gc::new(mc, 2))));
    if settled {
        heap.collect();
    }
    heap.verify().unwrap_or_else(|error| panic!("before the damage: {error}"));
    heap.step(0);
    let error = heap.verify().expect_err("the damage is noticed");
    // A collector could stumble over the damage when it finishes.
    core::mem::forget(heap);
    error.message
}

fn family(heap: &HeapContext<'_>) -> Family {
    let mut edges = EdgeSink::everything();
    let mut of = |object: ObjectRef| {
        // SAFETY: reachable, and the program is stopped.
        unsafe { Object::at(object) }.trace(&mut edges);
        core::mem::take(&mut edges.stack)
    };
    let parent = of(heap.core.roots.root().expect("a heap has a root"))[0];
    let children = of(parent);
    Family { parent, old: children[0], new: children[1] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ephemeron;
    use crate::NoGc;
    use crate::collector::memory::poison;
    use crate::object::{FINALIZABLE, HASH_ASKED, HASH_STORED, HEADER_BYTES};

    /// What the verifier says when a part of an ephemeron is gone to which nothing else leads.
    fn without(part: fn((ObjectRef, ObjectRef)) -> ObjectRef, key_is_alive: bool) -> String {
        let damage = move |_: &mut NoGc, heap: &mut HeapContext<'_>| {
            let (_, key, value) = heap.core.death.ephemerons.pairs().next().expect("there is one");
            let gone = part((key, value)).payload();
            // SAFETY: the object's own header; that the object is in use is the point.
            unsafe { poison(gone.byte_sub(HEADER_BYTES), HEADER_BYTES) };
        };
        let collector = Damaged { collector: NoGc::default(), damage };
        type Root<'gc> = (Ephemeron<'gc, u64, u64>, Option<Gc<'gc, u64>>);
        let mut heap = Heap::<Rootable![Root<'_>]>::new(collector, |mc| {
            let key = Gc::new(mc, 1);
            let ephemeron = Ephemeron::try_new(mc, key, Gc::new(mc, 2)).expect("there is memory");
            (ephemeron, key_is_alive.then_some(key))
        })
        .expect("a heap can be made");
        heap.verify().expect("undamaged");
        heap.step(0);
        heap.verify().expect_err("damaged").message
    }

    #[test]
    fn ephemerons_are_named() {
        for (error, whence) in [
            (without(|(_, value)| value, true), "its header is poisoned; it is the value of object 0x"),
            (without(|(_, value)| value, false), "its header is poisoned; it is the value of object 0x"),
            (without(|(key, _)| key, false), "its header is poisoned; it is the key of object 0x"),
        ] {
            assert!(error.contains(whence), "{error}");
        }
    }

    /// What the verifier says of a header with one bit too many.
    fn with(bit: usize) -> String {
        let damage = move |_: &mut NoGc, heap: &mut HeapContext<'_>| {
            // SAFETY: reachable, and the program is stopped.
            unsafe { Object::at(family(heap).old) }.header().insert(bit);
        };
        let mut heap =
            Heap::<Rootable![Gc<'_, Parent<'_>>]>::new(Damaged { collector: NoGc::default(), damage }, |mc| {
                let children = [Gc::new(mc, 1), Gc::new(mc, 2)].map(|child| Lock::new(Some(child)));
                let [old, new] = children;
                Gc::new(mc, Parent { old, new })
            })
            .expect("a heap can be made");
        heap.verify().expect("undamaged");
        heap.step(0);
        heap.verify().expect_err("damaged").message
    }

    #[test]
    fn headers_that_contradict_are_named() {
        for (error, what) in [
            (with(FINALIZABLE), "the list of objects with finalizers disagree"),
            (with(HASH_STORED), "contradicts itself about its identity hash"),
            // Nothing moves in this heap.
            (with(HASH_ASKED), "contradicts itself about its identity hash"),
        ] {
            assert!(error.contains(what), "{error}");
        }
    }
}
