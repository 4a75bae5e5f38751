//! Compiled functions: instructions for a machine with registers.
//!
//! A function has up to 250 registers, in a window of the stack that is 256 wide, so no operand of an instruction can be
//! out of bounds. Parameters and locals have registers for as long as they are in scope; temporaries lie above them. An
//! instruction is eight bytes: it names its registers, and one constant or jump.
//!
//! A local that an inner function uses does not live in its register: there the register has a *cell*, an object with the
//! variable in it, which both functions hold. The compiler knows which locals those are (it reads a script twice), so that all
//! others cost nothing. *Why not open upvalues*, which point into the stack until its frame ends, as in PUC's
//! implementation? They are for a compiler that reads once. They need a list of what is open, a comparison at the end of
//! each scope, and a write barrier on somebody else's stack; a cell is an object like any other.
//!
//! What is here belongs to no heap: a [`Unit`] becomes a [`Prototype`](super::value::Prototype) when it is loaded.

use std::rc::Rc;

use heap_core::Trace;

use super::number::Number;

/// A register.
pub(super) type Register = u8;

/// "As many as there are", where a number of values is one less than what is written.
pub(super) const OPEN: u8 = 0;

/// An arithmetic operation of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// An instruction.
///
/// Jumps are relative to the instruction behind them. `results`, `arguments` and `count` are one more than the number, and
/// [`OPEN`] means all up to the top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Trace)]
#[trace(require_static)]
pub(super) enum Instruction {
    Move {
        to: Register,
        from: Register,
    },
    LoadNil {
        first: Register,
        count: u8,
    },
    LoadBoolean {
        to: Register,
        value: bool,
    },
    LoadInteger {
        to: Register,
        value: i32,
    },
    LoadConstant {
        to: Register,
        constant: u16,
    },
    /// The value of a register goes into a new cell, and the cell into the register.
    NewCell {
        at: Register,
    },
    GetCell {
        to: Register,
        cell: Register,
    },
    SetCell {
        cell: Register,
        from: Register,
    },
    GetUpvalue {
        to: Register,
        index: u8,
    },
    SetUpvalue {
        index: u8,
        from: Register,
    },
    GetGlobal {
        to: Register,
        name: u16,
    },
    SetGlobal {
        name: u16,
        from: Register,
    },
    GetField {
        to: Register,
        table: Register,
        name: u16,
    },
    SetField {
        table: Register,
        name: u16,
        from: Register,
    },
    GetIndex {
        to: Register,
        table: Register,
        key: Register,
    },
    SetIndex {
        table: Register,
        key: Register,
        from: Register,
    },
    /// A method and its object, into two registers.
    GetMethod {
        to: Register,
        object: Register,
        name: u16,
    },
    NewTable {
        to: Register,
        array: u16,
        fields: u16,
    },
    /// The registers behind the table become its elements from number `first` on.
    SetElements {
        table: Register,
        count: u8,
        first: u32,
    },
    Arithmetic {
        operation: Arithmetic,
        to: Register,
        left: Register,
        right: Register,
    },
    Add {
        to: Register,
        left: Register,
        right: Register,
    },
    Subtract {
        to: Register,
        left: Register,
        right: Register,
    },
    Multiply {
        to: Register,
        left: Register,
        right: Register,
    },
    /// With a constant on the right.
    AddConstant {
        to: Register,
        left: Register,
        constant: u16,
    },
    SubtractConstant {
        to: Register,
        left: Register,
        constant: u16,
    },
    ArithmeticConstant {
        operation: Arithmetic,
        to: Register,
        left: Register,
        constant: u16,
    },
    Negate {
        to: Register,
        from: Register,
    },
    BitNot {
        to: Register,
        from: Register,
    },
    Not {
        to: Register,
        from: Register,
    },
    Length {
        to: Register,
        from: Register,
    },
    Concatenate {
        to: Register,
        first: Register,
        count: u8,
    },
    Jump {
        offset: i32,
    },
    /// A jump backwards, where the heap may collect; so many registers are alive then.
    Loop {
        alive: u8,
        offset: i32,
    },
    JumpIf {
        condition: Register,
        expected: bool,
        offset: i16,
    },
    /// As `JumpIf`, and the value goes along.
    JumpWith {
        to: Register,
        condition: Register,
        expected: bool,
        offset: i16,
    },
    JumpIfEqual {
        left: Register,
        right: Register,
        expected: bool,
        offset: i16,
    },
    JumpIfEqualConstant {
        left: Register,
        expected: bool,
        constant: u16,
        offset: i16,
    },
    JumpIfLess {
        left: Register,
        right: Register,
        expected: bool,
        offset: i16,
    },
    JumpIfLessEqual {
        left: Register,
        right: Register,
        expected: bool,
        offset: i16,
    },
    Call {
        function: Register,
        arguments: u8,
        results: u8,
    },
    TailCall {
        function: Register,
        arguments: u8,
    },
    Return {
        first: Register,
        count: u8,
    },
    Variadic {
        first: Register,
        count: u8,
    },
    Closure {
        to: Register,
        unit: u16,
    },
    ForPrepare {
        base: Register,
        offset: i32,
    },
    ForLoop {
        base: Register,
        offset: i32,
    },
    /// Calls the iterator of a generic `for`: its results go into the registers from `base + 3` on.
    ForCall {
        base: Register,
        results: u8,
    },
    /// Goes on with the loop unless the first of them is nil.
    ForIn {
        base: Register,
        offset: i32,
    },
}

const _: () = assert!(size_of::<Instruction>() == 8);

/// A constant of a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Number(Number),
    Text(Rc<[u8]>),
}

/// Where a closure finds a cell when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Trace)]
#[trace(require_static)]
pub(super) enum Capture {
    /// In a register of the function that makes it.
    Register(Register),
    /// Among the cells of that function.
    Upvalue(u8),
}

/// What messages say of a local: its name, its register, and where it is in scope.
#[derive(Clone, Debug)]
pub(super) struct LocalName {
    pub(super) name: Rc<[u8]>,
    pub(super) register: Register,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// A compiled function.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) parameters: u8,
    pub(super) variadic: bool,
    /// How many registers it uses.
    pub(super) registers: u8,
    pub(super) code: Vec<Instruction>,
    /// The line of each instruction.
    pub(super) lines: Vec<u32>,
    pub(super) constants: Vec<Constant>,
    pub(super) captures: Vec<Capture>,
    pub(super) upvalue_names: Vec<Rc<[u8]>>,
    pub(super) locals: Vec<LocalName>,
    pub(super) units: Vec<Unit>,
}
