//! Links, and edges that are objects.

use serde_json::{Value, json};

use crate::evidence::{Evidence, page, people, user};

const GROUP: &str = "0f94820e-8042-4554-a827-57efdc8bd6cb";

fn group() -> [Value; 1] {
    [json!({"id": GROUP, "displayName": "Admins"})]
}

fn assignments(evidence: &Evidence, day: i64, items: &[(&str, &str, &str, &str)]) {
    let items = items.iter().map(|(id, principal, role, scope)| {
        json!({"id": id, "principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope})
    });
    evidence.list(day, "roleManagement/directory/roleAssignments", items);
}

#[test]
fn a_role_widened_from_an_administrative_unit_to_the_tenant_is_a_change() {
    let evidence = Evidence::new();
    assignments(
        &evidence,
        1,
        &[("ra1", "u1", "r1", "/administrativeUnits/au1"), ("ra2", "u2", "r1", "/")],
    );
    assignments(&evidence, 2, &[("ra1", "u1", "r1", "/"), ("ra2", "u2", "r1", "/")]);
    assert_eq!(
        evidence.timeline(),
        [
            "removed unifiedRoleAssignment u1|r1|/administrativeUnits/au1| >r1 (11-01T03:00..11-02T03:00) change proven",
            "added unifiedRoleAssignment u1|r1|/| >r1 (11-01T03:00..11-02T03:00) change proven",
        ]
    );
}

#[test]
fn an_assignment_recreated_under_a_new_id_is_no_change() {
    let evidence = Evidence::new();
    assignments(&evidence, 1, &[("ra1", "u1", "r1", "/"), ("ra2", "u2", "r1", "/")]);
    assignments(&evidence, 2, &[("ra9", "u1", "r1", "/"), ("ra2", "u2", "r1", "/")]);
    assert_eq!(evidence.timeline(), [""; 0]);
    let grant = |id| {
        json!({"id": id, "clientId": "c", "resourceId": "r", "consentType": "AllPrincipals",
        "principalId": null, "scope": "User.Read"})
    };
    evidence.list(1, "oauth2PermissionGrants", [grant("g1")]);
    evidence.list(2, "oauth2PermissionGrants", [grant("g2")]);
    assert_eq!(evidence.timeline(), [""; 0]);
}

#[test]
fn an_assignment_taken_away_and_given_back_is_two_changes() {
    let evidence = Evidence::new();
    for (day, held) in [(1, true), (2, false), (3, true)] {
        let mut items = vec![("ra2", "u2", "r1", "/")];
        if held {
            items.push(("ra1", "u1", "r1", "/"));
        }
        assignments(&evidence, day, &items);
    }
    assert_eq!(
        evidence.timeline(),
        [
            "removed unifiedRoleAssignment u1|r1|/| >r1 (11-01T03:00..11-02T03:00) change proven",
            "added unifiedRoleAssignment u1|r1|/| >r1 (11-02T03:00..11-03T03:00) change proven",
        ]
    );
}

#[test]
fn members_come_and_go() {
    let evidence = Evidence::new();
    for (day, members) in [(1, ["u1", "u2"]), (2, ["u2", "u3"])] {
        evidence.list(day, "groups", group());
        evidence.users(day, ["u1", "u2", "u3"].map(|id| user(id, id)));
        evidence.members(day, 5, GROUP, members);
    }
    let rows = evidence.rows(&[]);
    assert_eq!(
        rows.lines(),
        [
            format!(
                "linkRemoved group {GROUP} members >u1 (11-01T03:05..11-02T03:05) change proven"
            ),
            format!("linkAdded group {GROUP} members >u3 (11-01T03:05..11-02T03:05) change proven"),
        ]
    );
    assert_eq!(rows.column("target_type"), ["user", "user"]);
    assert_eq!(rows.column("target_name"), ["name-u1@example.test", "name-u3@example.test"]);
    assert_eq!(rows.column("object_name"), ["Admins", "Admins"]);
}

#[test]
fn the_parent_may_stand_in_the_context_the_folder_or_the_file_name() {
    let members = |path: &str, ids: &[&str]| {
        page(path, ids.iter().map(|id| json!({"id": id}))).json().to_string()
    };
    let keyed = format!("groups('{GROUP}')/members");
    for (place, path) in [
        ("members_STAMP.json".to_owned(), keyed.as_str()),
        (format!("groups/{GROUP}/members_STAMP.json"), "directoryObjects"),
        (format!("groups_{GROUP}_members_STAMP.json"), "directoryObjects"),
    ] {
        let evidence = Evidence::new();
        for (day, ids) in [(1, vec!["u1"]), (2, vec!["u1", "u2"])] {
            evidence.list(day, "groups", group());
            let stamp = crate::evidence::stamp(day, 5);
            let folder = format!("{}/{}", crate::evidence::TENANT, crate::evidence::day(day));
            let place = format!("{folder}/{}", place.replace("STAMP", &stamp));
            evidence.file(place, members(path, &ids));
        }
        assert_eq!(
            evidence.timeline(),
            [format!(
                "linkAdded group {GROUP} members >u2 (11-01T03:05..11-02T03:05) change proven"
            )],
            "{place}"
        );
    }
}

#[test]
fn a_missing_file_of_members_removes_none_and_an_empty_page_removes_all() {
    let evidence = Evidence::new();
    for day in 1..4 {
        evidence.list(day, "groups", group());
    }
    evidence.members(1, 5, GROUP, ["u1"]);
    assert_eq!(evidence.timeline(), [""; 0]);
    evidence.members(3, 5, GROUP, []);
    assert_eq!(
        evidence.timeline(),
        [format!("linkRemoved group {GROUP} members >u1 (11-01T03:05..11-03T03:05) change proven")]
    );
}

#[test]
fn a_list_of_members_that_breaks_off_proves_additions_only() {
    let evidence = Evidence::new();
    let link = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    for day in 1..3 {
        evidence.list(day, "groups", group());
    }
    evidence.members(1, 5, GROUP, ["u1", "u2"]);
    let broken = page("directoryObjects", [link("u2"), link("u3")]).followed();
    evidence.page(2, 5, &format!("groups_{GROUP}_members"), &broken);
    assert_eq!(
        evidence.timeline(),
        [format!("linkAdded group {GROUP} members >u3 (11-01T03:05..11-02T03:05) change proven")]
    );
}

#[test]
fn exactly_twenty_expanded_members_prove_additions_only() {
    let evidence = Evidence::new();
    let group = |numbers: std::ops::Range<u32>| {
        let members: Vec<Value> = numbers
            .map(|n| json!({"@odata.type": "#microsoft.graph.user", "id": format!("u{n:02}")}))
            .collect();
        [json!({"id": GROUP, "displayName": "Admins", "members": members})]
    };
    evidence.list(1, "groups(members())", group(0..19));
    evidence.list(2, "groups(members())", group(1..21));
    assert_eq!(
        evidence.timeline(),
        [
            format!(
                "linkAdded group {GROUP} members >u19 (11-01T03:00..11-02T03:00) change proven"
            ),
            format!(
                "linkAdded group {GROUP} members >u20 (11-01T03:00..11-02T03:00) change proven"
            ),
        ]
    );
    let evidence = Evidence::new();
    evidence.list(1, "groups(members())", group(0..19));
    evidence.list(2, "groups(members())", group(1..19));
    assert_eq!(
        evidence.timeline(),
        [format!(
            "linkRemoved group {GROUP} members >u00 (11-01T03:00..11-02T03:00) change proven"
        )]
    );
}

#[test]
fn a_large_group_that_lost_more_than_a_tenth_is_coverage() {
    let evidence = Evidence::new();
    let ids: Vec<String> = (0..120).map(|n| format!("u{n:03}")).collect();
    for day in 1..3 {
        evidence.list(day, "groups", group());
    }
    evidence.members(1, 5, GROUP, ids.iter().map(String::as_str));
    evidence.members(2, 5, GROUP, ids.iter().take(100).map(String::as_str));
    assert_eq!(evidence.timeline(), [""; 0]);
    let rows = evidence.rows(&["--lane", "coverage"]);
    assert_eq!(rows.column("change"), ["linkRemoved"]);
    assert_eq!(rows.column("object_id"), [""]);
    assert_eq!(rows.column("reason"), ["list-shrunk"]);
    assert_eq!(evidence.lane("coverage").len(), 20);
    evidence.members(2, 5, GROUP, ids.iter().take(119).map(String::as_str));
    assert_eq!(
        evidence.timeline(),
        [format!(
            "linkRemoved group {GROUP} members >u119 (11-01T03:05..11-02T03:05) change proven"
        )]
    );
}

#[test]
fn an_expanded_manager_that_is_absent_is_none() {
    let evidence = Evidence::new();
    let managed = |manager: Option<&str>| {
        let mut ann = user("u1", "Ann");
        if let Some(id) = manager {
            ann["manager"] = json!({"@odata.type": "#microsoft.graph.user", "id": id});
        }
        [ann, user("u2", "Bob"), user("u3", "Eve")]
    };
    let path = "users(id,displayName,userPrincipalName,manager())";
    evidence.list(1, path, managed(Some("u2")));
    evidence.list(2, path, managed(Some("u3")));
    evidence.list(3, path, managed(None));
    assert_eq!(
        evidence.timeline(),
        [
            "linkRemoved user u1 manager >u2 (11-01T03:00..11-02T03:00) change proven",
            "linkAdded user u1 manager >u3 (11-01T03:00..11-02T03:00) change proven",
            "linkRemoved user u1 manager >u3 (11-02T03:00..11-03T03:00) change proven",
        ]
    );
}

#[test]
fn members_of_a_group_that_came_or_went_have_no_rows_of_their_own() {
    let evidence = Evidence::new();
    let other = "1f94820e-8042-4554-a827-57efdc8bd6cb";
    let named = |id: &str| json!({"id": id, "displayName": id});
    evidence.list(1, "groups", [named(GROUP)]).members(1, 5, GROUP, ["u1"]);
    evidence.list(2, "groups", [named(other)]).members(2, 5, other, ["u1"]);
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("change"), ["removed", "added"]);
    assert_eq!(rows.column("object_id"), [GROUP, other]);
}

#[test]
fn role_holders_and_role_assignments_are_one_fact() {
    let template = "62e90394-69f5-4237-9190-012177145e10";
    let role = "2f94820e-8042-4554-a827-57efdc8bd6cb";
    let roles =
        [json!({"id": role, "displayName": "Global Administrator", "roleTemplateId": template})];
    let holders = |evidence: &Evidence, day: i64, ids: &[&str]| {
        evidence.list(day, "directoryRoles", roles.clone());
        let items = ids.iter().map(|id| json!({"@odata.type": "#microsoft.graph.user", "id": id}));
        evidence.page(
            day,
            5,
            &format!("directoryRoles_{role}_members"),
            &page("directoryObjects", items),
        );
    };
    let row = format!("added unifiedRoleAssignment u2|{template}|/| >{template}");
    let evidence = Evidence::new();
    holders(&evidence, 1, &["u1"]);
    holders(&evidence, 2, &["u1", "u2"]);
    assert_eq!(evidence.timeline(), [format!("{row} (11-01T03:05..11-02T03:05) change proven")]);
    assignments(&evidence, 1, &[("a", "u1", template, "/")]);
    assignments(&evidence, 2, &[("a", "u1", template, "/"), ("b", "u2", template, "/")]);
    assert_eq!(evidence.timeline(), [format!("{row} (11-01T03:00..11-02T03:00) change proven")]);
}

#[test]
fn app_roles_listed_below_both_ends_are_one_fact() {
    let evidence = Evidence::new();
    let (client, api) =
        ("aaaaaaaa-8042-4554-a827-57efdc8bd6cb", "bbbbbbbb-8042-4554-a827-57efdc8bd6cb");
    let grant =
        |id: &str| json!({"id": id, "principalId": client, "resourceId": api, "appRoleId": "r1"});
    for day in 1..3 {
        evidence.list(
            day,
            "servicePrincipals",
            [client, api].map(|id| json!({"id": id, "displayName": id})),
        );
        let items = if day == 1 { vec![] } else { vec![grant("x")] };
        let below =
            page(&format!("servicePrincipals('{client}')/appRoleAssignments"), items.clone());
        let above = page(&format!("servicePrincipals('{api}')/appRoleAssignedTo"), items);
        evidence.page(day, 5, &format!("servicePrincipals_{client}_appRoleAssignments"), &below);
        evidence.page(day, 5, &format!("servicePrincipals_{api}_appRoleAssignedTo"), &above);
    }
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("change"), ["added"]);
    assert_eq!(rows.column("object_id"), [format!("{client}|{api}|r1")]);
    assert_eq!(rows.column("target_id"), [api]);
}

#[test]
fn who_was_never_listed_may_still_be_a_member() {
    let evidence = Evidence::new();
    for (day, members) in [(1, vec!["guest"]), (2, vec![])] {
        evidence.users(day, people(1..3));
        evidence.list(day, "groups", group()).members(day, 5, GROUP, members);
    }
    assert_eq!(
        evidence.timeline(),
        [format!(
            "linkRemoved group {GROUP} members >guest (11-01T03:05..11-02T03:05) change proven"
        )]
    );
}
