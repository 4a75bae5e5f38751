//! The loop that executes instructions.
//!
//! One `match`, with the state of the current frame in local variables: the code, the constants, a window of 256 registers as
//! an array (so that no operand needs a check), and the next instruction. Whatever may call a function, fail, or exchange the
//! stack first notes in the frame where it is; afterwards the loop begins anew with the frame that is the last then.

use heap_core::{Gc, Lock, Write};

use super::call::Deliver;
use super::operate::calculate;
use super::{Exit, Machine, WINDOW};
use crate::interpreter::code::{Arithmetic, Capture, Instruction as I, OPEN};
use crate::interpreter::number::Number;
use crate::interpreter::table::Table;
use crate::interpreter::value::{Closure, ClosureHeader, Native, Value};

type Window<'gc> = Write<[Lock<Value<'gc>>; WINDOW]>;

impl<'gc> Machine<'_, 'gc> {
    fn window(&self, base: usize) -> &'gc Window<'gc> {
        let slots: &'gc Write<[Lock<Value<'gc>>]> = self.slots;
        slots.project(|slots| slots[base..base + WINDOW].try_into().expect("so many slots were asked for"))
    }

    /// Executes instructions until the machine must leave.
    pub(super) fn execute(&mut self) -> Exit {
        'frame: loop {
            if let Some(exit) = self.exit.take() {
                return exit;
            }
            let Some(top) = self.depth.checked_sub(1) else { return Exit::Finished };
            let frame = &self.frames[top];
            let Some(closure) = frame.closure.get() else { return Exit::Finished };
            let closure: &'gc Closure<'gc> = Gc::as_ref(closure);
            let prototype = Gc::as_ref(closure.header.prototype);
            let code: &'gc [I] = Gc::as_ref(prototype.code);
            let constants: &'gc [Value<'gc>] = Gc::as_ref(prototype.constants);
            let base = frame.base.get() as usize;
            let registers = self.window(base);
            let mut pc = frame.pc.get() as usize;

            macro_rules! get {
                ($register:expr) => {
                    registers[usize::from($register)].get()
                };
            }
            macro_rules! set {
                ($register:expr, $value:expr) => {
                    registers[usize::from($register)].set($value)
                };
            }
            macro_rules! constant {
                ($number:expr) => {
                    constants[usize::from($number)]
                };
            }
            macro_rules! jump {
                ($offset:expr) => {
                    pc = pc.wrapping_add_signed($offset as isize)
                };
            }
            // Something that may fail or call.
            macro_rules! attempt {
                ($work:expr) => {{
                    frame.pc.set(pc as u32);
                    match $work {
                        Ok(result) => result,
                        Err(error) => match self.recover(error) {
                            Some(exit) => return exit,
                            None => continue 'frame,
                        },
                    }
                }};
            }
            // An operation whose result may come later, from a metamethod.
            macro_rules! finish {
                ($to:expr, $work:expr) => {
                    match attempt!($work) {
                        Some(value) => set!($to, value),
                        None => continue 'frame,
                    }
                };
            }
            macro_rules! arithmetic {
                ($operation:ident, $to:expr, $left:expr, $right:expr, $integers:expr, $floats:expr) => {{
                    let (left, right) = ($left, $right);
                    match (left, right) {
                        (Value::Integer(a), Value::Integer(b)) => set!($to, Value::Integer($integers(a, b))),
                        (Value::Float(a), Value::Float(b)) => set!($to, Value::Float($floats(a, b))),
                        (Value::Integer(a), Value::Float(b)) => set!($to, Value::Float($floats(a as f64, b))),
                        (Value::Float(a), Value::Integer(b)) => set!($to, Value::Float($floats(a, b as f64))),
                        _ => finish!($to, self.arithmetic(Arithmetic::$operation, left, right, $to)),
                    }
                }};
            }
            macro_rules! any_arithmetic {
                ($operation:expr, $to:expr, $left:expr, $right:expr) => {{
                    let (left, right) = ($left, $right);
                    let number = |value| match value {
                        Value::Integer(integer) => Some(Number::Integer(integer)),
                        Value::Float(float) => Some(Number::Float(float)),
                        _ => None,
                    };
                    match (number(left), number(right)) {
                        (Some(a), Some(b)) if let Ok(Some(result)) = calculate($operation, a, b) => {
                            set!($to, result.into());
                        }
                        _ => finish!($to, self.arithmetic($operation, left, right, $to)),
                    }
                }};
            }
            macro_rules! branch {
                ($condition:expr, $expected:expr, $offset:expr) => {
                    if $condition == $expected {
                        jump!($offset);
                    }
                };
            }
            macro_rules! safepoint {
                () => {
                    if self.mc.should_yield() {
                        frame.pc.set(pc as u32);
                        return Exit::Due;
                    }
                };
            }

            loop {
                let instruction = code[pc];
                pc += 1;
                match instruction {
                    I::Move { to, from } => set!(to, get!(from)),
                    I::LoadNil { first, count } => {
                        for register in first..first + count {
                            set!(register, Value::Nil);
                        }
                    }
                    I::LoadBoolean { to, value } => set!(to, Value::Boolean(value)),
                    I::LoadInteger { to, value } => set!(to, Value::Integer(i64::from(value))),
                    I::LoadConstant { to, constant } => set!(to, constant!(constant)),
                    I::NewCell { at } => {
                        let variable = attempt!(Gc::try_new(self.mc, Lock::new(get!(at))).map_err(Into::into));
                        set!(at, Value::Cell(variable));
                    }
                    I::GetCell { to, cell } => {
                        if let Value::Cell(variable) = get!(cell) {
                            set!(to, variable.get());
                        }
                    }
                    I::SetCell { cell, from } => {
                        if let Value::Cell(variable) = get!(cell) {
                            variable.set(self.mc, get!(from));
                        }
                    }
                    I::GetUpvalue { to, index } => set!(to, closure.slice[usize::from(index)].get()),
                    I::SetUpvalue { index, from } => closure.slice[usize::from(index)].set(self.mc, get!(from)),
                    I::GetGlobal { to, name } => {
                        if let Value::Text(text) = constant!(name) {
                            let value = self.state.globals.get_text(self.mc, text);
                            if value.is_nil() && self.state.globals.metatable().is_some() {
                                finish!(to, self.index(Value::Table(self.state.globals), Value::Text(text), to));
                            } else {
                                set!(to, value);
                            }
                        }
                    }
                    I::SetGlobal { name, from } => {
                        let globals = Value::Table(self.state.globals);
                        attempt!(self.set_index(globals, constant!(name), get!(from)));
                        if self.depth != top + 1 {
                            continue 'frame;
                        }
                    }
                    I::GetField { to, table, name } => {
                        let object = get!(table);
                        if let (Value::Table(table), Value::Text(text)) = (object, constant!(name)) {
                            let value = table.get_text(self.mc, text);
                            if !value.is_nil() {
                                set!(to, value);
                                continue;
                            }
                        }
                        finish!(to, self.index(object, constant!(name), to));
                    }
                    I::SetField { table, name, from } => {
                        let object = get!(table);
                        if let (Value::Table(table), Value::Text(text)) = (object, constant!(name))
                            && table.metatable().is_none()
                        {
                            attempt!(Table::set_text(table, self.mc, text, get!(from)).map_err(Into::into));
                            continue;
                        }
                        attempt!(self.set_index(object, constant!(name), get!(from)));
                        continue 'frame;
                    }
                    I::GetIndex { to, table, key } => {
                        let (object, key) = (get!(table), get!(key));
                        if let Value::Table(table) = object {
                            let value = table.get(self.mc, key);
                            if !value.is_nil() {
                                set!(to, value);
                                continue;
                            }
                        }
                        finish!(to, self.index(object, key, to));
                    }
                    I::SetIndex { table, key, from } => {
                        let object = get!(table);
                        if let Value::Table(table) = object
                            && table.metatable().is_none()
                        {
                            attempt!(Table::set(table, self.mc, get!(key), get!(from)).map_err(Into::into));
                            continue;
                        }
                        attempt!(self.set_index(object, get!(key), get!(from)));
                        continue 'frame;
                    }
                    I::GetMethod { to, object, name } => {
                        let value = get!(object);
                        set!(to + 1, value);
                        finish!(to, self.index(value, constant!(name), to));
                    }
                    I::NewTable { to, array, fields } => {
                        let table = attempt!(
                            Table::with_room(self.mc, usize::from(array), usize::from(fields)).map_err(Into::into)
                        );
                        set!(to, Value::Table(table));
                    }
                    I::SetElements { table, count, first } => {
                        let Value::Table(object) = get!(table) else { continue };
                        let from = base + usize::from(table) + 1;
                        let count = if count == OPEN { self.top - from } else { usize::from(count) - 1 };
                        for index in 0..count {
                            let key = i64::from(first) + index as i64;
                            attempt!(
                                Table::set_integer(object, self.mc, key, self.slot(from + index)).map_err(Into::into)
                            );
                        }
                        self.top = 0;
                    }
                    I::Add { to, left, right } => {
                        arithmetic!(Add, to, get!(left), get!(right), i64::wrapping_add, |a: f64, b: f64| a + b);
                    }
                    I::Subtract { to, left, right } => {
                        arithmetic!(Subtract, to, get!(left), get!(right), i64::wrapping_sub, |a: f64, b: f64| a - b);
                    }
                    I::Multiply { to, left, right } => {
                        arithmetic!(Multiply, to, get!(left), get!(right), i64::wrapping_mul, |a: f64, b: f64| a * b);
                    }
                    I::AddConstant { to, left, constant } => {
                        arithmetic!(Add, to, get!(left), constant!(constant), i64::wrapping_add, |a: f64, b: f64| a
                            + b);
                    }
                    I::SubtractConstant { to, left, constant } => {
                        arithmetic!(
                            Subtract,
                            to,
                            get!(left),
                            constant!(constant),
                            i64::wrapping_sub,
                            |a: f64, b: f64| a - b
                        );
                    }
                    I::Arithmetic { operation, to, left, right } => {
                        any_arithmetic!(operation, to, get!(left), get!(right))
                    }
                    I::ArithmeticConstant { operation, to, left, constant } => {
                        any_arithmetic!(operation, to, get!(left), constant!(constant));
                    }
                    I::Negate { to, from } => finish!(to, self.negate(get!(from), to)),
                    I::BitNot { to, from } => finish!(to, self.bit_not(get!(from), to)),
                    I::Not { to, from } => set!(to, Value::Boolean(!get!(from).is_truthy())),
                    I::Length { to, from } => finish!(to, self.length(get!(from), to)),
                    I::Concatenate { to, first, count } => {
                        if !attempt!(self.concatenate(first, count)) {
                            continue 'frame;
                        }
                        set!(to, get!(first));
                    }
                    I::Jump { offset } => jump!(offset),
                    I::Loop { offset, .. } => {
                        jump!(offset);
                        safepoint!();
                    }
                    I::JumpIf { condition, expected, offset } => branch!(get!(condition).is_truthy(), expected, offset),
                    I::JumpWith { to, condition, expected, offset } => {
                        let value = get!(condition);
                        if value.is_truthy() == expected {
                            set!(to, value);
                            jump!(offset);
                        }
                    }
                    I::JumpIfEqual { left, right, expected, offset } => {
                        match attempt!(self.equal(get!(left), get!(right), expected, offset)) {
                            Some(equal) => branch!(equal, expected, offset),
                            None => continue 'frame,
                        }
                    }
                    I::JumpIfEqualConstant { left, expected, constant, offset } => {
                        branch!(get!(left).raw_equal(constant!(constant)), expected, offset);
                    }
                    I::JumpIfLess { left, right, expected, offset } => {
                        let (left, right) = (get!(left), get!(right));
                        let less = match (left, right) {
                            (Value::Integer(a), Value::Integer(b)) => a < b,
                            (Value::Float(a), Value::Float(b)) => a < b,
                            _ => match attempt!(self.less(left, right, false, (expected, offset))) {
                                Some(less) => less,
                                None => continue 'frame,
                            },
                        };
                        branch!(less, expected, offset);
                    }
                    I::JumpIfLessEqual { left, right, expected, offset } => {
                        let (left, right) = (get!(left), get!(right));
                        let less = match (left, right) {
                            (Value::Integer(a), Value::Integer(b)) => a <= b,
                            (Value::Float(a), Value::Float(b)) => a <= b,
                            _ => match attempt!(self.less(left, right, true, (expected, offset))) {
                                Some(less) => less,
                                None => continue 'frame,
                            },
                        };
                        branch!(less, expected, offset);
                    }
                    I::Call { function, arguments, results } => {
                        let place = base + usize::from(function);
                        let top_of_arguments = self.top;
                        let count =
                            if arguments == OPEN { top_of_arguments - place - 1 } else { usize::from(arguments) - 1 };
                        self.top = 0;
                        frame.pc.set(pc as u32);
                        let called = match get!(function) {
                            Value::Function(closure) => {
                                self.call_closure(closure, place, count, Deliver::Results(results))
                            }
                            _ => self.call(place, count, Deliver::Results(results)),
                        };
                        if let Err(error) = called {
                            self.top = top_of_arguments;
                            match self.recover(error) {
                                Some(exit) => return exit,
                                None => continue 'frame,
                            }
                        }
                        if self.mc.should_yield() && self.exit.is_none() {
                            return Exit::Due;
                        }
                        continue 'frame;
                    }
                    I::TailCall { function, arguments } => {
                        let place = base + usize::from(function);
                        let top_of_arguments = self.top;
                        let count =
                            if arguments == OPEN { top_of_arguments - place - 1 } else { usize::from(arguments) - 1 };
                        self.top = 0;
                        frame.pc.set(pc as u32);
                        if let Err(error) = self.tail_call(place, count) {
                            self.top = top_of_arguments;
                            match self.recover(error) {
                                Some(exit) => return exit,
                                None => continue 'frame,
                            }
                        }
                        if self.mc.should_yield() && self.exit.is_none() {
                            return Exit::Due;
                        }
                        continue 'frame;
                    }
                    I::Return { first, count } => {
                        let place = base + usize::from(first);
                        let count = if count == OPEN { self.top - place } else { usize::from(count) - 1 };
                        self.top = 0;
                        attempt!(self.return_values(place, count));
                        continue 'frame;
                    }
                    I::Variadic { first, count } => {
                        let place = base + usize::from(first);
                        let extra = frame.extra.get() as usize;
                        let wanted = if count == OPEN { extra } else { usize::from(count) - 1 };
                        attempt!(self.ensure(place + wanted));
                        for index in 0..wanted {
                            let value = if index < extra { self.slot(base - extra + index) } else { Value::Nil };
                            self.set_slot(place + index, value);
                        }
                        if count == OPEN {
                            self.top = place + extra;
                        }
                        continue 'frame;
                    }
                    I::Closure { to, unit } => {
                        let inner = prototype.prototypes[usize::from(unit)];
                        let captures = Gc::as_ref(inner.captures);
                        let variable = |index: usize| match captures[index] {
                            Capture::Register(register) => match get!(register) {
                                Value::Cell(variable) => variable,
                                _ => unreachable!("what is captured is in a cell"),
                            },
                            Capture::Upvalue(index) => closure.slice[usize::from(index)],
                        };
                        let header = ClosureHeader { prototype: inner };
                        let made = attempt!(
                            Gc::try_new_header_slice(self.mc, header, captures.len(), variable).map_err(Into::into)
                        );
                        set!(to, Value::Function(made));
                    }
                    I::ForPrepare { base: first, offset } => {
                        if !attempt!(self.prepare_for(base + usize::from(first))) {
                            jump!(offset);
                        }
                    }
                    I::ForLoop { base: first, offset } => {
                        match (get!(first), get!(first + 1), get!(first + 2)) {
                            (Value::Integer(counter), Value::Integer(left), Value::Integer(step)) => {
                                if left == 0 {
                                    continue;
                                }
                                let counter = Value::Integer(counter.wrapping_add(step));
                                set!(first + 1, Value::Integer(left.wrapping_sub(1)));
                                set!(first, counter);
                                set!(first + 3, counter);
                            }
                            (Value::Float(counter), Value::Float(limit), Value::Float(step)) => {
                                let counter = counter + step;
                                if if step > 0.0 { counter > limit } else { counter < limit } || counter.is_nan() {
                                    continue;
                                }
                                set!(first, Value::Float(counter));
                                set!(first + 3, Value::Float(counter));
                            }
                            _ => unreachable!("the loop was prepared"),
                        }
                        jump!(offset);
                        safepoint!();
                    }
                    I::ForCall { base: first, results } => {
                        let place = base + usize::from(first);
                        let (iterator, object, control) = (get!(first), get!(first + 1), get!(first + 2));
                        // Nearly all loops of this kind walk over a table.
                        if let (Value::Native(Native(native)), Value::Table(table)) = (iterator, object)
                            && std::ptr::eq(native, &raw const crate::interpreter::library::NEXT)
                        {
                            let next = table.next(self.mc, control);
                            let (key, value) = attempt!(next.map_err(|_| super::Error::text("invalid key to 'next'")))
                                .unwrap_or((Value::Nil, Value::Nil));
                            set!(first + 3, key);
                            set!(first + 4, value);
                            for register in 2..results {
                                set!(first + 3 + register, Value::Nil);
                            }
                            continue;
                        }
                        set!(first + 3, iterator);
                        set!(first + 4, object);
                        set!(first + 5, control);
                        attempt!(self.call(place + 3, 2, Deliver::Results(results + 1)));
                        continue 'frame;
                    }
                    I::ForIn { base: first, offset } => {
                        let control = get!(first + 3);
                        if !control.is_nil() {
                            set!(first + 2, control);
                            jump!(offset);
                            safepoint!();
                        }
                    }
                }
            }
        }
    }
}
