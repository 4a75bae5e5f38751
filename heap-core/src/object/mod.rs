//! Objects as a collector sees them: an address, a header word, a type description.
//!
//! ```text
//!            (slices only)
//!   padding │ length: 8 B │ header: 8 B │ payload …
//!                                       ▲ ObjectRef, and every Gc pointer
//! ```
//!
//! A pointer leads to the payload, because dereferencing is far more frequent than tracing, and the header sits at a
//! fixed negative offset, so that it is found without knowing the type. The padding exists only for types whose
//! alignment exceeds eight bytes. No object is smaller than 16 bytes: a zero-sized payload still gets eight bytes, so
//! that a pointer never lies one past the end of the block that owns it.
//!
//! | file | one idea |
//! |---|---|
//! | `layout` | sizes and alignments; what an allocation asks for |
//! | `reference` | [`ObjectRef`]: the address of an object |
//! | `header` | the header word: type and state |
//! | `type_info` | what a collector knows about a type |
//! | `edges` | where tracing puts what it finds: [`EdgeSink`] |
//! | `edge_names` | edges with the names of their places, for people |
//! | `slots` | where relocation puts what it finds: [`SlotSink`] |
//! | `descent` | where a sink is in a value that contains itself |
//! | `view` | safe looks at objects: [`Intact`], [`Object`] |
//! | `copy` | copying objects |
//! | `relocation` | slots that may be read and written: [`Relocation`] |
//! | `address_hash` | maps and sets of objects |

mod address_hash;
mod copy;
pub(crate) mod descent;
mod edge_names;
mod edges;
mod header;
mod layout;
mod reference;
mod relocation;
mod slots;
mod type_info;
mod view;

pub use address_hash::{AddressHasher, ObjectMap, ObjectSet};
pub(crate) use edge_names::{EdgeNames, NameBuffers, Place};
pub use edges::{EdgeSink, TraceFn};
pub use header::{
    CARDED, COLLECTOR_BITS, COLLECTOR_SHIFT, FINALIZABLE, FORWARDED, HASH_ASKED, HASH_STORED, Header, HeaderWord,
    PERMANENT, SIDE_ENTRY, STATE_BITS, UNLOGGED,
};
pub use layout::{
    AllocRequest, Allocation, HASH_BYTES, HEADER_BYTES, HEADER_SLICE_PREFIX_BYTES, MEDIUM_BORN_MAX, OBJECT_ALIGN,
    SLICE_PREFIX_BYTES, payload_bytes,
};
pub(crate) use reference::prefetch_whole;
pub use reference::{ObjectRef, prefetch};
pub use relocation::{Relocation, Slot};
pub use slots::SlotSink;
pub use type_info::{DropFn, OwnedBytesFn, RelocateFn, Shape, TypeInfo};
pub(crate) use type_info::{ErasedFn, Kind};
pub use view::{Intact, Measured, Object};
