//! A heap dump as text: its figures, and what a collector will find hard about it.

use crate::snapshot::portrait::{Amount, COUNTED, MANY, Notable, Portrait, Spread};
use crate::text::format::{bytes, count, percent, ratio, wrap};

/// The widest line.
const WIDTH: usize = 80;

/// A heap in which the farthest object is so many references away is deep: recursion would overflow a small stack.
const DEEP: usize = 1_000;

/// Of this share on, something is worth a sentence.
const WORTH: f64 = 0.01;

/// Everything there is to say.
#[must_use]
pub fn render(name: &str, heap: &Portrait) -> String {
    let mut text = format!("{name}\n\n");
    for (topic, figures) in topics(heap) {
        let lines = figures.iter().flat_map(|figure| wrap(figure, WIDTH - 15));
        for (line, figure) in lines.enumerate() {
            let topic = if line == 0 { topic } else { "" };
            text.push_str(&format!("  {topic:<12} {figure}\n"));
        }
    }
    text.push_str("\nWhat a collector will find hard about it\n\n");
    let findings = findings(heap);
    if findings.is_empty() {
        text.push_str("  Nothing that would stand out.\n");
    }
    for finding in findings {
        for (line, words) in wrap(&finding, WIDTH - 4).iter().enumerate() {
            text.push_str(if line == 0 { "  - " } else { "    " });
            text.push_str(words);
            text.push('\n');
        }
    }
    text
}

fn topics(heap: &Portrait) -> Vec<(&'static str, Vec<String>)> {
    let mut topics = vec![("alive", vec![amount(heap.alive)])];
    if heap.dead.objects > 0 {
        topics.push(("not alive", vec![amount(heap.dead) + ", which nothing strong leads to"]));
    }
    let per_object = heap.references as f64 / heap.alive.objects.max(1) as f64;
    topics.push((
        "references",
        vec![
            format!("{} strong ({} an object), {} weak", count(heap.references), ratio(per_object), count(heap.weak)),
            format!("{} from roots", count(heap.roots)),
        ],
    ));
    let spreads = [("size", &heap.sizes, true), ("out of each", &heap.out, false), ("to each", &heap.into, false)];
    topics.extend(spreads.into_iter().filter_map(|(name, spread, in_bytes)| {
        spread.as_ref().map(|spread| (name, vec![of_spread(spread, in_bytes)]))
    }));
    if heap.alive.objects > 0 {
        topics.push((
            "no reference",
            vec![format!("{} ({} of the bytes)", amount(heap.leaves), share(heap.leaves, heap))],
        ));
        topics.push(("depth", vec![depth(heap)]));
        topics.push(("circles", circles(heap)));
        topics.push((
            "held alone",
            vec![format!("{} hang on no single other one", objects(heap.independent))]
                .into_iter()
                .chain(heap.retainers.iter().map(|top| format!("{} with {}", bytes(top.value), notable(top))))
                .collect(),
        ));
        topics.push((
            "kinds",
            heap.kinds.iter().map(|(name, own)| format!("{} {}", shown(name), amount(*own))).collect(),
        ));
    }
    topics
}

fn objects(number: u64) -> String {
    format!("{} object{}", count(number), if number == 1 { "" } else { "s" })
}

fn amount(amount: Amount) -> String {
    format!("{}, {}", objects(amount.objects), bytes(amount.bytes))
}

fn share(part: Amount, heap: &Portrait) -> String {
    format!("{} %", percent(part.bytes as f64 / heap.alive.bytes.max(1) as f64))
}

/// A name from a file: short, and nothing that a terminal obeys.
fn shown(name: &str) -> String {
    name.chars().take(24).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn notable(notable: &Notable) -> String {
    format!("node {} ({}, itself {})", notable.node, shown(&notable.kind), bytes(notable.bytes))
}

fn of_spread(spread: &Spread, in_bytes: bool) -> String {
    let Spread { median, most, largest } = spread;
    let figure = |value: u64| if in_bytes { bytes(value) } else { count(value) };
    let name = shown(&largest.kind);
    let (median, most, value) = (figure(*median), figure(*most), figure(largest.value));
    format!("median {median}, 99 % up to {most}, most {value} (node {}, {name})", largest.node)
}

fn depth(heap: &Portrait) -> String {
    let widest = heap.levels.iter().max().copied().unwrap_or(0);
    format!("{} references to the farthest object; at most {} at one depth", count(heap.depth() as u64), count(widest))
}

fn circles(heap: &Portrait) -> Vec<String> {
    if heap.knots == 0 {
        return vec!["none".to_owned()];
    }
    vec![
        format!("{} in {} connected parts", amount(heap.entangled), count(heap.knots)),
        format!("largest part {}", amount(heap.largest_knot)),
    ]
}

/// What follows for collectors, most important first.
fn findings(heap: &Portrait) -> Vec<String> {
    let mut findings = Vec::new();
    let alive = heap.alive.objects.max(1) as f64;
    let of_bytes = |amount: Amount| amount.bytes as f64 / heap.alive.bytes.max(1) as f64;
    if heap.depth() >= DEEP {
        findings.push(format!(
            "It is deep: the farthest object is {} references away from a root. A collector that recursed would overflow \
             its stack.",
            count(heap.depth() as u64)
        ));
    }
    if heap.alive.objects > 0 && heap.speedup(8) < 4.0 {
        findings.push(format!(
            "Most of it can only be marked one object after the other: eight threads are at best {} times as fast as one.",
            ratio(heap.speedup(8))
        ));
    }
    let entangled = heap.entangled.objects as f64 / alive;
    if entangled >= WORTH {
        findings.push(format!(
            "{} % of the objects are in circles ({}). Counting alone never frees those; with a search for circles it looks \
             at them again and again.",
            percent(entangled),
            bytes(heap.entangled.bytes)
        ));
    }
    if heap.largest_knot.objects as f64 / alive >= 0.1 {
        findings.push(format!(
            "{} all reach each other: none of them dies before the last reference from outside is gone, and then all \
             do at once.",
            objects(heap.largest_knot.objects)
        ));
    }
    if heap.knots == 0 && heap.alive.objects > 0 {
        findings.push("There are no circles: counting alone frees everything in time.".to_owned());
    }
    if let Some(top) = heap.retainers.first().filter(|top| top.value as f64 >= 0.25 * heap.alive.bytes as f64) {
        findings.push(format!(
            "{} % of the bytes hang on node {}. When it goes, all of it dies at once: counting frees that object by object, \
             tracing does not look at it.",
            percent(top.value as f64 / heap.alive.bytes.max(1) as f64),
            top.node
        ));
    }
    if heap.wide.objects > 0 {
        findings.push(format!(
            "{} with {} references or more ({} in all): one write to such an object must not cost a look at all of \
             it: that takes cards.",
            objects(heap.wide.objects),
            count(u64::from(MANY)),
            bytes(heap.wide.bytes)
        ));
    }
    if heap.popular > 0 {
        findings.push(format!(
            "More than {} references lead to each of {}: such counts do not fit the header, and gc-refcount keeps \
             them in a table.",
            count(u64::from(COUNTED)),
            objects(heap.popular)
        ));
    }
    if of_bytes(heap.leaves) >= 0.5 && heap.alive.objects > 0 {
        findings.push(format!(
            "{} % of the bytes are in objects without references: marking passes over them, copying moves them.",
            percent(of_bytes(heap.leaves))
        ));
    }
    let mean = heap.alive.bytes as f64 / alive;
    if heap.alive.objects > 0 && mean < 40.0 {
        findings.push(format!(
            "The objects are small, {} bytes on average: a header of 8 bytes is {} % of that.",
            ratio(mean),
            percent(8.0 / mean.max(8.0))
        ));
    }
    if heap.dead.objects as f64 / alive >= WORTH {
        findings.push(format!("The first collection frees {}: nothing strong leads there.", amount(heap.dead)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot;

    #[test]
    fn the_heap_of_a_node_program() {
        let text = render("snapshot", &Portrait::of(snapshot::read(snapshot::builtin()).unwrap()));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        for expected in ["  alive        122,5", "7,628 weak", "  circles      ", "Counting alone never frees"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn a_list_is_hard_in_another_way_than_a_table() {
        let list = |edges: &str, nodes: &str| {
            let text = format!(
                r#"{{"snapshot":{{"meta":{{"node_fields":["type","self_size","edge_count"],"node_types":[["a\u001b[1m"]],
                "edge_fields":["type","to_node"],"edge_types":[["b"]]}}}},"nodes":[{nodes}],"edges":[{edges}]}}"#
            );
            render("x", &Portrait::of(snapshot::read(text.as_bytes()).unwrap()))
        };
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let count = 20_000;
        let nodes = "0,24,1,".repeat(count) + "0,24,0";
        let edges: Vec<_> = (1..=count).map(|to| format!("0,{}", 3 * to)).collect();
        let deep = flat(&list(&edges.join(","), &nodes));
        assert!(deep.contains("It is deep: the farthest object is 20,000 references away"), "{deep}");
        assert!(deep.contains("eight threads are at best 1.00 times as fast"), "{deep}");
        assert!(!deep.contains('\u{1b}'), "{deep}");
        let nodes = format!("0,0,1,0,160000,{},{}", count - 1, vec!["0,24,0"; count - 1].join(","));
        let edges: Vec<_> = (1..=count).map(|to| format!("0,{}", 3 * to)).collect();
        let wide = flat(&list(&edges.join(","), &nodes));
        assert!(wide.contains("that takes cards") && !wide.contains("It is deep"), "{wide}");
        assert!(wide.contains("There are no circles"), "{wide}");
        assert!(list("", "0,0,0").contains("Nothing that would stand out"));
    }
}
