//! `list`: what can be chosen.

use std::io;
use std::process::ExitCode;

use crate::cli;
use crate::contestants::Peer;
use crate::contestants::collector::Collector;
use crate::text::names::Named;
use crate::workloads::program::Program;

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

fn text() -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<(String, &str)>| {
        text.push_str(&format!("{title}:\n"));
        for (name, about) in lines {
            text.push_str(&format!("  {name:<22} {about}\n"));
        }
        text.push('\n');
    };
    section("Collectors", Collector::ALL.map(|collector| (collector.name().to_owned(), collector.about())).to_vec());
    let mut programs: Vec<_> = Program::all().iter().map(|program| (program.to_string(), program.about())).collect();
    programs.push(("snapshot:FILE".to_owned(), Program::Snapshot(Some("FILE".into())).about()));
    section("Workloads", programs);
    let built_in: &[Peer] = if cfg!(feature = "peers") { &Peer::ALL } else { &[] };
    let peers: Vec<_> = built_in.iter().map(|peer| (peer.name().to_owned(), peer.about())).collect();
    if peers.is_empty() {
        text.push_str("Peers:\n  ");
        text.push_str(cli::NO_PEERS);
        text.push('\n');
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
        assert!(text.lines().all(|line| line.chars().count() <= 140 && line == line.trim_end()), "{text}");
    }
}
