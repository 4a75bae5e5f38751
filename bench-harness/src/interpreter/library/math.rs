//! Mathematics.

use std::cell::Cell;

use super::functions;
use crate::interpreter::machine::raw_less;
use crate::interpreter::machine::{Arguments, Error, Machine, Outcome};
use crate::interpreter::number::{Number, float_to_integer};
use crate::interpreter::value::Value;

functions! { FUNCTIONS:
    ABS = "abs", abs;
    CEIL = "ceil", ceil;
    COS = "cos", cos;
    EXP = "exp", exp;
    FLOOR = "floor", floor;
    FMOD = "fmod", fmod;
    LOG = "log", log;
    MAX = "max", max;
    MIN = "min", min;
    RANDOM = "random", random;
    RANDOM_SEED = "randomseed", random_seed;
    SIN = "sin", sin;
    SQRT = "sqrt", sqrt;
    TO_INTEGER = "tointeger", to_integer;
    TYPE = "type", type_of;
}

pub(super) const CONSTANTS: &[(&str, Number)] = &[
    ("pi", Number::Float(std::f64::consts::PI)),
    ("huge", Number::Float(f64::INFINITY)),
    ("maxinteger", Number::Integer(i64::MAX)),
    ("mininteger", Number::Integer(i64::MIN)),
];

fn abs<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let answer = match machine.number_argument(arguments, 0)? {
        Number::Integer(integer) => Value::Integer(integer.wrapping_abs()),
        Number::Float(float) => Value::Float(float.abs()),
    };
    machine.answer(arguments, answer)
}

fn rounded<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments, round: fn(f64) -> f64) -> Outcome<'gc> {
    let answer = match machine.number_argument(arguments, 0)? {
        Number::Integer(integer) => Value::Integer(integer),
        Number::Float(float) => float_to_integer(round(float)).map_or(Value::Float(round(float)), Value::Integer),
    };
    machine.answer(arguments, answer)
}

fn floor<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    rounded(machine, arguments, f64::floor)
}

fn ceil<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    rounded(machine, arguments, f64::ceil)
}

fn float<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments, function: fn(f64) -> f64) -> Outcome<'gc> {
    let answer = function(machine.number_argument(arguments, 0)?.to_float());
    machine.answer(arguments, Value::Float(answer))
}

fn sqrt<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    float(machine, arguments, f64::sqrt)
}

fn sin<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    float(machine, arguments, f64::sin)
}

fn cos<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    float(machine, arguments, f64::cos)
}

fn exp<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    float(machine, arguments, f64::exp)
}

fn log<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let number = machine.number_argument(arguments, 0)?.to_float();
    let answer = match machine.argument(arguments, 1) {
        Value::Nil => number.ln(),
        _ => match machine.number_argument(arguments, 1)?.to_float() {
            2.0 => number.log2(),
            10.0 => number.log10(),
            base => number.ln() / base.ln(),
        },
    };
    machine.answer(arguments, Value::Float(answer))
}

fn fmod<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let answer = match (machine.number_argument(arguments, 0)?, machine.number_argument(arguments, 1)?) {
        (Number::Integer(_), Number::Integer(0)) => return Err(machine.bad_argument(1, "zero")),
        (Number::Integer(a), Number::Integer(b)) => Value::Integer(a.wrapping_rem(b)),
        (a, b) => Value::Float(a.to_float() % b.to_float()),
    };
    machine.answer(arguments, answer)
}

fn extreme<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments, least: bool) -> Outcome<'gc> {
    let mut best = Value::from(machine.number_argument(arguments, 0)?);
    for index in 1..arguments.count {
        let other = Value::from(machine.number_argument(arguments, index)?);
        let (a, b) = if least { (other, best) } else { (best, other) };
        if raw_less(a, b, false) == Some(true) {
            best = other;
        }
    }
    machine.answer(arguments, best)
}

fn max<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    extreme(machine, arguments, false)
}

fn min<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    extreme(machine, arguments, true)
}

fn to_integer<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let answer = machine.any_argument(arguments, 0)?.to_integer().map_or(Value::Nil, Value::Integer);
    machine.answer(arguments, answer)
}

fn type_of<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let answer = match machine.any_argument(arguments, 0)? {
        Value::Integer(_) => machine.text(b"integer")?,
        Value::Float(_) => machine.text(b"float")?,
        _ => Value::Nil,
    };
    machine.answer(arguments, answer)
}

thread_local! {
    /// Of all interpreters of this thread.
    static SEED: Cell<u64> = const { Cell::new(0x2545_F491_4F6C_DD1D) };
}

/// splitmix64 (Steele, Lea, Flood, 2014): not the generator of PUC's implementation, which promises none.
fn random_bits() -> u64 {
    SEED.with(|seed| {
        let next = seed.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        seed.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

fn random<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let (low, high) = match arguments.count {
        0 => {
            let float = (random_bits() >> 11) as f64 / (1u64 << 53) as f64;
            return machine.answer(arguments, Value::Float(float));
        }
        1 => (1, machine.integer_argument(arguments, 0)?),
        _ => (machine.integer_argument(arguments, 0)?, machine.integer_argument(arguments, 1)?),
    };
    if low > high {
        return Err(Error::text(format!("bad argument #{} to 'random' (interval is empty)", arguments.count)));
    }
    let range = high.wrapping_sub(low) as u64;
    let offset = if range == u64::MAX { random_bits() } else { random_bits() % (range + 1) };
    machine.answer(arguments, Value::Integer(low.wrapping_add(offset as i64)))
}

fn random_seed<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let seed = machine.integer_or(arguments, 0, 0)?;
    SEED.with(|state| state.set(seed as u64));
    Ok(crate::interpreter::machine::Flow::Return(0))
}
