//! [`Inspection`]: looks into a whole heap, from inside; and dumps and reports, from outside.
//!
//! *No mutator.* Whoever walks through a heap looks into objects that the program may be writing to: a guard of a
//! [`RefLock`](crate::RefLock) is a mutable reference to what is to be traced. So a heap is inspected between two calls of
//! `mutate`, by a closure that gets pointers of a brand of its own and no [`Mutator`](crate::Mutator). Without one nothing can be
//! written, allocated or collected, and every object stays as it is and where it is; reading needs none.

use core::marker::PhantomData;
use std::cell::RefCell;
use std::io;

use super::gc::Gc;
use super::heap::Heap;
use super::rootable::{Root, Rootable};
use crate::error::AllocError;
use crate::inspect::{DumpSummary, Parents, Report, RootPath, dump, objects, references, report, roots, type_name};
use crate::machine::{Machine, Reached};
use crate::object::{NameBuffers, Object};
use crate::trace::Downcast;

impl<R: ?Sized> Heap<R> {
    /// Writes everything that the program can reach as a `.heapsnapshot`: a file for the memory panel of Chrome's developer
    /// tools, with the names of types and, where `Trace` is derived, of fields. What is garbage is not in it, collected or
    /// not. What the columns mean is said in [`inspect`](crate::inspect#a-dump).
    ///
    /// Nothing is collected and nothing changes. Costs four looks at everything reachable. Besides the file's strings, which are
    /// names out of the program's source, it needs half a kilobyte for each block of 32 KiB in use.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Tree<'gc> {
    ///     left: Lock<Option<Gc<'gc, Tree<'gc>>>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, Tree<'_>>]>::new(NoGc::default(), |mc| {
    ///     let leaf = Gc::new(mc, Tree { left: Lock::new(None) });
    ///     Gc::new(mc, Tree { left: Lock::new(Some(leaf)) })
    /// })?;
    /// let mut file = Vec::new();
    /// let summary = heap.dump(&mut file)?;
    /// assert_eq!((summary.objects, summary.edges), (3, 3)); // the root object is one
    /// assert!(String::from_utf8(file)?.contains("\"left\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The writer's: a full disk, a closed pipe. What was written until then is no file of that kind. And
    /// [`OutOfMemory`](io::ErrorKind::OutOfMemory), when the system refuses the memory for the trace.
    pub fn dump(&mut self, mut to: impl io::Write) -> io::Result<DumpSummary> {
        let reached = self.machine.reached().map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        dump(self.machine.parts().1.core, &reached, &mut to)
    }

    /// Says what is big and what keeps it alive: sizes by type, shallow and retained, the largest objects and a path to each.
    /// Display it, or pick from it.
    ///
    /// Nothing is collected and nothing changes. Costs some looks at everything reachable, and while it runs about a hundred
    /// bytes for each object and eight for each pointer.
    ///
    /// ```
    /// # use heap_core::{Gc, Heap, NoGc, Rootable};
    /// let mut heap = Heap::<Rootable![Gc<'_, [u64]>]>::new(NoGc::default(), |mc| Gc::new_slice_with(mc, 1000, |_| 0))?;
    /// let report = heap.report()?;
    /// assert_eq!((report.types[1].name.as_str(), report.types[1].retained), ("[u64]", 8016));
    /// println!("{report}");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn report(&mut self) -> Result<Report, AllocError> {
        let reached = self.machine.reached()?;
        report(self.machine.parts().1.core, &reached)
    }
}

#[cfg(feature = "allocation-sites")]
impl<R: ?Sized> Heap<R> {
    /// From now on objects know where in the program's source they were allocated; or no longer. Those that do keep it.
    /// Needs the feature `allocation-sites`; see [`inspect::sites`](crate::inspect::sites) for what it costs.
    ///
    /// The place is where `Gc::new` or another function of this crate is called, or whatever calls that, as far as it is
    /// `#[track_caller]`. The storage of lists and maps is allocated in this crate.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable};
    ///
    /// let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, u64>>>]>::new(NoGc::default(), |_| Lock::new(None))?;
    /// heap.note_sites(true);
    /// let before = heap.site_profile()?;
    /// heap.mutate_root(|mc, root| *root = Lock::new(Some(Gc::new(mc, 7))));
    /// let changes = heap.site_profile()?.since(&before);
    /// assert_eq!((changes.sites[0].objects, changes.sites[0].bytes), (1, 16));
    /// assert!(changes.sites[0].place.is_some());
    /// println!("{changes}");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn note_sites(&mut self, on: bool) {
        self.machine.set_describe(on.then_some(crate::inspect::sites::described));
    }

    /// Whether objects know where they were allocated; see [`note_sites`](Self::note_sites).
    pub fn notes_sites(&self) -> bool {
        self.machine.describes()
    }

    /// What is alive, by the place where it was allocated. Costs a look at everything that the program can reach.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn site_profile(&mut self) -> Result<crate::inspect::sites::SiteProfile, AllocError> {
        Ok(crate::inspect::sites::profile(&self.machine.reached()?))
    }
}

impl<R: ?Sized + for<'gc> Rootable<'gc>> Heap<R> {
    /// Runs `f` with a look at everything that the program can reach: all objects, what leads to one, what keeps it alive.
    ///
    /// The pointers can be read as always; without a [`Mutator`](crate::Mutator) nothing can be written or kept. Costs a look
    /// at everything reachable, and while it runs half a kilobyte for each block of 32 KiB in use.
    ///
    /// ```
    /// use heap_core::{Gc, Heap, Lock, NoGc, Rootable, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Node<'gc> {
    ///     value: u64,
    ///     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    /// }
    ///
    /// let mut heap = Heap::<Rootable![Gc<'_, Node<'_>>]>::new(NoGc::default(), |mc| {
    ///     let last = Gc::new(mc, Node { value: 2, next: Lock::new(None) });
    ///     Gc::new(mc, Node { value: 1, next: Lock::new(Some(last)) })
    /// })?;
    /// heap.inspect(|look, root| {
    ///     assert_eq!(look.objects_of::<Node>().map(|node| node.value).sum::<u64>(), 3);
    ///     let last = root.next.get().unwrap();
    ///     let to_it = look.referrers(last)?;
    ///     assert!(to_it.len() == 1 && Gc::ptr_eq(to_it[0].object, Gc::erase(*root)) && to_it[0].place == "next");
    ///     assert_eq!(look.path_to(last)?.steps().len(), 3);
    ///     Ok::<(), heap_core::AllocError>(())
    /// })??;
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    /// When the system refuses memory. `f` was not called then.
    pub fn inspect<F, T>(&mut self, f: F) -> Result<T, AllocError>
    where
        F: for<'gc> FnOnce(&Inspection<'gc>, &'gc Root<'gc, R>) -> T,
    {
        let reached = self.machine.reached()?;
        Ok(self.enter(|mc| {
            let look = Inspection { machine: &mc.machine, reached, buffers: RefCell::default(), _brand: PhantomData };
            let root = mc.machine.root_object();
            // SAFETY: the root object was allocated with this type and is alive. Nobody else has access to the heap.
            let root = unsafe { Gc::<Root<'_, R>>::from_object(root) };
            f(&look, Gc::as_ref(root))
        }))
    }
}

/// A look at everything that the program can reach: made by [`Heap::inspect`].
pub struct Inspection<'gc> {
    machine: &'gc Machine,
    reached: Reached,
    buffers: RefCell<NameBuffers>,
    // Invariant: it gives out pointers of this brand, and of no other.
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

/// A pointer from one object to another, seen from either.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reference<'gc> {
    /// The object at the other end.
    pub object: Gc<'gc, ()>,
    /// Where the pointer stands in the object that it comes from: `left`, `children[3]`; or `value`, of an ephemeron.
    pub place: String,
}

impl<'gc> Inspection<'gc> {
    /// Every object, in the order of addresses. A [`Gc<()>`](Gc) can be asked what it is ([`Gc::downcast`],
    /// [`type_name`](Self::type_name)). Weak cells and ephemerons are objects too.
    pub fn objects(&self) -> impl Iterator<Item = Gc<'gc, ()>> {
        objects(&self.reached).map(pointer)
    }

    /// Every object that is a `T`, or [begins](crate::HasPrefix) with one.
    pub fn objects_of<T: Downcast<'gc> + 'gc>(&self) -> impl Iterator<Item = Gc<'gc, T>> {
        self.objects().filter_map(Gc::downcast)
    }

    /// The Rust name of the object's type: `[T]` for a slice, `[u8]` for text.
    pub fn type_name<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> String {
        type_name(object(gc))
    }

    /// Bytes of the object's footprint, its header included.
    pub fn size<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> usize {
        object(gc).size()
    }

    /// Bytes that the object owns outside the heap, as it says itself.
    pub fn owned_bytes<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> usize {
        object(gc).owned_bytes()
    }

    /// Whether the object's type can hold pointers. Collectors never look into others.
    pub fn may_refer<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> bool {
        object(gc).info().trace().is_some()
    }

    /// How many references to the object a counting collector has counted when its last epoch ended; `None` with other
    /// collectors.
    pub fn ref_count<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> Option<u64> {
        self.machine.slow(|collector, heap| collector.ref_count(heap.core, gc.object()))
    }

    /// What the object keeps alive: its pointers, in the order in which they are traced. A weak pointer leads to a weak cell.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn referents<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> Result<Vec<Reference<'gc>>, AllocError> {
        let mut found = Vec::new();
        references(object(gc), &self.reached, &mut self.buffers.borrow_mut(), &mut |place, target| {
            // SAFETY: an object leads there that is alive.
            found.push(Reference { object: unsafe { Gc::from_object(target) }, place: place.to_string() });
        })?;
        Ok(found)
    }

    /// What keeps the object alive, as far as it is in the heap: one entry for each pointer. Costs a look at every object.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn referrers<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> Result<Vec<Reference<'gc>>, AllocError> {
        let mut found = Vec::new();
        for from in objects(&self.reached) {
            references(from, &self.reached, &mut self.buffers.borrow_mut(), &mut |place, target| {
                if target == gc.object() {
                    found.push(Reference { object: pointer(from), place: place.to_string() });
                }
            })?;
        }
        Ok(found)
    }

    /// Names of the roots that lead to the object without a step: `root`, `handle`, `finalizer queue`.
    pub fn roots_at<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> Vec<&'static str> {
        self.roots().into_iter().filter(|(_, root)| *root == gc.object()).map(|(name, _)| name).collect()
    }

    /// A shortest way from a root to the object: why it is alive. Costs a look at everything that is
    /// nearer to the roots, and eight bytes for each object while it runs.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn path_to<T: ?Sized + 'gc>(&self, gc: Gc<'gc, T>) -> Result<RootPath, AllocError> {
        let numbers = self.reached.numbers()?;
        Parents::of(self.roots(), &self.reached, &numbers, Some(gc.object()))?.path_to(gc.object())
    }

    fn roots(&self) -> Vec<(&'static str, crate::object::ObjectRef)> {
        self.machine.core(|core| roots(core).collect())
    }
}

/// What a pointer leads to.
fn object<'gc, T: ?Sized + 'gc>(gc: Gc<'gc, T>) -> Object<'gc> {
    // SAFETY: a Gc leads to a live object. There is no mutator: see the module's documentation.
    unsafe { Object::at(gc.object()) }
}

/// A pointer to what was reached.
fn pointer<'gc>(object: Object<'_>) -> Gc<'gc, ()> {
    // SAFETY: a live object of the heap of this brand, of which nothing is claimed. Callers are methods of `Inspection`, which
    // has the brand.
    unsafe { Gc::from_object(object.reference()) }
}

impl core::fmt::Debug for Inspection<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inspection").field("objects", &self.objects().count()).finish()
    }
}
