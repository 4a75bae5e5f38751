//! The small dump of `sample`, which has everything that the format has; and every way to be wrong.

use std::io::Write;

use super::super::source::DEFAULT_TEXT_LIMIT;
use super::super::{Edge, SnapshotError, SnapshotGraph, read_path};
use super::sample::{Dump, NODE, OBJECT, classes, head, node, whole};

fn read(bytes: &[u8]) -> Result<SnapshotGraph, SnapshotError> {
    let mut file = tempfile::NamedTempFile::new().expect("the folder for temporary files is writable");
    file.write_all(bytes).expect("it is writable");
    read_path(file.path(), DEFAULT_TEXT_LIMIT)
}

#[test]
fn everything_that_the_format_has() {
    for wide in [true, false] {
        let graph = read(&whole(wide)).unwrap();
        let width = if wide { 8 } else { 4 };
        // The root; three instances; five classes; an array of references, two of numbers.
        assert_eq!(graph.node_count(), 12);
        let kinds: Vec<_> = (0..12).map(|node| graph.type_name(node)).collect();
        assert_eq!(kinds[..5], ["synthetic", "object", "object", "object", "class"]);
        assert_eq!(kinds[9..], ["array", "buffer", "buffer"]);
        let [a, weak, soft, object, reference, weak_class, soft_class, node_class, array, buffer, _] =
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        assert_eq!(graph.targets(0), [array, buffer, node_class, a, object, buffer]);
        // What is not in the file is left out, and a field of that name elsewhere is a field.
        assert_eq!(graph.edges(a).collect::<Vec<_>>(), [Edge { to: weak, weak: false }]);
        assert_eq!(graph.edges(weak).map(|e| (e.to, e.weak)).collect::<Vec<_>>(), [(a, true), (soft, false)]);
        assert_eq!(graph.edges(soft).map(|e| (e.to, e.weak)).collect::<Vec<_>>(), [(array, false)]);
        assert_eq!(graph.targets(node_class), [a, object]);
        assert_eq!((graph.targets(soft_class), graph.targets(weak_class)), (&[reference][..], &[reference][..]));
        assert_eq!(graph.targets(array), [a, buffer]);
        assert_eq!((graph.self_size(a), graph.self_size(weak)), (16 + 7 + 2 * width, 16 + 2 * width));
        assert_eq!((graph.self_size(array), graph.self_size(buffer)), (16 + 3 * width, 16 + 10));
        assert_eq!((graph.self_size(11), graph.self_size(node_class)), (16 + 8_000, 16 + 1 + width));
    }
}

#[test]
fn compressed_too() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&whole(true)).unwrap();
    assert_eq!(read(&encoder.finish().unwrap()).unwrap(), read(&whole(true)).unwrap());
}

#[test]
fn every_prefix_is_an_error_that_says_where() {
    let bytes = whole(true);
    for cut in 16..bytes.len() - 9 {
        let sentence = read(&bytes[..cut]).expect_err("cut off").to_string();
        assert!(sentence.contains("cut off") || sentence.contains("without objects"), "{cut}: {sentence}");
    }
}

#[test]
fn wrong_in_many_ways() {
    let sentence = |make: &dyn Fn(&mut Dump)| {
        let mut dump = head(true);
        make(&mut dump);
        let error = read(&dump.bytes).expect_err("it is wrong");
        assert!(!error.to_string().contains('\n'));
        error.to_string().replace("the heap dump of the Java machine (HPROF) is wrong at byte ", "")
    };
    let heap = |make: &dyn Fn(&mut Dump)| {
        let begin = {
            let mut dump = head(true);
            dump.u1(0).u4(0).u4(0);
            dump.bytes.len()
        };
        let sentence = sentence(&|dump| {
            dump.record(0x0C, |dump| make(dump));
        });
        let (byte, problem) = sentence.split_once(": ").unwrap();
        format!("{}: {problem}", byte.parse::<usize>().unwrap() - begin)
    };
    assert_eq!(sentence(&|_| {}), "the snapshot has no `heap dump (an HPROF without objects)`");
    let unknown = heap(&|dump| {
        dump.u1(0x77).u4(0);
    });
    assert_eq!(unknown, "0: there is no kind of object or root 0x77");
    let twice = heap(&|dump| {
        classes(dump);
        dump.class(OBJECT, 0, &[], &[]);
    });
    assert!(twice.ends_with(": a class 0x100 is there twice, or null"), "{twice}");
    let no_class = heap(&|dump| node(dump, 0x200, 0, 0));
    assert!(no_class.ends_with("its class, or one above it, 0x140, is not in the file"), "{no_class}");
    let short = heap(&|dump| {
        classes(dump);
        dump.instance(0x200, NODE, |dump| {
            dump.u4(1);
        });
    });
    assert!(short.ends_with("it has 4 bytes of fields, its class 0x140 has 23"), "{short}");
    let circle = heap(&|dump| {
        dump.class(1, 2, &[], &[]).class(2, 1, &[], &[]);
        dump.instance(3, 1, |_| {});
    });
    assert!(circle.ends_with("its class 0x1 has more than 1000 above it"), "{circle}");
    let no_type = heap(&|dump| {
        dump.class(1, 0, &[], &[(1, 3)]);
    });
    assert!(no_type.ends_with("in a class: there is no type 3"), "{no_type}");
    let huge = heap(&|dump| {
        dump.u1(0x22).id(1).u4(0).u4(u32::MAX).id(2).id(3);
    });
    assert!(huge.ends_with("it is cut off, inside an array of objects"), "{huge}");
    let beyond = sentence(&|dump| {
        dump.record(0x0C, |dump| {
            dump.u1(0xFF).id(1);
        });
        let length = dump.bytes.len() - 10;
        dump.bytes[length] -= 1;
    });
    assert!(beyond.ends_with("a root reaches beyond the piece of the heap that it is in"), "{beyond}");
    let mut width = head(true).bytes;
    width[22] = 5;
    let sentence = read(&width).expect_err("five bytes").to_string();
    assert!(sentence.ends_with("at byte 23: identifiers are said to have 5 bytes, not 4 or 8"), "{sentence}");
}
