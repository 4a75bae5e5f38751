//! Work packets: how markers share work, and how they know that there is none left.
//!
//! A queue that everybody may put packets into and take packets from, and one counter that decides when all is done.
//! *Pending* counts the packets that are in the queue or being worked on. A packet is counted before it is put into the
//! queue, or before anybody works if it is never put there, and uncounted when it has been worked on to the end, after
//! everything that came of it was counted. So the count reaches zero once, when there is nothing in the queue, nobody
//! has work, and nobody can make any.
//!
//! *Why not count the workers who have nothing to do*, and stop when all of them are idle and the queue is empty? Those
//! are two facts, and while they are read one after the other, a worker may be between taking a packet and saying so.
//! No work is lost then, but another worker goes home, and one marks alone what two could have.
//!
//! *Hungry* counts those who wait. It is a hint, and nothing depends on it: who has much looks at it now and then and
//! gives something away.
//!
//! The protocol is written against [`Primitives`], so that the tests run it, every interleaving of it, on loom's.

use core::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_deque::{Injector, Steal};

/// What the protocol needs of the platform.
pub(crate) trait Primitives {
    /// An atomic number.
    type Counter: Counter;
    /// A queue for several producers and consumers.
    type Queue<T>: Queue<T>;
    /// Lets somebody else run; `turn` counts how often in a row.
    fn pause(turn: u32);
}

pub(crate) trait Counter {
    fn new(value: usize) -> Self;
    fn load(&self, ordering: Ordering) -> usize;
    fn add(&self, value: usize, ordering: Ordering);
    fn subtract(&self, value: usize, ordering: Ordering);
}

pub(crate) trait Queue<T> {
    fn new() -> Self;
    fn push(&self, value: T);
    fn pop(&self) -> Option<T>;
    fn is_empty(&self) -> bool;
}

/// Packets of work, shared by the workers of one marking.
pub(crate) struct Packets<T, P: Primitives = Native> {
    queue: P::Queue<T>,
    pending: P::Counter,
    hungry: P::Counter,
}

impl<T, P: Primitives> Packets<T, P> {
    /// No packets.
    pub(crate) fn new() -> Self {
        Packets { queue: P::Queue::new(), pending: P::Counter::new(0), hungry: P::Counter::new(0) }
    }

    /// Gives a packet to whoever takes it. Called before anybody works, or from within [`work`](Self::work).
    pub(crate) fn give(&self, packet: T) {
        // Relaxed: whoever gives is working on a packet itself, which it will uncount later, so the count cannot be
        // zero between the two; and all changes of one counter have one order.
        self.pending.add(1, Ordering::Relaxed);
        self.queue.push(packet);
    }

    /// Counts a packet that its owner keeps, and works on first. Called before anybody works.
    pub(crate) fn hold(&self) {
        // Relaxed: whoever works is woken later.
        self.pending.add(1, Ordering::Relaxed);
    }

    /// Whether somebody would take a packet.
    pub(crate) fn is_wanted(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0 && self.queue.is_empty()
    }

    /// Works on packets until there are none and will be none: first on the one that was [held](Self::hold), if any.
    /// `each` must work a packet to its end, and may [`give`](Self::give) parts of it away.
    pub(crate) fn work(&self, held: Option<T>, mut each: impl FnMut(T)) {
        let mut next = held.or_else(|| self.take());
        while let Some(packet) = next {
            each(packet);
            self.pending.subtract(1, Ordering::Release);
            next = self.take();
        }
    }

    /// Waits for a packet. `None` when there will be none.
    fn take(&self) -> Option<T> {
        if let Some(packet) = self.queue.pop() {
            return Some(packet);
        }
        self.hungry.add(1, Ordering::Relaxed);
        let mut turn = 0;
        let taken = loop {
            if let Some(packet) = self.queue.pop() {
                break Some(packet);
            }
            if self.pending.load(Ordering::Acquire) == 0 {
                break None;
            }
            P::pause(turn);
            turn = turn.wrapping_add(1);
        };
        self.hungry.subtract(1, Ordering::Relaxed);
        taken
    }
}

/// The primitives of the machine.
pub(crate) struct Native;

impl Primitives for Native {
    type Counter = AtomicUsize;
    type Queue<T> = Injector<T>;
    fn pause(turn: u32) {
        // The others may need the processor that this thread waits on.
        if turn % 64 == 63 { std::thread::yield_now() } else { core::hint::spin_loop() }
    }
}

impl Counter for AtomicUsize {
    fn new(value: usize) -> Self {
        AtomicUsize::new(value)
    }
    fn load(&self, ordering: Ordering) -> usize {
        self.load(ordering)
    }
    fn add(&self, value: usize, ordering: Ordering) {
        self.fetch_add(value, ordering);
    }
    fn subtract(&self, value: usize, ordering: Ordering) {
        self.fetch_sub(value, ordering);
    }
}

impl<T> Queue<T> for Injector<T> {
    fn new() -> Self {
        Injector::new()
    }
    fn push(&self, value: T) {
        self.push(value);
    }
    fn pop(&self) -> Option<T> {
        loop {
            match self.steal() {
                Steal::Success(packet) => return Some(packet),
                Steal::Empty => return None,
                Steal::Retry => core::hint::spin_loop(),
            }
        }
    }
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom::sync::atomic::AtomicUsize as LoomCounter;
    use loom::sync::{Arc, Mutex};
    use std::collections::VecDeque;

    /// loom's primitives: a test sees every interleaving, and every value that a relaxed load may return.
    struct Loom;

    impl Primitives for Loom {
        type Counter = LoomCounter;
        type Queue<T> = LoomQueue<T>;
        fn pause(_: u32) {
            loom::thread::yield_now();
        }
    }

    impl Counter for LoomCounter {
        fn new(value: usize) -> Self {
            LoomCounter::new(value)
        }
        fn load(&self, ordering: Ordering) -> usize {
            self.load(ordering)
        }
        fn add(&self, value: usize, ordering: Ordering) {
            self.fetch_add(value, ordering);
        }
        fn subtract(&self, value: usize, ordering: Ordering) {
            self.fetch_sub(value, ordering);
        }
    }

    struct LoomQueue<T>(Mutex<VecDeque<T>>);

    impl<T> Queue<T> for LoomQueue<T> {
        fn new() -> Self {
            LoomQueue(Mutex::new(VecDeque::new()))
        }
        fn push(&self, value: T) {
            self.0.lock().unwrap().push_back(value);
        }
        fn pop(&self) -> Option<T> {
            self.0.lock().unwrap().pop_front()
        }
        fn is_empty(&self) -> bool {
            self.0.lock().unwrap().is_empty()
        }
    }

    /// Two workers on a tree of packets: a packet `n` gives `n - 1` and works on it too. When a worker goes home, no
    /// work is left for anybody: that is what the count promises, and what counting idle workers does not. The first
    /// worker may hold a packet that is not in the queue.
    fn model(roots: &'static [u32], held: Option<u32>) {
        let mut model = loom::model::Builder::new();
        // At most so many times is a thread interrupted where it does not wait. Without a bound this takes minutes, and
        // was run so once; with three, every mistake that was tried shows.
        model.preemption_bound = Some(3);
        model.check(move || {
            let packets = Arc::new(Packets::<u32, Loom>::new());
            let done = Arc::new(LoomCounter::new(0));
            let expected: u32 = roots.iter().chain(&held).map(|&root| (1 << (root + 1)) - 1).sum();
            roots.iter().for_each(|&root| packets.give(root));
            held.iter().for_each(|_| packets.hold());
            let worker = |packets: Arc<Packets<u32, Loom>>, done: Arc<LoomCounter>, held: Option<u32>| {
                move || {
                    packets.work(held, |packet| {
                        let mut own = vec![packet];
                        while let Some(packet) = own.pop() {
                            if packet > 0 {
                                packets.give(packet - 1);
                                own.push(packet - 1);
                            }
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                    let seen = done.load(Ordering::Relaxed) as u32;
                    assert_eq!(seen, expected, "a worker went home while there was work");
                }
            };
            let helper = loom::thread::spawn(worker(packets.clone(), done.clone(), None));
            worker(packets, done, held)();
            helper.join().unwrap();
        });
    }

    #[test]
    fn nobody_goes_home_early() {
        model(&[0], None);
        model(&[1], None);
        model(&[0, 0], None);
        model(&[], Some(0));
        model(&[], Some(1));
        model(&[0], Some(0));
    }

    #[test]
    fn nothing_to_do_ends_at_once() {
        model(&[], None);
    }

    #[test]
    fn every_packet_is_worked_on_once() {
        let packets = Packets::<u32>::new();
        (0..100).for_each(|_| packets.give(3));
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    packets.work(None, |packet| {
                        (0..packet).for_each(|part| packets.give(part));
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                });
            }
        });
        assert_eq!(done.into_inner(), 100 * 8);
    }
}
