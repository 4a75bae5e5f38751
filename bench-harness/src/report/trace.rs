//! A trace for Perfetto: each run as a process, with its pauses as slices and its memory as counters.
//!
//! | track | what is on it |
//! |---|---|
//! | `program` | one slice, `run`: from the beginning of the run to its end |
//! | `pauses` | a slice for each pause, named after what it did; several that the [`Timeline`] fused are one, and say so |
//! | `heap bytes` | what the heaps hold, before and after each pause |
//! | `live bytes` | what a collection found alive, after each that looked |
//!
//! A counter keeps its value until the next; at the end of the run the heaps are gone, and both are 0.
//!
//! All runs begin at 0, so that those of one program stand below each other to be compared.
//!
//! The form is the JSON of trace events (Duca and Sinclair, "Trace Event Format", 2016), which Perfetto,
//! `chrome://tracing` and Speedscope open, and a person reads. Perfetto's own packets would be smaller, for a schema to
//! carry along; and they could hold the heap graph, which JSON cannot. That is left to the snapshots that developer
//! tools open ([`heap_core::Heap::dump`]): a graph as it was at one moment is not a matter of time.
//!
//! What Perfetto's reader asks for, and no document says: a thread's number stands for it in the whole file, so none is
//! used twice; an event without one makes a thread of the process's number, so counters stand on the program's, which
//! has that; slices of one thread must nest, so pauses do not share a thread with the run, whose clock is another.

use serde_json::{Value, json};

use crate::contestants::meter::timeline::{Span, Timeline};
use crate::record::Record;

/// The trace of these runs; those that measured nothing are left out.
pub(super) fn trace(records: &[Record]) -> String {
    let events: Vec<Value> = (1..).zip(records).flat_map(|(pid, record)| run(pid, records.len(), record)).collect();
    json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string()
}

/// The events of one of so many runs, numbered from 1.
fn run(pid: usize, runs: usize, record: &Record) -> Vec<Value> {
    let (wall, timeline) = (record.measurement.wall_ns, &record.measurement.timeline);
    if wall.is_none() && timeline.is_none() {
        return Vec::new();
    }
    let (program, pauses) = (pid, runs + pid);
    let name = |kind: &str, tid: usize, name: &str| json!({"ph": "M", "pid": pid, "tid": tid, "name": kind, "args": {"name": name}});
    let process = format!("{}, {} #{}", record.key.program, record.key.contestant.label(), record.invocation);
    let mut events = vec![name("process_name", program, &process), name("thread_name", program, "program")];
    if let Some(wall) = wall {
        let dur = microseconds(wall);
        events.push(json!({"ph": "X", "pid": pid, "tid": program, "cat": "run", "name": "run", "ts": 0.0, "dur": dur}));
    }
    let spans = timeline.as_ref().map_or(&[][..], Timeline::spans);
    if !spans.is_empty() {
        events.push(name("thread_name", pauses, "pauses"));
    }
    let counter = |name: &str, at: u64, bytes: Option<u64>| {
        let ts = microseconds(at);
        bytes.map(
            |bytes| json!({"ph": "C", "pid": pid, "tid": program, "name": name, "ts": ts, "args": {"bytes": bytes}}),
        )
    };
    for span in spans {
        events.push(slice(pid, pauses, span));
        events.extend(counter("heap", span.start_ns, span.held_before));
        events.extend(counter("heap", span.end_ns(), span.held_after));
        events.extend(counter("live", span.end_ns(), span.live));
    }
    let held = spans.iter().any(|span| span.held_before.or(span.held_after).is_some());
    let lived = spans.iter().any(|span| span.live.is_some());
    for name in [held.then_some("heap"), lived.then_some("live")].into_iter().flatten() {
        events.extend(wall.and_then(|end| counter(name, end, Some(0))));
    }
    events
}

/// A pause, or several.
fn slice(pid: usize, tid: usize, span: &Span) -> Value {
    let mut args = json!({});
    if span.pauses > 1 {
        args["pauses"] = span.pauses.into();
        args["paused_us"] = microseconds(span.paused_ns).into();
    }
    for (name, bytes) in
        [("heap_bytes_before", span.held_before), ("heap_bytes_after", span.held_after), ("live_bytes", span.live)]
    {
        if let Some(bytes) = bytes {
            args[name] = bytes.into();
        }
    }
    let (ts, dur) = (microseconds(span.start_ns), microseconds(span.length_ns));
    json!({"ph": "X", "pid": pid, "tid": tid, "cat": "gc", "name": span.kind, "ts": ts, "dur": dur, "args": args})
}

/// The unit of the format. Three decimals are kept, up to eleven days: a double has 53 bits.
fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::meter::timeline::PauseKind;
    use crate::record::tests::sample;
    use std::collections::BTreeMap;

    fn events(records: &[Record]) -> Vec<Value> {
        let value: Value = serde_json::from_str(&trace(records)).unwrap();
        value["traceEvents"].as_array().unwrap().clone()
    }

    fn of<'e>(events: &'e [Value], phase: &str) -> Vec<&'e Value> {
        events.iter().filter(|event| event["ph"] == phase).collect()
    }

    fn records() -> Vec<Record> {
        let mut with_pauses = sample("rings", "marksweep", 1, 10.0);
        let mut timeline = Timeline::default();
        let pause = Span::pause(1_000_001, 500_002, PauseKind::Full);
        timeline.push(Span { held_before: Some(2000), held_after: Some(1000), live: Some(900), ..pause });
        timeline.push(Span { pauses: 3, paused_ns: 1_000, ..Span::pause(2_000_000, 4_000, PauseKind::Mixed) });
        with_pauses.measurement.timeline = Some(timeline);
        let without = sample("rings", "generational", 1, 20.0);
        let mut without_anything = sample("rings", "refcount", 1, 20.0);
        without_anything.measurement = crate::record::Measurement::default();
        vec![without_anything, with_pauses, without]
    }

    #[test]
    fn pauses_are_slices_and_memory_is_counted() {
        let events = events(&records());
        let slices: Vec<_> = of(&events, "X")
            .into_iter()
            .map(|e| (e["pid"].as_u64(), e["name"].as_str().unwrap(), e["ts"].to_string(), e["dur"].to_string()))
            .collect();
        assert_eq!(
            slices,
            [
                (Some(2), "run", "0.0".to_owned(), "10000.0".to_owned()),
                (Some(2), "full", "1000.001".to_owned(), "500.002".to_owned()),
                (Some(2), "mixed", "2000.0".to_owned(), "4.0".to_owned()),
                (Some(3), "run", "0.0".to_owned(), "20000.0".to_owned()),
            ]
        );
        let pause = of(&events, "X")[1];
        assert_eq!(pause["args"], json!({"heap_bytes_before": 2000, "heap_bytes_after": 1000, "live_bytes": 900}));
        assert_eq!(of(&events, "X")[2]["args"], json!({"pauses": 3, "paused_us": 1.0}));
        let counters: Vec<_> = of(&events, "C")
            .into_iter()
            .map(|e| (e["name"].as_str().unwrap(), e["ts"].to_string(), e["args"]["bytes"].as_u64().unwrap()))
            .collect();
        let expected = [
            ("heap", "1000.001", 2000),
            ("heap", "1500.003", 1000),
            ("live", "1500.003", 900),
            ("heap", "10000.0", 0),
            ("live", "10000.0", 0),
        ];
        assert_eq!(counters, expected.map(|(name, at, bytes)| (name, at.to_owned(), bytes)));
    }

    /// What Perfetto's reader asks for.
    #[test]
    fn every_thread_has_a_name_and_a_number_of_its_own() {
        let events = events(&records());
        let mut processes = BTreeMap::new();
        let mut threads = BTreeMap::new();
        for event in of(&events, "M") {
            let (pid, tid) = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            let name = event["args"]["name"].as_str().unwrap().to_owned();
            let before = match event["name"].as_str().unwrap() {
                "process_name" => processes.insert(pid, name),
                "thread_name" => threads.insert(tid, (pid, name)).map(|(_, name)| name),
                other => panic!("{other}"),
            };
            assert_eq!(before, None);
        }
        assert_eq!(processes[&2], "rings, marksweep #1");
        for event in events.iter().filter(|event| event["ph"] != "M") {
            let (pid, tid) = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            assert!(processes.contains_key(&pid), "{event}");
            assert_eq!(threads[&tid].0, pid, "{event}");
            assert!(event["ph"] == "X" || threads[&tid].1 == "program", "{event}");
        }
    }
}
