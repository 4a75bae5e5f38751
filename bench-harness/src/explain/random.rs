//! Random sequences of statements, and how one that shows something becomes short.
//!
//! Statements are drawn until the [`World`] accepts one, so every sequence is a program that Python executes without an
//! exception. Few names make many references meet.

use super::statement::{Expression, Key, Name, Operand, Statement};
use super::world::World;
use crate::workloads::Random;

const GLOBALS: [Name; 5] = ["a", "b", "c", "d", "e"];
const LOCALS: [Name; 2] = ["p", "q"];
const KEYS: [Key; 2] = ["k", "l"];

/// Statements of a sequence, at least and at most, without those that end its calls.
const LENGTH: (u32, u32) = (5, 40);
const DEEPEST: usize = 2;

/// A sequence that depends on the seed alone. It ends outside all calls, with a collection.
#[must_use]
pub fn sequence(seed: u64) -> Vec<Statement> {
    // Neighbouring seeds differ in a few bits; the first draw mixes them.
    let mut random = Random::new(Random::new(seed).bits());
    let mut world = World::new(true);
    let mut statements = Vec::new();
    let length = LENGTH.0 + random.below(LENGTH.1 - LENGTH.0);
    let mut add = |world: &mut World, statement: Statement| {
        let is_valid = world.run(&statement).is_ok();
        if is_valid {
            statements.push(statement);
        }
        is_valid
    };
    for _ in 0..length {
        loop {
            let statement = draw(&mut random, world.depth());
            if add(&mut world, statement) {
                break;
            }
        }
    }
    while world.depth() > 0 {
        add(&mut world, Statement::Return);
    }
    if random.below(2) == 0 {
        // Everything is lost in the end.
        for name in GLOBALS {
            add(&mut world, Statement::Delete(name));
        }
    }
    add(&mut world, Statement::Collect);
    statements
}

fn draw(random: &mut Random, depth: usize) -> Statement {
    let target = name(random, depth);
    match random.below(44) {
        0..8 => Statement::Bind(target, expression(random, depth)),
        8..10 => Statement::Bind(target, Expression::Value(operand(random, depth))),
        10 => Statement::Evaluate(expression(random, depth)),
        11..14 => Statement::Delete(target),
        14..24 => Statement::SetLink(target, operand(random, depth)),
        24..28 => Statement::Append(target, operand(random, depth)),
        28 => Statement::Pop(target),
        29 => Statement::SetItem(target, random.below(2) as usize, operand(random, depth)),
        30 => Statement::DeleteItem(target, random.below(2) as usize),
        31..33 => Statement::SetEntry(target, pick(random, &KEYS), operand(random, depth)),
        33 => Statement::DeleteEntry(target, pick(random, &KEYS)),
        34 => Statement::Clear(target),
        35..38 => Statement::Rebind(target, operand(random, depth)),
        38..40 if depth < DEEPEST => {
            let parameters = &LOCALS[..random.below(3) as usize];
            Statement::Call(parameters.iter().map(|name| (*name, operand(random, depth))).collect())
        }
        38..42 => Statement::Return,
        _ => Statement::Collect,
    }
}

fn expression(random: &mut Random, depth: usize) -> Expression {
    match random.below(12) {
        0..4 => Expression::Thing,
        4..6 => Expression::List(operands(random, depth, 0)),
        6 => Expression::Tuple(operands(random, depth, 1)),
        7 => {
            let keys = &KEYS[..random.below(3) as usize];
            Expression::Dict(keys.iter().map(|key| (*key, operand(random, depth))).collect())
        }
        8 => Expression::Capture(operand(random, depth)),
        9 => Expression::Item(name(random, depth), random.below(2) as usize),
        10 => Expression::Entry(name(random, depth), pick(random, &KEYS)),
        _ => Expression::Link(name(random, depth)),
    }
}

/// `least` operands, or up to two more.
fn operands(random: &mut Random, depth: usize, least: u32) -> Vec<Operand> {
    let length = least + random.below(3);
    (0..length).map(|_| operand(random, depth)).collect()
}

fn operand(random: &mut Random, depth: usize) -> Operand {
    if random.below(8) == 0 { Operand::Nothing } else { Operand::Of(name(random, depth)) }
}

fn name(random: &mut Random, depth: usize) -> Name {
    if depth > 0 && random.below(3) == 0 { pick(random, &LOCALS) } else { pick(random, &GLOBALS) }
}

fn pick(random: &mut Random, names: &[&'static str]) -> &'static str {
    names[random.below(names.len() as u32) as usize]
}

/// A shorter sequence of which `shows` is still true: statements are left out, calls with their ends, as long as that is
/// possible.
pub fn shortened(mut statements: Vec<Statement>, mut shows: impl FnMut(&[Statement]) -> bool) -> Vec<Statement> {
    let mut candidate_shows =
        |candidate: &[Statement]| World::observations(candidate, true).is_ok() && shows(candidate);
    loop {
        let before = statements.len();
        // From the end, where what is left out is needed by nobody.
        for index in (0..before).rev() {
            if index >= statements.len() {
                continue;
            }
            let mut candidate = statements.clone();
            match candidate[index] {
                Statement::Return => continue,
                Statement::Call(_) => drop(end_of_call(&candidate, index).map(|end| candidate.remove(end))),
                _ => {}
            }
            candidate.remove(index);
            if candidate_shows(&candidate) {
                statements = candidate;
            }
        }
        if statements.len() == before {
            return statements;
        }
    }
}

fn end_of_call(statements: &[Statement], call: usize) -> Option<usize> {
    let mut depth = 0;
    (call..statements.len()).find(|index| {
        match statements[*index] {
            Statement::Call(_) => depth += 1,
            Statement::Return => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::mem::discriminant;

    #[test]
    fn sequences_are_valid_different_and_show_everything() {
        let mut kinds = HashSet::new();
        let mut texts = HashSet::new();
        let (mut died, mut cycles) = (0, 0);
        for seed in 0..500 {
            let statements = sequence(seed);
            let seen = World::observations(&statements, true).expect("drawn to be valid");
            assert_eq!(statements, sequence(seed));
            assert_eq!(statements.last(), Some(&Statement::Collect));
            for (statement, seen) in statements.iter().zip(&seen) {
                kinds.insert(discriminant(statement));
                died += seen.died.len();
                if *statement == Statement::Collect {
                    cycles += seen.died.len();
                }
            }
            texts.insert(format!("{statements:?}"));
        }
        assert_eq!(kinds.len(), 15, "every kind of statement occurs");
        assert!(texts.len() > 490, "{}", texts.len());
        assert!(died > 1000 && cycles > 200, "{died} {cycles}");
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        // It shows something if a thing is ever referred to twice.
        let shows = |statements: &[Statement]| {
            let seen = World::observations(statements, true).unwrap();
            seen.iter().any(|seen| seen.counts.iter().flatten().any(|(_, count)| *count >= 2))
        };
        let long = (0..).map(sequence).find(|statements| shows(statements) && statements.len() > 20).unwrap();
        let short = shortened(long, shows);
        assert!(shows(&short) && short.len() <= 3, "{short:?}");
    }
}
