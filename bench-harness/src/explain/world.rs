//! [`World`]: what statements mean, as plain data: objects, and what refers to what.
//!
//! It says three things of each step without any collector: whether a statement can be executed at all, how many
//! references lead to each object, and what is dead when counting is immediate. So a difference between a heap and
//! CPython has a third opinion, a random sequence is known to be valid before anyone runs it, and heaps are checked
//! where there is no Python.
//!
//! *Counts are not kept.* After each statement they are found by counting: what nothing refers to is dead, and then
//! what only that referred to, until nothing changes. That is what immediate counting comes to, and it cannot be wrong
//! in the way in which counting goes wrong.

use std::collections::BTreeMap;

use super::observation::Observation;
use super::statement::{Expression, Key, Name, Operand, Statement};

/// The index of an object; none for `None`.
type Value = Option<usize>;

/// An object, with what it refers to.
#[derive(Clone, Debug)]
enum Node {
    Thing(Value),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Key, Value)>),
    Function(usize),
    /// A variable that functions have captured.
    Cell(Value),
}

impl Node {
    fn references(&self) -> Vec<usize> {
        match self {
            Self::Thing(value) | Self::Cell(value) => value.iter().copied().collect(),
            Self::List(values) | Self::Tuple(values) => values.iter().flatten().copied().collect(),
            Self::Dict(entries) => entries.iter().filter_map(|(_, value)| *value).collect(),
            Self::Function(cell) => vec![*cell],
        }
    }

    /// Tuples and cells cannot be referred to weakly, so they are not watched.
    fn is_watched(&self) -> bool {
        !matches!(self, Self::Tuple(_) | Self::Cell(_))
    }
}

/// Why a statement cannot be executed: Python would raise an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// All objects, and the names that lead to them.
#[derive(Clone, Debug)]
pub struct World {
    /// By index; what is dead is gone.
    nodes: Vec<Option<Node>>,
    /// The number of each watched object.
    numbers: BTreeMap<usize, usize>,
    /// The names at the outside, then those of the calls in progress.
    frames: Vec<Vec<(Name, Value)>>,
    /// Whether `gc.collect()` does anything.
    collects: bool,
    observation: Observation,
}

impl World {
    /// Nothing, and no names. Without `collects`, cycles stay for ever.
    #[must_use]
    pub fn new(collects: bool) -> Self {
        World {
            nodes: Vec::new(),
            numbers: BTreeMap::new(),
            frames: vec![Vec::new()],
            collects,
            observation: Observation::default(),
        }
    }

    /// What is seen after each statement.
    ///
    /// # Errors
    /// When one cannot be executed, or a call does not return.
    pub fn observations(statements: &[Statement], collects: bool) -> Result<Vec<Observation>, Invalid> {
        let mut world = World::new(collects);
        let seen = statements.iter().map(|statement| world.run(statement).cloned()).collect::<Result<_, _>>()?;
        if world.depth() == 0 { Ok(seen) } else { Err(Invalid) }
    }

    /// Calls in progress.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.frames.len() - 1
    }

    /// Executes a statement, and says what is seen afterwards.
    ///
    /// # Errors
    /// When it cannot be executed. Nothing has changed then.
    pub fn run(&mut self, statement: &Statement) -> Result<&Observation, Invalid> {
        self.execute(statement)?;
        self.observe(self.collects && *statement == Statement::Collect);
        Ok(&self.observation)
    }

    fn execute(&mut self, statement: &Statement) -> Result<(), Invalid> {
        match statement {
            Statement::Bind(name, expression) => {
                let frame = self.frame(name)?;
                let value = self.evaluate(expression)?;
                set(&mut self.frames[frame], name, value);
            }
            Statement::Evaluate(expression) => {
                self.evaluate(expression)?;
            }
            Statement::Delete(name) => {
                let (frame, place) = self.find(name)?;
                self.frames[frame].remove(place);
            }
            Statement::SetLink(name, value) => {
                let value = self.value(*value)?;
                match self.node(name)? {
                    Node::Thing(link) => *link = value,
                    _ => return Err(Invalid),
                }
            }
            Statement::Append(name, value) => {
                let value = self.value(*value)?;
                self.list(name)?.push(value);
            }
            Statement::Pop(name) => {
                self.list(name)?.pop().ok_or(Invalid)?;
            }
            Statement::SetItem(name, index, value) => {
                let value = self.value(*value)?;
                *self.list(name)?.get_mut(*index).ok_or(Invalid)? = value;
            }
            Statement::DeleteItem(name, index) => {
                let list = self.list(name)?;
                if *index >= list.len() {
                    return Err(Invalid);
                }
                list.remove(*index);
            }
            Statement::SetEntry(name, key, value) => {
                let value = self.value(*value)?;
                set(self.dict(name)?, key, value);
            }
            Statement::DeleteEntry(name, key) => {
                let dict = self.dict(name)?;
                let place = dict.iter().position(|(other, _)| other == key).ok_or(Invalid)?;
                dict.remove(place);
            }
            Statement::Clear(name) => match self.node(name)? {
                Node::List(values) => values.clear(),
                Node::Dict(entries) => entries.clear(),
                _ => return Err(Invalid),
            },
            Statement::Rebind(name, value) => {
                let value = self.value(*value)?;
                let Node::Function(cell) = *self.node(name)? else { return Err(Invalid) };
                self.nodes[cell] = Some(Node::Cell(value));
            }
            Statement::Call(arguments) => {
                let mut frame = Vec::new();
                for (name, operand) in arguments {
                    if !is_local(name) || frame.iter().any(|(other, _)| other == name) {
                        return Err(Invalid);
                    }
                    frame.push((*name, self.value(*operand)?));
                }
                self.frames.push(frame);
            }
            Statement::Return => {
                if self.depth() == 0 {
                    return Err(Invalid);
                }
                self.frames.pop();
            }
            Statement::Collect => {}
        }
        Ok(())
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, Invalid> {
        let node = match expression {
            Expression::Value(operand) => return self.value(*operand),
            Expression::Link(name) => match self.node(name)? {
                Node::Thing(link) => return Ok(*link),
                _ => return Err(Invalid),
            },
            Expression::Item(name, index) => match self.node(name)? {
                Node::List(values) | Node::Tuple(values) => return values.get(*index).copied().ok_or(Invalid),
                _ => return Err(Invalid),
            },
            Expression::Entry(name, key) => {
                let entry = self.dict(name)?.iter().find(|(other, _)| other == key);
                return entry.map(|(_, value)| *value).ok_or(Invalid);
            }
            Expression::Thing => Node::Thing(None),
            Expression::List(items) => Node::List(self.values(items)?),
            Expression::Tuple(items) if items.is_empty() => return Err(Invalid),
            Expression::Tuple(items) => Node::Tuple(self.values(items)?),
            Expression::Dict(entries) => {
                let mut dict = Vec::new();
                for (key, operand) in entries {
                    set(&mut dict, key, self.value(*operand)?);
                }
                Node::Dict(dict)
            }
            Expression::Capture(operand) => {
                let cell = Node::Cell(self.value(*operand)?);
                Node::Function(self.make(cell))
            }
        };
        Ok(Some(self.make(node)))
    }

    fn make(&mut self, node: Node) -> usize {
        let index = self.nodes.len();
        if node.is_watched() {
            self.numbers.insert(index, self.numbers.len() + 1);
        }
        self.nodes.push(Some(node));
        index
    }

    /// Among which names this one is.
    fn frame(&self, name: Name) -> Result<usize, Invalid> {
        match (is_local(name), self.depth()) {
            (false, _) => Ok(0),
            (true, 0) => Err(Invalid),
            (true, depth) => Ok(depth),
        }
    }

    fn find(&self, name: Name) -> Result<(usize, usize), Invalid> {
        let frame = self.frame(name)?;
        let place = self.frames[frame].iter().position(|(other, _)| *other == name).ok_or(Invalid)?;
        Ok((frame, place))
    }

    fn value(&self, operand: Operand) -> Result<Value, Invalid> {
        match operand {
            Operand::Nothing => Ok(None),
            Operand::Of(name) => self.find(name).map(|(frame, place)| self.frames[frame][place].1),
        }
    }

    fn values(&self, operands: &[Operand]) -> Result<Vec<Value>, Invalid> {
        operands.iter().map(|operand| self.value(*operand)).collect()
    }

    fn node(&mut self, name: Name) -> Result<&mut Node, Invalid> {
        let index = self.value(Operand::Of(name))?.ok_or(Invalid)?;
        Ok(self.nodes[index].as_mut().expect("what a name leads to is alive"))
    }

    fn list(&mut self, name: Name) -> Result<&mut Vec<Value>, Invalid> {
        if let Node::List(values) = self.node(name)? { Ok(values) } else { Err(Invalid) }
    }

    fn dict(&mut self, name: Name) -> Result<&mut Vec<(Key, Value)>, Invalid> {
        if let Node::Dict(entries) = self.node(name)? { Ok(entries) } else { Err(Invalid) }
    }

    fn named(&self) -> impl Iterator<Item = usize> {
        self.frames.iter().flatten().filter_map(|(_, value)| *value)
    }

    /// Lets die what is dead, and counts.
    fn observe(&mut self, collect: bool) {
        let mut dead = Vec::new();
        if collect {
            let reached = self.reached();
            dead.extend((0..self.nodes.len()).filter(|index| self.nodes[*index].is_some() && !reached[*index]));
            for index in &dead {
                self.nodes[*index] = None;
            }
        }
        let mut counts = vec![0; self.nodes.len()];
        for index in self.named().chain(self.nodes.iter().flatten().flat_map(Node::references)) {
            counts[index] += 1;
        }
        let is_dead = |index: &usize| self.nodes[*index].is_some() && counts[*index] == 0;
        let mut pending: Vec<_> = (0..self.nodes.len()).filter(is_dead).collect();
        while let Some(index) = pending.pop() {
            let node = self.nodes[index].take().expect("it is listed once, when its last reference goes");
            dead.push(index);
            for index in node.references() {
                counts[index] -= 1;
                if counts[index] == 0 {
                    pending.push(index);
                }
            }
        }
        let number = |index: &usize| self.numbers.get(index).copied();
        let alive = self.numbers.iter().filter(|(index, _)| self.nodes[**index].is_some());
        self.observation = Observation {
            counts: Some(alive.map(|(index, number)| (*number, counts[*index])).collect()),
            died: dead.iter().filter_map(number).collect(),
        };
    }

    /// By index: whether a name leads to the object.
    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut pending: Vec<_> = self.named().collect();
        while let Some(index) = pending.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                pending.extend(self.nodes[index].iter().flat_map(Node::references));
            }
        }
        reached
    }

    /// Whether a name leads to the object of this number.
    #[must_use]
    pub fn reaches(&self, number: usize) -> bool {
        let reached = self.reached();
        self.numbers.iter().any(|(index, other)| *other == number && reached[*index])
    }
}

/// Whether it is a parameter, or bound in a call only. All other names are global.
pub(super) fn is_local(name: Name) -> bool {
    matches!(name, "p" | "q")
}

fn set(entries: &mut Vec<(&'static str, Value)>, name: &'static str, value: Value) {
    match entries.iter_mut().find(|(other, _)| *other == name) {
        Some((_, old)) => *old = value,
        None => entries.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operand::{Nothing, Of};
    use Statement as S;

    fn last(statements: &[Statement]) -> (Vec<(usize, u64)>, Vec<usize>) {
        let observation = World::observations(statements, true).unwrap().pop().unwrap();
        (observation.counts.unwrap().into_iter().collect(), observation.died.into_iter().collect())
    }

    #[test]
    fn references_are_counted() {
        let mut program = vec![S::Bind("x", Expression::Thing), S::Bind("y", Expression::Value(Of("x")))];
        assert_eq!(last(&program), (vec![(1, 2)], vec![]));
        program.push(S::Bind("a", Expression::Tuple(vec![Of("x"), Of("x")])));
        program.push(S::Bind("f", Expression::Capture(Of("x"))));
        program.push(S::Bind("d", Expression::Dict(vec![("k", Of("x")), ("k", Nothing)])));
        assert_eq!(last(&program), (vec![(1, 5), (2, 1), (3, 1)], vec![]));
        program.extend([S::Delete("x"), S::Delete("y"), S::Rebind("f", Nothing)]);
        assert_eq!(last(&program), (vec![(1, 2), (2, 1), (3, 1)], vec![]));
        program.push(S::Delete("a"));
        assert_eq!(last(&program), (vec![(2, 1), (3, 1)], vec![1]));
    }

    #[test]
    fn cycles_wait_for_a_collection() {
        let mut program = vec![
            S::Bind("x", Expression::Thing),
            S::Bind("y", Expression::List(vec![Of("x")])),
            S::SetLink("x", Of("y")),
            S::Delete("x"),
            S::Delete("y"),
        ];
        assert_eq!(last(&program), (vec![(1, 1), (2, 1)], vec![]));
        program.push(S::Collect);
        assert_eq!(last(&program), (vec![], vec![1, 2]));
        let without = World::observations(&program, false).unwrap().pop().unwrap();
        assert_eq!(without.died.len(), 0);
    }

    #[test]
    fn what_python_would_refuse_is_refused() {
        let thing = S::Bind("x", Expression::Thing);
        for wrong in [
            S::Delete("y"),
            S::Append("x", Nothing),
            S::Rebind("x", Nothing),
            S::Return,
            S::Call(vec![]),
            S::Call(vec![("x", Of("x"))]),
            S::Bind("p", Expression::Thing),
            S::Bind("y", Expression::Item("x", 0)),
            S::Bind("y", Expression::Tuple(vec![])),
        ] {
            assert_eq!(World::observations(&[thing.clone(), wrong], true), Err(Invalid));
        }
    }
}
