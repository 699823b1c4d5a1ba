//! Whether a recovery put back what it should: one verdict per attribute, link and object, from a good, a damaged and an
//! after snapshot.
//!
//! Two rules keep it honest. *Freshness*: the after snapshot counts only where it proves that it was read after the recovery
//! was over. *Distance*: the good snapshot is an export, the service restored to a backup; what changed
//! between the two is told only by a change list of that backup. What cannot be told is said with its reason and what to
//! export, and never counts as a pass.

mod decide;
mod declared;
mod exports;
mod freshness;
mod steps;
mod sums;
mod view;

pub use declared::{Declarations, Declared, declared};

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use decide::{Bench, Job, ListedBy, Positions};
use declared::Intents;
use freshness::FreshExhibits;
use steps::{About, Steps};
use view::View;

use super::recoverability::Judge;
use crate::directory::Catalogue;
use crate::history::{HistoryError, net};
use crate::index::Index;
use crate::model::{
    Analysis, Change, ChangeKind, Completion, ExhibitId, Intent, Interval, JobKind, JobOutcome,
    JobRow, Lane, ListedChange, SnapshotRow, VerdictReason, VerdictRow, Verification,
};

/// What to verify, in one tenant.
#[derive(Debug, Clone, Default)]
pub struct VerifyRequest {
    /// Tenant id, or empty.
    pub tenant: String,
    /// Position of the good snapshot among those of the tenant, 1 for the earliest.
    pub good: usize,
    /// Position of the damaged one.
    pub damaged: usize,
    /// Position of the one after the recovery.
    pub after: usize,
    /// Ids of the recovery jobs; empty for those that the evidence shows between damaged and after.
    pub jobs: Vec<String>,
    /// When the recovery was over, as the caller says, where no job is in the evidence.
    pub completed: Option<Timestamp>,
    /// What was wanted, and what was damage.
    pub declared: Declarations,
}

/// Judges a recovery. The changes of the analysis are those of all lanes; its jobs and change lists have been read.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn verify(
    index: &Index,
    catalogue: &Catalogue,
    analysis: &Analysis,
    request: &VerifyRequest,
) -> Result<Verification, HistoryError> {
    let asked = Asked::of((index, catalogue), analysis, request);
    let jobs = asked.jobs();
    let as_of = jobs.iter().filter_map(|job| job.started).min().or(request.completed);
    let mut damage = asked.between(request.good, request.damaged);
    // What became of the objects later on is no reason why the service would not have recovered them.
    let known = asked.changes_until(request.after);
    let clock = as_of.or(analysis.as_of);
    let judge = Judge::gather(index, catalogue, &known, clock)?;
    judge.set(&mut damage);
    let intents = Intents::read(index, catalogue, (&request.declared, &request.tenant))?;
    let others = untouched(&damage, asked.between(request.damaged, request.after));
    // With nothing declared they are counted, and nothing is asked of them.
    let (mut beside, not_judged) = if intents.are_declared() {
        asked.known_when_damaged(others)?
    } else {
        (Vec::new(), others)
    };
    judge.set(&mut beside);
    let abouts: Vec<About<'_>> = damage.iter().chain(&beside).map(About::of).collect();
    let mut bench = asked.bench(&jobs, &abouts)?;
    let mut judged: Vec<Judged> = damage
        .iter()
        .filter(|change| asked.is_judged(change))
        .map(|change| bench.row(change, intents.of(change)))
        .collect();
    judged.extend(beside.iter().map(|change| bench.collateral(change)));
    for (row, exhibits) in &mut judged {
        bench.fresh.rests_on(exhibits);
        exports::settle(row, catalogue);
    }
    let mut rows: Vec<VerdictRow> = judged.into_iter().map(|(row, _)| row).collect();
    rows.extend(asked.uncollected(bench.job.objection));
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    let failed = bench.failed.values().map(Vec::len).sum();
    let reconciled = sums::reconcile(&jobs, &rows, failed);
    Ok(Verification {
        tenant_id: request.tenant.clone(),
        good: asked.label(request.good),
        damaged: asked.label(request.damaged),
        after: asked.label(request.after),
        jobs: jobs.iter().map(|job| job.id.clone()).collect(),
        target: bench.job.target,
        completion: bench.job.completion.map(|at| Completion { at, declared: jobs.is_empty() }),
        totals: sums::totals(&rows),
        not_judged: not_judged.iter().map(|change| change.objects).sum(),
        freshness: bench.fresh.into_rows(),
        reconciled,
        clean: sums::clean(&rows),
        wrong_in_good: asked.wrong_in_good(&intents),
        declared: request.declared.hashes.clone(),
        rows,
    })
}

/// A row, and the exhibits that its after value rests on.
type Judged = (VerdictRow, BTreeSet<ExhibitId>);

/// Changes after the damage that touch nothing that was damaged.
fn untouched(damage: &[Change], mut since: Vec<Change>) -> Vec<Change> {
    let touched: BTreeSet<About<'_>> = damage.iter().map(About::of).collect();
    since.retain(|change| {
        let about = About::of(change);
        change.lane == Lane::Change
            && !touched.contains(&about)
            && !touched.contains(&about.whole())
    });
    since
}

fn order(row: &VerdictRow) -> (&str, &str, &str, Option<&str>) {
    let target = row.target.as_ref().map(|target| target.id.as_str());
    (&row.object_type, &row.object_id, &row.attribute, target)
}

/// The request with what it is asked of.
struct Asked<'a> {
    index: &'a Index,
    catalogue: &'a Catalogue,
    analysis: &'a Analysis,
    request: &'a VerifyRequest,
    /// Places of the tenant's snapshots, by label.
    positions: HashMap<&'a str, usize>,
}

impl<'a> Asked<'a> {
    fn of(
        (index, catalogue): (&'a Index, &'a Catalogue),
        analysis: &'a Analysis,
        request: &'a VerifyRequest,
    ) -> Self {
        let own = analysis.snapshots.iter().filter(|row| row.tenant_id == request.tenant);
        let positions = own.map(|row| (row.label.as_str(), row.position)).collect();
        Self { index, catalogue, analysis, request, positions }
    }

    fn row(&self, position: usize) -> Option<&'a SnapshotRow> {
        let of_tenant = |row: &&SnapshotRow| row.tenant_id == self.request.tenant;
        self.analysis.snapshots.iter().filter(of_tenant).find(|row| row.position == position)
    }

    fn label(&self, position: usize) -> String {
        self.row(position).map(|row| row.label.clone()).unwrap_or_default()
    }

    /// Position of a snapshot in the index.
    fn snapshot(&self, position: usize) -> Option<usize> {
        self.index
            .snapshots
            .iter()
            .position(|of| of.tenant == self.request.tenant && of.position == position)
    }

    fn position(&self, label: &str) -> Option<usize> {
        self.positions.get(label).copied()
    }

    fn changes(&self) -> impl Iterator<Item = &'a Change> {
        self.analysis.changes.iter().filter(|change| change.tenant_id == self.request.tenant)
    }

    fn changes_until(&self, position: usize) -> Cow<'a, [Change]> {
        let until = |change: &Change| {
            change.tenant_id == self.request.tenant
                && self.position(&change.to_snapshot).is_some_and(|place| place <= position)
        };
        let all = &self.analysis.changes;
        if all.iter().all(until) {
            return Cow::Borrowed(all);
        }
        Cow::Owned(all.iter().filter(|change| until(change)).cloned().collect())
    }

    fn steps(&self) -> Steps<'a> {
        Steps::gather(self.changes(), &|label| self.position(label))
    }

    /// The net changes between two snapshots.
    fn between(&self, from: usize, to: usize) -> Vec<Change> {
        net(self.analysis, &|tenant| (tenant == self.request.tenant).then_some((from, to)))
    }

    /// Whether a net change gets a verdict: changes of the tenant, and objects whose coming or going the evidence does not carry.
    fn is_judged(&self, change: &Change) -> bool {
        match change.lane {
            Lane::Change => true,
            Lane::Coverage => {
                change.is_disappearance()
                    || (change.kind == ChangeKind::FirstObserved && change.attribute.is_empty())
            }
            Lane::Volatile | Lane::Schema => false,
        }
    }

    /// The recoveries that lie between damaged and after, or those that were named, by start.
    fn jobs(&self) -> Vec<&'a JobRow> {
        let (damaged, after) = (self.time(self.request.damaged), self.time(self.request.after));
        let within = |job: &JobRow| {
            let begun = job.started.zip(damaged).is_none_or(|(start, at)| start >= at.start);
            let known = job.started.or(job.completed);
            let before = known.zip(after).is_none_or(|(at, after)| at <= after.end);
            begun && before && known.is_some()
        };
        let named = &self.request.jobs;
        let mut jobs: Vec<&JobRow> = self
            .analysis
            .jobs
            .iter()
            .filter(|job| job.tenant_id == self.request.tenant && job.kind == JobKind::Recovery)
            .filter(|job| if named.is_empty() { within(job) } else { named.contains(&job.id) })
            .collect();
        jobs.sort_by_key(|job| (job.started, &job.id));
        jobs
    }

    fn job(&self, jobs: &[&JobRow]) -> Job {
        let is_over = |job: &&JobRow| job.completed.is_some();
        let ended = |job: &&JobRow| {
            matches!(
                job.outcome,
                JobOutcome::Completed
                    | JobOutcome::CompletedWithWarnings
                    | JobOutcome::Failed
                    | JobOutcome::Cancelled
                    | JobOutcome::Unknown
            )
        };
        let completion = jobs.iter().filter_map(|job| job.completed).max();
        let objection = if jobs.is_empty() {
            self.request.completed.is_none().then_some(VerdictReason::NoJob)
        } else {
            (!jobs.iter().all(|job| is_over(job) && ended(job)))
                .then_some(VerdictReason::JobNotOver)
        };
        Job {
            objection,
            completion: if jobs.is_empty() { self.request.completed } else { completion },
            target: jobs.iter().filter_map(|job| job.target).next_back(),
            scopes: jobs.iter().map(|job| job.scope.clone()).collect(),
        }
    }

    /// The last snapshot that was over when the backup was taken, if that was before the good one began.
    fn at_target(&self, target: Option<Timestamp>) -> Option<usize> {
        let target = target?;
        let good = self.time(self.request.good)?;
        if target >= good.start {
            return None;
        }
        let over = |position: &usize| self.time(*position).is_some_and(|time| time.end <= target);
        (1..self.request.good).rfind(over).and_then(|position| self.snapshot(position))
    }

    /// What lists of the service say, by type and id.
    fn listed(&self, is_wanted: impl Fn(&ListedChange) -> bool) -> ListedBy<'a> {
        let of_tenant = |of: &&ListedChange| of.tenant_id == self.request.tenant;
        let mut found = ListedBy::new();
        for of in self.analysis.listed.iter().filter(of_tenant).filter(|of| is_wanted(of)) {
            found.entry((&of.object_type, &of.object_id)).or_default().push(of);
        }
        found
    }

    /// Everything that the verdicts rest on.
    fn bench(&self, jobs: &[&JobRow], abouts: &[About<'_>]) -> Result<Bench<'a>, HistoryError> {
        let Self { index, catalogue, analysis, request, .. } = *self;
        let job = self.job(jobs);
        let after = self.snapshot(request.after);
        let fresh = match (job.completion, after) {
            (Some(completion), Some(place)) => {
                freshness::judge(index, catalogue, (place, completion))?
            }
            _ => FreshExhibits::default(),
        };
        let view = |place: Option<usize>| {
            View::of(index, catalogue, analysis, (place.unwrap_or(usize::MAX), abouts))
        };
        let at_target = self.at_target(job.target).map(|place| view(Some(place))).transpose()?;
        let target = job.target;
        let of_backup = |of: &JobRow| target.is_some() && of.target == target;
        let own = analysis.jobs.iter().filter(|of| of.tenant_id == request.tenant);
        let reports: Vec<&JobRow> = own
            .clone()
            .filter(|of| of.kind == JobKind::DifferenceReport && of_backup(of))
            .collect();
        let lists: BTreeSet<&str> =
            own.filter(|of| of_backup(of)).map(|of| of.id.as_str()).collect();
        let failed = self.listed(|of| of.failed && jobs.iter().any(|job| job.id == of.job_id));
        let failures = jobs.iter().any(|job| job.failed_changes.is_some_and(|count| count > 0));
        Ok(Bench {
            index,
            catalogue,
            tenant: &request.tenant,
            positions: Positions {
                good: request.good,
                damaged: request.damaged,
                after: request.after,
            },
            steps: self.steps(),
            after: view(after)?,
            at_target,
            good_start: self.time(request.good).map(|time| time.start),
            damaged_end: self.time(request.damaged).map(|time| time.end),
            shaky: self.shaky(),
            fresh,
            reports,
            listed: self.listed(|of| !of.failed && lists.contains(of.job_id.as_str())),
            failures_unlisted: failures && failed.is_empty(),
            failed,
            job,
        })
    }

    /// The changes whose state before was seen in the damaged snapshot or earlier, and the others.
    fn known_when_damaged(
        &self,
        changes: Vec<Change>,
    ) -> Result<(Vec<Change>, Vec<Change>), HistoryError> {
        let damaged = self.request.damaged;
        let seen_before = |change: &Change| {
            change.attribute.is_empty()
                || self.position(&change.from_snapshot).is_some_and(|from| from <= damaged)
        };
        let (mut known, mut open): (Vec<_>, Vec<_>) = changes.into_iter().partition(seen_before);
        for position in (1..=damaged).rev() {
            if open.is_empty() {
                break;
            }
            let abouts: Vec<About<'_>> = open.iter().map(About::of).collect();
            let place = self.snapshot(position).unwrap_or(usize::MAX);
            let view = View::of(self.index, self.catalogue, self.analysis, (place, &abouts))?;
            let (shown, rest) = open.into_iter().partition(|change| view.shows(About::of(change)));
            known.extend::<Vec<_>>(shown);
            open = rest;
        }
        Ok((known, open))
    }

    fn time(&self, position: usize) -> Option<Interval> {
        self.row(position).and_then(|row| row.time)
    }

    /// Types in whose lists of the after snapshot objects are missing without proof that they are gone: pages are.
    fn shaky(&self) -> BTreeSet<&'a str> {
        let label = self.label(self.request.after);
        self.changes()
            .filter(|change| change.is_disappearance() && change.lane == Lane::Coverage)
            .filter(|change| change.to_snapshot == label)
            .map(|change| change.object_type.as_str())
            .collect()
    }

    /// What the declarations, conflicts and gaps say against the good snapshot as a good state.
    fn wrong_in_good(&self, intents: &Intents<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let label = self.label(self.request.good);
        if intents.are_declared() {
            let before = self.between(1, self.request.good);
            let damage = before.iter().filter(|change| change.lane == Lane::Change);
            for change in damage {
                let (intent, by) = intents.of(change);
                if intent == Intent::Damage && by != declared::ON_NO_TICKET {
                    found.push(format!(
                        "{} {} {}: {} before the good snapshot, and declared as damage ({by})",
                        change.object_type, change.object_id, change.attribute, change.kind
                    ));
                }
            }
        }
        let conflicts = self
            .analysis
            .conflicts
            .iter()
            .filter(|row| row.tenant_id == self.request.tenant && row.snapshot == label);
        found.extend(conflicts.map(|row| {
            format!(
                "{} {} {}: captures of the good snapshot disagree",
                row.object_type, row.object_id, row.attribute
            )
        }));
        found
    }

    /// Supported properties that one of the three snapshots did not collect.
    fn uncollected(&self, objection: Option<VerdictReason>) -> Vec<VerdictRow> {
        let labels = [
            (self.label(self.request.good), VerdictReason::GoodNotCollected),
            (self.label(self.request.damaged), VerdictReason::DamagedNotCollected),
            (self.label(self.request.after), VerdictReason::AfterNotCollected),
        ];
        sums::uncollected(self.analysis, self.catalogue, (&self.request.tenant, &labels), objection)
    }
}
