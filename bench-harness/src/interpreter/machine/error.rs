//! [`Error`]: why an instruction or a library function did not do what it should.

use heap_core::AllocError;

use crate::interpreter::table::BadKey;
use crate::interpreter::value::Value;

/// Why something was not done.
pub(in crate::interpreter) enum Error<'gc> {
    /// A value that the script has thrown.
    Value(Value<'gc>),
    /// A sentence of the machine's or of the library's. Where it happened is added when it is thrown.
    Text(Box<str>),
    /// The heap is full. The instruction is executed again after a collection, if there was none.
    Full(AllocError),
    /// The host wants the script to end: it cannot be caught.
    Stop,
}

impl Error<'_> {
    pub(in crate::interpreter) fn text(sentence: impl Into<String>) -> Self {
        Error::Text(sentence.into().into_boxed_str())
    }
}

impl From<AllocError> for Error<'_> {
    fn from(error: AllocError) -> Self {
        Error::Full(error)
    }
}

impl From<BadKey> for Error<'_> {
    fn from(key: BadKey) -> Self {
        match key {
            BadKey::Nil => Error::text("table index is nil"),
            BadKey::NaN => Error::text("table index is NaN"),
            BadKey::Full(error) => Error::Full(error),
        }
    }
}
