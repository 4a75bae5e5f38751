//! [`Allowance`]: how much a collector may let pile up before it works, growing with what the heap allocates.
//!
//! A nursery, an epoch and the least budget between two collections are the same thing: memory that a collector leaves
//! unreclaimed so that its fixed costs are spread over many objects. How much is right follows from how much the program
//! allocates, and a young heap has not shown that yet. So the allowance begins small and stays a fixed part of what was
//! allocated so far, until it reaches its full size. A heap that allocates little stays little, however many of them the
//! process has; one that allocates much pays for a dozen short collections at its beginning, once.
//!
//! *Why not in proportion to what is alive.* Half of the classic programs keep next to nothing and allocate gigabytes:
//! with allowances of that kind they collected hundreds of times as often.
//!
//! *Why not by time.* Decisions are made of the heap's own bytes, so that a run can be repeated and a test can count.

/// What part of the bytes allocated so far an allowance is: a half. The full size of 4 MiB is reached after 8 MiB, and a
/// dozen collections later than it would be if it were given at once; each is no larger than the allowance itself.
const PART: u64 = 2;

/// Bytes that may pile up between two collections of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    least: usize,
    most: usize,
}

impl Allowance {
    /// Grows from `least` to `most` bytes.
    ///
    /// # Panics
    /// When the least is more than the most.
    pub const fn growing(least: usize, most: usize) -> Self {
        assert!(least <= most, "an allowance grows");
        Allowance { least, most }
    }

    /// The same from the beginning: what the program asked for.
    pub const fn fixed(bytes: usize) -> Self {
        Allowance { least: bytes, most: bytes }
    }

    /// The size for a heap that has allocated `recent` bytes (see
    /// [`HeapContext::recent_bytes`](crate::collector::HeapContext::recent_bytes)).
    #[inline]
    pub fn at(self, recent: u64) -> usize {
        usize::try_from(recent / PART).unwrap_or(usize::MAX).clamp(self.least, self.most)
    }

    /// The size that it never exceeds.
    #[inline]
    pub fn most(self) -> usize {
        self.most
    }
}

/// What part of the growth of other memory is due to memory that a marking does not look at: a quarter.
const LIGHT: f64 = 0.25;
/// How often the budget of heavy memory is given before light memory is collected for: `gcbench` keeps as many bytes in an
/// array of numbers as in its tree, and was collected half as often again when this was 1.
const HEAVY: f64 = 2.0;

/// Bytes that a heap may hand out between two markings that shall together let it grow by `growth`, when `heavy` bytes of
/// what is alive have to be looked at and `light` bytes have not: large objects without references, and what objects own
/// outside the heap.
///
/// A marking is paid for by what is allocated until the next one. Light memory costs nothing to mark, so it may ask for
/// one sooner: a program whose memory is mostly buffers gets dead ones back at a quarter of the usual growth, and a
/// marking costs it half as much for each allocated byte as it costs others.
pub fn growth_budget(growth: f64, heavy: usize, light: usize) -> usize {
    let (heavy, light) = (heavy as f64, light as f64);
    // Conversions saturate: with an infinite factor the heap is never collected for its size.
    ((growth - 1.0) * (heavy + light).min(HEAVY * heavy + LIGHT * light)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_follows_what_was_allocated() {
        let growing = Allowance::growing(64 << 10, 4 << 20);
        assert_eq!(growing.at(0), 64 << 10);
        assert_eq!(growing.at(1 << 20), 512 << 10);
        assert_eq!(growing.at(u64::MAX), 4 << 20);
        let fixed = Allowance::fixed(1);
        assert_eq!((fixed.at(0), fixed.at(1 << 40)), (1, 1));
    }

    #[test]
    fn light_memory_is_collected_sooner_when_it_is_most_of_the_heap() {
        assert_eq!(growth_budget(2.0, 100, 0), 100);
        assert_eq!(growth_budget(3.0, 100, 100), 400, "no sooner than half of the usual price allows");
        assert_eq!(growth_budget(2.0, 0, 100), 25);
        assert_eq!(growth_budget(2.0, 10, 100), 45);
        assert_eq!(growth_budget(f64::INFINITY, 10, 100), usize::MAX);
    }

    /// The collections that a young heap does in addition: a bounded number, of bounded size in all.
    #[test]
    fn a_young_heap_does_a_bounded_number_of_collections_more() {
        let (allowance, mut allocated, mut collections) = (Allowance::growing(64 << 10, 4 << 20), 0u64, 0);
        while allowance.at(allocated) < allowance.most() {
            allocated += allowance.at(allocated) as u64;
            collections += 1;
        }
        assert!(allocated <= 12 << 20 && collections - allocated / (4 << 20) <= 12, "{allocated} {collections}");
    }
}
