//! From paths to exhibits: bytes, hashes, encoding; and back from a span to its bytes.
//!
//! Evidence is opened read-only and read, never mapped. Knows nothing of JSON or Entra.

mod encoding;
mod read;
mod stat;
mod walk;

pub use encoding::{Encoding, SourceOffsets, Text, decode};
pub use read::{Fingerprints, Span, hash, read_file, read_spans};
pub use stat::Stat;
pub use walk::{CASE_MARK, Refusal, SourceFile, Walk, walk};

use std::path::PathBuf;

use thiserror::Error;

/// What stops a run at the door.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// A path that was named does not exist or cannot be looked at.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file changed between the first and the last byte read.
    #[error("`{}` changed while it was read (size or modification time differs)", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}
