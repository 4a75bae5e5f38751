//! `scripts`: programs in the language of the [`interpreter`](crate::interpreter), on its heap.
//!
//! The other programs are written for a heap; a language's heap is what it is because of the language: every value is a
//! table, a string or a closure, a call frame is a write, nobody chose a shape. So this is the program to look at for who
//! writes a language. Eight scripts run one after the other on one heap, the same that stand beside the interpreter
//! with what they print; what they leave in global variables stays.
//!
//! There is no peer for it, since another memory manager would have to have an interpreter of its own. The
//! checksum is that of what the scripts print. What is allocated depends a little on the collector: an interned string that is
//! still there is not made again. Scripts whose output depends on what is reclaimed are not among them, nor those that allocate nothing.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::Failure;
use super::heap::{Probe, Setup};
use crate::interpreter::{Interpreter, ScriptError};
use crate::workloads::{Checksum, Outcome, Size};

/// A script, and what its variable `SIZE` is at each size of the workload.
struct Script {
    name: &'static str,
    text: &'static str,
    sizes: [u64; 3],
}

macro_rules! script {
    ($name:literal, $sizes:expr) => {
        Script {
            name: $name,
            text: include_str!(concat!("../../../examples/interpreter/scripts/", $name)),
            sizes: $sizes,
        }
    };
}

const SCRIPTS: [Script; 8] = [
    script!("binary_trees.lua", [4, 13, 16]),
    script!("closures.lua", [100, 400_000, 3_200_000]),
    script!("coroutines.lua", [20, 100_000, 800_000]),
    script!("life.lua", [1, 400, 3_200]),
    script!("objects.lua", [50, 200_000, 1_600_000]),
    script!("sort.lua", [100, 30_000, 240_000]),
    script!("strings.lua", [50, 60_000, 480_000]),
    script!("tables.lua", [100, 200_000, 1_600_000]),
];

/// The digest of what is printed.
#[derive(Clone)]
struct Printed(Rc<RefCell<Checksum>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut checksum = self.0.borrow_mut();
        bytes.iter().for_each(|byte| checksum.mix(u64::from(*byte)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the scripts.
pub(super) fn run(setup: &Setup, size: Size) -> Result<Outcome, Failure> {
    let printed = Printed(Rc::new(RefCell::new(Checksum::new())));
    // To see what is alive, a script stops wherever it can.
    let options = setup.options().with_zeal(setup.probe() == Probe::Every(1));
    let interpreter = Interpreter::new(setup.collector(), options, Box::new(printed.clone()));
    let mut interpreter = interpreter.map_err(|error| failure("the library", &error))?;
    interpreter.set_listener(Some(setup.listener(&interpreter.statistics())));
    let ended = SCRIPTS.iter().try_for_each(|script| {
        let turns = format!("SIZE = {}", script.sizes[size as usize]);
        for text in [turns.as_str(), script.text] {
            run_script(setup, &mut interpreter, script.name, text).map_err(|error| failure(script.name, &error))?;
        }
        Ok(())
    });
    let statistics = interpreter.statistics();
    setup.note_end(&statistics, 0);
    ended?;
    drop(interpreter);
    let checksum = printed.0.borrow().value();
    Ok(Outcome { checksum, allocated_objects: None, allocated_bytes: None })
}

fn run_script(setup: &Setup, interpreter: &mut Interpreter, name: &str, text: &str) -> Result<(), ScriptError> {
    interpreter.begin(name, text.as_bytes())?;
    let mut safepoints = 0_u32;
    while !interpreter.resume()? {
        safepoints = safepoints.wrapping_add(1);
        if let Probe::Every(each) = setup.probe()
            && safepoints.is_multiple_of(each)
        {
            interpreter.collect();
            setup.note_live(&interpreter.statistics());
        }
    }
    Ok(())
}

fn failure(name: &str, error: &ScriptError) -> Failure {
    let sentence = format!("{name}: {error}");
    match error {
        ScriptError::Memory(_) => Failure::OutOfMemory(sentence),
        ScriptError::Run { message, .. } if message.contains("not enough memory") => Failure::OutOfMemory(sentence),
        _ => Failure::Wrong(sentence),
    }
}
