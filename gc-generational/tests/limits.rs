//! Heap limits at awkward moments: what a copy needs at the most, requests that can never be met, and full heaps that
//! nobody collects by hand.

use gc_generational::Generational;
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Rootable, Trace};

/// Has no bytes, and must not be anywhere.
#[derive(Trace)]
#[repr(align(8192))]
struct Nothing;

#[derive(Trace)]
struct Pairs<'gc> {
    fillers: Gc<'gc, [Gc<'gc, [u64]>]>,
    nothings: Gc<'gc, [Gc<'gc, Nothing>]>,
}

/// In the nursery, arrays of 8 KiB less a few bytes fill the gaps between over-aligned objects. Copied one kind after the
/// other, the over-aligned ones leave gaps that nothing fills: the copy takes more than twice the room.
#[test]
fn over_aligned_objects_leave_gaps_in_the_copy() {
    const PAIRS: usize = 240;
    let mut copied = 0;
    for blocks in (180..400).step_by(2) {
        let options = HeapOptions::default().with_limit(blocks << 15);
        let collector = Generational::default().with_nursery_bytes(4 << 20).with_in_place_factor(100);
        let mut heap =
            Heap::<Rootable![Lock<Option<Gc<'_, Pairs<'_>>>>]>::with_options(options, collector, |_| Lock::new(None))
                .unwrap();
        heap.mutate_root(|mc, root| {
            let (mut fillers, mut nothings) = (Vec::new(), Vec::new());
            for _ in 0..PAIRS {
                nothings.push(Gc::new(mc, Nothing));
                // Up to the next multiple of 8 KiB less a header, with 16 bytes in front.
                fillers.push(Gc::new_slice_with(mc, (8192 - 16 - 16) / 8, |i| i as u64));
            }
            let fillers = Gc::new_slice(mc, &fillers);
            let nothings = Gc::new_slice(mc, &nothings);
            *root = Lock::new(Some(Gc::new(mc, Pairs { fillers, nothings })));
        });
        let young = heap.mutate(|_, root| Gc::as_ptr(root.get().unwrap().nothings[0]));
        heap.collect_minor();
        heap.verify().unwrap();
        heap.mutate(|_, root| {
            let pairs = root.get().unwrap();
            copied += usize::from(Gc::as_ptr(pairs.nothings[0]) != young);
            assert!(pairs.fillers.iter().all(|filler| filler.iter().copied().eq(0..8160 / 8)));
        });
        heap.collect();
        assert_eq!(heap.statistics().live_objects, 2 * PAIRS as u64 + 4);
    }
    assert!((1..100).contains(&copied), "some of the limits leave room for a copy: {copied}");
}

#[test]
fn requests_that_can_never_be_met_are_only_refused() {
    let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, [u64]>>>]>::with_options(
        HeapOptions::default().with_limit(4 << 20),
        Generational::default(),
        |_| Lock::new(None),
    )
    .unwrap();
    for _ in 0..3 {
        heap.mutate(|mc, _| {
            for _ in 0..10 {
                assert!(Gc::try_new_slice_with(mc, usize::MAX / 64, |i| i as u64).is_err());
            }
        });
    }
}

#[test]
fn a_failed_allocation_is_followed_by_a_full_collection() {
    let mut heap = Heap::<Rootable![Lock<Option<Gc<'_, [u64]>>>]>::with_options(
        HeapOptions::default().with_limit(10 << 20),
        Generational::default(),
        |_| Lock::new(None),
    )
    .unwrap();
    let make = |heap: &mut Heap<_>, bytes: usize| {
        heap.mutate_root(|mc, root: &mut Lock<_>| {
            *root = Lock::new(None);
            *root = Lock::new(Some(Gc::try_new_slice_with(mc, bytes / 8, |i| i as u64)?));
            Ok::<(), AllocError>(())
        })
    };
    make(&mut heap, 4 << 20).unwrap();
    heap.collect_minor();
    assert!(make(&mut heap, 7 << 20).unwrap_err().is_limit());
    assert_eq!(make(&mut heap, 7 << 20), Ok(()));
}

#[test]
fn settings_of_any_size_are_sums_that_do_not_overflow() {
    let sizes = [0, 1, usize::MAX / 2 + 1, usize::MAX];
    for (nursery, other) in sizes.iter().flat_map(|&nursery| sizes.map(|other| (nursery, other))) {
        let collector = Generational::default()
            .with_nursery_bytes(nursery)
            .with_full_min_bytes(other)
            .with_in_place_factor(other)
            .with_parallel_min_bytes(other)
            .with_growth(f64::INFINITY);
        let options = HeapOptions::default().with_verify(true);
        let mut heap = Heap::<Rootable![Vec<Gc<'_, usize>>]>::with_options(options, collector, |_| Vec::new()).unwrap();
        for round in 0..4 {
            heap.mutate_root(|mc, root| root.extend((0..2_000).map(|n| Gc::new(mc, n))));
            if round % 2 == 0 { heap.collect_minor() } else { heap.collect() }
        }
        assert_eq!(heap.statistics().live_objects, 8_001, "nursery {nursery}, others {other}");
    }
}
