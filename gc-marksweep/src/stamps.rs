//! Line stamps: which lines are alive, without ever clearing a line.
//!
//! Each marking stamps lines with a number of its own, so that the stamps of earlier markings mean "free" without being
//! erased. There are 255 numbers. Before number 1 is used again, every line of the heap's small blocks is set to 0, the
//! one stamp that no marking uses; then no line can look alive because its byte was written 255 markings ago. Lines of
//! blocks that are free at that moment keep stale bytes: all lines of a free block are stamped when it is handed out.
//!
//! While a marking is in progress two stamps mean "alive": its own, and that of the last one, whose lines it has not
//! reached yet. After the lines were cleared 0 plays the part of the latter, so that no line at all is free until the
//! marking has ended.
//!
//! *Why not a bit per line:* it would have to be cleared before every marking, and while the program runs nobody could
//! tell lines that were reached from lines handed out since.

use heap_core::collector::LinePolicy;
use heap_core::collector::memory::{LINES_PER_BLOCK, LineTable, Memory};

/// The stamp that no marking uses.
const NEVER: u8 = 0;

/// The stamps in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    last: u8,
    present: u8,
}

impl Stamps {
    /// Before the first marking.
    pub(crate) fn new() -> Self {
        Stamps { last: 1, present: 1 }
    }

    /// What the allocator must know.
    pub(crate) fn policy(self) -> LinePolicy {
        LinePolicy::Stamps { last: self.last, stamp: self.present }
    }

    /// The stamp of the present marking, or of the last if there is none.
    pub(crate) fn present(self) -> u8 {
        self.present
    }

    /// The stamp of the next marking.
    pub(crate) fn next(self) -> u8 {
        if self.present == u8::MAX { 1 } else { self.present + 1 }
    }

    /// A marking begins. True when all lines were cleared: the allocator must forget what holes it knew.
    pub(crate) fn begin(&mut self, memory: &Memory) -> bool {
        let next = self.next();
        let clear = next < self.present;
        self.last = self.present;
        self.present = next;
        if clear {
            for block in memory.blocks.small_blocks() {
                let first = LineTable::first_line(block);
                memory.lines.set_range(first..first + LINES_PER_BLOCK, NEVER);
            }
            self.last = NEVER;
        }
        clear
    }

    /// A marking is complete: only its own stamp means "alive" now.
    pub(crate) fn end(&mut self) {
        self.last = self.present;
    }

    /// Whether a line that carries this byte is alive.
    pub(crate) fn is_live(self, byte: u8) -> bool {
        byte == self.last || byte == self.present
    }
}
