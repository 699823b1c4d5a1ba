//! Names beside ids: what each object was called when it was last seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::attributes::strip_bin_prefix;
use super::value::{Json, attributes};
use crate::directory::Catalogue;
use crate::index::{Entry, Index, ObjectId, OpenError, open_records};
use crate::intake::{Kind, Record, Scanner};

/// An object by tenant, type and identity.
pub(super) type ObjectKey = (String, Arc<str>, ObjectId);

/// Records that are held open at a time.
const BATCH: usize = 20_000;

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
        .object_types()
        .into_iter()
        .filter(|object_type| named(object_type))
        .filter(|object_type| index.find_last(tenant, object_type, id).is_some());
    let first = found.next()?;
    found.next().is_none().then_some(first).cloned()
}

/// Names of objects, by tenant and type.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, BTreeMap<Arc<str>, HashMap<ObjectId, String>>>);

impl Names {
    /// Notes the name of an object.
    pub(super) fn note(
        &mut self,
        tenant: &str,
        object_type: &Arc<str>,
        id: ObjectId,
        name: String,
    ) {
        let of_tenant = match self.0.get_mut(tenant) {
            Some(of_tenant) => of_tenant,
            None => self.0.entry(tenant.to_owned()).or_default(),
        };
        of_tenant.entry(Arc::clone(object_type)).or_default().insert(id, name);
    }

    /// The name of an object, if it is known.
    pub(super) fn find(&self, tenant: &str, object_type: &str, id: &ObjectId) -> Option<&str> {
        self.0.get(tenant)?.get(object_type)?.get(id).map(String::as_str)
    }

    /// The name of an object, or nothing.
    pub(super) fn get(&self, tenant: &str, object_type: &str, id: &ObjectId) -> String {
        self.find(tenant, object_type, id).unwrap_or_default().to_owned()
    }

    /// Reads the names of these objects from their last observations, as far as they are not known.
    pub(super) fn read(
        &mut self,
        index: &Index,
        catalogue: &Catalogue,
        wanted: BTreeSet<ObjectKey>,
    ) -> Result<(), OpenError> {
        let mut by_type: BTreeMap<Arc<str>, Vec<ObjectKey>> = BTreeMap::new();
        for key in wanted {
            if self.find(&key.0, &key.1, &key.2).is_none() {
                by_type.entry(Arc::clone(&key.1)).or_default().push(key);
            }
        }
        for (object_type, keys) in by_type {
            for batch in keys.chunks(BATCH) {
                let entries: Vec<(&ObjectKey, Entry)> = batch
                    .iter()
                    .filter_map(|key| Some((key, index.find_last(&key.0, &key.1, &key.2)?)))
                    .collect();
                let records = entries.iter().map(|(_, entry)| entry);
                let opened = open_records(index, catalogue, &object_type, records)?;
                for (key, entry) in &entries {
                    let found = opened
                        .record(entry)
                        .and_then(|record| name(record, entry, &object_type, catalogue));
                    if let Some(found) = found {
                        self.note(&key.0, &object_type, key.2.clone(), found);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The name that a record gives its object.
pub(super) fn name(
    text: &[u8],
    entry: &Entry,
    object_type: &str,
    catalogue: &Catalogue,
) -> Option<String> {
    let mut record = Record::default();
    record.scan(text, &mut Scanner::new(text, 0)).ok()?;
    name_in(text, &record, entry, (object_type, catalogue))
}

/// As [`name`], of a record that was scanned.
pub(super) fn name_in(
    text: &[u8],
    record: &Record,
    entry: &Entry,
    (object_type, catalogue): (&str, &Catalogue),
) -> Option<String> {
    let fallback = ["displayName".to_owned(), "name".to_owned()];
    let known = catalogue.object_type(object_type).map(|known| known.name_properties.as_slice());
    let properties = || known.unwrap_or_default().iter().chain(&fallback);
    let plain = !entry.deleted && properties().all(|property| !property.contains('.'));
    if plain {
        return properties().find_map(|property| {
            let member = record.member(text, property)?;
            let found = (member.value.kind == Kind::String).then(|| record.string(text, property));
            found?.filter(|name| !name.is_empty())
        });
    }
    let mut found = attributes(&Json::parse(text).ok()?, object_type, catalogue);
    if entry.deleted {
        strip_bin_prefix(&mut found, &entry.id.to_string());
    }
    properties()
        .find_map(|property| found.get(property.as_str())?.as_str().filter(|name| !name.is_empty()))
        .map(str::to_owned)
}
