//! Verdicts as JSON, with the names of the columns of `recovery.csv` in their order.
//!
//! Empty is null. Values are JSON, digit for digit as in the table; receipts are arrays, `objects` is a number,
//! `recurring` is true or false.

use std::io::Write;

use serde::Serialize;

use super::table::{Judged, judged};
use crate::model::{Receipt, Recoverability, VerdictReason, Verification};
use crate::report::ReportError;
use crate::report::json::{Embedded, put, serialized};

/// A row as JSON.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    tenant_id: Option<&'a str>,
    object_type: Option<&'a str>,
    object_id: Option<&'a str>,
    object_name: Option<&'a str>,
    attribute: Option<&'a str>,
    target_type: Option<&'a str>,
    target_id: Option<&'a str>,
    target_name: Option<&'a str>,
    good: Option<Embedded>,
    damaged: Option<Embedded>,
    after: Option<Embedded>,
    verdict: &'static str,
    reason: Option<&'static str>,
    detail: Option<&'a str>,
    next_export: Option<&'a str>,
    intent: &'static str,
    intent_by: Option<&'a str>,
    recoverability: Option<&'static str>,
    failure: Option<&'a str>,
    damaged_not_before: Option<String>,
    damaged_not_after: Option<String>,
    clean_not_before: Option<String>,
    clean_not_after: Option<String>,
    recurring: bool,
    objects: u64,
    evidence_good: Vec<String>,
    evidence_damaged: Vec<String>,
    evidence_after: Vec<String>,
    good_snapshot: &'a str,
    damaged_snapshot: &'a str,
    after_snapshot: &'a str,
}

impl<'a> From<Judged<'a>> for Row<'a> {
    fn from(Judged { of, row }: Judged<'a>) -> Self {
        fn some(text: &str) -> Option<&str> {
            (!text.is_empty()).then_some(text)
        }
        fn receipts(receipts: &[Receipt]) -> Vec<String> {
            receipts.iter().map(Receipt::to_string).collect()
        }
        fn time(at: Option<jiff::Timestamp>) -> Option<String> {
            at.map(|at| at.to_string())
        }
        let embedded = |json: &Option<String>| json.as_deref().map(Embedded::new);
        let target = row.target.as_ref();
        Self {
            tenant_id: some(&row.tenant_id),
            object_type: some(&row.object_type),
            object_id: some(&row.object_id),
            object_name: some(&row.object_name),
            attribute: some(&row.attribute),
            target_type: target.and_then(|target| some(&target.object_type)),
            target_id: target.and_then(|target| some(&target.id)),
            target_name: target.and_then(|target| some(&target.name)),
            good: embedded(&row.good),
            damaged: embedded(&row.damaged),
            after: embedded(&row.after),
            verdict: row.verdict.as_str(),
            reason: row.reason.map(VerdictReason::as_str),
            detail: some(&row.detail),
            next_export: some(&row.next_export),
            intent: row.intent.as_str(),
            intent_by: some(&row.intent_by),
            recoverability: row.recoverability.map(Recoverability::as_str),
            failure: some(&row.failure),
            damaged_not_before: time(row.damaged_between.not_before),
            damaged_not_after: time(row.damaged_between.not_after),
            clean_not_before: time(row.clean_between.and_then(|window| window.not_before)),
            clean_not_after: time(row.clean_between.and_then(|window| window.not_after)),
            recurring: row.recurring,
            objects: row.objects,
            evidence_good: receipts(&row.evidence_good),
            evidence_damaged: receipts(&row.evidence_damaged),
            evidence_after: receipts(&row.evidence_after),
            good_snapshot: &of.good,
            damaged_snapshot: &of.damaged,
            after_snapshot: &of.after,
        }
    }
}

/// Writes the rows of all verifications as one JSON array, one row per line.
///
/// # Errors
/// [`ReportError::Write`] or [`ReportError::Json`] if the writer refuses.
pub fn write(verifications: &[Verification], mut to: impl Write) -> Result<(), ReportError> {
    let rows = judged(verifications);
    put(b"[", &mut to)?;
    for (at, row) in rows.iter().enumerate() {
        put(if at == 0 { b"\n" } else { b",\n" }, &mut to)?;
        serialized(&Row::from(*row), "verdicts", &mut to)?;
    }
    put(if rows.is_empty() { b"]\n" } else { b"\n]\n" }, &mut to)
}
