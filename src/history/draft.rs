//! Rows before they are named, folded and sorted.

use std::sync::Arc;

use crate::index::{Index, ObjectId};
use crate::model::{
    Certainty, Change, ChangeId, ChangeKind, Lane, Origin, Reason, Receipt, Target, Window,
};

/// A row with what folding and naming still need to know of it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) change: Change,
    /// Packed identity of the object.
    pub(super) id: ObjectId,
    /// Packed identity of the target.
    pub(super) target: Option<ObjectId>,
    /// The capture with the new state.
    pub(super) to: usize,
    /// Whether it stands for itself in every lane.
    pub(super) unfold: bool,
    /// Whether no object of the type has the attribute in the new capture.
    pub(super) gone_from_type: bool,
    /// Further objects that the row stands for.
    pub(super) rest: Option<Rest>,
}

/// Objects beside the first that one row of a fold stands for.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub(super) objects: u64,
    /// The last of them, with its receipts.
    pub(super) last: ObjectId,
    pub(super) evidence_before: Vec<Receipt>,
    pub(super) evidence_after: Vec<Receipt>,
}

/// What the rows of one object share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) index: &'a Index,
    pub(super) tenant: &'a str,
    pub(super) object_type: &'a Arc<str>,
    pub(super) id: &'a ObjectId,
}

impl Subject<'_> {
    /// A row about the object between two captures; the caller fills in what differs.
    pub(super) fn draft(&self, kind: ChangeKind, from: Option<usize>, to: usize) -> Draft {
        let label = |capture: usize| {
            self.index
                .captures
                .get(capture)
                .and_then(|capture| self.index.snapshots.get(capture.snapshot))
                .map(|snapshot| snapshot.label.clone())
                .unwrap_or_default()
        };
        let interval = |capture: usize| self.index.captures.get(capture)?.interval;
        Draft {
            change: Change {
                change_id: ChangeId::default(),
                tenant_id: self.tenant.to_owned(),
                object_type: self.object_type.to_string(),
                object_id: self.id.to_string(),
                object_name: String::new(),
                kind,
                attribute: String::new(),
                target: None,
                before: None,
                after: None,
                added: None,
                removed: None,
                window: Window {
                    not_before: from.and_then(interval).map(|interval| interval.start),
                    not_after: interval(to).map(|interval| interval.end),
                },
                narrowed: None,
                from_snapshot: from.map(label).unwrap_or_default(),
                to_snapshot: label(to),
                lane: Lane::Change,
                certainty: Certainty::Proven,
                objects: 1,
                origin: Origin::Tenant,
                evidence_before: Vec::new(),
                evidence_after: Vec::new(),
                reason: None,
                recoverability: None,
            },
            id: self.id.clone(),
            target: None,
            to,
            unfold: false,
            gone_from_type: false,
            rest: None,
        }
    }
}

impl Draft {
    /// Sets certainty, and with it the lane where nothing carries the row.
    pub(super) fn graded(mut self, certainty: Certainty, reason: Option<Reason>) -> Self {
        self.change.certainty = certainty;
        self.change.reason = reason;
        if certainty == Certainty::Unproven {
            self.change.lane = Lane::Coverage;
        }
        self
    }

    pub(super) fn aimed_at(mut self, object_type: &str, target: &ObjectId) -> Self {
        self.change.target = Some(Target {
            object_type: object_type.to_owned(),
            id: target.to_string(),
            name: String::new(),
        });
        self.target = Some(target.clone());
        self
    }

    pub(super) fn evidence(mut self, before: Vec<Receipt>, after: Vec<Receipt>) -> Self {
        self.change.evidence_before = before;
        self.change.evidence_after = after;
        self
    }
}
