//! Functions on strings.

use super::functions;
use crate::interpreter::machine::{Arguments, Error, Machine, Outcome};
use crate::interpreter::value::{Text, Value};

functions! { FUNCTIONS:
    BYTE = "byte", byte;
    CHAR = "char", char;
    FIND = "find", find;
    FORMAT = "format", super::format::format;
    LEN = "len", len;
    LOWER = "lower", lower;
    REP = "rep", rep;
    REVERSE = "reverse", reverse;
    SUB = "sub", sub;
    UPPER = "upper", upper;
}

/// The places that `i` and `j` name in a string, from 0, the end not included; negative ones count from the end.
fn range(len: usize, first: i64, last: i64) -> std::ops::Range<usize> {
    let len = len as i64;
    let first = if first < 0 { (len + first).max(0) } else { (first - 1).max(0) };
    let last = if last < 0 { len + last + 1 } else { last.min(len) };
    if first < last { first as usize..last as usize } else { 0..0 }
}

fn len<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let len = machine.text_argument(arguments, 0)?.bytes().len();
    machine.answer(arguments, Value::Integer(len as i64))
}

fn sub<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let bytes = machine.text_argument(arguments, 0)?.bytes();
    let range = range(bytes.len(), machine.integer_or(arguments, 1, 1)?, machine.integer_or(arguments, 2, -1)?);
    let answer = machine.text(&bytes[range])?;
    machine.answer(arguments, answer)
}

fn byte<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let bytes = machine.text_argument(arguments, 0)?.bytes();
    let first = machine.integer_or(arguments, 1, 1)?;
    let range = range(bytes.len(), first, machine.integer_or(arguments, 2, first)?);
    let values: Vec<_> = bytes[range].iter().map(|&byte| Value::Integer(i64::from(byte))).collect();
    machine.answers(arguments, &values)
}

fn char<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let mut bytes = Vec::with_capacity(arguments.count);
    for index in 0..arguments.count {
        match u8::try_from(machine.integer_argument(arguments, index)?) {
            Ok(byte) => bytes.push(byte),
            Err(_) => return Err(machine.bad_argument(index, "value out of range")),
        }
    }
    let answer = machine.text(&bytes)?;
    machine.answer(arguments, answer)
}

fn mapped<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments, map: fn(&u8) -> u8) -> Outcome<'gc> {
    let bytes = machine.text_argument(arguments, 0)?.bytes();
    let text = Text::generate(machine.mc, bytes.len(), |index| map(&bytes[index]))?;
    machine.answer(arguments, Value::Text(text))
}

fn lower<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    mapped(machine, arguments, u8::to_ascii_lowercase)
}

fn upper<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    mapped(machine, arguments, u8::to_ascii_uppercase)
}

fn reverse<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let bytes = machine.text_argument(arguments, 0)?.bytes();
    let text = Text::generate(machine.mc, bytes.len(), |index| bytes[bytes.len() - 1 - index])?;
    machine.answer(arguments, Value::Text(text))
}

/// Straight into the heap, which has a limit.
fn rep<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let bytes = machine.text_argument(arguments, 0)?.bytes();
    let times = usize::try_from(machine.integer_argument(arguments, 1)?).unwrap_or(0);
    let separator = match machine.argument(arguments, 2) {
        Value::Nil => &b""[..],
        _ => machine.text_argument(arguments, 2)?.bytes(),
    };
    let unit = bytes.len() + separator.len();
    let len = match times {
        0 => Some(0),
        _ => unit.checked_mul(times).map(|len| len - separator.len()),
    };
    let Some(len) = len.filter(|&len| len < isize::MAX as usize) else {
        return Err(Error::text("resulting string too large"));
    };
    let mut pieces = bytes.iter().chain(separator).cycle();
    let text = Text::generate(machine.mc, len, |_| pieces.next().copied().unwrap_or(0))?;
    machine.answer(arguments, Value::Text(text))
}

/// Patterns are not part of this subset: what has magic characters in it must be asked for with `plain`.
fn find<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let text = machine.text_argument(arguments, 0)?.bytes();
    let wanted = machine.text_argument(arguments, 1)?.bytes();
    let first = match machine.integer_or(arguments, 2, 1)? {
        first @ ..0 => (text.len() as i64 + first).max(0) as usize,
        first => (first - 1).max(0) as usize,
    };
    if !machine.argument(arguments, 3).is_truthy() && wanted.iter().any(|byte| b"^$*+?.([%-".contains(byte)) {
        return Err(Error::text(
            "patterns are not part of this subset: find plain text, with true as the fourth argument",
        ));
    }
    let found = match text.get(first..) {
        _ if wanted.is_empty() && first <= text.len() => Some(0),
        Some(rest) if !wanted.is_empty() => rest.windows(wanted.len()).position(|window| window == wanted),
        _ => None,
    };
    match found {
        Some(place) => {
            let start = (first + place) as i64;
            machine.answers(arguments, &[Value::Integer(start + 1), Value::Integer(start + wanted.len() as i64)])
        }
        None => machine.answer(arguments, Value::Nil),
    }
}
