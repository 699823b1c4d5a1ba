//! Presence: what was not collected was not removed, and what was cleared was not merely not collected.

use serde_json::{Value, json};

use crate::evidence::{Evidence, page, people, user, with};

#[test]
fn a_type_that_is_absent_on_the_middle_day_removes_nothing() {
    let evidence = Evidence::new();
    for day in 1..4 {
        evidence.list(day, "groups", [json!({"id": "g1", "displayName": "G"})]);
        if day != 2 {
            evidence.users(day, people(1..4));
        }
    }
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(evidence.lane("coverage"), [""; 0]);
    let coverage = evidence.report(&[]).table("coverage.csv");
    let users = coverage.having("object_type", "user").having("attribute", "");
    let state = users.having("snapshot", "2026-11-02");
    assert_eq!(state.column("state"), ["not requested"]);
}

#[test]
fn a_type_that_is_absent_on_the_last_day_removes_nothing() {
    let evidence = Evidence::new();
    for day in 1..3 {
        evidence.list(day, "groups", [json!({"id": "g1", "displayName": "G"})]);
    }
    evidence.users(1, people(1..4));
    assert_eq!(evidence.timeline(), [""; 0]);
    let objects = evidence.report(&[]).table("objects.csv").having("object_type", "user");
    assert_eq!(objects.column("last_snapshot"), ["2026-11-01"; 3]);
    assert!(!objects.column("state").contains(&"gone"));
}

#[test]
fn a_select_that_grows_changes_nobody() {
    let evidence = Evidence::new();
    evidence.list(
        1,
        "users(id,displayName)",
        [json!({"id": "u1", "displayName": "A"}), json!({"id": "u2", "displayName": "B"})],
    );
    evidence.list(
        2,
        "users(id,displayName,department,showInAddressList)",
        [
            json!({"id": "u1", "displayName": "A", "department": null, "showInAddressList": false}),
            json!({"id": "u2", "displayName": "B", "department": "X", "showInAddressList": false}),
        ],
    );
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(
        evidence.rows(&["--lane", "coverage"]).lines(),
        ["firstObserved user  department (..11-02T03:00) coverage unproven first-collected x1"]
    );
    let schema = evidence.rows(&["--lane", "schema"]);
    assert_eq!(schema.column("attribute"), ["department", "showInAddressList"]);
    assert_eq!(schema.column("reason"), ["schema-default"; 2]);
    assert_eq!(schema.column("objects"), ["1", "2"]);
}

#[test]
fn a_select_that_shrinks_clears_nothing() {
    let evidence = Evidence::new();
    let titled = [json!({"id": "u1", "displayName": "A", "jobTitle": "Clerk"})];
    evidence.list(1, "users(id,displayName,jobTitle)", titled);
    evidence.list(2, "users(id,displayName)", [json!({"id": "u1", "displayName": "A"})]);
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(evidence.lane("coverage"), [""; 0]);
}

#[test]
fn asked_for_by_name_and_absent_is_empty() {
    let evidence = Evidence::new();
    let path = "users(id,displayName,jobTitle)";
    evidence.list(1, path, [json!({"id": "u1", "displayName": "A", "jobTitle": "Clerk"})]);
    evidence.list(2, path, [json!({"id": "u1", "displayName": "A"})]);
    assert_eq!(
        evidence.timeline(),
        [concat!(
            r#"modified user u1 jobTitle: "Clerk" ->  (11-01T03:00..11-02T03:00) "#,
            "change consistent absent-though-asked"
        )]
    );
}

fn app(members: Value) -> Value {
    with(json!({"id": "a1", "displayName": "App"}), members)
}

fn secret() -> Value {
    json!({"passwordCredentials": [{"displayName": "s", "keyId": "k1"}]})
}

#[test]
fn the_only_credential_of_the_only_app_is_removed_where_nulls_are_kept() {
    let list = r#"[{"displayName":"s","keyId":"k1"}]"#;
    let row = format!(
        "modified application a1 passwordCredentials: {list} ->  -{list} (11-01T03:00..11-02T03:00) change proven"
    );
    let graph = Evidence::new();
    graph.list(1, "applications", [app(secret())]).list(
        2,
        "applications",
        [app(json!({"passwordCredentials": []}))],
    );
    assert_eq!(graph.timeline(), [row.as_str()]);
    let array = Evidence::new();
    array.json(1, 0, "applications", &json!([app(secret())]));
    array.json(2, 0, "applications", &json!([app(json!({"passwordCredentials": []}))]));
    assert_eq!(array.timeline(), [row.as_str()]);
}

#[test]
fn the_only_credential_of_the_only_app_is_possibly_cleared_where_nulls_are_dropped() {
    let evidence = Evidence::new();
    evidence.json(1, 0, "applications", &json!([app(secret())]));
    evidence.json(2, 0, "applications", &json!([app(json!({}))]));
    let rows = evidence.rows(&["--lane", "coverage"]);
    assert_eq!(rows.0.len(), 1, "{:#?}", rows.lines());
    let row = &rows.0[0];
    assert_eq!((row.get("change"), row.get("object_id")), ("modified", "a1"));
    assert_eq!(row.get("attribute"), "passwordCredentials");
    assert_eq!(
        (row.get("before"), row.get("after")),
        (r#"[{"displayName":"s","keyId":"k1"}]"#, "")
    );
    assert_eq!((row.get("certainty"), row.get("reason")), ("unproven", "possibly-cleared"));
    assert_eq!(row.get("not_before"), "2026-11-01T03:00:00Z");
    assert_eq!(row.get("not_after"), "2026-11-02T03:00:00Z");
}

#[test]
fn an_attribute_gone_from_every_object_of_a_format_that_drops_nulls_is_said_once() {
    let evidence = Evidence::new();
    let cities = people(1..6).into_iter().map(|user| with(user, json!({"city": "Kiel"})));
    evidence.json(1, 0, "users", &cities.collect());
    evidence.json(2, 0, "users", &people(1..6).into_iter().collect());
    assert_eq!(evidence.timeline(), [""; 0]);
    let rows = evidence.rows(&["--lane", "coverage"]);
    assert_eq!(rows.column("attribute"), ["city"]);
    assert_eq!(rows.column("reason"), ["attribute-gone-from-type"]);
    assert_eq!(rows.column("objects"), ["5"]);
    assert_eq!(rows.column("object_id"), [""]);
}

#[test]
fn a_value_that_appears_in_a_format_that_drops_nulls_is_consistent_if_others_had_one() {
    let evidence = Evidence::new();
    let city = |id: &str| with(user(id, "N"), json!({"city": "Kiel"}));
    evidence.json(1, 0, "users", &json!([city("u1"), user("u2", "N")]));
    evidence.json(2, 0, "users", &json!([city("u1"), city("u2")]));
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u2 city:  -> "Kiel" (11-01T03:00..11-02T03:00) change consistent appeared"#
        ]
    );
}

#[test]
fn an_error_body_is_coverage_and_no_removal() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..4));
    evidence.list(1, "groups", [json!({"id": "g1", "displayName": "G"})]);
    evidence.list(2, "groups", [json!({"id": "g1", "displayName": "G"})]);
    let refusal = json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
    evidence.json(2, 0, "users", &refusal);
    assert_eq!(evidence.timeline(), [""; 0]);
    let report = evidence.report(&[]);
    assert_eq!(report.run_record()["records"]["set_aside"], json!({"error-body": 1}));
    let users = report.table("coverage.csv").having("object_type", "user").having("attribute", "");
    let users = users.having("request", "");
    assert_eq!(users.having("snapshot", "2026-11-02").column("state"), ["denied"]);
    report.assert_balanced();
}

#[test]
fn a_missing_singleton_is_coverage() {
    let evidence = Evidence::new();
    let policy = json!({
        "@odata.context": crate::evidence::context("policies/authorizationPolicy/$entity"),
        "id": "authorizationPolicy", "displayName": "P", "allowInvitesFrom": "everyone",
    });
    evidence.users(1, people(1..3)).users(2, people(1..3));
    evidence.json(1, 1, "policies_authorizationPolicy", &policy);
    assert_eq!(evidence.timeline(), [""; 0]);
    let coverage =
        evidence.report(&[]).table("coverage.csv").having("object_type", "authorizationPolicy");
    let together = coverage.having("attribute", "").having("request", "");
    assert_eq!(together.column("state"), ["collected", "not requested"]);
}

#[test]
fn a_singleton_exported_with_and_without_its_id_is_one_object() {
    let evidence = Evidence::new();
    let policy = |members: Value, from: &str| {
        let context = crate::evidence::context("policies/authorizationPolicy/$entity");
        with(json!({"@odata.context": context, "allowInvitesFrom": from}), members)
    };
    let name = "policies_authorizationPolicy";
    evidence.json(1, 0, name, &policy(json!({"id": "authorizationPolicy"}), "everyone"));
    evidence.json(2, 0, name, &policy(json!({}), "none"));
    assert_eq!(
        evidence.timeline(),
        [concat!(
            r#"modified authorizationPolicy authorizationPolicy allowInvitesFrom: "everyone" -> "none" "#,
            "(11-01T03:00..11-02T03:00) change proven"
        )]
    );
}

#[test]
fn records_that_nothing_identifies_are_set_aside_by_name() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..3));
    let nameless =
        json!({"@odata.context": crate::evidence::context("users/$entity"), "displayName": "Who"});
    evidence.json(1, 1, "someone", &nameless);
    let orphans = page("directoryObjects", [json!({"id": "u1"}), json!({"id": "u2"})]);
    evidence.page(1, 2, "members", &orphans);
    evidence.page(1, 3, "groups", &page("groups", [json!({"displayName": "Nobody"})]));
    let report = evidence.report(&[]);
    assert_eq!(
        report.run_record()["records"]["set_aside"],
        json!({"entity-without-id": 1, "page-without-parent": 2, "record-without-id": 1})
    );
    report.assert_balanced();
    assert_eq!(evidence.timeline(), [""; 0]);
}

#[test]
fn a_member_that_a_page_without_select_leaves_out_was_not_collected() {
    let evidence = Evidence::new();
    evidence.users(1, [with(user("u1", "A"), json!({"jobTitle": "Clerk"}))]);
    evidence.users(2, [user("u1", "A")]);
    evidence.users(3, [with(user("u1", "A"), json!({"jobTitle": "Clerk"}))]);
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(evidence.lane("coverage"), [""; 0]);
}
