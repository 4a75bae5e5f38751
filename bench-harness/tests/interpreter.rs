//! The interpreter: its scripts print the same on every collector, and what Lua prints; bad scripts end in a message.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

use bench_harness::contestants::collector::Collector;
use bench_harness::interpreter::{Interpreter, ScriptError};
use heap_core::{HeapOptions, NoGc};

/// What a script prints.
#[derive(Clone, Default)]
struct Printed(Rc<RefCell<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/interpreter/scripts")
}

/// The scripts: name, text, and what they print.
fn scripts() -> Vec<(String, Vec<u8>, String)> {
    let mut scripts: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lua"))
        .map(|path| {
            let expected = std::fs::read_to_string(path.with_extension("expected")).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap(), expected)
        })
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 10, "{}", scripts.len());
    scripts
}

/// Runs a script to its end, finalizers included.
fn run(collector: Collector, options: HeapOptions, name: &str, source: &[u8]) -> (String, Result<u64, ScriptError>) {
    let printed = Printed::default();
    let ended = Interpreter::new(collector.mode().make(), options, Box::new(printed.clone())).and_then(|interpreter| {
        let mut interpreter = interpreter.with_stack_limit(200_000);
        interpreter.run(name, source)?;
        Ok(interpreter.close()?.peak_heap_bytes)
    });
    let printed = String::from_utf8_lossy(&printed.0.borrow()).into_owned();
    (printed, ended)
}

/// What depends on what is reclaimed: not for collectors that leave cycles, or everything.
fn needs_reclamation(name: &str) -> bool {
    ["weak.lua", "finalizers.lua"].contains(&name)
}

fn assert_prints(collector: Collector, options: HeapOptions, name: &str, source: &[u8], expected: &str) -> u64 {
    let (printed, ended) = run(collector, options, name, source);
    assert!(ended.is_ok(), "{name} on {collector:?}: {}", ended.unwrap_err());
    assert_eq!(printed, expected, "{name} on {collector:?}");
    ended.unwrap()
}

#[test]
fn scripts_print_the_same_on_every_collector() {
    for (name, source, expected) in scripts() {
        for collector in Collector::ALL {
            if collector.leaks_cycles() && needs_reclamation(&name) {
                continue;
            }
            assert_prints(collector, HeapOptions::default(), &name, &source, &expected);
        }
    }
}

/// A collection wherever the machine can leave, and the heap verified after each.
#[test]
fn scripts_print_the_same_under_zeal() {
    for (name, source, expected) in scripts() {
        // Small numbers of turns, where a script has a number of them.
        let mut small = b"SIZE = 4; ".to_vec();
        small.extend_from_slice(&source);
        let sized = source.windows(7).any(|window| window == b"SIZE or");
        let text = if sized { &small } else { &source };
        if ["errors.lua", "sort.lua", "tables.lua", "life.lua", "finalizers.lua"].contains(&name.as_str()) {
            // Thousands of turns; and, of the last one, what depends on when a collection is.
            continue;
        }
        let expected = match sized {
            true => run(Collector::NOGC, HeapOptions::default(), &name, text).0,
            false => expected,
        };
        for collector in Collector::ALL.into_iter().filter(|collector| !collector.leaks_cycles()) {
            assert_prints(collector, HeapOptions::default().with_zeal(true).with_verify(true), &name, text, &expected);
        }
    }
}

/// The least limit with which a script runs is found by halving; there it prints the same, and below it ends in an error.
#[test]
fn scripts_print_the_same_under_a_limit_just_above_their_need() {
    for (name, source, expected) in scripts() {
        if !["binary_trees.lua", "closures.lua", "strings.lua", "life.lua", "coroutines.lua"].contains(&name.as_str()) {
            continue;
        }
        for collector in [
            Collector::REFCOUNT_CYCLES,
            Collector::MARKSWEEP,
            Collector::MARKSWEEP_INCREMENTAL,
            Collector::GENERATIONAL,
        ] {
            let limited = |kib: usize| run(collector, HeapOptions::default().with_limit(kib << 10), &name, &source);
            let (mut too_little, mut enough) = (0, 64 << 10);
            while enough - too_little > 1 + too_little / 32 {
                let middle = (enough + too_little) / 2;
                match limited(middle) {
                    (printed, Ok(_)) => {
                        assert_eq!(printed, expected, "{name} on {collector:?} with {middle} KiB");
                        enough = middle;
                    }
                    (printed, Err(ScriptError::Run { message, .. })) => {
                        assert!(message.contains("not enough memory"), "{name} with {middle} KiB: {message}");
                        assert!(expected.starts_with(&printed) || needs_reclamation(&name), "{name}: {printed}");
                        too_little = middle;
                    }
                    (_, Err(ScriptError::Memory(_))) => too_little = middle,
                    (_, Err(error)) => panic!("{name} with {middle} KiB: {error}"),
                }
            }
            assert!(enough < 64 << 10, "{name} on {collector:?}");
        }
    }
}

#[test]
fn scripts_print_what_lua_prints() {
    let works = Command::new("lua5.4").arg("-v").output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: there is no lua5.4 here");
        return;
    }
    for (name, _, expected) in scripts() {
        let output = Command::new("lua5.4").arg(&name).current_dir(folder()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
    }
}

fn fails(source: &str) -> (String, Vec<String>) {
    match run(Collector::GENERATIONAL, HeapOptions::default().with_limit(64 << 20), "bad.lua", source.as_bytes()).1 {
        Err(ScriptError::Run { message, traceback }) => (message, traceback),
        Err(ScriptError::Syntax(message)) => (message, Vec::new()),
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn errors_say_where_and_what() {
    for (source, expected) in [
        ("local x = \n\n= 1", "bad.lua:3: unexpected symbol near '='"),
        ("if x then", "bad.lua:1: 'end' expected near <eof>"),
        ("if x then\n\n", "bad.lua:3: 'end' expected (to close 'if' at line 1) near <eof>"),
        ("x = 'abc", "bad.lua:1: unfinished string near <eof>"),
        ("x = 3x", "bad.lua:1: malformed number near '3x'"),
        ("x = $", "bad.lua:1: unexpected symbol near '$'"),
        ("local a <const> = 1\na = 2", "bad.lua:2: attempt to assign to const variable 'a'"),
        ("f() = 1", "bad.lua:1: syntax error near '='"),
        ("for i = 1 do end", "bad.lua:1: ',' expected near 'do'"),
        ("return ...\nx", "bad.lua:2: '<eof>' expected near 'x'"),
        ("local function f() return ... end", "bad.lua:1: cannot use '...' outside a vararg function near '...'"),
        ("local t = {}\nt.field.x = 1", "bad.lua:2: attempt to index a nil value (field 'field')"),
        ("error({})", "(error object is a table value)"),
        ("error('plain', 0)", "plain"),
        ("string.rep(nil)", "bad.lua:1: bad argument #1 to 'rep' (string expected, got nil)"),
    ] {
        assert_eq!(fails(source).0, expected, "{source}");
    }
}

#[test]
fn a_traceback_names_what_was_running() {
    let (message, traceback) = fails(
        "local function inner(t)\n  return t.x.y\nend\nfunction outer()\n  local r = inner({})\n  return r\nend\nouter()\n",
    );
    assert_eq!(message, "bad.lua:2: attempt to index a nil value (field 'x')");
    assert_eq!(
        traceback,
        ["bad.lua:2: in local 'inner'", "bad.lua:5: in function 'outer'", "bad.lua:8: in main chunk"]
    );
    let (_, traceback) = fails("local function f(n) local r = f(n + 1) return r end f(1)");
    assert!(traceback.len() < 40 && traceback.iter().any(|line| line.starts_with("... (skipping")), "{traceback:?}");
}

/// Nesting that would overflow the stack of a parser that recursed without counting, and length that would overflow the stack
/// of whoever walked a tree.
#[test]
fn deeply_nested_scripts_are_refused_and_long_ones_run() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("{", "", "}"),
        ("- ", "1", ""),
        ("not ", "1", ""),
        ("function() return ", "1", " end"),
        ("1 .. ", "1", ""),
        ("2 ^ ", "1", ""),
    ] {
        let source = format!("return {}{inner}{}", open.repeat(100_000), close.repeat(100_000));
        let message = fails(&source).0;
        assert!(message.contains("too many"), "{open}: {message}");
    }
    for statement in ["do ", "while true do ", "if x then ", "for i = 1, 2 do ", "repeat "] {
        assert!(fails(&statement.repeat(100_000)).0.contains("too many"), "{statement}");
    }
    let long = format!(
        "local x = 1{} assert(x == 100001) local t = {{}} t.t = t x = t{}",
        " + 1".repeat(100_000),
        ".t".repeat(100_000)
    );
    run(Collector::GENERATIONAL, HeapOptions::default(), "long.lua", long.as_bytes()).1.unwrap();
}

/// What a script does without end is an error of the script: it can catch it, and go on.
#[test]
fn exhaustion_can_be_caught() {
    let source = b"
        local function endless() return 1 + endless() end
        print(select(2, pcall(endless)))
        print(pcall(function() local t = {} while true do t[#t + 1] = {} end end))
        print(pcall(function() local s = 'x' while true do s = s .. s end end))
        print(pcall(string.rep, 'x', 1 << 40))
        print(pcall(function() local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end end))
        local co = coroutine.wrap(function() local t = {} while true do t[#t + 1] = 'x' .. #t end end)
        print(pcall(co))
        print('still here')";
    let expected = "overflow.lua:2: stack overflow\n\
        false\tnot enough memory\nfalse\tnot enough memory\nfalse\tnot enough memory\nfalse\tnot enough memory\n\
        false\tnot enough memory\nstill here\n";
    for collector in
        [Collector::REFCOUNT_CYCLES, Collector::MARKSWEEP, Collector::MARKSWEEP_INCREMENTAL, Collector::GENERATIONAL]
    {
        let (printed, ended) = run(collector, HeapOptions::default().with_limit(16 << 20), "overflow.lua", source);
        ended.unwrap_or_else(|error| panic!("{collector:?}: {error}; {printed}"));
        assert_eq!(printed, expected, "{collector:?}");
    }
}

#[test]
fn an_empty_script_and_one_that_is_not_utf_8_run() {
    for source in [&b""[..], b"\n", b"#!/usr/bin/lua\nprint('x')", b"-- only a comment", b"print('\xFF\xFE', #'\xFF')"]
    {
        run(Collector::MARKSWEEP, HeapOptions::default(), "odd.lua", source).1.unwrap();
    }
    let mut interpreter = Interpreter::new(NoGc::default(), HeapOptions::default(), Box::new(std::io::sink())).unwrap();
    assert!(interpreter.run("x", b"\xFF").is_err());
    assert!(interpreter.run("x", b"x = 1").is_ok(), "a later script runs");
    assert!(interpreter.run("x", b"assert(x == 1) error('x')").is_err());
    assert!(interpreter.run("x", b"assert(x == 1)").is_ok(), "and finds what earlier ones defined");
}

// ---- the command line ----

fn interpreter(arguments: &[&str], input: &str) -> Output {
    // `cargo test` builds examples, but not when it is asked for one test.
    let target = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let binary = target.join("examples").join(format!("interpreter{}", std::env::consts::EXE_SUFFIX));
    if !binary.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "bench-harness", "--example", "interpreter"])
            .status();
        assert!(built.unwrap().success());
    }
    let mut child = Command::new(binary)
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_command_line() {
    for (arguments, input, status, out, err) in [
        (&["fib.lua", "--gc", "generational:nursery=4MiB,growth=2"][..], "", 0, "46368\n", ""),
        (&["-"], "print(1)", 0, "1\n", ""),
        (&["-", "--limit", "8MiB", "--zeal", "--verify", "--statistics"], "print(1)", 0, "1\n", "heap_bytes"),
        (
            &["-"],
            "print(1) error('x')",
            1,
            "1\n",
            "interpreter: stdin:1: x\nstack traceback:\n\tstdin:1: in main chunk",
        ),
        (&["-"], "x =", 1, "", "stdin:1: unexpected symbol near <eof>"),
        (&["nothing.lua"], "", 1, "", "cannot read nothing.lua: No such file"),
        (&["."], "", 1, "", "cannot read .: Is a directory"),
        (
            &["fib.lua", "--gc", "zgc"],
            "",
            2,
            "",
            "there is no collector `zgc`; there are nogc, refcount, marksweep, generational",
        ),
        (&["fib.lua", "--gc", "marksweep:x=1"], "", 2, "", "marksweep has no setting `x`"),
        (&["fib.lua", "--limit", "much"], "", 2, "", "a number of bytes such as 64MiB"),
        (&["fib.lua", "--limit", "1K"], "", 1, "", "limit"),
    ] {
        let output = interpreter(arguments, input);
        let (printed, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {complained}");
        assert_eq!(printed, out, "{arguments:?}");
        assert!(complained.contains(err) && (err.is_empty() == complained.is_empty()), "{arguments:?}: {complained}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_script_quietly() {
    interpreter(&["-"], ""); // built
    let target = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let script = format!(
        "printf 'while true do print(1) end' | {} - | head -n 1",
        target.join("examples/interpreter").display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b"1\n"[..], &b""[..]));
}

/// When the heap is full in the middle of an instruction, the instruction is executed again after a collection: it must find
/// what it found before, and call nothing twice.
#[test]
fn an_instruction_that_is_executed_again_finds_what_it_found() {
    let source = br#"
        local calls, size = 0, 3000
        local joins = setmetatable({}, { __concat = function(left, right)
            calls = calls + 1
            return (type(left) == "string" and left or "*") .. (type(right) == "string" and right or "*") .. ("x"):rep(size)
        end })
        local packs = setmetatable({}, { __call = table.pack })
        local x = ("x"):rep(size)
        for turn = 1, 60 do
            calls = 0
            local text = "a" .. turn .. joins .. "b" .. turn .. "c"
            assert(calls == 1 and text == "a" .. turn .. "*b" .. turn .. "c" .. x)
            text = "l" .. joins .. joins .. "r"
            assert(calls == 3 and text == "l**r" .. x .. x)
            local filler = {}
            for i = 1, 20 do filler[i] = { i } end
            local packed = packs(1, 2, turn)
            assert(packed.n == 4 and packed[1] == packs and packed[4] == turn)
            local ok, again = pcall(packs, turn, turn)
            assert(ok and again.n == 3 and again[1] == packs and again[3] == turn)
        end
        print("done")
    "#;
    for collector in [Collector::REFCOUNT_CYCLES, Collector::MARKSWEEP, Collector::GENERATIONAL] {
        let mut ran = 0;
        for kib in (80..400).step_by(4) {
            match run(collector, HeapOptions::default().with_limit(kib << 10), "again.lua", source) {
                (printed, Ok(_)) => {
                    assert_eq!(printed, "done\n");
                    ran += 1;
                }
                (_, Err(ScriptError::Run { message, .. })) => {
                    assert!(message.contains("not enough memory"), "{collector:?} with {kib} KiB: {message}");
                }
                (_, Err(ScriptError::Memory(_))) => {}
                (_, Err(error)) => panic!("{error}"),
            }
        }
        assert!(ran > 10, "{collector:?}");
    }
}

/// A finalizer runs once, and while it runs no other one begins; what has a finalizer that is a callable table is called too.
#[test]
fn finalizers_run_once_and_one_after_the_other() {
    let source = br##"
        local keep, running, calls = {}, 0, 0
        local function finalize(object)
            assert(running == 0, "one runs")
            running = running + 1
            for i = 1, 20 do local garbage = { ("x"):rep(i) .. object.number } end
            collectgarbage()
            print("finalized", object.number, pcall(coroutine.yield))
            running = running - 1
        end
        local callable = setmetatable({}, { __call = function(_, object) finalize(object) end })
        for number = 1, 6 do
            keep[number] = setmetatable({ number = number }, { __gc = number % 2 == 0 and callable or finalize })
        end
        print(tonumber("ffffffffffffffff", 16), tonumber("-zz", 36), tonumber("8", 8), tonumber("", 10), tonumber("+7", 8))
        print(pcall(table.unpack, {}, math.mininteger, math.maxinteger))
        local function nested(depth) return coroutine.wrap(function() return nested(depth + 1) end)() end
        print(select("#", pcall(nested, 1)))
        coroutine.wrap(function()
            local dead = setmetatable({ number = 7 }, { __gc = finalize })
            dead = nil
            collectgarbage()
            for i = 1, 2 do collectgarbage() end
        end)()
    "##;
    let expected = String::from("-1\t-1295\tnil\tnil\t7\nfalse\ttoo many results to unpack\n2\n");
    let last = "finalized\t7\tfalse\tattempt to yield across a C-call boundary\n";
    let others =
        (1..=6).rev().map(|number| format!("finalized\t{number}\tfalse\tattempt to yield from outside a coroutine\n"));
    let others: String = others.collect();
    for collector in Collector::ALL {
        let (printed, ended) = run(collector, HeapOptions::default(), "once.lua", source);
        assert!(ended.is_ok(), "{collector:?}: {ended:?}");
        if collector.leaks_cycles() {
            // What is never found dead is finalized in the end, on no coroutine of the script's.
            assert!(printed.ends_with(&others), "{collector:?}: {printed}");
            continue;
        }
        assert_eq!(printed, format!("{expected}{last}{others}"), "{collector:?}");
        let zeal = HeapOptions::default().with_zeal(true).with_verify(true);
        assert_eq!(run(collector, zeal, "once.lua", source).0, printed, "{collector:?} with zeal");
    }
}
