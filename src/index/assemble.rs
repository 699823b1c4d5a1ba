//! Reads all exhibits in parallel and unites their segments.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::fingerprint::FingerprintKey;
use super::known::Known;
use super::reader::{Reader, Reading};
use super::runs::{self, RequestFacts};
use super::segment::as_u32;
use super::shelf::{Shelf, Slab};
use super::snapshots::Member;
use super::{
    Exhibit, Index, IndexedPage, IndexedRequest, beside, chain, events, links, snapshots, whole,
};
use crate::budget::Budget;
use crate::directory::Catalogue;
use crate::evidence::{Carrier, EvidenceError, Refusal, SourceFile, Walk, stream_each};
use crate::intake::{Format, Map, Place, Request, Rule};
use crate::meter::{Meter, Stage};
use crate::model::{CaptureTime, ExhibitId, Interval, TimeSource};

/// A snapshot named by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSnapshot {
    /// Its label.
    pub label: String,
    /// Its time, if given.
    pub time: Option<Timestamp>,
    /// Canonical path of the folder or file that it is made of.
    pub path: PathBuf,
}

/// How evidence is read.
#[derive(Debug, Clone, Default)]
pub struct IndexOptions {
    /// Snapshots named by hand.
    pub named: Vec<NamedSnapshot>,
    /// The zone of stamps that carry none.
    pub evidence_zone: Option<TimeZone>,
    /// Whether modification times serve as capture times where nothing better is known.
    pub file_times: bool,
    /// What the examiner says of exports that nothing here recognises.
    pub map: Option<Arc<Map>>,
    /// Moved as evidence is read.
    pub meter: Arc<Meter>,
    /// What the run may take of memory.
    pub budget: Arc<Budget>,
}

/// What path and options tell of a file.
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) label: Option<String>,
}

impl Placed {
    pub(super) fn of(file: &SourceFile, options: &IndexOptions, catalogue: &Catalogue) -> Self {
        let mut place = Place::of(&file.named, catalogue, options.evidence_zone.as_ref());
        place.map = options.map.as_ref().and_then(|map| map.rule_for(&file.shown)).cloned();
        let named = options
            .named
            .iter()
            .filter(|named| file.path.starts_with(&named.path))
            .max_by_key(|n| n.path.clone());
        let below = named.and_then(|named| file.path.strip_prefix(&named.path).ok());
        if let Some(below) = below.filter(|_| file.archive().is_none()) {
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            place.within = names.join("/");
        }
        if let Some(at) = named.and_then(|named| named.time) {
            place.time =
                Some(CaptureTime { interval: Interval::instant(at), source: TimeSource::Option });
        } else if let (None, Some(recorded)) = (place.time, file.recorded) {
            // An archive keeps the time of the last copy as readily as that of the export: it may fill a gap, but not
            // overrule a stamp, which would move captures to a time when they were long made.
            place.time = Some(CaptureTime {
                interval: recorded.interval(options.evidence_zone.as_ref()),
                source: TimeSource::Archive,
            });
        } else if place.time.is_none() && options.file_times {
            place.time = file.modified_at().map(|at| CaptureTime {
                interval: Interval::instant(at),
                source: TimeSource::FileTime,
            });
        }
        Self { place, label: named.map(|named| named.label.clone()) }
    }
}

/// When an exhibit was made: what it says itself comes before what path and options say.
pub(super) fn exhibit_time(made_at: Option<Timestamp>, place: &Place) -> Option<CaptureTime> {
    let said = |at| CaptureTime { interval: Interval::instant(at), source: TimeSource::Data };
    made_at.map(said).or(place.time)
}

/// Reads and indexes all files.
///
/// # Errors
/// [`EvidenceError::Changed`] if a file changed while it was read. Files that cannot be read become refusals.
pub fn build(
    walk: &Walk,
    options: &IndexOptions,
    catalogue: &Catalogue,
) -> Result<Index, EvidenceError> {
    let key = FingerprintKey::random();
    let files: Vec<&SourceFile> = walk.files.iter().collect();
    let mut assembly = Assembly::new(walk, options);
    let known = Known::new(&key, &options.budget);
    let readings = read(&files, &known, &key, (options, catalogue));
    known.give_back();
    drop(known);
    for (file, reading) in files.iter().zip(readings) {
        match reading {
            Ok(Reading { exhibit, requests, mut segment, member }) => {
                let base = assembly.add(exhibit, requests, member);
                segment.requests = (base..assembly.requests()).collect();
                assembly.index.segments.push(segment.into());
            }
            Err(error) => assembly.refuse(file, error)?,
        }
    }
    assembly.finish(key)
}

/// Reads files on all threads, and the members of each archive in one pass; gives what they hold in the order in which they
/// are given.
pub(super) fn read(
    files: &[&SourceFile],
    known: &Known,
    key: &FingerprintKey,
    (options, catalogue): (&IndexOptions, &Catalogue),
) -> Vec<Result<Reading, EvidenceError>> {
    options.meter.stage(Stage::Reading);
    options.meter.expect_bytes(files.iter().map(|file| file.size_bytes).sum());
    let reader = || Reader::new(catalogue, key, known);
    let numbered = files.iter().copied().enumerate();
    let (members, plain): (Vec<(usize, &SourceFile)>, Vec<_>) =
        numbered.partition(|(_, file)| file.archive().is_some());
    let sources: Vec<&SourceFile> = members.iter().map(|(_, file)| *file).collect();
    let idle: Mutex<Vec<Reader<'_>>> = Mutex::default();
    let (mut readings, of_members) = rayon::join(
        || -> Vec<(usize, Result<Reading, EvidenceError>)> {
            // In order, so that what one page shows is remembered when that of the next day comes.
            plain
                .into_iter()
                .par_bridge()
                .map_init(reader, |reader, (at, file)| (at, reader.read(file, None, options)))
                .collect()
        },
        || {
            stream_each(&sources, |at, stream| {
                let (place, file) = members.get(at)?;
                let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut reader = waiting.unwrap_or_else(reader);
                let read = stream.and_then(|stream| reader.read(file, Some(stream), options));
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
                Some((*place, read))
            })
        },
    );
    readings.extend(of_members.into_iter().flatten());
    readings.sort_by_key(|(at, _)| *at);
    readings.into_iter().map(|(_, reading)| reading).collect()
}

/// An index that exhibits are added to, in the order of their names.
pub(super) struct Assembly {
    pub(super) index: Index,
    members: Vec<Member>,
    map: Option<Arc<Map>>,
}

impl Assembly {
    pub(super) fn new(walk: &Walk, options: &IndexOptions) -> Self {
        let carriers: Vec<Carrier> = walk.carriers.clone();
        let index = Index {
            refusals: walk.refusals.clone(),
            carriers,
            budget: Arc::clone(&options.budget),
            ..Index::default()
        };
        Self { index, members: Vec::new(), map: options.map.clone() }
    }

    /// Number of requests so far.
    pub(super) fn requests(&self) -> u32 {
        as_u32(self.index.requests.len())
    }

    /// Adds an exhibit; gives the position of its first request.
    pub(super) fn add(&mut self, exhibit: Exhibit, requests: Vec<Request>, member: Member) -> u32 {
        let (base, position) = (self.requests(), self.index.exhibits.len());
        self.index.requests.extend(requests.into_iter().map(|request| IndexedRequest {
            request,
            exhibit: position,
            capture: usize::MAX,
        }));
        self.index.exhibits.push(exhibit);
        self.members.push(member);
        base
    }

    /// Notes a file that cannot be read; one that changed meanwhile ends the run.
    pub(super) fn refuse(
        &mut self,
        file: &SourceFile,
        error: EvidenceError,
    ) -> Result<(), EvidenceError> {
        let refusal = match error {
            EvidenceError::Unreadable { source, .. } => {
                Refusal { shown: file.shown.clone(), code: "unreadable", cause: source.to_string() }
            }
            EvidenceError::Damaged { shown, code, cause } => Refusal { shown, code, cause },
            end @ (EvidenceError::Changed { .. } | EvidenceError::Memory(_)) => return Err(end),
        };
        self.index.refusals.push(refusal);
        Ok(())
    }

    /// Unites exhibits to snapshots and requests to captures, and puts all in order.
    pub(super) fn finish(self, key: FingerprintKey) -> Result<Index, EvidenceError> {
        let Self { mut index, mut members, map } = self;
        let catalogue = crate::directory::catalogue();
        beside::settle(&mut index, &mut members, catalogue);
        let (found, torn) = snapshots::unite(&mut index.exhibits, &members);
        index.snapshots = found;
        index.refusals.extend(torn.into_iter().map(|folder| {
            Refusal {
                shown: folder,
                code: "several-tenants",
                cause:
                    "one snapshot names several tenants; its evidence is kept apart from all of them"
                        .to_owned(),
            }
        }));
        let unused = map.iter().flat_map(|map| unused_rules(map, &index.exhibits));
        index.refusals.extend(unused);
        distrust_databases(&mut index);
        let silent =
            whole::silent_parents(&index.requests, &index.exhibits, &index.segments, catalogue);
        index.requests.extend(silent);
        index.captures = chain::unite(&mut index.requests, &index.exhibits);
        index.key = Some(key);
        let rows: usize =
            index.segments.iter().flat_map(|shelf| shelf.rows.values()).map(Slab::len).sum();
        let heads: usize = index.segments.iter().map(|shelf| shelf.heads.len()).sum();
        let logs: usize = index.segments.iter().map(|shelf| shelf.events.len()).sum();
        let places =
            rows * runs::PLACE_BYTES + heads * links::PLACE_BYTES + logs * events::PLACE_BYTES;
        index.budget.charge(places, "the index")?;
        index.put_in_order();
        Ok(index)
    }
}

/// Rules of the map that told of nothing.
fn unused_rules(map: &Map, exhibits: &[Exhibit]) -> Vec<Refusal> {
    let is_used = |rule: &Rule| {
        let told = exhibits.iter().filter(|exhibit| exhibit.format == Some(Format::Mapped));
        told.filter_map(|exhibit| exhibit.place.map.as_deref()).any(|used| used == rule)
    };
    let unused = map.rules.iter().filter(|rule| !is_used(rule));
    let refusal = |rule: &Arc<Rule>| Refusal {
        shown: rule.path.clone(),
        code: "map-unused",
        cause: "no exhibit of JSON has a path that this pattern of the map is the first to match"
            .to_owned(),
    };
    unused.map(refusal).collect()
}

/// A database with a log beside it lacks what the log holds: its silence proves nothing.
fn distrust_databases(index: &mut Index) {
    let logs: BTreeSet<&str> = index
        .exhibits
        .iter()
        .filter(|exhibit| exhibit.format == Some(Format::DatabaseLog))
        .filter_map(|exhibit| exhibit.shown.rsplit_once('-').map(|(database, _)| database))
        .collect();
    for indexed in &mut index.requests {
        let of = index.exhibits.get(indexed.exhibit);
        if of.is_some_and(|exhibit| logs.contains(exhibit.shown.as_str())) {
            indexed.request.damaged = true;
        }
    }
}

impl Index {
    /// Works out what rows are looked up by, once captures and snapshots are known.
    fn put_in_order(&mut self) {
        let mut tenants: BTreeSet<&String> = self.snapshots.iter().map(|s| &s.tenant).collect();
        let nothing = String::new();
        if tenants.is_empty() {
            tenants.insert(&nothing);
        }
        self.tenants = tenants.into_iter().cloned().collect();
        let tenant_of = |exhibit: usize| {
            let snapshot = self.exhibits.get(exhibit).and_then(|e| self.snapshots.get(e.snapshot));
            let name = snapshot.map(|s| s.tenant.as_str()).unwrap_or_default();
            self.tenants.iter().position(|tenant| tenant == name).unwrap_or(0)
        };
        self.facts = self
            .requests
            .iter()
            .map(|indexed| RequestFacts {
                capture: as_u32(indexed.capture),
                tenant: as_u32(tenant_of(indexed.exhibit)),
            })
            .collect();
        self.names = beside::names(&self.exhibits, &self.snapshots);
        self.segments.push(links::empty_lists(&self.requests).into());
        self.orders = runs::orders(&self.exhibits);
        let mut pages: Vec<IndexedPage> =
            self.segments.iter_mut().flat_map(|segment| pages_of(segment, &self.facts)).collect();
        // A pack holds pages of exhibits between which others stand.
        pages.sort_by_key(|page| self.requests.get(page.request).map(|request| request.exhibit));
        self.pages = pages;
    }
}

fn pages_of(segment: &mut Shelf, facts: &[RequestFacts]) -> Vec<IndexedPage> {
    std::mem::take(&mut segment.pages)
        .into_iter()
        .filter_map(|page| {
            let request = segment.request(page.request)?;
            let facts = facts.get(request as usize)?;
            let names = |layout: &u32| Some(segment.layouts.get(*layout as usize)?.names.clone());
            Some(IndexedPage {
                request: request as usize,
                capture: facts.capture as usize,
                tenant: facts.tenant as usize,
                names: page.layouts.iter().filter_map(names).collect(),
                page,
            })
        })
        .collect()
}

/// The exhibit that an id names.
impl Index {
    /// The first archive or tag file of a bag with this short name.
    #[must_use]
    pub fn carrier_named(&self, id: ExhibitId) -> Option<&Carrier> {
        self.carriers.iter().find(|carrier| ExhibitId::of_sha256(&carrier.prints.sha256) == id)
    }

    /// Positions of the exhibits with this short name.
    #[must_use]
    pub fn exhibits_named(&self, id: ExhibitId) -> Vec<usize> {
        (0..self.exhibits.len())
            .filter(|position| {
                self.exhibits.get(*position).is_some_and(|exhibit| exhibit.id() == id)
            })
            .collect()
    }
}
