//! The rows of all segments in the order of identities: objects one after another, each with all its observations.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::identity::ObjectId;
use super::row::{Key, Row, mark};
use super::segment::Names;
use super::shelf::{Shelf, Slab};
use super::{Capture, Entry, Exhibit, Index};
use crate::model::Receipt;

/// Where a row is, by what its identity begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    prefix: u64,
    segment: u32,
    row: u32,
}

/// What is known of a request without looking at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestFacts {
    pub(super) capture: u32,
    pub(super) tenant: u32,
}

/// An observation of an object.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its row.
    pub row: &'a Row,
    /// Position of its request in the index.
    pub request: u32,
    /// Position of its capture.
    pub capture: u32,
    segment: u32,
}

impl Seen<'_> {
    /// A number for the layout of the record: equal for records of one layout, as far as one segment tells.
    #[must_use]
    pub fn layout_key(&self) -> u64 {
        (u64::from(self.segment) << 32) | u64::try_from(self.row.layout()).unwrap_or(u64::MAX)
    }
}

/// Parts that a type is divided into, so that many threads can be busy with it; rows that a part has at least.
const PARTS: usize = 64;
const PART_ROWS: usize = 4096;

/// What the place of a row takes.
pub(super) const PLACE_BYTES: usize = size_of::<Place>();

fn prefix(id: &[u8; 16]) -> u64 {
    id.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
}

/// The places of all rows by type, put in order when they are first asked for.
pub(super) type Orders = BTreeMap<Arc<str>, OnceLock<Vec<Place>>>;

/// The types that any exhibit shows, nothing in order yet.
pub(super) fn orders(exhibits: &[Exhibit]) -> Orders {
    let types = exhibits.iter().flat_map(|exhibit| &exhibit.object_types);
    types.map(|object_type| (Arc::clone(object_type), OnceLock::new())).collect()
}

/// The places of all rows of a type that are in the evidence, in order.
fn order_of(shelves: &[Shelf], object_type: &str) -> Vec<Place> {
    let count = shelves.iter().filter_map(|shelf| shelf.rows.get(object_type)).map(Slab::len).sum();
    let mut order = Vec::with_capacity(count);
    let mut in_runs = true;
    for (shelf, number) in shelves.iter().zip(0_u32..) {
        let Some(rows) = shelf.rows.get(object_type) else { continue };
        in_runs &= shelf.in_order;
        order.extend(rows.all().iter().zip(0_u32..).filter_map(|(row, place)| {
            shelf.request(row.request)?;
            Some(Place { prefix: prefix(&row.id), segment: number, row: place })
        }));
    }
    if in_runs {
        // Packs are in order: this finds their runs and merges them.
        order.sort();
    } else {
        order.par_sort_unstable();
    }
    order
}

impl Index {
    /// The types of objects, in order.
    #[must_use]
    pub fn object_types(&self) -> Vec<&Arc<str>> {
        self.orders.keys().collect()
    }

    /// Whether there is neither an object nor a link.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.link_groups().is_empty()
    }

    fn order(&self, object_type: &str) -> Option<&[Place]> {
        let order = self.orders.get(object_type)?;
        Some(order.get_or_init(|| order_of(&self.segments, object_type)))
    }

    /// Visits all objects of a type in the order of their identities, on all threads: `visit` gets the position of the
    /// tenant and the observations of one object in the order of captures. The values that `make` gives are handed back
    /// in the order of the parts that they went through.
    pub fn visit<T: Send>(
        &self,
        object_type: &str,
        make: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, usize, &[Seen<'_>]) + Sync,
    ) -> Vec<T> {
        let Some(order) = self.order(object_type) else { return Vec::new() };
        let rows = self.rows_of(object_type);
        parts(order)
            .into_par_iter()
            .map(|part| {
                let mut made = make();
                let mut seen = Vec::new();
                for group in part.chunk_by(|a, b| a.prefix == b.prefix) {
                    self.gather(&rows, group, &mut seen);
                    // Different identities may begin alike.
                    for object in seen.chunk_by_mut(|a, b| a.row.key() == b.row.key()) {
                        self.visit_object(object, &mut |tenant, seen| {
                            visit(&mut made, tenant, seen);
                        });
                    }
                }
                made
            })
            .collect()
    }

    /// The rows of a type by segment.
    fn rows_of(&self, object_type: &str) -> Vec<&[Row]> {
        self.segments.iter().map(|segment| segment.rows_of(object_type)).collect()
    }

    fn gather<'a>(&'a self, rows: &[&'a [Row]], group: &[Place], seen: &mut Vec<Seen<'a>>) {
        seen.clear();
        seen.extend(group.iter().filter_map(|place| {
            let row = rows.get(place.segment as usize)?.get(place.row as usize)?;
            self.seen(place.segment, row)
        }));
        let same = |pair: &[Seen<'_>]| matches!(pair, [a, b] if a.row.key() == b.row.key());
        if !seen.windows(2).all(same) {
            seen.sort_by_key(|seen| seen.row.key());
        }
    }

    fn visit_object(&self, object: &mut [Seen<'_>], visit: &mut dyn FnMut(usize, &[Seen<'_>])) {
        let order = |seen: &Seen<'_>| (seen.capture, seen.request, seen.row.offset);
        let tenant = |seen: &Seen<'_>| self.facts_of(seen.request).map_or(0, |facts| facts.tenant);
        if !object.is_sorted_by_key(order) {
            object.sort_unstable_by_key(order);
        }
        let Some(first) = object.first().map(tenant) else { return };
        if object.iter().all(|seen| tenant(seen) == first) {
            return visit(first as usize, object);
        }
        object.sort_by_key(tenant);
        for of_tenant in object.chunk_by(|a, b| tenant(a) == tenant(b)) {
            visit(of_tenant.first().map_or(0, tenant) as usize, of_tenant);
        }
    }

    fn facts_of(&self, request: u32) -> Option<RequestFacts> {
        self.facts.get(request as usize).copied()
    }

    fn seen<'a>(&'a self, segment: u32, row: &'a Row) -> Option<Seen<'a>> {
        let request = self.segments.get(segment as usize)?.request(row.request)?;
        let capture = self.facts_of(request)?.capture;
        Some(Seen { row, request, capture, segment })
    }

    /// The entry that an observation stands for.
    #[must_use]
    pub fn entry(&self, seen: &Seen<'_>) -> Entry {
        Entry {
            id: self.id_of(seen),
            request: seen.request,
            offset: seen.row.offset,
            length: seen.row.length,
            content: seen.row.content,
            volatile: seen.row.volatile,
            deleted: seen.row.has(mark::DELETED),
            removal: seen.row.removal(),
        }
    }

    /// The identity of the object of an observation.
    #[must_use]
    pub fn id_of(&self, seen: &Seen<'_>) -> ObjectId {
        if seen.row.has(mark::TEXT) {
            let segment = self.segments.get(seen.segment as usize);
            let text = segment.and_then(|s| s.texts.get(seen.row.text_or_order));
            ObjectId::Text(text.unwrap_or_default().into())
        } else {
            ObjectId::Guid(seen.row.id)
        }
    }

    /// The attributes that the record of an observation has, where they are told.
    #[must_use]
    pub fn names_of(&self, seen: &Seen<'_>) -> Option<&Names> {
        self.segments.get(seen.segment as usize)?.layouts.get(seen.row.layout())
    }

    /// All observations of an object of a tenant, in the order of captures.
    #[must_use]
    pub fn find(&self, tenant: &str, object_type: &str, id: &ObjectId) -> Vec<Entry> {
        let mut seen = self.seen_of(object_type, id.key());
        let mut found = Vec::new();
        self.visit_object(&mut seen, &mut |of, seen| {
            if self.tenants.get(of).is_some_and(|name| name == tenant) {
                found.extend(seen.iter().map(|seen| self.entry(seen)));
            }
        });
        found
    }

    /// All observations of an object, of any tenant. Packs are searched; what is not in order otherwise is put in order.
    fn seen_of(&self, object_type: &str, key: Key) -> Vec<Seen<'_>> {
        if self.case.is_some() {
            let numbered = self.segments.iter().zip(0_u32..);
            return numbered
                .filter_map(|(segment, number)| Some((segment.rows.get(object_type)?, number)))
                .flat_map(|(rows, number)| {
                    let found =
                        rows.equal(|row| (row.id, row.has(mark::TEXT)).cmp(&(key.1, key.0)));
                    rows.run(found).iter().filter_map(move |row| self.seen(number, row))
                })
                .collect();
        }
        let wanted = prefix(&key.1);
        let order = self.order(object_type).unwrap_or_default();
        let start = order.partition_point(|place| place.prefix < wanted);
        let group = order.iter().skip(start).take_while(|place| place.prefix == wanted);
        group
            .filter_map(|place| {
                let rows = self.segments.get(place.segment as usize)?.rows.get(object_type)?;
                self.seen(place.segment, rows.get(place.row as usize)?)
            })
            .filter(|seen| seen.row.key() == key)
            .collect()
    }

    /// The last observation of an object.
    #[must_use]
    pub fn find_last(&self, tenant: &str, object_type: &str, id: &ObjectId) -> Option<Entry> {
        self.find(tenant, object_type, id).into_iter().rfind(|entry| entry.removal.is_none())
    }

    /// The capture of an entry.
    #[must_use]
    pub fn capture_of(&self, entry: &Entry) -> Option<(usize, &Capture)> {
        let request = self.requests.get(usize::try_from(entry.request).ok()?)?;
        Some((request.capture, self.captures.get(request.capture)?))
    }

    /// The receipt of a record.
    #[must_use]
    pub fn receipt_at(&self, request: u32, offset: u64, length: u32) -> Option<Receipt> {
        let request = self.requests.get(usize::try_from(request).ok()?)?;
        Some(self.exhibits.get(request.exhibit)?.receipt(offset, length))
    }

    /// The receipt of an entry.
    #[must_use]
    pub fn receipt(&self, entry: &Entry) -> Option<Receipt> {
        self.receipt_at(entry.request, entry.offset, entry.length)
    }
}

/// Cuts an order where identities change.
fn parts(order: &[Place]) -> Vec<&[Place]> {
    let size = order.len().div_ceil(PARTS).max(PART_ROWS);
    let mut parts = Vec::new();
    let mut rest = order;
    while !rest.is_empty() {
        let last = rest.get(size.min(rest.len()) - 1).map_or(0, |place| place.prefix);
        let end = rest.partition_point(|place| place.prefix <= last);
        let (part, behind) = rest.split_at(end);
        parts.push(part);
        rest = behind;
    }
    parts
}
