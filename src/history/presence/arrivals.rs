//! What positive observations tell: objects added, soft-deleted, restored, or seen for the first time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Dates, Event, Presence, inside, whole};
use crate::history::lists::{ListCapture, Reference, silence};
use crate::history::timeline::clusters;
use crate::model::{Certainty, ChangeKind, Reason};

impl<'a, D: Dates> Presence<'a, D> {
    /// Additions, soft deletions and restorations: what positive observations tell.
    pub(super) fn positive_events(&self, object: usize, events: &mut Vec<Event>) {
        let Some(observations) = self.observations.get(object) else { return };
        let clusters =
            clusters(observations.all.iter().copied(), |(capture, _, _)| *capture, &|a, b| {
                self.before(a, b)
            });
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
            let quiet = if parent.is_empty() { self.population.quiet } else { 0 };
            Reference { known: with.ids, seen: both + quiet }
        })
    }

    /// A natural key that went and came again.
    pub(super) fn returns(&self, object: usize, lost: &[Event], events: &mut Vec<Event>) {
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
}
