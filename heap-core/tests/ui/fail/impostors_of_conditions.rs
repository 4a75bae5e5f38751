//! `crate = ..` leads to modules in which a trait that the derive demands, or implements beside `Trace`, is not the real one.
use heap_core::{Gc, Lock, Trace};

/// A condition that every type meets.
mod content {
    pub use heap_core::*;

    pub trait Content<'gc> {}
    impl<'gc, T: ?Sized> Content<'gc> for T {}
}

trait Number {
    type Is;
}

impl<T: ?Sized> Number for T {
    type Is = u8;
}

#[derive(Trace)]
#[trace(crate = content)]
struct Unchecked<'gc, T: ?Sized> {
    pointer: Gc<'gc, u64>,
    number: <T as Number>::Is,
}

/// The real facts, found out by checks that check nothing, beside a trait that is none.
mod facts {
    pub use heap_core::{Facts, Relocator, Tracer};

    pub unsafe trait Trace<'gc> {
        type Facts;
        fn __type_id() -> Option<std::any::TypeId>
        where
            Self: Sized;
        fn trace(&self, tracer: &mut Tracer<'gc>);
        fn relocate(&mut self, relocator: &mut Relocator<'gc>);
        fn owned_bytes(&self) -> usize;
        fn __name_edges(&self, namer: &mut __private::EdgeNamer<'_, 'gc>);
        fn __checks_are_genuine(
            _: __private::Checks,
            _: __private::SendProbe<Self>,
            _: &dyn __private::DropIsNotAllowedOnTracedTypes,
        ) where
            Self: Sized;
    }

    pub trait Downcast<'gc> {}

    pub trait Rebrand<'gc> {
        type With<'a>;
    }

    pub mod __private {
        pub use heap_core::__private::{DropIsNotAllowedOnTracedTypes, EdgeNamer, NotKnownToBeSend, Option, SendProbe, TypeId, bool, usize};

        pub struct Checks;

        impl Checks {
            pub const fn makes_sense<T: ?Sized>() {}
            pub fn is_exactly<T: ?Sized>(_: &T, _: ()) {}
            pub const fn the_type<T: ?Sized>() {}
            pub fn type_id<T: ?Sized + 'static>() -> TypeId {
                TypeId::of::<T>()
            }
            pub fn require_static<T: ?Sized>(_: &T) {}
            pub const fn is_thread_bound<T: ?Sized>(_: heap_core::__private::ThreadBound<T>) -> bool {
                false
            }
        }
    }
}

#[derive(Trace)]
#[trace(crate = facts)]
struct Hidden<'gc> {
    #[trace(require_static)]
    pointer: Lock<Option<Gc<'gc, [u64]>>>,
}

fn main() {}
