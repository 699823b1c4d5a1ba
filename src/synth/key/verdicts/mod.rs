//! What became of each change in the planted recovery, by the rules of `recovery verify`, from what was done and from what
//! each capture shows. Shares no code with the judge.

mod decide;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{ChangeKind, Lane};

use super::super::clock::{DAY, FIRST_DAY, rfc3339};
use super::super::export::Written;
use super::super::kinds::Obj;
use super::super::recovery::{self, GOOD_DAY, Recovery};
use super::super::tenant::Tenant;
use super::{Row, View};
use decide::{Judge, Verdict};

/// What a row is about: object, attribute or relation, other end.
type About = (Obj, String, String);

/// One change between two snapshots.
#[derive(Debug)]
struct Net<'r> {
    first: &'r Row,
    last: &'r Row,
}

impl Net<'_> {
    fn is_proven(&self) -> bool {
        self.first.lane == Lane::Change && self.last.lane == Lane::Change
    }
}

fn day_of(at: i64) -> usize {
    usize::try_from((at - FIRST_DAY).div_euclid(DAY)).unwrap_or(0)
}

/// The rows that are about links name their other end; of the others, the edge says it.
fn about(row: &Row) -> About {
    let link = matches!(row.change, ChangeKind::LinkAdded | ChangeKind::LinkRemoved);
    let target = if link { row.target.clone() } else { String::new() };
    (row.obj, row.attribute.clone(), target)
}

/// What differs between the state as of one day and the state as of another.
fn net(rows: &[Row], from: usize, to: usize) -> BTreeMap<About, Net<'_>> {
    let mut all: BTreeMap<About, Net<'_>> = BTreeMap::new();
    for row in rows {
        let day = day_of(row.not_after);
        if day > from && day <= to {
            let one = all.entry(about(row)).or_insert(Net { first: row, last: row });
            one.last = row;
        }
    }
    all.retain(|_, one| differs(one));
    let replaced: BTreeSet<Obj> = all
        .iter()
        .filter(|((_, attribute, _), one)| attribute.is_empty() && comes_or_goes(one))
        .map(|((obj, ..), _)| *obj)
        .collect();
    all.retain(|(obj, attribute, _), _| attribute.is_empty() || !replaced.contains(obj));
    all
}

/// Whether an object is there at one end only, for good.
fn comes_or_goes(one: &Net<'_>) -> bool {
    let was = seen::before(one.first.change);
    let is = seen::after(one.last.change);
    was == seen::State::Nowhere || !matches!(is, seen::State::Live | seen::State::Bin)
}

fn differs(one: &Net<'_>) -> bool {
    match one.first.change {
        ChangeKind::Modified | ChangeKind::FirstObserved => one.first.before != one.last.after,
        ChangeKind::LinkAdded | ChangeKind::LinkRemoved => one.first.change == one.last.change,
        ChangeKind::Added
        | ChangeKind::Removed
        | ChangeKind::SoftDeleted
        | ChangeKind::HardDeleted
        | ChangeKind::Restored => seen::before(one.first.change) != seen::after(one.last.change),
    }
}

/// The sections `recovery` and `verdicts`; `None` where no recovery is to be judged.
pub(super) fn sections(
    tenant: &Tenant,
    written: &Written,
    rows: &[Row],
) -> Option<(Value, Vec<Value>)> {
    let plan = tenant.recovery.as_ref().filter(|_| !written.sheets.is_empty())?;
    let label = |day: usize| written.snapshots.get(day).map(|(label, ..)| label.as_str());
    let (good, damaged) = (label(GOOD_DAY)?, label(plan.day)?);
    let view = View::new(tenant, written);
    let afters: Vec<&str> = (plan.day + 1..written.snapshots.len()).filter_map(label).collect();
    let mut verdicts = Vec::new();
    for (after, name) in (plan.day + 1..).zip(&afters) {
        let judge = Judge::new(&view, written, plan, rows, (plan.day, after));
        let undeclared = judge.all(rows, false);
        let declared = judge.all(rows, true);
        for (about, verdict) in &undeclared {
            verdicts.push(entry(tenant, (name, "nothing"), about, verdict));
        }
        for (about, verdict) in &declared {
            if undeclared.get(about).is_none_or(|other| other.verdict != verdict.verdict) {
                verdicts.push(entry(tenant, (name, "tickets"), about, verdict));
            }
        }
    }
    let tickets: Vec<Value> = plan
        .tickets
        .iter()
        .map(|ticket| {
            json!({"object_type": ticket.obj.ty.name(), "object_id": tenant.key(ticket.obj),
                   "attribute": ticket.attribute, "since": rfc3339(ticket.since),
                   "until": rfc3339(ticket.until), "name": ticket.name})
        })
        .collect();
    let about = json!({
        "good": good,
        "damaged": damaged,
        "afters": afters,
        "jobs": [recovery::job_id(tenant)],
        "target": rfc3339(Recovery::target()),
        "completion": rfc3339(plan.completed()),
        "tickets": tickets,
    });
    Some((about, verdicts))
}

fn entry(
    tenant: &Tenant,
    (snapshot, declared): (&str, &str),
    (obj, attribute, target): &About,
    one: &Verdict,
) -> Value {
    json!({
        "snapshot": snapshot,
        "declared": declared,
        "object_type": obj.ty.name(),
        "object_id": tenant.key(*obj),
        "attribute": attribute,
        "target_id": target,
        "good": one.good,
        "damaged": one.damaged,
        "after": one.after,
        "verdict": one.verdict.as_str(),
        "reason": one.reason.map(crate::model::VerdictReason::as_str),
        "recurring": one.recurring,
    })
}
