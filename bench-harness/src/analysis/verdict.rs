//! What makes a comparison fail, rather than merely have results.
//!
//! Two things: a wrong answer or none, from whomever, and a collector of ours that did not end properly. Running out of a
//! heap limit is a result, so is a peer that crashes or cannot run a workload.

use crate::analysis::summary;
use crate::contestants::Kind;
use crate::record::{Checksum, Record, Status};
use crate::text::names;
use crate::workloads::program::Program;

/// Every reason to fail, as sentences; none if all is well. The disagreements are among them.
#[must_use]
pub fn complaints(records: &[Record]) -> Vec<String> {
    let mut complaints = disagreements(records);
    for record in records {
        if record.measurement.status == Status::Ok && record.measurement.checksum.is_none() {
            let Record { workload, invocation, .. } = record;
            complaints
                .push(format!("{} finished {workload} (invocation {invocation}) without a checksum", record.label()));
        }
        if record.kind != Kind::Peer && is_failure(&record.measurement.status) {
            let Record { collector, workload, invocation, .. } = record;
            let how = summary::explain(record);
            complaints.push(format!("{collector} did not finish {workload} (invocation {invocation}): {how}"));
        }
    }
    complaints
}

fn is_failure(status: &Status) -> bool {
    match status {
        Status::Ok | Status::OutOfMemory | Status::Unsupported => false,
        Status::Failed | Status::NoInput | Status::Timeout | Status::StackOverflow | Status::Crashed(_) => true,
    }
}

/// Who computed a checksum.
struct Answer {
    checksum: Checksum,
    who: Vec<String>,
}

/// One sentence per workload on which not all checksums are equal, naming every value and who computed it.
#[must_use]
pub fn disagreements(records: &[Record]) -> Vec<String> {
    let mut programs: Vec<(&str, &str)> = Vec::new();
    for record in records {
        let program = (record.workload.as_str(), record.size.as_str());
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs.into_iter().filter_map(|(workload, size)| disagreement(records, workload, size)).collect()
}

fn disagreement(records: &[Record], workload: &str, size: &str) -> Option<String> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut add = |checksum: Checksum, who: String| match answers.iter_mut().find(|a| a.checksum == checksum) {
        Some(answer) if answer.who.contains(&who) => {}
        Some(answer) => answer.who.push(who),
        None => answers.push(Answer { checksum, who: vec![who] }),
    };
    let mut real = false;
    for record in records.iter().filter(|record| record.workload == workload && record.size == size) {
        if record.measurement.status == Status::Ok
            && let Some(checksum) = record.measurement.checksum
        {
            real |= record.kind != Kind::Fault;
            add(checksum, record.collector.clone());
        }
    }
    if real && let Some(expected) = expected(workload, size) {
        add(expected, "the reference".to_owned());
    }
    if answers.len() < 2 {
        return None;
    }
    // Rare answers first: they are the suspects.
    answers.sort_by_key(|answer| answer.who.len());
    let listed: Vec<_> = answers.iter().map(|a| format!("{} by {}", a.checksum, a.who.join(", "))).collect();
    Some(format!("checksums disagree on {workload} (size {size}): {}", listed.join("; ")))
}

/// The checksum that the definition of a workload promises.
fn expected(workload: &str, size: &str) -> Option<Checksum> {
    Program::from_name(workload).ok()?.expected(names::find(size).ok()?).map(Checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measurement;
    use crate::record::tests::sample;
    use crate::workloads::Size;

    fn with_checksum(collector: &str, invocation: u32, checksum: u64) -> Record {
        let mut record = sample("made-up", collector, invocation, 10.0);
        record.measurement.checksum = Some(Checksum(checksum));
        record
    }

    fn with_status(kind: Kind, status: Status) -> Record {
        let measurement = Measurement { status, ..Measurement::default() };
        Record { kind, measurement, ..sample("made-up", "x", 1, 10.0) }
    }

    #[test]
    fn agreement_is_silent() {
        let records = [with_checksum("a", 1, 7), with_checksum("b", 1, 7), with_checksum("a", 2, 7)];
        assert!(complaints(&records).is_empty());
    }

    #[test]
    fn disagreement_names_every_value_and_the_minority_first() {
        let records = [with_checksum("a", 1, 7), with_checksum("b", 1, 0xabcd), with_checksum("c", 1, 7)];
        let complaints = complaints(&records);
        assert_eq!(
            complaints,
            ["checksums disagree on made-up (size default): 000000000000abcd by b; 0000000000000007 by a, c"]
        );
    }

    #[test]
    fn a_collector_can_disagree_with_itself() {
        let records = [with_checksum("a", 1, 7), with_checksum("a", 2, 8)];
        assert_eq!(complaints(&records).len(), 1);
    }

    #[test]
    fn other_sizes_and_failed_runs_do_not_vote() {
        let large = Record { size: "large".to_owned(), ..with_checksum("a", 1, 8) };
        let mut limited = with_checksum("a", 2, 9);
        limited.measurement.status = Status::OutOfMemory;
        assert!(complaints(&[with_checksum("a", 1, 7), large, limited]).is_empty());
    }

    #[test]
    fn a_wrong_answer_is_noticed_even_if_everybody_gives_it() {
        for program in Program::all() {
            let expected = program.expected(Size::Small).unwrap();
            let mut record = Record { size: "small".to_owned(), ..sample(&program.to_string(), "a", 1, 10.0) };
            record.measurement.checksum = Some(Checksum(expected));
            assert!(complaints(&[record.clone()]).is_empty());
            record.measurement.checksum = Some(Checksum(!expected));
            assert!(complaints(&[record])[0].contains("by the reference"), "{program}");
        }
    }

    #[test]
    fn success_without_an_answer_is_none() {
        for kind in [Kind::Collector, Kind::Peer] {
            let complaints = complaints(&[with_status(kind, Status::Ok)]);
            assert!(complaints[0].ends_with("finished made-up (invocation 1) without a checksum"), "{complaints:?}");
        }
    }

    #[test]
    fn our_crashes_count_and_those_of_peers_do_not() {
        let crash = Status::Crashed("SIGSEGV".to_owned());
        for status in [crash, Status::StackOverflow, Status::Timeout, Status::Failed, Status::NoInput] {
            assert_eq!(complaints(&[with_status(Kind::Collector, status.clone())]).len(), 1, "{status}");
            assert!(complaints(&[with_status(Kind::Peer, status)]).is_empty());
        }
        for status in [Status::OutOfMemory, Status::Unsupported] {
            assert!(complaints(&[with_status(Kind::Collector, status)]).is_empty());
        }
    }
}
