//! Custody: that evidence, case, results and bundles are what they were.
//!
//! Takes paths and what vouches for them; gives what became of each file, bundles, and a log of what was run. It reads
//! bytes and hashes and knows nothing of Entra.
//!
//! | Module | Does |
//! |---|---|
//! | [`inventory`] | hashes files and members of archives |
//! | [`manifest`] | reads the manifests of others |
//! | [`audit`] | compares, in hashdeep's words |
//! | [`result`] | verifies a result folder by its `run.json` |
//! | [`bag`] | verifies a bundle |
//! | [`seal`] | writes one |
//! | [`check`] | puts these together: what vouches for what |
//! | [`case_file`] | reads what the people of the case say |
//! | [`log`] | the log of runs, chained by hash |

pub mod audit;
pub mod bag;
pub mod case_file;
pub mod check;
pub mod inventory;
pub mod log;
pub mod manifest;
pub mod result;
pub mod seal;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::evidence::EvidenceError;
use crate::index::CaseError;
use crate::unfinished::CommitError;

/// What keeps custody from being taken or verified.
#[derive(Debug, Error)]
pub enum CustodyError {
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Evidence cannot be read, or changed meanwhile.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A case folder cannot be read, or is in use.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A bundle cannot be put in its place.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A case file is none.
    #[error("`{}` is no case file: {cause}", path.display())]
    CaseFile {
        /// Which.
        path: PathBuf,
        /// Line and cause.
        cause: String,
    },
    /// A manifest says nothing that can be compared.
    #[error("`{}` holds no digest that can be compared: {cause}", path.display())]
    NoDigests {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// What is to be sealed is not what the run wrote or read.
    #[error("`{path}` is not what the run knows: {cause}")]
    Altered {
        /// The first such file.
        path: String,
        /// What is the matter.
        cause: String,
    },
    /// A name cannot stand in a bag.
    #[error("`{path}` cannot be sealed: {cause}")]
    Unsealable {
        /// Which.
        path: String,
        /// Why.
        cause: &'static str,
    },
}

pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> CustodyError {
    let path = path.to_owned();
    move |source| CustodyError::Unreadable { path, source }
}

pub(super) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> CustodyError {
    let path = path.to_owned();
    move |source| CustodyError::Unwritable { path, source }
}
