//! What the reader says about input that is wrong: one clear sentence with the place, never a panic, never more memory
//! than the input is worth.
//!
//! Named cases come first, one for each way to be wrong. Then every prefix and thousands of mutations of a small
//! snapshot, and of the real one, plain and compressed: most of them are errors, some are still snapshots, none may
//! panic, and what is accepted must be consistent.

use super::{DEFAULT_TEXT_LIMIT, SnapshotError, SnapshotGraph, builtin, read, read_path, read_with_limit};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};
use std::path::Path;

const META: &str = r#"{
"node_fields":["type","name","id","self_size","edge_count"],
"node_types":[["synthetic","object","something new"],"string","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["property","weak","something new"],"string_or_number","node"]}"#;
const NODES: &str = "0,0,1,0,2, 1,1,3,24,1, 2,2,5,8,0";
const EDGES: &str = "0,1,5, 1,1,10, 2,2,0";

fn header(meta: &str, nodes: u64, edges: u64) -> String {
    format!(r#"{{"meta":{meta},"node_count":{nodes},"edge_count":{edges}}}"#)
}

fn text(header: &str, nodes: &str, edges: &str) -> String {
    format!(
        "{{\"snapshot\":{header},\n\"nodes\":[{nodes}],\n\"edges\":[{edges}],\n\"strings\":[\"<dummy>\",\"a\\u00e9\\n\"]}}\n"
    )
}

fn small() -> String {
    text(&header(META, 3, 3), NODES, EDGES)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// The sentence for this input, which must be one: one line, not too long, and no trace of our plumbing.
fn sentence(input: impl AsRef<[u8]>) -> String {
    let error = read(input.as_ref()).expect_err("the input is wrong");
    let sentence = error.to_string();
    assert!(!sentence.contains('\n') && sentence.chars().count() < 250, "{sentence}");
    assert!(!sentence.contains("see "), "{sentence}");
    sentence
}

fn sentence_with(nodes: &str, edges: &str) -> String {
    sentence(text(&header(META, 3, 3), nodes, edges))
}

#[test]
fn the_small_snapshot_is_right() {
    let graph = read(small().as_bytes()).expect("it is right");
    assert_eq!((graph.node_count(), graph.edge_count()), (3, 3));
    assert_eq!(graph.targets(0), [1, 2]);
    assert_eq!(graph.strong_targets(0).collect::<Vec<_>>(), [1]);
    assert_eq!(graph.strong_targets(1).collect::<Vec<_>>(), [0]);
    assert_eq!(graph.weak_edge_count(), 1);
    assert_eq!(graph.total_self_size(), 32);
    assert_eq!(graph.type_name(2), "something new");
    assert_eq!(read(&gzip(small().as_bytes())[..]).expect("as plain"), graph);
}

#[test]
fn keys_may_come_in_any_order() {
    let parts = [
        format!("\"snapshot\":{}", header(META, 3, 3)),
        format!("\"nodes\":[{NODES}]"),
        format!("\"edges\":[{EDGES}]"),
        "\"strings\":[\"a\"],\"trace_tree\":[1,2,[[{\"new\":null}]]]".to_owned(),
    ];
    let expected = read(small().as_bytes()).expect("it is right");
    let mut orders = 0;
    for order in 0..256 {
        let order = [order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6];
        if (0..4).all(|part| order.contains(&part)) {
            let text = order.map(|part| parts[part].clone()).join(",");
            assert_eq!(read(format!("{{{text}}}").as_bytes()).expect("any order"), expected);
            orders += 1;
        }
    }
    assert_eq!(orders, 24);
}

#[test]
fn rows_may_have_their_fields_in_any_order_and_others_besides() {
    let meta = r#"{"edge_types":["node",[],["weak","strong"]],"edge_fields":["to_node","new","type"],
        "node_fields":["edge_count","self_size","new","type"],"node_types":["number","number",[],["object"]]}"#;
    let graph = read(text(&header(meta, 2, 2), "1,7,99,0, 1,8,99,0", "4,99,0, 0,99,1").as_bytes())
        .expect("meta says how to read it");
    assert_eq!((graph.targets(0), graph.targets(1)), (&[1][..], &[0][..]));
    assert_eq!(graph.weak_edge_count(), 1);
    assert!(graph.edges(0).all(|edge| edge.weak));
    assert_eq!((graph.self_size(0), graph.self_size(1)), (7, 8));
}

#[test]
fn counts_and_strings_are_optional() {
    let text = format!("{{\"snapshot\":{{\"meta\":{META}}},\"nodes\":[{NODES}],\"edges\":[{EDGES}]}}");
    assert_eq!(read(text.as_bytes()).expect("enough").node_count(), 3);
}

#[test]
fn large_integers_survive_parking() {
    let nodes = "0,18446744073709551615,128,18446744073709551615,0";
    let expected = text(&header(META, 1, 0), nodes, "");
    let parked = format!("{{\"nodes\":[{nodes}],\"edges\":[],\"snapshot\":{}}}", header(META, 1, 0));
    let graph = read(parked.as_bytes()).expect("it is right");
    assert_eq!(graph.self_size(0), u64::MAX);
    assert_eq!(read(expected.as_bytes()).expect("it is right"), graph);
}

#[test]
fn not_a_snapshot_at_all() {
    assert_eq!(sentence(""), "the snapshot is empty (0 bytes)");
    assert_eq!(sentence(gzip(b"")), "the snapshot is empty (0 bytes)");
    assert_eq!(sentence("hello"), "this is not a heap snapshot: expected value at line 1, column 1");
    assert_eq!(
        sentence("[1,2]"),
        "this is not a heap snapshot: invalid type: sequence, expected an object with the keys `snapshot`, `nodes` \
         and `edges` at line 1, column 1"
    );
    assert_eq!(sentence("{}"), "the snapshot has no `snapshot`");
    assert_eq!(sentence("\u{feff}{}"), "the snapshot has no `snapshot`");
    assert!(sentence([0xff, 0xfe, 0]).starts_with("this is text in UTF-16, not a heap snapshot"));
    assert_eq!(sentence(small() + "{}"), "this is not a heap snapshot: trailing characters at line 9, column 1");
}

#[test]
fn cut_off() {
    assert_eq!(sentence(r#"{"snapshot":"#), "the snapshot is cut off: its text ends too early at line 1, column 12");
    let text = small();
    let inside_edges = &text[..text.find("10, 2,2").expect("it is there")];
    assert_eq!(
        sentence(inside_edges),
        "the snapshot is cut off: its text ends too early at line 7, column 20, in edges[5]"
    );
    let packed = gzip(text.as_bytes());
    assert!(
        sentence(&packed[..packed.len() - 1]).starts_with("the gzip data is damaged or cut off after"),
        "a cut in the checksum"
    );
    assert!(sentence(&packed[..5]).starts_with("the gzip data is damaged or cut off after 0 bytes"));
    let mut damaged = packed.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    assert!(sentence(&damaged).starts_with("the gzip data is damaged or cut off after"));
    damaged = packed;
    damaged.extend(b"rubbish");
    assert!(sentence(&damaged).starts_with("the gzip data is damaged or cut off after"));
}

#[test]
fn wrong_integers() {
    let bad = |value: &str| sentence_with(&NODES.replace("24", value), EDGES);
    assert_eq!(
        bad("-24"),
        "this is not a heap snapshot: invalid type: integer `-24`, expected an integer that is not negative at line \
         6, column 30, in nodes[8]"
    );
    for (value, problem) in [
        ("2.5", "invalid type: floating point `2.5`"),
        ("-24.0", "invalid type: floating point `-24.0`"),
        ("18446744073709551616", "invalid type: floating point"),
        ("1e999", "number out of range"),
        ("\"24\"", "invalid type: string \"24\""),
        ("null", "invalid type: null"),
        ("true", "invalid type: boolean"),
        ("[24]", "invalid type: sequence"),
        ("{}", "invalid type: map"),
        ("0x18", "expected `,` or `]`"),
        ("", "expected value"),
    ] {
        let sentence = bad(value);
        assert!(sentence.contains(problem), "{sentence}");
        assert!(sentence.contains("line 6, column"), "{sentence}");
        assert!(sentence.contains("in nodes["), "{sentence}");
    }
    let sentence = sentence(format!("{{\"nodes\":[1,2,-3],\"snapshot\":{}}}", header(META, 3, 3)));
    assert!(sentence.ends_with("line 1, column 17, in nodes[2]"), "{sentence}");
}

#[test]
fn a_sentence_does_not_quote_a_megabyte() {
    let long = format!("\"{}\"", "é\\n".repeat(300_000));
    assert!(sentence_with(&NODES.replace("24", &long), EDGES).contains("... at line 6"));
}

#[test]
fn wrong_types() {
    assert_eq!(
        sentence_with(&NODES.replace("2,2,5", "3,2,5"), EDGES),
        "wrong value in nodes[10]: type 3 is not one of the 3 types that meta lists"
    );
    assert_eq!(
        sentence_with(NODES, &EDGES.replace("2,2,0", "18446744073709551615,2,0")),
        "wrong value in edges[6]: type 18446744073709551615 is not one of the 3 types that meta lists"
    );
    let parked = format!("{{\"edges\":[3,0,0],\"nodes\":[{NODES}],\"snapshot\":{}}}", header(META, 3, 3));
    assert_eq!(sentence(parked), "wrong value in edges[0]: type 3 is not one of the 3 types that meta lists");
}

#[test]
fn wrong_edges() {
    let bad = |to: &str| sentence_with(NODES, &EDGES.replace("10", to));
    assert_eq!(bad("11"), "wrong value in edges[5]: to_node 11 is not a multiple of 5, the number of fields of a node");
    assert_eq!(bad("15"), "wrong value in edges[5]: to_node 15 lies behind the last of the 3 nodes");
    assert_eq!(
        bad("1000000000000"),
        "wrong value in edges[5]: to_node 1000000000000 is more than 32-bit numbers can count"
    );
    assert_eq!(
        bad("18446744073709551615"),
        "wrong value in edges[5]: to_node 18446744073709551615 is more than 32-bit numbers can count"
    );
    assert_eq!(
        sentence_with(NODES, &format!("{EDGES},0,0")),
        "wrong value in edges[11]: the array ends here, inside a row of 3 integers"
    );
    assert_eq!(
        sentence_with(&format!("{NODES},0"), EDGES),
        "wrong value in nodes[16]: the array ends here, inside a row of 5 integers"
    );
}

#[test]
fn counts_that_do_not_agree() {
    let counted = |nodes, edges| sentence(text(&header(META, nodes, edges), NODES, EDGES));
    assert_eq!(
        counted(1_000_000_000_000, 3),
        "snapshot.node_count promises 1000000000000 nodes, but the snapshot holds 3"
    );
    assert_eq!(
        counted(3, u64::MAX),
        "snapshot.edge_count promises 18446744073709551615 edges, but the snapshot holds 3"
    );
    for (edge_count, sum) in [("0", 2), ("2", 4)] {
        assert_eq!(
            sentence_with(&NODES.replace("24,1", &format!("24,{edge_count}")), EDGES),
            format!("the sum of all edge_count promises {sum} edges, but the snapshot holds 3")
        );
    }
    for edge_count in ["1000000000000", "4294967295"] {
        assert_eq!(
            sentence_with(&NODES.replace("24,1", &format!("24,{edge_count}")), EDGES),
            format!("wrong value in nodes[9]: an edge_count of {edge_count} is more than 32-bit numbers can count")
        );
    }
    assert_eq!(sentence(text(&header(META, 0, 0), "", "")), "the snapshot has no `nodes[0]`");
}

#[test]
fn wrong_meta() {
    let with = |old: &str, new: &str| {
        assert!(META.contains(old));
        sentence(text(&header(&META.replace(old, new), 3, 3), NODES, EDGES))
    };
    for field in ["self_size", "edge_count", "to_node"] {
        let sentence = with(&format!("\"{field}\""), "\"other\"");
        assert!(sentence.contains(&format!("_fields does not list `{field}`")), "{sentence}");
    }
    assert_eq!(
        with("[\"type\",\"name\"", "[\"tipe\",\"name\""),
        "the snapshot's meta data is unusable: node_fields does not list `type`"
    );
    for key in ["node_fields", "node_types", "edge_fields", "edge_types"] {
        assert_eq!(with(&format!("\"{key}\""), "\"other\""), format!("the snapshot has no `snapshot.meta.{key}`"));
        assert!(with(&format!("\"{key}\":"), &format!("\"{key}\":[],\"{key}\":")).contains("duplicate field"));
    }
    assert_eq!(
        with("[\"property\",\"weak\",\"something new\"]", "\"string\""),
        "the snapshot's meta data is unusable: edge_types[0] is not a list of type names"
    );
    assert!(with("[\"synthetic\",\"object\",\"something new\"]", "[]").contains("node_types[0] is not a list"));
    assert!(with("\"string_or_number\"", "7").contains("expected the name of a type or a list of names"));
    assert!(with("\"name_or_index\"", "null").contains("invalid type: null, expected a string"));
    let many = vec!["\"x\""; 257].join(",");
    assert!(with("\"synthetic\"", &many).contains("a list in meta has more than 256 entries"));

    let body = format!("\"nodes\":[{NODES}],\"edges\":[{EDGES}]");
    assert_eq!(sentence(format!("{{\"snapshot\":{{}},{body}}}")), "the snapshot has no `snapshot.meta`");
    assert_eq!(sentence(format!("{{{body}}}")), "the snapshot has no `snapshot`");
    assert!(sentence(format!("{{\"snapshot\":7,{body}}}")).contains("expected an object with the key `meta`"));
    assert_eq!(
        sentence(format!("{{\"snapshot\":{{\"meta\":{META},\"root_index\":4}},{body}}}")),
        "the snapshot's meta data is unusable: root_index 4 is not where one of the 3 nodes begins"
    );
}

#[test]
fn parts_that_are_missing_or_twice() {
    let header = header(META, 3, 3);
    for (missing, body) in [("nodes", format!("\"edges\":[{EDGES}]")), ("edges", format!("\"nodes\":[{NODES}]"))] {
        assert_eq!(sentence(format!("{{\"snapshot\":{header},{body}}}")), format!("the snapshot has no `{missing}`"));
        assert!(
            sentence(format!("{{\"snapshot\":{header},{body},\"{missing}\":{{}}}}"))
                .contains(&format!("expected `{missing}` to be an array of integers"))
        );
    }
    let whole = format!("\"snapshot\":{header},\"nodes\":[{NODES}],\"edges\":[{EDGES}]");
    for part in ["\"snapshot\":{}", "\"nodes\":[]", "\"edges\":[]"] {
        let twice = sentence(format!("{{{whole},{part}}}"));
        assert!(twice.ends_with("twice"), "{twice}");
        assert!(sentence(format!("{{{part},{part}}}")).len() > 10);
    }
}

#[test]
fn files_that_cannot_be_read() {
    let sentence = |path: &Path| read_path(path, DEFAULT_TEXT_LIMIT).expect_err("no such snapshot").to_string();
    let directory = std::env::temp_dir();
    assert_eq!(
        sentence(&directory),
        format!("{} is a directory, give the path of a .heapsnapshot file", directory.display())
    );
    let missing = Path::new("no such folder/x.heapsnapshot");
    assert!(sentence(missing).starts_with("cannot open the snapshot no such folder/x.heapsnapshot: "));
}

/// Each run reads its input again, so a pipe would give the first reader everything and the others nothing.
#[cfg(unix)]
#[test]
fn what_can_be_read_only_once_is_refused() {
    use std::os::fd::AsRawFd;
    let (reader, _writer) = io::pipe().expect("the system has pipes");
    // Without a writer's end to wait for, were it opened.
    let pipe = format!("/dev/fd/{}", reader.as_raw_fd());
    for path in [pipe.as_str(), "/dev/null"] {
        let sentence = read_path(Path::new(path), DEFAULT_TEXT_LIMIT).expect_err("not a file").to_string();
        assert!(sentence.starts_with(path) && sentence.ends_with("save it to a file and give that"), "{sentence}");
    }
}

#[test]
fn a_file_is_read_like_a_stream() {
    let path = std::env::temp_dir().join(format!("read-test-{}.heapsnapshot", std::process::id()));
    std::fs::write(&path, small()).expect("the folder for temporary files is writable");
    let graph = read_path(&path, DEFAULT_TEXT_LIMIT);
    std::fs::remove_file(&path).expect("it was just written");
    assert_eq!(graph.expect("it is right"), read(small().as_bytes()).expect("it is right"));
}

/// Gives one byte at a time, is interrupted before each, and fails at the end.
struct Unsteady<'a> {
    bytes: &'a [u8],
    interrupted: bool,
    end: Option<io::ErrorKind>,
}

impl Read for Unsteady<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match (self.bytes.split_first(), self.end) {
            (Some((byte, rest)), _) if !buffer.is_empty() => {
                buffer[0] = *byte;
                self.bytes = rest;
                Ok(1)
            }
            (None, Some(end)) => Err(end.into()),
            _ => Ok(0),
        }
    }
}

#[test]
fn streams_that_stutter_and_streams_that_fail() {
    let plain = small().into_bytes();
    let packed = gzip(&plain);
    let stream = |bytes, end| Unsteady { bytes, interrupted: false, end };
    let expected = read(&plain[..]).expect("it is right");
    for bytes in [&plain, &packed] {
        assert_eq!(read(stream(bytes, None)).expect("stuttering is allowed"), expected);
        for cut in [0, 1, 2, 5, bytes.len() - 1] {
            let error = read(stream(&bytes[..cut], Some(io::ErrorKind::TimedOut)));
            let sentence = error.expect_err("the stream fails").to_string();
            assert!(sentence.starts_with("reading the snapshot failed after "), "{sentence}");
        }
    }
}

#[test]
fn text_that_is_too_long() {
    let text = small();
    let limit = text.len() as u64;
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        assert!(read_with_limit(&bytes[..], limit).is_ok());
        for limit in [limit - 1, 100, 0] {
            assert_eq!(
                read_with_limit(&bytes[..], limit).expect_err("too long").to_string(),
                format!("the snapshot's text is longer than the limit of {limit} bytes; --snapshot-limit allows more")
            );
        }
    }
    // 8 MiB of text in 8 KiB: every shape that could grow in memory stops at the limit.
    for (head, repeated) in [
        ("", " "),
        ("{\"nodes\":[0", ",0"),
        ("{\"strings\":[0", ",0"),
        ("{\"strings\":\"", "x"),
        ("{\"strings\":", "["),
        ("{\"snapshot\":{\"meta\":{\"node_fields\":[\"\"", ",\"\""),
        ("{\"nodes\":", "["),
        ("{\"", "x"),
    ] {
        let mut bomb = head.as_bytes().to_vec();
        bomb.extend(repeated.bytes().cycle().take(8 << 20));
        let bomb = gzip(&bomb);
        assert!(bomb.len() < 32 << 10);
        let error = read_with_limit(&bomb[..], 4 << 20).expect_err("a bomb");
        assert!(matches!(error, SnapshotError::TooLong { .. } | SnapshotError::Json { .. }), "{error}");
    }
}

#[test]
fn a_compressed_file_cannot_take_much_more_memory_than_it_is_worth() {
    // 80 MiB of text in 80 KiB, below the limit on the text. The key would all be in memory.
    let bomb = gzip(&[b"{\"".to_vec(), vec![b'x'; 80 << 20]].concat());
    let error = read(&bomb[..]).expect_err("a bomb").to_string();
    assert!(error.contains("more than a hundredfold"), "{error}");
}

#[test]
fn a_field_that_is_needed_and_listed_twice_is_refused() {
    for (list, field, other) in [("node_fields", "type", "name"), ("edge_fields", "to_node", "name_or_index")] {
        let meta = META.replace(&format!("\"{other}\""), &format!("\"{field}\""));
        let sentence = sentence(text(&header(&meta, 3, 3), NODES, EDGES));
        assert!(sentence.contains(&format!("{list} lists twice `{field}`")), "{sentence}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    assert!(sentence(format!("{{\"trace_tree\":{deep}")).contains("cut off"));
    assert!(sentence(format!("{{\"nodes\":{deep}")).contains("invalid type: sequence"));
    assert!(sentence(format!("{{\"snapshot\":{{\"meta\":{{\"node_types\":{deep}")).contains("expected a string"));
    let closed = format!("{deep}{}", "]".repeat(1_000_000));
    let text = small().replacen('{', &format!("{{\"trace_tree\":{closed},"), 1);
    assert_eq!(read(text.as_bytes()).expect("deep is allowed").node_count(), 3);
}

/// What every user of a graph relies on.
fn check(graph: &SnapshotGraph) {
    let mut edges = 0;
    for node in 0..graph.node_count() {
        assert!(graph.targets(node).iter().all(|to| *to < graph.node_count()));
        assert_eq!(graph.edges(node).count(), graph.targets(node).len());
        assert!(!graph.type_name(node).contains('\u{0}'));
        edges += graph.targets(node).len();
    }
    assert_eq!(edges, graph.edge_count() as usize);
    assert!(graph.weak_edge_count() <= graph.edge_count());
}

fn try_read(bytes: &[u8]) -> bool {
    match read(bytes) {
        Ok(graph) => {
            check(&graph);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Numbers for mutations (xorshift64, Marsaglia 2003).
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

fn mutate(bytes: &mut Vec<u8>, state: &mut u64) {
    const PIECES: [&[u8]; 16] = [
        b"0",
        b"9",
        b",",
        b"-",
        b"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b".",
        b"e9",
        b":",
        b"\\",
        b"\n",
        b"null",
        b"18446744073709551615",
    ];
    for _ in 0..=random(state) % 3 {
        let at = random(state) % bytes.len();
        match random(state) % 5 {
            0 => bytes[at] = random(state) as u8,
            1 => bytes[at] ^= 1 << (random(state) % 8),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let piece = PIECES[random(state) % PIECES.len()];
                bytes.splice(at..at, piece.iter().copied());
            }
            _ => {
                let end = (at + random(state) % 40).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random(state) % bytes.len();
                bytes.splice(to..to, copy);
            }
        }
    }
}

#[test]
fn every_prefix_is_an_error() {
    let plain = small().into_bytes();
    let packed = gzip(&plain);
    // The newline at the end may be missing.
    for cut in 0..plain.len() - 1 {
        assert!(!try_read(&plain[..cut]));
    }
    for cut in 0..packed.len() {
        assert!(!try_read(&packed[..cut]));
    }
}

#[test]
fn mutations_do_not_panic() {
    let plain = small().into_bytes();
    let packed = gzip(&plain);
    let mut state = 0x5eed;
    let mut accepted = 0;
    for round in 0..60_000 {
        let mut bytes = if round % 4 == 0 { &packed } else { &plain }.clone();
        mutate(&mut bytes, &mut state);
        accepted += u32::from(try_read(&bytes));
    }
    assert!((1_000..40_000).contains(&accepted), "{accepted} mutants are snapshots");
}

#[test]
fn the_real_snapshot_cut_and_mutated_does_not_panic() {
    let mut plain = Vec::new();
    MultiGzDecoder::new(builtin()).read_to_end(&mut plain).expect("the fixture is whole");
    let mut state = 0xfeed;
    for _ in 0..5 {
        assert!(!try_read(&plain[..random(&mut state) % (plain.len() - 2)]));
        assert!(!try_read(&builtin()[..random(&mut state) % builtin().len()]));
        for bytes in [&plain[..], builtin()] {
            let mut bytes = bytes.to_vec();
            mutate(&mut bytes, &mut state);
            try_read(&bytes);
        }
    }
}

#[test]
fn whole_numbers_may_be_written_as_other_programs_do() {
    let right = read(small().as_bytes()).expect("it is right");
    for (value, written) in [("24", "24.0"), ("24", "2.4e1"), ("24", "240e-1"), ("8,0", "8,-0"), ("8,0", "8.0,0.0")] {
        let nodes = NODES.replace(value, written);
        let graph = read(text(&header(META, 3, 3), &nodes, EDGES).as_bytes());
        assert_eq!(graph.expect(written), right, "{written}");
    }
    let counts = small().replace("\"node_count\":3", "\"node_count\":3.0");
    assert_eq!(read(counts.as_bytes()).expect("the count is whole"), right);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let right = read(small().as_bytes()).expect("it is right");
    let marked = ["\u{feff}", &small()].concat();
    assert_eq!(read(marked.as_bytes()).expect("plain"), right);
    assert_eq!(read(&gzip(marked.as_bytes())[..]).expect("compressed"), right);
}

#[test]
fn keys_that_are_no_text_are_skipped_wherever_they_stand() {
    let right = read(small().as_bytes()).expect("it is right");
    for place in ["\"nodes\":", "\"node_count\":", "\"edge_fields\":"] {
        let with_key = small().replace(place, &format!("\"\\udc00\":1,{place}"));
        assert_eq!(read(with_key.as_bytes()).expect(place), right, "{place}");
    }
}

#[test]
fn old_versions_of_v8_write_symbols_without_listing_them() {
    let names = |count: usize| {
        let others = (1..count).map(|n| format!(",\"type {n}\"")).collect::<String>();
        META.replace("\"synthetic\",\"object\",\"something new\"", &format!("\"hidden\"{others}"))
    };
    let with = |meta: &str, kind: &str| {
        let nodes = NODES.replace("2,2,5", &format!("{kind},2,5"));
        read(text(&header(meta, 3, 3), &nodes, EDGES).as_bytes())
    };
    assert_eq!(with(&names(12), "12").expect("a symbol").type_name(2), "symbol");
    assert_eq!(with(&names(13), "13").expect("a large integer").type_name(2), "bigint");
    for (count, kind) in [(12, "13"), (11, "12"), (11, "11"), (14, "14")] {
        let error = with(&names(count), kind).expect_err("nobody wrote that").to_string();
        assert!(error.contains(&format!("type {kind} is not one of the {count} types")), "{error}");
    }
    // Another writer's list says what it says.
    assert!(with(&names(12).replace("hidden", "other"), "12").is_err());
}

#[test]
fn the_root_may_be_any_node() {
    let with_root = small().replace("\"node_count\":3", "\"root_index\":5,\"node_count\":3");
    let graph = read(with_root.as_bytes()).expect("node 1");
    assert_eq!(graph.root(), 1);
    let model = super::Model::new(graph);
    // Node 1 leads to node 0, a list of roots, which leads back to it, and to node 2 by an edge that is weak.
    assert_eq!((model.objects().collect::<Vec<_>>(), model.roots().len()), (vec![2], 0));
}

#[test]
fn formats_that_are_not_read_are_named() {
    let utf16 = |text: &str, little: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    };
    let marked = ["\u{feff}", &small()].concat();
    let zeros = [0; 100];
    for (input, name) in [
        (utf16(&marked, true), "UTF-16"),
        (utf16(&marked, false), "UTF-16"),
        (utf16(&small(), true), "UTF-16"),
        (gzip(&utf16(&marked, true)), "UTF-16"),
        ([&[0x28, 0xb5, 0x2f, 0xfd], &zeros[..]].concat(), "zstd"),
        ([&[0xfd, b'7', b'z', b'X', b'Z', 0], &zeros[..]].concat(), "xz"),
        ([b"BZh9", &zeros[..]].concat(), "bzip2"),
        ([b"PK\x03\x04", &zeros[..]].concat(), "zip archive"),
        ([b"JAVA PROFILE 1.0.2\0", &zeros[..]].concat(), "HPROF"),
        (
            br#"{"version":3,"type":"Inspector","nodes":[0,0,1,0],"nodeClassNames":["<root>"],"edges":[]}"#.to_vec(),
            "Bun",
        ),
    ] {
        let sentence = sentence(&input);
        assert!(sentence.starts_with("this is ") && sentence.contains(name), "{name}: {sentence}");
    }
}
