//! Backups, jobs and change lists of the service, in all the spellings that its pages come in.

use serde_json::{Value, json};

use crate::evidence::{Evidence, Page, context, page, people, with};
use crate::program::{Ran, command, run};

const REPORT: &str = "d3f8e7e8-7e87-4a7f-9d2c-c1c2d7e8e1f1";
const RECOVERY: &str = "5a1c90de-0d2b-4f0e-9a51-2f1f0c9be0aa";
const USER: &str = "36e07e06-72c1-4b2c-b547-c5084413b88b";
/// 2026-11-01T02:00:00Z, as the documentation and as live tenants write it.
const BACKUP: &str = "MjAyNi0xMS0wMVQwMjowMDowMFo=";
const BACKUP_SECONDS: &str = "MTc5MzQ5ODQwMA==";

fn type_of(name: &str) -> String {
    format!("#microsoft.graph.entraRecoveryServices.{name}")
}

fn report_job(members: Value) -> Value {
    let job = json!({
        "@odata.type": type_of("recoveryPreviewJob"), "id": REPORT, "status": "successful",
        "targetStateDateTime": "2026-11-01T02:00:00Z", "jobStartDateTime": "2026-11-02T01:00:00Z",
        "jobCompletionDateTime": "2026-11-02T01:45:00Z", "filteringCriteria": null,
        "totalChangedObjectsCalculated": 2, "totalChangedLinksCalculated": 1,
    });
    with(job, members)
}

fn recovery_job(members: Value) -> Value {
    let job = json!({
        "@odata.type": type_of("recoveryJob"), "id": RECOVERY, "status": "successful",
        "targetStateDateTime": "2026-11-01T02:00:00Z", "jobStartDateTime": "2026-11-02T02:00:00Z",
        "jobCompletionDateTime": "2026-11-02T02:30:00Z", "filteringCriteria": null,
        "totalChangedObjectsCalculated": 2, "totalChangedLinksCalculated": 1,
        "totalObjectsModified": 1, "totalLinksModified": 1, "totalFailedChanges": 1,
    });
    with(job, members)
}

fn jobs(items: impl IntoIterator<Item = Value>) -> Page {
    page("directory/recovery/jobs", items)
}

fn list_of(function: &str, items: impl IntoIterator<Item = Value>) -> Page {
    let (kind, job) = match function {
        "getChanges" => ("recoveryPreviewJobs", REPORT),
        _ => ("recoveryJobs", RECOVERY),
    };
    page(
        &format!(
            "directory/recovery/snapshots('{BACKUP}')/{kind}('{job}')/microsoft.graph.entraRecoveryServices.{function}"
        ),
        items,
    )
}

fn change(id: &str, members: Value) -> Value {
    let change = json!({
        "entityTypeName": "user", "id": id, "displayName": id, "recoveryAction": "update",
        "deltaFromCurrent": {"department": "Loans"}, "currentState": {"department": "Sales"},
    });
    with(change, members)
}

/// Users on two days, so that the tenant and the clock are known.
fn tenant() -> Evidence {
    let evidence = Evidence::new();
    evidence.users(1, people(1..=2)).users(2, people(1..=2));
    evidence
}

fn history(evidence: &Evidence) -> Ran {
    Ran::of(command().arg("recovery").arg("history").arg(evidence.root()).arg("--json")).ended(0)
}

fn text(evidence: &Evidence) -> String {
    Ran::of(command().arg("recovery").arg("history").arg(evidence.root())).ended(0).text()
}

fn backups(evidence: &Evidence, options: &[&str]) -> Vec<Value> {
    let rows = evidence.run("snapshots", &[&["--json"], options].concat()).ended(0).json();
    rows.as_array().unwrap().iter().filter(|row| row["kind"] == "backup").cloned().collect()
}

fn codes(evidence: &Evidence) -> Vec<String> {
    let own = |code: &String| {
        code.starts_with("recovery-") && code != "recovery-record"
            || code.starts_with("change-list")
            || code.starts_with("job-")
            || code.starts_with("backup-")
            || code == "unknown-future-value"
    };
    evidence.report(&[]).codes().into_iter().filter(own).collect()
}

#[test]
fn backups_are_listed_once_with_what_the_service_says_of_them() {
    let evidence = tenant();
    let short = json!({
        "@context": context("directory/recovery/snapshots"),
        "value": [
            {"id": BACKUP_SECONDS, "createdDateTime": "2026-11-01T02:00:00Z"},
            {"id": "MjAyNi0xMC0zMVQwMjowMDowMFo", "totalChangedObjects": 0},
        ],
    });
    evidence.json(1, 50, "directory_recovery_snapshots", &short);
    let again = [
        json!({"id": BACKUP_SECONDS, "createdDateTime": "2026-11-01T02:00:00Z", "totalChangedObjects": 7}),
        json!({"id": "MjAyNi0xMC0zMVQwMjowMDowMFo=", "createdDateTime": "2026-10-31T02:00:00Z"}),
        json!({"id": BACKUP, "createdDateTime": "2026-11-01T02:00:00Z"}),
    ];
    evidence.page(2, 50, "snapshots", &page("directory/recovery/snapshots", again));
    let rows = backups(&evidence, &[]);
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let until = row["kept_until"].as_str().unwrap();
            let exhibits = row["evidence"].as_array().unwrap().len();
            format!(
                "{} {} {until} {} {exhibits}",
                row["created"], row["changed_objects"], row["same_time"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"2026-10-31T02:00:00Z\" 0 2026-11-07T02:00:00Z 0 2",
            "\"2026-11-01T02:00:00Z\" 7 2026-11-08T02:00:00Z 1 2",
            "\"2026-11-01T02:00:00Z\" null 2026-11-08T02:00:00Z 1 1",
        ]
    );
    let table = evidence.run("snapshots", &["--as-of", "2026-11-07T12:00:00Z"]).ended(0).text();
    assert!(table.contains("not said") && table.contains("no longer kept"), "{table}");
    assert!(table.contains("1 other backup has the same time"), "{table}");
    assert!(codes(&evidence).is_empty());
}

#[test]
fn backups_were_kept_five_days_in_the_preview() {
    let evidence = tenant();
    let row = json!({"id": "x", "createdDateTime": "2026-04-01T02:00:00Z"});
    evidence.page(1, 50, "snapshots", &page("directory/recovery/snapshots", [row]));
    let until = |as_of: &str| backups(&evidence, &["--as-of", as_of])[0]["kept_until"].clone();
    assert_eq!(until("2026-04-02T00:00:00Z"), "2026-04-06T02:00:00Z");
    assert_eq!(until("2026-08-01T00:00:00Z"), "2026-04-08T02:00:00Z");
}

#[test]
fn a_job_stands_in_its_last_state_with_all_that_shows_it() {
    let evidence = tenant();
    let running = json!({"status": "running", "jobCompletionDateTime": null, "totalFailedChanges": null,
        "totalObjectsModified": null, "totalLinksModified": null});
    evidence.page(1, 50, "recovery_jobs", &jobs([recovery_job(running), report_job(json!({}))]));
    evidence.page(2, 50, "recovery_jobs", &jobs([recovery_job(json!({}))]));
    let all = history(&evidence).json();
    let [report, recovery] = &all.as_array().unwrap()[..] else { panic!("{all}") };
    assert_eq!(
        (&report["kind"], &report["outcome"]),
        (&json!("difference report"), &json!("completed"))
    );
    assert_eq!(report["objects_modified"], Value::Null);
    assert_eq!(recovery["outcome"], "completed with warnings");
    assert_eq!(
        (&recovery["status"], &recovery["duration_seconds"]),
        (&json!("successful"), &json!(1800))
    );
    assert_eq!(recovery["evidence"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&recovery["scope"]["kind"], &recovery["failed_changes"]),
        (&json!("all"), &json!(1))
    );
    let text = text(&evidence);
    assert!(
        text.contains("is derived: the service says `successful` and counts 1 failed change"),
        "{text}"
    );
    assert!(text.contains("list of failed changes: not in the evidence; GET "), "{text}");
    assert!(text.contains("who started it is in no field of the job"), "{text}");
    assert!(codes(&evidence).is_empty());
    let csv =
        Ran::of(command().args(["recovery", "history", "--format", "csv"]).arg(evidence.root()));
    let report = evidence.report(&[]);
    assert_eq!(csv.ended(0).stdout, report.bytes("jobs.csv"));
    assert_eq!(report.table("jobs.csv").column("failed_changes"), ["", "1"]);
    assert!(report.html().contains("Backup and Recovery: backups and jobs"));
}

#[test]
fn a_job_that_is_over_does_not_run_again() {
    let evidence = tenant();
    evidence.page(1, 50, "jobs", &jobs([recovery_job(json!({"status": "abandoned"}))]));
    let running = json!({"status": "running", "jobCompletionDateTime": null});
    evidence.page(2, 50, "jobs", &jobs([recovery_job(running)]));
    assert_eq!(history(&evidence).json()[0]["outcome"], "cancelled");
    assert!(text(&evidence).contains("cancelled: changes that were already applied stay"));
    assert_eq!(codes(&evidence), ["job-differs"]);
}

#[test]
fn jobs_of_one_backup_and_single_jobs_are_read_too() {
    let evidence = tenant();
    let bare = |job: Value| {
        let Value::Object(mut members) = job else { panic!() };
        members.remove("@odata.type");
        Value::Object(members)
    };
    let path = format!("directory/recovery/snapshots('{BACKUP}')/recoveryPreviewJobs");
    evidence.page(1, 50, "previews", &page(&path, [bare(report_job(json!({})))]));
    let mut single = bare(recovery_job(json!({})));
    single["@odata.context"] =
        json!(context(&format!("directory/recovery/snapshots('{BACKUP}')/recoveryJobs/$entity")));
    evidence.json(1, 51, "poll", &single);
    let all = history(&evidence).json();
    let told: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["kind"].clone(), job["backup_id"].clone()))
        .collect();
    assert_eq!(
        told,
        [(json!("difference report"), json!(BACKUP)), (json!("recovery"), json!(BACKUP))]
    );
}

#[test]
fn what_a_job_was_limited_to_is_told_or_said_to_be_unknown() {
    let names = json!({"filteringCriteria": {"@odata.type": type_of("recoveryJobEntityNamesFilter"),
        "entityTypes": ["user", "namedLocationPolicy"]}});
    let ids = json!({"filteringCriteria": {"@odata.type": type_of("recoveryJobEntityNameAndIdsFilter"),
        "filterValues": [{"entityType": "group", "entityIds": [USER.to_uppercase()]}]}});
    let kinds = json!({"@odata.type": type_of("recoveryJobSomethingNew"), "depth": 3});
    for (members, cell) in [
        (json!({}), "all".to_owned()),
        (
            names,
            "types: authenticationMethod namedLocation strongAuthenticationRequirements user"
                .to_owned(),
        ),
        (ids, format!("objects: group={USER}")),
        (json!({"filteringCriteria": kinds}), "unknown".to_owned()),
        (json!({"filteringCriteria": {"entityTypes": []}}), "unknown".to_owned()),
    ] {
        let evidence = tenant();
        evidence.page(1, 50, "jobs", &jobs([recovery_job(members.clone())]));
        assert_eq!(evidence.report(&[]).table("jobs.csv").column("scope"), [cell], "{members}");
    }
    let evidence = tenant();
    let Value::Object(mut silent) = recovery_job(json!({})) else { panic!() };
    silent.remove("filteringCriteria");
    evidence.page(1, 50, "jobs", &jobs([Value::Object(silent)]));
    assert!(text(&evidence).contains("what it was limited to is not said"));
}

#[test]
fn a_change_list_read_twice_is_one_list() {
    let evidence = tenant();
    evidence.page(1, 40, "jobs", &jobs([report_job(json!({}))]));
    let pages = |day: i64| {
        let second = list_of("getChanges", [change("u2", json!({}))]);
        evidence.page(
            day,
            50,
            "getChanges",
            &list_of("getChanges", [change("u1", json!({}))]).followed(),
        );
        evidence.page(day, 51, "getChanges", &second);
    };
    pages(1);
    pages(2);
    let job = &history(&evidence).json()[0];
    assert_eq!((&job["listed_changes"], &job["list_incomplete"]), (&json!(2), &json!(false)));
    assert_eq!(job["backup_id"], BACKUP);
    assert_eq!(
        job["changes"][0]["attributes"],
        json!([{"path": "department", "backup": "Loans", "current": "Sales"}])
    );
    assert!(codes(&evidence).is_empty());
}

#[test]
fn a_list_of_which_pages_are_missing_says_so() {
    let counted = |page: Page| page.count(3);
    let short = |page: Page| {
        let mut json = page.json();
        json["@count"] = json!(3);
        json
    };
    let list = || list_of("getChanges", [change("u1", json!({}))]);
    for page in [list().followed().json(), counted(list()).json(), short(list())] {
        let evidence = tenant();
        evidence.json(1, 50, "getChanges", &page);
        let job = &history(&evidence).json()[0];
        assert_eq!((&job["listed_changes"], &job["list_incomplete"]), (&json!(1), &json!(true)));
        assert_eq!(codes(&evidence), ["change-list-partial"]);
    }
    let evidence = tenant();
    evidence.page(1, 50, "getChanges", &list_of("getChanges", []));
    let job = &history(&evidence).json()[0];
    assert_eq!((&job["listed_changes"], &job["list_incomplete"]), (&json!(0), &json!(false)));
}

#[test]
fn two_readings_that_disagree_are_both_kept() {
    let evidence = tenant();
    evidence.page(1, 50, "getChanges", &list_of("getChanges", [change("u1", json!({}))]));
    let other = change("u1", json!({"deltaFromCurrent": {"department": "Risk"}}));
    evidence.page(2, 50, "getChanges", &list_of("getChanges", [other]));
    assert_eq!(history(&evidence).json()[0]["listed_changes"], 2);
    assert_eq!(codes(&evidence), ["change-list-differs"]);
}

#[test]
fn the_context_of_a_function_leaves_the_job_to_the_name() {
    let collection = "Collection(microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase)";
    let failed = change("u1", json!({"failureMessage": "Conflict: \u{1b}[31mdeletedDateTime"}));
    let evidence = tenant();
    evidence.page(1, 40, "jobs", &jobs([recovery_job(json!({})), report_job(json!({}))]));
    let named = format!("directory_recovery_recoveryJobs_{RECOVERY}_changes");
    evidence.page(1, 50, &named, &page(collection, [failed]));
    // What this id is the id of, nothing says but the list of jobs.
    evidence.page(
        1,
        51,
        &format!("getChanges-{REPORT}"),
        &page(collection, [change("u2", json!({}))]),
    );
    let all = history(&evidence).json();
    assert_eq!((&all[0]["listed_changes"], &all[1]["listed_changes"]), (&json!(1), &json!(1)));
    assert_eq!(all[1]["failures"][0]["message"], "Conflict: \u{1b}[31mdeletedDateTime");
    assert_eq!(all[1]["failures"][0]["object_id"], "u1");
    let text = text(&evidence);
    assert!(
        text.contains("failed: update user u1 u1: Conflict: ") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(codes(&evidence).is_empty());
}

#[test]
fn a_list_whose_job_nothing_tells_is_given_to_none() {
    let evidence = tenant();
    evidence.page(1, 40, "jobs", &jobs([report_job(json!({}))]));
    let collection = "Collection(microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase)";
    evidence.page(
        1,
        50,
        "list",
        &page(collection, [change("u1", json!({})), change("u2", json!({}))]),
    );
    assert_eq!(history(&evidence).json()[0]["listed_changes"], Value::Null);
    let text = text(&evidence);
    assert!(text.contains("2 rows of change lists whose job nothing tells"), "{text}");
    assert!(text.contains("list of changes: not in the evidence; GET "), "{text}");
    assert_eq!(codes(&evidence), ["change-list-without-job"]);
}

#[test]
fn a_job_that_only_its_list_shows_is_listed() {
    let evidence = tenant();
    let path =
        format!("directory/recovery/snapshots/{BACKUP}/recoveryPreviewJobs/{REPORT}/getChanges");
    evidence.page(1, 50, "list", &page(&path, [change(USER, json!({"objectId": USER}))]));
    let job = &history(&evidence).json()[0];
    assert_eq!((&job["id"], &job["outcome"]), (&json!(REPORT), &json!("unknown")));
    assert_eq!(job["target_state"], "2026-11-01T02:00:00Z");
    assert!(text(&evidence).contains("nothing but its list of changes shows it"));
}

#[test]
fn pages_of_the_first_beta_are_read() {
    let evidence = tenant();
    let restored = json!({"objectId": USER.to_uppercase(), "entityTypeName": "user", "recoveryAction": "restore",
        "deltaFromCurrent": {"displayName": "Ada", "accountEnabled": true}, "currentState": null});
    let added = json!({"objectId": "g1", "entityTypeName": "group", "recoveryAction": "softDelete", "deltaFromCurrent": null});
    evidence.page(1, 50, "list", &list_of("getChanges", [restored, added]));
    let changes = history(&evidence).json()[0]["changes"].clone();
    assert_eq!(changes[0]["object_id"], "g1");
    assert_eq!(
        (&changes[1]["object_id"], &changes[1]["action"]),
        (&json!(USER), &json!("restore"))
    );
    assert_eq!(changes[1]["attributes"][0], json!({"path": "accountEnabled", "backup": true}));
    assert!(codes(&evidence).is_empty());
}

#[test]
fn words_that_the_service_hid_are_recovered_or_said() {
    let evidence = tenant();
    let hidden = |id: &str, members: Value| {
        change(id, with(json!({"entityTypeName": "unknownFutureValue"}), members))
    };
    let told = json!({"currentState": {"@odata.type": "#microsoft.graph.oAuth2PermissionGrant", "clientId": "c",
        "resourceId": "r", "consentType": "AllPrincipals", "principalId": null, "scope": "User.Read Mail.Read"},
        "deltaFromCurrent": {"scope": "User.Read"}});
    let list =
        [hidden("g1", told), hidden("g2", json!({"deltaFromCurrent": null, "currentState": null}))];
    evidence.page(1, 50, "list", &list_of("getChanges", list));
    let job = report_job(json!({"status": "unknownFutureValue", "jobCompletionDateTime": null}));
    evidence.page(1, 51, "jobs", &jobs([job]));
    let job = &history(&evidence).json()[0];
    assert_eq!(job["outcome"], "unknown");
    assert_eq!(job["changes"][0]["object_type"], "");
    let grant = &job["changes"][1];
    assert_eq!(
        (&grant["object_type"], &grant["object_id"]),
        (&json!("oAuth2PermissionGrant"), &json!("c|r|AllPrincipals|"))
    );
    let scope =
        grant["attributes"].as_array().unwrap().iter().find(|a| a["path"] == "scope").unwrap();
    assert_eq!(scope["current"], "Mail.Read User.Read");
    assert_eq!(codes(&evidence), ["unknown-future-value"]);
    assert!(text(&evidence).contains("include-unknown-enum-members"));
}

#[test]
fn values_are_spelled_as_in_changes() {
    let evidence = Evidence::new();
    let policy = |state: &str, users: Value| {
        json!({"id": USER, "displayName": "MFA", "state": state,
            "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": users}}})
    };
    let (before, after) = (policy("enabled", json!([])), policy("disabled", json!(["B", "a"])));
    evidence.list(1, "identity/conditionalAccess/policies", [before]);
    evidence.list(2, "identity/conditionalAccess/policies", [after]);
    let listed = json!({"id": USER, "entityTypeName": "conditionalAccessPolicy", "recoveryAction": "update",
        "deltaFromCurrent": {"state": "enabled", "conditions": {"users": {"excludeUsers": []}}},
        "currentState": {"state": "disabled", "conditions": {"users": {"excludeUsers": ["a", "B"]}}}});
    evidence.page(2, 50, "list", &list_of("getChanges", [listed]));
    let ours: Vec<_> = evidence
        .rows(&[])
        .0
        .iter()
        .map(|row| {
            (
                row.get("attribute").to_owned(),
                row.get("before").to_owned(),
                row.get("after").to_owned(),
            )
        })
        .collect();
    let changes = history(&evidence).json()[0]["changes"][0]["attributes"].clone();
    let side = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
    let theirs: Vec<_> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["path"].as_str().unwrap().to_owned(), side(&a["backup"]), side(&a["current"])))
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 2);
}

#[test]
fn events_near_its_start_may_say_who_started_a_job() {
    let evidence = tenant();
    evidence.page(2, 40, "jobs", &jobs([recovery_job(json!({}))]));
    let event = |category: &str, at: &str, id: &str| {
        json!({"id": id, "activityDateTime": at, "activityDisplayName": "Start recovery", "category": category,
            "result": "success", "initiatedBy": {"user": {"id": USER, "userPrincipalName": "ada@contoso.com"}},
            "targetResources": []})
    };
    let events = [
        event("BackupandRecovery", "2026-11-02T01:59:30Z", "a"),
        event("Backup and Recovery", "2026-11-02T04:00:00Z", "b"),
        event("UserManagement", "2026-11-02T01:59:40Z", "c"),
    ];
    evidence.page(2, 41, "directoryAudits", &page("auditLogs/directoryAudits", events));
    let job = &history(&evidence).json()[0];
    let candidates = job["started_by_candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0]["actor_name"], "ada@contoso.com");
    let text = text(&evidence);
    assert!(
        text.contains("candidate: 2026-11-02 01:59:30 `Start recovery` by ada@contoso.com"),
        "{text}"
    );
}

#[test]
fn no_job_is_not_the_same_as_no_list_of_jobs() {
    let evidence = tenant();
    assert!(text(&evidence).contains("export: GET /directory/recovery/jobs"));
    assert_eq!(history(&evidence).json(), json!([]));
    evidence.page(1, 50, "jobs", &jobs([]));
    assert!(text(&evidence).contains("the service lists none"));
    let refused = tenant();
    let error = json!({"error": {"code": "BadRequest", "message": "report has not completed"}});
    refused.json(
        1,
        50,
        &format!("directory_recovery_recoveryPreviewJobs_{REPORT}_getChanges"),
        &error,
    );
    assert!(text(&refused).contains("No job of Backup and Recovery in the evidence"));
}

#[test]
fn what_cannot_be_read_is_a_warning_and_no_number() {
    let evidence = tenant();
    let broken = recovery_job(json!({"totalFailedChanges": -1, "jobStartDateTime": "yesterday",
        "jobCompletionDateTime": "0001-01-01T00:00:00Z", "totalObjectsModified": "12"}));
    evidence.page(1, 50, "jobs", &jobs([broken]));
    let list = [
        change("u1", json!({"recoveryAction": "melt", "currentState": 7})),
        json!({"entityTypeName": "user", "recoveryAction": "update"}),
    ];
    evidence.page(1, 51, "list", &list_of("getChanges", list));
    let odd = json!({"id": BACKUP, "createdDateTime": "2026-11-03T02:00:00Z"});
    evidence.page(1, 52, "snapshots", &page("directory/recovery/snapshots", [odd]));
    let all = history(&evidence).json();
    let job = all.as_array().unwrap().iter().find(|job| job["kind"] == "recovery").unwrap();
    assert_eq!(
        (&job["started"], &job["completed"], &job["failed_changes"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(job["objects_modified"], 12);
    assert!(text(&evidence).contains("whether changes failed is not said"));
    assert_eq!(codes(&evidence), ["backup-time-differs", "recovery-record-unread"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    for code in ["backup-time-differs", "recovery-record-unread"] {
        run(["explain", code]).ended(0);
    }
}

#[test]
fn nothing_of_the_tenant_is_left_under_pseudonyms() {
    let evidence = tenant();
    let secret = change(
        USER,
        json!({"displayName": "Ada Lovelace", "failureMessage": "user ada@contoso.com is gone"}),
    );
    evidence.page(1, 40, "jobs", &jobs([recovery_job(json!({"status": "MyOwnWord"}))]));
    evidence.page(1, 50, "list", &list_of("getFailedChanges", [secret]));
    evidence.page(
        1,
        51,
        "snapshots",
        &page("directory/recovery/snapshots", [json!({"id": BACKUP}), json!({"id": "ada"})]),
    );
    let key = evidence.beside("key");
    let report = evidence.report(&["--redact", key.to_str().unwrap()]);
    report.ran.clone().ended(0);
    let tables = ["jobs.csv", "backups.csv", "report.html", "warnings.csv"];
    let all: String =
        tables.iter().map(|name| String::from_utf8(report.bytes(name)).unwrap()).collect();
    for word in [USER, RECOVERY, "Lovelace", "contoso", "MyOwnWord", ",ada,"] {
        assert!(!all.contains(word), "{word}");
    }
    assert!(all.contains(BACKUP));
}

#[test]
fn records_whose_tenant_nothing_tells_stay_apart() {
    let evidence = tenant();
    evidence.file("pages/jobs.json", jobs([recovery_job(json!({}))]).json().to_string());
    assert_eq!(history(&evidence).json()[0]["tenant_id"], "");
    assert_eq!(codes(&evidence), ["recovery-tenant-unknown"]);
}

#[test]
fn evidence_without_records_of_the_service_has_empty_tables() {
    let evidence = tenant();
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    assert!(report.table("jobs.csv").0.is_empty() && report.table("backups.csv").0.is_empty());
    assert!(!report.html().contains("id=\"service\""));
}
