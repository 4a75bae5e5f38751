//! From any stream of bytes to the bytes of the text: gzip is recognised and undone, and the text is counted.
//!
//! Gzip is recognised by its first two bytes (1f 8b, RFC 1952), not by the file's name: `curl` and browsers rename.
//! All members of a gzip file are read, so that a file that was cut at a member's end is the only cut that
//! decompression alone cannot see; the JSON reader sees that one.
//!
//! What is no text for this reader is named where it can be recognised by its first bytes: other compressions, UTF-16,
//! heap dumps of the Java machine. A byte order mark in front of UTF-8 is skipped, as RFC 8259 allows.
//!
//! One limit covers both forms. Snapshots of real programs go up to about 2 GB of text; the default leaves room for
//! twice that.
//!
//! What the reader keeps is proportional to the text, and gzip can grow by a factor of about a thousand: a file of 4 MB
//! could take all of 4 GiB. So the text of a compressed file is also limited by the file itself. V8's own snapshots
//! grow by 5 to 10, that of a million equal objects by 6 (their numbers differ); [`LARGEST_GROWTH`] is far above.
//!
//! The JSON library turns errors of its stream into its own; therefore the fault is kept here, where the caller finds
//! it in its first form.

use super::error::SnapshotError;
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The longest text that [`read`](super::read()) accepts, in bytes after decompression: 4 GiB.
pub const DEFAULT_TEXT_LIMIT: u64 = 4 << 30;

/// The longest text that a compressed file may have, in multiples of its own length.
const LARGEST_GROWTH: u64 = 100;

/// Up to this length of the text, in bytes, nobody asks how it grew: it does no harm.
const HARMLESS_TEXT: u64 = 64 << 20;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The byte order mark, in UTF-8.
const MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// As many bytes of a stream tell what is in it.
const HEAD: u64 = 16;

/// What other formats begin with, and what to do about it.
const FORMATS: [(&[u8], Format); 9] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], Format { name: "compressed by zstd", advice: "decompress it: zstd -d FILE" }),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Format { name: "compressed by xz", advice: "decompress it: xz -d FILE" }),
    (b"BZh", Format { name: "compressed by bzip2", advice: "decompress it: bzip2 -d FILE" }),
    (b"PK\x03\x04", Format { name: "a zip archive", advice: "unpack it: unzip FILE" }),
    (b"JAVA PROFILE 1.0.", HPROF),
    (
        b"heap trace ",
        Format { name: "a recorded trace", advice: "replay runs it from a file that is not compressed: gunzip FILE" },
    ),
    (&[0xff, 0xfe], Format { name: "text in UTF-16", advice: "convert it: iconv -f UTF-16 -t UTF-8 FILE" }),
    (&[0xfe, 0xff], Format { name: "text in UTF-16", advice: "convert it: iconv -f UTF-16 -t UTF-8 FILE" }),
    (b"{\0\"\0", Format { name: "text in UTF-16", advice: "convert it: iconv -f UTF-16LE -t UTF-8 FILE" }),
];

/// Not text, and read by other means where it can be: twice.
pub(super) const HPROF: Format =
    Format { name: "a heap dump of the Java machine (HPROF)", advice: "it is read from a file, not from a stream" };

/// A format that is recognised and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// What the file is.
    pub name: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Why no more text came.
pub(super) enum Fault {
    Read(io::Error),
    Gzip(io::Error),
    TooLong(u64),
    /// A compressed file that holds hardly anything but repetitions.
    Bomb,
    /// Something else.
    Format(Format),
}

impl Fault {
    /// What is said about it, once so many bytes of text were given.
    pub(super) fn explain(self, byte: u64) -> SnapshotError {
        match self {
            Self::Read(source) => SnapshotError::Read { byte, source },
            Self::Gzip(source) => SnapshotError::Gzip { byte, source },
            Self::TooLong(limit) => SnapshotError::TooLong { limit },
            Self::Format(format) => SnapshotError::Format(format),
            Self::Bomb => SnapshotError::Bomb { byte },
        }
    }
}

/// The text of a snapshot as a stream that remembers how much it gave and why it failed.
pub(super) struct Source<'a> {
    bytes: Bytes<'a>,
    /// Bytes given so far.
    pub(super) given: u64,
    limit: u64,
    /// Set once, when `read` fails; every later `read` fails too.
    pub(super) fault: Option<Fault>,
    /// Nothing was given yet: a byte order mark may come, or a format that is not ours.
    fresh: bool,
}

enum Bytes<'a> {
    Plain(Box<dyn Read + 'a>),
    Gzip(Box<dyn Read + 'a>, Rc<Cell<u64>>),
}

/// A stream that knows how much of it was read.
struct Counted<'a> {
    stream: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// The first bytes of a stream, and the whole of it again.
fn peek<'a>(mut stream: impl Read + 'a) -> (Vec<u8>, io::Result<()>, Box<dyn Read + 'a>) {
    let mut head = Vec::with_capacity(HEAD as usize);
    let looked = (&mut stream).take(HEAD).read_to_end(&mut head).map(drop);
    (head.clone(), looked, Box::new(io::Cursor::new(head).chain(stream)))
}

impl<'a> Source<'a> {
    /// Looks at the first bytes of `stream` and decides how to read the rest.
    pub(super) fn new(stream: impl Read + 'a, limit: u64) -> Self {
        let (head, looked, whole) = peek(stream);
        let bytes = if head.starts_with(GZIP_MAGIC) {
            let taken = Rc::new(Cell::new(0));
            let decoder = MultiGzDecoder::new(Counted { stream: whole, taken: taken.clone() });
            Bytes::Gzip(Box::new(decoder), taken)
        } else {
            Bytes::Plain(whole)
        };
        Self { bytes, given: 0, limit, fault: looked.err().map(Fault::Read), fresh: true }
    }

    /// As [`new`](Self::new), for what is no text: it is given as it is.
    pub(super) fn binary(stream: impl Read + 'a, limit: u64) -> Self {
        Self { fresh: false, ..Self::new(stream, limit) }
    }

    /// Looks at the first bytes of the text: recognises what is none, and steps over a byte order mark.
    fn begin(&mut self) -> Result<(), Fault> {
        let stream = match &mut self.bytes {
            Bytes::Plain(stream) | Bytes::Gzip(stream, _) => stream,
        };
        let (head, looked, whole) = peek(std::mem::replace(stream, Box::new(io::empty())));
        *stream = whole;
        looked.map_err(|error| self.classify(error))?;
        if let Some((_, format)) =
            FORMATS.into_iter().find(|(magic, _)| head.starts_with(&magic[..magic.len().min(HEAD as usize)]))
        {
            return Err(Fault::Format(format));
        }
        if head.starts_with(MARK) {
            let stream = match &mut self.bytes {
                Bytes::Plain(stream) | Bytes::Gzip(stream, _) => stream,
            };
            stream.read_exact(&mut [0; MARK.len()]).map_err(|error| self.classify(error))?;
        }
        Ok(())
    }

    /// Whose error it is. The decoder hands on what its stream answers, and adds its own findings under three kinds.
    fn classify(&self, error: io::Error) -> Fault {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match (&self.bytes, error.kind()) {
            (Bytes::Gzip(..), InvalidInput | InvalidData | UnexpectedEof) => Fault::Gzip(error),
            _ => Fault::Read(error),
        }
    }

    /// Has a compressed stream grown beyond what a snapshot does, once `length` bytes of text are known?
    fn is_bomb(&self, length: u64) -> bool {
        match &self.bytes {
            Bytes::Plain(_) => false,
            Bytes::Gzip(_, taken) => length > HARMLESS_TEXT && length > taken.get().saturating_mul(LARGEST_GROWTH),
        }
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        self.fault = Some(fault);
        io::Error::other("see Source::fault")
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::Error::other("see Source::fault"));
        }
        if std::mem::take(&mut self.fresh)
            && let Err(fault) = self.begin()
        {
            return Err(self.fail(fault));
        }
        let read = match &mut self.bytes {
            Bytes::Plain(stream) | Bytes::Gzip(stream, _) => stream.read(buffer),
        };
        let read = read.map_err(|error| self.classify(error));
        match read {
            Ok(count) if self.given + count as u64 > self.limit => Err(self.fail(Fault::TooLong(self.limit))),
            Ok(count) if self.is_bomb(self.given + count as u64) => Err(self.fail(Fault::Bomb)),
            Ok(count) => {
                self.given += count as u64;
                Ok(count)
            }
            Err(Fault::Read(error)) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(fault) => Err(self.fail(fault)),
        }
    }
}
