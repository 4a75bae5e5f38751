//! `client_sessions`: small cyclic graphs that own large buffers outside the heap.
//!
//! 20 000 sessions are served, one per batch. Each is a ring of 8 requests that lead back to their session, and owns a
//! buffer of 64 KiB that ordinary `malloc` provides. The last 64 sessions are kept in a ring; who is pushed out is read,
//! then garbage. Of what a session takes, half a percent is in the heap: a collector that paces itself by those bytes alone
//! lets thousands of buffers pile up. Our heaps ask the sessions what they own.
//!
//! ```text
//! struct Session { id: u64, first: Option<Pointer>, buffer: Box<[u8]> }                     // 32 bytes, and 64 KiB
//! struct Request { number: u64, next: Option<Pointer>, session: Option<Pointer> }           // 24 bytes
//! struct Kept([Option<Pointer>; 64]);                                                       // one object
//! ```
//!
//! **Profile**: 33 bytes an object with its header, all in cycles, lives of 64 sessions; 64 KiB outside for 296 bytes.

use super::{Checksum, Outcome, POINTER_BYTES, Size, Tally, object_bytes, slice_bytes};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a session's fields.
pub const SESSION_BYTES: u64 = 32;

/// Bytes of a request's fields.
pub const REQUEST_BYTES: u64 = 24;

/// Requests of a session.
pub const REQUESTS: u64 = 8;

/// Bytes of a buffer.
pub const BUFFER_BYTES: usize = 64 << 10;

/// Sessions that are kept.
pub const KEPT: usize = 64;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Sessions in all.
    pub sessions: u64,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        let sessions = match size {
            Size::Small => 200,
            Size::Classic => 20_000,
            Size::Large => 160_000,
        };
        Parameters { sessions }
    }

    /// The most bytes that are alive at once, buffers included: those that are kept, and the one that is made.
    pub const fn live_bytes(self) -> u64 {
        let session = object_bytes(SESSION_BYTES) + REQUESTS * object_bytes(REQUEST_BYTES) + BUFFER_BYTES as u64;
        slice_bytes(KEPT as u64 * POINTER_BYTES) + (KEPT as u64 + 1) * session
    }
}

/// The buffer of the session with this id, which `malloc` provides. Every byte of it is written.
#[inline]
pub fn buffer(id: u64) -> Box<[u8]> {
    vec![id as u8 | 1; BUFFER_BYTES].into()
}

/// What is read from a buffer.
#[inline]
pub fn digest(buffer: &[u8]) -> u64 {
    buffer.len() as u64 + u64::from(buffer[0]) * 256 + u64::from(buffer[buffer.len() - 1])
}

/// A buffer that counts itself, for peers, whose accounts do not see it.
#[derive(Debug)]
pub struct Buffer(Box<[u8]>);

/// Buffers that there are, and the most that there were at once. Relaxed: nothing else is published by them.
static BUFFERS: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

impl Buffer {
    /// A new buffer of the session with this id.
    #[inline]
    pub fn new(id: u64) -> Self {
        let now = BUFFERS.fetch_add(1, Ordering::Relaxed) + 1;
        MOST.fetch_max(now, Ordering::Relaxed);
        Buffer(buffer(id))
    }

    /// What is read from a buffer.
    #[inline]
    pub fn digest(&self) -> u64 {
        digest(&self.0)
    }

    /// The most bytes that all these buffers of the process took at once, if there were any.
    pub fn peak_bytes() -> Option<u64> {
        Some(MOST.load(Ordering::Relaxed) * BUFFER_BYTES as u64).filter(|bytes| *bytes > 0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        BUFFERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The number of a session's request.
#[inline]
pub const fn number(id: u64, request: u64) -> u64 {
    id * REQUESTS + request
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Makes a session with its buffer and a ring of requests, and puts it into the ring at `id % KEPT`. Returns of the
    /// session that was there: its id + the [`digest`] of its buffer + the sum of the numbers of its requests, by
    /// walking their ring once; 0 if there was none.
    fn serve(&mut self, id: u64) -> u64;
}

/// Runs the workload.
pub fn run(parameters: Parameters, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, KEPT as u64 * POINTER_BYTES);
    for id in 0..parameters.sessions {
        checksum.mix(program.serve(id));
    }
    tally.add(parameters.sessions, SESSION_BYTES);
    tally.add(parameters.sessions, BUFFER_BYTES as u64);
    tally.add(parameters.sessions * REQUESTS, REQUEST_BYTES);
    drop(program);
    tally.outcome(checksum)
}
