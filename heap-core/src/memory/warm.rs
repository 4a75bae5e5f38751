//! Warm memory: what dropped heaps leave to the next ones.
//!
//! *What it represents.* Slots without a heap whose first pages are resident and whose tables are zero: one for each
//! thread, and at most [`COMMON_MAX`] for all. A program that makes a heap for each request finds the pages of the last
//! one mapped and in its cache: a page fault costs more than the hundred objects that are allocated on the page.
//!
//! *Invariant.* Whatever is here has no user: no pointer into it, and no handle on its tables but its own. At most 64 KiB
//! of each slot are resident.
//!
//! *Why a slot for each thread first.* It needs no lock, and is the one that this processor's cache holds.

use super::reservation::Land;
use core::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slots kept for all threads: 4 MiB resident at the most.
const COMMON_MAX: usize = 64;

#[expect(clippy::vec_box, reason = "a heap takes the box over; half a kilobyte would be copied twice otherwise")]
static COMMON: Mutex<Vec<Box<Land>>> = Mutex::new(Vec::new());

/// The thread's own. When the thread ends, the others get it.
struct Own(Cell<Option<Box<Land>>>);

thread_local! {
    static OWN: Own = const { Own(Cell::new(None)) };
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(land) = self.0.take() {
            put_common(land);
        }
    }
}

#[expect(clippy::vec_box, reason = "as above")]
fn common() -> MutexGuard<'static, Vec<Box<Land>>> {
    // A vector is whole whenever something else can run.
    COMMON.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A slot of at least `least` bytes whose heap may grow to exactly `most`.
pub(super) fn take(least: usize, most: usize) -> Option<Box<Land>> {
    #[cfg(any(test, feature = "conformance"))]
    if super::os::fault::commits_on_demand() {
        return None;
    }
    let fits = |land: &Land| land.bytes() >= least && land.most() == most;
    // A thread that is ending has no slot of its own any more.
    let own = OWN.try_with(|own| own.0.take()).ok().flatten();
    match own {
        Some(land) if fits(&land) => return Some(land),
        Some(land) => put(land),
        None => {}
    }
    let mut common = common();
    let at = common.iter().rposition(|land| fits(land))?;
    Some(common.swap_remove(at))
}

/// Keeps a slot for the next heap, or gives it back when there are enough.
pub(super) fn put(land: Box<Land>) {
    let mut land = Some(land);
    let _ = OWN.try_with(|own| land = own.0.replace(land.take()));
    if let Some(before) = land {
        put_common(before);
    }
}

fn put_common(land: Box<Land>) {
    let mut common = common();
    if common.len() < COMMON_MAX {
        common.push(land);
    } else {
        drop(common);
        land.release();
    }
}

/// Gives everything back that is not another thread's own.
pub(super) fn clear() {
    let own = OWN.try_with(|own| own.0.take()).ok().flatten();
    let all = core::mem::take(&mut *common());
    all.into_iter().chain(own).for_each(Land::release);
}
