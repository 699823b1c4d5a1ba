//! Folding, ids and order of rows (design, section 6).

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::model::{Change, ChangeId, ChangeKind, Lane, Reason, Receipt};

/// Rows of one fold: what they share.
type FoldKey = (String, Lane, ChangeKind, String, String, String, String, Option<Reason>);

/// Folds what the contract folds, gives every row its id and sorts; lanes in `unfolded` stand one by one.
pub(super) fn finish(drafts: Vec<Draft>, unfolded: &[Lane]) -> Vec<Change> {
    let drafts = whole_types(drafts);
    let mut rows = Vec::new();
    let mut folds: BTreeMap<FoldKey, Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        let alone = draft.change.lane == Lane::Change
            || draft.unfold
            || draft.change.is_disappearance()
            || unfolded.contains(&draft.change.lane);
        if alone {
            rows.push(draft.change);
        } else {
            folds.entry(fold_key(&draft.change)).or_default().push(draft);
        }
    }
    rows.extend(folds.into_values().filter_map(folded));
    for row in &mut rows {
        row.change_id = change_id(row);
    }
    rows.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    rows.dedup_by(|a, b| a.change_id == b.change_id && a.objects == 1 && b.objects == 1);
    rows
}

fn fold_key(change: &Change) -> FoldKey {
    (
        change.tenant_id.clone(),
        change.lane,
        change.kind,
        change.object_type.clone(),
        change.attribute.clone(),
        change.from_snapshot.clone(),
        change.to_snapshot.clone(),
        change.reason,
    )
}

/// An attribute gone from two or more objects, and left on none, is one statement about the type.
fn whole_types(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let key = |draft: &Draft| {
        let change = &draft.change;
        (change.tenant_id.clone(), change.object_type.clone(), change.attribute.clone(), draft.to)
    };
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| draft.gone_from_type) {
        *counts.entry(key(draft)).or_default() += 1;
    }
    for draft in drafts.iter_mut().filter(|draft| draft.gone_from_type) {
        if counts.get(&key(draft)).is_some_and(|count| *count > 1) {
            draft.unfold = false;
            draft.change.reason = Some(Reason::AttributeGoneFromType);
        }
    }
    drafts
}

fn folded(mut drafts: Vec<Draft>) -> Option<Change> {
    drafts.sort_by(|a, b| (&a.id, &a.target, a.to).cmp(&(&b.id, &b.target, b.to)));
    let objects = {
        let mut ids: Vec<_> = drafts.iter().map(|draft| &draft.id).collect();
        ids.dedup();
        let rest = drafts.iter().filter_map(|draft| draft.rest.as_ref());
        u64::try_from(ids.len()).unwrap_or(u64::MAX) + rest.map(|rest| rest.objects).sum::<u64>()
    };
    let not_before = drafts.iter().filter_map(|draft| draft.change.window.not_before).min();
    let not_after = drafts.iter().filter_map(|draft| draft.change.window.not_after).max();
    let certainty = drafts.iter().map(|draft| draft.change.certainty).max()?;
    let last = last_evidence(&drafts);
    let mut row = drafts.into_iter().next()?.change;
    row.object_id = String::new();
    row.object_name = String::new();
    row.target = None;
    (row.before, row.after, row.added, row.removed) = (None, None, None, None);
    row.narrowed = None;
    row.window.not_before = not_before;
    row.window.not_after = not_after;
    row.certainty = certainty;
    row.objects = objects;
    if let Some((before, after)) = last {
        row.evidence_before.extend(before);
        row.evidence_after.extend(after);
        row.evidence_before.dedup();
        row.evidence_after.dedup();
    }
    Some(row)
}

/// The receipts of the last object that the drafts, in order, stand for; nothing where it is also the first.
fn last_evidence(drafts: &[Draft]) -> Option<(Vec<Receipt>, Vec<Receipt>)> {
    let rest = drafts.iter().filter_map(|draft| draft.rest.as_ref()).max_by_key(|rest| &rest.last);
    let last = drafts.last().filter(|_| drafts.len() > 1);
    if let Some(rest) = rest
        && last.is_none_or(|last| last.id < rest.last)
    {
        return Some((rest.evidence_before.clone(), rest.evidence_after.clone()));
    }
    last.map(|last| (last.change.evidence_before.clone(), last.change.evidence_after.clone()))
}

/// BLAKE3 over what the contract names: tenant, type, identity, attribute or link key, kind, canonical before and after and
/// `not_after`; of a folded row, lane, type, attribute, kind, reason and snapshot pair.
#[must_use]
pub fn change_id(change: &Change) -> ChangeId {
    let mut hasher = blake3::Hasher::new();
    let mut field = |text: &str| {
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    field(&change.tenant_id);
    field(&change.object_type);
    field(&change.attribute);
    field(change.kind.as_str());
    if change.object_id.is_empty() {
        field(change.lane.as_str());
        field(change.reason.map_or("", Reason::as_str));
        field(&change.from_snapshot);
        field(&change.to_snapshot);
    } else {
        field(&change.object_id);
        field(change.target.as_ref().map_or("", |target| target.id.as_str()));
        field(change.before.as_deref().unwrap_or_default());
        field(change.after.as_deref().unwrap_or_default());
        field(&change.window.not_after.map(|at| at.to_string()).unwrap_or_default());
    }
    let digest = hasher.finalize();
    ChangeId(*digest.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]))
}
