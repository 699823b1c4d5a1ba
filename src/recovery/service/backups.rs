//! Backups that the service lists: each once, however often and in whichever spelling of its id it is listed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Source;
use super::said::Members;
use crate::directory::Catalogue;
use crate::intake::of_snapshot_id;
use crate::model::{BackupRow, Receipt};

/// What one record says of a backup.
#[derive(Debug, Clone)]
pub(super) struct SaidBackup {
    pub(super) id: String,
    created: Option<Timestamp>,
    changed_objects: Option<u64>,
    /// Whether its id holds another time than `createdDateTime`.
    pub(super) contradicts: bool,
}

impl SaidBackup {
    /// Reads `createdDateTime`, or the time in the id, in either of its encodings.
    pub(super) fn of(members: &mut Members<'_>) -> Self {
        let id = members.text(&["id"]).unwrap_or_default().trim().to_owned();
        let created = members.time("createdDateTime");
        let in_id = of_snapshot_id(&id).map(|time| time.at);
        if created.or(in_id).is_none() {
            members.note("createdDateTime");
        }
        if id.is_empty() {
            members.note("id");
        }
        let differs = |(a, b): (Timestamp, Timestamp)| a.as_second() != b.as_second();
        Self {
            contradicts: created.zip(in_id).is_some_and(differs),
            created: created.or(in_id),
            changed_objects: members.count("totalChangedObjects"),
            id,
        }
    }
}

/// An id without what its spellings differ in: padding and alphabet.
pub(super) fn plain_id(id: &str) -> String {
    let id = id.trim().trim_end_matches('=');
    id.replace('-', "+").replace('_', "/")
}

/// The backups of all tenants, by (tenant, time, id); a later reading says what an earlier one did not.
pub(super) fn rows<'s>(
    said: impl Iterator<Item = (&'s Source<'s>, &'s SaidBackup)>,
    catalogue: &Catalogue,
    as_of: Option<Timestamp>,
) -> Vec<BackupRow> {
    let mut by_id: BTreeMap<(&str, String), Vec<(&Source<'_>, &SaidBackup)>> = BTreeMap::new();
    for (source, backup) in said {
        let key = (source.tenant, plain_id(&backup.id));
        by_id.entry(key).or_default().push((source, backup));
    }
    let mut rows: Vec<BackupRow> = by_id
        .into_iter()
        .filter_map(|((tenant, _), mut readings)| {
            readings.sort_by_key(|(source, _)| std::cmp::Reverse(source.order()));
            let (_, last) = readings.first()?;
            let created = readings.iter().find_map(|(_, said)| said.created);
            let days = as_of.or(created).and_then(|at| catalogue.retention_of("backup", at));
            let kept_until = created.zip(days).and_then(|(created, days)| {
                created.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()
            });
            Some(BackupRow {
                tenant_id: tenant.to_owned(),
                created,
                id: last.id.clone(),
                changed_objects: readings.iter().find_map(|(_, said)| said.changed_objects),
                kept_until,
                same_time: 0,
                receipts: one_per_exhibit(readings.iter().filter_map(|(source, _)| source.receipt)),
            })
        })
        .collect();
    rows.sort();
    let mut times: BTreeMap<(String, Option<Timestamp>), u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.created.is_some()) {
        *times.entry((row.tenant_id.clone(), row.created)).or_default() += 1;
    }
    for row in &mut rows {
        let same = times.get(&(row.tenant_id.clone(), row.created)).copied().unwrap_or(1);
        row.same_time = same.saturating_sub(1);
    }
    rows
}

/// The first receipt of each exhibit, in the order given.
pub(super) fn one_per_exhibit(receipts: impl Iterator<Item = Receipt>) -> Vec<Receipt> {
    let mut kept: Vec<Receipt> = Vec::new();
    let mut met = std::collections::BTreeSet::new();
    for receipt in receipts {
        if met.insert(receipt.exhibit) {
            kept.push(receipt);
        }
    }
    kept
}

/// The only backup of a tenant and time, if exactly one is listed.
pub(super) fn of_time<'b>(
    backups: &'b [BackupRow],
    tenant: &str,
    time: Timestamp,
) -> Option<&'b BackupRow> {
    let at = |row: &&BackupRow| {
        row.tenant_id == tenant
            && row.created.is_some_and(|created| created.as_second() == time.as_second())
    };
    let mut found = backups.iter().filter(at);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}
