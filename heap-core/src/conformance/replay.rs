//! Programs as text: to be kept in a file, run again, and changed by hand.
//!
//! ```text
//! heap-core conformance replay 1
//! # Lines that begin with `#` are for people.
//! check random_programs
//! heap limit=none reservation=none zeal=no verify=no refuses=no each_step=none
//! mutate
//!   alloc kind=Node len=0 first=0 into=0.3 handle=none panics=no
//!   unlink from=0.3
//! collect
//! end
//! ```
//!
//! One line for each step, and one, indented, for each operation of a `mutate`. A number that names an object counts those
//! that the program can reach at that moment, so every text of this form is a program, and whoever shortens one, by hand or
//! [by trial](super::shrink), need not keep anything else consistent.
//!
//! *What is damaged is refused*, with the line, the column, and what should stand there: a program that is almost the one that
//! failed proves nothing. The last line is there because files lose their ends.
//!
//! *Why not a format that others have made:* it would be read by this one file all the same, tell less about where it is
//! damaged, and no one would shorten a program in it by hand. Names and fields stand once, in the two tables below, and
//! writing, reading and simplifying are made of them.

use std::fmt::{self, Display, Formatter, Write};

use super::objects::Kind;
use super::program::{Op, Program, Step};

const FIRST_LINE: &str = "heap-core conformance replay 1";

/// A program, and the check that it is from.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) check: String,
    pub(super) program: Program,
}

/// A file with a program: it runs instead of random ones.
pub(super) const REPLAY: &str = "HEAP_CONFORMANCE_REPLAY";

/// Whether a program is to run instead of random ones.
pub(super) fn is_asked_for() -> bool {
    std::env::var_os(REPLAY).is_some()
}

/// The program that is to run instead of random ones.
///
/// # Panics
/// When the file cannot be read, or is damaged: where, and what should stand there.
pub(super) fn asked_for() -> Option<Replay> {
    let path = std::path::PathBuf::from(std::env::var_os(REPLAY)?);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{REPLAY}: {}: {error}", path.display()));
    Some(Replay::read(&text).unwrap_or_else(|damage| panic!("{REPLAY}: {}: {damage}", path.display())))
}

/// Where a text is none of these, and what should stand there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Damage {
    line: usize,
    column: usize,
    expected: String,
    found: String,
}

impl Display for Damage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Damage { line, column, expected, found } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

/// A line that is being read.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: usize,
    text: &'t str,
    at: usize,
}

impl<'t> Line<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn damage(&self, expected: impl Into<String>) -> Damage {
        let word: String = self.rest().chars().take_while(|char| *char != ' ').take(20).collect();
        let found = match word.as_str() {
            "" if self.rest().is_empty() => "the end of the line".into(),
            "" => "a space".into(),
            word => format!("`{word}`"),
        };
        let column = self.text[..self.at].chars().count() + 1;
        Damage { line: self.number, column, expected: expected.into(), found }
    }

    /// Goes past a text that must stand here.
    fn expect(&mut self, text: &str) -> Result<(), Damage> {
        if !self.goes_on(text) {
            return Err(self.damage(format!("`{text}`")));
        }
        Ok(())
    }

    /// Goes past a text if it stands here.
    fn goes_on(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Goes past letters, digits and underscores.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// ` name=value`
    fn field<T: Value>(&mut self, name: &str) -> Result<T, Damage> {
        self.expect(&format!(" {name}="))?;
        T::read(self)
    }

    fn end(&self) -> Result<(), Damage> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.damage("the end of the line")) }
    }
}

/// What stands behind the `=` of a field.
trait Value: Sized {
    fn write(&self, text: &mut String);
    fn read(line: &mut Line<'_>) -> Result<Self, Damage>;
    /// The same, but simpler: the simplest first.
    fn simpler(&self) -> Vec<Self>;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Value for $number {
            fn write(&self, text: &mut String) {
                write!(text, "{self}").expect("a string has room");
            }
            fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
                let mut after = *line;
                let number = after.word().parse().map_err(|_| line.damage(format!("a number up to {}", <$number>::MAX)))?;
                *line = after;
                Ok(number)
            }
            fn simpler(&self) -> Vec<Self> {
                let mut simpler = vec![0, self / 2, self.saturating_sub(1)];
                simpler.dedup();
                simpler.retain(|number| number < self);
                simpler
            }
        }
    )*};
}
numbers! { u8 u16 u32 u64 usize }

impl Value for bool {
    fn write(&self, text: &mut String) {
        text.push_str(if *self { "yes" } else { "no" });
    }
    fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
        match (line.goes_on("yes"), line.goes_on("no")) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => Err(line.damage("`yes` or `no`")),
        }
    }
    fn simpler(&self) -> Vec<Self> {
        if *self { vec![false] } else { Vec::new() }
    }
}

impl Value for Kind {
    fn write(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string has room");
    }
    fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
        let mut after = *line;
        let word = after.word();
        let kind = Kind::ALL.iter().find(|kind| format!("{kind:?}") == word);
        let kind = kind.ok_or_else(|| line.damage(format!("a kind of object: {}", list(Kind::ALL.iter()))))?;
        *line = after;
        Ok(*kind)
    }
    fn simpler(&self) -> Vec<Self> {
        if *self == Kind::Node { Vec::new() } else { vec![Kind::Node] }
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, text: &mut String) {
        match self {
            None => text.push_str("none"),
            Some(value) => value.write(text),
        }
    }
    fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
        if line.goes_on("none") {
            return Ok(None);
        }
        T::read(line)
            .map(Some)
            .map_err(|damage| Damage { expected: format!("`none` or {}", damage.expected), ..damage })
    }
    fn simpler(&self) -> Vec<Self> {
        let values = self.iter().flat_map(T::simpler).map(Some);
        self.iter().map(|_| None).chain(values).collect()
    }
}

/// `0.3`
impl<A: Value + Clone, B: Value + Clone> Value for (A, B) {
    fn write(&self, text: &mut String) {
        self.0.write(text);
        text.push('.');
        self.1.write(text);
    }
    fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
        let first = A::read(line)?;
        line.expect(".")?;
        Ok((first, B::read(line)?))
    }
    fn simpler(&self) -> Vec<Self> {
        let first = self.0.simpler().into_iter().map(|first| (first, self.1.clone()));
        first.chain(self.1.simpler().into_iter().map(|second| (self.0.clone(), second))).collect()
    }
}

/// `[1,2]`
impl<T: Value + Clone> Value for Vec<T> {
    fn write(&self, text: &mut String) {
        text.push('[');
        for (index, value) in self.iter().enumerate() {
            text.push_str(if index > 0 { "," } else { "" });
            value.write(text);
        }
        text.push(']');
    }
    fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
        let mut values = Vec::new();
        line.expect("[")?;
        while !line.goes_on("]") {
            if !values.is_empty() {
                line.expect(",")?;
            }
            values.push(T::read(line)?);
        }
        Ok(values)
    }
    fn simpler(&self) -> Vec<Self> {
        let without = (0..self.len()).map(|index| {
            let mut values = self.clone();
            values.remove(index);
            values
        });
        without.collect()
    }
}

/// What a line begins with, and the fields that follow.
macro_rules! forms {
    ($type:ident: $($word:literal $variant:ident { $($field:ident)* })*) => {
        impl $type {
            /// Appends the word and the fields.
            fn write(&self, text: &mut String) {
                match self {
                    $($type::$variant { $($field),* } => {
                        text.push_str($word);
                        $(
                            text.push_str(concat!(" ", stringify!($field), "="));
                            $field.write(text);
                        )*
                    })*
                    #[allow(unreachable_patterns)]
                    _ => unreachable!("a `mutate` is written otherwise"),
                }
            }

            /// Reads the word and the fields.
            fn read(line: &mut Line<'_>) -> Result<Self, Damage> {
                let start = *line;
                match line.word() {
                    $($word => {
                        $(let $field = line.field(stringify!($field))?;)*
                        line.end()?;
                        Ok($type::$variant { $($field),* })
                    })*
                    _ => Err(start.damage(list([$($word),*].iter()))),
                }
            }

            /// The same with one field simpler.
            pub(super) fn simpler(&self) -> Vec<Self> {
                let mut simpler = Vec::new();
                match self {
                    $($type::$variant { $($field),* } => {
                        $(for value in Value::simpler($field) {
                            let mut one = self.clone();
                            if let $type::$variant { $field, .. } = &mut one {
                                *$field = value;
                            }
                            simpler.push(one);
                        })*
                    })*
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
                simpler
            }
        }
    };
}

forms! { Op:
    "alloc" Alloc { kind len first into handle panics }
    "link" Link { from to }
    "unlink" Unlink { from }
    "swap" Swap { a b }
    "copy" Copy { from into }
    "chain" Chain { len ring into }
    "garbage" Garbage { count kind to }
    "hash" Hash { of }
    "downgrade" Downgrade { holder at target }
    "drop_weak" DropWeak { holder at }
    "copy_weak" CopyWeak { holder at into into_at }
    "upgrade" Upgrade { holder at into }
    "stash" Stash { hold target }
    "stash_weak" StashWeak { hold holder at }
    "fetch" Fetch { hold into }
    "drop_handle" DropHandle { hold }
    "clone_handle" CloneHandle { from into }
    "unfinished" Unfinished { made of }
    "request" Request {}
}

forms! { Step:
    "mutate_root" MutateRoot { set swap }
    "collect" Collect {}
    "collect_minor" CollectMinor {}
    "increments" Increments { bytes times }
    "stage" Stage {}
    "freeze" Freeze {}
    "drop_handle" DropHandle { hold }
    "clone_handle" CloneHandle { from into }
    "verify" Verify {}
    "refuse" Refuse { stacks commit }
}

/// ``one of `a`, `b` ``
fn list<T: Display>(words: impl Iterator<Item = T>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Display for Step {
    /// As in a file.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match self {
            Step::Mutate { ops, panics } => {
                text.push_str("mutate");
                for op in ops {
                    text.push_str("\n  ");
                    op.write(&mut text);
                }
                text.push_str(if *panics { "\n  panic" } else { "" });
            }
            other => other.write(&mut text),
        }
        f.write_str(&text)
    }
}

impl Display for Program {
    /// As in a file: the heap, and a line for each step and operation.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Program { limit, reservation, zeal, verify, refuses, each_step, steps } = self;
        let mut text = String::from("heap");
        macro_rules! fields {
            ($($field:ident)*) => {$(
                text.push_str(concat!(" ", stringify!($field), "="));
                $field.write(&mut text);
            )*};
        }
        fields! { limit reservation zeal verify refuses each_step }
        writeln!(f, "{text}")?;
        steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Display for Replay {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\ncheck {}\n{}end", self.check, self.program)
    }
}

impl Replay {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is damaged: where, and what should stand there.
    pub(super) fn read(text: &str) -> Result<Self, Damage> {
        let lines = text.lines().zip(1..).map(|(text, number)| Line { number, text, at: 0 });
        let mut lines = lines.filter(|line| line.number == 1 || !line.text.trim_start().starts_with('#')).peekable();
        let last = text.lines().count();
        let over = |expected: &str| Damage {
            line: last + 1,
            column: 1,
            expected: expected.into(),
            found: "the end of the file".into(),
        };
        let mut line = lines.next().ok_or_else(|| over(&format!("`{FIRST_LINE}`")))?;
        line.expect(FIRST_LINE)?;
        line.end()?;
        let mut line = lines.next().ok_or_else(|| over("`check`"))?;
        line.expect("check ")?;
        let start = line;
        let check = line.word();
        if check.is_empty() {
            return Err(start.damage("the name of a check"));
        }
        line.end()?;
        let mut line = lines.next().ok_or_else(|| over("`heap`"))?;
        line.expect("heap")?;
        let mut program = Program {
            limit: line.field("limit")?,
            reservation: line.field("reservation")?,
            zeal: line.field("zeal")?,
            verify: line.field("verify")?,
            refuses: line.field("refuses")?,
            each_step: line.field("each_step")?,
            steps: Vec::new(),
        };
        line.end()?;
        loop {
            let mut line = lines.next().ok_or_else(|| over("a step, or `end`"))?;
            let start = line;
            match line.word() {
                "end" => {
                    line.end()?;
                    break;
                }
                "mutate" => {
                    line.end()?;
                    let (mut ops, mut panics) = (Vec::new(), false);
                    while let Some(mut line) = lines.next_if(|line| line.text.starts_with("  ")) {
                        line.at = 2;
                        if panics {
                            return Err(line.damage("a step: nothing follows a panic"));
                        }
                        if line.rest() == "panic" {
                            panics = true;
                            continue;
                        }
                        ops.push(Op::read(&mut line).map_err(|mut damage| {
                            if damage.column == 3 {
                                damage.expected.push_str(", `panic`");
                            }
                            damage
                        })?);
                    }
                    program.steps.push(Step::Mutate { ops, panics });
                }
                _ => {
                    line = start;
                    program.steps.push(Step::read(&mut line).map_err(|mut damage| {
                        if damage.column == 1 {
                            damage.expected.push_str(", `mutate`, `end`");
                        }
                        damage
                    })?);
                }
            }
        }
        if let Some(line) = lines.find(|line| !line.text.is_empty()) {
            return Err(line.damage("the end of the file"));
        }
        Ok(Replay { check: check.into(), program })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::program::{Mode, programs};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 64 }) })]

        #[test]
        fn what_is_written_is_read(program in programs(Mode::Refusals)) {
            let text = Replay { check: "random_programs".into(), program }.to_string();
            let again = Replay::read(&text).unwrap_or_else(|damage| panic!("{damage}\n{text}"));
            prop_assert_eq!(again.to_string(), text);
        }

        /// Whatever becomes of a file, it is refused with a place in it, or is another program.
        #[test]
        fn nothing_damaged_ends_in_a_panic(program in programs(Mode::Plain), at: prop::sample::Index, with in "[ -~é\n]{0,3}") {
            let mut text = Replay { check: "random_programs".into(), program }.to_string();
            let at = at.index(text.len());
            text.replace_range(at..at + 1, &with);
            if let Err(damage) = Replay::read(&text) {
                prop_assert!((1..=text.lines().count() + 1).contains(&damage.line), "{}", damage);
            }
        }
    }

    fn refused(text: &str) -> String {
        Replay::read(text).expect_err("it is damaged").to_string()
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let head = "heap-core conformance replay 1\n# a note\ncheck random_programs\n\
                    heap limit=none reservation=none zeal=no verify=no refuses=no each_step=none\n";
        for (text, says) in [
            (String::new(), "line 1, column 1: expected `heap-core conformance replay 1`, found the end of the file"),
            ("heap-core conformance replay 2\n".into(), "line 1, column 1: expected `heap-core conformance replay 1`"),
            (
                format!("{head}mutate\n  alloc kind=Nod len=0"),
                "line 6, column 14: expected a kind of object: one of `Node`",
            ),
            (
                format!("{head}mutate\n  link from=3.70000 to=5\nend"),
                "line 6, column 15: expected a number up to 65535, found `70000`",
            ),
            (format!("{head}mutate\n  lnik from=3.7 to=5\nend"), "line 6, column 3: expected one of `alloc`, `link`"),
            (
                format!("{head}mutate\n  unlink from=3.7"),
                "line 7, column 1: expected a step, or `end`, found the end of the file",
            ),
            (format!("{head}colect\nend"), "line 5, column 1: expected one of `mutate_root`"),
            (
                format!("{head}mutate\n  panic\n  request\nend"),
                "line 7, column 3: expected a step: nothing follows a panic",
            ),
            (format!("{head}collect now\nend"), "line 5, column 8: expected the end of the line, found a space"),
            (format!("{head}increments bytes=1 tims=2\nend"), "line 5, column 19: expected ` times=`, found a space"),
            (format!("{head}end\ncollect"), "line 6, column 1: expected the end of the file, found `collect`"),
            (head.replace("zeal=no", "zeal=maybe"), "line 4, column 39: expected `yes` or `no`, found `maybe`"),
        ] {
            let refused = refused(&text);
            assert!(refused.starts_with(says), "{refused}\ninstead of\n{says}");
        }
    }

    #[test]
    fn simpler_is_simpler() {
        let op = Op::Chain { len: 6, ring: true, into: Some((4, 0)) };
        let simpler: Vec<String> = op.simpler().iter().map(|op| format!("{op:?}")).collect();
        assert_eq!(simpler.len(), 3 + 1 + 4, "{simpler:#?}");
        assert!(simpler[0].contains("len: 0") && simpler[4].contains("into: None"));
    }
}
