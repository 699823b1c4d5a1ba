//! Golden tests: what is said of an imperfect recovery, as text that a reader can check.

use super::{fixture, json, sheet, table, text};
use crate::model::{Analysis, Verification};
use crate::report::terminal::Style;
use crate::report::text as shown;
use crate::report::{RunInfo, html};

fn run_info() -> RunInfo {
    RunInfo {
        version: "0.1.0".to_owned(),
        options: [
            ("after", "2026-11-03"),
            ("damaged", "2026-11-02"),
            ("good", "2026-11-01"),
            ("type", "user group"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        case: None,
    }
}

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

#[test]
fn the_sheet_claims_what_the_rows_carry() {
    let sheet = sheet::json(&fixture::verified(), &run_info()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&sheet).unwrap();
    let sorted = serde_json::to_string_pretty(&value).unwrap() + "\n";
    let outside_rows = |text: &str| -> Vec<String> {
        // Rows are in the order of the columns of recovery.csv.
        let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
        for of in value["verifications"].as_array_mut().unwrap() {
            for list in ["failed", "recurring", "unrecovered"] {
                of[list]["rows"] = serde_json::Value::Null;
            }
        }
        serde_json::to_string_pretty(&value).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(outside_rows(&sheet), outside_rows(&sorted), "keys are sorted on every level");
    insta::assert_snapshot!("attestation.json", sheet);
}

/// The claim of this name: numerator, denominator, cannot tell, percent.
fn claimed(verification: Verification, name: &str) -> Option<(u64, u64, u64, String)> {
    let analysis = Analysis { verifications: vec![verification], ..fixture::verified() };
    let sheet = sheet::json(&analysis, &run_info()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&sheet).unwrap();
    let claims = value["verifications"][0]["claims"].as_array().unwrap().clone();
    let claim = claims.iter().find(|claim| claim["claim"] == name)?;
    let number = |key: &str| claim[key].as_u64().unwrap();
    let percent = claim["percent"].as_str().unwrap_or_default().to_owned();
    Some((number("numerator"), number("denominator"), number("cannot_tell"), percent))
}

#[test]
fn what_cannot_be_told_is_in_the_denominator_and_never_a_pass() {
    let claim = |name| claimed(fixture::imperfect(), name);
    assert_eq!(claim("put-back"), Some((3, 9, 1, "33.33".to_owned())));
    assert_eq!(claim("wanted-changes-kept"), Some((1, 2, 0, "50.00".to_owned())));
    assert_eq!(claim("supported-properties-collected"), Some((0, 1, 1, "0".to_owned())));
    assert_eq!(claim("all-verdicts"), Some((4, 13, 2, "30.76".to_owned())));
    assert_eq!(claim("read-after-recovery"), Some((2, 3, 1, "66.66".to_owned())));
    assert_eq!(claim("job-numbers-reconciled"), Some((1, 3, 1, "33.33".to_owned())));
    let all = claimed(fixture::perfect(), "put-back");
    assert_eq!(all, Some((3, 3, 0, "100".to_owned())));
}

#[test]
fn a_verification_without_rows_claims_nothing() {
    let analysis = Analysis { verifications: vec![fixture::nothing()], ..fixture::verified() };
    let sheet = sheet::json(&analysis, &run_info()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&sheet).unwrap();
    let of = &value["verifications"][0];
    assert_eq!(of["claims"], serde_json::json!([]));
    assert!(of["statement"].as_str().unwrap().ends_with("this verification claims nothing."));
}

#[test]
fn a_sheet_survives_hostile_text() {
    let sheet = sheet::json(&fixture::hostile(), &run_info()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&sheet).unwrap();
    assert_eq!(value["verifications"][0]["adds_up"], true);
}

#[test]
fn terminal_of_an_imperfect_recovery() {
    let style = Style { width: Some(110), colour: false };
    insta::assert_snapshot!("terminal", text::recovery_text(&fixture::verified(), style));
}

#[test]
fn the_terminal_obeys_nothing() {
    let style = Style { width: Some(100), colour: false };
    let text = text::recovery_text(&fixture::hostile(), style);
    assert!(!text.replace('\n', "").chars().any(shown::is_hidden), "{text}");
}

fn page(analysis: &Analysis) -> String {
    let mut bytes = Vec::new();
    html::render(analysis, &run_info(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn section(page: &str) -> &str {
    let (_, sheet) = page.split_once("<section id=\"attestation\"").unwrap();
    sheet.split_once("</section>").unwrap().0
}

#[test]
fn the_page_has_the_sheet_before_the_changes() {
    let page = page(&fixture::verified());
    insta::assert_snapshot!("attestation.html", section(&page));
    assert!(page.find("id=\"attestation\"") < page.find("id=\"changes\""));
    assert!(page.contains("href=\"#attestation\""));
}

#[test]
fn a_page_without_a_verification_has_no_sheet() {
    let page = page(&crate::report::fixture::analysis());
    assert!(!page.contains("attestation"));
}

#[test]
fn the_page_claims_nothing_of_nothing_and_all_of_all() {
    let nothing = Analysis { verifications: vec![fixture::nothing()], ..Analysis::default() };
    let nothing = page(&nothing);
    assert!(nothing.contains("this verification claims nothing."));
    assert!(!section(&nothing).contains("Claims"));
    let all = page(&fixture::put_back());
    assert!(all.contains("All of 3 differences that are known passed."));
    assert!(all.contains("at least 18 h 2 min, at most 2 d"), "time to clean");
}

#[test]
fn hostile_text_is_shown_and_never_obeyed() {
    let page = page(&fixture::hostile());
    assert!(page.chars().all(|c| c == '\n' || !shown::is_hidden(c)), "a hidden character");
    let section = section(&page);
    for attack in ["<script", "<img", "onmouseover='", "<!-- comment"] {
        assert!(!section.contains(attack), "{attack}");
    }
    assert!(section.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(section.contains("{{ 7 * 7 }}"));
}

#[test]
fn the_same_verification_gives_the_same_files() {
    let write = |analysis: &Analysis, whole: bool| {
        let place = tempfile::tempdir().unwrap();
        let meter = crate::meter::Meter::default();
        let write = if whole { crate::report::write } else { crate::report::write_verification };
        let paths = write(analysis, &run_info(), place.path(), &meter).unwrap();
        let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_owned();
        paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(write(&fixture::hostile(), true), write(&fixture::hostile(), true));
    let alone = write(&fixture::verified(), false);
    let names: Vec<&str> = alone.iter().map(|(name, _)| name.to_str().unwrap()).collect();
    assert_eq!(
        names,
        ["recovery.csv", "attestation.json", "evidence.csv", "warnings.csv", "run.json"]
    );
    let beside = write(&fixture::verified(), true);
    for file in &alone[..4] {
        assert!(beside.contains(file), "{:?} is the same in both folders", file.0);
    }
}
