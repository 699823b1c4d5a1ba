//! Reads a file once, hashing the very bytes that will be parsed.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
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

/// Reads a whole file into `bytes`, read-only, and gives its modification time.
///
/// # Errors
/// [`EvidenceError::Unreadable`], or [`EvidenceError::Changed`] if size or modification time moved meanwhile.
pub fn read_file(path: &Path, bytes: &mut Vec<u8>) -> Result<Option<SystemTime>, EvidenceError> {
    let unreadable = |source| EvidenceError::Unreadable { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    bytes.clear();
    // One byte more than the file has, so that its end is met without growing.
    bytes.try_reserve(usize::try_from(before.len()).unwrap_or(0).saturating_add(1)).map_err(
        |error| EvidenceError::Unreadable {
            path: path.to_path_buf(),
            source: io::Error::other(error),
        },
    )?;
    file.read_to_end(bytes).map_err(unreadable)?;
    let after = file.metadata().map_err(unreadable)?;
    let stamp = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
    if stamp(&before) != stamp(&after) || u64::try_from(bytes.len()).ok() != Some(after.len()) {
        return Err(EvidenceError::Changed { path: path.to_path_buf() });
    }
    Ok(after.modified().ok())
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

/// Both digests of `bytes`.
#[must_use]
pub fn hash(bytes: &[u8]) -> Fingerprints {
    Fingerprints { sha256: Sha256::digest(bytes).into(), blake3: *blake3::hash(bytes).as_bytes() }
}
