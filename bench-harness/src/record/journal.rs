//! The file of records: one line of JSON per invocation, written when the invocation ends.
//!
//! The file is opened before anything runs, because a path that cannot be written should not be found out after an hour
//! of measuring. Each line reaches the system at once: whatever ends the comparison, the finished runs are in the file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::record::key::Key;
use crate::record::{Record, reading};

/// Where records go: a file, standard output, or nowhere.
#[derive(Debug, Default)]
pub struct Journal {
    target: Option<(PathBuf, Target)>,
    /// What was in the file when it was opened to go on with it, and was not asked for yet.
    earlier: Vec<Record>,
}

#[derive(Debug)]
enum Target {
    File(File),
    Stdout,
}

/// How a record begins.
const BEGINNING: &[u8] = b"{\"format\":";

/// Makes sure that nobody else writes this file, as long as it is open.
///
/// # Errors
/// A sentence for the user, when somebody does.
fn lock(file: &File, path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use rustix::fs::{FlockOperation, flock};
        // Where the system has no locks there is none.
        if flock(file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(format!("another comparison is writing {}: give another file", path.display()));
        }
    }
    Ok(())
}

impl Journal {
    /// Opens `path`, or standard output for `-`, or nothing for `None`. A file that exists is emptied.
    ///
    /// # Errors
    /// A sentence for the user when the file cannot be written.
    pub fn open(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self::default()) };
        let target = if path.as_os_str() == "-" {
            Target::Stdout
        } else if path.as_os_str().is_empty() {
            return Err("the name of the JSON file is empty: give a path, or - for standard output".to_owned());
        } else {
            let cannot = |error: io::Error| {
                format!("cannot write {}: {error}; give a file in a folder that exists and is yours", path.display())
            };
            let file = File::options().write(true).create(true).truncate(false).open(path).map_err(cannot)?;
            lock(&file, path)?;
            if file.metadata().is_ok_and(|data| data.is_file()) {
                file.set_len(0).map_err(cannot)?;
            }
            Target::File(file)
        };
        Ok(Self { target: Some((path.to_owned(), target)), earlier: Vec::new() })
    }

    /// Opens a file that was begun before, to go on with it. A line that was cut off when its writer ended is taken
    /// out. A file that does not exist is begun.
    ///
    /// # Errors
    /// A sentence for the user when the file cannot be read or written, or holds something else.
    pub fn resume(path: &Path) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Err("--resume needs a file that --json wrote, and - is standard output".to_owned());
        }
        let cannot = |error: io::Error| format!("cannot go on with {}: {error}", path.display());
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::open(Some(path)),
            text => text.map_err(cannot)?,
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let earlier = match whole {
            0 => Vec::new(),
            _ => reading::read(&text[..whole], &path.display().to_string())?,
        };
        let begins = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        if !begins(&text[whole..], BEGINNING) {
            return Err(format!(
                "{} does not end with a record that was cut off, but with something else: it is left alone",
                path.display()
            ));
        }
        let file = File::options().append(true).open(path).map_err(cannot)?;
        lock(&file, path)?;
        file.set_len(whole as u64).map_err(cannot)?;
        Ok(Self { target: Some((path.to_owned(), Target::File(file))), earlier })
    }

    /// What was in the file when it was opened to go on with it, and was not taken.
    #[must_use]
    pub fn earlier(&self) -> &[Record] {
        &self.earlier
    }

    /// Takes the record of a run that was in the file, if it was. The same run again is another.
    pub fn take(&mut self, key: &Key, invocation: u32) -> Option<Record> {
        let place = self.earlier.iter().position(|record| record.invocation == invocation && record.key == *key)?;
        Some(self.earlier.remove(place))
    }

    /// Whether records go to standard output, where then nothing else should go.
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        matches!(self.target, Some((_, Target::Stdout)))
    }

    /// Appends a record and hands it to the system.
    ///
    /// # Errors
    /// What the system answered, naming the file.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let Some((path, target)) = &mut self.target else { return Ok(()) };
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let (written, name) = match target {
            Target::File(file) => (file.write_all(&line), path.to_string_lossy()),
            Target::Stdout => {
                let mut stdout = io::stdout().lock();
                (stdout.write_all(&line).and_then(|()| stdout.flush()), "to standard output".into())
            }
        };
        written.map_err(|error| io::Error::new(error.kind(), format!("cannot write {name}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn each_record_is_in_the_file_as_soon_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut journal = Journal::open(Some(&path)).unwrap();
        for invocation in 1..=3 {
            journal.write(&sample("rings", "nogc", invocation, 10.0)).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), invocation as usize);
            let last: Record = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            assert_eq!(last.invocation, invocation);
        }
    }

    #[test]
    fn what_was_begun_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut journal = Journal::resume(&path).unwrap();
        assert!(journal.earlier().is_empty());
        journal.write(&sample("rings", "nogc", 1, 10.0)).unwrap();
        journal.write(&sample("rings", "nogc", 2, 10.0)).unwrap();
        drop(journal);
        // Its writer was killed in the middle of a line.
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let mut journal = Journal::resume(&path).unwrap();
        let first = sample("rings", "nogc", 1, 10.0);
        assert_eq!(journal.earlier(), std::slice::from_ref(&first));
        assert_eq!(journal.take(&first.key, 2), None);
        assert_eq!(journal.take(&first.key, 1), Some(first.clone()));
        assert_eq!(journal.take(&first.key, 1), None, "once");
        journal.write(&sample("rings", "nogc", 2, 10.0)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        drop(journal);
        std::fs::write(&path, "something else\n").unwrap();
        assert!(Journal::resume(&path).unwrap_err().contains("line 1"));
        assert_eq!(std::fs::read(&path).unwrap(), b"something else\n", "it is left alone");
        std::fs::write(&path, "{\"my\":\"config\"}").unwrap();
        assert!(Journal::resume(&path).unwrap_err().contains("something else"));
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"my\":\"config\"}", "it is left alone");
        std::fs::write(&path, "{\"for").unwrap();
        assert!(Journal::resume(&path).unwrap().earlier().is_empty());
        assert!(Journal::resume(Path::new("-")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn one_writes_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut first = Journal::open(Some(&path)).unwrap();
        first.write(&sample("rings", "nogc", 1, 10.0)).unwrap();
        for second in [Journal::open(Some(&path)), Journal::resume(&path)] {
            assert!(second.unwrap_err().contains("another comparison is writing"));
        }
        assert_eq!(reading::read_path(&path).unwrap().len(), 1, "nothing was lost");
        drop(first);
        assert!(Journal::open(Some(&path)).is_ok());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing/records.jsonl"), PathBuf::new()] {
            assert!(Journal::open(Some(&path)).unwrap_err().contains("give a"), "{}", path.display());
        }
        assert!(Journal::open(None).unwrap().target.is_none());
    }
}
