//! Programs over the whole API, made by proptest. Their text is made [elsewhere](super::replay).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::objects::Kind;

/// Names one of the objects that the program can reach, modulo their number.
pub(super) type Pick = u16;
/// Names one of an object's edges, modulo their number.
pub(super) type At = u16;
/// Names one of the handles, modulo their number.
pub(super) type Hold = u8;

/// A place for a pointer: an edge of an object.
pub(super) type Place = (Pick, At);

/// What a program does inside one `mutate`.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Allocates, and stores the object if a place is given.
    Alloc { kind: Kind, len: u32, first: Pick, into: Option<Place>, handle: Option<Hold>, panics: bool },
    /// Makes an edge.
    Link { from: Place, to: Pick },
    /// Removes an edge.
    Unlink { from: Place },
    /// Exchanges two edges.
    Swap { a: Place, b: Place },
    /// Copies an edge.
    Copy { from: Place, into: Place },
    /// Makes nodes that lead from one to the next, and the last to the first if it is a ring.
    Chain { len: u8, ring: bool, into: Option<Place> },
    /// Allocates objects that are garbage at once, and point into the graph.
    Garbage { count: u16, kind: Kind, to: Pick },
    /// Asks for an object's identity hash, which every later `mutate` compares.
    Hash { of: Pick },
    /// Stores a weak pointer to an object.
    Downgrade { holder: Pick, at: At, target: Pick },
    /// Removes a weak pointer.
    DropWeak { holder: Pick, at: At },
    /// Copies a weak pointer.
    CopyWeak { holder: Pick, at: At, into: Pick, into_at: At },
    /// Upgrades a weak pointer and stores the result.
    Upgrade { holder: Pick, at: At, into: Option<Place> },
    /// Makes a handle.
    Stash { hold: Hold, target: Pick },
    /// Makes a handle on a weak pointer.
    StashWeak { hold: Hold, holder: Pick, at: At },
    /// Stores what a handle keeps.
    Fetch { hold: Hold, into: Place },
    /// Drops a handle.
    DropHandle { hold: Hold },
    /// Clones a handle.
    CloneHandle { from: Hold, into: Hold },
    /// Makes a part of a slice, then unwinds.
    Unfinished { made: u16, of: u16 },
    /// Asks for a collection.
    Request,
}

/// What a program does between safepoints.
#[derive(Clone)]
pub(super) enum Step {
    /// One `mutate`. It may end in a panic.
    Mutate { ops: Vec<Op>, panics: bool },
    /// One `mutate_root`: pointers in the root itself are set, removed and exchanged.
    MutateRoot { set: Vec<(u8, Option<Pick>)>, swap: Option<(u8, u8)> },
    /// A full collection, and the exact verdict.
    Collect,
    /// A minor collection.
    CollectMinor,
    /// Increments of this many bytes, this many times.
    Increments { bytes: u32, times: u8 },
    /// A stage of a collection, in which deadness is compared, and what is dead brought back and let go of again.
    Stage,
    /// Freezes the heap.
    Freeze,
    /// Drops a handle between two calls of `mutate`.
    DropHandle { hold: Hold },
    /// Clones a handle between two calls of `mutate`.
    CloneHandle { from: Hold, into: Hold },
    /// The verifier.
    Verify,
    /// From now on the system refuses the mark stacks of the next requests whose bit is set, and the commit of this number.
    /// The next full collection ends it.
    Refuse { stacks: u64, commit: u8 },
}

/// A program, and the heap it runs on.
#[derive(Clone)]
pub(super) struct Program {
    /// The heap's limit.
    pub(super) limit: Option<usize>,
    /// The heap's address space, if it is to be small.
    pub(super) reservation: Option<usize>,
    /// Collect at every safepoint.
    pub(super) zeal: bool,
    /// Verify after every pause.
    pub(super) verify: bool,
    /// The system may refuse memory.
    pub(super) refuses: bool,
    /// End the `mutate` after every operation, and do an increment of this many bytes.
    pub(super) each_step: Option<u32>,
    /// What to do.
    pub(super) steps: Vec<Step>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

fn place() -> impl Strategy<Value = Place> {
    // Often the first edge, so that short programs meet themselves.
    (any::<Pick>(), prop_oneof![Just(0), 0u16..6, any::<At>()])
}

fn length() -> impl Strategy<Value = u32> {
    // Elements of 8 to 24 bytes: within a line, across lines, medium, and beyond 16 KiB.
    prop_oneof![6 => 0u32..8, 4 => 20u32..90, 2 => 200u32..900, 1 => 2_000u32..6_000]
}

fn op() -> impl Strategy<Value = Op> {
    let kind = || select(Kind::ALL);
    let hold = || any::<Hold>();
    prop_oneof![
        14 => (kind(), length(), any::<Pick>(), proptest::option::weighted(0.8, place()),
               proptest::option::weighted(0.3, hold()), proptest::bool::weighted(0.1))
            .prop_map(|(kind, len, first, into, handle, panics)| Op::Alloc { kind, len, first, into, handle, panics }),
        8 => (place(), any::<Pick>()).prop_map(|(from, to)| Op::Link { from, to }),
        6 => place().prop_map(|from| Op::Unlink { from }),
        2 => (place(), place()).prop_map(|(a, b)| Op::Swap { a, b }),
        3 => (place(), place()).prop_map(|(from, into)| Op::Copy { from, into }),
        3 => (1u8..20, any::<bool>(), proptest::option::weighted(0.7, place()))
            .prop_map(|(len, ring, into)| Op::Chain { len, ring, into }),
        2 => (prop_oneof![4 => 1u16..20, 1 => 200u16..2000], kind(), any::<Pick>())
            .prop_map(|(count, kind, to)| Op::Garbage { count, kind, to }),
        4 => any::<Pick>().prop_map(|of| Op::Hash { of }),
        5 => (any::<Pick>(), any::<At>(), any::<Pick>())
            .prop_map(|(holder, at, target)| Op::Downgrade { holder, at, target }),
        2 => (any::<Pick>(), any::<At>()).prop_map(|(holder, at)| Op::DropWeak { holder, at }),
        2 => (any::<Pick>(), any::<At>(), any::<Pick>(), any::<At>())
            .prop_map(|(holder, at, into, into_at)| Op::CopyWeak { holder, at, into, into_at }),
        4 => (any::<Pick>(), any::<At>(), proptest::option::of(place()))
            .prop_map(|(holder, at, into)| Op::Upgrade { holder, at, into }),
        4 => (hold(), any::<Pick>()).prop_map(|(hold, target)| Op::Stash { hold, target }),
        2 => (hold(), any::<Pick>(), any::<At>())
            .prop_map(|(hold, holder, at)| Op::StashWeak { hold, holder, at }),
        2 => (hold(), place()).prop_map(|(hold, into)| Op::Fetch { hold, into }),
        2 => hold().prop_map(|hold| Op::DropHandle { hold }),
        1 => (hold(), hold()).prop_map(|(from, into)| Op::CloneHandle { from, into }),
        1 => (0u16..50, 50u16..60).prop_map(|(made, of)| Op::Unfinished { made, of }),
        1 => Just(Op::Request),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (vec(op(), 1..10), proptest::bool::weighted(0.05))
            .prop_map(|(ops, panics)| Step::Mutate { ops, panics }),
        2 => (vec((0u8..4, proptest::option::weighted(0.7, any::<Pick>())), 0..3), proptest::option::of((0u8..4, 0u8..4)))
            .prop_map(|(set, swap)| Step::MutateRoot { set, swap }),
        3 => Just(Step::Collect),
        4 => Just(Step::CollectMinor),
        4 => (prop_oneof![Just(1u32), 16u32..512, 1_000u32..100_000], 1u8..8)
            .prop_map(|(bytes, times)| Step::Increments { bytes, times }),
        2 => Just(Step::Stage),
        2 => Just(Step::Freeze),
        1 => any::<Hold>().prop_map(|hold| Step::DropHandle { hold }),
        1 => (any::<Hold>(), any::<Hold>()).prop_map(|(from, into)| Step::CloneHandle { from, into }),
        1 => Just(Step::Verify),
    ]
}

/// Refusals: of one request, of two, of many, of all for a while.
fn refusal() -> impl Strategy<Value = Step> {
    let stacks = prop_oneof![
        3 => (0u32..64).prop_map(|at| 1 << at),
        3 => (0u32..64, 0u32..64).prop_map(|(a, b)| 1 << a | 1 << b),
        2 => any::<u64>(),
        2 => Just(u64::MAX),
        1 => Just(0),
    ];
    (stacks, prop_oneof![4 => Just(0u8), 1 => 1u8..4]).prop_map(|(stacks, commit)| Step::Refuse { stacks, commit })
}

/// On which heaps programs run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// No limit.
    Plain,
    /// Zeal, and verification after every pause.
    Zeal,
    /// A limit that programs often reach.
    Limited,
    /// An increment after every operation.
    EachStep,
    /// A system that refuses memory, with any of the above.
    Refusals,
}

/// Lengths of programs. Under Miri, which is some hundred times slower, a third.
fn lengths(most: usize) -> core::ops::Range<usize> {
    1..if cfg!(miri) { most / 3 } else { most }
}

impl Mode {
    /// The check that runs such programs.
    pub(super) fn check(self) -> &'static str {
        match self {
            Mode::Plain => "random_programs",
            Mode::Zeal => "random_programs_with_zeal",
            Mode::Limited => "random_programs_with_a_limit",
            Mode::EachStep => "random_programs_with_increments",
            Mode::Refusals => "random_programs_with_refusals",
        }
    }
}

/// All programs for one kind of heap.
pub(super) fn programs(mode: Mode) -> BoxedStrategy<Program> {
    let steps = match mode {
        Mode::Plain | Mode::Limited => vec(step(), lengths(60)).boxed(),
        Mode::Zeal | Mode::EachStep => vec(step(), lengths(25)).boxed(),
        Mode::Refusals => vec(prop_oneof![3 => step(), 1 => refusal()], lengths(40)).boxed(),
    };
    let limit = match mode {
        Mode::Limited => (192usize << 10..2 << 20).prop_map(Some).boxed(),
        Mode::Refusals => proptest::option::weighted(0.5, 192usize << 10..2 << 20).boxed(),
        _ => Just(None).boxed(),
    };
    let each_step = match mode {
        Mode::EachStep => prop_oneof![Just(64u32), 1u32..4096].prop_map(Some).boxed(),
        Mode::Refusals => proptest::option::weighted(0.5, prop_oneof![Just(64u32), 1u32..4096]).boxed(),
        _ => Just(None).boxed(),
    };
    let verify = match mode {
        Mode::Zeal => Just(true).boxed(),
        Mode::Refusals => any::<bool>().boxed(),
        _ => proptest::bool::weighted(0.1).boxed(),
    };
    let zeal = match mode {
        Mode::Refusals => proptest::bool::weighted(0.2).boxed(),
        _ => Just(mode == Mode::Zeal).boxed(),
    };
    let reservation = match mode {
        Mode::Refusals => proptest::option::weighted(0.3, 1usize << 16..3 << 20).boxed(),
        _ => Just(None).boxed(),
    };
    (steps, limit, reservation, each_step, verify, zeal)
        .prop_map(move |(steps, limit, reservation, each_step, verify, zeal)| Program {
            limit,
            reservation,
            zeal,
            verify,
            refuses: mode == Mode::Refusals,
            each_step,
            steps,
        })
        .boxed()
}
