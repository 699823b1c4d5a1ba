//! The list of links that one snapshot shows of one object and relation: nothing is carried over from earlier ones.

use std::collections::BTreeMap;

use crate::index::{Index, LinkGroup, ObjectId};
use crate::model::Receipt;

/// A list of links in one snapshot.
#[derive(Debug, Default)]
pub(super) struct LinkView {
    /// Whether it is known to hold all links.
    pub(super) whole: bool,
    /// Whether nothing but delta pages show it.
    pub(super) of_delta: bool,
    /// The other ends, with the records that show them.
    pub(super) targets: BTreeMap<ObjectId, Receipt>,
    /// Where the list stands, for what it does not hold.
    pub(super) receipts: Vec<Receipt>,
}

impl LinkView {
    /// What a snapshot (its position in the index) shows of a group; `None` if it shows no list.
    pub(super) fn of(index: &Index, snapshot: usize, group: &LinkGroup) -> Option<Self> {
        let run = index.link_run(group);
        let of_snapshot = run.observations.iter().filter(|observation| {
            let capture = index.captures.get(observation.capture);
            capture.is_some_and(|capture| capture.snapshot == snapshot)
        });
        let mut view = Self { of_delta: true, ..Self::default() };
        let mut seen = false;
        for observation in of_snapshot {
            seen = true;
            view.of_delta &= observation.patch;
            if !observation.patch {
                // A later list of the same snapshot replaces what an earlier one showed.
                view.targets.clear();
                view.whole = !observation.partial;
                view.receipts = index.exhibits_of(observation.capture);
                if view.receipts.is_empty() {
                    view.receipts.push(observation.receipt);
                }
            }
            for (_, id, receipt) in &observation.others {
                view.targets.insert(id.clone(), *receipt);
            }
            for (_, id, _) in &observation.gone {
                view.targets.remove(id);
            }
        }
        seen.then_some(view)
    }
}
