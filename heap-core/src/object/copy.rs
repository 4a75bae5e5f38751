//! Copying objects.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Copies an object. Small ones by a fixed number of words: a call of `memcpy` costs more than they do.
///
/// # Safety
/// Both ranges are valid, do not overlap, and start at multiples of eight; `bytes` is a multiple of eight.
#[inline(always)]
pub(super) unsafe fn copy(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) {
    #[inline(always)]
    unsafe fn words<const N: usize>(from: NonNull<u8>, to: NonNull<u8>) {
        // SAFETY: the caller's promise, for N words; `MaybeUninit` keeps padding and provenance as they are.
        unsafe { to.cast::<[MaybeUninit<u64>; N]>().write(from.cast::<[MaybeUninit<u64>; N]>().read()) };
    }
    // SAFETY: the caller's promise; each arm copies exactly `bytes`.
    unsafe {
        match bytes / 8 {
            2 => words::<2>(from, to),
            3 => words::<3>(from, to),
            4 => words::<4>(from, to),
            5 => words::<5>(from, to),
            6 => words::<6>(from, to),
            7 => words::<7>(from, to),
            8 => words::<8>(from, to),
            _ => to.copy_from_nonoverlapping(from, bytes),
        }
    }
}
