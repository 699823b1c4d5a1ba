//! The backup service's own records: its backups, its jobs, and what they do not say. For the terminal, as JSON and as
//! `backups.csv` and `jobs.csv`; the page takes its sentences from here.

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
pub mod json;
pub mod table;
pub mod text;

use std::borrow::Cow;

use jiff::Timestamp;

use super::words;
use crate::model::{
    Analysis, BackupRow, JobEvent, JobKind, JobOutcome, JobRow, JobScope, ListedChange, LogKind,
};

/// Ids of a scope that one cell names.
const IDS: usize = 3;

/// Attributes and links of a row that one line names.
const PARTS: usize = 8;

/// The request that shows all jobs.
pub const JOBS_REQUEST: &str = "GET /directory/recovery/jobs";

/// What a job was limited to, in a cell.
pub(super) fn scope(scope: &JobScope) -> String {
    match scope {
        JobScope::All => "all".to_owned(),
        JobScope::Unknown => "not said".to_owned(),
        JobScope::Types(types) => types.join(", "),
        JobScope::Objects(objects) => {
            let one = |(object_type, ids): &(String, Vec<String>)| {
                let named: Vec<&str> = ids.iter().take(IDS).map(String::as_str).collect();
                let more = ids.len().saturating_sub(IDS);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{object_type} {}{more}", named.join(" "))
            };
            objects.iter().map(one).collect::<Vec<_>>().join("; ")
        }
    }
}

/// How long a job took, in seconds.
pub(super) fn seconds(job: &JobRow) -> Option<u64> {
    let (from, to) = job.started.zip(job.completed)?;
    u64::try_from(to.duration_since(from).as_secs()).ok()
}

/// `2 h 05 min`, `41 min`, `30 s`.
pub(super) fn took(job: &JobRow) -> String {
    let Some(seconds) = seconds(job) else { return "unknown".to_owned() };
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// A count of the service, or that it says none: absent is no zero.
pub(super) fn count(count: Option<u64>) -> Cow<'static, str> {
    count.map_or(Cow::Borrowed("not said"), |count| Cow::Owned(words::number(count)))
}

/// Objects and links as two counts.
pub(super) fn pair(objects: Option<u64>, links: Option<u64>) -> String {
    match (objects, links) {
        (None, None) => "not said".to_owned(),
        _ => format!("{} / {}", count(objects), count(links)),
    }
}

/// The changes of a job's list in the evidence.
pub(super) fn listed(job: &JobRow) -> String {
    match (job.listed, job.list_incomplete) {
        (None, _) => "not in the evidence".to_owned(),
        (Some(count), true) => format!("{}, not all", words::number(count)),
        (Some(count), false) => words::number(count),
    }
}

/// What is to be said of a backup beside its columns.
pub(super) fn remark(backup: &BackupRow, as_of: Option<Timestamp>) -> String {
    let mut parts = Vec::new();
    if backup.same_time > 0 {
        let more = words::counted(backup.same_time, "other backup has", "other backups have");
        parts.push(format!("{more} the same time"));
    }
    let over = backup.kept_until.zip(as_of).is_some_and(|(until, now)| until <= now);
    if over {
        parts.push("no longer kept".to_owned());
    }
    parts.join("; ")
}

/// The rows of a job's lists; they are sorted by (tenant, job).
fn of_job<'a>(analysis: &'a Analysis, job: &JobRow) -> &'a [ListedChange] {
    let key = (job.tenant_id.as_str(), job.id.as_str());
    let own = |row: &ListedChange| (row.tenant_id.as_str(), row.job_id.as_str()).cmp(&key);
    let from = analysis.listed.partition_point(|row| own(row).is_lt());
    let rest = analysis.listed.get(from..).unwrap_or_default();
    let len = rest.partition_point(|row| own(row).is_eq());
    rest.get(..len).unwrap_or_default()
}

/// What its list says that a recovery would do.
pub(super) fn changes<'a>(
    analysis: &'a Analysis,
    job: &JobRow,
) -> impl Iterator<Item = &'a ListedChange> {
    of_job(analysis, job).iter().filter(|row| !row.failed)
}

/// What its list says that failed.
pub(super) fn failures<'a>(
    analysis: &'a Analysis,
    job: &JobRow,
) -> impl Iterator<Item = &'a ListedChange> {
    of_job(analysis, job).iter().filter(|row| row.failed)
}

/// The object of a row of a list, and what is done to it.
pub(super) fn object(row: &ListedChange) -> String {
    let action = row.action.map_or("?", |action| action.as_str());
    let object_type = if row.object_type.is_empty() { "object" } else { &row.object_type };
    let parts = [action, object_type, &row.object_name, &row.object_id];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// The attributes and links of a row of a list.
pub(super) fn parts(row: &ListedChange) -> String {
    let attributes = row.attributes.iter().map(|attribute| attribute.path.clone());
    let links = row.links.iter().map(|link| {
        let sign = if link.remove { '-' } else { '+' };
        format!("{} {sign}{}", link.relation, link.target.id)
    });
    let named: Vec<String> = attributes.chain(links).collect();
    let more = named.len().saturating_sub(PARTS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.get(..PARTS.min(named.len())).unwrap_or_default().join(", "))
}

/// Events that may say who started a job.
pub(super) fn starters<'a>(
    analysis: &'a Analysis,
    job: &JobRow,
) -> impl Iterator<Item = &'a JobEvent> {
    let (tenant, id) = (job.tenant_id.clone(), job.id.clone());
    analysis.job_events.iter().filter(move |row| row.tenant_id == tenant && row.job_id == id)
}

/// Who did what an event says.
pub(super) fn actor(event: &JobEvent) -> String {
    match (event.actor_name.as_str(), event.actor_id.as_str()) {
        ("", "") => "nobody named".to_owned(),
        (name, "") => name.to_owned(),
        ("", id) => id.to_owned(),
        (name, id) => format!("{name} ({id})"),
    }
}

/// The request that shows the changes of a report, or the failed changes of a recovery.
pub(super) fn list_request(job: &JobRow) -> String {
    let backup = job.backup_id.as_deref().unwrap_or("{snapshot}");
    let (jobs, function) = match job.kind {
        JobKind::DifferenceReport => ("recoveryPreviewJobs", "getChanges"),
        JobKind::Recovery => ("recoveryJobs", "getFailedChanges"),
    };
    format!(
        "GET /directory/recovery/snapshots/{backup}/{jobs}/{}/microsoft.graph.entraRecoveryServices.{function}",
        job.id
    )
}

/// What is to be said of a job beside its columns: what is derived, what stays as it is, what is missing and which request
/// brings it, who may have started it.
pub(super) fn notes(analysis: &Analysis, job: &JobRow) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(outcome_note(job));
    notes.extend(list_note(job));
    if job.scope == JobScope::Unknown {
        notes.push("what it was limited to is not said".to_owned());
    }
    let backup = analysis.backups.iter().find(|row| {
        row.tenant_id == job.tenant_id && Some(row.id.as_str()) == job.backup_id.as_deref()
    });
    let until = backup.and_then(|row| row.kept_until);
    if let (Some(until), true) = (until, until.zip(analysis.as_of).is_some_and(|(a, b)| a <= b)) {
        notes.push(format!("its backup was kept until {} only", words::time(until)));
    }
    notes.extend(starter_notes(analysis, job));
    notes
}

fn outcome_note(job: &JobRow) -> Option<String> {
    let recovery = job.kind == JobKind::Recovery;
    Some(match job.outcome {
        JobOutcome::CompletedWithWarnings => format!(
            "`completed with warnings` is derived: the service says `{}` and counts {}",
            job.status,
            words::counted(job.failed_changes.unwrap_or(0), "failed change", "failed changes")
        ),
        JobOutcome::Cancelled if recovery => {
            "cancelled: changes that were already applied stay".to_owned()
        }
        JobOutcome::Cancelled => "cancelled: a difference report has no partial result".to_owned(),
        JobOutcome::Failed if recovery => {
            "failed: some changes may not have been applied, others stay".to_owned()
        }
        JobOutcome::Created | JobOutcome::LoadingData | JobOutcome::InProgress => {
            format!("not over when it was last read; {JOBS_REQUEST} shows how it ended")
        }
        JobOutcome::Unknown if job.status.is_empty() => format!(
            "nothing but its list of changes shows it; {JOBS_REQUEST} shows its state, its scope and its counts"
        ),
        JobOutcome::Unknown => format!(
            "how it stands is not told by `{}`; ask with the header Prefer: include-unknown-enum-members",
            job.status
        ),
        JobOutcome::Completed if recovery && job.failed_changes.is_none() => {
            "whether changes failed is not said".to_owned()
        }
        JobOutcome::Completed | JobOutcome::Failed => return None,
    })
}

fn list_note(job: &JobRow) -> Option<String> {
    let (what, expected) = match job.kind {
        JobKind::Recovery => ("list of failed changes", job.failed_changes),
        JobKind::DifferenceReport => ("list of changes", None),
    };
    let over = matches!(job.outcome, JobOutcome::Completed | JobOutcome::CompletedWithWarnings);
    match job.listed {
        None if job.kind == JobKind::Recovery && expected.unwrap_or(0) == 0 => None,
        None if job.kind == JobKind::DifferenceReport && !over => None,
        None => Some(format!("{what}: not in the evidence; {}", list_request(job))),
        Some(count) if job.list_incomplete => Some(format!(
            "{what}: {} in the evidence, and pages are missing; {}",
            words::counted(count, "row", "rows"),
            list_request(job)
        )),
        // One row may stand for several changes of one object, so that fewer rows are no proof of a gap.
        Some(count) if expected.is_some_and(|expected| expected != count) => Some(format!(
            "{what}: {} for {}; a row is an object, the count is of objects and links together",
            words::counted(count, "row", "rows"),
            words::counted(expected.unwrap_or(0), "failed change", "failed changes"),
        )),
        Some(_) => None,
    }
}

fn starter_notes(analysis: &Analysis, job: &JobRow) -> Vec<String> {
    let told: Vec<String> = starters(analysis, job)
        .map(|event| {
            let receipt = event.receipt.map(|receipt| format!(" [{receipt}]")).unwrap_or_default();
            let result =
                if event.result.is_empty() { String::new() } else { format!(", {}", event.result) };
            format!(
                "candidate: {} `{}` by {}{result}{receipt}",
                words::time(event.at),
                event.activity,
                actor(event)
            )
        })
        .collect();
    let logged = || {
        let of_tenant = |tenant: &str| tenant.is_empty() || tenant == job.tenant_id;
        analysis.logs.iter().any(|log| log.kind == LogKind::Audit && of_tenant(&log.tenant_id))
    };
    let silent = match (told.is_empty(), job.started, logged()) {
        (false, ..) => ": audit events of category Backup and Recovery near its start follow",
        (true, None, _) => ", and when it started is not known",
        (true, Some(_), true) => {
            "; the audit log holds no event of category Backup and Recovery near its start"
        }
        (true, Some(_), false) => {
            "; no audit log is in the evidence: GET /auditLogs/directoryAudits"
        }
    };
    let first = format!("who started it is in no field of the job{silent}");
    std::iter::once(first).chain(told).collect()
}
