//! Records read back: from a file that this program wrote, today or years ago, or from several put one after the other.
//!
//! A file of records is input like any other: it may be cut off, come from another program or a newer version of this
//! one. Each is refused with the file and the line, because half of an experiment looks like a whole one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::record::{FORMAT, Record};

/// A record has some hundred kilobytes at most: 2,048 spans and two histograms.
const LONGEST_LINE: u64 = 16 << 20;

/// Reads every record of a file, or of standard input for `-`.
///
/// # Errors
/// A sentence for the user that names the file and the line.
pub fn read_path(path: &Path) -> Result<Vec<Record>, String> {
    if path.as_os_str() == "-" {
        return read(io::stdin().lock(), "standard input");
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| format!("cannot open {name}: {error}"))?;
    read(BufReader::new(file), &name)
}

/// Reads every record of several files.
///
/// # Errors
/// As [`read_path`], and when two of the files hold the same run: a copy would count as another measurement.
pub fn read_paths(paths: &[PathBuf]) -> Result<Vec<Record>, String> {
    let (mut all, mut known) = (Vec::new(), BTreeMap::new());
    for (file, path) in paths.iter().enumerate() {
        for record in read_path(path)? {
            let run = serde_json::to_string(&(&record.key, record.invocation)).map_err(|error| error.to_string())?;
            // A search for a heap runs some things again, but in one file.
            let first = *known.entry(run).or_insert(file);
            if first != file {
                return Err(format!(
                    "{} and {} both hold invocation {} of {} on {}: they are not parts of one comparison",
                    paths[first].display(),
                    path.display(),
                    record.invocation,
                    record.key.program,
                    record.key.contestant.label()
                ));
            }
            all.push(record);
        }
    }
    Ok(all)
}

/// Reads every record of a text, one per line; empty lines are skipped. `name` is what the text is called in errors.
///
/// # Errors
/// A sentence for the user that names the line.
pub fn read(mut text: impl BufRead, name: &str) -> Result<Vec<Record>, String> {
    let (mut records, mut line, mut number) = (Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let read = text
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        if read == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            let is_whole = line.ends_with(b"\n");
            records.push(parse(&line, is_whole).map_err(|problem| format!("{name}, line {number}: {problem}"))?);
        }
    }
    if records.is_empty() {
        return Err(format!("{name} holds no records: give a file that was written with --json"));
    }
    Ok(records)
}

fn parse(line: &[u8], is_whole: bool) -> Result<Record, String> {
    /// What all formats have in common.
    #[derive(Deserialize)]
    struct Any {
        #[serde(default = "super::first_format")]
        format: u32,
        status: IgnoredAny,
    }
    let any: Any = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof if !is_whole => "the file is cut off in the middle of a record".to_owned(),
        _ => format!("this is no record of a run ({error}); give a file that was written with --json"),
    })?;
    let Any { format, status: IgnoredAny } = any;
    if format > FORMAT {
        return Err(format!(
            "the record has format {format}, and this program reads up to {FORMAT}: use the version that wrote it, or a newer one"
        ));
    }
    serde_json::from_slice(line).map_err(|error| format!("the record cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    fn text_of(records: &[Record]) -> String {
        records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let records = [sample("rings", "nogc", 1, 10.0), sample("gcbench", "box/mimalloc", 2, 20.0)];
        assert_eq!(read(text_of(&records).as_bytes(), "x").unwrap(), records);
        assert_eq!(read(text_of(&records).replace('\n', "\n\n").as_bytes(), "x").unwrap(), records);
        assert_eq!(
            read(text_of(&records).trim_end().as_bytes(), "x").unwrap(),
            records,
            "the last end of line is optional"
        );
    }

    /// As they were written before there were histograms.
    #[test]
    fn a_record_without_what_is_new_is_read() {
        let record = sample("rings", "nogc", 1, 10.0);
        let mut value = serde_json::to_value(&record).unwrap();
        for new in ["format", "pause_histogram", "latency_histogram", "timeline", "pause_p9999_ns", "latency_p9999_ns"]
        {
            assert!(value.as_object_mut().unwrap().remove(new).is_some(), "{new}");
        }
        let old = read(value.to_string().as_bytes(), "x").unwrap().remove(0);
        assert_eq!((old.format, old.measurement.pause_histogram), (1, None));
        assert_eq!(old.measurement.wall_ns, record.measurement.wall_ns);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_place() {
        let good = text_of(&[sample("rings", "nogc", 1, 10.0)]);
        for (second, says) in [
            (&good[..good.len() / 2], "x, line 2: the file is cut off in the middle of a record"),
            ("{}\n", "x, line 2: this is no record of a run (missing field `status`"),
            ("not JSON\n", "x, line 2: this is no record"),
            ("\u{0}\n", "x, line 2: this is no record"),
            (
                &good.replace("\"format\":1", "\"format\":99"),
                "x, line 2: the record has format 99, and this program reads up to 1",
            ),
            // A collector may be another program's; a peer may not.
            (
                &good.replace("\"kind\":\"collector\"", "\"kind\":\"peer\""),
                "x, line 2: the record cannot be used: there is no peer `nogc`",
            ),
        ] {
            let sentence = read(format!("{good}{second}").as_bytes(), "x").unwrap_err();
            assert!(sentence.starts_with(says), "{sentence}");
        }
        assert!(read(&b"\n\n"[..], "x").unwrap_err().contains("holds no records"));
        assert!(read_path(Path::new("/no/such/file")).unwrap_err().starts_with("cannot open /no/such/file"));
    }
}
