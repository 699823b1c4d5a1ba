//! The attributes of one object over its observations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::draft::{Draft, Subject};
use super::timeline::{Observation, Said, Turn, follow};
use super::value::{Attributes, Json, Speller, attributes, collapse, instant, top_member};
use crate::directory::{Attribute, Catalogue, Identity};
use crate::index::{Entry, Index, Opened};
use crate::intake::Request;
use crate::model::{Certainty, ChangeKind, Lane, Origin, Reason};

/// Which attribute names the captures of a type hold: the base of every statement about a whole type.
#[derive(Debug, Default)]
pub(super) struct TypeNames {
    by_capture: BTreeMap<usize, BTreeSet<Arc<str>>>,
}

impl TypeNames {
    pub(super) fn gather(index: &Index, entries: &[Entry]) -> Self {
        let mut pairs: BTreeSet<(usize, u32)> = BTreeSet::new();
        let mut last = (usize::MAX, u32::MAX);
        for entry in entries {
            let capture = index.capture_of(entry).map_or(usize::MAX, |(capture, _)| capture);
            if (capture, entry.shape) != last {
                last = (capture, entry.shape);
                pairs.insert(last);
            }
        }
        let mut names = Self::default();
        for (capture, shape) in pairs {
            let shape = usize::try_from(shape).ok().and_then(|shape| index.shapes.get(shape));
            let known = names.by_capture.entry(capture).or_default();
            known.extend(
                shape.into_iter().flat_map(|shape| shape.0.iter().map(|(n, _)| Arc::clone(n))),
            );
        }
        names
    }

    /// Whether any object of the capture has the attribute.
    pub(super) fn has(&self, capture: usize, name: &str) -> bool {
        self.by_capture.get(&capture).is_some_and(|names| names.contains(name))
    }

    /// The names that any capture of the type holds, by capture.
    pub(super) fn captures(&self) -> impl Iterator<Item = (usize, &BTreeSet<Arc<str>>)> {
        self.by_capture.iter().map(|(capture, names)| (*capture, names))
    }
}

/// What attribute comparison needs to know of the type.
#[derive(Debug)]
pub(super) struct TypeContext<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) tenant: &'a str,
    pub(super) object_type: &'a Arc<str>,
    pub(super) names: &'a TypeNames,
    pub(super) opened: &'a Opened,
}

/// A distinct content among the observations of an object.
struct Version {
    attributes: Attributes,
    select: Option<Vec<String>>,
    keeps_nulls: bool,
}

/// What makes two records of an object equal without opening them.
pub(super) type Signature = (u128, u64, u32, u32, bool);

/// Gives requests that ask for the same attributes in formats of the same habit the same number.
#[derive(Debug, Default)]
pub(super) struct Askings {
    known: BTreeMap<(Option<Vec<String>>, Option<bool>), u32>,
    of_request: Vec<u32>,
}

impl Askings {
    pub(super) fn gather(index: &Index) -> Self {
        let mut askings = Self::default();
        for indexed in &index.requests {
            let asked = (indexed.request.select.clone(), indexed.request.keeps_nulls);
            let next = u32::try_from(askings.known.len()).unwrap_or(u32::MAX);
            let number = *askings.known.entry(asked).or_insert(next);
            askings.of_request.push(number);
        }
        askings
    }

    /// The signature of an entry.
    pub(super) fn signature(&self, entry: &Entry) -> Signature {
        let asking = usize::try_from(entry.request).ok().and_then(|r| self.of_request.get(r));
        let asking = asking.copied().unwrap_or(u32::MAX);
        (entry.content, entry.volatile, entry.shape, asking, entry.deleted)
    }
}

impl<'a> TypeContext<'a> {
    fn request(&self, entry: &Entry) -> Option<&'a Request> {
        let request = usize::try_from(entry.request).ok()?;
        self.index.requests.get(request).map(|indexed| &indexed.request)
    }

    /// The attributes of an opened entry.
    pub(super) fn attributes(&self, entry: &Entry) -> Option<Attributes> {
        let json = Json::parse(self.opened.record(entry)?).ok()?;
        let mut found = attributes(&json, self.object_type, self.catalogue);
        if entry.deleted {
            strip_bin_prefix(&mut found, &entry.id.to_string());
        }
        Some(found)
    }

    fn version(&self, entry: &Entry) -> Option<Version> {
        let request = self.request(entry)?;
        let habit = (entry.request, Arc::clone(self.object_type));
        let explicit = self.index.explicit_empty.get(&habit).copied().unwrap_or(false);
        Some(Version {
            attributes: self.attributes(entry)?,
            select: request.select.clone(),
            keeps_nulls: request.keeps_nulls.unwrap_or(explicit),
        })
    }

    /// The rows of one object's attributes; `entries` are its observations in order.
    pub(super) fn rows(
        &self,
        entries: &[Entry],
        askings: &Askings,
        aside: &mut Aside,
    ) -> Vec<Draft> {
        let mut versions: Vec<(Signature, Option<Version>)> = Vec::new();
        let mut version_of: Vec<usize> = Vec::with_capacity(entries.len());
        for entry in entries {
            let signature = askings.signature(entry);
            let place = versions.iter().position(|(known, _)| *known == signature);
            version_of.push(place.unwrap_or_else(|| {
                versions.push((signature, self.version(entry)));
                versions.len() - 1
            }));
        }
        if versions.len() < 2 {
            return Vec::new();
        }
        let mut versions: Vec<Option<Version>> =
            versions.into_iter().map(|(_, version)| version).collect();
        level(&mut versions);
        let mut rows = Vec::new();
        for path in leaf_paths(&versions) {
            self.path_rows(&path, entries, (&versions, &version_of), &mut rows, aside);
        }
        rows
    }

    fn path_rows(
        &self,
        path: &str,
        entries: &[Entry],
        (versions, version_of): (&[Option<Version>], &[usize]),
        rows: &mut Vec<Draft>,
        aside: &mut Aside,
    ) {
        let speller = Speller { object_type: self.object_type, path, catalogue: self.catalogue };
        let said: Vec<Option<Said>> =
            versions.iter().map(|version| self.said(version.as_ref()?, path, &speller)).collect();
        let same = said.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        if same {
            let values = versions.iter().flatten().map(|version| version.attributes.get(path));
            for pair in values.collect::<Vec<_>>().windows(2) {
                if let Some(rule) = pair.first().zip(pair.last()).and_then(|(a, b)| respelt(*a, *b))
                {
                    *aside.same_meaning.entry(rule).or_default() += 1;
                }
            }
            return;
        }
        let observations: Vec<Observation> = entries
            .iter()
            .zip(version_of)
            .enumerate()
            .filter_map(|(place, (entry, version))| {
                let said = said.get(*version)?.clone()?;
                let (capture, _) = self.index.capture_of(entry)?;
                Some(Observation { entry: place, capture, said })
            })
            .collect();
        let maker = PathRows {
            context: self,
            path,
            speller,
            entries,
            versions,
            version_of,
            observations: &observations,
        };
        rows.extend(maker.first_collection());
        let before = |a, b| self.index.before(a, b);
        let turns = follow(&observations, &before);
        rows.extend(turns.iter().filter_map(|turn| maker.row(turn)));
        aside.conflicts.extend(turns.iter().filter_map(|turn| maker.conflict(turn)));
    }

    fn said(&self, version: &Version, path: &str, speller: &Speller<'_>) -> Option<Said> {
        if let Some(value) = version.attributes.get(path) {
            return Some(Said::Value(speller.meaning(value)));
        }
        let mut above = path;
        let mut inside = false;
        while let Some((parent, _)) = above.rsplit_once('.') {
            above = parent;
            if let Some(value) = version.attributes.get(parent) {
                return value.is_empty().then(|| Said::Value(String::new()));
            }
            if has_members(&version.attributes, parent) {
                if self.catalogue.attribute(self.object_type, parent).open {
                    return Some(Said::Value(String::new()));
                }
                inside = true;
                break;
            }
        }
        if !inside && let Some(select) = &version.select {
            let asked = select.iter().any(|name| *name == top_member(above));
            return asked.then_some(Said::AbsentThoughAsked);
        }
        (!version.keeps_nulls).then_some(Said::Dropped)
    }
}

fn has_members(attributes: &Attributes, path: &str) -> bool {
    let prefix = format!("{path}.");
    attributes
        .range::<str, _>((std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded))
        .next()
        .is_some_and(|(name, _)| name.starts_with(&prefix))
}

/// All leaf paths of all versions, without those that another version descends into.
fn leaf_paths(versions: &[Option<Version>]) -> BTreeSet<Box<str>> {
    let all: BTreeSet<Box<str>> =
        versions.iter().flatten().flat_map(|version| version.attributes.keys().cloned()).collect();
    let inner: BTreeSet<&str> = all
        .iter()
        .flat_map(|path| path.match_indices('.').filter_map(|(at, _)| path.get(..at)))
        .collect();
    all.iter().filter(|path| !inner.contains(path.as_ref())).cloned().collect()
}

/// Where a value is plain in one version and an object in another, it is one attribute in all of them.
fn level(versions: &mut [Option<Version>]) {
    let plain: BTreeSet<Box<str>> = versions
        .iter()
        .flatten()
        .flat_map(|version| version.attributes.iter())
        .filter(|(_, value)| !value.is_empty())
        .map(|(path, _)| path.clone())
        .collect();
    for path in plain {
        if versions.iter().flatten().any(|version| has_members(&version.attributes, &path)) {
            for version in versions.iter_mut().flatten() {
                collapse(&mut version.attributes, &path);
            }
        }
    }
}

/// A soft-deleted user carries its id, without dashes, before its UPN.
pub(super) fn strip_bin_prefix(found: &mut Attributes, id: &str) {
    let prefix = id.replace('-', "");
    if let Some(Json::String(name)) = found.get_mut("userPrincipalName") {
        let head = name.get(..prefix.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(&prefix) {
            *name = name.get(prefix.len()..).unwrap_or_default().into();
        }
    }
}

/// What comparison met beside changes.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// Attributes on which captures disagree.
    pub(super) conflicts: Vec<Conflict>,
    /// Differences without a difference in meaning, by the rule that set them aside.
    pub(super) same_meaning: BTreeMap<&'static str, u64>,
}

/// The rule by which two spellings of the same meaning are no change; `None` for the same spelling.
fn respelt(a: Option<&Json>, b: Option<&Json>) -> Option<&'static str> {
    if a == b {
        return None;
    }
    Some(match (a, b) {
        (Some(Json::String(a)), Some(Json::String(b))) if a.eq_ignore_ascii_case(b) => "GUID case",
        (Some(Json::String(a)), Some(Json::String(_))) if instant(a).is_some() => {
            "spelling of timestamps"
        }
        (Some(Json::String(_)), Some(Json::String(_))) => "order of words",
        (Some(Json::Number(_)), Some(Json::Number(_))) => "spelling of numbers",
        (Some(Json::Array(a)), Some(Json::Array(b))) if a.len() == b.len() => "order of sets",
        _ => "empty against empty",
    })
}

/// An attribute on which captures of one snapshot disagree that cannot be told apart in time.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    pub(super) object_type: String,
    pub(super) object_id: String,
    pub(super) attribute: String,
    pub(super) snapshot: String,
    /// The records, `;` between.
    pub(super) receipts: String,
}

/// Makes the rows of one attribute of one object.
struct PathRows<'a, 'c> {
    context: &'c TypeContext<'a>,
    path: &'c str,
    speller: Speller<'c>,
    entries: &'c [Entry],
    versions: &'c [Option<Version>],
    version_of: &'c [usize],
    observations: &'c [Observation],
}

impl PathRows<'_, '_> {
    fn attribute(&self) -> &Attribute {
        self.context.catalogue.attribute(self.context.object_type, self.path)
    }

    fn top(&self) -> String {
        top_member(self.path)
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        self.entries.get(self.observations.get(place)?.entry)
    }

    fn capture(&self, place: usize) -> Option<usize> {
        self.observations.get(place).map(|observation| observation.capture)
    }

    fn value(&self, place: usize) -> Option<&Json> {
        let observation = self.observations.get(place)?;
        let version = self.versions.get(*self.version_of.get(observation.entry)?)?.as_ref()?;
        version.attributes.get(self.path).filter(|value| !value.is_empty())
    }

    fn draft(&self, kind: ChangeKind, old: Option<usize>, new: usize) -> Option<Draft> {
        let subject = Subject {
            index: self.context.index,
            tenant: self.context.tenant,
            object_type: self.context.object_type,
            id: &self.entries.first()?.id,
        };
        let from = old.and_then(|old| self.capture(old));
        let mut draft = subject.draft(kind, from, self.capture(new)?);
        draft.change.attribute = self.path.to_owned();
        let receipt =
            |place: usize| self.entry(place).and_then(|entry| self.context.index.receipt(entry));
        draft.change.evidence_before = old.and_then(receipt).into_iter().collect();
        draft.change.evidence_after = receipt(new).into_iter().collect();
        draft.unfold = self.attribute().security;
        if self.inherited(new) {
            draft.change.origin = Origin::HomeTenant;
        }
        Some(draft)
    }

    /// Whether the attribute of a foreign application's service principal is its publisher's to set.
    fn inherited(&self, place: usize) -> bool {
        if !self.attribute().inherited_from_publisher {
            return false;
        }
        let owner = self
            .observations
            .get(place)
            .and_then(|observation| self.version_of.get(observation.entry))
            .and_then(|version| self.versions.get(*version)?.as_ref())
            .and_then(|version| version.attributes.get("appOwnerOrganizationId")?.as_str());
        owner.is_some_and(|owner| !owner.eq_ignore_ascii_case(self.context.tenant))
    }

    fn interval_edge(&self, places: &[usize], start: bool) -> Option<Timestamp> {
        let edges: Option<Vec<Timestamp>> = places
            .iter()
            .map(|place| {
                let interval = self.context.index.captures.get(self.capture(*place)?)?.interval?;
                Some(if start { interval.start } else { interval.end })
            })
            .collect();
        if start { edges?.into_iter().max() } else { edges?.into_iter().min() }
    }

    /// The observation of a state that bounds the window: the latest old one, the earliest new one.
    fn bounding(&self, places: &[usize], latest: bool) -> Option<usize> {
        let key = |place: &usize| {
            let capture = self.capture(*place);
            let interval = capture.and_then(|c| self.context.index.captures.get(c)?.interval);
            (
                interval.map(|i| if latest { (i.start, i.end) } else { (i.end, i.start) }),
                capture,
                *place,
            )
        };
        if latest {
            places.iter().copied().max_by_key(key)
        } else {
            places.iter().copied().min_by_key(key)
        }
    }

    fn row(&self, turn: &Turn) -> Option<Draft> {
        match turn {
            Turn::Changed { old, new, certainty, reason } => {
                let (last, first) = (self.bounding(old, true)?, self.bounding(new, false)?);
                let mut draft = self
                    .draft(ChangeKind::Modified, Some(last), first)?
                    .graded(*certainty, *reason);
                draft.change.window.not_before = self.interval_edge(old, true);
                draft.change.window.not_after = self.interval_edge(new, false);
                self.fill_values(&mut draft, Some(last), Some(first));
                if self.attribute().volatile {
                    draft.change.lane = Lane::Volatile;
                    draft.change.reason = Some(Reason::VolatileAttribute);
                }
                Some(draft)
            }
            Turn::PossiblyCleared { old, new } => {
                let last = self.bounding(old, true)?;
                let mut draft = self
                    .draft(ChangeKind::Modified, Some(last), *new)?
                    .graded(Certainty::Unproven, Some(Reason::PossiblyCleared));
                draft.unfold = true;
                draft.gone_from_type = !self.context.names.has(self.capture(*new)?, &self.top());
                self.fill_values(&mut draft, Some(last), None);
                Some(draft)
            }
            Turn::Disagreed { .. } => None,
            Turn::Appeared { old, new } => {
                let asked = self.context.names.has(self.capture(*old)?, &self.top());
                let mut draft = if asked {
                    self.draft(ChangeKind::Modified, Some(*old), *new)?
                        .graded(Certainty::Consistent, Some(Reason::Appeared))
                } else {
                    self.draft(ChangeKind::FirstObserved, Some(*old), *new)?
                        .graded(Certainty::Unproven, Some(Reason::FirstCollected))
                };
                self.fill_values(&mut draft, None, Some(*new));
                Some(draft)
            }
        }
    }

    fn conflict(&self, turn: &Turn) -> Option<Conflict> {
        let Turn::Disagreed { among } = turn else { return None };
        let index = self.context.index;
        let capture = index.captures.get(self.capture(*among.first()?)?)?;
        let receipts: Vec<String> = among
            .iter()
            .filter_map(|place| index.receipt(self.entry(*place)?))
            .map(|receipt| receipt.to_string())
            .collect();
        Some(Conflict {
            object_type: self.context.object_type.to_string(),
            object_id: self.entries.first()?.id.to_string(),
            attribute: self.path.to_owned(),
            snapshot: index.snapshots.get(capture.snapshot)?.label.clone(),
            receipts: receipts.join(";"),
        })
    }

    fn fill_values(&self, draft: &mut Draft, old: Option<usize>, new: Option<usize>) {
        let (before, after) =
            (old.and_then(|old| self.value(old)), new.and_then(|new| self.value(new)));
        draft.change.before = before.map(|value| self.speller.canonical(value));
        draft.change.after = after.map(|value| self.speller.canonical(value));
        let (added, removed) = self.speller.gained_and_lost(before, after);
        draft.change.added = added;
        draft.change.removed = removed;
    }

    /// The row of an attribute that is collected for the first time on an object that was seen before.
    fn first_collection(&self) -> Option<Draft> {
        let first = self.observations.first()?;
        if first.said == Said::Dropped {
            return None;
        }
        let index = self.context.index;
        // Captures of one snapshot complement each other: only an earlier snapshot could have shown it.
        let snapshot = index.captures.get(first.capture)?.snapshot;
        let earlier = self.entries.iter().rposition(|entry| {
            index.capture_of(entry).is_some_and(|(_, capture)| capture.snapshot < snapshot)
        })?;
        let value = self.value(0);
        let schema = self.is_schema(first.capture, value);
        if value.is_none() && !schema {
            return None;
        }
        let mut draft = self
            .draft(ChangeKind::FirstObserved, None, 0)?
            .graded(Certainty::Unproven, Some(Reason::FirstCollected));
        if schema {
            draft.change.lane = Lane::Schema;
            draft.change.certainty = Certainty::Consistent;
            draft.change.reason = Some(Reason::SchemaDefault);
        }
        let from = self.entries.get(earlier).and_then(|entry| index.capture_of(entry));
        if let Some((_, capture)) = from {
            let snapshot = index.snapshots.get(capture.snapshot);
            draft.change.from_snapshot = snapshot.map(|s| s.label.clone()).unwrap_or_default();
        }
        self.fill_values(&mut draft, None, Some(0));
        Some(draft)
    }

    /// Whether the first value is a default that came with the service or the request (design, section 7, "Schema").
    fn is_schema(&self, capture: usize, value: Option<&Json>) -> bool {
        let context = self.context;
        let known = context.catalogue.object_type(context.object_type);
        if known.is_some_and(|known| known.identity == Identity::Singleton) {
            return false;
        }
        let attribute = self.attribute();
        let default = match value {
            None | Some(Json::Bool(false)) => true,
            Some(value) => {
                attribute.default_value.as_deref() == Some(&*self.speller.canonical(value))
            }
        };
        let earlier: Vec<usize> = context
            .names
            .captures()
            .map(|(earlier, _)| earlier)
            .filter(|earlier| context.index.before(*earlier, capture))
            .collect();
        let nested = self.path.contains('.');
        let absent = earlier.iter().all(|earlier| !context.names.has(*earlier, &self.top()));
        let shape = |capture: usize| context.index.captures.get(capture).map(|c| c.shape.as_str());
        let differs = earlier.iter().all(|earlier| shape(*earlier) != shape(capture));
        default
            && ((absent && (differs || attribute.introduced)) || (nested && attribute.introduced))
    }
}
