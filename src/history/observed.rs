//! What one snapshot itself shows of attributes: nothing is carried over from earlier ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::HistoryError;
use super::attributes::{Items, TypeContext, TypeNames, Version, strip_bin_prefix};
use super::leaves::{has_members, leaf_paths};
use super::lives::batches;
use super::timeline::Said;
use super::value::{Json, Speller, attributes, collapse};
use crate::directory::Catalogue;
use crate::index::{Entry, Index, ObjectId, open_records};
use crate::model::Receipt;

/// Attributes by object: type, identity, paths.
pub type Wanted = BTreeMap<Arc<str>, BTreeMap<ObjectId, BTreeSet<Box<str>>>>;

/// Asks for all attributes that the snapshot shows of an object, beside those that are named.
pub const EVERY: &str = "*";

/// An attribute as one snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Canonical JSON; `None` where it is known to be empty.
    pub value: Option<String>,
    /// What it means, as text that is equal exactly for equal meanings; empty where it is empty.
    pub meaning: String,
    /// The record that shows it.
    pub receipt: Receipt,
}

/// An object as one snapshot shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedObject {
    /// Whether its last record stands in the recycle bin.
    pub deleted: bool,
    /// Whether nothing but delta pages show it.
    pub of_delta: bool,
    /// Its records.
    pub receipts: Vec<Receipt>,
    /// The attributes that were asked for and that it shows; what is missing was not collected.
    pub attributes: BTreeMap<Box<str>, Shown>,
}

/// Objects of one type as one snapshot shows them.
pub type ObservedType = BTreeMap<ObjectId, ObservedObject>;

/// Opens the records of one snapshot (its position in the index) that show the wanted objects. Objects that it does not
/// show are left out; that is no proof of their absence.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn observe(
    index: &Index,
    catalogue: &Catalogue,
    snapshot: usize,
    wanted: &Wanted,
) -> Result<BTreeMap<Arc<str>, ObservedType>, HistoryError> {
    let Some(of) = index.snapshots.get(snapshot) else { return Ok(BTreeMap::new()) };
    let Some(tenant) = index.tenants.iter().position(|tenant| *tenant == of.tenant) else {
        return Ok(BTreeMap::new());
    };
    let mut found = BTreeMap::new();
    for (object_type, objects) in wanted {
        let names = TypeNames::gather(index, tenant, object_type);
        let context =
            TypeContext { index, catalogue, tenant: &of.tenant, object_type, names: &names };
        let entries = entries_of(index, (tenant, snapshot), object_type, objects);
        found.insert(Arc::clone(object_type), of_type(&context, &entries, objects)?);
    }
    Ok(found)
}

/// The objects of a type of which one snapshot (its position in the index) holds records, live or deleted.
#[must_use]
pub fn objects_in(index: &Index, snapshot: usize, object_type: &str) -> BTreeSet<ObjectId> {
    let tenant = index.snapshots.get(snapshot).map(|of| of.tenant.as_str());
    let parts = index.visit(object_type, Vec::new, |found: &mut Vec<ObjectId>, of, seen| {
        let in_it = |capture: u32| {
            index.captures.get(capture as usize).is_some_and(|capture| capture.snapshot == snapshot)
        };
        let of_tenant = index.tenants.get(of).map(String::as_str) == tenant;
        if let Some(seen) = seen.iter().find(|seen| of_tenant && in_it(seen.capture)) {
            found.push(index.id_of(seen));
        }
    });
    parts.into_iter().flatten().collect()
}

/// The records that a snapshot holds of the wanted objects, those of one object one behind the other in the order of captures.
fn entries_of(
    index: &Index,
    (tenant, snapshot): (usize, usize),
    object_type: &str,
    objects: &BTreeMap<ObjectId, BTreeSet<Box<str>>>,
) -> Vec<Vec<Entry>> {
    let keys: std::collections::HashSet<_> = objects.keys().map(ObjectId::key).collect();
    let parts = index.visit(object_type, Vec::new, |found: &mut Vec<Vec<Entry>>, of, seen| {
        let is_wanted =
            of == tenant && seen.first().is_some_and(|seen| keys.contains(&seen.row.key()));
        if !is_wanted {
            return;
        }
        let of_snapshot = |capture: u32| {
            index.captures.get(capture as usize).is_some_and(|capture| capture.snapshot == snapshot)
        };
        let entries: Vec<Entry> = seen
            .iter()
            .filter(|seen| of_snapshot(seen.capture))
            .map(|seen| index.entry(seen))
            .filter(|entry| entry.removal.is_none())
            .collect();
        if !entries.is_empty() {
            found.push(entries);
        }
    });
    parts.into_iter().flatten().collect()
}

fn of_type(
    context: &TypeContext<'_>,
    entries: &[Vec<Entry>],
    objects: &BTreeMap<ObjectId, BTreeSet<Box<str>>>,
) -> Result<ObservedType, HistoryError> {
    let mut found = ObservedType::new();
    let bytes = |entries: &Vec<Entry>| entries.iter().map(|entry| entry.length as usize).sum();
    for batch in batches(entries, bytes) {
        let records = batch.iter().flatten();
        let opened = open_records(context.index, context.catalogue, context.object_type, records)?;
        for entries in batch {
            let Some(first) = entries.first() else { continue };
            let versions: Vec<Option<Version<'_>>> = entries
                .iter()
                .map(|entry| {
                    let text = opened.record(entry)?;
                    let record = Json::parse(text).ok()?;
                    let mut own = attributes(&record, context.object_type, context.catalogue);
                    if entry.deleted {
                        strip_bin_prefix(&mut own, &entry.id.to_string());
                    }
                    context.version(entry, own, text)
                })
                .collect();
            let named = objects.get(&first.id).into_iter().flatten();
            let mut paths: BTreeSet<Box<str>> = named.cloned().collect();
            if paths.remove(EVERY) {
                paths.extend(leaf_paths(versions.iter().flatten().map(|v| &v.attributes)));
            }
            let object = object(context, entries, versions, paths.iter());
            found.insert(first.id.clone(), object);
        }
    }
    Ok(found)
}

fn object<'p>(
    context: &TypeContext<'_>,
    entries: &[Entry],
    mut versions: Vec<Option<Version<'_>>>,
    paths: impl Iterator<Item = &'p Box<str>>,
) -> ObservedObject {
    let is_delta = |entry: &Entry| {
        let request = context.index.requests.get(entry.request as usize);
        request.is_some_and(|indexed| indexed.request.delta)
    };
    let mut object = ObservedObject {
        deleted: entries.last().is_some_and(|entry| entry.deleted),
        of_delta: entries.iter().all(is_delta),
        receipts: entries.iter().filter_map(|entry| context.index.receipt(entry)).collect(),
        attributes: BTreeMap::new(),
    };
    for path in paths {
        for version in versions.iter_mut().flatten() {
            if has_members(&version.attributes, path) {
                collapse(&mut version.attributes, path);
            }
        }
        let speller =
            Speller { object_type: context.object_type, path, catalogue: context.catalogue };
        let items = Items::of(&versions, path);
        for (entry, version) in entries.iter().zip(&versions) {
            let Some(version) = version else { continue };
            let told = context.said(version, path, &speller, &items);
            let meaning = match told {
                Some(Said::Value(meaning)) => meaning,
                Some(Said::AbsentThoughAsked) => String::new(),
                // Where a format leaves out what is empty, nothing is known of what it does not show.
                None | Some(Said::Dropped) => continue,
            };
            let value = version.attributes.get(path).filter(|value| !value.is_empty());
            let value = value.map(|value| match items.shown(value) {
                Cow::Borrowed(value) => speller.canonical(value),
                Cow::Owned(value) => speller.canonical(&value),
            });
            if let Some(receipt) = context.index.receipt(entry) {
                object.attributes.insert(path.clone(), Shown { value, meaning, receipt });
            }
        }
    }
    object
}
