//! The verdict on one row: the rules in the order in which they apply.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::freshness::FreshExhibits;
use super::steps::{About, LINKED, Place, Step, Steps, is_unproven, state_after, state_before};
use super::view::{Finding, View};
use crate::directory::Catalogue;
use crate::index::{Index, Listing, ObjectId};
use crate::model::{
    Change, ChangeKind, ExhibitId, Intent, JobOutcome, JobRow, JobScope, ListedChange, Reason,
    Receipt, Recoverability, RecoveryAction, Verdict, VerdictReason, VerdictRow,
};

/// Positions of the three snapshots among those of the tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions {
    pub(super) good: usize,
    pub(super) damaged: usize,
    pub(super) after: usize,
}

/// What is known of the recovery that is verified.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    /// Why nothing can be told, whatever the evidence shows.
    pub(super) objection: Option<VerdictReason>,
    pub(super) completion: Option<Timestamp>,
    pub(super) target: Option<Timestamp>,
    pub(super) scopes: Vec<JobScope>,
}

impl Job {
    /// Whether any of the jobs was to recover an object.
    fn holds(&self, about: About<'_>) -> Option<bool> {
        let told: Vec<Option<bool>> = self
            .scopes
            .iter()
            .map(|scope| scope.holds(about.object_type, about.object_id))
            .collect();
        if told.contains(&Some(true)) {
            Some(true)
        } else if told.is_empty() || told.contains(&None) {
            None
        } else {
            Some(false)
        }
    }
}

/// What lists of the service say, by type and id.
pub(super) type ListedBy<'a> = HashMap<(&'a str, &'a str), Vec<&'a ListedChange>>;

/// Everything that a verdict rests on.
pub(super) struct Bench<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) tenant: &'a str,
    pub(super) positions: Positions,
    pub(super) steps: Steps<'a>,
    pub(super) after: View<'a>,
    /// The last snapshot that was over at the time that the service restored to, if that lies before the good one.
    pub(super) at_target: Option<View<'a>>,
    /// Start of the good snapshot.
    pub(super) good_start: Option<Timestamp>,
    pub(super) fresh: FreshExhibits,
    pub(super) job: Job,
    /// What change lists of the same backup say.
    pub(super) listed: ListedBy<'a>,
    /// Difference reports of the same backup.
    pub(super) reports: Vec<&'a JobRow>,
    /// End of the damaged snapshot.
    pub(super) damaged_end: Option<Timestamp>,
    /// What the service says that it could not do.
    pub(super) failed: ListedBy<'a>,
    /// Whether the job counts failed changes and no list of them is in the evidence.
    pub(super) failures_unlisted: bool,
    /// Types whose lists in the after snapshot lack pages, as far as their other objects tell.
    pub(super) shaky: BTreeSet<&'a str>,
}

/// What the after snapshot shows.
struct After {
    state: Option<String>,
    /// Where the object is; `None` where that is not known.
    place: Option<Place>,
    receipts: Vec<Receipt>,
    silent: Option<VerdictReason>,
}

impl After {
    fn silent(place: Option<Place>, why: VerdictReason) -> Self {
        Self { state: None, place, receipts: Vec::new(), silent: Some(why) }
    }
}

/// What happened between the good snapshot and the time that the service restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Distance {
    /// The value was the same.
    Same,
    /// It changed, or the window of a change holds the time.
    Changed,
    /// Nothing shows its value on the other side of that time.
    Unknown,
    /// It changed, and a change list tells the value.
    Settled(Option<String>),
}

impl<'a> Bench<'a> {
    fn has_bin(&self, object_type: &str) -> bool {
        self.catalogue.object_type(object_type).is_some_and(|known| known.bin.is_some())
    }

    /// The verdict on a net change between good and damaged. Gives the row, and the exhibits that its after value rests on.
    pub(super) fn row(
        &self,
        change: &Change,
        (intent, intent_by): (Intent, String),
    ) -> (VerdictRow, BTreeSet<ExhibitId>) {
        let about = About::of(change);
        let has_bin = self.has_bin(about.object_type);
        let mut row = empty_row(change, (intent, intent_by));
        row.good = self.state_at(change, self.positions.good);
        row.damaged = state_after(change, has_bin);
        let after = self.after(change);
        row.after.clone_from(&after.state);
        row.evidence_after.clone_from(&after.receipts);
        let failed = of_object(&self.failed, about).iter().find(|failed| is_about(failed, about));
        row.failure = failed.map(|failed| failed.failure.clone()).unwrap_or_default();
        let exhibits: BTreeSet<ExhibitId> =
            after.receipts.iter().map(|receipt| receipt.exhibit).collect();
        let (verdict, reason, detail) = self.decide(change, &row, &after, &exhibits);
        row.verdict = verdict;
        row.reason = reason;
        row.detail = detail;
        let good_again = matches!(verdict, Verdict::EqualsGood | Verdict::LegitimateChangeLost);
        let to_after = (self.positions.damaged, self.positions.after);
        if good_again {
            let last = self.steps.between(about, to_after).last();
            row.clean_between = last.map(|step| step.change.window);
        }
        row.recurring = verdict == Verdict::ChangedAgainLater && row.after == row.damaged;
        (row, exhibits)
    }

    /// The row of a change after the damage that touches nothing that was damaged.
    pub(super) fn collateral(&self, change: &Change) -> (VerdictRow, BTreeSet<ExhibitId>) {
        let mut row = empty_row(change, (Intent::Untouched, String::new()));
        let after = self.after(change);
        row.good = self.state_at(change, self.positions.damaged);
        row.damaged.clone_from(&row.good);
        row.evidence_damaged = std::mem::take(&mut row.evidence_good);
        row.after = state_after(change, self.has_bin(&change.object_type));
        row.evidence_after.clone_from(&after.receipts);
        let exhibits = after.receipts.iter().map(|receipt| receipt.exhibit).collect();
        if let Some((reason, detail)) = self.untold(change, &after, &exhibits) {
            row.reason = Some(reason);
            row.detail = detail;
            return (row, exhibits);
        }
        // What differed when the backup was taken may have been put back to that, and is no collateral then.
        let by_service = may_recover(change) && self.job.holds(About::of(change)) != Some(false);
        let distance = if by_service { self.distance(change, &row) } else { Distance::Same };
        if matches!(distance, Distance::Changed | Distance::Unknown) {
            row.reason = Some(VerdictReason::Distance);
            row.detail = self.distance_in_words(&distance);
        } else {
            row.verdict = Verdict::Collateral;
        }
        (row, exhibits)
    }

    /// The state that a change found, as of a snapshot: an object that is gone may have been in the bin then, or not yet
    /// there.
    fn state_at(&self, change: &Change, position: usize) -> Option<String> {
        let told = state_before(change);
        if change.attribute.is_empty() && change.is_disappearance() {
            let about = About::of(change);
            let id = ObjectId::of(about.object_id);
            let seen = self.index.find(self.tenant, about.object_type, &id);
            let last = seen.iter().rfind(|entry| {
                let capture = self.index.capture_of(entry).map(|(_, capture)| capture.snapshot);
                let of = capture.and_then(|snapshot| self.index.snapshots.get(snapshot));
                entry.removal.is_none() && of.is_some_and(|of| of.position <= position)
            });
            return Some(match last {
                Some(entry) if entry.deleted => Place::Bin,
                Some(_) => Place::Live,
                // It came and went between the two.
                None => Place::Absent,
            })
            .map(|place| place.word().to_owned());
        }
        told
    }

    /// What the after snapshot shows of the thing that a change is about.
    fn after(&self, change: &Change) -> After {
        let about = About::of(change);
        let object = self.object_after(about.whole());
        if about.attribute.is_empty() {
            return object;
        }
        let live = match object.place {
            Some(Place::Live) => true,
            Some(_) => return After { state: object.state, ..object },
            // A list of links may stand without its object.
            None => false,
        };
        if about.target.is_empty() {
            if !live {
                return object;
            }
            if self.after.disagrees(about) {
                return After::silent(object.place, VerdictReason::Conflicting);
            }
            match self.after.attribute(about) {
                Finding::Shown(state, receipts) => {
                    After { state, place: object.place, receipts, silent: None }
                }
                Finding::Silent(why) => After::silent(object.place, why),
            }
        } else {
            match self.after.link(about) {
                Finding::Shown(state, receipts) => After {
                    state: Some(state.to_owned()),
                    place: Some(Place::Live),
                    receipts,
                    silent: None,
                },
                Finding::Silent(why) => After::silent(object.place, why),
            }
        }
    }

    /// Where the after snapshot shows an object, or proves that it is not.
    fn object_after(&self, about: About<'_>) -> After {
        if let Some(place) = self.after.place(about) {
            let receipts =
                self.after.object(about).map(|object| object.receipts.clone()).unwrap_or_default();
            let state = Some(place.word().to_owned());
            return After { state, place: Some(place), receipts, silent: None };
        }
        let has_bin = self.has_bin(about.object_type);
        let position = self.positions.after;
        let Some(step) = self.steps.last_until(about, position) else {
            let why = self.after.lists_live(about).err();
            return After::silent(None, why.unwrap_or(VerdictReason::AfterNotCollected));
        };
        let Some(place) = Place::after(step.change.kind, has_bin) else {
            return After::silent(None, VerdictReason::AfterNotCollected);
        };
        if place == Place::Live {
            let why = self.after.lists_live(about).err();
            return After::silent(None, why.unwrap_or(VerdictReason::AfterNotCollected));
        }
        if is_unproven(step.change) {
            return After::silent(None, VerdictReason::ChangeUnproven);
        }
        if step.position == position {
            let state = Some(place.word().to_owned());
            let receipts = step.change.evidence_after.clone();
            return After { state, place: Some(place), receipts, silent: None };
        }
        // It was gone before: the lists of this snapshot must prove that it still is.
        if let Err(why) = self.after.lists_live(about) {
            return After::silent(None, why);
        }
        // History would tell of an object that left the bin, if the live list proved that it is not there.
        let left_bin = place == Place::Bin && self.after.lists_bin(about.object_type);
        if left_bin || self.shaky.contains(about.object_type) {
            return After::silent(None, VerdictReason::AfterPartial);
        }
        let mut receipts = self.best_list(about, Listing::Live);
        if has_bin && self.after.lists_bin(about.object_type) {
            receipts.extend(self.best_list(about, Listing::Bin));
        }
        let place = match place {
            // Whether it still is in the bin is not told.
            Place::Bin => Place::GoneOrBin,
            Place::Absent | Place::Live | Place::Gone | Place::GoneOrBin => place,
        };
        After { state: Some(place.word().to_owned()), place: Some(place), receipts, silent: None }
    }

    /// The exhibits of the list that would hold an object and that nothing stands against; else of any.
    fn best_list(&self, about: About<'_>, listing: Listing) -> Vec<Receipt> {
        let lists = self.after.exhibits_of_lists(about, listing);
        let sound = |list: &&Vec<Receipt>| {
            list.iter().all(|receipt| self.fresh.objection(receipt.exhibit).is_none())
        };
        lists.iter().find(sound).or(lists.first()).cloned().unwrap_or_default()
    }

    fn decide(
        &self,
        change: &Change,
        row: &VerdictRow,
        after: &After,
        exhibits: &BTreeSet<ExhibitId>,
    ) -> (Verdict, Option<VerdictReason>, String) {
        let about = About::of(change);
        if let Some((reason, detail)) = self.untold(change, after, exhibits) {
            return (Verdict::CannotTell, Some(reason), detail);
        }
        let recovers = may_recover(change);
        let in_scope = self.job.holds(about);
        let wanted = row.intent == Intent::Legitimate;
        let distance = if recovers && in_scope != Some(false) && !wanted {
            self.distance(change, row)
        } else {
            Distance::Same
        };
        let (good, detail) = match &distance {
            Distance::Settled(backup) => {
                let shown = backup.as_deref().unwrap_or("none");
                let detail = format!("the change list of the backup gives its value as {shown}");
                (backup.as_deref(), detail)
            }
            Distance::Same | Distance::Changed | Distance::Unknown => {
                (row.good.as_deref(), String::new())
            }
        };
        let plain = |verdict| (verdict, None, detail.clone());
        let is_good = self.same(about, good, after);
        let is_damaged = self.same(about, row.damaged.as_deref(), after);
        let missing = self.is_missing(about, row, after);
        if wanted {
            return plain(match (is_damaged, is_good, missing) {
                (true, ..) => Verdict::LegitimateChangeKept,
                (_, true, _) => Verdict::LegitimateChangeLost,
                (_, _, true) => Verdict::Missing,
                _ => Verdict::ThirdValue,
            });
        }
        if is_good && distance != Distance::Changed {
            return plain(Verdict::EqualsGood);
        }
        if missing {
            return plain(Verdict::Missing);
        }
        if matches!(distance, Distance::Changed | Distance::Unknown) {
            let detail = self.distance_in_words(&distance);
            return (Verdict::CannotTell, Some(VerdictReason::Distance), detail);
        }
        if self.was_good_again(about, good) {
            return plain(Verdict::ChangedAgainLater);
        }
        if !recovers {
            return (Verdict::NotRecoverable, Some(VerdictReason::SeeRecoverability), detail);
        }
        if in_scope == Some(false) {
            return (Verdict::OutOfScope, Some(VerdictReason::JobFilter), detail);
        }
        let verdict = if is_damaged { Verdict::EqualsDamaged } else { Verdict::ThirdValue };
        let failed = !row.failure.is_empty();
        let reason = if failed {
            Some(VerdictReason::ListedAsFailed)
        } else {
            // Whether the service tried and failed, or never tried, is in no evidence then.
            self.failures_unlisted.then_some(VerdictReason::FailedListMissing)
        };
        (verdict, reason, detail)
    }

    /// Why the evidence does not tell, before values are looked at.
    fn untold(
        &self,
        change: &Change,
        after: &After,
        exhibits: &BTreeSet<ExhibitId>,
    ) -> Option<(VerdictReason, String)> {
        if let Some(objection) = self.job.objection {
            return Some((objection, String::new()));
        }
        if is_unproven(change) {
            let why = change.reason.map(Reason::as_str).unwrap_or_default();
            return Some((VerdictReason::ChangeUnproven, why.to_owned()));
        }
        if let Some(silent) = after.silent {
            return Some((silent, String::new()));
        }
        for exhibit in exhibits {
            if let Some(reason) = self.fresh.objection(*exhibit) {
                let detail = self.fresh.in_words(*exhibit);
                return Some((reason, detail));
            }
        }
        if change.attribute.is_empty() && after.place == Some(Place::GoneOrBin) {
            let wanted_live = state_before(change).as_deref() == Some(Place::Live.word());
            let was_in_bin = change.kind == ChangeKind::SoftDeleted;
            if wanted_live || was_in_bin {
                return Some((VerdictReason::BinMissing, String::new()));
            }
        }
        None
    }

    /// Whether the after state is that of another snapshot.
    fn same(&self, about: About<'_>, state: Option<&str>, after: &After) -> bool {
        let there = about.attribute.is_empty() || after.place == Some(Place::Live);
        there && is_same(about, state, after.state.as_deref())
    }

    /// Whether what was there is not: the object of an attribute or link, or an object that was in the bin and is gone.
    fn is_missing(&self, about: About<'_>, row: &VerdictRow, after: &After) -> bool {
        let Some(place) = after.place else { return false };
        if place == Place::Live {
            return false;
        }
        if !about.attribute.is_empty() {
            return true;
        }
        let was = |state: &Option<String>, place: Place| state.as_deref() == Some(place.word());
        let kept = was(&row.good, Place::Live) || was(&row.good, Place::Bin);
        let differs = row.after != row.damaged && row.after != row.good;
        kept && differs && place != Place::GoneOrBin
    }

    /// Whether it had the good value after the recovery, in an observation before the after snapshot.
    fn was_good_again(&self, about: About<'_>, good: Option<&str>) -> bool {
        let has_bin = self.has_bin(about.object_type);
        let to_after = (self.positions.damaged, self.positions.after);
        let over = |step: &&Step<'_>| {
            let end = step.change.window.not_after;
            step.position < self.positions.after
                && self.job.completion.zip(end).is_none_or(|(completion, end)| end >= completion)
        };
        self.steps.between(about, to_after).filter(over).any(|step| {
            let state = state_after(step.change, has_bin);
            !is_unproven(step.change) && is_same(about, good, state.as_deref())
        })
    }

    fn distance(&self, change: &Change, row: &VerdictRow) -> Distance {
        let about = About::of(change);
        let Some(target) = self.job.target else { return Distance::Same };
        let changed_before = self.steps.last_until(about, self.positions.good);
        let before_good = self.good_start.is_some_and(|start| target < start);
        let before = changed_before
            .is_some_and(|step| step.change.window.not_after.is_none_or(|end| target < end));
        let to_after = (self.positions.good, self.positions.after);
        let behind =
            self.steps.between(about, to_after).next().is_some_and(|step| {
                step.change.window.not_before.is_none_or(|start| start <= target)
            });
        let distance = if before || behind {
            Distance::Changed
        } else if before_good && !self.is_known_at_target(about, row) {
            Distance::Unknown
        } else {
            Distance::Same
        };
        if distance == Distance::Same {
            return distance;
        }
        self.backup_value(about, row).map_or(distance, Distance::Settled)
    }

    /// Whether the snapshot before the time that the service restored to shows the thing.
    fn is_known_at_target(&self, about: About<'_>, row: &VerdictRow) -> bool {
        let Some(view) = &self.at_target else { return false };
        if about.attribute.is_empty() {
            let absent = row.good.as_deref() == Some(Place::Absent.word());
            return view.object(about).is_some() || (absent && view.lists_live(about).is_ok());
        }
        view.shows(about)
    }

    /// The value in the backup, where a change list tells it: the one that it gives, else, of what a complete list leaves
    /// out, the one at the time of the report.
    fn backup_value(&self, about: About<'_>, row: &VerdictRow) -> Option<Option<String>> {
        let told = of_object(&self.listed, about).iter().find_map(|listed| {
            if about.attribute.is_empty() {
                return place_in_backup(listed.action?, row).map(Some);
            }
            if about.target.is_empty() {
                let attribute = listed.attributes.iter().find(|of| of.path == about.attribute);
                return attribute.and_then(|attribute| attribute.backup.clone());
            }
            let link = listed
                .links
                .iter()
                .find(|link| link.relation == about.attribute && link.target.id == about.target)?;
            Some(Some(if link.remove { super::steps::NOT_LINKED } else { LINKED }.to_owned()))
        });
        if told.is_some() {
            return told;
        }
        // The list never shows what is gone for good.
        if about.attribute.is_empty() && row.damaged.as_deref() != Some(Place::Live.word()) {
            return None;
        }
        let complete = self.reports.iter().find(|report| {
            let whole = report.listed.is_some() && !report.list_incomplete;
            let over =
                matches!(report.outcome, JobOutcome::Completed | JobOutcome::CompletedWithWarnings);
            whole && over && report.scope.holds(about.object_type, about.object_id) == Some(true)
        })?;
        let at = complete.started?;
        let then = self.steps.between(about, (self.positions.damaged, self.positions.after)).next();
        let still =
            then.is_none_or(|step| step.change.window.not_before.is_some_and(|from| at <= from));
        (still && self.damaged_end.is_some_and(|end| end <= at)).then(|| row.damaged.clone())
    }

    fn distance_in_words(&self, distance: &Distance) -> String {
        let target = self.job.target.map(|at| at.to_string()).unwrap_or_default();
        if *distance == Distance::Changed {
            format!(
                "it changed, or may have, between the good snapshot and {target}, to which the service restored"
            )
        } else {
            format!(
                "nothing in the evidence shows its value at or before {target}, to which the service restored"
            )
        }
    }
}

/// Whether the service may take a change back: it does, or what it does is not told.
fn may_recover(change: &Change) -> bool {
    change.recoverability.is_none_or(|of| {
        let undecided = matches!(of, Recoverability::Ambiguous | Recoverability::CannotTell);
        of.is_recoverable() || undecided
    })
}

/// Whether a state is the one that is wanted. The service never deletes for good: what was not there before it may be in the
/// bin after it.
fn is_same(about: About<'_>, wanted: Option<&str>, state: Option<&str>) -> bool {
    let absent = about.attribute.is_empty() && wanted == Some(Place::Absent.word());
    if absent { state != Some(Place::Live.word()) } else { state == wanted }
}

/// What lists say of an object.
fn of_object<'b, 'a>(listed: &'b ListedBy<'a>, about: About<'b>) -> &'b [&'a ListedChange] {
    listed.get(&(about.object_type, about.object_id)).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a list of failed changes, which names the object, is about a thing: about the attribute where it names any.
fn is_about(failed: &ListedChange, about: About<'_>) -> bool {
    let names = !failed.attributes.is_empty() || !failed.links.is_empty();
    let attribute = || {
        failed.attributes.iter().any(|of| of.path == about.attribute && about.target.is_empty())
            || failed
                .links
                .iter()
                .any(|of| of.relation == about.attribute && of.target.id == about.target)
    };
    !names || about.attribute.is_empty() || attribute()
}

/// Where an object was when the backup was taken, by what a recovery does to it.
fn place_in_backup(action: RecoveryAction, row: &VerdictRow) -> Option<String> {
    let live = Place::Live.word();
    match action {
        RecoveryAction::Restore => Some(live.to_owned()),
        // Not there, or in the bin: the list does not tell which.
        RecoveryAction::SoftDelete => {
            let told = row.good.as_deref().filter(|good| *good != live);
            Some(told.unwrap_or(Place::Absent.word()).to_owned())
        }
        RecoveryAction::Update => (row.damaged.as_deref() == Some(live)).then(|| live.to_owned()),
    }
}

/// A row with nothing but what the change tells.
fn empty_row(change: &Change, (intent, intent_by): (Intent, String)) -> VerdictRow {
    VerdictRow {
        tenant_id: change.tenant_id.clone(),
        object_type: change.object_type.clone(),
        object_id: change.object_id.clone(),
        object_name: change.object_name.clone(),
        attribute: change.attribute.clone(),
        target: change.target.clone(),
        intent,
        intent_by,
        recoverability: change.recoverability,
        damaged_between: change.window,
        objects: change.objects,
        evidence_good: change.evidence_before.clone(),
        evidence_damaged: change.evidence_after.clone(),
        ..VerdictRow::default()
    }
}
