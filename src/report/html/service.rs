//! The backup service's own records on the page: its backups and jobs.

use serde::Serialize;

use super::value::Text;
use crate::model::{Analysis, BackupRow, JobRow, ListedChange};
use crate::report::{service, words};

/// Backups on the page; the service keeps some days, a hostile list may name any number.
const BACKUPS: usize = 100;
/// Jobs on the page.
const JOBS: usize = 100;
/// Failures of one job on the page.
const FAILURES: usize = 50;
/// Characters of a note or message.
const MESSAGE: usize = 1_000;

/// The section; empty where the evidence holds no such record.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    backups: Vec<BackupView>,
    backups_omitted: String,
    jobs: Vec<JobView>,
    jobs_omitted: String,
    /// Entry of the table of contents.
    pub(super) count: String,
}

#[derive(Debug, Serialize)]
struct BackupView {
    created: String,
    id: Text,
    changed: Text,
    kept_until: String,
    remark: String,
    tenant: Text,
}

#[derive(Debug, Serialize)]
struct JobView {
    started: String,
    kind: &'static str,
    outcome: &'static str,
    backup: String,
    scope: Text,
    took: String,
    calculated: String,
    modified: String,
    failed: Text,
    listed: String,
    id: Text,
    tenant: Text,
    notes: Vec<Text>,
    failures: Vec<FailureView>,
    failures_omitted: String,
}

#[derive(Debug, Serialize)]
struct FailureView {
    object: Text,
    message: Text,
}

/// Backups and jobs of the analysis, limited in size.
pub(super) fn service(analysis: &Analysis) -> Service {
    let (backups, jobs) = (analysis.backups.len(), analysis.jobs.len());
    Service {
        backups: analysis.backups.iter().take(BACKUPS).map(|row| backup(analysis, row)).collect(),
        backups_omitted: omitted(backups, BACKUPS, "backups.csv"),
        jobs: analysis.jobs.iter().take(JOBS).map(|row| job(analysis, row)).collect(),
        jobs_omitted: omitted(jobs, JOBS, "jobs.csv"),
        count: words::number(words::length(backups + jobs)),
    }
}

fn omitted(count: usize, limit: usize, table: &str) -> String {
    match words::length(count.saturating_sub(limit)) {
        0 => String::new(),
        more => format!("{} more; {table} holds all of them", words::number(more)),
    }
}

fn backup(analysis: &Analysis, row: &BackupRow) -> BackupView {
    BackupView {
        created: words::time_or(row.created, "unknown"),
        id: Text::name(&row.id),
        changed: Text::name(&service::count(row.changed_objects)),
        kept_until: words::time_or(row.kept_until, "unknown"),
        remark: service::remark(row, analysis.as_of),
        tenant: super::coverage::tenant(&row.tenant_id),
    }
}

fn job(analysis: &Analysis, row: &JobRow) -> JobView {
    let failures: Vec<&ListedChange> = service::failures(analysis, row).collect();
    JobView {
        started: words::time_or(row.started, "unknown"),
        kind: row.kind.as_str(),
        outcome: row.outcome.as_str(),
        backup: words::time_or(row.target, "unknown"),
        scope: Text::cut(&service::scope(&row.scope), MESSAGE),
        took: service::took(row),
        calculated: service::pair(row.changed_objects_calculated, row.changed_links_calculated),
        modified: service::pair(row.objects_modified, row.links_modified),
        failed: Text::name(&service::count(row.failed_changes)),
        listed: service::listed(row),
        id: Text::name(&row.id),
        tenant: super::coverage::tenant(&row.tenant_id),
        notes: service::notes(analysis, row).iter().map(|note| Text::cut(note, MESSAGE)).collect(),
        failures_omitted: match words::length(failures.len().saturating_sub(FAILURES)) {
            0 => String::new(),
            more => format!("{} more; recovery history --json has them all", words::number(more)),
        },
        failures: failures.into_iter().take(FAILURES).map(failure).collect(),
    }
}

fn failure(row: &ListedChange) -> FailureView {
    let message = if row.failure.is_empty() { "no reason given" } else { &row.failure };
    FailureView {
        object: Text::cut(&service::object(row), MESSAGE),
        message: Text::cut(message, MESSAGE),
    }
}
