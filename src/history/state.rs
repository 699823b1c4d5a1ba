//! The state of one object at a time: each attribute as last observed, with the receipt that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::HistoryError;
use super::attributes::strip_bin_prefix;
use super::names::name;
use super::value::{Attributes, Json, Speller, attributes, collapse};
use crate::directory::{Catalogue, Identity};
use crate::index::{Capture, Entry, Index, ObjectId, Opened, open_records};
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
    /// Relations of which a list was collected, even an empty one, with the last list; those from the other end as
    /// `members of`.
    pub relations: BTreeMap<String, Receipt>,
    /// Its last record.
    pub receipt: Option<Receipt>,
    /// The capture of that record.
    pub captured: Option<Interval>,
    /// Label of the snapshot of that record.
    pub snapshot: String,
}

/// What a state says of one property path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueAt {
    /// Canonical JSON; `None` where it is known to have no value.
    pub value: Option<String>,
    /// The record.
    pub receipt: Option<Receipt>,
    /// The capture that shows it.
    pub captured: Option<Interval>,
    /// Label of its snapshot.
    pub snapshot: String,
}

impl ObjectState {
    /// The value at a path, also where records write what is above as empty, or descend further; `None` where nothing was
    /// collected.
    #[must_use]
    pub fn value_at(&self, path: &str, catalogue: &Catalogue) -> Option<ValueAt> {
        let told = |attribute: &AttributeState, value| ValueAt {
            value,
            receipt: attribute.receipt,
            captured: attribute.captured,
            snapshot: attribute.snapshot.clone(),
        };
        let parsed = |attribute: &AttributeState| Json::parse(attribute.value.as_bytes()).ok();
        let find = |path: &str| self.attributes.iter().find(|attribute| attribute.path == path);
        if let Some(own) = find(path) {
            let is_empty = parsed(own).is_some_and(|value| value.is_empty());
            return Some(told(own, (!is_empty).then(|| own.value.clone())));
        }
        let mut above = path.match_indices('.').filter_map(|(at, _)| find(path.get(..at)?));
        if let Some(empty) = above.find(|above| parsed(above).is_some_and(|json| json.is_empty())) {
            return Some(told(empty, None));
        }
        let prefix = format!("{path}.");
        let inner = || self.attributes.iter().filter(|own| own.path.starts_with(&prefix));
        let mut whole = Attributes::new();
        whole.extend(inner().filter_map(|own| Some((own.path.as_str().into(), parsed(own)?))));
        collapse(&mut whole, path);
        let value = whole.get(path).filter(|value| !value.is_empty());
        let speller = Speller { object_type: &self.object_type, path, catalogue };
        let last = inner().max_by_key(|own| own.captured)?;
        Some(told(last, value.map(|value| speller.canonical(value))))
    }
}

/// Which captures a state may rest on.
type By<'a> = dyn Fn(&Capture) -> bool + 'a;

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
    let by = |capture: &Capture| {
        at.is_none_or(|at| capture.interval.is_some_and(|interval| interval.start <= at))
    };
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
                let seen = observed(index, object, &by);
                let opened = open_records(index, catalogue, object_type, seen.iter().copied())?;
                states.extend(state(
                    (index, catalogue),
                    (tenant, object_type),
                    &seen,
                    &opened,
                    &by,
                ));
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

/// The records of an object that a state rests on.
fn observed<'e>(index: &Index, object: &'e [Entry], by: &By<'_>) -> Vec<&'e Entry> {
    let fits = |entry: &&Entry| {
        entry.removal.is_none() && index.capture_of(entry).is_some_and(|(_, capture)| by(capture))
    };
    object.iter().filter(fits).collect()
}

/// Objects by tenant, type and identity.
pub type WantedStates = BTreeMap<(String, String), BTreeSet<String>>;

/// Objects whose records are held open at a time.
const BATCH: usize = 5_000;

/// The objects as last observed in their tenant's snapshot at `place` or in an earlier one, those that were observed only.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn states_as_of(
    index: &Index,
    catalogue: &Catalogue,
    wanted: &WantedStates,
    place: usize,
) -> Result<Vec<ObjectState>, HistoryError> {
    let by = |capture: &Capture| {
        index.snapshots.get(capture.snapshot).is_some_and(|snapshot| snapshot.position <= place)
    };
    let mut states = Vec::new();
    for ((tenant, object_type), ids) in wanted {
        let object_type: Arc<str> = object_type.as_str().into();
        let ids: Vec<&String> = ids.iter().collect();
        for batch in ids.chunks(BATCH) {
            let objects: Vec<Vec<Entry>> = batch
                .iter()
                .map(|id| index.find(tenant, &object_type, &ObjectId::of(id)))
                .collect();
            let seen: Vec<Vec<&Entry>> =
                objects.iter().map(|object| observed(index, object, &by)).collect();
            let entries = seen.iter().flatten().copied();
            let opened = open_records(index, catalogue, &object_type, entries)?;
            let found = seen.iter().filter_map(|seen| {
                state((index, catalogue), (tenant, &object_type), seen, &opened, &by)
            });
            states.extend(found);
        }
    }
    Ok(states)
}

fn state(
    (index, catalogue): (&Index, &Catalogue),
    (tenant, object_type): (&str, &Arc<str>),
    entries: &[&Entry],
    opened: &Opened,
    by: &By<'_>,
) -> Option<ObjectState> {
    let last = entries.last()?;
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
    let capture = index.capture_of(last).map(|(_, capture)| capture);
    let snapshot = capture.and_then(|capture| index.snapshots.get(capture.snapshot));
    let (links, relations) = links(index, tenant, object_type, &last.id, by);
    Some(ObjectState {
        tenant_id: tenant.to_owned(),
        object_type: object_type.to_string(),
        object_id: last.id.to_string(),
        object_name: opened
            .record(last)
            .and_then(|record| name(record, last, object_type, catalogue))
            .unwrap_or_default(),
        deleted: last.deleted,
        attributes: found.into_values().collect(),
        links,
        relations,
        receipt: index.receipt(last),
        captured: capture.and_then(|capture| capture.interval),
        snapshot: snapshot.map(|snapshot| snapshot.label.clone()).unwrap_or_default(),
    })
}

fn links(
    index: &Index,
    tenant: &str,
    object_type: &Arc<str>,
    id: &ObjectId,
    by: &By<'_>,
) -> (Vec<LinkState>, BTreeMap<String, Receipt>) {
    let (mut found, mut relations) = (Vec::new(), BTreeMap::new());
    for run in index.link_runs_of(tenant, object_type, id) {
        let mut seen = run
            .observations
            .iter()
            .filter(|observation| index.captures.get(observation.capture).is_some_and(by));
        let label = |capture: usize| {
            index
                .captures
                .get(capture)
                .and_then(|capture| index.snapshots.get(capture.snapshot))
                .map(|snapshot| snapshot.label.clone())
                .unwrap_or_default()
        };
        let mut ends: BTreeMap<&ObjectId, (usize, Receipt)> = BTreeMap::new();
        let mut collected = None;
        for observation in seen.by_ref() {
            if !observation.patch {
                ends.clear();
                collected = Some(observation.receipt);
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
        if let Some(list) = collected {
            relations.insert(relation.clone(), list);
        }
        found.extend(ends.into_iter().map(|(target, (capture, receipt))| LinkState {
            relation: relation.clone(),
            target: target.to_string(),
            snapshot: label(capture),
            receipt,
        }));
    }
    found.sort_by(|a, b| (&a.relation, &a.target).cmp(&(&b.relation, &b.target)));
    (found, relations)
}
