//! Coverage of types: lists, recycle bins, single objects, refusals.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ledger, needed_for, number};
use crate::directory::{Identity, Need};
use crate::index::{Capture, IndexedRequest, Listing};
use crate::intake::{Format, Subject};
use crate::model::{CoverageRow, CoverageState};

/// What identity is worth that is a name.
const BY_NAME: &str = "told apart by name, for want of ids: a rename is removed and added";

/// What identity is worth that is a path.
const BY_PATH: &str =
    "told apart by path, for want of ids and names: a file renamed or moved is removed and added";

/// What delta pages are worth. Recoveries by the service raise no delta records.
const PATCHES: &str = "delta pages: what changed, and nothing of what a recovery did";

/// What a list that leaves objects out by design is worth.
const VIEW: &str = "a view of some objects, not a list of all";

/// What was found of one type in one snapshot by requests of one shape, or of all shapes.
#[derive(Debug, Default, Clone)]
struct Found {
    /// Lists of the whole type, and those of them that no sign says anything against.
    lists: usize,
    sound: usize,
    /// Signs against lists.
    broken: BTreeSet<String>,
    /// What tells the objects apart where it is no id.
    identity: BTreeSet<&'static str>,
    /// Codes of refusals.
    refused: BTreeSet<String>,
    /// Objects that the requests below have listed for.
    parents: BTreeSet<String>,
    /// How many of them there are.
    parents_of: Option<(u64, String)>,
    /// Records, and live objects where they are counted.
    objects: u64,
    distinct: Option<u64>,
    /// Whether objects were asked for one by one, or by a delta query.
    singles: bool,
    delta: bool,
    /// Whether a tool shows some of them by a rule of its own.
    view: bool,
    exhibits: BTreeSet<usize>,
}

/// By snapshot and type (`<type>/deletedItems` for its bin).
type ByType = BTreeMap<(usize, String), BTreeMap<u32, Found>>;

fn named(object_type: &str, deleted: bool) -> String {
    if deleted { format!("{object_type}/deletedItems") } else { object_type.to_owned() }
}

impl Ledger<'_> {
    /// Rows of types and recycle bins: of all requests together and of each shape, and of what nobody asked for.
    pub(super) fn types(&self) -> Vec<CoverageRow> {
        let mut found: ByType = BTreeMap::new();
        self.asked(&mut found);
        self.shown(&mut found);
        let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (snapshot, name) in found.keys() {
            if let Some(snapshot) = self.index.snapshots.get(*snapshot) {
                types.entry(&snapshot.tenant).or_default().insert(name);
            }
        }
        let mut rows = Vec::new();
        let nothing = BTreeMap::new();
        for (place, snapshot) in self.index.snapshots.iter().enumerate() {
            for name in types.get(snapshot.tenant.as_str()).into_iter().flatten() {
                let shapes = found.get(&(place, (*name).to_owned())).unwrap_or(&nothing);
                rows.extend(self.rows_of_type(place, name, shapes));
            }
        }
        rows.extend(self.never_asked(&types));
        rows
    }

    fn asked(&self, found: &mut ByType) {
        for (position, indexed) in self.index.requests.iter().enumerate() {
            let Some(capture) = self.index.captures.get(indexed.capture) else { continue };
            let name = match &indexed.request.subject {
                Subject::Objects { object_type, bin } => named(object_type, *bin),
                Subject::ObjectsOf { object_type, .. } | Subject::Part { object_type, .. } => {
                    object_type.clone()
                }
                Subject::Links { .. } | Subject::Untyped { .. } | Subject::Orphan { .. } => {
                    continue;
                }
            };
            // Events and the service's own records are no state that a snapshot could lack.
            let known = self.catalogue.object_type(&name);
            if known.is_some_and(|known| known.event || known.service_record) {
                continue;
            }
            let shapes = found.entry((capture.snapshot, name)).or_default();
            let of_shape = shapes.entry(self.shapes.of(position)).or_default();
            of_shape.exhibits.insert(indexed.exhibit);
            if let Some(code) = &indexed.request.refused {
                of_shape.refused.insert(code.clone());
            } else {
                of_shape.note(capture, Some(indexed));
            }
        }
    }

    /// What records tell of types that no request names.
    fn shown(&self, found: &mut ByType) {
        for page in &self.index.pages {
            let Some(capture) = self.index.captures.get(page.capture) else { continue };
            let Some(indexed) = self.index.requests.get(page.request) else { continue };
            let named_by_request = match &indexed.request.subject {
                Subject::Objects { object_type, .. }
                | Subject::ObjectsOf { object_type, .. }
                | Subject::Part { object_type, .. } => **object_type == *page.page.object_type,
                Subject::Links { .. } | Subject::Untyped { .. } | Subject::Orphan { .. } => false,
            };
            let bin = capture.listing == Listing::Bin;
            let key = (capture.snapshot, named(&page.page.object_type, bin));
            let shapes = found.entry(key).or_default();
            let of_shape = shapes.entry(self.shapes.of(page.request)).or_default();
            of_shape.exhibits.insert(indexed.exhibit);
            of_shape.objects += page.page.records;
            if !named_by_request {
                of_shape.note(capture, None);
            }
        }
        for ((_, object_type), census) in self.censuses {
            for ((snapshot, bin), count) in &census.objects {
                let shapes = found.entry((*snapshot, named(object_type, *bin))).or_default();
                // A record that tells by its own date that it is in the bin was no part of a request for the bin.
                if shapes.is_empty() {
                    let lone = Found { singles: true, objects: *count, ..Found::default() };
                    shapes.insert(u32::MAX, lone);
                }
            }
            for ((snapshot, ways), count) in &census.shown {
                let Some(shapes) = found.get_mut(&(*snapshot, object_type.to_string())) else {
                    continue;
                };
                let of: BTreeSet<u32> = ways.iter().map(|(shape, _)| *shape).collect();
                for shape in of {
                    if let Some(of_shape) = shapes.get_mut(&shape) {
                        *of_shape.distinct.get_or_insert(0) += count;
                    }
                }
            }
        }
    }

    fn rows_of_type(
        &self,
        place: usize,
        name: &str,
        shapes: &BTreeMap<u32, Found>,
    ) -> Vec<CoverageRow> {
        let singleton = self
            .catalogue
            .object_type(name)
            .is_some_and(|known| known.identity == Identity::Singleton);
        let mut rows = Vec::new();
        let mut together = Found::default();
        for (shape, found) in shapes {
            let mut found = found.clone();
            found.objects = found.distinct.unwrap_or(found.objects);
            let text = self.shapes.get(*shape).map(|shape| shape.text.clone()).unwrap_or_default();
            found.parents_of = self.parents(place, &text);
            let (state, detail) = found.state(singleton);
            rows.push(CoverageRow {
                state,
                objects: found.objects,
                detail,
                request: text,
                exhibits: number(found.exhibits.len()),
                evidence: self.cite(&found.exhibits),
                ..self.row(place, name)
            });
            together.unite(found);
        }
        rows.retain(|row| !row.request.is_empty());
        together.objects = self.objects_of(place, name).unwrap_or(together.objects);
        let (state, detail) = together.state(singleton);
        let elsewhere = state == CoverageState::NotRequested;
        let detail = if elsewhere { "another snapshot has it".to_owned() } else { detail };
        rows.push(CoverageRow {
            state,
            objects: together.objects,
            detail,
            exhibits: number(together.exhibits.len()),
            evidence: self.cite(&together.exhibits),
            ..self.row(place, name)
        });
        rows
    }

    /// Distinct objects of a type, or of its bin, in a snapshot.
    fn objects_of(&self, place: usize, name: &str) -> Option<u64> {
        let (base, bin) = match name.strip_suffix("/deletedItems") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let tenant = &self.index.snapshots.get(place)?.tenant;
        let tenant = self.index.tenants.iter().position(|known| known == tenant)?;
        let census = self.censuses.get(&(tenant, base.into()))?;
        Some(census.objects.get(&(place, bin)).copied().unwrap_or(0))
    }

    /// How many objects a request of this shape would have to be made for: `servicePrincipals('{id}')/appRoleAssignedTo`.
    fn parents(&self, place: usize, shape: &str) -> Option<(u64, String)> {
        let (above, _) = shape.split_once("('{id}')/")?;
        let (parent_type, _) = self.catalogue.of_collection(above)?;
        Some((self.objects_of(place, parent_type)?, parent_type.to_owned()))
    }

    /// Types and bins that questions need and no snapshot of a tenant asked for.
    fn never_asked(&self, types: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<CoverageRow> {
        let mut rows = Vec::new();
        let needs = self.needs();
        let wanted = needs.iter().filter_map(|(need, questions)| match need {
            Need::Type(name) => Some((name.clone(), questions)),
            Need::Bin(name) => Some((named(name, true), questions)),
            Need::Attribute(..)
            | Need::Relation(..)
            | Need::Log(_)
            | Need::Service(_)
            | Need::Snapshots(_) => None,
        });
        for (name, questions) in wanted {
            for (place, snapshot) in self.index.snapshots.iter().enumerate() {
                let known = types.get(snapshot.tenant.as_str());
                if !known.is_some_and(|types| types.contains(name.as_str())) {
                    rows.push(CoverageRow {
                        state: CoverageState::NotRequested,
                        detail: needed_for(questions),
                        ..self.row(place, &name)
                    });
                }
            }
        }
        rows
    }
}

impl Found {
    fn note(&mut self, capture: &Capture, indexed: Option<&IndexedRequest>) {
        let request = indexed.map(|indexed| &indexed.request);
        if request.is_some_and(|request| request.by_name) {
            self.identity.insert(BY_NAME);
        }
        if request.is_some_and(|request| request.by_path) {
            self.identity.insert(BY_PATH);
        }
        if let Some(request) = request.filter(|request| request.delta) {
            let is_page = matches!(request.format, Format::GraphPage | Format::GraphEntity);
            self.delta |= is_page;
            self.view |= !is_page;
            if is_page && capture.dangling {
                self.broken.insert("the chain of delta pages does not end".to_owned());
            }
            return;
        }
        if let Some(Subject::ObjectsOf { parent_id, .. } | Subject::Part { parent_id, .. }) =
            request.map(|request| &request.subject)
        {
            self.parents.insert(parent_id.to_ascii_lowercase());
        }
        if capture.listing == Listing::None {
            self.singles = true;
            return;
        }
        self.lists += 1;
        let mut signs = Vec::new();
        if capture.dangling {
            signs.push("the last page names a next one that is not there".to_owned());
        }
        if capture.damaged {
            signs.push("damaged or quarantined records".to_owned());
        }
        if !capture.unfiltered {
            // The scope of a chain is its layout and what its links show of a filter.
            signs.push(match capture.scope.strip_prefix("graph").unwrap_or_default().trim() {
                "" => "a filter was applied".to_owned(),
                filter => format!("a filter was applied: {filter}"),
            });
        }
        self.sound += usize::from(signs.is_empty());
        self.broken.extend(signs);
    }

    fn unite(&mut self, other: Self) {
        self.lists += other.lists;
        self.sound += other.sound;
        self.broken.extend(other.broken);
        self.identity.extend(other.identity);
        self.refused.extend(other.refused);
        self.parents.extend(other.parents);
        self.parents_of = self.parents_of.take().or(other.parents_of);
        self.objects += other.objects;
        self.singles |= other.singles;
        self.delta |= other.delta;
        self.view |= other.view;
        self.exhibits.extend(other.exhibits);
    }

    /// How much was found, and in words what it lacks and what tells the objects apart.
    fn state(&self, singleton: bool) -> (CoverageState, String) {
        let (state, detail) = self.wholeness(singleton);
        let detail = (!detail.is_empty()).then_some(detail.as_str());
        let told: Vec<&str> = detail.into_iter().chain(self.identity.iter().copied()).collect();
        (state, told.join("; "))
    }

    fn wholeness(&self, singleton: bool) -> (CoverageState, String) {
        let refusals = || {
            let codes: Vec<&str> = self.refused.iter().map(String::as_str).collect();
            format!("refused: {}", codes.join(", "))
        };
        let shown = self.lists > 0 || self.objects > 0 || self.singles || self.delta || self.view;
        if !shown {
            return if self.refused.is_empty() {
                (CoverageState::NotRequested, String::new())
            } else {
                (CoverageState::Denied, refusals())
            };
        }
        let mut detail: Vec<String> = self.broken.iter().cloned().collect();
        if self.lists == 0 && !singleton {
            if self.delta {
                detail.push(PATCHES.to_owned());
            }
            if self.view {
                detail.push(VIEW.to_owned());
            }
            let counted = self.parents_of.is_some() && !self.parents.is_empty();
            if !counted && (self.singles || !self.delta) {
                detail.push("single objects, no list".to_owned());
            }
        }
        if let Some((all, parent_type)) = &self.parents_of {
            let asked = number(self.parents.len());
            // A list of the whole type stands beside them where more lists were read than there are parents.
            if asked > 0 && asked < *all && self.lists <= self.parents.len() {
                detail.push(format!("asked for below {asked} of {all} {parent_type} objects"));
            }
        }
        if !self.refused.is_empty() {
            detail.push(refusals());
        }
        let below = self.parents.is_empty();
        let whole = self.sound > 0 && below && self.refused.is_empty();
        let state = if !detail.is_empty() && !whole {
            CoverageState::Partial
        } else if self.objects == 0 {
            CoverageState::Empty
        } else {
            CoverageState::Collected
        };
        let detail = detail.join("; ");
        if whole && !detail.is_empty() {
            return (state, format!("one list is whole; beside it: {detail}"));
        }
        (state, detail)
    }
}
