//! Files, times, snapshots and tenants.

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, page, people, user, with};
use crate::program::{Rows, command, run};

fn text(path: &str, items: impl IntoIterator<Item = Value>) -> String {
    page(path, items).counted().json().to_string()
}

#[test]
fn order_pages_and_file_names_do_not_matter() {
    let devices = |numbers: &[u32]| {
        numbers
            .iter()
            .map(|n| json!({"id": format!("d{n}"), "displayName": format!("PC {n}")}))
            .collect::<Vec<_>>()
    };
    let plain = Evidence::new();
    plain.page(1, 0, "devices", &page("devices", devices(&[1, 2, 3])).count(6).followed());
    plain.page(1, 1, "devices", &page("devices", devices(&[4, 5, 6])));
    plain.page(2, 0, "devices", &page("devices", devices(&[2, 3])).count(5).followed());
    let renamed = with(devices(&[4])[0].clone(), json!({"displayName": "Renamed"}));
    let mut last = devices(&[5, 7]);
    last.insert(0, renamed.clone());
    plain.page(2, 1, "devices", &page("devices", last));

    let shuffled = Evidence::new();
    shuffled.page(1, 0, "zz", &page("devices", devices(&[6, 1, 4])).count(6).followed());
    shuffled.page(1, 1, "aa", &page("devices", devices(&[3, 5, 2])));
    let mut first = devices(&[7, 3]);
    first.insert(1, renamed);
    shuffled.page(2, 0, "export of devices", &page("devices", first).count(5).followed());
    shuffled.page(2, 1, "devices-2", &page("devices", devices(&[5, 2])));

    let one = plain.report(&[]).table("changes.csv");
    let other = shuffled.report(&[]).table("changes.csv");
    assert_eq!(one.column("change"), ["removed", "modified", "removed", "added"]);
    let bare = |rows: &Rows| {
        rows.0
            .iter()
            .map(|row| row.without(&["evidence_before", "evidence_after"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(bare(&one), bare(&other));
    assert_eq!(one.column("change_id"), other.column("change_id"));
}

#[test]
fn overlapping_captures_that_disagree_are_a_conflict() {
    let named = |evidence: &Evidence, name: &str| {
        evidence.page(
            2,
            0,
            "users",
            &page("users(id,displayName)", [json!({"id": "u1", "displayName": name})]),
        );
    };
    for (after, expected) in [
        ("A", vec![]),
        ("B", vec![]),
        (
            "C",
            vec![
                r#"modified user u1 displayName: "B" -> "C" (11-01T03:00..11-02T03:00) change consistent conflict"#,
            ],
        ),
    ] {
        let evidence = Evidence::new();
        evidence.page(
            1,
            0,
            "one",
            &page("users(id,displayName)", [json!({"id": "u1", "displayName": "A"})]),
        );
        evidence.page(
            1,
            0,
            "two",
            &page("users(displayName,id)", [json!({"id": "u1", "displayName": "B"})]),
        );
        named(&evidence, after);
        let rows = evidence.timeline();
        let either = expected
            .iter()
            .map(|row: &&str| row.replace(r#""B" ->"#, r#""A" ->"#))
            .collect::<Vec<_>>();
        assert!(rows == expected || rows == either, "{after}: {rows:#?}");
    }
}

#[test]
fn a_conflict_within_a_snapshot_is_said() {
    let evidence = Evidence::new();
    for (select, name) in [("id,displayName", "A"), ("displayName,id", "B")] {
        let items = [json!({"id": "u1", "displayName": name})];
        evidence.page(1, 0, name, &page(&format!("users({select})"), items));
    }
    assert!(evidence.report(&[]).codes().contains("conflict-in-snapshot"));
}

#[test]
fn evidence_without_tenant_is_said() {
    let evidence = Evidence::new();
    for day in ["2026-11-01", "2026-11-02"] {
        evidence.file(format!("{day}/users.json"), text("users", [user("u1", "A")]));
    }
    assert!(evidence.report(&[]).codes().contains("tenant-unknown"));
}

#[test]
fn captures_that_follow_each_other_on_one_day_are_successive_observations() {
    let evidence = Evidence::new();
    evidence.page(1, 0, "users", &page("users", [user("u1", "A")]).counted());
    let later = page("users(id,displayName)", [json!({"id": "u1", "displayName": "B"})]);
    evidence.page(1, 30, "users", &later);
    assert_eq!(
        evidence.timeline(),
        [r#"modified user u1 displayName: "A" -> "B" (11-01T03:00..11-01T03:30) change proven"#]
    );
}

#[test]
fn snapshots_are_named_by_hand() {
    let evidence = Evidence::new();
    evidence.file("a/users.json", text("users", [user("u1", "A")]));
    evidence.file("b/users.json", text("users", [user("u1", "B")]));
    let ran = |early: &str, late: &str| {
        let root = evidence.root();
        let early = format!("{early}={}", root.join("a").display());
        let late = format!("{late}={}", root.join("b").display());
        let arguments = ["--snapshot", &early, "--snapshot", &late, "--format", "csv"];
        evidence.run("timeline", &arguments).ended(0).rows()
    };
    let rows = ran("before@2026-11-02T03:00:00Z", "after@2026-11-05T04:00:00Z");
    assert_eq!(
        rows.lines(),
        [r#"modified user u1 displayName: "A" -> "B" (11-02T03:00..11-05T04:00) change proven"#]
    );
    assert_eq!((rows.0[0].get("from_snapshot"), rows.0[0].get("to_snapshot")), ("before", "after"));
    let rows = ran("after@2026-11-05T04:00:00Z", "before@2026-11-02T03:00:00Z");
    assert_eq!(
        rows.lines(),
        [r#"modified user u1 displayName: "B" -> "A" (11-02T03:00..11-05T04:00) change proven"#]
    );
    let rows = ran("A", "B");
    assert_eq!(rows.lines(), [r#"modified user u1 displayName: "A" -> "B" (..) change proven"#]);
    assert_eq!((rows.0[0].get("from_snapshot"), rows.0[0].get("to_snapshot")), ("A", "B"));
}

#[test]
fn untimed_evidence_is_one_snapshot_for_each_argument() {
    let evidence = Evidence::new();
    evidence.file("a/users.json", text("users", [user("u1", "A")]));
    evidence.file("b/users.json", text("users", [user("u1", "B")]));
    let folder = |name: &str| evidence.root().join(name).into_os_string();
    let arguments = |paths: [&str; 2]| {
        [vec!["timeline".into()], paths.map(folder).to_vec(), vec!["--format".into(), "csv".into()]]
            .concat()
    };
    let rows = run(arguments(["a", "b"])).ended(0).rows();
    assert_eq!(rows.lines(), [r#"modified user u1 displayName: "A" -> "B" (..) change proven"#]);
    assert_eq!(run(arguments(["b", "a"])).ended(0).rows(), rows);
    let together = evidence.run("inspect", &["--json"]).ended(0).json();
    assert_eq!(together["snapshots"].as_array().unwrap().len(), 1);
    let codes: Vec<&str> = together["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"time-unknown"), "{codes:?}");
}

#[test]
fn a_stamp_without_zone_is_an_interval_unless_the_zone_is_given() {
    let evidence = Evidence::new();
    for (day, name) in [("20261101-030000", "A"), ("20261103-030000", "B")] {
        evidence.file(format!("{TENANT}/{day}/users.json"), text("users", [user("u1", name)]));
    }
    let row = |window: &str| {
        format!(r#"modified user u1 displayName: "A" -> "B" ({window}) change proven"#)
    };
    assert_eq!(evidence.timeline(), [row("10-31T13:00..11-03T17:00")]);
    assert_eq!(
        evidence.rows(&["--evidence-tz", "Europe/Berlin"]).lines(),
        [row("11-01T02:00..11-03T02:00")]
    );
}

#[test]
fn a_bare_date_is_a_whole_day() {
    let evidence = Evidence::new();
    for (day, name) in [("2026-11-01", "A"), ("2026-11-02", "B")] {
        evidence.file(format!("{TENANT}/{day}/users.json"), text("users", [user("u1", name)]));
    }
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 displayName: "A" -> "B" (11-01T00:00..11-02T23:59:59Z) change proven"#
        ]
    );
}

#[test]
fn captures_without_folder_are_parted_by_six_hours() {
    let evidence = Evidence::new();
    for (stamp, name) in
        [("20261101T030000Z", "A"), ("20261101T080000Z", "B"), ("20261101T140000Z", "C")]
    {
        evidence.file(format!("users_{stamp}.json"), text("users", [user("u1", name)]));
    }
    let snapshots = evidence.run("snapshots", &["--json"]).ended(0).json();
    let labels: Vec<&str> =
        snapshots.as_array().unwrap().iter().map(|s| s["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["2026-11-01T03:00:00Z", "2026-11-01T14:00:00Z"]);
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 displayName: "A" -> "B" (11-01T03:00..11-01T08:00) change proven"#,
            r#"modified user u1 displayName: "B" -> "C" (11-01T08:00..11-01T14:00) change proven"#,
        ]
    );
}

#[test]
fn two_tenants_stay_apart() {
    let evidence = Evidence::new();
    let other = "99999999-2222-4333-8444-555555555555";
    evidence
        .users(1, [user("u1", "A"), user("u2", "B")])
        .users(2, [user("u1", "A"), user("u2", "B")]);
    for (day, name) in [(1, "X"), (2, "Y")] {
        let name = format!(
            "{other}/{}/users_{}.json",
            crate::evidence::day(day),
            crate::evidence::stamp(day, 0)
        )
        .replace("NAME", name);
        evidence.file(name, text("users", [user("u1", if day == 1 { "X" } else { "Y" })]));
    }
    let rows = evidence.rows(&[]);
    assert_eq!(
        rows.lines(),
        [r#"modified user u1 displayName: "X" -> "Y" (11-01T03:00..11-02T03:00) change proven"#]
    );
    assert_eq!(rows.column("tenant_id"), [other]);
    assert_eq!(evidence.rows(&["--tenant", TENANT]).lines(), [""; 0]);
    assert_eq!(evidence.rows(&["--tenant", other]).lines().len(), 1);
}

#[test]
fn the_organization_names_the_tenant_of_its_whole_snapshot() {
    let evidence = Evidence::new();
    for (day, name) in [("2026-11-01", "A"), ("2026-11-02", "B")] {
        let organization = [json!({"id": TENANT.to_uppercase(), "displayName": "Woodgrove"})];
        evidence.file(format!("{day}/organization.json"), text("organization", organization));
        evidence.file(format!("{day}/users.json"), text("users", [user("u1", name)]));
    }
    assert_eq!(evidence.rows(&[]).column("tenant_id"), [TENANT]);
}

#[test]
fn one_snapshot_is_no_error() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..5)).bin(
        1,
        10,
        [with(user("u9", "Gone"), json!({"deletedDateTime": "2026-10-30T12:00:00Z"}))],
    );
    assert_eq!(evidence.run("timeline", &["--format", "csv"]).ended(0).rows().lines(), [""; 0]);
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    assert!(report.codes().contains("single-snapshot"));
    let objects = report.table("objects.csv");
    assert_eq!(objects.having("object_id", "u9").column("state"), ["deleted"]);
    assert_eq!(objects.having("object_id", "u01").column("state"), ["live"]);
}

#[test]
fn a_file_named_twice_is_one_exhibit() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..3)).users(2, people(1..3));
    let root = evidence.root();
    let twice =
        command().args(["snapshots", "--json"]).arg(&root).arg(root.join(TENANT)).output().unwrap();
    let snapshots: Value = serde_json::from_slice(&twice.stdout).unwrap();
    let exhibits: u64 =
        snapshots.as_array().unwrap().iter().map(|s| s["exhibits"].as_u64().unwrap()).sum();
    assert_eq!(exhibits, 2);
}

#[test]
fn an_exporter_tree_is_one_list_for_each_folder() {
    let evidence = Evidence::new();
    for (day, ids) in [("2026-11-01", vec!["u1", "u2"]), ("2026-11-02", vec!["u1"])] {
        for id in ids {
            let name = format!("{TENANT}/{day}/Users/{id}/{id}.json");
            evidence.file(name, user(id, id).to_string());
        }
    }
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("object_id"), ["u2"]);
    assert_eq!(rows.column("change"), ["removed"]);
    assert!(!rows.column("certainty").contains(&"proven"), "{:?}", rows.lines());
}

#[test]
fn a_capture_that_holds_what_was_created_later_is_said() {
    let evidence = Evidence::new();
    let late = with(user("u9", "Late"), json!({"createdDateTime": "2026-11-05T10:00:00Z"}));
    evidence.users(1, people(1..9));
    evidence.users(2, people(1..9).into_iter().chain([late]));
    let report = evidence.report(&[]);
    let warnings = report.table("warnings.csv").having("code", "time-contradicted");
    let [message] = warnings.column("message")[..] else { panic!("{warnings:?}") };
    assert!(warnings.column("path")[0].contains("20261102"), "{warnings:?}");
    assert!(message.contains("an object created later"), "{message}");
    assert!(message.contains("2026-11-05T10:00:00Z"), "{message}");
    assert!(report.table("changes.csv").0.iter().all(|row| row.get("narrowed_from").is_empty()));
}

#[test]
fn a_time_that_the_data_deny_is_said() {
    let evidence = Evidence::new();
    let export = json!({"baseline_version": "1", "timestamp_zulu": "2026-11-05T10:00:00Z",
        "tenant_details": [{"TenantId": TENANT}], "conditional_access_policies": []});
    evidence.file("a/ProviderSettingsExport.json", export.to_string());
    let named = format!("first@2026-11-01T00:00:00Z={}", evidence.root().join("a").display());
    let report = evidence.report(&["--snapshot", &named]);
    let said = report.warnings();
    assert!(said.iter().any(|(code, ..)| code == "time-contradicted"), "{said:?}");
    assert_eq!(report.table("snapshots.csv").column("captured_from"), ["2026-11-05T10:00:00Z"]);
}
