//! Windows: contiguous address space that is charged and committed as it is used, and can be re-homed in place.
//!
//! *What it represents.* A nursery. Its blocks lie next to each other, so "is this object young?" is one range compare. A
//! prefix of the window is committed and charged, and has the kind [`BlockKind::Nursery`]; the rest is only set aside, so
//! that a nursery can grow when one `mutate` outgrows it without moving. Setting aside costs a bit for each block and
//! touches no table.
//!
//! *Invariant.* `committed <= blocks`; exactly the first `committed` blocks, less those converted, are charged to the
//! window and have its kind; of the others only those below `touched` can be resident. Blocks that left the window by conversion are
//! ordinary small blocks: their charge went with them, and whatever becomes of them is not the window's affair.
//!
//! *Why not an ordinary run.* A run is charged as a whole, and all or nothing of it is freed. Promotion in place keeps
//! some of the blocks, where they are, and gives back the others. *Why not read the kinds to see which were converted.*
//! A converted block may have died and been reused, even by another window; so the window remembers for itself.
//!
//! A `Window` is a plain value without a reference to its heap: dropping one leaks its addresses until the heap goes.

use super::blocks::{BLOCK_BYTES, BLOCK_SHIFT, BlockIndex, BlockKind, Blocks};
use crate::error::AllocError;
use core::ops::Range;

/// A run of nursery blocks of one heap, with a committed prefix.
#[derive(Debug)]
#[must_use = "a window that is dropped is lost to its heap: release it"]
pub struct Window {
    first: BlockIndex,
    blocks: u32,
    committed: u32,
    touched: u32,
    /// One bit per block, counted from `origin`: it left the window.
    converted: Vec<u64>,
    origin: BlockIndex,
}

impl Window {
    /// The first block.
    #[inline]
    pub fn first(&self) -> BlockIndex {
        self.first
    }

    /// How many blocks of address space the window has.
    #[inline]
    pub fn blocks(&self) -> usize {
        self.blocks as usize
    }

    /// How many of them, from the first, are committed.
    #[inline]
    pub fn committed_blocks(&self) -> usize {
        self.committed as usize
    }

    /// Whether a block lies in the window, converted or not.
    #[inline]
    pub fn contains(&self, block: BlockIndex) -> bool {
        block.0.wrapping_sub(self.first.0) < self.blocks
    }

    /// The window's blocks, as heap-wide numbers.
    #[inline]
    pub fn range(&self) -> Range<usize> {
        self.at(0)..self.at(self.blocks())
    }

    fn at(&self, offset: usize) -> usize {
        self.first.index() + offset
    }

    fn is_converted(&self, block: usize) -> bool {
        let bit = block - self.origin.index();
        self.converted[bit / 64] >> (bit % 64) & 1 != 0
    }

    fn set_converted(&mut self, block: usize) {
        let bit = block - self.origin.index();
        self.converted[bit / 64] |= 1 << (bit % 64);
    }

    /// The maximal runs of unconverted blocks in a range of the window.
    fn unconverted(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut at = range.start;
        core::iter::from_fn(move || {
            let start = (at..range.end).find(|block| !self.is_converted(*block))?;
            at = (start..range.end).find(|block| self.is_converted(*block)).unwrap_or(range.end);
            Some(start..at)
        })
    }

    fn count_unconverted(&self, range: Range<usize>) -> usize {
        self.unconverted(range).map(|run| run.len()).sum()
    }
}

impl Blocks {
    /// Sets aside `n` contiguous blocks, neither committed nor charged.
    ///
    /// # Errors
    ///
    /// [`AllocError::TOO_LARGE`] or [`AllocError::ADDRESS_SPACE`] when there is no such run; [`AllocError::REFUSED`]
    /// when the metadata for it cannot be had. Nothing has changed then.
    pub fn allocate_window(&mut self, n: usize) -> Result<Window, AllocError> {
        if n == 0 || n > self.total_blocks() {
            return Err(AllocError::TOO_LARGE);
        }
        let mut converted = Vec::new();
        converted.try_reserve_exact(n.div_ceil(64)).map_err(|_| AllocError::REFUSED)?;
        converted.resize(n.div_ceil(64), 0);
        let start = self.free.find_run(n);
        self.prepare_range(start, n, false)?;
        // Pages that an earlier life left behind stay until the window is shrunk or released.
        let left_behind = self.resident.last_run_before(start + n).map_or(0, |run| run.end.saturating_sub(start));
        self.take_range(start, n);
        let first = BlockIndex::new(start);
        Ok(Window {
            first,
            blocks: BlockIndex::new(n).0,
            committed: 0,
            touched: BlockIndex::new(left_behind).0,
            converted,
            origin: first,
        })
    }

    /// Commits and charges the first `upto` blocks of the window. Does nothing when they already are. Fresh blocks
    /// have unspecified contents.
    ///
    /// # Errors
    ///
    /// [`AllocError::LIMIT`], [`AllocError::REFUSED`], or [`AllocError::ADDRESS_SPACE`] when the window is not that
    /// large. Nothing has changed then.
    pub fn window_commit(&mut self, window: &mut Window, upto: usize) -> Result<(), AllocError> {
        let old = window.committed_blocks();
        if upto <= old {
            return Ok(());
        }
        if upto > window.blocks() {
            return Err(AllocError::ADDRESS_SPACE);
        }
        let requested = window.count_unconverted(window.at(old)..window.at(upto)) * BLOCK_BYTES;
        self.check_limit(requested)?;
        let fresh = window.at(old)..window.at(upto);
        self.heap.commit(fresh.start << BLOCK_SHIFT..fresh.end << BLOCK_SHIFT).map_err(|_| AllocError::REFUSED)?;
        for block in window.unconverted(fresh).flatten() {
            self.set_kind(block, BlockKind::Nursery);
        }
        self.charge_blocks(requested);
        window.committed = BlockIndex::new(upto).0;
        window.touched = window.touched.max(window.committed);
        Ok(())
    }

    /// Shrinks the committed prefix to at most `upto` blocks: the rest is discharged, but its addresses stay the
    /// window's. The pages of everything behind the prefix go back to the system. The caller keeps nothing there;
    /// converted blocks are left alone.
    pub fn window_shrink(&mut self, window: &mut Window, upto: usize) {
        let old = window.committed_blocks();
        if upto < old {
            let rest = window.at(upto)..window.at(old);
            for block in window.unconverted(rest.clone()).flatten() {
                self.set_kind(block, BlockKind::Free);
            }
            self.discharge_blocks(window.count_unconverted(rest) * BLOCK_BYTES);
            window.committed = BlockIndex::new(upto).0;
        }
        let behind = window.at(window.committed_blocks())..window.at(window.touched as usize);
        for run in window.unconverted(behind) {
            // SAFETY: these blocks are the window's own, not converted, and beyond what the caller keeps, so no
            // object and no reference is in them.
            unsafe { self.heap.decommit(run.start << BLOCK_SHIFT..run.end << BLOCK_SHIFT) };
        }
        window.touched = window.touched.min(window.committed);
    }

    /// Turns one committed block of the window into an ordinary small block, where it is, with its contents and its
    /// charge. It is freed with [`Blocks::free`] from now on.
    ///
    /// # Panics
    ///
    /// When the block is not in the window's committed prefix, or was converted before.
    pub fn window_convert(&mut self, window: &mut Window, block: BlockIndex) {
        assert!(
            block.0.wrapping_sub(window.first.0) < window.committed && !window.is_converted(block.index()),
            "block {} is not a committed nursery block of this window",
            block.0
        );
        window.set_converted(block.index());
        self.set_kind(block.index(), BlockKind::Small);
    }

    /// Turns the first `n` blocks of the window, all committed, into small blocks, and returns the rest as a smaller
    /// window, or nothing if there is no rest. Blocks converted before stay what they are.
    ///
    /// # Panics
    ///
    /// When fewer than `n` blocks are committed.
    pub fn window_convert_prefix(&mut self, mut window: Window, n: usize) -> Option<Window> {
        assert!(n <= window.committed_blocks(), "converting blocks that are not committed");
        for block in window.unconverted(window.at(0)..window.at(n)).flatten() {
            self.set_kind(block, BlockKind::Small);
        }
        let n = BlockIndex::new(n).0;
        window.first = BlockIndex(window.first.0 + n);
        window.blocks -= n;
        window.committed -= n;
        window.touched -= n;
        (window.blocks > 0).then_some(window)
    }

    /// Ends the window: all its blocks that were not converted become free, and their charge is taken back. Returns
    /// how many became free.
    pub fn window_release(&mut self, window: Window) -> usize {
        let (committed, touched) = (window.at(window.committed_blocks()), window.at(window.touched as usize));
        let mut freed = 0;
        for run in window.unconverted(window.range()) {
            self.put_range(run.start, run.len(), touched.saturating_sub(run.start).min(run.len()));
            self.discharge_blocks(committed.saturating_sub(run.start).min(run.len()) * BLOCK_BYTES);
            freed += run.len();
        }
        freed
    }
}
