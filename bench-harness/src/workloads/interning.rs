//! `interning`: a table of strings that are shared, and forgotten when nobody uses them.
//!
//! A text of 1 000 000 words is interned, 100 words per batch: each word is looked for in a hash table of weak pointers,
//! and made if it is not there. The last 50 000 words of the text are kept by a ring; a word that does not occur among
//! them dies. Symbol tables of compilers and interpreters do this.
//!
//! ```text
//! struct Text([u8; 4..=16]);                                          // one object
//! struct Link { text: WeakPointer, hash: u64, next: Option<Pointer> } // 24 bytes; in the chains of the table
//! struct Table([Option<Pointer>; 65_536]);                            // one object
//! struct Ring([Option<Pointer>; 50_000]);                             // one object
//! ```
//!
//! **Profile**: 25 bytes a string with its header; 60 % of all words are in the table already. When a dead string's link
//! is taken out of its chain is up to the implementation, at the latest when the chain is walked the next time.
//!
//! A dead string that was not reclaimed yet may be found and live on, or not; so the result knows words, and the counts
//! are those of a memory manager that reclaims at once.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};

/// Bytes of a link's fields.
pub const LINK_BYTES: u64 = 24;

/// Words of one batch.
pub const BATCH: u64 = 100;

const SEED: u64 = 19;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Words of the text: a multiple of [`BATCH`].
    pub words: u64,
    /// Places of the ring.
    pub ring: u64,
    /// Different words that the text is made of.
    vocabulary: u32,
    /// Chains of the table: a power of two.
    pub buckets: usize,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { words: 10_000, ring: 1_000, vocabulary: 20_000, buckets: 1 << 10 },
            Size::Classic => Parameters { words: 1_000_000, ring: 50_000, vocabulary: 400_000, buckets: 1 << 16 },
            Size::Large => Parameters { words: 8_000_000, ring: 400_000, vocabulary: 3_200_000, buckets: 1 << 19 },
        }
    }

    /// The chain of a hash.
    #[inline]
    pub const fn bucket(self, hash: u64) -> usize {
        (hash >> 20) as usize & (self.buckets - 1)
    }

    /// The place of a word in the ring.
    #[inline]
    pub const fn place(self, number: u64) -> usize {
        (number % self.ring) as usize
    }

    /// The text.
    pub fn text(self) -> Text {
        let mut ids = self.ids();
        let mut line = || ids.by_ref().take(BATCH as usize).map(word).collect::<Vec<_>>().join(" ");
        let lines = (0..self.words / BATCH).map(|_| line()).collect();
        let (strings, bytes, _) = self.count();
        Text { lines, strings, bytes }
    }

    /// The words of the text by number. Small numbers are likely.
    fn ids(self) -> impl Iterator<Item = u32> {
        let mut random = Random::new(SEED);
        (0..self.words).map(move |_| {
            let bound = random.below(self.vocabulary) + 1;
            random.below(bound)
        })
    }

    /// Goes through the text with a table that forgets at once: how many strings are made, of how many bytes, and the
    /// most bytes that are alive at once, with their links.
    fn count(self) -> (u64, u64, u64) {
        let mut uses = vec![0_u32; self.vocabulary as usize];
        let mut ring = vec![u32::MAX; self.ring as usize];
        let (mut made, mut bytes, mut live, mut most) = (0, 0, 0, 0);
        for (number, id) in (0..).zip(self.ids()) {
            let len = word(id).len() as u64;
            if uses[id as usize] == 0 {
                (made, bytes) = (made + 1, bytes + len);
                live += slice_bytes(len) + object_bytes(LINK_BYTES);
                most = most.max(live);
            }
            uses[id as usize] += 1;
            let old = std::mem::replace(&mut ring[self.place(number)], id);
            if old != u32::MAX {
                uses[old as usize] -= 1;
                if uses[old as usize] == 0 {
                    live -= slice_bytes(word(old).len() as u64) + object_bytes(LINK_BYTES);
                }
            }
        }
        (made, bytes, most)
    }

    /// The most bytes that are alive at once: strings in the ring, their links, the table and the ring. Weak cells are
    /// an implementation's own and not counted. Goes through the whole text.
    pub fn live_bytes(self) -> u64 {
        let (_, _, most) = self.count();
        most + slice_bytes(self.buckets as u64 * POINTER_BYTES) + slice_bytes(self.ring * POINTER_BYTES)
    }
}

/// What is interned.
#[derive(Clone, Debug)]
pub struct Text {
    /// Lines of [`BATCH`] words.
    lines: Vec<String>,
    /// The strings that are made where the dead are forgotten at once.
    strings: u64,
    /// Their bytes.
    bytes: u64,
}

/// A word: its number in base 20, lowest digit first, each digit as two letters or more.
fn word(id: u32) -> String {
    const SYLLABLES: [&str; 20] = [
        "ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "wa", "ze", "shi",
        "tho", "qua",
    ];
    let mut word = String::with_capacity(16);
    let mut rest = id as usize;
    loop {
        word.push_str(SYLLABLES[rest % 20]);
        rest /= 20;
        if rest == 0 {
            break;
        }
    }
    if word.len() < 4 {
        word.push_str("na");
    }
    word
}

/// The hash of a word (FNV-1a, and a multiplication that spreads it to the upper bits).
#[inline]
pub fn hash(word: &str) -> u64 {
    let hash = word
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// For each word of the line, which are separated by a space and numbered from `first`: finds or makes its string
    /// and puts that into its place of the ring. Returns the sum of the [`hash`]es of the strings, computed from their
    /// text after they were found, wrapping.
    fn intern(&mut self, first: u64, line: &str) -> u64;

    /// For each place of the ring: mixes the hash of its string, computed from its text.
    fn check(&mut self, checksum: &mut Checksum);
}

/// Runs the workload on its text.
pub fn run(parameters: Parameters, text: &Text, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, parameters.buckets as u64 * POINTER_BYTES);
    tally.add(1, parameters.ring * POINTER_BYTES);
    for (batch, line) in (0..).zip(&text.lines) {
        checksum.mix(program.intern(batch * BATCH, line));
    }
    program.check(&mut checksum);
    drop(program);
    tally.objects += 2 * text.strings;
    tally.bytes += text.bytes + text.strings * LINK_BYTES;
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_differ_and_have_four_letters_or_more() {
        let words: HashSet<String> = (0..200_000).map(word).collect();
        // `bana` is the only word that two numbers could share; it does not.
        assert_eq!(words.len(), 200_000);
        assert!(words.iter().all(|word| (4..=16).contains(&word.len())));
        let hashes: HashSet<u64> = words.iter().map(|word| hash(word)).collect();
        assert_eq!(hashes.len(), words.len());
    }

    #[test]
    fn most_words_are_in_the_table_and_some_die() {
        let parameters = Parameters::of(Size::Small);
        let (made, _, most) = parameters.count();
        assert!((parameters.words / 5..parameters.words).contains(&made), "{made}");
        assert!(most < made * 56, "{most}");
        let text = parameters.text();
        assert_eq!(text.lines.len() as u64, parameters.words / BATCH);
        assert!(text.lines.iter().all(|line| line.split(' ').count() as u64 == BATCH));
    }
}
