//! Objects that came and went, and those that only the mess took away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{Certainty, ChangeKind, Lane};

use super::super::capture::{Bits, Capture, Reading};
use super::super::clock::DAY;
use super::super::kinds::{Obj, Ty};
use super::super::tenant::{Place, Tenant};
use super::{Row, View};

/// Days before the service purges a recycle bin.
const BIN_DAYS: i64 = 30;
/// Ids that a list must have before its order proves anything.
const ORDER_PROVES_FROM: u64 = 20;
/// Lists below one object may shrink at will up to this many.
const ONE_PAGE: u64 = 100;

/// Whether a list lacks more than a tenth of what it ought to hold.
fn is_shrunk(list: &Capture, known: &Bits) -> bool {
    let small = list.parent.is_some() && known.len() <= ONE_PAGE;
    !small && known.common(&list.present) * 10 < known.len() * 9
}

/// A list that does not hold an object, and what its silence is worth.
#[derive(Debug, Clone, Copy)]
struct Silence {
    list: usize,
    certainty: Certainty,
}

struct Type<'v, 'a> {
    view: &'v View<'a>,
    tenant: &'a Tenant,
    ty: Ty,
    all: &'v [&'a Capture],
    /// By object: the captures that hold it.
    sights: BTreeMap<u32, Vec<usize>>,
    /// By object and last sight: the best silence after it.
    silences: BTreeMap<(u32, usize), Silence>,
    /// By object: the later link captures that point at it.
    references: BTreeMap<u32, Vec<(usize, i64)>>,
}

/// Adds the rows of a type.
pub(super) fn project(view: &View<'_>, ty: Ty, rows: &mut Vec<Row>) {
    if ty.is_singleton() || ty == Ty::Requirements {
        return;
    }
    let all = view.captures(ty);
    let mut candidates: BTreeSet<u32> =
        view.tenant.moves.keys().filter(|obj| obj.ty == ty).map(|obj| obj.ix).collect();
    all.iter().for_each(|capture| candidates.extend(&capture.lost));
    let sights = candidates
        .iter()
        .map(|ix| {
            let held = all.iter().enumerate().filter(|(_, capture)| capture.present.contains(*ix));
            (*ix, held.map(|(number, _)| number).collect())
        })
        .collect();
    let mut one = Type {
        view,
        tenant: view.tenant,
        ty,
        all,
        sights,
        silences: BTreeMap::new(),
        references: BTreeMap::new(),
    };
    one.refer();
    one.listen();
    for ix in candidates {
        one.rows_of(ix, rows);
    }
}

impl Type<'_, '_> {
    fn capture(&self, number: usize) -> Option<&Capture> {
        self.all.get(number).copied()
    }

    fn reading(&self, number: usize) -> Option<Reading> {
        self.capture(number).map(|capture| capture.reading)
    }

    fn is_bin(&self, number: usize) -> bool {
        self.reading(number) == Some(Reading::Bin)
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        match (self.capture(one), self.capture(other)) {
            (Some(one), Some(other)) => one.is_before(other),
            _ => false,
        }
    }

    fn obj(&self, ix: u32) -> Obj {
        Obj { ty: self.ty, ix }
    }

    /// Whether a list could hold an object at all.
    fn concerns(&self, list: &Capture, ix: u32) -> bool {
        self.ty.spec().parent.is_none()
            || list.parent.is_none()
            || self.tenant.parent(self.obj(ix)) == list.parent
    }

    /// Finds the link captures that point at candidates.
    fn refer(&mut self) {
        let mut found: BTreeMap<u32, Vec<(usize, i64)>> = BTreeMap::new();
        let wanted = |obj: &Obj| obj.ty == self.ty && self.sights.contains_key(&obj.ix);
        for (relation, links) in &self.tenant.links {
            let any = links.first.iter().any(&wanted)
                || links.log.iter().any(|event| wanted(&event.target));
            if !any {
                continue;
            }
            for capture in self.view.links.get(relation).into_iter().flatten() {
                for target in links.at(capture.start).iter().filter(|target| wanted(target)) {
                    found.entry(target.ix).or_default().push((capture.day, capture.start));
                }
            }
        }
        for (day, start, targets) in self.view.role_members {
            for target in targets.iter().filter(|target| wanted(target)) {
                found.entry(target.ix).or_default().push((*day, *start));
            }
        }
        self.references = found;
    }

    fn is_referenced_after(&self, ix: u32, list: &Capture) -> bool {
        self.references
            .get(&ix)
            .into_iter()
            .flatten()
            .any(|(day, start)| *day > list.day || (*day == list.day && *start > list.end))
    }

    /// Goes through all captures in order and judges the silence of each list.
    fn listen(&mut self) {
        let (mut seen, mut gone, mut bin) = (Bits::default(), Bits::default(), Bits::default());
        let mut by_scope: BTreeMap<String, Bits> = BTreeMap::new();
        for number in 0..self.all.len() {
            let Some(capture) = self.all.get(number).copied() else { continue };
            if capture.reading == Reading::Bin {
                bin.add(&capture.present);
                continue;
            }
            if capture.reading == Reading::List {
                let scope = by_scope.entry(capture.scope.clone()).or_default();
                let mut known = if capture.parent.is_some() { scope.clone() } else { seen.clone() };
                known.subtract(&gone);
                known.subtract(&bin);
                for ix in self.silent(number, capture) {
                    // A list that never could hold it, having been asked for before, is no other request.
                    let never = scope.len() > 0 && !seen.contains(ix);
                    if self.judge(ix, number, (capture, &known, never || scope.contains(ix))) {
                        gone.insert(ix);
                    }
                }
                scope.add(&capture.present);
            }
            seen.add(&capture.present);
            gone.subtract(&capture.present);
            bin.subtract(&capture.present);
        }
    }

    /// Candidates that a list concerns and does not hold.
    fn silent(&self, number: usize, list: &Capture) -> Vec<u32> {
        self.sights
            .iter()
            .filter(|(ix, sights)| {
                !list.present.contains(**ix)
                    && self.concerns(list, **ix)
                    && sights.first().is_some_and(|first| *first < number)
            })
            .map(|(ix, _)| *ix)
            .collect()
    }

    /// Judges one silence; true where the object is gone from here on.
    fn judge(
        &mut self,
        ix: u32,
        number: usize,
        (list, known, asked): (&Capture, &Bits, bool),
    ) -> bool {
        let sights = self.sights.get(&ix).map(Vec::as_slice).unwrap_or_default();
        let next = sights.iter().find(|sight| **sight > number).copied();
        let Some(last) = sights.iter().rev().find(|sight| **sight < number).copied() else {
            return false;
        };
        if !self.is_before(last, number) || (next.is_some() && !self.ty.is_natural()) {
            return false;
        }
        let told = self.silences.get(&(ix, last)).copied();
        if told.is_some_and(|silence| silence.certainty != Certainty::Unproven) {
            return !self.is_bin(last);
        }
        if self.is_referenced_after(ix, list) {
            return false;
        }
        let certainty = self.removal(ix, list, known, asked);
        if told.is_none() || certainty != Certainty::Unproven {
            self.silences.insert((ix, last), Silence { list: number, certainty });
        }
        certainty != Certainty::Unproven && !self.is_bin(last)
    }

    /// The rungs that removals and additions share.
    fn ladder(&self, ix: u32, list: &Capture) -> Option<Certainty> {
        let held = list.present.len();
        if let (Some(count), false) = (list.count, list.filtered) {
            return Some(if count == held { Certainty::Proven } else { Certainty::Unproven });
        }
        let key = self.tenant.key(self.obj(ix));
        let inside = list.ranges.iter().any(|(first, last)| *first < key && key < *last);
        if inside && !list.filtered && held >= ORDER_PROVES_FROM {
            return Some(Certainty::Proven);
        }
        list.dangling.then_some(Certainty::Unproven)
    }

    fn removal(&self, ix: u32, list: &Capture, known: &Bits, asked: bool) -> Certainty {
        if let Some(certainty) = self.ladder(ix, list) {
            return certainty;
        }
        if is_shrunk(list, known) || !asked { Certainty::Unproven } else { Certainty::Consistent }
    }

    fn addition(&self, ix: u32, list: &Capture, first: usize) -> Certainty {
        if let Some(certainty) = self.ladder(ix, list) {
            return certainty;
        }
        let holding =
            |capture: &&&Capture| capture.reading == Reading::List && capture.present.contains(ix);
        if !self.all.iter().filter(holding).any(|capture| capture.scope == list.scope) {
            return Certainty::Unproven;
        }
        let Some(later) = self.all.iter().skip(first).find(holding) else {
            return Certainty::Unproven;
        };
        if is_shrunk(list, &later.present) { Certainty::Unproven } else { Certainty::Consistent }
    }

    fn rows_of(&self, ix: u32, rows: &mut Vec<Row>) {
        let sights = self.sights.get(&ix).map(Vec::as_slice).unwrap_or_default();
        let (Some(first), Some(last)) = (sights.first().copied(), sights.last().copied()) else {
            return;
        };
        rows.extend(if self.is_bin(first) {
            self.born_deleted(ix, first)
        } else {
            self.added(ix, first, None)
        });
        for (one, other) in sights.iter().copied().zip(sights.iter().copied().skip(1)) {
            match (self.is_bin(one), self.is_bin(other)) {
                (false, true) => rows.extend(self.between(ix, ChangeKind::SoftDeleted, one, other)),
                (true, false) => rows.extend(self.between(ix, ChangeKind::Restored, one, other)),
                (false, false) if self.silences.contains_key(&(ix, one)) => {
                    if let Some(row) = self.gone(ix, one).filter(|row| row.lane == Lane::Change) {
                        rows.push(row);
                        rows.extend(self.added(ix, other, Some(one)));
                    }
                }
                _ => {}
            }
        }
        rows.extend(if self.is_bin(last) { self.purged(ix, last) } else { self.gone(ix, last) });
    }

    /// The moves in a time, in order.
    fn effects(&self, ix: u32, after: i64, until: i64) -> Vec<usize> {
        let moves = self.tenant.moves.get(&self.obj(ix)).into_iter().flatten();
        moves
            .filter(|moved| moved.at > after && moved.at <= until)
            .map(|moved| moved.effect)
            .collect()
    }

    fn between(&self, ix: u32, change: ChangeKind, one: usize, other: usize) -> Option<Row> {
        let (one, other) = (self.capture(one)?, self.capture(other)?);
        Some(Row {
            effects: self.effects(ix, one.start, other.start),
            ..Row::of(self.obj(ix), change, (one.start, other.end))
        })
    }

    /// First seen in the recycle bin.
    fn born_deleted(&self, ix: u32, first: usize) -> Option<Row> {
        let bin = self.capture(first)?;
        let moves = self.tenant.moves.get(&self.obj(ix))?;
        let deleted =
            moves.iter().rev().find(|moved| moved.at <= bin.start && moved.to == Place::Bin)?;
        let before = self
            .all
            .iter()
            .take(first)
            .rfind(|capture| capture.reading != Reading::Entity && capture.end < deleted.at)?;
        Some(Row {
            effects: self.effects(ix, before.start, bin.start),
            ..Row::of(self.obj(ix), ChangeKind::SoftDeleted, (before.start, bin.end))
        })
    }

    /// First seen live, or seen again after it was gone.
    fn added(&self, ix: u32, first: usize, after: Option<usize>) -> Option<Row> {
        let seen = self.capture(first)?;
        let lists: Vec<&Capture> = self
            .all
            .iter()
            .copied()
            .take(first)
            .skip(after.map_or(0, |after| after + 1))
            .filter(|list| list.reading == Reading::List && list.is_before(seen))
            .filter(|list| self.concerns(list, ix))
            .collect();
        let row = |from: &Capture, certainty| Row {
            certainty,
            effects: self.effects(ix, from.start, seen.start),
            ..Row::of(self.obj(ix), ChangeKind::Added, (from.start, seen.end))
        };
        let created = self.created(ix).filter(|_| seen.collects("createdDateTime"));
        let last = lists.last()?;
        if created.is_some_and(|created| created > last.end) {
            return Some(row(last, Certainty::Proven));
        }
        let (list, certainty) = lists.iter().rev().find_map(|list| {
            let certainty = self.addition(ix, list, first);
            (certainty != Certainty::Unproven).then_some((list, certainty))
        })?;
        let older = created.is_some_and(|created| created < list.start);
        (!(older && certainty == Certainty::Consistent)).then(|| row(list, certainty))
    }

    /// When the service says that the object was created.
    fn created(&self, ix: u32) -> Option<i64> {
        if !self.ty.spec().created {
            return None;
        }
        let word = self.tenant.word(self.obj(ix), "createdDateTime", i64::MAX);
        word.parse::<Timestamp>().ok().map(Timestamp::as_second)
    }

    fn disappeared(
        &self,
        ix: u32,
        change: ChangeKind,
        window: (i64, i64),
        silence: Silence,
    ) -> Row {
        let unproven = silence.certainty == Certainty::Unproven;
        Row {
            lane: if unproven { Lane::Coverage } else { Lane::Change },
            certainty: silence.certainty,
            effects: self.effects(ix, window.0, window.1),
            ..Row::of(self.obj(ix), change, window)
        }
    }

    /// Seen live, and silence after it.
    fn gone(&self, ix: u32, last: usize) -> Option<Row> {
        let silence = *self.silences.get(&(ix, last))?;
        let (seen, list) = (self.capture(last)?, self.capture(silence.list)?);
        let bins = || self.all.iter().filter(|capture| capture.reading == Reading::Bin);
        if self.ty.spec().bin.is_some() {
            let bin = bins().find(|bin| list.is_before(bin));
            if let Some(bin) = bin.filter(|bin| bin.end - seen.start < BIN_DAYS * DAY) {
                let window = (seen.start, bin.end);
                return Some(self.disappeared(ix, ChangeKind::HardDeleted, window, silence));
            }
        }
        Some(self.disappeared(ix, ChangeKind::Removed, (seen.start, list.end), silence))
    }

    /// Seen in the recycle bin, and then nowhere.
    fn purged(&self, ix: u32, last: usize) -> Option<Row> {
        let silence = *self.silences.get(&(ix, last))?;
        let (seen, list) = (self.capture(last)?, self.capture(silence.list)?);
        let bin = self
            .all
            .iter()
            .skip(last + 1)
            .find(|capture| capture.reading == Reading::Bin && !capture.present.contains(ix))?;
        let window = (seen.start, list.end.max(bin.end));
        Some(self.disappeared(ix, ChangeKind::HardDeleted, window, silence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_numbers_counts() {
        let mut bits = Bits::default();
        [1, 64, 200].into_iter().for_each(|ix| bits.insert(ix));
        let mut other = Bits::default();
        other.insert(64);
        assert_eq!((bits.len(), bits.common(&other)), (3, 1));
        bits.subtract(&other);
        assert!(!bits.contains(64) && bits.contains(200));
        assert_eq!(Certainty::Proven, Certainty::Proven);
    }
}
