//! `json_dom`: documents are parsed into trees, transformed into others, and dropped.
//!
//! 1 000 times, one per batch, one of 64 documents (generated from a fixed seed, 14 KB of text on average) is parsed into
//! a tree; the tree is transformed into another one, with arrays reversed, numbers incremented and strings in upper
//! case; the parsed one dies, and the transformed one is kept in a ring of 32, where it is read before it is replaced.
//!
//! ```text
//! enum Value { Null, Bool(bool), Number(i64), String(Pointer), Array(Pointer), Object(Pointer) }   // 16 bytes
//! struct Member { name: Pointer, value: Value }                                                    // 24 bytes
//! struct Text([u8; 0..]); struct Array([Value; 0..]); struct Object([Member; 0..]);                // one object each
//! struct Ring([Option<Pointer>; 32]);                                                              // one object
//! ```
//!
//! Where a pointer to a slice takes two words, a value takes 24 bytes and a member 40; that is an implementation's own
//! cost. Text that is equal is not shared.
//!
//! **Profile**: 50 bytes an object with its header, of very different sizes, made in bursts of 1 500; half die in the
//! batch that made them, half live for 32 batches.
//!
//! The parser and the transformation are written once, here, over [`Builder`]: they are not what is compared.

use super::{Checksum, Outcome, POINTER_BYTES, Random, Size, Tally, object_bytes, slice_bytes};
use std::convert::Infallible;

/// Bytes of a value.
pub const VALUE_BYTES: u64 = 16;

/// Bytes of a member of an object.
pub const MEMBER_BYTES: u64 = 24;

/// Documents that are parsed again and again.
const DOCUMENTS: usize = 64;

/// Trees that are kept.
pub const KEPT: usize = 32;

const SEED: u64 = 23;

/// The numbers of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Documents parsed in all.
    pub parses: u64,
    /// Entries of each document's outermost array, on average.
    entries: u32,
}

impl Parameters {
    /// The numbers for a size.
    pub const fn of(size: Size) -> Self {
        match size {
            Size::Small => Parameters { parses: 100, entries: 10 },
            Size::Classic => Parameters { parses: 1_000, entries: 600 },
            Size::Large => Parameters { parses: 1_000, entries: 4_800 },
        }
    }

    /// The documents.
    pub fn documents(self) -> Documents {
        let mut random = Random::new(SEED);
        let texts: Vec<String> = (0..DOCUMENTS)
            .map(|_| {
                let entries = self.entries / 2 + random.below(self.entries);
                let mut text = String::new();
                write_list(&mut text, '[', entries, ']', |text, _| write_value(text, &mut random, 3));
                text
            })
            .collect();
        let counts = texts.iter().map(|text| count(text)).collect();
        Documents { texts, counts }
    }

    /// The most bytes that are alive at once: a full ring, and both trees of a batch. Goes through all batches.
    pub fn live_bytes(self) -> u64 {
        let documents = self.documents();
        let size = |batch: u64| documents.counts[document(batch)].live;
        let most = (0..self.parses).map(|batch| {
            let kept: u64 = (batch.saturating_sub(KEPT as u64)..batch).map(size).sum();
            kept + 2 * size(batch)
        });
        most.max().unwrap_or(0) + slice_bytes(KEPT as u64 * POINTER_BYTES)
    }
}

/// Texts, and what parsing each of them makes.
#[derive(Clone, Debug)]
pub struct Documents {
    texts: Vec<String>,
    counts: Vec<Counter>,
}

const fn document(batch: u64) -> usize {
    batch as usize % DOCUMENTS
}

fn write_list(text: &mut String, open: char, count: u32, close: char, mut entry: impl FnMut(&mut String, u32)) {
    text.push(open);
    for number in 0..count {
        if number > 0 {
            text.push_str(", ");
        }
        entry(text, number);
    }
    text.push(close);
}

fn write_text(text: &mut String, random: &mut Random, longest: u32) {
    text.push('"');
    for _ in 0..=random.below(longest) {
        text.push(char::from(b'a' + random.below(26) as u8));
    }
    text.push('"');
}

fn write_value(text: &mut String, random: &mut Random, depth: u32) {
    match random.below(if depth > 0 { 12 } else { 8 }) {
        0 => text.push_str("null"),
        1 => text.push_str("true"),
        2 => text.push_str("false"),
        3 | 4 => text.push_str(&(random.bits() as i32).to_string()),
        5..8 => write_text(text, random, 40),
        8 | 9 => {
            let count = random.below(8);
            write_list(text, '[', count, ']', |text, _| write_value(text, random, depth - 1));
        }
        _ => {
            let count = random.below(8);
            write_list(text, '{', count, '}', |text, _| {
                write_text(text, random, 10);
                text.push_str(": ");
                write_value(text, random, depth - 1);
            });
        }
    }
}

/// What an implementation supplies to make values and to look at them.
pub trait Builder {
    /// A value: [`View`] says what is in it.
    type Value;
    /// A member of an object.
    type Member;
    /// The text of a string or of a name.
    type Text;
    /// Why there is no value: memory.
    type Error;

    /// Makes text.
    fn text(&mut self, text: &str) -> Result<Self::Text, Self::Error>;
    /// A value without parts.
    fn scalar(&mut self, scalar: Scalar) -> Self::Value;
    /// A string.
    fn string(&mut self, text: Self::Text) -> Self::Value;
    /// An array of these values. Takes them out of the list.
    fn array(&mut self, values: &mut Vec<Self::Value>) -> Result<Self::Value, Self::Error>;
    /// A member of an object.
    fn member(&mut self, name: Self::Text, value: Self::Value) -> Self::Member;
    /// An object of these members. Takes them out of the list.
    fn object(&mut self, members: &mut Vec<Self::Member>) -> Result<Self::Value, Self::Error>;

    /// What is in a value.
    fn view<'a>(value: &'a Self::Value) -> View<'a, Self::Value, Self::Member>;
    /// What is in a member.
    fn parts(member: &Self::Member) -> (&str, &Self::Value);
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(i64),
}

/// What is in a value.
#[derive(Clone, Copy, Debug)]
pub enum View<'a, V, M> {
    /// A value without parts.
    Scalar(Scalar),
    /// A string.
    String(&'a str),
    /// An array.
    Array(&'a [V]),
    /// An object.
    Object(&'a [M]),
}

/// Parses a document.
///
/// # Errors
/// The builder's.
///
/// # Panics
/// If the text is not one of [`Parameters::documents`].
pub fn parse<B: Builder>(builder: &mut B, text: &str) -> Result<B::Value, B::Error> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(builder)?;
    assert_eq!(parser.at, text.len(), "one value is the whole document");
    Ok(value)
}

/// JSON as this module writes it: ASCII, no escapes, one space at most.
struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> u8 {
        self.text.as_bytes()[self.at]
    }

    /// Steps over spaces and this byte, if it is the next one.
    fn eat(&mut self, byte: u8) -> bool {
        while self.peek() == b' ' {
            self.at += 1;
        }
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    fn quoted(&mut self) -> &'t str {
        assert!(self.eat(b'"'), "a string at {}", self.at);
        let begin = self.at;
        while self.peek() != b'"' {
            self.at += 1;
        }
        self.at += 1;
        &self.text[begin..self.at - 1]
    }

    fn word(&mut self) -> &'t str {
        let begin = self.at;
        let rest = &self.text.as_bytes()[begin..];
        self.at += rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').unwrap_or(rest.len());
        &self.text[begin..self.at]
    }

    fn value<B: Builder>(&mut self, builder: &mut B) -> Result<B::Value, B::Error> {
        if self.eat(b'[') {
            let mut values = Vec::new();
            while !self.eat(b']') {
                values.push(self.value(builder)?);
                self.eat(b',');
            }
            return builder.array(&mut values);
        }
        if self.eat(b'{') {
            let mut members = Vec::new();
            while !self.eat(b'}') {
                let name = builder.text(self.quoted())?;
                assert!(self.eat(b':'), "a colon at {}", self.at);
                let value = self.value(builder)?;
                members.push(builder.member(name, value));
                self.eat(b',');
            }
            return builder.object(&mut members);
        }
        if self.peek() == b'"' {
            let text = builder.text(self.quoted())?;
            return Ok(builder.string(text));
        }
        let scalar = match self.word() {
            "null" => Scalar::Null,
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            number => Scalar::Number(number.parse().expect("nothing else is left")),
        };
        Ok(builder.scalar(scalar))
    }
}

/// Makes the transformed tree: arrays and objects in reverse order, numbers plus one, text in upper case.
///
/// # Errors
/// The builder's.
pub fn transform<B: Builder>(builder: &mut B, value: &B::Value) -> Result<B::Value, B::Error> {
    match B::view(value) {
        View::Scalar(Scalar::Number(number)) => Ok(builder.scalar(Scalar::Number(number + 1))),
        View::Scalar(scalar) => Ok(builder.scalar(scalar)),
        View::String(text) => {
            let text = builder.text(&text.to_ascii_uppercase())?;
            Ok(builder.string(text))
        }
        View::Array(values) => {
            let transformed = values.iter().rev().map(|value| transform(builder, value));
            let mut transformed = transformed.collect::<Result<Vec<_>, _>>()?;
            builder.array(&mut transformed)
        }
        View::Object(members) => {
            let mut transformed = Vec::with_capacity(members.len());
            for member in members.iter().rev() {
                let (name, value) = B::parts(member);
                let name = builder.text(&name.to_ascii_uppercase())?;
                let value = transform(builder, value)?;
                transformed.push(builder.member(name, value));
            }
            builder.object(&mut transformed)
        }
    }
}

/// What is read from a tree.
pub fn digest<B: Builder>(value: &B::Value) -> u64 {
    let mix = |digest: u64, value: u64| digest.wrapping_mul(31).wrapping_add(value);
    let text = |text: &str| text.bytes().fold(text.len() as u64, |digest, byte| mix(digest, byte.into()));
    match B::view(value) {
        View::Scalar(Scalar::Null) => 1,
        View::Scalar(Scalar::Bool(bool)) => 2 + u64::from(bool),
        View::Scalar(Scalar::Number(number)) => mix(4, number as u64),
        View::String(string) => mix(5, text(string)),
        View::Array(values) => values.iter().fold(6, |sum, value| mix(sum, digest::<B>(value))),
        View::Object(members) => members.iter().fold(7, |sum, member| {
            let (name, value) = B::parts(member);
            mix(mix(sum, text(name)), digest::<B>(value))
        }),
    }
}

/// Makes nothing, and counts what an implementation makes.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    objects: u64,
    bytes: u64,
    live: u64,
}

impl Counter {
    fn slice(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
        self.live += slice_bytes(bytes);
    }
}

impl Builder for Counter {
    type Value = ();
    type Member = ();
    type Text = ();
    type Error = Infallible;

    fn text(&mut self, text: &str) -> Result<(), Infallible> {
        self.slice(text.len() as u64);
        Ok(())
    }
    fn scalar(&mut self, _: Scalar) {}
    fn string(&mut self, (): ()) {}
    fn array(&mut self, values: &mut Vec<()>) -> Result<(), Infallible> {
        self.slice(values.len() as u64 * VALUE_BYTES);
        Ok(())
    }
    fn member(&mut self, (): (), (): ()) {}
    fn object(&mut self, members: &mut Vec<()>) -> Result<(), Infallible> {
        self.slice(members.len() as u64 * MEMBER_BYTES);
        Ok(())
    }
    fn view((): &()) -> View<'_, (), ()> {
        View::Scalar(Scalar::Null)
    }
    fn parts((): &()) -> (&str, &()) {
        ("", &())
    }
}

/// What parsing a document makes. The root value stands in an object of its own, so that a pointer leads to it.
fn count(text: &str) -> Counter {
    let mut counter = Counter { objects: 1, bytes: VALUE_BYTES, live: object_bytes(VALUE_BYTES) };
    let Ok(()) = parse(&mut counter, text);
    counter
}

/// What an implementation supplies. Each method is one batch.
pub trait Program {
    /// Parses the document, [`transform`]s it, and puts the result, as an object of its own, into the ring at this
    /// place. Returns the [`digest`] of the tree that was there, 0 if there was none.
    fn convert(&mut self, place: usize, document: &str) -> u64;
}

/// Runs the workload on its documents.
pub fn run(parameters: Parameters, documents: &Documents, mut program: impl Program) -> Outcome {
    let mut checksum = Checksum::new();
    let mut tally = Tally::default();
    tally.add(1, KEPT as u64 * POINTER_BYTES);
    for batch in 0..parameters.parses {
        let document = document(batch);
        checksum.mix(program.convert(batch as usize % KEPT, &documents.texts[document]));
        let Counter { objects, bytes, .. } = documents.counts[document];
        tally.objects += 2 * objects;
        tally.bytes += 2 * bytes;
    }
    drop(program);
    tally.outcome(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects that a value is made of.
    fn objects(value: &serde_json::Value) -> u64 {
        use serde_json::Value;
        match value {
            Value::Array(values) => 1 + values.iter().map(objects).sum::<u64>(),
            Value::Object(members) => 1 + members.len() as u64 + members.values().map(objects).sum::<u64>(),
            Value::String(_) => 1,
            _ => 0,
        }
    }

    #[test]
    fn documents_are_json_and_what_is_counted_is_in_them() {
        let Documents { texts, counts } = Parameters::of(Size::Small).documents();
        let mut compared = 0;
        for (text, counter) in texts.iter().zip(counts) {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            // A map drops names that occur twice, and what they stand for; the counter does not.
            let most = 1 + objects(&value);
            assert!(most <= counter.objects, "{text}");
            compared += u64::from(most == counter.objects);
        }
        assert!(compared > 50, "{compared} of {DOCUMENTS}");
    }
}
