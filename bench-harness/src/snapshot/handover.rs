//! A prepared replay on its way from the process that made it to those that run it.
//!
//! Reading the text of a snapshot and choosing the operations takes longer than many a run, and every run is a process of
//! its own. So it is done once for a comparison, and what came of it is written to a file that has no name: children get
//! it as their standard input. (*Why not a named file* in the folder for temporary ones? Whoever is killed leaves it
//! behind; and a name is something that one can give to the program, which then would have to expect anything in it.)
//!
//! The form is that of the memory of a small machine: columns of numbers of 32 or 64 bits, lowest byte first, each
//! behind its length. The model after the last round is not in it; the operations are, and are carried out again.
//! An operation takes 12 bytes, so the file has about 16 for each object and 9 for each reference.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::mutation::Op;
use super::reachability::{Bits, Frame, Model, NOTHING, Reachable};
use super::replay::Replay;

/// In front of everything, with a version: a child of another build would misread the rest.
const MAGIC: &[u8; 8] = b"replay 1";

/// Numbers that are moved at once.
const CHUNK: usize = 8 << 10;

/// A number of a column.
trait Number: Copy + 'static {
    const BYTES: usize;

    fn write(self, into: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($Type:ty),*) => {$(
        impl Number for $Type {
            const BYTES: usize = size_of::<$Type>();

            fn write(self, into: &mut Vec<u8>) {
                into.extend(self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$Type>()];
                own.copy_from_slice(bytes);
                <$Type>::from_le_bytes(own)
            }
        }
    )*};
}

number!(u32, u64);

fn write_column<T: Number>(column: &[T], out: &mut impl Write) -> io::Result<()> {
    out.write_all(&(column.len() as u64).to_le_bytes())?;
    let mut bytes = Vec::with_capacity(CHUNK * T::BYTES);
    for chunk in column.chunks(CHUNK) {
        bytes.clear();
        chunk.iter().for_each(|number| number.write(&mut bytes));
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn read_number<T: Number>(stream: &mut impl Read) -> io::Result<T> {
    let mut bytes = vec![0; T::BYTES];
    stream.read_exact(&mut bytes)?;
    Ok(T::read(&bytes))
}

fn read_column<T: Number>(stream: &mut impl Read) -> io::Result<Vec<T>> {
    let len = read_number::<u64>(stream)? as usize;
    let mut column = Vec::new();
    let mut bytes = vec![0; CHUNK * T::BYTES];
    while column.len() < len {
        let chunk = (len - column.len()).min(CHUNK);
        let bytes = &mut bytes[..chunk * T::BYTES];
        stream.read_exact(bytes)?;
        column.extend(bytes.chunks_exact(T::BYTES).map(T::read));
    }
    Ok(column)
}

fn write_reachable(reachable: &Reachable, out: &mut impl Write) -> io::Result<()> {
    let Reachable { members, objects, bytes } = reachable;
    write_column(&[*objects, *bytes], out)?;
    write_column(&members.0, out)
}

fn read_reachable(stream: &mut impl Read) -> io::Result<Reachable> {
    let sums: Vec<u64> = read_column(stream)?;
    let [objects, bytes] = sums[..] else { return Err(io::ErrorKind::InvalidData.into()) };
    Ok(Reachable { members: Bits(read_column(stream)?), objects, bytes })
}

/// Three numbers: who is written to, or nobody for a root; the slot or root; what it holds then, or nothing.
fn numbers_of(op: Op) -> [u32; 3] {
    match op {
        Op::RemoveEdge { from, slot } => [from, slot, NOTHING],
        Op::InsertEdge { from, slot, to } => [from, slot, to],
        Op::DropRoot { root } => [NOTHING, root, NOTHING],
    }
}

fn op_of([from, slot, to]: [u32; 3]) -> Op {
    match (from, to) {
        (NOTHING, _) => Op::DropRoot { root: slot },
        (_, NOTHING) => Op::RemoveEdge { from, slot },
        _ => Op::InsertEdge { from, slot, to },
    }
}

impl Replay {
    /// Writes everything that [`read`](Self::read) needs, in pieces of some kilobytes.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Model { frame, slots, roots } = &self.model;
        let Frame { self_sizes, objects, offsets } = &**frame;
        out.write_all(MAGIC)?;
        write_column(self_sizes, out)?;
        write_column(&objects.0, out)?;
        write_column(offsets, out)?;
        write_column(slots, out)?;
        write_column(roots, out)?;
        write_reachable(&self.alive, out)?;
        out.write_all(&(self.rounds.len() as u64).to_le_bytes())?;
        for (operations, alive) in &self.rounds {
            let numbers: Vec<u32> = operations.iter().copied().flat_map(numbers_of).collect();
            write_column(&numbers, out)?;
            write_reachable(alive, out)?;
        }
        out.flush()
    }

    /// Reads what [`write`](Self::write) has written, of which only the length is not trusted: it came from a process of
    /// this program.
    ///
    /// # Errors
    /// What `stream` answers; and if it ends early or holds something else.
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        stream.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is not a prepared heap of this version"));
        }
        let self_sizes = read_column(stream)?;
        let objects = Bits(read_column(stream)?);
        let offsets = read_column(stream)?;
        let (slots, roots) = (read_column(stream)?, read_column(stream)?);
        let model = Model { frame: Arc::new(Frame { self_sizes, objects, offsets }), slots, roots };
        let alive = read_reachable(stream)?;
        let mut last = model.clone();
        let mut rounds = Vec::new();
        for _ in 0..read_number::<u64>(stream)? {
            let numbers: Vec<u32> = read_column(stream)?;
            let operations: Vec<Op> = numbers.chunks_exact(3).map(|op| op_of([op[0], op[1], op[2]])).collect();
            operations.iter().for_each(|op| last.apply(*op));
            rounds.push((operations, read_reachable(stream)?));
        }
        Ok(Self { model, alive, rounds, last })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{builtin, read};
    use super::*;

    #[test]
    fn what_arrives_is_what_was_sent() {
        let sent = Replay::prepare(read(builtin()).unwrap());
        assert!(sent.rounds.iter().flat_map(|(operations, _)| operations).any(|op| matches!(op, Op::DropRoot { .. })));
        let mut bytes = Vec::new();
        sent.write(&mut bytes).unwrap();
        let arrived = Replay::read(&mut &bytes[..]).unwrap();
        assert!(arrived == sent);
        for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(Replay::read(&mut &bytes[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        bytes[7] = b'2';
        assert!(Replay::read(&mut &bytes[..]).unwrap_err().to_string().contains("of this version"));
    }
}
