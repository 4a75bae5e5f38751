//! The sequences that explain, with the sentences around them.

use super::statement::Expression::{Capture, Dict, List, Thing, Tuple, Value};
use super::statement::Operand::{Nothing, Of};
use super::statement::Statement::{
    self, Append, Bind, Call, Clear, Collect, Delete, DeleteEntry, Pop, Rebind, Return, SetLink,
};
use crate::text::names::Named;

/// A chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// Names come and go.
    Names,
    /// Lists, tuples, dicts.
    Containers,
    /// Variables that functions capture, and calls.
    Functions,
    /// One death is followed by others.
    Chains,
    /// What counting alone never reclaims.
    Cycles,
    /// What a deferred count is between two safepoints.
    Deferred,
    /// Where objects lie, and what becomes of their memory.
    Memory,
    /// What they cost, on the stack and elsewhere.
    Costs,
}

impl Named for Chapter {
    const KIND: &'static str = "chapter";

    fn all() -> Vec<Self> {
        use Chapter::{Chains, Containers, Costs, Cycles, Deferred, Functions, Memory, Names};
        vec![Names, Containers, Functions, Chains, Cycles, Deferred, Memory, Costs]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Containers => "containers",
            Self::Functions => "functions",
            Self::Chains => "chains",
            Self::Cycles => "cycles",
            Self::Deferred => "deferred",
            Self::Memory => "memory",
            Self::Costs => "costs",
        }
    }
}

/// Statements, and the object that the tables follow.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// What is to be seen.
    pub about: &'static str,
    /// The statements.
    pub statements: Vec<Statement>,
    /// The number of the object: the how manieth is made.
    pub object: usize,
    /// What to call it.
    pub called: &'static str,
}

impl Chapter {
    /// What the chapter begins with.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Names => "Names",
            Self::Containers => "Containers",
            Self::Functions => "Functions",
            Self::Chains => "Chains",
            Self::Cycles => "Cycles",
            Self::Deferred => "Deferred counting",
            Self::Memory => "Memory, handed back and used again",
            Self::Costs => "Static against dynamic",
        }
    }

    /// Its sequences; none, if it measures something instead.
    #[must_use]
    pub fn lessons(self) -> Vec<Lesson> {
        let x = || Bind("x", Thing);
        let name = |to, from| Bind(to, Value(Of(from)));
        let lesson = |about, statements| Lesson { about, statements, object: 1, called: "the Thing" };
        match self {
            Self::Names => vec![lesson(
                "A name is an entry of a namespace, which is an object like others: to bind a second name is to write a \
                 second reference. A name that is bound to something else, or deleted, drops its reference. When the \
                 last one is gone, nothing in the program can find the object any more.",
                vec![x(), name("y", "x"), Bind("x", Value(Nothing)), Delete("y"), Collect],
            )],
            Self::Containers => vec![lesson(
                "A list, a tuple and a dict refer to what is put into them, once for each place. It does not matter how \
                 a reference goes: the container drops one element, or all, or dies.",
                vec![
                    x(),
                    Bind("box", List(vec![Of("x")])),
                    Bind("pair", Tuple(vec![Of("x"), Of("x")])),
                    Bind("table", Dict(vec![("key", Of("x"))])),
                    Append("box", Of("x")),
                    Pop("box"),
                    DeleteEntry("table", "key"),
                    Delete("pair"),
                    Delete("x"),
                    Clear("box"),
                    Collect,
                ],
            )],
            Self::Functions => vec![lesson(
                "A function that uses a variable from around it captures the variable, a small object of its own that \
                 both refer to: not the value. Here `capture(x)` returns a function over a variable that holds x, and \
                 calling that function sets the variable. A call has a frame with its parameters and local names, and \
                 drops them when it returns.",
                vec![
                    x(),
                    Bind("f", Capture(Of("x"))),
                    name("g", "f"),
                    Delete("f"),
                    Call(vec![("p", Of("x"))]),
                    name("q", "p"),
                    Delete("x"),
                    Return,
                    Rebind("g", Nothing),
                    Collect,
                ],
            )],
            Self::Chains => vec![Lesson {
                about: "The last of three: it dies because the one before dies, which dies because the first has lost \
                        its name. One statement frees all three. A counting collector follows the chain down, link by \
                        link, and without recursion; a tracing one never looks at what is dead.",
                statements: vec![
                    Bind("a", Thing),
                    Bind("b", Thing),
                    Bind("c", Thing),
                    SetLink("a", Of("b")),
                    SetLink("b", Of("c")),
                    Delete("c"),
                    Delete("b"),
                    Delete("a"),
                    Collect,
                ],
                object: 3,
                called: "the third Thing",
            }],
            Self::Cycles => vec![
                lesson(
                    "Two objects that refer to each other keep each other's count at one, with nobody else left to know \
                     them. Counting alone never frees them. CPython and refcount-cycles look for such cycles besides, \
                     now and then or when asked; to a tracing collector a cycle is garbage like any other.",
                    vec![
                        x(),
                        Bind("y", Thing),
                        SetLink("x", Of("y")),
                        SetLink("y", Of("x")),
                        Delete("y"),
                        Delete("x"),
                        Collect,
                    ],
                ),
                Lesson {
                    about: "A function that refers to itself, as each recursive one inside another does, is a cycle too: \
                            function, variable, function.",
                    statements: vec![Bind("f", Capture(Nothing)), Rebind("f", Of("f")), Delete("f"), Collect],
                    object: 1,
                    called: "the function",
                },
            ],
            Self::Deferred => vec![lesson(
                "CPython changes a count with every reference that comes or goes. Ours changes it at safepoints, and then \
                 by the difference: what came and went in between costs nothing, and an object that nothing refers to \
                 when it is looked at for the first time is never counted at all. In between a count is what it was. \
                 The price is that an object which is lost stays until the next safepoint.",
                vec![
                    x(),
                    name("y", "x"),
                    Collect,
                    Bind("box", List(vec![Of("x"), Of("x")])),
                    Clear("box"),
                    Delete("x"),
                    Collect,
                    Delete("y"),
                    Collect,
                ],
            )],
            Self::Memory | Self::Costs => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::world::World;

    #[test]
    fn every_lesson_can_be_executed_and_ends_with_a_death() {
        let lessons: Vec<_> = Chapter::all().into_iter().flat_map(Chapter::lessons).collect();
        assert_eq!(lessons.len(), 7);
        for Lesson { about, statements, object, .. } in lessons {
            let seen = World::observations(&statements, true).expect(about);
            assert!(seen.iter().any(|seen| seen.died.contains(&object)), "{about}");
        }
    }
}
