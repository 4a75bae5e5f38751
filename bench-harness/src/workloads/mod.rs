//! The classic workloads as one exact program each, which every implementation has to follow.
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
use std::fmt;

pub mod binary_trees;
pub mod deep_list;
pub mod gcbench;
pub mod graph_mutate;
pub mod list_churn;
pub mod program;
pub mod rings;

/// One of the classic workloads.
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
    /// Names bound, rebound and dropped, as a Python program does.
    Names,
}

impl Workload {
    /// Every workload, in the order in which results are shown.
    pub const ALL: [Workload; 7] = [
        Workload::BinaryTrees,
        Workload::GcBench,
        Workload::ListChurn,
        Workload::Rings,
        Workload::GraphMutate,
        Workload::DeepList,
        Workload::Names,
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
            Workload::Names => "names",
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
            Workload::Names => "bind a name, rebind it, put it into containers, leave the scope",
        }
    }

    /// Whether peers run it.
    pub const fn has_peers(self) -> bool {
        !matches!(self, Workload::Names)
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
    /// Objects allocated over the whole run; an array is one object.
    pub allocated_objects: u64,
    /// Bytes of these objects' fields or elements, without headers.
    pub allocated_bytes: u64,
}

/// The bytes of a pointer field in every shape.
pub const POINTER_BYTES: u64 = 8;

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
struct Tally {
    objects: u64,
    bytes: u64,
}

impl Tally {
    /// Counts `objects` objects of `bytes_each` bytes.
    fn add(&mut self, objects: u64, bytes_each: u64) {
        self.objects += objects;
        self.bytes += objects * bytes_each;
    }

    fn outcome(self, checksum: Checksum) -> Outcome {
        Outcome { checksum: checksum.value(), allocated_objects: self.objects, allocated_bytes: self.bytes }
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
        (Workload::Names, Size::Small) => (0xF467_FC23_3468_AD73, 4_369, 236_168),
        (Workload::Names, Size::Classic) => (0xB041_C1D4_2B27_3455, 436_454, 23_372_496),
        (Workload::Names, Size::Large) => (0xA1AB_9473_1E13_AE94, 3_492_532, 186_903_392),
    };
    Outcome { checksum, allocated_objects, allocated_bytes }
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
