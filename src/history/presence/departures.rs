//! Objects that a list no longer holds, and objects that left their recycle bin.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Dates, Event, Presence, days_of};
use crate::history::lists::{ListCapture, Reference, silence};
use crate::index::{ObjectId, Removal};
use crate::model::{Certainty, ChangeKind, Reason};

impl<'a, D: Dates> Presence<'a, D> {
    /// Walks the lists of one parent in order and finds the objects that they no longer hold.
    pub(super) fn disappearances(&mut self, parent: &str, gone: &mut BTreeMap<usize, Vec<Event>>) {
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
            let quiet = self.quiet_before(parent, list.capture);
            let reference = Reference { known: known.len() + quiet, seen: seen + quiet };
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

    /// How many quiet objects an earlier list has shown.
    fn quiet_before(&self, parent: &str, list: usize) -> usize {
        let shown = self.lists_below(parent).iter().any(|l| self.before(l.capture, list));
        if parent.is_empty() && shown { self.population.quiet } else { 0 }
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
    pub(super) fn referenced_after(&self, id: &ObjectId, list: usize) -> bool {
        self.references.get(&(self.tenant, id.key())).is_some_and(|last| self.before(list, *last))
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

    /// What delta pages say of an object's going, where nothing else tells of it.
    pub(super) fn said_gone(&self, object: usize, events: &mut Vec<Event>) {
        let Some(observations) = self.observations.get(object) else { return };
        for (capture, entry) in &observations.said_gone {
            let told = events.iter().any(|event| {
                event.object == object
                    && matches!(
                        event.kind,
                        ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted
                    )
            });
            if told || !self.is_known(object, *capture, None) || !self.may_be_gone(object, *capture)
            {
                continue;
            }
            let removal = self.entry(*entry).and_then(|entry| entry.removal);
            let (certainty, reason) = match removal {
                Some(Removal::Deleted) => (Certainty::Consistent, Reason::DeltaDeleted),
                Some(Removal::Changed) | None => (Certainty::Unproven, Reason::DeltaChanged),
            };
            let event = self.gone_event(object, *capture, certainty, reason);
            events.extend(event.map(|event| Event {
                kind: ChangeKind::Removed,
                certainty,
                reason: Some(reason),
                new_entry: Some(*entry),
                ..event
            }));
        }
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

    /// An object last seen in the bin that is in neither place any more.
    pub(super) fn purge(&self, object: usize, events: &mut Vec<Event>) {
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
