//! `check` and `seal`, and what custody adds to other verbs: the case file and the run log.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{CheckArgs, LogArgs, SealArgs};
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::sources::keep_apart;
use super::verbs::{out, pretty};
use crate::custody::check::{self, Section};
use crate::custody::log::{self, Entry};
use crate::custody::{CustodyError, audit::Word, case_file, seal};
use crate::directory::catalogue;
use crate::evidence::{CASE_MARK, hash};
use crate::index::case_roots;
use crate::meter::Stage;
use crate::model::{Analysis, CaseFile, Change, DifferenceReport};
use crate::redact::{KeyFile, Redactor};
use crate::report::RunInfo;
use crate::report::text::escaped;
use crate::unfinished;

type Outcome = Result<Exit, Failure>;

/// A case file and where it is.
pub(super) type Told = Option<(PathBuf, CaseFile)>;

/// The case file that is named, else that of the case folder.
pub(super) fn case_file(named: Option<&Path>, case: Option<&Path>) -> Result<Told, Failure> {
    let of_case = || case.map(|case| case.join(case_file::CASE_FILE)).filter(|path| path.is_file());
    let Some(path) = named.map(Path::to_owned).or_else(of_case) else { return Ok(None) };
    let told = case_file::read(&path)?;
    Ok(Some((path, told)))
}

/// The log that the run writes to, which must lie neither in the evidence nor in what the run writes.
pub(super) fn log_of(
    args: &LogArgs,
    case: Option<&Path>,
    apart_from: &[PathBuf],
) -> Result<Option<PathBuf>, Failure> {
    if let Some(named) = &args.log {
        let what = format!("the log `{}`", named.display());
        keep_apart((&what, named), apart_from)?;
    }
    Ok(log::place(args.log.as_deref(), case))
}

/// Refuses a path of our own that lies in a folder that another one is about to fill.
pub(super) fn keep_out_of(what: &str, path: &Path, folder: &Path) -> Result<(), Failure> {
    let inside = std::path::absolute(path)
        .and_then(|path| Ok(path.starts_with(std::path::absolute(folder)?)))
        .unwrap_or(false);
    if !inside {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("{what} `{}` lies inside `{}`", path.display(), folder.display()),
        hint: "choose a place beside it".to_owned(),
    })
}

/// Appends the run to its log, if it has one, and says the hash of the line.
pub(super) fn note(log: Option<&Path>, entry: Entry) -> Result<(), Failure> {
    let Some(path) = log else { return Ok(()) };
    let arguments = |argument: OsString| argument.to_string_lossy().into_owned();
    let arguments = std::env::args_os().skip(1).map(arguments).collect();
    let hash = log::append(path, Entry { arguments, ..entry })?;
    drop(writeln!(io::stderr().lock(), "run log: {hash}"));
    Ok(())
}

/// The digest of what a run has read.
pub(super) fn inputs(analysis: &Analysis) -> String {
    let files = analysis.exhibits.iter().filter(|row| !row.sha256.is_empty());
    log::digest_of(files.map(|row| (row.sha256.as_str(), row.path.as_str())))
}

/// The key of pseudonyms, which must lie neither in the evidence nor in what is written.
pub(super) fn key_of(
    named: Option<&Path>,
    evidence: &[PathBuf],
    out: Option<&Path>,
) -> Result<Option<KeyFile>, Failure> {
    let Some(path) = named else { return Ok(None) };
    let what = format!("the key `{}`", path.display());
    keep_apart((&what, path), evidence)?;
    if let Some(out) = out {
        keep_out_of("the key", path, out)?;
    }
    Ok(Some(KeyFile::open(path)?))
}

/// Puts pseudonyms into changes, if there is a key.
pub(super) fn redact_changes(key: Option<&KeyFile>, changes: &mut [Change]) -> Result<(), Failure> {
    let Some(key) = key else { return Ok(()) };
    let mut redactor = Redactor::new(key.key(), catalogue());
    redactor.changes(changes);
    Ok(key.keep(redactor.table())?)
}

/// Puts pseudonyms into changes and into the reports that tell them.
pub(super) fn redact_difference(
    key: Option<&KeyFile>,
    changes: &mut [Change],
    reports: &mut [DifferenceReport],
) -> Result<(), Failure> {
    let Some(key) = key else { return Ok(()) };
    let mut redactor = Redactor::new(key.key(), catalogue());
    redactor.changes(changes);
    redactor.differences(reports);
    Ok(key.keep(redactor.table())?)
}

/// Puts pseudonyms into everything that a report says; what the case file says is left out.
pub(super) fn redact(
    key: &KeyFile,
    analysis: &mut Analysis,
    info: &mut RunInfo,
) -> Result<(), Failure> {
    let mut redactor = Redactor::new(key.key(), catalogue());
    redactor.analysis(analysis);
    redactor.options(&mut info.options);
    info.case = None;
    Ok(key.keep(redactor.table())?)
}

/// What a run of `report` leaves in the log.
pub(super) fn report_entry(
    inputs: String,
    told: &Told,
    record: Option<&PathBuf>,
    exit: Exit,
) -> Entry {
    let read = |path: &PathBuf| fs::read(path).map(|bytes| hash(&bytes).sha256_hex()).ok();
    Entry {
        verb: "report".to_owned(),
        inputs,
        outputs: record.and_then(read).unwrap_or_default(),
        case_file: told.as_ref().map(|(_, case)| case.sha256.clone()).unwrap_or_default(),
        exit: exit.code(),
        ..Entry::default()
    }
}

/// `check`
pub(super) fn check(args: &CheckArgs, progress: &Progress) -> Outcome {
    if let Some(case) = &args.case {
        known_case(case)?;
    }
    let mut sources = args.paths.clone();
    let cases = args.paths.iter().chain(&args.case);
    sources.extend(cases.flat_map(|folder| case_roots(folder)));
    let log = log_of(&args.log, args.case.as_deref(), &sources)?;
    let meter = progress.meter();
    meter.stage(Stage::Reading);
    let request = check::Request { paths: &args.paths, manifests: &args.manifest, meter: &meter };
    let sections = check::check(&request)?;
    progress.end();
    let Some(sections) = sections else {
        return Err(Failure::Usage {
            message: "there is nothing to hold the evidence against".to_owned(),
            hint: "name a result folder, a bundle or a case folder as well, or a manifest with --manifest"
                .to_owned(),
        });
    };
    let exit = verdict(&sections);
    if args.json {
        pretty(&json!({
            "passed": exit == Exit::Done,
            "checks": sections.iter().map(section_json).collect::<Vec<_>>(),
        }))?;
    } else {
        let text: String = sections.iter().map(|section| section_text(section, args.all)).collect();
        out(&text)?;
        out(if exit == Exit::Done { "passed\n" } else { "FAILED\n" })?;
    }
    let entry = Entry { verb: "check".to_owned(), exit: exit.code(), ..Entry::default() };
    note(log.as_deref(), entry)?;
    Ok(exit)
}

/// Fails if a verification failed; what could only not be read is damage.
fn verdict(sections: &[Section]) -> Exit {
    let failing = |section: &&Section| !section.passed();
    let only_unreadable = |section: &Section| {
        let readable = |word: Word| word.passes() || word == Word::Unreadable;
        section.faults.is_empty() && section.files.iter().all(|file| readable(file.word))
    };
    match sections.iter().find(failing) {
        None => Exit::Done,
        Some(_) if sections.iter().all(only_unreadable) => Exit::Damaged,
        Some(_) => Exit::Failed,
    }
}

fn section_json(section: &Section) -> Value {
    let files: Vec<Value> = section
        .files
        .iter()
        .map(|file| json!({"word": file.word.as_str(), "path": file.path, "detail": file.detail}))
        .collect();
    let totals = section.totals();
    let count =
        |word: &Word| (word.as_str().to_owned(), json!(totals.get(word).copied().unwrap_or(0)));
    json!({
        "kind": section.kind.as_str(), "path": section.path, "passed": section.passed(),
        "totals": Value::Object(Word::ALL.iter().map(count).collect()),
        "files": files, "faults": section.faults, "remarks": section.remarks,
    })
}

/// One line for the section, one for each file that is not matched, or for all.
fn section_text(section: &Section, all: bool) -> String {
    let totals = section.totals();
    let counts: Vec<String> =
        totals.iter().map(|(word, count)| format!("{count} {}", word.as_str())).collect();
    let counts = if counts.is_empty() { "nothing compared".to_owned() } else { counts.join(", ") };
    let mut lines = vec![format!("{} {}: {counts}", section.kind.as_str(), section.path)];
    for file in section.files.iter().filter(|file| all || file.word != Word::Matched) {
        let detail =
            if file.detail.is_empty() { String::new() } else { format!("  ({})", file.detail) };
        lines.push(format!("  {:<10}  {}{detail}", file.word.as_str(), file.path));
    }
    lines.extend(section.faults.iter().map(|fault| format!("  fault       {fault}")));
    lines.extend(section.remarks.iter().map(|remark| format!("  remark      {remark}")));
    let lines: Vec<_> = lines.iter().map(|line| escaped(line)).collect();
    lines.join("\n") + "\n"
}

fn known_case(folder: &Path) -> Result<(), Failure> {
    if folder.join(CASE_MARK).exists() {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("`{}` is no case folder", folder.display()),
        hint: "`report --case` makes one".to_owned(),
    })
}

/// `seal`
pub(super) fn seal(args: &SealArgs, progress: &Progress) -> Outcome {
    if let Some(case) = &args.case {
        known_case(case)?;
    }
    let beside = || {
        let mut name = args.out.file_name().unwrap_or_default().to_owned();
        name.push(".bag");
        args.out.with_file_name(name)
    };
    let bundle = args.bundle.clone().unwrap_or_else(beside);
    if bundle.exists() {
        return Err(Failure::Usage {
            message: format!(
                "`{}` is there already, and a bundle is never written over",
                bundle.display()
            ),
            hint: "name another place with -o".to_owned(),
        });
    }
    if check::kind_of(&args.out) != check::Kind::Result {
        return Err(Failure::Usage {
            message: format!("`{}` is no result folder: it has no run.json", args.out.display()),
            hint: "name the folder that `report -o` wrote".to_owned(),
        });
    }
    let mut sources = args.with_evidence.clone();
    sources.push(args.out.clone());
    sources.extend(args.case.iter().flat_map(|folder| case_roots(folder)));
    let what = format!("the bundle `{}`", bundle.display());
    keep_apart((&what, &bundle), &sources)?;
    let log = log_of(&args.log, args.case.as_deref(), &sources)?;
    if let Some(log) = &log {
        keep_out_of("the log", log, &bundle)?;
    }
    let told = case_file(args.case_file.as_deref(), args.case.as_deref())?;
    unfinished::announce(&bundle);
    let meter = progress.meter();
    meter.stage(Stage::Writing);
    let as_of = args.as_of.map(|at| at.to_string());
    let sealed = seal::seal(&seal::Request {
        out: &args.out,
        bundle: &bundle,
        evidence: &args.with_evidence,
        case_file: told.as_ref().map(|(path, case)| (path.as_path(), case)),
        log: log.as_deref(),
        as_of: as_of.as_deref(),
        meter: &meter,
    })?;
    progress.end();
    let line = format!("{}: {} files, {} bytes", bundle.display(), sealed.files, sealed.bytes);
    drop(writeln!(io::stderr().lock(), "{}", escaped(&line)));
    out(&format!("{}  {}\n", sealed.seal, "tagmanifest-sha256.txt"))?;
    let entry = Entry {
        verb: "seal".to_owned(),
        outputs: sealed.seal,
        case_file: told.map(|(_, case)| case.sha256).unwrap_or_default(),
        ..Entry::default()
    };
    note(log.as_deref(), entry)?;
    Ok(Exit::Done)
}

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        Self::Custody(error)
    }
}
