//! A sealed file: a checked head, blocks of data with a checksum each, and at its end the facts that say what is where.
//!
//! Whoever wants bytes gets them only after the blocks that they lie in were found to be sound; a run that looks at a few
//! rows checks a few blocks, one that looks at all has them checked on all threads first.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::map::Mapped;
use super::wire::Writer;

/// Bytes that one checksum stands for: a look at one row reads few of them, and the checksums of a gigabyte take half a
/// megabyte.
const BLOCK_BYTES: usize = 64 * 1024;

/// Bytes of the head. What follows is aligned for any row.
const HEAD_BYTES: usize = 128;

/// Everything in the file begins at a multiple of this.
const ALIGN_BYTES: usize = 64;

/// What the head begins with.
const MAGIC: [u8; 8] = *b"entrace\0";

/// What tells what may be read from a file: another stamp is another version.
pub(super) type Stamp = [u8; 32];

/// Why a sealed file is not used.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is not what was written.
    Damaged(&'static str),
    /// Another version wrote it.
    Outdated,
    /// It cannot be read.
    Unreadable(io::Error),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// A sealed file, mapped.
#[derive(Debug)]
pub(in crate::index) struct Sealed {
    map: Mapped,
    data: Range<usize>,
    checksums: Vec<[u8; 32]>,
    sound: Vec<AtomicBool>,
    all_sound: AtomicBool,
    damaged: AtomicBool,
}

/// The head of a file: magic, stamp, where the facts are, and a checksum over all that and the facts.
fn head(stamp: &Stamp, facts_at: usize, facts: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let place = as_u64(facts_at).to_le_bytes();
    let length = as_u64(facts.len()).to_le_bytes();
    let fields = [MAGIC.as_slice(), stamp, &place, &length].concat();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&fields).update(facts);
    let all = [fields.as_slice(), hasher.finalize().as_bytes()].concat();
    for (byte, value) in head.iter_mut().zip(all) {
        *byte = value;
    }
    head
}

fn as_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The facts of a file, if its head is sound, and where they begin.
fn facts_of<'b>(bytes: &'b [u8], stamp: &Stamp) -> Result<(usize, &'b [u8]), Flaw> {
    let number = |at: usize| -> Option<usize> {
        let field = bytes.get(at..)?.first_chunk::<8>()?;
        usize::try_from(u64::from_le_bytes(*field)).ok()
    };
    if bytes.get(..8) != Some(MAGIC.as_slice()) {
        return Err(Flaw::Damaged("it does not begin as a file of a case folder does"));
    }
    if bytes.len() < HEAD_BYTES {
        return Err(Flaw::Damaged("it is cut off"));
    }
    if bytes.get(8..40) != Some(stamp.as_slice()) {
        return Err(Flaw::Outdated);
    }
    let place = number(40).zip(number(48)).and_then(|(at, length)| {
        let facts = bytes.get(at..at.checked_add(length)?)?;
        (at >= HEAD_BYTES && at + length == bytes.len()).then_some((at, facts))
    });
    let (at, facts) = place.ok_or(Flaw::Damaged("it is cut off"))?;
    if bytes.get(..HEAD_BYTES) != Some(head(stamp, at, facts).as_slice()) {
        return Err(Flaw::Damaged("a checksum differs"));
    }
    Ok((at, facts))
}

impl Sealed {
    /// Opens a file and checks its head; gives it with its facts behind the checksums.
    pub(super) fn open(path: &Path, stamp: &Stamp) -> Result<(Self, Vec<u8>), Flaw> {
        let map = Mapped::new(&File::open(path)?)?;
        let (at, facts) = facts_of(map.bytes(), stamp)?;
        let blocks = (at - HEAD_BYTES).div_ceil(BLOCK_BYTES);
        let checks = facts.get(..blocks.saturating_mul(32));
        let checks = checks.ok_or(Flaw::Damaged("checksums are missing"))?;
        let facts = facts.get(checks.len()..).unwrap_or_default().to_vec();
        let (checksums, _) = checks.as_chunks::<32>();
        let sealed = Self {
            checksums: checksums.to_vec(),
            sound: (0..blocks).map(|_| AtomicBool::new(false)).collect(),
            data: HEAD_BYTES..at,
            all_sound: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
            map,
        };
        Ok((sealed, facts))
    }

    /// Checks all blocks, on all threads; whether they are sound.
    pub(super) fn check_all(&self) -> bool {
        let sound = (0..self.checksums.len()).into_par_iter().all(|block| self.check(block));
        self.all_sound.store(sound, Ordering::Relaxed);
        sound
    }

    /// Takes all blocks for sound: this run wrote them.
    pub(super) fn trust(&self) {
        self.all_sound.store(true, Ordering::Relaxed);
    }

    /// Whether a block was met that is not what was written.
    pub(in crate::index) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    fn check(&self, block: usize) -> bool {
        if self.sound.get(block).is_some_and(|sound| sound.load(Ordering::Relaxed)) {
            return true;
        }
        let start = self.data.start + block * BLOCK_BYTES;
        let end = (start + BLOCK_BYTES).min(self.data.end);
        let found = self.map.bytes().get(start..end).map(|bytes| *blake3::hash(bytes).as_bytes());
        let sound = found.is_some() && found.as_ref() == self.checksums.get(block);
        match self.sound.get(block).filter(|_| sound) {
            Some(flag) => flag.store(true, Ordering::Relaxed),
            None => self.damaged.store(true, Ordering::Relaxed),
        }
        sound
    }

    /// Bytes of the data, counted from its beginning; nothing if they are not what was written.
    pub(in crate::index) fn bytes(&self, place: Range<usize>) -> Option<&[u8]> {
        let start = self.data.start.checked_add(place.start)?;
        let end = self.data.start.checked_add(place.end)?;
        if end > self.data.end || start > end {
            return None;
        }
        if !self.all_sound.load(Ordering::Relaxed) && !place.is_empty() {
            let mut blocks = place.start / BLOCK_BYTES..place.end.div_ceil(BLOCK_BYTES);
            if !blocks.all(|block| self.check(block)) {
                return None;
            }
        }
        self.map.bytes().get(start..end)
    }

    /// Bytes of data.
    pub(super) fn data_bytes(&self) -> usize {
        self.data.len()
    }
}

/// Writes a sealed file.
#[derive(Debug)]
pub(super) struct Sealer<W: Write> {
    out: W,
    written: usize,
    hasher: blake3::Hasher,
    checksums: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[0; HEAD_BYTES])?;
        Ok(Self { out, written: 0, hasher: blake3::Hasher::new(), checksums: Vec::new() })
    }

    /// Writes data at the next multiple of the alignment; gives where it begins.
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gap = self.written.next_multiple_of(ALIGN_BYTES) - self.written;
        self.write([0; ALIGN_BYTES].split_at(gap).0)?;
        let place = self.written;
        self.write(bytes)?;
        Ok(place)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.written % BLOCK_BYTES;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hasher.update(now);
            self.written += now.len();
            if self.written.is_multiple_of(BLOCK_BYTES) {
                self.close_block();
            }
            bytes = later;
        }
        Ok(())
    }

    fn close_block(&mut self) {
        self.checksums.extend_from_slice(self.hasher.finalize().as_bytes());
        self.hasher.reset();
    }

    /// Writes the facts, and gives what is written to with the head that belongs to its beginning.
    pub(super) fn finish(
        mut self,
        stamp: &Stamp,
        facts: Writer,
    ) -> io::Result<(W, [u8; HEAD_BYTES])> {
        if !self.written.is_multiple_of(BLOCK_BYTES) {
            self.close_block();
        }
        let facts = [self.checksums.as_slice(), &facts.finish()].concat();
        self.out.write_all(&facts)?;
        self.out.flush()?;
        Ok((self.out, head(stamp, HEAD_BYTES + self.written, &facts)))
    }
}

/// Writes a file of facts only, or closes one with data: the head last, then all of it to the disk.
pub(super) fn close(mut file: File, head: &[u8; HEAD_BYTES]) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(head)?;
    file.sync_all()
}

/// The facts of a file without data, as bytes of the whole file.
pub(super) fn facts_file(stamp: &Stamp, facts: Writer) -> Vec<u8> {
    let facts = facts.finish();
    let mut bytes = head(stamp, HEAD_BYTES, &facts).to_vec();
    bytes.extend_from_slice(&facts);
    bytes
}

/// Reads a file without data.
pub(super) fn read_facts<'b>(bytes: &'b [u8], stamp: &Stamp) -> Result<&'b [u8], Flaw> {
    facts_of(bytes, stamp).map(|(_, facts)| facts)
}
