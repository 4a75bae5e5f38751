//! The command line of a program that is not ours, with a place for its collector.
//!
//! A program that chooses its collector when it starts has an argument for it. That argument is written `{}`, alone or
//! as part of a word (`--gc={}`), and each run puts another collector there. It is kept as words, never handed to a
//! shell; as text, in records and on the terminal, it is quoted as a shell would want it, so that it can be repeated by
//! hand.

use std::fmt;

/// Where the collector goes.
pub const PLACE: &str = "{}";

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<String>,
}

impl CommandLine {
    /// A command line from its words. `None` without any.
    #[must_use]
    pub fn new(words: Vec<String>) -> Option<Self> {
        (!words.is_empty()).then_some(Self { words })
    }

    /// A command line as its text says. `None` if that is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        shlex::split(text).and_then(Self::new)
    }

    /// The program's file, as it was written.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.words[0]
    }

    /// A name for titles: the program's file without its folder, and its arguments.
    #[must_use]
    pub fn short(&self) -> String {
        let file = self.program().rsplit('/').next().unwrap_or_default().to_owned();
        Self { words: std::iter::once(file).chain(self.words[1..].iter().cloned()).collect() }.to_string()
    }

    /// Finds out whether there is such a program, as the system looks for one.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn check(&self) -> Result<(), String> {
        let program = self.program();
        let is_there = if program.contains('/') {
            std::path::Path::new(program).is_file()
        } else {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
        };
        match is_there {
            true => Ok(()),
            false if program.contains('/') => Err(format!("there is no program `{program}`")),
            false => Err(format!("there is no program `{program}` on the PATH; one in this folder is ./{program}")),
        }
    }

    /// Whether there is a place for a collector.
    #[must_use]
    pub fn has_place(&self) -> bool {
        self.words[1..].iter().any(|word| word.contains(PLACE))
    }

    /// The arguments, with this collector in its place.
    pub fn arguments(&self, collector: &str) -> impl Iterator<Item = String> {
        self.words[1..].iter().map(move |word| word.replace(PLACE, collector))
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.words.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            // The place reads better bare, and no word that a process can have contains a zero.
            match shlex::try_quote(word) {
                _ if word == PLACE => f.write_str(word)?,
                Ok(quoted) => f.write_str(&quoted)?,
                Err(_) => f.write_str(&word.replace('\0', ""))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_collector_is_put_in_its_place() {
        let line = CommandLine::from_text("./program --gc={} -n 3 {}").unwrap();
        assert!(line.has_place());
        assert_eq!(line.program(), "./program");
        assert_eq!(line.arguments("marksweep").collect::<Vec<_>>(), ["--gc=marksweep", "-n", "3", "marksweep"]);
        assert!(!CommandLine::from_text("{} x").unwrap().has_place(), "the program itself is none");
        assert_eq!(CommandLine::from_text(""), None);
        assert_eq!(CommandLine::from_text("a 'b"), None);
    }

    #[test]
    fn titles_are_short() {
        assert_eq!(CommandLine::from_text("/a/b/program --gc {} x/y").unwrap().short(), "program --gc {} x/y");
    }

    #[test]
    fn a_program_is_looked_for() {
        let check = |text: &str| CommandLine::from_text(text).unwrap().check();
        let this = std::env::current_exe().unwrap();
        assert_eq!(check(this.to_str().unwrap()), Ok(()));
        assert!(check("./no-such-program").unwrap_err().contains("`./no-such-program`"));
        assert!(check("no-such-program").unwrap_err().contains("./no-such-program"));
        assert!(check(".").is_err());
    }

    proptest! {
        #[test]
        fn words_survive_their_text(words in proptest::collection::vec("[^\\x00]*", 1..6)) {
            let line = CommandLine::new(words).unwrap();
            prop_assert_eq!(CommandLine::from_text(&line.to_string()), Some(line));
        }
    }
}
