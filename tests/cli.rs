//! The command line as people and scripts meet it.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::evidence::{Evidence, people, user, with};
use crate::program::{Ran, Row, binary, command, run};
use crate::properties::Synth;

const VERBS: [&str; 10] = [
    "inspect",
    "report",
    "snapshots",
    "diff",
    "timeline",
    "show",
    "synth",
    "seal",
    "check",
    "explain",
];

fn tenant() -> Evidence {
    let evidence = Evidence::new();
    let titled = |title: &str, name: &str| {
        vec![with(user("u1", name), json!({"jobTitle": title})), user("u2", "Two")]
    };
    evidence.users(1, titled("Clerk", "A"));
    evidence.users(2, titled("Chief", "A"));
    evidence.users(3, titled("Chief", "B"));
    evidence
}

#[test]
fn help_is_what_it_was() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("help", run(["--help"]).ended(0).text());
        for verb in VERBS {
            insta::assert_snapshot!(format!("help_{verb}"), run([verb, "--help"]).ended(0).text());
        }
    });
}

#[test]
fn version_and_short_help_are_data_on_standard_output() {
    let version = run(["--version"]).ended(0);
    assert_eq!(version.text(), format!("entrace {}\n", env!("CARGO_PKG_VERSION")));
    for verb in VERBS {
        let short = run([verb, "-h"]).ended(0);
        assert!(short.text().contains("Usage: entrace") && short.stderr.is_empty(), "{verb}");
    }
    assert!(run([""; 0]).ended(2).stdout.is_empty());
}

#[test]
fn damage_is_exit_code_3_in_every_verb_that_reads() {
    let evidence = tenant();
    for verb in ["inspect", "snapshots", "timeline", "diff"] {
        evidence.run(verb, &[]).ended(0);
    }
    evidence.report(&[]).ran.ended(0);
    evidence.file("broken.json", "[{\"id\":1}");
    for verb in ["inspect", "snapshots", "timeline", "diff"] {
        let ran = evidence.run(verb, &[]).ended(3);
        assert!(ran.stderr.contains("truncated-json"), "{}", ran.stderr);
        assert!(ran.stderr.contains("broken.json"), "{}", ran.stderr);
    }
    evidence.report(&[]).ran.ended(3);
}

#[test]
fn show_gives_the_state_of_an_object() {
    let evidence = tenant();
    let state = evidence.run("show", &["--id", "u1", "--json"]).ended(0).json();
    let state = &state.as_array().unwrap()[0];
    assert_eq!(state["object_type"], "user");
    assert_eq!(state["attributes"]["displayName"]["value"], "B");
    assert_eq!(state["attributes"]["jobTitle"]["value"], "Chief");
    let text = evidence.run("show", &["--id", "u1"]).ended(0).text();
    assert!(text.contains("displayName") && text.contains("\"B\""), "{text}");
    let nobody = evidence.run("show", &["--id", "nobody"]).ended(2);
    assert!(nobody.stderr.contains("nobody"), "{}", nobody.stderr);
}

#[test]
fn show_gives_the_state_at_a_time() {
    let evidence = tenant();
    let at = |time: &str| {
        let state = evidence.run("show", &["--id", "u1", "--at", time, "--json"]).ended(0).json();
        let value = |name: &str| state[0]["attributes"][name]["value"].as_str().unwrap().to_owned();
        (value("displayName"), value("jobTitle"))
    };
    let words = |name: &str, title: &str| (name.to_owned(), title.to_owned());
    assert_eq!(at("2026-11-01T12:00:00Z"), words("A", "Clerk"));
    assert_eq!(at("2026-11-02T03:00:00Z"), words("A", "Chief"));
    assert_eq!(at("2026-11-03"), words("A", "Chief"));
    assert_eq!(at("2026-11-04"), words("B", "Chief"));
    let early = evidence.run("show", &["--id", "u1", "--at", "2026-10-01"]);
    assert_eq!(early.code, 2, "{}", early.text());
}

#[test]
fn every_receipt_opens_and_verifies() {
    let synth = Synth::of(6);
    let rows = Ran::of(command().args(["timeline", "--format", "csv"]).arg(&synth.folder)).rows();
    let mut receipts: BTreeMap<&str, Option<&Row>> = BTreeMap::new();
    for row in &rows.0 {
        for receipt in row.get("evidence_before").split(';').filter(|receipt| !receipt.is_empty()) {
            receipts.entry(receipt).or_default();
        }
        for receipt in row.get("evidence_after").split(';').filter(|receipt| !receipt.is_empty()) {
            let own = row.get("change") == "modified" && !row.get("object_id").contains('|');
            *receipts.entry(receipt).or_default() = own.then_some(row);
        }
    }
    assert!(receipts.len() > 20, "{}", receipts.len());
    for (receipt, row) in receipts {
        let shown = Ran::of(command().arg("show").arg(&synth.folder).args(["--receipt", receipt]));
        let shown = shown.ended(0);
        assert!(shown.stderr.contains("verified"), "{receipt}: {}", shown.stderr);
        if receipt.contains(':') {
            let record: Value = shown.json();
            assert!(record.is_object(), "{receipt}: {record}");
            if let Some(row) = row {
                assert_names(&record, row.get("object_id"), row.get("object_type"));
            }
        }
    }
}

/// The record is the object's own.
fn assert_names(record: &Value, id: &str, object_type: &str) {
    if id != object_type {
        let text = record.to_string().to_lowercase();
        assert!(text.contains(&id.to_lowercase()), "{id} in {text}");
    }
}

#[test]
fn a_receipt_shows_the_very_bytes() {
    let evidence = tenant();
    let rows = evidence.rows(&["--attribute", "displayName"]);
    let receipt = rows.0[0].get("evidence_after");
    let shown = evidence.run("show", &["--receipt", receipt]).ended(0);
    let (exhibit, span) = receipt.split_once(':').unwrap();
    let (offset, length) = span.split_once('+').unwrap();
    let (offset, length): (usize, usize) = (offset.parse().unwrap(), length.parse().unwrap());
    let table = evidence.report(&[]).table("evidence.csv").having("exhibit_id", exhibit);
    let path = evidence.root().parent().unwrap().join(table.0[0].get("path"));
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(shown.stdout.trim_ascii_end(), &bytes[offset..offset + length]);
    let begin = exhibit.strip_prefix("EX-").unwrap();
    assert!(table.0[0].get("sha256").starts_with(begin));
}

#[test]
fn receipts_in_other_encodings_open_too() {
    let evidence = Evidence::new();
    for (day, name) in [(1, "Ann ä"), (2, "Ben 😀")] {
        let text = crate::evidence::page("users", [user("u0", "Zoë"), user("u1", name)])
            .json()
            .to_string();
        let marked = format!("\u{feff}{text}");
        let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bytes = if day == 1 { utf16 } else { marked.into_bytes() };
        let folder = crate::evidence::day(day);
        evidence.file(format!("{folder}/users_{}.json", crate::evidence::stamp(day, 0)), bytes);
    }
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("attribute"), ["displayName"]);
    for (column, name) in [("evidence_before", "Ann ä"), ("evidence_after", "Ben 😀")] {
        let shown = evidence.run("show", &["--receipt", rows.0[0].get(column)]).ended(0);
        assert_eq!(shown.json()["displayName"], name);
    }
}

#[test]
fn a_receipt_of_altered_evidence_does_not_verify() {
    let evidence = tenant();
    let receipt = evidence.rows(&[]).0[0].get("evidence_after").to_owned();
    let altered = people(1..3);
    evidence.users(2, altered).users(3, people(1..4));
    let ran = evidence.run("show", &["--receipt", &receipt]).ended(1);
    assert!(ran.stdout.is_empty());
    assert!(!ran.stderr.is_empty());
    evidence.run("show", &["--receipt", "EX-0000000000:0+1"]).ended(1);
    evidence.run("show", &["--receipt", "nonsense"]).ended(2);
    let exhibit = evidence.report(&[]).table("evidence.csv").0[0].get("exhibit_id").to_owned();
    evidence.run("show", &["--receipt", &format!("{exhibit}:999999+10")]).ended(1);
    evidence.run("show", &["--receipt", &exhibit]).ended(0);
}

#[test]
fn every_code_is_explained() {
    let evidence = tenant();
    evidence.file("broken.json", "[").file("empty.json", "").file("page.json", "<html>");
    evidence.bin(2, 0, people(5..6)).page(
        3,
        1,
        "x",
        &crate::evidence::page("users", people(6..8)).followed(),
    );
    let report = evidence.report(&[]);
    let reasons = report.table("changes.csv");
    let codes = report.codes();
    let words = codes
        .iter()
        .map(String::as_str)
        .chain(reasons.column("reason"))
        .filter(|code| !code.is_empty());
    let mut count = 0;
    for code in words {
        let text = run(["explain", code]).ended(0).text();
        assert!(text.starts_with(&format!("{code}: ")), "{text}");
        assert!(text.contains("what to do: "), "{text}");
        count += 1;
    }
    assert!(count > 3, "{count}");
    let unknown = run(["explain", "no-such-code"]).ended(2);
    assert!(unknown.stderr.contains("hint: known are "), "{}", unknown.stderr);
}

#[test]
fn every_reason_and_kind_of_change_is_explained() {
    use entrace::model::{ChangeKind, Reason};
    for reason in Reason::ALL {
        run(["explain", reason.as_str()]).ended(0);
    }
    for kind in ChangeKind::ALL {
        run(["explain", kind.as_str()]).ended(0);
    }
}

#[test]
fn json_listings_parse_and_agree() {
    let evidence = tenant();
    let snapshots = evidence.run("snapshots", &["--json"]).ended(0).json();
    let inspected = evidence.run("inspect", &["--json"]).ended(0).json();
    assert_eq!(inspected["snapshots"], snapshots);
    let labels: Vec<&str> =
        snapshots.as_array().unwrap().iter().map(|s| s["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["2026-11-01", "2026-11-02", "2026-11-03"]);
    assert_eq!(snapshots[0]["objects"], json!({"user": 2}));
    assert_eq!(snapshots[0]["position"], 1);
    assert_eq!(snapshots[0]["start"], "2026-11-01T03:00:00Z");
    for exhibit in inspected["exhibits"].as_array().unwrap() {
        assert_eq!(exhibit["seen"], exhibit["used"]);
        assert_eq!(exhibit["sha256"].as_str().unwrap().len(), 64);
    }
    let table = evidence.run("snapshots", &[]).ended(0).text();
    assert!(labels.iter().all(|label| table.contains(label)), "{table}");
}

#[test]
fn jsonl_and_csv_hold_the_same_rows() {
    let evidence = tenant();
    let rows = evidence.rows(&[]);
    let lines = evidence.run("timeline", &["--format", "jsonl"]).ended(0).text();
    let ids: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["change_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids, rows.column("change_id"));
    assert_eq!(ids.len(), 2);
}

#[test]
fn scopes_narrow_the_timeline() {
    let evidence = tenant();
    let count = |options: &[&str]| evidence.rows(options).0.len();
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--since", "2026-11-02T12:00:00Z"]), 1);
    assert_eq!(count(&["--until", "2026-11-01T12:00:00Z"]), 1);
    assert_eq!(count(&["--since", "2026-11-04"]), 0);
    assert_eq!(count(&["--attribute", "job*", "--attribute", "display*"]), 2);
    assert_eq!(count(&["--id", "U1"]), 0);
    assert_eq!(count(&["--id", "u1"]), 2);
    assert_eq!(count(&["--type", "group"]), 0);
    assert_eq!(count(&["--certainty", "unproven"]), 0);
    assert_eq!(count(&["--lane", "volatile", "--lane", "change"]), 2);
}

#[test]
fn data_goes_to_standard_output_and_talk_to_standard_error() {
    let evidence = tenant();
    let report = evidence.report(&[]);
    assert!(report.ran.stdout.is_empty(), "{}", report.ran.text());
    assert!(report.ran.stderr.contains("report.html"), "{}", report.ran.stderr);
    assert!(report.ran.stderr.contains("seen"), "{}", report.ran.stderr);
    assert_eq!(evidence.run("timeline", &["--format", "csv"]).stderr, "");
    assert_eq!(evidence.run("diff", &["--format", "json"]).stderr, "");
}

#[test]
fn nothing_is_coloured_where_nobody_looks_or_no_colour_is_wanted() {
    let evidence = tenant();
    for verb in ["timeline", "diff", "inspect", "snapshots"] {
        assert!(!evidence.run(verb, &[]).text().contains('\u{1b}'), "{verb}");
    }
    // A terminal, where one can be made.
    let line = format!("{} timeline {}", binary().display(), evidence.root().display());
    let terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", "1")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output();
    if let Ok(output) = terminal {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let synth = Synth::of(2);
    for format in ["table", "csv", "jsonl"] {
        let mut child = Command::new(binary())
            .args([
                "timeline", "--format", format, "--unfold", "coverage", "--lane", "coverage",
                "--lane", "change",
            ])
            .arg(&synth.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut talk = String::new();
        child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
        let status = child.wait().unwrap();
        assert!(matches!(status.code(), Some(0 | 3)), "{format}: {status}: {talk}");
        assert!(
            !talk.contains("panicked") && !talk.to_lowercase().contains("broken pipe"),
            "{talk}"
        );
    }
}

#[test]
fn synth_says_what_it_made_and_refuses_too_few_users() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("tenant");
    let ran =
        Ran::of(command().args(["synth", "--users", "60", "--snapshots", "2", "-o"]).arg(&out))
            .ended(0);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("answer key"), "{}", ran.stderr);
    assert!(place.path().join("tenant.answer-key.json").exists());
    let few =
        Ran::of(command().args(["synth", "--users", "3", "-o"]).arg(place.path().join("few")));
    assert_ne!(few.code, 0);
    assert!(few.stderr.contains('3'), "{}", few.stderr);
}
