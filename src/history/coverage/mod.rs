//! The coverage ledger: what each snapshot collected of each type, attribute and relation, by request and together, and how
//! completely.
//!
//! A row with an empty `request` speaks of all requests of a snapshot together; rows with one stand beside it where a
//! snapshot asked in several ways. What nobody asked for has rows too, if another snapshot has it, a question needs it, or
//! the catalogue marks it as security-relevant.

mod attributes;
mod relations;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::census::{Census, TypeKey};
use super::logs;
use super::lost::Lost;
use super::shown::Shapes;
use crate::directory::{Catalogue, Need};
use crate::index::Index;
use crate::model::{CoverageRow, ExhibitId, LogRow};

/// What the rows are made from.
pub(super) struct Ledger<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) censuses: &'a BTreeMap<TypeKey, Census>,
    pub(super) shapes: &'a Shapes,
    pub(super) lost: &'a Lost,
}

/// Coverage of all snapshots, sorted by (tenant, type, attribute, snapshot, request, object).
pub(super) fn rows(ledger: &Ledger<'_>, of_logs: &[LogRow]) -> Vec<CoverageRow> {
    let mut rows = ledger.types();
    rows.extend(ledger.relations());
    rows.extend(ledger.attributes());
    rows.extend(logs::coverage(of_logs));
    let places: BTreeMap<(&str, &str), usize> = ledger
        .index
        .snapshots
        .iter()
        .enumerate()
        .map(|(place, snapshot)| ((snapshot.tenant.as_str(), snapshot.label.as_str()), place))
        .collect();
    let place =
        |row: &CoverageRow| places.get(&(row.tenant_id.as_str(), row.snapshot.as_str())).copied();
    rows.sort_by(|a, b| {
        (&a.tenant_id, &a.object_type, &a.attribute, place(a), &a.request, &a.object_id).cmp(&(
            &b.tenant_id,
            &b.object_type,
            &b.attribute,
            place(b),
            &b.request,
            &b.object_id,
        ))
    });
    rows
}

impl Ledger<'_> {
    /// A row of a snapshot, to be filled in.
    fn row(&self, snapshot: usize, object_type: &str) -> CoverageRow {
        let snapshot = self.index.snapshots.get(snapshot);
        CoverageRow {
            tenant_id: snapshot.map(|snapshot| snapshot.tenant.clone()).unwrap_or_default(),
            snapshot: snapshot.map(|snapshot| snapshot.label.clone()).unwrap_or_default(),
            object_type: object_type.to_owned(),
            ..CoverageRow::default()
        }
    }

    /// The snapshots of each tenant, by position.
    fn snapshots_of(&self, tenant: &str) -> impl Iterator<Item = usize> {
        let snapshots = self.index.snapshots.iter().enumerate();
        snapshots.filter(move |(_, snapshot)| snapshot.tenant == tenant).map(|(place, _)| place)
    }

    /// Live objects of a type in each snapshot of a tenant.
    fn objects(&self, tenant: usize, object_type: &Arc<str>, snapshot: usize) -> u64 {
        let census = self.censuses.get(&(tenant, Arc::clone(object_type)));
        census.and_then(|census| census.objects.get(&(snapshot, false))).copied().unwrap_or(0)
    }

    /// The first and the last of these exhibits, by their names.
    fn cite(&self, exhibits: &BTreeSet<usize>) -> Vec<ExhibitId> {
        let ends = [exhibits.first(), exhibits.last()];
        let mut cited: Vec<ExhibitId> = ends
            .into_iter()
            .flatten()
            .filter_map(|place| self.index.exhibits.get(*place))
            .map(crate::index::Exhibit::id)
            .collect();
        cited.dedup();
        cited
    }

    /// What questions need, each with the questions that need it.
    fn needs(&self) -> BTreeMap<&Need, BTreeSet<&str>> {
        let mut needs: BTreeMap<&Need, BTreeSet<&str>> = BTreeMap::new();
        for question in self.catalogue.questions() {
            for need in question.needs.iter().flat_map(|term| &term.any_of) {
                needs.entry(need).or_default().insert(&question.id);
            }
        }
        needs
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// `needed for the questions a, b`.
fn needed_for(questions: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = questions.iter().copied().collect();
    let word = if names.len() == 1 { "question" } else { "questions" };
    format!("asked for in no snapshot; the {word} {} would need it", names.join(", "))
}
