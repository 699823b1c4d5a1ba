//! Same input, same bytes: whatever the machine, the clock, the place and the order.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::evidence::{Evidence, TENANT, people, user};
use crate::program::{Ran, Rows, command};
use crate::properties::Synth;

/// All files of a result folder.
type Output = BTreeMap<String, Vec<u8>>;

fn read(out: &Path) -> Output {
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(out).unwrap().map(|entry| file(entry.unwrap())).collect()
}

/// What `report` and `timeline` write, with these options and this environment.
fn outputs(
    evidence: &[PathBuf],
    options: &[&str],
    environment: &[(&str, &str)],
) -> (Output, Vec<u8>) {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let run = |verb: &str, more: &[OsString]| {
        let mut command = command();
        command.envs(environment.iter().copied()).args(options).arg(verb).args(evidence).args(more);
        let ran = Ran::of(&mut command);
        assert!(matches!(ran.code, 0 | 3), "{}: {}", ran.code, ran.stderr);
        ran.stdout
    };
    run("report", &["-o".into(), out.clone().into()]);
    let timeline = run("timeline", &["--format".into(), "csv".into()]);
    (read(&out), timeline)
}

#[track_caller]
fn assert_same(one: &(Output, Vec<u8>), other: &(Output, Vec<u8>), what: &str) {
    let names = |output: &Output| output.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one.0), names(&other.0), "{what}");
    for (name, bytes) in &one.0 {
        assert!(*bytes == other.0[name], "{what}: {name} differs");
    }
    assert!(one.1 == other.1, "{what}: timeline differs");
}

fn sample() -> Synth {
    Synth::of(4)
}

#[test]
fn the_result_folder_holds_what_the_contract_says() {
    let (output, timeline) = outputs(&[sample().folder], &[], &[]);
    let names: Vec<&str> = output.keys().map(String::as_str).collect();
    let expected = [
        "backups.csv",
        "changes.csv",
        "coverage.csv",
        "evidence.csv",
        "jobs.csv",
        "objects.csv",
        "quarantine.csv",
        "report.html",
        "run.json",
        "second_opinion.csv",
        "snapshots.csv",
        "warnings.csv",
    ];
    assert_eq!(names, expected);
    let columns = "change_id,tenant_id,object_type,object_id,object_name,change,attribute,target_type,target_id,\
        target_name,before,after,added,removed,not_before,not_after,narrowed_from,narrowed_to,bound_source,\
        from_snapshot,to_snapshot,lane,certainty,objects,origin,recoverability,actor,attribution,actor_candidates,\
        evidence_before,evidence_after,reason\r\n";
    assert!(output["changes.csv"].starts_with(columns.as_bytes()));
    assert!(timeline.starts_with(columns.as_bytes()));
    let listed = Rows::read(&timeline);
    let all = Rows::read(&output["changes.csv"]);
    assert!(!listed.0.is_empty());
    for row in &all.0 {
        let gone = ["removed", "softDeleted", "hardDeleted"].contains(&row.get("change"));
        assert_eq!(listed.0.contains(row), row.get("lane") == "change" || gone, "{row}");
    }
}

#[test]
fn threads_do_not_matter() {
    let sample = sample();
    let folder = [sample.folder.clone()];
    let one = outputs(&folder, &["--threads", "1"], &[]);
    for threads in ["2", "3"] {
        assert_same(&one, &outputs(&folder, &["--threads", threads], &[]), threads);
    }
    assert_same(&one, &outputs(&folder, &[], &[]), "default");
}

#[test]
fn hash_seeds_do_not_matter() {
    let sample = sample();
    let folder = [sample.folder.clone()];
    let first = outputs(&folder, &[], &[]);
    for _ in 0..3 {
        assert_same(&first, &outputs(&folder, &[], &[]), "again");
    }
}

#[test]
fn locale_and_time_zone_do_not_matter() {
    let sample = sample();
    let folder = [sample.folder.clone()];
    let plain = outputs(&folder, &[], &[]);
    for locale in ["C", "de_DE.UTF-8", "tr_TR.UTF-8"] {
        let environment = [("LC_ALL", locale), ("LANG", locale)];
        assert_same(&plain, &outputs(&folder, &[], &environment), locale);
    }
    for zone in ["Pacific/Kiritimati", "America/St_Johns", "UTC"] {
        assert_same(&plain, &outputs(&folder, &[], &[("TZ", zone)]), zone);
    }
}

#[test]
fn the_environment_of_a_terminal_does_not_matter() {
    let sample = sample();
    let folder = [sample.folder.clone()];
    let environment = [
        ("COLUMNS", "40"),
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("RUST_LOG", "trace"),
        ("POLARS_FMT_MAX_ROWS", "1"),
        ("POLARS_VERBOSE", "1"),
    ];
    assert_same(&outputs(&folder, &[], &[]), &outputs(&folder, &[], &environment), "environment");
}

/// A copy made in another order of files, with the given time on each.
fn copy(from: &Path, to: &Path, seconds: u64) {
    let mut files = Vec::new();
    let mut open = vec![from.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    for (number, file) in files.iter().rev().enumerate() {
        let place = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(file, &place).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(seconds + u64::try_from(number).unwrap());
        File::options().write(true).open(&place).unwrap().set_modified(time).unwrap();
    }
}

fn without_file_times(output: &Output) -> Vec<crate::program::Row> {
    let rows = Rows::read(&output["evidence.csv"]);
    assert!(rows.0.iter().all(|row| !row.get("modified_at").is_empty()));
    rows.0.iter().map(|row| row.without(&["modified_at", "changed_at"])).collect()
}

#[test]
fn file_times_reach_only_their_own_column() {
    let sample = sample();
    let place = tempfile::tempdir().unwrap();
    let elsewhere = place.path().join("evidence");
    copy(&sample.folder, &elsewhere, 1_000_000_000);
    let mut one = outputs(std::slice::from_ref(&sample.folder), &[], &[]);
    let mut other = outputs(&[elsewhere], &[], &[]);
    assert_ne!(one.0["evidence.csv"], other.0["evidence.csv"]);
    assert_eq!(without_file_times(&one.0), without_file_times(&other.0));
    for output in [&mut one.0, &mut other.0] {
        output.remove("evidence.csv");
        output.remove("run.json");
    }
    assert_same(&one, &other, "file times");
}

#[test]
fn the_record_of_the_run_does_not_depend_on_file_times() {
    let sample = sample();
    let place = tempfile::tempdir().unwrap();
    let elsewhere = place.path().join("evidence");
    copy(&sample.folder, &elsewhere, 1_000_000_000);
    let record = |folder: PathBuf| -> Value {
        serde_json::from_slice(&outputs(&[folder], &[], &[]).0["run.json"]).unwrap()
    };
    let (one, other) = (record(sample.folder.clone()), record(elsewhere));
    assert_eq!(one["outputs"], other["outputs"]);
    assert!(one == other);
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10)).users(3, people(3..11)).bin(3, 10, []);
    let folder = |day: i64| evidence.root().join(TENANT).join(crate::evidence::day(day));
    let folders = [folder(1), folder(2), folder(3)];
    let order = |places: [usize; 3]| places.map(|place| folders[place].clone());
    let first = outputs(&order([0, 1, 2]), &[], &[]);
    assert!(Rows::read(&first.1).0.len() > 2);
    for places in [[2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        assert_same(&first, &outputs(&order(places), &[], &[]), &format!("{places:?}"));
    }
    let twice = [folders.to_vec(), vec![folders[1].clone()]].concat();
    assert_same(&first, &outputs(&twice, &[], &[]), "one of them twice");
}

#[test]
fn the_working_directory_and_the_spelling_of_paths_do_not_matter() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let root = evidence.root();
    let parent = root.parent().unwrap();
    let absolute = Ran::of(command().args(["timeline", "--format", "csv"]).arg(&root)).ended(0);
    for (directory, spelling) in [
        (parent, "evidence"),
        (parent, "./evidence/"),
        (root.as_path(), "."),
        (root.as_path(), "../evidence"),
    ] {
        let relative = Ran::of(
            command().current_dir(directory).args(["timeline", "--format", "csv", spelling]),
        );
        assert_eq!(relative.stdout, absolute.stdout, "{spelling}");
    }
    let report = |directory: &Path, spelling: &str, out: &str| {
        Ran::of(command().current_dir(directory).args(["report", spelling, "-o", out])).ended(0);
    };
    report(parent, "evidence", "one");
    report(&root, ".", "../two/three");
    assert_eq!(read(&evidence.beside("one")), read(&evidence.beside("two/three")));
}

#[test]
fn a_report_over_an_older_report_is_the_same() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let fresh = read(&evidence.report(&[]).out);
    let again = read(&evidence.report(&[]).out);
    assert_eq!(fresh, again);
    fs::write(evidence.beside("out/mine.txt"), "kept").unwrap();
    let kept = read(&evidence.report(&[]).out);
    assert_eq!(kept["mine.txt"], b"kept");
}

#[test]
fn hashes_in_the_record_are_those_of_the_files() {
    use sha2::{Digest, Sha256};
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let report = evidence.report(&[]);
    let record = report.run_record();
    let hash = |bytes: &[u8]| -> (String, String) {
        let sha = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        (sha, blake3::hash(bytes).to_hex().to_string())
    };
    let told = |file: &Value| {
        (file["sha256"].as_str().unwrap().to_owned(), file["blake3"].as_str().unwrap().to_owned())
    };
    let outputs = record["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 10);
    for file in outputs.iter().filter(|file| file["name"] != "evidence.csv") {
        assert_eq!(told(file), hash(&report.bytes(file["name"].as_str().unwrap())), "{file}");
    }
    for file in record["inputs"].as_array().unwrap() {
        let path = evidence.root().parent().unwrap().join(file["path"].as_str().unwrap());
        assert_eq!(told(file), hash(&fs::read(path).unwrap()), "{file}");
    }
}

#[test]
fn the_clock_is_the_last_capture_unless_it_is_given() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A")]).users(2, [user("u1", "B")]);
    assert_eq!(evidence.report(&[]).run_record()["as_of"], "2026-11-02T03:00:00Z");
    let given = evidence.report(&["--as-of", "2027-01-01"]).run_record();
    assert_eq!(given["as_of"], "2027-01-01T00:00:00Z");
    assert_eq!(given["options"]["as-of"], "2027-01-01T00:00:00Z");
}
