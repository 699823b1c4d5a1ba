//! What is checked against what.
//!
//! | A path is | Held against |
//! |---|---|
//! | a result folder (`run.json`) | its own record |
//! | a bundle or another bag (`bagit.txt`) | its manifests |
//! | a case folder (`entrace-case`) | its checksums; and the evidence that it knows, hashed again |
//! | anything else: evidence | the manifests that are named; else every result folder, bundle and case folder that is named with it |
//!
//! With `--manifest` every path is evidence. A bag without results is evidence too, where there is something else to hold it
//! against. A bag may stand in an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::audit::{Outcome, Word, audit};
use super::inventory::{self, Inventory, Item};
use super::manifest::{self, Digest, Known};
use super::{CustodyError, bag, case_file, log, result, unreadable};
use crate::evidence::{CASE_MARK, Look, hash};
use crate::index::{KnownContent, verify_case};
use crate::meter::Meter;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A result folder.
    Result,
    /// A bag.
    Bundle,
    /// A case folder.
    Case,
    /// Evidence against what is known of it.
    Evidence,
}

impl Kind {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Bundle => "bundle",
            Self::Case => "case",
            Self::Evidence => "evidence",
        }
    }
}

/// What one path, or evidence against one of them, was found to be.
#[derive(Debug, Clone)]
pub struct Section {
    /// What was checked.
    pub kind: Kind,
    /// Which; of evidence, what it was held against.
    pub path: String,
    /// What became of each file, sorted.
    pub files: Vec<Outcome>,
    /// What is wrong beside that.
    pub faults: Vec<String>,
    /// What is to be said and fails nothing.
    pub remarks: Vec<String>,
}

impl Section {
    fn of(kind: Kind, path: &Path, files: Vec<Outcome>) -> Self {
        let path = path.display().to_string();
        Self { kind, path, files, faults: Vec::new(), remarks: Vec::new() }
    }

    /// Whether everything is as known.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.faults.is_empty() && self.files.iter().all(|file| file.word.passes())
    }

    /// How many files became what.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Word, usize> {
        let mut totals = BTreeMap::new();
        for file in &self.files {
            *totals.entry(file.word).or_default() += 1;
        }
        totals
    }
}

/// What is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Result folders, bundles, case folders, evidence.
    pub paths: &'a [PathBuf],
    /// Manifests that others wrote.
    pub manifests: &'a [PathBuf],
    /// Moved as bytes are hashed.
    pub meter: &'a Meter,
}

/// What evidence is held against.
struct Reference {
    name: PathBuf,
    known: Vec<Known>,
    /// Paths that are looked at where no evidence is named.
    roots: Vec<PathBuf>,
    faults: Vec<String>,
    remarks: Vec<String>,
}

/// What a path is.
#[must_use]
pub fn kind_of(path: &Path) -> Kind {
    if path.join(CASE_MARK).exists() {
        Kind::Case
    } else if bag::is_bag(path) {
        Kind::Bundle
    } else if path.join(result::RUN_RECORD).is_file() {
        Kind::Result
    } else {
        Kind::Evidence
    }
}

/// Checks everything; `None` if there is evidence and nothing to hold it against.
///
/// # Errors
/// [`CustodyError`]: what cannot be read as a whole, evidence that changes meanwhile, a manifest without digests.
pub fn check(request: &Request<'_>) -> Result<Option<Vec<Section>>, CustodyError> {
    let mut sections = Vec::new();
    let mut references = Vec::new();
    let mut evidence = Vec::new();
    let mut bags = Vec::new();
    if request.manifests.is_empty() {
        for path in request.paths {
            match kind_of(path) {
                Kind::Result => check_result(path, request.meter, &mut sections, &mut references)?,
                Kind::Bundle => {
                    if !check_bundle(path, request.meter, &mut sections, &mut references)? {
                        bags.push(path.clone());
                    }
                }
                Kind::Case => check_case(path, &mut sections, &mut references)?,
                Kind::Evidence => evidence.push(path.clone()),
            }
        }
    } else {
        evidence = request.paths.to_vec();
        references.push(of_manifests(request.manifests)?);
    }
    if references.is_empty() {
        return Ok(evidence.is_empty().then_some(sections));
    }
    evidence.extend(bags);
    sections.extend(check_evidence(request, &evidence, references)?);
    Ok(Some(sections))
}

fn check_result(
    path: &Path,
    meter: &Meter,
    sections: &mut Vec<Section>,
    references: &mut Vec<Reference>,
) -> Result<(), CustodyError> {
    let checked = result::check(path, meter)?;
    sections.push(Section::of(Kind::Result, path, checked.files));
    let known = checked.record.map(|record| record.evidence()).unwrap_or_default();
    references.push(Reference::of(path, known));
    Ok(())
}

/// Verifies a bag; whether it is one with results in it, and no evidence that came as a bag.
fn check_bundle(
    path: &Path,
    meter: &Meter,
    sections: &mut Vec<Section>,
    references: &mut Vec<Reference>,
) -> Result<bool, CustodyError> {
    let checked = bag::check(path, meter)?;
    let section = Section::of(Kind::Bundle, path, checked.files);
    sections.push(Section { remarks: checked.remarks, ..section });
    let record = path.join(bag::RESULT).join(result::RUN_RECORD);
    if let Ok(bytes) = fs::read(&record)
        && let Ok(record) = result::RunRecord::parse(&bytes)
    {
        references.push(Reference::of(path, record.evidence()));
        return Ok(true);
    }
    Ok(false)
}

fn check_case(
    path: &Path,
    sections: &mut Vec<Section>,
    references: &mut Vec<Reference>,
) -> Result<(), CustodyError> {
    let facts = verify_case(path)?;
    let mut files: Vec<Outcome> = Vec::new();
    let mut say = |path: &str, word: Word, detail: String| {
        files.push(Outcome { path: path.to_owned(), word, detail });
    };
    for name in &facts.sound {
        say(name, Word::Matched, String::new());
    }
    for flaw in &facts.flaws {
        let missing = flaw.code == "case-file-missing";
        let word = if missing { Word::Missing } else { Word::Changed };
        say(&flaw.file, word, flaw.cause.clone());
    }
    let mut remarks = Vec::new();
    let chain = log::read(&path.join(log::RUN_LOG))?;
    for name in &facts.others {
        match (name.as_str(), &chain) {
            (log::RUN_LOG, Some(chain)) => match &chain.broken {
                None => say(name, Word::Matched, String::new()),
                Some((line, cause)) => say(name, Word::Changed, format!("line {line}: {cause}")),
            },
            (case_file::CASE_FILE, chain) => {
                let file = path.join(name);
                let bytes = fs::read(&file).map_err(unreadable(&file))?;
                let sha256 = hash(&bytes).sha256_hex();
                let lines = chain.iter().flat_map(|chain| &chain.lines);
                let mut said =
                    lines.map(|line| &line.run.case_file).filter(|said| !said.is_empty());
                match said.next_back() {
                    None => remarks.push(format!("nothing vouches for {name}: no run has read it")),
                    Some(last) if *last == sha256 => say(name, Word::Matched, String::new()),
                    Some(last) => {
                        let detail = format!("its SHA-256 is {sha256}, the last run read {last}");
                        say(name, Word::Changed, detail);
                    }
                }
            }
            _ => say(name, Word::New, "no file of the case".to_owned()),
        }
    }
    files.sort();
    sections.push(Section { remarks, ..Section::of(Kind::Case, path, files) });
    let known = facts.evidence.iter().map(known_content).collect();
    references.push(Reference { roots: facts.roots, ..Reference::of(path, known) });
    Ok(())
}

fn known_content(content: &KnownContent) -> Known {
    let prints = &content.prints;
    Known {
        name: content.shown.clone(),
        digests: vec![Digest::Sha256(prints.sha256_hex()), Digest::Blake3(prints.blake3_hex())],
        size_bytes: content.size_bytes,
    }
}

impl Reference {
    fn of(name: &Path, known: Vec<Known>) -> Self {
        let (roots, faults, remarks) = Default::default();
        Self { name: name.to_owned(), known, roots, faults, remarks }
    }
}

/// What the manifests say together.
fn of_manifests(paths: &[PathBuf]) -> Result<Reference, CustodyError> {
    let mut all = Reference::of(Path::new(""), Vec::new());
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    all.name = PathBuf::from(names.join(", "));
    for path in paths {
        let bytes = fs::read(path).map_err(unreadable(path))?;
        let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
        let manifest = manifest::parse(&name, &bytes);
        let shown = path.display();
        if manifest.files.is_empty() {
            let cause = match manifest.not_compared {
                0 => "no line of it is one of a manifest".to_owned(),
                count => format!(
                    "{count} lines have digests that prove nothing (MD5, SHA-1) or are not known here"
                ),
            };
            return Err(CustodyError::NoDigests { path: path.clone(), cause });
        }
        if manifest.not_compared > 0 {
            let count = manifest.not_compared;
            all.remarks.push(format!("{shown}: {count} lines have digests that are not compared"));
        }
        for line in manifest.bad_lines {
            all.faults.push(format!("{shown}: line {line} is no line of a manifest"));
        }
        all.known.extend(manifest.files);
    }
    Ok(all)
}

/// Hashes evidence and holds it against each reference.
fn check_evidence(
    request: &Request<'_>,
    evidence: &[PathBuf],
    references: Vec<Reference>,
) -> Result<Vec<Section>, CustodyError> {
    let foreign = !request.manifests.is_empty();
    let look = if foreign { Look::Everything } else { Look::Evidence };
    let wants_sha512 =
        |known: &Known| known.digests.iter().any(|digest| matches!(digest, Digest::Sha512(_)));
    let with_sha512 = references.iter().flat_map(|reference| &reference.known).any(wants_sha512);
    let take = |paths: &[PathBuf]| inventory::take(paths, look, with_sha512, request.meter);
    let named = if evidence.is_empty() { None } else { Some(take(evidence)?) };
    // The list itself may lie with what it lists.
    let manifests: BTreeSet<PathBuf> =
        request.manifests.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let mut sections = Vec::new();
    for reference in references {
        let found = match &named {
            Some(found) => found.clone(),
            None if reference.roots.is_empty() => {
                let count = reference.known.len();
                if count > 0 {
                    let remark =
                        format!("its evidence ({count} exhibits) was not named and is not checked");
                    let section = Section::of(Kind::Evidence, &reference.name, Vec::new());
                    sections.push(Section { remarks: vec![remark], ..section });
                }
                continue;
            }
            None => {
                let there = reference.roots.iter().filter(|root| root.exists());
                take(&there.cloned().collect::<Vec<_>>())?
            }
        };
        let excused =
            |item: &Item| manifests.contains(&item.path) || (!foreign && refused(item, &found));
        let known = if foreign { reference.known } else { renamed(reference.known, &found.items) };
        let files = audit(&known, &found.items, &excused);
        sections.push(Section {
            faults: reference.faults,
            remarks: reference.remarks,
            ..Section::of(Kind::Evidence, &reference.name, files)
        });
    }
    Ok(sections)
}

/// Where evidence lies in a folder of another name now, names are those below the folder.
fn renamed(mut known: Vec<Known>, items: &[Item]) -> Vec<Known> {
    let shown: BTreeSet<&str> = items.iter().map(|item| item.shown.as_str()).collect();
    if !known.iter().any(|known| shown.contains(known.name.as_str())) {
        for known in &mut known {
            if let Some((_, below)) = known.name.split_once('/') {
                known.name = below.to_owned();
            }
        }
    }
    known
}

/// Whether a run would not have read a file either.
fn refused(item: &Item, found: &Inventory) -> bool {
    found.refusals.iter().any(|refusal| {
        item.shown
            .strip_prefix(&refusal.shown)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
