//! `list`: what can be chosen.

use std::io;
use std::process::ExitCode;

use crate::cli;
use crate::contestants::Peer;
use crate::contestants::collector::Collector;
use crate::contestants::runtime::{self, Runtime};
use crate::text::format;
use crate::text::names::Named;
use crate::workloads::Workload;
use crate::workloads::program::Program;
use crate::workloads::set::{self, Set};

/// Prints all names with one line each.
#[must_use]
pub fn list() -> ExitCode {
    match super::print(&text()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            super::complain(&error.to_string());
            ExitCode::from(super::FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Where the second column begins.
const INDENT: usize = 25;

fn text() -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<(String, &str)>| {
        text.push_str(&format!("{title}:\n"));
        for (name, about) in lines {
            let mut name = name;
            for line in format::wrap(about, 80 - INDENT) {
                text.push_str(&format!("  {name:<22} {line}\n"));
                name.clear();
            }
        }
        text.push('\n');
    };
    let collectors = Collector::all().into_iter();
    section("Collectors", collectors.map(|collector| (collector.name().to_owned(), collector.about())).collect());
    let about = |programs: &[Program]| programs.iter().map(|p| (p.to_string(), p.about())).collect::<Vec<_>>();
    for (title, set) in [
        ("Workloads, classic", Set::Classic),
        ("Workloads, general", Set::General),
        ("Workloads, held-out (to check with when a change is finished, never to tune on)", Set::HeldOut),
    ] {
        section(title, about(&set.workloads().map(Program::Workload).collect::<Vec<_>>()));
    }
    section("Heaps of real programs", about(&[Program::Snapshot(None), Program::Snapshot(Some("FILE".into()))]));
    let foreign: Vec<_> = Program::foreign().collect();
    if !foreign.is_empty() {
        section("Workloads of this program's own", about(&foreign));
    }
    let telling = set::TELLING.map(|workload| workload.name()).join(", ");
    section(
        "Sets of workloads",
        vec![
            ("telling".to_owned(), &*format!("what compare runs by default: {telling}, snapshot")),
            (
                "all".to_owned(),
                if foreign.is_empty() {
                    "classic, general and snapshot"
                } else {
                    "classic, general, snapshot and those of this program's own"
                },
            ),
        ],
    );
    let beside_classic = runtime::workloads().filter(|workload| workload.set() != Set::Classic);
    let written = format!("classic, {}", beside_classic.map(Workload::name).collect::<Vec<_>>().join(", "));
    let mut languages: Vec<_> = Runtime::ALL.map(|runtime| (runtime.name().to_owned(), runtime.about())).to_vec();
    languages.push(("(what they run)".to_owned(), &written));
    section("Other languages (with --runtimes)", languages);
    let built_in: &[Peer] = if cfg!(feature = "peers") { &Peer::ALL } else { &[] };
    let peers: Vec<_> = built_in.iter().map(|peer| (peer.name().to_owned(), peer.about())).collect();
    if peers.is_empty() {
        text.push_str("Peers:\n");
        for line in format::wrap(cli::NO_PEERS, 78) {
            text.push_str(&format!("  {line}\n"));
        }
    } else {
        section("Peers (with --peers)", peers);
        text.truncate(text.trim_end().len() + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_chosen_is_listed() {
        let text = text();
        let collectors = Collector::ALL.iter().map(|collector| collector.name().to_owned());
        let programs = Program::all().into_iter().map(|program| program.to_string());
        let peers = Peer::all().into_iter().filter(|_| cfg!(feature = "peers")).map(|peer| peer.name().to_owned());
        for name in collectors.chain(programs).chain(peers) {
            assert!(text.contains(&format!("\n  {name} ")), "{name}\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80 && line == line.trim_end()), "{text}");
    }
}
