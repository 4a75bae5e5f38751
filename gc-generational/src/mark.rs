//! Marking the old space, by one thread or several.
//!
//! Each worker marks depth-first with a stack of its own and shares only when somebody is hungry: then it gives away
//! the *older* half of its stack, whose entries lead to the larger parts of the graph, as one packet in a common queue
//! (Ossia and others, 2002, called them work packets; stealing single entries from each other's deques costs a fence
//! for every push). Half of what is left of a large array is a packet too. How the workers know that nothing is left is
//! the matter of [`Packets`].
//!
//! An object is claimed when it is looked at, by a compare-and-swap of its header from the old epoch to the new one, so
//! exactly one worker reports its edges and counts it. Between being popped and being looked at, objects wait in a
//! [`Lookahead`]. A lone worker claims with an ordinary store.
//!
//! *Who runs it.* The program's own thread is one of the workers: nobody has to be woken for a small heap. The others
//! are jobs on the collector's own rayon pool, spawned, never `install`ed or `join`ed, and the program's thread waits
//! on a latch of its own (rule R21). It marks the first [`TURN`] objects by itself, and wakes the others only if that
//! was not all; the pool is made when they are needed for the first time. Workers read objects and write headers and
//! line stamps, all atomic; nothing else of the heap is theirs.
//!
//! *What the program's thread has found by then stays on its stack*, and is shared like everything else when the others
//! are hungry, which they are at once. That may be much: a `Vec` in a lock of the root leads to all that a program
//! owns. (Until it was so, all of it went into packets first, while the others waited.)
//!
//! *Why several threads fetch more of an object.* The miss on an object's second cache line is waited for at the locked
//! instruction of the next claim, as it seems: no later load begins before that is done. One thread would gain by it
//! too, a tenth on a random graph; but every heap that one thread marks would pay for it. See
//! [`Lookahead::next_whole`].
//!
//! *What two threads gain.* A random graph of 11 million objects, 528 MB, two processors to themselves, medians of the
//! whole collection: 1.87 from one root. From a `Vec` of all nodes 1.49 with packets made first, and 1.69 to 1.73 now
//! (1.65 with headers alone fetched, on a busy machine); there 50 of 730 ms are the one thread that reads this `Vec`. A
//! tree: 1.91. Not kept: lines stamped only where they are not yet, 1.58; headers fetched for writing, 1.69. Claims by
//! an ordinary store give 1.88, and objects that are counted twice: four in one of those runs. (All workers would store
//! the same word, so counting is what the compare-and-swap is for.)
//!
//! If the system refuses memory for a stack, edges are lost; the marking says so and nothing may be freed by it.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::Thread;

use heap_core::collector::memory::LineTable;
use heap_core::collector::object::SIDE_ENTRY;
use heap_core::collector::{Closure, EdgeSink, Intact, Keys, Lookahead, Measured, NoKeys, Object, ObjectRef, Refused};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::epoch::Epoch;
use crate::packets::Packets;

/// Elements of a large array that are scanned in one go: 8 KiB of pointers.
const PIECE: usize = 1024;
/// Objects that a worker looks at before it asks whether somebody is hungry.
const TURN: usize = 256;
/// The fewest objects that are worth giving away. One may lead to half of the heap: the stack of a depth-first walk
/// through a binary tree is never longer than the tree is deep. (A tree of 402 MB, medians in ms, one thread and two:
/// 94 and 54; with 16 as the least, 93 and 78.)
const SHARE_MIN: usize = 1;
/// The most objects that are given away at a time: 128 KiB. A stack with more than twice as many has the edges of an
/// object that owns many, a `Vec` in a lock: there is no larger part of the graph at its front, and to take it away
/// there would move all the others, while whoever is hungry waits.
const SHARE_MOST: usize = 16 << 10;
/// Threads that mark, at the most: they wait for memory long before there are so many. A pool of 2 000 threads takes
/// minutes to make, and more to be woken, on a machine with two processors.
pub(crate) const MARKERS_MAX: usize = 64;

/// Work that is given away.
enum Packet {
    /// What the worker has on its stack.
    Own,
    Objects(Vec<ObjectRef>),
    Elements(Piece),
}

/// A part of a large array that was claimed and is not scanned yet.
#[derive(Clone, Copy)]
struct Piece {
    array: ObjectRef,
    from: usize,
    to: usize,
}

/// One worker's state; when the marking is over, that of the only one left, which is the marking's [`Closure`].
pub(crate) struct Worker {
    sink: EdgeSink,
    ahead: Lookahead,
    pieces: Vec<Piece>,
    lines: LineTable,
    /// Objects marked. Apart from their bytes: neighbours are added to as one vector, with six instructions instead of
    /// two.
    pub(crate) objects: u64,
    epoch: Epoch,
    stamp: u8,
    /// Bytes of these objects.
    pub(crate) bytes: u64,
    /// Edges were lost because the system refused memory: the marking must be abandoned.
    lost: bool,
}

impl Worker {
    fn new(lines: LineTable, epoch: Epoch, stamp: u8) -> Self {
        Worker {
            sink: EdgeSink::everything(),
            ahead: Lookahead::default(),
            pieces: Vec::new(),
            lines,
            objects: 0,
            epoch,
            stamp,
            bytes: 0,
            lost: false,
        }
    }

    /// Bytes of the stack: all that there was if one thread marked, while several keep theirs small by sharing packets.
    pub(crate) fn stack_bytes(&self) -> usize {
        self.sink.stack.capacity() * size_of::<ObjectRef>()
    }

    /// Whether everything was reached that was to be.
    pub(crate) fn is_complete(&self) -> bool {
        !self.lost && !self.sink.overflowed()
    }

    /// Marks one object unless it is marked.
    #[inline(always)]
    fn mark<const SHARED: bool, K: Keys>(&mut self, object: Object<'_>, keys: &mut K) {
        let word = object.word();
        if self.epoch.is_on(word) {
            return;
        }
        let marked = self.epoch.put_on(word);
        if !SHARED {
            object.header().store(marked);
        } else if !object.header().compare_exchange(word, marked) {
            // During a marking only markers write headers, so another one was faster.
            return;
        }
        if K::WANTED && word.has(SIDE_ENTRY) {
            keys.report(object.reference());
        }
        match object.measure_small() {
            Some(object) => self.reached(&object),
            None => self.reached_other(object),
        }
    }

    /// As [`reached`](Self::reached), an object of any size. Apart, so that the loop need not bring both kinds
    /// together.
    #[inline(never)]
    fn reached_other(&mut self, object: Object<'_>) {
        self.reached(&object.measure());
    }

    /// An object was claimed: it is counted, its lines live, and its edges are to be followed.
    #[inline(always)]
    fn reached(&mut self, object: &Measured<'_>) {
        let extent = object.extent();
        self.objects += 1;
        self.bytes += object.bytes() as u64;
        if object.shares_blocks() {
            self.lines.mark(extent.start, extent.end, self.stamp);
        }
        if object.count() > PIECE && object.info().trace().is_some() {
            self.pieces.push(Piece { array: object.object().reference(), from: 0, to: object.count() });
        } else {
            object.trace(&mut self.sink);
        }
    }

    /// Marks at most about `budget` objects. True when nothing is left.
    #[inline(always)]
    fn drain<const SHARED: bool, K: Keys>(&mut self, mut budget: usize, keys: &mut K) -> bool {
        while budget > 0 && !keys.is_full() {
            let stack = &mut self.sink.stack;
            if let Some(object) = if SHARED { self.ahead.next_whole(stack) } else { self.ahead.next(stack) } {
                // SAFETY: everything on the stacks is a root or was reported by a live object, and nothing is moved or
                // reclaimed before the marking has ended; the program is stopped, and markers only read.
                self.mark::<SHARED, K>(unsafe { Object::at(object) }, keys);
                budget -= 1;
            } else if self.scan_piece() {
                budget = budget.saturating_sub(PIECE / 4);
            } else {
                return true;
            }
        }
        self.ahead.is_empty() && self.sink.stack.is_empty() && self.pieces.is_empty()
    }

    fn scan_piece(&mut self) -> bool {
        let Some(piece) = self.pieces.last_mut() else { return false };
        let Piece { array, from, to } = *piece;
        let end = to.min(from + PIECE);
        piece.from = end;
        if end == to {
            self.pieces.pop();
        }
        // SAFETY: the array was marked in this marking, so it is alive; otherwise as in `drain`.
        unsafe { Object::at(array) }.trace_elements(from..end, &mut self.sink);
        true
    }
}

// SAFETY: what has the marking's epoch survives where it is, and `drain` marks all that it leads to.
unsafe impl Closure for Worker {
    #[inline]
    fn locate(&self, object: Intact<'_>) -> Option<ObjectRef> {
        self.epoch.is_on(object.header().load()).then_some(object.reference())
    }

    fn retain(&mut self, object: Intact<'_>) -> Result<ObjectRef, Refused> {
        self.sink.push(object.reference());
        if self.is_complete() { Ok(object.reference()) } else { Err(Refused) }
    }

    fn drain<K: Keys>(&mut self, keys: &mut K) -> Result<bool, Refused> {
        let complete = self.drain::<false, K>(usize::MAX, keys);
        if self.is_complete() { Ok(complete) } else { Err(Refused) }
    }
}

/// What the workers of one marking share.
struct Shared {
    packets: Packets<Packet>,
    lost: AtomicBool,
    objects: AtomicU64,
    bytes: AtomicU64,
    /// Jobs that have not ended: the latch that the program's thread waits on.
    running: AtomicUsize,
    /// The program's thread.
    waiter: Thread,
}

impl Shared {
    /// One worker's share, which begins with `first`.
    fn work(&self, worker: &mut Worker, first: Option<Packet>) {
        self.packets.work(first, |packet| {
            match packet {
                Packet::Own => {}
                Packet::Objects(objects) => objects.into_iter().for_each(|object| worker.sink.push(object)),
                Packet::Elements(piece) => worker.pieces.push(piece),
            }
            while !worker.drain::<true, NoKeys>(TURN, &mut NoKeys) {
                if self.packets.is_wanted() {
                    self.share(worker);
                }
            }
        });
        if worker.sink.overflowed() {
            self.lost.store(true, Ordering::Release);
        }
        self.objects.fetch_add(worker.objects, Ordering::Relaxed);
        self.bytes.fetch_add(worker.bytes, Ordering::Relaxed);
    }

    /// Gives the older half of a worker's work away.
    fn share(&self, worker: &mut Worker) {
        if let Some(piece) = worker.pieces.iter_mut().find(|piece| piece.to - piece.from > PIECE) {
            let middle = piece.from + (piece.to - piece.from) / 2;
            let rest = Piece { from: middle, ..*piece };
            piece.to = middle;
            self.packets.give(Packet::Elements(rest));
            return;
        }
        let stack = &mut worker.sink.stack;
        let half = stack.len() / 2;
        let given = if half > SHARE_MOST { stack.len() - SHARE_MOST..stack.len() } else { 0..half };
        let mut packet = Vec::new();
        if given.len() >= SHARE_MIN && packet.try_reserve_exact(given.len()).is_ok() {
            packet.extend(stack.drain(given));
            self.packets.give(Packet::Objects(packet));
        }
    }

    /// A job has ended; everything it wrote is visible to the waiter. An atomic and `unpark` rather than a mutex and a
    /// condition variable: a thread sanitizer sees them without an instrumented standard library.
    fn end(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiter.unpark();
        }
    }

    /// Waits until all jobs have ended.
    fn wait_for_end(&self) {
        while self.running.load(Ordering::Acquire) > 0 {
            std::thread::park();
        }
    }
}

/// The marking machinery of one collector.
#[derive(Default)]
pub(crate) struct Marking {
    pool: Option<ThreadPool>,
    /// The pool could not be made: do not try again.
    alone: bool,
}

impl Marking {
    /// Marks everything that `roots` reach, with `threads` threads. The result is complete or not, and goes on alone:
    /// what is reached after the roots is seldom much.
    pub(crate) fn run(
        &mut self,
        lines: &LineTable,
        epoch: Epoch,
        stamp: u8,
        threads: usize,
        roots: impl Iterator<Item = ObjectRef>,
    ) -> Worker {
        let mut worker = Worker::new(lines.clone(), epoch, stamp);
        roots.for_each(|root| worker.sink.push(root));
        // A few objects are marked before anybody could be woken.
        let alone = worker.drain::<false, NoKeys>(TURN, &mut NoKeys);
        let helped = if alone { None } else { self.pool(threads) };
        let Some((pool, helpers)) = helped else {
            while !worker.drain::<false, NoKeys>(usize::MAX, &mut NoKeys) {}
            return worker;
        };
        let shared = Arc::new(Shared {
            packets: Packets::new(),
            lost: AtomicBool::new(false),
            objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            running: AtomicUsize::new(helpers),
            waiter: std::thread::current(),
        });
        shared.packets.hold();
        for _ in 0..helpers {
            let shared = shared.clone();
            let mut worker = Worker::new(lines.clone(), epoch, stamp);
            pool.spawn(move || {
                shared.work(&mut worker, None);
                shared.end();
            });
        }
        shared.work(&mut worker, Some(Packet::Own));
        shared.wait_for_end();
        worker.objects = shared.objects.load(Ordering::Relaxed);
        worker.bytes = shared.bytes.load(Ordering::Relaxed);
        worker.lost = shared.lost.load(Ordering::Acquire);
        worker
    }

    /// Marks everything that `roots` reach, with this thread alone, in an epoch that `begin` says, after the stack got
    /// memory for as many references as `bytes` bytes can hold. Nothing when the system refuses that, or there is no
    /// epoch.
    pub(crate) fn run_reserved(
        lines: &LineTable,
        bytes: usize,
        begin: impl FnOnce() -> Option<(Epoch, u8)>,
        roots: impl Iterator<Item = ObjectRef>,
    ) -> Option<Worker> {
        let mut sink = EdgeSink::everything();
        if !sink.reserve(bytes / size_of::<ObjectRef>()) {
            return None;
        }
        let (epoch, stamp) = begin()?;
        let mut worker = Worker { sink, ..Worker::new(lines.clone(), epoch, stamp) };
        roots.for_each(|root| worker.sink.push(root));
        while !worker.drain::<false, NoKeys>(usize::MAX, &mut NoKeys) {}
        Some(worker)
    }

    /// The pool and how many of its threads help, or nothing when the program's thread marks alone.
    fn pool(&mut self, threads: usize) -> Option<(&ThreadPool, usize)> {
        if threads < 2 || self.alone {
            return None;
        }
        if self.pool.is_none() {
            let built = ThreadPoolBuilder::new()
                .num_threads(threads - 1)
                .thread_name(|index| format!("gc-generational-marker-{index}"))
                .build();
            // A system that refuses threads gets a slower collection, not an error.
            self.alone = built.is_err();
            self.pool = built.ok();
        }
        let pool = self.pool.as_ref()?;
        Some((pool, pool.current_num_threads()))
    }
}

impl core::fmt::Debug for Marking {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Marking").field("threads", &self.pool.as_ref().map(ThreadPool::current_num_threads)).finish()
    }
}
