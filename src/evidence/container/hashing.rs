//! Both digests of a stream, made while it is read for something else.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::stream::as_u64;
use crate::evidence::read::Fingerprints;

/// Hashes what is read through it.
pub(in crate::evidence) struct Hashing<R> {
    inner: R,
    size: u64,
    sha256: Sha256,
    blake3: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    pub(in crate::evidence) fn new(inner: R) -> Self {
        Self { inner, size: 0, sha256: Sha256::new(), blake3: blake3::Hasher::new() }
    }

    /// How many bytes were read, and their digests.
    pub(in crate::evidence) fn finish(self) -> (u64, Fingerprints) {
        let prints = Fingerprints {
            sha256: self.sha256.finalize().into(),
            blake3: *self.blake3.finalize().as_bytes(),
        };
        (self.size, prints)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let part = buffer.get(..count).unwrap_or_default();
        self.size = self.size.saturating_add(as_u64(count));
        self.sha256.update(part);
        self.blake3.update(part);
        Ok(count)
    }
}
