//! Golden tests: what is said of an imperfect recovery, as text that a reader can check.

use super::{fixture, json, table};
use crate::model::Verification;

fn csv(verifications: &[Verification]) -> String {
    let mut bytes = Vec::new();
    table::write(verifications, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn rows_of_an_imperfect_recovery() {
    let rows = [fixture::imperfect()];
    insta::assert_snapshot!("recovery.csv", csv(&rows).replace("\r\n", "\n"));
    let mut text = Vec::new();
    json::write(&rows, &mut text).unwrap();
    insta::assert_snapshot!("recovery.json", String::from_utf8(text).unwrap());
}

#[test]
fn csv_and_json_have_the_same_columns_and_carry_every_string() {
    let verifications = fixture::hostile().verifications;
    let text = csv(&verifications);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::None).from_reader(text.as_bytes());
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(heads, table::RECOVERY);
    let mut written = Vec::new();
    json::write(&verifications, &mut written).unwrap();
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&written).unwrap();
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), verifications[0].rows.len());
    assert_eq!(lines.len(), rows.len());
    let order = String::from_utf8(written).unwrap();
    let mut last = 0;
    for head in &heads {
        let at = order.find(&format!("\"{head}\":")).unwrap();
        assert!(at > last, "{head}");
        last = at;
    }
    for ((line, row), of) in lines.iter().zip(&rows).zip(&verifications[0].rows) {
        assert_eq!(row.len(), heads.len());
        assert_eq!(&line[2], of.object_id);
        assert_eq!(&line[8], of.good.as_deref().unwrap_or_default());
        assert_eq!(&line[13], of.detail);
        assert_eq!(&line[18], of.failure);
        assert_eq!(row["failure"].as_str().unwrap_or_default(), of.failure);
    }
}

#[test]
fn no_row_is_a_table_too() {
    assert_eq!(csv(&[]).lines().count(), 1);
    let mut text = Vec::new();
    json::write(&[fixture::nothing()], &mut text).unwrap();
    assert_eq!(text, b"[]\n");
}
