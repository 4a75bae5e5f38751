//! [`Closure`]: what a collection has reached so far, and how to make it reach more.
//!
//! A collection does not end with its main trace. The value of an ephemeron is reached when its key was, an object with a
//! finalizer is brought back with everything that it leads to, and either may lead to further keys. So whoever decides
//! about death must be able to *reach*, with the means of the collection that is under way: by marking, by copying, by
//! promoting in place, by counting. This trait is that ability, and every tracer implements it; what stands above it
//! ([`Death`](crate::collector::Death)) is written once.
//!
//! *What it costs the main loop:* nothing. A loop reports the keys that it meets only when it is told to, and that is
//! decided at compile time ([`Keys`]): the main trace runs the instantiation for [`NoKeys`]. Only what is drained after
//! it, and only in a heap with ephemerons, tests a header bit for each object.

use crate::object::{Intact, ObjectRef};

/// The system refused memory in the middle of a trace. What was reached is not complete: nothing may be freed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Who is told about reached objects with a [`SIDE_ENTRY`](crate::object::SIDE_ENTRY).
pub trait Keys {
    /// Whether anybody wants to know.
    const WANTED: bool;

    /// The object was reached just now. It is named by the address that it had when the collection began.
    fn report(&mut self, key: ObjectRef);

    /// No further key fits: the trace must stop as soon as it can, after at most [`SLACK`](KeyBuffer::SLACK) more.
    fn is_full(&self) -> bool;
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl Keys for NoKeys {
    const WANTED: bool = false;
    #[inline(always)]
    fn report(&mut self, _: ObjectRef) {}
    #[inline(always)]
    fn is_full(&self) -> bool {
        false
    }
}

/// Room for a few keys. It never grows: a trace that fills it is interrupted, the keys are looked at, and it goes on.
pub struct KeyBuffer {
    keys: [Option<ObjectRef>; KeyBuffer::ROOM],
    len: usize,
}

impl KeyBuffer {
    const ROOM: usize = 256;
    /// Keys that still fit when the buffer says that it is full.
    pub const SLACK: usize = 64;

    /// An empty buffer.
    pub fn new() -> Self {
        KeyBuffer { keys: [None; Self::ROOM], len: 0 }
    }

    /// Takes a key out.
    pub fn pop(&mut self) -> Option<ObjectRef> {
        self.len = self.len.checked_sub(1)?;
        self.keys[self.len]
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for KeyBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Keys for KeyBuffer {
    const WANTED: bool = true;
    #[inline]
    fn report(&mut self, key: ObjectRef) {
        self.keys[self.len] = Some(key);
        self.len += 1;
    }
    #[inline]
    fn is_full(&self) -> bool {
        self.len >= Self::ROOM - Self::SLACK
    }
}

/// The transitive closure of what a collection has reached.
///
/// # Safety
/// An object for which [`locate`](Self::locate) gives an address must survive the collection at that address, with its
/// content, once [`drain`](Self::drain) has said that nothing is left; and so must everything that it leads to. With
/// [`MOVES_LAST`](Self::MOVES_LAST), it must survive at the address that `locate` gives when all is reached and moved.
pub unsafe trait Closure {
    /// Whether reaching is counting. Then every [`retain`](Self::retain) is one reference that somebody holds and gives
    /// up later, and objects die one by one after the closure is complete; else it is a mark, and once is as good as
    /// twice.
    const COUNTS: bool = false;

    /// Whether objects are moved only when everything was reached: between [`reach`](crate::collector::Death::reach) and
    /// [`bury`](crate::collector::Death::bury). Until then they are named by their old places, which stay intact through
    /// `bury`.
    const MOVES_LAST: bool = false;

    /// Where the object is now, or `None` when it was not reached so far. Asked about the new address of one that was
    /// moved, it gives that address. With [`Scope::Young`](crate::collector::Scope), everything old was reached.
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef>;

    /// Reaches an object. What it leads to is reached by the next [`drain`](Self::drain). Gives the object's place.
    ///
    /// # Errors
    /// When the system refuses memory. The object was not reached then.
    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused>;

    /// Reaches what the objects reached so far lead to. True when nothing is left, false when `keys` is full and there
    /// may be more. An object that `retain` reached may be reported or not.
    ///
    /// # Errors
    /// When the system refuses memory.
    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused>;
}
