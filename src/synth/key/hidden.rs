//! Effects that no row of the key shows, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::super::export::Written;
use super::super::kinds::Ty;
use super::super::tenant::{Effect, Place, Tenant, What};
use super::super::value;
use super::{Row, View};

/// Every effect without a row of its own, with the reason.
pub(super) fn effects(
    tenant: &Tenant,
    written: &Written,
    rows: &[Row],
) -> Vec<(usize, &'static str)> {
    let view = View::new(tenant, written);
    let mut shown: BTreeMap<usize, bool> = BTreeMap::new();
    for row in rows {
        for (number, effect) in row.effects.iter().rev().enumerate() {
            let last = shown.entry(*effect).or_default();
            *last = *last || number == 0;
        }
    }
    let expected: BTreeSet<usize> =
        shown.iter().filter(|(_, last)| **last).map(|(effect, _)| *effect).collect();
    tenant
        .effects
        .iter()
        .enumerate()
        .filter(|(number, _)| !expected.contains(number))
        .map(|(number, effect)| {
            let why = match shown.get(&number) {
                Some(_) => "part of a row whose new state a later operation made",
                None => reason(&view, effect),
            };
            (number, why)
        })
        .collect()
}

fn reason(view: &View<'_>, effect: &Effect) -> &'static str {
    let at = view.tenant.operations.get(effect.operation).map_or(0, |one| one.at);
    match &effect.what {
        What::Set { obj, path, .. } if path == "id" && obj.ty.is_natural() => {
            "the id of an edge is re-created at will and not compared"
        }
        What::Set { obj, path, before, .. } => {
            let held = |after: bool| {
                view.captures(obj.ty).iter().any(|capture| {
                    capture.present.contains(obj.ix)
                        && capture.collects(path)
                        && (capture.start >= at) == after
                })
            };
            match (held(false), held(true)) {
                (false, _) => "the attribute was not collected before",
                (_, false) => "the attribute was not collected afterwards",
                _ if view.tenant.settings.get(obj).and_then(|all| all.get(path)).is_some_and(
                    |log| {
                        log.iter()
                            .any(|s| s.at > at && value::text(&s.value) == value::text(before))
                    },
                ) =>
                {
                    "changed back before the next capture"
                }
                _ => "no capture between this and the next change",
            }
        }
        What::Link { source, relation, .. } => {
            let captures =
                view.links.get(&(*source, *relation)).map(Vec::as_slice).unwrap_or_default();
            match (captures.iter().any(|c| c.start < at), captures.iter().any(|c| c.start >= at)) {
                (false, _) => "the links of this source were not collected before",
                (_, false) => "the links of this source were not collected afterwards",
                _ => "undone before the next capture, or the lists do not carry it",
            }
        }
        What::Move { obj, to, .. } => moved(view, *obj, *to, at),
    }
}

fn moved(view: &View<'_>, obj: super::super::kinds::Obj, to: Place, at: i64) -> &'static str {
    let captures = view.captures(obj.ty);
    let seen = |after: bool| {
        captures.iter().any(|c| c.present.contains(obj.ix) && (c.start >= at) == after)
    };
    if obj.ty == Ty::Requirements || captures.iter().all(|capture| capture.start < at) {
        return "the type was not collected afterwards";
    }
    match (to, seen(false), seen(true)) {
        (_, false, false) => "came and went between two captures",
        (Place::Live, _, _) => "no list before carries its absence",
        (Place::Bin | Place::Absent, false, _) => "not seen before",
        (Place::Bin | Place::Absent, _, _) => {
            "no list afterwards carries its absence, or it was seen again"
        }
    }
}
