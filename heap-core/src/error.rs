//! Why an allocation failed, as a value.
//!
//! The variants are the four different things a program can do about a failed allocation, not the places where one
//! can fail: drop references or raise the limit, give memory back to the system, make the reservation larger, ask
//! for less. The enum is `Copy` and owns nothing, because it is made at the moment when there is no memory left; and it
//! is two words, so that the result of a fallible allocation is returned in registers. How much the heap holds and what
//! its limit is, the heap says itself.

use core::fmt;

const _: () = assert!(size_of::<Result<&u8, AllocError>>() == 2 * size_of::<usize>());

/// Why an allocation in a private heap failed. All quantities are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocError {
    /// The heap's own hard limit would be exceeded.
    Limit {
        /// Bytes that were asked for, after rounding to what would be charged.
        requested: usize,
    },
    /// The operating system refused to provide memory.
    Refused {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The heap's address space has no contiguous room left.
    AddressSpace {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The request is larger than any object of this heap can ever be.
    TooLarge {
        /// Bytes that were asked for.
        requested: usize,
    },
}

impl AllocError {
    /// The bytes that were asked for.
    pub const fn requested(&self) -> usize {
        match *self {
            Self::Limit { requested }
            | Self::Refused { requested }
            | Self::AddressSpace { requested }
            | Self::TooLarge { requested } => requested,
        }
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Limit { requested } => write!(
                f,
                "allocating {requested} bytes would exceed the heap's limit: drop references and collect, or raise the \
                 limit"
            ),
            Self::Refused { requested } => write!(
                f,
                "the system refused {requested} bytes of memory: drop references and collect, set a heap limit \
                 below what the system grants, or give this process more memory"
            ),
            Self::AddressSpace { requested } => write!(
                f,
                "the heap's reserved address space has no contiguous room for {requested} bytes: drop references \
                 and collect, or create the heap with a larger reservation"
            ),
            Self::TooLarge { requested } => write!(
                f,
                "an object of {requested} bytes cannot fit in this heap, even when empty: split it into smaller \
                 objects, or create the heap with a larger reservation"
            ),
        }
    }
}

impl core::error::Error for AllocError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_what_to_do_next() {
        let all = [
            AllocError::Limit { requested: 1 },
            AllocError::Refused { requested: 1 },
            AllocError::AddressSpace { requested: 1 },
            AllocError::TooLarge { requested: 1 },
        ];
        for error in all {
            assert_eq!(error.requested(), 1);
            assert!(error.to_string().contains(": "), "{error}");
        }
        assert!(size_of::<AllocError>() <= 4 * size_of::<usize>());
    }
}
