//! Counts words in a heap: strings and entries are objects, the table is a slice of chains.
//!
//! `cargo run -p heap-core --example word_count < README.md`

use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use heap_core::{Gc, Heap, Lock, Mutator, NoGc, Rootable, Trace, store};

#[derive(Trace)]
struct Entry<'gc> {
    word: Gc<'gc, str>,
    count: Lock<u64>,
    next: Option<Gc<'gc, Entry<'gc>>>,
}

type Chain<'gc> = Lock<Option<Gc<'gc, Entry<'gc>>>>;
type Table<'gc> = Gc<'gc, [Chain<'gc>]>;

const CHAINS: usize = 1 << 12;

fn add<'gc>(mc: &Mutator<'gc>, table: Table<'gc>, hasher: &RandomState, word: &str) {
    let index = hasher.hash_one(word) as usize % CHAINS;
    let first = table[index].get();
    let mut next = first;
    while let Some(entry) = next {
        if &*entry.word == word {
            store!(mc, entry.count, entry.count.get() + 1);
            return;
        }
        next = entry.next;
    }
    let entry = Entry { word: Gc::new_str(mc, word), count: Lock::new(1), next: first };
    store!(mc, table[index], Some(Gc::new(mc, entry)));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;

    let hasher = RandomState::new();
    let mut heap =
        Heap::<Rootable![Table<'_>]>::new(NoGc::default(), |mc| Gc::new_slice_with(mc, CHAINS, |_| Lock::new(None)))?;
    for line in text.lines() {
        heap.mutate(|mc, table| {
            for word in line.split_whitespace() {
                add(mc, *table, &hasher, word);
            }
        });
    }
    let mut counts = heap.mutate(|_, table| {
        let mut counts = Vec::new();
        for chain in table.iter() {
            let mut next = chain.get();
            while let Some(entry) = next {
                counts.push((entry.count.get(), entry.word.to_string()));
                next = entry.next;
            }
        }
        counts
    });
    counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (count, word) in counts.iter().take(20) {
        println!("{count:6}  {word}");
    }
    eprintln!("{} words, {} bytes allocated", counts.len(), heap.statistics().allocated_bytes);
    Ok(())
}
