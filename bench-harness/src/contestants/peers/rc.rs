//! `Rc`: counted references without a cycle collector.
//!
//! The usual answer in Rust when objects have several owners. A link that is written once is an `OnceCell`, one that
//! is rewritten a `Cell`, so every link is one pointer wide; `Rc` adds two counts in front of each object.
//!
//! What it does not free: the rings of `rings`, kept or not. Making `prev` a `Weak` would not help, for `next` alone
//! closes the cycle, and making one `next` in each ring special would be another program. The graph of `graph_mutate`
//! leaks when its array is dropped at the end; replaced nodes are freed, as their edges were moved away.
//!
//! Dropping recurses: `deep_list` overflows the stack.

use super::cells::{cell_edges, once_cell_links};
use super::shared::*;
use std::rc::Rc;

nodes!(Rc, derive());

shared_owner_programs! {
    pointer: Rc,
    excess: Excess::NONE,
    after_batch: nothing,
    collect: nothing,
}

once_cell_links!(Rc);
cell_edges!(Rc);
