//! `diff`: the net difference between any two snapshots.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, people, user, with};
use crate::program::{Ran, Row, Rows, command};
use crate::properties::Synth;

/// Four days: names, links, assignments, deletions and returns.
fn tenant() -> Evidence {
    let evidence = Evidence::new();
    let group = "0f94820e-8042-4554-a827-57efdc8bd6cb";
    let names = ["A", "B", "A", "C"];
    let members: [&[&str]; 4] = [&["u1"], &["u1", "u2"], &["u2"], &["u2"]];
    let deleted = || {
        let time = json!({"deletedDateTime": "2026-11-01T12:00:00Z"});
        with(user("u3", "Three"), time)
    };
    for (day, (name, members)) in (1..).zip(names.iter().zip(members)) {
        let mut users = vec![user("u1", name), user("u2", "Two")];
        if day == 1 || day == 4 {
            users.push(user("u3", "Three"));
        }
        if day >= 3 {
            users.push(user("u4", "Four"));
        }
        let role = if day < 3 { "r1" } else { "r2" };
        let assignment = json!({"id": "a", "principalId": "u1", "roleDefinitionId": role, "directoryScopeId": "/"});
        evidence.users(day, users);
        evidence.list(day, "groups", [json!({"id": group, "displayName": "G"})]);
        evidence.members(day, 5, group, members.iter().copied());
        evidence.list(day, "roleManagement/directory/roleAssignments", [assignment]);
        let bin = if day == 2 || day == 3 { vec![deleted()] } else { vec![] };
        evidence.bin(day, 10, bin);
    }
    evidence
}

fn diff(evidence: &Evidence, from: &str, to: &str) -> Rows {
    evidence.run("diff", &["--from", from, "--to", to, "--format", "csv"]).ended(0).rows()
}

/// Kind and content of a row without its times.
pub(crate) fn essence(row: &Row) -> Vec<String> {
    [
        "object_type",
        "object_id",
        "attribute",
        "target_id",
        "change",
        "before",
        "after",
        "added",
        "removed",
    ]
    .map(|column| row.get(column).to_owned())
    .to_vec()
}

/// The essence of the row that takes the change back.
fn inverse(row: &Row) -> Vec<String> {
    let kind = match row.get("change") {
        "added" => "removed",
        "removed" | "hardDeleted" => "added",
        "softDeleted" => "restored",
        "restored" => "softDeleted",
        "linkAdded" => "linkRemoved",
        "linkRemoved" => "linkAdded",
        other => other,
    };
    let mut essence = essence(row);
    essence[4] = kind.to_owned();
    essence.swap(5, 6);
    essence.swap(7, 8);
    essence
}

/// The rows forwards and backwards say the same thing.
#[track_caller]
fn assert_inverse(forward: &Rows, backward: &Rows) {
    let told = |row: &&Row| row.get("change") != "firstObserved" && row.get("lane") == "change";
    let same = |mut rows: Vec<Vec<String>>| {
        // A hard delete taken back is an added object, which taken back again is a removed one.
        for row in &mut rows {
            if row[4] == "hardDeleted" {
                row[4] = "removed".to_owned();
            }
        }
        rows.sort();
        rows
    };
    let expected = same(forward.0.iter().filter(told).map(inverse).collect());
    let found = same(backward.0.iter().filter(told).map(essence).collect());
    let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).take(5).collect();
    let extra: Vec<_> = found.iter().filter(|row| !expected.contains(row)).take(5).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
    assert_eq!(expected.len(), found.len());
}

#[test]
fn a_snapshot_does_not_differ_from_itself() {
    let evidence = tenant();
    for snapshot in ["1", "2", "3", "4"] {
        assert!(diff(&evidence, snapshot, snapshot).0.is_empty());
    }
    let synth = Synth::of(11);
    assert!(synth.diff("2", "2").0.is_empty());
}

#[test]
fn two_snapshots_that_follow_each_other_differ_as_the_timeline_says() {
    let evidence = tenant();
    for (from, to) in
        [("2026-11-01", "2026-11-02"), ("2026-11-02", "2026-11-03"), ("2026-11-03", "2026-11-04")]
    {
        assert_eq!(diff(&evidence, from, to), evidence.rows(&[]).having("to_snapshot", to));
    }
}

#[test]
fn there_and_back_again_is_no_difference() {
    let evidence = tenant();
    let rows = diff(&evidence, "1", "3");
    assert!(rows.having("attribute", "displayName").0.is_empty(), "{:#?}", rows.lines());
    let rows = diff(&evidence, "1", "4");
    assert!(rows.having("object_id", "u3").0.is_empty(), "{:#?}", rows.lines());
    let name = rows.having("attribute", "displayName");
    assert_eq!((name.column("before"), name.column("after")), (vec![r#""A""#], vec![r#""C""#]));
}

#[test]
fn several_steps_are_one_difference() {
    let rows = diff(&tenant(), "1", "4");
    let brief: Vec<String> = rows
        .0
        .iter()
        .map(|row| {
            ["change", "object_type", "object_id", "attribute", "target_id"]
                .map(|c| row.get(c))
                .join(" ")
        })
        .collect();
    let mut sorted = brief.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "added unifiedRoleAssignment u1|r2|/|  r2",
            "added user u4  ",
            "linkAdded group 0f94820e-8042-4554-a827-57efdc8bd6cb members u2",
            "linkRemoved group 0f94820e-8042-4554-a827-57efdc8bd6cb members u1",
            "modified user u1 displayName ",
            "removed unifiedRoleAssignment u1|r1|/|  r1",
        ]
    );
}

#[test]
fn added_and_removed_in_between_is_no_difference() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..3)).users(2, people(1..4)).users(3, people(1..3)).bin(3, 10, []);
    assert_eq!(evidence.timeline().len(), 2);
    assert!(diff(&evidence, "1", "3").0.is_empty());
}

#[test]
fn an_object_that_came_has_no_rows_for_its_attributes() {
    let evidence = Evidence::new();
    let mut later = people(1..4);
    later[2]["displayName"] = json!("Renamed");
    evidence.users(1, people(1..3)).users(2, people(1..4)).users(3, later);
    let rows = diff(&evidence, "1", "3");
    assert_eq!((rows.column("change"), rows.column("object_id")), (vec!["added"], vec!["u03"]));
}

#[test]
fn reversed_it_says_the_inverse() {
    let evidence = tenant();
    for (from, to) in [("1", "2"), ("1", "3"), ("1", "4"), ("2", "4")] {
        let (forward, backward) = (diff(&evidence, from, to), diff(&evidence, to, from));
        assert!(!forward.0.is_empty());
        assert_inverse(&forward, &backward);
    }
}

#[test]
fn reversed_over_a_synthetic_tenant_it_says_the_inverse() {
    for seed in [3, 12] {
        let synth = Synth::of(seed);
        let (forward, backward) = (synth.diff("1", "-1"), synth.diff("-1", "1"));
        assert!(!forward.0.is_empty());
        assert_inverse(&forward, &backward);
    }
}

#[test]
fn snapshots_are_named_by_label_prefix_index_and_service_id() {
    let evidence = tenant();
    let expected = diff(&evidence, "2026-11-02", "2026-11-04");
    assert!(!expected.0.is_empty());
    // 2026-11-04T03:30:00Z, as the service writes it: base64 of the time.
    let service = "MjAyNi0xMS0wNFQwMzozMDowMFo=";
    for (from, to) in
        [("2", "4"), ("-3", "-1"), ("2026-11-02T03", "2026-11-04T03:00:00Z"), ("2", service)]
    {
        assert_eq!(diff(&evidence, from, to), expected, "{from} {to}");
    }
    assert_eq!(evidence.run("diff", &["--format", "csv"]).rows(), diff(&evidence, "1", "-1"));
    assert_eq!(diff(&evidence, "2026-11-02", "-1"), expected);
    for unknown in ["5", "0", "-5", "2026-11", "yesterday"] {
        let ran = evidence.run("diff", &["--from", unknown]).ended(2);
        assert!(ran.stderr.contains(unknown), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
}

#[test]
fn all_formats_hold_the_same_rows() {
    let evidence = tenant();
    let rows = diff(&evidence, "1", "4");
    let list = evidence.run("diff", &["--format", "json"]).ended(0).json();
    let ids: Vec<&str> =
        list.as_array().unwrap().iter().map(|row| row["change_id"].as_str().unwrap()).collect();
    assert_eq!(ids, rows.column("change_id"));
    let table = evidence.run("diff", &[]).ended(0).text();
    assert!(table.contains("displayName") && table.contains("members + added"), "{table}");
}

#[test]
fn the_change_list_of_the_service_is_valid_json_and_says_what_a_recovery_does() {
    let evidence = tenant();
    let graph = evidence.run("diff", &["--format", "graph"]).ended(0).json();
    assert!(graph["@odata.context"].as_str().unwrap().contains("/recoveryPreviewJobs/"));
    let items = graph["value"].as_array().unwrap();
    let by_id: BTreeMap<&str, &Value> =
        items.iter().map(|item| (item["id"].as_str().unwrap(), item)).collect();
    assert_eq!(by_id["u1"]["recoveryAction"], "update");
    assert_eq!(by_id["u1"]["deltaFromCurrent"]["displayName"], "A");
    assert_eq!(by_id["u1"]["currentState"]["displayName"], "C");
    assert_eq!(by_id["u4"]["recoveryAction"], "softDelete");
    let synth = Synth::of(5);
    let run = Ran::of(command().arg("diff").arg(&synth.folder).args(["--format", "graph"]))
        .ended(synth.code());
    assert!(run.json()["value"].is_array());
}

#[test]
fn scopes_narrow_the_difference() {
    let evidence = tenant();
    let scoped = |options: &[&str]| {
        let ran = evidence.run("diff", &[&["--format", "csv"], options].concat()).ended(0);
        ran.rows().0.len()
    };
    let all = scoped(&[]);
    assert_eq!(
        scoped(&["--type", "user"])
            + scoped(&["--type", "GROUP", "--type", "unifiedRoleAssignment"]),
        all
    );
    assert_eq!(scoped(&["--id", "u1"]), 4);
    assert_eq!(scoped(&["--attribute", "display*"]), 1);
    assert_eq!(scoped(&["--tenant", TENANT]), all);
    assert_eq!(scoped(&["--tenant", "other"]), 0);
    assert_eq!(scoped(&["--lane", "coverage"]), 0);
    assert_eq!(scoped(&["--certainty", "proven"]), all);
}
