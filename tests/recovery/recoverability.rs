//! What the service can do about each change: the rules one by one, each with a case that it just misses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, page, user, with};
use crate::program::{Rows, run};

/// Words by `TYPE ID ATTRIBUTE` (or the kind of change where there is none), as of the evening of a day of November.
fn words_at(evidence: &Evidence, as_of: &str) -> BTreeMap<String, String> {
    let rows: Rows = evidence.rows(&["--as-of", as_of]);
    let rows = rows.0.iter().map(|row| {
        let what = if row.get("attribute").is_empty() { "change" } else { "attribute" };
        let key =
            [row.get("object_type"), row.get("object_id"), row.get(what), row.get("target_id")];
        let key = if row.get("attribute").is_empty() { &key[..3] } else { &key[..] };
        (key.join(" ").trim_end().to_owned(), row.get("recoverability").to_owned())
    });
    rows.collect()
}

fn words(evidence: &Evidence) -> BTreeMap<String, String> {
    words_at(evidence, "2026-11-05T20:00:00Z")
}

#[track_caller]
fn check(words: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (key, word) in expected {
        assert_eq!(words.get(*key).map(String::as_str), Some(*word), "{key} of {words:#?}");
    }
}

/// A user of the cloud, unless told otherwise.
fn person(id: &str, members: Value) -> Value {
    let cloud = json!({"onPremisesSyncEnabled": null, "department": "D"});
    with(with(user(id, id), cloud), members)
}

/// A security group with assigned members.
fn group(id: &str, members: Value) -> Value {
    let static_security = json!({
        "id": id, "displayName": "G", "groupTypes": [], "mailEnabled": false,
        "securityEnabled": true, "onPremisesSyncEnabled": null,
    });
    with(static_security, members)
}

const G: [&str; 5] = [
    "0f94820e-8042-4554-a827-57efdc8bd601",
    "0f94820e-8042-4554-a827-57efdc8bd602",
    "0f94820e-8042-4554-a827-57efdc8bd603",
    "0f94820e-8042-4554-a827-57efdc8bd604",
    "0f94820e-8042-4554-a827-57efdc8bd605",
];

/// Two days of one object that differs in some members.
fn changed(path: &str, base: &Value, before: Value, after: Value) -> Evidence {
    let evidence = Evidence::new();
    evidence.list(1, path, [with(base.clone(), before)]);
    evidence.list(2, path, [with(base.clone(), after)]);
    evidence
}

#[test]
fn a_property_is_recovered_if_its_type_lists_it() {
    let app = json!({"id": "a", "displayName": "A"});
    let policy = json!({"id": "p", "displayName": "P"});
    let key = json!([{"keyId": "k", "displayName": "new"}]);
    let cases = [
        ("users", person("u", json!({})), json!({"department": "E"}), "recoverable"),
        ("users", person("u", json!({})), json!({"proxyAddresses": ["a"]}), "outside-properties"),
        ("groups", group(G[0], json!({})), json!({"description": "d"}), "recoverable"),
        (
            "groups",
            group(G[0], json!({})),
            json!({"isAssignableToRole": true}),
            "outside-properties",
        ),
        ("groups", group(G[0], json!({})), json!({"visibility": "Public"}), "recoverable"),
        ("groups", group(G[0], json!({})), json!({"visibility": "HiddenMembership"}), "ambiguous"),
        ("applications", app.clone(), json!({"notes": "n"}), "recoverable"),
        ("applications", app.clone(), json!({"isFallbackPublicClient": true}), "ambiguous"),
        ("applications", app.clone(), json!({"passwordCredentials": key}), "outside-properties"),
        ("servicePrincipals", app.clone(), json!({"accountEnabled": false}), "recoverable"),
        ("servicePrincipals", app.clone(), json!({"displayName": "B"}), "outside-properties"),
        ("devices", app.clone(), json!({"displayName": "B"}), "outside-types"),
        (
            "identity/conditionalAccess/policies",
            policy.clone(),
            json!({"state": "disabled"}),
            "recoverable",
        ),
        (
            "identity/conditionalAccess/namedLocations",
            policy.clone(),
            json!({"isTrusted": true}),
            "recoverable",
        ),
        (
            "policies/authenticationStrengthPolicies",
            policy,
            json!({"displayName": "Q"}),
            "ambiguous",
        ),
        (
            "policies/authorizationPolicy",
            json!({"id": "authorizationPolicy"}),
            json!({"guestUserRoleId": G[1]}),
            "recoverable",
        ),
        (
            "policies/authorizationPolicy",
            json!({"id": "authorizationPolicy"}),
            json!({"allowInvitesFrom": "none"}),
            "outside-properties",
        ),
        ("organization", json!({"id": TENANT}), json!({"displayName": "T"}), "outside-properties"),
    ];
    for (path, base, after, word) in cases {
        let names: Vec<&String> = after.as_object().unwrap().keys().collect();
        let empty = if after[names[0]].is_array() { json!([]) } else { json!("before") };
        let empty = if after[names[0]].is_boolean() {
            json!(!after[names[0]].as_bool().unwrap())
        } else {
            empty
        };
        let before = json!({names[0].clone(): empty});
        let evidence = changed(path, &base, before, after.clone());
        let found = words(&evidence);
        assert_eq!(found.values().collect::<Vec<_>>(), [word], "{path} {after} {found:?}");
    }
}

#[test]
fn methods_are_recovered_one_by_one() {
    let policy = |methods: &[(&str, &str)]| {
        let list: Vec<Value> =
            methods.iter().map(|(id, state)| json!({"id": id, "state": state})).collect();
        json!({"id": "authenticationMethodsPolicy", "authenticationMethodConfigurations": list})
    };
    for (after, word) in [
        ([("Sms", "enabled"), ("QRCodePin", "disabled")], "recoverable"),
        ([("Sms", "disabled"), ("QRCodePin", "enabled")], "outside-properties"),
        ([("Sms", "enabled"), ("QRCodePin", "enabled")], "outside-properties"),
    ] {
        let evidence = Evidence::new();
        let before = policy(&[("Sms", "disabled"), ("QRCodePin", "disabled")]);
        evidence.list(1, "policies/authenticationMethodsPolicy", [before]);
        evidence.list(2, "policies/authenticationMethodsPolicy", [policy(&after)]);
        let found = words(&evidence);
        assert_eq!(found.values().collect::<Vec<_>>(), [word], "{after:?} {found:?}");
    }
    let path = "policies/authenticationMethodsPolicy/authenticationMethodConfigurations";
    let evidence = Evidence::new();
    for (day, state) in [(1, "disabled"), (2, "enabled")] {
        let method = |id: &str| json!({"id": id, "state": state});
        evidence.list(day, path, [method("TemporaryAccessPass"), method("HardwareOath")]);
    }
    check(
        &words(&evidence),
        &[
            ("authenticationMethodConfiguration TemporaryAccessPass state", "recoverable"),
            ("authenticationMethodConfiguration HardwareOath state", "outside-properties"),
        ],
    );
}

#[test]
fn synchronised_objects_are_seen_and_left_out() {
    let evidence = Evidence::new();
    let synced = json!({"onPremisesSyncEnabled": true});
    let requirements = |state: &str| json!({"perUserMfaState": state});
    for (day, department, state) in [(1, "D", "enabled"), (2, "E", "disabled")] {
        let other = json!({"department": department, "aboutMe": department});
        evidence.users(
            day,
            [
                with(person("u1", other.clone()), synced.clone()),
                person("u2", other.clone()),
                with(person("u3", other), json!({"onPremisesSyncEnabled": false})),
            ],
        );
        let described = json!({"description": department});
        evidence.list(
            day,
            "groups",
            [with(group(G[0], described.clone()), synced.clone()), group(G[1], described)],
        );
        for id in ["u1", "u2"] {
            let stem = format!("users_{id}_authentication_requirements");
            let mut body = requirements(state);
            let context = format!("users('{id}')/authentication/requirements/$entity");
            body["@odata.context"] = json!(crate::evidence::context(&context));
            evidence.json(day, 8, &stem, &body);
        }
    }
    let key = |kind: &str, id: &str, path: &str| format!("{kind} {id} {path}");
    check(
        &words(&evidence),
        &[
            ("user u1 department", "visible-only"),
            ("user u1 aboutMe", "outside-properties"),
            ("user u2 department", "recoverable"),
            ("user u3 department", "recoverable"),
            (&key("group", G[0], "description"), "visible-only"),
            (&key("group", G[1], "description"), "recoverable"),
            ("strongAuthenticationRequirements u1 perUserMfaState", "visible-only"),
            ("strongAuthenticationRequirements u2 perUserMfaState", "recoverable"),
        ],
    );
}

#[test]
fn whether_it_is_synchronised_must_be_told() {
    let bare = |department: &str| with(user("u", "U"), json!({"department": department}));
    let organization = |synced: Value| json!({"id": TENANT, "onPremisesSyncEnabled": synced});
    for (of_tenant, word) in [
        (None, "cannot-tell"),
        (Some(json!(true)), "cannot-tell"),
        (Some(json!(null)), "recoverable"),
    ] {
        let evidence = Evidence::new();
        for (day, department) in [(1, "D"), (2, "E")] {
            evidence.users(day, [bare(department)]);
            evidence.list(day, "organization", of_tenant.clone().map(organization));
        }
        check(&words(&evidence), &[("user u department", word)]);
    }
    // Asked for by name: its absence is an answer.
    let evidence = Evidence::new();
    for (day, department) in [(1, "D"), (2, "E")] {
        let path = "users(id,displayName,userPrincipalName,department,onPremisesSyncEnabled)";
        evidence.list(day, path, [bare(department)]);
    }
    check(&words(&evidence), &[("user u department", "recoverable")]);
}

#[test]
fn a_converted_object_is_recovered_and_its_conversion_is_not() {
    let evidence = Evidence::new();
    let days = [
        json!({"onPremisesSyncEnabled": true, "department": "D", "jobTitle": "J", "city": "C"}),
        json!({"onPremisesSyncEnabled": true, "department": "E", "jobTitle": "J", "city": "C"}),
        json!({"onPremisesSyncEnabled": false, "department": "E", "jobTitle": "K", "city": "C"}),
        json!({"onPremisesSyncEnabled": false, "department": "E", "jobTitle": "K", "city": "B"}),
    ];
    for (day, members) in (1..).zip(days) {
        // Another one goes the other way.
        let other = json!({"onPremisesSyncEnabled": day > 2, "department": members["department"]});
        evidence.users(day, [person("u", members), person("v", other)]);
    }
    check(
        &words(&evidence),
        &[
            ("user u department", "recoverable-converted"),
            ("user u jobTitle", "recoverable-converted"),
            ("user u city", "recoverable"),
            ("user u onPremisesSyncEnabled", "outside-properties"),
            ("user v department", "visible-only"),
        ],
    );
}

#[test]
fn of_links_only_static_membership_is_recovered() {
    let evidence = Evidence::new();
    let groups = || {
        [
            group(G[0], json!({})),
            group(G[1], json!({"groupTypes": ["DynamicMembership"]})),
            group(G[2], json!({"onPremisesSyncEnabled": true})),
        ]
    };
    for day in [1, 2] {
        evidence.users(day, [person("u1", json!({})), person("u2", json!({}))]);
        evidence.list(day, "groups", groups());
        for of in &G[..3] {
            evidence.members(day, 5, of, if day == 1 { vec!["u1"] } else { vec!["u2"] });
        }
        let owner = json!({"@odata.type": "#microsoft.graph.user", "id": format!("u{day}")});
        evidence.page(
            day,
            6,
            &format!("groups_{}_owners", G[0]),
            &page("directoryObjects", [owner]),
        );
    }
    let found = words(&evidence);
    let key = |of: &str, relation: &str, target: &str| format!("group {of} {relation} {target}");
    for target in ["u1", "u2"] {
        check(
            &found,
            &[
                (&key(G[0], "members", target), "recoverable"),
                (&key(G[1], "members", target), "link-not-supported"),
                (&key(G[2], "members", target), "visible-only"),
                (&key(G[0], "owners", target), "link-not-supported"),
            ],
        );
    }
}

#[test]
fn the_kind_of_a_group_must_be_told() {
    let evidence = Evidence::new();
    for day in [1, 2] {
        evidence.users(day, [person("u1", json!({}))]);
        let bare = json!({"id": G[0], "displayName": "G", "onPremisesSyncEnabled": null});
        evidence.list(day, "groups", [bare]);
        evidence.members(day, 5, G[0], if day == 1 { vec![] } else { vec!["u1"] });
    }
    let key = format!("group {} members u1", G[0]);
    check(&words(&evidence), &[(&key, "cannot-tell")]);
}

/// Users `u1` soft-deleted on the second day, `u2` gone from list and bin on the third, `u3` gone on the second.
fn departures(with_bin: bool) -> Evidence {
    let evidence = Evidence::new();
    for day in 1..=3 {
        let mut live = vec![person("u0", json!({}))];
        if day == 1 {
            live.extend(["u1", "u2", "u3"].map(|id| person(id, json!({}))));
        }
        evidence.users(day, live);
        let dead = |id: &str| {
            with(person(id, json!({})), json!({"deletedDateTime": "2026-11-01T12:00:00Z"}))
        };
        let bin = match day {
            1 => vec![],
            2 => vec![dead("u1"), dead("u2")],
            _ => vec![dead("u1")],
        };
        if with_bin {
            evidence.bin(day, 10, bin);
        }
        let members = if day == 1 { vec!["u1", "u2", "u3"] } else { vec![] };
        evidence.list(day, "groups", [group(G[0], json!({}))]);
        evidence.members(day, 5, G[0], members);
    }
    evidence
}

#[test]
fn what_is_gone_for_good_is_named() {
    let found = words(&departures(true));
    let link = |target: &str| format!("group {} members {target}", G[0]);
    check(
        &found,
        &[
            ("user u1 softDeleted", "recoverable"),
            ("user u2 softDeleted", "hard-deleted"),
            ("user u2 hardDeleted", "hard-deleted"),
            ("user u3 hardDeleted", "hard-deleted"),
            (&link("u1"), "recoverable"),
            (&link("u2"), "hard-deleted"),
            (&link("u3"), "hard-deleted"),
        ],
    );
    let found = words(&departures(false));
    check(&found, &[("user u1 removed", "cannot-tell"), (&link("u1"), "cannot-tell")]);
}

#[test]
fn days_in_the_bin_are_counted_at_the_clock() {
    let evidence = departures(true);
    for (clock, word) in [
        ("2026-11-05T12:00:00Z", "recoverable"),
        // Deleted on the first at noon: seven days later no backup from before it is left.
        ("2026-11-08T12:00:00Z", "backup-expired"),
        ("2026-12-01T11:59:59Z", "backup-expired"),
        ("2026-12-01T12:00:00Z", "bin-expired"),
    ] {
        check(&words_at(&evidence, clock), &[("user u1 softDeleted", word)]);
    }
}

#[test]
fn applications_for_several_tenants_are_not_purged() {
    for (audience, word) in [
        ("AzureADMyOrg", "bin-expired"),
        ("AzureADMultipleOrgs", "backup-expired"),
        ("PersonalMicrosoftAccount", "backup-expired"),
        // Not told: no promise that it is there, nor that it is not.
        ("", "backup-expired"),
    ] {
        let evidence = Evidence::new();
        let app = |members: Value| {
            let told =
                if audience.is_empty() { json!({}) } else { json!({"signInAudience": audience}) };
            with(with(json!({"id": "a", "displayName": "A"}), told), members)
        };
        let other = json!({"id": "b", "displayName": "B"});
        evidence.list(1, "applications", [app(json!({})), other.clone()]);
        evidence.list(2, "applications", [other]);
        let dead = app(json!({"deletedDateTime": "2026-11-01T12:00:00Z"}));
        let stem = "directory_deletedItems_microsoft.graph.application";
        evidence.page(2, 10, stem, &page("applications", [dead]));
        check(&words_at(&evidence, "2026-12-05T00:00:00Z"), &[("application a softDeleted", word)]);
        check(&words(&evidence), &[("application a softDeleted", "recoverable")]);
    }
}

#[test]
fn groups_come_back_if_their_kind_has_a_bin() {
    let kinds = [
        (json!({}), "recoverable", "cannot-tell"),
        (json!({"groupTypes": ["Unified"], "mailEnabled": true}), "recoverable", "cannot-tell"),
        (json!({"mailEnabled": true, "securityEnabled": false}), "no-bin", "no-bin"),
        (json!({"mailEnabled": true}), "no-bin", "no-bin"),
        (json!({"onPremisesSyncEnabled": true}), "visible-only", "no-bin"),
    ];
    let evidence = Evidence::new();
    let all = |kind: usize| group(G[kind], kinds[kind].0.clone());
    let other = group("0f94820e-8042-4554-a827-57efdc8bd6ff", json!({}));
    evidence.list(1, "groups", [other.clone()]);
    evidence.list(2, "groups", (0..kinds.len()).map(all).chain([other]));
    let found = words(&evidence);
    for (kind, (_, added, _)) in kinds.iter().enumerate() {
        check(&found, &[(&format!("group {} added", G[kind]), added)]);
    }
    let evidence = Evidence::new();
    let other = group("0f94820e-8042-4554-a827-57efdc8bd6ff", json!({}));
    evidence.list(1, "groups", (0..kinds.len()).map(all).chain([other.clone()]));
    evidence.list(2, "groups", [other]);
    let found = words(&evidence);
    for (kind, (.., removed)) in kinds.iter().enumerate() {
        check(&found, &[(&format!("group {} removed", G[kind]), removed)]);
    }
}

#[test]
fn grants_and_assignments_come_with_their_service_principal() {
    let grant = |client: &str, consent: &str, principal: Value, scope: &str| {
        json!({"id": client, "clientId": client, "resourceId": "r", "consentType": consent,
            "principalId": principal, "scope": scope})
    };
    let assignment = |principal: &str| json!({"id": principal, "principalId": principal, "resourceId": "r", "appRoleId": G[0]});
    let sp = |id: &str| json!({"id": id, "displayName": id, "appId": id});
    let evidence = Evidence::new();
    evidence.list(1, "servicePrincipals", ["c", "d", "r"].map(sp));
    evidence.list(2, "servicePrincipals", ["c", "r"].map(sp));
    let stem = "directory_deletedItems_microsoft.graph.servicePrincipal";
    for day in [1, 2] {
        evidence.page(day, 10, stem, &page("servicePrincipals", []));
    }
    evidence.list(
        1,
        "oauth2PermissionGrants",
        [
            grant("c", "AllPrincipals", json!(null), "User.Read"),
            grant("c", "Principal", json!("u1"), "User.Read"),
            grant("d", "AllPrincipals", json!(null), "User.Read"),
        ],
    );
    evidence.list(
        2,
        "oauth2PermissionGrants",
        [
            grant("c", "AllPrincipals", json!(null), "User.Read Mail.Read"),
            grant("c", "Principal", json!("u1"), "User.Read Mail.Read"),
        ],
    );
    for (day, principals) in [(1, vec!["c", "d"]), (2, vec!["x"])] {
        let assigned = page(
            "servicePrincipals('r')/appRoleAssignedTo",
            principals.into_iter().map(assignment),
        );
        evidence.page(day, 7, "servicePrincipals_r_appRoleAssignedTo", &assigned.counted());
    }
    let role =
        |principal: &str, kind: &str| format!("appRoleAssignment {principal}|r|{} {kind}", G[0]);
    check(
        &words(&evidence),
        &[
            ("oAuth2PermissionGrant c|r|AllPrincipals| scope r", "with-anchor"),
            ("oAuth2PermissionGrant c|r|Principal|u1 scope r", "user-consent"),
            ("oAuth2PermissionGrant d|r|AllPrincipals| removed", "hard-deleted"),
            ("servicePrincipal d hardDeleted", "hard-deleted"),
            (&role("c", "removed"), "with-anchor"),
            (&role("d", "removed"), "hard-deleted"),
            (&role("x", "added"), "with-anchor"),
        ],
    );
}

/// A department that changes between three o'clock of two days.
fn one_change(first: i64, second: i64) -> Evidence {
    let evidence = Evidence::new();
    evidence.users(first, [person("u", json!({}))]);
    evidence.users(second, [person("u", json!({"department": "E"}))]);
    evidence
}

#[test]
fn a_change_is_recovered_while_a_backup_from_before_it_is_kept() {
    let evidence = one_change(1, 2);
    for (clock, word) in [
        ("2026-11-02T04:00:00Z", "recoverable"),
        // One backup a day at an hour that is not known: at six days the oldest may be from after the change.
        ("2026-11-07T03:00:00Z", "recoverable"),
        ("2026-11-07T03:00:01Z", "cannot-tell"),
        ("2026-11-09T02:59:59Z", "cannot-tell"),
        ("2026-11-09T03:00:00Z", "backup-expired"),
    ] {
        check(&words_at(&evidence, clock), &[("user u department", word)]);
    }
}

#[test]
fn a_net_difference_is_judged_as_a_whole() {
    let evidence = Evidence::new();
    for (day, department) in [(1, "D"), (2, "E"), (3, "F")] {
        let mut users = vec![person("u", json!({"department": department}))];
        if day < 3 {
            users.push(person("gone", json!({"department": department})));
        }
        evidence.users(day, users);
        evidence.bin(day, 10, []);
    }
    let clock = "2026-11-08T03:00:00Z";
    let rows = evidence.rows(&["--as-of", clock, "--id", "u"]);
    assert_eq!(rows.column("recoverability"), ["cannot-tell", "recoverable"]);
    let diff = |to: &str| {
        let arguments = ["--as-of", clock, "--from", "1", "--to", to, "--format", "csv"];
        let rows = evidence.run("diff", &arguments).ended(0).rows();
        let words = rows
            .0
            .iter()
            .map(|row| (row.get("object_id").to_owned(), row.get("recoverability").to_owned()));
        words.collect::<BTreeMap<_, _>>()
    };
    // To take it back to the first day needs a backup of the first day.
    check(&diff("3"), &[("u", "cannot-tell"), ("gone", "hard-deleted")]);
    // That it is gone by the third day counts on the second as well.
    check(&diff("2"), &[("gone", "hard-deleted")]);
}

#[test]
fn the_list_of_backups_settles_what_the_hour_of_a_backup_leaves_open() {
    for (taken, word) in [
        ("2026-11-01T02:00:00Z", "recoverable"),
        ("2026-11-01T04:00:00Z", "cannot-tell"),
        ("2026-10-30T02:00:00Z", "cannot-tell"),
    ] {
        let evidence = one_change(1, 2);
        let snapshot = json!({"id": "MTc4NTE4OTYwMA==", "createdDateTime": taken});
        let mut list = json!({"value": [snapshot]});
        list["@odata.context"] = json!(crate::evidence::context("directory/recovery/snapshots"));
        evidence.json(2, 9, "directory_recovery_snapshots", &list);
        check(&words_at(&evidence, "2026-11-07T20:00:00Z"), &[("user u department", word)]);
    }
}

#[test]
fn the_preview_kept_backups_for_a_shorter_time() {
    // Day 1 is the first of November: this is from the 24th to the 25th of June.
    let evidence = one_change(-129, -128);
    for (clock, word) in [
        ("2026-06-28T03:00:00Z", "recoverable"),
        ("2026-06-28T04:00:00Z", "cannot-tell"),
        ("2026-06-29T23:59:59Z", "cannot-tell"),
        ("2026-06-30T00:00:00Z", "recoverable"),
        ("2026-06-30T04:00:00Z", "cannot-tell"),
        ("2026-07-02T03:00:00Z", "backup-expired"),
        // The service did not exist: nothing is said.
        ("2026-03-18T23:59:59Z", ""),
    ] {
        check(&words_at(&evidence, clock), &[("user u department", word)]);
    }
    let evidence = one_change(-139, -138);
    check(&words_at(&evidence, "2026-06-20T03:00:00Z"), &[("user u department", "backup-expired")]);
}

#[test]
fn what_is_no_change_is_not_judged() {
    let evidence = Evidence::new();
    let moved = |at: &str| json!({"signInActivity": {"lastSignInDateTime": at}});
    evidence.users(1, [person("u", moved("2026-11-01T00:00:00Z")), person("v", json!({}))]);
    let second = page("users", [person("u", moved("2026-11-02T00:00:00Z"))]).followed();
    evidence.page(2, 0, "users", &second);
    let rows = evidence.rows(&["--as-of", "2026-11-03T00:00:00Z", "--lane", "volatile"]);
    assert_eq!(rows.column("recoverability"), [""]);
    // A disappearance that nothing carries is listed, and is not promised.
    let rows = evidence.rows(&["--as-of", "2026-11-03T00:00:00Z"]);
    assert_eq!(rows.column("change"), ["removed"]);
    assert_eq!(rows.column("lane"), ["coverage"]);
    assert_eq!(rows.column("recoverability"), ["cannot-tell"]);
}

#[test]
fn every_output_says_it_and_explain_knows_it() {
    let evidence = one_change(1, 2);
    let lines = evidence.run("timeline", &["--format", "jsonl"]).ended(0).text();
    let row: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(row["recoverability"], "recoverable");
    let table = evidence.run("timeline", &[]).ended(0).text();
    assert!(table.lines().next().unwrap().ends_with("RECOVERY"), "{table}");
    let report = evidence.report(&[]);
    assert_eq!(report.table("changes.csv").column("recoverability"), ["recoverable"]);
    let page = report.html();
    assert!(page.contains("What the service can put back"));
    assert!(page.contains("Backup and Recovery:"));
    let told = run(["explain", "recoverable"]).ended(0).text();
    assert!(told.starts_with("recoverable: "), "{told}");
}

#[test]
fn an_object_in_the_bin_says_what_it_is_when_it_comes_back() {
    let evidence = departures(true);
    let report = evidence.report(&[]);
    assert!(report.html().contains("the password is not recovered"));
}
