//! The net difference between two snapshots, composed from the history between them: what changed and was put back is no
//! difference.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Analysis, Change, ChangeKind, Lane, Reason};

/// What one row is about: (tenant, type, object, attribute, target).
type About = (String, String, String, String, String);

/// The net differences between two snapshots of each tenant; `bounds` gives the places to compare (from, to) in a tenant.
/// The changes of the analysis are those of the whole timeline.
#[must_use]
pub fn net(analysis: &Analysis, bounds: &dyn Fn(&str) -> Option<(usize, usize)>) -> Vec<Change> {
    let places: HashMap<(&str, &str), usize> = analysis
        .snapshots
        .iter()
        .map(|row| ((&*row.tenant_id, &*row.label), row.position))
        .collect();
    let position = |tenant: &str, label: &str| places.get(&(tenant, label)).copied();
    between(&analysis.changes, &position, bounds)
}

/// The rows that take the state as of one snapshot to the state as of another. `position` gives the place of a label among a
/// tenant's snapshots, `bounds` the places to compare (from, to) in that tenant; with `from` after `to` the rows are the inverse.
fn between(
    changes: &[Change],
    position: &dyn Fn(&str, &str) -> Option<usize>,
    bounds: &dyn Fn(&str) -> Option<(usize, usize)>,
) -> Vec<Change> {
    let mut net: BTreeMap<About, Vec<&Change>> = BTreeMap::new();
    let mut rows = Vec::new();
    for change in changes {
        let Some((from, to)) = bounds(&change.tenant_id) else { continue };
        let Some(place) = position(&change.tenant_id, &change.to_snapshot) else { continue };
        if place <= from.min(to) || place > from.max(to) {
            continue;
        }
        if change.object_id.is_empty() || change.kind == ChangeKind::FirstObserved {
            rows.push((from > to, change.clone()));
        } else {
            net.entry(about(change)).or_default().push(change);
        }
    }
    let objects: BTreeMap<About, Option<Change>> = net
        .iter()
        .filter(|(about, _)| about.3.is_empty())
        .map(|(about, steps)| (about.clone(), object(steps)))
        .collect();
    for (about, steps) in net.iter().filter(|(about, _)| !about.3.is_empty()) {
        let whole =
            (about.0.clone(), about.1.clone(), about.2.clone(), String::new(), String::new());
        let came_or_went = objects.get(&whole).and_then(Option::as_ref).is_some_and(|net| {
            matches!(net.kind, ChangeKind::Added | ChangeKind::Removed | ChangeKind::HardDeleted)
        });
        if !came_or_went {
            let reverse = bounds(&about.0).is_some_and(|(from, to)| from > to);
            rows.extend(part(steps).map(|change| (reverse, change)));
        }
    }
    for (about, net) in objects {
        let reverse = bounds(&about.0).is_some_and(|(from, to)| from > to);
        rows.extend(net.map(|change| (reverse, change)));
    }
    let mut rows: Vec<Change> = rows
        .into_iter()
        .map(|(reverse, change)| if reverse { inverse(change) } else { change })
        .collect();
    rows.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    rows
}

fn about(change: &Change) -> About {
    (
        change.tenant_id.clone(),
        change.object_type.clone(),
        change.object_id.clone(),
        change.attribute.clone(),
        change.link_end().to_owned(),
    )
}

/// The net of the steps of one attribute or link.
fn part(steps: &[&Change]) -> Option<Change> {
    let (first, last) = (steps.first()?, steps.last()?);
    if steps.len() == 1 {
        return Some((*first).clone());
    }
    if first.is_link() {
        return (first.kind == last.kind).then(|| spanning(first, last));
    }
    (first.before != last.after).then(|| spanning(first, last))
}

/// Where an object is.
#[derive(PartialEq)]
enum Place {
    Nowhere,
    Live,
    Bin,
}

/// The net of what happened to an object as a whole: where it was and where it is.
fn object(steps: &[&Change]) -> Option<Change> {
    let (first, last) = (steps.first()?, steps.last()?);
    if steps.len() == 1 {
        return Some((*first).clone());
    }
    let was = if first.kind == ChangeKind::Added {
        Place::Nowhere
    } else if first.kind == ChangeKind::Restored {
        Place::Bin
    } else {
        Place::Live
    };
    let is = if matches!(last.kind, ChangeKind::Added | ChangeKind::Restored) {
        Place::Live
    } else if last.kind == ChangeKind::SoftDeleted {
        Place::Bin
    } else {
        Place::Nowhere
    };
    if was == is {
        return None;
    }
    let mut net = spanning(first, last);
    if was == Place::Nowhere && is == Place::Bin {
        net.reason = Some(Reason::AddedAndDeleted);
    }
    net.kind = match (was, is) {
        (Place::Nowhere, _) => ChangeKind::Added,
        (Place::Bin, Place::Live) => ChangeKind::Restored,
        (_, Place::Bin) => ChangeKind::SoftDeleted,
        (_, _) => last.kind,
    };
    Some(net)
}

/// One row from the first step's old state to the last step's new one.
fn spanning(first: &Change, last: &Change) -> Change {
    let mut net = last.clone();
    net.before.clone_from(&first.before);
    net.window.not_before = first.window.not_before;
    net.narrowed = None;
    net.from_snapshot.clone_from(&first.from_snapshot);
    net.evidence_before.clone_from(&first.evidence_before);
    net.certainty = first.certainty.max(last.certainty);
    if first.lane != Lane::Change {
        net.lane = first.lane;
    }
    net.reason = last.reason.or(first.reason);
    let (added, removed) = net_elements(first, last);
    net.added = added;
    net.removed = removed;
    net
}

/// Elements gained and lost over several steps, from the whole lists before and after.
fn net_elements(first: &Change, last: &Change) -> (Option<String>, Option<String>) {
    let list = |text: &Option<String>| -> Option<Vec<String>> {
        let Some(text) = text else { return Some(Vec::new()) };
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
        Some(items.into_iter().map(|item| item.get().to_owned()).collect())
    };
    let (Some(before), Some(after)) = (list(&first.before), list(&last.after)) else {
        return (None, None);
    };
    let only = |these: &[String], those: &[String]| {
        let mut rest = those.to_vec();
        let found: Vec<&String> = these
            .iter()
            .filter(|item| match rest.iter().position(|other| other == *item) {
                Some(place) => {
                    rest.swap_remove(place);
                    false
                }
                None => true,
            })
            .collect();
        let found: Vec<&str> = found.into_iter().map(String::as_str).collect();
        (!found.is_empty()).then(|| format!("[{}]", found.join(",")))
    };
    (only(&after, &before), only(&before, &after))
}

/// The same difference seen from the other side.
fn inverse(mut change: Change) -> Change {
    change.kind = match change.kind {
        ChangeKind::Added => ChangeKind::Removed,
        ChangeKind::Removed | ChangeKind::HardDeleted => ChangeKind::Added,
        ChangeKind::SoftDeleted => ChangeKind::Restored,
        ChangeKind::Restored => ChangeKind::SoftDeleted,
        ChangeKind::LinkAdded => ChangeKind::LinkRemoved,
        ChangeKind::LinkRemoved => ChangeKind::LinkAdded,
        same @ (ChangeKind::Modified | ChangeKind::FirstObserved) => same,
    };
    std::mem::swap(&mut change.before, &mut change.after);
    std::mem::swap(&mut change.added, &mut change.removed);
    std::mem::swap(&mut change.from_snapshot, &mut change.to_snapshot);
    std::mem::swap(&mut change.evidence_before, &mut change.evidence_after);
    change
}
