//! Where a run takes its evidence from: paths, a case folder, or both.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Evidence, Named};
use super::exit::Failure;
use super::progress::Progress;
use crate::budget::Budget;
use crate::codes;
use crate::directory::catalogue;
use crate::evidence::{CASE_MARK, LIMITS, Refusal, walk, walk_within};
use crate::index::{
    self, Case, CaseError, CaseNote, Checks, Found, Index, IndexOptions, NamedSnapshot, Remembered,
};
use crate::intake::Map;
use crate::report::text::escaped;

/// Evidence that is about to be read.
pub(super) struct Prepared {
    /// As it is read: where a case was named alone, with the paths and options of its last run.
    pub(super) evidence: Evidence,
    named: Vec<NamedSnapshot>,
    /// The map that was named, else that of the last run.
    pub(super) map: Option<Arc<Map>>,
    case: Option<Case>,
    found: Found,
}

/// Opens the case, if there is one; evidence is not looked at yet.
pub(super) fn prepare(evidence: &Evidence, checks: Checks) -> Result<Prepared, Failure> {
    let map = evidence.map.as_deref().map(map_at).transpose()?;
    let Some(folder) = &evidence.case else {
        let named = named(&evidence.snapshot)?;
        let evidence = evidence.clone();
        return Ok(Prepared { evidence, named, map, case: None, found: Found::Now });
    };
    if evidence.paths.is_empty() {
        return prepare_remembered(evidence, map, folder, checks);
    }
    keep_apart((&format!("the case folder `{}`", folder.display()), folder), &evidence.paths)?;
    let inside = |path: &&PathBuf| {
        let paths = fs::canonicalize(path).ok().zip(fs::canonicalize(folder).ok());
        paths.is_some_and(|(path, folder)| path.starts_with(folder))
    };
    if let Some(path) = evidence.paths.iter().find(inside) {
        return Err(Failure::Usage {
            message: format!("the evidence `{}` lies inside the case folder", path.display()),
            hint: "choose a folder beside the evidence for the case".to_owned(),
        });
    }
    let named = named(&evidence.snapshot)?;
    let case = Case::open(folder, checks)?;
    Ok(Prepared { evidence: evidence.clone(), named, map, case: Some(case), found: Found::Now })
}

/// Reads the map that was named.
fn map_at(path: &Path) -> Result<Arc<Map>, Failure> {
    let refused = |cause: String| Failure::Usage {
        message: format!("the map `{}` cannot be used: {cause}", path.display()),
        hint: "see the README, \"Own exports\", for what a map says".to_owned(),
    };
    let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
    Map::parse(&bytes).map(Arc::new).map_err(refused)
}

fn prepare_remembered(
    evidence: &Evidence,
    map: Option<Arc<Map>>,
    folder: &Path,
    checks: Checks,
) -> Result<Prepared, Failure> {
    if !folder.join(CASE_MARK).exists() {
        return Err(Failure::Usage {
            message: format!("`{}` is no case folder", folder.display()),
            hint: "name the evidence as well: the case is made from it".to_owned(),
        });
    }
    let case = Case::open(folder, checks)?;
    let remembered = case.remembered().inspect_err(|_forgotten| tell_notes(case.notes()))?;
    let Remembered { roots, named: last_named, zone, file_times, map: last_map } =
        remembered.clone();
    let last_map = || Map::parse(last_map?.as_bytes()).ok().map(Arc::new);
    let map = map.or_else(last_map);
    let last_zone = zone.and_then(|zone| jiff::tz::TimeZone::get(&zone).ok());
    let named = if evidence.snapshot.is_empty() { last_named } else { named(&evidence.snapshot)? };
    let shown = named.iter().map(|named| Named {
        label: named.label.clone(),
        time: named.time,
        path: named.path.clone(),
    });
    let evidence = Evidence {
        paths: roots,
        snapshot: shown.collect(),
        evidence_tz: evidence.evidence_tz.clone().or(last_zone),
        file_times: evidence.file_times || file_times,
        ..evidence.clone()
    };
    Ok(Prepared { evidence, named, map, case: Some(case), found: Found::Before })
}

/// The snapshots that were named by hand, with canonical paths.
fn named(snapshots: &[Named]) -> Result<Vec<NamedSnapshot>, Failure> {
    let named = |snapshot: &Named| {
        let path = fs::canonicalize(&snapshot.path).map_err(|_unreadable| Failure::Usage {
            message: format!(
                "--snapshot names `{}`, which does not exist",
                snapshot.path.display()
            ),
            hint: "name a folder or file below the evidence".to_owned(),
        })?;
        Ok(NamedSnapshot { label: snapshot.label.clone(), time: snapshot.time, path })
    };
    snapshots.iter().map(named).collect()
}

impl Prepared {
    /// Reads and indexes the evidence.
    pub(super) fn index(self, progress: &Progress) -> Result<Index, Failure> {
        let Self { evidence, named, map, case, mut found } = self;
        let budget = Arc::new(budget(&evidence));
        let options = IndexOptions {
            named,
            evidence_zone: evidence.evidence_tz,
            file_times: evidence.file_times,
            map,
            meter: progress.meter(),
            budget,
        };
        let index = match case {
            Some(case) => {
                // Members of archives are found by listing them.
                let remembered = if found == Found::Before { case.walk() } else { None };
                let walked = match remembered {
                    Some(walked) => walked,
                    None => {
                        found = Found::Now;
                        walk_within(&evidence.paths, &LIMITS, &|file| case.is_plain(file))?
                    }
                };
                let notes = case.notes().to_vec();
                index::build_in(case, (&walked, found), &options, catalogue()).inspect_err(
                    |_failed| {
                        progress.end();
                        tell_notes(&notes);
                    },
                )?
            }
            None => index::build(&walk(&evidence.paths)?, &options, catalogue())?,
        };
        if index.exhibits.is_empty() {
            let limit =
                |refusal: &Refusal| codes::code(refusal.code).is_some_and(|code| code.limit);
            let limited = index.refusals.iter().find(|refusal| limit(refusal));
            let first = limited.or(index.refusals.first());
            return Err(Failure::NothingReadable {
                first: first
                    .map(|first| format!("{}: {}: {}", first.code, first.shown, first.cause)),
                limit: limited.is_some(),
            });
        }
        Ok(index)
    }
}

/// What the run may take of memory: what was asked for, else three quarters of what the machine has left, where it says so.
fn budget(evidence: &Evidence) -> Budget {
    let left = || {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 4 * 3 * 1024)
    };
    let asked = evidence.max_memory.map(|size| size.0);
    asked.or_else(left).map_or_else(Budget::default, Budget::of)
}

/// Says what became of the case: files that were not used, and what it takes on the disk where it has grown.
pub(super) fn tell(index: &Index) {
    let Some(case) = index.case() else { return };
    tell_notes(case.notes());
    if case.has_grown() {
        let (packs, bytes) = case.size();
        let s = if packs == 1 { "" } else { "s" };
        let (whole, tenth) = (bytes / 1_000_000, bytes % 1_000_000 / 100_000);
        drop(writeln!(io::stderr().lock(), "case: {packs} pack{s}, {whole}.{tenth} MB"));
    }
}

fn tell_notes(notes: &[CaseNote]) {
    let mut stderr = io::stderr().lock();
    for CaseNote { code, file, cause } in notes {
        let line = format!("entrace: {code}: {file}: {cause}");
        drop(writeln!(stderr, "{}", escaped(&line)));
    }
}

/// Refuses a folder of our own that lies inside evidence, before anything is read.
pub(super) fn keep_apart(
    (what, folder): (&str, &Path),
    evidence: &[PathBuf],
) -> Result<(), Failure> {
    let refuse = |message: String| Failure::Usage {
        message,
        hint: "choose a folder beside the evidence, not in it".to_owned(),
    };
    let mut existing = std::path::absolute(folder).map_err(|error| refuse(error.to_string()))?;
    while !existing.exists() {
        if !existing.pop() {
            break;
        }
    }
    let place = fs::canonicalize(&existing).map_err(|error| refuse(error.to_string()))?;
    for path in evidence {
        if fs::canonicalize(path).is_ok_and(|root| place.starts_with(&root)) {
            return Err(refuse(format!("{what} lies inside the evidence `{}`", path.display())));
        }
    }
    Ok(())
}

impl From<CaseError> for Failure {
    fn from(error: CaseError) -> Self {
        Self::Case(error)
    }
}
