//! [`Coroutine`]: a stack of values and a stack of frames, both objects of the heap that are replaced when they are full.
//!
//! ```text
//!  slots   │ f │ a │ b │ locals …  │ g │ x │ locals …     │ room for a window
//!            ▲   ▲ base of frame 0   ▲   ▲ base of frame 1
//!            function                function: results of g go here
//! ```
//!
//! The main program is a coroutine that nobody resumed.

use std::cell::Cell;

use heap_core::{AllocError, Gc, Lock, Mutator, Trace};

use super::WINDOW;
use super::call::{Deliver, Kind};
use crate::interpreter::value::{Closure, Value};

/// Frames and slots of a new coroutine, besides the window.
const FIRST_FRAMES: usize = 6;
const FIRST_SLOTS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::interpreter) enum Status {
    Suspended,
    Running,
    /// It has resumed another one.
    Normal,
    Dead,
}

/// A coroutine.
#[derive(Trace)]
pub(in crate::interpreter) struct Coroutine<'gc> {
    pub(super) stack: Lock<Gc<'gc, [Lock<Value<'gc>>]>>,
    pub(super) frames: Lock<Gc<'gc, [Frame<'gc>]>>,
    /// Who resumed it.
    pub(super) resumer: Lock<Option<Gc<'gc, Coroutine<'gc>>>>,
    #[trace(require_static)]
    pub(super) depth: Cell<usize>,
    #[trace(require_static)]
    pub(super) top: Cell<usize>,
    #[trace(require_static)]
    pub(super) high: Cell<usize>,
    #[trace(require_static)]
    pub(super) status: Cell<Status>,
    /// Where the function is that suspended it, and what becomes of its results.
    #[trace(require_static)]
    pub(super) waiting: Cell<(usize, Deliver)>,
    /// Whether its errors are errors of the function that resumed it.
    #[trace(require_static)]
    pub(super) wrapped: Cell<bool>,
    /// In how many others it runs.
    #[trace(require_static)]
    pub(super) nesting: Cell<u32>,
}

/// A call in progress.
#[derive(Trace)]
pub(super) struct Frame<'gc> {
    /// Of a function of the script.
    pub(super) closure: Lock<Option<Gc<'gc, Closure<'gc>>>>,
    #[trace(require_static)]
    pub(super) kind: Cell<Kind>,
    /// What becomes of its results.
    #[trace(require_static)]
    pub(super) deliver: Cell<Deliver>,
    /// The next instruction.
    #[trace(require_static)]
    pub(super) pc: Cell<u32>,
    #[trace(require_static)]
    pub(super) base: Cell<u32>,
    /// Where the results go.
    #[trace(require_static)]
    pub(super) function: Cell<u32>,
    /// How many arguments there are for `...`; they stand in front of the base.
    #[trace(require_static)]
    pub(super) extra: Cell<u32>,
    /// How many registers of its concatenation are joined already, but for the one that has the result: nought between
    /// instructions. So it can be interrupted, and executed again when the heap was full.
    #[trace(require_static)]
    pub(super) joined: Cell<u8>,
}

impl<'gc> Frame<'gc> {
    fn empty() -> Self {
        Frame {
            closure: Lock::new(None),
            kind: Cell::new(Kind::Script),
            deliver: Cell::new(Deliver::Discard),
            pc: Cell::new(0),
            base: Cell::new(0),
            function: Cell::new(0),
            extra: Cell::new(0),
            joined: Cell::new(0),
        }
    }

    fn copy(&self) -> Self {
        Frame {
            closure: Lock::new(self.closure.get()),
            kind: self.kind.clone(),
            deliver: self.deliver.clone(),
            pc: self.pc.clone(),
            base: self.base.clone(),
            function: self.function.clone(),
            extra: self.extra.clone(),
            joined: self.joined.clone(),
        }
    }
}

impl<'gc> Coroutine<'gc> {
    /// A coroutine that will call a function.
    pub(in crate::interpreter) fn new(mc: &Mutator<'gc>, function: Value<'gc>) -> Result<Gc<'gc, Self>, AllocError> {
        let slots = FIRST_SLOTS + WINDOW;
        let stack = Gc::try_new_slice_with(mc, slots, |at| Lock::new(if at == 0 { function } else { Value::Nil }))?;
        let frames = Gc::try_new_slice_with(mc, FIRST_FRAMES, |_| Frame::empty())?;
        Gc::try_new(
            mc,
            Coroutine {
                stack: Lock::new(stack),
                frames: Lock::new(frames),
                resumer: Lock::new(None),
                depth: Cell::new(0),
                top: Cell::new(1),
                high: Cell::new(1),
                status: Cell::new(Status::Suspended),
                waiting: Cell::new((0, Deliver::Discard)),
                wrapped: Cell::new(false),
                nesting: Cell::new(0),
            },
        )
    }

    pub(in crate::interpreter) fn status(&self) -> Status {
        self.status.get()
    }

    /// Ends a coroutine that is suspended.
    pub(in crate::interpreter) fn close(&self, _: &Mutator<'gc>) {
        self.status.set(Status::Dead);
        self.depth.set(0);
        self.top.set(0);
    }

    /// Whether somebody resumed it: the main program nobody did.
    pub(in crate::interpreter) fn was_resumed(&self) -> bool {
        self.resumer.get().is_some()
    }
}

/// A stack with room for more, and the same values.
pub(super) fn grown_stack<'gc>(
    mc: &Mutator<'gc>,
    old: &[Lock<Value<'gc>>],
    len: usize,
) -> Result<Gc<'gc, [Lock<Value<'gc>>]>, AllocError> {
    Gc::try_new_slice_with(mc, len, |at| Lock::new(old.get(at).map_or(Value::Nil, Lock::get)))
}

/// Twice as many frames.
pub(super) fn grown_frames<'gc>(mc: &Mutator<'gc>, old: &[Frame<'gc>]) -> Result<Gc<'gc, [Frame<'gc>]>, AllocError> {
    Gc::try_new_slice_with(mc, 2 * old.len(), |at| old.get(at).map_or_else(Frame::empty, Frame::copy))
}
