//! Small things that the tests of the kit share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The payload of a panic that drop glue starts on purpose, with the number of the object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GluePanic(pub(super) u32);

/// The payload of a panic that a test starts in its own code on purpose.
pub(super) struct ExpectedPanic;

/// Unwinds without a message.
pub(super) fn unwind() -> ! {
    std::panic::resume_unwind(Box::new(ExpectedPanic))
}

/// Runs `f`, giving back the payload when it unwinds.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// A reproducible sequence of numbers.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Numbers(seed)
    }

    /// The next number, below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (super::objects::mix(self.0) % bound as u64) as usize
    }
}

/// What a collector around another one, its field `collector`, passes on in any case. Written once, because a method
/// that a wrapper does not know of would do what the interface does by default, and not what the collector does.
macro_rules! passed_on {
    () => {
        fn freeze(&mut self, heap: &mut HeapContext<'_>, alive: Alive) {
            self.collector.freeze(heap, alive);
        }
        fn rest(&mut self, heap: &mut HeapContext<'_>) {
            self.collector.rest(heap);
        }
        fn side_bytes(&self) -> usize {
            self.collector.side_bytes()
        }
        fn finish(&mut self, heap: &mut HeapContext<'_>) {
            self.collector.finish(heap);
        }
        fn ref_count(&self, heap: &HeapCore, object: ObjectRef) -> Option<u64> {
            self.collector.ref_count(heap, object)
        }
        fn verify_allocated(&self, heap: &HeapCore, bytes: Range<usize>) -> Result<(), String> {
            self.collector.verify_allocated(heap, bytes)
        }
        fn waiting(&self, heap: &HeapCore) -> Vec<ObjectRef> {
            self.collector.waiting(heap)
        }
        fn verify(&self, heap: &HeapCore, snapshot: &Snapshot<'_>) -> Result<(), VerifyError> {
            self.collector.verify(heap, snapshot)
        }
    };
}
pub(super) use passed_on;
