//! The first example that users of such a library meet: a doubly linked list whose nodes are garbage as soon as nobody leads to
//! them, however they lead to each other.

use gc_arena::{Arena, Collect, Gc, Mutation, RefLock, Rootable};

#[derive(Copy, Clone, Collect)]
#[collect(no_drop)]
struct Node<'gc, T: 'gc> {
    before: Option<NodePtr<'gc, T>>,
    after: Option<NodePtr<'gc, T>>,
    value: T,
}

type NodePtr<'gc, T> = Gc<'gc, RefLock<Node<'gc, T>>>;

fn new_node<'gc, T: Collect<'gc>>(mc: &Mutation<'gc>, value: T) -> NodePtr<'gc, T> {
    Gc::new(mc, RefLock::new(Node { before: None, after: None, value }))
}

fn join<'gc, T>(mc: &Mutation<'gc>, left: NodePtr<'gc, T>, right: NodePtr<'gc, T>) {
    left.borrow_mut(mc).after = Some(right);
    right.borrow_mut(mc).before = Some(left);
}

/// Goes forward as long as there is a node.
fn advance<'gc, T: Copy>(place: &mut NodePtr<'gc, T>) -> bool {
    let after = place.borrow().after;
    match after {
        Some(after) => {
            *place = after;
            true
        }
        None => false,
    }
}

fn retreat<'gc, T: Copy>(place: &mut NodePtr<'gc, T>) -> bool {
    let before = place.borrow().before;
    match before {
        Some(before) => {
            *place = before;
            true
        }
        None => false,
    }
}

/// Takes a node out; those beside it are joined.
fn remove<'gc, T: Copy>(mc: &Mutation<'gc>, place: NodePtr<'gc, T>) {
    let Node { before, after, .. } = *place.borrow();
    match (before, after) {
        (Some(before), Some(after)) => join(mc, before, after),
        (Some(before), None) => before.borrow_mut(mc).after = None,
        (None, Some(after)) => after.borrow_mut(mc).before = None,
        (None, None) => {}
    }
    let mut place = place.borrow_mut(mc);
    place.before = None;
    place.after = None;
}

/// What the walks over the list find.
pub(super) fn run() -> String {
    let mut arena = Arena::<Rootable![NodePtr<'_, i32>]>::new(|mc| {
        let one = new_node(mc, 1);
        let two = new_node(mc, 2);
        let three = new_node(mc, 3);
        let four = new_node(mc, 4);
        join(mc, one, two);
        join(mc, two, three);
        join(mc, three, four);
        one
    });

    let mut found = Vec::new();
    arena.mutate(|_, root| {
        let mut place = *root;
        found.push(place.borrow().value);
        while advance(&mut place) {
            found.push(place.borrow().value);
        }
        while retreat(&mut place) {
            found.push(place.borrow().value);
        }
    });

    arena.mutate(|mc, root| {
        let mut place = *root;
        while place.borrow().value != 3 {
            assert!(advance(&mut place));
        }
        remove(mc, place);
        // Two more lead to each other, and nothing to them.
        let (left, right) = (new_node(mc, 10), new_node(mc, 11));
        join(mc, left, right);
        join(mc, right, left);
    });

    arena.finish_cycle();
    arena.mutate(|_, root| {
        let mut place = *root;
        found.push(place.borrow().value);
        while advance(&mut place) {
            found.push(place.borrow().value);
        }
    });
    let found: Vec<String> = found.iter().map(i32::to_string).collect();
    found.join(" ")
}
