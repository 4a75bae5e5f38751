//! [`Statement`]: a line of a small Python. What a sequence of them may contain is what changes how often an object is
//! referred to: names, containers, variables that functions share, calls. Nothing computes.

use std::fmt::{self, Display};

/// A variable.
pub type Name = &'static str;

/// A key of a dict. Keys are text, which nobody counts here.
pub type Key = &'static str;

/// What is bound, passed or put somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// `None`, which is nobody's garbage.
    Nothing,
    /// What a name stands for.
    Of(Name),
}

/// What stands behind an `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `x`, `None`
    Value(Operand),
    /// `Thing()`: an object with one attribute, `link`.
    Thing,
    /// `[x, y]`
    List(Vec<Operand>),
    /// `(x, y)`. Never empty: there is one empty tuple.
    Tuple(Vec<Operand>),
    /// `{"key": x}`
    Dict(Vec<(Key, Operand)>),
    /// `capture(x)`: a function that has captured a variable.
    Capture(Operand),
    /// `x.link`
    Link(Name),
    /// `x[0]`, of a list or a tuple
    Item(Name, usize),
    /// `x["key"]`
    Entry(Name, Key),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `x = …`
    Bind(Name, Expression),
    /// An expression whose value nobody wants.
    Evaluate(Expression),
    /// `del x`
    Delete(Name),
    /// `x.link = y`
    SetLink(Name, Operand),
    /// `x.append(y)`
    Append(Name, Operand),
    /// `x.pop()`
    Pop(Name),
    /// `x[0] = y`
    SetItem(Name, usize, Operand),
    /// `del x[0]`
    DeleteItem(Name, usize),
    /// `x["key"] = y`
    SetEntry(Name, Key, Operand),
    /// `del x["key"]`
    DeleteEntry(Name, Key),
    /// `x.clear()`, of a list or a dict
    Clear(Name),
    /// `f(y)`: the variable that the function has captured becomes `y`.
    Rebind(Name, Operand),
    /// `call(p=x)`: what follows, up to [`Return`](Self::Return), is the function's body.
    Call(Vec<(Name, Operand)>),
    /// The end of the function's body.
    Return,
    /// `gc.collect()`
    Collect,
}

/// Whether a text is for people or for Python, where lists and dicts are of classes to which weak references are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    People,
    Python,
}

struct Separated<'a, T>(&'a [T]);

impl<T: Display> Display for Separated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "None",
            Self::Of(name) => name,
        })
    }
}

impl Expression {
    pub(super) fn text(&self, reader: For) -> String {
        let class = |name: &str, literal: String| match reader {
            For::People => literal,
            For::Python => format!("{name}({literal})"),
        };
        match self {
            Self::Value(operand) => operand.to_string(),
            Self::Thing => "Thing()".to_owned(),
            Self::List(items) => class("List", format!("[{}]", Separated(items))),
            Self::Tuple(items) => match items.as_slice() {
                [only] => format!("({only},)"),
                _ => format!("({})", Separated(items)),
            },
            Self::Dict(entries) => {
                let entries: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                class("Dict", format!("{{{}}}", Separated(&entries)))
            }
            Self::Capture(operand) => format!("capture({operand})"),
            Self::Link(name) => format!("{name}.link"),
            Self::Item(name, index) => format!("{name}[{index}]"),
            Self::Entry(name, key) => format!("{name}[\"{key}\"]"),
        }
    }
}

impl Statement {
    /// The line. A call and a return are more than a line in a script, which does not ask for them.
    pub(super) fn text(&self, reader: For) -> String {
        match self {
            Self::Bind(name, expression) => format!("{name} = {}", expression.text(reader)),
            Self::Evaluate(expression) => expression.text(reader),
            Self::Delete(name) => format!("del {name}"),
            Self::SetLink(name, value) => format!("{name}.link = {value}"),
            Self::Append(name, value) => format!("{name}.append({value})"),
            Self::Pop(name) => format!("{name}.pop()"),
            Self::SetItem(name, index, value) => format!("{name}[{index}] = {value}"),
            Self::DeleteItem(name, index) => format!("del {name}[{index}]"),
            Self::SetEntry(name, key, value) => format!("{name}[\"{key}\"] = {value}"),
            Self::DeleteEntry(name, key) => format!("del {name}[\"{key}\"]"),
            Self::Clear(name) => format!("{name}.clear()"),
            Self::Rebind(name, value) => format!("{name}({value})"),
            Self::Call(arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("call({})", Separated(&arguments))
            }
            Self::Return => "return".to_owned(),
            Self::Collect => "gc.collect()".to_owned(),
        }
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text(For::People))
    }
}

/// How many calls are in progress before each statement; a return counts as outside.
pub(super) fn depths(statements: &[Statement]) -> Vec<usize> {
    let mut depth = 0_usize;
    let step = |statement: &Statement| match statement {
        Statement::Call(_) => {
            depth += 1;
            depth - 1
        }
        Statement::Return => {
            depth = depth.saturating_sub(1);
            // It is the last line of the body.
            depth + 1
        }
        _ => depth,
    };
    statements.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operand::{Nothing, Of};

    #[test]
    fn lines_are_python() {
        for (statement, people, python) in [
            (Statement::Bind("x", Expression::Thing), "x = Thing()", "x = Thing()"),
            (Statement::Bind("x", Expression::List(vec![Of("y"), Nothing])), "x = [y, None]", "x = List([y, None])"),
            (Statement::Bind("x", Expression::Tuple(vec![Of("y")])), "x = (y,)", "x = (y,)"),
            (
                Statement::Evaluate(Expression::Dict(vec![("k", Of("y")), ("l", Nothing)])),
                "{\"k\": y, \"l\": None}",
                "Dict({\"k\": y, \"l\": None})",
            ),
            (Statement::Call(vec![("p", Of("x")), ("q", Nothing)]), "call(p=x, q=None)", "call(p=x, q=None)"),
            (Statement::DeleteEntry("x", "k"), "del x[\"k\"]", "del x[\"k\"]"),
        ] {
            assert_eq!((statement.text(For::People).as_str(), statement.text(For::Python).as_str()), (people, python));
        }
    }

    #[test]
    fn bodies_are_indented() {
        let body = [
            Statement::Call(vec![]),
            Statement::Collect,
            Statement::Call(vec![]),
            Statement::Return,
            Statement::Return,
            Statement::Collect,
        ];
        assert_eq!(depths(&body), [0, 1, 1, 2, 1, 0]);
    }
}
