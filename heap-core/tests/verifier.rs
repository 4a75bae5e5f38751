//! What the verifier says about heaps that were damaged by hand: what is wrong, and who points there.
#![cfg(feature = "conformance")]

use std::mem::offset_of;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use heap_core::collector::memory::{BLOCK_BYTES, BlockKind, LINES_PER_BLOCK, MEDIUM_MAX, poison};
use heap_core::collector::object::{FORWARDED, HEADER_BYTES, SIDE_ENTRY, SLICE_PREFIX_BYTES};
use heap_core::collector::{AllocRequest, EdgeSink, HeaderWord, HeapContext, Object, ObjectRef};
use heap_core::conformance::damaged::Damaged;
use heap_core::{Gc, Heap, Lock, NoGc, RefLock, Rootable, Trace, Weak};

#[derive(Trace)]
struct Leaf(#[allow(dead_code)] u64);

#[derive(Trace)]
#[repr(align(64))]
struct Aligned(#[allow(dead_code)] u64);

/// The root object; each field is damaged by some test.
#[derive(Trace)]
struct Parent<'gc> {
    leaf: Lock<Gc<'gc, Leaf>>,
    other: Lock<Gc<'gc, Leaf>>,
    slice: Lock<Gc<'gc, [u64]>>,
    aligned: Lock<Gc<'gc, Aligned>>,
    weak: Lock<Weak<'gc, Leaf>>,
    owned: RefLock<Vec<Gc<'gc, Leaf>>>,
}

/// The parent, and a handle to a leaf of its own.
fn verdict(damage: fn(&mut NoGc, &mut HeapContext<'_>)) -> String {
    let collector = Damaged { collector: NoGc::default(), damage };
    let mut heap = Heap::<Rootable![Gc<'_, Parent<'_>>]>::new(collector, |mc| {
        let leaf = |n| Gc::new(mc, Leaf(n));
        let weak = Gc::downgrade(leaf(3), mc);
        Gc::new(
            mc,
            Parent {
                leaf: Lock::new(leaf(1)),
                other: Lock::new(leaf(2)),
                slice: Lock::new(Gc::new_slice_with(mc, 5, |n| n as u64)),
                aligned: Lock::new(Gc::new(mc, Aligned(4))),
                weak: Lock::new(weak),
                owned: RefLock::new(vec![leaf(5)]),
            },
        )
    })
    .unwrap();
    let handle = heap.mutate(|mc, _| mc.stash_as::<Rootable![Gc<'_, Leaf>]>(Gc::new(mc, Leaf(6))));
    heap.verify().expect("undamaged");
    heap.step(0);
    let error = heap.verify().expect_err("damaged").to_string();
    // Its drop glue would look at what was damaged.
    std::mem::forget((heap, handle));
    error
}

#[track_caller]
fn says(damage: fn(&mut NoGc, &mut HeapContext<'_>), parts: &[&str]) {
    let error = verdict(damage);
    for part in parts {
        assert!(error.contains(part), "no \"{part}\" in: {error}");
    }
}

#[track_caller]
fn slot_says(offset: usize, damage: fn(&mut NoGc, &mut HeapContext<'_>), what: &str) {
    let whence = format!("; the slot at byte {offset} of object 0x");
    says(damage, &[what, &whence, "verifier::Parent<'_>, header 0x", " points there"]);
}

/// The object that the root is a pointer to.
fn parent(heap: &HeapContext<'_>) -> ObjectRef {
    let mut edges = EdgeSink::everything();
    // SAFETY: the root is alive, and the program is stopped.
    unsafe { Object::at(heap.core.roots.root().unwrap()) }.trace(&mut edges);
    edges.stack[0]
}

fn slot(heap: &HeapContext<'_>, offset: usize) -> NonNull<ObjectRef> {
    // SAFETY: inside the object.
    unsafe { parent(heap).payload().byte_add(offset) }.cast()
}

fn get(heap: &HeapContext<'_>, offset: usize) -> ObjectRef {
    // SAFETY: a slot of a live object.
    unsafe { slot(heap, offset).read() }
}

fn set(heap: &HeapContext<'_>, offset: usize, to: ObjectRef) {
    // SAFETY: a slot of a live object; that it leads to nothing good is the point.
    unsafe { slot(heap, offset).write(to) }
}

fn set_header(object: ObjectRef, word: HeaderWord) {
    // SAFETY: callers name memory of the heap that is committed.
    unsafe { object.header() }.store(word);
}

fn header(object: ObjectRef) -> HeaderWord {
    // SAFETY: callers name live objects.
    unsafe { object.header() }.load()
}

fn moved(object: ObjectRef, bytes: isize) -> ObjectRef {
    let address = |address: NonZeroUsize| address.get().wrapping_add_signed(bytes).try_into().unwrap();
    ObjectRef::new(object.payload().map_addr(address))
}

/// A block of its own, `offset` bytes behind whose beginning an object looks like a leaf.
fn fresh_block(heap: &mut HeapContext<'_>, offset: usize) -> ObjectRef {
    let blocks = &mut heap.core.memory.blocks;
    let block = blocks.allocate(BlockKind::Small).unwrap();
    let object = moved(ObjectRef::new(blocks.address_of(block)), offset as isize);
    set_header(object, header(get(heap, LEAF)));
    object
}

const LEAF: usize = offset_of!(Parent<'static>, leaf);
const OTHER: usize = offset_of!(Parent<'static>, other);
const SLICE: usize = offset_of!(Parent<'static>, slice);
const ALIGNED: usize = offset_of!(Parent<'static>, aligned);
const WEAK: usize = offset_of!(Parent<'static>, weak);

/// The only element of `owned`.
fn owned(heap: &HeapContext<'_>) -> ObjectRef {
    let mut edges = EdgeSink::everything();
    // SAFETY: alive.
    unsafe { Object::at(parent(heap)) }.trace(&mut edges);
    let fields = [LEAF, OTHER, SLICE, ALIGNED, WEAK].map(|field| get(heap, field));
    *edges.stack.iter().find(|edge| !fields.contains(edge)).unwrap()
}

#[test]
fn addresses_where_nothing_can_be() {
    slot_says(LEAF, |_, heap| set(heap, LEAF, moved(get(heap, LEAF), 4)), "the address is not a multiple of 8");
    slot_says(OTHER, |_, heap| set(heap, OTHER, moved(get(heap, OTHER), 1 << 46)), "the address is outside the heap");
    let unused = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let blocks = &heap.core.memory.blocks;
        let used = ObjectRef::new(blocks.base());
        set(heap, LEAF, moved(used, (blocks.high_water().index() * BLOCK_BYTES + 64) as isize));
    };
    slot_says(LEAF, unused, "a block that was never used");
    let free = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = fresh_block(heap, 64);
        set(heap, LEAF, object);
        let blocks = &mut heap.core.memory.blocks;
        blocks.free(blocks.block_of(object.address()));
    };
    slot_says(LEAF, free, "it lies in a free block");
}

#[test]
fn memory_for_the_next_objects() {
    let hole = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = fresh_block(heap, 64);
        set(heap, LEAF, object);
        let memory = &mut heap.core.memory;
        let block = memory.blocks.block_of(object.address());
        let all = memory.lines.select(block, |_| true);
        assert_eq!(all.count(), LINES_PER_BLOCK);
        memory.holes.file(block, all);
    };
    slot_says(LEAF, hole, "it lies in a hole that is free for the next objects");
    let ahead = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        set(heap, LEAF, moved(ObjectRef::new(heap.fast.cursor.get()), HEADER_BYTES as isize));
    };
    slot_says(LEAF, ahead, "it lies beyond the bump pointer, where the next object will be");
    // The header is the last one in front of the cursor, the payload is behind it.
    let half = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = ObjectRef::new(heap.fast.cursor.get());
        set_header(object, header(get(heap, LEAF)));
        set(heap, LEAF, object);
    };
    slot_says(LEAF, half, "not all of this (verifier::Leaf) is allocated: it lies beyond the bump pointer");
    let across = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = fresh_block(heap, BLOCK_BYTES - 8);
        set_header(object, header(get(heap, SLICE)));
        // SAFETY: in front of the header, in the same block: a length of 8.
        unsafe { object.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(8) };
        let blocks = &mut heap.core.memory.blocks;
        let next = blocks.allocate(BlockKind::Small).unwrap();
        blocks.free(next);
        set(heap, SLICE, object);
    };
    slot_says(SLICE, across, "it reaches into a block of another kind");
}

#[test]
fn large_objects_begin_where_they_begin() {
    let inside = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let request = AllocRequest { bytes: 3 * MEDIUM_MAX, prefix: HEADER_BYTES, align: 8 };
        let large = ObjectRef::new(heap.allocate_large(request).unwrap().payload);
        set(heap, LEAF, moved(large, 4096));
    };
    slot_says(LEAF, inside, "it lies in the blocks of a large object, which begins elsewhere");
    let freed = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let request = AllocRequest { bytes: 3 * MEDIUM_MAX, prefix: HEADER_BYTES, align: 8 };
        let large = ObjectRef::new(heap.allocate_large(request).unwrap().payload);
        set_header(large, header(get(heap, LEAF)));
        set(heap, LEAF, large);
        let memory = &mut heap.core.memory;
        memory.large.free(&mut memory.blocks, large.payload());
    };
    slot_says(LEAF, freed, "it lies in a free block");
    let longer = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let request = AllocRequest { bytes: 3 * MEDIUM_MAX, prefix: SLICE_PREFIX_BYTES, align: 8 };
        let large = ObjectRef::new(heap.allocate_large(request).unwrap().payload);
        set_header(large, header(get(heap, SLICE)));
        // SAFETY: in front of the header, in the same run.
        unsafe { large.payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(3 * MEDIUM_MAX / 8 + 1) };
        set(heap, SLICE, large);
    };
    slot_says(SLICE, longer, "it is longer than the large object that was allocated");
}

#[test]
fn headers_that_are_none() {
    let forwarded = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        set_header(get(heap, LEAF), HeaderWord::forwarding(get(heap, OTHER)));
    };
    slot_says(LEAF, forwarded, "and this reference was not updated");
    let poisoned = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        // SAFETY: the object's own bytes. Somebody points there; that is the point.
        unsafe { poison(get(heap, OTHER).payload().byte_sub(HEADER_BYTES), HEADER_BYTES) };
    };
    slot_says(OTHER, poisoned, "it was reclaimed: its header is poisoned");
    let zeroed = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = get(heap, LEAF);
        set_header(object, header(object).replace(usize::MAX, 0));
    };
    slot_says(LEAF, zeroed, "its header is null");
    let pointer = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        set_header(get(heap, LEAF), HeaderWord::forwarding(get(heap, OTHER)).without(FORWARDED));
    };
    slot_says(LEAF, pointer, "names a type description inside the heap");
    let long = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        // SAFETY: the length of a slice, in front of its header.
        unsafe { get(heap, SLICE).payload().byte_sub(SLICE_PREFIX_BYTES).cast::<usize>().write(usize::MAX / 2) };
    };
    slot_says(SLICE, long, "as [u64] it has an absurd length: 9223372036854775807");
    let shifted = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = get(heap, ALIGNED);
        set_header(moved(object, 8), header(object));
        set(heap, ALIGNED, moved(object, 8));
    };
    slot_says(ALIGNED, shifted, "the address is not aligned as verifier::Aligned asks");
}

#[test]
fn objects_that_overlap() {
    let inside = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let (slice, leaf) = (get(heap, SLICE), get(heap, LEAF));
        set_header(moved(slice, 16), header(leaf));
        set(heap, LEAF, moved(slice, 16));
    };
    slot_says(LEAF, inside, "it overlaps object 0x");
    says(inside, &["verifier::Leaf, header", "([u64], header", &format!("(the slot at byte {SLICE} of object 0x")]);
}

#[test]
fn side_entries_that_do_not_fit() {
    let mark = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let object = get(heap, LEAF);
        set_header(object, header(object).with(SIDE_ENTRY));
    };
    slot_says(LEAF, mark, "its header says that a side table knows it, and none does");
    let forget = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        // SAFETY: a weak cell's payload is its target.
        let target = unsafe { get(heap, WEAK).payload().cast::<ObjectRef>().read() };
        set_header(target, header(target).without(SIDE_ENTRY));
        set(heap, LEAF, target);
    };
    slot_says(LEAF, forget, "a side table knows it, and its header denies that");
    let cell = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let cell = get(heap, WEAK);
        set_header(cell, header(cell).without(SIDE_ENTRY));
    };
    slot_says(WEAK, cell, "it belongs to a side table, and its header denies that");
}

#[test]
fn whoever_points_there_is_named() {
    fn ruin(object: ObjectRef) {
        // SAFETY: the object's own bytes. Somebody points there; that is the point.
        unsafe { poison(object.payload().byte_sub(HEADER_BYTES), HEADER_BYTES) };
    }
    says(|_, heap| ruin(heap.core.roots.root().unwrap()), &["header is poisoned; it is the root object"]);
    says(|_, heap| ruin(heap.core.every_root().nth(1).unwrap()), &["header is poisoned; a handle points there"]);
    let in_vector = [
        "header is poisoned; a slot in memory that object 0x",
        "verifier::Parent<'_>, header",
        "owns outside the heap",
    ];
    says(|_, heap| ruin(owned(heap)), &in_vector);
    let dangling = |_: &mut NoGc, heap: &mut HeapContext<'_>| {
        let cell = get(heap, WEAK);
        // SAFETY: a weak cell's payload is its target.
        ruin(unsafe { cell.payload().cast::<ObjectRef>().read() });
    };
    says(dangling, &["header is poisoned; it is the target of object 0x"]);
}
