//! [`Expression`]: what is known of an expression whose code is not finished, and how it is finished.
//!
//! After `a` of `a + b` was read nothing was emitted: a local is its register, a constant may become part of an instruction,
//! and the target of the last instruction is open until somebody says where the value shall go. `and` and `or` leave lists of
//! jumps: those taken when the expression is true, and when it is false. The method is that of PUC's `lcode.c`
//! (Ierusalimschy, de Figueiredo, Celes: The implementation of Lua 5.0, 2005).

use super::SyntaxError;
use super::function::{Function, NOWHERE};
use crate::interpreter::code::{Constant, Instruction, Register};
use crate::interpreter::number::Number;

#[derive(Debug)]
pub(super) enum Kind {
    Nil,
    Boolean(bool),
    Number(Number),
    Text(u16),
    /// A local.
    Local(Register),
    /// A temporary.
    Register(Register),
    Cell(Register),
    Upvalue(u8),
    Global(u16),
    Field(Register, u16),
    Index(Register, Register),
    /// The target of the instruction at this place is open.
    Pending(usize),
    Call(usize),
    Variadic(usize),
    /// The instruction at this place jumps when the expression is true.
    Jump(usize),
}

#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    when_true: Vec<usize>,
    when_false: Vec<usize>,
}

impl Expression {
    pub(super) fn new(kind: Kind) -> Self {
        Expression { kind, when_true: Vec::new(), when_false: Vec::new() }
    }

    fn has_jumps(&self) -> bool {
        !self.when_true.is_empty() || !self.when_false.is_empty()
    }

    pub(super) fn is_number(&self) -> Option<Number> {
        match self.kind {
            Kind::Number(number) if !self.has_jumps() => Some(number),
            _ => None,
        }
    }
}

impl Function {
    /// The instruction that makes a variable's value, with an open target.
    pub(super) fn load_variable(&mut self, e: &mut Expression) -> Result<(), SyntaxError> {
        use Instruction as I;
        let to = NOWHERE;
        let instruction = match e.kind {
            Kind::Local(register) => {
                e.kind = Kind::Register(register);
                return Ok(());
            }
            Kind::Cell(cell) => I::GetCell { to, cell },
            Kind::Upvalue(index) => I::GetUpvalue { to, index },
            Kind::Global(name) => I::GetGlobal { to, name },
            Kind::Field(table, name) => {
                self.release(table);
                I::GetField { to, table, name }
            }
            Kind::Index(table, key) => {
                self.release_both(table, key);
                I::GetIndex { to, table, key }
            }
            Kind::Call(pc) => {
                if let I::Call { function, results, .. } = &mut self.unit.code[pc] {
                    *results = 2;
                    e.kind = Kind::Register(*function);
                }
                return Ok(());
            }
            Kind::Variadic(pc) => {
                if let I::Variadic { count, .. } = &mut self.unit.code[pc] {
                    *count = 2;
                }
                e.kind = Kind::Pending(pc);
                return Ok(());
            }
            _ => return Ok(()),
        };
        e.kind = Kind::Pending(self.emit(instruction));
        Ok(())
    }

    pub(super) fn release_both(&mut self, a: Register, b: Register) {
        self.release(a.max(b));
        if a != b {
            self.release(a.min(b));
        }
    }

    /// Puts the value into a register, unless it is a jump.
    fn load(&mut self, e: &mut Expression, to: Register) -> Result<(), SyntaxError> {
        use Instruction as I;
        self.load_variable(e)?;
        match e.kind {
            Kind::Nil => {
                self.emit(I::LoadNil { first: to, count: 1 });
            }
            Kind::Boolean(value) => {
                self.emit(I::LoadBoolean { to, value });
            }
            Kind::Number(number) => self.load_number(to, number)?,
            Kind::Text(constant) => {
                self.emit(I::LoadConstant { to, constant });
            }
            Kind::Register(from) => {
                if from != to {
                    self.emit(I::Move { to, from });
                }
            }
            Kind::Pending(pc) => self.set_target(pc, to),
            Kind::Jump(_) => return Ok(()),
            _ => unreachable!("{:?} is a variable", e.kind),
        }
        e.kind = Kind::Register(to);
        Ok(())
    }

    fn load_number(&mut self, to: Register, number: Number) -> Result<(), SyntaxError> {
        match number {
            Number::Integer(integer) if i32::try_from(integer).is_ok() => {
                self.emit(Instruction::LoadInteger { to, value: integer as i32 });
            }
            _ => {
                let constant = self.constant(Constant::Number(number))?;
                self.emit(Instruction::LoadConstant { to, constant });
            }
        }
        Ok(())
    }

    fn set_target(&mut self, pc: usize, register: Register) {
        use Instruction as I;
        match &mut self.unit.code[pc] {
            I::GetCell { to, .. }
            | I::GetUpvalue { to, .. }
            | I::GetGlobal { to, .. }
            | I::GetField { to, .. }
            | I::GetIndex { to, .. }
            | I::NewTable { to, .. }
            | I::Arithmetic { to, .. }
            | I::Add { to, .. }
            | I::Subtract { to, .. }
            | I::Multiply { to, .. }
            | I::AddConstant { to, .. }
            | I::SubtractConstant { to, .. }
            | I::ArithmeticConstant { to, .. }
            | I::Negate { to, .. }
            | I::BitNot { to, .. }
            | I::Not { to, .. }
            | I::Length { to, .. }
            | I::Concatenate { to, .. }
            | I::Closure { to, .. }
            | I::Variadic { first: to, .. } => *to = register,
            other => unreachable!("{other:?} has no target"),
        }
    }

    /// Puts the value of an expression into a register, with whatever jumps it has.
    pub(super) fn put_into(&mut self, mut e: Expression, to: Register) -> Result<(), SyntaxError> {
        self.load(&mut e, to)?;
        if let Kind::Jump(pc) = e.kind {
            e.when_true.push(pc);
        }
        if !e.has_jumps() {
            return Ok(());
        }
        // Jumps without a value lead to two instructions that make one.
        let carries = |function: &Self, pc: &usize| matches!(function.unit.code[*pc], Instruction::JumpWith { .. });
        let all_carry = e.when_true.iter().chain(&e.when_false).all(|pc| carries(self, pc));
        let (mut make_false, mut make_true) = (0, 0);
        if !all_carry || matches!(e.kind, Kind::Jump(_)) {
            let over = match e.kind {
                Kind::Jump(_) => None,
                _ => Some(self.emit(Instruction::Jump { offset: 0 })),
            };
            make_false = self.emit(Instruction::LoadBoolean { to, value: false });
            self.emit(Instruction::Jump { offset: 1 });
            make_true = self.emit(Instruction::LoadBoolean { to, value: true });
            if let Some(over) = over {
                self.patch(over, make_true + 1)?;
            }
        }
        let end = self.here();
        for (jumps, make) in [(&e.when_true, make_true), (&e.when_false, make_false)] {
            for &pc in jumps {
                match &mut self.unit.code[pc] {
                    Instruction::JumpWith { to: target, condition, .. } => {
                        if *condition == to {
                            self.drop_value(pc);
                        } else {
                            *target = to;
                        }
                        self.patch(pc, end)?;
                    }
                    _ => self.patch(pc, make)?,
                }
            }
        }
        Ok(())
    }

    /// Puts the value into the next free register.
    pub(super) fn put_into_next(&mut self, mut e: Expression) -> Result<Register, SyntaxError> {
        self.load_variable(&mut e)?;
        self.release_expression(&e);
        let register = self.reserve(1)?;
        self.put_into(e, register)?;
        Ok(register)
    }

    /// Puts the value into some register: that of the local, if it is one.
    pub(super) fn put_into_any(&mut self, mut e: Expression) -> Result<Register, SyntaxError> {
        self.load_variable(&mut e)?;
        if let Kind::Register(register) = e.kind {
            if !e.has_jumps() {
                return Ok(register);
            }
            if usize::from(register) >= self.active_registers() {
                self.put_into(e, register)?;
                return Ok(register);
            }
        }
        self.put_into_next(e)
    }

    pub(super) fn release_expression(&mut self, e: &Expression) {
        if let Kind::Register(register) = e.kind {
            self.release(register);
        }
    }

    // ---- conditions ----

    /// A jump that is taken when the expression is `expected`.
    fn jump_if(&mut self, e: &mut Expression, expected: bool) -> Result<usize, SyntaxError> {
        if let Kind::Jump(pc) = e.kind {
            if !expected {
                self.negate(pc);
            }
            return Ok(pc);
        }
        if let Kind::Pending(pc) = e.kind
            && let Instruction::Not { from, .. } = self.unit.code[pc]
            && pc + 1 == self.here()
        {
            self.unit.code.pop();
            self.unit.lines.pop();
            return Ok(self.emit(Instruction::JumpIf { condition: from, expected: !expected, offset: 0 }));
        }
        let taken = Expression::new(std::mem::replace(&mut e.kind, Kind::Nil));
        let condition = self.put_into_any(taken)?;
        self.release(condition);
        Ok(self.emit(Instruction::JumpWith { to: NOWHERE, condition, expected, offset: 0 }))
    }

    /// Goes on here when the expression is true; it is false where the jumps that are left lead.
    pub(super) fn go_on_if_true(&mut self, mut e: Expression) -> Result<Vec<usize>, SyntaxError> {
        self.load_variable(&mut e)?;
        match e.kind {
            Kind::Boolean(true) | Kind::Number(_) | Kind::Text(_) => {}
            _ => {
                let pc = self.jump_if(&mut e, false)?;
                e.when_false.push(pc);
            }
        }
        let here = self.here();
        self.patch_all(&std::mem::take(&mut e.when_true), here)?;
        Ok(e.when_false)
    }

    /// As [`go_on_if_true`](Self::go_on_if_true), the other way round.
    pub(super) fn go_on_if_false(&mut self, mut e: Expression) -> Result<Vec<usize>, SyntaxError> {
        self.load_variable(&mut e)?;
        match e.kind {
            Kind::Boolean(false) | Kind::Nil => {}
            _ => {
                let pc = self.jump_if(&mut e, true)?;
                e.when_true.push(pc);
            }
        }
        let here = self.here();
        self.patch_all(&std::mem::take(&mut e.when_false), here)?;
        Ok(e.when_true)
    }

    /// The second operand of `and`, behind the jumps of the first.
    pub(super) fn and(first_false: Vec<usize>, mut second: Expression) -> Expression {
        second.when_false.extend(first_false);
        second
    }

    /// The second operand of `or`, behind the jumps of the first.
    pub(super) fn or(first_true: Vec<usize>, mut second: Expression) -> Expression {
        second.when_true.extend(first_true);
        second
    }

    pub(super) fn not(&mut self, mut e: Expression) -> Result<Expression, SyntaxError> {
        self.load_variable(&mut e)?;
        match e.kind {
            Kind::Nil | Kind::Boolean(false) => e.kind = Kind::Boolean(true),
            Kind::Boolean(true) | Kind::Number(_) | Kind::Text(_) => e.kind = Kind::Boolean(false),
            Kind::Jump(pc) => self.negate(pc),
            _ => {
                let inner = Expression::new(std::mem::replace(&mut e.kind, Kind::Nil));
                let from = self.put_into_any(inner)?;
                self.release(from);
                e.kind = Kind::Pending(self.emit(Instruction::Not { to: NOWHERE, from }));
            }
        }
        std::mem::swap(&mut e.when_true, &mut e.when_false);
        for pc in e.when_true.iter().chain(&e.when_false) {
            // Its value would be the operand's.
            self.drop_value(*pc);
        }
        Ok(e)
    }
}
