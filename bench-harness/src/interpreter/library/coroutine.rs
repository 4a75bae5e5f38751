//! Coroutines.

use super::functions;
use crate::interpreter::machine::{Arguments, Coroutine, Error, Flow, Machine, Outcome, Status};
use crate::interpreter::value::Value;

functions! { FUNCTIONS:
    CLOSE = "close", close;
    CREATE = "create", create;
    IS_YIELDABLE = "isyieldable", is_yieldable;
    RESUME = "resume", resume;
    RESUME_WRAPPED = "resume_wrapped", resume_wrapped;
    RUNNING = "running", running;
    STATUS = "status", status;
    YIELD = "yield", suspend;
}

fn create<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let function = machine.argument(arguments, 0);
    if !matches!(function, Value::Function(_) | Value::Native(_)) {
        return Err(machine.bad_argument(0, "function expected"));
    }
    let coroutine = Coroutine::new(machine.mc, function)?;
    machine.answer(arguments, Value::Coroutine(coroutine))
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Suspended => "suspended",
        Status::Running => "running",
        Status::Normal => "normal",
        Status::Dead => "dead",
    }
}

/// Why a coroutine cannot be resumed.
fn refusal(status: Status) -> Option<String> {
    match status {
        Status::Suspended => None,
        Status::Dead => Some("cannot resume dead coroutine".into()),
        _ => Some("cannot resume non-suspended coroutine".into()),
    }
}

fn resume<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let Value::Coroutine(coroutine) = machine.argument(arguments, 0) else {
        return Err(machine.bad_argument(0, "coroutine expected"));
    };
    if let Some(sentence) = refusal(coroutine.status()) {
        let sentence = machine.text(sentence.as_bytes())?;
        return machine.answers(arguments, &[Value::Boolean(false), sentence]);
    }
    Ok(Flow::Resume { coroutine, first: arguments.first + 1, count: arguments.count - 1, wrapped: false })
}

/// As `resume`, for `wrap`: errors go on.
fn resume_wrapped<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let Value::Coroutine(coroutine) = machine.argument(arguments, 0) else {
        return Err(machine.bad_argument(0, "coroutine expected"));
    };
    match refusal(coroutine.status()) {
        Some(sentence) => Err(Error::text(sentence)),
        None => Ok(Flow::Resume { coroutine, first: arguments.first + 1, count: arguments.count - 1, wrapped: true }),
    }
}

fn suspend<'gc>(_: &mut Machine<'_, 'gc>, _: Arguments) -> Outcome<'gc> {
    Ok(Flow::Yield)
}

fn status<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let Value::Coroutine(coroutine) = machine.argument(arguments, 0) else {
        return Err(machine.bad_argument(0, "coroutine expected"));
    };
    let name = machine.state.intern(machine.mc, status_name(coroutine.status()).as_bytes())?;
    machine.answer(arguments, Value::Text(name))
}

fn is_yieldable<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let yieldable = machine.coroutine.was_resumed();
    machine.answer(arguments, Value::Boolean(yieldable))
}

fn running<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let (coroutine, is_main) = (machine.coroutine, !machine.coroutine.was_resumed());
    machine.answers(arguments, &[Value::Coroutine(coroutine), Value::Boolean(is_main)])
}

fn close<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let Value::Coroutine(coroutine) = machine.argument(arguments, 0) else {
        return Err(machine.bad_argument(0, "coroutine expected"));
    };
    match coroutine.status() {
        Status::Suspended | Status::Dead => {
            coroutine.close(machine.mc);
            machine.answer(arguments, Value::Boolean(true))
        }
        other => Err(Error::text(format!("cannot close a {} coroutine", status_name(other)))),
    }
}
