//! From any stream of bytes to the bytes of the text: gzip is recognised and undone, and the text is counted.
//!
//! Gzip is recognised by its first two bytes (1f 8b, RFC 1952), not by the file's name: `curl` and browsers rename.
//! All members of a gzip file are read, so that a file that was cut at a member's end is the only cut that
//! decompression alone cannot see; the JSON reader sees that one.
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

use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// The longest text that [`read`](super::read()) accepts, in bytes after decompression: 4 GiB.
pub const DEFAULT_TEXT_LIMIT: u64 = 4 << 30;

/// The longest text that a compressed file may have, in multiples of its own length.
const LARGEST_GROWTH: u64 = 100;

/// Up to this length of the text, in bytes, nobody asks how it grew: it does no harm.
const HARMLESS_TEXT: u64 = 64 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why no more text came.
pub(super) enum Fault {
    Read(io::Error),
    Gzip(io::Error),
    TooLong(u64),
    /// A compressed file that holds hardly anything but repetitions.
    Bomb,
}

/// The text of a snapshot as a stream that remembers how much it gave and why it failed.
pub(super) struct Source<'a> {
    bytes: Bytes<'a>,
    /// Bytes given so far.
    pub(super) given: u64,
    limit: u64,
    /// Set once, when `read` fails; every later `read` fails too.
    pub(super) fault: Option<Fault>,
}

enum Bytes<'a> {
    Plain(Box<dyn Read + 'a>),
    Gzip(MultiGzDecoder<Counted<'a>>),
}

/// A stream that knows how much of it was read.
struct Counted<'a> {
    stream: Box<dyn Read + 'a>,
    taken: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl<'a> Source<'a> {
    /// Looks at the first two bytes of `stream` and decides how to read the rest.
    pub(super) fn new(mut stream: impl Read + 'a, limit: u64) -> Self {
        let mut head = Vec::with_capacity(GZIP_MAGIC.len());
        let looked = (&mut stream).take(GZIP_MAGIC.len() as u64).read_to_end(&mut head);
        let is_gzip = head == GZIP_MAGIC;
        let whole: Box<dyn Read + 'a> = Box::new(io::Cursor::new(head).chain(stream));
        Self {
            bytes: if is_gzip {
                Bytes::Gzip(MultiGzDecoder::new(Counted { stream: whole, taken: 0 }))
            } else {
                Bytes::Plain(whole)
            },
            given: 0,
            limit,
            fault: looked.err().map(Fault::Read),
        }
    }

    /// Has a compressed stream grown beyond what a snapshot does, once `length` bytes of text are known?
    fn is_bomb(&self, length: u64) -> bool {
        match &self.bytes {
            Bytes::Plain(_) => false,
            Bytes::Gzip(stream) => {
                length > HARMLESS_TEXT && length > stream.get_ref().taken.saturating_mul(LARGEST_GROWTH)
            }
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
        let read = match &mut self.bytes {
            Bytes::Plain(stream) => stream.read(buffer).map_err(Fault::Read),
            // The decoder hands on what its stream answers, and adds its own findings under these kinds.
            Bytes::Gzip(stream) => stream.read(buffer).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    Fault::Gzip(error)
                }
                _ => Fault::Read(error),
            }),
        };
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
