//! Formats that say the same as Graph in other words, or less: the same changes, and no change where they lose something.

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, context, day, page, user};

fn id(number: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{number:012}")
}

const GROUP: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const APP: &str = "cccccccc-0000-4000-8000-00000000000c";
const APP_ID: &str = "dddddddd-0000-4000-8000-00000000000d";

/// The text of `value` in the folder of a day.
fn file(evidence: &Evidence, number: i64, name: &str, value: &Value) {
    evidence.file(format!("{}/{name}", day(number)), value.to_string());
}

mod azurehound {
    use super::*;

    fn item(kind: &str, data: impl Into<Value>) -> Value {
        let data: Value = data.into();
        json!({"kind": kind, "data": data})
    }

    fn person(number: u32, members: Value) -> Value {
        let plain = json!({"id": id(number), "displayName": format!("User {number}"),
            "userPrincipalName": format!("u{number}@contoso.com"), "tenantId": TENANT,
            "tenantName": "Contoso"});
        item("AZUser", crate::evidence::with(plain, members))
    }

    fn links(
        kind: &str,
        (list, one): (&str, &str),
        (key, parent): (&str, &str),
        of: &[u32],
    ) -> Value {
        let items: Vec<Value> = of
            .iter()
            .map(|number| {
                json!({one: {"@odata.type": "#microsoft.graph.user", "id": id(*number)},
                    key: parent})
            })
            .collect();
        let items = if items.is_empty() { Value::Null } else { json!(items) };
        item(kind, json!({list: items, key: parent}))
    }

    fn members(of: &[u32]) -> Value {
        links("AZGroupMember", ("members", "member"), ("groupId", GROUP), of)
    }

    fn group() -> Value {
        item("AZGroup", json!({"id": GROUP, "displayName": "G", "tenantId": TENANT}))
    }

    fn export(items: &[Value]) -> Value {
        json!({"data": items, "meta": {"type": "azure", "version": 5, "count": items.len()}})
    }

    #[test]
    fn objects_and_links_change_as_in_graph_and_false_is_absent() {
        let evidence = Evidence::new();
        let app = item("AZApp", json!({"id": APP, "appId": APP_ID, "tenantId": TENANT}));
        let owners = |of: &[u32]| links("AZAppOwner", ("owners", "owner"), ("appId", APP_ID), of);
        let machine = item("AZVM", json!({"id": "/subscriptions/x"}));
        let first = person(1, json!({"accountEnabled": true, "jobTitle": "Clerk"}));
        let second = person(2, json!({"accountEnabled": true}));
        let one = [
            first,
            second.clone(),
            group(),
            members(&[1]),
            app.clone(),
            owners(&[1]),
            machine.clone(),
        ];
        let changed = person(1, json!({"jobTitle": "Chief"}));
        let two = [changed, second, group(), members(&[1, 2]), app, owners(&[1, 2]), machine];
        file(&evidence, 1, "azurehound.json", &export(&one));
        file(&evidence, 2, "azurehound.json", &export(&two));
        let window = "(11-01T00:00..11-02T23:59:59Z) change";
        let (a, b) = (id(1), id(2));
        let lines = evidence.timeline();
        for start in [
            format!("linkAdded application {APP} owners >{b}"),
            format!("linkAdded group {GROUP} members >{b}"),
            format!("modified user {a} accountEnabled: true -> false {window} proven"),
            format!("modified user {a} jobTitle: \"Clerk\" -> \"Chief\" {window} proven"),
        ] {
            assert!(lines.iter().any(|line| line.starts_with(&start)), "{start}: {lines:#?}");
        }
        assert_eq!(lines.len(), 4, "{lines:#?}");
        let report = evidence.report(&[]);
        report.assert_balanced();
        assert_eq!(report.table("evidence.csv").column("format"), ["AzureHound", "AzureHound"]);
        assert_eq!(report.table("snapshots.csv").column("tenant_id"), [TENANT, TENANT]);
        let receipt = report.table("changes.csv").having("attribute", "jobTitle");
        let receipt = receipt.0[0].get("evidence_after").to_owned();
        let shown = evidence.run("show", &["--receipt", &receipt]).ended(0).text();
        assert!(shown.contains(r#""kind":"AZUser""#), "{shown}");
    }

    #[test]
    fn version_3_drops_case_and_that_renames_nobody() {
        let evidence = Evidence::new();
        let upper = |number| {
            let mut person = person(number, json!({"accountEnabled": true}));
            for name in ["id", "displayName", "tenantId"] {
                let text = person["data"][name].as_str().unwrap().to_uppercase();
                person["data"][name] = json!(text);
            }
            person
        };
        let enabled = json!({"accountEnabled": true});
        file(
            &evidence,
            1,
            "hound.json",
            &export(&[person(1, enabled.clone()), person(2, enabled)]),
        );
        let mut renamed = upper(2);
        renamed["data"]["displayName"] = json!("SOMEBODY ELSE");
        file(&evidence, 2, "hound.json", &export(&[upper(1), renamed]));
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(r#"displayName: "User 2" -> "SOMEBODY ELSE""#), "{lines:#?}");
    }

    #[test]
    fn nothing_for_a_list_is_no_empty_list() {
        let evidence = Evidence::new();
        let people = [person(1, json!({})), group()];
        file(&evidence, 1, "h.json", &export(&[people.to_vec(), vec![members(&[1])]].concat()));
        file(&evidence, 2, "h.json", &export(&[people.to_vec(), vec![members(&[])]].concat()));
        let removed = evidence.rows(&[]).having("change", "linkRemoved");
        assert!(removed.having("certainty", "proven").0.is_empty(), "{removed:?}");
    }

    #[test]
    fn an_export_that_breaks_off_gives_what_it_has_and_proves_no_absence() {
        let evidence = Evidence::new();
        let people: Vec<Value> = (1..20).map(|number| person(number, json!({}))).collect();
        let whole = export(&people).to_string();
        file(&evidence, 1, "h.json", &export(&people));
        evidence.file(format!("{}/h.json", day(2)), &whole.as_bytes()[..whole.len() / 2]);
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 10, "{lines:#?}");
        assert!(lines.iter().all(|line| line.ends_with("coverage unproven list-damaged")));
        let report = evidence.report(&[]);
        assert!(report.codes().contains("truncated-json"));
        let coverage = report.table("coverage.csv");
        assert!(
            coverage.column("detail").iter().any(|why| why.contains("damaged")),
            "{coverage:?}"
        );
    }

    #[test]
    fn items_may_stand_one_to_a_line() {
        let evidence = Evidence::new();
        for (number, title) in [(1, "Clerk"), (2, "Chief")] {
            let lines = [person(1, json!({"jobTitle": title})), group()];
            let text = lines.map(|line| line.to_string()).join("\n");
            evidence.file(format!("{}/h.json", day(number)), text);
        }
        assert_eq!(evidence.timeline().len(), 1);
    }
}

mod powershell {
    use super::*;

    fn person(members: Value) -> Value {
        let plain = json!({"Id": id(1), "DisplayName": "A", "UserPrincipalName": "a@contoso.com",
            "Mail": null, "CreatedDateTime": "/Date(1647536088205)/", "AdditionalProperties": {}});
        crate::evidence::with(plain, members)
    }

    #[test]
    fn a_dump_compares_with_a_page_of_graph() {
        let evidence = Evidence::new();
        let graph = json!({"id": id(1), "displayName": "A", "userPrincipalName": "a@contoso.com",
            "jobTitle": "Clerk", "createdDateTime": "2022-03-17T16:54:48Z"});
        evidence.list(1, "users", [graph]);
        let dump = person(json!({"JobTitle": "Chief", "Tags": {"value": ["x"], "Count": 1}}));
        evidence.json(2, 0, "users", &json!([dump]));
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(r#"jobTitle: "Clerk" -> "Chief""#), "{lines:#?}");
        let table = evidence.report(&[]).table("evidence.csv");
        assert!(table.column("format").contains(&"PowerShell objects"), "{table:?}");
    }

    #[test]
    fn what_was_cut_off_is_no_change() {
        let evidence = Evidence::new();
        let cut = json!({"AssignedLicenses": "System.Object[]", "Identities": ["@{Issuer=a; SignInType=b}"]});
        let whole = json!({"AssignedLicenses": [{"SkuId": "s"}], "Identities": [{"Issuer": "a", "SignInType": "b"}]});
        for (number, members) in [(1, whole.clone()), (2, cut), (3, whole)] {
            evidence.json(number, 0, "users", &json!([person(members)]));
        }
        assert_eq!(evidence.timeline(), [""; 0]);
        let coverage = evidence.report(&[]).table("coverage.csv");
        let licenses = coverage.having("attribute", "assignedLicenses").having("request", "");
        let cut = licenses.having("state", "partial");
        assert_eq!(cut.0.len(), 1, "{licenses:?}");
        assert!(cut.0[0].get("detail").contains("cut it off"), "{licenses:?}");
    }

    #[test]
    fn what_was_cut_off_is_told_from_null() {
        let evidence = Evidence::new();
        let whole = json!({"Identities": [{"Issuer": "a", "SignInType": "b"}]});
        let cut = json!({"Identities": "System.Object[]"});
        let other = person(json!({"Id": id(2), "Identities": [{"Issuer": "c"}]}));
        // But for what was cut off, the second and the third day say the same.
        for (number, members) in [(1, whole), (2, cut), (3, json!({"Identities": null}))] {
            evidence.json(number, 0, "users", &json!([person(members), other]));
        }
        let rows = evidence.rows(&["--lane", "coverage"]).having("attribute", "identities");
        assert_eq!(rows.column("object_id"), [id(1)], "{rows:?}");
        let window = [rows.column("not_before")[0], rows.column("not_after")[0]];
        assert!(window[0].contains("11-01") && window[1].contains("11-03"), "{window:?}");
    }

    #[test]
    fn a_name_that_looks_cut_off_is_a_name() {
        let evidence = Evidence::new();
        for (number, name) in [(1, "A"), (2, "@{x=y}")] {
            evidence.json(number, 0, "users", &json!([person(json!({"DisplayName": name}))]));
        }
        assert_eq!(evidence.timeline().len(), 1);
    }

    #[test]
    fn null_may_be_not_asked_for() {
        let evidence = Evidence::new();
        for (number, title) in [(1, Some("Clerk")), (2, None)] {
            evidence.json(number, 0, "users", &json!([person(json!({"JobTitle": title}))]));
        }
        let rows = evidence.rows(&["--lane", "coverage"]);
        assert!(
            rows.lines().iter().all(|line| !line.contains("proven") || line.contains("unproven"))
        );
        assert_eq!(evidence.rows(&[]).having("certainty", "proven").0.len(), 0);
    }
}

mod answers {
    use super::*;

    #[test]
    fn each_answer_is_a_request_and_its_url_names_the_parent() {
        let evidence = Evidence::new();
        let member = |number| json!({"@odata.type": "#microsoft.graph.user", "id": id(number)});
        for (number, members) in [(1, vec![member(1)]), (2, vec![member(1), member(2)])] {
            let people = page("users", [user(&id(1), "A"), user(&id(2), "B")]).counted().json();
            let of_group = page("directoryObjects", members).json();
            let refused =
                json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
            let batch = json!({
                "requests": [{"id": "2", "method": "GET", "url": format!("/groups/{GROUP}/members?$top=9")},
                    {"id": "3", "method": "GET", "url": "/applications"}],
                "responses": [{"id": "3", "status": 403, "body": refused},
                    {"id": "1", "status": 200, "headers": {}, "body": people},
                    {"id": "2", "status": 200, "body": of_group}]});
            evidence.json(number, 0, "batch", &batch);
        }
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let start = format!("linkAdded group {GROUP} members >{}", id(2));
        assert!(lines[0].starts_with(&start), "{lines:#?}");
        let report = evidence.report(&[]);
        report.assert_balanced();
        let coverage = report.table("coverage.csv").having("object_type", "application");
        assert!(coverage.column("state").contains(&"denied"), "{coverage:?}");
        assert_eq!(report.table("evidence.csv").column("format"), ["Graph answers"; 2]);
    }

    #[test]
    fn an_answer_saved_with_its_status_is_read() {
        let evidence = Evidence::new();
        for (number, name) in [(1, "A"), (2, "B")] {
            let body = json!({"@odata.context": context("users"), "value": [user("u1", name)]});
            let url = "https://graph.microsoft.com/v1.0/users";
            evidence.json(
                number,
                0,
                "saved",
                &json!({"url": url, "statusCode": 200, "body": body}),
            );
        }
        assert_eq!(evidence.timeline().len(), 1);
    }
}

mod scubagear {
    use super::*;

    fn export(state: &str, failed: &[&str]) -> Value {
        let policy = json!({"Id": id(9), "DisplayName": "P", "State": state, "AdditionalProperties": {},
            "Conditions": {"Users": {"IncludeUsers": ["All"]}}, "GrantControls": null});
        let policies = if failed.is_empty() { json!([policy]) } else { json!([]) };
        json!({"baseline_version": "1", "module_version": "1.5.0", "date": "local",
            "timestamp_zulu": "2026-11-05T10:00:00.5Z", "tenant_details": [{"TenantId": TENANT}],
            "conditional_access_policies": policies, "aad_unsuccessful_commands": failed,
            "remote_domains": [{"Id": "Default"}]})
    }

    #[test]
    fn policies_are_compared_and_time_and_tenant_are_in_the_data() {
        let evidence = Evidence::new();
        for (number, state) in [(1, "enabled"), (2, "disabled")] {
            let mut whole = export(state, &[]);
            whole["timestamp_zulu"] = json!(format!("2026-11-0{number}T10:00:00.5Z"));
            evidence
                .file(format!("{number}/ProviderSettingsExport.json"), format!("\u{feff}{whole}"));
        }
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(r#"state: "enabled" -> "disabled""#), "{lines:#?}");
        let report = evidence.report(&[]);
        report.assert_balanced();
        let table = report.table("evidence.csv");
        assert_eq!(table.column("time_source"), ["data", "data"]);
        assert_eq!(table.column("tenant_id"), [TENANT, TENANT]);
    }

    #[test]
    fn sections_may_stand_in_any_order_and_lie_in_others() {
        let evidence = Evidence::new();
        for (number, state) in [(1, "enabled"), (2, "disabled")] {
            let methods = json!([{"authentication_method_policy": {"Id": "authenticationMethodsPolicy",
                    "PolicyVersion": number.to_string(), "AdditionalProperties": {}},
                "authentication_method_feature_settings": [
                    {"Id": "Sms", "State": state, "AdditionalProperties": {}}]}]);
            let whole = export(state, &[]);
            let mut sections = serde_json::Map::new();
            sections.insert("authentication_method".to_owned(), methods);
            sections.extend(whole.as_object().unwrap().clone());
            sections.remove("timestamp_zulu");
            sections.insert(
                "date".to_owned(),
                json!(format!("11/0{number}/2026 23:30:00 Eastern Standard Time")),
            );
            // Keys are written in the order of their names: the later sections of the table come first.
            evidence.file(format!("{number}.json"), Value::Object(sections).to_string());
        }
        let lines = evidence.timeline();
        assert_eq!(lines.len(), 3, "{lines:#?}");
        for part in
            ["authenticationMethodConfiguration", "policyVersion", "conditionalAccessPolicy"]
        {
            assert!(lines.iter().any(|line| line.contains(part)), "{lines:#?}");
        }
        let report = evidence.report(&[]);
        report.assert_balanced();
        let snapshots = report.table("snapshots.csv");
        assert_eq!(
            snapshots.column("captured_from"),
            ["2026-11-02T04:30:00Z", "2026-11-03T04:30:00Z"]
        );
    }

    #[test]
    fn a_command_that_failed_is_no_empty_list() {
        let evidence = Evidence::new();
        file(&evidence, 1, "a.json", &export("enabled", &[]));
        let failed = export("enabled", &["Get-MgBetaIdentityConditionalAccessPolicy"]);
        file(&evidence, 2, "b.json", &failed);
        assert_eq!(evidence.timeline(), [""; 0]);
        let coverage = evidence.report(&[]).table("coverage.csv");
        assert!(coverage.column("state").contains(&"denied"), "{coverage:?}");
    }
}
