//! The real snapshot: read exactly as recorded, the same by an independent reader, and good for a replay.

use super::{Model, MutationPlan, RoundSize, SnapshotGraph, builtin, read};
use flate2::read::GzDecoder;
use std::io::Read;

fn fixture() -> SnapshotGraph {
    read(builtin()).expect("the harness carries a good snapshot")
}

fn fixture_text() -> Vec<u8> {
    let mut text = Vec::new();
    GzDecoder::new(builtin()).read_to_end(&mut text).expect("the harness carries a good snapshot");
    text
}

/// The numbers that `fixtures/make_snapshot.mjs` printed; `fixtures/README.md` has them too.
#[test]
fn the_fixture_holds_what_its_maker_counted() {
    let graph = fixture();
    assert_eq!(graph.node_count(), 122_577);
    assert_eq!(graph.edge_count(), 468_151);
    assert_eq!(graph.total_self_size(), 8_039_483);
    assert_eq!(fixture_text().len(), 10_503_954);
    assert_eq!(builtin().len(), 1_853_132);
    assert_eq!(graph.type_name(graph.root()), "synthetic");
}

#[test]
fn plain_and_compressed_are_the_same() {
    assert_eq!(read(&fixture_text()[..]).expect("as compressed"), fixture());
}

#[test]
fn the_order_of_the_parts_does_not_matter() {
    let text = String::from_utf8(fixture_text()).expect("JSON is UTF-8");
    let nodes = text.find("\"nodes\":").expect("V8 writes it");
    let edges = text.find("\"edges\":").expect("V8 writes it");
    let rest = text.find("\"trace_function_infos\":").expect("V8 writes it");
    let end = text.rfind('}').expect("V8 writes it");
    let (header, nodes) = (&text[1..nodes], &text[nodes..edges]);
    let (edges, rest) = (&text[edges..rest], &text[rest..end]);
    let turned = format!("{{{edges}{nodes}{rest},{}}}", header.trim_end().trim_end_matches(','));
    assert_eq!(read(turned.as_bytes()).expect("any order"), fixture());
}

/// `v8-heap-parser`, from the makers of a JavaScript debugger, shares no code with our reader but the JSON library.
#[test]
fn an_independent_reader_agrees() {
    let ours = fixture();
    let theirs = v8_heap_parser::decode_slice(&fixture_text()).expect("it reads V8's files");
    let nodes = || theirs.nodes().iter().map(|node| &node.weight);
    assert_eq!(nodes().count(), ours.node_count() as usize);
    assert_eq!(nodes().map(|node| node.edge_count as u64).sum::<u64>(), u64::from(ours.edge_count()));
    assert_eq!(nodes().map(|node| node.self_size).sum::<u64>(), ours.total_self_size());
    for (number, node) in (0..).zip(nodes()) {
        assert_eq!(node.self_size, ours.self_size(number));
        let mut targets = ours.targets(number).to_vec();
        let mut their_targets: Vec<u32> = theirs.children(number as usize).iter().map(|to| *to as u32).collect();
        targets.sort_unstable();
        their_targets.sort_unstable();
        assert_eq!(targets, their_targets);
    }
}

#[test]
fn nearly_all_of_a_fresh_snapshot_is_reachable() {
    let model = Model::new(fixture());
    let objects = model.objects().count() as u64;
    let reachable = model.reachable();
    // V8 collects before it writes, so what only weak edges reach is at most a handful.
    assert!(reachable.objects() <= objects && reachable.objects() > objects * 999 / 1000);
    assert!(model.roots().len() > 1_000);
}

#[test]
fn ten_rounds_leave_a_smaller_heap() {
    let mut model = Model::new(fixture());
    let mut plan = MutationPlan::new(1, RoundSize::for_model(&model));
    let mut alive = vec![model.reachable().objects()];
    for _ in 0..10 {
        assert!(!plan.next_round(&mut model).is_empty());
        alive.push(model.reachable().objects());
    }
    assert!(alive.is_sorted_by(|before, after| before >= after), "{alive:?}");
    assert!(alive[10] < alive[0] * 3 / 4 && alive[10] > alive[0] / 20, "{alive:?}");
}
