//! The programs whose objects each have one owner, or share parts that are never written: for every pointer that owns.
//!
//! No field of these objects changes after `new`, and what changes is a table outside the peer's heap: a `Vec` of
//! pointers, which a collector with counted roots sees as that many roots. So a program needs nothing of a peer but its
//! pointer, and, for bytes, how the peer keeps a slice of them: the module supplies `Slice` and `slice`.
//!
//! They are macros for the reason given in [`shared`](super::shared). `Box` uses all of them but the last one, where
//! versions share their parts.

/// The nodes of all programs here. See [`nodes`](super::shared::nodes).
macro_rules! owned_nodes {
    ($Ptr:ident, $trace:meta) => {
        #[$trace]
        struct Chained {
            key: u64,
            value: u64,
            next: Option<$Ptr<Chained>>,
        }

        #[$trace]
        struct Pair {
            first: u64,
            second: u64,
        }

        #[$trace]
        struct Message {
            number: u64,
            payload: $Ptr<Payload>,
        }

        #[$trace]
        struct Payload {
            words: [u64; queue::WORDS],
        }

        #[$trace]
        struct Quad {
            kids: [Option<$Ptr<Quad>>; quads::KIDS],
        }

        #[$trace]
        struct Note {
            value: u64,
            next: Option<$Ptr<Note>>,
        }

        #[$trace]
        struct Stored {
            id: u64,
            body: $Ptr<Body>,
        }

        #[$trace]
        struct Body {
            words: [u64; event_loop::WORDS],
        }
    };
}

/// The programs of this file on a peer, as arms of its `run`, which ends with them: `ready` is what runs, `latencies`
/// where the ends of requests go.
macro_rules! run_owned {
    ($ready:expr, $latencies:expr) => {{
        let (ready, latencies): (&Ready, &mut Latencies) = ($ready, $latencies);
        let size = ready.size;
        match ready.workload {
            Workload::Retain => {
                let parameters = retain::Parameters::of(size);
                retain::run(parameters, Chains { table: empty(parameters.buckets), parameters })
            }
            Workload::Interleaved => {
                let parameters = interleaved::Parameters::of(size);
                interleaved::run(parameters, Pairs { table: Vec::with_capacity(parameters.kept() as usize) })
            }
            Workload::Queue => {
                let parameters = queue::Parameters::of(size);
                queue::run(parameters, Messages { ring: empty(parameters.capacity as usize), parameters })
            }
            Workload::SizeMix => {
                let parameters = size_mix::Parameters::of(size);
                size_mix::run(parameters, Slices { slots: empty(parameters.slots as usize) })
            }
            Workload::LargeBuffers => {
                let parameters = large_buffers::Parameters::of(size);
                large_buffers::run(parameters, Slices { slots: empty(large_buffers::SLOTS) })
            }
            Workload::Quads => quads::run(quads::Parameters::of(size), QuadTrees::default()),
            Workload::Handles => {
                let parameters = handles::Parameters::of(size);
                handles::run(parameters, Held { held: Vec::with_capacity(parameters.handles as usize) })
            }
            Workload::EventLoop => {
                let parameters = event_loop::Parameters::of(size);
                event_loop::run(
                    parameters,
                    Server { table: Vec::with_capacity(parameters.records as usize) },
                    latencies,
                )
            }
            workload => unreachable!("{workload} is not a program of owners"),
        }
    }};
}

/// What [`run_owned`] speaks of.
///
/// - `Ptr`: the pointer, by its name in the peer's module;
/// - `pointer_excess`: the bytes of a pointer that may be null beyond those of a pointer.
macro_rules! owned_programs {
    ($Ptr:ident, $pointer_excess:expr) => {
        const _: () = assert!(size_of::<Chained>() as u64 == retain::RECORD_BYTES + $pointer_excess);
        const _: () = assert!(size_of::<Pair>() as u64 == interleaved::NODE_BYTES);
        const _: () = assert!(size_of::<Pair>() as u64 == handles::OBJECT_BYTES);
        const _: () = assert!(size_of::<Message>() as u64 == queue::MESSAGE_BYTES);
        const _: () = assert!(size_of::<Payload>() as u64 == queue::PAYLOAD_BYTES);
        const _: () = assert!(size_of::<Quad>() as u64 == quads::NODE_BYTES + 4 * $pointer_excess);
        const _: () = assert!(size_of::<Note>() as u64 == event_loop::NOTE_BYTES + $pointer_excess);
        const _: () = assert!(size_of::<Stored>() as u64 == event_loop::RECORD_BYTES);
        const _: () = assert!(size_of::<Body>() as u64 == event_loop::BODY_BYTES);

        fn empty<T>(len: usize) -> Vec<Option<T>> {
            std::iter::repeat_with(|| None).take(len).collect()
        }

        struct Chains {
            table: Vec<Option<$Ptr<Chained>>>,
            parameters: retain::Parameters,
        }

        impl retain::Program for Chains {
            fn insert(&mut self, keys: Range<u64>) {
                for key in keys {
                    let chain = &mut self.table[self.parameters.bucket(key)];
                    let next = chain.take();
                    *chain = Some($Ptr::new(Chained { key, value: retain::value(key), next }));
                }
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for chain in &self.table {
                    let records = std::iter::successors(chain.as_deref(), |record| record.next.as_deref());
                    checksum.mix(records.fold(0, |sum, r| sum.wrapping_add(r.key).wrapping_add(r.value)));
                }
            }
        }

        struct Pairs {
            table: Vec<$Ptr<Pair>>,
        }

        impl interleaved::Program for Pairs {
            fn build(&mut self, ids: Range<u64>) {
                for id in ids {
                    let pair = $Ptr::new(Pair { first: id, second: interleaved::check(id) });
                    black_box(&*pair);
                    if id.is_multiple_of(interleaved::KEEP_ONE_OF) {
                        self.table.push(pair);
                    }
                }
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for pair in &self.table {
                    checksum.mix(pair.first.wrapping_add(pair.second));
                }
            }
        }

        struct Messages {
            ring: Vec<Option<$Ptr<Message>>>,
            parameters: queue::Parameters,
        }

        impl queue::Program for Messages {
            fn pass(&mut self, numbers: Range<u64>) -> u64 {
                let mut sum = 0_u64;
                for number in numbers {
                    let payload = $Ptr::new(Payload { words: queue::payload(number) });
                    let message = $Ptr::new(Message { number, payload });
                    if let Some(old) = self.ring[self.parameters.place(number)].replace(message) {
                        sum = sum.wrapping_add(old.number).wrapping_add(queue::digest(&old.payload.words));
                    }
                }
                sum
            }
        }

        struct Slices {
            slots: Vec<Option<Slice>>,
        }

        impl size_mix::Program for Slices {
            fn replace(&mut self, count: u64, draws: &mut size_mix::Draws) -> u64 {
                let mut sum = 0_u64;
                for _ in 0..count {
                    let size_mix::Replacement { slot, len, byte } = draws.replacement();
                    if let Some(old) = self.slots[slot].replace(slice(len, byte)) {
                        sum = sum.wrapping_add(size_mix::digest(&old[..]));
                    }
                }
                sum
            }

            fn check(&mut self, checksum: &mut Checksum) {
                for slot in &self.slots {
                    checksum.mix(slot.as_ref().map_or(0, |slice| size_mix::digest(&slice[..])));
                }
            }
        }

        impl large_buffers::Program for Slices {
            fn replace(&mut self, slot: usize, len: usize, byte: u8) -> u64 {
                let old = self.slots[slot].replace(slice(len, byte));
                old.map_or(0, |buffer| large_buffers::digest(&buffer[..]))
            }
        }

        impl Quad {
            fn new(depth: u32) -> $Ptr<Quad> {
                let kids = std::array::from_fn(|_| (depth > 0).then(|| Quad::new(depth - 1)));
                $Ptr::new(Quad { kids })
            }

            fn count(&self) -> u64 {
                1 + self.kids.iter().flatten().map(|kid| kid.count()).sum::<u64>()
            }
        }

        #[derive(Default)]
        struct QuadTrees {
            kept: Option<$Ptr<Quad>>,
        }

        impl quads::Program for QuadTrees {
            fn keep(&mut self, depth: u32) {
                self.kept = Some(Quad::new(depth));
            }

            fn short_lived(&mut self, trees: u64) {
                for _ in 0..trees {
                    black_box(&*Quad::new(quads::SHORT_DEPTH));
                }
            }

            fn count(&mut self) -> u64 {
                self.kept.as_ref().map_or(0, |quad| quad.count())
            }
        }

        /// The pointer is the handle.
        struct Held {
            held: Vec<$Ptr<Pair>>,
        }

        fn held(number: u64) -> $Ptr<Pair> {
            $Ptr::new(Pair { first: number, second: handles::check(number) })
        }

        impl handles::Program for Held {
            fn add(&mut self, number: u64) {
                self.held.push(held(number));
            }

            fn replace(&mut self, handle: usize, number: u64) -> u64 {
                let old = std::mem::replace(&mut self.held[handle], held(number));
                old.first.wrapping_add(old.second)
            }
        }

        struct Server {
            table: Vec<$Ptr<Stored>>,
        }

        fn stored(id: u64) -> $Ptr<Stored> {
            $Ptr::new(Stored { id, body: $Ptr::new(Body { words: event_loop::body(id) }) })
        }

        impl event_loop::Program for Server {
            fn fill(&mut self, ids: Range<u64>) {
                self.table.extend(ids.map(stored));
            }

            fn serve(&mut self, mut request: event_loop::Request) -> u64 {
                let mut list: Option<$Ptr<Note>> = None;
                for _ in 0..event_loop::NOTES / event_loop::NOTES_PER_RECORD {
                    let record = &self.table[request.place()];
                    for note in 0..event_loop::NOTES_PER_RECORD {
                        let value = record.id.wrapping_add(record.body.words[event_loop::Request::word(note)]);
                        list = Some($Ptr::new(Note { value, next: list }));
                    }
                }
                let place = request.place();
                self.table[place] = stored(request.id);
                let notes = std::iter::successors(list.as_deref(), |note| note.next.as_deref());
                notes.fold(0, |sum, note| sum.wrapping_add(note.value))
            }
        }
    };
}

/// `many_heaps`, where a heap is a list: for peers whose objects are freed when their owner goes.
macro_rules! lists_as_heaps {
    ($Ptr:ident) => {
        /// Each list stands for a heap.
        struct Lists(Vec<Option<$Ptr<Note>>>);

        impl many_heaps::Program for Lists {
            fn renew(&mut self, slot: usize, values: Range<u64>) -> u64 {
                self.0[slot] = None;
                let list = values.fold(None, |next, value| Some($Ptr::new(Note { value, next })));
                self.0[slot] = list;
                let notes = std::iter::successors(self.0[slot].as_deref(), |note| note.next.as_deref());
                notes.fold(0, |sum, note| sum.wrapping_add(note.value))
            }
        }

        const _: () = assert!(event_loop::NOTE_BYTES == many_heaps::NODE_BYTES);
    };
}

/// `functional_map`, and its node: for pointers that can be shared.
macro_rules! functional_map_on {
    ($Ptr:ident) => {
        impl Trie {
            fn new(depth: u32) -> $Ptr<Trie> {
                let child = || (depth > 0).then(|| Trie::new(depth - 1));
                $Ptr::new(Trie { left: child(), right: child(), value: 0 })
            }

            /// This node with one leaf below it replaced, and the value of the leaf before.
            fn updated(&self, key: u32, value: u64) -> ($Ptr<Trie>, u64) {
                let (left, right, own, old) = match (&self.left, &self.right) {
                    (Some(left), right) if key & 1 == 0 => {
                        let (left, old) = left.updated(key >> 1, value);
                        (Some(left), right.clone(), 0, old)
                    }
                    (left, Some(right)) => {
                        let (right, old) = right.updated(key >> 1, value);
                        (left.clone(), Some(right), 0, old)
                    }
                    _ => (None, None, value, self.value),
                };
                ($Ptr::new(Trie { left, right, value: own }), old)
            }

            /// Adds value times position of the leaves below this node, of which so many are to its left.
            fn sum(&self, before: &mut u64) -> u64 {
                if let (Some(left), Some(right)) = (&self.left, &self.right) {
                    let left = left.sum(before);
                    return left.wrapping_add(right.sum(before));
                }
                *before += 1;
                self.value.wrapping_mul(*before)
            }
        }

        #[derive(Default)]
        struct Versions([Option<$Ptr<Trie>>; functional_map::KEPT]);

        impl functional_map::Program for Versions {
            fn fill(&mut self, depth: u32) {
                self.0[0] = Some(Trie::new(depth));
            }

            fn update(&mut self, from: usize, to: usize, updates: &[functional_map::Update]) -> u64 {
                let mut version = self.0[from].clone().expect("the version before");
                let mut total = 0_u64;
                for update in updates {
                    let (new, old) = version.updated(update.key, update.value);
                    version = new;
                    total = total.wrapping_add(old);
                }
                self.0[to] = Some(version);
                total
            }

            fn sum(&mut self, place: usize) -> u64 {
                self.0[place].as_ref().map_or(0, |version| version.sum(&mut 0))
            }
        }
    };
}

/// `json_dom`: for pointers that own text and arrays as `Box` and `Rc` do.
macro_rules! json_dom_on {
    ($Ptr:ident) => {
        enum Value {
            Scalar(json_dom::Scalar),
            String($Ptr<str>),
            Array($Ptr<[Value]>),
            Object($Ptr<[Member]>),
        }

        struct Member {
            name: $Ptr<str>,
            value: Value,
        }

        struct Dom;

        impl json_dom::Builder for Dom {
            type Value = Value;
            type Member = Member;
            type Text = $Ptr<str>;
            type Error = Infallible;

            fn text(&mut self, text: &str) -> Result<$Ptr<str>, Infallible> {
                Ok(text.into())
            }

            fn scalar(&mut self, scalar: json_dom::Scalar) -> Value {
                Value::Scalar(scalar)
            }

            fn string(&mut self, text: $Ptr<str>) -> Value {
                Value::String(text)
            }

            fn array(&mut self, values: &mut Vec<Value>) -> Result<Value, Infallible> {
                Ok(Value::Array(std::mem::take(values).into()))
            }

            fn member(&mut self, name: $Ptr<str>, value: Value) -> Member {
                Member { name, value }
            }

            fn object(&mut self, members: &mut Vec<Member>) -> Result<Value, Infallible> {
                Ok(Value::Object(std::mem::take(members).into()))
            }

            fn view(value: &Value) -> json_dom::View<'_, Value, Member> {
                match value {
                    Value::Scalar(scalar) => json_dom::View::Scalar(*scalar),
                    Value::String(text) => json_dom::View::String(text),
                    Value::Array(values) => json_dom::View::Array(values),
                    Value::Object(members) => json_dom::View::Object(members),
                }
            }

            fn parts(member: &Member) -> (&str, &Value) {
                (&member.name, &member.value)
            }
        }

        #[derive(Default)]
        struct Documents([Option<$Ptr<Value>>; json_dom::KEPT]);

        impl json_dom::Program for Documents {
            fn convert(&mut self, place: usize, document: &str) -> u64 {
                let Ok(parsed) = json_dom::parse(&mut Dom, document).map($Ptr::new);
                let Ok(transformed) = json_dom::transform(&mut Dom, &parsed).map($Ptr::new);
                let old = self.0[place].replace(transformed);
                old.map_or(0, |old| json_dom::digest::<Dom>(&old))
            }
        }
    };
}

pub(super) use {functional_map_on, json_dom_on, lists_as_heaps, owned_nodes, owned_programs, run_owned};
