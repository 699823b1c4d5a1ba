//! What each snapshot collected, and what therefore cannot be told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rows::rank;
use super::value::Text;
use crate::model::{Analysis, ConflictRow, CoverageRow, CoverageState, Receipt};
use crate::report::figures::Population;
use crate::report::words;

/// Snapshots in one matrix: two months of daily exports; `coverage.csv` holds all.
const COLUMNS: usize = 62;
/// Gaps that are listed in the coverage section.
const GAPS: usize = 500;
/// Characters of the sentence about a gap.
const SENTENCE: usize = 800;
/// Snapshots that a sentence names.
const NAMED: usize = 3;

/// Snapshots, matrices and gaps.
#[derive(Debug, Serialize)]
pub(super) struct Coverage {
    snapshots: Vec<SnapshotView>,
    matrices: Vec<Matrix>,
    gaps: Vec<Gap>,
    omitted: String,
    remarks: Vec<Text>,
    conflicts: Vec<ConflictView>,
    conflicts_omitted: String,
}

/// Values that overlapping captures of one snapshot give one attribute.
#[derive(Debug, Serialize)]
struct ConflictView {
    object: Text,
    attribute: Text,
    snapshot: Text,
    values: Vec<ValueView>,
}

#[derive(Debug, Serialize)]
struct ValueView {
    value: Text,
    receipts: Text,
}

/// Codes of warnings that speak of the series of captures.
const SERIES: [&str; 5] =
    ["snapshot-gap", "capture-smear", "list-read-again", "request-changed", "time-unknown"];
/// Conflicts on the page; `warnings.csv` holds all.
const CONFLICTS: usize = 100;
/// Characters of a value or of its receipts in the table of conflicts.
const VALUE: usize = 400;

#[derive(Debug, Serialize)]
struct SnapshotView {
    position: String,
    label: Text,
    tenant: Option<Text>,
    from: String,
    to: String,
    source: &'static str,
    objects: String,
    exhibits: String,
    bytes: String,
    digest: Text,
}

#[derive(Debug, Serialize)]
struct Matrix {
    tenant: Text,
    labels: Vec<Text>,
    rows: Vec<MatrixRow>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct MatrixRow {
    name: Text,
    object_type: Text,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Serialize)]
struct Cell {
    class: &'static str,
    text: String,
    state: &'static str,
    why: Text,
}

/// One type, attribute or relation that is not whole somewhere.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Gap {
    name: Text,
    code: Text,
    where_and_why: Text,
    consequence: &'static str,
}

/// Logs belong to no snapshot and have a table of their own.
fn is_gap(row: &CoverageRow) -> bool {
    row.is_whole_picture() && !row.snapshot.is_empty() && !row.state.is_whole()
}

/// `Users`, `Recycle bin of users`.
fn type_name(object_type: &str) -> String {
    words::capital(&match object_type.strip_suffix("/deletedItems") {
        Some(base) => format!("recycle bin of {}", words::type_many(base)),
        None => words::type_many(object_type),
    })
}

fn class(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Collected => "whole",
        CoverageState::Empty => "empty",
        CoverageState::Partial => "part",
        CoverageState::Unknown => "unknown",
        CoverageState::Denied => "denied",
        CoverageState::NotRequested => "not",
    }
}

/// `in A, B, C and 4 more`.
fn snapshots(labels: &[&str]) -> String {
    let mut parts: Vec<String> =
        labels.iter().take(NAMED).map(|label| (*label).to_owned()).collect();
    if labels.len() > NAMED {
        let more = words::length(labels.len() - NAMED);
        parts.push(format!("{} more", words::number(more)));
    }
    words::listed(&parts)
}

/// What follows from a gap. The worst state decides.
fn consequence(object_type: &str, attribute: &str, worst: CoverageState) -> &'static str {
    let bin = object_type.ends_with("/deletedItems");
    match (worst, attribute.is_empty()) {
        (CoverageState::Partial, _) => "What is missing there is not known to be gone.",
        (_, true) if bin => "Soft- and hard-deleted cannot be told apart there.",
        (_, true) => "Whether any of them changed, appeared or disappeared cannot be told there.",
        (_, false) => "Whether it changed cannot be told there.",
    }
}

/// Every gap, types before their attributes, the types that matter most first; what no snapshot asked for comes last, in one
/// line for types and one for attributes.
pub(super) fn gaps(coverage: &[CoverageRow]) -> Vec<Gap> {
    let mut groups: BTreeMap<(bool, usize, &str, &str), Vec<&CoverageRow>> = BTreeMap::new();
    let mut read: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in coverage.iter().filter(|row| row.is_whole_picture()) {
        if row.state != CoverageState::NotRequested {
            read.insert((&row.object_type, &row.attribute));
        }
    }
    let mut never: [BTreeSet<(usize, String)>; 2] = Default::default();
    for row in coverage.iter().filter(|row| is_gap(row)) {
        let base = row.object_type.split('/').next().unwrap_or_default();
        let below = !row.attribute.is_empty();
        if read.contains(&(row.object_type.as_str(), row.attribute.as_str())) {
            let key = (below, rank(base), &*row.object_type, &*row.attribute);
            groups.entry(key).or_default().push(row);
        } else if let Some(names) = never.get_mut(usize::from(below)) {
            let dot = if below { "." } else { "" };
            names.insert((rank(base), format!("{}{dot}{}", row.object_type, row.attribute)));
        }
    }
    let told = groups
        .into_iter()
        .map(|((_, _, object_type, attribute), rows)| gap(object_type, attribute, &rows));
    told.chain(never.iter().zip(["types", "attributes and relations"]).filter_map(never_asked))
        .collect()
}

/// The line of all types, or all attributes, that no snapshot asked for although they matter.
fn never_asked((names, what): (&BTreeSet<(usize, String)>, &str)) -> Option<Gap> {
    let listed: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
    let state = CoverageState::NotRequested;
    (!listed.is_empty()).then(|| Gap {
        name: Text::name(&format!(
            "{} {what} that matter",
            words::number(words::length(listed.len()))
        )),
        code: Text::name(state.as_str()),
        where_and_why: Text::cut(
            &format!("{state} in any snapshot: {}", listed.join(", ")),
            SENTENCE,
        ),
        consequence: "Nothing can be told of them; `inspect` says which questions need them.",
    })
}

fn gap(object_type: &str, attribute: &str, rows: &[&CoverageRow]) -> Gap {
    let mut states: BTreeMap<CoverageState, Vec<&CoverageRow>> = BTreeMap::new();
    for row in rows {
        states.entry(row.state).or_default().push(row);
    }
    let worst = states.keys().next_back().copied().unwrap_or(CoverageState::Partial);
    let parts: Vec<String> = states
        .iter()
        .rev()
        .map(|(state, rows)| {
            let labels: Vec<&str> = rows.iter().map(|row| &*row.snapshot).collect();
            let details: BTreeSet<&str> =
                rows.iter().map(|row| &*row.detail).filter(|detail| !detail.is_empty()).collect();
            let why = match details.first() {
                Some(first) if details.len() == 1 => format!(" ({first})"),
                Some(first) => format!(" ({first}; …)"),
                None => String::new(),
            };
            format!("{state} in {}{why}", snapshots(&labels))
        })
        .collect();
    let mut name = type_name(object_type);
    let mut code = object_type.to_owned();
    if !attribute.is_empty() {
        name = format!("{name}: {attribute}");
        code = format!("{code}.{attribute}");
    }
    Gap {
        name: Text::name(&name),
        code: Text::name(&code),
        where_and_why: Text::cut(&words::capital(&parts.join("; ")), SENTENCE),
        consequence: consequence(object_type, attribute, worst),
    }
}

/// The section.
pub(super) fn coverage(analysis: &Analysis, population: &[Population], gaps: Vec<Gap>) -> Coverage {
    let tenants: BTreeSet<&str> = analysis.snapshots.iter().map(|row| &*row.tenant_id).collect();
    let several = tenants.len() > 1;
    let snapshots = analysis
        .snapshots
        .iter()
        .map(|row| SnapshotView {
            position: row.position.to_string(),
            label: Text::name(&row.label),
            tenant: several.then(|| tenant(&row.tenant_id)),
            from: words::time_or(row.time.map(|time| time.start), "unknown"),
            to: words::time_or(row.time.map(|time| time.end), "unknown"),
            source: row.time_source.map_or("unknown", |source| source.as_str()),
            objects: words::number(row.objects.values().sum()),
            exhibits: words::number(row.exhibits),
            bytes: words::number(row.bytes),
            digest: Text::name(&row.digest),
        })
        .collect();
    let matrices = tenants.into_iter().map(|tenant| matrix(analysis, population, tenant)).collect();
    let more = words::length(gaps.len().saturating_sub(GAPS));
    let omitted = match more {
        0 => String::new(),
        more => format!(
            "{} not on this page; coverage.csv holds all of them",
            words::counted(more, "more gap", "more gaps")
        ),
    };
    let of_series = |code: &str| SERIES.contains(&code);
    let remarks = analysis.warnings.iter().filter(|row| of_series(&row.code));
    let more = words::length(analysis.conflicts.len().saturating_sub(CONFLICTS));
    Coverage {
        snapshots,
        matrices,
        gaps: gaps.into_iter().take(GAPS).collect(),
        omitted,
        remarks: remarks
            .take(GAPS)
            .map(|row| Text::cut(&words::capital(&row.message), SENTENCE))
            .collect(),
        conflicts: analysis.conflicts.iter().take(CONFLICTS).map(conflict).collect(),
        conflicts_omitted: match more {
            0 => String::new(),
            more => format!(
                "{} not on this page; warnings.csv holds all of them",
                words::counted(more, "more conflict", "more conflicts")
            ),
        },
    }
}

fn conflict(row: &ConflictRow) -> ConflictView {
    let receipts = |receipts: &[Receipt]| {
        receipts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    ConflictView {
        object: Text::name(&format!("{} {}", row.object_type, row.object_id)),
        attribute: Text::name(&row.attribute),
        snapshot: Text::name(&row.snapshot),
        values: row
            .values
            .iter()
            .map(|(value, from)| ValueView {
                value: Text::cut(if value.is_empty() { "(none)" } else { value }, VALUE),
                receipts: Text::cut(&receipts(from), VALUE),
            })
            .collect(),
    }
}

/// A tenant id, or that it is unknown.
pub(super) fn tenant(tenant_id: &str) -> Text {
    Text::name(if tenant_id.is_empty() { "unknown tenant" } else { tenant_id })
}

fn matrix(analysis: &Analysis, population: &[Population], tenant_id: &str) -> Matrix {
    let all: Vec<(u64, &str)> = analysis
        .snapshots
        .iter()
        .filter(|row| row.tenant_id == tenant_id)
        .map(|row| (words::length(row.position), &*row.label))
        .collect();
    let hidden = all.len().saturating_sub(COLUMNS);
    let columns: Vec<(u64, &str)> = all.into_iter().skip(hidden).collect();
    let mut cells: BTreeMap<(usize, &str), BTreeMap<&str, Cell>> = BTreeMap::new();
    for row in population.iter().filter(|row| row.tenant_id == tenant_id) {
        let label = columns.iter().find(|(position, _)| *position == row.position);
        if let Some((_, label)) = label {
            let text = words::number(row.objects);
            let cell = Cell { class: "whole", text, state: "", why: Text::new("") };
            cells.entry(order(&row.object_type)).or_default().insert(label, cell);
        }
    }
    let seen: BTreeSet<&str> = read_types(analysis, tenant_id);
    let of_type = |row: &&CoverageRow| {
        row.tenant_id == tenant_id
            && row.attribute.is_empty()
            && row.is_whole_picture()
            && !row.snapshot.is_empty()
            && seen.contains(row.object_type.as_str())
    };
    for row in analysis.coverage.iter().filter(of_type) {
        let text = match row.state {
            CoverageState::Collected | CoverageState::Empty | CoverageState::Partial => {
                words::number(row.objects)
            }
            CoverageState::Denied | CoverageState::NotRequested | CoverageState::Unknown => {
                row.state.to_string()
            }
        };
        let state = if row.state == CoverageState::Partial { row.state.as_str() } else { "" };
        let cell = Cell { class: class(row.state), text, state, why: Text::name(&row.detail) };
        cells.entry(order(&row.object_type)).or_default().insert(&row.snapshot, cell);
    }
    let nothing =
        Cell { class: "nothing", text: "\u{2013}".to_owned(), state: "", why: Text::new("") };
    let rows = cells
        .into_iter()
        .map(|((_, object_type), mut by_label)| MatrixRow {
            name: Text::name(&type_name(object_type)),
            object_type: Text::name(object_type),
            cells: columns
                .iter()
                .map(|(_, label)| by_label.remove(label).unwrap_or_else(|| nothing.clone()))
                .collect(),
        })
        .collect();
    Matrix {
        tenant: tenant(tenant_id),
        labels: columns.iter().map(|(_, label)| Text::name(label)).collect(),
        rows,
        omitted: match hidden {
            0 => String::new(),
            hidden => format!(
                "{} not in this table; coverage.csv holds all of them",
                words::counted(words::length(hidden), "earlier snapshot", "earlier snapshots")
            ),
        },
    }
}

/// The types that any snapshot of a tenant asked for.
fn read_types<'a>(analysis: &'a Analysis, tenant_id: &str) -> BTreeSet<&'a str> {
    let of_tenant = analysis.coverage.iter().filter(|row| row.tenant_id == tenant_id);
    let read = of_tenant.filter(|row| {
        row.attribute.is_empty()
            && row.is_whole_picture()
            && row.state != CoverageState::NotRequested
    });
    read.map(|row| row.object_type.as_str()).collect()
}

fn order(object_type: &str) -> (usize, &str) {
    (rank(object_type.split('/').next().unwrap_or_default()), object_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_gap_is_said_once_with_all_its_snapshots() {
        let gaps = gaps(&fixture::analysis().coverage);
        assert_eq!(gaps.len(), 4);
        let text = serde_json::to_string(&gaps[0].where_and_why).unwrap();
        assert!(text.contains("Not requested in 2026-11-01 and 2026-11-03"), "{text}");
        assert!(text.contains("denied in 2026-11-02 (403"), "{text}");
    }

    #[test]
    fn many_snapshots_are_counted_not_listed() {
        assert_eq!(snapshots(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
