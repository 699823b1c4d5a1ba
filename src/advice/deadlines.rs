//! What the service will have thrown away, and when.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{EDGE, is_of};
use crate::directory::{Catalogue, Retention};
use crate::model::{Analysis, Lane, LogKind, LogRow};

/// Something that can be exported until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Stable name: `backup`, `recycle-bin`, `audit-log`, `sign-ins`.
    pub id: String,
    /// What is kept.
    pub what: String,
    /// For how many days, and in the worse case, and what that is.
    pub days: u16,
    /// See `days`.
    pub short: Option<(u16, String)>,
    /// What it is about, in words; empty for all that the service still keeps.
    pub subject: String,
    /// The earliest time that it is about.
    pub from: Timestamp,
    /// The latest time that it is about.
    pub to: Timestamp,
    /// When the first of it is gone.
    pub by: Timestamp,
    /// When the first of it is gone in the worse case.
    pub short_by: Option<Timestamp>,
    /// Whether that was before the clock of the run.
    pub is_over: bool,
    /// The request that brings it.
    pub export: String,
}

fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// A time between two snapshots in which something changed.
struct Span {
    from: Timestamp,
    to: Timestamp,
    subject: String,
}

/// Everything of a tenant that runs out, by (what, when).
pub(super) fn deadlines(analysis: &Analysis, catalogue: &Catalogue, tenant: &str) -> Vec<Deadline> {
    let Some(as_of) = analysis.as_of else { return Vec::new() };
    let spans = |retention: &Retention| spans(analysis, tenant, as_of, retention);
    let mut found = Vec::new();
    let put = |found: &mut Vec<Deadline>, retention: &Retention, span: &Span| {
        let after = |kept: u16| span.from.checked_add(days(kept)).ok();
        let Some(by) = after(retention.days) else { return };
        found.push(Deadline {
            id: retention.id.clone(),
            what: retention.what.clone(),
            days: retention.days,
            short: retention.short.clone(),
            subject: span.subject.clone(),
            from: span.from,
            to: span.to,
            by,
            short_by: retention.short.as_ref().and_then(|(kept, _)| after(*kept)),
            is_over: by < as_of,
            export: retention.export.clone(),
        });
    };
    if let Some(retention) = catalogue.retention("backup") {
        spans(retention).iter().for_each(|span| put(&mut found, retention, span));
    }
    if let Some(retention) = catalogue.retention("recycle-bin") {
        for row in analysis.bin.iter().filter(|row| row.tenant_id == tenant) {
            let name = if row.object_name.is_empty() { &row.object_id } else { &row.object_name };
            let subject = format!("{} {name}", row.object_type);
            // The days are those of the type.
            let kept = row.purged.duration_since(row.deleted).as_hours() / 24;
            let kept = u16::try_from(kept).unwrap_or(retention.days);
            let retention = Retention { days: kept, ..retention.clone() };
            put(&mut found, &retention, &Span { from: row.deleted, to: row.deleted, subject });
        }
    }
    for (id, kind) in [("audit-log", LogKind::Audit), ("sign-ins", LogKind::SignIn)] {
        let logs = || analysis.logs.iter().filter(|log| log.kind == kind && is_of(log, tenant));
        if let Some(retention) = catalogue.retention(id) {
            let spans = spans(retention);
            let open = spans.iter().filter(|span| !logs().any(|log| spans_over(log, span)));
            open.for_each(|span| put(&mut found, retention, span));
        }
    }
    found
}

/// Whether a log is there for a span: an event before and behind it, or not long away, and none of its gaps inside.
fn spans_over(log: &LogRow, span: &Span) -> bool {
    let (Some(from), Some(to)) = (log.from, log.to) else { return false };
    let reaches = from.duration_since(span.from) <= EDGE && span.to.duration_since(to) <= EDGE;
    reaches && !log.is_partial && !log.gaps.iter().any(|(a, b)| *a < span.to && *b > span.from)
}

/// The times between snapshots in which something changed; where there are none, the days that the service still looks back
/// from the clock of the run.
fn spans(analysis: &Analysis, tenant: &str, as_of: Timestamp, retention: &Retention) -> Vec<Span> {
    let times: BTreeMap<&str, _> = analysis
        .snapshots
        .iter()
        .filter(|row| row.tenant_id == tenant)
        .filter_map(|row| Some((row.label.as_str(), row.time?)))
        .collect();
    // What began at one time runs out at one time.
    let mut windows: BTreeMap<Timestamp, (Timestamp, u64)> = BTreeMap::new();
    let changes = analysis.changes.iter().filter(|change| change.tenant_id == tenant);
    for change in changes.filter(|change| change.lane == Lane::Change) {
        let time = |label: &str| times.get(label).copied();
        if let (Some(from), Some(to)) = (time(&change.from_snapshot), time(&change.to_snapshot)) {
            let window = windows.entry(from.start).or_insert((to.end, 0));
            *window = (window.0.max(to.end), window.1 + change.objects);
        }
    }
    if windows.is_empty() {
        let first = as_of.checked_sub(days(retention.days)).ok();
        return first
            .map(|from| Span { from, to: as_of, subject: String::new() })
            .into_iter()
            .collect();
    }
    windows
        .into_iter()
        .map(|(from, (to, changes))| {
            let rows = if changes == 1 { "change" } else { "changes" };
            Span { from, to, subject: format!("{changes} {rows}") }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::audit_log;
    use crate::directory::catalogue;
    use crate::model::{BinRow, Interval, SnapshotRow};
    use crate::report::fixture;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn one_snapshot(as_of: &str) -> Analysis {
        Analysis {
            snapshots: vec![SnapshotRow {
                tenant_id: "t".to_owned(),
                position: 1,
                label: "s1".to_owned(),
                time: Some(Interval::instant(at("2026-11-03T03:00:00Z"))),
                time_source: None,
                objects: BTreeMap::new(),
                exhibits: 1,
                bytes: 1,
                digest: String::new(),
            }],
            as_of: Some(at(as_of)),
            ..Analysis::default()
        }
    }

    #[test]
    fn events_of_a_window_must_be_exported_before_their_days_are_over() {
        let analysis = fixture::analysis();
        let tenant = analysis.snapshots[0].tenant_id.clone();
        let found = deadlines(&analysis, catalogue(), &tenant);
        let of = |id: &str| found.iter().find(|deadline| deadline.id == id).unwrap().clone();
        let audit = of("audit-log");
        assert_eq!(audit.from, at("2026-11-01T03:00:00Z"));
        assert_eq!(audit.by, at("2026-12-01T03:00:00Z"));
        assert_eq!(audit.short_by, Some(at("2026-11-08T03:00:00Z")));
        assert!(!audit.is_over);
        let backup = of("backup");
        assert_eq!(backup.by, at("2026-11-08T03:00:00Z"));
        assert_eq!(backup.short_by, Some(at("2026-11-06T03:00:00Z")));
        assert_eq!(of("sign-ins").by, at("2026-12-01T03:00:00Z"));
    }

    #[test]
    fn a_deleted_object_is_purged_thirty_days_after_its_deletion() {
        let mut analysis = one_snapshot("2026-11-20T00:00:00Z");
        analysis.bin = vec![BinRow {
            tenant_id: "t".to_owned(),
            purged: at("2026-11-19T08:30:00Z"),
            object_type: "user".to_owned(),
            object_id: "u1".to_owned(),
            object_name: "Megan".to_owned(),
            deleted: at("2026-10-20T08:30:00Z"),
            receipt: None,
        }];
        let found = deadlines(&analysis, catalogue(), "t");
        let bin = found.iter().find(|deadline| deadline.id == "recycle-bin").unwrap();
        assert_eq!(bin.by, at("2026-11-19T08:30:00Z"));
        assert!(bin.is_over);
        assert_eq!(bin.subject, "user Megan");
    }

    #[test]
    fn one_snapshot_tells_how_far_back_the_log_reaches() {
        let found = deadlines(&one_snapshot("2026-11-20T00:00:00Z"), catalogue(), "t");
        let audit = found.iter().find(|deadline| deadline.id == "audit-log").unwrap();
        assert_eq!(audit.from, at("2026-10-21T00:00:00Z"));
        assert_eq!(audit.by, at("2026-11-20T00:00:00Z"));
        assert!(!audit.is_over);
    }

    #[test]
    fn a_log_that_is_there_needs_no_export() {
        let open = |from: &str, to: &str| {
            let mut analysis = one_snapshot("2026-11-20T00:00:00Z");
            analysis.logs = vec![audit_log("auditLogRecord", at(from), at(to))];
            let found = deadlines(&analysis, catalogue(), "t");
            assert!(found.iter().any(|deadline| deadline.id == "sign-ins"));
            found.iter().any(|deadline| deadline.id == "audit-log")
        };
        assert!(!open("2026-10-21T20:00:00Z", "2026-11-19T20:00:00Z"));
        assert!(open("2026-10-25T00:00:00Z", "2026-11-19T20:00:00Z"));
        assert!(open("2026-10-21T20:00:00Z", "2026-11-15T00:00:00Z"));
    }

    #[test]
    fn without_a_clock_there_is_no_date() {
        let analysis = Analysis { as_of: None, ..one_snapshot("2026-11-20T00:00:00Z") };
        assert_eq!(deadlines(&analysis, catalogue(), "t"), []);
    }
}
