//! Jobs beside the configuration snapshots that they made.

use serde_json::{Value, json};

use super::{ID, resource, snapshot};
use crate::evidence::{Evidence, TENANT};

const POLICY: &str = "microsoft.entra.conditionalaccesspolicy";
const PAYLOAD: [&str; 2] =
    ["bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"];

fn job(number: usize, done: &str) -> Value {
    let location = format!(
        "https://graph.microsoft.com/v1.0/admin/configurationManagement/configurationSnapshots('{}')",
        PAYLOAD[number - 1]
    );
    json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#admin/configurationManagement/configurationSnapshotJobs/$entity",
        "id": format!("cccccccc-0000-4000-8000-00000000000{number}"), "displayName": "Nightly",
        "tenantId": TENANT, "status": "succeeded", "resources": [POLICY, "microsoft.entra.group"],
        "resourceLocation": location, "createdDateTime": done.replace(":00Z", ":00.5Z").replace("03:1", "03:0"),
        "completedDateTime": done, "errorDetails": [], "createdBy": {"user": {"id": ID}}})
}

fn payload(number: usize, policies: &[(&str, &str)]) -> Value {
    let resources: Vec<Value> =
        policies.iter().map(|(name, state)| resource(name, state, None)).collect();
    let mut payload = snapshot(&resources);
    payload["id"] = json!(PAYLOAD[number - 1]);
    // Resources of the service name no tenant themselves.
    for resource in payload["resources"].as_array_mut().unwrap() {
        resource["properties"].as_object_mut().unwrap().remove("TenantId");
    }
    payload
}

fn put(evidence: &Evidence, name: &str, value: &Value) {
    evidence.file(name, value.to_string());
}

/// What went and came, as object and change.
fn comings(evidence: &Evidence) -> Vec<String> {
    let rows = evidence.rows(&[]);
    rows.0.iter().map(|row| format!("{} {}", row.get("object_id"), row.get("change"))).collect()
}

#[test]
fn a_job_tells_when_the_snapshot_beside_it_was_made_and_of_which_tenant() {
    let evidence = Evidence::new();
    put(&evidence, "one/job.json", &job(1, "2026-11-01T03:10:00Z"));
    put(&evidence, "one/snapshot.json", &payload(1, &[("P", "enabled")]));
    put(&evidence, "two/job.json", &job(2, "2026-11-02T03:10:00Z"));
    let parts = payload(2, &[("P", "disabled")]);
    put(&evidence, &format!("two/resources/{POLICY}.json"), &parts["resources"]);
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("attribute"), ["state"]);
    assert_eq!(rows.column("not_before"), ["2026-11-01T03:00:00.5Z"]);
    assert_eq!(rows.column("not_after"), ["2026-11-02T03:10:00Z"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    let snapshots = report.table("snapshots.csv");
    assert_eq!(snapshots.column("tenant_id"), [TENANT, TENANT]);
    assert_eq!(snapshots.column("time_source"), ["data", "data"]);
    assert!(
        report
            .table("objects.csv")
            .column("object_type")
            .iter()
            .all(|t| *t == "conditionalAccessPolicy")
    );
}

#[test]
fn what_a_job_could_not_read_is_not_gone() {
    for (status, errors) in [
        ("partiallySuccessful", json!([])),
        ("partiallySuccessful", json!([format!("{POLICY}: access denied")])),
        ("succeeded", json!(["Something failed"])),
    ] {
        let evidence = Evidence::new();
        put(&evidence, "2026-11-01/job.json", &job(1, "2026-11-01T03:10:00Z"));
        let all = [("P", "enabled"), ("Q", "enabled")];
        put(&evidence, "2026-11-01/snapshot.json", &payload(1, &all));
        let mut second = job(2, "2026-11-02T03:10:00Z");
        second["status"] = json!(status);
        second["errorDetails"] = errors.clone();
        put(&evidence, "2026-11-02/job.json", &second);
        put(&evidence, "2026-11-02/snapshot.json", &payload(2, &[("P", "enabled")]));
        assert_eq!(comings(&evidence), [""; 0], "{status} {errors}");
        let report = evidence.report(&[]);
        report.assert_balanced();
        let coverage = report.table("coverage.csv").having("attribute", "");
        let coverage = coverage.having("object_type", "conditionalAccessPolicy");
        let coverage = coverage.having("request", "");
        assert_eq!(coverage.column("state"), ["collected", "partial"], "{coverage:?}");
        assert!(coverage.column("detail")[1].contains("refused"), "{coverage:?}");
    }
    let evidence = Evidence::new();
    put(&evidence, "2026-11-01/job.json", &job(1, "2026-11-01T03:10:00Z"));
    let all = [("P", "enabled"), ("Q", "enabled")];
    put(&evidence, "2026-11-01/snapshot.json", &payload(1, &all));
    put(&evidence, "2026-11-02/job.json", &job(2, "2026-11-02T03:10:00Z"));
    put(&evidence, "2026-11-02/snapshot.json", &payload(2, &[("P", "enabled")]));
    let gone = format!("{POLICY}|AADConditionalAccessPolicy-Q removed");
    assert_eq!(comings(&evidence), [gone], "without an error the list is whole");
}

#[test]
fn several_jobs_in_a_folder_are_matched_by_id_or_not_at_all() {
    let evidence = Evidence::new();
    let jobs = json!({"value": [job(1, "2026-11-01T03:10:00Z"), job(2, "2026-11-02T03:10:00Z")]});
    put(&evidence, "all/jobs.json", &jobs);
    put(&evidence, "all/a.json", &payload(1, &[("P", "enabled")]));
    put(&evidence, "all/b.json", &payload(2, &[("P", "disabled")]));
    assert_eq!(evidence.rows(&[]).column("attribute"), ["state"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert!(report.table("warnings.csv").having("code", "job-not-matched").0.is_empty());

    let evidence = Evidence::new();
    put(&evidence, "all/jobs.json", &jobs);
    let mut unknown = payload(1, &[("P", "enabled")]);
    unknown["id"] = json!("x");
    put(&evidence, "all/a.json", &unknown);
    let report = evidence.report(&[]);
    report.assert_balanced();
    let warnings = report.table("warnings.csv").having("code", "job-not-matched");
    assert_eq!(warnings.0.len(), 1, "{warnings:?}");
    assert_eq!(report.table("snapshots.csv").column("time_source"), [""]);
}

#[test]
fn a_large_configuration_snapshot_is_read_as_a_small_one_is() {
    let evidence = Evidence::new();
    for (number, state) in [(1, "enabled"), (2, "disabled")] {
        let folder = format!("2026-11-0{number}");
        put(&evidence, &format!("{folder}/job.json"), &job(number, &format!("{folder}T03:10:00Z")));
        let names: Vec<String> = (0..2_000).map(|number| format!("P{number}")).collect();
        let mut policies: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), "enabled")).collect();
        policies[7].1 = state;
        let mut payload = payload(number, &policies);
        for resource in payload["resources"].as_array_mut().unwrap() {
            resource["properties"]["Note"] = json!("x".repeat(9_000));
        }
        payload["@odata.context"] = json!(
            "https://graph.microsoft.com/v1.0/$metadata#admin/configurationManagement/configurationSnapshots/$entity"
        );
        let text = payload.to_string();
        assert!(text.len() > 17 * 1024 * 1024, "{}", text.len());
        evidence.file(format!("{folder}/snapshot.json"), text);
    }
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("attribute"), ["state"]);
    assert_eq!(rows.column("object_id"), [format!("{POLICY}|AADConditionalAccessPolicy-P7")]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert_eq!(report.table("snapshots.csv").column("tenant_id"), [TENANT, TENANT]);
    let format = "configuration resources";
    assert_eq!(report.table("evidence.csv").column("format"), [format; 4]);
}
