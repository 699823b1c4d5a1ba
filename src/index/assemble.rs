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
use super::segment::{Segment, as_u32};
use super::{Index, IndexedPage, IndexedRequest, chain, links, snapshots};
use crate::budget::Budget;
use crate::directory::Catalogue;
use crate::evidence::{EvidenceError, Refusal, SourceFile, Walk, stream_each};
use crate::meter::{Meter, Stage};
use crate::model::ExhibitId;

/// A snapshot named by hand.
#[derive(Debug, Clone)]
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
    /// What the run may take of memory.
    pub budget: Arc<Budget>,
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
    options.meter.stage(Stage::Reading);
    options.meter.expect_bytes(walk.files.iter().map(|file| file.size_bytes).sum());
    let readings = read_all(&walk.files, options, catalogue, &key);
    let mut index = Index {
        refusals: walk.refusals.clone(),
        carriers: walk.carriers.clone(),
        ..Index::default()
    };
    let mut members = Vec::new();
    for (file, reading) in walk.files.iter().zip(readings) {
        match reading {
            Ok(Reading { exhibit, requests, mut segment, member }) => {
                let position = index.exhibits.len();
                let base = as_u32(index.requests.len());
                segment.requests = (0..as_u32(requests.len())).map(|own| base + own).collect();
                index.segments.push(segment);
                index.requests.extend(requests.into_iter().map(|request| IndexedRequest {
                    request,
                    exhibit: position,
                    capture: usize::MAX,
                }));
                index.exhibits.push(exhibit);
                members.push(member);
            }
            Err(EvidenceError::Unreadable { source, .. }) => index.refusals.push(Refusal {
                shown: file.shown.clone(),
                code: "unreadable",
                cause: source.to_string(),
            }),
            Err(EvidenceError::Damaged { shown, code, cause }) => {
                index.refusals.push(Refusal { shown, code, cause });
            }
            Err(end @ (EvidenceError::Changed { .. } | EvidenceError::Memory(_))) => {
                return Err(end);
            }
        }
    }
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
    index.budget = Arc::clone(&options.budget);
    let rows: usize = index.segments.iter().flat_map(|s| s.rows.values()).map(Vec::len).sum();
    let heads: usize = index.segments.iter().map(|segment| segment.heads.len()).sum();
    index.budget.charge(rows * runs::PLACE_BYTES + heads * links::PLACE_BYTES, "the index")?;
    index.put_in_order();
    Ok(index)
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
        self.segments.push(links::empty_lists(&self.requests));
        self.orders = runs::order(&self.segments);
        self.order_links();
        self.pages =
            self.segments.iter_mut().flat_map(|segment| pages_of(segment, &self.facts)).collect();
    }
}

fn pages_of(segment: &mut Segment, facts: &[RequestFacts]) -> Vec<IndexedPage> {
    std::mem::take(&mut segment.pages)
        .into_iter()
        .filter_map(|page| {
            let request = *segment.requests.get(page.request as usize)?;
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

/// Reads all files, and the members of each archive in one pass, in the order in which they are given.
fn read_all(
    files: &[SourceFile],
    options: &IndexOptions,
    catalogue: &Catalogue,
    key: &FingerprintKey,
) -> Vec<Result<Reading, EvidenceError>> {
    let known = Known::new(key, &options.budget);
    let reader = || Reader::new(catalogue, key, &known);
    let (members, plain): (Vec<(usize, &SourceFile)>, Vec<_>) =
        files.iter().enumerate().partition(|(_, file)| file.archive().is_some());
    let sources: Vec<&SourceFile> = members.iter().map(|(_, file)| *file).collect();
    let idle: Mutex<Vec<Reader<'_>>> = Mutex::default();
    let (mut readings, of_members) = rayon::join(
        || -> Vec<(usize, Result<Reading, EvidenceError>)> {
            plain
                .par_iter()
                .map_init(reader, |reader, (at, file)| (*at, reader.read(file, None, options)))
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
    known.give_back();
    readings.extend(of_members.into_iter().flatten());
    readings.sort_by_key(|(at, _)| *at);
    readings.into_iter().map(|(_, reading)| reading).collect()
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
