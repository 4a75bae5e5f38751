//! `event_loop` on our heaps.

use std::ops::Range;

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::event_loop::{NOTES, NOTES_PER_RECORD, Parameters, Program, Request, WORDS, body};

#[derive(Trace)]
struct Note<'gc> {
    value: u64,
    next: Option<Gc<'gc, Note<'gc>>>,
}

#[derive(Trace)]
struct Record<'gc> {
    id: u64,
    body: Gc<'gc, [u64; WORDS]>,
}

type Place<'gc> = Lock<Option<Gc<'gc, Record<'gc>>>>;

type Root = Rootable![Gc<'_, [Place<'_>]>];

/// The program.
pub(super) struct Server(Measured<Root>);

impl Server {
    /// A heap with an empty table.
    pub(super) fn new(setup: &Setup, parameters: Parameters) -> Self {
        Server(setup.heap(|mc| Gc::try_new_slice_with(mc, parameters.records as usize, |_| Lock::new(None))))
    }
}

const FULL: &str = "every place of the table has a record after `fill`";

fn record<'gc>(mc: &Mutator<'gc>, id: u64) -> Result<Gc<'gc, Record<'gc>>, AllocError> {
    let body = Gc::try_new(mc, body(id))?;
    Gc::try_new(mc, Record { id, body })
}

impl Program for Server {
    fn fill(&mut self, ids: Range<u64>) {
        self.0.batch(|mc, table| {
            for id in ids.clone() {
                store!(mc, table[id as usize], Some(record(mc, id)?));
            }
            Ok(())
        });
    }

    fn serve(&mut self, request: Request) -> u64 {
        // Nothing is changed before everything is allocated, so a second attempt begins anew.
        self.0.batch(|mc, table| {
            let mut request = request.clone();
            let mut list = None;
            for _ in 0..NOTES / NOTES_PER_RECORD {
                let record = table[request.place()].get().expect(FULL);
                for note in 0..NOTES_PER_RECORD {
                    let value = record.id.wrapping_add(record.body[Request::word(note)]);
                    list = Some(Gc::try_new(mc, Note { value, next: list })?);
                }
            }
            let new = record(mc, request.id)?;
            store!(mc, table[request.place()], Some(new));
            let mut sum = 0_u64;
            while let Some(note) = list {
                sum = sum.wrapping_add(note.value);
                list = note.next;
            }
            Ok(sum)
        })
    }
}
