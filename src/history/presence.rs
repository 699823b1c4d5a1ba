//! When objects come and go: added, soft-deleted, restored, hard-deleted, removed, first observed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::lists::{ListCapture, Population, Reference, silence};
use crate::index::{Entry, ObjectId};
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

/// Ids that link lists still name, with the last capture that does.
pub(super) type References = BTreeMap<ObjectId, usize>;

/// Works out the events of one type.
pub(super) struct Presence<'a, D> {
    pub(super) population: &'a Population<'a>,
    pub(super) facts: TypeFacts,
    pub(super) dates: &'a D,
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
        references: &'a References,
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

    /// Walks the lists of one parent in order and finds the objects that they no longer hold.
    fn disappearances(&mut self, parent: &str, gone: &mut BTreeMap<usize, Vec<Event>>) {
        let lists: Vec<&ListCapture> = self.lists_below(parent).to_vec();
        let members: Vec<(usize, Vec<usize>)> = if parent.is_empty() {
            (0..self.observations.len())
                .map(|object| (object, self.held(object, parent).to_vec()))
                .collect()
        } else {
            self.held_in
                .get(parent)
                .into_iter()
                .flatten()
                .map(|(o, held)| (*o, held.clone()))
                .collect()
        };
        let mut lost_at: BTreeMap<usize, usize> = BTreeMap::new();
        let mut unproven: BTreeMap<usize, (usize, Reason)> = BTreeMap::new();
        for (place, list) in lists.iter().enumerate() {
            let known: Vec<&(usize, Vec<usize>)> = members
                .iter()
                .filter(|(object, _)| self.is_known(*object, list.capture, lost_at.get(object)))
                .collect();
            let seen = known.iter().filter(|(_, held)| held.contains(&list.capture)).count();
            let reference = Reference { known: known.len(), seen };
            self.known.insert(list.capture, reference);
            let missing: Vec<(usize, Vec<usize>)> = known
                .into_iter()
                .filter(|(object, held)| {
                    !held.contains(&list.capture) && self.may_be_gone(*object, list.capture)
                })
                .cloned()
                .collect();
            for (object, held) in missing {
                let earlier: Vec<usize> =
                    held.iter().copied().filter(|h| self.before(*h, list.capture)).collect();
                let scopes = self.scopes(lists.get(..place).unwrap_or_default(), &earlier);
                let Some(id) = self.id(object) else { continue };
                let (certainty, reason) = silence(list, id, &scopes, Some(reference));
                if certainty == Certainty::Unproven {
                    // An earlier gap that the object was seen after says nothing of this one.
                    let told = unproven.get(&object).copied();
                    if told.is_none_or(|(gap, _)| self.seen_between(object, gap, list.capture)) {
                        unproven.insert(object, (list.capture, reason));
                    }
                } else {
                    lost_at.insert(object, list.capture);
                    unproven.remove(&object);
                    let event = self.gone_event(object, list.capture, certainty, reason);
                    gone.entry(object).or_default().extend(event);
                }
            }
        }
        for (object, (capture, reason)) in unproven {
            if self.is_last_word(object, capture) && !gone.contains_key(&object) {
                let event = self.gone_event(object, capture, Certainty::Unproven, reason);
                gone.entry(object).or_default().extend(event);
            }
        }
    }

    /// Whether the object is known to have been live before the list, and not known to be gone since.
    fn is_known(&self, object: usize, list: usize, lost_at: Option<&usize>) -> bool {
        let Some(observations) = self.observations.get(object) else { return false };
        let last_live = observations.live().filter(|(c, _)| self.before(*c, list)).last();
        let Some((last_live, _)) = last_live else { return false };
        let binned =
            observations.bin().any(|(c, _)| self.before(c, list) && !self.before(c, last_live));
        let lost = lost_at.is_some_and(|lost| !self.before(*lost, last_live));
        !binned && !lost
    }

    /// Whether nothing else contradicts that the object is gone as of the list.
    fn may_be_gone(&self, object: usize, list: usize) -> bool {
        let Some(observations) = self.observations.get(object) else { return false };
        let later = observations.live().filter(|(c, _)| !self.before(*c, list)).map(|(c, _)| c);
        let mut later = later.peekable();
        if self.facts.natural {
            if later.any(|capture| !self.before(list, capture)) {
                return false;
            }
        } else if later.peek().is_some() {
            return false;
        }
        if observations.bin().any(|(capture, _)| !self.before(capture, list)) {
            return false;
        }
        !self.id(object).is_some_and(|id| self.referenced_after(id, list))
    }

    /// Whether a link capture later than the list still names the object.
    fn referenced_after(&self, id: &ObjectId, list: usize) -> bool {
        self.references.get(id).is_some_and(|capture| self.before(list, *capture))
    }

    fn seen_between(&self, object: usize, a: usize, b: usize) -> bool {
        self.observations.get(object).is_some_and(|observations| {
            observations.live().any(|(seen, _)| self.before(a, seen) && self.before(seen, b))
        })
    }

    fn is_last_word(&self, object: usize, list: usize) -> bool {
        self.observations.get(object).is_some_and(|observations| {
            observations.all.iter().all(|(capture, _, _)| self.before(*capture, list))
        })
    }

    /// The row of an object that a list no longer holds: what its recycle bin says decides the kind.
    fn gone_event(
        &self,
        object: usize,
        list: usize,
        certainty: Certainty,
        reason: Reason,
    ) -> Option<Event> {
        let observations = self.observations.get(object)?;
        let (old, old_entry) =
            observations.live().filter(|(capture, _)| self.before(*capture, list)).last()?;
        let mut event = Event {
            object,
            kind: ChangeKind::Removed,
            old: Some(old),
            new: list,
            not_before: self.start(old),
            not_after: self.end(list),
            certainty,
            reason: (certainty != Certainty::Proven).then_some(reason),
            narrowed: None,
            old_entry: Some(old_entry),
            new_entry: None,
        };
        if let Some(days) = self.facts.bin_days {
            self.consult_bins(&mut event, old, list, days);
        }
        Some(event)
    }

    fn consult_bins(&self, event: &mut Event, old: usize, list: usize, days: u16) {
        let complete = self.population.bins.iter().filter(|bin| bin.is_complete());
        let mut found = Reason::BinNotCollected;
        for bin in complete {
            let (Some(bin_time), Some(list_time)) =
                (self.interval(bin.capture), self.interval(list))
            else {
                if !self.before(bin.capture, list) || found == Reason::BinNotCollected {
                    found = Reason::BinOrderUnknown;
                }
                continue;
            };
            if bin_time.start < list_time.end || bin_time == list_time {
                found = Reason::BinOrderUnknown;
                continue;
            }
            let last_live = self.start(old).unwrap_or(Timestamp::MIN);
            if bin_time.end.duration_since(last_live) >= days_of(days) {
                found = Reason::BinDaysPassed;
            } else {
                event.kind = ChangeKind::HardDeleted;
                event.new = bin.capture;
                event.not_after = Some(bin_time.end);
                return;
            }
            break;
        }
        if event.certainty != Certainty::Unproven {
            event.reason = Some(found);
        }
    }

    /// Additions, soft deletions and restorations: what positive observations tell.
    fn positive_events(&self, object: usize, events: &mut Vec<Event>) {
        let Some(observations) = self.observations.get(object) else { return };
        let mut clusters: Vec<Vec<(usize, usize, bool)>> = Vec::new();
        for observation in &observations.all {
            let joins = clusters.last().is_some_and(|cluster| {
                cluster.iter().any(|(capture, _, _)| !self.before(*capture, observation.0))
            });
            match clusters.last_mut() {
                Some(cluster) if joins => cluster.push(*observation),
                _ => clusters.push(vec![*observation]),
            }
        }
        let mut previous: Option<(bool, usize, usize)> = None;
        for cluster in clusters {
            let binned = cluster.iter().any(|(_, _, bin)| *bin);
            let mut same = cluster.iter().filter(|(_, _, bin)| *bin == binned);
            let Some((capture, entry, _)) = same.next().copied() else { continue };
            let (last, last_entry) =
                same.next_back().map_or((capture, entry), |(c, e, _)| (*c, *e));
            match previous {
                None if binned => self.first_seen_in_bin(object, capture, entry, &cluster, events),
                None => self.first_seen(object, capture, entry, events),
                Some((false, old, old_entry)) if binned => {
                    events.push(self.soft_deleted(object, (old, old_entry), (capture, entry)));
                }
                Some((true, old, old_entry)) if !binned => {
                    events.push(self.plain(
                        object,
                        ChangeKind::Restored,
                        (old, old_entry),
                        (capture, entry),
                    ));
                }
                Some(_) => {}
            }
            previous = Some((binned, last, last_entry));
        }
    }

    fn plain(
        &self,
        object: usize,
        kind: ChangeKind,
        (old, old_entry): (usize, usize),
        (new, new_entry): (usize, usize),
    ) -> Event {
        Event {
            object,
            kind,
            old: Some(old),
            new,
            not_before: self.start(old),
            not_after: self.end(new),
            certainty: Certainty::Proven,
            reason: None,
            narrowed: None,
            old_entry: Some(old_entry),
            new_entry: Some(new_entry),
        }
    }

    fn soft_deleted(&self, object: usize, old: (usize, usize), new: (usize, usize)) -> Event {
        let mut event = self.plain(object, ChangeKind::SoftDeleted, old, new);
        event.narrowed = self
            .entry(new.1)
            .and_then(|entry| self.dates.deleted(entry))
            .filter(|at| inside(*at, event.not_before, event.not_after))
            .map(|at| (at, "deletedDateTime"));
        event
    }

    /// An object that is in the bin when it is first seen: its own deletion date tells whether it went there meanwhile.
    fn first_seen_in_bin(
        &self,
        object: usize,
        capture: usize,
        entry: usize,
        cluster: &[(usize, usize, bool)],
        events: &mut Vec<Event>,
    ) {
        let earlier: Vec<&ListCapture> = self
            .population
            .lists
            .iter()
            .filter(|list| list.parent.is_empty())
            .chain(&self.population.bins)
            .filter(|list| self.before(list.capture, capture))
            .collect();
        let deleted = self.entry(entry).and_then(|entry| self.dates.deleted(entry));
        let old = earlier
            .iter()
            .filter(|list| matches!((self.end(list.capture), deleted), (Some(end), Some(at)) if end < at))
            .max_by_key(|list| (self.start(list.capture), list.capture));
        let live = cluster.iter().find(|(_, _, bin)| !bin);
        let mut event = Event {
            object,
            kind: ChangeKind::SoftDeleted,
            old: None,
            new: capture,
            not_before: None,
            not_after: self.end(capture),
            certainty: Certainty::Proven,
            reason: None,
            narrowed: None,
            old_entry: live.map(|(_, entry, _)| *entry),
            new_entry: Some(entry),
        };
        if let Some(list) = old {
            event.old = Some(list.capture);
            event.not_before = self.start(list.capture);
            event.narrowed = deleted
                .filter(|at| inside(*at, event.not_before, event.not_after))
                .map(|at| (at, "deletedDateTime"));
            events.push(event);
        } else if self.population.bins.iter().any(|bin| self.before(bin.capture, capture)) {
            event.kind = ChangeKind::FirstObserved;
            event.certainty = Certainty::Unproven;
            event.reason = Some(Reason::FirstCollected);
            events.push(event);
        }
    }

    /// An object that is live when it is first seen: added, if an earlier list would have held it.
    fn first_seen(&self, object: usize, capture: usize, entry: usize, events: &mut Vec<Event>) {
        let added = self.addition(object, capture, entry, None);
        let first_snapshot = (self.snapshot_position)(capture) <= 1;
        match added {
            Some(event) => events.push(event),
            None if !first_snapshot => {
                let old = None;
                events.push(self.first_observed(
                    object,
                    old,
                    (capture, entry),
                    Reason::NoEarlierList,
                ));
            }
            None => {}
        }
    }

    fn first_observed(
        &self,
        object: usize,
        old: Option<usize>,
        (new, new_entry): (usize, usize),
        reason: Reason,
    ) -> Event {
        Event {
            object,
            kind: ChangeKind::FirstObserved,
            old,
            new,
            not_before: old.and_then(|old| self.start(old)),
            not_after: self.end(new),
            certainty: Certainty::Unproven,
            reason: Some(reason),
            narrowed: None,
            old_entry: None,
            new_entry: Some(new_entry),
        }
    }

    /// The addition of an object first seen live (or seen again) at `capture`; `since` leaves out lists before it.
    fn addition(
        &self,
        object: usize,
        capture: usize,
        entry: usize,
        since: Option<usize>,
    ) -> Option<Event> {
        let index = self.population.index;
        let parent = index
            .captures
            .get(capture)
            .filter(|described| described.listing == crate::index::Listing::Live)
            .map(|described| described.parent.clone())
            .unwrap_or_default();
        let earlier = |list: &&ListCapture| {
            self.before(list.capture, capture)
                && since.is_none_or(|since| !self.before(list.capture, since))
        };
        let own: Vec<&ListCapture> = self.lists_below(&parent).to_vec();
        let latest = own
            .iter()
            .copied()
            .rfind(earlier)
            .or_else(|| self.population.lists.iter().rfind(earlier))?;
        let created = self
            .facts
            .created_by_service
            .then(|| self.entry(entry).and_then(|entry| self.dates.created(entry)))
            .flatten();
        if let (Some(created), Some(end)) = (created, self.end(latest.capture))
            && whole(created) > whole(end)
        {
            let old = latest.capture;
            let mut event =
                self.first_observed(object, Some(old), (capture, entry), Reason::NoEarlierList);
            event.kind = ChangeKind::Added;
            event.certainty = Certainty::Proven;
            event.reason = None;
            event.narrowed = Some(created)
                .filter(|at| inside(*at, event.not_before, event.not_after))
                .map(|at| (at, "createdDateTime"));
            return Some(event);
        }
        if latest.parent != parent {
            return None;
        }
        Some(self.addition_by_silence(object, (capture, entry), &own, &earlier, created))
    }

    fn addition_by_silence(
        &self,
        object: usize,
        new: (usize, usize),
        own: &[&'a ListCapture],
        earlier: &dyn Fn(&&ListCapture) -> bool,
        created: Option<Timestamp>,
    ) -> Event {
        let parent = own.first().map_or("", |list| list.parent.as_str());
        let held = self.held(object, parent);
        let scopes = self.scopes(own, held);
        let with = own
            .iter()
            .find(|list| held.contains(&list.capture) && !self.before(list.capture, new.0));
        let mut last_reason = None;
        let mut last = None;
        for list in own.iter().copied().filter(|list| earlier(list)).rev() {
            let reference = with.map(|with| self.shared(parent, list.capture, with));
            let Some(id) = self.id(object) else { break };
            let (certainty, reason) = silence(list, id, &scopes, reference);
            last_reason = last_reason.or(Some(reason));
            last = last.or(Some(list.capture));
            if certainty == Certainty::Unproven {
                continue;
            }
            let older = matches!(
                (created, self.start(list.capture)),
                (Some(created), Some(start)) if whole(created) < whole(start)
            );
            if older && certainty == Certainty::Consistent {
                return self.first_observed(object, Some(list.capture), new, Reason::CreatedBefore);
            }
            let mut event = self.first_observed(object, Some(list.capture), new, reason);
            event.kind = ChangeKind::Added;
            event.certainty = certainty;
            event.reason = (certainty != Certainty::Proven).then_some(reason);
            event.narrowed = created
                .filter(|at| inside(*at, event.not_before, event.not_after))
                .map(|at| (at, "createdDateTime"));
            return event;
        }
        self.first_observed(object, last, new, last_reason.unwrap_or(Reason::NoEarlierList))
    }

    /// How many of the ids in `with` are in `list`.
    fn shared(&self, parent: &str, list: usize, with: &ListCapture) -> Reference {
        *self.shared.borrow_mut().entry((list, with.capture)).or_insert_with(|| {
            let held = self.held_in.get(parent).into_iter().flat_map(BTreeMap::values);
            let both =
                held.filter(|held| held.contains(&list) && held.contains(&with.capture)).count();
            Reference { known: with.ids, seen: both }
        })
    }

    /// A natural key that went and came again.
    fn returns(&self, object: usize, lost: &[Event], events: &mut Vec<Event>) {
        if !self.facts.natural {
            return;
        }
        let Some(observations) = self.observations.get(object) else { return };
        for event in lost {
            let back = observations.live().find(|(capture, _)| self.before(event.new, *capture));
            let Some((capture, entry)) = back else { continue };
            let added = self
                .addition(object, capture, entry, Some(event.new))
                .filter(|added| added.kind == ChangeKind::Added);
            events.push(added.unwrap_or_else(|| {
                let reason = event.reason.unwrap_or(Reason::SilenceUnbroken);
                let mut added =
                    self.first_observed(object, Some(event.new), (capture, entry), reason);
                added.kind = ChangeKind::Added;
                added.certainty = event.certainty;
                added.reason = event.reason;
                added
            }));
        }
    }

    /// An object last seen in the bin that is in neither place any more.
    fn purge(&self, object: usize, events: &mut Vec<Event>) {
        let Some(observations) = self.observations.get(object) else { return };
        let Some((last, last_entry)) = observations.bin().next_back() else { return };
        if observations.live().any(|(capture, _)| self.before(last, capture)) {
            return;
        }
        let later = |list: &&ListCapture| self.before(last, list.capture);
        let Some(bin) = self.population.bins.iter().filter(later).find(|bin| bin.is_complete())
        else {
            return;
        };
        let Some(id) = self.id(object) else { return };
        let lists = self.lists_below("").to_vec();
        let scopes = self.scopes(&lists, self.held(object, ""));
        let words: Vec<(usize, (Certainty, Reason))> = lists
            .iter()
            .copied()
            .filter(later)
            .filter(|list| !self.referenced_after(id, list.capture))
            .map(|list| {
                let reference = self.known.get(&list.capture).copied();
                (list.capture, silence(list, id, &scopes, reference))
            })
            .collect();
        let carried = words.iter().find(|(_, (certainty, _))| *certainty != Certainty::Unproven);
        let Some((list, (certainty, reason))) = carried.or(words.first()).copied() else { return };
        let deleted = self.entry(last_entry).and_then(|entry| self.dates.deleted(entry));
        let in_time = match (self.facts.bin_days, self.end(bin.capture), deleted) {
            (Some(days), Some(end), Some(at)) => end.duration_since(at) < days_of(days),
            _ => false,
        };
        let not_after = match (self.end(list), self.end(bin.capture)) {
            (Some(list), Some(bin)) => Some(list.max(bin)),
            _ => None,
        };
        let unproven = (certainty != Certainty::Proven).then_some(reason);
        events.push(Event {
            object,
            kind: if in_time { ChangeKind::HardDeleted } else { ChangeKind::Removed },
            old: Some(last),
            new: if self.before(list, bin.capture) { bin.capture } else { list },
            not_before: self.start(last),
            not_after,
            certainty,
            reason: if in_time || certainty == Certainty::Unproven {
                unproven
            } else {
                Some(Reason::BinExpired)
            },
            narrowed: None,
            old_entry: Some(last_entry),
            new_entry: None,
        });
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
    Observations { all }
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
