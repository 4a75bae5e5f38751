//! Memory that is reused, limits, memory that the system refuses.

use std::cell::Cell;
use std::rc::Rc;

use super::super::model::Promise;
use super::super::objects::mix;
use super::super::tools::caught;
use super::{Counted, Kit, Node, measure, prepend, slots};
use crate::collector::memory::os::fault;
use crate::error::AllocError;
use crate::{Gc, Heap, HeapOptions, Lock, Rootable, Static, Trace, Weak, store};

/// An object of any size, with a checksum.
#[derive(Trace)]
struct Parcel<'gc> {
    seed: u64,
    data: Gc<'gc, [u64]>,
}

impl<'gc> Parcel<'gc> {
    fn check(&self) {
        let intact = self.data.iter().enumerate().all(|(index, &value)| value == mix(self.seed ^ index as u64));
        assert!(intact, "the content of a parcel of {} words has changed", self.data.len());
    }
}

type Parcels = Rootable![Gc<'_, [Lock<Option<Gc<'_, Parcel<'_>>>>]>];

/// Sizes from small to large alternate, and what is alive at one time is a twentieth of what is allocated: recycled
/// memory must be used, and must be free of whatever was known about it before.
pub(in super::super) fn recycled_memory(kit: &Kit) {
    const ROUNDS: u64 = 800;
    const WINDOW: usize = 64;
    let limit = 24 << 20;
    let options = Kit::options().with_limit(limit);
    let mut heap = Heap::<Parcels>::with_options(options, kit.collector(), |mc| {
        Gc::new_slice_with(mc, WINDOW, |_| Lock::new(None))
    })
    .expect("a heap can be made");
    if !heap.capabilities().reclaims {
        return;
    }
    let mut words = 0;
    for round in 0..ROUNDS {
        let outcome = heap.try_mutate(|mc, root| {
            for step in 0..8 {
                let seed = mix(round * 8 + step);
                // Three quarters small, the others up to 128 KiB, in no order.
                let len = match seed % 8 {
                    0 => 2_000 + seed as usize / 8 % 2_000,
                    1 => 4_100 + seed as usize / 8 % 12_000,
                    _ => seed as usize / 8 % 200,
                };
                let data = Gc::try_new_slice_with(mc, len, |index| mix(seed ^ index as u64))?;
                let parcel = Gc::try_new(mc, Parcel { seed, data })?;
                store!(mc, root[seed as usize / 64 % WINDOW], Some(parcel));
                words += len;
            }
            root.iter().filter_map(Lock::get).for_each(|parcel| parcel.check());
            Ok::<(), AllocError>(())
        });
        assert_eq!(outcome, Ok(()), "{limit} bytes are enough for {WINDOW} parcels");
        match round % 16 {
            3 => heap.collect_minor(),
            7 => {
                heap.step(100_000);
            }
            15 => heap.collect(),
            _ => {}
        }
    }
    assert!(words * 8 > 2 * limit, "the program allocates much more than the limit");
    let parcels = heap.mutate(|_, root| root.iter().filter(|slot| slot.get().is_some()).count());
    kit.expect_verified(&mut heap, 1 + 2 * parcels as u64, 0);
}

/// A heap is filled to its limit, emptied, and filled again, many times.
pub(in super::super) fn tiny_limit(kit: &Kit) {
    for limit in [16 << 10, 64 << 10, 192 << 10, 1 << 20, 3 << 20] {
        let options = Kit::options().with_limit(limit);
        let Ok(mut heap) = kit.try_list(options) else { continue };
        let mut first = None;
        for round in 0..12 {
            let fill = heap.mutate(|mc, root| {
                let mut nodes = 0;
                loop {
                    let node = Node { value: nodes, next: Lock::new(root.next.get()), other: Lock::new(None) };
                    match Gc::try_new(mc, node) {
                        Ok(node) => store!(mc, root.next, Some(node)),
                        Err(error) => break (nodes, error),
                    }
                    nodes += 1;
                    assert!(nodes * 32 <= limit as u64, "the heap holds more than its limit of {limit} bytes");
                }
            });
            let (nodes, error) = fill;
            assert!(error.is_limit(), "{error}");
            assert!(heap.statistics().heap_bytes <= limit as u64, "{} of {limit}", heap.statistics().heap_bytes);
            // A full heap can still be read, written, collected and given up in part.
            let made = heap.mutate(|_, root| measure(root.next.get()).0);
            assert_eq!(made, nodes);
            if round == 0 {
                let panicked = caught(|| {
                    heap.mutate(|mc, _| {
                        for value in 0..=limit as u64 {
                            Node::make(mc, value, None);
                        }
                    })
                });
                assert!(panicked.is_err(), "the limit was not met");
            }
            kit.expect_verified(&mut heap, nodes + 1, 0);
            heap.mutate(|mc, root| store!(mc, root.next, None));
            kit.expect_verified(&mut heap, 1, 0);
            if kit.promise(&mut heap) == Promise::KeepsAll {
                break;
            }
            let first = *first.get_or_insert(nodes);
            assert!(nodes * 2 >= first, "round {round}: {nodes} nodes fit, and {first} at first; the limit is {limit}");
        }
    }
}

/// An object with all that can go wrong at a limit: glue, a weak pointer, and data of any size.
#[derive(Trace)]
struct Piece<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Piece<'gc>>>>,
    data: Option<Gc<'gc, [u64]>>,
    before: Option<Weak<'gc, Piece<'gc>>>,
    counted: Static<Counted>,
}

type Pieces = Rootable![Gc<'_, Lock<Option<Gc<'_, Piece<'_>>>>>];

/// Words of the data of piece `value`: none, small, medium, and large in no order.
fn words(value: u64) -> usize {
    match value % 32 {
        5 | 11 | 22 => 40,
        17 => 700,
        29 => 3_000,
        _ => 0,
    }
}

/// Makes pieces until there is no room or there are as many as `most`. Returns how many were made, and why no more.
fn make_pieces(heap: &mut Heap<Pieces>, drops: &Rc<Cell<u64>>, most: u64) -> (u64, Option<AllocError>) {
    heap.mutate(|mc, root| {
        for value in 0..most {
            let piece = || {
                let len = words(value);
                let data = match len {
                    0 => None,
                    _ => Some(Gc::try_new_slice_with(mc, len, |index| mix(value ^ index as u64))?),
                };
                let next = root.get();
                let before = next.map(|next| Gc::try_downgrade(next, mc)).transpose()?;
                let counted = Static(Counted(drops.clone()));
                Gc::try_new(mc, Piece { value, next: Lock::new(next), data, before, counted })
            };
            match piece() {
                Ok(piece) => root.set(mc, Some(piece)),
                Err(error) => return (value, Some(error)),
            }
        }
        (most, None)
    })
}

/// Looks at all pieces. Returns how many there are, with the objects that they consist of.
fn check_pieces(heap: &mut Heap<Pieces>) -> (u64, u64) {
    heap.mutate(|mc, root| {
        let (mut pieces, mut objects, mut at) = (0, 0, root.get());
        while let Some(piece) = at {
            pieces += 1;
            objects += 1 + u64::from(piece.data.is_some()) + u64::from(piece.before.is_some());
            assert_eq!(piece.data.map_or(0, |data| data.len()), words(piece.value));
            let mut words = piece.data.iter().flat_map(|data| data.iter()).enumerate();
            assert!(words.all(|(index, &word)| word == mix(piece.value ^ index as u64)), "the data has changed");
            match (piece.next.get(), piece.before.and_then(|before| before.upgrade(mc))) {
                (None, _) => {}
                (Some(next), Some(before)) => assert!(Gc::ptr_eq(next, before)),
                (Some(_), None) => panic!("a weak pointer to what lives is dead"),
            }
            at = piece.next.get();
        }
        (pieces, objects)
    })
}

/// Fills a heap, and empties it in parts. Whatever the limit is, allocation reports it, and everything else goes on.
fn fill_and_empty(kit: &Kit, options: HeapOptions) {
    const MOST: u64 = 300;
    let what = format!("{options:?}");
    let bounded = options.reservation.is_none();
    let heap = Heap::<Pieces>::try_with_options(options, kit.collector(), |mc| Gc::try_new(mc, Lock::new(None)));
    let Ok(mut heap) = heap else { return };
    if !heap.capabilities().reclaims {
        return;
    }
    let drops = Rc::new(Cell::new(0));
    let mut first = None;
    let limit = if bounded { heap.options().limit.unwrap_or(0) } else { 0 };
    for round in 0..5 {
        let (made, error) = make_pieces(&mut heap, &drops, MOST);
        let expected = [AllocError::ADDRESS_SPACE, AllocError::TOO_LARGE];
        assert!(error.is_none_or(|error| error.is_limit() || expected.contains(&error)), "{what}: {error:?}");
        heap.verify().unwrap_or_else(|error| panic!("{what}, full: {error}"));
        let first = *first.get_or_insert(made);
        // Below a few blocks, what fits is a matter of luck.
        if limit >= 192 << 10 && made < MOST {
            let bytes: usize = (0..made).map(|value| size_of::<Piece<'_>>() + 8 + 8 * words(value)).sum();
            assert!(bytes >= limit / 4, "{what}, round {round}: no more than {bytes} bytes fit");
            assert!(2 * made + 32 >= first, "{what}, round {round}: {first} pieces fit at first, and {made} now");
        }
        let (pieces, objects) = check_pieces(&mut heap);
        assert_eq!(pieces, made, "{what}");
        match round % 3 {
            0 => kit.expect_verified(&mut heap, 1 + objects, 0),
            1 => heap.collect_minor(),
            _ => while !heap.step(1000) {},
        }
        // The older half goes, then the rest.
        heap.mutate(|mc, root| {
            let mut at = root.get();
            for _ in 1..pieces / 2 {
                at = at.and_then(|piece| piece.next.get());
            }
            if let Some(piece) = at {
                store!(mc, piece.next, None);
            }
        });
        if round % 2 == 0 {
            heap.collect_minor();
        }
        heap.verify().unwrap_or_else(|error| panic!("{what}, half full: {error}"));
        let (pieces, objects) = check_pieces(&mut heap);
        kit.expect_verified(&mut heap, 1 + objects, 0);
        assert!(pieces <= made.div_ceil(2).max(1), "{what}");
        heap.mutate(|mc, root| root.set(mc, None));
        kit.expect_verified(&mut heap, 1, 0);
    }
    let made = drops.get();
    drop(heap);
    assert_eq!(drops.get(), made, "{what}: glue ran when the pieces died, not when the heap did");
}

/// Every limit in steps of 4 KiB, and address spaces that are too small.
pub(in super::super) fn every_limit(kit: &Kit) {
    for pages in 0..192 {
        fill_and_empty(kit, Kit::options().with_limit(pages << 12));
    }
    for blocks in 0..40 {
        fill_and_empty(kit, Kit::options().with_reservation(blocks << 16));
        fill_and_empty(kit, Kit::options().with_reservation(blocks << 16).with_limit(300 << 10));
    }
}

/// A second attempt succeeds when the first met a heap full of garbage.
pub(in super::super) fn try_mutate_collects(kit: &Kit) {
    let options = Kit::options().with_limit(4 << 20);
    let mut heap = kit.list_with(options);
    if !heap.capabilities().reclaims {
        return;
    }
    let mut attempts = 0;
    for _ in 0..20 {
        let outcome = heap.try_mutate(|mc, root| {
            attempts += 1;
            store!(mc, root.next, None);
            for value in 0..10_000 {
                let node = Node { value, next: Lock::new(root.next.get()), other: Lock::new(None) };
                store!(mc, root.next, Some(Gc::try_new(mc, node)?));
            }
            Ok::<(), AllocError>(())
        });
        assert_eq!(outcome, Ok(()), "ten thousand nodes fit into four megabytes");
    }
    assert!(attempts <= 40);
    // An error that is not about memory is handed on, and nothing is tried again.
    attempts = 0;
    let outcome = heap.try_mutate(|_, _| {
        attempts += 1;
        Err::<(), _>("no")
    });
    assert_eq!((outcome, attempts), (Err("no"), 1));
    // More than there will ever be.
    let outcome = heap.try_mutate(|mc, _| Gc::try_new_slice(mc, &vec![0u64; 1 << 20]).map(|_| ()));
    assert!(outcome.is_err());
    heap.mutate(|mc, root| store!(mc, root.next, None));
    assert!(heap.reserve(1 << 20).is_ok());
    assert!(heap.reserve(64 << 20).is_err());
    kit.expect_verified(&mut heap, 1, 0);
}

/// The system refuses memory, for objects and for mark stacks, at every possible moment. Nothing is lost.
pub(in super::super) fn refused_memory(kit: &Kit) {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            fault::fail_commit_after(0);
            fault::refuse_commits(false);
            crate::fault::refuse_mark_stacks(false);
        }
    }
    let _restore = Restore;
    for after in 1..12 {
        fault::fail_commit_after(after);
        let Ok(mut heap) = kit.try_list(Kit::options()) else { continue };
        let mut nodes = 0;
        let mut refused = 0;
        for round in 0..40 {
            heap.mutate(|mc, root| {
                for _ in 0..4_000 {
                    let node = Node { value: nodes, next: Lock::new(root.next.get()), other: Lock::new(None) };
                    match Gc::try_new(mc, node) {
                        Ok(node) => {
                            store!(mc, root.next, Some(node));
                            nodes += 1;
                        }
                        Err(error) => {
                            assert!(error == AllocError::REFUSED, "{error}");
                            refused += 1;
                        }
                    }
                }
            });
            if round % 8 == 7 {
                heap.collect_minor();
            }
        }
        assert!(refused <= 1, "one commit was refused, and {refused} allocations failed");
        fault::fail_commit_after(0);
        kit.expect_verified(&mut heap, nodes + 1, 0);
        heap.mutate(|_, root| assert_eq!(measure(root.next.get()).0, nodes));
    }
    // Everything is refused for a while: collections are given up or done, and what is alive stays.
    let mut heap = kit.list();
    heap.mutate(|mc, root| {
        for value in 0..3_000 {
            let node = Node::make(mc, value, root.next.get());
            // A tree under each node makes mark stacks deep.
            store!(mc, node.other, Some(Node::make(mc, value, None)));
            store!(mc, root.next, Some(node));
        }
    });
    for round in 0..6 {
        crate::fault::refuse_mark_stacks(round % 2 == 0);
        fault::refuse_commits(round % 3 == 0);
        heap.collect_minor();
        heap.step(1000);
        heap.collect();
        heap.mutate(|mc, root| {
            assert_eq!(measure(root.next.get()).0, 3_000);
            // Written to while a marking may be stuck.
            let first = root.next.get().unwrap();
            store!(mc, first.other, None);
            if let Ok(node) = Gc::try_new(mc, Node { value: 1, next: Lock::new(None), other: Lock::new(None) }) {
                store!(mc, first.other, Some(node));
            }
        });
    }
    crate::fault::refuse_mark_stacks(false);
    fault::refuse_commits(false);
    heap.collect();
    let others = heap.mutate(|_, root| {
        let (mut others, mut node) = (0, root.next.get());
        while let Some(current) = node {
            others += u64::from(current.other.get().is_some());
            node = current.next.get();
        }
        others
    });
    kit.expect_verified(&mut heap, 1 + 3_000 + others, 0);
}

/// One `mutate` that allocates far more than any young space holds; nothing is collected in it, and nothing is lost.
pub(in super::super) fn one_large_mutate(kit: &Kit) {
    const KEPT: usize = 1_000;
    let mut heap = kit.table(KEPT);
    heap.mutate(|mc, root| {
        for value in 0..300_000u64 {
            let node = Node::make(mc, value, None);
            if value.is_multiple_of(300) {
                store!(mc, root[value as usize / 300], Some(node));
            }
            if value.is_multiple_of(50_000) {
                slots(mc, 10_000);
            }
        }
        assert!(root.iter().enumerate().all(|(index, slot)| slot.get().unwrap().value == index as u64 * 300));
    });
    kit.expect_verified(&mut heap, KEPT as u64 + 1, 0);
    heap.mutate(|_, root| {
        assert!(root.iter().enumerate().all(|(index, slot)| slot.get().unwrap().value == index as u64 * 300));
    });
}

/// Collections happen by themselves, and the heap stays small.
pub(in super::super) fn automatic_collection(kit: &Kit) {
    let mut heap = kit.list_with(HeapOptions::default());
    if !heap.capabilities().reclaims {
        return;
    }
    for _ in 0..4_000 {
        heap.mutate(|mc, root| {
            store!(mc, root.next, None);
            prepend(mc, *root, 0, 1_000);
            slots(mc, 12_000);
        });
    }
    let statistics = heap.statistics();
    assert!(statistics.allocated_bytes > 480 << 20);
    assert!(statistics.collections() > 0, "nothing was collected by itself");
    let peak = statistics.peak_heap_bytes;
    assert!(peak < statistics.allocated_bytes / 4, "the heap grew to {peak} bytes, with 32 KB alive");
    kit.expect_verified(&mut heap, 1_001, 0);
}
