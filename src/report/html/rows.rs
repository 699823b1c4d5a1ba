//! The tables of changes: lane `change` by type and object, the other lanes folded below.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::pick::pick;
use super::value::{More, Side, Text, sides, wholes};
use crate::model::{Change, ChangeKind, Lane, Narrowed, Origin, Receipt};
use crate::report::words;

/// Rows of changes on the page. A browser lays out a table of this size in about a second; ten times as many take half
/// a minute. What is left out is counted, and is in `changes.csv`.
pub(super) const LIMIT: usize = 5_000;
/// Rows of each other lane on the page.
const LANE_LIMIT: usize = 500;
/// Up to this many rows, every type is unfolded from the start.
const UNFOLDED: usize = 400;

/// All changes of the main section.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    pub(super) total: u64,
    /// How many rows are not on the page, or empty.
    omitted: String,
    types: Vec<TypeSection>,
}

#[derive(Debug, Serialize)]
struct TypeSection {
    anchor: String,
    name: Text,
    object_type: Text,
    count: String,
    omitted: String,
    open: bool,
    objects: Vec<ObjectBlock>,
}

#[derive(Debug, Serialize)]
struct ObjectBlock {
    name: Option<Text>,
    id: Text,
    tenant: Option<Text>,
    rows: Vec<Row>,
}

/// One change.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// `change_id`, also the anchor.
    id: String,
    class: &'static str,
    sign: &'static str,
    kind: &'static str,
    attribute: Option<Text>,
    target: Option<TargetView>,
    story: &'static str,
    sides: Vec<Side>,
    wholes: Vec<More>,
    after: String,
    by: String,
    narrowed: Option<Text>,
    snapshots: Text,
    certainty: &'static str,
    lane: Option<&'static str>,
    reason: Option<ReasonView>,
    origin: Option<&'static str>,
    recovery: Option<RecoveryView>,
    receipts: Vec<Receipts>,
    receipt_count: String,
}

/// What the service can do about a change.
#[derive(Debug, Serialize)]
struct RecoveryView {
    word: &'static str,
    words: &'static str,
    class: &'static str,
    /// What else an object is that was restored, or empty.
    effect: &'static str,
}

#[derive(Debug, Serialize)]
struct TargetView {
    name: Option<Text>,
    id: Text,
    object_type: Text,
}

#[derive(Debug, Serialize)]
pub(super) struct ReasonView {
    code: &'static str,
    words: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Receipts {
    side: &'static str,
    list: Vec<ReceiptView>,
}

#[derive(Debug, Serialize)]
struct ReceiptView {
    text: String,
    exhibit: String,
}

/// One lane other than `change`.
#[derive(Debug, Serialize)]
pub(super) struct LaneTable {
    lane: &'static str,
    words: &'static str,
    count: String,
    omitted: String,
    rows: Vec<LaneRow>,
}

#[derive(Debug, Serialize)]
struct LaneRow {
    kind: &'static str,
    object_type: Text,
    attribute: Text,
    subject: Text,
    sides: Vec<Side>,
    snapshots: Text,
    certainty: &'static str,
    reason: Option<ReasonView>,
    receipts: Vec<Receipts>,
    receipt_count: String,
}

/// Whether a row stands in the main section: lane `change`, and every object that disappeared.
pub(super) fn is_main(change: &Change) -> bool {
    change.lane == Lane::Change || change.is_disappearance()
}

fn omitted(total: usize, shown: usize) -> String {
    match total.saturating_sub(shown) {
        0 => String::new(),
        more => format!(
            "{} not on this page; changes.csv holds all of them",
            words::counted(words::length(more), "more row", "more rows")
        ),
    }
}

fn receipts(change: &Change) -> (Vec<Receipts>, String) {
    cited(&[("before", &change.evidence_before), ("after", &change.evidence_after)])
}

/// Receipts by side, and how many there are.
pub(super) fn cited(sides: &[(&'static str, &[Receipt])]) -> (Vec<Receipts>, String) {
    let side = |side, receipts: &[Receipt]| {
        let list: Vec<ReceiptView> = receipts
            .iter()
            .map(|receipt| ReceiptView {
                text: receipt.to_string(),
                exhibit: receipt.exhibit.to_string(),
            })
            .collect();
        (!list.is_empty()).then_some(Receipts { side, list })
    };
    let found: Vec<Receipts> = sides.iter().filter_map(|(name, list)| side(name, list)).collect();
    let count = found.iter().map(|receipts| receipts.list.len()).sum();
    (found, words::counted(words::length(count), "receipt", "receipts"))
}

fn reason(change: &Change) -> Option<ReasonView> {
    change.reason.map(|reason| ReasonView { code: reason.as_str(), words: words::reason(reason) })
}

fn recovery(change: &Change) -> Option<RecoveryView> {
    let word = change.recoverability?;
    let restored = change.kind == ChangeKind::SoftDeleted && word.is_recoverable();
    let effect = if restored { words::restore_effect(&change.object_type) } else { "" };
    Some(RecoveryView {
        word: word.as_str(),
        words: words::recoverability(word),
        class: words::recoverability_look(word),
        effect,
    })
}

fn snapshots(change: &Change) -> Text {
    Text::name(&match (&*change.from_snapshot, &*change.to_snapshot) {
        ("", to) => to.to_owned(),
        (from, to) if from == to => to.to_owned(),
        (from, to) => format!("{from} → {to}"),
    })
}

fn narrowed(narrowed: &Narrowed) -> Text {
    let (from, to) = (words::time(narrowed.from), words::time(narrowed.to));
    let when = if from == to { from } else { format!("{from} to {to}") };
    Text::name(&format!("{when}, by {}", narrowed.source))
}

fn some(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| Text::name(text))
}

fn row(change: &Change) -> Row {
    let (class, sign) = words::kind_look(change.kind);
    let (receipts, receipt_count) = receipts(change);
    let attribute = match (change.kind, change.attribute.is_empty()) {
        (_, true) => None,
        _ => Some(Text::name(&change.attribute)),
    };
    Row {
        id: change.change_id.to_string(),
        class,
        sign,
        kind: words::kind(change.kind),
        attribute,
        target: change.target.as_ref().map(|target| TargetView {
            name: some(&target.name),
            id: Text::name(&target.id),
            object_type: Text::name(&words::type_one(&target.object_type)),
        }),
        story: words::object_story(change.kind),
        sides: sides(change),
        wholes: wholes(change),
        after: words::time_or(change.window.not_before, "unknown"),
        by: words::time_or(change.window.not_after, "unknown"),
        narrowed: change.narrowed.as_ref().map(narrowed),
        snapshots: snapshots(change),
        certainty: change.certainty.as_str(),
        lane: (change.lane != Lane::Change).then(|| change.lane.as_str()),
        reason: reason(change),
        origin: (change.origin != Origin::Tenant).then(|| change.origin.as_str()),
        recovery: recovery(change),
        receipts,
        receipt_count,
    }
}

/// Order of types on the page: who may do what first, then the things that act, then all others by name.
pub(super) fn rank(object_type: &str) -> usize {
    const FIRST: &[&str] = &[
        "unifiedRoleAssignment",
        "unifiedRoleAssignmentSchedule",
        "unifiedRoleAssignmentScheduleInstance",
        "unifiedRoleEligibilitySchedule",
        "unifiedRoleEligibilityScheduleInstance",
        "unifiedRoleDefinition",
        "directoryRole",
        "conditionalAccessPolicy",
        "namedLocation",
        "authenticationMethodsPolicy",
        "authenticationStrengthPolicy",
        "authorizationPolicy",
        "organization",
        "domain",
        "application",
        "servicePrincipal",
        "appRoleAssignment",
        "oAuth2PermissionGrant",
        "group",
        "user",
    ];
    FIRST.iter().position(|name| *name == object_type).unwrap_or(FIRST.len())
}

/// Disappearances and appearances of the object before its attributes, attributes before links.
pub(super) fn row_rank(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::SoftDeleted | ChangeKind::HardDeleted | ChangeKind::Removed => 0,
        ChangeKind::Restored | ChangeKind::Added | ChangeKind::FirstObserved => 1,
        ChangeKind::Modified => 2,
        ChangeKind::LinkAdded | ChangeKind::LinkRemoved => 3,
    }
}

/// The main section.
pub(super) fn changes(all: &[Change]) -> Changes {
    let main: Vec<&Change> = all.iter().filter(|change| is_main(change)).collect();
    let shown = pick(&main, LIMIT);
    let tenants: BTreeSet<&str> = main.iter().map(|row| row.tenant_id.as_str()).collect();
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &main {
        *totals.entry(&row.object_type).or_default() += 1;
    }
    let mut types: BTreeMap<(usize, &str), Vec<&Change>> = BTreeMap::new();
    for row in &shown {
        types.entry((rank(&row.object_type), &row.object_type)).or_default().push(row);
    }
    let types = types
        .into_iter()
        .enumerate()
        .map(|(at, ((_, object_type), rows))| {
            let total = totals.get(object_type).copied().unwrap_or_default();
            TypeSection {
                anchor: format!("type-{}", at + 1),
                name: Text::name(&words::capital(&words::type_many(object_type))),
                object_type: Text::name(object_type),
                count: words::counted(words::length(total), "change", "changes"),
                omitted: omitted(total, rows.len()),
                open: shown.len() <= UNFOLDED,
                objects: blocks(&rows, tenants.len() > 1),
            }
        })
        .collect();
    Changes { total: words::length(main.len()), omitted: omitted(main.len(), shown.len()), types }
}

/// The rows of a type by object, objects in the order of their first row.
fn blocks(rows: &[&Change], tenants: bool) -> Vec<ObjectBlock> {
    let mut order: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found: Vec<Vec<&Change>> = Vec::new();
    for row in rows {
        let at = *order.entry((&row.tenant_id, &row.object_id)).or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        if let Some(block) = found.get_mut(at) {
            block.push(row);
        }
    }
    found
        .into_iter()
        .filter_map(|mut block| {
            block.sort_by_key(|row| (row.window.not_after, row_rank(row.kind)));
            let last = block.last()?;
            let name =
                block.iter().rev().map(|row| &*row.object_name).find(|name| !name.is_empty());
            Some(ObjectBlock {
                name: name.map(Text::name),
                id: Text::name(&last.object_id),
                tenant: tenants.then(|| Text::name(&last.tenant_id)),
                rows: block.iter().map(|row| self::row(row)).collect(),
            })
        })
        .collect()
}

/// The other lanes, each as one table, even where it is empty: an empty lane is an answer too.
pub(super) fn lanes(all: &[Change]) -> Vec<LaneTable> {
    [Lane::Coverage, Lane::Schema, Lane::Volatile]
        .into_iter()
        .map(|lane| {
            let mut rows: Vec<&Change> =
                all.iter().filter(|change| change.lane == lane && !is_main(change)).collect();
            // Rows of a single object were kept out of the fold for a reason: they come first.
            rows.sort_by_key(|row| row.object_id.is_empty());
            let shown = pick(&rows, LANE_LIMIT);
            LaneTable {
                lane: lane.as_str(),
                words: words::lane(lane),
                count: words::counted(words::length(rows.len()), "row", "rows"),
                omitted: omitted(rows.len(), shown.len()),
                rows: shown.into_iter().map(lane_row).collect(),
            }
        })
        .collect()
}

fn lane_row(change: &Change) -> LaneRow {
    let (receipts, receipt_count) = receipts(change);
    let subject = match (&*change.object_name, &*change.object_id) {
        ("", "") => words::counted(change.objects, "object", "objects"),
        ("", id) => id.to_owned(),
        (name, id) => format!("{name} ({id})"),
    };
    LaneRow {
        kind: words::kind(change.kind),
        object_type: Text::name(&change.object_type),
        attribute: Text::name(&words::subject(change)),
        subject: Text::name(&subject),
        sides: sides(change),
        snapshots: snapshots(change),
        certainty: change.certainty.as_str(),
        reason: reason(change),
        receipts,
        receipt_count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_lost_object_is_in_the_main_section_whatever_its_lane() {
        let analysis = fixture::analysis();
        let main = changes(&analysis.changes);
        let lost = analysis.changes.iter().filter(|change| change.is_disappearance()).count();
        let shown: usize = main
            .types
            .iter()
            .flat_map(|section| &section.objects)
            .flat_map(|block| &block.rows)
            .filter(|row| row.class == "minus" && row.attribute.is_none())
            .count();
        assert_eq!((lost, shown), (3, 3));
        let folded: usize = lanes(&analysis.changes).iter().map(|lane| lane.rows.len()).sum();
        assert_eq!(main.total + words::length(folded), words::length(analysis.changes.len()));
    }
}
