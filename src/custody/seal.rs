//! Closes a result folder into a bundle: a bag (RFC 8493, `BagIt` 1.0).
//!
//! | In the bundle | Holds |
//! |---|---|
//! | `data/result/` | the result folder, which must be what `run.json` says |
//! | `data/evidence/` | copies of the evidence where it is named, which must be what the run read |
//! | `data/case.toml`, `data/run-log.jsonl` | the case file and the run log, where they are at hand |
//! | `bagit.txt`, `bag-info.txt`, `manifest-sha256.txt`, `tagmanifest-sha256.txt` | what makes it a bag |
//!
//! The bundle appears whole or not at all. Its bytes follow from what is in it and the clock of the run (`as_of`), not from
//! when it is made. Copies keep their modification times.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::audit::{Outcome, Word, audit};
use super::inventory::take;
use super::result::{RunRecord, names};
use super::{CustodyError, bag, case_file, log, result, unreadable, unwritable};
use crate::evidence::{EvidenceError, Look, Watched, hex};
use crate::meter::Meter;
use crate::model::CaseFile;
use crate::unfinished::{Unfinished, undisturbed};

/// What is to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The result folder.
    pub out: &'a Path,
    /// Where the bundle is to be.
    pub bundle: &'a Path,
    /// Evidence that is copied into it.
    pub evidence: &'a [PathBuf],
    /// The case file, and what it says.
    pub case_file: Option<(&'a Path, &'a CaseFile)>,
    /// The run log.
    pub log: Option<&'a Path>,
    /// The clock: its day is that of the bundle; else that of the run.
    pub as_of: Option<&'a str>,
    /// Moved as bytes are copied.
    pub meter: &'a Meter,
}

/// A bundle that was written.
#[derive(Debug, Clone, Default)]
pub struct Sealed {
    /// Files of the payload.
    pub files: usize,
    /// Bytes of the payload.
    pub bytes: u64,
    /// SHA-256 of the manifest of the tag files: who notes it can tell later that nothing of the bundle was altered.
    pub seal: String,
}

/// A file on its way into the bundle.
struct Part {
    from: PathBuf,
    name: String,
    /// What it must be, where that is known.
    sha256: Option<String>,
}

/// A file in the bundle.
struct Written {
    name: String,
    size_bytes: u64,
    sha256: String,
}

/// Writes a bundle.
///
/// # Errors
/// [`CustodyError::Altered`] if results or evidence are not what the run knows; otherwise what cannot be read or written.
pub fn seal(request: &Request<'_>) -> Result<Sealed, CustodyError> {
    let checked = result::check(request.out, request.meter)?;
    // What was put beside the results, such as notes, is sealed with them.
    all_known(checked.files.iter().filter(|file| file.word != Word::New))?;
    let Some(record) = checked.record else {
        let path = result::RUN_RECORD.to_owned();
        return Err(CustodyError::Altered { path, cause: "it cannot be read".to_owned() });
    };
    let mut parts = results(request.out)?;
    parts.extend(evidence(request, &record)?);
    for (from, name) in [
        (request.case_file.map(|(path, _)| path), case_file::CASE_FILE),
        (request.log.filter(|log| log.exists()), log::RUN_LOG),
    ] {
        let from = from.map(Path::to_owned);
        parts.extend(from.map(|from| Part { from, name: format!("data/{name}"), sha256: None }));
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    let unfinished = Unfinished::of(request.bundle);
    let at = (|| {
        if let Some(above) = request.bundle.parent() {
            unfinished.folder(above)?;
        }
        unfinished.folder_of_its_own(request.bundle)
    })()
    .map_err(unwritable(request.bundle))?;
    let mut payload = Vec::with_capacity(parts.len());
    for part in &parts {
        payload.push(copy(part, &at, request.meter)?);
    }
    let sealed = tag_files(request, &record, &at, &payload)?;
    unfinished.commit()?;
    Ok(sealed)
}

fn all_known<'a>(mut files: impl Iterator<Item = &'a Outcome>) -> Result<(), CustodyError> {
    match files.find(|file| !file.word.passes()) {
        None => Ok(()),
        Some(Outcome { path, word, detail }) => {
            let cause = if detail.is_empty() { word.as_str().to_owned() } else { detail.clone() };
            Err(CustodyError::Altered { path: path.clone(), cause })
        }
    }
}

/// The files of the result folder.
fn results(out: &Path) -> Result<Vec<Part>, CustodyError> {
    let part = |name: String| {
        let from = out.join(&name);
        let plain = fs::symlink_metadata(&from).is_ok_and(|found| found.is_file());
        if !plain {
            let cause = "it is no plain file with a name in UTF-8";
            return Err(CustodyError::Unsealable { path: name, cause });
        }
        Ok(Part { from, name: format!("{}/{name}", bag::RESULT), sha256: None })
    };
    names(out, Path::new(""))?.into_iter().map(part).collect()
}

/// Evidence that is copied, if it is what the run read.
fn evidence(request: &Request<'_>, record: &RunRecord) -> Result<Vec<Part>, CustodyError> {
    if request.evidence.is_empty() {
        return Ok(Vec::new());
    }
    let looked = take(request.evidence, Look::Evidence, false, request.meter)?;
    let outcomes = audit(&record.evidence(), &looked.items, &|_| true);
    all_known(outcomes.iter())?;
    let found = take(request.evidence, Look::Files, false, request.meter)?;
    let part = |item: super::inventory::Item| match item.content {
        Ok(content) if item.path.to_str().is_some() => Ok(Part {
            from: item.path,
            name: format!("data/evidence/{}", item.shown),
            sha256: Some(content.sha256),
        }),
        Ok(_) => {
            let cause = "its name is not UTF-8: pack the evidence into an archive and seal that";
            Err(CustodyError::Unsealable { path: item.shown, cause })
        }
        Err(cause) => Err(CustodyError::Altered { path: item.shown, cause }),
    };
    found.items.into_iter().map(part).collect()
}

/// Makes a file of the bundle.
fn begin(at: &Path, name: &str) -> Result<(PathBuf, File), CustodyError> {
    let path = at.join(name);
    let file = undisturbed(|| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(&path)
    })
    .map_err(unwritable(&path))?;
    Ok((path, file))
}

/// Copies a file into the bundle and hashes what is copied.
fn copy(part: &Part, at: &Path, meter: &Meter) -> Result<Written, CustodyError> {
    let mut from = Watched::open(&part.from)?;
    let (path, file) = begin(at, &part.name)?;
    let mut to = BufWriter::with_capacity(1 << 18, file);
    let (mut sha256, mut size_bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(&part.from)(error)),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        to.write_all(bytes).map_err(unwritable(&path))?;
        sha256.update(bytes);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        size_bytes = size_bytes.saturating_add(count);
        meter.add_bytes(count);
    }
    let modified = from.finish()?;
    let sha256 = hex(&sha256.finalize());
    if part.sha256.as_ref().is_some_and(|known| *known != sha256) {
        return Err(EvidenceError::Changed { path: part.from.clone() }.into());
    }
    let file = to.into_inner().map_err(|error| unwritable(&path)(error.into_error()))?;
    if let Some(modified) = modified {
        file.set_modified(modified).map_err(unwritable(&path))?;
    }
    file.sync_all().map_err(unwritable(&path))?;
    Ok(Written { name: part.name.clone(), size_bytes, sha256 })
}

/// Writes the tag files: what is in the bundle, and what it is.
fn tag_files(
    request: &Request<'_>,
    record: &RunRecord,
    at: &Path,
    payload: &[Written],
) -> Result<Sealed, CustodyError> {
    let list = |files: &[(String, String)]| -> String {
        files.iter().map(|(name, sha256)| bag::manifest_line(sha256, name)).collect()
    };
    let entries: Vec<(String, String)> =
        payload.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect();
    let tags = [
        (bag::INFO, info(request, record, payload)),
        (bag::DECLARATION, bag::DECLARATION_TEXT.to_owned()),
        (bag::MANIFEST, list(&entries)),
    ];
    let digests: Vec<(String, String)> =
        tags.iter().map(|(name, text)| ((*name).to_owned(), hex(&Sha256::digest(text)))).collect();
    let tag_manifest = list(&digests);
    let seal = hex(&Sha256::digest(&tag_manifest));
    let tags = tags.into_iter().chain([(bag::TAG_MANIFEST, tag_manifest)]);
    for (name, text) in tags {
        let (path, mut file) = begin(at, name)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(unwritable(&path))?;
    }
    let bytes = payload.iter().map(|file| file.size_bytes).sum();
    Ok(Sealed { files: payload.len(), bytes, seal })
}

/// `bag-info.txt`: its fields in alphabetical order, each on a line of its own; what has several lines is folded.
fn info(request: &Request<'_>, record: &RunRecord, payload: &[Written]) -> String {
    let nobody = CaseFile::default();
    let case = request.case_file.map(|(_, case)| case).or(record.case.as_ref()).unwrap_or(&nobody);
    let day = request.as_of.or(record.as_of.as_deref()).and_then(|at| at.get(..10));
    let oxum = bag::oxum(payload.iter().map(|file| file.size_bytes));
    let mut text = format!("{}{}\n", bag::AGENT, env!("CARGO_PKG_VERSION"));
    let questions = case.questions.join("\n");
    for (name, value) in [
        ("Bagging-Date", day.unwrap_or_default()),
        ("Contact-Name", &case.examiner),
        ("External-Description", &questions),
        ("External-Identifier", &case.case_id),
        ("Payload-Oxum", &oxum),
        ("Source-Organization", &case.organization),
    ] {
        let lines: Vec<&str> =
            value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            text.extend([name, ": ", &lines.join("\n  "), "\n"]);
        }
    }
    text
}
