//! Why an allocation failed, as a value.
//!
//! The kinds are the different things a program can do about a failed allocation, not the places where one can fail: drop
//! references or raise the limit, end a `mutate` sooner, give memory back to the system, make the reservation larger, ask
//! for less.
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
    /// The heap's own hard limit would be exceeded, and most of what fills it was allocated since the last safepoint:
    /// inside one `mutate` nothing is reclaimed.
    LimitInMutate,
    /// The heap is so nearly full of live objects that it was collected again and again for next to nothing.
    Futile,
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
    /// The heap's own hard limit would be exceeded, by what was allocated inside one `mutate`.
    pub const LIMIT_IN_MUTATE: Self = Self(&AllocErrorKind::LimitInMutate);
    /// The heap was collected again and again for next to nothing.
    pub const FUTILE: Self = Self(&AllocErrorKind::Futile);
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

    /// Whether the heap's own limit was in the way, for whatever reason: more would fit if it were higher.
    pub const fn is_limit(self) -> bool {
        matches!(self.0, AllocErrorKind::Limit | AllocErrorKind::LimitInMutate | AllocErrorKind::Futile)
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
            AllocErrorKind::LimitInMutate => {
                "the heap's limit is reached within one `mutate`, in which nothing is reclaimed: end it and begin another \
                 when `Mutator::should_yield` says so, or raise the limit"
            }
            AllocErrorKind::Futile => {
                "the heap is nearly full of live objects and was collected again and again for next to nothing: raise the \
                 limit or drop references (`HeapOptions::with_overhead_limit` lets it go on instead)"
            }
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
        let limits = [AllocError::LIMIT, AllocError::LIMIT_IN_MUTATE, AllocError::FUTILE];
        let others = [AllocError::REFUSED, AllocError::ADDRESS_SPACE, AllocError::TOO_LARGE];
        assert!(limits.iter().all(|error| error.is_limit()) && !others.iter().any(|error| error.is_limit()));
        let all = limits.into_iter().chain(others);
        for error in all {
            assert!(error.to_string().contains(": "), "{error}");
        }
        assert_eq!(AllocError::LIMIT.kind(), AllocErrorKind::Limit);
        assert!(matches!(Err::<(), _>(AllocError::LIMIT), Err(AllocError::LIMIT)));
    }
}
