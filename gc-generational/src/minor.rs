//! A minor collection: empties the nursery, by copying its survivors or by leaving them where they are.
//!
//! Copying is the rule. Survivors stay in place when there is no room for copies, or when one `mutate` outgrew the nursery
//! by far (see `policy`). Either way all survivors are old afterwards, and the remembered set is empty.

use core::ops::Range;

use heap_core::CollectionKind;
use heap_core::collector::memory::{self, BlockIndex, LINES_PER_BLOCK};
use heap_core::collector::object::HASH_BYTES;
use heap_core::collector::{HeapContext, HeapCore, Intact, NoKeys, ObjectRef, Scope};
use heap_core::events::EventKind;

use crate::Generational;
use crate::in_place::Promotion;
use crate::policy;
use crate::scavenge::Scavenger;

impl Generational {
    /// Empties the nursery. False when that had to be abandoned; then nothing has changed.
    pub(crate) fn minor(&mut self, heap: &mut HeapContext<'_>) -> bool {
        heap.fast.due.set(false);
        heap.core.event(EventKind::PrepareGc(CollectionKind::Minor));
        let used = self.nursery.used_bytes(heap.fast);
        let owned_before = heap.core.outside.settled();
        let young = self.nursery.low()..self.nursery.low() + used;
        let asked = heap.core.identity.asked();
        let copied = self.nursery.copied_bytes(heap.fast) + asked * HASH_BYTES;
        let promoted = if self.can_copy(heap.core, used, copied) {
            if asked == 0 {
                self.copy_survivors::<false>(heap, young)
            } else {
                let bytes = self.copy_survivors::<true>(heap, young.clone());
                if !young.is_empty() {
                    let first = heap.core.memory.blocks.block_of(young.start);
                    heap.core
                        .identity
                        .emptied(first..BlockIndex::new(first.index() + self.nursery.used_blocks(heap.fast)));
                }
                bytes
            }
        } else {
            match self.promote_in_place(heap, young) {
                Some(bytes) => bytes,
                None => {
                    heap.core.statistics.abandoned_collections += 1;
                    heap.core.event(EventKind::Abandoned);
                    return false;
                }
            }
        };
        heap.core.identity.settle();
        heap.core.memory.large.take_young(|_| {});
        heap.core.roots.settle();
        let owned = heap.core.outside.settled().saturating_sub(owned_before);
        let nursery_bytes = self.nursery.nominal() * memory::BLOCK_BYTES;
        self.policy.minor_done(promoted, core::mem::take(&mut self.large_born), owned, nursery_bytes);
        heap.core.outside.allow_beside(nursery_bytes);
        let statistics = &mut heap.core.statistics;
        statistics.minor_collections += 1;
        statistics.promoted_bytes += promoted as u64;
        if self.nursery.is_parked() {
            return true;
        }
        let recent = heap.recent_bytes();
        let blocks = &mut heap.core.memory.blocks;
        let nominal = policy::nursery_blocks(&self.options, blocks, self.nursery.committed_bytes(), recent);
        // Without a window the program allocates in the old space, and the next collection tries again.
        let _ = self.nursery.settle(blocks, heap.fast, nominal);
        // If the next nursery is like those of late.
        self.slots.trim(self.nursery.committed_bytes().max(nominal * memory::BLOCK_BYTES) / size_of::<ObjectRef>());
        if self.policy.parks(&self.options, used, promoted, nursery_bytes) {
            self.park(&mut heap.core.memory.blocks, heap.fast);
        }
        true
    }

    /// Whether the nursery is copied; if so, memory and stack for the worst case are there.
    fn can_copy(&mut self, core: &mut HeapCore, used: usize, copied: usize) -> bool {
        let in_place = policy::promotes_in_place(&self.options, used, self.nursery.nominal());
        // A copy cannot be abandoned, so it needs no epoch to move on to.
        (!in_place || !self.old.epochs.can_promote())
            && core.memory.blocks.prepare(policy::copy_reserve(copied)).is_ok()
            && self.slots.reserve(used / size_of::<ObjectRef>())
    }

    /// Copies what is reachable out of the nursery. Returns the bytes copied.
    fn copy_survivors<const HASHES: bool>(&mut self, heap: &mut HeapContext<'_>, young: Range<usize>) -> usize {
        self.slots.set_window(young.clone());
        let core = &mut *heap.core;
        // SAFETY: the program is stopped, and no memory is reused before the scavenger is gone. What it visits lives.
        let slots = unsafe { self.slots.begin() };
        let mut scavenger = Scavenger::<HASHES> {
            young: young.clone(),
            memory: &mut core.memory,
            old: &mut self.old,
            identity: &core.identity,
            slots,
            arrays: Vec::new(),
            bytes: 0,
        };
        core.roots.update_created(|slot| {
            if young.contains(&slot.address()) {
                // SAFETY: a handle keeps its target alive, or did when the target was moved; the rest is as above.
                let object = unsafe { Intact::at(*slot) };
                *slot = scavenger.evacuate(object, &mut NoKeys);
                scavenger.drain();
            }
        });
        // A promotion that was abandoned leaves clean young objects behind, which may have been listed since.
        self.remembered.forget(|object| young.contains(&object.address()));
        self.remembered.objects().for_each(|object| scavenger.visit_old(object));
        self.remembered.cards().for_each(|(array, card)| scavenger.visit_card(array, card));
        let reached = core.death.reach(Scope::Young, &mut scavenger);
        debug_assert!(reached.is_ok(), "there is room for all copies");
        let dropped = core.death.bury(Scope::Young, &scavenger);
        let bytes = scavenger.bytes;
        self.remembered.clean(&core.memory.lines);
        core.event(EventKind::HeapTraced);
        core.buried(Scope::Young, dropped);
        if core.options.poisons() && self.nursery.committed_bytes() > 0 {
            // SAFETY: nothing lives in the nursery any more, and no reference leads there.
            unsafe { memory::poison(self.nursery.start(), young.len()) };
        }
        bytes
    }

    /// Makes what is reachable in the nursery old where it is. Returns its bytes, or nothing when the system refused
    /// memory for the stack.
    fn promote_in_place(&mut self, heap: &mut HeapContext<'_>, young: Range<usize>) -> Option<usize> {
        let core = &mut *heap.core;
        let epochs = &mut self.old.epochs;
        if !epochs.can_promote() {
            return None;
        }
        let mut promotion = Promotion::begin(&core.memory, &mut self.edges, epochs, young.clone());
        core.roots.created_targets().for_each(|object| promotion.root(object));
        promotion.drain();
        // After an abandoned promotion there can be young ones among them, which are taken for reachable.
        self.remembered.objects().for_each(|object| promotion.visit_old(object));
        self.remembered.cards().for_each(|(array, card)| promotion.visit_card(array, card));
        if !promotion.is_complete() || core.death.reach(Scope::Young, &mut promotion).is_err() {
            // Some young objects have this epoch now: the next attempt needs another one.
            let moved_on = epochs.advance();
            debug_assert!(moved_on, "checked before the promotion began");
            return None;
        }
        let dropped = core.death.bury(Scope::Young, &promotion);
        let bytes = promotion.bytes;
        drop(promotion);
        // Those that were young and listed are old now. All that was reached is.
        self.remembered.clean(&core.memory.lines);
        core.event(EventKind::HeapTraced);
        core.buried(Scope::Young, dropped);
        let memory = &mut core.memory;
        let blocks = self.nursery.used_blocks(heap.fast);
        let first = (!young.is_empty()).then(|| memory.blocks.block_of(young.start));
        self.nursery.give_up_used(&mut memory.blocks, heap.fast);
        let stamp = epochs.stamp();
        for offset in 0..blocks as u32 {
            let Some(first) = first else { break };
            let block = memory::BlockIndex(first.0 + offset);
            let free = memory.lines.select(block, |byte| byte != stamp);
            if free.count() == LINES_PER_BLOCK {
                memory.free_block(block);
            } else {
                memory.holes.file(block, free);
            }
        }
        Some(bytes)
    }
}
