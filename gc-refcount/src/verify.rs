//! What the verifier checks about counts.
//!
//! Between an epoch and the next allocation or write, everything reachable is counted, and a count is at least the
//! number of references that the verifier found: it may be higher by references from garbage cycles. After a complete
//! cycle collection there are none, and counts, inventory and references must agree exactly.

use std::collections::HashMap;

use heap_core::collector::object::UNLOGGED;
use heap_core::collector::{HeapCore, ObjectRef, ObjectSet};

use crate::RefCount;
use crate::count::{BUFFERED, GRAY, is_counted};

impl RefCount {
    pub(crate) fn check_object(&self, core: &HeapCore, object: ObjectRef) -> Result<(), String> {
        // SAFETY: the verifier reached the object and found a sound header; nothing else runs.
        let word = unsafe { object.header() }.load();
        // SAFETY: as above.
        let info = unsafe { word.type_info() };
        if word.has(GRAY) {
            return Err("the object was left gray by a cycle collection".into());
        }
        if !is_counted(word) {
            return if self.fresh { Ok(()) } else { Err("reachable, but its count is zero".into()) };
        }
        // SAFETY: as above.
        if !unsafe { self.space.holds(core, object, info) } {
            return Err("counted, but its lines are free".into());
        }
        if info.trace().is_some() && !word.has(UNLOGGED) && !self.log.contains(object) {
            return Err("neither clean nor logged: the next write would not be noticed".into());
        }
        Ok(())
    }

    pub(crate) fn check_references(&self, core: &HeapCore, incoming: &HashMap<ObjectRef, u64>) -> Result<(), String> {
        let roots = &core.roots;
        let released = core.death.finalizers.has_released();
        let settled = !self.fresh && self.log.is_empty() && roots.are_settled() && !released;
        if !settled {
            return Ok(());
        }
        let buffered: ObjectSet = self.candidates.objects().iter().copied().collect();
        for (&object, &references) in incoming {
            // SAFETY: the verifier reached the object; nothing else runs.
            let word = unsafe { object.header() }.load();
            let count = self.counts.get(object, word);
            if count < references || (self.exact && count != references) {
                return Err(format!("{object:?} has a count of {count}, and {references} references lead to it"));
            }
            if word.has(BUFFERED) != buffered.contains(&object) {
                return Err(format!("{object:?} and the candidate buffer disagree about its being there"));
            }
        }
        let (counted, reached) = (core.statistics.live_objects, incoming.len() as u64);
        if counted < reached || (self.exact && counted != reached) {
            return Err(format!("{counted} objects are counted and {reached} are reachable"));
        }
        Ok(())
    }
}
