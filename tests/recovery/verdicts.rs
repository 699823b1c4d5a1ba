//! `recovery verify`: what each verdict needs, and what keeps it from being given.

use serde_json::{Value, json};

use crate::evidence::{Evidence, page, user, with};
use crate::program::{Ran, Row, run};

const JOB: &str = "6d0ad9ab-3a5f-4b8e-9a05-5d35c1b3f7a1";
const GROUP: &str = "0f94820e-8042-4554-a827-57efdc8bd6cb";
/// The backup lies between the first two days, which are equal.
const TARGET: &str = "2026-11-01T22:00:00Z";

/// A recovery that was over in the morning of the fourth day.
fn job(more: Value) -> Value {
    let job = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryJob",
        "id": JOB, "status": "successful", "targetStateDateTime": TARGET,
        "jobStartDateTime": "2026-11-03T09:00:00Z", "jobCompletionDateTime": "2026-11-03T10:00:00Z",
        "filteringCriteria": null,
        "totalChangedObjectsCalculated": 2, "totalChangedLinksCalculated": 0,
        "totalObjectsModified": 2, "totalLinksModified": 0, "totalFailedChanges": 0
    });
    with(job, more)
}

fn of_department(id: &str, department: &str) -> Value {
    with(
        user(id, id),
        json!({"department": department, "employeeId": "7", "createdDateTime": "2020-01-01T00:00:00Z"}),
    )
}

/// Someone who joined after the recovery: a time that only the service sets.
fn newcomer() -> Value {
    with(of_department("u9", "Sales"), json!({"createdDateTime": "2026-11-03T12:00:00Z"}))
}

/// Four days: good, good, damaged, after.
struct Story {
    evidence: Evidence,
}

impl Story {
    /// Users by id with their departments on the fourth day; on the third all are in `X`, before that in `A`.
    fn of(after: &[(&str, &str)]) -> Self {
        let evidence = Evidence::new();
        for (day, department) in [(1, "A"), (2, "A"), (3, "X")] {
            evidence.users(day, after.iter().map(|(id, _)| of_department(id, department)));
        }
        let users = after.iter().map(|(id, department)| of_department(id, department));
        evidence.users(4, users.chain([newcomer()]));
        let story = Self { evidence };
        story.jobs(&[job(json!({}))]);
        story
    }

    fn jobs(&self, jobs: &[Value]) {
        let path = "directory/recovery/jobs";
        self.evidence.page(4, 9, "directory_recovery_jobs", &page(path, jobs.to_vec()));
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let root = self.evidence.root();
        let mut words = vec!["recovery", "verify", root.to_str().unwrap()];
        words.extend(["--good", "2", "--damaged", "3", "--after", "4", "--format", "csv"]);
        words.extend(more);
        run(words)
    }

    /// Rows of objects: `ID ATTRIBUTE VERDICT REASON`.
    #[track_caller]
    fn verdicts(&self, more: &[&str]) -> Vec<String> {
        let rows = self.verify(more).ended(1).rows();
        rows.0.iter().filter(|row| !row.get("object_id").is_empty()).map(short).collect()
    }
}

fn short(row: &Row) -> String {
    let cells =
        ["object_id", "attribute", "target_id", "verdict", "reason"].map(|name| row.get(name));
    let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
    cells.join(" ")
}

#[test]
fn what_is_good_again_damaged_still_or_neither() {
    let story = Story::of(&[("u1", "A"), ("u2", "X"), ("u3", "Z")]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department equals damaged", "u3 department third value",]
    );
    let row = &story.verify(&[]).rows().0;
    let row = row.iter().find(|row| row.get("object_id") == "u2").unwrap();
    let values = ["good", "damaged", "after"].map(|name| row.get(name));
    assert_eq!(values, ["\"A\"", "\"X\"", "\"X\""]);
}

#[test]
fn without_a_job_nothing_is_told_unless_its_end_is_declared() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    story.jobs(&[]);
    assert!(story.verdicts(&[]).iter().all(|row| row.ends_with("cannot tell no-recovery-job")));
    assert_eq!(
        story.verdicts(&["--completed", "2026-11-03T10:00:00Z"]),
        ["u1 department equals good", "u2 department equals damaged"]
    );
}

#[test]
fn failures_that_no_list_names_leave_the_cause_open() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    story.jobs(&[job(json!({"totalFailedChanges": 1}))]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department equals damaged failed-list-missing"]
    );
    let rows = story.verify(&[]).rows();
    let row = rows.0.iter().find(|row| row.get("object_id") == "u2").unwrap();
    assert!(row.get("next_export").contains("getFailedChanges"));
    // The list says which it was.
    let failed = json!({
        "id": "u2", "entityTypeName": "user", "displayName": "u2", "recoveryAction": "update",
        "failureMessage": "409 conflict",
        "deltaFromCurrent": {"department": "A"}, "currentState": {"department": "X"}
    });
    let path = format!(
        "directory/recovery/snapshots/MjAyNi0xMS0wMVQyMjowMDowMFo=/recoveryJobs/{JOB}/getFailedChanges"
    );
    let stem = format!("directory_recovery_recoveryJobs_{JOB}_getFailedChanges");
    story.evidence.page(4, 9, &stem, &page(&path, [failed]));
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department equals damaged listed-as-failed"]
    );
}

#[test]
fn a_job_that_is_not_over_tells_nothing() {
    let story = Story::of(&[("u1", "A")]);
    story.jobs(&[job(json!({"status": "running", "jobCompletionDateTime": null}))]);
    assert_eq!(story.verdicts(&[]), ["u1 department cannot tell job-not-over"]);
}

#[test]
fn an_after_without_a_time_of_the_service_proves_nothing() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    story.evidence.users(4, [of_department("u1", "A"), of_department("u2", "X")]);
    let told = story.verdicts(&[]);
    assert!(told.iter().all(|row| row.ends_with("cannot tell not-proven-fresh")), "{told:?}");
    // A sign-in log of the same run proves that the run was later.
    let event = json!({
        "id": "e1", "activityDateTime": "2026-11-03T11:00:00Z", "activityDisplayName": "Update user",
        "category": "UserManagement", "result": "success", "loggedByService": "Core Directory",
        "targetResources": [], "initiatedBy": {"user": {"id": "u2"}}
    });
    let log = page("auditLogs/directoryAudits", [event]);
    story.evidence.page(4, 8, "auditLogs_directoryAudits", &log);
    assert_eq!(story.verdicts(&[]), ["u1 department equals good", "u2 department equals damaged"]);
}

#[test]
fn a_copy_of_good_verifies_nothing() {
    let story = Story::of(&[("u1", "A"), ("u2", "A")]);
    story.evidence.users(4, [of_department("u1", "A"), of_department("u2", "A")]);
    // The newcomer stands in another list, so that the run as a whole is proved to be fresh.
    story.evidence.list(
        4,
        "groups",
        [json!({"id": GROUP, "displayName": "G", "createdDateTime": "2026-11-03T12:00:00Z"})],
    );
    let told = story.verdicts(&[]);
    assert!(told.iter().all(|row| row.ends_with("cannot tell equal-to-earlier")), "{told:?}");
    // Another white space, another order of records and members: the same content.
    let list = page("users", [of_department("u2", "A"), of_department("u1", "A")]).counted();
    let text = serde_json::to_string_pretty(&list.json()).unwrap();
    let name = format!("{}/2026-11-04/users_20261104T030000Z.json", crate::evidence::TENANT);
    story.evidence.file(name, text);
    let told = story.verdicts(&[]);
    assert!(told.iter().all(|row| row.ends_with("cannot tell equal-to-earlier")), "{told:?}");
}

#[test]
fn a_live_list_of_what_was_in_the_bin_is_no_copy_of_the_bin() {
    let story = Story::of(&[("u1", "A")]);
    let own = json!({"id": GROUP, "displayName": "G", "securityEnabled": true, "mailEnabled": false, "groupTypes": []});
    let binned = with(own.clone(), json!({"deletedDateTime": "2026-11-02T12:00:00Z"}));
    let bin = "directory_deletedItems_microsoft.graph.group";
    for (day, live, gone) in
        [(1, true, false), (2, true, false), (3, false, true), (4, true, false)]
    {
        // On the good day the group had another description, so that the last list is a copy of none.
        let own = with(own.clone(), json!({"description": if day < 3 { "good" } else { "G" }}));
        let binned = with(binned.clone(), json!({"description": "G"}));
        story.evidence.page(day, 0, "groups", &page("groups", live.then_some(own)));
        story.evidence.page(day, 5, bin, &page("groups", gone.then_some(binned)));
    }
    let told = story.verdicts(&[]);
    assert!(told.contains(&format!("{GROUP} equals good")), "{told:?}");
}

#[test]
fn delta_pages_verify_nothing() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    let delta = page("users/$delta", [of_department("u1", "A"), newcomer()]);
    let name = format!("{}/2026-11-04", crate::evidence::TENANT);
    std::fs::remove_file(story.evidence.root().join(format!("{name}/users_20261104T030000Z.json")))
        .unwrap();
    story.evidence.page(4, 0, "users_delta", &delta);
    let told = story.verdicts(&[]);
    assert!(told.iter().all(|row| row.contains("cannot tell")), "{told:?}");
    assert!(told.iter().any(|row| row.ends_with("built-from-delta")), "{told:?}");
}

#[test]
fn a_capture_before_the_end_of_the_job_proves_nothing() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    story.jobs(&[job(json!({"jobCompletionDateTime": "2026-11-04T03:05:00Z"}))]);
    let told = story.verdicts(&[]);
    assert!(
        told.iter().all(|row| row.ends_with("cannot tell captured-before-completion")),
        "{told:?}"
    );
}

#[test]
fn a_filter_of_the_job_leaves_the_rest_out_of_scope() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    let ids = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryJobEntityNameAndIdsFilter",
        "filterValues": [{"entityType": "user", "entityIds": ["u1"]}]
    });
    story.jobs(&[job(json!({"filteringCriteria": ids}))]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department out of scope job-filter"]
    );
    let types = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryJobEntityNamesFilter",
        "entityTypes": ["group"]
    });
    story.jobs(&[job(json!({"filteringCriteria": types}))]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department out of scope job-filter"]
    );
}

#[test]
fn what_the_service_does_not_recover_is_not_called_missed() {
    let story = Story::of(&[("u1", "A")]);
    for (day, proxy) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        let department = if day == 3 { "X" } else { "A" };
        let own = with(of_department("u1", department), json!({"preferredName": proxy}));
        let others = (day == 4).then(newcomer);
        story.evidence.users(day, [own].into_iter().chain(others));
    }
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u1 preferredName not recoverable see-recoverability",]
    );
}

#[test]
fn what_changed_between_the_backup_and_good_cannot_be_told() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    // On the first day, before the backup was taken, both were elsewhere.
    story.evidence.users(1, [of_department("u1", "B"), of_department("u2", "B")]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department cannot tell distance", "u2 department cannot tell distance"]
    );
    // A change list of that backup settles it.
    let preview = "d3f8e7e8-7e87-4a7f-9d2c-c1c2d7e8e1f1";
    let report = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryPreviewJob",
        "id": preview, "status": "successful", "targetStateDateTime": TARGET,
        "jobStartDateTime": "2026-11-03T08:00:00Z", "jobCompletionDateTime": "2026-11-03T08:30:00Z",
        "filteringCriteria": null, "totalChangedObjectsCalculated": 2, "totalChangedLinksCalculated": 0
    });
    story.jobs(&[job(json!({})), report]);
    let listed = |id: &str, backup: &str| {
        json!({
            "id": id, "entityTypeName": "user", "displayName": id, "recoveryAction": "update",
            "deltaFromCurrent": {"@odata.type": "#microsoft.graph.user", "department": backup},
            "currentState": {"@odata.type": "#microsoft.graph.user", "department": "X"}
        })
    };
    let path = format!(
        "directory/recovery/snapshots/MjAyNi0xMS0wMVQyMjowMDowMFo=/recoveryPreviewJobs/{preview}/getChanges"
    );
    let stem = format!("directory_recovery_recoveryPreviewJobs_{preview}_getChanges");
    story.evidence.page(4, 9, &stem, &page(&path, [listed("u1", "A"), listed("u2", "B")]));
    assert_eq!(story.verdicts(&[]), ["u1 department equals good", "u2 department equals damaged"]);
}

#[test]
fn a_backup_before_all_evidence_leaves_what_is_not_good_untold() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    story.jobs(&[job(json!({"targetStateDateTime": "2026-10-31T22:00:00Z"}))]);
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u2 department cannot tell distance"]
    );
}

#[test]
fn an_object_that_is_not_there_is_missing_and_one_in_the_bin_still_damaged() {
    let story = Story::of(&[("u1", "A"), ("u2", "A")]);
    let gone =
        |id: &str| with(of_department(id, "A"), json!({"deletedDateTime": "2026-11-02T12:00:00Z"}));
    for (day, bin) in [
        (1, vec![]),
        (2, vec![]),
        (3, vec![gone("u3"), gone("u4"), gone("u5")]),
        (4, vec![gone("u4")]),
    ] {
        story.evidence.bin(day, 5, bin);
        let department = if day == 3 { "X" } else { "A" };
        let mut users = vec![of_department("u1", department), of_department("u2", department)];
        users.extend((day < 3).then(|| of_department("u3", "A")));
        users.extend((day < 3).then(|| of_department("u4", "A")));
        users.extend((day != 3).then(|| of_department("u5", "A")));
        users.extend((day == 4).then(newcomer));
        story.evidence.users(day, users);
    }
    assert_eq!(
        story.verdicts(&[]),
        [
            "u1 department equals good",
            "u2 department equals good",
            "u3 missing",
            "u4 equals damaged",
            "u5 equals good",
        ]
    );
    // Without the recycle bin of the fourth day it cannot be told whether they are gone for good.
    let bin = "directory_deletedItems_microsoft.graph.user_20261104T030500Z.json";
    let folder = format!("{}/2026-11-04", crate::evidence::TENANT);
    std::fs::remove_file(story.evidence.root().join(folder).join(bin)).unwrap();
    let told = story.verdicts(&[]);
    assert!(told.contains(&"u3 cannot tell bin-not-in-evidence".to_owned()), "{told:?}");
    assert!(told.contains(&"u4 cannot tell bin-not-in-evidence".to_owned()), "{told:?}");
}

#[test]
fn what_was_added_since_is_good_again_when_it_is_in_the_bin() {
    let story = Story::of(&[("u1", "A")]);
    let added = || of_department("u7", "X");
    let binned = with(added(), json!({"deletedDateTime": "2026-11-03T09:30:00Z"}));
    for (day, users, bin) in [
        (3, vec![of_department("u1", "X"), added(), of_department("u8", "X")], vec![]),
        (4, vec![of_department("u1", "A"), of_department("u8", "X"), newcomer()], vec![binned]),
    ] {
        story.evidence.users(day, users);
        story.evidence.bin(day, 5, bin);
    }
    assert_eq!(
        story.verdicts(&[]),
        ["u1 department equals good", "u7 equals good", "u8 equals damaged"]
    );
}

#[test]
fn links_are_judged_by_whole_lists_only() {
    let story = Story::of(&[("u1", "A")]);
    for (day, members) in [(1, vec!["u1"]), (2, vec!["u1"]), (3, vec!["u2"]), (4, vec!["u1", "u2"])]
    {
        let group = json!({"id": GROUP, "displayName": "G", "securityEnabled": true, "mailEnabled": false, "groupTypes": []});
        story.evidence.list(
            day,
            "groups",
            [with(group, json!({"description": format!("day {day}")}))],
        );
        story.evidence.members(day, 6, GROUP, members);
    }
    let links = |told: Vec<String>| -> Vec<String> {
        told.into_iter().filter(|row| row.contains("members")).collect()
    };
    assert_eq!(
        links(story.verdicts(&[])),
        [format!("{GROUP} members u1 equals good"), format!("{GROUP} members u2 equals damaged"),]
    );
    // A page that names a next one proves who is in it, and nobody's absence.
    let item = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    let partial = page("directoryObjects", [item("u2"), item("u9")]).followed();
    story.evidence.page(4, 6, &format!("groups_{GROUP}_members"), &partial);
    assert_eq!(
        links(story.verdicts(&[])),
        [
            format!("{GROUP} members u1 cannot tell after-partial"),
            format!("{GROUP} members u2 equals damaged"),
        ]
    );
}

#[test]
fn what_the_after_snapshot_did_not_collect_is_not_carried_over() {
    let story = Story::of(&[("u1", "A"), ("u2", "X")]);
    let bare = |id: &str| with(user(id, id), json!({"createdDateTime": "2026-11-03T12:00:00Z"}));
    let list =
        page("users(id,displayName,userPrincipalName,createdDateTime)", [bare("u1"), bare("u2")]);
    story.evidence.page(4, 0, "users", &list.counted());
    let told = story.verdicts(&[]);
    assert!(told.iter().all(|row| row.ends_with("cannot tell after-not-collected")), "{told:?}");
}

#[test]
fn a_value_that_was_good_and_is_not_any_more_changed_again() {
    let story = Story::of(&[("u1", "A"), ("u2", "A"), ("u3", "A")]);
    let late = |day: &str, id: &str, department: &str| {
        with(of_department(id, department), json!({"lastPasswordChangeDateTime": day}))
    };
    let at = "2026-11-04T12:00:00Z";
    story
        .evidence
        .users(5, [late(at, "u1", "A"), late(at, "u2", "X"), late(at, "u3", "Z"), newcomer()]);
    let rows = story.verify(&["--after", "5"]);
    // Given twice, clap refuses: the story is told again with its own words.
    assert_eq!(rows.code, 2);
    let root = story.evidence.root();
    let ran = run([
        "recovery",
        "verify",
        root.to_str().unwrap(),
        "--good",
        "2",
        "--damaged",
        "3",
        "--after",
        "5",
        "--format",
        "csv",
    ]);
    let rows = ran.ended(1).rows();
    let told: Vec<String> = rows
        .0
        .iter()
        .filter(|row| row.get("attribute") == "department" && !row.get("object_id").is_empty())
        .map(|row| format!("{} {}", short(row), row.get("recurring")))
        .collect();
    assert_eq!(
        told,
        [
            "u1 department equals good no",
            "u2 department changed again later yes",
            "u3 department changed again later no",
        ]
    );
}

#[test]
fn tickets_and_damage_tell_wanted_changes_from_damage() {
    let story = Story::of(&[("u1", "A"), ("u2", "X"), ("u3", "A")]);
    for (day, office) in [(1, "1"), (2, "1"), (3, "1"), (4, "2")] {
        let departments = if day == 3 {
            ["X"; 3]
        } else if day == 4 {
            ["A", "X", "A"]
        } else {
            ["A"; 3]
        };
        let own = |(id, department): (&str, &str)| {
            let office = if id == "u3" { office } else { "1" };
            with(of_department(id, department), json!({"officeLocation": office}))
        };
        let users = ["u1", "u2", "u3"].into_iter().zip(departments).map(own);
        story.evidence.users(day, users.chain((day == 4).then(newcomer)));
    }
    let tickets = story.evidence.beside("tickets.csv");
    std::fs::write(&tickets, "object_type,object_id,attribute,name\nuser,u1,department,CHG-1\nuser,u2,department,CHG-2\n").unwrap();
    let told = story.verdicts(&["--tickets", tickets.to_str().unwrap()]);
    assert_eq!(
        told,
        [
            "u1 department legitimate change lost",
            "u2 department legitimate change kept",
            "u3 department equals good",
            "u3 officeLocation collateral",
            "u9 collateral",
        ]
    );
    let damage = story.evidence.beside("damage.csv");
    std::fs::write(&damage, "object_id,name\nu3,INC-7\n").unwrap();
    let told = story.verdicts(&["--damage", damage.to_str().unwrap()]);
    assert_eq!(
        told[..3],
        [
            "u1 department legitimate change lost",
            "u2 department legitimate change kept",
            "u3 department equals good",
        ]
    );
    std::fs::write(&damage, "object_id,when\nu3,now\n").unwrap();
    let refused = story.verify(&["--damage", damage.to_str().unwrap()]).ended(2);
    assert!(refused.stderr.contains("when"), "{}", refused.stderr);
}

#[test]
fn properties_that_dumps_do_not_show_cannot_be_told_and_name_their_request() {
    let story = Story::of(&[("u1", "A")]);
    let organization = json!({"id": crate::evidence::TENANT, "displayName": "Contoso"});
    for day in 1..=4 {
        story.evidence.list(day, "organization", [organization.clone()]);
    }
    let rows = story.verify(&[]).ended(1).rows();
    let row = |attribute: &str| {
        rows.0
            .iter()
            .find(|row| row.get("attribute") == attribute)
            .unwrap_or_else(|| panic!("{attribute}"))
    };
    for (attribute, request) in [
        ("perUserMfaState", "/authentication/requirements"),
        ("StrongAuthenticationPolicy.enabled", "getChanges"),
    ] {
        let row = row(attribute);
        assert_eq!(row.get("verdict"), "cannot tell");
        assert!(row.get("next_export").contains(request), "{}", row.get("next_export"));
    }
}

#[test]
fn the_order_of_the_snapshots_is_the_order_of_time() {
    let story = Story::of(&[("u1", "A")]);
    let root = story.evidence.root();
    let ran = run([
        "recovery",
        "verify",
        root.to_str().unwrap(),
        "--good",
        "3",
        "--damaged",
        "2",
        "--after",
        "4",
    ]);
    assert!(ran.ended(2).stderr.contains("order"));
}
