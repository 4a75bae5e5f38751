//! What makes a comparison fail, rather than merely have results.
//!
//! Three things: a wrong answer or none, from whomever; a collector of ours that did not end properly; and a program
//! that nobody finished, because then nothing was compared. That one of several runs out of memory is a result, so is a
//! peer or another language that crashes, takes too long or cannot run a workload.

use crate::analysis::summary;
use crate::contestants::Kind;
use crate::record::key::Key;
use crate::record::{Checksum, Record, Status};
use crate::workloads::Size;
use crate::workloads::program::Program;

/// Every reason to fail, as sentences; none if all is well. The disagreements are among them.
#[must_use]
pub fn complaints(records: &[Record]) -> Vec<String> {
    let mut complaints = disagreements(records);
    for record in records {
        let is_ours = record.key.contestant.kind() != Kind::External;
        if is_ours && record.measurement.status == Status::Ok && record.measurement.checksum.is_none() {
            let (Key { program, contestant, .. }, invocation) = (&record.key, record.invocation);
            let label = contestant.label();
            complaints.push(format!("{label} finished {program} (invocation {invocation}) without a checksum"));
        }
        if is_complained_of(record) {
            let (Key { program, contestant, .. }, invocation) = (&record.key, record.invocation);
            let (name, how) = (contestant.name(), summary::explain(record));
            complaints.push(format!("{name} did not finish {program} (invocation {invocation}): {how}"));
        }
    }
    complaints.extend(unfinished(records));
    complaints
}

/// One sentence per program that nobody finished, unless there is a complaint about somebody who tried.
fn unfinished(records: &[Record]) -> Vec<String> {
    let mut programs: Vec<(&Program, bool)> = Vec::new();
    for record in records {
        let settled = record.measurement.status == Status::Ok || is_complained_of(record);
        match programs.iter_mut().find(|(program, _)| *program == &record.key.program) {
            Some((_, known)) => *known |= settled,
            None => programs.push((&record.key.program, settled)),
        }
    }
    programs.retain(|(_, settled)| !settled);
    programs.iter().map(|(program, _)| format!("nothing finished {program}: nothing was measured")).collect()
}

/// That a peer or another language does not finish is a row, and no complaint.
fn is_complained_of(record: &Record) -> bool {
    !matches!(record.key.contestant.kind(), Kind::Peer | Kind::Runtime) && is_failure(&record.measurement.status)
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

/// One sentence per workload on which not all checksums are equal, naming every value and who computed it. What
/// programs that are not ours print may be times, and is not among them.
#[must_use]
pub fn disagreements(records: &[Record]) -> Vec<String> {
    among(records, |kind| kind != Kind::External)
}

/// The same for what programs that are not ours print.
#[must_use]
pub fn different_outputs(records: &[Record]) -> Vec<String> {
    among(records, |kind| kind == Kind::External)
}

fn among(records: &[Record], of: impl Fn(Kind) -> bool) -> Vec<String> {
    let records: Vec<_> = records.iter().filter(|record| of(record.key.contestant.kind())).collect();
    let mut programs: Vec<(&Program, Size)> = Vec::new();
    for record in &records {
        let program = (&record.key.program, record.key.setting.size);
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs.into_iter().filter_map(|(program, size)| disagreement(&records, program, size)).collect()
}

fn disagreement(records: &[&Record], program: &Program, size: Size) -> Option<String> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut add = |checksum: Checksum, who: String| match answers.iter_mut().find(|a| a.checksum == checksum) {
        Some(answer) if answer.who.contains(&who) => {}
        Some(answer) => answer.who.push(who),
        None => answers.push(Answer { checksum, who: vec![who] }),
    };
    let mut real = false;
    let is_meant = |key: &Key| key.program == *program && key.setting.size == size;
    for record in records.iter().filter(|record| is_meant(&record.key)) {
        if record.measurement.status == Status::Ok
            && let Some(checksum) = record.measurement.checksum
        {
            real |= record.key.contestant.kind() != Kind::Fault;
            add(checksum, record.key.contestant.name().to_owned());
        }
    }
    if real && let Some(expected) = program.expected(size) {
        add(Checksum(expected), "the reference".to_owned());
    }
    if answers.len() < 2 {
        return None;
    }
    // Rare answers first: they are the suspects.
    answers.sort_by_key(|answer| answer.who.len());
    let listed: Vec<_> = answers.iter().map(|a| format!("{} by {}", a.checksum, a.who.join(", "))).collect();
    Some(format!("checksums disagree on {program} (size {size}): {}", listed.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measurement;
    use crate::record::tests::sample;

    /// A program of which nobody knows what has to come out.
    const MADE_UP: &str = "snapshot:made-up";

    fn with_checksum(collector: &str, invocation: u32, checksum: u64) -> Record {
        let mut record = sample(MADE_UP, collector, invocation, 10.0);
        record.measurement.checksum = Some(Checksum(checksum));
        record
    }

    fn with_status(kind: Kind, status: Status) -> Record {
        let measurement = Measurement { status, ..Measurement::default() };
        let contestant = match kind {
            Kind::Collector => "marksweep",
            Kind::Peer => "rc/system",
            Kind::Runtime => return runtime(measurement),
            Kind::External => return Record { measurement, ..external("printed", None) },
            Kind::Fault => "fault-nothing",
        };
        Record { measurement, ..sample(MADE_UP, contestant, 1, 10.0) }
    }

    /// A run in another language.
    fn runtime(measurement: Measurement) -> Record {
        let mut record = sample(MADE_UP, "marksweep", 1, 10.0);
        record.key.contestant = crate::contestants::Contestant::of(Kind::Runtime, "lua", "system").unwrap();
        Record { measurement, ..record }
    }

    /// A run of a program that is not ours.
    fn external(collector: &str, checksum: Option<u64>) -> Record {
        let mut record = sample(MADE_UP, "marksweep", 1, 10.0);
        record.key.program = Program::of_record("exec ./program --gc {}");
        record.key.contestant = crate::contestants::Contestant::external(collector);
        record.measurement.checksum = checksum.map(Checksum);
        record
    }

    #[test]
    fn what_a_program_that_is_not_ours_prints_may_differ() {
        let records = [external("a", Some(1)), external("b", Some(2)), external("c", None)];
        assert!(complaints(&records).is_empty());
        assert_eq!(different_outputs(&records).len(), 1);
        assert!(different_outputs(&records[1..]).is_empty());
        assert_eq!(complaints(&[with_status(Kind::External, Status::Timeout)]).len(), 1);
    }

    #[test]
    fn agreement_is_silent() {
        let records =
            [with_checksum("marksweep", 1, 7), with_checksum("refcount", 1, 7), with_checksum("marksweep", 2, 7)];
        assert!(complaints(&records).is_empty());
    }

    #[test]
    fn disagreement_names_every_value_and_the_minority_first() {
        let records = [
            with_checksum("marksweep", 1, 7),
            with_checksum("refcount", 1, 0xabcd),
            with_checksum("generational", 1, 7),
        ];
        let complaints = complaints(&records);
        assert_eq!(
            complaints,
            [
                "checksums disagree on snapshot:made-up (size classic): 000000000000abcd by refcount; 0000000000000007 by marksweep, \
              generational"
            ]
        );
    }

    #[test]
    fn a_collector_can_disagree_with_itself() {
        let records = [with_checksum("marksweep", 1, 7), with_checksum("marksweep", 2, 8)];
        assert_eq!(complaints(&records).len(), 1);
    }

    #[test]
    fn other_sizes_and_failed_runs_do_not_vote() {
        let mut large = with_checksum("marksweep", 1, 8);
        large.key.setting.size = Size::Large;
        let mut limited = with_checksum("marksweep", 2, 9);
        limited.measurement.status = Status::OutOfMemory;
        assert!(complaints(&[with_checksum("marksweep", 1, 7), large, limited]).is_empty());
    }

    #[test]
    fn a_wrong_answer_is_noticed_even_if_everybody_gives_it() {
        for program in Program::all() {
            let expected = program.expected(Size::Small).unwrap();
            let mut record = sample(&program.to_string(), "marksweep", 1, 10.0);
            record.key.setting.size = Size::Small;
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
            assert!(
                complaints[0].ends_with("finished snapshot:made-up (invocation 1) without a checksum"),
                "{complaints:?}"
            );
        }
    }

    #[test]
    fn when_nobody_finishes_nothing_was_compared() {
        let out_of_memory = with_status(Kind::Collector, Status::OutOfMemory);
        let refused = with_status(Kind::Peer, Status::Unsupported);
        let sentence = ["nothing finished snapshot:made-up: nothing was measured"];
        assert_eq!(complaints(&[out_of_memory, refused]), sentence);
        // Of these nobody complains one by one.
        let late = [Kind::Peer, Kind::Runtime].map(|kind| with_status(kind, Status::Timeout));
        assert_eq!(complaints(&late), sentence);
    }

    #[test]
    fn our_crashes_count_and_those_of_peers_do_not() {
        let crash = Status::Crashed("SIGSEGV".to_owned());
        for status in [crash, Status::StackOverflow, Status::Timeout, Status::Failed, Status::NoInput] {
            assert_eq!(complaints(&[with_status(Kind::Collector, status.clone())]).len(), 1, "{status}");
            assert!(complaints(&[with_checksum("generational", 1, 7), with_status(Kind::Peer, status)]).is_empty());
        }
        for status in [Status::OutOfMemory, Status::Unsupported] {
            let finished = with_checksum("generational", 1, 7);
            assert!(complaints(&[finished, with_status(Kind::Collector, status)]).is_empty());
        }
    }
}
