//! Shows what becomes of an object, statement by statement, with each collector; and checks that against CPython.
//!
//! Whoever has learned how Python counts references finds here what of that is true of a heap of ours: the same
//! statements are executed by an interpreter on a heap, and after each it is looked how many references the collector
//! has counted and whether the object is still there. Nothing that is shown is computed from what ought to be.
//!
//! | file | one idea |
//! |---|---|
//! | `statement` | a line of a small Python |
//! | `world` | what it means, as plain data: the third opinion |
//! | `heap` | the same on a heap |
//! | `python` | the same in CPython |
//! | `observation` | what is seen after a statement, and where two observers differ |
//! | `random` | sequences that nobody thought of, made shorter when they show something |
//! | `check` | all observers over one sequence, or over thousands |
//! | `chapters` | the sequences that explain, with the sentences around them |
//! | `tables` | these as text |
//! | `memory` | where objects lie, and what becomes of their memory |
//! | `costs` | what an object costs to make, reach and release, on the stack and elsewhere |

pub mod chapters;
pub mod check;
mod costs;
mod heap;
mod memory;
pub mod observation;
pub mod python;
pub mod random;
pub mod statement;
pub mod tables;
pub mod world;

use heap_core::collector;

use crate::contestants::collector::Collector;

/// The collector itself.
fn made(which: Collector) -> Box<dyn collector::Collector> {
    which.choice().map_or_else(|| which.mode().make(), |choice| choice.make())
}
