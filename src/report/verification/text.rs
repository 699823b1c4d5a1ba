//! What the terminal says of a recovery: totals first, then what is not good, what cannot be told and what to export next,
//! the job's numbers, freshness, and the time to clean.

use std::collections::BTreeMap;

use super::words as sentences;
use crate::model::{
    Analysis, Asserted, SnapshotRow, Verdict, VerdictReason, VerdictRow, Verification,
};
use crate::recovery::attestation::{Attestation, attest};
use crate::report::inspect::Page;
use crate::report::terminal::{Cell, Style, Table, cell};
use crate::report::text::head;
use crate::report::words;

use super::sheet;

/// Rows that are listed by type; the others are counted.
const LISTED: usize = 100;
/// Characters of a value; the CSV holds all of them.
const VALUE: usize = 80;
/// Lines of what to export next, of freshness, and of what was wrong in good.
const LINES: usize = 20;

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";

/// Everything about the recoveries that were verified, and the assertions that were checked.
#[must_use]
pub fn recovery_text(analysis: &Analysis, style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    for of in &analysis.verifications {
        one(&mut page, of, &analysis.snapshots);
    }
    if let Some(asserted) = &analysis.assertions {
        assertions(&mut page, asserted);
    }
    page.out
}

fn one(page: &mut Page, of: &Verification, snapshots: &[SnapshotRow]) {
    let attested = attest(of);
    let tenant = if of.tenant_id.is_empty() { "unknown" } else { &of.tenant_id };
    page.heading(&format!("Recovery of tenant {tenant}"));
    let line = format!("good {}, damaged {}, after {}", of.good, of.damaged, of.after);
    page.wrap("  ", 4, &line);
    page.wrap("  ", 4, &sentences::lead(&attested));
    page.wrap(
        "  ",
        4,
        &format!("recovery over: {}", sentences::completion(of.completion.as_ref())),
    );
    for job in &of.jobs {
        page.wrap("  ", 4, &format!("job {job}"));
    }
    if of.rows.is_empty() {
        return;
    }
    page.heading("Totals");
    totals(page, &attested);
    not_good(page, &attested);
    untold(page, &attested);
    if !of.reconciled.is_empty() {
        page.heading("What the job says beside the evidence");
        reconciled(page, of);
    }
    page.heading("What proves that after was read after the recovery");
    freshness(page, of);
    page.heading("Times");
    page.wrap("  ", 4, &sentences::time_to_clean(of, attested.time_to_clean));
    page.wrap("  ", 4, &sentences::distance(of, good(of, snapshots), sheet::undecided(&attested)));
    if !of.wrong_in_good.is_empty() {
        page.heading("What was already wrong in good");
        listed(page, &of.wrong_in_good, "findings");
    }
}

fn good(of: &Verification, snapshots: &[SnapshotRow]) -> Option<crate::model::Interval> {
    sheet::labelled(snapshots, &of.tenant_id, &of.good).and_then(|row| row.time)
}

fn colour(verdict: Verdict) -> &'static str {
    match sentences::class(verdict) {
        "plus" => GREEN,
        "minus" => RED,
        _ => YELLOW,
    }
}

fn indented(page: &mut Page, table: &Table) {
    let style =
        Style { width: page.style.width.map(|width| width.saturating_sub(2)), ..page.style };
    for line in table.draw(style).lines() {
        page.out.push_str("  ");
        page.out.push_str(line);
        page.out.push('\n');
    }
}

fn totals(page: &mut Page, attested: &Attestation<'_>) {
    let of = attested.of;
    let rows = of
        .totals
        .iter()
        .map(|(verdict, count)| {
            vec![
                cell(&words::number(*count)),
                Cell { colour: colour(*verdict), ..cell(verdict.as_str()) },
                cell(if verdict.is_pass() { "pass" } else { "" }),
            ]
        })
        .collect();
    indented(page, &Table { heads: &[("COUNT", 5), ("VERDICT", 7), ("", 4)], rows });
    if !attested.adds_up {
        page.wrap("  ", 4, "THE TOTALS ARE NOT THE SUM OVER THE ROWS");
    }
    for claim in &attested.claims {
        page.wrap("  ", 4, &sentences::claim(claim, of));
    }
    let not_judged = sentences::not_judged(of);
    if !not_judged.is_empty() {
        page.wrap("  ", 4, &not_judged);
    }
}

/// Attribute or relation with the other end, or that it is the object itself.
pub(in crate::report) fn what(row: &VerdictRow) -> String {
    let end = row
        .target
        .as_ref()
        .map(|target| if target.name.is_empty() { target.id.clone() } else { target.name.clone() });
    match (row.attribute.as_str(), end) {
        ("", None) => "the object".to_owned(),
        (attribute, None) => attribute.to_owned(),
        (attribute, Some(end)) => format!("{attribute} {end}").trim_start().to_owned(),
    }
}

/// Why a row is not good: what the service says, the detail, the reason.
pub(in crate::report) fn why(row: &VerdictRow) -> String {
    let reason = match (row.reason, row.recoverability) {
        (Some(VerdictReason::SeeRecoverability), Some(word)) => Some(word.as_str()),
        (reason, _) => reason.map(VerdictReason::as_str),
    };
    let again = row.recurring.then_some("damaged again");
    let parts = [reason, again, Some(&row.detail), Some(&row.failure)];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// A value that fits a line.
fn short(value: &str) -> String {
    match head(value, VALUE) {
        (_, 0) => value.to_owned(),
        (head, _) => format!("{head}…"),
    }
}

fn not_good(page: &mut Page, attested: &Attestation<'_>) {
    if attested.unrecovered.is_empty() {
        return;
    }
    page.heading("What is not as it should be");
    let mut by_type: BTreeMap<&str, Vec<&VerdictRow>> = BTreeMap::new();
    for row in attested.unrecovered.iter().take(LISTED) {
        by_type.entry(&row.object_type).or_default().push(row);
    }
    for (object_type, rows) in by_type {
        page.wrap("  ", 4, &words::capital(&words::type_many(object_type)));
        let value = |value: &Option<String>| short(value.as_deref().unwrap_or("(none)"));
        let rows = rows
            .into_iter()
            .map(|row| {
                vec![
                    Cell { colour: colour(row.verdict), ..cell(row.verdict.as_str()) },
                    cell(&row.object_name),
                    cell(&row.object_id),
                    cell(&what(row)),
                    cell(&format!(
                        "{} -> {} -> {}",
                        value(&row.good),
                        value(&row.damaged),
                        value(&row.after)
                    )),
                    cell(&why(row)),
                ]
            })
            .collect();
        const HEADS: &[(&str, usize)] = &[
            ("VERDICT", 22),
            ("NAME", 6),
            ("ID", 6),
            ("ATTRIBUTE OR LINK", 6),
            ("GOOD -> DAMAGED -> AFTER", 8),
            ("WHY", 4),
        ];
        indented(page, &Table { heads: HEADS, rows });
    }
    if let Some(more @ 1..) = attested.unrecovered.len().checked_sub(LISTED) {
        let more = words::number(words::length(more));
        page.wrap("  ", 4, &format!("and {more} more: --format csv lists all"));
    }
}

fn untold(page: &mut Page, attested: &Attestation<'_>) {
    if attested.reasons.is_empty() {
        return;
    }
    page.heading("What cannot be told, and what to export next");
    for (reason, count) in &attested.reasons {
        let word = reason.map_or("no reason given", |reason| reason.as_str());
        let meaning = crate::codes::code(word).map_or("", |code| code.meaning.as_str());
        let line = format!("{} {word}: {meaning}", words::number(*count));
        page.wrap("  ", 4, line.trim_end_matches(": "));
    }
    let exports: Vec<String> = attested
        .exports
        .iter()
        .map(|export| {
            format!("export {} (settles {})", export.request, words::number(export.settles))
        })
        .collect();
    listed(page, &exports, "exports");
}

fn listed(page: &mut Page, lines: &[String], what: &str) {
    for line in lines.iter().take(LINES) {
        page.wrap("  - ", 4, line);
    }
    if let Some(more @ 1..) = lines.len().checked_sub(LINES) {
        page.wrap("  - ", 4, &format!("and {} more {what}", words::number(words::length(more))));
    }
}

fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "unknown".to_owned(), words::number)
}

fn reconciled(page: &mut Page, of: &Verification) {
    let rows = of
        .reconciled
        .iter()
        .map(|row| {
            let same = row.job.is_some() && row.job == row.evidence;
            vec![
                cell(&row.what),
                cell(&count(row.job)),
                Cell { colour: if same { "" } else { YELLOW }, ..cell(&count(row.evidence)) },
                cell(&row.explanation),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[("COUNTED", 8), ("JOB", 3), ("EVIDENCE", 8), ("WHY", 8)];
    indented(page, &Table { heads: HEADS, rows });
}

fn freshness(page: &mut Page, of: &Verification) {
    let borne = of.freshness.iter().filter(|row| row.verdicts > 0);
    let lines: Vec<String> = borne
        .map(|row| {
            format!(
                "{} {} ({}): {}",
                row.exhibit,
                row.path,
                words::counted(row.verdicts, "verdict", "verdicts"),
                sentences::freshness(row)
            )
        })
        .collect();
    if lines.is_empty() {
        page.wrap("  ", 4, "no verdict rests on an exhibit of after");
    }
    listed(page, &lines, "exhibits");
}

/// How assertions came out, one line each.
#[must_use]
pub fn assertions_text(asserted: &Asserted, style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    assertions(&mut page, asserted);
    page.out
}

fn assertions(page: &mut Page, asserted: &Asserted) {
    page.heading("Assertions");
    page.wrap("  ", 4, &sentences::asserted(asserted));
    let rows = asserted
        .rows
        .iter()
        .map(|row| {
            use crate::model::AssertionOutcome::{CannotTell, Fails, Holds};
            let colour = match row.outcome {
                Holds => GREEN,
                Fails => RED,
                CannotTell => YELLOW,
            };
            let found = row.found.as_ref().map(|found| format!("found {}", short(found)));
            let next = Some(format!("export {}", row.next_export));
            let next = next.filter(|_| !row.next_export.is_empty());
            let detail = Some(row.detail.clone()).filter(|detail| !detail.is_empty());
            let said: Vec<String> = [detail, found, next].into_iter().flatten().collect();
            vec![
                Cell { colour, ..cell(row.outcome.as_str()) },
                cell(&row.name),
                cell(&row.snapshot),
                cell(&said.join("; ")),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] =
        &[("OUTCOME", 11), ("ASSERTION", 10), ("SNAPSHOT", 8), ("WHY", 10)];
    indented(page, &Table { heads: HEADS, rows });
}
