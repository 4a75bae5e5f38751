//! Waste: what lines keep that nobody lives on, and when it is worth marking exactly.
//!
//! A marking counts the bytes that it reaches, and the sweep the lines that they lie on; the difference is wasted until
//! whole lines die. Marking exactly ([`Occupancy`](crate::memory::Occupancy)) makes it available, for about a nanosecond
//! an object, and makes allocation slower, because the holes are short. So a heap is marked exactly
//!
//! * when the last sweep found that more than half of its lines' bytes was wasted: then at least half of the heap may be
//!   had for it. Where every object lives as long as its neighbours, there is nothing to win;
//! * from an eighth on when the heap is near its limit, that is, when there is no room to allocate as much again as is
//!   alive. Then every further byte means fewer collections, each of which marks everything;
//! * when an allocation failed: before the program is told that the limit is reached, everything counts.
//!
//! Measured, as the share of the lines' bytes at default settings: `binary_trees`, `gcbench`, `deep_list` waste nothing,
//! `list_churn` 0.006, `rings` 0.37 of a megabyte, `graph_mutate` at most 0.49 (0.32 on `generational`), so none of them is
//! ever marked exactly. A table whose objects are replaced one by one at random tends to 0.58, one object in five kept
//! wastes 0.80, and in a steady state 0.88. With exact marking the last two heaps were 1.66 and 2.16 times what was alive
//! (5.0 and 9.0 without), in 1.2 to 2 times the processor time.
//!
//! *Why not from a quarter on?* It would keep the table's heap smaller too, at the price of many more slow allocations.

use crate::memory::{BLOCK_BYTES, Memory};

use super::sweep::Swept;

/// The share of the lines' bytes that may be wasted, as the divisor.
const SHARE: usize = 2;
/// The same where the last marking was exact: there, what is not in use is what died since.
const SHARE_TO_STAY: usize = 4;
/// Less than this is not worth two more side tables, in bytes.
const LEAST: usize = 256 << 10;
/// The share near the limit. There, a block counts.
const SHARE_NEAR_LIMIT: usize = 8;

/// Whether the next marking should be exact, after a sweep of a heap in which `alive` bytes were found, or were born
/// during the marking.
pub fn is_wasteful(swept: &Swept, alive: usize, memory: &Memory) -> bool {
    let blocks = &memory.blocks;
    let wasted = swept.line_bytes.saturating_sub(alive.saturating_sub(memory.large.bytes()));
    let near_limit = blocks.limit().is_some() && blocks.headroom() < alive;
    let (share, least) = match swept.exact {
        _ if near_limit => (SHARE_NEAR_LIMIT, BLOCK_BYTES),
        true => (SHARE_TO_STAY, LEAST),
        false => (SHARE, LEAST),
    };
    wasted > (swept.line_bytes / share).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_is_too_much_and_near_the_limit_an_eighth() {
        let swept = Swept { line_bytes: 16 << 20, ..Swept::default() };
        let free = Memory::new(None, Some(64 << 20)).expect("addresses");
        let near = Memory::new(Some(7 << 20), None).expect("addresses");
        for (mib, unlimited, limited) in [(16, false, false), (15, false, false), (13, false, true), (7, true, true)] {
            assert_eq!(is_wasteful(&swept, mib << 20, &free), unlimited);
            assert_eq!(is_wasteful(&swept, mib << 20, &near), limited || mib == 7);
        }
        assert!(!is_wasteful(&Swept::default(), 0, &near));
    }
}
