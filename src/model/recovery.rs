//! Microsoft Entra Backup and Recovery in its own words: backups, jobs, change lists, what can be recovered, and the
//! verdict on a recovery.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::{Target, Window};
use super::receipt::{ExhibitId, Receipt};

words! {
    /// What a recovery does to an object (`recoveryAction` of `recoveryChangeObjectBase`).
    RecoveryAction {
        /// Writes back attributes and links.
        Update = "update",
        /// Takes it out of the recycle bin.
        Restore = "restore",
        /// Puts it into the recycle bin: it was not there, or in the bin, when the backup was taken.
        SoftDelete = "softDelete",
    }
}

words! {
    /// What the service can do about a change (column `recoverability`); `explain` knows each.
    Recoverability {
        /// A recovery takes it back.
        Recoverable = "recoverable",
        /// A recovery takes it back, but the source of authority that was converted meanwhile stays as it is.
        Converted = "recoverable-converted",
        /// A grant or an assignment: comes back only when its service principal is recovered.
        WithAnchor = "with-anchor",
        /// The object is synchronised from on-premises: shown in difference reports and left out of recoveries.
        VisibleOnly = "visible-only",
        /// The type is in the service, the attribute is not among its supported properties.
        OutsideProperties = "outside-properties",
        /// The service knows no object of the type.
        OutsideTypes = "outside-types",
        /// A link other than static membership of a group.
        LinkNotSupported = "link-not-supported",
        /// A consent of one user.
        UserConsent = "user-consent",
        /// Neither live nor in its recycle bin: never recovered, and not shown in difference reports.
        HardDeleted = "hard-deleted",
        /// In the recycle bin, but not any more at the clock of the run.
        BinExpired = "bin-expired",
        /// Deleted, and objects of its kind have no recycle bin.
        NoBin = "no-bin",
        /// Every backup that holds the state before it is older than the service keeps them.
        BackupExpired = "backup-expired",
        /// The documentation can be read both ways.
        Ambiguous = "ambiguous",
        /// What the evidence shows does not tell.
        CannotTell = "cannot-tell",
    }
}

impl Recoverability {
    /// Whether a recovery by the service, asked for at the clock of the run, takes it back.
    #[must_use]
    pub fn is_recoverable(self) -> bool {
        matches!(self, Self::Recoverable | Self::Converted | Self::WithAnchor)
    }
}

words! {
    /// What a job does.
    JobKind {
        /// `recoveryPreviewJob`.
        DifferenceReport = "difference report",
        /// `recoveryJob`.
        Recovery = "recovery",
    }
}

words! {
    /// How a job stands, in the words of the portal.
    JobOutcome {
        /// `initialized`.
        Created = "created",
        /// `loadingData`.
        LoadingData = "loading data",
        /// `calculating`, `running`.
        InProgress = "in progress",
        /// `successful`.
        Completed = "completed",
        /// `successful` with failed changes: derived, the service has no such status.
        CompletedWithWarnings = "completed with warnings",
        /// `failed`: some changes may not have been applied.
        Failed = "failed",
        /// `abandoned`: what was applied before it was cancelled stays.
        Cancelled = "cancelled",
        /// `unknownFutureValue`, or a word that is not known.
        Unknown = "unknown",
    }
}

/// A backup of the service, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// `createdDateTime`, else the time in its id.
    pub created: Option<Timestamp>,
    /// Id as the service spells it (base64 of a time).
    pub id: String,
    /// `totalChangedObjects`; `None` where it is absent, which is not zero.
    pub changed_objects: Option<u64>,
    /// From which day on the service no longer keeps it: its time and the days of retention.
    pub kept_until: Option<Timestamp>,
    /// How many other backups of the tenant have the same time.
    pub same_time: u64,
    /// Where it is listed, each exhibit once.
    pub receipts: Vec<Receipt>,
}

/// What a job was limited to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobScope {
    /// All supported objects.
    All,
    /// Types, as Graph resource names.
    Types(Vec<String>),
    /// Objects: (type, ids).
    Objects(Vec<(String, Vec<String>)>),
    /// `filteringCriteria` is not shown, or of a kind that is not known.
    Unknown,
}

impl JobScope {
    /// Whether an object is in it; `None` where that cannot be told: a type that the service hid, or an object whose natural
    /// key does not tell the id that the filter names.
    #[must_use]
    pub fn holds(&self, object_type: &str, object_id: &str) -> Option<bool> {
        const HIDDEN: &str = "unknownFutureValue";
        let named = |ids: &[String]| ids.iter().any(|id| id.eq_ignore_ascii_case(object_id));
        match self {
            Self::All => Some(true),
            Self::Unknown => None,
            Self::Types(types) if types.iter().any(|one| one == object_type) => Some(true),
            Self::Types(types) if types.iter().any(|one| one == HIDDEN) => None,
            Self::Types(_) => Some(false),
            Self::Objects(objects) => {
                if objects.iter().any(|(of, ids)| of == object_type && named(ids)) {
                    return Some(true);
                }
                let open = |of: &str| of == HIDDEN || of == object_type && object_id.contains('|');
                (!objects.iter().any(|(of, _)| open(of))).then_some(false)
            }
        }
    }
}

/// A difference report or a recovery, in the last state that the evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// `status` as written.
    pub status: String,
    /// How it stands.
    pub outcome: JobOutcome,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// `targetStateDateTime`: the time of its backup.
    pub target: Option<Timestamp>,
    /// Id of its backup, where a path or a list tells it.
    pub backup_id: Option<String>,
    /// What it was limited to.
    pub scope: JobScope,
    /// `totalChangedObjectsCalculated`.
    pub changed_objects_calculated: Option<u64>,
    /// `totalChangedLinksCalculated`.
    pub changed_links_calculated: Option<u64>,
    /// `totalObjectsModified`.
    pub objects_modified: Option<u64>,
    /// `totalLinksModified`.
    pub links_modified: Option<u64>,
    /// `totalFailedChanges`: objects and links together.
    pub failed_changes: Option<u64>,
    /// Changes that its list (or list of failures) holds in the evidence; `None` without a list.
    pub listed: Option<u64>,
    /// Whether pages of that list are missing: a dangling next link, or fewer rows than its count.
    pub list_incomplete: bool,
    /// Where it is shown, latest state first.
    pub receipts: Vec<Receipt>,
}

/// An attribute in a change list. Values are canonical compact JSON as in `changes.csv`; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedAttribute {
    /// Property path.
    pub path: String,
    /// Value in the backup (`deltaFromCurrent`); outer `None` where it is not sent.
    pub backup: Option<Option<String>>,
    /// Value when the report was made (`currentState`); outer `None` where it is not sent.
    pub current: Option<Option<String>>,
}

/// A link in a change list (`members@delta`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedLink {
    /// Relation: `members`.
    pub relation: String,
    /// The other end.
    pub target: Target,
    /// Whether a recovery removes it (`@removed`), because it was added after the backup; else it adds it back.
    pub remove: bool,
}

/// One object of a change list or of a list of failed changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedChange {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Job whose list it is; empty where nothing tells.
    pub job_id: String,
    /// Backup that it compares with; empty where nothing tells.
    pub backup_id: String,
    /// Whether it stands in a list of failed changes.
    pub failed: bool,
    /// Graph resource name; empty where the service sent `unknownFutureValue` and nothing else tells.
    pub object_type: String,
    /// Identity as in `changes.csv`, where the list tells it (grants and assignments: natural key), else the id.
    pub object_id: String,
    /// `displayName`: the current name.
    pub object_name: String,
    /// What a recovery does to it; `None` for words that are not known.
    pub action: Option<RecoveryAction>,
    /// Attributes that differ, by path.
    pub attributes: Vec<ListedAttribute>,
    /// Links that differ.
    pub links: Vec<ListedLink>,
    /// `failureMessage`.
    pub failure: String,
    /// The record.
    pub receipt: Option<Receipt>,
}

words! {
    /// What became of one attribute, link or object in a recovery.
    Verdict {
        /// It has the value that it had in the good snapshot.
        EqualsGood = "equals good",
        /// It has the value that it had in the damaged snapshot.
        EqualsDamaged = "equals damaged",
        /// It has neither value.
        ThirdValue = "third value",
        /// Its object, or the object itself, is not there, as it was not in the damaged snapshot.
        Missing = "missing",
        /// It had the good value after the damage, and no longer has it.
        ChangedAgainLater = "changed again later",
        /// It is not as it was, and the service does not recover it.
        NotRecoverable = "not recoverable",
        /// It is not as it was, and the job was limited to other objects.
        OutOfScope = "out of scope",
        /// It was not damaged, and is not as it was before the recovery.
        Collateral = "collateral",
        /// A wanted change was taken back.
        LegitimateChangeLost = "legitimate change lost",
        /// A wanted change is still there.
        LegitimateChangeKept = "legitimate change kept",
        /// The evidence does not tell.
        CannotTell = "cannot tell",
    }
}

impl Verdict {
    /// Whether it counts as put back, or as rightly left alone. `cannot tell` never does.
    #[must_use]
    pub fn is_pass(self) -> bool {
        matches!(self, Self::EqualsGood | Self::LegitimateChangeKept)
    }
}

words! {
    /// Why a verdict is `cannot tell`, `not recoverable` or `out of scope`; `explain` knows each.
    VerdictReason {
        /// No recovery job is in the evidence, and no time of completion was declared.
        NoJob = "no-recovery-job",
        /// The job is not over, as far as the evidence shows.
        JobNotOver = "job-not-over",
        /// The after snapshot holds no time set by the service at or after completion of the job.
        NotProvenFresh = "not-proven-fresh",
        /// It was captured before the job was over.
        CapturedBeforeCompletion = "captured-before-completion",
        /// The exhibit has the content of an earlier one.
        EqualToEarlier = "equal-to-earlier",
        /// Nothing but the time of a file says when it was captured.
        FileTimeOnly = "file-time-only",
        /// It is made of delta pages, which do not show what a recovery did.
        BuiltFromDelta = "built-from-delta",
        /// It changed, or may have, between the good snapshot and the time that the service restored to.
        Distance = "distance",
        /// The attribute, link list or type was not collected in the good snapshot.
        GoodNotCollected = "good-not-collected",
        /// Likewise in the damaged snapshot.
        DamagedNotCollected = "damaged-not-collected",
        /// Likewise in the after snapshot.
        AfterNotCollected = "after-not-collected",
        /// The list of the after snapshot is not whole: its silence proves nothing.
        AfterPartial = "after-partial",
        /// Captures disagree on the value.
        Conflicting = "conflicting-captures",
        /// The change itself is not carried by the evidence.
        ChangeUnproven = "change-unproven",
        /// The type's recycle bin was not collected: gone, or gone for good, cannot be told.
        BinMissing = "bin-not-in-evidence",
        /// It is not recoverable; the column `recoverability` says why.
        SeeRecoverability = "see-recoverability",
        /// The job was limited to other types or objects.
        JobFilter = "job-filter",
        /// The job has failed changes, and their list is not in the evidence.
        FailedListMissing = "failed-list-missing",
        /// The service says that this change failed.
        ListedAsFailed = "listed-as-failed",
    }
}

words! {
    /// Whether a change between good and damaged was wanted.
    Intent {
        /// Nothing was declared: all of it counts as damage.
        Undeclared = "undeclared",
        /// Damage, as declared by scope or by actor.
        Damage = "damage",
        /// Wanted: on a ticket, or outside the declared damage.
        Legitimate = "legitimate",
        /// Not touched between good and damaged.
        Untouched = "untouched",
    }
}

/// The verdict on one attribute, link or object.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity; empty where the row stands for several objects.
    pub object_id: String,
    /// Name.
    pub object_name: String,
    /// Property path or relation; empty for the object itself.
    pub attribute: String,
    /// The other end of a link.
    pub target: Option<Target>,
    /// Value in good, damaged and after: canonical JSON, or `absent`, `live`, `in the bin` ... for objects and links.
    pub good: Option<String>,
    /// See `good`.
    pub damaged: Option<String>,
    /// See `good`.
    pub after: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, where the verdict needs a reason.
    pub reason: Option<VerdictReason>,
    /// The reason in words, with what the evidence shows.
    pub detail: String,
    /// What to export to settle it; empty where nothing is open.
    pub next_export: String,
    /// Whether the change was wanted.
    pub intent: Intent,
    /// What declared it: ticket, actor, scope; empty if nothing did.
    pub intent_by: String,
    /// What the service can do about the change.
    pub recoverability: Option<Recoverability>,
    /// What the service says of a failure; empty where it says none.
    pub failure: String,
    /// When it was damaged.
    pub damaged_between: Window,
    /// When it became good again.
    pub clean_between: Option<Window>,
    /// Whether it was damaged, good, and damaged again.
    pub recurring: bool,
    /// How many changed things the row stands for; a property of a type that was not collected counts once.
    pub objects: u64,
    /// Receipts.
    pub evidence_good: Vec<Receipt>,
    /// Receipts.
    pub evidence_damaged: Vec<Receipt>,
    /// Receipts.
    pub evidence_after: Vec<Receipt>,
}

words! {
    /// What proves that an exhibit of the after snapshot was read after the job, or what stands against it.
    Freshness {
        /// It holds a time set by the service at or after completion.
        Own = "its own content",
        /// Another exhibit of the same capture or snapshot does.
        Run = "its snapshot",
        /// Nothing does.
        None = "nothing",
        /// Captured before completion.
        BeforeCompletion = "captured before completion",
        /// The same content as an exhibit of an earlier snapshot.
        EqualToEarlier = "equal to an earlier exhibit",
        /// Timed by file time only.
        FileTime = "file time only",
        /// A delta page.
        Delta = "delta page",
    }
}

/// How fresh one exhibit of the after snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshnessRow {
    /// The exhibit.
    pub exhibit: ExhibitId,
    /// Its path.
    pub path: String,
    /// What proves it, or stands against it.
    pub freshness: Freshness,
    /// The latest time set by the service that it holds.
    pub latest: Option<Timestamp>,
    /// Property that holds that time.
    pub property: String,
    /// The earlier exhibit with the same content.
    pub equal_to: Option<ExhibitId>,
    /// Verdicts that rest on it.
    pub verdicts: u64,
}

/// What the job says beside what the evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciledRow {
    /// What is counted.
    pub what: String,
    /// The job's number.
    pub job: Option<u64>,
    /// The number in the evidence.
    pub evidence: Option<u64>,
    /// Why they differ, as far as that can be told.
    pub explanation: String,
}

impl Default for VerdictRow {
    /// A row that nothing is known of: it cannot be told.
    fn default() -> Self {
        Self {
            tenant_id: String::new(),
            object_type: String::new(),
            object_id: String::new(),
            object_name: String::new(),
            attribute: String::new(),
            target: None,
            good: None,
            damaged: None,
            after: None,
            verdict: Verdict::CannotTell,
            reason: None,
            detail: String::new(),
            next_export: String::new(),
            intent: Intent::Undeclared,
            intent_by: String::new(),
            recoverability: None,
            failure: String::new(),
            damaged_between: Window::default(),
            clean_between: None,
            recurring: false,
            objects: 1,
            evidence_good: Vec::new(),
            evidence_damaged: Vec::new(),
            evidence_after: Vec::new(),
        }
    }
}

/// When the recovery was over, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// When.
    pub at: Timestamp,
    /// Whether the caller declared it; else the job says it.
    pub declared: bool,
}

/// From the damage to the recovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clean {
    /// The first damage lies between these.
    pub damaged: Window,
    /// The last of what is good again became so between these.
    pub clean: Window,
    /// Rows that are not good: while there are any, the tenant is not clean.
    pub open: u64,
}

/// Whether a recovery of one tenant put back what was to be put back.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Labels of the three snapshots.
    pub good: String,
    /// See `good`.
    pub damaged: String,
    /// See `good`.
    pub after: String,
    /// The recovery jobs that it is judged by, by start.
    pub jobs: Vec<String>,
    /// The time that the service restored to.
    pub target: Option<Timestamp>,
    /// When the recovery was over.
    pub completion: Option<Completion>,
    /// One row per attribute, link and object, by (type, id, attribute, target).
    pub rows: Vec<VerdictRow>,
    /// Objects by verdict: the sum over `objects` of `rows`.
    pub totals: BTreeMap<Verdict, u64>,
    /// Changes between damaged and after that touch nothing that was damaged, and that nothing declared: not judged.
    pub not_judged: u64,
    /// The exhibits of the after snapshot.
    pub freshness: Vec<FreshnessRow>,
    /// What the job says beside what the evidence shows.
    pub reconciled: Vec<ReconciledRow>,
    /// From the damage to the recovery.
    pub clean: Clean,
    /// Findings about the good snapshot that do not speak for it as a good state, in words.
    pub wrong_in_good: Vec<String>,
    /// Hashes of declarations (tickets, damage scope, actors), by name.
    pub declared: BTreeMap<String, String>,
}

impl Verification {
    /// Rows that the verdict is not a pass for.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.totals.iter().filter(|(verdict, _)| !verdict.is_pass()).map(|(_, count)| count).sum()
    }
}

words! {
    /// How an assertion came out.
    AssertionOutcome {
        /// The evidence shows what it claims.
        Holds = "holds",
        /// The evidence shows something else.
        Fails = "fails",
        /// The evidence does not tell: no pass.
        CannotTell = "cannot tell",
    }
}

/// One assertion of a file, and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Its name in the file.
    pub name: String,
    /// Label of the snapshot that it speaks of; as written where there is none of that name.
    pub snapshot: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity; empty where it speaks of all objects of a type, or of none that is known.
    pub object_id: String,
    /// Name of the object, or what the file calls it.
    pub object_name: String,
    /// Property path, pattern or relation; empty for the object as a whole.
    pub attribute: String,
    /// What it claims: `equals_snapshot`, `within` ...
    pub check: String,
    /// What it expects: canonical JSON, or the label of a snapshot.
    pub expected: String,
    /// What was found: canonical JSON, or a word for a state; `None` where nothing was.
    pub found: Option<String>,
    /// How it came out.
    pub outcome: AssertionOutcome,
    /// Why, in words.
    pub detail: String,
    /// What to export to settle it; empty where nothing is open.
    pub next_export: String,
    /// The records that show it.
    pub evidence: Vec<Receipt>,
}

/// A file of assertions, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asserted {
    /// SHA-256 of the file.
    pub sha256: String,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// One row per assertion and tenant, in the order of the file.
    pub rows: Vec<AssertionRow>,
}

impl Asserted {
    /// Assertions that do not hold: those that fail and those of which the evidence does not tell.
    #[must_use]
    pub fn open(&self) -> u64 {
        let open = self.rows.iter().filter(|row| row.outcome != AssertionOutcome::Holds);
        u64::try_from(open.count()).unwrap_or(u64::MAX)
    }
}

/// An audit event of the service's own category near the start of a job: who may have started it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobEvent {
    /// Tenant of the job.
    pub tenant_id: String,
    /// The job.
    pub job_id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What was done, in the words of the log.
    pub activity: String,
    /// Its outcome, in the words of the log.
    pub result: String,
    /// Object id of who did it, or empty.
    pub actor_id: String,
    /// Name of who did it, or empty.
    pub actor_name: String,
    /// The event.
    pub receipt: Option<Receipt>,
}
