//! `recovery.csv`: the verdict on each attribute, link and object.

use std::borrow::Cow;
use std::io::Write;

use polars::prelude::DataFrame;

use crate::model::{Recoverability, Target, VerdictReason, VerdictRow, Verification};
use crate::report::ReportError;
use crate::report::tables::{Rows, option, plain, receipts, time, write_in_frames};

/// Columns of `recovery.csv`, in order.
pub const RECOVERY: [&str; 31] = [
    "tenant_id",
    "object_type",
    "object_id",
    "object_name",
    "attribute",
    "target_type",
    "target_id",
    "target_name",
    "good",
    "damaged",
    "after",
    "verdict",
    "reason",
    "detail",
    "next_export",
    "intent",
    "intent_by",
    "recoverability",
    "failure",
    "damaged_not_before",
    "damaged_not_after",
    "clean_not_before",
    "clean_not_after",
    "recurring",
    "objects",
    "evidence_good",
    "evidence_damaged",
    "evidence_after",
    "good_snapshot",
    "damaged_snapshot",
    "after_snapshot",
];

/// A row with the verification that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The verification.
    pub of: &'a Verification,
    /// The row.
    pub row: &'a VerdictRow,
}

/// The rows of all verifications, in their order.
#[must_use]
pub fn judged(verifications: &[Verification]) -> Vec<Judged<'_>> {
    verifications.iter().flat_map(|of| of.rows.iter().map(move |row| Judged { of, row })).collect()
}

fn target<'a>(row: &Judged<'a>, part: impl Fn(&'a Target) -> &'a String) -> Cow<'a, str> {
    option(row.row.target.as_ref().map(part))
}

/// `recovery.csv`: the columns of [`RECOVERY`].
///
/// `good`, `damaged` and `after` hold canonical JSON for an attribute, else a word for the state of the object or link.
/// `recurring` is `yes` or `no`. `objects` is how many objects the row stands for; `object_id` is empty where they are
/// several. The words of `verdict`, `reason`, `intent` and `recoverability` are known to `explain`.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn recovery(rows: &[Judged<'_>]) -> Result<DataFrame, ReportError> {
    let frame = Rows::of(rows)
        .text("tenant_id", |j| plain(&j.row.tenant_id))
        .text("object_type", |j| plain(&j.row.object_type))
        .text("object_id", |j| plain(&j.row.object_id))
        .text("object_name", |j| plain(&j.row.object_name))
        .text("attribute", |j| plain(&j.row.attribute))
        .text("target_type", |j| target(j, |target| &target.object_type))
        .text("target_id", |j| target(j, |target| &target.id))
        .text("target_name", |j| target(j, |target| &target.name))
        .text("good", |j| option(j.row.good.as_ref()))
        .text("damaged", |j| option(j.row.damaged.as_ref()))
        .text("after", |j| option(j.row.after.as_ref()))
        .text("verdict", |j| plain(j.row.verdict.as_str()))
        .text("reason", |j| plain(j.row.reason.map_or("", VerdictReason::as_str)))
        .text("detail", |j| plain(&j.row.detail))
        .text("next_export", |j| plain(&j.row.next_export));
    context(frame).frame("recovery.csv")
}

/// The columns beside the verdict.
fn context<'a>(rows: Rows<'a, Judged<'a>>) -> Rows<'a, Judged<'a>> {
    rows.text("intent", |j| plain(j.row.intent.as_str()))
        .text("intent_by", |j| plain(&j.row.intent_by))
        .text("recoverability", |j| plain(j.row.recoverability.map_or("", Recoverability::as_str)))
        .text("failure", |j| plain(&j.row.failure))
        .text("damaged_not_before", |j| time(j.row.damaged_between.not_before))
        .text("damaged_not_after", |j| time(j.row.damaged_between.not_after))
        .text("clean_not_before", |j| time(j.row.clean_between.and_then(|w| w.not_before)))
        .text("clean_not_after", |j| time(j.row.clean_between.and_then(|w| w.not_after)))
        .text("recurring", |j| plain(if j.row.recurring { "yes" } else { "no" }))
        .number("objects", |j| Some(j.row.objects))
        .text("evidence_good", |j| receipts(&j.row.evidence_good))
        .text("evidence_damaged", |j| receipts(&j.row.evidence_damaged))
        .text("evidence_after", |j| receipts(&j.row.evidence_after))
        .text("good_snapshot", |j| plain(&j.of.good))
        .text("damaged_snapshot", |j| plain(&j.of.damaged))
        .text("after_snapshot", |j| plain(&j.of.after))
}

/// Writes `recovery.csv` from frame after frame, so that memory does not grow with the number of rows.
///
/// # Errors
/// [`ReportError::Table`] if a frame cannot be built, [`ReportError::Write`] if the writer refuses.
pub fn write(verifications: &[Verification], to: impl Write) -> Result<(), ReportError> {
    write_in_frames(&judged(verifications), recovery, to)
}
