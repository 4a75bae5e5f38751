//! What a heap says about itself.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Kit, prepend};
use crate::events::{Event, EventKind};
use crate::{registry, store};

/// Counters and events agree with what was done and with each other.
pub(in super::super) fn statistics_and_events(kit: &Kit) {
    let mut heap = kit.list();
    let events: Rc<RefCell<Vec<Event>>> = Rc::default();
    let log = events.clone();
    heap.set_listener(Some(Box::new(move |event| log.borrow_mut().push(*event))));
    let mut before = heap.statistics();
    assert!(before.live_as_of.is_some() || (before.live_objects, before.live_bytes) == (0, 0), "nobody has looked");
    for round in 0..30 {
        events.borrow_mut().clear();
        let pauses = heap.statistics().pauses;
        heap.mutate(|mc, root| {
            let allocated = mc.statistics().allocated_bytes;
            prepend(mc, *root, 0, 500);
            assert!(mc.statistics().allocated_bytes >= allocated + 500 * 32, "allocation is counted at once");
            if round % 3 == 0 {
                store!(mc, root.next, None);
            }
        });
        match round % 3 {
            0 => heap.collect(),
            1 => heap.collect_minor(),
            _ => {
                heap.step(1000);
            }
        }
        let now = heap.statistics();
        assert!(now.pauses > pauses, "a pause that was asked for is counted");
        assert!(now.allocated_bytes >= before.allocated_bytes + 500 * 32);
        assert!(now.heap_bytes <= now.peak_heap_bytes && now.peak_heap_bytes >= before.peak_heap_bytes);
        assert!(now.pause_time >= before.pause_time && now.longest_pause <= now.pause_time);
        assert!(now.minor_collections >= before.minor_collections && now.full_collections >= before.full_collections);
        if round % 3 == 0 && heap.capabilities().reclaims {
            assert!(now.collections() > before.collections(), "a full collection is counted");
            assert!(now.live_bytes > 0 && now.live_bytes <= now.heap_bytes, "{now:?}");
            assert_eq!(now.live_as_of, Some(now.allocated_bytes), "it looked at everything just now");
        } else if !heap.capabilities().reclaims {
            assert_eq!((now.live_as_of, now.live_objects), (None, 0), "nobody ever looks");
        }
        before = now;
        let events = events.borrow();
        let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
        let count = |kind| kinds.iter().filter(|&&other| other == kind).count() as u64;
        assert_eq!(count(EventKind::PauseStart), now.pauses - pauses);
        assert_eq!(count(EventKind::PauseEnd), now.pauses - pauses);
        assert_eq!((kinds.first(), kinds.last()), (Some(&EventKind::PauseStart), Some(&EventKind::PauseEnd)));
        assert!(events.windows(2).all(|two| two[0].at <= two[1].at), "events come in order");
    }
    heap.set_listener(None);
    events.borrow_mut().clear();
    heap.collect();
    assert!(events.borrow().is_empty());
}

/// Heaps appear in the registry when they are made and disappear when they go, and can be watched from another thread.
pub(in super::super) fn registry_entries(kit: &Kit) {
    let find = |id| registry::heaps().into_iter().find(|summary| summary.id == id);
    let mut heap = kit.list();
    let (id, name) = (heap.id(), heap.collector_name());
    assert_eq!(find(id).expect("the heap is listed").collector, name);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut pauses, mut allocated) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let summary = find(id).expect("the heap is listed while it is there");
                assert!(summary.pauses >= pauses && summary.allocated_bytes >= allocated, "counters never fall");
                (pauses, allocated) = (summary.pauses, summary.allocated_bytes);
                std::thread::yield_now();
            }
        });
        for _ in 0..100 {
            heap.mutate(|mc, root| {
                store!(mc, root.next, None);
                prepend(mc, *root, 0, 100);
            });
            heap.collect();
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher saw nothing wrong");
    });
    let (summary, statistics) = (find(id).unwrap(), heap.statistics());
    assert_eq!(summary.pauses, statistics.pauses);
    assert_eq!(summary.collections, statistics.collections());
    assert_eq!(summary.live_bytes, statistics.live_bytes);
    drop(heap);
    assert!(find(id).is_none(), "a heap that is gone is not listed");
}

/// Where a collector counts references, the counts are right when an epoch has ended.
pub(in super::super) fn reference_counts(kit: &Kit) {
    let mut heap = kit.table(10);
    let node = heap.mutate(|mc, root| {
        let node = super::Node::make(mc, 1, None);
        for index in 0..7 {
            store!(mc, root[index], Some(node));
        }
        mc.stash(node)
    });
    let count = |heap: &mut crate::Heap<super::Table>| heap.mutate(|mc, root| mc.ref_count(root[0].get().unwrap()));
    heap.collect();
    let Some(counted) = count(&mut heap) else { return };
    assert_eq!(counted, 8, "seven from the slice and one from the handle");
    heap.mutate(|mc, root| {
        for index in 3..7 {
            store!(mc, root[index], None);
        }
        // Back and forth within one epoch.
        store!(mc, root[9], root[0].get());
        store!(mc, root[9], None);
    });
    drop(node);
    heap.collect();
    assert_eq!(count(&mut heap), Some(3));
}
