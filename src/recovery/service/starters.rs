//! Who may have started a job. No field of a job says it; the service logs its operations under a category of its own, and
//! the event that started a job lies near the job's start.

use jiff::{SignedDuration, Timestamp};

use crate::directory::Catalogue;
use crate::history::HistoryError;
use crate::index::{Index, LogEntry, open_logs};
use crate::model::{JobEvent, JobRow, LogKind, LogRecord};

/// The category of the service's events, letters and digits only (learn: Graph, overview of Backup and Recovery: all
/// operations through the API are logged under it).
const CATEGORY: &str = "backupandrecovery";

/// How far from a job's start its event may lie: a job waits for nothing but a free slot, of which a tenant has one.
const NEAR: SignedDuration = SignedDuration::from_mins(15);

/// The events near the start of each job, by (tenant, job, time). Only audit events of those minutes are opened.
pub(super) fn events(
    index: &Index,
    catalogue: &Catalogue,
    jobs: &[JobRow],
) -> Result<Vec<JobEvent>, HistoryError> {
    if jobs.iter().all(|job| job.started.is_none()) {
        return Ok(Vec::new());
    }
    let entries: Vec<LogEntry<'_>> = index
        .logs()
        .filter(|entry| entry.kind == LogKind::Audit && !entry.repeats)
        .filter(|entry| {
            entry
                .time
                .is_some_and(|time| jobs.iter().any(|job| is_near(job, entry.tenant, time.at)))
        })
        .collect();
    let mut found = Vec::new();
    for (entry, record) in entries.iter().zip(open_logs(index, catalogue, &entries)?) {
        let Some(record) = record.filter(is_of_service) else { continue };
        let Some(time) = entry.time else { continue };
        for job in jobs.iter().filter(|job| is_near(job, entry.tenant, time.at)) {
            found.push(event(job, time.at, &record));
        }
    }
    found.sort();
    Ok(found)
}

fn is_near(job: &JobRow, tenant: &str, at: Timestamp) -> bool {
    let close = |started: Timestamp| at.duration_since(started).abs() <= NEAR;
    (tenant.is_empty() || tenant == job.tenant_id) && job.started.is_some_and(close)
}

fn is_of_service(record: &LogRecord) -> bool {
    let letters = |text: &String| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    record.category.as_ref().is_some_and(|category| letters(category) == CATEGORY)
}

fn event(job: &JobRow, at: Timestamp, record: &LogRecord) -> JobEvent {
    let actor = record.actor.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    JobEvent {
        tenant_id: job.tenant_id.clone(),
        job_id: job.id.clone(),
        at,
        activity: text(record.activity.as_ref()),
        result: text(record.result.as_ref()),
        actor_id: text(actor.and_then(|actor| actor.id.as_ref())),
        actor_name: text(actor.and_then(|actor| actor.name.as_ref())),
        receipt: record.receipt,
    }
}
