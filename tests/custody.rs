//! Custody: what vouches for what, and that no byte of it can be another one without being named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use entrace::custody::audit::Word;
use entrace::custody::check::{Request, Section, check};
use entrace::meter::Meter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::archives::{tar, zip};
use crate::evidence::{Evidence, people, user};
use crate::program::{Ran, Row, Rows, command};
use crate::untouched::state;

const CASE_TOML: &str = "case_id = \"2026-117\"\nexaminer = \"R. <b>Vance</b>\"\norganization = \"Contoso CSIRT\"\nreceived_at = 2026-11-05T09:30:00+01:00\nreceived_from = \"Woodgrove Bank\"\nauthority = \"letter of 2026-11-04\"\nquestions = [\"Who did it?\", \"Is all restored?\"]\n";

/// Evidence of two days, one of them in archives, with a report, a case folder and a bundle made from it.
struct Made {
    evidence: Evidence,
}

impl Made {
    fn new() -> Self {
        let evidence = Evidence::new();
        evidence.users(1, people(1..9)).users(2, people(2..10)).bin(2, 10, people(1..2));
        evidence.file("notes/read me.txt", "chain of custody\n").file("broken.json", "{\"id\":");
        let page = |id: &str| {
            let user = json!({"id": id, "displayName": "In an archive"});
            json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": [user]})
        };
        let member = |name: &str, id: &str| (name.to_owned(), page(id).to_string().into_bytes());
        evidence.file("day3.zip", zip(&[member("2026-11-03/users.json", "u20")]));
        // Records with a GUID are what a case recalls.
        evidence.users(
            5,
            (1..9).map(|n| user(&format!("{n:08}-2222-4333-8444-555555555555"), "By GUID")),
        );
        evidence.file("day4.tar", tar(&[member("2026-11-04/users.json", "u21")]));
        fs::create_dir(evidence.beside("case")).unwrap();
        fs::write(evidence.beside("case/case.toml"), CASE_TOML).unwrap();
        let made = Self { evidence };
        made.run(&["report", "evidence", "-o", "out", "--case", "case"]).ended(3);
        made.run(&["seal", "out", "--with-evidence", "evidence", "--case", "case"]).ended(0);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.evidence.beside(name)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let folder = self.evidence.root().parent().unwrap().to_owned();
        Ran::of(command().current_dir(folder).args(arguments))
    }

    fn sections(&self, paths: &[&str]) -> Vec<Section> {
        let paths: Vec<PathBuf> = paths.iter().map(|name| self.path(name)).collect();
        let request = Request { paths: &paths, manifests: &[], meter: &Meter::default() };
        check(&request).unwrap().unwrap()
    }

    /// The files that are not matched: word and path.
    fn failing(&self, paths: &[&str]) -> Vec<(Word, String)> {
        let sections = self.sections(paths);
        let files = sections.into_iter().flat_map(|section| section.files);
        files.filter(|file| file.word != Word::Matched).map(|file| (file.word, file.path)).collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = state(folder).into_keys().filter(|path| path.is_file());
    files.collect()
}

/// A generator of numbers that is the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

#[test]
fn what_was_just_made_is_sound() {
    let made = Made::new();
    let ran = made.run(&["check", "out", "case", "out.bag", "evidence", "--json"]).ended(0);
    let checks = ran.json();
    assert_eq!(checks["passed"], true);
    let kinds: Vec<&str> =
        checks["checks"].as_array().unwrap().iter().map(|c| c["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["result", "case", "bundle", "evidence", "evidence", "evidence"]);
    for check in checks["checks"].as_array().unwrap() {
        assert!(check["totals"]["matched"].as_u64().unwrap() > 6, "{check}");
    }
}

#[test]
fn archives_have_receipts_too() {
    let made = Made::new();
    let bytes = fs::read(made.path("evidence/day3.zip")).unwrap();
    let name = format!("{:x}", Sha256::digest(&bytes));
    let receipt = format!("EX-{}", name.get(..10).unwrap());
    let show = |receipt: &str| made.run(&["show", "evidence", "--receipt", receipt]);
    let ran = show(&receipt).ended(0);
    assert_eq!(ran.stdout, [bytes.as_slice(), b"\n"].concat());
    assert!(ran.stderr.contains(&format!("SHA-256 {name} verified")), "{}", ran.stderr);
    assert_eq!(show(&format!("{receipt}:0+2")).ended(0).stdout, b"PK\n");
    show(&format!("{receipt}:0+999999")).ended(1);
}

#[test]
fn a_thousand_flipped_bytes_are_found() {
    let made = Made::new();
    let groups = [("evidence", "case"), ("case", "case"), ("out.bag", "out.bag"), ("out", "out")];
    let mut dice = Dice(4);
    let mut flips: BTreeMap<String, usize> = BTreeMap::new();
    for (folder, checked) in groups {
        // File times and how hashes were come by stand in evidence.csv, and the record of a run does not cover them.
        let exempt = |path: &PathBuf| folder == "out" && path.ends_with("evidence.csv");
        let files: Vec<PathBuf> =
            files(&made.path(folder)).into_iter().filter(|path| !exempt(path)).collect();
        let files: Vec<&PathBuf> =
            files.iter().filter(|path| fs::metadata(path).unwrap().len() > 0).collect();
        for number in 0..250 {
            // Each file in turn: small ones count as much as large ones.
            let path = files[number % files.len()];
            let sound = fs::read(path).unwrap();
            let place = dice.below(sound.len());
            let mut flipped = sound.clone();
            flipped[place] ^= u8::try_from(1 + dice.below(255)).unwrap();
            fs::write(path, &flipped).unwrap();
            let sections = made.sections(&[checked]);
            let found = sections.iter().any(|section| !section.passed());
            assert!(found, "byte {place} of {}", path.display());
            fs::write(path, &sound).unwrap();
            *flips.entry(folder.to_owned()).or_default() += 1;
        }
        assert_eq!(made.failing(&[checked]), [], "{folder} is as it was");
    }
    assert_eq!(flips.values().sum::<usize>(), 1000);
}

#[test]
fn the_words_are_hashdeeps() {
    let made = Made::new();
    let evidence = made.evidence.root();
    fs::rename(evidence.join("broken.json"), evidence.join("other.json")).unwrap();
    assert_eq!(made.failing(&["case"]), [(Word::Moved, "evidence/other.json".to_owned())]);
    made.run(&["check", "case"]).ended(0);
    fs::remove_file(evidence.join("notes/read me.txt")).unwrap();
    fs::write(evidence.join("new.json"), "[]").unwrap();
    fs::write(evidence.join("other.json"), "{}").unwrap();
    let expected = [
        (Word::Missing, "evidence/broken.json".to_owned()),
        (Word::New, "evidence/new.json".to_owned()),
        (Word::Missing, "evidence/notes/read me.txt".to_owned()),
        (Word::New, "evidence/other.json".to_owned()),
    ];
    assert_eq!(made.failing(&["case"]), expected);
    assert_eq!(made.failing(&["out", "evidence"]), expected);
    let ran = made.run(&["check", "out", "evidence"]).ended(1);
    assert!(ran.text().contains("missing     evidence/notes/read me.txt"), "{}", ran.text());
    assert!(ran.text().ends_with("FAILED\n"));
}

#[test]
fn evidence_may_lie_elsewhere() {
    let made = Made::new();
    fs::rename(made.evidence.root(), made.path("copy of it")).unwrap();
    assert_eq!(made.failing(&["out", "copy of it"]), []);
    fs::write(made.path("copy of it/broken.json"), "[]").unwrap();
    let changed = (Word::Changed, "copy of it/broken.json".to_owned());
    assert_eq!(made.failing(&["case", "copy of it"]), [changed]);
    // The case looks where the evidence was.
    assert!(made.failing(&["case"]).iter().all(|(word, _)| *word == Word::Missing));
}

#[test]
fn archives_and_members_are_known_by_their_own_hashes() {
    let made = Made::new();
    let archive = made.path("evidence/day3.zip");
    let bytes = fs::read(&archive).unwrap();
    // The archive is packed anew with another member.
    fs::write(&archive, zip(&[("2026-11-03/users.json".to_owned(), b"[]".to_vec())])).unwrap();
    let changed = |path: &str| (Word::Changed, path.to_owned());
    assert_eq!(
        made.failing(&["case"]),
        [changed("evidence/day3.zip"), changed("evidence/day3.zip/2026-11-03/users.json")]
    );
    fs::write(&archive, bytes).unwrap();
    assert_eq!(made.failing(&["case"]), []);
}

#[test]
fn manifests_of_others_are_read() {
    let made = Made::new();
    let evidence = made.evidence.root();
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines = |line: &dyn Fn(&str, &[u8]) -> String| -> String {
        let line = |path: &PathBuf| {
            let name = path.strip_prefix(&evidence).unwrap().to_str().unwrap().to_owned();
            line(&name, &fs::read(path).unwrap())
        };
        files(&evidence).iter().map(line).collect()
    };
    let manifests = [
        ("sums", lines(&|name, bytes| format!("{}  ./{name}\n", hex(&Sha256::digest(bytes))))),
        (
            "tags",
            lines(&|name, bytes| format!("SHA512 ({name}) = {}\n", hex(&Sha512::digest(bytes)))),
        ),
        ("b3", lines(&|name, bytes| format!("{}  evidence/{name}\r\n", blake3::hash(bytes)))),
        (
            "deep",
            "%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n## x\n".to_owned()
                + &lines(&|name, bytes| {
                    format!(
                        "{},{},/mnt/a/evidence/{name}\n",
                        bytes.len(),
                        hex(&Sha256::digest(bytes))
                    )
                }),
        ),
    ];
    for (name, text) in &manifests {
        fs::write(made.path(name), text).unwrap();
        let ran = made.run(&["check", "evidence", "--manifest", name]).ended(0);
        assert!(ran.text().contains(": 8 matched"), "{name}: {}", ran.text());
    }
    fs::write(made.path("md5"), format!("{}  evidence/broken.json\n", "0".repeat(32))).unwrap();
    let ran = made.run(&["check", "evidence", "--manifest", "md5"]).ended(2);
    assert!(ran.stderr.contains("MD5"), "{}", ran.stderr);
    fs::write(made.path("bad"), manifests[0].1.clone() + "no line\n").unwrap();
    let ran = made.run(&["check", "evidence", "--manifest", "bad"]).ended(1);
    assert!(ran.text().contains("line 9 is no line of a manifest"), "{}", ran.text());
    made.run(&["check", "evidence"]).ended(2);
}

#[test]
fn a_list_of_members_stands_for_the_archive() {
    let evidence = Evidence::new();
    let made = Made { evidence };
    made.evidence.file(
        "a.zip",
        zip(&[("x.json".to_owned(), b"[1]".to_vec()), ("y.json".to_owned(), b"[2]".to_vec())]),
    );
    let line = |name: &str, bytes: &[u8]| format!("{:x}  {name}\n", Sha256::digest(bytes));
    fs::write(made.path("both"), line("a.zip/x.json", b"[1]") + &line("a.zip/y.json", b"[2]"))
        .unwrap();
    made.run(&["check", "evidence", "--manifest", "both"]).ended(0);
    fs::write(made.path("one"), line("a.zip/x.json", b"[1]")).unwrap();
    let ran = made.run(&["check", "evidence", "--manifest", "one"]).ended(1);
    assert!(ran.text().contains("new         evidence/a.zip/y.json"), "{}", ran.text());
    fs::write(made.path("wrong"), line("a.zip/x.json", b"[3]") + &line("a.zip/y.json", b"[2]"))
        .unwrap();
    let ran = made.run(&["check", "evidence", "--manifest", "wrong"]).ended(1);
    assert!(ran.text().contains("changed     evidence/a.zip/x.json"), "{}", ran.text());
}

#[test]
fn a_bundle_is_a_bag_that_others_can_read() {
    let made = Made::new();
    let walked = entrace::evidence::walk(&[made.path("out.bag")]).unwrap();
    let bag = |code: &str| code.starts_with("bag-");
    assert_eq!(walked.refusals.iter().filter(|refusal| bag(refusal.code)).count(), 0);
    assert_eq!(
        walked.carriers.iter().filter(|carrier| carrier.format == "BagIt tag file").count(),
        4
    );
    let info = fs::read_to_string(made.path("out.bag/bag-info.txt")).unwrap();
    for line in [
        "Bagging-Date: 2026-11-",
        "Contact-Name: R. <b>Vance</b>\n",
        "External-Description: Who did it?\n  Is all restored?\n",
        "External-Identifier: 2026-117\n",
        "Source-Organization: Contoso CSIRT\n",
    ] {
        assert!(info.contains(line), "{info}");
    }
    // The same again, bit for bit, except the log, which has grown by the line of the first.
    made.run(&["seal", "out", "-o", "again", "--with-evidence", "evidence"]).ended(0);
    made.run(&["seal", "out", "-o", "once more", "--with-evidence", "evidence"]).ended(0);
    let bytes = |name: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let folder = made.path(name);
        let below = |path: PathBuf| path.strip_prefix(&folder).unwrap().to_owned();
        files(&folder)
            .into_iter()
            .map(|path| (below(path.clone()), fs::read(path).unwrap()))
            .collect()
    };
    assert_eq!(bytes("again"), bytes("once more"));
    made.run(&["seal", "out", "-o", "again"]).ended(2);
    made.run(&["seal", "out", "-o", "out/inside"]).ended(2);
    made.run(&["seal", "evidence", "-o", "x"]).ended(2);
}

#[test]
fn a_bag_may_be_packed_and_may_be_evidence() {
    let made = Made::new();
    let bag = made.path("out.bag");
    let packed = |alter: &str| -> Vec<(String, Vec<u8>)> {
        let member = |path: PathBuf| {
            let name = path.strip_prefix(&bag).unwrap().to_str().unwrap().to_owned();
            let mut bytes = fs::read(&path).unwrap();
            if name == alter {
                bytes[0] ^= 1;
            }
            (format!("out.bag/{name}"), bytes)
        };
        files(&bag).into_iter().map(member).collect()
    };
    fs::write(made.path("bag.zip"), zip(&packed(""))).unwrap();
    fs::write(made.path("bag.tar"), tar(&packed(""))).unwrap();
    for archive in ["bag.zip", "bag.tar"] {
        let ran = made.run(&["check", archive]).ended(0);
        assert!(ran.text().starts_with(&format!("bundle {archive}: ")), "{}", ran.text());
    }
    for altered in ["data/evidence/evidence/broken.json", "tagmanifest-sha256.txt", "bag-info.txt"]
    {
        fs::write(made.path("bag.zip"), zip(&packed(altered))).unwrap();
        let ran = made.run(&["check", "bag.zip"]).ended(1);
        assert!(ran.text().contains(altered), "{}", ran.text());
    }
    // Evidence that came as a bag: verified by its own manifests, and held against the run.
    let page = br#"[{"id":"u1"}]"#;
    let line = |name: &str, bytes: &[u8]| format!("{:x}  {name}\n", Sha256::digest(bytes));
    fs::create_dir_all(made.path("given/data")).unwrap();
    fs::write(
        made.path("given/bagit.txt"),
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
    )
    .unwrap();
    fs::write(made.path("given/data/users.json"), page).unwrap();
    fs::write(made.path("given/manifest-sha256.txt"), line("data/users.json", page)).unwrap();
    made.run(&["report", "given", "-o", "of given"]).ended(0);
    let ran = made.run(&["check", "of given", "given"]).ended(0);
    assert!(ran.text().contains("bundle given: 1 matched"), "{}", ran.text());
    assert!(ran.text().contains("evidence of given: 3 matched"), "{}", ran.text());
    made.run(&["check", "given"]).ended(0);
    fs::write(made.path("given/data/users.json"), "[]").unwrap();
    let ran = made.run(&["check", "of given", "given"]).ended(1);
    for line in ["  changed     data/users.json", "  changed     given/data/users.json"] {
        assert!(ran.text().contains(line), "{}", ran.text());
    }
}

#[test]
fn a_bundle_that_grew_shrank_or_was_signed_anew_is_named() {
    let made = Made::new();
    let bag = |name: &str| made.path(&format!("out.bag/{name}"));
    fs::write(bag("data/result/more.txt"), "x").unwrap();
    let failing = made.failing(&["out.bag"]);
    assert!(failing.contains(&(Word::New, "data/result/more.txt".to_owned())), "{failing:?}");
    fs::remove_file(bag("data/result/more.txt")).unwrap();
    assert_eq!(made.failing(&["out.bag"]), []);
    let sheet = fs::read(bag("data/result/changes.csv")).unwrap();
    fs::remove_file(bag("data/result/changes.csv")).unwrap();
    let missing = (Word::Missing, "data/result/changes.csv".to_owned());
    assert!(made.failing(&["out.bag"]).contains(&missing));
    fs::write(bag("data/result/changes.csv"), sheet).unwrap();
    fs::remove_file(bag("tagmanifest-sha256.txt")).unwrap();
    let missing = (Word::Missing, "tagmanifest-sha256.txt".to_owned());
    assert_eq!(made.failing(&["out.bag"]), [missing]);
    fs::remove_file(bag("bagit.txt")).unwrap();
    made.run(&["check", "out.bag"]).ended(2);
}

#[test]
fn only_what_the_run_knows_is_sealed() {
    let made = Made::new();
    let page = fs::read_to_string(made.path("out/report.html")).unwrap();
    fs::write(made.path("out/report.html"), page.replace("What changed", "What happened")).unwrap();
    let ran = made.run(&["seal", "out", "-o", "b"]).ended(1);
    assert!(ran.stderr.contains("report.html"), "{}", ran.stderr);
    fs::write(made.path("out/report.html"), page).unwrap();
    fs::write(made.path("out/notes.txt"), "mine").unwrap();
    made.run(&["seal", "out", "-o", "b"]).ended(0);
    assert!(made.path("b/data/result/notes.txt").exists());
    fs::write(made.path("evidence/broken.json"), "{}").unwrap();
    let ran = made.run(&["seal", "out", "-o", "c", "--with-evidence", "evidence"]).ended(1);
    assert!(ran.stderr.contains("broken.json"), "{}", ran.stderr);
    assert!(!made.path("c").exists() && !made.path("c.partial").exists());
}

#[test]
fn the_case_file_is_in_the_record_and_on_the_page() {
    let made = Made::new();
    let record: Value =
        serde_json::from_slice(&fs::read(made.path("out/run.json")).unwrap()).unwrap();
    assert_eq!(record["case"]["case_id"], "2026-117");
    assert_eq!(record["case"]["received_at"], "2026-11-05T09:30:00+01:00");
    let sha256 = format!("{:x}", Sha256::digest(CASE_TOML));
    assert_eq!(record["case"]["sha256"], sha256.as_str());
    let page = fs::read_to_string(made.path("out/report.html")).unwrap();
    for text in ["2026-117", "R. &lt;b&gt;Vance", "Woodgrove Bank", "Is all restored?", &sha256] {
        assert!(page.contains(text), "{text}");
    }
    fs::write(made.path("slip.toml"), "case_id = \"1\"\nexaminor = \"x\"\n").unwrap();
    let ran = made.run(&["report", "evidence", "-o", "o2", "--case-file", "slip.toml"]).ended(2);
    assert!(ran.stderr.contains("line 2") && ran.stderr.contains("examinor"), "{}", ran.stderr);
    assert!(!made.path("o2").exists());
    // One that lies in the evidence speaks for nobody.
    fs::copy(made.path("case/case.toml"), made.path("evidence/case.toml")).unwrap();
    made.run(&["report", "evidence", "-o", "o3"]).ended(3);
    let record: Value =
        serde_json::from_slice(&fs::read(made.path("o3/run.json")).unwrap()).unwrap();
    assert_eq!(record["case"], Value::Null);
}

#[test]
fn runs_are_noted_and_a_broken_chain_is_named() {
    let made = Made::new();
    let log = made.path("case/run-log.jsonl");
    let verbs = || -> Vec<String> {
        let text = fs::read_to_string(&log).unwrap();
        let line =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["run"]["verb"].to_string();
        text.lines().map(line).collect()
    };
    assert_eq!(verbs(), ["\"report\"", "\"seal\""]);
    made.run(&["check", "out", "--case", "case"]).ended(0);
    made.run(&["check", "case"]).ended(0);
    assert_eq!(verbs(), ["\"report\"", "\"seal\"", "\"check\""]);
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("\"verb\":\"seal\"", "\"verb\":\"zeal\"", 1)).unwrap();
    let ran = made.run(&["check", "case"]).ended(1);
    assert!(ran.text().contains("line 2: its hash is not that of its text"), "{}", ran.text());
    let second = text.split_inclusive('\n').nth(1).unwrap();
    fs::write(&log, text.replacen(second, "", 1)).unwrap();
    let ran = made.run(&["check", "case"]).ended(1);
    assert!(ran.text().contains("line 2: it does not follow"), "{}", ran.text());
    fs::write(&log, &text).unwrap();
    fs::write(made.path("case/case.toml"), CASE_TOML.replace("117", "118")).unwrap();
    let ran = made.run(&["check", "case"]).ended(1);
    assert!(ran.text().contains("changed     case.toml"), "{}", ran.text());
}

#[test]
fn evidence_is_described_and_quarantined_records_are_kept() {
    let evidence = Evidence::new();
    let large = format!("{{\"id\":\"u3\",\"a\":1,\"a\":\"{}\"}}", "x".repeat(70_000));
    let twice = "{\"id\":\"u2\",\"displayName\":\"=1+1\",\"displayName\":\"b\"}";
    evidence.file("2026-11-01/users.json", format!("[{{\"id\":\"u1\"}},{twice},{large}]"));
    evidence.file(
        "a.zip",
        zip(&[("2026-11-02/users.json".to_owned(), format!("[{twice}]").into_bytes())]),
    );
    evidence.file(
        "hound.json",
        "{\"data\":[{\"kind\":\"AZUser\",\"data\":{\"id\":\"00000000-0000-4000-8000-000000000001\",\"displayName\":\"x\"}}],\"meta\":{\"type\":\"azure\",\"version\":5,\"count\":1}}",
    );
    let report = evidence.report(&["--case", evidence.beside("case").to_str().unwrap()]);
    report.assert_balanced();
    let kept = report.table("quarantine.csv");
    let total = report.run_record()["records"]["quarantined"].as_u64().unwrap();
    assert_eq!((kept.0.len(), total), (3, 3));
    for exhibit in &report.table("evidence.csv").0 {
        let own = kept.having("exhibit_id", exhibit.get("exhibit_id")).0.len();
        assert_eq!(exhibit.get("quarantined"), own.to_string(), "{}", exhibit.get("path"));
        assert_eq!(exhibit.get("stat_after"), "same");
        let member = exhibit.get("path").contains(".zip/");
        assert_eq!(exhibit.get("changed_at").is_empty(), member, "{}", exhibit.get("path"));
        let tool = if exhibit.get("path").ends_with("hound.json") { "AzureHound" } else { "" };
        assert_eq!(exhibit.get("tool"), tool);
    }
    assert_eq!(kept.column("kept"), ["bytes", "reference", "bytes"]);
    for row in kept.having("kept", "bytes").0 {
        let text = row.get("bytes").strip_prefix("base64:").unwrap().to_owned();
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), twice);
        assert_eq!(row.get("sha256"), format!("{:x}", Sha256::digest(twice)));
        assert_eq!(row.get("len_bytes"), twice.len().to_string());
    }
    let reference = &kept.0[1];
    assert_eq!(
        (reference.get("bytes"), reference.get("len_bytes")),
        ("", large.len().to_string().as_str())
    );
    // With the case the evidence is not read again, and says so.
    let again = evidence.report(&["--case", evidence.beside("case").to_str().unwrap()]);
    assert_eq!(again.table("evidence.csv").having("stat_after", "unread").0.len(), 3);
    assert_eq!(again.bytes("quarantine.csv"), report.bytes("quarantine.csv"));
}

#[test]
fn the_clock_is_in_the_log_and_nowhere_else() {
    let made = Made::new();
    made.run(&["report", "evidence", "-o", "a", "--log", "log.jsonl"]).ended(3);
    made.run(&["report", "evidence", "-o", "b"]).ended(3);
    for path in files(&made.path("a")) {
        let name = path.file_name().unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            fs::read(made.path("b").join(name)).unwrap(),
            "{name:?}"
        );
    }
    made.run(&["report", "evidence", "-o", "c", "--log", "c/log.jsonl"]).ended(2);
    made.run(&["report", "evidence", "-o", "c", "--log", "evidence/log.jsonl"]).ended(2);
    assert!(!made.path("c").exists());
}

/// What audit events and recovery jobs say in words of the service.
const SERVICE: &[&str] = &[
    "activityDisplayName",
    "category",
    "loggedByService",
    "modifiedProperties",
    "operationType",
    "recoveryAction",
    "additionalDetails",
];

/// Texts that are also what the page says of types and differences, or a part of a permission or of the name of a property.
const PAGE: &[&str] = &[
    "Authentication Methods Policy",
    "Authorization Policy",
    "Security Defaults",
    "changed",
    "Email",
    "Employee",
    "enforced",
    "Mail.Read",
    "Marketing",
    "Microsoft Entra Backup and Recovery",
    "success",
];

/// Every text in a JSON value, with the name of the member that holds it.
fn texts(value: &Value, member: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            found.entry(text.clone()).or_insert_with(|| member.to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, member, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if !name.starts_with("@odata") && !SERVICE.contains(&name.as_str()) {
                    texts(value, name, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn nothing_of_the_tenant_is_left_after_redaction() {
    let tenant = crate::properties::Synth::with(&entrace::synth::SynthOptions {
        users: 80,
        snapshots: 4,
        seed: 11,
        incident: Some(entrace::synth::Incident::Woodgrove),
        ..entrace::synth::SynthOptions::default()
    });
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let run = |arguments: &[&str]| {
        let mut command = command();
        Ran::of(
            command
                .arg(arguments[0])
                .arg(&tenant.folder)
                .args(&arguments[1..])
                .current_dir(place.path()),
        )
    };
    let ran = run(&[
        "report",
        "-o",
        "out",
        "--redact",
        "key",
        "--snapshot",
        &format!("Woodgrove secret={}", tenant.folder.display()),
    ]);
    assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
    let mut found = BTreeMap::new();
    for file in files(&tenant.folder) {
        let value: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap_or(Value::Null);
        texts(&value, "", &mut found);
    }
    let catalogue = entrace::directory::catalogue();
    let stamp = |text: &str| {
        text.parse::<jiff::Timestamp>().is_ok()
            || text.parse::<jiff::civil::Date>().is_ok()
            || entrace::intake::of_snapshot_id(text).is_some()
    };
    let hidden: Vec<&String> = found
        .iter()
        .filter(|(text, member)| {
            text.len() > 3
                && !PAGE.contains(&text.as_str())
                && !stamp(text)
                && !catalogue.is_readable_value(text)
                && !catalogue.is_readable_value(&text.to_lowercase())
                && !catalogue.has_readable_values(member)
                && !catalogue.is_readable_word(&text.to_lowercase())
        })
        .map(|(text, _)| text)
        .collect();
    assert!(hidden.len() > 500, "{}", hidden.len());
    let written: String = files(&path("out"))
        .iter()
        .map(|file| String::from_utf8(fs::read(file).unwrap()).unwrap().to_lowercase())
        .collect();
    let left: Vec<&&String> =
        hidden.iter().filter(|text| written.contains(&text.to_lowercase())).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!written.contains("woodgrove secret"));
    for table in ["timeline", "diff"] {
        let text = run(&[table, "--format", "csv", "--redact", "key"]).text().to_lowercase();
        assert!(text.lines().count() > 10);
        let left: Vec<&&String> =
            hidden.iter().filter(|hidden| text.contains(&hidden.to_lowercase())).collect();
        assert!(left.is_empty(), "{table}: {left:?}");
    }
}

#[test]
fn pseudonyms_are_stable_and_lead_back_by_the_table_beside_the_key() {
    let made = Made::new();
    let key = made.path("secret/key");
    fs::create_dir(key.parent().unwrap()).unwrap();
    made.run(&["report", "evidence", "-o", "a", "--redact", "secret/key"]).ended(3);
    let table = fs::read(made.path("secret/key.map.csv")).unwrap();
    made.run(&["report", "evidence", "-o", "b", "--redact", "secret/key"]).ended(3);
    let mode = |path: &Path| state(path).into_values().next().unwrap().mode() & 0o777;
    assert_eq!((mode(&key), mode(&made.path("secret/key.map.csv"))), (0o600, 0o600));
    assert_eq!(fs::read(made.path("secret/key.map.csv")).unwrap(), table);
    for file in files(&made.path("a")) {
        let name = file.file_name().unwrap();
        assert_eq!(
            fs::read(&file).unwrap(),
            fs::read(made.path("b").join(name)).unwrap(),
            "{name:?}"
        );
    }
    made.run(&["check", "a"]).ended(0);
    let rows = Rows::read(&table);
    let back: BTreeMap<&str, &str> =
        rows.0.iter().map(|row| (row.get("pseudonym"), row.get("original"))).collect();
    let read = |folder: &str| Rows::read(&fs::read(made.path(folder).join("changes.csv")).unwrap());
    let (plain, hidden) = (read("out"), read("a"));
    assert_eq!(plain.0.len(), hidden.0.len());
    let open = |row: &Row, column: &str| {
        let cell = row.get(column).to_owned();
        back.get(cell.as_str()).map_or(cell.clone(), |original| (*original).to_owned())
    };
    // The same rows, but for their order, with types, attributes, times and receipts as they were.
    let columns = [
        "change",
        "object_type",
        "attribute",
        "not_before",
        "not_after",
        "lane",
        "certainty",
        "reason",
        "evidence_before",
        "evidence_after",
    ];
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut after: Vec<Vec<String>> = Vec::new();
    for (rows, out) in [(&plain, &mut before), (&hidden, &mut after)] {
        for row in &rows.0 {
            let mut line: Vec<String> =
                columns.iter().map(|column| row.get(column).to_owned()).collect();
            line.extend(["tenant_id", "object_id", "object_name"].map(|column| open(row, column)));
            out.push(line);
        }
        out.sort();
    }
    assert_eq!(before, after);
    assert_ne!(plain.column("object_id"), hidden.column("object_id"));
    for row in &Rows::read(&fs::read(made.path("a/quarantine.csv")).unwrap()).0 {
        assert_eq!((row.get("kept"), row.get("bytes")), ("reference", ""));
    }
    fs::write(made.path("no key"), "x").unwrap();
    made.run(&["report", "evidence", "-o", "c", "--redact", "no key"]).ended(2);
    made.run(&["report", "evidence", "-o", "c", "--redact", "evidence/key"]).ended(2);
    made.run(&["report", "evidence", "-o", "c", "--redact", "c/key"]).ended(2);
    assert!(!made.path("c").exists());
}
