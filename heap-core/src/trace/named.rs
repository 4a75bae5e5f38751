//! [`EdgeNamer`]: walks through a value and reports its edges with the names of their places.
//!
//! What the derive's hidden function speaks to. A type says which of its parts is called what; what it says nothing of is traced,
//! and its edges are numbered. See `object/edge_names.rs` for what becomes of it.

use core::marker::PhantomData;

use super::{Trace, Tracer};
use crate::object::EdgeNames;

/// Receives edges with names.
#[repr(transparent)]
pub struct EdgeNamer<'v, 'gc> {
    names: EdgeNames<'v>,
    _brand: PhantomData<fn(&'gc ()) -> &'gc ()>,
}

impl<'v, 'gc> EdgeNamer<'v, 'gc> {
    pub(crate) fn brand<'n>(names: &'n mut EdgeNames<'v>) -> &'n mut EdgeNamer<'v, 'gc> {
        // SAFETY: as for `Tracer::brand`: a transparent wrapper.
        unsafe { &mut *core::ptr::from_mut(names).cast::<EdgeNamer<'v, 'gc>>() }
    }

    /// What follows is in a field of this name, until it is [left](Self::leave).
    pub fn enter(&mut self, field: &'static str) {
        self.names.enter_field(field);
    }

    /// Back to where the field was entered.
    pub fn leave(&mut self) {
        self.names.leave();
    }

    /// A field's edges.
    pub(crate) fn field<T: Trace<'gc>>(&mut self, name: &'static str, field: &T) {
        self.names.enter_field(name);
        field.__name_edges(self);
        self.names.leave();
    }

    /// An element's edges.
    pub(crate) fn element<T: Trace<'gc>>(&mut self, index: usize, element: &T) {
        self.names.enter_element(index);
        element.__name_edges(self);
        self.names.leave();
    }

    /// The edges of what is the only element, and needs no number.
    pub(crate) fn only<T: Trace<'gc>>(&mut self, _: usize, element: &T) {
        element.__name_edges(self);
    }

    /// What `trace` reports, as edges of the present place.
    pub fn edges(&mut self, trace: &mut dyn FnMut(&mut Tracer<'gc>)) {
        self.names.edges(&mut |sink| trace(Tracer::brand(sink)));
    }
}
