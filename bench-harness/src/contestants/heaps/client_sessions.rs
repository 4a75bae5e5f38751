//! `client_sessions` on our heaps. The buffer is a plain box: the heap knows its size, and drops it when the session dies.

use heap_core::{AllocError, Gc, Lock, Mutator, Rootable, Trace, store};

use super::heap::{Measured, Setup};
use crate::workloads::client_sessions::{KEPT, Program, REQUESTS, buffer, digest, number};

#[derive(Trace)]
struct Session<'gc> {
    id: u64,
    first: Lock<Option<Gc<'gc, Request<'gc>>>>,
    buffer: Box<[u8]>,
}

#[derive(Trace)]
struct Request<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Request<'gc>>>>,
    session: Option<Gc<'gc, Session<'gc>>>,
}

type Place<'gc> = Lock<Option<Gc<'gc, Session<'gc>>>>;

type Root = Rootable![Gc<'_, [Place<'_>]>];

/// The program.
pub(super) struct Sessions(Measured<Root>);

impl Sessions {
    /// A heap with an empty ring.
    pub(super) fn new(setup: &Setup) -> Self {
        Sessions(setup.heap(|mc| Gc::try_new_slice_with(mc, KEPT, |_| Lock::new(None))))
    }
}

fn session<'gc>(mc: &Mutator<'gc>, id: u64) -> Result<Gc<'gc, Session<'gc>>, AllocError> {
    let session = Gc::try_new(mc, Session { id, first: Lock::new(None), buffer: buffer(id) })?;
    let request = |request, next| {
        Gc::try_new(mc, Request { number: number(id, request), next: Lock::new(next), session: Some(session) })
    };
    let last = request(REQUESTS - 1, None)?;
    let mut first = last;
    for number in (0..REQUESTS - 1).rev() {
        first = request(number, Some(first))?;
    }
    store!(mc, last.next, Some(first));
    store!(mc, session.first, Some(first));
    Ok(session)
}

fn read(session: &Session<'_>) -> u64 {
    let mut sum = session.id.wrapping_add(digest(&session.buffer));
    let first = session.first.get();
    let mut next = first;
    while let Some(request) = next {
        sum = sum.wrapping_add(request.number);
        next = request.next.get().filter(|next| first.is_some_and(|first| !Gc::ptr_eq(*next, first)));
    }
    sum
}

impl Program for Sessions {
    fn serve(&mut self, id: u64) -> u64 {
        self.0.batch(|mc, kept| {
            let new = session(mc, id)?;
            let place = id as usize % KEPT;
            let sum = kept[place].get().map_or(0, |old| read(&old));
            store!(mc, kept[place], Some(new));
            Ok(sum)
        })
    }
}
