//! The user's half of the library: the types a program names. Everything public is re-exported at the crate's root.

pub(crate) mod alloc;
pub(crate) mod casts;
pub(crate) mod ephemeron;
pub(crate) mod external;
mod families;
pub(crate) mod finalizer;
pub(crate) mod gc;
pub(crate) mod handle;
pub(crate) mod header_slice;
pub(crate) mod heap;
pub(crate) mod inspection;
pub(crate) mod lock;
pub(crate) mod marked;
pub(crate) mod mutator;
pub(crate) mod recursion;
pub(crate) mod root_set;
pub(crate) mod rootable;
pub(crate) mod send;
pub(crate) mod thread;
pub(crate) mod weak;
pub(crate) mod write;
