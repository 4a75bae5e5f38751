//! `json_dom` on our heaps.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::json_dom::{Builder, KEPT, Program, Scalar, View, digest, parse, transform};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Null,
    Bool(bool),
    Number(i64),
    String(Gc<'gc, str>),
    Array(Gc<'gc, [Value<'gc>]>),
    Object(Gc<'gc, [Member<'gc>]>),
}

#[derive(Clone, Copy, Trace)]
struct Member<'gc> {
    name: Gc<'gc, str>,
    value: Value<'gc>,
}

type Root = Rootable![Gc<'_, [Lock<Option<Gc<'_, Value<'_>>>>]>];

/// The program.
pub(super) struct Documents(Measured<Root>);

impl Documents {
    /// A heap with an empty ring.
    pub(super) fn new(setup: &Setup) -> Self {
        Documents(setup.heap(|mc| Gc::try_new_slice_with(mc, KEPT, |_| Lock::new(None))))
    }
}

struct Dom<'gc>(&'gc Mutator<'gc>);

impl<'gc> Builder for Dom<'gc> {
    type Value = Value<'gc>;
    type Member = Member<'gc>;
    type Text = Gc<'gc, str>;
    type Error = AllocError;

    fn text(&mut self, text: &str) -> Result<Gc<'gc, str>, AllocError> {
        Gc::try_new_str(self.0, text)
    }

    fn scalar(&mut self, scalar: Scalar) -> Value<'gc> {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(bool) => Value::Bool(bool),
            Scalar::Number(number) => Value::Number(number),
        }
    }

    fn string(&mut self, text: Gc<'gc, str>) -> Value<'gc> {
        Value::String(text)
    }

    fn array(&mut self, values: &mut Vec<Value<'gc>>) -> Result<Value<'gc>, AllocError> {
        Ok(Value::Array(Gc::try_new_slice(self.0, values)?))
    }

    fn member(&mut self, name: Gc<'gc, str>, value: Value<'gc>) -> Member<'gc> {
        Member { name, value }
    }

    fn object(&mut self, members: &mut Vec<Member<'gc>>) -> Result<Value<'gc>, AllocError> {
        Ok(Value::Object(Gc::try_new_slice(self.0, members)?))
    }

    fn view<'a>(value: &'a Value<'gc>) -> View<'a, Value<'gc>, Member<'gc>> {
        match value {
            Value::Null => View::Scalar(Scalar::Null),
            Value::Bool(bool) => View::Scalar(Scalar::Bool(*bool)),
            Value::Number(number) => View::Scalar(Scalar::Number(*number)),
            Value::String(text) => View::String(text),
            Value::Array(values) => View::Array(values),
            Value::Object(members) => View::Object(members),
        }
    }

    fn parts<'a>(member: &'a Member<'gc>) -> (&'a str, &'a Value<'gc>) {
        (&member.name, &member.value)
    }
}

impl Program for Documents {
    fn convert(&mut self, place: usize, document: &str) -> u64 {
        self.0.batch(|mc, ring| {
            let mut dom = Dom(mc);
            let value = parse(&mut dom, document)?;
            let parsed = Gc::try_new(mc, value)?;
            let value = transform(&mut dom, &parsed)?;
            let transformed = Gc::try_new(mc, value)?;
            let sum = ring[place].get().map_or(0, |old| digest::<Dom<'_>>(&old));
            store!(mc, ring[place], Some(transformed));
            Ok(sum)
        })
    }
}
