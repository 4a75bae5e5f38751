//! Collections whose storage lives in the heap: [`List`], [`Map`], [`Set`], and their weak relatives.
//!
//! A `RefLock<Vec<Gc<T>>>` in an object works, and has three prices: its storage is allocated and freed by the system's
//! allocator, so the object has drop glue; one barrier opens all of it, so a minor collection looks at all of it; and a
//! borrow that is alive when somebody else writes is a panic. These collections are made of heap objects and nothing
//! else. Storage is reclaimed like any other object, without drop glue. A store is reported with the bytes that it
//! touches, so in a list of a million elements a collector looks at the card around a changed one. Nothing is ever borrowed:
//! elements are copied in and out.
//!
//! ```
//! use heap_core::collections::{List, Map};
//! use heap_core::{Gc, Heap, NoGc, Rootable, Trace};
//!
//! #[derive(Trace)]
//! struct Globals<'gc> {
//!     names: Map<'gc, Gc<'gc, str>, u64>,
//!     history: List<'gc, Gc<'gc, str>>,
//! }
//!
//! let mut heap = Heap::<Rootable![Globals<'_>]>::new(NoGc::default(), |mc| Globals {
//!     names: Map::new(mc),
//!     history: List::new(mc),
//! })
//! .unwrap();
//! heap.mutate(|mc, globals| {
//!     let name = Gc::new_str(mc, "answer");
//!     globals.names.insert(mc, name, 42); // no lock, no `store!`: the collection runs its own barriers
//!     globals.history.push(mc, name);
//!     assert_eq!(globals.names.get(mc, "answer"), Some(42));
//! });
//! ```
//!
//! # References, as in Python
//!
//! A `List` *is* a pointer: one word, `Copy`. Copies of it are the same list, and a field that holds one needs no lock
//! unless the field itself is to change to another list. Methods take `self`.
//!
//! # Elements are `Copy`
//!
//! Pointers, numbers, and small structs and enums of them, such as an interpreter's values. Whatever else there is goes
//! into an object of its own, and its `Gc` into the collection. So storage has no drop glue, and reading needs no borrow.
//!
//! # Mutation during iteration
//!
//! Never undefined, and always one answer:
//!
//! * A [`List`] is iterated by index. Each step reads what is there then, as in Python: what was pushed meanwhile is
//!   visited.
//! * A [`Map`] and a [`Set`] are iterated in the order in which their keys were inserted. Values may be replaced and keys
//!   removed meanwhile; a removed key is not visited any more. **A new key ends the iteration**: the next step panics
//!   (`map changed during iteration`), or is an error of [`Iter::try_next`].
//! * Hashing and comparing keys may run code of the program, which may change the map that asks. The search notices and
//!   begins again.
//!
//! A key that changes its hash while it is in a map is not found under the new one, nor under the old, unless it is equal
//! to what is asked for; iteration visits it, and growing keeps it: hashes are computed once, and kept.
//!
//! # Memory
//!
//! A list is an object of 16 bytes and a slice object of its capacity, which doubles. An untraced element (a number)
//! takes its size. A traced one takes the size of its `Option`, which is the same for everything that contains a `Gc`. A map
//! is an object of 40 bytes, a slice of entries (hash, key, value) in the order of insertion, and with more than eight of
//! them an index of eight bytes an entry, as in Python. What was removed is given back when the map grows
//! next, or by `shrink_to_fit`.
//!
//! Where an operation needs memory, there are two forms: one panics when the heap is full, `try_…` reports it and leaves
//! the collection as it was.

mod families;
mod interner;
mod list;
mod map;
mod rules;
mod set;
mod slots;
mod table;
mod weak_map;
mod weak_value_map;

pub use interner::Interner;
pub use list::{List, ListIter};
pub use map::{Iter, Map};
pub use rules::{ByIdentity, ByValue, KeyRule};
pub use set::{Set, SetIter};
pub use table::Changed;
pub use weak_map::{WeakMap, WeakSet};
pub use weak_value_map::WeakValueMap;
