//! Links: what the lists of one object and relation gained and lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::{Draft, Subject};
use crate::index::{Index, LinkObservation, LinkRun, Listing, ObjectId};
use crate::model::{Certainty, ChangeKind, Lane, Reason, Receipt};

/// Lists of more targets than this fill several pages, so that one page alone may be a rest.
const ONE_PAGE: usize = 100;

/// A target that is known to be linked: its type, and where it was last seen.
#[derive(Debug, Clone)]
struct Seen {
    object_type: Arc<str>,
    capture: usize,
    receipt: Receipt,
}

/// A list that was read whole, with the certainty of its silence.
#[derive(Debug, Clone)]
struct Whole {
    capture: usize,
    certainty: Certainty,
    targets: Vec<ObjectId>,
}

/// The rows of one link run.
pub(super) fn rows(
    index: &Index,
    tenant: &str,
    run: &LinkRun,
    collected_before: bool,
) -> Vec<Draft> {
    let mut follower = Follower {
        index,
        tenant,
        run,
        known: BTreeMap::new(),
        gone: BTreeMap::new(),
        wholes: Vec::new(),
        rows: Vec::new(),
    };
    for (place, observation) in run.observations.iter().enumerate() {
        follower.take(observation, place == 0, collected_before);
    }
    follower.rows
}

struct Follower<'a> {
    index: &'a Index,
    tenant: &'a str,
    run: &'a LinkRun,
    known: BTreeMap<ObjectId, Seen>,
    /// Targets that a delta page said are linked no more, and where.
    gone: BTreeMap<ObjectId, Seen>,
    wholes: Vec<Whole>,
    rows: Vec<Draft>,
}

impl Follower<'_> {
    fn take(&mut self, observation: &LinkObservation, first: bool, source_seen_before: bool) {
        let certainty = self.certainty(observation);
        let held = |id: &ObjectId| {
            observation.others.binary_search_by(|(_, other, _)| other.cmp(id)).is_ok()
        };
        if !first {
            self.removals(observation, certainty, &held);
        }
        self.said_gone(observation);
        for (object_type, id, receipt) in &observation.others {
            let seen = Seen {
                object_type: Arc::clone(object_type),
                capture: observation.capture,
                receipt: *receipt,
            };
            if let Some(known) = self.known.get_mut(id) {
                *known = seen;
                continue;
            }
            if !first {
                self.addition(observation.capture, id, &seen);
            } else if source_seen_before {
                let draft =
                    self.draft(ChangeKind::FirstObserved, None, observation.capture, id, &seen);
                let draft = draft.graded(Certainty::Unproven, Some(Reason::FirstCollected));
                self.rows.push(draft.evidence(Vec::new(), vec![*receipt]));
            }
            self.known.insert(id.clone(), seen);
        }
        if let Some((certainty, _)) = certainty
            && certainty != Certainty::Unproven
        {
            let targets = observation.others.iter().map(|(_, id, _)| id.clone()).collect();
            self.wholes.push(Whole { capture: observation.capture, certainty, targets });
        }
    }

    /// How much the silence of a list proves; `None` for a list that is not whole.
    fn certainty(&self, observation: &LinkObservation) -> Option<(Certainty, Option<Reason>)> {
        if observation.partial {
            return None;
        }
        let capture = self.index.captures.get(observation.capture)?;
        // The count of a list of objects says nothing of what is expanded inside them.
        let count = capture.count.filter(|_| capture.listing == Listing::Links);
        let counted = count.is_some_and(|count| {
            u64::try_from(observation.others.len()).is_ok_and(|found| found == count)
        });
        if count.is_some() && !counted {
            return Some((Certainty::Unproven, Some(Reason::CountMismatch)));
        }
        if counted {
            return Some((Certainty::Proven, None));
        }
        let still =
            observation.others.iter().filter(|(_, id, _)| self.known.contains_key(id)).count();
        if self.known.len() > ONE_PAGE && still * 10 < self.known.len() * 9 {
            return Some((Certainty::Unproven, Some(Reason::ListShrunk)));
        }
        let own_chain = capture.chain && observation.pages == 1;
        Some(if own_chain {
            (Certainty::Proven, None)
        } else {
            (Certainty::Consistent, Some(Reason::SilenceUnbroken))
        })
    }

    fn removals(
        &mut self,
        observation: &LinkObservation,
        certainty: Option<(Certainty, Option<Reason>)>,
        held: &dyn Fn(&ObjectId) -> bool,
    ) {
        let Some((certainty, reason)) = certainty else { return };
        let lost: Vec<(ObjectId, Seen)> = self
            .known
            .iter()
            .filter(|(id, seen)| !held(id) && self.index.before(seen.capture, observation.capture))
            .map(|(id, seen)| (id.clone(), seen.clone()))
            .collect();
        for (id, seen) in lost {
            let draft = self
                .draft(ChangeKind::LinkRemoved, Some(seen.capture), observation.capture, &id, &seen)
                .graded(certainty, reason)
                .evidence(vec![seen.receipt], self.cite(observation));
            self.rows.push(draft);
            if certainty != Certainty::Unproven {
                self.known.remove(&id);
            }
        }
    }

    /// Links that a delta page says are no more.
    fn said_gone(&mut self, observation: &LinkObservation) {
        for (object_type, id, receipt) in &observation.gone {
            let gone = Seen {
                object_type: Arc::clone(object_type),
                capture: observation.capture,
                receipt: *receipt,
            };
            if let Some(seen) = self.known.remove(id) {
                if self.index.before(seen.capture, observation.capture) {
                    let (from, to) = (Some(seen.capture), observation.capture);
                    let draft = self
                        .draft(ChangeKind::LinkRemoved, from, to, id, &seen)
                        .graded(Certainty::Proven, None)
                        .evidence(vec![seen.receipt], vec![*receipt]);
                    self.rows.push(draft);
                } else {
                    self.known.insert(id.clone(), seen);
                    continue;
                }
            }
            self.gone.insert(id.clone(), gone);
        }
    }

    /// Absence cites the exhibits that carry it.
    fn cite(&self, observation: &LinkObservation) -> Vec<Receipt> {
        match observation.receipt.place {
            Some(_) => vec![observation.receipt],
            None => self.index.exhibits_of(observation.capture),
        }
    }

    fn addition(&mut self, capture: usize, id: &ObjectId, seen: &Seen) {
        let silent = self
            .wholes
            .iter()
            .rev()
            .find(|whole| self.index.before(whole.capture, capture))
            .filter(|whole| whole.targets.binary_search(id).is_err());
        let said = self.gone.get(id).filter(|gone| {
            self.index.before(gone.capture, capture)
                && silent.is_none_or(|whole| self.index.before(whole.capture, gone.capture))
        });
        if let Some(gone) = said {
            let draft = self
                .draft(ChangeKind::LinkAdded, Some(gone.capture), capture, id, seen)
                .graded(Certainty::Proven, None)
                .evidence(vec![gone.receipt], vec![seen.receipt]);
            self.rows.push(draft);
            return;
        }
        let draft = match silent {
            Some(whole) => {
                let reason =
                    (whole.certainty != Certainty::Proven).then_some(Reason::SilenceUnbroken);
                self.draft(ChangeKind::LinkAdded, Some(whole.capture), capture, id, seen)
                    .graded(whole.certainty, reason)
                    .evidence(self.index.exhibits_of(whole.capture), vec![seen.receipt])
            }
            None => self
                .draft(ChangeKind::FirstObserved, None, capture, id, seen)
                .graded(Certainty::Unproven, Some(Reason::LinksPartial))
                .evidence(Vec::new(), vec![seen.receipt]),
        };
        self.rows.push(draft);
    }

    fn draft(
        &self,
        kind: ChangeKind,
        from: Option<usize>,
        to: usize,
        other: &ObjectId,
        seen: &Seen,
    ) -> Draft {
        let key = &self.run.key;
        // In an inverse list the other end is the source.
        let (source_type, source, target_type, target) = if self.run.inverse {
            (&seen.object_type, other, &key.source_type, &key.source)
        } else {
            (&key.source_type, &key.source, &seen.object_type, other)
        };
        let subject = Subject {
            index: self.index,
            tenant: self.tenant,
            object_type: source_type,
            id: source,
        };
        let mut draft = subject.draft(kind, from, to).aimed_at(target_type, target);
        draft.change.attribute = key.relation.to_string();
        draft.change.lane = Lane::Change;
        draft
    }
}
