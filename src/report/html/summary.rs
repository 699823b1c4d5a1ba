//! The first screen: what changed, what disappeared, what cannot be told, and the totals.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::coverage::{Gap, gaps};
use super::rows::{is_main, rank, row_rank};
use super::value::Text;
use crate::model::{Analysis, Certainty, Change, ChangeKind, Lane};
use crate::report::figures::{Count, count};
use crate::report::{ReportError, tables, terminal, words};

/// Gaps on the first screen.
const GAPS: usize = 7;
/// Objects named per type in the summary.
const EXAMPLES: usize = 4;
/// Disappearances listed in the summary.
const GONE: usize = 100;

/// The section.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    lead: String,
    tiles: Vec<Tile>,
    types: Vec<TypeLine>,
    gone: Vec<Gone>,
    gone_omitted: String,
    gaps: Vec<Gap>,
    gaps_more: String,
    doubts: Vec<String>,
    collected: Text,
    steps: Vec<Step>,
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
    words: String,
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

#[derive(Debug, Serialize)]
struct Step {
    from: Text,
    to: Text,
    plus: String,
    minus: String,
    delta: String,
    links: String,
    bars: Vec<Bar>,
}

/// A bar of the picture, in thousandths of its width.
#[derive(Debug, Serialize)]
struct Bar {
    class: &'static str,
    x: u64,
    width: u64,
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

/// A cell of a group's key.
fn key(count: &Count, at: usize) -> &str {
    count.key.get(at).map_or("", String::as_str)
}

fn kind_of(count: &Count, at: usize) -> Option<ChangeKind> {
    ChangeKind::from_word(key(count, at))
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
    Ok(Summary {
        lead: lead(analysis, &by_type),
        tiles: tiles(analysis, gaps.len()),
        types: type_lines(analysis, &by_type),
        gone_omitted: match gone_more {
            0 => String::new(),
            more => format!("and {} more, in Changes and changes.csv", words::number(more)),
        },
        gone: gone.iter().take(GONE).map(|change| gone_row(change)).collect(),
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
                words: clauses.join(", "),
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
    .map(|who| format!("{who}: the order of what it shows cannot be told from the evidence."));
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
    Text::new(&types.into_iter().collect::<Vec<_>>().join(", "))
}

/// Counts between one snapshot and the next.
#[derive(Default)]
struct Tallied {
    plus: u64,
    minus: u64,
    delta: u64,
    links: u64,
}

impl Tallied {
    fn total(&self) -> u64 {
        self.plus + self.minus + self.delta + self.links
    }
}

fn steps(analysis: &Analysis, by_step: &[Count]) -> Vec<Step> {
    let position = |tenant: &str, label: &str| {
        let found = analysis.snapshots.iter().find(|s| s.tenant_id == tenant && s.label == label);
        found.map_or(usize::MAX, |snapshot| snapshot.position)
    };
    let mut steps: BTreeMap<(&str, usize, usize, &str, &str), Tallied> = BTreeMap::new();
    for count in by_step {
        let (tenant, from, to) = (key(count, 0), key(count, 1), key(count, 2));
        let Some(kind) = kind_of(count, 3) else { continue };
        let gone =
            matches!(kind, ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted);
        if !gone && key(count, 4) != Lane::Change.as_str() {
            continue;
        }
        let at = (tenant, position(tenant, to), position(tenant, from), from, to);
        let step = steps.entry(at).or_default();
        match kind {
            ChangeKind::Added | ChangeKind::Restored | ChangeKind::FirstObserved => {
                step.plus += count.rows;
            }
            ChangeKind::Removed | ChangeKind::SoftDeleted | ChangeKind::HardDeleted => {
                step.minus += count.rows;
            }
            ChangeKind::Modified => step.delta += count.rows,
            ChangeKind::LinkAdded | ChangeKind::LinkRemoved => step.links += count.rows,
        }
    }
    let most = steps.values().map(Tallied::total).max().unwrap_or_default().max(1);
    steps
        .into_iter()
        .map(|((_, _, _, from, to), step)| Step {
            from: Text::name(from),
            to: Text::name(to),
            plus: words::number(step.plus),
            minus: words::number(step.minus),
            delta: words::number(step.delta),
            links: words::number(step.links),
            bars: bars(&step, most),
        })
        .collect()
}

fn bars(step: &Tallied, most: u64) -> Vec<Bar> {
    let mut x = 0;
    [("minus", step.minus), ("plus", step.plus), ("delta", step.delta), ("link", step.links)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| {
            // A single change beside thousands still shows.
            let width = (count.saturating_mul(1_000) / most).max(4);
            let bar = Bar { class, x, width };
            x += width;
            bar
        })
        .collect()
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
        assert_eq!(summary.steps.len(), 2);
        let user = summary.types.last().unwrap();
        assert_eq!(
            user.words,
            "1 hard-deleted, 1 missing from a later list that proves nothing, 1 soft-deleted, 3 attributes changed in 1 user"
        );
    }

    #[test]
    fn a_single_change_has_a_bar() {
        let step = Tallied { plus: 1, delta: 100_000, ..Tallied::default() };
        assert_eq!(bars(&step, step.total())[0].width, 4);
    }
}
