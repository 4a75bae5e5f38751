//! What is prepared once for all runs: heap dumps, which children get as their standard input.
//!
//! A program that makes its own input has none here; its child makes it. So has a dump that nobody prepared, which the
//! child then reads by itself: that is how a run is repeated by hand.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::sync::Arc;

use crate::text::format;
use crate::workloads::program::{Loaded, Program};

/// Prepared dumps, each in a file without a name.
#[derive(Clone, Debug, Default)]
pub struct Inputs(Arc<Vec<(Program, File)>>);

/// A file so large takes seconds, and whoever waits is told what for.
const LARGE: u64 = 32 << 20;

impl Inputs {
    /// Reads the dumps among the programs, with at most so many bytes of text each, and prepares them. Says on standard
    /// error what takes long, unless `quiet`.
    ///
    /// # Errors
    /// A sentence for the user: which dump, what is wrong with it, and where.
    pub fn prepare(programs: &[Program], text_limit: u64, quiet: bool) -> Result<Self, String> {
        let mut inputs = Vec::new();
        for program in programs {
            let length = program.input().and_then(|path| path.metadata().ok()).map_or(0, |data| data.len());
            if length >= LARGE && !quiet {
                let _ = writeln!(io::stderr(), "reading {program} ({}) ...", format::bytes(length));
            }
            if let Some(input) = program.input_read(text_limit)? {
                let file = file_of(&input).map_err(|error| {
                    let folder = std::env::temp_dir();
                    format!(
                        "cannot write the prepared heap to {} (TMPDIR names another folder): {error}",
                        folder.display()
                    )
                })?;
                inputs.push((program.clone(), file));
            }
        }
        Ok(Self(Arc::new(inputs)))
    }

    /// The prepared input of a program, from its beginning, if there is one. Whoever reads it moves the place at which
    /// the next one would go on, so that only one child may have it at a time.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn of(&self, program: &Program) -> io::Result<Option<File>> {
        let Some((_, file)) = self.0.iter().find(|(own, _)| own == program) else { return Ok(None) };
        let mut file = file.try_clone()?;
        file.rewind()?;
        Ok(Some(file))
    }
}

fn file_of(input: &Loaded) -> io::Result<File> {
    let file = tempfile::tempfile()?;
    input.write(&mut BufWriter::new(&file))?;
    Ok(file)
}
