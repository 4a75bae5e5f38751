//! The functions that scripts find: the basic ones, and those of `string`, `table`, `math`, `coroutine`, `os` and `debug`.
//!
//! A library function has its arguments in slots of the stack and puts its results where its own value was. It may allocate, but
//! before it changes anything: when the heap is full it is called again. It never calls a function of the script, because that
//! would need the Rust stack; what does is written in the language ([`PRELUDE`]).

mod basic;
mod coroutine;
mod format;
mod math;
mod string;
mod table;

use heap_core::Mutator;

use super::machine::{Arguments, Error, Machine, State};
use super::number::Number;
use super::table::{BadKey, Table};
use super::value::{Native, NativeFunction, Text, Value};
pub(super) use basic::NEXT;

/// What is written in the language itself.
pub(super) const PRELUDE: &str = include_str!("prelude.lua");

/// Functions for the prelude only: its arguments.
pub(super) const PRIVATE: &[&NativeFunction] = basic::PRIVATE_FUNCTIONS;

/// Puts all functions into the globals.
pub(super) fn install<'gc>(mc: &Mutator<'gc>, state: &State<'gc>) -> Result<(), BadKey> {
    let set = |table, name: &str, value| {
        let name = state.intern(mc, name.as_bytes())?;
        Table::set(table, mc, Value::Text(name), value)
    };
    let globals = state.globals;
    set(globals, "_G", Value::Table(globals))?;
    set(globals, "_VERSION", Value::Text(Text::new(mc, b"Lua 5.4")?))?;
    for function in basic::FUNCTIONS {
        set(globals, function.name, Value::Native(Native(function)))?;
    }
    let libraries: [(&str, &[&NativeFunction]); 6] = [
        ("string", string::FUNCTIONS),
        ("table", table::FUNCTIONS),
        ("math", math::FUNCTIONS),
        ("coroutine", coroutine::FUNCTIONS),
        ("os", basic::OS_FUNCTIONS),
        ("debug", basic::DEBUG_FUNCTIONS),
    ];
    for (name, functions) in libraries {
        let library = Table::new(mc)?;
        for function in functions {
            set(library, function.name, Value::Native(Native(function)))?;
        }
        set(globals, name, Value::Table(library))?;
    }
    for (name, value) in math::CONSTANTS {
        if let Value::Table(math) = globals.get(mc, Value::Text(state.intern(mc, b"math")?)) {
            set(math, name, (*value).into())?;
        }
    }
    // A string finds its methods there.
    for function in string::FUNCTIONS {
        set(state.strings, function.name, Value::Native(Native(function)))?;
    }
    Ok(())
}

/// Declares library functions: a `static` of each, and the list of all.
macro_rules! functions {
    ($list:ident: $($constant:ident = $name:literal, $run:path;)*) => {
        $(pub(in crate::interpreter) static $constant: crate::interpreter::value::NativeFunction =
            crate::interpreter::value::NativeFunction { name: $name, run: $run };)*
        pub(super) const $list: &[&crate::interpreter::value::NativeFunction] = &[$(&$constant),*];
    };
}
use functions;

impl<'gc> Machine<'_, 'gc> {
    /// The error of an argument.
    pub(super) fn bad_argument(&self, index: usize, sentence: &str) -> Error<'gc> {
        Error::text(format!("bad argument #{} to '{}' ({sentence})", index + 1, self.running()))
    }

    fn expected(&self, arguments: Arguments, index: usize, what: &str) -> Error<'gc> {
        let got = match arguments.count <= index {
            true => "no value".to_owned(),
            false => self.type_of(self.argument(arguments, index)),
        };
        self.bad_argument(index, &format!("{what} expected, got {got}"))
    }

    pub(super) fn any_argument(&self, arguments: Arguments, index: usize) -> Result<Value<'gc>, Error<'gc>> {
        if index < arguments.count {
            Ok(self.argument(arguments, index))
        } else {
            Err(self.bad_argument(index, "value expected"))
        }
    }

    pub(super) fn table_argument(
        &self,
        arguments: Arguments,
        index: usize,
    ) -> Result<heap_core::Gc<'gc, Table<'gc>>, Error<'gc>> {
        self.argument(arguments, index).as_table().ok_or_else(|| self.expected(arguments, index, "table"))
    }

    pub(super) fn number_argument(&self, arguments: Arguments, index: usize) -> Result<Number, Error<'gc>> {
        self.argument(arguments, index).to_number().ok_or_else(|| self.expected(arguments, index, "number"))
    }

    pub(super) fn integer_argument(&self, arguments: Arguments, index: usize) -> Result<i64, Error<'gc>> {
        match self.argument(arguments, index) {
            Value::Integer(integer) => Ok(integer),
            value => value.to_integer().ok_or_else(|| match value.to_number() {
                Some(_) => self.bad_argument(index, "number has no integer representation"),
                None => self.expected(arguments, index, "number"),
            }),
        }
    }

    pub(super) fn integer_or(&self, arguments: Arguments, index: usize, default: i64) -> Result<i64, Error<'gc>> {
        match self.argument(arguments, index) {
            Value::Nil => Ok(default),
            _ => self.integer_argument(arguments, index),
        }
    }

    /// A text, or a number as one.
    pub(super) fn text_argument(&self, arguments: Arguments, index: usize) -> Result<Text<'gc>, Error<'gc>> {
        match self.argument(arguments, index) {
            Value::Text(text) => Ok(text),
            value => match self.number_text(value) {
                Some(bytes) => Ok(Text::new(self.mc, &bytes)?),
                None => Err(self.expected(arguments, index, "string")),
            },
        }
    }
}
