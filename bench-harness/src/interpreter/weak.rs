//! What a table with `__mode` keeps: entries whose keys, values or both die with their objects.
//!
//! Objects that are weak keys stand in a `WeakMap`: its values live as long as their keys do, also when they lead back to them,
//! which is what the language asks of an *ephemeron table*. Texts, numbers and strong keys stand in a `Map`. In both, a weak
//! value is a `Weak` pointer; texts and numbers are values, not objects, and never removed.
//!
//! *When weak values go.* The language wants them gone before finalizers of the same collection run, and weak keys only after.
//! Where a script asks for a collection, the heap is [marked](heap_core::Heap::mark) first and [`clear_dead`] removes the
//! values that are going to die. In collections of the heap's own choice, what a finalizer brings back is still a value.

use heap_core::collections::{Map, WeakMap};
use heap_core::{AllocError, Finalization, Gc, Lock, Mutator, Trace, Weak, store};

use super::machine::Coroutine;
use super::table::Table;
use super::value::{Closure, Keys, Value};

/// The entries of a weak table.
#[derive(Trace)]
pub(super) struct WeakPart<'gc> {
    pub(super) keys: bool,
    pub(super) values: bool,
    objects: WeakMap<'gc, (), Entry<'gc>>,
    others: Map<'gc, Value<'gc>, Held<'gc>, Keys>,
}

/// What belongs to an object that is a weak key.
#[derive(Trace)]
struct Entry<'gc> {
    key: Held<'gc>,
    value: Lock<Held<'gc>>,
}

/// A value, kept or not.
#[derive(Trace, Clone, Copy)]
enum Held<'gc> {
    Strong(Value<'gc>),
    Table(Weak<'gc, Table<'gc>>),
    Function(Weak<'gc, Closure<'gc>>),
    Coroutine(Weak<'gc, Coroutine<'gc>>),
}

impl<'gc> Held<'gc> {
    fn new(mc: &Mutator<'gc>, value: Value<'gc>, weakly: bool) -> Result<Self, AllocError> {
        Ok(match value {
            Value::Table(table) if weakly => Held::Table(Gc::try_downgrade(table, mc)?),
            Value::Function(function) if weakly => Held::Function(Gc::try_downgrade(function, mc)?),
            Value::Coroutine(coroutine) if weakly => Held::Coroutine(Gc::try_downgrade(coroutine, mc)?),
            value => Held::Strong(value),
        })
    }

    /// The value; nil, when it is dead.
    fn get(self, mc: &Mutator<'gc>) -> Value<'gc> {
        match self {
            Held::Strong(value) => value,
            Held::Table(table) => table.upgrade(mc).map_or(Value::Nil, Value::Table),
            Held::Function(function) => function.upgrade(mc).map_or(Value::Nil, Value::Function),
            Held::Coroutine(coroutine) => coroutine.upgrade(mc).map_or(Value::Nil, Value::Coroutine),
        }
    }

    fn is_dead(self, fc: &Finalization<'gc>) -> bool {
        match self {
            Held::Strong(_) => false,
            Held::Table(table) => table.is_dead(fc),
            Held::Function(function) => function.is_dead(fc),
            Held::Coroutine(coroutine) => coroutine.is_dead(fc),
        }
    }
}

/// The object that a value leads to.
fn object<'gc>(value: Value<'gc>) -> Option<Gc<'gc, ()>> {
    match value {
        Value::Table(table) => Some(Gc::erase(table)),
        Value::Function(function) => Some(Gc::erase(function)),
        Value::Coroutine(coroutine) => Some(Gc::erase(coroutine)),
        _ => None,
    }
}

impl<'gc> WeakPart<'gc> {
    pub(super) fn new(mc: &Mutator<'gc>, keys: bool, values: bool) -> Result<Self, AllocError> {
        Ok(WeakPart { keys, values, objects: WeakMap::try_new(mc)?, others: Map::try_new(mc)? })
    }

    pub(super) fn get(&self, mc: &Mutator<'gc>, key: Value<'gc>) -> Value<'gc> {
        let held = match object(key).filter(|_| self.keys) {
            Some(object) => self.objects.get(mc, object).map(|entry| entry.value.get()),
            None => self.others.get(mc, &key),
        };
        held.map_or(Value::Nil, |held| held.get(mc))
    }

    pub(super) fn set(&self, mc: &Mutator<'gc>, key: Value<'gc>, value: Value<'gc>) -> Result<(), AllocError> {
        let held = Held::new(mc, value, self.values)?;
        match object(key).filter(|_| self.keys) {
            Some(object) => match self.objects.get(mc, object) {
                Some(entry) => store!(mc, entry.value, held),
                None if value.is_nil() => {}
                None => {
                    let entry = Entry { key: Held::new(mc, key, true)?, value: Lock::new(held) };
                    self.objects.try_insert(mc, object, Gc::try_new(mc, entry)?)?;
                }
            },
            None if value.is_nil() && !self.others.contains_key(mc, &key) => {}
            None => {
                let others = self.others;
                if others.len() == others.capacity() && !others.is_empty() && !others.contains_key(mc, &key) {
                    others.retain(mc, |_, held| !held.get(mc).is_nil());
                }
                others.try_insert(mc, key, held)?;
            }
        }
        Ok(())
    }

    /// The number of elements 1, 2, 3, … up to the first that is nil.
    pub(super) fn border(&self, mc: &Mutator<'gc>) -> i64 {
        (1..).take_while(|&index| !self.get(mc, Value::Integer(index)).is_nil()).count() as i64
    }

    /// The key behind this one, and its value, if there is one. `None` when this one is not there.
    pub(super) fn next(&self, mc: &Mutator<'gc>, key: Value<'gc>) -> Option<Option<(Value<'gc>, Value<'gc>)>> {
        let after_object = object(key).filter(|_| self.keys);
        let mut after = Some(key);
        if after_object.is_some() || key.is_nil() {
            let mut after_object = after_object;
            while let Some((key, entry)) = self.objects.next_after(mc, after_object)? {
                let pair = (entry.key.get(mc), entry.value.get().get(mc));
                if !pair.1.is_nil() {
                    return Some(Some(pair));
                }
                after_object = Some(key);
            }
            after = None;
        }
        loop {
            match self.others.next_after(mc, after.as_ref())? {
                Some((key, held)) => match held.get(mc) {
                    Value::Nil => after = Some(key),
                    value => return Some(Some((key, value))),
                },
                None => return Some(None),
            }
        }
    }

    /// Removes the values that the collection which is beginning is going to find dead.
    pub(super) fn clear_dead(&self, fc: &Finalization<'gc>) {
        if !self.values {
            return;
        }
        for (_, entry) in self.objects.iter(fc) {
            if entry.value.get().is_dead(fc) {
                store!(fc, entry.value, Held::Strong(Value::Nil));
            }
        }
        self.others.retain(fc, |_, held| !held.is_dead(fc));
    }
}
