//! Coverage of relations: how many sources have a list of their own, and why a list is not whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Ledger, needed_for, number};
use crate::directory::Need;
use crate::index::ListLoss;
use crate::intake::Subject;
use crate::model::{CoverageRow, CoverageState, SourceCounts};

/// Sources that get a row of their own, per snapshot and relation: more than that are counted only.
const SOURCES: usize = 200;

/// Sources of one relation in one snapshot.
#[derive(Debug, Default)]
struct Found {
    counts: SourceCounts,
    links: u64,
    /// Why lists are not whole, with the number of sources.
    why: BTreeMap<&'static str, u64>,
    /// Sources whose list is not whole or was refused: identity, state, links, why.
    singled: Vec<(String, CoverageState, u64, String)>,
    denied: u64,
    codes: BTreeSet<String>,
    exhibits: BTreeSet<usize>,
}

/// By snapshot, of one source type and relation.
type PerSnapshot = BTreeMap<usize, Found>;

/// Tenant, source type, relation, whether the lists are those of the other end.
type RelationKey = (usize, Arc<str>, Arc<str>, bool);

fn reason(loss: ListLoss) -> &'static str {
    match loss {
        ListLoss::Expansion => "exactly 20 expanded: there may be more",
        ListLoss::NextLink => "an expansion that names a next page",
        ListLoss::Dangling => "the last page names a next one that is not there",
        ListLoss::Damaged => "damaged or quarantined records",
        ListLoss::Single => "single links, no list",
    }
}

impl Ledger<'_> {
    /// Rows of relations: of all sources together, and of each source whose list is not whole or was refused.
    pub(super) fn relations(&self) -> Vec<CoverageRow> {
        let mut found: BTreeMap<RelationKey, PerSnapshot> = BTreeMap::new();
        self.listed(&mut found);
        self.refused(&mut found);
        let mut rows = Vec::new();
        for ((tenant, source_type, relation, inverse), per_snapshot) in &found {
            let Some(tenant_id) = self.index.tenants.get(*tenant) else { continue };
            let nothing = Found::default();
            for place in self.snapshots_of(tenant_id) {
                let found = per_snapshot.get(&place).unwrap_or(&nothing);
                let all = self.objects(*tenant, source_type, place);
                let name =
                    CoverageRow { attribute: relation.to_string(), ..self.row(place, source_type) };
                let row = found.row(name.clone(), all, *inverse);
                rows.push(CoverageRow { evidence: self.cite(&found.exhibits), ..row });
                let singled = found.singled.iter().take(SOURCES);
                rows.extend(singled.map(|(id, state, links, why)| CoverageRow {
                    object_id: id.clone(),
                    state: *state,
                    objects: *links,
                    detail: why.clone(),
                    ..name.clone()
                }));
            }
        }
        rows.extend(self.never_listed(&found));
        rows
    }

    fn listed(&self, found: &mut BTreeMap<RelationKey, PerSnapshot>) {
        let mut last: Option<(RelationKey, PerSnapshot)> = None;
        // Groups of one relation follow each other: one look-up for each relation, not for each source.
        for group in self.index.link_groups() {
            let same = |(known, _): &&mut (RelationKey, PerSnapshot)| {
                known.0 == group.tenant
                    && known.1 == group.key.source_type
                    && known.2 == group.key.relation
                    && known.3 == group.inverse
            };
            if last.as_mut().filter(same).is_none() {
                if let Some((key, per_snapshot)) = last.take() {
                    found.insert(key, per_snapshot);
                }
                let (source_type, relation) =
                    (Arc::clone(&group.key.source_type), Arc::clone(&group.key.relation));
                let key = (group.tenant, source_type, relation, group.inverse);
                last = Some((key, PerSnapshot::new()));
            }
            let Some((_, per_snapshot)) = &mut last else { continue };
            let mut lists = self.index.link_lists(&group);
            lists.sort_by_key(|list| self.snapshot_of(list.capture));
            let of_snapshot = |a: &crate::index::LinkList, b: &crate::index::LinkList| {
                self.snapshot_of(a.capture) == self.snapshot_of(b.capture)
            };
            for lists in lists.chunk_by(of_snapshot) {
                let Some(place) = lists.first().map(|list| self.snapshot_of(list.capture)) else {
                    continue;
                };
                let of = per_snapshot.entry(place).or_default();
                of.exhibits.extend(lists.iter().map(|list| list.exhibit));
                of.take(lists, || group.key.source.to_string());
            }
        }
        if let Some((key, per_snapshot)) = last {
            found.insert(key, per_snapshot);
        }
    }

    fn snapshot_of(&self, capture: usize) -> usize {
        self.index.captures.get(capture).map_or(usize::MAX, |capture| capture.snapshot)
    }

    fn refused(&self, found: &mut BTreeMap<RelationKey, PerSnapshot>) {
        for indexed in &self.index.requests {
            let Some(code) = &indexed.request.refused else { continue };
            let Subject::Links { parent_type, parent_id, relation, inverse, .. } =
                &indexed.request.subject
            else {
                continue;
            };
            let place = self.snapshot_of(indexed.capture);
            let Some(snapshot) = self.index.snapshots.get(place) else { continue };
            let tenant = self.index.tenants.iter().position(|known| *known == snapshot.tenant);
            let Some(tenant) = tenant else { continue };
            let key = (tenant, parent_type.as_str().into(), relation.as_str().into(), *inverse);
            let of = found.entry(key).or_default().entry(place).or_default();
            of.denied += 1;
            of.codes.insert(code.clone());
            of.exhibits.insert(indexed.exhibit);
            of.singled.push((
                parent_id.clone(),
                CoverageState::Denied,
                0,
                format!("refused: {code}"),
            ));
        }
    }

    /// Relations that questions need and no snapshot of a tenant asked for, where there are sources.
    fn never_listed(&self, found: &BTreeMap<RelationKey, PerSnapshot>) -> Vec<CoverageRow> {
        let mut rows = Vec::new();
        for (need, questions) in self.needs() {
            let Need::Relation(source_type, relation) = need else { continue };
            let source_type: Arc<str> = source_type.as_str().into();
            for (tenant, tenant_id) in self.index.tenants.iter().enumerate() {
                let known = found.keys().any(|(of, kind, name, inverse)| {
                    *of == tenant && *kind == source_type && **name == **relation && !inverse
                });
                if known {
                    continue;
                }
                for place in self.snapshots_of(tenant_id) {
                    let all = self.objects(tenant, &source_type, place);
                    if all > 0 {
                        rows.push(CoverageRow {
                            attribute: relation.clone(),
                            state: CoverageState::NotRequested,
                            detail: needed_for(&questions),
                            of: Some(all),
                            sources: Some(SourceCounts {
                                not_collected: all,
                                ..Default::default()
                            }),
                            ..self.row(place, &source_type)
                        });
                    }
                }
            }
        }
        rows
    }
}

impl Found {
    /// Takes in the lists of one source in one snapshot.
    fn take(&mut self, lists: &[crate::index::LinkList], source: impl Fn() -> String) {
        let whole = lists.iter().filter(|list| list.loss.is_none()).map(|list| list.links).max();
        let links = lists.iter().map(|list| list.links).max().unwrap_or(0);
        self.links += number(links);
        match (whole, lists.iter().find_map(|list| list.loss)) {
            (Some(0), _) => self.counts.empty += 1,
            (Some(_), _) | (None, None) => self.counts.collected += 1,
            (None, Some(loss)) => {
                self.counts.partial += 1;
                *self.why.entry(reason(loss)).or_default() += 1;
                if self.singled.len() < SOURCES {
                    let why = reason(loss).to_owned();
                    self.singled.push((source(), CoverageState::Partial, number(links), why));
                }
            }
        }
    }

    fn row(&self, row: CoverageRow, all: u64, inverse: bool) -> CoverageRow {
        let SourceCounts { collected, empty, partial, .. } = self.counts;
        let listed = collected + empty + partial;
        let not_collected = all.saturating_sub(listed);
        let state = match () {
            () if listed == 0 && self.denied > 0 => CoverageState::Denied,
            () if listed == 0 => CoverageState::NotRequested,
            () if partial > 0 || not_collected > 0 || self.denied > 0 => CoverageState::Partial,
            () if collected == 0 => CoverageState::Empty,
            () => CoverageState::Collected,
        };
        let mut detail = Vec::new();
        let lists = if inverse { "lists from the other end" } else { "lists" };
        if listed > 0 {
            detail.push(format!("{lists} of {listed} objects, {empty} of them empty"));
        }
        detail.extend(self.why.iter().map(|(why, sources)| format!("{sources} not whole: {why}")));
        if not_collected > 0 && listed > 0 {
            detail.push(format!("{not_collected} objects without a list"));
        }
        if self.denied > 0 {
            let codes: Vec<&str> = self.codes.iter().map(String::as_str).collect();
            detail.push(format!("{} refused: {}", self.denied, codes.join(", ")));
        }
        if state == CoverageState::NotRequested {
            detail.push("another snapshot has it".to_owned());
        }
        CoverageRow {
            state,
            objects: self.links,
            detail: detail.join("; "),
            of: Some(all.max(listed)),
            exhibits: number(self.exhibits.len()),
            sources: Some(SourceCounts { not_collected, ..self.counts }),
            ..row
        }
    }
}
