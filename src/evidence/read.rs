//! Reads a file once, hashing the very bytes that will be parsed.

use std::fs::{File, Metadata};
use std::io;
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

/// The bytes of an exhibit with what was known of the file when they were read.
#[derive(Debug)]
pub struct Bytes {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// Modification time of the file.
    pub modified: Option<SystemTime>,
}

/// Reads a whole file, read-only.
///
/// # Errors
/// [`EvidenceError::Unreadable`], or [`EvidenceError::Changed`] if size or modification time moved meanwhile.
pub fn read_file(path: &Path) -> Result<Bytes, EvidenceError> {
    let unreadable = |source| EvidenceError::Unreadable { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(before.len()).unwrap_or(0)).map_err(|error| {
        EvidenceError::Unreadable { path: path.to_path_buf(), source: io::Error::other(error) }
    })?;
    io::copy(&mut file, &mut bytes).map_err(unreadable)?;
    let after = file.metadata().map_err(unreadable)?;
    let stamp = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
    if stamp(&before) != stamp(&after) || u64::try_from(bytes.len()).ok() != Some(after.len()) {
        return Err(EvidenceError::Changed { path: path.to_path_buf() });
    }
    Ok(Bytes { bytes, modified: after.modified().ok() })
}

/// Both digests of `bytes`.
#[must_use]
pub fn hash(bytes: &[u8]) -> Fingerprints {
    Fingerprints { sha256: Sha256::digest(bytes).into(), blake3: *blake3::hash(bytes).as_bytes() }
}
