//! The case folder: what was read once is kept, so that a later run reads only what is new.
//!
//! What is kept follows from the bytes of exhibits, from the hints of their paths that decide how bytes are read, and from
//! the program itself; everything else is worked out anew in every run. So no result depends on whether a case was used,
//! or in which order it was built.
//!
//! | File | Holds |
//! |---|---|
//! | `entrace-case` | the mark by which the folder is known, and the lock of the run that uses it |
//! | `key` | the secret key of all fingerprints |
//! | `known` | paths, `stat` and hashes of exhibits; evidence and options of the last run; names of the packs |
//! | `pack-…` | rows in the order of identities, and the facts of the exhibits that they are of |
//! | `recent` | the records that were read last, as they are recalled by their bytes: for speed only |
//! | `case.toml`, `run-log.jsonl` | the case file and the log of runs, which are `custody`'s |
//!
//! All but the mark and these two are written under another name, synced and renamed, all of one run in one step; each has a version and
//! checksums. What is damaged or of another version is dropped with a word about it and read again from evidence.

mod facts;
mod folder;
mod known;
mod map;
mod pack;
mod recent;
mod rendering;
mod sealed;
mod store;
mod verify;
mod wire;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::evidence::EvidenceError;
use crate::unfinished::CommitError;

pub(super) use facts::{ExhibitKey, Facts, hints};
pub use known::{KnownContent, Remembered};
pub(super) use sealed::Sealed;
pub use store::{Case, CaseNote, Checks};
pub(super) use store::{Place, Run};
pub use verify::{CaseFacts, roots as case_roots, verify as verify_case};

/// What keeps a case folder from being used.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The folder holds something else.
    #[error("`{}` is neither empty nor a case folder", folder.display())]
    Foreign {
        /// As given.
        folder: PathBuf,
    },
    /// Another run uses it.
    #[error("another run of entrace uses the case folder `{}`", folder.display())]
    Locked {
        /// As given.
        folder: PathBuf,
    },
    /// It does not tell what evidence it is about.
    #[error("the case folder `{}` does not know any evidence", folder.display())]
    Forgotten {
        /// As given.
        folder: PathBuf,
    },
    /// A file of it cannot be read or made.
    #[error("cannot use `{}` of the case folder", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of it cannot be put in its place.
    #[error(transparent)]
    Write(#[from] CommitError),
    /// Evidence that is new or changed cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}
