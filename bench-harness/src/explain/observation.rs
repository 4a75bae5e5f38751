//! [`Observation`]: what can be seen of all objects after a statement; and where two of them differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::statement::Statement;
use crate::text::format;

/// What is seen after a statement. Objects are numbered from 1, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The references to each object that is there; nothing, where references are not counted.
    pub counts: Option<BTreeMap<usize, u64>>,
    /// The objects that were reclaimed in this step.
    pub died: BTreeSet<usize>,
}

/// Of what is observed, what must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Every count, and every death when it happens.
    Counts,
    /// After a collection, all that was dead is reclaimed; what is reachable never.
    Reclaims,
    /// Nothing is ever reclaimed.
    Keeps,
}

/// Where two observers disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the statement, from 1.
    pub line: usize,
    /// The statement.
    pub statement: String,
    /// What one says, and what the other says.
    pub sentence: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, `{}`: {}", self.line, self.statement, self.sentence)
    }
}

/// Where `other` breaks its promise, in the eyes of `standard`, which counts and reclaims at once.
pub(super) fn differences(
    statements: &[Statement],
    (standard, expected): (&str, &[Observation]),
    (other, observed): (&str, &[Observation]),
    promise: Promise,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let (mut expected_dead, mut dead) = (BTreeSet::<usize>::new(), BTreeSet::<usize>::new());
    for (index, statement) in statements.iter().enumerate() {
        let mut differ = |sentence: String| {
            found.push(Difference { line: index + 1, statement: statement.to_string(), sentence });
        };
        let (Some(expected), Some(observed)) = (expected.get(index), observed.get(index)) else {
            let (silent, seen) =
                if expected.len() <= index { (standard, expected.len()) } else { (other, observed.len()) };
            differ(format!("{silent} says nothing after {}", format::plural(seen, "statement")));
            break;
        };
        expected_dead.extend(&expected.died);
        dead.extend(&observed.died);
        match promise {
            Promise::Counts => {
                for number in expected.died.symmetric_difference(&observed.died) {
                    let (dies, lives) =
                        if expected.died.contains(number) { (standard, other) } else { (other, standard) };
                    differ(format!("object {number} dies in {dies}, not in {lives}"));
                }
                let none = BTreeMap::new();
                let (ours, theirs) = (observed.counts.as_ref(), expected.counts.as_ref());
                let (ours, theirs) = (ours.unwrap_or(&none), theirs.unwrap_or(&none));
                let numbers: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
                for number in numbers {
                    let count =
                        |counts: &BTreeMap<usize, u64>| counts.get(number).map_or("none".into(), u64::to_string);
                    let (ours, theirs) = (count(ours), count(theirs));
                    if ours != theirs {
                        differ(format!("references to object {number}: {ours} in {other}, {theirs} in {standard}"));
                    }
                }
            }
            Promise::Reclaims => {
                for number in dead.difference(&expected_dead) {
                    differ(format!("object {number} is dead in {other}, and lives in {standard}"));
                }
                if *statement == Statement::Collect {
                    for number in expected_dead.difference(&dead) {
                        differ(format!("object {number} is dead in {standard}, and lives in {other}"));
                    }
                }
            }
            Promise::Keeps => {
                for number in &observed.died {
                    differ(format!("object {number} dies in {other}, which reclaims nothing"));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::statement::Expression;

    fn seen(counts: &[(usize, u64)], died: &[usize]) -> Observation {
        Observation { counts: Some(counts.iter().copied().collect()), died: died.iter().copied().collect() }
    }

    #[test]
    fn a_difference_names_line_object_and_sides() {
        let statements = [Statement::Bind("x", Expression::Thing), Statement::Delete("x"), Statement::Collect];
        let python = [seen(&[(1, 1)], &[]), seen(&[], &[1]), seen(&[], &[])];
        let sentences = |observed: &[Observation], promise| {
            let found = differences(&statements, ("CPython", &python), ("ours", observed), promise);
            found.iter().map(Difference::to_string).collect::<Vec<_>>()
        };
        assert!(sentences(&python, Promise::Counts).is_empty());
        let late = [seen(&[(1, 2)], &[]), seen(&[(1, 1)], &[]), seen(&[], &[1])];
        assert_eq!(
            sentences(&late, Promise::Counts),
            [
                "line 1, `x = Thing()`: references to object 1: 2 in ours, 1 in CPython",
                "line 2, `del x`: object 1 dies in CPython, not in ours",
                "line 2, `del x`: references to object 1: 1 in ours, none in CPython",
                "line 3, `gc.collect()`: object 1 dies in ours, not in CPython",
            ]
        );
        // Who collects may be late, but not at a collection, and not early.
        assert!(sentences(&late, Promise::Reclaims).is_empty());
        let never = [seen(&[], &[]), seen(&[], &[]), seen(&[], &[])];
        assert_eq!(
            sentences(&never, Promise::Reclaims),
            ["line 3, `gc.collect()`: object 1 is dead in CPython, and lives in ours"]
        );
        assert!(sentences(&never, Promise::Keeps).is_empty());
        let early = [seen(&[], &[1]), seen(&[], &[]), seen(&[], &[])];
        assert_eq!(
            sentences(&early, Promise::Reclaims),
            ["line 1, `x = Thing()`: object 1 is dead in ours, and lives in CPython"]
        );
        assert_eq!(sentences(&early, Promise::Keeps).len(), 1);
        assert_eq!(sentences(&python[..1], Promise::Counts), ["line 2, `del x`: ours says nothing after 1 statement"]);
    }
}
