//! Names beside ids: what each object was called when it was last seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attributes::strip_bin_prefix;
use super::value::{Json, attributes};
use crate::directory::Catalogue;
use crate::index::{Entry, Index, ObjectId, OpenError, Opened, open_records};

/// An object by tenant, type and identity.
pub(super) type ObjectKey = (String, Arc<str>, ObjectId);

/// The last observation of an object.
pub(super) fn last_entry<'a>(index: &'a Index, key: &ObjectKey) -> Option<&'a Entry> {
    let run = index.runs.get(&(key.0.clone(), Arc::clone(&key.1)))?;
    let end = run.partition_point(|entry| entry.id <= key.2);
    run.get(end.checked_sub(1)?).filter(|entry| entry.id == key.2)
}

/// The type of an object of the tenant that carries this id, where exactly one does.
pub(super) fn type_of(
    index: &Index,
    catalogue: &Catalogue,
    tenant: &str,
    id: &ObjectId,
) -> Option<Arc<str>> {
    // A part of an object (its MFA requirements) carries the object's id; the one that has a name is meant.
    let named = |object_type: &str| {
        catalogue.object_type(object_type).is_none_or(|known| !known.name_properties.is_empty())
    };
    let mut found = index
        .runs
        .iter()
        .filter(|((of, object_type), run)| {
            of == tenant
                && named(object_type)
                && run.binary_search_by(|entry| entry.id.cmp(id)).is_ok()
        })
        .map(|((_, object_type), _)| Arc::clone(object_type));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Names of objects.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<ObjectKey, String>);

impl Names {
    /// Reads the names of these objects from their last observations.
    pub(super) fn read(
        index: &Index,
        catalogue: &Catalogue,
        wanted: &BTreeSet<ObjectKey>,
    ) -> Result<Self, OpenError> {
        let entries: Vec<(&ObjectKey, &Entry)> =
            wanted.iter().filter_map(|key| Some((key, last_entry(index, key)?))).collect();
        let opened = open_records(index, entries.iter().map(|(_, entry)| *entry))?;
        let names = entries
            .into_iter()
            .filter_map(|(key, entry)| {
                Some((key.clone(), name(&opened, entry, &key.1, catalogue)?))
            })
            .collect();
        Ok(Self(names))
    }

    /// The name of an object, or nothing.
    pub(super) fn get(&self, key: &ObjectKey) -> String {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

/// The name that a record gives its object.
pub(super) fn name(
    opened: &Opened,
    entry: &Entry,
    object_type: &str,
    catalogue: &Catalogue,
) -> Option<String> {
    let record = Json::parse(opened.record(entry)?).ok()?;
    let mut found = attributes(&record, object_type, catalogue);
    if entry.deleted {
        strip_bin_prefix(&mut found, &entry.id.to_string());
    }
    let fallback = ["displayName".to_owned(), "name".to_owned()];
    let known = catalogue.object_type(object_type).map(|known| known.name_properties.as_slice());
    known
        .unwrap_or_default()
        .iter()
        .chain(&fallback)
        .find_map(|property| found.get(property.as_str())?.as_str().filter(|name| !name.is_empty()))
        .map(str::to_owned)
}
