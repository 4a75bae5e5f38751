//! Near the limit: collections that help nobody end in an error, and the heap works again when something was let go.

use gc_marksweep::MarkSweep;
use heap_core::{AllocError, Gc, Heap, HeapOptions, Lock, Rootable, Trace, store};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

type List = Rootable![Gc<'_, Node<'_>>];

const LIMIT: usize = 8 << 20;

/// A heap in which nearly everything is alive.
fn full(options: HeapOptions) -> Heap<List> {
    let mut heap = Heap::<List>::with_options(options, MarkSweep::default(), |mc| {
        Gc::new(mc, Node { value: 0, next: Lock::new(None) })
    })
    .unwrap();
    while heap.statistics().heap_bytes < (LIMIT - (128 << 10)) as u64 {
        let grown = heap.mutate(|mc, root| {
            for value in 0..200 {
                let next = Lock::new(root.next.get());
                store!(mc, root.next, Some(Gc::try_new(mc, Node { value, next })?));
            }
            Ok::<_, AllocError>(())
        });
        if grown.is_err() {
            break;
        }
    }
    heap
}

/// Garbage, a little at a time, until an allocation fails or a thousand times.
fn churn(heap: &mut Heap<List>) -> Result<(), AllocError> {
    for _ in 0..1000 {
        heap.mutate(|mc, _| {
            for value in 0..200 {
                Gc::try_new(mc, Node { value, next: Lock::new(None) })?;
            }
            Ok::<_, AllocError>(())
        })?;
    }
    Ok(())
}

#[test]
fn eight_futile_collections_and_then_an_error() {
    let mut heap = full(HeapOptions::default().with_limit(LIMIT));
    let before = heap.statistics().full_collections;
    assert_eq!(churn(&mut heap), Err(AllocError::FUTILE));
    let full = heap.statistics().full_collections - before;
    assert!(full <= 10, "{full} collections");
    assert_eq!(heap.reserve(1), Err(AllocError::FUTILE), "a few bytes are left, and nobody gets them");
    // Trying again fails again, and does not collect without an error.
    assert_eq!(churn(&mut heap), Err(AllocError::FUTILE));
    // Nobody asks for a collection: the safepoint after a refusal sees that there is room.
    heap.mutate(|mc, root| store!(mc, root.next, None));
    let _ = churn(&mut heap);
    assert_eq!(churn(&mut heap), Ok(()));
    assert_eq!(heap.reserve(LIMIT / 2), Ok(()));
}

#[test]
fn the_limit_can_be_raised() {
    let mut heap = full(HeapOptions::default().with_limit(LIMIT));
    assert_eq!(churn(&mut heap), Err(AllocError::FUTILE));
    heap.set_limit(Some(2 * LIMIT));
    assert_eq!(churn(&mut heap), Ok(()));
    assert!(heap.statistics().heap_bytes <= 2 * LIMIT as u64);
    assert_eq!(heap.options().limit, Some(2 * LIMIT));
}

#[test]
fn a_program_may_want_to_go_on() {
    let mut heap = full(HeapOptions::default().with_limit(LIMIT).with_overhead_limit(None));
    let before = heap.statistics().full_collections;
    assert_eq!(churn(&mut heap), Ok(()));
    assert!(heap.statistics().full_collections > before + 20);
}

#[test]
fn one_mutate_that_allocates_too_much_is_told_so() {
    let mut heap = Heap::<List>::with_options(HeapOptions::default().with_limit(LIMIT), MarkSweep::default(), |mc| {
        Gc::new(mc, Node { value: 0, next: Lock::new(None) })
    })
    .unwrap();
    let outcome = heap.mutate(|mc, _| {
        for value in 0..LIMIT as u64 {
            Gc::try_new(mc, Node { value, next: Lock::new(None) })?;
        }
        Ok::<_, AllocError>(())
    });
    assert_eq!(outcome, Err(AllocError::LIMIT_IN_MUTATE));
    assert!(outcome.unwrap_err().to_string().contains("should_yield"));
}
