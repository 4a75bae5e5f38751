//! Other languages with collectors of their own, and the workloads written in them.
//!
//! The programs are part of this one, as text. They are the same as ours by the rule for admitting a runtime (README):
//! the numbers of a workload are handed over as arguments, so that they stand in one place, and the checksum has to be
//! the expected one. What is compared is a language as people use it, with its defaults: interpreter, compiler and
//! collector together. So a ratio to a language says little about its collector alone.

use std::fmt;

use crate::text::names::Named;
use crate::workloads::program::Program;
use crate::workloads::{self, Size, Workload};

/// A language with its collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// The Java virtual machine.
    Java,
    /// JavaScript in V8.
    Node,
    /// CPython.
    Python3,
    /// PUC's Lua.
    Lua,
    /// OCaml's native code.
    Ocaml,
    /// Go's native code.
    Go,
}

impl Runtime {
    /// All of them, in the order in which they are listed and run.
    pub const ALL: [Runtime; 6] =
        [Runtime::Java, Runtime::Node, Runtime::Python3, Runtime::Lua, Runtime::Ocaml, Runtime::Go];

    /// One line on what it is.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Runtime::Java => "Java, with the collector that the virtual machine chooses",
            Runtime::Node => "JavaScript in Node: V8's generational, concurrent collector",
            Runtime::Python3 => "Python: counting at once, cycles found by generations",
            Runtime::Lua => "Lua 5.4: incremental mark-sweep",
            Runtime::Ocaml => "OCaml, native: generational, incremental mark-sweep",
            Runtime::Go => "Go, native: concurrent mark-sweep, not moving",
        }
    }

    /// What is looked for on the PATH, in this order.
    #[must_use]
    pub const fn programs(self) -> &'static [&'static str] {
        match self {
            Runtime::Java => &["java"],
            Runtime::Node => &["node", "nodejs"],
            Runtime::Python3 => &["python3"],
            Runtime::Lua => &["lua5.4", "lua"],
            Runtime::Ocaml => &["ocamlopt"],
            Runtime::Go => &["go"],
        }
    }

    /// What makes it say its version.
    #[must_use]
    pub const fn version_argument(self) -> &'static str {
        match self {
            Runtime::Java | Runtime::Ocaml => "-version",
            Runtime::Node | Runtime::Python3 => "--version",
            Runtime::Lua => "-v",
            Runtime::Go => "version",
        }
    }

    /// The oldest version that can run the workloads.
    #[must_use]
    pub const fn oldest(self) -> (u32, u32) {
        match self {
            Runtime::Java => (11, 0),
            Runtime::Node => (12, 0),
            Runtime::Python3 => (3, 7),
            Runtime::Lua => (5, 4),
            Runtime::Ocaml => (4, 8),
            Runtime::Go => (1, 16),
        }
    }

    /// How to get it.
    #[must_use]
    pub const fn installation(self) -> &'static str {
        match self {
            Runtime::Java => "apt-get install default-jdk-headless, or https://adoptium.net",
            Runtime::Node => "apt-get install nodejs, or https://nodejs.org",
            Runtime::Python3 => "apt-get install python3, or https://www.python.org",
            Runtime::Lua => "apt-get install lua5.4, or https://www.lua.org",
            Runtime::Ocaml => "apt-get install ocaml-nox, or https://ocaml.org",
            Runtime::Go => "apt-get install golang-go, or https://go.dev",
        }
    }

    /// The file in which its workloads are, and their text.
    #[must_use]
    pub const fn source(self) -> (&'static str, &'static str) {
        match self {
            Runtime::Java => ("Workloads.java", include_str!("runtimes/Workloads.java")),
            Runtime::Node => ("workloads.js", include_str!("runtimes/workloads.js")),
            Runtime::Python3 => ("workloads.py", include_str!("runtimes/workloads.py")),
            Runtime::Lua => ("workloads.lua", include_str!("runtimes/workloads.lua")),
            Runtime::Ocaml => ("workloads.ml", include_str!("runtimes/workloads.ml")),
            Runtime::Go => ("workloads.go", include_str!("runtimes/workloads.go")),
        }
    }

    /// The command that makes a program of the source, in its folder, if one is needed.
    #[must_use]
    pub const fn build(self) -> &'static [&'static str] {
        match self {
            Runtime::Java => &["javac", "Workloads.java"],
            Runtime::Ocaml => &["ocamlopt", "-O3", "-I", "+unix", "unix.cmxa", "workloads.ml", "-o", "workloads-ocaml"],
            Runtime::Go => &["go", "build", "-o", "workloads-go", "workloads.go"],
            Runtime::Node | Runtime::Python3 | Runtime::Lua => &[],
        }
    }

    /// The command that runs a workload, in the folder of the source. The first word is the program that was found, if
    /// it has no `./`; the workload and its numbers follow.
    #[must_use]
    pub const fn command(self) -> &'static [&'static str] {
        match self {
            Runtime::Java => &["java", "Workloads"],
            // `deep_list` asks for collections.
            Runtime::Node => &["node", "--expose-gc", "workloads.js"],
            Runtime::Python3 => &["python3", "workloads.py"],
            Runtime::Lua => &["lua", "workloads.lua"],
            Runtime::Ocaml => &["./workloads-ocaml"],
            Runtime::Go => &["./workloads-go"],
        }
    }

    /// About how many times as long as a collector of ours it takes: for estimates.
    #[must_use]
    pub const fn slowness(self) -> u64 {
        match self {
            Runtime::Java | Runtime::Ocaml => 1,
            Runtime::Node | Runtime::Go => 3,
            Runtime::Lua => 15,
            Runtime::Python3 => 30,
        }
    }
}

/// The workloads that are written in the other languages.
pub fn workloads() -> impl Iterator<Item = Workload> {
    Workload::ALL.into_iter().filter(|workload| numbers(&Program::Workload(*workload), Size::Classic).is_some())
}

/// The workload's numbers as its versions in other languages get them; nothing, if it is not written in any.
///
/// Chosen are programs that say much about a heap, and that every one of the languages can express as its people write
/// it: no weak pointers, and no fields of 64 bits that OCaml and JavaScript would have to put into objects of their
/// own.
#[must_use]
pub fn numbers(program: &Program, size: Size) -> Option<Vec<u64>> {
    let Program::Workload(workload) = program else { return None };
    Some(match workload {
        Workload::BinaryTrees => vec![workloads::binary_trees::Parameters::of(size).depth.into()],
        Workload::GcBench => {
            let p = workloads::gcbench::Parameters::of(size);
            vec![p.stretch_depth.into(), p.long_lived_depth.into(), p.array_len as u64, p.max_depth.into()]
        }
        Workload::ListChurn => {
            let p = workloads::list_churn::Parameters::of(size);
            vec![p.lists.into(), p.length.into(), p.replacements.into()]
        }
        Workload::Rings => vec![workloads::rings::Parameters::of(size).rings],
        Workload::GraphMutate => {
            let p = workloads::graph_mutate::Parameters::of(size);
            vec![p.nodes.into(), p.rewrites.into()]
        }
        Workload::DeepList => vec![workloads::deep_list::Parameters::of(size).length],
        Workload::Quads => {
            let p = workloads::quads::Parameters::of(size);
            vec![p.depth.into(), p.trees()]
        }
        Workload::LruCache => {
            let p = workloads::lru_cache::Parameters::of(size);
            vec![p.entries.into(), p.accesses, p.buckets as u64]
        }
        Workload::EventLoop => {
            let p = workloads::event_loop::Parameters::of(size);
            vec![p.records.into(), p.requests]
        }
        Workload::Queue => {
            let p = workloads::queue::Parameters::of(size);
            vec![p.capacity, p.messages]
        }
        Workload::SizeMix => {
            let p = workloads::size_mix::Parameters::of(size);
            vec![p.slots.into(), p.replacements]
        }
        Workload::FunctionalMap => {
            let p = workloads::functional_map::Parameters::of(size);
            vec![p.depth.into(), p.updates]
        }
        _ => return None,
    })
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Named for Runtime {
    const KIND: &'static str = "runtime";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn name(self) -> &'static str {
        match self {
            Runtime::Java => "java",
            Runtime::Node => "node",
            Runtime::Python3 => "python3",
            Runtime::Lua => "lua",
            Runtime::Ocaml => "ocaml",
            Runtime::Go => "go",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::Set;

    #[test]
    fn every_runtime_has_every_classic_workload_and_others() {
        let written: Vec<_> = workloads().collect();
        assert!(Set::Classic.workloads().all(|workload| written.contains(&workload)));
        assert!(written.iter().any(|workload| workload.set() == Set::HeldOut));
        for workload in written {
            for runtime in Runtime::ALL {
                assert!(runtime.source().1.contains(workload.name()), "{runtime} lacks {workload}");
            }
        }
    }
}
