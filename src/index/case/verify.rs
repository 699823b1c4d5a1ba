//! Verifies a case folder without using it: nothing is made, dropped or repaired.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, KEY, MARK_TEXT, unusable};
use super::known::{self, Known, KnownContent};
use super::pack::Pack;
use super::sealed::{self, Flaw, Stamp};
use super::store::{KNOWN, RECENT, number_of, pack_stamp};
use super::{CaseError, CaseNote, recent};
use crate::evidence::CASE_MARK;

/// What a case folder is found to be.
#[derive(Debug, Default)]
pub struct CaseFacts {
    /// Files that are what was written.
    pub sound: Vec<String>,
    /// Files that are not, or that are missing (`case-pack-damaged`, `case-pack-outdated`, `case-file-missing`).
    pub flaws: Vec<CaseNote>,
    /// Files that are none of the case's own.
    pub others: Vec<String>,
    /// What the evidence of the last run held; nothing if the case does not tell any more.
    pub evidence: Vec<KnownContent>,
    /// Canonical paths of that evidence.
    pub roots: Vec<PathBuf>,
}

impl CaseFacts {
    fn take(&mut self, name: &str, found: Result<(), Flaw>) {
        let (code, cause) = match found {
            Ok(()) => return self.sound.push(name.to_owned()),
            Err(Flaw::Damaged(cause)) => ("case-pack-damaged", cause.to_owned()),
            Err(Flaw::Outdated) => (
                "case-pack-outdated",
                "it is damaged, or another version of entrace wrote it".to_owned(),
            ),
            Err(Flaw::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
                ("case-file-missing", "it is not there".to_owned())
            }
            Err(Flaw::Unreadable(error)) => ("case-pack-damaged", error.to_string()),
        };
        self.flaws.push(CaseNote { code, file: name.to_owned(), cause });
    }
}

/// Holds every file of a case folder against its checksums.
///
/// # Errors
/// [`CaseError::Locked`] while a run uses it, [`CaseError::Unusable`] if the folder itself cannot be read.
pub fn verify(folder: &Path) -> Result<CaseFacts, CaseError> {
    let mut facts = CaseFacts::default();
    let mark = folder.join(CASE_MARK);
    let held = File::open(&mark).map_err(unusable(mark.clone()))?;
    match held.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(CaseError::Locked { folder: folder.to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(mark)(error)),
    }
    facts.take(CASE_MARK, read_mark(&mark));
    let key = fs::read(folder.join(KEY)).map_err(Flaw::from).and_then(|bytes| {
        folder::key_of(&bytes).ok_or(Flaw::Damaged("it is not as long as a key is"))
    });
    let known = read_known(folder);
    let (key, stamp) = match (key, &known) {
        (Err(flaw), _) => (Err(flaw), None),
        (Ok(key), Ok(known)) if folder::key_digest(&key) != known.key_digest => {
            (Err(Flaw::Damaged("a checksum differs")), None)
        }
        (Ok(key), _) => (Ok(()), Some(pack_stamp(&key))),
    };
    facts.take(KEY, key);
    let mut listed = Vec::new();
    match known {
        Ok(known) => {
            facts.take(KNOWN, Ok(()));
            facts.evidence = known.contents();
            facts.roots.clone_from(&known.last.roots);
            listed = known.packs;
        }
        Err(flaw) => facts.take(KNOWN, Err(flaw)),
    }
    check_packs(&mut facts, folder, stamp.as_ref(), &listed)?;
    Ok(facts)
}

/// The evidence that a case is about, as far as it tells; nothing is checked but what tells it.
#[must_use]
pub fn roots(folder: &Path) -> Vec<PathBuf> {
    read_known(folder).map(|known| known.last.roots).unwrap_or_default()
}

fn read_mark(path: &Path) -> Result<(), Flaw> {
    if fs::read(path)? == MARK_TEXT { Ok(()) } else { Err(Flaw::Damaged("its text differs")) }
}

fn read_known(folder: &Path) -> Result<Known, Flaw> {
    let bytes = fs::read(folder.join(KNOWN))?;
    let facts = sealed::read_facts(&bytes, &known::stamp())?;
    Known::read(facts).ok_or(Flaw::Damaged("what it says makes no sense"))
}

/// Checks packs and what is recalled, and names what else is in the folder.
fn check_packs(
    facts: &mut CaseFacts,
    folder: &Path,
    stamp: Option<&Stamp>,
    listed: &[String],
) -> Result<(), CaseError> {
    let cannot = || Flaw::Damaged("it cannot be verified without the key of the case");
    let check = |name: &str| -> Result<(), Flaw> {
        let stamp = stamp.ok_or_else(cannot)?;
        let path = folder.join(name);
        if name == RECENT {
            return recent::read(&path, stamp).map(drop);
        }
        let pack = Pack::open(&path, stamp)?;
        if pack.sealed.check_all() { Ok(()) } else { Err(Flaw::Damaged("a checksum differs")) }
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable(folder.to_owned()))? {
        let entry = entry.map_err(unusable(folder.to_owned()))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in listed.iter().filter(|name| !names.contains(name) && number_of(name).is_some()) {
        facts.take(name, Err(io::Error::from(io::ErrorKind::NotFound).into()));
    }
    let own = [CASE_MARK, KEY, KNOWN];
    for name in names.iter().filter(|name| !own.contains(&name.as_str())) {
        // Where `known` is damaged nothing tells which packs are used.
        let is_pack = number_of(name).is_some() && (listed.is_empty() || listed.contains(name));
        if is_pack || name == RECENT {
            facts.take(name, check(name));
        } else {
            facts.others.push(name.clone());
        }
    }
    Ok(())
}
