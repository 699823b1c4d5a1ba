//! The list captures of one type: which ids each holds, and what its silence about an id is worth.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::index::{Entry, Index, Listing, ObjectId};
use crate::intake::Subject;
use crate::model::{Certainty, Reason};

/// Ids below which an ascending chain proves nothing: a handful is in order by chance.
const ASCENDING_IDS: usize = 20;
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
    pub(super) entries: &'a [Entry],
    /// The entries of each object.
    pub(super) objects: Vec<Range<usize>>,
    /// Live lists in order of capture.
    pub(super) lists: Vec<ListCapture>,
    /// Lists of the recycle bin in order of capture.
    pub(super) bins: Vec<ListCapture>,
}

impl<'a> Population<'a> {
    pub(super) fn new(
        index: &'a Index,
        tenant: &str,
        object_type: &Arc<str>,
        entries: &'a [Entry],
        natural: bool,
    ) -> Self {
        let mut objects = Vec::new();
        let mut start = 0;
        for (place, pair) in entries.windows(2).enumerate() {
            if let [a, b] = pair
                && a.id != b.id
            {
                objects.push(start..place + 1);
                start = place + 1;
            }
        }
        if !entries.is_empty() {
            objects.push(start..entries.len());
        }
        let captures = list_captures(index, tenant, object_type, entries);
        let facts = PageFacts::gather(index, entries);
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
                    ids: facts.ids.get(&capture).copied().unwrap_or(0),
                    ascending: if described.chain && !natural {
                        facts.ascending(&described.requests)
                    } else {
                        Vec::new()
                    },
                })
                .collect()
        };
        let (lists, bins) = (describe(Listing::Live), describe(Listing::Bin));
        Self { index, entries, objects, lists, bins }
    }

    pub(super) fn entries_of(&self, object: &Range<usize>) -> &'a [Entry] {
        self.entries.get(object.clone()).unwrap_or_default()
    }

    pub(super) fn capture(&self, entry: &Entry) -> usize {
        self.index.capture_of(entry).map_or(usize::MAX, |(capture, _)| capture)
    }
}

fn list_captures(
    index: &Index,
    tenant: &str,
    object_type: &Arc<str>,
    entries: &[Entry],
) -> BTreeSet<usize> {
    let of_tenant = |capture: usize| {
        index
            .captures
            .get(capture)
            .and_then(|capture| index.snapshots.get(capture.snapshot))
            .is_some_and(|snapshot| snapshot.tenant == tenant)
    };
    let asked = index.requests.iter().filter(|indexed| match &indexed.request.subject {
        Subject::Objects { object_type: asked, .. }
        | Subject::ObjectsOf { object_type: asked, .. } => **asked == **object_type,
        Subject::Part { .. }
        | Subject::Links { .. }
        | Subject::Untyped { .. }
        | Subject::Orphan { .. } => false,
    });
    let mut captures: BTreeSet<usize> =
        asked.map(|indexed| indexed.capture).filter(|capture| of_tenant(*capture)).collect();
    let mut last = usize::MAX;
    for entry in entries {
        if let Some((capture, _)) = index.capture_of(entry)
            && capture != last
        {
            captures.insert(capture);
            last = capture;
        }
    }
    captures
}

/// What one walk over the run, sorted by id, tells of every page.
#[derive(Default)]
struct PageFacts {
    /// Distinct ids by capture.
    ids: BTreeMap<usize, usize>,
    pages: BTreeMap<usize, Page>,
}

struct Page {
    first: ObjectId,
    last: ObjectId,
    last_offset: u64,
    ids: usize,
    ascending: bool,
}

impl PageFacts {
    fn gather(index: &Index, entries: &[Entry]) -> Self {
        let mut facts = Self::default();
        let mut seen: BTreeMap<usize, &ObjectId> = BTreeMap::new();
        for entry in entries {
            let Ok(request) = usize::try_from(entry.request) else { continue };
            let Some((capture, _)) = index.capture_of(entry) else { continue };
            if seen.get(&capture) != Some(&&entry.id) {
                seen.insert(capture, &entry.id);
                *facts.ids.entry(capture).or_default() += 1;
            }
            match facts.pages.get_mut(&request) {
                None => {
                    facts.pages.insert(
                        request,
                        Page {
                            first: entry.id.clone(),
                            last: entry.id.clone(),
                            last_offset: entry.offset,
                            ids: 1,
                            ascending: true,
                        },
                    );
                }
                Some(page) => {
                    page.ascending &= page.last != entry.id && entry.offset > page.last_offset;
                    page.last = entry.id.clone();
                    page.last_offset = entry.offset;
                    page.ids += 1;
                }
            }
        }
        facts
    }

    fn ascending(&self, requests: &[usize]) -> Vec<(ObjectId, ObjectId)> {
        let mut pages: Vec<&Page> =
            requests.iter().filter_map(|request| self.pages.get(request)).collect();
        pages.sort_by(|a, b| a.first.cmp(&b.first));
        let within = pages.iter().all(|page| page.ascending);
        let apart = pages.windows(2).all(|pair| matches!(pair, [a, b] if a.last < b.first));
        let ids: usize = pages.iter().map(|page| page.ids).sum();
        if within && apart && ids >= ASCENDING_IDS {
            pages.into_iter().map(|page| (page.first.clone(), page.last.clone())).collect()
        } else {
            Vec::new()
        }
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
