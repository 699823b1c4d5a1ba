//! Backups and jobs for the terminal.

use jiff::Timestamp;

use super::super::terminal::{Style, Table, cell, heading, put};
use super::super::{text, words};
use super::{
    JOBS_REQUEST, changes, count, failures, listed, notes, object, pair, parts, remark, scope, took,
};
use crate::model::{Analysis, BackupRow, JobRow, ListedChange};

/// Rows of a job's list that a listing shows; JSON has all of them.
const ROWS: usize = 20;

fn tenant(id: &str) -> &str {
    if id.is_empty() { "unknown" } else { id }
}

/// One line per backup that the service lists; nothing without backups.
#[must_use]
pub fn backups(backups: &[BackupRow], as_of: Option<Timestamp>, style: Style) -> String {
    let mut out = String::new();
    if backups.is_empty() {
        return out;
    }
    heading(
        &mut out,
        "Backups of Microsoft Entra Backup and Recovery, as the service lists them",
        style,
    );
    let rows = backups
        .iter()
        .map(|row| {
            vec![
                cell(&words::time_or(row.created, "unknown")),
                cell(&row.id),
                cell(&count(row.changed_objects)),
                cell(&words::time_or(row.kept_until, "unknown")),
                cell(&remark(row, as_of)),
                cell(tenant(&row.tenant_id)),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("BACKUP (UTC)", 19),
        ("ID", 8),
        ("CHANGED OBJECTS", 8),
        ("KEPT UNTIL (UTC)", 19),
        ("REMARK", 6),
        ("TENANT", 8),
    ];
    out.push_str(&Table { heads: HEADS, rows }.draw(style));
    out
}

/// The jobs of the service: a line each, then what is to be said of each. `lists` is how many answers to a request for jobs
/// the evidence holds.
#[must_use]
pub fn history(analysis: &Analysis, lists: usize, style: Style) -> String {
    if analysis.jobs.is_empty() {
        return none(analysis, lists);
    }
    let mut out = table(&analysis.jobs, style);
    for job in &analysis.jobs {
        out.push('\n');
        let title = format!("{} {}", job.kind, job.id);
        heading(&mut out, &text::escaped(&title), style);
        for note in notes(analysis, job) {
            line(&mut out, "  ", &note);
        }
        rows(&mut out, "failed: ", failures(analysis, job), failure);
        rows(&mut out, "", changes(analysis, job), change);
    }
    unattributed(&mut out, analysis);
    out
}

fn none(analysis: &Analysis, lists: usize) -> String {
    let mut out = String::new();
    if lists > 0 {
        line(
            &mut out,
            "",
            "No job of Backup and Recovery: the service lists none, and keeps them for some days only.",
        );
    } else {
        line(&mut out, "", "No job of Backup and Recovery in the evidence.");
        line(
            &mut out,
            "",
            &format!(
                "export: {JOBS_REQUEST}, with the header Prefer: include-unknown-enum-members"
            ),
        );
    }
    unattributed(&mut out, analysis);
    out
}

/// Says what change lists hold whose job nothing tells.
fn unattributed(out: &mut String, analysis: &Analysis) {
    let rows = analysis.listed.iter().filter(|row| row.job_id.is_empty()).count();
    if rows > 0 {
        let rows = words::counted(words::length(rows), "row", "rows");
        out.push('\n');
        line(
            out,
            "",
            &format!("{rows} of change lists whose job nothing tells (change-list-without-job)"),
        );
    }
}

fn line(out: &mut String, indent: &str, words: &str) {
    put(out, &format!("{indent}{}", text::escaped(words)));
}

/// The first rows of a list, and how many there are beyond them.
fn rows<'a>(
    out: &mut String,
    what: &str,
    listed: impl Iterator<Item = &'a ListedChange>,
    one: impl Fn(&ListedChange) -> String,
) {
    let listed: Vec<&ListedChange> = listed.collect();
    for row in listed.iter().take(ROWS) {
        line(out, "  ", &format!("{what}{}", one(row)));
    }
    let more = words::length(listed.len().saturating_sub(ROWS));
    if more > 0 {
        line(out, "  ", &format!("{what}{} more; --json has them all", words::number(more)));
    }
}

fn failure(row: &ListedChange) -> String {
    let message = if row.failure.is_empty() { "no reason given" } else { &row.failure };
    format!("{}: {message}", object(row))
}

fn change(row: &ListedChange) -> String {
    match parts(row) {
        parts if parts.is_empty() => object(row),
        parts => format!("{}: {parts}", object(row)),
    }
}

fn table(jobs: &[JobRow], style: Style) -> String {
    let rows = jobs
        .iter()
        .map(|job| {
            vec![
                cell(&words::time_or(job.started, "unknown")),
                cell(job.kind.as_str()),
                cell(job.outcome.as_str()),
                cell(&words::time_or(job.target, "unknown")),
                cell(&scope(&job.scope)),
                cell(&took(job)),
                cell(&pair(job.changed_objects_calculated, job.changed_links_calculated)),
                cell(&pair(job.objects_modified, job.links_modified)),
                cell(&count(job.failed_changes)),
                cell(&listed(job)),
                cell(&job.id),
                cell(tenant(&job.tenant_id)),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("STARTED (UTC)", 19),
        ("JOB", 6),
        ("OUTCOME", 7),
        ("BACKUP (UTC)", 19),
        ("SCOPE", 5),
        ("TOOK", 6),
        ("CALCULATED", 6),
        ("MODIFIED", 6),
        ("FAILED", 6),
        ("LISTED", 6),
        ("ID", 6),
        ("TENANT", 6),
    ];
    Table { heads: HEADS, rows }.draw(style)
}
