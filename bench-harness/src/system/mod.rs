//! What the machine tells about itself and about a process. Best effort: what it does not tell is absent.

pub mod environment;
pub mod output;
pub mod process;
