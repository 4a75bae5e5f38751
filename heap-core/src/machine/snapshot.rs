//! [`Snapshot`]: everything that the roots reach, as the verifier saw it, for a collector to compare with its own idea.
//!
//! A collector's invariants are about objects and edges: an old object without a mark in the remembered set has no young
//! referent, a count is the number of references, a white object will be reached. To check one, a collector needs to know
//! what there is, and should not have to find it by the marks and lists that are to be checked. So the verifier walks once,
//! by means of its own, and hands over what it found: the objects, numbered; for each of them its edges with the slots
//! that they are in; how many references lead to it, and who was the first to point at it. Looks at these objects are safe: they
//! were found to be sound, and nothing runs while the snapshot exists.
//!
//! *Two parts.* First come the objects that the program can reach, or that permanent objects lead to, then those that
//! only the collector still holds on to, because a cycle in progress [waits](super::Collector::waiting) for them: a
//! chain that keeps an object alive may lead through garbage.
//!
//! *Why the parents.* That something is wrong with an object is nearly always the fault of whoever should have seen an
//! edge, updated a slot or remembered a write. So every message says who points there, see [`Snapshot::error`].

use core::fmt;
use core::ops::Range;

use crate::object::{HeaderWord, Object, ObjectMap, ObjectRef, Shape};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyError {
    /// What is wrong; with the object's address, type and header, and who points at it.
    pub message: String,
}

impl VerifyError {
    /// An error that is not about one object.
    pub fn new(message: impl Into<String>) -> Self {
        VerifyError { message: message.into() }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Who was the first to point at an object. Objects are named by their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parent {
    /// It is the root object.
    Root,
    Handle,
    /// It waits for its finalizer.
    Queue,
    Slot {
        parent: usize,
        /// Bytes from the parent's payload; none when the slot is in memory that the parent owns elsewhere.
        offset: Option<usize>,
    },
    WeakCell(usize),
    KeyOf(usize),
    ValueOf(usize),
    /// It is permanent, and was written.
    Permanent,
    /// The collector waits for it.
    Collector,
}

/// An object of a snapshot.
#[derive(Debug)]
pub struct Seen<'h> {
    pub(super) object: Object<'h>,
    pub(super) extent: Range<usize>,
    pub(super) parent: Parent,
    pub(super) edges: Range<usize>,
    pub(super) references: u64,
}

impl<'h> Seen<'h> {
    /// The object.
    pub fn object(&self) -> Object<'h> {
        self.object
    }

    /// Its footprint; see [`Object::extent`].
    pub fn extent(&self) -> Range<usize> {
        self.extent.clone()
    }

    /// How many references lead to it: from objects that the program can reach or that are permanent, handles, the
    /// root, and ephemerons whose keys are reachable.
    pub fn references(&self) -> u64 {
        self.references
    }
}

/// An edge of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The number of the object that it leads to.
    pub target: usize,
    /// Where the slot is, in bytes from the payload; `None` when it is in memory that the object owns outside the heap.
    pub offset: Option<usize>,
}

/// Objects and edges, at one moment between two pauses.
#[derive(Debug, Default)]
pub struct Snapshot<'h> {
    pub(super) objects: Vec<Seen<'h>>,
    pub(super) numbers: ObjectMap<usize>,
    pub(super) edges: Vec<Edge>,
    /// How many objects, from the first, the program can reach, or permanent ones lead to.
    pub(super) reachable: usize,
}

impl<'h> Snapshot<'h> {
    /// The objects that the program can reach, or that permanent ones lead to.
    pub fn reachable(&self) -> &[Seen<'h>] {
        &self.objects[..self.reachable]
    }

    /// All objects: those that the program can reach, and behind them those that only the collector waits for, or that
    /// these lead to. An object's index here is its number.
    pub fn objects(&self) -> &[Seen<'h>] {
        &self.objects
    }

    /// The number of an object; `None` when it is not in the snapshot.
    pub fn number(&self, object: ObjectRef) -> Option<usize> {
        self.numbers.get(&object).copied()
    }

    /// The edges of an object of this snapshot.
    pub fn edges(&self, of: &Seen<'h>) -> &[Edge] {
        &self.edges[of.edges.clone()]
    }

    /// Says that something is wrong with an object of this snapshot: names it by address, type and header, and whoever
    /// points at it.
    pub fn error(&self, seen: &Seen<'h>, what: impl fmt::Display) -> VerifyError {
        VerifyError { message: format!("{}: {what}; {}", Name(seen.object), self.whence(seen.parent)) }
    }

    /// As [`error`](Self::error), about something that is not in the snapshot because it cannot be looked at.
    pub(super) fn broken(&self, object: ObjectRef, parent: Parent, what: impl fmt::Display) -> VerifyError {
        VerifyError { message: format!("object {:p}: {what}; {}", object.payload(), self.whence(parent)) }
    }

    /// Two objects cannot both be where they are.
    pub(super) fn overlap(&self, one: &Seen<'h>, other: &Seen<'h>) -> VerifyError {
        self.error(one, format_args!("it overlaps {} ({})", Name(other.object), self.whence(other.parent)))
    }

    fn whence(&self, parent: Parent) -> String {
        let name = |number: usize| Name(self.objects[number].object);
        match parent {
            Parent::Root => "it is the root object".into(),
            Parent::Handle => "a handle points there".into(),
            Parent::Queue => "it waits in the queue for its finalizer".into(),
            Parent::Slot { parent, offset: Some(offset) } => {
                format!("the slot at byte {offset} of {} points there", name(parent))
            }
            Parent::Slot { parent, offset: None } => {
                format!("a slot in memory that {} owns outside the heap points there", name(parent))
            }
            Parent::WeakCell(cell) => format!("it is the target of {}", name(cell)),
            Parent::KeyOf(ephemeron) => format!("it is the key of {}", name(ephemeron)),
            Parent::ValueOf(ephemeron) => format!("it is the value of {}", name(ephemeron)),
            Parent::Permanent => "it is permanent, and was written".into(),
            Parent::Collector => "the collector waits for it, or it belongs to an ephemeron".into(),
        }
    }
}

/// An object, for people.
struct Name<'h>(Object<'h>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, word): (Object<'_>, HeaderWord) = (self.0, self.0.word());
        let (payload, name) = (object.reference().payload(), TypeOf(object));
        write!(f, "object {payload:p} ({name}, header {:#018x})", word.bits())
    }
}

/// The type of an object, for people.
pub(crate) struct TypeOf<'h>(pub(crate) Object<'h>);

impl fmt::Display for TypeOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0.info();
        match info.shape() {
            Shape::Slice => write!(f, "[{}]", info.name()),
            Shape::WeakCell => f.write_str("weak cell"),
            Shape::Ephemeron => f.write_str("ephemeron"),
            Shape::Sized | Shape::HeaderSlice => f.write_str(info.name()),
        }
    }
}
