//! The verdict on one change: the first rule that fits.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{self, ChangeKind, VerdictReason as Reason};

use super::super::super::capture::{Reading, Sheet};
use super::super::super::export::Written;
use super::super::super::kinds::{Obj, Ty};
use super::super::super::recovery::{
    Action, GOOD_DAY, Listed, Recovery, Ticket, covers, difference, entity, is_dynamic,
    is_of_one_user, is_synced, listed_as,
};
use super::super::super::value;
use super::super::{Row, View};
use super::seen::{self, Eyes, Sight, State, Unseen};
use super::{About, Net, about, day_of, net};

/// The verdict on a row, with the values as they are printed.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) good: Option<String>,
    pub(super) damaged: Option<String>,
    pub(super) after: Option<String>,
    pub(super) verdict: model::Verdict,
    pub(super) reason: Option<Reason>,
    pub(super) recurring: bool,
}

/// Values of a row, spelled so that equal ones compare equal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Worth {
    Value(Option<String>),
    /// Of an object: live or not, and where if not.
    State(State),
    Link(bool),
}

impl Worth {
    fn word(&self, ty: Ty) -> Option<String> {
        match self {
            Self::Value(text) => text.clone(),
            Self::State(state) => Some(state.word(ty).to_owned()),
            Self::Link(there) => Some(if *there { "linked" } else { "not linked" }.to_owned()),
        }
    }

    /// Whether it is what it was in good. An object that was not live is that again wherever it went: the service takes
    /// away by soft deletion.
    fn is_as_good(&self, good: &Self) -> bool {
        match (self, good) {
            (Self::State(one), Self::State(good)) => {
                one == good
                    || (*good != State::Live && !one.is_live() && *good != State::Bin)
                    || (*good == State::Bin && *one == State::Bin)
            }
            _ => self == good,
        }
    }

    fn is_as_damaged(&self, damaged: &Self) -> bool {
        match (self, damaged) {
            (Self::State(one), Self::State(damaged)) => {
                one == damaged
                    || (*damaged == State::Removed && !one.is_live())
                    || (*damaged == State::Gone && matches!(one, State::Gone | State::Nowhere))
            }
            _ => self == damaged,
        }
    }
}

pub(super) struct Judge<'a> {
    eyes: Eyes<'a>,
    sheets: &'a [Sheet],
    plan: &'a Recovery,
    damaged: usize,
    after: usize,
    listed: Vec<Listed>,
    /// By what it is about: the start of the first change after the damaged snapshot.
    later: BTreeMap<About, i64>,
    /// Whether something in the snapshot was set after completion.
    is_fresh: bool,
    /// Files whose content an earlier snapshot has too.
    stale: BTreeSet<usize>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        view: &'a View<'a>,
        written: &'a Written,
        plan: &'a Recovery,
        rows: &[Row],
        (damaged, after): (usize, usize),
    ) -> Self {
        let sheets = written.sheets.as_slice();
        let mut bytes = BTreeSet::new();
        let mut contents = BTreeSet::new();
        for sheet in sheets.iter().filter(|sheet| sheet.day < after) {
            bytes.insert(*sheet.bytes.as_bytes());
            contents.extend(sheet.content.map(|hash| *hash.as_bytes()));
        }
        let known = |sheet: &Sheet| {
            bytes.contains(sheet.bytes.as_bytes())
                || sheet.content.is_some_and(|hash| contents.contains(hash.as_bytes()))
        };
        let own = || sheets.iter().enumerate().filter(|(_, sheet)| sheet.day == after);
        let stale: BTreeSet<usize> =
            own().filter(|(_, sheet)| known(sheet)).map(|(number, _)| number).collect();
        let is_fresh = own().any(|(number, sheet)| {
            !stale.contains(&number) && sheet.latest.is_some_and(|at| at >= plan.completed())
        });
        let listed = if plan.has_report {
            difference(view.tenant, Recovery::target(), plan.reported())
        } else {
            Vec::new()
        };
        let mut later = BTreeMap::new();
        for row in rows.iter().filter(|row| (damaged + 1..=after).contains(&day_of(row.not_after)))
        {
            later.entry(about(row)).or_insert(row.not_before);
        }
        Self {
            later,
            eyes: Eyes::new(view, rows),
            sheets,
            plan,
            damaged,
            after,
            listed,
            is_fresh,
            stale,
        }
    }

    /// Every verdict, with nothing declared or with the tickets.
    pub(super) fn all(&self, rows: &[Row], declared: bool) -> BTreeMap<About, Verdict> {
        let damage = net(rows, GOOD_DAY, self.damaged);
        let mut all: BTreeMap<About, Verdict> = damage
            .iter()
            .map(|(about, net)| {
                let ticket = self.plan.tickets.iter().any(|ticket| is_on(ticket, about, net));
                (about.clone(), self.one(about, net, declared && ticket))
            })
            .collect();
        if declared {
            for (about, later) in net(rows, self.damaged, self.after) {
                let whole = (about.0, String::new(), String::new());
                // What was not seen by then cannot be said to have been equal.
                let seen = about.1.is_empty()
                    || self.sights(&about).iter().any(|sight| sight.day <= GOOD_DAY);
                if !damage.contains_key(&about)
                    && !damage.contains_key(&whole)
                    && later.is_proven()
                    && seen
                {
                    let verdict = self.collateral(&about, &later);
                    all.insert(about, verdict);
                }
            }
        }
        all
    }

    /// What changed after the damage and was as it was before it.
    fn collateral(&self, about: &About, later: &Net<'_>) -> Verdict {
        let before = self.worth(about, later, true);
        let word = before.word(about.0.ty);
        let mut verdict = Verdict {
            good: word.clone(),
            damaged: word,
            after: None,
            verdict: model::Verdict::CannotTell,
            reason: None,
            recurring: false,
        };
        let now = match self.now(about) {
            Ok(now) => now,
            Err(why) => {
                verdict.reason = Some(why.reason());
                return verdict;
            }
        };
        // What a recycle bin shows of it counts here.
        let part = !about.1.is_empty();
        let own = self.sights(about).into_iter().rfind(|one| part && one.day == self.after);
        verdict.after = own.as_ref().unwrap_or(&now).what.word(about.0.ty);
        verdict.reason = self.objection(&now.files);
        let within = self.plan.holds(about.0) && self.is_recoverable(about, &before, &now.what);
        if verdict.reason.is_none() && within && !self.bracketed(about, &before) {
            let told = self.in_the_backup(about, &before, &before).is_some();
            verdict.reason = (!told).then_some(Reason::Distance);
        }
        if verdict.reason.is_none() {
            verdict.verdict = model::Verdict::Collateral;
        }
        verdict
    }

    /// The value before or after a change.
    fn worth(&self, about: &About, net: &Net<'_>, first: bool) -> Worth {
        let row = if first { net.first } else { net.last };
        match row.change {
            ChangeKind::Modified | ChangeKind::FirstObserved => {
                Worth::Value(if first { row.before.clone() } else { row.after.clone() })
            }
            ChangeKind::LinkAdded => Worth::Link(!first),
            ChangeKind::LinkRemoved => Worth::Link(first),
            _ if first => Worth::State(self.state_before(about.0, net.first)),
            change @ (ChangeKind::Added
            | ChangeKind::Removed
            | ChangeKind::SoftDeleted
            | ChangeKind::HardDeleted
            | ChangeKind::Restored) => Worth::State(seen::after(change)),
        }
    }

    /// Where an object was last seen before a change.
    fn state_before(&self, obj: Obj, row: &Row) -> State {
        let was = seen::before(row.change);
        let captures = self.eyes.view.captures(obj.ty);
        let last = captures
            .iter()
            .rfind(|capture| capture.start <= row.not_before && capture.present.contains(obj.ix));
        match last {
            Some(last) if last.reading == Reading::Bin => State::Bin,
            // First seen in the recycle bin: it came and went in between.
            None => State::Nowhere,
            Some(_) => was,
        }
    }

    /// What the after snapshot shows.
    fn now(&self, (obj, attribute, target): &About) -> Result<Sight<Worth>, Unseen> {
        let place = |sight: Sight<State>| Sight {
            what: Worth::State(sight.what),
            day: sight.day,
            at: sight.at,
            files: sight.files,
        };
        let object = self.eyes.object(*obj, self.after);
        if attribute.is_empty() || object.as_ref().is_ok_and(|sight| !sight.what.is_live()) {
            return object.map(place);
        }
        let mut sights: Vec<Sight<Worth>> = self.sights(&(*obj, attribute.clone(), target.clone()));
        sights.retain(|sight| sight.day == self.after);
        let Some(last) = sights.last().map(|sight| sight.what.clone()) else {
            return Err(object.err().unwrap_or(Unseen::NotCollected));
        };
        let same = sights.into_iter().filter(|sight| sight.what == last);
        let mut shown =
            Sight { what: last.clone(), day: self.after, at: 0, files: BTreeSet::new() };
        for sight in same {
            shown.at = sight.at;
            shown.files.extend(sight.files);
        }
        Ok(shown)
    }

    /// Every observation, over all days.
    fn sights(&self, (obj, attribute, target): &About) -> Vec<Sight<Worth>> {
        if attribute.is_empty() {
            let days = self.sheets.last().map_or(0, |sheet| sheet.day + 1);
            let days = (0..days).filter_map(|day| self.eyes.object(*obj, day).ok());
            return days
                .map(|sight| Sight {
                    what: Worth::State(match sight.what {
                        State::Live | State::Bin => sight.what,
                        State::Nowhere | State::Gone | State::Removed => State::Nowhere,
                    }),
                    day: sight.day,
                    at: sight.at,
                    files: sight.files,
                })
                .collect();
        }
        if target.is_empty() {
            let seen = self.eyes.attribute(*obj, attribute);
            return seen
                .into_iter()
                .map(|sight| Sight {
                    what: Worth::Value(sight.what),
                    day: sight.day,
                    at: sight.at,
                    files: sight.files,
                })
                .collect();
        }
        let seen = self.eyes.link(*obj, attribute, target);
        seen.into_iter()
            .map(|sight| Sight {
                what: Worth::Link(sight.what),
                day: sight.day,
                at: sight.at,
                files: sight.files,
            })
            .collect()
    }

    /// What stands against files that show a value.
    fn objection(&self, files: &BTreeSet<usize>) -> Option<Reason> {
        if files.iter().any(|file| self.stale.contains(file)) {
            return Some(Reason::EqualToEarlier);
        }
        let own = |file: &usize| {
            let at = self.sheets.get(*file).and_then(|sheet| sheet.latest);
            at.is_some_and(|at| at >= self.plan.completed())
        };
        (!self.is_fresh && !files.iter().all(own)).then_some(Reason::NotProvenFresh)
    }

    fn one(&self, about: &About, net: &Net<'_>, wanted: bool) -> Verdict {
        let ty = about.0.ty;
        let (good, damaged) = (self.worth(about, net, true), self.worth(about, net, false));
        let now = self.now(about);
        let mut verdict = Verdict {
            good: good.word(ty),
            damaged: damaged.word(ty),
            after: None,
            verdict: model::Verdict::CannotTell,
            reason: None,
            recurring: false,
        };
        if let Ok(sight) = &now {
            verdict.after = sight.what.word(ty);
        }
        if !net.is_proven() {
            verdict.reason = Some(Reason::ChangeUnproven);
            return verdict;
        }
        let now = match now {
            Err(why) => {
                verdict.reason = Some(why.reason());
                return verdict;
            }
            Ok(now) => now,
        };
        if let Some(reason) = self.objection(&now.files) {
            verdict.reason = Some(reason);
            return verdict;
        }
        if now.what == Worth::State(State::Removed) && ty.spec().bin.is_some() {
            verdict.reason = Some(Reason::BinMissing);
            return verdict;
        }
        let (word, reason, recurring) = self.rule(about, (&good, &damaged), &now.what, wanted);
        verdict.verdict = word;
        verdict.reason = reason;
        verdict.recurring = recurring;
        verdict
    }

    /// The rules from intent on.
    fn rule(
        &self,
        about: &About,
        (good, damaged): (&Worth, &Worth),
        now: &Worth,
        wanted: bool,
    ) -> (model::Verdict, Option<Reason>, bool) {
        use model::Verdict as V;
        let missing = self.is_missing(about, good, damaged, now);
        if wanted {
            let word = if now.is_as_damaged(damaged) {
                V::LegitimateChangeKept
            } else if now.is_as_good(good) {
                V::LegitimateChangeLost
            } else if missing {
                V::Missing
            } else {
                V::ThirdValue
            };
            return (word, None, false);
        }
        let within = self.plan.holds(about.0) && self.is_recoverable(about, good, damaged);
        let mut good = good.clone();
        if now.is_as_good(&good) && !(within && self.contradicted(about, &good)) {
            return (V::EqualsGood, None, false);
        }
        if missing {
            return (V::Missing, None, false);
        }
        if within && (now.is_as_good(&good) || !self.bracketed(about, &good)) {
            let Some(backup) = self.in_the_backup(about, &good, damaged) else {
                return (V::CannotTell, Some(Reason::Distance), false);
            };
            good = backup;
            if now.is_as_good(&good) {
                return (V::EqualsGood, None, false);
            }
        }
        let again = self.sights(about).into_iter().any(|sight| {
            sight.at > self.plan.completed()
                && sight.day < self.after
                && sight.what.is_as_good(&good)
        });
        if again {
            return (V::ChangedAgainLater, None, now.is_as_damaged(damaged));
        }
        if !self.is_recoverable(about, &good, damaged) {
            return (V::NotRecoverable, Some(Reason::SeeRecoverability), false);
        }
        if !self.plan.holds(about.0) {
            return (V::OutOfScope, Some(Reason::JobFilter), false);
        }
        let missed = now.is_as_damaged(damaged);
        let failed = missed && self.has_failed(about);
        let word = if missed { V::EqualsDamaged } else { V::ThirdValue };
        (word, failed.then_some(Reason::ListedAsFailed), false)
    }

    fn is_missing(&self, about: &About, good: &Worth, damaged: &Worth, now: &Worth) -> bool {
        if about.1.is_empty() {
            let Worth::State(now) = now else { return false };
            return *good == Worth::State(State::Live)
                && !now.is_live()
                && !Worth::State(*now).is_as_damaged(damaged);
        }
        let place = self.eyes.object(about.0, self.after);
        place.is_ok_and(|sight| !sight.what.is_live())
    }

    /// The run of equal observations that the good value belongs to: those before it, of it, after it.
    fn run(&self, about: &About, good: &Worth) -> (Vec<Sight<Worth>>, usize, usize) {
        let sights = self.sights(about);
        let same = |sight: &Sight<Worth>| sight.what.is_as_good(good);
        let Some(at) = sights.iter().rposition(|sight| sight.day <= GOOD_DAY && same(sight)) else {
            return (sights, 0, 0);
        };
        let first = sights.iter().take(at).rposition(|sight| !same(sight)).map_or(0, |at| at + 1);
        let last =
            sights.iter().skip(at).position(|sight| !same(sight)).map_or(sights.len(), |n| at + n);
        (sights, first, last)
    }

    /// Whether the value at the time of the backup is known to be that of the good snapshot.
    fn bracketed(&self, about: &About, good: &Worth) -> bool {
        let (sights, first, last) = self.run(about, good);
        let run = sights.get(first..last).unwrap_or_default();
        let target = Recovery::target();
        run.iter().any(|sight| sight.at <= target) && run.iter().any(|sight| sight.at >= target)
    }

    /// Whether another value was seen next to the good one, on the side on which the backup lies.
    fn contradicted(&self, about: &About, good: &Worth) -> bool {
        let (sights, first, last) = self.run(about, good);
        let target = Recovery::target();
        let run = sights.get(first..last).unwrap_or_default();
        let (Some(start), Some(end)) = (run.first(), run.last()) else { return false };
        (target < start.at && first > 0) || (target > end.at && last < sights.len())
    }

    /// The value in the backup, as the list of changes tells it, if it does: what a whole list leaves out was then as it was
    /// when the list was made, which is as in the damaged snapshot unless it changed in between.
    fn in_the_backup(&self, about: &About, good: &Worth, damaged: &Worth) -> Option<Worth> {
        if !self.plan.has_report {
            return None;
        }
        let shown = listed_as(self.eyes.view.tenant, about.0);
        let row = self.listed.iter().find(|row| row.obj == shown);
        let told = row.and_then(|row| self.told(row, about, good));
        let still = self.later.get(about).is_none_or(|start| *start >= self.plan.reported());
        told.or_else(|| still.then(|| damaged.clone()))
    }

    fn told(&self, row: &Listed, (obj, attribute, target): &About, good: &Worth) -> Option<Worth> {
        if attribute.is_empty() {
            return match row.action {
                Action::Update => None,
                Action::Restore => Some(Worth::State(State::Live)),
                Action::SoftDelete if *good == Worth::State(State::Live) => {
                    Some(Worth::State(State::Nowhere))
                }
                Action::SoftDelete => Some(good.clone()),
            };
        }
        if target.is_empty() {
            let mut all = row.attributes.iter();
            let found = all.find(|(of, path, ..)| of == obj && path == attribute);
            return found
                .map(|(_, path, old, _)| Worth::Value(value::column(old, obj.ty.is_words(path))));
        }
        let key = |one: &Obj| self.eyes.view.tenant.key(*one);
        let found = row.members.iter().find(|(one, _)| key(one) == *target);
        found.map(|(_, remove)| Worth::Link(!remove))
    }

    /// Whether the service lists it among the changes that it could not make.
    fn has_failed(&self, (obj, attribute, target): &About) -> bool {
        let rows = self.plan.failures.iter().map(|failure| &failure.listed);
        rows.filter(|row| row.obj == listed_as(self.eyes.view.tenant, *obj)).any(|row| {
            let key = |one: &Obj| self.eyes.view.tenant.key(*one);
            match (attribute.is_empty(), target.is_empty()) {
                (true, _) => row.action != Action::Update,
                (false, true) => row.attributes.iter().any(|(_, path, ..)| path == attribute),
                (false, false) => row.members.iter().any(|(one, _)| key(one) == *target),
            }
        })
    }

    /// Whether the end of a link or of an edge is gone for good.
    fn is_end_gone(&self, id: &str) -> bool {
        let tenant = self.eyes.view.tenant;
        let others = [Ty::Group, Ty::ServicePrincipal].map(|ty| tenant.find(ty, id));
        let end = tenant.find_user(id).or_else(|| others.into_iter().flatten().next());
        end.is_some_and(|end| self.eyes.is_gone(end, self.after))
    }

    /// Whether the service takes such a change back.
    fn is_recoverable(
        &self,
        (obj, attribute, target): &About,
        good: &Worth,
        damaged: &Worth,
    ) -> bool {
        let tenant = self.eyes.view.tenant;
        let end = super::super::super::export::start_of(self.damaged);
        if entity(obj.ty).is_none() || is_of_one_user(tenant, *obj) || is_synced(tenant, *obj, end)
        {
            return false;
        }
        if attribute.is_empty() {
            let edge = matches!(obj.ty, Ty::Grant | Ty::AppRoleAssignment);
            let there = |worth: &Worth| {
                matches!(worth, Worth::State(State::Live | State::Bin | State::Nowhere))
            };
            if edge {
                let ends = ["principalId", "clientId", "resourceId"];
                let ends = ends.map(|name| tenant.word(*obj, name, i64::MAX));
                return !ends.iter().any(|end| self.is_end_gone(end));
            }
            return there(good) && there(damaged);
        }
        if target.is_empty() {
            return covers(obj.ty, attribute);
        }
        obj.ty == Ty::Group
            && attribute == "members"
            && !is_dynamic(tenant, *obj, end)
            && !self.is_end_gone(target)
    }
}

/// Whether a ticket names a change.
fn is_on(ticket: &Ticket, (obj, attribute, _): &About, net: &Net<'_>) -> bool {
    let named = ticket.attribute.is_empty() || ticket.attribute == attribute;
    ticket.obj == *obj
        && named
        && net.first.not_before <= ticket.until
        && net.last.not_after >= ticket.since
}
