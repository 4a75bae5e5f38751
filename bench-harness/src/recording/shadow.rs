//! [`Shadow`]: what the trace says of each word of the heap.
//!
//! Objects do not move here, so what is known of one can be kept by its address: in place of its header stands its
//! number, in place of each slot the number of what the slot held when it was looked at last. A number is found by two
//! loads then, without a hash, and what a slot held lies beside what its neighbours did.
//!
//! *Invariant.* A word that is neither the header nor in the payload of an object with a number is empty. So nothing
//! need be cleared for a new object, and an entry in place of its header says that it has been met.
//!
//! It takes half as much memory as the part of the heap that it covers, in pages for 32 KiB. (With a hash table by
//! address and a vector for the slots of each object it took about a hundred bytes for each, and a third of the time of
//! recording a program of small objects was spent to find, make and free those.)

use std::ops::Range;

use heap_core::collector::ObjectRef;
use heap_core::collector::object::HEADER_BYTES;

use super::format::NONE;

const WORD: usize = 8;

/// Words of a page.
const PAGE: usize = 4096;

type Page = [u32; PAGE];

/// A number for each word. See the front of its file.
#[derive(Default)]
pub(super) struct Shadow {
    /// The lowest address.
    base: usize,
    /// Missing ones are empty.
    pages: Vec<Option<Box<Page>>>,
}

impl Shadow {
    /// The empty shadow of a heap whose memory begins there.
    pub(super) fn new(base: usize) -> Self {
        Shadow { base, pages: Vec::new() }
    }

    #[inline]
    fn place(&self, address: usize) -> (usize, usize) {
        debug_assert!(address >= self.base && address.is_multiple_of(WORD));
        let word = (address - self.base) / WORD;
        (word / PAGE, word % PAGE)
    }

    /// What stands at an address; [`NONE`], if nothing does.
    #[inline]
    pub(super) fn get(&self, address: usize) -> u32 {
        let (page, word) = self.place(address);
        self.pages.get(page).and_then(Option::as_deref).map_or(NONE, |page| page[word])
    }

    /// Puts something at an address; gives what stood there.
    #[inline]
    pub(super) fn replace(&mut self, address: usize, number: u32) -> u32 {
        let (page, word) = self.place(address);
        let page = match self.pages.get_mut(page) {
            Some(Some(page)) => page,
            _ => self.add_page(page),
        };
        std::mem::replace(&mut page[word], number)
    }

    #[cold]
    fn add_page(&mut self, page: usize) -> &mut Page {
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page].insert(Box::new([NONE; PAGE]))
    }

    /// An object's number.
    #[inline]
    pub(super) fn number(&self, object: ObjectRef) -> u32 {
        self.get(object.address() - HEADER_BYTES)
    }

    #[inline]
    pub(super) fn set_number(&mut self, object: ObjectRef, number: u32) {
        self.replace(object.address() - HEADER_BYTES, number);
    }

    /// The part of each page that belongs to these addresses: the address of its first word, the page, the words.
    fn parts(&self, addresses: Range<usize>) -> impl Iterator<Item = (usize, usize, Range<usize>)> + use<> {
        let ((mut page, mut word), mut words) = (self.place(addresses.start), addresses.len() / WORD);
        let mut address = addresses.start;
        std::iter::from_fn(move || {
            let here = words.min(PAGE - word);
            let part = (address, page, word..word + here);
            (address, page, word, words) = (address + here * WORD, page + 1, 0, words - here);
            (here > 0).then_some(part)
        })
    }

    fn words(&self, page: usize, words: Range<usize>) -> &[u32] {
        self.pages.get(page).and_then(Option::as_deref).map_or(&[], |page| &page[words])
    }

    /// What stands at these addresses, where something does.
    pub(super) fn held(&self, addresses: Range<usize>) -> impl Iterator<Item = u32> {
        let words = self.parts(addresses).flat_map(|(_, page, words)| self.words(page, words));
        words.copied().filter(|number| *number != NONE)
    }

    /// The first of these addresses at which something stands.
    #[inline]
    pub(super) fn first_held(&self, addresses: Range<usize>) -> Option<usize> {
        if addresses.len() <= WORD {
            // As it mostly is: what lies between two slots of an object.
            return Some(addresses.start).filter(|address| !addresses.is_empty() && self.get(*address) != NONE);
        }
        self.parts(addresses)
            .find_map(|(address, page, words)| first_held(self.words(page, words)).map(|word| address + word * WORD))
    }

    /// Empties these addresses.
    pub(super) fn clear(&mut self, addresses: Range<usize>) {
        for (_, page, words) in self.parts(addresses) {
            if let Some(Some(page)) = self.pages.get_mut(page) {
                page[words].fill(NONE);
            }
        }
    }

    /// Gives back pages on which nothing stands.
    pub(super) fn trim(&mut self) {
        for page in &mut self.pages {
            page.take_if(|page| first_held(&page[..]).is_none());
        }
    }
}

/// Most words of a large object hold nothing: they are passed over many at a time.
fn first_held(words: &[u32]) -> Option<usize> {
    const MANY: usize = 64;
    let is_empty = |words: &[u32]| words.iter().fold(NONE, |all, word| all & word) == NONE;
    let begin = words.chunks(MANY).take_while(|chunk| is_empty(chunk)).count() * MANY;
    let rest = words.get(begin..)?;
    rest.iter().position(|word| *word != NONE).map(|at| begin + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_across_pages() {
        let base = 1 << 20;
        let at = |word: usize| base + word * WORD;
        let mut shadow = Shadow::new(base);
        assert_eq!((shadow.get(at(7)), shadow.first_held(at(0)..at(10 * PAGE))), (NONE, None));
        for word in [3, PAGE - 1, PAGE, 5 * PAGE + 9] {
            assert_eq!(shadow.replace(at(word), word as u32), NONE);
            assert_eq!(shadow.get(at(word)), word as u32);
        }
        let all =
            |shadow: &Shadow, words: Range<usize>| shadow.held(at(words.start)..at(words.end)).collect::<Vec<_>>();
        assert_eq!(all(&shadow, 0..10 * PAGE), [3, PAGE as u32 - 1, PAGE as u32, 5 * PAGE as u32 + 9]);
        assert_eq!(all(&shadow, 4..PAGE), [PAGE as u32 - 1]);
        assert_eq!(shadow.first_held(at(PAGE + 1)..at(6 * PAGE)), Some(at(5 * PAGE + 9)));
        assert_eq!(shadow.first_held(at(PAGE + 1)..at(5 * PAGE + 9)), None);
        shadow.clear(at(3)..at(PAGE));
        assert_eq!(all(&shadow, 0..10 * PAGE), [PAGE as u32, 5 * PAGE as u32 + 9]);
        shadow.trim();
        let pages = |shadow: &Shadow| shadow.pages.iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(pages(&shadow), [false, true, false, false, false, true]);
        assert_eq!(all(&shadow, 0..10 * PAGE), [PAGE as u32, 5 * PAGE as u32 + 9]);
    }
}
