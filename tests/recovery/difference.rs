//! Difference reports in the service's words, read back from its own shape, and held against its own lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::diff::essence;
use crate::evidence::{Evidence, TENANT, context, day, page, user, with};
use crate::program::{Ran, Row, Rows, command};
use crate::properties::Synth;

const GROUP: &str = "0f94820e-8042-4554-a827-57efdc8bd6cb";
const POLICY: &str = "5f94820e-8042-4554-a827-57efdc8bd6cb";
const GONE_POLICY: &str = "6f94820e-8042-4554-a827-57efdc8bd6cb";
const CLIENT: &str = "7f94820e-8042-4554-a827-57efdc8bd6cb";
const API: &str = "8f94820e-8042-4554-a827-57efdc8bd6cb";
const JOB: &str = "9f94820e-8042-4554-a827-57efdc8bd6cb";
/// 2026-11-01T04:00:00Z, after the dump of the first day.
const BACKUP: &str = "MjAyNi0xMS0wMVQwNDowMDowMFo=";

fn person(id: &str, members: Value) -> Value {
    let cloud = json!({
        "onPremisesSyncEnabled": null, "department": "D", "jobTitle": null,
        "createdDateTime": "2025-01-01T00:00:00Z",
    });
    with(with(user(id, id), cloud), members)
}

fn binned(id: &str, members: Value) -> Value {
    with(person(id, members), json!({"deletedDateTime": "2026-10-31T12:00:00Z"}))
}

fn policy(id: &str, excluded: &Value) -> Value {
    json!({
        "id": id, "displayName": "P", "state": "enabled",
        "conditions": {"users": {"excludeUsers": excluded, "includeUsers": ["All"]}},
        "sessionControls": null,
    })
}

/// A day of a tenant in which everything happens that a list has a shape for, and some that it has none for.
fn dump(evidence: &Evidence, number: i64) {
    let second = number == 2;
    let mut users = vec![
        person("plain", json!({"department": if second { "E" } else { "D" }})),
        person("cleared", json!({"jobTitle": if second { Value::Null } else { json!("Lead") }})),
        person("outside", json!({"proxyAddresses": [format!("SMTP:{number}@example.test")]})),
        person("synced", json!({"onPremisesSyncEnabled": true, "city": format!("C{number}")})),
    ];
    let mut bin = Vec::new();
    if second {
        users.push(person("back", json!({"department": "F"})));
        users.push(person("new", json!({"createdDateTime": "2026-11-01T20:00:00Z"})));
        let deleted = json!({"deletedDateTime": "2026-11-01T21:00:00Z", "department": "G"});
        bin.push(person("deleted", deleted));
    } else {
        users.push(person("deleted", json!({})));
        users.push(person("purged", json!({})));
        bin.push(binned("back", json!({})));
    }
    evidence.users(number, users).bin(number, 10, bin);
    let group = json!({
        "id": GROUP, "displayName": "G", "groupTypes": [], "mailEnabled": false,
        "securityEnabled": true, "onPremisesSyncEnabled": null,
    });
    evidence.list(number, "groups", [group]);
    let members = if second { ["plain", "new"] } else { ["plain", "cleared"] };
    evidence.members(number, 5, GROUP, members);
    let excluded = if second { json!(["b", "c"]) } else { json!(["b", "a"]) };
    let sessions = json!({"sessionControls": {"signInFrequency": {"value": 4, "type": "hours"}}});
    let own = policy(POLICY, &excluded);
    let own = if second { with(own, sessions) } else { own };
    let other = policy(GONE_POLICY, &json!([]));
    let policies = if second { vec![own] } else { vec![own, other.clone()] };
    let deleted = with(other, json!({"deletedDateTime": "2026-11-01T20:30:00Z"}));
    evidence.list(number, "identity/conditionalAccess/policies", policies);
    evidence.page(
        number,
        11,
        "identity_conditionalAccess_deletedItems_policies",
        &page("identity/conditionalAccess/policies", second.then_some(deleted)),
    );
    let scope = if second { "User.Read Mail.Read" } else { "User.Read" };
    let grant = json!({
        "id": "g", "clientId": CLIENT, "consentType": "AllPrincipals", "principalId": null,
        "resourceId": API, "scope": scope,
    });
    evidence.list(number, "oauth2PermissionGrants", [grant]);
}

fn two_days() -> Evidence {
    let evidence = Evidence::new();
    dump(&evidence, 1);
    dump(&evidence, 2);
    evidence
}

/// The changes that the list of a service has a place for.
fn listable(rows: &Rows) -> BTreeSet<Vec<String>> {
    let shown = |row: &&Row| {
        let kept = ["recoverable", "recoverable-converted", "with-anchor", "visible-only"];
        let open = ["cannot-tell", "backup-expired"];
        let gone = matches!(row.get("change"), "removed" | "hardDeleted");
        row.get("lane") == "change"
            && row.get("reason") != "added-and-deleted"
            && (kept.contains(&row.get("recoverability"))
                || open.contains(&row.get("recoverability")) && !gone)
    };
    rows.0.iter().filter(shown).map(essence).collect()
}

/// The id of the backup that a change list names.
fn backup_of(list: &Value) -> String {
    let context = list["@odata.context"].as_str().unwrap();
    context.split("snapshots/").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

#[track_caller]
fn assert_read_back(ours: &Rows, back: &Rows) {
    let (ours, back) = (listable(ours), back.0.iter().map(essence).collect::<BTreeSet<_>>());
    let missing: Vec<_> = ours.difference(&back).collect();
    let extra: Vec<_> = back.difference(&ours).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
    assert!(!ours.is_empty());
}

#[test]
fn actions_are_those_of_the_service() {
    let rows = two_days().run("diff", &["--format", "json"]).ended(0).json();
    let actions: BTreeMap<String, Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["object_id"].as_str().unwrap().to_owned(), row["recovery_action"].clone()))
        .collect();
    let expected = [
        ("plain", json!("update")),
        ("synced", json!("update")),
        ("new", json!("softDelete")),
        ("back", json!("softDelete")),
        ("deleted", json!("restore")),
        (GONE_POLICY, json!("restore")),
        ("purged", Value::Null),
        ("outside", Value::Null),
    ];
    for (id, action) in expected {
        assert_eq!(actions[id], action, "{id}");
    }
}

#[test]
fn the_table_says_what_is_merged_hidden_and_only_shown() {
    let text = two_days().run("diff", &[]).ended(0).text();
    let line = |part: &str| {
        text.lines().find(|line| line.contains(part)).unwrap_or_else(|| {
            panic!("`{part}` is nowhere in {text}");
        })
    };
    let numbers = |line: &str| {
        let all = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok());
        all.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    // update, restore, soft delete, objects, attributes, links
    assert_eq!(numbers(line("Conditional Access Policies ")), "1 1 0 2 3 0");
    assert_eq!(numbers(line("Users ")), "3 1 2 6 5 0");
    assert_eq!(numbers(line("Groups ")), "1 0 0 1 0 2");
    assert!(line("softDelete stands for both").contains("1 added"), "{text}");
    assert!(line("softDelete stands for both").contains("1 restored"), "{text}");
    assert!(line("synchronised from on-premises").starts_with("1 object is"), "{text}");
    assert!(line("  hard-deleted ").contains("(user 1)"), "{text}");
    assert!(line("  outside-properties ").contains("(user 1)"), "{text}");
    assert!(line("adds back: user").contains("cleared"), "{text}");
    assert!(line("recovery removes: user").contains("new"), "{text}");
    assert!(line("update, shown only: visible-only").contains("by 2026-11-02"), "{text}");
}

#[test]
fn lines_of_the_table_hold_no_control_character_of_the_evidence() {
    let evidence = Evidence::new();
    for (number, title) in [(1, "a"), (2, "\u{1b}[2J\u{202e}b")] {
        evidence.users(number, [person("u", json!({"jobTitle": title, "displayName": title}))]);
    }
    let text = evidence.run("diff", &[]).ended(0).text();
    assert!(text.contains("jobTitle"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{text:?}");
}

#[test]
fn a_list_that_was_written_reads_back_as_the_same_changes() {
    let both = two_days();
    let ours = both.run("diff", &["--from", "1", "--to", "2", "--format", "csv"]).ended(0).rows();
    let ran = both.run("diff", &["--from", "1", "--to", "2", "--format", "graph"]).ended(0);
    assert!(ran.stderr.contains("1 rows `hard-deleted`"), "{}", ran.stderr);
    let list = ran.json();
    let later = Evidence::new();
    dump(&later, 2);
    later.file(format!("{TENANT}/{}/list.json", day(2)), list.to_string());
    let from = backup_of(&list);
    let ran = later.run("diff", &["--from", &from, "--to", "1", "--format", "csv"]).ended(0);
    assert!(ran.stderr.contains("rebuilt from the change list of job"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("disagree"), "{}", ran.stderr);
    let back = ran.rows();
    assert_read_back(&ours, &back);
    let kind = |id: &str| {
        let rows = back.having("object_id", id).having("attribute", "");
        rows.column("change").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(kind("back"), ["restored"], "it is older than the backup");
    assert_eq!(kind("new"), ["added"]);
    assert_eq!(kind("deleted"), ["softDeleted"]);
    for row in &back.0 {
        let (before, after) = (row.get("evidence_before"), row.get("evidence_after"));
        assert!(!before.is_empty() && !after.is_empty() && before != after, "{row:?}");
    }
}

#[test]
fn lists_of_synthetic_tenants_read_back_as_the_same_changes() {
    for seed in [4, 6, 8] {
        let synth = Synth::of(seed);
        let code = synth.code();
        let run = |folder: &std::path::Path, options: &[&str]| {
            Ran::of(command().arg("diff").arg(folder).args(options)).ended(code)
        };
        let ours = synth.diff("1", "-1");
        let list = run(&synth.folder, &["--from", "1", "--to", "-1", "--format", "graph"]).json();
        // The dump of the last day alone.
        let mut tenant = synth.folder.clone();
        let days = |folder: &std::path::Path| {
            let mut found: Vec<_> =
                fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            found.sort();
            found
        };
        if days(&tenant).len() == 1 {
            tenant = days(&tenant).remove(0);
        }
        let folders = days(&tenant);
        let (last, earlier) = folders.split_last().unwrap();
        earlier.iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
        for file in days(last) {
            if file.file_name().unwrap().to_string_lossy().contains("recovery") {
                fs::remove_file(file).unwrap();
            }
        }
        fs::write(last.join("list.json"), list.to_string()).unwrap();
        let back = run(&synth.folder, &["--from", &backup_of(&list), "--format", "csv"]).rows();
        assert_read_back(&ours, &back);
    }
}

/// The records of the service: a report of this scope on the backup after the first day, and its list.
fn service(evidence: &Evidence, filter: &Value, count: usize, changes: &[Value]) {
    let job = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryPreviewJob", "id": JOB,
        "status": "successful", "targetStateDateTime": "2026-11-01T04:00:00Z",
        "jobStartDateTime": "2026-11-02T04:00:00Z", "jobCompletionDateTime": "2026-11-02T05:00:00Z",
        "filteringCriteria": filter, "totalChangedObjectsCalculated": count,
        "totalChangedLinksCalculated": 0,
    });
    evidence.page(2, 40, "directory_recovery_jobs", &page("directory/recovery/jobs", [job]));
    let path =
        format!("directory/recovery/snapshots/{BACKUP}/recoveryPreviewJobs/{JOB}/getChanges");
    let list = json!({
        "@odata.context": context(&path), "@odata.count": count, "value": changes,
    });
    evidence.json(2, 41, "getChanges", &list);
}

fn update(id: &str, delta: &Value, current: &Value) -> Value {
    json!({
        "entityTypeName": "user", "id": id, "displayName": id, "recoveryAction": "update",
        "deltaFromCurrent": delta, "currentState": current,
    })
}

#[test]
fn a_dump_and_a_list_that_disagree_are_both_kept() {
    let evidence = Evidence::new();
    evidence.users(2, [person("u", json!({})), person("live", json!({}))]);
    evidence.list(2, "groups", [json!({"id": GROUP, "displayName": "G"})]);
    evidence.members(2, 5, GROUP, ["u"]);
    let restore = json!({
        "entityTypeName": "user", "id": "live", "recoveryAction": "restore",
        "deltaFromCurrent": {"deletedDateTime": null},
        "currentState": {"deletedDateTime": "2026-11-02T01:00:00Z"},
    });
    let link = json!({
        "entityTypeName": "group", "id": GROUP, "recoveryAction": "update", "currentState": null,
        "deltaFromCurrent": {"members@delta": [{"@odata.type": "#microsoft.graph.user", "id": "u"}]},
    });
    let changed = update("u", &json!({"department": "A"}), &json!({"department": "B"}));
    service(&evidence, &Value::Null, 3, &[changed, restore, link]);
    let ran = evidence.run("diff", &["--from", BACKUP, "--format", "csv"]).ended(0);
    let rows = ran.rows();
    let values: Vec<_> = rows.0.iter().map(|row| (row.get("before"), row.get("after"))).collect();
    // After means the dump; a user that lives and a member that is one are no differences to it.
    assert_eq!(values, [(r#""A""#, r#""D""#)]);
    assert!(ran.stderr.contains("3 times the dump and the current state"), "{}", ran.stderr);
    for part in ["user u department:", "user live :", &format!("group {GROUP} members:")] {
        let line = ran.stderr.lines().find(|line| line.contains(part)).unwrap();
        assert_eq!(line.matches("EX-").count(), 2, "{line}");
    }
}

#[test]
fn what_no_dump_shows_is_taken_from_the_list_and_said() {
    let evidence = Evidence::new();
    evidence.users(2, [user("u", "u")]);
    let soft = json!({
        "entityTypeName": "user", "id": "other", "recoveryAction": "softDelete",
        "deltaFromCurrent": {"@removed": {"reason": "changed"}},
        "currentState": {"deletedDateTime": null},
    });
    let unsaid = update("u", &json!({"city": "A"}), &Value::Null);
    let changed = update("u", &json!({"department": "A"}), &json!({"department": "B"}));
    service(&evidence, &Value::Null, 3, &[changed, unsaid, soft]);
    let rows = evidence.run("diff", &["--from", BACKUP, "--format", "csv"]).ended(0).rows();
    let brief: Vec<String> = rows
        .0
        .iter()
        .map(|row| {
            ["object_id", "change", "after", "certainty", "reason"]
                .map(|column| row.get(column))
                .join(" ")
        })
        .collect();
    // Nothing tells the current city: no row is better than a guess.
    assert_eq!(
        brief,
        [
            "other added  consistent added-or-restored",
            r#"u modified "B" consistent from-change-list"#
        ]
    );
}

#[test]
fn without_a_whole_list_the_latest_snapshot_stands_in_and_that_is_said() {
    let evidence = two_days();
    let ran = evidence.run("diff", &["--from", BACKUP, "--format", "csv"]).ended(0);
    assert!(ran.stderr.contains("no whole change list of that backup"), "{}", ran.stderr);
    assert_eq!(ran.rows(), evidence.run("diff", &["--format", "csv"]).rows());
    let cut = two_days();
    service(
        &cut,
        &Value::Null,
        9,
        &[update("plain", &json!({"city": "A"}), &json!({"city": "B"}))],
    );
    let ran = cut.run("diff", &["--from", BACKUP, "--format", "csv"]);
    assert!(ran.stderr.contains("no whole change list of that backup"), "{}", ran.stderr);
    assert!(ran.rows().having("attribute", "city").having("object_id", "plain").0.is_empty());
}

/// What the service would list of the two days.
fn its_list() -> Vec<Value> {
    vec![
        update("plain", &json!({"department": "D"}), &json!({"department": "E"})),
        update("synced", &json!({"city": "C1"}), &json!({"city": "C9"})),
        update("outside", &json!({"jobTitle": "X"}), &json!({"jobTitle": null})),
        json!({
            "entityTypeName": "user", "id": "deleted", "recoveryAction": "restore",
            "deltaFromCurrent": {"deletedDateTime": null, "department": "D"},
            "currentState": {"deletedDateTime": "2026-11-01T21:00:00Z", "department": "G"},
        }),
        json!({
            "entityTypeName": "group", "id": GROUP, "recoveryAction": "update",
            "currentState": null,
            "deltaFromCurrent": {"members@delta": [
                {"@odata.type": "#microsoft.graph.user", "id": "new", "@removed": {"reason": "changed"}},
                {"@odata.type": "#microsoft.graph.user", "id": "late", "@removed": {"reason": "changed"}},
            ]},
        }),
        json!({
            "entityTypeName": "namedLocationPolicy", "id": "l", "recoveryAction": "update",
            "deltaFromCurrent": {"displayName": "A"}, "currentState": {"displayName": "B"},
        }),
    ]
}

fn compare(evidence: &Evidence, options: &[&str]) -> Ran {
    Ran::of(command().args(["recovery", "compare"]).arg(evidence.root()).args(options))
}

fn verdicts(rows: &Rows) -> BTreeMap<String, String> {
    let key = |row: &Row| {
        let parts = ["object_id", "attribute", "target_id"].map(|column| row.get(column));
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    rows.0
        .iter()
        .map(|row| (key(row), format!("{} {}", row.get("agreement"), row.get("reason"))))
        .collect()
}

#[test]
fn both_lists_are_held_against_each_other() {
    let evidence = two_days();
    let list = its_list();
    service(&evidence, &Value::Null, list.len(), &list);
    let rows = compare(&evidence, &["--format", "csv"]).ended(0).rows();
    let found = verdicts(&rows);
    let check = |key: &str, expected: &str| {
        assert_eq!(found.get(key).map(|text| text.trim()), Some(expected), "{key}: {found:#?}");
    };
    check("plain department", "both agree");
    check("deleted", "both agree");
    check("deleted department", "both agree");
    check(&format!("{GROUP} members new"), "both agree");
    check("synced city", "values differ changed-after-dump");
    // The dump has neither its backup value nor another current one.
    check("outside jobTitle", "theirs only changed-before-backup");
    check(&format!("{GROUP} members late"), "theirs only changed-after-dump");
    check("l displayName", "theirs only not-in-dumps");
    check("outside proxyAddresses", "ours only see-recoverability");
    check("purged", "ours only see-recoverability");
    check("cleared jobTitle", "ours only changed-before-backup");
}

#[test]
fn a_filter_and_a_missing_page_explain_what_only_we_have() {
    let filter = json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryJobEntityNamesFilter",
        "entityTypes": ["user"],
    });
    let evidence = two_days();
    service(&evidence, &filter, 9, &its_list()[..1]);
    let rows = compare(&evidence, &["--format", "csv"]).rows();
    let found = verdicts(&rows);
    let state = format!("{POLICY} conditions.users.excludeUsers");
    assert_eq!(found[&state], "ours only job-filter");
    assert_eq!(found["cleared jobTitle"], "ours only list-incomplete");
    assert_eq!(found["plain department"], "both agree ");
}

#[test]
fn totals_add_up_in_every_format() {
    let evidence = two_days();
    let list = its_list();
    service(&evidence, &Value::Null, list.len(), &list);
    let run = |format: &str| compare(&evidence, &["--format", format]).ended(0);
    let rows = run("csv").rows();
    assert_eq!(run("json").json().as_array().unwrap().len(), rows.0.len());
    let count = |word: &str| rows.having("agreement", word).0.len();
    let (agree, differ) = (count("both agree"), count("values differ"));
    let (ours, theirs) = (count("ours only"), count("theirs only"));
    assert_eq!(agree + differ + ours + theirs, rows.0.len());
    // Four updates of an attribute, a restore with an attribute, two links.
    assert_eq!(agree + differ + theirs, 8);
    let table = run("table").text();
    let expected = format!(
        "ours {} = {agree} both agree + {differ} values differ + {ours} ours only; theirs 8 =",
        agree + differ + ours
    );
    assert!(table.contains(&expected), "{expected}\n{table}");
    let unknown = compare(&evidence, &["--job", "none"]).ended(2);
    assert!(unknown.stderr.contains(JOB), "{}", unknown.stderr);
}

#[test]
fn a_report_holds_both_and_redaction_hides_their_names() {
    let evidence = two_days();
    let list = its_list();
    service(&evidence, &Value::Null, list.len(), &list);
    let report = evidence.report(&[]);
    let page = report.html();
    for part in ["id=\"difference\"", "id=\"opinion\"", "softDelete", JOB, "hard-deleted"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(
        report.table("second_opinion.csv").0.len(),
        compare(&evidence, &["--format", "csv"]).rows().0.len()
    );
    let key = evidence.beside("key");
    let hidden = evidence.report(&["--redact", key.to_str().unwrap()]);
    let table = String::from_utf8(hidden.bytes("second_opinion.csv")).unwrap();
    for text in [&table, &hidden.html()] {
        for secret in [JOB, TENANT, GROUP, POLICY, "purged", "\"D\"", "cleared"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    let (open, closed) = (report.table("second_opinion.csv"), hidden.table("second_opinion.csv"));
    let sorted = |rows: &Rows| {
        let mut words: Vec<String> = rows.column("reason").into_iter().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&open), sorted(&closed));
}

#[test]
fn an_attribute_of_a_grant_is_the_same_thing_in_both() {
    let evidence = Evidence::new();
    let grant = |scope: &str| {
        json!({
            "id": "g", "clientId": "c", "resourceId": "r", "consentType": "AllPrincipals",
            "principalId": null, "scope": scope,
        })
    };
    for (number, scope) in [(1, "User.Read"), (2, "Mail.Read User.Read")] {
        evidence.list(number, "oauth2PermissionGrants", [grant(scope)]);
    }
    let changed = json!({
        "entityTypeName": "oAuth2PermissionGrant", "id": "g", "recoveryAction": "update",
        "deltaFromCurrent": grant("User.Read"), "currentState": grant("Mail.Read User.Read"),
    });
    service(&evidence, &Value::Null, 1, &[changed]);
    let rows = compare(&evidence, &["--format", "csv"]).ended(0).rows();
    assert_eq!(rows.column("attribute"), ["scope"]);
    assert_eq!(rows.column("agreement"), ["both agree"]);
}
