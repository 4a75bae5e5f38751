//! How a collector finds the pointers inside an object.
//!
//! Tracing has two forms, both derived. [`Trace::trace`] reports edges and never writes: marking, counting, dumping and
//! verifying use it, and it may run on another thread while the program runs. [`Trace::relocate`] reports *slots* that
//! the collector may overwrite: a moving collector needs it, because writing through `&self` would be undefined
//! behaviour and a pointer passed by value cannot be updated.
//!
//! Both are data-driven: the collector sets an address window, the inlined visit compares and pushes, and nothing is
//! called per edge. One concrete [`Tracer`] serves every collector, so user types are compiled once, whatever collector
//! is chosen at run time, and a `dyn` value can be traced.
//!
//! *Why not a constant map of the words that hold pointers*, so that collectors read them without calling anything? It
//! was built and measured: marking took 3 to 15 % longer, counting as long (processors predict the call, and the
//! compiler makes better code of a type's own function than of a loop over bits). Keeping every pointer and counting
//! only those that are not null, to save a branch, took up to 25 % longer: the length of the stack then waits for the
//! pointer.

mod content;
mod descent;
mod describe;
mod facts;
mod named;
mod rebrand;
#[macro_use]
mod std_impls;
#[cfg(any(
    feature = "allocator-api2",
    feature = "arrayvec",
    feature = "enum-map",
    feature = "hashbrown",
    feature = "indexmap",
    feature = "slotmap",
    feature = "smallvec"
))]
mod foreign_impls;

use core::any::TypeId;
use core::marker::PhantomData;

use crate::object::{EdgeSink, ObjectRef, SlotSink};

pub use content::Content;
pub(crate) use content::Inside;
pub(crate) use describe::DescribeAs;
pub use facts::{Downcast, Facts, HasPrefix, Known};
pub use named::EdgeNamer;
pub use rebrand::Rebrand;
pub(crate) use rebrand::{contains, unbranded};
pub use std_impls::Static;

/// A type whose values may live in a garbage-collected heap.
///
/// Use `#[derive(Trace)]`.
///
/// A field that may not hold pointers into the heap, because it is a `Cell`, an `Rc`, a key of a map or a set, and holds one
/// nevertheless, is reported with what to use instead. Behind a name of the program's, where the derive does not see what it
/// is, the compiler says no more than "requires that `'gc` must outlive `'static`".
///
/// # Safety
/// Collectors free and move memory by what an implementation reports, so it must satisfy the strongest contract that
/// any collector needs:
///
/// 1. `trace` reports every `Gc` and `Weak` that is reachable from `self` by ownership **exactly once**: an omission
///    frees a live object, a repetition makes counting collectors free one too early.
/// 2. `relocate` reports the same edges, each as the address of the one slot that holds it.
/// 3. None of `trace`, `relocate` and `owned_bytes` calls user code, panics, allocates in the heap, writes to `self` or
///    touches a borrow flag; `trace` may run on another thread while this thread *reads* the object. None recurses as
///    deep as a value happens to be: a type that can contain itself goes on through [`Tracer::descend`],
///    [`Relocator::descend`] and [`Tracer::owned_bytes`].
/// 4. `Facts` tells the truth about the type.
/// 5. The type has no `Drop` implementation that follows a `Gc`.
/// 6. Apart from the brand, values borrow nothing that ends before the program does: an object dies when its heap
///    likes, and its drop glue runs then.
/// 7. The implementation demands `Trace<'gc>` or `'static` of each of its type parameters, even if it never looks at a
///    value of that type, and states as its own condition what the type demands of its lifetimes. The compiler does not
///    ask whether a root's type makes sense for every `'gc` ([`Rootable!`](crate::Rootable!)); it asks whether the type
///    is `Trace`, and the answer must cover all of its parts. A type like `Gc<'gc, &'static &'gc ()>`, which makes
///    sense only if `'gc` is `'static`, would make the program believe that it is.
///
/// In builds with the verifier on, rules 1 and 2 are checked against each other after every collection.
/// # Foreign types
///
/// *A type that holds no pointers* goes into [`Static`], or into a field that is marked `#[trace(require_static)]`.
///
/// *A container of another crate*: those of hashbrown, indexmap, smallvec, arrayvec, slotmap, enum-map and allocator-api2 are
/// `Trace`, behind features of these names. For others write a new type, and three lines that visit its elements:
///
/// ```
/// use heap_core::{Gc, Relocator, Trace, Tracer};
/// # mod rings {
/// #     #[derive(Default)]
/// #     pub struct Ring<T>(Vec<T>);
/// #     impl<T> Ring<T> {
/// #         pub fn iter(&self) -> std::slice::Iter<'_, T> { self.0.iter() }
/// #         pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> { self.0.iter_mut() }
/// #         pub fn capacity(&self) -> usize { self.0.capacity() }
/// #     }
/// # }
///
/// /// A ring of values that are traced.
/// #[derive(Default)]
/// struct Ring<T>(rings::Ring<T>);
///
/// // SAFETY: the ring owns its elements and visits each once, in both directions, without calling code of `T`'s other than
/// // this; it has no other parameters. It says what is so of its elements: `Ring` is `Send` if they are.
/// unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for Ring<T> {
///     type Facts = T::Facts;
///
///     fn trace(&self, tracer: &mut Tracer<'gc>) {
///         self.0.iter().for_each(|element| element.trace(tracer));
///     }
///
///     fn relocate(&mut self, relocator: &mut Relocator<'gc>) {
///         self.0.iter_mut().for_each(|element| element.relocate(relocator));
///     }
///
///     fn owned_bytes(&self) -> usize {
///         self.0.capacity() * size_of::<T>() + self.0.iter().map(Trace::owned_bytes).sum::<usize>()
///     }
/// }
///
/// #[derive(Trace)]
/// struct Window<'gc> {
///     recent: Ring<Gc<'gc, str>>,
/// }
/// ```
///
/// If the container has a `Drop` implementation it must not look at its elements other than to drop them; if it calls a hash
/// function or a comparison to reach its elements, it cannot be traced (rule 3).
///
/// # Trait objects
///
/// A trait may have `Trace<'gc>` as its supertrait, and be used as `dyn`. So that `Box<dyn Shape<'gc> + 'gc>` may be a
/// field, say once, beside the trait, [`dyn_trace!(<'gc> dyn Shape<'gc> + 'gc)`](crate::dyn_trace!).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in a garbage-collected heap: it does not implement `Trace`",
    label = "not traceable",
    note = "a type of your own: `#[derive(Trace)]`",
    note = "a foreign type without pointers into the heap, or a `&'static` reference to one: wrap it in `heap_core::Static`, or mark the field `#[trace(require_static)]`",
    note = "a container of another crate: see \"Foreign types\" in the documentation of `Trace`",
    note = "`&T` cannot hold traced values: store the `Gc` itself"
)]
pub unsafe trait Trace<'gc> {
    /// What is known of the type before a value is looked at: itself, with the derive; [`Known`], in an impl by hand.
    type Facts: Facts<'gc>
    where
        Self: Sized;

    /// Reports every edge, once.
    fn trace(&self, tracer: &mut Tracer<'gc>);

    /// Reports every slot, once.
    fn relocate(&mut self, relocator: &mut Relocator<'gc>);

    /// Bytes that the value owns outside the heap: capacities of vectors, strings and the like. They count against the
    /// heap's limit and in its pacing. Asked when an object is made, and at safepoints, always on the heap's own thread;
    /// only of types with drop glue, because others own nothing.
    fn owned_bytes(&self) -> usize {
        0
    }

    /// Reports every edge once, in the order of [`trace`](Self::trace), with the name of its place: for people. Derived; in an impl
    /// by hand the edges have numbers.
    #[doc(hidden)]
    fn __name_edges(&self, namer: &mut EdgeNamer<'_, 'gc>) {
        namer.edges(&mut |tracer| self.trace(tracer));
    }

    /// A number that no other type has, if the type is known by its name alone (see [`Downcast`]). Not among the
    /// [`Facts`], which containers hand on.
    #[doc(hidden)]
    fn __type_id() -> Option<TypeId>
    where
        Self: Sized,
    {
        None
    }

    /// Whether values begin with one of the type of that number: because that is the type, or that of the first field.
    #[doc(hidden)]
    fn __is_a(id: TypeId) -> bool
    where
        Self: Sized,
    {
        Self::__type_id() == Some(id)
    }

    /// For the derive: a signature that names the helpers which its code trusts. See [`crate::__private`].
    #[doc(hidden)]
    fn __checks_are_genuine(
        _: crate::__private::Checks,
        _: crate::__private::SendProbe<Self>,
        _: &dyn crate::__private::DropIsNotAllowedOnTracedTypes,
    ) where
        Self: Sized,
    {
    }
}

/// Receives edges from [`Trace::trace`].
#[repr(transparent)]
pub struct Tracer<'gc> {
    sink: EdgeSink,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

impl<'gc> Tracer<'gc> {
    #[inline]
    pub(crate) fn brand(sink: &mut EdgeSink) -> &mut Tracer<'gc> {
        // SAFETY: `Tracer` is a transparent wrapper of `EdgeSink`; the brand is only a type-level promise that the
        // pointers reported belong to one heap, which holds for whatever object the collector traces.
        unsafe { &mut *core::ptr::from_mut(sink).cast::<Tracer<'gc>>() }
    }

    /// Reports one edge. The functions for users stand beside the pointers that they report.
    #[inline]
    pub(crate) fn report(&mut self, target: ObjectRef) {
        self.sink.visit(target);
    }
}

/// Receives slots from [`Trace::relocate`].
#[repr(transparent)]
pub struct Relocator<'gc> {
    sink: SlotSink,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

impl<'gc> Relocator<'gc> {
    #[inline]
    pub(crate) fn brand(sink: &mut SlotSink) -> &mut Relocator<'gc> {
        // SAFETY: as for `Tracer::brand`.
        unsafe { &mut *core::ptr::from_mut(sink).cast::<Relocator<'gc>>() }
    }

    /// Reports one slot. The functions for users stand beside the pointers that they report.
    #[inline]
    pub(crate) fn report(&mut self, slot: &mut ObjectRef) {
        self.sink.visit(slot);
    }
}
