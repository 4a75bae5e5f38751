//! A program that puts modules of its own where the derive looks for `core` or `heap_core`.
extern crate heap_core as real;
extern crate self as core;
extern crate self as heap_core;

pub use ::real::{Downcast, Facts, Gc, Rebrand, Relocator, Trace, Tracer};

pub mod ops {
    pub trait Drop {}
}

pub mod marker {
    pub use ::std::marker::*;
}

pub mod primitive {
    pub use ::std::primitive::*;
}

pub mod __private {
    pub use ::real::__private::*;
    /// Nobody implements this for what implements `Drop`.
    pub trait DropIsNotAllowedOnTracedTypes {}
}

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

fn main() {}
