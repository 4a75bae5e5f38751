//! What messages call a value: "a nil value (local 'x')".
//!
//! Nothing is kept for it while a script runs. When something has failed, the instruction that failed says which registers
//! it looked at, and the instruction that filled such a register last says what was loaded into it.

use heap_core::Gc;

use super::{Error, Machine};
use crate::interpreter::code::Instruction as I;
use crate::interpreter::value::{Prototype, Value};

impl<'gc> Machine<'_, 'gc> {
    /// The error of something that a value is not fit for.
    #[cold]
    pub(super) fn cannot(&self, what: &str, value: Value<'gc>) -> Error<'gc> {
        Error::text(format!("attempt to {what} a {} value{}", self.type_of(value), self.describe(value)))
    }

    /// A type, or what the metatable says instead.
    pub(in crate::interpreter) fn type_of(&self, value: Value<'gc>) -> String {
        match self.metamethod(value, super::Event::Name) {
            Value::Text(name) if !matches!(value, Value::Text(_)) => name.to_string_lossy(),
            _ => value.type_name().to_owned(),
        }
    }

    /// What the current instruction calls this value, in parentheses; nothing, when it does not know.
    fn describe(&self, value: Value<'gc>) -> String {
        self.find_name(value).map_or(String::new(), |name| format!(" ({name})"))
    }

    fn find_name(&self, value: Value<'gc>) -> Option<String> {
        let instruction = self.current_instruction()?;
        let frame = &self.frames[self.depth - 1];
        let prototype = Gc::as_ref(frame.closure.get()?.header.prototype);
        let pc = frame.pc.get() as usize - 1;
        let is_it = |register: u8| {
            let found = self.slot(frame.base.get() as usize + usize::from(register));
            found.type_name() == value.type_name() && (found.raw_equal(value) || matches!(value, Value::Float(_)))
        };
        let constant = |constant: u16| match prototype.constants[usize::from(constant)] {
            Value::Text(text) if Value::Text(text).raw_equal(value) => {
                Some(format!("constant '{}'", text.to_string_lossy()))
            }
            _ => None,
        };
        let registers: &[u8] = match instruction {
            I::GetField { table, .. }
            | I::GetIndex { table, .. }
            | I::SetField { table, .. }
            | I::SetIndex { table, .. } => &[table],
            I::GetMethod { object, .. } => &[object],
            I::Arithmetic { left, right, .. }
            | I::Add { left, right, .. }
            | I::Subtract { left, right, .. }
            | I::Multiply { left, right, .. } => &[right, left],
            I::AddConstant { left, .. } | I::SubtractConstant { left, .. } => &[left],
            I::ArithmeticConstant { left, constant: number, .. } if !is_it(left) => return constant(number),
            I::ArithmeticConstant { left, .. } => &[left],
            I::Negate { from, .. } | I::BitNot { from, .. } | I::Length { from, .. } => &[from],
            I::Call { function, .. } | I::TailCall { function, .. } => &[function],
            I::Concatenate { first, count, .. } => {
                let register = (first..first + count).rev().find(|register| is_it(*register))?;
                return self.variable_name(prototype, pc, register);
            }
            I::ForCall { .. } => return Some("for iterator 'for iterator'".into()),
            _ => return None,
        };
        let register = registers.iter().copied().find(|register| is_it(*register))?;
        self.variable_name(prototype, pc, register)
    }

    /// What is in a register when an instruction is executed.
    fn variable_name(&self, prototype: &Prototype<'gc>, pc: usize, register: u8) -> Option<String> {
        let at = pc as u32;
        let local =
            prototype.names.locals.iter().find(|local| local.register == register && local.from <= at && at < local.to);
        if let Some(local) = local {
            return Some(format!("local '{}'", local.name.to_string_lossy()));
        }
        let text = |constant: u16| match prototype.constants[usize::from(constant)] {
            Value::Text(text) => text.to_string_lossy(),
            _ => "?".into(),
        };
        prototype.code[..pc].iter().enumerate().rev().find_map(|(pc, instruction)| {
            Some(match *instruction {
                I::GetGlobal { to, name } if to == register => Some(format!("global '{}'", text(name))),
                I::GetField { to, name, .. } if to == register => Some(format!("field '{}'", text(name))),
                I::GetMethod { to, name, .. } if to == register => Some(format!("method '{}'", text(name))),
                I::GetUpvalue { to, index } if to == register => {
                    Some(format!("upvalue '{}'", prototype.names.upvalues[usize::from(index)].to_string_lossy()))
                }
                I::LoadConstant { to, constant } if to == register => Some(format!("constant '{}'", text(constant))),
                I::GetCell { to, cell: from } if to == register => self.variable_name(prototype, pc, from),
                I::Move { to, from } if to == register && from < to => self.variable_name(prototype, pc, from),
                I::GetIndex { to, .. } if to == register => Some("field '?'".into()),
                I::LoadNil { first, count } if (first..first + count).contains(&register) => None,
                I::Call { function, .. } if function <= register => None,
                I::LoadInteger { to, .. } | I::Move { to, .. } | I::NewTable { to, .. } | I::Closure { to, .. }
                    if to == register =>
                {
                    None
                }
                _ => return None,
            })
        })?
    }
}
