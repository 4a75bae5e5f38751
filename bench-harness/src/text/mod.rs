//! How names, quantities and figures are written and read. Nothing here knows what they stand for.

pub mod format;
pub mod names;
pub mod quantity;
