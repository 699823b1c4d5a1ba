//! A change: one attribute, link or object whose state differs between two observations.

use std::fmt;

use jiff::Timestamp;

use super::receipt::Receipt;
use super::recovery::Recoverability;

words! {
    /// What happened (output contract, column `change`).
    ChangeKind {
        /// An object that an earlier list did not hold.
        Added = "added",
        /// An object that is gone and cannot be told to be soft- or hard-deleted.
        Removed = "removed",
        /// An object that is in its recycle bin now.
        SoftDeleted = "softDeleted",
        /// An object that is neither live nor in its recycle bin.
        HardDeleted = "hardDeleted",
        /// An object that was in its recycle bin and is live again.
        Restored = "restored",
        /// An attribute with another value.
        Modified = "modified",
        /// A link that the source did not have.
        LinkAdded = "linkAdded",
        /// A link that the source no longer has.
        LinkRemoved = "linkRemoved",
        /// Something seen for the first time whose earlier absence nothing carries.
        FirstObserved = "firstObserved",
    }
}

words! {
    /// How well the evidence carries a change.
    Certainty {
        /// Two collected, unconflicted values, or a silence that the evidence would have broken.
        Proven = "proven",
        /// Nothing contradicts it, but the silence could have another cause.
        Consistent = "consistent",
        /// Seen, but the evidence cannot carry it.
        Unproven = "unproven",
    }
}

words! {
    /// Why a difference is shown.
    Lane {
        /// A change of the tenant.
        Change = "change",
        /// An attribute that moves by itself.
        Volatile = "volatile",
        /// A property that the service introduced or the request began to ask for, with its default.
        Schema = "schema",
        /// A difference in what was collected.
        Coverage = "coverage",
    }
}

words! {
    /// Whose change it is.
    Origin {
        /// This tenant's own.
        Tenant = "tenant",
        /// Inherited from the tenant that publishes the application.
        HomeTenant = "home tenant",
    }
}

words! {
    /// Why a row is not plainly a proven change of lane `change`; `explain` knows each code.
    Reason {
        /// The same UPN or appId under a new id.
        Rebirth = "rebirth",
        /// Gone from an object in a format that drops nulls.
        PossiblyCleared = "possibly-cleared",
        /// Gone from every object of the type: the request or the format changed.
        AttributeGoneFromType = "attribute-gone-from-type",
        /// In the bin before, in neither place now, and the bin's days are over.
        BinExpired = "bin-expired",
        /// The bin was read before, with or without overlap of, the live list: no order can be told.
        BinOrderUnknown = "bin-order-unknown",
        /// The type has a bin that was not (completely) collected.
        BinNotCollected = "bin-not-collected",
        /// The days of the bin may have passed between the two observations.
        BinDaysPassed = "bin-days-passed",
        /// Overlapping captures disagree.
        Conflict = "conflict",
        /// Asked for by name and absent from the answer.
        AbsentThoughAsked = "absent-though-asked",
        /// Never collected before.
        FirstCollected = "first-collected",
        /// Introduced with its default value.
        SchemaDefault = "schema-default",
        /// Moves without anyone's doing.
        VolatileAttribute = "volatile-attribute",
        /// The list that does not hold it is unbroken, but does not prove its silence.
        SilenceUnbroken = "silence-unbroken",
        /// The list that does not hold it has a dangling next link.
        ListDangling = "list-dangling",
        /// The list that does not hold it lacks more than a tenth of the known objects.
        ListShrunk = "list-shrunk",
        /// The list that does not hold it was asked for in another way.
        RequestDiffers = "request-differs",
        /// The list that does not hold it has damaged or quarantined records.
        ListDamaged = "list-damaged",
        /// The list that does not hold it was answered with an error.
        ListRefused = "list-refused",
        /// No earlier list of the type.
        NoEarlierList = "no-earlier-list",
        /// Its service-set creation time is older than the list that did not hold it.
        CreatedBefore = "created-before",
        /// Only a part of the links was collected.
        LinksPartial = "links-partial",
        /// The service's own count of the list is not the number of objects in it.
        CountMismatch = "count-mismatch",
        /// A value where a record of a format that drops nulls had none.
        Appeared = "appeared",
        /// A delta page says that it left its view: deleted, or out of the filter.
        DeltaChanged = "delta-changed",
        /// A delta page says that it was deleted for good.
        DeltaDeleted = "delta-deleted",
        /// A change list of the service says so, and no dump in the evidence shows it.
        FromChangeList = "from-change-list",
        /// A change list of the service says that it was not live in the backup: not there, or in the recycle bin.
        AddedOrRestored = "added-or-restored",
        /// It was not there before, and is in the recycle bin now.
        AddedAndDeleted = "added-and-deleted",
    }
}

/// What a link or an edge points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Target {
    /// Graph resource name, or empty where unknown.
    pub object_type: String,
    /// Identity.
    pub id: String,
    /// Name as of the later snapshot, or empty.
    pub name: String,
}

/// Between when and when a change happened. `None` is an unknown bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Window {
    /// Start of the last capture with the old state.
    pub not_before: Option<Timestamp>,
    /// End of the first capture with the new state.
    pub not_after: Option<Timestamp>,
}

/// A tighter window and what carries it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Narrowed {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub to: Timestamp,
    /// The service-set property that says so: `createdDateTime`, `deletedDateTime`.
    pub source: String,
}

/// Stable id of a change: a truncated BLAKE3 over what the contract names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChangeId(pub [u8; 8]);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("C-")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One row of `changes.csv`; the fields are its columns (design, section 6).
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Stable id.
    pub change_id: ChangeId,
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity; parts of a natural key joined by `|`; empty on a folded row.
    pub object_id: String,
    /// Name after the change.
    pub object_name: String,
    /// What happened.
    pub kind: ChangeKind,
    /// Property path or relation; empty for an object.
    pub attribute: String,
    /// The other end of a link or edge.
    pub target: Option<Target>,
    /// Canonical compact JSON, or `None` where there is no value.
    pub before: Option<String>,
    /// Canonical compact JSON, or `None` where there is no value.
    pub after: Option<String>,
    /// JSON array of the elements gained (sets and keyed lists).
    pub added: Option<String>,
    /// JSON array of the elements lost (sets and keyed lists).
    pub removed: Option<String>,
    /// The observed window.
    pub window: Window,
    /// The tighter window, where something carries it.
    pub narrowed: Option<Narrowed>,
    /// Label of the snapshot with the old state.
    pub from_snapshot: String,
    /// Label of the snapshot with the new state.
    pub to_snapshot: String,
    /// Why it is shown.
    pub lane: Lane,
    /// How well the evidence carries it.
    pub certainty: Certainty,
    /// How many objects the row stands for.
    pub objects: u64,
    /// Whose change it is.
    pub origin: Origin,
    /// Receipts of the old state.
    pub evidence_before: Vec<Receipt>,
    /// Receipts of the new state.
    pub evidence_after: Vec<Receipt>,
    /// Why certainty, lane or story is what it is.
    pub reason: Option<Reason>,
    /// What the service can do about it; `None` where that was not judged.
    pub recoverability: Option<Recoverability>,
}

impl Change {
    /// Whether the row says that an object disappeared from the live directory.
    #[must_use]
    pub fn is_disappearance(&self) -> bool {
        matches!(self.kind, ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted)
    }

    /// Whether the row is about a link. Rows of grants and assignments have a target too, and are about objects.
    #[must_use]
    pub fn is_link(&self) -> bool {
        matches!(self.kind, ChangeKind::LinkAdded | ChangeKind::LinkRemoved)
    }

    /// Identity of the other end of the link that the row is about; empty if it is about no link.
    #[must_use]
    pub fn link_end(&self) -> &str {
        self.target.as_ref().filter(|_| self.is_link()).map_or("", |target| &target.id)
    }

    /// The key by which `changes.csv` is sorted.
    #[must_use]
    pub fn sort_key(&self) -> impl Ord + '_ {
        (
            self.window.not_after,
            &self.tenant_id,
            &self.object_type,
            &self.object_id,
            &self.attribute,
            self.target.as_ref().map(|target| &target.id),
            self.change_id,
        )
    }
}
