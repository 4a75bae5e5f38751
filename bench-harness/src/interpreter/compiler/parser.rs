//! [`Parser`]: reads statements and expressions, and says to the function under construction what they mean.

use std::rc::Rc;

use super::expression::{Expression, Kind};
use super::function::{Function, NOWHERE};
use super::lexer::{Lexer, Token};
use super::{DEPTH, SyntaxError};
use crate::interpreter::code::{Arithmetic, Capture, Constant, Instruction as I, OPEN, Register, Unit};
use crate::interpreter::number::Number;

type Result<T> = std::result::Result<T, SyntaxError>;

pub(super) struct Parser<'s> {
    lexer: Lexer<'s>,
    token: Token,
    /// The token behind, where it had to be looked at.
    ahead: Option<(Token, u32)>,
    /// The line of `token`, and of the one before.
    line: u32,
    last_line: u32,
    /// Functions under construction, the innermost last.
    functions: Vec<Function>,
    depth: u32,
    /// Locals declared so far.
    declarations: usize,
    /// Of each declaration, whether an inner function uses it: found out by the first pass, used by the second.
    captured: &'s mut Vec<bool>,
}

/// What a binary operator does.
#[derive(Clone, Copy)]
enum Binary {
    Arithmetic(Arithmetic),
    Concatenate,
    Equal(bool),
    /// With the operands exchanged, or not.
    Less(bool),
    LessEqual(bool),
    And,
    Or,
}

/// The operator, and how strongly it binds on its left and on its right.
fn binary(token: &Token) -> Option<(Binary, u32, u32)> {
    use Arithmetic as A;
    let Token::Fixed(symbol) = token else { return None };
    Some(match *symbol {
        "or" => (Binary::Or, 1, 1),
        "and" => (Binary::And, 2, 2),
        "<" => (Binary::Less(false), 3, 3),
        ">" => (Binary::Less(true), 3, 3),
        "<=" => (Binary::LessEqual(false), 3, 3),
        ">=" => (Binary::LessEqual(true), 3, 3),
        "==" => (Binary::Equal(true), 3, 3),
        "~=" => (Binary::Equal(false), 3, 3),
        "|" => (Binary::Arithmetic(A::Or), 4, 4),
        "~" => (Binary::Arithmetic(A::Xor), 5, 5),
        "&" => (Binary::Arithmetic(A::And), 6, 6),
        "<<" => (Binary::Arithmetic(A::ShiftLeft), 7, 7),
        ">>" => (Binary::Arithmetic(A::ShiftRight), 7, 7),
        ".." => (Binary::Concatenate, 9, 8),
        "+" => (Binary::Arithmetic(A::Add), 10, 10),
        "-" => (Binary::Arithmetic(A::Subtract), 10, 10),
        "*" => (Binary::Arithmetic(A::Multiply), 11, 11),
        "/" => (Binary::Arithmetic(A::Divide), 11, 11),
        "//" => (Binary::Arithmetic(A::FloorDivide), 11, 11),
        "%" => (Binary::Arithmetic(A::Modulo), 11, 11),
        "^" => (Binary::Arithmetic(A::Power), 14, 13),
        _ => return None,
    })
}

/// How strongly `not`, `-`, `#` and `~` bind.
const UNARY: u32 = 12;
/// Elements of a table constructor that are set by one instruction.
const BATCH: u32 = 50;

impl<'s> Parser<'s> {
    pub(super) fn new(source: &'s [u8], captured: &'s mut Vec<bool>) -> Result<Self> {
        let mut lexer = Lexer::new(source);
        let token = lexer.next()?;
        let line = lexer.line;
        Ok(Parser {
            lexer,
            token,
            ahead: None,
            line,
            last_line: line,
            functions: Vec::new(),
            depth: 0,
            declarations: 0,
            captured,
        })
    }

    pub(super) fn script(mut self) -> Result<Unit> {
        self.functions.push(Function::new("main chunk".into(), 0));
        self.function().unit.variadic = true;
        self.function().enter(false);
        self.block()?;
        if self.token != Token::End {
            return self.unexpected("'<eof>' expected");
        }
        self.end_function()
    }

    // ---- tokens ----

    fn function(&mut self) -> &mut Function {
        self.functions.last_mut().expect("a script is a function")
    }

    fn emit(&mut self, instruction: I) -> usize {
        let line = self.last_line;
        let function = self.function();
        function.line = line;
        function.emit(instruction)
    }

    fn advance(&mut self) -> Result<Token> {
        self.last_line = self.line;
        let (token, line) = match self.ahead.take() {
            Some(ahead) => ahead,
            None => (self.lexer.next()?, self.lexer.line),
        };
        self.line = line;
        let line = self.last_line;
        self.function().line = line;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn peek(&mut self) -> Result<&Token> {
        if self.ahead.is_none() {
            self.ahead = Some((self.lexer.next()?, self.lexer.line));
        }
        Ok(self.ahead.as_ref().map_or(&Token::End, |(token, _)| token))
    }

    fn is(&self, spelling: &'static str) -> bool {
        self.token == Token::Fixed(spelling)
    }

    fn accept(&mut self, spelling: &'static str) -> Result<bool> {
        let found = self.is(spelling);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, spelling: &'static str) -> Result<()> {
        if self.accept(spelling)? { Ok(()) } else { self.unexpected(&format!("'{spelling}' expected")) }
    }

    /// Expects the end of something that was opened at a line.
    fn expect_end(&mut self, closing: &'static str, opening: &str, line: u32) -> Result<()> {
        if self.accept(closing)? {
            return Ok(());
        }
        if line == self.line {
            return self.unexpected(&format!("'{closing}' expected"));
        }
        self.unexpected(&format!("'{closing}' expected (to close '{opening}' at line {line})"))
    }

    fn name(&mut self) -> Result<Rc<[u8]>> {
        match &self.token {
            Token::Name(name) => {
                let name = name.clone();
                self.advance()?;
                Ok(name)
            }
            _ => self.unexpected("<name> expected"),
        }
    }

    fn unexpected<T>(&self, sentence: &str) -> Result<T> {
        let near = match &self.token {
            Token::Name(text) | Token::Text(text) => text.escape_ascii().to_string(),
            Token::Number(Number::Integer(integer)) => integer.to_string(),
            Token::Number(Number::Float(float)) => crate::interpreter::number::float_to_text(*float),
            Token::Fixed(spelling) => (*spelling).to_owned(),
            Token::End => return self.error(format!("{sentence} near <eof>")),
        };
        self.error(format!("{sentence} near '{near}'"))
    }

    fn error<T>(&self, sentence: String) -> Result<T> {
        Err(SyntaxError { line: self.line, sentence })
    }

    /// Goes one level deeper into the syntax.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH {
            return self.error(format!("chunk has too many syntax levels (limit is {DEPTH})"));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    // ---- names ----

    fn declare(&mut self, name: Rc<[u8]>) -> Result<()> {
        let declaration = self.declarations;
        self.declarations += 1;
        let in_cell = self.captured.get(declaration).copied().unwrap_or(false);
        self.function().declare(name, declaration, in_cell)
    }

    /// What a name means in the innermost function.
    fn variable(&mut self, name: &Rc<[u8]>) -> Result<Kind> {
        let innermost = self.functions.len() - 1;
        let found = (0..=innermost).rev().find_map(|depth| {
            let local = self.functions[depth].locals.iter().rev().find(|local| local.name == *name)?;
            Some((depth, local.register, local.declaration, local.in_cell))
        });
        let Some((depth, register, declaration, in_cell)) = found else {
            let name = self.function().text(name)?;
            return Ok(Kind::Global(name));
        };
        if depth == innermost {
            return Ok(if in_cell { Kind::Cell(register) } else { Kind::Local(register) });
        }
        if self.captured.len() <= declaration {
            self.captured.resize(declaration + 1, false);
        }
        self.captured[declaration] = true;
        let mut capture = Capture::Register(register);
        for inner in &mut self.functions[depth + 1..innermost] {
            capture = Capture::Upvalue(inner.capture(name, capture)?);
        }
        Ok(Kind::Upvalue(self.function().capture(name, capture)?))
    }

    /// Whether a name means a local that must not be assigned to.
    fn is_constant(&self, name: &[u8]) -> bool {
        let local = self
            .functions
            .iter()
            .rev()
            .find_map(|function| function.locals.iter().rev().find(|local| &*local.name == name));
        local.is_some_and(|local| local.constant)
    }

    // ---- statements ----

    fn ends_block(&self) -> bool {
        matches!(self.token, Token::End | Token::Fixed("end" | "else" | "elseif" | "until"))
    }

    fn block(&mut self) -> Result<()> {
        while !self.ends_block() {
            if self.is("return") {
                return self.return_statement();
            }
            self.nested(Self::statement)?;
            let function = self.function();
            function.free = function.active_registers();
        }
        Ok(())
    }

    /// A block with a scope of its own.
    fn scope(&mut self) -> Result<()> {
        self.function().enter(false);
        self.block()?;
        self.function().leave()
    }

    fn statement(&mut self) -> Result<()> {
        let line = self.line;
        let Token::Fixed(word) = self.token else { return self.expression_statement() };
        match word {
            ";" => self.advance().map(drop),
            "if" => self.if_statement(),
            "while" => self.while_statement(),
            "do" => {
                self.advance()?;
                self.scope()?;
                self.expect_end("end", "do", line)
            }
            "for" => self.for_statement(),
            "repeat" => self.repeat_statement(),
            "function" => self.function_statement(),
            "local" => {
                self.advance()?;
                if self.accept("function")? { self.local_function() } else { self.local_statement() }
            }
            "break" => {
                self.advance()?;
                self.function().goto(b"break"[..].into())
            }
            "goto" => {
                self.advance()?;
                let name = self.name()?;
                self.function().goto(name)
            }
            "::" => {
                self.advance()?;
                let name = self.name()?;
                self.expect("::")?;
                while self.is(";") {
                    self.advance()?;
                }
                let at_end = self.ends_block() && !self.is("until");
                self.function().label(name, at_end)
            }
            _ => self.expression_statement(),
        }
    }

    /// A condition; where to go when it is false is open.
    fn condition(&mut self) -> Result<Vec<usize>> {
        let condition = self.expression()?;
        self.function().go_on_if_true(condition)
    }

    fn if_statement(&mut self) -> Result<()> {
        let line = self.line;
        let mut ends = Vec::new();
        loop {
            self.advance()?;
            let when_false = self.condition()?;
            self.expect("then")?;
            self.scope()?;
            let more = self.is("else") || self.is("elseif");
            if more {
                ends.push(self.emit(I::Jump { offset: 0 }));
            }
            let here = self.function().here();
            self.function().patch_all(&when_false, here)?;
            if !self.is("elseif") {
                break;
            }
        }
        if self.accept("else")? {
            self.scope()?;
        }
        self.expect_end("end", "if", line)?;
        let here = self.function().here();
        self.function().patch_all(&ends, here)
    }

    fn while_statement(&mut self) -> Result<()> {
        let line = self.line;
        self.advance()?;
        let start = self.function().here();
        let when_false = self.condition()?;
        self.expect("do")?;
        self.function().enter(true);
        self.scope()?;
        self.expect_end("end", "while", line)?;
        let alive = self.function().active_registers() as u8;
        let back = self.emit(I::Loop { alive, offset: 0 });
        self.function().patch(back, start)?;
        let here = self.function().here();
        self.function().patch_all(&when_false, here)?;
        self.function().leave()
    }

    fn repeat_statement(&mut self) -> Result<()> {
        let line = self.line;
        self.advance()?;
        let start = self.function().here();
        self.function().enter(true);
        self.function().enter(false);
        self.block()?;
        self.expect_end("until", "repeat", line)?;
        // The condition sees the locals of the block.
        let when_false = self.condition()?;
        let over = self.emit(I::Jump { offset: 1 });
        let alive = self.function().active_registers() as u8;
        let back = self.emit(I::Loop { alive, offset: 0 });
        self.function().patch(back, start)?;
        self.function().patch_all(&when_false, back)?;
        let here = self.function().here();
        self.function().patch(over, here)?;
        self.function().leave()?;
        self.function().leave()
    }

    fn for_statement(&mut self) -> Result<()> {
        let line = self.line;
        self.advance()?;
        let first = self.name()?;
        self.function().enter(true);
        if self.is("=") {
            self.numeric_for(first)?
        } else {
            self.generic_for(first)?
        }
        self.expect_end("end", "for", line)?;
        self.function().leave()
    }

    /// Registers: the counter, how often it will still count (or the limit), the step; then the variable.
    fn numeric_for(&mut self, name: Rc<[u8]>) -> Result<()> {
        self.advance()?;
        let base = self.expression_to_next()?;
        self.expect(",")?;
        self.expression_to_next()?;
        if self.accept(",")? {
            self.expression_to_next()?;
        } else {
            let to = self.function().reserve(1)?;
            self.emit(I::LoadInteger { to, value: 1 });
        }
        for _ in 0..3 {
            self.declare(b"(for state)"[..].into())?;
        }
        self.expect("do")?;
        let prepare = self.emit(I::ForPrepare { base, offset: 0 });
        self.function().enter(false);
        self.function().reserve(1)?;
        self.declare(name)?;
        self.block()?;
        self.function().leave()?;
        let end = self.emit(I::ForLoop { base, offset: 0 });
        self.function().patch(end, prepare + 1)?;
        self.function().patch(prepare, end + 1)
    }

    /// Registers: the iterator, its state, the control variable; then the variables, the first of which is the control.
    fn generic_for(&mut self, first: Rc<[u8]>) -> Result<()> {
        let mut names = vec![first];
        while self.accept(",")? {
            names.push(self.name()?);
        }
        self.expect("in")?;
        let base = self.function().free as Register;
        self.expression_list_to(3)?;
        for _ in 0..3 {
            self.declare(b"(for state)"[..].into())?;
        }
        self.expect("do")?;
        let into = self.emit(I::Jump { offset: 0 });
        let body = self.function().here();
        self.function().enter(false);
        // A call needs three registers, whatever the number of variables.
        let results = names.len();
        self.function().reserve(results.max(3))?;
        self.function().free -= results.max(3) - results;
        for name in names {
            self.declare(name)?;
        }
        self.block()?;
        self.function().leave()?;
        let call = self.emit(I::ForCall { base, results: results as u8 });
        self.function().patch(into, call)?;
        let end = self.emit(I::ForIn { base, offset: 0 });
        self.function().patch(end, body)
    }

    fn local_function(&mut self) -> Result<()> {
        let line = self.line;
        let name = self.name()?;
        let to = self.function().reserve(1)?;
        // In scope before it has a value, so that it can call itself: through its cell.
        let declaration = self.declarations;
        let in_cell = self.captured.get(declaration).copied().unwrap_or(false);
        if in_cell {
            self.emit(I::LoadNil { first: to, count: 1 });
        }
        self.declare(name.clone())?;
        let text = name.escape_ascii().to_string();
        let closure = self.function_body(format!("local '{text}'"), false, line)?;
        if in_cell {
            let from = self.function().put_into_next(closure)?;
            self.emit(I::SetCell { cell: to, from });
            self.function().release(from);
            Ok(())
        } else {
            self.function().put_into(closure, to)
        }
    }

    fn local_statement(&mut self) -> Result<()> {
        let mut names = Vec::new();
        loop {
            let name = self.name()?;
            let mut constant = false;
            if self.accept("<")? {
                let attribute = self.name()?;
                match &*attribute {
                    b"const" => constant = true,
                    b"close" => {
                        return self.error("variables that are to be closed are not part of this subset".into());
                    }
                    other => return self.error(format!("unknown attribute '{}'", other.escape_ascii())),
                }
                self.expect(">")?;
            }
            names.push((name, constant));
            if !self.accept(",")? {
                break;
            }
        }
        if self.accept("=")? {
            self.expression_list_to(names.len())?;
        } else {
            let first = self.function().reserve(names.len())?;
            self.emit(I::LoadNil { first, count: names.len() as u8 });
        }
        for (name, constant) in names {
            self.declare(name)?;
            self.function().locals.last_mut().expect("just declared").constant = constant;
        }
        Ok(())
    }

    fn function_statement(&mut self) -> Result<()> {
        let line = self.line;
        self.advance()?;
        let name = self.name()?;
        let mut text = name.escape_ascii().to_string();
        let mut target = Expression::new(self.variable(&name)?);
        let mut is_method = false;
        while !is_method && (self.is(".") || self.is(":")) {
            is_method = self.is(":");
            self.advance()?;
            let name = self.name()?;
            text = format!("{text}{}{}", if is_method { ':' } else { '.' }, name.escape_ascii());
            target = self.field(target, &name)?;
        }
        let closure = self.function_body(format!("function '{text}'"), is_method, line)?;
        self.store(target.kind, closure)
    }

    fn return_statement(&mut self) -> Result<()> {
        self.advance()?;
        let (mut first, mut count) = (self.function().free as Register, 1);
        if !self.ends_block() && !self.is(";") {
            let start = self.function().free;
            let (values, last) = self.expression_list()?;
            if let Some(last) = last {
                match last.kind {
                    Kind::Call(pc) if values == 0 => {
                        // A tail call: this frame is given up.
                        if let I::Call { function, arguments, .. } = self.function().unit.code[pc] {
                            self.function().unit.code[pc] = I::TailCall { function, arguments };
                            (first, count) = (function, OPEN);
                        }
                    }
                    Kind::Call(_) | Kind::Variadic(_) => {
                        self.open(last)?;
                        (first, count) = (start as Register, OPEN);
                    }
                    _ if values == 0 => {
                        first = self.function().put_into_any(last)?;
                        count = 2;
                    }
                    _ => {
                        self.function().put_into_next(last)?;
                        (first, count) = (start as Register, values as u8 + 2);
                    }
                }
            }
        }
        self.emit(I::Return { first, count });
        self.accept(";")?;
        if !self.ends_block() {
            return self.unexpected("'<eof>' expected");
        }
        Ok(())
    }

    fn expression_statement(&mut self) -> Result<()> {
        let first = self.suffixed()?;
        if self.is("=") || self.is(",") {
            return self.assignment(first);
        }
        match first.kind {
            Kind::Call(pc) => {
                if let I::Call { results, .. } = &mut self.function().unit.code[pc] {
                    *results = 1;
                }
                Ok(())
            }
            _ => self.unexpected("syntax error"),
        }
    }

    fn assignment(&mut self, first: Expression) -> Result<()> {
        let mut targets = vec![first.kind];
        while self.accept(",")? {
            // Registers that earlier targets name must keep what is in them.
            let next = self.suffixed()?.kind;
            targets.push(next);
        }
        for target in &targets {
            if !matches!(
                target,
                Kind::Local(_) | Kind::Cell(_) | Kind::Upvalue(_) | Kind::Global(_) | Kind::Field(..) | Kind::Index(..)
            ) {
                return self.unexpected("syntax error");
            }
        }
        self.expect("=")?;
        if targets.len() == 1 {
            let (values, last) = self.expression_list()?;
            if let (0, Some(last)) = (values, last) {
                let target = targets.swap_remove(0);
                return self.store(target, last);
            }
            // More values than variables.
            let function = self.function();
            let from = (function.free - values) as Register;
            let target = targets.swap_remove(0);
            return self.store_register(target, from);
        }
        if targets.iter().any(|target| matches!(target, Kind::Local(_))) {
            self.protect_locals(&mut targets)?;
        }
        let from = self.function().free;
        self.expression_list_to(targets.len())?;
        for (index, target) in targets.into_iter().enumerate().rev() {
            self.store_register(target, (from + index) as Register)?;
        }
        Ok(())
    }

    /// In `a[i], i = 1, 2` the table and the key are those from before: where a local is assigned to that is also part of
    /// another target, that one uses a copy.
    fn protect_locals(&mut self, targets: &mut [Kind]) -> Result<()> {
        let assigned: Vec<Register> = targets
            .iter()
            .filter_map(|target| if let Kind::Local(register) = target { Some(*register) } else { None })
            .collect();
        for target in targets {
            let parts: &mut [&mut Register] = match target {
                Kind::Field(table, _) => &mut [table],
                Kind::Index(table, key) => &mut [table, key],
                _ => &mut [],
            };
            for part in parts {
                if assigned.contains(part) {
                    let to = self.function().reserve(1)?;
                    self.emit(I::Move { to, from: **part });
                    **part = to;
                }
            }
        }
        Ok(())
    }

    /// Stores the value of an expression.
    fn store(&mut self, target: Kind, value: Expression) -> Result<()> {
        if let Kind::Local(register) = target {
            self.function().release_expression(&value);
            return self.function().put_into(value, register);
        }
        let from = self.function().put_into_any(value)?;
        self.store_register(target, from)
    }

    fn store_register(&mut self, target: Kind, from: Register) -> Result<()> {
        let instruction = match target {
            Kind::Local(to) => I::Move { to, from },
            Kind::Cell(cell) => I::SetCell { cell, from },
            Kind::Upvalue(index) => I::SetUpvalue { index, from },
            Kind::Global(name) => I::SetGlobal { name, from },
            Kind::Field(table, name) => I::SetField { table, name, from },
            Kind::Index(table, key) => I::SetIndex { table, key, from },
            other => unreachable!("{other:?} is no variable"),
        };
        self.emit(instruction);
        Ok(())
    }

    // ---- lists of expressions ----

    /// All but the last are in registers; how many there are, and the last.
    fn expression_list(&mut self) -> Result<(usize, Option<Expression>)> {
        let mut count = 0;
        let mut last = self.expression()?;
        while self.accept(",")? {
            self.function().put_into_next(last)?;
            count += 1;
            last = self.expression()?;
        }
        Ok((count, Some(last)))
    }

    /// The values of a list in the next `wanted` registers, filled up with nil.
    fn expression_list_to(&mut self, wanted: usize) -> Result<()> {
        let (count, last) = self.expression_list()?;
        let Some(last) = last else { return Ok(()) };
        let missing = wanted.saturating_sub(count);
        let is_open = matches!(last.kind, Kind::Call(_) | Kind::Variadic(_));
        if is_open && missing > 0 {
            self.several(&last, missing)?;
            return Ok(());
        }
        self.function().put_into_next(last)?;
        if missing > 1 {
            let first = self.function().reserve(missing - 1)?;
            self.emit(I::LoadNil { first, count: (missing - 1) as u8 });
        }
        if count + 1 > wanted {
            self.function().free -= count + 1 - wanted;
        }
        Ok(())
    }

    /// So many values of a call or of `...`, in the next registers.
    fn several(&mut self, e: &Expression, wanted: usize) -> Result<()> {
        let (Kind::Call(pc) | Kind::Variadic(pc)) = e.kind else { return Ok(()) };
        let function = self.function();
        match &mut function.unit.code[pc] {
            I::Call { function: register, results, .. } => {
                *results = wanted as u8 + 1;
                // The registers of the call are those of its results.
                function.free = usize::from(*register);
            }
            I::Variadic { first, count } => {
                *first = function.free as Register;
                *count = wanted as u8 + 1;
            }
            _ => {}
        }
        function.reserve(wanted).map(drop)
    }

    /// All values of a call or of `...`, up to the top.
    fn open(&mut self, e: Expression) -> Result<()> {
        let (Kind::Call(pc) | Kind::Variadic(pc)) = e.kind else { return Ok(()) };
        let function = self.function();
        match &mut function.unit.code[pc] {
            I::Call { results, .. } => *results = OPEN,
            I::Variadic { first, count } => {
                *first = function.free as Register;
                *count = OPEN;
                function.reserve(1)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn expression_to_next(&mut self) -> Result<Register> {
        let e = self.expression()?;
        self.function().put_into_next(e)
    }

    // ---- expressions ----

    fn expression(&mut self) -> Result<Expression> {
        self.subexpression(0)
    }

    fn subexpression(&mut self, limit: u32) -> Result<Expression> {
        self.nested(|parser| {
            let mut left = parser.unary_or_simple()?;
            while let Some((operator, binds_left, binds_right)) = binary(&parser.token)
                && binds_left > limit
            {
                parser.advance()?;
                left = parser.binary(operator, left, binds_right)?;
            }
            Ok(left)
        })
    }

    fn unary_or_simple(&mut self) -> Result<Expression> {
        let Token::Fixed(operator @ ("not" | "-" | "#" | "~")) = self.token else { return self.simple() };
        self.advance()?;
        let line = self.last_line;
        let operand = self.subexpression(UNARY)?;
        if operator == "not" {
            return self.function().not(operand);
        }
        if operator == "-"
            && let Some(number) = operand.is_number()
        {
            let negative = match number {
                Number::Integer(integer) => Number::Integer(integer.wrapping_neg()),
                Number::Float(float) => Number::Float(-float),
            };
            return Ok(Expression::new(Kind::Number(negative)));
        }
        let from = self.function().put_into_any(operand)?;
        self.function().release(from);
        self.last_line = line;
        let pc = self.emit(match operator {
            "-" => I::Negate { to: NOWHERE, from },
            "#" => I::Length { to: NOWHERE, from },
            _ => I::BitNot { to: NOWHERE, from },
        });
        Ok(Expression::new(Kind::Pending(pc)))
    }

    fn binary(&mut self, operator: Binary, left: Expression, binds_right: u32) -> Result<Expression> {
        let line = self.last_line;
        match operator {
            Binary::And => {
                let when_false = self.function().go_on_if_true(left)?;
                let mut right = self.subexpression(binds_right)?;
                self.function().load_variable(&mut right)?;
                Ok(Function::and(when_false, right))
            }
            Binary::Or => {
                let when_true = self.function().go_on_if_false(left)?;
                let mut right = self.subexpression(binds_right)?;
                self.function().load_variable(&mut right)?;
                Ok(Function::or(when_true, right))
            }
            Binary::Concatenate => {
                let first = self.function().put_into_next(left)?;
                let right = self.subexpression(binds_right)?;
                self.concatenate(first, right, line)
            }
            Binary::Arithmetic(operation) => self.arithmetic(operation, left, binds_right, line),
            Binary::Equal(expected) => {
                let left = self.function().put_into_any(left)?;
                let right = self.subexpression(binds_right)?;
                let constant = match right.kind {
                    Kind::Text(constant) => Some(constant),
                    _ => match right.is_number() {
                        Some(number) => Some(self.function().constant(Constant::Number(number))?),
                        None => None,
                    },
                };
                if let Some(constant) = constant {
                    self.function().release(left);
                    let pc = self.emit(I::JumpIfEqualConstant { left, expected, constant, offset: 0 });
                    return Ok(Expression::new(Kind::Jump(pc)));
                }
                let right = self.function().put_into_any(right)?;
                self.function().release_both(left, right);
                Ok(Expression::new(Kind::Jump(self.emit(I::JumpIfEqual { left, right, expected, offset: 0 }))))
            }
            Binary::Less(exchanged) | Binary::LessEqual(exchanged) => {
                let mut left = self.function().put_into_any(left)?;
                let right = self.subexpression(binds_right)?;
                let mut right = self.function().put_into_any(right)?;
                self.function().release_both(left, right);
                if exchanged {
                    (left, right) = (right, left);
                }
                self.last_line = line;
                let pc = self.emit(match operator {
                    Binary::Less(_) => I::JumpIfLess { left, right, expected: true, offset: 0 },
                    _ => I::JumpIfLessEqual { left, right, expected: true, offset: 0 },
                });
                Ok(Expression::new(Kind::Jump(pc)))
            }
        }
    }

    fn arithmetic(
        &mut self,
        operation: Arithmetic,
        left: Expression,
        binds_right: u32,
        line: u32,
    ) -> Result<Expression> {
        use Arithmetic as A;
        let to = NOWHERE;
        let left = self.function().put_into_any(left)?;
        let right = self.subexpression(binds_right)?;
        let instruction = match right.is_number() {
            Some(number) => {
                self.function().release(left);
                let constant = self.function().constant(Constant::Number(number))?;
                match operation {
                    A::Add => I::AddConstant { to, left, constant },
                    A::Subtract => I::SubtractConstant { to, left, constant },
                    _ => I::ArithmeticConstant { operation, to, left, constant },
                }
            }
            None => {
                let right = self.function().put_into_any(right)?;
                self.function().release_both(left, right);
                match operation {
                    A::Add => I::Add { to, left, right },
                    A::Subtract => I::Subtract { to, left, right },
                    A::Multiply => I::Multiply { to, left, right },
                    _ => I::Arithmetic { operation, to, left, right },
                }
            }
        };
        self.last_line = line;
        Ok(Expression::new(Kind::Pending(self.emit(instruction))))
    }

    /// `a .. b .. c` is read as `a .. (b .. c)`, and made one instruction.
    fn concatenate(&mut self, first: Register, mut right: Expression, line: u32) -> Result<Expression> {
        let function = self.function();
        let chain = match right.kind {
            Kind::Pending(pc) if pc + 1 == function.here() => match function.unit.code[pc] {
                I::Concatenate { first: next, count, .. } if next == first + 1 && count < 200 => Some(count),
                _ => None,
            },
            _ => None,
        };
        let count = match chain {
            Some(count) => {
                function.unit.code.pop();
                function.unit.lines.pop();
                right.kind = Kind::Nil;
                count + 1
            }
            None => {
                let last = function.put_into_next(right)?;
                function.release(last);
                2
            }
        };
        function.release(first);
        self.last_line = line;
        Ok(Expression::new(Kind::Pending(self.emit(I::Concatenate { to: NOWHERE, first, count }))))
    }

    fn simple(&mut self) -> Result<Expression> {
        let kind = match &self.token {
            Token::Number(number) => Kind::Number(*number),
            Token::Text(text) => {
                let text = text.clone();
                Kind::Text(self.function().text(&text)?)
            }
            Token::Fixed("nil") => Kind::Nil,
            Token::Fixed("true") => Kind::Boolean(true),
            Token::Fixed("false") => Kind::Boolean(false),
            Token::Fixed("...") => {
                if !self.function().unit.variadic {
                    return self.error("cannot use '...' outside a vararg function near '...'".into());
                }
                self.advance()?;
                return Ok(Expression::new(Kind::Variadic(self.emit(I::Variadic { first: NOWHERE, count: 2 }))));
            }
            Token::Fixed("{") => return self.table(),
            Token::Fixed("function") => {
                let line = self.line;
                self.advance()?;
                return self.function_body(format!("function <{line}>"), false, line);
            }
            _ => return self.suffixed(),
        };
        self.advance()?;
        Ok(Expression::new(kind))
    }

    fn primary(&mut self) -> Result<Expression> {
        if let Token::Name(name) = &self.token {
            let name = name.clone();
            self.advance()?;
            let kind = self.variable(&name)?;
            if self.is_constant(&name) && self.is("=") {
                return self.error(format!("attempt to assign to const variable '{}'", name.escape_ascii()));
            }
            return Ok(Expression::new(kind));
        }
        if self.is("(") {
            let line = self.line;
            self.advance()?;
            let mut e = self.expression()?;
            self.expect_end(")", "(", line)?;
            // One value, and nothing to assign to.
            self.function().load_variable(&mut e)?;
            return Ok(e);
        }
        self.unexpected("unexpected symbol")
    }

    fn suffixed(&mut self) -> Result<Expression> {
        let mut e = self.primary()?;
        loop {
            match &self.token {
                Token::Fixed(".") => {
                    self.advance()?;
                    let name = self.name()?;
                    e = self.field(e, &name)?;
                }
                Token::Fixed("[") => {
                    let table = self.function().put_into_any(e)?;
                    self.advance()?;
                    let key = self.expression()?;
                    self.expect("]")?;
                    e = match key.kind {
                        Kind::Text(name) => Expression::new(Kind::Field(table, name)),
                        _ => Expression::new(Kind::Index(table, self.function().put_into_any(key)?)),
                    };
                }
                Token::Fixed(":") => {
                    self.advance()?;
                    let name = self.name()?;
                    let object = self.function().put_into_any(e)?;
                    self.function().release(object);
                    let to = self.function().reserve(2)?;
                    let name = self.function().text(&name)?;
                    self.emit(I::GetMethod { to, object, name });
                    e = self.call(to)?;
                }
                Token::Fixed("(" | "{") | Token::Text(_) => {
                    let function = self.function().put_into_next(e)?;
                    e = self.call(function)?;
                }
                _ => return Ok(e),
            }
        }
    }

    fn field(&mut self, table: Expression, name: &Rc<[u8]>) -> Result<Expression> {
        let table = self.function().put_into_any(table)?;
        let name = self.function().text(name)?;
        Ok(Expression::new(Kind::Field(table, name)))
    }

    fn call(&mut self, function: Register) -> Result<Expression> {
        let line = self.last_line;
        let mut is_open = false;
        match &self.token {
            Token::Text(text) => {
                let text = text.clone();
                self.advance()?;
                let text = self.function().text(&text)?;
                self.function().put_into_next(Expression::new(Kind::Text(text)))?;
            }
            Token::Fixed("{") => {
                let table = self.table()?;
                self.function().put_into_next(table)?;
            }
            _ => {
                let opened = self.line;
                self.expect("(")?;
                if !self.is(")") {
                    let (_, last) = self.expression_list()?;
                    if let Some(last) = last {
                        is_open = matches!(last.kind, Kind::Call(_) | Kind::Variadic(_));
                        if is_open { self.open(last)? } else { self.function().put_into_next(last).map(drop)? }
                    }
                }
                self.expect_end(")", "(", opened)?;
            }
        }
        let after = self.function().free;
        let arguments = if is_open { OPEN } else { (after - usize::from(function)) as u8 };
        self.last_line = line;
        let pc = self.emit(I::Call { function, arguments, results: 2 });
        self.function().free = usize::from(function) + 1;
        Ok(Expression::new(Kind::Call(pc)))
    }

    fn table(&mut self) -> Result<Expression> {
        let line = self.line;
        self.expect("{")?;
        let made = self.emit(I::NewTable { to: NOWHERE, array: 0, fields: 0 });
        let table = self.function().put_into_next(Expression::new(Kind::Pending(made)))?;
        let (mut fields, mut elements, mut waiting) = (0u32, 0u32, 0u32);
        while !self.is("}") {
            let named = matches!(self.token, Token::Name(_)) && *self.peek()? == Token::Fixed("=");
            if named || self.is("[") {
                let free = self.function().free;
                let target = if named {
                    let name = self.name()?;
                    Kind::Field(table, self.function().text(&name)?)
                } else {
                    self.advance()?;
                    let key = self.expression()?;
                    self.expect("]")?;
                    match key.kind {
                        Kind::Text(name) => Kind::Field(table, name),
                        _ => Kind::Index(table, self.function().put_into_any(key)?),
                    }
                };
                self.expect("=")?;
                let value = self.expression()?;
                self.store(target, value)?;
                self.function().free = free;
                fields += 1;
            } else {
                let e = self.expression()?;
                let is_last = self.is("}");
                if is_last && matches!(e.kind, Kind::Call(_) | Kind::Variadic(_)) {
                    self.open(e)?;
                    self.emit(I::SetElements { table, count: OPEN, first: elements + 1 });
                    self.function().free = usize::from(table) + 1;
                    waiting = 0;
                    break;
                }
                self.function().put_into_next(e)?;
                waiting += 1;
                if waiting == BATCH {
                    self.flush(table, waiting, &mut elements);
                    waiting = 0;
                }
            }
            if !self.accept(",")? && !self.accept(";")? {
                break;
            }
        }
        self.expect_end("}", "{", line)?;
        if waiting > 0 {
            self.flush(table, waiting, &mut elements);
        }
        if let I::NewTable { array, fields: room, .. } = &mut self.function().unit.code[made] {
            *array = u16::try_from(elements).unwrap_or(u16::MAX);
            *room = u16::try_from(fields).unwrap_or(u16::MAX);
        }
        Ok(Expression::new(Kind::Register(table)))
    }

    fn flush(&mut self, table: Register, waiting: u32, elements: &mut u32) {
        self.emit(I::SetElements { table, count: waiting as u8 + 1, first: *elements + 1 });
        *elements += waiting;
        self.function().free = usize::from(table) + 1;
    }

    // ---- functions ----

    fn function_body(&mut self, name: String, is_method: bool, line: u32) -> Result<Expression> {
        self.functions.push(Function::new(name, line));
        let body = self.nested(|parser| parser.parameters_and_block(is_method, line));
        body?;
        let unit = self.end_function()?;
        let function = self.function();
        function.unit.units.push(unit);
        match u16::try_from(function.unit.units.len() - 1) {
            Ok(unit) => Ok(Expression::new(Kind::Pending(self.emit(I::Closure { to: NOWHERE, unit })))),
            Err(_) => self.error("function has more than 65536 inner functions".into()),
        }
    }

    fn parameters_and_block(&mut self, is_method: bool, line: u32) -> Result<()> {
        self.function().enter(false);
        let mut names: Vec<Rc<[u8]>> = if is_method { vec![b"self"[..].into()] } else { Vec::new() };
        self.expect("(")?;
        while !self.is(")") {
            if self.accept("...")? {
                self.function().unit.variadic = true;
                break;
            }
            names.push(self.name()?);
            if !self.accept(",")? {
                break;
            }
        }
        self.expect(")")?;
        // All of them have values before the first cell is made.
        self.function().reserve(names.len())?;
        self.function().unit.parameters = names.len() as u8;
        for name in names {
            self.declare(name)?;
        }
        self.block()?;
        self.expect_end("end", "function", line)
    }

    fn end_function(&mut self) -> Result<Unit> {
        self.emit(I::Return { first: 0, count: 1 });
        self.function().leave()?;
        Ok(self.functions.pop().expect("it was begun").unit)
    }
}
