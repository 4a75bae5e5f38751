//! [`SendHeap`]: a heap on its way to another thread.
//!
//! A heap's fast paths are plain cells, so it belongs to one thread at a time. Between two pauses nothing of it is borrowed, and
//! it can move to another thread as a whole, if everything in it can. What is in it is not part of its type. So the heap
//! remembers a fact: whether there ever was an object of a type that is bound to its thread. Types that are not bound are
//! compiled without a trace of this.
//!
//! *Why a type of its own, and not a heap that is sendable from some moment on?* Such a heap would have to refuse bound types
//! from then on, at run time, in code that may know nothing of threads; and whoever holds it by `&mut` could swap another heap
//! into its place. A `SendHeap` can be sent and turned back, and nothing else. Each time is a test of one word.

use super::heap::Heap;

/// A heap that can be sent to another thread, where [`into_heap`](Self::into_heap) makes it usable again. Made by
/// [`Heap::into_sendable`].
///
/// ```
/// use heap_core::{Gc, Heap, Lock, NoGc, Rootable};
///
/// let mut heap = Heap::<Rootable![Gc<'_, Lock<u64>>]>::new(NoGc::default(), |mc| Gc::new(mc, Lock::new(1)))?;
/// let sendable = heap.into_sendable().expect("there are only numbers in it");
/// let worker = std::thread::spawn(move || {
///     let mut heap = sendable.into_heap();
///     heap.mutate(|mc, counter| counter.set(mc, counter.get() + 1));
///     heap.into_sendable().expect("nothing else came into it")
/// });
/// let mut heap = worker.join().unwrap().into_heap();
/// assert_eq!(heap.mutate(|_, counter| counter.get()), 2);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct SendHeap<R: ?Sized>(Heap<R>);

// SAFETY: a heap consists of memory that is its own, whoever holds it; a collector, which is `Send`; no listener; roots,
// which are shared with handles by atomics, and with those of one thread by a list, until `into_sendable` tells them to
// leave; and objects, all of types whose values may be sent (`into_sendable` asked). Nobody borrows any of it, since the
// heap was moved here. Nothing that it does depends on the thread: marking threads are given work anew in each pause, and
// warm memory goes to the thread that drops it.
unsafe impl<R: ?Sized> Send for SendHeap<R> {}

impl<R: ?Sized> SendHeap<R> {
    /// The heap, for the thread that this is called on.
    pub fn into_heap(mut self) -> Heap<R> {
        self.0.machine.parts().1.core.roots.stay_here();
        self.0
    }
}

impl<R: ?Sized> core::fmt::Debug for SendHeap<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl<R: ?Sized> Heap<R> {
    /// Turns the heap into one that can be sent to another thread, if nothing in it must stay on this one.
    ///
    /// Asked is what there ever was in it: an object of a type with [`Facts::THREAD_BOUND`](crate::trace::Facts::THREAD_BOUND), as
    /// the derive finds it for an `Rc`, a raw pointer or a `dyn` type in a field, keeps the heap here for good. Handles may go
    /// where they like. Costs a few instructions.
    ///
    /// # Errors
    /// When there was such an object, or the heap has a listener. The error gives the heap back, and says why.
    pub fn into_sendable(mut self) -> Result<SendHeap<R>, NotSendable<R>> {
        let reason = if let Some(type_name) = self.machine.bound() {
            Reason::Object(type_name())
        } else if self.machine.parts().1.core.events.has_listener() {
            Reason::Listener
        } else {
            self.machine.parts().1.core.roots.leave();
            return Ok(SendHeap(self));
        };
        Err(NotSendable { heap: self, reason })
    }
}

/// Why a heap must stay on its thread, and the heap.
pub struct NotSendable<R: ?Sized> {
    /// The heap, as it was.
    pub heap: Heap<R>,
    reason: Reason,
}

enum Reason {
    Object(&'static str),
    Listener,
}

impl<R: ?Sized> core::fmt::Display for NotSendable<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.reason {
            Reason::Object(type_name) => write!(
                f,
                "the heap cannot be sent to another thread: there was an object of type `{type_name}` in it, whose values \
                 must stay on the thread that made them"
            ),
            Reason::Listener => f.write_str(
                "the heap cannot be sent to another thread: it has a listener; take it away with `set_listener(None)` first",
            ),
        }
    }
}

impl<R: ?Sized> core::fmt::Debug for NotSendable<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NotSendable({self})")
    }
}

impl<R: ?Sized> core::error::Error for NotSendable<R> {}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use crate::collections::{List, Map};
    use crate::{Gc, Handle, Heap, NoGc, OnceLock, RefLock, Rootable, Static, Trace};

    type Numbers = Rootable![Gc<'_, RefLock<Vec<u64>>>];

    fn numbers() -> Heap<Numbers> {
        Heap::new(NoGc::default(), |mc| Gc::new(mc, RefLock::new(vec![1]))).unwrap()
    }

    #[test]
    fn a_heap_of_plain_data_moves_and_its_handles_stay() {
        let mut heap = numbers();
        let handle: Handle<Numbers> = heap.mutate(|mc, root| mc.stash(*root));
        let other = handle.clone();
        let sendable = heap.into_sendable().unwrap();
        let heap = std::thread::spawn(move || {
            let mut heap = sendable.into_heap();
            heap.mutate(|mc, _| mc.fetch(&other).borrow_mut(mc).push(2));
            heap.into_sendable().unwrap()
        });
        let mut heap = heap.join().unwrap().into_heap();
        assert_eq!(heap.mutate(|mc, _| mc.fetch(&handle).borrow().clone()), [1, 2]);
    }

    /// What must stay, in all ways in which there can be an object.
    #[test]
    fn what_must_stay_keeps_the_heap() {
        #[derive(Trace)]
        struct Bound {
            _shared: Static<Rc<u64>>,
        }
        let refused = |heap: Heap<Numbers>| heap.into_sendable().unwrap_err();
        let mut heap = numbers();
        heap.mutate(|mc, _| {
            let list = List::from_slice(mc, &[Gc::new(mc, OnceLock::<u64>::new())]);
            Map::<_, _>::new(mc).insert(mc, 1u64, list);
        });
        let mut heap = heap.into_sendable().unwrap().into_heap();
        heap.mutate(|mc, _| {
            Gc::new(mc, RefLock::new(vec![Bound { _shared: Static(Rc::new(1)) }]));
        });
        let error = refused(heap);
        assert!(error.to_string().contains("Bound"), "{error}");
        let mut heap = error.heap;
        heap.collect();
        assert_eq!(heap.mutate(|_, root| root.borrow().clone()), [1], "the heap is as it was");
        let mut heap = numbers();
        heap.mutate(|mc, _| {
            Gc::new_slice_with(mc, 3, |_| Static(Rc::new(0u64)));
        });
        refused(heap);
        let mut heap = numbers();
        heap.mutate(|mc, _| {
            static NUMBER: std::sync::Mutex<u64> = std::sync::Mutex::new(0);
            Gc::new_slice(mc, &[Static(&raw const NUMBER); 3]);
        });
        refused(heap);
        let mut heap = numbers();
        heap.set_listener(Some(Box::new(|_| {})));
        let mut heap = refused(heap).heap;
        heap.set_listener(None);
        heap.into_sendable().unwrap();
        type Bounds = Rootable![Static<Rc<u64>>];
        let heap = Heap::<Bounds>::new(NoGc::default(), |_| Static(Rc::new(7))).unwrap();
        assert!(heap.into_sendable().is_err());
    }
}
