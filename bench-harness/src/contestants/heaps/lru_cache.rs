//! `lru_cache` on our heaps.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::Checksum;
use crate::workloads::lru_cache::{Accessed, BATCH, Parameters, Program, digest, value_byte, value_len};

#[derive(Trace)]
struct Entry<'gc> {
    key: u64,
    value: Gc<'gc, [u8]>,
    chain: Link<'gc>,
    newer: Link<'gc>,
    older: Link<'gc>,
}

type Link<'gc> = Lock<Option<Gc<'gc, Entry<'gc>>>>;

#[derive(Trace)]
struct Lists<'gc> {
    table: Gc<'gc, [Link<'gc>]>,
    newest: Link<'gc>,
    oldest: Link<'gc>,
}

type Root = Rootable![Gc<'_, Lists<'_>>];

/// The program.
pub(super) struct Cache {
    heap: Measured<Root>,
    parameters: Parameters,
    entries: u32,
}

impl Cache {
    /// A heap with an empty cache.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        let heap = setup.heap(|mc| {
            let table = Gc::try_new_slice_with(mc, parameters.buckets, |_| Lock::new(None))?;
            Gc::try_new(mc, Lists { table, newest: Lock::new(None), oldest: Lock::new(None) })
        });
        Cache { heap, parameters, entries: 0 }
    }
}

/// Takes an entry out of the list by age.
fn unlink<'gc>(mc: &Mutator<'gc>, lists: Gc<'gc, Lists<'gc>>, entry: Gc<'gc, Entry<'gc>>) {
    let (newer, older) = (entry.newer.get(), entry.older.get());
    match newer {
        Some(newer) => store!(mc, newer.older, older),
        None => store!(mc, lists.newest, older),
    }
    match older {
        Some(older) => store!(mc, older.newer, newer),
        None => store!(mc, lists.oldest, newer),
    }
}

/// Makes an entry that is not in the list by age its newest.
fn push<'gc>(mc: &Mutator<'gc>, lists: Gc<'gc, Lists<'gc>>, entry: Gc<'gc, Entry<'gc>>) {
    let newest = lists.newest.get();
    store!(mc, entry.newer, None);
    store!(mc, entry.older, newest);
    match newest {
        Some(newest) => store!(mc, newest.newer, Some(entry)),
        None => store!(mc, lists.oldest, Some(entry)),
    }
    store!(mc, lists.newest, Some(entry));
}

/// Takes an entry out of its chain.
fn unchain<'gc>(mc: &Mutator<'gc>, lists: Gc<'gc, Lists<'gc>>, bucket: usize, entry: Gc<'gc, Entry<'gc>>) {
    let after = entry.chain.get();
    let mut before: Option<Gc<'gc, Entry<'gc>>> = None;
    let mut next = lists.table[bucket].get();
    while let Some(here) = next.filter(|here| !Gc::ptr_eq(*here, entry)) {
        before = Some(here);
        next = here.chain.get();
    }
    match before {
        Some(before) => store!(mc, before.chain, after),
        None => store!(mc, lists.table => [bucket], after),
    }
}

impl Cache {
    /// One access. Nothing is changed before everything is allocated.
    fn access_one<'gc>(
        mc: &Mutator<'gc>,
        lists: Gc<'gc, Lists<'gc>>,
        (parameters, entries): (Parameters, &mut u32),
        key: u64,
    ) -> Result<Accessed, AllocError> {
        let bucket = parameters.bucket(key);
        let mut next = lists.table[bucket].get();
        while let Some(entry) = next {
            if entry.key == key {
                if entry.newer.get().is_some() {
                    unlink(mc, lists, entry);
                    push(mc, lists, entry);
                }
                return Ok(Accessed { sum: digest(&entry.value), misses: 0, bytes: 0 });
            }
            next = entry.chain.get();
        }
        let len = value_len(key);
        let value = Gc::try_new_slice_with(mc, len, |_| value_byte(key))?;
        let chain = Lock::new(lists.table[bucket].get());
        let entry = Gc::try_new(mc, Entry { key, value, chain, newer: Lock::new(None), older: Lock::new(None) })?;
        store!(mc, lists.table => [bucket], Some(entry));
        push(mc, lists, entry);
        *entries += 1;
        if *entries > parameters.entries
            && let Some(oldest) = lists.oldest.get()
        {
            unlink(mc, lists, oldest);
            unchain(mc, lists, parameters.bucket(oldest.key), oldest);
            *entries -= 1;
        }
        Ok(Accessed { sum: digest(&value), misses: 1, bytes: len as u64 })
    }
}

impl Program for Cache {
    fn access(&mut self, keys: &[u64; BATCH]) -> Accessed {
        // A second attempt goes on with the key whose entry did not fit.
        let mut keys = keys.iter();
        let mut key = keys.next();
        let mut all = Accessed::default();
        let (parameters, entries) = (self.parameters, &mut self.entries);
        self.heap.batch(|mc, lists| {
            while let Some(&wanted) = key {
                let Accessed { sum, misses, bytes } = Self::access_one(mc, *lists, (parameters, entries), wanted)?;
                all.sum = all.sum.wrapping_add(sum);
                all.misses += misses;
                all.bytes += bytes;
                key = keys.next();
            }
            Ok(())
        });
        all
    }

    fn check(&mut self, checksum: &mut Checksum) {
        let digest = self.heap.batch(|_, lists| {
            let mut digest = *checksum;
            let mut next = lists.newest.get();
            while let Some(entry) = next {
                digest.mix(entry.key);
                next = entry.older.get();
            }
            Ok(digest)
        });
        *checksum = digest;
    }
}
