//! What a heap dumps, somebody else reads: an independent reader of V8's snapshots, and this harness's own replay.

use std::fs::File;
use std::io;
use std::process::{Command, Stdio};

use bench_harness::contestants::collector::Collector;
use bench_harness::interpreter::Interpreter;
use gc_generational::Generational;
use gc_marksweep::MarkSweep;
use gc_refcount::RefCount;
use heap_core::collector::IntoCollector;
use heap_core::inspect::DumpSummary;
use heap_core::{Gc, Heap, HeapOptions, Lock, Mutator, NoGc, RefLock, Rootable, Trace, field, store};

#[derive(Trace)]
struct Tree<'gc> {
    left: Lock<Option<Gc<'gc, Tree<'gc>>>>,
    right: Lock<Option<Gc<'gc, Tree<'gc>>>>,
    label: Gc<'gc, str>,
}

#[derive(Trace)]
struct Forest<'gc> {
    trees: RefLock<Vec<Gc<'gc, Tree<'gc>>>>,
    table: Gc<'gc, [Lock<Option<Gc<'gc, Tree<'gc>>>>]>,
}

type Root = Rootable![Gc<'_, Forest<'_>>];

fn tree<'gc>(mc: &Mutator<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = || Lock::new((depth > 0).then(|| tree(mc, depth - 1)));
    Gc::new(mc, Tree { left: child(), right: child(), label: Gc::new_str(mc, &format!("a \"tree\" of depth {depth}")) })
}

/// Trees of 127 nodes with a label each, every other of which is in the table too; and garbage.
fn forest(collector: impl IntoCollector) -> Heap<Root> {
    let mut heap = Heap::<Root>::new(collector, |mc| {
        Gc::new(mc, Forest { trees: RefLock::default(), table: Gc::new_slice_with(mc, 40, |_| Lock::new(None)) })
    })
    .expect("a heap can be made");
    for index in 0..20 {
        heap.mutate(|mc, root| {
            let tree = tree(mc, 6);
            field!(mc, root.trees).unlock().borrow_mut().push(tree);
            if index % 2 == 0 {
                store!(mc, root.table => [index * 2], Some(tree));
            }
            let _garbage = self::tree(mc, 6);
        });
    }
    heap
}

fn dump_to(heap: &mut Heap<Root>, path: &std::path::Path) -> DumpSummary {
    heap.dump(File::create(path).expect("a file can be made")).expect("the disk has room")
}

fn everywhere(check: impl Fn(Heap<Root>)) {
    check(forest(NoGc::default()));
    check(forest(MarkSweep::default()));
    check(forest(Generational::default()));
    check(forest(RefCount::default()));
}

#[test]
fn an_independent_reader_counts_the_same() {
    everywhere(|mut heap| {
        let mut file = Vec::new();
        let summary = heap.dump(&mut file).expect("a vector takes everything");
        let census = heap.verify().expect("a heap that is whole");
        assert_eq!((summary.objects, summary.object_bytes), (census.objects, census.bytes));
        assert_eq!(summary.edges, census.edges + 1, "and the root's");
        let graph = v8_heap_parser::decode_slice(&file).expect("it reads what V8 writes");
        let nodes = || graph.nodes().iter().map(|node| &node.weight);
        assert_eq!(nodes().count() as u64, summary.objects + 1);
        assert_eq!(nodes().map(|node| node.edge_count as u64).sum::<u64>(), summary.edges);
        assert_eq!(nodes().map(|node| node.self_size).sum::<u64>(), summary.object_bytes + summary.outside_bytes);
        assert!(summary.outside_bytes >= 20 * 8, "the vector's contents");
        let trees = nodes().filter(|node| node.name() == "dump::Tree").count();
        assert_eq!((trees, nodes().filter(|node| node.name() == "[u8]").count()), (20 * 127, 20 * 127));
        let whole = graph.retained_size(graph.root_index);
        assert_eq!(whole, summary.object_bytes + summary.outside_bytes, "the root keeps everything alive");
        assert!(nodes().all(|node| node.id % 2 == 1), "the ids of objects are odd");
    });
}

/// The interpreter's heap, with collections, weak tables, coroutines and trait objects in it.
#[test]
fn an_independent_reader_counts_the_same_of_an_interpreter() {
    let script = br#"
        KEPT, WEAK = {}, setmetatable({}, { __mode = "k" })
        for i = 1, 500 do
            KEPT[i] = { name = "n" .. i, f = function() return i end }
            WEAK[KEPT[i]] = { i }
        end
        RUNNING = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end)
        RUNNING()
    "#;
    for collector in [Collector::NOGC, Collector::REFCOUNT_CYCLES, Collector::MARKSWEEP, Collector::GENERATIONAL] {
        let made = Interpreter::new(collector.mode().make(), HeapOptions::default(), Box::new(io::sink()));
        let mut interpreter = made.expect("an interpreter can be made");
        interpreter.run("kept.lua", script).expect("the script is right");
        let mut file = Vec::new();
        let summary = interpreter.dump(&mut file).expect("a vector takes everything");
        let graph = v8_heap_parser::decode_slice(&file).expect("it reads what V8 writes");
        let nodes = || graph.nodes().iter().map(|node| &node.weight);
        assert_eq!(nodes().count() as u64, summary.objects + 1);
        assert_eq!(nodes().map(|node| node.edge_count as u64).sum::<u64>(), summary.edges);
        assert_eq!(nodes().map(|node| node.self_size).sum::<u64>(), summary.object_bytes + summary.outside_bytes);
        let tables = nodes().filter(|node| node.name().ends_with("::Table")).count();
        assert!(tables > 1000, "{tables}");
    }
}

#[test]
fn the_same_objects_have_the_same_ids() {
    let mut heap = forest(MarkSweep::default());
    let mut ids = || {
        let mut file = Vec::new();
        heap.dump(&mut file).expect("a vector takes everything");
        let graph = v8_heap_parser::decode_slice(&file).expect("it reads what V8 writes");
        graph.nodes().iter().map(|node| node.weight.id).collect::<Vec<u32>>()
    };
    let before = ids();
    assert_eq!(before, ids());
}

#[test]
fn a_dump_can_be_replayed() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    everywhere(|mut heap| {
        let path = directory.path().join(format!("{}.heapsnapshot", heap.collector_name()));
        dump_to(&mut heap, &path);
        let output = Command::new(env!("CARGO_BIN_EXE_bench-harness"))
            .args(["replay", "-q", "--collectors=nogc,marksweep", "--invocations=1"])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_closed_pipe_are_errors() {
    everywhere(|mut heap| {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        assert_eq!(heap.dump(full).expect_err("there is no room").kind(), io::ErrorKind::StorageFull);
        let (reader, writer) = io::pipe().expect("a pipe can be made");
        drop(reader);
        assert_eq!(heap.dump(writer).expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
        heap.collect();
        heap.verify().expect("a heap that is whole");
    });
}
