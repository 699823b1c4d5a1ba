//! Where the rows of the index are kept: in memory as they were read, or in a pack of the case folder.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;

use super::case::Sealed;
use super::identity::ObjectId;
use super::row::{EventRow, LinkHead, LinkRow, Row};
use super::segment::{Names, Page, Segment};

/// Rows of one kind, one behind the other.
#[derive(Debug)]
pub(super) enum Slab<T> {
    /// In memory.
    Owned(Vec<T>),
    /// In a pack.
    Sealed(Stretch<T>),
}

/// Rows in a pack.
#[derive(Debug)]
pub(super) struct Stretch<T> {
    pack: Arc<Sealed>,
    start: usize,
    count: usize,
    kind: PhantomData<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl<T: Pod> Slab<T> {
    /// `count` rows in a pack from byte `start` of its data on.
    pub(super) fn sealed(pack: &Arc<Sealed>, start: usize, count: usize) -> Self {
        Self::Sealed(Stretch { pack: Arc::clone(pack), start, count, kind: PhantomData })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Owned(rows) => rows.len(),
            Self::Sealed(stretch) => stretch.count,
        }
    }

    /// All rows; none if the pack is damaged.
    pub(super) fn all(&self) -> &[T] {
        self.run(0..self.len())
    }

    /// Some of the rows; none if there are not that many, or the pack is damaged there.
    pub(super) fn run(&self, places: Range<usize>) -> &[T] {
        match self {
            Self::Owned(rows) => rows.get(places),
            Self::Sealed(stretch) => stretch.run(places),
        }
        .unwrap_or_default()
    }

    /// One row.
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.run(place..place.checked_add(1)?).first()
    }

    /// The place of the first row that is not `before` what is sought, of rows that are in order.
    pub(super) fn first_not(&self, before: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The rows for which `order` is equal, of rows that are in order.
    pub(super) fn equal(&self, order: impl Fn(&T) -> std::cmp::Ordering) -> Range<usize> {
        let start = self.first_not(|row| order(row).is_lt());
        let end = self.first_not(|row| order(row).is_le());
        start..end.max(start)
    }
}

impl<T: Pod> Stretch<T> {
    fn run(&self, places: Range<usize>) -> Option<&[T]> {
        if places.end > self.count {
            return None;
        }
        let at = |place: usize| self.start.checked_add(place.checked_mul(size_of::<T>())?);
        bytemuck::try_cast_slice(self.pack.bytes(at(places.start)?..at(places.end)?)?).ok()
    }
}

/// Texts by number.
#[derive(Debug)]
pub(super) enum Texts {
    /// In memory.
    Owned(Vec<Box<str>>),
    /// In a pack: where each ends, and their bytes.
    Sealed { ends: Slab<u64>, bytes: Slab<u8> },
}

impl Texts {
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        match self {
            Self::Owned(texts) => texts.get(number).map(AsRef::as_ref),
            Self::Sealed { ends, bytes } => {
                let end = usize::try_from(*ends.get(number)?).ok()?;
                let start = match number.checked_sub(1) {
                    Some(before) => usize::try_from(*ends.get(before)?).ok()?,
                    None => 0,
                };
                (start <= end).then(|| std::str::from_utf8(bytes.run(start..end)).ok()).flatten()
            }
        }
    }
}

/// The rows of an exhibit that was read, or of all exhibits of a pack.
#[derive(Debug)]
pub(super) struct Shelf {
    /// By object type.
    pub(super) rows: BTreeMap<Arc<str>, Slab<Row>>,
    /// Identities that are no GUIDs.
    pub(super) texts: Texts,
    /// Types and relations of links.
    pub(super) names: Vec<Arc<str>>,
    /// Layouts of rows.
    pub(super) layouts: Vec<Names>,
    /// What each request shows of each type.
    pub(super) pages: Vec<Page>,
    /// Lists of links.
    pub(super) heads: Slab<LinkHead>,
    /// Their links.
    pub(super) links: Slab<LinkRow>,
    /// Records of logs.
    pub(super) events: Slab<EventRow>,
    /// Position in the index of each of its requests; `u32::MAX` for one that is not in the evidence.
    pub(super) requests: Vec<u32>,
    /// Whether rows and heads are in the order of identities.
    pub(super) in_order: bool,
}

impl Default for Shelf {
    fn default() -> Self {
        Segment::default().into()
    }
}

impl From<Segment> for Shelf {
    fn from(segment: Segment) -> Self {
        let rows = segment.rows.into_iter();
        Self {
            rows: rows.map(|(of_type, rows)| (of_type, Slab::Owned(rows))).collect(),
            texts: Texts::Owned(segment.texts),
            names: segment.names,
            layouts: segment.layouts,
            pages: segment.pages,
            heads: Slab::Owned(segment.heads),
            links: Slab::Owned(segment.links),
            events: Slab::Owned(segment.events),
            requests: segment.requests,
            in_order: false,
        }
    }
}

impl Shelf {
    /// The links of a list.
    pub(super) fn links_of(&self, head: &LinkHead) -> &[LinkRow] {
        let start = usize::try_from(head.first).unwrap_or(usize::MAX);
        self.links.run(start..start.saturating_add(head.count as usize))
    }

    /// An identity, by the number of its text or its bytes.
    pub(super) fn identity(&self, id: [u8; 16], text: u32) -> ObjectId {
        match self.texts.get(text) {
            Some(text) => ObjectId::Text(text.into()),
            None => ObjectId::Guid(id),
        }
    }

    /// The rows of a type.
    pub(super) fn rows_of(&self, object_type: &str) -> &[Row] {
        self.rows.get(object_type).map_or(&[], Slab::all)
    }

    /// The position in the index of one of its requests, if that is in the evidence.
    pub(super) fn request(&self, own: u32) -> Option<u32> {
        self.requests.get(own as usize).copied().filter(|request| *request != u32::MAX)
    }

    /// Whether it was found to be damaged.
    pub(super) fn is_damaged(&self) -> bool {
        match &self.heads {
            Slab::Owned(_) => false,
            Slab::Sealed(stretch) => stretch.pack.is_damaged(),
        }
    }
}
