//! The history of one attribute, link or object as the steps that the changes tell, and what lies between.

use std::collections::BTreeMap;

use crate::model::{Certainty, Change, ChangeKind, Lane, VerdictRow};

/// What a row is about: type, object, attribute, other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct About<'a> {
    pub(super) object_type: &'a str,
    pub(super) object_id: &'a str,
    pub(super) attribute: &'a str,
    pub(super) target: &'a str,
}

impl<'a> About<'a> {
    pub(super) fn of(change: &'a Change) -> Self {
        Self {
            object_type: &change.object_type,
            object_id: &change.object_id,
            attribute: &change.attribute,
            target: change.link_end(),
        }
    }

    /// The object as a whole.
    pub(super) fn whole(self) -> Self {
        Self { attribute: "", target: "", ..self }
    }
}

/// One change, with the position of the snapshot that shows its new state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) change: &'a Change,
    pub(super) position: usize,
}

/// All steps of one tenant, by what they are about.
#[derive(Debug, Default)]
pub(super) struct Steps<'a> {
    by_about: BTreeMap<About<'a>, Vec<Step<'a>>>,
}

impl<'a> Steps<'a> {
    /// Gathers the changes of one tenant; `position` gives the place of a label among its snapshots.
    pub(super) fn gather(
        changes: impl Iterator<Item = &'a Change>,
        position: &dyn Fn(&str) -> Option<usize>,
    ) -> Self {
        let mut steps = Self::default();
        for change in changes {
            let told = change.lane != Lane::Schema && !change.object_id.is_empty();
            if let Some(position) = position(&change.to_snapshot).filter(|_| told) {
                let step = Step { change, position };
                steps.by_about.entry(About::of(change)).or_default().push(step);
            }
        }
        for steps in steps.by_about.values_mut() {
            steps.sort_by_key(|step| (step.position, step.change.window.not_after));
        }
        steps
    }

    /// The steps of one thing, in the order of time.
    pub(super) fn of<'s>(&'s self, about: About<'s>) -> &'s [Step<'a>] {
        self.by_about.get(&about).map(Vec::as_slice).unwrap_or_default()
    }

    /// The steps that lead to the state of a later snapshot from that of an earlier one.
    pub(super) fn between<'s>(
        &'s self,
        about: About<'s>,
        (from, to): (usize, usize),
    ) -> impl Iterator<Item = &'s Step<'a>> {
        self.of(about).iter().filter(move |step| from < step.position && step.position <= to)
    }

    /// The last step up to a snapshot.
    pub(super) fn last_until<'s>(
        &'s self,
        about: About<'s>,
        position: usize,
    ) -> Option<&'s Step<'a>> {
        self.of(about).iter().rfind(|step| step.position <= position)
    }
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It was not there yet.
    Absent,
    /// Live.
    Live,
    /// In its recycle bin.
    Bin,
    /// Neither live nor in its recycle bin; of a type without one: not there any more.
    Gone,
    /// Not live; whether it is in its recycle bin is not told.
    GoneOrBin,
}

impl Place {
    /// As the tables print it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Live => "live",
            Self::Bin => "in the bin",
            Self::Gone => "gone",
            Self::GoneOrBin => "gone or in the bin",
        }
    }

    /// Where a change puts an object; `has_bin` tells whether its type has a recycle bin.
    pub(super) fn after(kind: ChangeKind, has_bin: bool) -> Option<Self> {
        match kind {
            ChangeKind::Added | ChangeKind::Restored | ChangeKind::FirstObserved => {
                Some(Self::Live)
            }
            ChangeKind::SoftDeleted => Some(Self::Bin),
            ChangeKind::HardDeleted => Some(Self::Gone),
            ChangeKind::Removed if has_bin => Some(Self::GoneOrBin),
            ChangeKind::Removed => Some(Self::Gone),
            ChangeKind::Modified | ChangeKind::LinkAdded | ChangeKind::LinkRemoved => None,
        }
    }

    /// Where a change found an object.
    pub(super) fn before(kind: ChangeKind) -> Option<Self> {
        match kind {
            ChangeKind::Added => Some(Self::Absent),
            ChangeKind::Restored => Some(Self::Bin),
            ChangeKind::SoftDeleted | ChangeKind::HardDeleted | ChangeKind::Removed => {
                Some(Self::Live)
            }
            ChangeKind::FirstObserved
            | ChangeKind::Modified
            | ChangeKind::LinkAdded
            | ChangeKind::LinkRemoved => None,
        }
    }
}

/// What a change leaves behind, as the tables print it: a value, `linked`, `not linked`, or where the object is.
pub(super) fn state_after(change: &Change, has_bin: bool) -> Option<String> {
    if change.attribute.is_empty() {
        return Place::after(change.kind, has_bin).map(|place| place.word().to_owned());
    }
    if change.is_link() {
        let linked = change.kind == ChangeKind::LinkAdded;
        return Some(if linked { LINKED } else { NOT_LINKED }.to_owned());
    }
    change.after.clone()
}

/// What a change found.
pub(super) fn state_before(change: &Change) -> Option<String> {
    if change.attribute.is_empty() {
        return Place::before(change.kind).map(|place| place.word().to_owned());
    }
    if change.is_link() {
        let linked = change.kind == ChangeKind::LinkRemoved;
        return Some(if linked { LINKED } else { NOT_LINKED }.to_owned());
    }
    change.before.clone()
}

pub(super) const LINKED: &str = "linked";
pub(super) const NOT_LINKED: &str = "not linked";

/// Whether a verdict is about a link. States of links are words; values of attributes are JSON.
pub(super) fn is_of_link(row: &VerdictRow) -> bool {
    row.good.as_deref().is_some_and(|state| state == LINKED || state == NOT_LINKED)
}

/// Whether a step cannot be built on.
pub(super) fn is_unproven(change: &Change) -> bool {
    change.certainty == Certainty::Unproven || change.lane == Lane::Coverage
}
