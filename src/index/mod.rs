//! From exhibits to sorted runs: every record has an entry with identity, fingerprint, shape and receipt; requests are
//! united to captures, captures to snapshots, snapshots to tenants.
//!
//! Values are not looked at here beyond what identity and fingerprints need; what a difference means is `history`'s.

mod assemble;
mod beside;
mod case;
mod chain;
mod events;
mod fingerprint;
mod identity;
mod join;
mod known;
mod layout;
mod links;
mod open;
mod quarantine;
mod reader;
mod row;
mod runs;
mod segment;
mod shelf;
mod snapshots;
mod whole;

pub use assemble::{IndexOptions, NamedSnapshot, build};
pub use case::{
    Case, CaseError, CaseFacts, CaseNote, Checks, KnownContent, Remembered, case_roots, verify_case,
};
pub use events::{LogEntry, open_log, open_log_texts, open_logs};
pub use identity::{ObjectId, canonical, guid};
pub use join::{Found, build_in};
pub use links::{LinkGroup, LinkKey, LinkList, LinkObservation, LinkRun, ListLoss};
pub use open::{OpenError, Opened, OpenedReceipt, open_carrier, open_receipt, open_records};
pub use quarantine::keep_quarantined;
pub(crate) use row::mark;
pub use row::{EventRow, Key, LinkHead, LinkRow, Row};
pub use runs::Seen;
pub use segment::{Names, Page};

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::evidence::{Carrier, Encoding, Fingerprints, Refusal, SourceFile};
use crate::intake::{Beside, Format, Place, Quarantined, Rendering, Request, Trouble};
use crate::model::{
    CaptureTime, Cited, ExhibitId, HashBasis, Interval, Receipt, Tally, TimeSource,
};

/// One evidence file, or member of an archive, that was read.
#[derive(Debug)]
pub struct Exhibit {
    /// As `evidence.csv` shows it.
    pub shown: String,
    /// Where to open it again.
    pub source: SourceFile,
    /// Size.
    pub size_bytes: u64,
    /// Digests of the bytes that were parsed.
    pub prints: Fingerprints,
    /// Whether they were computed in this run.
    pub hash_basis: HashBasis,
    /// Modification time.
    pub modified_at: Option<Timestamp>,
    /// Text encoding.
    pub encoding: Encoding,
    /// Layout.
    pub format: Option<Format>,
    /// What its name tells.
    pub place: Place,
    /// Capture time.
    pub time: Option<CaptureTime>,
    /// Records.
    pub tally: Tally,
    /// Records that could not be used; spans in source bytes.
    pub quarantine: Vec<Quarantined>,
    /// Defects; offsets in source bytes.
    pub troubles: Vec<Trouble>,
    /// When it was made, as it says itself.
    pub made_at: Option<Timestamp>,
    /// How its records become JSON.
    pub rendering: Rendering,
    /// Object types in it.
    pub object_types: Vec<Arc<str>>,
    /// Records of logs in it.
    pub logs: Vec<LogCount>,
    /// What it tells of the files beside it.
    pub beside: Beside,
    /// Its snapshot; `usize::MAX` for logs that belong to none.
    pub snapshot: usize,
}

/// Records of one log in one exhibit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCount {
    /// Number of its dialect.
    pub dialect: u8,
    /// Type of the records as Graph calls it.
    pub object_type: Arc<str>,
    /// How many.
    pub records: u64,
}

impl Exhibit {
    /// Its short name.
    #[must_use]
    pub fn id(&self) -> ExhibitId {
        ExhibitId::of_sha256(&self.prints.sha256)
    }

    /// The receipt of what a row of the index places here: bytes, or in a database the row of a table.
    #[must_use]
    pub fn receipt(&self, offset: u64, length: u32) -> Receipt {
        let table = match &self.rendering {
            Rendering::Tables(tables) => tables.get(length as usize),
            Rendering::Verbatim
            | Rendering::Sheet(_)
            | Rendering::LogSheet(_)
            | Rendering::Clixml(_)
            | Rendering::Mapped(_) => None,
        };
        match table {
            Some(table) => {
                let place = Cited::Row(*table, offset.cast_signed());
                Receipt { exhibit: self.id(), place: Some(place) }
            }
            None => Receipt::bytes(self.id(), offset, length.into()),
        }
    }
}

/// A request with its place in the index.
#[derive(Debug)]
pub struct IndexedRequest {
    /// What was asked and answered.
    pub request: Request,
    /// Position of its exhibit.
    pub exhibit: usize,
    /// Position of its capture.
    pub capture: usize,
}

/// What a capture lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listing {
    /// All live objects of a type (or of a type below one parent).
    Live,
    /// The recycle bin of a type.
    Bin,
    /// All links of a relation of one object.
    Links,
    /// Single objects: what it does not show it does not deny.
    None,
}

/// One reading of one request: an exhibit, or all pages of a chain.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a capture, not a mode")]
pub struct Capture {
    /// Position of its snapshot.
    pub snapshot: usize,
    /// From the start of its first page to the end of its last.
    pub interval: Option<Interval>,
    /// Positions of its requests.
    pub requests: Vec<usize>,
    /// What it lists.
    pub listing: Listing,
    /// The parent that it lists for (`property:id`); empty for a whole type.
    pub parent: String,
    /// Layout and visible filter: lists compare only within one scope.
    pub scope: String,
    /// Whether pages of a service's own chain.
    pub chain: bool,
    /// Whether the last page names a next one that is not there.
    pub dangling: bool,
    /// Whether records may be missing because the text is damaged.
    pub damaged: bool,
    /// Whether no filter is visible.
    pub unfiltered: bool,
    /// The service's own count.
    pub count: Option<u64>,
    /// The request as asked: context URL, or layout where there is none.
    pub shape: String,
}

/// The captures of one tenant that belong together.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Tenant id, or empty.
    pub tenant: String,
    /// Its name.
    pub label: String,
    /// 1 for the tenant's earliest.
    pub position: usize,
    /// Hull of its captures.
    pub interval: Option<Interval>,
    /// Least trusted source among its captures' times.
    pub time_source: Option<TimeSource>,
}

/// One record of an object.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Identity.
    pub id: ObjectId,
    /// Position of its request in the index.
    pub request: u32,
    /// Offset in source bytes.
    pub offset: u64,
    /// Length in source bytes.
    pub length: u32,
    /// Order-free fingerprint of all members but annotations and values of volatile ones.
    pub content: u128,
    /// Fingerprint of the values of volatile members.
    pub volatile: u64,
    /// Whether it is in the recycle bin.
    pub deleted: bool,
    /// What a delta page says of its going, if that is what the record tells.
    pub removal: Option<Removal>,
}

/// What a delta page says of an object that left its view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// `changed`: it may be deleted, or have left the filter.
    Changed,
    /// `deleted`: it is deleted for good.
    Deleted,
}

/// Everything that was read, ready to be compared.
#[derive(Debug, Default)]
pub struct Index {
    /// Sorted by `shown`.
    pub exhibits: Vec<Exhibit>,
    /// Archives and tag files of bags: for custody only.
    pub carriers: Vec<Carrier>,
    /// Files that could not be read.
    pub refusals: Vec<Refusal>,
    /// In the order of exhibits and texts.
    pub requests: Vec<IndexedRequest>,
    /// In the order of (snapshot, start, first request).
    pub captures: Vec<Capture>,
    /// By (tenant, position).
    pub snapshots: Vec<Snapshot>,
    /// Tenants, sorted.
    pub tenants: Vec<String>,
    /// Names of objects that no list needs to hold, as tables beside the exports tell them, by tenant.
    pub names: BTreeMap<String, BTreeMap<ObjectId, String>>,
    /// What each request shows of each type: (position of the request, position of the tenant, page, names of attributes).
    pub pages: Vec<IndexedPage>,
    segments: Vec<shelf::Shelf>,
    facts: Vec<runs::RequestFacts>,
    orders: runs::Orders,
    link_order: OnceLock<Vec<links::HeadPlace>>,
    event_order: OnceLock<Vec<events::EventPlace>>,
    key: Option<fingerprint::FingerprintKey>,
    /// What the run may take of memory.
    pub budget: Arc<crate::budget::Budget>,
    case: Option<Case>,
}

/// What the records of one type show of one request, with its place in the index.
#[derive(Debug)]
pub struct IndexedPage {
    /// Position of the request.
    pub request: usize,
    /// Position of the capture.
    pub capture: usize,
    /// Position of the tenant.
    pub tenant: usize,
    /// What it shows; requests and layouts in it are those of the segment.
    pub page: Page,
    /// The attributes that records have, one list per layout.
    pub names: Vec<Arc<[Arc<str>]>>,
}

impl Index {
    /// The case that it was made with.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.case.as_ref()
    }

    /// Whether rows were met that are not what was written to the case: nothing that was found counts then.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.segments.iter().any(shelf::Shelf::is_damaged)
    }

    /// Whether capture `a` is known to lie before capture `b`: in an earlier snapshot, or ended before `b` began.
    #[must_use]
    pub fn before(&self, a: usize, b: usize) -> bool {
        let (Some(a), Some(b)) = (self.captures.get(a), self.captures.get(b)) else { return false };
        if a.snapshot != b.snapshot {
            return a.snapshot < b.snapshot;
        }
        match (a.interval, b.interval) {
            (Some(a), Some(b)) => a.end < b.start,
            _ => false,
        }
    }

    /// Receipts that cite the exhibits of a capture as a whole, in order and without repetition.
    #[must_use]
    pub fn exhibits_of(&self, capture: usize) -> Vec<Receipt> {
        let mut receipts: Vec<Receipt> = self
            .captures
            .get(capture)
            .into_iter()
            .flat_map(|capture| &capture.requests)
            .filter_map(|request| self.requests.get(*request))
            .filter_map(|request| self.exhibits.get(request.exhibit))
            .map(|exhibit| Receipt::whole(exhibit.id()))
            .collect();
        receipts.sort_unstable();
        receipts.dedup();
        receipts
    }
}
