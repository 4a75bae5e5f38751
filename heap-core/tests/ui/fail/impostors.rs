//! `crate = ..` leads to modules in which one name is not what the derive takes it for.
use heap_core::{Gc, Trace};

/// Checks that check nothing.
mod checks {
    pub use heap_core::{Facts, Relocator, Trace, Tracer};

    pub mod __private {
        pub use heap_core::__private::*;

        pub struct Checks;

        impl Checks {
            pub fn require_static<T>(_: &T) {}
            pub fn is_exactly<T, U>(_: T, _: U) {}
            pub fn the_type<T>() {}
            pub fn makes_sense<T>() {}
        }
    }
}

#[derive(Trace)]
#[trace(crate = checks)]
struct Hidden<'gc>(#[trace(require_static)] Gc<'gc, u8>);

/// A tracer that forgets what is deep.
mod tracer {
    pub use heap_core::{__private, Facts, Relocator, Trace};

    pub struct Tracer<'gc>(&'gc ());

    impl<'gc> Tracer<'gc> {
        pub fn descend<T>(&mut self, _: &T) {}

        pub fn owned_bytes<T>(_: &T) -> usize {
            0
        }
    }
}

#[derive(Trace)]
#[trace(crate = tracer)]
struct Deep(Option<Box<Deep>>);

/// An answer that says of everything what is true of a number.
mod probe {
    pub use heap_core::{Facts, Relocator, Trace, Tracer};

    pub mod __private {
        pub use heap_core::__private::{
            Checks, DropIsNotAllowedOnTracedTypes, SendProbe, ThreadBound, bool, usize,
        };

        pub trait NotKnownToBeSend {
            const THREAD_BOUND: ThreadBound<u8> = SendProbe::<u8>::THREAD_BOUND;
        }

        impl<T: ?Sized> NotKnownToBeSend for SendProbe<T> {}
    }
}

#[derive(Trace)]
#[trace(crate = probe, require_static)]
struct Bound(std::rc::Rc<u8>);

fn main() {}
