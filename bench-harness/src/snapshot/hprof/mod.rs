//! Heap dumps of the Java machine (`jmap -dump:format=b`, `jcmd GC.heap_dump`, `-XX:+HeapDumpOnOutOfMemoryError`).
//!
//! An HPROF file is a row of records, and the heap is a few of them, cut into segments: classes with their fields, and
//! instances as bytes that only make sense with the fields of their class and of all above it. References are
//! addresses, and lead forwards as often as backwards; a class may stand behind its first instance. So the file is read
//! twice: the first time for who there is ([`survey`]), the second for what leads where ([`edges`]). What is kept is an
//! address and a number for each object, and the columns of the graph; neither names nor values.
//!
//! **What becomes of it.** Each class, instance and array is a node. The static fields of a class, its superclass and
//! its loader are its references. An object's size is 16 bytes and its fields, with references as wide as in the file:
//! that of a machine without compressed references, for the file does not say what the real one had. `referent` is a
//! weak reference in weak and phantom references, as it is for Java's collectors; soft references and finalizers hold
//! their object. References to what is not in the file are left out.
//!
//! *Why our own reader?* The crates that read HPROF are analyzers with a command line (hprof-analyzer: some forty
//! dependencies, an index of its own on the disk) or map the file and hand out nothing that is checked (jvm-hprof, of
//! 2021). What is needed here is a third of the format, and must not panic or grow on damaged input.
//!
//! **Bounds.** Nothing is believed that the bytes behind it do not pay for: an array's claimed length is read element
//! by element, an instance's layout is worked out when its bytes are as many as its class says.

mod stream;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::error::SnapshotError;
use super::graph::SnapshotGraph;
use super::source::Source;
use stream::Stream;

/// In front of an object's fields.
const HEADER_BYTES: u64 = 16;

/// No class has so many above it; in a circle there are more.
const DEEPEST_CLASS: usize = 1_000;

/// The kinds of nodes, by their number in the graph.
const KINDS: [&str; 5] = ["synthetic", "class", "object", "array", "buffer"];
const CLASS: u8 = 1;
const INSTANCE: u8 = 2;
const ARRAY: u8 = 3;
const BUFFER: u8 = 4;

/// Reads a dump, which `open` opens from its beginning, twice.
pub(super) fn read<'a>(
    mut open: impl FnMut() -> Result<Source<'a>, SnapshotError>,
) -> Result<SnapshotGraph, SnapshotError> {
    let mut survey = Survey::default();
    records(&mut Stream::new(open()?)?, &mut survey)?;
    if survey.sizes.is_empty() {
        return Err(SnapshotError::Missing { what: "heap dump (an HPROF without objects)" });
    }
    let mut edges = Edges::new(survey);
    records(&mut Stream::new(open()?)?, &mut edges)?;
    Ok(edges.finish())
}

/// What is done with the records in one reading of the file. Each method reads all of its record but the tag.
trait Pass {
    /// A string: an identifier and so many bytes.
    fn string(&mut self, stream: &mut Stream<'_>, bytes: u64) -> Result<(), SnapshotError> {
        stream.id()?;
        stream.skip(bytes)
    }

    /// A class that was loaded: itself, and its name.
    fn loaded(&mut self, class: u64, name: u64) {
        let _ = (class, name);
    }

    fn root(&mut self, object: u64) {
        let _ = object;
    }

    fn class(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError>;
    fn instance(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError>;
    fn objects(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError>;
    fn primitives(&mut self, stream: &mut Stream<'_>, has_data: bool) -> Result<(), SnapshotError>;
}

/// All records of a file.
fn records(stream: &mut Stream<'_>, pass: &mut impl Pass) -> Result<(), SnapshotError> {
    let mut has_open_pieces = false;
    while let Some(tag) = stream.tag()? {
        stream.what = "a record";
        stream.u4()?;
        let length = u64::from(stream.u4()?);
        let end = stream.at() + length;
        match tag {
            0x01 if length >= stream.id_bytes() => pass.string(stream, length - stream.id_bytes())?,
            0x02 if length == 8 + 2 * stream.id_bytes() => {
                stream.u4()?;
                let class = stream.id()?;
                stream.u4()?;
                pass.loaded(class, stream.id()?);
            }
            0x0C => segment(stream, end, pass)?,
            0x1C => {
                segment(stream, end, pass)?;
                has_open_pieces = true;
            }
            0x2C => has_open_pieces = false,
            // Stacks, threads, sums: not the heap. And whatever comes in later versions.
            _ => stream.skip(length)?,
        }
    }
    if has_open_pieces {
        return Err(stream.wrong("it is cut off, behind a piece of the heap that is not the last".to_owned()));
    }
    Ok(())
}

/// A piece of the heap: records without a length, which must end where the piece does.
fn segment(stream: &mut Stream<'_>, end: u64, pass: &mut impl Pass) -> Result<(), SnapshotError> {
    while stream.at() < end {
        stream.what = "a piece of the heap";
        let begin = stream.at();
        let tag = stream.u1()?;
        stream.what = name_of(tag);
        match tag {
            // Roots, with what is known of them behind the object: threads, frames, native handles.
            0x01 => root(stream, stream.id_bytes(), pass)?,
            0x02 | 0x03 | 0x08 | 0x8E => root(stream, 8, pass)?,
            0x04 | 0x06 => root(stream, 4, pass)?,
            0x05 | 0x07 | 0xFF | 0x89..=0x8D => root(stream, 0, pass)?,
            // Android: an object that nothing leads to, and the name of the part of the heap that follows.
            0x90 => stream.skip(stream.id_bytes())?,
            0xFE => stream.skip(4 + stream.id_bytes())?,
            0x20 => pass.class(stream)?,
            0x21 => pass.instance(stream)?,
            0x22 => pass.objects(stream)?,
            0x23 => pass.primitives(stream, true)?,
            // Android: contents left out.
            0xC3 => pass.primitives(stream, false)?,
            _ => return Err(stream.wrong_at(begin, format!("there is no kind of object or root 0x{tag:02X}"))),
        }
    }
    if stream.at() > end {
        return Err(stream.wrong(format!("{} reaches beyond the piece of the heap that it is in", stream.what)));
    }
    Ok(())
}

fn name_of(tag: u8) -> &'static str {
    match tag {
        0x20 => "a class",
        0x21 => "an instance",
        0x22 => "an array of objects",
        0x23 | 0xC3 => "an array of numbers",
        _ => "a root",
    }
}

fn root(stream: &mut Stream<'_>, more: u64, pass: &mut impl Pass) -> Result<(), SnapshotError> {
    let object = stream.id()?;
    pass.root(object);
    stream.skip(more)
}

/// Identifiers are addresses, whose low bits say nothing: they are multiplied by 2^64 / phi and turned (Knuth 6.4).
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ById<T> = HashMap<u64, T, BuildHasherDefault<AddressHasher>>;

/// A class as instances need it.
#[derive(Default)]
struct Class {
    above: u64,
    /// Bytes of its own instance fields.
    bytes: u64,
    /// Its own instance fields: the type, and whether it is called `referent`.
    fields: Vec<(u8, bool)>,
}

/// Identifiers of the few strings that mean something, and of classes with such a name.
#[derive(Default)]
struct Names {
    referent: Option<u64>,
    /// `java.lang.ref.Reference`, which has the field.
    reference: Named,
    /// The two kinds whose `referent` is weak.
    weak: Named,
    phantom: Named,
}

#[derive(Default)]
struct Named {
    string: Option<u64>,
    class: Option<u64>,
}

/// The first reading: who there is.
#[derive(Default)]
struct Survey {
    names: Names,
    classes: ById<Class>,
    /// Numbers of nodes; 0 is the root.
    numbers: ById<u32>,
    /// Of all nodes but the root.
    sizes: Vec<u64>,
    kinds: Vec<u8>,
    roots: Vec<u64>,
}

impl Survey {
    fn node(&mut self, stream: &Stream<'_>, id: u64, kind: u8, bytes: u64) -> Result<(), SnapshotError> {
        let number = self.sizes.len() as u64 + 1;
        // One number more, for a graph whose rows end there.
        let Some(number) = u32::try_from(number).ok().filter(|number| *number < u32::MAX) else {
            return Err(stream.wrong("there are more objects than 32-bit numbers can count".to_owned()));
        };
        if id == 0 || self.numbers.insert(id, number).is_some() {
            return Err(stream.wrong(format!("{} 0x{id:x} is there twice, or null", stream.what)));
        }
        self.sizes.push(HEADER_BYTES.saturating_add(bytes));
        self.kinds.push(kind);
        Ok(())
    }
}

impl Pass for Survey {
    fn string(&mut self, stream: &mut Stream<'_>, bytes: u64) -> Result<(), SnapshotError> {
        const LONGEST: usize = 30;
        let id = stream.id()?;
        if bytes > LONGEST as u64 {
            return stream.skip(bytes);
        }
        let mut text = [0; LONGEST];
        let text = &mut text[..bytes as usize];
        stream.bytes(text)?;
        match &*text {
            b"referent" => self.names.referent = Some(id),
            b"java/lang/ref/Reference" => self.names.reference.string = Some(id),
            b"java/lang/ref/WeakReference" => self.names.weak.string = Some(id),
            b"java/lang/ref/PhantomReference" => self.names.phantom.string = Some(id),
            _ => {}
        }
        Ok(())
    }

    fn loaded(&mut self, class: u64, name: u64) {
        let Names { reference, weak, phantom, .. } = &mut self.names;
        for named in [reference, weak, phantom] {
            if named.string == Some(name) {
                named.class = Some(class);
            }
        }
    }

    fn root(&mut self, object: u64) {
        self.roots.push(object);
    }

    fn class(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        let mut statics = 0;
        let head = class_head(stream, |_, bytes| statics += bytes)?;
        let mut class = Class { above: head.above, bytes: 0, fields: Vec::new() };
        for _ in 0..stream.u2()? {
            let name = stream.id()?;
            let kind = stream.u1()?;
            class.bytes += stream.type_bytes(kind)?;
            class.fields.push((kind, self.names.referent == Some(name)));
        }
        self.node(stream, head.id, CLASS, statics)?;
        self.classes.insert(head.id, class);
        Ok(())
    }

    fn instance(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        let id = stream.id()?;
        stream.skip(4 + stream.id_bytes())?;
        let bytes = u64::from(stream.u4()?);
        self.node(stream, id, INSTANCE, bytes)?;
        stream.skip(bytes)
    }

    fn objects(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        let id = stream.id()?;
        stream.skip(4)?;
        let bytes = u64::from(stream.u4()?) * stream.id_bytes();
        self.node(stream, id, ARRAY, bytes)?;
        stream.skip(stream.id_bytes() + bytes)
    }

    fn primitives(&mut self, stream: &mut Stream<'_>, has_data: bool) -> Result<(), SnapshotError> {
        let id = stream.id()?;
        stream.skip(4)?;
        let count = u64::from(stream.u4()?);
        let kind = stream.u1()?;
        let bytes = count * stream.type_bytes(kind)?;
        self.node(stream, id, BUFFER, bytes)?;
        if has_data { stream.skip(bytes) } else { Ok(()) }
    }
}

/// What stands in front of a class's instance fields.
struct ClassHead {
    id: u64,
    above: u64,
    loader: u64,
}

/// Reads a class up to its instance fields. `each` gets what a static field refers to, or nothing, and its bytes.
fn class_head(stream: &mut Stream<'_>, mut each: impl FnMut(Option<u64>, u64)) -> Result<ClassHead, SnapshotError> {
    let id = stream.id()?;
    stream.skip(4)?;
    let (above, loader) = (stream.id()?, stream.id()?);
    // Signers, protection domain, two that are not used, and the size of an instance, which the fields say too.
    stream.skip(4 * stream.id_bytes() + 4)?;
    for _ in 0..stream.u2()? {
        stream.skip(2)?;
        let kind = stream.u1()?;
        stream.skip(stream.type_bytes(kind)?)?;
    }
    for _ in 0..stream.u2()? {
        stream.skip(stream.id_bytes())?;
        let kind = stream.u1()?;
        let bytes = stream.type_bytes(kind)?;
        if kind == stream::OBJECT {
            each(Some(stream.id()?), bytes);
        } else {
            each(None, bytes);
            stream.skip(bytes)?;
        }
    }
    Ok(ClassHead { id, above, loader })
}

/// Where the references of an instance are: so many other bytes, then one; and whether it is weak.
#[derive(Clone, Copy)]
struct Step {
    others: u64,
    weak: bool,
}

/// How to read an instance of a class.
struct Layout {
    steps: Vec<Step>,
    /// Behind the last reference.
    rest: u64,
}

/// The second reading: what leads where.
struct Edges {
    survey: Survey,
    /// Of classes that have instances.
    layouts: ById<Layout>,
    graph: SnapshotGraph,
}

impl Edges {
    fn new(mut survey: Survey) -> Self {
        let mut sizes = std::mem::take(&mut survey.sizes);
        let mut kinds = std::mem::take(&mut survey.kinds);
        sizes.insert(0, 0);
        kinds.insert(0, 0);
        let graph = SnapshotGraph {
            root: 0,
            types: kinds,
            type_names: KINDS.map(str::to_owned).to_vec(),
            self_sizes: sizes,
            offsets: vec![0],
            targets: Vec::new(),
            weak: Vec::new(),
        };
        let mut edges = Self { survey, layouts: ById::default(), graph };
        for root in std::mem::take(&mut edges.survey.roots) {
            edges.edge(root, false);
        }
        edges.graph.offsets.push(edges.graph.targets.len() as u32);
        edges
    }

    /// One more reference out of the object that is being read.
    fn edge(&mut self, to: u64, weak: bool) {
        let Some(to) = self.survey.numbers.get(&to) else { return };
        let edge = self.graph.targets.len();
        if edge.is_multiple_of(64) {
            self.graph.weak.push(0);
        }
        self.graph.weak[edge / 64] |= u64::from(weak) << (edge % 64);
        self.graph.targets.push(*to);
    }

    /// The object has no more references.
    fn end(&mut self, stream: &Stream<'_>) -> Result<(), SnapshotError> {
        let end = u32::try_from(self.graph.targets.len())
            .map_err(|_| stream.wrong("there are more references than 32-bit numbers can count".to_owned()))?;
        self.graph.offsets.push(end);
        Ok(())
    }

    /// A class and all above it, itself first.
    fn chain(&self, stream: &Stream<'_>, id: u64) -> Result<Vec<u64>, SnapshotError> {
        let mut chain = Vec::new();
        let mut next = id;
        while next != 0 {
            let Some(class) = self.survey.classes.get(&next) else {
                return Err(stream.wrong(format!("its class, or one above it, 0x{next:x}, is not in the file")));
            };
            if chain.len() == DEEPEST_CLASS {
                return Err(stream.wrong(format!("its class 0x{id:x} has more than {DEEPEST_CLASS} above it")));
            }
            chain.push(next);
            next = class.above;
        }
        Ok(chain)
    }

    /// Makes sure that there is a layout for instances of a class that have so many bytes.
    fn lay_out(&mut self, stream: &Stream<'_>, id: u64, bytes: u64) -> Result<(), SnapshotError> {
        if let Some(known) = self.layouts.get(&id) {
            let own = known.steps.iter().map(|step| step.others + stream.id_bytes()).sum::<u64>() + known.rest;
            return if own == bytes { Ok(()) } else { Err(mismatch(stream, id, own, bytes)) };
        }
        let chain = self.chain(stream, id)?;
        let classes = || chain.iter().map(|id| (*id, &self.survey.classes[id]));
        let own = classes().map(|(_, class)| class.bytes).sum();
        if own != bytes {
            return Err(mismatch(stream, id, own, bytes));
        }
        let Names { reference, weak, phantom, .. } = &self.survey.names;
        let is = |named: &Named, id: u64| named.class == Some(id);
        let is_weak = classes().any(|(id, _)| is(weak, id) || is(phantom, id));
        let mut layout = Layout { steps: Vec::new(), rest: 0 };
        for (id, class) in classes() {
            for &(kind, is_referent) in &class.fields {
                if kind == stream::OBJECT {
                    let weak = is_weak && is_referent && is(reference, id);
                    layout.steps.push(Step { others: std::mem::take(&mut layout.rest), weak });
                } else {
                    layout.rest += stream.type_bytes(kind)?;
                }
            }
        }
        self.layouts.insert(id, layout);
        Ok(())
    }

    fn finish(self) -> SnapshotGraph {
        let mut graph = self.graph;
        graph.types.shrink_to_fit();
        graph.self_sizes.shrink_to_fit();
        graph.offsets.shrink_to_fit();
        graph.targets.shrink_to_fit();
        graph.weak.shrink_to_fit();
        graph
    }
}

fn mismatch(stream: &Stream<'_>, class: u64, expected: u64, bytes: u64) -> SnapshotError {
    stream.wrong(format!("it has {bytes} bytes of fields, its class 0x{class:x} has {expected}"))
}

impl Pass for Edges {
    fn class(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        let head = class_head(stream, |to, _| {
            if let Some(to) = to {
                self.edge(to, false);
            }
        })?;
        for _ in 0..stream.u2()? {
            stream.skip(stream.id_bytes() + 1)?;
        }
        self.edge(head.above, false);
        self.edge(head.loader, false);
        self.end(stream)
    }

    fn instance(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        stream.skip(stream.id_bytes() + 4)?;
        let class = stream.id()?;
        let bytes = u64::from(stream.u4()?);
        self.lay_out(stream, class, bytes)?;
        // Out of the table while its object is read; a class without references is not worth it.
        let steps = std::mem::take(&mut self.layouts.get_mut(&class).expect("it was laid out").steps);
        for step in &steps {
            stream.skip(step.others)?;
            let to = stream.id()?;
            self.edge(to, step.weak);
        }
        let layout = self.layouts.get_mut(&class).expect("it was laid out");
        layout.steps = steps;
        stream.skip(layout.rest)?;
        self.end(stream)
    }

    fn objects(&mut self, stream: &mut Stream<'_>) -> Result<(), SnapshotError> {
        stream.skip(stream.id_bytes() + 4)?;
        let count = stream.u4()?;
        stream.skip(stream.id_bytes())?;
        for _ in 0..count {
            let to = stream.id()?;
            self.edge(to, false);
        }
        self.end(stream)
    }

    fn primitives(&mut self, stream: &mut Stream<'_>, has_data: bool) -> Result<(), SnapshotError> {
        stream.skip(stream.id_bytes() + 4)?;
        let count = u64::from(stream.u4()?);
        let kind = stream.u1()?;
        let bytes = count * stream.type_bytes(kind)?;
        stream.skip(if has_data { bytes } else { 0 })?;
        self.end(stream)
    }
}
