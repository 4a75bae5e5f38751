//! [`Function`]: a function under construction: its code, registers, scopes and jumps.

use std::rc::Rc;

use super::SyntaxError;
use crate::interpreter::code::{Capture, Constant, Instruction, LocalName, Register, Unit};

/// Registers that a function may use. Above them there is room for the operands of calls that the machine makes.
const REGISTERS: usize = 250;
/// Locals of a function, as in PUC's implementation.
const LOCALS: usize = 200;
/// Stands for no register in a jump whose value nobody wants.
pub(super) const NOWHERE: Register = Register::MAX;

/// A local in scope.
pub(super) struct Local {
    pub(super) name: Rc<[u8]>,
    pub(super) register: Register,
    /// Its number among all declarations of the script.
    pub(super) declaration: usize,
    /// Whether its register has a cell.
    pub(super) in_cell: bool,
    pub(super) constant: bool,
    /// Its entry in the names of the unit.
    name_entry: usize,
}

/// A block, for what is in scope and where `break` and `goto` lead.
pub(super) struct Block {
    first_local: usize,
    is_loop: bool,
    labels: Vec<Label>,
    gotos: Vec<Goto>,
}

struct Label {
    name: Rc<[u8]>,
    pc: usize,
}

/// A jump to a label that was not seen yet.
struct Goto {
    name: Rc<[u8]>,
    pc: usize,
    line: u32,
    /// Locals that are in scope there, and where it leads to.
    locals: usize,
}

pub(super) struct Function {
    pub(super) unit: Unit,
    pub(super) locals: Vec<Local>,
    blocks: Vec<Block>,
    /// The first register that is free.
    pub(super) free: usize,
    /// The line of what is being compiled.
    pub(super) line: u32,
}

impl Function {
    pub(super) fn new(name: String, line: u32) -> Self {
        let unit = Unit {
            name,
            line,
            parameters: 0,
            variadic: false,
            registers: 2,
            code: Vec::new(),
            lines: Vec::new(),
            constants: Vec::new(),
            captures: Vec::new(),
            upvalue_names: Vec::new(),
            locals: Vec::new(),
            units: Vec::new(),
        };
        Function { unit, locals: Vec::new(), blocks: Vec::new(), free: 0, line }
    }

    pub(super) fn error<T>(&self, sentence: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { line: self.line, sentence: sentence.into() })
    }

    // ---- code ----

    pub(super) fn emit(&mut self, instruction: Instruction) -> usize {
        self.unit.code.push(instruction);
        self.unit.lines.push(self.line);
        self.unit.code.len() - 1
    }

    /// Where the next instruction will stand.
    pub(super) fn here(&self) -> usize {
        self.unit.code.len()
    }

    pub(super) fn constant(&mut self, constant: Constant) -> Result<u16, SyntaxError> {
        // A few dozen at most in functions that people write; those of generated data are long, and are searched from the end.
        let same = |other: &Constant| match (other, &constant) {
            (Constant::Number(a), Constant::Number(b)) => {
                std::mem::discriminant(a) == std::mem::discriminant(b)
                    && a.to_float().to_bits() == b.to_float().to_bits()
                    && a == b
            }
            (a, b) => a == b,
        };
        let recent = self.unit.constants.len().saturating_sub(1000);
        let known = self.unit.constants[recent..].iter().position(same).map(|at| recent + at);
        let number = known.unwrap_or_else(|| {
            self.unit.constants.push(constant);
            self.unit.constants.len() - 1
        });
        u16::try_from(number).or_else(|_| self.error("function has more than 65536 constants"))
    }

    pub(super) fn text(&mut self, text: &Rc<[u8]>) -> Result<u16, SyntaxError> {
        self.constant(Constant::Text(text.clone()))
    }

    // ---- registers ----

    pub(super) fn reserve(&mut self, count: usize) -> Result<Register, SyntaxError> {
        let first = self.free;
        self.free += count;
        if self.free > REGISTERS {
            return self.error("function or expression needs too many registers");
        }
        // Two more, for what is moved and called at the top.
        self.unit.registers = self.unit.registers.max(self.free as u8 + 2);
        Ok(first as Register)
    }

    /// Frees a temporary, which must be the last one; locals stay.
    pub(super) fn release(&mut self, register: Register) {
        if usize::from(register) >= self.active_registers() {
            self.free -= 1;
            debug_assert_eq!(self.free, usize::from(register), "temporaries are freed in reverse order");
        }
    }

    /// The registers that locals occupy.
    pub(super) fn active_registers(&self) -> usize {
        self.locals.last().map_or(0, |local| usize::from(local.register) + 1)
    }

    // ---- scopes ----

    /// A value that is in the next register above the locals becomes a local.
    pub(super) fn declare(&mut self, name: Rc<[u8]>, declaration: usize, in_cell: bool) -> Result<(), SyntaxError> {
        if self.locals.len() == LOCALS {
            return self.error(format!("too many local variables (limit is {LOCALS})"));
        }
        let register = self.active_registers() as Register;
        if in_cell {
            self.emit(Instruction::NewCell { at: register });
        }
        let from = self.here() as u32;
        self.unit.locals.push(LocalName { name: name.clone(), register, from, to: u32::MAX });
        let name_entry = self.unit.locals.len() - 1;
        self.locals.push(Local { name, register, declaration, in_cell, constant: false, name_entry });
        Ok(())
    }

    pub(super) fn enter(&mut self, is_loop: bool) {
        let first_local = self.locals.len();
        self.blocks.push(Block { first_local, is_loop, labels: Vec::new(), gotos: Vec::new() });
    }

    /// Ends a block; its locals go out of scope.
    pub(super) fn leave(&mut self) -> Result<(), SyntaxError> {
        let Some(mut block) = self.blocks.pop() else { return Ok(()) };
        let here = self.here();
        for local in self.locals.drain(block.first_local..) {
            self.unit.locals[local.name_entry].to = here as u32;
        }
        self.free = self.active_registers();
        if block.is_loop {
            // What is behind the loop is where its breaks lead.
            let (breaks, others) = block.gotos.into_iter().partition(|goto| &*goto.name == b"break");
            block.gotos = others;
            for goto in <Vec<Goto>>::into_iter(breaks) {
                self.patch(goto.pc, here)?;
            }
        }
        for goto in &mut block.gotos {
            goto.locals = goto.locals.min(block.first_local);
        }
        match self.blocks.last_mut() {
            Some(outer) => {
                // Labels of the outer block that stand in front of this one.
                for goto in block.gotos {
                    match outer.labels.iter().find(|label| label.name == goto.name).map(|label| label.pc) {
                        Some(target) => Self::patch_in(&mut self.unit, goto.pc, target, goto.line)?,
                        None => outer.gotos.push(goto),
                    }
                }
            }
            None => {
                if let Some(goto) = block.gotos.first() {
                    let name = goto.name.escape_ascii();
                    let sentence = match &*goto.name {
                        b"break" => format!("break outside loop at line {}", goto.line),
                        _ => format!("no visible label '{name}' for <goto> at line {}", goto.line),
                    };
                    return Err(SyntaxError { line: goto.line, sentence });
                }
            }
        }
        Ok(())
    }

    pub(super) fn goto(&mut self, name: Rc<[u8]>) -> Result<(), SyntaxError> {
        let alive = self.active_registers() as u8;
        let pc = self.emit(Instruction::Loop { alive, offset: 0 });
        let (line, locals) = (self.line, self.locals.len());
        let Some(block) = self.blocks.last_mut() else { return Ok(()) };
        match block.labels.iter().find(|label| label.name == name).map(|label| label.pc) {
            Some(target) => self.patch(pc, target),
            None => {
                block.gotos.push(Goto { name, pc, line, locals });
                Ok(())
            }
        }
    }

    /// A label. At the end of a block, the locals of the block count as out of scope.
    pub(super) fn label(&mut self, name: Rc<[u8]>, at_end: bool) -> Result<(), SyntaxError> {
        if self.blocks.iter().any(|block| block.labels.iter().any(|label| label.name == name)) {
            return self.error(format!("label '{}' already defined", name.escape_ascii()));
        }
        let pc = self.here();
        let Some(block) = self.blocks.last_mut() else { return Ok(()) };
        let locals = if at_end { block.first_local } else { self.locals.len() };
        let (here, others) = std::mem::take(&mut block.gotos).into_iter().partition(|goto| goto.name == name);
        block.gotos = others;
        block.labels.push(Label { name, pc });
        for goto in <Vec<Goto>>::into_iter(here) {
            if goto.locals < locals {
                let local = self.locals[goto.locals].name.escape_ascii().to_string();
                let label = goto.name.escape_ascii();
                let sentence = format!("<goto {label}> at line {} jumps into the scope of local '{local}'", goto.line);
                return Err(SyntaxError { line: goto.line, sentence });
            }
            self.patch(goto.pc, pc)?;
        }
        Ok(())
    }

    // ---- jumps ----

    /// Makes the jump at `pc` lead to `target`.
    pub(super) fn patch(&mut self, pc: usize, target: usize) -> Result<(), SyntaxError> {
        Self::patch_in(&mut self.unit, pc, target, self.line)
    }

    fn patch_in(unit: &mut Unit, pc: usize, target: usize, line: u32) -> Result<(), SyntaxError> {
        use Instruction as I;
        let distance = target as i64 - (pc as i64 + 1);
        let too_long = || SyntaxError { line, sentence: "control structure too long".into() };
        match &mut unit.code[pc] {
            I::Jump { offset }
            | I::Loop { offset, .. }
            | I::ForPrepare { offset, .. }
            | I::ForLoop { offset, .. }
            | I::ForIn { offset, .. } => {
                *offset = i32::try_from(distance).map_err(|_| too_long())?;
            }
            I::JumpIf { offset, .. }
            | I::JumpWith { offset, .. }
            | I::JumpIfEqual { offset, .. }
            | I::JumpIfEqualConstant { offset, .. }
            | I::JumpIfLess { offset, .. }
            | I::JumpIfLessEqual { offset, .. } => *offset = i16::try_from(distance).map_err(|_| too_long())?,
            other => unreachable!("{other:?} is no jump"),
        }
        Ok(())
    }

    pub(super) fn patch_all(&mut self, jumps: &[usize], target: usize) -> Result<(), SyntaxError> {
        jumps.iter().try_for_each(|&pc| {
            self.drop_value(pc);
            self.patch(pc, target)
        })
    }

    /// Nobody wants the value that a jump would take along.
    pub(super) fn drop_value(&mut self, pc: usize) {
        if let Instruction::JumpWith { condition, expected, offset, .. } = self.unit.code[pc] {
            self.unit.code[pc] = Instruction::JumpIf { condition, expected, offset };
        }
    }

    /// Turns the condition of a jump around.
    pub(super) fn negate(&mut self, pc: usize) {
        use Instruction as I;
        match &mut self.unit.code[pc] {
            I::JumpIf { expected, .. }
            | I::JumpWith { expected, .. }
            | I::JumpIfEqual { expected, .. }
            | I::JumpIfEqualConstant { expected, .. }
            | I::JumpIfLess { expected, .. }
            | I::JumpIfLessEqual { expected, .. } => *expected = !*expected,
            other => unreachable!("{other:?} has no condition"),
        }
    }

    pub(super) fn capture(&mut self, name: &Rc<[u8]>, capture: Capture) -> Result<u8, SyntaxError> {
        let known = self.unit.captures.iter().position(|other| *other == capture);
        let index = known.unwrap_or_else(|| {
            self.unit.captures.push(capture);
            self.unit.upvalue_names.push(name.clone());
            self.unit.captures.len() - 1
        });
        u8::try_from(index).or_else(|_| self.error("too many upvalues (limit is 255)"))
    }
}
