//! Line stamps: which lines are alive, without ever clearing a line.
//!
//! Each marking stamps lines with a number of its own, so that the stamps of earlier markings mean "free" without being
//! erased. There are 255 numbers; the sweep after the last of them erases all others, so that number 1 is fresh again
//! (see [`sweep`](heap_core::collector::sweep)).
//!
//! While a marking is in progress two stamps mean "alive": its own, and that of the last one, whose lines it has not
//! reached yet.
//!
//! *Why not a bit per line:* it would have to be cleared before every marking, and while the program runs nobody could
//! tell lines that were reached from lines handed out since.

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

    /// The stamp of the present marking, or of the last if there is none.
    pub(crate) fn present(self) -> u8 {
        self.present
    }

    /// The stamp of the next marking.
    pub(crate) fn next(self) -> u8 {
        if self.present == u8::MAX { 1 } else { self.present + 1 }
    }

    /// A marking begins.
    pub(crate) fn begin(&mut self) {
        self.last = self.present;
        self.present = self.next();
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
