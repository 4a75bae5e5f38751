//! One executable, two allocators: the system's or mimalloc, chosen when the process starts.
//!
//! The peers allocate each object with malloc, and their times differ by a factor of two or three between allocators.
//! So every peer is run with both, and for that the choice has to be a run-time one: [`Switch`] is the global
//! allocator, and reads the environment variable [`VARIABLE`] once, at the first allocation of the process.
//!
//! **Cost.** Later allocations load one byte that never changes and take a branch that always goes the same way. This
//! is the same for every peer and both allocators. The obvious alternatives are two executables, which would have to
//! be kept in step, and preloading, which does not exist everywhere.
//!
//! **Rules of the first allocation.** Whatever runs inside it must not allocate, so the variable is read by
//! `libc::getenv` and compared in place; nothing can be reported from there, so a value that names no allocator means
//! the system's. Whoever sets the variable can ask [`Allocator::of_this_process`] what came of it.

use crate::contestants::allocator::Allocator;
#[cfg(doc)]
use crate::contestants::allocator::VARIABLE;
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::CStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// [`VARIABLE`] as `getenv` wants it.
const VARIABLE_C: &CStr = c"BENCH_ALLOCATOR";

/// What [`Switch`] forwards to in this process; decides it if nothing was allocated before.
///
/// It says nothing about a program whose global allocator is not a [`Switch`].
#[inline]
pub fn of_this_process() -> Allocator {
    if is_mimalloc() { Allocator::MiMalloc } else { Allocator::System }
}

/// The allocator named by a value of [`VARIABLE`]; the system's, if the value names none.
fn named(value: &[u8]) -> Allocator {
    let named = Allocator::ALL.into_iter().find(|a| a.name().as_bytes() == value);
    named.unwrap_or(Allocator::System)
}

/// The decision: 0 until the first allocation, then an [`Allocator`] for good.
///
/// Relaxed is enough: the byte publishes nothing but itself, and both allocators are ready without initialisation.
static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);

const UNDECIDED: u8 = 0;
const SYSTEM: u8 = Allocator::System as u8;
const MIMALLOC: u8 = Allocator::MiMalloc as u8;

#[inline]
fn is_mimalloc() -> bool {
    match CHOICE.load(Ordering::Relaxed) {
        SYSTEM => false,
        MIMALLOC => true,
        _ => decide(),
    }
}

/// Reads the variable. If two threads get here at once, the decision of the one that stores first holds for both.
#[cold]
#[inline(never)]
fn decide() -> bool {
    // SAFETY: `VARIABLE_C` is a C string. `getenv` may run beside other readers of the environment but not beside a
    // writer. Rust's own `set_var` and `remove_var` are unsafe, and whoever calls them promises that no other thread
    // reads the environment meanwhile by other means than `std::env`. Nobody has to think of this allocator for that
    // promise: the environment is read at the first allocation only, and Rust's runtime makes that before `main`
    // (two allocations with Rust 1.95 on Linux), when there is no other thread yet.
    let value = unsafe { libc::getenv(VARIABLE_C.as_ptr()) };
    let choice = if value.is_null() {
        Allocator::System
    } else {
        // SAFETY: `getenv` returned a pointer that is not null, so it points to the C string after the `=` in the
        // environment. By the argument above nobody writes to the environment before the comparison is over.
        named(unsafe { CStr::from_ptr(value) }.to_bytes())
    } as u8;
    match CHOICE.compare_exchange(UNDECIDED, choice, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => choice == MIMALLOC,
        Err(earlier) => earlier == MIMALLOC,
    }
}

/// The global allocator of a process that can choose: forwards to the system's allocator or to mimalloc.
///
/// ```text
/// #[global_allocator]
/// static ALLOCATOR: Switch = Switch;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Switch;

// SAFETY: every method forwards its arguments to the same method of one of two global allocators, which both satisfy
// the contract. It is the same one for the whole life of the process: `CHOICE` leaves `UNDECIDED` once, by
// compare-and-swap, no other code writes it, and `is_mimalloc` returns what it holds from then on. So a block is
// always given back to the allocator it came from, with the layout it was asked for. Nothing here panics or
// allocates: `decide` compares bytes in place.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of nonzero size, which is what the callee asks for, here and in each
        // method below.
        unsafe { if is_mimalloc() { MiMalloc.alloc(layout) } else { System.alloc(layout) } }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { if is_mimalloc() { MiMalloc.alloc_zeroed(layout) } else { System.alloc_zeroed(layout) } }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `block` came from this allocator with this layout, hence from the one
        // that is chosen again now.
        unsafe { if is_mimalloc() { MiMalloc.dealloc(block, layout) } else { System.dealloc(block, layout) } }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the caller also promises that `new_size` is not zero and does not overflow when
        // rounded up to the alignment.
        unsafe {
            if is_mimalloc() {
                MiMalloc.realloc(block, layout, new_size)
            } else {
                System.realloc(block, layout, new_size)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::allocator::VARIABLE;

    #[test]
    fn names_choose_and_anything_else_is_the_system() {
        for allocator in Allocator::ALL {
            assert_eq!(named(allocator.name().as_bytes()), allocator);
        }
        for other in ["", "System", "mimalloc ", "jemalloc"] {
            assert_eq!(named(other.as_bytes()), Allocator::System);
        }
    }

    #[test]
    fn both_spellings_of_the_variable_agree() {
        assert_eq!(VARIABLE_C.to_str(), Ok(VARIABLE));
    }

    #[test]
    fn the_decision_is_the_environment_and_stays() {
        let set = std::env::var_os(VARIABLE).unwrap_or_default();
        let wanted = named(set.as_encoded_bytes());
        assert_eq!(of_this_process(), wanted);
        assert_eq!(CHOICE.load(Ordering::Relaxed), wanted as u8);
        assert_eq!(of_this_process(), wanted);
    }

    #[test]
    fn blocks_of_every_kind_are_usable() {
        for (size, align) in [(1, 1), (24, 8), (100, 64), (1 << 16, 4096)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout has nonzero size.
            let zeroed = unsafe { Switch.alloc_zeroed(layout) };
            assert!(!zeroed.is_null() && zeroed.addr().is_multiple_of(align));
            // SAFETY: the block is not null and has `size` readable bytes, all initialised to zero.
            assert!(unsafe { std::slice::from_raw_parts(zeroed, size) }.iter().all(|&b| b == 0));
            // SAFETY: the block is writable for `size` bytes and nothing else refers to it.
            unsafe { zeroed.write_bytes(7, size) };
            // SAFETY: the block came from `Switch` with `layout`; twice the size is neither zero nor too large.
            let grown = unsafe { Switch.realloc(zeroed, layout, 2 * size) };
            assert!(!grown.is_null() && grown.addr().is_multiple_of(align));
            // SAFETY: `realloc` kept the first `size` bytes, which were written above.
            assert!(unsafe { std::slice::from_raw_parts(grown, size) }.iter().all(|&b| b == 7));
            let grown_layout = Layout::from_size_align(2 * size, align).unwrap();
            // SAFETY: the block came from `Switch`, and its layout is the old one with the new size.
            unsafe { Switch.dealloc(grown, grown_layout) };
        }
    }
}
