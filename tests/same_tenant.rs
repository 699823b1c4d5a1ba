//! One tenant, as many tools export it: the same changes from each, but for what a format cannot carry, which a table
//! declares; and what one day's format does not carry is coverage, never a change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use entrace::directory::catalogue;
use entrace::evidence::walk;
use entrace::history::{HistoryOptions, analyse};
use entrace::index::{self, Index, IndexOptions, LinkGroup};
use entrace::model::{Analysis, Change, ChangeKind, CoverageState, Lane};
use entrace::synth::{ExportFormat, Mess, SynthOptions};
use serde_json::Value;

use crate::properties::Synth;

const FORMATS: [ExportFormat; 8] = [
    ExportFormat::EntraExporter,
    ExportFormat::Arrays,
    ExportFormat::AzureHound,
    ExportFormat::PowerShell,
    ExportFormat::Clixml,
    ExportFormat::Roadrecon,
    ExportFormat::PortalCsv,
    ExportFormat::ScubaGear,
];

/// A tenant whose changes are of many kinds, none of which only a recycle bin shows.
const SEED: u64 = 3;

/// Members of items that Azure AD Graph does not have.
const UNKNOWN_OF_CREDENTIALS: [&str; 2] = ["displayName", "hint"];

/// What a format carries of a type.
#[derive(Debug, Default, Clone)]
struct Carried {
    /// `None` for all.
    attributes: Option<Vec<String>>,
    relations: Option<Vec<String>>,
    drops: String,
}

impl Carried {
    fn of(attributes: &str, relations: &str, drops: &str) -> Self {
        let list = |text: &str| {
            (text != "*").then(|| text.split_whitespace().map(str::to_owned).collect())
        };
        Self { attributes: list(attributes), relations: list(relations), drops: drops.to_owned() }
    }

    fn mark(&self, path: &str) -> Option<char> {
        let names = self.attributes.iter().flatten();
        let mut marks = names.filter_map(|name| name.strip_prefix(path)?.chars().next());
        marks.next().filter(|mark| matches!(mark, '+' | '^'))
    }

    fn has_attribute(&self, path: &str) -> bool {
        self.attributes.as_ref().is_none_or(|names| {
            names.iter().any(|name| {
                let rest = path.strip_prefix(name.trim_end_matches(['+', '^']));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    }
}

/// What is declared, by format and type.
struct Declared(BTreeMap<(String, String), Carried>);

impl Declared {
    fn read() -> Self {
        let mut found = BTreeMap::new();
        for text in
            [include_str!("same_tenant.csv"), include_str!("../src/synth/export/carried.csv")]
        {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            for row in reader.records().map(Result::unwrap) {
                let cell = |at: usize| row.get(at).unwrap();
                let carried = Carried::of(cell(2), cell(3), cell(4));
                found.insert((cell(0).to_owned(), cell(1).to_owned()), carried);
            }
        }
        let mut paths: BTreeMap<String, String> = BTreeMap::new();
        let columns = include_str!("../src/synth/export/foreign/roadrecon.csv");
        let mut reader = csv::Reader::from_reader(columns.as_bytes());
        for row in reader.records().map(Result::unwrap) {
            let list = paths.entry(row[3].to_owned()).or_default();
            let mark = if &row[5] == "one" { "^" } else { "" };
            list.extend([" ", &row[4], mark]);
        }
        for (object_type, paths) in paths {
            let key = ("roadrecon".to_owned(), object_type);
            found.insert(key, Carried::of(&paths, "members owners", ""));
        }
        Self(found)
    }

    /// Nothing for a type that the format has no objects of.
    fn of(&self, format: ExportFormat, object_type: &str) -> Option<&Carried> {
        let key = |object_type: &str| (format.as_str().to_owned(), object_type.to_owned());
        let carried = self.0.get(&key(object_type)).or_else(|| self.0.get(&key("*")))?;
        let is_none = carried.attributes.as_ref().is_some_and(Vec::is_empty);
        (!is_none).then_some(carried)
    }

    /// Whether the format can tell an empty list of links from one that was not read, where the row needs it.
    fn tells_of(
        &self,
        format: ExportFormat,
        row: &Told,
        empty: &BTreeSet<(String, String)>,
    ) -> bool {
        let drops = self.of(format, &row.object_type).map_or("", |carried| carried.drops.as_str());
        let of_empty = empty.contains(&(row.object_id.clone(), row.attribute.clone()));
        drops.is_empty() || !row.change.starts_with("link") || !of_empty
    }

    /// A row as the format would tell it; nothing if it cannot.
    fn carry(&self, format: ExportFormat, row: &Told) -> Option<Told> {
        let carried = self.of(format, &row.object_type)?;
        let mut row = row.clone();
        if row.attribute.is_empty() {
            // Only Graph's own pages show the recycle bin.
            if row.change == "softDeleted" {
                row.change = "removed".to_owned();
            }
            return Some(row);
        }
        if row.change.starts_with("link") {
            let relations = carried.relations.as_ref();
            let known = relations.is_none_or(|names| names.contains(&row.attribute));
            return known.then_some(row);
        }
        if !carried.has_attribute(&row.attribute) {
            return None;
        }
        let mark = carried.mark(&row.attribute);
        for side in [&mut row.before, &mut row.after] {
            *side = side.take().map(|value| match (value, mark) {
                (Value::Array(items), Some('^')) => {
                    Value::Array(items.into_iter().take(1).collect())
                }
                (value, _) => value,
            });
            if format == ExportFormat::Roadrecon && row.attribute.ends_with("Credentials") {
                side.iter_mut().for_each(without_unknown);
            }
        }
        let omits = carried.drops == "omitempty" && mark != Some('+');
        let is_omitted = |side: &Option<Value>| omits && *side == Some(Value::Bool(false));
        if is_omitted(&row.before) {
            row.before = None;
        }
        let cleared = row.after.is_none() || is_omitted(&row.after);
        let silent = match carried.drops.as_str() {
            // There an empty list is a value.
            "nil" => !matches!(row.before, Some(Value::Array(_))),
            drops => matches!(drops, "head" | "omitempty"),
        };
        // What was cleared may not have been asked for; it is coverage then.
        let told = !(cleared && silent) && row.before != row.after;
        told.then_some(row)
    }
}

fn without_unknown(value: &mut Value) {
    for item in value.as_array_mut().into_iter().flatten() {
        let members = item.as_object_mut().unwrap();
        members.retain(|name, _| !UNKNOWN_OF_CREDENTIALS.contains(&name.as_str()));
    }
    if let Value::Array(items) = value {
        items.sort_by_key(ToString::to_string);
    }
}

/// A change without what depends on when and how it was seen.
#[derive(Debug, Clone)]
struct Told {
    object_type: String,
    object_id: String,
    change: String,
    attribute: String,
    target_id: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Told {
    fn of(change: &Change) -> Self {
        let value = |text: &Option<String>| {
            let text = text.as_ref()?;
            Some(bare(&serde_json::from_str(text).unwrap()))
        };
        Self {
            object_type: change.object_type.clone(),
            object_id: change.object_id.clone(),
            change: change.kind.to_string(),
            attribute: change.attribute.clone(),
            target_id: change.target.as_ref().map(|target| target.id.clone()).unwrap_or_default(),
            before: value(&change.before),
            after: value(&change.after),
        }
    }

    fn line(&self) -> String {
        let side = |side: &Option<Value>| side.as_ref().map(Value::to_string).unwrap_or_default();
        let Self { object_type, object_id, change, attribute, target_id, before, after } = self;
        format!(
            "{object_type} {object_id} {change} {attribute} {target_id} {} {}",
            side(before),
            side(after)
        )
    }
}

/// Items of lists without members that are empty or false: formats that leave those out cannot tell them from none.
fn bare(value: &Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
    };
    let Value::Array(items) = value else { return value.clone() };
    let item = |item: &Value| {
        let Value::Object(members) = item else { return item.clone() };
        let kept = members.iter().filter(|(_, value)| !is_empty(value));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let mut items: Vec<Value> = items.iter().map(item).collect();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}

fn options(format: ExportFormat) -> SynthOptions {
    SynthOptions {
        users: 90,
        snapshots: 2,
        seed: SEED,
        changes_per_day: Some(70),
        mess: Mess::None,
        format,
        ..SynthOptions::default()
    }
}

fn indexed(folder: &Path) -> (Index, Analysis) {
    let found = walk(&[folder.to_owned()]).unwrap();
    let index = index::build(&found, &IndexOptions::default(), catalogue()).unwrap();
    let analysis = analyse(&index, catalogue(), &HistoryOptions::default()).unwrap();
    assert!(analysis.tally.balances());
    (index, analysis)
}

/// The changes between the days, without those of objects whose fate only a recycle bin tells.
fn told(analysis: &Analysis, untold: &BTreeSet<String>) -> Vec<Told> {
    let changes = analysis.changes.iter().filter(|change| {
        let within = change.from_snapshot == change.to_snapshot;
        change.lane == Lane::Change && !within && !untold.contains(&change.object_id)
    });
    changes.map(Told::of).collect()
}

/// Objects that only a recycle bin tells of.
fn untold(analysis: &Analysis) -> BTreeSet<String> {
    let by_bin = |change: &&Change| {
        let within = change.from_snapshot == change.to_snapshot;
        matches!(change.kind, ChangeKind::HardDeleted | ChangeKind::Restored) || within
    };
    analysis.changes.iter().filter(by_bin).map(|change| change.object_id.clone()).collect()
}

/// Relations of objects that have no links on one of the days, which most formats cannot tell from none read.
fn empty_lists(index: &Index) -> BTreeSet<(String, String)> {
    let groups = index.link_groups();
    let has_none = |group: &&LinkGroup| index.link_lists(group).iter().any(|list| list.links == 0);
    let named = groups.iter().filter(has_none);
    named.map(|group| (group.key.source.to_string(), group.key.relation.to_string())).collect()
}

fn lines(rows: impl IntoIterator<Item = Told>) -> BTreeSet<String> {
    rows.into_iter().map(|row| row.line()).collect()
}

/// Every receipt of every row opens again.
fn assert_receipts(format: ExportFormat, index: &Index, analysis: &Analysis) {
    let mut opened = 0;
    for change in &analysis.changes {
        for receipt in change.evidence_before.iter().chain(&change.evidence_after) {
            let exhibits = index.exhibits_named(receipt.exhibit);
            let exhibit = &index.exhibits[*exhibits.first().unwrap()];
            let shown = index::open_receipt(exhibit, receipt.place, catalogue()).unwrap();
            assert!(shown.is_some_and(|shown| !shown.text.is_empty()), "{receipt}");
            let of_table = receipt.to_string().contains('!');
            let whole = receipt.place.is_none();
            assert_eq!(of_table, format == ExportFormat::Roadrecon && !whole, "{receipt}");
            opened += 1;
        }
    }
    assert!(opened > 1, "{}", format.as_str());
}

#[test]
fn every_format_tells_the_same_changes_of_the_same_tenant() {
    let declared = Declared::read();
    let synth = Synth::with(&options(ExportFormat::Graph));
    let (index, graph) = indexed(&synth.folder);
    let (untold, empty) = (untold(&graph), empty_lists(&index));
    let of_graph = told(&graph, &untold);
    assert!(of_graph.len() > 20, "{}", of_graph.len());
    for format in FORMATS {
        let synth = Synth::with(&options(format));
        let (index, analysis) = indexed(&synth.folder);
        let tells = |row: &Told| declared.tells_of(format, row, &empty);
        let carried = of_graph.iter().filter(|row| tells(row));
        let carried = carried.filter_map(|row| declared.carry(format, row));
        let found = told(&analysis, &untold).into_iter().filter(|row| tells(row));
        let found = found.filter(|row| declared.carry(ExportFormat::Graph, row).is_some());
        let (expected, found) = (lines(carried), lines(found));
        assert!(!expected.is_empty(), "{}", format.as_str());
        let invented: Vec<&String> = found.difference(&expected).collect();
        assert!(invented.is_empty(), "{}: {invented:#?}", format.as_str());
        // Without the service's own count, the silence of a short list may prove too little; what no object had before may
        // not have been asked for: that is coverage, where rows of one kind are folded.
        let is_doubted = |line: &str| {
            analysis.changes.iter().filter(|change| change.lane == Lane::Coverage).any(|change| {
                let (object_type, attribute) = (&change.object_type, &change.attribute);
                let of_object = line.starts_with(&format!("{object_type} {}", change.object_id));
                let whole = attribute.is_empty() && !line.contains(" modified ");
                of_object && (whole || line.contains(&format!(" modified {attribute} ")))
            })
        };
        let missed: Vec<&String> =
            expected.difference(&found).filter(|line| !is_doubted(line)).collect();
        assert!(missed.is_empty(), "{}: {missed:#?}", format.as_str());
        assert!(found.len() * 10 >= expected.len() * 8, "{}", format.as_str());
        assert_receipts(format, &index, &analysis);
    }
}

#[test]
fn what_the_format_of_one_day_does_not_carry_is_coverage() {
    let declared = Declared::read();
    let before = Synth::with(&options(ExportFormat::Graph));
    let (index, graph) = indexed(&before.folder);
    let (untold, empty) = (untold(&graph), empty_lists(&index));
    let of_graph = told(&graph, &untold);
    for format in FORMATS {
        let after = Synth::with(&options(format));
        let mixed = tempfile::tempdir().unwrap();
        let day = |synth: &Synth, number: usize| {
            let tenant = fs::read_dir(&synth.folder).unwrap().next().unwrap().unwrap().path();
            let mut days: Vec<_> =
                fs::read_dir(&tenant).unwrap().map(|entry| entry.unwrap().path()).collect();
            days.sort();
            let day = days[number].clone();
            let to = mixed.path().join(tenant.file_name().unwrap());
            fs::create_dir_all(&to).unwrap();
            fs::rename(&day, to.join(day.file_name().unwrap())).unwrap();
        };
        let first = Synth::with(&options(ExportFormat::Graph));
        day(&first, 0);
        day(&after, 1);
        let (_, analysis) = indexed(mixed.path());
        let expected = lines(of_graph.iter().filter_map(|row| declared.carry(format, row)));
        let carried = |row: Told| declared.carry(format, &row).unwrap_or(row);
        let found = lines(told(&analysis, &untold).into_iter().map(carried));
        let invented: Vec<&String> = found.difference(&expected).collect();
        assert!(invented.is_empty(), "{}: {invented:#?}", format.as_str());
        let tells = |row: &&Told| declared.tells_of(format, row, &empty);
        let of_graph: Vec<Told> = of_graph.iter().filter(tells).cloned().collect();
        assert_covered(format, &declared, &of_graph, &analysis);
    }
}

/// What is not carried is said not to be collected, or is a row of lane `coverage`.
fn assert_covered(
    format: ExportFormat,
    declared: &Declared,
    of_graph: &[Told],
    analysis: &Analysis,
) {
    let last = &analysis.snapshots.last().unwrap().label;
    let lost = of_graph.iter().filter(|row| declared.carry(format, row).is_none());
    for row in lost {
        let head = row.attribute.split('.').next().unwrap();
        let says_so = |covered: &&entrace::model::CoverageRow| {
            covered.snapshot == *last
                && covered.object_type == row.object_type
                && (covered.attribute == head || covered.attribute.is_empty())
                && !matches!(covered.state, CoverageState::Collected)
        };
        let is_row = analysis.changes.iter().any(|change| {
            change.lane == Lane::Coverage
                && change.object_type == row.object_type
                && change.attribute.split('.').next() == Some(head)
        });
        // One of several items, or of the parts that Graph has of an attribute, is what the format knows.
        let carried = declared.of(format, &row.object_type);
        let first = carried.is_some_and(|carried| carried.mark(&row.attribute) == Some('^'));
        let parted = row.attribute.contains('.')
            && carried.is_some_and(|carried| {
                carried.attributes.iter().flatten().any(|path| path.starts_with(head))
            });
        let is_covered = analysis.coverage.iter().any(|covered| says_so(&covered));
        assert!(is_covered || is_row || parted || first, "{}: {}", format.as_str(), row.line());
    }
}
