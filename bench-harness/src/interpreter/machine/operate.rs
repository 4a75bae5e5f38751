//! Operations in full: with conversions, metamethods and errors. The instructions do the frequent cases themselves.
//!
//! An operation whose metamethod is a function of the script has no result yet; it will be [delivered](Deliver). So the
//! functions here return `Some` of a result, or `None` when a call was begun.

use super::call::Deliver;
use super::{Error, Event, Machine};
use crate::interpreter::code::{Arithmetic, Instruction, Register};
use crate::interpreter::number::{
    Number, float_modulo, float_to_integer, float_to_text, integer_floor_divide, integer_modulo, shift_left,
};
use crate::interpreter::table::Table;
use crate::interpreter::value::{Text, Value};

/// Tables that are asked one behind the other because of `__index`.
const CHAIN: usize = 2000;

impl<'gc> Machine<'_, 'gc> {
    /// What the metatable of a value says of an event; nil, when it says nothing.
    #[inline]
    pub(in crate::interpreter) fn metamethod(&self, value: Value<'gc>, event: Event) -> Value<'gc> {
        match value {
            Value::Table(table) => match table.metatable() {
                Some(metatable) => metatable.get_text(self.mc, self.state.event_name(event)),
                None => Value::Nil,
            },
            Value::Text(_) if event == Event::Index => Value::Table(self.state.strings),
            _ => Value::Nil,
        }
    }

    // ---- fields ----

    /// The field of a value.
    pub(super) fn index(
        &mut self,
        object: Value<'gc>,
        key: Value<'gc>,
        to: Register,
    ) -> Result<Option<Value<'gc>>, Error<'gc>> {
        let mut object = object;
        for _ in 0..CHAIN {
            if let Value::Table(table) = object {
                let value = table.get(self.mc, key);
                if !value.is_nil() || table.metatable().is_none() {
                    return Ok(Some(value));
                }
            }
            match self.metamethod(object, Event::Index) {
                Value::Nil if matches!(object, Value::Table(_)) => return Ok(Some(Value::Nil)),
                Value::Nil => return Err(self.cannot_index(object, key)),
                handler @ (Value::Function(_) | Value::Native(_)) => {
                    self.call_metamethod(handler, &[object, key], Deliver::Register(to))?;
                    return Ok(None);
                }
                next => object = next,
            }
        }
        Err(Error::text("'__index' chain too long; possibly a loop"))
    }

    #[cold]
    fn cannot_index(&self, object: Value<'gc>, key: Value<'gc>) -> Error<'gc> {
        match (self.cannot("index", object), key) {
            // Where the value has no name, its field has.
            (Error::Text(sentence), Value::Text(key)) if !sentence.ends_with(')') => {
                Error::text(format!("{sentence} (field '{}')", key.to_string_lossy()))
            }
            (error, _) => error,
        }
    }

    /// Sets the field of a value.
    pub(super) fn set_index(
        &mut self,
        object: Value<'gc>,
        key: Value<'gc>,
        value: Value<'gc>,
    ) -> Result<(), Error<'gc>> {
        let mut object = object;
        for _ in 0..CHAIN {
            let handler = match object {
                Value::Table(table) => {
                    let handler = match table.metatable() {
                        Some(metatable) => metatable.get_text(self.mc, self.state.event_name(Event::NewIndex)),
                        None => Value::Nil,
                    };
                    if handler.is_nil() || !table.get(self.mc, key).is_nil() {
                        return Ok(Table::set(table, self.mc, key, value)?);
                    }
                    handler
                }
                _ => self.metamethod(object, Event::NewIndex),
            };
            match handler {
                Value::Nil => return Err(self.cannot_index(object, key)),
                Value::Function(_) | Value::Native(_) => {
                    return self.call_metamethod(handler, &[object, key, value], Deliver::Discard);
                }
                next => object = next,
            }
        }
        Err(Error::text("'__newindex' chain too long; possibly a loop"))
    }

    // ---- arithmetic ----

    pub(super) fn arithmetic(
        &mut self,
        operation: Arithmetic,
        left: Value<'gc>,
        right: Value<'gc>,
        to: Register,
    ) -> Result<Option<Value<'gc>>, Error<'gc>> {
        if let (Some(a), Some(b)) = (left.to_number(), right.to_number())
            && let Some(result) = calculate(operation, a, b)?
        {
            return Ok(Some(result.into()));
        }
        let event = event_of(operation);
        let handler = match self.metamethod(left, event) {
            Value::Nil => self.metamethod(right, event),
            handler => handler,
        };
        if !handler.is_nil() {
            self.call_metamethod(handler, &[left, right], Deliver::Register(to))?;
            return Ok(None);
        }
        let is_number = |value: Value<'gc>| matches!(value, Value::Integer(_) | Value::Float(_));
        let is_bitwise = !calculates_floats(operation);
        if is_bitwise && left.to_number().is_some() && right.to_number().is_some() {
            return Err(Error::text("number has no integer representation"));
        }
        if let (false, Value::Text(_), _) | (false, _, Value::Text(_)) = (is_bitwise, left, right) {
            let name = self.state.event_name(event).to_string_lossy();
            let (a, b) = (left.type_name(), right.type_name());
            return Err(Error::text(format!("attempt to {} a '{a}' with a '{b}'", name.trim_start_matches("__"))));
        }
        let culprit = if is_number(left) || !is_bitwise && left.to_number().is_some() { right } else { left };
        Err(self.cannot(if is_bitwise { "perform bitwise operation on" } else { "perform arithmetic on" }, culprit))
    }

    pub(super) fn negate(&mut self, value: Value<'gc>, to: Register) -> Result<Option<Value<'gc>>, Error<'gc>> {
        match value.to_number() {
            Some(Number::Integer(integer)) => Ok(Some(Value::Integer(integer.wrapping_neg()))),
            Some(Number::Float(float)) => Ok(Some(Value::Float(-float))),
            None => self.unary(Event::Negate, "perform arithmetic on", value, to),
        }
    }

    pub(super) fn bit_not(&mut self, value: Value<'gc>, to: Register) -> Result<Option<Value<'gc>>, Error<'gc>> {
        match value.to_integer() {
            Some(integer) => Ok(Some(Value::Integer(!integer))),
            None if value.to_number().is_some() => Err(Error::text("number has no integer representation")),
            None => self.unary(Event::BitNot, "perform bitwise operation on", value, to),
        }
    }

    pub(super) fn length(&mut self, value: Value<'gc>, to: Register) -> Result<Option<Value<'gc>>, Error<'gc>> {
        match value {
            Value::Text(text) => Ok(Some(Value::Integer(text.bytes().len() as i64))),
            Value::Table(table) if self.metamethod(value, Event::Length).is_nil() => {
                Ok(Some(Value::Integer(table.len(self.mc))))
            }
            _ => self.unary(Event::Length, "get length of", value, to),
        }
    }

    fn unary(
        &mut self,
        event: Event,
        what: &str,
        value: Value<'gc>,
        to: Register,
    ) -> Result<Option<Value<'gc>>, Error<'gc>> {
        match self.metamethod(value, event) {
            Value::Nil => Err(self.cannot(what, value)),
            handler => self.call_metamethod(handler, &[value, value], Deliver::Register(to)).map(|()| None),
        }
    }

    // ---- comparison ----

    pub(super) fn equal(
        &mut self,
        left: Value<'gc>,
        right: Value<'gc>,
        expected: bool,
        offset: i16,
    ) -> Result<Option<bool>, Error<'gc>> {
        if left.raw_equal(right) {
            return Ok(Some(true));
        }
        if let (Value::Table(_), Value::Table(_)) = (left, right) {
            let handler = match self.metamethod(left, Event::Equal) {
                Value::Nil => self.metamethod(right, Event::Equal),
                handler => handler,
            };
            if !handler.is_nil() {
                self.call_metamethod(handler, &[left, right], Deliver::Branch { expected, offset })?;
                return Ok(None);
            }
        }
        Ok(Some(false))
    }

    /// Whether `left < right`, or `left <= right`.
    pub(super) fn less(
        &mut self,
        left: Value<'gc>,
        right: Value<'gc>,
        or_equal: bool,
        (expected, offset): (bool, i16),
    ) -> Result<Option<bool>, Error<'gc>> {
        if let Some(less) = raw_less(left, right, or_equal) {
            return Ok(Some(less));
        }
        let event = if or_equal { Event::LessEqual } else { Event::Less };
        let handler = match self.metamethod(left, event) {
            Value::Nil => self.metamethod(right, event),
            handler => handler,
        };
        if !handler.is_nil() {
            self.call_metamethod(handler, &[left, right], Deliver::Branch { expected, offset })?;
            return Ok(None);
        }
        let (a, b) = (self.type_of(left), self.type_of(right));
        Err(Error::text(if a == b {
            format!("attempt to compare two {a} values")
        } else {
            format!("attempt to compare {a} with {b}")
        }))
    }

    // ---- concatenation ----

    /// Joins the values in `count` registers from `first` on, from the right. The result stays in the first of them. False, if a
    /// metamethod has to join some of them.
    pub(super) fn concatenate(&mut self, first: Register, count: u8) -> Result<bool, Error<'gc>> {
        let frame = self.depth - 1;
        let base = self.frames[frame].base.get() as usize + usize::from(first);
        let mut remaining = usize::from(count - self.frames[frame].joined.get());
        while remaining > 1 {
            // As many as can be joined at once.
            let (mut begin, mut len) = (remaining, 0usize);
            while begin > 0 {
                match self.slot(base + begin - 1) {
                    Value::Text(text) => len = len.saturating_add(text.bytes().len()),
                    Value::Integer(_) | Value::Float(_) => len = len.saturating_add(32),
                    _ => break,
                }
                begin -= 1;
            }
            if remaining - begin >= 2 {
                let text = self.join(base + begin, remaining - begin, len)?;
                self.set_slot(base + begin, Value::Text(text));
                remaining = begin + 1;
                self.frames[frame].joined.set(count - remaining as u8);
                continue;
            }
            let (left, right) = (self.slot(base + remaining - 2), self.slot(base + remaining - 1));
            let handler = match self.metamethod(left, Event::Concatenate) {
                Value::Nil => self.metamethod(right, Event::Concatenate),
                handler => handler,
            };
            if handler.is_nil() {
                let is_text = matches!(left, Value::Text(_) | Value::Integer(_) | Value::Float(_));
                return Err(self.cannot("concatenate", if is_text { right } else { left }));
            }
            self.call_metamethod(handler, &[left, right], Deliver::Concatenate)?;
            return Ok(false);
        }
        self.frames[frame].joined.set(0);
        Ok(true)
    }

    fn join(&self, first: usize, count: usize, len: usize) -> Result<Text<'gc>, Error<'gc>> {
        if count == 2
            && let (Value::Text(a), Value::Text(b)) = (self.slot(first), self.slot(first + 1))
        {
            return Ok(Text::concat(self.mc, a.bytes(), b.bytes())?);
        }
        let mut joined = Vec::new();
        if joined.try_reserve_exact(len).is_err() {
            return Err(Error::Full(heap_core::AllocError::TOO_LARGE));
        }
        for slot in first..first + count {
            match self.slot(slot) {
                Value::Text(text) => joined.extend_from_slice(text.bytes()),
                number => joined.extend_from_slice(&self.number_text(number).unwrap_or_default()),
            }
        }
        Ok(Text::new(self.mc, &joined)?)
    }

    /// A metamethod has joined two values.
    pub(super) fn go_on_concatenating(&mut self, value: Value<'gc>) -> Result<(), Error<'gc>> {
        let Some(Instruction::Concatenate { to, first, count }) = self.current_instruction() else { return Ok(()) };
        let frame = self.depth - 1;
        let joined = self.frames[frame].joined.get() + 1;
        let base = self.frames[frame].base.get() as usize;
        self.set_slot(base + usize::from(first) + usize::from(count - joined) - 1, value);
        self.frames[frame].joined.set(joined);
        if self.concatenate(first, count)? {
            let result = self.slot(base + usize::from(first));
            self.set_slot(base + usize::from(to), result);
        }
        Ok(())
    }

    /// A number as text; `None` for anything else.
    pub(in crate::interpreter) fn number_text(&self, value: Value<'gc>) -> Option<Vec<u8>> {
        match value {
            Value::Integer(integer) => Some(integer.to_string().into_bytes()),
            Value::Float(float) => Some(float_to_text(float).into_bytes()),
            _ => None,
        }
    }

    // ---- loops ----

    /// Prepares a numeric `for`: the counter, the number of further steps (or the limit, of floats) and the step, from a slot on.
    /// False when the loop has no step.
    pub(super) fn prepare_for(&mut self, base: usize) -> Result<bool, Error<'gc>> {
        let (start, limit, step) = (self.slot(base), self.slot(base + 1), self.slot(base + 2));
        for (value, what) in [(start, "initial value"), (limit, "limit"), (step, "step")] {
            if !matches!(value, Value::Integer(_) | Value::Float(_)) {
                return Err(Error::text(format!("bad 'for' {what} (number expected, got {})", self.type_of(value))));
            }
        }
        if let (Value::Integer(start), Value::Integer(step)) = (start, step) {
            if step == 0 {
                return Err(Error::text("'for' step is zero"));
            }
            let limit = match limit {
                Value::Integer(limit) => limit,
                Value::Float(limit) if limit.is_nan() => return Ok(false),
                // Cut off to the range of integers, towards the start.
                Value::Float(limit) => {
                    let rounded = if step > 0 { limit.floor() } else { limit.ceil() };
                    float_to_integer(rounded).unwrap_or(if limit > 0.0 { i64::MAX } else { i64::MIN })
                }
                _ => return Ok(false),
            };
            if if step > 0 { start > limit } else { start < limit } {
                return Ok(false);
            }
            let distance = if step > 0 { limit.wrapping_sub(start) as u64 } else { start.wrapping_sub(limit) as u64 };
            self.set_slot(base + 1, Value::Integer((distance / step.unsigned_abs()) as i64));
            self.set_slot(base + 3, Value::Integer(start));
            return Ok(true);
        }
        let float = |value: Value<'gc>| value.to_number().map_or(f64::NAN, Number::to_float);
        let (start, limit, step) = (float(start), float(limit), float(step));
        if step == 0.0 {
            return Err(Error::text("'for' step is zero"));
        }
        for (index, value) in [start, limit, step, start].into_iter().enumerate() {
            self.set_slot(base + index, Value::Float(value));
        }
        Ok(if step > 0.0 { start <= limit } else { start >= limit })
    }
}

/// Orders two numbers or two texts; `None` for anything else.
#[inline]
pub(in crate::interpreter) fn raw_less(left: Value<'_>, right: Value<'_>, or_equal: bool) -> Option<bool> {
    Some(match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => {
            if or_equal {
                a <= b
            } else {
                a < b
            }
        }
        (Value::Float(a), Value::Float(b)) => {
            if or_equal {
                a <= b
            } else {
                a < b
            }
        }
        (Value::Integer(a), Value::Float(b)) => integer_less(a, b, or_equal),
        (Value::Float(a), Value::Integer(b)) => !a.is_nan() && !integer_less(b, a, !or_equal),
        (Value::Text(a), Value::Text(b)) => {
            if or_equal {
                a.bytes() <= b.bytes()
            } else {
                a.bytes() < b.bytes()
            }
        }
        _ => return None,
    })
}

/// Exact, also where a float cannot tell integers apart.
fn integer_less(a: i64, b: f64, or_equal: bool) -> bool {
    if b.is_nan() {
        return false;
    }
    if b >= 9_223_372_036_854_775_808.0 {
        return true;
    }
    if b < -9_223_372_036_854_775_808.0 {
        return false;
    }
    let floor = b.floor();
    // `a < b` where `b` has a fraction is `a <= floor(b)`.
    if or_equal || floor != b { a <= floor as i64 } else { a < floor as i64 }
}

fn calculates_floats(operation: Arithmetic) -> bool {
    use Arithmetic as A;
    matches!(operation, A::Add | A::Subtract | A::Multiply | A::Divide | A::FloorDivide | A::Modulo | A::Power)
}

/// The result of an operation; `None` when the operands are not integers and must be.
#[inline]
pub(super) fn calculate<'gc>(operation: Arithmetic, left: Number, right: Number) -> Result<Option<Number>, Error<'gc>> {
    use Arithmetic as A;
    if let (Number::Integer(a), Number::Integer(b)) = (left, right) {
        let result = match operation {
            A::Add => a.wrapping_add(b),
            A::Subtract => a.wrapping_sub(b),
            A::Multiply => a.wrapping_mul(b),
            A::FloorDivide if b == 0 => return Err(Error::text("attempt to divide by zero")),
            A::Modulo if b == 0 => return Err(Error::text("attempt to perform 'n%0'")),
            A::FloorDivide => integer_floor_divide(a, b),
            A::Modulo => integer_modulo(a, b),
            A::Divide => return Ok(Some(Number::Float(a as f64 / b as f64))),
            A::Power => return Ok(Some(Number::Float((a as f64).powf(b as f64)))),
            _ => bitwise(operation, a, b),
        };
        return Ok(Some(Number::Integer(result)));
    }
    let (a, b) = (left.to_float(), right.to_float());
    Ok(Some(Number::Float(match operation {
        A::Add => a + b,
        A::Subtract => a - b,
        A::Multiply => a * b,
        A::Divide => a / b,
        A::FloorDivide => (a / b).floor(),
        A::Modulo if b.is_infinite() && a.is_finite() => {
            if a == 0.0 || (a < 0.0) == (b < 0.0) {
                a
            } else {
                b
            }
        }
        A::Modulo => float_modulo(a, b),
        A::Power if b == 2.0 => a * a,
        A::Power => a.powf(b),
        _ => {
            let integer = |number| match number {
                Number::Integer(integer) => Some(integer),
                Number::Float(float) => float_to_integer(float),
            };
            return Ok(match (integer(left), integer(right)) {
                (Some(a), Some(b)) => Some(Number::Integer(bitwise(operation, a, b))),
                _ => None,
            });
        }
    })))
}

fn bitwise(operation: Arithmetic, a: i64, b: i64) -> i64 {
    match operation {
        Arithmetic::And => a & b,
        Arithmetic::Or => a | b,
        Arithmetic::Xor => a ^ b,
        Arithmetic::ShiftLeft => shift_left(a, b),
        _ => shift_left(a, b.checked_neg().unwrap_or(i64::MAX)),
    }
}

fn event_of(operation: Arithmetic) -> Event {
    match operation {
        Arithmetic::Add => Event::Add,
        Arithmetic::Subtract => Event::Subtract,
        Arithmetic::Multiply => Event::Multiply,
        Arithmetic::Divide => Event::Divide,
        Arithmetic::FloorDivide => Event::FloorDivide,
        Arithmetic::Modulo => Event::Modulo,
        Arithmetic::Power => Event::Power,
        Arithmetic::And => Event::And,
        Arithmetic::Or => Event::Or,
        Arithmetic::Xor => Event::Xor,
        Arithmetic::ShiftLeft => Event::ShiftLeft,
        Arithmetic::ShiftRight => Event::ShiftRight,
    }
}
