//! The difference report: net changes between two snapshots, told as what a recovery would do.
//!
//! The earlier snapshot stands in the place of the backup, the later one in that of the current state. What the service
//! would not show is kept, with the reason, and what it merges is kept apart.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::directory::{Catalogue, Mapping, RecoverableProperty, Standing};
use crate::model::{
    Certainty, Change, ChangeKind, DifferenceReport, DifferingAttribute, DifferingLink,
    DifferingObject, Lane, Reason, Recoverability, RecoveryAction, Shown, Window,
};

/// What the service makes of each row.
type Judge<'a> = dyn Fn(&Change) -> Shown + 'a;

/// What a report compares, in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Label of the snapshot in the place of the backup, or the id of the service's backup.
    pub from: String,
    /// Label of the later snapshot.
    pub to: String,
    /// The time of the backup.
    pub backup: Option<Timestamp>,
    /// Whether the rows are what a list of the service holds: it shows them, whatever its documentation says.
    pub is_listed: bool,
}

/// One report per tenant that is compared, from its net changes; tenants without a change have an empty one.
#[must_use]
pub fn reports(
    changes: &[Change],
    compared: &BTreeMap<String, Compared>,
    catalogue: &Catalogue,
) -> Vec<DifferenceReport> {
    let mut by_tenant: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_tenant.entry(&change.tenant_id).or_default().push(change);
    }
    compared
        .iter()
        .map(|(tenant, compared)| {
            let rows = by_tenant.get(tenant.as_str()).map(Vec::as_slice).unwrap_or_default();
            report(tenant, compared, rows, catalogue)
        })
        .collect()
}

fn report(
    tenant: &str,
    compared: &Compared,
    changes: &[&Change],
    catalogue: &Catalogue,
) -> DifferenceReport {
    let mut other_rows: BTreeMap<String, u64> = BTreeMap::new();
    let mut objects: BTreeMap<(&str, &str), Vec<&Change>> = BTreeMap::new();
    for change in changes {
        if is_difference(change) {
            objects.entry((&change.object_type, &change.object_id)).or_default().push(change);
        } else {
            *other_rows.entry(change.lane.to_string()).or_default() += change.objects;
        }
    }
    let judge = |change: &Change| {
        let told = shown(change, catalogue);
        match told {
            Shown::Hidden(why) if compared.is_listed => Shown::Doubtful(why),
            Shown::Recovered
            | Shown::Doubtful(_)
            | Shown::Visible
            | Shown::Settled
            | Shown::Hidden(_) => told,
        }
    };
    DifferenceReport {
        tenant_id: tenant.to_owned(),
        from: compared.from.clone(),
        to: compared.to.clone(),
        backup: compared.backup,
        objects: objects.into_values().filter_map(|rows| object(&rows, &judge)).collect(),
        other_rows,
    }
}

/// Whether a row is a change of one object of the tenant; all else has no place in a difference report.
#[must_use]
pub fn is_difference(change: &Change) -> bool {
    change.lane == Lane::Change
        && change.kind != ChangeKind::FirstObserved
        && !change.object_id.is_empty()
}

/// What a recovery does about a row of this kind; `None` where it does nothing.
#[must_use]
pub fn action(change: &Change) -> Option<RecoveryAction> {
    match change.kind {
        ChangeKind::Modified | ChangeKind::LinkAdded | ChangeKind::LinkRemoved => {
            Some(RecoveryAction::Update)
        }
        ChangeKind::Added | ChangeKind::Restored => Some(RecoveryAction::SoftDelete),
        ChangeKind::SoftDeleted => Some(RecoveryAction::Restore),
        // Grants and assignments have no recycle bin; they come back with their service principal.
        ChangeKind::Removed | ChangeKind::HardDeleted => (change.recoverability
            == Some(Recoverability::WithAnchor))
        .then_some(RecoveryAction::Restore),
        ChangeKind::FirstObserved => None,
    }
}

/// What the service makes of a row.
#[must_use]
pub fn shown(change: &Change, catalogue: &Catalogue) -> Shown {
    if let Some(why) = outside(change, catalogue) {
        return Shown::Hidden(why);
    }
    if change.reason == Some(Reason::AddedAndDeleted) {
        return Shown::Settled;
    }
    match change.recoverability {
        Some(Recoverability::VisibleOnly) => Shown::Visible,
        // What the service keeps, and what the evidence shows of the object, does not change what a report would hold.
        Some(why @ (Recoverability::BackupExpired | Recoverability::CannotTell)) => {
            not_in_bin(change.kind).map_or(Shown::Doubtful(why), Shown::Hidden)
        }
        Some(told) if told.is_recoverable() => Shown::Recovered,
        Some(why) => Shown::Hidden(why),
        None => not_in_bin(change.kind).map_or(Shown::Recovered, Shown::Hidden),
    }
}

/// Why an object that is not in its recycle bin is not shown.
fn not_in_bin(kind: ChangeKind) -> Option<Recoverability> {
    match kind {
        ChangeKind::HardDeleted => Some(Recoverability::HardDeleted),
        ChangeKind::Removed | ChangeKind::FirstObserved => Some(Recoverability::CannotTell),
        ChangeKind::Added
        | ChangeKind::SoftDeleted
        | ChangeKind::Restored
        | ChangeKind::Modified
        | ChangeKind::LinkAdded
        | ChangeKind::LinkRemoved => None,
    }
}

/// Why the service knows nothing of it, whatever the time and whatever became of the object.
fn outside(change: &Change, catalogue: &Catalogue) -> Option<Recoverability> {
    if catalogue.recovery_type(&change.object_type).is_none() {
        return Some(Recoverability::OutsideTypes);
    }
    let row = |path| catalogue.recoverable_property(&change.object_type, &change.object_id, path);
    let link = matches!(change.kind, ChangeKind::LinkAdded | ChangeKind::LinkRemoved);
    let ambiguous = |row: &RecoverableProperty| {
        row.standing == Standing::Unclear || row.mapping == Mapping::Ambiguous
    };
    if change.attribute.is_empty() {
        return row("*").filter(|row| ambiguous(row)).map(|_| Recoverability::Ambiguous);
    }
    match row(&change.attribute) {
        Some(row) if ambiguous(row) => Some(Recoverability::Ambiguous),
        Some(row) if row.standing.is_supported() => None,
        Some(_) | None if link => Some(Recoverability::LinkNotSupported),
        Some(_) | None => Some(Recoverability::OutsideProperties),
    }
}

fn object(rows: &[&Change], judge: &Judge<'_>) -> Option<DifferingObject> {
    let first = rows.first()?;
    let itself = rows.iter().find(|row| row.attribute.is_empty());
    let (attributes, links) = parts(rows, judge);
    let name = rows.iter().rev().map(|row| &row.object_name).find(|name| !name.is_empty());
    let whole = match itself {
        Some(row) => judge(row),
        None => most(attributes.iter().map(|a| a.shown).chain(links.iter().map(|l| l.shown)))?,
    };
    let deleted = itself.and_then(|row| row.narrowed.as_ref());
    Some(DifferingObject {
        object_type: first.object_type.clone(),
        object_id: first.object_id.clone(),
        object_name: name.cloned().unwrap_or_default(),
        action: match itself {
            Some(row) => action(row),
            None => Some(RecoveryAction::Update),
        }
        .filter(|_| whole.is_shown()),
        cause: itself.map_or(ChangeKind::Modified, |row| row.kind),
        shown: whole,
        deleted: deleted.filter(|told| told.source == "deletedDateTime").map(|told| told.to),
        window: rows.iter().fold(first.window, |hull, row| Window {
            not_before: hull.not_before.min(row.window.not_before),
            not_after: hull.not_after.max(row.window.not_after),
        }),
        certainty: rows.iter().map(|row| row.certainty).max().unwrap_or(Certainty::Unproven),
        attributes,
        links,
    })
}

fn parts(rows: &[&Change], judge: &Judge<'_>) -> (Vec<DifferingAttribute>, Vec<DifferingLink>) {
    let mut attributes: Vec<DifferingAttribute> = rows
        .iter()
        .filter(|row| row.kind == ChangeKind::Modified && !row.attribute.is_empty())
        .map(|row| DifferingAttribute {
            path: row.attribute.clone(),
            backup: row.before.clone(),
            current: row.after.clone(),
            added: row.added.clone(),
            removed: row.removed.clone(),
            shown: judge(row),
        })
        .collect();
    attributes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut links: Vec<DifferingLink> = rows
        .iter()
        .filter(|row| matches!(row.kind, ChangeKind::LinkAdded | ChangeKind::LinkRemoved))
        .map(|row| DifferingLink {
            relation: row.attribute.clone(),
            target: row.target.clone().unwrap_or_default(),
            remove: row.kind == ChangeKind::LinkAdded,
            shown: judge(row),
        })
        .collect();
    links.sort_by(|a, b| (&a.relation, &a.target.id).cmp(&(&b.relation, &b.target.id)));
    (attributes, links)
}

/// What the service makes of an object, from its attributes and links.
fn most(parts: impl Iterator<Item = Shown>) -> Option<Shown> {
    let rank = |shown: &Shown| match shown {
        Shown::Recovered => 0,
        Shown::Doubtful(_) => 1,
        Shown::Visible => 2,
        Shown::Settled => 3,
        Shown::Hidden(_) => 4,
    };
    parts.min_by_key(rank)
}
