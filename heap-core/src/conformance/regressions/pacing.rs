//! What makes collections due and what a heap holds: bytes that objects own outside the heap, idling, stepping, and
//! collections that help nobody.

use super::Kit;
use crate::{ExternalBytes, Gc, Heap, Lock, RefLock, Rootable, Trace, field, store};

const MIB: usize = 1 << 20;

#[derive(Trace)]
struct Buffer<'gc> {
    bytes: RefLock<Vec<u8>>,
    other: ExternalBytes,
    myself: Lock<Option<Gc<'gc, Buffer<'gc>>>>,
}

type Slot = Rootable![Lock<Option<Gc<'_, Buffer<'_>>>>];

impl Kit {
    fn buffers(&self, limit: Option<usize>) -> Heap<Slot> {
        let options = crate::HeapOptions { limit, ..Kit::options() };
        Heap::with_options(options, self.collector(), |_| Lock::new(None)).unwrap()
    }
}

fn buffer<'gc>(mc: &crate::Mutator<'gc>, bytes: usize) -> Gc<'gc, Buffer<'gc>> {
    // Untouched capacity: the check is about numbers.
    let bytes = RefLock::new(Vec::with_capacity(bytes));
    Gc::new(mc, Buffer { bytes, other: ExternalBytes::new(0), myself: Lock::new(None) })
}

/// Small objects that own much: garbage of that kind is collected before it fills the memory, whether it dies at once,
/// after having been reachable, or as a cycle.
pub(in super::super) fn garbage_outside(kit: &Kit) {
    for kept in [false, true] {
        let mut heap = kit.buffers(None);
        if !heap.capabilities().reclaims {
            return;
        }
        let knots = heap.capabilities().reclaims_cycles;
        for _ in 0..600 {
            heap.mutate_root(|mc, root| {
                let buffer = buffer(mc, MIB);
                if knots {
                    store!(mc, buffer.myself, Some(buffer));
                }
                if kept {
                    *root = Lock::new(Some(buffer));
                }
            });
        }
        let statistics = heap.statistics();
        assert!(statistics.peak_heap_bytes < 64 << 20, "one buffer of a MiB is alive at a time: {statistics:?}");
    }
}

/// A heap that is told to idle keeps what is alive and next to nothing else, and works as before.
pub(in super::super) fn idle_heap(kit: &Kit) {
    let mut heap = kit.table(2000);
    let fill = |heap: &mut Heap<super::Table>| {
        for chunk in 0..20 {
            heap.mutate(|mc, root| {
                for at in chunk * 100..(chunk + 1) * 100 {
                    store!(mc, root[at], Some(super::Node::make(mc, 7, None)));
                }
            });
        }
    };
    for _ in 0..50 {
        fill(&mut heap);
    }
    // A peak: twenty megabytes that die.
    heap.mutate(|mc, _| {
        for value in 0..600_000 {
            super::Node::make(mc, value, None);
        }
    });
    if !heap.capabilities().reclaims {
        return;
    }
    heap.idle();
    let statistics = heap.statistics();
    if let Some(resident) = statistics.resident_bytes {
        assert!(resident <= 256 << 10, "{statistics:?}");
    }
    assert!(statistics.peak_heap_bytes > 16 << 20 && statistics.side_bytes > 0, "{statistics:?}");
    heap.verify().unwrap();
    for _ in 0..5 {
        fill(&mut heap);
    }
    heap.collect();
    heap.verify().unwrap();
    assert_eq!(heap.statistics().live_objects, 2002);
}

/// Stepping reclaims whatever is unreachable, however old, in a number of steps that what is alive bounds.
pub(in super::super) fn steps_reclaim_the_old(kit: &Kit) {
    let mut heap = kit.table(1000);
    heap.mutate(|mc, root| {
        for at in 0..root.len() {
            let node = super::Node::make(mc, 1, None);
            store!(mc, node.next, Some(node));
            store!(mc, root[at], Some(node));
        }
    });
    heap.collect();
    heap.mutate(|mc, root| (0..root.len()).for_each(|at| store!(mc, root[at], None)));
    if !heap.capabilities().reclaims_cycles || !heap.capabilities().reclaims {
        return;
    }
    let mut steps = 0;
    // What was in progress when the references went may keep their targets: two rounds.
    for _ in 0..2 {
        while !heap.step(1 << 10) {
            steps += 1;
            assert!(steps < 10_000);
        }
    }
    assert!(heap.statistics().live_objects <= 2, "{:?}", heap.statistics());
}

/// A safepoint that was taken is not due any more: neither one that came by itself, nor what the program asked for.
pub(in super::super) fn safepoints_end(kit: &Kit) {
    let mut heap = kit.list();
    if heap.is_always_due() {
        return;
    }
    let ends = |heap: &mut Heap<super::List>, what: &str| {
        let before = heap.statistics().pauses;
        for _ in 0..100 {
            heap.mutate(|_, _| {});
        }
        let pauses = heap.statistics().pauses - before;
        assert!(
            pauses < 50,
            "a safepoint is still due after {what}: {pauses} of 100 calls that do nothing ended in a pause"
        );
    };
    ends(&mut heap, "the heap was made");
    heap.collect();
    ends(&mut heap, "a full collection");
    heap.collect_minor();
    ends(&mut heap, "a minor collection");
    heap.mutate(|mc, _| mc.request_collection());
    ends(&mut heap, "a requested collection");
    heap.step(64);
    ends(&mut heap, "a step");
    let before = heap.statistics().pauses;
    // Until one came by itself, if they do.
    for _ in 0..4_000 {
        heap.mutate(|mc, root| super::prepend(mc, *root, 0, 100));
        heap.mutate(|mc, root| store!(mc, root.next, None));
        if heap.statistics().pauses != before {
            break;
        }
    }
    ends(&mut heap, "a collection that came by itself");
}

/// A heap that is full of live objects is not collected again and again without an error, and works again as soon as
/// there is room.
pub(in super::super) fn futile_collections(kit: &Kit) {
    let limit = 12 << 20;
    let mut heap = kit.list_with(Kit::options().with_limit(limit));
    let attempt = |heap: &mut Heap<super::List>, kept: bool, count: u64| {
        heap.mutate(|mc, root| {
            for value in 0..count {
                let next = Lock::new(root.next.get());
                let node = Gc::try_new(mc, super::Node { value, next, other: Lock::new(None) })?;
                if kept {
                    store!(mc, root.next, Some(node));
                }
            }
            Ok::<_, crate::AllocError>(())
        })
    };
    let mut failures = 0;
    while failures < 20 {
        failures += u32::from(attempt(&mut heap, true, 200).is_err());
    }
    let (before, mut errors) = (heap.statistics().full_collections, 0);
    for _ in 0..200 {
        errors += u64::from(attempt(&mut heap, false, 10).is_err());
    }
    let full = heap.statistics().full_collections - before;
    assert!(full <= errors + 40, "{full} full collections, {errors} errors");
    if !heap.capabilities().reclaims {
        return;
    }
    heap.mutate(|mc, root| store!(mc, root.next, None));
    for value in 0..20 {
        heap.try_mutate(|mc, root| {
            let node = Gc::try_new(mc, super::Node { value, next: Lock::new(None), other: Lock::new(None) })?;
            store!(mc, root.next, Some(node));
            Ok::<_, crate::AllocError>(())
        })
        .expect("the heap is empty");
    }
}

/// The limit covers what objects own, and says so before it is exceeded.
pub(in super::super) fn limit_outside(kit: &Kit) {
    let limit = 16 * MIB;
    let mut heap = kit.buffers(Some(limit));
    let mut made = 0;
    heap.mutate(|mc, _| {
        let value = || Buffer {
            bytes: RefLock::new(Vec::with_capacity(MIB)),
            other: ExternalBytes::new(MIB),
            myself: Lock::new(None),
        };
        while Gc::try_new(mc, value()).is_ok() {
            made += 1;
            assert!(mc.statistics().heap_bytes <= limit as u64 && made < 9);
        }
        let rest = limit - mc.statistics().heap_bytes as usize;
        assert!(Gc::try_new_slice_with(mc, 2, |_| vec![0u8; rest / 2 + 4096]).is_err(), "the elements' bytes too");
    });
    assert!(made >= 6, "{made} of two MiB");
    if !heap.capabilities().reclaims {
        return;
    }
    for _ in 0..100 {
        heap.try_mutate(|mc, _| {
            Gc::try_new(
                mc,
                Buffer {
                    bytes: RefLock::new(Vec::with_capacity(2 * MIB)),
                    other: ExternalBytes::new(MIB),
                    myself: Lock::new(None),
                },
            )?;
            Ok::<_, crate::AllocError>(())
        })
        .expect("dead buffers make room for new ones");
        assert!(heap.statistics().heap_bytes <= limit as u64);
    }
}

/// After a full collection the account is what the objects alive say now, whatever was charged in between.
pub(in super::super) fn account_outside(kit: &Kit) {
    let mut heap = kit.buffers(None);
    heap.mutate_root(|mc, root| *root = Lock::new(Some(buffer(mc, MIB))));
    let outside = |heap: &Heap<Slot>| heap.statistics().outside_bytes as usize;
    assert_eq!(outside(&heap), MIB);
    for round in 1..5usize {
        heap.mutate(|mc, root| {
            let buffer = root.get().unwrap();
            field!(mc, buffer.bytes).borrow_mut().reserve_exact(round * MIB);
            buffer.other.set(round * 1000);
            mc.charge_external(100);
        });
        assert!(outside(&heap) > 100);
        heap.mutate(|mc, _| mc.charge_external(-50));
        heap.collect();
        if heap.capabilities().reclaims {
            let bytes = heap.mutate(|_, root| root.get().unwrap().bytes.borrow().capacity());
            assert_eq!(outside(&heap), bytes + round * 1000);
        }
    }
    heap.mutate(|mc, _| mc.charge_external(isize::MIN));
    assert_eq!(outside(&heap), 0, "no more is taken back than was charged");
    heap.mutate_root(|_, root| *root = Lock::new(None));
    heap.collect();
    assert_eq!(outside(&heap), 0);
    heap.verify().unwrap();
}

/// A heap that does not collect by itself does when it is asked, and again when it may.
pub(in super::super) fn collecting_by_hand(kit: &Kit) {
    let mut heap = kit.table(1);
    if !heap.capabilities().reclaims {
        return;
    }
    let garbage = |heap: &mut Heap<super::Table>| {
        for _ in 0..64 {
            heap.mutate(|mc, root| {
                for value in 0..MIB as u64 / 32 {
                    store!(mc, root[0], Some(super::Node::make(mc, value, None)));
                }
            });
        }
    };
    assert!(heap.is_automatic());
    heap.set_automatic(false);
    let before = heap.statistics();
    garbage(&mut heap);
    let after = heap.statistics();
    assert_eq!((after.pauses, after.collections()), (before.pauses, before.collections()), "nobody asked");
    assert!(!heap.is_automatic() && after.heap_bytes >= 64 << 20, "{after:?}");
    heap.verify().expect("a heap that is whole");
    heap.mutate(|mc, _| mc.request_collection());
    heap.collect();
    assert!(heap.statistics().heap_bytes < 8 << 20, "a collection that was asked for: {:?}", heap.statistics());
    heap.set_automatic(true);
    garbage(&mut heap);
    let last = heap.statistics();
    assert!(last.collections() > after.collections() + 2 && last.heap_bytes < 48 << 20, "{last:?}");
    assert_eq!(heap.mutate(|_, root| root[0].get().expect("stored").value), MIB as u64 / 32 - 1);
}
