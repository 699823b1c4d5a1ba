//! The service's change lists in the evidence, one for each job.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::intake::of_snapshot_id;
use crate::model::{Analysis, JobRow, JobScope, ListedChange};

/// The change list of one job.
#[derive(Debug, Clone)]
pub struct ServiceList<'a> {
    /// Tenant id, or empty.
    pub tenant_id: &'a str,
    /// The job; empty where nothing tells.
    pub job_id: &'a str,
    /// The backup that it compares with; empty where nothing tells.
    pub backup_id: &'a str,
    /// The job itself, where the evidence shows it.
    pub job: Option<&'a JobRow>,
    /// What it lists, by (type, id).
    pub rows: Vec<&'a ListedChange>,
}

impl ServiceList<'_> {
    /// The time of its backup.
    #[must_use]
    pub fn target(&self) -> Option<Timestamp> {
        self.job.and_then(|job| job.target).or_else(|| backup_time(self.backup_id))
    }

    /// Whether no page of it is known to be missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.job.is_none_or(|job| !job.list_incomplete)
    }

    /// What its job was limited to.
    #[must_use]
    pub fn scope(&self) -> &JobScope {
        self.job.map_or(&JobScope::Unknown, |job| &job.scope)
    }
}

/// The time in the id of a backup.
#[must_use]
pub fn backup_time(id: &str) -> Option<Timestamp> {
    of_snapshot_id(id).map(|time| time.at)
}

/// The change lists of all jobs, those without a change too, by (tenant, job, backup). Lists of failed changes are none.
#[must_use]
pub fn lists(analysis: &Analysis) -> Vec<ServiceList<'_>> {
    let mut by_job: BTreeMap<(&str, &str), ServiceList<'_>> = BTreeMap::new();
    let job = |tenant: &str, id: &str| {
        analysis.jobs.iter().find(|job| job.tenant_id == tenant && job.id == id)
    };
    for row in analysis.listed.iter().filter(|row| !row.failed) {
        let key = if row.job_id.is_empty() { &row.backup_id } else { &row.job_id };
        let list = by_job.entry((&row.tenant_id, key)).or_insert_with(|| ServiceList {
            tenant_id: &row.tenant_id,
            job_id: &row.job_id,
            backup_id: &row.backup_id,
            job: job(&row.tenant_id, &row.job_id),
            rows: Vec::new(),
        });
        list.rows.push(row);
    }
    for job in analysis.jobs.iter().filter(|job| job.listed == Some(0)) {
        by_job.entry((&job.tenant_id, &job.id)).or_insert_with(|| ServiceList {
            tenant_id: &job.tenant_id,
            job_id: &job.id,
            backup_id: job.backup_id.as_deref().unwrap_or_default(),
            job: Some(job),
            rows: Vec::new(),
        });
    }
    by_job.into_values().collect()
}

/// The list to rebuild the backup of a time from: complete, then of all objects, then the latest.
#[must_use]
pub fn list_of_backup<'a>(
    analysis: &'a Analysis,
    tenant: &str,
    backup: Timestamp,
) -> Option<ServiceList<'a>> {
    let of_backup = |list: &ServiceList<'_>| {
        list.tenant_id == tenant
            && list.target().is_some_and(|at| at.as_second() == backup.as_second())
    };
    lists(analysis).into_iter().filter(of_backup).max_by_key(|list| {
        (list.is_complete(), *list.scope() == JobScope::All, list.job.and_then(|job| job.started))
    })
}
