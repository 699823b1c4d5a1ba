//! The first screen: what changed, what disappeared, what cannot be told, and the totals.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::coverage::{Gap, gaps};
use super::rows::{is_main, rank, row_rank};
use super::steps::{Steps, key, kind_of, steps};
use super::value::Text;
use crate::model::{Analysis, Certainty, Change, ChangeKind, Lane, Recoverability};
use crate::report::figures::{Count, count};
use crate::report::{ReportError, tables, terminal, words};

/// Gaps on the first screen.
const GAPS: usize = 7;
/// Objects named per type in the summary.
const EXAMPLES: usize = 4;
/// Types named on the first screen.
const TYPES: usize = 24;
/// Disappearances listed in the summary.
const GONE: usize = 100;
/// Characters of the list of collected types.
const COLLECTED: usize = 2_000;

/// The section.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    lead: String,
    tiles: Vec<Tile>,
    types: Vec<TypeLine>,
    types_more: String,
    gone: Vec<Gone>,
    gone_omitted: String,
    recovery: Vec<Recovery>,
    gaps: Vec<Gap>,
    gaps_more: String,
    doubts: Vec<String>,
    collected: Text,
    steps: Steps,
    figures: Vec<Figure>,
    totals: Totals,
}

#[derive(Debug, Serialize)]
struct Tile {
    class: &'static str,
    number: String,
    label: &'static str,
    note: String,
}

#[derive(Debug, Serialize)]
struct TypeLine {
    name: Text,
    object_type: Text,
    words: Text,
    examples: Vec<Example>,
    /// How many objects are not named, or empty.
    more: String,
}

#[derive(Debug, Serialize)]
struct Example {
    id: String,
    name: Text,
}

#[derive(Debug, Serialize)]
struct Gone {
    id: String,
    name: Text,
    object_id: Text,
    object_type: Text,
    kind: &'static str,
    after: String,
    by: String,
    certainty: &'static str,
    reason: &'static str,
}

/// How many rows the service can do this about.
#[derive(Debug, Serialize)]
struct Recovery {
    word: &'static str,
    class: &'static str,
    rows: String,
    words: &'static str,
}

#[derive(Debug, Serialize)]
struct Figure {
    object_type: Text,
    change: &'static str,
    lane: String,
    certainty: String,
    rows: String,
    objects: String,
}

#[derive(Debug, Serialize)]
struct Totals {
    sentence: String,
    balances: bool,
    rules: Vec<Rule>,
    differences: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    name: Text,
    count: String,
}

/// The section.
///
/// # Errors
/// [`ReportError::Table`] if a figure cannot be grouped.
pub(super) fn summary(analysis: &Analysis) -> Result<Summary, ReportError> {
    let frame = tables::change_keys(&analysis.changes)?;
    let by_type = count(&frame, &["object_type", "change", "lane"])?;
    let by_step = count(&frame, &["tenant_id", "from_snapshot", "to_snapshot", "change", "lane"])?;
    let all = count(&frame, &["object_type", "change", "lane", "certainty"])?;
    let gaps = gaps(&analysis.coverage);
    let gone: Vec<&Change> =
        analysis.changes.iter().filter(|change| change.is_disappearance()).collect();
    let more = words::length(gaps.len().saturating_sub(GAPS));
    let gone_more = words::length(gone.len().saturating_sub(GONE));
    let mut types = type_lines(analysis, &by_type);
    let types_more = words::length(types.len().saturating_sub(TYPES));
    types.truncate(TYPES);
    Ok(Summary {
        lead: lead(analysis, &by_type),
        tiles: tiles(analysis, gaps.len()),
        types,
        types_more: match types_more {
            0 => String::new(),
            more => format!("and {}, in Changes", words::counted(more, "more type", "more types")),
        },
        gone_omitted: match gone_more {
            0 => String::new(),
            more => format!("and {} more, in Changes and changes.csv", words::number(more)),
        },
        gone: gone.iter().take(GONE).map(|change| gone_row(change)).collect(),
        recovery: recovery(&analysis.changes),
        gaps: gaps.into_iter().take(GAPS).collect(),
        gaps_more: match more {
            0 => String::new(),
            more => format!("and {}", words::counted(more, "more gap", "more gaps")),
        },
        doubts: doubts(analysis),
        collected: collected(analysis),
        steps: steps(analysis, &by_step),
        figures: all.iter().map(figure).collect(),
        totals: totals(analysis),
    })
}

/// Judged rows by word, in the order of the words.
fn recovery(changes: &[Change]) -> Vec<Recovery> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for word in changes.iter().filter_map(|change| change.recoverability) {
        let place = Recoverability::ALL.iter().position(|known| *known == word);
        *counts.entry(place.unwrap_or_default()).or_default() += 1;
    }
    let line = |(place, rows): (usize, usize)| {
        let word = *Recoverability::ALL.get(place)?;
        Some(Recovery {
            word: word.as_str(),
            class: words::recoverability_look(word),
            rows: words::number(words::length(rows)),
            words: words::recoverability(word),
        })
    };
    counts.into_iter().filter_map(line).collect()
}

fn lead(analysis: &Analysis, by_type: &[Count]) -> String {
    let snapshots = words::length(analysis.snapshots.len());
    let rows: u64 =
        by_type.iter().filter(|c| key(c, 2) == Lane::Change.as_str()).map(|c| c.rows).sum();
    match (snapshots, rows) {
        (0, _) => "No snapshot was found in the evidence, so nothing can be compared.".to_owned(),
        (1, 0) => "There is one snapshot. With nothing to compare it to, a change shows only where an object itself tells of it.".to_owned(),
        (_, 0) => format!(
            "{} were compared and no change of the tenant was found. That holds for what was collected; what was not is listed here.",
            words::counted(snapshots, "snapshot", "snapshots")
        ),
        (_, rows) => format!(
            "{} show {} in {}.",
            words::counted(snapshots, "snapshot", "snapshots"),
            words::counted(rows, "change", "changes"),
            words::counted(changed_objects(analysis), "object", "objects"),
        ),
    }
}

fn changed_objects(analysis: &Analysis) -> u64 {
    let rows = analysis.changes.iter().filter(|change| change.lane == Lane::Change);
    let objects: BTreeSet<_> =
        rows.map(|row| (&row.tenant_id, &row.object_type, &row.object_id)).collect();
    words::length(objects.len())
}

fn tiles(analysis: &Analysis, gaps: usize) -> Vec<Tile> {
    let rows = |wanted: &dyn Fn(&Change) -> bool| {
        words::length(analysis.changes.iter().filter(|change| wanted(change)).count())
    };
    let in_lane = |change: &Change| change.lane == Lane::Change;
    let gone = rows(&|change| change.is_disappearance());
    let doubtful =
        rows(&|change| change.is_disappearance() && change.certainty == Certainty::Unproven);
    let tile =
        |class, count, label, note| Tile { class, number: words::number(count), label, note };
    vec![
        tile(
            "minus",
            gone,
            "disappeared",
            match doubtful {
                0 => "objects no longer live".to_owned(),
                some => format!("of these {} unproven", words::number(some)),
            },
        ),
        tile(
            "plus",
            rows(&|change| {
                in_lane(change) && matches!(change.kind, ChangeKind::Added | ChangeKind::Restored)
            }),
            "appeared",
            "objects added or restored".to_owned(),
        ),
        tile(
            "delta",
            rows(&|change| in_lane(change) && change.kind == ChangeKind::Modified),
            "attributes changed",
            "one per object and attribute".to_owned(),
        ),
        tile(
            "link",
            rows(&|change| {
                in_lane(change)
                    && matches!(change.kind, ChangeKind::LinkAdded | ChangeKind::LinkRemoved)
            }),
            "links changed",
            "members, owners, managers".to_owned(),
        ),
        tile(
            "gap",
            words::length(gaps),
            "gaps in collection",
            "see what cannot be told".to_owned(),
        ),
    ]
}

/// What a group of changes of one type says, as a clause.
fn clause(count: &Count) -> Option<String> {
    let rows = words::number(count.rows);
    let coverage = key(count, 2) == Lane::Coverage.as_str();
    let kind = kind_of(count, 1)?;
    let gone =
        matches!(kind, ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted);
    if coverage && gone {
        return Some(format!("{rows} missing from a later list that proves nothing"));
    }
    if key(count, 2) != Lane::Change.as_str() {
        return None;
    }
    Some(match kind {
        ChangeKind::Added => format!("{rows} added"),
        ChangeKind::Restored => format!("{rows} restored"),
        ChangeKind::SoftDeleted => format!("{rows} soft-deleted"),
        ChangeKind::HardDeleted => format!("{rows} hard-deleted"),
        ChangeKind::Removed => format!("{rows} gone (soft or hard cannot be told)"),
        ChangeKind::FirstObserved => format!("{rows} first observed"),
        ChangeKind::LinkAdded => words::counted(count.rows, "link added", "links added"),
        ChangeKind::LinkRemoved => words::counted(count.rows, "link removed", "links removed"),
        ChangeKind::Modified => format!(
            "{} in {}",
            words::counted(count.rows, "attribute changed", "attributes changed"),
            words::type_counted(count.distinct, key(count, 0))
        ),
    })
}

fn type_lines(analysis: &Analysis, by_type: &[Count]) -> Vec<TypeLine> {
    let mut types: BTreeMap<(usize, &str), Vec<(u8, String)>> = BTreeMap::new();
    for count in by_type {
        let object_type = key(count, 0);
        let order = kind_of(count, 1).map_or(u8::MAX, row_rank);
        let clause = clause(count).map(|clause| (order, clause));
        types.entry((rank(object_type), object_type)).or_default().extend(clause);
    }
    let mut examples = examples(&analysis.changes);
    types
        .into_iter()
        .filter(|(_, clauses)| !clauses.is_empty())
        .map(|((_, object_type), mut clauses)| {
            clauses.sort();
            let clauses: Vec<String> = clauses.into_iter().map(|(_, clause)| clause).collect();
            let objects = examples.remove(object_type).unwrap_or_default();
            let more = words::length(objects.len().saturating_sub(EXAMPLES));
            TypeLine {
                name: Text::name(&words::capital(&words::type_many(object_type))),
                object_type: Text::name(object_type),
                words: Text::name(&clauses.join(", ")),
                examples: objects.iter().take(EXAMPLES).map(|change| example(change)).collect(),
                more: match more {
                    0 => String::new(),
                    more => format!("and {} more", words::number(more)),
                },
            }
        })
        .collect()
}

/// One row per object of the main section by type, the most telling row of each, the most telling objects first.
fn examples(changes: &[Change]) -> BTreeMap<&str, Vec<&Change>> {
    let mut rows: Vec<&Change> = changes.iter().filter(|change| is_main(change)).collect();
    rows.sort_by_key(|change| row_rank(change.kind));
    let mut seen = BTreeSet::new();
    let mut examples: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for row in rows {
        if seen.insert((&row.tenant_id, &row.object_type, &row.object_id)) {
            examples.entry(&row.object_type).or_default().push(row);
        }
    }
    examples
}

fn example(change: &Change) -> Example {
    let name = if change.object_name.is_empty() { &change.object_id } else { &change.object_name };
    let edge = change.target.as_ref().filter(|target| {
        change.attribute.is_empty() && !(target.name.is_empty() && target.id.is_empty())
    });
    let name = match edge {
        Some(target) if target.name.is_empty() => format!("{name} → {}", target.id),
        Some(target) => format!("{name} → {}", target.name),
        None => name.clone(),
    };
    Example { id: change.change_id.to_string(), name: Text::name(&name) }
}

fn gone_row(change: &Change) -> Gone {
    Gone {
        id: change.change_id.to_string(),
        name: Text::name(&change.object_name),
        object_id: Text::name(&change.object_id),
        object_type: Text::name(&words::type_one(&change.object_type)),
        kind: words::kind(change.kind),
        after: words::time_or(change.window.not_before, "unknown"),
        by: words::time_or(change.window.not_after, "unknown"),
        certainty: change.certainty.as_str(),
        reason: change.reason.map_or("", words::reason),
    }
}

/// What else stays open, in sentences.
fn doubts(analysis: &Analysis) -> Vec<String> {
    let folded =
        |change: &&Change| change.lane == Lane::Coverage && change.certainty == Certainty::Unproven;
    let count = |count: usize, one: &str, many: &str| {
        (count > 0).then(|| words::counted(words::length(count), one, many))
    };
    let unproven = count(
        analysis.changes.iter().filter(folded).count(),
        "difference may come",
        "differences may come",
    )
    .map(|who| format!("{who} from what was collected, not from the tenant (lane coverage)."));
    let untimed = count(
        analysis.snapshots.iter().filter(|row| row.time.is_none()).count(),
        "snapshot has no known time",
        "snapshots have no known time",
    )
    .map(|who| format!("{who}: when its changes happened cannot be told from the evidence."));
    let nameless = count(
        analysis.snapshots.iter().filter(|row| row.tenant_id.is_empty()).count(),
        "snapshot names no tenant",
        "snapshots name no tenant",
    )
    .map(|who| format!("{who} and cannot be compared with those of a known one."));
    let unread = count(
        analysis.exhibits.iter().filter(|row| row.sha256.is_empty()).count(),
        "exhibit could not be read",
        "exhibits could not be read",
    )
    .map(|who| format!("{who}, see Evidence."));
    let quarantined = (analysis.tally.quarantined > 0).then(|| {
        let who = words::counted(analysis.tally.quarantined, "record is", "records are");
        format!("{who} in quarantine and not used, see Warnings.")
    });
    [unproven, untimed, nameless, unread, quarantined].into_iter().flatten().collect()
}

fn collected(analysis: &Analysis) -> Text {
    let types: BTreeSet<&str> =
        analysis.snapshots.iter().flat_map(|row| row.objects.keys().map(String::as_str)).collect();
    Text::cut(&types.into_iter().collect::<Vec<_>>().join(", "), COLLECTED)
}

fn figure(count: &Count) -> Figure {
    Figure {
        object_type: Text::name(key(count, 0)),
        change: kind_of(count, 1).map_or("", ChangeKind::as_str),
        lane: key(count, 2).to_owned(),
        certainty: key(count, 3).to_owned(),
        rows: words::number(count.rows),
        objects: words::number(count.objects),
    }
}

fn totals(analysis: &Analysis) -> Totals {
    let rules = |map: &BTreeMap<String, u64>| {
        map.iter()
            .map(|(name, count)| Rule { name: Text::name(name), count: words::number(*count) })
            .collect()
    };
    Totals {
        sentence: words::capital(&terminal::totals(analysis)),
        balances: analysis.tally.balances(),
        rules: rules(&analysis.tally.set_aside),
        differences: rules(&analysis.set_aside_differences),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_summary_adds_up() {
        let analysis = fixture::analysis();
        let summary = summary(&analysis).unwrap();
        let numbers: Vec<&str> = summary.tiles.iter().map(|tile| tile.number.as_str()).collect();
        assert_eq!(numbers, ["3", "2", "6", "2", "4"]);
        assert!(
            summary.lead.contains("3 snapshots show 12 changes in 8 objects"),
            "{}",
            summary.lead
        );
        assert_eq!(summary.steps.list.len(), 2);
        let user = summary.types.last().unwrap();
        assert_eq!(
            user.words,
            Text::new(
                "1 hard-deleted, 1 missing from a later list that proves nothing, 1 soft-deleted, 3 attributes changed in 1 user"
            )
        );
    }
}
