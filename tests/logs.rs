//! Records of logs: from the file, in every dialect, to the same event, and back by receipt.

use std::collections::BTreeMap;
use std::path::Path;

use entrace::directory::catalogue;
use entrace::index::{Case, Checks, Found, Index, IndexOptions, build, build_in, open_logs};
use entrace::model::{ActorKind, LogKind, LogRecord, Precision, plain_activity};
use entrace::synth::{LogFormat, SynthOptions, write_tenant};
use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, page, people};
use crate::foreign::utf16;

const USER: &str = "22222222-0000-4000-8000-000000000002";
const POLICY: &str = "33333333-0000-4000-8000-000000000003";
const ID: &str = "Directory_44444444-0000-4000-8000-000000000004_X_1";
const CORRELATION: &str = "55555555-0000-4000-8000-000000000005";

/// Indexes a folder and opens every record of a log in it, in the order of the index.
fn opened(root: &Path) -> (Index, Vec<LogRecord>) {
    let walk = entrace::evidence::walk(&[root.to_owned()]).unwrap();
    let index = build(&walk, &IndexOptions::default(), catalogue()).unwrap();
    let records = open_all(&index);
    (index, records)
}

fn open_all(index: &Index) -> Vec<LogRecord> {
    let entries: Vec<_> = index.logs().collect();
    open_logs(index, catalogue(), &entries).unwrap().into_iter().map(Option::unwrap).collect()
}

/// The event that the tests write down in every dialect, as Graph does.
fn event() -> Value {
    json!({
        "id": ID, "category": "Policy", "correlationId": CORRELATION, "result": "success",
        "resultReason": "", "activityDisplayName": "Update conditional access policy",
        "activityDateTime": "2026-05-24T08:15:30.1234567Z", "loggedByService": "Conditional Access",
        "operationType": "Update",
        "initiatedBy": {"app": null, "user": {"id": USER, "displayName": null,
            "userPrincipalName": "admin@contoso.com", "ipAddress": "203.0.113.7"}},
        "targetResources": [{"id": POLICY, "displayName": "Require MFA", "type": "Policy",
            "userPrincipalName": null, "groupType": null, "modifiedProperties": [
                {"displayName": "State", "oldValue": "\"enabled\"", "newValue": "\"disabled\""},
                {"displayName": "Users", "oldValue": "[]", "newValue": "[\"a\"]"}]}],
        "additionalDetails": [{"key": "User-Agent", "value": "Mozilla"}],
    })
}

fn diagnostic() -> Value {
    json!({
        "time": "2026-05-24T08:15:30.1234567Z", "resourceId": format!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
        "operationName": "Update conditional access policy", "operationVersion": "1.0", "category": "AuditLogs",
        "resultSignature": "None", "durationMs": "0", "callerIpAddress": "<null>",
        "correlationId": CORRELATION, "Level": 4, "properties": event(),
    })
}

/// All keys in lower case, as a SIEM leaves them.
fn lowered(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.to_lowercase(), lowered(value))).collect()
        }
        Value::Array(items) => items.iter().map(lowered).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A row of the table `AuditLogs`.
fn table_row() -> Value {
    let own = event();
    json!({
        "TenantId": "99999999-0000-4000-8000-000000000009", "TimeGenerated": "2026-05-24T08:15:31Z",
        "ResourceId": format!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
        "OperationName": own["activityDisplayName"], "Category": own["category"],
        "CorrelationId": CORRELATION, "AADOperationType": "Update", "Type": "AuditLogs",
        "ActivityDateTime": own["activityDateTime"], "ActivityDisplayName": own["activityDisplayName"],
        "Result": own["result"], "ResultReason": "(blank)", "LoggedByService": own["loggedByService"],
        "InitiatedBy": own["initiatedBy"].to_string(), "TargetResources": own["targetResources"].to_string(),
        "AdditionalDetails": own["additionalDetails"].to_string(), "Id": ID,
    })
}

/// A CSV with these rows, each cell quoted.
fn sheet(rows: &[Vec<&str>]) -> String {
    let quoted = |cell: &&str| format!("\"{}\"", cell.replace('"', "\"\""));
    let row = |cells: &Vec<&str>| cells.iter().map(quoted).collect::<Vec<_>>().join(",");
    rows.iter().map(row).collect::<Vec<_>>().join("\r\n") + "\r\n"
}

fn table_csv() -> String {
    let row = table_row();
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let cells = [
        ("TimeGenerated [UTC]", "5/24/2026, 8:15:31.000 AM".to_owned()),
        ("ActivityDateTime [UTC]", "5/24/2026, 8:15:30.123 AM".to_owned()),
        ("ResourceId", text("ResourceId")),
        ("ActivityDisplayName", text("ActivityDisplayName")),
        ("Category", text("Category")),
        ("CorrelationId", text("CorrelationId")),
        ("Result", text("Result")),
        ("ResultReason", "(blank)".to_owned()),
        ("LoggedByService", text("LoggedByService")),
        ("InitiatedBy", text("InitiatedBy")),
        ("TargetResources", text("TargetResources")),
        ("AdditionalDetails", text("AdditionalDetails")),
        ("Id", ID.to_owned()),
    ];
    let (headings, values): (Vec<&str>, Vec<&str>) =
        cells.iter().map(|(heading, value)| (*heading, value.as_str())).unzip();
    sheet(&[headings, values])
}

/// `AuditData` of the same act in the unified audit log.
fn audit_data() -> Value {
    json!({
        "CreationTime": "2026-05-24T08:15:30", "Id": "66666666-0000-4000-8000-000000000006",
        "Operation": "Update conditional access policy.", "OrganizationId": TENANT, "RecordType": 8,
        "ResultStatus": "Success", "UserType": 0, "Workload": "AzureActiveDirectory",
        "ObjectId": "Require MFA", "UserId": "admin@contoso.com", "ClientIP": "203.0.113.7",
        "Actor": [{"ID": "admin@contoso.com", "Type": 5}, {"ID": format!("User_{USER}"), "Type": 2}],
        "Target": [{"ID": format!("Policy_{POLICY}"), "Type": 2}, {"ID": POLICY, "Type": 2},
            {"ID": "Policy", "Type": 2}, {"ID": "Require MFA", "Type": 1}],
        "ModifiedProperties": [
            {"Name": "State", "OldValue": "enabled", "NewValue": "disabled"},
            {"Name": "Users", "OldValue": "[]", "NewValue": "[\"a\"]"}],
        "ExtendedProperties": [{"Name": "User-Agent", "Value": "Mozilla"}],
    })
}

fn purview_csv() -> String {
    let data = audit_data().to_string();
    sheet(&[
        vec![
            "RecordId",
            "CreationDate",
            "RecordType",
            "Operation",
            "UserId",
            "AuditData",
            "AssociatedAdminUnits",
        ],
        vec!["r", "2026-05-24T08:15:30.0000000Z ", "8", "x", "admin@contoso.com", &data, ""],
    ])
}

fn search_csv() -> String {
    let data = audit_data().to_string().replace('/', "\\/");
    let headings = vec![
        "RunspaceId",
        "RecordType",
        "CreationDate",
        "UserIds",
        "Operations",
        "AuditData",
        "ResultIndex",
    ];
    let row =
        ["r", "AzureActiveDirectory", "9/20/2023 4:05:03 AM", "admin@contoso.com", "x", &data, "1"];
    format!("#TYPE Selected.System.Object\r\n{}", sheet(&[headings, row.to_vec()]))
}

fn portal_headings() -> Vec<String> {
    let mut headings: Vec<String> = [
        "Date (UTC)",
        "CorrelationId",
        "Service",
        "Category",
        "Activity",
        "Result",
        "ResultReason",
        "User Agent",
        "ActorType",
        "ActorDisplayName",
        "ActorObjectId",
        "ActorUserPrincipalName",
        "IPAddress",
        "ActorHomeTenantId",
        "ActorHomeTenantName",
        "ActorServicePrincipalId",
        "ActorServicePrincipalName",
    ]
    .map(str::to_owned)
    .to_vec();
    for n in 1..=3 {
        let of_target = ["Type", "DisplayName", "ObjectId", "UserPrincipalName"];
        headings.extend(of_target.map(|name| format!("Target{n}{name}")));
        for m in 1..=5 {
            let of_property = ["Name", "OldValue", "NewValue"];
            headings.extend(of_property.map(|name| format!("Target{n}ModifiedProperty{m}{name}")));
        }
    }
    headings.extend(["AdditionalDetail1Key", "AdditionalDetail1Value"].map(str::to_owned));
    headings
}

/// The portal's CSV of the event; `change` may touch headings and cells.
fn portal_csv(change: impl Fn(&mut Vec<(String, String)>)) -> String {
    let known: BTreeMap<&str, &str> = [
        ("Date (UTC)", "2026-05-24T08:15:30.1234567+00:00"),
        ("CorrelationId", CORRELATION),
        ("Service", "Conditional Access"),
        ("Category", "Policy"),
        ("Activity", "Update conditional access policy"),
        ("Result", "success"),
        ("ActorObjectId", USER),
        ("ActorUserPrincipalName", "admin@contoso.com"),
        ("IPAddress", "203.0.113.7"),
        ("Target1Type", "Policy"),
        ("Target1DisplayName", "Require MFA"),
        ("Target1ObjectId", POLICY),
        ("Target1ModifiedProperty1Name", "State"),
        ("Target1ModifiedProperty1OldValue", "\"enabled\""),
        ("Target1ModifiedProperty1NewValue", "\"disabled\""),
        ("Target1ModifiedProperty2Name", "Users"),
        ("Target1ModifiedProperty2OldValue", "[]"),
        ("Target1ModifiedProperty2NewValue", "[\"a\"]"),
        ("AdditionalDetail1Key", "User-Agent"),
        ("AdditionalDetail1Value", "Mozilla"),
    ]
    .into();
    let cell = |heading: String| {
        let value = known.get(heading.as_str()).copied().unwrap_or_default().to_owned();
        (heading, value)
    };
    let mut cells: Vec<(String, String)> = portal_headings().into_iter().map(cell).collect();
    change(&mut cells);
    let (headings, values): (Vec<&str>, Vec<&str>) =
        cells.iter().map(|(heading, value)| (heading.as_str(), value.as_str())).unzip();
    sheet(&[headings, values])
}

fn powershell() -> Value {
    fn capital(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| {
                    (key.get(..1).unwrap().to_uppercase() + key.get(1..).unwrap(), capital(value))
                })
                .collect(),
            Value::Array(items) => items.iter().map(capital).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    let mut event = capital(&event());
    event["AdditionalProperties"] = json!({});
    event
}

fn graph_record() -> Value {
    json!({"id": "66666666-0000-4000-8000-000000000006", "createdDateTime": "2026-05-24T08:15:30Z",
        "auditLogRecordType": "azureActiveDirectory", "operation": "x", "organizationId": TENANT,
        "service": "AzureActiveDirectory", "auditData": audit_data()})
}

/// The same event in every dialect, with what `evidence.csv` calls it.
fn dialects() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let of = |text: String| text.into_bytes();
    let graph = page("auditLogs/directoryAudits", [event()]).json().to_string();
    let pretty = |value: &Value| format!("{value:#}");
    vec![
        ("graph-page.json", of(graph), "Graph collection page"),
        ("glued.json", of(format!("[{}][]", pretty(&event()))), "JSON texts"),
        ("powershell.json", utf16(&pretty(&json!([powershell()]))), "PowerShell objects"),
        ("PT1H.json", of(format!("{}\n", diagnostic())), "JSON object: diagnostic settings"),
        (
            "hub.json",
            of(json!({"records": [diagnostic()]}).to_string()),
            "JSON array: diagnostic settings",
        ),
        (
            "siem.ndjson",
            of(format!("{}\n", lowered(&diagnostic()))),
            "JSON texts: diagnostic settings",
        ),
        ("rows.json", of(json!([table_row()]).to_string()), "JSON array: Log Analytics rows"),
        ("query_data.csv", of(table_csv()), "CSV of log records: Log Analytics rows"),
        ("portal.csv", of(portal_csv(|_| {})), "CSV of log records: portal CSV of the audit log"),
        (
            "purview.csv",
            of(format!("\u{feff}{}", purview_csv())),
            "CSV of log records: unified audit log",
        ),
        ("search.csv", of(search_csv()), "CSV of log records: unified audit log"),
        ("ual.jsonl", of(format!("{}\n", audit_data())), "JSON texts: unified audit log"),
        (
            "expanded.json",
            of(json!([{"RecordType": 8, "AuditData": audit_data()}]).to_string()),
            "JSON array: unified audit log",
        ),
        (
            "query.json",
            of(page("security/auditLog/queries/records", [graph_record()]).json().to_string()),
            "Graph collection page: unified audit log",
        ),
    ]
}

#[test]
#[expect(clippy::cognitive_complexity, reason = "one list of what each dialect must tell")]
fn every_dialect_tells_the_same_event() {
    for (name, bytes, format) in dialects() {
        let evidence = Evidence::new();
        evidence.file(format!("{TENANT}/{name}"), bytes);
        let (_, records) = opened(&evidence.root());
        let [record] = records.as_slice() else { panic!("{name}: {records:?}") };
        let unified = format.ends_with("unified audit log");
        assert_eq!(record.kind, LogKind::Audit, "{name}");
        assert_eq!(record.object_type, if unified { "auditLogRecord" } else { "directoryAudit" });
        let time = record.time.unwrap();
        let (at, precision) = match (unified, name) {
            (true, _) => ("2026-05-24T08:15:30Z", Precision::Second),
            (_, "query_data.csv") => ("2026-05-24T08:15:30.123Z", Precision::Digits(3)),
            _ => ("2026-05-24T08:15:30.1234567Z", Precision::Digits(7)),
        };
        assert_eq!((time.at.to_string().as_str(), time.precision), (at, precision), "{name}");
        let activity = record.activity.as_deref().map(plain_activity);
        assert_eq!(activity.as_deref(), Some("update conditional access policy"), "{name}");
        assert_eq!(record.result.as_deref().map(str::to_lowercase).as_deref(), Some("success"));
        let id = match (unified, name) {
            (true, _) => Some("66666666-0000-4000-8000-000000000006"),
            (_, "portal.csv") => None,
            _ => Some(ID),
        };
        assert_eq!(record.id.as_deref(), id, "{name}");
        assert_eq!(record.correlation_id.as_deref(), (!unified).then_some(CORRELATION), "{name}");
        let actor = record.actor.as_ref().unwrap();
        assert_eq!(actor.kind, ActorKind::User);
        assert_eq!(actor.id.as_deref(), Some(USER), "{name}");
        assert_eq!(actor.name.as_deref(), Some("admin@contoso.com"), "{name}");
        assert_eq!(record.ip.as_deref(), Some("203.0.113.7"), "{name}");
        assert_eq!(record.tenant.as_deref(), Some(TENANT), "{name}");
        let [target] = record.targets.as_slice() else { panic!("{name}: {:?}", record.targets) };
        assert_eq!(target.id.as_deref(), Some(POLICY), "{name}");
        assert_eq!(target.object_type.as_deref(), Some("Policy"), "{name}");
        assert_eq!(target.name.as_deref(), Some("Require MFA"), "{name}");
        let sides: Vec<(&str, Option<&str>, Option<&str>)> = target
            .properties
            .iter()
            .map(|p| (p.name.as_str(), p.old.as_deref(), p.new.as_deref()))
            .collect();
        let expected =
            [("State", Some("enabled"), Some("disabled")), ("Users", Some("[]"), Some("[\"a\"]"))];
        assert_eq!(sides, expected, "{name}");
        assert_eq!(record.details, [("User-Agent".to_owned(), "Mozilla".to_owned())], "{name}");
        assert!(!record.is_cut, "{name}");
        let report = evidence.report(&[]);
        report.ran.clone().ended(0);
        report.assert_balanced();
        let exhibits = report.table("evidence.csv");
        assert_eq!(exhibits.column("format"), [format], "{name}");
        assert_eq!(exhibits.column("used"), ["1"], "{name}");
        let receipt = record.receipt.unwrap().to_string();
        let shown = evidence.run("show", &["--receipt", &receipt]).ended(0).text();
        assert!(shown.contains(POLICY), "{name}: {shown}");
    }
}

#[test]
fn one_event_in_all_dialects_is_counted_once_for_each_log() {
    let evidence = Evidence::new();
    for (name, bytes, _) in dialects() {
        evidence.file(format!("{TENANT}/{name}"), bytes);
    }
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    report.assert_balanced();
    let coverage = report.table("coverage.csv");
    assert_eq!(coverage.column("object_type"), ["auditLogRecord", "directoryAudit"]);
    // The portal's CSV has no id to know the event by.
    assert_eq!(coverage.column("objects"), ["1", "2"]);
    let detail = coverage.column("detail").join("\n");
    assert!(detail.contains("4 records that repeat an event"), "{detail}");
    assert!(detail.contains("7 records that repeat an event"), "{detail}");
    assert!(detail.contains("diagnostic settings"), "{detail}");
}

#[test]
fn a_case_gives_the_same_events() {
    let evidence = Evidence::new();
    for (name, bytes, _) in dialects() {
        evidence.file(format!("{TENANT}/{name}"), bytes);
    }
    evidence.list(1, "users", people(1..=2));
    let (_, fresh) = opened(&evidence.root());
    let walk = entrace::evidence::walk(&[evidence.root()]).unwrap();
    for run in ["first", "second"] {
        let case = Case::open(&evidence.beside("case"), Checks::All).unwrap();
        let options = IndexOptions::default();
        let index = build_in(case, (&walk, Found::Now), &options, catalogue()).unwrap();
        assert_eq!(open_all(&index), fresh, "{run}");
    }
    let table = |options: &[&str]| {
        let report = evidence.report(options);
        ["coverage.csv", "snapshots.csv"].map(|name| report.bytes(name))
    };
    let case = evidence.beside("case").to_str().unwrap().to_owned();
    assert_eq!(table(&[]), table(&["--case", &case]));
}

#[test]
fn logs_alone_are_no_snapshot() {
    let evidence = Evidence::new();
    evidence.file("2026-11-01/PT1H.json", diagnostic().to_string());
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    assert!(report.table("snapshots.csv").0.is_empty());
    assert!(report.table("objects.csv").0.is_empty());
    assert!(report.codes().contains("logs-only"), "{:?}", report.codes());
    let text = evidence.run("snapshots", &[]).ended(0).text();
    assert!(text.contains("directoryAudit"), "{text}");
    let inspect = evidence.run("inspect", &["--json"]).ended(0).json();
    assert_eq!(inspect["logs"][0]["from"], "2026-05-24T08:15:30Z");
    assert_eq!(inspect["logs"][0]["tenant_id"], TENANT);
}

#[test]
fn logs_move_no_snapshot() {
    let evidence = Evidence::new();
    for number in [1, 2] {
        evidence.list(number, "users", people(1..=2));
    }
    let before = evidence.report(&[]).bytes("changes.csv");
    let interval = |evidence: &Evidence| {
        let rows = evidence.report(&[]).table("snapshots.csv");
        [rows.column("captured_from"), rows.column("captured_to")].concat().join(" ")
    };
    let times = interval(&evidence);
    evidence.page(2, 55, "directoryAudits", &page("auditLogs/directoryAudits", [event()]));
    evidence.page(2, 56, "signIns", &page("auditLogs/signIns", []));
    assert_eq!(interval(&evidence), times);
    assert_eq!(evidence.report(&[]).bytes("changes.csv"), before);
    let exhibits =
        evidence.report(&[]).table("evidence.csv").having("object_types", "directoryAudit");
    assert_eq!(exhibits.column("snapshot"), ["2026-11-02"]);
}

#[test]
fn records_of_the_backup_service_are_kept_and_are_no_objects() {
    let evidence = Evidence::new();
    evidence.list(1, "users", people(1..=2));
    let user = &people(1..=1)[0]["id"];
    let short = |path: &str, items: Value| json!({"@context": crate::evidence::context(path), "value": items});
    let snapshots = json!([
        {"id": "MjAyNC0wOC0yNlQwMjozMDowMFo=", "totalChangedObjects": 7},
        {"id": "MTc4NTE4OTYwMA"},
    ]);
    evidence.json(1, 1, "snapshots", &short("directory/recovery/snapshots", snapshots));
    let job = json!([{"@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryJob", "id": POLICY,
        "status": "unknownFutureValue", "targetStateDateTime": "2026-05-01T00:00:00Z",
        "jobStartDateTime": "2026-05-04T10:00:00Z", "totalFailedChanges": null}]);
    evidence.json(1, 2, "jobs", &short("directory/recovery/jobs", job));
    let change = json!([{"entityTypeName": "user", "id": user, "displayName": "Renamed", "recoveryAction": "update",
        "deltaFromCurrent": {"displayName": "Old"}, "currentState": {"displayName": "Renamed"}}]);
    for (minute, name) in [(3, "recoveryPreviewJobs"), (4, "recoveryJobs")] {
        let function = if minute == 3 { "getChanges" } else { "getFailedChanges" };
        let path = format!(
            "directory/recovery/snapshots/MjAyNC0wOC0yNlQwMjozMDowMFo=/{name}/{POLICY}/{function}"
        );
        evidence.json(1, minute, function, &short(&path, change.clone()));
    }
    let (_, records) = opened(&evidence.root());
    let told: Vec<String> = records
        .iter()
        .map(|r| {
            assert_eq!(r.kind, LogKind::Recovery);
            let at = r.time.map(|time| time.at.to_string()).unwrap_or_default();
            format!("{} {at} {}", r.object_type, r.activity.as_deref().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            "recoveryChangeObject 2024-08-26T02:30:00Z update",
            "recoveryChangeObject 2024-08-26T02:30:00Z update",
            "recoverySnapshot 2024-08-26T02:30:00Z ",
            "recoveryJob 2026-05-04T10:00:00Z ",
            "recoverySnapshot 2026-07-27T22:00:00Z ",
        ]
    );
    let target = &records[0].targets[0];
    assert_eq!(
        (target.id.as_deref(), target.object_type.as_deref()),
        (user.as_str(), Some("user"))
    );
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("objects.csv").column("object_type"), ["user", "user"]);
    assert!(!report.table("changes.csv").lines().join("\n").contains("Renamed"));
}

#[test]
fn other_kinds_of_logs() {
    let evidence = Evidence::new();
    evidence.file("logs.json", lines_of_diagnostic_settings());
    let graph = json!({"RequestId": "h", "RequestMethod": "GET", "RequestUri": "https://graph.microsoft.com/beta/me", "UserId": USER,
        "AadTenantId": TENANT, "TimeGenerated": "2026-05-24T08:15:33Z", "IPAddress": "203.0.113.9"});
    evidence.file("activity.json", json!([graph]).to_string());
    evidence.file(
        "SignIns.csv",
        sheet(&[
            vec![
                "Date (UTC)",
                "Request ID",
                "User agent",
                "Correlation ID",
                "User ID",
                "User",
                "Username",
                "Incoming token type",
                "Incoming token type",
                "Application ID ",
            ],
            vec![
                "2026-05-24T08:15:34Z",
                "q",
                "Mozilla",
                CORRELATION,
                USER,
                "Adele",
                "a@contoso.com",
                "none",
                "other",
                POLICY,
            ],
        ]),
    );
    let (_, records) = opened(&evidence.root());
    let told: Vec<String> = records
        .iter()
        .map(|r| {
            let actor = r.actor.as_ref().and_then(|actor| actor.id.clone()).unwrap_or_default();
            format!(
                "{} {} {} {} {actor}",
                r.kind.as_str(),
                r.id.as_deref().unwrap_or_default(),
                r.activity.as_deref().unwrap_or_default(),
                r.result.as_deref().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            format!("signIn s NonInteractiveUserSignInLogs 50126 {USER}"),
            "risk r leakedCredentials atRisk ".to_owned(),
            format!("graphActivity g GET https://graph.microsoft.com/v1.0/users 200 {USER}"),
            "provisioning p disable success ".to_owned(),
            format!("graphActivity h GET https://graph.microsoft.com/beta/me  {USER}"),
            format!("signIn q   {USER}"),
        ]
    );
    assert_eq!(records[1].targets[0].id.as_deref(), Some(USER));
    assert_eq!(records[5].app_id.as_deref(), Some(POLICY));
    evidence.report(&[]).assert_balanced();
}

/// Diagnostic settings of four other logs.
fn lines_of_diagnostic_settings() -> String {
    let line = |category: &str, properties: Value| {
        json!({"time": "2026-05-24T08:15:30Z", "resourceId": format!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
            "operationName": category, "category": category, "properties": properties})
    };
    let lines = [
        line(
            "NonInteractiveUserSignInLogs",
            json!({"id": "s", "createdDateTime": "2026-05-24T08:15:29Z",
            "userId": USER, "userPrincipalName": "a@contoso.com", "appId": POLICY,
            "resourceDisplayName": "Graph", "ipAddress": "203.0.113.9", "status": {"errorCode": 50126}}),
        ),
        line(
            "UserRiskEvents",
            json!({"id": "r", "riskEventType": "leakedCredentials", "userId": USER,
            "detectedDateTime": "2026-05-24T08:15:30Z", "riskState": "atRisk"}),
        ),
        line(
            "MicrosoftGraphActivityLogs",
            json!({"requestId": "g", "requestMethod": "GET", "requestUri": "https://graph.microsoft.com/v1.0/users",
            "responseStatusCode": 200, "servicePrincipalId": USER, "appId": POLICY, "timeGenerated": "2026-05-24T08:15:31Z"}),
        ),
        line(
            "ProvisioningLogs",
            json!({"id": "p", "activityDateTime": "2026-05-24T08:15:32Z", "provisioningAction": "disable",
            "provisioningStatusInfo": {"status": "success"}, "targetIdentity": {"id": USER, "displayName": "A", "identityType": "User"}}),
        ),
    ];
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    text.join("\n")
}

#[test]
fn the_portal_says_what_it_may_have_cut_and_dates_are_not_guessed() {
    let evidence = Evidence::new();
    evidence.file(
        "cut.csv",
        portal_csv(|cells| {
            for (heading, cell) in cells.iter_mut() {
                if heading.contains("ModifiedProperty5") {
                    "Name".clone_into(cell);
                }
            }
        }),
    );
    let (_, records) = opened(&evidence.root());
    assert!(records[0].is_cut);
    assert!(
        evidence.report(&[]).table("coverage.csv").column("detail")[0].contains("may be cut off")
    );
    let italian = |date: &'static str| {
        portal_csv(move |cells| {
            for (place, (heading, _)) in cells.iter_mut().enumerate().take(17) {
                *heading = if place == 0 {
                    "Data (UTC)".to_owned()
                } else {
                    format!("Intestazione {place}")
                };
            }
            date.clone_into(&mut cells[0].1);
        })
    };
    for (date, expected) in
        [("24/05/2026, 08:15:30", Some("2026-05-24T08:15:30Z")), ("4/5/2026, 08:15:30", None)]
    {
        let evidence = Evidence::new();
        evidence.file("italiano.csv", italian(date));
        let (_, records) = opened(&evidence.root());
        let at = records[0].time.map(|time| time.at.to_string());
        assert_eq!(at.as_deref(), expected, "{date}");
        assert_eq!(records[0].activity.as_deref(), Some("Update conditional access policy"));
        let report = evidence.report(&[]);
        assert_eq!(report.codes().contains("log-dates-ambiguous"), expected.is_none());
        report.assert_balanced();
    }
}

#[test]
fn hostile_records_are_used_or_quarantined_and_never_lost() {
    let evidence = Evidence::new();
    let nested = format!("{}1{}", "[".repeat(90), "]".repeat(90));
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let wrapped = json!(json!(json!(deep).to_string()).to_string()).to_string();
    let line = |properties: &str| {
        format!(
            r#"{{"time":"2026-13-45T99:99:99Z","resourceId":"/tenants/../x","operationName":"o","category":"AuditLogs","properties":{properties}}}"#
        )
    };
    let lines = [
        line("null"),
        line("7"),
        line("\"not json {\""),
        line(&wrapped),
        line(&format!(r#"{{"targetResources":{nested},"initiatedBy":[],"id":{{}}}}"#)),
        line(&format!(r#"{{"targetResources":{}}}"#, json!(deep))),
        line(r#"{"id":"x","id":"y"}"#),
        line(r#"{"activityDateTime":"9999-12-31T23:59:60.99999999999999999999+99:99"}"#),
        line(r#"{"targetResources":"[{\"modifiedProperties\":\"[{]\"}]"}"#),
        line(&format!(r#"{{"id":{}}}"#, json!("\u{202e}=cmd|'/c calc'!A1\n\u{1b}[31m"))),
    ];
    evidence.file("PT1H.json", lines.join("\n"));
    let rows =
        [r#"TimeGenerated,Id,TargetResources"#, r#"1,2"#, r#"2026-05-24T08:15:30Z,a,"[{""id"":"#];
    evidence.file("AuditLogs.csv", rows.join("\n"));
    let (index, records) = opened(&evidence.root());
    assert_eq!(records.len(), index.log_count());
    let report = evidence.report(&[]);
    assert!(matches!(report.ran.code, 0 | 3), "{}", report.ran.stderr);
    report.assert_balanced();
    let exhibits = report.table("evidence.csv");
    assert_eq!(exhibits.column("seen"), ["2", "10"]);
    assert_eq!(exhibits.column("quarantined"), ["1", "1"]);
}

#[test]
fn a_record_that_was_changed_since_is_not_shown() {
    let evidence = Evidence::new();
    evidence.file("PT1H.json", diagnostic().to_string());
    let walk = entrace::evidence::walk(&[evidence.root()]).unwrap();
    let index = build(&walk, &IndexOptions::default(), catalogue()).unwrap();
    let entries: Vec<_> = index.logs().collect();
    evidence.file("PT1H.json", diagnostic().to_string().replace("disabled", "disabler"));
    assert!(open_logs(&index, catalogue(), &entries).is_err());
}

#[test]
fn a_large_export_of_an_event_hub_is_read_in_pieces() {
    let evidence = Evidence::new();
    let records: Vec<Value> = (0..15_000)
        .map(|n| {
            let mut line = diagnostic();
            line["properties"]["id"] = json!(format!("Directory_{n}"));
            line
        })
        .collect();
    let text = json!({"records": records}).to_string();
    assert!(text.len() > 17_000_000, "{}", text.len());
    evidence.file("hub.json", text);
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    report.assert_balanced();
    assert_eq!(report.table("coverage.csv").column("objects"), ["15000"]);
}

/// What every dialect carries of an event that a synthetic tenant wrote.
fn carried(record: &LogRecord, by_id: bool) -> String {
    let target = record.targets.first();
    // The unified audit log mixes ids and names: only a GUID is known to be an id.
    let id = target.and_then(|target| target.id.clone()).unwrap_or_default();
    let id = if by_id || entrace::intake::is_guid(&id) { id } else { String::new() };
    let names: Vec<String> = target
        .into_iter()
        .flat_map(|target| &target.properties)
        .map(|p| format!("{}: {:?} -> {:?}", p.name, p.old, p.new))
        .collect();
    let actor = record.actor.as_ref();
    format!(
        "{} {} {} {id} {} {:?} {:?} {:?}",
        record.time.unwrap().at.as_second(),
        plain_activity(record.activity.as_deref().unwrap()),
        record.result.as_deref().unwrap().to_lowercase(),
        names.join(", "),
        actor.and_then(|actor| actor.id.clone()),
        record.ip,
        by_id.then(|| (record.id.clone(), record.correlation_id.clone(), record.targets.len())),
    )
}

#[test]
fn a_synthetic_log_is_the_same_in_four_dialects() {
    let place = tempfile::tempdir().unwrap();
    let read = |log: LogFormat, by_id: bool| {
        let folder = place.path().join(log.as_str());
        let options = SynthOptions {
            users: 60,
            snapshots: 15,
            seed: 3,
            log,
            changes_per_day: Some(4),
            ..SynthOptions::default()
        };
        write_tenant(&options, &folder).unwrap();
        let walk = entrace::evidence::walk(&[folder]).unwrap();
        let index = build(&walk, &IndexOptions::default(), catalogue()).unwrap();
        // Without a day above 12 the portal's dates stay unread.
        let entries: Vec<_> =
            index.logs().filter(|entry| entry.kind == LogKind::Audit && !entry.repeats).collect();
        let records = open_logs(&index, catalogue(), &entries).unwrap();
        let mut told: Vec<String> =
            records.iter().map(|record| carried(record.as_ref().unwrap(), by_id)).collect();
        told.sort();
        told
    };
    let of_graph = read(LogFormat::Graph, true);
    assert!(of_graph.len() > 40, "{}", of_graph.len());
    let same = |one: &[String], other: &[String]| {
        let differ = one.iter().zip(other).find(|(one, other)| one != other);
        assert!(
            one.len() == other.len() && differ.is_none(),
            "{} {} {differ:?}",
            one.len(),
            other.len()
        );
    };
    same(&of_graph, &read(LogFormat::DiagnosticSettings, true));
    same(&of_graph, &read(LogFormat::LogAnalytics, true));
    same(&read(LogFormat::Graph, false), &read(LogFormat::UnifiedAuditLog, false));
}
