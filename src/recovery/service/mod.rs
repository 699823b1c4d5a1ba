//! The service's own records: backups, jobs and change lists, out of the index and into the tables of the model.
//!
//! The records lie in the index as logs. They are opened again, verified, and read in all the spellings that pages of the
//! service come in (`id` and `objectId`, long and short annotations, both encodings of backup ids, types behind
//! `unknownFutureValue`). What is listed twice is one row with all its receipts. What is absent is no zero; what cannot be
//! read, or contradicts itself, is a warning. Nothing is opened where the evidence has no such record.

mod backups;
mod changes;
mod jobs;
mod lists;
mod origin;
mod said;
mod starters;

use std::collections::BTreeMap;

use jiff::Timestamp;

use backups::SaidBackup;
use jobs::SaidJob;
use lists::{ListedRow, Lists};
use said::Members;

use crate::codes;
use crate::directory::Catalogue;
use crate::history::{HistoryError, Json};
use crate::index::{Index, LogEntry, open_log_texts};
use crate::intake::Subject;
use crate::model::{Analysis, BackupRow, JobRow, ListedChange, LogKind, Receipt, WarningRow};

/// Records that are opened at a time.
const BATCH: usize = 50_000;

/// Graph's name of a backup, as the tables of types have it.
const BACKUP: &str = "recoverySnapshot";
/// Graph's name of the records of a change list.
const CHANGE: &str = "recoveryChangeObject";

/// What the service says of itself.
#[derive(Debug, Default)]
pub struct ServiceRecords {
    /// Backups, by (tenant, time, id).
    pub backups: Vec<BackupRow>,
    /// Jobs in their last state, by (tenant, start, id).
    pub jobs: Vec<JobRow>,
    /// Rows of change lists, by (tenant, job, type, id).
    pub listed: Vec<ListedChange>,
    /// What cannot be read, or contradicts itself.
    pub warnings: Vec<WarningRow>,
}

/// Reads what the evidence holds of the service's own records; `as_of` decides by which rules backups are kept.
///
/// # Errors
/// [`HistoryError`] if a record cannot be opened again, or all of them take more memory than the run may.
pub fn read(
    index: &Index,
    catalogue: &Catalogue,
    as_of: Option<Timestamp>,
) -> Result<ServiceRecords, HistoryError> {
    if !is_any(index, catalogue) {
        return Ok(ServiceRecords::default());
    }
    let mut remarks = Remarks::default();
    let mut said = Said::default();
    let entries: Vec<LogEntry<'_>> =
        index.logs().filter(|entry| entry.kind == LogKind::Recovery).collect();
    for batch in entries.chunks(BATCH) {
        let bytes: usize = batch.iter().map(|entry| entry.row.length as usize).sum();
        index.budget.charge(bytes, "records of the backup service")?;
        let read = open_log_texts(index, catalogue, batch, |entry, text| {
            Some(One::of(&Json::parse(text).ok()?, index, entry, catalogue))
        })?;
        for (entry, one) in batch.iter().zip(read) {
            if let Some(one) = one {
                said.take(index, *entry, one, &mut remarks);
            }
        }
    }
    let backups = backups::rows(said.backups.iter().map(|(s, b)| (s, b)), catalogue, as_of);
    let of_jobs = said.jobs.iter().map(|(source, job)| (source, job));
    let mut jobs = jobs::rows(of_jobs, &backups, catalogue, &mut remarks);
    let mut lists = Lists::of(index, said.changes, &jobs, &mut remarks);
    lists.join(index, &mut jobs, &mut remarks);
    jobs::sort(&mut jobs);
    Ok(ServiceRecords { backups, jobs, listed: lists.rows(), warnings: remarks.warnings() })
}

/// Reads them into the tables of an analysis, warnings behind those that it has.
///
/// # Errors
/// As [`read`].
pub fn fill(
    index: &Index,
    catalogue: &Catalogue,
    analysis: &mut Analysis,
) -> Result<(), HistoryError> {
    let records = read(index, catalogue, analysis.as_of)?;
    analysis.backups = records.backups;
    analysis.jobs = records.jobs;
    analysis.listed = records.listed;
    analysis.job_events = starters::events(index, catalogue, &analysis.jobs)?;
    analysis.warnings.extend(records.warnings);
    Ok(())
}

/// How many answers to a request for jobs the evidence holds: a list of none is an answer too.
#[must_use]
pub fn job_lists(index: &Index) -> usize {
    let is_list = |subject: &Subject| match subject {
        Subject::Objects { object_type, .. } => jobs::is_kind(object_type),
        Subject::ObjectsOf { .. }
        | Subject::Part { .. }
        | Subject::Links { .. }
        | Subject::Untyped { .. }
        | Subject::Orphan { .. } => false,
    };
    let requests = index.requests.iter().map(|indexed| &indexed.request);
    requests.filter(|request| request.refused.is_none() && is_list(&request.subject)).count()
}

/// Whether the evidence holds a record of the service, or a list of it that is empty.
fn is_any(index: &Index, catalogue: &Catalogue) -> bool {
    let of_service = |name: &str| catalogue.object_type(name).is_some_and(|t| t.service_record);
    let counts = index.exhibits.iter().flat_map(|exhibit| &exhibit.logs);
    counts.into_iter().any(|log| of_service(&log.object_type))
        || index.requests.iter().any(|indexed| match &indexed.request.subject {
            Subject::Objects { object_type, .. } => of_service(object_type),
            Subject::ObjectsOf { .. }
            | Subject::Part { .. }
            | Subject::Links { .. }
            | Subject::Untyped { .. }
            | Subject::Orphan { .. } => false,
        })
}

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
struct Source<'i> {
    tenant: &'i str,
    shown: &'i str,
    context: Option<&'i str>,
    request: u32,
    /// Its capture: one reading of one request.
    reading: usize,
    offset: Option<u64>,
    receipt: Option<Receipt>,
    /// End of its capture.
    captured: Option<Timestamp>,
}

impl<'i> Source<'i> {
    fn of_request(index: &'i Index, request: u32) -> Self {
        let indexed = index.requests.get(request as usize);
        let exhibit = indexed.and_then(|indexed| index.exhibits.get(indexed.exhibit));
        let capture = indexed.and_then(|indexed| index.captures.get(indexed.capture));
        Self {
            tenant: index.tenant_of_request(request),
            shown: exhibit.map(|exhibit| exhibit.shown.as_str()).unwrap_or_default(),
            context: indexed.and_then(|indexed| indexed.request.context.as_deref()),
            request,
            reading: indexed.map_or(usize::MAX, |indexed| indexed.capture),
            offset: None,
            receipt: exhibit.map(|exhibit| Receipt::whole(exhibit.id())),
            captured: capture.and_then(|capture| capture.interval).map(|interval| interval.end),
        }
    }

    fn of(index: &'i Index, entry: &LogEntry<'i>) -> Self {
        Self {
            tenant: entry.tenant,
            receipt: index.receipt_of_log(entry),
            offset: Some(entry.row.offset),
            ..Self::of_request(index, entry.request)
        }
    }

    /// The same page, at the place of a record.
    fn at(&self, entry: &LogEntry<'_>) -> Self {
        Self { offset: Some(entry.row.offset), ..*self }
    }

    /// What decides which of two readings is the later one.
    fn order(&self) -> (Option<Timestamp>, u32, Option<u64>) {
        (self.captured, self.request, self.offset)
    }
}

/// What one record says.
enum What {
    Backup(SaidBackup),
    Job(Box<SaidJob>),
    Change(Box<changes::SaidChange>),
    Nothing,
}

struct One {
    what: What,
    unread: Vec<&'static str>,
}

impl One {
    fn of(json: &Json, index: &Index, entry: &LogEntry<'_>, catalogue: &Catalogue) -> Self {
        let mut members = Members::of(json);
        let what = match entry.object_type {
            BACKUP => What::Backup(SaidBackup::of(&mut members)),
            CHANGE => {
                let receipt = index.receipt_of_log(entry);
                What::Change(Box::new(changes::said(json, &mut members, catalogue, receipt)))
            }
            _ => {
                let source = Source::of(index, entry);
                match SaidJob::of(json, &mut members, &source, catalogue) {
                    Some(job) => What::Job(Box::new(job)),
                    None => {
                        members.note("id");
                        What::Nothing
                    }
                }
            }
        };
        Self { what, unread: members.unread() }
    }
}

/// All records, by what they say.
#[derive(Default)]
struct Said<'i> {
    backups: Vec<(Source<'i>, SaidBackup)>,
    jobs: Vec<(Source<'i>, SaidJob)>,
    changes: Vec<ListedRow<'i>>,
}

impl<'i> Said<'i> {
    fn take(&mut self, index: &'i Index, entry: LogEntry<'i>, one: One, remarks: &mut Remarks) {
        let source = Source::of(index, &entry);
        if source.tenant.is_empty() && index.tenants.iter().any(|tenant| !tenant.is_empty()) {
            remarks.note("recovery-tenant-unknown", &source, entry.object_type);
        }
        for name in one.unread {
            remarks.note("recovery-record-unread", &source, name);
        }
        match one.what {
            What::Backup(backup) => {
                if backup.contradicts {
                    remarks.note("backup-time-differs", &source, &backup.id);
                }
                self.backups.push((source, backup));
            }
            What::Job(job) => self.jobs.push((source, *job)),
            What::Change(said) => self.changes.push(ListedRow { entry, said: *said }),
            What::Nothing => {}
        }
    }
}

/// Examples that one warning names.
const EXAMPLES: usize = 3;

/// Of an example: ids are shorter, planted ones need not be.
const EXAMPLE_CHARS: usize = 100;

/// Remarks on records, one warning for each code and exhibit.
#[derive(Debug, Default)]
struct Remarks(BTreeMap<(&'static str, String), Remark>);

#[derive(Debug, Default)]
struct Remark {
    offset: Option<u64>,
    examples: Vec<String>,
    count: u64,
}

impl Remarks {
    fn note(&mut self, code: &'static str, source: &Source<'_>, what: &str) {
        let remark = self.0.entry((code, source.shown.to_owned())).or_default();
        remark.offset = remark.offset.or(source.offset);
        remark.count += 1;
        let what: String = what.chars().take(EXAMPLE_CHARS).collect();
        if remark.examples.len() < EXAMPLES && !remark.examples.contains(&what) {
            remark.examples.push(what);
        }
    }

    fn warnings(self) -> Vec<WarningRow> {
        let row = |((code, path), remark): ((&str, String), Remark)| {
            let known = codes::code(code);
            let meaning = known.map(|known| known.meaning.as_str()).unwrap_or_default();
            let examples = remark.examples.join(", ");
            let more =
                if remark.count > 1 { format!(" ({} times)", remark.count) } else { String::new() };
            WarningRow {
                code: code.to_owned(),
                path,
                offset_bytes: remark.offset,
                message: format!("{meaning}: {examples}{more}"),
                advice: known.map(|known| known.advice.clone()).unwrap_or_default(),
            }
        };
        self.0.into_iter().map(row).collect()
    }
}
