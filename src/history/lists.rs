//! The list captures of one type: which ids each holds, and what its silence about an id is worth.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::census::{Census, list_captures, pages};
use crate::index::{Entry, Index, IndexedPage, Listing, ObjectId};
use crate::model::{Certainty, Reason};

/// Ids below which an ascending chain proves nothing: a handful is in order by chance.
const ASCENDING_IDS: u64 = 20;
/// Links or edges that fit into one page of a relation: fewer cannot hide a lost page.
const ONE_PAGE: usize = 100;

/// The captures that list one type (or its part below one parent, or its bin).
#[derive(Debug)]
pub(super) struct ListCapture {
    /// Position of the capture.
    pub(super) capture: usize,
    /// The parent that it lists for; empty for the whole type.
    pub(super) parent: String,
    scope: String,
    pub(super) dangling: bool,
    pub(super) damaged: bool,
    pub(super) unfiltered: bool,
    count: Option<u64>,
    /// Distinct ids.
    pub(super) ids: usize,
    /// First and last id of each page, ascending; empty unless the chain ascends throughout.
    ascending: Vec<(ObjectId, ObjectId)>,
}

impl ListCapture {
    /// Layout and visible filter.
    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// Whether every sign says that it was read to its end.
    pub(super) fn is_complete(&self) -> bool {
        !self.dangling && !self.damaged && self.unfiltered
    }
}

/// Objects of one type with their observations.
#[derive(Debug)]
pub(super) struct Population<'a> {
    pub(super) index: &'a Index,
    /// Observations of the objects that something happened to.
    pub(super) entries: &'a [Entry],
    /// The entries of each of these objects.
    pub(super) objects: Vec<Range<usize>>,
    /// How many more objects there are, each in every list and nowhere else.
    pub(super) quiet: usize,
    /// Live lists in order of capture.
    pub(super) lists: Vec<ListCapture>,
    /// Lists of the recycle bin in order of capture.
    pub(super) bins: Vec<ListCapture>,
}

impl<'a> Population<'a> {
    pub(super) fn new(
        index: &'a Index,
        (tenant, object_type): (usize, &Arc<str>),
        census: &'a Census,
        natural: bool,
    ) -> Self {
        let entries = census.restless.as_slice();
        let mut objects = Vec::new();
        let mut start = 0;
        for object in entries.chunk_by(|a, b| a.id == b.id) {
            objects.push(start..start + object.len());
            start += object.len();
        }
        let captures = list_captures(index, tenant, object_type);
        let pages: BTreeMap<usize, &IndexedPage> =
            pages(index, tenant, object_type).map(|page| (page.request, page)).collect();
        let describe = |listing: Listing| -> Vec<ListCapture> {
            captures
                .iter()
                .filter_map(|capture| Some((*capture, index.captures.get(*capture)?)))
                .filter(|(_, described)| described.listing == listing)
                .map(|(capture, described)| ListCapture {
                    capture,
                    parent: described.parent.clone(),
                    scope: described.scope.clone(),
                    dangling: described.dangling,
                    damaged: described.damaged,
                    unfiltered: described.unfiltered,
                    count: described.count,
                    ids: census.ids.get(&capture).copied().unwrap_or(0),
                    ascending: if described.chain && !natural {
                        ascending(&described.requests, &pages)
                    } else {
                        Vec::new()
                    },
                })
                .collect()
        };
        let (lists, bins) = (describe(Listing::Live), describe(Listing::Bin));
        Self { index, entries, objects, quiet: census.quiet, lists, bins }
    }

    pub(super) fn entries_of(&self, object: &Range<usize>) -> &'a [Entry] {
        self.entries.get(object.clone()).unwrap_or_default()
    }

    pub(super) fn capture(&self, entry: &Entry) -> usize {
        self.index.capture_of(entry).map_or(usize::MAX, |(capture, _)| capture)
    }
}

/// First and last id of each page of a chain that ascends throughout; empty for any other.
fn ascending(
    requests: &[usize],
    pages: &BTreeMap<usize, &IndexedPage>,
) -> Vec<(ObjectId, ObjectId)> {
    let mut pages: Vec<_> =
        requests.iter().filter_map(|request| pages.get(request)).map(|page| &page.page).collect();
    pages.sort_by(|a, b| a.first.cmp(&b.first));
    let within = pages.iter().all(|page| page.ascending);
    let apart = pages.windows(2).all(|pair| matches!(pair, [a, b] if a.last < b.first));
    let ids: u64 = pages.iter().map(|page| page.records).sum();
    if within && apart && ids >= ASCENDING_IDS {
        pages.into_iter().map(|page| (page.first.clone(), page.last.clone())).collect()
    } else {
        Vec::new()
    }
}

/// What the silence of a list about an id is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference {
    /// Ids that ought to be in the list.
    pub(super) known: usize,
    /// Those of them that are.
    pub(super) seen: usize,
}

/// How much the silence of `list` about `id` proves (design, section 7, "Gone"; first rule that applies).
pub(super) fn silence(
    list: &ListCapture,
    id: &ObjectId,
    scopes: &BTreeSet<&str>,
    reference: Option<Reference>,
) -> (Certainty, Reason) {
    if list.damaged {
        return (Certainty::Unproven, Reason::ListDamaged);
    }
    if let Some(count) = list.count {
        if u64::try_from(list.ids).ok() != Some(count) {
            return (Certainty::Unproven, Reason::CountMismatch);
        }
        if list.unfiltered {
            return (Certainty::Proven, Reason::SilenceUnbroken);
        }
    }
    if list.unfiltered && list.ascending.iter().any(|(first, last)| first < id && id < last) {
        return (Certainty::Proven, Reason::SilenceUnbroken);
    }
    if list.dangling {
        return (Certainty::Unproven, Reason::ListDangling);
    }
    if !scopes.contains(list.scope.as_str()) {
        return (Certainty::Unproven, Reason::RequestDiffers);
    }
    let whole = reference.is_some_and(|reference| {
        let small = !list.parent.is_empty() && reference.known <= ONE_PAGE;
        small || reference.seen * 10 >= reference.known * 9
    });
    if whole {
        (Certainty::Consistent, Reason::SilenceUnbroken)
    } else {
        (Certainty::Unproven, Reason::ListShrunk)
    }
}
