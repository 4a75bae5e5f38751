//! The nursery: a window of contiguous addresses that the program bumps through.
//!
//! *What it represents.* Young objects are exactly those in `low .. cursor`, so "is it young?" is one range compare.
//! The window has far more addresses than a nursery needs; a prefix of it is committed and charged, and grows when one
//! `mutate` outgrows the nursery, because inside `mutate` nothing can be collected. Large objects are elsewhere.
//!
//! *Three sizes.* The *nominal* size is where a safepoint becomes due. The *buffer* is what the fast path may use, and
//! grows beyond the nominal size within a long `mutate`. What is *kept* committed between collections is the largest
//! extension of late, decaying: a program that builds a large structure in each `mutate` does not pay for fresh pages
//! every time, and one that did so once gives the memory back. Under a limit nothing is kept, and what is committed and
//! not used yet is given back as soon as somebody else needs it.
//!
//! *When the window is exhausted*, or the heap's limit keeps it from growing, objects are allocated in the old space
//! instead, unclean and remembered from birth. That is slower, and as correct.

use core::ops::Range;
use core::ptr::NonNull;

use heap_core::AllocError;
use heap_core::collector::memory::{BLOCK_BYTES, Blocks, Window};
use heap_core::collector::{AllocRequest, FastPath, Hole};

/// Addresses of a window when nothing limits the heap: room for 1 GiB of young objects in one `mutate`.
const WINDOW_BYTES: usize = if cfg!(windows) { 64 << 20 } else { 1 << 30 };

/// Blocks that a young nursery is extended by at a time, so that a small heap stays small: 256 KiB.
const STEP: usize = 8;

/// Where objects are born.
#[derive(Debug)]
pub(crate) struct Nursery {
    window: Option<Window>,
    low: NonNull<u8>,
    buffer: usize,
    nominal: usize,
    keep: usize,
    /// Bytes of gaps that a copy of the over-aligned objects may leave in front of them, beyond what they occupy here.
    gaps: usize,
    /// Nothing is allocated here; the fast path's buffer is elsewhere.
    parked: bool,
}

// SAFETY: the address of memory that belongs to the nursery's heap, whatever thread that is on.
unsafe impl Send for Nursery {}

impl Nursery {
    pub(crate) fn new() -> Self {
        Nursery {
            window: None,
            low: NonNull::<u64>::dangling().cast(),
            buffer: 0,
            nominal: 1,
            keep: 0,
            gaps: 0,
            parked: false,
        }
    }

    /// Takes a window, as large as can be had, if there is none yet.
    ///
    /// # Errors
    /// When not even one block of addresses is left.
    pub(crate) fn settle(&mut self, blocks: &mut Blocks, fast: &FastPath, nominal: usize) -> Result<(), AllocError> {
        self.nominal = nominal;
        if self.window.is_none() {
            let wanted = match blocks.limit() {
                Some(limit) => limit / BLOCK_BYTES + 1,
                None => WINDOW_BYTES / BLOCK_BYTES,
            };
            // The old space needs addresses too.
            let mut n = wanted.min(blocks.blocks_with_room() / 4).max(1);
            let window = loop {
                match blocks.allocate_window(n) {
                    Ok(window) => break window,
                    Err(error) if n == 1 => {
                        self.buffer = 0;
                        self.parked = false;
                        fast.clear_buffer();
                        return Err(error);
                    }
                    Err(_) => n = n.div_ceil(2),
                }
            };
            self.enter(blocks, fast, window);
        }
        self.reset(blocks, fast);
        Ok(())
    }

    /// First address of young objects.
    #[inline]
    pub(crate) fn low(&self) -> usize {
        self.low.addr().get()
    }

    /// Bytes from `low` that may hold young objects.
    pub(crate) fn used_bytes(&self, fast: &FastPath) -> usize {
        if self.window.is_some() && !self.parked { fast.cursor.get().addr().get() - self.low() } else { 0 }
    }

    /// Notes that an object was allocated here. Called for all that are over-aligned, because those take the slow path.
    pub(crate) fn note(&mut self, request: AllocRequest) {
        self.gaps += request.worst_case() - request.bytes;
    }

    /// Bytes that a copy of all young objects fills at the most, gaps in front of over-aligned ones included.
    pub(crate) fn copied_bytes(&self, fast: &FastPath) -> usize {
        self.used_bytes(fast) + self.gaps
    }

    /// Takes the empty nursery out of use, until it is [settled](Self::settle) again.
    pub(crate) fn park(&mut self, blocks: &mut Blocks, fast: &FastPath) {
        if blocks.limit().is_some() {
            self.give_back(blocks, fast);
        }
        self.parked = true;
        fast.clear_buffer();
    }

    /// Gives back the committed blocks that hold nothing: they are charged, and the program is about to be told that the
    /// limit is reached. Whether there were any.
    pub(crate) fn give_back(&mut self, blocks: &mut Blocks, fast: &FastPath) -> bool {
        let used = self.used_blocks(fast);
        let Some(window) = &mut self.window else { return false };
        if self.parked || window.committed_blocks() <= used {
            return false;
        }
        blocks.window_shrink(window, used);
        self.buffer = used;
        // The rest of the last block in use stays committed.
        fast.shorten_buffer(used * BLOCK_BYTES - self.used_bytes(fast));
        true
    }

    /// Whether the nursery is out of use.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked
    }

    /// The window's committed bytes, which are charged.
    pub(crate) fn committed_bytes(&self) -> usize {
        self.window.as_ref().map_or(0, |window| window.committed_blocks() * BLOCK_BYTES)
    }

    /// The size at which a safepoint becomes due, in blocks.
    pub(crate) fn nominal(&self) -> usize {
        self.nominal
    }

    /// First byte, as a pointer.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.low
    }

    /// Whether an address lies in the committed part.
    pub(crate) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.low()) < self.committed_bytes()
    }

    /// Makes room for at least `need` bytes more, or says no. Declares a safepoint due when the nominal size is
    /// exhausted.
    pub(crate) fn extend(&mut self, blocks: &mut Blocks, fast: &FastPath, need: usize) -> bool {
        if self.buffer >= self.nominal {
            fast.due.set(true);
        }
        let Some(window) = &mut self.window else { return false };
        let least = self.buffer + need.saturating_sub(fast.room()).div_ceil(BLOCK_BYTES).max(1);
        let step = if self.buffer < self.nominal {
            // From one block on: a heap of a hundred objects does not touch more, and leaves no more to be given back.
            (self.buffer + STEP.min(self.buffer.max(1))).min(self.nominal)
        } else {
            // Most a `mutate` exceeds a nursery by a little.
            self.buffer + STEP.max((self.buffer - self.nominal).min(self.buffer / 4))
        };
        let target = step.max(least).min(window.blocks());
        if least > target {
            fast.due.set(true);
            return false;
        }
        let target = if blocks.window_commit(window, target).is_ok() {
            target
        } else if blocks.window_commit(window, least).is_ok() {
            least
        } else {
            fast.due.set(true);
            return false;
        };
        fast.extend_buffer(self.unused(self.buffer..target));
        self.buffer = target;
        true
    }

    /// All young objects are gone: the window is empty again.
    pub(crate) fn reset(&mut self, blocks: &mut Blocks, fast: &FastPath) {
        let used = self.used_blocks(fast);
        self.parked = false;
        self.gaps = 0;
        let Some(window) = &mut self.window else { return };
        // Under a limit, what one nursery keeps, the old space lacks.
        self.keep = if blocks.limit().is_some() { 0 } else { used.max(self.keep - self.keep.div_ceil(8)) };
        let keep = self.keep.max(self.nominal);
        if window.committed_blocks() > keep {
            blocks.window_shrink(window, keep);
        }
        self.buffer = window.committed_blocks().min(self.nominal);
        fast.set_buffer(self.unused(0..self.buffer));
    }

    /// Keeps no more of the empty nursery than its size.
    pub(crate) fn forget(&mut self, blocks: &mut Blocks, fast: &FastPath) {
        self.keep = 0;
        self.reset(blocks, fast);
    }

    /// Blocks from the window's start that may hold young objects.
    pub(crate) fn used_blocks(&self, fast: &FastPath) -> usize {
        self.used_bytes(fast).div_ceil(BLOCK_BYTES)
    }

    /// Turns the used blocks into blocks of the old space, where they are. The rest of the window is the nursery from
    /// now on, if it is large enough; the caller [settles](Self::settle) it.
    pub(crate) fn give_up_used(&mut self, blocks: &mut Blocks, fast: &FastPath) {
        let used = self.used_blocks(fast);
        fast.clear_buffer();
        let Some(window) = self.window.take() else { return };
        let small = self.nominal.max(blocks.total_blocks().min(WINDOW_BYTES / BLOCK_BYTES) / 16);
        let Some(rest) = blocks.window_convert_prefix(window, used) else { return };
        if rest.blocks() < small {
            blocks.window_release(rest);
            return;
        }
        self.enter(blocks, fast, rest);
    }

    /// Makes `window` the nursery: nothing in it is used.
    fn enter(&mut self, blocks: &Blocks, fast: &FastPath, window: Window) {
        self.low = blocks.address_of(window.first());
        self.window = Some(window);
        self.buffer = 0;
        fast.set_buffer(self.unused(0..0));
    }

    /// Blocks of the window in which nothing lives: at its beginning, when all young objects are gone, or behind the buffer.
    fn unused(&self, blocks: Range<usize>) -> Hole {
        debug_assert!(blocks.end * BLOCK_BYTES <= self.committed_bytes());
        // SAFETY: the blocks are committed and the window's own; nobody else is given memory of it.
        unsafe { Hole::new(self.low.byte_add(blocks.start * BLOCK_BYTES), blocks.len() * BLOCK_BYTES) }
    }
}
