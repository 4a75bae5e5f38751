//! Why pointers and heaps stay on their thread, for the compiler to say.
//!
//! A type that is not `Send` because of a field is explained by that field, which nobody knows. So what must not be sent is
//! `Send` under a condition that is never met, and that says in the compiler's error what to do instead.

/// Says in the compiler's error why a pointer stays on its thread. No type implements it.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` stays on the thread of its heap",
    label = "cannot be used from another thread",
    note = "a `Handle`, made by `Mutator::stash`, keeps an object from anywhere, and is read on the heap's thread",
    note = "whole heaps can move to other threads: `Heap::into_sendable`"
)]
pub trait PointerStaysOnItsThread {}

/// Says in the compiler's error why a heap stays on its thread. No type implements it.
#[diagnostic::on_unimplemented(
    message = "a heap belongs to one thread",
    label = "cannot be used from another thread",
    note = "to move a heap as a whole, send what `Heap::into_sendable` returns, and make it a heap again there"
)]
pub trait HeapStaysOnItsThread {}
