//! One walk over all observations: counts what lists and snapshots hold, and finds the objects that anything happened to.
//!
//! Most objects are in every list of their type with one content: they are only counted. What is left is small, and the
//! rest of the room looks at nothing else.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::attributes::Askings;
use super::shown::{Counter, Shapes, Shown};
use crate::directory::{Catalogue, Identity};
use crate::index::{Entry, Index, IndexedPage, Key, Listing, ObjectId, Seen, mark};
use crate::intake::Subject;

/// A type of a tenant: position of the tenant, name of the type.
pub(super) type TypeKey = (usize, Arc<str>);

/// What the census found of one type.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Distinct objects by capture.
    pub(super) ids: BTreeMap<usize, usize>,
    /// Distinct objects by (snapshot, in the recycle bin).
    pub(super) objects: BTreeMap<(usize, bool), u64>,
    /// Captures that show any object, and whether in the recycle bin.
    pub(super) captures: BTreeSet<(usize, bool)>,
    /// Objects that are in every list and nowhere else.
    pub(super) quiet: usize,
    /// Pairs of observations that differ in the order of sets only.
    pub(super) reordered: u64,
    /// Observations of quiet objects whose content differs.
    pub(super) changed: Vec<Entry>,
    /// Observations of all other objects.
    pub(super) restless: Vec<Entry>,
    /// What is told of quiet objects in which nothing but one volatile attribute moved.
    pub(super) volatile: Vec<VolatileFold>,
    /// How many objects each snapshot shows by which requests, with which attributes.
    pub(super) shown: Shown,
}

/// Where a record is: request, offset, length.
pub(super) type RecordPlace = (u32, u64, u32);

/// Objects in which one volatile attribute moved between two lists.
#[derive(Debug, Clone)]
pub(super) struct VolatileFold {
    pub(super) attribute: Arc<str>,
    /// The captures on both sides.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) objects: u64,
    /// First and last object, with its records on both sides.
    pub(super) first: (ObjectId, RecordPlace, RecordPlace),
    pub(super) last: (ObjectId, RecordPlace, RecordPlace),
}

/// The lists of one type, as far as the census needs them.
#[derive(Debug, Default)]
struct Calm {
    /// Captures of the live lists, if they speak of the whole type from the first snapshot on.
    lists: Vec<u32>,
    /// Whether each list lies before the next and in a snapshot of its own.
    in_sequence: bool,
}

/// What the census of all types needs to know.
pub(super) struct CensusTaker<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) askings: &'a Askings,
    pub(super) shapes: &'a Shapes,
    /// Principals whose rows are never folded.
    pub(super) tier0: &'a HashSet<(usize, Key)>,
    /// Whether rows of lane `volatile` stand one by one.
    pub(super) unfold_volatile: bool,
}

/// What one part of a walk found of one tenant.
#[derive(Debug)]
struct Part {
    ids: Vec<u32>,
    objects: Vec<[u32; 2]>,
    captures: Vec<[bool; 2]>,
    shown: Counter,
    found: Census,
}

impl CensusTaker<'_> {
    /// Takes the census of a type, by tenant.
    pub(super) fn take(&self, object_type: &Arc<str>) -> Vec<(usize, Census)> {
        let tenants = self.index.tenants.len();
        let calm: Vec<Calm> = (0..tenants).map(|tenant| self.calm(tenant, object_type)).collect();
        let captures = self.index.captures.len();
        let snapshots = self.index.snapshots.len();
        let fresh = || Part {
            ids: vec![0; captures],
            objects: vec![[0; 2]; snapshots],
            captures: vec![[false; 2]; captures],
            shown: Counter::default(),
            found: Census::default(),
        };
        let parts = self.index.visit(
            object_type,
            || (0..tenants).map(|_| None).collect::<Vec<Option<Part>>>(),
            |parts, tenant, seen| {
                if let (Some(part), Some(calm)) = (parts.get_mut(tenant), calm.get(tenant)) {
                    self.count(part.get_or_insert_with(fresh), tenant, calm, seen);
                }
            },
        );
        let mut found: BTreeMap<usize, Census> = BTreeMap::new();
        for (tenant, part) in parts.into_iter().flat_map(|parts| parts.into_iter().enumerate()) {
            if let Some(part) = part {
                found.entry(tenant).or_default().take_in(part);
            }
        }
        found.into_iter().collect()
    }

    fn calm(&self, tenant: usize, object_type: &Arc<str>) -> Calm {
        let index = self.index;
        let known = self.catalogue.object_type(object_type);
        let singleton = known.is_some_and(|known| known.identity == Identity::Singleton);
        // Role definitions of directoryRole objects are read from every one of them.
        if singleton || &**object_type == "directoryRole" {
            return Calm::default();
        }
        let lists: Vec<usize> = list_captures(index, tenant, object_type)
            .into_iter()
            .filter(|capture| {
                index.captures.get(*capture).is_some_and(|c| c.listing == Listing::Live)
            })
            .collect();
        let described: Vec<_> = lists.iter().filter_map(|list| index.captures.get(*list)).collect();
        let of_whole_type = described.iter().all(|capture| capture.parent.is_empty());
        let from_the_first = described
            .first()
            .and_then(|capture| index.snapshots.get(capture.snapshot))
            .is_some_and(|snapshot| snapshot.position <= 1);
        if !of_whole_type || !from_the_first {
            return Calm::default();
        }
        let in_sequence = lists
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if index.before(*a, *b)))
            && described.windows(2).all(|pair| matches!(pair, [a, b] if a.snapshot != b.snapshot));
        let lists = lists.iter().filter_map(|list| u32::try_from(*list).ok()).collect();
        Calm { lists, in_sequence }
    }

    fn count(&self, part: &mut Part, tenant: usize, calm: &Calm, seen: &[Seen<'_>]) {
        part.shown.count(self.index, self.shapes, seen);
        let (mut last_capture, mut last_snapshots) = (u32::MAX, [usize::MAX; 2]);
        let mut deleted = false;
        for observation in seen {
            if observation.row.has(mark::GONE) {
                continue;
            }
            let bin = observation.row.has(mark::DELETED);
            deleted |= bin;
            let capture = observation.capture as usize;
            let half = usize::from(bin);
            if observation.capture != last_capture {
                last_capture = observation.capture;
                if let Some(count) = part.ids.get_mut(capture) {
                    *count += 1;
                }
            }
            if let Some(shows) = part.captures.get_mut(capture).and_then(|c| c.get_mut(half)) {
                *shows = true;
            }
            let snapshot = self.index.captures.get(capture).map_or(0, |c| c.snapshot);
            if let Some(last) = last_snapshots.get_mut(half).filter(|last| **last != snapshot) {
                *last = snapshot;
                let count = part.objects.get_mut(snapshot).and_then(|counts| counts.get_mut(half));
                if let Some(count) = count {
                    *count += 1;
                }
            }
        }
        let in_every_list = !deleted
            && !calm.lists.is_empty()
            && seen.len() == calm.lists.len()
            && seen.iter().zip(&calm.lists).all(|(seen, list)| seen.capture == *list);
        let entries = || seen.iter().map(|seen| self.index.entry(seen));
        if !in_every_list {
            part.found.restless.extend(entries());
            return;
        }
        part.found.quiet += 1;
        let Some(first) = seen.first() else { return };
        let asked = self.askings.of(first.request);
        let same_content = seen.iter().all(|seen| {
            seen.row.content == first.row.content && self.askings.of(seen.request) == asked
        });
        if !same_content {
            part.found.changed.extend(entries());
            return;
        }
        if !first.row.has(mark::TEXT) {
            let reordered = seen.windows(2).filter(
                |pair| matches!(pair, [a, b] if a.row.text_or_order != b.row.text_or_order),
            );
            part.found.reordered += u64::try_from(reordered.count()).unwrap_or(0);
        }
        if seen.iter().all(|seen| seen.row.volatile == first.row.volatile) {
            return;
        }
        let folds = calm.in_sequence
            && !self.unfold_volatile
            && seen.iter().all(|seen| seen.row.has(mark::LONE_VOLATILE))
            && !first.row.has(mark::TEXT)
            && !self.tier0.contains(&(tenant, first.row.key()));
        let attribute = self.index.names_of(first).and_then(|names| names.lone_volatile.as_ref());
        match attribute.filter(|_| folds) {
            Some(attribute) => self.fold(&mut part.found, attribute, seen),
            None => part.found.changed.extend(entries()),
        }
    }

    fn fold(&self, found: &mut Census, attribute: &Arc<str>, seen: &[Seen<'_>]) {
        for pair in seen.windows(2) {
            let [a, b] = pair else { continue };
            if a.row.volatile == b.row.volatile {
                continue;
            }
            let place = |seen: &Seen<'_>| (seen.request, seen.row.offset, seen.row.length);
            let object = (self.index.id_of(a), place(a), place(b));
            let (from, to) = (a.capture as usize, b.capture as usize);
            found.add_fold(VolatileFold {
                attribute: Arc::clone(attribute),
                from,
                to,
                objects: 1,
                first: object.clone(),
                last: object,
            });
        }
    }
}

impl Census {
    fn add_fold(&mut self, fold: VolatileFold) {
        let same = |known: &&mut VolatileFold| {
            known.from == fold.from && known.to == fold.to && known.attribute == fold.attribute
        };
        match self.volatile.iter_mut().find(same) {
            Some(known) => {
                known.objects += fold.objects;
                known.last = fold.last;
            }
            None => self.volatile.push(fold),
        }
    }

    /// Adds what the next part of the walk found.
    fn take_in(&mut self, part: Part) {
        for (capture, count) in part.ids.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *self.ids.entry(capture).or_default() += count as usize;
        }
        for (snapshot, counts) in part.objects.into_iter().enumerate() {
            for (count, bin) in counts.into_iter().zip([false, true]).filter(|(c, _)| *c > 0) {
                *self.objects.entry((snapshot, bin)).or_default() += u64::from(count);
            }
        }
        for (capture, shows) in part.captures.into_iter().enumerate() {
            let bins = shows.into_iter().zip([false, true]).filter(|(shows, _)| *shows);
            self.captures.extend(bins.map(|(_, bin)| (capture, bin)));
        }
        part.shown.into_shown(&mut self.shown);
        let found = part.found;
        self.quiet += found.quiet;
        self.reordered += found.reordered;
        self.changed.extend(found.changed);
        self.restless.extend(found.restless);
        for fold in found.volatile {
            self.add_fold(fold);
        }
    }
}

/// The captures that were asked for a type, and those that show any object of it.
pub(super) fn list_captures(
    index: &Index,
    tenant: usize,
    object_type: &Arc<str>,
) -> BTreeSet<usize> {
    let of_tenant = |capture: usize| {
        index
            .captures
            .get(capture)
            .and_then(|capture| index.snapshots.get(capture.snapshot))
            .is_some_and(|snapshot| index.tenants.get(tenant) == Some(&snapshot.tenant))
    };
    let asked = index.requests.iter().filter(|indexed| match &indexed.request.subject {
        Subject::Objects { object_type: asked, .. }
        | Subject::ObjectsOf { object_type: asked, .. } => **asked == **object_type,
        Subject::Part { .. }
        | Subject::Links { .. }
        | Subject::Untyped { .. }
        | Subject::Orphan { .. } => false,
    });
    let shown = pages(index, tenant, object_type).map(|page| page.capture);
    asked
        .map(|indexed| indexed.capture)
        .filter(|capture| of_tenant(*capture))
        .chain(shown)
        .collect()
}

/// What the requests of a tenant show of a type.
pub(super) fn pages<'a>(
    index: &'a Index,
    tenant: usize,
    object_type: &'a str,
) -> impl Iterator<Item = &'a IndexedPage> {
    index
        .pages
        .iter()
        .filter(move |page| page.tenant == tenant && *page.page.object_type == *object_type)
}
