//! [`Handle`]: a root that the program holds between calls of `mutate`.

use core::marker::PhantomData;

use super::ephemeron::Ephemeron;
use super::gc::Gc;
use super::mutator::Mutator;
use super::rootable::{Root, Rootable};
use super::weak::Weak;
use crate::machine::HandleSlot;
use crate::object::ObjectRef;
use crate::trace::Rebrand;

/// Keeps an object alive from outside the heap, across safepoints.
///
/// Made by [`Mutator::stash`](crate::Mutator::stash), read by [`Mutator::fetch`](crate::Mutator::fetch). It has no brand
/// and no lifetime: it may be stored anywhere, cloned (cheaply: clones share one root), sent to another thread, and may
/// outlive the heap. When the last clone is dropped, the object is released at the next safepoint. It is one word; cloning
/// and dropping it takes no lock and no memory.
pub struct Handle<R: ?Sized> {
    slot: HandleSlot,
    // Invariant: all clones of a handle must agree on what it keeps.
    _type: PhantomData<fn(PhantomData<R>) -> PhantomData<R>>,
}

const _: () = assert!(size_of::<Option<Handle<u8>>>() == size_of::<usize>());

impl<R: ?Sized> Handle<R> {
    /// The number of the heap that the handle belongs to.
    pub fn heap_id(&self) -> u64 {
        self.slot.heap()
    }
}

impl<R: ?Sized> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Handle { slot: self.slot.clone(), _type: PhantomData }
    }
}

impl<R: ?Sized> core::fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handle").field("heap", &self.heap_id()).finish_non_exhaustive()
    }
}

impl<'gc> Mutator<'gc> {
    /// Makes a handle: a root that lives outside `mutate`, until it is dropped. For handles that are held *inside* the heap there
    /// is [`RootSet`](crate::RootSet).
    ///
    /// ```
    /// use heap_core::{Gc, Handle, Heap, NoGc, Rootable, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Node<'gc> {
    ///     value: u64,
    ///     next: Option<Gc<'gc, Node<'gc>>>,
    /// }
    ///
    /// // How the type is written where there is no brand.
    /// struct Editor {
    ///     cursor: Handle<Rootable![Gc<'_, Node<'_>>]>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ())?;
    /// let editor = heap.mutate(|mc, _| Editor { cursor: mc.stash(Gc::new(mc, Node { value: 7, next: None })) });
    /// assert_eq!(heap.mutate(|mc, _| mc.fetch(&editor.cursor).value), 7);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// The type of the handle is found by [`Rebrand`], which most types are; for others there is [`stash_as`](Self::stash_as).
    ///
    /// # Panics
    /// When there are more handles than ever before and the system refuses memory for them.
    pub fn stash<P>(&self, pointer: P) -> Handle<P::Family>
    where
        P: HasFamily<'gc>,
        P::Family: Rootable<'gc, Root = P>,
    {
        self.stash_as::<P::Family>(pointer)
    }

    /// As [`stash`](Self::stash), with the family named: `mc.stash_as::<Rootable![Gc<'_, Tree<'_, u64>>]>(tree)`.
    ///
    /// # Panics
    /// As `stash`.
    pub fn stash_as<R>(&self, pointer: Root<'gc, R>) -> Handle<R>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        let object = pointer.object_ref();
        let slot = self.machine.core(|core| core.roots.create(object));
        Handle { slot, _type: PhantomData }
    }

    /// The pointer that a handle keeps.
    ///
    /// # Panics
    /// When the handle belongs to another heap; [`try_fetch`](Self::try_fetch) reports that instead.
    #[track_caller]
    pub fn fetch<R>(&self, handle: &Handle<R>) -> Root<'gc, R>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        self.try_fetch(handle).expect("the handle belongs to another heap: fetch it from the heap that stashed it")
    }

    /// The pointer that a handle keeps, or `None` when the handle belongs to another heap.
    pub fn try_fetch<R>(&self, handle: &Handle<R>) -> Option<Root<'gc, R>>
    where
        R: ?Sized + for<'a> Rootable<'a>,
        Root<'gc, R>: Pointer<'gc>,
    {
        let object = self.machine.core(|core| core.roots.get(&handle.slot))?;
        // SAFETY: the slot was filled by `stash_as::<R>` on this heap, keeps its object alive, and follows its moves.
        Some(unsafe { Root::<'gc, R>::from_object_ref(object) })
    }
}

/// What a handle can keep: a [`Gc`], a [`Weak`] or an [`Ephemeron`] of any type.
///
/// # Safety
/// Sealed: the two functions must be inverse to each other.
#[diagnostic::on_unimplemented(
    message = "a handle keeps a `Gc`, a `Weak` or an `Ephemeron`, and `{Self}` is none of them",
    label = "not a pointer into the heap",
    note = "allocate the value with `Gc::new` and stash the pointer"
)]
pub unsafe trait Pointer<'gc>: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn object_ref(self) -> ObjectRef;
    /// # Safety
    /// `object` must be live and have come from `object_ref` of the same type, in the same heap.
    #[doc(hidden)]
    unsafe fn from_object_ref(object: ObjectRef) -> Self;
}

/// A pointer of which the compiler knows how it is called under another brand: see [`Rebrand`].
#[diagnostic::on_unimplemented(
    message = "what a handle to `{Self}` keeps must be named",
    label = "name the family: `stash_as::<Rootable![..]>`",
    note = "a handle keeps a `Gc`, a `Weak` or an `Ephemeron`; allocate a value with `Gc::new`, and stash the pointer"
)]
pub trait HasFamily<'gc>: Pointer<'gc> {
    /// The family of the pointer, as written by [`Rootable!`](crate::Rootable!).
    type Family: ?Sized + for<'a> Rootable<'a>;
}

impl<'gc, T: ?Sized + Rebrand<'gc> + 'gc> HasFamily<'gc> for Gc<'gc, T> {
    type Family = crate::Rootable!['a => Gc<'a, <T as Rebrand<'gc>>::With<'a>>];
}

impl<'gc, T: ?Sized + Rebrand<'gc> + 'gc> HasFamily<'gc> for Weak<'gc, T> {
    type Family = crate::Rootable!['a => Weak<'a, <T as Rebrand<'gc>>::With<'a>>];
}

impl<'gc, K: ?Sized + Rebrand<'gc> + 'gc, V: ?Sized + Rebrand<'gc> + 'gc> HasFamily<'gc> for Ephemeron<'gc, K, V> {
    type Family = crate::Rootable!['a => Ephemeron<'a, <K as Rebrand<'gc>>::With<'a>, <V as Rebrand<'gc>>::With<'a>>];
}

mod sealed {
    pub trait Sealed {}
    impl<'gc, T: ?Sized + 'gc> Sealed for super::Gc<'gc, T> {}
    impl<'gc, T: ?Sized + 'gc> Sealed for super::Weak<'gc, T> {}
    impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Sealed for super::Ephemeron<'gc, K, V> {}
}

// SAFETY: a Gc is the address of its object.
unsafe impl<'gc, T: ?Sized + 'gc> Pointer<'gc> for Gc<'gc, T> {
    fn object_ref(self) -> ObjectRef {
        self.object()
    }
    unsafe fn from_object_ref(object: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Gc::from_object(object) }
    }
}

// SAFETY: a Weak is the address of its cell.
unsafe impl<'gc, T: ?Sized + 'gc> Pointer<'gc> for Weak<'gc, T> {
    fn object_ref(self) -> ObjectRef {
        self.cell()
    }
    unsafe fn from_object_ref(object: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Weak::from_cell(object) }
    }
}

// SAFETY: an Ephemeron is the address of its object.
unsafe impl<'gc, K: ?Sized + 'gc, V: ?Sized + 'gc> Pointer<'gc> for Ephemeron<'gc, K, V> {
    fn object_ref(self) -> ObjectRef {
        self.object()
    }
    unsafe fn from_object_ref(object: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Ephemeron::from_object(object) }
    }
}
