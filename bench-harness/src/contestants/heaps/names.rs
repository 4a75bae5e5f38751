//! `names`: what happens to objects in a Python program, a million times.
//!
//! The model of this whole library is Python's memory management, where an object's count rises when it is bound to a
//! name or placed in a container, and falls when the name is rebound, goes out of scope, or the object is removed. This
//! program is made of exactly these events. A scope is an object with 16 names and a pointer to the scope outside it; a
//! value is a number, or a container of values; values are small and most die young, but the names of the outermost
//! scope keep some for long. Containers may come to contain themselves, so there are cycles.
//!
//! There is no peer for it. The checksum mixes the number of every object that is read, so it depends on the order of
//! events and on nothing else; in the end everything that has a name is read, with what it contains, because an object
//! that was lost may never have been read. [`expected`](crate::workloads::expected) lists what has to come out.

use heap_core::collections::List;
use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::{Checksum, Outcome, Random, Size, Tally};

/// Names of a scope.
const NAMES: usize = 16;
/// A container holds at most so many values: adding to a full one replaces the oldest.
const CONTAINER: usize = 8;
/// Scopes inside each other.
const DEPTH: u64 = 64;
/// Events of one `mutate`.
const BATCH: u64 = 100;

#[derive(Trace)]
struct Value<'gc> {
    number: u64,
    /// None yet for what is a number so far: a list is made with the first value that it gets.
    contents: Lock<Option<List<'gc, Gc<'gc, Value<'gc>>>>>,
}

#[derive(Trace)]
struct Scope<'gc> {
    outer: Option<Gc<'gc, Scope<'gc>>>,
    names: [Lock<Option<Gc<'gc, Value<'gc>>>>; NAMES],
}

#[derive(Trace)]
struct Interpreter<'gc> {
    scope: Lock<Gc<'gc, Scope<'gc>>>,
}

type Root = Rootable![Gc<'_, Interpreter<'_>>];

/// The bytes of the fields, without headers.
const VALUE_BYTES: u64 = 16;
const SCOPE_BYTES: u64 = 8 + 8 * NAMES as u64;

struct Run {
    random: Random,
    checksum: Checksum,
    depth: u64,
    next: u64,
    tally: Tally,
}

fn events(size: Size) -> u64 {
    match size {
        Size::Small => 10_000,
        Size::Classic => 1_000_000,
        Size::Large => 8_000_000,
    }
}

/// Runs the program.
pub(super) fn run(setup: &Setup, size: Size) -> Outcome {
    let mut heap: Measured<Root> = setup.heap(|mc| {
        let scope = scope(mc, None)?;
        Gc::try_new(mc, Interpreter { scope: Lock::new(scope) })
    });
    let mut run = Run {
        random: Random::new(7),
        checksum: Checksum::new(),
        depth: 1,
        next: 0,
        tally: Tally { objects: 2, bytes: SCOPE_BYTES + 8 },
    };
    for _ in 0..events(size) / BATCH {
        // An event allocates before it changes anything, so that a second attempt can repeat the one that failed.
        let mut left = BATCH;
        heap.batch(|mc, interpreter| {
            while left > 0 {
                let before = run.random;
                if let Err(error) = run.event(mc, interpreter) {
                    run.random = before;
                    return Err(error);
                }
                left -= 1;
            }
            Ok(())
        });
    }
    heap.batch(|_, interpreter| {
        run.read_all(interpreter);
        Ok(())
    });
    drop(heap);
    run.tally.outcome(run.checksum)
}

fn scope<'gc>(mc: &Mutator<'gc>, outer: Option<Gc<'gc, Scope<'gc>>>) -> Result<Gc<'gc, Scope<'gc>>, AllocError> {
    Gc::try_new(mc, Scope { outer, names: [const { Lock::new(None) }; NAMES] })
}

impl Run {
    fn value<'gc>(&mut self, mc: &Mutator<'gc>) -> Result<Gc<'gc, Value<'gc>>, AllocError> {
        let value = Gc::try_new(mc, Value { number: self.next, contents: Lock::new(None) })?;
        self.next += 1;
        self.tally.add(1, VALUE_BYTES);
        Ok(value)
    }

    fn name(&mut self) -> usize {
        self.random.below(NAMES as u32) as usize
    }

    /// From the innermost scope outwards.
    fn read_all<'gc>(&mut self, interpreter: &Gc<'gc, Interpreter<'gc>>) {
        let mut next = Some(interpreter.scope.get());
        while let Some(scope) = next {
            for value in scope.names.iter().filter_map(Lock::get) {
                self.checksum.mix(value.number);
                value.contents.get().into_iter().flatten().for_each(|content| self.checksum.mix(content.number));
            }
            next = scope.outer;
        }
    }

    fn event<'gc>(&mut self, mc: &Mutator<'gc>, interpreter: &Gc<'gc, Interpreter<'gc>>) -> Result<(), AllocError> {
        let scope = interpreter.scope.get();
        let (name, other) = (self.name(), self.name());
        match self.random.below(16) {
            // A new object is bound to a name.
            0..6 => {
                let value = self.value(mc)?;
                store!(mc, scope => names[name], Some(value));
            }
            // A name is rebound to the object of another name.
            6..8 => store!(mc, scope => names[name], scope.names[other].get()),
            // An object is placed in a container.
            8..11 => {
                if let (Some(container), Some(value)) = (scope.names[name].get(), scope.names[other].get()) {
                    let contents = match container.contents.get() {
                        Some(contents) => contents,
                        None => {
                            let contents = List::try_new(mc)?;
                            store!(mc, container.contents, Some(contents));
                            contents
                        }
                    };
                    contents.try_reserve(mc, 1)?;
                    if contents.len() == CONTAINER {
                        self.checksum.mix(contents.remove(mc, 0).number);
                    }
                    contents.try_push(mc, value)?;
                }
            }
            // An object is taken out of a container and bound to a name.
            11..13 => {
                let contents = scope.names[name].get().and_then(|container| container.contents.get());
                if let Some(value) = contents.and_then(|contents| contents.pop(mc)) {
                    store!(mc, scope => names[other], Some(value));
                }
            }
            // A function is called: a scope inside this one, with one argument.
            13 => {
                if self.depth < DEPTH {
                    let inner = self::scope(mc, Some(scope))?;
                    self.tally.add(1, SCOPE_BYTES);
                    store!(mc, inner => names[0], scope.names[name].get());
                    store!(mc, interpreter.scope, inner);
                    self.depth += 1;
                }
            }
            // It returns: its names go out of scope, and its result is bound outside.
            14 => {
                if let Some(outer) = scope.outer {
                    store!(mc, outer => names[other], scope.names[name].get());
                    store!(mc, interpreter.scope, outer);
                    self.depth -= 1;
                }
            }
            // An object is read.
            _ => self.checksum.mix(scope.names[name].get().map_or(u64::MAX, |value| value.number)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::heap::{Probe, guarded};
    use super::*;
    use crate::contestants::collector::Collector;
    use crate::contestants::meter::Meter;
    use crate::workloads::{Workload, expected};

    /// Also where attempts fail and are repeated, and where memory is so short that there are many collections.
    #[test]
    fn every_collector_computes_what_is_expected_or_runs_out_of_memory() {
        for collector in Collector::ALL {
            let mut finished = 0;
            for limit in (1..=16).map(|n| Some((n * 64) << 10)).chain([None]) {
                let result =
                    guarded(collector, limit, Probe::Never, &mut Meter::default(), |setup| Ok(run(setup, Size::Small)));
                if let Ok(outcome) = result {
                    assert_eq!(
                        outcome.checksum,
                        expected(Workload::Names, Size::Small).checksum,
                        "{collector:?} with {limit:?} bytes"
                    );
                    finished += 1;
                }
            }
            assert!(finished > 1, "{collector:?}");
        }
    }
}
