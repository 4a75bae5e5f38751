//! Makes a program that fails shorter, by trial.
//!
//! *What it needs:* an oracle that runs a program and says whether it fails. The oracle of a [report](super::report) runs it in
//! a process of its own, so that programs which crash are shortened like those that are refuted.
//!
//! *How:* steps are left out, then operations, halves first and then less (Zeller and Hildebrandt's delta debugging, without
//! its complements: what is left out stays out); then the heap's options; then each number, in favour of the simplest that
//! fails. Until nothing changes, or the time is over. Any failure counts: one that a check names is better than a crash, and if
//! a shorter program comes by one, so much the better.
//!
//! *Why not proptest's own:* it shortens what runs in the same process, and knows of values, not of programs.

use super::program::{Program, Step};

/// Makes the program shorter while `fails` says that it fails, and it does not say `None`: no more time.
pub(super) fn shrink(mut program: Program, fails: &mut dyn FnMut(&Program) -> Option<bool>) -> Program {
    // `None` ends all of it, wherever it comes from.
    while let Some(true) = once(&mut program, fails) {}
    program
}

/// Every way to make it shorter, once. Says whether one did.
fn once(program: &mut Program, fails: &mut dyn FnMut(&Program) -> Option<bool>) -> Option<bool> {
    let mut any = false;
    let mut attempt = |program: &mut Program, shorter: Program| {
        let does = fails(&shorter)?;
        if does {
            *program = shorter;
            any = true;
        }
        Some(does)
    };
    let len = program.steps.len();
    leave_out(program, len, &mut attempt, |program, range| {
        program.steps.drain(range);
    })?;
    for number in 0..program.steps.len() {
        let Step::Mutate { ops, .. } = &program.steps[number] else { continue };
        let len = ops.len();
        leave_out(program, len, &mut attempt, |program, range| {
            if let Step::Mutate { ops, .. } = &mut program.steps[number] {
                ops.drain(range);
            }
        })?;
    }
    let plain: [fn(&mut Program); 6] = [
        |program| program.refuses = false,
        |program| program.zeal = false,
        |program| program.verify = false,
        |program| program.limit = None,
        |program| program.reservation = None,
        |program| program.each_step = None,
    ];
    for change in plain {
        let mut shorter = program.clone();
        change(&mut shorter);
        if shorter.to_string() != program.to_string() {
            attempt(program, shorter)?;
        }
    }
    for number in 0..program.steps.len() {
        let Step::Mutate { ops, panics } = program.steps[number].clone() else {
            simplify(
                program,
                &mut attempt,
                |program| program.steps[number].simpler(),
                |program, step| {
                    program.steps[number] = step;
                },
            )?;
            continue;
        };
        if panics {
            let mut shorter = program.clone();
            shorter.steps[number] = Step::Mutate { ops: ops.clone(), panics: false };
            attempt(program, shorter)?;
        }
        for at in 0..ops.len() {
            let now = |program: &Program| match &program.steps[number] {
                Step::Mutate { ops, .. } => ops[at].simpler(),
                _ => Vec::new(),
            };
            simplify(program, &mut attempt, now, |program, op| {
                if let Step::Mutate { ops, .. } = &mut program.steps[number] {
                    ops[at] = op;
                }
            })?;
        }
    }
    Some(any)
}

/// Leaves out as much as can be of `len` things: in halves, quarters, and so on, the last first, because what follows a
/// failure is of no use.
fn leave_out(
    program: &mut Program,
    mut len: usize,
    attempt: &mut dyn FnMut(&mut Program, Program) -> Option<bool>,
    without: impl Fn(&mut Program, std::ops::Range<usize>),
) -> Option<()> {
    let mut part = len;
    while part > 0 {
        let mut end = len;
        while end > 0 {
            let start = end.saturating_sub(part);
            let mut shorter = program.clone();
            without(&mut shorter, start..end);
            if attempt(program, shorter)? {
                len -= end - start;
            }
            end = start;
        }
        part = part.min(len) / 2;
    }
    Some(())
}

/// Takes the first simpler form that fails, and goes on with that.
fn simplify<T>(
    program: &mut Program,
    attempt: &mut dyn FnMut(&mut Program, Program) -> Option<bool>,
    simpler: impl Fn(&Program) -> Vec<T>,
    set: impl Fn(&mut Program, T),
) -> Option<()> {
    'again: loop {
        for value in simpler(program) {
            let mut shorter = program.clone();
            set(&mut shorter, value);
            if attempt(program, shorter)? {
                continue 'again;
            }
        }
        return Some(());
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay::Replay;
    use super::*;

    const LONG: &str = "heap-core conformance replay 1\ncheck random_programs\n\
        heap limit=500000 reservation=none zeal=yes verify=yes refuses=no each_step=64\n\
        mutate\n  alloc kind=Bag len=7 first=2 into=0.3 handle=none panics=no\n  link from=0.3 to=5\n  request\n  panic\n\
        collect\nincrements bytes=1000 times=5\nstage\nverify\nmutate\n  hash of=700\n  garbage count=900 kind=Items to=3\n\
        collect_minor\ncollect\nend\n";

    /// A program fails when a minor collection follows a hundred pieces of garbage or more.
    fn fails(program: &Program) -> bool {
        let text = program.to_string();
        let count =
            text.split_once("garbage count=").map(|(_, rest)| rest[..rest.find(' ').unwrap()].parse::<u32>().unwrap());
        let order = text.find("garbage") < text.find("collect_minor");
        count.is_some_and(|count| count >= 100) && order
    }

    #[test]
    fn what_does_not_matter_is_left_out() {
        let program = Replay::read(LONG).expect("undamaged").program;
        let mut attempts = 0;
        let short = shrink(program, &mut |program| {
            attempts += 1;
            Some(fails(program))
        });
        assert_eq!(
            short.to_string(),
            "heap limit=none reservation=none zeal=no verify=no refuses=no each_step=none\n\
             mutate\n  garbage count=100 kind=Node to=0\ncollect_minor\n"
        );
        assert!(attempts < 200, "{attempts} attempts");
    }

    #[test]
    fn it_ends_when_the_time_is_over() {
        let program = Replay::read(LONG).expect("undamaged").program;
        let mut left = 3;
        let short = shrink(program, &mut |program| {
            left -= 1;
            (left > 0).then(|| fails(program))
        });
        assert!(fails(&short) && left == 0);
    }
}
