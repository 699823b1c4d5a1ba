//! Exports that the examiner's map says how to read: from the file to the changes, and back by receipt.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, day};
use crate::program::{Ran, Rows, command, run};

const APPS: [&str; 3] = [
    "aaaaaaaa-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-000000000002",
    "aaaaaaaa-0000-4000-8000-000000000003",
];

const RULE: &str = r#"[[map]]
path = "**/apps.json"
id = "AppId"
type = "servicePrincipal"
"#;

const NAMES: &str = r#"[map.rename]
AppDisplayName = "displayName"
"#;

fn app(number: usize, name: &str) -> Value {
    json!({"AppId": APPS[number], "AppDisplayName": name, "Source": "Contoso"})
}

fn file(evidence: &Evidence, number: i64, name: &str, text: &str) {
    evidence.file(format!("{}/{name}", day(number)), text);
}

/// Some that stay as they are.
fn others() -> impl Iterator<Item = Value> {
    (0..10).map(|number| json!({"AppId": format!("other-{number}"), "AppDisplayName": "Other"}))
}

/// Two days: the first application is renamed, the second goes, the third comes.
fn two_days() -> Evidence {
    let evidence = Evidence::new();
    let list = |of_day: [Value; 2]| Value::from_iter(others().chain(of_day)).to_string();
    file(&evidence, 1, "apps.json", &list([app(0, "One"), app(1, "Two")]));
    file(&evidence, 2, "apps.json", &list([app(0, "Uno"), app(2, "Three")]));
    evidence
}

/// A map beside the evidence.
fn map(evidence: &Evidence, text: &str) -> String {
    let path = evidence.beside("map.toml");
    fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Object, change, attribute, before, after, lane, certainty.
fn lines(rows: &Rows) -> Vec<String> {
    let columns = ["object_id", "change", "attribute", "before", "after", "lane", "certainty"];
    let line = |row: &crate::program::Row| columns.map(|column| row.get(column)).join(" ");
    let mut lines: Vec<String> = rows.0.iter().map(line).collect();
    lines.sort();
    lines
}

fn rows(evidence: &Evidence, map: &str) -> Vec<String> {
    lines(&evidence.rows(&["--map", map]))
}

fn modified(number: usize, before: &str, after: &str) -> String {
    format!("{} modified displayName \"{before}\" \"{after}\" change proven", APPS[number])
}

#[test]
fn without_a_map_records_without_ids_are_set_aside() {
    let evidence = two_days();
    let report = evidence.report(&[]);
    assert!(report.codes().contains("record-without-id"), "{:?}", report.codes());
    assert_eq!(report.table("evidence.csv").column("set_aside"), ["12", "12"]);
    let told = run(["explain", "record-without-id"]).ended(0).text();
    assert!(told.contains("or name the member that identifies it with --map"), "{told}");
}

#[test]
fn what_a_file_does_not_list_is_gone_only_if_the_map_says_that_it_lists_all() {
    let evidence = two_days();
    let silent = map(&evidence, &format!("{RULE}{NAMES}"));
    let found = rows(&evidence, &silent);
    assert!(found.contains(&modified(0, "One", "Uno")), "{found:#?}");
    let of = |found: &[String], number: usize| -> Vec<String> {
        found.iter().filter(|line| line.starts_with(APPS[number])).cloned().collect()
    };
    for number in [1, 2] {
        let lines = of(&found, number);
        assert!(!lines.iter().any(|line| line.contains(" change ")), "{lines:#?}");
    }
    let came = evidence.rows(&["--map", &silent, "--lane", "coverage", "--unfold", "coverage"]);
    assert_eq!(lines(&came), [format!("{} firstObserved    coverage unproven", APPS[2])]);
    let whole = map(&evidence, &format!("{RULE}whole = true\n{NAMES}"));
    let found = rows(&evidence, &whole);
    assert_eq!(
        found,
        [
            modified(0, "One", "Uno"),
            format!("{} removed    change consistent", APPS[1]),
            format!("{} added    change consistent", APPS[2]),
        ]
    );
    let report = evidence.report(&["--map", &whole]);
    report.ran.clone().ended(0);
    report.assert_balanced();
    assert_eq!(report.table("evidence.csv").column("format"), ["by map", "by map"]);
}

#[test]
fn an_empty_whole_list_is_a_list() {
    let evidence = Evidence::new();
    file(&evidence, 1, "apps.json", &json!([app(0, "One")]).to_string());
    file(&evidence, 2, "apps.json", "[]");
    let reasons = |map: &str| {
        let rows = evidence.rows(&["--map", map]).having("change", "removed");
        rows.column("reason").join(" ")
    };
    let whole = map(&evidence, &format!("{RULE}whole = true\n"));
    assert_eq!(reasons(&whole), "list-shrunk");
    let silent = map(&evidence, RULE);
    assert_ne!(reasons(&silent), "list-shrunk");
}

#[test]
fn receipts_are_those_of_the_bytes_as_they_stand() {
    let evidence = two_days();
    let map = map(&evidence, &format!("{RULE}whole = true\n{NAMES}"));
    let mut opened = 0;
    for row in &evidence.rows(&["--map", &map]).0 {
        for column in ["evidence_before", "evidence_after"] {
            for receipt in row.get(column).split(';').filter(|receipt| receipt.contains(':')) {
                let options = ["--map", map.as_str(), "--receipt", receipt];
                let shown = evidence.run("show", &options).ended(0).json();
                assert_eq!(shown["AppId"], row.get("object_id"), "{receipt}");
                opened += 1;
            }
        }
    }
    assert_eq!(opened, 4);
}

#[test]
fn items_time_and_tenant_come_from_the_envelope() {
    let evidence = Evidence::new();
    for (number, name) in [(1, "One"), (2, "Uno")] {
        let text = json!({"run": {"at": format!("2026-11-0{number}T03:00:00+01:00")},
            "data": {"total": 1, "items": [app(0, name)], "tenantId": TENANT}});
        evidence.file(format!("{number}/apps.json"), text.to_string());
    }
    let map = map(
        &evidence,
        &format!(
            "{RULE}items = \"data.items\"\ntime = \"run.at\"\ntenant = \"data.tenantId\"\n{NAMES}"
        ),
    );
    assert_eq!(rows(&evidence, &map), [modified(0, "One", "Uno")]);
    let report = evidence.report(&["--map", &map]);
    report.ran.clone().ended(0);
    let exhibits = report.table("evidence.csv");
    assert_eq!(exhibits.column("tenant_id"), [TENANT, TENANT]);
    assert_eq!(exhibits.column("captured_from"), ["2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z"]);
}

#[test]
fn lines_tell_time_and_tenant_themselves() {
    let evidence = Evidence::new();
    for (number, name) in [(1, "One"), (2, "Uno")] {
        let line = |number_of_app: usize, name: &str| {
            let mut line = app(number_of_app, name);
            line["at"] = json!(format!("2026-11-0{number}T03:00:00Z"));
            line["tenant"] = json!(TENANT);
            line["at2"] = json!(1);
            line.to_string()
        };
        let text = format!("{}\n{}\n", line(0, name), line(1, "Two"));
        evidence.file(format!("{number}/apps.json"), text);
    }
    let rule = format!("{RULE}time = \"at\"\ntenant = \"tenant\"\n{NAMES}");
    let map = map(&evidence, &rule);
    // The time of a capture is no attribute.
    assert_eq!(rows(&evidence, &map), [modified(0, "One", "Uno")]);
    let report = evidence.report(&["--map", &map]);
    assert_eq!(report.table("evidence.csv").column("tenant_id"), [TENANT, TENANT]);
    assert_eq!(report.table("evidence.csv").column("used"), ["2", "2"]);
}

#[test]
fn a_member_tells_the_type() {
    let evidence = Evidence::new();
    for (number, name) in [(1, "One"), (2, "Uno")] {
        let of_kind = |number: usize, kind: &str| {
            let mut app = app(number, name);
            app["Kind"] = json!(kind);
            app
        };
        let objects = [of_kind(0, "SP"), of_kind(1, "App"), of_kind(2, "Device")];
        file(&evidence, number, "apps.json", &json!(objects).to_string());
    }
    let rule = "[[map]]\npath = \"**/apps.json\"\nid = \"AppId\"\ntype_member = \"Kind\"\n\
                [map.types]\nSP = \"servicePrincipal\"\nApp = \"application\"\n";
    let map = map(&evidence, &format!("{rule}{NAMES}"));
    let report = evidence.report(&["--map", &map]);
    report.assert_balanced();
    let changes = report.table("changes.csv").having("attribute", "displayName");
    assert_eq!(changes.column("object_type"), ["application", "servicePrincipal"]);
    assert_eq!(report.table("evidence.csv").column("used"), ["2", "2"]);
    assert!(report.codes().contains("map-type-unknown"), "{:?}", report.codes());
}

#[test]
fn what_cannot_be_read_by_the_map_is_said() {
    let evidence = Evidence::new();
    let mut own = app(0, "One");
    own["id"] = json!("another");
    let records = json!([own, {"AppDisplayName": "no id"}, "x", app(1, "Two")]);
    file(&evidence, 1, "apps.json", &records.to_string());
    let map = map(&evidence, &format!("{RULE}{NAMES}"));
    let report = evidence.report(&["--map", &map]);
    report.ran.clone().ended(3);
    report.assert_balanced();
    let codes = report.codes();
    for code in ["duplicate-key", "record-without-id", "not-an-object"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    assert_eq!(report.table("evidence.csv").column("used"), ["1"]);
}

#[test]
fn a_list_that_is_not_there_and_a_rule_that_fits_nothing_are_said() {
    let evidence = two_days();
    let elsewhere = RULE.replace("apps.json", "other.json");
    let rule = format!("{RULE}items = \"data\"\ntime = \"at\"\n{elsewhere}");
    let report = evidence.report(&["--map", &map(&evidence, &rule)]);
    report.ran.clone().ended(3);
    let codes = report.codes();
    for code in ["map-items-missing", "map-value", "map-unused"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let unused: Vec<_> =
        report.warnings().into_iter().filter(|(code, ..)| code == "map-unused").collect();
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert_eq!(unused[0].1, "**/other.json");
    let fits = map(&evidence, &format!("{RULE}{elsewhere}"));
    evidence.report(&["--map", &fits]).ran.ended(0);
}

#[test]
fn a_text_that_breaks_off_is_damage_and_denies_nothing() {
    let evidence = Evidence::new();
    let mut text = json!([app(0, "One"), app(1, "Two")]).to_string();
    file(&evidence, 1, "apps.json", &text);
    text.truncate(text.len() - 40);
    file(&evidence, 2, "apps.json", &text);
    let map = map(&evidence, &format!("{RULE}whole = true\n"));
    let report = evidence.report(&["--map", &map]);
    report.ran.clone().ended(3);
    assert!(report.codes().contains("truncated-json"));
    assert!(report.table("changes.csv").having("lane", "change").0.is_empty());
    assert_eq!(report.table("evidence.csv").column("used"), ["2", "1"]);
}

#[test]
fn a_large_text_is_read_in_pieces() {
    let evidence = Evidence::new();
    for (number, name) in [(1, "One"), (2, "Uno")] {
        let filler = "x".repeat(1000);
        let mut items: Vec<Value> =
            (0..20_000).map(|item| json!({"AppId": format!("a{item}"), "note": filler})).collect();
        items.insert(10_000, app(0, name));
        let text = json!({"data": {"items": items}, "tenantId": TENANT}).to_string();
        assert!(text.len() > 16 * 1024 * 1024);
        file(&evidence, number, "apps.json", &text);
    }
    let rule = format!("{RULE}items = \"data.items\"\ntenant = \"tenantId\"\n{NAMES}");
    let map = map(&evidence, &rule);
    assert_eq!(rows(&evidence, &map), [modified(0, "One", "Uno")]);
    let report = evidence.report(&["--map", &map]);
    assert_eq!(report.table("evidence.csv").column("used"), ["20001", "20001"]);
    assert_eq!(report.table("evidence.csv").column("tenant_id"), [TENANT, TENANT]);
}

#[test]
fn slips_are_usage_errors_with_file_and_line() {
    let evidence = two_days();
    for (text, line, word) in [
        (format!("{RULE}nul = \"kept\"\n"), "line 5:", "nul"),
        (RULE.replace("id = \"AppId\"\n", ""), "line 1:", "id"),
        (format!("{RULE}whole = \"yes\"\n"), "line 5:", "boolean"),
        (format!("{RULE}type_member = \"Kind\"\n"), "line 1:", "type_member"),
    ] {
        let map = map(&evidence, &text);
        for verb in ["inspect", "snapshots", "timeline", "diff"] {
            let ran = evidence.run(verb, &["--map", &map]).ended(2);
            assert!(
                [line, word, "map.toml"].iter().all(|part| ran.stderr.contains(part)),
                "{}",
                ran.stderr
            );
        }
    }
    let missing = evidence.beside("nothing.toml").into_os_string().into_string().unwrap();
    evidence.run("inspect", &["--map", &missing]).ended(2);
}

#[test]
fn the_digest_of_the_map_is_an_option_of_the_run() {
    let evidence = two_days();
    let map = map(&evidence, RULE);
    let options = evidence.report(&["--map", &map]).run_record()["options"].clone();
    assert_eq!(options["map"].as_str().unwrap().len(), 64, "{options}");
}

#[test]
fn a_case_gives_the_same_and_reads_again_for_another_map() {
    let evidence = two_days();
    let case = evidence.beside("case");
    let with_case = |paths: &[PathBuf], map: Option<&str>| {
        let mut command = command();
        command.arg("timeline").args(paths).arg("--case").arg(&case).args(["--format", "csv"]);
        if let Some(map) = map {
            command.args(["--map", map]);
        }
        lines(&Ran::of(&mut command).ended(0).rows())
    };
    let whole = [evidence.root()];
    let first = map(&evidence, &format!("{RULE}whole = true\n{NAMES}"));
    let fresh = rows(&evidence, &first);
    assert_eq!(with_case(&whole, Some(&first)), fresh);
    assert_eq!(with_case(&whole, Some(&first)), fresh);
    // The case alone knows the map, even where its file is gone.
    fs::remove_file(&first).unwrap();
    assert_eq!(with_case(&[], None), fresh);
    let other = map(&evidence, &format!("{RULE}{NAMES}"));
    let fresh_of_other = rows(&evidence, &other);
    assert_ne!(fresh_of_other, fresh);
    assert_eq!(with_case(&whole, Some(&other)), fresh_of_other);
    assert_eq!(with_case(&[], None), fresh_of_other);
    let without = lines(&evidence.rows(&[]));
    assert_eq!(with_case(&whole, None), without);
    assert_eq!(with_case(&[], None), without);
}
