//! The rows of one attribute of one object.

use jiff::Timestamp;

use super::attributes::{TypeContext, Version};
use super::draft::{Draft, Subject};
use super::timeline::{Observation, Said, Turn};
use super::value::{Json, Speller, top_member};
use crate::directory::{Attribute, Identity};
use crate::index::Entry;
use crate::model::{Certainty, ChangeKind, ConflictRow, Lane, Origin, Reason, Receipt};

/// Makes the rows of one attribute of one object.
pub(super) struct PathRows<'a, 'c> {
    pub(super) context: &'c TypeContext<'a>,
    pub(super) path: &'c str,
    pub(super) speller: Speller<'c>,
    pub(super) entries: &'c [Entry],
    pub(super) versions: &'c [Option<Version<'a>>],
    pub(super) version_of: &'c [usize],
    pub(super) observations: &'c [Observation],
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

    pub(super) fn row(&self, turn: &Turn) -> Option<Draft> {
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
                if asked && self.attribute().volatile {
                    draft.change.lane = Lane::Volatile;
                    draft.change.reason = Some(Reason::VolatileAttribute);
                }
                Some(draft)
            }
        }
    }

    pub(super) fn conflict(&self, turn: &Turn) -> Option<ConflictRow> {
        let Turn::Disagreed { among } = turn else { return None };
        let index = self.context.index;
        let capture = index.captures.get(self.capture(*among.first()?)?)?;
        let mut values: Vec<(String, Vec<Receipt>)> = Vec::new();
        for place in among {
            let value = self.value(*place).map(|value| self.speller.canonical(value));
            let value = value.unwrap_or_default();
            let receipt = self.entry(*place).and_then(|entry| index.receipt(entry));
            match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, receipts)) => receipts.extend(receipt),
                None => values.push((value, receipt.into_iter().collect())),
            }
        }
        Some(ConflictRow {
            tenant_id: self.context.tenant.to_owned(),
            snapshot: index.snapshots.get(capture.snapshot)?.label.clone(),
            object_type: self.context.object_type.to_string(),
            object_id: self.entries.first()?.id.to_string(),
            attribute: self.path.to_owned(),
            values,
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
    pub(super) fn first_collection(&self) -> Option<Draft> {
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
