//! Jobs of the service in their last state: the same job may stand on several pages, running on one, over on the next.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::backups::{of_time, one_per_exhibit};
use super::origin::origin;
use super::said::{Members, member, own_type};
use super::{Remarks, Source};
use crate::directory::{Catalogue, HIDDEN_WORD};
use crate::history::Json;
use crate::index::canonical;
use crate::model::{BackupRow, JobKind, JobOutcome, JobRow, JobScope};

/// Graph's names of the two kinds of jobs.
const KINDS: [(&str, JobKind); 2] =
    [("recoveryPreviewJob", JobKind::DifferenceReport), ("recoveryJob", JobKind::Recovery)];

/// Whether Graph's name of a type is that of jobs.
pub(super) fn is_kind(object_type: &str) -> bool {
    KINDS.iter().any(|(name, _)| *name == object_type)
}

/// What one record says of a job.
#[derive(Debug, Clone)]
pub(super) struct SaidJob {
    pub(super) id: String,
    kind: Option<JobKind>,
    status: Option<String>,
    started: Option<Timestamp>,
    completed: Option<Timestamp>,
    target: Option<Timestamp>,
    scope: Option<JobScope>,
    changed_objects_calculated: Option<u64>,
    changed_links_calculated: Option<u64>,
    objects_modified: Option<u64>,
    links_modified: Option<u64>,
    failed_changes: Option<u64>,
    backup: String,
}

impl SaidJob {
    /// Reads a job; `None` where it has no id.
    pub(super) fn of(
        json: &Json,
        members: &mut Members<'_>,
        source: &Source<'_>,
        catalogue: &Catalogue,
    ) -> Option<Self> {
        let id = canonical(members.text(&["id"])?.trim());
        let context = origin(source.context, "", &|_| false);
        let named = origin(None, source.shown, &|_| false);
        let counters = ["totalObjectsModified", "totalLinksModified", "totalFailedChanges"];
        let counts = counters.iter().any(|name| member(json, name).is_some());
        let own = own_type(json).and_then(|own| {
            KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(own)).map(|(_, kind)| *kind)
        });
        // A file called `recoveryJobs` may hold jobs of both kinds.
        let preview = named.kind.filter(|kind| *kind == JobKind::DifferenceReport);
        let kind = own.or(context.kind).or(counts.then_some(JobKind::Recovery)).or(preview);
        let scope = member(json, "filteringCriteria").map(|filter| {
            let read = scope(filter, catalogue);
            if read == JobScope::Unknown {
                members.note("filteringCriteria");
            }
            read
        });
        Some(Self {
            id,
            kind,
            status: members.text(&["status"]).map(str::to_owned),
            started: members.time("jobStartDateTime"),
            completed: members.time("jobCompletionDateTime"),
            target: members.time("targetStateDateTime"),
            scope,
            changed_objects_calculated: members.count("totalChangedObjectsCalculated"),
            changed_links_calculated: members.count("totalChangedLinksCalculated"),
            objects_modified: members.count(counters[0]),
            links_modified: members.count(counters[1]),
            failed_changes: members.count(counters[2]),
            backup: if context.backup.is_empty() { named.backup } else { context.backup },
        })
    }

    fn is_final(&self, catalogue: &Catalogue) -> bool {
        let status = self.status.as_deref().and_then(|status| catalogue.recovery_status(status));
        status.is_some_and(|status| status.is_final)
    }

    fn outcome(&self, kind: JobKind, failed: Option<u64>, catalogue: &Catalogue) -> JobOutcome {
        let status = self.status.as_deref().and_then(|status| catalogue.recovery_status(status));
        match status.map(|status| status.outcome) {
            Some(JobOutcome::Completed) if kind == JobKind::Recovery && failed > Some(0) => {
                JobOutcome::CompletedWithWarnings
            }
            Some(outcome) => outcome,
            None => JobOutcome::Unknown,
        }
    }

    /// What the service says of a job that is over, and does not change any more.
    fn end(&self) -> (Option<&str>, Option<Timestamp>, [Option<u64>; 3]) {
        let counts = [self.objects_modified, self.links_modified, self.failed_changes];
        (self.status.as_deref(), self.completed, counts)
    }
}

/// What `filteringCriteria` limits a job to. Null is everything.
fn scope(filter: &Json, catalogue: &Catalogue) -> JobScope {
    let types = |word: &str| -> Vec<String> {
        let known: Vec<String> = catalogue.of_entity_type(word).map(str::to_owned).collect();
        if known.is_empty() { vec![word.to_owned()] } else { known }
    };
    let texts = |list: &Json| -> Option<Vec<String>> {
        let Json::Array(items) = list else { return None };
        items.iter().map(|item| item.as_str().map(canonical)).collect()
    };
    if *filter == Json::Null {
        return JobScope::All;
    }
    if let Some(names) = member(filter, "entityTypes").and_then(texts)
        && !names.is_empty()
    {
        let mut names: Vec<String> = names.iter().flat_map(|name| types(name)).collect();
        names.sort_unstable();
        names.dedup();
        return JobScope::Types(names);
    }
    let Some(Json::Array(items)) = member(filter, "filterValues") else {
        return JobScope::Unknown;
    };
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items {
        let name = member(item, "entityType").and_then(Json::as_str);
        let ids = member(item, "entityIds").and_then(texts);
        let (Some(name), Some(ids)) = (name, ids) else { return JobScope::Unknown };
        for name in types(name) {
            objects.entry(name).or_default().extend(ids.iter().cloned());
        }
    }
    if objects.is_empty() {
        return JobScope::Unknown;
    }
    JobScope::Objects(objects.into_iter().collect())
}

/// The jobs of all tenants, by (tenant, start, id).
pub(super) fn rows<'s>(
    said: impl Iterator<Item = (&'s Source<'s>, &'s SaidJob)>,
    backups: &[BackupRow],
    catalogue: &Catalogue,
    remarks: &mut Remarks,
) -> Vec<JobRow> {
    let mut by_id: BTreeMap<(&str, &str), Vec<(&Source<'_>, &SaidJob)>> = BTreeMap::new();
    for (source, job) in said {
        by_id.entry((source.tenant, &job.id)).or_default().push((source, job));
    }
    let mut rows: Vec<JobRow> = by_id
        .into_iter()
        .filter_map(|((tenant, _), states)| row(tenant, states, backups, catalogue, remarks))
        .collect();
    sort(&mut rows);
    rows
}

/// Puts jobs into their order.
pub(super) fn sort(rows: &mut [JobRow]) {
    rows.sort_by(|a, b| (&a.tenant_id, a.started, &a.id).cmp(&(&b.tenant_id, b.started, &b.id)));
}

fn row(
    tenant: &str,
    mut states: Vec<(&Source<'_>, &SaidJob)>,
    backups: &[BackupRow],
    catalogue: &Catalogue,
    remarks: &mut Remarks,
) -> Option<JobRow> {
    // A job that is over does not run again: a page whose time misleads does not make it.
    states.sort_by_key(|(source, job)| {
        (job.is_final(catalogue), source.captured, job.completed, source.order())
    });
    states.reverse();
    let (source, last) = *states.first()?;
    contradictions(&states, catalogue, remarks);
    let first = |read: &dyn Fn(&SaidJob) -> Option<u64>| {
        let mut same = states.iter().filter(|(_, job)| job.status == last.status);
        same.find_map(|(_, job)| read(job))
    };
    let any =
        |read: &dyn Fn(&SaidJob) -> Option<Timestamp>| states.iter().find_map(|(_, job)| read(job));
    let told = states.iter().find_map(|(_, job)| job.kind);
    if told.is_none() {
        remarks.note("job-kind-derived", source, &format!("job {}", last.id));
    }
    let kind = told.unwrap_or(JobKind::DifferenceReport);
    let failed_changes = first(&|job| job.failed_changes);
    let target = any(&|job| job.target);
    let named = states.iter().map(|(_, job)| &job.backup).find(|backup| !backup.is_empty());
    let of_list = || Some(of_time(backups, tenant, target?)?.id.clone());
    if last.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case(HIDDEN_WORD)) {
        remarks.note("unknown-future-value", source, &format!("status of job {}", last.id));
    }
    Some(JobRow {
        tenant_id: tenant.to_owned(),
        started: any(&|job| job.started),
        id: last.id.clone(),
        kind,
        status: last.status.clone().unwrap_or_default(),
        outcome: last.outcome(kind, failed_changes, catalogue),
        completed: last.completed.or_else(|| {
            let mut same = states.iter().filter(|(_, job)| job.status == last.status);
            same.find_map(|(_, job)| job.completed)
        }),
        target,
        backup_id: named.cloned().or_else(of_list),
        scope: states.iter().find_map(|(_, job)| job.scope.clone()).unwrap_or(JobScope::Unknown),
        changed_objects_calculated: first(&|job| job.changed_objects_calculated),
        changed_links_calculated: first(&|job| job.changed_links_calculated),
        objects_modified: first(&|job| job.objects_modified),
        links_modified: first(&|job| job.links_modified),
        failed_changes,
        listed: None,
        list_incomplete: false,
        receipts: one_per_exhibit(states.iter().filter_map(|(source, _)| source.receipt)),
    })
}

/// Says where the service contradicts itself: a job that is over twice in different ways, or that runs after its end.
fn contradictions(
    states: &[(&Source<'_>, &SaidJob)],
    catalogue: &Catalogue,
    remarks: &mut Remarks,
) {
    let Some((_, last)) = states.first() else { return };
    let stated = |said: &SaidJob| said.status.is_some();
    for (source, job) in states.iter().skip(1).filter(|(_, job)| stated(job) && stated(last)) {
        let (own, latest) = (job.end(), last.end());
        let differ = |(a, b): (&Option<u64>, &Option<u64>)| a.is_some() && b.is_some() && a != b;
        let both_over = job.is_final(catalogue) && last.is_final(catalogue);
        let ends_differ = own.0 != latest.0
            || own.1.is_some() && latest.1.is_some() && own.1 != latest.1
            || own.2.iter().zip(&latest.2).any(differ);
        let runs_after = !job.is_final(catalogue)
            && last.completed.zip(source.captured).is_some_and(|(end, at)| at > end);
        if both_over && ends_differ || runs_after {
            remarks.note("job-differs", source, &format!("job {}", job.id));
        }
    }
}
