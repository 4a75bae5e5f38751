//! `#[derive(Trace)]` for `heap-core`.
//!
//! A collector finds the objects that are alive by asking each object for the pointers in it. That question is the
//! `Trace` trait, and a wrong answer frees memory that is still in use, so the trait is `unsafe` to implement by hand.
//! The derive answers it from the type's own fields and is safe to use, for these reasons:
//!
//! 1. **No field is forgotten.** Every field is either traced through its own `Trace` impl, or it is marked
//!    `#[trace(require_static)]` and the compiler has proved that its type holds no branded pointer: the brand `'gc` is
//!    never `'static`, so a type that outlives `'static` cannot mention it.
//! 2. **The constants never claim too little.** `NEEDS_TRACE` and `THREAD_BOUND` are the disjunction of the fields'
//!    constants. Where a field cannot be asked (see [recursion](derive@Trace#recursive-types)), the answer is the
//!    cautious one.
//! 3. **No destructor looks at dead neighbours.** A sweep destroys unreachable objects in no particular order, so a
//!    destructor that followed a pointer could reach an object that is already gone. A type with a `Drop` impl is
//!    therefore refused. Its fields may own plain data (`String`, `Vec<u8>` ...), which is dropped as usual.
//! 4. **Nothing is assumed that is not written.** What the compiler infers about the type's lifetimes from its fields
//!    is no condition of the impl, so nobody would check it where the type is a root. The derive does not compile
//!    unless the declaration says as much.
//! 5. **Names cannot lie.** The generated code resolves nothing through what is in scope, and what it reaches by the
//!    path of `heap-core` is vouched for by the trait itself (see `expand`).
//!
//! What the derive does not do:
//!
//! - Unions are refused: which field is live is not known to the type.
//! - `#[repr(packed)]` is refused: tracing takes references to the fields, and those would be unaligned.
//! - Macro calls in the types of fields, in parameters and in bounds are refused: the derive cannot see what they say, nor
//!   that they say the same each time (`Rootable!` does). A type alias can.
//!
//! The crate is an implementation detail of `heap-core`, which re-exports the derive beside the trait. The generated
//! code names everything by a path through `heap-core`, and its own names begin with two underscores; a constant called
//! `__tracer` beside the type would get in its way.

mod attributes;
mod dyn_trace;
mod expand;
mod recursion;
mod suspects;
mod unelide;
mod words;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `heap_core::Trace` for a struct or an enum by visiting its fields in order.
///
/// ```ignore
/// use heap_core::{Gc, Lock, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc, T> {
///     value: T,
///     next: Lock<Option<Gc<'gc, Node<'gc, T>>>>,
///     // Not traced: the compiler checks that the type holds no pointer into the heap.
///     #[trace(require_static)]
///     opened: std::time::Instant,
/// }
/// ```
///
/// # The brand
///
/// The lifetime that brands the heap's pointers is
///
/// - the type's lifetime parameter, when it has exactly one;
/// - a fresh `'gc`, when it has none: the type then implements `Trace<'gc>` for every heap;
/// - named by `#[trace(gc_lifetime = 'gc)]`, when it has several.
///
/// # Options of the type
///
/// `#[trace(gc_lifetime = 'gc)]` says which lifetime parameter is the brand.
///
/// `#[trace(crate = ::gc)]` says by which path the program reaches `heap-core`, if not by `::heap_core`: when it
/// renamed the dependency, or depends on a crate that re-exports it.
///
/// `#[trace(bound = "...")]` replaces the bounds of the generated impl. Without it, every type parameter `T` gets
/// `T: Trace<'gc> + 'gc`. The string holds where-predicates, possibly none: `#[trace(bound = "")]` suits a parameter
/// that occurs only in `PhantomData` or behind `require_static`. A parameter for which the string does not say
/// `T: Trace<'gc>` must outlive `'static`. The type's own bounds and where clause are always kept.
///
/// `#[trace(require_static)]` says that the whole type outlives `'static`, and hence holds no pointer into the heap.
/// Nothing in it is traced and its fields need no `Trace`. The impl carries `Self: 'static`, so a type that does hold a
/// branded pointer never satisfies it. It cannot be combined with other options but `crate`.
///
/// # Options of a field
///
/// `#[trace(require_static)]` leaves the field out of the trace. Its type must outlive `'static`; if the type mentions
/// the brand, the derive does not compile. The field contributes nothing to `owned_bytes`.
///
/// `#[trace(recursive)]` keeps the field's constants out of the type's constants; see below.
///
/// `#[trace(prefix)]` on the first field of a `#[repr(C)]` struct says that a pointer to the struct may be cast to a pointer to
/// that field, and back if the object agrees (`Gc::upcast`, `Gc::downcast`). The field is traced like any other.
///
/// # Casts
///
/// A type whose only lifetime is the brand, and whose type parameters are declared `'static`, is known by its name: `Downcast`
/// is implemented for it, so that an object can be asked whether it is one.
///
/// # Threads
///
/// `THREAD_BOUND` is true when it is true for one of the fields. A `require_static` field or type has no `THREAD_BOUND`
/// to ask; it counts as bound to its thread unless the compiler can prove `Send` at the place of the derive. For a type
/// parameter that means a `T: Send` bound on the type.
///
/// # Recursive types
///
/// A type that owns values of itself (`enum Json { Array(Vec<Json>), .. }`) cannot ask the field for its constants: the
/// answer would depend on itself, which the compiler reports as a cycle. The derive recognises such fields by the
/// type's own name or `Self` in the field's type. It then takes `NEEDS_TRACE` to be true, and decides `THREAD_BOUND` by
/// `Send` as above. Such a field is traced by `Tracer::descend`, so that no depth of a value overflows the stack.
/// (Dropping a chain of a million boxes does, in the heap as elsewhere: take it apart first.) A type that refers to
/// itself through the heap (`Gc<'gc, Node<'gc>>`, or any other type that takes the brand as its argument) is asked as
/// usual.
///
/// Two types that own each other are beyond what a derive can see. There, and wherever else the compiler reports a
/// cycle in `NEEDS_TRACE` or `THREAD_BOUND`, put `#[trace(recursive)]` on one of the fields in the cycle; it is then
/// treated in the same way.
///
/// # Errors
///
/// A field whose type is not `Trace` is reported at that field's type. If it is a cell, a shared owner, a set or a map of the
/// standard library with pointers where none can be, the message says what to use instead. "Lifetime may not live long enough" and "the
/// parameter type may not live long enough", at the name of the type, mean that its fields demand more than its
/// declaration says: add what the compiler asks for, `where 'gc: 'a` or `T: 'a`, to the declaration. A `Drop` impl on
/// the type is reported as a conflicting implementation of `DropIsNotAllowedOnTracedTypes`; move the part that needs
/// the destructor into a type of its own and hold it in a `#[trace(require_static)]` field.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive_trace(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The code of `heap_core::dyn_trace!`, behind the path of `heap-core` and a semicolon.
#[doc(hidden)]
#[proc_macro]
pub fn __dyn_trace(input: TokenStream) -> TokenStream {
    dyn_trace::dyn_trace(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Writes out the elided lifetimes of a type: `__unelide_lifetimes!('gc; Gc<'_, Node<'_>>)` is
/// `Gc<'gc, Node<'gc>>`.
///
/// Both `'_` and the missing lifetime of `&T` are filled in. Elided lifetimes inside `fn(..)` and `Fn(..)` belong to
/// that function's signature and stay as they are.
#[doc(hidden)]
#[proc_macro]
pub fn __unelide_lifetimes(input: TokenStream) -> TokenStream {
    unelide::unelide_lifetimes(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
