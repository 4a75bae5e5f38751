//! Heaps in processes that may have little: each test runs itself again under `ulimit`.
#![cfg(all(target_os = "linux", not(miri)))]

use std::process::Command;

use heap_core::{Gc, Heap, HeapOptions, NoGc, Rootable};

type Root = Rootable![Gc<'_, str>];

/// Set in the process under the limit.
const CHILD: &str = "HEAP_CORE_UNDER_A_LIMIT";

/// Runs the test of this name again under `ulimit WHAT`, or `work` when this is that process already.
fn under(what: &str, test: &str, work: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return work();
    }
    let script = format!("ulimit {what} && exec \"$0\" --exact {test} --test-threads 1");
    let child = Command::new("sh").arg("-c").arg(script).arg(std::env::current_exe().unwrap()).env(CHILD, "1").output();
    let output = child.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn heap(options: HeapOptions) -> Heap<Root> {
    Heap::with_options(options, NoGc::default(), |mc| Gc::new_str(mc, "root")).unwrap()
}

/// The largest piece of address space that the program can still have, to the mebibyte.
fn largest() -> usize {
    let (mut low, mut high) = (0, 1 << 40);
    while high - low > 1 << 20 {
        let middle = (low + high) / 2;
        if Vec::<u8>::new().try_reserve_exact(middle).is_ok() { low = middle } else { high = middle }
    }
    low
}

#[test]
fn a_heap_leaves_three_quarters_of_the_address_space() {
    under("-v 4194304", "a_heap_leaves_three_quarters_of_the_address_space", || {
        let before = largest();
        let first = heap(HeapOptions::default());
        let after = largest();
        assert!(after >= before / 4 * 3, "{} of {} MiB are left", after >> 20, before >> 20);
        let others: Vec<_> = (0..20).map(|_| heap(HeapOptions::default())).collect();
        assert!(largest() >= before / 2, "twenty-one heaps are no more than a few");
        drop((first, others));
        // Who says that it needs more gets more.
        let mut large = heap(HeapOptions::default().with_reservation(1 << 30));
        large.mutate(|mc, _| {
            for _ in 0..900 {
                Gc::try_new_slice_with(mc, 1 << 20, |_| 0u8).unwrap();
            }
        });
    });
}

#[test]
fn untouched_addresses_do_not_count_as_data() {
    under("-d 200000", "untouched_addresses_do_not_count_as_data", || {
        let mut heap = heap(HeapOptions::default());
        let made =
            heap.mutate(|mc, _| (0..).take_while(|_| Gc::try_new_slice_with(mc, 1 << 20, |_| 0u8).is_ok()).count());
        assert!((150..200).contains(&made), "{made} MiB");
        drop(heap);
        // What is given back can be had again.
        let mut again = self::heap(HeapOptions::default());
        again.mutate(|mc, _| {
            for _ in 0..150 {
                Gc::try_new_slice_with(mc, 1 << 20, |_| 0u8).unwrap();
            }
        });
    });
}

/// A limit that nothing can reach is as good as none, and one that leaves no room is an error that says so.
#[test]
fn limits_may_be_absurd() {
    for limit in [usize::MAX, usize::MAX - 1, 1 << 60, 1 << 46] {
        heap(HeapOptions::default().with_limit(limit)).mutate(|mc, _| assert_eq!(*Gc::try_new(mc, 1u64).unwrap(), 1));
    }
    for limit in [0, 1] {
        let options = HeapOptions::default().with_limit(limit);
        let refused = Heap::<Root>::try_with_options(options, NoGc::default(), |mc| Gc::try_new_str(mc, "root"));
        let error: heap_core::AllocError = refused.map(drop).unwrap_err();
        assert!(error.is_limit(), "{error}");
    }
}
