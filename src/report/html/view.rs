//! The page as the template sees it: final strings, counts and classes, no decisions left.

use std::collections::BTreeSet;

use serde::Serialize;

use super::attestation::{AttestationView, attestation};
use super::coverage::{Coverage, coverage, gaps, tenant};
use super::difference::{Differences, differences};
use super::logs::{Logs, logs};
use super::opinion::{Opinions, opinions};
use super::rows::{Changes, LaneTable, changes, lanes};
use super::service::{Service, service};
use super::summary::{Summary, summary};
use super::value::Text;
use crate::model::{Analysis, CaseFile, ExhibitRow, Interval};
use crate::report::{ReportError, RunInfo, figures, words};

/// Warnings and quarantined records on the page, each.
const WARNINGS: usize = 200;
/// Characters of a warning.
const MESSAGE: usize = 2_000;
/// Tenants named in the title.
const TENANTS: usize = 5;
/// Exhibits on the page.
const EXHIBITS: usize = 1_000;

/// The whole page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    policy: String,
    version: Text,
    tenants: Vec<Tenant>,
    tenants_more: String,
    window: String,
    as_of: String,
    facts: Vec<Fact>,
    summary: Summary,
    warnings: Warnings,
    coverage: Coverage,
    logs: Logs,
    service: Service,
    differences: Differences,
    opinions: Opinions,
    attestation: Option<AttestationView>,
    changes: Changes,
    lanes: Vec<LaneTable>,
    evidence: Evidence,
    case: Vec<Fact>,
    options: Vec<Fact>,
    counts: Counts,
}

#[derive(Debug, Serialize)]
struct Tenant {
    name: Option<Text>,
    id: Text,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: Text,
    value: Text,
}

/// Numbers beside the entries of the table of contents.
#[derive(Debug, Serialize)]
struct Counts {
    warnings: String,
    snapshots: String,
    differences: String,
    changes: String,
    exhibits: String,
}

#[derive(Debug, Serialize)]
struct Warnings {
    list: Vec<Warning>,
    omitted: String,
    quarantine: Vec<Warning>,
    quarantine_count: String,
    quarantine_omitted: String,
}

#[derive(Debug, Serialize)]
struct Warning {
    code: Text,
    place: Option<Text>,
    message: Text,
    advice: Option<Text>,
}

#[derive(Debug, Serialize)]
struct Evidence {
    list: Vec<Exhibit>,
    omitted: String,
    total: String,
}

#[derive(Debug, Serialize)]
struct Exhibit {
    anchor: Option<String>,
    id: String,
    path: Text,
    bytes: String,
    sha256: Text,
    blake3: Text,
    format: Text,
    snapshot: Text,
    captured: String,
    source: &'static str,
    types: Text,
    seen: String,
    used: String,
    set_aside: String,
    quarantined: String,
}

/// Decides all that the page says.
///
/// # Errors
/// [`ReportError::Table`] if a figure cannot be grouped.
pub(super) fn page(
    analysis: &Analysis,
    run: &RunInfo,
    policy: String,
) -> Result<Page, ReportError> {
    let population = figures::population(&analysis.snapshots)?;
    let changes = changes(&analysis.changes);
    let differences = differences(analysis);
    let tenants = tenants(analysis);
    let number = |count: usize| words::number(words::length(count));
    Ok(Page {
        policy,
        version: Text::name(&run.version),
        tenants_more: match words::length(tenants.len().saturating_sub(TENANTS)) {
            0 => String::new(),
            more => format!("and {}", words::counted(more, "more tenant", "more tenants")),
        },
        tenants: tenants.into_iter().take(TENANTS).collect(),
        window: window(analysis),
        as_of: words::time_or(analysis.as_of, "unknown"),
        facts: facts(analysis),
        summary: summary(analysis)?,
        counts: Counts {
            warnings: number(analysis.warnings.len() + analysis.quarantine.len()),
            snapshots: number(analysis.snapshots.len()),
            differences: words::number(differences.total),
            changes: words::number(changes.total),
            exhibits: number(analysis.exhibits.len()),
        },
        warnings: warnings(analysis),
        coverage: coverage(analysis, &population, gaps(&analysis.coverage)),
        logs: logs(analysis),
        service: service(analysis),
        differences,
        opinions: opinions(analysis),
        attestation: attestation(analysis, run),
        changes,
        lanes: lanes(&analysis.changes),
        evidence: evidence(&analysis.exhibits),
        case: run.case.as_ref().map(case).unwrap_or_default(),
        options: run
            .options
            .iter()
            .map(|(name, value)| Fact { label: Text::name(name), value: Text::name(value) })
            .collect(),
    })
}

/// Tenants with the name that their `organization` object gives them.
fn tenants(analysis: &Analysis) -> Vec<Tenant> {
    let snapshots = analysis.snapshots.iter().map(|row| &*row.tenant_id);
    let ids: BTreeSet<&str> =
        snapshots.chain(analysis.changes.iter().map(|row| &*row.tenant_id)).collect();
    ids.into_iter()
        .map(|id| {
            let organization = analysis.objects.iter().find(|row| {
                row.object_type == "organization" && row.tenant_id == id && !id.is_empty()
            });
            let name = organization.map(|row| &*row.object_name).filter(|name| !name.is_empty());
            Tenant { name: name.map(Text::name), id: tenant(id) }
        })
        .collect()
}

fn window(analysis: &Analysis) -> String {
    match analysis.snapshots.iter().filter_map(|row| row.time).reduce(Interval::hull) {
        Some(all) => format!("{} to {}", words::time(all.start), words::time(all.end)),
        None => "unknown".to_owned(),
    }
}

fn facts(analysis: &Analysis) -> Vec<Fact> {
    let bytes = analysis.exhibits.iter().map(|row| row.size_bytes).sum();
    let fact =
        |label: &str, value: String| Fact { label: Text::new(label), value: Text::new(&value) };
    vec![
        fact("Window covered (UTC)", window(analysis)),
        fact("As of (UTC)", words::time_or(analysis.as_of, "unknown")),
        fact("Snapshots", words::number(words::length(analysis.snapshots.len()))),
        fact(
            "Evidence",
            format!(
                "{}, {} bytes",
                words::counted(words::length(analysis.exhibits.len()), "exhibit", "exhibits"),
                words::number(bytes)
            ),
        ),
    ]
}

/// What the case file says, without what it leaves out.
fn case(case: &CaseFile) -> Vec<Fact> {
    let questions = case.questions.iter().map(|question| ("Asked", question));
    let said = [
        ("Case", &case.case_id),
        ("Examiner", &case.examiner),
        ("Organization", &case.organization),
        ("Received", &case.received_at),
        ("Received from", &case.received_from),
        ("Authority", &case.authority),
    ];
    let rest = [
        ("Notes", &case.notes),
        ("SHA-256 of the case file", &case.sha256),
        ("BLAKE3 of the case file", &case.blake3),
    ];
    said.into_iter()
        .chain(questions)
        .chain(rest)
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| Fact { label: Text::new(label), value: Text::new(value) })
        .collect()
}

fn more(total: usize, limit: usize, one: &str, many: &str, file: &str) -> String {
    match total.saturating_sub(limit) {
        0 => String::new(),
        more => format!(
            "{} not on this page; {file} holds all of them",
            words::counted(words::length(more), one, many)
        ),
    }
}

fn warnings(analysis: &Analysis) -> Warnings {
    let place = |path: &str, offset: Option<u64>| match (path, offset) {
        ("", _) => None,
        (path, None) => Some(Text::name(path)),
        (path, Some(offset)) => {
            Some(Text::name(&format!("{path}, byte {}", words::number(offset))))
        }
    };
    let list = analysis.warnings.iter().take(WARNINGS).map(|row| Warning {
        code: Text::name(&row.code),
        place: place(&row.path, row.offset_bytes),
        message: Text::cut(&row.message, MESSAGE),
        advice: (!row.advice.is_empty()).then(|| Text::cut(&row.advice, MESSAGE)),
    });
    let quarantine = analysis.quarantine.iter().take(WARNINGS).map(|row| Warning {
        code: Text::name(&row.code),
        place: place(&row.path, Some(row.offset_bytes)),
        message: Text::cut(
            &format!("{} ({} bytes)", row.reason, words::number(row.len_bytes)),
            MESSAGE,
        ),
        advice: None,
    });
    let count = analysis.quarantine.len();
    Warnings {
        list: list.collect(),
        omitted: more(
            analysis.warnings.len(),
            WARNINGS,
            "more warning",
            "more warnings",
            "warnings.csv",
        ),
        quarantine: quarantine.collect(),
        quarantine_count: words::counted(
            words::length(count),
            "record in quarantine",
            "records in quarantine",
        ),
        quarantine_omitted: more(count, WARNINGS, "more record", "more records", "warnings.csv"),
    }
}

fn evidence(exhibits: &[ExhibitRow]) -> Evidence {
    let mut seen = BTreeSet::new();
    let list = exhibits
        .iter()
        .take(EXHIBITS)
        .map(|row| {
            let id = row.exhibit.to_string();
            Exhibit {
                // Two files with equal bytes have one name; the first is what a receipt leads to.
                anchor: seen.insert(row.exhibit).then(|| id.clone()),
                id,
                path: Text::name(&row.path),
                bytes: words::number(row.size_bytes),
                sha256: Text::name(if row.sha256.is_empty() { "not read" } else { &row.sha256 }),
                blake3: Text::name(if row.blake3.is_empty() { "not read" } else { &row.blake3 }),
                format: Text::name(&match &*row.encoding {
                    "" => row.format.clone(),
                    encoding => format!("{}, {encoding}", row.format),
                }),
                snapshot: Text::name(&row.snapshot),
                captured: row.time.map_or_else(|| "unknown".to_owned(), captured),
                source: row.time_source.map_or("", |source| source.as_str()),
                types: Text::name(&row.object_types.join(", ")),
                seen: words::number(row.tally.seen),
                used: words::number(row.tally.used),
                set_aside: words::number(row.tally.set_aside.values().sum()),
                quarantined: words::number(row.tally.quarantined),
            }
        })
        .collect();
    Evidence {
        list,
        omitted: more(exhibits.len(), EXHIBITS, "more exhibit", "more exhibits", "evidence.csv"),
        total: words::counted(words::length(exhibits.len()), "exhibit", "exhibits"),
    }
}

fn captured(interval: Interval) -> String {
    let (start, end) = (words::time(interval.start), words::time(interval.end));
    if start == end { start } else { format!("{start} to {end}") }
}
