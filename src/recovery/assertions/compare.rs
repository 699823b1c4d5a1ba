//! Whether objects are in one snapshot as they were in another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::decide::{Answer, Asking, listed};
use super::file::Subject;
use super::look::{Objects, Place, Seen};
use crate::history::{EVERY, HistoryError, ObservedObject, objects_in};
use crate::index::ObjectId;
use crate::model::{Receipt, glob};

/// Differences that are shown, and whose receipts are cited.
const SHOWN: usize = 20;

/// What was found out, object by object.
#[derive(Default)]
struct Tally {
    compared: u64,
    differing: Vec<String>,
    differences: u64,
    untold: u64,
    /// Why the first of these cannot be told.
    why: Option<String>,
    evidence: Vec<Receipt>,
}

impl Tally {
    fn differs(&mut self, what: String, receipts: impl IntoIterator<Item = Receipt>) {
        self.compared += 1;
        self.differences += 1;
        if self.differing.len() < SHOWN {
            self.differing.push(what);
            self.evidence.extend(receipts);
        }
    }

    fn untold(&mut self, why: &str, of: &str) {
        self.untold += 1;
        self.why.get_or_insert_with(|| format!("{why} ({of})"));
    }
}

impl Asking<'_, '_> {
    /// Whether what it speaks of is as it was in `other`.
    pub(super) fn equals(&self, other: Place<'_>) -> Result<Answer, HistoryError> {
        let mut named = None;
        let ids = match &self.assertion.object {
            Subject::All => {
                let of = |place: Place<'_>| {
                    objects_in(self.looker.index, place.snapshot, &self.assertion.object_type)
                };
                of(self.place).union(&of(other)).cloned().collect()
            }
            Subject::Id(_) | Subject::Named(..) => {
                // What is gone now may still have had the name then.
                let found = match self.subject(self.place)? {
                    Err(_) => self.subject(other)?,
                    found => found,
                };
                let id = match found {
                    Ok(id) => id,
                    Err(answer) => return Ok(answer),
                };
                if !self.looker.is_known(self.place.tenant, &self.assertion.object_type, &id) {
                    let why = "no snapshot shows an object of this type and id";
                    return Ok(Answer::untold(why, String::new()));
                }
                named = Some(id.clone());
                BTreeSet::from([id])
            }
        };
        let (now, then) = self.both(other, &ids)?;
        let mut tally = Tally::default();
        for id in &ids {
            self.object(id, (&now, &then), other, &mut tally);
        }
        Ok(Answer { object: named, ..self.summed(tally, ids.len()) })
    }

    /// What both snapshots show, each asked for what the other one shows.
    fn both(
        &self,
        other: Place<'_>,
        ids: &BTreeSet<ObjectId>,
    ) -> Result<(Seen, Seen), HistoryError> {
        let object_type = &self.assertion.object_type;
        let every: BTreeSet<Box<str>> = BTreeSet::from([EVERY.into()]);
        let mut objects: Objects = ids.iter().map(|id| (id.clone(), every.clone())).collect();
        for place in [self.place, other] {
            let seen = self.looker.look(place, object_type, &objects)?;
            for (id, object) in seen.objects {
                let paths = object.attributes.into_keys().filter(|path| self.is_meant(path));
                objects.entry(id).or_default().extend(paths);
            }
        }
        for paths in objects.values_mut() {
            paths.remove(EVERY);
            // Where one snapshot has nothing and the other members, the members are compared.
            let inner: BTreeSet<Box<str>> = paths
                .iter()
                .flat_map(|path| path.match_indices('.').filter_map(|(at, _)| path.get(..at)))
                .map(Box::from)
                .collect();
            paths.retain(|path| !inner.contains(path));
        }
        let now = self.looker.look(self.place, object_type, &objects)?;
        let then = self.looker.look(other, object_type, &objects)?;
        Ok((now, then))
    }

    /// Whether the assertion speaks of a path or relation: by name, with all below it, by pattern, or as part of the whole
    /// object, to which what moves by itself does not belong.
    fn is_meant(&self, path: &str) -> bool {
        let pattern = self.assertion.attribute.as_str();
        let rules = self.looker.catalogue.attribute(&self.assertion.object_type, path);
        let below = || path.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'));
        match pattern {
            "" => !rules.volatile && !rules.ignored,
            _ if pattern.contains('*') => glob(pattern, path) && !rules.volatile && !rules.ignored,
            _ => path == pattern || below(),
        }
    }

    fn object(
        &self,
        id: &ObjectId,
        (now, then): (&Seen, &Seen),
        other: Place<'_>,
        tally: &mut Tally,
    ) {
        let (a, b) = match (now.objects.get(id), then.objects.get(id)) {
            (Some(a), Some(b)) => (a, b),
            (Some(a), None) if !a.deleted => {
                return self.one_sided(id, other, &a.receipts, tally);
            }
            (None, Some(b)) if !b.deleted => {
                return self.one_sided(id, self.place, &b.receipts, tally);
            }
            // In the bin on one side and nowhere on the other, or nowhere: live in neither.
            _ => return self.neither(id, other, tally),
        };
        if a.of_delta || b.of_delta {
            return tally.untold("nothing but delta pages show an object", &id.to_string());
        }
        if a.deleted != b.deleted {
            let receipts = a.receipts.iter().chain(&b.receipts).copied();
            return tally.differs(id.to_string(), receipts);
        }
        if a.deleted {
            tally.compared += 1;
            return;
        }
        let before = tally.compared + tally.untold;
        let paths: BTreeSet<&Box<str>> = a.attributes.keys().chain(b.attributes.keys()).collect();
        for path in paths.into_iter().filter(|path| self.is_meant(path)) {
            let of = (&*self.assertion.object_type, &*id.to_string(), &**path);
            let disagree = [self.place, other].map(|place| self.looker.disagree(place, of));
            match (a.attributes.get(path), b.attributes.get(path)) {
                _ if disagree.contains(&true) => {
                    tally.untold("captures of a snapshot disagree", &format!("{id} {path}"));
                }
                (Some(a), Some(b)) if a.meaning == b.meaning => tally.compared += 1,
                // A complex value is answered whole: what it leaves out beside members that it shows is empty.
                (Some(shown), None) if shown.meaning.is_empty() && shows_beside(b, path) => {
                    tally.compared += 1;
                }
                (None, Some(shown)) if shown.meaning.is_empty() && shows_beside(a, path) => {
                    tally.compared += 1;
                }
                (Some(a), Some(b)) => {
                    tally.differs(format!("{id} {path}"), [a.receipt, b.receipt]);
                }
                _ => {
                    let why = "an attribute was collected in one of the snapshots only";
                    tally.untold(why, &format!("{id} {path}"));
                }
            }
        }
        self.lists(id, (now, then), tally);
        if tally.compared + tally.untold == before {
            tally.untold("it was not collected", &id.to_string());
        }
    }

    /// An object that one snapshot shows live, and `silent` not.
    fn one_sided(&self, id: &ObjectId, silent: Place<'_>, receipts: &[Receipt], tally: &mut Tally) {
        match self.unlisted(silent) {
            None => tally.differs(id.to_string(), receipts.iter().copied()),
            Some(why) => tally.untold(why, &id.to_string()),
        }
    }

    fn neither(&self, id: &ObjectId, other: Place<'_>, tally: &mut Tally) {
        match self.unlisted(self.place).or_else(|| self.unlisted(other)) {
            None => tally.compared += 1,
            Some(why) => tally.untold(why, &id.to_string()),
        }
    }

    fn lists(&self, id: &ObjectId, (now, then): (&Seen, &Seen), tally: &mut Tally) {
        let of = |seen: &Seen| -> BTreeSet<Arc<str>> {
            let start = (id.clone(), Arc::from(""));
            let own = seen.lists.range(start..).take_while(|((source, _), _)| source == id);
            own.map(|((_, relation), _)| Arc::clone(relation)).collect()
        };
        for relation in of(now).union(&of(then)).filter(|relation| self.is_meant(relation)) {
            let key = (id.clone(), Arc::clone(relation));
            let (Some(a), Some(b)) = (now.lists.get(&key), then.lists.get(&key)) else {
                let why = "a list of links was collected in one of the snapshots only";
                tally.untold(why, &format!("{id} {relation}"));
                continue;
            };
            let lone = |one: &BTreeMap<ObjectId, Receipt>, whole: bool, other: &BTreeMap<_, _>| {
                let lone = one.iter().filter(|(end, _)| whole && !other.contains_key(*end));
                lone.map(|(end, receipt)| (end.clone(), *receipt)).collect::<Vec<_>>()
            };
            let mut differing = lone(&a.targets, b.whole && !b.of_delta, &b.targets);
            differing.extend(lone(&b.targets, a.whole && !a.of_delta, &a.targets));
            for (end, receipt) in &differing {
                tally.differs(format!("{id} {relation} {end}"), [*receipt]);
            }
            let whole = a.whole && b.whole && !a.of_delta && !b.of_delta;
            match (differing.is_empty(), whole) {
                (true, true) => tally.compared += 1,
                (_, false) => {
                    tally.untold("a list of links is not whole", &format!("{id} {relation}"));
                }
                (false, true) => {}
            }
        }
    }

    fn summed(&self, tally: Tally, objects: usize) -> Answer {
        let open = match tally.untold {
            0 => String::new(),
            untold => format!("; {untold} cannot be told: {}", tally.why.unwrap_or_default()),
        };
        if tally.differences > 0 {
            let detail = format!("{} of {} differ{open}", tally.differences, tally.compared);
            return Answer::fails(listed(tally.differing.iter()), detail, tally.evidence);
        }
        if tally.untold > 0 {
            let why =
                format!("{} of {} are equal{open}", tally.compared, tally.compared + tally.untold);
            return Answer::untold(&why, self.export(self.assertion.attribute.trim_matches('*')));
        }
        if tally.compared == 0 {
            return Answer::untold("there is nothing to compare", self.export(""));
        }
        Answer::holds(
            format!("{} attributes, links and objects of {objects} are equal", tally.compared),
            tally.evidence,
        )
    }
}

/// Whether an object shows another member of the complex value that a path lies in.
fn shows_beside(object: &ObservedObject, path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(parent, _)| {
        let inside = |key: &str| key.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
        object.attributes.keys().any(|key| inside(key))
    })
}
