//! Synthetic tenants: what the program finds against what was done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use entrace::directory::catalogue;
use entrace::evidence::walk;
use entrace::history::{HistoryOptions, analyse};
use entrace::index::{self, IndexOptions};
use entrace::model::{Analysis, Change, Lane};
use entrace::synth::{ExportFormat, Incident, SynthOptions, key_path, write_tenant};
use serde_json::Value;

use crate::program::{Ran, Rows, command};

/// A synthetic tenant in a folder of its own.
#[derive(Debug)]
pub(crate) struct Synth {
    _temporary: tempfile::TempDir,
    pub(crate) folder: PathBuf,
}

impl Synth {
    /// A small tenant; the seed also chooses its size, its days and its story.
    pub(crate) fn of(seed: u64) -> Self {
        Self::with(&options(seed))
    }

    pub(crate) fn with(options: &SynthOptions) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("evidence");
        write_tenant(options, &folder).unwrap();
        Self { _temporary: temporary, folder }
    }

    pub(crate) fn diff(&self, from: &str, to: &str) -> Rows {
        let arguments = ["--from", from, "--to", to, "--format", "csv"];
        Ran::of(command().arg("diff").arg(&self.folder).args(arguments)).ended(self.code()).rows()
    }

    /// The exit code that tells whether something in it is damaged.
    pub(crate) fn code(&self) -> i32 {
        Ran::of(command().arg("snapshots").arg(&self.folder)).code
    }
}

fn options(seed: u64) -> SynthOptions {
    let choice = u32::try_from(seed).unwrap();
    let incidents = [
        None,
        Some(Incident::BulkImport),
        Some(Incident::LockOut),
        Some(Incident::CompromisedAccount),
        Some(Incident::Woodgrove),
    ];
    SynthOptions {
        users: 60 + choice % 3 * 10,
        snapshots: 3 + choice % 3,
        seed,
        incident: incidents[usize::try_from(seed).unwrap() % incidents.len()],
        ..SynthOptions::default()
    }
}

fn analysed(folder: &Path) -> Analysis {
    let found = walk(&[folder.to_owned()]).unwrap();
    let index = index::build(&found, &IndexOptions::default(), catalogue()).unwrap();
    analyse(&index, catalogue(), &HistoryOptions::default()).unwrap()
}

/// The columns that the answer key tells.
const COLUMNS: [&str; 13] = [
    "object_type",
    "object_id",
    "change",
    "attribute",
    "target_id",
    "before",
    "after",
    "added",
    "removed",
    "not_before",
    "not_after",
    "lane",
    "certainty",
];

type Told = Vec<String>;

fn found(change: &Change) -> Told {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    vec![
        change.object_type.clone(),
        change.object_id.clone(),
        change.kind.to_string(),
        change.attribute.clone(),
        change.target.as_ref().map(|target| target.id.clone()).unwrap_or_default(),
        text(&change.before),
        text(&change.after),
        text(&change.added),
        text(&change.removed),
        time(change.window.not_before),
        time(change.window.not_after),
        change.lane.to_string(),
        change.certainty.to_string(),
    ]
}

fn expected(row: &Value) -> Told {
    COLUMNS.iter().map(|column| row[column].as_str().unwrap_or_default().to_owned()).collect()
}

/// How often each row is told.
fn counted(rows: impl Iterator<Item = Told>) -> BTreeMap<Told, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    counts
}

/// What the program missed or invented, in lines that can be read.
fn differences(folder: &Path, key: &Path) -> Vec<String> {
    let key: Value = serde_json::from_str(&fs::read_to_string(key).unwrap()).unwrap();
    let analysis = analysed(folder);
    assert!(analysis.tally.balances(), "records were lost in silence: {:?}", analysis.tally);
    let listed = |change: &&Change| change.lane == Lane::Change || change.is_disappearance();
    let found = counted(analysis.changes.iter().filter(listed).map(found));
    let expected = counted(key["expected"].as_array().unwrap().iter().map(expected));
    assert!(!expected.is_empty());
    let without = |what: &str, some: &BTreeMap<Told, usize>, others: &BTreeMap<Told, usize>| {
        some.iter()
            .filter(|(row, count)| others.get(*row).copied().unwrap_or(0) < **count)
            .map(|(row, _)| format!("{what} {}", row.join(" | ")))
            .collect::<Vec<_>>()
    };
    let missed = without("missed  ", &expected, &found);
    let invented = without("invented", &found, &expected);
    let recall = 1.0 - ratio(missed.len(), expected.len());
    let precision = 1.0 - ratio(invented.len(), found.len());
    let mut lines: Vec<String> = missed.into_iter().chain(invented).collect();
    lines.sort_by_key(|line| line.split_once(' ').map(|(_, row)| row.trim().to_owned()));
    if !lines.is_empty() {
        lines.insert(0, format!("recall {recall:.4}, precision {precision:.4}"));
    }
    lines
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    number(part) / number(whole.max(1))
}

/// Compares many tenants, and says what is wrong with the first of them that differ.
fn assert_all_told(tenants: &[SynthOptions]) {
    let wrong: Vec<String> = tenants
        .iter()
        .filter_map(|options| {
            let synth = Synth::with(options);
            let lines = differences(&synth.folder, &key_path(&synth.folder));
            let head = format!(
                "seed {}, {} users, {} snapshots, {:?}, {}",
                options.seed,
                options.users,
                options.snapshots,
                options.incident,
                options.format.as_str()
            );
            (!lines.is_empty()).then(|| {
                let shown: Vec<&str> = lines.iter().take(12).map(String::as_str).collect();
                format!("{head}: {} differences\n  {}", lines.len() - 1, shown.join("\n  "))
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} tenants differ from their answer keys\n(columns: {})\n{}",
        wrong.len(),
        tenants.len(),
        COLUMNS.join(" | "),
        wrong.iter().take(4).cloned().collect::<Vec<_>>().join("\n")
    );
}

fn seeds(from: u64, to: u64, format: ExportFormat) -> Vec<SynthOptions> {
    (from..to).map(|seed| SynthOptions { format, ..options(seed) }).collect()
}

#[test]
fn nothing_is_missed_or_invented_in_graph_pages_of_25_tenants() {
    assert_all_told(&seeds(0, 25, ExportFormat::Graph));
}

#[test]
fn nothing_is_missed_or_invented_in_graph_pages_of_25_more_tenants() {
    assert_all_told(&seeds(25, 50, ExportFormat::Graph));
}

#[test]
fn nothing_is_missed_or_invented_in_an_exporter_tree() {
    assert_all_told(&seeds(50, 54, ExportFormat::EntraExporter));
}

#[test]
fn nothing_is_missed_or_invented_in_bare_arrays() {
    assert_all_told(&seeds(60, 66, ExportFormat::Arrays));
}

#[test]
fn nothing_is_missed_or_invented_in_lines_of_json() {
    assert_all_told(&seeds(70, 76, ExportFormat::Ndjson));
}

#[test]
fn nothing_is_missed_or_invented_in_exports_of_other_tools() {
    let formats = [
        ExportFormat::AzureHound,
        ExportFormat::PowerShell,
        ExportFormat::Clixml,
        ExportFormat::Roadrecon,
        ExportFormat::PortalCsv,
        ExportFormat::ScubaGear,
    ];
    for (number, format) in (80..).step_by(2).zip(formats) {
        assert_all_told(&seeds(number, number + 2, format));
    }
}

#[test]
fn nothing_is_missed_or_invented_in_the_sample() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let folder = samples.join("woodgrove");
    if folder.exists() {
        let lines = differences(&folder, &samples.join("woodgrove.answer-key.json"));
        assert!(lines.is_empty(), "{:#?}", lines.iter().take(20).collect::<Vec<_>>());
    }
    assert_all_told(&[SynthOptions::woodgrove()]);
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_the_same_changes() {
    let (one, other) = (Synth::of(9), Synth::of(9));
    let read = AtomicUsize::new(0);
    let files = |synth: &Synth| {
        walk(std::slice::from_ref(&synth.folder))
            .unwrap()
            .files
            .into_iter()
            .map(|file| {
                read.fetch_add(1, Ordering::Relaxed);
                (file.shown, fs::read(file.path).unwrap())
            })
            .collect::<BTreeMap<_, _>>()
    };
    assert!(files(&one) == files(&other));
    assert!(read.load(Ordering::Relaxed) > 0);
    assert_eq!(analysed(&one.folder).changes, analysed(&other.folder).changes);
}

#[test]
fn every_row_says_which_snapshots_it_lies_between_and_cites_evidence() {
    for seed in [1, 2, 3] {
        let analysis = analysed(&Synth::of(seed).folder);
        let labels: Vec<&str> = analysis.snapshots.iter().map(|s| s.label.as_str()).collect();
        for change in &analysis.changes {
            assert!(labels.contains(&change.to_snapshot.as_str()), "{change:?}");
            assert!(
                !change.evidence_after.is_empty() || !change.evidence_before.is_empty(),
                "{change:?}"
            );
            let window = change.window;
            if let (Some(start), Some(end)) = (window.not_before, window.not_after) {
                assert!(start <= end, "{change:?}");
            }
            if change.lane == Lane::Change {
                assert_eq!(change.objects, 1, "{change:?}");
            }
        }
        let keys: Vec<_> = analysis.changes.iter().map(Change::sort_key).collect();
        assert!(keys.is_sorted());
        let mut ids: Vec<_> = analysis.changes.iter().map(|change| change.change_id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "two rows have one id");
    }
}
