//! What is likely to be wrong with a collector when a check fails.
//!
//! A check says what it saw, and the author wants to know where to look. The same few mistakes are behind most failures, so
//! each has a line in a table: the checks that are about it, and the words that others use when they come across it. What the
//! shortest program does is among these: nothing in it can be left out. A report names those that fit, checks before words.
//!
//! *A table, no deduction:* that it does not point somewhere else is tested. Each [mistake](super::mistakes) that can be made
//! on purpose belongs to a line, and the report about it must name that line.

/// A likely mistake.
#[derive(Debug)]
pub struct Suspicion {
    /// What may be wrong, and where to look.
    pub what: &'static str,
    /// The checks that are about it.
    pub checks: &'static [&'static str],
    /// What checks, the verifier or the process say when they meet it, and what is in programs that meet it.
    pub words: &'static [&'static str],
}

macro_rules! suspicions {
    ($($name:ident { $what:literal, checks: [$($check:ident)*], words: [$($word:literal),*] })*) => {
        $(pub(super) static $name: Suspicion = Suspicion {
            what: $what, checks: &[$(stringify!($check)),*], words: &[$($word),*],
        };)*
        /// All of them.
        ///
        /// | what is likely to be wrong | checks that are about it |
        /// |---|---|
        $(#[doc = concat!("| ", $what, " | ", $("`", stringify!($check), "` ",)* "|")])*
        pub static SUSPICIONS: &[&Suspicion] = &[$(&$name),*];
    };
}

suspicions! {
    BARRIER {
        "a write is not seen: the barrier's mask, flip or birth bits call an object clean that is not, or `barrier_slow` forgets \
         what it is told",
        checks: [old_to_young hidden_behind_the_marker arrays_behind_the_marker one_store_looks_at_one_card zeal_graph
                 zeal_list_reversal intern_table],
        words: ["logged", "not remembered", "heap.collect_minor();", "heap.step("]
    }
    PERMANENT_WRITES {
        "a write to a permanent object is not seen: the first one comes to `barrier_slow`, which thaws the object; from then on \
         it is a root",
        checks: [frozen_heap],
        words: ["heap.freeze()", "permanent"]
    }
    ROOTS {
        "a root is missed: ask `HeapCore::every_root`, handles and queued finalizers included, and update them all if objects \
         move",
        checks: [handles handle_made_with_the_root handles_on_threads root_sets root_sets_on_threads many_references],
        words: ["a handle points there", "it is the root object", "mc.stash("]
    }
    EDGES {
        "something that leads from one object to another is not followed, or not updated: an element of a large array, a slot \
         in a box, an edge of an object that is visited by another way",
        checks: [containers foreign_containers wide_slices double_indirection header_slices],
        words: ["points there", "this reference was not updated", "is not what was stored", "leads to"]
    }
    CELLS_LATE {
        "weak cells of dead objects are cleared late, or not at all: `Death::bury` runs before any memory is reused, in every \
         collection, with its scope",
        checks: [weak_kept_past_cycle cells_come_and_go cells_cleared_in_steps weak_collections],
        words: ["it is the target of", "came back after", "is alive, and the object was reclaimed", "what was dead is alive"]
    }
    CELLS_EARLY {
        "weak cells of living objects are cleared, or an upgrade in the middle of a cycle is not heard of: `Closure::locate`, \
         `weak_upgraded`, `is_dead`",
        checks: [weak_upgraded_in_time handles_on_weak_pointers stages],
        words: ["is dead, and the object is not", "is reachable, and its weak pointer is dead", ".upgrade(mc)"]
    }
    GLUE {
        "drop glue runs too early, twice, or never: it is `Death::bury` that runs it, once for each collection, when everything \
         that lives is known",
        checks: [panic_in_drop_glue panics_at_once handles_dropped_in_drop_glue heaps_in_drop_glue],
        words: ["drop glue of", "each is dropped once", "all glue ran", "no glue twice"]
    }
    EPHEMERONS {
        "values of ephemerons are not reached: `Death::reach` comes after the main trace, and what it retains is drained \
         completely",
        checks: [ephemerons chained_ephemerons random_ephemerons],
        words: ["it is the value of", "it is the key of"]
    }
    FINALIZERS {
        "objects with finalizers are not brought back whole: `Death::reach` comes before `Death::bury`, and what it retains is \
         drained completely",
        checks: [finalizers random_finalizers],
        words: ["it waits in the queue for its finalizer", "the list of objects with finalizers"]
    }
    DUE {
        "a safepoint leaves `FastPath::due` set, so that every `mutate` ends in another one",
        checks: [safepoints_end requested_collections],
        words: ["a safepoint is still due"]
    }
    NEVER_DUE {
        "the collector does not say when a collection is due: `FastPath::due`, set by `allocate_slow` and for bytes outside",
        checks: [automatic_collection garbage_outside],
        words: ["nothing was collected by itself"]
    }
    FLOATING {
        "a full collection leaves garbage: it must finish the cycle in progress, and then do a whole one",
        checks: [idle_heap account_outside],
        words: ["objects are alive (`statistics()", "objects alive after a full collection"]
    }
    COUNTERS {
        "the collector's own counters are wrong: live objects and bytes, collections of each kind, abandoned ones",
        checks: [statistics_and_events reference_counts],
        words: ["allocated_bytes fell", "`statistics().live_objects`", "objects alive after a full collection"]
    }
    LARGE {
        "large objects are not freed, or freed although they live: `LargeObjects::retain`, by the marks of the same collection",
        checks: [recycled_memory garbage_outside],
        words: []
    }
    MEMORY {
        "memory is handed out twice, too short, or badly aligned, or remembers what it was: `allocate_slow`, the buffer of the \
         fast path, lines and blocks that still hold something",
        checks: [recycled_memory over_aligned zero_sized edge_sizes constructors],
        words: ["it overlaps", "is where object", "are at the same address", "is not what was asked for", "has changed",
                "is not aligned", "beyond the bump pointer"]
    }
    HASHES {
        "a moved object loses its identity hash: `Measured::move_with_hash`, `Identity::emptied`",
        checks: [identity_hashes collections_by_identity],
        words: ["identity hash", "identity_hash("]
    }
    HEADER {
        "an object's header forgets what stood in it: a copy takes over the state bits, except for `FORWARDED`",
        checks: [],
        words: ["its header denies that", "its header says that a side table knows it", "its header contradicts"]
    }
    RECLAIMED {
        "something that lives is reclaimed, or moved and not everywhere updated",
        checks: [],
        words: ["it was reclaimed", "memory that may not be touched", "its header is", "is not allocated", "is allocated:"]
    }
    RECURSION {
        "something recurses as deep as the heap is: marking, freeing, the decrements",
        checks: [deep_chain deep_chain_with_drop_glue deep_value deep_ring deep_dyn_value],
        words: ["a stack overflowed"]
    }
    LIMIT {
        "the heap's limit, or memory that the system refuses, is not honoured, or leaves something half done",
        checks: [tiny_limit every_limit refused_memory refused_while_dying try_mutate_collects limit_outside
                 collections_in_a_full_heap random_programs_with_a_limit random_programs_with_refusals futile_collections],
        words: ["without a limit"]
    }
    STEPS {
        "`step` does not say when a cycle has ended, or a cycle never ends: a program that steps until it is told so waits for \
         ever",
        checks: [steps_reclaim_the_old],
        words: ["it was stopped"]
    }
    UNWINDING {
        "a panic of the program's own code leaves the heap half done",
        checks: [panic_in_mutate panic_in_a_slice panic_in_the_first_root panic_in_a_listener panic_in_a_key
                 panic_payloads_that_panic panic_in_drop_glue_of_a_dropped_heap],
        words: ["was swallowed", "came out late", "panic!();", "by a panic"]
    }
}

/// The likely mistakes, the likeliest first.
pub(super) fn about(check: &str, said: &str) -> Vec<&'static Suspicion> {
    let by_words = SUSPICIONS.iter().filter(|suspicion| suspicion.words.iter().any(|word| said.contains(word)));
    let by_check = SUSPICIONS.iter().filter(|suspicion| suspicion.checks.contains(&check));
    let mut found: Vec<&'static Suspicion> = Vec::new();
    for suspicion in
        by_check.clone().filter(|one| one.words.iter().any(|word| said.contains(word))).chain(by_check).chain(by_words)
    {
        if !found.iter().any(|known| std::ptr::eq(*known, *suspicion)) {
            found.push(suspicion);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Kit;
    use super::{SUSPICIONS, about};

    #[test]
    fn suspicions_name_checks_that_exist() {
        for check in SUSPICIONS.iter().flat_map(|suspicion| suspicion.checks) {
            assert!(Kit::CHECKS.iter().any(|(name, _)| name == check), "there is no check `{check}`");
        }
    }

    #[test]
    fn what_a_check_is_about_comes_before_what_was_said() {
        let about = about("ephemerons", "the process ended by SIGSEGV, memory that may not be touched");
        assert!(about[0].what.contains("ephemerons") && about[1].what.contains("reclaimed"));
    }
}
