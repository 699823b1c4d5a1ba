//! The attestation sheet: what is claimed of a recovery, with numbers, evidence, method and limits. `attestation.json` is
//! its text; the page shows the same.
//!
//! Keys are in alphabetical order on every level. Nothing in it depends on the machine, the folder, the clock or the number
//! of threads.
//!
//! | Key | Holds |
//! |---|---|
//! | `as_of` | the clock of the run, or null |
//! | `assertions` | of the file of assertions `blake3`, `rows` (as below), `sha256`, `statement`; null without one |
//! | `command` | how the sheet is made again; words in capitals stand for paths |
//! | `examiner` | `name` and `organization` as the case file tells them, or null; `date` and `signature` are null: they are filled in by hand |
//! | `format` | version of this layout: 1 |
//! | `limits`, `method`, `reproduce` | sentences |
//! | `options` | options as given |
//! | `program`, `version` | what ran |
//! | `verifications` | one per tenant, see below |
//! | `words` | every verdict, reason and word of freshness that occurs, with its meaning |
//!
//! A verification: `adds_up` (the totals are the sum over the rows), `by_type` (`cannot_tell`, `denominator`, `numerator`,
//! `object_type`, `percent`, `verdicts`), `cannot_tell` (by reason: `count`, `reason`), `claims`, `completion` (`at`,
//! `declared`), `damaged`, `declared` (hashes of declarations by name), `distance` (sentence), `failed`, `freshness` (per
//! exhibit of after: `equal_to`, `exhibit`, `freshness`, `latest`, `path`, `property`, `statement`, `verdicts`), `good`,
//! `jobs`, `next_exports` (`reasons`, `request`, `settles`, `types`), `not_judged`, `open` (what did not pass),
//! `reconciled` (`evidence`, `explanation`, `job`, `what`), `recurring`, `snapshots` (`captured_from`, `captured_to`,
//! `digest`, `label`, `role`, `time_source`), `statement`, `target`, `tenant_id`, `time_to_clean` (`at_least_seconds`,
//! `at_most_seconds`, `statement`), `totals` (by verdict), `unrecovered`, `wrong_in_good`.
//!
//! A claim: `cannot_tell`, `claim` (name), `denominator`, `evidence` (`exhibits` that its rows cite, `rows`: how to find
//! them), `numerator`, `percent` (text, rounded down; null of nothing), `statement`, `whole` (all of it passes). `cannot
//! tell` stands in the denominator and not in the numerator.
//!
//! `failed`, `recurring` and `unrecovered` hold `omitted` (rows beyond the first thousand) and `rows` with the names of the
//! columns of `recovery.csv`. An assertion: `attribute`, `check`, `detail`, `evidence`, `expected`, `found`, `name`,
//! `next_export`, `object_id`, `object_name`, `object_type`, `outcome`, `snapshot`, `tenant_id`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::json::Row;
use super::table::Judged;
use super::words;
use crate::codes::code;
use crate::model::{
    Analysis, Asserted, AssertionRow, Receipt, SnapshotRow, TimeSource, VerdictReason, VerdictRow,
    Verification,
};
use crate::recovery::attestation::{Attestation, attest};
use crate::report::json::Embedded;
use crate::report::{ReportError, RunInfo};

/// Version of the layout of `attestation.json`.
pub const FORMAT: u32 = 1;

/// Rows of a list; `recovery.csv` holds all.
const LISTED: usize = 1_000;

/// The whole sheet.
#[derive(Serialize)]
struct Sheet<'a> {
    as_of: Option<String>,
    assertions: Option<Assertions<'a>>,
    command: String,
    examiner: Examiner<'a>,
    format: u32,
    limits: &'a [&'a str],
    method: &'a [&'a str],
    options: &'a BTreeMap<String, String>,
    program: &'static str,
    reproduce: &'static str,
    verifications: Vec<OfTenant<'a>>,
    version: &'a str,
    words: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Examiner<'a> {
    date: Option<&'a str>,
    name: Option<&'a str>,
    organization: Option<&'a str>,
    signature: Option<&'a str>,
}

#[derive(Serialize)]
struct Assertions<'a> {
    blake3: &'a str,
    rows: Vec<Assertion<'a>>,
    sha256: &'a str,
    statement: String,
}

#[derive(Serialize)]
struct Assertion<'a> {
    attribute: &'a str,
    check: &'a str,
    detail: &'a str,
    evidence: Vec<String>,
    expected: Embedded,
    found: Option<Embedded>,
    name: &'a str,
    next_export: &'a str,
    object_id: &'a str,
    object_name: &'a str,
    object_type: &'a str,
    outcome: &'static str,
    snapshot: &'a str,
    tenant_id: &'a str,
}

#[derive(Serialize)]
struct OfTenant<'a> {
    adds_up: bool,
    by_type: Vec<OfType<'a>>,
    cannot_tell: Vec<Untold>,
    claims: Vec<Claim>,
    completion: Option<Completion>,
    damaged: &'a str,
    declared: &'a BTreeMap<String, String>,
    distance: String,
    failed: List<'a>,
    freshness: Vec<Fresh<'a>>,
    good: &'a str,
    jobs: &'a [String],
    next_exports: Vec<Next>,
    not_judged: u64,
    open: u64,
    reconciled: Vec<Reconciled<'a>>,
    recurring: List<'a>,
    snapshots: Vec<Snapshot<'a>>,
    statement: String,
    target: Option<String>,
    tenant_id: &'a str,
    time_to_clean: Clean,
    totals: BTreeMap<&'static str, u64>,
    unrecovered: List<'a>,
    wrong_in_good: &'a [String],
}

#[derive(Serialize)]
struct OfType<'a> {
    cannot_tell: u64,
    denominator: u64,
    numerator: u64,
    object_type: &'a str,
    percent: Option<String>,
    verdicts: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Untold {
    count: u64,
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Claim {
    cannot_tell: u64,
    claim: &'static str,
    denominator: u64,
    evidence: Evidence,
    numerator: u64,
    percent: Option<String>,
    statement: String,
    whole: bool,
}

#[derive(Serialize)]
struct Evidence {
    exhibits: Vec<String>,
    rows: &'static str,
}

#[derive(Serialize)]
struct Completion {
    at: String,
    declared: bool,
}

#[derive(Serialize)]
struct List<'a> {
    omitted: usize,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Fresh<'a> {
    equal_to: Option<String>,
    exhibit: String,
    freshness: &'static str,
    latest: Option<String>,
    path: &'a str,
    property: &'a str,
    statement: String,
    verdicts: u64,
}

#[derive(Serialize)]
struct Next {
    reasons: Vec<&'static str>,
    request: String,
    settles: u64,
    types: BTreeSet<String>,
}

#[derive(Serialize)]
struct Reconciled<'a> {
    evidence: Option<u64>,
    explanation: &'a str,
    job: Option<u64>,
    what: &'a str,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    captured_from: Option<String>,
    captured_to: Option<String>,
    digest: Option<&'a str>,
    label: &'a str,
    role: &'static str,
    time_source: Option<&'static str>,
}

#[derive(Serialize)]
struct Clean {
    at_least_seconds: Option<i64>,
    at_most_seconds: Option<i64>,
    statement: String,
}

/// The text of `attestation.json`.
///
/// # Errors
/// [`ReportError::Json`] if it does not serialise.
pub fn json(analysis: &Analysis, run: &RunInfo) -> Result<String, ReportError> {
    let sheet = sheet(analysis, run);
    let mut text = serde_json::to_string_pretty(&sheet)
        .map_err(|source| ReportError::Json { what: "attestation.json", source })?;
    text.push('\n');
    Ok(text)
}

fn sheet<'a>(analysis: &'a Analysis, run: &'a RunInfo) -> Sheet<'a> {
    let said = |text: fn(&crate::model::CaseFile) -> &String| {
        run.case.as_ref().map(|case| text(case).as_str()).filter(|text| !text.is_empty())
    };
    Sheet {
        as_of: analysis.as_of.map(|at| at.to_string()),
        assertions: analysis.assertions.as_ref().map(assertions),
        command: command(run),
        examiner: Examiner {
            date: None,
            name: said(|case| &case.examiner),
            organization: said(|case| &case.organization),
            signature: None,
        },
        format: FORMAT,
        limits: words::LIMITS,
        method: words::METHOD,
        options: &run.options,
        program: env!("CARGO_PKG_NAME"),
        reproduce: words::REPRODUCE,
        verifications: analysis
            .verifications
            .iter()
            .map(|of| of_tenant(of, &analysis.snapshots))
            .collect(),
        version: &run.version,
        words: meanings(analysis),
    }
}

/// Options that are given once for each word of their value.
const REPEATED: [&str; 9] =
    ["attribute", "certainty", "id", "job", "lane", "snapshot", "tenant", "type", "unfold"];
/// Options whose value in the record is a hash, or is not told: a path stands in their place.
const FILES: [&str; 7] = ["actors", "assert", "damage", "map", "redact", "scope-file", "tickets"];

/// How the run is made again; words in capitals stand for paths.
pub(in crate::report) fn command(run: &RunInfo) -> String {
    let mut words = vec!["entrace".to_owned(), "report".to_owned(), "EVIDENCE".to_owned()];
    for (name, value) in &run.options {
        let option = format!("--{name}");
        if FILES.contains(&name.as_str()) {
            words.extend([option, "FILE".to_owned()]);
        } else if value == "yes" {
            words.push(option);
        } else if name == "snapshot" {
            let each = value.split(' ').map(|label| quoted(&format!("{label}=PATH")));
            words.extend(each.flat_map(|value| [option.clone(), value]));
        } else if REPEATED.contains(&name.as_str()) {
            words.extend(value.split(' ').flat_map(|value| [option.clone(), quoted(value)]));
        } else {
            words.extend([option, quoted(value)]);
        }
    }
    words.extend(["-o".to_owned(), "OUT".to_owned()]);
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Words of the tables that occur, with what they mean.
pub(in crate::report) fn meanings(analysis: &Analysis) -> BTreeMap<&'static str, &'static str> {
    let mut found: BTreeSet<&'static str> = BTreeSet::new();
    for of in &analysis.verifications {
        found.extend(of.rows.iter().flat_map(|row| {
            let intent = Some(row.intent.as_str());
            [Some(row.verdict.as_str()), row.reason.map(VerdictReason::as_str), intent]
                .into_iter()
                .flatten()
        }));
        found.extend(of.freshness.iter().map(|row| row.freshness.as_str()));
    }
    let known = |word| Some((word, code(word)?.meaning.as_str()));
    found.into_iter().filter_map(known).collect()
}

fn assertions(asserted: &Asserted) -> Assertions<'_> {
    Assertions {
        blake3: &asserted.blake3,
        rows: asserted.rows.iter().map(assertion).collect(),
        sha256: &asserted.sha256,
        statement: words::asserted(asserted),
    }
}

fn assertion(row: &AssertionRow) -> Assertion<'_> {
    Assertion {
        attribute: &row.attribute,
        check: &row.check,
        detail: &row.detail,
        evidence: row.evidence.iter().map(Receipt::to_string).collect(),
        expected: Embedded::new(&row.expected),
        found: row.found.as_deref().map(Embedded::new),
        name: &row.name,
        next_export: &row.next_export,
        object_id: &row.object_id,
        object_name: &row.object_name,
        object_type: &row.object_type,
        outcome: row.outcome.as_str(),
        snapshot: &row.snapshot,
        tenant_id: &row.tenant_id,
    }
}

fn of_tenant<'a>(of: &'a Verification, snapshots: &'a [SnapshotRow]) -> OfTenant<'a> {
    let attested = attest(of);
    let list = |rows: &[&'a VerdictRow]| List {
        omitted: rows.len().saturating_sub(LISTED),
        rows: rows.iter().take(LISTED).map(|row| Row::from(Judged { of, row })).collect(),
    };
    let seconds = |bound: Option<jiff::SignedDuration>| bound.map(|bound| bound.as_secs());
    let clean = attested.time_to_clean.unwrap_or_default();
    OfTenant {
        adds_up: attested.adds_up,
        by_type: by_type(&attested),
        cannot_tell: attested
            .reasons
            .iter()
            .map(|(reason, count)| Untold {
                count: *count,
                reason: reason.map(VerdictReason::as_str),
            })
            .collect(),
        claims: claims(&attested),
        completion: of.completion.as_ref().map(|completion| Completion {
            at: completion.at.to_string(),
            declared: completion.declared,
        }),
        damaged: &of.damaged,
        declared: &of.declared,
        distance: distance(&attested, snapshots),
        failed: list(&attested.failed),
        freshness: freshness(of),
        good: &of.good,
        jobs: &of.jobs,
        next_exports: next_exports(&attested),
        not_judged: of.not_judged,
        open: of.open(),
        reconciled: reconciled(of),
        recurring: list(&attested.recurring),
        snapshots: three(of, snapshots),
        statement: words::lead(&attested),
        target: of.target.map(|at| at.to_string()),
        tenant_id: &of.tenant_id,
        time_to_clean: Clean {
            at_least_seconds: seconds(clean.at_least),
            at_most_seconds: seconds(clean.at_most),
            statement: words::time_to_clean(of, attested.time_to_clean),
        },
        totals: of.totals.iter().map(|(verdict, count)| (verdict.as_str(), *count)).collect(),
        unrecovered: list(&attested.unrecovered),
        wrong_in_good: &of.wrong_in_good,
    }
}

/// The snapshot of a tenant with this label.
pub(in crate::report) fn labelled<'a>(
    snapshots: &'a [SnapshotRow],
    tenant: &str,
    label: &str,
) -> Option<&'a SnapshotRow> {
    snapshots.iter().find(|row| row.tenant_id == tenant && row.label == label)
}

/// The sentence about distance.
pub(in crate::report) fn distance(of: &Attestation<'_>, snapshots: &[SnapshotRow]) -> String {
    let good = labelled(snapshots, &of.of.tenant_id, &of.of.good).and_then(|row| row.time);
    words::distance(of.of, good, undecided(of))
}

/// Rows that are open for distance.
pub(in crate::report) fn undecided(of: &Attestation<'_>) -> u64 {
    of.reasons.get(&Some(VerdictReason::Distance)).copied().unwrap_or(0)
}

fn by_type<'a>(of: &Attestation<'a>) -> Vec<OfType<'a>> {
    of.types
        .iter()
        .map(|(object_type, found)| OfType {
            cannot_tell: found.ratio.cannot_tell,
            denominator: found.ratio.of,
            numerator: found.ratio.passed,
            object_type,
            percent: found.ratio.percent(),
            verdicts: found.verdicts.iter().map(|(v, count)| (v.as_str(), *count)).collect(),
        })
        .collect()
}

fn claims(of: &Attestation<'_>) -> Vec<Claim> {
    of.claims
        .iter()
        .map(|claim| Claim {
            cannot_tell: claim.ratio.cannot_tell,
            claim: claim.kind.as_str(),
            denominator: claim.ratio.of,
            evidence: Evidence {
                exhibits: claim.exhibits.iter().map(ToString::to_string).collect(),
                rows: words::rows_of(claim.kind),
            },
            numerator: claim.ratio.passed,
            percent: claim.ratio.percent(),
            statement: words::claim(claim, of.of),
            whole: claim.ratio.is_whole(),
        })
        .collect()
}

fn freshness(of: &Verification) -> Vec<Fresh<'_>> {
    of.freshness
        .iter()
        .map(|row| Fresh {
            equal_to: row.equal_to.map(|exhibit| exhibit.to_string()),
            exhibit: row.exhibit.to_string(),
            freshness: row.freshness.as_str(),
            latest: row.latest.map(|at| at.to_string()),
            path: &row.path,
            property: &row.property,
            statement: words::freshness(row),
            verdicts: row.verdicts,
        })
        .collect()
}

fn next_exports(of: &Attestation<'_>) -> Vec<Next> {
    of.exports
        .iter()
        .map(|export| Next {
            reasons: export.reasons.iter().map(|reason| reason.as_str()).collect(),
            request: export.request.clone(),
            settles: export.settles,
            types: export.types.clone(),
        })
        .collect()
}

fn reconciled(of: &Verification) -> Vec<Reconciled<'_>> {
    of.reconciled
        .iter()
        .map(|row| Reconciled {
            evidence: row.evidence,
            explanation: &row.explanation,
            job: row.job,
            what: &row.what,
        })
        .collect()
}

fn three<'a>(of: &'a Verification, snapshots: &'a [SnapshotRow]) -> Vec<Snapshot<'a>> {
    [("good", &of.good), ("damaged", &of.damaged), ("after", &of.after)]
        .into_iter()
        .map(|(role, label)| {
            let row = labelled(snapshots, &of.tenant_id, label);
            let time = row.and_then(|row| row.time);
            Snapshot {
                captured_from: time.map(|time| time.start.to_string()),
                captured_to: time.map(|time| time.end.to_string()),
                digest: row.map(|row| row.digest.as_str()),
                label,
                role,
                time_source: row.and_then(|row| row.time_source).map(TimeSource::as_str),
            }
        })
        .collect()
}
