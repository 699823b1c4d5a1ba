//! Second opinions on the service's change lists: `second_opinion.csv`, the same rows as JSON, and text for a terminal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use polars::prelude::DataFrame;
use serde_json::{Map, Value};

use super::difference::paragraph;
use super::tables::{Rows, option, plain, receipts, time, write_in_frames};
use super::terminal::{Cell, Style, Table, cell, heading, put};
use super::{ReportError, output, text, words};
use crate::codes::code;
use crate::model::{Agreement, OpinionReason, OpinionRow, Recoverability, SecondOpinion, Target};

/// Columns of `second_opinion.csv`, in order.
pub const SECOND_OPINION: [&str; 22] = [
    "tenant_id",
    "job_id",
    "backup",
    "started",
    "from_snapshot",
    "to_snapshot",
    "object_type",
    "object_id",
    "object_name",
    "attribute",
    "target_type",
    "target_id",
    "target_name",
    "agreement",
    "reason",
    "recoverability",
    "our_backup",
    "our_current",
    "their_backup",
    "their_current",
    "evidence_ours",
    "evidence_theirs",
];

/// Rows that a listing for the terminal shows of one opinion.
const LISTED: usize = 200;

/// A row with the opinion that it belongs to.
type Of<'a> = (&'a SecondOpinion, &'a OpinionRow);

fn target<'a>(row: &'a OpinionRow, part: impl Fn(&'a Target) -> &'a String) -> Cow<'a, str> {
    option(row.target.as_ref().map(part))
}

/// `second_opinion.csv`: the columns of [`SECOND_OPINION`].
///
/// Of attributes, the four values are canonical JSON; of objects and links `our_current` and `their_current` hold what a
/// recovery does. The words of `agreement`, `reason` and `recoverability` are known to `explain`.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
fn frame(rows: &[Of<'_>]) -> Result<DataFrame, ReportError> {
    Rows::of(rows)
        .text("tenant_id", |(of, _)| plain(&of.tenant_id))
        .text("job_id", |(of, _)| plain(&of.job_id))
        .text("backup", |(of, _)| time(of.target))
        .text("started", |(of, _)| time(of.started))
        .text("from_snapshot", |(of, _)| plain(&of.from))
        .text("to_snapshot", |(of, _)| plain(&of.to))
        .text("object_type", |(_, row)| plain(&row.object_type))
        .text("object_id", |(_, row)| plain(&row.object_id))
        .text("object_name", |(_, row)| plain(&row.object_name))
        .text("attribute", |(_, row)| plain(&row.attribute))
        .text("target_type", |(_, row)| target(row, |target| &target.object_type))
        .text("target_id", |(_, row)| target(row, |target| &target.id))
        .text("target_name", |(_, row)| target(row, |target| &target.name))
        .text("agreement", |(_, row)| plain(row.agreement.as_str()))
        .text("reason", |(_, row)| plain(row.reason.map_or("", OpinionReason::as_str)))
        .text("recoverability", |(_, row)| {
            plain(row.recoverability.map_or("", Recoverability::as_str))
        })
        .text("our_backup", |(_, row)| option(row.our_backup.as_ref()))
        .text("our_current", |(_, row)| option(row.our_current.as_ref()))
        .text("their_backup", |(_, row)| option(row.their_backup.as_ref()))
        .text("their_current", |(_, row)| option(row.their_current.as_ref()))
        .text("evidence_ours", |(_, row)| receipts(&row.evidence_ours))
        .text("evidence_theirs", |(_, row)| receipts(&row.evidence_theirs))
        .frame("second_opinion.csv")
}

fn rows(opinions: &[SecondOpinion]) -> Vec<Of<'_>> {
    opinions.iter().flat_map(|of| of.rows.iter().map(move |row| (of, row))).collect()
}

/// Writes `second_opinion.csv` from frame after frame.
///
/// # Errors
/// [`ReportError::Table`] if a frame cannot be built, [`ReportError::Write`] if the writer refuses.
pub fn write(opinions: &[SecondOpinion], to: impl Write) -> Result<(), ReportError> {
    write_in_frames(&rows(opinions), frame, to)
}

/// Writes the rows as one JSON array of objects with the names of the columns; empty is null, receipts are arrays.
///
/// # Errors
/// [`ReportError::Write`] or [`ReportError::Json`] if the writer refuses.
pub fn write_json(opinions: &[SecondOpinion], mut to: impl Write) -> Result<(), ReportError> {
    let failed = |source: serde_json::Error| ReportError::Json { what: "second opinion", source };
    let objects: Vec<Map<String, Value>> = rows(opinions).into_iter().map(object).collect();
    let text = serde_json::to_string_pretty(&objects).map_err(failed)?;
    to.write_all(text.as_bytes())
        .and_then(|()| to.write_all(b"\n"))
        .map_err(|source| output::refused("JSON", source))
}

fn object((of, row): Of<'_>) -> Map<String, Value> {
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    // A value that is no JSON is a word for what a recovery does.
    let value = |value: &Option<String>| match value {
        None => Value::Null,
        Some(value) => serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str())),
    };
    let part = |part: fn(&Target) -> &String| {
        row.target.as_ref().map_or(Value::Null, |target| text(part(target)))
    };
    let cited = |receipts: &[crate::model::Receipt]| {
        Value::from(receipts.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let values = [
        text(&of.tenant_id),
        text(&of.job_id),
        text(&time(of.target)),
        text(&time(of.started)),
        text(&of.from),
        text(&of.to),
        text(&row.object_type),
        text(&row.object_id),
        text(&row.object_name),
        text(&row.attribute),
        part(|target| &target.object_type),
        part(|target| &target.id),
        part(|target| &target.name),
        text(row.agreement.as_str()),
        text(row.reason.map_or("", OpinionReason::as_str)),
        text(row.recoverability.map_or("", Recoverability::as_str)),
        value(&row.our_backup),
        value(&row.our_current),
        value(&row.their_backup),
        value(&row.their_current),
        cited(&row.evidence_ours),
        cited(&row.evidence_theirs),
    ];
    SECOND_OPINION.iter().map(|name| (*name).to_owned()).zip(values).collect()
}

/// Rows by agreement and reason, with the meaning of the reason: `(agreement, reason, rows, meaning)`.
pub(super) fn totals(opinion: &SecondOpinion) -> Vec<(Agreement, &'static str, u64, String)> {
    opinion
        .totals()
        .into_iter()
        .map(|((agreement, reason), count)| {
            let word = reason.map_or("", OpinionReason::as_str);
            let meaning = code(word).map(|code| code.meaning.clone()).unwrap_or_default();
            (agreement, word, count, meaning)
        })
        .collect()
}

/// What was compared, and how the totals add up.
pub(super) fn sums(opinion: &SecondOpinion) -> String {
    let mut by: BTreeMap<Agreement, u64> = BTreeMap::new();
    for ((agreement, _), count) in opinion.totals() {
        *by.entry(agreement).or_default() += count;
    }
    let of = |agreement| words::number(by.get(&agreement).copied().unwrap_or_default());
    let (agree, differ) = (of(Agreement::Agree), of(Agreement::Differ));
    format!(
        "ours {} = {agree} both agree + {differ} values differ + {} ours only; theirs {} = {agree} + {differ} + {} theirs only",
        words::number(opinion.ours),
        of(Agreement::OursOnly),
        words::number(opinion.theirs),
        of(Agreement::TheirsOnly),
    )
}

/// The name of a snapshot, or that there is none.
pub(super) fn label(label: &str) -> &str {
    if label.is_empty() { "no snapshot before it" } else { label }
}

/// One opinion after the other: totals, and the rows on which the two do not agree.
#[must_use]
pub fn opinions_text(opinions: &[SecondOpinion], style: Style) -> String {
    let mut out = String::new();
    if opinions.is_empty() {
        put(&mut out, "no change list of a difference report is in the evidence");
    }
    for opinion in opinions {
        if !out.is_empty() {
            out.push('\n');
        }
        one(&mut out, opinion, style);
    }
    out
}

fn one(out: &mut String, opinion: &SecondOpinion, style: Style) {
    let title = format!("Second opinion on difference report {}", opinion.job_id);
    heading(out, &text::escaped(&title), style);
    let compared = format!(
        "backup {}, report {}; ours: {} against {}",
        words::time_or(opinion.target, "unknown"),
        words::time_or(opinion.started, "unknown"),
        label(&opinion.from),
        label(&opinion.to)
    );
    paragraph(out, &compared, style);
    paragraph(out, &sums(opinion), style);
    let rows = totals(opinion)
        .into_iter()
        .map(|(agreement, why, count, meaning)| {
            vec![cell(agreement.as_str()), cell(&words::number(count)), cell(why), cell(&meaning)]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[("AGREEMENT", 9), ("ROWS", 4), ("WHY", 12), ("MEANING", 10)];
    out.push_str(&Table { heads: HEADS, rows }.draw(style));
    let open: Vec<&OpinionRow> =
        opinion.rows.iter().filter(|row| row.agreement != Agreement::Agree).collect();
    if open.is_empty() {
        return;
    }
    out.push('\n');
    out.push_str(&listed(&open, style));
    if let Some(more) = open.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let more = words::counted(words::length(more), "more row", "more rows");
        put(out, &format!("{more}: --format csv lists them all"));
    }
}

fn listed(open: &[&OpinionRow], style: Style) -> String {
    let side = |backup: &Option<String>, current: &Option<String>| match (backup, current) {
        (None, None) => String::new(),
        (backup, current) => {
            let shown =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
            format!("{} -> {}", shown(backup), shown(current))
        }
    };
    let sides = |row: &OpinionRow| {
        let whole = row.attribute.is_empty() || row.target.is_some();
        let of = |backup, current: &Option<String>| {
            if whole { current.clone().unwrap_or_default() } else { side(backup, current) }
        };
        (of(&row.our_backup, &row.our_current), of(&row.their_backup, &row.their_current))
    };
    let rows: Vec<Vec<Cell>> = open
        .iter()
        .take(LISTED)
        .map(|row| {
            let (ours, theirs) = sides(row);
            let what = match &row.target {
                Some(target) => format!("{} {}", row.attribute, target.id),
                None => row.attribute.clone(),
            };
            vec![
                cell(row.agreement.as_str()),
                cell(row.reason.map_or("", OpinionReason::as_str)),
                cell(row.recoverability.map_or("", Recoverability::as_str)),
                cell(&row.object_type),
                cell(if row.object_name.is_empty() { &row.object_id } else { &row.object_name }),
                cell(&what),
                cell(&ours),
                cell(&theirs),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("AGREEMENT", 9),
        ("WHY", 10),
        ("RECOVERABILITY", 8),
        ("TYPE", 4),
        ("OBJECT", 8),
        ("ATTRIBUTE OR LINK", 8),
        ("OURS", 6),
        ("THEIRS", 6),
    ];
    Table { heads: HEADS, rows }.draw(style)
}
