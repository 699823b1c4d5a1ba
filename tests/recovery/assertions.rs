//! `--assert`: what holds, what fails, and what cannot be told, which is no pass.

use std::fs;

use serde_json::{Value, json};

use crate::evidence::{Evidence, page, people, user, with};
use crate::program::{Ran, Report};

const TEAM: &str = "0f94820e-8042-4554-a827-57efdc8bd6cb";
const ADMINS: &str = "1f94820e-8042-4554-a827-57efdc8bd6cb";
const CUT: &str = "2f94820e-8042-4554-a827-57efdc8bd6cb";
const ADA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BOB: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const EVE: &str = "eeeeeeee-0000-4000-8000-000000000003";

fn group(id: &str, name: &str) -> Value {
    json!({"id": id, "displayName": name, "description": null, "securityEnabled": true})
}

/// Two days: Bob moves to another department, Eve leaves and joins a group, one list of members is cut.
fn tenant() -> Evidence {
    let evidence = Evidence::new();
    for day in 1..=2 {
        let in_department = |id: &str, name: &str, department: Value| {
            with(user(id, name), json!({"department": department}))
        };
        let moved = if day == 1 { json!("Sales") } else { json!("Loans") };
        let mut users = people(10..40);
        users.push(in_department(ADA, "Ada", json!("Sales")));
        users.push(in_department(BOB, "Bob", moved));
        if day == 1 {
            users.push(in_department(EVE, "Twin", json!(null)));
        } else {
            users.push(user("u98", "Twin"));
            users.push(user("u99", "Twin"));
        }
        evidence.users(day, users);
        evidence.list(
            day,
            "groups",
            [group(TEAM, "Team"), group(ADMINS, "Admins"), group(CUT, "Cut")],
        );
        evidence.members(day, 5, TEAM, [ADA, BOB]);
        evidence.members(day, 6, ADMINS, if day == 1 { vec![ADA] } else { vec![ADA, EVE] });
        let members = [json!({"@odata.type": "#microsoft.graph.user", "id": ADA})];
        let cut = page("directoryObjects", members).followed();
        evidence.page(day, 7, &format!("groups_{CUT}_members"), &cut);
    }
    evidence
}

/// One assertion of the given lines.
fn claim(lines: &[&str]) -> String {
    format!("[[assertion]]\nname = \"claim\"\n{}\n", lines.join("\n"))
}

fn asserted(evidence: &Evidence, text: &str) -> Report {
    let file = evidence.beside("assertions.toml");
    fs::write(&file, text).unwrap();
    evidence.report(&["--assert", file.to_str().unwrap()])
}

/// How an assertion of these lines comes out, and what is said of it.
#[track_caller]
fn outcome(evidence: &Evidence, lines: &[&str]) -> (String, Value) {
    let report = asserted(evidence, &claim(lines));
    let sheet: Value = serde_json::from_slice(&report.bytes("attestation.json")).unwrap();
    let row = sheet["assertions"]["rows"][0].clone();
    let outcome = row["outcome"].as_str().unwrap().to_owned();
    assert_eq!(report.ran.code, i32::from(outcome != "holds"), "{}", report.ran.stderr);
    assert!(report.ran.stderr.contains(&outcome), "{}", report.ran.stderr);
    (outcome, row)
}

#[test]
fn attributes_have_values() {
    let evidence = tenant();
    let ada = format!("id = \"{}\"", ADA.to_uppercase());
    let unknown = "id = \"ffffffff-0000-4000-8000-000000000009\"";
    for (object, more, expected) in [
        (ada.as_str(), "equals = \"Sales\"", "holds"),
        (&ada, "equals = \"sales\"", "fails"),
        (&ada, "one_of = [\"Loans\", \"Sales\"]", "holds"),
        (&ada, "one_of = [\"Loans\"]", "fails"),
        (&ada, "empty = true", "fails"),
        (&ada, "empty = false", "holds"),
        ("display_name = \"BOB\"", "equals = \"Loans\"", "holds"),
        ("display_name = \"Bob\"", "equals = \"Sales\"\nsnapshot = \"1\"", "holds"),
        ("display_name = \"Twin\"", "empty = true\nsnapshot = \"1\"", "holds"),
        // Two have the name, nobody has the name, nobody has the id.
        ("display_name = \"Twin\"", "empty = true", "cannot tell"),
        ("display_name = \"Zoe\"", "empty = true", "cannot tell"),
        (unknown, "empty = true", "cannot tell"),
    ] {
        let (came, row) =
            outcome(&evidence, &["type = \"user\"", "attribute = \"department\"", object, more]);
        assert_eq!(came, expected, "{object} {more}: {row}");
        assert_eq!(row["evidence"].as_array().unwrap().is_empty(), came == "cannot tell", "{row}");
    }
}

#[test]
fn what_was_not_collected_is_no_pass() {
    let evidence = tenant();
    for lines in [
        ["type = \"user\"", "attribute = \"jobTitle\"", "empty = true"],
        ["type = \"user\"", "attribute = \"jobTitle\"", "within = []"],
        ["type = \"application\"", "attribute = \"displayName\"", "empty = true"],
    ] {
        let id = format!("id = \"{ADA}\"");
        let (came, row) = outcome(&evidence, &[&id, lines[0], lines[1], lines[2]]);
        assert_eq!(came, "cannot tell", "{row}");
        assert_eq!(row["found"], Value::Null);
    }
    let id = format!("id = \"{ADA}\"");
    let job = ["type = \"user\"", "attribute = \"jobTitle\"", "empty = true", &id];
    let (_, row) = outcome(&evidence, &job);
    assert_eq!(row["next_export"], "GET /users?$select=id,jobTitle");
}

#[test]
fn members_are_held_against_a_list() {
    let evidence = tenant();
    let by_name = format!("name-{ADA}@example.test");
    let (ada, bob, eve) = (format!("\"{ADA}\""), format!("\"{BOB}\""), format!("\"{EVE}\""));
    for (group, check, list, expected) in [
        (TEAM, "within", vec![&*ada, &*bob, &*eve], "holds"),
        (TEAM, "within", vec![&*ada], "fails"),
        (TEAM, "exactly", vec![&*bob, &*ada], "holds"),
        (TEAM, "exactly", vec![&*ada], "fails"),
        (TEAM, "exactly", vec![&*ada, &*bob, &*eve], "fails"),
        (TEAM, "includes", vec![&*bob], "holds"),
        (TEAM, "includes", vec![&*eve], "fails"),
        (TEAM, "none_of", vec![&*eve], "holds"),
        (ADMINS, "none_of", vec![&*eve], "fails"),
        // The list is cut: what it shows is there, what it does not show may be.
        (CUT, "within", vec![&*ada], "cannot tell"),
        (CUT, "within", vec![&*bob], "fails"),
        (CUT, "exactly", vec![&*ada], "cannot tell"),
        (CUT, "includes", vec![&*ada], "holds"),
        (CUT, "includes", vec![&*bob], "cannot tell"),
        (CUT, "none_of", vec![&*eve], "cannot tell"),
        (CUT, "none_of", vec![&*ada], "fails"),
        // By name, and by the name of nobody.
        (TEAM, "includes", vec![&*format!("\"{}\"", by_name.to_uppercase())], "holds"),
        (TEAM, "none_of", vec!["\"nobody@example.test\""], "cannot tell"),
    ] {
        let lines = [
            "type = \"group\"".to_owned(),
            format!("id = \"{group}\""),
            "attribute = \"members\"".to_owned(),
            format!("{check} = [{}]", list.join(", ")),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (came, row) = outcome(&evidence, &lines);
        assert_eq!(came, expected, "{check} {list:?}: {row}");
    }
    let outsider = [
        "type = \"group\"",
        "display_name = \"Admins\"",
        "attribute = \"members\"",
        &format!("within = [{ada}]"),
    ];
    let (_, row) = outcome(&evidence, &outsider);
    assert_eq!(row["found"], json!([EVE]));
    assert_eq!(row["object_id"], ADMINS);
}

#[test]
fn snapshots_are_compared() {
    let evidence = tenant();
    for (lines, expected) in [
        (vec!["type = \"user\"", "display_name = \"Ada\""], "holds"),
        (vec!["type = \"user\"", "display_name = \"Bob\""], "fails"),
        (vec!["type = \"user\"", "display_name = \"Bob\"", "attribute = \"display*\""], "holds"),
        (
            vec!["type = \"user\"", "display_name = \"Bob\"", "attribute = \"jobTitle\""],
            "cannot tell",
        ),
        (vec!["type = \"user\""], "fails"),
        (vec!["type = \"group\"", "display_name = \"Team\""], "holds"),
        (vec!["type = \"group\"", "display_name = \"Admins\"", "attribute = \"members\""], "fails"),
        (vec!["type = \"group\"", "display_name = \"Cut\""], "cannot tell"),
        (vec!["type = \"group\"", "attribute = \"securityEnabled\""], "holds"),
        (vec!["type = \"application\""], "cannot tell"),
    ] {
        let (came, row) = outcome(&evidence, &[&lines[..], &["equals_snapshot = \"1\""]].concat());
        assert_eq!(came, expected, "{lines:?}: {row}");
        assert_eq!(row["expected"], "2026-11-01");
    }
}

#[test]
fn an_object_is_where_it_is() {
    let evidence = tenant();
    let eve = format!("id = \"{EVE}\"");
    for (more, expected) in [
        ("state = \"live\"\nsnapshot = \"1\"", "holds"),
        ("state = \"absent\"\nsnapshot = \"1\"", "fails"),
        ("state = \"live\"", "fails"),
        // The recycle bin was not collected.
        ("state = \"absent\"", "cannot tell"),
        ("state = \"in the bin\"", "cannot tell"),
    ] {
        let (came, row) = outcome(&evidence, &["type = \"user\"", &eve, more]);
        assert_eq!(came, expected, "{more}: {row}");
    }
    let gone = with(user(EVE, "Twin"), json!({"deletedDateTime": "2026-11-01T20:00:00Z"}));
    evidence.bin(2, 10, [gone]);
    let (came, row) = outcome(&evidence, &["type = \"user\"", &eve, "state = \"in the bin\""]);
    assert_eq!(came, "holds", "{row}");
    let (came, _) = outcome(
        &evidence,
        &["type = \"user\"", &eve, "attribute = \"department\"", "empty = true"],
    );
    assert_eq!(came, "fails", "what is deleted has no attributes");
}

#[test]
fn a_malformed_file_is_said_before_anything_is_read() {
    let evidence = tenant();
    for (text, said) in [
        ("[[assertion]]\nnamed = \"x\"\n".to_owned(), "line 2"),
        (claim(&["type = \"user\"", "id = \"x\""]), "checks nothing"),
        (String::new(), "no [[assertion]]"),
        (
            claim(&["type = \"user\"", "id = \"x\"", "state = \"live\"", "snapshot = \"no such\""]),
            "no such",
        ),
    ] {
        let report = asserted(&evidence, &text);
        assert_eq!(report.ran.code, 2, "{}", report.ran.stderr);
        assert!(report.ran.stderr.contains(said), "{text}: {}", report.ran.stderr);
        assert!(!evidence.beside("out").exists());
    }
    let missing: Ran = evidence.report(&["--assert", "/no/such/file"]).ran;
    missing.ended(2);
}

#[test]
fn one_that_does_not_hold_decides() {
    let evidence = tenant();
    let holds = claim(&["type = \"user\"", "display_name = \"Ada\"", "state = \"live\""]);
    let open = holds.replace("Ada", "Zoe").replace("\"claim\"", "\"other\"");
    let report = asserted(&evidence, &format!("{holds}\n{open}"));
    assert_eq!(report.ran.code, 1);
    let sheet: Value = serde_json::from_slice(&report.bytes("attestation.json")).unwrap();
    assert_eq!(
        sheet["assertions"]["statement"],
        "Of 2 assertions, 1 holds (50.00 %); 0 fail. 1 cannot be told and is no pass."
    );
    assert!(report.html().contains("id=\"attestation\""));
    let record = report.run_record();
    assert_eq!(record["options"]["assert"], sheet["assertions"]["sha256"]);
    let names: Vec<&str> =
        record["outputs"].as_array().unwrap().iter().filter_map(|o| o["name"].as_str()).collect();
    assert!(names.contains(&"attestation.json") && !names.contains(&"recovery.csv"));
}
