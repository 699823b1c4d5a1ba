//! The attestation sheet on the page: the same numbers and sentences as `attestation.json`.

use serde::Serialize;

use super::rows::{Receipts, cited};
use super::value::Text;
use crate::codes::code;
use crate::model::{
    Analysis, Asserted, AssertionOutcome, AssertionRow, Interval, SnapshotRow, TimeSource, Verdict,
    VerdictRow, Verification,
};
use crate::recovery::attestation::{Attestation, OfType, attest, is_fresh};
use crate::report::verification::text::{what, why};
use crate::report::verification::{sheet, words as sentences};
use crate::report::{RunInfo, words};

/// Rows of each list on the page; `recovery.csv` holds all.
const ROWS: usize = 300;
/// Exhibits, exports, findings and assertions on the page, each.
const LINES: usize = 200;
/// Characters of a value.
const VALUE: usize = 140;
/// Characters of a sentence from the evidence.
const SENTENCE: usize = 1_000;
/// Exhibits that a claim names.
const NAMED: usize = 8;

/// The section.
#[derive(Debug, Serialize)]
pub(super) struct AttestationView {
    tenants: Vec<TenantView>,
    asserted: Option<AssertedView>,
    method: Vec<Vec<Piece>>,
    limits: Vec<Vec<Piece>>,
    words: Vec<Meaning>,
    command: Text,
    reproduce: &'static str,
    version: Text,
    examiner: Text,
    organization: Text,
    /// What did not pass.
    count: String,
}

/// A sentence of the program: text, and words of the tables set apart.
#[derive(Debug, Serialize)]
struct Piece {
    code: bool,
    text: String,
}

#[derive(Debug, Serialize)]
struct Meaning {
    word: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct TenantView {
    tenant: Text,
    class: &'static str,
    lead: Text,
    empty: bool,
    claims: Vec<ClaimView>,
    not_judged: Text,
    adds_up: bool,
    verdicts: Vec<VerdictCount>,
    total: String,
    types: Vec<TypeView>,
    lists: Vec<RowList>,
    reasons: Vec<ReasonCount>,
    exports: Vec<ExportView>,
    exports_omitted: String,
    freshness: Vec<FreshView>,
    freshness_omitted: String,
    reconciled: Vec<ReconciledView>,
    reconciled_omitted: String,
    wrong: Vec<Text>,
    wrong_omitted: String,
    distance: Vec<Piece>,
    clean: Text,
    completion: Text,
    jobs: Vec<Text>,
    declared: Vec<Declared>,
    snapshots: Vec<SnapshotView>,
}

#[derive(Debug, Serialize)]
struct ClaimView {
    class: &'static str,
    sign: &'static str,
    statement: Text,
    numerator: String,
    denominator: String,
    cannot_tell: String,
    percent: String,
    rows: Vec<Piece>,
    exhibits: Vec<String>,
    more: String,
}

#[derive(Debug, Serialize)]
struct VerdictCount {
    class: &'static str,
    word: &'static str,
    count: String,
    pass: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct TypeView {
    name: Text,
    code: Text,
    passed: String,
    of: String,
    cannot_tell: String,
    percent: String,
    verdicts: String,
}

#[derive(Debug, Serialize)]
struct RowList {
    heading: &'static str,
    words: &'static str,
    rows: Vec<RowView>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct RowView {
    class: &'static str,
    verdict: &'static str,
    object_type: Text,
    name: Option<Text>,
    id: Text,
    what: Text,
    good: Text,
    damaged: Text,
    after: Text,
    why: Text,
    intent: Text,
    receipts: Vec<Receipts>,
    receipt_count: String,
}

#[derive(Debug, Serialize)]
struct ReasonCount {
    word: &'static str,
    meaning: &'static str,
    count: String,
}

#[derive(Debug, Serialize)]
struct ExportView {
    request: Text,
    settles: String,
    types: Text,
}

#[derive(Debug, Serialize)]
struct FreshView {
    class: &'static str,
    sign: &'static str,
    exhibit: String,
    path: Text,
    statement: Text,
    verdicts: String,
}

#[derive(Debug, Serialize)]
struct ReconciledView {
    class: &'static str,
    what: Text,
    job: String,
    evidence: String,
    explanation: Text,
}

#[derive(Debug, Serialize)]
struct Declared {
    name: Text,
    hash: Text,
}

#[derive(Debug, Serialize)]
struct SnapshotView {
    role: &'static str,
    label: Text,
    captured: String,
    source: &'static str,
    digest: Text,
}

#[derive(Debug, Serialize)]
struct AssertedView {
    statement: Text,
    sha256: Text,
    rows: Vec<AssertionView>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct AssertionView {
    class: &'static str,
    outcome: &'static str,
    name: Text,
    object: Text,
    attribute: Text,
    snapshot: Text,
    check: Text,
    expected: Text,
    found: Option<Text>,
    detail: Text,
    next_export: Option<Text>,
    receipts: Vec<Receipts>,
    receipt_count: String,
}

/// The section; `None` where nothing about a recovery was asked.
pub(super) fn attestation(analysis: &Analysis, run: &RunInfo) -> Option<AttestationView> {
    if analysis.verifications.is_empty() && analysis.assertions.is_none() {
        return None;
    }
    let case = run.case.as_ref();
    let open: u64 = analysis.verifications.iter().map(Verification::open).sum();
    let open = open + analysis.assertions.as_ref().map_or(0, Asserted::open);
    Some(AttestationView {
        tenants: analysis.verifications.iter().map(|of| tenant(of, &analysis.snapshots)).collect(),
        asserted: analysis.assertions.as_ref().map(asserted),
        method: sentences::METHOD.iter().map(|line| pieces(line)).collect(),
        limits: sentences::LIMITS.iter().map(|line| pieces(line)).collect(),
        words: sheet::meanings(analysis)
            .into_iter()
            .map(|(word, meaning)| Meaning { word, meaning })
            .collect(),
        command: Text::cut(&sheet::command(run), SENTENCE),
        reproduce: sentences::REPRODUCE,
        version: Text::name(&run.version),
        examiner: Text::name(case.map_or("", |case| &case.examiner)),
        organization: Text::name(case.map_or("", |case| &case.organization)),
        count: words::number(open),
    })
}

/// Splits a sentence of the program at its backquotes.
fn pieces(sentence: &str) -> Vec<Piece> {
    sentence
        .split('`')
        .enumerate()
        .filter(|(_, text)| !text.is_empty())
        .map(|(place, text)| Piece { code: place % 2 == 1, text: text.to_owned() })
        .collect()
}

fn omitted(total: usize, shown: usize, one: &str, many: &str) -> String {
    match words::length(total.saturating_sub(shown)) {
        0 => String::new(),
        more => format!(
            "{} not on this page; recovery.csv and attestation.json hold more",
            words::counted(more, one, many)
        ),
    }
}

fn meaning(word: &str) -> &'static str {
    let meaning = code(word).map_or("", |code| code.meaning.as_str());
    meaning.split_once(": ").map_or(meaning, |(kind, rest)| match kind {
        "verdict" | "intent" | "freshness" | "assertion" => rest,
        _ => meaning,
    })
}

fn tenant(of: &Verification, snapshots: &[SnapshotRow]) -> TenantView {
    let attested = attest(of);
    let lines = |all: &[String]| -> Vec<Text> {
        all.iter().take(LINES).map(|line| Text::cut(line, SENTENCE)).collect()
    };
    TenantView {
        tenant: super::coverage::tenant(&of.tenant_id),
        class: if attested.known.is_whole() && of.open() == 0 { "plus" } else { "gap" },
        lead: Text::cut(&sentences::lead(&attested), SENTENCE),
        empty: of.rows.is_empty(),
        claims: claims(&attested),
        not_judged: Text::cut(&sentences::not_judged(of), SENTENCE),
        adds_up: attested.adds_up,
        verdicts: verdicts(of),
        total: words::number(of.totals.values().sum()),
        types: attested.types.iter().map(|(name, found)| type_view(name, found)).collect(),
        lists: lists(&attested),
        reasons: reasons(&attested),
        exports: exports(&attested),
        exports_omitted: omitted(attested.exports.len(), LINES, "more export", "more exports"),
        freshness: freshness(of),
        freshness_omitted: omitted(of.freshness.len(), LINES, "more exhibit", "more exhibits"),
        reconciled: reconciled(of),
        reconciled_omitted: omitted(of.reconciled.len(), LINES, "more number", "more numbers"),
        wrong: lines(&of.wrong_in_good),
        wrong_omitted: omitted(of.wrong_in_good.len(), LINES, "more finding", "more findings"),
        distance: pieces(&sheet::distance(&attested, snapshots))
            .into_iter()
            .map(|piece| Piece { text: shown(&piece.text), ..piece })
            .collect(),
        clean: Text::new(&sentences::time_to_clean(of, attested.time_to_clean)),
        completion: Text::new(&sentences::completion(of.completion.as_ref())),
        jobs: of.jobs.iter().take(LINES).map(|job| Text::name(job)).collect(),
        declared: of
            .declared
            .iter()
            .map(|(name, hash)| Declared { name: Text::name(name), hash: Text::name(hash) })
            .collect(),
        snapshots: three(of, snapshots),
    }
}

/// Text of a sentence that names a label of the evidence.
fn shown(text: &str) -> String {
    crate::report::text::marked(text).into_owned()
}

fn claims(of: &Attestation<'_>) -> Vec<ClaimView> {
    of.claims
        .iter()
        .map(|claim| {
            let whole = claim.ratio.is_whole();
            ClaimView {
                class: if whole { "plus" } else { "gap" },
                sign: if whole { "✓" } else { "!" },
                statement: Text::cut(&sentences::claim(claim, of.of), SENTENCE),
                numerator: words::number(claim.ratio.passed),
                denominator: words::number(claim.ratio.of),
                cannot_tell: words::number(claim.ratio.cannot_tell),
                percent: percent(claim.ratio.percent()),
                rows: pieces(sentences::rows_of(claim.kind)),
                exhibits: claim.exhibits.iter().take(NAMED).map(ToString::to_string).collect(),
                more: match words::length(claim.exhibits.len().saturating_sub(NAMED)) {
                    0 => String::new(),
                    more => format!("and {} more", words::number(more)),
                },
            }
        })
        .collect()
}

fn percent(percent: Option<String>) -> String {
    percent.map(|percent| format!("{percent} %")).unwrap_or_default()
}

fn verdicts(of: &Verification) -> Vec<VerdictCount> {
    of.totals
        .iter()
        .map(|(verdict, count)| VerdictCount {
            class: sentences::class(*verdict),
            word: verdict.as_str(),
            count: words::number(*count),
            pass: if verdict.is_pass() { "pass" } else { "no pass" },
            meaning: meaning(verdict.as_str()),
        })
        .collect()
}

fn type_view(name: &str, found: &OfType) -> TypeView {
    let verdicts: Vec<String> = found
        .verdicts
        .iter()
        .map(|(verdict, count)| format!("{} {verdict}", words::number(*count)))
        .collect();
    TypeView {
        name: Text::name(&words::capital(&words::type_many(name))),
        code: Text::name(name),
        passed: words::number(found.ratio.passed),
        of: words::number(found.ratio.of),
        cannot_tell: words::number(found.ratio.cannot_tell),
        percent: percent(found.ratio.percent()),
        verdicts: verdicts.join(", "),
    }
}

fn lists(of: &Attestation<'_>) -> Vec<RowList> {
    let known: Vec<&VerdictRow> =
        of.untold.iter().filter(|row| !row.object_id.is_empty()).copied().collect();
    let uncollected: Vec<&VerdictRow> =
        of.untold.iter().filter(|row| row.object_id.is_empty()).copied().collect();
    [
        ("Not as it should be", "What is known not to have its good value, or to have been changed beside the damage.", &of.unrecovered),
        ("Failed, as the service says", "Rows that the job's own list of failed changes names, whatever became of them since.", &of.failed),
        ("Damaged again", "What was damaged, good, and damaged again: something keeps changing it.", &of.recurring),
        ("Changed, and cannot be told", "What differs between good and damaged, and of which the evidence does not tell what became.", &known),
        ("Not collected, and cannot be told", "Properties that the service recovers and that a snapshot does not show: each row stands for all objects of the type.", &uncollected),
    ]
    .into_iter()
    .filter(|(_, _, rows)| !rows.is_empty())
    .map(|(heading, words, rows)| RowList {
        heading,
        words,
        rows: rows.iter().take(ROWS).map(|row| row_view(row)).collect(),
        omitted: omitted(rows.len(), ROWS, "more row", "more rows"),
    })
    .collect()
}

fn row_view(row: &VerdictRow) -> RowView {
    let value = |value: &Option<String>| match value {
        Some(value) => Text::cut(value, VALUE),
        None if row.verdict == Verdict::CannotTell => Text::new("not known"),
        None => Text::new("no value"),
    };
    let (receipts, receipt_count) = cited(&[
        ("good", &row.evidence_good),
        ("damaged", &row.evidence_damaged),
        ("after", &row.evidence_after),
    ]);
    let by = if row.intent_by.is_empty() { "" } else { ", by " };
    RowView {
        class: sentences::class(row.verdict),
        verdict: row.verdict.as_str(),
        object_type: Text::name(&words::type_one(&row.object_type)),
        name: (!row.object_name.is_empty()).then(|| Text::name(&row.object_name)),
        id: Text::name(&match row.object_id.as_str() {
            "" => "all objects of the type".to_owned(),
            id => id.to_owned(),
        }),
        what: Text::name(&what(row)),
        good: value(&row.good),
        damaged: value(&row.damaged),
        after: value(&row.after),
        why: Text::cut(&why(row), SENTENCE),
        intent: Text::name(&format!("{}{by}{}", row.intent, row.intent_by)),
        receipts,
        receipt_count,
    }
}

fn reasons(of: &Attestation<'_>) -> Vec<ReasonCount> {
    of.reasons
        .iter()
        .map(|(reason, count)| {
            let word = reason.map_or("no reason given", |reason| reason.as_str());
            ReasonCount { word, meaning: meaning(word), count: words::number(*count) }
        })
        .collect()
}

fn exports(of: &Attestation<'_>) -> Vec<ExportView> {
    of.exports
        .iter()
        .take(LINES)
        .map(|export| ExportView {
            request: Text::cut(&export.request, SENTENCE),
            settles: words::number(export.settles),
            types: Text::name(&export.types.iter().cloned().collect::<Vec<_>>().join(", ")),
        })
        .collect()
}

fn freshness(of: &Verification) -> Vec<FreshView> {
    of.freshness
        .iter()
        .take(LINES)
        .map(|row| FreshView {
            class: if is_fresh(row.freshness) { "plus" } else { "gap" },
            sign: if is_fresh(row.freshness) { "✓" } else { "!" },
            exhibit: row.exhibit.to_string(),
            path: Text::name(&row.path),
            statement: Text::cut(&sentences::freshness(row), SENTENCE),
            verdicts: words::number(row.verdicts),
        })
        .collect()
}

fn reconciled(of: &Verification) -> Vec<ReconciledView> {
    let count = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), words::number);
    of.reconciled
        .iter()
        .take(LINES)
        .map(|row| ReconciledView {
            class: if row.job.is_some() && row.job == row.evidence { "plus" } else { "gap" },
            what: Text::name(&row.what),
            job: count(row.job),
            evidence: count(row.evidence),
            explanation: Text::cut(&row.explanation, SENTENCE),
        })
        .collect()
}

fn three(of: &Verification, snapshots: &[SnapshotRow]) -> Vec<SnapshotView> {
    [("good", &of.good), ("damaged", &of.damaged), ("after", &of.after)]
        .into_iter()
        .map(|(role, label)| {
            let row = sheet::labelled(snapshots, &of.tenant_id, label);
            let captured = |time: Interval| {
                format!("{} to {}", words::time(time.start), words::time(time.end))
            };
            SnapshotView {
                role,
                label: Text::name(label),
                captured: row
                    .and_then(|row| row.time)
                    .map_or_else(|| "unknown".to_owned(), captured),
                source: row.and_then(|row| row.time_source).map_or("", TimeSource::as_str),
                digest: Text::name(row.map_or("", |row| &row.digest)),
            }
        })
        .collect()
}

fn asserted(asserted: &Asserted) -> AssertedView {
    AssertedView {
        statement: Text::new(&sentences::asserted(asserted)),
        sha256: Text::name(&asserted.sha256),
        rows: asserted.rows.iter().take(LINES).map(assertion).collect(),
        omitted: omitted(asserted.rows.len(), LINES, "more assertion", "more assertions"),
    }
}

fn assertion(row: &AssertionRow) -> AssertionView {
    let (receipts, receipt_count) = cited(&[("found", &row.evidence)]);
    let name = if row.object_name.is_empty() { &row.object_id } else { &row.object_name };
    AssertionView {
        class: match row.outcome {
            AssertionOutcome::Holds => sentences::class(Verdict::EqualsGood),
            AssertionOutcome::Fails => sentences::class(Verdict::EqualsDamaged),
            AssertionOutcome::CannotTell => sentences::class(Verdict::CannotTell),
        },
        outcome: row.outcome.as_str(),
        name: Text::name(&row.name),
        object: Text::name(&format!("{} {name}", words::type_one(&row.object_type))),
        attribute: Text::name(&row.attribute),
        snapshot: Text::name(&row.snapshot),
        check: Text::name(&row.check.replace('_', " ")),
        expected: Text::cut(&row.expected, VALUE),
        found: row.found.as_deref().map(|found| Text::cut(found, VALUE)),
        detail: Text::cut(&row.detail, SENTENCE),
        next_export: (!row.next_export.is_empty()).then(|| Text::cut(&row.next_export, SENTENCE)),
        receipts,
        receipt_count,
    }
}
