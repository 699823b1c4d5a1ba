//! Files of exporters as they lie on disk, and what stands beside them.

use serde_json::{Value, json};

use super::{ID, file, intune, migration_table, policy, resource, rows};
use crate::archives::zip;
use crate::evidence::{Evidence, context, day};

const OTHER: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const GROUP: &str = "dddddddd-0000-4000-8000-000000000001";

fn user(id: &str, city: &str) -> Value {
    json!({"id": id, "userPrincipalName": format!("{id}@contoso.com"), "displayName": "A", "city": city})
}

fn city(id: &str) -> String {
    format!("{id} modified city \"Bern\" \"Basel\" change proven")
}

#[test]
fn pages_of_zero_trust_assessment_are_pages_of_graph() {
    let evidence = Evidence::new();
    for (number, city) in [(1, "Bern"), (2, "Basel")] {
        let page = |items: &[Value]| json!({"@odata.context": context("users"), "value": items});
        let mut first = page(&[user(ID, city)]);
        first["@odata.nextLink"] = json!("https://graph.microsoft.com/v1.0/users?$skiptoken=a");
        file(&evidence, number, "zt-export/User/User-0.json", &first);
        file(&evidence, number, "zt-export/User/User-1.json", &page(&[user(OTHER, "Chur")]));
    }
    assert_eq!(rows(&evidence), [city(ID)]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("objects.csv").column("object_type"), ["user", "user"]);
}

#[test]
fn a_zip_of_one_object_per_file_goes_by_its_folders() {
    let evidence = Evidence::new();
    for (number, city) in [(1, "Bern"), (2, "Basel")] {
        let member = |path: &str, value: &Value| (path.to_owned(), value.to_string().into_bytes());
        let group = json!({"id": GROUP, "displayName": "G", "securityEnabled": number == 1});
        let state = if number == 1 { "enabled" } else { "disabled" };
        let bytes = zip(&[
            member("Users/A.json", &user(ID, city)),
            member("Groups/G.json", &group),
            member("ConditionalAccessPolicies/P.json", &policy(Some(OTHER), "P", state)),
        ]);
        evidence.file(format!("{}.zip", day(number)), bytes);
    }
    assert_eq!(
        rows(&evidence),
        [
            city(ID),
            format!("{OTHER} modified state \"enabled\" \"disabled\" change proven"),
            format!("{GROUP} modified securityEnabled true false change proven"),
        ]
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    let objects = report.table("objects.csv");
    let mut types = objects.column("object_type");
    types.sort_unstable();
    assert_eq!(types, ["conditionalAccessPolicy", "group", "user"]);
}

#[test]
fn lists_of_the_command_line_go_by_the_command() {
    for name in ["users.json", "az_ad_user_list.json"] {
        let evidence = Evidence::new();
        file(&evidence, 1, name, &json!([user(ID, "Bern"), user(OTHER, "Chur")]));
        file(&evidence, 2, name, &json!([user(ID, "Basel"), user(OTHER, "Chur")]));
        assert_eq!(rows(&evidence), [city(ID)], "{name}");
        let report = evidence.report(&[]);
        report.assert_balanced();
        assert_eq!(report.table("objects.csv").column("object_type"), ["user", "user"]);
    }
}

#[test]
fn a_migration_table_names_targets_that_no_list_names() {
    let evidence = Evidence::new();
    let members = |ids: &[&str]| {
        let items: Vec<Value> = ids
            .iter()
            .map(|id| json!({"@odata.type": "#microsoft.graph.group", "id": id}))
            .collect();
        json!({"@odata.context": context("directoryObjects"), "value": items})
    };
    let name = format!("groups/{GROUP}/members.json");
    let groups = json!({"@odata.context": context("groups"), "value": [{"id": GROUP, "displayName": "Own"}]});
    for number in [1, 2] {
        file(&evidence, number, "groups.json", &groups);
        file(&evidence, number, "MigrationTable.json", &migration_table());
    }
    file(&evidence, 1, &name, &members(&[OTHER]));
    file(&evidence, 2, &name, &members(&[OTHER, ID]));
    let found = evidence.rows(&[]);
    assert_eq!(found.column("change"), ["linkAdded"], "{found:?}");
    assert_eq!(found.column("target_id"), [ID]);
    assert_eq!(found.column("target_name"), ["G"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("objects.csv").column("object_id"), [GROUP]);
}

#[test]
fn one_id_with_two_contents_in_a_snapshot_is_a_conflict() {
    let evidence = Evidence::new();
    let put = |number: i64, name: &str, state: &str| {
        let path = format!("ConditionalAccess/{name}.json");
        file(&evidence, number, &path, &intune("P", state));
    };
    put(1, "P", "enabled");
    put(1, "Copy of P", "disabled");
    // One of the two old values is still there: nothing tells that anything changed.
    put(2, "P", "disabled");
    put(3, "P", "enabledForReportingButNotEnforced");
    let found = evidence.rows(&[]);
    let told = |column: &str| found.column(column);
    assert_eq!(told("attribute"), ["state"], "{found:?}");
    assert_eq!(told("before"), ["\"disabled\""]);
    assert_eq!(told("after"), ["\"enabledForReportingButNotEnforced\""]);
    assert_eq!(told("from_snapshot"), [day(2)]);
    let inspected = evidence.run("inspect", &["--json"]);
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    let conflicts = inspected["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(conflicts[0]["attribute"], "state");
    assert_eq!(conflicts[0]["object_id"], ID);
    assert_eq!(conflicts[0]["snapshot"], day(1));
    let mut values: Vec<&str> = conflicts[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["value"].as_str().unwrap())
        .collect();
    values.sort_unstable();
    assert_eq!(values, ["disabled", "enabled"]);
}

#[test]
fn the_tool_is_named_where_the_format_tells_it() {
    let payload = super::snapshot(&[resource("P", "enabled", None)]);
    let report = json!([resource("P", "enabled", None)]);
    for (name, value, tool) in [
        ("snapshot.json", payload, "tenant configuration management APIs"),
        ("report.json", report, "Microsoft365DSC"),
        ("MigrationTable.json", migration_table(), "IntuneManagement"),
        ("P.json", intune("P", "enabled"), "IntuneManagement"),
        ("users.json", json!([user(ID, "Bern")]), ""),
    ] {
        let evidence = Evidence::new();
        file(&evidence, 1, name, &value);
        assert_eq!(evidence.report(&[]).table("evidence.csv").column("tool"), [tool], "{name}");
    }
}
