//! What the captures of a day show of an object, an attribute or a link, and on which files.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ChangeKind, Lane, VerdictReason};

use super::super::super::capture::{Capture, LinkCapture, Reading};
use super::super::super::kinds::{Obj, Ty};
use super::super::super::value;
use super::super::{Row, View};
use super::day_of;

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Nowhere,
    Live,
    Bin,
    /// Deleted for good.
    Gone,
    /// Not live; the bin was not asked for.
    Removed,
}

impl State {
    pub(super) fn word(self, ty: Ty) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bin => "in the bin",
            Self::Removed if ty.spec().bin.is_some() => "gone or in the bin",
            Self::Gone | Self::Removed => "gone",
            Self::Nowhere => "absent",
        }
    }

    pub(super) fn is_live(self) -> bool {
        self == Self::Live
    }
}

/// Where an object was before a change.
pub(super) fn before(change: ChangeKind) -> State {
    match change {
        ChangeKind::Added | ChangeKind::FirstObserved => State::Nowhere,
        ChangeKind::Restored => State::Bin,
        ChangeKind::Removed
        | ChangeKind::SoftDeleted
        | ChangeKind::HardDeleted
        | ChangeKind::Modified
        | ChangeKind::LinkAdded
        | ChangeKind::LinkRemoved => State::Live,
    }
}

/// Where it is after it.
pub(super) fn after(change: ChangeKind) -> State {
    match change {
        ChangeKind::SoftDeleted => State::Bin,
        ChangeKind::HardDeleted => State::Gone,
        ChangeKind::Removed => State::Removed,
        ChangeKind::Added
        | ChangeKind::Restored
        | ChangeKind::Modified
        | ChangeKind::LinkAdded
        | ChangeKind::LinkRemoved
        | ChangeKind::FirstObserved => State::Live,
    }
}

/// What is seen, when, and on which files.
#[derive(Debug, Clone)]
pub(super) struct Sight<T> {
    pub(super) what: T,
    pub(super) day: usize,
    pub(super) at: i64,
    pub(super) files: BTreeSet<usize>,
}

/// Why nothing is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    NotCollected,
    Partial,
    /// It went, as far as a list can be trusted that cannot be.
    Unproven,
}

impl Unseen {
    pub(super) fn reason(self) -> VerdictReason {
        match self {
            Self::NotCollected => VerdictReason::AfterNotCollected,
            Self::Partial => VerdictReason::AfterPartial,
            Self::Unproven => VerdictReason::ChangeUnproven,
        }
    }
}

/// What is known of what the captures show.
pub(super) struct Eyes<'a> {
    pub(super) view: &'a View<'a>,
    /// By object: the days of the rows that say where it went.
    fates: BTreeMap<Obj, Vec<(usize, ChangeKind, Lane)>>,
}

fn files_with(capture: &Capture, ix: u32) -> BTreeSet<usize> {
    let held = capture.files.iter().filter(|(_, present)| present.contains(ix));
    held.map(|(file, _)| *file).collect()
}

impl<'a> Eyes<'a> {
    pub(super) fn new(view: &'a View<'a>, rows: &[Row]) -> Self {
        let mut fates: BTreeMap<Obj, Vec<(usize, ChangeKind, Lane)>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.attribute.is_empty()) {
            let fate = (day_of(row.not_after), row.change, row.lane);
            fates.entry(row.obj).or_default().push(fate);
        }
        Self { view, fates }
    }

    /// Every capture that shows an attribute, in order of time.
    pub(super) fn attribute(&self, obj: Obj, path: &str) -> Vec<Sight<Option<String>>> {
        let words = obj.ty.is_words(path);
        let shows =
            |capture: &&&Capture| capture.present.contains(obj.ix) && capture.collects(path);
        let captures = self.view.captures(obj.ty).iter().filter(shows);
        captures
            .map(|capture| Sight {
                what: value::column(&self.view.tenant.value(obj, path, capture.start), words),
                day: capture.day,
                at: capture.start,
                files: files_with(capture, obj.ix),
            })
            .collect()
    }

    /// Every whole list that tells whether a link is there, in order of time.
    pub(super) fn link(&self, source: Obj, relation: &str, target: &str) -> Vec<Sight<bool>> {
        let lists =
            self.view.links.iter().filter(|((of, name), _)| *of == source && *name == relation);
        lists
            .flat_map(|(relation, captures)| {
                captures.iter().map(|capture: &&LinkCapture| {
                    let targets = self.view.tenant.targets(relation.0, relation.1, capture.start);
                    Sight {
                        what: targets.iter().any(|one| self.view.tenant.key(*one) == target),
                        day: capture.day,
                        at: capture.start,
                        files: capture.files.iter().copied().collect(),
                    }
                })
            })
            .collect()
    }

    /// Whether an object is known to be deleted for good on a day.
    pub(super) fn is_gone(&self, obj: Obj, day: usize) -> bool {
        let fates = self.fates.get(&obj).map(Vec::as_slice).unwrap_or_default();
        let last = fates.iter().rfind(|(then, ..)| *then <= day);
        last.is_some_and(|(_, change, lane)| {
            *change == ChangeKind::HardDeleted && *lane == Lane::Change
        })
    }

    /// Where the captures of a day see an object.
    pub(super) fn object(&self, obj: Obj, day: usize) -> Result<Sight<State>, Unseen> {
        let captures: Vec<&Capture> = self
            .view
            .captures(obj.ty)
            .iter()
            .copied()
            .filter(|capture| capture.day == day)
            .collect();
        let held = captures.iter().rfind(|capture| capture.present.contains(obj.ix));
        if let Some(last) = held {
            let bin = last.reading == Reading::Bin;
            let same = captures.iter().filter(|capture| (capture.reading == Reading::Bin) == bin);
            return Ok(Sight {
                what: if bin { State::Bin } else { State::Live },
                day,
                at: last.start,
                files: same.flat_map(|capture| files_with(capture, obj.ix)).collect(),
            });
        }
        let parent = self.view.tenant.parent(obj);
        let lists: Vec<&&Capture> = captures
            .iter()
            .filter(|list| list.reading == Reading::List && !list.filtered)
            .filter(|list| list.parent.is_none() || list.parent == parent)
            .collect();
        if lists.is_empty() {
            return Err(Unseen::NotCollected);
        }
        let fates = self.fates.get(&obj).map(Vec::as_slice).unwrap_or_default();
        let gone = |change| matches!(change, ChangeKind::Removed | ChangeKind::HardDeleted);
        match fates.iter().rfind(|(then, ..)| *then <= day) {
            Some((_, change, Lane::Change)) if gone(*change) => {}
            Some((_, change, _)) if gone(*change) => return Err(Unseen::Unproven),
            None if !self.is_seen_until(obj, day) && !fates.is_empty() => {
                return self.not_yet(&lists, obj).ok_or(Unseen::Partial);
            }
            _ => return Err(Unseen::NotCollected),
        }
        let Some(list) = lists.iter().find(|list| self.is_silent(list, obj)) else {
            return Err(Unseen::Partial);
        };
        let bins = captures.iter().filter(|capture| capture.reading == Reading::Bin);
        let bins: Vec<&&Capture> = bins.filter(|bin| bin.start > list.end).collect();
        let what = match obj.ty.spec().bin {
            None => State::Gone,
            Some(_) if bins.is_empty() => State::Removed,
            Some(_) => State::Gone,
        };
        let files = list.files.iter().chain(bins.iter().flat_map(|bin| &bin.files));
        Ok(Sight { what, day, at: list.start, files: files.map(|(file, _)| *file).collect() })
    }

    fn is_seen_until(&self, obj: Obj, day: usize) -> bool {
        let captures = self.view.captures(obj.ty).iter();
        captures.into_iter().any(|one| one.day <= day && one.present.contains(obj.ix))
    }

    /// Before an object was added.
    fn not_yet(&self, lists: &[&&Capture], obj: Obj) -> Option<Sight<State>> {
        let list = lists.iter().find(|list| self.is_silent(list, obj))?;
        let files = list.files.iter().map(|(file, _)| *file).collect();
        Some(Sight { what: State::Nowhere, day: list.day, at: list.start, files })
    }

    /// Whether the silence of a list proves something.
    fn is_silent(&self, list: &Capture, obj: Obj) -> bool {
        let key = self.view.tenant.key(obj);
        let inside = list.ranges.iter().any(|(first, last)| *first < key && key < *last);
        list.lost.is_empty() || (inside && list.count.is_none() && list.present.len() >= 20)
    }
}
