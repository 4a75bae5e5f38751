//! From a script to [units](super::code::Unit), in one pass without a syntax tree, done twice.
//!
//! A tree would be as deep as the longest chain of operators, and whoever walks or drops it recurses as deep. Here the left
//! operand is in a register by the time that the operator is read. What recurses is the parser, into what stands inside
//! something else, and it counts: beyond [`DEPTH`] a script is refused.
//!
//! *Why twice.* Whether a local needs a cell shows when an inner function names it, which is after the local was used. The
//! first pass finds out: declarations are numbered, and those that were captured are noted. The second pass makes the code
//! that counts. Compiling is linear and fast, and a script is compiled once.

mod expression;
mod function;
mod lexer;
mod parser;

use super::code::Unit;

/// Levels of syntax inside each other: those of PUC's implementation.
const DEPTH: u32 = 200;

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) line: u32,
    pub(super) sentence: String,
}

/// Compiles a script. Its function takes any number of arguments.
///
/// # Errors
/// The first error of syntax.
pub(super) fn compile(source: &[u8]) -> Result<Unit, SyntaxError> {
    let mut captured = Vec::new();
    parser::Parser::new(source, &mut captured)?.script()?;
    parser::Parser::new(source, &mut captured)?.script()
}
