//! [`Relocation`]: slots that may be read and written, for a collector that moves objects.
//!
//! A slot is an address inside an object, or inside memory that an object owns; it is good as long as nobody borrows or
//! drops the object (rule R13). That is so while the program is stopped and the object lives, which whoever moves objects
//! argues once, when the relocation begins. What it was told then holds for every slot that comes out of the sink.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use super::reference::ObjectRef;
use super::slots::SlotSink;
use super::view::{Intact, Measured, Object};

/// Elements of an array whose slots are in the sink at a time: bounds the sink by objects, not by their lengths.
const PIECE: usize = 1024;

/// A sink whose slots may be read and written. See the front of its file.
pub struct Relocation<'p> {
    sink: &'p mut SlotSink,
}

/// A place in an object that holds a pointer.
pub struct Slot<'p> {
    slot: NonNull<ObjectRef>,
    _object: PhantomData<&'p ObjectRef>,
}

impl SlotSink {
    /// Begins with no slots.
    ///
    /// # Safety
    /// For all of `'p` the program must be stopped, and nobody else may look into objects. No memory of an object that is
    /// visited or that its slots lead to may be reused, nor may an object that is visited be dropped.
    pub unsafe fn begin(&mut self) -> Relocation<'_> {
        self.clear();
        Relocation { sink: self }
    }
}

impl<'p> Relocation<'p> {
    /// Puts the slots of an object into the sink, those that lead into its window.
    #[inline(always)]
    pub fn visit(&mut self, object: &Measured<'p>) {
        if let Some(relocate) = object.info().relocate() {
            let first = object.object().reference().payload().as_ptr();
            // SAFETY: all elements exist and are intact; `begin` was promised that nobody else looks at them.
            unsafe { relocate(first, object.count(), self.sink) };
        }
    }

    /// Puts the slots of some elements into the sink.
    ///
    /// # Panics
    /// When the object does not have them.
    #[inline]
    pub fn visit_elements(&mut self, object: Object<'p>, elements: Range<usize>) {
        assert!(elements.start <= elements.end && elements.end <= object.count(), "elements beyond the object's last");
        let info = object.info();
        if let Some(relocate) = info.relocate() {
            // SAFETY: the elements exist and are intact; `begin` was promised that nobody else looks at them.
            unsafe {
                let first = object.reference().payload().byte_add(elements.start * info.element_bytes());
                relocate(first.as_ptr(), elements.len(), self.sink);
            }
        }
    }

    /// Makes the slots of some elements lead to where their targets are `now`, if that says where; elements that the object
    /// does not have are left out. The sink must be empty, and is. It need not have room for more than the slots of one
    /// piece: those of 1024 elements, or of one that owns many.
    pub fn update(
        &mut self,
        object: Object<'p>,
        elements: Range<usize>,
        now: impl Fn(Intact<'p>) -> Option<ObjectRef>,
    ) {
        if object.info().relocate().is_none() {
            return;
        }
        let end = elements.end.min(object.count());
        for first in (elements.start..end).step_by(PIECE) {
            self.visit_elements(object, first..end.min(first + PIECE));
            while let Some(slot) = self.take() {
                if let Some(target) = now(slot.target()) {
                    slot.set(target);
                }
            }
        }
    }

    /// Takes a slot out.
    #[inline(always)]
    pub fn take(&mut self) -> Option<Slot<'p>> {
        self.sink.pop().map(|slot| Slot { slot, _object: PhantomData })
    }
}

impl<'p> Slot<'p> {
    /// What it leads to.
    #[inline(always)]
    pub fn target(&self) -> Intact<'p> {
        // SAFETY: the slot was reported by an object that is alive, and not borrowed since, as `begin` was promised; nor was
        // the memory reused of what it leads to.
        unsafe { Intact::at(self.slot.read()) }
    }

    /// Makes it lead elsewhere.
    #[inline(always)]
    pub fn set(self, target: ObjectRef) {
        // SAFETY: as for `target`, and nobody else accesses the object.
        unsafe { self.slot.write(target) }
    }
}
