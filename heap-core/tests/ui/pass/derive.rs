//! Types that the derive must accept.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Display;
use std::marker::PhantomData;

use heap_core::{Gc, Heap, Lock, Mutator, NoGc, OnceLock, RefLock, Rootable, Static, Trace, Weak};

#[derive(Trace)]
struct Unit;

#[derive(Trace)]
struct Tuple<'gc>(u8, Gc<'gc, Tuple<'gc>>, Option<Weak<'gc, str>>);

#[derive(Trace)]
struct Generic<'gc, T, U: Display + 'gc> {
    value: T,
    next: Option<Gc<'gc, Generic<'gc, T, U>>>,
    shown: PhantomPointer<'gc, U>,
}

#[derive(Trace)]
#[trace(bound = "U: Trace<'gc>")]
struct PhantomPointer<'gc, U: 'gc> {
    pointer: Option<Gc<'gc, U>>,
}

#[derive(Trace)]
enum Empty {}

#[derive(Trace)]
enum Expression<'gc> {
    Nothing,
    Number(f64),
    Negated(Box<Expression<'gc>>),
    Call { name: Gc<'gc, str>, arguments: Vec<Expression<'gc>> },
    Table(HashMap<String, Expression<'gc>>),
    Shared(Gc<'gc, Expression<'gc>>),
    Later(OnceLock<Box<Self>>),
}

#[derive(Trace)]
struct Array<'gc, T, const N: usize> {
    values: [T; N],
    slots: [[Lock<Option<Gc<'gc, Array<'gc, T, N>>>>; N]; 2],
}

#[derive(Trace)]
#[trace(gc_lifetime = 'heap, bound = "")]
struct Several<'heap, 'name, T: 'static> {
    pointer: Gc<'heap, str>,
    #[trace(require_static)]
    foreign: T,
    name: PhantomType<'name>,
}

#[derive(Trace)]
#[trace(gc_lifetime = 'gc)]
struct TwoPointers<'a, 'gc> {
    pointer: Gc<'gc, u64>,
    lifetime: PhantomType<'a>,
}

/// A lifetime that marks nothing in the heap.
struct PhantomType<'a>(PhantomData<fn(&'a ())>);

// SAFETY: there is nothing in it.
unsafe impl<'gc> Trace<'gc> for PhantomType<'_> {
    type Facts = heap_core::Known<true, true>;
    fn trace(&self, _: &mut heap_core::Tracer<'gc>) {}
    fn relocate(&mut self, _: &mut heap_core::Relocator<'gc>) {}
}

#[derive(Trace)]
struct First<'gc> {
    #[trace(recursive)]
    second: Vec<Second<'gc>>,
}

#[derive(Trace)]
struct Second<'gc> {
    first: Option<Box<First<'gc>>>,
    pointer: Gc<'gc, First<'gc>>,
}

#[derive(Trace)]
struct Containers<'gc> {
    map: RefLock<BTreeMap<String, VecDeque<(Gc<'gc, u8>, u8)>>>,
    result: Result<Gc<'gc, u8>, String>,
    text: &'static str,
    foreign: Static<std::sync::mpsc::Sender<u8>>,
    #[trace(require_static)]
    callback: Box<dyn Fn(u8) -> u8>,
    r#type: Box<[Gc<'gc, [u8]>]>,
}

struct Foreign;

#[derive(Trace)]
#[trace(require_static)]
struct Whole {
    foreign: Foreign,
    more: Vec<Foreign>,
}

/// The derive's own names are not in the way.
mod shadowed {
    #![allow(dead_code, non_camel_case_types)]
    struct Option;
    struct bool;
    struct Trace;
    mod core {}
    mod heap_core {}
    fn drop() {}

    #[derive(::heap_core::Trace)]
    struct Inside<'gc> {
        gc: ::heap_core::Gc<'gc, u8>,
    }
}

macro_rules! make {
    ($name:ident<$life:lifetime> { $($field:ident: $type:ty),* }) => {
        #[derive(Trace)]
        #[allow(dead_code)]
        struct $name<$life> { $($field: $type),* }
    };
}
make!(Made<'gc> { one: Gc<'gc, Made<'gc>>, two: Lock<Option<Gc<'gc, [u8]>>> });

/// Types of the program's own that are called like those which cannot hold pointers.
mod called_like_others {
    use super::*;

    #[derive(Trace)]
    pub struct Cell<T>(pub T);
    #[derive(Trace)]
    pub struct HashMap<K, V>(pub Vec<(K, V)>);

    #[derive(Trace)]
    pub struct Lisp<'gc> {
        car: Cell<Gc<'gc, u8>>,
        names: Option<HashMap<Gc<'gc, str>, u8>>,
        values: std::collections::HashMap<u8, Gc<'gc, u8>>,
    }
}

fn generic<'gc, T: Trace<'gc>>(mc: &Mutator<'gc>, value: T) -> Gc<'gc, T> {
    Gc::new(mc, value)
}

fn main() {
    let mut heap = Heap::<Rootable!['gc => Gc<'gc, Array<'gc, u8, 3>>]>::new(NoGc::default(), |mc| {
        Gc::new(mc, Array { values: [1, 2, 3], slots: Default::default() })
    })
    .unwrap();
    heap.mutate(|mc, root| {
        generic(mc, Unit);
        generic(mc, Expression::Negated(Box::new(Expression::Number(1.0))));
        generic(mc, Whole { foreign: Foreign, more: vec![Foreign] });
        generic(mc, Several { pointer: Gc::new_str(mc, ""), foreign: Foreign, name: PhantomType(PhantomData) });
        generic(mc, TwoPointers { pointer: generic(mc, 1), lifetime: PhantomType(PhantomData) });
        heap_core::store!(mc, root => slots[1][2], Some(*root));
        assert!(root.slots[1][2].get().is_some());
    });
    heap.collect();
    heap.verify().unwrap();
}
