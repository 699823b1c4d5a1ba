//! Rows that say what was read, how completely, and what could not be used.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::receipt::{ExhibitId, Receipt};
use super::time::{Interval, TimeSource};

/// Records seen = used + set aside by a named rule + quarantined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records seen.
    pub seen: u64,
    /// Records used.
    pub used: u64,
    /// Records set aside, by the rule that did it.
    pub set_aside: BTreeMap<String, u64>,
    /// Records quarantined.
    pub quarantined: u64,
}

impl Tally {
    /// Whether nothing was lost.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.seen == self.used + self.quarantined + self.set_aside.values().sum::<u64>()
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.used += other.used;
        self.quarantined += other.quarantined;
        for (rule, count) in &other.set_aside {
            *self.set_aside.entry(rule.clone()).or_default() += count;
        }
    }
}

/// Whether a hash was computed in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashBasis {
    /// From the bytes that were parsed in this run.
    Computed,
    /// From the case folder, on equal path, size and times.
    Case,
}

/// One exhibit, as `evidence.csv` lists it.
#[derive(Debug, Clone)]
pub struct ExhibitRow {
    /// Short name.
    pub exhibit: ExhibitId,
    /// Where it was found: the evidence folder's own name, then the path below it, `/` between.
    pub path: String,
    /// Size.
    pub size_bytes: u64,
    /// SHA-256 in hex; empty where the file could not be read.
    pub sha256: String,
    /// BLAKE3 in hex; empty where the file could not be read.
    pub blake3: String,
    /// What it was recognised as.
    pub format: String,
    /// Text encoding, with `+BOM` where there is one.
    pub encoding: String,
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Label of the snapshot it belongs to, or empty.
    pub snapshot: String,
    /// Capture time.
    pub time: Option<Interval>,
    /// Source of the capture time.
    pub time_source: Option<TimeSource>,
    /// Object types in it.
    pub object_types: Vec<String>,
    /// Records.
    pub tally: Tally,
    /// Modification time of the file (custody only; never used as capture time by itself).
    pub modified_at: Option<Timestamp>,
    /// How the hashes were come by.
    pub hash_basis: HashBasis,
    /// The tool that made it, where its format tells; else empty.
    pub tool: String,
    /// When the file was last changed in any way, as the file system says (custody only).
    pub changed_at: Option<Timestamp>,
}

/// How completely a thing was collected in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CoverageState {
    /// Every sign says that it is whole.
    #[default]
    Collected,
    /// Some of it.
    Partial,
    /// Collected, and there is none.
    Empty,
    /// Silence that can mean "empty" or "not asked for", because of how the format writes what has no value.
    Unknown,
    /// The service refused.
    Denied,
    /// Nothing in this snapshot asked for it, though another snapshot did or a question needs it.
    NotRequested,
}

impl CoverageState {
    /// The word that the tables print.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collected => "collected",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
            Self::Denied => "denied",
            Self::NotRequested => "not requested",
        }
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Collected | Self::Empty)
    }
}

impl fmt::Display for CoverageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sources of a relation in one snapshot, by what is known of their lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// With a whole list that holds something.
    pub collected: u64,
    /// With a whole list that holds nothing.
    pub empty: u64,
    /// With a list that is not whole.
    pub partial: u64,
    /// Without any list.
    pub not_collected: u64,
}

/// What one snapshot says of one type, attribute or relation.
#[derive(Debug, Clone, Default)]
pub struct CoverageRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Label of the snapshot.
    pub snapshot: String,
    /// Object type; `<type>/deletedItems` for its recycle bin.
    pub object_type: String,
    /// Attribute or relation; empty for the type as a whole.
    pub attribute: String,
    /// How completely.
    pub state: CoverageState,
    /// Objects (or links) collected; of an attribute: objects on which it was collected.
    pub objects: u64,
    /// Why it is not whole, in words.
    pub detail: String,
    /// The request that it is about, ids left out; empty for all requests of the snapshot together.
    pub request: String,
    /// The object whose list of a relation it is; empty for all of them together.
    pub object_id: String,
    /// How many there are in all: objects of the type, sources of the relation; `None` where nothing tells.
    pub of: Option<u64>,
    /// How many exhibits carry it.
    pub exhibits: u64,
    /// The first and the last of them.
    pub evidence: Vec<ExhibitId>,
    /// Of a relation: its sources.
    pub sources: Option<SourceCounts>,
}

impl CoverageRow {
    /// Whether it speaks of all requests and all objects of its snapshot together.
    #[must_use]
    pub fn is_whole_picture(&self) -> bool {
        self.request.is_empty() && self.object_id.is_empty()
    }
}

/// An attribute on which captures of one snapshot disagree that cannot be told apart in time.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConflictRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Label of the snapshot.
    pub snapshot: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Property path.
    pub attribute: String,
    /// Each value as canonical compact JSON (empty where there is none), with the records that hold it.
    pub values: Vec<(String, Vec<Receipt>)>,
}

/// An object that its last record shows in the recycle bin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BinRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// When the service purges it.
    pub purged: Timestamp,
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Name, or empty where it was not read.
    pub object_name: String,
    /// When it was deleted, as its record says.
    pub deleted: Timestamp,
    /// The record.
    pub receipt: Option<Receipt>,
}

/// One object, as `objects.csv` lists it.
#[derive(Debug, Clone)]
pub struct ObjectRow {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Last known name.
    pub object_name: String,
    /// `live` (as of the last list of its type), `deleted` (in the recycle bin), `gone`, or `not collected` (the last list
    /// of its type does not hold it, which proves nothing).
    pub state: String,
    /// Label of the first snapshot that holds it.
    pub first_snapshot: String,
    /// Label of the last snapshot that holds it.
    pub last_snapshot: String,
    /// Observations.
    pub observations: u64,
    /// Rows of lane `change` about it.
    pub changes: u64,
    /// Receipt of the last observation.
    pub receipt: String,
}

/// A warning: code, place, cause, what to do now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WarningRow {
    /// Stable code that `explain` knows.
    pub code: String,
    /// Path of the exhibit, or empty.
    pub path: String,
    /// Byte offset in it.
    pub offset_bytes: Option<u64>,
    /// What is the matter.
    pub message: String,
    /// What to do now.
    pub advice: String,
}

/// A record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineRow {
    /// Short name of the exhibit.
    pub exhibit: ExhibitId,
    /// Path of the exhibit.
    pub path: String,
    /// Where the record starts.
    pub offset_bytes: u64,
    /// How long it is.
    pub len_bytes: u64,
    /// Stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub reason: String,
    /// The record as it stands in the evidence, if it is small enough to be kept.
    pub bytes: Option<Vec<u8>>,
}
