//! From gc-arena: names and steps.
//!
//! The two libraries share their idea: a brand `'gc`, access in a closure, mutation or collection. So a program moves by
//! renames, and by a few steps where this library knows more or asks more. Two programs that were moved so stand in the
//! repository, under `bench-harness/examples/moved`, each as it was and as it is, with the list of what changed otherwise.
//!
//! # Names
//!
//! | gc-arena | here |
//! |---|---|
//! | `Arena` | [`Heap`](crate::Heap) |
//! | `Mutation` | [`Mutator`](crate::Mutator) |
//! | `Collect`, `#[derive(Collect)]` | [`Trace`](crate::Trace), `#[derive(Trace)]` |
//! | `#[collect(require_static)]`, `bound`, `gc_lifetime` | `#[trace(require_static)]`, `bound`, `gc_lifetime` |
//! | `#[collect(no_drop)]` | nothing: it is always so |
//! | `#[collect(unsafe_drop)]` | a field with drop glue of its own; or [`FinalizerQueue`](crate::FinalizerQueue) |
//! | `static_collect!`, `Static` | `#[trace(require_static)]`, [`Static`](crate::Static) |
//! | `Gc`, `Lock`, `RefLock`, `OnceLock`, `Rootable!` | the same |
//! | `GcLock`, `GcRefLock` | `Gc<'gc, Lock<T>>`, `Gc<'gc, RefLock<T>>`: `set(mc, ..)` and `borrow_mut(mc)` are the same |
//! | `GcWeak` | [`Weak`](crate::Weak) |
//! | `Gc<'gc, dyn Shape<'gc>>` | [`GcDyn<'gc, dyn Shape<'gc>>`](crate::GcDyn) of two words; or of one, by [`new_dyn!`](crate::new_dyn!) |
//! | `unsize!` | [`unsize!`](crate::unsize!) |
//! | `unlock!(Gc::write(mc, node), Node, next)` | [`field!(mc, node.next).unlock()`](crate::field!) |
//! | `unlock!(Gc::write(mc, node), Node, next).set(value)` | the same, or [`store!(mc, node.next, value)`](crate::store!) |
//! | `Gc::write`, `barrier::Write` | [`Gc::write`](crate::Gc::write), [`Write`](crate::Write) |
//! | `DynamicRootSet`, `DynamicRoot` | [`RootSet`](crate::RootSet), [`SetHandle`](crate::SetHandle); where the handle is held outside the heap, [`Mutator::stash`](crate::Mutator::stash) and [`Handle`](crate::Handle) are cheaper |
//! | `collect_debt`, `cycle_debt` | nothing: the end of [`mutate`](crate::Heap::mutate) collects when that is due. [`poll`](crate::Heap::poll) after views; [`step`](crate::Heap::step) |
//! | `finish_cycle` | [`collect`](crate::Heap::collect) |
//! | `finish_marking`, `MarkedArena::finalize`, `Finalization` | [`collect_with`](crate::Heap::collect_with), [`mark`](crate::Heap::mark), [`Finalization`](crate::Finalization) |
//! | `GcWeak::is_dead`, `resurrect` | [`Weak::is_dead`](crate::Weak::is_dead), [`Weak::resurrect`](crate::Weak::resurrect) |
//! | `metrics()`, `Pacing` | [`statistics`](crate::Heap::statistics); the options of the collector |
//! | `Gc::erase`, `unsafe Gc::cast` | [`Gc::erase`](crate::Gc::erase), [`Gc::downcast`](crate::Gc::downcast), which is checked; [`Gc::upcast`](crate::Gc::upcast) |
//! | `slice::GcSlice`, `GcStr`, thin or not | `Gc<'gc, [T]>`, `Gc<'gc, str>`: one word |
//! | `SliceWithHeader` | [`HeaderSlice`](crate::HeaderSlice) |
//! | `collect::Trace` | [`Tracer`](crate::Tracer) |
//!
//! # Steps
//!
//! 1. **A heap is made with a collector**, and may not get memory: `Heap::new(collector, |mc| ..)?`.
//! 2. **`mutate` wants `&mut Heap`**, because it ends in a safepoint. A look inside a look is a [`view`](crate::Heap::view).
//! 3. **A weak pointer is a pointer to a small object**, so making one allocates: `Gc::downgrade(node, mc)`. So does stashing in
//!    a set; fetching asks the heap: `set.fetch(mc, &handle)`.
//! 4. **A handle's type names the pointer**, not its target, since it may keep a weak one: `SetHandle<Rootable![Gc<'_, Node<'_>>]>`
//!    for `DynamicRoot<Rootable![Node<'_>]>`. What is stashed need not be named.
//! 5. **A trait whose objects are pointed at as `dyn`** has [`Trace<'gc>`](crate::Trace) as its supertrait, and
//!    [`dyn_trace!`](crate::dyn_trace!) beside it. The compiler must be made to look whether the `dyn` type makes sense for every
//!    brand.
//! 6. **An implementation of `Collect` by hand** becomes one of `Trace` by hand: it says in [`Facts`](crate::Facts) what
//!    `NEEDS_TRACE` said, and has a second function, [`relocate`](crate::Trace::relocate), since objects move.
//! 7. **`Rc<Node<'gc>>`, and pointers as keys of a `HashMap`,** are refused: a moving collector could not update them. Use
//!    `Gc`, and [`collections::Map`](crate::collections::Map).
//! 8. **An address is good until `mutate` ends.** What hashes by [`Gc::as_ptr`](crate::Gc::as_ptr) in a table that lives on
//!    uses [`Gc::identity_hash`](crate::Gc::identity_hash), or a [`Map`](crate::collections::Map) with the rule
//!    [`ByIdentity`](crate::collections::ByIdentity).
//!
//! ```
//! use heap_core::{Gc, Heap, Mutator, NoGc, RefLock, Rootable, Trace};
//!
//! // Was: #[derive(Copy, Clone, Collect)] #[collect(no_drop)].
//! #[derive(Copy, Clone, Trace)]
//! struct Node<'gc> {
//!     before: Option<NodePtr<'gc>>,
//!     after: Option<NodePtr<'gc>>,
//!     value: i32,
//! }
//!
//! type NodePtr<'gc> = Gc<'gc, RefLock<Node<'gc>>>;
//!
//! // Was: &Mutation<'gc>. The rest is the same.
//! fn join<'gc>(mc: &Mutator<'gc>, left: NodePtr<'gc>, right: NodePtr<'gc>) {
//!     left.borrow_mut(mc).after = Some(right);
//!     right.borrow_mut(mc).before = Some(left);
//! }
//!
//! // Was: Arena::<Rootable![NodePtr<'_>]>::new(|mc| ..).
//! let mut heap = Heap::<Rootable![NodePtr<'_>]>::new(NoGc::default(), |mc| {
//!     let [one, two] = [1, 2].map(|value| Gc::new(mc, RefLock::new(Node { before: None, after: None, value })));
//!     join(mc, one, two);
//!     one
//! })?;
//! heap.mutate(|_, root| assert_eq!(root.borrow().after.unwrap().borrow().value, 2));
//! # Ok::<(), heap_core::AllocError>(())
//! ```
