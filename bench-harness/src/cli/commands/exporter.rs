//! `exporter`: programs and descriptions that come with the harness, for writing the heaps of other programs.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Options of `exporter`.
#[derive(Debug, Args)]
pub struct ExporterOptions {
    /// What is to be printed
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Exporter,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Exporter {
    /// A Python file that writes the heap of the CPython process that imports it
    Python,
    /// The smallest file that is read, for whoever writes an exporter for something else
    Schema,
}

impl Exporter {
    fn text(self) -> &'static str {
        match self {
            Self::Python => include_str!("../../../exporters/heap_snapshot.py"),
            Self::Schema => include_str!("../../../exporters/SCHEMA.md"),
        }
    }
}

/// Prints it.
#[must_use]
pub fn exporter(options: &ExporterOptions) -> ExitCode {
    super::show(options.what.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{self, Model};

    /// What is described as the smallest file is read.
    #[test]
    fn the_example_of_the_schema_is_a_snapshot() {
        let text = Exporter::Schema.text();
        let (_, rest) = text.split_once("```json\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let graph = snapshot::read(example.as_bytes()).unwrap();
        assert_eq!((graph.node_count(), graph.edge_count(), graph.weak_edge_count()), (4, 4, 1));
        assert_eq!(graph.type_name(1), "node");
        let model = Model::new(graph);
        assert_eq!(model.roots().collect::<Vec<_>>(), [Some(1)]);
        assert_eq!(model.reachable().objects(), 2);
    }
}
