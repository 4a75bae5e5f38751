//! An interpreter for a subset of Lua 5.4: what a language looks like that is built on these heaps.
//!
//! It is here for two reasons. It shows the whole API at work, without `unsafe` and without a special door into the library. And
//! it is a program of the kind that heaps like these are for, small enough to be read.
//!
//! # What it is made of
//!
//! | module | what it does | of the heap it uses |
//! |---|---|---|
//! | `compiler` | from text to instructions, without a syntax tree | nothing |
//! | `code` | instructions with registers | nothing |
//! | `value` | values, strings, closures | `Gc`, `HeaderSlice`, `Lock`, `identity_hash` |
//! | `table` | arrays and hash maps | `List`, `Map` with a key rule of its own |
//! | `weak` | tables with `__mode` | `WeakMap`, `Weak`, `Finalization` |
//! | `machine` | frames, calls, coroutines, errors | `Write`, `should_yield`, fallible allocation, `FinalizerQueue`, `WeakSet` |
//! | `library` | the functions that scripts call | `Mutator::statistics` |
//!
//! This file is the outside: it owns the heap, lets the machine in, and does at safepoints what only the owner of a heap can.
//!
//! # What is not there
//!
//! Patterns (`string.match`, `gsub`), `io`, `require`, `_ENV`, variables that are to be closed, `utf8`. Errors say what is
//! missing. Everything that is there runs as under PUC's `lua5.4`, which the scripts in `examples/interpreter/scripts` are
//! compared with; the order of `pairs` is that of insertion, which is one of those that the language allows.
//!
//! *Known to be imperfect.* A value of a weak table that a finalizer brings back is cleared by `collectgarbage()` only, and by PUC's
//! implementation always.

mod code;
mod compiler;
mod library;
mod machine;
mod number;
mod table;
mod value;
mod weak;

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use heap_core::collector::IntoCollector;
use heap_core::events::Listener;
use heap_core::inspect::{DumpSummary, Report};
use heap_core::{AllocError, AllocErrorKind, Gc, Heap, HeapOptions, Rootable, Statistics};

use machine::{Exit, Host, Machine, State};
use value::{Native, NativeFunction, Value};

type Root = Rootable![Gc<'_, State<'_>>];

/// Slots of a coroutine's stack, unless the program says otherwise: as many as PUC's implementation has.
pub const STACK_LIMIT: usize = 1_000_000;

/// Collections in a row that may make room for next to nothing, before a full heap is an error of the script.
const FUTILE: u32 = 8;
/// What part of the limit "next to nothing" is.
const NOTHING: u64 = 128;

/// An interpreter with a heap of its own.
///
/// ```
/// use bench_harness::interpreter::Interpreter;
/// use heap_core::{HeapOptions, NoGc};
///
/// let mut interpreter = Interpreter::new(NoGc::default(), HeapOptions::default(), Box::new(std::io::stdout())).unwrap();
/// interpreter.run("sum.lua", b"local s = 0; for i = 1, 10 do s = s + i end; assert(s == 55)").unwrap();
/// let error = interpreter.run("bad.lua", b"local t = nil\nt.x = 1").unwrap_err();
/// assert_eq!(error.to_string(), "bad.lua:2: attempt to index a nil value (local 't')");
/// ```
pub struct Interpreter {
    heap: Heap<Root>,
    host: Host,
    /// Bytes that had been allocated when the heap was full for the last time, and how often it helped next to nothing.
    full_at: u64,
    futile: u32,
}

/// Why a script has not run to its end.
#[derive(Debug)]
pub enum ScriptError {
    /// It is not a script: what is wrong, and where.
    Syntax(String),
    /// An error that nobody caught: what the script says, and what was running.
    Run {
        /// The message, which begins with a place.
        message: String,
        /// What was running, innermost first.
        traceback: Vec<String>,
    },
    /// Its output could not be written.
    Output(io::Error),
    /// There is not even memory to begin.
    Memory(AllocError),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) | Self::Run { message, .. } => f.write_str(message),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ScriptError {}

impl From<AllocError> for ScriptError {
    fn from(error: AllocError) -> Self {
        Self::Memory(error)
    }
}

impl Interpreter {
    /// An interpreter whose scripts print to `output`.
    ///
    /// # Errors
    /// When the system refuses memory, or the limit is too small for the library.
    pub fn new(
        collector: impl IntoCollector,
        options: HeapOptions,
        output: Box<dyn Write>,
    ) -> Result<Self, ScriptError> {
        let heap = Heap::<Root>::try_with_options(options, collector, |mc| State::new(mc))?;
        let host = Host {
            output,
            stack_limit: STACK_LIMIT,
            refuse: false,
            message: String::new(),
            traceback: Vec::new(),
            output_error: None,
            started: Instant::now(),
        };
        let mut interpreter = Interpreter { heap, host, full_at: 0, futile: 0 };
        let installed = interpreter.heap.mutate(|mc, state| library::install(mc, state));
        if let Err(table::BadKey::Full(error)) = installed {
            return Err(error.into());
        }
        interpreter.execute(machine::PRELUDE, library::PRELUDE.as_bytes(), library::PRIVATE)?;
        Ok(interpreter)
    }

    /// Sets how many slots the stack of a coroutine may have: what exceeds it is the error "stack overflow" of the script.
    #[must_use]
    pub fn with_stack_limit(mut self, slots: usize) -> Self {
        self.host.stack_limit = slots.max(1024);
        self
    }

    /// Runs a script. What it defines stays for the next one.
    ///
    /// # Errors
    /// See [`ScriptError`].
    pub fn run(&mut self, name: &str, source: &[u8]) -> Result<(), ScriptError> {
        self.execute(name, source, &[])
    }

    /// Begins a script, for whoever wants to do something at its safepoints: [`resume`](Self::resume) runs it.
    ///
    /// # Errors
    /// See [`ScriptError`].
    pub fn begin(&mut self, name: &str, source: &[u8]) -> Result<(), ScriptError> {
        self.load(name, source, &[])
    }

    /// Lets the script run to its next safepoint, where the heap may collect. True, if it has ended.
    ///
    /// # Errors
    /// See [`ScriptError`].
    pub fn resume(&mut self) -> Result<bool, ScriptError> {
        let host = &mut self.host;
        let exit = self.heap.mutate(|mc, state| Machine::enter(mc, *state, host).run());
        self.host.refuse = false;
        match exit {
            Exit::Due => {}
            Exit::Full(error) => self.make_room(error),
            Exit::Collect => self.collect(),
            Exit::Step => drop(self.heap.step(1 << 20)),
            Exit::Finished => {
                self.host.output.flush().map_err(ScriptError::Output)?;
                return Ok(true);
            }
            Exit::Failed => {
                if let Some(error) = self.host.output_error.take() {
                    return Err(ScriptError::Output(error));
                }
                // What was printed before comes first.
                self.host.output.flush().map_err(ScriptError::Output)?;
                let message = std::mem::take(&mut self.host.message);
                return Err(ScriptError::Run { message, traceback: std::mem::take(&mut self.host.traceback) });
            }
        }
        Ok(false)
    }

    /// Who is told of the heap's collections: see [`Heap::set_listener`].
    pub fn set_listener(&mut self, listener: Option<Listener>) {
        self.heap.set_listener(listener);
    }

    /// Calls the finalizers of everything that has one, as the end of a script does, and ends.
    ///
    /// # Errors
    /// When the output could not be written.
    pub fn close(mut self) -> Result<Statistics, ScriptError> {
        let waiting = self.heap.mutate(|mc, state| State::finalize_all(*state, mc));
        if waiting == Ok(true) {
            self.finish()?;
        }
        self.host.output.flush().map_err(ScriptError::Output)?;
        Ok(self.heap.statistics())
    }

    /// Writes what the heap holds as a `.heapsnapshot`: see [`Heap::dump`].
    ///
    /// # Errors
    /// The writer's, and when the system refuses memory.
    pub fn dump(&mut self, to: impl Write) -> io::Result<DumpSummary> {
        self.heap.dump(to)
    }

    /// Says what is big in the heap, and what keeps it alive: see [`Heap::report`].
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn report(&mut self) -> Result<Report, AllocError> {
        self.heap.report()
    }

    /// The heap's counters.
    pub fn statistics(&self) -> Statistics {
        self.heap.statistics()
    }

    fn execute(&mut self, name: &str, source: &[u8], natives: &[&'static NativeFunction]) -> Result<(), ScriptError> {
        self.load(name, source, natives)?;
        self.finish()
    }

    fn load(&mut self, name: &str, source: &[u8], natives: &[&'static NativeFunction]) -> Result<(), ScriptError> {
        let unit = compiler::compile(source)
            .map_err(|error| ScriptError::Syntax(format!("{name}:{}: {}", error.line, error.sentence)))?;
        let host = &mut self.host;
        self.heap.try_mutate(|mc, state| {
            let closure = machine::load(mc, state, &unit, name.as_bytes())?;
            let arguments: Vec<_> = natives.iter().map(|native| Value::Native(Native(native))).collect();
            Machine::enter(mc, *state, host).begin(Value::Function(closure), &arguments)
        })?;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ScriptError> {
        while !self.resume()? {}
        Ok(())
    }

    /// The collection that a script asks for, in the order that the language wants: first weak values go that are dead, then
    /// what has a finalizer is brought back, then weak keys go.
    pub fn collect(&mut self) {
        let mut marked = self.heap.mark();
        // Without memory for this the order is another one.
        let _ = marked.finalize(|fc, state| state.weak_parts.iter(fc).for_each(|part| part.clear_dead(fc)));
        marked.collect();
    }

    /// The heap is full: collects, and lets the script try once more, unless that was done again and again for next to nothing.
    fn make_room(&mut self, error: AllocError) {
        self.heap.collect();
        let statistics = self.heap.statistics();
        let allocated = statistics.allocated_bytes - self.full_at;
        self.full_at = statistics.allocated_bytes;
        let little = allocated.saturating_mul(NOTHING) < statistics.heap_bytes;
        self.futile = if little { self.futile + 1 } else { 0 };
        self.host.refuse = error.kind() == AllocErrorKind::TooLarge || allocated == 0 || self.futile > FUTILE;
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter").field("heap", &self.heap).finish_non_exhaustive()
    }
}
