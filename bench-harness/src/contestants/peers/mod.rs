//! The same programs on what one would use instead: `Box`, `Rc`, an arena, and the collectors of crates.io.
//!
//! Each file is one peer and implements the batches of [`workloads`](crate::workloads) as its users would write
//! them, with its default settings, in safe code wherever the peer offers safe code. Where the same text does that for
//! several peers, it is in `shared` (the programs) and `cells` (the fields that they write to). Three rules keep the
//! comparison honest:
//!
//! - **Its best idiom.** A pointer field is the smallest cell that the peer accepts for the way the program uses it
//!   (written never: no cell; once: `OnceCell`; often: `Cell`, else `RefCell` or the peer's own). Where it can only
//!   be larger than a pointer, the file says so beside a static assertion.
//! - **A plain program.** No work-around for a peer's weakness: a list that overflows the stack when it is dropped is
//!   a result, which the harness reports because every run has a process of its own. [`Peer::note`] says in advance
//!   what to expect.
//! - **The allocator is the user's choice.** All peers go through [`alloc::Switch`]; run both and take the better.
//!
//! Collectors with a `mutate` run one batch in it and offer a collection after each; those that collect when they
//! please are left alone; those that must be asked are asked as their manual suggests. None of them can tell how much
//! time it spent collecting.
//!
//! Collectors that live in thread-local storage keep what is left in them at the end of a run until the thread ends.

use super::peer::Peer;
use crate::workloads::event_loop::Latencies;
use crate::workloads::{Outcome, Ready};
use std::fmt;

pub mod alloc;

mod bacon_rajan;
mod boa;
mod boxed;
mod bump;
mod cells;
mod dumpster;
mod gc_arena;
mod owners;
mod rc;
mod rust_gc;
mod shared;
mod weak;

/// The peer cannot express the workload. Displays as the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Why, as a sentence without a full stop.
    pub reason: &'static str,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.reason)
    }
}

impl std::error::Error for Unsupported {}

/// There is no version of the program for this peer.
const NOT_WRITTEN: Unsupported = Unsupported { reason: "there is no version of it for this peer" };

/// What stands in the way of programs with weak pointers.
const NO_WEAK: Unsupported = Unsupported { reason: "it has no weak pointers" };

/// What stands in the way of many heaps.
const ONE_HEAP: Unsupported = Unsupported { reason: "it has one heap for each thread" };

/// Runs a workload with a peer, on the calling thread.
///
/// # Errors
///
/// [`Unsupported`] if the peer has no way to express the workload.
///
/// # Aborts
///
/// By overflowing the stack, where [`Peer::overflows`] says so.
pub fn run(peer: Peer, ready: &Ready, latencies: &mut Latencies) -> Result<Outcome, Unsupported> {
    match peer {
        Peer::Bump => bump::run(ready),
        Peer::Box => boxed::run(ready, latencies),
        Peer::BoxLoop => boxed::run_with_loop(ready),
        Peer::Rc => rc::run(ready, latencies),
        Peer::GcArena => gc_arena::run(ready, latencies, gc_arena::Pacing::DEFAULT),
        Peer::GcArenaStw => gc_arena::run(ready, latencies, gc_arena::Pacing::STOP_THE_WORLD),
        Peer::RustGc => rust_gc::run(ready, latencies),
        Peer::Boa => boa::run(ready, latencies),
        Peer::Dumpster => dumpster::run(ready, latencies),
        Peer::BaconRajan => bacon_rajan::run(ready, latencies),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Set, Size, Workload, expected};

    /// The combinations that overflow at [`Size::Classic`] recurse at [`Size::Small`] too, 20 000 calls deep, and so
    /// may others in a build without optimisation. The stack of a test's thread is 2 MiB; this one holds them all.
    const STACK_BYTES: usize = 1 << 28;

    /// Runs a combination on a thread of its own, which is also what empties collectors in thread-local storage.
    fn on_a_large_stack(peer: Peer, workload: Workload) -> Result<Outcome, Unsupported> {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || run(peer, &Ready::new(workload, Size::Small), &mut Latencies::default()))
            .expect("a thread can be started")
            .join()
            .unwrap_or_else(|_| panic!("{peer} panics in {workload}"))
    }

    #[test]
    fn every_peer_computes_what_is_expected() {
        for workload in Workload::ALL.into_iter().filter(|workload| workload.has_peers()) {
            let wanted = expected(workload, Size::Small);
            for peer in Peer::ALL {
                match on_a_large_stack(peer, workload) {
                    Ok(outcome) => assert_eq!(outcome, wanted, "{peer} in {workload}"),
                    Err(unsupported) => {
                        let classic = workload.set() == Set::Classic;
                        assert!(!classic || matches!(peer, Peer::Box | Peer::BoxLoop), "{peer}: {unsupported}");
                    }
                }
            }
        }
    }

    /// Who writes a new workload writes it for somebody to compare with.
    #[test]
    fn every_workload_with_peers_is_run_by_one_that_frees_by_hand_and_by_gc_arena() {
        for workload in Set::General.workloads().filter(|workload| workload.has_peers()) {
            let runs = |peer| on_a_large_stack(peer, workload).is_ok();
            assert!(runs(Peer::Box) || runs(Peer::Rc), "{workload}");
            assert!(runs(Peer::GcArena), "{workload}");
        }
    }

    #[test]
    fn what_one_owner_cannot_express_is_refused() {
        for peer in [Peer::Box, Peer::BoxLoop] {
            for workload in [Workload::Rings, Workload::GraphMutate] {
                let result = run(peer, &Ready::new(workload, Size::Small), &mut Latencies::default());
                assert!(result.is_err(), "{peer} in {workload}");
            }
        }
    }
}
