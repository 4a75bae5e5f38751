//! The conformance kit: what every collector must pass, ours and anybody's.
//!
//! ```ignore
//! // tests/conformance.rs of a collector's crate, whose dev-dependencies have
//! // `heap-core = { version = "…", features = ["conformance"] }`.
//! heap_core::conformance!(MyCollector::default());
//! ```
//!
//! That line makes one test of each check. A crate with several collectors, or one collector with several settings,
//! gives each a module: `heap_core::conformance!(eager => MyCollector::default().with_eager(true));`. The expression is
//! evaluated for every heap that the kit makes, on several threads. Small settings find more: a nursery of 256 KiB is collected by the
//! programs of the kit, one of 4 MiB hardly.
//!
//! # What is checked
//!
//! | file | one idea |
//! |---|---|
//! | `model.rs` | the heap as it should be, and what may be alive after a full collection |
//! | `objects.rs` | a type for each way in which a type can hold a pointer |
//! | `program.rs` | random programs over the whole API |
//! | `interpreter.rs` | runs a program on the heap and on the model, and compares |
//! | `dumped.rs` | reads a dump of the heap, to compare it with the model |
//! | [`damaged`] | heaps that are damaged on purpose, for a collector's tests of what the verifier says |
//! | [`footprint`] | how much memory scattered lifetimes take: figures for a collector's own tests |
//! | `process.rs` | a check in a process of its own |
//! | `report.rs` | what is said about one that failed |
//! | `replay.rs` | programs as text |
//! | `shrink.rs` | programs made shorter, by trial |
//! | `listing.rs` | programs as Rust, with names for their objects |
//! | [`suspicions`] | what is likely to be wrong then |
//! | [`mistakes`] | mistakes that are made on purpose, for authors to see that they are noticed |
//! | `regressions/` | small programs, each for something that a collector once got wrong |
//!
//! The verdict is exact: after a full collection the heap holds what the model holds, no more and no less, by the count
//! of the collector, by the census of the verifier, and by the drop glue that ran.
//!
//! # What a failure says
//!
//! Each check runs in a process of its own (the test binary is started again, with one test as its argument), so that a
//! crash, an abort or a loop without end is a failure of that check, and of no other. What it says then:
//!
//! * what the check itself said, if it did; or how the process ended;
//! * which random program, step and operation it was at, and how far the last pause of a heap had got;
//! * what the same check says with the verifier before and after every pause: mostly who points at what is gone;
//! * of a random program the shortest one found that fails, as Rust with names for its objects, and the file that it is in;
//! * the likely [mistakes](suspicions);
//! * what to type to see it again.
//!
//! So the missing barrier of a collector with generations looks (shortened at the ends of lines):
//!
//! ```text
//! check `random_programs` (test broken::random_programs) failed
//!   it said:
//!     | at the end: after a full collection 2 objects are alive (…); the model says 3 to 3
//!   where:       random program 1, at its beginning or end
//!   last pause:  number 3 of the process, in heap 1, …: it was over, and the program went on
//!   the shortest program found that fails:
//!     | let mut heap = Heap::with_options(HeapOptions::default().with_poison(true), collector, Root::new)?;
//!     | heap.collect();
//!     | heap.mutate(|mc, root| {
//!     |     let a = Node::new(mc);
//!     |     store!(mc, root.body[0], Some(a));
//!     | });
//!     | heap.collect_minor();  // <- here
//!   with the verifier before and after every pause:
//!     | the heap is broken after a pause of `copying`: object 0x15f21f400008: it lies in a free block; the slot at byte 8 of …
//!   likely mistakes, the likeliest first:
//!     - a write is not seen: the barrier's mask, flip or birth bits call an object clean that is not, or …
//!   again:       HEAP_CONFORMANCE_REPLAY=target/conformance/broken.random_programs.replay cargo test … -- --exact …
//! ```
//!
//! # A part of the kit
//!
//! A collector that is not finished yet runs what it should pass:
//! `heap_core::conformance!(MyCollector::default(); only handles, deep_chain);`. The names are those of the methods of [`Kit`].
//!
//! # Holes that others had
//!
//! Collectors for Rust have been unsound in a few dozen known ways. Each is closed here by the compiler (the tests of
//! `tests/ui`), by a check of this kit, or because the interface has no place for it:
//!
//! * *A finalizer or destructor looks at a dead neighbour, brings it back, lets it escape, or allocates.* Types with
//!   pointers have no destructors: the derive refuses `Drop`. What glue there is belongs to `'static` parts, has no mutator
//!   and no pointer. It may use other heaps, and release handles: [`Kit::heaps_in_drop_glue`],
//!   [`Kit::handles_dropped_in_drop_glue`]. No analysis of destructor bodies is relied upon. What has a finalizer is
//!   brought back whole before anything dies, once: [`Kit::finalizers`].
//! * *A value keeps its key, or the table that it is in; a chain of ephemerons takes quadratic time.*
//!   [`Kit::ephemerons`], [`Kit::chained_ephemerons`].
//! * *Glue runs after what it borrows is gone, on another thread, twice, or never.* Objects borrow nothing; heaps stay on
//!   their threads; every verdict counts the drops.
//! * *A weak pointer outlives its cycle, or is upgraded while its target dies.* [`Kit::weak_kept_past_cycle`],
//!   [`Kit::weak_upgraded_in_time`]; upgrading needs a mutator, which glue does not have.
//! * *Heaps, handles and thread-local variables are destroyed in an unlucky order, or leaked.*
//!   [`Kit::thread_local_heaps`], [`Kit::heaps_that_move`].
//! * *`trace` forgets a field, or reports one twice.* It is derived, and `unsafe` to write by hand; the verifier compares
//!   it with `relocate`; [`Kit::containers`] counts the edges of every container of the standard library.
//! * *Shared owners, hashers, keys, references, cells and mutexes smuggle pointers.* They do not compile. What is
//!   `'static` can hold none, and is accepted.
//! * *`trace` panics, or calls back.* The contract forbids it, and derived implementations call nothing of the program's.
//!   A lock that is borrowed, poisoned or forgotten does not matter to them: [`Kit::forgotten_borrow`].
//! * *A store without the barrier; a barrier for the wrong object; a store at the wrong moment.* The first does not
//!   compile. For the second there are no traits that a program could implement to mislead a projection: addresses are
//!   compared, and `tests/refusals.rs` tries every detour. For the third: [`Kit::hidden_behind_the_marker`],
//!   [`Kit::old_to_young`], [`Kit::random_programs_with_increments`].
//! * *A brand is coerced, or two heaps are mixed.* Brands are invariant, and what `mutate` returns knows none. A root whose
//!   type would claim that its brand is `'static` is not `Trace` (`tests/ui/fail/brand_outlives_itself.rs`). Handles check
//!   a number that is never used again: [`Kit::handles_and_other_heaps`].
//! * *An entry of a table dies in a minor collection because its target is not looked at.* [`Kit::intern_table`].
//! * *The header or the value of an over-aligned, erased or zero-sized object is looked for in the wrong place.*
//!   [`Kit::over_aligned`], [`Kit::zero_sized`]. Nothing is cast to a prefix of itself; text is copied whole, so that it
//!   cannot be cut inside a character.
//! * *A count overflows.* [`Kit::many_references`]. Counts belong to one thread, so no two of their operations race.
//! * *Memory is recycled and remembers what it was.* [`Kit::recycled_memory`], and poison in every check.
//! * *A collection begins inside another, or inside `mutate`.* Both need `&mut Heap`, which is taken.
//!   [`Kit::requested_collections`] happen afterwards.
//! * *A root is missed at one particular safepoint.* [`Kit::random_programs_with_zeal`] and the other checks with zeal
//!   collect at all of them.
//! * *Pointers to pointers are counted in the wrong order.* [`Kit::double_indirection`].
//! * *Floating garbage.* None is accepted after a full collection.
//!
//! That the kit would notice is itself tested: `tests/kit_detects.rs` has a collector that makes mistakes on purpose.
//!
//! # Variables
//!
//! * `PROPTEST_CASES`: random programs per test; 64 unless said otherwise.
//! * `HEAP_CONFORMANCE_SEED`: the number that random programs are made of. A failure says it.
//! * `HEAP_CONFORMANCE_REPLAY=FILE`: the program in the file runs, instead of random ones, in the check that it is from, on every
//!   collector of the test binary. A failure says which file. It may be changed by hand; what is damaged is refused, with line,
//!   column and what should stand there.
//! * `HEAP_CONFORMANCE_SHRINK`: seconds for making a random program that fails shorter; 20 unless said otherwise.
//! * `HEAP_CONFORMANCE_TIMEOUT`: seconds that a check may take, or one random program; 120 unless said otherwise.
//! * `HEAP_CONFORMANCE_VERIFY=1`: every heap is verified before and after every pause, which says what is wrong where a check
//!   would crash; slow. (Random programs do something like it now and then, and a check that has failed is run once more so.)
//! * `HEAP_CONFORMANCE_IN_PROCESS=1`: checks run in the process of the test, for a debugger.
//! * `HEAP_CONFORMANCE_LINKS`: length of the long chain; ten million unless said otherwise.

pub mod damaged;
mod dumped;
pub mod footprint;
mod interpreter;
mod listing;
pub mod mistakes;
mod model;
mod objects;
mod process;
mod program;
mod regressions;
mod replay;
mod report;
mod shrink;
pub mod suspicions;
mod tools;

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::Heap;
use crate::collector::{Collector, IntoCollector};
use crate::trail::{self, Note};
use listing::Listing;
use mistakes::{Mistake, Mistaken};
use model::Promise;
use process::Process;
use program::{Mode, Program};
use replay::Replay;

/// The checks, for one collector. Called as methods they run where they are called; the tests that
/// [`conformance!`](crate::conformance!) makes run each in a process of its own.
#[derive(Clone)]
pub struct Kit {
    factory: Arc<dyn Fn() -> Box<dyn Collector> + Send + Sync>,
}

/// Runs the whole kit on a collector, one test for each check: `conformance!(MyCollector::default())`, or in a module of
/// its own, `conformance!(name => MyCollector::default())`.
#[macro_export]
macro_rules! conformance {
    ($module:ident => $collector:expr $(; only $($check:ident),+ $(,)?)?) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $crate::conformance!($collector $(; only $($check),+)?);
        }
    };
    ($collector:expr; only $($check:ident),+ $(,)?) => {
        $crate::__conformance_tests! { $collector; $($check)+ }
    };
    ($collector:expr) => {
        $crate::__conformance_tests! { $collector;
            random_programs
            random_programs_with_zeal
            random_programs_with_a_limit
            random_programs_with_increments
            random_programs_with_refusals
            deep_chain
            deep_chain_with_drop_glue
            deep_value
            deep_ring
            wide_slices
            edge_sizes
            over_aligned
            zero_sized
            forgotten_borrow
            containers
            recycled_memory
            tiny_limit
            every_limit
            try_mutate_collects
            refused_memory
            one_large_mutate
            automatic_collection
            panic_in_drop_glue
            panic_in_drop_glue_of_a_dropped_heap
            panic_in_mutate
            panic_in_the_first_root
            panic_in_a_slice
            panic_in_a_listener
            panics_at_once
            panic_in_a_key
            panic_payloads_that_panic
            constructors
            header_slices
            dyn_objects
            prefixes
            foreign_containers
            deep_dyn_value
            handles
            handle_made_with_the_root
            handles_and_other_heaps
            handles_dropped_in_drop_glue
            heaps_in_drop_glue
            handles_on_threads
            heaps_by_the_thousand
            heaps_change_threads
            views
            heaps_that_move
            thread_local_heaps
            handles_on_weak_pointers
            root_sets
            root_sets_on_threads
            many_references
            weak_kept_past_cycle
            weak_upgraded_in_time
            cells_come_and_go
            cells_cleared_in_steps
            intern_table
            identity_hashes
            double_indirection
            ephemerons
            chained_ephemerons
            random_ephemerons
            finalizers
            random_finalizers
            stages
            refused_while_dying
            frozen_heap
            collections
            weak_collections
            collections_by_identity
            collections_changed_meanwhile
            collections_in_a_full_heap
            hidden_behind_the_marker
            arrays_behind_the_marker
            one_store_looks_at_one_card
            old_to_young
            zeal_binary_trees
            zeal_list_reversal
            zeal_graph
            requested_collections
            safepoints_end
            futile_collections
            idle_heap
            steps_reclaim_the_old
            garbage_outside
            limit_outside
            account_outside
            statistics_and_events
            registry_entries
            reference_counts
            dumps
            dumps_that_fail
            inspections
            reports
            collecting_by_hand
            allocation_sites
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($collector:expr; $($check:ident)*) => {$(
        #[test]
        fn $check() {
            let check = ::core::stringify!($check);
            $crate::conformance::Kit::new(|| $collector).test(::core::module_path!(), check, $crate::conformance::Kit::$check);
        }
    )*};
}

impl Kit {
    /// The kit for the collectors that `factory` makes.
    pub fn new<C: IntoCollector>(factory: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Kit { factory: Arc::new(move || factory().into_collector()) }
    }

    fn collector(&self) -> Box<dyn Collector> {
        (self.factory)()
    }

    fn promise<R: ?Sized>(&self, heap: &mut Heap<R>) -> Promise {
        match (heap.capabilities().reclaims, heap.capabilities().reclaims_cycles) {
            (true, true) => Promise::Exact,
            (true, false) => Promise::KeepsCycles,
            (false, _) => Promise::KeepsAll,
        }
    }

    /// Runs a check as a test: in a process of its own, if that can be. Says what there is to say when it fails.
    #[doc(hidden)]
    pub fn test(&self, module: &str, check: &str, body: fn(&Kit)) {
        let test = process::test_name(module, check);
        match process::this() {
            Process::Child(child) => child.run(|| body(self)),
            Process::Alone => body(self),
            Process::Parent if replay::is_asked_for() && !check.starts_with("random_programs") => {
                eprintln!("not run: a program of another check is run again");
            }
            Process::Parent => {
                if let Err(report) = report::watch(&test, check, &[], report::Limits::default(), || body(self)) {
                    eprintln!("{report}");
                    // Everything was said.
                    std::panic::resume_unwind(Box::new("the check failed"));
                }
            }
        }
    }

    /// Runs the checks that must notice a mistake on the collector with that mistake, as a test.
    #[doc(hidden)]
    pub fn notices(&self, module: &str, test: &str, mistake: Mistake) {
        let test = process::test_name(module, test);
        let inner = self.factory.clone();
        let mistaken = Kit { factory: Arc::new(move || Box::new(Mistaken::new(inner(), mistake))) };
        match process::this() {
            Process::Child(child) => {
                let name = std::env::var(report::CHECK).expect("it was started to run a check");
                let (_, check) = Kit::CHECKS.iter().find(|(check, _)| *check == name).expect("it is one of the kit's");
                child.run(|| check(&mistaken));
            }
            Process::Alone => println!("no process can be started: whether {mistake:?} is noticed is not known"),
            Process::Parent => match report::noticed(&test, mistake) {
                Ok((check, text)) => {
                    println!("{mistake:?}: {}\n{text}", mistake.what());
                    if let Some(documented) = mistakes::documented(self.collector().name(), mistake) {
                        assert_eq!(check, documented, "what the documentation says of `{test}`");
                    }
                }
                Err(text) => panic!("{mistake:?}: {}\n{text}", mistake.what()),
            },
        }
    }

    fn programs(&self, mode: Mode) {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
        // What fails is made shorter by whoever started this process.
        let config = Config {
            cases,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(seed()),
            max_shrink_iters: 0,
            ..Config::default()
        };
        let process = process::this();
        let run = |program: Program, alone: bool| {
            trail::count(Note::Program);
            let replay = Replay { check: mode.check().into(), program };
            let mut listing = None;
            if let Process::Child(child) = &process {
                child.leave_program(&replay.to_string());
                listing = child.listing().filter(|_| alone).map(|file| Listing::new(file, &replay.program));
            }
            interpreter::run(self, &replay.program, listing)
        };
        if let Some(replay) = replay::asked_for() {
            if replay.check == mode.check() {
                run(replay.program, true).unwrap_or_else(|why| panic!("{why}"));
            }
            return;
        }
        let outcome = TestRunner::new(config)
            .run(&program::programs(mode), |program| run(program, false).map_err(TestCaseError::fail));
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, _)) if matches!(process, Process::Child(_)) => panic!("{why}"),
            Err(TestError::Fail(why, program)) => panic!("{why} (seed {})\n{program}", seed()),
            Err(TestError::Abort(why)) => panic!("no programs could be made: {why}"),
        }
    }
}

/// What random programs are made of: what the user says, or another number in each process that was not told one.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let said = || {
        ["HEAP_CONFORMANCE_SEED", "PROPTEST_RNG_SEED"].iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
    };
    *SEED.get_or_init(|| said().unwrap_or_else(|| std::collections::hash_map::RandomState::new().hash_one(0)))
}

/// Defines the checks once: as methods of [`Kit`], and as the list that the macro makes tests of.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident($kit:ident) $body:block)*) => {
        impl Kit {
            $($(#[$doc])* pub fn $check(&self) { let $kit = self; $body })*

            /// Every check, with its name.
            pub const CHECKS: &'static [(&'static str, fn(&Kit))] = &[$((stringify!($check), Kit::$check)),*];
        }
    };
}

checks! {
    /// Random programs, compared with the model.
    random_programs(kit) { kit.programs(Mode::Plain) }
    /// Random programs with a collection at every safepoint and a verification after every pause.
    random_programs_with_zeal(kit) { kit.programs(Mode::Zeal) }
    /// Random programs on heaps that they fill.
    random_programs_with_a_limit(kit) { kit.programs(Mode::Limited) }
    /// Random programs with an increment of collection after every operation.
    random_programs_with_increments(kit) { kit.programs(Mode::EachStep) }
    /// Random programs, with any of the above, on a system that refuses memory for objects and for mark stacks.
    random_programs_with_refusals(kit) { kit.programs(Mode::Refusals) }
    /// Ten million links on a stack of 256 KiB: built, collected, walked, dropped.
    deep_chain(kit) { regressions::depth::deep_chain(kit) }
    /// A long chain of objects with drop glue on a small stack.
    deep_chain_with_drop_glue(kit) { regressions::depth::deep_chain_with_drop_glue(kit) }
    /// One object that owns a long chain of boxes, on a small stack.
    deep_value(kit) { regressions::depth::deep_value(kit) }
    /// A long ring, linked both ways, on a small stack.
    deep_ring(kit) { regressions::depth::deep_ring(kit) }
    /// A slice of 150 000 pointers, filled in pieces between collections.
    wide_slices(kit) { regressions::layout::wide_slices(kit) }
    /// Sizes a few words below and above those at which memory is organised differently.
    edge_sizes(kit) { regressions::layout::edge_sizes(kit) }
    /// Payloads aligned to 16 bytes and up to 64 KiB.
    over_aligned(kit) { regressions::layout::over_aligned(kit) }
    /// Objects and slices without bytes, with and without drop glue.
    zero_sized(kit) { regressions::layout::zero_sized(kit) }
    /// A guard that is forgotten leaves its flag set for ever. Collections go on, and see what is inside.
    forgotten_borrow(kit) { regressions::layout::forgotten_borrow(kit) }
    /// Each container reports each pointer once, and moves with it.
    containers(kit) { regressions::layout::containers(kit) }
    /// Sizes from small to large alternate, and what is alive at one time is a twentieth of what is allocated: recycled
    /// memory must be used, and must be free of whatever was known about it before.
    recycled_memory(kit) { regressions::room::recycled_memory(kit) }
    /// A heap is filled to its limit, emptied, and filled again, many times.
    tiny_limit(kit) { regressions::room::tiny_limit(kit) }
    /// Every limit in steps of 4 KiB, and address spaces that are too small: a program with objects of all sizes, weak
    /// pointers and drop glue completes or is told, and the heap is whole and usable afterwards.
    every_limit(kit) { regressions::room::every_limit(kit) }
    /// A second attempt succeeds when the first met a heap full of garbage.
    try_mutate_collects(kit) { regressions::room::try_mutate_collects(kit) }
    /// The system refuses memory, for objects and for mark stacks, at every possible moment. Nothing is lost.
    refused_memory(kit) { regressions::room::refused_memory(kit) }
    /// One `mutate` that allocates far more than any young space holds; nothing is collected in it, and nothing is lost.
    one_large_mutate(kit) { regressions::room::one_large_mutate(kit) }
    /// Collections happen by themselves, and the heap stays small.
    automatic_collection(kit) { regressions::room::automatic_collection(kit) }
    /// Every glue runs although some panic, the first panic comes out of the collection, and later collections are clean.
    panic_in_drop_glue(kit) { regressions::panics::panic_in_drop_glue(kit) }
    /// Glue that panics while a heap is dropped, and while it is dropped by unwinding.
    panic_in_drop_glue_of_a_dropped_heap(kit) { regressions::panics::panic_in_drop_glue_of_a_dropped_heap(kit) }
    /// A `mutate` that unwinds keeps what it did until then, and takes no safepoint.
    panic_in_mutate(kit) { regressions::panics::panic_in_mutate(kit) }
    /// The root is never made.
    panic_in_the_first_root(kit) { regressions::panics::panic_in_the_first_root(kit) }
    /// A slice whose elements are made by code that allocates, and unwinds in the middle.
    panic_in_a_slice(kit) { regressions::panics::panic_in_a_slice(kit) }
    /// A listener is user code too; it runs when the collection is over.
    panic_in_a_listener(kit) { regressions::panics::panic_in_a_listener(kit) }
    /// A panic of glue and one of the listener at once: one comes out, nothing is lost.
    panics_at_once(kit) { regressions::panics::panics_at_once(kit) }
    /// A hash function of the program that panics in the middle of an insertion leaves a map that can be traced.
    panic_in_a_key(kit) { regressions::panics::panic_in_a_key(kit) }
    /// Payloads of panics that panic when they are dropped.
    panic_payloads_that_panic(kit) { regressions::panics::panic_payloads_that_panic(kit) }
    /// Slices of vectors, iterators and builders; objects that know themselves.
    constructors(kit) { regressions::types::constructors(kit) }
    /// Values with slices behind them, in one object.
    header_slices(kit) { regressions::types::header_slices(kit) }
    /// `dyn` objects of one word and of two, in boxes, weak; written to at odd times.
    dyn_objects(kit) { regressions::types::dyn_objects(kit) }
    /// Pointers to what objects begin with, and back.
    prefixes(kit) { regressions::types::prefixes(kit) }
    /// Containers of other crates, with pointers in them, and as keys.
    foreign_containers(kit) { regressions::types::foreign_containers(kit) }
    /// A value that is a chain of boxed `dyn` values.
    deep_dyn_value(kit) { regressions::types::deep_dyn_value(kit) }
    /// Handles are exactly as good as roots: made and dropped inside `mutate`, between, cloned, reused.
    handles(kit) { regressions::handles::handles(kit) }
    /// A handle that is made while the root is.
    handle_made_with_the_root(kit) { regressions::handles::handle_made_with_the_root(kit) }
    /// A handle is good in its own heap only, and may outlive it.
    handles_and_other_heaps(kit) { regressions::handles::handles_and_other_heaps(kit) }
    /// The glue of each object releases the handle on the next: each full collection frees one.
    handles_dropped_in_drop_glue(kit) { regressions::handles::handles_dropped_in_drop_glue(kit) }
    /// Glue that runs in a collection drops another heap and collects a third.
    heaps_in_drop_glue(kit) { regressions::handles::heaps_in_drop_glue(kit) }
    /// Clones are dropped by other threads while this one goes on.
    handles_on_threads(kit) { regressions::handles::handles_on_threads(kit) }
    /// Many heaps at once, used in turn, dropped in another order.
    heaps_by_the_thousand(kit) { regressions::handles::heaps_by_the_thousand(kit) }
    /// Heaps that are used on one thread after another, while handles of theirs are dropped on others.
    heaps_change_threads(kit) { regressions::handles::heaps_change_threads(kit) }
    /// Views: shared, nested, without a safepoint, and collected for afterwards.
    views(kit) { regressions::handles::views(kit) }
    /// A heap is a value: it moves in memory while objects and handles stay good.
    heaps_that_move(kit) { regressions::handles::heaps_that_move(kit) }
    /// A heap and its handles in thread-local variables, which are destroyed in no certain order; and leaked ones.
    thread_local_heaps(kit) { regressions::handles::thread_local_heaps(kit) }
    /// Handles keep what weak pointers lead to, and handles on weak pointers do not.
    handles_on_weak_pointers(kit) { regressions::handles::handles_on_weak_pointers(kit) }
    /// Handles of a set in the heap keep what they lead to as long as the set lives, cycles through both notwithstanding.
    root_sets(kit) { regressions::handles::root_sets(kit) }
    /// Handles of sets are dropped by other threads, and outlive sets and heaps.
    root_sets_on_threads(kit) { regressions::handles::root_sets_on_threads(kit) }
    /// Seventy thousand references to one object, from the heap and from handles, removed in pieces.
    many_references(kit) { regressions::handles::many_references(kit) }
    /// Weak pointers to cycles of one, two and many objects are held past the cycles' end.
    weak_kept_past_cycle(kit) { regressions::weak::weak_kept_past_cycle(kit) }
    /// An object that has lost its last strong pointer is upgraded in the middle of a cycle, and stays.
    weak_upgraded_in_time(kit) { regressions::weak::weak_upgraded_in_time(kit) }
    /// A cell dies with the last weak pointer, and a new one is made for the same target.
    cells_come_and_go(kit) { regressions::weak::cells_come_and_go(kit) }
    /// While cells are cleared and glue runs in steps: what is dead stays dead, what is alive has one cell.
    cells_cleared_in_steps(kit) { regressions::weak::cells_cleared_in_steps(kit) }
    /// An intern table with weak values across collections of every kind: what is in use is found, and is the same object.
    intern_table(kit) { regressions::weak::intern_table(kit) }
    /// Identity hashes stay the same across every kind of collection, for objects of every size, and differ.
    identity_hashes(kit) { regressions::identity::identity_hashes(kit) }
    /// Pointers to pointers to pointers.
    double_indirection(kit) { regressions::weak::double_indirection(kit) }
    /// A value lives as long as its key and the ephemeron do, and no longer, whatever it points to, in all ages.
    ephemerons(kit) { regressions::dying::ephemerons(kit) }
    /// A hundred thousand ephemerons, the value of each the key of another.
    chained_ephemerons(kit) { regressions::dying::chained_ephemerons(kit) }
    /// Random ephemerons, compared with a fixpoint over numbers.
    random_ephemerons(kit) { regressions::dying::random_ephemerons(kit) }
    /// Objects with finalizers are brought back once, whole.
    finalizers(kit) { regressions::dying::finalizers(kit) }
    /// Random finalizers, compared with a graph of numbers.
    random_finalizers(kit) { regressions::finalizing::random_finalizers(kit) }
    /// Before a collection, the program is told what is dead, and brings some of it back.
    stages(kit) { regressions::stages::stages(kit) }
    /// The system refuses memory at every moment while the dead are dealt with.
    refused_while_dying(kit) { regressions::dying::refused_while_dying(kit) }
    /// What is alive when a heap is frozen stays, and what is written to it afterwards is seen.
    frozen_heap(kit) { regressions::frozen::frozen_heap(kit) }
    /// Lists, maps and sets in the heap, compared with std's.
    collections(kit) { regressions::collections::collections(kit) }
    /// Maps and interning tables that do not keep their values.
    weak_collections(kit) { regressions::collections::weak_collections(kit) }
    /// Maps and sets by identity, weak and strong, while their keys move and die.
    collections_by_identity(kit) { regressions::collections::collections_by_identity(kit) }
    /// Collections that change while they are searched and walked through.
    collections_changed_meanwhile(kit) { regressions::collections::collections_changed_meanwhile(kit) }
    /// A full heap leaves collections as they were.
    collections_in_a_full_heap(kit) { regressions::collections::collections_in_a_full_heap(kit) }
    /// While a marking is under way, the only pointer to an object moves from a place that was not looked at yet to one that
    /// was. Tried at every point of the marking.
    hidden_behind_the_marker(kit) { regressions::barrier::hidden_behind_the_marker(kit) }
    /// The same for elements of several large arrays, which are looked at in pieces.
    arrays_behind_the_marker(kit) { regressions::barrier::arrays_behind_the_marker(kit) }
    /// One store into a large array costs one card, and every card is looked at in time.
    one_store_looks_at_one_card(kit) { regressions::barrier::one_store_looks_at_one_card(kit) }
    /// Old objects get young ones, which get older ones, across minor collections.
    old_to_young(kit) { regressions::barrier::old_to_young(kit) }
    /// Binary trees with a collection and a verification at every safepoint.
    zeal_binary_trees(kit) { regressions::barrier::zeal_binary_trees(kit) }
    /// A list is built, reversed and sorted in place, node by node.
    zeal_list_reversal(kit) { regressions::barrier::zeal_list_reversal(kit) }
    /// A graph changes at random and is compared with the same graph in ordinary vectors.
    zeal_graph(kit) { regressions::barrier::zeal_graph(kit) }
    /// Requests from inside, and from inside a panic, are honoured once, at the end.
    requested_collections(kit) { regressions::barrier::requested_collections(kit) }
    /// A safepoint that was taken is not due any more.
    safepoints_end(kit) { regressions::pacing::safepoints_end(kit) }
    /// Collections that help nobody end in an error.
    futile_collections(kit) { regressions::pacing::futile_collections(kit) }
    /// A heap that is told to idle is small afterwards.
    idle_heap(kit) { regressions::pacing::idle_heap(kit) }
    /// Steps reclaim old garbage.
    steps_reclaim_the_old(kit) { regressions::pacing::steps_reclaim_the_old(kit) }
    /// Garbage that owns memory outside the heap is collected in time, whatever its shape.
    garbage_outside(kit) { regressions::pacing::garbage_outside(kit) }
    /// The heap's limit covers what objects own outside.
    limit_outside(kit) { regressions::pacing::limit_outside(kit) }
    /// What objects own outside the heap is known exactly after a full collection.
    account_outside(kit) { regressions::pacing::account_outside(kit) }
    /// Counters and events agree with what was done and with each other.
    statistics_and_events(kit) { regressions::observation::statistics_and_events(kit) }
    /// Heaps appear in the registry when they are made and disappear when they go, and can be watched from another thread.
    registry_entries(kit) { regressions::observation::registry_entries(kit) }
    /// Where a collector counts references, the counts are right when an epoch has ended.
    reference_counts(kit) { regressions::observation::reference_counts(kit) }
    /// A dump has every object and edge once, with names, and nothing that is garbage.
    dumps(kit) { regressions::inspecting::dumps(kit) }
    /// A dump to a disk that is full at some place, or that the system refuses memory for, is an error, and harms nothing.
    dumps_that_fail(kit) { regressions::inspecting::dumps_that_fail(kit) }
    /// Objects, referents, referrers and paths agree with each other and with the verifier.
    inspections(kit) { regressions::inspecting::inspections(kit) }
    /// Retained sizes are what would be free; the text is as wide as a terminal.
    reports(kit) { regressions::inspecting::reports(kit) }
    /// A heap that does not collect by itself does when it is asked, and again when it may.
    collecting_by_hand(kit) { regressions::pacing::collecting_by_hand(kit) }
    /// Objects know where they were allocated, wherever they are moved, and other collections are as before.
    allocation_sites(kit) { regressions::inspecting::allocation_sites(kit) }
}

#[cfg(test)]
mod tests {
    use super::Kit;

    /// The list in the macro is written by hand: a macro cannot ask another for names.
    #[test]
    fn the_macro_names_every_check() {
        let source = include_str!("mod.rs");
        let from = source.find("__conformance_tests! { $collector;\n").expect("the macro calls another");
        let list = &source[from..];
        let names: Vec<&str> = list[..list.find('}').expect("it ends")].lines().skip(1).map(str::trim).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        assert!(Kit::CHECKS.iter().map(|(name, _)| *name).eq(names));
    }
}
