//! What a program may choose.

use std::str::FromStr;

use heap_core::SettingsError;
use heap_core::collector::{FromSettings, Settings, parse_collector};

use crate::RefCount;

impl Default for RefCount {
    /// Counting, and a collection of garbage cycles by trial deletion when the counted bytes have grown by half: garbage
    /// does not stay, whatever its shape.
    fn default() -> Self {
        Self::new(true)
    }
}

impl RefCount {
    /// Counting alone. Garbage that refers to itself is never reclaimed, as long as the heap exists.
    pub fn pure() -> Self {
        Self::new(false)
    }

    /// Sets whether counting is eager. Default: false. With `on`, an epoch ends every `mutate`: an object dies at the end of the `mutate` in which its count reached
    /// zero. A `mutate` that changed nothing then costs about a hundred nanoseconds instead of a few instructions.
    #[must_use]
    pub fn with_eager(mut self, on: bool) -> Self {
        self.eager = on;
        self
    }

    /// Sets the bytes allocated between two epochs, at least 1. Default: half of what is alive, but at most 16 MiB, and at
    /// least an eighth of all that the heap has allocated, within 64 KiB and 4 MiB; twice that while little dies young and
    /// much is written. Smaller epochs hold less memory and pause for less time;
    /// larger ones do less work in all.
    #[must_use]
    pub fn with_epoch_bytes(mut self, bytes: usize) -> Self {
        self.pacing.set_epoch_bytes(bytes);
        self
    }
    /// Has the heap know to 8 bytes which memory is in use, and not to lines of 256 bytes, from the beginning. By default
    /// it does so for blocks that are taken into use after much of the memory was found to be wasted: that makes the
    /// space between scattered survivors usable again, and takes some ten instructions more when an object becomes
    /// counted, and when it dies.
    #[must_use]
    pub fn with_exact_blocks(mut self, on: bool) -> Self {
        self.exact_blocks = on;
        self
    }

    /// Sets whether what survives its first epoch is moved together. Default: false. With `on`, young objects are born in
    /// fresh blocks and survivors leave them, in epochs in which three quarters of what was allocated died young: then objects
    /// that live long lie side by side, and memory is bumped through whole blocks. Objects may move at a safepoint. It costs
    /// each survivor a copy, in the pause of the epoch.
    ///
    /// Processor time in ms without and with it, the least of three: `interleaved` 254 and 167, `functional_map` 264 and 236,
    /// `event_loop` 840 and 814 (and 122 MB at the peak, not 149), `size_mix` 599 and 613, `quads` 178 and 201; the longest
    /// pause of `interleaved` 6 and 10, of `quads` 9 and 18.
    #[must_use]
    pub fn with_copying(mut self, on: bool) -> Self {
        self.copies = on;
        self
    }
}

/// The builder methods by name: `cycles` (off for [`RefCount::pure`]), `eager`, `epoch`, `exact`, `copying`.
impl FromSettings for RefCount {
    const NAME: &'static str = "refcount";

    fn from_settings(settings: &mut Settings<'_>) -> Result<Self, SettingsError> {
        let mut collector = RefCount::new(settings.switch("cycles")?.unwrap_or(true));
        if let Some(on) = settings.switch("eager")? {
            collector = collector.with_eager(on);
        }
        if let Some(bytes) = settings.bytes("epoch")? {
            collector = collector.with_epoch_bytes(bytes);
        }
        if let Some(on) = settings.switch("exact")? {
            collector = collector.with_exact_blocks(on);
        }
        if let Some(on) = settings.switch("copying")? {
            collector = collector.with_copying(on);
        }
        Ok(collector)
    }
}

/// Reads the settings of [`FromSettings`]: `"cycles=no,epoch=1MiB".parse::<RefCount>()`.
impl FromStr for RefCount {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        parse_collector(text)
    }
}
