//! Backups and jobs as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{failures, notes, seconds, starters};
use crate::model::{Analysis, BackupRow, JobEvent, JobRow, JobScope, ListedChange, Receipt};

fn receipts(receipts: &[Receipt]) -> Vec<String> {
    receipts.iter().map(ToString::to_string).collect()
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// A backup; `kind` tells it from a snapshot.
#[must_use]
pub fn backup(row: &BackupRow) -> Value {
    json!({
        "kind": "backup", "tenant_id": row.tenant_id, "created": time(row.created), "id": row.id,
        "changed_objects": row.changed_objects, "kept_until": time(row.kept_until),
        "same_time": row.same_time, "evidence": receipts(&row.receipts),
    })
}

/// All jobs, each with its failures, what is to be said of it, and who may have started it.
#[must_use]
pub fn jobs(analysis: &Analysis) -> Value {
    Value::Array(analysis.jobs.iter().map(|row| job(analysis, row)).collect())
}

fn job(analysis: &Analysis, row: &JobRow) -> Value {
    json!({
        "tenant_id": row.tenant_id, "started": time(row.started), "id": row.id,
        "kind": row.kind.as_str(), "status": row.status, "outcome": row.outcome.as_str(),
        "completed": time(row.completed), "duration_seconds": seconds(row),
        "target_state": time(row.target), "backup_id": row.backup_id, "scope": scope(&row.scope),
        "changed_objects_calculated": row.changed_objects_calculated,
        "changed_links_calculated": row.changed_links_calculated,
        "objects_modified": row.objects_modified, "links_modified": row.links_modified,
        "failed_changes": row.failed_changes, "listed_changes": row.listed,
        "list_incomplete": row.list_incomplete,
        "failures": failures(analysis, row).map(failure).collect::<Vec<_>>(),
        "started_by_candidates": starters(analysis, row).map(starter).collect::<Vec<_>>(),
        "notes": notes(analysis, row), "evidence": receipts(&row.receipts),
    })
}

fn scope(scope: &JobScope) -> Value {
    match scope {
        JobScope::All => json!({"kind": "all"}),
        JobScope::Unknown => json!({"kind": "unknown"}),
        JobScope::Types(types) => json!({"kind": "types", "types": types}),
        JobScope::Objects(objects) => {
            let one = |(object_type, ids): &(String, Vec<String>)| json!({"type": object_type, "ids": ids});
            json!({"kind": "objects", "objects": objects.iter().map(one).collect::<Vec<_>>()})
        }
    }
}

fn failure(row: &ListedChange) -> Value {
    json!({
        "object_type": row.object_type, "object_id": row.object_id, "object_name": row.object_name,
        "action": row.action.map(|action| action.as_str()), "message": row.failure,
        "receipt": row.receipt.map(|receipt| receipt.to_string()),
    })
}

fn starter(row: &JobEvent) -> Value {
    json!({
        "at": row.at.to_string(), "activity": row.activity, "result": row.result,
        "actor_id": row.actor_id, "actor_name": row.actor_name,
        "receipt": row.receipt.map(|receipt| receipt.to_string()),
    })
}
