//! Backups and jobs as JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::ReportError;
use super::super::json::Embedded;
use super::{changes, failures, notes, seconds, starters};
use crate::model::{
    Analysis, BackupRow, JobEvent, JobRow, JobScope, ListedAttribute, ListedChange, ListedLink,
    Receipt, RecoveryAction,
};

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

#[derive(Serialize)]
struct Job<'a> {
    tenant_id: &'a str,
    started: Option<String>,
    id: &'a str,
    kind: &'static str,
    status: &'a str,
    outcome: &'static str,
    completed: Option<String>,
    duration_seconds: Option<u64>,
    target_state: Option<String>,
    backup_id: Option<&'a str>,
    scope: Value,
    changed_objects_calculated: Option<u64>,
    changed_links_calculated: Option<u64>,
    objects_modified: Option<u64>,
    links_modified: Option<u64>,
    failed_changes: Option<u64>,
    listed_changes: Option<u64>,
    list_incomplete: bool,
    changes: Vec<Listed<'a>>,
    failures: Vec<Listed<'a>>,
    started_by_candidates: Vec<Value>,
    notes: Vec<String>,
    evidence: Vec<String>,
}

/// A row of a list.
#[derive(Serialize)]
struct Listed<'a> {
    object_type: &'a str,
    object_id: &'a str,
    object_name: &'a str,
    action: Option<&'static str>,
    attributes: Vec<Attribute<'a>>,
    links: Vec<Link<'a>>,
    message: Option<&'a str>,
    receipt: Option<String>,
}

/// A value that is not sent is left out; null says that there is none.
#[derive(Serialize)]
struct Attribute<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<Option<Embedded>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Option<Embedded>>,
}

#[derive(Serialize)]
struct Link<'a> {
    relation: &'a str,
    target_type: &'a str,
    target_id: &'a str,
    /// What a recovery does to it.
    action: &'static str,
}

/// All jobs as a JSON array, each with its list of changes, its failures, what is to be said of it, and who may have
/// started it.
///
/// # Errors
/// [`ReportError::Json`] if it does not serialise.
pub fn jobs(analysis: &Analysis) -> Result<String, ReportError> {
    let jobs: Vec<Job<'_>> = analysis.jobs.iter().map(|row| job(analysis, row)).collect();
    let mut text = serde_json::to_string_pretty(&jobs)
        .map_err(|source| ReportError::Json { what: "jobs", source })?;
    text.push('\n');
    Ok(text)
}

fn job<'a>(analysis: &'a Analysis, row: &'a JobRow) -> Job<'a> {
    Job {
        tenant_id: &row.tenant_id,
        started: time(row.started),
        id: &row.id,
        kind: row.kind.as_str(),
        status: &row.status,
        outcome: row.outcome.as_str(),
        completed: time(row.completed),
        duration_seconds: seconds(row),
        target_state: time(row.target),
        backup_id: row.backup_id.as_deref(),
        scope: scope(&row.scope),
        changed_objects_calculated: row.changed_objects_calculated,
        changed_links_calculated: row.changed_links_calculated,
        objects_modified: row.objects_modified,
        links_modified: row.links_modified,
        failed_changes: row.failed_changes,
        listed_changes: row.listed,
        list_incomplete: row.list_incomplete,
        changes: changes(analysis, row).map(listed).collect(),
        failures: failures(analysis, row).map(listed).collect(),
        started_by_candidates: starters(analysis, row).map(starter).collect(),
        notes: notes(analysis, row),
        evidence: receipts(&row.receipts),
    }
}

fn scope(scope: &JobScope) -> Value {
    match scope {
        JobScope::All => json!({"kind": "all"}),
        JobScope::Unknown => json!({"kind": "unknown"}),
        JobScope::Types(types) => json!({"kind": "types", "types": types}),
        JobScope::Objects(objects) => {
            let one = |(of, ids): &(String, Vec<String>)| json!({"type": of, "ids": ids});
            json!({"kind": "objects", "objects": objects.iter().map(one).collect::<Vec<_>>()})
        }
    }
}

fn listed(row: &ListedChange) -> Listed<'_> {
    Listed {
        object_type: &row.object_type,
        object_id: &row.object_id,
        object_name: &row.object_name,
        action: row.action.map(RecoveryAction::as_str),
        attributes: row.attributes.iter().map(attribute).collect(),
        links: row.links.iter().map(link).collect(),
        message: (!row.failure.is_empty()).then_some(row.failure.as_str()),
        receipt: row.receipt.map(|receipt| receipt.to_string()),
    }
}

fn attribute(row: &ListedAttribute) -> Attribute<'_> {
    let value = |side: &Option<Option<String>>| {
        side.as_ref().map(|value| value.as_deref().map(Embedded::new))
    };
    Attribute { path: &row.path, backup: value(&row.backup), current: value(&row.current) }
}

fn link(row: &ListedLink) -> Link<'_> {
    Link {
        relation: &row.relation,
        target_type: &row.target.object_type,
        target_id: &row.target.id,
        action: if row.remove { "remove" } else { "add back" },
    }
}

fn starter(row: &JobEvent) -> Value {
    json!({
        "at": row.at.to_string(), "activity": row.activity, "result": row.result,
        "actor_id": row.actor_id, "actor_name": row.actor_name,
        "receipt": row.receipt.map(|receipt| receipt.to_string()),
    })
}
