//! `crate = ..` leads to modules in which one name is not what the derive takes it for.
use heap_core::{Gc, Trace};

/// Checks that check nothing.
mod checks {
    pub use heap_core::{Downcast, Facts, Rebrand, Relocator, Trace, Tracer};

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
    pub use heap_core::{__private, Downcast, Facts, Rebrand, Relocator, Trace};

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
    pub use heap_core::{Downcast, Facts, Rebrand, Relocator, Trace, Tracer};

    pub mod __private {
        pub use heap_core::__private::{
            Checks, DropIsNotAllowedOnTracedTypes, EdgeNamer, Option, SendProbe, ThreadBound, TypeId, bool, usize,
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

/// Numbers that are those of another type, asked of checks that are none.
mod number {
    pub use heap_core::{Downcast, Facts, Rebrand, Relocator, Trace, Tracer};

    pub mod __private {
        pub use heap_core::__private::*;

        pub struct Checks;

        impl Checks {
            pub fn type_id<T: ?Sized>() -> TypeId {
                heap_core::__private::Checks::type_id::<String>()
            }
        }
    }
}

#[derive(Trace)]
#[trace(crate = number)]
struct Number;

/// The macro behind `dyn_trace!`, with checks that check nothing.
mod unchecked {
    pub use heap_core::{Content, DynPointee, Pointee, Rebrand};
    pub mod __private {
        pub use heap_core::__private::{NonNull, bool, u8};
        pub struct Checks;
        impl Checks {
            pub fn makes_sense<T: ?Sized>() {}
            pub fn unsize<T: ?Sized>(_: NonNull<u8>) -> NonNull<T> {
                unimplemented!()
            }
        }
    }
}

trait Claims<'gc, 'x>: Trace<'gc> + 'x {}
heap_core::__dyn_trace!(unchecked; <'gc> dyn Claims<'gc, 'static> + 'gc);

fn main() {}
