//! `interning` on our heaps: a table of chains in the heap, whose links hold weak pointers.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, Weak, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::interning::{Parameters, Program, hash};

#[derive(Trace)]
struct Link<'gc> {
    text: Weak<'gc, str>,
    hash: u64,
    next: Chain<'gc>,
}

type Chain<'gc> = Lock<Option<Gc<'gc, Link<'gc>>>>;

#[derive(Trace)]
struct Tables<'gc> {
    table: Gc<'gc, [Chain<'gc>]>,
    ring: Gc<'gc, [Lock<Option<Gc<'gc, str>>>]>,
}

type Root = Rootable![Gc<'_, Tables<'_>>];

/// The program.
pub(super) struct Interner {
    heap: Measured<Root>,
    parameters: Parameters,
}

impl Interner {
    /// A heap with an empty table and an empty ring.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        let heap = setup.heap(|mc| {
            let table = Gc::try_new_slice_with(mc, parameters.buckets, |_| Lock::new(None))?;
            let ring = Gc::try_new_slice_with(mc, parameters.ring as usize, |_| Lock::new(None))?;
            Gc::try_new(mc, Tables { table, ring })
        });
        Interner { heap, parameters }
    }
}

/// Finds or makes the string of a word. Takes links of dead strings out of the chain on the way.
fn intern<'gc>(
    mc: &Mutator<'gc>,
    table: Gc<'gc, [Chain<'gc>]>,
    parameters: Parameters,
    word: &str,
) -> Result<Gc<'gc, str>, AllocError> {
    let hash = hash(word);
    let bucket = parameters.bucket(hash);
    let mut before: Option<Gc<'gc, Link<'gc>>> = None;
    let mut next = table[bucket].get();
    while let Some(link) = next {
        next = link.next.get();
        match link.text.upgrade(mc) {
            Some(text) if link.hash == hash && *text == *word => return Ok(text),
            Some(_) => before = Some(link),
            None => match before {
                Some(before) => store!(mc, before.next, next),
                None => store!(mc, table[bucket], next),
            },
        }
    }
    let text = Gc::try_new_str(mc, word)?;
    let weak = Gc::try_downgrade(text, mc)?;
    let link = Gc::try_new(mc, Link { text: weak, hash, next: Lock::new(table[bucket].get()) })?;
    store!(mc, table[bucket], Some(link));
    Ok(text)
}

impl Program for Interner {
    fn intern(&mut self, first: u64, line: &str) -> u64 {
        // A word that was interned is found again, so a second attempt begins anew.
        let parameters = self.parameters;
        self.heap.batch(|mc, tables| {
            let mut sum = 0_u64;
            for (number, word) in (first..).zip(line.split(' ')) {
                let text = intern(mc, tables.table, parameters, word)?;
                sum = sum.wrapping_add(hash(&text));
                store!(mc, tables.ring => [parameters.place(number)], Some(text));
            }
            Ok(sum)
        })
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.heap.batch(|_, tables| {
            let mut digest = *checksum;
            for text in tables.ring.iter().filter_map(Lock::get) {
                digest.mix(hash(&text));
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
