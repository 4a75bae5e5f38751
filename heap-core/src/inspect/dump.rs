//! Writes a heap as a `.heapsnapshot`: the format of V8's heap snapshots, which Chrome's developer tools, and others, open.
//!
//! *The format* is one JSON object: the meaning of all columns (`snapshot.meta`), then two arrays of integers, `nodes` with a row
//! of seven for each object and `edges` with a row of three for each edge, those of the first node first, and so on; at the
//! end all `strings`, which the rows name by number. Node 0 is a root that stands for nothing, and has an edge for every root.
//!
//! *Streaming.* Rows are written as objects are looked at, in the order of addresses: once for the nodes, once more for the
//! edges. In memory are the bitmaps of the trace, which also number the objects, and the strings: names of types and of places,
//! of which there are as many as the program's source has, times the number of elements that are named one by one
//! ([`NAMED_ELEMENTS`]).
//!
//! What becomes what is said in the documentation of [`inspect`](super). Ids are places, odd as V8's are, and another for each
//! eight bytes. The developer tools keep them in 32 bits, so that heaps with more than 16 GiB of addresses in use get numbers
//! that do not compare. An identity hash would be the same after a move, and would have to be asked of every object: eight
//! bytes for each that moves later.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;

use super::type_name;
use super::walk::{Beside, beside, objects, roots};
use crate::error::AllocError;
use crate::machine::{HeapCore, Numbers, Reached};
use crate::memory::BLOCK_BYTES;
use crate::object::{Kind, NameBuffers, Object, ObjectRef, Place, Shape};

/// Elements of one place that have names of their own. Later ones share one, so that the table of strings is bounded.
const NAMED_ELEMENTS: usize = 100;

/// What every writer of snapshots of this kind says about its columns. The indices of types below follow from it.
const META: &str = concat!(
    r#"{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"#,
    r#""node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","#,
    r#""concatenated string","sliced string","symbol","bigint"],"string","number","number","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"#,
    r#""trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"#,
    r#""trace_node_fields":["id","function_info_index","count","size","children"],"#,
    r#""sample_fields":["timestamp_us","last_assigned_id"],"#,
    r#""location_fields":["object_index","script_id","line","column"]}"#,
);

/// Columns of a node.
const NODE_WIDTH: usize = 7;
/// Types of nodes, as numbered by [`META`].
const NODE_OBJECT: u8 = 3;
const NODE_SYNTHETIC: u8 = 9;

/// Types of edges, as numbered by [`META`].
const EDGE_ELEMENT: u8 = 1;
const EDGE_PROPERTY: u8 = 2;
const EDGE_INTERNAL: u8 = 3;
const EDGE_WEAK: u8 = 6;

/// What [`Heap::dump`](crate::Heap::dump) wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpSummary {
    /// Objects: nodes of the file, but for its first, which stands for the roots.
    pub objects: u64,
    /// Edges, those from the roots and the weak ones included.
    pub edges: u64,
    /// Bytes of the objects' footprints, headers included.
    pub object_bytes: u64,
    /// Bytes that the objects own outside the heap, as they said now.
    pub outside_bytes: u64,
}

/// Writes everything that was reached.
///
/// # Errors
/// The writer's; and when the system refuses memory.
pub(crate) fn dump(core: &HeapCore, reached: &Reached, to: &mut dyn Write) -> io::Result<DumpSummary> {
    let numbers = reached.numbers().map_err(refused)?;
    let mut dump = Dump {
        core,
        reached,
        numbers,
        strings: Strings::default(),
        buffers: NameBuffers::default(),
        summary: DumpSummary::default(),
    };
    let mut out = BufWriter::with_capacity(64 << 10, to);
    dump.head(&mut out)?;
    dump.nodes(&mut out)?;
    dump.edges(&mut out)?;
    out.write_all(
        b"],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":[",
    )?;
    dump.strings.write(&mut out)?;
    out.write_all(b"]}\n")?;
    out.flush()?;
    Ok(dump.summary)
}

/// A dump in progress.
struct Dump<'r> {
    core: &'r HeapCore,
    reached: &'r Reached,
    numbers: Numbers<'r>,
    strings: Strings,
    buffers: NameBuffers,
    summary: DumpSummary,
}

type Out<'o> = BufWriter<&'o mut dyn Write>;

impl Dump<'_> {
    /// The part that says how many nodes and edges there will be: so these are counted first.
    fn head(&mut self, out: &mut Out<'_>) -> io::Result<()> {
        let mut edges = self.core.program_roots().count();
        for object in objects(self.reached) {
            edges += self.count_edges(object)?;
        }
        let nodes = self.numbers.count() + 1;
        self.summary.objects = self.numbers.count() as u64;
        self.summary.edges = edges as u64;
        write!(out, r#"{{"snapshot":{{"meta":{META},"node_count":{nodes},"edge_count":{edges},"#)?;
        write!(out, r#""trace_function_count":0}},"#)
    }

    fn nodes(&mut self, out: &mut Out<'_>) -> io::Result<()> {
        let (roots, no_name) = (self.core.program_roots().count(), self.strings.number("")?);
        write!(out, "\n\"nodes\":[{NODE_SYNTHETIC},{no_name},1,0,{roots},0,0")?;
        let used = self.core.memory.blocks.high_water().index() * BLOCK_BYTES;
        let by_place = u32::try_from(id_of_place(used)).is_ok();
        for (number, object) in objects(self.reached).enumerate() {
            let name = self.strings.of_type(object)?;
            let place = self.reached.offset(object.reference());
            let id = if by_place { id_of_place(place) } else { 2 * number + 3 };
            let (bytes, outside) = (object.size() as u64, object.owned_bytes() as u64);
            self.summary.object_bytes += bytes;
            self.summary.outside_bytes = self.summary.outside_bytes.saturating_add(outside);
            let (size, edges) = (bytes.saturating_add(outside), self.count_edges(object)?);
            write!(out, "\n,{NODE_OBJECT},{name},{id},{size},{edges},0,0")?;
        }
        Ok(())
    }

    fn edges(&mut self, out: &mut Out<'_>) -> io::Result<()> {
        out.write_all(b"],\n\"edges\":[")?;
        let mut rows =
            EdgeRows { out, numbers: &self.numbers, strings: &mut self.strings, name: String::new(), first: true };
        for (name, root) in roots(self.core) {
            rows.write(EDGE_PROPERTY, name, root)?;
        }
        for object in objects(self.reached) {
            let mut result = Ok(());
            let named = object.name_edges(&mut self.buffers, &mut |place, target| {
                if result.is_ok() {
                    result = rows.write_place(place, target);
                }
            });
            result?;
            if !named {
                return Err(refused(AllocError::REFUSED));
            }
            for (kind, name, target) in beside(object, self.reached) {
                let kind = if kind == Beside::Weak { EDGE_WEAK } else { EDGE_INTERNAL };
                rows.write(kind, name, target)?;
            }
        }
        Ok(())
    }

    /// How many edges an object has in the file.
    fn count_edges(&mut self, object: Object<'_>) -> io::Result<usize> {
        let mut edges = beside(object, self.reached).count();
        if object.name_edges(&mut self.buffers, &mut |_, _| edges += 1) {
            Ok(edges)
        } else {
            Err(refused(AllocError::REFUSED))
        }
    }
}

/// Odd, and another for each eight bytes. One and what is below belongs to the root.
fn id_of_place(offset: usize) -> usize {
    offset / 4 + 3
}

/// Writes rows of edges.
struct EdgeRows<'o, 'w, 'r> {
    out: &'o mut Out<'w>,
    numbers: &'o Numbers<'r>,
    strings: &'o mut Strings,
    /// The name of the last place.
    name: String,
    first: bool,
}

impl EdgeRows<'_, '_, '_> {
    fn write(&mut self, kind: u8, name: &str, target: ObjectRef) -> io::Result<()> {
        let name = self.strings.number(name)?;
        self.row(kind, name, target)
    }

    fn write_place(&mut self, place: Place<'_>, target: ObjectRef) -> io::Result<()> {
        if let Some(index) = place.element() {
            return self.row(EDGE_ELEMENT, index, target);
        }
        self.name.clear();
        place.write(&mut self.name, NAMED_ELEMENTS).map_err(io::Error::other)?;
        let name = self.strings.number(&self.name)?;
        self.row(EDGE_PROPERTY, name, target)
    }

    fn row(&mut self, kind: u8, name_or_index: usize, target: ObjectRef) -> io::Result<()> {
        let number = self.numbers.of(target).expect("what an object leads to that was reached was reached");
        let node = (number + 1) * NODE_WIDTH;
        let comma = if core::mem::take(&mut self.first) { "" } else { "," };
        write!(self.out, "\n{comma}{kind},{name_or_index},{node}")
    }
}

/// The strings of the file, numbered as they come.
#[derive(Default)]
struct Strings {
    numbers: HashMap<Rc<str>, usize>,
    in_order: Vec<Rc<str>>,
    /// By the addresses of the parts of descriptions that name them; one type may have several.
    types: HashMap<(*const Kind, Shape), usize>,
}

impl Strings {
    fn number(&mut self, string: &str) -> io::Result<usize> {
        if let Some(&number) = self.numbers.get(string) {
            return Ok(number);
        }
        let number = self.in_order.len();
        let refusal = |_| refused(AllocError::REFUSED);
        self.in_order.try_reserve(1).map_err(refusal)?;
        self.numbers.try_reserve(1).map_err(refusal)?;
        let string = Rc::<str>::from(string);
        self.in_order.push(string.clone());
        self.numbers.insert(string, number);
        Ok(number)
    }

    /// The name of an object's type.
    fn of_type(&mut self, object: Object<'_>) -> io::Result<usize> {
        let kind = (core::ptr::from_ref(object.info().kind), object.info().shape());
        if let Some(&number) = self.types.get(&kind) {
            return Ok(number);
        }
        let number = self.number(&type_name(object))?;
        self.types.try_reserve(1).map_err(|_| refused(AllocError::REFUSED))?;
        self.types.insert(kind, number);
        Ok(number)
    }

    fn write(&self, out: &mut Out<'_>) -> io::Result<()> {
        for (number, string) in self.in_order.iter().enumerate() {
            out.write_all(if number == 0 { b"\"" } else { b",\n\"" })?;
            for character in string.chars() {
                match character {
                    '"' | '\\' => write!(out, "\\{character}")?,
                    '\0'..='\x1f' => write!(out, "\\u{:04x}", character as u32)?,
                    _ => write!(out, "{character}")?,
                }
            }
            out.write_all(b"\"")?;
        }
        Ok(())
    }
}

fn refused(error: AllocError) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, error)
}
