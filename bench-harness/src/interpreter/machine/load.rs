//! From a compiled [`Unit`] to objects of the heap.

use heap_core::{AllocError, Gc, Mutator, SliceBuilder};

use super::State;
use crate::interpreter::code::{Constant, Unit};
use crate::interpreter::value::{Closure, ClosureHeader, Local, Names, Prototype, Text, Value};

/// The function of a script, as a closure. Recursion is as deep as functions stand inside each other, which the parser limits.
pub(in crate::interpreter) fn load<'gc>(
    mc: &Mutator<'gc>,
    state: &State<'gc>,
    unit: &Unit,
    source: &[u8],
) -> Result<Gc<'gc, Closure<'gc>>, AllocError> {
    let source = Text::new(mc, source)?;
    let prototype = prototype(mc, state, unit, source)?;
    Gc::try_new_header_slice(mc, ClosureHeader { prototype }, 0, |_| {
        unreachable!("a script uses no variables of others")
    })
}

fn prototype<'gc>(
    mc: &Mutator<'gc>,
    state: &State<'gc>,
    unit: &Unit,
    source: Text<'gc>,
) -> Result<Gc<'gc, Prototype<'gc>>, AllocError> {
    let mut constants = SliceBuilder::try_new(mc, unit.constants.len())?;
    for constant in &unit.constants {
        constants.push(match constant {
            Constant::Number(number) => Value::from(*number),
            Constant::Text(text) => Value::Text(state.intern(mc, text)?),
        });
    }
    let mut prototypes = SliceBuilder::try_new(mc, unit.units.len())?;
    for inner in &unit.units {
        prototypes.push(self::prototype(mc, state, inner, source)?);
    }
    let mut upvalues = SliceBuilder::try_new(mc, unit.upvalue_names.len())?;
    for name in &unit.upvalue_names {
        upvalues.push(state.intern(mc, name)?);
    }
    let mut locals = SliceBuilder::try_new(mc, unit.locals.len())?;
    for local in &unit.locals {
        let name = state.intern(mc, &local.name)?;
        locals.push(Local { name, register: local.register, from: local.from, to: local.to });
    }
    let names = Names {
        source,
        name: Text::new(mc, unit.name.as_bytes())?,
        line: unit.line,
        lines: Gc::try_new_slice(mc, &unit.lines)?,
        upvalues: upvalues.try_finish()?,
        locals: locals.try_finish()?,
    };
    Gc::try_new(
        mc,
        Prototype {
            code: Gc::try_new_slice(mc, &unit.code)?,
            constants: constants.try_finish()?,
            prototypes: prototypes.try_finish()?,
            captures: Gc::try_new_slice(mc, &unit.captures)?,
            parameters: unit.parameters,
            variadic: unit.variadic,
            registers: unit.registers,
            names,
        },
    )
}
