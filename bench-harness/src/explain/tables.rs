//! The chapters as text, of at most 80 columns: a row for each statement, a column for each observer.

use super::chapters::{Chapter, Lesson};
use super::heap::Interpreter;
use super::made;
use super::observation::Observation;
use super::python::Python;
use super::statement::{Statement, depths};
use super::world::World;
use super::{costs, memory};
use crate::contestants::collector::Collector;
use crate::text::format;
use crate::text::names::Named;

/// The width that everything fits into.
pub const WIDTH: usize = 80;

/// The column of statements.
const STATEMENTS: usize = 26;

/// Columns of a table, at most; further observers have a table of their own.
const COLUMNS: usize = 4;

/// A table: what stands above each column, and the rows.
struct Table {
    heads: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    /// As text; as several tables, if there are too many columns.
    fn text(&self) -> String {
        let mut text = String::new();
        let longest = self.rows.iter().flat_map(|(_, cells)| cells).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let most = ((WIDTH - STATEMENTS) / (longest + 1)).clamp(1, COLUMNS);
        for first in (0..self.heads.len()).step_by(most) {
            let columns = first..(first + most).min(self.heads.len());
            let width = (WIDTH - STATEMENTS) / columns.len().max(3);
            let heads: Vec<_> = self.heads[columns.clone()].iter().map(|head| fold(head, width - 1)).collect();
            for line in 0..heads.iter().map(Vec::len).max().unwrap_or(0) {
                let cell = |head: &Vec<String>| head.get(line).cloned().unwrap_or_default();
                text.push_str(&row("", heads.iter().map(cell), width));
            }
            text.push_str(&format!("  {}\n", "-".repeat(STATEMENTS - 3 + width * columns.len())));
            for (label, cells) in &self.rows {
                text.push_str(&row(label, cells[columns.clone()].iter().cloned(), width));
            }
            text.push('\n');
        }
        text
    }
}

fn row(label: &str, cells: impl Iterator<Item = String>, width: usize) -> String {
    let mut line = format!("  {label:<width$}", width = STATEMENTS - 2);
    for cell in cells {
        line.push_str(&format!("{cell:<width$}"));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// Breaks a name into lines, behind its separators if possible.
fn fold(name: &str, width: usize) -> Vec<String> {
    let (mut lines, mut rest) = (Vec::new(), name);
    loop {
        let Some((end, _)) = rest.char_indices().nth(width) else {
            lines.push(rest.to_owned());
            return lines;
        };
        let at = rest[..end].rfind(['-', ':', ',', ' ']).map_or(end, |at| at + 1);
        let (line, after) = rest.split_at(at);
        lines.push(line.trim_end().to_owned());
        rest = after;
    }
}

/// A paragraph.
fn paragraph(text: &str) -> String {
    let lines: Vec<_> = format::wrap(text, WIDTH).iter().map(|line| format!("{line}\n")).collect();
    lines.concat() + "\n"
}

/// What the tables mean.
#[must_use]
pub fn introduction(settle: bool) -> String {
    let mut text = paragraph(
        "How many references lead to an object, and when does it die? Each row is a statement, as Python would have it, \
         and what is seen of one object when it has been executed. A number is the count, as the collector knows it; \
         collectors that trace have none. The object is `alive` while the program can reach it; it is `lost` when the \
         program cannot, and its memory is still taken; and `free` when its memory may be used for something else.",
    );
    text.push_str(&paragraph(if settle {
        "Counting is deferred in our heaps. Here counts are settled after every statement, so that they can be compared \
         with those of CPython, which counts at once. See the chapter `deferred` for what happens otherwise."
    } else {
        "Counts are as they are between two collections: those of the last safepoint at which they were settled. A heap \
         of so few objects has none but those that are asked for, by `gc.collect()`."
    }));
    text
}

/// A chapter: what it is about, and its tables.
///
/// # Errors
/// A sentence, when there is no memory for a heap, or CPython does not answer.
pub fn chapter(
    chapter: Chapter,
    collectors: &[Collector],
    settle: bool,
    mut python: Option<&mut Python>,
) -> Result<String, String> {
    let title = chapter.title();
    let mut text = format!("{title}\n{}\n\n", "=".repeat(title.len()));
    for lesson in chapter.lessons() {
        text.push_str(&paragraph(lesson.about));
        let mut columns = Vec::new();
        match chapter {
            Chapter::Deferred => {
                let counting = collectors.iter().filter(|collector| made(**collector).capabilities().counts);
                for collector in counting {
                    for (settle, how) in [(true, "settled each time"), (false, "deferred")] {
                        columns.push(Column::of(&lesson, *collector, settle)?.called(how));
                    }
                }
                if columns.is_empty() {
                    text.push_str(&paragraph("None of the chosen collectors counts."));
                    continue;
                }
            }
            _ => {
                for collector in collectors {
                    columns.push(Column::of(&lesson, *collector, settle)?);
                }
            }
        }
        if let Some(python) = &mut python {
            columns.push(Column::of_python(&lesson, python)?);
        }
        let depths = depths(&lesson.statements);
        let statements = lesson.statements.iter().zip(depths);
        let labels = statements.map(|(statement, depth)| format!("{}{statement}", "  ".repeat(depth)));
        let cells = |line: usize| columns.iter().map(|column| column.cells[line].clone()).collect();
        let rows = labels.enumerate().map(|(line, label)| (label, cells(line))).collect();
        let heads = columns.iter().map(|column| column.head.clone()).collect();
        text.push_str(&Table { heads, rows }.text());
        text.push_str(&paragraph(&ending(&lesson, &columns)));
    }
    let heads = || collectors.iter().map(|collector| collector.name().to_owned()).collect();
    match chapter {
        Chapter::Memory => {
            text.push_str(&paragraph(
                "Memory is taken from the system in blocks, and an object is a piece of one. When objects die, their \
                 memory stays with the heap, for those that come next; free blocks go back to the system when they are \
                 not needed for long, or at once if the program says that it will be idle. A collector that copies \
                 gives an object a new address.",
            ));
            text.push_str(&Table { heads: heads(), rows: memory::rows(collectors)? }.text());
        }
        Chapter::Costs => {
            text.push_str(&paragraph(
                "A value on the stack comes and goes with the call that it belongs to. A Box is memory that the program \
                 asks for and gives back by hand. An object of a heap is given back by the collector: its release is \
                 that of the reference, and a collection. A permanent object (Heap::freeze) is never given back, and no \
                 collection looks at it: so its making includes the freezing. Nanoseconds for each of 200,000 objects of \
                 eight bytes, the least of five rounds, on this machine.",
            ));
            text.push_str(&Table { heads: heads(), rows: costs::rows(collectors)? }.text());
        }
        _ => {}
    }
    Ok(text)
}

/// What one observer sees of the object of a lesson.
struct Column {
    head: String,
    cells: Vec<String>,
    /// The line after which the object is free.
    freed: Option<usize>,
}

impl Column {
    fn of(lesson: &Lesson, collector: Collector, settle: bool) -> Result<Self, String> {
        let mut interpreter = Interpreter::new(collector, settle)?;
        let mut column = Column { head: collector.name().to_owned(), cells: Vec::new(), freed: None };
        let mut address = None;
        for statement in &lesson.statements {
            let observation = interpreter.run(statement);
            let sight = interpreter.sight(lesson.object)?;
            let is_reachable = sight.is_some_and(|sight| sight.bytes.is_some());
            let now = sight.map(|sight| sight.address);
            let moved = address.is_some() && now.is_some() && now != address;
            address = now;
            column.add(lesson, &observation, is_reachable, moved);
        }
        Ok(column)
    }

    fn of_python(lesson: &Lesson, python: &mut Python) -> Result<Self, String> {
        python.send(&lesson.statements, true)?;
        let observed = python.receive()?.map_err(|exception| {
            let (line, statement) = exception.place(&lesson.statements);
            format!("CPython raises {} in line {line}, `{statement}`", exception.text)
        })?;
        let mut column = Column { head: format!("CPython {}", python.version()), cells: Vec::new(), freed: None };
        // CPython does not say whether an object can be reached: that follows from the statements.
        let mut world = World::new(true);
        for (statement, observation) in lesson.statements.iter().zip(&observed) {
            world.run(statement).expect("lessons are valid");
            column.add(lesson, observation, world.reaches(lesson.object), false);
        }
        Ok(column)
    }

    fn called(self, how: &str) -> Self {
        Column { head: format!("{} {how}", self.head), ..self }
    }

    fn add(&mut self, lesson: &Lesson, observation: &Observation, is_reachable: bool, moved: bool) {
        let line = self.cells.len();
        if observation.died.contains(&lesson.object) {
            self.freed = Some(line);
        }
        let is_made = self.cells.iter().any(|cell| !cell.is_empty()) || makes(lesson, line);
        let state = match (self.freed, is_reachable) {
            _ if !is_made => String::new(),
            (Some(_), _) => "free".to_owned(),
            (None, true) if moved => "alive, moved".to_owned(),
            (None, true) => "alive".to_owned(),
            (None, false) => "lost".to_owned(),
        };
        let count = observation.counts.as_ref().and_then(|counts| counts.get(&lesson.object));
        self.cells.push(match (&observation.counts, count) {
            (Some(_), Some(count)) => format!("{count:>2} {state}"),
            (Some(_), None) if is_made => format!("   {state}"),
            _ => state,
        });
    }
}

/// Whether the object of the lesson exists after this line.
fn makes(lesson: &Lesson, line: usize) -> bool {
    let mut world = World::new(true);
    lesson.statements[..=line].iter().any(|statement| {
        let seen = world.run(statement).expect("lessons are valid");
        seen.counts.iter().any(|counts| counts.contains_key(&lesson.object)) || seen.died.contains(&lesson.object)
    })
}

/// When it was lost, and when who gave its memory back.
fn ending(lesson: &Lesson, columns: &[Column]) -> String {
    let mut world = World::new(true);
    let mut was_alive = false;
    let lost = lesson.statements.iter().position(|statement| {
        world.run(statement).expect("lessons are valid");
        let is_alive = world.reaches(lesson.object);
        std::mem::replace(&mut was_alive, is_alive) && !is_alive
    });
    let Some(lost) = lost else { return format!("{} is never lost.", lesson.called) };
    let line = |at: usize| format!("`{}`", lesson.statements[at]);
    // Observers of the same line, in the order of lines.
    let mut when: Vec<(Option<usize>, Vec<&str>)> = Vec::new();
    for column in columns {
        match when.iter_mut().find(|(freed, _)| *freed == column.freed) {
            Some((_, heads)) => heads.push(&column.head),
            None => when.push((column.freed, vec![&column.head])),
        }
    }
    when.sort_by_key(|(freed, _)| freed.unwrap_or(usize::MAX));
    let sentence = |(freed, heads): &(Option<usize>, Vec<&str>)| {
        let when = match freed {
            Some(at) if *at == lost => "at once".to_owned(),
            Some(at) if lesson.statements[*at] == Statement::Collect => format!("by {}", line(*at)),
            Some(at) => format!("at {}", line(*at)),
            None => "never".to_owned(),
        };
        format!("{when} with {}", heads.join(", "))
    };
    let endings: Vec<_> = when.iter().map(sentence).collect();
    let what = lesson.called.split_at(1);
    format!("{}{} is lost at {}. It is free {}.", what.0.to_uppercase(), what.1, line(lost), endings.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [Collector; 3] = [Collector::REFCOUNT_CYCLES, Collector::MARKSWEEP, Collector::GENERATIONAL];

    #[test]
    fn a_cycle_as_each_collector_sees_it() {
        let text = chapter(Chapter::Cycles, &OURS, true, None).unwrap();
        let expected = "
                          refcount-cycles   marksweep         generational
  -----------------------------------------------------------------------------
  x = Thing()              1 alive          alive             alive
  y = Thing()              1 alive          alive             alive
  x.link = y               1 alive          alive             alive
  y.link = x               2 alive          alive             alive
  del y                    2 alive          alive             alive
  del x                    1 lost           lost              lost
  gc.collect()               free           free              free

The Thing is lost at `del x`. It is free by `gc.collect()` with refcount-cycles,
marksweep, generational.
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn deferred_counts_are_those_of_the_last_safepoint() {
        let text = chapter(Chapter::Deferred, &OURS, true, None).unwrap();
        let row = |statement: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(statement)).unwrap();
            line.trim_start()[statement.len()..].split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("x = Thing()"), "1 alive 0 alive");
        assert_eq!(row("box = [x, x]"), "4 alive 2 alive");
        assert_eq!(row("del y"), "free 1 lost");
    }

    #[test]
    fn everything_fits_into_80_columns_whoever_is_chosen() {
        let with_settings = Collector::from_name("generational:nursery=1M,growth=2,evacuation=no").unwrap();
        let many = [Collector::ALL.as_slice(), &[with_settings]].concat();
        let mut text = introduction(true) + &introduction(false);
        for each in Chapter::all() {
            for (collectors, settle) in [(many.as_slice(), true), (&OURS, false), (&[], true)] {
                if each != Chapter::Costs {
                    text.push_str(&chapter(each, collectors, settle, None).unwrap());
                }
            }
        }
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH && line.trim_end() == line, "{line:?}");
        }
    }
}
