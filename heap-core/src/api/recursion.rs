//! Operations that follow pointers wherever they lead: printing and comparing.
//!
//! A derived `Debug` or `PartialEq` of a type with pointers in locks follows them, and objects may form cycles, or chains
//! longer than a stack is deep. So what is being printed is remembered, and what is being compared:
//!
//! * An object inside itself is printed as `...`, as Python prints a list that contains itself; so is what lies deeper than
//!   [`PRINTED_DEPTH`].
//! * A pair of locks whose contents are being compared already counts as equal there: two cycles are equal when no
//!   difference can be found by walking along both (bisimulation). What is not cyclic is compared in full, with a call for each
//!   level, as everywhere in Rust.
//!
//! The type belongs to what is remembered of a comparison: a lock may begin where the lock around it does.
//!
//! Remembered per thread, in a list and a set that are empty when nobody prints or compares. An address stands for its
//! object: nothing moves while somebody holds a reference to it.

use core::cell::RefCell;
use core::fmt;
use std::collections::HashSet;

/// Pointers that are followed one behind the other when an object is printed.
const PRINTED_DEPTH: usize = 64;

thread_local! {
    static PRINTING: RefCell<Vec<*const ()>> = const { RefCell::new(Vec::new()) };
    static COMPARING: RefCell<HashSet<Pair>> = RefCell::default();
}

/// Two addresses, and the name of the type of what is there.
type Pair = (*const (), *const (), &'static str);

/// Prints the object at an address, unless it is being printed already.
pub(crate) fn print_once(
    object: *const (),
    f: &mut fmt::Formatter<'_>,
    print: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            let _ = PRINTING.try_with(|printing| printing.borrow_mut().pop());
        }
    }
    let enter = |printing: &mut Vec<*const ()>| {
        let new = printing.len() < PRINTED_DEPTH && !printing.contains(&object);
        if new {
            printing.push(object);
        }
        new
    };
    // Where nothing can be remembered any more, because the thread ends, nothing is followed.
    if !PRINTING.try_with(|printing| enter(&mut printing.borrow_mut())).unwrap_or(false) {
        return f.write_str("...");
    }
    let _end = End;
    print(f)
}

/// Compares two values; what is being compared already counts as equal.
pub(crate) fn compare_once<T: ?Sized>(a: &T, b: &T, compare: impl FnOnce() -> bool) -> bool {
    struct End(Pair);
    impl Drop for End {
        fn drop(&mut self) {
            let _ = COMPARING.try_with(|comparing| comparing.borrow_mut().remove(&self.0));
        }
    }
    let pair = (core::ptr::from_ref(a).cast(), core::ptr::from_ref(b).cast(), core::any::type_name::<T>());
    // Where nothing can be remembered any more, because the thread ends, cycles are not noticed: as with plain references.
    if !COMPARING.try_with(|comparing| comparing.borrow_mut().insert(pair)).unwrap_or(true) {
        return true;
    }
    let _end = End(pair);
    compare()
}

#[cfg(test)]
mod tests {
    use crate::collections::List;
    use crate::{Gc, Heap, Lock, Mutator, NoGc, OnceLock, RefLock, Rootable, Trace};

    #[derive(Trace, Debug, Clone, PartialEq)]
    struct Node<'gc> {
        value: u64,
        next: Lock<Option<Gc<'gc, Node<'gc>>>>,
    }

    #[derive(Trace, Debug, Clone, Copy, PartialEq)]
    enum Value<'gc> {
        Number(u64),
        List(List<'gc, Value<'gc>>),
    }

    fn ring<'gc>(mc: &Mutator<'gc>, values: &[u64]) -> Gc<'gc, Node<'gc>> {
        let first = Gc::new(mc, Node { value: values[0], next: Lock::new(None) });
        let mut last = first;
        for &value in &values[1..] {
            let node = Gc::new(mc, Node { value, next: Lock::new(None) });
            crate::store!(mc, last.next, Some(node));
            last = node;
        }
        crate::store!(mc, last.next, Some(first));
        first
    }

    #[test]
    fn cycles_are_printed_and_compared() {
        let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
        heap.mutate(|mc, ()| {
            let printed = format!("{:?}", ring(mc, &[1, 2]));
            assert_eq!(printed, "Node { value: 1, next: Lock(Some(Node { value: 2, next: Lock(Some(...)) })) }");
            // A second time: nothing is left behind.
            assert_eq!(format!("{:?}", ring(mc, &[1, 2])), printed);
            assert_eq!(ring(mc, &[1, 2]), ring(mc, &[1, 2]));
            assert_eq!(ring(mc, &[1, 2]), ring(mc, &[1, 2, 1, 2]), "the same, walked along");
            assert_ne!(ring(mc, &[1, 2]), ring(mc, &[1, 2, 1, 3]));
            assert_eq!(*ring(mc, &[1]), (*ring(mc, &[1])).clone());

            let list = List::from_slice(mc, &[Value::Number(1)]);
            list.push(mc, Value::List(list));
            assert_eq!(format!("{list:?}"), "[Number(1), List(...)]");
            let other = List::from_slice(mc, &[Value::Number(1), Value::List(list)]);
            assert_eq!(list, other);
            other.push(mc, Value::Number(2));
            assert_ne!(list, other);
        });
    }

    /// Locks inline in each other, one beginning where the other does.
    #[test]
    fn nested_locks_are_compared() {
        let nested = |n| OnceLock::with_value(OnceLock::with_value(RefLock::new(OnceLock::with_value(n))));
        assert_eq!(nested(1u64), nested(1));
        assert_ne!(nested(1u64), nested(2));
    }

    #[test]
    fn what_is_long_is_cut_off() {
        let mut heap = Heap::<Rootable![()]>::new(NoGc::default(), |_| ()).unwrap();
        heap.mutate(|mc, ()| {
            let values: Vec<u64> = (0..100_000).collect();
            let printed = format!("{:?}", ring(mc, &values));
            assert!(printed.contains("value: 63, next: Lock(Some(...))"), "{printed}");
        });
    }
}
