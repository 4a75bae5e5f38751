//! `explain`: what becomes of an object, statement by statement; and the same in CPython.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::FAILED;
use crate::cli::{self, Collectors};
use crate::contestants::Contestant;
use crate::contestants::collector::Collector;
use crate::explain::chapters::Chapter;
use crate::explain::check::{Check, Extent, Finding};
use crate::explain::python::{self, Python};
use crate::explain::tables;
use crate::text::format;
use crate::text::names::{self, Named};
use crate::text::quantity;

/// Options of `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainOptions {
    /// What to explain: names, containers, functions, chains, cycles, deferred, memory, costs [default: everything]
    #[arg(value_name = "CHAPTERS", value_parser = names::find::<Chapter>)]
    pub chapters: Vec<Chapter>,
    /// The collectors, separated by commas, each with settings if it shall have them
    #[arg(long, value_name = "NAMES", value_parser = cli::collectors,
        default_value = "refcount-cycles,marksweep,generational")]
    pub collectors: Collectors,
    /// Do the same in this CPython (3.11 or newer), show it beside, and compare every count and every death
    #[arg(long, value_name = "PROGRAM", conflicts_with = "deferred")]
    pub against: Option<String>,
    /// Do not settle counts after every statement: show them as they are in a program
    #[arg(long)]
    pub deferred: bool,
    /// Instead of explaining, compare on so many random sequences of statements
    #[arg(long, value_name = "N", value_parser = quantity::sequences,
        conflicts_with_all = ["chapters", "deferred"])]
    pub random: Option<u32>,
    /// The seed of the first random sequence; the next has the next
    #[arg(long, value_name = "S", default_value_t = 1, requires = "random")]
    pub seed: u64,
    /// Instead of explaining, print the statements as a script for CPython
    #[arg(long, conflicts_with_all = ["against", "deferred", "random"])]
    pub script: bool,
}

const EXAMPLES: &str = "\
Examples:
  bench-harness explain
  bench-harness explain cycles --collectors refcount,refcount-cycles
  bench-harness explain --against python3
  bench-harness explain --random 10000 --against python3

The exit status is 1 when a collector and CPython, or a collector and what the
statements mean, disagree. When the program given by --against does not exist or
cannot be compared, a line says so, the comparison is left out, and the status
is 0 if nothing else was wrong.";

/// Explains, or compares.
///
/// # Errors
/// One sentence for the user, when the request cannot be fulfilled.
pub fn explain(options: ExplainOptions) -> Result<ExitCode, String> {
    let collectors = ours(&options.collectors)?;
    let chapters = if options.chapters.is_empty() { Chapter::all() } else { options.chapters };
    if options.script {
        let lessons = chapters.into_iter().flat_map(Chapter::lessons);
        let statements: Vec<_> = lessons.flat_map(|lesson| lesson.statements).collect();
        return Ok(status(super::print(&python::script(&statements)), true));
    }
    let mut python = options.against.as_deref().and_then(|name| match Python::start(name) {
        Ok(python) => Some(python),
        Err(sentence) => {
            super::remark(&format!("not compared with CPython: {sentence}"));
            None
        }
    });
    if let Some(count) = options.random {
        return random(&collectors, python.as_mut(), count as usize, options.seed);
    }
    let settle = !options.deferred;
    let mut shown = super::print(&tables::introduction(settle));
    for chapter in &chapters {
        if shown.is_err() {
            return Ok(status(shown, true));
        }
        shown = super::print(&tables::chapter(*chapter, &collectors, settle, python.as_mut())?);
    }
    let Some(mut python) = python else { return Ok(status(shown, true)) };
    let standard = format!("CPython {}", python.version());
    let mut check = Check::new(&collectors, Some(&mut python));
    let mut text = String::new();
    for chapter in chapters {
        for lesson in chapter.lessons() {
            for difference in check.one(&lesson.statements)? {
                text.push_str(&format!("{}: {difference}\n", chapter.name()));
            }
        }
    }
    let is_same = text.is_empty();
    if is_same {
        text = lines(&format!("No difference to {standard}, in {}.", compared(check.extent())));
    } else {
        text.insert_str(0, &format!("Differences to {standard}:\n"));
    }
    Ok(status(shown.and_then(|()| super::print(&text)), is_same))
}

/// The collectors of a list that has nothing else.
fn ours(chosen: &Collectors) -> Result<Vec<Collector>, String> {
    let collector = |contestant: &Contestant| match contestant {
        Contestant::Collector(collector) => Ok(*collector),
        other => Err(format!("`{}` is no collector: there is nothing to explain", other.name())),
    };
    chosen.0.iter().map(collector).collect()
}

fn random(collectors: &[Collector], python: Option<&mut Python>, count: usize, seed: u64) -> Result<ExitCode, String> {
    let mut observers: Vec<_> = collectors.iter().map(|collector| collector.name().to_owned()).collect();
    observers.push(python.as_ref().map_or_else(|| "the model".to_owned(), |p| format!("CPython {}", p.version())));
    let mut check = Check::new(collectors, python);
    let Some(Finding { seed, statements, differences }) = check.random(count, seed)? else {
        return Ok(status(
            super::print(&lines(&format!(
                "{} from seed {seed} on: {} agree, in {}.",
                format::plural(check.extent().sequences, "random sequence"),
                observers.join(", "),
                compared(check.extent())
            ))),
            true,
        ));
    };
    let places: String = differences.iter().map(|difference| format!("{difference}\n")).collect();
    let numbered = |(index, statement)| format!("# {:>3}  {statement}\n", index + 1);
    let listing: String = statements.iter().enumerate().map(numbered).collect();
    let text = format!(
        "Observers disagree on the sequence of seed {seed}, which is made as short as possible here:\n\n{places}\n\
         {listing}\n{}",
        python::script(&statements)
    );
    Ok(status(super::print(&text), false))
}

fn compared(extent: Extent) -> String {
    let Extent { sequences: _, statements, objects, counts, deaths } = extent;
    format!(
        "{}: {}, {} and {}",
        format::plural(statements, "statement"),
        format::plural(objects, "object"),
        format::plural(counts, "count"),
        format::plural(deaths, "death"),
    )
}

fn lines(sentence: &str) -> String {
    format::wrap(sentence, tables::WIDTH).join("\n") + "\n"
}

/// The exit status: that of the comparison, unless the output could not be written. Who closed it has seen enough.
fn status(shown: io::Result<()>, is_same: bool) -> ExitCode {
    match shown {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            super::complain(&error.to_string());
            ExitCode::from(FAILED)
        }
        _ if !is_same => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}
