//! Change lists and lists of failed changes: which job each is of, whether it is whole, and what it holds, each row once.

use std::collections::{BTreeMap, BTreeSet};

use super::backups::plain_id;
use super::changes::SaidChange;
use super::origin::{Origin, origin};
use super::{Remarks, Source};
use crate::index::{Index, LogEntry};
use crate::intake::{Subject, of_snapshot_id};
use crate::model::{
    JobKind, JobOutcome, JobRow, JobScope, ListedAttribute, ListedChange, ListedLink, Receipt,
    RecoveryAction,
};

/// Graph's name of the records of a change list, as the tables of types have it.
const CHANGE: &str = "recoveryChangeObject";

/// What tells one list from another. A list whose job nothing tells is told by its reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ListKey {
    tenant: String,
    job: String,
    failed: bool,
    reading: Option<usize>,
}

/// One list of the service, of however many pages.
#[derive(Debug, Default)]
struct List {
    backup: String,
    kind: Option<JobKind>,
    requests: BTreeSet<u32>,
    rows: Vec<ListedChange>,
    /// Rows of each reading, as they stand there.
    raw: BTreeMap<usize, u64>,
    /// Contents by object and reading.
    contents: BTreeMap<(String, String), BTreeMap<usize, BTreeSet<u64>>>,
}

/// A row of a list with where it stands.
pub(super) struct ListedRow<'i> {
    pub(super) entry: LogEntry<'i>,
    pub(super) said: SaidChange,
}

/// Everything that change lists say.
pub(super) struct Lists {
    lists: BTreeMap<ListKey, List>,
}

impl Lists {
    /// Puts pages together to lists; `jobs` are those that the evidence shows.
    pub(super) fn of(
        index: &Index,
        rows: Vec<ListedRow<'_>>,
        jobs: &[JobRow],
        remarks: &mut Remarks,
    ) -> Self {
        let mut pages: BTreeMap<u32, Vec<ListedRow<'_>>> = empty_pages(index);
        for row in rows {
            pages.entry(row.entry.request).or_default().push(row);
        }
        let mut lists = BTreeMap::new();
        for (request, rows) in pages {
            let source = Source::of_request(index, request);
            let (key, told) = key(index, &source, &rows, jobs);
            let list: &mut List = lists.entry(key.clone()).or_default();
            if list.backup.is_empty() {
                list.backup = told.backup;
            }
            list.kind = list.kind.or(told.kind);
            list.requests.insert(request);
            let reading = source.reading;
            for row in rows {
                if row.said.is_hidden {
                    let what = format!("type of {}", row.said.change.object_id);
                    remarks.note("unknown-future-value", &source.at(&row.entry), &what);
                }
                list.take(&key, reading, row);
            }
        }
        Self { lists }
    }

    /// Gives jobs what their lists tell, and lists what their jobs tell; jobs that only a list names get a row.
    pub(super) fn join(&mut self, index: &Index, jobs: &mut Vec<JobRow>, remarks: &mut Remarks) {
        for (key, list) in &mut self.lists {
            list.settle();
            let first = list.requests.first().copied().unwrap_or_default();
            let source = Source::of_request(index, first);
            let incomplete = list.is_incomplete(index);
            let what = if key.job.is_empty() {
                "a list of no known job".to_owned()
            } else {
                format!("job {}", key.job)
            };
            if incomplete {
                remarks.note("change-list-partial", &source, &what);
            }
            if list.differs() {
                remarks.note("change-list-differs", &source, &what);
            }
            if key.job.is_empty() {
                remarks.note(
                    "change-list-without-job",
                    &source,
                    &format!("{} rows", list.rows.len()),
                );
                continue;
            }
            let place = jobs
                .iter()
                .position(|job| job.tenant_id == key.tenant && job.id == key.job)
                .unwrap_or(jobs.len());
            if place == jobs.len() {
                jobs.push(list.job(index, key));
            }
            if let Some(job) = jobs.get_mut(place) {
                list.tell(key, job, incomplete, (&source, remarks));
            }
        }
    }

    /// All rows, by (tenant, job, type, id).
    pub(super) fn rows(self) -> Vec<ListedChange> {
        let mut rows: Vec<ListedChange> = self
            .lists
            .into_values()
            .flat_map(|list| {
                let backup = list.backup;
                list.rows
                    .into_iter()
                    .map(move |row| ListedChange { backup_id: backup.clone(), ..row })
            })
            .collect();
        rows.sort_by(|a, b| {
            (&a.tenant_id, &a.job_id, &a.object_type, &a.object_id)
                .cmp(&(&b.tenant_id, &b.job_id, &b.object_type, &b.object_id))
                .then_with(|| a.cmp(b))
        });
        rows
    }
}

/// What a row of one list says, wherever it stands.
fn says(
    row: &ListedChange,
) -> (&str, &str, &str, Option<RecoveryAction>, &[ListedAttribute], &[ListedLink], &str) {
    (
        &row.object_type,
        &row.object_id,
        &row.object_name,
        row.action,
        &row.attributes,
        &row.links,
        &row.failure,
    )
}

/// Pages of change lists, those without a row too: an empty list is a list.
fn empty_pages(index: &Index) -> BTreeMap<u32, Vec<ListedRow<'_>>> {
    let mut pages = BTreeMap::new();
    for (indexed, place) in index.requests.iter().zip(0_u32..) {
        let is_list = matches!(
            &indexed.request.subject,
            Subject::Objects { object_type, .. } if object_type == CHANGE
        );
        if is_list && indexed.request.refused.is_none() {
            pages.insert(place, Vec::new());
        }
    }
    pages
}

fn key(
    index: &Index,
    source: &Source<'_>,
    rows: &[ListedRow<'_>],
    jobs: &[JobRow],
) -> (ListKey, Origin) {
    let of_tenant =
        |id: &str| jobs.iter().find(|job| job.tenant_id == source.tenant && job.id == id);
    let told = origin(source.context, source.shown, &|id| of_tenant(id).is_some());
    let kind = of_tenant(&told.job).map(|job| job.kind).or(told.kind);
    let says_why = rows.iter().any(|row| !row.said.change.failure.is_empty());
    // A recovery has a list of failed changes and no other.
    let failed = told.failed.unwrap_or(says_why || kind == Some(JobKind::Recovery));
    let reading = index.requests.get(source.request as usize).map(|request| request.capture);
    let key = ListKey {
        tenant: source.tenant.to_owned(),
        reading: reading.filter(|_| told.job.is_empty()),
        job: told.job.clone(),
        failed,
    };
    (key, told)
}

impl List {
    fn take(&mut self, key: &ListKey, reading: usize, row: ListedRow<'_>) {
        let change = ListedChange {
            tenant_id: key.tenant.clone(),
            job_id: key.job.clone(),
            failed: key.failed,
            ..row.said.change
        };
        *self.raw.entry(reading).or_default() += 1;
        let object = (change.object_type.clone(), change.object_id.clone());
        let contents = self.contents.entry(object).or_default();
        contents.entry(reading).or_default().insert(row.entry.row.content);
        self.rows.push(change);
    }

    /// Leaves each row once: the same list may be read on several days.
    fn settle(&mut self) {
        self.rows.sort();
        self.rows.dedup_by(|later, first| says(later) == says(first));
    }

    /// Whether rows are missing: fewer than the service counted, or no page that ends the list.
    fn is_incomplete(&self, index: &Index) -> bool {
        let pages = || {
            let places = self.requests.iter();
            places.filter_map(|place| index.requests.get(*place as usize)).map(|r| &r.request)
        };
        let most = self.raw.values().copied().max().unwrap_or(0);
        let rows = most.max(u64::try_from(self.rows.len()).unwrap_or(u64::MAX));
        match pages().filter_map(|page| page.count).max() {
            Some(count) => rows < count,
            None => pages().all(|page| page.next_link) || pages().any(|page| page.damaged),
        }
    }

    /// Whether two readings say different things of one object.
    fn differs(&self) -> bool {
        let mut objects = self.contents.values();
        objects
            .any(|readings| readings.values().zip(readings.values().skip(1)).any(|(a, b)| a != b))
    }

    /// A job that nothing but its list shows.
    fn job(&self, index: &Index, key: &ListKey) -> JobRow {
        let of_list = if key.failed { JobKind::Recovery } else { JobKind::DifferenceReport };
        let receipts: BTreeSet<Receipt> = self
            .requests
            .iter()
            .filter_map(|place| index.exhibits.get(index.requests.get(*place as usize)?.exhibit))
            .map(|exhibit| Receipt::whole(exhibit.id()))
            .collect();
        JobRow {
            tenant_id: key.tenant.clone(),
            started: None,
            id: key.job.clone(),
            kind: self.kind.unwrap_or(of_list),
            status: String::new(),
            outcome: JobOutcome::Unknown,
            completed: None,
            target: None,
            backup_id: None,
            scope: JobScope::Unknown,
            changed_objects_calculated: None,
            changed_links_calculated: None,
            objects_modified: None,
            links_modified: None,
            failed_changes: None,
            listed: None,
            list_incomplete: false,
            receipts: receipts.into_iter().collect(),
        }
    }

    /// Tells the job of its list, and the list of the backup of its job.
    fn tell(
        &mut self,
        key: &ListKey,
        job: &mut JobRow,
        incomplete: bool,
        (source, remarks): (&Source<'_>, &mut Remarks),
    ) {
        let own = key.failed == (job.kind == JobKind::Recovery);
        if own || job.listed.is_none() {
            job.listed = u64::try_from(self.rows.len()).ok();
            job.list_incomplete = incomplete;
        }
        let in_id = of_snapshot_id(&self.backup).map(|time| time.at);
        match (&job.backup_id, in_id) {
            (Some(of_job), _) if self.backup.is_empty() => self.backup.clone_from(of_job),
            (None, _) if !self.backup.is_empty() => {
                job.backup_id = Some(self.backup.clone());
                job.target = job.target.or(in_id);
            }
            (Some(of_job), Some(at))
                if plain_id(of_job) != plain_id(&self.backup)
                    && job.target.is_none_or(|target| target.as_second() != at.as_second()) =>
            {
                let what = format!("backup of the list of job {}", job.id);
                remarks.note("job-differs", source, &what);
            }
            _ => {}
        }
    }
}
