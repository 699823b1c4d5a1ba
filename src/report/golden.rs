//! Golden tests: the whole output of a small tenant as text that a reader can check, and of a hostile one.

use std::fs;

use super::{
    RunInfo, difference, fixture, graph, html, inspect, json, opinion, run, tables, terminal,
};
use crate::advice::advice;
use crate::directory::catalogue;
use crate::meter::Meter;
use crate::model::{Analysis, Change};

fn run_info() -> RunInfo {
    RunInfo {
        version: "0.1.0".to_owned(),
        options: [("as-of".to_owned(), "2026-11-03T03:02:40Z".to_owned())].into(),
        case: None,
    }
}

/// CSV text with its line ends made visible to no one: the golden files hold plain lines.
fn csv(mut frame: polars::prelude::DataFrame) -> String {
    let mut bytes = Vec::new();
    tables::write_csv(&mut frame, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn csv_of_a_small_tenant() {
    let analysis = fixture::analysis();
    insta::assert_snapshot!("changes.csv", csv(tables::changes(&analysis.changes).unwrap()));
    insta::assert_snapshot!("objects.csv", csv(tables::objects(&analysis.objects).unwrap()));
    insta::assert_snapshot!("snapshots.csv", csv(tables::snapshots(&analysis.snapshots).unwrap()));
    insta::assert_snapshot!("evidence.csv", csv(tables::evidence(&analysis.exhibits).unwrap()));
    insta::assert_snapshot!("coverage.csv", csv(tables::coverage(&analysis.coverage).unwrap()));
    insta::assert_snapshot!(
        "warnings.csv",
        csv(tables::warnings(&analysis.warnings, &analysis.quarantine).unwrap())
    );
}

#[test]
fn json_of_a_small_tenant() {
    let analysis = fixture::analysis();
    let mut text = Vec::new();
    json::write_array(&analysis.changes, &mut text).unwrap();
    insta::assert_snapshot!("changes.json", String::from_utf8(text).unwrap());
    let list = graph::change_list(&fixture::report_of(&analysis.changes)).unwrap();
    insta::assert_snapshot!("graph", format!("{}\nleft out: {:?}", list.json, list.left_out));
}

/// The page without its style sheet and the hash of it, which have a test of their own.
#[test]
fn page_of_a_small_tenant() {
    let mut bytes = Vec::new();
    html::render(&fixture::analysis(), &run_info(), &mut bytes).unwrap();
    let page = String::from_utf8(bytes).unwrap();
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (before, hash) = head.split_once("sha256-").unwrap();
    let (_, after) = hash.split_once("&#x27;").unwrap();
    insta::assert_snapshot!(
        "report.html",
        format!("{before}sha256-…{after}<style>…</style>{rest}")
    );
}

#[test]
fn terminal_of_a_small_tenant() {
    let analysis = fixture::analysis();
    let style = terminal::Style { width: Some(160), colour: false };
    let text = [
        terminal::changes_table(&analysis.changes, style),
        terminal::changes_total(&analysis.changes),
    ];
    insta::assert_snapshot!("terminal", text.join("\n"));
}

#[test]
fn difference_report_of_a_small_tenant() {
    let analysis = fixture::analysis();
    for (name, width) in [("difference", None), ("difference.80", Some(80))] {
        let style = terminal::Style { width, colour: false };
        let text = difference::difference_text(&analysis.differences, style);
        if let Some(limit) = width {
            assert!(text.lines().all(|line| terminal::width(line) <= limit), "{text}");
        }
        insta::assert_snapshot!(name, text);
    }
    let mut text = Vec::new();
    let action = |_: &Change| Some(crate::model::RecoveryAction::Update);
    json::write_difference(&analysis.changes[..1], &action, &mut text).unwrap();
    insta::assert_snapshot!("difference.json", String::from_utf8(text).unwrap());
}

#[test]
fn second_opinion_of_a_small_tenant() {
    let opinions = fixture::analysis().opinions;
    let style = terminal::Style { width: Some(120), colour: false };
    let text = opinion::opinions_text(&opinions, style);
    assert!(text.lines().all(|line| terminal::width(line) <= 120), "{text}");
    insta::assert_snapshot!("opinion", text);
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    opinion::write(&opinions, &mut csv).unwrap();
    opinion::write_json(&opinions, &mut json).unwrap();
    insta::assert_snapshot!(
        "second_opinion.csv",
        String::from_utf8(csv).unwrap().replace("\r\n", "\n")
    );
    insta::assert_snapshot!("second_opinion.json", String::from_utf8(json).unwrap());
}

#[test]
fn inspect_of_a_small_tenant() {
    let analysis = fixture::analysis();
    let style = terminal::Style { width: Some(80), colour: false };
    let advice = advice(&analysis, catalogue());
    insta::assert_snapshot!("inspect", inspect::inspect_text(&analysis, &advice, style));
}

#[test]
fn run_record_has_sorted_keys_and_hashes_of_every_file() {
    let place = tempfile::tempdir().unwrap();
    let paths =
        super::write(&fixture::analysis(), &run_info(), place.path(), &Meter::default()).unwrap();
    let text = fs::read_to_string(place.path().join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sorted = serde_json::to_string_pretty(&record).unwrap() + "\n";
    assert_eq!(text, sorted, "keys are sorted on every level");
    let outputs = record["outputs"].as_array().unwrap();
    assert_eq!(outputs.len() + 1, paths.len());
    for file in outputs {
        let mut bytes = fs::read(place.path().join(file["name"].as_str().unwrap())).unwrap();
        if file["name"] == "evidence.csv" {
            // File times are no part of what a run over equal evidence must repeat.
            assert_eq!(
                file["without_columns"],
                serde_json::json!(["modified_at", "hash_basis", "changed_at", "stat_after"])
            );
            let table = tables::evidence(&fixture::analysis().exhibits).unwrap();
            bytes.clear();
            tables::write_csv(&mut table.drop_many(tables::FILE_TIME_COLUMNS), &mut bytes).unwrap();
        }
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_string());
        assert_eq!(file["size_bytes"], bytes.len());
    }
    let inputs = record["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), fixture::analysis().exhibits.len());
    let head = run::json(&fixture::analysis(), &run_info(), &[]).unwrap();
    insta::assert_snapshot!("run.json", head);
}

#[test]
fn the_same_analysis_gives_the_same_bytes() {
    let read = |analysis: &Analysis| {
        let place = tempfile::tempdir().unwrap();
        let paths = super::write(analysis, &run_info(), place.path(), &Meter::default()).unwrap();
        paths.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(read(&fixture::analysis()), read(&fixture::analysis()));
    assert_eq!(read(&fixture::hostile()), read(&fixture::hostile()));
    assert_eq!(read(&Analysis::default()).len(), 11);
}

#[test]
fn csv_carries_every_string_exactly() {
    let changes: Vec<Change> = fixture::hostile().changes;
    let mut bytes = Vec::new();
    super::write_changes(&changes, &mut bytes).unwrap();
    assert!(bytes.ends_with(b"\r\n") && !bytes.starts_with(b"\xef\xbb\xbf"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::None).from_reader(&bytes[..]);
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), tables::CHANGES);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), changes.len());
    for (row, change) in rows.iter().zip(&changes) {
        assert_eq!(&row[3], change.object_id);
        assert_eq!(&row[4], change.object_name);
        assert_eq!(&row[6], change.attribute);
        assert_eq!(&row[11], change.after.as_deref().unwrap_or_default());
        assert_eq!(&row[12], change.added.as_deref().unwrap_or_default());
        assert_eq!(&row[19], change.from_snapshot);
    }
}

#[test]
fn json_carries_every_string_exactly() {
    let changes: Vec<Change> = fixture::hostile().changes;
    let mut bytes = Vec::new();
    json::write_lines(&changes, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let rows: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), changes.len());
    for (row, change) in rows.iter().zip(&changes) {
        assert_eq!(row["object_name"].as_str().unwrap_or_default(), change.object_name);
        let before = change.before.as_ref().map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(row["before"], before.unwrap_or(serde_json::Value::Null));
    }
}

#[test]
fn frames_of_changes_join_without_a_seam() {
    let changes = fixture::analysis().changes;
    let mut whole = Vec::new();
    tables::write_csv(&mut tables::changes(&changes).unwrap(), &mut whole).unwrap();
    let mut parts = Vec::new();
    for (part, rows) in changes.chunks(2).enumerate() {
        let mut frame = tables::changes(rows).unwrap();
        if part == 0 {
            tables::write_csv(&mut frame, &mut parts).unwrap();
        } else {
            tables::append_csv(&mut frame, &mut parts).unwrap();
        }
    }
    assert_eq!(whole, parts);
}

/// `cargo test --release --lib a_million -- --ignored --nocapture`
#[test]
#[ignore = "takes seconds; shows the time of a large folder"]
fn a_million_changes() {
    let place = tempfile::tempdir().unwrap();
    let analysis = fixture::large(1_000_000);
    let start = std::time::Instant::now();
    super::write(&analysis, &run_info(), place.path(), &Meter::default()).unwrap();
    let size = fs::metadata(place.path().join("changes.csv")).unwrap().len();
    println!("{:?} for {size} bytes of changes.csv", start.elapsed());
}
