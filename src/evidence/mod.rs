//! From paths to exhibits: bytes, hashes, encoding; and back from a span to its bytes.
//!
//! Evidence is opened read-only and read, never mapped, and nothing of an archive is written anywhere. Knows nothing of
//! JSON or Entra.

mod bag;
mod container;
mod database;
mod encoding;
mod read;
mod source;
mod stat;
mod walk;

pub use container::{Carrier, LIMITS, Limits, stream_each};
pub use database::{
    Cell, Database, DatabaseColumn, DatabaseCopy, DatabaseTable, MAGIC as DATABASE_MAGIC, Rows,
    is_log,
};
pub use encoding::{Decoder, Encoding, SourceOffsets, Text, decode};
pub use read::{Fingerprints, Hashing, Span, Watched, hash, hex, read_spans, spans_of};
pub use source::{RecordedTime, SourceFile};
pub use stat::Stat;
pub use walk::{CASE_MARK, Look, Refusal, Walk, inventory, readable_name, walk, walk_within};

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
    /// A member of an archive is not what the archive says, or cannot be made of its bytes.
    #[error("`{shown}`: {cause}")]
    Damaged {
        /// As in [`SourceFile::shown`].
        shown: String,
        /// Stable code.
        code: &'static str,
        /// The cause in words.
        cause: String,
    },
    /// What was read takes more memory than the run may.
    #[error(transparent)]
    Memory(#[from] crate::budget::Exceeded),
    /// A file changed between the first and the last byte read.
    #[error("`{}` changed while it was read (size or modification time differs)", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}
