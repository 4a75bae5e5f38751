//! The basic functions, and those of `os` and `debug`.

use super::functions;
use crate::interpreter::compiler::compile;
use crate::interpreter::machine::{Arguments, Error, Event, Exit, Flow, Machine, Outcome, load};
use crate::interpreter::table::Table;
use crate::interpreter::value::{Native, NativeFunction, Text, Value};

functions! { FUNCTIONS:
    ASSERT = "assert", assert;
    COLLECT_GARBAGE = "collectgarbage", collect_garbage;
    ERROR = "error", error;
    GET_METATABLE = "getmetatable", get_metatable;
    IPAIRS = "ipairs", ipairs;
    LOAD = "load", load_text;
    NEXT = "next", next;
    PAIRS = "pairs", pairs;
    PCALL = "pcall", pcall;
    RAW_EQUAL = "rawequal", raw_equal;
    RAW_GET = "rawget", raw_get;
    RAW_LEN = "rawlen", raw_len;
    RAW_SET = "rawset", raw_set;
    SELECT = "select", select;
    SET_METATABLE = "setmetatable", set_metatable;
    TO_NUMBER = "tonumber", to_number;
    TO_STRING = "tostring", to_string;
    TYPE = "type", type_of;
    XPCALL = "xpcall", xpcall;
}

functions! { PRIVATE_FUNCTIONS:
    WRITE_LINE = "write_line", write_line;
    SORT_SIMPLE = "sort_simple", super::table::sort_simple;
}

functions! { OS_FUNCTIONS:
    CLOCK = "clock", clock;
    TIME = "time", time;
}

functions! { DEBUG_FUNCTIONS:
    TRACEBACK = "traceback", traceback;
}

/// What `ipairs` gives to a loop.
static IPAIRS_STEP: NativeFunction = NativeFunction { name: "ipairs_step", run: ipairs_step };

fn assert<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    if machine.any_argument(arguments, 0)?.is_truthy() {
        // The arguments are the results: they move down by one.
        for index in 0..arguments.count {
            let value = machine.argument(arguments, index);
            machine.set_slot(arguments.first + index - 1, value);
        }
        return Ok(Flow::Return(arguments.count));
    }
    match machine.argument(arguments, 1) {
        Value::Nil if arguments.count < 2 => Err(Error::text("assertion failed!")),
        Value::Text(message) => Err(Error::text(message.to_string_lossy())),
        message => Err(Error::Value(message)),
    }
}

fn collect_garbage<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let option = match machine.argument(arguments, 0) {
        Value::Nil => "collect".to_owned(),
        _ => machine.text_argument(arguments, 0)?.to_string_lossy(),
    };
    let answer = match option.as_str() {
        "collect" => {
            machine.set_slot(arguments.first - 1, Value::Integer(0));
            return Ok(Flow::Leave(Exit::Collect));
        }
        "step" => {
            machine.set_slot(arguments.first - 1, Value::Boolean(true));
            return Ok(Flow::Leave(Exit::Step));
        }
        "count" => Value::Float(machine.mc.statistics().heap_bytes as f64 / 1024.0),
        "isrunning" => Value::Boolean(true),
        "incremental" | "generational" => machine.text(b"incremental")?,
        "stop" | "restart" | "setpause" | "setstepmul" => Value::Integer(0),
        other => return Err(machine.bad_argument(0, &format!("invalid option '{other}'"))),
    };
    machine.answer(arguments, answer)
}

fn error<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let level = machine.integer_or(arguments, 1, 1)?;
    let value = machine.argument(arguments, 0);
    if let (Value::Text(text), 1..) = (value, level) {
        let mut sentence = machine.position(level as usize).into_bytes();
        sentence.extend_from_slice(text.bytes());
        return Err(Error::Value(machine.text(&sentence)?));
    }
    Err(Error::Value(value))
}

fn get_metatable<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.any_argument(arguments, 0)?;
    let answer = match machine.metamethod(value, Event::Metatable) {
        Value::Nil => match value {
            Value::Table(table) => table.metatable().map_or(Value::Nil, Value::Table),
            _ => Value::Nil,
        },
        protected => protected,
    };
    machine.answer(arguments, answer)
}

fn set_metatable<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let (mc, state) = (machine.mc, machine.state);
    let table = machine.table_argument(arguments, 0)?;
    let metatable = match machine.argument(arguments, 1) {
        Value::Nil if arguments.count > 1 => None,
        Value::Table(metatable) => Some(metatable),
        _ => return Err(machine.bad_argument(1, "nil or table expected")),
    };
    if !machine.metamethod(Value::Table(table), Event::Metatable).is_nil() {
        return Err(Error::text("cannot change a protected metatable"));
    }
    let says = |event| metatable.map_or(Value::Nil, |metatable| metatable.get_text(mc, state.event_name(event)));
    let mode = says(Event::Mode).as_text().map_or(&b""[..], Text::bytes);
    if let Some(part) = Table::set_mode(table, mc, mode.contains(&b'k'), mode.contains(&b'v'))? {
        state.weak_parts.try_insert(mc, part)?;
    }
    if !says(Event::Finalize).is_nil() {
        state.mark_for_finalization(mc, table)?;
    }
    Table::set_metatable(table, mc, metatable);
    machine.answer(arguments, Value::Table(table))
}

fn next<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let table = machine.table_argument(arguments, 0)?;
    match table.next(machine.mc, machine.argument(arguments, 1)) {
        Ok(Some((key, value))) => machine.answers(arguments, &[key, value]),
        Ok(None) => machine.answer(arguments, Value::Nil),
        Err(_) => Err(Error::text("invalid key to 'next'")),
    }
}

fn pairs<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.any_argument(arguments, 0)?;
    let handler = machine.metamethod(value, Event::Pairs);
    if !handler.is_nil() {
        machine.set_slot(arguments.first - 1, handler);
        return Ok(Flow::Call(1));
    }
    machine.table_argument(arguments, 0)?;
    machine.answers(arguments, &[Value::Native(Native(&NEXT)), value, Value::Nil])
}

fn ipairs<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.any_argument(arguments, 0)?;
    machine.answers(arguments, &[Value::Native(Native(&IPAIRS_STEP)), value, Value::Integer(0)])
}

fn ipairs_step<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let index = machine.integer_argument(arguments, 1)?.wrapping_add(1);
    let value = match machine.argument(arguments, 0) {
        Value::Table(table) => table.get_integer(machine.mc, index),
        _ => Value::Nil,
    };
    if value.is_nil() {
        machine.answer(arguments, Value::Nil)
    } else {
        machine.answers(arguments, &[Value::Integer(index), value])
    }
}

fn pcall<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    machine.any_argument(arguments, 0)?;
    Ok(Flow::Protect)
}

/// The handler goes where this function is, so that the call has the place of `pcall`'s.
fn xpcall<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let handler = machine.any_argument(arguments, 1)?;
    machine.set_slot(arguments.first - 1, handler);
    for index in 2..arguments.count {
        let value = machine.argument(arguments, index);
        machine.set_slot(arguments.first + index - 1, value);
    }
    Ok(Flow::ProtectWith)
}

fn raw_equal<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let equal = machine.any_argument(arguments, 0)?.raw_equal(machine.any_argument(arguments, 1)?);
    machine.answer(arguments, Value::Boolean(equal))
}

fn raw_get<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.table_argument(arguments, 0)?.get(machine.mc, machine.argument(arguments, 1));
    machine.answer(arguments, value)
}

fn raw_set<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let table = machine.table_argument(arguments, 0)?;
    Table::set(table, machine.mc, machine.argument(arguments, 1), machine.argument(arguments, 2))?;
    machine.answer(arguments, Value::Table(table))
}

fn raw_len<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let len = match machine.argument(arguments, 0) {
        Value::Table(table) => table.len(machine.mc),
        Value::Text(text) => text.bytes().len() as i64,
        _ => return Err(machine.bad_argument(0, "table or string expected")),
    };
    machine.answer(arguments, Value::Integer(len))
}

fn select<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let given = arguments.count as i64 - 1;
    if let Value::Text(text) = machine.argument(arguments, 0)
        && text.bytes() == b"#"
    {
        return machine.answer(arguments, Value::Integer(given));
    }
    let first = match machine.integer_argument(arguments, 0)? {
        0 => return Err(machine.bad_argument(0, "index out of range")),
        first @ 1.. => first,
        first if first < -given => return Err(machine.bad_argument(0, "index out of range")),
        first => given + 1 + first,
    };
    let count = (given - first + 1).max(0) as usize;
    for index in 0..count {
        let value = machine.argument(arguments, first as usize + index);
        machine.set_slot(arguments.first - 1 + index, value);
    }
    Ok(Flow::Return(count))
}

fn to_number<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.any_argument(arguments, 0)?;
    let answer = match machine.argument(arguments, 1) {
        Value::Nil => value.to_number().map_or(Value::Nil, Value::from),
        _ => {
            let base = machine.integer_argument(arguments, 1)?;
            if !(2..=36).contains(&base) {
                return Err(machine.bad_argument(1, "base out of range"));
            }
            let text = machine.text_argument(arguments, 0)?.to_string_lossy();
            in_base(text.trim(), base as u32).map_or(Value::Nil, Value::Integer)
        }
    };
    machine.answer(arguments, answer)
}

/// An integer in a base, which wraps around as all integers of the language do.
fn in_base(text: &str, base: u32) -> Option<i64> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let value = digits.chars().try_fold(0i64, |value, digit| {
        Some(value.wrapping_mul(i64::from(base)).wrapping_add(i64::from(digit.to_digit(base)?)))
    })?;
    (!digits.is_empty()).then_some(if negative { value.wrapping_neg() } else { value })
}

fn to_string<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.any_argument(arguments, 0)?;
    let handler = machine.metamethod(value, Event::ToString);
    if !handler.is_nil() && !matches!(value, Value::Text(_)) {
        machine.set_slot(arguments.first - 1, handler);
        return Ok(Flow::Call(1));
    }
    let answer = match value {
        Value::Text(_) => value,
        Value::Nil => machine.text(b"nil")?,
        Value::Boolean(value) => machine.text(if value { b"true" } else { b"false" })?,
        _ => match machine.number_text(value) {
            Some(bytes) => machine.text(&bytes)?,
            None => {
                let address = format!("{}: {:#014x}", machine.type_of(value), value.address());
                machine.text(address.as_bytes())?
            }
        },
    };
    machine.answer(arguments, answer)
}

fn type_of<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let name = machine.any_argument(arguments, 0)?.type_name();
    let text = machine.state.intern(machine.mc, name.as_bytes())?;
    machine.answer(arguments, Value::Text(text))
}

fn write_line<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    for index in 0..arguments.count {
        if index > 0 {
            machine.print(b"\t")?;
        }
        match machine.argument(arguments, index) {
            Value::Text(text) => machine.print(text.bytes())?,
            _ => return Err(Error::text("'__tostring' must return a string")),
        }
    }
    machine.print(b"\n")?;
    Ok(Flow::Return(0))
}

fn load_text<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let source = machine.text_argument(arguments, 0)?;
    let name = match machine.argument(arguments, 1) {
        Value::Nil => format!("[string \"{}\"]", source.to_string_lossy().lines().next().unwrap_or("")),
        _ => machine.text_argument(arguments, 1)?.to_string_lossy().trim_start_matches(['=', '@']).to_owned(),
    };
    match compile(source.bytes()) {
        Ok(unit) => {
            let closure = load(machine.mc, &machine.state, &unit, name.as_bytes())?;
            machine.answer(arguments, Value::Function(closure))
        }
        Err(error) => {
            let sentence = machine.text(format!("{name}:{}: {}", error.line, error.sentence).as_bytes())?;
            machine.answers(arguments, &[Value::Nil, sentence])
        }
    }
}

/// Processor time is what the language asks for; the time since the start is what is at hand everywhere.
fn clock<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let seconds = machine.host.started.elapsed().as_secs_f64();
    machine.answer(arguments, Value::Float(seconds))
}

fn time<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    machine.answer(arguments, Value::Integer(now.as_secs() as i64))
}

fn traceback<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let value = machine.argument(arguments, 0);
    let message = match value {
        Value::Text(text) => text.to_string_lossy() + "\n",
        Value::Nil => String::new(),
        _ => return machine.answer(arguments, value),
    };
    let lines = machine.traceback().join("\n\t");
    let answer = machine.text(format!("{message}stack traceback:\n\t{lines}").as_bytes())?;
    machine.answer(arguments, answer)
}
