//! A small Scheme: reader, compiler, a virtual machine that can be interrupted, tables, weak boxes, objects, events.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

use gc_arena::barrier::unlock;
use gc_arena::collect::Trace;
use gc_arena::{Arena, Collect, DynamicRoot, DynamicRootSet, Gc, GcWeak, Lock, Mutation, RefLock, Rootable, unsize};

// ---------------------------------------------------------------------------------------------------------- values

/// Whatever a variable can hold.
#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
enum Value<'gc> {
    Nil,
    Bool(bool),
    Int(i64),
    Text(Gc<'gc, String>),
    Symbol(Gc<'gc, Symbol<'gc>>),
    Pair(Gc<'gc, Pair<'gc>>),
    Closure(Gc<'gc, Closure<'gc>>),
    Native(Native),
    Table(Gc<'gc, Table<'gc>>),
    Weak(Gc<'gc, WeakBox<'gc>>),
    Object(Gc<'gc, dyn Object<'gc>>),
}

/// A name, and the global variable of that name.
#[derive(Collect)]
#[collect(no_drop)]
struct Symbol<'gc> {
    name: String,
    value: Lock<Option<Value<'gc>>>,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Pair<'gc> {
    head: Lock<Value<'gc>>,
    tail: Lock<Value<'gc>>,
}

/// A function with the variables around it.
#[derive(Collect)]
#[collect(no_drop)]
struct Closure<'gc> {
    code: Gc<'gc, Code<'gc>>,
    around: Option<Gc<'gc, Scope<'gc>>>,
}

/// The variables of one call.
#[derive(Collect)]
#[collect(no_drop)]
struct Scope<'gc> {
    slots: RefLock<Vec<Value<'gc>>>,
    around: Option<Gc<'gc, Scope<'gc>>>,
}

/// By the text of the key.
#[derive(Collect)]
#[collect(no_drop)]
struct Table<'gc> {
    entries: RefLock<HashMap<String, Value<'gc>>>,
}

/// What it leads to may die.
#[derive(Collect)]
#[collect(no_drop)]
struct WeakBox<'gc> {
    pair: GcWeak<'gc, Pair<'gc>>,
}

type Answer<'gc> = Result<Value<'gc>, Fault>;
type NativeFn = for<'a> fn(&Mutation<'a>, Root<'a>, &[Value<'a>]) -> Answer<'a>;

/// A function of the host.
#[derive(Clone, Copy, Collect)]
#[collect(require_static)]
struct Native {
    name: &'static str,
    call: NativeFn,
}

#[derive(Debug)]
struct Fault(String);

fn fault<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(text.into()))
}

impl<'gc> Value<'gc> {
    fn truth(self) -> bool {
        !matches!(self, Value::Bool(false))
    }

    fn int(self) -> Result<i64, Fault> {
        match self {
            Value::Int(number) => Ok(number),
            other => fault(format!("{} is not a number", show(other))),
        }
    }

    fn pair(self) -> Result<Gc<'gc, Pair<'gc>>, Fault> {
        match self {
            Value::Pair(pair) => Ok(pair),
            other => fault(format!("{} is not a pair", show(other))),
        }
    }

    fn text(self) -> Result<String, Fault> {
        match self {
            Value::Text(text) => Ok(text.to_string()),
            Value::Symbol(symbol) => Ok(symbol.name.clone()),
            other => fault(format!("{} is not a text", show(other))),
        }
    }

    fn is(self, other: Value<'gc>) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => *a == *b,
            (Value::Symbol(a), Value::Symbol(b)) => Gc::ptr_eq(a, b),
            (Value::Pair(a), Value::Pair(b)) => Gc::ptr_eq(a, b),
            (Value::Closure(a), Value::Closure(b)) => Gc::ptr_eq(a, b),
            (Value::Native(a), Value::Native(b)) => a.name == b.name,
            (Value::Table(a), Value::Table(b)) => Gc::ptr_eq(a, b),
            (Value::Weak(a), Value::Weak(b)) => Gc::ptr_eq(a, b),
            (Value::Object(a), Value::Object(b)) => Gc::ptr_eq(a, b),
            _ => false,
        }
    }
}

fn cons<'gc>(mc: &Mutation<'gc>, head: Value<'gc>, tail: Value<'gc>) -> Value<'gc> {
    Value::Pair(Gc::new(mc, Pair { head: Lock::new(head), tail: Lock::new(tail) }))
}

fn list<'gc>(mc: &Mutation<'gc>, values: &[Value<'gc>]) -> Value<'gc> {
    values.iter().rev().fold(Value::Nil, |tail, &head| cons(mc, head, tail))
}

/// The elements of a list.
fn elements<'gc>(mut list: Value<'gc>) -> Result<Vec<Value<'gc>>, Fault> {
    let mut found = Vec::new();
    while let Value::Pair(pair) = list {
        found.push(pair.head.get());
        list = pair.tail.get();
    }
    match list {
        Value::Nil => Ok(found),
        other => fault(format!("a list ends in {}", show(other))),
    }
}

fn show(value: Value<'_>) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 8);
    text
}

fn write_value(out: &mut String, value: Value<'_>, depth: usize) {
    if depth == 0 {
        out.push_str("...");
        return;
    }
    let written = match value {
        Value::Nil => write!(out, "()"),
        Value::Bool(bool) => write!(out, "{}", if bool { "#t" } else { "#f" }),
        Value::Int(number) => write!(out, "{number}"),
        Value::Text(text) => write!(out, "{text}"),
        Value::Symbol(symbol) => write!(out, "{}", symbol.name),
        Value::Closure(closure) => write!(out, "#<{}>", closure.code.name),
        Value::Native(native) => write!(out, "#<{}>", native.name),
        Value::Table(table) => write!(out, "#<table of {}>", table.entries.borrow().len()),
        Value::Weak(_) => write!(out, "#<weak>"),
        Value::Object(object) => write!(out, "#<{}>", object.kind()),
        Value::Pair(mut pair) => {
            out.push('(');
            let mut written = 0;
            loop {
                write_value(out, pair.head.get(), depth - 1);
                written += 1;
                match pair.tail.get() {
                    Value::Nil => break,
                    Value::Pair(_) if written == 12 => {
                        out.push_str(" ...");
                        break;
                    }
                    Value::Pair(next) => {
                        out.push(' ');
                        pair = next;
                    }
                    other => {
                        out.push_str(" . ");
                        write_value(out, other, depth - 1);
                        break;
                    }
                }
            }
            out.push(')');
            Ok(())
        }
    };
    written.expect("a string takes what is written");
}

// --------------------------------------------------------------------------------------------------------- objects

/// An object of the host, as the language sees it.
trait Object<'gc> {
    fn kind(&self) -> &'static str;

    fn send(&self, mc: &Mutation<'gc>, message: &str, arguments: &[Value<'gc>]) -> Answer<'gc>;
}

#[derive(Collect)]
#[collect(no_drop)]
struct Counter<'gc> {
    count: Gc<'gc, Lock<i64>>,
}

impl<'gc> Object<'gc> for Counter<'gc> {
    fn kind(&self) -> &'static str {
        "counter"
    }

    fn send(&self, mc: &Mutation<'gc>, message: &str, arguments: &[Value<'gc>]) -> Answer<'gc> {
        match (message, arguments) {
            ("next", []) => {
                self.count.set(mc, self.count.get() + 1);
                Ok(Value::Int(self.count.get()))
            }
            ("reset", [Value::Int(to)]) => {
                self.count.set(mc, *to);
                Ok(Value::Nil)
            }
            _ => fault(format!("a counter does not understand `{message}`")),
        }
    }
}

/// First in, first out.
#[derive(Collect)]
#[collect(no_drop)]
struct Queue<'gc> {
    waiting: Gc<'gc, RefLock<VecDeque<Value<'gc>>>>,
}

impl<'gc> Object<'gc> for Queue<'gc> {
    fn kind(&self) -> &'static str {
        "queue"
    }

    fn send(&self, mc: &Mutation<'gc>, message: &str, arguments: &[Value<'gc>]) -> Answer<'gc> {
        match (message, arguments) {
            ("push", values) => {
                self.waiting.borrow_mut(mc).extend(values);
                Ok(Value::Nil)
            }
            ("pop", []) => Ok(self.waiting.borrow_mut(mc).pop_front().unwrap_or(Value::Bool(false))),
            ("length", []) => Ok(Value::Int(self.waiting.borrow().len() as i64)),
            ("all", []) => {
                let all: Vec<_> = self.waiting.borrow().iter().copied().collect();
                Ok(list(mc, &all))
            }
            _ => fault(format!("a queue does not understand `{message}`")),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------- reader

fn read<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, source: &str) -> Result<VecDeque<Value<'gc>>, Fault> {
    let mut tokens = tokens(source);
    let mut forms = VecDeque::new();
    while !tokens.is_empty() {
        forms.push_back(read_form(mc, state, &mut tokens)?);
    }
    Ok(forms)
}

fn tokens(source: &str) -> VecDeque<String> {
    let mut tokens = VecDeque::new();
    for line in source.lines() {
        let mut rest = line.split(';').next().unwrap_or_default().chars().peekable();
        while let Some(first) = rest.next() {
            match first {
                '(' | ')' | '\'' => tokens.push_back(first.to_string()),
                '"' => {
                    let mut text = String::from('"');
                    for next in rest.by_ref().take_while(|&next| next != '"') {
                        text.push(next);
                    }
                    tokens.push_back(text);
                }
                space if space.is_whitespace() => {}
                other => {
                    let mut word = String::from(other);
                    while let Some(next) = rest.next_if(|next| !next.is_whitespace() && !"()'\"".contains(*next)) {
                        word.push(next);
                    }
                    tokens.push_back(word);
                }
            }
        }
    }
    tokens
}

fn read_form<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, tokens: &mut VecDeque<String>) -> Answer<'gc> {
    let Some(token) = tokens.pop_front() else { return fault("the program ends too early") };
    Ok(match token.as_str() {
        "(" => {
            let mut parts = Vec::new();
            loop {
                match tokens.front().map(String::as_str) {
                    Some(")") => break,
                    Some(_) => parts.push(read_form(mc, state, tokens)?),
                    None => return fault("a list is not closed"),
                }
            }
            tokens.pop_front();
            list(mc, &parts)
        }
        ")" => return fault("a list is closed that was not opened"),
        "'" => {
            let quoted = read_form(mc, state, tokens)?;
            list(mc, &[Value::Symbol(intern(mc, state, "quote")), quoted])
        }
        "#t" => Value::Bool(true),
        "#f" => Value::Bool(false),
        word => match (word.strip_prefix('"'), word.parse()) {
            (Some(text), _) => Value::Text(Gc::new(mc, text.to_owned())),
            (None, Ok(number)) => Value::Int(number),
            (None, Err(_)) => Value::Symbol(intern(mc, state, word)),
        },
    })
}

// -------------------------------------------------------------------------------------------------------- compiler

#[derive(Clone, Copy)]
enum Op {
    Constant(usize),
    /// Scopes outwards, slot.
    Local(usize, usize),
    SetLocal(usize, usize),
    Global(usize),
    SetGlobal(usize),
    Define(usize),
    Jump(usize),
    JumpIfFalse(usize),
    Drop,
    Close(usize),
    Call(usize),
    TailCall(usize),
    Return,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Code<'gc> {
    name: String,
    parameters: usize,
    #[collect(require_static)]
    ops: Vec<Op>,
    constants: Vec<Value<'gc>>,
    inner: Vec<Gc<'gc, Code<'gc>>>,
}

/// One function that is being compiled.
struct Compiler<'a, 'gc> {
    mc: &'a Mutation<'gc>,
    state: Root<'gc>,
    around: Option<&'a Compiler<'a, 'gc>>,
    variables: Vec<String>,
    ops: Vec<Op>,
    constants: Vec<Value<'gc>>,
    inner: Vec<Gc<'gc, Code<'gc>>>,
}

impl<'a, 'gc> Compiler<'a, 'gc> {
    fn function(
        mc: &'a Mutation<'gc>,
        state: Root<'gc>,
        around: Option<&'a Compiler<'a, 'gc>>,
        name: &str,
        variables: Vec<String>,
        body: &[Value<'gc>],
    ) -> Result<Gc<'gc, Code<'gc>>, Fault> {
        let parameters = variables.len();
        let (ops, constants, inner) = (Vec::new(), Vec::new(), Vec::new());
        let mut compiler = Compiler { mc, state, around, variables, ops, constants, inner };
        compiler.sequence(body, true)?;
        compiler.ops.push(Op::Return);
        let Compiler { ops, constants, inner, .. } = compiler;
        Ok(Gc::new(mc, Code { name: name.to_owned(), parameters, ops, constants, inner }))
    }

    fn constant(&mut self, value: Value<'gc>) -> usize {
        self.constants.push(value);
        self.constants.len() - 1
    }

    fn find(&self, name: &str) -> Option<(usize, usize)> {
        let mut outwards = 0;
        let mut compiler = Some(self);
        while let Some(here) = compiler {
            if let Some(slot) = here.variables.iter().position(|variable| variable == name) {
                return Some((outwards, slot));
            }
            outwards += 1;
            compiler = here.around;
        }
        None
    }

    fn sequence(&mut self, body: &[Value<'gc>], is_tail: bool) -> Result<(), Fault> {
        let Some((last, rest)) = body.split_last() else {
            let nil = self.constant(Value::Nil);
            self.ops.push(Op::Constant(nil));
            return Ok(());
        };
        for &form in rest {
            self.form(form, false)?;
            self.ops.push(Op::Drop);
        }
        self.form(*last, is_tail)
    }

    fn form(&mut self, form: Value<'gc>, is_tail: bool) -> Result<(), Fault> {
        match form {
            Value::Symbol(symbol) => {
                let op = match self.find(&symbol.name) {
                    Some((outwards, slot)) => Op::Local(outwards, slot),
                    None => Op::Global(self.constant(form)),
                };
                self.ops.push(op);
                Ok(())
            }
            Value::Pair(pair) => {
                let rest = elements(pair.tail.get())?;
                match pair.head.get() {
                    Value::Symbol(symbol) if self.find(&symbol.name).is_none() => {
                        self.special(&symbol.name, pair.head.get(), &rest, is_tail)
                    }
                    function => self.call(function, &rest, is_tail),
                }
            }
            constant => {
                let constant = self.constant(constant);
                self.ops.push(Op::Constant(constant));
                Ok(())
            }
        }
    }

    fn special(&mut self, name: &str, symbol: Value<'gc>, rest: &[Value<'gc>], is_tail: bool) -> Result<(), Fault> {
        match (name, rest) {
            ("quote", &[quoted]) => {
                let constant = self.constant(quoted);
                self.ops.push(Op::Constant(constant));
            }
            ("if", &[condition, yes, ref no @ ..]) => {
                self.form(condition, false)?;
                let to_no = self.ops.len();
                self.ops.push(Op::JumpIfFalse(0));
                self.form(yes, is_tail)?;
                let to_end = self.ops.len();
                self.ops.push(Op::Jump(0));
                self.ops[to_no] = Op::JumpIfFalse(self.ops.len());
                self.sequence(no, is_tail)?;
                self.ops[to_end] = Op::Jump(self.ops.len());
            }
            ("begin", body) => self.sequence(body, is_tail)?,
            ("lambda", &[parameters, ref body @ ..]) => self.lambda("lambda", &elements(parameters)?, body)?,
            ("define", &[Value::Pair(head), ref body @ ..]) => {
                self.lambda(&head.head.get().text()?, &elements(head.tail.get())?, body)?;
                self.define(head.head.get())?;
            }
            ("define", &[name @ Value::Symbol(_), value]) => {
                self.form(value, false)?;
                self.define(name)?;
            }
            ("set!", &[name, value]) => {
                self.form(value, false)?;
                let op = match self.find(&name.text()?) {
                    Some((outwards, slot)) => Op::SetLocal(outwards, slot),
                    None => Op::SetGlobal(self.constant(name)),
                };
                self.ops.push(op);
            }
            ("let", &[bindings, ref body @ ..]) => {
                let (mut names, mut values) = (Vec::new(), Vec::new());
                for binding in elements(bindings)? {
                    match elements(binding)?[..] {
                        [name, value] => {
                            names.push(name);
                            values.push(value);
                        }
                        _ => return fault("a binding is a name and a value"),
                    }
                }
                self.lambda("let", &names, body)?;
                self.arguments(&values, is_tail)?;
            }
            ("and", &[]) => self.form(Value::Bool(true), is_tail)?,
            ("and", &[only]) => self.form(only, is_tail)?,
            ("and", &[first, ref others @ ..]) => {
                let others = cons(self.mc, symbol, list(self.mc, others));
                let condition = intern(self.mc, self.state, "if");
                let condition = [Value::Symbol(condition), first, others, Value::Bool(false)];
                self.form(list(self.mc, &condition), is_tail)?;
            }
            _ => self.call(symbol, rest, is_tail)?,
        }
        Ok(())
    }

    fn define(&mut self, name: Value<'gc>) -> Result<(), Fault> {
        if self.around.is_some() {
            return fault("only whole programs define: use `let`");
        }
        let name = self.constant(name);
        self.ops.push(Op::Define(name));
        Ok(())
    }

    fn lambda(&mut self, name: &str, parameters: &[Value<'gc>], body: &[Value<'gc>]) -> Result<(), Fault> {
        let variables = parameters.iter().map(|name| name.text()).collect::<Result<_, _>>()?;
        let code = Compiler::function(self.mc, self.state, Some(&*self), name, variables, body)?;
        self.inner.push(code);
        self.ops.push(Op::Close(self.inner.len() - 1));
        Ok(())
    }

    fn call(&mut self, function: Value<'gc>, arguments: &[Value<'gc>], is_tail: bool) -> Result<(), Fault> {
        self.form(function, false)?;
        self.arguments(arguments, is_tail)
    }

    fn arguments(&mut self, arguments: &[Value<'gc>], is_tail: bool) -> Result<(), Fault> {
        for &argument in arguments {
            self.form(argument, false)?;
        }
        self.ops.push(if is_tail { Op::TailCall(arguments.len()) } else { Op::Call(arguments.len()) });
        Ok(())
    }
}

// --------------------------------------------------------------------------------------------------------- machine

/// Values that are pushed and popped. What is above the top is left where it is until it is overwritten, and is dead.
struct Stack<'gc> {
    values: Vec<Value<'gc>>,
    top: usize,
}

// SAFETY: what is below the top is visited once, and what is above it is overwritten before it is read.
unsafe impl<'gc> Collect<'gc> for Stack<'gc> {
    fn trace<T: Trace<'gc>>(&self, cc: &mut T) {
        for value in &self.values[..self.top] {
            cc.trace(value);
        }
    }
}

impl<'gc> Stack<'gc> {
    fn push(&mut self, value: Value<'gc>) {
        match self.values.get_mut(self.top) {
            Some(place) => *place = value,
            None => self.values.push(value),
        }
        self.top += 1;
    }

    fn pop(&mut self) -> Value<'gc> {
        self.top -= 1;
        self.values[self.top]
    }

    fn last(&self, count: usize) -> &[Value<'gc>] {
        &self.values[self.top - count..self.top]
    }
}

#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
struct Frame<'gc> {
    code: Gc<'gc, Code<'gc>>,
    scope: Option<Gc<'gc, Scope<'gc>>>,
    at: usize,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Thread<'gc> {
    stack: Stack<'gc>,
    frames: Vec<Frame<'gc>>,
}

/// What the host keeps outside the heap.
#[derive(Default)]
struct Host {
    handlers: RefCell<Vec<Handler>>,
    /// What is to be called for events that were emitted.
    pending: RefCell<VecDeque<Function>>,
    wants_collection: RefCell<bool>,
}

struct Handler {
    event: String,
    function: Function,
}

type Function = DynamicRoot<Rootable![Closure<'_>]>;

/// Everything.
#[derive(Collect)]
#[collect(no_drop)]
struct State<'gc> {
    /// All symbols; nothing is kept alive by it.
    symbols: RefLock<HashMap<String, GcWeak<'gc, Symbol<'gc>>>>,
    /// Symbols with a value.
    globals: RefLock<Vec<Gc<'gc, Symbol<'gc>>>>,
    program: Gc<'gc, RefLock<VecDeque<Value<'gc>>>>,
    thread: Gc<'gc, RefLock<Thread<'gc>>>,
    roots: DynamicRootSet<'gc>,
    #[collect(require_static)]
    host: Rc<Host>,
    #[collect(require_static)]
    output: RefCell<String>,
}

type Root<'gc> = Gc<'gc, State<'gc>>;

enum Progress {
    Running,
    /// A full collection is wanted.
    Full,
    Done,
}

impl<'gc> State<'gc> {
    fn new(mc: &Mutation<'gc>) -> Root<'gc> {
        let thread = Thread { stack: Stack { values: Vec::new(), top: 0 }, frames: Vec::new() };
        let state = State {
            symbols: RefLock::new(HashMap::new()),
            globals: RefLock::new(Vec::new()),
            program: Gc::new(mc, RefLock::new(VecDeque::new())),
            thread: Gc::new(mc, RefLock::new(thread)),
            roots: DynamicRootSet::new(mc),
            host: Rc::default(),
            output: RefCell::default(),
        };
        let state = Gc::new(mc, state);
        for native in NATIVES {
            define(mc, state, intern(mc, state, native.name), Value::Native(*native));
        }
        state
    }
}

/// The symbol of that name: the one that somebody knows, or a new one.
fn intern<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, name: &str) -> Gc<'gc, Symbol<'gc>> {
    if let Some(symbol) = state.symbols.borrow().get(name).and_then(|symbol| symbol.upgrade(mc)) {
        return symbol;
    }
    let symbol = Gc::new(mc, Symbol { name: name.to_owned(), value: Lock::new(None) });
    unlock!(Gc::write(mc, state), State, symbols).borrow_mut().insert(name.to_owned(), Gc::downgrade(symbol));
    symbol
}

fn define<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, symbol: Gc<'gc, Symbol<'gc>>, value: Value<'gc>) {
    if symbol.value.get().is_none() {
        unlock!(Gc::write(mc, state), State, globals).borrow_mut().push(symbol);
    }
    unlock!(Gc::write(mc, symbol), Symbol, value).set(Some(value));
}

/// Runs for so many operations.
fn step<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, fuel: usize) -> Progress {
    let mut thread = state.thread.borrow_mut(mc);
    for _ in 0..fuel {
        let next = if thread.frames.is_empty() {
            match begin(mc, state, &mut thread) {
                Ok(Progress::Running) => Ok(()),
                Ok(other) => return other,
                Err(fault) => Err(fault),
            }
        } else {
            operation(mc, state, &mut thread)
        };
        if let Err(Fault(text)) = next {
            writeln!(state.output.borrow_mut(), "fault: {text}").expect("a string takes what is written");
            thread.frames.clear();
            thread.stack.top = 0;
        }
    }
    Progress::Running
}

/// Begins with an event that waits, or with the next form.
fn begin<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, thread: &mut Thread<'gc>) -> Result<Progress, Fault> {
    thread.stack.top = 0;
    if state.host.wants_collection.take() {
        return Ok(Progress::Full);
    }
    let event = state.host.pending.borrow_mut().pop_front();
    if let Some(function) = event {
        let closure = state.roots.fetch(&function);
        thread.stack.push(Value::Closure(closure));
        call(mc, state, thread, 0, false)?;
        return Ok(Progress::Running);
    }
    let form = state.program.borrow_mut(mc).pop_front();
    let Some(form) = form else { return Ok(Progress::Done) };
    let code = Compiler::function(mc, state, None, "program", Vec::new(), &[form])?;
    thread.frames.push(Frame { code, scope: None, at: 0 });
    Ok(Progress::Running)
}

fn operation<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, thread: &mut Thread<'gc>) -> Result<(), Fault> {
    let Some(frame) = thread.frames.last_mut() else { return Ok(()) };
    let (code, scope) = (frame.code, frame.scope);
    let op = code.ops[frame.at];
    frame.at += 1;
    match op {
        Op::Constant(constant) => thread.stack.push(code.constants[constant]),
        Op::Local(outwards, slot) => {
            let value = around(scope, outwards)?.slots.borrow()[slot];
            thread.stack.push(value);
        }
        Op::SetLocal(outwards, slot) => {
            let value = thread.stack.pop();
            unlock!(Gc::write(mc, around(scope, outwards)?), Scope, slots).borrow_mut()[slot] = value;
            thread.stack.push(Value::Nil);
        }
        Op::Global(name) => match code.constants[name] {
            Value::Symbol(symbol) => match symbol.value.get() {
                Some(value) => thread.stack.push(value),
                None => return fault(format!("{} is not defined", symbol.name)),
            },
            other => return fault(format!("{} is not a name", show(other))),
        },
        Op::SetGlobal(name) | Op::Define(name) => match code.constants[name] {
            Value::Symbol(symbol) if symbol.value.get().is_none() && matches!(op, Op::SetGlobal(_)) => {
                return fault(format!("{} is not defined", symbol.name));
            }
            Value::Symbol(symbol) => {
                let value = thread.stack.pop();
                define(mc, state, symbol, value);
                thread.stack.push(Value::Nil);
            }
            other => return fault(format!("{} is not a name", show(other))),
        },
        Op::Jump(to) => frame.at = to,
        Op::JumpIfFalse(to) => {
            if !thread.stack.pop().truth() {
                frame.at = to;
            }
        }
        Op::Drop => {
            thread.stack.pop();
        }
        Op::Close(inner) => {
            let closure = Gc::new(mc, Closure { code: code.inner[inner], around: scope });
            thread.stack.push(Value::Closure(closure));
        }
        Op::Call(arguments) => call(mc, state, thread, arguments, false)?,
        Op::TailCall(arguments) => call(mc, state, thread, arguments, true)?,
        Op::Return => {
            thread.frames.pop();
        }
    }
    Ok(())
}

fn around<'gc>(scope: Option<Gc<'gc, Scope<'gc>>>, outwards: usize) -> Result<Gc<'gc, Scope<'gc>>, Fault> {
    let mut found = scope;
    for _ in 0..outwards {
        found = found.and_then(|scope| scope.around);
    }
    found.ok_or_else(|| Fault("a variable without a scope".to_owned()))
}

/// Calls what is below the arguments on the stack.
fn call<'gc>(
    mc: &Mutation<'gc>,
    state: Root<'gc>,
    thread: &mut Thread<'gc>,
    arguments: usize,
    is_tail: bool,
) -> Result<(), Fault> {
    let [function, ref values @ ..] = *thread.stack.last(arguments + 1) else { return fault("nothing to call") };
    match function {
        Value::Native(native) => {
            let result = (native.call)(mc, state, values)?;
            thread.stack.top -= arguments + 1;
            thread.stack.push(result);
        }
        Value::Closure(closure) => {
            let code = closure.code;
            if code.parameters != arguments {
                return fault(format!("{} takes {} arguments, not {arguments}", code.name, code.parameters));
            }
            let scope = Scope { slots: RefLock::new(values.to_vec()), around: closure.around };
            let frame = Frame { code, scope: Some(Gc::new(mc, scope)), at: 0 };
            thread.stack.top -= arguments + 1;
            if is_tail {
                thread.frames.pop();
            }
            thread.frames.push(frame);
        }
        other => return fault(format!("{} cannot be called", show(other))),
    }
    Ok(())
}

// --------------------------------------------------------------------------------------------------------- natives

/// Folds numbers.
fn fold(values: &[Value<'_>], first: i64, join: fn(i64, i64) -> i64) -> Result<i64, Fault> {
    values.iter().try_fold(first, |sum, value| Ok(join(sum, value.int()?)))
}

/// Whether numbers stand in an order.
fn ordered<'gc>(values: &[Value<'gc>], fits: fn(&i64, &i64) -> bool) -> Answer<'gc> {
    let numbers = values.iter().map(|value| value.int()).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Bool(numbers.windows(2).all(|two| fits(&two[0], &two[1]))))
}

fn wrong<'gc>(name: &str, values: &[Value<'gc>]) -> Answer<'gc> {
    let values: Vec<String> = values.iter().map(|value| show(*value)).collect();
    fault(format!("{name} does not take ({})", values.join(" ")))
}

fn add<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    Ok(Value::Int(fold(values, 0, i64::wrapping_add)?))
}

fn subtract<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [only] => Ok(Value::Int(only.int()?.wrapping_neg())),
        [first, rest @ ..] => Ok(Value::Int(fold(rest, first.int()?, i64::wrapping_sub)?)),
        [] => wrong("-", values),
    }
}

fn multiply<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    Ok(Value::Int(fold(values, 1, i64::wrapping_mul)?))
}

fn quotient<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [a, b] if b.int()? != 0 => Ok(Value::Int(a.int()?.wrapping_div(b.int()?))),
        _ => wrong("quotient", values),
    }
}

fn remainder<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [a, b] if b.int()? != 0 => Ok(Value::Int(a.int()?.wrapping_rem(b.int()?))),
        _ => wrong("remainder", values),
    }
}

fn less<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    ordered(values, |a, b| a < b)
}

fn equal<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    ordered(values, |a, b| a == b)
}

fn is<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [a, b] => Ok(Value::Bool(a.is(*b))),
        _ => wrong("eq?", values),
    }
}

fn not<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [value] => Ok(Value::Bool(!value.truth())),
        _ => wrong("not", values),
    }
}

fn is_null<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    Ok(Value::Bool(matches!(values, [Value::Nil])))
}

fn is_pair<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    Ok(Value::Bool(matches!(values, [Value::Pair(_)])))
}

fn make_pair<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [head, tail] => Ok(cons(mc, *head, *tail)),
        _ => wrong("cons", values),
    }
}

fn make_list<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    Ok(list(mc, values))
}

fn head<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [pair] => Ok(pair.pair()?.head.get()),
        _ => wrong("car", values),
    }
}

fn tail<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [pair] => Ok(pair.pair()?.tail.get()),
        _ => wrong("cdr", values),
    }
}

fn set_head<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [pair, value] => {
            unlock!(Gc::write(mc, pair.pair()?), Pair, head).set(*value);
            Ok(Value::Nil)
        }
        _ => wrong("set-car!", values),
    }
}

fn set_tail<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [pair, value] => {
            unlock!(Gc::write(mc, pair.pair()?), Pair, tail).set(*value);
            Ok(Value::Nil)
        }
        _ => wrong("set-cdr!", values),
    }
}

fn print<'gc>(_: &Mutation<'gc>, state: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    let line: Vec<String> = values.iter().map(|value| show(*value)).collect();
    writeln!(state.output.borrow_mut(), "{}", line.join(" ")).expect("a string takes what is written");
    Ok(Value::Nil)
}

fn append<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    let text: String = values.iter().map(|value| show(*value)).collect();
    Ok(Value::Text(Gc::new(mc, text)))
}

fn make_table<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, _: &[Value<'gc>]) -> Answer<'gc> {
    Ok(Value::Table(Gc::new(mc, Table { entries: RefLock::new(HashMap::new()) })))
}

fn table_get<'gc>(_: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Table(table), key, otherwise] => {
            Ok(table.entries.borrow().get(&key.text()?).copied().unwrap_or(*otherwise))
        }
        _ => wrong("table-get", values),
    }
}

fn table_set<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Table(table), key, value] => {
            unlock!(Gc::write(mc, *table), Table, entries).borrow_mut().insert(key.text()?, *value);
            Ok(Value::Nil)
        }
        _ => wrong("table-set!", values),
    }
}

/// Pairs of key and value, sorted.
fn table_list<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Table(table)] => {
            let entries = table.entries.borrow();
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            let entries = entries.into_iter().map(|(key, value)| {
                let key = Value::Text(Gc::new(mc, key.clone()));
                list(mc, &[key, *value])
            });
            Ok(list(mc, &entries.collect::<Vec<_>>()))
        }
        _ => wrong("table-list", values),
    }
}

fn make_weak<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Pair(pair)] => Ok(Value::Weak(Gc::new(mc, WeakBox { pair: Gc::downgrade(*pair) }))),
        _ => wrong("weak", values),
    }
}

fn weak_get<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Weak(weak)] => Ok(weak.pair.upgrade(mc).map_or(Value::Bool(false), Value::Pair)),
        _ => wrong("weak-get", values),
    }
}

fn make_counter<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, _: &[Value<'gc>]) -> Answer<'gc> {
    let counter = Gc::new(mc, Counter { count: Gc::new(mc, Lock::new(0)) });
    Ok(Value::Object(unsize!(counter => dyn Object<'gc>)))
}

fn make_queue<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, _: &[Value<'gc>]) -> Answer<'gc> {
    let queue = Gc::new(mc, Queue { waiting: Gc::new(mc, RefLock::new(VecDeque::new())) });
    Ok(Value::Object(unsize!(queue => dyn Object<'gc>)))
}

fn send<'gc>(mc: &Mutation<'gc>, _: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [Value::Object(object), message, arguments @ ..] => object.send(mc, &message.text()?, arguments),
        _ => wrong("send", values),
    }
}

/// Has a function called for an event. The host holds it from outside the heap.
fn on<'gc>(mc: &Mutation<'gc>, state: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [event, Value::Closure(closure)] => {
            let function = state.roots.stash::<Rootable![Closure<'_>]>(mc, *closure);
            state.host.handlers.borrow_mut().push(Handler { event: event.text()?, function });
            Ok(Value::Nil)
        }
        _ => wrong("on", values),
    }
}

fn off<'gc>(_: &Mutation<'gc>, state: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [event] => {
            let event = event.text()?;
            state.host.handlers.borrow_mut().retain(|handler| handler.event != event);
            Ok(Value::Nil)
        }
        _ => wrong("off", values),
    }
}

fn emit<'gc>(_: &Mutation<'gc>, state: Root<'gc>, values: &[Value<'gc>]) -> Answer<'gc> {
    match values {
        [event] => {
            let event = event.text()?;
            for handler in state.host.handlers.borrow().iter().filter(|handler| handler.event == event) {
                state.host.pending.borrow_mut().push_back(handler.function.clone());
            }
            Ok(Value::Nil)
        }
        _ => wrong("emit", values),
    }
}

/// Asks for a collection when the form is done.
fn collect<'gc>(_: &Mutation<'gc>, state: Root<'gc>, _: &[Value<'gc>]) -> Answer<'gc> {
    state.host.wants_collection.replace(true);
    Ok(Value::Nil)
}

const NATIVES: &[Native] = &[
    Native { name: "+", call: add },
    Native { name: "-", call: subtract },
    Native { name: "*", call: multiply },
    Native { name: "quotient", call: quotient },
    Native { name: "remainder", call: remainder },
    Native { name: "<", call: less },
    Native { name: "=", call: equal },
    Native { name: "eq?", call: is },
    Native { name: "not", call: not },
    Native { name: "null?", call: is_null },
    Native { name: "pair?", call: is_pair },
    Native { name: "cons", call: make_pair },
    Native { name: "list", call: make_list },
    Native { name: "car", call: head },
    Native { name: "cdr", call: tail },
    Native { name: "set-car!", call: set_head },
    Native { name: "set-cdr!", call: set_tail },
    Native { name: "print", call: print },
    Native { name: "append", call: append },
    Native { name: "table", call: make_table },
    Native { name: "table-get", call: table_get },
    Native { name: "table-set!", call: table_set },
    Native { name: "table-list", call: table_list },
    Native { name: "weak", call: make_weak },
    Native { name: "weak-get", call: weak_get },
    Native { name: "counter", call: make_counter },
    Native { name: "queue", call: make_queue },
    Native { name: "send", call: send },
    Native { name: "on", call: on },
    Native { name: "off", call: off },
    Native { name: "emit", call: emit },
    Native { name: "collect", call: collect },
];

/// Runs a program, and says what it printed.
pub(super) fn run(source: &str) -> String {
    let mut arena = Arena::<Rootable![Root<'_>]>::new(|mc| State::new(mc));
    arena.mutate(|mc, state| match read(mc, *state, source) {
        Ok(forms) => *state.program.borrow_mut(mc) = forms,
        Err(Fault(text)) => writeln!(state.output.borrow_mut(), "fault: {text}").expect("a string takes it"),
    });
    loop {
        match arena.mutate(|mc, state| step(mc, *state, 1000)) {
            Progress::Running => arena.collect_debt(),
            Progress::Full => arena.finish_cycle(),
            Progress::Done => break,
        }
    }
    arena.mutate(|_, state| state.output.borrow().clone())
}
