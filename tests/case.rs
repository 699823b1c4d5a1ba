//! The case folder: it saves reading, and nothing else can tell that it was there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use entrace::synth::{ExportFormat, Incident, SynthOptions};
use serde_json::json;

use crate::evidence::{Evidence, TENANT, page, people, user};
use crate::foreign::{clixml, portal, put, utf16};
use crate::program::{Ran, Rows, command};
use crate::properties::Synth;

/// What a run gives that does not depend on a case: tables, page, timeline, and the words on standard error but those
/// about the case.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: i32,
    files: BTreeMap<String, Vec<u8>>,
    timeline: Vec<u8>,
}

/// Runs `report` and `timeline` with these arguments.
fn told(arguments: &[PathBuf]) -> Told {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let report = Ran::of(command().arg("report").args(arguments).arg("-o").arg(&out));
    assert!(matches!(report.code, 0 | 3), "{}: {}", report.code, report.stderr);
    let timeline =
        Ran::of(command().arg("timeline").args(arguments).args(["--format", "csv"])).stdout;
    let files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap());
    let mut files: BTreeMap<String, Vec<u8>> = files
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    // It records the hashes of the other files.
    files.remove("run.json");
    for name in ["evidence.csv", "warnings.csv"] {
        let rows = Rows::read(&files[name]).0.into_iter();
        let kept =
            rows.filter(|row| name == "evidence.csv" || !row.get("code").starts_with("case-pack"));
        let columns = if name == "evidence.csv" { &["hash_basis", "stat_after"][..] } else { &[] };
        let lines: Vec<String> = kept.map(|row| format!("{:?}", row.without(columns))).collect();
        files.insert(name.to_owned(), lines.join("\n").into_bytes());
    }
    Told { code: report.code, files, timeline }
}

#[track_caller]
fn assert_same(one: &Told, other: &Told, what: &str) {
    assert_eq!(one.code, other.code, "{what}");
    for (name, bytes) in &one.files {
        assert!(*bytes == other.files[name], "{what}: {name} differs");
    }
    assert_eq!(one.files.len(), other.files.len(), "{what}");
    assert!(one.timeline == other.timeline, "{what}: timeline differs");
}

/// Arguments that name evidence and a case.
fn with_case(evidence: &[PathBuf], case: &Path) -> Vec<PathBuf> {
    [evidence, &["--case".into(), case.to_owned()]].concat()
}

/// The folders of days, or whatever else lies where the evidence first parts.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    match found.as_slice() {
        [only] if only.is_dir() => parts(only),
        _ => found,
    }
}

fn is_same_with_any_case(synth: &Synth, what: &str) {
    let whole = [synth.folder.clone()];
    let fresh = told(&whole);
    let place = tempfile::tempdir().unwrap();
    let at_once = place.path().join("at-once");
    for run in ["first", "second"] {
        assert_same(&fresh, &told(&with_case(&whole, &at_once)), &format!("{what}: {run}"));
    }
    assert_same(&fresh, &told(&with_case(&[], &at_once)), &format!("{what}: case alone"));
    for (case, backwards) in [("forward", false), ("backward", true)] {
        let mut days = parts(&synth.folder);
        days.truncate(8);
        if backwards {
            days.reverse();
        }
        let case = place.path().join(case);
        let mut so_far = Vec::new();
        for day in days {
            so_far.push(day);
            let ran = Ran::of(command().arg("snapshots").args(with_case(&so_far, &case)));
            assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
        }
        let of_days = told(&so_far);
        assert_same(&of_days, &told(&with_case(&so_far, &case)), &format!("{what}: {backwards}"));
        assert_same(&fresh, &told(&with_case(&whole, &case)), &format!("{what}: {backwards}"));
        assert_same(&fresh, &told(&with_case(&[], &case)), &format!("{what}: {backwards} alone"));
    }
}

fn options(seed: u64, format: ExportFormat, incident: Option<Incident>) -> SynthOptions {
    SynthOptions { users: 60, snapshots: 3, seed, incident, format, ..SynthOptions::default() }
}

#[test]
fn graph_exports_are_the_same_with_any_case() {
    for seed in [1, 4, 7] {
        is_same_with_any_case(&Synth::of(seed), &format!("seed {seed}"));
    }
}

#[test]
fn exports_of_all_kinds_are_the_same_with_any_case() {
    let kinds = [
        (2, ExportFormat::EntraExporter, None),
        (3, ExportFormat::Arrays, Some(Incident::Woodgrove)),
        (5, ExportFormat::Ndjson, Some(Incident::BulkImport)),
    ];
    for (seed, format, incident) in kinds {
        let synth = Synth::with(&options(seed, format, incident));
        is_same_with_any_case(&synth, &format!("{format:?} {seed}"));
    }
}

const ADELE: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e01";
const BOB: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e02";

/// Writes what one tool exports on a day; the title or name of Adele changes.
type Export = fn(&Evidence, i64, &str);

const EXPORTS: [(&str, Export); 7] = [
    ("CSV of users", |evidence, day, title| {
        let row = format!("a@contoso.com,\"A, B\",,,,{ADELE},Member,{title},,True,,,,,,");
        put(evidence, day, "exportUsers.csv", portal(&[&row, "too few"]));
    }),
    ("CSV of groups", |evidence, day, title| {
        let text = format!("\"Id\";\"DisplayName\";\"Tags\"\r\n\"{ADELE}\";\"{title}\";\"x\"\r\n");
        put(evidence, day, "groups.csv", utf16(&text));
    }),
    ("CLIXML", |evidence, day, title| {
        // Bob's phone is Adele's: it stands in her record only.
        let class =
            "<TN RefId=\"0\"><T>Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser</T></TN>";
        let adele = format!(
            "<Obj RefId=\"0\">{class}<Props><S N=\"Id\">{ADELE}</S><S N=\"JobTitle\">{title}</S>\
             <Obj N=\"BusinessPhones\" RefId=\"2\"><LST><S>{title}</S></LST></Obj></Props></Obj>"
        );
        let bob = format!(
            "<Obj RefId=\"9\"><TNRef RefId=\"0\"/><Props><S N=\"Id\">{BOB}</S>\
             <Ref N=\"BusinessPhones\" RefId=\"2\"/></Props></Obj>"
        );
        put(evidence, day, "users.xml", clixml(&format!("{adele}{bob}<Obj><Bad></Obj>")));
    }),
    ("PowerShell", |evidence, day, title| {
        let cut = if day == 2 { json!("System.Object[]") } else { json!([{"SkuId": "s"}]) };
        let adele = json!({"Id": ADELE, "JobTitle": title, "Mail": null, "AssignedLicenses": cut,
            "CreatedDateTime": "/Date(1647536088205)/"});
        evidence.json(day, 0, "users", &json!([adele]));
    }),
    ("AzureHound", |evidence, day, title| {
        let name = if day == 1 { "Adele" } else { "ADELE" };
        let id = if day == 1 { ADELE.to_owned() } else { ADELE.to_uppercase() };
        let adele = json!({"id": id, "displayName": name, "jobTitle": title, "tenantId": TENANT});
        let machine = json!({"kind": "AZVM", "data": {"id": "/subscriptions/x"}});
        let items = json!([{"kind": "AZUser", "data": adele}, machine]);
        let text = json!({"data": items, "meta": {"count": 2}}).to_string();
        evidence.file(format!("2026-11-0{day}/azurehound.json"), text);
    }),
    ("ScubaGear", |evidence, day, title| {
        let policy = json!({"Id": ADELE, "DisplayName": title, "Conditions": {"Users": "@{a=b}"}});
        let export = json!({"baseline_version": "1", "tenant_details": [{"TenantId": TENANT}],
            "timestamp_zulu": format!("2026-11-0{day}T10:00:00.5Z"),
            "conditional_access_policies": [policy], "aad_unsuccessful_commands": [],
            "remote_domains": []});
        evidence.file(format!("{day}/ProviderSettingsExport.json"), export.to_string());
    }),
    ("$batch", |evidence, day, title| {
        let adele = json!({"id": ADELE, "displayName": title});
        let refused = json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
        let responses = json!([
            {"id": "1", "status": 200, "body": page("users", [adele]).counted().json()},
            {"id": "2", "status": 403, "body": refused}]);
        evidence.json(day, 0, "batch", &json!({"responses": responses}));
    }),
];

#[test]
fn exports_of_other_tools_are_the_same_with_a_case() {
    for (what, export) in EXPORTS {
        let evidence = Evidence::new();
        export(&evidence, 1, "Clerk");
        export(&evidence, 2, "Thief");
        let case = evidence.beside("case");
        let named = with_case(&[evidence.root()], &case);
        let fresh = told(&[evidence.root()]);
        let changes = String::from_utf8_lossy(&fresh.files["changes.csv"]).into_owned();
        assert!(changes.contains("Clerk") && changes.contains("Thief"), "{what}: {changes}");
        for run in ["first", "second"] {
            assert_same(&fresh, &told(&named), &format!("{what}: {run}"));
        }
        assert_same(&fresh, &told(&with_case(&[], &case)), &format!("{what}: case alone"));
        // What the case has is opened again beside what is new.
        export(&evidence, 3, "Chief");
        let fresh = told(&[evidence.root()]);
        assert_same(&fresh, &told(&named), &format!("{what}: a third day"));
        assert_same(&fresh, &told(&with_case(&[], &case)), &format!("{what}: three days alone"));
    }
}

/// A tenant of two days and the case that was made from it.
struct Made {
    evidence: Evidence,
    case: PathBuf,
    fresh: Told,
}

impl Made {
    fn new() -> Self {
        let evidence = Evidence::new();
        evidence.users(1, people(1..60)).users(2, people(2..61)).bin(2, 10, people(1..2));
        evidence.members(1, 20, "g1", ["u02", "u03"]).members(2, 20, "g1", ["u03", "u04"]);
        evidence.list(1, "groups", [user("g1", "Group")]).list(2, "groups", [user("g1", "Group")]);
        let case = evidence.beside("case");
        let fresh = told(&[evidence.root()]);
        let made = Self { evidence, case, fresh };
        made.run("timeline", true).ended(0);
        made
    }

    /// Runs a verb with the case, and with the evidence or without.
    fn run(&self, verb: &str, named: bool) -> Ran {
        let mut evidence = vec![verb.into()];
        evidence.extend(named.then(|| self.evidence.root()));
        Ran::of(command().args(with_case(&evidence, &self.case)))
    }

    fn pack(&self) -> PathBuf {
        let entries = fs::read_dir(&self.case).unwrap().map(|entry| entry.unwrap().path());
        let is_pack = |path: &PathBuf| path.to_str().unwrap().contains("pack-");
        let mut packs: Vec<PathBuf> = entries.filter(is_pack).collect();
        packs.sort();
        packs.pop().unwrap()
    }

    #[track_caller]
    fn is_rebuilt(&self, code: &str, named: bool) {
        let ran = self.run("timeline", named).ended(0);
        assert!(ran.stderr.contains(code), "{}", ran.stderr);
        let again = self.run("timeline", named).ended(0);
        assert!(!again.stderr.contains("case"), "{}", again.stderr);
        assert_same(&self.fresh, &told(&with_case(&[], &self.case)), code);
    }
}

/// Changes one byte of a file.
fn flip(path: &Path, place: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 0x41]).unwrap();
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn a_second_run_trusts_what_has_not_moved_and_says_so() {
    let made = Made::new();
    let out = made.evidence.beside("out");
    let basis = |arguments: &[PathBuf]| {
        Ran::of(command().arg("report").args(arguments).arg("-o").arg(&out)).ended(0);
        let rows = Rows::read(&fs::read(out.join("evidence.csv")).unwrap());
        rows.column("hash_basis").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let both = with_case(&[made.evidence.root()], &made.case);
    assert_eq!(basis(&both), ["case"; 7]);
    assert_eq!(basis(&with_case(&[], &made.case)), ["case"; 7]);
    made.evidence.users(3, people(3..61));
    assert_eq!(basis(&both).iter().filter(|basis| *basis == "computed").count(), 1);
    assert_same(&told(&[made.evidence.root()]), &told(&both), "with a third day");
}

#[test]
fn a_damaged_pack_is_read_again_with_a_word_about_it() {
    let made = Made::new();
    for (place, named) in [(0, true), (60, true), (200, false), (700, true), (1500, false)] {
        flip(&made.pack(), place);
        made.is_rebuilt("case-pack-damaged", named);
    }
    let end = length(&made.pack());
    for place in [end - 1, end / 2] {
        flip(&made.pack(), place);
        made.is_rebuilt("case-pack-damaged", true);
    }
    flip(&made.pack(), 150);
    let out = made.evidence.beside("out");
    let report =
        Ran::of(command().arg("report").args(with_case(&[], &made.case)).arg("-o").arg(&out));
    assert!(report.ended(0).stderr.contains("case-pack-damaged"));
    let warnings = Rows::read(&fs::read(out.join("warnings.csv")).unwrap());
    assert_eq!(warnings.having("code", "case-pack-damaged").0.len(), 1);
}

#[test]
fn a_pack_that_is_cut_off_or_gone_is_read_again() {
    let made = Made::new();
    for keep in [0, 10, 100, 5000] {
        let file = OpenOptions::new().write(true).open(made.pack()).unwrap();
        file.set_len(keep).unwrap();
        made.is_rebuilt("case-pack-damaged", true);
    }
    fs::remove_file(made.pack()).unwrap();
    made.is_rebuilt("case-pack-damaged", false);
}

#[test]
fn a_pack_of_another_version_is_read_again() {
    let made = Made::new();
    flip(&made.pack(), 9);
    made.is_rebuilt("case-pack-outdated", true);
    // A key that was lost takes its packs with it.
    fs::write(made.case.join("key"), "short").unwrap();
    made.is_rebuilt("case-pack-outdated", false);
}

#[test]
fn one_object_is_shown_right_from_a_damaged_pack() {
    let made = Made::new();
    let show = |more: &[&str]| {
        let arguments = with_case(&[], &made.case);
        Ran::of(command().args(["show", "--id", "u07"]).args(arguments).args(more))
    };
    let right = show(&[]).ended(0);
    for place in [130, 1000, 3000] {
        flip(&made.pack(), place);
        let shown = show(&[]).ended(0);
        assert_eq!(shown.stdout, right.stdout);
        assert!(shown.stderr.contains("case-pack-damaged"), "{}", shown.stderr);
    }
}

#[test]
fn no_damage_of_a_case_makes_it_panic_or_lie() {
    let made = Made::new();
    for name in ["known", "pack"] {
        let path = || if name == "pack" { made.pack() } else { made.case.join(name) };
        let step = (length(&path()) / 23).max(1);
        for round in 0..22 {
            flip(&path(), round * step);
            let ran = made.run("timeline", true).ended(0);
            assert!(ran.stderr.contains("case-pack-"), "{name} {round}: {}", ran.stderr);
        }
    }
    assert_same(&made.fresh, &told(&with_case(&[], &made.case)), "after all");
}

#[test]
fn a_case_that_forgot_its_evidence_says_what_to_do() {
    let made = Made::new();
    flip(&made.case.join("known"), 70);
    let ran = made.run("timeline", false).ended(5);
    assert!(ran.stderr.contains("name the evidence again"), "{}", ran.stderr);
    made.is_rebuilt("case-pack-damaged", true);
}

#[test]
fn without_evidence_a_whole_case_opens_and_a_damaged_one_ends() {
    let made = Made::new();
    let away = made.evidence.beside("away");
    fs::rename(made.evidence.root(), &away).unwrap();
    let ran = made.run("timeline", false).ended(5);
    assert!(ran.stderr.contains("put the evidence back"), "{}", ran.stderr);
    flip(&made.pack(), 200);
    let ran = made.run("snapshots", false).ended(5);
    assert!(ran.stderr.contains("put the evidence where it was"), "{}", ran.stderr);
    fs::rename(&away, made.evidence.root()).unwrap();
    made.is_rebuilt("case-pack-damaged", false);
}

#[test]
fn a_second_process_is_refused_and_does_not_wait() {
    let made = Made::new();
    let mark = File::open(made.case.join("entrace-case")).unwrap();
    mark.lock().unwrap();
    let ran = made.run("timeline", true).ended(5);
    assert!(ran.stderr.contains("another run of entrace uses the case folder"), "{}", ran.stderr);
    drop(mark);
    made.run("timeline", true).ended(0);
}

#[test]
fn evidence_that_changed_is_read_again() {
    let made = Made::new();
    made.evidence.users(2, people(3..61));
    let both = with_case(&[made.evidence.root()], &made.case);
    let fresh = told(&[made.evidence.root()]);
    assert_ne!(fresh.timeline, made.fresh.timeline);
    assert_same(&fresh, &told(&both), "changed");
    // And back again.
    made.evidence.users(2, people(2..61));
    assert_same(&told(&[made.evidence.root()]), &told(&both), "as before");
}

#[test]
fn bytes_that_changed_behind_the_back_of_a_case_are_found_when_opened() {
    let made = Made::new();
    let root = made.evidence.root();
    let day = parts(&root).remove(1);
    let is_users = |path: &PathBuf| path.to_str().unwrap().contains("users_20261102T0300");
    let file = parts(&day).into_iter().find(is_users).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("User 7\"", "User 8\"")).unwrap();
    let ran = Ran::of(command().args(["show", "--id", "u07"]).args(with_case(&[], &made.case)));
    assert!(ran.ended(4).stderr.contains("is not the file that was indexed"));
}

#[test]
fn a_part_of_the_evidence_gives_what_it_gives_alone() {
    let made = Made::new();
    for day in parts(&made.evidence.root()) {
        let fresh = told(std::slice::from_ref(&day));
        assert_same(&fresh, &told(&with_case(&[day], &made.case)), "a day");
    }
    assert_same(&made.fresh, &told(&with_case(&[made.evidence.root()], &made.case)), "all");
    let gone = parts(&made.evidence.root()).remove(0);
    fs::remove_dir_all(gone).unwrap();
    let root = made.evidence.root();
    let fresh = told(std::slice::from_ref(&root));
    assert_same(&fresh, &told(&with_case(&[root], &made.case)), "a day was removed");
}

#[test]
fn many_days_are_put_together() {
    let evidence = Evidence::new();
    let case = evidence.beside("case");
    for day in 1..=34 {
        evidence.users(day, people(u32::try_from(day).unwrap()..40));
        let arguments = with_case(&[evidence.root()], &case);
        Ran::of(command().arg("snapshots").args(arguments)).ended(0);
    }
    let packs = fs::read_dir(&case).unwrap().count() - 3;
    assert!((1..8).contains(&packs), "{packs}");
    let fresh = told(&[evidence.root()]);
    assert_same(&fresh, &told(&with_case(&[], &case)), "34 days");
}

#[test]
fn options_of_the_last_run_are_remembered() {
    let evidence = Evidence::new();
    evidence
        .file("20261101-030000/users.json", page_of(1))
        .file("20261102-030000/users.json", page_of(2));
    let case = evidence.beside("case");
    let options = ["--evidence-tz", "Europe/Berlin"].map(PathBuf::from);
    let fresh = told(&[&[evidence.root()], options.as_slice()].concat());
    let first = [with_case(&[evidence.root()], &case), options.to_vec()].concat();
    assert_same(&fresh, &told(&first), "named");
    assert_same(&fresh, &told(&with_case(&[], &case)), "remembered");
    let plain = told(&[evidence.root()]);
    assert_same(&plain, &told(&with_case(&[evidence.root()], &case)), "without the option");
}

fn page_of(first: u32) -> String {
    page("users", people(first..9)).counted().json().to_string()
}

#[test]
fn case_and_evidence_are_kept_apart() {
    let made = Made::new();
    let root = made.evidence.root();
    let inside = root.join("case");
    let ran =
        Ran::of(command().arg("timeline").args(with_case(std::slice::from_ref(&root), &inside)));
    assert!(ran.ended(2).stderr.contains("lies inside the evidence"));
    assert!(!inside.exists());
    let within = made.case.join("evidence");
    fs::create_dir(&within).unwrap();
    let ran = Ran::of(command().arg("timeline").args(with_case(&[within], &made.case)));
    assert!(ran.ended(2).stderr.contains("lies inside the case folder"));
    let ran = Ran::of(
        command()
            .arg("timeline")
            .args(with_case(std::slice::from_ref(&root), &made.evidence.beside(""))),
    );
    ran.ended(2);
    // A case folder that stands in evidence is told and not read.
    fs::rename(&made.case, &inside).unwrap();
    let report = made.evidence.report(&[]);
    assert!(report.codes().contains("case-in-evidence"), "{:?}", report.codes());
    assert_eq!(report.ran.code, 3);
}

#[test]
fn a_folder_that_is_no_case_is_left_alone() {
    let made = Made::new();
    let other = made.evidence.beside("other");
    let alone = Ran::of(command().arg("timeline").args(with_case(&[], &other)));
    assert!(alone.ended(2).stderr.contains("is no case folder"));
    assert!(!other.exists());
    fs::create_dir(&other).unwrap();
    fs::write(other.join("mine"), "").unwrap();
    let ran = Ran::of(command().arg("timeline").args(with_case(&[made.evidence.root()], &other)));
    assert!(ran.ended(2).stderr.contains("neither empty nor a case folder"));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let made = Made::new();
    let mode = fs::metadata(made.case.join("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
