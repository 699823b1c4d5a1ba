//! What one snapshot itself shows of objects that assertions speak of.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::directory::Catalogue;
use crate::history::{HistoryError, ObservedType, Wanted, objects_in, observe};
use crate::index::{Index, LinkGroup, ObjectId};
use crate::model::{Analysis, CoverageState};
use crate::recovery::link_view::LinkView;

/// Objects by identity, each with the attributes that are wanted of it.
pub(super) type Objects = BTreeMap<ObjectId, BTreeSet<Box<str>>>;
/// The objects that have a name, by the name in lower case.
type Names = Rc<BTreeMap<String, BTreeSet<ObjectId>>>;

/// A snapshot of one tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Its position in the index.
    pub(super) snapshot: usize,
    pub(super) tenant: &'a str,
    pub(super) label: &'a str,
    /// Whether it is the tenant's last: what it lacks can still be exported.
    pub(super) is_last: bool,
}

/// What a snapshot shows of objects of one type.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) objects: ObservedType,
    pub(super) lists: BTreeMap<(ObjectId, Arc<str>), LinkView>,
}

/// Looks into snapshots; what was read once is kept.
pub(super) struct Looker<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) analysis: &'a Analysis,
    groups: OnceCell<Vec<LinkGroup>>,
    names: RefCell<BTreeMap<(usize, String, &'static str), Names>>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(index: &'a Index, catalogue: &'a Catalogue, analysis: &'a Analysis) -> Self {
        Self {
            index,
            catalogue,
            analysis,
            groups: OnceCell::new(),
            names: RefCell::new(BTreeMap::new()),
        }
    }

    /// What a snapshot shows of objects.
    pub(super) fn look(
        &self,
        place: Place<'_>,
        object_type: &str,
        objects: &Objects,
    ) -> Result<Seen, HistoryError> {
        let name: Arc<str> = object_type.into();
        let wanted = Wanted::from([(Arc::clone(&name), objects.clone())]);
        let mut found = observe(self.index, self.catalogue, place.snapshot, &wanted)?;
        let groups = self.groups.get_or_init(|| self.index.link_groups());
        let own = groups.iter().filter(|group| {
            let tenant = self.index.tenants.get(group.tenant).map(String::as_str);
            *group.key.source_type == *object_type
                && !group.inverse
                && tenant == Some(place.tenant)
                && objects.contains_key(&group.key.source)
        });
        let lists = own.filter_map(|group| {
            let key = (group.key.source.clone(), Arc::clone(&group.key.relation));
            Some((key, LinkView::of(self.index, place.snapshot, group)?))
        });
        Ok(Seen { objects: found.remove(&name).unwrap_or_default(), lists: lists.collect() })
    }

    /// The live objects of a type that have this value in a property; letter case does not count.
    pub(super) fn named(
        &self,
        place: Place<'_>,
        (object_type, property): (&str, &'static str),
        value: &str,
    ) -> Result<BTreeSet<ObjectId>, HistoryError> {
        let key = (place.snapshot, object_type.to_owned(), property);
        let known = self.names.borrow().get(&key).map(Rc::clone);
        let names = match known {
            Some(names) => names,
            None => {
                let names = Rc::new(self.names_of(place, object_type, property)?);
                self.names.borrow_mut().insert(key, Rc::clone(&names));
                names
            }
        };
        Ok(names.get(&value.to_lowercase()).cloned().unwrap_or_default())
    }

    fn names_of(
        &self,
        place: Place<'_>,
        object_type: &str,
        property: &'static str,
    ) -> Result<BTreeMap<String, BTreeSet<ObjectId>>, HistoryError> {
        let ids = objects_in(self.index, place.snapshot, object_type);
        let paths = BTreeSet::from([property.into()]);
        let objects: Objects = ids.into_iter().map(|id| (id, paths.clone())).collect();
        let wanted = Wanted::from([(object_type.into(), objects)]);
        let mut names: BTreeMap<String, BTreeSet<ObjectId>> = BTreeMap::new();
        for (id, object) in observe(self.index, self.catalogue, place.snapshot, &wanted)?
            .into_values()
            .flatten()
            .filter(|(_, object)| !object.deleted)
        {
            let value = object.attributes.get(property).and_then(|shown| shown.value.as_deref());
            if let Some(Ok(name)) = value.map(serde_json::from_str::<String>) {
                names.entry(name.to_lowercase()).or_default().insert(id);
            }
        }
        Ok(names)
    }

    /// How a snapshot collected the live list of a type, or the list of its recycle bin.
    pub(super) fn list(&self, place: Place<'_>, object_type: &str, bin: bool) -> CoverageState {
        let name = if bin { format!("{object_type}/deletedItems") } else { object_type.to_owned() };
        let mut rows = self.analysis.coverage.iter().filter(|row| {
            row.is_whole_picture()
                && row.attribute.is_empty()
                && row.object_type == name
                && row.snapshot == place.label
                && row.tenant_id == place.tenant
        });
        rows.next().map_or(CoverageState::NotRequested, |row| row.state)
    }

    /// Whether captures of a snapshot disagree on an attribute.
    pub(super) fn disagree(&self, place: Place<'_>, of: (&str, &str, &str)) -> bool {
        self.analysis.conflicts.iter().any(|row| {
            (&*row.object_type, &*row.object_id, &*row.attribute) == of
                && row.snapshot == place.label
                && row.tenant_id == place.tenant
        })
    }

    /// Whether any snapshot of the tenant shows an object.
    pub(super) fn is_known(&self, tenant: &str, object_type: &str, id: &ObjectId) -> bool {
        !self.index.find(tenant, object_type, id).is_empty()
    }
}
