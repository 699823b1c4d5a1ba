//! Bad input: each defect is named with file and byte, the rest is still analysed, and no record is lost in silence.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, context, page, people};
use crate::program::{Ran, Report, binary, command, run};

/// A tenant of two days in which one user was renamed: the rest that must still be analysed.
fn sound() -> Evidence {
    let evidence = Evidence::new();
    evidence.users(1, people(1..4));
    let mut users = people(1..4);
    users[0]["displayName"] = json!("Renamed");
    evidence.users(2, users);
    evidence
}

/// Where the damaged file goes, and its path as the tables show it.
const DAMAGED: &str = "2026-11-02/devices_20261102T030100Z.json";

fn damaged(bytes: impl AsRef<[u8]>) -> (Evidence, Report) {
    let evidence = sound();
    evidence.file(format!("{TENANT}/{DAMAGED}"), bytes);
    let report = evidence.report(&[]);
    (evidence, report)
}

fn shown() -> String {
    format!("evidence/{TENANT}/{DAMAGED}")
}

/// The report names the defect, still holds the change of the sound files, and accounts for every record.
#[track_caller]
fn assert_named(report: &Report, code: &str, offset: Option<usize>) {
    let found = report.warnings();
    let place = |at: &str| offset.is_none_or(|offset| at == offset.to_string());
    assert!(
        found.iter().any(|(c, path, at)| c == code && *path == shown() && place(at)),
        "no {code} at {offset:?} in {found:#?}"
    );
    assert_analysed(report);
}

#[track_caller]
fn assert_analysed(report: &Report) {
    let changes =
        report.table("changes.csv").having("object_type", "user").having("lane", "change");
    assert_eq!(
        changes.lines(),
        [
            r#"modified user u01 displayName: "User 1" -> "Renamed" (11-01T03:00..11-02T03:00) change proven"#
        ]
    );
    report.assert_balanced();
}

fn devices() -> String {
    let items = (1..4).map(|n| json!({"id": format!("d{n}"), "displayName": format!("PC {n}")}));
    page("devices", items).json().to_string()
}

/// Puts a text in the place of the second device.
fn second(record: &str) -> (Vec<u8>, usize) {
    let head = format!(r#"{{"@odata.context":"{}","value":[{{"id":"d1"}},"#, context("devices"));
    let offset = head.len();
    (format!(r#"{head}{record},{{"id":"d3"}}]}}"#).into_bytes(), offset)
}

#[track_caller]
fn assert_quarantined(record: &str, code: &str) {
    let (text, offset) = second(record);
    let (_evidence, report) = damaged(text);
    report.ran.clone().ended(3);
    assert_named(&report, code, Some(offset));
    let row = report.table("evidence.csv").having("path", &shown());
    assert_eq!(row.column("seen"), ["3"]);
    assert_eq!(row.column("used"), ["2"]);
    assert_eq!(row.column("quarantined"), ["1"]);
    let objects = report.table("objects.csv").having("object_type", "device");
    assert_eq!(objects.column("object_id"), ["d1", "d3"]);
}

#[test]
fn a_truncated_file_is_named_with_the_byte_where_it_ends() {
    let text = devices();
    let cut = &text.as_bytes()[..text.len() - 20];
    let (_evidence, report) = damaged(cut);
    report.ran.clone().ended(3);
    assert_named(&report, "truncated-json", None);
    let objects = report.table("objects.csv").having("object_type", "device");
    assert_eq!(objects.column("object_id"), ["d1", "d2"]);
    assert!(report.ran.stderr.contains("truncated-json"), "{}", report.ran.stderr);
    assert!(report.ran.stderr.contains(DAMAGED), "{}", report.ran.stderr);
    assert!(report.ran.stderr.contains(" at byte "), "{}", report.ran.stderr);
}

#[test]
fn a_truncated_file_removes_nothing() {
    let evidence = sound();
    evidence.file(format!("{TENANT}/2026-11-01/devices_20261101T030100Z.json"), devices());
    let text = devices();
    evidence.file(format!("{TENANT}/{DAMAGED}"), &text.as_bytes()[..text.len() - 20]);
    let rows = evidence.rows(&["--type", "device"]);
    assert_eq!(rows.column("object_id"), ["d3"]);
    assert_eq!(rows.column("lane"), ["coverage"]);
    assert_eq!(rows.column("certainty"), ["unproven"]);
    assert_eq!(rows.column("reason"), ["list-damaged"]);
}

#[test]
fn invalid_json_is_named_with_its_byte() {
    let text = devices().replacen(r#""d2""#, "d2", 1);
    let offset = text.find("d2").unwrap();
    let (_evidence, report) = damaged(text);
    report.ran.clone().ended(3);
    assert_named(&report, "invalid-json", Some(offset));
    let objects = report.table("objects.csv").having("object_type", "device");
    assert_eq!(objects.column("object_id"), ["d1"]);
}

#[test]
fn text_behind_the_json_is_named() {
    let text = devices() + " ]";
    let offset = text.len() - 1;
    let (_evidence, report) = damaged(text);
    report.ran.clone().ended(3);
    assert_named(&report, "invalid-json", Some(offset));
}

#[test]
fn html_saved_as_json_is_named() {
    let (_evidence, report) = damaged("<!DOCTYPE html>\n<html><title>Sign in</title></html>");
    report.ran.clone().ended(3);
    assert_named(&report, "html-not-json", None);
}

#[test]
fn an_empty_file_is_named() {
    let (_evidence, report) = damaged("");
    report.ran.clone().ended(3);
    assert_named(&report, "empty-file", None);
}

#[test]
fn a_file_that_is_no_json_is_named_and_no_damage() {
    for bytes in ["readme: this folder holds exports".as_bytes(), b"\x89PNG\r\n\x1a\n\0\0\0"] {
        let (_evidence, report) = damaged(bytes);
        report.ran.clone().ended(0);
        assert_named(&report, "not-json", None);
    }
}

#[test]
fn nesting_without_end_is_refused_and_does_not_exhaust_the_stack() {
    let deep = |open: &str, close: &str| {
        format!(r#"{{"id":"d2","x":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000))
    };
    assert_quarantined(&deep("[", "]"), "nesting-too-deep");
    assert_quarantined(&deep(r#"{"a":"#, "}"), "nesting-too-deep");
}

#[test]
fn nesting_that_never_closes_is_a_truncated_file() {
    let (_evidence, report) = damaged("[".repeat(100_000));
    report.ran.clone().ended(3);
    assert_named(&report, "truncated-json", None);
}

#[test]
fn a_duplicate_key_is_quarantined_on_every_level() {
    assert_quarantined(r#"{"id":"d2","displayName":"a","displayName":"b"}"#, "duplicate-key");
    assert_quarantined(r#"{"id":"d2","x":{"y":[{"a":1,"b":2,"a":1}]}}"#, "duplicate-key");
    assert_quarantined(r#"{"id":"d2","x":{"k":1,"\u006b":2}}"#, "duplicate-key");
}

#[test]
fn a_lone_surrogate_is_quarantined() {
    assert_quarantined(r#"{"id":"d2","displayName":"\ud800"}"#, "lone-surrogate");
    assert_quarantined(r#"{"id":"d2","x":["\udc00\ud800 "]}"#, "lone-surrogate");
}

#[test]
fn a_whole_pair_of_surrogates_is_text() {
    let (text, _) = second(r#"{"id":"d2","displayName":"\ud83d\ude00"}"#);
    let (_evidence, report) = damaged(text);
    report.ran.clone().ended(0);
    assert_eq!(report.table("objects.csv").having("object_id", "d2").column("object_name"), ["😀"]);
}

#[test]
fn bytes_that_are_no_utf8_are_quarantined() {
    let (text, offset) = second(r#"{"id":"d2","displayName":"?"}"#);
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'?' { 0xff } else { *byte }).collect();
    let (_evidence, report) = damaged(text);
    report.ran.clone().ended(3);
    assert_named(&report, "not-utf8", Some(offset));
}

#[test]
fn a_value_that_is_no_object_is_quarantined() {
    assert_quarantined("17", "not-an-object");
    assert_quarantined("null", "not-an-object");
    assert_quarantined(r#"[{"id":"d2"}]"#, "not-an-object");
}

#[test]
fn a_quarantined_record_is_not_removed() {
    let evidence = sound();
    evidence.file(format!("{TENANT}/2026-11-01/devices_20261101T030100Z.json"), devices());
    evidence.file(format!("{TENANT}/{DAMAGED}"), second(r#"{"id":"d2","a":1,"a":2}"#).0);
    let rows = evidence.rows(&["--type", "device"]);
    assert!(!rows.column("lane").contains(&"change"), "{:#?}", rows.lines());
    assert!(!rows.column("certainty").contains(&"proven"), "{:#?}", rows.lines());
}

#[test]
fn a_symbolic_link_out_of_the_folder_is_refused() {
    let evidence = sound();
    let outside = evidence.beside("outside.json");
    fs::write(&outside, devices()).unwrap();
    symlink(&outside, evidence.root().join(TENANT).join(DAMAGED)).unwrap();
    symlink("/", evidence.root().join("everything")).unwrap();
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    assert_named(&report, "symlink-refused", None);
    assert_eq!(report.table("objects.csv").having("object_type", "device").0.len(), 0);
}

#[test]
fn a_symbolic_link_to_a_file_below_is_read_once() {
    let evidence = sound();
    let name = format!("{TENANT}/2026-11-01/users_20261101T030000Z.json");
    symlink(evidence.root().join(&name), evidence.root().join("again.json")).unwrap();
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    assert_eq!(report.table("evidence.csv").0.len(), 2);
    assert_analysed(&report);
}

/// Runs the program as somebody whom mode bits bind, if that can be done.
fn as_ordinary_user(arguments: &[&Path]) -> Option<Ran> {
    let root =
        fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        return Some(run(arguments));
    }
    let ids = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let able =
        Command::new("setpriv").args(ids).arg("true").status().is_ok_and(|status| status.success());
    // The program may lie below a folder that only root can enter.
    let copy = tempfile::tempdir().unwrap();
    let program = copy.path().join("entrace");
    fs::copy(binary(), &program).unwrap();
    for (path, mode) in [(copy.path(), 0o755), (program.as_path(), 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    able.then(|| {
        Ran::of(assert_cmd::Command::new("setpriv").args(ids).arg(program).args(arguments))
    })
}

fn open_to_all(evidence: &Evidence) {
    let top = evidence.root();
    fs::set_permissions(top.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
}

#[test]
fn an_unreadable_file_is_named_and_the_rest_is_analysed() {
    let evidence = sound();
    open_to_all(&evidence);
    evidence.file(format!("{TENANT}/{DAMAGED}"), devices());
    let file = evidence.root().join(TENANT).join(DAMAGED);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let out = evidence.beside("out");
    let arguments = ["report".as_ref(), evidence.root().as_path(), "-o".as_ref(), out.as_path()]
        .map(Path::to_owned);
    let arguments: Vec<&Path> = arguments.iter().map(AsRef::as_ref).collect();
    let Some(ran) = as_ordinary_user(&arguments) else { return };
    let report = Report { ran: ran.ended(3), out };
    assert_named(&report, "unreadable", None);
}

#[test]
fn nothing_readable_is_exit_code_5() {
    let evidence = Evidence::new();
    open_to_all(&evidence);
    evidence.file("users.json", "[]");
    fs::set_permissions(evidence.root().join("users.json"), fs::Permissions::from_mode(0o000))
        .unwrap();
    let root = evidence.root();
    if let Some(ran) = as_ordinary_user(&["inspect".as_ref(), &root]) {
        let ran = ran.ended(5);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    let empty = Evidence::new();
    assert_eq!(empty.run("inspect", &[]).code, 5);
}

#[test]
fn evidence_that_does_not_exist_is_exit_code_5() {
    let evidence = Evidence::new();
    for verb in ["inspect", "timeline", "snapshots", "diff"] {
        let ran = run([verb.as_ref(), evidence.beside("nowhere").as_os_str()]).ended(5);
        assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn an_output_folder_inside_the_evidence_is_refused_before_anything_is_read() {
    let evidence = sound();
    let root = evidence.root();
    let inside =
        [root.clone(), root.join("out"), root.join(TENANT).join("a/b"), root.join("x/../out")];
    let link = evidence.beside("link");
    symlink(&root, &link).unwrap();
    for out in inside.iter().chain([&link.join("out")]) {
        let before = crate::untouched::state(&root);
        let ran = Ran::of(command().arg("report").arg(&root).arg("-o").arg(out)).ended(2);
        assert!(ran.stderr.contains("inside the evidence"), "{}", ran.stderr);
        assert_eq!(crate::untouched::state(&root), before);
    }
    // Refused even where the evidence holds nothing that could be read.
    let empty = Evidence::new();
    let ran =
        Ran::of(command().arg("report").arg(empty.root()).arg("-o").arg(empty.root().join("out")));
    ran.ended(2);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_exit_code_5() {
    let evidence = sound();
    let file = evidence.beside("file");
    fs::write(&file, "").unwrap();
    Ran::of(command().arg("report").arg(evidence.root()).arg("-o").arg(file.join("out"))).ended(5);
}

#[test]
fn a_file_name_that_is_no_utf8_is_read_and_shown_with_escapes() {
    let evidence = sound();
    let name = OsString::from_vec(b"devices_\xff_20261102T030100Z.json".to_vec());
    let folder = Path::new(TENANT).join("2026-11-02");
    evidence.file(folder.join(name), devices());
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    assert_analysed(&report);
    let paths = report.table("evidence.csv");
    let shown = format!(r"evidence/{TENANT}/2026-11-02/devices_\xff_20261102T030100Z.json");
    assert!(paths.column("path").contains(&shown.as_str()), "{:?}", paths.column("path"));
    assert_eq!(report.table("objects.csv").having("object_type", "device").0.len(), 3);
    assert!(report.codes().contains("name-not-utf8"));
}

#[test]
fn utf16_and_byte_order_marks_are_read() {
    let utf16: Vec<u8> = "\u{feff}"
        .chars()
        .chain(devices().chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for bytes in [utf16, format!("\u{feff}{}", devices()).into_bytes()] {
        let (_evidence, report) = damaged(bytes);
        report.ran.clone().ended(0);
        assert_analysed(&report);
        assert_eq!(report.table("objects.csv").having("object_type", "device").0.len(), 3);
    }
}

#[test]
fn a_mistake_on_the_command_line_is_exit_code_2() {
    let evidence = sound();
    let root = evidence.root().into_os_string().into_string().unwrap();
    for arguments in [
        vec!["timeline"],
        vec!["nonsense", &root],
        vec!["timeline", &root, "--lane", "fast"],
        vec!["timeline", &root, "--since", "yesterday"],
        vec!["timeline", &root, "--snapshot", "nowhere"],
        vec!["timeline", &root, "--evidence-tz", "Nowhere/Land"],
        vec!["diff", &root, "--from", "9"],
        vec!["report", &root],
        vec!["show", &root],
        vec!["explain", "no-such-code"],
    ] {
        let ran = run(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn ten_thousand_defects_are_counted_and_not_all_said() {
    let items: Vec<Value> = (0..10_000).map(|n| json!(n)).collect();
    let (_evidence, report) = damaged(json!(items).to_string());
    report.ran.clone().ended(3);
    assert_analysed(&report);
    let row = report.table("evidence.csv").having("path", &shown());
    assert_eq!(row.column("quarantined"), ["10000"]);
    assert!(report.ran.stderr.lines().count() < 50, "{}", report.ran.stderr.len());
}
