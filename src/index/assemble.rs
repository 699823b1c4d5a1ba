//! Reads all exhibits in parallel and unites their segments.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::fingerprint::FingerprintKey;
use super::segment::{LinkList, Segment, SegmentBuilder, Shape, as_u64};
use super::snapshots::Member;
use super::{
    Exhibit, Index, IndexedRequest, LinkKey, LinkObservation, LinkRun, Listing, ObjectId, chain,
    snapshots,
};
use crate::directory::Catalogue;
use crate::evidence::{
    Bytes, EvidenceError, Refusal, SourceFile, SourceOffsets, Text, Walk, decode, hash, read_each,
};
use crate::intake::{self, Intake, Place, Request, Subject};
use crate::model::{CaptureTime, ExhibitId, Interval, Receipt, Span, TimeSource};

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
}

/// What one file gave.
struct Reading {
    exhibit: Exhibit,
    requests: Vec<Request>,
    segment: Segment,
    member: Member,
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
    let readings: Vec<Option<Result<Reading, EvidenceError>>> = read_each(&files, |at, source| {
        let file = files.get(at)?;
        Some(source.map(|source| read_exhibit(file, &source, options, catalogue, &key)))
    });
    let mut index = Index {
        refusals: walk.refusals.clone(),
        carriers: walk.carriers.clone(),
        ..Index::default()
    };
    let mut members = Vec::new();
    let mut segments = Vec::new();
    for (file, reading) in walk.files.iter().zip(readings.into_iter().flatten()) {
        match reading {
            Ok(Reading { exhibit, requests, segment, member }) => {
                let position = index.exhibits.len();
                segments.push((index.requests.len(), segment));
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
            Err(changed @ EvidenceError::Changed { .. }) => return Err(changed),
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
    collect_entries(&mut index, segments);
    Ok(index)
}

fn read_exhibit(
    file: &SourceFile,
    source: &Bytes,
    options: &IndexOptions,
    catalogue: &Catalogue,
    key: &FingerprintKey,
) -> Reading {
    let prints = hash(&source.bytes);
    let text = decode(&source.bytes);
    let mut place = Place::of(&file.named, catalogue, options.evidence_zone.as_ref());
    let named = options
        .named
        .iter()
        .filter(|named| file.path.starts_with(&named.path))
        .max_by_key(|n| n.path.clone());
    let modified_at = source.modified.and_then(|at| Timestamp::try_from(at).ok());
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
        place.time = modified_at.map(|at| CaptureTime {
            interval: Interval::instant(at),
            source: TimeSource::FileTime,
        });
    }
    let mut builder = SegmentBuilder::new(catalogue, key);
    let mut intake = intake::read(&text.bytes, &place, catalogue, &mut builder);
    let mut segment = builder.finish();
    map_to_source(&text, &mut segment, &mut intake);
    let member = Member {
        root: file.root,
        named: named.map(|named| named.label.clone()),
        tenants: std::mem::take(&mut segment.tenants),
    };
    let mut object_types: Vec<Arc<str>> = segment.entries.keys().cloned().collect();
    object_types.sort();
    let exhibit = Exhibit {
        shown: file.shown.clone(),
        source: file.clone(),
        size_bytes: as_u64(source.bytes.len()),
        prints,
        modified_at,
        encoding: text.encoding,
        format: intake.format,
        time: place.time,
        place,
        tally: intake.tally,
        quarantine: intake.quarantine,
        troubles: intake.troubles,
        object_types,
        snapshot: usize::MAX,
    };
    Reading { exhibit, requests: intake.requests, segment, member }
}

/// Turns offsets of the decoded text into offsets of the source, so that receipts and reopening need no decoding.
fn map_to_source(text: &Text<'_>, segment: &mut Segment, intake: &mut Intake) {
    let mut spans: Vec<(&mut u64, &mut u32)> = Vec::new();
    for entry in segment.entries.values_mut().flatten() {
        spans.push((&mut entry.offset, &mut entry.length));
    }
    for list in &mut segment.links {
        if let Some((offset, length)) = &mut list.span {
            spans.push((offset, length));
        }
        spans.extend(list.others.iter_mut().map(|(_, _, offset, length)| (offset, length)));
    }
    spans.sort_by_key(|(offset, _)| **offset);
    let mut starts = SourceOffsets::new(text);
    let mut ends = SourceOffsets::new(text);
    for (offset, length) in spans {
        let start = usize::try_from(*offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(*length).unwrap_or(usize::MAX));
        *offset = starts.source_offset(start);
        *length =
            u32::try_from(ends.source_offset(end).saturating_sub(*offset)).unwrap_or(u32::MAX);
    }
    let mut offsets = SourceOffsets::new(text);
    let mut place = |at: usize| usize::try_from(offsets.source_offset(at)).unwrap_or(usize::MAX);
    for quarantined in &mut intake.quarantine {
        let span = quarantined.span.clone();
        quarantined.span = place(span.start)..place(span.end);
    }
    for trouble in &mut intake.troubles {
        trouble.offset_bytes = place(trouble.offset_bytes);
    }
}

fn collect_entries(index: &mut Index, segments: Vec<(usize, Segment)>) {
    let mut shapes: HashMap<Shape, u32> = HashMap::new();
    let mut link_lists: BTreeMap<(String, LinkKey, bool), Vec<LinkList>> = BTreeMap::new();
    for (base, segment) in segments {
        let base32 = u32::try_from(base).unwrap_or(u32::MAX);
        let translated: Vec<u32> = segment
            .shapes
            .into_iter()
            .map(|shape| {
                let next = u32::try_from(shapes.len()).unwrap_or(u32::MAX);
                *shapes.entry(shape.clone()).or_insert_with(|| {
                    index.shapes.push(shape);
                    next
                })
            })
            .collect();
        let tenant = tenant_of(index, base);
        for (habit, explicit) in segment.explicit_empty {
            index.explicit_empty.insert((habit.0.saturating_add(base32), habit.1), explicit);
        }
        for (object_type, mut entries) in segment.entries {
            for entry in &mut entries {
                entry.request = entry.request.saturating_add(base32);
                let shape = usize::try_from(entry.shape).unwrap_or(usize::MAX);
                entry.shape = translated.get(shape).copied().unwrap_or(u32::MAX);
            }
            index.runs.entry((tenant.clone(), object_type)).or_default().append(&mut entries);
        }
        for mut list in segment.links {
            list.request = list.request.saturating_add(base32);
            link_lists
                .entry((tenant.clone(), list.key.clone(), list.inverse))
                .or_default()
                .push(list);
        }
    }
    add_empty_lists(index, &mut link_lists);
    sort_runs(index);
    for ((tenant, key, inverse), lists) in link_lists {
        let run = link_run(index, key, inverse, lists);
        index.links.entry(tenant).or_default().push(run);
    }
}

fn tenant_of(index: &Index, request: usize) -> String {
    index
        .requests
        .get(request)
        .and_then(|request| index.exhibits.get(request.exhibit))
        .and_then(|exhibit| index.snapshots.get(exhibit.snapshot))
        .map(|snapshot| snapshot.tenant.clone())
        .unwrap_or_default()
}

/// A page of links with nothing on it says that there are none.
fn add_empty_lists(
    index: &Index,
    link_lists: &mut BTreeMap<(String, LinkKey, bool), Vec<LinkList>>,
) {
    for (position, indexed) in index.requests.iter().enumerate() {
        let request = &indexed.request;
        let Subject::Links { parent_type, parent_id, relation, inverse, .. } = &request.subject
        else {
            continue;
        };
        let silent = request.records == 0 && request.format.is_list() && request.refused.is_none();
        if !silent || request.damaged {
            continue;
        }
        let key = LinkKey {
            source_type: parent_type.as_str().into(),
            source: ObjectId::of(parent_id),
            relation: relation.as_str().into(),
        };
        let list = LinkList {
            key: key.clone(),
            inverse: *inverse,
            request: u32::try_from(position).unwrap_or(u32::MAX),
            span: None,
            partial: false,
            others: Vec::new(),
        };
        link_lists.entry((tenant_of(index, position), key, *inverse)).or_default().push(list);
    }
}

fn sort_runs(index: &mut Index) {
    let order: Vec<usize> = index.requests.iter().map(|request| request.capture).collect();
    let capture = |request: u32| {
        usize::try_from(request).ok().and_then(|request| order.get(request)).copied()
    };
    index.runs.par_iter_mut().for_each(|(_, run)| {
        run.par_sort_unstable_by(|a, b| {
            (&a.id, capture(a.request), a.request, a.offset).cmp(&(
                &b.id,
                capture(b.request),
                b.request,
                b.offset,
            ))
        });
    });
}

/// Unites the pages of each capture to one observation.
fn link_run(index: &Index, key: LinkKey, inverse: bool, lists: Vec<LinkList>) -> LinkRun {
    let mut by_capture: BTreeMap<usize, LinkObservation> = BTreeMap::new();
    for list in lists {
        let Some(indexed) = usize::try_from(list.request).ok().and_then(|r| index.requests.get(r))
        else {
            continue;
        };
        let Some(capture) = index.captures.get(indexed.capture) else { continue };
        let Some(exhibit) = index.exhibits.get(indexed.exhibit).map(Exhibit::id) else { continue };
        let whole = list.span.is_some() || capture.listing == Listing::Links;
        let receipt = |offset: u64, length: u32| Receipt {
            exhibit,
            span: Some(Span { offset_bytes: offset, len_bytes: length.into() }),
        };
        let observation = by_capture.entry(indexed.capture).or_insert_with(|| LinkObservation {
            capture: indexed.capture,
            receipt: list.span.map_or(Receipt { exhibit, span: None }, |(o, l)| receipt(o, l)),
            partial: false,
            pages: 0,
            others: Vec::new(),
        });
        let broken = list.span.is_none() && (capture.dangling || capture.damaged);
        observation.partial |= list.partial || broken || !whole;
        observation.pages += 1;
        observation.others.extend(
            list.others
                .into_iter()
                .map(|(kind, id, offset, length)| (kind, id, receipt(offset, length))),
        );
    }
    let mut observations: Vec<LinkObservation> = by_capture.into_values().collect();
    for observation in &mut observations {
        observation.others.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
        observation.others.dedup_by(|a, b| a.1 == b.1);
    }
    LinkRun { key, inverse, observations }
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
