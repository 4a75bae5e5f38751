//! The everyday mistakes with `store!`: no lock, a lock that is borrowed, a struct or an array inside an object, a root that is none.
use heap_core::{Gc, Heap, Lock, Mutator, RefLock, Rootable, Trace, store};
#[derive(Trace)]
struct Inner<'gc> { next: Lock<Option<Gc<'gc, Node<'gc>>>> }
#[derive(Trace)]
struct Node<'gc> { value: u64, list: RefLock<Vec<u64>>, inner: Inner<'gc>, slots: [Lock<Option<Gc<'gc, u64>>>; 2] }
#[derive(Trace)]
struct Root<'gc> { first: Lock<Option<Gc<'gc, Node<'gc>>>> }
fn plain<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) { store!(mc, node.value, 7); }
fn ref_lock<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) { store!(mc, node.list, vec![7]); }
fn inline<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) { store!(mc, node.inner.next, None); }
fn array<'gc>(mc: &Mutator<'gc>, node: Gc<'gc, Node<'gc>>) { store!(mc, node.slots[1], None); }
fn root(heap: &mut Heap<Rootable![Root<'_>]>) { heap.mutate(|mc, root| store!(mc, root.first, None)); }
fn main() {}
