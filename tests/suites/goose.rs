//! CISA's Untitled Goose Tool.

use serde_json::{Value, json};

use super::{assert_receipts, changes, dated, formats, id, lines, warning};
use crate::evidence::{Evidence, day};

/// A file of its folder of Entra.
fn goose(evidence: &Evidence, number: i64, name: &str, records: &[Value]) {
    dated(evidence, number, &format!("azuread/{name}.json"), lines(records));
}

fn application(number: u32) -> Value {
    json!({"id": id(number), "appId": id(number + 100), "displayName": format!("App {number}"),
        "identifierUris": [], "notes": null})
}

/// What hangs on an object, with that object inside.
fn below(mut child: Value, member: &str, parent: Value) -> Value {
    child.as_object_mut().unwrap().insert(member.to_owned(), parent);
    child
}

fn owner(number: u32, of: u32) -> Value {
    // The copy inside is older than the list: it says nothing.
    let mut parent = application(of);
    parent["notes"] = json!("stale");
    below(json!({"id": id(number), "userPrincipalName": "u@contoso.com"}), "applications", parent)
}

#[test]
fn owners_of_several_parents_in_one_file() {
    let evidence = Evidence::new();
    for number in [1, 2] {
        goose(&evidence, number, "applications", &[application(1), application(2), application(3)]);
    }
    goose(&evidence, 1, "applications_owners", &[owner(10, 1), owner(11, 1), owner(12, 2)]);
    // The last owner of the second application is gone and the third has its first.
    goose(&evidence, 2, "applications_owners", &[owner(10, 1), owner(13, 3)]);
    assert_eq!(
        changes(&evidence),
        [
            format!("application {} linkRemoved owners {}   consistent", id(1), id(11)),
            format!("application {} linkRemoved owners {}   consistent", id(2), id(12)),
            format!("application {} linkAdded owners {}   consistent", id(3), id(13)),
        ]
    );
    assert!(evidence.rows(&[]).column("target_type").iter().all(|kind| kind.is_empty()));
    assert!(formats(&evidence).iter().all(|(_, format)| format == "Untitled Goose Tool"));
}

#[test]
fn a_parent_that_is_not_there_lost_nothing() {
    let evidence = Evidence::new();
    goose(&evidence, 1, "applications", &[application(1), application(2)]);
    goose(&evidence, 1, "applications_owners", &[owner(10, 1), owner(12, 2)]);
    // The relation was not read on the second day, and the second application is not in the list.
    goose(&evidence, 2, "applications", &[application(1)]);
    goose(&evidence, 3, "applications", &[application(1)]);
    goose(&evidence, 3, "applications_owners", &[owner(10, 1)]);
    assert_eq!(changes(&evidence), Vec::<String>::new());
}

#[test]
fn edges_below_an_object_lose_the_copy_of_it() {
    let evidence = Evidence::new();
    let principal = json!({"id": id(30), "appId": id(130), "servicePrincipalType": "Application"});
    let assignment = |role: u32, name: &str| {
        let edge = json!({"id": "x", "appRoleId": id(role), "principalId": id(30), "resourceId": id(50),
            "principalDisplayName": name});
        below(edge, "servicePrincipals", principal.clone())
    };
    for number in [1, 2, 3] {
        goose(&evidence, number, "servicePrincipals", std::slice::from_ref(&principal));
        let group = json!({"id": id(70), "groupTypes": [], "displayName": format!("G{number}")});
        let nested = below(group, "servicePrincipals", json!({"id": id(30), "tags": [number]}));
        goose(&evidence, number, "servicePrincipals_transitiveMemberOf", &[nested]);
    }
    goose(&evidence, 1, "servicePrincipals_appRoleAssignments", &[assignment(40, "S")]);
    goose(
        &evidence,
        2,
        "servicePrincipals_appRoleAssignments",
        &[assignment(40, "S"), assignment(41, "S")],
    );
    // Nothing is written where nothing was found; the tool says so elsewhere.
    let said = format!(
        "No output file: servicePrincipals_appRoleAssignments - {} 10:00:00.123456\n",
        day(3)
    );
    dated(&evidence, 3, "reports/_no_results.json", said);
    let edge = |role: u32| format!("appRoleAssignment {}|{}|{}", id(30), id(50), id(role));
    assert_eq!(
        changes(&evidence),
        [
            format!("{} removed  {}   consistent", edge(40), id(50)),
            format!("{} added  {}   consistent", edge(41), id(50)),
            format!("{} removed  {}   consistent", edge(41), id(50)),
        ]
    );
    assert_receipts(&evidence, &id(30));
    assert!(warning(&evidence, "relation-unknown").contains("1 set aside"));
    assert!(warning(&evidence, "no-result").contains("1 set aside"));
}

#[test]
fn what_gave_nothing_is_empty_and_what_was_refused_is_not() {
    let evidence = Evidence::new();
    for number in [1, 2] {
        goose(
            &evidence,
            number,
            "users",
            &[json!({"id": id(1), "userPrincipalName": "u@contoso.com"})],
        );
        // The lines of a run of last week stand before those of this one.
        let said = format!(
            "No output file: devices - 2026-10-20 10:00:00.5\nError: conditionalAccess_policies - {0} 10:00:00.1\n\
            No output file: conditionalAccess_namedLocations - {0} 10:00:01.25\n",
            day(number)
        );
        dated(&evidence, number, "reports/_no_results.json", said);
    }
    assert_eq!(changes(&evidence), Vec::<String>::new());
    let coverage = evidence.report(&[]).table("coverage.csv");
    let state = |name: &str| {
        let rows = coverage.having("object_type", name).having("attribute", "");
        rows.0.first().map(|row| row.get("state").to_owned())
    };
    assert_eq!(state("namedLocation").as_deref(), Some("empty"));
    assert_eq!(state("conditionalAccessPolicy").as_deref(), Some("denied"));
    assert_eq!(state("device"), None);
    assert!(warning(&evidence, "no-result").contains("3 set aside"));
}

#[test]
fn audit_logs_of_more_than_one_page_are_said_to_lack_the_others() {
    let event = |number: u32| {
        json!({"id": format!("e{number}"), "activityDateTime": "2026-11-01T00:00:00Z",
            "activityDisplayName": "Add user", "targetResources": []})
    };
    for (count, said) in [(100, true), (99, false)] {
        let evidence = Evidence::new();
        let events: Vec<Value> = (0..count).map(event).collect();
        dated(
            &evidence,
            1,
            "azuread/azure_audit_logs/azureadauditlog_2026-11-01.json",
            lines(&events),
        );
        assert_eq!(!warning(&evidence, "later-pages-lost").is_empty(), said);
    }
}
