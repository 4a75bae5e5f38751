//! The reader: JSON text in, [`SnapshotGraph`] out, without the text or a tree of JSON values ever being in memory.
//!
//! Snapshots are between 10 MB and 2 GB, nearly all of it in `nodes`, `edges` and `strings`. So the JSON library is
//! asked for one integer at a time (serde's visitors), each goes to [`rows`](super::rows) at once, and `strings`,
//! `locations`, `trace_tree` and whatever else a newer V8 adds are checked to be JSON and forgotten.
//!
//! Errors come from three layers: the stream ([`source`](super::source)), the JSON library, and our own checks in the
//! middle of it. Serde's errors are text, so our own are set aside in [`Assembly`] while serde unwinds, and the
//! stream's in the source; the first that happened is the one that is reported.
//!
//! Imperfect: the JSON library takes its input byte by byte, which bounds the speed at about 100 to 150 MB/s of text.

use super::error::{Place, SnapshotError};
use super::graph::SnapshotGraph;
use super::hprof;
use super::layout::{Header, Layout};
use super::lenient::{Integer, Key};
use super::rows::{EdgeRows, NodeRows, Parked, Rows, join};
use super::source::{DEFAULT_TEXT_LIMIT, Format, HPROF, Source};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Reads a snapshot of V8's format or a heap dump of the Java machine, plain or compressed by gzip, from a file, of at
/// most `limit` bytes after decompression.
///
/// # Errors
///
/// As for [`read_with_limit`]; and if there is no such file, or it is a directory, a pipe or a device.
pub fn read_path(path: &Path, limit: u64) -> Result<SnapshotGraph, SnapshotError> {
    let cannot_open = |source| SnapshotError::Open { path: path.to_owned(), source };
    // Asked first: opening a directory is allowed on some systems and "access denied" on others.
    // And opening a pipe waits until somebody writes.
    let kind = std::fs::metadata(path).map_err(cannot_open)?.file_type();
    if kind.is_dir() {
        return Err(SnapshotError::Directory { path: path.to_owned() });
    }
    if !kind.is_file() {
        return Err(SnapshotError::NotAFile { path: path.to_owned() });
    }
    let open = || File::open(path).map_err(cannot_open);
    match read_with_limit(open()?, limit) {
        // Twice, from the beginning: that needs a file.
        Err(SnapshotError::Format(format)) if format == HPROF => hprof::read(|| Ok(Source::binary(open()?, limit))),
        read => read,
    }
}

/// Reads a snapshot, plain or compressed by gzip, from any stream, which need not be buffered.
///
/// At most [`DEFAULT_TEXT_LIMIT`] bytes of text, and of a compressed stream at most 100 times its length. Memory is proportional to the text that was read, whatever counts the
/// file claims: about a third of the text for V8's own files.
///
/// # Errors
///
/// [`SnapshotError`], at the first thing that is wrong.
pub fn read(stream: impl Read) -> Result<SnapshotGraph, SnapshotError> {
    read_with_limit(stream, DEFAULT_TEXT_LIMIT)
}

/// As [`read()`], with another limit on the text, in bytes after decompression.
///
/// # Errors
///
/// As for [`read()`].
pub fn read_with_limit(stream: impl Read, limit: u64) -> Result<SnapshotGraph, SnapshotError> {
    let mut source = Source::new(stream, limit);
    let mut assembly = Assembly::default();
    let outcome = {
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(&mut source));
        // Reading to the end also makes gzip compare its checksum.
        SnapshotSeed(&mut assembly).deserialize(&mut json).and_then(|()| json.end())
    };
    match outcome {
        Ok(()) => assembly.finish(),
        Err(error) => Err(explain(error, source, assembly)),
    }
}

fn explain(error: serde_json::Error, source: Source<'_>, assembly: Assembly) -> SnapshotError {
    let byte = source.given;
    if let Some(fault) = source.fault {
        return fault.explain(byte);
    }
    if let Some(error) = assembly.error {
        return error;
    }
    if byte == 0 {
        return SnapshotError::Empty;
    }
    let place = Place { line: error.line(), column: error.column(), element: assembly.element };
    if error.is_eof() {
        return SnapshotError::Truncated { place };
    }
    let sentence = error.to_string();
    let suffix = format!(" at line {} column {}", place.line, place.column);
    let problem = sentence.strip_suffix(&suffix).unwrap_or(&sentence);
    SnapshotError::Json { problem: shorten(problem), place }
}

/// Serde quotes the value that it did not expect, which may be a string of a megabyte.
fn shorten(problem: &str) -> String {
    const LONGEST: usize = 160;
    match problem.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", &problem[..end]),
        None => problem.to_owned(),
    }
}

/// Bun and Safari have a format of their own, which is JSON too.
const JAVASCRIPTCORE: Format = Format {
    name: "JavaScriptCore's own format (Bun, Safari)",
    advice: "in Bun, write V8's: Bun.generateHeapSnapshot(\"v8\")",
};

/// What has been read so far.
#[derive(Default)]
struct Assembly {
    header: Option<(Header, Layout)>,
    nodes: Part<NodeRows>,
    edges: Part<EdgeRows>,
    /// An error of ours for which serde's is only the messenger.
    error: Option<SnapshotError>,
    /// There are keys that only JavaScriptCore writes.
    is_javascriptcore: bool,
    /// The integer whose reading failed.
    element: Option<(&'static str, u64)>,
}

/// One of the two large arrays.
#[derive(Default)]
enum Part<R> {
    #[default]
    Absent,
    /// It came before its layout.
    Parked(Parked),
    Read(R),
}

impl<R: Rows> Part<R> {
    fn interpret(self, mut rows: R) -> Result<R, SnapshotError> {
        match self {
            Self::Absent => Err(SnapshotError::Missing { what: R::ARRAY }),
            Self::Parked(parked) => parked.replay(&mut rows).map(|()| rows),
            Self::Read(rows) => Ok(rows),
        }
    }
}

impl Assembly {
    fn finish(self) -> Result<SnapshotGraph, SnapshotError> {
        let Some((header, layout)) = self.header else {
            return Err(match self.is_javascriptcore {
                true => SnapshotError::Format(JAVASCRIPTCORE),
                false => SnapshotError::Missing { what: "snapshot" },
            });
        };
        let nodes = self.nodes.interpret(NodeRows::new(layout.node))?;
        let edges = self.edges.interpret(EdgeRows::new(layout.edge))?;
        join(nodes, edges, header.claims())
    }

    /// Sets the error aside and gives serde one to unwind with.
    fn fail<E: Error>(&mut self, error: SnapshotError) -> E {
        self.error = Some(error);
        E::custom("see Assembly::error")
    }
}

/// The outermost object.
struct SnapshotSeed<'a>(&'a mut Assembly);

impl<'de> DeserializeSeed<'de> for SnapshotSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SnapshotSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the keys `snapshot`, `nodes` and `edges`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let assembly = self.0;
        while let Some(key) = map.next_key::<Key>()? {
            match key.as_str() {
                "snapshot" => {
                    if assembly.header.is_some() {
                        return Err(assembly.fail(SnapshotError::Duplicate { what: "snapshot" }));
                    }
                    let header: Header = map.next_value()?;
                    let layout = header.layout().map_err(|error| assembly.fail(error))?;
                    assembly.header = Some((header, layout));
                }
                "nodes" => {
                    let layout = assembly.header.as_ref().map(|(_, layout)| &layout.node);
                    let part = part(&assembly.nodes, layout.cloned().map(NodeRows::new))
                        .map_err(|error| assembly.fail(error))?;
                    assembly.nodes = map.next_value_seed(IntegersSeed { part, assembly })?;
                }
                "edges" => {
                    let layout = assembly.header.as_ref().map(|(_, layout)| &layout.edge);
                    let part = part(&assembly.edges, layout.cloned().map(EdgeRows::new))
                        .map_err(|error| assembly.fail(error))?;
                    assembly.edges = map.next_value_seed(IntegersSeed { part, assembly })?;
                }
                key => {
                    assembly.is_javascriptcore |= matches!(key, "nodeClassNames" | "edgeTypes");
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Where to put an array of which nothing has been read yet.
fn part<R: Rows>(before: &Part<R>, rows: Option<R>) -> Result<Part<R>, SnapshotError> {
    match (before, rows) {
        (Part::Absent, Some(rows)) => Ok(Part::Read(rows)),
        (Part::Absent, None) => Ok(Part::Parked(Parked::default())),
        _ => Err(SnapshotError::Duplicate { what: R::ARRAY }),
    }
}

/// One large array of integers.
struct IntegersSeed<'a, R> {
    part: Part<R>,
    assembly: &'a mut Assembly,
}

impl<'de, R: Rows> DeserializeSeed<'de> for IntegersSeed<'_, R> {
    type Value = Part<R>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part<R>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: Rows> Visitor<'de> for IntegersSeed<'_, R> {
    type Value = Part<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be an array of integers", R::ARRAY)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part<R>, A::Error> {
        let Self { mut part, assembly } = self;
        let mut index = 0;
        loop {
            let value = match seq.next_element::<Integer>() {
                Ok(Some(Integer(value))) => value,
                Ok(None) => return Ok(part),
                Err(error) => {
                    assembly.element = Some((R::ARRAY, index));
                    return Err(error);
                }
            };
            match &mut part {
                Part::Read(rows) => rows.push(value).map_err(|error| assembly.fail(error))?,
                Part::Parked(parked) => parked.push(value),
                Part::Absent => {}
            }
            index += 1;
        }
    }
}
