//! Reads a file once, hashing the very bytes that will be parsed.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::EvidenceError;

/// Both digests of an exhibit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprints {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// BLAKE3 of the bytes.
    pub blake3: [u8; 32],
}

impl Fingerprints {
    /// SHA-256 in lower-case hexadecimal.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        hex(&self.sha256)
    }

    /// BLAKE3 in lower-case hexadecimal.
    #[must_use]
    pub fn blake3_hex(&self) -> String {
        hex(&self.blake3)
    }
}

/// A digest in lower-case hexadecimal.
#[must_use]
pub fn hex(digest: &[u8]) -> String {
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF])
        .filter_map(|half| char::from_digit(u32::from(half), 16))
        .collect()
}

/// A file that is read and watched: whether it changed meanwhile is said at the end.
#[derive(Debug)]
pub struct Watched {
    file: File,
    path: PathBuf,
    before: Metadata,
    read: u64,
}

impl Watched {
    /// Opens a file, read-only.
    ///
    /// # Errors
    /// [`EvidenceError::Unreadable`].
    pub fn open(path: &Path) -> Result<Self, EvidenceError> {
        let unreadable = |source| EvidenceError::Unreadable { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        Ok(Self { file, path: path.to_path_buf(), before, read: 0 })
    }

    /// Its size when it was opened.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.before.len()
    }

    /// Its modification time, once all of it was read.
    ///
    /// # Errors
    /// [`EvidenceError::Changed`] if size or modification time moved since it was opened.
    pub fn finish(self) -> Result<Option<SystemTime>, EvidenceError> {
        let after = self
            .file
            .metadata()
            .map_err(|source| EvidenceError::Unreadable { path: self.path.clone(), source })?;
        let stamp = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
        if stamp(&self.before) != stamp(&after) || self.read != after.len() {
            return Err(EvidenceError::Changed { path: self.path });
        }
        Ok(after.modified().ok())
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read = self.read.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

/// Digests of bytes that come in chunks.
#[derive(Debug, Default)]
pub struct Hashing {
    sha256: Sha256,
    blake3: blake3::Hasher,
}

impl Hashing {
    /// Takes in the next chunk.
    pub fn update(&mut self, chunk: &[u8]) {
        self.sha256.update(chunk);
        self.blake3.update(chunk);
    }

    /// Both digests.
    #[must_use]
    pub fn finish(self) -> Fingerprints {
        Fingerprints {
            sha256: self.sha256.finalize().into(),
            blake3: *self.blake3.finalize().as_bytes(),
        }
    }
}

/// Bytes between two spans that are rather read than jumped over.
const GAP_BYTES: u64 = 16 * 1024;

/// A run of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// How many.
    pub length: u32,
}

/// Reads spans of a file, given in rising order, in one forward pass: `take` gets the position of each span and its bytes.
///
/// # Errors
/// [`EvidenceError::Unreadable`]; a file that ends before a span does has changed: [`EvidenceError::Changed`].
pub fn read_spans(
    path: &Path,
    spans: &[Span],
    take: &mut dyn FnMut(usize, &[u8]),
) -> Result<(), EvidenceError> {
    let unreadable = |source: io::Error| {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            EvidenceError::Changed { path: path.to_path_buf() }
        } else {
            EvidenceError::Unreadable { path: path.to_path_buf(), source }
        }
    };
    let end = |span: &Span| span.offset.saturating_add(u64::from(span.length));
    let mut file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut place = 0;
    for near in spans.chunk_by(|a, b| b.offset <= end(a).saturating_add(GAP_BYTES)) {
        let Some(start) = near.first().map(|span| span.offset) else { continue };
        let reach = near.iter().map(end).max().unwrap_or(start) - start;
        bytes.resize(usize::try_from(reach).unwrap_or(usize::MAX), 0);
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        file.read_exact(&mut bytes).map_err(unreadable)?;
        for span in near {
            let from = usize::try_from(span.offset - start).unwrap_or(usize::MAX);
            let until = from.saturating_add(span.length as usize);
            take(place, bytes.get(from..until).unwrap_or_default());
            place += 1;
        }
    }
    Ok(())
}

/// As [`read_spans`], of a stream that can only be read forward.
///
/// # Errors
/// Those of the stream; [`io::ErrorKind::UnexpectedEof`] if it ends before a span does.
pub fn spans_of(
    stream: &mut dyn Read,
    spans: &[Span],
    take: &mut dyn FnMut(usize, &[u8]),
) -> io::Result<()> {
    let mut at = 0_u64;
    let mut bytes = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        // The same span may be wanted twice; others never overlap.
        if span.offset >= at {
            let between = span.offset - at;
            if io::copy(&mut (&mut *stream).take(between), &mut io::sink())? < between {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.resize(span.length as usize, 0);
            stream.read_exact(&mut bytes)?;
            at = span.offset.saturating_add(u64::from(span.length));
        }
        take(place, &bytes);
    }
    Ok(())
}

/// Both digests of `bytes`.
#[must_use]
pub fn hash(bytes: &[u8]) -> Fingerprints {
    Fingerprints { sha256: Sha256::digest(bytes).into(), blake3: *blake3::hash(bytes).as_bytes() }
}
