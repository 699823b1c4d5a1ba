//! Link lists of all segments: which belong to one object and relation, and what each capture shows of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::identity::ObjectId;
use super::row::{Key, LinkHead, mark};
use super::segment::{EXPANDED_ITEMS, Segment, as_u32};
use super::shelf::Shelf;
use super::{Index, IndexedRequest, Listing};
use crate::intake::Subject;
use crate::model::Receipt;

/// A link between two objects, in canonical direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkKey {
    /// Type of the source.
    pub source_type: Arc<str>,
    /// Identity of the source.
    pub source: ObjectId,
    /// Relation name.
    pub relation: Arc<str>,
}

/// A list of links of one object, with its capture.
#[derive(Debug, Clone)]
pub struct LinkObservation {
    /// Position of the capture.
    pub capture: usize,
    /// Where the list stands, for receipts of absence.
    pub receipt: Receipt,
    /// Whether more links exist than are shown.
    pub partial: bool,
    /// Whether the list is spread over pages, a folder, or stands in one place.
    pub pages: usize,
    /// The other ends: type (or empty), identity, receipt; sorted by identity.
    pub others: Vec<(Arc<str>, ObjectId, Receipt)>,
    /// Those that a delta page says are linked no more; likewise.
    pub gone: Vec<(Arc<str>, ObjectId, Receipt)>,
    /// Whether nothing but delta pages tells of it: what came and went, not all there are.
    pub patch: bool,
}

/// The links of one object and relation.
#[derive(Debug, Clone)]
pub struct LinkRun {
    /// The object whose list it is, and the relation.
    pub key: LinkKey,
    /// Whether the canonical source is the other end.
    pub inverse: bool,
    /// In order of observation.
    pub observations: Vec<LinkObservation>,
}

/// Why more links may exist than a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListLoss {
    /// As many items as an expansion shows at most.
    Expansion,
    /// An expansion that names a next page.
    NextLink,
    /// The last page names a next one that is not there.
    Dangling,
    /// Records may be missing because the text is damaged.
    Damaged,
    /// Links one by one, no list.
    Single,
}

/// What one capture shows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkList {
    /// Position of the capture.
    pub capture: usize,
    /// Distinct links.
    pub links: usize,
    /// Why it is not whole.
    pub loss: Option<ListLoss>,
    /// Position of the (last) exhibit.
    pub exhibit: usize,
}

/// The lists of one object and relation, not yet opened.
#[derive(Debug, Clone)]
pub struct LinkGroup {
    /// Position of the tenant.
    pub tenant: usize,
    /// The object whose list it is, and the relation.
    pub key: LinkKey,
    /// Whether the canonical source is the other end.
    pub inverse: bool,
    places: Range<usize>,
}

/// Where a head is, by what it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeadPlace {
    tenant: u32,
    /// Rank of the source's type and of the relation among all names.
    source_type: u32,
    relation: u32,
    inverse: bool,
    source: Key,
    /// Pages that say that there are no links come last.
    silent: bool,
    request: u32,
    segment: u32,
    head: u32,
}

/// What the place of a head takes.
pub(super) const PLACE_BYTES: usize = size_of::<HeadPlace>();

impl HeadPlace {
    fn group(&self) -> (u32, u32, u32, bool, Key) {
        (self.tenant, self.source_type, self.relation, self.inverse, self.source)
    }

    fn order(&self, other: &Self) -> Ordering {
        let place = |head: &Self| (head.group(), head.silent, head.request, head.head);
        place(self).cmp(&place(other))
    }
}

/// A page of links with nothing on it says that there are none: a segment of such lists.
pub(super) fn empty_lists(requests: &[IndexedRequest]) -> Segment {
    let mut segment = Segment::default();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut number = |segment: &mut Segment, name: &str| {
        *numbers.entry(name.to_owned()).or_insert_with(|| {
            segment.names.push(name.into());
            as_u32(segment.names.len() - 1)
        })
    };
    for (position, indexed) in requests.iter().enumerate() {
        let request = &indexed.request;
        let Subject::Links { parent_type, parent_id, relation, inverse, .. } = &request.subject
        else {
            continue;
        };
        let silent = request.records == 0 && request.format.is_list() && request.refused.is_none();
        if !silent || request.damaged {
            continue;
        }
        let source = ObjectId::of(parent_id);
        let text = match &source {
            ObjectId::Guid(_) => u32::MAX,
            ObjectId::Text(text) => {
                segment.texts.push(text.clone());
                as_u32(segment.texts.len() - 1)
            }
        };
        let head = LinkHead {
            source: source.key().1,
            offset: 0,
            first: 0,
            count: 0,
            length: 0,
            request: as_u32(position),
            source_type: number(&mut segment, parent_type),
            relation: number(&mut segment, relation),
            text,
            marks: mark::SILENT | if *inverse { mark::INVERSE } else { 0 },
            reserved: 0,
        };
        segment.heads.push(head);
    }
    segment.requests = (0..as_u32(requests.len())).collect();
    segment
}

impl Index {
    /// The heads of all segments that are in the evidence, put in order when they are first asked for.
    fn link_order(&self) -> &[HeadPlace] {
        self.link_order.get_or_init(|| {
            let ranks = self.name_ranks();
            let mut order = Vec::new();
            for (shelf, number) in self.segments.iter().zip(0_u32..) {
                let heads = shelf.heads.all().iter().zip(0_u32..);
                order.extend(heads.filter_map(|(head, place)| {
                    self.head_place(&ranks, (shelf, number), (head, place))
                }));
            }
            order.sort_unstable_by(HeadPlace::order);
            order
        })
    }

    /// Names of types and relations in their order.
    fn name_ranks(&self) -> BTreeMap<Arc<str>, u32> {
        let names = self.segments.iter().flat_map(|segment| &segment.names);
        let mut ranks: BTreeMap<Arc<str>, u32> = names.map(|name| (Arc::clone(name), 0)).collect();
        for (rank, number) in ranks.values_mut().zip(0..) {
            *rank = number;
        }
        ranks
    }

    fn head_place(
        &self,
        ranks: &BTreeMap<Arc<str>, u32>,
        (shelf, number): (&Shelf, u32),
        (head, place): (&LinkHead, u32),
    ) -> Option<HeadPlace> {
        let rank = |name: u32| {
            let rank = shelf.names.get(name as usize).and_then(|name| ranks.get(name));
            rank.copied().unwrap_or(u32::MAX)
        };
        let request = shelf.request(head.request)?;
        Some(HeadPlace {
            tenant: self.facts.get(request as usize)?.tenant,
            source_type: rank(head.source_type),
            relation: rank(head.relation),
            inverse: head.marks & mark::INVERSE != 0,
            source: (head.text != u32::MAX, head.source),
            silent: head.marks & mark::SILENT != 0,
            request,
            segment: number,
            head: place,
        })
    }

    /// The objects and relations that any list is about, by (tenant, source type, relation, direction, source).
    #[must_use]
    pub fn link_groups(&self) -> Vec<LinkGroup> {
        let mut groups = Vec::new();
        let mut start = 0;
        for places in self.link_order().chunk_by(|a, b| a.group() == b.group()) {
            let end = start + places.len();
            groups.extend(places.first().and_then(|place| self.group(*place, start..end)));
            start = end;
        }
        groups
    }

    /// The lists of one object, opened, without putting those of all others in order.
    #[must_use]
    pub fn link_runs_of(&self, tenant: &str, object_type: &str, id: &ObjectId) -> Vec<LinkRun> {
        let key = id.key();
        let ranks = self.name_ranks();
        let mut order = Vec::new();
        for (shelf, number) in self.segments.iter().zip(0_u32..) {
            let heads = if shelf.in_order {
                let place = |head: &LinkHead| (head.source, head.text != u32::MAX);
                shelf.heads.equal(|head| place(head).cmp(&(key.1, key.0)))
            } else {
                0..shelf.heads.len()
            };
            let numbers = (as_u32(heads.start)..).zip(shelf.heads.run(heads.clone()));
            order.extend(
                numbers.filter(|(_, head)| (head.text != u32::MAX, head.source) == key).filter_map(
                    |(place, head)| self.head_place(&ranks, (shelf, number), (head, place)),
                ),
            );
        }
        order.sort_unstable_by(HeadPlace::order);
        order
            .chunk_by(|a, b| a.group() == b.group())
            .filter_map(|places| Some((self.group(*places.first()?, 0..0)?, places)))
            .filter(|(group, _)| {
                let of_tenant = self.tenants.get(group.tenant).is_some_and(|of| of == tenant);
                of_tenant && *group.key.source_type == *object_type
            })
            .map(|(group, places)| self.run_of(&group, places))
            .collect()
    }

    fn group(&self, place: HeadPlace, places: Range<usize>) -> Option<LinkGroup> {
        let segment = self.segments.get(place.segment as usize)?;
        let head = segment.heads.get(place.head as usize)?;
        let key = LinkKey {
            source_type: Arc::clone(segment.names.get(head.source_type as usize)?),
            source: segment.identity(head.source, head.text),
            relation: Arc::clone(segment.names.get(head.relation as usize)?),
        };
        Some(LinkGroup { tenant: place.tenant as usize, key, inverse: place.inverse, places })
    }

    fn places(&self, group: &LinkGroup) -> &[HeadPlace] {
        self.link_order().get(group.places.clone()).unwrap_or_default()
    }

    fn heads<'a>(
        &'a self,
        places: &'a [HeadPlace],
    ) -> impl Iterator<Item = (&'a Shelf, &'a LinkHead, usize)> + use<'a> {
        places.iter().filter_map(|place| {
            let segment = self.segments.get(place.segment as usize)?;
            let head = segment.heads.get(place.head as usize)?;
            Some((segment, head, place.request as usize))
        })
    }

    /// The captures that show a group, each with the number of distinct links and why more may exist than are shown.
    #[must_use]
    pub fn link_lists(&self, group: &LinkGroup) -> Vec<LinkList> {
        let mut found: BTreeMap<usize, (Vec<Key>, Option<ListLoss>, usize)> = BTreeMap::new();
        for (segment, head, request) in self.heads(self.places(group)) {
            let Some(indexed) = self.requests.get(request) else { continue };
            let of_capture = found.entry(indexed.capture).or_default();
            let links = segment.links_of(head).iter();
            of_capture.0.extend(links.map(|link| (link.text != u32::MAX, link.other)));
            of_capture.1 = of_capture.1.or_else(|| self.loss(head, indexed.capture));
            of_capture.2 = indexed.exhibit;
        }
        found
            .into_iter()
            .map(|(capture, (mut others, loss, exhibit))| {
                others.sort_unstable();
                others.dedup();
                LinkList { capture, links: others.len(), loss, exhibit }
            })
            .collect()
    }

    fn is_partial(&self, head: &LinkHead, capture: usize) -> bool {
        self.loss(head, capture).is_some()
    }

    /// Why more links may exist than a list shows.
    fn loss(&self, head: &LinkHead, capture: usize) -> Option<ListLoss> {
        let Some(capture) = self.captures.get(capture) else { return Some(ListLoss::Single) };
        let expanded = head.marks & mark::EXPANSION != 0;
        if head.marks & mark::PARTIAL != 0 {
            let full = expanded && head.count == EXPANDED_ITEMS;
            Some(if full { ListLoss::Expansion } else { ListLoss::NextLink })
        } else if expanded {
            None
        } else if capture.dangling {
            Some(ListLoss::Dangling)
        } else if capture.damaged {
            Some(ListLoss::Damaged)
        } else {
            (capture.listing != Listing::Links).then_some(ListLoss::Single)
        }
    }

    /// Opens a group: the pages of each capture become one observation.
    #[must_use]
    pub fn link_run(&self, group: &LinkGroup) -> LinkRun {
        self.run_of(group, self.places(group))
    }

    fn run_of(&self, group: &LinkGroup, places: &[HeadPlace]) -> LinkRun {
        let mut by_capture: BTreeMap<usize, LinkObservation> = BTreeMap::new();
        for (segment, head, request) in self.heads(places) {
            let Some(indexed) = self.requests.get(request) else { continue };
            let Some(exhibit) = self.exhibits.get(indexed.exhibit) else { continue };
            let receipt = |offset: u64, length: u32| exhibit.receipt(offset, length);
            let expanded = head.marks & mark::EXPANSION != 0;
            let observation =
                by_capture.entry(indexed.capture).or_insert_with(|| LinkObservation {
                    capture: indexed.capture,
                    receipt: if expanded {
                        receipt(head.offset, head.length)
                    } else {
                        Receipt::whole(exhibit.id())
                    },
                    partial: false,
                    pages: 0,
                    others: Vec::new(),
                    gone: Vec::new(),
                    patch: true,
                });
            observation.patch &= head.marks & mark::PATCH != 0;
            observation.partial |= self.is_partial(head, indexed.capture);
            observation.pages += 1;
            for link in segment.links_of(head) {
                let object_type = segment.names.get(link.object_type as usize).cloned();
                let other = segment.identity(link.other, link.text);
                let ends =
                    if link.is_gone() { &mut observation.gone } else { &mut observation.others };
                ends.push((
                    object_type.unwrap_or_default(),
                    other,
                    receipt(link.offset, link.length),
                ));
            }
        }
        let mut observations: Vec<LinkObservation> = by_capture.into_values().collect();
        for observation in &mut observations {
            for ends in [&mut observation.others, &mut observation.gone] {
                ends.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
                ends.dedup_by(|a, b| a.1 == b.1);
            }
            // What came and went within one reading may be either: the order of its pages is not told.
            let within = |ends: &[(Arc<str>, ObjectId, Receipt)], id: &ObjectId| {
                ends.binary_search_by(|(_, other, _)| other.cmp(id)).is_ok()
            };
            let LinkObservation { others, gone, .. } = observation;
            let came: Vec<ObjectId> = others.iter().map(|(_, id, _)| id.clone()).collect();
            if !gone.is_empty() {
                others.retain(|(_, id, _)| !within(gone, id));
                gone.retain(|(_, id, _)| came.binary_search(id).is_err());
            }
        }
        LinkRun { key: group.key.clone(), inverse: group.inverse, observations }
    }

    /// A print of the links that each exhibit (by position) shows, whatever their order; for exhibits that show any list.
    #[must_use]
    pub fn link_prints(&self) -> HashMap<usize, u128> {
        let mut found: HashMap<usize, u128> = HashMap::new();
        let mut add = |exhibit: usize, hasher: &blake3::Hasher| {
            let print = hasher.finalize();
            let print = print.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
            let sum = found.entry(exhibit).or_default();
            *sum = sum.wrapping_add(u128::from_le_bytes(print));
        };
        for place in self.link_order() {
            let Some(segment) = self.segments.get(place.segment as usize) else { continue };
            let Some(head) = segment.heads.get(place.head as usize) else { continue };
            let Some(request) = self.requests.get(place.request as usize) else { continue };
            let name = |number: u32| segment.names.get(number as usize).map(|name| name.as_bytes());
            let mut list = blake3::Hasher::new();
            list.update(&head.source).update(&[u8::from(place.inverse)]);
            for part in [name(head.source_type), name(head.relation)] {
                list.update(part.unwrap_or_default()).update(&[0]);
            }
            add(request.exhibit, &list);
            for link in segment.links_of(head) {
                let mut one = list.clone();
                one.update(&link.other).update(&[u8::from(link.is_gone())]);
                add(request.exhibit, &one);
            }
        }
        found
    }

    /// The last capture whose links name each of these objects, by tenant.
    #[must_use]
    pub fn last_links_to(&self, wanted: &HashSet<(u32, Key)>) -> HashMap<(u32, Key), usize> {
        let mut found: HashMap<(u32, Key), usize> = HashMap::new();
        if wanted.is_empty() {
            return found;
        }
        for place in self.link_order() {
            let Some(segment) = self.segments.get(place.segment as usize) else { continue };
            let Some(head) = segment.heads.get(place.head as usize) else { continue };
            let facts = self.facts.get(place.request as usize);
            let Some(capture) = facts.map(|facts| facts.capture as usize) else { continue };
            for link in segment.links_of(head).iter().filter(|link| !link.is_gone()) {
                let key = (place.tenant, (link.text != u32::MAX, link.other));
                if wanted.contains(&key) {
                    let last = found.entry(key).or_insert(capture);
                    *last = (*last).max(capture);
                }
            }
        }
        found
    }
}
