//! The tables of an analysis: snapshots, objects, exhibits, warnings and totals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::attributes::Aside;
use super::census::{Census, TypeKey, pages};
use super::coverage::Ledger;
use super::engine::Engine;
use super::names::{Names, ObjectKey};
use super::series::Remark;
use super::{HistoryOptions, coverage, logs, series, times};
use crate::codes::code;
use crate::directory::{Catalogue, GRAPH_DIALECT, Identity};
use crate::evidence::{Carrier, SourceFile};
use crate::index::{Exhibit, Index, Listing, ObjectId, Seen, mark};
use crate::intake::Format;
use crate::model::{
    Analysis, BinRow, Change, ChangeKind, ConflictRow, ExhibitId, ExhibitRow, HashBasis, Lane,
    ObjectRow, QuarantineRow, SnapshotRow, Tally, WarningRow,
};

/// Objects of recycle bins that are named, per tenant: those that are purged first.
const NAMED: usize = 5;

/// Puts what lies in recycle bins in the order in which it is purged.
pub(super) fn soonest_first(bin: &mut [(ObjectId, BinRow)]) {
    bin.sort_by(|(_, a), (_, b)| a.cmp(b));
}

/// The objects that are purged first.
pub(super) fn soonest(bin: &[(ObjectId, BinRow)]) -> Vec<ObjectKey> {
    bin.chunk_by(|(_, a), (_, b)| a.tenant_id == b.tenant_id)
        .flat_map(|of_tenant| of_tenant.iter().take(NAMED))
        .map(|(id, row)| (row.tenant_id.clone(), Arc::from(row.object_type.as_str()), id.clone()))
        .collect()
}

pub(super) fn analysis(
    engine: &Engine<'_>,
    changes: Vec<Change>,
    names: &Names,
    (aside, options): (Aside, &HistoryOptions),
) -> Analysis {
    let Ledger { index, catalogue, censuses, .. } = engine.ledger();
    let mut tally = Tally::default();
    for exhibit in &index.exhibits {
        tally.add(&exhibit.tally);
    }
    let logs = logs::rows(index, catalogue);
    let last = index.captures.iter().filter_map(|capture| capture.interval).map(|i| i.end).max();
    let coverage = coverage::rows(&engine.ledger(), &logs);
    let mut conflicts = aside.conflicts;
    conflicts.sort_unstable();
    let remarks = series::remarks(index, catalogue, &coverage);
    let late = times::warnings(index, &aside.late);
    let bin = aside.bin.into_iter().map(|(id, row)| BinRow {
        object_name: names.get(&row.tenant_id, &row.object_type, &id),
        ..row
    });
    Analysis {
        snapshots: snapshots(index, censuses),
        objects: if options.all_objects {
            objects(index, catalogue, &changes, names)
        } else {
            Vec::new()
        },
        exhibits: exhibit_rows(index, catalogue),
        coverage,
        logs,
        warnings: warnings(index, &conflicts, remarks, late),
        conflicts,
        bin: bin.collect(),
        backups: Vec::new(),
        jobs: Vec::new(),
        job_events: Vec::new(),
        listed: Vec::new(),
        verifications: Vec::new(),
        assertions: None,
        differences: Vec::new(),
        opinions: Vec::new(),
        quarantine: quarantine(index),
        tally,
        set_aside_differences: aside
            .same_meaning
            .iter()
            .map(|(rule, count)| ((*rule).to_owned(), *count))
            .collect(),
        as_of: options.as_of.or(last),
        changes,
    }
}

fn snapshots(index: &Index, censuses: &BTreeMap<TypeKey, Census>) -> Vec<SnapshotRow> {
    let mut counts: BTreeMap<usize, BTreeMap<String, u64>> = BTreeMap::new();
    for ((_, object_type), census) in censuses {
        for ((snapshot, bin), count) in &census.objects {
            if !bin {
                let of_type = counts.entry(*snapshot).or_default();
                *of_type.entry(object_type.to_string()).or_default() += count;
            }
        }
    }
    index
        .snapshots
        .iter()
        .enumerate()
        .map(|(place, snapshot)| {
            let own = || index.exhibits.iter().filter(|exhibit| exhibit.snapshot == place);
            let mut digests: Vec<&[u8; 32]> = own().map(|exhibit| &exhibit.prints.sha256).collect();
            digests.sort_unstable();
            let mut hasher = blake3::Hasher::new();
            for digest in &digests {
                hasher.update(*digest);
            }
            SnapshotRow {
                tenant_id: snapshot.tenant.clone(),
                position: snapshot.position,
                label: snapshot.label.clone(),
                time: snapshot.interval,
                time_source: snapshot.time_source,
                objects: counts.remove(&place).unwrap_or_default(),
                exhibits: u64::try_from(digests.len()).unwrap_or(u64::MAX),
                bytes: own().map(|exhibit| exhibit.size_bytes).sum(),
                digest: hasher.finalize().to_hex().to_string(),
            }
        })
        .collect()
}

fn objects(
    index: &Index,
    catalogue: &Catalogue,
    changes: &[Change],
    names: &Names,
) -> Vec<ObjectRow> {
    let mut changed: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    let mut gone: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for change in changes.iter().filter(|change| change.lane == Lane::Change) {
        let key =
            (change.tenant_id.as_str(), change.object_type.as_str(), change.object_id.as_str());
        *changed.entry(key).or_default() += 1;
        if matches!(change.kind, ChangeKind::Removed | ChangeKind::HardDeleted) {
            gone.insert(key);
        } else if matches!(change.kind, ChangeKind::Added | ChangeKind::Restored) {
            gone.remove(&key);
        }
    }
    let mut rows = Vec::new();
    for object_type in index.object_types() {
        let known = catalogue.object_type(object_type);
        let singleton = known.is_some_and(|known| known.identity == Identity::Singleton);
        let last_lists: Vec<Option<usize>> =
            (0..index.tenants.len()).map(|tenant| last_list(index, tenant, object_type)).collect();
        let made = index.visit(object_type, Vec::new, |rows, tenant_place, seen| {
            let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return };
            let Some(tenant) = index.tenants.get(tenant_place) else { return };
            let last_list = last_lists.get(tenant_place).copied().flatten();
            let packed = index.id_of(first);
            let id = packed.to_string();
            let key = (tenant.as_str(), &**object_type, id.as_str());
            let label = |seen: &Seen<'_>| {
                index
                    .captures
                    .get(seen.capture as usize)
                    .and_then(|capture| index.snapshots.get(capture.snapshot))
                    .map(|snapshot| snapshot.label.clone())
                    .unwrap_or_default()
            };
            let fresh = last_list.is_some_and(|list| !index.before(last.capture as usize, list));
            let state = if gone.contains(&key) {
                "gone"
            } else if last.row.has(mark::DELETED) {
                "deleted"
            } else if fresh || singleton || last_list.is_none() {
                "live"
            } else {
                "not collected"
            };
            let receipt = index.receipt_at(last.request, last.row.offset, last.row.length);
            rows.push(ObjectRow {
                tenant_id: tenant.clone(),
                object_type: object_type.to_string(),
                object_name: names.get(tenant, object_type, &packed),
                state: state.to_owned(),
                first_snapshot: label(first),
                last_snapshot: label(last),
                observations: u64::try_from(seen.len()).unwrap_or(u64::MAX),
                changes: changed.get(&key).copied().unwrap_or(0),
                receipt: receipt.map(|receipt| receipt.to_string()).unwrap_or_default(),
                object_id: id,
            });
        });
        rows.extend(made.into_iter().flatten());
    }
    rows.sort_by(|a, b| {
        (&a.tenant_id, &a.object_type, &a.object_id).cmp(&(
            &b.tenant_id,
            &b.object_type,
            &b.object_id,
        ))
    });
    rows
}

fn last_list(index: &Index, tenant: usize, object_type: &str) -> Option<usize> {
    pages(index, tenant, object_type)
        .filter(|page| index.captures.get(page.capture).is_some_and(|c| c.listing == Listing::Live))
        .map(|page| page.capture)
        .max()
}

/// Every object of every tenant.
pub(super) fn all_objects(index: &Index) -> Vec<ObjectKey> {
    let mut found = Vec::new();
    for object_type in index.object_types() {
        let made = index.visit(object_type, Vec::new, |keys: &mut Vec<ObjectKey>, tenant, seen| {
            if let (Some(first), Some(tenant)) = (seen.first(), index.tenants.get(tenant)) {
                keys.push((tenant.clone(), Arc::clone(object_type), index.id_of(first)));
            }
        });
        found.extend(made.into_iter().flatten());
    }
    found
}

/// Exhibits and what carries them, by path.
fn exhibit_rows(index: &Index, catalogue: &Catalogue) -> Vec<ExhibitRow> {
    let exhibits = index.exhibits.iter().map(|exhibit| exhibit_row(index, catalogue, exhibit));
    let mut rows: Vec<ExhibitRow> =
        exhibits.chain(index.carriers.iter().map(carrier_row)).collect();
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    rows
}

/// An archive or a tag file of a bag: for custody, without records.
fn carrier_row(carrier: &Carrier) -> ExhibitRow {
    ExhibitRow {
        exhibit: ExhibitId::of_sha256(&carrier.prints.sha256),
        path: carrier.source.shown.clone(),
        size_bytes: carrier.size_bytes,
        sha256: carrier.prints.sha256_hex(),
        blake3: carrier.prints.blake3_hex(),
        format: carrier.format.to_owned(),
        encoding: String::new(),
        tenant_id: String::new(),
        snapshot: String::new(),
        time: None,
        time_source: None,
        object_types: Vec::new(),
        tally: Tally::default(),
        modified_at: carrier.modified.and_then(|at| Timestamp::try_from(at).ok()),
        hash_basis: HashBasis::Computed,
        tool: String::new(),
        changed_at: changed_at(&carrier.source),
    }
}

/// How it is laid out, and the dialects of its logs where that does not tell.
fn format_words(catalogue: &Catalogue, exhibit: &Exhibit) -> String {
    let layout = exhibit.format.map(Format::as_str).unwrap_or_default();
    let foreign = exhibit.logs.iter().filter(|log| log.dialect != GRAPH_DIALECT);
    let dialects: BTreeSet<&str> = foreign
        .filter_map(|log| Some(catalogue.log_dialect(log.dialect)?.words.as_str()))
        .collect();
    if dialects.is_empty() {
        return layout.to_owned();
    }
    format!("{layout}: {}", dialects.into_iter().collect::<Vec<_>>().join(", "))
}

/// When the file on disk was last changed in any way; of a member of an archive nothing tells.
fn changed_at(source: &SourceFile) -> Option<Timestamp> {
    source.stat.changed_at.filter(|_| source.archive().is_none())
}

fn exhibit_row(index: &Index, catalogue: &Catalogue, exhibit: &Exhibit) -> ExhibitRow {
    let snapshot = index.snapshots.get(exhibit.snapshot);
    let of_logs = exhibit.logs.iter().map(|log| &log.object_type);
    let mut object_types: Vec<String> =
        exhibit.object_types.iter().chain(of_logs).map(ToString::to_string).collect();
    object_types.sort_unstable();
    object_types.dedup();
    let format = exhibit.format.map(Format::as_str).unwrap_or_default();
    ExhibitRow {
        exhibit: exhibit.id(),
        path: exhibit.shown.clone(),
        size_bytes: exhibit.size_bytes,
        sha256: exhibit.prints.sha256_hex(),
        blake3: exhibit.prints.blake3_hex(),
        format: format_words(catalogue, exhibit),
        encoding: exhibit.encoding.as_str().to_owned(),
        tenant_id: snapshot.map(|s| s.tenant.clone()).unwrap_or_default(),
        snapshot: snapshot.map(|s| s.label.clone()).unwrap_or_default(),
        time: exhibit.time.map(|time| time.interval),
        time_source: exhibit.time.map(|time| time.source),
        object_types,
        tally: exhibit.tally.clone(),
        modified_at: exhibit.modified_at,
        hash_basis: exhibit.hash_basis,
        tool: tool(exhibit, format, catalogue),
        changed_at: changed_at(&exhibit.source),
    }
}

fn quarantine(index: &Index) -> Vec<QuarantineRow> {
    let as_u64 = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    index
        .exhibits
        .iter()
        .flat_map(|exhibit| {
            exhibit.quarantine.iter().map(|record| QuarantineRow {
                exhibit: exhibit.id(),
                path: exhibit.shown.clone(),
                offset_bytes: as_u64(record.span.start),
                len_bytes: as_u64(record.span.len()),
                code: record.code.to_owned(),
                reason: record.reason.to_owned(),
                bytes: None,
            })
        })
        .collect()
}

/// A warning with the advice that its code carries.
pub(super) fn warning(
    code_name: &str,
    path: &str,
    offset: Option<usize>,
    message: String,
) -> WarningRow {
    WarningRow {
        code: code_name.to_owned(),
        path: path.to_owned(),
        offset_bytes: offset.and_then(|offset| u64::try_from(offset).ok()),
        message,
        advice: code(code_name).map(|code| code.advice.clone()).unwrap_or_default(),
    }
}

fn warnings(
    index: &Index,
    conflicts: &[ConflictRow],
    remarks: Vec<Remark>,
    late: Vec<WarningRow>,
) -> Vec<WarningRow> {
    let mut rows = late;
    let said = remarks.into_iter();
    rows.extend(said.map(|(code_name, message)| warning(code_name, "", None, message)));
    for conflict in conflicts {
        let ConflictRow { object_type, object_id, attribute, snapshot, values, .. } = conflict;
        let receipts = values.iter().flat_map(|(_, receipts)| receipts).map(ToString::to_string);
        let receipts = receipts.collect::<Vec<_>>().join(";");
        let message = format!(
            "overlapping captures of snapshot `{snapshot}` disagree on {attribute} of {object_type} {object_id}: {receipts}"
        );
        rows.push(warning("conflict-in-snapshot", "", None, message));
    }
    for note in index.case().map(crate::index::Case::notes).unwrap_or_default() {
        rows.push(warning(note.code, &note.file, None, note.cause.clone()));
    }
    for refusal in &index.refusals {
        rows.push(warning(refusal.code, &refusal.shown, None, refusal.cause.clone()));
    }
    for exhibit in &index.exhibits {
        for trouble in &exhibit.troubles {
            rows.push(warning(
                trouble.code,
                &exhibit.shown,
                Some(trouble.offset_bytes),
                trouble.cause.clone(),
            ));
        }
        for record in &exhibit.quarantine {
            rows.push(warning(
                record.code,
                &exhibit.shown,
                Some(record.span.start),
                record.reason.to_owned(),
            ));
        }
        for (rule, count) in &exhibit.tally.set_aside {
            let meaning = code(rule).map(|code| code.meaning.clone()).unwrap_or_default();
            let message = format!("{count} set aside: {meaning}");
            rows.push(warning(rule, &exhibit.shown, None, message));
        }
        if exhibit.shown.contains("\\x")
            && std::str::from_utf8(exhibit.source.path.as_os_str().as_encoded_bytes()).is_err()
        {
            rows.push(warning(
                "name-not-utf8",
                &exhibit.shown,
                None,
                "shown with escapes".to_owned(),
            ));
        }
    }
    for capture in index.captures.iter().filter(|capture| capture.dangling) {
        let exhibit = capture
            .requests
            .last()
            .and_then(|request| index.requests.get(*request))
            .and_then(|request| index.exhibits.get(request.exhibit));
        let path = exhibit.map(|exhibit| exhibit.shown.as_str()).unwrap_or_default();
        rows.push(warning(
            "chain-dangling",
            path,
            None,
            "the list goes on where the evidence ends".to_owned(),
        ));
    }
    rows.extend(snapshot_warnings(index));
    // Damage first, then by place.
    rows.sort_by(|a, b| {
        let calm = |row: &WarningRow| !code(&row.code).is_some_and(|code| code.damage);
        (calm(a), a).cmp(&(calm(b), b))
    });
    rows.dedup();
    rows
}

fn snapshot_warnings(index: &Index) -> Vec<WarningRow> {
    let mut rows = Vec::new();
    if index.is_empty() {
        let (code, message) = if index.log_count() == 0 {
            ("nothing-to-compare", "no record could be used")
        } else {
            ("logs-only", "no object, and no snapshot of objects")
        };
        rows.push(warning(code, "", None, message.to_owned()));
    }
    let known: Vec<_> =
        index.snapshots.iter().filter(|snapshot| !snapshot.tenant.is_empty()).collect();
    for snapshot in &index.snapshots {
        if snapshot.interval.is_none() {
            let message = format!("no capture time in snapshot `{}`", snapshot.label);
            rows.push(warning("time-unknown", "", None, message));
        }
        if snapshot.tenant.is_empty() {
            let apart = if known.is_empty() { "" } else { ", and it stays apart from those known" };
            let message =
                format!("nothing tells the tenant of snapshot `{}`{apart}", snapshot.label);
            rows.push(warning("tenant-unknown", "", None, message));
        }
    }
    let mut per_tenant: BTreeMap<&str, usize> = BTreeMap::new();
    for snapshot in &index.snapshots {
        *per_tenant.entry(&snapshot.tenant).or_default() += 1;
    }
    for (tenant, count) in per_tenant {
        if count == 1 {
            let name = if tenant.is_empty() { "unknown" } else { tenant };
            let message = format!("tenant `{name}` has one snapshot");
            rows.push(warning("single-snapshot", "", None, message));
        }
    }
    rows
}

/// The tool that made an exhibit, where its format, or what its resources are called, tells.
fn tool(exhibit: &Exhibit, format: &str, catalogue: &Catalogue) -> String {
    let of_service = exhibit.beside.is_configuration || !exhibit.beside.jobs.is_empty();
    let of_snapshot = of_service.then(|| catalogue.tool("configuration snapshot")).flatten();
    of_snapshot.or_else(|| catalogue.tool(format)).unwrap_or_default().to_owned()
}
