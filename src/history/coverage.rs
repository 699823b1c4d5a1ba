//! What each snapshot collected of each type, relation and attribute, and how completely.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attributes::TypeNames;
use super::census::{Census, TypeKey};
use crate::directory::{Catalogue, Identity};
use crate::index::{Capture, Index, Listing};
use crate::intake::Subject;
use crate::model::{CoverageRow, CoverageState};

/// What identity is worth that is a name.
const BY_NAME: &str = "told apart by name, for want of ids: a rename is removed and added";

/// What delta pages are worth. Recoveries by the service raise no delta records.
const PATCHES: &str = "delta pages: what changed, and nothing of what a recovery did";

/// What was found of one type in one snapshot.
#[derive(Default)]
struct Found {
    lists: usize,
    broken: BTreeSet<&'static str>,
    refused: BTreeSet<String>,
    objects: u64,
    singles: bool,
}

/// Coverage of all snapshots, sorted.
pub(super) fn rows(
    index: &Index,
    catalogue: &Catalogue,
    censuses: &BTreeMap<TypeKey, Census>,
) -> Vec<CoverageRow> {
    let mut rows = objects(index, catalogue, censuses);
    rows.extend(relations(index));
    rows.extend(attributes(index, censuses));
    rows.sort_by(|a, b| {
        let key = |row: &CoverageRow| {
            (
                row.tenant_id.clone(),
                row.object_type.clone(),
                row.attribute.clone(),
                position(index, row),
            )
        };
        key(a).cmp(&key(b))
    });
    rows
}

fn position(index: &Index, row: &CoverageRow) -> usize {
    index
        .snapshots
        .iter()
        .position(|s| s.tenant == row.tenant_id && s.label == row.snapshot)
        .unwrap_or(usize::MAX)
}

fn objects(
    index: &Index,
    catalogue: &Catalogue,
    censuses: &BTreeMap<TypeKey, Census>,
) -> Vec<CoverageRow> {
    let mut found: BTreeMap<(usize, String), Found> = BTreeMap::new();
    for indexed in &index.requests {
        let Some(capture) = index.captures.get(indexed.capture) else { continue };
        let name = match &indexed.request.subject {
            Subject::Objects { object_type, bin: true } => format!("{object_type}/deletedItems"),
            Subject::Objects { object_type, bin: false }
            | Subject::ObjectsOf { object_type, .. }
            | Subject::Part { object_type, .. } => object_type.clone(),
            Subject::Links { .. } | Subject::Untyped { .. } | Subject::Orphan { .. } => continue,
        };
        // Events and the service's own records are no state that a snapshot could lack.
        if catalogue.object_type(&name).is_some_and(|known| known.event || known.service_record) {
            continue;
        }
        let of_type = found.entry((capture.snapshot, name)).or_default();
        if let Some(code) = &indexed.request.refused {
            of_type.refused.insert(code.clone());
        } else {
            of_type.note(capture);
            if indexed.request.by_name {
                of_type.broken.insert(BY_NAME);
            }
            if indexed.request.delta {
                of_type.broken.insert(PATCHES);
                if capture.dangling {
                    of_type.broken.insert("the chain of delta pages does not end");
                }
            }
        }
    }
    for ((_, object_type), census) in censuses {
        for (position, bin) in &census.captures {
            let Some(capture) = index.captures.get(*position) else { continue };
            let key = (capture.snapshot, named(object_type, *bin));
            if capture.listing == Listing::None {
                found.entry(key).or_default().singles = true;
            } else if !found.contains_key(&key) {
                found.entry(key).or_default().note(capture);
            }
        }
        for ((snapshot, bin), count) in &census.objects {
            found.entry((*snapshot, named(object_type, *bin))).or_default().objects += count;
        }
    }
    let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (snapshot, name) in found.keys() {
        if let Some(snapshot) = index.snapshots.get(*snapshot) {
            types.entry(&snapshot.tenant).or_default().insert(name);
        }
    }
    let nothing = Found::default();
    let mut rows = Vec::new();
    for (place, snapshot) in index.snapshots.iter().enumerate() {
        for name in types.get(snapshot.tenant.as_str()).into_iter().flatten() {
            let found = found.get(&(place, (*name).to_owned())).unwrap_or(&nothing);
            let (state, detail) = found.state(is_singleton(catalogue, name));
            rows.push(CoverageRow {
                tenant_id: snapshot.tenant.clone(),
                snapshot: snapshot.label.clone(),
                object_type: (*name).to_owned(),
                attribute: String::new(),
                state,
                objects: found.objects,
                detail,
            });
        }
    }
    rows
}

fn is_singleton(catalogue: &Catalogue, object_type: &str) -> bool {
    catalogue.object_type(object_type).is_some_and(|known| known.identity == Identity::Singleton)
}

fn named(object_type: &str, deleted: bool) -> String {
    if deleted { format!("{object_type}/deletedItems") } else { object_type.to_owned() }
}

impl Found {
    fn note(&mut self, capture: &Capture) {
        if capture.listing == Listing::None {
            self.singles = true;
            return;
        }
        self.lists += 1;
        if capture.dangling {
            self.broken.insert("the last page names a next one that is not there");
        }
        if capture.damaged {
            self.broken.insert("damaged or quarantined records");
        }
        if !capture.unfiltered {
            self.broken.insert("a filter was applied");
        }
    }

    fn state(&self, singleton: bool) -> (CoverageState, String) {
        let mut detail: Vec<String> = self.broken.iter().map(|why| (*why).to_owned()).collect();
        if !self.refused.is_empty() {
            let codes: Vec<&str> = self.refused.iter().map(String::as_str).collect();
            detail.push(format!("refused: {}", codes.join(", ")));
        }
        let state = if self.lists == 0 && self.objects == 0 && !self.singles {
            if self.refused.is_empty() {
                CoverageState::NotCollected
            } else {
                CoverageState::Denied
            }
        } else if self.lists == 0 && !singleton {
            detail.push("single objects, no list".to_owned());
            CoverageState::Partial
        } else if !detail.is_empty() {
            CoverageState::Partial
        } else if self.objects == 0 {
            CoverageState::Empty
        } else {
            CoverageState::Collected
        };
        (state, detail.join("; "))
    }
}

/// By snapshot: lists, those of them that are not whole, and links.
type PerSnapshot = BTreeMap<usize, (u64, u64, u64)>;

/// By source type and relation.
type PerRelation = BTreeMap<(Arc<str>, Arc<str>), PerSnapshot>;

fn relations(index: &Index) -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    let mut by_tenant: BTreeMap<usize, PerRelation> = BTreeMap::new();
    for group in index.link_groups() {
        let key = (Arc::clone(&group.key.source_type), Arc::clone(&group.key.relation));
        let per_snapshot = by_tenant.entry(group.tenant).or_default().entry(key).or_default();
        for (capture, links, partial) in index.link_lists(&group) {
            let Some(capture) = index.captures.get(capture) else { continue };
            let counts = per_snapshot.entry(capture.snapshot).or_default();
            counts.0 += 1;
            counts.1 += u64::from(partial);
            counts.2 += u64::try_from(links).unwrap_or(u64::MAX);
        }
    }
    for (tenant, found) in by_tenant {
        let Some(tenant) = index.tenants.get(tenant) else { continue };
        for ((source_type, relation), per_snapshot) in found {
            for (place, snapshot) in index.snapshots.iter().enumerate() {
                if snapshot.tenant != *tenant {
                    continue;
                }
                let (lists, partial, links) = per_snapshot.get(&place).copied().unwrap_or_default();
                let state = match (lists, partial, links) {
                    (0, _, _) => CoverageState::NotCollected,
                    (_, 0, 0) => CoverageState::Empty,
                    (_, 0, _) => CoverageState::Collected,
                    _ => CoverageState::Partial,
                };
                let detail = match (lists, partial) {
                    (0, _) => String::new(),
                    (lists, 0) => format!("lists of {lists} objects"),
                    (lists, partial) => {
                        format!("lists of {lists} objects, {partial} of them not whole")
                    }
                };
                rows.push(CoverageRow {
                    tenant_id: tenant.clone(),
                    snapshot: snapshot.label.clone(),
                    object_type: source_type.to_string(),
                    attribute: relation.to_string(),
                    state,
                    objects: links,
                    detail,
                });
            }
        }
    }
    rows
}

/// Attributes that a snapshot did not collect although another one of the tenant did.
fn attributes(index: &Index, censuses: &BTreeMap<TypeKey, Census>) -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    for (tenant_place, object_type) in censuses.keys() {
        let Some(tenant) = index.tenants.get(*tenant_place) else { continue };
        let names = TypeNames::gather(index, *tenant_place, object_type);
        let mut by_snapshot: BTreeMap<usize, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (capture, of_capture) in names.captures() {
            if let Some(capture) = index.captures.get(capture) {
                by_snapshot.entry(capture.snapshot).or_default().extend(of_capture.iter().cloned());
            }
        }
        let all: BTreeSet<Arc<str>> = by_snapshot.values().flatten().cloned().collect();
        for (place, of_snapshot) in &by_snapshot {
            let Some(snapshot) = index.snapshots.get(*place) else { continue };
            for name in all.difference(of_snapshot) {
                rows.push(CoverageRow {
                    tenant_id: tenant.clone(),
                    snapshot: snapshot.label.clone(),
                    object_type: object_type.to_string(),
                    attribute: name.to_string(),
                    state: CoverageState::NotCollected,
                    objects: 0,
                    detail: "another snapshot has it".to_owned(),
                });
            }
        }
    }
    rows
}
