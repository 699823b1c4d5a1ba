//! Links that operations touched.

use crate::model::{Certainty, ChangeKind};

use super::super::capture::Whole;
use super::super::kinds::{Obj, Ty};
use super::super::tenant::{Links, Relation};
use super::{Row, View};

pub(super) fn project(view: &View<'_>, rows: &mut Vec<Row>) {
    for (relation, links) in &view.tenant.links {
        if !links.log.is_empty() && relation.0.ty != Ty::DirectoryRole {
            one(view, *relation, links, rows);
        }
    }
}

/// The certainty that a list gives, `None` where it gives none in lane `change`.
fn certainty(whole: Whole, shrunk: bool) -> Option<Certainty> {
    match whole {
        _ if shrunk => None,
        Whole::Proven => Some(Certainty::Proven),
        Whole::Consistent => Some(Certainty::Consistent),
    }
}

fn one(view: &View<'_>, relation: Relation, links: &Links, rows: &mut Vec<Row>) {
    let Some(captures) = view.links.get(&relation) else { return };
    let mut old_shrunk = false;
    for (before, after) in captures.iter().zip(captures.iter().skip(1)) {
        let (old, new) = (links.at(before.start), links.at(after.start));
        let kept = old.intersection(&new).count();
        let shrunk = old.len() > 100 && kept * 10 < old.len() * 9;
        let window = (before.start, after.end);
        let mut push = |target: Obj, change, certainty| {
            let effects = links
                .log
                .iter()
                .filter(|event| event.target == target)
                .filter(|event| event.at > before.start && event.at <= after.start)
                .map(|event| event.effect)
                .collect();
            rows.push(Row {
                attribute: relation.1.to_owned(),
                target: view.tenant.key(target),
                certainty,
                effects,
                ..Row::of(relation.0, change, window)
            });
        };
        if let Some(certainty) = certainty(before.whole, old_shrunk) {
            new.difference(&old).for_each(|target| push(*target, ChangeKind::LinkAdded, certainty));
        }
        if let Some(certainty) = certainty(after.whole, shrunk) {
            old.difference(&new)
                .for_each(|target| push(*target, ChangeKind::LinkRemoved, certainty));
        }
        old_shrunk = shrunk;
    }
}
