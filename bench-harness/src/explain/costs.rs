//! What it costs to make an object, to reach it and to release it: on the stack, by hand, on a heap, and permanent.
//!
//! Each figure is the least of some rounds, in nanoseconds for each object: elapsed time, because half of the rounds are
//! too short for a clock of processor time. A round makes so many objects, sums their values, and lets go of all.

use std::hint::black_box;
use std::time::Instant;

use heap_core::{Gc, Heap, Lock, Rootable, Trace, store};

use super::made;
use crate::contestants::collector::Collector;

const OBJECTS: usize = 200_000;
const ROUNDS: usize = 5;
/// Objects that a `mutate` makes.
const BATCH: usize = 1000;

/// What is made everywhere.
#[derive(Trace)]
struct Item {
    value: u64,
}

/// Nanoseconds for each object. Nothing, where nothing happens.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    make: Option<f64>,
    reach: Option<f64>,
    release: Option<f64>,
}

impl Cost {
    fn least(self, other: Self) -> Self {
        let least = |one: Option<f64>, other: Option<f64>| [one, other].into_iter().flatten().min_by(f64::total_cmp);
        Cost {
            make: least(self.make, other.make),
            reach: least(self.reach, other.reach),
            release: least(self.release, other.release),
        }
    }

    fn of(round: impl FnMut() -> Self) -> Self {
        std::iter::repeat_with(round).take(ROUNDS).reduce(Self::least).unwrap_or_default()
    }
}

/// Nanoseconds for each object.
fn time(work: impl FnOnce()) -> Option<f64> {
    let start = Instant::now();
    work();
    Some(start.elapsed().as_nanos() as f64 / OBJECTS as f64)
}

fn on_the_stack() -> Cost {
    Cost::of(|| {
        let make = time(|| {
            for value in 0..OBJECTS as u64 {
                black_box(&Item { value });
            }
        });
        let items: [Item; BATCH] = std::array::from_fn(|value| Item { value: value as u64 });
        let items = black_box(&items);
        let reach = time(|| {
            for _ in 0..OBJECTS / BATCH {
                black_box(black_box(items).iter().map(|item| item.value).sum::<u64>());
            }
        });
        Cost { make, reach, release: None }
    })
}

fn by_hand() -> Cost {
    let mut items: Vec<Option<Box<Item>>> = std::iter::repeat_with(|| None).take(OBJECTS).collect();
    Cost::of(|| {
        let make = time(|| {
            for (value, place) in items.iter_mut().enumerate() {
                *place = Some(Box::new(Item { value: value as u64 }));
            }
        });
        let reach = time(|| {
            black_box(items.iter().flatten().map(|item| item.value).sum::<u64>());
        });
        let release = time(|| items.fill_with(|| None));
        Cost { make, reach, release }
    })
}

type Items = Rootable![Gc<'_, [Lock<Option<Gc<'_, Item>>>]>];

fn new_heap(collector: Collector) -> Result<Heap<Items>, String> {
    let heap = Heap::<Items>::new(made(collector), |mc| Gc::new_slice_with(mc, OBJECTS, |_| Lock::new(None)));
    heap.map_err(|error| error.to_string())
}

fn fill(heap: &mut Heap<Items>) {
    for begin in (0..OBJECTS).step_by(BATCH) {
        heap.mutate(|mc, items| {
            for place in begin..(begin + BATCH).min(OBJECTS) {
                store!(mc, items[place], Some(Gc::new(mc, Item { value: place as u64 })));
            }
        });
    }
}

fn sum(heap: &mut Heap<Items>) {
    heap.mutate(|_, items| {
        black_box(items.iter().filter_map(Lock::get).map(|item| item.value).sum::<u64>());
    });
}

fn clear(heap: &mut Heap<Items>) {
    heap.mutate(|mc, items| {
        let items = Gc::write(mc, *items);
        for place in 0..OBJECTS {
            items[place].set(None);
        }
    });
    heap.collect();
}

fn on_a_heap(collector: Collector) -> Result<Cost, String> {
    let mut heap = new_heap(collector)?;
    Ok(Cost::of(|| {
        let make = time(|| fill(&mut heap));
        let reach = time(|| sum(&mut heap));
        let release = time(|| clear(&mut heap));
        Cost { make, reach, release }
    }))
}

fn permanent(collector: Collector) -> Result<Option<Cost>, String> {
    let mut least = None;
    for _ in 0..ROUNDS {
        let mut heap = new_heap(collector)?;
        if !heap.capabilities().freezes {
            return Ok(None);
        }
        let mut frozen = Ok(());
        let make = time(|| {
            fill(&mut heap);
            frozen = heap.freeze();
        });
        frozen.map_err(|error| error.to_string())?;
        let reach = time(|| sum(&mut heap));
        let cost = Cost { make, reach, release: None };
        least = Some(least.map_or(cost, |before: Cost| before.least(cost)));
    }
    Ok(least)
}

/// Rows of figures, a column for each collector.
///
/// # Errors
/// When the system refuses memory.
pub(super) fn rows(collectors: &[Collector]) -> Result<Vec<(String, Vec<String>)>, String> {
    let (stack, hand) = (on_the_stack(), by_hand());
    let heaps = collectors.iter().map(|collector| on_a_heap(*collector)).collect::<Result<Vec<_>, _>>()?;
    let frozen = collectors.iter().map(|collector| permanent(*collector)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for phase in ["make", "reach", "release"] {
        let part = |cost: Cost| match phase {
            "make" => cost.make,
            "reach" => cost.reach,
            _ => cost.release,
        };
        let figure = |cost: Option<Cost>, nothing: &str| {
            cost.map_or_else(|| "-".to_owned(), |cost| part(cost).map_or_else(|| nothing.to_owned(), nanoseconds))
        };
        let same = |cost: Cost, nothing: &str| vec![figure(Some(cost), nothing); collectors.len()];
        rows.push((format!("{phase}: on the stack"), same(stack, "nothing to do")));
        rows.push((format!("{phase}: Box"), same(hand, "")));
        rows.push((format!("{phase}: heap object"), heaps.iter().map(|cost| figure(Some(*cost), "")).collect()));
        rows.push((format!("{phase}: permanent"), frozen.iter().map(|cost| figure(*cost, "never")).collect()));
    }
    Ok(rows)
}

fn nanoseconds(figure: f64) -> String {
    format!("{figure:.1} ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_measured_that_happens() {
        let rows = rows(&[Collector::GENERATIONAL, Collector::NOGC]).unwrap();
        assert_eq!(rows.len(), 12);
        let figures = |label: &str| &rows.iter().find(|row| row.0 == label).unwrap().1;
        assert_eq!(figures("release: on the stack"), &["nothing to do", "nothing to do"]);
        assert_eq!(figures("release: permanent")[0], "never");
        for label in ["make: heap object", "reach: Box", "release: heap object"] {
            assert!(figures(label).iter().all(|figure| figure.ends_with(" ns")), "{label}");
        }
    }
}
