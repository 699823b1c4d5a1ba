//! Evidence is never altered: bytes, names, modes and times are the same after every verb.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::archives::{tar, zip};
use crate::evidence::{Evidence, people};
use crate::program::{Ran, command};

/// What must not change of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    bytes: Option<Vec<u8>>,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    /// Its mode.
    pub(crate) fn mode(&self) -> u32 {
        self.mode
    }
}

/// The state of everything below a folder, and of the folder itself.
pub(crate) fn state(folder: &Path) -> BTreeMap<PathBuf, State> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let state = State {
            bytes: metadata.is_file().then(|| fs::read(&path).unwrap()),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        found.insert(path, state);
    }
    found
}

#[test]
fn no_verb_touches_the_evidence() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10)).bin(2, 10, people(1..2));
    evidence.file("broken.json", "{\"id\":").file("page.json", "<html>");
    let before = state(&evidence.root());
    for verb in ["inspect", "snapshots", "diff", "timeline"] {
        evidence.run(verb, &[]).ended(3);
        assert_eq!(state(&evidence.root()), before, "{verb}");
    }
    evidence.run("show", &["--id", "u02"]);
    let rows = evidence.rows(&[]);
    let receipt = rows.0[0].get("evidence_after").split(';').next().unwrap().to_owned();
    evidence.run("show", &["--receipt", &receipt]).ended(0);
    evidence.report(&[]).ran.ended(3);
    assert_eq!(state(&evidence.root()), before, "show and report");
}

/// A folder with everything below it set to be read only, and back again.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn of(folder: &Path) -> Self {
        set_modes(folder, 0o555, 0o444);
        Self(folder.to_owned())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        set_modes(&self.0, 0o755, 0o644);
    }
}

fn set_modes(folder: &Path, of_folders: u32, of_files: u32) {
    for path in state(folder).into_keys() {
        let mode = if path.is_dir() { of_folders } else { of_files };
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
}

#[test]
fn no_verb_writes_to_what_it_only_reads() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10)).bin(2, 10, people(1..2));
    evidence.file("broken.json", "{\"id\":").file("notes/page.txt", "<html>");
    let page = br#"[{"id":"u30","displayName":"x"}]"#.to_vec();
    let member = [("2026-11-03/users.json".to_owned(), page)];
    evidence.file("a.zip", zip(&member)).file("b.tar", tar(&member)).file("bad.zip", b"PK\x03\x04");
    let case = evidence.beside("case");
    let (out, bag) = (evidence.beside("out"), evidence.beside("out.bag"));
    let run = |arguments: &[&str]| {
        let here = evidence.root().parent().unwrap().to_owned();
        Ran::of(command().current_dir(here).args(arguments))
    };
    {
        let _kept = ReadOnly::of(&evidence.root());
        let before = state(&evidence.root());
        for (arguments, code) in [
            (vec!["inspect", "evidence"], 3),
            (vec!["snapshots", "evidence", "--case", "case"], 3),
            (vec!["diff", "evidence", "--redact", "key"], 3),
            (vec!["timeline", "evidence", "--case", "case", "--format", "jsonl"], 3),
            (vec!["show", "evidence", "--id", "u02"], 0),
            (vec!["report", "evidence", "-o", "out", "--case", "case", "--redact", "key"], 3),
            (vec!["report", "evidence", "-o", "out", "--case", "case", "--log", "log"], 3),
            (vec!["report", "evidence", "-o", "evidence/out"], 2),
            (vec!["seal", "out", "--with-evidence", "evidence", "--case", "case"], 0),
            (vec!["seal", "out", "--case", "case", "-o", "evidence/bag"], 2),
            (vec!["seal", "out", "--case", "case", "-o", "b", "--log", "evidence/log"], 2),
            (vec!["check", "case", "--case", "case", "--log", "evidence/log"], 2),
            (vec!["check", "evidence", "out", "case", "out.bag"], 0),
        ] {
            let ran = run(&arguments);
            assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
            assert_eq!(state(&evidence.root()), before, "{arguments:?}");
        }
    }
    let kept = [&case, &out, &bag].map(|folder| ReadOnly::of(folder));
    let before: Vec<_> = [&case, &out, &bag].map(|folder| state(folder)).into();
    for arguments in [
        vec!["check", "case"],
        vec!["check", "out", "out.bag", "evidence"],
        vec!["check", "evidence", "--manifest", "out.bag/manifest-sha256.txt", "--json"],
        vec!["seal", "out", "-o", "second"],
    ] {
        run(&arguments);
        let after: Vec<_> = [&case, &out, &bag].map(|folder| state(folder)).into();
        assert_eq!(after, before, "{arguments:?}");
    }
    drop(kept);
}

#[test]
fn read_only_evidence_is_enough() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let _kept = ReadOnly::of(&evidence.root());
    Ran::of(command().current_dir(evidence.root()).args(["timeline", "."])).ended(0);
}
