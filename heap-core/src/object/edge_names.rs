//! Edges with the names of the places that they are in: for people, when a heap is looked into.
//!
//! Tracing says where an object leads, and not through which of its fields. A collector need not know, so the names have a way of
//! their own beside tracing: a function in the part of a type's description that only people ask for ([`Kind`](super::Kind)). No
//! collector calls it, and nothing that it needs is in anybody's way.
//!
//! *A place* is a path from the object inwards: fields by name, elements by number, `children[3].left`. It grows and shrinks
//! while the value is walked through, and names nothing twice. Where a type says nothing of its inside, its edges are
//! numbered in the order in which `trace` reports them.

use core::fmt;
use core::ops::Range;

use super::edges::EdgeSink;
use super::reference::ObjectRef;

/// Reports the edges of some elements of an object, the first of which the pointer leads to, with their names.
pub(crate) type NameEdgesFn = unsafe fn(*const u8, Range<usize>, &mut EdgeNames<'_>);

/// One step from an object inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Element(usize),
}

/// The place of an edge in its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    steps: &'p [Step],
}

impl Place<'_> {
    /// The number of the element that the edge is, when it is one of a slice and not a part of one.
    pub(crate) fn element(&self) -> Option<usize> {
        match self.steps {
            [Step::Element(index)] => Some(*index),
            _ => None,
        }
    }

    /// Writes the name. Elements from `last` on are all called the same, so that the number of names is bounded.
    pub(crate) fn write(&self, to: &mut dyn fmt::Write, last: usize) -> fmt::Result {
        for (depth, step) in self.steps.iter().enumerate() {
            match step {
                Step::Field(name) if depth == 0 => to.write_str(name)?,
                Step::Field(name) => write!(to, ".{name}")?,
                Step::Element(index) if *index < last => write!(to, "[{index}]")?,
                Step::Element(_) => write!(to, "[{last}..]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, usize::MAX)
    }
}

/// Memory that is needed while objects are walked through, one after the other.
pub(crate) struct NameBuffers {
    sink: EdgeSink,
    steps: Vec<Step>,
}

impl Default for NameBuffers {
    fn default() -> Self {
        NameBuffers { sink: EdgeSink::everything(), steps: Vec::new() }
    }
}

/// Walks through one value, unbranded: see [`EdgeNamer`](crate::trace::EdgeNamer).
pub(crate) struct EdgeNames<'v> {
    buffers: &'v mut NameBuffers,
    visit: &'v mut dyn FnMut(Place<'_>, ObjectRef),
    lost: bool,
}

impl<'v> EdgeNames<'v> {
    /// Calls `visit` with each edge and its place.
    pub(crate) fn new(buffers: &'v mut NameBuffers, visit: &'v mut dyn FnMut(Place<'_>, ObjectRef)) -> Self {
        buffers.steps.clear();
        EdgeNames { buffers, visit, lost: false }
    }

    /// Whether edges were lost because the system refused memory.
    pub(crate) fn lost(&self) -> bool {
        self.lost
    }

    pub(crate) fn enter_field(&mut self, name: &'static str) {
        self.buffers.steps.push(Step::Field(name));
    }

    pub(crate) fn enter_element(&mut self, index: usize) {
        self.buffers.steps.push(Step::Element(index));
    }

    pub(crate) fn leave(&mut self) {
        self.buffers.steps.pop();
    }

    /// Reports what `trace` does as edges of the present place: by its name when there is one, else numbered.
    pub(crate) fn edges(&mut self, trace: &mut dyn FnMut(&mut EdgeSink)) {
        let NameBuffers { sink, steps } = &mut *self.buffers;
        sink.clear_overflow();
        sink.stack.clear();
        if !sink.collect_by(trace) {
            self.lost = true;
            return;
        }
        let several = sink.stack.len() > 1;
        for (index, &target) in sink.stack.iter().enumerate() {
            if several {
                steps.push(Step::Element(index));
            }
            (self.visit)(Place { steps }, target);
            if several {
                steps.pop();
            }
        }
    }
}
