//! Exports of collector suites and of assessment tools: from the file to the changes.

mod extractor;
mod goose;
mod lists;

use serde_json::Value;

use crate::evidence::{Evidence, TENANT, day};

/// Ids that come again.
fn id(number: u32) -> String {
    format!("9ac8af4f-735c-4fa4-85b9-a209612{number:05}")
}

/// A file below the folder of a day.
fn dated(evidence: &Evidence, number: i64, name: &str, bytes: impl AsRef<[u8]>) {
    evidence.file(format!("{TENANT}/{}/{name}", day(number)), bytes);
}

/// An object per line.
fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// The rows of lane `change`: type, object, change, attribute, target, before, after, certainty.
fn changes(evidence: &Evidence) -> Vec<String> {
    let columns = [
        "object_type",
        "object_id",
        "change",
        "attribute",
        "target_id",
        "before",
        "after",
        "certainty",
    ];
    let rows = evidence.rows(&[]).having("lane", "change");
    let cells = |row: &crate::program::Row| columns.map(|column| row.get(column)).join(" ");
    let mut found: Vec<String> = rows.0.iter().map(cells).collect();
    found.sort();
    found
}

/// Every receipt leads to bytes that hold this text.
fn assert_receipts(evidence: &Evidence, holding: &str) {
    for row in &evidence.rows(&[]).0 {
        for column in ["evidence_before", "evidence_after"] {
            for receipt in row.get(column).split(';').filter(|receipt| receipt.contains(':')) {
                let shown = evidence.run("show", &["--receipt", receipt]).ended(0).text();
                assert!(shown.contains(holding), "{receipt} shows {shown}");
            }
        }
    }
}

/// The message of the first warning of this code.
fn warning(evidence: &Evidence, code: &str) -> String {
    let report = evidence.report(&[]);
    report.assert_balanced();
    let warnings = report.table("warnings.csv").having("code", code);
    warnings.0.first().map(|row| row.get("message").to_owned()).unwrap_or_default()
}

/// Formats by file, as far as the name goes.
fn formats(evidence: &Evidence) -> Vec<(String, String)> {
    let report = evidence.report(&[]);
    report.assert_balanced();
    let exhibits = report.table("evidence.csv");
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    exhibits.0.iter().map(|row| (name(row.get("path")), row.get("format").to_owned())).collect()
}
