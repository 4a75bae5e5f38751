//! Names that a program may take, without a prelude and with heap-core under another name.
#![no_implicit_prelude]
#![allow(unused, non_camel_case_types)]

pub extern crate heap_core as gc;
extern crate std as core;

use ::gc::{Gc, Heap, Lock, NoGc, RefLock, Rootable, field, store};

/// Not the crate.
pub mod heap_core {}

mod names {
    pub struct Option;
    pub struct bool;
    pub struct usize;
    pub struct Box;
    pub struct PhantomData;
    pub struct Checks;
    pub struct SendProbe;
    pub struct DropIsNotAllowedOnTracedTypes;
    pub trait Trace {}
    pub trait Sized {}
    pub trait Send {}
    pub trait Drop {}
    pub trait Copy {}
}

macro_rules! stringify {
    ($($tokens:tt)*) => {
        ::std::compile_error!("the program's own macro is used")
    };
}
macro_rules! panic {
    ($($tokens:tt)*) => {
        ::std::compile_error!("the program's own macro is used")
    };
}

/// Methods that everything has, called as ours are.
trait Methods: ::std::marker::Sized {
    fn trace<T>(&self, _: T) {
        ::std::unreachable!()
    }
    fn relocate<T>(&mut self, _: T) {
        ::std::unreachable!()
    }
    fn owned_bytes(&self) -> &'static str {
        ::std::unreachable!()
    }
    fn descend<T>(&mut self, _: T) {
        ::std::unreachable!()
    }
    fn project<T>(self, _: T) {
        ::std::unreachable!()
    }
    fn unlock(self) {
        ::std::unreachable!()
    }
    fn set<T>(self, _: T) {
        ::std::unreachable!()
    }
    const NEEDS_TRACE: &'static str = "";
}

impl<T> Methods for T {}

mod derived {
    use super::Methods as _;
    use super::names::*;

    #[derive(::gc::Trace)]
    #[trace(crate = ::gc)]
    pub struct Node<'gc, T> {
        pub value: T,
        pub names: (u8, ::std::option::Option<::gc::Gc<'gc, Node<'gc, T>>>),
        pub list: ::gc::RefLock<::std::vec::Vec<Node<'gc, T>>>,
        pub edge: ::gc::Lock<::std::option::Option<::gc::Gc<'gc, Node<'gc, T>>>>,
        #[trace(require_static)]
        pub foreign: (DropIsNotAllowedOnTracedTypes, Option, bool, PhantomData, Checks, SendProbe),
    }

    #[derive(::gc::Trace)]
    #[trace(crate = ::gc, require_static)]
    pub enum Whole<T> {
        Nothing,
        Something(T),
    }
}

mod facade {
    pub use ::gc as collected;
}

#[derive(::gc::Trace)]
#[trace(crate = crate::facade::collected)]
struct Reached<'gc>(Gc<'gc, u8>);

macro_rules! inside {
    ($name:ident) => {
        #[derive(::gc::Trace)]
        #[trace(crate = $crate::facade::collected)]
        struct $name<'gc>(Gc<'gc, u8>);
    };
}
inside!(Made);

use derived::Node;

fn node<'gc>(value: u8) -> Node<'gc, u8> {
    use names::*;
    let foreign = (DropIsNotAllowedOnTracedTypes, Option, bool, PhantomData, Checks, SendProbe);
    Node {
        value,
        names: (1, ::std::option::Option::None),
        list: RefLock::new(::std::vec::Vec::new()),
        edge: Lock::new(::std::option::Option::None),
        foreign,
    }
}

fn main() {
    let mut heap = Heap::<Rootable![Gc<'_, Node<'_, u8>>]>::new(<NoGc as ::std::default::Default>::default(), |mc| {
        Gc::new(mc, node(1))
    })
    .unwrap();
    heap.mutate(|mc, root| {
        store!(mc, root.edge, ::std::option::Option::Some(Gc::new(mc, node(2))));
        field!(mc, root.list).borrow_mut().push(node(3));
        ::std::assert_eq!(root.edge.get().unwrap().value, 2);
    });
    heap.verify().unwrap();
}
