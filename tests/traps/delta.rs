//! Delta pages: what changed since the last one. Whatever is not in them says nothing.

use serde_json::{Value, json};

use crate::evidence::{Evidence, context, page, people, user, with};

const GROUP: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const DELTA: &str = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=abc";

/// The last page of a round.
fn round(path: &str, items: impl IntoIterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.into_iter().collect();
    json!({"@odata.context": context(path), "@odata.deltaLink": DELTA, "value": items})
}

fn removed(id: &str, reason: &str) -> Value {
    json!({"id": id, "@removed": {"reason": reason}})
}

#[test]
fn what_a_delta_page_does_not_hold_is_no_change() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=3));
    let changed = json!({"id": "u01", "displayName": "Renamed"});
    evidence.json(2, 0, "users_delta", &round("users(id,displayName,mail)", [changed]));
    let lines = evidence.timeline();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(r#"u01 displayName: "User 1" -> "Renamed""#), "{lines:#?}");
    let report = evidence.report(&[]);
    report.assert_balanced();
    let users = report.table("coverage.csv").having("object_type", "user").having("attribute", "");
    let users = users.having("request", "");
    assert_eq!(users.column("state"), ["collected", "partial"]);
    assert!(users.0[1].get("detail").contains("delta pages"), "{users:?}");
}

#[test]
fn an_object_that_left_the_view_may_be_gone() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=3));
    let items = [removed("u01", "changed"), removed("u02", "deleted"), removed("u99", "deleted")];
    evidence.json(2, 0, "users_delta", &round("users", items));
    let rows = evidence.rows(&[]).having("change", "removed");
    let told = |column| rows.column(column);
    assert_eq!(told("object_id"), ["u01", "u02"]);
    assert_eq!(told("lane"), ["coverage", "change"]);
    assert_eq!(told("certainty"), ["unproven", "consistent"]);
    assert_eq!(told("reason"), ["delta-changed", "delta-deleted"]);
    for row in &rows.0 {
        let shown = evidence.run("show", &["--receipt", row.get("evidence_after")]).ended(0);
        assert!(shown.text().contains("@removed"));
    }
    assert_eq!(evidence.rows(&[]).0.len(), 2);
    evidence.report(&[]).assert_balanced();
}

#[test]
fn what_is_seen_again_was_not_gone_and_the_bin_knows_better() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=2));
    let items = [removed("u01", "deleted"), removed("u02", "changed")];
    evidence.json(2, 0, "users_delta", &round("users", items));
    evidence.users(3, people(1..=1));
    evidence.bin(
        3,
        30,
        [with(user("u02", "User 2"), json!({"deletedDateTime": "2026-11-02T01:00:00Z"}))],
    );
    let lines = evidence.timeline();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("softDeleted user u02"), "{lines:#?}");
}

#[test]
fn links_come_and_go_by_what_a_delta_page_says() {
    let evidence = Evidence::new();
    let group =
        |members: &Value| json!({"id": GROUP, "displayName": "G", "members@delta": members});
    evidence.list(1, "groups", [json!({"id": GROUP, "displayName": "G"})]);
    evidence.members(1, 5, GROUP, ["u01", "u02"]);
    let gone = json!({"@odata.type": "#microsoft.graph.user", "id": "u01", "@removed": {"reason": "deleted"}});
    let new = json!({"@odata.type": "#microsoft.graph.user", "id": "u03"});
    evidence.json(2, 0, "groups_delta", &round("groups", [group(&json!([gone, new]))]));
    let back = json!({"@odata.type": "#microsoft.graph.user", "id": "u01"});
    evidence.json(3, 0, "groups_delta", &round("groups", [group(&json!([back]))]));
    let mut lines = evidence.timeline();
    lines.sort();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (line, start) in lines.iter().zip(["members >u01", "members >u03", "members >u01"]) {
        assert!(line.contains(start) && line.ends_with("proven"), "{lines:#?}");
    }
    assert!(lines[2].starts_with("linkRemoved"), "{lines:#?}");
    let shown = evidence.run("show", &["--id", GROUP]).ended(0).text();
    let members: Vec<&str> =
        ["u01", "u02", "u03"].into_iter().filter(|id| shown.contains(*id)).collect();
    assert_eq!(members, ["u01", "u02", "u03"], "{shown}");
    evidence.report(&[]).assert_balanced();
}

#[test]
fn a_full_list_beside_delta_pages_keeps_its_silence() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=3));
    evidence.users(2, people(1..=2));
    evidence.json(2, 0, "users_delta", &round("users", [user("u01", "User 1")]));
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("object_id"), ["u03"]);
    assert_eq!(rows.column("certainty"), ["proven"]);
}

#[test]
fn a_chain_without_end_is_told() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=3));
    let page = page("users", people(1..=1)).next("users/delta?$skiptoken=abc");
    evidence.page(2, 0, "users_delta", &page);
    assert_eq!(evidence.timeline(), Vec::<String>::new());
    let coverage = evidence.report(&[]).table("coverage.csv").having("object_type", "user");
    assert!(
        coverage.0.iter().any(|row| row.get("detail").contains("does not end")),
        "{coverage:?}"
    );
}
