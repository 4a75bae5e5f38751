//! Walks over what was reached: objects, roots, and where objects lead without an edge.

use core::fmt;

use crate::death::{Ephemeron, WeakCell};
use crate::error::AllocError;
use crate::machine::{HeapCore, Reached};
use crate::object::{NameBuffers, Object, ObjectRef, Shape};

/// What a root is called.
pub(super) const ROOT: &str = "root";
pub(super) const HANDLE: &str = "handle";
pub(super) const QUEUE: &str = "finalizer queue";
/// The places beside edges.
pub(super) const TARGET: &str = "target";
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";

/// The objects that were reached.
pub(crate) fn objects(reached: &Reached) -> impl Iterator<Item = Object<'_>> {
    // SAFETY: what was reached is alive and in its place, and no part of it is mutably borrowed, for as long as this is used:
    // whoever looks into a heap has it exclusively borrowed, so that there is no mutator and no safepoint.
    reached.objects().map(|object| unsafe { Object::at(object) })
}

/// Every root with its name: in the order of [`HeapCore::program_roots`].
pub(crate) fn roots(core: &HeapCore) -> impl Iterator<Item = (&'static str, ObjectRef)> + '_ {
    let root = core.roots.root().map(|object| (ROOT, object));
    let handles = core.roots.in_handles().map(|object| (HANDLE, object));
    root.into_iter().chain(handles).chain(core.death.finalizers.queued().map(|object| (QUEUE, object)))
}

/// How an object leads somewhere without an edge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Keeps nothing alive.
    Weak,
    /// Keeps alive, as long as something else lives.
    Strong,
}

/// Where an object leads without an edge: the target of a weak cell, key and value of an ephemeron, as far as they were
/// reached.
pub(super) fn beside<'r>(
    object: Object<'_>,
    reached: &'r Reached,
) -> impl Iterator<Item = (Beside, &'static str, ObjectRef)> + use<'r> {
    let (mut weak, mut value) = (None, None);
    match object.info().shape() {
        // SAFETY: a weak cell that is alive.
        Shape::WeakCell => weak = unsafe { WeakCell::at(object.reference()) }.target().map(|target| (TARGET, target)),
        Shape::Ephemeron => {
            // SAFETY: an ephemeron that is alive.
            if let Some(pair) = unsafe { Ephemeron::at(object.reference()) }.pair() {
                weak = Some((KEY, pair.0));
                value = reached.keeps(pair.0).then_some((VALUE, pair.1));
            }
        }
        Shape::Sized | Shape::HeaderSlice | Shape::Slice => {}
    }
    let weak = weak.filter(|&(_, target)| reached.contains(target));
    let weak = weak.map(|(name, target)| (Beside::Weak, name, target));
    weak.into_iter().chain(value.map(|(name, target)| (Beside::Strong, name, target)))
}

/// Calls `visit` with each reference from an object that keeps its target alive, and its place.
pub(crate) fn references(
    object: Object<'_>,
    reached: &Reached,
    buffers: &mut NameBuffers,
    visit: &mut dyn FnMut(&dyn fmt::Display, ObjectRef),
) -> Result<(), AllocError> {
    if !object.name_edges(buffers, &mut |place, target| visit(&place, target)) {
        return Err(AllocError::REFUSED);
    }
    for (kind, name, target) in beside(object, reached) {
        if kind == Beside::Strong {
            visit(&name, target);
        }
    }
    Ok(())
}
