//! The layers together, against a model that keeps every block in a plain vector.

use super::os::{fault, page_bytes};
use super::*;
use crate::error::AllocError;

/// xorshift64* (Vigna, 2016): deterministic sequences without a dependency.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

fn fill(blocks: &Blocks, block: BlockIndex, value: u8) {
    // SAFETY: the test allocated the block and holds no reference into it.
    unsafe { blocks.address_of(block).write_bytes(value, BLOCK_BYTES) }
}

fn holds(blocks: &Blocks, block: BlockIndex, value: u8) -> bool {
    // SAFETY: the test wrote the whole block before, and holds no reference into it.
    [0, 1, BLOCK_BYTES / 2, BLOCK_BYTES - 1].iter().all(|o| unsafe { blocks.address_of(block).add(*o).read() } == value)
}

#[test]
fn blocks_are_reused_lowest_first() {
    let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
    let all: Vec<_> = (0..300).map(|_| blocks.allocate(BlockKind::Small).unwrap()).collect();
    assert!(all.iter().enumerate().all(|(i, b)| b.index() == i));
    assert_eq!(blocks.used_bytes(), 300 * BLOCK_BYTES);
    for i in [200, 7, 100] {
        blocks.free(all[i]);
        assert_eq!(blocks.kind(all[i]), BlockKind::Free);
    }
    assert_eq!(blocks.small_blocks().count(), 297);
    for i in [7, 100, 200, 300] {
        assert_eq!(blocks.allocate(BlockKind::Small).unwrap().index(), i);
    }
    assert_eq!(blocks.peak_bytes(), 301 * BLOCK_BYTES);
    assert_eq!(blocks.high_water().index(), 301);
    let last = blocks.address_of(BlockIndex(300)).addr().get() + BLOCK_BYTES - 1;
    assert_eq!(blocks.block_of(last), BlockIndex(300));
    assert!(blocks.contains(last));
}

#[test]
fn exhausted_address_space_is_an_error() {
    let mut blocks = Blocks::new(None, Some(1 << 20)).unwrap();
    assert_eq!(blocks.total_blocks(), 32);
    for _ in 0..32 {
        blocks.allocate(BlockKind::Small).unwrap();
    }
    assert_eq!(blocks.allocate(BlockKind::Small), Err(AllocError::ADDRESS_SPACE));
    let run = |blocks: &mut Blocks, n| blocks.allocate_run(n, BlockKind::LargeHead, BlockKind::LargeTail, 1);
    assert_eq!(run(&mut blocks, 33), Err(AllocError::TOO_LARGE));
    assert!(matches!(run(&mut blocks, usize::MAX), Err(AllocError::TOO_LARGE)));
    assert!(matches!(run(&mut blocks, 0), Err(AllocError::TOO_LARGE)));
    assert!(matches!(blocks.allocate_window(2), Err(AllocError::ADDRESS_SPACE)));
    blocks.free(BlockIndex(4));
    blocks.free(BlockIndex(6));
    assert!(matches!(run(&mut blocks, 2), Err(AllocError::ADDRESS_SPACE)));
    blocks.free(BlockIndex(5));
    assert_eq!(run(&mut blocks, 3), Ok(BlockIndex(4)));
    assert_eq!(blocks.free_run(BlockIndex(4)), 1);
}

#[test]
fn the_limit_is_honoured_to_the_byte() {
    let mut blocks = Blocks::new(Some(10 * BLOCK_BYTES), None).unwrap();
    assert!(blocks.reserved_bytes() >= 64 << 20);
    assert_eq!(blocks.limit(), Some(10 * BLOCK_BYTES));
    for _ in 0..9 {
        blocks.allocate(BlockKind::Small).unwrap();
    }
    blocks.charge_outside(1).unwrap();
    let error = blocks.allocate(BlockKind::Small).unwrap_err();
    assert_eq!(error, AllocError::LIMIT);
    blocks.charge_outside(BLOCK_BYTES - 1).unwrap();
    assert!(blocks.charge_outside(1).is_err());
    blocks.set_outside(BLOCK_BYTES + 5);
    assert_eq!(blocks.used_bytes(), 10 * BLOCK_BYTES + 5);
    assert_eq!(blocks.headroom(), 0);
    assert_eq!(blocks.peak_bytes(), 10 * BLOCK_BYTES + 5);
    blocks.set_outside(usize::MAX);
    assert_eq!(blocks.used_bytes(), isize::MAX as usize);
    blocks.set_outside(0);
    assert_eq!((blocks.used_bytes(), blocks.block_bytes()), (9 * BLOCK_BYTES, 9 * BLOCK_BYTES));
    blocks.allocate(BlockKind::Small).unwrap();
    blocks.set_limit(Some(BLOCK_BYTES));
    blocks.free(BlockIndex(0));
    assert!(matches!(blocks.allocate(BlockKind::Small), Err(AllocError::LIMIT)));
    blocks.set_limit(None);
    assert_eq!(blocks.limit(), None);
    blocks.allocate(BlockKind::Small).unwrap();
}

#[test]
fn reservations_follow_the_limit() {
    if cfg!(miri) {
        return;
    }
    let reserved = |limit| Blocks::new(Some(limit), None).unwrap().reserved_bytes();
    assert_eq!(reserved(0), 64 << 20);
    assert_eq!(reserved(100 << 20), 800 << 20);
    if cfg!(target_pointer_width = "64") {
        assert_eq!(reserved(16 << 30), 64 << 30);
        assert_eq!(reserved(40 << 30), 80 << 30);
    }
    // Beyond all addresses a limit is none.
    let unlimited = Blocks::new(None, None).unwrap().reserved_bytes();
    assert_eq!(reserved(usize::MAX - 1), unlimited);
    fault::fail_reserve_after(1);
    assert!(matches!(Blocks::new(None, None), Err(AllocError::REFUSED)));
    fault::fail_reserve_after(2);
    assert!(matches!(Memory::new(None, Some(1 << 20)), Err(AllocError::REFUSED)));
    fault::fail_reserve_after(3);
    assert!(matches!(Memory::new(None, None), Err(AllocError::REFUSED)));
    fault::fail_reserve_after(0);
}

/// What a dropped heap left is taken over by the next one of the same thread: warm, or wiped; tables are zero.
#[test]
#[cfg(all(unix, not(miri)))]
fn memory_passes_from_heap_to_heap() {
    // An odd size, so that no other test's heaps are interchangeable with these.
    let most = (11 << 20) + (64 << 10);
    let make = |retirement| {
        let mut memory = Memory::new(None, Some(most)).unwrap();
        memory.blocks.set_retirement(retirement);
        memory
    };
    let touch = |memory: &mut Memory, blocks: u32| {
        for number in 0..blocks {
            assert_eq!(memory.blocks.allocate(BlockKind::Small), Ok(BlockIndex(number)));
            assert_eq!(memory.lines.next_hole_zero(BlockIndex(number), 0), Some(0..LINES_PER_BLOCK));
            fill(&memory.blocks, BlockIndex(number), 7);
            let address = memory.blocks.address_of(BlockIndex(number)).addr().get();
            memory.lines.mark(address, address + BLOCK_BYTES, 9);
        }
        let payload = memory.large.allocate(&mut memory.blocks, 100_000, 8, 8).unwrap();
        // SAFETY: the object is the test's own.
        unsafe { payload.write_bytes(7, 100_000) };
    };
    for retirement in [Retirement::Warm, Retirement::Wiped] {
        for blocks in [1, 2, 100] {
            let mut first = make(retirement);
            touch(&mut first, blocks);
            let base = first.blocks.base();
            drop(first);
            let mut second = make(retirement);
            assert_eq!(second.blocks.base(), base, "the thread's own slot comes first");
            assert_eq!((second.blocks.used_bytes(), second.blocks.high_water()), (0, BlockIndex(0)));
            assert_eq!((second.large.count(), second.blocks.free_resident_bytes()), (0, 0));
            for number in 0..blocks {
                let block = second.blocks.allocate(BlockKind::Small).unwrap();
                assert_eq!(block, BlockIndex(number));
                assert_eq!(second.lines.next_hole_zero(block, 0), Some(0..LINES_PER_BLOCK));
                let kept = retirement == Retirement::Warm && number < 2;
                if cfg!(any(target_os = "linux", target_os = "android")) || kept || retirement == Retirement::Wiped {
                    assert!(holds(&second.blocks, block, if kept { 7 } else { 0 }), "{retirement:?} {blocks} {number}");
                }
            }
            // Leave nothing to the next round.
            second.blocks.set_retirement(Retirement::Sealed);
        }
    }
}

/// Two heaps that are alive have nothing in common, whatever became of those before.
#[test]
#[cfg(all(unix, not(miri)))]
fn memory_is_handed_to_one_heap_only() {
    let mut heaps = Vec::new();
    let mut random = Random::new(5);
    for round in 0..3000u32 {
        if heaps.len() > 200 || random.below(3) == 0 {
            if !heaps.is_empty() {
                let (memory, value): (Memory, u8) = heaps.swap_remove(random.below(heaps.len()));
                assert!((0..3).all(|block| holds(&memory.blocks, BlockIndex(block), value)));
                assert!((0..3).all(|block| memory.lines.next_hole_unmarked(BlockIndex(block), 0, value).is_none()));
            }
            continue;
        }
        let reservation = [None, Some(13 << 20), Some(17 << 20)][random.below(3)];
        let mut memory = Memory::new(None, reservation).unwrap();
        let last = [Retirement::Warm, Retirement::Wiped, Retirement::Sealed][random.below(3)];
        memory.blocks.set_retirement(last);
        let value = round as u8 | 1;
        for _ in 0..3 {
            let block = memory.blocks.allocate(BlockKind::Small).unwrap();
            assert_eq!(memory.lines.next_hole_zero(block, 0), Some(0..LINES_PER_BLOCK));
            fill(&memory.blocks, block, value);
            let address = memory.blocks.address_of(block).addr().get();
            memory.lines.mark(address, address + BLOCK_BYTES, value);
        }
        heaps.push((memory, value));
    }
}

/// A handle on a table may outlive its heap: then nobody else gets the memory.
#[test]
#[cfg(all(unix, not(miri)))]
fn a_table_that_is_held_is_not_handed_on() {
    let most = (19 << 20) + (64 << 10);
    let memory = Memory::new(None, Some(most)).unwrap();
    let (base, lines) = (memory.blocks.base(), memory.lines.clone());
    drop(memory);
    lines.mark(base.addr().get(), base.addr().get() + 8, 3);
    let mut other = Memory::new(None, Some(most)).unwrap();
    assert_ne!(other.blocks.base(), base);
    let block = other.blocks.allocate(BlockKind::Small).unwrap();
    assert_eq!(other.lines.next_hole_zero(block, 0), Some(0..LINES_PER_BLOCK));
}

/// Windows set addresses aside; where memory must be committed, they are not counted.
#[test]
#[cfg(not(miri))]
fn what_a_window_sets_aside_is_not_committed() {
    fault::commit_on_demand(true);
    let mut blocks = Blocks::new(None, None).unwrap();
    let mut window = blocks.allocate_window((1 << 30) / BLOCK_BYTES).unwrap();
    blocks.window_commit(&mut window, 4).unwrap();
    blocks.prepare(20).unwrap();
    let old: Vec<_> = (0..20).map(|_| blocks.allocate(BlockKind::Small).unwrap()).collect();
    old.iter().for_each(|block| fill(&blocks, *block, 1));
    assert!(blocks.committed_bytes() <= 3 << 20, "{}", blocks.committed_bytes());
    // Nor is it when the window goes and its blocks are what is used next.
    assert_eq!(blocks.window_release(window), (1 << 30) / BLOCK_BYTES);
    blocks.prepare(50).unwrap();
    fault::refuse_commits(true);
    (0..50).for_each(|number| {
        let block = blocks.allocate(BlockKind::Small).unwrap();
        assert_eq!(block, BlockIndex(number));
        fill(&blocks, block, 1);
    });
    fault::refuse_commits(false);
    assert!(blocks.committed_bytes() <= 6 << 20, "{}", blocks.committed_bytes());
    fault::commit_on_demand(false);
}

#[test]
fn a_refusing_system_leaves_the_heap_usable() {
    let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
    fault::fail_commit_after(1);
    // Where metadata is committed step by step, the first commit is one of those.
    assert!(matches!(blocks.allocate(BlockKind::Small), Err(AllocError::REFUSED)));
    assert_eq!((blocks.used_bytes(), blocks.high_water()), (0, BlockIndex(0)));
    let lines = LineTable::from_table(blocks.side_table(LINE_SHIFT).unwrap(), blocks.base().addr().get());
    let holes = HoleIndex::new(blocks.side_table(holes::RECORD_SHIFT).unwrap());
    let mut memory = Memory { lines, holes, occupancy: None, large: LargeSpace::new(), blocks };
    fault::refuse_commits(true);
    assert!(memory.blocks.allocate(BlockKind::Small).is_err());
    assert!(memory.large.allocate(&mut memory.blocks, 100_000, 8, 8).is_err());
    assert!(memory.blocks.prepare(1).is_err());
    let mut window = memory.blocks.allocate_window(4).unwrap();
    assert!(matches!(memory.blocks.window_commit(&mut window, 1), Err(AllocError::REFUSED)));
    assert_eq!((window.committed_blocks(), memory.blocks.used_bytes(), memory.large.count()), (0, 0, 0));
    fault::refuse_commits(false);
    memory.blocks.window_commit(&mut window, 4).unwrap();
    assert_eq!(memory.blocks.window_release(window), 4);
    assert_eq!(memory.blocks.allocate(BlockKind::Small), Ok(BlockIndex(0)));
    assert_eq!(memory.blocks.used_bytes(), BLOCK_BYTES);
}

#[test]
fn what_was_prepared_cannot_fail() {
    for used in [0, 3, 140] {
        let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
        let mine: Vec<_> = (0..used).map(|_| blocks.allocate(BlockKind::Small).unwrap()).collect();
        let window = blocks.allocate_window(200).unwrap();
        blocks.window_release(window);
        mine.iter().step_by(2).for_each(|b| blocks.free(*b));
        for n in [0, 1, 100, 500] {
            blocks.prepare(n).unwrap();
            fault::refuse_commits(true);
            let all: Vec<_> = (0..n).map(|_| blocks.allocate(BlockKind::Small).unwrap()).collect();
            fault::refuse_commits(false);
            all.iter().for_each(|b| fill(&blocks, *b, 1));
            all.iter().for_each(|b| blocks.free(*b));
        }
        assert!(matches!(blocks.prepare(3000), Err(AllocError::ADDRESS_SPACE)));
        blocks.set_limit(Some(blocks.used_bytes() + BLOCK_BYTES));
        blocks.prepare(1).unwrap();
        assert!(matches!(blocks.prepare(2), Err(AllocError::LIMIT)));
    }
}

#[test]
fn windows_grow_shrink_and_go() {
    let mut blocks = Blocks::new(Some(64 * BLOCK_BYTES), None).unwrap();
    let before = blocks.allocate(BlockKind::Small).unwrap();
    let mut window = blocks.allocate_window(500).unwrap();
    assert_eq!((window.first(), window.blocks(), window.range()), (BlockIndex(1), 500, 1..501));
    assert!(window.contains(BlockIndex(1)) && window.contains(BlockIndex(500)) && !window.contains(before));
    assert_eq!(blocks.used_bytes(), BLOCK_BYTES);
    assert_eq!(blocks.kind(BlockIndex(1)), BlockKind::Free, "set aside, and nothing yet");
    let after = blocks.allocate(BlockKind::Small).unwrap();
    assert_eq!(after, BlockIndex(501));
    blocks.window_commit(&mut window, 10).unwrap();
    blocks.window_commit(&mut window, 5).unwrap();
    assert_eq!((window.committed_blocks(), blocks.used_bytes()), (10, 12 * BLOCK_BYTES));
    assert_eq!([10, 11].map(|block| blocks.kind(BlockIndex(block))), [BlockKind::Nursery, BlockKind::Free]);
    (1..11).for_each(|b| fill(&blocks, BlockIndex(b), 7));
    assert!(matches!(blocks.window_commit(&mut window, 63), Err(AllocError::LIMIT)));
    assert!(matches!(blocks.window_commit(&mut window, 501), Err(AllocError::ADDRESS_SPACE)));
    blocks.window_commit(&mut window, 62).unwrap();
    assert!(blocks.allocate(BlockKind::Small).is_err());
    blocks.window_shrink(&mut window, 4);
    assert_eq!((window.committed_blocks(), blocks.used_bytes()), (4, 6 * BLOCK_BYTES));
    assert_eq!([4, 5].map(|block| blocks.kind(BlockIndex(block))), [BlockKind::Nursery, BlockKind::Free]);
    assert!((1..5).all(|b| holds(&blocks, BlockIndex(b), 7)));
    blocks.window_commit(&mut window, 20).unwrap();
    assert_eq!(blocks.window_release(window), 500);
    assert_eq!(blocks.used_bytes(), 2 * BLOCK_BYTES);
    assert_eq!(blocks.free_resident_bytes(), 20 * BLOCK_BYTES);
    assert_eq!(blocks.allocate(BlockKind::Small), Ok(BlockIndex(1)));
}

#[test]
fn windows_are_promoted_in_place() {
    let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
    let mut window = blocks.allocate_window(100).unwrap();
    blocks.window_commit(&mut window, 40).unwrap();
    (0..40).for_each(|b| fill(&blocks, BlockIndex(b), b as u8));
    for block in [3, 5, 39] {
        blocks.window_convert(&mut window, BlockIndex(block));
    }
    assert_eq!(blocks.small_blocks().map(BlockIndex::index).collect::<Vec<_>>(), [3, 5, 39]);
    for (range, first) in [(0..100, 0), (20..100, 20), (40..100, 100), (64..100, 100), (40..64, 64), (7..7, 7)] {
        assert_eq!(blocks.next_in_use(range.clone()), first, "of {range:?}");
    }
    // A converted block may die, and be reused by another window, without confusing this one.
    blocks.free(BlockIndex(5));
    let other = blocks.allocate_window(1).unwrap();
    assert_eq!(other.first(), BlockIndex(5));
    blocks.window_shrink(&mut window, 2);
    assert!(holds(&blocks, BlockIndex(3), 3) && holds(&blocks, BlockIndex(39), 39));
    blocks.window_commit(&mut window, 40).unwrap();
    assert_eq!(blocks.used_bytes(), 39 * BLOCK_BYTES);
    assert_eq!(blocks.window_release(window), 97);
    assert_eq!(blocks.used_bytes(), 2 * BLOCK_BYTES);
    assert_eq!(other.first(), BlockIndex(5), "still set aside");
    assert!(holds(&blocks, BlockIndex(3), 3) && holds(&blocks, BlockIndex(39), 39));
    assert_eq!(blocks.window_release(other), 1);

    let mut window = blocks.allocate_window(50).unwrap();
    let first = window.first().index();
    blocks.window_commit(&mut window, 30).unwrap();
    blocks.window_convert(&mut window, BlockIndex::new(first + 1));
    blocks.window_convert(&mut window, BlockIndex::new(first + 20));
    let rest = blocks.window_convert_prefix(window, 10).unwrap();
    assert_eq!((rest.first().index(), rest.blocks(), rest.committed_blocks()), (first + 10, 40, 20));
    assert_eq!(blocks.window_release(rest), 39);
    assert_eq!(blocks.used_bytes(), (2 + 10 + 1) * BLOCK_BYTES);
    let mut window = blocks.allocate_window(3).unwrap();
    blocks.window_commit(&mut window, 3).unwrap();
    assert!(blocks.window_convert_prefix(window, 3).is_none());
}

#[test]
#[should_panic(expected = "not a committed nursery block")]
fn only_committed_blocks_are_converted() {
    let mut blocks = Blocks::new(None, Some(1 << 20)).unwrap();
    let mut window = blocks.allocate_window(4).unwrap();
    blocks.window_convert(&mut window, BlockIndex(0));
}

#[test]
#[should_panic(expected = "not a single block")]
fn a_block_is_not_freed_twice() {
    let mut blocks = Blocks::new(None, Some(1 << 20)).unwrap();
    let block = blocks.allocate(BlockKind::Small).unwrap();
    blocks.free(block);
    blocks.free(block);
}

#[test]
#[should_panic(expected = "does not begin here")]
fn a_run_is_freed_by_its_head() {
    let mut blocks = Blocks::new(None, Some(1 << 20)).unwrap();
    blocks.allocate_run(3, BlockKind::LargeHead, BlockKind::LargeTail, 0).unwrap();
    blocks.free_run(BlockIndex(1));
}

#[test]
fn free_pages_go_back_and_live_ones_stay() {
    let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
    let all: Vec<_> = (0..400).map(|_| blocks.allocate(BlockKind::Small).unwrap()).collect();
    all.iter().for_each(|b| fill(&blocks, *b, b.0 as u8 | 1));
    for block in all.iter().filter(|b| b.0 % 5 != 0 || b.0 >= 380) {
        blocks.free(*block);
    }
    let free = blocks.free_resident_bytes();
    assert_eq!(free, (304 + 20) * BLOCK_BYTES);
    let keep = 60 * BLOCK_BYTES + 1;
    let back = blocks.decommit_free(keep);
    assert_eq!(back + blocks.free_resident_bytes(), free);
    if page_bytes() <= BLOCK_BYTES {
        assert_eq!(blocks.free_resident_bytes(), 60 * BLOCK_BYTES);
    }
    assert_eq!(blocks.decommit_free(keep), 0);
    let live: Vec<_> = blocks.small_blocks().collect();
    assert_eq!(live.len(), 76);
    assert!(live.iter().all(|b| holds(&blocks, *b, b.0 as u8 | 1)));
    blocks.decommit_free(0);
    assert!(live.iter().all(|b| holds(&blocks, *b, b.0 as u8 | 1)));
    // Given back is not lost: the blocks can be used again without asking the system.
    fault::refuse_commits(true);
    for _ in 0..324 {
        let block = blocks.allocate(BlockKind::Small).unwrap();
        fill(&blocks, block, 2);
        assert!(holds(&blocks, block, 2));
    }
    fault::refuse_commits(false);
    assert_eq!((blocks.free_resident_bytes(), blocks.high_water()), (0, BlockIndex(400)));
}

#[test]
fn side_tables_cover_every_block_handed_out() {
    let mut blocks = Blocks::new(None, Some(32 << 20)).unwrap();
    let early = blocks.side_table(LINE_SHIFT).unwrap();
    for _ in 0..1000 {
        let block = blocks.allocate(BlockKind::Small).unwrap();
        assert_eq!(early.slice(block.index() * LINES_PER_BLOCK, LINES_PER_BLOCK).len(), LINES_PER_BLOCK);
    }
    let late = blocks.side_table(10).unwrap();
    assert!(late.available() >= 1000 * (BLOCK_BYTES >> 10));
    let window = blocks.allocate_window(24).unwrap();
    early.entry(window.range().end * LINES_PER_BLOCK - 1);
    assert_eq!(blocks.window_release(window), 24);
}

/// The way of systems where metadata must be committed step by step, and may be refused.
#[test]
#[cfg(not(miri))]
fn metadata_can_grow_with_the_heap() {
    fault::commit_on_demand(true);
    let mut memory = Memory::new(None, Some(4 << 30)).unwrap();
    assert_eq!(memory.lines.table().available(), 0);
    assert_eq!(memory.blocks.high_water().index(), 0);
    let blocks = &mut memory.blocks;
    let first = blocks.allocate(BlockKind::Small).unwrap();
    assert_eq!(memory.lines.next_hole_zero(first, 0), Some(0..LINES_PER_BLOCK));
    let available = memory.lines.table().available();
    assert!(available < memory.lines.table().len());
    let described = available / LINES_PER_BLOCK;
    fault::refuse_commits(true);
    let within = blocks.allocate_window(described - 1).unwrap();
    assert_eq!(memory.lines.table().available(), available);
    let error = blocks.allocate_window(1).unwrap_err();
    assert!(matches!(error, AllocError::REFUSED));
    assert_eq!(blocks.high_water().index(), described);
    fault::refuse_commits(false);
    let window = blocks.allocate_window(1).unwrap();
    assert!(memory.lines.table().available() > available);
    assert_eq!(memory.lines.next_hole_zero(window.first(), 5), Some(5..LINES_PER_BLOCK));
    let late = blocks.side_table(9).unwrap();
    late.entry((described + 1) * (BLOCK_BYTES >> 9) - 1);
    blocks.window_release(within);
    blocks.window_release(window);
    fault::commit_on_demand(false);
}

/// Every operation at random, against one record per block.
#[test]
fn random_programs_agree_with_a_model() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Model {
        Free,
        Small(u8),
        Nursery,
        Large,
    }
    for seed in 0..if cfg!(miri) { 1 } else { 60 } {
        let mut random = Random::new(seed);
        let limit = 600 * BLOCK_BYTES;
        fault::commit_on_demand(seed % 2 == 1);
        let mut memory = Memory::new(Some(limit), Some(1024 * BLOCK_BYTES)).unwrap();
        let mut model = vec![Model::Free; 1024];
        let mut large: Vec<(NonNull<u8>, usize, usize, u8)> = Vec::new();
        let mut windows: Vec<Window> = Vec::new();
        let mut small: Vec<BlockIndex> = Vec::new();
        for step in 0..if cfg!(miri) { 60 } else { 1200 } {
            let value = step as u8;
            let Memory { blocks, large: space, .. } = &mut memory;
            match random.below(12) {
                0..4 => {
                    let expected = model.iter().position(|m| *m == Model::Free);
                    match blocks.allocate(BlockKind::Small) {
                        Ok(block) => {
                            assert_eq!(Some(block.index()), expected, "seed {seed} step {step}");
                            fill(blocks, block, value);
                            model[block.index()] = Model::Small(value);
                            small.push(block);
                        }
                        Err(AllocError::LIMIT) => {
                            assert!(blocks.used_bytes() + BLOCK_BYTES > limit)
                        }
                        Err(AllocError::ADDRESS_SPACE) => assert_eq!(expected, None),
                        Err(other) => panic!("{other}"),
                    }
                }
                4..6 if !small.is_empty() => {
                    let block = small.swap_remove(random.below(small.len()));
                    let Model::Small(value) = model[block.index()] else { panic!("{:?}", model[block.index()]) };
                    assert!(holds(blocks, block, value));
                    blocks.free(block);
                    model[block.index()] = Model::Free;
                }
                6 | 7 => {
                    let (bytes, align) = (random.below(5 * BLOCK_BYTES), 1 << random.below(18));
                    if let Ok(payload) = space.allocate(blocks, bytes, 16, align) {
                        let object = *space.get(blocks, payload).unwrap();
                        let run = object.head.index()..object.head.index() + object.blocks as usize;
                        assert!(payload.addr().get().is_multiple_of(align));
                        assert!(model[run.clone()].iter().all(|m| *m == Model::Free));
                        model[run].fill(Model::Large);
                        // SAFETY: prefix and payload belong to this test until it frees the object.
                        unsafe { payload.sub(16).write_bytes(value, bytes + 16) };
                        large.push((payload, bytes, align, value));
                    }
                }
                8 if !large.is_empty() => {
                    let (payload, bytes, _, value) = large.swap_remove(random.below(large.len()));
                    // SAFETY: written above, not freed yet, no reference exists.
                    unsafe {
                        assert_eq!(payload.sub(16).read(), value);
                        assert_eq!(payload.add(bytes).sub(1).read(), value);
                    }
                    let object = *space.get(blocks, payload).unwrap();
                    model[object.head.index()..][..object.blocks as usize].fill(Model::Free);
                    space.free(blocks, payload);
                    assert!(space.get(blocks, payload).is_none());
                }
                9 if windows.len() < 3 => {
                    if let Ok(window) = blocks.allocate_window(1 + random.below(200)) {
                        assert!(model[window.range()].iter().all(|m| *m == Model::Free));
                        model[window.range()].fill(Model::Nursery);
                        windows.push(window);
                    }
                }
                10 if !windows.is_empty() => {
                    let at = random.below(windows.len());
                    let upto = random.below(windows[at].blocks() + 1);
                    let _ = blocks.window_commit(&mut windows[at], upto);
                    let (first, committed) = (windows[at].first().index(), windows[at].committed_blocks());
                    for _ in 0..if committed > 0 { random.below(4) } else { 0 } {
                        let block = BlockIndex::new(first + random.below(committed));
                        // A nursery block in one window only belongs to it; in two, it was converted, died, and was
                        // taken by the other.
                        let owners = windows.iter().filter(|w| w.contains(block)).count();
                        if model[block.index()] == Model::Nursery && owners == 1 {
                            fill(blocks, block, value);
                            blocks.window_convert(&mut windows[at], block);
                            model[block.index()] = Model::Small(value);
                            small.push(block);
                        }
                    }
                    if random.below(3) == 0 {
                        let window = &mut windows[at];
                        blocks.window_shrink(window, random.below(window.blocks()));
                    }
                }
                11 if !windows.is_empty() => {
                    let window = windows.swap_remove(random.below(windows.len()));
                    // Exactly the blocks never converted become free.
                    let range = window.range();
                    let freed = blocks.window_release(window);
                    let mut count = 0;
                    for block in range {
                        if model[block] == Model::Nursery && blocks.free.is_free(block) {
                            model[block] = Model::Free;
                            count += 1;
                        }
                    }
                    assert_eq!(freed, count);
                }
                _ => {
                    blocks.decommit_free(random.below(200) * BLOCK_BYTES);
                }
            }
            if step % 16 == 0 {
                check(&memory, &model, &large, &windows, limit, |model| match model {
                    Model::Free => BlockKind::Free,
                    Model::Small(_) => BlockKind::Small,
                    Model::Nursery => BlockKind::Nursery,
                    Model::Large => BlockKind::LargeTail,
                });
            }
        }
        let Memory { blocks, large: space, .. } = &mut memory;
        windows.into_iter().for_each(|w| {
            blocks.window_release(w);
        });
        small.into_iter().for_each(|b| blocks.free(b));
        space.retain(blocks, |_| false);
        assert_eq!((blocks.used_bytes(), space.count(), space.bytes()), (0, 0, 0));
        assert_eq!(blocks.free_blocks(), blocks.high_water().index());
        assert_eq!(blocks.next_in_use(0..blocks.free_blocks()), blocks.free_blocks());
    }

    fn check<M: Copy>(
        memory: &Memory,
        model: &[M],
        large: &[(NonNull<u8>, usize, usize, u8)],
        windows: &[Window],
        limit: usize,
        kind: impl Fn(M) -> BlockKind,
    ) {
        let blocks = &memory.blocks;
        for (i, model) in model.iter().enumerate().take(blocks.high_water().index()) {
            let actual = match blocks.kind(BlockIndex::new(i)) {
                BlockKind::LargeHead => BlockKind::LargeTail,
                other => other,
            };
            let set_aside = windows.iter().any(|w| w.range().skip(w.committed_blocks()).any(|block| block == i));
            let expected = if set_aside && kind(*model) == BlockKind::Nursery { BlockKind::Free } else { kind(*model) };
            assert_eq!(actual, expected, "block {i}");
            assert_eq!(blocks.free.is_free(i), kind(*model) == BlockKind::Free, "block {i}");
        }
        let charged = large.iter().map(|(payload, bytes, ..)| {
            let start = payload.addr().get() - 16;
            let end = payload.addr().get() + bytes.max(&1);
            end.div_ceil(CHARGE_PAGE) - start / CHARGE_PAGE
        });
        let runs = charged.sum::<usize>() * CHARGE_PAGE;
        let small = blocks.small_blocks().count() * BLOCK_BYTES;
        let rest = blocks.used_bytes().checked_sub(runs + small).expect("less is charged than is in use");
        assert!(rest.is_multiple_of(BLOCK_BYTES));
        let most: usize = windows.iter().map(Window::committed_blocks).sum();
        assert!(rest <= most * BLOCK_BYTES && blocks.used_bytes() <= limit);
        assert_eq!(memory.large.count(), large.len());
        assert_eq!(memory.large.bytes(), large.iter().map(|l| l.1).sum::<usize>());
    }
}

#[test]
fn large_objects_of_every_alignment_and_size() {
    let mut memory = Memory::new(None, Some(if cfg!(miri) { 8 << 20 } else { 256 << 20 })).unwrap();
    let Memory { blocks, large, .. } = &mut memory;
    let mut all = Vec::new();
    for prefix in [0, 8, 16] {
        for align in (0..=if cfg!(miri) { 16 } else { 23 }).map(|log| 1 << log) {
            for bytes in [0, 1, MEDIUM_MAX + 1, BLOCK_BYTES - 16, BLOCK_BYTES, 3 * BLOCK_BYTES + 5] {
                let before = blocks.used_bytes();
                let payload = large.allocate(blocks, bytes, prefix, align).unwrap();
                assert!(payload.addr().get().is_multiple_of(align));
                assert_eq!(large.get(blocks, payload).unwrap().payload, payload);
                assert!(
                    blocks.used_bytes() - before <= (bytes + prefix).div_ceil(CHARGE_PAGE) * CHARGE_PAGE + CHARGE_PAGE
                );
                // SAFETY: prefix and payload belong to the test.
                unsafe { payload.sub(prefix).write_bytes(align.trailing_zeros() as u8, bytes + prefix) };
                all.push((payload, bytes, align));
                if cfg!(miri) {
                    large.free(blocks, payload);
                    all.pop();
                }
            }
        }
    }
    for (payload, bytes, align) in &all {
        // SAFETY: written above; no reference exists.
        assert!(*bytes == 0 || unsafe { payload.add(bytes - 1).read() } == align.trailing_zeros() as u8);
    }
    assert_eq!(large.iter().count(), all.len());
    assert!(matches!(large.allocate(blocks, usize::MAX, 16, 8), Err(AllocError::TOO_LARGE)));
    assert!(matches!(large.allocate(blocks, isize::MAX as usize, 16, 8), Err(AllocError::TOO_LARGE)));
    assert!(matches!(large.allocate(blocks, 10, 16, 1 << 62), Err(AllocError::ADDRESS_SPACE)));
    let interior = all.first().map(|(payload, ..)| payload.map_addr(|a| a.saturating_add(8)));
    assert!(interior.is_none_or(|payload| large.get(blocks, payload).is_none()));
    large.retain(blocks, |_| false);
    assert_eq!((blocks.used_bytes(), large.count()), (0, 0));
}

#[test]
fn large_objects_are_young_once() {
    let mut memory = Memory::new(None, Some(64 << 20)).unwrap();
    let Memory { blocks, large, .. } = &mut memory;
    let mut make = |large: &mut LargeSpace| large.allocate(blocks, 40_000, 8, 8).unwrap();
    let (a, b, c) = (make(large), make(large), make(large));
    large.free(blocks, b);
    let d = large.allocate(blocks, 40_000, 8, 8).unwrap();
    assert_eq!(d, b, "the slot and the run are reused");
    assert_eq!(large.young().count(), 3);
    large.retain_young(blocks, |payload| payload != c);
    assert_eq!((large.count(), large.young().count()), (2, 0));
    large.retain_young(blocks, |_| unreachable!());
    let e = large.allocate(blocks, 40_000, 8, 8).unwrap();
    let mut seen = Vec::new();
    large.take_young(|payload| seen.push(payload));
    assert_eq!(seen, [e]);
    large.take_young(|_| unreachable!());
    large.retain(blocks, |payload| payload == a);
    assert_eq!(large.iter().map(|o| o.payload).collect::<Vec<_>>(), [a]);
    for _ in 0..1000 {
        let payload = large.allocate(blocks, 1, 8, 8).unwrap();
        large.free(blocks, payload);
    }
    let payload = large.allocate(blocks, 1, 8, 8).unwrap();
    let mut seen = Vec::new();
    large.take_young(|payload| seen.push(payload));
    assert_eq!(seen, [payload]);
}

#[test]
fn poison_fills_the_block() {
    let mut blocks = Blocks::new(None, Some(1 << 20)).unwrap();
    let block = blocks.allocate(BlockKind::Small).unwrap();
    // SAFETY: the test owns the block and holds no reference into it.
    unsafe { poison(blocks.address_of(block), BLOCK_BYTES) };
    assert!(holds(&blocks, block, POISON));
}

/// Heaps of the default size, each in use, take next to no mappings. (How many fit is the pool's arithmetic, and tested there;
/// so many only because each costs 15 KiB and as much in page tables.)
#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
fn heaps_take_no_mappings() {
    let mappings = || std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    let before = mappings();
    let mut heaps = Vec::new();
    while heaps.len() < 10_000 {
        let mut memory = Memory::new(None, None).unwrap();
        let block = memory.blocks.allocate(BlockKind::Small).unwrap();
        // SAFETY: the block is the test's own.
        unsafe { memory.blocks.address_of(block).cast::<usize>().write(heaps.len()) };
        let address = memory.blocks.address_of(block).addr().get();
        memory.lines.mark(address, address + 8, 1);
        heaps.push(memory);
    }
    // Other tests run meanwhile, and their heaps may ask for huge pages or be sealed.
    assert!(mappings() < before + 5_000, "{} mappings", mappings() - before);
    for (number, memory) in heaps.iter().enumerate() {
        // SAFETY: written above.
        assert_eq!(unsafe { memory.blocks.address_of(BlockIndex(0)).cast::<usize>().read() }, number);
    }
}

#[test]
fn memory_can_move_to_another_thread() {
    fn sendable<T: Send + Sync>(value: T) -> T {
        value
    }
    let mut memory = sendable(Memory::new(Some(1 << 20), None).unwrap());
    std::thread::spawn(move || memory.blocks.allocate(BlockKind::Small).unwrap()).join().unwrap();
}

/// Whether the system lets anybody read at an address.
#[cfg(all(target_os = "linux", not(miri)))]
fn is_readable(address: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().any(|line| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| usize::from_str_radix(hex, 16).unwrap());
        (start..end).contains(&address) && rest.starts_with('r')
    })
}

/// A pointer that outlives a heap with poison is stopped by the system, however many heaps are made afterwards.
#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn a_sealed_heap_cannot_be_read() {
    let mut memory = Memory::new(None, None).unwrap();
    memory.blocks.set_retirement(Retirement::Sealed);
    let block = memory.blocks.allocate(BlockKind::Small).unwrap();
    fill(&memory.blocks, block, 1);
    let address = memory.blocks.address_of(block).addr().get();
    assert!(is_readable(address));
    drop(memory);
    assert!(!is_readable(address));
    for _ in 0..100 {
        let mut other = Memory::new(None, None).unwrap();
        other.blocks.allocate(BlockKind::Small).unwrap();
        assert_ne!(other.blocks.base().addr().get(), address);
    }
    assert!(!is_readable(address));
}

/// The `hg` flag of the mapping that an address lies in: huge pages were asked for.
#[cfg(all(target_os = "linux", not(miri)))]
fn wants_huge_pages(address: usize) -> bool {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in smaps.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        if let Some((start, end)) = range
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            inside = (start..end).contains(&address);
        } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
            return flags.split_whitespace().any(|flag| flag == "hg");
        }
    }
    panic!("the address is in no mapping");
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn only_a_heap_that_has_grown_asks_for_huge_pages() {
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return; // This kernel has none to give.
    }
    for (refused, small) in [(false, false), (false, true), (true, false)] {
        let mut blocks = Blocks::new(None, Some(64 << 20)).unwrap();
        if refused {
            blocks.refuse_huge_pages();
        }
        for _ in 0..(if small { 7 << 20 } else { 9 << 20 }) / BLOCK_BYTES {
            blocks.allocate(BlockKind::Small).unwrap();
        }
        assert_eq!(wants_huge_pages(blocks.base().addr().get()), !refused && !small);
    }
}
