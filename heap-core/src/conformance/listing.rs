//! A program as Rust, with names for its objects.
//!
//! *What it represents.* What a random program does depends on what it can reach at each moment: "make an edge from the 17th
//! object to the 4th" says little to a reader. So the listing is written by the [interpreter](super::interpreter), while the
//! program runs: what an operation comes to, in the words of the API, each line before it is done. What comes to nothing (an
//! edge of an object without edges) is not there, and after a crash the last line is where it was.
//!
//! *It is a sketch:* objects keep one name through the whole program, as a reader wants them, and where a `mutate` needs one
//! that it did not make, a line says how it is reached. `Node::new` and the like stand for making an object of that
//! [kind](super::objects::Kind), and `a.edge(2)` for a place in one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Write;

use super::model::{Held, Model};
use super::objects::{Id, Kind};
use super::program::{Program, Step};

/// Writes the listing of one run.
pub(super) struct Listing {
    file: File,
    indent: usize,
    /// Objects that have a name in the present `mutate`.
    named: BTreeSet<Id>,
}

impl Listing {
    /// Begins with the heap.
    pub(super) fn new(file: File, program: &Program) -> Self {
        let mut listing = Listing { file, indent: 0, named: BTreeSet::new() };
        let mut options = String::from("HeapOptions::default().with_poison(true)");
        for (is, text) in [(program.zeal, ".with_zeal(true)"), (program.verify, ".with_verify(true)")] {
            options.push_str(if is { text } else { "" });
        }
        if let Some(limit) = program.limit {
            options.push_str(&format!(".with_limit({limit})"));
        }
        if let Some(reservation) = program.reservation {
            options.push_str(&format!(".with_reservation({reservation})"));
        }
        listing.line(
            "// `root.body` is a slice of twelve pointers, `root.direct` an array of four, `h0` to `h5` hold handles.",
        );
        listing.line(&format!("let mut heap = Heap::with_options({options}, collector, Root::new)?;"));
        listing
    }

    /// One line.
    pub(super) fn line(&mut self, text: &str) {
        // Without buffer: the process may not live longer than the line. A listing that cannot be written is none.
        let _ = self.file.write_all(format!("{:1$}{text}\n", "", 4 * self.indent).as_bytes());
    }

    /// A step that is one line.
    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Collect => self.line("heap.collect();"),
            Step::CollectMinor => self.line("heap.collect_minor();"),
            Step::Freeze => self.line("heap.freeze()?; heap.collect();"),
            Step::Verify => self.line("heap.verify()?; heap.dump(file)?;"),
            Step::Stage => {
                self.line("// Every weak pointer is asked whether its target is dead, and brings it back.");
                self.line("heap.mark()?.finalize(|fc, root| root.each_weak(|weak| weak.resurrect(fc)));");
            }
            Step::Refuse { stacks, commit } => {
                self.line("// The system refuses requests for mark stacks, by bits, and one commit, by number.");
                self.line(&format!("fault::refuse_mark_stack_requests({stacks:#x}); fail_commit_after({commit});"));
            }
            // These say what they do.
            Step::Mutate { .. } | Step::MutateRoot { .. } | Step::Increments { .. } => {}
            Step::DropHandle { .. } | Step::CloneHandle { .. } => {}
        }
    }

    /// Makes an object.
    pub(super) fn make(
        &mut self,
        model: &Model,
        (id, kind, len): (Id, Kind, u32),
        first: Id,
        handle: Option<Id>,
        panics: bool,
    ) {
        let mut arguments = String::from("mc");
        if kind.has_length() {
            arguments.push_str(&format!(", {len}"));
        }
        if kind == Kind::Twice {
            arguments.push_str(&format!(", {}", self.object(model, first)));
        }
        if let Some(target) = handle {
            arguments.push_str(&format!(", mc.stash({})", self.object(model, target)));
        }
        let glue = if panics && kind.tokens(len) > 0 { " // Its drop glue will panic." } else { "" };
        let name = self.name(id);
        self.line(&format!("let {name} = {kind}::new({arguments});{glue}"));
    }

    /// An object as a value for a field.
    pub(super) fn pointer(&mut self, model: &Model, id: Option<Id>) -> String {
        match id {
            None => "None".into(),
            Some(id) => format!("Some({})", self.object(model, id)),
        }
    }

    /// A weak pointer in an object.
    pub(super) fn weak(&mut self, model: &Model, holder: Id, at: u32) -> String {
        let name = self.object(model, holder);
        weak_place(&name, model.objects[&holder].kind, at)
    }

    /// A block begins.
    pub(super) fn open(&mut self, text: &str) {
        self.line(text);
        self.indent += 1;
        self.named.clear();
    }

    /// A block ends.
    pub(super) fn close(&mut self, text: &str) {
        self.indent = self.indent.saturating_sub(1);
        self.line(text);
        self.named.clear();
    }

    /// The object has a name from here on.
    pub(super) fn name(&mut self, id: Id) -> String {
        self.named.insert(id);
        name(id)
    }

    /// The name of an object. Lines say how it is reached, if it has none in this `mutate` yet.
    pub(super) fn object(&mut self, model: &Model, id: Id) -> String {
        if id == model.body {
            return "root.body".into();
        }
        for (id, path) in self.path(model, id) {
            let name = self.name(id);
            self.line(&format!("let {name} = {path};"));
        }
        name(id)
    }

    /// Whatever needs a name before `id` has one, and how it is reached: the shortest way.
    fn path(&self, model: &Model, id: Id) -> Vec<(Id, String)> {
        // From where each object is reached, and how.
        let mut from: BTreeMap<Id, (Option<Id>, String)> = BTreeMap::new();
        let mut pending: VecDeque<Id> = VecDeque::new();
        let mut reach = |pending: &mut VecDeque<Id>, id: Id, by: Option<Id>, path: String| {
            from.entry(id).or_insert_with(|| {
                pending.push_back(id);
                (by, path)
            });
        };
        for &known in &self.named {
            reach(&mut pending, known, None, String::new());
        }
        reach(&mut pending, model.body, None, String::new());
        for (at, direct) in model.direct.iter().enumerate() {
            if let Some(to) = direct {
                reach(&mut pending, *to, None, format!("root.direct[{at}]"));
            }
        }
        for (at, held) in model.handles.iter().enumerate() {
            if let Some(Held::Strong(to)) = held {
                reach(&mut pending, *to, None, format!("mc.fetch(&h{at})"));
            }
        }
        while let Some(object) = pending.pop_front() {
            let Some(known) = model.objects.get(&object) else { continue };
            let name = if object == model.body { "root.body".into() } else { name(object) };
            for (&at, &to) in &known.edges {
                reach(&mut pending, to, Some(object), place(&name, known.kind, at));
            }
            if let Some(to) = known.token_handle {
                reach(&mut pending, to, Some(object), format!("mc.fetch({name}.handle())"));
            }
        }
        let mut way = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            let Some((by, path)) = from.remove(&id) else { break };
            if path.is_empty() {
                break;
            }
            way.push((id, path));
            at = by;
        }
        way.reverse();
        way
    }
}

/// `a` to `z`, then `a1` and so on. The body is object 0.
fn name(id: Id) -> String {
    let (letter, round) = (id.saturating_sub(1) % 26, id.saturating_sub(1) / 26);
    let letter = char::from(b'a' + letter as u8);
    if round == 0 { letter.to_string() } else { format!("{letter}{round}") }
}

/// A place for a pointer in an object.
pub(super) fn place(name: &str, kind: Kind, at: u32) -> String {
    match kind {
        Kind::Node if at == 0 => format!("{name}.left"),
        Kind::Node => format!("{name}.right"),
        Kind::Once if at == 0 => format!("{name}.first"),
        Kind::Once => format!("{name}.second"),
        Kind::Slots | Kind::Dense | Kind::Items => format!("{name}[{at}]"),
        Kind::Twice => format!("*{name}"),
        kind if kind.width(1) == 1 => format!("{name}.edge"),
        _ => format!("{name}.edge({at})"),
    }
}

/// A place for a weak pointer in an object.
pub(super) fn weak_place(name: &str, kind: Kind, at: u32) -> String {
    if kind.weak_width() == 1 { format!("{name}.weak") } else { format!("{name}.weak({at})") }
}

/// The text of a listing whose writer may have ended anywhere: the last line is marked, and blocks are closed.
pub(super) fn finished(listing: &str) -> String {
    let mut lines: Vec<String> = listing.lines().map(String::from).collect();
    let open = lines.iter().rev().find(|line| line.starts_with("heap.mutate") || line.starts_with("});"));
    let is_open = open.is_some_and(|line| line.starts_with("heap.mutate") && !line.ends_with(';'));
    if let Some(last) = lines.last_mut() {
        last.push_str("  // <- here");
    }
    if is_open {
        lines.push("});".into());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_reached_by_the_shortest_way() {
        let mut model = Model::new(4);
        let [a, b, c] = [(); 3].map(|()| model.add(Kind::Node, 0));
        model.link(model.body, 3, Some(a));
        model.link(a, 1, Some(b));
        model.link(b, 0, Some(c));
        model.handles[2] = Some(Held::Strong(c));
        let mut file = tempfile::tempfile().expect("a file");
        let program = Program {
            limit: None,
            reservation: None,
            zeal: false,
            verify: false,
            refuses: false,
            each_step: None,
            steps: Vec::new(),
        };
        let mut listing = Listing::new(file.try_clone().expect("the same file"), &program);
        listing.open("heap.mutate(|mc, root| {");
        for id in [b, c, b] {
            assert_eq!(listing.object(&model, id), name(id));
        }
        let mut text = String::new();
        std::io::Seek::rewind(&mut file).expect("a file");
        std::io::Read::read_to_string(&mut file, &mut text).expect("text");
        let lines: Vec<&str> = text.lines().skip(2).map(str::trim).collect();
        assert_eq!(
            lines,
            ["heap.mutate(|mc, root| {", "let a = root.body[3];", "let b = a.right;", "let c = mc.fetch(&h2);"]
        );
        assert!(finished(&text).ends_with("let c = mc.fetch(&h2);  // <- here\n});"));
    }
}
