//! What a snapshot says of its own rows: how many integers a node and an edge have, and which of them matter.
//!
//! V8 has changed its rows several times (`trace_node_id` came and went, `detachedness` came, types were added), and
//! other programs write the format with other rows. So nothing here knows a width or a position; `snapshot.meta`
//! does. Three fields of a node and two of an edge are needed, the others are skipped by position.
//!
//! The smallest snapshot that is read is described in `exporters/SCHEMA.md`, for whoever writes a converter.
//!
//! A name in `node_types` or `edge_types` may be unknown to us: a node's type is only ever shown, and of the edges'
//! types only `weak` means something to a collector. V8's `shortcut` edges repeat, for the viewer's sake, what other
//! edges say, so they count as strong.

use super::error::SnapshotError;
use super::lenient::{Integer, Key};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Lists in `meta` have at most a few dozen entries. The bound keeps a hostile file small and makes a type fit a byte.
const MAX_LIST: usize = 256;

/// The part of `snapshot` that is needed. The counts are not: they are only compared, where they are given.
#[derive(Default)]
pub(super) struct Header {
    meta: Option<Meta>,
    node_count: Option<u64>,
    edge_count: Option<u64>,
    /// Where in `nodes` the root begins; 0 if nothing is said.
    root_index: Option<u64>,
}

/// What a header says of the arrays as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) nodes: Option<u64>,
    pub(super) edges: Option<u64>,
    /// As `to_node`: in integers, not in nodes.
    pub(super) root: u64,
}

#[derive(Default)]
struct Meta {
    node_fields: Option<List<String>>,
    node_types: Option<List<FieldType>>,
    edge_fields: Option<List<String>>,
    edge_types: Option<List<FieldType>>,
}

/// Reads an object of which only some keys are known. As derived code does it, but for keys of any kind.
macro_rules! deserialize_fields {
    ($Struct:ident, $expecting:literal, { $($field:ident: $Type:ty => $make:expr),* $(,)? }) => {
        impl<'de> Deserialize<'de> for $Struct {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> Visitor<'de> for Fields {
                    type Value = $Struct;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$Struct, A::Error> {
                        let mut fields = $Struct::default();
                        while let Some(key) = map.next_key::<Key>()? {
                            match key.as_str() {
                                $(stringify!($field) => {
                                    let value: Option<$Type> = map.next_value()?;
                                    if fields.$field.is_some() {
                                        return Err(A::Error::duplicate_field(stringify!($field)));
                                    }
                                    fields.$field = value.map($make);
                                })*
                                _ => {
                                    map.next_value::<IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(fields)
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    };
}

deserialize_fields!(Header, "an object with the key `meta`", {
    meta: Meta => |meta| meta,
    node_count: Integer => |Integer(count)| count,
    edge_count: Integer => |Integer(count)| count,
    root_index: Integer => |Integer(index)| index,
});

deserialize_fields!(Meta, "an object that describes nodes and edges", {
    node_fields: List<String> => |list| list,
    node_types: List<FieldType> => |list| list,
    edge_fields: List<String> => |list| list,
    edge_types: List<FieldType> => |list| list,
});

/// How to read one row of `nodes` and one of `edges`.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) node: NodeLayout,
    pub(super) edge: EdgeLayout,
}

/// Positions are below the width and differ from each other.
#[derive(Clone, Debug)]
pub(super) struct NodeLayout {
    pub(super) width: usize,
    pub(super) type_at: usize,
    pub(super) self_size_at: usize,
    pub(super) edge_count_at: usize,
    /// At least 1, at most 256.
    pub(super) type_names: Vec<String>,
}

impl NodeLayout {
    /// Is this a type that V8 wrote before it listed it? Versions 5 to 6 have 12 names and write symbols as type 12.
    /// Then from now on it has a name.
    pub(super) fn is_unlisted_v8_type(&mut self, index: u64) -> bool {
        const LATER: [(usize, &str); 2] = [(12, "symbol"), (13, "bigint")];
        let is_v8 = self.type_names.first().is_some_and(|name| name == "hidden");
        let listed = self.type_names.len();
        let name = LATER.iter().find(|(at, _)| *at == listed && *at as u64 == index);
        if let Some((_, name)) = name.filter(|_| is_v8) {
            self.type_names.push((*name).to_owned());
            return true;
        }
        false
    }
}

#[derive(Clone, Debug)]
pub(super) struct EdgeLayout {
    pub(super) width: usize,
    pub(super) type_at: usize,
    pub(super) to_node_at: usize,
    /// For each type: is it V8's `weak`?
    pub(super) is_weak: Vec<bool>,
    /// `to_node` counts integers of `nodes`, not nodes: the width of a node.
    pub(super) node_width: usize,
}

impl Header {
    pub(super) fn claims(&self) -> Claims {
        Claims { nodes: self.node_count, edges: self.edge_count, root: self.root_index.unwrap_or(0) }
    }

    pub(super) fn layout(&self) -> Result<Layout, SnapshotError> {
        let meta = present(&self.meta, "snapshot.meta")?;
        let node_fields = &present(&meta.node_fields, "snapshot.meta.node_fields")?.0;
        let node_types = &present(&meta.node_types, "snapshot.meta.node_types")?.0;
        let edge_fields = &present(&meta.edge_fields, "snapshot.meta.edge_fields")?.0;
        let edge_types = &present(&meta.edge_types, "snapshot.meta.edge_types")?.0;

        let node_type_at = position(node_fields, "node_fields", "type")?;
        let edge_type_at = position(edge_fields, "edge_fields", "type")?;
        let edge_type_names = names(edge_types, "edge_types", edge_type_at)?;
        Ok(Layout {
            node: NodeLayout {
                width: node_fields.len(),
                type_at: node_type_at,
                self_size_at: position(node_fields, "node_fields", "self_size")?,
                edge_count_at: position(node_fields, "node_fields", "edge_count")?,
                type_names: names(node_types, "node_types", node_type_at)?.to_vec(),
            },
            edge: EdgeLayout {
                width: edge_fields.len(),
                type_at: edge_type_at,
                to_node_at: position(edge_fields, "edge_fields", "to_node")?,
                is_weak: edge_type_names.iter().map(|name| name == "weak").collect(),
                node_width: node_fields.len(),
            },
        })
    }
}

fn present<'a, T>(part: &'a Option<T>, what: &'static str) -> Result<&'a T, SnapshotError> {
    part.as_ref().ok_or(SnapshotError::Missing { what })
}

fn position(fields: &[String], list: &str, field: &str) -> Result<usize, SnapshotError> {
    let mut places = (0..fields.len()).filter(|place| fields[*place] == field);
    let wrong = |what: &str| SnapshotError::Meta { problem: format!("{list} {what} `{field}`") };
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (None, _) => Err(wrong("does not list")),
        (Some(_), Some(_)) => Err(wrong("lists twice")),
    }
}

fn names<'a>(types: &'a [FieldType], list: &str, at: usize) -> Result<&'a [String], SnapshotError> {
    match types.get(at) {
        Some(FieldType::OneOf(names)) if !names.0.is_empty() => Ok(&names.0),
        _ => Err(SnapshotError::Meta { problem: format!("{list}[{at}] is not a list of type names") }),
    }
}

/// An entry of `node_types` or `edge_types`: the name of a plain type, or the names that an index chooses from.
enum FieldType {
    Plain,
    OneOf(List<String>),
}

impl<'de> Deserialize<'de> for FieldType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldTypeVisitor;
        impl<'de> Visitor<'de> for FieldTypeVisitor {
            type Value = FieldType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a type or a list of names")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<FieldType, E> {
                Ok(FieldType::Plain)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<FieldType, A::Error> {
                ListVisitor(PhantomData).visit_seq(seq).map(FieldType::OneOf)
            }
        }
        deserializer.deserialize_any(FieldTypeVisitor)
    }
}

/// A list of at most [`MAX_LIST`] entries.
struct List<T>(Vec<T>);
struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = seq.next_element()? {
            if list.len() == MAX_LIST {
                return Err(A::Error::custom(format_args!("a list in meta has more than {MAX_LIST} entries")));
            }
            list.push(entry);
        }
        Ok(List(list))
    }
}
