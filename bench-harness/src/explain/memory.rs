//! Where objects lie, how many bytes they take, and what becomes of their memory: looked up on a heap.

use std::collections::HashSet;

use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

use super::made;
use crate::contestants::collector::Collector;
use crate::text::format;

/// Things of the larger experiment.
const THINGS: usize = 100_000;
/// Of them, how many a `mutate` makes.
const BATCH: usize = 1000;

#[derive(Trace)]
struct Thing<'gc> {
    _link: Lock<Option<Gc<'gc, Thing<'gc>>>>,
}

type Place<'gc> = Lock<Option<Gc<'gc, Thing<'gc>>>>;

/// One name, and a list.
#[derive(Trace)]
struct Names<'gc> {
    x: Place<'gc>,
    things: Gc<'gc, [Place<'gc>]>,
}

type Roots = Rootable![Gc<'_, Names<'_>>];

struct Experiment {
    heap: Heap<Roots>,
}

impl Experiment {
    fn new(collector: Collector) -> Result<Self, String> {
        let heap = Heap::new(made(collector), |mc| {
            let things = Gc::new_slice_with(mc, THINGS, |_| Lock::new(None));
            Gc::new(mc, Names { x: Lock::new(None), things })
        });
        Ok(Experiment { heap: heap.map_err(|error| error.to_string())? })
    }

    /// `x = Thing()`, and where it is.
    fn bind(&mut self) -> usize {
        self.heap.mutate(|mc, names| {
            let thing = Gc::new(mc, Thing { _link: Lock::new(None) });
            store!(mc, names.x, Some(thing));
            Gc::as_ptr(thing).addr()
        })
    }

    fn address(&mut self) -> usize {
        self.heap.view(|_, names| names.x.get().map_or(0, |thing| Gc::as_ptr(thing).addr()))
    }

    fn bytes(&mut self) -> Result<usize, String> {
        let look = self.heap.inspect(|look, names| names.x.get().map_or(0, |thing| look.size(thing)));
        look.map_err(|error| error.to_string())
    }

    /// `del x`
    fn delete(&mut self) {
        self.heap.mutate(|mc, names| store!(mc, names.x, None));
    }

    /// Fills the list, and says where everything in it is.
    fn fill(&mut self) -> HashSet<usize> {
        for begin in (0..THINGS).step_by(BATCH) {
            self.heap.mutate(|mc, names| {
                for place in begin..(begin + BATCH).min(THINGS) {
                    store!(mc, names.things[place], Some(Gc::new(mc, Thing { _link: Lock::new(None) })));
                }
            });
        }
        self.heap.collect();
        let addresses = |names: &Names<'_>| {
            names.things.iter().filter_map(Lock::get).map(|thing| Gc::as_ptr(thing).addr()).collect()
        };
        self.heap.view(|_, names| addresses(names))
    }

    fn clear(&mut self) {
        self.heap.mutate(|mc, names| {
            for place in 0..THINGS {
                store!(mc, names.things[place], None);
            }
        });
        self.heap.collect();
    }

    fn holds(&self) -> String {
        format::bytes(self.heap.statistics().heap_bytes)
    }

    fn resident(&self) -> String {
        self.heap.statistics().resident_bytes.map_or_else(|| "unknown".to_owned(), format::bytes)
    }
}

/// A row for each thing that is looked up, and for each collector what is found.
///
/// # Errors
/// When the system refuses memory.
pub(super) fn rows(collectors: &[Collector]) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for collector in collectors {
        for (place, (label, figure)) in experiment(*collector)?.into_iter().enumerate() {
            match rows.get_mut(place) {
                Some((_, figures)) => figures.push(figure),
                None => rows.push((label, vec![figure])),
            }
        }
    }
    Ok(rows)
}

fn experiment(collector: Collector) -> Result<Vec<(String, String)>, String> {
    let mut heap = Experiment::new(collector)?;
    let mut rows = Vec::new();
    let mut row = |label: &str, figure: String| rows.push((label.to_owned(), figure));
    let first = heap.bind();
    row("x = Thing(): address", format!("{first:#x}"));
    row("  bytes, 8 of header", heap.bytes()?.to_string());
    heap.heap.collect();
    let settled = heap.address();
    row("gc.collect(): address", if settled == first { "the same".to_owned() } else { format!("{settled:#x}") });
    heap.delete();
    heap.heap.collect();
    let second = heap.bind();
    let is_old = [first, settled].contains(&second);
    row("del x; x = Thing(): at", if is_old { "the old place".to_owned() } else { format!("{second:#x}") });
    let before = heap.fill();
    row("100,000 more: heap is", heap.holds());
    heap.clear();
    row("del them: heap is", heap.holds());
    let after = heap.fill();
    let reused = after.intersection(&before).count() as f64 / after.len() as f64;
    row("100,000 again: heap is", heap.holds());
    row("  at old places", format!("{} %", format::percent(reused)));
    heap.clear();
    row("del them: process has", heap.resident());
    heap.heap.idle();
    row("Heap::idle(): it has", heap.resident());
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_by_whoever_reclaims() {
        let rows = rows(&[Collector::REFCOUNT_CYCLES, Collector::MARKSWEEP, Collector::NOGC]).unwrap();
        let figures = |label: &str| &rows.iter().find(|row| row.0.trim() == label).unwrap().1;
        assert_eq!(figures("bytes, 8 of header"), &["16", "16", "16"]);
        let percent: Vec<f64> =
            figures("at old places").iter().map(|text| text[..text.len() - 2].parse().unwrap()).collect();
        assert!(percent[0] > 50.0 && percent[1] > 50.0 && percent[2] == 0.0, "{percent:?}");
        assert!(rows.iter().all(|(label, figures)| label.len() <= 26 && figures.len() == 3));
    }
}
