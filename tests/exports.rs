//! Exports of configuration: from the file to the changes. Every fixture is claimed by one recogniser.

mod files;
mod jobs;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, context, day};

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn file(evidence: &Evidence, number: i64, name: &str, value: &Value) {
    evidence.file(format!("{}/{name}", day(number)), value.to_string());
}

/// Object, change, attribute, before, after, lane, certainty.
fn rows(evidence: &Evidence) -> Vec<String> {
    let columns = ["object_id", "change", "attribute", "before", "after", "lane", "certainty"];
    let rows = evidence.rows(&[]);
    for row in &rows.0 {
        for receipt in row.get("evidence_after").split(';').filter(|r| r.contains(':')) {
            evidence.run("show", &["--receipt", receipt]).ended(0);
        }
    }
    let mut lines: Vec<String> =
        rows.0.iter().map(|row| columns.map(|column| row.get(column)).join(" ")).collect();
    lines.sort();
    lines
}

fn old_user(city: &str, phone: &Value) -> Value {
    json!({"odata.type": "Microsoft.DirectoryServices.User", "objectType": "User", "objectId": ID,
        "userPrincipalName": "a@contoso.com", "city": city, "telephoneNumber": phone,
        "dirSyncEnabled": null, "mobile": null})
}

fn policy(id: Option<&str>, name: &str, state: &str) -> Value {
    let mut policy = json!({"displayName": name, "state": state,
        "conditions": {"clientAppTypes": ["all"]}, "grantControls": {"builtInControls": ["mfa"]}});
    if let Some(id) = id {
        policy["id"] = json!(id);
    }
    policy
}

fn resource(name: &str, state: &str, id: Option<&str>) -> Value {
    let mut resource = json!({"ResourceName": "AADConditionalAccessPolicy",
        "ResourceInstanceName": format!("AADConditionalAccessPolicy-{name}"), "DisplayName": name,
        "State": state, "IncludeUsers": ["a@contoso.com"], "Ensure": "Present", "TenantId": TENANT});
    if let Some(id) = id {
        resource["Id"] = json!(id);
    }
    resource
}

fn snapshot(resources: &[Value]) -> Value {
    let of = |resource: &Value| {
        json!({"displayName": resource["ResourceInstanceName"],
            "resourceType": "microsoft.entra.conditionalaccesspolicy", "properties": resource})
    };
    let resources: Vec<Value> = resources
        .iter()
        .map(|resource| {
            let mut item = of(resource);
            let own = item["properties"].as_object_mut().unwrap();
            own.remove("ResourceName");
            own.remove("ResourceInstanceName");
            item
        })
        .collect();
    json!({"id": "s", "displayName": "Nightly", "resources": resources, "parameters": []})
}

#[test]
fn objects_of_azure_ad_graph_change_under_the_names_of_graph() {
    let evidence = Evidence::new();
    file(&evidence, 1, "users.json", &json!([old_user("Bern", &json!("+1"))]));
    file(&evidence, 2, "users.json", &json!([old_user("Basel", &json!("+2"))]));
    let graph = json!({"@odata.context": context("users"), "value": [{"id": ID,
        "userPrincipalName": "a@contoso.com", "city": "Basel", "businessPhones": ["+2"],
        "onPremisesSyncEnabled": true, "mobilePhone": null}]});
    file(&evidence, 3, "users.json", &graph);
    assert_eq!(
        rows(&evidence),
        [
            format!("{ID} modified businessPhones [\"+1\"] [\"+2\"] change proven"),
            format!("{ID} modified city \"Bern\" \"Basel\" change proven"),
            format!("{ID} modified onPremisesSyncEnabled  true change proven"),
        ]
    );
    evidence.report(&[]).assert_balanced();
}

#[test]
fn resources_of_microsoft365dsc_go_by_id_where_they_have_one() {
    let evidence = Evidence::new();
    let of = |name: &str, state: &str, lost: &Value| {
        let mut first = resource(name, state, Some(ID));
        first["Nested"] = lost.clone();
        json!([first, resource("Unnumbered", "enabled", None)])
    };
    file(&evidence, 1, "M365TenantConfig.json", &of("P", "enabled", &json!({"a": 1})));
    let lost = json!("System.Collections.Specialized.OrderedDictionary");
    file(&evidence, 2, "M365TenantConfig.json", &of("Renamed", "disabled", &lost));
    assert_eq!(
        rows(&evidence),
        [
            format!("{ID} modified displayName \"P\" \"Renamed\" change proven"),
            format!("{ID} modified state \"enabled\" \"disabled\" change proven"),
        ]
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("snapshots.csv").column("tenant_id"), [TENANT, TENANT]);
    let coverage = report.table("coverage.csv").having("attribute", "");
    let told = coverage.column("detail").iter().any(|told| told.contains("told apart by name"));
    assert!(told, "{coverage:?}");
}

#[test]
fn a_configuration_snapshot_is_its_resources() {
    let evidence = Evidence::new();
    let one = [resource("P", "enabled", Some(ID)), resource("Old", "enabled", None)];
    let two = [resource("P", "disabled", Some(ID)), resource("New", "enabled", None)];
    file(&evidence, 1, "snapshot.json", &snapshot(&one));
    file(&evidence, 2, "snapshot.json", &snapshot(&two));
    let found = rows(&evidence);
    let of = |name: &str| {
        format!("microsoft.entra.conditionalaccesspolicy|AADConditionalAccessPolicy-{name}")
    };
    assert!(found.contains(&format!("{ID} modified state \"enabled\" \"disabled\" change proven")));
    assert!(
        found.iter().any(|row| row.starts_with(&format!("{} removed", of("Old")))),
        "{found:#?}"
    );
    let told = |row: &String| row.starts_with(&of("New"));
    assert!(found.iter().all(|row| !told(row) || row.contains("added")), "{found:#?}");
    evidence.report(&[]).assert_balanced();
}

#[test]
fn objects_without_ids_go_by_name() {
    let evidence = Evidence::new();
    for number in [1, 2] {
        let state = if number == 1 { "enabled" } else { "disabled" };
        file(&evidence, number, "ca/first.json", &policy(None, "First", state));
        for name in ["B", "C", "D", "E", "F", "G", "H", "I", "J", "K"] {
            file(&evidence, number, &format!("ca/{name}.json"), &policy(None, name, "enabled"));
        }
    }
    file(&evidence, 1, "ca/old.json", &policy(None, "Old", "enabled"));
    file(&evidence, 2, "ca/new.json", &policy(None, "New", "enabled"));
    assert_eq!(
        rows(&evidence),
        [
            "name:First modified state \"enabled\" \"disabled\" change proven",
            "name:New added    change consistent",
            "name:Old removed    change consistent",
        ]
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    let coverage = report.table("coverage.csv").having("attribute", "");
    let coverage = coverage.having("object_type", "conditionalAccessPolicy").having("request", "");
    let told = "told apart by name, for want of ids: a rename is removed and added";
    assert_eq!(coverage.column("detail"), [told, told], "{coverage:?}");
}

#[test]
fn objects_without_id_and_name_go_by_path() {
    let evidence = Evidence::new();
    let rule = |state: &str| {
        json!({"state": state, "conditions": {"clientAppTypes": ["all"]},
            "grantControls": {"builtInControls": ["mfa"]}})
    };
    for number in [1, 2] {
        let state = if number == 1 { "enabled" } else { "disabled" };
        file(&evidence, number, "conditionalAccess/policies/first.json", &rule(state));
        for name in ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
            let path = format!("conditionalAccess/policies/{name}.json");
            file(&evidence, number, &path, &rule("enabled"));
        }
    }
    file(&evidence, 1, "conditionalAccess/policies/old.json", &rule("enabled"));
    file(&evidence, 2, "conditionalAccess/policies/new.json", &rule("enabled"));
    assert_eq!(
        rows(&evidence),
        [
            "path:conditionalAccess/policies/first.json modified state \"enabled\" \"disabled\" change proven",
            "path:conditionalAccess/policies/new.json added    change consistent",
            "path:conditionalAccess/policies/old.json removed    change consistent",
        ]
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    let coverage = report.table("coverage.csv").having("attribute", "");
    let coverage = coverage.having("object_type", "conditionalAccessPolicy").having("request", "");
    assert_eq!(coverage.column("state"), ["collected", "collected"], "{coverage:?}");
    let told = "told apart by path, for want of ids and names: a file renamed or moved is removed and added";
    assert_eq!(coverage.column("detail"), [told, told]);
}

fn intune(name: &str, state: &str) -> Value {
    let mut object = policy(Some(ID), name, state);
    object["state@odata.type"] = json!("#microsoft.graph.conditionalAccessPolicyState");
    object["@odata.editLink"] = json!("x");
    object["#microsoft.graph.restore"] = json!({"target": "y"});
    object["organizationId"] = json!("%OrganizationId%");
    object
}

fn migration_table() -> Value {
    json!({"TenantId": TENANT, "Organization": "Contoso",
        "Objects": [{"DisplayName": "G", "Id": ID, "Type": "Group"}]})
}

#[test]
fn intune_management_goes_by_id_across_renames() {
    let evidence = Evidence::new();
    file(&evidence, 1, "ConditionalAccess/P.json", &intune("P", "enabled"));
    file(&evidence, 1, "MigrationTable.json", &migration_table());
    file(&evidence, 2, "MigrationTable.json", &migration_table());
    let mut second = intune("Renamed", "enabled");
    second["organizationId"] = json!("Contoso");
    file(&evidence, 2, "ConditionalAccess/Renamed.json", &second);
    let changes = evidence.rows(&[]);
    assert_eq!(changes.column("attribute"), ["displayName"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("snapshots.csv").column("tenant_id"), [TENANT, TENANT]);
}

#[test]
fn a_migration_table_tells_the_tenant_of_its_own_folder() {
    let evidence = Evidence::new();
    let other = "22222222-2222-4333-8444-555555555555";
    for (folder, tenant) in [("a", TENANT), ("b", other)] {
        let mut table = migration_table();
        table["TenantId"] = json!(tenant);
        file(&evidence, 1, &format!("{folder}/MigrationTable.json"), &table);
        file(&evidence, 1, &format!("{folder}/ca/P.json"), &intune("P", "enabled"));
    }
    let report = evidence.report(&[]);
    assert_eq!(report.table("snapshots.csv").column("tenant_id"), [TENANT, other]);
}

/// A fixture of each format: name of the file, bytes, the words of `evidence.csv` for it.
fn fixtures() -> Vec<(&'static str, Value, &'static str)> {
    let page = json!({"@odata.context": context("users"), "value": [{"id": ID}]});
    let hound = json!({"data": [{"kind": "AZUser", "data": {"id": ID}}],
        "meta": {"type": "azure", "version": 5, "count": 1}});
    let scuba = json!({"baseline_version": "1", "module_version": "1", "tenant_details": [],
        "conditional_access_policies": []});
    let answers = json!({"responses": [{"id": "1", "status": 200, "body": page}]});
    let powershell = json!([{"Id": ID, "DisplayName": "A", "AdditionalProperties": {}}]);
    let entity = json!({"@odata.context": context("users/$entity"), "id": ID});
    vec![
        ("users.json", page, "Graph collection page"),
        ("user.json", entity, "Graph entity"),
        ("users.json", json!([{"id": ID, "userPrincipalName": "a@contoso.com"}]), "JSON array"),
        ("user.json", json!({"id": ID, "userPrincipalName": "a@contoso.com"}), "JSON object"),
        ("answers.json", answers, "Graph answers"),
        ("hound.json", hound, "AzureHound"),
        ("ProviderSettingsExport.json", scuba, "ScubaGear"),
        ("users.json", powershell, "PowerShell objects"),
        ("users.json", json!([old_user("Bern", &Value::Null)]), "Azure AD Graph"),
        ("report.json", json!([resource("P", "enabled", None)]), "configuration resources"),
        ("snapshot.json", snapshot(&[resource("P", "enabled", None)]), "configuration resources"),
        ("P.json", policy(None, "P", "enabled"), "configuration without ids"),
        ("P.json", intune("P", "enabled"), "IntuneManagement"),
        ("MigrationTable.json", migration_table(), "IntuneManagement"),
        ("x.json", json!({"error": {"code": "Forbidden", "message": ""}}), "Graph error"),
    ]
}

#[test]
fn every_fixture_is_claimed_by_its_own_recogniser() {
    for (name, value, format) in fixtures() {
        let evidence = Evidence::new();
        file(&evidence, 1, name, &value);
        let report = evidence.report(&[]);
        report.assert_balanced();
        assert_eq!(report.table("evidence.csv").column("format"), [format], "{name}: {value}");
    }
}

#[test]
fn a_configuration_as_script_is_refused_with_advice() {
    let policy = "        AADConditionalAccessPolicy \"P\"\r\n        {\r\n            State = \"enabled\";\r\n        }\r\n";
    let script = |head: &str| {
        format!(
            "{head}param (\r\n)\r\n\r\nConfiguration M365TenantConfig\r\n{{\r\n    \
            Import-DscResource -ModuleName 'Microsoft365DSC'\r\n    Node localhost\r\n    {{\r\n{policy}    }}\r\n}}\r\n"
        )
    };
    let data = "@{\r\n    AllNodes = @(\r\n        @{ NodeName = \"localhost\" }\r\n    )\r\n    \
        NonNodeData = @(\r\n        @{ OrganizationName = \"contoso.com\" }\r\n    )\r\n}\r\n";
    let plain = script("# Generated with Microsoft365DSC version 1.25.1001.1\r\n");
    let wide: Vec<u8> =
        std::iter::once(0xFEFF).chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let large = format!("{plain}{}", policy.repeat(160_000));
    for (name, bytes) in [
        ("M365TenantConfig.ps1", plain.into_bytes()),
        ("M365TenantConfig.ps1", wide),
        ("M365TenantConfig.ps1", script("<# made by hand #>\r\n").into_bytes()),
        ("M365TenantConfig.ps1", large.into_bytes()),
        ("ConfigurationData.psd1", data.to_owned().into_bytes()),
    ] {
        let evidence = Evidence::new();
        evidence.file(format!("{}/{name}", day(1)), bytes);
        file(
            &evidence,
            1,
            "users.json",
            &json!([{"id": ID, "userPrincipalName": "a@contoso.com"}]),
        );
        let report = evidence.report(&[]);
        report.assert_balanced();
        let warnings = report.table("warnings.csv").having("code", "dsc-script");
        assert_eq!(warnings.0.len(), 1, "{name}: {:?}", report.table("warnings.csv"));
        assert!(report.table("warnings.csv").having("code", "not-json").0.is_empty());
    }
}
