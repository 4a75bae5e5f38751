//! All observers over one sequence, or over thousands.
//!
//! Who counts must say the same as CPython at every step, with every count and every death. Who traces knows no counts,
//! and may be late; but after `gc.collect()` the same objects are dead, and none ever is that lives. A collector that
//! leaves cycles alone is compared with a CPython that is not asked to collect any. Without CPython the standard is the
//! [`World`], which is otherwise compared as well.

use super::heap::Interpreter;
use super::made;
use super::observation::{Difference, Observation, Promise, differences};
use super::python::Python;
use super::random;
use super::statement::Statement;
use super::world::World;
use crate::contestants::collector::Collector;
use crate::text::names::Named;

/// Scripts that are handed over before the answer to the first is read.
const AHEAD: usize = 100;

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Sequences.
    pub sequences: usize,
    /// Their statements.
    pub statements: usize,
    /// Objects that these made.
    pub objects: usize,
    /// Times that the references to an object were counted.
    pub counts: usize,
    /// Objects that died.
    pub deaths: usize,
}

/// A sequence on which two observers disagree.
#[derive(Clone, Debug)]
pub struct Finding {
    /// From which the sequence was drawn, before it was made shorter.
    pub seed: u64,
    /// The sequence.
    pub statements: Vec<Statement>,
    /// Where they disagree.
    pub differences: Vec<Difference>,
}

/// Compares collectors with each other, and with CPython.
pub struct Check<'a> {
    collectors: &'a [Collector],
    python: Option<&'a mut Python>,
    /// Whether any collector leaves cycles alone, so that a standard is needed that does.
    any_leaks: bool,
    extent: Extent,
}

impl<'a> Check<'a> {
    /// Nothing has been compared so far.
    #[must_use]
    pub fn new(collectors: &'a [Collector], python: Option<&'a mut Python>) -> Self {
        let any_leaks = collectors.iter().any(|collector| leaks(*collector));
        Check { collectors, python, any_leaks, extent: Extent::default() }
    }

    /// How much was compared so far.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Compares on one sequence, which must be valid, and returns where observers disagree.
    ///
    /// # Errors
    /// A sentence, when CPython does not answer or there is no memory for a heap.
    pub fn one(&mut self, statements: &[Statement]) -> Result<Vec<Difference>, String> {
        self.send(statements)?;
        self.examine(statements)
    }

    /// Compares on so many random sequences, until observers disagree on one; that is made shorter.
    ///
    /// # Errors
    /// As [`one`](Self::one).
    pub fn random(&mut self, count: usize, seed: u64) -> Result<Option<Finding>, String> {
        let mut seeds = (seed..=u64::MAX).chain(0..seed).take(count);
        loop {
            let batch: Vec<_> = seeds.by_ref().take(AHEAD).map(|seed| (seed, random::sequence(seed))).collect();
            if batch.is_empty() {
                return Ok(None);
            }
            for (_, statements) in &batch {
                self.send(statements)?;
            }
            let mut found = None;
            for (seed, statements) in batch {
                // The answers to what was handed over are read in any case.
                let differences = self.examine(&statements)?;
                if !differences.is_empty() && found.is_none() {
                    found = Some(Finding { seed, statements, differences });
                }
            }
            if let Some(finding) = found {
                return self.shortened(finding).map(Some);
            }
        }
    }

    fn shortened(&mut self, Finding { seed, statements, differences }: Finding) -> Result<Finding, String> {
        let (mut outcome, mut last) = (Ok(()), differences);
        let statements = random::shortened(statements, |candidate| match self.one(candidate) {
            Ok(differences) if differences.is_empty() => false,
            Ok(differences) => {
                last = differences;
                true
            }
            Err(error) => {
                outcome = Err(error);
                false
            }
        });
        outcome.map(|()| Finding { seed, statements, differences: last })
    }

    fn send(&mut self, statements: &[Statement]) -> Result<(), String> {
        if let Some(python) = &mut self.python {
            python.send(statements, true)?;
            if self.any_leaks {
                python.send(statements, false)?;
            }
        }
        Ok(())
    }

    /// As [`one`](Self::one), of a sequence that CPython has.
    fn examine(&mut self, statements: &[Statement]) -> Result<Vec<Difference>, String> {
        let mut found = Vec::new();
        let mut standards = Vec::new();
        for collects in [true, false] {
            if !collects && !self.any_leaks {
                continue;
            }
            let world = World::observations(statements, collects).expect("the sequence is valid");
            let Some(python) = &mut self.python else {
                standards.push(("the model", world));
                continue;
            };
            match python.receive()? {
                Ok(observed) => {
                    let model = ("the model", world.as_slice());
                    found.extend(differences(statements, ("CPython", &observed), model, Promise::Counts));
                    standards.push(("CPython", observed));
                }
                Err(exception) => {
                    let (line, statement) = exception.place(statements);
                    found.push(Difference { line, statement, sentence: format!("CPython raises {}", exception.text) });
                    standards.push(("the model", world));
                }
            }
        }
        self.note(statements, &standards[0].1);
        for collector in self.collectors {
            let mut interpreter = Interpreter::new(*collector, true)?;
            let observed: Vec<_> = statements.iter().map(|statement| interpreter.run(statement)).collect();
            let (name, standard) = &standards[usize::from(leaks(*collector))];
            let observed = (collector.name(), observed.as_slice());
            found.extend(differences(statements, (name, standard), observed, promise(*collector)));
            if let Err(sentence) = interpreter.verify() {
                let sentence = format!("the heap of {} is broken: {sentence}", collector.name());
                found.push(Difference { line: statements.len(), statement: "the end".to_owned(), sentence });
            }
        }
        Ok(found)
    }

    fn note(&mut self, statements: &[Statement], observed: &[Observation]) {
        self.extent.sequences += 1;
        self.extent.statements += statements.len();
        let counts = |seen: &Observation| seen.counts.as_ref().map_or(0, |counts| counts.len());
        let (mut deaths, last) = (0, observed.last().map_or(0, counts));
        for seen in observed {
            self.extent.counts += counts(seen);
            deaths += seen.died.len();
        }
        self.extent.deaths += deaths;
        // Each object that was seen is dead or there; those that were never seen alive are among the dead.
        self.extent.objects += deaths + last;
    }
}

/// What a collector promises here, where counts are settled after every statement.
fn promise(collector: Collector) -> Promise {
    let capabilities = made(collector).capabilities();
    match capabilities {
        _ if capabilities.counts => Promise::Counts,
        _ if capabilities.reclaims => Promise::Reclaims,
        _ => Promise::Keeps,
    }
}

/// Whether it counts and leaves cycles alone.
fn leaks(collector: Collector) -> bool {
    let capabilities = made(collector).capabilities();
    capabilities.counts && !capabilities.reclaims_cycles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::statement::{Expression, Operand};

    #[test]
    fn every_collector_does_what_the_statements_mean() {
        let mut check = Check::new(&Collector::ALL, None);
        let finding = check.random(200, 1).unwrap();
        assert!(finding.is_none(), "{finding:?}");
        let Extent { sequences, statements, objects, counts, deaths } = check.extent();
        assert_eq!(sequences, 200);
        assert!(statements > 3000 && objects > 800 && counts > 5000 && deaths > 500, "{:?}", check.extent());
    }

    /// A collector that counts, whose counts nobody settles, does not pass for one whose counts are immediate.
    #[test]
    fn late_counts_are_noticed() {
        let statements = [
            Statement::Bind("x", Expression::Thing),
            Statement::Bind("y", Expression::Value(Operand::Of("x"))),
            Statement::Delete("x"),
            Statement::Delete("y"),
            Statement::Collect,
        ];
        let mut interpreter = Interpreter::new(Collector::REFCOUNT_CYCLES, false).unwrap();
        let observed: Vec<_> = statements.iter().map(|statement| interpreter.run(statement)).collect();
        let expected = World::observations(&statements, true).unwrap();
        let found = |promise| differences(&statements, ("model", &expected), ("ours", &observed), promise);
        assert!(!found(Promise::Counts).is_empty());
        assert_eq!(found(Promise::Reclaims), []);
    }
}
