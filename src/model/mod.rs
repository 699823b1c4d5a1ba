//! The words of the trade as types: what every other room says to its neighbours.
//!
//! Nothing here reads a file, knows a format or decides what a value means. The words are those of Microsoft Graph
//! (resource and property names) and of Microsoft Entra Backup and Recovery (recovery actions, difference report).

#[macro_use]
mod words;

mod case_file;
mod change;
mod difference;
mod evidence;
mod log;
mod pattern;
mod receipt;
mod recovery;
mod snapshot;
mod time;

pub use case_file::CaseFile;
pub use change::{
    Certainty, Change, ChangeId, ChangeKind, Lane, Narrowed, Origin, Reason, Target, Window,
};
pub use difference::{
    Agreement, DifferenceReport, DifferingAttribute, DifferingLink, DifferingObject, OpinionReason,
    OpinionRow, SecondOpinion, Shown,
};
pub use evidence::{
    BinRow, ConflictRow, CoverageRow, CoverageState, ExhibitRow, HashBasis, ObjectRow,
    QuarantineRow, SourceCounts, Tally, WarningRow,
};
pub use log::{
    Actor, ActorKind, EventTime, LogKind, LogRecord, LogRow, LogTarget, ModifiedProperty,
    Precision, plain_activity,
};
pub use pattern::glob;
pub use receipt::{Cited, ExhibitId, Receipt, ReceiptError, Span, Table};
pub use recovery::{
    Asserted, AssertionOutcome, AssertionRow, BackupRow, Clean, Completion, Freshness,
    FreshnessRow, Intent, JobEvent, JobKind, JobOutcome, JobRow, JobScope, ListedAttribute,
    ListedChange, ListedLink, ReconciledRow, Recoverability, RecoveryAction, Verdict,
    VerdictReason, VerdictRow, Verification,
};
pub use snapshot::SnapshotRow;
pub use time::{CaptureTime, Interval, TimeSource, instant};

/// Everything an analysis found, as tables that the report writes and the verbs list.
///
/// Every vector is already in its output order; nothing in it depends on threads, clock or locale.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// Snapshots of all tenants, by (tenant, position).
    pub snapshots: Vec<SnapshotRow>,
    /// Changes of every lane, folded as the output contract says, in the contract's order.
    pub changes: Vec<Change>,
    /// One row per object ever seen, with its last known name and presence.
    pub objects: Vec<ObjectRow>,
    /// One row per exhibit.
    pub exhibits: Vec<ExhibitRow>,
    /// What each snapshot collected, and how completely.
    pub coverage: Vec<CoverageRow>,
    /// Attributes on which captures of one snapshot disagree.
    pub conflicts: Vec<ConflictRow>,
    /// What lies in recycle bins, by (tenant, day of the purge).
    pub bin: Vec<BinRow>,
    /// What the logs hold, by (tenant, kind, type).
    pub logs: Vec<LogRow>,
    /// Backups that the service lists, by (tenant, time, id).
    pub backups: Vec<BackupRow>,
    /// Difference reports and recoveries of the service, by (tenant, start, id).
    pub jobs: Vec<JobRow>,
    /// Audit events that may say who started a job, by (tenant, job, time).
    pub job_events: Vec<JobEvent>,
    /// What change lists and failed-change lists of the service say, by (tenant, job, type, id).
    pub listed: Vec<ListedChange>,
    /// Whether a recovery put back what was to be put back; one for each tenant that it was asked for.
    pub verifications: Vec<Verification>,
    /// What a file of assertions claims, and what the evidence says to it; `None` without such a file.
    pub assertions: Option<Asserted>,
    /// The difference between the first and the last snapshot of each tenant, by tenant.
    pub differences: Vec<DifferenceReport>,
    /// Our difference beside the list of each job of the service that is in the evidence, by (tenant, start, job).
    pub opinions: Vec<SecondOpinion>,
    /// Warnings, most important first.
    pub warnings: Vec<WarningRow>,
    /// Records that could not be used, with exhibit, offset and reason.
    pub quarantine: Vec<QuarantineRow>,
    /// Records seen, used, set aside by rule and quarantined, over all exhibits.
    pub tally: Tally,
    /// Differences that are no change, counted by the rule that set them aside (`key order`, `GUID case`, ...).
    pub set_aside_differences: std::collections::BTreeMap<String, u64>,
    /// The clock of the run: `--as-of`, else the end of the last capture.
    pub as_of: Option<jiff::Timestamp>,
}
