//! [`RootSet`]: an object of the heap that owns roots.
//!
//! A handle is a root, whoever holds it. An object whose `'static` data holds a handle to itself, or to one that leads back to
//! it, is therefore never reclaimed: a closure of a script that captured a stashed value, a widget with a handle to its
//! window. No collector sees that cycle, because half of it is Rust's. What is wanted is a handle that keeps its object *as
//! long as somebody else is alive*: the state of the interpreter, the window. Then the cycle dies with it.
//!
//! That is what an ephemeron says: key alive, so value alive. So a [`SetHandle`] is a handle that keeps an [`Ephemeron`], whose
//! key is the set and whose value is the object. Everything else follows: clones, drops on other threads, moving objects,
//! counting, heaps that go to other threads, the end of the heap are the handle's affair; cycles between what the set owns and
//! the set are the ephemeron's. When the set is dead the pair is cleared; when the last clone of the handle is dropped, the
//! pair is garbage, and the object with it.
//!
//! *Why not a table in the set*, as gc-arena's `DynamicRootSet` has? The slot of a dropped handle must be cleared by somebody:
//! by tracing, which may not write here, or by the next `stash`, which may never come. And a set of a million roots would be one
//! object that is traced whole. *The price* is 48 bytes for each handle, and what an ephemeron costs a collection.

use core::marker::PhantomData;

use super::ephemeron::Ephemeron;
use super::gc::Gc;
use super::handle::{Handle, HasFamily, Pointer};
use super::mutator::Mutator;
use super::rootable::{Root, Rootable};
use crate::Trace;
use crate::trace::{Known, Relocator, Tracer};

/// An object of the heap that owns roots: they are roots as long as the set is alive.
///
/// For handles that are held inside the heap, by closures, callbacks, or data that is not traced. An object that holds a
/// [`Handle`](crate::Handle) to itself, over however many others, is never reclaimed. With a [`SetHandle`] it is reclaimed
/// when the set is; even if it also points to the set, except by a collector that cannot reclaim cycles.
///
/// ```
/// use heap_core::{Gc, Heap, Lock, NoGc, RootSet, Rootable, SetHandle, Static, Trace, store};
///
/// #[derive(Trace)]
/// struct Window<'gc> {
///     title: Gc<'gc, str>,
///     roots: RootSet<'gc>,
///     on_close: Lock<Option<Gc<'gc, Callback>>>,
/// }
///
/// // A closure is not traced, so it holds handles. With plain ones the window would live for ever.
/// #[derive(Trace)]
/// struct Callback {
///     #[trace(require_static)]
///     title: SetHandle<Rootable![Gc<'_, str>]>,
/// }
///
/// let mut heap = Heap::<Rootable![Gc<'_, Window<'_>>]>::new(NoGc::default(), |mc| {
///     let title = Gc::new_str(mc, "Untitled");
///     Gc::new(mc, Window { title, roots: RootSet::new(mc), on_close: Lock::new(None) })
/// })?;
/// heap.mutate(|mc, window| {
///     let callback = Callback { title: window.roots.stash(mc, window.title) };
///     store!(mc, window.on_close, Some(Gc::new(mc, callback)));
/// });
/// heap.mutate(|mc, window| {
///     let callback = window.on_close.get().expect("was set");
///     assert_eq!(&*window.roots.fetch(mc, &callback.title), "Untitled");
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// A set is one word and `Copy`. Each handle takes 48 bytes of the heap, and a collection looks at it as at an [`Ephemeron`].
#[derive(Trace)]
pub struct RootSet<'gc>(Gc<'gc, Owner>);

/// The object that is the set. It has nothing but an identity.
#[derive(Trace)]
struct Owner;

impl Clone for RootSet<'_> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for RootSet<'_> {}

/// The pair that a handle keeps. What the set owns has lost its type: the handle has it.
type Pair = crate::Rootable!['gc => Ephemeron<'gc, Owner, ()>];

/// Keeps an object alive as long as a [`RootSet`] is. Like a [`Handle`] it has no brand, is one word, may be stored anywhere,
/// cloned, sent to other threads, and may outlive heap and set.
///
/// It may be in an object of the heap, which is what it is for: `Trace` has nothing to see in it.
pub struct SetHandle<R: ?Sized> {
    pair: Handle<Pair>,
    // Invariant, as in a `Handle`.
    _type: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

impl<R: ?Sized> SetHandle<R> {
    /// The number of the heap that the handle belongs to.
    pub fn heap_id(&self) -> u64 {
        self.pair.heap_id()
    }
}

impl<R: ?Sized> Clone for SetHandle<R> {
    fn clone(&self) -> Self {
        SetHandle { pair: self.pair.clone(), _type: PhantomData }
    }
}

impl<R: ?Sized> core::fmt::Debug for SetHandle<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SetHandle").field("heap", &self.heap_id()).finish_non_exhaustive()
    }
}

// SAFETY: a handle is no edge. It is `Send`, whatever it keeps, and its drop glue follows no pointer into the heap.
unsafe impl<'gc, R: ?Sized + 'static> Trace<'gc> for SetHandle<R> {
    type Facts = Known<false, false>;
    #[inline]
    fn trace(&self, _: &mut Tracer<'gc>) {}
    #[inline]
    fn relocate(&mut self, _: &mut Relocator<'gc>) {}
}

/// Why a [`SetHandle`] was not fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WrongSet {
    /// The handle belongs to another heap.
    OtherHeap,
    /// The handle belongs to another set of this heap, which may be dead.
    OtherSet,
}

impl core::fmt::Display for WrongSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            WrongSet::OtherHeap => "the handle belongs to another heap: fetch it from the set that stashed it",
            WrongSet::OtherSet => "the handle belongs to another root set: fetch it from the set that stashed it",
        })
    }
}

impl core::error::Error for WrongSet {}

impl<'gc> RootSet<'gc> {
    /// An empty set: an object of 8 bytes.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn new(mc: &Mutator<'gc>) -> Self {
        RootSet(Gc::new(mc, Owner))
    }

    /// Makes a handle: a root as long as the set is alive, until it is dropped.
    ///
    /// # Panics
    /// When the heap limit is reached or the system refuses memory.
    #[track_caller]
    pub fn stash<P>(self, mc: &Mutator<'gc>, pointer: P) -> SetHandle<P::Family>
    where
        P: HasFamily<'gc>,
        P::Family: Rootable<'gc, Root = P>,
    {
        self.stash_as::<P::Family>(mc, pointer)
    }

    /// As [`stash`](Self::stash), with the family named.
    ///
    /// # Panics
    /// As `stash`.
    #[track_caller]
    pub fn stash_as<R>(self, mc: &Mutator<'gc>, pointer: Root<'gc, R>) -> SetHandle<R>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        // SAFETY: a live object of this heap, of which nothing is claimed.
        let object = unsafe { Gc::<()>::from_object(pointer.object_ref()) };
        let pair = Ephemeron::new(mc, self.0, object);
        SetHandle { pair: mc.stash_as::<Pair>(pair), _type: PhantomData }
    }

    /// The pointer that a handle keeps.
    ///
    /// # Panics
    /// When the handle is not of this set; [`try_fetch`](Self::try_fetch) reports that instead.
    #[track_caller]
    pub fn fetch<R>(self, mc: &Mutator<'gc>, handle: &SetHandle<R>) -> Root<'gc, R>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        match self.try_fetch(mc, handle) {
            Ok(pointer) => pointer,
            Err(error) => panic!("{error}"),
        }
    }

    /// The pointer that a handle keeps.
    ///
    /// # Errors
    /// When the handle belongs to another set or another heap.
    pub fn try_fetch<R>(self, mc: &Mutator<'gc>, handle: &SetHandle<R>) -> Result<Root<'gc, R>, WrongSet>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        let pair = mc.try_fetch(&handle.pair).ok_or(WrongSet::OtherHeap)?;
        if !pair.is_key(self.0) {
            return Err(WrongSet::OtherSet);
        }
        // The set is alive, since it is asked, so the pair was not cleared.
        let object = pair.value(mc).ok_or(WrongSet::OtherSet)?;
        // SAFETY: the pair was made by `stash_as::<R>`, with what a pointer of this type leads to, and has kept it alive.
        Ok(unsafe { Root::<'gc, R>::from_object_ref(object.object()) })
    }

    /// Whether a handle is of this set.
    pub fn contains<R: ?Sized>(self, mc: &Mutator<'gc>, handle: &SetHandle<R>) -> bool {
        mc.try_fetch(&handle.pair).is_some_and(|pair| pair.is_key(self.0))
    }

    /// True when both are the same set.
    #[inline]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        Gc::ptr_eq(this.0, other.0)
    }
}

impl core::fmt::Debug for RootSet<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("(RootSet)")
    }
}
