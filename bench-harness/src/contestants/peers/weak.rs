//! The programs with weak pointers, for peers that have them beside a pointer that is an owner like `Rc`.
//!
//! A weak pointer stands in a table outside the peer's heap. The module says what its weak pointer is called, how one is
//! made from a pointer, and what an interned string is.

/// `weak_ring` and `interning`.
///
/// - `Ptr`, `Weak`: the types, by their names in the peer's module;
/// - `downgrade`: a function from a reference to a pointer to a weak one;
/// - `Text`: what the pointer to an interned string points to; it derefs to `str`;
/// - `text`: a function from a word to such a pointer.
macro_rules! weak_programs {
    ($Ptr:ident, $Weak:ident, $downgrade:expr, $Text:ty, $text:expr) => {
        struct WeakRings {
            weaks: Vec<Option<$Weak<Pair>>>,
            kept: Vec<Option<$Ptr<Pair>>>,
        }

        impl weak_ring::Program for WeakRings {
            fn make(&mut self, numbers: Range<u64>) -> u64 {
                let mut sum = 0_u64;
                for number in numbers {
                    let object = $Ptr::new(Pair { first: number, second: weak_ring::check(number) });
                    let weak = $downgrade(&object);
                    sum = sum.wrapping_add(weak.upgrade().map_or(u64::MAX, |object| object.second));
                    self.weaks[weak_ring::weak_place(number)] = Some(weak);
                    if weak_ring::is_kept(number) {
                        self.kept[weak_ring::kept_place(number)] = Some(object);
                    }
                    if let Some(earlier) = weak_ring::earlier(number) {
                        let weak = self.weaks[weak_ring::weak_place(earlier)].as_ref();
                        let object = weak.and_then(|weak| weak.upgrade());
                        sum = sum.wrapping_add(object.map_or(u64::MAX, |object| object.first));
                    }
                }
                sum
            }
        }

        /// Chains are vectors of links: nothing else is asked of them.
        struct Interner {
            table: Vec<Vec<(u64, $Weak<$Text>)>>,
            ring: Vec<Option<$Ptr<$Text>>>,
            parameters: interning::Parameters,
        }

        impl Interner {
            fn new(parameters: interning::Parameters) -> Self {
                let table = std::iter::repeat_with(Vec::new).take(parameters.buckets).collect();
                Interner { table, ring: empty(parameters.ring as usize), parameters }
            }

            /// Finds or makes the string of a word. Takes links of dead strings out of the chain on the way.
            fn find(&mut self, word: &str) -> $Ptr<$Text> {
                let hash = interning::hash(word);
                let chain = &mut self.table[self.parameters.bucket(hash)];
                let mut at = 0;
                while let Some((its_hash, weak)) = chain.get(at) {
                    match weak.upgrade() {
                        Some(text) if *its_hash == hash && text[..] == *word => return text,
                        Some(_) => at += 1,
                        None => drop(chain.swap_remove(at)),
                    }
                }
                let text: $Ptr<$Text> = $text(word);
                chain.push((hash, $downgrade(&text)));
                text
            }
        }

        impl interning::Program for Interner {
            fn intern(&mut self, first: u64, line: &str) -> u64 {
                let mut sum = 0_u64;
                for (number, word) in (first..).zip(line.split(' ')) {
                    let text = self.find(word);
                    sum = sum.wrapping_add(interning::hash(&text));
                    let place = self.parameters.place(number);
                    self.ring[place] = Some(text);
                }
                sum
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for text in self.ring.iter().flatten() {
                    checksum.mix(interning::hash(text));
                }
            }
        }

        /// Runs one of the two.
        fn run_weak(ready: &Ready) -> Outcome {
            match ready.workload {
                Workload::WeakRing => {
                    let program = WeakRings { weaks: empty(weak_ring::WEAKS), kept: empty(weak_ring::KEPT) };
                    weak_ring::run(weak_ring::Parameters::of(ready.size), program)
                }
                _ => {
                    let parameters = interning::Parameters::of(ready.size);
                    interning::run(parameters, ready.text(), Interner::new(parameters))
                }
            }
        }
    };
}

pub(super) use weak_programs;
