//! The difference report: what a recovery would do, in the words of Microsoft Entra Backup and Recovery; and how ours
//! compares with the service's own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::{Certainty, ChangeKind, Target, Window};
use super::receipt::Receipt;
use super::recovery::{Recoverability, RecoveryAction};

/// What the service makes of one difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// In its report, and taken back by its recovery.
    Recovered,
    /// In its report; whether its recovery takes it back is open, or depends on what the reason says.
    Doubtful(Recoverability),
    /// In its report, and left out of its recovery.
    Visible,
    /// Not in its report, for nothing is to be done: the object came after the backup and is in the recycle bin already.
    Settled,
    /// Not in its report, and why.
    Hidden(Recoverability),
}

impl Shown {
    /// Whether its report has it.
    #[must_use]
    pub fn is_shown(self) -> bool {
        !matches!(self, Self::Settled | Self::Hidden(_))
    }
}

/// An attribute that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct DifferingAttribute {
    /// Property path.
    pub path: String,
    /// Value in the backup: canonical JSON, or `None` where there is none.
    pub backup: Option<String>,
    /// Current value.
    pub current: Option<String>,
    /// JSON array of the elements gained since the backup (sets and keyed lists).
    pub added: Option<String>,
    /// JSON array of the elements lost since the backup.
    pub removed: Option<String>,
    /// What the service makes of it.
    pub shown: Shown,
}

/// A link that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct DifferingLink {
    /// Relation.
    pub relation: String,
    /// The other end.
    pub target: Target,
    /// Whether a recovery removes it, because it was added after the backup; else it adds it back.
    pub remove: bool,
    /// What the service makes of it.
    pub shown: Shown,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct DifferingObject {
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Current name.
    pub object_name: String,
    /// What a recovery does to it; `None` where the service has no action for it.
    pub action: Option<RecoveryAction>,
    /// What led to it. The service's report does not tell an added object from a restored one.
    pub cause: ChangeKind,
    /// What the service makes of it: as the object itself came or went, else the most of its attributes and links.
    pub shown: Shown,
    /// When it was deleted, where the evidence tells it.
    pub deleted: Option<Timestamp>,
    /// From the earliest to the latest bound of its rows.
    pub window: Window,
    /// The weakest of its rows.
    pub certainty: Certainty,
    /// By path.
    pub attributes: Vec<DifferingAttribute>,
    /// By (relation, target).
    pub links: Vec<DifferingLink>,
}

/// What differs between the state as of one snapshot, in the place of the backup, and a later one of the same tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DifferenceReport {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Label of the snapshot in the place of the backup, or the id of the service's backup.
    pub from: String,
    /// Label of the snapshot in the place of the current state.
    pub to: String,
    /// The time of the backup.
    pub backup: Option<Timestamp>,
    /// By (type, id).
    pub objects: Vec<DifferingObject>,
    /// Rows that are no known change of the tenant, by lane.
    pub other_rows: BTreeMap<String, u64>,
}

impl DifferenceReport {
    /// What the service's report does not show, by (why, type): objects as such, attributes and links, one each.
    #[must_use]
    pub fn hidden(&self) -> BTreeMap<(Recoverability, &str), u64> {
        let mut counts = BTreeMap::new();
        for object in &self.objects {
            let itself = (object.cause != ChangeKind::Modified).then_some(object.shown);
            let parts = object.attributes.iter().map(|attribute| attribute.shown);
            let links = object.links.iter().map(|link| link.shown);
            for shown in itself.into_iter().chain(parts).chain(links) {
                if let Shown::Hidden(why) = shown {
                    *counts.entry((why, &*object.object_type)).or_default() += 1;
                }
            }
        }
        counts
    }
}

words! {
    /// How our difference and the service's list speak of one attribute, link or object.
    Agreement {
        /// Both say the same.
        Agree = "both agree",
        /// Both have it, with different values or actions.
        Differ = "values differ",
        /// Only our dumps show it.
        OursOnly = "ours only",
        /// Only the service's list shows it.
        TheirsOnly = "theirs only",
    }
}

words! {
    /// Why the two do not say the same; `explain` knows each.
    OpinionReason {
        /// The object is outside the filter of the job.
        JobFilter = "job-filter",
        /// What the job was limited to is not known.
        JobFilterUnknown = "job-filter-unknown",
        /// The service's report does not show such a thing: the column `recoverability` says why.
        NotShown = "see-recoverability",
        /// It came after the backup and is in the recycle bin already.
        Settled = "added-and-deleted",
        /// A membership of a synchronised group.
        SyncedLink = "synced-link",
        /// Pages of the service's list are not in the evidence.
        ListIncomplete = "list-incomplete",
        /// It changed, or may have, between our earlier dump and the backup.
        BeforeBackup = "changed-before-backup",
        /// It changed, or may have, between our later dump and the report.
        AfterDump = "changed-after-dump",
        /// No dump at or before that time collected it.
        NotInDumps = "not-in-dumps",
        /// The service lists an attribute that is not among its supported properties.
        OutsideDocumentation = "outside-documented-scope",
        /// The list does not say what it is about.
        NotNamed = "list-names-nothing",
        /// Nothing in the evidence explains it.
        Unexplained = "unexplained",
    }
}

/// One attribute, link or object as both see it.
#[derive(Debug, Clone, PartialEq)]
pub struct OpinionRow {
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Name.
    pub object_name: String,
    /// Property path or relation; empty for the object itself.
    pub attribute: String,
    /// The other end of a link.
    pub target: Option<Target>,
    /// How they compare.
    pub agreement: Agreement,
    /// Why they do not say the same.
    pub reason: Option<OpinionReason>,
    /// What the service can do about our change.
    pub recoverability: Option<Recoverability>,
    /// Backup value in our dumps: canonical JSON; of objects and links the recovery action, in `our_current`.
    pub our_backup: Option<String>,
    /// Current value in our dumps.
    pub our_current: Option<String>,
    /// Backup value in the service's list.
    pub their_backup: Option<String>,
    /// Current value in the service's list.
    pub their_current: Option<String>,
    /// Records of our dumps.
    pub evidence_ours: Vec<Receipt>,
    /// The record of the list.
    pub evidence_theirs: Vec<Receipt>,
}

/// Our difference beside the list of one job of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondOpinion {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// The job.
    pub job_id: String,
    /// The time of its backup.
    pub target: Option<Timestamp>,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// Label of our last snapshot before the backup; empty if there is none.
    pub from: String,
    /// Label of our last snapshot before the report; empty if there is none.
    pub to: String,
    /// By (type, id, attribute, target).
    pub rows: Vec<OpinionRow>,
    /// What our difference holds.
    pub ours: u64,
    /// What the service's list holds.
    pub theirs: u64,
}

impl SecondOpinion {
    /// Rows by agreement and reason. `both agree`, `values differ` and `ours only` add up to `ours`; with `theirs only` in
    /// the place of `ours only`, to `theirs`.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<(Agreement, Option<OpinionReason>), u64> {
        let mut totals = BTreeMap::new();
        for row in &self.rows {
            *totals.entry((row.agreement, row.reason)).or_default() += 1;
        }
        totals
    }
}
