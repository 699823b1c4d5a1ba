//! Values: when a difference is a change, and what the row says of it.

use serde_json::json;

use crate::evidence::{Evidence, day, page, people, user, with};

#[test]
fn a_change_across_a_day_that_did_not_collect_it_is_one_row_with_the_wide_window() {
    let evidence = Evidence::new();
    let title = |title| [json!({"id": "u1", "displayName": "A", "jobTitle": title})];
    evidence.list(1, "users(id,displayName,jobTitle)", title("Clerk"));
    evidence.list(2, "users(id,displayName)", [json!({"id": "u1", "displayName": "A"})]);
    evidence.list(3, "users(id,displayName,jobTitle)", title("Chief"));
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 jobTitle: "Clerk" -> "Chief" (11-01T03:00..11-03T03:00) change proven"#
        ]
    );
}

#[test]
fn there_and_back_again_is_two_rows() {
    let evidence = Evidence::new();
    for (day, name) in [(1, "A"), (2, "B"), (3, "A")] {
        evidence.users(day, [user("u1", name)]);
    }
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 displayName: "A" -> "B" (11-01T03:00..11-02T03:00) change proven"#,
            r#"modified user u1 displayName: "B" -> "A" (11-02T03:00..11-03T03:00) change proven"#,
        ]
    );
}

#[test]
fn the_window_begins_at_the_last_capture_with_the_old_value() {
    let evidence = Evidence::new();
    for (day, name) in [(1, "A"), (2, "A"), (3, "B"), (4, "B")] {
        evidence.users(day, [user("u1", name)]);
    }
    let rows = evidence.rows(&[]);
    assert_eq!(
        rows.lines(),
        [r#"modified user u1 displayName: "A" -> "B" (11-02T03:00..11-03T03:00) change proven"#]
    );
    assert_eq!(
        (rows.0[0].get("from_snapshot"), rows.0[0].get("to_snapshot")),
        (&*day(2), &*day(3))
    );
    assert_eq!(rows.0[0].get("object_name"), "name-u1@example.test");
}

#[test]
fn a_null_written_over_every_user_is_a_change_of_each() {
    let evidence = Evidence::new();
    let titled = |title: Option<&str>| {
        people(1..4)
            .into_iter()
            .map(move |user| with(user, json!({"jobTitle": title})))
            .collect::<Vec<_>>()
    };
    evidence.users(1, titled(Some("Clerk")));
    evidence.users(2, titled(None));
    let row = |id| {
        format!(
            r#"modified user {id} jobTitle: "Clerk" ->  (11-01T03:00..11-02T03:00) change proven"#
        )
    };
    assert_eq!(evidence.timeline(), [row("u01"), row("u02"), row("u03")]);
    assert!(evidence.lane("schema").is_empty());
}

#[test]
fn the_same_value_over_every_user_is_a_change_of_each() {
    let evidence = Evidence::new();
    let titled = |title: &str| {
        let title = title.to_owned();
        people(1..4)
            .into_iter()
            .map(move |user| with(user, json!({"jobTitle": title})))
            .collect::<Vec<_>>()
    };
    evidence.users(1, titled("Clerk"));
    evidence.users(2, titled(""));
    assert_eq!(evidence.timeline().len(), 3);
    assert!(evidence.timeline()[0].contains(r#": "Clerk" -> "" ("#));
}

#[test]
fn other_spellings_of_the_same_meaning_are_no_change() {
    let evidence = Evidence::new();
    let id = "0F94820E-8042-4554-A827-57EFDC8BD6CB";
    let lower = id.to_lowercase();
    evidence.file(
        format!("{}/2026-11-01/users_20261101T030000Z.json", crate::evidence::TENANT),
        format!(
            r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","@odata.count":2,"value":[
            {{"id":"{id}","displayName":"Ann","createdDateTime":"2026-01-02T03:04:05Z","businessPhones":["1","2"],
              "onPremisesExtensionAttributes":{{"extensionAttribute1":null,"extensionAttribute2":null}},
              "jobTitle":null,"otherMails":[],"identityParentId":"{id}","employeeHireDate":"2026-01-02T03:04:05.1234567Z",
              "assignedLicenses":[{{"skuId":"{id}","disabledPlans":[]}},{{"skuId":"b","disabledPlans":["y","x"]}}]}},
            {{"id":"b","displayName":"Bob \u00e4"}}]}}"#
        ),
    );
    evidence.file(
        format!("{}/2026-11-02/users_20261102T030000Z.json", crate::evidence::TENANT),
        format!(
            r##"{{
  "value": [ {{"displayName": "Bob ä", "id": "b", "@odata.id": "users/b"}},
    {{ "assignedLicenses": [{{"disabledPlans": ["x", "y"], "skuId": "b"}}, {{"disabledPlans": null, "skuId": "{lower}"}}],
      "employeeHireDate": "2026-01-02T03:04:05Z", "identityParentId": "{lower}", "otherMails": null, "jobTitle": null,
      "onPremisesExtensionAttributes": null, "businessPhones": ["2", "1"], "createdDateTime": "2026-01-02T03:04:05.000Z",
      "displayName": "Ann", "id": "{lower}", "#microsoft.graph.delta": {{}} }} ],
  "@odata.count": 2, "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users" }}"##
        ),
    );
    assert_eq!(evidence.timeline(), [""; 0]);
    for lane in ["volatile", "schema", "coverage"] {
        assert_eq!(evidence.lane(lane), [""; 0], "{lane}");
    }
}

#[test]
fn instants_with_offsets_and_numbers_in_other_notations_are_the_same() {
    let evidence = Evidence::new();
    let raw = |day: i64, hired: &str, number: &str| {
        let text = format!(
            r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","value":[{{"id":"u1","employeeHireDate":"{hired}","passwordAge":{number}}}]}}"#
        );
        let name = format!(
            "{}/{}/users_{}.json",
            crate::evidence::TENANT,
            crate::evidence::day(day),
            crate::evidence::stamp(day, 0)
        );
        evidence.file(name, text);
    };
    raw(1, "2026-01-02T03:04:05Z", "10");
    raw(2, "2026-01-02T05:04:05+02:00", "1e1");
    raw(3, "2026-01-02T03:04:05.9Z", "10.0");
    assert_eq!(evidence.timeline(), [""; 0]);
    raw(4, "2026-01-02T03:04:06Z", "10.000000000000000000001");
    assert_eq!(evidence.timeline().len(), 2);
}

#[test]
fn scope_words_are_a_set_and_only_what_was_gained_is_added() {
    let evidence = Evidence::new();
    let grant = |scope: &str| {
        [json!({"id": "g1", "clientId": "c1", "resourceId": "r1", "consentType": "AllPrincipals",
            "principalId": null, "scope": scope})]
    };
    evidence.list(1, "oauth2PermissionGrants", grant("User.Read Mail.Read"));
    evidence.list(2, "oauth2PermissionGrants", grant(" Mail.Read  User.Read"));
    evidence.list(
        3,
        "oauth2PermissionGrants",
        grant("User.Read Mail.Read Directory.ReadWrite.All"),
    );
    assert_eq!(
        evidence.timeline(),
        [concat!(
            r#"modified oAuth2PermissionGrant c1|r1|AllPrincipals| scope >r1: "Mail.Read User.Read" -> "#,
            r#""Directory.ReadWrite.All Mail.Read User.Read" +["Directory.ReadWrite.All"] "#,
            "(11-02T03:00..11-03T03:00) change proven"
        )]
    );
}

#[test]
fn a_list_is_a_set_unless_its_order_has_a_meaning() {
    let evidence = Evidence::new();
    let order = "primaryIdentityProviderPrecedenceOrder";
    let policy = |providers: [&str; 2]| {
        json!({
            "@odata.context": crate::evidence::context("policies/crossTenantAccessPolicy/default/$entity"),
            "isServiceDefault": false,
            "invitationRedemptionIdentityProviderConfiguration": {order: providers},
        })
    };
    let user = |phones: [&str; 2]| [with(user("u1", "A"), json!({"businessPhones": phones}))];
    evidence.json(1, 0, "policies_crossTenantAccessPolicy_default", &policy(["a", "b"]));
    evidence.json(2, 0, "policies_crossTenantAccessPolicy_default", &policy(["b", "a"]));
    evidence.users(1, user(["1", "2"]));
    evidence.users(2, user(["2", "1"]));
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("object_type"), ["crossTenantAccessPolicyConfigurationDefault"]);
    let row = &rows.0[0];
    assert_eq!(
        row.get("attribute"),
        format!("invitationRedemptionIdentityProviderConfiguration.{order}")
    );
    assert_eq!((row.get("before"), row.get("after")), (r#"["a","b"]"#, r#"["b","a"]"#));
    assert_eq!((row.get("lane"), row.get("certainty")), ("change", "proven"));
}

#[test]
fn repeated_elements_count() {
    let evidence = Evidence::new();
    let phones = |phones: &[&str]| [with(user("u1", "A"), json!({"businessPhones": phones}))];
    evidence.users(1, phones(&["1", "2"]));
    evidence.users(2, phones(&["1", "2", "2"]));
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 businessPhones: ["1","2"] -> ["1","2","2"] +["2"] (11-01T03:00..11-02T03:00) change proven"#
        ]
    );
}

#[test]
fn a_nested_value_is_named_by_its_path() {
    let evidence = Evidence::new();
    let policy = |excluded: &[&str], controls: &[&str]| {
        [json!({
            "id": "p1", "displayName": "Require MFA", "state": "enabled",
            "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": excluded}, "clientAppTypes": ["all"]},
            "grantControls": {"operator": "OR", "builtInControls": controls},
            "sessionControls": null,
        })]
    };
    evidence.list(1, "identity/conditionalAccess/policies", policy(&[], &["mfa"]));
    evidence.list(2, "identity/conditionalAccess/policies", policy(&["u9"], &["mfa"]));
    evidence.list(3, "identity/conditionalAccess/policies", policy(&["u9"], &["block", "mfa"]));
    assert_eq!(
        evidence.timeline(),
        [
            concat!(
                r#"modified conditionalAccessPolicy p1 conditions.users.excludeUsers:  -> ["u9"] +["u9"] "#,
                "(11-01T03:00..11-02T03:00) change proven"
            ),
            concat!(
                r#"modified conditionalAccessPolicy p1 grantControls.builtInControls: ["mfa"] -> ["block","mfa"] "#,
                r#"+["block"] (11-02T03:00..11-03T03:00) change proven"#
            ),
        ]
    );
}

#[test]
fn a_whole_complex_value_set_to_null_is_a_change_of_each_of_its_parts() {
    let evidence = Evidence::new();
    let policy = |grant: serde_json::Value| {
        [json!({"id": "p1", "displayName": "P", "grantControls": grant})]
    };
    let path = "identity/conditionalAccess/policies";
    evidence.list(
        1,
        path,
        policy(json!({"operator": "OR", "builtInControls": ["mfa"], "termsOfUse": []})),
    );
    evidence.list(2, path, policy(json!(null)));
    assert_eq!(
        evidence.timeline(),
        [
            concat!(
                r#"modified conditionalAccessPolicy p1 grantControls.builtInControls: ["mfa"] ->  -["mfa"] "#,
                "(11-01T03:00..11-02T03:00) change proven"
            ),
            concat!(
                r#"modified conditionalAccessPolicy p1 grantControls.operator: "OR" ->  "#,
                "(11-01T03:00..11-02T03:00) change proven"
            ),
        ]
    );
}

#[test]
fn a_changed_element_of_a_keyed_list_has_its_old_and_its_new_form() {
    let evidence = Evidence::new();
    let app = |name: &str| {
        [json!({"id": "a1", "displayName": "App", "passwordCredentials": [
            {"keyId": "k2", "displayName": "two"}, {"keyId": "k1", "displayName": name}]})]
    };
    evidence.list(1, "applications", app("one"));
    evidence.list(2, "applications", app("uno"));
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("added"), [r#"[{"displayName":"uno","keyId":"k1"}]"#]);
    assert_eq!(rows.column("removed"), [r#"[{"displayName":"one","keyId":"k1"}]"#]);
    assert_eq!(rows.column("attribute"), ["passwordCredentials"]);
}

#[test]
fn an_unknown_type_is_kept_and_compared() {
    let evidence = Evidence::new();
    let path = "identityGovernance/fooBars";
    evidence.list(
        1,
        path,
        [json!({"id": "x1", "colour": "red"}), json!({"id": "x2", "colour": "red"})],
    );
    evidence.list(2, path, [json!({"id": "x1", "colour": "blue"})]);
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified identityGovernance/fooBars x1 colour: "red" -> "blue" (11-01T03:00..11-02T03:00) change proven"#,
            "removed identityGovernance/fooBars x2 (11-01T03:00..11-02T03:00) change proven",
        ]
    );
}

#[test]
fn an_attribute_that_moves_by_itself_is_folded_into_its_lane() {
    let evidence = Evidence::new();
    let synced = |time: &str| {
        people(1..4)
            .into_iter()
            .map(|user| with(user, json!({"onPremisesLastSyncDateTime": time})))
            .collect::<Vec<_>>()
    };
    evidence.users(1, synced("2026-11-01T01:00:00Z"));
    evidence.users(2, synced("2026-11-02T01:00:00Z"));
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(
        evidence.rows(&["--lane", "volatile"]).lines(),
        [
            "modified user  onPremisesLastSyncDateTime (11-01T03:00..11-02T03:00) volatile proven volatile-attribute x3"
        ]
    );
    assert_eq!(evidence.lane("volatile").len(), 3);
}

#[test]
fn a_user_listed_with_several_selects_on_one_day_is_one_user() {
    let evidence = Evidence::new();
    for (day, name, enabled) in [(1, "A", true), (2, "B", false)] {
        let named = page("users(id,displayName)", [json!({"id": "u1", "displayName": name})]);
        let state =
            page("users(id,accountEnabled)", [json!({"id": "u1", "accountEnabled": enabled})]);
        evidence.page(day, 0, "users", &named);
        evidence.page(day, 5, "users", &state);
    }
    assert_eq!(
        evidence.timeline(),
        [
            r#"modified user u1 displayName: "A" -> "B" (11-01T03:00..11-02T03:00) change proven"#,
            "modified user u1 accountEnabled: true -> false (11-01T03:05..11-02T03:05) change proven",
        ]
    );
}

#[test]
fn a_value_that_becomes_an_object_is_a_change() {
    let evidence = Evidence::new();
    let titled = |title: serde_json::Value| [with(user("u1", "A"), json!({"jobTitle": title}))];
    evidence.users(1, titled(json!("Clerk")));
    evidence.users(2, titled(json!({"text": "Clerk"})));
    let rows = evidence.rows(&[]);
    assert!(!rows.0.is_empty());
    assert!(
        rows.column("attribute").iter().all(|path| path.starts_with("jobTitle")),
        "{:#?}",
        rows.lines()
    );
}

#[test]
fn a_name_with_a_dot_is_not_taken_for_a_path() {
    let evidence = Evidence::new();
    let dotted =
        |name: u32, path: u32| [with(user("u1", "A"), json!({"a.b": name, "a": {"b": path}}))];
    evidence.users(1, dotted(1, 1));
    evidence.users(2, dotted(2, 1));
    evidence.users(3, dotted(2, 2));
    assert_eq!(evidence.timeline().len(), 2);
}
