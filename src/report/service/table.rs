//! `backups.csv` and `jobs.csv`.

use std::borrow::Cow;

use polars::prelude::DataFrame;

use super::super::ReportError;
use super::super::tables::{Rows, option, plain, receipts, time};
use crate::model::{Analysis, BackupRow, JobRow, JobScope};

/// `backups.csv`, what the service lists: `tenant_id`, `created`, `backup_id` (base64 of a time, as the service spells it),
/// `changed_objects` (empty where it is not said), `kept_until` (its time and the days of retention), `same_time` (other
/// backups of the same time), `evidence` (receipts, the latest first).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn backups(rows: &[BackupRow]) -> Result<DataFrame, ReportError> {
    Rows::of(rows)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("created", |row| time(row.created))
        .text("backup_id", |row| plain(&row.id))
        .number("changed_objects", |row| row.changed_objects)
        .text("kept_until", |row| time(row.kept_until))
        .number("same_time", |row| Some(row.same_time))
        .text("evidence", |row| receipts(&row.receipts))
        .frame("backups.csv")
}

/// `jobs.csv`, difference reports and recoveries of the service in their last state: `tenant_id`, `started`, `job_id`,
/// `kind` (`difference report`, `recovery`), `status` (as the service writes it), `outcome` (in the words of the portal;
/// `completed with warnings` is derived), `completed`, `duration_seconds`, `target_state` (time of its backup), `backup_id`,
/// `scope` (`all`, `types: …`, `objects: type=id id; …`, `unknown`), `changed_objects_calculated`,
/// `changed_links_calculated`, `objects_modified`, `links_modified`, `failed_changes`, `listed_changes` (rows of its list, or
/// of its list of failed changes, in the evidence), `list_incomplete` (`yes` where pages of it are missing),
/// `started_by_candidates` (receipts of audit events near its start), `evidence` (receipts, the latest state first). Counts
/// are empty where the service does not say them.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn jobs(analysis: &Analysis) -> Result<DataFrame, ReportError> {
    Rows::of(&analysis.jobs)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("started", |row| time(row.started))
        .text("job_id", |row| plain(&row.id))
        .text("kind", |row| plain(row.kind.as_str()))
        .text("status", |row| plain(&row.status))
        .text("outcome", |row| plain(row.outcome.as_str()))
        .text("completed", |row| time(row.completed))
        .number("duration_seconds", super::seconds)
        .text("target_state", |row| time(row.target))
        .text("backup_id", |row| option(row.backup_id.as_ref()))
        .text("scope", |row| Cow::Owned(scope(&row.scope)))
        .number("changed_objects_calculated", |row| row.changed_objects_calculated)
        .number("changed_links_calculated", |row| row.changed_links_calculated)
        .number("objects_modified", |row| row.objects_modified)
        .number("links_modified", |row| row.links_modified)
        .number("failed_changes", |row| row.failed_changes)
        .number("listed_changes", |row| row.listed)
        .text("list_incomplete", |row| plain(if row.list_incomplete { "yes" } else { "" }))
        .text("started_by_candidates", |row| starters(analysis, row))
        .text("evidence", |row| receipts(&row.receipts))
        .frame("jobs.csv")
}

fn starters(analysis: &Analysis, job: &JobRow) -> Cow<'static, str> {
    let events: Vec<_> = super::starters(analysis, job).filter_map(|event| event.receipt).collect();
    receipts(&events)
}

/// What a job was limited to, whole.
fn scope(scope: &JobScope) -> String {
    match scope {
        JobScope::All => "all".to_owned(),
        JobScope::Unknown => "unknown".to_owned(),
        JobScope::Types(types) => format!("types: {}", types.join(" ")),
        JobScope::Objects(objects) => {
            let one = |(of, ids): &(String, Vec<String>)| format!("{of}={}", ids.join(" "));
            format!("objects: {}", objects.iter().map(one).collect::<Vec<_>>().join("; "))
        }
    }
}
