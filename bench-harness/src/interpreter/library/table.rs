//! Functions on tables used as arrays.

use heap_core::Gc;

use super::functions;
use crate::interpreter::machine::{Arguments, Error, Flow, Machine, Outcome, raw_less};
use crate::interpreter::table::Table;
use crate::interpreter::value::Value;

functions! { FUNCTIONS:
    CONCAT = "concat", concat;
    INSERT = "insert", insert;
    PACK = "pack", pack;
    REMOVE = "remove", remove;
    UNPACK = "unpack", unpack;
}

/// The most values that one function gives.
const UNPACKED: i64 = 100_000;

fn concat<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let table = machine.table_argument(arguments, 0)?;
    let separator = match machine.argument(arguments, 1) {
        Value::Nil => &b""[..],
        _ => machine.text_argument(arguments, 1)?.bytes(),
    };
    let first = machine.integer_or(arguments, 2, 1)?;
    let last = machine.integer_or(arguments, 3, table.len(machine.mc))?;
    let mut joined = Vec::new();
    for index in first..=last {
        let value = table.get_integer(machine.mc, index);
        let number = machine.number_text(value);
        let Some(bytes) = value.as_text().map(|text| text.bytes()).or(number.as_deref()) else {
            let kind = machine.type_of(value);
            return Err(Error::text(format!(
                "invalid value (at index {index}) in table for 'concat' (a {kind} value)"
            )));
        };
        if joined.try_reserve(bytes.len() + separator.len()).is_err() {
            return Err(Error::Full(heap_core::AllocError::TOO_LARGE));
        }
        joined.extend_from_slice(bytes);
        if index < last {
            joined.extend_from_slice(separator);
        }
    }
    let answer = machine.text(&joined)?;
    machine.answer(arguments, answer)
}

fn insert<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let (mc, table) = (machine.mc, machine.table_argument(arguments, 0)?);
    let end = table.len(mc) + 1;
    match arguments.count {
        2 => Table::set_integer(table, mc, end, machine.argument(arguments, 1))?,
        3 => {
            let position = machine.integer_argument(arguments, 1)?;
            let value = machine.argument(arguments, 2);
            if position < 1 || position > end {
                return Err(machine.bad_argument(1, "position out of bounds"));
            }
            match table.array() {
                Some(array) if array.len() as i64 + 1 == end && position < end => {
                    array.try_insert(mc, position as usize - 1, value)?;
                }
                _ => {
                    for index in (position..end).rev() {
                        Table::set_integer(table, mc, index + 1, table.get_integer(mc, index))?;
                    }
                    Table::set_integer(table, mc, position, value)?;
                }
            }
        }
        _ => return Err(Error::text("wrong number of arguments to 'insert'")),
    }
    Ok(Flow::Return(0))
}

fn remove<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let (mc, table) = (machine.mc, machine.table_argument(arguments, 0)?);
    let len = table.len(mc);
    let position = machine.integer_or(arguments, 1, len)?;
    if arguments.count > 1
        && len + 1 != position
        && (position < 1 || position > len + 1)
        && !(len == 0 && position == 0)
    {
        return Err(machine.bad_argument(1, "position out of bounds"));
    }
    let removed = table.get_integer(mc, position);
    match table.array() {
        Some(array) if position >= 1 && position < len => {
            array.remove(mc, position as usize - 1);
        }
        _ => {
            for index in position..len {
                Table::set_integer(table, mc, index, table.get_integer(mc, index + 1))?;
            }
            if position <= len {
                Table::set_integer(table, mc, len.max(position), Value::Nil)?;
            }
        }
    }
    machine.answer(arguments, removed)
}

fn pack<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let mc = machine.mc;
    let table = Table::with_room(mc, arguments.count, 1)?;
    for index in 0..arguments.count {
        Table::set_integer(table, mc, index as i64 + 1, machine.argument(arguments, index))?;
    }
    let name = machine.state.intern(mc, b"n")?;
    Table::set_text(table, mc, name, Value::Integer(arguments.count as i64))?;
    machine.answer(arguments, Value::Table(table))
}

fn unpack<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let table = machine.table_argument(arguments, 0)?;
    let first = machine.integer_or(arguments, 1, 1)?;
    let last = machine.integer_or(arguments, 2, table.len(machine.mc))?;
    let count = if first > last { 0 } else { last.saturating_sub(first).saturating_add(1) };
    if !(0..=UNPACKED).contains(&count) {
        return Err(Error::text("too many results to unpack"));
    }
    machine.ensure(arguments.first + count as usize)?;
    for index in 0..count {
        let value = table.get_integer(machine.mc, first + index);
        machine.set_slot(arguments.first - 1 + index as usize, value);
    }
    Ok(Flow::Return(count as usize))
}

/// Sorts an array of numbers or of texts by `<`. False when there is something else in it: then it is as it was.
pub(super) fn sort_simple<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let table: Gc<'gc, Table<'gc>> = machine.table_argument(arguments, 0)?;
    let mut values = table.array().map_or(Vec::new(), |array| array.to_vec());
    let all_numbers = values.iter().all(|value| match value {
        Value::Float(float) => !float.is_nan(),
        value => matches!(value, Value::Integer(_)),
    });
    let sortable = values.len() as i64 == table.len(machine.mc)
        && (all_numbers || values.iter().all(|value| matches!(value, Value::Text(_))));
    if sortable {
        let less = |a: &Value<'gc>, b: &Value<'gc>| raw_less(*a, *b, false) == Some(true);
        values.sort_unstable_by(|a, b| {
            if less(a, b) {
                std::cmp::Ordering::Less
            } else if less(b, a) {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        });
        for (index, value) in values.into_iter().enumerate() {
            Table::set_integer(table, machine.mc, index as i64 + 1, value)?;
        }
    }
    machine.answer(arguments, Value::Boolean(sortable))
}
