//! What proves that the exhibits of the after snapshot were read after the recovery was over, and what stands against it.
//!
//! A time that the service set, at or after completion, proves it for the exhibit that holds it, and for the others of the
//! same snapshot unless something stands against them: delta pages (a recovery leaves no delta records), the content of an
//! earlier exhibit, a capture before completion, no time but that of the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::directory::Catalogue;
use crate::history::{HistoryError, Json};
use crate::index::{Entry, Exhibit, Index, mark, open_records};
use crate::model::{
    ExhibitId, Freshness, FreshnessRow, LogKind, TimeSource, VerdictReason, instant,
};

/// Records of an exhibit that are looked at first: most exhibits that hold a fresh time hold many.
const FIRST_RECORDS: usize = 64;
/// Records that are opened at a time.
const BATCH_RECORDS: usize = 8192;

/// How fresh the exhibits of one snapshot are.
#[derive(Debug, Default)]
pub(super) struct FreshExhibits {
    of: BTreeMap<ExhibitId, FreshnessRow>,
    /// Path of the earlier exhibit with the same content.
    earlier: BTreeMap<ExhibitId, String>,
}

impl FreshExhibits {
    /// What keeps an exhibit from proving anything; `None` where nothing does.
    pub(super) fn objection(&self, exhibit: ExhibitId) -> Option<VerdictReason> {
        match self.of.get(&exhibit).map_or(Freshness::None, |row| row.freshness) {
            Freshness::Own | Freshness::Run => None,
            Freshness::None => Some(VerdictReason::NotProvenFresh),
            Freshness::BeforeCompletion => Some(VerdictReason::CapturedBeforeCompletion),
            Freshness::EqualToEarlier => Some(VerdictReason::EqualToEarlier),
            Freshness::FileTime => Some(VerdictReason::FileTimeOnly),
            Freshness::Delta => Some(VerdictReason::BuiltFromDelta),
        }
    }

    /// The exhibit, and what stands against it, in words.
    pub(super) fn in_words(&self, exhibit: ExhibitId) -> String {
        let path = self.of.get(&exhibit).map_or("", |row| &row.path);
        match self.earlier.get(&exhibit) {
            Some(earlier) => format!("{path} has the content of {earlier}"),
            None => path.to_owned(),
        }
    }

    /// Counts a verdict that rests on these exhibits.
    pub(super) fn rests_on(&mut self, exhibits: &BTreeSet<ExhibitId>) {
        for exhibit in exhibits {
            if let Some(row) = self.of.get_mut(exhibit) {
                row.verdicts += 1;
            }
        }
    }

    /// By path.
    pub(super) fn into_rows(self) -> Vec<FreshnessRow> {
        let mut rows: Vec<FreshnessRow> = self.of.into_values().collect();
        rows.sort_by(|a, b| (&a.path, a.exhibit).cmp(&(&b.path, b.exhibit)));
        rows
    }
}

/// Judges every exhibit of a snapshot (its position in the index) by the time at which the recovery was over.
pub(super) fn judge(
    index: &Index,
    catalogue: &Catalogue,
    (snapshot, completion): (usize, Timestamp),
) -> Result<FreshExhibits, HistoryError> {
    let tenant = index.snapshots.get(snapshot).map(|of| of.tenant.as_str()).unwrap_or_default();
    let earlier = |exhibit: usize| {
        let of = index.exhibits.get(exhibit).and_then(|e| index.snapshots.get(e.snapshot));
        of.is_some_and(|of| of.tenant == tenant)
            && index.exhibits.get(exhibit).is_some_and(|e| e.snapshot < snapshot)
    };
    let own: BTreeSet<usize> = (0..index.exhibits.len())
        .filter(|place| index.exhibits.get(*place).is_some_and(|e| e.snapshot == snapshot))
        .collect();
    let times = times(index, catalogue, (&own, completion))?;
    let contents = contents(index, &|exhibit| own.contains(&exhibit) || earlier(exhibit));
    let mut known: HashMap<&[u8; 32], usize> = HashMap::new();
    let mut same: HashMap<u128, usize> = HashMap::new();
    for place in (0..index.exhibits.len()).filter(|place| earlier(*place)) {
        if let Some(exhibit) = index.exhibits.get(place) {
            known.entry(&exhibit.prints.sha256).or_insert(place);
            contents.get(&place).map(|content| same.entry(*content).or_insert(place));
        }
    }
    let delta = delta_exhibits(index);
    let mut found = FreshExhibits::default();
    for place in own {
        let Some(exhibit) = index.exhibits.get(place) else { continue };
        let by_content = || contents.get(&place).and_then(|content| same.get(content));
        let equal = known.get(&exhibit.prints.sha256).or_else(by_content);
        let (latest, property) = times.get(&place).cloned().unwrap_or_default();
        let is_own = latest.is_some_and(|at| at >= completion);
        let time = exhibit.time;
        let freshness = if delta.contains(&place) {
            Freshness::Delta
        } else if equal.is_some() {
            Freshness::EqualToEarlier
        } else if is_own {
            Freshness::Own
        } else if time.is_none_or(|time| time.source == TimeSource::FileTime) {
            Freshness::FileTime
        } else if time.is_some_and(|time| time.interval.start < completion) {
            Freshness::BeforeCompletion
        } else {
            Freshness::None
        };
        let row = FreshnessRow {
            exhibit: exhibit.id(),
            path: exhibit.shown.clone(),
            freshness,
            latest,
            property,
            equal_to: equal.and_then(|place| index.exhibits.get(*place)).map(Exhibit::id),
            verdicts: 0,
        };
        let earlier = equal.and_then(|place| index.exhibits.get(*place));
        found.earlier.extend(earlier.map(|of| (exhibit.id(), of.shown.clone())));
        found.of.insert(exhibit.id(), row);
    }
    if found.of.values().any(|row| row.freshness == Freshness::Own) {
        for row in found.of.values_mut().filter(|row| row.freshness == Freshness::None) {
            row.freshness = Freshness::Run;
        }
    }
    Ok(found)
}

fn delta_exhibits(index: &Index) -> BTreeSet<usize> {
    let delta = index.requests.iter().filter(|indexed| indexed.request.delta);
    delta.map(|indexed| indexed.exhibit).collect()
}

/// A print of what the records of an exhibit say, whatever their order and spelling; for exhibits that hold objects.
fn contents(index: &Index, is_wanted: &(dyn Fn(usize) -> bool + Sync)) -> HashMap<usize, u128> {
    let mut found = index.link_prints();
    found.retain(|exhibit, _| is_wanted(*exhibit));
    for object_type in index.object_types() {
        let parts =
            index.visit(object_type, HashMap::new, |sums: &mut HashMap<usize, u128>, _, seen| {
                for seen in seen {
                    let Some(request) = index.requests.get(seen.request as usize) else { continue };
                    if !is_wanted(request.exhibit) {
                        continue;
                    }
                    let mut hasher = blake3::Hasher::new();
                    hasher.update(object_type.as_bytes()).update(&seen.row.id);
                    hasher.update(&seen.row.content.to_le_bytes());
                    hasher.update(&seen.row.volatile.to_le_bytes());
                    // A recycle bin that holds what a live list held is no copy of it.
                    hasher.update(&[u8::from(seen.row.has(mark::DELETED))]);
                    let context = request.request.context.as_deref().unwrap_or_default();
                    hasher.update(context.as_bytes());
                    let print = hasher.finalize();
                    let print = print.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
                    let sum = sums.entry(request.exhibit).or_default();
                    *sum = sum.wrapping_add(u128::from_le_bytes(print));
                }
            });
        for (exhibit, sum) in parts.into_iter().flatten() {
            let all = found.entry(exhibit).or_default();
            *all = all.wrapping_add(sum);
        }
    }
    found
}

/// A time set by the service, and the property that holds it.
type Told = (Option<Timestamp>, String);

/// A time at or after completion that each exhibit holds, else the latest one that it holds.
fn times(
    index: &Index,
    catalogue: &Catalogue,
    (exhibits, completion): (&BTreeSet<usize>, Timestamp),
) -> Result<BTreeMap<usize, Told>, HistoryError> {
    let mut found: BTreeMap<usize, Told> = BTreeMap::new();
    let mut note = |exhibit: usize, at: Timestamp, property: &str| {
        let told = found.entry(exhibit).or_default();
        if told.0.is_none_or(|known| at > known) {
            *told = (Some(at), property.to_owned());
        }
    };
    for entry in index.logs().filter(|entry| entry.kind != LogKind::Recovery) {
        let Some(request) = index.requests.get(entry.request as usize) else { continue };
        if let (true, Some(time)) = (exhibits.contains(&request.exhibit), entry.time) {
            note(request.exhibit, time.at, entry.object_type);
        }
    }
    for object_type in index.object_types() {
        let paths: Vec<&str> = catalogue.service_times(object_type).collect();
        let mut first = Vec::new();
        let mut rest = Vec::new();
        for (exhibit, entries) in by_exhibit(index, object_type, exhibits) {
            let (head, tail) = entries.split_at(entries.len().min(FIRST_RECORDS));
            first.extend(head.iter().map(|entry| (exhibit, entry.clone())));
            rest.extend(tail.iter().map(|entry| (exhibit, entry.clone())));
        }
        let mut look = |entries: &[(usize, Entry)]| -> Result<BTreeSet<usize>, HistoryError> {
            let mut fresh = BTreeSet::new();
            for batch in entries.chunks(BATCH_RECORDS) {
                let records = batch.iter().map(|(_, entry)| entry);
                let opened = open_records(index, catalogue, object_type, records)?;
                for (exhibit, entry) in batch {
                    let record = opened.record(entry).and_then(|text| Json::parse(text).ok());
                    for path in record.iter().flat_map(|_| &paths) {
                        let at = record.as_ref().and_then(|record| time_at(record, path));
                        if let Some(at) = at {
                            note(*exhibit, at, path);
                            fresh.extend((at >= completion).then_some(*exhibit));
                        }
                    }
                }
            }
            Ok(fresh)
        };
        let fresh = look(&first)?;
        rest.retain(|(exhibit, _)| !fresh.contains(exhibit));
        look(&rest)?;
    }
    Ok(found)
}

fn time_at(record: &Json, path: &str) -> Option<Timestamp> {
    let mut value = record;
    for step in path.split('.') {
        value = value.member(step)?;
    }
    instant(value.as_str()?)
}

/// The records of a type in some exhibits, in the order of the text.
fn by_exhibit(
    index: &Index,
    object_type: &Arc<str>,
    exhibits: &BTreeSet<usize>,
) -> BTreeMap<usize, Vec<Entry>> {
    let parts = index.visit(object_type, Vec::new, |found: &mut Vec<(usize, Entry)>, _, seen| {
        for seen in seen {
            let request = index.requests.get(seen.request as usize);
            if let Some(request) = request.filter(|request| exhibits.contains(&request.exhibit)) {
                let entry = index.entry(seen);
                if entry.removal.is_none() {
                    found.push((request.exhibit, entry));
                }
            }
        }
    });
    let mut found: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
    for (exhibit, entry) in parts.into_iter().flatten() {
        found.entry(exhibit).or_default().push(entry);
    }
    for entries in found.values_mut() {
        entries.sort_by_key(|entry| (entry.offset, entry.request));
    }
    found
}
