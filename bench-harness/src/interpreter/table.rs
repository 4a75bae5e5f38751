//! Tables: an array for the keys 1, 2, 3, …, a hash map for all others.
//!
//! The array is a `List`, the rest a `Map` whose keys are values. Invariants: the array does not end in nil, and the key
//! behind its end is not in the map. So the array's length is a border, which is what `#` asks for.
//!
//! *Removing.* A field that becomes nil stays in the map, because a script may set fields to nil while it walks over them, and
//! the walk must find its place again. Such entries are dropped before the map would grow.
//!
//! A table whose metatable says `__mode` keeps everything in a [`WeakPart`] instead.

use std::cell::Cell;

use heap_core::collections::{List, Map};
use heap_core::{AllocError, Gc, Lock, Mutator, Trace, store};

use super::number::float_to_integer;
use super::value::{Keys, Text, Value};
use super::weak::WeakPart;

pub(super) type Fields<'gc> = Map<'gc, Value<'gc>, Value<'gc>, Keys>;

/// A table.
#[derive(Trace)]
pub(super) struct Table<'gc> {
    array: Lock<Option<List<'gc, Value<'gc>>>>,
    fields: Lock<Rest<'gc>>,
    metatable: Lock<Option<Gc<'gc, Table<'gc>>>>,
    /// When it was marked for finalization; 0, if it was not.
    #[trace(require_static)]
    finalizer: Cell<u64>,
}

/// What is not in the array. Both are made when they are needed: most tables are one or the other.
#[derive(Trace, Clone, Copy)]
enum Rest<'gc> {
    Nothing,
    Fields(Fields<'gc>),
    Weak(Gc<'gc, WeakPart<'gc>>),
}

/// Why a key cannot be set.
pub(super) enum BadKey {
    Nil,
    NaN,
    Full(AllocError),
}

impl From<AllocError> for BadKey {
    fn from(error: AllocError) -> Self {
        BadKey::Full(error)
    }
}

/// The key that was asked for after which is not there.
pub(super) struct NoSuchKey;

impl<'gc> Table<'gc> {
    pub(super) fn new(mc: &Mutator<'gc>) -> Result<Gc<'gc, Self>, AllocError> {
        Self::with_room(mc, 0, 0)
    }

    pub(super) fn with_room(mc: &Mutator<'gc>, array: usize, fields: usize) -> Result<Gc<'gc, Self>, AllocError> {
        let list = if array == 0 {
            None
        } else {
            let list = List::try_new(mc)?;
            list.try_reserve(mc, array)?;
            Some(list)
        };
        let rest = if fields == 0 {
            Rest::Nothing
        } else {
            let map = Map::try_new(mc)?;
            map.try_reserve(mc, fields)?;
            Rest::Fields(map)
        };
        Gc::try_new(
            mc,
            Table {
                array: Lock::new(list),
                fields: Lock::new(rest),
                metatable: Lock::new(None),
                finalizer: Cell::new(0),
            },
        )
    }

    #[inline]
    pub(super) fn metatable(&self) -> Option<Gc<'gc, Table<'gc>>> {
        self.metatable.get()
    }

    pub(super) fn set_metatable(this: Gc<'gc, Self>, mc: &Mutator<'gc>, metatable: Option<Gc<'gc, Table<'gc>>>) {
        store!(mc, this.metatable, metatable);
    }

    /// When it was marked for finalization; 0, if it was not.
    pub(super) fn finalizer(&self) -> &Cell<u64> {
        &self.finalizer
    }

    // ---- reading ----

    #[inline]
    pub(super) fn get(&self, mc: &Mutator<'gc>, key: Value<'gc>) -> Value<'gc> {
        match key {
            Value::Integer(index) => self.get_integer(mc, index),
            Value::Text(name) => self.get_text(mc, name),
            Value::Float(float) => match float_to_integer(float) {
                Some(index) => self.get_integer(mc, index),
                None => self.get_other(mc, key),
            },
            Value::Nil => Value::Nil,
            _ => self.get_other(mc, key),
        }
    }

    #[inline]
    pub(super) fn get_integer(&self, mc: &Mutator<'gc>, index: i64) -> Value<'gc> {
        if let Some(array) = self.array.get()
            && let Some(value) = array.get((index as usize).wrapping_sub(1))
        {
            return value;
        }
        self.get_other(mc, Value::Integer(index))
    }

    #[inline]
    pub(super) fn get_text(&self, mc: &Mutator<'gc>, name: Text<'gc>) -> Value<'gc> {
        match self.fields.get() {
            Rest::Fields(fields) => fields.get(mc, &name).unwrap_or(Value::Nil),
            Rest::Nothing => Value::Nil,
            Rest::Weak(part) => part.get(mc, Value::Text(name)),
        }
    }

    fn get_other(&self, mc: &Mutator<'gc>, key: Value<'gc>) -> Value<'gc> {
        match self.fields.get() {
            Rest::Fields(fields) => fields.get(mc, &key).unwrap_or(Value::Nil),
            Rest::Nothing => Value::Nil,
            Rest::Weak(part) => part.get(mc, key),
        }
    }

    /// A border: the number of elements, if there are no holes.
    #[inline]
    pub(super) fn len(&self, mc: &Mutator<'gc>) -> i64 {
        match self.fields.get() {
            Rest::Weak(part) => part.border(mc),
            _ => self.array.get().map_or(0, List::len) as i64,
        }
    }

    /// The key behind this one, and its value; the first, behind nil.
    pub(super) fn next(
        &self,
        mc: &Mutator<'gc>,
        key: Value<'gc>,
    ) -> Result<Option<(Value<'gc>, Value<'gc>)>, NoSuchKey> {
        if let Rest::Weak(part) = self.fields.get() {
            return part.next(mc, key).ok_or(NoSuchKey);
        }
        let array_len = self.array.get().map_or(0, List::len);
        let position = match key {
            Value::Nil => Some(0),
            Value::Integer(index) => usize::try_from(index).ok().filter(|&index| index >= 1 && index <= array_len),
            _ => None,
        };
        let mut after = Some(key);
        if let Some(position) = position {
            if let Some(array) = self.array.get() {
                for index in position..array_len {
                    if let Some(value) = array.get(index).filter(|value| !value.is_nil()) {
                        return Ok(Some((Value::Integer(index as i64 + 1), value)));
                    }
                }
            }
            after = None;
        }
        let Rest::Fields(fields) = self.fields.get() else { return after.map_or(Ok(None), |_| Err(NoSuchKey)) };
        loop {
            match fields.next_after(mc, after.as_ref()).ok_or(NoSuchKey)? {
                Some((key, Value::Nil)) => after = Some(key),
                found => return Ok(found),
            }
        }
    }

    // ---- writing ----

    /// Sets a field, without metamethods.
    #[inline]
    pub(super) fn set(
        this: Gc<'gc, Self>,
        mc: &Mutator<'gc>,
        key: Value<'gc>,
        value: Value<'gc>,
    ) -> Result<(), BadKey> {
        match key {
            Value::Integer(index) => Ok(Self::set_integer(this, mc, index, value)?),
            Value::Float(float) => match float_to_integer(float) {
                Some(index) => Ok(Self::set_integer(this, mc, index, value)?),
                None if float.is_nan() => Err(BadKey::NaN),
                None => Ok(Self::set_other(this, mc, key, value)?),
            },
            Value::Nil => Err(BadKey::Nil),
            _ => Ok(Self::set_other(this, mc, key, value)?),
        }
    }

    #[inline]
    pub(super) fn set_integer(
        this: Gc<'gc, Self>,
        mc: &Mutator<'gc>,
        index: i64,
        value: Value<'gc>,
    ) -> Result<(), AllocError> {
        if let Some(array) = this.array.get() {
            let place = (index as usize).wrapping_sub(1);
            let len = array.len();
            if place < len && (place + 1 < len || !value.is_nil()) {
                array.set(mc, place, value);
                return Ok(());
            }
        }
        Self::set_at_end(this, mc, index, value)
    }

    /// Sets what is the array's last element, or behind it, or no element.
    #[inline(never)]
    fn set_at_end(this: Gc<'gc, Self>, mc: &Mutator<'gc>, index: i64, value: Value<'gc>) -> Result<(), AllocError> {
        if let Rest::Weak(part) = this.fields.get() {
            return part.set(mc, Value::Integer(index), value);
        }
        let len = this.array.get().map_or(0, List::len) as i64;
        if index == len && !value.is_nil() || index < 1 || index > len + 1 {
            return Self::set_other(this, mc, Value::Integer(index), value);
        }
        if index == len {
            if let Some(array) = this.array.get() {
                array.pop(mc);
                while array.last().is_some_and(Value::is_nil) {
                    array.pop(mc);
                }
            }
            return Ok(());
        }
        if value.is_nil() {
            return Ok(());
        }
        let array = match this.array.get() {
            Some(array) => array,
            None => {
                let array = List::try_new(mc)?;
                store!(mc, this.array, Some(array));
                array
            }
        };
        // Elements that came before those in front of them are in the map.
        if let Rest::Fields(fields) = this.fields.get() {
            let following = |number: usize| {
                let key = Value::Integer((array.len() + number) as i64 + 1);
                fields.get(mc, &key).filter(|value| !value.is_nil()).map(|value| (key, value))
            };
            let count = (1..).take_while(|&number| following(number).is_some()).count();
            array.try_reserve(mc, count + 1)?;
            let moved: Vec<_> = (1..=count).filter_map(following).collect();
            array.try_push(mc, value)?;
            for (key, value) in moved {
                fields.remove(mc, &key);
                array.try_push(mc, value)?;
            }
            return Ok(());
        }
        array.try_push(mc, value)
    }

    pub(super) fn set_text(
        this: Gc<'gc, Self>,
        mc: &Mutator<'gc>,
        name: Text<'gc>,
        value: Value<'gc>,
    ) -> Result<(), AllocError> {
        Self::set_other(this, mc, Value::Text(name), value)
    }

    #[inline]
    fn set_other(this: Gc<'gc, Self>, mc: &Mutator<'gc>, key: Value<'gc>, value: Value<'gc>) -> Result<(), AllocError> {
        let fields = match this.fields.get() {
            Rest::Fields(fields) => fields,
            Rest::Weak(part) => return part.set(mc, key, value),
            Rest::Nothing if value.is_nil() => return Ok(()),
            Rest::Nothing => {
                let fields = Map::try_new(mc)?;
                store!(mc, this.fields, Rest::Fields(fields));
                fields
            }
        };
        if value.is_nil() {
            if fields.contains_key(mc, &key) {
                fields.try_insert(mc, key, value)?;
            }
            return Ok(());
        }
        if fields.len() == fields.capacity() && !fields.is_empty() && !fields.contains_key(mc, &key) {
            fields.retain(mc, |_, value| !value.is_nil());
        }
        fields.try_insert(mc, key, value).map(drop)
    }

    /// The elements, where there is nothing but an array to be looked at.
    pub(super) fn array(&self) -> Option<List<'gc, Value<'gc>>> {
        match self.fields.get() {
            Rest::Weak(_) => None,
            _ => self.array.get(),
        }
    }

    /// Makes the table keep its keys or its values weakly, or strongly again.
    pub(super) fn set_mode(
        this: Gc<'gc, Self>,
        mc: &Mutator<'gc>,
        keys: bool,
        values: bool,
    ) -> Result<Option<Gc<'gc, WeakPart<'gc>>>, AllocError> {
        let before = match this.fields.get() {
            Rest::Weak(part) if (part.keys, part.values) == (keys, values) => return Ok(Some(part)),
            Rest::Weak(_) => true,
            _ => false,
        };
        if !before && !keys && !values {
            return Ok(None);
        }
        let mut entries = Vec::new();
        let mut key = Value::Nil;
        while let Ok(Some(entry)) = this.next(mc, key) {
            entries.push(entry);
            key = entry.0;
        }
        if keys || values {
            let part = Gc::try_new(mc, WeakPart::new(mc, keys, values)?)?;
            for (key, value) in entries {
                part.set(mc, key, value)?;
            }
            store!(mc, this.array, None);
            store!(mc, this.fields, Rest::Weak(part));
            return Ok(Some(part));
        }
        let strong = Self::new(mc)?;
        for (key, value) in entries {
            if let Err(BadKey::Full(error)) = Self::set(strong, mc, key, value) {
                return Err(error);
            }
        }
        store!(mc, this.array, strong.array.get());
        store!(mc, this.fields, strong.fields.get());
        Ok(None)
    }
}
