//! What the programs of the kit put into the heap: one type for each way in which a type can hold a pointer.
//!
//! All pointers between these objects are of the type [`Any`], so that every kind can refer to every other, and all
//! kinds answer the same questions: which edge is at this index, put another there, is your content what it was. The
//! interpreter can then treat them alike, and compare them with the model's, which are alike by construction.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::tools::GluePanic;
use crate::error::AllocError;
use crate::{Finalization, Gc, Handle, Lock, Mutator, OnceLock, RefLock, Rootable, Static, Trace, Weak, field, store};

/// The number of an object in the model.
pub(super) type Id = u32;

/// The kinds of objects, and pointers to any of them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $type:ty;)*) => {
        /// A kind of object.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub(super) enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            pub(super) const ALL: &'static [Kind] = &[$(Kind::$kind),*];
        }

        /// A pointer to an object of any kind.
        #[derive(Clone, Copy, Trace)]
        pub(super) enum Any<'gc> { $($kind(Gc<'gc, $type>),)* }

        /// A weak pointer to an object of any kind.
        #[derive(Clone, Copy, Trace)]
        pub(super) enum AnyWeak<'gc> { $($kind(Weak<'gc, $type>),)* }

        /// A handle on an object of any kind.
        #[derive(Clone)]
        pub(super) enum AnyHandle { $($kind(Handle<Rootable!['gc => Gc<'gc, $type>]>),)* }

        /// A handle on a weak pointer of any kind.
        #[derive(Clone)]
        pub(super) enum AnyWeakHandle { $($kind(Handle<Rootable!['gc => Weak<'gc, $type>]>),)* }

        impl<'gc> Any<'gc> {
            pub(super) fn kind(self) -> Kind {
                match self { $(Any::$kind(_) => Kind::$kind,)* }
            }

            /// The address: the object's identity until the next safepoint.
            pub(super) fn address(self) -> *const () {
                match self { $(Any::$kind(gc) => Gc::as_ptr(gc),)* }
            }

            pub(super) fn identity_hash(self, mc: &Mutator<'gc>) -> u64 {
                match self { $(Any::$kind(gc) => Gc::identity_hash(gc, mc),)* }
            }

            pub(super) fn downgrade(self, mc: &Mutator<'gc>) -> Result<AnyWeak<'gc>, AllocError> {
                Ok(match self { $(Any::$kind(gc) => AnyWeak::$kind(Gc::try_downgrade(gc, mc)?),)* })
            }
        }

        impl<'gc> AnyWeak<'gc> {
            pub(super) fn upgrade(self, mc: &Mutator<'gc>) -> Option<Any<'gc>> {
                match self { $(AnyWeak::$kind(weak) => weak.upgrade(mc).map(Any::$kind),)* }
            }

            pub(super) fn is_dead(self, fc: &Finalization<'gc>) -> bool {
                match self { $(AnyWeak::$kind(weak) => weak.is_dead(fc),)* }
            }

            pub(super) fn resurrect(self, fc: &Finalization<'gc>) -> Option<Any<'gc>> {
                match self { $(AnyWeak::$kind(weak) => weak.resurrect(fc).map(Any::$kind),)* }
            }

            pub(super) fn is_dropped(self, mc: &Mutator<'gc>) -> bool {
                match self { $(AnyWeak::$kind(weak) => weak.is_dropped(mc),)* }
            }

            pub(super) fn ptr_eq(self, other: Self) -> bool {
                match (self, other) {
                    $((AnyWeak::$kind(a), AnyWeak::$kind(b)) => Weak::ptr_eq(a, b),)*
                    _ => false,
                }
            }
        }

        impl AnyHandle {
            pub(super) fn stash<'m>(any: Any<'m>, mc: &Mutator<'m>) -> Self {
                match any { $(Any::$kind(gc) => AnyHandle::$kind(mc.stash_as::<Rootable!['gc => Gc<'gc, $type>]>(gc)),)* }
            }

            pub(super) fn fetch<'m>(&self, mc: &Mutator<'m>) -> Any<'m> {
                match self { $(AnyHandle::$kind(handle) => Any::$kind(mc.fetch(handle)),)* }
            }
        }

        impl AnyWeakHandle {
            pub(super) fn stash<'m>(weak: AnyWeak<'m>, mc: &Mutator<'m>) -> Self {
                match weak {
                    $(AnyWeak::$kind(weak) =>
                        AnyWeakHandle::$kind(mc.stash_as::<Rootable!['gc => Weak<'gc, $type>]>(weak)),)*
                }
            }

            pub(super) fn fetch<'m>(&self, mc: &Mutator<'m>) -> AnyWeak<'m> {
                match self { $(AnyWeakHandle::$kind(handle) => AnyWeak::$kind(mc.fetch(handle)),)* }
            }
        }
    };
}

kinds! {
    /// Two fields and a weak pointer: the common object.
    Node: Node<'gc>;
    /// A vector in a `RefLock`.
    Bag: Bag<'gc>;
    /// A hash map and a tree map, with pointers as values.
    Table: Table<'gc>;
    /// Two cells that can be set once.
    Once: Once<'gc>;
    /// An enum behind a `RefLock`, whose variants hold different numbers of pointers.
    Choice: RefLock<Choice<'gc>>;
    /// Parts of an object in boxes and vectors of its own.
    Parts: Parts<'gc>;
    /// Inline structs and arrays.
    Fixed: Fixed<'gc>;
    /// A lock that is the whole object.
    Link: Lock<Option<Any<'gc>>>;
    /// A slice whose elements hold a number and a pointer.
    Slots: [Slot<'gc>];
    /// A slice of pointers and nothing else; of any size.
    Dense: [Lock<Option<Gc<'gc, Node<'gc>>>>];
    /// A string.
    Text: str;
    /// A slice of numbers.
    Data: [u64];
    /// A payload aligned to 16 bytes.
    Aligned16: Aligned16<'gc>;
    /// A payload aligned to 64 bytes.
    Aligned64: Aligned64<'gc>;
    /// A payload aligned to a page.
    Aligned4096: Aligned4096<'gc>;
    /// No payload at all.
    Zero: Zero;
    /// An object with drop glue.
    Dropper: Dropper<'gc>;
    /// A slice whose elements have drop glue.
    Items: [Item<'gc>];
    /// Weak pointers in a vector and in an array.
    Weaks: Weaks<'gc>;
    /// A pointer to a pointer.
    Twice: Gc<'gc, Node<'gc>>;
}

/// A field that holds a pointer.
type Edge<'gc> = Lock<Option<Any<'gc>>>;

/// A number, twice, so that memory that was reused or torn is noticed.
#[derive(Clone, Copy, Trace)]
pub(super) struct Stamp {
    id: u64,
    check: u64,
}

impl Stamp {
    fn new(id: Id) -> Self {
        Stamp { id: u64::from(id), check: mix(u64::from(id)) }
    }

    fn is(self, id: Id) -> bool {
        self.id == u64::from(id) && self.check == mix(u64::from(id))
    }
}

/// A number that looks like no other.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^ (value >> 27)
}

#[derive(Trace)]
pub(super) struct Node<'gc> {
    stamp: Stamp,
    left: Edge<'gc>,
    right: Edge<'gc>,
    weak: Lock<Option<AnyWeak<'gc>>>,
}

#[derive(Trace)]
pub(super) struct Bag<'gc> {
    items: RefLock<Vec<Option<Any<'gc>>>>,
    stamp: Stamp,
}

#[derive(Trace)]
pub(super) struct Table<'gc> {
    stamp: Stamp,
    hashed: RefLock<HashMap<u32, Any<'gc>>>,
    sorted: RefLock<BTreeMap<u32, Any<'gc>>>,
}

#[derive(Trace)]
pub(super) struct Once<'gc> {
    first: OnceLock<Any<'gc>>,
    stamp: Stamp,
    second: OnceLock<Any<'gc>>,
}

#[derive(Trace)]
pub(super) enum Choice<'gc> {
    None(Stamp),
    One { at: u32, to: Any<'gc>, stamp: Stamp },
    Two(Stamp, (u32, Any<'gc>), (u32, Any<'gc>)),
    All(Box<([Any<'gc>; 3], Stamp)>),
}

impl<'gc> Choice<'gc> {
    fn stamp(&self) -> Stamp {
        match self {
            Choice::None(stamp) | Choice::One { stamp, .. } | Choice::Two(stamp, ..) => *stamp,
            Choice::All(all) => all.1,
        }
    }

    fn edges(&self) -> [Option<Any<'gc>>; 3] {
        let mut edges = [None; 3];
        match self {
            Choice::None(_) => {}
            Choice::One { at, to, .. } => edges[*at as usize] = Some(*to),
            Choice::Two(_, first, second) => {
                edges[first.0 as usize] = Some(first.1);
                edges[second.0 as usize] = Some(second.1);
            }
            Choice::All(all) => edges = all.0.map(Some),
        }
        edges
    }

    fn set(&mut self, index: u32, to: Option<Any<'gc>>) {
        let stamp = self.stamp();
        let mut edges = self.edges();
        edges[index as usize] = to;
        let held: Vec<(u32, Any<'gc>)> = (0..).zip(edges).filter_map(|(i, edge)| Some((i, edge?))).collect();
        *self = match held[..] {
            [] => Choice::None(stamp),
            [(at, to)] => Choice::One { at, to, stamp },
            [first, second] => Choice::Two(stamp, first, second),
            _ => Choice::All(Box::new(([held[0].1, held[1].1, held[2].1], stamp))),
        };
    }
}

#[derive(Trace)]
pub(super) struct Part<'gc> {
    edge: Edge<'gc>,
    stamp: Stamp,
}

#[derive(Trace)]
pub(super) struct Parts<'gc> {
    boxed: Box<Part<'gc>>,
    several: Vec<Part<'gc>>,
    stamp: Stamp,
}

#[derive(Trace)]
pub(super) struct Fixed<'gc> {
    grid: [[Edge<'gc>; 2]; 2],
    inner: Part<'gc>,
    pair: (Stamp, Edge<'gc>),
}

#[derive(Trace)]
pub(super) struct Slot<'gc> {
    tag: u64,
    edge: Edge<'gc>,
}

macro_rules! aligned {
    ($($name:ident $align:literal)*) => {$(
        #[derive(Trace)]
        #[repr(align($align))]
        pub(super) struct $name<'gc> {
            stamp: Stamp,
            edge: Edge<'gc>,
        }
    )*};
}
aligned! { Aligned16 16 Aligned64 64 Aligned4096 4096 }

#[derive(Trace)]
pub(super) struct Zero;

#[derive(Trace)]
pub(super) struct Dropper<'gc> {
    name: String,
    edge: Edge<'gc>,
    token: Static<Token>,
}

#[derive(Trace)]
pub(super) struct Item<'gc> {
    token: Static<Token>,
    edge: Edge<'gc>,
}

#[derive(Trace)]
pub(super) struct Weaks<'gc> {
    some: [Lock<Option<AnyWeak<'gc>>>; 2],
    many: RefLock<Vec<Option<AnyWeak<'gc>>>>,
    stamp: Stamp,
}

/// Says when it is dropped.
pub(super) struct Token {
    id: Id,
    log: Rc<DropLog>,
    /// Dropped with the token: a root that goes away in the middle of a collection.
    handle: RefCell<Option<AnyHandle>>,
    panics: bool,
}

impl Drop for Token {
    fn drop(&mut self) {
        *self.log.drops.borrow_mut().entry(self.id).or_insert(0) += 1;
        self.handle.borrow_mut().take();
        if self.panics && !std::thread::panicking() {
            self.log.panics.set(self.log.panics.get() + 1);
            std::panic::resume_unwind(Box::new(GluePanic(self.id)));
        }
    }
}

/// Which tokens were dropped, and how often.
#[derive(Default)]
pub(super) struct DropLog {
    pub(super) drops: RefCell<BTreeMap<Id, u32>>,
    /// Panics that glue started.
    pub(super) panics: std::cell::Cell<u32>,
}

impl DropLog {
    pub(super) fn drops(&self, id: Id) -> u32 {
        self.drops.borrow().get(&id).copied().unwrap_or(0)
    }

    /// The object was never made.
    pub(super) fn forget(&self, id: Id) {
        self.drops.borrow_mut().remove(&id);
    }
}

impl Kind {
    /// Whether the object's length is chosen by the program.
    pub(super) fn has_length(self) -> bool {
        matches!(self, Kind::Slots | Kind::Dense | Kind::Text | Kind::Data | Kind::Items)
    }

    /// Number of edges that an object of this kind and length can hold.
    pub(super) fn width(self, len: u32) -> u32 {
        match self {
            Kind::Text | Kind::Data | Kind::Zero | Kind::Weaks => 0,
            Kind::Link | Kind::Aligned16 | Kind::Aligned64 | Kind::Aligned4096 | Kind::Dropper | Kind::Twice => 1,
            Kind::Node | Kind::Once => 2,
            Kind::Choice | Kind::Parts => 3,
            Kind::Fixed => 6,
            Kind::Bag | Kind::Table => 12,
            Kind::Slots | Kind::Dense | Kind::Items => len,
        }
    }

    /// Number of weak pointers that an object of this kind can hold.
    pub(super) fn weak_width(self) -> u32 {
        match self {
            Kind::Node => 1,
            Kind::Weaks => 6,
            _ => 0,
        }
    }

    /// Number of tokens in an object of this kind and length.
    pub(super) fn tokens(self, len: u32) -> u32 {
        match self {
            Kind::Dropper => 1,
            Kind::Items => len,
            _ => 0,
        }
    }

    /// Whether an edge of this kind of object may lead to `target`.
    pub(super) fn accepts(self, target: Kind) -> bool {
        !matches!(self, Kind::Dense | Kind::Twice) || target == Kind::Node
    }

    /// Whether an edge at `index` may be replaced, `held` saying whether there is one.
    pub(super) fn may_set(self, held: bool, removes: bool) -> bool {
        match self {
            Kind::Twice => false,
            Kind::Once => !held && !removes,
            _ => true,
        }
    }
}

/// What is needed to make an object.
pub(super) struct Blueprint<'a, 'gc> {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) len: u32,
    /// Where a [`Kind::Twice`] leads.
    pub(super) first: Option<Any<'gc>>,
    pub(super) handle: Option<AnyHandle>,
    pub(super) panics: bool,
    pub(super) log: &'a Rc<DropLog>,
}

/// The text of a string object.
fn text_of(id: Id, len: u32) -> String {
    let mut text: String = std::iter::repeat_n("é中x", len as usize / 2).collect();
    text.push_str(&id.to_string());
    text
}

fn datum(id: Id, index: usize) -> u64 {
    mix(u64::from(id) << 32 | index as u64)
}

impl<'gc> Any<'gc> {
    /// Makes an object without edges. `Ok(None)` when the blueprint asks for what cannot be.
    pub(super) fn make(mc: &Mutator<'gc>, blueprint: Blueprint<'_, 'gc>) -> Result<Option<Self>, AllocError> {
        let Blueprint { id, kind, len, first, handle, panics, log } = blueprint;
        let stamp = Stamp::new(id);
        let edge = || Lock::new(None);
        let part = || Part { edge: Lock::new(None), stamp };
        let token = |handle, panics| Static(Token { id, log: log.clone(), handle: RefCell::new(handle), panics });
        Ok(Some(match kind {
            Kind::Node => {
                Any::Node(Gc::try_new(mc, Node { stamp, left: edge(), right: edge(), weak: Lock::new(None) })?)
            }
            Kind::Bag => Any::Bag(Gc::try_new(mc, Bag { items: RefLock::new(Vec::new()), stamp })?),
            Kind::Table => {
                Any::Table(Gc::try_new(mc, Table { stamp, hashed: Default::default(), sorted: Default::default() })?)
            }
            Kind::Once => Any::Once(Gc::try_new(mc, Once { first: OnceLock::new(), stamp, second: OnceLock::new() })?),
            Kind::Choice => Any::Choice(Gc::try_new(mc, RefLock::new(Choice::None(stamp)))?),
            Kind::Parts => {
                Any::Parts(Gc::try_new(mc, Parts { boxed: Box::new(part()), several: vec![part(), part()], stamp })?)
            }
            Kind::Fixed => Any::Fixed(Gc::try_new(
                mc,
                Fixed { grid: [[edge(), edge()], [edge(), edge()]], inner: part(), pair: (stamp, edge()) },
            )?),
            Kind::Link => Any::Link(Gc::try_new(mc, Lock::new(None))?),
            Kind::Slots => Any::Slots(Gc::try_new_slice_with(mc, len as usize, |index| Slot {
                tag: datum(id, index),
                edge: edge(),
            })?),
            Kind::Dense => Any::Dense(Gc::try_new_slice_with(mc, len as usize, |_| Lock::new(None))?),
            Kind::Text => Any::Text(Gc::try_new_str(mc, &text_of(id, len))?),
            Kind::Data => {
                let data: Vec<u64> = (0..len as usize).map(|index| datum(id, index)).collect();
                Any::Data(Gc::try_new_slice(mc, &data)?)
            }
            Kind::Aligned16 => Any::Aligned16(Gc::try_new(mc, Aligned16 { stamp, edge: edge() })?),
            Kind::Aligned64 => Any::Aligned64(Gc::try_new(mc, Aligned64 { stamp, edge: edge() })?),
            Kind::Aligned4096 => Any::Aligned4096(Gc::try_new(mc, Aligned4096 { stamp, edge: edge() })?),
            Kind::Zero => Any::Zero(Gc::try_new(mc, Zero)?),
            Kind::Dropper => Any::Dropper(Gc::try_new(
                mc,
                Dropper { name: text_of(id, 0), edge: edge(), token: token(handle, panics) },
            )?),
            Kind::Items => Any::Items(Gc::try_new_slice_with(mc, len as usize, |index| Item {
                token: token(None, panics && index == 0),
                edge: edge(),
            })?),
            Kind::Weaks => {
                Any::Weaks(Gc::try_new(mc, Weaks { some: Default::default(), many: Default::default(), stamp })?)
            }
            Kind::Twice => match first {
                Some(Any::Node(node)) => Any::Twice(Gc::try_new(mc, node)?),
                _ => return Ok(None),
            },
        }))
    }

    /// Whether the content is that of the object `id`.
    pub(super) fn is_intact(self, id: Id, len: u32) -> bool {
        match self {
            Any::Node(gc) => gc.stamp.is(id),
            Any::Bag(gc) => gc.stamp.is(id),
            Any::Table(gc) => gc.stamp.is(id),
            Any::Once(gc) => gc.stamp.is(id),
            Any::Choice(gc) => gc.borrow().stamp().is(id),
            Any::Parts(gc) => {
                gc.stamp.is(id)
                    && gc.boxed.stamp.is(id)
                    && gc.several.len() == 2
                    && gc.several.iter().all(|part| part.stamp.is(id))
            }
            Any::Fixed(gc) => gc.inner.stamp.is(id) && gc.pair.0.is(id),
            Any::Link(_) | Any::Twice(_) => true,
            Any::Slots(gc) => {
                gc.len() == len as usize && gc.iter().enumerate().all(|(index, slot)| slot.tag == datum(id, index))
            }
            Any::Dense(gc) => gc.len() == len as usize,
            Any::Text(gc) => *gc == *text_of(id, len),
            Any::Data(gc) => {
                gc.len() == len as usize && gc.iter().enumerate().all(|(index, &value)| value == datum(id, index))
            }
            Any::Aligned16(gc) => gc.stamp.is(id) && Gc::as_ptr(gc).addr().is_multiple_of(16),
            Any::Aligned64(gc) => gc.stamp.is(id) && Gc::as_ptr(gc).addr().is_multiple_of(64),
            Any::Aligned4096(gc) => gc.stamp.is(id) && Gc::as_ptr(gc).addr().is_multiple_of(4096),
            Any::Zero(_) => true,
            Any::Dropper(gc) => gc.name == text_of(id, 0) && gc.token.0.id == id,
            Any::Items(gc) => gc.len() == len as usize && gc.iter().all(|item| item.token.0.id == id),
            Any::Weaks(gc) => gc.stamp.is(id),
        }
    }

    /// The edge at `index`.
    pub(super) fn edge(self, index: u32) -> Option<Any<'gc>> {
        let at = index as usize;
        match self {
            Any::Node(gc) => [&gc.left, &gc.right][at].get(),
            Any::Bag(gc) => gc.items.borrow().get(at).copied().flatten(),
            Any::Table(gc) if index.is_multiple_of(2) => gc.hashed.borrow().get(&index).copied(),
            Any::Table(gc) => gc.sorted.borrow().get(&index).copied(),
            Any::Once(gc) => [&gc.first, &gc.second][at].get().copied(),
            Any::Choice(gc) => gc.borrow().edges()[at],
            Any::Parts(gc) if at == 0 => gc.boxed.edge.get(),
            Any::Parts(gc) => gc.several[at - 1].edge.get(),
            Any::Fixed(gc) => match at {
                0..4 => gc.grid[at / 2][at % 2].get(),
                4 => gc.inner.edge.get(),
                _ => gc.pair.1.get(),
            },
            Any::Link(gc) => gc.get(),
            Any::Slots(gc) => gc[at].edge.get(),
            Any::Dense(gc) => gc[at].get().map(Any::Node),
            Any::Aligned16(gc) => gc.edge.get(),
            Any::Aligned64(gc) => gc.edge.get(),
            Any::Aligned4096(gc) => gc.edge.get(),
            Any::Dropper(gc) => gc.edge.get(),
            Any::Items(gc) => gc[at].edge.get(),
            Any::Twice(gc) => Some(Any::Node(*gc)),
            Any::Text(_) | Any::Data(_) | Any::Zero(_) | Any::Weaks(_) => None,
        }
    }

    /// Replaces the edge at `index`, through the write barrier. The caller asks [`Kind::accepts`] and
    /// [`Kind::may_set`] first.
    pub(super) fn set_edge(self, mc: &Mutator<'gc>, index: u32, to: Option<Any<'gc>>) {
        let at = index as usize;
        match self {
            Any::Node(gc) if at == 0 => store!(mc, gc.left, to),
            Any::Node(gc) => field!(mc, gc.right).set(to),
            Any::Bag(gc) => {
                let mut items = field!(mc, gc.items).borrow_mut();
                if items.len() <= at {
                    items.resize(at + 1, None);
                }
                items[at] = to;
                while items.last().is_some_and(Option::is_none) {
                    items.pop();
                }
                if to.is_none() {
                    items.shrink_to_fit();
                }
            }
            Any::Table(gc) if index.is_multiple_of(2) => {
                let mut map = field!(mc, gc.hashed).unlock().borrow_mut();
                match to {
                    Some(to) => map.insert(index, to),
                    None => map.remove(&index),
                };
            }
            Any::Table(gc) => {
                let mut map = Gc::project(gc, mc, |table| &table.sorted).borrow_mut();
                match to {
                    Some(to) => map.insert(index, to),
                    None => map.remove(&index),
                };
            }
            Any::Once(gc) => {
                let cell = if at == 0 { field!(mc, gc.first) } else { field!(mc, gc.second) };
                let to = to.expect("a cell that is set once is never emptied");
                assert!(cell.unlock().set(to).is_ok(), "a cell that was not set held a value");
            }
            Any::Choice(gc) => gc.borrow_mut(mc).set(index, to),
            Any::Parts(gc) if at == 0 => field!(mc, gc.boxed).as_deref().project(|part| &part.edge).set(to),
            Any::Parts(gc) => field!(mc, gc.several).as_deref()[at - 1].project(|part| &part.edge).set(to),
            Any::Fixed(gc) => match at {
                0..4 => field!(mc, gc => grid[at / 2][at % 2]).set(to),
                4 => store!(mc, gc => inner.edge, to),
                _ => store!(mc, gc => pair.1, to),
            },
            Any::Link(gc) => gc.set(mc, to),
            Any::Slots(gc) => field!(mc, gc[at]).project(|slot| &slot.edge).set(to),
            Any::Dense(gc) => {
                let node = match to {
                    Some(Any::Node(node)) => Some(node),
                    Some(_) => unreachable!("`Kind::accepts` says nodes only"),
                    None => None,
                };
                store!(mc, gc[at], node);
            }
            Any::Aligned16(gc) => store!(mc, gc.edge, to),
            Any::Aligned64(gc) => store!(mc, gc.edge, to),
            Any::Aligned4096(gc) => store!(mc, gc.edge, to),
            Any::Dropper(gc) => store!(mc, gc.edge, to),
            Any::Items(gc) => Gc::write(mc, gc)[at].project(|item| &item.edge).set(to),
            Any::Twice(_) | Any::Text(_) | Any::Data(_) | Any::Zero(_) | Any::Weaks(_) => {
                unreachable!("`Kind::may_set` or `Kind::width` says no")
            }
        }
    }

    /// The weak pointer at `index`.
    pub(super) fn weak(self, index: u32) -> Option<AnyWeak<'gc>> {
        match self {
            Any::Node(gc) => gc.weak.get(),
            Any::Weaks(gc) if index < 2 => gc.some[index as usize].get(),
            Any::Weaks(gc) => gc.many.borrow().get(index as usize - 2).copied().flatten(),
            _ => None,
        }
    }

    /// Replaces the weak pointer at `index`.
    pub(super) fn set_weak(self, mc: &Mutator<'gc>, index: u32, to: Option<AnyWeak<'gc>>) {
        match self {
            Any::Node(gc) => store!(mc, gc.weak, to),
            Any::Weaks(gc) if index < 2 => store!(mc, gc => some[index as usize], to),
            Any::Weaks(gc) => {
                let mut many = field!(mc, gc.many).borrow_mut();
                if many.len() <= index as usize - 2 {
                    many.resize(index as usize - 1, None);
                }
                many[index as usize - 2] = to;
            }
            _ => unreachable!("`Kind::weak_width` says no"),
        }
    }

    /// Gives the handle in the object's token, if it has one.
    pub(super) fn token_handle(self) -> Option<AnyHandle> {
        match self {
            Any::Dropper(gc) => gc.token.0.handle.borrow().clone(),
            _ => None,
        }
    }
}

/// What the heap's root holds: changed through the body inside `mutate`, and directly inside `mutate_root`.
#[derive(Trace)]
pub(super) struct RootSet<'gc> {
    pub(super) body: Any<'gc>,
    pub(super) direct: [Edge<'gc>; super::model::DIRECT],
}

/// Starts a slice of `of` elements with drop glue, and unwinds when `made` of them are made. False when the heap was
/// full.
pub(super) fn unfinished_slice<'gc>(mc: &Mutator<'gc>, id: Id, made: usize, of: usize, log: &Rc<DropLog>) -> bool {
    let attempt = super::tools::caught(|| {
        Gc::<[Item<'gc>]>::try_new_slice_with(mc, of, |index| {
            if index == made {
                super::tools::unwind();
            }
            let token = Token { id, log: log.clone(), handle: RefCell::new(None), panics: false };
            Item { token: Static(token), edge: Lock::new(None) }
        })
        .is_ok()
    });
    attempt.is_err()
}
