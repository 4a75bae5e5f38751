//! Heaps that move between the workers of a thread pool.
//!
//! `cargo run --release -p gc-generational --example pool -- [heaps] [rounds]`
//!
//! A server has a heap for each session and fewer threads than sessions. Whichever worker is free takes the session that has
//! something to do, heap and all. A heap belongs to one thread at a time, so it is sent: it turns into a `SendHeap`, which it
//! may because all that is in it may, and back into a heap at the other end.

use std::collections::HashSet;
use std::sync::Mutex;

use gc_generational::Generational;
use heap_core::collections::{List, Map};
use heap_core::{Gc, Heap, Rootable, SendHeap, Trace};
use rayon::prelude::*;

#[derive(Trace)]
struct Session<'gc> {
    names: Map<'gc, Gc<'gc, str>, u64>,
    history: List<'gc, Gc<'gc, str>>,
}

type Root = Rootable![Session<'_>];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (heaps, rounds): (u64, u64) = (arguments.next().unwrap_or(64), arguments.next().unwrap_or(100));
    let threads = Mutex::new(HashSet::new());
    let mut sessions: Vec<SendHeap<Root>> = (0..heaps)
        .map(|_| {
            let collector = Generational::default().with_marking_threads(1);
            let heap = Heap::new(collector, |mc| Session { names: Map::new(mc), history: List::new(mc) });
            heap.expect("memory for a session").into_sendable().expect("maps and text may be sent")
        })
        .collect();
    for round in 0..rounds {
        sessions = sessions
            .into_par_iter()
            .map(|session| {
                threads.lock().expect("nobody panics").insert(std::thread::current().id());
                let mut heap = session.into_heap();
                heap.mutate(|mc, session| {
                    for word in 0..100 {
                        let word = Gc::new_str(mc, &format!("word {}", (round + word) % 150));
                        let count = session.names.get(mc, &word).unwrap_or(0);
                        session.names.insert(mc, word, count + 1);
                        session.history.push(mc, word);
                    }
                    if session.history.len() > 1000 {
                        session.history.clear(mc);
                    }
                });
                heap.into_sendable().expect("nothing else came into it")
            })
            .collect();
    }
    let (mut words, mut pauses) = (0, 0);
    for session in sessions {
        let mut heap = session.into_heap();
        words += heap.mutate(|_, session| session.names.values().sum::<u64>());
        heap.collect();
        pauses += heap.statistics().pauses;
    }
    let threads = threads.into_inner().expect("nobody panicked").len();
    println!("{heaps} heaps on {threads} threads: {words} words, {pauses} pauses");
    assert_eq!(words, heaps * rounds * 100);
}
