//! From an error to whoever catches it: `pcall`, the function that resumed a coroutine, or nobody.

use heap_core::Gc;

use super::call::{Deliver, Kind};
use super::coroutine::Status;
use super::{Error, Exit, Machine};
use crate::interpreter::code::OPEN;
use crate::interpreter::value::{Text, Value};

/// The name under which the library's own script runs.
pub(in crate::interpreter) const PRELUDE: &str = "[library]";

/// Frames of a traceback that are shown at its beginning and at its end.
const SHOWN: usize = 11;

impl<'gc> Machine<'_, 'gc> {
    /// Goes on after an error where it is caught. Says why to leave, if that is what remains.
    #[cold]
    #[inline(never)]
    pub(super) fn recover(&mut self, error: Error<'gc>) -> Option<Exit> {
        let mut error = error;
        loop {
            if let Error::Full(full) = error
                && !self.host.refuse
                && self.go_back()
            {
                return Some(Exit::Full(full));
            }
            if matches!(error, Error::Stop) {
                return Some(Exit::Failed);
            }
            self.host.refuse = false;
            let value = self.thrown(error);
            match self.unwind(value) {
                Ok(exit) => return exit.or_else(|| self.exit.take()),
                Err(next) => error = next,
            }
        }
    }

    /// Goes back to before the instruction that failed. False when it was not one of the script.
    fn go_back(&mut self) -> bool {
        let is_script = |&depth: &usize| self.frames[depth - 1].kind.get() == Kind::Script;
        let calling = |&depth: &usize| matches!(self.frames[depth - 1].kind.get(), Kind::Protected | Kind::Handled);
        // Marks that the instruction has made already. A function of the script under one of them began its first instruction.
        let Some(depth) = (1..=self.depth).rev().take_while(|depth| is_script(depth) || calling(depth)).find(is_script)
        else {
            return false;
        };
        let frame = &self.frames[depth - 1];
        if frame.pc.get() == 0 {
            return false;
        }
        frame.pc.set(frame.pc.get() - 1);
        self.depth = depth;
        true
    }

    /// The value that a script catches.
    fn thrown(&mut self, error: Error<'gc>) -> Value<'gc> {
        let sentence = match error {
            Error::Value(value) => return value,
            Error::Text(sentence) => sentence,
            Error::Full(_) | Error::Stop => return Value::Text(self.state.out_of_memory),
        };
        let sentence = format!("{}{sentence}", self.position(1));
        Text::new(self.mc, sentence.as_bytes()).map_or(Value::Text(self.state.out_of_memory), Value::Text)
    }

    /// Where the function is that is so many levels up, as messages begin: 1 is the function of the script that runs, or that
    /// has called the library function which runs.
    pub(in crate::interpreter) fn position(&self, level: usize) -> String {
        let Some(depth) = self.depth.checked_sub(level) else { return String::new() };
        match self.line_of(depth) {
            // What the library does in the language itself is done for whoever called it.
            Some((source, _)) if source == PRELUDE => self.position(level + 1),
            Some((source, line)) => format!("{source}:{line}: "),
            None => String::new(),
        }
    }

    /// The source and the line where a frame is.
    fn line_of(&self, depth: usize) -> Option<(String, u32)> {
        let frame = &self.frames[depth];
        let closure = frame.closure.get().filter(|_| frame.kind.get() == Kind::Script)?;
        let names = &Gc::as_ref(closure.header.prototype).names;
        let line = names.lines.get((frame.pc.get() as usize).saturating_sub(1)).copied().unwrap_or(0);
        Some((names.source.to_string_lossy(), line))
    }

    /// What is running, innermost first, one line each.
    pub(in crate::interpreter) fn traceback(&self) -> Vec<String> {
        let line =
            |depth: usize| match (self.line_of(depth), self.frames[depth].closure.get(), self.frames[depth].kind.get())
            {
                (Some((source, line)), Some(closure), Kind::Script) => {
                    let name = Gc::as_ref(closure.header.prototype).names.name.to_string_lossy();
                    if name == "main chunk" {
                        format!("{source}:{line}: in main chunk")
                    } else {
                        format!("{source}:{line}: in {name}")
                    }
                }
                (_, _, Kind::Protected) => "[library]: in function 'pcall'".into(),
                (_, _, Kind::Handled) => "[library]: in function 'xpcall'".into(),
                (_, _, Kind::Handler(_)) => "[library]: in an error handler".into(),
                _ => "[library]: in a finalizer".into(),
            };
        if self.depth <= 2 * SHOWN {
            return (0..self.depth).rev().map(line).collect();
        }
        let skipped = format!("... (skipping {} levels)", self.depth - 2 * SHOWN);
        let first = (self.depth - SHOWN..self.depth).rev().map(line);
        first.chain([skipped]).chain((0..SHOWN).rev().map(line)).collect()
    }

    /// Finds who catches a value, in this coroutine or in those that resumed it.
    fn unwind(&mut self, mut value: Value<'gc>) -> Result<Option<Exit>, Error<'gc>> {
        loop {
            let caught = (0..self.depth).rev().find(|&depth| self.frames[depth].kind.get() != Kind::Script);
            let Some(depth) = caught else {
                self.host.traceback.extend(self.traceback());
                let dead = self.coroutine;
                let Some(resumer) = dead.resumer.get() else {
                    self.host.message = self.describe_error(value);
                    self.depth = 0;
                    self.top = 0;
                    return Ok(Some(Exit::Failed));
                };
                dead.status.set(Status::Dead);
                self.depth = 0;
                self.top = 0;
                let wrapped = dead.wrapped.get();
                let (function, count, deliver) = self.give_back(dead, resumer, false, vec![value]);
                if wrapped {
                    value = self.located(value);
                    continue;
                }
                self.host.traceback.clear();
                return self.deliver(function, count, deliver).map(|()| None);
            };
            self.host.traceback.clear();
            let frame = &self.frames[depth];
            match frame.kind.get() {
                Kind::Handled => {
                    // The handler runs where the error is, above everything.
                    let handler = self.slot(frame.function.get() as usize);
                    let function = self.used();
                    self.ensure(function + 2)?;
                    self.mark_handler(function, depth)?;
                    self.set_slot(function, handler);
                    self.set_slot(function + 1, value);
                    return self.call(function, 1, Deliver::Results(OPEN)).map(|()| None);
                }
                Kind::Finalizer(top) => {
                    // Nobody asked for it, and nobody is told.
                    self.depth = depth;
                    self.top = top as usize;
                    return self.next_finalizer().map(|()| None);
                }
                Kind::Handler(target) => {
                    let (function, count, deliver) = self.fail_protected(target as usize, value);
                    return self.deliver(function, count, deliver).map(|()| None);
                }
                Kind::Protected | Kind::Script => {
                    let (function, count, deliver) = self.fail_protected(depth, value);
                    return self.deliver(function, count, deliver).map(|()| None);
                }
            }
        }
    }

    /// The results of a protected call that failed, instead of its frame.
    pub(super) fn fail_protected(&mut self, depth: usize, error: Value<'gc>) -> (usize, usize, Deliver) {
        let frame = &self.frames[depth];
        self.depth = depth;
        self.top = 0;
        let function = frame.function.get() as usize;
        self.set_slot(function, Value::Boolean(false));
        self.set_slot(function + 1, error);
        (function, 2, frame.deliver.get())
    }

    /// An error of a wrapped coroutine says as well where it was resumed.
    fn located(&self, value: Value<'gc>) -> Value<'gc> {
        let Value::Text(text) = value else { return value };
        let mut bytes = self.position(1).into_bytes();
        bytes.extend_from_slice(text.bytes());
        Text::new(self.mc, &bytes).map_or(value, Value::Text)
    }

    /// An error that ends the script, in words.
    fn describe_error(&self, value: Value<'gc>) -> String {
        match value {
            Value::Text(text) => text.to_string_lossy(),
            Value::Integer(_) | Value::Float(_) => {
                String::from_utf8_lossy(&self.number_text(value).unwrap_or_default()).into_owned()
            }
            other => format!("(error object is a {} value)", other.type_name()),
        }
    }
}
