//! Recursion: no depth of the object graph overflows a stack.

use std::cell::Cell;
use std::rc::Rc;

use super::{Counting, Kit, List, Node, counting, measure};
use crate::{Gc, Heap, Lock, RefLock, Rootable, Trace, store};

/// Links of the long chain: `HEAP_CONFORMANCE_LINKS`, or ten million.
fn links() -> u64 {
    std::env::var("HEAP_CONFORMANCE_LINKS").ok().and_then(|links| links.parse().ok()).unwrap_or(10_000_000)
}

/// Runs `f` on a thread with a stack of 256 KiB.
pub(super) fn on_a_small_stack(kit: &Kit, f: fn(&Kit)) {
    let kit = kit.clone();
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || f(&kit)).expect("a thread");
    if let Err(payload) = thread.join() {
        std::panic::resume_unwind(payload);
    }
}

/// A link and nothing else.
#[derive(Trace)]
struct Link<'gc> {
    next: Lock<Option<Gc<'gc, Link<'gc>>>>,
}

pub(in super::super) fn deep_chain(kit: &Kit) {
    on_a_small_stack(kit, |kit| {
        let mut heap = Heap::<Rootable![Gc<'_, Link<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new(mc, Link { next: Lock::new(None) })
        })
        .expect("a heap can be made");
        let links = links();
        let mut made = 0;
        while made < links {
            let now = (links - made).min(200_000);
            heap.mutate(|mc, root| {
                let mut head = root.next.get();
                for _ in 0..now {
                    head = Some(Gc::new(mc, Link { next: Lock::new(head) }));
                }
                store!(mc, root.next, head);
            });
            made += now;
        }
        kit.expect(&mut heap, links + 1, 0);
        let length = heap.mutate(|_, root| {
            let (mut length, mut link) = (0, root.next.get());
            while let Some(current) = link {
                length += 1;
                link = current.next.get();
            }
            length
        });
        assert_eq!(length, links);
        heap.mutate(|mc, root| store!(mc, root.next, None));
        kit.expect_verified(&mut heap, 1, 0);
        // A chain that is alive when the heap goes away.
        heap.mutate(|mc, root| {
            let mut head = None;
            for _ in 0..300_000 {
                head = Some(Gc::new(mc, Link { next: Lock::new(head) }));
            }
            store!(mc, root.next, head);
        });
        heap.collect_minor();
        drop(heap);
    });
}

pub(in super::super) fn deep_chain_with_drop_glue(kit: &Kit) {
    on_a_small_stack(kit, |kit| {
        const LINKS: u64 = 200_000;
        let drops = Rc::new(Cell::new(0));
        let mut heap = Heap::<Rootable![Gc<'_, Counting<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            counting(mc, &drops, None)
        })
        .expect("a heap can be made");
        heap.mutate(|mc, root| {
            let mut head = None;
            for _ in 0..LINKS {
                head = Some(counting(mc, &drops, head));
            }
            store!(mc, root.next, head);
        });
        kit.expect_verified(&mut heap, LINKS + 1, 0);
        assert_eq!(drops.get(), 0);
        heap.mutate(|mc, root| store!(mc, root.next, None));
        kit.expect_verified(&mut heap, 1, 0);
        assert_eq!(drops.get(), if heap.capabilities().reclaims { LINKS } else { 0 });
        drop(heap);
        assert_eq!(drops.get(), LINKS + 1);
    });
}

/// A link that is not an object of its own.
#[derive(Trace)]
struct Boxed<'gc> {
    next: Option<Box<Boxed<'gc>>>,
    object: Gc<'gc, u64>,
}

type Chain<'gc> = RefLock<Option<Box<Boxed<'gc>>>>;

/// One object that owns a long chain of boxes, each of which leads to an object: the chain is one value, and no depth of
/// it is too deep for tracing. It is taken apart before it dies, because Rust's own drop glue recurses.
pub(in super::super) fn deep_value(kit: &Kit) {
    on_a_small_stack(kit, |kit| {
        const LINKS: u64 = 100_000;
        let mut heap = Heap::<Rootable![Gc<'_, Chain<'_>>]>::with_options(Kit::options(), kit.collector(), |mc| {
            Gc::new(mc, RefLock::new(None))
        })
        .expect("a heap can be made");
        for round in 0..2 {
            heap.mutate(|mc, root| {
                let mut chain = root.borrow_mut(mc);
                for value in 0..LINKS / 2 {
                    let next = chain.take();
                    *chain = Some(Box::new(Boxed { next, object: Gc::new(mc, round * LINKS / 2 + value) }));
                }
            });
            // While it is young, and then while it is old and written to.
            heap.collect_minor();
            kit.expect_verified(&mut heap, (round + 1) * LINKS / 2 + 1, 0);
        }
        heap.mutate(|mc, root| {
            let (mut rest, mut sum) = (root.borrow_mut(mc).take(), 0);
            while let Some(mut link) = rest {
                sum += *link.object;
                rest = link.next.take();
            }
            assert_eq!(sum, LINKS * (LINKS - 1) / 2);
        });
        kit.expect_verified(&mut heap, 1, 0);
    });
}

pub(in super::super) fn deep_ring(kit: &Kit) {
    on_a_small_stack(kit, |kit| {
        const LINKS: u64 = 300_000;
        let mut heap: Heap<List> = kit.list();
        // Linked in both directions, so that every object is part of a cycle.
        heap.mutate(|mc, root| {
            let first = Node::make(mc, 0, None);
            store!(mc, root.next, Some(first));
            let mut last = first;
            for value in 1..LINKS {
                let node = Node::make(mc, value, None);
                store!(mc, last.next, Some(node));
                store!(mc, node.other, Some(last));
                last = node;
            }
        });
        kit.expect_verified(&mut heap, LINKS + 1, 0);
        heap.mutate(|_, root| assert_eq!(measure(root.next.get()), (LINKS, LINKS * (LINKS - 1) / 2)));
        heap.mutate(|mc, root| store!(mc, root.next, None));
        kit.expect_verified(&mut heap, 1, LINKS);
    });
}
