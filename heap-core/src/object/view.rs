//! Safe looks at objects: what a collector may do with an object once somebody has argued that it is there.
//!
//! Nearly every access of a collector to an object rests on the same argument: its memory was not reused, and nobody
//! holds a mutable borrow of any part of it. The argument is made once, where the view is made; what the view offers is
//! safe.
//!
//! * [`Intact`] promises the memory. The object may be dead, or may have moved away: then its header says where to.
//! * [`Object`] promises in addition that the object has not moved away, so that its header names its type. The header
//!   was loaded once, when the object was looked at; [`Object::word`] is that value.
//!
//! Neither says anything about the time after the pause in which it was made, hence the lifetime. Both are two
//! registers at most, and compile to the loads that they stand for.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use super::copy::copy;
use super::edge_names::{EdgeNames, NameBuffers, Place};
use super::edges::EdgeSink;
use super::header::{HASH_ASKED, HASH_STORED, Header, HeaderWord};
use super::layout::{AllocRequest, HASH_BYTES, OBJECT_ALIGN};
use super::reference::ObjectRef;
use super::type_info::TypeInfo;

/// An object whose memory is as the object left it.
#[derive(Clone, Copy)]
pub struct Intact<'a> {
    reference: ObjectRef,
    // Not for other threads: what is argued is argued for this one.
    _memory: PhantomData<(&'a Header, *mut ())>,
}

impl<'a> Intact<'a> {
    /// The object at `reference`.
    ///
    /// # Safety
    /// For all of `'a`, the memory of the object, header and length included, must not be reused, and no part of the
    /// object may be mutably borrowed, or only elements that are not looked at through this. (The program is stopped,
    /// or is inside the write barrier of this object, or of these elements, before the first write.)
    #[inline(always)]
    pub unsafe fn at(reference: ObjectRef) -> Self {
        Intact { reference, _memory: PhantomData }
    }

    /// Its address.
    #[inline(always)]
    pub fn reference(self) -> ObjectRef {
        self.reference
    }

    /// Its header.
    #[inline(always)]
    pub fn header(self) -> &'a Header {
        // SAFETY: the memory is intact for 'a.
        unsafe { self.reference.header() }
    }

    /// The object, or its address when it has moved away.
    ///
    /// # Errors
    /// When the object was copied: where to.
    #[inline(always)]
    pub fn look(self) -> Result<Object<'a>, ObjectRef> {
        let word = self.header().load();
        match word.forwarded() {
            Some(now) => Err(now),
            None => Ok(Object { reference: self.reference, word, _memory: PhantomData }),
        }
    }
}

/// An object that is where its reference says, and its header as it was when one looked.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    reference: ObjectRef,
    word: HeaderWord,
    _memory: PhantomData<(&'a Header, *mut ())>,
}

impl<'a> Object<'a> {
    /// Looks at the object at `reference`.
    ///
    /// # Safety
    /// As for [`Intact::at`]; and the object must not have been copied away.
    #[inline(always)]
    pub unsafe fn at(reference: ObjectRef) -> Self {
        // SAFETY: the caller's promise.
        let word = unsafe { reference.header() }.load();
        debug_assert!(word.forwarded().is_none(), "{reference:?} has moved away");
        Object { reference, word, _memory: PhantomData }
    }

    /// Its address.
    #[inline(always)]
    pub fn reference(self) -> ObjectRef {
        self.reference
    }

    /// Its header, as it was when the object was looked at.
    #[inline(always)]
    pub fn word(self) -> HeaderWord {
        self.word
    }

    /// Its header.
    #[inline(always)]
    pub fn header(self) -> &'a Header {
        // SAFETY: the memory is intact for 'a.
        unsafe { self.reference.header() }
    }

    /// Its type.
    #[inline(always)]
    pub fn info(self) -> &'static TypeInfo {
        // SAFETY: the word came from an object's header, and the object has not moved away.
        unsafe { self.word.type_info() }
    }

    /// Its number of elements: the length of a slice, one for everything else.
    #[inline(always)]
    pub fn count(self) -> usize {
        // SAFETY: intact, of this type.
        unsafe { self.reference.count(self.info()) }
    }

    /// See [`ObjectRef::extent`].
    #[inline(always)]
    pub fn extent(self) -> Range<usize> {
        // SAFETY: intact, of this type.
        unsafe { self.reference.extent(self.info()) }
    }

    /// Extent and number of elements at once: one branch for nearly all objects.
    #[inline(always)]
    pub fn measure(self) -> Measured<'a> {
        // SAFETY: intact, of this type.
        let (extent, count) = unsafe { self.reference.measure(self.info()) };
        Measured { object: self, info: self.info(), extent, count }
    }

    /// As [`measure`](Self::measure), if its type alone says how large it is: so it is with nearly all objects that are
    /// no slices. The result is known to be such a one where this is inlined.
    #[inline(always)]
    pub fn measure_small(self) -> Option<Measured<'a>> {
        let info = self.info();
        self.reference.small_extent(info).map(|extent| Measured { object: self, info, extent, count: 1 })
    }

    /// Bytes of its footprint, header included.
    #[inline(always)]
    pub fn size(self) -> usize {
        // SAFETY: intact, of this type.
        unsafe { self.reference.size(self.info()) }
    }

    /// Its identity hash, if it has moved since it was asked.
    #[inline]
    pub fn stored_hash(self) -> Option<u64> {
        let last = || self.extent().end - HASH_BYTES - self.reference.address();
        // SAFETY: intact, and the last word of the footprint is the hash, written before anybody saw the object there.
        self.word.has(HASH_STORED).then(|| unsafe { self.reference.payload().byte_add(last()).cast::<u64>().read() })
    }

    /// Reports all its edges: all or none. False when the system refuses memory for them, as the sink says too.
    #[inline(always)]
    pub fn trace(self, sink: &mut EdgeSink) -> bool {
        self.measure().trace(sink)
    }

    /// Reports the edges of some elements, as [`trace`](Self::trace) does.
    ///
    /// # Panics
    /// When the object does not have them.
    #[inline]
    pub fn trace_elements(self, elements: Range<usize>, sink: &mut EdgeSink) -> bool {
        assert!(elements.start <= elements.end && elements.end <= self.count(), "elements beyond the object's last");
        if let Some(trace) = self.info().trace() {
            // SAFETY: the elements exist and are intact, and nobody is writing to them.
            unsafe {
                let first = self.reference.payload().byte_add(elements.start * self.info().element_bytes());
                return sink.collect(trace, first.as_ptr(), elements.len());
            }
        }
        true
    }

    /// Calls `visit` with all its edges and their places: as many as [`trace`](Self::trace) reports. False when the
    /// system refuses memory for them; some were reported then.
    pub(crate) fn name_edges(self, buffers: &mut NameBuffers, visit: &mut dyn FnMut(Place<'_>, ObjectRef)) -> bool {
        let info = self.info();
        if info.trace().is_none() {
            return true;
        }
        let mut names = EdgeNames::new(buffers, visit);
        // SAFETY: all elements exist and are intact, and nobody is writing to them.
        unsafe { (info.kind.name_edges)(self.reference.payload().as_ptr(), 0..self.count(), &mut names) };
        !names.lost()
    }

    /// Bytes that it owns outside the heap, as it says now. Only on the heap's own thread.
    pub(crate) fn owned_bytes(self) -> usize {
        // SAFETY: all elements exist and are intact, and nobody is writing to them.
        self.info().owned_bytes().map_or(0, |owned| unsafe { owned(self.reference.payload().as_ptr(), self.count()) })
    }
}

/// An object whose size is known.
pub struct Measured<'a> {
    object: Object<'a>,
    info: &'static TypeInfo,
    extent: Range<usize>,
    count: usize,
}

impl<'a> Measured<'a> {
    /// The object.
    #[inline(always)]
    pub fn object(&self) -> Object<'a> {
        self.object
    }

    /// Its type.
    #[inline(always)]
    pub fn info(&self) -> &'static TypeInfo {
        self.info
    }

    /// See [`ObjectRef::extent`].
    #[inline(always)]
    pub fn extent(&self) -> Range<usize> {
        self.extent.clone()
    }

    /// Bytes of its footprint, header included.
    #[inline(always)]
    pub fn bytes(&self) -> usize {
        self.extent.end - self.extent.start
    }

    /// Whether it shares its blocks with others. See [`HeaderWord::shares_blocks`].
    #[inline(always)]
    pub fn shares_blocks(&self) -> bool {
        self.object.word.shares_blocks(self.bytes())
    }

    /// Its number of elements.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// See [`Object::trace`].
    #[inline(always)]
    pub fn trace(&self, sink: &mut EdgeSink) -> bool {
        if let Some(trace) = self.info.trace() {
            // SAFETY: all elements exist and are intact, and nobody is writing to them.
            return unsafe { sink.collect(trace, self.object.reference.payload().as_ptr(), self.count) };
        }
        true
    }

    /// What an allocation must ask for that is to hold a copy.
    #[inline(always)]
    pub fn request(&self) -> AllocRequest {
        let prefix = self.object.reference.address() - self.extent.start;
        AllocRequest { bytes: self.bytes(), prefix, align: self.info.align().max(OBJECT_ALIGN) }
    }

    /// Moves the object: copies it, its length included, to where its payload shall be at `to`, with the header `word`,
    /// and leaves the address in the old header. The old place stays intact.
    ///
    /// # Safety
    /// At `to` there must be committed memory as the [request](Self::request) says, used by nothing else. `word` must
    /// name the object's type.
    #[inline(always)]
    pub unsafe fn move_to(&self, to: NonNull<u8>, word: HeaderWord) -> Measured<'a> {
        debug_assert!(!word.has(HASH_ASKED), "a copy gets its identity hash: `move_with_hash`");
        let (from, prefix) = (self.object.reference.payload(), self.object.reference.address() - self.extent.start);
        // SAFETY: `bytes` bytes from the start of the prefix are the object's, and multiples of eight; the caller
        // promises as many at the new place.
        unsafe { copy(from.byte_sub(prefix), to.byte_sub(prefix), self.bytes()) };
        let object = Object { reference: ObjectRef::new(to), word, _memory: PhantomData };
        object.header().store(word);
        self.object.header().store(HeaderWord::forwarding(object.reference));
        let start = to.addr().get() - prefix;
        Measured { object, info: self.info, extent: start..start + self.bytes(), count: self.count }
    }

    /// What an allocation must ask for that is to hold a copy and its identity hash.
    pub fn request_with_hash(&self) -> AllocRequest {
        let request = self.request();
        AllocRequest { bytes: request.bytes + HASH_BYTES, ..request }
    }

    /// Moves an object that has [`HASH_ASKED`](super::HASH_ASKED): as [`move_to`](Self::move_to), and puts `hash`
    /// behind it.
    ///
    /// # Safety
    /// As for `move_to`, with [`request_with_hash`](Self::request_with_hash).
    pub unsafe fn move_with_hash(&self, to: NonNull<u8>, word: HeaderWord, hash: u64) -> Measured<'a> {
        let info = self.info.with_hash().expect("an object that can be asked, and has not moved since it was");
        let state = word.state() & !HASH_ASKED | HASH_STORED;
        // SAFETY: the caller's promise; the description is of the same type.
        let moved = unsafe { self.move_to(to, HeaderWord::new(info, state)) };
        let end = moved.extent.end;
        // SAFETY: the caller promises room for a word behind the object.
        unsafe { to.byte_add(end - to.addr().get()).cast::<u64>().write(hash) };
        Measured { info, extent: moved.extent.start..end + HASH_BYTES, ..moved }
    }
}

impl core::fmt::Debug for Intact<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.reference.fmt(f)
    }
}

impl core::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} ({})", self.reference, self.info().name())
    }
}
