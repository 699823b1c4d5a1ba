//! When it changed: counts between one snapshot and the next, with a picture that needs no script.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::Text;
use crate::model::{Analysis, ChangeKind, Lane};
use crate::report::figures::Count;
use crate::report::words;

/// Pairs of snapshots in the picture: a quarter of daily exports.
const STEPS: usize = 92;

/// The table.
#[derive(Debug, Serialize)]
pub(super) struct Steps {
    pub(super) list: Vec<Step>,
    omitted: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Step {
    from: Text,
    to: Text,
    plus: String,
    minus: String,
    delta: String,
    links: String,
    bars: Vec<Bar>,
}

/// A bar of the picture, in thousandths of its width.
#[derive(Debug, Serialize)]
struct Bar {
    class: &'static str,
    x: u64,
    width: u64,
}

/// A cell of a group's key.
pub(super) fn key(count: &Count, at: usize) -> &str {
    count.key.get(at).map_or("", String::as_str)
}

pub(super) fn kind_of(count: &Count, at: usize) -> Option<ChangeKind> {
    ChangeKind::from_word(key(count, at))
}

/// Counts between one snapshot and the next.
#[derive(Default)]
struct Tallied {
    plus: u64,
    minus: u64,
    delta: u64,
    links: u64,
}

impl Tallied {
    fn total(&self) -> u64 {
        self.plus + self.minus + self.delta + self.links
    }
}

/// The table, in the order of the later snapshots; the latest ones where there are too many.
pub(super) fn steps(analysis: &Analysis, by_step: &[Count]) -> Steps {
    let position = |tenant: &str, label: &str| {
        let found = analysis.snapshots.iter().find(|s| s.tenant_id == tenant && s.label == label);
        found.map_or(usize::MAX, |snapshot| snapshot.position)
    };
    let mut steps: BTreeMap<(&str, usize, usize, &str, &str), Tallied> = BTreeMap::new();
    for count in by_step {
        let (tenant, from, to) = (key(count, 0), key(count, 1), key(count, 2));
        let Some(kind) = kind_of(count, 3) else { continue };
        let gone =
            matches!(kind, ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted);
        if !gone && key(count, 4) != Lane::Change.as_str() {
            continue;
        }
        let at = (tenant, position(tenant, to), position(tenant, from), from, to);
        let step = steps.entry(at).or_default();
        match kind {
            ChangeKind::Added | ChangeKind::Restored | ChangeKind::FirstObserved => {
                step.plus += count.rows;
            }
            ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted => {
                step.minus += count.rows;
            }
            ChangeKind::Modified => step.delta += count.rows,
            ChangeKind::LinkAdded | ChangeKind::LinkRemoved => step.links += count.rows,
        }
    }
    let most = steps.values().map(Tallied::total).max().unwrap_or_default().max(1);
    let hidden = steps.len().saturating_sub(STEPS);
    let list = steps
        .into_iter()
        .skip(hidden)
        .map(|((_, _, _, from, to), step)| Step {
            from: Text::name(from),
            to: Text::name(to),
            plus: words::number(step.plus),
            minus: words::number(step.minus),
            delta: words::number(step.delta),
            links: words::number(step.links),
            bars: bars(&step, most),
        })
        .collect();
    let omitted = match words::length(hidden) {
        0 => String::new(),
        more => format!("{} earlier not shown; changes.csv holds all of them", words::number(more)),
    };
    Steps { list, omitted }
}

fn bars(step: &Tallied, most: u64) -> Vec<Bar> {
    let mut x = 0;
    [("minus", step.minus), ("plus", step.plus), ("delta", step.delta), ("link", step.links)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| {
            // A single change beside thousands still shows.
            let width = (count.saturating_mul(1_000) / most).max(4);
            let bar = Bar { class, x, width };
            x += width;
            bar
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_change_has_a_bar() {
        let step = Tallied { plus: 1, delta: 100_000, ..Tallied::default() };
        assert_eq!(bars(&step, step.total())[0].width, 4);
    }
}
