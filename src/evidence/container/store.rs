//! Bytes that can be read from any place: a file, an archive held in memory, or a part of either.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rawzip::{FileReader, RangeReader, ReaderAt};

use super::fault::Fault;
use super::stream::as_u64;

/// What a file was when it was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Opens a file that must still be what it was.
    ///
    /// # Errors
    /// [`Fault::Changed`], or what the file system says.
    pub(super) fn open(self, path: &Path) -> Result<File, Fault> {
        let file = File::open(path)?;
        if Self::of(&file.metadata()?) == self { Ok(file) } else { Err(Fault::Changed) }
    }

    /// Whether the file is still what it was.
    ///
    /// # Errors
    /// [`Fault::Changed`], or what the file system says.
    pub(super) fn check(self, path: &Path) -> Result<(), Fault> {
        let now = Self::of(&std::fs::metadata(path)?);
        if now == self { Ok(()) } else { Err(Fault::Changed) }
    }
}

#[derive(Clone)]
enum Base {
    File(Arc<FileReader>),
    Memory(Arc<[u8]>),
}

/// Bytes with random access.
#[derive(Clone)]
pub(super) struct Store {
    base: Base,
    start: u64,
    len: u64,
}

impl Store {
    /// A whole file.
    pub(super) fn file(file: File, len: u64) -> Self {
        Self { base: Base::File(Arc::new(FileReader::from(file))), start: 0, len }
    }

    /// All bytes of a stream, if they are no more than `limit`.
    ///
    /// # Errors
    /// What the stream says, or the limit.
    pub(super) fn held(reader: &mut (dyn Read + Send), limit: u64) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        let len = as_u64(bytes.len());
        if len > limit {
            let cause = format!(
                "an archive inside a compressed one, of more than the {limit} bytes that are held in memory"
            );
            return Err(Fault::Limit("archive-nested-size", cause));
        }
        Ok(Self { base: Base::Memory(bytes.into()), start: 0, len })
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// A part, cut to what there is.
    pub(super) fn part(&self, start: u64, len: u64) -> Self {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        Self { base: self.base.clone(), start: self.start.saturating_add(start), len }
    }

    /// All bytes in order.
    pub(super) fn reader(self) -> RangeReader<Self> {
        let len = self.len;
        RangeReader::new(self, 0..len)
    }
}

impl ReaderAt for Store {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.len.saturating_sub(offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..wanted).filter(|part| !part.is_empty()) else {
            return Ok(0);
        };
        let at = self.start.saturating_add(offset);
        match &self.base {
            Base::File(file) => file.read_at(part, at),
            Base::Memory(bytes) => bytes.read_at(part, at),
        }
    }
}
