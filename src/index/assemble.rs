//! Reads all exhibits in parallel and unites their segments.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::fingerprint::FingerprintKey;
use super::known::Known;
use super::layout::Layouts;
use super::runs::{self, RequestFacts};
use super::segment::{Segment, SegmentBuilder, as_u32, as_u64};
use super::shelf::Shelf;
use super::snapshots::Member;
use super::{Exhibit, Index, IndexedPage, IndexedRequest, chain, links, snapshots};
use crate::directory::Catalogue;
use crate::evidence::{
    EvidenceError, Refusal, SourceFile, SourceOffsets, Text, Walk, decode, hash, read_file,
};
use crate::intake::{self, Intake, Place, Request};
use crate::meter::{Meter, Stage};
use crate::model::{CaptureTime, ExhibitId, HashBasis, Interval, TimeSource};

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
    /// Moved as evidence is read.
    pub meter: Arc<Meter>,
}

/// What one file gave.
pub(super) struct Reading {
    pub(super) exhibit: Exhibit,
    pub(super) requests: Vec<Request>,
    pub(super) segment: Segment,
    pub(super) member: Member,
}

/// What path and options tell of a file.
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) label: Option<String>,
}

impl Placed {
    pub(super) fn of(
        file: &SourceFile,
        modified_at: Option<Timestamp>,
        options: &IndexOptions,
        catalogue: &Catalogue,
    ) -> Self {
        let mut place = Place::of(&file.shown, catalogue, options.evidence_zone.as_ref());
        let named = options
            .named
            .iter()
            .filter(|named| file.path.starts_with(&named.path))
            .max_by_key(|n| n.path.clone());
        if let Some(at) = named.and_then(|named| named.time) {
            place.time =
                Some(CaptureTime { interval: Interval::instant(at), source: TimeSource::Option });
        } else if place.time.is_none() && options.file_times {
            place.time = modified_at.map(|at| CaptureTime {
                interval: Interval::instant(at),
                source: TimeSource::FileTime,
            });
        }
        Self { place, label: named.map(|named| named.label.clone()) }
    }
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
    let mut assembly = Assembly::new(&walk.refusals);
    let readings = read(&files, &Known::new(&key), &key, (options, catalogue));
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
    Ok(assembly.finish(key))
}

/// Reads files on all threads.
pub(super) fn read(
    files: &[&SourceFile],
    known: &Known,
    key: &FingerprintKey,
    (options, catalogue): (&IndexOptions, &Catalogue),
) -> Vec<Result<Reading, EvidenceError>> {
    options.meter.stage(Stage::Reading);
    options.meter.expect_bytes(files.iter().map(|file| file.size_bytes).sum());
    let reader = || Reader { layouts: Layouts::new(catalogue, key), known, bytes: Vec::new() };
    files.par_iter().map_init(reader, |reader, file| reader.read(file, options)).collect()
}

/// An index that exhibits are added to, in the order of their names.
pub(super) struct Assembly {
    pub(super) index: Index,
    members: Vec<Member>,
}

impl Assembly {
    pub(super) fn new(refusals: &[Refusal]) -> Self {
        let index = Index { refusals: refusals.to_vec(), ..Index::default() };
        Self { index, members: Vec::new() }
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
        let EvidenceError::Unreadable { source, .. } = error else { return Err(error) };
        self.index.refusals.push(Refusal {
            shown: file.shown.clone(),
            code: "unreadable",
            cause: source.to_string(),
        });
        Ok(())
    }

    /// Unites exhibits to snapshots and requests to captures, and puts all in order.
    pub(super) fn finish(self, key: FingerprintKey) -> Index {
        let Self { mut index, members } = self;
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
        index.captures = chain::unite(&mut index.requests, &index.exhibits);
        index.key = Some(key);
        index.put_in_order();
        index
    }
}

/// What one thread needs to read exhibits.
struct Reader<'a> {
    layouts: Layouts<'a>,
    known: &'a Known,
    /// The bytes of the exhibit being read; its memory serves the next one.
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        file: &SourceFile,
        options: &IndexOptions,
    ) -> Result<Reading, EvidenceError> {
        let modified = read_file(&file.path, &mut self.bytes)?;
        let prints = hash(&self.bytes);
        let text = decode(&self.bytes);
        let catalogue = self.layouts.catalogue;
        let modified_at = modified.and_then(|at| Timestamp::try_from(at).ok());
        let Placed { place, label } = Placed::of(file, modified_at, options, catalogue);
        let mut builder =
            SegmentBuilder::new(&mut self.layouts, self.known, text.encoding, text.start);
        let mut intake = intake::read(&text.bytes, &place, catalogue, &mut builder);
        let mut segment = builder.finish();
        map_to_source(&text, &mut intake);
        let member =
            Member { root: file.root, named: label, tenants: std::mem::take(&mut segment.tenants) };
        let exhibit = Exhibit {
            shown: file.shown.clone(),
            path: file.path.clone(),
            size_bytes: as_u64(self.bytes.len()),
            prints,
            modified_at,
            hash_basis: HashBasis::Computed,
            encoding: text.encoding,
            format: intake.format,
            time: place.time,
            place,
            tally: intake.tally,
            quarantine: intake.quarantine,
            troubles: intake.troubles,
            object_types: segment.rows.keys().cloned().collect(),
            snapshot: usize::MAX,
        };
        options.meter.add_bytes(exhibit.size_bytes);
        options.meter.add_objects(exhibit.tally.used);
        Ok(Reading { exhibit, requests: intake.requests, segment, member })
    }
}

/// Turns offsets of the decoded text into offsets of the source.
fn map_to_source(text: &Text<'_>, intake: &mut Intake) {
    let offsets = SourceOffsets::new(text.encoding, text.start);
    let place =
        |at: usize| usize::try_from(offsets.source_offset(&text.bytes, at)).unwrap_or(usize::MAX);
    for quarantined in &mut intake.quarantine {
        let span = quarantined.span.clone();
        quarantined.span = place(span.start)..place(span.end);
    }
    for trouble in &mut intake.troubles {
        trouble.offset_bytes = place(trouble.offset_bytes);
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
