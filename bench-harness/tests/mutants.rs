//! Damaged snapshots of all formats: each is a heap or an error of one line, within bounded memory, and nothing panics.
//!
//! `SNAPSHOT_MUTANTS=10000 cargo test --release -p bench-harness --test mutants` for more than a look. What is a heap is
//! also described, handed over as to another process, and rebuilt in a collector with a small limit. It is one test, so
//! that the process's peak is that of the mutants.

use std::fmt::Write as _;
use std::io::Write as _;

use bench_harness::contestants::collector::Collector;
use bench_harness::contestants::heaps::{self, Failure, Probe};
use bench_harness::contestants::meter::Meter;
use bench_harness::snapshot::portrait::Portrait;
use bench_harness::snapshot::{DEFAULT_TEXT_LIMIT, Replay, read_path};
use bench_harness::system::process;
use bench_harness::workloads::program::Loaded;

#[path = "../src/snapshot/hprof/sample.rs"]
mod sample;

/// What the harness itself and one small heap need, and room for what a mutant may claim.
const MOST_BYTES: u64 = 160 << 20;

/// Numbers for mutations (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

/// A snapshot as V8 writes it: a tree of fifty nodes with edges back.
fn v8() -> Vec<u8> {
    let (mut nodes, mut edges) = (String::new(), String::new());
    for node in 0..50_u32 {
        let (kind, size) = if node == 0 { (9, 0) } else { (node % 4, 24 + 8 * (node % 5)) };
        write!(nodes, "{kind},{node},{},{size},2,0,0,", 2 * node + 1).expect("text grows");
        write!(edges, "1,{node},{},6,{node},{},", (2 * node + 1) % 50 * 7, node / 2 * 7).expect("text grows");
    }
    let meta = r#"{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],
        "node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],
        "string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],
        "edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]}"#;
    let (nodes, edges) = (nodes.trim_end_matches(','), edges.trim_end_matches(','));
    let head = format!(r#"{{"meta":{meta},"node_count":50,"edge_count":100,"trace_function_count":0}}"#);
    format!(r#"{{"snapshot":{head},"nodes":[{nodes}],"edges":[{edges}],"strings":["<dummy>","\ud83d"]}}"#).into_bytes()
}

/// The smallest form that is read, and the root at its end.
fn schema() -> Vec<u8> {
    br#"{"nodes":[1,24,2,1,16,1,1,4096,0,0,0,2],"edges":[0,3,1,6,0,0,0,0,0,6],"snapshot":{"root_index":9,"meta":{
        "node_fields":["type","self_size","edge_count"],"node_types":[["synthetic","node"]],
        "edge_fields":["type","to_node"],"edge_types":[["strong","weak"]]}}}"#
        .to_vec()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const PIECES: [&[u8]; 12] = [
        b"0",
        b"9",
        b",",
        b"-",
        b"\"",
        b"[",
        b"}",
        b"e9",
        b"\\",
        b"18446744073709551615",
        b"\xff\xff\xff\xff",
        b"\0\0",
    ];
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at.max(1)),
            3 => {
                bytes.remove(at);
                bytes.push(b' ');
            }
            4 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            5 => {
                let piece = PIECES[random.below(PIECES.len())];
                let end = (at + piece.len()).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            _ => {
                let end = (at + random.below(60)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
    }
}

#[test]
fn mutants_are_heaps_or_errors() {
    let count = std::env::var("SNAPSHOT_MUTANTS").ok().map_or(600, |count| count.parse().expect("a number"));
    let bases = [v8(), schema(), sample::whole(true), sample::whole(false)];
    let packed = bases.clone().map(|base| compressed(&base));
    let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
    let path = folder.path().join("mutant");
    let mut random = Random(0x5EED);
    let (mut heaps, mut errors, mut run) = (0, 0, 0);
    for round in 0..count {
        let which = round % bases.len();
        let mut bytes = if round % 16 < 14 { bases[which].clone() } else { packed[which].clone() };
        // The first ones are as they are: the bases must be good, or nothing is tried.
        if round >= 4 * bases.len() {
            mutate(&mut bytes, &mut random);
        }
        std::fs::write(&path, &bytes).expect("the folder is writable");
        match read_path(&path, DEFAULT_TEXT_LIMIT) {
            Ok(graph) => {
                heaps += 1;
                let portrait = Portrait::of(graph.clone());
                let replay = Replay::prepare(graph);
                let mut sent = Vec::new();
                replay.write(&mut sent).expect("memory does not fail");
                let loaded = Loaded::read(&mut &sent[..]).expect("it was just sent");
                let collector = Collector::ALL[1 + round % (Collector::ALL.len() - 1)];
                let outcome = heaps::run(collector, &loaded, Some(8 << 20), Probe::Never, &mut Meter::default());
                assert!(!matches!(outcome, Err(Failure::Wrong(_) | Failure::Unsupported(_))), "{round}: {outcome:?}");
                run += u32::from(outcome.is_ok() && portrait.alive.objects > 0);
            }
            Err(error) => {
                assert!(round >= 4 * bases.len(), "{error}");
                errors += 1;
                let sentence = error.to_string();
                assert!(sentence.len() > 10 && sentence.len() < 400, "{round}: {sentence}");
                assert!(!sentence.contains(char::is_control), "{round}: {sentence}");
            }
        }
    }
    println!("{heaps} heaps, of them {run} rebuilt, {errors} errors");
    assert!(
        heaps * 50 > count && errors * 4 > count as u32 && run > 0,
        "{heaps} heaps, {errors} errors, {run} rebuilt"
    );
    let peak = process::peak_rss_bytes().unwrap_or(0);
    assert!(peak < MOST_BYTES, "{peak} bytes at the most");
}
