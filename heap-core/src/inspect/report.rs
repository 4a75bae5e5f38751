//! [`Report`]: what is big, and what keeps it alive, as text.
//!
//! The *shallow* size of an object is its footprint and what it owns outside the heap; its *retained* size is that of everything
//! that would die with it: what it dominates ([`dominators`](super::dominators)). Retained sizes of a type count nothing
//! twice: of objects of one type that dominate each other, as the nodes of a tree do, only the outermost count.
//!
//! *Memory.* 4 bytes for each edge, twice, and about 100 for each object, while the report is made.

use std::collections::HashMap;
use std::fmt;

use super::dominators::{Dominators, Rows, filled};
use super::names::fitting;
use super::path::{Parents, RootPath};
use super::type_name;
use super::walk::{objects, references, roots};
use crate::error::AllocError;
use crate::machine::{HeapCore, Reached};
use crate::object::{Kind, NameBuffers, Object, ObjectRef, Shape};

/// Objects that are listed one by one.
const LARGEST: usize = 10;
/// Types that are displayed.
const TYPES: usize = 15;

/// What is big in a heap, and what keeps it alive: made by [`Heap::report`](crate::Heap::report).
///
/// Displayed on 80 columns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Objects that the program can reach.
    pub objects: u64,
    /// Their bytes, with what they own outside the heap.
    pub bytes: u64,
    /// Of these, the bytes outside.
    pub outside_bytes: u64,
    /// Every type of which there is an object, that with the largest retained size first.
    pub types: Vec<TypeSize>,
    /// The ten objects with the largest retained sizes.
    pub largest: Vec<LargeObject>,
}

/// The objects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeSize {
    /// The Rust name; `[T]` for slices, `[u8]` for text.
    pub name: String,
    /// How many there are.
    pub objects: u64,
    /// Bytes of the objects, with what they own outside the heap.
    pub shallow: u64,
    /// Bytes that would be free without them.
    pub retained: u64,
}

/// An object, and what keeps it alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeObject {
    /// The Rust name of its type.
    pub type_name: String,
    /// Its bytes, with what it owns outside the heap.
    pub shallow: u64,
    /// Bytes that would be free without it.
    pub retained: u64,
    /// A shortest way to it from a root.
    pub path: RootPath,
}

/// Makes the report.
pub(crate) fn report(core: &HeapCore, reached: &Reached) -> Result<Report, AllocError> {
    let numbers = reached.numbers()?;
    // Node 0 stands for the roots, so that an object is node number + 1.
    let node = |object| numbers.of(object).expect("what an object leads to that was reached was reached") as u32 + 1;
    if u32::try_from(numbers.count() + 1).is_err() {
        return Err(AllocError::REFUSED);
    }
    let nodes = numbers.count() + 1;
    let mut list: Vec<ObjectRef> = Vec::new();
    list.try_reserve_exact(nodes - 1).map_err(|_| AllocError::REFUSED)?;
    list.extend(reached.objects());

    let (mut first, mut targets, mut buffers) = (Vec::new(), Vec::new(), NameBuffers::default());
    first.try_reserve_exact(nodes + 1).map_err(|_| AllocError::REFUSED)?;
    first.push(0);
    let add = |target: ObjectRef, targets: &mut Vec<u32>| {
        targets.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
        targets.push(node(target));
        Ok(())
    };
    for (_, root) in roots(core) {
        add(root, &mut targets)?;
    }
    first.push(targets.len());
    let mut types = Types::default();
    let (mut of_type, mut shallow, mut outside) = (filled(nodes, 0_u32)?, filled(nodes, 0_u64)?, 0_u64);
    for (number, object) in objects(reached).enumerate() {
        let mut outcome = Ok(());
        references(object, reached, &mut buffers, &mut |_, target| {
            if outcome.is_ok() {
                outcome = add(target, &mut targets);
            }
        })?;
        outcome?;
        first.push(targets.len());
        let owned = object.owned_bytes() as u64;
        outside = outside.saturating_add(owned);
        shallow[number + 1] = (object.size() as u64).saturating_add(owned);
        of_type[number + 1] = types.of(object)?;
    }
    let Dominators { order, immediate } = Dominators::of(&Rows { first, targets })?;
    let mut retained = filled(nodes, 0_u64)?;
    retained.copy_from_slice(&shallow);
    for &node in order.iter().skip(1).rev() {
        let dominator = immediate[node as usize] as usize;
        retained[dominator] = retained[dominator].saturating_add(retained[node as usize]);
    }
    for node in 1..nodes {
        let row = &mut types.list[of_type[node] as usize];
        row.objects += 1;
        row.shallow = row.shallow.saturating_add(shallow[node]);
    }
    for node in outermost(&order, &immediate, &of_type, types.list.len())? {
        let row = &mut types.list[of_type[node as usize] as usize];
        row.retained = row.retained.saturating_add(retained[node as usize]);
    }
    types.list.sort_by(|a, b| (b.retained, b.shallow, &a.name).cmp(&(a.retained, a.shallow, &b.name)));

    let mut by_size: Vec<u32> = order.iter().copied().skip(1).collect();
    by_size.sort_unstable_by_key(|&node| (core::cmp::Reverse(retained[node as usize]), node));
    by_size.truncate(LARGEST);
    let parents = Parents::of(roots(core).collect(), reached, &numbers, None)?;
    let largest = by_size.into_iter().map(|node| {
        let (object, node) = (list[node as usize - 1], node as usize);
        let type_name = types.names[of_type[node] as usize].clone();
        Ok(LargeObject { type_name, shallow: shallow[node], retained: retained[node], path: parents.path_to(object)? })
    });
    let largest = largest.collect::<Result<_, AllocError>>()?;
    Ok(Report { objects: nodes as u64 - 1, bytes: retained[0], outside_bytes: outside, types: types.list, largest })
}

/// The nodes that no other node of the same type dominates.
fn outermost(order: &[u32], immediate: &[u32], of_type: &[u32], types: usize) -> Result<Vec<u32>, AllocError> {
    let tree = Rows::of_pairs(immediate.len(), || order.iter().skip(1).map(|&node| (immediate[node as usize], node)))?;
    // How many nodes of each type are on the way from the root to where we are.
    let (mut inside, mut found) = (filled(types, 0_u32)?, Vec::new());
    let mut path = vec![(0_u32, 0_usize)];
    while let Some((node, next)) = path.last_mut() {
        let node = *node;
        if let Some(&child) = tree.of(node).get(*next) {
            *next += 1;
            let within = &mut inside[of_type[child as usize] as usize];
            if *within == 0 {
                found.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
                found.push(child);
            }
            *within += 1;
            path.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            path.push((child, 0));
        } else {
            path.pop();
            if node != 0 {
                inside[of_type[node as usize] as usize] -= 1;
            }
        }
    }
    Ok(found)
}

/// The types that there are, numbered as they come.
#[derive(Default)]
struct Types {
    list: Vec<TypeSize>,
    names: Vec<String>,
    by_name: HashMap<String, u32>,
    /// By the addresses of the parts of descriptions that name them; one type may have several.
    by_kind: HashMap<(*const Kind, Shape), u32>,
}

impl Types {
    fn of(&mut self, object: Object<'_>) -> Result<u32, AllocError> {
        let kind = (core::ptr::from_ref(object.info().kind), object.info().shape());
        if let Some(&number) = self.by_kind.get(&kind) {
            return Ok(number);
        }
        let name = type_name(object);
        let number = *self.by_name.entry(name.clone()).or_insert_with(|| {
            self.names.push(name.clone());
            self.list.push(TypeSize { name, objects: 0, shallow: 0, retained: 0 });
            self.list.len() as u32 - 1
        });
        self.by_kind.insert(kind, number);
        Ok(number)
    }
}

/// A number of bytes, for people.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut value, mut unit) = (self.0 as f64, "B");
        for larger in ["KiB", "MiB", "GiB", "TiB"] {
            if value < 1024.0 {
                break;
            }
            (value, unit) = (value / 1024.0, larger);
        }
        let text = if unit == "B" { format!("{value} B") } else { format!("{value:.1} {unit}") };
        f.pad(&text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} objects, {}, of which {} outside the heap",
            self.objects,
            Bytes(self.bytes),
            Bytes(self.outside_bytes)
        )?;
        let mut table = |title: &str, types: &[&TypeSize]| {
            writeln!(f, "\n{title:<40} {:>11} {:>12} {:>12}", "objects", "shallow", "retained")?;
            for row in types.iter().take(TYPES) {
                let (name, shallow, retained) = (fitting(&row.name, 38), Bytes(row.shallow), Bytes(row.retained));
                writeln!(f, "  {name:<38} {:>11} {shallow:>12} {retained:>12}", row.objects)?;
            }
            match types.len().saturating_sub(TYPES) {
                0 => Ok(()),
                more => writeln!(f, "  … {more} more"),
            }
        };
        let mut types: Vec<&TypeSize> = self.types.iter().collect();
        table("Types by retained size", &types)?;
        types.sort_by_key(|row| core::cmp::Reverse(row.shallow));
        table("Types by shallow size", &types)?;
        writeln!(f, "\n{:<52} {:>12} {:>12}", "Objects by retained size, and a way to each", "shallow", "retained")?;
        for object in &self.largest {
            let (name, shallow, retained) =
                (fitting(&object.type_name, 50), Bytes(object.shallow), Bytes(object.retained));
            writeln!(f, "  {name:<50} {shallow:>12} {retained:>12}\n{}", object.path)?;
        }
        Ok(())
    }
}
