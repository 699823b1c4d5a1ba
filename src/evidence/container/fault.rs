//! What can be wrong with the bytes of an archive; travels inside `io::Error`, so that readers can be stacked.

use std::io;

use thiserror::Error;

use super::super::{EvidenceError, SourceFile};

/// Why bytes of an archive cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::evidence) enum Fault {
    /// Data is missing at the end.
    #[error("it ends in the middle of its data")]
    Truncated,
    /// A structure or checksum is wrong.
    #[error("{0}")]
    Corrupt(String),
    /// Bytes that belong to no member.
    #[error("{0}")]
    Leftover(String),
    /// A limit: code and cause.
    #[error("{1}")]
    Limit(&'static str, String),
    /// The file system says no.
    #[error("{0}")]
    Unreadable(String),
    /// The file is no longer what it was when it was listed.
    #[error("the file changed while it was read")]
    Changed,
}

impl Fault {
    /// The fault behind an I/O error.
    pub(super) fn of(error: &io::Error) -> Self {
        if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return fault.clone();
        }
        if error.raw_os_error().is_some() {
            return Self::Unreadable(error.to_string());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        Self::Corrupt(error.to_string())
    }

    /// The code of a refusal of an archive.
    pub(super) fn archive_code(&self) -> &'static str {
        match self {
            Self::Truncated => "archive-truncated",
            Self::Corrupt(_) => "archive-damaged",
            Self::Leftover(_) => "archive-leftover",
            Self::Limit(code, _) => code,
            Self::Unreadable(_) | Self::Changed => "unreadable",
        }
    }

    /// The code of a refusal of a member.
    pub(super) fn member_code(&self) -> &'static str {
        match self {
            Self::Truncated | Self::Corrupt(_) | Self::Leftover(_) => "member-damaged",
            Self::Limit(code, _) => code,
            Self::Unreadable(_) | Self::Changed => "unreadable",
        }
    }

    /// The error that the reader of a member gets.
    pub(in crate::evidence) fn error(&self, file: &SourceFile) -> EvidenceError {
        match self {
            Self::Changed => EvidenceError::Changed { path: file.path.clone() },
            Self::Unreadable(cause) => EvidenceError::Unreadable {
                path: file.path.clone(),
                source: io::Error::other(cause.clone()),
            },
            Self::Truncated | Self::Corrupt(_) | Self::Leftover(_) | Self::Limit(..) => {
                EvidenceError::Damaged {
                    shown: file.shown.clone(),
                    code: self.member_code(),
                    cause: self.to_string(),
                }
            }
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::of(&error)
    }
}
