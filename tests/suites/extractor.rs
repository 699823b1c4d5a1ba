//! Views of Microsoft-Extractor-Suite and of Hawk.

use serde_json::json;

use super::{assert_receipts, changes, formats, id, warning};
use crate::evidence::{Evidence, TENANT, page};

/// A view in the folder of its part: local stamps, ten seconds apart for each part.
fn view(evidence: &Evidence, number: i64, part: &str, name: &str, head: &str, rows: &[String]) {
    let component = part.split('/').next().unwrap();
    let below = part.split_once('/').map_or(String::new(), |(_, below)| format!("-{below}"));
    let stamp = format!("202611{number:02}-1000{:02}", name.len());
    let file = if component == "Admins" { format!("202611{number:02}") } else { stamp.clone() };
    let line = |row: &str, separator: char| format!("\"{}\"\r\n", row.replace(separator, "\",\""));
    let rows: String = rows.iter().map(|row| line(row, '|')).collect();
    let text = format!("\u{feff}{}{rows}", line(head, ' '));
    let path = format!("{TENANT}/Output/{component}/{stamp}{below}/{file}-{name}.csv");
    evidence.file(path, text);
}

const USERS: &str = "UserPrincipalName DisplayName Id Department JobTitle AccountEnabled CreatedDateTime \
LastPasswordChangeDateTime UserType OnPremisesSyncEnabled Mail LastSignInDateTime \
LastNonInteractiveSignInDateTime IdentityProvider City Country UsageLocation";

fn user(number: u32, enabled: &str, job: &str, date: &str) -> String {
    format!(
        "u{number}@contoso.com|User {number}|{}|Sales|{job}|{enabled}|{date}|{date}|Member||||||Berlin||",
        id(number)
    )
}

#[test]
fn users_of_the_extractor_suite_change_only_where_the_tool_asked() {
    let evidence = Evidence::new();
    let day = |job: &str, enabled: &str, date: &str| {
        [user(1, enabled, job, date), user(2, "True", "Clerk", date)]
    };
    view(&evidence, 1, "Users", "Users", USERS, &day("Clerk", "True", "11/1/2026 1:25:31 PM"));
    view(&evidence, 2, "Users", "Users", USERS, &day("", "False", "01.11.2026 13:25:31"));
    // Graph knows more of the same objects: what the view never had is no change.
    let graph = |number: u32, enabled: bool, job: Option<&str>| {
        json!({"id": id(number), "userPrincipalName": format!("u{number}@contoso.com"),
            "displayName": format!("User {number}"), "department": "Sales", "jobTitle": job,
            "accountEnabled": enabled, "userType": "Member", "city": "Berlin", "country": null,
            "onPremisesSyncEnabled": null, "mail": "u@contoso.com", "usageLocation": "DE"})
    };
    let list = page("users", [graph(1, false, None), graph(2, true, Some("Clerk"))]);
    evidence.file(format!("{TENANT}/users_20261104T030000Z.json"), list.json().to_string());
    assert_eq!(
        changes(&evidence),
        [
            format!("user {} modified accountEnabled  true false proven", id(1)),
            format!("user {} modified jobTitle  \"Clerk\"  proven", id(1)),
        ]
    );
    assert_receipts(&evidence, "u1@contoso.com");
    let said = warning(&evidence, "columns-not-carried");
    assert!(said.contains("never filled by the tool: Mail, UsageLocation"), "{said}");
    assert!(said.contains("not carried: CreatedDateTime, LastPasswordChangeDateTime"), "{said}");
}

const POLICIES: &str = "DisplayName Id State CreatedDateTime ModifiedDateTime Description IncludeUsers ExcludeUsers \
IncludeGroups IncludeApplications ClientAppTypes BuiltInControls SignInFrequency DeviceFilter ClientAppsV2 DeviceStates";

#[test]
fn a_flattened_policy_is_compared_with_its_own_kind_only() {
    let evidence = Evidence::new();
    let policy = |state: &str, excluded: &str, frequency: &str| {
        [format!(
            "CA001|{}|{state}||||All|{excluded}||All|all|mfa|{frequency}|Not Configured|all|",
            id(1)
        )]
    };
    let (a, b) = (id(11), id(12));
    let put = |number, rows: [String; 1]| {
        view(
            &evidence,
            number,
            "ConditionalAccessPolicies",
            "ConditionalAccessPolicies",
            POLICIES,
            &rows,
        );
    };
    put(1, policy("enabled", &format!("{a}; {b}"), "4 hours"));
    put(2, policy("enabled", &format!("{b}; {a}"), "4 hours"));
    put(3, policy("disabled", &a, " "));
    let graph = json!({"id": id(1), "displayName": "CA001", "state": "disabled",
        "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": [a]}},
        "sessionControls": {"signInFrequency": {"value": 4, "type": "hours"}},
        "grantControls": {"builtInControls": ["mfa"]}});
    let list = page("identity/conditionalAccess/policies", [graph]);
    evidence.file(format!("{TENANT}/policies_20261106T030000Z.json"), list.json().to_string());
    let policy = format!("conditionalAccessPolicy {} modified", id(1));
    assert_eq!(
        changes(&evidence),
        [
            format!(
                "{policy} microsoftExtractorSuite:ExcludeUsers  [\"{a}\",\"{b}\"] [\"{a}\"] proven"
            ),
            format!("{policy} microsoftExtractorSuite:SignInFrequency  \"4 hours\" \" \" proven"),
            format!("{policy} state  \"enabled\" \"disabled\" proven"),
        ]
    );
    assert_receipts(&evidence, "CA001");
}

const ROLES: &str = "Role UserName UserId DisplayName Department JobTitle AccountEnabled CreatedDateTime \
LastInteractiveSignIn LastNonInteractiveSignIn DaysSinceLastSignIn";
const ADMINS: &str = "UserName UserId Role DisplayName Department JobTitle AccountEnabled CreatedDateTime \
LastInteractiveSignIn LastNonInteractiveSignIn DaysSinceLastSignIn";

fn holder(role: &str, number: u32) -> String {
    format!("{role}|u{number}@contoso.com|{}|User {number}|||True||||No sign-in data", id(number))
}

#[test]
fn roles_by_name_are_assignments() {
    let evidence = Evidence::new();
    let roles = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|number| holder("User Administrator", number)).collect()
    };
    view(&evidence, 1, "Roles", "AllRoles", ROLES, &roles(1..21));
    let admin = |number: u32| {
        format!("u{number}@contoso.com|{}|User Administrator|User|||True||||2", id(number))
    };
    // A file of one role says nothing of those that it does not hold.
    view(&evidence, 1, "Admins", "User_Administrator", ADMINS, &[admin(1)]);
    let mut second = roles(2..21);
    second.push(holder("Global Administrator", 30));
    view(&evidence, 2, "Roles", "AllRoles", ROLES, &second);
    let of = |number: u32, role: &str| format!("unifiedRoleAssignment {}|{role}|/|", id(number));
    assert_eq!(
        changes(&evidence),
        [
            format!(
                "{} removed  fe930be7-5e62-47db-91af-98c3a49a38b1   consistent",
                of(1, "fe930be7-5e62-47db-91af-98c3a49a38b1")
            ),
            format!(
                "{} added  62e90394-69f5-4237-9190-012177145e10   consistent",
                of(30, "62e90394-69f5-4237-9190-012177145e10")
            ),
        ]
    );
    let snapshots = evidence.report(&[]).table("snapshots.csv");
    assert_eq!(snapshots.0.len(), 2, "a run of the suite is one snapshot");
}

#[test]
fn a_role_that_the_tool_lost_is_no_role() {
    let evidence = Evidence::new();
    let rows: Vec<String> = (1..21).map(|number| holder("User Administrator", number)).collect();
    view(&evidence, 1, "Roles", "AllRoles", ROLES, &rows);
    let mut second: Vec<String> = rows.iter().take(18).cloned().collect();
    // Behind an error the tool writes the name of a user in the place of the role's.
    second.push(holder("User 19", 19));
    view(&evidence, 2, "Roles", "AllRoles", ROLES, &second);
    assert_eq!(changes(&evidence), Vec::<String>::new());
    assert!(warning(&evidence, "role-unknown").contains("1 set aside"));
}

#[test]
fn members_permissions_and_methods_are_told_apart_by_what_names_them() {
    let evidence = Evidence::new();
    let member = |group: u32, number: u32| format!("G|{}|{}|User|||", id(group), id(number));
    let put = |number, rows: &[String]| {
        let head = "GroupName GroupId MemberId DisplayName Email UserPrincipalName GroupCreated";
        view(&evidence, number, "Groups", "GroupMembers", head, rows);
    };
    put(1, &[member(80, 1), member(80, 2), member(81, 3)]);
    // Group 81 has no row: it may be empty, or reading it may have failed.
    put(2, &[member(80, 1), member(80, 4)]);
    let granted = |kind: &str, client: u32, name: &str| {
        let (client, graph) = (id(client), id(52));
        format!("{kind}|{client}|{client}|App|{graph}|Graph|{name}|AllPrincipals|||")
    };
    let scopes = |more: &[&str], roles: u32| -> Vec<String> {
        let mut rows = vec![granted("Delegated", 50, "User.Read")];
        rows.extend(["User.Read"].iter().chain(more).map(|name| granted("Delegated", 51, name)));
        rows.extend((0..roles).map(|number| granted("Application", 51, &format!("Role.{number}"))));
        rows
    };
    let head = "PermissionType AppId ClientObjectId AppDisplayName ResourceObjectId ResourceDisplayName Permission \
        ConsentType PrincipalObjectId PrincipalDisplayName Homepage";
    let name = "OAuthPermissions";
    view(&evidence, 1, "EntraID/OAuthPermissions", name, head, &scopes(&[], 12));
    view(&evidence, 2, "EntraID/OAuthPermissions", name, head, &scopes(&["Mail.Read"], 13));
    let head = "user MFAstatus email fido2 app password phone softwareoath hellobusiness temporaryAccessPass \
        certificateBasedAuthConfiguration qrcodepin";
    let methods = |phone: &str| {
        vec![format!(
            "u1@contoso.com|Enabled|False|False|False|True|{phone}|False|False|False|False|False"
        )]
    };
    view(&evidence, 1, "MFA", "AuthenticationMethods", head, &methods("False"));
    view(&evidence, 2, "MFA", "AuthenticationMethods", head, &methods("True"));
    let role = format!("Application|{}|{}|Role.12|AllPrincipals|", id(51), id(52));
    let grant = format!("oAuth2PermissionGrant {}|{}|AllPrincipals|", id(51), id(52));
    assert_eq!(
        changes(&evidence),
        [
            format!("group {} linkAdded members {}   consistent", id(80), id(4)),
            format!("group {} linkRemoved members {}   consistent", id(80), id(2)),
            format!("microsoftExtractorSuite/appPermission {role} added     consistent"),
            "microsoftExtractorSuite/authenticationMethods u1@contoso.com modified phone  false true proven"
                .to_owned(),
            format!(
                "{grant} modified scope {} \"User.Read\" \"Mail.Read User.Read\" proven",
                id(52)
            ),
        ]
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    // Several rows are one grant, and its receipt shows them all.
    let row = evidence.rows(&["--type", "oAuth2PermissionGrant"]);
    let receipt = row.0.first().unwrap().get("evidence_after").to_owned();
    let shown = evidence.run("show", &["--receipt", &receipt]).ended(0).text();
    assert!(shown.contains("User.Read") && shown.contains("Mail.Read"), "{shown}");
    let case = evidence.beside("case");
    let with_case = || evidence.rows(&["--case", case.to_str().unwrap()]).lines();
    assert_eq!(with_case(), evidence.rows(&[]).lines());
    assert_eq!(with_case(), evidence.rows(&[]).lines());
}

#[test]
fn risk_detections_are_no_users() {
    let evidence = Evidence::new();
    let head = "Activity ActivityDateTime AdditionalInfo CorrelationId DetectedDateTime IPAddress Id RiskEventType \
        RiskLevel RiskState UserId UserPrincipalName";
    view(
        &evidence,
        1,
        "RiskyEvents",
        "RiskyEvents",
        head,
        &[format!("signin|||||::1|{}|x|high|atRisk|u|u@contoso.com", id(1))],
    );
    let head = "Id IsDeleted IsProcessing RiskDetail RiskLastUpdatedDateTime RiskLevel RiskState UserDisplayName \
        UserPrincipalName AdditionalProperties";
    let risky =
        |level: &str| vec![format!("{}|False|False|none||{level}|atRisk|U|u@contoso.com|", id(2))];
    view(&evidence, 1, "RiskyEvents", "RiskyUsers", head, &risky("low"));
    view(&evidence, 2, "RiskyEvents", "RiskyUsers", head, &risky("high"));
    assert_eq!(
        changes(&evidence),
        [format!("riskyUser {} modified riskLevel  \"low\" \"high\" proven", id(2))]
    );
    let report = evidence.report(&[]);
    assert!(report.table("objects.csv").having("object_type", "user").0.is_empty());
}

fn hawk(evidence: &Evidence, number: i64, name: &str, text: &str) {
    super::dated(evidence, number, &format!("Hawk/Tenant/{name}"), text);
}

#[test]
fn hawk_has_users_administrators_and_credentials() {
    let evidence = Evidence::new();
    let people = |enabled: &str, date: &str| {
        format!(
            "\"UserPrincipalName\",\"DisplayName\",\"Id\",\"AccountEnabled\",\"CreatedDateTime\",\"DeletedDateTime\",\
            \"LastPasswordChangeDateTime\",\"Mail\"\r\n\"a@contoso.com\",\"A\",\"{}\",\"{enabled}\",\"{date}\",,,\"a@contoso.com\"\r\n",
            id(1)
        )
    };
    hawk(&evidence, 1, "EntraIDUsers.csv", &people("True", "1/2/2026 1:00:00 PM"));
    hawk(&evidence, 2, "EntraIDUsers.csv", &people("False", "02.01.2026 13:00:00"));
    let admins = |last: u32| {
        let head = "\"AdminGroupName\",\"Members\",\"MemberType\",\"ObjectId\"\r\n".to_owned();
        let row =
            |number| format!("\"Global Reader\",\"u{number}\",\"User\",\"{}\"\r\n", id(number));
        let rows: String = (1..last).map(row).collect();
        head + &rows + "\"User Administrator\",\"No Members\",\"None\",\r\n"
    };
    hawk(&evidence, 1, "EntraIDAdministrators.csv", &admins(20));
    hawk(&evidence, 2, "EntraIDAdministrators.csv", &admins(21));
    let twin = format!(
        "[{{\"AdminGroupName\":\"Global Reader\",\"Members\":\"u\",\"MemberType\":\"User\",\"ObjectId\":\"{}\"}}]",
        id(1)
    );
    hawk(&evidence, 2, "EntraIDAdministrators.json", &twin);
    let secrets = |last: u32| {
        let head = "\"AppName\",\"AppObjectID\",\"KeyID\",\"StartDate\",\"EndDate\",\"KeyType\",\"CredType\"\r\n";
        let row = |number| {
            let (app, key) = (id(90), id(100 + number));
            format!("\"App\",\"{app}\",\"{key}\",\"1/2/2026\",\"1/2/2027\",,\"PasswordSecret\"\r\n")
        };
        let rows: String = (1..last).map(row).collect();
        head.to_owned() + &rows
    };
    for name in ["SPNCertsAndSecrets.csv", "ApplicationCertsAndSecrets.csv"] {
        hawk(&evidence, 1, name, &secrets(20));
    }
    hawk(&evidence, 2, "SPNCertsAndSecrets.csv", &secrets(20).replace("1/2/2026", "02.01.2026"));
    hawk(&evidence, 2, "ApplicationCertsAndSecrets.csv", &secrets(21));
    let reader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    assert_eq!(
        changes(&evidence),
        [
            format!("hawk/applicationCredential {}|{} added     consistent", id(90), id(120)),
            format!("unifiedRoleAssignment {}|{reader}|/| added  {reader}   consistent", id(20)),
            format!("user {} modified accountEnabled  true false proven", id(1)),
        ]
    );
    assert!(warning(&evidence, "same-as-csv").contains("1 set aside"));
    assert!(
        formats(&evidence)
            .iter()
            .filter(|(name, _)| name.ends_with(".csv"))
            .all(|(_, format)| format == "Hawk")
    );
}
