//! Exit codes: a public contract (README, "Exit codes").

use std::process::ExitCode;

use thiserror::Error;

use crate::custody::CustodyError;
use crate::evidence::EvidenceError;
use crate::history::HistoryError;
use crate::index::{CaseError, OpenError};
use crate::redact::RedactError;
use crate::report::ReportError;
use crate::synth::SynthError;

/// How a run ended, worst last in the order that decides where several apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 3: done, but some input was damaged, refused or quarantined.
    Damaged,
    /// 1: an assertion or verification that was asked for failed.
    Failed,
    /// 5: cannot read input or write output.
    Io,
    /// 6: a limit was reached, and something was not read.
    Limit,
    /// 4: integrity failure.
    Integrity,
    /// 2: usage.
    Usage,
    /// 70: internal error.
    Internal,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number that the system sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Damaged => 3,
            Self::Integrity => 4,
            Self::Io => 5,
            Self::Limit => 6,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What ends a run early.
#[derive(Debug, Error)]
pub enum Failure {
    /// The command line asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// Evidence cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The case folder cannot be used.
    #[error(transparent)]
    Case(CaseError),
    /// The comparison stopped.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Output cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Custody cannot be taken or verified.
    #[error(transparent)]
    Custody(CustodyError),
    /// The key of pseudonyms or their table cannot be used.
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// A synthetic tenant cannot be made.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// None of the evidence could be read.
    #[error("none of the evidence could be read{}", first.as_ref().map(|first| format!(": {first}")).unwrap_or_default())]
    NothingReadable {
        /// The first thing that was refused: code, path, cause.
        first: Option<String>,
        /// Whether a limit stopped any of it.
        limit: bool,
    },
    /// Standard output is closed or full.
    #[error("cannot write to standard output")]
    Stdout(#[source] std::io::Error),
}

impl Failure {
    /// The exit code that it stands for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. }
            | Self::Case(CaseError::Foreign { .. })
            | Self::Redact(RedactError::NoKey { .. })
            | Self::Custody(CustodyError::CaseFile { .. } | CustodyError::NoDigests { .. }) => {
                Exit::Usage
            }
            Self::Custody(CustodyError::Altered { .. }) => Exit::Failed,
            // What is damaged now was sound when it was indexed.
            Self::Evidence(EvidenceError::Changed { .. })
            | Self::Custody(CustodyError::Evidence(EvidenceError::Changed { .. }))
            | Self::Case(CaseError::Evidence(EvidenceError::Changed { .. }))
            | Self::History(HistoryError::Open(
                OpenError::Altered { .. }
                | OpenError::Evidence(EvidenceError::Changed { .. } | EvidenceError::Damaged { .. }),
            )) => Exit::Integrity,
            Self::NothingReadable { limit: true, .. }
            | Self::Evidence(EvidenceError::Memory(_))
            | Self::Case(CaseError::Evidence(EvidenceError::Memory(_)))
            | Self::History(
                HistoryError::Memory(_)
                | HistoryError::Open(OpenError::Evidence(EvidenceError::Memory(_))),
            ) => Exit::Limit,
            Self::Evidence(EvidenceError::Unreadable { .. } | EvidenceError::Damaged { .. })
            | Self::History(HistoryError::Open(OpenError::Evidence(EvidenceError::Unreadable {
                ..
            })))
            | Self::Case(_)
            | Self::NothingReadable { .. }
            | Self::Stdout(_)
            | Self::Custody(_)
            | Self::Redact(_)
            | Self::Synth(_)
            | Self::Report(ReportError::Write { .. }) => Exit::Io,
            Self::Report(_) => Exit::Internal,
        }
    }

    /// What to do now, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } => Some(hint),
            Self::NothingReadable { first: Some(_), .. } => {
                Some("`explain` tells what the code means and what to do")
            }
            Self::Evidence(EvidenceError::Unreadable { .. } | EvidenceError::Damaged { .. })
            | Self::NothingReadable { .. } => {
                Some("check the path and the permissions of the account that runs entrace")
            }
            Self::Evidence(EvidenceError::Memory(_)) | Self::History(HistoryError::Memory(_)) => {
                Some("give more with --max-memory, or fewer snapshots at a time")
            }
            Self::History(HistoryError::Open(OpenError::Evidence(EvidenceError::Unreadable {
                ..
            }))) => Some("rows are opened where they were read: put the evidence back"),
            Self::Evidence(EvidenceError::Changed { .. }) | Self::History(_) => Some(
                "nothing may write to evidence while it is analysed: work on a copy that nothing else touches",
            ),
            Self::Case(error) => Some(case_hint(error)),
            Self::Custody(error) => Some(custody_hint(error)),
            Self::Redact(RedactError::NoKey { .. }) => {
                Some("name the file of an earlier run, or one that is not there yet")
            }
            Self::Redact(_) => {
                Some("check that the account that runs entrace can read and write there")
            }
            Self::Report(_) | Self::Synth(_) => Some("check that the output folder can be written"),
            Self::Stdout(_) => None,
        }
    }
}

fn custody_hint(error: &CustodyError) -> &'static str {
    match error {
        CustodyError::Unreadable { .. }
        | CustodyError::Evidence(
            EvidenceError::Unreadable { .. }
            | EvidenceError::Damaged { .. }
            | EvidenceError::Memory(_),
        ) => "check the path and the permissions of the account that runs entrace",
        CustodyError::Unwritable { .. } | CustodyError::Commit(_) => {
            "check that the folder can be written and that the disk is not full"
        }
        CustodyError::Evidence(EvidenceError::Changed { .. }) => {
            "nothing may write to evidence while it is read: work on a copy that nothing else touches"
        }
        CustodyError::Case(error) => case_hint(error),
        CustodyError::CaseFile { .. } => {
            "known are case_id, examiner, organization, received_at, received_from, authority, questions, notes"
        }
        CustodyError::NoDigests { .. } => {
            "make a list with sha256sum, sha512sum, b3sum or hashdeep -c sha256 from a copy that is known to be good"
        }
        CustodyError::Altered { .. } => "`check` names everything that differs",
        CustodyError::Unsealable { .. } => "take it out or rename it, and seal again",
    }
}

fn case_hint(error: &CaseError) -> &'static str {
    match error {
        CaseError::Foreign { .. } => "name a new or an empty folder",
        CaseError::Locked { .. } => "wait until it has ended, or use another case folder",
        CaseError::Forgotten { .. } => "name the evidence again, together with --case",
        CaseError::Unusable { .. } | CaseError::Write(_) => {
            "check that the account that runs entrace can read and write the case folder, and that the disk is not full"
        }
        CaseError::Evidence(EvidenceError::Memory(_)) => {
            "give more with --max-memory, or fewer snapshots at a time"
        }
        CaseError::Evidence(EvidenceError::Unreadable { .. } | EvidenceError::Damaged { .. }) => {
            "the case cannot do without it: put the evidence where it was, or name it where it is now, together with --case"
        }
        CaseError::Evidence(EvidenceError::Changed { .. }) => {
            "nothing may write to evidence while it is analysed: work on a copy that nothing else touches"
        }
    }
}
