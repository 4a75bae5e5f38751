//! A program whose own root module is called `core`: the derive does not ask there what `Drop` is.
extern crate self as core;

use heap_core::{Gc, Trace};

pub mod marker {
    pub use std::marker::*;
}

pub mod ops {
    pub trait Drop {}
}

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

fn main() {}
