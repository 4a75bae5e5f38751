//! What ran: everything that was chosen, typed.
//!
//! Records, groups and tables are found by these values. Names exist at the edges only: on the command line, and in
//! JSON, where a key is flat text.

use serde::{Deserialize, Serialize};

use crate::contestants::{Contestant, Kind};
use crate::text::names;
use crate::workloads::Size;
use crate::workloads::program::Program;

/// What ran, on what, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Flat", try_from = "Flat")]
pub struct Key {
    /// What ran.
    pub program: Program,
    /// On what it ran.
    pub contestant: Contestant,
    /// How it was set up.
    pub setting: Setting,
}

/// How a program is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// How large the program is; a heap dump is as large as it is.
    pub size: Size,
    /// The hard limit of the heap in bytes, if one was asked for; peers have none.
    pub heap_limit: Option<u64>,
    /// Whether it is the second run of the same, made to tell drift from difference.
    pub canary: bool,
}

/// A key as it stands in JSON.
#[derive(Serialize, Deserialize)]
struct Flat {
    /// The program's name; `snapshot:` and a path, in which what is no text was replaced.
    workload: String,
    /// `small`, `classic` or `large`.
    size: String,
    /// The collector, peer or fault.
    collector: String,
    /// What kind of thing `collector` names.
    kind: Kind,
    /// The process's `malloc`: `system` or `mimalloc`. Our heaps do not use it for objects.
    allocator: String,
    /// In bytes.
    heap_limit: Option<u64>,
    #[serde(default)]
    canary: bool,
}

impl From<Key> for Flat {
    fn from(key: Key) -> Self {
        let Key { program, contestant, setting } = key;
        Flat {
            workload: program.to_string(),
            size: setting.size.name().to_owned(),
            collector: contestant.name().to_owned(),
            kind: contestant.kind(),
            allocator: contestant.allocator().name().to_owned(),
            heap_limit: setting.heap_limit,
            canary: setting.canary,
        }
    }
}

impl TryFrom<Flat> for Key {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let Flat { workload, size, collector, kind, allocator, heap_limit, canary } = flat;
        Ok(Key {
            program: Program::of_record(&workload),
            contestant: Contestant::of(kind, &collector, &allocator)?,
            setting: Setting { size: names::find::<Size>(&size)?, heap_limit, canary },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::allocator::Allocator;
    use crate::contestants::collector::Collector;
    use crate::contestants::fault::Fault;
    use crate::contestants::peer::Peer;
    use crate::contestants::runtime::Runtime;
    use crate::text::names::Named;

    #[test]
    fn every_key_survives_json() {
        let peers = Peer::ALL.into_iter().flat_map(|peer| Allocator::ALL.map(|a| Contestant::Peer(peer, a)));
        let contestants: Vec<_> = Collector::ALL
            .into_iter()
            .map(Contestant::Collector)
            .chain(peers)
            .chain(Fault::all().into_iter().map(Contestant::Fault))
            .chain(Runtime::ALL.map(Contestant::Runtime))
            .collect();
        for program in Program::all().into_iter().chain([Program::Snapshot(Some("a b/c".into()))]) {
            for &contestant in &contestants {
                let setting = Setting { size: Size::Large, heap_limit: Some(1 << 40), canary: true };
                let key = Key { program: program.clone(), contestant, setting };
                let text = serde_json::to_string(&key).unwrap();
                assert_eq!(serde_json::from_str::<Key>(&text).unwrap(), key, "{text}");
            }
        }
    }

    /// A third party's program writes records too, and they are read by this one.
    #[test]
    fn what_this_program_does_not_have_keeps_its_name() {
        let text = r#"{"workload":"conveyor","size":"small","collector":"zgc:x=1","kind":"collector","allocator":"system","heap_limit":null,"canary":false}"#;
        let key = serde_json::from_str::<Key>(text).unwrap();
        assert_eq!((key.program.to_string().as_str(), key.contestant.name()), ("conveyor", "zgc:x=1"));
        assert_eq!(serde_json::to_string(&key).unwrap().len(), text.len());
        assert_eq!(serde_json::from_str::<Key>(text).unwrap(), key);
    }

    #[test]
    fn a_peer_that_does_not_exist_is_no_key() {
        let text = r#"{"workload":"rings","size":"small","collector":"zgc","kind":"peer","allocator":"system",
            "heap_limit":null}"#;
        let sentence = serde_json::from_str::<Key>(text).unwrap_err().to_string();
        assert!(sentence.contains("there is no peer `zgc`"), "{sentence}");
    }
}
