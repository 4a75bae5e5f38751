//! Results as files, each in the form that its name asks for.
//!
//! | name ends in | for | what is in it |
//! |---|---|---|
//! | `.html` | people | tables and charts, and everything that was measured, in one file |
//! | `.md` | a README | a table per program |
//! | `.csv` | a spreadsheet | a line per run, a column per figure |
//! | `.trace.json` | <https://ui.perfetto.dev>, `chrome://tracing` | each run as a process, its pauses as spans, its memory as a counter |
//!
//! A file is written beside the one that is meant and takes its name when it is complete, so that what was there before
//! is not lost to a full disk.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{page, trace};
use crate::analysis::summary::{self, Group};
use crate::record::Record;
use crate::record::figures::Figure;
use crate::system::output::Output;
use crate::text::format;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page with tables and charts.
    Html,
    /// A table per program.
    Markdown,
    /// A line per run.
    Csv,
    /// Spans and counters along each run.
    Trace,
}

/// A file for results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    form: Form,
}

impl ReportFile {
    /// The file of that name, which says its form.
    ///
    /// # Errors
    /// A sentence for the user that lists the endings.
    pub fn named(path: &OsStr) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        const ENDINGS: [(&str, Form); 6] = [
            (".html", Form::Html),
            (".htm", Form::Html),
            (".md", Form::Markdown),
            (".markdown", Form::Markdown),
            (".csv", Form::Csv),
            (".trace.json", Form::Trace),
        ];
        match ENDINGS.iter().find(|(ending, _)| name.len() > ending.len() && name.ends_with(ending)) {
            Some((_, form)) => Ok(Self { path, form: *form }),
            None => Err(format!(
                "the name of a report says what it is, and `{}` does not: let it end in .html (a page with charts), .md, .csv or \
                 .trace.json (for ui.perfetto.dev); records as JSON are written by --json",
                path.display()
            )),
        }
    }

    /// Its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finds out, before anything is measured, whether it can be written.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn check(&self) -> Result<(), String> {
        Output::check(&self.path).map_err(|error| {
            format!("cannot write {}: {error}; give a file in a folder that exists and is yours", self.path.display())
        })
    }

    /// Writes the results.
    ///
    /// # Errors
    /// A sentence for the user. Then the file is as it was before.
    pub fn write(&self, records: &[Record]) -> Result<(), String> {
        let text = match self.form {
            Form::Html => page::render(records)?,
            Form::Markdown => markdown(&summary::summarise(records)),
            Form::Csv => csv(records)?,
            Form::Trace => trace::trace(records),
        };
        let write = || {
            let mut output = Output::create(&self.path)?;
            output.file().write_all(text.as_bytes())?;
            output.keep()
        };
        write().map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

/// A line per run, with every figure; what was not measured is empty.
fn csv(records: &[Record]) -> Result<String, String> {
    const KEYS: [&str; 10] = [
        "workload",
        "size",
        "collector",
        "kind",
        "allocator",
        "heap_limit",
        "invocation",
        "status",
        "message",
        "checksum",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |fields: Vec<String>| writer.write_record(&fields).map_err(|error| error.to_string());
    write(
        KEYS.into_iter().map(str::to_owned).chain(Figure::all().iter().map(|figure| figure.key.to_owned())).collect(),
    )?;
    for record in records {
        let json = serde_json::to_value(record).map_err(|error| error.to_string())?;
        let key = |key: &str| match &json[key] {
            serde_json::Value::Null => String::new(),
            // A spreadsheet would compute what begins like this.
            serde_json::Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
                format!("'{}", format::printable(text))
            }
            serde_json::Value::String(text) => format::printable(text),
            other => other.to_string(),
        };
        let figures = Figure::all()
            .iter()
            .map(|figure| figure.of(&record.measurement).map_or_else(String::new, |value| value.to_string()));
        write(KEYS.into_iter().map(key).chain(figures).collect())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The figures of a table that shall fit into a README.
const TELLING: [&str; 4] = ["gc_share", "pause_max_ns", "peak_heap_bytes", "peak_to_live"];

fn markdown(groups: &[Group]) -> String {
    let mut text = String::new();
    // A bar would end a cell, and a tag would be one.
    let cell = |text: &str| format::printable(text).replace('|', "\\|").replace('<', "&lt;");
    for group in groups {
        let figures = TELLING.map(Figure::keyed).into_iter();
        let figures: Vec<_> =
            figures.filter(|figure| group.rows.iter().any(|row| row.value(figure).is_some())).collect();
        let title = if group.size == crate::workloads::Size::default() {
            group.program.to_string()
        } else {
            format!("{}, {}", group.program, group.size)
        };
        text.push_str(&format!("### {}\n\n| collector | processor time | ratio |", cell(&title)));
        figures.iter().for_each(|figure| text.push_str(&format!(" {} |", figure.name)));
        text.push_str("\n|---|---:|---:|");
        text.push_str(&"---:|".repeat(figures.len()));
        text.push('\n');
        for row in &group.rows {
            let ratio = row.ratio.map_or_else(String::new, |ratio| {
                format!("{}{}", format::ratio(ratio.value), if ratio.no_difference_shown() { " ~" } else { "" })
            });
            text.push_str(&format!("| {} | {} ms | {ratio} |", cell(&row.contestant.label()), format::ms(row.time_ns)));
            for figure in &figures {
                let value = row.value(figure).map_or_else(|| "–".to_owned(), |value| figure.unit.text(value));
                text.push_str(&format!(" {value} |"));
            }
            text.push('\n');
        }
        text.push('\n');
        for remark in &group.remarks {
            let names: Vec<_> = remark.about.iter().map(|who| who.name()).collect();
            text.push_str(&format!("* {}: {}\n", cell(&names.join(", ")), cell(&remark.text)));
        }
        if !group.remarks.is_empty() {
            text.push('\n');
        }
    }
    text.push_str("Ratios are of processor time, to the fastest collector that reclaims; ~: no difference shown.\n");
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::record::tests::sample;

    fn records() -> Vec<Record> {
        let first = sample("rings", "marksweep", 1, 10.0);
        let mut second = sample("rings", "generational", 1, 20.0);
        second.measurement.message = Some("with, a comma and \"quotes\"".to_owned());
        vec![first, second]
    }

    #[test]
    fn the_name_says_the_form() {
        for (name, form) in [
            ("a.html", Form::Html),
            ("b/A.HTML", Form::Html),
            ("x.md", Form::Markdown),
            ("x.csv", Form::Csv),
            ("x.trace.json", Form::Trace),
        ] {
            assert_eq!(ReportFile::named(OsStr::new(name)).map(|file| file.form), Ok(form), "{name}");
        }
        for name in ["", "html", ".html", "x.json", "x.pdf", "a.html/"] {
            let sentence = ReportFile::named(OsStr::new(name)).map(|file| file.form);
            match sentence {
                Err(sentence) => assert!(sentence.contains(".trace.json"), "{sentence}"),
                Ok(form) => assert_eq!((name, form), ("a.html/", Form::Html)),
            }
        }
    }

    #[test]
    fn csv_has_a_line_for_each_run_and_a_column_for_each_figure() {
        let text = csv(&records()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headings = reader.headers().unwrap().clone();
        assert_eq!(headings.len(), 10 + Figure::all().len());
        let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 2);
        let at = |line: usize, heading: &str| {
            lines[line].get(headings.iter().position(|known| known == heading).unwrap()).unwrap().to_owned()
        };
        assert_eq!(
            (at(0, "workload"), at(0, "collector"), at(0, "wall_ns")),
            ("rings".into(), "marksweep".into(), "10000000".into())
        );
        assert_eq!(
            (at(0, "gc_share"), at(0, "heap_limit"), at(0, "status")),
            ("0.125".into(), String::new(), "ok".into())
        );
        assert_eq!(at(1, "message"), "with, a comma and \"quotes\"");
    }

    #[test]
    fn markdown_is_a_table_for_each_program() {
        let expected = "\
### rings

| collector | processor time | ratio | share of time in pauses | longest pause | peak heap | peak heap relative to live bytes |
|---|---:|---:|---:|---:|---:|---:|
| marksweep | 11.0 ms | 1.00 | 12 % | 5.60 ms | 123 MiB | 1.50 |
| generational | 22.0 ms | 2.00 | 12 % | 5.60 ms | 123 MiB | 1.50 |

* generational: with, a comma and \"quotes\"

Ratios are of processor time, to the fastest collector that reclaims; ~: no difference shown.
";
        assert_eq!(markdown(&summary::summarise(&records())), expected);
    }

    #[test]
    fn a_file_is_complete_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = ReportFile::named(folder.path().join("x.csv").as_os_str()).unwrap();
        file.check().unwrap();
        file.write(&records()).unwrap();
        assert!(fs::read_to_string(file.path()).unwrap().starts_with("workload,"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing stays beside it");
        let lost = ReportFile::named(folder.path().join("missing/x.csv").as_os_str()).unwrap();
        assert!(lost.check().unwrap_err().contains("a folder that exists"));
        fs::create_dir(folder.path().join("y.csv")).unwrap();
        let taken = ReportFile::named(folder.path().join("y.csv").as_os_str()).unwrap();
        assert!(taken.check().unwrap_err().contains("cannot write"));
        assert!(taken.write(&records()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing stays beside it");
    }
}
