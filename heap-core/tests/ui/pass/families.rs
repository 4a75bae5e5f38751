//! What a handle keeps is inferred, and is the type that the program writes.

use heap_core::collections::{List, Map, WeakMap};
use heap_core::{
    Ephemeron, FinalizerQueue, Gc, GcDyn, Handle, HeaderSlice, Lock, OnceLock, RefLock, Rootable, Static, Trace, Weak,
    dyn_trace,
};

trait Shape<'gc>: Trace<'gc> {}
dyn_trace!(<'gc> dyn Shape<'gc> + 'gc);

#[derive(Trace)]
struct Plain;

#[derive(Trace)]
enum Sized<'gc, const N: usize> {
    Full([Gc<'gc, Node<'gc>>; N]),
}

#[derive(Trace)]
struct Node<'gc> {
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

// Known by nobody.
#[derive(Trace)]
struct Tree<'gc, T>(Gc<'gc, T>);

macro_rules! inferred {
    ($($name:ident: $family:ty, $type:ty;)*) => {
        struct Handles {
            $($name: Handle<Rootable!['gc => $family]>,)*
        }

        fn all<'gc>(mc: &heap_core::Mutator<'gc>, $($name: $type),*) -> Handles {
            $(let $name = mc.stash($name);)*
            Handles { $($name),* }
        }
    };
}

inferred! {
    number: Gc<'gc, u64>, Gc<'gc, u64>;
    text: Gc<'gc, str>, Gc<'gc, str>;
    plain: Gc<'gc, Plain>, Gc<'gc, Plain>;
    foreign: Gc<'gc, Static<std::time::Instant>>, Gc<'gc, Static<std::time::Instant>>;
    node: Gc<'gc, Node<'gc>>, Gc<'gc, Node<'gc>>;
    weak: Weak<'gc, Node<'gc>>, Weak<'gc, Node<'gc>>;
    counted: Gc<'gc, Sized<'gc, 3>>, Gc<'gc, Sized<'gc, 3>>;
    slice: Gc<'gc, [Gc<'gc, Node<'gc>>]>, Gc<'gc, [Gc<'gc, Node<'gc>>]>;
    cells: Gc<'gc, RefLock<Vec<Option<Box<Node<'gc>>>>>>, Gc<'gc, RefLock<Vec<Option<Box<Node<'gc>>>>>>;
    once: Gc<'gc, OnceLock<(Node<'gc>, u8)>>, Gc<'gc, OnceLock<(Node<'gc>, u8)>>;
    object: Gc<'gc, dyn Shape<'gc> + 'gc>, Gc<'gc, dyn Shape<'gc> + 'gc>;
    boxed: Gc<'gc, Box<dyn Shape<'gc> + 'gc>>, Gc<'gc, Box<dyn Shape<'gc> + 'gc>>;
    wide: Gc<'gc, GcDyn<'gc, dyn Shape<'gc> + 'gc>>, Gc<'gc, GcDyn<'gc, dyn Shape<'gc> + 'gc>>;
    pair: Gc<'gc, Ephemeron<'gc, str, Node<'gc>>>, Gc<'gc, Ephemeron<'gc, str, Node<'gc>>>;
    queue: Gc<'gc, FinalizerQueue<'gc, Node<'gc>>>, Gc<'gc, FinalizerQueue<'gc, Node<'gc>>>;
    code: Gc<'gc, HeaderSlice<Node<'gc>, [u8]>>, Gc<'gc, HeaderSlice<Node<'gc>, [u8]>>;
    list: Gc<'gc, List<'gc, Gc<'gc, str>>>, Gc<'gc, List<'gc, Gc<'gc, str>>>;
    map: Gc<'gc, Map<'gc, Gc<'gc, str>, u64>>, Gc<'gc, Map<'gc, Gc<'gc, str>, u64>>;
    weak_map: Gc<'gc, WeakMap<'gc, str, Node<'gc>>>, Gc<'gc, WeakMap<'gc, str, Node<'gc>>>;
}

fn named<'gc>(mc: &heap_core::Mutator<'gc>, tree: Gc<'gc, Tree<'gc, u64>>) {
    let handle = mc.stash_as::<Rootable![Gc<'_, Tree<'_, u64>>]>(tree);
    let _ = mc.fetch(&handle).0;
}

fn main() {
    let _ = (all, named);
}
