//! Why an allocation failed, as a value.
//!
//! The kinds are the four different things a program can do about a failed allocation, not the places where one can
//! fail: drop references or raise the limit, give memory back to the system, make the reservation larger, ask for less.
//!
//! The error is one word, a reference to a constant. So the result of a fallible allocation travels in two registers,
//! and a program that handles a full heap allocates as fast as one that does not; an error that carried the size asked
//! for went through memory and cost every allocation two stores and two loads. It owns nothing, because it is made at
//! the moment when there is no memory left. What the heap holds and what its limit is, the heap says itself.

use core::fmt;

/// Why an allocation in a private heap failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllocError(&'static AllocErrorKind);

const _: () = assert!(size_of::<AllocError>() == size_of::<usize>());

/// The kinds of [`AllocError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocErrorKind {
    /// The heap's own hard limit would be exceeded.
    Limit,
    /// The operating system refused to provide memory.
    Refused,
    /// The heap's address space has no contiguous room left.
    AddressSpace,
    /// The request is larger than any object of this heap can ever be.
    TooLarge,
}

impl AllocError {
    /// The heap's own hard limit would be exceeded.
    pub const LIMIT: Self = Self(&AllocErrorKind::Limit);
    /// The operating system refused to provide memory.
    pub const REFUSED: Self = Self(&AllocErrorKind::Refused);
    /// The heap's address space has no contiguous room left.
    pub const ADDRESS_SPACE: Self = Self(&AllocErrorKind::AddressSpace);
    /// The request is larger than any object of this heap can ever be.
    pub const TOO_LARGE: Self = Self(&AllocErrorKind::TooLarge);

    /// What went wrong.
    pub const fn kind(self) -> AllocErrorKind {
        *self.0
    }
}

impl fmt::Debug for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllocError").field(self.0).finish()
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            AllocErrorKind::Limit => "the heap's limit is reached: drop references and collect, or raise the limit",
            AllocErrorKind::Refused => {
                "the operating system refused memory: free memory elsewhere, or set a heap limit below what it grants"
            }
            AllocErrorKind::AddressSpace => {
                "the heap's address space is exhausted: drop references and collect, or make the heap with a larger \
                 reservation"
            }
            AllocErrorKind::TooLarge => "the request is larger than the heap can ever be: split the object",
        })
    }
}

impl core::error::Error for AllocError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_what_to_do_next() {
        let all = [AllocError::LIMIT, AllocError::REFUSED, AllocError::ADDRESS_SPACE, AllocError::TOO_LARGE];
        for error in all {
            assert!(error.to_string().contains(": "), "{error}");
        }
        assert_eq!(AllocError::LIMIT.kind(), AllocErrorKind::Limit);
        assert!(matches!(Err::<(), _>(AllocError::LIMIT), Err(AllocError::LIMIT)));
    }
}
