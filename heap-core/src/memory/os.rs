//! The operating system, as a few operations on ranges of address space.
//!
//! *What it represents.* A range is reserved (nobody else gets these addresses, nothing may be touched), committed
//! (it can be read and written, fresh bytes are zero), decommitted (still readable and writable, but its pages were
//! offered back, so its contents are unspecified), replaced (as if just reserved) and released. Nothing else in the
//! crate calls the system.
//!
//! *Where writing is free until it happens.* A Unix that does not count untouched pages grants a range that is
//! committed from the start, and committing is then no call at all. Linux counts them when a process has a limit for
//! its data (`RLIMIT_DATA`), or when the system overcommits nothing; such a range is committed piece by piece.
//!
//! *Invariant.* While a heap uses a range, its protection only ever goes up. Decommitting is an advice that leaves the
//! protection alone, because each change of protection in the middle of a mapping splits it, and a Linux process may
//! have only 65 530 mappings: flipping single blocks dies at about one gibibyte of heap.
//!
//! *Why not `std::alloc` everywhere.* An allocator cannot promise a 4 MiB-aligned range of 64 GiB of which only the
//! touched part costs memory. Where there is nothing better (WebAssembly, the Miri interpreter) it is the fallback:
//! the whole range is then allocated, zeroed, at once, so the default reservation is small there.
//!
//! *Imperfect.* On Apple and BSD systems the portable advice is a weak hint: the pages may stay with the process
//! until the system is short of memory. Resident size is then an upper bound, never wrong.

use core::fmt;
use core::ptr::NonNull;

/// Every reservation starts at a multiple of this many bytes. Equal to the commit chunk, and a multiple of the
/// largest page that the systems we run on use for ordinary memory (2 MiB).
pub const RESERVATION_ALIGN: usize = 4 << 20;

/// Sizes given to [`reserve`] are multiples of this: the largest base page (64 KiB, on some AArch64 and POWER
/// systems) and Windows' allocation granularity.
pub const RESERVATION_GRANULE: usize = 64 << 10;

/// How long a heap's address space may become when nobody said otherwise.
pub const DEFAULT_RESERVATION: usize =
    if cfg!(any(miri, not(any(unix, windows)))) || cfg!(not(target_pointer_width = "64")) {
        64 << 20
    } else {
        // Written so that it is a valid constant expression on 32-bit targets too, where this arm is not taken.
        (1usize << (usize::BITS / 2)).saturating_mul(16)
    };

const _: () = assert!(cfg!(not(all(target_pointer_width = "64", unix, not(miri)))) || DEFAULT_RESERVATION == 64 << 30);
const _: () = assert!(RESERVATION_ALIGN.is_multiple_of(RESERVATION_GRANULE));

/// The largest base page that this target's systems may be configured with, in bytes: the granule to which advice
/// must be rounded.
///
/// A constant rather than a question to the system: too large a value only makes [`decommit`] round a little more
/// than needed, and the common targets (x86-64, Apple) have one page size anyway.
pub const fn page_bytes() -> usize {
    if cfg!(any(target_arch = "x86_64", target_arch = "x86", target_arch = "wasm32")) {
        4 << 10
    } else if cfg!(target_vendor = "apple") {
        16 << 10
    } else {
        64 << 10
    }
}

/// The system said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError {
    code: Option<i32>,
}

impl OsError {
    /// The request lies outside the range it was made for: the system was not even asked.
    pub(super) const OUT_OF_RANGE: Self = Self { code: None };

    /// The system's own error number, if it was asked and gave one.
    pub const fn code(&self) -> Option<i32> {
        self.code
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(
                f,
                "the system refused memory ({}): lower the reservation, or give this process more memory",
                std::io::Error::from_raw_os_error(code)
            ),
            None => f.write_str("no such memory could be had: lower the reservation, or give this process more memory"),
        }
    }
}

impl core::error::Error for OsError {}

/// Reserves `bytes` of address space at a multiple of [`RESERVATION_ALIGN`]. Costs a few system calls and no
/// memory (except on the fallback, see the module). The second value says whether the whole range is committed already.
///
/// `bytes` must be a positive multiple of [`RESERVATION_GRANULE`]; anything else is an error.
pub fn reserve(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
    check_size(bytes)?;
    #[cfg(any(test, feature = "conformance"))]
    if fault::commits_on_demand() {
        return imp::reserve_untouchable(bytes);
    }
    imp::reserve(bytes)
}

/// Bytes of address space that the process may still reserve, when a limit (`RLIMIT_AS`) says so.
pub fn address_space_left() -> Option<usize> {
    #[cfg(all(unix, not(miri)))]
    return imp::address_space_left();
    #[cfg(not(all(unix, not(miri))))]
    None
}

fn check_size(bytes: usize) -> Result<(), OsError> {
    // The upper bound keeps `bytes + RESERVATION_ALIGN` from overflowing and every offset within `isize`.
    if bytes == 0 || !bytes.is_multiple_of(RESERVATION_GRANULE) || bytes > isize::MAX as usize - RESERVATION_ALIGN {
        return Err(OsError::OUT_OF_RANGE);
    }
    Ok(())
}

/// Makes a range readable and writable. Bytes never written before read as zero.
///
/// # Safety
///
/// `ptr .. ptr + bytes` lies in one reservation of [`reserve`], and both ends are multiples of [`page_bytes`].
pub unsafe fn commit(ptr: NonNull<u8>, bytes: usize) -> Result<(), OsError> {
    // SAFETY: the same contract.
    unsafe { imp::commit(ptr, bytes) }
}

/// Offers a range's pages back to the system. The range stays readable and writable; its contents become
/// unspecified: each byte is either what it was or zero.
///
/// Never fails: a system that does not take the offer only keeps the pages with us.
///
/// # Safety
///
/// The range is committed, both ends are multiples of [`page_bytes`], and no reference into it is live.
pub unsafe fn decommit(ptr: NonNull<u8>, bytes: usize) {
    // SAFETY: the same contract.
    unsafe { imp::decommit(ptr, bytes) }
}

/// Makes a range hold zeros: by giving its pages back where the system promises that this does it, else by writing.
///
/// # Safety
///
/// As for [`decommit`].
pub unsafe fn clear(ptr: NonNull<u8>, bytes: usize) {
    /// Beyond this one system call costs less than writing.
    const WORTH_A_CALL: usize = 64 << 10;
    if cfg!(all(any(target_os = "linux", target_os = "android"), not(miri))) && bytes > WORTH_A_CALL {
        let start = ptr.addr().get().next_multiple_of(page_bytes()) - ptr.addr().get();
        let length = (bytes - start) / page_bytes() * page_bytes();
        // SAFETY: the whole pages inside the caller's range, and its two ends; Linux makes private pages that were given
        // back read as zero.
        unsafe {
            ptr.write_bytes(0, start);
            decommit(ptr.add(start), length);
            ptr.add(start + length).write_bytes(0, bytes - start - length);
        }
    } else {
        // SAFETY: the caller's own committed range, and any byte is fine in it.
        unsafe { ptr.write_bytes(0, bytes) }
    }
}

/// Makes a range of a reservation as it was when it was reserved, or untouchable altogether: its pages go, whatever was
/// advised about it is forgotten.
///
/// # Errors
///
/// The system has no such call, or refuses. The addresses must not be used again then: it may have taken them away.
///
/// # Safety
///
/// The range lies in one reservation of [`reserve`], both ends are multiples of [`page_bytes`], and nothing refers to it.
pub unsafe fn replace(ptr: NonNull<u8>, bytes: usize, committed: bool) -> Result<(), OsError> {
    #[cfg(all(unix, not(miri)))]
    // SAFETY: the same contract.
    return unsafe { imp::replace(ptr, bytes, committed) };
    #[cfg(not(all(unix, not(miri))))]
    {
        let _ = (ptr, bytes, committed);
        Err(OsError::OUT_OF_RANGE)
    }
}

/// Asks for pages of 2 MiB, or whatever the system has, where a range is touched from now on. An advice: no promise and
/// no error. Only Linux listens; the contents do not change, committed or not.
///
/// # Safety
///
/// The range lies in one reservation of [`reserve`], and both ends are multiples of [`page_bytes`].
pub unsafe fn advise_huge_pages(ptr: NonNull<u8>, bytes: usize) {
    #[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
    // SAFETY: the same contract.
    unsafe {
        imp::advise_huge_pages(ptr, bytes)
    }
    #[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
    let _ = (ptr, bytes);
}

/// Gives a whole reservation back.
///
/// # Safety
///
/// `ptr` came from [`reserve`] with the same `bytes`, was not released before, and nothing touches the range any more.
pub unsafe fn release(ptr: NonNull<u8>, bytes: usize) {
    // SAFETY: the same contract.
    unsafe { imp::release(ptr, bytes) }
}

#[cfg(all(unix, not(miri)))]
mod imp {
    use super::{OsError, RESERVATION_ALIGN};
    use core::ptr::{NonNull, null_mut};
    use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};

    impl From<rustix::io::Errno> for OsError {
        fn from(errno: rustix::io::Errno) -> Self {
            Self { code: Some(errno.raw_os_error()) }
        }
    }

    // FreeBSD and its like never reserve swap for a private mapping, and have no flag to say so.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    const FLAGS: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    const FLAGS: MapFlags = MapFlags::PRIVATE;

    pub(super) fn reserve(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
        match map(bytes, ProtFlags::READ | ProtFlags::WRITE) {
            Ok(base) => Ok((base, true)),
            // A system that counts every writable page (overcommit mode 2 on Linux, or RLIMIT_DATA) may grant the
            // addresses alone.
            Err(_) => reserve_untouchable(bytes),
        }
    }

    pub(super) fn reserve_untouchable(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
        Ok((map(bytes, ProtFlags::empty())?, false))
    }

    pub(super) fn address_space_left() -> Option<usize> {
        use rustix::process::{Resource, getrlimit};
        let limit = usize::try_from(getrlimit(Resource::As).current?).ok()?;
        // The first number of this file is the size of the process in pages. Elsewhere the limit itself must do.
        let pages = std::fs::read_to_string("/proc/self/statm").ok();
        let pages = pages.and_then(|text| text.split(' ').next()?.parse::<usize>().ok()).unwrap_or(0);
        Some(limit.saturating_sub(pages.saturating_mul(rustix::param::page_size())))
    }

    pub(super) unsafe fn replace(ptr: NonNull<u8>, bytes: usize, committed: bool) -> Result<(), OsError> {
        let protection = if committed { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::empty() };
        // SAFETY: the caller owns the range, so that mapping over it takes nothing from anybody else.
        unsafe { mm::mmap_anonymous(ptr.as_ptr().cast(), bytes, protection, FLAGS.union(MapFlags::FIXED))? };
        Ok(())
    }

    /// Maps `bytes` at a multiple of the alignment: maps too much, then unmaps both ends.
    fn map(bytes: usize, protection: ProtFlags) -> Result<NonNull<u8>, OsError> {
        let whole = bytes + RESERVATION_ALIGN;
        // SAFETY: a new anonymous mapping at an address of the system's choice overlaps nothing that exists.
        let raw = unsafe { mm::mmap_anonymous(null_mut(), whole, protection, FLAGS)? };
        let front = raw.addr().next_multiple_of(RESERVATION_ALIGN) - raw.addr();
        let back = RESERVATION_ALIGN - front;
        // SAFETY: `front <= RESERVATION_ALIGN`, so `front + bytes <= whole`: both pointers are within the mapping
        // or one past its end.
        let (base, end) = unsafe { (raw.byte_add(front), raw.byte_add(front + bytes)) };
        let trim = |ptr, bytes| {
            if bytes == 0 {
                return Ok(());
            }
            // SAFETY: the range is an end of the mapping just made, which nobody else knows yet.
            unsafe { mm::munmap(ptr, bytes) }
        };
        if let Err(errno) = trim(raw, front).and_then(|()| trim(end, back)) {
            // Unmapping an end can fail only when it would be one mapping too many. Removing everything from `base`
            // on needs no new one; a front that could not be removed leaks addresses, not memory.
            // SAFETY: the range is what is left of the mapping just made: if the front went, it is not in it, and
            // the back is still there because its removal came last and either failed or was not tried.
            let _ = unsafe { mm::munmap(base, bytes + back) };
            return Err(errno.into());
        }
        // `mmap` reports failure as an error, never as null, and address zero is not given out.
        NonNull::new(base.cast()).ok_or(OsError::OUT_OF_RANGE)
    }

    pub(super) unsafe fn commit(ptr: NonNull<u8>, bytes: usize) -> Result<(), OsError> {
        // SAFETY: the caller owns the page-aligned range; adding rights to it takes none from anybody.
        unsafe { mm::mprotect(ptr.as_ptr().cast(), bytes, MprotectFlags::READ | MprotectFlags::WRITE)? };
        Ok(())
    }

    pub(super) unsafe fn decommit(ptr: NonNull<u8>, bytes: usize) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const GIVE_BACK: Advice = Advice::LinuxDontNeed;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const GIVE_BACK: Advice = Advice::DontNeed;
        // SAFETY: the caller owns the range, holds no reference into it and expects unspecified contents.
        let _ = unsafe { mm::madvise(ptr.as_ptr().cast(), bytes, GIVE_BACK) };
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) unsafe fn advise_huge_pages(ptr: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller owns the range; the advice changes how pages are made, not what they hold. A kernel without
        // huge pages refuses, which is as good.
        let _ = unsafe { mm::madvise(ptr.as_ptr().cast(), bytes, Advice::LinuxHugepage) };
    }

    pub(super) unsafe fn release(ptr: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller gives the whole mapping back and touches it no more. Failure would leak addresses.
        let _ = unsafe { mm::munmap(ptr.as_ptr().cast(), bytes) };
    }
}

#[cfg(all(windows, not(miri)))]
mod imp {
    use super::{OsError, RESERVATION_ALIGN};
    use core::ptr::{NonNull, null};
    use windows_sys::Win32::Foundation::GetLastError;
    use windows_sys::Win32::System::Memory::{
        DiscardVirtualMemory, MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc,
        VirtualFree,
    };

    /// How often to try for an aligned address before giving up: each failure needs another thread to have taken
    /// the very range between two calls.
    const ATTEMPTS: usize = 16;

    fn last_error() -> OsError {
        // SAFETY: reads a number of this thread.
        let code = unsafe { GetLastError() };
        OsError { code: Some(code.cast_signed()) }
    }

    /// A reservation cannot be trimmed here, so an aligned one is found by reserving too much, releasing it, and
    /// asking for the aligned part by its address.
    pub(super) fn reserve(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
        for _ in 0..ATTEMPTS {
            // SAFETY: reserving at an address of the system's choice touches nothing that exists.
            let raw = unsafe { VirtualAlloc(null(), bytes + RESERVATION_ALIGN, MEM_RESERVE, PAGE_NOACCESS) };
            if raw.is_null() {
                return Err(last_error());
            }
            let wanted = raw.map_addr(|address| address.next_multiple_of(RESERVATION_ALIGN));
            // SAFETY: `raw` is the reservation just made and nobody else knows it.
            unsafe { VirtualFree(raw, 0, MEM_RELEASE) };
            // SAFETY: reserving never overlaps an existing reservation: it fails instead. The pointer used from
            // here on is the one that this call returns.
            let base = unsafe { VirtualAlloc(wanted, bytes, MEM_RESERVE, PAGE_NOACCESS) };
            if let Some(base) = NonNull::new(base.cast::<u8>()) {
                return Ok((base, false));
            }
        }
        Err(last_error())
    }

    #[cfg(any(test, feature = "conformance"))]
    pub(super) use self::reserve as reserve_untouchable;

    pub(super) unsafe fn commit(ptr: NonNull<u8>, bytes: usize) -> Result<(), OsError> {
        // SAFETY: the caller owns the reserved range; committing committed pages again changes nothing.
        let committed = unsafe { VirtualAlloc(ptr.as_ptr().cast(), bytes, MEM_COMMIT, PAGE_READWRITE) };
        if committed.is_null() { Err(last_error()) } else { Ok(()) }
    }

    /// Discards instead of decommitting: decommitted pages would have to be committed again, which can fail in the
    /// middle of a range that the rest of the crate believes to be usable. The commit charge stays, the physical
    /// pages go.
    pub(super) unsafe fn decommit(ptr: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is committed, page-aligned and read-write, and its contents are of no interest.
        let _ = unsafe { DiscardVirtualMemory(ptr.as_ptr().cast(), bytes) };
    }

    pub(super) unsafe fn release(ptr: NonNull<u8>, _bytes: usize) {
        // SAFETY: `ptr` is the base address that `VirtualAlloc` returned, and nothing uses the range any more.
        let _ = unsafe { VirtualFree(ptr.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}

#[cfg(any(miri, not(any(unix, windows))))]
mod imp {
    use super::{OsError, RESERVATION_ALIGN};
    use core::ptr::NonNull;
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    fn layout(bytes: usize) -> Result<Layout, OsError> {
        Layout::from_size_align(bytes, RESERVATION_ALIGN).map_err(|_| OsError::OUT_OF_RANGE)
    }

    pub(super) fn reserve(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
        let layout = layout(bytes)?;
        // SAFETY: the size was checked to be positive.
        Ok((NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(OsError::OUT_OF_RANGE)?, true))
    }

    /// Here committing changes nothing, so what counts as committed is the caller's own bookkeeping.
    #[cfg(any(test, feature = "conformance"))]
    pub(super) fn reserve_untouchable(bytes: usize) -> Result<(NonNull<u8>, bool), OsError> {
        Ok((reserve(bytes)?.0, false))
    }

    #[expect(clippy::unnecessary_wraps, reason = "one signature for every system")]
    pub(super) unsafe fn commit(_ptr: NonNull<u8>, _bytes: usize) -> Result<(), OsError> {
        Ok(())
    }

    pub(super) unsafe fn decommit(_ptr: NonNull<u8>, _bytes: usize) {}

    pub(super) unsafe fn release(ptr: NonNull<u8>, bytes: usize) {
        if let Ok(layout) = layout(bytes) {
            // SAFETY: the caller hands back what `reserve` allocated with this very layout.
            unsafe { dealloc(ptr.as_ptr(), layout) }
        }
    }
}

/// Refusals on demand, for tests of what callers do when the system says no. Per thread, so that tests that run
/// side by side do not disturb each other.
#[cfg(any(test, feature = "conformance"))]
pub mod fault {
    use super::OsError;
    use core::cell::Cell;

    thread_local! {
        static COMMITS_UNTIL_FAILURE: Cell<u32> = const { Cell::new(0) };
        static RESERVATIONS_UNTIL_FAILURE: Cell<u32> = const { Cell::new(0) };
        static COMMITS_ON_DEMAND: Cell<bool> = const { Cell::new(false) };
        static REFUSING: Cell<bool> = const { Cell::new(false) };
    }

    /// Makes the `n`-th following commit on this thread fail (1 is the next one), and only that one. Zero cancels. Counted
    /// are the steps by which a heap's memory or a side table becomes usable, whether or not the system is asked for them.
    pub fn fail_commit_after(n: u32) {
        COMMITS_UNTIL_FAILURE.set(n);
    }

    /// Makes the `n`-th following claim of addresses on this thread fail (1 is the next one), and only that one: a heap's
    /// first or a further one, or those of a side table. Zero cancels.
    pub fn fail_reserve_after(n: u32) {
        RESERVATIONS_UNTIL_FAILURE.set(n);
    }

    /// Makes every commit on this thread fail until it is called with `false`.
    pub fn refuse_commits(refuse: bool) {
        REFUSING.set(refuse);
    }

    /// Makes this thread's new heaps start uncommitted, as they do on systems that count untouched memory.
    pub fn commit_on_demand(on_demand: bool) {
        COMMITS_ON_DEMAND.set(on_demand);
    }

    pub(in super::super) fn commits_on_demand() -> bool {
        COMMITS_ON_DEMAND.get()
    }

    pub(in super::super) fn commit() -> Result<(), OsError> {
        if REFUSING.get() {
            return Err(OsError::OUT_OF_RANGE);
        }
        count_down(&COMMITS_UNTIL_FAILURE)
    }

    pub(in super::super) fn reserve() -> Result<(), OsError> {
        count_down(&RESERVATIONS_UNTIL_FAILURE)
    }

    fn count_down(counter: &'static std::thread::LocalKey<Cell<u32>>) -> Result<(), OsError> {
        match counter.get() {
            0 => Ok(()),
            left => {
                counter.set(left - 1);
                if left == 1 { Err(OsError::OUT_OF_RANGE) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_through_its_life() {
        for on_demand in [false, true] {
            fault::commit_on_demand(on_demand);
            let bytes = 8 << 20;
            let (base, ready) = reserve(bytes).unwrap();
            assert!(base.addr().get().is_multiple_of(RESERVATION_ALIGN));
            assert!(!(ready && on_demand));
            // SAFETY: the range is this test's own, committed before it is touched, released after the last touch.
            unsafe {
                if !ready {
                    commit(base, RESERVATION_ALIGN).unwrap();
                }
                let last = base.add(RESERVATION_ALIGN - 1);
                assert_eq!((base.read(), last.read()), (0, 0));
                base.write(1);
                last.write(2);
                decommit(base, RESERVATION_ALIGN);
                assert!(base.read() <= 1 && [0, 2].contains(&last.read()));
                base.write(3);
                assert_eq!(base.read(), 3);
                release(base, bytes);
            }
        }
        fault::commit_on_demand(false);
    }

    #[test]
    fn a_range_is_cleared_to_the_byte() {
        let bytes = 1 << 20;
        let (base, ready) = reserve(bytes).unwrap();
        // SAFETY: as above; no reference into the range is made.
        unsafe {
            if !ready {
                commit(base, bytes).unwrap();
            }
            for (start, length) in [(0, 1), (5, 4096), (4095, 2), (100, 64 << 10), (4096, 128 << 10), (70_001, 300_007)]
            {
                base.write_bytes(0xAB, bytes);
                clear(base.add(start), length);
                for offset in 0..bytes {
                    let expected = if (start..start + length).contains(&offset) { 0 } else { 0xAB };
                    assert_eq!(base.add(offset).read(), expected, "{start} {length} {offset}");
                }
            }
            release(base, bytes);
        }
    }

    #[test]
    #[cfg(all(unix, not(miri)))]
    fn a_replaced_range_is_fresh() {
        let bytes = 4 << 20;
        let (base, ready) = reserve(bytes).unwrap();
        // SAFETY: as above.
        unsafe {
            if !ready {
                commit(base, bytes).unwrap();
            }
            base.add(1 << 20).write(1);
            base.write(2);
            replace(base.add(1 << 20), 1 << 20, false).unwrap();
            replace(base.add(1 << 20), 1 << 20, true).unwrap();
            assert_eq!((base.read(), base.add(1 << 20).read()), (2, 0));
            release(base, bytes);
        }
    }

    #[test]
    fn sizes_are_checked() {
        for bytes in [0, 1, RESERVATION_GRANULE - 1, usize::MAX, isize::MAX as usize] {
            assert_eq!(reserve(bytes), Err(OsError::OUT_OF_RANGE));
        }
    }
}
