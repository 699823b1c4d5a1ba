//! Evidence is never altered: bytes, names, modes and times are the same after every verb.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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

#[test]
fn read_only_evidence_is_enough() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let paths: Vec<PathBuf> = state(&evidence.root()).into_keys().collect();
    let set = |mode_of: fn(bool) -> u32| {
        for path in &paths {
            let mode = mode_of(path.is_dir());
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    set(|folder| if folder { 0o555 } else { 0o444 });
    let ran = Ran::of(command().current_dir(evidence.root()).args(["timeline", "."]));
    set(|folder| if folder { 0o755 } else { 0o644 });
    ran.ended(0);
}
