//! Calls: how a frame is made, and how results get to whoever wants them.
//!
//! Besides frames of the script's functions there are frames that only mark a place: below them the script goes on in a
//! special way when the call above them returns, or fails. That is all that the machine has in place of recursion.

use heap_core::{Gc, store};

use super::coroutine::{Coroutine, Status, grown_frames, grown_stack};
use super::{Arguments, Error, Event, Exit, Flow, Machine, WINDOW};
use crate::interpreter::code::{Instruction, OPEN, Register};
use crate::interpreter::value::{Closure, Value};

/// Slots that a library function finds behind its arguments.
const SPARE: usize = 16;
/// Coroutines that may run in each other, as many as under PUC's implementation.
const NESTING: u32 = 195;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function of the script.
    Script,
    /// `pcall`: errors of what is above are results.
    Protected,
    /// `xpcall`: as well, and its function's slot has the handler.
    Handled,
    /// A handler runs, for the error that goes to the frame with this number.
    Handler(u32),
    /// A finalizer runs, wherever the script was; then, the top of the stack is this again.
    Finalizer(u32),
}

/// What becomes of the results of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deliver {
    /// They stay where the function was: as many as an instruction says.
    Results(u8),
    /// The first goes into a register.
    Register(Register),
    /// Whether the first is true decides a jump.
    Branch {
        expected: bool,
        offset: i16,
    },
    /// The first is the right operand of what is left of a concatenation.
    Concatenate,
    Discard,
}

impl<'gc> Machine<'_, 'gc> {
    /// Makes sure that the stack has so many slots, and a window behind them.
    pub(in crate::interpreter) fn ensure(&mut self, slots: usize) -> Result<(), Error<'gc>> {
        if slots + WINDOW <= self.slots.len() { Ok(()) } else { self.grow(slots + WINDOW) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, len: usize) -> Result<(), Error<'gc>> {
        if len > self.host.stack_limit {
            return Err(Error::text("stack overflow"));
        }
        let len = len.max(2 * self.slots.len()).min(self.host.stack_limit);
        let stack = grown_stack(self.mc, self.slots, len)?;
        store!(self.mc, (self.coroutine).stack, stack);
        self.slots = Gc::write(self.mc, stack);
        Ok(())
    }

    /// The end of what the script still needs of the stack.
    pub(super) fn used(&self) -> usize {
        let Some(frame) = self.depth.checked_sub(1).map(|top| &self.frames[top]) else { return self.top };
        match frame.closure.get() {
            Some(closure) if frame.kind.get() == Kind::Script => {
                self.top.max(frame.base.get() as usize + usize::from(closure.header.prototype.registers))
            }
            _ => self.top.max(frame.function.get() as usize + 1),
        }
    }

    /// The end of what is alive of the stack, where the machine leaves between two instructions: registers above that hold
    /// values from before, which nobody can see and nobody shall keep.
    pub(super) fn alive(&self) -> usize {
        let Some(frame) = self.depth.checked_sub(1).map(|top| &self.frames[top]) else { return self.top };
        let Some(closure) = frame.closure.get() else { return self.used() };
        let prototype = Gc::as_ref(closure.header.prototype);
        let pc = frame.pc.get() as usize;
        let registers = match pc.checked_sub(1).map(|last| prototype.code[last]) {
            None => prototype.parameters,
            Some(Instruction::Call { function, results, .. }) => function + results.max(1) - 1,
            Some(Instruction::Loop { alive, .. }) => alive,
            Some(Instruction::ForLoop { base, .. }) => base + 4,
            _ => prototype.registers,
        };
        self.top.max(frame.base.get() as usize + usize::from(registers))
    }

    /// Adds a frame.
    #[inline]
    fn push(
        &mut self,
        closure: Option<Gc<'gc, Closure<'gc>>>,
        kind: Kind,
        function: usize,
        deliver: Deliver,
    ) -> Result<usize, Error<'gc>> {
        if self.depth == self.frames.len() {
            let frames = grown_frames(self.mc, self.frames)?;
            store!(self.mc, (self.coroutine).frames, frames);
            self.frames = Gc::write(self.mc, frames);
        }
        let index = self.depth;
        let frame = &self.frames[index];
        frame.project(|frame| &frame.closure).set(closure);
        frame.kind.set(kind);
        frame.deliver.set(deliver);
        frame.function.set(function as u32);
        frame.joined.set(0);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(index)
    }

    /// Makes the frame of a function of the script. Nothing has changed when it fails.
    #[inline]
    pub(super) fn call_closure(
        &mut self,
        closure: Gc<'gc, Closure<'gc>>,
        function: usize,
        count: usize,
        deliver: Deliver,
    ) -> Result<(), Error<'gc>> {
        let prototype = Gc::as_ref(Gc::as_ref(closure).header.prototype);
        let parameters = usize::from(prototype.parameters);
        let first = function + 1;
        let base = if prototype.variadic { first + count.max(parameters) } else { first };
        self.ensure(base)?;
        let index = self.push(Some(closure), Kind::Script, function, deliver)?;
        for missing in count..parameters {
            self.slots[first + missing].set(Value::Nil);
        }
        let mut extra = 0;
        if prototype.variadic {
            for parameter in 0..parameters {
                self.slots[base + parameter].set(self.slots[first + parameter].get());
            }
            extra = count.saturating_sub(parameters);
        }
        self.high = self.high.max(base + usize::from(prototype.registers));
        let frame = &self.frames[index];
        frame.base.set(base as u32);
        frame.pc.set(0);
        frame.extra.set(extra as u32);
        Ok(())
    }

    /// Calls what is in a slot, with as many arguments behind it. Afterwards there is another frame, or the results are where
    /// they belong.
    pub(super) fn call(&mut self, function: usize, count: usize, deliver: Deliver) -> Result<(), Error<'gc>> {
        let mut handled = Vec::new();
        let called = self.call_handling(function, count, deliver, &mut handled);
        if let Err(Error::Full(_)) = called {
            // The instruction is executed again: it finds what it found.
            for (function, count) in handled.into_iter().rev() {
                (function..=function + count).for_each(|slot| self.set_slot(slot, self.slot(slot + 1)));
            }
        }
        called
    }

    /// The same; says in front of which slots and how many arguments it put the handler of a call.
    fn call_handling(
        &mut self,
        mut function: usize,
        mut count: usize,
        mut deliver: Deliver,
        handled: &mut Vec<(usize, usize)>,
    ) -> Result<(), Error<'gc>> {
        loop {
            let native = match self.slot(function) {
                Value::Function(closure) => return self.call_closure(closure, function, count, deliver),
                Value::Native(native) => native,
                other => {
                    let handler = self.metamethod(other, Event::Call);
                    if handler.is_nil() {
                        return Err(self.cannot("call", other));
                    }
                    self.ensure(function + count + 2)?;
                    for slot in (function..=function + count).rev() {
                        self.set_slot(slot + 1, self.slot(slot));
                    }
                    self.set_slot(function, handler);
                    handled.push((function, count));
                    count += 1;
                    continue;
                }
            };
            self.ensure(function + count + SPARE)?;
            self.running = native.0.name;
            let arguments = Arguments { first: function + 1, count };
            match (native.0.run)(self, arguments)? {
                Flow::Return(results) => return self.deliver(function, results, deliver),
                Flow::Call(arguments) => count = arguments,
                flow @ (Flow::Protect | Flow::ProtectWith) => {
                    let kind = if matches!(flow, Flow::Protect) { Kind::Protected } else { Kind::Handled };
                    self.push(None, kind, function, deliver)?;
                    function += 1;
                    count -= if kind == Kind::Protected { 1 } else { 2 };
                    deliver = Deliver::Results(OPEN);
                }
                Flow::Resume { coroutine, first, count, wrapped } => {
                    self.coroutine.waiting.set((function, deliver));
                    return self.resume(coroutine, first, count, wrapped);
                }
                Flow::Yield => {
                    self.coroutine.waiting.set((function, deliver));
                    return self.suspend(arguments);
                }
                Flow::Leave(exit) => {
                    self.exit = Some(exit);
                    return self.deliver(function, 1, deliver);
                }
            }
        }
    }

    /// Calls a metamethod above everything that the frame needs.
    pub(super) fn call_metamethod(
        &mut self,
        handler: Value<'gc>,
        operands: &[Value<'gc>],
        deliver: Deliver,
    ) -> Result<(), Error<'gc>> {
        let function = self.used();
        self.ensure(function + 1 + operands.len())?;
        self.set_slot(function, handler);
        for (index, operand) in operands.iter().enumerate() {
            self.set_slot(function + 1 + index, *operand);
        }
        self.call(function, operands.len(), deliver)
    }

    /// Hands results on that stand from a slot on, to the frame that is the last now.
    pub(super) fn deliver(
        &mut self,
        mut function: usize,
        mut count: usize,
        mut deliver: Deliver,
    ) -> Result<(), Error<'gc>> {
        loop {
            let Some(frame) = self.depth.checked_sub(1).map(|top| &self.frames[top]) else {
                // The coroutine has ended.
                match self.end_coroutine(function, count)? {
                    Some(next) => (function, count, deliver) = next,
                    None => return Ok(()),
                }
                continue;
            };
            match frame.kind.get() {
                Kind::Script => return self.deliver_to_script(function, count, deliver),
                Kind::Protected | Kind::Handled => {
                    self.depth -= 1;
                    function = frame.function.get() as usize;
                    deliver = frame.deliver.get();
                    self.set_slot(function, Value::Boolean(true));
                    count += 1;
                }
                Kind::Handler(target) => {
                    let error = if count > 0 { self.slot(function) } else { Value::Nil };
                    (function, count, deliver) = self.fail_protected(target as usize, error);
                }
                Kind::Finalizer(top) => {
                    self.depth -= 1;
                    self.top = top as usize;
                    return self.next_finalizer();
                }
            }
        }
    }

    #[inline]
    fn deliver_to_script(&mut self, function: usize, count: usize, deliver: Deliver) -> Result<(), Error<'gc>> {
        let frame = &self.frames[self.depth - 1];
        match deliver {
            Deliver::Results(OPEN) => {
                self.top = function + count;
                self.high = self.high.max(self.top);
            }
            Deliver::Results(wanted) => {
                for missing in count..usize::from(wanted) - 1 {
                    self.slots[function + missing].set(Value::Nil);
                }
            }
            Deliver::Discard => {}
            _ => {
                let value = if count > 0 { self.slot(function) } else { Value::Nil };
                match deliver {
                    Deliver::Register(to) => self.slots[frame.base.get() as usize + usize::from(to)].set(value),
                    Deliver::Branch { expected, offset } if value.is_truthy() == expected => {
                        frame.pc.set(frame.pc.get().wrapping_add_signed(i32::from(offset)));
                    }
                    Deliver::Concatenate => return self.go_on_concatenating(value),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Returns values that stand from a slot on, out of the last frame.
    #[inline]
    pub(super) fn return_values(&mut self, first: usize, count: usize) -> Result<(), Error<'gc>> {
        let frame = &self.frames[self.depth - 1];
        let function = frame.function.get() as usize;
        for index in 0..count {
            self.slots[function + index].set(self.slots[first + index].get());
        }
        self.depth -= 1;
        // Nearly all returns are to a function of the script that wants some results here.
        if let (Some(caller), Deliver::Results(wanted)) = (self.depth.checked_sub(1), frame.deliver.get())
            && wanted != OPEN
            && self.frames[caller].kind.get() == Kind::Script
        {
            for missing in count..usize::from(wanted) - 1 {
                self.slots[function + missing].set(Value::Nil);
            }
            return Ok(());
        }
        self.deliver(function, count, frame.deliver.get())
    }

    /// Calls a function in place of the one that runs.
    pub(super) fn tail_call(&mut self, first: usize, count: usize) -> Result<(), Error<'gc>> {
        let frame = &self.frames[self.depth - 1];
        if !matches!(self.slot(first), Value::Function(_)) {
            // Library functions and others are called, and what they give is returned.
            return self.call(first, count, Deliver::Results(OPEN));
        }
        let (function, deliver) = (frame.function.get() as usize, frame.deliver.get());
        let Value::Function(closure) = self.slot(first) else { return Ok(()) };
        // What can fail, before anything changes.
        self.ensure(function + 2 * (count + 1) + usize::from(closure.header.prototype.parameters))?;
        for index in 0..=count {
            self.slots[function + index].set(self.slots[first + index].get());
        }
        self.depth -= 1;
        self.call_closure(closure, function, count, deliver)
    }

    // ---- coroutines ----

    /// Changes to another coroutine.
    pub(super) fn switch(&mut self, to: Gc<'gc, Coroutine<'gc>>) {
        self.leave(false);
        store!(self.mc, (self.state).current, to);
        self.coroutine = to;
        self.slots = Gc::write(self.mc, to.stack.get());
        self.frames = Gc::write(self.mc, to.frames.get());
        self.depth = to.depth.get();
        self.deepest = self.depth;
        self.top = to.top.get();
        self.high = self.used().max(to.high.get());
    }

    /// Lets a coroutine go on that was checked to be suspended.
    fn resume(
        &mut self,
        coroutine: Gc<'gc, Coroutine<'gc>>,
        first: usize,
        count: usize,
        wrapped: bool,
    ) -> Result<(), Error<'gc>> {
        let resumer = self.coroutine;
        let values: Vec<_> = (first..first + count).map(|slot| self.slot(slot)).collect();
        let begins = coroutine.depth.get() == 0 && coroutine.waiting.get().1 == Deliver::Discard;
        let (function, deliver) = coroutine.waiting.get();
        // What can fail, before anything changes.
        let nesting = resumer.nesting.get() + 1;
        if nesting > NESTING {
            return Err(Error::text("C stack overflow"));
        }
        self.make_room(coroutine, function + 1 + count)?;
        coroutine.nesting.set(nesting);
        store!(self.mc, coroutine.resumer, Some(resumer));
        resumer.status.set(Status::Normal);
        coroutine.status.set(Status::Running);
        coroutine.wrapped.set(wrapped);
        self.switch(coroutine);
        let place = if begins { 1 } else { function };
        for (index, value) in values.into_iter().enumerate() {
            self.set_slot(place + index, value);
        }
        if begins {
            // From here on errors are those of the coroutine.
            self.call(0, count, Deliver::Results(OPEN))
        } else {
            self.deliver(function, count, deliver)
        }
    }

    /// Gives values to the coroutine that resumed this one.
    fn suspend(&mut self, arguments: Arguments) -> Result<(), Error<'gc>> {
        let Some(resumer) = self.coroutine.resumer.get() else {
            return Err(Error::text("attempt to yield from outside a coroutine"));
        };
        let yielded = self.coroutine;
        let finalizes = |depth: usize| matches!(self.frames[depth].kind.get(), Kind::Finalizer(_));
        if self.state.finalizing.get() && (0..self.depth).any(finalizes) {
            return Err(Error::text("attempt to yield across a C-call boundary"));
        }
        self.make_room(resumer, resumer.waiting.get().0 + 1 + arguments.count)?;
        let values: Vec<_> = (0..arguments.count).map(|index| self.argument(arguments, index)).collect();
        yielded.status.set(Status::Suspended);
        let (function, count, deliver) = self.give_back(yielded, resumer, true, values);
        self.deliver(function, count, deliver)
    }

    /// The coroutine has returned values from a slot on. `None`, if it was the main program.
    fn end_coroutine(&mut self, function: usize, count: usize) -> Result<Option<(usize, usize, Deliver)>, Error<'gc>> {
        let ended = self.coroutine;
        let Some(resumer) = ended.resumer.get() else {
            self.exit = Some(Exit::Finished);
            self.top = 0;
            return Ok(None);
        };
        self.make_room(resumer, resumer.waiting.get().0 + 1 + count)?;
        ended.status.set(Status::Dead);
        let values: Vec<_> = (function..function + count).map(|slot| self.slot(slot)).collect();
        self.top = 0;
        Ok(Some(self.give_back(ended, resumer, true, values)))
    }

    /// Makes sure that the stack of another coroutine has so many slots.
    fn make_room(&mut self, coroutine: Gc<'gc, Coroutine<'gc>>, slots: usize) -> Result<(), Error<'gc>> {
        let wanted = slots + SPARE + WINDOW;
        let stack = coroutine.stack.get();
        if stack.len() < wanted {
            if wanted > self.host.stack_limit {
                return Err(Error::text("stack overflow"));
            }
            let stack = grown_stack(self.mc, &stack, wanted.max(2 * stack.len()).min(self.host.stack_limit))?;
            store!(self.mc, coroutine.stack, stack);
        }
        Ok(())
    }

    /// Changes to the resumer, whose stack has room, and puts values where its call of `resume` was: what is to be delivered
    /// there.
    pub(super) fn give_back(
        &mut self,
        from: Gc<'gc, Coroutine<'gc>>,
        resumer: Gc<'gc, Coroutine<'gc>>,
        success: bool,
        values: Vec<Value<'gc>>,
    ) -> (usize, usize, Deliver) {
        store!(self.mc, from.resumer, None);
        self.switch(resumer);
        resumer.status.set(Status::Running);
        let (function, deliver) = resumer.waiting.get();
        let status = if from.wrapped.get() { None } else { Some(Value::Boolean(success)) };
        let mut count = 0;
        for value in status.into_iter().chain(values) {
            self.set_slot(function + count, value);
            count += 1;
        }
        (function, count, deliver)
    }

    /// Marks that an error handler runs, for the protected call in that frame.
    pub(super) fn mark_handler(&mut self, function: usize, target: usize) -> Result<(), Error<'gc>> {
        self.push(None, Kind::Handler(target as u32), function, Deliver::Discard).map(drop)
    }

    // ---- finalizers ----

    /// Calls the finalizer of what was found dead last. Afterwards the script goes on where it was. Without memory for the call,
    /// it is for the next machine to try.
    pub(super) fn next_finalizer(&mut self) -> Result<(), Error<'gc>> {
        let mut ended = Exit::Finished;
        while let Some(table) = self.state.doomed.last() {
            let handler = self.metamethod(Value::Table(table), Event::Finalize);
            let function = self.used();
            if !handler.is_nil() {
                if let Err(error) = self.push_finalizer(function) {
                    if let Error::Full(full) = error
                        && !self.host.refuse
                    {
                        ended = Exit::Full(full);
                    }
                    break;
                }
                self.state.finalizing.set(true);
            }
            self.state.doomed.pop(self.mc);
            table.finalizer().set(0);
            if !handler.is_nil() {
                self.set_slot(function, handler);
                self.set_slot(function + 1, Value::Table(table));
                self.top = function + 2;
                return self.call(function, 1, Deliver::Discard);
            }
        }
        self.state.finalizing.set(false);
        if self.depth == 0 {
            self.exit = Some(ended);
        }
        Ok(())
    }

    fn push_finalizer(&mut self, function: usize) -> Result<(), Error<'gc>> {
        self.ensure(function + 2)?;
        let index = self.push(None, Kind::Finalizer(self.top as u32), function, Deliver::Discard)?;
        self.frames[index].base.set(function as u32);
        Ok(())
    }

    /// What the last frame executes.
    pub(super) fn current_instruction(&self) -> Option<Instruction> {
        let frame = &self.frames[self.depth.checked_sub(1)?];
        if frame.kind.get() != Kind::Script {
            return None;
        }
        let code = Gc::as_ref(frame.closure.get()?.header.prototype).code;
        code.get((frame.pc.get() as usize).checked_sub(1)?).copied()
    }
}
