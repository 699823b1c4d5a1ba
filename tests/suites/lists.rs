//! DFIR-O365RC, and tools whose results are no objects.

use serde_json::{Value, json};

use super::{assert_receipts, changes, dated, formats, id};
use crate::archives::{gzip, zip};
use crate::evidence::{Evidence, TENANT, day};
use crate::foreign::clixml;

/// What `ConvertTo-Json` makes of a list: one item stands without it.
fn list(items: &[Value]) -> String {
    match items {
        [one] => one.to_string(),
        items => Value::from(items.to_vec()).to_string(),
    }
}

fn user(number: u32, name: &str) -> Value {
    json!({"id": id(number), "userPrincipalName": format!("u{number}@contoso.com"), "displayName": name})
}

#[test]
fn deleted_users_stand_among_the_others() {
    let evidence = Evidence::new();
    let put = |number: i64, users: &[Value]| {
        let name = "azure_ad_users/AADUsers_contoso.onmicrosoft.com";
        dated(&evidence, number, &format!("{name}_users_raw.json"), list(users));
        let enriched: Vec<Value> = users
            .iter()
            .map(|user| {
                let mut user = user.clone();
                user["userAuthenticationSettings"] =
                    json!({"id": user["id"], "isAdmin": number == 2});
                user
            })
            .collect();
        dated(&evidence, number, &format!("{name}.json"), list(&enriched));
        let settings = json!({"id": id(1), "userPrincipalName": "u1@contoso.com",
            "isMfaRegistered": number == 1, "methodsRegistered": []});
        dated(&evidence, number, &format!("{name}_users_settings_raw.json"), list(&[settings]));
    };
    let mut gone = user(2, "Bob");
    gone["deleted"] = json!(true);
    gone["deletedDateTime"] = json!("2026-11-01T20:00:00Z");
    gone["userPrincipalName"] = json!(format!("{}u2@contoso.com", id(2).replace('-', "")));
    put(1, &[user(1, "Adele"), user(2, "Bob")]);
    put(2, &[user(1, "Adele V"), gone]);
    // One user only: the list is an object.
    put(3, &[user(1, "Adele V")]);
    let tenant = json!({"id": TENANT, "displayName": "Contoso", "verifiedDomains": [{"name": "contoso.com"}]});
    dated(
        &evidence,
        1,
        "azure_ad_tenant/AADTenant_contoso.onmicrosoft.com.json",
        tenant.to_string(),
    );
    assert_eq!(
        changes(&evidence)
            .into_iter()
            .filter(|row| !row.contains("hardDeleted") && !row.contains(" removed "))
            .collect::<Vec<_>>(),
        [
            format!("user {} modified displayName  \"Adele\" \"Adele V\" proven", id(1)),
            format!("user {} softDeleted     proven", id(2)),
            format!(
                "userRegistrationDetails {} modified isMfaRegistered  true false proven",
                id(1)
            ),
        ]
    );
    assert!(formats(&evidence).iter().all(|(_, format)| format == "DFIR-O365RC"));
    let known = evidence.report(&[]).table("snapshots.csv");
    assert!(known.column("tenant_id").iter().all(|tenant| *tenant == TENANT));
}

#[test]
fn what_hangs_on_an_object_stands_inside_it() {
    let evidence = Evidence::new();
    let put = |number: i64, inside: Value| {
        let mut principal = json!({"id": id(30), "appId": id(130), "displayName": "S",
            "servicePrincipalType": "Application", "application": {"id": id(31), "notes": number}});
        principal.as_object_mut().unwrap().extend(inside.as_object().unwrap().clone());
        dated(&evidence, number, "azure_ad_apps/AADApps_contoso.com.json", list(&[principal]));
    };
    let grant = |scope: &str| json!({"id": "g", "clientId": id(30), "consentType": "AllPrincipals", "resourceId": id(50), "scope": scope});
    let role = |number: u32| json!({"id": "a", "appRoleId": id(number), "principalId": id(30), "resourceId": id(50)});
    put(
        1,
        json!({"oauth2PermissionGrant": grant("User.Read"), "appRoleAssignment": [role(40), role(41)]}),
    );
    put(2, json!({"oauth2PermissionGrant": [grant("User.Read Mail.Read")]}));
    let edge = |role: u32| format!("appRoleAssignment {}|{}|{}", id(30), id(50), id(role));
    assert_eq!(
        changes(&evidence),
        [
            format!("{} removed  {}   consistent", edge(40), id(50)),
            format!("{} removed  {}   consistent", edge(41), id(50)),
            format!(
                "oAuth2PermissionGrant {}|{}|AllPrincipals| modified scope {} \"User.Read\" \"Mail.Read User.Read\" proven",
                id(30),
                id(50),
                id(50)
            ),
        ]
    );
    assert_receipts(&evidence, &id(50));
}

#[test]
fn results_are_no_objects_but_name_tenant_and_time() {
    let evidence = Evidence::new();
    let maester = json!({"Result": "Failed", "ExecutedAt": "2026-11-01T10:00:00+01:00", "TenantId": TENANT,
        "Tests": [{"Id": "MT.1001", "Result": "Passed"}], "EndOfJson": "EndOfJson"});
    evidence.file("maester/TestResults.json", maester.to_string());
    let eam = json!([{"ObjectId": id(1), "ObjectType": "user", "ObjectDisplayName": "A", "RoleSystem": "EntraID",
        "RoleAssignments": [], "Classification": []}]);
    evidence.file("entraops/PrivilegedEAM/EntraID/EntraID.json", eam.to_string());
    let monkey = json!({"projectId": id(2), "Instance": "Microsoft365", "tenantID": TENANT, "raw_data": "x",
        "jobFolder": "y", "date": "2026/11/01 09:30:00"});
    evidence.file("monkey/MonkeyJob/monkey365.json", monkey.to_string());
    let output = clixml(&format!(
        "<Obj RefId=\"0\"><TN RefId=\"0\"><T>Monkey365Output</T></TN><MS><S N=\"TenantID\">{TENANT}</S><Obj N=\"Output\" RefId=\"1\"><MS/></Obj><Obj N=\"Collectors\" RefId=\"2\"><LST/></Obj><S N=\"executionInfo\">x</S></MS></Obj>"
    ));
    evidence.file("monkey/MonkeyJob/MonkeyOutput", gzip(&output));
    let members = json!({"value": [{"id": id(3), "userPrincipalName": "u@contoso.com", "privilegedGroupId": id(4),
        "roleDefinitionId": id(5)}]});
    evidence.file("zt-export/RoleAssignmentGroup/RoleAssignmentGroup-0.json", members.to_string());
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    report.assert_balanced();
    assert!(report.table("objects.csv").0.is_empty());
    assert!(report.codes().contains("tool-results"));
    let exhibits = report.table("evidence.csv");
    let times: Vec<&str> = exhibits.column("captured_from");
    assert!(
        times.contains(&"2026-11-01T09:00:00Z") && times.contains(&"2026-11-01T09:30:00Z"),
        "{times:?}"
    );
    assert!(exhibits.column("tenant_id").contains(&TENANT));
}

#[test]
fn an_assessment_that_holds_a_part_denies_nothing() {
    let evidence = Evidence::new();
    let user = |number: u32, job: &str| {
        format!(
            "<Obj RefId=\"{number}\"><MS><S N=\"id\">{}</S><S N=\"userPrincipalName\">u{number}@contoso.com</S><S N=\"jobTitle\">{job}</S></MS></Obj>",
            id(number)
        )
    };
    let put = |number: i64, users: &[(u32, &str)], role: u32| {
        let objects: String = users.iter().map(|(number, job)| user(*number, job)).collect();
        let roles = format!(
            "<Obj RefId=\"1\"><MS><S N=\"id\">r</S><S N=\"principalId\">{}</S><S N=\"directoryScopeId\">/</S><Obj N=\"roleDefinition\" RefId=\"2\"><MS><S N=\"id\">{}</S></MS></Obj></MS></Obj>",
            id(1),
            id(role)
        );
        let at = |name: &str| format!("AAD-contoso.com/{name}");
        let assessment = json!({"AssessmentDateTime": format!("{}T03:00:00Z", day(number)), "AssessmentId": "a",
            "AssessmentVersion": "2.1", "AssessmentTenantId": TENANT, "AssessmentTenantDomain": "contoso.com"});
        let files = vec![
            ("AzureADAssessment.json".to_owned(), assessment.to_string().into_bytes()),
            (at("userData.xml"), clixml(&objects)),
            (at("roleAssignmentsData.xml"), clixml(&roles)),
        ];
        dated(&evidence, number, "AzureADAssessmentData.aad", zip(&files));
    };
    let many: Vec<(u32, &str)> = (1..21).map(|number| (number, "Clerk")).collect();
    put(1, &many, 60);
    let fewer: Vec<(u32, &str)> =
        (1..20).map(|number| (number, if number == 3 { "Thief" } else { "Clerk" })).collect();
    put(2, &fewer, 60);
    assert_eq!(
        changes(&evidence),
        [format!("user {} modified jobTitle  \"Clerk\" \"Thief\" proven", id(3))]
    );
    let objects = evidence.report(&[]).table("objects.csv");
    let roles = objects.having("object_type", "unifiedRoleAssignment");
    assert_eq!(roles.column("object_id"), [format!("{}|{}|/|", id(1), id(60))]);
}

#[test]
fn pages_without_context_keep_what_was_merged_into_their_items() {
    let evidence = Evidence::new();
    let put = |number: i64, owner: u32, name: &str| {
        let principal = json!({"id": id(1), "appId": id(2), "displayName": name, "servicePrincipalType": "Application",
            "owners": [{"@odata.type": "#microsoft.graph.user", "id": id(owner)}]});
        let page = json!({"value": [principal]});
        dated(
            &evidence,
            number,
            "zt-export/ServicePrincipal/ServicePrincipal-0.json",
            page.to_string(),
        );
    };
    put(1, 10, "A");
    put(2, 11, "B");
    let principal = format!("servicePrincipal {}", id(1));
    let found = changes(&evidence);
    assert!(
        found.contains(&format!("{principal} modified displayName  \"A\" \"B\" proven")),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|row| row.starts_with(&format!("{principal} linkAdded owners {}", id(11)))),
        "{found:#?}"
    );
}

#[test]
fn lists_of_the_azure_cli_are_those_of_graph() {
    let evidence = Evidence::new();
    for (number, name) in [(1, "A"), (2, "B")] {
        dated(
            &evidence,
            number,
            "az_ad_user_list.json",
            json!([user(1, name), user(2, "C")]).to_string(),
        );
        dated(&evidence, number, "az_ad_group_list.json", "[]");
    }
    assert_eq!(
        changes(&evidence),
        [format!("user {} modified displayName  \"A\" \"B\" proven", id(1))]
    );
    let coverage = evidence.report(&[]).table("coverage.csv");
    let groups = coverage.having("object_type", "group");
    assert!(groups.0.len() >= 2 && groups.column("state").iter().all(|state| *state == "empty"));
}
