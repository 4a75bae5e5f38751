//! [`Interpreter`]: the same statements on a heap.
//!
//! One object of the heap for each object of Python's: a thing, a list (whose elements are in memory that it owns, as
//! CPython's are), a tuple, a dict, a function, the variable that a function has captured, and a frame, which holds the
//! names of a call. The names at the outside are such a frame too. All frames hang on the root, and nothing else does:
//! so what refers to an object here are the entries that refer to it there, one for one.
//!
//! *Watching* is done by weak pointers, in the order in which objects are made. They are not counted, and a collector
//! clears them when the object dies, before its memory is used again: what CPython's weak references do.
//!
//! *When counts are settled.* Our counting is deferred: a count is that of the last safepoint at which an epoch ended.
//! With
//! `settle`, one ends after every statement ([`Heap::collect_minor`]), and counts are comparable with immediate ones.
//! Without, the collector decides, which in a heap of some dozens of objects means: never, until `gc.collect()`.

use std::collections::HashMap;

use heap_core::{Gc, Heap, Lock, Mutator, RefLock, Rootable, Trace, Weak};

use super::observation::Observation;
use super::statement::{Expression, Key, Name, Operand, Statement};
use super::world::is_local;
use crate::contestants::collector::Collector;

/// A reference, or `None`.
#[derive(Trace, Clone, Copy)]
enum Value<'gc> {
    Nothing,
    Thing(Gc<'gc, Thing<'gc>>),
    List(Gc<'gc, List<'gc>>),
    Tuple(Gc<'gc, [Value<'gc>]>),
    Dict(Gc<'gc, Dict<'gc>>),
    Function(Gc<'gc, Function<'gc>>),
}

#[derive(Trace)]
struct Thing<'gc> {
    link: Lock<Value<'gc>>,
}

type List<'gc> = RefLock<Vec<Value<'gc>>>;

type Dict<'gc> = RefLock<Vec<(Key, Value<'gc>)>>;

/// A variable that functions have captured.
type Cell<'gc> = Lock<Value<'gc>>;

#[derive(Trace)]
struct Function<'gc> {
    variable: Gc<'gc, Cell<'gc>>,
}

/// The names of a call, and what they are bound to.
type Frame<'gc> = RefLock<Vec<(Name, Value<'gc>)>>;

#[derive(Trace)]
struct Root<'gc> {
    frames: RefLock<Vec<Gc<'gc, Frame<'gc>>>>,
    watched: RefLock<Vec<Weak<'gc, ()>>>,
}

type Roots = Rootable![Gc<'_, Root<'_>>];

/// Executes statements on a heap with a collector.
pub(super) struct Interpreter {
    heap: Heap<Roots>,
    settle: bool,
    /// Which objects were there after the last statement.
    alive: Vec<bool>,
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// Where it is.
    pub(super) address: usize,
    /// The bytes that it takes, with its header; nothing, if it cannot be reached.
    pub(super) bytes: Option<usize>,
}

const VALID: &str = "statements are valid";

impl Interpreter {
    /// # Errors
    /// When the system refuses memory.
    pub(super) fn new(collector: Collector, settle: bool) -> Result<Self, String> {
        let heap = Heap::new(super::made(collector), |mc| {
            let outside = Gc::new(mc, Frame::new(Vec::new()));
            Gc::new(mc, Root { frames: RefLock::new(vec![outside]), watched: RefLock::new(Vec::new()) })
        });
        let heap = heap.map_err(|error| error.to_string())?;
        let settle = settle && heap.capabilities().counts;
        Ok(Interpreter { heap, settle, alive: Vec::new() })
    }

    /// Executes a statement, which must be valid, and says what is seen afterwards.
    pub(super) fn run(&mut self, statement: &Statement) -> Observation {
        match statement {
            Statement::Collect => self.heap.collect(),
            _ => self.heap.mutate(|mc, root| execute(mc, *root, statement)),
        }
        if self.settle {
            self.heap.collect_minor();
        }
        self.observe()
    }

    fn observe(&mut self) -> Observation {
        let counting = self.heap.capabilities().counts;
        let alive = &mut self.alive;
        // Without a safepoint: looking changes nothing.
        self.heap.view(|mc, root| {
            let mut observation = Observation { counts: counting.then(Default::default), ..Observation::default() };
            for (index, watched) in root.watched.borrow().iter().enumerate() {
                if index == alive.len() {
                    alive.push(true);
                }
                let object = if alive[index] { watched.upgrade(mc) } else { None };
                match (object, &mut observation.counts) {
                    (None, _) if !alive[index] => {}
                    (None, _) => {
                        alive[index] = false;
                        observation.died.insert(index + 1);
                    }
                    (Some(object), Some(counts)) => {
                        counts.insert(index + 1, mc.ref_count(object).unwrap_or_default());
                    }
                    (Some(_), None) => {}
                }
            }
            observation
        })
    }

    /// Where an object is, if it has not been reclaimed.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub(super) fn sight(&mut self, number: usize) -> Result<Option<Sight>, String> {
        let look = self.heap.inspect(|look, root| {
            let address = root.watched.borrow().get(number - 1).map_or(0, |watched| watched.as_ptr().addr());
            let reached: HashMap<_, _> =
                look.objects().map(|object| (Gc::as_ptr(object).addr(), look.size(object))).collect();
            (address != 0).then(|| Sight { address, bytes: reached.get(&address).copied() })
        });
        look.map_err(|error| error.to_string())
    }

    /// Checks every invariant of the heap.
    ///
    /// # Errors
    /// The first that is broken.
    pub(super) fn verify(&mut self) -> Result<(), String> {
        self.heap.verify().map(drop).map_err(|error| error.to_string())
    }
}

fn execute<'gc>(mc: &Mutator<'gc>, root: Gc<'gc, Root<'gc>>, statement: &Statement) {
    let value = |operand: Operand| match operand {
        Operand::Nothing => Value::Nothing,
        Operand::Of(name) => lookup(root, name),
    };
    match statement {
        Statement::Bind(name, expression) => {
            let value = evaluate(mc, root, expression);
            set(&mut frame_of(root, name).borrow_mut(mc), name, value);
        }
        Statement::Evaluate(expression) => {
            evaluate(mc, root, expression);
        }
        Statement::Delete(name) => frame_of(root, name).borrow_mut(mc).retain(|(other, _)| other != name),
        Statement::SetLink(name, operand) => heap_core::store!(mc, thing(root, name).link, value(*operand)),
        Statement::Append(name, operand) => list(root, name).borrow_mut(mc).push(value(*operand)),
        Statement::Pop(name) => {
            list(root, name).borrow_mut(mc).pop();
        }
        Statement::SetItem(name, index, operand) => list(root, name).borrow_mut(mc)[*index] = value(*operand),
        Statement::DeleteItem(name, index) => {
            list(root, name).borrow_mut(mc).remove(*index);
        }
        Statement::SetEntry(name, key, operand) => set(&mut dict(root, name).borrow_mut(mc), key, value(*operand)),
        Statement::DeleteEntry(name, key) => dict(root, name).borrow_mut(mc).retain(|(other, _)| other != key),
        Statement::Clear(name) => match lookup(root, name) {
            Value::List(list) => list.borrow_mut(mc).clear(),
            Value::Dict(dict) => dict.borrow_mut(mc).clear(),
            _ => panic!("{VALID}"),
        },
        Statement::Rebind(name, operand) => match lookup(root, name) {
            Value::Function(function) => function.variable.set(mc, value(*operand)),
            _ => panic!("{VALID}"),
        },
        Statement::Call(arguments) => {
            let names = arguments.iter().map(|(name, operand)| (*name, value(*operand))).collect();
            let frame = Gc::new(mc, Frame::new(names));
            heap_core::field!(mc, root.frames).unlock().borrow_mut().push(frame);
        }
        Statement::Return => {
            heap_core::field!(mc, root.frames).unlock().borrow_mut().pop();
        }
        Statement::Collect => unreachable!("not in the middle of a `mutate`"),
    }
}

fn evaluate<'gc>(mc: &Mutator<'gc>, root: Gc<'gc, Root<'gc>>, expression: &Expression) -> Value<'gc> {
    let value = |operand: &Operand| match operand {
        Operand::Nothing => Value::Nothing,
        Operand::Of(name) => lookup(root, name),
    };
    let values = |operands: &[Operand]| operands.iter().map(value).collect::<Vec<_>>();
    match expression {
        Expression::Value(operand) => value(operand),
        Expression::Thing => {
            let thing = Gc::new(mc, Thing { link: Lock::new(Value::Nothing) });
            watch(mc, root, thing);
            Value::Thing(thing)
        }
        Expression::List(items) => {
            let list = Gc::new(mc, List::new(values(items)));
            watch(mc, root, list);
            Value::List(list)
        }
        Expression::Tuple(items) => Value::Tuple(Gc::from_vec(mc, values(items))),
        Expression::Dict(items) => {
            let mut entries = Vec::new();
            for (key, operand) in items {
                set(&mut entries, key, value(operand));
            }
            let dict = Gc::new(mc, Dict::new(entries));
            watch(mc, root, dict);
            Value::Dict(dict)
        }
        Expression::Capture(operand) => {
            let function = Gc::new(mc, Function { variable: Gc::new(mc, Cell::new(value(operand))) });
            watch(mc, root, function);
            Value::Function(function)
        }
        Expression::Link(name) => thing(root, name).link.get(),
        Expression::Item(name, index) => match lookup(root, name) {
            Value::List(list) => list.borrow()[*index],
            Value::Tuple(tuple) => tuple[*index],
            _ => panic!("{VALID}"),
        },
        Expression::Entry(name, key) => {
            let dict = dict(root, name);
            dict.borrow().iter().find(|(other, _)| other == key).expect(VALID).1
        }
    }
}

fn watch<'gc, T: Trace<'gc>>(mc: &Mutator<'gc>, root: Gc<'gc, Root<'gc>>, object: Gc<'gc, T>) {
    let watched = Gc::downgrade(object, mc).erase();
    heap_core::field!(mc, root.watched).unlock().borrow_mut().push(watched);
}

fn frame_of<'gc>(root: Gc<'gc, Root<'gc>>, name: Name) -> Gc<'gc, Frame<'gc>> {
    let frames = root.frames.borrow();
    if is_local(name) { *frames.last().expect(VALID) } else { frames[0] }
}

fn lookup<'gc>(root: Gc<'gc, Root<'gc>>, name: Name) -> Value<'gc> {
    let frame = frame_of(root, name);
    let names = frame.borrow();
    names.iter().find(|(other, _)| *other == name).expect(VALID).1
}

fn thing<'gc>(root: Gc<'gc, Root<'gc>>, name: Name) -> Gc<'gc, Thing<'gc>> {
    if let Value::Thing(thing) = lookup(root, name) { thing } else { panic!("{VALID}") }
}

fn list<'gc>(root: Gc<'gc, Root<'gc>>, name: Name) -> Gc<'gc, List<'gc>> {
    if let Value::List(list) = lookup(root, name) { list } else { panic!("{VALID}") }
}

fn dict<'gc>(root: Gc<'gc, Root<'gc>>, name: Name) -> Gc<'gc, Dict<'gc>> {
    if let Value::Dict(dict) = lookup(root, name) { dict } else { panic!("{VALID}") }
}

fn set<'gc>(entries: &mut Vec<(&'static str, Value<'gc>)>, name: &'static str, value: Value<'gc>) {
    match entries.iter_mut().find(|(other, _)| *other == name) {
        Some((_, old)) => *old = value,
        None => entries.push((name, value)),
    }
}
