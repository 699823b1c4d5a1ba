//! The hidden backup, rebuilt from a dump and a change list of the service: what differs between the two.
//!
//! The value in the backup is `deltaFromCurrent` where the list has it, else that of the dump, so only what is listed differs.
//! Where the dump and the list's own current state disagree, both are kept as a conflict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::lists::ServiceList;
use crate::directory::{Catalogue, Identity};
use crate::history::{
    HistoryError, Json, ObjectState, Speller, ValueAt, WantedStates, change_id, states_as_of,
};
use crate::index::{Index, canonical};
use crate::model::{
    Certainty, Change, ChangeId, ChangeKind, ConflictRow, Interval, Lane, ListedAttribute,
    ListedChange, ListedLink, Origin, Reason, Receipt, RecoveryAction, SnapshotRow, Target, Window,
};

/// What differs between the hidden backup and a dump.
#[derive(Debug, Clone, Default)]
pub struct Rebuilt {
    /// In the order of the contract.
    pub changes: Vec<Change>,
    /// What the dump and the list's current state disagree on.
    pub conflicts: Vec<ConflictRow>,
    /// Rows of the list that do not say what they are about.
    pub unread: u64,
}

/// Compares the backup behind a list with the state as of a snapshot of the same tenant.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn rebuild(
    index: &Index,
    catalogue: &Catalogue,
    list: &ServiceList<'_>,
    dump: &SnapshotRow,
) -> Result<Rebuilt, HistoryError> {
    let states = states(index, catalogue, list, dump.position)?;
    let mut builder = Builder {
        catalogue,
        list,
        dump,
        target: list.target(),
        states: &states,
        out: Rebuilt::default(),
    };
    for row in &list.rows {
        builder.row(row);
    }
    let mut out = builder.out;
    for change in &mut out.changes {
        change.change_id = change_id(change);
    }
    out.changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    out.changes.dedup_by(|a, b| a.change_id == b.change_id);
    out.conflicts.sort();
    out.conflicts.dedup();
    Ok(out)
}

/// What dumps show of the objects of a list, by (type, id).
pub(super) type States = BTreeMap<(String, String), ObjectState>;

/// The objects of a list as of a snapshot, with the objects that show parts of them in exports.
pub(super) fn states(
    index: &Index,
    catalogue: &Catalogue,
    list: &ServiceList<'_>,
    place: usize,
) -> Result<States, HistoryError> {
    let mut wanted: WantedStates = BTreeMap::new();
    for row in &list.rows {
        let carriers: BTreeSet<&str> = std::iter::once(row.object_type.as_str())
            .chain(row.attributes.iter().map(|a| carrier(catalogue, &row.object_type, &a.path)))
            .collect();
        for object_type in carriers {
            let key = (list.tenant_id.to_owned(), object_type.to_owned());
            wanted.entry(key).or_default().insert(row.object_id.clone());
        }
    }
    let found = states_as_of(index, catalogue, &wanted, place)?;
    let key = |state: &ObjectState| (state.object_type.clone(), state.object_id.clone());
    Ok(found.into_iter().map(|state| (key(&state), state)).collect())
}

/// The type that shows an attribute of a listed object in exports: another one for the MFA state of a user.
pub(super) fn carrier<'t>(catalogue: &'t Catalogue, object_type: &'t str, path: &str) -> &'t str {
    catalogue
        .recoverable_properties(object_type)
        .find(|row| row.property == path && row.carrier != object_type)
        .map_or(object_type, |row| &row.carrier)
}

/// What a value means, as text that is equal exactly for equal meanings.
pub(super) fn meaning(
    catalogue: &Catalogue,
    (object_type, path): (&str, &str),
    value: Option<&str>,
) -> String {
    let speller = Speller { object_type, path, catalogue };
    value
        .and_then(|text| Json::parse(text.as_bytes()).ok())
        .map(|json| speller.meaning(&json))
        .unwrap_or_default()
}

struct Builder<'a> {
    catalogue: &'a Catalogue,
    list: &'a ServiceList<'a>,
    dump: &'a SnapshotRow,
    target: Option<Timestamp>,
    states: &'a States,
    out: Rebuilt,
}

/// What the dump says, as far as it is known, beside what the list says.
struct Current<'s> {
    receipts: Vec<Receipt>,
    captured: Option<Timestamp>,
    snapshot: &'s str,
    certainty: Certainty,
    reason: Option<Reason>,
}

impl<'a> Builder<'a> {
    fn row(&mut self, row: &ListedChange) {
        let Some(action) = row.action.filter(|_| !row.object_type.is_empty()) else {
            self.out.unread += 1;
            return;
        };
        let states = self.states;
        let state = states.get(&(row.object_type.clone(), row.object_id.clone()));
        let came_back = match action {
            RecoveryAction::Update => true,
            RecoveryAction::Restore => self.restored(row, state),
            RecoveryAction::SoftDelete => self.soft_deleted(row, state),
        };
        if came_back {
            for attribute in &row.attributes {
                self.attribute(row, attribute);
            }
            for link in &row.links {
                self.link(row, state, link);
            }
        }
    }

    /// In the bin now, and live in the backup. Whether the object was there on both sides.
    fn restored(&mut self, row: &ListedChange, state: Option<&ObjectState>) -> bool {
        if let Some(live) = state.filter(|state| !state.deleted) {
            self.conflict(row, "", ("live", live.receipt), "in the bin");
            return true;
        }
        let known = self.catalogue.object_type(&row.object_type);
        // What has no recycle bin is gone.
        let has_bin = known.is_none_or(|known| known.bin.is_some());
        let kind = if has_bin { ChangeKind::SoftDeleted } else { ChangeKind::Removed };
        let current = state.map_or_else(|| Current::of_list(row, self.dump), Current::of_state);
        let change = self.change(row, kind, current);
        self.out.changes.push(change);
        has_bin
    }

    /// Live now, and not in the backup. Whether the object was there on both sides.
    fn soft_deleted(&mut self, row: &ListedChange, state: Option<&ObjectState>) -> bool {
        if let Some(gone) = state.filter(|state| state.deleted) {
            self.conflict(row, "", ("in the bin", gone.receipt), "live");
            return false;
        }
        let created = state.and_then(|state| self.created(state));
        let has_backup = row.attributes.iter().any(|attribute| attribute.backup.is_some());
        let has_bin =
            self.catalogue.object_type(&row.object_type).is_none_or(|known| known.bin.is_some());
        let told = match (created, self.target) {
            _ if has_backup => Some(ChangeKind::Restored),
            _ if !has_bin => Some(ChangeKind::Added),
            (Some(created), Some(target)) if created <= target => Some(ChangeKind::Restored),
            (Some(_), Some(_)) => Some(ChangeKind::Added),
            _ => None,
        };
        let mut current = state.map_or_else(|| Current::of_list(row, self.dump), Current::of_state);
        if told.is_none() {
            current.certainty = Certainty::Consistent;
            current.reason = Some(Reason::AddedOrRestored);
        }
        let kind = told.unwrap_or(ChangeKind::Added);
        let change = self.change(row, kind, current);
        self.out.changes.push(change);
        kind == ChangeKind::Restored
    }

    /// When the service created it.
    fn created(&self, state: &ObjectState) -> Option<Timestamp> {
        let known = self.catalogue.object_type(&state.object_type)?;
        let value = state.value_at("createdDateTime", self.catalogue)?.value?;
        let text: String = serde_json::from_str(&value).ok()?;
        known.created_by_service.then(|| text.parse().ok())?
    }

    fn attribute(&mut self, row: &ListedChange, listed: &ListedAttribute) {
        let Some(backup) = &listed.backup else { return };
        let carrier = carrier(self.catalogue, &row.object_type, &listed.path);
        let states = self.states;
        let state = states.get(&(carrier.to_owned(), row.object_id.clone()));
        let dumped = state.and_then(|state| state.value_at(&listed.path, self.catalogue));
        let means = |value: Option<&str>| meaning(self.catalogue, (carrier, &listed.path), value);
        if let (Some(ValueAt { value, receipt, .. }), Some(current)) = (&dumped, &listed.current)
            && means(value.as_deref()) != means(current.as_deref())
        {
            let sides = (value.as_deref().unwrap_or_default(), *receipt);
            self.conflict(row, &listed.path, sides, current.as_deref().unwrap_or_default());
        }
        let (after, current) = match (&dumped, &listed.current) {
            (Some(found), _) => (found.value.clone(), Current::of_value(found)),
            (None, Some(current)) => (current.clone(), Current::of_list(row, self.dump)),
            (None, None) => return,
        };
        if means(backup.as_deref()) == means(after.as_deref()) {
            return;
        }
        let json = |value: &Option<String>| {
            value.as_deref().and_then(|text| Json::parse(text.as_bytes()).ok())
        };
        let speller =
            Speller { object_type: carrier, path: &listed.path, catalogue: self.catalogue };
        let (added, removed) =
            speller.gained_and_lost(json(backup).as_ref(), json(&after).as_ref());
        let base = self.change(row, ChangeKind::Modified, current);
        self.out.changes.push(Change {
            object_type: carrier.to_owned(),
            attribute: listed.path.clone(),
            before: backup.clone(),
            after,
            added,
            removed,
            ..base
        });
    }

    fn link(&mut self, row: &ListedChange, state: Option<&ObjectState>, listed: &ListedLink) {
        let target = canonical(&listed.target.id);
        let list = state.and_then(|state| state.relations.get(&listed.relation));
        let held = state.and_then(|state| {
            let fits = |link: &&crate::history::LinkState| {
                link.relation == listed.relation && link.target == target
            };
            state.links.iter().find(fits)
        });
        let dumped = held.map(|link| link.receipt).or(list.copied());
        if dumped.is_some() && held.is_some() != listed.remove {
            let words = if listed.remove { ("absent", "linked") } else { ("linked", "absent") };
            self.conflict(row, &listed.relation, (words.0, dumped), words.1);
            return;
        }
        let kind = if listed.remove { ChangeKind::LinkAdded } else { ChangeKind::LinkRemoved };
        let current = match (state, dumped) {
            (Some(state), Some(receipt)) => {
                Current { receipts: vec![receipt], ..Current::of_state(state) }
            }
            _ => Current::of_list(row, self.dump),
        };
        let base = self.change(row, kind, current);
        self.out.changes.push(Change {
            attribute: listed.relation.clone(),
            target: Some(Target { id: target, ..listed.target.clone() }),
            ..base
        });
    }

    fn change(&self, row: &ListedChange, kind: ChangeKind, current: Current<'_>) -> Change {
        Change {
            change_id: ChangeId::default(),
            tenant_id: self.list.tenant_id.to_owned(),
            object_type: row.object_type.clone(),
            object_id: row.object_id.clone(),
            object_name: row.object_name.clone(),
            kind,
            attribute: String::new(),
            target: self.edge(row),
            before: None,
            after: None,
            added: None,
            removed: None,
            window: Window { not_before: self.target, not_after: current.captured },
            narrowed: None,
            from_snapshot: self.list.backup_id.to_owned(),
            to_snapshot: current.snapshot.to_owned(),
            lane: Lane::Change,
            certainty: current.certainty,
            objects: 1,
            origin: Origin::Tenant,
            evidence_before: row.receipt.into_iter().collect(),
            evidence_after: current.receipts,
            reason: current.reason,
            recoverability: None,
        }
    }

    /// What a grant or an assignment points at: a part of its natural key.
    fn edge(&self, row: &ListedChange) -> Option<Target> {
        let known = self.catalogue.object_type(&row.object_type)?;
        let Identity::NaturalKey(properties) = &known.identity else { return None };
        let (property, object_type) = known.target.as_ref()?;
        let place = properties.iter().position(|name| name == property)?;
        let id = row.object_id.split('|').nth(place)?;
        let (id, object_type) = (id.to_owned(), object_type.clone());
        Some(Target { object_type, id, name: String::new() })
    }

    /// Notes that the dump says one thing of the current state, and the list another.
    fn conflict(
        &mut self,
        row: &ListedChange,
        attribute: &str,
        (dumped, receipt): (&str, Option<Receipt>),
        listed: &str,
    ) {
        let mut values = vec![
            (dumped.to_owned(), receipt.into_iter().collect::<Vec<_>>()),
            (listed.to_owned(), row.receipt.into_iter().collect()),
        ];
        values.sort();
        self.out.conflicts.push(ConflictRow {
            tenant_id: self.list.tenant_id.to_owned(),
            snapshot: self.dump.label.clone(),
            object_type: row.object_type.clone(),
            object_id: row.object_id.clone(),
            attribute: attribute.to_owned(),
            values,
        });
    }
}

impl<'s> Current<'s> {
    fn of_state(state: &'s ObjectState) -> Self {
        Self::of_dump(state.receipt, state.captured, &state.snapshot)
    }

    fn of_value(value: &'s ValueAt) -> Self {
        Self::of_dump(value.receipt, value.captured, &value.snapshot)
    }

    fn of_dump(receipt: Option<Receipt>, captured: Option<Interval>, snapshot: &'s str) -> Self {
        Self {
            receipts: receipt.into_iter().collect(),
            captured: captured.map(|interval| interval.end),
            snapshot,
            certainty: Certainty::Proven,
            reason: None,
        }
    }

    /// No dump shows it: the list's own current state has to do.
    fn of_list(row: &ListedChange, dump: &'s SnapshotRow) -> Self {
        Self {
            receipts: row.receipt.into_iter().collect(),
            captured: dump.time.map(|time| time.end),
            snapshot: &dump.label,
            certainty: Certainty::Consistent,
            reason: Some(Reason::FromChangeList),
        }
    }
}
