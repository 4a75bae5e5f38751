//! Which blocks are free: a bitmap with a summary.
//!
//! *What it represents.* One bit per block below the high-water mark, set when the block is free. A second, 64 times
//! smaller bitmap says which words of the first are not zero. The untouched tail of the heap is not in it.
//!
//! *Invariant.* A summary bit is set exactly when its word is non-zero; no free bit lies below the hint; no run of
//! `run_hint.0` free blocks begins before `run_hint.1`.
//!
//! *Why not a free list.* Taking the lowest free block keeps the heap dense at its beginning, so that its end can be
//! given back and contiguous runs exist; a list hands out blocks in the order in which they happened to die. With
//! the summary the lowest free block of a 64 GiB heap is found by reading at most 512 words, and usually one.

use std::collections::TryReserveError;

const BITS: usize = u64::BITS as usize;

/// A growable set of free block numbers.
#[derive(Debug, Default)]
pub(super) struct FreeMap {
    words: Vec<u64>,
    summary: Vec<u64>,
    len: usize,
    free: usize,
    /// Summary words below this one are zero.
    hint: usize,
    /// (n, start): no run of n or more free blocks begins before start.
    run_hint: (usize, usize),
}

impl FreeMap {
    /// How many blocks have ever been used.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many of them are free.
    pub(super) fn free(&self) -> usize {
        self.free
    }

    pub(super) fn is_free(&self, block: usize) -> bool {
        block < self.len && self.words[block / BITS] >> (block % BITS) & 1 != 0
    }

    /// Makes [`FreeMap::grow`] by up to `more` blocks infallible.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        let words = (self.len + more).div_ceil(BITS);
        let summary = words.div_ceil(BITS);
        self.words.try_reserve(words.saturating_sub(self.words.len()))?;
        self.summary.try_reserve(summary.saturating_sub(self.summary.len()))
    }

    /// Appends `more` blocks, in use.
    pub(super) fn grow(&mut self, more: usize) {
        self.len += more;
        let words = self.len.div_ceil(BITS);
        self.words.resize(words, 0);
        self.summary.resize(words.div_ceil(BITS), 0);
    }

    /// The lowest free block.
    pub(super) fn lowest(&mut self) -> Option<usize> {
        while let Some(&summary) = self.summary.get(self.hint) {
            if summary != 0 {
                let word = self.hint * BITS + summary.trailing_zeros() as usize;
                return Some(word * BITS + self.words[word].trailing_zeros() as usize);
            }
            self.hint += 1;
        }
        None
    }

    /// Marks `count` blocks from `first` as free.
    pub(super) fn insert(&mut self, first: usize, count: usize) {
        if count == 0 {
            return;
        }
        debug_assert!(first + count <= self.len);
        for_words(first, count, |word, mask| {
            debug_assert_eq!(self.words[word] & mask, 0, "a free block is freed again");
            self.words[word] |= mask;
            self.summary[word / BITS] |= 1 << (word % BITS);
        });
        self.free += count;
        self.hint = self.hint.min(first / (BITS * BITS));
        // A run that becomes long enough by this contains `first`, and before it at most n - 1 blocks: n free ones
        // there would have been a run already.
        let (n, start) = self.run_hint;
        self.run_hint.1 = start.min((first + 1).saturating_sub(n.max(1)));
    }

    /// Marks `count` blocks from `first`, all of them free, as in use.
    pub(super) fn remove(&mut self, first: usize, count: usize) {
        for_words(first, count, |word, mask| {
            debug_assert_eq!(self.words[word] & mask, mask, "a block in use is taken again");
            self.words[word] &= !mask;
            if self.words[word] == 0 {
                self.summary[word / BITS] &= !(1 << (word % BITS));
            }
        });
        self.free -= count;
    }

    /// The first free block at or after `from`.
    pub(super) fn next_free(&self, from: usize) -> Option<usize> {
        if from >= self.len {
            return None;
        }
        let word = from / BITS;
        let rest = self.words[word] & (!0 << (from % BITS));
        if rest != 0 {
            return Some(word * BITS + rest.trailing_zeros() as usize);
        }
        let mut at = (word + 1) / BITS;
        let mut mask = !0u64 << ((word + 1) % BITS);
        while let Some(&summary) = self.summary.get(at) {
            let rest = summary & mask;
            if rest != 0 {
                let word = at * BITS + rest.trailing_zeros() as usize;
                return Some(word * BITS + self.words[word].trailing_zeros() as usize);
            }
            at += 1;
            mask = !0;
        }
        None
    }

    /// The first block in use at or after `from`, or the high-water mark.
    pub(super) fn next_used(&self, from: usize) -> usize {
        let mut mask = !0u64 << (from % BITS);
        for (word, &bits) in self.words.iter().enumerate().skip(from / BITS) {
            let rest = !bits & mask;
            if rest != 0 {
                return (word * BITS + rest.trailing_zeros() as usize).min(self.len);
            }
            mask = !0;
        }
        self.len
    }

    /// The last maximal run of free blocks that lies wholly before `end`, or the part of it before `end`.
    pub(super) fn last_run_before(&self, end: usize) -> Option<core::ops::Range<usize>> {
        let mut word = end.min(self.len).div_ceil(BITS);
        let mut mask = if end < self.len && !end.is_multiple_of(BITS) { !(!0u64 << (end % BITS)) } else { !0 };
        let last = loop {
            word = word.checked_sub(1)?;
            let bits = self.words[word] & mask;
            if bits != 0 {
                break word * BITS + BITS - 1 - bits.leading_zeros() as usize;
            }
            mask = !0;
        };
        let mut first = last;
        while first > 0 && self.is_free(first - 1) {
            first -= 1;
        }
        Some(first..last + 1)
    }

    /// Where the first run of `n` free blocks begins, counting everything from the high-water mark on as free.
    /// Costs one step per free run before it; repeated searches start where the last one ended.
    pub(super) fn find_run(&mut self, n: usize) -> usize {
        let known = if n >= self.run_hint.0 { self.run_hint.1 } else { 0 };
        let start = self.find_run_from(known, n, |start| start);
        if n <= self.run_hint.0 || known == 0 {
            self.run_hint = (n, start);
        }
        start
    }

    /// As [`FreeMap::find_run`], but only starts that `round_up` returns are good.
    pub(super) fn find_run_from(&self, from: usize, n: usize, round_up: impl Fn(usize) -> usize) -> usize {
        let mut at = from;
        while let Some(free) = self.next_free(at) {
            let end = self.next_used(free);
            let start = round_up(free);
            if end == self.len || start.saturating_add(n) <= end {
                return start;
            }
            at = end;
        }
        round_up(self.len.max(from))
    }
}

/// Calls `each(word, mask)` for the words that hold the bits of `count` blocks from `first`.
fn for_words(first: usize, count: usize, mut each: impl FnMut(usize, u64)) {
    let end = first + count;
    let mut at = first;
    while at < end {
        let low = at % BITS;
        let bits = (BITS - low).min(end - at);
        each(at / BITS, (!0 >> (BITS - bits)) << low);
        at += bits;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::*;

    #[test]
    fn agrees_with_a_naive_set() {
        for seed in 0..if cfg!(miri) { 2 } else { 40 } {
            let mut random = Random::new(seed);
            let mut map = FreeMap::default();
            let mut model: Vec<bool> = Vec::new();
            for step in 0..if cfg!(miri) { 100 } else { 1500 } {
                match random.below(6) {
                    0 => {
                        let more = random.below(300);
                        map.reserve(more).unwrap();
                        map.grow(more);
                        model.resize(model.len() + more, false);
                    }
                    1 | 2 if !model.is_empty() => {
                        let first = random.below(model.len());
                        let used = model[first..].iter().take_while(|f| !**f).count();
                        let count = random.below(used + 1);
                        map.insert(first, count);
                        model[first..first + count].fill(true);
                    }
                    3 => {
                        let lowest = model.iter().position(|f| *f);
                        assert_eq!(map.lowest(), lowest, "seed {seed} step {step}");
                        if let Some(block) = lowest {
                            map.remove(block, 1);
                            model[block] = false;
                        }
                    }
                    _ => {
                        let n = 1 + random.below(100);
                        let start = map.find_run(n);
                        let expected =
                            (0..=model.len()).find(|&s| model[s..(s + n).min(model.len())].iter().all(|f| *f)).unwrap();
                        assert_eq!(start, expected, "seed {seed} step {step} n {n}");
                        if start + n <= model.len() && random.below(2) == 0 {
                            map.remove(start, n);
                            model[start..start + n].fill(false);
                        }
                    }
                }
                assert_eq!(map.len(), model.len());
                assert_eq!(map.free(), model.iter().filter(|f| **f).count());
                let at = random.below(model.len() + 1);
                assert_eq!(map.next_free(at), (at..model.len()).find(|&b| model[b]));
                assert_eq!(map.next_used(at), (at..model.len()).find(|&b| !model[b]).unwrap_or(model.len()));
                let last = model[..at].iter().rposition(|f| *f);
                let run = last.map(|l| l + 1 - model[..=l].iter().rev().take_while(|f| **f).count()..l + 1);
                assert_eq!(map.last_run_before(at), run);
                assert_eq!(map.is_free(at), model.get(at) == Some(&true));
            }
        }
    }
}
