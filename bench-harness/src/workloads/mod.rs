//! The workloads as one exact program each, which every implementation has to follow.
//!
//! A comparison is worth something only if both sides ran the same program. So the programs live here and nowhere
//! else: sizes, pseudo-random draws, object shapes, what belongs to one batch, and in which order results enter the
//! checksum. Each workload is a module with the same three names:
//!
//! - `Parameters`: every number of the program, by [`Size`];
//! - `Program`: the few operations an implementation supplies. **A method is one batch**: an implementation with a
//!   `mutate` runs the whole method in one `mutate` and lets its collector have a safepoint after it;
//! - `run`: drives a `Program` through the workload, mixes the [`Checksum`], counts, and drops the program, so that
//!   giving the memory back is part of the measured time for everybody.
//!
//! Why a driver behind a trait, and not a description that each implementation copies: the order in which results
//! are mixed is the easiest thing to get subtly different, and counting must not differ at all. Why not more in the
//! driver: building and walking the object graph is what is measured, and each memory manager has its own idiom for
//! it. The trait is generic, not `dyn`, so a batch costs no indirect call.
//!
//! **Shapes.** The documentation of each workload shows its objects as Rust structs. A pointer field is one machine
//! pointer that may be null, `u64` and `f64` take 8 bytes, `i32` takes 4; no implementation may merge, compress or
//! inline objects. [`Outcome::allocated_bytes`] counts exactly these bytes, without anybody's header, padding or
//! borrow flag. An implementation whose cells are larger than a pointer carries that as its own cost.
//! Arrays count as one object each, also where an implementation keeps them outside its heap.
//!
//! **Counting** happens here, per batch, from the parameters; nothing is counted per object while the clock runs.
//!
//! **Other languages.** All arithmetic is on unsigned 64-bit integers that wrap. [`Random`] is splitmix64,
//! [`Checksum::mix`] is one xor, one multiplication and one xor with a shifted copy. [`expected`] lists what has to
//! come out, so that an implementation can be checked without a second one beside it.
//!
//! Known to be imperfect: sums over one batch do not depend on the order of its nodes; only between batches is the
//! order part of the checksum. Mixing per node would have cost as much as some of the allocators measured here.

use crate::text::names::Named;
pub use set::Set;
use std::fmt;

pub mod attributes;
pub mod binary_trees;
pub mod client_sessions;
pub mod command;
pub mod deep_list;
pub mod event_loop;
pub mod foreign;
pub mod functional_map;
pub mod gcbench;
pub mod graph_mutate;
pub mod handles;
pub mod interleaved;
pub mod interning;
pub mod json_dom;
pub mod large_buffers;
pub mod list_churn;
pub mod lru_cache;
pub mod many_heaps;
pub mod matrices;
pub mod program;
pub mod quads;
pub mod queue;
pub mod retain;
pub mod rings;
pub mod set;
pub mod size_mix;
pub mod splay;
pub mod weak_nodes;
pub mod weak_ring;

/// A program that makes its own input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// Short-lived perfect binary trees beside a long-lived one: [`binary_trees`].
    BinaryTrees,
    /// Ellis, Kovac and Boehm's benchmark, trees built in both directions: [`gcbench`].
    GcBench,
    /// Live linked lists of which a random one is replaced: [`list_churn`].
    ListChurn,
    /// Many small cycles, few of which are kept: [`rings`].
    Rings,
    /// Random writes into old objects: [`graph_mutate`].
    GraphMutate,
    /// One list of millions of nodes: [`deep_list`].
    DeepList,
    /// A large quad tree that lives, and small ones that die: [`quads`].
    Quads,
    /// A cache of fixed capacity: [`lru_cache`].
    LruCache,
    /// A weak table of strings: [`interning`].
    Interning,
    /// Documents parsed, transformed and dropped: [`json_dom`].
    JsonDom,
    /// Cyclic graphs that own large buffers: [`client_sessions`].
    ClientSessions,
    /// A hash table in which nothing dies: [`retain`].
    Retain,
    /// Small requests beside a large live heap: [`event_loop`].
    EventLoop,
    /// Names bound, rebound and dropped, as a Python program does.
    Names,
    /// A queue of messages: [`queue`].
    Queue,
    /// Objects of many sizes with random lives: [`size_mix`].
    SizeMix,
    /// Small objects of which one in five is kept: [`interleaved`].
    Interleaved,
    /// A weak pointer to every object: [`weak_ring`].
    WeakRing,
    /// Handles that are replaced at random: [`handles`].
    Handles,
    /// Heaps of 100 objects: [`many_heaps`].
    ManyHeaps,
    /// Large buffers, replaced at random: [`large_buffers`].
    LargeBuffers,
    /// A weak pointer for every live node: [`weak_nodes`].
    WeakNodes,
    /// A splay tree with payloads: [`splay`].
    Splay,
    /// A map whose updates copy a path: [`functional_map`].
    FunctionalMap,
    /// A weak map with attributes of objects that come and go: [`attributes`].
    Attributes,
    /// Arrays of numbers, each made from two others: [`matrices`].
    Matrices,
    /// Scripts in the language of the [`interpreter`](crate::interpreter): its heap is a language's.
    Scripts,
}

impl Workload {
    /// Every workload, in the order in which results are shown.
    pub const ALL: [Workload; 27] = [
        Workload::BinaryTrees,
        Workload::GcBench,
        Workload::ListChurn,
        Workload::Rings,
        Workload::GraphMutate,
        Workload::DeepList,
        Workload::Quads,
        Workload::LruCache,
        Workload::Interning,
        Workload::JsonDom,
        Workload::ClientSessions,
        Workload::Retain,
        Workload::EventLoop,
        Workload::Names,
        Workload::Queue,
        Workload::SizeMix,
        Workload::Interleaved,
        Workload::WeakRing,
        Workload::Handles,
        Workload::ManyHeaps,
        Workload::LargeBuffers,
        Workload::WeakNodes,
        Workload::Splay,
        Workload::FunctionalMap,
        Workload::Attributes,
        Workload::Matrices,
        Workload::Scripts,
    ];

    /// The name used on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Workload::BinaryTrees => "binary_trees",
            Workload::GcBench => "gcbench",
            Workload::ListChurn => "list_churn",
            Workload::Rings => "rings",
            Workload::GraphMutate => "graph_mutate",
            Workload::DeepList => "deep_list",
            Workload::Quads => "quads",
            Workload::LruCache => "lru_cache",
            Workload::Interning => "interning",
            Workload::JsonDom => "json_dom",
            Workload::ClientSessions => "client_sessions",
            Workload::Retain => "retain",
            Workload::EventLoop => "event_loop",
            Workload::Names => "names",
            Workload::Queue => "queue",
            Workload::SizeMix => "size_mix",
            Workload::Interleaved => "interleaved",
            Workload::WeakRing => "weak_ring",
            Workload::Handles => "handles",
            Workload::ManyHeaps => "many_heaps",
            Workload::LargeBuffers => "large_buffers",
            Workload::WeakNodes => "weak_nodes",
            Workload::Splay => "splay",
            Workload::FunctionalMap => "functional_map",
            Workload::Attributes => "attributes",
            Workload::Matrices => "matrices",
            Workload::Scripts => "scripts",
        }
    }

    /// One line for `list`.
    pub const fn about(self) -> &'static str {
        match self {
            Workload::BinaryTrees => "short-lived trees beside a long-lived one",
            Workload::GcBench => "trees built top-down and bottom-up, a large array",
            Workload::ListChurn => "1,000 linked lists, one of them replaced again and again",
            Workload::Rings => "small cycles, one in a hundred kept",
            Workload::GraphMutate => "random writes into old objects, one in four to a new one",
            Workload::DeepList => "one list of millions of nodes: built, walked, dropped",
            Workload::Quads => "a large tree that lives, and small ones that die at once",
            Workload::LruCache => "a hash table whose entries are in a list by age, values of 16 B to 16 KiB",
            Workload::Interning => "a weak table of strings, fed from a text",
            Workload::JsonDom => "documents parsed, transformed and dropped",
            Workload::ClientSessions => "cyclic graphs that own 64 KiB outside the heap",
            Workload::Retain => "a hash table of millions of records; nothing dies",
            Workload::EventLoop => "small requests beside a large live heap; metered latency",
            Workload::Names => "bind a name, rebind it, put it into containers, leave the scope",
            Workload::Queue => "a queue: everything outlives a nursery, everything dies",
            Workload::SizeMix => "slots replaced at random by slices of 16 to 4,096 bytes",
            Workload::Interleaved => "small objects, one in five kept",
            Workload::WeakRing => "a weak pointer to every object; most objects die",
            Workload::Handles => "200,000 handles, replaced at random",
            Workload::ManyHeaps => "heaps of 100 objects that come and go",
            Workload::LargeBuffers => "16 buffers of 1 to 16 MiB, replaced at random",
            Workload::WeakNodes => "a weak pointer for every live node",
            Workload::Splay => "a splay tree with payloads",
            Workload::FunctionalMap => "a map whose updates copy a path",
            Workload::Attributes => "a weak map with attributes of objects that come and go",
            Workload::Matrices => "20 matrices of 32 to 128 KiB, each made from two others",
            Workload::Scripts => "an interpreter: trees, closures, tables, strings, objects, coroutines",
        }
    }

    /// Which set it belongs to.
    pub const fn set(self) -> Set {
        match self {
            Workload::BinaryTrees
            | Workload::GcBench
            | Workload::ListChurn
            | Workload::Rings
            | Workload::GraphMutate
            | Workload::DeepList => Set::Classic,
            Workload::Quads
            | Workload::LruCache
            | Workload::Interning
            | Workload::JsonDom
            | Workload::ClientSessions
            | Workload::Retain
            | Workload::EventLoop
            | Workload::Names
            | Workload::Queue
            | Workload::SizeMix
            | Workload::Interleaved
            | Workload::WeakRing
            | Workload::Handles
            | Workload::ManyHeaps
            | Workload::LargeBuffers
            | Workload::WeakNodes
            | Workload::Scripts => Set::General,
            Workload::Splay | Workload::FunctionalMap | Workload::Attributes | Workload::Matrices => Set::HeldOut,
        }
    }

    /// The most bytes that are alive at once, in objects with their headers; what is owned outside the heap included.
    ///
    /// It follows from the program, not from a measurement; where the program's own draws decide, they are gone
    /// through, which takes a while. For programs without such a way it was measured once, by full collections between
    /// batches (`child --probe`), and is a constant.
    pub fn live_bytes(self, size: Size) -> u64 {
        match self {
            Workload::BinaryTrees => binary_trees::Parameters::of(size).live_bytes(),
            Workload::GcBench => gcbench::Parameters::of(size).live_bytes(),
            Workload::ListChurn => list_churn::Parameters::of(size).live_bytes(),
            Workload::Rings => rings::Parameters::of(size).live_bytes(),
            Workload::GraphMutate => graph_mutate::Parameters::of(size).live_bytes(),
            Workload::DeepList => deep_list::Parameters::of(size).live_bytes(),
            Workload::Quads => quads::Parameters::of(size).live_bytes(),
            Workload::LruCache => lru_cache::Parameters::of(size).live_bytes(),
            Workload::Interning => interning::Parameters::of(size).live_bytes(),
            Workload::JsonDom => json_dom::Parameters::of(size).live_bytes(),
            Workload::ClientSessions => client_sessions::Parameters::of(size).live_bytes(),
            Workload::Retain => retain::Parameters::of(size).live_bytes(),
            Workload::EventLoop => event_loop::Parameters::of(size).live_bytes(),
            Workload::Names => match size {
                Size::Small => 12_536,
                Size::Classic => 19_384,
                Size::Large => 21_280,
            },
            Workload::Queue => queue::Parameters::of(size).live_bytes(),
            Workload::SizeMix => size_mix::Parameters::of(size).live_bytes(),
            Workload::Interleaved => interleaved::Parameters::of(size).live_bytes(),
            Workload::WeakRing => weak_ring::Parameters::of(size).live_bytes(),
            Workload::Handles => handles::Parameters::of(size).live_bytes(),
            Workload::ManyHeaps => many_heaps::Parameters::of(size).live_bytes(),
            Workload::LargeBuffers => large_buffers::Parameters::of(size).live_bytes(),
            Workload::WeakNodes => weak_nodes::Parameters::of(size).live_bytes(),
            Workload::Splay => splay::Parameters::of(size).live_bytes(),
            Workload::FunctionalMap => functional_map::Parameters::of(size).live_bytes(),
            Workload::Attributes => attributes::Parameters::of(size).live_bytes(),
            Workload::Matrices => matrices::Parameters::of(size).live_bytes(),
            Workload::Scripts => match size {
                Size::Small => 990_672,
                Size::Classic => 10_927_288,
                Size::Large => 85_524_184,
            },
        }
    }

    /// Whether peers run it.
    pub const fn has_peers(self) -> bool {
        !matches!(self, Workload::Names | Workload::Scripts)
    }
}

/// A workload with the input that is made before the clock starts.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Which one.
    pub workload: Workload,
    /// How large.
    pub size: Size,
    /// What it reads.
    pub input: Input,
    /// How much more work it does than the workload says, in percent.
    extra_percent: u32,
}

/// What a workload reads.
#[derive(Clone, Debug)]
pub enum Input {
    /// It draws its numbers while it runs.
    None,
    /// The text of [`interning`].
    Text(interning::Text),
    /// The documents of [`json_dom`].
    Documents(json_dom::Documents),
}

impl Ready {
    /// Makes the input.
    pub fn new(workload: Workload, size: Size) -> Self {
        let input = match workload {
            Workload::Interning => Input::Text(interning::Parameters::of(size).text()),
            Workload::JsonDom => Input::Documents(json_dom::Parameters::of(size).documents()),
            _ => Input::None,
        };
        Ready { workload, size, input, extra_percent: 0 }
    }

    /// The same with so many percent more of the program's own rounds, to see whether a comparison finds them. Only
    /// `queue` can: it is all rounds, each as long as the others.
    ///
    /// # Errors
    /// A sentence, for other workloads.
    pub fn with_extra(self, percent: u32) -> Result<Self, String> {
        match self.workload {
            Workload::Queue => Ok(Ready { extra_percent: percent, ..self }),
            other => Err(format!("{other} cannot be told to do more")),
        }
    }

    /// The numbers of `queue`.
    pub fn queue(&self) -> queue::Parameters {
        queue::Parameters::of(self.size).with_extra(self.extra_percent)
    }

    /// The text of [`interning`].
    ///
    /// # Panics
    /// If it is another workload.
    pub fn text(&self) -> &interning::Text {
        let Input::Text(text) = &self.input else { panic!("{} reads no text", self.workload) };
        text
    }

    /// The documents of [`json_dom`].
    ///
    /// # Panics
    /// If it is another workload.
    pub fn documents(&self) -> &json_dom::Documents {
        let Input::Documents(documents) = &self.input else { panic!("{} reads no documents", self.workload) };
        documents
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Named for Workload {
    const KIND: &'static str = "workload";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        self.name()
    }
}

/// How large a workload is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Size {
    /// For tests: well under 0.1 s also with the slowest implementation.
    Small,
    /// What results are quoted for.
    #[default]
    Classic,
    /// About eight times the work and, except in `graph_mutate`, the live memory of `Classic`; `graph_mutate` has
    /// ten times the rewrites of the same graph, so that collectors reach their steady state.
    Large,
}

impl Size {
    /// Every size, smallest first.
    pub const ALL: [Size; 3] = [Size::Small, Size::Classic, Size::Large];

    /// The name used on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Classic => "classic",
            Size::Large => "large",
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Named for Size {
    const KIND: &'static str = "size";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        self.name()
    }
}

/// What a workload computed and how much it asked for. Equal for every correct implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Digest of every result, in the order that the workload's `run` fixes.
    pub checksum: u64,
    /// Objects allocated over the whole run; an array is one object. None, where it depends on the collector.
    pub allocated_objects: Option<u64>,
    /// Bytes of these objects' fields or elements, without headers.
    pub allocated_bytes: Option<u64>,
}

/// The bytes of a pointer field in every shape.
pub const POINTER_BYTES: u64 = 8;

/// What an object takes of our heaps: its fields, rounded up to eight bytes, behind a header of eight. The unit of live
/// bytes for everybody, whatever their own headers are.
pub const fn object_bytes(fields: u64) -> u64 {
    8 + fields.next_multiple_of(8)
}

/// What a slice takes of our heaps: an object with its length in front.
pub const fn slice_bytes(elements: u64) -> u64 {
    8 + object_bytes(elements)
}

/// Nodes in a perfect binary tree of the given depth, where a single node has depth 0.
pub const fn tree_nodes(depth: u32) -> u64 {
    (2 << depth) - 1
}

/// An order-dependent digest of 64-bit values.
///
/// Not cryptographic: it has to notice a lost, stale or exchanged object, not an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// The digest of nothing. Not zero, so that leading zeros change it.
    pub const fn new() -> Self {
        Checksum(0xCBF2_9CE4_8422_2325)
    }

    /// Adds one value.
    #[inline]
    pub const fn mix(&mut self, value: u64) {
        let product = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ (product >> 32);
    }

    /// The digest of everything mixed so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

/// Running totals of what the program asked for, advanced once per batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    /// Counts `objects` objects of `bytes_each` bytes.
    pub(crate) fn add(&mut self, objects: u64, bytes_each: u64) {
        self.objects += objects;
        self.bytes += objects * bytes_each;
    }

    pub(crate) const fn outcome(self, checksum: Checksum) -> Outcome {
        Outcome { checksum: checksum.value(), allocated_objects: Some(self.objects), allocated_bytes: Some(self.bytes) }
    }
}

/// splitmix64 (Steele, Lea and Flood, 2014).
///
/// Chosen because all 64 bits of an output are usable and because outputs depend on each other only through one
/// addition, so that drawing numbers overlaps with the cache misses of the code that uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// A generator whose sequence depends on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    #[inline]
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number below `bound`, from the upper half of the next 64 bits.
    #[inline]
    pub const fn below(&mut self, bound: u32) -> u32 {
        scale((self.bits() >> 32) as u32, bound)
    }
}

/// Maps 32 random bits to a number below `bound` by multiplication. Its bias is below `bound / 2^32`.
#[inline]
const fn scale(bits: u32, bound: u32) -> u32 {
    ((bits as u64 * bound as u64) >> 32) as u32
}

/// What a correct implementation returns.
///
/// These values were computed once and agreed upon by implementations that share no memory manager. They change
/// only if a program in this module changes, and then results from before and after cannot be compared.
pub const fn expected(workload: Workload, size: Size) -> Outcome {
    let (checksum, allocated_objects, allocated_bytes) = match (workload, size) {
        (Workload::BinaryTrees, Size::Small) => (0x20B5_59CF_11FC_B89A, 135_854, 2_173_664),
        (Workload::BinaryTrees, Size::Classic) => (0xCCD4_F9D5_153D_AEE5, 68_332_206, 1_093_315_296),
        (Workload::BinaryTrees, Size::Large) => (0x8188_66E3_430D_B273, 613_766_494, 9_820_263_904),
        (Workload::GcBench, Size::Small) => (0x33F1_EAE6_74CB_BB7A, 54_095, 1_330_256),
        (Workload::GcBench, Size::Classic) => (0x8D86_B36F_CE7A_6336, 15_333_863, 372_012_688),
        (Workload::GcBench, Size::Large) => (0x84C9_07AB_676E_08C1, 139_457_795, 3_378_987_056),
        (Workload::ListChurn, Size::Small) => (0x60B1_DB32_6D54_DDDA, 42_001, 672_160),
        (Workload::ListChurn, Size::Classic) => (0x43E9_42AF_DDDF_036C, 21_000_001, 336_008_000),
        (Workload::ListChurn, Size::Large) => (0x9D0D_928A_BE15_C84B, 168_000_001, 2_688_064_000),
        (Workload::Rings, Size::Small) => (0x13E4_42F9_6E92_4FD1, 20_001, 480_160),
        (Workload::Rings, Size::Classic) => (0xAAF4_17C2_88CD_4E07, 2_000_001, 48_016_000),
        (Workload::Rings, Size::Large) => (0xBB05_BF93_4D95_0517, 16_000_001, 384_128_000),
        (Workload::GraphMutate, Size::Small) => (0x5934_6606_5B04_FB80, 6_984, 295_320),
        (Workload::GraphMutate, Size::Classic) => (0x6EC4_B2B4_62FA_26FD, 1_450_859, 59_634_320),
        (Workload::GraphMutate, Size::Large) => (0x09A1_2348_D08F_CE75, 12_701_314, 509_652_520),
        (Workload::DeepList, Size::Small) => (0xA684_D744_6879_F297, 20_000, 320_000),
        (Workload::DeepList, Size::Classic) => (0x03FE_9818_8D7C_324A, 5_000_000, 80_000_000),
        (Workload::DeepList, Size::Large) => (0x86EA_3B9D_2A24_4480, 40_000_000, 640_000_000),
        (Workload::Quads, Size::Small) => (0xE959_D39A_7458_E941, 18_365, 587_680),
        (Workload::Quads, Size::Classic) => (0xA9FE_7E83_1E25_158D, 12_584_101, 402_691_232),
        (Workload::Quads, Size::Large) => (0x9091_1520_D6E0_655E, 201_328_621, 6_442_515_872),
        (Workload::LruCache, Size::Small) => (0x66EE_3167_7CF9_DA8B, 10_080, 12_573_948),
        (Workload::LruCache, Size::Classic) => (0x5E6A_F148_B4D8_F01A, 1_066_162, 1_327_580_972),
        (Workload::LruCache, Size::Large) => (0x38DC_B5E3_6281_0CBE, 8_524_182, 10_549_424_087),
        (Workload::Interning, Size::Small) => (0x33C9_7F6F_3927_88D1, 18_318, 297_330),
        (Workload::Interning, Size::Classic) => (0x8EA0_03D7_EF64_DA0B, 1_591_930, 27_141_999),
        (Workload::Interning, Size::Large) => (0x00C1_6281_AD6B_2C40, 12_727_148, 225_542_130),
        (Workload::JsonDom, Size::Small) => (0x92C3_2FF5_D756_9555, 8_573, 249_062),
        (Workload::JsonDom, Size::Classic) => (0x63AA_EC90_2A33_7C38, 5_427_279, 161_413_094),
        (Workload::JsonDom, Size::Large) => (0xD7FF_6E97_9885_1E70, 46_227_053, 1_373_442_850),
        (Workload::ClientSessions, Size::Small) => (0xC290_1529_2889_80B1, 2_001, 13_152_512),
        (Workload::ClientSessions, Size::Classic) => (0x5929_DF53_E0EA_6FC0, 200_001, 1_315_200_512),
        (Workload::ClientSessions, Size::Large) => (0x15BA_27ED_CEF3_8C20, 1_600_001, 10_521_600_512),
        (Workload::Retain, Size::Small) => (0xD25D_2886_7003_6864, 10_001, 272_768),
        (Workload::Retain, Size::Classic) => (0xE2A0_842A_0764_2BAD, 3_000_001, 80_388_608),
        (Workload::Retain, Size::Large) => (0x3711_B073_6CF7_3C98, 24_000_001, 643_108_864),
        (Workload::EventLoop, Size::Small) => (0x43D0_EC1F_A388_0EEB, 136_001, 2_512_000),
        (Workload::EventLoop, Size::Classic) => (0x3889_E425_6713_B4F0, 20_800_001, 400_800_000),
        (Workload::EventLoop, Size::Large) => (0x14D4_E359_1DAE_1582, 174_400_001, 3_686_400_000),
        (Workload::Queue, Size::Small) => (0xF8C1_C78B_0B06_F49A, 20_001, 808_000),
        (Workload::Queue, Size::Classic) => (0x6CEA_068F_508C_0A8F, 6_000_001, 242_400_000),
        (Workload::Queue, Size::Large) => (0x803D_6A5F_95F6_6EDA, 48_000_001, 1_939_200_000),
        (Workload::SizeMix, Size::Small) => (0xCFE4_5267_4E44_A3B4, 5_001, 3_727_098),
        (Workload::SizeMix, Size::Classic) => (0xCA81_4F8A_DB7A_17DA, 1_500_001, 1_144_580_744),
        (Workload::SizeMix, Size::Large) => (0xB680_7C4F_790F_7ACC, 12_000_001, 9_175_986_880),
        (Workload::Interleaved, Size::Small) => (0x8215_1991_6BC2_0D8D, 50_001, 880_000),
        (Workload::Interleaved, Size::Classic) => (0x915D_24B5_7FB6_C73C, 10_000_001, 176_000_000),
        (Workload::Interleaved, Size::Large) => (0x20B2_9D25_2324_194F, 80_000_001, 1_408_000_000),
        (Workload::WeakRing, Size::Small) => (0x0C03_89A8_A246_654E, 100_002, 2_648_576),
        (Workload::WeakRing, Size::Classic) => (0xF9CD_2C53_56A5_5B7A, 2_000_002, 33_048_576),
        (Workload::WeakRing, Size::Large) => (0xE53E_1AFD_E1A0_9F54, 16_000_002, 257_048_576),
        (Workload::Handles, Size::Small) => (0x2DEC_9522_E5A4_CD80, 12_000, 192_000),
        (Workload::Handles, Size::Classic) => (0x9BC4_8994_7132_4316, 1_200_000, 19_200_000),
        (Workload::Handles, Size::Large) => (0xD2F6_2151_C1AC_001F, 9_600_000, 153_600_000),
        (Workload::ManyHeaps, Size::Small) => (0xE642_EE0B_8FBB_802E, 10_000, 160_000),
        (Workload::ManyHeaps, Size::Classic) => (0xA94A_0A53_6504_B655, 500_000, 8_000_000),
        (Workload::ManyHeaps, Size::Large) => (0xB589_2C56_F01C_B0AA, 4_000_000, 64_000_000),
        (Workload::LargeBuffers, Size::Small) => (0x0751_D4EB_6539_545E, 51, 4_013_053),
        (Workload::LargeBuffers, Size::Classic) => (0x715D_2958_450A_AE8F, 301, 1_714_320_042),
        (Workload::LargeBuffers, Size::Large) => (0x9CD6_5571_4B6F_9409, 2_401, 14_267_957_234),
        (Workload::WeakNodes, Size::Small) => (0xBCF6_4C92_F3DC_B10E, 7_001, 128_000),
        (Workload::WeakNodes, Size::Classic) => (0xE4E0_938B_1AEC_CBAB, 2_000_001, 40_000_000),
        (Workload::WeakNodes, Size::Large) => (0xF0FD_4D67_5665_BB76, 16_000_001, 320_000_000),
        (Workload::Splay, Size::Small) => (0xA594_60CC_3DAB_1132, 19_200, 614_400),
        (Workload::Splay, Size::Classic) => (0x1245_25A2_897B_96FB, 3_328_000, 106_496_000),
        (Workload::Splay, Size::Large) => (0xB4A9_740F_2811_9D31, 26_624_000, 851_968_000),
        (Workload::FunctionalMap, Size::Small) => (0x33B3_0B68_1BA6_7235, 18_512, 444_328),
        (Workload::FunctionalMap, Size::Classic) => (0xD076_9126_9018_5598, 5_231_072, 125_545_768),
        (Workload::FunctionalMap, Size::Large) => (0x586A_AE30_7E5D_93CD, 49_048_576, 1_177_165_864),
        (Workload::Attributes, Size::Small) => (0x6F52_B186_1FC7_679B, 9_601, 121_600),
        (Workload::Attributes, Size::Classic) => (0xDB1E_1787_5604_1EA8, 440_001, 5_440_000),
        (Workload::Attributes, Size::Large) => (0x9C1A_E775_7387_DC1A, 3_520_001, 43_520_000),
        (Workload::Matrices, Size::Small) => (0xCE74_0946_2250_5277, 201, 3_928_288),
        (Workload::Matrices, Size::Classic) => (0x58FE_B326_A1C3_67FA, 5_001, 382_671_680),
        (Workload::Matrices, Size::Large) => (0xAE26_5171_2EF5_2E6F, 40_001, 3_062_840_008),
        (Workload::Scripts, Size::Small) => (0x033F_1BD6_3A8B_E717, 0, 0),
        (Workload::Scripts, Size::Classic) => (0x9088_8110_89EE_77A7, 0, 0),
        (Workload::Scripts, Size::Large) => (0x67B7_512B_7F7F_1FD4, 0, 0),
        (Workload::Names, Size::Small) => (0xF467_FC23_3468_AD73, 4_369, 146_696),
        (Workload::Names, Size::Classic) => (0xB041_C1D4_2B27_3455, 436_454, 14_376_216),
        (Workload::Names, Size::Large) => (0xA1AB_9473_1E13_AE94, 3_492_532, 114_883_184),
    };
    match workload {
        // An interned string that is still there need not be made again.
        Workload::Scripts => Outcome { checksum, allocated_objects: None, allocated_bytes: None },
        _ => Tally { objects: allocated_objects, bytes: allocated_bytes }.outcome(Checksum(checksum)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::names::find;

    #[test]
    fn names_are_found_again() {
        for workload in Workload::ALL {
            assert_eq!(find(workload.name()), Ok(workload));
        }
        for size in Size::ALL {
            assert_eq!(find(size.name()), Ok(size));
        }
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // First outputs for seed 1234567, as published with the reference implementation.
        let mut random = Random::new(1_234_567);
        let drawn = [random.bits(), random.bits(), random.bits()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_its_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<u32> = (0..1_000).map(|_| random.below(10)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&0), Some(&9)));
    }

    #[test]
    fn the_checksum_depends_on_order_and_on_zeros() {
        let digest = |values: &[u64]| {
            let mut checksum = Checksum::new();
            values.iter().for_each(|&v| checksum.mix(v));
            checksum.value()
        };
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[0, 1]), digest(&[1]));
        assert_ne!(digest(&[1, 0]), digest(&[1]));
    }
}
