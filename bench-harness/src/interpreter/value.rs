//! Values, and the objects that they lead to.
//!
//! A value is two words, `Copy`, and never borrowed: it is copied out of a register, a table or a cell, and into another. All
//! that is shared is an object of the heap, and what changes in an object is a `Lock` (a pointer to something traced) or a
//! `Cell` (a number, which no collector cares about).

use std::cell::Cell;

use heap_core::collections::{ByValue, KeyRule};
use heap_core::{AllocError, Gc, HeaderSlice, Lock, Mutator, Trace};

use super::code::{Capture, Instruction, Register};
use super::machine::{Arguments, Coroutine, Machine, Outcome};
use super::number::{Number, float_to_integer, parse_number};
use super::table::Table;

/// A value of the language.
#[derive(Trace, Clone, Copy)]
pub(super) enum Value<'gc> {
    Nil,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Text<'gc>),
    Table(Gc<'gc, Table<'gc>>),
    Function(Gc<'gc, Closure<'gc>>),
    Native(Native),
    Coroutine(Gc<'gc, Coroutine<'gc>>),
    /// A register whose variable is shared. Scripts never see one.
    Cell(Variable<'gc>),
}

const _: () = assert!(size_of::<Option<Value<'static>>>() == 16);

/// A variable that several functions share.
pub(super) type Variable<'gc> = Gc<'gc, Lock<Value<'gc>>>;

/// A function of the library.
#[derive(Clone, Copy, Trace)]
#[trace(require_static)]
pub(super) struct Native(pub(super) &'static NativeFunction);

/// What a function of the library is.
pub(super) struct NativeFunction {
    pub(super) name: &'static str,
    pub(super) run: for<'a, 'gc> fn(&mut Machine<'a, 'gc>, Arguments) -> Outcome<'gc>,
}

/// A string: bytes, and their hash when somebody has asked for it. One object.
#[derive(Trace, Clone, Copy)]
pub(super) struct Text<'gc>(Gc<'gc, TextObject>);

pub(super) type TextObject = HeaderSlice<TextHash, [u8]>;

/// Zero: nobody has asked.
#[derive(Trace)]
#[trace(require_static)]
pub(super) struct TextHash(Cell<u64>);

impl<'gc> Text<'gc> {
    pub(super) fn new(mc: &Mutator<'gc>, bytes: &[u8]) -> Result<Self, AllocError> {
        Self::generate(mc, bytes.len(), |index| bytes[index])
    }

    /// One string behind the other.
    pub(super) fn concat(mc: &Mutator<'gc>, first: &[u8], second: &[u8]) -> Result<Self, AllocError> {
        let mut bytes = first.iter().chain(second);
        let next = |_| bytes.next().copied().unwrap_or(0);
        Gc::try_new_header_slice(mc, TextHash(Cell::new(0)), first.len() + second.len(), next).map(Text)
    }

    /// A string of so many bytes, each made by a function of its index.
    pub(super) fn generate(mc: &Mutator<'gc>, len: usize, byte: impl FnMut(usize) -> u8) -> Result<Self, AllocError> {
        Gc::try_new_header_slice(mc, TextHash(Cell::new(0)), len, byte).map(Text)
    }

    #[inline]
    pub(super) fn bytes(self) -> &'gc [u8] {
        &Gc::as_ref(self.0).slice
    }

    #[inline]
    pub(super) fn hash(self, mc: &Mutator<'gc>) -> u64 {
        match self.0.header.0.get() {
            0 => self.compute_hash(mc),
            hash => hash,
        }
    }

    #[cold]
    fn compute_hash(self, mc: &Mutator<'gc>) -> u64 {
        let hash = Self::hash_of(mc, self.bytes());
        self.0.header.0.set(hash);
        hash
    }

    pub(super) fn hash_of(mc: &Mutator<'gc>, bytes: &[u8]) -> u64 {
        <ByValue as KeyRule<Vec<u8>, [u8]>>::hash(mc, bytes) | 1
    }

    #[inline]
    pub(super) fn same(self, other: Self) -> bool {
        Gc::ptr_eq(self.0, other.0) || self.equal_bytes(other)
    }

    #[inline(never)]
    fn equal_bytes(self, other: Self) -> bool {
        self.bytes() == other.bytes()
    }

    pub(super) fn to_string_lossy(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The object that it is.
    pub(super) fn object(self) -> Gc<'gc, TextObject> {
        self.0
    }

    pub(super) fn from_object(object: Gc<'gc, TextObject>) -> Self {
        Text(object)
    }
}

/// A function, and the variables of others that it uses.
pub(super) type Closure<'gc> = HeaderSlice<ClosureHeader<'gc>, [Variable<'gc>]>;

#[derive(Trace)]
pub(super) struct ClosureHeader<'gc> {
    pub(super) prototype: Gc<'gc, Prototype<'gc>>,
}

/// What is common to all closures of a function: its code, in the heap.
#[derive(Trace)]
pub(super) struct Prototype<'gc> {
    pub(super) code: Gc<'gc, [Instruction]>,
    pub(super) constants: Gc<'gc, [Value<'gc>]>,
    pub(super) prototypes: Gc<'gc, [Gc<'gc, Prototype<'gc>>]>,
    pub(super) captures: Gc<'gc, [Capture]>,
    pub(super) parameters: u8,
    pub(super) variadic: bool,
    pub(super) registers: u8,
    pub(super) names: Names<'gc>,
}

/// What messages say of a function.
#[derive(Trace)]
pub(super) struct Names<'gc> {
    pub(super) source: Text<'gc>,
    pub(super) name: Text<'gc>,
    pub(super) line: u32,
    pub(super) lines: Gc<'gc, [u32]>,
    pub(super) upvalues: Gc<'gc, [Text<'gc>]>,
    pub(super) locals: Gc<'gc, [Local<'gc>]>,
}

/// A local, and where it is in scope.
#[derive(Trace, Clone, Copy)]
pub(super) struct Local<'gc> {
    pub(super) name: Text<'gc>,
    pub(super) register: Register,
    pub(super) from: u32,
    pub(super) to: u32,
}

impl<'gc> Value<'gc> {
    #[inline]
    pub(super) fn is_truthy(self) -> bool {
        !matches!(self, Value::Nil | Value::Boolean(false))
    }

    #[inline]
    pub(super) fn is_nil(self) -> bool {
        matches!(self, Value::Nil)
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Boolean(_) => "boolean",
            Value::Integer(_) | Value::Float(_) => "number",
            Value::Text(_) => "string",
            Value::Table(_) => "table",
            Value::Function(_) | Value::Native(_) => "function",
            Value::Coroutine(_) => "thread",
            Value::Cell(_) => "variable",
        }
    }

    pub(super) fn as_table(self) -> Option<Gc<'gc, Table<'gc>>> {
        if let Value::Table(table) = self { Some(table) } else { None }
    }

    pub(super) fn as_text(self) -> Option<Text<'gc>> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// A number, or what a text says.
    pub(super) fn to_number(self) -> Option<Number> {
        match self {
            Value::Integer(integer) => Some(Number::Integer(integer)),
            Value::Float(float) => Some(Number::Float(float)),
            Value::Text(text) => parse_number(text.bytes()),
            _ => None,
        }
    }

    /// The integer that is equal to a number, or to what a text says.
    pub(super) fn to_integer(self) -> Option<i64> {
        match self.to_number()? {
            Number::Integer(integer) => Some(integer),
            Number::Float(float) => float_to_integer(float),
        }
    }

    /// Equality without metamethods.
    #[inline]
    pub(super) fn raw_equal(self, other: Self) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Integer(a), Value::Float(b)) | (Value::Float(b), Value::Integer(a)) => {
                float_to_integer(b) == Some(a)
            }
            (Value::Text(a), Value::Text(b)) => a.same(b),
            (Value::Table(a), Value::Table(b)) => Gc::ptr_eq(a, b),
            (Value::Function(a), Value::Function(b)) => Gc::ptr_eq(a, b),
            (Value::Native(a), Value::Native(b)) => std::ptr::eq(a.0, b.0),
            (Value::Coroutine(a), Value::Coroutine(b)) => Gc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The address of an object, as `tostring` shows it.
    pub(super) fn address(self) -> usize {
        let pointer = match self {
            Value::Table(table) => Gc::as_ptr(table),
            Value::Function(function) => Gc::as_ptr(function),
            Value::Coroutine(coroutine) => Gc::as_ptr(coroutine),
            Value::Native(native) => std::ptr::from_ref(native.0).cast(),
            _ => std::ptr::null(),
        };
        pointer.addr()
    }
}

impl From<Number> for Value<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => Value::Integer(integer),
            Number::Float(float) => Value::Float(float),
        }
    }
}

/// Which keys of a table are the same. A float that is equal to an integer never gets here.
pub(super) struct Keys;

impl<'gc> KeyRule<'gc, Value<'gc>> for Keys {
    #[inline]
    fn hash(mc: &Mutator<'gc>, key: &Value<'gc>) -> u64 {
        // Multiplied, and turned so that low bits depend on all: Fibonacci hashing.
        let spread = |bits: u64| bits.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
        match *key {
            Value::Text(text) => text.hash(mc),
            Value::Integer(integer) => spread(integer as u64),
            Value::Float(float) => spread(float.to_bits() ^ 1),
            Value::Boolean(value) => spread(2 + u64::from(value)),
            Value::Table(table) => Gc::identity_hash(table, mc),
            Value::Function(function) => Gc::identity_hash(function, mc),
            Value::Coroutine(coroutine) => Gc::identity_hash(coroutine, mc),
            Value::Native(_) => spread(key.address() as u64),
            Value::Nil | Value::Cell(_) => 0,
        }
    }

    #[inline]
    fn same(_: &Mutator<'gc>, key: &Value<'gc>, asked: &Value<'gc>) -> bool {
        key.raw_equal(*asked)
    }
}

impl<'gc> KeyRule<'gc, Value<'gc>, Text<'gc>> for Keys {
    #[inline]
    fn hash(mc: &Mutator<'gc>, asked: &Text<'gc>) -> u64 {
        asked.hash(mc)
    }

    #[inline]
    fn same(_: &Mutator<'gc>, key: &Value<'gc>, asked: &Text<'gc>) -> bool {
        matches!(key, Value::Text(text) if text.same(*asked))
    }
}
