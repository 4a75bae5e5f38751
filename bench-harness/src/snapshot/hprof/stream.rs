//! The bytes of an HPROF file as numbers, highest byte first, with the place for whoever finds one wrong.

use std::io::{self, BufRead, BufReader, Read};

use super::super::error::SnapshotError;
use super::super::source::Source;

/// The type of a field that holds a reference.
pub(super) const OBJECT: u8 = 2;

/// Bytes that are read from the system at once.
const CHUNK: usize = 256 << 10;

/// A dump, behind its header.
pub(super) struct Stream<'a> {
    bytes: BufReader<Source<'a>>,
    at: u64,
    id_bytes: u64,
    /// What is being read: it is named when it is wrong or cut off.
    pub(super) what: &'static str,
}

impl<'a> Stream<'a> {
    /// Reads the header: a text with a zero behind it, the width of identifiers, the time.
    pub(super) fn new(source: Source<'a>) -> Result<Self, SnapshotError> {
        let bytes = BufReader::with_capacity(CHUNK, source);
        let mut stream = Self { bytes, at: 0, id_bytes: 8, what: "the header" };
        let mut left = 32;
        while stream.u1()? != 0 {
            left -= 1;
            if left == 0 {
                return Err(stream.wrong("the name of the version does not end".to_owned()));
            }
        }
        stream.id_bytes = match stream.u4()? {
            width @ (4 | 8) => width.into(),
            width => return Err(stream.wrong(format!("identifiers are said to have {width} bytes, not 4 or 8"))),
        };
        stream.skip(8)?;
        Ok(stream)
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The width of an identifier.
    pub(super) fn id_bytes(&self) -> u64 {
        self.id_bytes
    }

    /// The width of a value of this type.
    pub(super) fn type_bytes(&self, kind: u8) -> Result<u64, SnapshotError> {
        Ok(match kind {
            OBJECT => self.id_bytes,
            4 | 8 => 1,
            5 | 9 => 2,
            6 | 10 => 4,
            7 | 11 => 8,
            _ => return Err(self.wrong(format!("in {}: there is no type {kind}", self.what))),
        })
    }

    /// Something is wrong here.
    pub(super) fn wrong(&self, problem: String) -> SnapshotError {
        self.wrong_at(self.at, problem)
    }

    pub(super) fn wrong_at(&self, byte: u64, problem: String) -> SnapshotError {
        SnapshotError::Hprof { byte, problem }
    }

    fn failed(&mut self, error: io::Error) -> SnapshotError {
        let source = self.bytes.get_mut();
        match source.fault.take() {
            Some(fault) => fault.explain(source.given),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.wrong(format!("it is cut off, inside {}", self.what))
            }
            None => SnapshotError::Read { byte: self.at, source: error },
        }
    }

    /// Fills a buffer.
    pub(super) fn bytes(&mut self, into: &mut [u8]) -> Result<(), SnapshotError> {
        self.bytes.read_exact(into).map_err(|error| self.failed(error))?;
        self.at += into.len() as u64;
        Ok(())
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        self.bytes(&mut bytes)?;
        Ok(bytes)
    }

    /// The first byte of the next record, if there is one.
    pub(super) fn tag(&mut self) -> Result<Option<u8>, SnapshotError> {
        let mut tag = [0];
        match self.bytes.read_exact(&mut tag) {
            Ok(()) => {
                self.at += 1;
                Ok(Some(tag[0]))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn u1(&mut self) -> Result<u8, SnapshotError> {
        self.number().map(u8::from_be_bytes)
    }

    pub(super) fn u2(&mut self) -> Result<u16, SnapshotError> {
        self.number().map(u16::from_be_bytes)
    }

    pub(super) fn u4(&mut self) -> Result<u32, SnapshotError> {
        self.number().map(u32::from_be_bytes)
    }

    /// An identifier: an address, or 0.
    pub(super) fn id(&mut self) -> Result<u64, SnapshotError> {
        if self.id_bytes == 4 { self.u4().map(u64::from) } else { self.number().map(u64::from_be_bytes) }
    }

    /// Steps over so many bytes, which must be there.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        let end = self.at.saturating_add(bytes);
        while self.at < end {
            let ready = match self.bytes.fill_buf() {
                Ok([]) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(ready) => Ok(ready.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let skipped =
                ready.map_err(|error| self.failed(error))?.min((end - self.at).try_into().unwrap_or(usize::MAX));
            self.bytes.consume(skipped);
            self.at += skipped as u64;
        }
        Ok(())
    }
}
