//! What one snapshot itself shows of the things that a verification is about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::steps::{About, LINKED, NOT_LINKED, Place};
use crate::directory::Catalogue;
use crate::history::{HistoryError, ObservedObject, ObservedType, Wanted, observe};
use crate::index::{Capture, Index, LinkGroup, Listing, ObjectId};
use crate::intake::Subject;
use crate::model::{Analysis, CoverageState, Receipt, VerdictReason};
use crate::recovery::link_view::LinkView;

/// Type, identity, relation, and whether it is the list of the other end.
type ListKey = (Arc<str>, ObjectId, Arc<str>, bool);

/// What was found, or why nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding<T> {
    /// It shows it so.
    Shown(T, Vec<Receipt>),
    /// It does not show it.
    Silent(VerdictReason),
}

/// One snapshot.
#[derive(Debug)]
pub(super) struct View<'a> {
    index: &'a Index,
    snapshot: usize,
    objects: BTreeMap<Arc<str>, ObservedType>,
    links: HashMap<ListKey, LinkView>,
    lists: HashMap<String, CoverageState>,
    conflicts: BTreeSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> View<'a> {
    /// Looks at what a snapshot (its position in the index) shows of these things.
    pub(super) fn of(
        index: &'a Index,
        catalogue: &Catalogue,
        analysis: &'a Analysis,
        (snapshot, abouts): (usize, &[About<'_>]),
    ) -> Result<Self, HistoryError> {
        let mut wanted = Wanted::new();
        for about in abouts {
            let objects = wanted.entry(about.object_type.into()).or_default();
            let paths = objects.entry(ObjectId::of(about.object_id)).or_default();
            if !about.attribute.is_empty() && about.target.is_empty() {
                paths.insert(about.attribute.into());
            }
        }
        let of = index.snapshots.get(snapshot);
        let (tenant, label) =
            of.map(|of| (of.tenant.as_str(), of.label.as_str())).unwrap_or_default();
        let lists = analysis.coverage.iter().filter(|row| {
            let whole = row.is_whole_picture() && row.attribute.is_empty();
            whole && row.snapshot == label && row.tenant_id == tenant
        });
        let conflicts = analysis.conflicts.iter();
        let conflicts = conflicts.filter(|row| row.snapshot == label && row.tenant_id == tenant);
        Ok(Self {
            index,
            snapshot,
            objects: observe(index, catalogue, snapshot, &wanted)?,
            links: links(index, (snapshot, tenant), abouts),
            lists: lists.map(|row| (row.object_type.clone(), row.state)).collect(),
            conflicts: conflicts
                .map(|row| (&*row.object_type, &*row.object_id, &*row.attribute))
                .collect(),
        })
    }

    pub(super) fn object(&self, about: About<'_>) -> Option<&ObservedObject> {
        self.objects.get(about.object_type)?.get(&ObjectId::of(about.object_id))
    }

    /// Whether captures of the snapshot disagree on an attribute.
    pub(super) fn disagrees(&self, about: About<'_>) -> bool {
        self.conflicts.contains(&(about.object_type, about.object_id, about.attribute))
    }

    /// How the live list of a type, or the list of its recycle bin, was collected.
    fn list(&self, object_type: &str, bin: bool) -> CoverageState {
        let known = if bin {
            self.lists.get(&format!("{object_type}/deletedItems"))
        } else {
            self.lists.get(object_type)
        };
        known.copied().unwrap_or(CoverageState::NotRequested)
    }

    /// Whether the live list that would hold an object was read whole; else why not.
    pub(super) fn lists_live(&self, about: About<'_>) -> Result<(), VerdictReason> {
        match self.list(about.object_type, false) {
            CoverageState::Collected | CoverageState::Empty => return Ok(()),
            CoverageState::Partial
            | CoverageState::Unknown
            | CoverageState::Denied
            | CoverageState::NotRequested => {}
        }
        let lists = self.captures(about, Listing::Live);
        let of_parent: Vec<&Capture> =
            lists.into_iter().filter(|of| !of.parent.is_empty()).collect();
        let whole = |of: &&Capture| !of.dangling && !of.damaged && of.unfiltered;
        if of_parent.iter().any(whole) {
            return Ok(());
        }
        let shown = self.list(about.object_type, false);
        let partial = matches!(shown, CoverageState::Partial | CoverageState::Unknown);
        Err(if partial { VerdictReason::AfterPartial } else { VerdictReason::AfterNotCollected })
    }

    /// The lists of this snapshot that would hold an object: of its type, or of a parent that its identity names.
    fn captures(&self, about: About<'_>, listing: Listing) -> Vec<&'a Capture> {
        let of_type = |request: &usize| {
            let indexed = self.index.requests.get(*request);
            indexed.is_some_and(|indexed| match &indexed.request.subject {
                Subject::Objects { object_type, .. } | Subject::ObjectsOf { object_type, .. } => {
                    **object_type == *about.object_type
                }
                Subject::Part { .. }
                | Subject::Links { .. }
                | Subject::Untyped { .. }
                | Subject::Orphan { .. } => false,
            })
        };
        let of_parent = |parent: &str| {
            let id = parent.split_once(':').map_or(parent, |(_, id)| id);
            parent.is_empty()
                || about.object_id.split('|').any(|part| part.eq_ignore_ascii_case(id))
        };
        let captures = self.index.captures.iter();
        let here = captures.filter(|of| of.snapshot == self.snapshot && of.listing == listing);
        here.filter(|of| of_parent(&of.parent) && of.requests.iter().any(of_type)).collect()
    }

    /// Whether the recycle bin of a type was read whole.
    pub(super) fn lists_bin(&self, object_type: &str) -> bool {
        self.list(object_type, true).is_whole()
    }

    /// The exhibits of each list that would hold an object, whole lists first.
    pub(super) fn exhibits_of_lists(
        &self,
        about: About<'_>,
        listing: Listing,
    ) -> Vec<Vec<Receipt>> {
        let mut lists = self.captures(about, listing);
        lists.sort_by_key(|of| of.dangling || of.damaged || !of.unfiltered);
        let receipts = |of: &Capture| {
            let requests = of.requests.iter().filter_map(|at| self.index.requests.get(*at));
            let exhibits = requests.filter_map(|of| self.index.exhibits.get(of.exhibit));
            let mut receipts: Vec<Receipt> =
                exhibits.map(|exhibit| Receipt::whole(exhibit.id())).collect();
            receipts.sort_unstable();
            receipts.dedup();
            receipts
        };
        lists.into_iter().map(receipts).collect()
    }

    /// Where the snapshot shows an object; silence is left to the lists.
    pub(super) fn place(&self, about: About<'_>) -> Option<Place> {
        let object = self.object(about)?;
        Some(if object.deleted { Place::Bin } else { Place::Live })
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, about: About<'_>) -> Finding<Option<String>> {
        let Some(object) = self.object(about) else {
            let unlisted = self.lists_live(about).err();
            return Finding::Silent(unlisted.unwrap_or(VerdictReason::AfterNotCollected));
        };
        match object.attributes.get(about.attribute) {
            Some(shown) => Finding::Shown(shown.value.clone(), vec![shown.receipt]),
            None if object.of_delta => Finding::Silent(VerdictReason::BuiltFromDelta),
            None => Finding::Silent(VerdictReason::AfterNotCollected),
        }
    }

    /// Whether it shows the value of an attribute, or whether a link is there.
    pub(super) fn shows(&self, about: About<'_>) -> bool {
        if about.target.is_empty() {
            matches!(self.attribute(about), Finding::Shown(..))
        } else {
            matches!(self.link(about), Finding::Shown(..))
        }
    }

    /// Whether a link is there.
    pub(super) fn link(&self, about: About<'_>) -> Finding<&'static str> {
        let relation: Arc<str> = about.attribute.into();
        let (source, target) = (ObjectId::of(about.object_id), ObjectId::of(about.target));
        let object_type: Arc<str> = about.object_type.into();
        let own = (Arc::clone(&object_type), source.clone(), Arc::clone(&relation), false);
        let of_other = (object_type, target.clone(), relation, true);
        let mut why = VerdictReason::AfterNotCollected;
        for (key, end) in [(own, &target), (of_other, &source)] {
            let Some(list) = self.links.get(&key) else { continue };
            if let Some(receipt) = list.targets.get(end) {
                return Finding::Shown(LINKED, vec![*receipt]);
            }
            if list.whole {
                return Finding::Shown(NOT_LINKED, list.receipts.clone());
            }
            why = if list.of_delta {
                VerdictReason::BuiltFromDelta
            } else {
                VerdictReason::AfterPartial
            };
        }
        Finding::Silent(why)
    }
}

fn links(
    index: &Index,
    (snapshot, tenant): (usize, &str),
    abouts: &[About<'_>],
) -> HashMap<ListKey, LinkView> {
    let mut wanted: BTreeSet<ListKey> = BTreeSet::new();
    for about in abouts.iter().filter(|about| !about.target.is_empty()) {
        let object_type: Arc<str> = about.object_type.into();
        let relation: Arc<str> = about.attribute.into();
        let own = ObjectId::of(about.object_id);
        wanted.insert((Arc::clone(&object_type), own, Arc::clone(&relation), false));
        wanted.insert((object_type, ObjectId::of(about.target), relation, true));
    }
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return found;
    }
    for group in index.link_groups() {
        let key = key_of(&group);
        let of_tenant = index.tenants.get(group.tenant).is_some_and(|of| of == tenant);
        if of_tenant && wanted.contains(&key) {
            found.extend(LinkView::of(index, snapshot, &group).map(|view| (key, view)));
        }
    }
    found
}

fn key_of(group: &LinkGroup) -> ListKey {
    let key = &group.key;
    let (object_type, relation) = (Arc::clone(&key.source_type), Arc::clone(&key.relation));
    (object_type, key.source.clone(), relation, group.inverse)
}
