//! The state of one object at a time: each attribute as last observed, with the receipt that shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::HistoryError;
use super::attributes::strip_bin_prefix;
use super::names::name;
use super::value::{Json, Speller, attributes};
use crate::directory::{Catalogue, Identity};
use crate::index::{Entry, Index, ObjectId, open_records};
use crate::model::{Interval, Receipt};

/// An attribute as last observed.
#[derive(Debug, Clone)]
pub struct AttributeState {
    /// Property path.
    pub path: String,
    /// Canonical JSON; `null` for an explicit null.
    pub value: String,
    /// Capture that shows it.
    pub captured: Option<Interval>,
    /// Label of its snapshot.
    pub snapshot: String,
    /// The record.
    pub receipt: Option<Receipt>,
}

/// A link as last observed.
#[derive(Debug, Clone)]
pub struct LinkState {
    /// Relation.
    pub relation: String,
    /// Identity of the other end.
    pub target: String,
    /// Label of the snapshot of the list.
    pub snapshot: String,
    /// The record.
    pub receipt: Receipt,
}

/// An object as last observed at a time.
#[derive(Debug, Clone)]
pub struct ObjectState {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Graph resource name.
    pub object_type: String,
    /// Identity.
    pub object_id: String,
    /// Name.
    pub object_name: String,
    /// Whether its last observation stands in the recycle bin.
    pub deleted: bool,
    /// By path.
    pub attributes: Vec<AttributeState>,
    /// Links of its own lists, by (relation, target).
    pub links: Vec<LinkState>,
}

/// All objects that an id names (as identity, or as a part of a natural key), as last observed at or before `at`.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn state_of(
    index: &Index,
    catalogue: &Catalogue,
    id: &str,
    at: Option<Timestamp>,
) -> Result<Vec<ObjectState>, HistoryError> {
    let wanted = ObjectId::of(id);
    let part = wanted.to_string();
    let mut states = Vec::new();
    for object_type in index.object_types() {
        let known = catalogue.object_type(object_type);
        let whole = matches!(wanted, ObjectId::Guid(_))
            && known.is_none_or(|known| !matches!(known.identity, Identity::NaturalKey(_)));
        for tenant in &index.tenants {
            let objects = if whole {
                vec![index.find(tenant, object_type, &wanted)]
            } else {
                objects_with(index, tenant, object_type, &wanted, &part)
            };
            for object in objects.iter().filter(|object| !object.is_empty()) {
                let seen: Vec<&Entry> = object
                    .iter()
                    .filter(|entry| entry.removal.is_none() && is_by(index, entry, at))
                    .collect();
                states.extend(state(index, catalogue, (tenant, object_type), &seen, at)?);
            }
        }
    }
    states.sort_by(|a, b| {
        (&a.tenant_id, &a.object_type, &a.object_id).cmp(&(
            &b.tenant_id,
            &b.object_type,
            &b.object_id,
        ))
    });
    Ok(states)
}

/// The objects of a type whose identity is, or has for a part, what is wanted.
fn objects_with(
    index: &Index,
    tenant: &str,
    object_type: &str,
    wanted: &ObjectId,
    part: &str,
) -> Vec<Vec<Entry>> {
    let found = index.visit(object_type, Vec::new, |found, of, seen| {
        if index.tenants.get(of).is_none_or(|name| name != tenant) {
            return;
        }
        let matches = seen.first().map(|seen| index.id_of(seen)).is_some_and(|id| {
            id == *wanted
                || matches!(&id, ObjectId::Text(text) if text.split('|').any(|p| p == part))
        });
        if matches {
            found.push(seen.iter().map(|seen| index.entry(seen)).collect());
        }
    });
    found.into_iter().flatten().collect()
}

fn is_by(index: &Index, entry: &Entry, at: Option<Timestamp>) -> bool {
    let Some(at) = at else { return true };
    index.capture_of(entry).and_then(|(_, capture)| capture.interval).is_some_and(|i| i.start <= at)
}

fn state(
    index: &Index,
    catalogue: &Catalogue,
    (tenant, object_type): (&str, &Arc<str>),
    entries: &[&Entry],
    at: Option<Timestamp>,
) -> Result<Option<ObjectState>, HistoryError> {
    let Some(last) = entries.last() else { return Ok(None) };
    let opened = open_records(index, catalogue, object_type, entries.iter().copied())?;
    let mut found: BTreeMap<Box<str>, AttributeState> = BTreeMap::new();
    for entry in entries {
        let Some(record) = opened.record(entry).and_then(|record| Json::parse(record).ok()) else {
            continue;
        };
        let mut own = attributes(&record, object_type, catalogue);
        if entry.deleted {
            strip_bin_prefix(&mut own, &entry.id.to_string());
        }
        let capture = index.capture_of(entry).map(|(_, capture)| capture);
        let snapshot = capture.and_then(|capture| index.snapshots.get(capture.snapshot));
        for (path, value) in own {
            let speller = Speller { object_type, path: &path, catalogue };
            let state = AttributeState {
                path: path.to_string(),
                value: speller.canonical(&value),
                captured: capture.and_then(|capture| capture.interval),
                snapshot: snapshot.map(|s| s.label.clone()).unwrap_or_default(),
                receipt: index.receipt(entry),
            };
            found.insert(path, state);
        }
    }
    Ok(Some(ObjectState {
        tenant_id: tenant.to_owned(),
        object_type: object_type.to_string(),
        object_id: last.id.to_string(),
        object_name: opened
            .record(last)
            .and_then(|record| name(record, last, object_type, catalogue))
            .unwrap_or_default(),
        deleted: last.deleted,
        attributes: found.into_values().collect(),
        links: links(index, tenant, object_type, &last.id, at),
    }))
}

fn links(
    index: &Index,
    tenant: &str,
    object_type: &Arc<str>,
    id: &ObjectId,
    at: Option<Timestamp>,
) -> Vec<LinkState> {
    let mut found = Vec::new();
    for run in index.link_runs_of(tenant, object_type, id) {
        let mut seen = run.observations.iter().filter(|observation| {
            let capture = index.captures.get(observation.capture);
            at.is_none_or(|at| {
                capture.and_then(|capture| capture.interval).is_some_and(|i| i.start <= at)
            })
        });
        let label = |capture: usize| {
            index
                .captures
                .get(capture)
                .and_then(|capture| index.snapshots.get(capture.snapshot))
                .map(|snapshot| snapshot.label.clone())
                .unwrap_or_default()
        };
        let mut ends: BTreeMap<&ObjectId, (usize, Receipt)> = BTreeMap::new();
        for observation in seen.by_ref() {
            if !observation.patch {
                ends.clear();
            }
            for (_, id, _) in &observation.gone {
                ends.remove(id);
            }
            let shown = observation.others.iter();
            ends.extend(shown.map(|(_, id, receipt)| (id, (observation.capture, *receipt))));
        }
        let relation = if run.inverse {
            format!("{} of", run.key.relation)
        } else {
            run.key.relation.to_string()
        };
        found.extend(ends.into_iter().map(|(target, (capture, receipt))| LinkState {
            relation: relation.clone(),
            target: target.to_string(),
            snapshot: label(capture),
            receipt,
        }));
    }
    found.sort_by(|a, b| (&a.relation, &a.target).cmp(&(&b.relation, &b.target)));
    found
}
