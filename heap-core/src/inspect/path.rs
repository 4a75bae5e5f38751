//! [`RootPath`]: the way from a root to an object, which is what keeps it alive.

use std::collections::VecDeque;
use std::fmt;

use super::dominators::filled;
use super::names::{fitting, tail};
use super::type_name;
use super::walk::{ROOT, references};
use crate::error::AllocError;
use crate::machine::{Numbers, Reached};
use crate::object::{NameBuffers, Object, ObjectRef};

/// One step of a [`RootPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The place in the object before: a field, an element. Of the first step, which root it is: `root`, `handle`,
    /// `finalizer queue`.
    pub place: String,
    /// The type of the object that it leads to.
    pub type_name: String,
}

/// A way from a root to an object, one of the shortest: what keeps the object alive, or one of several reasons.
///
/// Displayed with a line for each step, of at most 80 columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPath {
    steps: Vec<Step>,
}

/// Steps of a long path that are displayed at each end.
const SHOWN: usize = 8;

impl RootPath {
    /// The steps, the root's first, the object's last.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.steps.len().saturating_sub(2 * SHOWN);
        for (number, step) in self.steps.iter().enumerate() {
            if skipped > 1 && number >= SHOWN && number < SHOWN + skipped {
                if number == SHOWN {
                    writeln!(f, "    … {skipped} steps")?;
                }
                continue;
            }
            writeln!(f, "    {:<24} {}", tail(&step.place, 24), fitting(&step.type_name, 51))?;
        }
        Ok(())
    }
}

/// From where each object was reached first, going breadth first from the roots.
pub(crate) struct Parents<'r> {
    reached: &'r Reached,
    numbers: &'r Numbers<'r>,
    /// By number. Of roots, themselves.
    parents: Vec<Option<ObjectRef>>,
    roots: Vec<(&'static str, ObjectRef)>,
}

impl<'r> Parents<'r> {
    /// Looks at everything until `target` is found, or everything was found. Eight bytes for each object, and eight for
    /// each that waits.
    pub(crate) fn of(
        roots: Vec<(&'static str, ObjectRef)>,
        reached: &'r Reached,
        numbers: &'r Numbers<'r>,
        until: Option<ObjectRef>,
    ) -> Result<Self, AllocError> {
        let parents = filled(numbers.count(), None)?;
        let mut found = Parents { reached, numbers, parents, roots };
        let (mut queue, mut buffers) = (VecDeque::new(), NameBuffers::default());
        for number in 0..found.roots.len() {
            let root = found.roots[number].1;
            found.note(root, root, &mut queue)?;
        }
        while let Some(object) = queue.pop_front() {
            if until == Some(object) {
                break;
            }
            let mut outcome = Ok(());
            references(at(object), reached, &mut buffers, &mut |_, target| {
                if outcome.is_ok() {
                    outcome = found.note(target, object, &mut queue);
                }
            })?;
            outcome?;
        }
        Ok(found)
    }

    fn note(
        &mut self,
        object: ObjectRef,
        parent: ObjectRef,
        queue: &mut VecDeque<ObjectRef>,
    ) -> Result<(), AllocError> {
        let number = self.numbers.of(object).expect("what an object leads to that was reached was reached");
        if self.parents[number].is_none() {
            self.parents[number] = Some(parent);
            queue.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            queue.push_back(object);
        }
        Ok(())
    }

    /// The way to an object.
    pub(crate) fn path_to(&self, object: ObjectRef) -> Result<RootPath, AllocError> {
        let (mut at_object, mut steps, mut buffers) = (object, Vec::new(), NameBuffers::default());
        loop {
            let number = self.numbers.of(at_object).expect("it was reached");
            let parent = self.parents[number].expect("whatever was reached was reached from somewhere");
            let type_name = type_name(at(at_object));
            steps.try_reserve(1).map_err(|_| AllocError::REFUSED)?;
            if parent == at_object {
                let root = self.roots.iter().find(|(_, root)| *root == at_object);
                steps.push(Step { place: root.map_or(ROOT, |(name, _)| name).into(), type_name });
                steps.reverse();
                return Ok(RootPath { steps });
            }
            let mut place = None;
            references(at(parent), self.reached, &mut buffers, &mut |name, target| {
                if place.is_none() && target == at_object {
                    place = Some(name.to_string());
                }
            })?;
            steps.push(Step { place: place.unwrap_or_default(), type_name });
            at_object = parent;
        }
    }
}

fn at<'r>(object: ObjectRef) -> Object<'r> {
    // SAFETY: as for `objects`: it was reached.
    unsafe { Object::at(object) }
}
