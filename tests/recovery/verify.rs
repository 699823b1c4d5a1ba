//! `recovery verify` against the answer key of a planted recovery: nothing missed, nothing invented, nothing guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use entrace::synth::{Incident, RecoveryScope, SynthOptions, key_path};
use serde_json::Value;

use crate::program::{Ran, Rows, command};
use crate::properties::Synth;

/// Type, object, attribute, other end of a link.
type About = [String; 4];
/// Good, damaged, after, verdict, reason, recurring.
type Judged = [String; 6];

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/woodgrove")
}

fn key(evidence: &Path) -> Value {
    serde_json::from_slice(&fs::read(key_path(evidence)).unwrap()).unwrap()
}

/// Runs the verification between the snapshots of the key.
fn verify(evidence: &Path, key: &Value, after: &str, tickets: Option<&Path>) -> Rows {
    let of = |name: &str| key["recovery"][name].as_str().unwrap().to_owned();
    let (good, damaged) = (of("good"), of("damaged"));
    let names = ["--good", &good, "--damaged", &damaged, "--after", after, "--format", "csv"];
    let mut command = command();
    command.args(["recovery", "verify"]).arg(evidence).args(names);
    if let Some(tickets) = tickets {
        command.arg("--tickets").arg(tickets);
    }
    let ran = Ran::of(&mut command);
    assert!(matches!(ran.code, 0 | 1 | 3), "exit code {}: {}", ran.code, ran.stderr);
    ran.rows()
}

/// What cannot be seen has no value, and whether a page is missing can be told of some lists only.
fn spelled(mut judged: Judged) -> Judged {
    if ["after-not-collected", "after-partial"].contains(&judged[4].as_str()) {
        "after is not seen".clone_into(&mut judged[4]);
        judged[2].clear();
    }
    judged
}

fn judged(rows: &Rows) -> BTreeMap<About, Judged> {
    let rows = rows.0.iter().filter(|row| !row.get("object_id").is_empty());
    rows.map(|row| {
        let cell = |name: &str| row.get(name).to_owned();
        let link = ["linked", "not linked"].contains(&row.get("good"));
        let target = if link { cell("target_id") } else { String::new() };
        let about = [cell("object_type"), cell("object_id"), cell("attribute"), target];
        let recurring = (row.get("recurring") == "yes").to_string();
        let values = ["good", "damaged", "after", "verdict", "reason"].map(cell);
        let [good, damaged, after, verdict, reason] = values;
        (about, spelled([good, damaged, after, verdict, reason, recurring]))
    })
    .collect()
}

/// What the key says, with nothing declared or with its tickets.
fn expected(key: &Value, after: &str, with_tickets: bool) -> BTreeMap<About, Judged> {
    let mut all = BTreeMap::new();
    for declared in ["nothing", "tickets"].into_iter().take(if with_tickets { 2 } else { 1 }) {
        for row in key["verdicts"].as_array().unwrap() {
            if row["snapshot"] != after || row["declared"] != declared {
                continue;
            }
            let cell = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let about = ["object_type", "object_id", "attribute", "target_id"].map(cell);
            let recurring = row["recurring"].to_string();
            let values = ["good", "damaged", "after", "verdict", "reason"].map(cell);
            let [good, damaged, now, verdict, reason] = values;
            all.insert(about, spelled([good, damaged, now, verdict, reason, recurring]));
        }
    }
    all
}

/// Where program and key differ, one line for each row.
fn differences(evidence: &Path) -> Vec<String> {
    let key = key(evidence);
    let folder = tempfile::tempdir().unwrap();
    let tickets = folder.path().join("tickets.csv");
    write_tickets(&key, &tickets);
    let mut lines = Vec::new();
    for after in key["recovery"]["afters"].as_array().unwrap() {
        let after = after.as_str().unwrap();
        for with in [false, true] {
            let rows = verify(evidence, &key, after, with.then_some(tickets.as_path()));
            let (found, told) = (judged(&rows), expected(&key, after, with));
            assert!(told.len() > 40, "{} rows are to be judged", told.len());
            let all: BTreeSet<&About> = found.keys().chain(told.keys()).collect();
            for about in all {
                if found.get(about) != told.get(about) {
                    lines.push(format!(
                        "{after}, tickets {with}: {}\n  found {:?}\n  key   {:?}",
                        about.join(" "),
                        found.get(about),
                        told.get(about)
                    ));
                }
            }
        }
    }
    lines
}

fn write_tickets(key: &Value, path: &Path) {
    let columns = ["object_type", "object_id", "attribute", "since", "until", "name"];
    let mut lines = vec![columns.join(",")];
    for ticket in key["recovery"]["tickets"].as_array().unwrap() {
        lines.push(columns.map(|name| ticket[name].as_str().unwrap()).join(","));
    }
    fs::write(path, lines.join("\n")).unwrap();
}

fn assert_all_judged(tenants: &[SynthOptions]) {
    let wrong: Vec<String> = tenants
        .iter()
        .filter_map(|options| {
            let lines = differences(&Synth::with(options).folder);
            (!lines.is_empty())
                .then(|| format!("seed {}, {options:?}:\n{}", options.seed, lines.join("\n")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn small(seed: u64) -> SynthOptions {
    SynthOptions {
        users: 80,
        snapshots: 5,
        seed,
        incident: Some(Incident::Recovery),
        ..SynthOptions::default()
    }
}

/// Copies a folder; `name` gives each file a path of its own, or none.
fn copy(from: &Path, to: &Path, name: &dyn Fn(&str) -> Option<String>) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let leaf = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            copy(&entry, &to.join(leaf), name);
        } else if let Some(leaf) = name(&leaf) {
            fs::create_dir_all(to).unwrap();
            fs::write(to.join(leaf), fs::read(&entry).unwrap()).unwrap();
        }
    }
}

/// The sample up to the damage, and a last snapshot made of files of one of its days.
struct Forged {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
}

impl Forged {
    fn of(day: &str, change: &dyn Fn(&str, String) -> String) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("evidence");
        let tenant = fs::read_dir(sample()).unwrap().next().unwrap().unwrap().path();
        for early in 1..=5 {
            let label = format!("2026-11-0{early}");
            copy(&tenant.join(&label), &folder.join(&label), &|name| Some(name.to_owned()));
        }
        let after = folder.join("2026-11-06");
        let service = |name: &str| name.starts_with("directory_recovery");
        copy(&tenant.join("2026-11-06"), &after, &|name| service(name).then(|| name.to_owned()));
        let (old, new) = (day.replace('-', ""), "20261106");
        copy(&tenant.join(day), &after, &|name| (!service(name)).then(|| name.replace(&old, new)));
        for entry in fs::read_dir(&after).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Ok(text) = String::from_utf8(fs::read(&path).unwrap()) {
                fs::write(&path, change(&name, text)).unwrap();
            }
        }
        Self { _temporary: temporary, folder }
    }

    fn reasons(&self) -> BTreeMap<String, usize> {
        let rows = verify(&self.folder, &key(&sample()), "2026-11-06", None);
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for row in &rows.0 {
            assert_eq!(row.get("verdict"), "cannot tell", "{row:?}");
            *reasons.entry(row.get("reason").to_owned()).or_default() += 1;
        }
        reasons
    }
}

#[test]
fn every_verdict_on_the_sample_equals_the_answer_key() {
    let lines = differences(&sample());
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn every_verdict_is_given_in_the_sample() {
    let key = key(&sample());
    let given: BTreeSet<&str> = key["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    // What a job was limited to is another tenant's story.
    let all = entrace::model::Verdict::ALL.iter().map(|one| one.as_str());
    let missing: Vec<&str> = all.filter(|one| !given.contains(one)).collect();
    assert_eq!(missing, ["out of scope"]);
}

#[test]
fn every_verdict_on_small_tenants_equals_the_answer_key() {
    assert_all_judged(&[1, 2, 3, 4, 5, 8, 10].map(small));
}

#[test]
fn without_the_difference_report_nothing_settles_what_changed_before_the_backup() {
    let options = |seed| SynthOptions { difference_report: false, ..small(seed) };
    assert_all_judged(&[21].map(options));
}

#[test]
fn a_recovery_of_users_leaves_policies_out_of_scope() {
    let options = SynthOptions { recovery_scope: RecoveryScope::Users, ..small(30) };
    let synth = Synth::with(&options);
    let lines = differences(&synth.folder);
    assert!(lines.is_empty(), "{}", lines.join("\n"));
    let key = key(&synth.folder);
    let rows = verify(&synth.folder, &key, key["recovery"]["afters"][0].as_str().unwrap(), None);
    let policies = rows.having("object_type", "conditionalAccessPolicy");
    let verdicts = policies.column("verdict");
    assert!(verdicts.contains(&"out of scope"), "{verdicts:?}");
    assert!(!verdicts.contains(&"equals damaged"), "{verdicts:?}");
    assert!(policies.having("verdict", "out of scope").column("reason").contains(&"job-filter"));
    assert!(rows.having("object_type", "user").column("verdict").contains(&"equals good"));
}

#[test]
fn a_recovery_of_objects_leaves_the_others_out_of_scope() {
    let options = |seed| SynthOptions { recovery_scope: RecoveryScope::Objects, ..small(seed) };
    assert_all_judged(&[options(40)]);
}

#[test]
fn a_copy_of_good_as_after_verifies_nothing() {
    let forged = Forged::of("2026-11-02", &|_, text| text);
    let reasons = forged.reasons();
    assert!(reasons["equal-to-earlier"] > 100, "{reasons:?}");
}

#[test]
fn an_after_made_of_delta_pages_verifies_nothing() {
    let forged = Forged::of("2026-11-06", &|name, text| {
        if name.starts_with("directory_recovery") || name.starts_with("auditLogs") {
            return text;
        }
        let Ok(Value::Object(mut page)) = serde_json::from_str(&text) else { return text };
        let context = page.get("@odata.context").and_then(Value::as_str);
        let context = context.unwrap_or_default().to_owned();
        if !page.contains_key("value") {
            return r#"{"error":{"code":"NotFound","message":"not asked for"}}"#.to_owned();
        }
        page.remove("@odata.nextLink");
        page.remove("@odata.count");
        page.insert("@odata.context".to_owned(), format!("{context}/$delta").into());
        let path = context.rsplit('#').next().unwrap_or_default().to_owned();
        let path = path.split('(').next().unwrap_or_default().to_owned();
        let link = format!("https://graph.microsoft.com/v1.0/{path}/delta?$deltatoken=abc");
        page.insert("@odata.deltaLink".to_owned(), link.into());
        Value::Object(page).to_string()
    });
    let reasons = forged.reasons();
    assert!(reasons["built-from-delta"] > 50, "{reasons:?}");
}
