//! The machine that runs compiled functions, as it is during one `mutate`.
//!
//! *What lives where.* All that a script can see or that must survive a safepoint is in the heap: coroutines with their
//! stacks, frames, tables, code. A [`Machine`] exists within one `mutate`, borrows from the heap what it works on at the
//! moment, and puts the few numbers that it holds itself back when it [leaves](Machine::leave).
//!
//! *When it leaves.* Nothing is collected inside a `mutate`, so the machine asks [`should_yield`](Mutator::should_yield) where a
//! script jumps back or calls a function: a load and a branch. The program is anywhere then, also ten functions deep in a
//! coroutine, and goes on there in the next `mutate`. It leaves as well when an allocation fails: whatever allocates does
//! so before it changes anything, so that the same instruction can be executed again after a collection.
//!
//! *No recursion.* A function of a script that calls another one is a frame on the script's own stack, and so are calls that
//! the machine makes: of metamethods, of finalizers, under `pcall`. Library functions never call back; they say what is to be
//! called ([`Flow`]), and what needs more is written in the language itself (`library/prelude.lua`).
//!
//! *One barrier for a stack.* The machine writes registers with every instruction. It opens its stack once in each
//! `mutate`, with a `Write` of the whole slice, which proves that the barrier ran; from then on a register is a `Cell`.

mod call;
mod coroutine;
mod error;
mod execute;
mod load;
mod names;
mod operate;
mod state;
mod unwind;

use std::io::Write as _;

use heap_core::collections::List;
use heap_core::{AllocError, Gc, Lock, Mutator, Write};

use super::code;
use super::value::{Text, Value};
use coroutine::Frame;
pub(super) use coroutine::{Coroutine, Status};
pub(super) use error::Error;
pub(super) use load::load;
pub(super) use operate::raw_less;
pub(super) use state::{Event, State};
pub(super) use unwind::PRELUDE;

/// Registers that an instruction can name.
const WINDOW: usize = 256;

/// Why the machine leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The heap wants a safepoint.
    Due,
    /// An allocation failed.
    Full(AllocError),
    /// The script asks for a collection.
    Collect,
    /// The script asks for a part of one.
    Step,
    /// The script has ended.
    Finished,
    /// It has ended with an error that nobody caught, or because nobody reads what it prints: the host knows.
    Failed,
}

/// What is outside of the heap.
pub(super) struct Host {
    pub(super) output: Box<dyn std::io::Write>,
    /// Slots that the stack of a coroutine may have.
    pub(super) stack_limit: usize,
    /// A full heap is an error of the script this time: collecting did not help.
    pub(super) refuse: bool,
    /// The error that ended the script, and where it was.
    pub(super) message: String,
    pub(super) traceback: Vec<String>,
    /// Why nothing more can be printed.
    pub(super) output_error: Option<std::io::Error>,
    pub(super) started: std::time::Instant,
}

/// The arguments of a library function: slots of the stack.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub(super) first: usize,
    pub(super) count: usize,
}

/// What a library function says.
pub(super) type Outcome<'gc> = Result<Flow<'gc>, Error<'gc>>;

/// How the script goes on after a library function.
pub(super) enum Flow<'gc> {
    /// So many results stand from the slot of the function on.
    Return(usize),
    /// What is in the slot of the function now is to be called instead, with so many arguments.
    Call(usize),
    /// The first argument is to be called with the others, and errors are results.
    Protect,
    /// As `Protect`; the function's slot has the handler.
    ProtectWith,
    /// A coroutine goes on, with the arguments from this slot on. If `wrapped`, its errors are errors of this function.
    Resume { coroutine: Gc<'gc, Coroutine<'gc>>, first: usize, count: usize, wrapped: bool },
    /// This coroutine is suspended; the arguments are what the other one gets.
    Yield,
    /// The machine leaves; the function has one result.
    Leave(Exit),
}

/// The machine during one `mutate`.
pub(super) struct Machine<'a, 'gc> {
    pub(super) mc: &'gc Mutator<'gc>,
    pub(super) state: Gc<'gc, State<'gc>>,
    pub(super) host: &'a mut Host,
    pub(super) coroutine: Gc<'gc, Coroutine<'gc>>,
    /// The stack of the coroutine, open for writing.
    slots: &'gc Write<[Lock<Value<'gc>>]>,
    frames: &'gc Write<[Frame<'gc>]>,
    /// How many frames there are.
    depth: usize,
    /// The end of the values that the last open call or `...` left.
    top: usize,
    /// Slots from here on are nil.
    high: usize,
    /// Frames from here on hold nothing.
    deepest: usize,
    /// Set when the machine is to leave.
    exit: Option<Exit>,
    /// The library function that runs.
    running: &'static str,
}

impl<'a, 'gc> Machine<'a, 'gc> {
    /// Takes up what the last machine left.
    pub(super) fn enter(mc: &'gc Mutator<'gc>, state: Gc<'gc, State<'gc>>, host: &'a mut Host) -> Self {
        let coroutine = state.current.get();
        let slots = Gc::write(mc, coroutine.stack.get());
        let frames = Gc::write(mc, coroutine.frames.get());
        let (depth, top) = (coroutine.depth.get(), coroutine.top.get());
        let high = coroutine.high.get();
        let mut machine = Machine {
            mc,
            state,
            host,
            coroutine,
            slots,
            frames,
            depth,
            top,
            high,
            deepest: depth,
            exit: None,
            running: "?",
        };
        // What runs writes its registers without saying so.
        machine.high = high.max(machine.used());
        machine
    }

    /// Makes the frame of a function, for the next machine to run.
    pub(super) fn begin(mut self, function: Value<'gc>, arguments: &[Value<'gc>]) -> Result<(), AllocError> {
        debug_assert_eq!(self.depth, 0, "nothing is running");
        self.top = 0;
        self.state.finalizing.set(false);
        self.set_slot(0, function);
        for (index, argument) in arguments.iter().enumerate() {
            self.set_slot(1 + index, *argument);
        }
        let begun = self.call(0, arguments.len(), call::Deliver::Results(code::OPEN));
        self.leave(true);
        match begun {
            Err(Error::Full(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs the script until something is to be done outside.
    pub(super) fn run(mut self) -> Exit {
        let exit = match self.start_finalizers() {
            Some(exit) => exit,
            None => self.execute(),
        };
        self.leave(matches!(exit, Exit::Full(_)));
        exit
    }

    /// Puts back what the next machine needs, and drops what is above the top of the stack: it would be kept alive.
    /// An instruction that is to be repeated needs all of its registers.
    fn leave(&mut self, repeats: bool) {
        let limit = if repeats { self.used() } else { self.alive() };
        for slot in limit..self.high {
            self.slots[slot].set(Value::Nil);
        }
        for frame in self.depth..self.deepest {
            self.frames[frame].project(|frame| &frame.closure).set(None);
        }
        self.deepest = self.depth;
        self.coroutine.depth.set(self.depth);
        self.coroutine.top.set(self.top);
        self.coroutine.high.set(limit);
        self.high = limit;
    }

    // ---- slots ----

    #[inline]
    pub(super) fn slot(&self, index: usize) -> Value<'gc> {
        self.slots[index].get()
    }

    #[inline]
    pub(super) fn set_slot(&mut self, index: usize, value: Value<'gc>) {
        self.slots[index].set(value);
        self.high = self.high.max(index + 1);
    }

    // ---- what library functions use ----

    /// The name of the library function that runs.
    pub(super) fn running(&self) -> &'static str {
        self.running
    }

    /// An argument; nil, if it is not there.
    #[inline]
    pub(super) fn argument(&self, arguments: Arguments, index: usize) -> Value<'gc> {
        if index < arguments.count { self.slot(arguments.first + index) } else { Value::Nil }
    }

    /// The only result of a library function.
    #[inline]
    pub(super) fn answer(&mut self, arguments: Arguments, value: Value<'gc>) -> Outcome<'gc> {
        self.set_slot(arguments.first - 1, value);
        Ok(Flow::Return(1))
    }

    /// The results of a library function.
    pub(super) fn answers(&mut self, arguments: Arguments, values: &[Value<'gc>]) -> Outcome<'gc> {
        self.ensure(arguments.first + values.len())?;
        for (index, value) in values.iter().enumerate() {
            self.set_slot(arguments.first - 1 + index, *value);
        }
        Ok(Flow::Return(values.len()))
    }

    pub(super) fn text(&self, bytes: &[u8]) -> Result<Value<'gc>, Error<'gc>> {
        Ok(Value::Text(Text::new(self.mc, bytes)?))
    }

    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), Error<'gc>> {
        self.host.output.write_all(bytes).map_err(|error| {
            self.host.output_error = Some(error);
            Error::Stop
        })
    }

    /// Collections are of the heap's kind, and so is what waits for a finalizer: last come first served, as the language wants it.
    fn take_dead(&self) -> Result<(), AllocError> {
        let state = self.state;
        let waiting = state.finalizers.len(self.mc);
        if waiting == 0 {
            return Ok(());
        }
        state.doomed.try_reserve(self.mc, waiting)?;
        // One that was finalized when the script ended may be found dead afterwards.
        let found = std::iter::from_fn(|| state.finalizers.next(self.mc));
        let mut dead: Vec<_> = found.filter(|table| table.finalizer().get() != 0).collect();
        dead.sort_by_key(|table| table.finalizer().get());
        for table in dead {
            state.doomed.push(self.mc, table);
        }
        Ok(())
    }

    /// Calls the finalizers of what was found dead, before the script goes on. One after the other: while a finalizer runs, none
    /// begins.
    fn start_finalizers(&mut self) -> Option<Exit> {
        if self.state.finalizing.get() || self.take_dead().is_err() || List::is_empty(self.state.doomed) {
            return None;
        }
        match self.next_finalizer() {
            Ok(()) => self.exit.take(),
            Err(error) => self.recover(error),
        }
    }
}
