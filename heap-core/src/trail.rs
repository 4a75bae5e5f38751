//! The trail: where a check of the conformance kit is, kept where a crash cannot reach it.
//!
//! *What it represents.* A process that dies says nothing, and one that runs in circles neither. So a check that runs in a
//! process of its own notes where it is as it goes: which program, step and operation, and what the last pause of a heap was
//! and how far it got. Whoever started the process reads it afterwards.
//!
//! *How.* The notes are words in one page of a file that the process has mapped. The pages of a file belong to the system: what
//! was stored is there whatever becomes of the process, with no call, no flush and no handler of signals, whose rules nothing
//! here has to know. A note costs a store.
//!
//! *Why not a file that is written:* a pause has half a dozen notes, and checks with zeal have hundreds of thousands of pauses.
//! Where nothing is mapped (not on Unix), there are no notes.
//!
//! Compiled to nothing unless the conformance kit is built.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is noted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    /// Number of the random program, from 1.
    Program,
    /// Number of its step, from 1; 0 outside of steps.
    Step,
    /// Number of the operation in the step, from 1; 0 outside of operations.
    Operation,
    /// Pauses of all heaps that have begun.
    Pauses,
    /// The heap of the last one.
    Heap,
    /// The kind of collection in it, by the collector's own events: 0 when it
    /// has said nothing, 1 minor, 2 full.
    Kind,
    /// The last event, as a number: see `conformance::report`.
    Event,
    /// How often a [mistake](crate::conformance::mistakes) was made on purpose.
    Mistakes,
}

const NOTES: usize = Note::Mistakes as usize + 1;
const PAGE_BYTES: usize = 4096;

static TRAIL: OnceLock<&'static [AtomicU64; NOTES]> = OnceLock::new();

/// A trail that was read.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Trail([u64; NOTES]);

impl Trail {
    /// Makes the file for a trail, without notes.
    pub(crate) fn create(path: &Path) -> std::io::Result<()> {
        File::create(path)?.set_len(PAGE_BYTES as u64)
    }

    /// The notes so far.
    pub(crate) fn read(path: &Path) -> std::io::Result<Self> {
        let mut bytes = [0; 8 * NOTES];
        File::open(path)?.read_exact(&mut bytes)?;
        let mut notes = [0; NOTES];
        for (note, bytes) in notes.iter_mut().zip(bytes.as_chunks().0) {
            *note = u64::from_ne_bytes(*bytes);
        }
        Ok(Trail(notes))
    }

    pub(crate) fn get(&self, note: Note) -> u64 {
        self.0[note as usize]
    }
}

/// From now on this process notes where it is in that file.
#[cfg(all(unix, not(miri)))]
pub(crate) fn follow(path: &Path) -> std::io::Result<()> {
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    let file = File::options().read(true).write(true).open(path)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping, at an address that the system chooses, which is never removed.
    let page = unsafe { mmap(core::ptr::null_mut(), PAGE_BYTES, protection, MapFlags::SHARED, &file, 0)? };
    // SAFETY: the mapping is aligned to pages, longer than the notes, and stays for ever. Other processes only read the file,
    // and this one uses it through atomic words alone.
    let notes = unsafe { &*page.cast::<[AtomicU64; NOTES]>() };
    let _ = TRAIL.set(notes);
    Ok(())
}

/// Nothing can be mapped: the notes are kept in memory, and end with the process.
#[cfg(not(all(unix, not(miri))))]
pub(crate) fn follow(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Takes a note.
#[inline]
pub(crate) fn note(note: Note, value: u64) {
    if let Some(notes) = TRAIL.get() {
        notes[note as usize].store(value, Ordering::Relaxed);
    }
}

/// Counts.
#[inline]
pub(crate) fn count(note: Note) {
    if let Some(notes) = TRAIL.get() {
        notes[note as usize].fetch_add(1, Ordering::Relaxed);
    }
}
