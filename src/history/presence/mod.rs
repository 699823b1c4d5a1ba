//! When objects come and go: added, soft-deleted, restored, hard-deleted, removed, first observed.

mod arrivals;
mod departures;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::lists::{ListCapture, Population, Reference};
use crate::index::{Entry, Key, ObjectId};
use crate::model::{Certainty, ChangeKind, Interval, Reason};

/// What is known of the type beside its observations.
#[derive(Debug, Clone, Copy)]
pub(super) struct TypeFacts {
    /// Days of its recycle bin.
    pub(super) bin_days: Option<u16>,
    /// Whether identity is a natural key, so that the same one may truly go and come again.
    pub(super) natural: bool,
    /// Whether `createdDateTime` is set by the service.
    pub(super) created_by_service: bool,
}

/// Something that happened to an object as a whole.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Position of the object.
    pub(super) object: usize,
    pub(super) kind: ChangeKind,
    /// The captures that bound it.
    pub(super) old: Option<usize>,
    pub(super) new: usize,
    /// Bounds that come from more than one capture.
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) certainty: Certainty,
    pub(super) reason: Option<Reason>,
    /// Service-set time inside the window, with its property.
    pub(super) narrowed: Option<(Timestamp, &'static str)>,
    /// Entries that carry the old and the new state; `None` where the capture's silence does.
    pub(super) old_entry: Option<usize>,
    pub(super) new_entry: Option<usize>,
}

/// Dates that the records of an object carry; asked only where they decide.
pub(super) trait Dates {
    /// `createdDateTime` of an entry.
    fn created(&self, entry: &Entry) -> Option<Timestamp>;
    /// `deletedDateTime` of an entry.
    fn deleted(&self, entry: &Entry) -> Option<Timestamp>;
}

/// Objects (by position of the tenant and identity) that link lists still name, with the last capture that does.
pub(super) type References = HashMap<(u32, Key), usize>;

/// Works out the events of one type.
pub(super) struct Presence<'a, D> {
    pub(super) population: &'a Population<'a>,
    pub(super) facts: TypeFacts,
    pub(super) dates: &'a D,
    /// Position of the tenant.
    tenant: u32,
    pub(super) references: &'a References,
    /// Position in its tenant of the snapshot of a capture.
    pub(super) snapshot_position: &'a dyn Fn(usize) -> usize,
    observations: Vec<Observations>,
    /// Live lists by parent, in order.
    lists_of: BTreeMap<&'a str, Vec<&'a ListCapture>>,
    /// By parent: which of its lists hold which object.
    held_in: BTreeMap<&'a str, BTreeMap<usize, Vec<usize>>>,
    /// Per list: ids that ought to be there and are.
    known: BTreeMap<usize, Reference>,
    /// Per pair of lists: ids of the second that the first holds.
    shared: RefCell<BTreeMap<(usize, usize), Reference>>,
}

/// The captures of one object, in order.
#[derive(Debug, Default, Clone)]
struct Observations {
    /// (capture, entry, in bin)
    all: Vec<(usize, usize, bool)>,
    /// What delta pages say of its going: (capture, entry).
    said_gone: Vec<(usize, usize)>,
}

impl Observations {
    fn live(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + '_ {
        self.all.iter().filter(|(_, _, bin)| !bin).map(|(capture, entry, _)| (*capture, *entry))
    }

    fn bin(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + '_ {
        self.all.iter().filter(|(_, _, bin)| *bin).map(|(capture, entry, _)| (*capture, *entry))
    }
}

impl<'a, D: Dates> Presence<'a, D> {
    pub(super) fn new(
        population: &'a Population<'a>,
        facts: TypeFacts,
        dates: &'a D,
        (tenant, references): (u32, &'a References),
        snapshot_position: &'a dyn Fn(usize) -> usize,
    ) -> Self {
        let observations: Vec<Observations> =
            population.objects.iter().map(|range| observations_of(population, range)).collect();
        let mut lists_of: BTreeMap<&str, Vec<&ListCapture>> = BTreeMap::new();
        let mut parent_of: BTreeMap<usize, &str> = BTreeMap::new();
        for list in &population.lists {
            lists_of.entry(&list.parent).or_default().push(list);
            parent_of.insert(list.capture, &list.parent);
        }
        let mut held_in: BTreeMap<&str, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
        for (object, observations) in observations.iter().enumerate() {
            for (capture, _) in observations.live() {
                let Some(parent) = parent_of.get(&capture) else { continue };
                let held = held_in.entry(parent).or_default().entry(object).or_default();
                if held.last() != Some(&capture) {
                    held.push(capture);
                }
            }
        }
        Self {
            population,
            facts,
            dates,
            tenant,
            references,
            snapshot_position,
            observations,
            lists_of,
            held_in,
            known: BTreeMap::new(),
            shared: RefCell::new(BTreeMap::new()),
        }
    }

    /// All events, by object.
    pub(super) fn events(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let parents: Vec<&str> = self.lists_of.keys().copied().collect();
        let mut gone: BTreeMap<usize, Vec<Event>> = BTreeMap::new();
        for parent in parents {
            self.disappearances(parent, &mut gone);
        }
        for object in 0..self.observations.len() {
            self.positive_events(object, &mut events);
            let lost = gone.remove(&object).unwrap_or_default();
            self.returns(object, &lost, &mut events);
            events.extend(lost);
            self.purge(object, &mut events);
            self.said_gone(object, &mut events);
        }
        events
    }

    fn before(&self, a: usize, b: usize) -> bool {
        self.population.index.before(a, b)
    }

    fn interval(&self, capture: usize) -> Option<Interval> {
        self.population.index.captures.get(capture)?.interval
    }

    fn start(&self, capture: usize) -> Option<Timestamp> {
        self.interval(capture).map(|interval| interval.start)
    }

    fn end(&self, capture: usize) -> Option<Timestamp> {
        self.interval(capture).map(|interval| interval.end)
    }

    fn entry(&self, entry: usize) -> Option<&'a Entry> {
        self.population.entries.get(entry)
    }

    fn id(&self, object: usize) -> Option<&'a ObjectId> {
        let range = self.population.objects.get(object)?;
        self.population.entries.get(range.start).map(|entry| &entry.id)
    }

    /// The captures of this parent's lists that hold the object.
    fn held(&self, object: usize, parent: &str) -> &[usize] {
        self.held_in.get(parent).and_then(|held| held.get(&object)).map_or(&[], Vec::as_slice)
    }

    fn lists_below(&self, parent: &str) -> &[&'a ListCapture] {
        self.lists_of.get(parent).map_or(&[], Vec::as_slice)
    }

    fn scopes(&self, lists: &[&'a ListCapture], held: &[usize]) -> BTreeSet<&'a str> {
        let mut scopes: BTreeSet<&str> = lists
            .iter()
            .filter(|list| held.contains(&list.capture))
            .map(|list| list.scope())
            .collect();
        if held.is_empty() {
            scopes.extend(lists.iter().map(|list| list.scope()));
        }
        scopes
    }
}

fn observations_of(population: &Population<'_>, range: &Range<usize>) -> Observations {
    let mut all: Vec<(usize, usize, bool)> = population
        .entries_of(range)
        .iter()
        .enumerate()
        .map(|(place, entry)| (population.capture(entry), range.start + place, entry.deleted))
        .collect();
    all.sort_by_key(|(capture, entry, _)| (*capture, *entry));
    let entries = population.entries_of(range);
    let is_going = |(_, entry, _): &(usize, usize, bool)| {
        entries.get(entry - range.start).is_some_and(|entry| entry.removal.is_some())
    };
    let (going, all): (Vec<_>, Vec<_>) = all.into_iter().partition(is_going);
    let said_gone = going.into_iter().map(|(capture, entry, _)| (capture, entry)).collect();
    Observations { all, said_gone }
}

fn days_of(days: u16) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

fn whole(at: Timestamp) -> i64 {
    at.as_second()
}

fn inside(at: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.is_some_and(|from| whole(from) <= whole(at)) && to.is_some_and(|to| whole(at) <= whole(to))
}
