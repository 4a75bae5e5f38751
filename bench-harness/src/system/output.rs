//! A file that has its name when it is complete.
//!
//! Until then it lies beside, so that what had the name before stays if the disk is full, the program is stopped, or
//! two write at the same time. *Only a regular file is replaced.* A device or a pipe is written to, also where a link
//! leads to it: to put a file in its place would take it away from everybody (`/dev/full` was, by a report through a
//! link).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

/// A file that is being written. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// Where it lies, and what it is to become. None where it is written in place.
    unfinished: Option<(TempPath, PathBuf)>,
}

impl Output {
    /// Begins to write.
    ///
    /// # Errors
    /// When there is no such folder, or nothing may be written there; when it is a folder.
    pub fn create(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(data) if data.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(data) if !data.is_file() => {
                return Ok(Self { file: File::options().write(true).open(path)?, unfinished: None });
            }
            _ => {}
        }
        // A link stays one, and leads to the new file.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".part-");
        let mut builder = Builder::new();
        builder.prefix(&name);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Those of any new file; the system takes from them what the user wants.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let (file, beside) = builder.tempfile_in(folder)?.into_parts();
        Ok(Self { file, unfinished: Some((beside, target)) })
    }

    /// Finds out whether it could be written, and leaves everything as it is.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn check(path: &Path) -> io::Result<()> {
        match path.metadata() {
            // A pipe would have to be opened by its reader first.
            Ok(data) if !data.is_file() && !data.is_dir() => Ok(()),
            _ => Self::create(path).map(drop),
        }
    }

    /// What to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where it lies until it is complete; none where it is written in place.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Path> {
        self.unfinished.as_ref().map(|(beside, _)| &**beside)
    }

    /// It is complete: it gets its name.
    ///
    /// # Errors
    /// When the disk is full, or the name cannot be given. Then what had it before still has it.
    pub fn keep(self) -> io::Result<()> {
        let Some((beside, target)) = self.unfinished else { return Ok(()) };
        self.file.sync_all()?;
        beside.persist(target).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_not_kept_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        fs::write(&path, "before").unwrap();
        let mut output = Output::create(&path).unwrap();
        output.file().write_all(b"half").unwrap();
        assert!(output.unfinished().is_some_and(Path::exists));
        drop(output);
        Output::check(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        let mut output = Output::create(&path).unwrap();
        output.file().write_all(b"after").unwrap();
        output.keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(Output::check(folder.path()).is_err() && Output::create(&folder.path().join("none/x")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_devices_devices() {
        use std::os::unix::fs::{FileTypeExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        fs::write(of("target"), "before").unwrap();
        symlink("target", of("link")).unwrap();
        let mut output = Output::create(&of("link")).unwrap();
        output.file().write_all(b"after").unwrap();
        output.keep().unwrap();
        assert!(of("link").is_symlink());
        assert_eq!(fs::read_to_string(of("target")).unwrap(), "after");
        // `/dev/null` itself is not put at risk: a pipe is no regular file either.
        let pipe = of("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        symlink(&pipe, of("to-pipe")).unwrap();
        Output::check(&of("to-pipe")).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        let mut output = Output::create(&of("to-pipe")).unwrap();
        assert_eq!(output.unfinished(), None);
        output.file().write_all(b"through").unwrap();
        output.keep().unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(pipe.metadata().unwrap().file_type().is_fifo() && of("to-pipe").is_symlink());
    }
}
